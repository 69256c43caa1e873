// Package codes reads from the source which codes a problem of the functions can
// have, and keeps the catalogue of them in functions/README.md: code, status,
// when, and what to do.
package codes

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
	"imagekeeper/shared/fault"
)

// Path is where the catalogue is.
const Path = "functions/README.md"

// The lines around it.
const (
	begin = "<!-- the catalogue of codes: `make openapi` writes it -->"
	end   = "<!-- end of the catalogue -->"
)

// entry is one code.
type entry struct {
	code  string
	kinds map[fault.Kind]bool
	says  map[string]bool
}

// Check compares the catalogue with the source.
func Check(root fs.FS, tree *source.Tree) ([]finding.Finding, error) {
	text, err := fs.ReadFile(root, Path)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue of codes: %w", err)
	}
	written, err := Write(string(text), tree)
	if err != nil {
		return nil, err
	}
	if written == string(text) {
		return nil, nil
	}
	return []finding.Finding{finding.At(Path, 0, "the catalogue of codes is not what the source has: run make openapi")}, nil
}

// Catalogued are the codes that the catalogue in text has, each with its statuses.
func Catalogued(text string) map[string][]int {
	_, rest, _ := strings.Cut(text, begin)
	rows, _, _ := strings.Cut(rest, end)
	all := map[string][]int{}
	for line := range strings.Lines(rows) {
		cells := strings.SplitN(line, "|", 4)
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		var statuses []int
		for status := range strings.SplitSeq(cells[2], ",") {
			if n, err := strconv.Atoi(strings.TrimSpace(status)); err == nil {
				statuses = append(statuses, n)
			}
		}
		all[strings.Trim(cells[1], " `")] = statuses
	}
	return all
}

// Write returns text with the catalogue of tree in it. It fails if text has no
// place for it.
func Write(text string, tree *source.Tree) (string, error) {
	before, rest, opened := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return "", fmt.Errorf("%s has no place for the catalogue: %s", Path, begin)
	}
	return before + begin + "\n" + table(read(tree)) + end + after, nil
}

// table is the catalogue in Markdown.
func table(all []entry) string {
	var b strings.Builder
	b.WriteString("\n| code | status | when | what to do |\n|---|---|---|---|\n")
	for _, e := range all {
		kinds := slices.SortedFunc(maps.Keys(e.kinds), func(a, b fault.Kind) int { return cmp.Compare(a.HTTPStatus(), b.HTTPStatus()) })
		var statuses []string
		for _, kind := range kinds {
			statuses = append(statuses, strconv.Itoa(cmp.Or(exceptions()[e.code], kind.HTTPStatus())))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.code, strings.Join(slices.Compact(statuses), ", "), e.when(), e.remedy(kinds))
	}
	b.WriteString("\n")
	return b.String()
}

// when is what the source says, shortest first, as far as a table holds it.
func (e entry) when() string {
	sentences := slices.SortedFunc(maps.Keys(e.says), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	const most = 3
	more := ""
	if len(sentences) > most {
		sentences, more = sentences[:most], "; …"
	}
	return strings.ReplaceAll(strings.Join(sentences, "; "), "|", `\|`) + more
}

// remedy is what whoever called can do.
func (e entry) remedy(kinds []fault.Kind) string {
	if own := remedies()[e.code]; own != "" {
		return own
	}
	var all []string
	for _, kind := range kinds {
		all = append(all, remedyOf(kind))
	}
	return strings.Join(slices.Compact(all), "; ")
}

// read finds every code that a failure in the functions and what they share is given.
func read(tree *source.Tree) []entry {
	r := reader{found: map[string]*entry{}, constants: constantsOf(tree)}
	for _, kind := range fault.Kinds() {
		r.add(string(kind), kind, kindMeans(kind))
	}
	for _, f := range tree.Files {
		if f.Test || !served(f.Folder) {
			continue
		}
		r.file = f
		ast.Inspect(f.Syntax, r.visit)
	}
	for code, kind := range also() {
		if r.found[code] != nil {
			r.found[code].kinds[kind] = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(r.found)) {
		if e := r.found[code]; len(e.says) == 0 {
			e.says[unsaid] = true
		}
	}
	return slices.SortedFunc(func(yield func(entry) bool) {
		for _, e := range r.found {
			if !yield(*e) {
				return
			}
		}
	}, func(a, b entry) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.code), strings.ToLower(b.code)), cmp.Compare(a.code, b.code))
	})
}

// unsaid stands where the sentence is made of what happened.
const unsaid = "the sentence tells"

// served reports whether what a folder holds answers callers.
func served(folder string) bool {
	first, _, _ := strings.Cut(folder, "/")
	return first == "functions" || first == "shared" && !strings.HasPrefix(folder, "shared/cloudsim") &&
		!slices.Contains([]string{"cloudsimtest", "journaltest", "worktest", "functiontest", "bearertest"}, path.Base(folder))
}

// reader collects codes from syntax.
type reader struct {
	found     map[string]*entry
	constants map[string]string // folder.name -> text
	file      source.File
	function  string // the declaration that is being read
}

func (r *reader) add(code string, kind fault.Kind, says string) {
	e := r.found[code]
	if e == nil {
		e = &entry{code: code, kinds: map[fault.Kind]bool{}, says: map[string]bool{}}
		r.found[code] = e
	}
	e.kinds[kind] = true
	if says != "" {
		e.says[says] = true
	}
}

func (r *reader) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		r.function = n.Name.Name
	case *ast.CallExpr:
		r.call(n)
	case *ast.CompositeLit:
		r.literal(n)
	case *ast.StructType:
		for _, f := range n.Fields.List {
			r.tag(f)
		}
	}
	return true
}

// call is one of fault.InField(field, code, sentence), X.WithCode(code) on a new
// failure, and what a helper of the folder refuses.
func (r *reader) call(c *ast.CallExpr) {
	switch name := called(c); {
	case name == "fault.InField" && len(c.Args) >= 3:
		r.code(c.Args[1], fault.Invalid, c.Args[2])
	case strings.HasSuffix(name, ".WithCode") && len(c.Args) == 1:
		if kind, sentence, ok := made(c.Fun.(*ast.SelectorExpr).X); ok {
			r.code(c.Args[0], kind, sentence)
		}
	case len(c.Args) >= 4 && isFatal(c.Args[0]) && name == "say": // level, code, remedy, sentence
		r.code(c.Args[1], fault.Precondition, c.Args[3])
	case len(c.Args) >= 4 && isFatal(c.Args[0]): // level, code, sentence, remedy
		r.code(c.Args[1], fault.Precondition, c.Args[2])
	default:
		if h, ok := helperOf(r.file.Folder, name[strings.LastIndex(name, ".")+1:]); ok && len(c.Args) >= h.code+2 {
			r.code(c.Args[h.code], h.kind, c.Args[h.code+1])
		}
	}
}

// literal is a failure, or a rule for texts, written out.
func (r *reader) literal(l *ast.CompositeLit) {
	parts := map[string]ast.Expr{}
	for _, e := range l.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok {
				parts[key.Name] = pair.Value
			}
		}
	}
	if parts["Kind"] != nil && parts["Code"] != nil {
		if kind, ok := kindOf(parts["Kind"]); ok {
			r.code(parts["Code"], kind, parts["Sentence"])
		}
	}
	if parts["Kind"] == nil && parts["Code"] != nil && parts["Sentence"] != nil && forbids(r.file.Folder, r.function) {
		r.code(parts["Code"], fault.Precondition, said(parts["Sentence"]))
	}
	if isFatal(parts["Level"]) {
		r.fatal(parts["Reason"])
	}
	if parts["Tag"] != nil && parts["Pattern"] != nil {
		r.code(parts["Tag"], fault.Invalid, parts["Sentence"])
	}
}

// isFatal: e is the level of a finding that keeps a plan from being applied.
func isFatal(e ast.Expr) bool {
	level, ok := e.(*ast.SelectorExpr)
	return ok && level.Sel.Name == "Fatal"
}

// fatal is the reason of a finding that keeps a plan from being applied: a literal, or
// made by a helper that takes code and sentence.
func (r *reader) fatal(e ast.Expr) {
	switch e := e.(type) {
	case *ast.CallExpr:
		if len(e.Args) >= 2 {
			r.code(e.Args[0], fault.Precondition, e.Args[1])
		}
	case *ast.CompositeLit:
		var code, sentence ast.Expr
		for _, part := range e.Elts {
			if pair, ok := part.(*ast.KeyValueExpr); ok {
				switch name, _ := pair.Key.(*ast.Ident); {
				case name != nil && name.Name == "Code":
					code = pair.Value
				case name != nil && name.Name == "Sentence":
					sentence = said(pair.Value)
				}
			}
		}
		if code != nil && sentence != nil {
			r.code(code, fault.Precondition, sentence)
		}
	}
}

// said is the sentence in fmt.Sprintf(sentence, ...), or e itself.
func said(e ast.Expr) ast.Expr {
	if c, ok := e.(*ast.CallExpr); ok && called(c) == "fmt.Sprintf" && len(c.Args) > 0 {
		return c.Args[0]
	}
	return e
}

// tag is what the rules of an input can refuse.
func (r *reader) tag(f *ast.Field) {
	if f.Tag == nil {
		return
	}
	text, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return
	}
	for rule := range strings.SplitSeq(reflect.StructTag(text).Get("validate"), ",") {
		name, _, _ := strings.Cut(rule, "=")
		if says := ruleMeans(name); says != "" && reflect.StructTag(text).Get("env") == "" {
			r.add(codeOf(name), fault.Invalid, says)
		}
	}
}

func (r *reader) code(code ast.Expr, kind fault.Kind, sentence ast.Expr) {
	text, ok := r.text(code)
	if !ok || !codeShaped(text) {
		return
	}
	says, _ := r.text(said(sentence))
	r.add(text, kind, plain(says))
}

// text is a literal, or a constant of this package or another one.
func (r *reader) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.Ident:
		text, ok := r.constants[r.file.Folder+"."+e.Name]
		return text, ok
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return "", false
		}
		for _, i := range r.file.Imports() {
			if path.Base(i.Path) == from.Name {
				_, folder, _ := strings.Cut(i.Path, "/")
				text, ok := r.constants[folder+"."+e.Sel.Name]
				return text, ok
			}
		}
	}
	return "", false
}

// constantsOf are the constants that are texts, of every folder.
func constantsOf(tree *source.Tree) map[string]string {
	all := map[string]string{}
	for _, f := range tree.Files {
		for _, d := range f.Syntax.Decls {
			general, ok := d.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST || f.Test {
				continue
			}
			for _, s := range general.Specs {
				spec := s.(*ast.ValueSpec)
				for n, name := range spec.Names {
					if n >= len(spec.Values) {
						continue
					}
					if literal, ok := spec.Values[n].(*ast.BasicLit); ok && literal.Kind == token.STRING {
						if text, err := strconv.Unquote(literal.Value); err == nil {
							all[f.Folder+"."+name.Name] = text
						}
					}
				}
			}
		}
	}
	return all
}

// made finds fault.New(kind, sentence) or fault.Wrap(kind, cause, sentence).
func made(e ast.Expr) (kind fault.Kind, sentence ast.Expr, ok bool) {
	c, isCall := e.(*ast.CallExpr)
	if !isCall || len(c.Args) == 0 {
		return "", nil, false
	}
	at := map[string]int{"fault.New": 1, "fault.Wrap": 2}[called(c)]
	if at == 0 || len(c.Args) <= at {
		return "", nil, false
	}
	kind, ok = kindOf(c.Args[0])
	return kind, c.Args[at], ok
}

// kindOf is fault.NotFound and its like.
func kindOf(e ast.Expr) (fault.Kind, bool) {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	for _, kind := range fault.Kinds() {
		if strings.EqualFold(string(kind), s.Sel.Name) {
			return kind, true
		}
	}
	return "", false
}

// called is the name of what is called, such as fault.New; of a method with what
// comes before left out: .WithCode.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if on, ok := f.X.(*ast.Ident); ok {
			return on.Name + "." + f.Sel.Name
		}
		return "." + f.Sel.Name
	}
	return ""
}

// codeShaped reports whether text can be a code.
func codeShaped(text string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*$`).MatchString(text)
}

// plain is a sentence with its verbs of formatting as dots, in one line.
func plain(says string) string {
	says = regexp.MustCompile(`%(\.[0-9]+|[+#0-9])*[a-zA-Z]`).ReplaceAllString(says, "…")
	if !strings.ContainsFunc(says, unicode.IsLetter) {
		return "" // it is made of what happened
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(says, "%%", "%")), " ")
}
