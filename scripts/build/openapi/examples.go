package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// Examples is where the example answers are kept: <operation>.json each, as
// functions gave them.
const Examples = "functions/examples"

// RefreshExamples writes the example answers anew, from functions that are asked.
const RefreshExamples = "go test ./scripts/e2e -run TestExamples -update"

// exemplify gives every operation that answers JSON the answer that is kept for it.
// It fails for an operation without one.
func exemplify(document object, root fs.FS) error {
	var missing []error
	paths, _ := document["paths"].(object)
	for _, item := range paths {
		methods, _ := item.(object)
		for _, method := range methods {
			operation, _ := method.(object)
			name, isOperation := operation["operationId"].(string)
			content, answersJSON := member(member(member(operation["responses"], "200"), "content"), "application/json").(object)
			schema, _ := content["schema"].(object)
			if open := schema["$ref"] == nil && schema["properties"] == nil; !isOperation || !answersJSON || open {
				continue // the document itself is its own example
			}
			text, err := fs.ReadFile(root, path.Join(Examples, name+".json"))
			if errors.Is(err, fs.ErrNotExist) {
				missing = append(missing, fmt.Errorf("%s has no example answer: add a request to scripts/e2e/examples_test.go and run %s", name, RefreshExamples))
				continue
			}
			if err != nil {
				return err
			}
			var answer any
			if err := json.Unmarshal(text, &answer); err != nil {
				return fmt.Errorf("read the example of %s: %w", name, err)
			}
			content["example"] = answer
		}
	}
	return errors.Join(missing...)
}
