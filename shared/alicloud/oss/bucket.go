package oss

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
	err := b.read(ctx, getObject, func(ctx context.Context) (err error) {
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
	asked := request{method: http.MethodGet, key: key}
	if offset > 0 {
		asked.header = map[string]string{
			"Range":                "bytes=" + strconv.FormatInt(offset, 10) + "-",
			"X-Oss-Range-Behavior": "standard",
		}
	}
	answer, err := b.send(ctx, asked)
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
	case offset == 0 && answer.Header.Get(headerSum) != checksum(content):
		return nil, errDamaged
	case offset > 0 && !follows(answer.Header.Get("Content-Range"), offset, len(content)):
		return nil, errDamaged
	}
	return content, nil
}

// headerSum is what holds the checksum that OSS keeps of an object.
const headerSum = "X-Oss-Hash-Crc64ecma"

// checksum is the one that OSS keeps of an object with that content.
func checksum(content []byte) string {
	return strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10)
}

// follows reports whether a Content-Range, "bytes 5-9/10", is all from offset on.
func follows(said string, offset int64, length int) bool {
	last := offset + int64(length) - 1
	return said == "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(last, 10)+"/"+strconv.FormatInt(last+1, 10)
}

// length asks how long an object is. Source: HeadObject.
func (b *Bucket) length(ctx context.Context, key string) (int64, error) {
	var length int64
	err := b.read(ctx, headObject, func(ctx context.Context) error {
		answer, err := b.send(ctx, request{method: http.MethodHead, key: key})
		if err != nil {
			return err
		}
		defer answer.Body.Close()
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
		failed := b.once(ctx, appendObject, func(ctx context.Context) error { return b.append(ctx, key, position, content) })
		if failed == nil || failed.Kind != fault.Throttled || try >= attempts || !b.pause(ctx, try) {
			return orNil(failed)
		}
	}
}

// append is one attempt of Append. OSS checks what it gets against the digest,
// and the first part's checksum is checked here.
func (b *Bucket) append(ctx context.Context, key string, position int64, content []byte) error {
	digest := md5.Sum(content)
	answer, err := b.send(ctx, request{
		method: http.MethodPost, key: key, query: "append&position=" + strconv.FormatInt(position, 10), body: content,
		header: map[string]string{
			"Content-Md5":  base64.StdEncoding.EncodeToString(digest[:]),
			"Content-Type": "application/octet-stream",
		},
	})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return errDamaged
	}
	sum := answer.Header.Get(headerSum)
	next, err := strconv.ParseInt(answer.Header.Get("X-Oss-Next-Append-Position"), 10, 64)
	if err != nil || next != position+int64(len(content)) || position == 0 && sum != "" && sum != checksum(content) {
		return errDamaged
	}
	return nil
}

// List returns the keys that begin with prefix, all of them or those up to last,
// in order. It fails with fault.Unknown rather than leave some out. Source:
// ListObjectsV2.
func (b *Bucket) List(ctx context.Context, prefix, last string) ([]string, error) {
	var keys []string
	for token := ""; ; {
		var read page
		err := b.read(ctx, listObjects, func(ctx context.Context) (err error) {
			read, err = b.list(ctx, prefix, token)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, object := range read.Contents {
			keys = append(keys, object.Key)
		}
		next := read.NextContinuationToken
		switch {
		case !inOrder(keys, prefix) || read.IsTruncated && (next == "" || next == token || len(keys) > mostKeys):
			return nil, fault.New(fault.Unknown, "oss:ListObjectsV2: the pages do not make one list").WithCode("listUnsettled")
		case last != "" && len(keys) > 0 && keys[len(keys)-1] > last:
			beyond, _ := slices.BinarySearch(keys, last+"\x00")
			return keys[:beyond], nil
		case !read.IsTruncated:
			return keys, nil
		}
		token = next
	}
}

// Delete removes an object; one that is not there is removed, so that it is
// repeated as a reading call is. Source: DeleteObject.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return b.read(ctx, deleteObject, func(ctx context.Context) error {
		answer, err := b.send(ctx, request{method: http.MethodDelete, key: key})
		if err == nil {
			err = answer.Body.Close()
		}
		return err
	})
}

// list reads one page of a list. An answer that does not say of which bucket it
// is, or counts otherwise than it lists, is none.
func (b *Bucket) list(ctx context.Context, prefix, token string) (page, error) {
	query := url.Values{"list-type": {"2"}, "encoding-type": {"url"}, "max-keys": {strconv.Itoa(pageSize)}}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	if token != "" {
		query.Set("continuation-token", token)
	}
	answer, err := b.send(ctx, request{method: http.MethodGet, query: strings.ReplaceAll(query.Encode(), "+", "%20")})
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return page{}, err
	}
	read, err := readPage(text)
	if err != nil || read.Name != b.store.bucket || read.Prefix != prefix || read.KeyCount != len(read.Contents) {
		return page{}, errDamaged
	}
	return read, nil
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
