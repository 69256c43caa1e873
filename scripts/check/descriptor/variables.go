package descriptor

import (
	"bytes"
	"go/ast"
	"reflect"
	"slices"
	"strconv"

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

// variables are the names of the environment that a function reads, in order: the
// env tags of every struct that it, or a package it reaches, hands to Configure,
// and of the structs embedded in it or held by it.
func (s settings) variables(tree *source.Tree, folder string) []string {
	var queue []named
	for reached := range tree.Reach(folder) {
		queue = append(queue, s.configured[reached]...)
	}
	var names []string
	for seen := map[named]bool{}; len(queue) > 0; queue = queue[1:] {
		at, ok := s.structs[queue[0]]
		if !ok || seen[queue[0]] {
			continue
		}
		seen[queue[0]] = true
		for _, field := range at.fields.List {
			if name, ok := variable(field); ok {
				names = append(names, name)
			} else if held, ok := resolve(tree, at.file, field.Type); ok {
				queue = append(queue, held)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
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

// variable is the name in a field's env tag.
func variable(field *ast.Field) (string, bool) {
	if field.Tag == nil {
		return "", false
	}
	tag, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return "", false
	}
	return reflect.StructTag(tag).Lookup("env")
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
