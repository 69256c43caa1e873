package apicheck

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
)

// Handler lets requests through to next and reports each contradiction, after
// the answer is written. report must be safe for concurrent use.
func (w *Checker) Handler(next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		x := Exchange{Method: r.Method, URL: &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}, Header: r.Header.Clone()}
		r.Body = &copied{ReadCloser: r.Body, into: &x.Body}
		answer := &recorded{ResponseWriter: out}
		next.ServeHTTP(answer, r)
		x.Status, x.Answered, x.Answer = answer.status, answer.header, answer.body.Bytes()
		if x.Status != 0 { // else nobody answered
			tell(w.Judge(x), report)
		}
	})
}

// Transport makes requests by next and reports each contradiction before the
// answer is handed on. An answer that breaks off is not judged.
func (w *Checker) Transport(next http.RoundTripper, report func(error)) http.RoundTripper {
	return transport{w, next, report}
}

type transport struct {
	checker *Checker
	next    http.RoundTripper
	report  func(error)
}

// RoundTrip fails as the transport behind it does.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := Exchange{Method: r.Method, URL: r.URL, Header: r.Header.Clone()}
	if r.Body != nil {
		again := r.Clone(r.Context())
		again.Body = &copied{ReadCloser: r.Body, into: &x.Body}
		r = again
	}
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	var rest io.Reader = bytes.NewReader(body)
	if err != nil {
		rest = io.MultiReader(rest, broken{err})
	}
	answer.Body = io.NopCloser(rest)
	if err == nil {
		x.Status, x.Answered, x.Answer = answer.StatusCode, answer.Header.Clone(), body
		tell(t.checker.Judge(x), t.report)
	}
	return answer, nil
}

func tell(found []error, report func(error)) {
	for _, err := range found {
		report(err)
	}
}

// broken is the end of a body that broke off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// copied is a body that keeps what was read of it.
type copied struct {
	io.ReadCloser
	into *[]byte
}

// Read reads on.
func (c *copied) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.into = append(*c.into, p[:n]...)
	return n, err
}

// recorded keeps what is written through it.
type recorded struct {
	http.ResponseWriter
	status int
	header http.Header
	body   bytes.Buffer
}

// WriteHeader keeps the first status, as the server does.
func (r *recorded) WriteHeader(status int) {
	if r.status == 0 {
		r.status, r.header = status, r.Header().Clone()
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write writes and keeps.
func (r *recorded) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is behind.
func (r *recorded) Unwrap() http.ResponseWriter { return r.ResponseWriter }
