package oss

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/signer"

	"imagekeeper/shared/fault"
)

// request is one request to a bucket, or to an object in it.
type request struct {
	method string
	// key is the object's; empty for the bucket itself.
	key string
	// query is encoded: a space is %20, and a parameter without a value has no =.
	query  string
	header map[string]string
	body   []byte
}

// send signs a request, sends it, and returns an answer that is not a refusal,
// whose body is no longer than mostBytes+1 and which the caller closes.
func (b *Bucket) send(ctx context.Context, r request) (*http.Response, error) {
	if b.store.bucket == "" {
		return nil, fault.New(fault.Internal, "oss: no bucket was named")
	}
	as, err := b.signAs(ctx, r.method)
	if err != nil {
		return nil, err
	}
	signed, err := b.sign(ctx, r, as)
	if err != nil {
		return nil, err
	}
	answer, err := b.store.cloud.Courier().Do(signed)
	if err != nil {
		return nil, err
	}
	noteID(ctx, answer)
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, mostBytes+1), answer.Body}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		return nil, readRefusal(answer)
	}
	return answer, nil
}

// sign builds a request and has the SDK sign it as of a time, with credentials
// that are good now.
func (b *Bucket) sign(ctx context.Context, r request, as time.Time) (*http.Request, error) {
	held, err := b.account.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	address := b.store.base + escape(r.key)
	if r.query != "" {
		address += "?" + r.query
	}
	out, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, fault.New(fault.Internal, "oss: the request could not be built")
	}
	for name, value := range r.header {
		out.Header.Set(name, value)
	}
	out.Header.Set("User-Agent", "imagekeeper")
	product := "oss"
	signing := signer.SigningContext{
		Product: &product, Region: &b.store.region, Bucket: &b.store.bucket, Request: out, Time: as,
		Credentials: &credentials.Credentials{AccessKeyID: held.AccessKeyID, AccessKeySecret: held.Secret, SecurityToken: held.SecurityToken},
	}
	if r.key != "" {
		signing.Key = &r.key
	}
	if err := (&signer.SignerV4{}).Sign(ctx, &signing); err != nil {
		return nil, fault.New(fault.Internal, "oss: the request could not be signed")
	}
	return out, nil
}

// escape writes a key as it is signed: only letters, digits, -, ., _, ~ and /
// stay as they are.
func escape(key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(key))
}

// refusal is an error answer. Code is empty if it cannot be read.
type refusal struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	RequestID string `xml:"RequestId"`
	Status    int    `xml:"-"`
}

// Error says no more than the status: the rest is not ours.
func (r refusal) Error() string { return http.StatusText(r.Status) }

// readRefusal reads an error answer; one to HEAD has its text in a header.
func readRefusal(answer *http.Response) refusal {
	text, err := io.ReadAll(answer.Body)
	if said := answer.Header.Get("X-Oss-Err"); len(text) == 0 && said != "" {
		text, err = base64.StdEncoding.DecodeString(said)
	}
	var read refusal
	if err != nil || xml.Unmarshal(text, &read) != nil {
		read = refusal{}
	}
	if read.RequestID == "" {
		read.RequestID = answer.Header.Get("X-Oss-Request-Id")
	}
	read.Status = answer.StatusCode
	return read
}

// page is a page of a list.
type page struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	EncodingType          string
	Name                  string
	Prefix                string
	KeyCount              int
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct{ Key string }
}

// readPage reads a page, and undoes the encoding of what may hold any character.
func readPage(text []byte) (page, error) {
	var read page
	if err := xml.Unmarshal(text, &read); err != nil {
		return page{}, err
	}
	if !strings.EqualFold(read.EncodingType, "url") {
		return read, nil
	}
	encoded := []*string{&read.Prefix, &read.NextContinuationToken}
	for i := range read.Contents {
		encoded = append(encoded, &read.Contents[i].Key)
	}
	for _, text := range encoded {
		plain, err := url.QueryUnescape(*text)
		if err != nil {
			return page{}, err
		}
		*text = plain
	}
	return read, nil
}
