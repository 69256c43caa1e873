package function_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

// described loads what describe prints, as a reader of OpenAPI would.
func described(t *testing.T, f *function.Function) *openapi3.T {
	t.Helper()
	raw, err := json.Marshal(f.Describe())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableSchemaPatternValidation()); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return doc
}

func TestDescribeIsOpenAPI(t *testing.T) {
	t.Parallel()
	doc := described(t, sample())
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	erase := doc.Paths.Value("/things/{id}/erasure").Post
	if erase.Extensions["x-operation"] != "sample.erase" || erase.Extensions["x-role"] != "reaper" || erase.Extensions["x-apply-role"] != nil {
		t.Errorf("extensions: %v", erase.Extensions)
	}
	if scheme := doc.Components.SecuritySchemes["bearer"]; scheme == nil || scheme.Value.Type != "http" || scheme.Value.Scheme != "bearer" || len(doc.Security) != 1 {
		t.Errorf("security: %v %v", scheme, doc.Security)
	}
	post := doc.Paths.Value("/things").Post
	if post.Extensions["x-role"] != "viewer" || post.Extensions["x-apply-role"] != "operator" {
		t.Errorf("extensions: %v", post.Extensions)
	}
	if direct, ok := doc.Extensions["x-operations"].([]any); !ok || len(direct) != 1 {
		t.Errorf("direct: %v", doc.Extensions["x-operations"])
	}
	if triggers, ok := doc.Extensions["x-triggers"].([]any); !ok || len(triggers) != 3 {
		t.Errorf("triggers: %v", doc.Extensions["x-triggers"])
	}
	content := doc.Paths.Value("/things").Get.Responses.Value("200").Value.Content
	if content["text/csv"] == nil || content["application/x-ndjson"] == nil || content["application/json"] == nil {
		t.Errorf("content: %v", content)
	}
}

func TestDescribedParameters(t *testing.T) {
	t.Parallel()
	get := described(t, sample()).Paths.Value("/things/{id}").Get
	schema := func(name string) string {
		for _, where := range []string{"path", "query"} {
			if p := get.Parameters.GetByInAndName(where, name); p != nil {
				raw, err := json.Marshal(p.Schema)
				if err != nil {
					t.Fatal(err)
				}
				return where + " " + string(raw)
			}
		}
		return ""
	}
	for name, want := range map[string]string{
		"id":        `path {"pattern":"^t-[a-z0-9 é]{1,8}$","type":"string"}`,
		"osType":    `query {"enum":["linux","windows"],"type":"string"}`,
		"name":      `query {"maxLength":8,"pattern":"\\S","type":"string"}`,
		"limit":     `query {"maximum":1000,"minimum":1,"type":"integer"}`,
		"ratio":     `query {"exclusiveMaximum":1,"minimum":0,"not":{"const":0},"type":"number"}`,
		"maybe":     `query {"type":"boolean"}`,
		"after":     `query {"format":"date-time","type":"string"}`,
		"kinds":     `query {"items":{"enum":["a","b","c","d"],"type":"string"},"maxItems":3,"minItems":1,"type":"array","uniqueItems":true}`,
		"tags":      `query {"items":{"pattern":"^[^=,]+(=[^,]*)?$","type":"string"},"minItems":1,"type":"array"}`,
		"tag.key":   `query {"additionalProperties":false,"patternProperties":{"^tag\\..+$":{"maxLength":9,"type":"string"}},"type":"object"}`,
		"internal":  ``,
		"colour":    `query {"pattern":"\\S","type":"string","x-type":"imagekeeper/shared/function_test.colour"}`,
		"numbers":   `query {"items":{"type":"integer"},"minItems":1,"type":"array"}`,
		"requestId": ``,
		"small":     `query {"minimum":0,"not":{"const":0},"type":"integer"}`,
		"format":    `query {"enum":["json","csv","excel","ndjson"],"type":"string"}`,
		"notThere":  ``,
		"tag.<key>": ``,
	} {
		if got := schema(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if p := get.Parameters.GetByInAndName("query", "kinds"); p.Style != "form" || *p.Explode {
		t.Errorf("kinds is not a comma list: %+v", p)
	}
}

// TestAnswersFitTheirSchema: what operations answer is valid by what describe says of it.
func TestAnswersFitTheirSchema(t *testing.T) {
	t.Parallel()
	doc := described(t, sample())
	fits := func(schema *openapi3.SchemaRef, body string) error {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			return err
		}
		return schema.Value.VisitJSON(v, openapi3.EnableJSONSchema2020())
	}
	for target, path := range map[string]string{"/things": "/things", "/things/t-1?kinds=a&maybe=true": "/things/{id}", "/things/t-2": "/things/{id}"} {
		schema := doc.Paths.Value(path).Get.Responses.Value("200").Value.Content["application/json"].Schema
		if err := fits(schema, ask(t, "GET", target, "").body); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		if fits(schema, `{"limit":"x","items":1}`) == nil {
			t.Errorf("%s: anything fits", path)
		}
	}
	problem := doc.Components.Responses["Invalid"].Value.Content["application/problem+json"].Schema
	if err := fits(problem, ask(t, "GET", "/things/t-1?limit=0&name=123456789", "").body); err != nil {
		t.Error(err)
	}
	input := doc.Paths.Value("/things").Post.RequestBody.Value.Content["application/json"].Schema
	for body, good := range map[string]bool{
		`{"name":"a","accounts":[{"id":"1"}]}`: true, `{"accounts":[]}`: false, `{"name":"a","other":1}`: false, `{"name":"a","count":11}`: false,
	} {
		if got := fits(input, body) == nil; got != good || good != (ask(t, "POST", "/things", body).status == 201) {
			t.Errorf("%s: fits its schema: %v", body, got)
		}
	}
}

type tree struct {
	Name     string    `json:"name" validate:"len=3"`
	Children []*tree   `json:"children"`
	Parent   *tree     `json:"parent"`
	Raw      any       `json:"raw,omitempty"`
	Bytes    []byte    `json:"bytes,omitempty"`
	At       time.Time `json:"at"`
	Level    int       `json:"level" validate:"oneof=1 2 3"`
	Weights  []float64 `json:"weights" validate:"gt=0,lt=3"`
}

// Two types called account, a type that holds itself, and one without a name.
func TestDescribeNamesTypesApart(t *testing.T) {
	t.Parallel()
	type account struct {
		Other tree `json:"other" validate:"required"`
	}
	f := function.New("f",
		function.Handle(function.Spec{Name: "f.a", Pattern: "POST /a/{name}"}, echo[tree]),
		function.Handle(function.Spec{Name: "f.b", Pattern: "POST /b"}, echo[account]),
		function.Handle(function.Spec{Name: "f.c", Pattern: "POST /c"}, echo[struct {
			Inner account `json:"inner"`
		}]),
		function.Handle(function.Spec{Name: "f.d", Pattern: "POST /d"}, echo[order]),
	)
	doc := described(t, f)
	var names []string
	for name := range doc.Components.Schemas {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) != len(slices.Compact(slices.Clone(names))) || len(names) < 8 {
		t.Errorf("components: %v", names)
	}
	body := doc.Paths.Value("/a/{name}").Post.RequestBody.Value.Content["application/json"].Schema.Value
	if body.Properties["name"] != nil || body.Properties["level"].Value.Enum[0] != 1.0 || *body.Properties["weights"].Value.MaxItems != 2 {
		t.Errorf("body: %+v", body)
	}
}

// outcome is an answer that can be a problem as well.
type outcome struct {
	*trouble
	ID string `json:"id"`
}

type trouble struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Hint   string `json:"hint,omitempty"`
}

// TestDescribedAnswers: every status that an operation says it answers, with
// its headers; a HEAD beside each GET; what a problem with an output looks like.
func TestDescribedAnswers(t *testing.T) {
	t.Parallel()
	doc := described(t, function.New("f", function.Handle(function.Spec{
		Name: "f.get", Pattern: "GET /things/{id}", Success: []int{200, 202},
		Fails: []fault.Kind{fault.NotFound}, Tells: []fault.Kind{fault.Conflict}, Headers: map[string]string{"Next-Cursor": "more"},
	}, func(context.Context, function.Call, erasure) (outcome, error) { return outcome{}, nil })))
	path := doc.Paths.Value("/things/{id}")
	for _, operation := range []*openapi3.Operation{path.Get, path.Head} {
		statuses := slices.Sorted(maps.Keys(operation.Responses.Map()))
		if want := []string{"200", "202", "400", "401", "403", "404", "409", "413", "415", "429", "500", "502", "503"}; !slices.Equal(statuses, want) {
			t.Errorf("%s: %v", operation.OperationID, statuses)
		}
		for status, header := range map[string]string{"200": "Next-Cursor", "409": "Next-Cursor", "401": "WWW-Authenticate", "503": "Retry-After", "500": "X-Request-Id"} {
			if operation.Responses.Value(status).Value.Headers[header] == nil {
				t.Errorf("%s: %s without %s", operation.OperationID, status, header)
			}
		}
	}
	if path.Head.Responses.Value("200").Value.Content != nil || path.Head.OperationID != "f.get.head" {
		t.Errorf("HEAD: %+v", path.Head)
	}
	var plain, problem *openapi3.SchemaRef
	for name, schema := range doc.Components.Schemas {
		if strings.HasSuffix(name, "Outcome") {
			plain = schema
		}
		if strings.HasSuffix(name, "OutcomeProblem") {
			problem = schema
		}
	}
	if plain == nil || plain.Value.Properties["title"] != nil || plain.Value.Properties["id"] == nil {
		t.Errorf("the answer: %+v", plain)
	}
	if problem == nil || !slices.Equal(problem.Value.Required, []string{"title", "status", "code"}) {
		t.Errorf("the answer that is a problem: %+v", problem)
	}
}

// What a schema forbids is refused: a text that is empty where it could be left
// out, a time that RFC 3339 does not know.
func TestWhatTheSchemaForbidsIsRefused(t *testing.T) {
	t.Parallel()
	type input struct {
		Name string    `json:"name" validate:"omitempty,min=2"`
		Note string    `json:"note"`
		At   time.Time `json:"at"`
	}
	f := function.New("f", function.Handle(function.Spec{Name: "f.set", Pattern: "POST /set"}, echo[input]))
	for target, c := range map[string]struct {
		body   string
		status int
	}{
		"/set":                                   {`{"name":"ab","note":""}`, 400},
		"/set?at=2026-01-31T12:00:00.5Z":         {``, 200},
		"/set?at=2026-01-31T12:00:00,5Z":         {``, 400},
		"/set?at=2026-01-31T1:00:00Z":            {``, 400},
		"/set?at=2026-01-31T12:00:00%2B24:00":    {``, 400},
		"/set?note=d":                            {`{"at":"2026-01-31T12:00:00,5Z"}`, 400},
		"/set?note=a":                            {`{"name":""}`, 400},
		"/set?note=b":                            {`{"name" : ""}`, 400},
		"/set?note=c&at=2026-01-31T12:00:00%20Z": {``, 400},
	} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, target, strings.NewReader(c.body)))
		if w.Code != c.status {
			t.Errorf("%s %s: %d %s", target, c.body, w.Code, w.Body)
		}
	}
}
