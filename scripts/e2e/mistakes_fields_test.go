package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// field is one value that an operation takes, in one place.
type field struct {
	op *taking
	// in is "path", "query", "body" or "direct".
	in string
	// name is what a parameter is called, and what a refusal calls the field.
	name string
	// keys lead to it in a direct call's input or a body: texts, and 0 for the
	// first entry of a list.
	keys []any
	// is says what it may be, with references resolved.
	is map[string]any
	// rule judges a value by the same schema.
	rule *jsonschema.Schema
	// required by the object that it is a member of.
	required bool
}

// taking is an operation with all it takes, as `describe` has it.
type taking struct {
	function, name, method, path string
	// fields are parameters and what the body holds; direct is what the input of a
	// direct call holds.
	fields, direct []field
}

// document is what one function says of itself.
type document struct {
	root     map[string]any
	compiler *jsonschema.Compiler
	// open are the components that are being walked.
	open map[string]bool
}

// operations asks every built function what it takes.
func operations(t *testing.T) []*taking {
	t.Helper()
	project, err := load(binaries(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []*taking
	for _, f := range project.Functions {
		describe := exec.CommandContext(t.Context(), filepath.Join(binaries(), f.Resource, f.Handler), "describe")
		describe.Env = append(os.Environ(), "JOURNAL=dir:///tmp")
		said, err := describe.Output()
		if err != nil {
			t.Fatal(err)
		}
		d, err := read(said)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d.operations(t, f.Resource)...)
	}
	if len(all) == 0 {
		t.Fatal("no operations")
	}
	return all
}

func read(said []byte) (*document, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(said))
	if err != nil {
		return nil, err
	}
	d := &document{compiler: jsonschema.NewCompiler(), open: map[string]bool{}}
	d.root, _ = root.(map[string]any)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource(documentAt, root)
}

const documentAt = "mem:///document"

func (d *document) operations(t *testing.T, function string) []*taking {
	t.Helper()
	var all []*taking
	paths := d.root["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range slices.Sorted(maps.Keys(paths[path].(map[string]any))) {
			is := paths[path].(map[string]any)[method].(map[string]any)
			if strings.EqualFold(method, http.MethodHead) {
				continue // which is GET
			}
			name, _ := is["x-operation"].(string)
			op := &taking{function: function, name: name, method: strings.ToUpper(method), path: path}
			at := pointer("paths", path, method)
			parameters, _ := is["parameters"].([]any)
			for n, p := range parameters {
				op.fields = append(op.fields, d.parameter(t, op, p.(map[string]any), at+pointer("parameters", fmt.Sprint(n), "schema"))...)
			}
			if is["requestBody"] != nil {
				op.fields = append(op.fields, d.walk(t, field{op: op, in: "body"}, at+pointer("requestBody", "content", "application/json", "schema"))...)
			}
			op.direct = d.walk(t, field{op: op, in: "direct"}, at+pointer("x-input"))
			all = append(all, op)
		}
	}
	return all
}

// pointer is a part of a JSON pointer.
func pointer(tokens ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var all strings.Builder
	for _, token := range tokens {
		all.WriteString("/" + escape.Replace(token))
	}
	return all.String()
}

// parameter is one parameter; where many are told at once by a prefix of their
// names, it is one of those.
func (d *document) parameter(t *testing.T, op *taking, p map[string]any, at string) []field {
	t.Helper()
	name, _ := p["name"].(string)
	in, _ := p["in"].(string)
	required, _ := p["required"].(bool)
	f := field{op: op, in: in, name: name, keys: []any{name}, required: required}
	is, _ := p["schema"].(map[string]any)
	if patterns, ok := is["patternProperties"].(map[string]any); ok {
		for pattern := range patterns {
			at += pointer("patternProperties", pattern)
			name = strings.NewReplacer("^", "", `\.`, ".", ".+$", "<key>").Replace(pattern)
		}
	}
	if prefix, ok := strings.CutSuffix(name, "<key>"); ok {
		f.name, f.keys = prefix+"team", []any{strings.TrimSuffix(prefix, "."), "team"}
	}
	f.is, f.rule = d.schema(t, at)
	return []field{f}
}

// walk returns what a body or an input may hold at f, and below it.
func (d *document) walk(t *testing.T, f field, at string) []field {
	t.Helper()
	f.is, f.rule = d.schema(t, at)
	if ref, ok := d.at(at)["$ref"].(string); ok {
		if at = strings.TrimPrefix(ref, "#"); d.open[at] {
			return nil
		}
		d.open[at] = true
		defer delete(d.open, at)
	}
	var all []field
	if len(f.keys) > 0 {
		all = append(all, f)
	}
	properties, _ := f.is["properties"].(map[string]any)
	required, _ := f.is["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		child := f.child(name, name)
		if f.name != "" {
			child.name = f.name + "." + name
		}
		child.required = slices.Contains(required, any(name))
		all = append(all, d.walk(t, child, at+pointer("properties", name))...)
	}
	if f.is["items"] != nil {
		all = append(all, d.walk(t, f.child(f.name+"[0]", 0), at+pointer("items"))...)
	}
	return all
}

func (f field) child(name string, key any) field {
	return field{op: f.op, in: f.in, name: name, keys: append(slices.Clone(f.keys), key)}
}

// at returns what is at a place of the document.
func (d *document) at(place string) map[string]any {
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	var is any = d.root
	for token := range strings.SplitSeq(strings.TrimPrefix(place, "/"), "/") {
		switch here := is.(type) {
		case map[string]any:
			is = here[unescape.Replace(token)]
		case []any:
			var n int
			_, _ = fmt.Sscan(token, &n)
			is = here[n]
		}
	}
	object, _ := is.(map[string]any)
	return object
}

// schema returns the schema at a place, resolved, and as a judge.
func (d *document) schema(t *testing.T, at string) (map[string]any, *jsonschema.Schema) {
	t.Helper()
	rule, err := d.compiler.Compile(documentAt + "#" + strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", "^", "%5E", `\`, "%5C", "$", "%24", "+", "%2B").Replace(at))
	if err != nil {
		t.Fatal(err)
	}
	is := d.at(at)
	if ref, ok := is["$ref"].(string); ok {
		is = d.at(strings.TrimPrefix(ref, "#"))
	}
	return is, rule
}

// may reports whether values of a JSON type are allowed; a schema without types
// allows all.
func (f field) may(kind string) bool {
	switch types := f.is["type"].(type) {
	case string:
		return types == kind
	case []any:
		return slices.Contains(types, any(kind))
	}
	return true
}

// examples are values that the schemas' patterns ask for, each that of something
// in the emulated cloud where there is one.
func examples() []string {
	return []string{
		"m-bp1p3iw05ysr6wic1ldo", "cn-hangzhou", "1000000000000003", "ecs.g7.large", "s-bp1abc", "i-bp1abc", "ecs:DescribeImages", "rg-bp1abc",
		strings.Repeat("0", 64), "2026-11", "some text", "10m", "1",
	}
}

// example is a good value of a schema with what it needs below it.
func (d *field) example() any {
	if all, ok := d.is["enum"].([]any); ok {
		return all[0]
	}
	switch {
	case d.may("string"):
		return d.text()
	case d.may("boolean"):
		return true
	case d.may("integer"), d.may("number"):
		return json.Number("1")
	case d.may("array") && d.name == "family":
		return []any{"web-base"} // it stands beside others, and an empty list is refused
	case d.may("array"):
		if entry := d.entry(); d.is["minItems"] != nil && entry != nil && entry.is["$ref"] == nil {
			return []any{entry.example()}
		}
		return []any{}
	}
	return map[string]any{}
}

func (d *field) text() string {
	if d.is["format"] == "date-time" {
		return "2027-01-31T12:00:00Z"
	}
	if d.name == "family" {
		return "web-base"
	}
	pattern, _ := d.is["pattern"].(string)
	shape := regexp.MustCompile(pattern)
	for _, text := range examples() {
		if shape.MatchString(text) && (d.rule == nil || d.rule.Validate(text) == nil) {
			return text
		}
	}
	return ""
}

// TestExamplesFit: for every pattern there is an example, so that nothing below
// is refused for another reason than it is meant to be.
func TestExamplesFit(t *testing.T) {
	t.Parallel()
	for _, op := range operations(t) {
		for _, f := range slices.Concat(op.fields, op.direct) {
			if err := f.rule.Validate(f.example()); err != nil && !f.may("object") && f.is["minItems"] == nil {
				t.Errorf("%s: %s: add an example that fits: %v", op.name, f.name, err)
			}
		}
	}
}
