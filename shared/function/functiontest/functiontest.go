// Package functiontest is for tests: it makes events of HTTP requests as the
// platforms do, and tells what every answer of a function must be like,
// whatever it was sent.
package functiontest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Pair is a name and a value, of a parameter or a header.
type Pair struct{ Name, Value string }

// Request is an HTTP request as it was sent, however odd.
type Request struct {
	Method string
	// Path is escaped, as on the wire.
	Path string
	// Query and Header are in the order of sending, parameters unescaped.
	Query  []Pair
	Header []Pair
	Body   []byte
}

// V1 is r as Function Compute's HTTP trigger passes it on: parameters are a map
// whose values are joined by commas. A body that is not text is in base64.
func (r Request) V1() []byte {
	event := r.event("v1")
	parameters := map[string]string{}
	for _, p := range r.Query {
		if before, repeated := parameters[p.Name]; repeated {
			p.Value = before + "," + p.Value
		}
		parameters[p.Name] = p.Value
	}
	event["queryParameters"] = parameters
	return encode(event)
}

// V2 is r as an HTTP API or a function URL of AWS passes it on: the query is
// escaped as it came.
func (r Request) V2() []byte {
	event := r.event("2.0")
	escaped := make([]string, len(r.Query))
	for n, p := range r.Query {
		escaped[n] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
	}
	event["rawQueryString"] = strings.Join(escaped, "&")
	return encode(event)
}

func (r Request) event(version string) map[string]any {
	headers := map[string]string{}
	for _, p := range r.Header {
		headers[p.Name] = p.Value
	}
	body, inBase64 := string(r.Body), !utf8.Valid(r.Body)
	if inBase64 {
		body = base64.StdEncoding.EncodeToString(r.Body)
	}
	unescaped, err := url.PathUnescape(r.Path)
	if err != nil {
		unescaped = r.Path
	}
	return map[string]any{
		"version": version, "rawPath": r.Path, "headers": headers, "body": body, "isBase64Encoded": inBase64,
		"requestContext": map[string]any{
			"accountId": "1000000000000001", "domainName": "x.fcapp.run", "domainPrefix": "x", "requestId": "r-1",
			"http": map[string]any{"method": r.Method, "path": unescaped, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "x"},
		},
	}
}

// Direct is a direct call; input is sent as it is, well-formed or not.
func Direct(operation string, input []byte) []byte {
	return append(append([]byte(`{"operation":`+string(encode(operation))+`,"input":`), input...), '}')
}

// Parameters splits a query as a server does. What is not escaped properly stays
// as it is.
func Parameters(query string) []Pair {
	if query == "" {
		return nil
	}
	unescaped := func(s string) string {
		if plain, err := url.QueryUnescape(s); err == nil {
			return plain
		}
		return s
	}
	var all []Pair
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		all = append(all, Pair{unescaped(name), unescaped(value)})
	}
	return all
}

// encode writes a value of this package as JSON; those cannot fail.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
