package ossapi

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// operation does what a call asks for and answers it.
type operation func(c *call) error

// operations are those there are, by method, what they are about, and the
// parameter that tells them apart.
func operations() map[string]operation {
	return map[string]operation{
		"GET service": listBuckets,

		"PUT bucket":            putBucket,
		"DELETE bucket":         deleteBucket,
		"GET bucket":            listObjects,
		"GET bucket bucketInfo": bucketInfo,
		"GET bucket location":   bucketLocation,
		"POST bucket delete":    deleteObjects,

		"PUT object":             putObject,
		"POST object append":     appendObject,
		"GET object":             getObject,
		"HEAD object":            getObject,
		"HEAD object objectMeta": getObject,
		"DELETE object":          deleteObject,
	}
}

// route finds the operation of a call.
func (s *Server) route(c *call) (operation, error) {
	about := "object"
	switch {
	case c.bucket == "":
		about = "service"
	case c.key == "":
		about = "bucket"
	}
	name := c.request.Method + " " + about
	for _, special := range special() {
		if c.query.Has(special) {
			name += " " + special
			break
		}
	}
	do, ok := s.operations[name]
	if !ok || c.request.Header.Get("x-oss-copy-source") != "" {
		return nil, refusal{501, "NotImplemented", "A header or parameter you provided implies functionality that is not implemented: " + name + "."}
	}
	return do, nil
}

// special are the parameters that make another operation of a request. Those of
// operations that there are not are among them, so that these are refused.
func special() []string {
	return []string{
		"bucketInfo", "location", "delete", "append", "objectMeta", "acl", "cors", "encryption", "inventory", "lifecycle", "logging", "policy",
		"referer", "replication", "restore", "stat", "style", "symlink", "tagging", "uploadId", "uploads", "versioning", "versions", "website",
		"worm", "x-oss-process",
	}
}

// stamp is a time as the documents have it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// owner is an account in a document.
type owner struct {
	ID          image.AccountID
	DisplayName image.AccountID
}

func ownerOf(account image.AccountID) *owner { return &owner{account, account} }

// bucketDocument describes a bucket.
type bucketDocument struct {
	Name             string
	Location         string
	CreationDate     string
	StorageClass     string
	ExtranetEndpoint string
	IntranetEndpoint string
	Region           image.RegionID
	Owner            *owner `xml:",omitempty"`
}

func newBucketDocument(b cloudsim.BucketInfo) bucketDocument {
	location := "oss-" + string(b.Region)
	return bucketDocument{
		Name: b.Name, Location: location, CreationDate: stamp(b.CreatedAt), StorageClass: "Standard",
		ExtranetEndpoint: location + ".aliyuncs.com", IntranetEndpoint: location + "-internal.aliyuncs.com", Region: b.Region,
	}
}

func listBuckets(c *call) error {
	buckets, err := c.session.ListBuckets()
	if err != nil {
		return err
	}
	var document struct {
		XMLName xml.Name `xml:"ListAllMyBucketsResult"`
		Owner   *owner   `xml:",omitempty"`
		Buckets struct{ Bucket []bucketDocument }
	}
	for _, b := range buckets {
		document.Owner = ownerOf(b.Owner)
		document.Buckets.Bucket = append(document.Buckets.Bucket, newBucketDocument(b))
	}
	return c.xml(http.StatusOK, document)
}

// homeRegion is where a bucket is made whose maker does not say.
const homeRegion = "cn-hangzhou"

func putBucket(c *call) error {
	body, err := c.body(maxForm)
	if err != nil {
		return err
	}
	var wanted struct {
		XMLName            xml.Name `xml:"CreateBucketConfiguration"`
		LocationConstraint string
	}
	if len(body) > 0 && xml.Unmarshal(body, &wanted) != nil {
		return refusal{400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema."}
	}
	region := strings.TrimPrefix(wanted.LocationConstraint, "oss-")
	if region == "" {
		region = homeRegion
	}
	if err := c.session.PutBucket(c.bucket, image.RegionID(region)); err != nil {
		return err
	}
	c.answer.Header().Set("Location", "/"+c.bucket)
	c.answer.WriteHeader(http.StatusOK)
	return nil
}

func deleteBucket(c *call) error {
	if err := c.session.DeleteBucket(c.bucket); err != nil {
		return err
	}
	c.answer.WriteHeader(http.StatusNoContent)
	return nil
}

func bucketInfo(c *call) error {
	info, err := c.session.GetBucketInfo(c.bucket)
	if err != nil {
		return err
	}
	var document struct {
		XMLName xml.Name `xml:"BucketInfo"`
		Bucket  bucketDocument
	}
	document.Bucket = newBucketDocument(info)
	document.Bucket.Owner = ownerOf(info.Owner)
	return c.xml(http.StatusOK, document)
}

func bucketLocation(c *call) error {
	info, err := c.session.GetBucketInfo(c.bucket)
	if err != nil {
		return err
	}
	return c.xml(http.StatusOK, struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: "oss-" + string(info.Region)})
}

// meta are the x-oss-meta- headers of a request.
func (c *call) meta() map[string]string {
	meta := map[string]string{}
	for name := range c.request.Header {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), "x-oss-meta-"); ok {
			meta[rest] = c.request.Header.Get(name)
		}
	}
	return meta
}

// written tells of an object that was written.
func (c *call) written(o cloudsim.Object) {
	c.answer.Header().Set("ETag", `"`+o.ETag+`"`)
	c.answer.Header().Set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(o.CRC, 10))
}

func putObject(c *call) error {
	body, err := c.body(maxObject)
	if err != nil {
		return err
	}
	o, err := c.session.PutObject(cloudsim.PutObjectRequest{
		Bucket: c.bucket, Key: c.key, Content: body, ContentType: c.request.Header.Get("Content-Type"), Meta: c.meta(),
		ForbidOverwrite: c.request.Header.Get("x-oss-forbid-overwrite") == "true",
	})
	if err != nil {
		return err
	}
	c.written(o)
	c.answer.WriteHeader(http.StatusOK)
	return nil
}

func appendObject(c *call) error {
	position, err := c.number("position", -1, 0, maxObject)
	if err != nil {
		return err
	}
	if position < 0 {
		return refusal{400, "MissingArgument", "Missing Some Required Arguments: position."}
	}
	body, err := c.body(maxObject)
	if err != nil {
		return err
	}
	o, err := c.session.AppendObject(cloudsim.AppendObjectRequest{
		Bucket: c.bucket, Key: c.key, Content: body, ContentType: c.request.Header.Get("Content-Type"), Meta: c.meta(), Position: position,
	})
	if err != nil {
		if now, gone := c.session.GetObject(c.bucket, c.key); gone == nil {
			c.answer.Header().Set("X-Oss-Next-Append-Position", strconv.Itoa(len(now.Content)))
		}
		return err
	}
	c.written(o)
	c.answer.Header().Set("X-Oss-Next-Append-Position", strconv.Itoa(len(o.Content)))
	c.answer.WriteHeader(http.StatusOK)
	return nil
}

// getObject answers GET and HEAD: an object, or a part of it.
func getObject(c *call) error {
	o, err := c.session.GetObject(c.bucket, c.key)
	if err != nil {
		return err
	}
	c.describe(o)
	if status := unchanged(c.request.Header, o); status != 0 {
		return c.withoutBody(status)
	}
	content, status := o.Content, http.StatusOK
	if said := c.request.Header.Get("Range"); said != "" {
		from, to, ok := rangeOf(said, len(content))
		switch {
		case ok:
			c.answer.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(content)))
			content, status = content[from:to+1], http.StatusPartialContent
		case c.request.Header.Get("x-oss-range-behavior") == "standard":
			return refusal{416, "InvalidRange", "The requested range cannot be satisfied."}
		}
	}
	c.answer.Header().Set("Content-Length", strconv.Itoa(len(content)))
	c.answer.WriteHeader(status)
	if c.request.Method == http.MethodGet {
		_, _ = c.answer.Write(content) // a client that is gone needs no answer
	}
	return nil
}

// describe sets the headers of an object.
func (c *call) describe(o cloudsim.Object) {
	h := c.answer.Header()
	kind := "Normal"
	if o.Appendable {
		kind = "Appendable"
		h.Set("X-Oss-Next-Append-Position", strconv.Itoa(len(o.Content)))
	}
	c.written(o)
	h.Set("X-Oss-Object-Type", kind)
	h.Set("X-Oss-Storage-Class", "Standard")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Last-Modified", o.ModifiedAt.UTC().Format(http.TimeFormat))
	h.Set("Content-Type", o.ContentType)
	for name, value := range o.Meta {
		h.Set("X-Oss-Meta-"+name, value)
	}
	for _, name := range []string{"content-type", "content-disposition", "cache-control", "content-encoding", "content-language", "expires"} {
		if value := c.query.Get("response-" + name); value != "" {
			h.Set(name, value)
		}
	}
}

// unchanged is the status that the request's conditions lead to, 0 if they hold.
func unchanged(h http.Header, o cloudsim.Object) int {
	names := func(header string) bool { return strings.Trim(h.Get(header), `"`) == o.ETag }
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	before, errBefore := http.ParseTime(h.Get("If-Unmodified-Since"))
	switch {
	case h.Get("If-Match") != "" && !names("If-Match"), errBefore == nil && o.ModifiedAt.After(before):
		return http.StatusPreconditionFailed
	case h.Get("If-None-Match") != "" && names("If-None-Match"), err == nil && !o.ModifiedAt.After(since):
		return http.StatusNotModified
	}
	return 0
}

// withoutBody answers a condition that does not hold.
func (c *call) withoutBody(status int) error {
	if status == http.StatusPreconditionFailed {
		return refusal{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."}
	}
	c.answer.WriteHeader(status)
	return nil
}

// rangeOf reads "bytes=a-b", "bytes=a-" or "bytes=-n" of so many bytes. A range
// that is malformed or out of bounds is none: then OSS sends everything.
func rangeOf(text string, length int) (from, to int, ok bool) {
	spec, found := strings.CutPrefix(text, "bytes=")
	first, last, cut := strings.Cut(spec, "-")
	if !found || !cut || strings.Contains(last, ",") {
		return 0, 0, false
	}
	if first == "" {
		n, err := strconv.Atoi(last)
		if err != nil || n <= 0 || length == 0 {
			return 0, 0, false
		}
		return max(length-n, 0), length - 1, true
	}
	from, err := strconv.Atoi(first)
	to = length - 1
	if last != "" && err == nil {
		to, err = strconv.Atoi(last)
		to = min(to, length-1)
	}
	return from, to, err == nil && from >= 0 && from <= to
}

func deleteObject(c *call) error {
	if err := c.session.DeleteObject(c.bucket, c.key); err != nil {
		return err
	}
	c.answer.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteObjects deletes up to a thousand objects.
func deleteObjects(c *call) error {
	body, err := c.body(maxForm)
	if err != nil {
		return err
	}
	var wanted struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Object  []struct{ Key string }
	}
	if xml.Unmarshal(body, &wanted) != nil || len(wanted.Object) == 0 || len(wanted.Object) > 1000 {
		return refusal{400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema."}
	}
	encode := c.encoding()
	document := struct {
		XMLName      xml.Name `xml:"DeleteResult"`
		EncodingType string   `xml:",omitempty"`
		Deleted      []struct{ Key string }
	}{EncodingType: c.query.Get("encoding-type")}
	for _, o := range wanted.Object {
		if err := c.session.DeleteObject(c.bucket, o.Key); err != nil {
			return err
		}
		if !wanted.Quiet {
			document.Deleted = append(document.Deleted, struct{ Key string }{encode(o.Key)})
		}
	}
	return c.xml(http.StatusOK, document)
}

// encoding is how keys are written into documents.
func (c *call) encoding() func(string) string {
	if c.query.Get("encoding-type") == "url" {
		return url.QueryEscape
	}
	return func(text string) string { return text }
}

// listing is the document of both ways to list.
type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	Marker                *string `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	MaxKeys               int64
	Delimiter             string
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	NextMarker            string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              *int   `xml:",omitempty"`
	Contents              []listed
	CommonPrefixes        []struct{ Prefix string }
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Type         string
	Size         int
	StorageClass string
	Owner        *owner `xml:",omitempty"`
}

// listObjects answers GetBucket (V1) and ListObjectsV2.
func listObjects(c *call) error {
	second := c.query.Get("list-type") == "2"
	limit, err := c.number("max-keys", 100, 1, 1000)
	if err != nil {
		return err
	}
	after, err := c.after(second)
	if err != nil {
		return err
	}
	page, err := c.session.ListObjects(cloudsim.ListObjectsRequest{
		Bucket: c.bucket, Prefix: c.query.Get("prefix"), Delimiter: c.query.Get("delimiter"), After: after, Max: int(limit),
	})
	if err != nil {
		return err
	}
	info, err := c.session.GetBucketInfo(c.bucket)
	if err != nil {
		info.Owner = "" // who may list need not be told whose it is
	}
	return c.xml(http.StatusOK, c.listing(page, info.Owner, limit, second))
}

// after is where a page begins.
func (c *call) after(second bool) (string, error) {
	if !second {
		return c.query.Get("marker"), nil
	}
	token := c.query.Get("continuation-token")
	if token == "" {
		return c.query.Get("start-after"), nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", refusal{400, "InvalidArgument", "The continuation token provided is incorrect."}
	}
	return max(string(text), c.query.Get("start-after")), nil
}

// listing fills in the document.
func (c *call) listing(page cloudsim.ObjectsPage, whose image.AccountID, limit int64, second bool) listing {
	encode := c.encoding()
	l := listing{
		Name: c.bucket, Prefix: encode(c.query.Get("prefix")), MaxKeys: limit, Delimiter: encode(c.query.Get("delimiter")),
		EncodingType: c.query.Get("encoding-type"), IsTruncated: page.Next != "",
	}
	for _, o := range page.Objects {
		one := listed{Key: encode(o.Key), LastModified: stamp(o.ModifiedAt), ETag: `"` + o.ETag + `"`, Type: "Normal", Size: len(o.Content), StorageClass: "Standard"}
		if o.Appendable {
			one.Type = "Appendable"
		}
		if whose != "" && (!second || c.query.Get("fetch-owner") == "true") {
			one.Owner = ownerOf(whose)
		}
		l.Contents = append(l.Contents, one)
	}
	for _, p := range page.Prefixes {
		l.CommonPrefixes = append(l.CommonPrefixes, struct{ Prefix string }{encode(p)})
	}
	if !second {
		marker := encode(c.query.Get("marker"))
		l.Marker, l.NextMarker = &marker, encode(page.Next)
		return l
	}
	count := len(page.Objects) + len(page.Prefixes)
	l.KeyCount, l.StartAfter, l.ContinuationToken = &count, encode(c.query.Get("start-after")), c.query.Get("continuation-token")
	if page.Next != "" {
		l.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(page.Next))
	}
	return l
}
