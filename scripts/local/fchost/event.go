package fchost

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// httpEvent is the event of an HTTP trigger, version v1.
type httpEvent struct {
	Version         string            `json:"version"`
	RawPath         string            `json:"rawPath"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Headers         map[string]string `json:"headers"`
	QueryParameters map[string]string `json:"queryParameters"`
	RequestContext  requestContext    `json:"requestContext"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	RequestID    string      `json:"requestId"`
	Time         string      `json:"time"`
	TimeEpoch    string      `json:"timeEpoch"` // milliseconds, as a string
	HTTP         httpRequest `json:"http"`
}

type httpRequest struct {
	Method    string `json:"method"`
	Path      string `json:"path"` // decoded
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// eventOf turns a request into the event of an HTTP trigger. rawPath is the
// encoded path as the trigger sees it. It fails if the path or the query
// cannot be decoded, or the body not be read.
func eventOf(r *http.Request, rawPath, requestID, accountID string, now time.Time) ([]byte, error) {
	path, err := url.PathUnescape(rawPath)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	prefix, _, _ := strings.Cut(r.Host, ".")
	event := httpEvent{
		Version: "v1", RawPath: rawPath, Headers: headersOf(r), QueryParameters: joined(query),
		RequestContext: requestContext{
			AccountID: accountID, DomainName: r.Host, DomainPrefix: prefix, RequestID: requestID,
			Time: now.UTC().Format(time.RFC3339), TimeEpoch: strconv.FormatInt(now.UnixMilli(), 10),
			HTTP: httpRequest{Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent()},
		},
	}
	event.Body, event.IsBase64Encoded = encodeBody(body)
	return json.Marshal(event)
}

// encodeBody passes text on as it is, and everything else in base64. No source
// says which content types the vendor takes for binary.
func encodeBody(body []byte) (string, bool) {
	if utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

// headersOf returns the request's headers, canonical names, repeated ones
// joined by commas.
func headersOf(r *http.Request) map[string]string {
	headers := joined(url.Values(r.Header))
	for name := range headers {
		if hopByHop(name) {
			delete(headers, name)
		}
	}
	headers["Host"] = r.Host
	return headers
}

func joined(values url.Values) map[string]string {
	out := make(map[string]string, len(values))
	for name, list := range values {
		out[name] = strings.Join(list, ",")
	}
	return out
}

// hopByHop reports whether a header concerns one connection only.
func hopByHop(name string) bool {
	return slices.Contains([]string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	}, http.CanonicalHeaderKey(name))
}

// httpAnswer is what a function answers to an HTTP trigger.
type httpAnswer struct {
	StatusCode      *int              `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Body            string            `json:"body"`
}

// answerOf reads a function's answer. An answer without a statusCode is an
// error here: what Function Compute does with it is not documented, and a
// function must not rely on it.
func answerOf(raw []byte) (status int, header http.Header, body []byte, err error) {
	var a httpAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return 0, nil, nil, fmt.Errorf("it is not {statusCode, headers, isBase64Encoded, body}: %w", err)
	}
	if a.StatusCode == nil || *a.StatusCode < 200 || *a.StatusCode > 599 {
		return 0, nil, nil, fmt.Errorf("it has no statusCode between 200 and 599")
	}
	body = []byte(a.Body)
	if a.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return 0, nil, nil, fmt.Errorf("its body is not base64: %w", err)
		}
	}
	header = http.Header{}
	for name, value := range a.Headers {
		if hopByHop(name) || strings.EqualFold(name, "Content-Length") {
			continue
		}
		header.Set(name, strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == 0 {
				return -1
			}
			return r
		}, value))
	}
	return *a.StatusCode, header, body, nil
}
