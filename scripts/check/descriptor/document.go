// Package descriptor checks what is deployed against what is written: s.yaml
// and template.yml against schemas of our own, and both of them against the
// code and the README.
package descriptor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"imagekeeper/scripts/check/finding"
)

// The descriptors' and their schemas' places in the repository.
const (
	ServerlessDevs       = "s.yaml"
	SAM                  = "template.yml"
	ServerlessDevsSchema = "scripts/check/descriptor/s-yaml.schema.json"
	SAMSchema            = "scripts/check/descriptor/template.schema.json"
)

// document is one YAML file: its plain value, and where each value stands.
type document struct {
	path  string
	root  *yaml.Node
	value map[string]any
}

// open reads a YAML file and brings it into the form that its schema describes.
func open(root fs.FS, path string) (*document, error) {
	text, err := fs.ReadFile(root, path)
	if err != nil {
		return nil, fmt.Errorf("read the descriptor: %w", err)
	}
	doc := &document{path: path, root: new(yaml.Node)}
	if err := yaml.Unmarshal(text, doc.root); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	value, err := plain(doc.root)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var ok bool
	if doc.value, ok = value.(map[string]any); !ok {
		return nil, fmt.Errorf("read %s: not a mapping", path)
	}
	if path == ServerlessDevs {
		extend(doc.value)
	}
	return doc, nil
}

// check compares the document with its schema and reports the innermost mistakes.
func (d *document) check(root fs.FS) ([]finding.Finding, error) {
	name := map[string]string{ServerlessDevs: ServerlessDevsSchema, SAM: SAMSchema}[d.path]
	schema, err := compile(root, name)
	if err != nil {
		return nil, err
	}
	err = schema.Validate(d.value)
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil, nil
	case !errors.As(err, &invalid):
		return nil, err
	}
	return d.mistakes(invalid), nil
}

func (d *document) mistakes(invalid *jsonschema.ValidationError) []finding.Finding {
	at, where := d.line(invalid.InstanceLocation), strings.Join(invalid.InstanceLocation, ".")
	if names, ok := invalid.ErrorKind.(*kind.PropertyNames); ok {
		return []finding.Finding{finding.At(d.path, at, "%s: the key %q may not be here", where, names.Property)}
	}
	if len(invalid.Causes) == 0 {
		says := invalid.ErrorKind.LocalizedString(message.NewPrinter(language.English))
		return []finding.Finding{finding.At(d.path, at, "%s is %v: %s", where, d.at(invalid.InstanceLocation), says)}
	}
	var found []finding.Finding
	for _, cause := range invalid.Causes {
		found = append(found, d.mistakes(cause)...)
	}
	return found
}

// at is the text or number at a location; of a larger value, only its size.
func (d *document) at(location []string) any {
	var value any = d.value
	for _, step := range location {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(list(value)) {
			value = list(value)[i]
			continue
		}
		value = mapping(value)[step]
	}
	switch value := value.(type) {
	case map[string]any:
		return fmt.Sprintf("a mapping of %d", len(value))
	case []any:
		return fmt.Sprintf("a list of %d", len(value))
	}
	return value
}

// line is where the value at a location stands, or the innermost value around it.
func (d *document) line(location []string) int {
	node := d.root
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	line := node.Line
	for _, step := range location {
		next := child(node, step)
		if next == nil {
			return line
		}
		node, line = next, next.Line
	}
	return line
}

func child(node *yaml.Node, step string) *yaml.Node {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i]
		}
	}
	return nil
}

func compile(root fs.FS, name string) (*jsonschema.Schema, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, parsed); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return compiler.Compile(name)
}

// plain turns YAML into what a JSON schema knows. CloudFormation's short forms
// become their long ones. Aliases and repeated keys are refused.
func plain(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.DocumentNode:
		return plain(node.Content[0])
	case yaml.MappingNode:
		return plainMapping(node)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, element := range node.Content {
			value, err := plain(element)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.ScalarNode:
		return plainScalar(node)
	}
	return nil, fmt.Errorf("line %d: aliases are not supported", node.Line)
}

func plainMapping(node *yaml.Node) (any, error) {
	mapping := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if _, repeated := mapping[key.Value]; repeated || key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: key %q is repeated or not text", key.Line, key.Value)
		}
		value, err := plain(node.Content[i+1])
		if err != nil {
			return nil, err
		}
		mapping[key.Value] = value
	}
	return mapping, nil
}

func plainScalar(node *yaml.Node) (any, error) {
	switch node.Tag {
	case "!Ref":
		return map[string]any{"Ref": node.Value}, nil
	case "!Sub", "!GetAtt":
		return map[string]any{"Fn::" + node.Tag[1:]: node.Value}, nil
	case "!!str":
		return node.Value, nil
	case "!!int", "!!float":
		return json.Number(node.Value), nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, fmt.Errorf("line %d: %w", node.Line, err)
	}
	return value, nil
}

// extend merges the template that a resource names under its props, as
// Serverless Devs does, so that the schema sees what is deployed.
func extend(value map[string]any) {
	for _, resource := range mapping(value["resources"]) {
		resource := mapping(resource)
		name, _ := mapping(resource["extend"])["name"].(string)
		if base := mapping(mapping(value["template"])[name]); base != nil {
			resource["props"] = merged(base, mapping(resource["props"]))
		}
	}
}

// merged is over laid over base; mappings are merged, everything else replaced.
func merged(base, over map[string]any) map[string]any {
	both := make(map[string]any, len(base)+len(over))
	for key, value := range base {
		both[key] = value
	}
	for key, value := range over {
		if below, above := mapping(both[key]), mapping(value); below != nil && above != nil {
			value = merged(below, above)
		}
		both[key] = value
	}
	return both
}

// mapping is the value as a mapping, nil if it is none.
func mapping(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

// list is the value as a list, nil if it is none.
func list(value any) []any {
	l, _ := value.([]any)
	return l
}
