package function

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"imagekeeper/shared/fault"
)

// Document is one that people write for a function, such as its rules.
type Document struct {
	// Schema is its JSON Schema.
	Schema func() map[string]any
	// Explain tells what a text means, or what is wrong with it; it reports whether
	// it is right.
	Explain func(text []byte, out io.Writer) bool
}

// Reads says that the function reads rules, which "bootstrap rules" then explains
// and "bootstrap schema" describes. It returns f.
func (f *Function) Reads(rules Document) *Function {
	f.document = rules
	return f
}

// SchemaOf is the JSON Schema (2020-12) of documents of type T, by their json,
// validate and doc tags. rules are those that the tags name.
func SchemaOf[T any](title string, rules ...Rule) map[string]any {
	s := newSchemas("", rules)
	root := s.of(reflect.TypeFor[T](), inputs)
	whole := object{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, "$defs": s.components}
	for key, value := range root {
		whole[key] = value
	}
	return standalone(whole).(object)
}

// standalone rewrites the schemas of an OpenAPI document so that they stand for
// themselves.
func standalone(schema any) any {
	switch v := schema.(type) {
	case object:
		out := object{}
		for key, value := range v {
			if key != "x-type" {
				out[key] = standalone(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for n, value := range v {
			out[n] = standalone(value)
		}
		return out
	case string:
		if name, ok := strings.CutPrefix(v, schemasAt); ok {
			return "#/$defs/" + name
		}
	}
	return schema
}

// Check returns all that the validate tags of a document object to, with the paths
// of its fields.
func Check(document any, rules ...Rule) []*fault.Error {
	err := newValidation("json", rules).check(document)
	var several mistakes
	if errors.As(err, &several) {
		return several
	}
	if err != nil {
		return []*fault.Error{fault.Wrap(fault.Internal, err, "cannot be checked")}
	}
	return nil
}

// printSchema prints what the documents of a function are like.
func printSchema(open func(Lookup) (*Function, error), look Lookup, stdout, stderr io.Writer) int {
	f, err := documented(open, look)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	text, err := json.MarshalIndent(f.document.Schema(), "", "  ")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintf(stdout, "%s\n", text)
	return 0
}

// explain tells what a document means, or what is wrong with it.
func explain(open func(Lookup) (*Function, error), look Lookup, path string, stdout, stderr io.Writer) int {
	f, err := documented(open, look)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	text, err := os.ReadFile(path) //nolint:gosec // a person names the file
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if !f.document.Explain(text, stdout) {
		return 1
	}
	return 0
}

// documented opens a function that has documents.
func documented(open func(Lookup) (*Function, error), look Lookup) (*Function, error) {
	f, err := open(look)
	if err == nil && f.document.Explain == nil {
		err = fault.New(fault.Invalid, "function %s has no rules", f.name)
	}
	return f, err
}
