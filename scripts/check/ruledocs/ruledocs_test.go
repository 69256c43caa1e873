package ruledocs_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/ruledocs"
)

func TestRepository(t *testing.T) {
	found, err := ruledocs.Check(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestFindings(t *testing.T) {
	const (
		schema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["rules"],"additionalProperties":false,"properties":{"rules":{"type":"array"}}}`
		first  = "# yaml-language-server: $schema=../rules.schema.json\n"
	)
	for example, want := range map[string]string{
		first + "rules: []\n":      "",
		"rules: []\n":              "must begin with",
		first + "rules: 3\n":       "not what the schema says",
		first + "rulez: []\n":      "not what the schema says",
		first + "rules: [&a {}]\n": "no document of rules",
	} {
		found, err := ruledocs.Check(fstest.MapFS{
			"functions/a/rules.schema.json":       {Data: []byte(schema)},
			"functions/a/examples/one.rules.yaml": {Data: []byte(example)},
		})
		switch {
		case err != nil:
			t.Errorf("%q: %v", example, err)
		case want == "" && len(found) > 0, want != "" && (len(found) == 0 || !strings.Contains(found[0].Says, want)):
			t.Errorf("%q: %v", example, found)
		}
	}
	if found, err := ruledocs.Check(fstest.MapFS{"functions/a/rules.schema.json": {Data: []byte(schema)}}); err != nil || len(found) != 1 {
		t.Errorf("no example: %v, %v", found, err)
	}
	if _, err := ruledocs.Check(fstest.MapFS{"functions/a/rules.schema.json": {Data: []byte(`{"type":3}`)}}); err == nil {
		t.Error("a schema that is none was taken")
	}
}
