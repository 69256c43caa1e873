package prose_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/prose"
)

// The repository itself has nothing to object to.
func TestRepository(t *testing.T) {
	t.Parallel()
	found, err := prose.Check(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ path, text, want string }{
		"a good document":         {"a.md", "# A b\n\n[x](#a-b) [y](docs/b.md#b) [z](https://example.com) `make up REAL=1` `go run ./docs`\n", ""},
		"a link to no file":       {"docs/a.md", "[x](c.md)", "docs/a.md:1: docs/c.md does not exist"},
		"a link to no heading":    {"a.md", "[x](docs/b.md#c)", "a.md:1: docs/b.md has no heading #c"},
		"a link to no heading up": {"a.md", "[x](#c)", "a.md:1: a.md has no heading #c"},
		"a target that is not":    {"a.md", "so type\n`make coffee`", "a.md:2: make has no target coffee"},
		"a target in a block":     {"a.md", "```sh\nmake up && x\nmake tea    # hot\n```", "a.md:3: make has no target tea"},
		"a program that is not":   {"a.md", "```\n$ go run ./gone -x\n```", "a.md:2: gone does not exist"},
		"work left to do":         {"a.go", "// TO" + "DO: later", "a.go:1: finish it"},
		"a registry":              {"lock.json", "https://registry." + "npm" + "js.org/x", "lock.json:1: names a package registry's host"},
		"a proxy":                 {".ci/run", "GOPROXY=https://proxy." + "golang.org", ".ci/run:1: names a package registry's host"},
		"a credential":            {"a.txt", "key=LTA" + "I5tAbCdEfGhIjKlMn", "a.txt:1: looks like a real credential"},
		"a conflict":              {"a.txt", "<<<<" + "<<< HEAD", "a.txt:1: is a conflict"},
		"test data is not prose":  {"testdata/a.txt", "TO" + "DO", ""},
		"hidden folders are not":  {".build/a.txt", "TO" + "DO", ""},
		"a built program":         {"find", "\x7fELF\x02\x01\x00", "find: is a built program"},
		"binary files are not":    {"a.bin", "\x00 TO" + "DO", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := prose.Check(fstest.MapFS{
				"Makefile":  {Data: []byte("up: x\n\tgo\n")},
				"docs/b.md": {Data: []byte("## B\n")},
				test.path:   {Data: []byte(test.text)},
			})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, f := range found {
				said = append(said, f.String())
			}
			got := strings.Join(said, "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
