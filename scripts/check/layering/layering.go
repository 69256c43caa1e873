// Package layering says who may import whom, and checks it by reading the
// files. It denies by default: every package needs a row, every import outside
// the standard library needs an entry in that row, and an entry that nothing
// uses is an error too, so the table always describes the code as it is.
package layering

import (
	"go/ast"
	"path"
	"slices"
	"strings"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

// Row allows the packages it covers to import some others. Patterns are paths
// below the module with * for one segment, or end in /... for a folder and
// everything below it. For third parties the pattern is the import path.
type Row struct {
	// Over are the packages the row is about.
	Over string
	// May is what their code may import.
	May []string
	// TestsMay is what their tests may import beside May and the package itself.
	TestsMay []string
	// Pure forbids the clock, randomness, the environment, the network, the
	// disk and loggers: such a package decides from its arguments only.
	Pure bool
	// Why is the reason, given with every refusal.
	Why string
}

// Check compares every import of the tree with the rows.
func Check(tree *source.Tree, rows []Row) []finding.Finding {
	audit := audit{tree: tree, rows: rows, used: map[entry]bool{}}
	for _, folder := range tree.Folders() {
		if audit.row(folder) < 0 {
			audit.found = append(audit.found, finding.At(folder, 0, "no row of scripts/check/layering covers this package; add one with its reason"))
		}
	}
	for _, file := range tree.Files {
		audit.file(file)
	}
	audit.deadRows()
	return finding.Sort(audit.found)
}

// entry is one pattern of one row.
type entry struct {
	row     int
	pattern string
}

type audit struct {
	tree  *source.Tree
	rows  []Row
	used  map[entry]bool
	found []finding.Finding
}

// row is the first row that covers a package, or -1.
func (a *audit) row(folder string) int {
	return slices.IndexFunc(a.rows, func(r Row) bool { return Match(r.Over, folder) })
}

func (a *audit) file(file source.File) {
	row := a.row(file.Folder)
	if row < 0 {
		return
	}
	a.used[entry{row, ""}] = true
	for _, imported := range file.Imports() {
		a.imported(row, file, imported)
	}
	if a.rows[row].Pure && !file.Test {
		a.calls(row, file)
	}
}

func (a *audit) imported(row int, file source.File, imported source.Import) {
	rule := a.rows[row]
	refuse := func(what string) {
		a.found = append(a.found, finding.At(file.Path, a.tree.Line(imported.At), "%s %q: %s", what, imported.Path, rule.Why))
	}
	target, own := a.tree.Own(imported.Path)
	switch {
	case imported.Name == "." && !file.Test:
		refuse("hides where names come from by a dot import of")
	case !own && standard(imported.Path):
		if rule.Pure && !file.Test && impure(imported.Path) {
			refuse("is pure and may not import")
		}
	case own && file.Test && target == file.Folder:
		// An external test of the package itself.
	default:
		if !own {
			target = imported.Path
		}
		if !a.allowed(row, target, file.Test) {
			refuse("may not import")
		}
	}
}

// allowed looks for an entry that covers the target and marks it as used.
func (a *audit) allowed(row int, target string, test bool) bool {
	patterns := a.rows[row].May
	if test {
		patterns = slices.Concat(patterns, a.rows[row].TestsMay)
	}
	at := slices.IndexFunc(patterns, func(p string) bool { return Match(p, target) })
	if at < 0 {
		return false
	}
	a.used[entry{row, patterns[at]}] = true
	return true
}

// calls finds uses of the clock, which no import gives away.
func (a *audit) calls(row int, file source.File) {
	clock := ""
	for _, imported := range file.Imports() {
		if imported.Path == "time" {
			clock = imported.Name
		}
	}
	if clock == "" {
		return
	}
	ast.Inspect(file.Syntax, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && x.Name == clock && readsClock(selector.Sel.Name) {
			a.found = append(a.found, finding.At(file.Path, a.tree.Line(selector.Pos()),
				"is pure and may not use time.%s: %s", selector.Sel.Name, a.rows[row].Why))
		}
		return true
	})
}

func (a *audit) deadRows() {
	const table = "scripts/check/layering/rows.go"
	for i, row := range a.rows {
		if !a.used[entry{i, ""}] {
			a.found = append(a.found, finding.At(table, 0, "row %q covers no package; take it out", row.Over))
			continue
		}
		for _, pattern := range slices.Concat(row.May, row.TestsMay) {
			if !a.used[entry{i, pattern}] {
				a.found = append(a.found, finding.At(table, 0, "row %q allows %q, which nothing imports; take it out", row.Over, pattern))
			}
		}
	}
}

// Match says whether a pattern covers a path.
func Match(pattern, name string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == folder || strings.HasPrefix(name, folder+"/")
	}
	matched, err := path.Match(pattern, name)
	return err == nil && matched
}

// standard tells the standard library from modules: its paths have no dot in
// their first segment.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".") && importPath != "C"
}

// impure are the standard packages through which a decision could depend on
// more than its arguments, or do more than answer.
func impure(importPath string) bool {
	switch importPath {
	case "crypto/rand", "expvar", "flag", "log", "math/rand", "math/rand/v2", "net", "plugin", "runtime", "syscall", "testing", "unsafe":
		return true
	}
	for _, family := range []string{"os", "net/http", "log/slog", "database", "runtime"} {
		if Match(family+"/...", importPath) {
			return true
		}
	}
	return false
}

func readsClock(name string) bool {
	switch name {
	case "Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local":
		return true
	}
	return false
}
