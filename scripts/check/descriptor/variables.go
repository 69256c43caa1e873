package descriptor

import (
	"bytes"
	"go/ast"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/scripts/check/source"
)

// named is a type by the folder that declares it.
type named struct{ folder, name string }

// declared is a struct type and the file it stands in.
type declared struct {
	file   source.File
	fields *ast.FieldList
}

// settings are what the files of a module say of their configuration.
type settings struct {
	// structs are all that are declared, and configured the types that a folder hands
	// to Configure.
	structs    map[named]declared
	configured map[string][]named
}

// settingsOf reads every file once.
func settingsOf(tree *source.Tree) settings {
	s := settings{structs: map[named]declared{}, configured: map[string][]named{}}
	for _, file := range tree.Files {
		if file.Test {
			continue
		}
		for name, fields := range structTypes(file) {
			s.structs[named{file.Folder, name}] = declared{file, fields}
		}
		s.configured[file.Folder] = append(s.configured[file.Folder], configured(tree, file)...)
	}
	return s
}

// Variable is a variable of the environment, as the field says that it is read into.
type Variable struct {
	// Name and Doc are the variable and what the comment of its field says.
	Name, Doc string
	// Type is that of the field, as the source writes it: []image.AccountID.
	Type string
	// Default is the text that counts where the variable is missing or empty.
	Default string
	// Rules are what must hold, as package validate writes it.
	Rules string
	// Secret: its value must never be repeated.
	Secret bool
}

// names are those of variables.
func names(of []Variable) []string {
	all := make([]string, len(of))
	for n := range of {
		all[n] = of[n].Name
	}
	return all
}

// variables are what a function reads of the environment, in order of name: the env
// tags of every struct that it, or a package it reaches, hands to Configure, and of
// the structs embedded in it or held by it. Of one that is read twice the function's
// own field counts.
func (s settings) variables(tree *source.Tree, folder string) []Variable {
	var queue []named
	for _, reached := range slices.Sorted(maps.Keys(tree.Reach(folder))) { // functions/ is before shared/
		queue = append(queue, s.configured[reached]...)
	}
	var found []Variable
	for seen := map[named]bool{}; len(queue) > 0; queue = queue[1:] {
		at, ok := s.structs[queue[0]]
		if !ok || seen[queue[0]] {
			continue
		}
		seen[queue[0]] = true
		for _, field := range at.fields.List {
			if v, ok := variable(field); ok {
				found = append(found, v)
			} else if held, ok := resolve(tree, at.file, field.Type); ok {
				queue = append(queue, held)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(found, func(a, b Variable) bool { return a.Name == b.Name })
}

// structTypes are the structs that a file declares, by name.
func structTypes(file source.File) map[string]*ast.FieldList {
	found := map[string]*ast.FieldList{}
	for _, declaration := range file.Syntax.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok {
				if s, ok := t.Type.(*ast.StructType); ok {
					found[t.Name.Name] = s.Fields
				}
			}
		}
	}
	return found
}

// configured are the types T of the calls Configure[T](…) in a file.
func configured(tree *source.Tree, file source.File) []named {
	if !bytes.Contains(file.Text, []byte("Configure[")) {
		return nil // as nearly every file
	}
	var found []named
	ast.Inspect(file.Syntax, func(node ast.Node) bool {
		index, ok := node.(*ast.IndexExpr)
		if !ok {
			return true
		}
		name, _ := index.X.(*ast.Ident)
		if selector, ok := index.X.(*ast.SelectorExpr); ok {
			name = selector.Sel
		}
		if name != nil && name.Name == "Configure" {
			if t, ok := resolve(tree, file, index.Index); ok {
				found = append(found, t)
			}
		}
		return true
	})
	return found
}

// variable is what a field with an env tag is read from.
func variable(field *ast.Field) (Variable, bool) {
	if field.Tag == nil {
		return Variable{}, false
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return Variable{}, false
	}
	tag, kind := reflect.StructTag(text), types.ExprString(field.Type)
	name, ok := tag.Lookup("env")
	return Variable{
		Name: name, Doc: strings.Join(strings.Fields(field.Doc.Text()), " "), Type: kind, Default: tag.Get("default"),
		Rules: tag.Get("validate"), Secret: tag.Get("secret") == "true" || strings.HasSuffix(kind, "Secret"),
	}, ok
}

// resolve finds the type of this module that an expression names.
func resolve(tree *source.Tree, file source.File, expression ast.Expr) (named, bool) {
	switch e := expression.(type) {
	case *ast.Ident:
		return named{file.Folder, e.Name}, true
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return named{}, false
		}
		for _, imported := range file.Imports() {
			if folder, own := tree.Own(imported.Path); own && imported.Name == from.Name {
				return named{folder, e.Sel.Name}, true
			}
		}
	}
	return named{}, false
}
