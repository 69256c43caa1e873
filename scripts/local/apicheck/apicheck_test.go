package apicheck_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/local/apicheck"
)

const document = `{
  "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
  "paths": {
    "/things/{id}": {
      "get": {
        "operationId": "sample.get", "x-operation": "sample.get", "tags": ["sample"],
        "x-input": {"$ref": "#/components/schemas/GetInput"},
        "parameters": [
          {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^t-[0-9]+$"}},
          {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}},
          {"name": "deep", "in": "query", "schema": {"type": "boolean"}},
          {"name": "after", "in": "query", "schema": {"type": "string", "format": "date-time"}},
          {"name": "kind", "in": "query", "style": "form", "explode": false,
            "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
          {"name": "tag", "in": "query", "style": "form", "explode": true,
            "schema": {"type": "object", "patternProperties": {"^tag\\..+$": {"type": "string", "maxLength": 3}}, "additionalProperties": false}}
        ],
        "responses": {
          "200": {"description": "done", "headers": {"Next-Cursor": {"schema": {"type": "string"}}, "Count": {"schema": {"type": "integer"}}}, "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}},
            "text/csv": {"schema": {"type": "string"}, "x-columns": [["id", "name"]]},
            "application/x-ndjson": {"schema": {"type": "string"}, "x-line": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"$ref": "#/components/schemas/End"}]}}
          }},
          "400": {"$ref": "#/components/responses/Invalid"}
        }
      },
      "put": {
        "operationId": "sample.put", "x-operation": "sample.put", "tags": ["sample"],
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
        "responses": {"204": {"description": "done"}, "400": {"$ref": "#/components/responses/Invalid"}}
      }
    },
    "/things/first": {"get": {"operationId": "sample.first", "tags": ["sample"], "responses": {"200": {"description": "done", "content": {"application/json": {"schema": {"type": "integer"}}}}}}}
  },
  "x-functions": {"sample": {"x-triggers": [{"type": "timer", "name": "*", "output": {"$ref": "#/components/schemas/End"}}]}},
  "components": {
    "schemas": {
      "GetInput": {"type": "object", "additionalProperties": false, "required": ["id"], "properties": {"id": {"type": "string"}, "limit": {"type": "integer"}}},
      "Thing": {"type": "object", "additionalProperties": false, "required": ["id"], "properties": {"id": {"type": "string"}, "name": {"type": ["string", "null"]}, "at": {"type": "string", "format": "date-time"}}},
      "End": {"type": "object", "additionalProperties": false, "required": ["end"], "properties": {"end": {"const": true}}},
      "Problem": {"type": "object", "additionalProperties": false, "required": ["title", "status", "code"], "properties": {"title": {"type": "string"}, "status": {"type": "integer"}, "code": {"type": "string"}}}
    },
    "responses": {"Invalid": {"description": "no", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}}
  }
}`

const refusal = `{"title":"Bad Request","status":400,"code":"x"}`

func sample(t *testing.T) *apicheck.Checker {
	t.Helper()
	w, err := apicheck.New([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// exchange is one in short: a request, and an answer with its type.
type exchange struct {
	method, target, body string
	status               int
	kind, answer         string
	header               http.Header
}

func (e exchange) whole(t *testing.T) apicheck.Exchange {
	t.Helper()
	at, err := url.Parse(e.target)
	if err != nil {
		t.Fatal(err)
	}
	x := apicheck.Exchange{Method: e.method, URL: at, Header: http.Header{}, Body: []byte(e.body), Status: e.status, Answered: http.Header{}, Answer: []byte(e.answer)}
	for name, values := range e.header {
		x.Answered[name] = values
	}
	if e.kind != "" {
		x.Answered.Set("Content-Type", e.kind)
	}
	return x
}

const (
	isJSON    = "application/json"
	isProblem = "application/problem+json"
	isLines   = "application/x-ndjson"
	isTable   = "text/csv; charset=utf-8; header=present"
)

func TestWhatIsAllowed(t *testing.T) {
	t.Parallel()
	w := sample(t)
	for name, e := range map[string]exchange{
		"a thing":                      {"GET", "/things/t-1?limit=2&deep=true&kind=a,b&tag.x=1&tag.y=&after=2027-01-01T00:00:00Z", "", 200, isJSON, `{"id":"t-1","name":null}`, http.Header{"Count": {"3"}, "Next-Cursor": {"x"}}},
		"by the function's own URL":    {"GET", "/_fn/sample/things/t-1", "", 200, isJSON, `{"id":"t-1"}`, nil},
		"a table":                      {"GET", "/things/t-1", "", 200, isTable, "id,name\r\nt-1,one\r\n", nil},
		"lines":                        {"GET", "/things/t-1", "", 200, isLines, "{\"id\":\"t-1\"}\n{\"end\":true}\n", nil},
		"a word before a wildcard":     {"GET", "/things/first", "", 200, isJSON, "1", nil},
		"a change":                     {"PUT", "/things/t-1", `{"id":"t-1"}`, 204, "", "", nil},
		"refused as it should be":      {"GET", "/things/t-1?limit=0", "", 400, isProblem, refusal, nil},
		"refused for another reason":   {"GET", "/things/t-1", "", 400, isProblem, refusal, nil},
		"an unknown path":              {"GET", "/nothing", "", 404, isProblem, refusal, nil},
		"another method":               {"DELETE", "/things/t-1", "", 405, isProblem, refusal, nil},
		"sent to another function":     {"GET", "/_fn/other/things/t-1", "", 404, isProblem, refusal, nil},
		"not of the functions":         {"GET", "/healthz", "", 200, isJSON, `{"status":"ok"}`, nil},
		"a function that died":         {"GET", "/things/t-1", "", 502, isJSON, `{"errorType":"CAExited"}`, http.Header{"X-Fc-Error-Type": {"CAExited"}}},
		"a direct call":                {"POST", "/_local/invoke/sample", `{"operation":"sample.get","input":{"id":"t-1"}}`, 200, isJSON, `{"id":"t-1"}`, nil},
		"a direct call for a table":    {"POST", "/_local/invoke/sample", `{"operation":"sample.get","input":{"id":"t-1"}}`, 200, isJSON, `"id,name"`, nil},
		"a direct call that is wrong":  {"POST", "/_local/invoke/sample", `{"operation":"sample.get","input":{"name":1}}`, 200, isJSON, refusal, nil},
		"an event of the platform":     {"POST", "/_local/invoke/sample", event("GET", "/things/t-1", "1"), 200, isJSON, reply(200, `{\"id\":\"t-1\"}`), nil},
		"a timer":                      {"POST", "/_local/trigger/sample/nightly", "", 200, isJSON, `{"end":true}`, nil},
		"some other event":             {"POST", "/_local/invoke/sample", `{"events":[]}`, 200, isJSON, refusal, nil},
		"a direct call to nothing":     {"POST", "/_local/invoke/sample", `{"operation":"sample.none"}`, 200, isJSON, refusal, nil},
		"an empty direct call, wanted": {"POST", "/_local/invoke/sample", `{"operation":"sample.get"}`, 200, isJSON, refusal, nil},
	} {
		if found := w.Judge(e.whole(t)); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
	if w.Seen()["sample.get 200"] == 0 || w.Seen()["sample.get direct 400"] == 0 || !slices.Contains(w.Operations(), "sample.put") {
		t.Errorf("seen: %v", w.Seen())
	}
}

// event is a request as an event of Function Compute.
func event(method, path, limit string) string {
	return `{"version":"v1","rawPath":"` + path + `","queryParameters":{"limit":"` + limit + `"},"headers":{},"requestContext":{"http":{"method":"` + method + `"}}}`
}

func reply(status int, body string) string {
	return `{"statusCode":` + map[int]string{200: "200", 201: "201"}[status] + `,"headers":{"Content-Type":"application/json"},"isBase64Encoded":false,"body":"` + body + `"}`
}

// Each way to contradict the document is told.
func TestWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	w := sample(t)
	const good = `{"id":"t-1"}`
	for name, c := range map[string]struct {
		exchange
		want string
	}{
		"an unknown field":          {exchange{"GET", "/things/t-1", "", 200, isJSON, `{"id":"t-1","colour":"red"}`, nil}, "colour"},
		"a field that is missing":   {exchange{"GET", "/things/t-1", "", 200, isJSON, `{}`, nil}, "id"},
		"a field of another type":   {exchange{"GET", "/things/t-1", "", 200, isJSON, `{"id":1}`, nil}, "string"},
		"null where it may not be":  {exchange{"GET", "/things/t-1", "", 200, isJSON, `{"id":null}`, nil}, "null"},
		"a time that is none":       {exchange{"GET", "/things/t-1", "", 200, isJSON, `{"id":"t-1","at":"yesterday"}`, nil}, "date-time"},
		"no JSON":                   {exchange{"GET", "/things/t-1", "", 200, isJSON, `{"id":`, nil}, "JSON"},
		"another content type":      {exchange{"GET", "/things/t-1", "", 200, "text/html", good, nil}, "text/html"},
		"no content type":           {exchange{"GET", "/things/t-1", "", 200, "", good, nil}, "content type"},
		"a status nobody told of":   {exchange{"GET", "/things/t-1", "", 418, isProblem, refusal, nil}, "does not know this status"},
		"a header nobody told of":   {exchange{"GET", "/things/t-1", "", 200, isJSON, good, http.Header{"X-Secret": {"1"}}}, "X-Secret"},
		"a header of another type":  {exchange{"GET", "/things/t-1", "", 200, isJSON, good, http.Header{"Count": {"many"}}}, "Count"},
		"another problem":           {exchange{"GET", "/things/t-1", "", 400, isProblem, `{"error":"no"}`, nil}, "title"},
		"other columns":             {exchange{"GET", "/things/t-1", "", 200, isTable, "name,id\r\n", nil}, "columns"},
		"rows of different lengths": {exchange{"GET", "/things/t-1", "", 200, isTable, "id,name\r\nt-1\r\n", nil}, "CSV"},
		"a line of something else":  {exchange{"GET", "/things/t-1", "", 200, isLines, "{\"x\":1}\n{\"end\":true}\n", nil}, "line"},
		"no last line":              {exchange{"GET", "/things/t-1", "", 200, isLines, good + "\n", nil}, "last"},
		"a body where none is":      {exchange{"PUT", "/things/t-1", good, 204, "", "x", nil}, "has a body"},
		"a route nobody told of":    {exchange{"GET", "/secrets", "", 200, isJSON, "{}", nil}, "no operation"},
		"another function answers":  {exchange{"GET", "/_fn/other/things/t-1", "", 200, isJSON, good, nil}, "no operation"},
		"a method nobody told of":   {exchange{"DELETE", "/things/t-1", "", 204, "", "", nil}, "no operation"},
		"an unknown parameter":      {exchange{"GET", "/things/t-1?colour=red", "", 200, isJSON, good, nil}, "no parameter colour"},
		"a parameter twice":         {exchange{"GET", "/things/t-1?limit=1&limit=2", "", 200, isJSON, good, nil}, "limit"},
		"an empty parameter":        {exchange{"GET", "/things/t-1?limit=", "", 200, isJSON, good, nil}, "limit"},
		"a number below":            {exchange{"GET", "/things/t-1?limit=0", "", 200, isJSON, good, nil}, "limit"},
		"no number":                 {exchange{"GET", "/things/t-1?limit=x", "", 200, isJSON, good, nil}, "limit"},
		"neither true nor false":    {exchange{"GET", "/things/t-1?deep=1", "", 200, isJSON, good, nil}, "deep"},
		"a word of a list":          {exchange{"GET", "/things/t-1?kind=a,c", "", 200, isJSON, good, nil}, "kind"},
		"a tag too long":            {exchange{"GET", "/things/t-1?tag.x=1234", "", 200, isJSON, good, nil}, "tag"},
		"a tag twice":               {exchange{"GET", "/things/t-1?tag.x=1&tag.x=2", "", 200, isJSON, good, nil}, "tag.x"},
		"a time in words":           {exchange{"GET", "/things/t-1?after=now", "", 200, isJSON, good, nil}, "after"},
		"a wildcard":                {exchange{"GET", "/things/x", "", 200, isJSON, good, nil}, "id"},
		"a body for GET":            {exchange{"GET", "/things/t-1", good, 200, isJSON, good, nil}, "no body"},
		"no body":                   {exchange{"PUT", "/things/t-1", "", 204, "", "", nil}, "missing"},
		"another body":              {exchange{"PUT", "/things/t-1", `{"id":2}`, 204, "", "", nil}, "body"},
		"forbidden, and then 500":   {exchange{"PUT", "/things/t-1", `{"id":2}`, 500, isProblem, refusal, nil}, "not refused"},
		"a direct call":             {exchange{"POST", "/_local/invoke/sample", `{"operation":"sample.get","input":{"id":"t-1"}}`, 200, isJSON, `{"x":1}`, nil}, "direct"},
		"a direct call, forbidden":  {exchange{"POST", "/_local/invoke/sample", `{"operation":"sample.get","input":{"x":1}}`, 200, isJSON, good, nil}, "not refused"},
		"a direct call to nothing":  {exchange{"POST", "/_local/invoke/sample", `{"operation":"sample.none"}`, 200, isJSON, good, nil}, "does not have it"},
		"an event, forbidden":       {exchange{"POST", "/_local/invoke/sample", event("GET", "/things/t-1", "0"), 200, isJSON, reply(200, `{\"id\":\"t-1\"}`), nil}, "limit"},
		"an event, wrong answer":    {exchange{"POST", "/_local/invoke/sample", event("GET", "/things/t-1", "1"), 200, isJSON, reply(200, `{}`), nil}, "id"},
		"a timer":                   {exchange{"POST", "/_local/trigger/sample/nightly", "", 200, isJSON, `{"end":false}`, nil}, "timer"},
	} {
		found := w.Judge(c.whole(t))
		if len(found) == 0 || !strings.Contains(found[0].Error(), c.want) {
			t.Errorf("%s: want %q, found %v", name, c.want, found)
		}
	}
}

// Both ways to watch see the same, and change nothing of it.
func TestWatching(t *testing.T) {
	t.Parallel()
	w := sample(t)
	server := http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "" && r.Method == http.MethodGet {
			t.Error(string(body), err)
		}
		out.Header().Set("Content-Type", isJSON)
		_, _ = io.WriteString(out, `{"id":"t-1","colour":"red"}`)
	})
	var said []string
	report := func(err error) { said = append(said, err.Error()) }
	behind := httptest.NewServer(server)
	defer behind.Close()
	client := http.Client{Transport: w.Transport(http.DefaultTransport, report)}
	answer, err := client.Get(behind.URL + "/things/t-1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(body), "red") || len(said) != 1 {
		t.Errorf("transport: %s %v %v", body, err, said)
	}
	out := httptest.NewRecorder()
	w.Handler(server, report).ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/things/t-1", nil))
	if out.Code != 200 || !strings.Contains(out.Body.String(), "red") || len(said) != 2 || said[0] != said[1] {
		t.Errorf("handler: %d %s %v", out.Code, out.Body, said)
	}
	if _, err := client.Get("http://127.0.0.1:1/"); err == nil || len(said) != 2 {
		t.Errorf("a server that is not there: %v %v", err, said)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":             `{`,
		"no operations":       `{"openapi":"3.1.0"}`,
		"a schema that is no": `{"paths":{"/a":{"get":{"responses":{"200":{"content":{"application/json":{"schema":{"type":"text"}}}}}}}}}`,
	} {
		if _, err := apicheck.New([]byte(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestAnother: it judges alike, and has seen nothing of what the first one saw.
func TestAnother(t *testing.T) {
	t.Parallel()
	first := sample(t)
	first.Judge(apicheck.Exchange{Method: http.MethodGet, URL: &url.URL{Path: "/things/first"}, Status: http.StatusOK, Answered: http.Header{"Content-Type": {"application/json"}}, Answer: []byte("1")})
	second := first.Another()
	if len(first.Seen()) != 1 || len(second.Seen()) != 0 {
		t.Errorf("the first saw %v, the second %v", first.Seen(), second.Seen())
	}
	if found := second.Judge(apicheck.Exchange{Method: http.MethodGet, URL: &url.URL{Path: "/things/first"}, Status: http.StatusOK, Answered: http.Header{"Content-Type": {"application/json"}}, Answer: []byte("true")}); len(found) == 0 {
		t.Error("the second believes everything")
	}
}
