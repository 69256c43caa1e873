package oss

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5, the digest that OSS checks what it received against, is MD5
	"encoding/base64"
	"errors"
	"hash/crc64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"imagekeeper/shared/fault"
)

// attemptTimeout ends one attempt of one call, answer included.
const attemptTimeout = 20 * time.Second

// mostBytes is the longest object, or part of one, that is read.
const mostBytes = 64 << 20

// pageSize is the most keys that a page of a list holds.
const pageSize = 1000

// mostKeys bounds one list.
const mostKeys = 1_000_000

// answers sends through a courier, and reads no answer to more than mostBytes.
type answers struct{ sdk.HTTPClient }

// Do sends a request.
func (a answers) Do(r *http.Request) (*http.Response, error) {
	answer, err := a.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, mostBytes+1), answer.Body}
	return answer, nil
}

// Get returns an object from byte offset on, which may be its end. It fails with
// fault.NotFound if there is no such object, with fault.Invalid if it ends before
// offset, and with fault.Unknown for an answer that is short, or damaged: a whole
// object is checked against OSS's CRC. Source: GetObject.
func (b *Bucket) Get(ctx context.Context, key string, offset int64) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fault.InField("offset", "outOfRange", "must not be negative")
	}
	var content []byte
	err := b.read(ctx, "GetObject", func(ctx context.Context) (err error) {
		content, err = b.get(ctx, key, offset)
		return err
	})
	if fault.Code(err) != codeRange {
		return content, err
	}
	length, err := b.length(ctx, key)
	if err == nil && length != offset {
		return nil, fault.InField("offset", "outOfRange", "the object has %d bytes", length)
	}
	return nil, err
}

// get is one attempt of Get.
func (b *Bucket) get(ctx context.Context, key string, offset int64) ([]byte, error) {
	request := &sdk.GetObjectRequest{Bucket: &b.name, Key: &key}
	if offset > 0 {
		request.Range = sdk.Ptr("bytes=" + strconv.FormatInt(offset, 10) + "-")
		request.RangeBehavior = sdk.Ptr("standard")
	}
	answer, err := b.client.GetObject(ctx, request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, err
	case len(content) > mostBytes:
		return nil, fault.New(fault.Exhausted, "oss:GetObject: the object is too long").WithCode("objectTooLong")
	case answer.ContentLength >= 0 && answer.ContentLength != int64(len(content)):
		return nil, errDamaged
	case offset == 0 && !checked(content, answer.HashCRC64):
		return nil, errDamaged
	case offset > 0 && !follows(sdk.ToString(answer.ContentRange), offset, len(content)):
		return nil, errDamaged
	}
	return content, nil
}

// checked reports whether content has the checksum that OSS keeps of an object.
func checked(content []byte, sum *string) bool {
	return sum != nil && *sum == strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10)
}

// follows reports whether a Content-Range, "bytes 5-9/10", is all from offset on.
func follows(said string, offset int64, length int) bool {
	last := offset + int64(length) - 1
	return said == "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(last, 10)+"/"+strconv.FormatInt(last+1, 10)
}

// length asks how long an object is. Source: HeadObject.
func (b *Bucket) length(ctx context.Context, key string) (int64, error) {
	var length int64
	err := b.read(ctx, "HeadObject", func(ctx context.Context) error {
		answer, err := b.client.HeadObject(ctx, &sdk.HeadObjectRequest{Bucket: &b.name, Key: &key})
		if err != nil {
			return err
		}
		if length = answer.ContentLength; length < 0 {
			return errDamaged
		}
		return nil
	})
	return length, err
}

// Append adds to the end of an object, or begins it at position 0. It fails with
// fault.Conflict if the object's length is not position, and with
// fault.Precondition if it is not one that is appended to. After
// fault.Unavailable or fault.Unknown it may have been done: it is repeated only
// where OSS certainly did nothing. Source: AppendObject.
func (b *Bucket) Append(ctx context.Context, key string, position int64, content []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if position < 0 || len(content) == 0 || len(content) > mostBytes {
		return fault.New(fault.Invalid, "oss:AppendObject: %d bytes cannot be added at %d", len(content), position)
	}
	for try := 1; ; try++ {
		failed := b.once(ctx, "AppendObject", func(ctx context.Context) error { return b.append(ctx, key, position, content) })
		if failed == nil || failed.Kind != fault.Throttled || try >= attempts || !b.pause(ctx, try) {
			return orNil(failed)
		}
	}
}

// append is one attempt of Append. OSS checks what it gets against the digest,
// and the first part's checksum is checked here.
func (b *Bucket) append(ctx context.Context, key string, position int64, content []byte) error {
	sum := md5.Sum(content)
	request := &sdk.AppendObjectRequest{
		Bucket: &b.name, Key: &key, Position: &position, Body: bytes.NewReader(content),
		ContentMD5:  sdk.Ptr(base64.StdEncoding.EncodeToString(sum[:])),
		ContentType: sdk.Ptr("application/octet-stream"),
	}
	if position == 0 {
		request.InitHashCRC64 = sdk.Ptr("0")
	}
	answer, err := b.client.AppendObject(ctx, request)
	if err != nil {
		return err
	}
	if answer.NextPosition != position+int64(len(content)) {
		return errDamaged
	}
	return nil
}

// List returns the keys that begin with prefix, all of them, in order. It fails
// with fault.Unknown rather than leave some out. Source: ListObjectsV2.
func (b *Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	for token := ""; ; {
		var page *sdk.ListObjectsV2Result
		err := b.read(ctx, "ListObjectsV2", func(ctx context.Context) (err error) {
			page, err = b.page(ctx, prefix, token)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			keys = append(keys, sdk.ToString(object.Key))
		}
		next := sdk.ToString(page.NextContinuationToken)
		switch {
		case !inOrder(keys, prefix) || page.IsTruncated && (next == "" || next == token || len(keys) > mostKeys):
			return nil, fault.New(fault.Unknown, "oss:ListObjectsV2: the pages do not make one list").WithCode("listUnsettled")
		case !page.IsTruncated:
			return keys, nil
		}
		token = next
	}
}

// page reads one page of a list. An answer that does not say of which bucket it
// is, or counts otherwise than it lists, is none.
func (b *Bucket) page(ctx context.Context, prefix, token string) (*sdk.ListObjectsV2Result, error) {
	request := &sdk.ListObjectsV2Request{Bucket: &b.name, Prefix: &prefix, MaxKeys: pageSize}
	if token != "" {
		request.ContinuationToken = &token
	}
	page, err := b.client.ListObjectsV2(ctx, request)
	if err != nil {
		return nil, err
	}
	if sdk.ToString(page.Name) != b.name || sdk.ToString(page.Prefix) != prefix || page.KeyCount != len(page.Contents) {
		return nil, errDamaged
	}
	return page, nil
}

// inOrder reports whether keys are what OSS lists: each once, in byte order, all
// with the prefix.
func inOrder(keys []string, prefix string) bool {
	for i, k := range keys {
		if k == "" || !strings.HasPrefix(k, prefix) || i > 0 && keys[i-1] >= k {
			return false
		}
	}
	return true
}

// checkKey fails with fault.Invalid for what OSS does not allow as a key.
func checkKey(key string) error {
	if key == "" || len(key) > 1023 || key[0] == '/' || key[0] == '\\' || slices.Contains(strings.Split(key, "/"), "..") {
		return fault.InField("key", "keyMalformed", "must be 1 to 1023 bytes, without a slash in front and without ..")
	}
	return nil
}

// orNil is failed as an error that is nil if there is none.
func orNil(failed *fault.Error) error {
	if failed == nil {
		return nil
	}
	return failed
}

// errDamaged says that an answer is not what was asked for, or not whole.
var errDamaged = errors.New("the answer is short or damaged")
