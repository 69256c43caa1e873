package function

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// maxBody is the most a caller may send, in bytes.
const maxBody = 256 << 10

// httpEvent is an HTTP request as an event: of Function Compute's HTTP trigger
// ("v1", see its page on HTTP triggers) and of an AWS HTTP API or function
// URL ("2.0"). Members that only one of them has are empty in the other.
type httpEvent struct {
	Version         string            `json:"version"`
	RawPath         string            `json:"rawPath"`
	RawQuery        string            `json:"rawQueryString"`        // 2.0
	ParsedQuery     map[string]string `json:"queryStringParameters"` // 2.0, the same once more
	Query           map[string]string `json:"queryParameters"`       // v1
	Cookies         []string          `json:"cookies"`               // 2.0
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		DomainName string `json:"domainName"`
		RequestID  string `json:"requestId"`
		HTTP       struct {
			Method   string `json:"method"`
			Protocol string `json:"protocol"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
}

// request makes a request of e as a server would have read it.
func (e *httpEvent) request() (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the body is not base64").WithCode(codeEvent)
		}
		body = decoded
	}
	if err := e.agreed(); err != nil {
		return nil, err
	}
	unescaped, err := url.PathUnescape(e.RawPath)
	if err != nil || !strings.HasPrefix(e.RawPath, "/") {
		return nil, fault.Wrap(fault.Invalid, err, "the path is not a valid path").WithCode(codeEvent)
	}
	if strings.ContainsFunc(unescaped, unicode.IsControl) {
		return nil, fault.New(fault.Invalid, "the path must not contain control characters").WithCode(strictjson.CodeText)
	}
	r := &http.Request{
		Method: e.RequestContext.HTTP.Method,
		URL:    &url.URL{Path: unescaped, RawPath: e.RawPath, RawQuery: e.query()},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: e.header(), Host: e.RequestContext.DomainName,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		RemoteAddr: e.RequestContext.HTTP.SourceIP + ":0",
	}
	r.RequestURI = r.URL.RequestURI()
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	return r, nil
}

// agreed refuses an event that tells two different queries: whoever looked at the
// one has not seen the other. The platform writes both, values of one name joined
// by commas.
func (e *httpEvent) agreed() error {
	if e.ParsedQuery == nil {
		return nil
	}
	said, err := url.ParseQuery(e.RawQuery)
	// One that is malformed is refused by itself, for what is wrong with it.
	same := err != nil || len(said) == len(e.ParsedQuery)
	for name, values := range said {
		if err != nil {
			break
		}
		again, there := e.ParsedQuery[name]
		// A plus may have been left as it is in the second one.
		same = same && there && (again == strings.Join(values, ",") || strings.ReplaceAll(again, "+", " ") == strings.Join(values, ","))
	}
	if !same {
		return fault.New(fault.Invalid, "rawQueryString and queryStringParameters of the event are different queries").WithCode(codeEvent)
	}
	return nil
}

func (e *httpEvent) query() string {
	if e.Version == "2.0" {
		return e.RawQuery
	}
	q := url.Values{}
	for name, value := range e.Query {
		q.Set(name, value)
	}
	return q.Encode()
}

// header has canonical names and nothing that could break a line. Names that
// only differ in case become one with several values.
func (e *httpEvent) header() http.Header {
	h := http.Header{}
	for _, name := range sortedKeys(e.Headers) {
		canonical, value := textproto.CanonicalMIMEHeaderKey(oneLine(name)), e.Headers[name]
		if canonical != "Authorization" { // whose line breaks are not mended but refused
			value = oneLine(value)
		}
		h.Add(canonical, value)
	}
	if len(e.Cookies) > 0 {
		h.Set("Cookie", oneLine(strings.Join(e.Cookies, "; ")))
	}
	return h
}

// oneLine drops what would end a header's line or value.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return -1
		}
		return r
	}, s)
}

// httpReply is an answer to an httpEvent, the same for both platforms.
type httpReply struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Body            string            `json:"body"`
}

func (a answer) reply() httpReply {
	r := httpReply{StatusCode: a.status, Headers: map[string]string{}}
	for name, values := range a.header {
		r.Headers[name] = strings.Join(values, ", ")
	}
	if utf8.Valid(a.body) {
		r.Body = string(a.body)
	} else {
		r.IsBase64Encoded, r.Body = true, base64.StdEncoding.EncodeToString(a.body)
	}
	return r
}

// exchange carries an answer out through the mux. The mux itself writes only
// what it has to say about paths and methods.
type exchange struct {
	header http.Header
	status int
	call   Call
	answer *answer
}

// Header is what the mux sets.
func (x *exchange) Header() http.Header { return x.header }

// Write drops the mux's own words.
func (x *exchange) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader keeps the mux's verdict.
func (x *exchange) WriteHeader(status int) { x.status = status }

// route is an operation behind a pattern of the mux.
type route struct {
	f         *Function
	op        *Operation
	wildcards []string
}

// ServeHTTP answers with the operation. w is always an exchange.
func (rt route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	a := rt.f.perform(r.Context(), x.call, rt.op, func() (input, error) { return rt.input(r) })
	x.answer = &a
}

// input collects what r gives for the operation.
func (rt route) input(r *http.Request) (input, error) {
	in := input{path: map[string]string{}}
	for _, name := range rt.wildcards {
		in.path[name] = r.PathValue(name)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return in, fault.Wrap(fault.Invalid, err, "the query is malformed").WithCode(codeValue)
	}
	in.query = query
	in.body, err = body(r)
	if err == nil && len(in.body) > 0 && !takesBody(r.Method) {
		err = fault.New(fault.Invalid, "a %s takes no body; use the query", r.Method).WithCode(codeBody)
	}
	return in, err
}

func takesBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// body reads a JSON body of at most maxBody bytes.
func body(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body could not be read").WithCode(codeBody)
	}
	if len(b) > maxBody {
		return nil, tooLarge(maxBody)
	}
	if len(b) == 0 {
		return b, nil
	}
	return b, plainJSON(r.Header)
}

// plainJSON refuses a body that says it is something else than JSON in UTF-8.
func plainJSON(h http.Header) error {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return fault.InField("Content-Encoding", codeMedia, "must be left out: a body is sent as it is")
	}
	kind := h.Get("Content-Type")
	if kind == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(kind)
	charset := parameters["charset"]
	if err != nil || media != typeJSON && !strings.HasSuffix(media, "+json") || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return fault.InField("Content-Type", codeMedia, "must be application/json, in UTF-8")
	}
	return nil
}

// answerHTTP routes r to its operation.
func (f *Function) answerHTTP(r *http.Request, call Call) answer {
	err := f.broken
	if err == nil {
		call, err = f.authenticate(r, call)
	}
	if err == nil {
		err = admissible(r)
	}
	if err != nil {
		a := refusal(call.RequestID, err)
		a.operation = f.operationOf(r)
		return a
	}
	if a, asked := f.healthy(r); asked {
		return a.bodiless(r)
	}
	x := &exchange{header: http.Header{}, call: call}
	f.mux.ServeHTTP(x, r)
	if x.answer != nil {
		return x.answer.bodiless(r)
	}
	allow := x.header.Get("Allow")
	switch {
	case x.status != http.StatusMethodNotAllowed:
		return refusal(call.RequestID, fault.New(fault.NotFound, "there is nothing at this path").WithCode(codeRoute))
	case r.Method == http.MethodOptions:
		return answer{status: http.StatusNoContent, header: http.Header{"Allow": {allow + ", OPTIONS"}}}
	}
	a := refusal(call.RequestID, fault.New(fault.Invalid, "this path knows %s", allow).WithCode(codeMethod))
	a.header.Set("Allow", allow+", OPTIONS")
	return a
}

// bodiless is a, without its body if only the head was asked for.
func (a answer) bodiless(r *http.Request) answer {
	if r.Method == http.MethodHead {
		a.body = nil
	}
	return a
}

// admissible refuses paths that could be read in two ways.
func admissible(r *http.Request) error {
	if clean := path.Clean(r.URL.Path); clean != r.URL.Path && (clean == "/" || clean+"/" != r.URL.Path) {
		return fault.New(fault.NotFound, "there is nothing at this path").WithCode(codeRoute)
	}
	return nil
}

// ServeHTTP answers one request without a runtime, as tests do. There are no
// credentials then; Invoke passes them.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	call := f.complete(Call{SourceIP: sourceIP(host)}, SourceHTTP)
	a := f.answerHTTP(r, call).sealed(call.RequestID)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	// The caller may have gone; there is nobody left to tell.
	_, _ = w.Write(a.body)
}
