package schemas_test

import (
	"encoding"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/build/schemas"
	"imagekeeper/scripts/check/source"
	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/importing"
)

const root = "../../.."

func compiled(t *testing.T, schema []byte) schemas.Schema {
	t.Helper()
	s, err := schemas.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// variablesOf is the schema as it is kept, which make check holds to the source.
func variablesOf(t *testing.T) []byte {
	t.Helper()
	kept, err := os.ReadFile(root + "/" + schemas.VariablesPath)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// TestATypeWithoutAForm is told, with the variable, and so is one without a comment.
func TestATypeWithoutAForm(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"// More is more.\nMore complex64 `env:\"MORE\"`": "MORE is of type complex64", "More string `env:\"MORE\"`": "what MORE means", "// More is more.\nMore string `env:\"MORE\"`": "",
	} {
		tree, err := source.Read(fstest.MapFS{
			"go.mod":              {Data: []byte("module m\n")},
			"functions/a/main.go": {Data: []byte("package main\ntype config struct {\n" + field + "\n}\nvar _ = Configure[config](nil)\n")},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.Variables(tree); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// with is as much of s.yaml as gives a function a variable.
func with(function, name string, value any) any {
	inside := map[string]any{"props": map[string]any{"environmentVariables": map[string]any{name: value}}}
	return map[string]any{"edition": "3.0.0", "resources": map[string]any{function: inside}}
}

// TestVariables: what an editor says of a variable, right and wrong.
func TestVariables(t *testing.T) {
	t.Parallel()
	schema := compiled(t, variablesOf(t))
	for _, c := range []struct {
		function, name string
		value          any
		right          bool
	}{
		{"find", "LOG_LEVEL", "debug", true},
		{"find", "LOG_LEVEL", "loud", false},
		{"find", "LOG_LEVEL", "${env('LOG_LEVEL', 'info')}", true},
		{"find", "LOG_LEVEL", "", true},
		{"find", "LOGLEVEL", "info", false},
		{"find", "LOG_LEVEL", 3, false},
		{"find", "JOURNAL", "oss://audit", false},
		{"share", "JOURNAL", "oss://audit/imagekeeper", true},
		{"find", "NOTIFY_SECRET_TEAM", "x", false},
		{"share", "NOTIFY_SECRET_TEAM", "x", true},
		{"share", "FOUR_EYES", "share,import", true},
		{"share", "FOUR_EYES", "share,imports", false},
		{"share", "ACCOUNTS", "acs:ram::1000000000000002:role/reader,acs:ram::1000000000000003:role/reader", true},
		{"find", "SYSTEM_ROLES", "viewer,root", false},
		{"share", "SHARE_ALLOWED_ACCOUNTS", "1000000000000002,me", false},
		{"find", "ECS_RATE_SHARE", "0.3", true},
		{"find", "ECS_RATE_SHARE", "a lot", false},
		{"find", "ECS_ENDPOINT", "ecs.aliyuncs.com", false},
	} {
		if err := schema.Judge(with(c.function, c.name, c.value)); (err == nil) != c.right {
			t.Errorf("%s of %s = %v: %v", c.name, c.function, c.value, err)
		}
	}
	common := map[string]any{"template": map[string]any{"go": map[string]any{"environmentVariables": map[string]any{"REGIONSS": "all"}}}}
	if err := schema.Judge(common); err == nil {
		t.Error("a variable of all functions that none has")
	}
}

// TestFormsAreThoseOfTheReaders: for texts around what a type takes, the schema and
// what reads the type at start say the same.
func TestFormsAreThoseOfTheReaders(t *testing.T) {
	t.Parallel()
	schema := compiled(t, variablesOf(t))
	texts := strings.Fields(`all cn-hangzhou ap-southeast-1 CN-hangzhou cn_hangzhou me-central-1 acs:ram::1000000000000002:role/reader acs:ram::1000000000000002:user/x
		acs:ram::x:role/reader oss://audit oss://audit/image/keeper oss://Audit oss://-audit oss://a dir:///var/journal dir://var journal s3://audit/x 1000000000000002`)
	for name, read := range map[string]func() encoding.TextUnmarshaler{
		"REGIONS": func() encoding.TextUnmarshaler { return new(alicloud.RegionWord) }, "ACCOUNTS": func() encoding.TextUnmarshaler { return new(alicloud.RoleARN) },
		"JOURNAL": func() encoding.TextUnmarshaler { return new(ledger.Place) },
	} {
		for _, text := range texts {
			taken, said := read().UnmarshalText([]byte(text)) == nil, schema.Judge(with("import", name, text)) == nil
			if taken != said {
				t.Errorf("%s=%s: the function takes it: %v; the schema: %v", name, text, taken, said)
			}
		}
	}
	for _, text := range []string{"oss://incoming", "oss://incoming/images", "incoming/images", "oss:/incoming"} {
		if taken, said := new(importing.Prefix).UnmarshalText([]byte(text)) == nil, schema.Judge(with("import", "IMPORT_SOURCES", text)) == nil; taken != said {
			t.Errorf("IMPORT_SOURCES=%s: the function takes it: %v; the schema: %v", text, taken, said)
		}
	}
}

// TestRequests: what an editor says of a direct call.
func TestRequests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/" + schemas.RequestsPath)
	if err != nil {
		t.Fatal(err)
	}
	schema := compiled(t, text)
	for call, right := range map[string]bool{
		`{"operation":"find.images","input":{"kind":["custom"],"limit":1}}`: true, `{"operation":"find.images"}`: true, `{"operation":"find.image"}`: true,
		`{"operation":"find.pictures"}`: false, `{"operation":"find.images","input":{"kind":["costum"]}}`: false, `{"operation":"find.images","input":{"limit":0}}`: false,
		`{"operation":"find.images","input":{"limt":1}}`: false, `{"operation":"find.images","inputs":{}}`: false, `{}`: false,
		`{"operation":"rollouts.post","input":{"select":{"family":["web-base"]},"to":{"family":"web-base"},"strategy":{"canary":1}}}`:   true,
		`{"operation":"rollouts.post","input":{"select":{"family":["web-base"]},"to":{"family":"web-base"},"strategy":{"canaries":1}}}`: false,
	} {
		var value any
		if err := json.Unmarshal([]byte(call), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Judge(value); (err == nil) != right {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestWhatIsCheckedInFits, and what does not is told with its file.
func TestWhatIsCheckedInFits(t *testing.T) {
	t.Parallel()
	requests, err := os.ReadFile(root + "/" + schemas.RequestsPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Check(os.DirFS(root), variablesOf(t), requests); err != nil {
		t.Error(err)
	}
	none := []byte(`{"type":"string"}`)
	if err := schemas.Check(os.DirFS(root), none, none); err == nil || !strings.Contains(err.Error(), "s.yaml") || !strings.Contains(err.Error(), "event-direct.json") {
		t.Errorf("got %v", err)
	}
}
