// Package shape measures how the Go files are cut: small mains, small
// functions, small interfaces, documented names, no hidden state.
package shape

import (
	"bytes"
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

// Aims are the limits.
type Aims struct {
	// MainLines is the most code lines of a file with func main.
	MainLines int
	// FunctionLines is the most lines of any function, tests included.
	FunctionLines int
	// FunctionLines95 is the most lines of 95 % of the functions, tests left out.
	FunctionLines95 int
	// Branches is the highest cyclomatic complexity, tests left out.
	Branches int
	// InterfaceMethods is the most methods and embedded interfaces of one interface.
	InterfaceMethods int
	// DocumentedPercent is how many of the exported names have a comment.
	DocumentedPercent int
}

// Default are the aims of this repository.
func Default() Aims {
	return Aims{MainLines: 30, FunctionLines: 80, FunctionLines95: 40, Branches: 15, InterfaceMethods: 4, DocumentedPercent: 95}
}

// Check measures the tree against the aims. Generated files are left out.
func Check(tree *source.Tree, aims Aims) []finding.Finding {
	m := measure{tree: tree, aims: aims, packages: map[string]bool{}}
	for _, file := range tree.Files {
		if !file.Generated() {
			m.file(file)
		}
	}
	m.totals()
	return finding.Sort(m.found)
}

type measure struct {
	tree               *source.Tree
	aims               Aims
	found              []finding.Finding
	packages           map[string]bool // folder -> has a package comment
	lengths            []int
	exported, silent   int
	undocumentedSample []finding.Finding
}

func (m *measure) say(file source.File, at token.Pos, format string, args ...any) {
	m.found = append(m.found, finding.At(file.Path, m.tree.Line(at), format, args...))
}

func (m *measure) file(file source.File) {
	if !file.Test {
		m.packages[file.Folder] = m.packages[file.Folder] || file.Syntax.Doc != nil
	}
	for _, declaration := range file.Syntax.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			m.function(file, d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				m.spec(file, d, spec)
			}
		}
	}
}

func (m *measure) function(file source.File, d *ast.FuncDecl) {
	lines := 0
	if d.Body != nil {
		lines = m.tree.Line(d.Body.Rbrace) - m.tree.Line(d.Body.Lbrace)
	}
	if lines > m.aims.FunctionLines {
		m.say(file, d.Pos(), "%s has %d lines, at most %d", d.Name.Name, lines, m.aims.FunctionLines)
	}
	if file.Test {
		return
	}
	m.lengths = append(m.lengths, lines)
	if b := branches(d.Body); b > m.aims.Branches {
		m.say(file, d.Pos(), "%s has a cyclomatic complexity of %d, at most %d", d.Name.Name, b, m.aims.Branches)
	}
	switch {
	case d.Recv == nil && d.Name.Name == "init":
		m.say(file, d.Pos(), "init runs before anybody asked; pass what it prepares as an argument")
	case d.Recv == nil && d.Name.Name == "main" && file.Syntax.Name.Name == "main":
		if n := codeLines(file.Text); n > m.aims.MainLines {
			m.say(file, d.Pos(), "a file with func main has %d code lines, at most %d: a main wires", n, m.aims.MainLines)
		}
	}
	if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
		m.name(file, d.Name, d.Doc)
	}
}

func (m *measure) spec(file source.File, d *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if i, ok := s.Type.(*ast.InterfaceType); ok && !file.Test {
			if n := methods(i); n > m.aims.InterfaceMethods {
				m.say(file, s.Pos(), "interface %s has %d methods, at most %d: split it by role and embed", s.Name.Name, n, m.aims.InterfaceMethods)
			}
		}
		if !file.Test {
			m.name(file, s.Name, first(s.Doc, d.Doc))
		}
	case *ast.ValueSpec:
		if d.Tok == token.VAR && !file.Test {
			m.variable(file, s, first(s.Doc, d.Doc))
		}
	}
}

// variable refuses package-level variables except those that are constants in
// all but the language: blank assertions, errors, compiled expressions.
func (m *measure) variable(file source.File, s *ast.ValueSpec, doc *ast.CommentGroup) {
	for i, name := range s.Names {
		switch {
		case name.Name == "_", strings.HasPrefix(strings.ToLower(name.Name), "err"):
		case i < len(s.Values) && madeBy(s.Values[i], "regexp", "errors"):
		case embedded(doc):
		default:
			m.say(file, name.Pos(), "package variable %s can change; make it a constant or a function that returns it", name.Name)
		}
	}
}

// embedded says whether the compiler fills the variable from a file.
func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

func (m *measure) name(file source.File, name *ast.Ident, doc *ast.CommentGroup) {
	if !name.IsExported() || file.Syntax.Name.Name == "main" {
		return
	}
	m.exported++
	if doc == nil || strings.TrimSpace(doc.Text()) == "" {
		m.silent++
		m.undocumentedSample = append(m.undocumentedSample, finding.At(file.Path, m.tree.Line(name.Pos()), "exported %s has no comment", name.Name))
	}
}

func (m *measure) totals() {
	for folder, documented := range m.packages {
		if !documented {
			m.found = append(m.found, finding.At(folder, 0, "the package has no comment that says what it is"))
		}
	}
	if m.silent*100 > m.exported*(100-m.aims.DocumentedPercent) {
		m.found = append(m.found, m.undocumentedSample...)
	}
	if len(m.lengths) == 0 {
		return
	}
	slices.Sort(m.lengths)
	if p95 := m.lengths[len(m.lengths)*95/100]; p95 > m.aims.FunctionLines95 {
		m.found = append(m.found, finding.At(".", 0, "95 %% of the functions have up to %d lines, at most %d", p95, m.aims.FunctionLines95))
	}
}

func first(groups ...*ast.CommentGroup) *ast.CommentGroup {
	for _, group := range groups {
		if group != nil {
			return group
		}
	}
	return nil
}

func receiver(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func methods(i *ast.InterfaceType) int {
	n := 0
	for _, field := range i.Methods.List {
		n += max(1, len(field.Names))
	}
	return n
}

func madeBy(e ast.Expr, packages ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && slices.Contains(packages, x.Name)
}

// branches is the cyclomatic complexity: one, and one more for each way to
// turn off.
func branches(body *ast.BlockStmt) int {
	n := 1
	if body == nil {
		return n
	}
	ast.Inspect(body, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.CommClause:
			n++
		case *ast.CaseClause:
			if x.List != nil {
				n++
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// codeLines counts the lines that are neither blank nor a line comment.
func codeLines(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			n++
		}
	}
	return n
}
