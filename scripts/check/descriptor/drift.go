package descriptor

import (
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

// Check compares the descriptors with their schemas, with the code and with the
// README's table of functions.
func Check(root fs.FS, tree *source.Tree) ([]finding.Finding, error) {
	onAlibaba, err := serverlessDevs(root)
	if err != nil {
		return nil, err
	}
	onAWS, err := sam(root)
	if err != nil {
		return nil, err
	}
	var found []finding.Finding
	for _, d := range []*deployment{onAlibaba, onAWS} {
		mistakes, err := d.doc.check(root)
		if err != nil {
			return nil, err
		}
		found = append(found, mistakes...)
		for _, f := range Written(tree) {
			found = append(found, d.compare(f)...)
		}
		found = append(found, d.surplus(tree)...)
	}
	found = append(found, limits(onAlibaba)...)
	found = append(found, agree(onAlibaba, onAWS)...)
	table, err := readme(root, tree)
	if err != nil {
		return nil, err
	}
	return finding.Sort(append(found, table...)), nil
}

// Function is a function as its code tells.
type Function struct {
	// Name is its folder in functions/.
	Name string
	// Variables are the names of the environment it reads, in order, and Declared what
	// the source says of each.
	Variables []string
	Declared  []Variable
	// Patterns are the routes it answers, as net/http's mux writes them.
	Patterns []string
}

// Written are the functions there is code for: the folders of functions/ with
// a command in them.
func Written(tree *source.Tree) []Function {
	var functions []Function
	said := settingsOf(tree)
	for _, folder := range tree.Folders() {
		if path.Dir(folder) != "functions" {
			continue
		}
		f := Function{Name: path.Base(folder), Declared: said.variables(tree, folder)}
		f.Variables = names(f.Declared)
		var long longWork
		for _, file := range tree.Files {
			if file.Folder == folder && !file.Test {
				f.Patterns = append(f.Patterns, patterns(file)...)
				long.read(file)
			}
		}
		f.Patterns = append(f.Patterns, long.patterns()...)
		functions = append(functions, f)
	}
	return functions
}

// patterns are the routes given for a key named Pattern.
func patterns(file source.File) []string {
	var found []string
	ast.Inspect(file.Syntax, func(node ast.Node) bool {
		pair, ok := node.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isName := pair.Key.(*ast.Ident)
		value, isText := pair.Value.(*ast.BasicLit)
		if isName && isText && key.Name == "Pattern" {
			if pattern, err := strconv.Unquote(value.Value); err == nil && strings.Contains(pattern, " /") {
				found = append(found, strings.TrimSuffix(pattern, "{$}"))
			}
		}
		return true
	})
	return found
}

// longWork is what a function has of package works: its kinds, and which of their
// routes it takes.
type longWork struct{ kinds, takes []string }

// routesOf are the routes that a method of works.Kind makes, of a kind.
func routesOf(method, kind string) []string {
	at := " /" + kind
	return map[string][]string{
		"Reads":  {"GET" + at, "GET" + at + "/{id}"},
		"Orders": {"POST" + at + "/{id}/pause", "POST" + at + "/{id}/resume", "POST" + at + "/{id}/abort"},
		"Stops":  {"GET" + at + "/stop", "PUT" + at + "/stop", "DELETE" + at + "/stop"},
		"Cancel": {"DELETE" + at + "/{id}"},
	}[method]
}

// read finds kinds and the methods that make their routes.
func (l *longWork) read(file source.File) {
	ast.Inspect(file.Syntax, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CompositeLit:
			if kind, ok := kindOf(n); ok {
				l.kinds = append(l.kinds, kind)
			}
		case *ast.CallExpr:
			if call, ok := n.Fun.(*ast.SelectorExpr); ok && routesOf(call.Sel.Name, "") != nil {
				l.takes = append(l.takes, call.Sel.Name)
			}
		}
		return true
	})
}

// kindOf is the name in a literal of works.Kind.
func kindOf(literal *ast.CompositeLit) (string, bool) {
	generic, ok := literal.Type.(*ast.IndexListExpr)
	if !ok {
		return "", false
	}
	if of, ok := generic.X.(*ast.SelectorExpr); !ok || of.Sel.Name != "Kind" {
		return "", false
	}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, isName := pair.Key.(*ast.Ident)
		value, isText := pair.Value.(*ast.BasicLit)
		if isName && isText && key.Name == "Name" {
			name, err := strconv.Unquote(value.Value)
			return name, err == nil
		}
	}
	return "", false
}

// patterns are the routes of all kinds.
func (l *longWork) patterns() []string {
	var all []string
	for _, kind := range l.kinds {
		for _, method := range slices.Compact(slices.Sorted(slices.Values(l.takes))) {
			all = append(all, routesOf(method, kind)...)
		}
	}
	return all
}

// compare says where the descriptor and one function's code differ.
func (d *deployment) compare(written Function) []finding.Finding {
	at := slices.IndexFunc(d.functions, func(f function) bool { return f.folder == written.Name })
	if at < 0 {
		return []finding.Finding{finding.At(d.doc.path, 0, "functions/%s is not deployed", written.Name)}
	}
	f := d.functions[at]
	var found []finding.Finding
	differ := func(what string, has, wants any) {
		if fmt.Sprint(has) != fmt.Sprint(wants) {
			found = append(found, finding.At(d.doc.path, f.line, "function %s: %s is %v, want %v", f.folder, what, has, wants))
		}
	}
	differ("its name", f.name, "imagekeeper-"+f.folder)
	differ("its code", f.code, "./.build/"+f.folder)
	differ("its environment", f.given(written), written.Variables)
	for _, pattern := range written.Patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if !slices.ContainsFunc(d.routes, func(r route) bool { return r.folder == f.folder && r.method == method && r.leads(path) }) {
			found = append(found, finding.At(d.doc.path, f.line, "function %s: no route leads to %s", f.folder, pattern))
		}
	}
	return found
}

// given are the variables of f, without those that are blank and that its code does not read.
func (f function) given(written Function) []string {
	return slices.DeleteFunc(slices.Clone(f.variables), func(name string) bool {
		return slices.Contains(f.blank, name) && !slices.Contains(written.Variables, name)
	})
}

// surplus says what is deployed and not written: functions without a folder,
// routes that no operation answers.
func (d *deployment) surplus(tree *source.Tree) []finding.Finding {
	written := map[string]Function{}
	for _, f := range Written(tree) {
		written[f.Name] = f
	}
	var found []finding.Finding
	for _, f := range d.functions {
		if _, ok := written[f.folder]; !ok {
			found = append(found, finding.At(d.doc.path, f.line, "function %s has no folder in functions/", f.folder))
		}
	}
	for _, r := range d.routes {
		answers := func(pattern string) bool {
			method, path, _ := strings.Cut(pattern, " ")
			return r.leads(path) && (method == r.method || r.method == "HEAD" && method == "GET")
		}
		if !slices.ContainsFunc(written[r.folder].Patterns, answers) {
			found = append(found, finding.At(d.doc.path, r.line, "route %s %s leads to function %s, which has no such operation", r.method, r.path, r.folder))
		}
	}
	return found
}

// leads says whether a route of the custom domain leads to a mux pattern. A
// wildcard segment of the pattern stands for any word.
func (r route) leads(pattern string) bool {
	if prefix, ok := strings.CutSuffix(r.path, "*"); ok {
		return strings.HasPrefix(pattern, prefix) && len(pattern) > len(prefix)
	}
	return r.path == pattern
}

// limits are rules between several keys, which a schema cannot say.
func limits(d *deployment) []finding.Finding {
	var found []finding.Finding
	for _, f := range d.functions {
		props := mapping(mapping(mapping(d.doc.value["resources"])[f.folder])["props"])
		cpu := fmt.Sprint(props["cpu"])
		cores, err := strconv.ParseFloat(cpu, 64)
		gigabytes := float64(f.memory) / 1024
		if err != nil || cores > gigabytes || cores*4 < gigabytes {
			found = append(found, finding.At(d.doc.path, f.line, "function %s: %s cores to %d MB; the platform wants between 1 and 4 GB for a core", f.folder, cpu, f.memory))
		}
		size := 0
		for name, value := range mapping(props["environmentVariables"]) {
			size += len(name) + len(text(value))
		}
		if size > 4096 {
			found = append(found, finding.At(d.doc.path, f.line, "function %s: %d bytes of environment, at most 4096", f.folder, size))
		}
	}
	return found
}

// agree compares the two descriptors with each other.
func agree(a, b *deployment) []finding.Finding {
	var found []finding.Finding
	for _, f := range b.functions {
		at := slices.IndexFunc(a.functions, func(other function) bool { return other.folder == f.folder })
		if at < 0 {
			continue
		}
		other := a.functions[at]
		if f.timeout != other.timeout || f.memory != other.memory {
			found = append(found, finding.At(b.doc.path, f.line, "function %s: %d s and %d MB, but %d s and %d MB in %s",
				f.folder, f.timeout, f.memory, other.timeout, other.memory, a.doc.path))
		}
	}
	here, there := paths(a), paths(b)
	if !slices.Equal(here, there) {
		found = append(found, finding.At(b.doc.path, 0, "routes %v, but %v in %s", there, here, a.doc.path))
	}
	return found
}

// paths are the routes without those for HEAD, which the second platform's
// gateway has no word for.
func paths(d *deployment) []string {
	unique := map[string]bool{}
	for _, r := range d.routes {
		if r.method != "HEAD" {
			unique[r.method+" "+r.path+" "+r.folder] = true
		}
	}
	return slices.Sorted(maps.Keys(unique))
}

// readme compares the README's table of functions with the folders.
func readme(root fs.FS, tree *source.Tree) ([]finding.Finding, error) {
	text, err := fs.ReadFile(root, "README.md")
	if err != nil {
		return nil, fmt.Errorf("read the table of functions: %w", err)
	}
	var rows []string
	inTable := false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		switch first := strings.Trim(cell(cells, 1), "` "); {
		case first == "function":
			inTable = true
		case len(cells) < 3:
			inTable = false
		case inTable && strings.Trim(first, "-:") != "":
			rows = append(rows, first)
		}
	}
	var folders []string
	for _, f := range Written(tree) {
		folders = append(folders, f.Name)
	}
	if slices.Sort(rows); !slices.Equal(rows, folders) {
		return []finding.Finding{finding.At("README.md", 0, "the table of functions has %v, functions/ has %v", rows, folders)}, nil
	}
	return nil, nil
}

func cell(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

// Deployable says what must not be deployed: a function that anyone on the
// network may call.
func Deployable(root fs.FS) ([]finding.Finding, error) {
	d, err := serverlessDevs(root)
	if err != nil {
		return nil, err
	}
	var found []finding.Finding
	for _, f := range d.functions {
		props := mapping(mapping(mapping(d.doc.value["resources"])[f.folder])["props"])
		for i, value := range list(props["triggers"]) {
			trigger := mapping(value)
			if trigger["triggerType"] != "http" || mapping(trigger["triggerConfig"])["authType"] != "anonymous" {
				continue
			}
			found = append(found, finding.At(d.doc.path, d.doc.line([]string{"resources", f.folder, "props", "triggers", strconv.Itoa(i)}),
				"not deployed: trigger %s of function %s lets anyone call it (authType: anonymous); set authType: jwt with its authConfig, or authType: function",
				text(trigger["triggerName"]), f.folder))
		}
	}
	return found, nil
}
