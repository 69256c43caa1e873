package ossapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
)

// put writes an object as its owner.
func (w world) put(t testing.TB, key, text string, settings cloudsim.ObjectSettings) cloudsim.Object {
	t.Helper()
	o, err := w.owner().PutObject(cloudsim.PutObjectRequest{Bucket: bucket, Key: key, Content: cloudsim.ContentOf([]byte(text)), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	heard := w.heard()
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	key := "a b+ü"
	o := w.put(t, key, "hello", cloudsim.ObjectSettings{ContentType: "text/plain", Meta: map[string]string{"team": "web"}, Tags: []cloudsim.ObjectTag{{Key: "env", Value: "prod"}}})
	from := func(change func(*oss.CopyObjectRequest)) error {
		req := &oss.CopyObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("copy"), SourceBucket: oss.Ptr(bucket), SourceKey: oss.Ptr(key)}
		change(req)
		return second(c.CopyObject(ctx, req))
	}
	if err := from(func(*oss.CopyObjectRequest) {}); err != nil {
		t.Fatal(err)
	}
	got, err := w.owner().GetObject(cloudsim.ObjectName{Bucket: bucket, Key: "copy"})
	if err != nil || got.ETag != o.ETag || got.Meta["team"] != "web" || got.ContentType != "text/plain" || len(got.Tags) != 1 || string(got.Content.Bytes()) != "hello" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := from(func(r *oss.CopyObjectRequest) {
		r.MetadataDirective, r.TaggingDirective, r.Metadata, r.Tagging = oss.Ptr("REPLACE"), oss.Ptr("Replace"), map[string]string{"team": "db"}, oss.Ptr("a=1&b=2")
	}); err != nil {
		t.Fatal(err)
	}
	got, err = w.owner().GetObject(cloudsim.ObjectName{Bucket: bucket, Key: "copy"})
	if err != nil || got.Meta["team"] != "db" || !slices.Equal(got.Tags, []cloudsim.ObjectTag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.owner().PutBucket("shanghai-images", "cn-shanghai"); err != nil {
		t.Fatal(err)
	}
	far := w.client(oss.SignatureVersionV1, "local", "local-secret", "")
	for want, err := range map[string]error{
		"409 FileAlreadyExists":  from(func(r *oss.CopyObjectRequest) { r.ForbidOverwrite = oss.Ptr("true") }),
		"412 PreconditionFailed": from(func(r *oss.CopyObjectRequest) { r.IfMatch = oss.Ptr(`"0"`) }),
		"404 NoSuchKey":          from(func(r *oss.CopyObjectRequest) { r.SourceKey = oss.Ptr("none") }),
		"404 NoSuchBucket":       from(func(r *oss.CopyObjectRequest) { r.SourceBucket = oss.Ptr("no-such-bucket") }),
		"400 InvalidArgument":    from(func(r *oss.CopyObjectRequest) { r.MetadataDirective = oss.Ptr("MERGE") }),
		"403 AccessDenied": second(far.CopyObject(ctx, &oss.CopyObjectRequest{
			Bucket: oss.Ptr("shanghai-images"), Key: oss.Ptr("copy"), SourceBucket: oss.Ptr(bucket), SourceKey: oss.Ptr(key),
		})),
	} {
		if code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := from(func(r *oss.CopyObjectRequest) { r.IfNoneMatch = oss.Ptr(`"` + o.ETag + `"`) }); !strings.HasPrefix(code(err), "304") {
		t.Errorf("got %v", err)
	}
	want := []string{"ObjectCreated:PutObject " + key + " 5 5", "ObjectCreated:CopyObject copy 5 5", "ObjectCreated:CopyObject copy 5 0"}
	if !slices.Equal(heard(), want) {
		t.Errorf("heard %q", heard())
	}
}

func TestTagsOfObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV1), t.Context()
	w.put(t, "k", "v", cloudsim.ObjectSettings{})
	tag := func(tags ...oss.Tag) error {
		return second(c.PutObjectTagging(ctx, &oss.PutObjectTaggingRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Tagging: &oss.Tagging{TagSet: &oss.TagSet{Tags: tags}}}))
	}
	one := func(key, value string) oss.Tag { return oss.Tag{Key: &key, Value: &value} }
	if err := tag(one("team", "web"), one("a/b:c", "x y+=")); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetObjectTagging(ctx, &oss.GetObjectTaggingRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	if err != nil || len(got.Tags) != 2 || *got.Tags[1].Value != "x y+=" {
		t.Errorf("%+v, %v", got, err)
	}
	head, err := c.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	if err != nil || head.TaggingCount != 2 {
		t.Errorf("%+v, %v", head, err)
	}
	var many []oss.Tag
	for n := range 11 {
		many = append(many, one(fmt.Sprint("k", n), ""))
	}
	for name, err := range map[string]error{
		"eleven":      tag(many...),
		"no key":      tag(one("", "v")),
		"twice":       tag(one("a", "1"), one("a", "2")),
		"a long key":  tag(one(strings.Repeat("k", 129), "")),
		"long":        tag(one("k", strings.Repeat("v", 257))),
		"a character": tag(one("k", "v;")),
	} {
		if code(err) != "400 InvalidTag" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.DeleteObjectTagging(ctx, &oss.DeleteObjectTaggingRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")}); err != nil {
		t.Error(err)
	}
	if got, err := c.GetObjectTagging(ctx, &oss.GetObjectTaggingRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")}); err != nil || len(got.Tags) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if err := second(c.GetObjectTagging(ctx, &oss.GetObjectTaggingRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("none")})); code(err) != "404 NoSuchKey" {
		t.Errorf("got %v", err)
	}
}

func TestAccessLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	theirs := w.client(oss.SignatureVersionV4, "local2", "local2-secret", "")
	w.put(t, "k", "v", cloudsim.ObjectSettings{})
	seen := func() string {
		status, _ := fetch(t, w.server.URL+"/"+bucket+"/k")
		return fmt.Sprint(status, " ", code(second(theirs.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")}))))
	}
	acl, err := c.GetObjectAcl(ctx, &oss.GetObjectAclRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	if err != nil || *acl.ACL != "default" || *acl.Owner.ID != string(cloudsim.FirstAccount) || seen() != "403 403 AccessDenied" {
		t.Errorf("%+v, %v, %s", acl, err, seen())
	}
	if _, err := c.PutObjectAcl(ctx, &oss.PutObjectAclRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Acl: oss.ObjectACLPublicRead}); err != nil {
		t.Fatal(err)
	}
	if seen() != "200 " {
		t.Errorf("public-read: %s", seen())
	}
	if _, err := c.PutBucketAcl(ctx, &oss.PutBucketAclRequest{Bucket: oss.Ptr(bucket), Acl: oss.BucketACLPublicReadWrite}); err != nil {
		t.Fatal(err)
	}
	if err := second(theirs.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("gift"), Body: strings.NewReader("v")})); err != nil {
		t.Errorf("into a bucket that is open: %v", err)
	}
	if _, err := c.PutObjectAcl(ctx, &oss.PutObjectAclRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Acl: oss.ObjectACLPrivate}); err != nil {
		t.Fatal(err)
	}
	info, err := c.GetBucketAcl(ctx, &oss.GetBucketAclRequest{Bucket: oss.Ptr(bucket)})
	if err != nil || *info.ACL != "public-read-write" || seen() != "403 403 AccessDenied" {
		t.Errorf("%+v, %v, %s", info, err, seen())
	}
	if err := second(c.PutObjectAcl(ctx, &oss.PutObjectAclRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Acl: "everybody"})); code(err) != "400 InvalidArgument" {
		t.Errorf("got %v", err)
	}
	if err := second(theirs.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})); code(err) != "403 AccessDenied" {
		t.Errorf("deleted by another: %v", err)
	}
}

func TestArchivedObjects(t *testing.T) {
	t.Parallel()
	clock := cloudsim.NewClock(time.Now())
	w := world{cloud: cloudsim.New(cloudsim.Options{Clock: clock})}
	if err := w.owner().PutBucket(bucket, "cn-hangzhou"); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(ossapi.New(w.cloud, ossapi.Options{CloudClock: clock}))
	t.Cleanup(w.server.Close)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	put := func(key, class string) {
		if err := second(c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), Body: strings.NewReader("hello"), StorageClass: oss.StorageClassType(class)})); err != nil {
			t.Fatal(err)
		}
	}
	restore := func(key string, req *oss.RestoreRequest) string {
		r, err := c.RestoreObject(ctx, &oss.RestoreObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), RestoreRequest: req})
		if err != nil {
			return code(err)
		}
		return r.Status
	}
	state := func(key string) string {
		head, err := c.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
		if err != nil {
			t.Fatal(err)
		}
		return *head.StorageClass + " " + oss.ToString(head.Restore) + " " + code(second(c.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})))
	}
	put("a", "Archive")
	put("cold", "ColdArchive")
	put("s", "")
	if got := state("a"); got != "Archive  403 InvalidObjectState" {
		t.Error(got)
	}
	if err := second(c.CopyObject(ctx, &oss.CopyObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("b"), SourceKey: oss.Ptr("a")})); code(err) != "403 InvalidObjectState" {
		t.Errorf("copied: %v", err)
	}
	for key, want := range map[string]string{"s": "400 OperationNotSupported", "none": "404 NoSuchKey"} {
		if got := restore(key, nil); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if got := restore("a", &oss.RestoreRequest{Days: 8}); got != "400 MalformedXML" {
		t.Errorf("for eight days: %s", got)
	}
	if first, again := restore("a", &oss.RestoreRequest{Days: 2}), restore("a", nil); first != "202 Accepted" || again != "409 RestoreAlreadyInProgress" {
		t.Error(first, again)
	}
	if got := state("a"); got != `Archive ongoing-request="true" 403 InvalidObjectState` {
		t.Error(got)
	}
	clock.Advance(time.Minute)
	if got := state("a"); !strings.HasPrefix(got, `Archive ongoing-request="false", expiry-date="`) || !strings.HasSuffix(got, `GMT" `) {
		t.Error(got)
	}
	if got := restore("a", nil); got != "200 OK" {
		t.Error(got)
	}
	clock.Advance(49 * time.Hour)
	if got := state("a"); got != "Archive  403 InvalidObjectState" {
		t.Error(got)
	}
	if got := restore("cold", &oss.RestoreRequest{Days: 3, Tier: oss.Ptr("Expedited")}); got != "202 Accepted" {
		t.Error(got)
	}
	clock.Advance(time.Hour)
	if got := state("cold"); !strings.Contains(got, `"false"`) {
		t.Error(got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	version := func(status oss.VersioningStatusType) {
		if err := second(c.PutBucketVersioning(ctx, &oss.PutBucketVersioningRequest{Bucket: oss.Ptr(bucket), VersioningConfiguration: &oss.VersioningConfiguration{Status: status}})); err != nil {
			t.Fatal(err)
		}
	}
	put := func(text string) string {
		r, err := c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Body: strings.NewReader(text), ForbidOverwrite: oss.Ptr("true")})
		if err != nil {
			t.Fatal(err)
		}
		return oss.ToString(r.VersionId)
	}
	get := func(id string) string {
		req := &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")}
		if id != "" {
			req.VersionId = &id
		}
		got, err := c.GetObject(ctx, req)
		if err != nil {
			return code(err)
		}
		text, _ := io.ReadAll(got.Body)
		return string(text)
	}
	if id := put("zero"); id != "" {
		t.Errorf("a version where there are none: %s", id)
	}
	version(oss.VersionEnabled)
	one, two := put("one"), put("two")
	if got := []string{get(""), get(two), get(one), get("null"), get("none")}; !slices.Equal(got, []string{"two", "two", "one", "zero", "404 NoSuchVersion"}) {
		t.Errorf("got %q", got)
	}
	gone, err := c.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	if err != nil || !gone.DeleteMarker || oss.ToString(gone.VersionId) == "" {
		t.Fatalf("%+v, %v", gone, err)
	}
	_, err = c.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	var no *oss.ServiceError
	if !errors.As(err, &no) || no.Code != "NoSuchKey" || no.Headers.Get("X-Oss-Delete-Marker") != "true" {
		t.Errorf("deleted: %v", err)
	}
	if got := get(*gone.VersionId); got != "405 MethodNotAllowed" {
		t.Errorf("a delete marker: %s", got)
	}
	list, err := c.ListObjects(ctx, &oss.ListObjectsRequest{Bucket: oss.Ptr(bucket)})
	if err != nil || len(list.Contents) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	rows := versionRows(t, c)
	if want := []string{*gone.VersionId + " true marker", two + " false 3", one + " false 3", "null false 4"}; !slices.Equal(rows, want) {
		t.Errorf("got %q, want %q", rows, want)
	}
	for _, id := range []string{*gone.VersionId, two} {
		if err := second(c.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), VersionId: oss.Ptr(id)})); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(""); got != "one" {
		t.Errorf("after the newest were deleted: %s", got)
	}
	version(oss.VersionSuspended)
	if id := put("again"); id != "null" || get("null") != "again" || get(one) != "one" {
		t.Errorf("%s: %s, %s", id, get("null"), get(one))
	}
	info, err := c.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: oss.Ptr(bucket)})
	if err != nil || *info.BucketInfo.Versioning != "Suspended" {
		t.Errorf("%+v, %v", info, err)
	}
	if err := second(c.DeleteBucket(ctx, &oss.DeleteBucketRequest{Bucket: oss.Ptr(bucket)})); code(err) != "409 BucketNotEmpty" {
		t.Errorf("got %v", err)
	}
}

// versionRows lists all versions in pages of one.
func versionRows(t *testing.T, c *oss.Client) (rows []string) {
	t.Helper()
	for p := c.NewListObjectVersionsPaginator(&oss.ListObjectVersionsRequest{Bucket: oss.Ptr(bucket), MaxKeys: 1}); p.HasNext(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.ObjectVersions {
			rows = append(rows, fmt.Sprint(*v.VersionId, " ", v.IsLatest, " ", v.Size))
		}
		for _, v := range page.ObjectDeleteMarkers {
			rows = append(rows, fmt.Sprint(*v.VersionId, " ", v.IsLatest, " marker"))
		}
	}
	return rows
}

func TestBucketsThatEncryptAndKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	if err := second(c.GetBucketEncryption(ctx, &oss.GetBucketEncryptionRequest{Bucket: oss.Ptr(bucket)})); code(err) != "404 NoSuchServerSideEncryptionRule" {
		t.Errorf("got %v", err)
	}
	rule := &oss.ServerSideEncryptionRule{ApplyServerSideEncryptionByDefault: &oss.ApplyServerSideEncryptionByDefault{SSEAlgorithm: oss.Ptr("KMS"), KMSMasterKeyID: oss.Ptr("key-1")}}
	if _, err := c.PutBucketEncryption(ctx, &oss.PutBucketEncryptionRequest{Bucket: oss.Ptr(bucket), ServerSideEncryptionRule: rule}); err != nil {
		t.Fatal(err)
	}
	w.put(t, "k", "v", cloudsim.ObjectSettings{})
	head, err := c.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	if err != nil || *head.ServerSideEncryption != "KMS" || *head.ServerSideEncryptionKeyId != "key-1" {
		t.Errorf("%+v, %v", head, err)
	}
	info, err := c.GetBucketInfo(ctx, &oss.GetBucketInfoRequest{Bucket: oss.Ptr(bucket)})
	if err != nil || *info.BucketInfo.SseRule.SSEAlgorithm != "KMS" {
		t.Errorf("%+v, %v", info, err)
	}
	if err := second(c.GetBucketWorm(ctx, &oss.GetBucketWormRequest{Bucket: oss.Ptr(bucket)})); code(err) != "404 NoSuchWORMConfiguration" {
		t.Errorf("got %v", err)
	}
	begun, err := c.InitiateBucketWorm(ctx, &oss.InitiateBucketWormRequest{Bucket: oss.Ptr(bucket), InitiateWormConfiguration: &oss.InitiateWormConfiguration{RetentionPeriodInDays: oss.Ptr(int32(3))}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CompleteBucketWorm(ctx, &oss.CompleteBucketWormRequest{Bucket: oss.Ptr(bucket), WormId: begun.WormId}); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetBucketWorm(ctx, &oss.GetBucketWormRequest{Bucket: oss.Ptr(bucket)})
	if err != nil || got.WormConfiguration.State != oss.BucketWormStateLocked {
		t.Errorf("%+v, %v", got, err)
	}
	for name, err := range map[string]error{
		"overwritten": second(c.PutObject(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), Body: strings.NewReader("w")})),
		"deleted":     second(c.DeleteObject(ctx, &oss.DeleteObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})),
	} {
		if code(err) != "409 FileImmutable" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// dialling is a client that reaches the server by any name.
func (w world) dialling() *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, w.server.Listener.Addr().String())
	}}}
}

func TestBucketsOfOtherRegions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := oss.NewClient(oss.LoadDefaultConfig().WithRegion("cn-shanghai").WithEndpoint(strings.Replace(w.server.URL, "127.0.0.1", "oss-cn-shanghai.localhost", 1)).
		WithUsePathStyle(true).WithRetryMaxAttempts(1).WithCredentialsProvider(known()).WithHttpClient(w.dialling()))
	_, err := c.GetObject(t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")})
	var no *oss.ServiceError
	if !errors.As(err, &no) || no.Code != "AccessDenied" || !strings.Contains(string(no.Snapshot), "<Endpoint>oss-cn-hangzhou.aliyuncs.com</Endpoint>") {
		t.Errorf("got %v", err)
	}
	if _, err := c.PutBucket(t.Context(), &oss.PutBucketRequest{Bucket: oss.Ptr("their-images")}); err != nil {
		t.Fatal(err)
	}
	if info, err := w.owner().GetBucketInfo("their-images"); err != nil || info.Region != "cn-shanghai" {
		t.Errorf("%+v, %v", info, err)
	}
	signed := w.client(oss.SignatureVersionV4, "local", "local-secret", "")
	if err := second(signed.GetObject(t.Context(), &oss.GetObjectRequest{Bucket: oss.Ptr("their-images"), Key: oss.Ptr("k")})); code(err) != "400 InvalidArgument" {
		t.Errorf("signed for another region: %v", err)
	}
}

// TestForms: what a page sends, with a policy that the vendor's way of signing
// makes, in both of them.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	heard := w.heard()
	send := func(fields map[string]string) (int, string) {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		for name, value := range fields {
			if err := m.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		file, err := m.CreateFormFile("file", "web.qcow2")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/"+bucket, &body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", m.FormDataContentType())
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	for _, test := range []struct {
		name       string
		conditions string
		change     map[string]string
		want       string
	}{
		{"as allowed", `["starts-with","$key","in/"],["content-length-range",1,10],{"bucket":"` + bucket + `"}`, nil, "204"},
		{"told of", `["eq","$success_action_status","201"]`, map[string]string{"success_action_status": "201"}, "201 <Key>in/web.qcow2</Key>"},
		{"elsewhere", `["starts-with","$key","out/"]`, nil, "403 AccessDenied"},
		{"too long", `["content-length-range",1,4]`, nil, "403 AccessDenied"},
		{"another bucket", `{"bucket":"other"}`, nil, "403 AccessDenied"},
		{"an unknown condition", `["ends-with","$key","x"]`, nil, "400 InvalidPolicyDocument"},
		{"another's signature", `{"bucket":"` + bucket + `"}`, map[string]string{"Signature": "AAAA", "x-oss-signature": "aaaa"}, "403 SignatureDoesNotMatch"},
		{"nobody", `{"bucket":"` + bucket + `"}`, map[string]string{"OSSAccessKeyId": "", "x-oss-signature-version": ""}, "403 AccessDenied"},
	} {
		for version, sign := range map[string]func(string) map[string]string{"V1": formV1, "V4": formV4} {
			policy := fmt.Sprintf(`{"expiration":%q,"conditions":[%s]}`, time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z"), test.conditions)
			fields := sign(policy)
			fields["key"] = "in/${filename}"
			for name, value := range test.change {
				if _, there := fields[name]; there || name == "success_action_status" {
					fields[name] = value
				}
			}
			status, text := send(fields)
			code, more, _ := strings.Cut(test.want, " ")
			if fmt.Sprint(status) != code || !strings.Contains(text, more) {
				t.Errorf("%s, %s: %d %s, want %s", test.name, version, status, text, test.want)
			}
		}
	}
	want := []string{"ObjectCreated:PostObject in/web.qcow2 5 5"}
	for range 3 {
		want = append(want, "ObjectCreated:PostObject in/web.qcow2 5 0")
	}
	if !slices.Equal(heard(), want) {
		t.Errorf("heard %q", heard())
	}
	if status, text := send(map[string]string{"key": "k", "policy": "e30=", "OSSAccessKeyId": ""}); status != 403 {
		t.Errorf("nobody: %d %s", status, text)
	}
}
