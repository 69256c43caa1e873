package ossapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/alicloud"
	journalbucket "imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
)

// world is a cloud's objects on the wire, with one bucket.
type world struct {
	cloud  *cloudsim.Cloud
	server *httptest.Server
}

const bucket = "golden-images"

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{cloud: cloudsim.New(cloudsim.Options{})}
	if err := w.owner().PutBucket(bucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(ossapi.New(w.cloud, ossapi.Options{}))
	t.Cleanup(w.server.Close)
	return w
}

func (w world) owner() *cloudsim.Session {
	return w.cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
}

// client is the vendor's own.
func (w world) client(version oss.SignatureVersionType, id, secret, token string) *oss.Client {
	config := oss.LoadDefaultConfig().WithRegion("cn-hangzhou").WithEndpoint(w.server.URL).WithUsePathStyle(true).
		WithSignatureVersion(version).WithRetryMaxAttempts(1).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(id, secret, token))
	return oss.NewClient(config)
}

func (w world) local(version oss.SignatureVersionType) *oss.Client {
	return w.client(version, "local", "local-secret", "")
}

// journals opens the journal's bucket as the functions do.
func (w world) journals(t testing.TB) *journalbucket.Bucket {
	t.Helper()
	return journalsAt(t, w.server.URL)
}

func journalsAt(t testing.TB, endpoint string) *journalbucket.Bucket {
	t.Helper()
	cloud, err := alicloud.Open(alicloud.Config{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := journalbucket.Open(cloud, journalbucket.Config{Bucket: bucket, Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return store.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret"}))
}

// TestJournal: the journal keeps its contract in a bucket, too.
func TestJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	journaltest.Run(t, func() journal.Store { return journal.OpenObjects(w.journals(t), "journal") })
	journaltest.RunDocuments(t, func() journal.Documents { return journal.OpenObjects(w.journals(t), "journal") })
	journaltest.RunAgenda(t, func() journaltest.Place { return journal.OpenObjects(w.journals(t), "journal") })
	journaltest.RunClaims(t, func() journaltest.Place { return journal.OpenObjects(w.journals(t), "journal") })
}

// bucketAt tells the writer that gets killed where the bucket is.
const bucketAt = "OSSAPI_TEST_BUCKET"

// TestKilledWriter: whoever is killed while writing to a bucket loses nothing
// that was acknowledged.
func TestKilledWriter(t *testing.T) {
	endpoint := os.Getenv(bucketAt)
	if endpoint == "" {
		endpoint = newWorld(t).server.URL
	}
	journaltest.RunKilled(t, t.Name(), []string{bucketAt + "=" + endpoint}, func() journal.Store {
		return journal.OpenObjects(journalsAt(t, endpoint), "journal")
	})
}

// code is what OSS refused with.
func code(err error) string {
	var no *oss.ServiceError
	if errors.As(err, &no) {
		return fmt.Sprint(no.StatusCode, " ", no.Code)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func versions() map[string]oss.SignatureVersionType {
	return map[string]oss.SignatureVersionType{"V1": oss.SignatureVersionV1, "V4": oss.SignatureVersionV4}
}

func TestVendorsSDK(t *testing.T) {
	t.Parallel()
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c, ctx := w.local(version), t.Context()
			key := "dir/a b+c&d=é/好.log"
			put, err := c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), Body: strings.NewReader("hello"), ContentType: oss.Ptr("text/plain"), Metadata: map[string]string{"team": "web"}})
			if err != nil || *put.ETag != `"5D41402ABC4B2A76B9719D911017C592"` {
				t.Fatalf("%+v, %v", put, err)
			}
			got, err := c.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(got.Body)
			if err != nil || string(text) != "hello" || *got.ContentType != "text/plain" || got.Metadata["team"] != "web" {
				t.Errorf("%q, %v, %+v", text, err, got)
			}
			head, err := c.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
			if err != nil || head.ContentLength != 5 || *head.ObjectType != "Normal" {
				t.Errorf("%+v, %v", head, err)
			}
			if _, err := c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), Body: strings.NewReader("x"), ForbidOverwrite: oss.Ptr("true")}); code(err) != "409 FileAlreadyExists" {
				t.Errorf("overwritten: %v", err)
			}
			signed, err := c.Presign(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
			if err != nil {
				t.Fatal(err)
			}
			if status, body := fetch(t, signed.URL); status != 200 || body != "hello" {
				t.Errorf("by a signed address: %d %s", status, body)
			}
			if status, _ := fetch(t, signed.URL+"0"); status != 403 {
				t.Errorf("by an address that was tampered with: %d", status)
			}
			if _, err := c.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)}); err != nil {
				t.Error(err)
			}
			if _, err := c.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)}); code(err) != "404 NoSuchKey" {
				t.Errorf("after it was deleted: %v", err)
			}
		})
	}
}

func fetch(t *testing.T, address string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestAppends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	add := func(key string, position int64, text string) (*oss.AppendObjectResult, error) {
		return c.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), Position: oss.Ptr(position), Body: strings.NewReader(text), InitHashCRC64: oss.Ptr("0")})
	}
	if r, err := add("log", 0, "one\n"); err != nil || r.NextPosition != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err := c.AppendObject(ctx, &oss.AppendObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("log"), Position: oss.Ptr(int64(4)), Body: strings.NewReader("two\n")}); err != nil || r.NextPosition != 8 {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err := add("log", 4, "late\n")
	var no *oss.ServiceError
	if !errors.As(err, &no) || no.Code != "PositionNotEqualToLength" || no.StatusCode != 409 || no.Headers.Get("X-Oss-Next-Append-Position") != "8" {
		t.Errorf("a position that is taken: %v", err)
	}
	if _, err := c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("fixed"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := add("fixed", 1, "y"); code(err) != "409 ObjectNotAppendable" {
		t.Errorf("to an object that was put: %v", err)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.owner().PutObject(cloudsim.PutObjectRequest{Bucket: bucket, Key: "k", Content: cloudsim.ContentOf([]byte("0123456789"))}); err != nil {
		t.Fatal(err)
	}
	c := w.local(oss.SignatureVersionV4)
	for _, test := range []struct {
		header   string
		standard bool
		want     string
	}{
		{"bytes=2-4", false, "234"},
		{"bytes=7-", false, "789"},
		{"bytes=-3", false, "789"},
		{"bytes=8-99", false, "89"},
		{"bytes=0-0", false, "0"},
		{"bytes=10-", false, "0123456789"},
		{"bytes=5-2", false, "0123456789"},
		{"bytes=x", false, "0123456789"},
		{"bytes=1-2,4-5", false, "0123456789"},
		{"bytes=10-", true, "416 InvalidRange"},
		{"bytes=5-2", true, "416 InvalidRange"},
	} {
		request := &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Range: oss.Ptr(test.header)}
		if test.standard {
			request.RangeBehavior = oss.Ptr("standard")
		}
		got, err := c.GetObject(t.Context(), request)
		said := code(err)
		if err == nil {
			text, _ := io.ReadAll(got.Body)
			said = string(text)
		}
		if said != test.want {
			t.Errorf("%s, standard %v: %q, want %q", test.header, test.standard, said, test.want)
		}
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for n := range 25 {
		key := fmt.Sprintf("logs/%02d/a b+%02d", n%5, n)
		want = append(want, key)
		if _, err := w.owner().PutObject(cloudsim.PutObjectRequest{Bucket: bucket, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.local(version)
			var first, second, prefixes []string
			for p := c.NewListObjectsPaginator(&oss.ListObjectsRequest{Bucket: oss.Ptr(bucket), Prefix: oss.Ptr("logs/"), MaxKeys: 4}); p.HasNext(); {
				page, err := p.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page.Contents {
					first = append(first, *o.Key)
				}
			}
			for p := c.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{Bucket: oss.Ptr(bucket), MaxKeys: 4}); p.HasNext(); {
				page, err := p.NextPage(t.Context())
				if err != nil || page.KeyCount != len(page.Contents) {
					t.Fatal(page.KeyCount, err)
				}
				for _, o := range page.Contents {
					second = append(second, *o.Key)
				}
			}
			for p := c.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{Bucket: oss.Ptr(bucket), Prefix: oss.Ptr("logs/"), Delimiter: oss.Ptr("/"), MaxKeys: 2}); p.HasNext(); {
				page, err := p.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range page.CommonPrefixes {
					prefixes = append(prefixes, *o.Prefix)
				}
			}
			if !slices.Equal(first, want) || !slices.Equal(second, want) {
				t.Errorf("V1 %v\nV2 %v\nwant %v", first, second, want)
			}
			if !slices.Equal(prefixes, []string{"logs/00/", "logs/01/", "logs/02/", "logs/03/", "logs/04/"}) {
				t.Errorf("prefixes %v", prefixes)
			}
		})
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	if _, err := c.PutBucket(ctx, &oss.PutBucketRequest{Bucket: oss.Ptr("another-bucket")}); err != nil {
		t.Fatal(err)
	}
	info, err := c.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: oss.Ptr("another-bucket")})
	if err != nil || *info.BucketInfo.Location != "oss-cn-hangzhou" || *info.BucketInfo.Owner.ID != string(cloudsim.FirstAccount) {
		t.Errorf("%+v, %v", info, err)
	}
	where, err := c.GetBucketLocation(ctx, &oss.GetBucketLocationRequest{Bucket: oss.Ptr("another-bucket")})
	if err != nil || *where.LocationConstraint != "oss-cn-hangzhou" {
		t.Errorf("%+v, %v", where, err)
	}
	all, err := c.ListBuckets(ctx, &oss.ListBucketsRequest{})
	if err != nil || len(all.Buckets) != 2 || *all.Buckets[0].Name != "another-bucket" {
		t.Errorf("%+v, %v", all, err)
	}
	theirs := w.client(oss.SignatureVersionV4, "local2", "local2-secret", "")
	for name, err := range map[string]error{
		"409 BucketAlreadyExists": second(theirs.PutBucket(ctx, &oss.PutBucketRequest{Bucket: oss.Ptr(bucket)})),
		"403 AccessDenied":        second(theirs.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})),
		"404 NoSuchBucket":        second(c.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr("no-such-bucket"), Key: oss.Ptr("k")})),
	} {
		if code(err) != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if _, err := c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr("another-bucket"), Key: oss.Ptr("k"), Body: strings.NewReader("v")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: oss.Ptr("another-bucket")}); code(err) != "409 BucketNotEmpty" {
		t.Errorf("a bucket with something in it: %v", err)
	}
	if _, err := c.DeleteMultipleObjects(ctx, &oss.DeleteMultipleObjectsRequest{Bucket: oss.Ptr("another-bucket"), Objects: []oss.DeleteObject{{Key: oss.Ptr("k")}, {Key: oss.Ptr("none")}}}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: oss.Ptr("another-bucket")}); err != nil {
		t.Error(err)
	}
	if _, err := c.GetBucketWebsite(ctx, &oss.GetBucketWebsiteRequest{Bucket: oss.Ptr(bucket)}); code(err) != "501 NotImplemented" {
		t.Errorf("what there is not: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhoIsNotKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role, err := w.cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "RAMUser", Name: "local"}).
		AssumeRole(cloudsim.AssumeRoleRequest{RoleARN: cloudsim.ReaderRole, SessionName: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cloud.AddKey(cloudsim.FirstAccount, "reader", "reader-secret", "reader", []string{"oss:GetObject"}); err != nil {
		t.Fatal(err)
	}
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range []struct{ id, secret, token, want string }{
				{"local", "wrong", "", "403 SignatureDoesNotMatch"},
				{"nobody", "local-secret", "", "403 InvalidAccessKeyId"},
				{role.AccessKeyID, role.Credential.Secret, "", "403 InvalidSecurityToken"},
				{role.AccessKeyID, role.Credential.Secret, "CAISwrong", "403 InvalidSecurityToken"},
				{role.AccessKeyID, role.Credential.Secret, role.Credential.SecurityToken, "403 AccessDenied"},
				{"reader", "reader-secret", "", "403 AccessDenied"},
				{"local", "local-secret", "", ""},
			} {
				_, err := w.client(version, c.id, c.secret, c.token).PutObject(t.Context(), &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k" + name), Body: strings.NewReader("v")})
				if code(err) != c.want {
					t.Errorf("%s: %v, want %s", c.id, err, c.want)
				}
			}
		})
	}
	if status, body := fetch(t, w.server.URL+"/"+bucket+"/k"); status != 403 || !strings.Contains(body, "<Code>AccessDenied</Code>") {
		t.Errorf("nobody: %d %s", status, body)
	}
}

// TestTampering: whatever is changed on the way shows in the signature.
func TestTampering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, version := range versions() {
		for change, tamper := range map[string]func(*http.Request){
			"the key":        func(r *http.Request) { r.URL.Path, r.URL.RawPath = r.URL.Path+"x", "" },
			"the method":     func(r *http.Request) { r.Method = http.MethodDelete },
			"a header":       func(r *http.Request) { r.Header.Set("x-oss-forbid-overwrite", "false") },
			"the type":       func(r *http.Request) { r.Header.Set("Content-Type", "text/html") },
			"another bucket": func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, bucket, "other-images", 1) },
			"a parameter":    func(r *http.Request) { r.URL.RawQuery = "append&position=0" },
			"an old date": func(r *http.Request) {
				r.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
				r.Header.Set("x-oss-date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
			},
			"no scheme": func(r *http.Request) { r.Header.Set("Authorization", "Basic bG9jYWw6bG9jYWw=") },
			"half of it": func(r *http.Request) {
				r.Header.Set("Authorization", r.Header.Get("Authorization")[:len(r.Header.Get("Authorization"))/2])
			},
		} {
			t.Run(name+" "+change, func(t *testing.T) {
				t.Parallel()
				c := w.local(version)
				config := oss.LoadDefaultConfig().WithRegion("cn-hangzhou").WithEndpoint(w.server.URL).WithUsePathStyle(true).WithSignatureVersion(version).
					WithRetryMaxAttempts(1).WithCredentialsProvider(credentials.NewStaticCredentialsProvider("local", "local-secret")).
					WithHttpClient(&http.Client{Transport: tampering(tamper)})
				_, err := oss.NewClient(config).PutObject(t.Context(), &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Body: strings.NewReader("v")})
				if said := code(err); !strings.HasPrefix(said, "403") && !strings.HasPrefix(said, "400 InvalidArgument") {
					t.Errorf("got %v", err)
				}
				if _, err := c.HeadObject(t.Context(), &oss.HeadObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")}); !strings.HasPrefix(code(err), "404") {
					t.Errorf("it was written: %v", err)
				}
			})
		}
	}
}

type tampering func(*http.Request)

// RoundTrip changes a request after it was signed.
func (f tampering) RoundTrip(r *http.Request) (*http.Response, error) {
	changed := r.Clone(r.Context())
	f(changed)
	return http.DefaultTransport.RoundTrip(changed)
}

func TestBodiesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.local(oss.SignatureVersionV4).PutObject(t.Context(), &oss.PutObjectRequest{
		Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Body: bytes.NewReader([]byte("v")), ContentMD5: oss.Ptr("AAAAAAAAAAAAAAAAAAAAAA=="),
	})
	if code(err) != "400 InvalidDigest" {
		t.Errorf("got %v", err)
	}
	for _, key := range []string{"/k", `\k`, strings.Repeat("k", 1024)} {
		_, err := w.owner().PutObject(cloudsim.PutObjectRequest{Bucket: bucket, Key: key})
		var no *cloudsim.Refusal
		if !errors.As(err, &no) || no.Code != "InvalidObjectName" {
			t.Errorf("key %.10q: %v", key, err)
		}
	}
}

func TestWatchersHearOfChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var heard atomic.Pointer[[]string]
	heard.Store(&[]string{})
	w.cloud.WatchObjects(func(e cloudsim.ObjectEvent) {
		list := append(slices.Clone(*heard.Load()), fmt.Sprint(e.Name, " ", e.Key, " ", e.Size, " ", e.Delta))
		heard.Store(&list)
	})
	b := w.journals(t)
	for position, text := range []string{"a", "b"} {
		if err := b.Append(t.Context(), "log", int64(position), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.owner().DeleteObject(cloudsim.ObjectName{Bucket: bucket, Key: "log"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"ObjectCreated:AppendObject log 1 1", "ObjectCreated:AppendObject log 2 1", "ObjectRemoved:DeleteObject log 0 0"}
	if got := *heard.Load(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func ExampleNew() {
	cloud := cloudsim.New(cloudsim.Options{})
	owner := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	fmt.Println(owner.PutBucket("golden-images", image.RegionID("cn-hangzhou")))
	server := httptest.NewServer(ossapi.New(cloud, ossapi.Options{}))
	defer server.Close()
	client := oss.NewClient(oss.LoadDefaultConfig().WithRegion("cn-hangzhou").WithEndpoint(server.URL).WithUsePathStyle(true).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider("local", "local-secret")))
	result, err := client.AppendObject(context.Background(), &oss.AppendObjectRequest{
		Bucket: oss.Ptr("golden-images"), Key: oss.Ptr("log"), Position: oss.Ptr(int64(0)), Body: strings.NewReader("hello"),
	})
	fmt.Println(result.NextPosition, err)
	// Output:
	// <nil>
	// 5 <nil>
}
