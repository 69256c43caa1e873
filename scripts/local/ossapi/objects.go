package ossapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
)

// kept are the headers that an object gives back as they came.
func kept() []string {
	return []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"}
}

// settings are what the headers say of an object beside its content.
func (c *call) settings() (cloudsim.ObjectSettings, error) {
	tags, err := tagsOf(c.header("x-oss-tagging"))
	s := cloudsim.ObjectSettings{
		ContentType: c.header("Content-Type"), Headers: map[string]string{}, Meta: map[string]string{},
		StorageClass: cloudsim.StorageClass(c.header("x-oss-storage-class")), ACL: cloudsim.ACL(c.header("x-oss-object-acl")),
		Encryption: cloudsim.ObjectEncryption{
			Algorithm: c.header("x-oss-server-side-encryption"), KeyID: c.header("x-oss-server-side-encryption-key-id"),
		},
		Tags: tags,
	}
	for _, name := range kept() {
		if value := c.header(name); value != "" {
			s.Headers[name] = value
		}
	}
	for name := range c.request.Header {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), "x-oss-meta-"); ok {
			s.Meta[rest] = c.header(name)
		}
	}
	return s, err
}

// tagsOf reads tags as a header has them: a=1&b=2, encoded as in an address.
func tagsOf(text string) ([]cloudsim.ObjectTag, error) {
	var tags []cloudsim.ObjectTag
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		key, bad := url.QueryUnescape(name)
		text, worse := url.QueryUnescape(value)
		if bad != nil || worse != nil {
			return nil, refused(400, "InvalidArgument", "The header 'x-oss-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags = append(tags, cloudsim.ObjectTag{Key: key, Value: text})
	}
	return tags, nil
}

func (c *call) forbidsOverwrite() bool { return c.header("x-oss-forbid-overwrite") == "true" }

// written tells of an object that was written.
func (c *call) written(o cloudsim.Object) {
	c.set("ETag", `"`+o.ETag+`"`)
	c.set("X-Oss-Hash-Crc64ecma", strconv.FormatUint(o.Content.CRC(), 10))
	c.set("X-Oss-Version-Id", o.VersionID)
	c.encrypted(o.Encryption)
}

func (c *call) encrypted(e cloudsim.ObjectEncryption) {
	c.set("X-Oss-Server-Side-Encryption", e.Algorithm)
	c.set("X-Oss-Server-Side-Encryption-Key-Id", e.KeyID)
}

func putObject(c *call) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	content, err := c.content(c.limit)
	if err != nil {
		return err
	}
	o, err := c.session.PutObject(cloudsim.PutObjectRequest{
		Bucket: c.bucket, Key: c.key, Content: content, Settings: settings, ForbidOverwrite: c.forbidsOverwrite(),
	})
	if err != nil {
		return err
	}
	c.written(o)
	return c.done(http.StatusOK)
}

func appendObject(c *call) error {
	if c.query.Get("position") == "" {
		return refused(400, "MissingArgument", "Missing Some Required Arguments.").with("ArgumentName", "position")
	}
	position, err := c.number("position", 0, 0, 5<<30)
	if err != nil {
		return err
	}
	settings, err := c.settings()
	if err != nil {
		return err
	}
	content, err := c.content(c.limit)
	if err != nil {
		return err
	}
	o, err := c.session.AppendObject(cloudsim.AppendObjectRequest{
		Bucket: c.bucket, Key: c.key, Content: content, Settings: settings, Position: position,
	})
	if err == nil || o.Type == cloudsim.TypeAppendable {
		c.set("X-Oss-Next-Append-Position", strconv.FormatInt(o.Content.Size(), 10))
	}
	if err != nil {
		return err
	}
	c.written(o)
	return c.done(http.StatusOK)
}

// deleted tells of the delete marker that stands in the way, or was made.
func (c *call) deleted(o cloudsim.Object) {
	if o.DeleteMarker {
		c.set("X-Oss-Delete-Marker", "true")
		c.set("X-Oss-Version-Id", o.VersionID)
	}
}

// getObject answers with an object, or a part of it.
func getObject(c *call) error {
	o, err := c.session.GetObject(c.object())
	c.deleted(o)
	if err != nil {
		return err
	}
	c.describe(o)
	if status := unchanged(c.request.Header, o); status != 0 {
		return c.withoutBody(status)
	}
	from, size, status := int64(0), o.Content.Size(), http.StatusOK
	if said := c.header("Range"); said != "" {
		first, last, ok := rangeOf(said, size)
		switch {
		case ok:
			c.set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, size))
			from, size, status = first, last-first+1, http.StatusPartialContent
		case c.header("x-oss-range-behavior") == "standard":
			return refused(416, "InvalidRange", "The requested range cannot be satisfied.").
				with("RangeRequested", said).with("ActualObjectSize", strconv.FormatInt(size, 10))
		}
	}
	return c.send(status, o.Content.Section(from, size), size)
}

// headObject describes an object.
func headObject(c *call) error {
	o, err := c.session.HeadObject(c.object())
	c.deleted(o)
	if err != nil {
		return err
	}
	c.describe(o)
	if status := unchanged(c.request.Header, o); status != 0 {
		return c.withoutBody(status)
	}
	return c.send(http.StatusOK, o.Content.Section(0, 0), o.Content.Size())
}

// objectMeta tells the least of an object.
func objectMeta(c *call) error {
	o, err := c.session.HeadObject(c.object())
	c.deleted(o)
	if err != nil {
		return err
	}
	c.written(o)
	c.set("Last-Modified", o.ModifiedAt.UTC().Format(http.TimeFormat))
	return c.send(http.StatusOK, o.Content.Section(0, 0), o.Content.Size())
}

// describe sets the headers of an object.
func (c *call) describe(o cloudsim.Object) {
	c.written(o)
	c.set("X-Oss-Object-Type", string(o.Type))
	c.set("X-Oss-Storage-Class", string(o.StorageClass))
	c.set("Accept-Ranges", "bytes")
	c.set("Last-Modified", o.ModifiedAt.UTC().Format(http.TimeFormat))
	c.set("Content-Type", o.ContentType)
	switch o.Type {
	case cloudsim.TypeAppendable:
		c.set("X-Oss-Next-Append-Position", strconv.FormatInt(o.Content.Size(), 10))
	case cloudsim.TypeNormal:
		if sum := o.Content.MD5(); sum != [16]byte{} {
			c.set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
		}
	}
	if len(o.Tags) > 0 {
		c.set("X-Oss-Tagging-Count", strconv.Itoa(len(o.Tags)))
	}
	switch {
	case o.Restored.Ongoing:
		c.set("X-Oss-Restore", `ongoing-request="true"`)
	case !o.Restored.Until.IsZero():
		c.set("X-Oss-Restore", `ongoing-request="false", expiry-date="`+o.Restored.Until.UTC().Format(http.TimeFormat)+`"`)
	}
	for name, value := range o.Headers {
		c.set(name, value)
	}
	for name, value := range o.Meta {
		c.answer.Header().Set("X-Oss-Meta-"+name, value)
	}
	for _, name := range append(kept(), "Content-Type") {
		c.set(name, c.query.Get("response-"+strings.ToLower(name)))
	}
}

// unchanged is the status that the request's conditions lead to, 0 if they hold.
func unchanged(h http.Header, o cloudsim.Object) int {
	return conditions{h.Get("If-Match"), h.Get("If-None-Match"), h.Get("If-Modified-Since"), h.Get("If-Unmodified-Since")}.status(o)
}

// conditions are what a request asks to hold of an object.
type conditions struct{ match, noneMatch, modifiedSince, unmodifiedSince string }

// status is what they lead to, 0 if they hold.
func (want conditions) status(o cloudsim.Object) int {
	is := func(tag string) bool { return strings.Trim(tag, `"`) == o.ETag }
	since, err := http.ParseTime(want.modifiedSince)
	before, errBefore := http.ParseTime(want.unmodifiedSince)
	switch {
	case want.match != "" && !is(want.match), errBefore == nil && o.ModifiedAt.After(before):
		return http.StatusPreconditionFailed
	case want.noneMatch != "" && is(want.noneMatch), err == nil && !o.ModifiedAt.After(since):
		return http.StatusNotModified
	}
	return 0
}

// withoutBody answers a condition that does not hold.
func (c *call) withoutBody(status int) error {
	if status == http.StatusPreconditionFailed {
		return preconditionFailed()
	}
	return c.done(status)
}

func preconditionFailed() error {
	return refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
}

// rangeOf reads "bytes=a-b", "bytes=a-" or "bytes=-n" of so many bytes. A range
// that is malformed or out of bounds is none: then OSS sends everything.
func rangeOf(text string, length int64) (from, to int64, ok bool) {
	spec, found := strings.CutPrefix(text, "bytes=")
	first, last, cut := strings.Cut(spec, "-")
	if !found || !cut || strings.Contains(last, ",") {
		return 0, 0, false
	}
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n <= 0 || length == 0 {
			return 0, 0, false
		}
		return max(length-n, 0), length - 1, true
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to = length - 1
	if last != "" && err == nil {
		to, err = strconv.ParseInt(last, 10, 64)
		to = min(to, length-1)
	}
	return from, to, err == nil && from >= 0 && from <= to
}

func deleteObject(c *call) error {
	gone, err := c.session.DeleteObject(c.object())
	if err != nil {
		return err
	}
	c.deleted(gone)
	c.set("X-Oss-Version-Id", gone.VersionID)
	return c.done(http.StatusNoContent)
}

// copySource reads the header that names what is copied, /bucket/key?versionId=v,
// encoded as in an address.
func (c *call) copySource() (cloudsim.ObjectName, error) {
	text, version, _ := strings.Cut(c.header("x-oss-copy-source"), "?versionId=")
	path, err := url.PathUnescape(strings.TrimPrefix(text, "/"))
	bucket, key, named := strings.Cut(path, "/")
	if err != nil || !named || key == "" {
		return cloudsim.ObjectName{}, refused(400, "InvalidArgument", "Copy Source must mention the source bucket and key: /sourcebucket/sourcekey.").
			with("ArgumentName", "x-oss-copy-source").with("ArgumentValue", c.header("x-oss-copy-source"))
	}
	return cloudsim.ObjectName{Bucket: bucket, Key: key, VersionID: version}, nil
}

// errNotModified says that a source is as the client knows it: 304.
var errNotModified = errors.New("the source is not modified")

// checkSource judges the source by the conditions of the request.
func (c *call) checkSource(o cloudsim.Object) error {
	const prefix = "x-oss-copy-source-if-"
	want := conditions{c.header(prefix + "match"), c.header(prefix + "none-match"), c.header(prefix + "modified-since"), c.header(prefix + "unmodified-since")}
	switch want.status(o) {
	case http.StatusPreconditionFailed:
		return preconditionFailed()
	case http.StatusNotModified:
		return errNotModified
	}
	return nil
}

// directive reads a header that says COPY or REPLACE.
func (c *call) directive(name string) (replace bool, err error) {
	switch said := c.header(name); {
	case said == "" || strings.EqualFold(said, "COPY"):
		return false, nil
	case strings.EqualFold(said, "REPLACE"):
		return true, nil
	}
	return false, refused(400, "InvalidArgument", "Unknown directive.").with("ArgumentName", name)
}

func copyObject(c *call) error {
	source, err := c.copySource()
	if err != nil {
		return err
	}
	settings, errSettings := c.settings()
	meta, errMeta := c.directive("x-oss-metadata-directive")
	tags, errTags := c.directive("x-oss-tagging-directive")
	if err := errors.Join(errSettings, errMeta, errTags); err != nil {
		return err
	}
	o, err := c.session.CopyObject(cloudsim.CopyObjectRequest{
		Source: source, Bucket: c.bucket, Key: c.key, Check: c.checkSource,
		ReplaceMeta: meta, ReplaceTags: tags, Settings: settings, ForbidOverwrite: c.forbidsOverwrite(),
	})
	if err != nil {
		return c.orNotModified(err)
	}
	c.written(o)
	c.set("X-Oss-Copy-Source-Version-Id", source.VersionID)
	return c.xml(http.StatusOK, copied("CopyObjectResult", stamp(o.ModifiedAt), o.ETag))
}

// orNotModified answers 304 where that is what kept a copy.
func (c *call) orNotModified(err error) error {
	if errors.Is(err, errNotModified) {
		return c.done(http.StatusNotModified)
	}
	return err
}
