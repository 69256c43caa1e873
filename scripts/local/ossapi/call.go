package ossapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
)

// call is one request on its way.
type call struct {
	request *http.Request
	answer  http.ResponseWriter
	id      string
	// limit is how many bytes of a body are read.
	limit int64
	// bucket and key are what it is about; both may be empty.
	bucket, key string
	// region is that of the endpoint which was asked; empty: it does not say.
	region string
	// query are its parameters as they came, decoded.
	query   url.Values
	session *cloudsim.Session
	// operation is what was asked for, fault what it met.
	operation string
	fault     FaultKind
}

// refusal is OSS's no, as on the wire.
type refusal struct {
	status  int
	code    string
	message string
	// details are elements of the document beside the usual ones.
	details []detail
}

// detail is an element with a text.
type detail struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

func refused(status int, code, message string) refusal {
	return refusal{status: status, code: code, message: message}
}

// with adds an element to the document of the refusal.
func (r refusal) with(name, text string) refusal {
	r.details = append(r.details[:len(r.details):len(r.details)], detail{xml.Name{Local: name}, text})
	return r
}

func (r refusal) Error() string { return r.code + ": " + r.message }

func malformedXML() error {
	return refused(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema.")
}

// newRequestID is a request's name: 24 hexadecimal digits in capitals.
func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return strings.ToUpper(hex.EncodeToString(b[:]))
}

// locate reads bucket, key and parameters. The bucket is named by the host, else
// it is the first segment of the path.
func (s *Server) locate(c *call) error {
	var err error
	if c.query, err = url.ParseQuery(c.request.URL.RawQuery); err != nil {
		return refused(400, "InvalidURI", "Couldn't parse the specified URI.")
	}
	path, err := url.PathUnescape(strings.TrimPrefix(c.request.URL.EscapedPath(), "/"))
	if err != nil {
		return refused(400, "InvalidURI", "Couldn't parse the specified URI.")
	}
	if c.bucket, c.region = s.hostNames(c.request.Host); c.bucket != "" {
		c.key = path
		return nil
	}
	c.bucket, c.key, _ = strings.Cut(path, "/")
	return nil
}

// body reads a short body, a document.
func (c *call) body() ([]byte, error) {
	content, err := c.content(maxForm)
	return content.Bytes(), err
}

// content reads a body of at most limit bytes, and checks it against Content-MD5.
func (c *call) content(limit int64) (cloudsim.Content, error) {
	if c.request.ContentLength < 0 && !strings.EqualFold(strings.Join(c.request.TransferEncoding, ""), "chunked") {
		return cloudsim.Content{}, refused(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	content, err := cloudsim.ReadContent(http.MaxBytesReader(c.answer, c.request.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return content, refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
	case err != nil:
		return content, refused(400, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period.")
	}
	sum := content.MD5()
	if said := c.request.Header.Get("Content-MD5"); said != "" && said != base64.StdEncoding.EncodeToString(sum[:]) {
		return content, refused(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
	}
	return content, nil
}

// number reads a parameter that is a number within bounds.
func (c *call) number(name string, otherwise, least, most int64) (int64, error) {
	text := c.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, refused(400, "InvalidArgument", "Argument "+name+" must be an integer between "+strconv.FormatInt(least, 10)+" and "+strconv.FormatInt(most, 10)+".").
			with("ArgumentName", name).with("ArgumentValue", text)
	}
	return n, nil
}

// object is the one that the request names.
func (c *call) object() cloudsim.ObjectName {
	return cloudsim.ObjectName{Bucket: c.bucket, Key: c.key, VersionID: c.query.Get("versionId")}
}

// header is a header of the request.
func (c *call) header(name string) string { return c.request.Header.Get(name) }

// set sets a header of the answer, unless it is empty.
func (c *call) set(name, value string) {
	if value != "" {
		c.answer.Header().Set(name, value)
	}
}

// done answers without a body.
func (c *call) done(status int) error {
	if status != http.StatusNoContent && status != http.StatusNotModified {
		c.answer.Header().Set("Content-Length", "0")
	}
	c.answer.WriteHeader(status)
	return nil
}

// xml answers with a document.
func (c *call) xml(status int, document any) error {
	text, err := xml.Marshal(document)
	if err != nil {
		return err
	}
	text = append([]byte(xml.Header), text...)
	c.answer.Header().Set("Content-Type", "application/xml")
	c.answer.Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.answer.WriteHeader(status)
	if c.request.Method != http.MethodHead {
		_, _ = c.answer.Write(text) // a client that is gone needs no answer
	}
	return nil
}

// send answers with bytes of an object.
func (c *call) send(status int, content io.Reader, size int64) error {
	c.answer.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	c.answer.WriteHeader(status)
	if c.request.Method != http.MethodHead {
		_, _ = io.Copy(c.answer, content) // a client that is gone needs no answer
	}
	return nil
}

// errorDocument is what a refused request gets.
type errorDocument struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string   `xml:"RequestId"`
	HostID    string   `xml:"HostId"`
	Details   []detail `xml:",any"`
	EC        string   `xml:",omitempty"`
}

// detailedCodes are those of the header x-oss-ec that are known.
func detailedCodes() map[string]string {
	return map[string]string{
		"NoSuchKey": "0026-00000001", "NoSuchBucket": "0015-00000101", "SignatureDoesNotMatch": "0002-00000040",
		"InvalidAccessKeyId": "0002-00000902", "AccessDenied": "0003-00000001",
	}
}

// toRefusal is an error as the wire tells it.
func toRefusal(c *call, err error) refusal {
	var wire refusal
	var cloud *cloudsim.Refusal
	switch {
	case errors.As(err, &wire):
		return wire
	case errors.As(err, &cloud):
		no := refused(cloud.Status, cloud.Code, cloud.Message)
		switch cloud.Code {
		case "NoSuchBucket", "BucketNotEmpty", "BucketAlreadyExists", "InvalidBucketName":
			no = no.with("BucketName", c.bucket)
		case "NoSuchKey":
			no = no.with("Key", c.key)
		case "NoSuchUpload":
			no = no.with("UploadId", c.query.Get("uploadId"))
		}
		return no
	}
	return refused(500, "InternalError", "We encountered an internal error. Please try again.")
}

// refuse answers no. To a HEAD the document comes in a header.
func (s *Server) refuse(c *call, err error) (status int, code string) {
	no := toRefusal(c, err)
	level := slog.LevelInfo
	if no.status == http.StatusNotFound { // how a reader asks whether it is there
		level = slog.LevelDebug
	}
	s.log.Log(c.request.Context(), level, "refused", "method", c.request.Method, "bucket", c.bucket, "key", c.key, "status", no.status, "code", no.code)
	document := errorDocument{Code: no.code, Message: no.message, RequestID: c.id, HostID: c.request.Host, Details: no.details, EC: detailedCodes()[no.code]}
	c.set("X-Oss-Ec", document.EC)
	if text, err := xml.Marshal(document); err == nil && c.request.Method == http.MethodHead {
		c.set("X-Oss-Err", base64.StdEncoding.EncodeToString(append([]byte(xml.Header), text...)))
	}
	_ = c.xml(no.status, document)
	return no.status, no.code
}
