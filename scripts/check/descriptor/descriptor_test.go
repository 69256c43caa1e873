package descriptor_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

const top = "../../.."

// The repository's own descriptors agree with its code.
func TestRepository(t *testing.T) {
	t.Parallel()
	for _, found := range repository(t).check(t) {
		t.Error(found)
	}
}

// Each mistake that a person makes in s.yaml is refused.
func TestServerlessDevsMistakes(t *testing.T) {
	t.Parallel()
	own := repository(t)
	const http = "triggerType: http\n          triggerConfig:\n            authType: jwt\n            authConfig: ${vars.jwt}\n            methods: [GET, HEAD]"
	timer := func(cron string) string {
		return "triggerType: timer\n          triggerConfig: {cronExpression: " + cron + ", enable: true}"
	}
	for name, change := range map[string]struct{ old, new, want string }{
		"a key with a typing error":       {"timeout: 60", "timeOut: 60", "timeOut"},
		"a key nobody knows":              {"timeout: 60", "timeout: 60\n      priority: high", "priority"},
		"an unknown key at the top":       {"access: default", "access: default\nregion: cn-hangzhou", "region"},
		"an older edition":                {"edition: 3.0.0", "edition: 1.0.0", "3.0.0"},
		"a time-out of a day and more":    {"timeout: 60", "timeout: 86401", "86401"},
		"a time-out as text":              {"timeout: 60", `timeout: "60"`, "string"},
		"memory that is no multiple":      {"memorySize: 512", "memorySize: 500", "500"},
		"too much memory for the cores":   {"memorySize: 512", "memorySize: 4096", "cores to 4096 MB"},
		"another runtime":                 {"runtime: go1", "runtime: custom", "go1"},
		"a reserved variable":             {"      LOG_LEVEL: ", "      FC_LOG_LEVEL: ", "FC_LOG_LEVEL"},
		"a policy in place of a role":     {"role: ${env('FIND_ROLE', 'imagekeeper-reading')}", "role: {name: x, policies: []}", "role"},
		"a method that does not exist":    {"            methods: [GET, HEAD]", "            methods: [GET, PURGE]", "PURGE"},
		"jwt without its configuration":   {"            authConfig: ${vars.jwt}\n", "", "authConfig"},
		"white and black list":            {"authConfig: ${vars.jwt}", "authConfig: {jwks: {keys: [{}]}, tokenLookup: 'header:Authorization:Bearer', whitelist: [], blacklist: []}", "not"},
		"a cron expression of five":       {http, timer("'0 4 * * *'"), "cronExpression"},
		"a cron expression with a prefix": {http, timer("'CRON:0 0 4 * * *'"), "cronExpression"},
		"every second":                    {http, timer("'* 0 4 * * *'"), "cronExpression"},
		"a named schedule":                {http, timer("'@daily'"), "cronExpression"},
		"a trigger nobody knows":          {"triggerType: http", "triggerType: sls", "sls"},
		"a bucket without its name":       {http, "triggerType: oss\n          triggerConfig: {events: ['oss:ObjectCreated:*'], filter: {key: {}}}", "sourceArn"},
		"a route with a hole in it":       {"path: /families/*", "path: /families/*/images", "/families/*/images"},
		"a route that leads nowhere":      {"path: /families/*", "path: /elsewhere/*", "no such operation"},
		"a variable the code never reads": {"      LOG_LEVEL: ", "      LOG_STYLE: x\n      LOG_LEVEL: ", "LOG_STYLE"},
		"another function's code":         {"code: ./.build/find", "code: ./.build/price", "./.build/price"},
		"a function without a folder":     {"  domain:\n", "  lose:\n    component: fc3\n    extend: {name: go}\n    props: {functionName: lose, code: ./.build/lose, timeout: 60, role: auto}\n\n  domain:\n", "no folder"},
		"another time-out than the other": {"timeout: 60", "timeout: 61", "but 61 s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own.mutate(t, "s.yaml", change.old, change.new, change.want)
		})
	}
}

// And in template.yml.
func TestSAMMistakes(t *testing.T) {
	t.Parallel()
	own := repository(t)
	for name, change := range map[string]struct{ old, new, want string }{
		"a key with a typing error":   {"Timeout: 60", "TimeOut: 60", "TimeOut"},
		"a time-out as text":          {"Timeout: 60", `Timeout: "60"`, "string"},
		"another runtime":             {"provided.al2023", "go1.x", "provided.al2023"},
		"another way to build":        {"BuildMethod: makefile", "BuildMethod: go1.x", "makefile"},
		"a method that is not one":    {"Path: /images, Method: GET", "Path: /images, Method: FETCH", "FETCH"},
		"a route the other has not":   {"Path: /images, Method: GET", "Path: /image, Method: GET", "GET /image"},
		"a variable left out":         {"        LOG_LEVEL: !Ref LogLevel\n", "", "its environment"},
		"memory of another size":      {"MemorySize: 512", "MemorySize: 1024", "1024 MB"},
		"a function under other name": {"imagekeeper-find", "find", "its name is find"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own.mutate(t, "template.yml", change.old, change.new, change.want)
		})
	}
}

func TestReadmeTable(t *testing.T) {
	t.Parallel()
	repository(t).mutate(t, "README.md", "| `find` ", "| `seek` ", "seek")
}

func TestDeployable(t *testing.T) {
	t.Parallel()
	const deployment = `
edition: 3.0.0
resources:
  a: {component: fc3, props: {triggers: [{triggerName: t, triggerType: timer}]}}
  b:
    component: fc3
    props:
      triggers:
        - {triggerName: h, triggerType: http, triggerConfig: {authType: %s}}
`
	for authType, refused := range map[string]bool{"anonymous": true, "function": false, "jwt": false} {
		found, err := descriptor.Deployable(fstest.MapFS{"s.yaml": {Data: fmt.Appendf(nil, deployment, authType)}})
		if err != nil || refused != (len(found) == 1) {
			t.Errorf("%s: %v, %v", authType, found, err)
		}
		if refused && (found[0].Line != 9 || !strings.Contains(found[0].Says, "trigger h of function b lets anyone call it")) {
			t.Errorf("%s: %v", authType, found)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"FindFunction": "find", "ReplaceDiskFunction": "replace-disk"} {
		if got := descriptor.Folder(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

// written is the code as it is, read once.
var written = sync.OnceValues(func() (*source.Tree, error) { return source.Read(os.DirFS(top)) }) //nolint:gochecknoglobals // read once

// copied is the part of the repository that the checks read.
type copied struct {
	root fstest.MapFS
	tree *source.Tree
}

func repository(t *testing.T) copied {
	t.Helper()
	root := fstest.MapFS{}
	for _, path := range []string{"README.md", "s.yaml", "template.yml", openapi.Path, descriptor.ServerlessDevsSchema, descriptor.SAMSchema} {
		text, err := os.ReadFile(top + "/" + path)
		if err != nil {
			t.Fatal(err)
		}
		root[path] = &fstest.MapFile{Data: text}
	}
	tree, err := written()
	if err != nil {
		t.Fatal(err)
	}
	return copied{root, tree}
}

func (c copied) check(t *testing.T) []finding.Finding {
	t.Helper()
	found, err := descriptor.Check(c.root, c.tree)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// with is a copy in which one text of one file is another.
func (c copied) with(t *testing.T, path, old, instead string) copied {
	t.Helper()
	before := string(c.root[path].Data)
	if !strings.Contains(before, old) {
		t.Fatalf("%s does not have %q", path, old)
	}
	root := maps.Clone(c.root)
	root[path] = &fstest.MapFile{Data: []byte(strings.Replace(before, old, instead, 1))}
	return copied{root, c.tree}
}

// mutate makes one change to a file and wants a finding that says so.
func (c copied) mutate(t *testing.T, path, old, instead, want string) {
	t.Helper()
	var said []string
	for _, found := range c.with(t, path, old, instead).check(t) {
		said = append(said, found.String())
	}
	if !strings.Contains(strings.Join(said, "\n"), want) {
		t.Errorf("nothing says %q: %v", want, said)
	}
}

// The document, the routes and the code are the same three times over; each
// difference is told, whoever is the odd one out.
func TestDocumentedRoutes(t *testing.T) {
	t.Parallel()
	own := repository(t)
	for _, found := range own.api(t) {
		t.Error(found)
	}
	for name, change := range map[string]struct{ path, old, new, want string }{
		"a route of s.yaml that is not documented":    {openapi.Path, `"/access": {`, `"/excess": {`, "route GET /access leads to function find, and no operation"},
		"a route of template.yml likewise":            {openapi.Path, `"/access": {`, `"/excess": {`, "template.yml"},
		"an operation without a route":                {openapi.Path, `"/access": {`, `"/excess": {`, "no route leads to GET /excess of function find"},
		"an operation that the code does not have":    {openapi.Path, `"/access": {`, `"/excess": {`, "no code of function find answers GET /excess"},
		"an operation that the document does not":     {openapi.Path, `"/access": {`, `"/excess": {`, "answers GET /access, which is not in the document"},
		"a route that s.yaml lost":                    {"s.yaml", "- path: /access\n", "- path: /excess\n", "s.yaml: no route leads to GET /access of function find"},
		"a route that template.yml lost":              {"template.yml", "Path: /access,", "Path: /excess,", "template.yml: no route leads to GET /access of function find"},
		"a method of a route that nobody has anymore": {openapi.Path, `"patch": {`, `"delete": {`, "route PATCH /attributes/*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			for _, found := range own.with(t, change.path, change.old, change.new).api(t) {
				said = append(said, found.String())
			}
			if !strings.Contains(strings.Join(said, "\n"), change.want) {
				t.Errorf("nothing says %q: %v", change.want, said)
			}
		})
	}
	without := maps.Clone(own.root)
	delete(without, openapi.Path)
	if _, err := descriptor.API(without, own.tree); err == nil || !strings.Contains(err.Error(), openapi.Refresh) {
		t.Errorf("without the document: %v", err)
	}
}

func (c copied) api(t *testing.T) []finding.Finding {
	t.Helper()
	found, err := descriptor.API(c.root, c.tree)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The page names only schemas that the OpenAPI document has.
func TestPageSchemas(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{
		openapi.Path:                            {Data: []byte(`{"components":{"schemas":{"FindList":{}}}}`)},
		"functions/portal/page/src/views/a.tsx": {Data: []byte("type A = Schema['FindList']\ntype B = Schema[\"FindGone\"]\n")},
		"functions/portal/page/src/style.css":   {Data: []byte("Schema['Other']")},
	}
	found, err := descriptor.Page(root, nil)
	if err != nil || len(found) != 1 || !strings.Contains(found[0].String(), "a.tsx:2") || !strings.Contains(found[0].String(), "FindGone") {
		t.Errorf("%v %v", found, err)
	}
}
