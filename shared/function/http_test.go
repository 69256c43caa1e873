package function_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// answer is what a caller sees over HTTP.
type answer struct {
	status int
	header http.Header
	body   string
}

type problem struct {
	Type, Title, Code, Detail, Field, RequestID, VendorRequestID string
	Status                                                       int
	Errors                                                       []struct{ Field, Code, Detail string }
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if a.header.Get("Content-Type") != "application/problem+json" || p.Type != "about:blank" || p.Status != a.status || p.Title == "" {
		t.Errorf("not a problem document: %d %v %s", a.status, a.header, a.body)
	}
	return p
}

// ask sends a request to the sample function without a runtime.
func ask(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	sample().ServeHTTP(w, r)
	read, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{w.Code, w.Result().Header, string(read)}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	tests := []struct{ query, member, want string }{
		{"", "id", `"t-1"`},
		{"osType=linux", "osType", `"linux"`},
		{"name=a%20b%26", "name", `"a b&"`},
		{"name=a%2Bb", "name", `"a+b"`},
		{"limit=1000", "limit", `1000`},
		{"big=-9223372036854775808", "big", `-9223372036854775808`},
		{"small=255", "small", `255`},
		{"ratio=0.25", "ratio", `0.25`},
		{"on=true", "on", `true`},
		{"maybe=false", "maybe", `false`},
		{"", "maybe", `null`},
		{"after=2026-01-31T12:00:00%2B08:00", "after", `"2026-01-31T12:00:00+08:00"`},
		{"kinds=a,b,%20c", "kinds", `["a","b","c"]`},
		{"kinds=a&kinds=b", "kinds", `["a","b"]`},
		{"numbers=1,-2", "numbers", `[1,-2]`},
		{"colour=blue", "colour", `"blue"`},
		{"tag.a=1&tag.b=", "tags", `{"a":"1","b":""}`},
		{"tags=a=1,b,c=", "tags", `{"a":"1","b":"","c":""}`},
		{"tags=a=1&tags=b=2", "tags", `{"a":"1","b":"2"}`},
		{"tags=a=1%3D2&tag.b=2,3", "tags", `{"a":"1=2","b":"2,3"}`},
		{"tag.a.b=x,y", "tags", `{"a.b":"x,y"}`},
	}
	for _, test := range tests {
		t.Run(test.query+" "+test.member, func(t *testing.T) {
			t.Parallel()
			a := ask(t, "GET", "/things/t-1?"+test.query, "")
			var got map[string]json.RawMessage
			if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if string(got[test.member]) != test.want {
				t.Errorf("got %s, want %s", got[test.member], test.want)
			}
		})
	}
}

func TestParametersRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ target, field, code, says string }{
		{"/things/t-1?limit=0", "limit", "min", "at least 1"},
		{"/things/t-1?limit=1001", "limit", "max", "at most 1000"},
		{"/things/t-1?limit=ten", "limit", "invalidValue", "whole number"},
		{"/things/t-1?limit=1,2", "limit", "duplicateField", "comma"},
		{"/things/t-1?limit=1&limit=2", "limit", "duplicateField", "2 times"},
		{"/things/t-1?limit=", "limit", "emptyValue", "empty"},
		{"/things/t-1?Limit=1", "Limit", "otherCase", "write it limit"},
		{"/things/t-1?limt=1", "limt", "unknownField", "limit?"},
		{"/things/t-1?page=1", "page", "unknownField", "tag.<key>"},
		{"/things/t-1?pages=1", "pages", "unknownField", "format, fields, osType"},
		{"/things/t-1?internal=1", "internal", "unknownField", "known"},
		{"/things/t-1?tags=", "tags", "emptyValue", "empty"},
		{"/things/t-1?tags=a=1,,b=2", "tags", "invalidValue", "key"},
		{"/things/t-1?tags==1", "tags", "invalidValue", "key"},
		{"/things/t-1?tags=a=1,a=2", "tags", "duplicateField", "twice"},
		{"/things/t-1?Tags=a=1", "Tags", "otherCase", "tags"},
		{"/things/t-1?tag.=1", "tag.", "invalidValue", "key"},
		{"/things/t-1?tag.a=1&tag.a=2", "tag.a", "duplicateField", "2 times"},
		{"/things/t-1?tag.a=%01", "tag.a", "invalidCharacter", "control"},
		{"/things/t-1?tag.abcde=1", "tags.abcde", "max", "4 characters"},
		{"/things/t-1?id=t-2", "id", "duplicateField", "path"},
		{"/things/x", "id", "thingid", "such as t-1"},
		{"/things/t-%00", "id", "invalidCharacter", "control"},
		{"/things/t-1?osType=beos", "osType", "oneof", "linux, windows"},
		{"/things/t-1?osType=linux,windows", "osType", "duplicateField", "comma"},
		{"/things/t-1?name=123456789", "name", "max", "8 characters"},
		{"/things/t-1?name=a%0Ab", "name", "invalidCharacter", "control"},
		{"/things/t-1?name=%ff", "name", "invalidCharacter", "UTF-8"},
		{"/things/t-1?big=9223372036854775808", "big", "invalidValue", "whole number"},
		{"/things/t-1?small=-1", "small", "invalidValue", "not negative"},
		{"/things/t-1?ratio=NaN", "ratio", "invalidValue", "number"},
		{"/things/t-1?ratio=1", "ratio", "lt", "less than 1"},
		{"/things/t-1?on=yes", "on", "invalidValue", "true or false"},
		{"/things/t-1?after=2026-01-31", "after", "invalidValue", "2026-01-31T12:00:00Z"},
		{"/things/t-1?after=2026-01-31T12:00:00Z&before=2026-01-30T12:00:00Z", "before", "gtfield", "after"},
		{"/things/t-1?kinds=a,b,c,d", "kinds", "max", "3 entries"},
		{"/things/t-1?kinds=a,,b", "kinds", "emptyValue", "(entry 2)"},
		{"/things/t-1?kinds=", "kinds", "emptyValue", "empty"},
		{"/things/t-1?name=%20", "name", "emptyValue", "empty"},
		{"/things/t-1?name=a,b", "name", "duplicateField", "comma"},
		{"/things/t-1?name=a&name=b", "name", "duplicateField", "2 times"},
		{"/things/t-1?big=0", "big", "emptyValue", "is 0"},
		{"/things/t-1?small=0", "small", "emptyValue", "is 0"},
		{"/things/t-1?ratio=0.0", "ratio", "emptyValue", "is 0"},
		{"/things/t-1?after=0001-01-01T00:00:00Z", "after", "emptyValue", "is nothing here"},
		{"/things/t-1?after=0001-01-01T08:00:00%2B08:00", "after", "emptyValue", "is nothing here"},
		{"/things/t-1?numbers=1,x", "numbers", "invalidValue", "whole number"},
		{"/things/t-1?numbers=07", "numbers", "invalidValue", "whole number"},
		{"/things/t-1?big=%2B5", "big", "invalidValue", "whole number"},
		{"/things/t-1?big=-0", "big", "invalidValue", "whole number"},
		{"/things/t-1?name=a%E2%80%A8b", "name", "invalidCharacter", "control"},
		{"/things/t-1?name=a%E2%80%AEb", "name", "invalidCharacter", "control"},
		{"/things/t-1?name=%EF%BF%BD", "name", "invalidCharacter", "UTF-8"},
		{"/things/t-1?a%E2%80%AE%1Bb=1", "ab", "unknownField", "known"},
		{"/things/t-1?kinds=a,x", "kinds", "oneof", "a, b, c, d"},
		{"/things/t-1?kinds=a,a", "kinds", "duplicate", "once (entry 2)"},
		{"/things/t-1?colour=green", "colour", "invalidValue", "red or blue"},
		{"/things/t-1?%zz=1", "", "invalidValue", "malformed"},
		{"/who?x=1", "x", "unknownField", "nothing"},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			p := ask(t, "GET", test.target, "").problem(t)
			if p.Status != 400 || p.Field != test.field || p.Code != test.code || !strings.Contains(p.Detail, test.says) {
				t.Errorf("got %+v, want %+v", p, test)
			}
		})
	}
}

func TestEverythingWrongIsTold(t *testing.T) {
	t.Parallel()
	p := ask(t, "GET", "/things/t-1?limit=0&name=123456789", "").problem(t)
	if len(p.Errors) != 2 || p.Errors[0].Field != "limit" || p.Errors[1].Field != "name" || p.Field != "limit" {
		t.Errorf("got %+v", p)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, target, body, kind string
		status                           int
		field, code                      string
	}{
		{"made", "POST", "/things", `{"name":"a","accounts":[{"id":"1"}]}`, "application/json", 201, "", ""},
		{"with a charset", "POST", "/things", `{"name":"a"}`, "application/json; charset=utf-8", 201, "", ""},
		{"with a suffix", "POST", "/things", `{"name":"a"}`, "application/merge-patch+json", 201, "", ""},
		{"without a type", "POST", "/things", `{"name":"a"}`, "", 201, "", ""},
		{"and a query", "POST", "/things?region=x", `{"name":"a"}`, "", 201, "", ""},
		{"in both", "POST", "/things?region=x", `{"name":"a","region":"x"}`, "", 400, "region", "duplicateField"},
		{"in the path and the body", "PUT", "/things/t-1", `{"id":"t-1","name":"a"}`, "", 400, "id", "duplicateField"},
		{"a form", "POST", "/things", `name=a`, "application/x-www-form-urlencoded", 415, "Content-Type", "mediaType"},
		{"in UTF-16", "POST", "/things", `{"name":"a"}`, "application/json; charset=utf-16", 415, "Content-Type", "mediaType"},
		{"in UTF-8", "POST", "/things", `{"name":"a"}`, "application/json; charset=UTF-8", 201, "", ""},
		{"nothing", "POST", "/things", ``, "", 400, "name", "required"},
		{"two documents", "POST", "/things", `{"name":"a"}{}`, "", 400, "", "malformedJson"},
		{"twice", "POST", "/things", `{"name":"a","dryRun":true,"dryRun":false}`, "", 400, "dryRun", "duplicateField"},
		{"in another case", "POST", "/things", `{"name":"a","dryRun":true,"DRYRUN":false}`, "", 400, "DRYRUN", "otherCase"},
		{"unknown", "POST", "/things", `{"name":"a","accounts":[{"id":"1","untill":null}]}`, "", 400, "accounts[0].untill", "unknownField"},
		{"too many", "POST", "/things", `{"name":"a","count":11}`, "", 400, "count", "max"},
		{"deep mistake", "POST", "/things", `{"name":"a","accounts":[{"id":"1"},{"id":"x"}]}`, "", 400, "accounts[1].id", "numeric"},
		{"an array", "POST", "/things", `[]`, "", 400, "", "wrongType"},
		{"null", "POST", "/things", `null`, "", 400, "", "wrongType"},
		{"too large", "POST", "/things", `{"name":"` + strings.Repeat("a", 256<<10) + `"}`, "", 413, "", "bodyTooLarge"},
		{"as large as allowed", "POST", "/things", `{"name":"a"}` + strings.Repeat(" ", 256<<10-12), "", 201, "", ""},
		{"of a GET", "GET", "/things/t-1", `{}`, "", 400, "", "body"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := []string{}
			if test.kind != "" {
				header = []string{"Content-Type", test.kind}
			}
			a := ask(t, test.method, test.target, test.body, header...)
			if a.status != test.status {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			if test.code == "" {
				return
			}
			if p := a.problem(t); p.Field != test.field || p.Code != test.code {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, target string
		status         int
		code, allow    string
	}{
		{"GET", "/nothing", 404, "noSuchRoute", ""},
		{"GET", "/things/t-1/", 404, "noSuchRoute", ""},
		{"GET", "//things", 404, "noSuchRoute", ""},
		{"GET", "/things/../who", 404, "noSuchRoute", ""},
		{"POST", "/who", 405, "methodNotAllowed", "GET, HEAD, OPTIONS"},
		{"DELETE", "/things/t-1", 405, "methodNotAllowed", "GET, HEAD, PUT, OPTIONS"},
		{"OPTIONS", "/things", 204, "", "GET, HEAD, POST, OPTIONS"},
		{"OPTIONS", "/nothing", 404, "noSuchRoute", ""},
		{"HEAD", "/things", 200, "", ""},
		{"HEAD", "/things/t-1?limit=0", 400, "", ""},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			t.Parallel()
			a := ask(t, test.method, test.target, "")
			if a.status != test.status || a.header.Get("Allow") != test.allow {
				t.Fatalf("got %d %v %s", a.status, a.header, a.body)
			}
			if test.code != "" && a.problem(t).Code != test.code {
				t.Error(a.body)
			}
			if test.code == "" && a.body != "" {
				t.Errorf("a body: %s", a.body)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	a := ask(t, "POST", "/things", `{"name":"a~Set-Cookie: admin=1~~x"}`)
	if got := a.header.Get("Location"); got != "/things/aSet-Cookie: admin=1x" {
		t.Errorf("Location: %q", got)
	}
	if a.header.Get("Set-Cookie") != "" || strings.Join(a.header["X-Two"], "|") != "a|b" {
		t.Errorf("got %v", a.header)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %v", a.header)
	}
	for _, given := range [][]string{
		{"Authorization", "Bearer a", "authorization", "Bearer b"},
		{"Authorization", "Bearer a,Bearer b"},
	} {
		if p := ask(t, "GET", "/who", "", given...).problem(t); p.Status != 400 || p.Field != "Authorization" {
			t.Errorf("%v: %+v", given, p)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			a := ask(t, "GET", "/failures/"+string(kind), "")
			p := a.problem(t)
			if p.Status != kind.HTTPStatus() || p.Code != string(kind) || p.Detail != "the cloud said no" || p.VendorRequestID != "VENDOR-1" {
				t.Errorf("got %+v", p)
			}
			if (p.Status == 503) != (a.header.Get("Retry-After") != "") {
				t.Errorf("Retry-After of %d: %q", p.Status, a.header.Get("Retry-After"))
			}
			if strings.Contains(a.body, "Password") {
				t.Errorf("the cause is told: %s", a.body)
			}
		})
	}
	for _, target := range []string{"/failures/x?plain=true", "/panic"} {
		a := ask(t, "GET", target, "")
		if p := a.problem(t); p.Status != 500 || p.Code != "internal" || strings.Contains(a.body, "assword") || strings.Contains(a.body, ".go") {
			t.Errorf("%s: %s", target, a.body)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	tests := []struct{ query, kind, body string }{
		{"", "application/json", `{"items":["plain","=1+1","+1","-1","@x","\tx","a,\"b\"\r\nc","<&>"]}` + "\n"},
		{"?format=ndjson", "application/x-ndjson", `{"name":"plain"}` + "\n" + `{"name":"=1+1"}` + "\n" + `{"name":"+1"}` + "\n" + `{"name":"-1"}` +
			"\n" + `{"name":"@x"}` + "\n" + `{"name":"\tx"}` + "\n" + `{"name":"a,\"b\"\r\nc"}` + "\n" + `{"name":"<&>"}` + "\n"},
		{"?format=csv", "text/csv; charset=utf-8; header=present", "name,length\r\nplain,5\r\n'=1+1,4\r\n'+1,2\r\n'-1,2\r\n'@x,2\r\n'\tx,2\r\n\"a,\"\"b\"\"\r\nc\",8\r\n<&>,3\r\n"},
	}
	for _, test := range tests {
		a := ask(t, "GET", "/things"+test.query, "")
		if a.status != 200 || a.header.Get("Content-Type") != test.kind || a.body != test.body {
			t.Errorf("%s: got %d %v\n%q, want\n%q", test.query, a.status, a.header, a.body, test.body)
		}
	}
	if p := ask(t, "GET", "/things/t-1?format=csv", "").problem(t); p.Status != 400 || p.Field != "format" {
		t.Errorf("got %+v", p)
	}
}

func TestMalformedRulePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	function.New("f").With(function.Rule{Tag: "x", Pattern: "^[a-z]{1,4096}$"})
}

func TestContradictionsPanic(t *testing.T) {
	t.Parallel()
	with := func(name, pattern string) function.Operation {
		return function.Handle(function.Spec{Name: name, Pattern: pattern}, echo[text])
	}
	for name, ops := range map[string][]function.Operation{
		"no name":          {with("", "GET /a")},
		"a name twice":     {with("a", "GET /a"), with("a", "GET /b")},
		"a route twice":    {with("a", "GET /a"), with("b", "GET /a")},
		"no such field":    {with("a", "GET /a/{id}")},
		"not a struct":     {function.Handle(function.Spec{Name: "a"}, echo[string])},
		"embedded pointer": {function.Handle(function.Spec{Name: "a"}, echo[struct{ *text }])},
		"one timer twice":  {function.OnTimer("t", echo[function.Tick]), function.OnTimer("t", echo[function.Tick])},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			function.New("f", ops...)
		})
	}
}
