// Package ruledocs holds the examples of rules to the schemas beside the functions:
// each names its schema for editors in its first line, and is what the schema says.
package ruledocs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"imagekeeper/scripts/check/finding"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictyaml"
)

// Schema is the file beside a function that its rules are described in, and Examples
// the pattern of its examples.
const (
	Schema   = "rules.schema.json"
	Examples = "examples/*.rules.yaml"
)

// editorLine tells editors where the schema is.
const editorLine = "# yaml-language-server: $schema=../" + Schema

// Check looks at every function that has rules. It fails if a schema is none.
func Check(root fs.FS) ([]finding.Finding, error) {
	schemas, err := fs.Glob(root, "functions/*/"+Schema)
	if err != nil {
		return nil, err
	}
	var found []finding.Finding
	for _, at := range schemas {
		text, err := fs.ReadFile(root, at)
		if err != nil {
			return nil, err
		}
		compiled, err := compile(at, text)
		if err != nil {
			return nil, err
		}
		examples, err := fs.Glob(root, path.Join(path.Dir(at), Examples))
		if err != nil {
			return nil, err
		}
		if len(examples) == 0 {
			found = append(found, finding.At(at, 0, "there is no example of rules in %s", Examples))
		}
		for _, example := range examples {
			text, err := fs.ReadFile(root, example)
			if err != nil {
				return nil, err
			}
			found = append(found, judge(compiled, example, text)...)
		}
	}
	return finding.Sort(found), nil
}

func compile(at string, text []byte) (*jsonschema.Schema, error) {
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(at, read); err != nil {
		return nil, err
	}
	return compiler.Compile(at)
}

// judge holds one example to its schema.
func judge(schema *jsonschema.Schema, at string, text []byte) []finding.Finding {
	var found []finding.Finding
	if first, _, _ := strings.Cut(string(text), "\n"); first != editorLine {
		found = append(found, finding.At(at, 1, "must begin with %q, by which editors find the schema", editorLine))
	}
	var document any
	if err := strictyaml.Decode(text, &document); err != nil {
		return append(found, finding.At(at, 0, "is no document of rules: %s", fault.Sentence(err)))
	}
	// As the schema's own reader has numbers.
	plain, err := json.Marshal(document)
	if err == nil {
		document, err = jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	}
	if err != nil {
		return append(found, finding.At(at, 0, "cannot be read as JSON: %v", err))
	}
	var wrong *jsonschema.ValidationError
	if errors.As(schema.Validate(document), &wrong) {
		found = append(found, finding.At(at, 0, "is not what the schema says: %v", wrong))
	}
	return found
}
