package oss

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Head tells what an object of any bucket is, and of its bucket what bears on
// reading it, as far as that may be asked. It fails with fault.NotFound if there
// is no such object, or no such bucket. Source: HeadObject, GetBucketInfo.
func (b *Bucket) Head(ctx context.Context, bucket, key string) (image.ObjectInfo, error) {
	other, err := b.in(bucket, key)
	if err != nil {
		return image.ObjectInfo{}, err
	}
	var info image.ObjectInfo
	err = other.read(ctx, headObject, func(ctx context.Context) error {
		answer, err := other.send(ctx, request{method: http.MethodHead, key: key})
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		info, err = readInfo(answer)
		return err
	})
	if err != nil {
		return image.ObjectInfo{}, noBucket(err)
	}
	found, err := other.info(ctx)
	if err != nil && ctx.Err() != nil {
		return image.ObjectInfo{}, err
	}
	if err == nil {
		info.Region = found.region
		if info.Encrypted != image.Yes {
			info.Encrypted = image.TriOf(found.encrypted)
		}
	}
	return info, nil
}

// BucketRegion tells where any bucket is. It fails with fault.NotFound if there is no
// such bucket. Source: GetBucketInfo.
func (b *Bucket) BucketRegion(ctx context.Context, bucket string) (image.RegionID, error) {
	other, err := b.in(bucket, anyKey)
	if err != nil {
		return "", err
	}
	found, err := other.info(ctx)
	return found.region, noBucket(err)
}

// anyKey is one for what is asked of a bucket alone.
const anyKey = "-"

// in is another bucket, as the same account sees it.
func (b *Bucket) in(bucket, key string) (*Bucket, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if bucket == b.store.bucket {
		return b, nil
	}
	other, err := b.store.of(bucket)
	if err != nil {
		return nil, err
	}
	return &Bucket{store: other, account: b.account, timeout: b.timeout}, nil
}

// noBucket: where an object is asked for that anybody may name, a bucket that
// does not exist is not found like the object.
func noBucket(err error) error {
	if fault.Code(err) != "NoSuchBucket" {
		return err
	}
	return fault.New(fault.NotFound, "oss: there is no such bucket").WithCode("NoSuchBucket")
}

// readInfo reads the headers of an answer to HeadObject.
func readInfo(answer *http.Response) (image.ObjectInfo, error) {
	h := answer.Header
	at, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || answer.ContentLength < 0 || h.Get("Etag") == "" {
		return image.ObjectInfo{}, errDamaged
	}
	info := image.ObjectInfo{
		ETag: h.Get("Etag"), CRC64: h.Get(headerSum), Size: answer.ContentLength, ModifiedAt: at.UTC(),
		VersionID: h.Get("X-Oss-Version-Id"), StorageClass: h.Get("X-Oss-Storage-Class"),
	}
	if h.Get("X-Oss-Server-Side-Encryption") != "" {
		info.Encrypted = image.Yes
	}
	if strings.Contains(info.StorageClass, "Archive") {
		info.Restored = image.TriOf(strings.Contains(h.Get("X-Oss-Restore"), `ongoing-request="false"`))
	}
	return info, nil
}

// bucketInfo is what GetBucketInfo tells.
type bucketInfo struct {
	region    image.RegionID
	encrypted bool
}

// info asks about the bucket. Source: GetBucketInfo.
func (b *Bucket) info(ctx context.Context) (bucketInfo, error) {
	var info bucketInfo
	err := b.read(ctx, getBucketInfo, func(ctx context.Context) error {
		answer, err := b.send(ctx, request{method: http.MethodGet, query: "bucketInfo"})
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		var said struct {
			XMLName xml.Name `xml:"BucketInfo"`
			Bucket  struct {
				Name, Location           string
				ServerSideEncryptionRule struct{ SSEAlgorithm string }
			}
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		if xml.Unmarshal(text, &said) != nil || said.Bucket.Name != b.store.bucket || said.Bucket.Location == "" {
			return errDamaged
		}
		info.region = image.RegionID(strings.TrimPrefix(said.Bucket.Location, "oss-"))
		algorithm := said.Bucket.ServerSideEncryptionRule.SSEAlgorithm
		info.encrypted = algorithm != "" && algorithm != "None"
		return nil
	})
	return info, err
}

// ReadAt returns exactly length bytes of an object of any bucket, from offset on.
// It fails with fault.Invalid if the object ends before that, and otherwise as Get.
// Source: GetObject Range.
func (b *Bucket) ReadAt(ctx context.Context, bucket, key string, offset, length int64) ([]byte, error) {
	other, err := b.in(bucket, key)
	if err != nil {
		return nil, err
	}
	if offset < 0 || length < 1 || length > mostBytes {
		return nil, fault.InField("offset", "outOfRange", "1 to %d bytes can be read at once", mostBytes)
	}
	var content []byte
	err = other.read(ctx, getObject, func(ctx context.Context) (err error) {
		content, err = other.part(ctx, key, offset, length)
		return err
	})
	if fault.Code(err) == codeRange {
		return nil, fault.InField("offset", "outOfRange", "the object ends before that")
	}
	return content, noBucket(err)
}

// part is one attempt of ReadAt.
func (b *Bucket) part(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	last := strconv.FormatInt(offset+length-1, 10)
	answer, err := b.send(ctx, request{method: http.MethodGet, key: key, header: map[string]string{
		"Range": "bytes=" + strconv.FormatInt(offset, 10) + "-" + last, "X-Oss-Range-Behavior": "standard",
	}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(answer.Body, length+1))
	if err != nil {
		return nil, err
	}
	said, total, _ := strings.Cut(answer.Header.Get("Content-Range"), "/")
	size, err := strconv.ParseInt(total, 10, 64)
	switch {
	case err == nil && size < offset+length:
		return nil, fault.InField("offset", "outOfRange", "the object ends before that")
	case err != nil || said != "bytes "+strconv.FormatInt(offset, 10)+"-"+last || int64(len(content)) != length:
		return nil, errDamaged
	}
	return content, nil
}

// of is another bucket behind the same endpoint.
func (s *Store) of(bucket string) (*Store, error) {
	if !bucketName(bucket) {
		return nil, fault.InField("bucket", "bucketMalformed", "must be 3 to 63 small letters, digits or -, as OSS names buckets")
	}
	return &Store{cloud: s.cloud, bucket: bucket, region: s.region, endpoint: s.endpoint, base: baseOf(s.endpoint, bucket)}, nil
}

// baseOf is the address of a bucket; a key follows it.
func baseOf(endpoint url.URL, bucket string) string {
	if strings.HasSuffix(endpoint.Hostname(), ".aliyuncs.com") {
		return endpoint.Scheme + "://" + bucket + "." + endpoint.Host + "/"
	}
	return endpoint.Scheme + "://" + endpoint.Host + "/" + bucket + "/"
}

// signAs is as of when a request is signed, now unless it changes something and
// has an end.
func (b *Bucket) signAs(ctx context.Context, method string) (time.Time, error) {
	if method == http.MethodGet || method == http.MethodHead {
		return time.Now(), nil
	}
	return b.store.cloud.SignAt(ctx)
}
