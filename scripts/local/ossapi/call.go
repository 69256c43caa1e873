package ossapi

import (
	"crypto/md5"
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
	// bucket and key are what it is about; both may be empty.
	bucket, key string
	// query are its parameters as they came, decoded.
	query   url.Values
	session *cloudsim.Session
}

// refusal is OSS's no, as on the wire.
type refusal struct {
	status  int
	code    string
	message string
}

func (r refusal) Error() string { return r.code + ": " + r.message }

// newRequestID is a request's name: 24 hexadecimal digits in capitals.
func newRequestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // it never fails
	return strings.ToUpper(hex.EncodeToString(b[:]))
}

// locate reads bucket, key and parameters. The bucket is named by the host, else
// it is the first segment of the path.
func (c *call) locate() error {
	var err error
	if c.query, err = url.ParseQuery(c.request.URL.RawQuery); err != nil {
		return refusal{400, "InvalidURI", "Couldn't parse the specified URI."}
	}
	path, err := url.PathUnescape(strings.TrimPrefix(c.request.URL.EscapedPath(), "/"))
	if err != nil {
		return refusal{400, "InvalidURI", "Couldn't parse the specified URI."}
	}
	if bucket, ok := bucketOf(c.request.Host); ok {
		c.bucket, c.key = bucket, path
		return nil
	}
	c.bucket, c.key, _ = strings.Cut(path, "/")
	return nil
}

// body reads a body of at most limit bytes, and checks it against Content-MD5.
func (c *call) body(limit int64) ([]byte, error) {
	content, err := io.ReadAll(http.MaxBytesReader(c.answer, c.request.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refusal{400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size."}
	case err != nil:
		return nil, refusal{400, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period."}
	}
	sum := md5.Sum(content)
	if said := c.request.Header.Get("Content-MD5"); said != "" && said != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, refusal{400, "InvalidDigest", "The Content-MD5 you specified was invalid."}
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
		return 0, refusal{400, "InvalidArgument", "Argument " + name + " must be an integer between " + strconv.FormatInt(least, 10) + " and " + strconv.FormatInt(most, 10) + "."}
	}
	return n, nil
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
	if c.request.Method == http.MethodHead {
		return nil
	}
	_, _ = c.answer.Write(text) // a client that is gone needs no answer
	return nil
}

// errorDocument is what a refused request gets.
type errorDocument struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// refuse answers no.
func (s *Server) refuse(c *call, err error) {
	no := refusal{500, "InternalError", "We encountered an internal error. Please try again."}
	var wire refusal
	var cloud *cloudsim.Refusal
	switch {
	case errors.As(err, &wire):
		no = wire
	case errors.As(err, &cloud):
		no = refusal{cloud.Status, cloud.Code, cloud.Message}
	}
	level := slog.LevelInfo
	if no.status == http.StatusNotFound { // how a reader asks whether it is there
		level = slog.LevelDebug
	}
	s.log.Log(c.request.Context(), level, "refused", "method", c.request.Method, "bucket", c.bucket, "key", c.key, "status", no.status, "code", no.code)
	_ = c.xml(no.status, errorDocument{Code: no.code, Message: no.message, RequestID: c.id, HostID: c.request.Host})
}
