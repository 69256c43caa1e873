package oss_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/fault"
)

// catch is a transport that remembers one request and refuses it.
type catch struct{ request *http.Request }

func (c *catch) RoundTrip(r *http.Request) (*http.Response, error) {
	c.request = r
	return &http.Response{
		StatusCode: http.StatusNotFound, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader("<Error><Code>NoSuchKey</Code></Error>")),
	}, nil
}

func TestRequestsGoToTheBucketsHost(t *testing.T) {
	t.Parallel()
	const key = "logs/a b+c%/é~.ndjson"
	for endpoint, want := range map[string]string{
		"": "https://a-bucket.oss-cn-beijing.aliyuncs.com/logs/a%20b%2Bc%25/%C3%A9~.ndjson",
		"https://oss-cn-shanghai-internal.aliyuncs.com": "https://a-bucket.oss-cn-shanghai-internal.aliyuncs.com/logs/a%20b%2Bc%25/%C3%A9~.ndjson",
		"http://127.0.0.1:7071":                         "http://127.0.0.1:7071/a-bucket/logs/a%20b%2Bc%25/%C3%A9~.ndjson",
	} {
		var sent catch
		cloud, err := alicloud.Open(alicloud.Config{Region: "cn-beijing", Transport: &sent})
		if err != nil {
			t.Fatal(err)
		}
		store, err := oss.Open(cloud, oss.Config{Bucket: "a-bucket", Endpoint: endpoint})
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"})).Get(t.Context(), key, 0)
		if !errors.Is(err, fault.NotFound) || sent.request == nil || sent.request.URL.String() != want {
			t.Errorf("at %q: %v, sent %v; want %s", endpoint, err, sent.request, want)
		}
	}
}

// TestListsMayBeEncoded: keys may hold what XML cannot.
func TestListsMayBeEncoded(t *testing.T) {
	t.Parallel()
	for encoded, want := range map[string]string{"a%01%2B+b": "a\x01+ b", "a%zz": ""} {
		s := newStore(t)
		s.spoil = func(out http.ResponseWriter, r *http.Request, _ int) bool {
			if r.URL.Query().Get("encoding-type") != "url" {
				return false
			}
			fmt.Fprintf(out, `<ListBucketResult><Name>%s</Name><Prefix>%%61</Prefix><KeyCount>1</KeyCount><EncodingType>url</EncodingType>`+
				`<IsTruncated>false</IsTruncated><Contents><Key>%s</Key></Contents></ListBucketResult>`, bucketName, encoded)
			return true
		}
		got, err := s.bucket(t).List(t.Context(), "a", "")
		if want == "" && !errors.Is(err, fault.Unknown) || want != "" && (err != nil || !slices.Equal(got, []string{want})) {
			t.Errorf("%s: %q, %v", encoded, got, err)
		}
	}
}

// TestRefusalsOfHead: an answer to HEAD has no body, its header tells the code.
func TestRefusalsOfHead(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.spoil = func(out http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method != http.MethodHead {
			refuse(out, 416, "InvalidRange")
			return true
		}
		out.Header().Set("X-Oss-Err", base64.StdEncoding.EncodeToString([]byte("<Error><Code>NoSuchKey</Code></Error>")))
		out.Header().Set("X-Oss-Request-Id", "5C3D9175B6FC201293AD4890")
		out.WriteHeader(http.StatusNotFound)
		return true
	}
	_, err := s.bucket(t).Get(t.Context(), "log", 5)
	var failed *fault.Error
	if !errors.As(err, &failed) || failed.Kind != fault.NotFound || failed.Code != "NoSuchKey" || failed.RequestID != "5C3D9175B6FC201293AD4890" {
		t.Errorf("got %v", err)
	}
}

// TestRefusalsThatAreNone: an error answer without a code tells only its status.
func TestRefusalsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		text   string
		want   fault.Kind
	}{
		{400, "", fault.Unknown},
		{404, "<html></html>", fault.Unknown},
		{404, "<Error><Code>NoSuchKey", fault.Unknown},
		{302, "<Error><Code>Moved</Code></Error>", fault.Unknown},
		{400, "<Error><Code>Undocumented</Code></Error>", fault.Internal},
		{403, "no", fault.Forbidden},
		{502, "no", fault.Unavailable},
	} {
		s := newStore(t)
		s.spoil = func(out http.ResponseWriter, _ *http.Request, _ int) bool {
			out.WriteHeader(c.status)
			_, _ = io.WriteString(out, c.text)
			return true
		}
		if err := s.bucket(t).Append(t.Context(), "log", 0, []byte("x")); fault.Of(err) != c.want {
			t.Errorf("%d %q: %v, want kind %s", c.status, c.text, err, c.want)
		}
	}
}

// TestDamagedAppends: the sum of what was begun is checked.
func TestDamagedAppends(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.spoil = func(out http.ResponseWriter, _ *http.Request, _ int) bool {
		out.Header().Set("X-Oss-Next-Append-Position", "4")
		out.Header().Set("X-Oss-Hash-Crc64ecma", sum([]byte("onE\n")))
		return true
	}
	if err := s.bucket(t).Append(t.Context(), "log", 0, []byte("one\n")); fault.Of(err) != fault.Unknown || s.count() != 1 {
		t.Errorf("got %v after %d requests, want kind %s", err, s.count(), fault.Unknown)
	}
}
