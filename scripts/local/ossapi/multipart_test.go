package ossapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"imagekeeper/shared/cloudsim"
)

// heard collects what watchers of the cloud are told.
func (w world) heard() func() []string {
	var mu sync.Mutex
	var all []string
	w.cloud.WatchObjects(func(e cloudsim.ObjectEvent) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, fmt.Sprint(e.Name, " ", e.Key, " ", e.Size, " ", e.Delta))
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// sample is content of a length, never the same in two places.
func sample(length int) []byte {
	b := make([]byte, length)
	for n := range b {
		b[n] = byte(n ^ n>>8 ^ n>>16)
	}
	return b
}

func TestUploadsInParts(t *testing.T) {
	t.Parallel()
	for name, version := range versions() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			heard := w.heard()
			c, ctx := w.local(version), t.Context()
			key, whole := "incoming/a b+1.qcow2", sample(250_000)
			begun, err := c.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{
				Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), ContentType: oss.Ptr("image/x"), Metadata: map[string]string{"team": "web"},
			})
			if err != nil || *begun.Key != key {
				t.Fatalf("%+v, %v", begun, err)
			}
			var parts []oss.UploadPart
			for n, b := range [][]byte{whole[:120_000], whole[120_000:230_000], whole[230_000:]} {
				put, err := c.UploadPart(ctx, &oss.UploadPartRequest{
					Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), UploadId: begun.UploadId, PartNumber: int32(2*n + 1), Body: bytes.NewReader(b),
				})
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, oss.UploadPart{PartNumber: int32(2*n + 1), ETag: put.ETag})
			}
			if _, err := c.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)}); !strings.HasPrefix(code(err), "404") {
				t.Errorf("it is there before it is complete: %v", err)
			}
			checkOpen(t, c, key, begun.UploadId)
			complete := func(parts []oss.UploadPart) (*oss.CompleteMultipartUploadResult, error) {
				return c.CompleteMultipartUpload(ctx, &oss.CompleteMultipartUploadRequest{
					Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), UploadId: begun.UploadId, CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: parts},
				})
			}
			backwards := cloudsim.CompleteMultipartUploadRequest{ // the SDK sorts them
				Upload: cloudsim.UploadName{Bucket: bucket, Key: key, ID: *begun.UploadId},
				Parts:  []cloudsim.PartName{{Number: 3, ETag: *parts[1].ETag}, {Number: 1, ETag: *parts[0].ETag}},
			}
			var no *cloudsim.Refusal
			if _, err := w.owner().CompleteMultipartUpload(backwards); !errors.As(err, &no) || no.Code != "InvalidPartOrder" {
				t.Errorf("out of order: %v", err)
			}
			if _, err := complete([]oss.UploadPart{parts[0], {PartNumber: 2, ETag: parts[0].ETag}}); code(err) != "400 InvalidPart" {
				t.Errorf("a part that is not there: %v", err)
			}
			if _, err := complete([]oss.UploadPart{parts[2], {PartNumber: 7, ETag: parts[0].ETag}}); code(err) != "400 InvalidPart" {
				t.Errorf("got %v", err)
			}
			done, err := complete(parts)
			want := cloudsim.ContentOf(whole)
			if err != nil || *done.HashCRC64 != fmt.Sprint(want.CRC()) || !strings.HasSuffix(strings.Trim(*done.ETag, `"`), "-3") {
				t.Fatalf("%+v, %v", done, err)
			}
			got, err := c.GetObject(ctx, &oss.GetObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(got.Body)
			if err != nil || !bytes.Equal(text, whole) || *got.ObjectType != "Multipart" || *got.ContentType != "image/x" || got.Metadata["team"] != "web" || got.ContentMD5 != nil {
				t.Errorf("%d bytes, %v, %+v", len(text), err, got)
			}
			if _, err := complete(parts); code(err) != "404 NoSuchUpload" {
				t.Errorf("completed twice: %v", err)
			}
			events := []string{
				"ObjectCreated:InitiateMultipartUpload " + key + " 0 0", "ObjectCreated:UploadPart " + key + " 120000 120000",
				"ObjectCreated:UploadPart " + key + " 110000 110000", "ObjectCreated:UploadPart " + key + " 20000 20000",
				"ObjectCreated:CompleteMultipartUpload " + key + " 250000 250000",
			}
			if !slices.Equal(heard(), events) {
				t.Errorf("heard %q", heard())
			}
		})
	}
}

// checkOpen checks what the listings say of an upload of three parts.
func checkOpen(t *testing.T, c *oss.Client, key string, id *string) {
	t.Helper()
	open, err := c.ListMultipartUploads(t.Context(), &oss.ListMultipartUploadsRequest{Bucket: oss.Ptr(bucket), Prefix: oss.Ptr("incoming/")})
	if err != nil || len(open.Uploads) != 1 || *open.Uploads[0].Key != key || *open.Uploads[0].UploadId != *id {
		t.Errorf("%+v, %v", open, err)
	}
	var numbers []int32
	for p := c.NewListPartsPaginator(&oss.ListPartsRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key), UploadId: id, MaxParts: 2}); p.HasNext(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range page.Parts {
			numbers = append(numbers, part.PartNumber)
		}
	}
	if !slices.Equal(numbers, []int32{1, 3, 5}) {
		t.Errorf("parts %v", numbers)
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	begin := func(key string) *string {
		begun, err := c.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
		if err != nil {
			t.Fatal(err)
		}
		return begun.UploadId
	}
	part := func(id *string, n int32, size int) error {
		return second(c.UploadPart(ctx, &oss.UploadPartRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), UploadId: id, PartNumber: n, Body: bytes.NewReader(sample(size))}))
	}
	all := func(id *string, forbid bool) error {
		req := &oss.CompleteMultipartUploadRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), UploadId: id, CompleteAll: oss.Ptr("yes")}
		if forbid {
			req.ForbidOverwrite = oss.Ptr("true")
		}
		return second(c.CompleteMultipartUpload(ctx, req))
	}
	id := begin("k")
	if err := all(id, false); code(err) != "400 InvalidArgument" {
		t.Errorf("no parts: %v", err)
	}
	if err := part(id, 10001, 1); code(err) != "400 InvalidArgument" {
		t.Errorf("number 10001: %v", err)
	}
	if err := part(oss.Ptr("none"), 1, 1); code(err) != "404 NoSuchUpload" {
		t.Errorf("no such upload: %v", err)
	}
	if err := second(c.UploadPart(ctx, &oss.UploadPartRequest{
		Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), UploadId: id, PartNumber: 1, Body: strings.NewReader("x"), ContentMD5: oss.Ptr("AAAAAAAAAAAAAAAAAAAAAA=="),
	})); code(err) != "400 InvalidDigest" {
		t.Errorf("digest: %v", err)
	}
	for n, size := range map[int32]int{1: 102_399, 2: 5} {
		if err := part(id, n, size); err != nil {
			t.Fatal(err)
		}
	}
	if err := all(id, false); code(err) != "400 EntityTooSmall" {
		t.Errorf("a part that is too small: %v", err)
	}
	if err := part(id, 1, 102_400); err != nil { // in place of the one before
		t.Fatal(err)
	}
	if err := all(id, false); err != nil {
		t.Errorf("all parts: %v", err)
	}
	id = begin("k")
	if err := part(id, 1, 5); err != nil {
		t.Fatal(err)
	}
	if err := all(id, true); code(err) != "409 FileAlreadyExists" {
		t.Errorf("overwritten: %v", err)
	}
	if _, err := c.AbortMultipartUpload(ctx, &oss.AbortMultipartUploadRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), UploadId: id}); err != nil {
		t.Error(err)
	}
	if _, err := c.AbortMultipartUpload(ctx, &oss.AbortMultipartUploadRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), UploadId: id}); code(err) != "404 NoSuchUpload" {
		t.Errorf("aborted twice: %v", err)
	}
	if _, err := c.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k"), ForbidOverwrite: oss.Ptr("true")}); code(err) != "409 FileAlreadyExists" {
		t.Errorf("begun over an object: %v", err)
	}
}

func TestUploadsAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	var want []string
	for n := range 7 {
		key := fmt.Sprintf("d%d/k", n%3)
		begun, err := c.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr(key)})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, key+" "+*begun.UploadId)
	}
	slices.Sort(want)
	var got, prefixes []string
	for p := c.NewListMultipartUploadsPaginator(&oss.ListMultipartUploadsRequest{Bucket: oss.Ptr(bucket), MaxUploads: 2}); p.HasNext(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Uploads {
			got = append(got, *u.Key+" "+*u.UploadId)
		}
	}
	for after := ""; ; { // the SDK does not read the prefixes
		page, err := w.owner().ListMultipartUploads(cloudsim.ListMultipartUploadsRequest{Bucket: bucket, Max: 1, Delimiter: "/", KeyMarker: after})
		if err != nil {
			t.Fatal(err)
		}
		prefixes = append(prefixes, page.Prefixes...)
		if after = page.NextKey; after == "" {
			break
		}
	}
	if !slices.Equal(got, want) || !slices.Equal(prefixes, []string{"d0/", "d1/", "d2/"}) {
		t.Errorf("got %v and %v, want %v", got, prefixes, want)
	}
}

// TestUploader: what people call to upload a file.
func TestUploader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.local(oss.SignatureVersionV4), t.Context()
	b := sample(1_000_003)
	if _, err := c.NewUploader(func(o *oss.UploaderOptions) { o.PartSize = 200_000 }).UploadFrom(ctx, &oss.PutObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k")}, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	copied, err := c.NewCopier(func(o *oss.CopierOptions) {
		o.MultipartCopyThreshold, o.PartSize, o.DisableShallowCopy = 300_000, 300_000, true
	}).
		Copy(ctx, &oss.CopyObjectRequest{Bucket: oss.Ptr(bucket), Key: oss.Ptr("k2"), SourceBucket: oss.Ptr(bucket), SourceKey: oss.Ptr("k")})
	if err != nil || copied.UploadId == nil {
		t.Fatalf("%+v, %v", copied, err)
	}
	for _, key := range []string{"k", "k2"} {
		o, err := w.owner().GetObject(cloudsim.ObjectName{Bucket: bucket, Key: key})
		if err != nil || !bytes.Equal(o.Content.Bytes(), b) || o.Content.CRC() != cloudsim.ContentOf(b).CRC() || o.Type != cloudsim.TypeMultipart {
			t.Errorf("%s: %s, %d bytes, %v", key, o.Type, o.Content.Size(), err)
		}
	}
}
