package layering_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/layering"
	"imagekeeper/scripts/check/source"
)

// The repository itself keeps to the table.
func TestRepository(t *testing.T) {
	t.Parallel()
	tree, err := source.Read(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range layering.Check(tree, layering.Rows()) {
		t.Error(found)
	}
}

func TestEveryRowHasAReason(t *testing.T) {
	t.Parallel()
	for _, row := range layering.Rows() {
		if len(strings.Fields(row.Why)) < 4 {
			t.Errorf("row %q gives no reason", row.Over)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	pure := layering.Row{Over: "shared/decide", Pure: true, Why: "it decides"}
	for name, test := range map[string]struct {
		files map[string]string
		rows  []layering.Row
		want  []string
	}{
		"the standard library is free": {
			files: map[string]string{"shared/decide/a.go": `import ("fmt"; "time"); var _ = time.Hour`},
			rows:  []layering.Row{pure},
		},
		"a package without a row": {
			files: map[string]string{"shared/new/a.go": ``, "shared/decide/a.go": ``},
			rows:  []layering.Row{pure},
			want:  []string{"shared/new: no row"},
		},
		"a row without a package": {
			files: map[string]string{"shared/decide/a.go": ``},
			rows:  []layering.Row{pure, {Over: "shared/gone", Why: "x"}},
			want:  []string{`row "shared/gone" covers no package`},
		},
		"an entry nothing uses": {
			files: map[string]string{"shared/decide/a.go": ``},
			rows:  []layering.Row{{Over: "shared/decide", May: []string{"shared/image"}, Why: "x"}},
			want:  []string{`allows "shared/image", which nothing imports`},
		},
		"an own package that is not allowed": {
			files: map[string]string{"shared/decide/a.go": `import "m/shared/other"`, "shared/other/a.go": ``},
			rows:  []layering.Row{pure, {Over: "shared/other", Why: "x"}},
			want:  []string{`shared/decide/a.go:2: may not import "m/shared/other": it decides`},
		},
		"a third party that is not allowed": {
			files: map[string]string{"shared/decide/a.go": `import "example.com/x"`},
			rows:  []layering.Row{pure},
			want:  []string{`may not import "example.com/x": it decides`},
		},
		"tests are judged too": {
			files: map[string]string{"shared/decide/a.go": ``, "shared/decide/a_test.go": `import "example.com/x"`},
			rows:  []layering.Row{pure},
			want:  []string{`a_test.go:2: may not import "example.com/x"`},
		},
		"tests have their own allowance, which code has not": {
			files: map[string]string{"shared/decide/a.go": `import "example.com/x"`, "shared/decide/a_test.go": `import ("os"; "example.com/x"; "m/shared/decide")`},
			rows:  []layering.Row{{Over: "shared/decide", Pure: true, TestsMay: []string{"example.com/x"}, Why: "it decides"}},
			want:  []string{`a.go:2: may not import "example.com/x"`},
		},
		"purity: packages": {
			files: map[string]string{"shared/decide/a.go": `import ("os"; "net/http"; "math/rand/v2"; "log/slog"; "crypto/rand"; "net/netip")`},
			rows:  []layering.Row{pure},
			want:  []string{`"os"`, `"net/http"`, `"math/rand/v2"`, `"log/slog"`, `"crypto/rand"`},
		},
		"purity: the clock under any name, called or passed on": {
			files: map[string]string{"shared/decide/a.go": "import clock \"time\"\nvar now = clock.Now\nvar day = 24*clock.Hour"},
			rows:  []layering.Row{pure},
			want:  []string{"may not use time.Now"},
		},
		"a dot import hides": {
			files: map[string]string{"shared/decide/a.go": `import . "strings"`},
			rows:  []layering.Row{pure},
			want:  []string{"dot import"},
		},
		"a recursive pattern covers the folder and what is below": {
			files: map[string]string{"scripts/a/b/x.go": `import "m/scripts/c"`, "scripts/c/x.go": ``},
			rows:  []layering.Row{{Over: "scripts/...", May: []string{"scripts/..."}, Why: "x"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertFindings(t, layering.Check(module(t, test.files), test.rows), test.want)
		})
	}
}

// module parses files given without their package clause.
func module(t *testing.T, files map[string]string) *source.Tree {
	t.Helper()
	root := fstest.MapFS{"go.mod": {Data: []byte("module m\n")}}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: fmt.Appendf(nil, "package p\n%s\n", text)}
	}
	tree, err := source.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// assertFindings wants each wanted text in exactly one finding, and no more findings.
func assertFindings(t *testing.T, got []finding.Finding, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d findings, want %d: %v", len(got), len(want), got)
	}
	for _, text := range want {
		if !slices.ContainsFunc(got, func(f finding.Finding) bool { return strings.Contains(f.String(), text) }) {
			t.Errorf("no finding says %q: %v", text, got)
		}
	}
}
