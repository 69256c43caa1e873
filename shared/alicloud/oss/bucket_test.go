package oss_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/fault"
)

func TestObjectsGrowWhereTheyEnd(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	b := s.bucket(t)
	ctx := t.Context()
	if _, err := b.Get(ctx, "a/log", 0); fault.Of(err) != fault.NotFound {
		t.Errorf("nothing yet: %v", err)
	}
	first := b.Append(ctx, "a/log", 0, []byte("one\n"))
	second := b.Append(ctx, "a/log", 4, []byte("two\n"))
	if first != nil || second != nil {
		t.Fatal(first, second)
	}
	for _, position := range []int64{0, 4, 9} {
		if err := b.Append(ctx, "a/log", position, []byte("late\n")); !errors.Is(err, fault.Conflict) {
			t.Errorf("at %d: %v, want kind %s", position, err, fault.Conflict)
		}
	}
	for offset, want := range map[int64]string{0: "one\ntwo\n", 4: "two\n", 7: "\n", 8: ""} {
		if got, err := b.Get(ctx, "a/log", offset); err != nil || string(got) != want {
			t.Errorf("from %d: %q, %v; want %q", offset, got, err, want)
		}
	}
	if _, err := b.Get(ctx, "a/log", 9); !errors.Is(err, fault.Invalid) {
		t.Errorf("from beyond the end: %v, want kind %s", err, fault.Invalid)
	}
}

func TestOneOfManyWritersWins(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var all sync.WaitGroup
	won := make(chan string, 20)
	for n := range 20 {
		b := s.bucket(t)
		all.Go(func() {
			text := fmt.Sprintf("writer %02d\n", n)
			switch err := b.Append(t.Context(), "log", 0, []byte(text)); {
			case err == nil:
				won <- text
			case !errors.Is(err, fault.Conflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	close(won)
	if text := <-won; len(won) > 0 || string(s.objects["log"]) != text {
		t.Errorf("%d more won; the object is %q, not %q", len(won), s.objects["log"], text)
	}
}

func TestListsAreWhole(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.pageSize = 7
	var want []string
	for n := range 50 {
		key := fmt.Sprintf("logs/a b+%02d.ndjson", n)
		want = append(want, key)
		s.objects[key], s.objects[fmt.Sprintf("other/%02d", n)] = []byte("x"), []byte("x")
	}
	b := s.bucket(t)
	if got, err := b.List(t.Context(), "logs/", ""); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for last, n := range map[string]int{want[3]: 4, want[6]: 7, want[7]: 8, want[3] + "x": 4, "logs/": 0, "z": 50} {
		if got, err := b.List(t.Context(), "logs/", last); err != nil || !slices.Equal(got, want[:n]) {
			t.Errorf("up to %s: %v, %v", last, got, err)
		}
	}
	before := s.count()
	if _, err := b.List(t.Context(), "logs/", want[3]); err != nil || s.count() != before+1 {
		t.Errorf("what comes behind is asked for: %d requests, %v", s.count()-before, err)
	}
	if got, err := b.List(t.Context(), "none", ""); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	if got, err := b.List(t.Context(), "", ""); err != nil || len(got) != 100 {
		t.Errorf("of everything: %d, %v", len(got), err)
	}
}

// TestDeletedOnceOrTwice: it is gone, also when it was gone before or the first
// answer was lost.
func TestDeletedOnceOrTwice(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.objects["a"], s.objects["b"] = []byte("x"), []byte("x")
	s.spoil = func(out http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			refuse(out, 500, "InternalError")
		}
		return n == 1
	}
	b := s.bucket(t)
	for range 2 {
		if err := b.Delete(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	}
	if got, err := b.List(t.Context(), "", ""); err != nil || !slices.Equal(got, []string{"b"}) {
		t.Errorf("left: %v, %v", got, err)
	}
	if err := b.Delete(t.Context(), "../a"); fault.Of(err) != fault.Invalid {
		t.Errorf("a bad key: %v", err)
	}
}

// TestAnswersThatAreNone: what is empty, short, damaged or about something else
// is fault.Unknown after all tries, never less than there is.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	const object = "one\ntwo\n"
	list := func(change func(*string)) func(http.ResponseWriter, *http.Request) {
		return func(out http.ResponseWriter, _ *http.Request) {
			text := `<ListBucketResult><Name>` + bucketName + `</Name><Prefix>a</Prefix><MaxKeys>1000</MaxKeys>` +
				`<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a1</Key></Contents><Contents><Key>a2</Key></Contents></ListBucketResult>`
			change(&text)
			_, _ = io.WriteString(out, text)
		}
	}
	swap := func(old, instead string) func(*string) {
		return func(text *string) { *text = strings.Replace(*text, old, instead, 1) }
	}
	get := func(b *oss.Bucket, ctx context.Context) error { _, err := b.Get(ctx, "log", 0); return err }
	part := func(b *oss.Bucket, ctx context.Context) error { _, err := b.Get(ctx, "log", 4); return err }
	keys := func(b *oss.Bucket, ctx context.Context) error { _, err := b.List(ctx, "a", ""); return err }
	for name, c := range map[string]struct {
		ask func(*oss.Bucket, context.Context) error
		say func(http.ResponseWriter, *http.Request)
	}{
		"an empty object": {get, func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("X-Oss-Hash-Crc64ecma", sum([]byte(object)))
		}},
		"an object without sum": {get, func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, object) }},
		"a changed object": {get, func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("X-Oss-Hash-Crc64ecma", sum([]byte(object)))
			_, _ = io.WriteString(out, "one\ntwO\n")
		}},
		"all in place of a part": {part, func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, object) }},
		"another part": {part, func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Range", "bytes 0-3/8")
			_, _ = io.WriteString(out, "one\n")
		}},
		"half a part": {part, func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("Content-Range", "bytes 4-5/8")
			_, _ = io.WriteString(out, "tw")
		}},
		"an empty list":         {keys, list(func(text *string) { *text = "" })},
		"half a list":           {keys, list(func(text *string) { *text = (*text)[:150] })},
		"another bucket's list": {keys, list(swap(bucketName, "other"))},
		"another prefix":        {keys, list(swap("<Prefix>a<", "<Prefix>b<"))},
		"more counted":          {keys, list(swap("<KeyCount>2", "<KeyCount>3"))},
		"a key twice":           {keys, list(swap("a2", "a1"))},
		"a key of another name": {keys, list(swap("a2", "b2"))},
		"no way to go on":       {keys, list(swap("false", "true"))},
		"going round":           {keys, list(swap("false</IsTruncated>", "true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"))},
		"a page, not an object": {keys, func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, "<html></html>") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.spoil = func(out http.ResponseWriter, r *http.Request, _ int) bool { c.say(out, r); return true }
			if err := c.ask(s.bucket(t), t.Context()); fault.Of(err) != fault.Unknown {
				t.Errorf("got %v, want kind %s", err, fault.Unknown)
			}
		})
	}
}

// TestAppendsAreNotRepeated unless OSS certainly did nothing: what became of them
// is for the journal to see.
func TestAppendsAreNotRepeated(t *testing.T) {
	t.Parallel()
	lost := func(out http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		say  func(http.ResponseWriter, *http.Request)
		want fault.Kind
		sent int
	}{
		"no answer":         {lost, fault.Unavailable, 1},
		"an internal error": {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 500, "InternalError") }, fault.Unavailable, 1},
		"throttled":         {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 503, "QpsLimitExceeded") }, fault.Throttled, 4},
		"no position":       {func(http.ResponseWriter, *http.Request) {}, fault.Unknown, 1},
		"a wrong position":  {func(out http.ResponseWriter, _ *http.Request) { out.Header().Set("X-Oss-Next-Append-Position", "7") }, fault.Unknown, 1},
		"a wrong sum": {func(out http.ResponseWriter, _ *http.Request) {
			out.Header().Set("X-Oss-Next-Append-Position", "4")
			out.Header().Set("X-Oss-Hash-Crc64ecma", "1")
		}, fault.Unknown, 1},
		"not appendable":    {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 409, "ObjectNotAppendable") }, fault.Precondition, 1},
		"no bucket":         {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 404, "NoSuchBucket") }, fault.Precondition, 1},
		"denied":            {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 403, "AccessDenied") }, fault.Forbidden, 1},
		"an expired token":  {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 403, "SecurityTokenExpired") }, fault.Unauthenticated, 1},
		"a code of its own": {func(out http.ResponseWriter, _ *http.Request) { refuse(out, 403, "local") }, fault.Forbidden, 1},
		"a moved bucket": {func(out http.ResponseWriter, r *http.Request) {
			http.Redirect(out, r, "http://example.com/", http.StatusTemporaryRedirect)
		}, fault.Unknown, 1},
		"a refusal as a page": {func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(418) }, fault.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.spoil = func(out http.ResponseWriter, r *http.Request, _ int) bool {
				_, _ = io.ReadAll(r.Body)
				c.say(out, r)
				return true
			}
			err := s.bucket(t).Append(t.Context(), "log", 0, []byte("one\n"))
			if fault.Of(err) != c.want || s.count() != c.sent {
				t.Errorf("got %v after %d requests, want kind %s after %d", err, s.count(), c.want, c.sent)
			}
			if wants := fault.Permission(err); (wants == "oss:PutObject") != (c.want == fault.Forbidden) {
				t.Errorf("it says that %q is missing", wants)
			}
			for _, secret := range []string{"local", "token", "127.0.0.1"} {
				if text := fmt.Sprintf("%v %+v %s", err, err, fault.Code(err)); strings.Contains(text, secret) {
					t.Errorf("%q is told: %s", secret, text)
				}
			}
		})
	}
}

func TestReadsAreRepeated(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.objects["log"] = []byte("one\n")
	s.spoil = func(out http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			refuse(out, 503, "ServiceUnavailable")
		case 3:
			out.Header().Set("X-Oss-Hash-Crc64ecma", "1")
		}
		return n < 4
	}
	if got, err := s.bucket(t).Get(t.Context(), "log", 0); err != nil || string(got) != "one\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestNothingIsSentAfterTheDeadline, nor where it may not go.
func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := s.bucket(t).Append(ctx, "log", 0, []byte("x")); fault.Of(err) != fault.Unavailable || s.count() != 0 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
}

func TestEachCallHasItsCallersCredentials(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if err := s.bucket(t).Append(t.Context(), "log", 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := s.keys[0]; !strings.HasPrefix(got, "OSS4-HMAC-SHA256 Credential=local/") || !strings.Contains(got, "/cn-hangzhou/oss/aliyun_v4_request") || !strings.HasSuffix(got, " token") {
		t.Errorf("signed as %q", got)
	}
	cloud, err := alicloud.Open(alicloud.Config{})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := oss.Open(cloud, oss.Config{Bucket: bucketName, Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.As(cloud.Account(alicloud.Credentials{})).Append(t.Context(), "log", 1, []byte("x")); fault.Of(err) != fault.Unauthenticated || s.count() != 1 {
		t.Errorf("nobody: %v after %d requests", err, s.count())
	}
}

func TestWhatMayNotBeAskedIsInvalid(t *testing.T) {
	t.Parallel()
	cloud, err := alicloud.Open(alicloud.Config{Region: "cn-beijing"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config oss.Config
		field  string
	}{
		"fine":                    {oss.Config{Bucket: "a-bucket"}, ""},
		"fine, elsewhere":         {oss.Config{Bucket: "a-bucket", Endpoint: "https://oss-cn-shanghai-internal.aliyuncs.com"}, ""},
		"fine, here":              {oss.Config{Bucket: "a-bucket", Endpoint: "http://127.0.0.1:7071"}, ""},
		"a bucket that is a path": {oss.Config{Bucket: "a/b"}, "bucket"},
		"a bucket that is a host": {oss.Config{Bucket: "evil.example"}, "bucket"},
		"a short bucket":          {oss.Config{Bucket: "ab"}, "bucket"},
		"another host":            {oss.Config{Bucket: "a-bucket", Endpoint: "https://example.com"}, "OSS_ENDPOINT"},
		"in the clear":            {oss.Config{Bucket: "a-bucket", Endpoint: "http://oss-cn-beijing.aliyuncs.com"}, "OSS_ENDPOINT"},
		"a region that is a host": {oss.Config{Bucket: "a-bucket", Region: "x.evil.example/"}, "OSS_ENDPOINT"},
	} {
		_, err := oss.Open(cloud, c.config)
		var e *fault.Error
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != c.field) {
			t.Errorf("%s: %v, want field %q", name, err, c.field)
		}
	}
	b := newStore(t).bucket(t)
	for _, key := range []string{"", "/a", "a/../b", strings.Repeat("x", 1024)} {
		_, err := b.Get(t.Context(), key, 0)
		if err2 := b.Append(t.Context(), key, 0, []byte("x")); fault.Of(err) != fault.Invalid || fault.Of(err2) != fault.Invalid {
			t.Errorf("key %.20q: %v, %v", key, err, err2)
		}
	}
	if err := b.Append(t.Context(), "a", 0, nil); fault.Of(err) != fault.Invalid {
		t.Errorf("nothing to add: %v", err)
	}
	if _, err := b.Get(t.Context(), "a", -1); fault.Of(err) != fault.Invalid {
		t.Errorf("from before the start: %v", err)
	}
}

// TestEveryDocumentedCodeHasItsKind reads testdata/codes.tsv: code, status, kind.
func TestEveryDocumentedCodeHasItsKind(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/codes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	if len(rows) < 20 {
		t.Fatalf("only %d codes", len(rows))
	}
	for _, row := range rows {
		part := strings.Split(row, "\t")
		status, err := strconv.Atoi(part[1])
		if err != nil || len(part) != 3 {
			t.Fatal(row)
		}
		s := newStore(t)
		s.spoil = func(out http.ResponseWriter, _ *http.Request, _ int) bool { refuse(out, status, part[0]); return true }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err = s.bucket(t).Append(ctx, "log", 1, []byte("x"))
		cancel()
		if fault.Of(err) != fault.Kind(part[2]) || fault.Code(err) != part[0] {
			t.Errorf("%s (%d): %v with code %q, want kind %s", part[0], status, err, fault.Code(err), part[2])
		}
	}
}
