package oss

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"imagekeeper/shared/fault"
)

// Newer returns an object of any bucket, whole, and its ETag, unless it is still
// the one with the ETag known: then text is nil, and the ETag the same. known is
// empty where none is. It fails with fault.NotFound if there is no such object, or
// no such bucket, with fault.Exhausted if it has more than most bytes, and
// otherwise as Get. Source: GetObject If-None-Match.
func (b *Bucket) Newer(ctx context.Context, bucket, key, known string, most int) (text []byte, etag string, err error) {
	other, err := b.in(bucket, key)
	if err != nil {
		return nil, "", err
	}
	err = other.read(ctx, getObject, func(ctx context.Context) (err error) {
		text, etag, err = other.newer(ctx, key, known, most)
		return err
	})
	return text, etag, noBucket(err)
}

// newer is one attempt of Newer.
func (b *Bucket) newer(ctx context.Context, key, known string, most int) ([]byte, string, error) {
	asked := request{method: http.MethodGet, key: key}
	if known != "" {
		asked.header = map[string]string{"If-None-Match": `"` + known + `"`}
	}
	answer, err := b.send(ctx, asked)
	var refused refusal
	if errors.As(err, &refused) && refused.Status == http.StatusNotModified && known != "" {
		return nil, known, nil
	}
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, int64(most)+1))
	etag := strings.Trim(answer.Header.Get("Etag"), `"`)
	switch {
	case err != nil:
		return nil, "", err
	case len(text) > most:
		return nil, "", fault.New(fault.Exhausted, "oss:GetObject: the object has more than %d bytes", most).WithCode("objectTooLong")
	case etag == "", answer.ContentLength >= 0 && answer.ContentLength != int64(len(text)), answer.Header.Get(headerSum) != checksum(text):
		return nil, "", errDamaged
	}
	return text, etag, nil
}
