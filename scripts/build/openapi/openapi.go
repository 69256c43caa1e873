// Package openapi makes one OpenAPI 3.1 document of what the built functions
// say of themselves (bootstrap describe) and of what their source says of the
// types that they answer.
//
// The document is checked in beside the functions, so that a change of the API
// is seen where the change is read, and is what a portal serves to its pages.
package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"imagekeeper/scripts/check/source"
)

// Path is where the document is kept, relative to the root of the module.
const Path = "functions/openapi.json"

// Refresh is the command that writes the document.
const Refresh = "make openapi"

// object is a JSON object.
type object = map[string]any

// Description is what one function says of itself.
type Description struct {
	// Function is the name of its folder.
	Function string
	// Document is what it printed: an OpenAPI document of its own.
	Document map[string]any
}

// Describe asks a built function. environment is what it is configured by; see
// Environment.
func Describe(ctx context.Context, function, binary string, environment []string) (Description, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	asked := exec.CommandContext(ctx, binary, "describe")
	asked.Dir, asked.Env = filepath.Dir(binary), environment
	var said, complaint bytes.Buffer
	asked.Stdout, asked.Stderr = &said, &complaint
	if err := asked.Run(); err != nil {
		return Description{}, fmt.Errorf("%s describe: %w: %s", function, err, strings.TrimSpace(complaint.String()))
	}
	d := Description{Function: function}
	if err := json.Unmarshal(said.Bytes(), &d.Document); err != nil {
		return Description{}, fmt.Errorf("%s describe: %w", function, err)
	}
	return d, nil
}

// Environment is enough for any function to describe itself: what does not
// work without, and changes nothing of what it says.
func Environment() []string { return []string{"FC_REGION=cn-hangzhou", "JOURNAL=dir:///nowhere"} }

// Make is the whole way: it puts the descriptions together, adds what the
// source below root says, and fails unless the result is a valid document.
func Make(ctx context.Context, root fs.FS, described []Description) ([]byte, error) {
	tree, err := source.Read(root)
	if err != nil {
		return nil, err
	}
	document, err := Merge(described)
	if err != nil {
		return nil, err
	}
	Explain(document, tree)
	gloss(document, glossary())
	share(document)
	apart(document)
	if err := exemplify(document, root); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("write the document: %w", err)
	}
	if err := Valid(ctx, text.Bytes()); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Valid fails unless text is an OpenAPI 3.1 document by the rules of that
// standard, whose schemas are closed, and say of every member what it may be
// and what it means.
func Valid(ctx context.Context, text []byte) error {
	loaded, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	if err := loaded.Validate(ctx, openapi3.EnableExamplesValidation()); err != nil {
		return fmt.Errorf("the document is not OpenAPI: %w", err)
	}
	if !strings.HasPrefix(loaded.OpenAPI, "3.1.") {
		return fmt.Errorf("the document is OpenAPI %s, not 3.1", loaded.OpenAPI)
	}
	var document object
	if err := json.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	return errors.Join(append(vague(document["components"], "components"), vague(document["x-schemas"], "x-schemas")...)...)
}

// vague are the schemas that say too little, or leave an object open.
func vague(value any, at string) []error {
	var found []error
	switch value := value.(type) {
	case object:
		properties, isObject := value["properties"].(object)
		if isObject && value["additionalProperties"] != false {
			found = append(found, fmt.Errorf("%s: takes members that it does not name", at))
		}
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			one, _ := properties[name].(object)
			switch {
			case one["type"] == nil && one["$ref"] == nil && one["anyOf"] == nil && one["oneOf"] == nil:
				found = append(found, fmt.Errorf("%s: says nothing of %s; its type needs a method JSONSchema", at, name))
			case one["description"] == nil && one["$ref"] == nil:
				found = append(found, fmt.Errorf("%s: nobody is told what %s means; the field needs a comment, or a doc tag", at, name))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if key != "examples" {
				found = append(found, vague(value[key], at+"/"+key)...)
			}
		}
	case []any:
		for n, one := range value {
			found = append(found, vague(one, fmt.Sprintf("%s/%d", at, n))...)
		}
	}
	return found
}

// Same fails unless the document that is kept is the one made now. It names the
// first line that differs, and the command that writes it.
func Same(kept, now []byte) error {
	if bytes.Equal(kept, now) {
		return nil
	}
	was, is := strings.Split(string(kept), "\n"), strings.Split(string(now), "\n")
	n := 0
	for n < len(was) && n < len(is) && was[n] == is[n] {
		n++
	}
	at := func(lines []string) string {
		return strings.TrimSpace(strings.Join(lines[min(n, len(lines)):min(n+1, len(lines))], ""))
	}
	return fmt.Errorf("%s:%d: the functions describe something else: %s, not %s; %s writes it", Path, n+1, at(is), at(was), Refresh)
}
