package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/functiontest"
)

// oddRequest is a request that is wrong as a whole, in no field of its own.
type oddRequest struct {
	name   string
	change func(*functiontest.Request)
	status []int
	field  string // exactly
}

func body(text string) func(*functiontest.Request) {
	return func(r *functiontest.Request) { r.Body = []byte(text) }
}

func header(name, value string) func(*functiontest.Request) {
	return func(r *functiontest.Request) {
		kept := r.Header[:0:0]
		for _, p := range r.Header {
			if p.Name != name {
				kept = append(kept, p)
			}
		}
		r.Header = append(kept, functiontest.Pair{Name: name, Value: value})
	}
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // a buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// oddBodies are what is sent in place of a right body.
func oddBodies() []oddRequest {
	bad, media, large := []int{http.StatusBadRequest}, []int{http.StatusUnsupportedMediaType}, []int{http.StatusRequestEntityTooLarge}
	all := []oddRequest{
		{"nothing", body(""), bad, ""},
		{"a byte order mark", func(r *functiontest.Request) { r.Body = append([]byte("\ufeff"), r.Body...) }, bad, ""},
		{"two documents", func(r *functiontest.Request) { r.Body = append(r.Body, "{}"...) }, bad, ""},
		{"257 KiB of spaces", func(r *functiontest.Request) { r.Body = append(r.Body, strings.Repeat(" ", 257<<10)...) }, large, ""},
		{"257 KiB in base64", func(r *functiontest.Request) { r.Body = bytes.Repeat([]byte{0xff}, 257<<10) }, large, ""},
		{"gzip", func(r *functiontest.Request) { r.Body = zipped(r.Body) }, bad, ""},
		{"gzip, and said so", func(r *functiontest.Request) {
			r.Body = zipped(r.Body)
			header("Content-Encoding", "gzip")(r)
		}, media, "Content-Encoding"},
		{"gzip, only said", header("Content-Encoding", "gzip"), media, "Content-Encoding"},
		{"UTF-16", func(r *functiontest.Request) { r.Body = []byte("\xff\xfe{\x00}\x00") }, bad, ""},
	}
	for _, text := range []string{"nothing", "[]", "null", `"x"`, "1", "{", "{}}", "{'a':1}", `{"a":1,}`, "accounts=1&add=2", "<a/>", "{}\x00", `{"":1}`} {
		all = append(all, oddRequest{"the body " + text, body(text), bad, ""})
	}
	all = append(all, oddRequest{"33 deep", body(strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)), bad, "a"})
	for _, kind := range []string{
		"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "*/*", "json", "application/json; charset=utf-16",
		"application/json; charset=iso-8859-1", "application/json; charset", "application/jsonp", "application/json, text/plain",
	} {
		all = append(all, oddRequest{"sent as " + kind, header("Content-Type", kind), media, "Content-Type"})
	}
	return all
}

// oddPaths are paths and methods that lead nowhere.
func oddPaths() []oddRequest {
	// Some are the path of another operation, which has another method.
	nowhere := []int{http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed}
	path := func(name string, change func(string) string) oddRequest {
		return oddRequest{name, func(r *functiontest.Request) { r.Path = change(r.Path) }, nowhere, ""}
	}
	all := []oddRequest{
		path("a slash in front", func(p string) string { return "/" + p }),
		path("capitals", strings.ToUpper),
		path("up and down", func(p string) string { return "/x/.." + p }),
		path("up, escaped", func(p string) string { return "/x/%2e%2e" + p }),
		path("up with an escaped slash", func(p string) string { return "/..%2f.." + p }),
		path("a backslash", func(p string) string { return "/..%5c" + p[1:] }),
		path("here", func(p string) string { return "/." + p }),
		path("a dot at the end", func(p string) string { return p + "/." }),
		path("up at the end", func(p string) string { return p + "/x/.." }),
		path("twice", func(p string) string { return p + p }),
		path("the root", func(string) string { return "/" }),
	}
	for _, end := range []string{"/", "//", "%00", "%0d%0aX: y", "%2F", "%2f..%2f", ";x=1", ";", "/" + strings.Repeat("a", 8000), strings.Repeat("/a", 4000), "%ff", "%20", "%E2%80%AE", ":", "@", "%25"} {
		all = append(all, path(fmt.Sprintf("%.20q at the end", end), func(p string) string { return p + end }))
	}
	for _, method := range []string{"DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "Post", "G\u0435T", "X"} {
		all = append(all, oddRequest{"the method " + method, func(r *functiontest.Request) { r.Method = method }, []int{http.StatusMethodNotAllowed, http.StatusBadRequest}, ""})
	}
	return all
}

// anyBody tells whether an operation takes a body and needs nothing in it, so that
// none at all is as good.
func (op *taking) anyBody() bool {
	needed := slices.ContainsFunc(op.fields, func(f field) bool { return f.in == "body" && f.required && len(f.keys) == 1 })
	return op.takesBody() && strings.Contains(op.path, "{id}") && !needed
}

// another tells whether an odd request is right after all, because it is what
// another operation, or the same one, takes.
func (op *taking) another(r functiontest.Request, all []*taking) bool {
	if op.name == "releases.get" && r.Path == "/releases/web-base:" { // another family, of which nothing is released
		return true
	}
	if op.function == "portal" && r.Path == "/" && r.Method == http.MethodGet {
		return true // the page
	}
	return r.Method == http.MethodDelete && len(r.Body) == 0 && r.Path == op.request(field{}, "").Path &&
		slices.ContainsFunc(all, func(other *taking) bool { return r.Method == other.method && shaped(r.Path, other.path) })
}

// shaped tells whether a path is one of a pattern.
func shaped(path, pattern string) bool {
	is, may := strings.Split(path, "/"), strings.Split(pattern, "/")
	return slices.EqualFunc(is, may, func(is, may string) bool { return is == may || strings.HasPrefix(may, "{") && is != "" })
}

// odd are the requests of an operation that are wrong as a whole, as events; all
// are the operations there are.
func (op *taking) odd(operations []*taking) []mistake {
	var all []mistake
	list := oddPaths()
	if op.takesBody() {
		list = append(list, oddBodies()...)
	} else {
		list = append(list, oddRequest{"a body", body("{}"), []int{http.StatusBadRequest}, ""})
	}
	for _, o := range list {
		r := op.request(field{}, "")
		if o.change(&r); op.another(r, operations) {
			continue
		}
		if len(r.Body) == 0 && op.anyBody() {
			o.status = []int{http.StatusNotFound} // there is no such work
		}
		for _, way := range []struct {
			name  string
			event []byte
		}{{"v1", r.V1()}, {"2.0", r.V2()}} {
			all = append(all, mistake{
				name: op.name + ", " + o.name + ", " + way.name, function: op.function, event: way.event, status: o.status, field: o.field, blame: o.field != "",
			})
		}
	}
	return all
}

// TestOddRequests: paths, methods and bodies that are wrong as a whole.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	s := sturdy(t)
	all := operations(t)
	for _, op := range all {
		t.Run(op.name, func(t *testing.T) {
			s.makeAll(t, some(t, op.odd(all), 10))
			for _, o := range some(t, oddPaths(), 10) {
				s.onTheWire(t, op, o, all)
			}
		})
	}
}

// onTheWire sends an odd path or method through the gateway, unless no client
// can. The gateway itself knows some of them as no route of its.
func (s *stack) onTheWire(t *testing.T, op *taking, o oddRequest, all []*taking) {
	t.Helper()
	r := op.request(field{}, "")
	if o.change(&r); op.another(r, all) || r.Path == "/" && r.Method == http.MethodGet {
		return // the gateway has a page there
	}
	at, err := url.Parse(s.gateway)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, s.gateway, bytes.NewReader(r.Body))
	if err != nil || r.Method == http.MethodConnect {
		return
	}
	request.URL = &url.URL{Scheme: at.Scheme, Host: at.Host, Opaque: "//" + at.Host + r.Path}
	request.Header.Set("Authorization", "Bearer "+s.tokens[function.Operator])
	request.Header.Set("Content-Type", "application/json")
	status, answer := s.send(request)
	if status < 300 || status >= 500 {
		t.Errorf("%s, %s: %d %.300s", op.name, o.name, status, answer)
	}
}

// TestLegitimateOddities: what looks odd and is right is answered.
func TestLegitimateOddities(t *testing.T) {
	t.Parallel()
	s := sturdy(t)
	const image = "/shares/m-bp1p3iw05ysr6wic1ldo"
	auth := []functiontest.Pair{{Name: "Authorization", Value: "Bearer " + s.tokens[function.Operator]}}
	with := func(name, value string) []functiontest.Pair {
		return append(auth, functiontest.Pair{Name: name, Value: value})
	}
	wish := []byte(`{"add":[{"accountId":"1000000000000003"}]}`)
	for why, event := range map[string][]byte{
		"a body without content-type is JSON":              functiontest.Request{Method: "PATCH", Path: image, Header: auth, Body: wish}.V1(),
		"UTF-8 is what JSON is in":                         functiontest.Request{Method: "PATCH", Path: image, Header: with("content-type", "application/json; charset=UTF-8"), Body: wish}.V2(),
		"spaces around a document mean nothing":            functiontest.Request{Method: "PATCH", Path: image, Header: auth, Body: []byte("\n " + string(wish) + " \t\r\n")}.V1(),
		"letters may be escaped":                           functiontest.Request{Method: "PATCH", Path: image, Header: auth, Body: []byte(`{"\u0061dd":[{"accountId":"1000000000000003"}]}`)}.V1(),
		"a body may come in base64":                        bytes.Replace(functiontest.Request{Method: "PATCH", Path: image, Header: auth, Body: []byte("eyJhZGQiOlt7ImFjY291bnRJZCI6IjEwMDAwMDAwMDAwMDAwMDMifV19")}.V1(), []byte(`"isBase64Encoded":false`), []byte(`"isBase64Encoded":true`), 1),
		"escaped letters of a path are letters":            functiontest.Request{Method: "GET", Path: "/%73hares/m-bp1p3iw05ysr6wic1ldo", Header: auth}.V1(),
		"HEAD is GET without its body":                     functiontest.Request{Method: "HEAD", Path: image, Header: auth}.V2(),
		"a comma list may have spaces":                     functiontest.Direct("share.get", []byte(`{"imageId":"m-bp1p3iw05ysr6wic1ldo"}`)),
		"names with joiners and emoji are names of people": functiontest.Request{Method: "PATCH", Path: image, Header: auth, Body: []byte(`{"add":[{"accountId":"1000000000000003","reason":"für 张 👩‍🔧"}]}`)}.V1(),
	} {
		a, err := s.attempt(mistake{function: "share", event: event})
		if err != nil || a.Status != http.StatusOK {
			t.Errorf("%s: %d %.200s, %v", why, a.Status, a.Body, err)
		}
	}
	for why, query := range map[string]string{
		"a comma list may have spaces":                                                   "region=cn-hangzhou,%20cn-hangzhou&limit=1",
		"repeated lists are joined, as Function Compute does":                            "kind=custom&kind=public&limit=1",
		"a tag without a value asks for the key":                                         "tag.team=&limit=1",
		"a value of a tag may have a comma, which is what Function Compute makes of two": "tag.team=a%2Cb&limit=1",
	} {
		if status, answer := s.get("/images?" + query); status != http.StatusOK {
			t.Errorf("%s: %d %.200s", why, status, answer)
		}
	}
	s.chunked(t, image, wish)
}

// chunked sends a body of a length that is not told before.
func (s *stack) chunked(t *testing.T, path string, wish []byte) {
	t.Helper()
	for want, text := range map[int]io.Reader{
		http.StatusOK:                    bytes.NewReader(wish),
		http.StatusRequestEntityTooLarge: io.MultiReader(bytes.NewReader(wish), strings.NewReader(strings.Repeat(" ", 257<<10))),
	} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, s.gateway+path, io.MultiReader(text))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.tokens[function.Operator])
		status, answer := s.send(request)
		if status != want || !json.Valid(answer) {
			t.Errorf("chunked: %d %.200s, want %d", status, answer, want)
		}
	}
}
