package openapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/check/source"
)

const top = "../../.."

// TestKept: the document that is checked in is what the built functions
// describe. It is built as for a deployment, so no stale answer can pass.
func TestKept(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds every function")
	}
	names, err := bootstrap.Functions(top)
	if err != nil || len(names) < 3 {
		t.Fatal(names, err)
	}
	var all []openapi.Description
	for _, name := range names {
		binary, err := linked.Build(t.Context(), bootstrap.Order{Root: top, Package: "./functions/" + name, To: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		one, err := openapi.Describe(t.Context(), name, binary, openapi.Environment())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	now, err := openapi.Make(t.Context(), os.DirFS(top), all)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(top, openapi.Path))
	if err != nil {
		t.Fatal(err)
	}
	if err := openapi.Same(kept, now); err != nil {
		t.Error(err)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	if err := openapi.Same([]byte("a\nb\n"), []byte("a\nb\n")); err != nil {
		t.Error(err)
	}
	for _, now := range []string{"a\nc\n", "a\n", "a\nb\nc\n", ""} {
		err := openapi.Same([]byte("a\nb\n"), []byte(now))
		if err == nil || !strings.Contains(err.Error(), openapi.Refresh) || !strings.Contains(err.Error(), openapi.Path+":") {
			t.Errorf("%q: %v", now, err)
		}
	}
}

// describes is a description of one operation with one component.
func describes(t *testing.T, function, method, path, id, component string) openapi.Description {
	t.Helper()
	d := openapi.Description{Function: function}
	text := `{"paths": {"` + path + `": {"` + method + `": {"operationId": "` + id + `", "tags": ["` + function + `"],
		"parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}],
		"responses": {"200": {"description": "done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/One"}}}}}}}},
		"components": {"schemas": {"One": ` + component + `},
		"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}}}`
	if err := json.Unmarshal([]byte(text), &d.Document); err != nil {
		t.Fatal(err)
	}
	return d
}

const closed = `{"type": "object", "additionalProperties": false, "x-type": "m/shared/things.One", "properties":
	{"kind": {"type": "string", "x-type": "m/shared/things.Kind"}, "name": {"type": "string"}}}`

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	one := describes(t, "find", "get", "/a", "find.a", closed)
	for name, c := range map[string]struct {
		other openapi.Description
		want  string
	}{
		"one operation of two":         {describes(t, "price", "get", "/a", "price.a", closed), "GET /a"},
		"one name of two":              {describes(t, "price", "get", "/b", "find.a", closed), "operation find.a"},
		"two meanings of a component":  {describes(t, "price", "get", "/b", "price.b", `{"type": "string"}`), "components/schemas/One"},
		"one function of two programs": {describes(t, "find", "get", "/a", "find.b", closed), "GET /a"},
	} {
		for _, all := range [][]openapi.Description{{one, c.other}, {c.other, one}} {
			if _, err := openapi.Merge(all); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := openapi.Merge([]openapi.Description{one, describes(t, "price", "put", "/a", "price.a", closed)}); err != nil {
		t.Errorf("two methods of one path: %v", err)
	}
}

// module is the source of a type.
func module() fstest.MapFS {
	return fstest.MapFS{
		openapi.Examples + "/find.a.json":  {Data: []byte(`{}`)},
		openapi.Examples + "/price.b.json": {Data: []byte(`{}`)},
		"go.mod":                           {Data: []byte("module m\n")},
		"functions/find/main.go": {Data: []byte(`// Command find answers what there is.
package main
`)},
		"shared/things/things.go": {Data: []byte(`package things

// One is one of
// several.
type One struct {
	// Kind is which.
	Kind Kind ` + "`json:\"kind\"`" + `
	Named
}

// Named lends its name.
type Named struct {
	Name string ` + "`json:\"name\"`" + ` // Name: for people
}

// Kind says which one.
type Kind string

const (
	Big   Kind = "big"   // more than that
	Small Kind = "small"
)
`)},
	}
}

func TestMake(t *testing.T) {
	t.Parallel()
	all := []openapi.Description{
		describes(t, "price", "get", "/b", "price.b", closed), describes(t, "find", "get", "/a", "find.a", closed),
	}
	text, err := openapi.Make(t.Context(), module(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"description": "One of several."`, `"description": "Which.\n\n* ` + "`big`" + `: more than that"`, `"description": "For people"`,
		`"description": "Answers what there is."`, `"$ref": "#/components/parameters/q"`, "\"enum\": [\n              \"big\",\n              \"small\"\n            ]",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if !strings.Contains(string(text), `"example": {}`) {
		t.Errorf("no example in %s", text)
	}
	without := module()
	delete(without, openapi.Examples+"/price.b.json")
	if _, err := openapi.Make(t.Context(), without, []openapi.Description{describes(t, "price", "get", "/b", "price.b", closed)}); err == nil || !strings.Contains(err.Error(), "price.b has no example") {
		t.Errorf("an operation without example: %v", err)
	}
	if strings.Contains(string(text), "x-type") {
		t.Error("the names of Go types are still there")
	}
	again, err := openapi.Make(t.Context(), module(), []openapi.Description{
		describes(t, "find", "get", "/a", "find.a", closed), describes(t, "price", "get", "/b", "price.b", closed),
	})
	if err != nil || string(again) != string(text) {
		t.Errorf("the order of the functions changes the document: %v", err)
	}
}

// A document is refused whose schemas leave something open, or which is none.
func TestMakeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ component, want string }{
		"a member of which nothing is said": {`{"type": "object", "additionalProperties": false, "properties": {"x": {}}}`, "says nothing of x"},
		"an object that is open":            {`{"type": "object", "properties": {"x": {"type": "string"}}}`, "does not name"},
		"a member that means nothing":       {`{"type": "object", "additionalProperties": false, "properties": {"x": {"type": "string"}}}`, "what x means"},
		"a reference to nothing":            {`{"$ref": "#/components/schemas/Two"}`, "Two"},
		"a type that does not exist":        {`{"type": "text"}`, "text"},
	} {
		_, err := openapi.Make(t.Context(), module(), []openapi.Description{describes(t, "find", "get", "/a", "find.a", c.component)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := openapi.Valid(t.Context(), []byte(`{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {}}`)); err == nil {
		t.Error("an older OpenAPI is accepted")
	}
}

func TestDescribeFails(t *testing.T) {
	t.Parallel()
	if _, err := openapi.Describe(t.Context(), "find", "/nowhere/bootstrap", nil); err == nil || !strings.Contains(err.Error(), "find") {
		t.Errorf("no binary: %v", err)
	}
}

// The words of ECS are examples only: it may have new ones any day.
func TestVendorsWordsAreExamples(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		"go.mod":               {Data: []byte("module m\n")},
		"shared/image/word.go": {Data: []byte("package image\n\ntype Status string\n\nconst Available Status = \"Available\"\n")},
	}
	tree, err := source.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]any{"type": "string", "x-type": "m/shared/image.Status"}
	openapi.Explain(map[string]any{"components": map[string]any{"schemas": map[string]any{"One": status}}}, tree)
	if status["enum"] != nil || len(status["examples"].([]any)) != 1 {
		t.Errorf("%v", status)
	}
}
