// Package schemas makes the JSON schemas that editors use: of the variables of every
// function, as its source declares them, for s.yaml; and of every request, from the
// OpenAPI document.
package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/check/source"
)

// VariablesPath is where the schema of the variables is kept, relative to the root of
// the module.
const VariablesPath = "functions/variables.schema.json"

// dialect is the JSON Schema that both are written in.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// object is a JSON object.
type object = map[string]any

// form is how the text of one value of a type looks.
type form struct{ pattern, example string }

// forms are those of the types that configurations have, and where one type has
// several the names that end so.
func forms() map[string]form {
	return map[string]form{
		"string":             {},
		"Site":               {},
		"roleWord":           {`(viewer|operator|fleet|reaper)`, "viewer"},
		"float64":            {`[0-9]+(\.[0-9]+)?`, "0.3"},
		"RegionWord":         {`(all|[a-z]{2,}(-[a-z0-9]+)+)`, "cn-hangzhou"},
		"RoleARN":            {`acs:ram::[0-9]{1,20}:role/[A-Za-z0-9._-]{1,64}`, "acs:ram::1000000000000002:role/imagekeeper-reader"},
		"image.AccountID":    {`[0-9]{1,20}`, "1000000000000002"},
		"ledger.Place":       {`(dir:///.+|oss://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/.*)?)`, "oss://audit/imagekeeper"},
		"importing.Prefix":   {`oss://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/.*)?`, "oss://incoming/images"},
		"function.Lines":     {},
		"function.Secret":    {},
		suffix + "_ENDPOINT": {`https?://.+`, "http://127.0.0.1:7070"},
		suffix + "_URL":      {`https?://.+`, "https://imagekeeper.example.com"},
	}
}

// suffix marks the forms that go by the end of a name.
const suffix = "*"

// expression is what stands for a value that the platform fills in.
const expression = `\$\{[^}]*\}`

// Variables is the schema of s.yaml as far as it is about variables: of each function
// of the tree, and of what several functions have in common. It fails for a type
// that has no form.
func Variables(tree *source.Tree) ([]byte, error) {
	functions, resources, common := object{}, object{}, object{}
	for _, f := range descriptor.Written(tree) {
		properties := object{}
		for _, v := range f.Declared {
			described, err := describe(v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			properties[v.Name], common[v.Name] = described, described
		}
		functions[f.Name] = closed(properties)
		resources[f.Name] = inside("props", inside("environmentVariables", object{"$ref": "#/$defs/" + f.Name}))
	}
	functions["every function"] = closed(common)
	return written(object{
		"$schema": dialect, "title": "The variables of Imagekeeper's functions in s.yaml", "type": "object",
		"properties": object{
			"resources": object{"type": "object", "properties": resources},
			"template": object{"type": "object", "additionalProperties": inside("environmentVariables", object{
				"$ref": "#/$defs/every%20function",
			})},
		},
		"$defs": functions,
	})
}

// inside is an object of which one member is described.
func inside(name string, member object) object {
	return object{"type": "object", "properties": object{name: member}}
}

// closed is an object of these members alone, and of the secrets that NOTIFY names
// where that is one of them.
func closed(properties object) object {
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if _, notifies := properties["NOTIFY"]; notifies {
		o["patternProperties"] = object{"^NOTIFY_SECRET_[A-Z0-9_]+$": object{"type": "string", "writeOnly": true, "description": "A secret that NOTIFY names."}}
	}
	return o
}

// describe is the schema of one variable.
func describe(v descriptor.Variable) (object, error) {
	if v.Doc == "" {
		return nil, fmt.Errorf("nobody is told what %s means: the field needs a comment", v.Name)
	}
	one, list := strings.CutPrefix(v.Type, "[]")
	f, ok := forms()[one]
	for _, end := range []string{"_ENDPOINT", "_URL"} {
		if strings.HasSuffix(v.Name, end) {
			f = forms()[suffix+end]
		}
	}
	if !ok {
		return nil, fmt.Errorf("%s is of type %s, of which schemas have no form", v.Name, v.Type)
	}
	if words := choice(v.Rules); len(words) > 0 {
		f = form{"(" + strings.Join(words, "|") + ")", words[0]}
	}
	described := object{"type": "string", "description": v.Doc}
	if f.pattern != "" {
		value := f.pattern
		if list {
			value = f.pattern + " *(, *" + f.pattern + " *)*"
		}
		described["pattern"] = "^(" + value + "|.*" + expression + ".*)?$"
		described["examples"] = []string{f.example}
	}
	if v.Default != "" {
		described["default"] = v.Default
	}
	if v.Secret {
		described["writeOnly"] = true
	}
	return described, nil
}

// choice are the words that rules let a value be one of.
func choice(rules string) []string {
	for rule := range strings.SplitSeq(rules, ",") {
		if words, ok := strings.CutPrefix(rule, "oneof="); ok {
			return strings.Fields(words)
		}
	}
	return nil
}

// written is a document as it is kept.
func written(document object) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(document)
	return text.Bytes(), err
}

// Editors is the first line of s.yaml, by which editors find the schema.
const Editors = "# yaml-language-server: $schema=" + VariablesPath

// inOrder are the keys of an object, in order.
func inOrder(o object) []string {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
