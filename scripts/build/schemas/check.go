package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Examples are the direct calls that functions keep.
const Examples = "functions/*/testdata/event-direct*.json"

// Check holds s.yaml and the direct calls that functions keep to the schemas, and
// s.yaml to the line by which editors find its own.
func Check(root fs.FS, variables, requests []byte) error {
	ofVariables, err := Compile(variables)
	if err != nil {
		return err
	}
	ofRequests, err := Compile(requests)
	if err != nil {
		return err
	}
	descriptor, err := fs.ReadFile(root, "s.yaml")
	if err != nil {
		return err
	}
	var wrong []error
	if first, _, _ := strings.Cut(string(descriptor), "\n"); first != Editors {
		wrong = append(wrong, fmt.Errorf("s.yaml must begin with %q, by which editors find the schema", Editors))
	}
	var document any
	if err := yaml.Unmarshal(descriptor, &document); err != nil {
		return fmt.Errorf("s.yaml: %w", err)
	}
	if err := ofVariables.Judge(document); err != nil {
		wrong = append(wrong, fmt.Errorf("s.yaml: %w", err))
	}
	calls, err := fs.Glob(root, Examples)
	if err != nil {
		return err
	}
	for _, at := range calls {
		text, err := fs.ReadFile(root, at)
		if err != nil {
			return err
		}
		var call any
		if err := json.Unmarshal(text, &call); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if err := ofRequests.Judge(call); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", at, err))
		}
	}
	return errors.Join(wrong...)
}

// Schema holds values to a schema.
type Schema struct{ compiled *jsonschema.Schema }

// Compile makes a schema ready. It fails if it is none.
func Compile(schema []byte) (Schema, error) {
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return Schema{}, err
	}
	const at = "schema.json"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(at, read); err != nil {
		return Schema{}, err
	}
	compiled, err := compiler.Compile(at)
	return Schema{compiled}, err
}

// Judge fails unless a value is what the schema says.
func (s Schema) Judge(value any) error {
	plain, err := json.Marshal(value)
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain)) // as the schema's own reader has numbers
	if err != nil {
		return err
	}
	return s.compiled.Validate(instance)
}
