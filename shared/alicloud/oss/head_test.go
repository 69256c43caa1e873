package oss_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

const uploads = "golden-uploads"

// bucketText is an answer of GetBucketInfo.
func bucketText(name, location, algorithm string) string {
	return `<?xml version="1.0"?><BucketInfo><Bucket><Name>` + name + `</Name><Location>` + location + `</Location>` +
		`<ServerSideEncryptionRule><SSEAlgorithm>` + algorithm + `</SSEAlgorithm></ServerSideEncryptionRule></Bucket></BucketInfo>`
}

// anybody answers for one object of a bucket that is not the journal's.
type anybody struct {
	header map[string]string
	length string
	// info is the answer to GetBucketInfo; empty: refused.
	info string
}

func (a anybody) spoil(out http.ResponseWriter, r *http.Request, _ int) bool {
	switch {
	case r.URL.Query().Has("bucketInfo") && a.info == "":
		refuse(out, 403, "AccessDenied")
	case r.URL.Query().Has("bucketInfo"):
		fmt.Fprint(out, a.info)
	case r.URL.Path != "/"+uploads+"/incoming/web 1.qcow2":
		refuse(out, 404, "NoSuchKey")
	default:
		out.Header().Set("Etag", `"5B3C1A2E053D763E1B002CC607C5A0FE"`)
		out.Header().Set("Last-Modified", "Sun, 29 Nov 2026 20:00:00 GMT")
		out.Header().Set("Content-Length", a.length)
		for name, value := range a.header {
			if value == "" {
				out.Header().Del(name)
				continue
			}
			out.Header().Set(name, value)
		}
	}
	return true
}

// TestHead tells what bears on reading an object, of it and of its bucket.
func TestHead(t *testing.T) {
	t.Parallel()
	plain := image.ObjectInfo{
		ETag: `"5B3C1A2E053D763E1B002CC607C5A0FE"`, Size: 1 << 30, ModifiedAt: time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC),
		Region: "cn-hangzhou", Encrypted: image.No,
	}
	with := func(change func(*image.ObjectInfo)) image.ObjectInfo {
		changed := plain
		change(&changed)
		return changed
	}
	none := bucketText(uploads, "oss-cn-hangzhou", "None")
	for name, c := range map[string]struct {
		says anybody
		want image.ObjectInfo
		kind fault.Kind
	}{
		"plain": {says: anybody{info: none}, want: plain},
		"all of it": {
			says: anybody{info: none, header: map[string]string{"X-Oss-Hash-Crc64ecma": "7", "X-Oss-Version-Id": "v1", "X-Oss-Storage-Class": "IA", "X-Oss-Server-Side-Encryption": "KMS"}},
			want: with(func(i *image.ObjectInfo) {
				i.CRC64, i.VersionID, i.StorageClass, i.Encrypted = "7", "v1", "IA", image.Yes
			}),
		},
		"archived": {
			says: anybody{info: none, header: map[string]string{"X-Oss-Storage-Class": "ColdArchive"}},
			want: with(func(i *image.ObjectInfo) { i.StorageClass, i.Restored = "ColdArchive", image.No }),
		},
		"being restored": {
			says: anybody{info: none, header: map[string]string{"X-Oss-Storage-Class": "Archive", "X-Oss-Restore": `ongoing-request="true"`}},
			want: with(func(i *image.ObjectInfo) { i.StorageClass, i.Restored = "Archive", image.No }),
		},
		"restored": {
			says: anybody{info: none, header: map[string]string{"X-Oss-Storage-Class": "Archive", "X-Oss-Restore": `ongoing-request="false", expiry-date="Sun, 16 Apr 2027 08:12:33 GMT"`}},
			want: with(func(i *image.ObjectInfo) { i.StorageClass, i.Restored = "Archive", image.Yes }),
		},
		"its bucket encrypts":         {says: anybody{info: bucketText(uploads, "oss-cn-shanghai", "AES256")}, want: with(func(i *image.ObjectInfo) { i.Region, i.Encrypted = "cn-shanghai", image.Yes })},
		"its bucket may not be asked": {says: anybody{}, want: with(func(i *image.ObjectInfo) { i.Region, i.Encrypted = "", image.Unknown })},
		"another bucket answers":      {says: anybody{info: bucketText("other", "oss-cn-hangzhou", "None")}, want: with(func(i *image.ObjectInfo) { i.Region, i.Encrypted = "", image.Unknown })},
		"no tag":                      {says: anybody{info: none, header: map[string]string{"Etag": ""}}, kind: fault.Unknown},
		"no date":                     {says: anybody{info: none, header: map[string]string{"Last-Modified": "soon"}}, kind: fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			c.says.length = "1073741824"
			s.spoil = c.says.spoil
			got, err := s.bucket(t).Head(t.Context(), uploads, "incoming/web 1.qcow2")
			if fault.Of(err) != c.kind || err == nil && got != c.want {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

// TestPartsOfObjects are exactly what was asked for, or an error.
func TestPartsOfObjects(t *testing.T) {
	t.Parallel()
	const object = "0123456789"
	serve := func(length int, said string) func(http.ResponseWriter, *http.Request, int) bool {
		return func(out http.ResponseWriter, r *http.Request, _ int) bool {
			from, to := 0, 0
			if n, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil || n != 2 || r.Header.Get("X-Oss-Range-Behavior") != "standard" {
				refuse(out, 400, "InvalidArgument")
				return true
			}
			if from >= len(object) {
				refuse(out, 416, "InvalidRange")
				return true
			}
			to = min(to, len(object)-1)
			out.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(object)))
			if said != "" {
				out.Header().Set("Content-Range", said)
			}
			out.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(out, object[from:min(from+length, to+1)])
			return true
		}
	}
	for name, c := range map[string]struct {
		offset, length int64
		sends          int
		said           string
		want           string
		kind           fault.Kind
	}{
		"the beginning":       {0, 4, 10, "", "0123", ""},
		"the end":             {6, 4, 10, "", "6789", ""},
		"over the end":        {8, 4, 10, "", "", fault.Invalid},
		"beyond it":           {10, 1, 10, "", "", fault.Invalid},
		"before it":           {-1, 1, 10, "", "", fault.Invalid},
		"nothing":             {0, 0, 10, "", "", fault.Invalid},
		"less than was asked": {0, 4, 3, "", "", fault.Unknown},
		"another part":        {2, 2, 10, "bytes 3-4/10", "", fault.Unknown},
		"all of it":           {2, 2, 10, "bytes 0-9/10", "", fault.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.spoil = serve(c.sends, c.said)
			got, err := s.bucket(t).ReadAt(t.Context(), uploads, "a", c.offset, c.length)
			if string(got) != c.want || fault.Of(err) != c.kind {
				t.Errorf("got %q, %v, want %q, kind %q", got, err, c.want, c.kind)
			}
		})
	}
}

// TestObjectsThatAreNotThere are not found, whether it is the object or the bucket.
func TestObjectsThatAreNotThere(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"NoSuchKey", "NoSuchBucket"} {
		s := newStore(t)
		s.spoil = func(out http.ResponseWriter, _ *http.Request, _ int) bool {
			out.Header().Set("X-Oss-Err", "PEVycm9yPjxDb2RlPk5vU3VjaEtleTwvQ29kZT48L0Vycm9yPg==")
			refuse(out, 404, code)
			return true
		}
		b := s.bucket(t)
		_, headed := b.Head(t.Context(), uploads, "a")
		_, read := b.ReadAt(t.Context(), uploads, "a", 0, 1)
		if fault.Of(headed) != fault.NotFound || fault.Of(read) != fault.NotFound {
			t.Errorf("%s: %v, %v", code, headed, read)
		}
		if _, err := b.BucketRegion(t.Context(), uploads); code == "NoSuchBucket" && fault.Of(err) != fault.NotFound {
			t.Errorf("where it is: %v", err)
		}
	}
	s := newStore(t)
	for _, bucket := range []string{"", "a/b", "evil.example", "UPPER"} {
		if _, err := s.bucket(t).Head(t.Context(), bucket, "a"); fault.Of(err) != fault.Invalid {
			t.Errorf("bucket %q: %v", bucket, err)
		}
		if _, err := s.bucket(t).BucketRegion(t.Context(), bucket); fault.Of(err) != fault.Invalid {
			t.Errorf("where the bucket %q is: %v", bucket, err)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests were sent", s.count())
	}
}

// TestAStoreWithoutABucket reads those that are named, and has none of its own.
func TestAStoreWithoutABucket(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.spoil = anybody{length: "5", info: bucketText(uploads, "oss-cn-hangzhou", "")}.spoil
	cloud, err := alicloud.Open(alicloud.Config{})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := oss.Open(cloud, oss.Config{Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	b := opened.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}))
	if info, err := b.Head(t.Context(), uploads, "incoming/web 1.qcow2"); err != nil || info.Size != 5 {
		t.Errorf("got %+v, %v", info, err)
	}
	sent := s.count()
	if err := b.Append(t.Context(), "log", 0, []byte("x")); fault.Of(err) != fault.Internal || s.count() != sent {
		t.Errorf("got %v after %d requests", err, s.count()-sent)
	}
}

// TestChangesOfObjectsHaveAnEnd: nothing is sent from it on, and what is sent
// before is signed so that OSS refuses it then; reading goes on.
func TestChangesOfObjectsHaveAnEnd(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.objects["log"] = []byte("x")
	var signed []time.Time
	s.spoil = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Oss-Date"))
		if err != nil {
			t.Error(err)
		}
		signed = append(signed, at)
		return false
	}
	b := s.bucket(t)
	end := time.Now().Add(90 * time.Second)
	if err := b.Append(alicloud.NotAfter(t.Context(), end), "log", 1, []byte("y")); err != nil {
		t.Fatal(err)
	}
	if len(signed) != 1 || signed[0].Add(15*time.Minute).After(end) || signed[0].Add(15*time.Minute).Before(end.Add(-2*time.Second)) {
		t.Errorf("signed as of %v, want 15 minutes before %v", signed, end)
	}
	over := alicloud.NotAfter(t.Context(), time.Now().Add(-time.Second))
	for name, err := range map[string]error{"append": b.Append(over, "log", 2, []byte("z")), "delete": b.Delete(over, "log")} {
		if fault.Of(err) != fault.Unavailable || fault.Code(err) != "notSent" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := b.Get(over, "log", 0); err != nil || string(got) != "xy" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestCallsOfObjectsAreTold to whoever observes.
func TestCallsOfObjectsAreTold(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.objects["log"] = []byte("x")
	s.spoil = func(out http.ResponseWriter, _ *http.Request, _ int) bool {
		out.Header().Set("X-Oss-Request-Id", "5C3D9175B6FC201293AD4890")
		return false
	}
	var told []string
	cloud, err := alicloud.Open(alicloud.Config{Observer: func(_ context.Context, action, _, _, id string, _ time.Duration, failed error) {
		told = append(told, action+" "+id+" "+string(fault.Of(failed)))
	}})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := oss.Open(cloud, oss.Config{Bucket: bucketName, Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	b := opened.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}))
	_, _ = b.Get(t.Context(), "log", 0)
	_, _ = b.Get(t.Context(), "none", 0)
	want := "oss:GetObject 5C3D9175B6FC201293AD4890 \noss:GetObject 5C3D9175B6FC201293AD4890 notFound"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}
