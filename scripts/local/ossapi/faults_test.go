package ossapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
)

// spoilt is a world whose server can be told to fail.
func spoilt(t testing.TB) (world, *ossapi.Server) {
	t.Helper()
	w := world{cloud: cloudsim.New(cloudsim.Options{})}
	if err := w.owner().PutBucket(bucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	server := ossapi.New(w.cloud, ossapi.Options{})
	w.server = httptest.NewServer(server)
	t.Cleanup(w.server.Close)
	return w, server
}

func TestRequestsGoWrongAsAsked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind ossapi.FaultKind
		want string // of the answer; "-" is no answer
		left string // in the object
	}{
		{ossapi.FaultThrottle, "503 QpsLimitExceeded", ""},
		{ossapi.Fault500, "500 InternalError", ""},
		{ossapi.Fault503, "503 ServiceUnavailable", ""},
		{ossapi.FaultReset, "-", ""},
		{ossapi.FaultDenied, "403 AccessDenied", ""},
		{ossapi.FaultConflict, "409 PositionNotEqualToLength", ""},
		{ossapi.FaultDelay, "", "one"},
		{ossapi.FaultLostReply, "-", "one"},
		{ossapi.FaultRepeat, "409 PositionNotEqualToLength", "one"},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			w, server := spoilt(t)
			c := w.local(oss.SignatureVersionV4)
			if err := server.Inject(ossapi.Fault{Action: "AppendObject", Kind: test.kind, DelayMS: 1}); err != nil {
				t.Fatal(err)
			}
			_, err := c.AppendObject(t.Context(), &oss.AppendObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("log"), Position: oss.Ptr(int64(0)), Body: strings.NewReader("one")})
			said := code(err)
			var no *oss.ServiceError
			if err != nil && !errors.As(err, &no) {
				said = "-"
			}
			o, _ := w.owner().GetObject(cloudsim.ObjectName{Bucket: bucket, Key: "log"}) // there may be none
			if said != test.want || string(o.Content.Bytes()) != test.left {
				t.Errorf("answered %q (%v), left %q", said, err, o.Content.Bytes())
			}
			if calls := server.Calls(); len(calls) != 1 || calls[0].Fault != test.kind || calls[0].Operation != "AppendObject" {
				t.Errorf("%+v", calls)
			}
		})
	}
}

func TestAnswersThatEndEarly(t *testing.T) {
	t.Parallel()
	w, server := spoilt(t)
	w.put(t, "k", strings.Repeat("0123456789", 1000), cloudsim.ObjectSettings{})
	if err := server.Inject(ossapi.Fault{Action: "GetObject", Kind: ossapi.FaultTruncated}); err != nil {
		t.Fatal(err)
	}
	got, err := w.local(oss.SignatureVersionV4).GetObject(t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(got.Body); err == nil || len(text) >= 10000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestFaultsBySeed: the same seed spoils the same requests, and about as many as asked for.
func TestFaultsBySeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		w, server := spoilt(t)
		c := w.local(oss.SignatureVersionV1)
		if err := server.Inject(ossapi.Fault{Action: "PutObject", Kind: ossapi.Fault503, Percent: 30, Seed: seed, Count: -1, Bucket: bucket, Prefix: "a"}); err != nil {
			t.Fatal(err)
		}
		var failed strings.Builder
		for n := range 100 {
			key := fmt.Sprint([]string{"a", "b"}[n%2], n)
			if err := second(c.PutObject(t.Context(), &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), Body: strings.NewReader("v")})); err != nil {
				fmt.Fprint(&failed, key, " ")
			}
		}
		return failed.String()
	}
	one, again, other := run(1), run(1), run(2)
	if n := strings.Count(one, "a"); one != again || one == other || n < 5 || n > 30 || strings.Contains(one, "b") {
		t.Errorf("%q, %q, %q", one, again, other)
	}
}

func TestFaultsAreAskedForOverTheWire(t *testing.T) {
	t.Parallel()
	w, server := spoilt(t)
	ask := func(method, path, body, origin string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(bytes.TrimSpace(text))
	}
	for body, want := range map[string]string{
		`[{"kind":"500"}]`:                                              "action",
		`[{"action":"DescribeImages","kind":"500"}]`:                    "action",
		`[{"action":"PutObject","kind":"worse"}]`:                       "kind",
		`[{"action":"GetObject","kind":"conflict"}]`:                    "kind",
		`[{"action":"*","kind":"500","count":-2}]`:                      "count",
		`[{"action":"*","kind":"500","skip":-1}]`:                       "skip",
		`[{"action":"*","kind":"500","percent":101}]`:                   "percent",
		`[{"action":"*","kind":"500","delayMs":-1}]`:                    "delayMs",
		`[{"action":"*","kind":"500","often":true}]`:                    "often",
		`[{"action":"*","kind":"500"},{"action":"none","kind":"500"}] `: "fault 2",
	} {
		if status, text := ask(http.MethodPost, "/_local/faults", body, ""); status != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, text := ask(http.MethodPost, "/_local/faults", `[{"action":"ListObjects","kind":"503","count":2,"skip":1}]`, ""); status != 200 || !strings.Contains(text, `"count":2`) {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := ask(http.MethodGet, "/_local/faults", "", "http://evil.example"); status != 403 {
		t.Errorf("a page of another site: %d", status)
	}
	var said []string
	for range 4 {
		said = append(said, code(second(w.local(oss.SignatureVersionV4).ListObjects(t.Context(), &oss.ListObjectsRequest{Bucket: oss.Ptr(bucket)}))))
	}
	if !slices.Equal(said, []string{"", "503 ServiceUnavailable", "503 ServiceUnavailable", ""}) {
		t.Errorf("%q", said)
	}
	_, text := ask(http.MethodGet, "/_local/calls", "", "")
	var told struct{ Calls []ossapi.Call }
	if err := json.Unmarshal([]byte(text), &told); err != nil || len(told.Calls) != 4 || told.Calls[1].Code != "ServiceUnavailable" {
		t.Errorf("%s, %v", text, err)
	}
	if status, _ := ask(http.MethodDelete, "/_local/calls", "", ""); status != 204 || len(server.Calls()) != 0 {
		t.Errorf("%d, %v", status, server.Calls())
	}
	if status, text := ask(http.MethodDelete, "/_local/faults", "", ""); status != 200 || text != "[]" {
		t.Errorf("%d %s", status, text)
	}
}
