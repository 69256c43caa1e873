package oss_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
)

const bucketName = "journal-of-tests"

// store is a server that speaks just enough of OSS.
type store struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	// seen are method and path of every request, keys the access keys.
	seen, keys []string
	// pageSize is how many keys a page lists at most.
	pageSize int
	// spoil may answer in place of the store; it reports whether it did.
	spoil func(out http.ResponseWriter, r *http.Request, n int) bool
}

func newStore(t testing.TB) *store {
	t.Helper()
	s := start()
	t.Cleanup(s.Close)
	return s
}

func start() *store {
	s := &store{objects: map[string][]byte{}, pageSize: 1000}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// bucket is the bucket as somebody with the local key sees it.
func (s *store) bucket(t testing.TB) *oss.Bucket {
	t.Helper()
	cloud, err := alicloud.Open(alicloud.Config{Jitter: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := oss.Open(cloud, oss.Config{Bucket: bucketName, Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return opened.As(cloud.Account(alicloud.Credentials{AccessKeyID: "local", Secret: "local-secret", SecurityToken: "token"}))
}

// count is how many requests came.
func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func (s *store) serve(out http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r.Method+" "+r.URL.Path)
	s.keys = append(s.keys, r.Header.Get("Authorization")+" "+r.Header.Get("X-Oss-Security-Token"))
	if s.spoil != nil && s.spoil(out, r, len(s.seen)) {
		return
	}
	key, inBucket := strings.CutPrefix(r.URL.Path, "/"+bucketName+"/")
	switch {
	case !inBucket:
		refuse(out, 404, "NoSuchBucket")
	case key == "":
		s.list(out, r)
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		out.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost:
		s.add(out, r, key)
	default:
		s.get(out, r, key)
	}
}

// refuse writes an error answer, whose message repeats a secret.
func refuse(out http.ResponseWriter, status int, code string) {
	out.Header().Set("Content-Type", "application/xml")
	out.WriteHeader(status)
	fmt.Fprintf(out, `<?xml version="1.0"?><Error><Code>%s</Code><Message>local-secret</Message><RequestId>5C3D9175B6FC201293AD4890</RequestId></Error>`, code)
}

func sum(content []byte) string {
	return strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10)
}

func (s *store) add(out http.ResponseWriter, r *http.Request, key string) {
	content, _ := io.ReadAll(r.Body)
	digest := md5.Sum(content)
	position, err := strconv.Atoi(r.URL.Query().Get("position"))
	switch {
	case err != nil || !r.URL.Query().Has("append"):
		refuse(out, 400, "InvalidArgument")
	case r.Header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(digest[:]):
		refuse(out, 400, "InvalidDigest")
	case position != len(s.objects[key]):
		refuse(out, 409, "PositionNotEqualToLength")
	default:
		s.objects[key] = append(s.objects[key], content...)
		out.Header().Set("X-Oss-Next-Append-Position", strconv.Itoa(len(s.objects[key])))
		out.Header().Set("X-Oss-Hash-Crc64ecma", sum(s.objects[key]))
	}
}

func (s *store) get(out http.ResponseWriter, r *http.Request, key string) {
	content, ok := s.objects[key]
	if !ok {
		refuse(out, 404, "NoSuchKey")
		return
	}
	out.Header().Set("X-Oss-Hash-Crc64ecma", sum(content))
	out.Header().Set("Etag", etagOf(content))
	if r.Header.Get("If-None-Match") == etagOf(content) {
		out.WriteHeader(http.StatusNotModified)
		return
	}
	from := 0
	if said, ranged := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ranged {
		from, _ = strconv.Atoi(strings.TrimSuffix(said, "-"))
		if from >= len(content) {
			refuse(out, 416, "InvalidRange")
			return
		}
		out.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	out.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	if from > 0 {
		out.WriteHeader(http.StatusPartialContent)
	}
	if r.Method != http.MethodHead {
		_, _ = out.Write(content[from:])
	}
}

// etagOf is the ETag of an object with that content.
func etagOf(content []byte) string { return fmt.Sprintf("\"%X\"", md5.Sum(content)) }

// listed is an answer of ListObjectsV2.
type listed struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	MaxKeys               int
	KeyCount              int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []content
}

type content struct {
	Key  string
	Size int
}

func (s *store) list(out http.ResponseWriter, r *http.Request) {
	prefix, after := r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token")
	answer := listed{Name: bucketName, Prefix: prefix, MaxKeys: s.pageSize}
	var keys []string
	for k := range s.objects {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if len(keys) > s.pageSize {
		keys = keys[:s.pageSize]
		answer.IsTruncated, answer.NextContinuationToken = true, keys[s.pageSize-1]
	}
	for _, k := range keys {
		answer.Contents = append(answer.Contents, content{k, len(s.objects[k])})
	}
	answer.KeyCount = len(keys)
	out.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(out).Encode(answer)
}
