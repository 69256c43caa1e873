package strictyaml_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
	"imagekeeper/shared/strictyaml"
)

type rule struct {
	Name  string            `json:"name"`
	From  string            `json:"from,omitempty"`
	Last  int               `json:"last,omitempty"`
	Apply bool              `json:"apply,omitempty"`
	Tags  map[string]string `json:"tags,omitempty"`
	Inner *rule             `json:"inner,omitempty"`
}

type rules struct {
	Rules  []rule `json:"rules"`
	Notify string `json:"notify,omitempty"`
}

func TestDecode(t *testing.T) {
	const document = `# yaml-language-server: $schema=./rules.schema.json
rules:
  - name: golden   # a comment
    from: oss://golden-uploads/incoming/
    last: 3
    apply: true
    tags: {team: web, "on": "yes", when: 2026-11-29, "quoted": 'it''s'}
  - {name: "010", inner: {name: no}}
notify: >-
  folded
  text
`
	want := rules{Rules: []rule{
		{Name: "golden", From: "oss://golden-uploads/incoming/", Last: 3, Apply: true, Tags: map[string]string{"team": "web", "on": "yes", "when": "2026-11-29", "quoted": "it's"}},
		{Name: "010", Inner: &rule{Name: "no"}},
	}, Notify: "folded text"}
	var got rules
	if err := strictyaml.Decode([]byte(document), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is refused, and where that is.
func TestBrokenDocuments(t *testing.T) {
	cases := []struct{ name, document, code, field, where string }{
		{"empty", "", strictyaml.CodeMalformed, "", ""},
		{"only a comment", "# nothing\n", strictyaml.CodeMalformed, "", ""},
		{"two documents", "rules: []\n---\nrules: []\n", strictyaml.CodeMalformed, "", "line 2"},
		{"a tab", "rules:\n\t- name: a\n", strictyaml.CodeMalformed, "", "line 2"},
		{"not closed", "rules: [{name: a\n", strictyaml.CodeMalformed, "", "line"},
		{"unknown key", "rules:\n  - name: a\n    form: x\n", strictjson.CodeUnknown, "rules[0].form", "line 3, column 11"},
		{"other case", "rules:\n  - Name: a\n", strictjson.CodeCase, "rules[0].Name", "line 2, column 11"},
		{"twice", "rules:\n  - name: a\n    name: b\n", strictjson.CodeDuplicate, "rules[0].name", "line 3, column 5: stands in line 2"},
		{"twice, in another way", `{"rules": [], "\u0072ules": []}`, strictjson.CodeDuplicate, "rules", "line 1, column 15"},
		{"alias", "rules:\n  - &a {name: x}\n  - *a\n", strictyaml.CodeForm, "rules[0]", "line 2, column 5"},
		{"alias without anchor", "rules: *a\n", strictyaml.CodeMalformed, "", ""},
		{"anchor of a text", "notify: &n x\n", strictyaml.CodeForm, "notify", "line 1, column 9"},
		{"tag", "notify: !!str 3\n", strictyaml.CodeForm, "notify", "line 1, column 9"},
		{"tag of their own", "notify: !env X\n", strictyaml.CodeForm, "notify", "line 1"},
		{"merge", "rules:\n  - <<: {name: a}\n    from: b\n", strictyaml.CodeForm, "rules[0]", "line 2, column 5"},
		{"key that is a list", "? [a]\n: b\n", strictyaml.CodeForm, "", "line 1"},
		{"wrong type", "rules:\n  - name: a\n    last: many\n", strictjson.CodeType, "rules[0].last", "line 3, column 11"},
		{"number for a text", "notify: 3\n", strictjson.CodeType, "notify", "line 1, column 9"},
		{"octal", "rules: [{name: a, last: 010}]\n", strictyaml.CodeForm, "rules[0].last", "line 1, column 25"},
		{"hexadecimal", "rules: [{name: a, last: 0x10}]\n", strictyaml.CodeForm, "rules[0].last", "line 1"},
		{"underscores", "rules: [{name: a, last: 1_000}]\n", strictyaml.CodeForm, "rules[0].last", "line 1"},
		{"not a number", "rules: [{name: a, last: .nan}]\n", strictyaml.CodeForm, "rules[0].last", "line 1"},
		{"a fraction", "rules: [{name: a, last: 1.5}]\n", strictjson.CodeNumber, "rules[0].last", "line 1"},
		{"too deep", "rules: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), strictjson.CodeDepth, "", "line 1"},
		{"not UTF-8", "notify: \xff\n", strictjson.CodeText, "", ""},
		{"NUL", "notify: \"\\0\"\n", strictjson.CodeText, "notify", "line 1, column 9"},
		{"too long", "notify: " + strings.Repeat("x", strictyaml.MaxBytes), strictyaml.CodeTooLong, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := strictyaml.Decode([]byte(c.document), new(rules))
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid {
				t.Fatalf("got %v", err)
			}
			if f.Code != c.code || (c.field != "" && f.Field != c.field) || !strings.Contains(f.Sentence, c.where) {
				t.Errorf("got %s in %q: %s", f.Code, f.Field, f.Sentence)
			}
		})
	}
}

// A bomb of aliases costs nothing.
func TestAliasesAreNotExpanded(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ","))
	}
	if err := strictyaml.Decode([]byte(bomb), new(map[string]any)); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestPlace(t *testing.T) {
	const document = "rules:\n  - name: a\n    tags: {x: y}\n"
	for path, want := range map[string][2]int{"rules[0].tags.x": {3, 15}, "rules[0].keep.last": {2, 5}, "": {1, 1}, "rules[7]": {2, 3}} {
		line, column, ok := strictyaml.Place([]byte(document), path)
		if !ok || [2]int{line, column} != want {
			t.Errorf("%s: %d, %d", path, line, column)
		}
	}
}

// JSON is read as package strictjson reads it.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"rules":[{"name":"a","last":1}]}`, "rules:\n  - name: a\n", "a: &x 1\nb: *x\n", "\"\\u0000\"", "[", "? a\n", "- - - a", "a: |\n  b", "%YAML 1.2\n---\na: b", "1E20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, document string) {
		var got, again any
		if err := strictyaml.Decode([]byte(document), &got); err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("%v", err)
			}
			return
		}
		whole, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := strictjson.Decode(whole, &again); err != nil {
			t.Fatalf("%q became %s: %v", document, whole, err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func ExampleDecode() {
	var document struct {
		Keep struct {
			Last int `json:"last"`
		} `json:"keep"`
	}
	err := strictyaml.Decode([]byte("keep:\n  lst: 3\n"), &document)
	fmt.Println(err)
	// Output: keep.lst: line 2, column 8: is not known; did you mean last?
}
