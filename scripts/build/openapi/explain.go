package openapi

import (
	"go/ast"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"imagekeeper/scripts/check/source"
)

// vendors is the folder whose words are those of ECS, which may have new ones
// any day: they are examples, and not all there can be.
const vendors = "shared/image"

// Explain adds what the source says of the types that schemas were made of:
// comments become descriptions where there is none, and the constants of a type
// its words. It takes x-type, which nobody outside has a use for, out.
func Explain(document map[string]any, tree *source.Tree) {
	e := explainer{module: tree.Module, types: map[named]declaration{}, words: map[named][]word{}}
	for _, file := range tree.Files {
		if !file.Test {
			e.read(file)
		}
	}
	for _, tag := range list(document["tags"]) {
		if tag, ok := tag.(object); ok {
			e.introduce(tag, tree)
		}
	}
	paths := member(document, "paths")
	for _, path := range sorted(paths) {
		for _, method := range sorted(member(paths, path)) {
			operation := member(member(paths, path), method).(object)
			e.function, _ = list(operation["tags"])[0].(string)
			for _, key := range []string{"parameters", "requestBody", "x-input"} {
				e.walk(operation[key], true)
			}
			e.walk(operation["responses"], false)
		}
	}
	schemas := member(member(document, "components"), "schemas")
	for _, name := range sorted(schemas) {
		e.function = owner(document, name)
		e.walk(member(schemas, name), strings.HasSuffix(name, "Input"))
	}
	e.walk(member(member(document, "components"), "responses"), false)
	for _, function := range sorted(document["x-functions"]) {
		e.function = function
		e.walk(member(document["x-functions"], function), false)
	}
}

// owner is the function whose own types have names that begin as name does.
func owner(document object, name string) string {
	for _, tag := range list(document["tags"]) {
		function, _ := member(tag, "name").(string)
		if strings.HasPrefix(strings.ToLower(name), strings.ReplaceAll(function, "-", "")) {
			return function
		}
	}
	return ""
}

// named is a type by the folder that declares it.
type named struct{ folder, name string }

// declaration is a type where it is declared.
type declaration struct {
	file source.File
	doc  string
	is   ast.Expr
}

// word is a constant of a type, and what the comment beside it says.
type word struct{ text, means string }

type explainer struct {
	module   string
	function string // whose document is being walked
	types    map[named]declaration
	words    map[named][]word
}

// read collects what a file declares.
func (e explainer) read(file source.File) {
	for _, declared := range file.Syntax.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				doc := spec.Doc.Text()
				if doc == "" && len(group.Specs) == 1 {
					doc = group.Doc.Text()
				}
				e.types[named{file.Folder, spec.Name.Name}] = declaration{file, plain(doc, spec.Name.Name), spec.Type}
			case *ast.ValueSpec:
				e.constant(file, group.Tok, spec)
			}
		}
	}
}

func (e explainer) constant(file source.File, tok token.Token, spec *ast.ValueSpec) {
	of, ok := spec.Type.(*ast.Ident)
	if !ok || tok != token.CONST || len(spec.Values) != 1 {
		return
	}
	literal, ok := spec.Values[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		return // the parser refuses such a file
	}
	key := named{file.Folder, of.Name}
	e.words[key] = append(e.words[key], word{text, strings.TrimSpace(spec.Comment.Text())})
}

// introduce describes a function by the comment of its command.
func (e explainer) introduce(tag object, tree *source.Tree) {
	name, _ := tag["name"].(string)
	for _, file := range tree.Files {
		if file.Folder == "functions/"+name && !file.Test && file.Syntax.Doc != nil {
			said := strings.Join(strings.Fields(file.Syntax.Doc.Text()), " ")
			tag["description"] = capital(strings.TrimPrefix(said, "Command "+name+" "))
		}
	}
}

// walk explains every schema below a value.
func (e explainer) walk(value any, input bool) {
	switch value := value.(type) {
	case object:
		if goType, ok := value["x-type"].(string); ok {
			e.explain(value, e.resolve(goType), input)
			delete(value, "x-type")
		}
		for _, key := range sorted(value) {
			if key != "examples" {
				e.walk(value[key], input)
			}
		}
	case []any:
		for _, one := range value {
			e.walk(one, input)
		}
	}
}

// resolve finds the folder of a type: a command's own are of package main.
func (e explainer) resolve(goType string) named {
	goType, _, _ = strings.Cut(goType, "[") // of a generic type: what it is of
	at := strings.LastIndex(goType, ".")
	folder, name := strings.TrimPrefix(goType[:at], e.module+"/"), goType[at+1:]
	if folder == "main" {
		folder = "functions/" + e.function
	}
	return named{folder, name}
}

func (e explainer) explain(schema object, of named, input bool) {
	describe(schema, e.types[of].doc)
	if fields, ok := e.types[of].is.(*ast.StructType); ok {
		properties, _ := schema["properties"].(object)
		e.members(properties, e.types[of].file, fields)
		return
	}
	words := e.words[of]
	if len(words) == 0 || schema["enum"] != nil {
		return
	}
	var all []any
	said := ""
	for _, w := range words {
		if all = append(all, w.text); w.means != "" {
			said += "\n* `" + w.text + "`: " + w.means
		}
	}
	if said != "" {
		text, _ := schema["description"].(string)
		schema["description"] = strings.TrimSpace(text + "\n" + said)
	}
	if input || of.folder == vendors && of.name != "Kind" {
		schema["examples"] = all
		return
	}
	schema["enum"] = all
}

// members describes what the fields of a struct became, embedded ones too.
func (e explainer) members(properties object, file source.File, fields *ast.StructType) {
	for _, field := range fields.Fields.List {
		tag := reflect.StructTag("")
		if field.Tag != nil {
			text, _ := strconv.Unquote(field.Tag.Value)
			tag = reflect.StructTag(text)
		}
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		if len(field.Names) == 0 && name == "" {
			if of, ok := e.embedded(file, field.Type); ok {
				if inner, ok := of.is.(*ast.StructType); ok {
					e.members(properties, of.file, inner)
				}
			}
			continue
		}
		property, ok := properties[name].(object)
		if !ok || len(field.Names) == 0 {
			continue
		}
		doc := field.Doc.Text()
		if doc == "" {
			doc = field.Comment.Text()
		}
		describe(property, plain(doc, field.Names[0].Name))
	}
}

// embedded is the declaration of an embedded type.
func (e explainer) embedded(file source.File, expr ast.Expr) (declaration, bool) {
	switch expr := expr.(type) {
	case *ast.StarExpr:
		return e.embedded(file, expr.X)
	case *ast.IndexExpr: // of a generic type
		return e.embedded(file, expr.X)
	case *ast.Ident:
		of, ok := e.types[named{file.Folder, expr.Name}]
		return of, ok
	case *ast.SelectorExpr:
		for _, imported := range file.Imports() {
			if from, ok := expr.X.(*ast.Ident); ok && imported.Name == from.Name {
				of, ok := e.types[named{strings.TrimPrefix(imported.Path, e.module+"/"), expr.Sel.Name}]
				return of, ok
			}
		}
	}
	return declaration{}, false
}

// describe sets a description where there is none.
func describe(schema object, text string) {
	if schema["description"] == nil && text != "" {
		schema["description"] = text
	}
}

// plain makes a description of a Go comment: without the name it begins with.
func plain(doc, name string) string {
	said := strings.Join(strings.Fields(doc), " ")
	for _, begin := range []string{" is ", " are ", ": ", ", ", " "} {
		if rest, ok := strings.CutPrefix(said, name+begin); ok {
			return capital(rest)
		}
	}
	return capital(said)
}

func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

func list(value any) []any {
	all, _ := value.([]any)
	return all
}
