package function

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer"
)

// Problem is the answer when something went wrong (RFC 9457). It holds nothing
// but what a *fault.Error offers to callers. An output that can be one embeds a
// pointer to it, see Spec.Tells; nil means that nothing went wrong.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code is stable; it is what programs act on.
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Field     string `json:"field,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	// VendorID: the cloud's own id of the call that failed.
	VendorID string `json:"vendorRequestId,omitempty"`
	// Errors: each of several things that are wrong.
	Errors []Mistake `json:"errors,omitempty"`

	retryAfter time.Duration // as long as the other side asks to wait
}

// Mistake is one of several things wrong with an input.
type Mistake struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// mistakes is an error for each of several things wrong with an input.
type mistakes []*fault.Error

// Error is those of all.
func (m mistakes) Error() string {
	said := make([]string, len(m))
	for i := range m {
		said[i] = m[i].Error()
	}
	return strings.Join(said, "; ")
}

// Unwrap returns all of them.
func (m mistakes) Unwrap() []error {
	all := make([]error, len(m))
	for i := range m {
		all[i] = m[i]
	}
	return all
}

// challenge says how to show who one is (RFC 6750, 3).
const challenge = `Bearer realm="imagekeeper"`

// retryAfter is how many seconds a caller should wait when it may try again, and
// nobody said how long.
const retryAfter = 5

// statusOf is the HTTP status of err: that of its kind, except where HTTP has
// a status for exactly this.
func statusOf(err error) int {
	switch fault.Code(err) {
	case codeMethod:
		return http.StatusMethodNotAllowed
	case codeMedia:
		return http.StatusUnsupportedMediaType
	case codeTooLarge, codeAnswer:
		return http.StatusRequestEntityTooLarge
	}
	return fault.Of(err).HTTPStatus()
}

// Problem tells what err is as a problem document about this call; nil if
// nothing went wrong.
func (call Call) Problem(err error) *Problem {
	if err == nil {
		return nil
	}
	p := newProblem(call.RequestID, err)
	return &p
}

func newProblem(requestID string, err error) Problem {
	p := Problem{
		Type: "about:blank", Status: statusOf(err), Code: fault.Code(err),
		Detail: fault.Sentence(err), RequestID: requestID,
	}
	p.Title = http.StatusText(p.Status)
	var e *fault.Error
	if errors.As(err, &e) {
		p.Field, p.VendorID, p.retryAfter = e.Field, e.RequestID, e.RetryAfter
	}
	var several mistakes
	if errors.As(err, &several) && len(several) > 1 {
		for _, m := range several {
			p.Errors = append(p.Errors, Mistake{Field: m.Field, Code: m.Code, Detail: m.Sentence})
		}
	}
	if !strings.HasPrefix(p.Detail, p.Field) {
		p.Detail = p.Field + " " + p.Detail
	}
	return p
}

// HTTPStatus is that of the problem; 200 if there is none.
func (p *Problem) HTTPStatus() int {
	if p == nil {
		return http.StatusOK
	}
	return p.Status
}

// HTTPHeader is what belongs to the problem: its media type, how to show who one
// is, and when to try again. It is empty if there is none.
func (p *Problem) HTTPHeader() http.Header {
	header := http.Header{}
	if p == nil {
		return header
	}
	header.Set("Content-Type", typeProblem)
	switch {
	case p.Status == http.StatusServiceUnavailable, p.Status == http.StatusBadGateway && p.retryAfter > 0:
		header.Set("Retry-After", strconv.Itoa(p.wait()))
	case p.Code == codeRole:
		header.Set("WWW-Authenticate", challenge+`, error="insufficient_scope"`)
	case p.Status == http.StatusUnauthorized && strings.HasPrefix(p.Code, "token") && p.Code != bearer.CodeMissing:
		header.Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
	case p.Status == http.StatusUnauthorized:
		header.Set("WWW-Authenticate", challenge)
	}
	return header
}

// wait is how many seconds to wait.
func (p *Problem) wait() int {
	if p.retryAfter <= 0 {
		return retryAfter
	}
	return int((p.retryAfter + time.Second - 1) / time.Second)
}

// told is the problem that an output is, or tells of.
func (p *Problem) told() *Problem { return p }

// telling is an output that can be a problem.
type telling interface{ told() *Problem }

// refusal is the answer to an event that failed with err.
func refusal(requestID string, err error) answer {
	p := newProblem(requestID, err)
	return answer{status: p.Status, header: p.HTTPHeader(), body: encode(p), code: p.Code, err: err}
}

// encode writes a value of this package as JSON; those cannot fail.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // tag.<key> is to be read by people
	if err := e.Encode(v); err != nil {
		return []byte(`{"title":"Internal Server Error","status":500,"code":"internal"}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
