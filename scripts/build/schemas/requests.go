package schemas

import (
	"encoding/json"
	"fmt"
	"strings"
)

// RequestsPath is where the schema of the requests is kept.
const RequestsPath = "functions/requests.schema.json"

// The places of the OpenAPI document where schemas are.
const (
	components = "#/components/schemas/"
	internal   = "#/x-schemas/"
)

// Requests is the schema of what functions are asked, from the OpenAPI document: of a
// direct call, {"operation", "input"}; and by the name of each operation, in $defs,
// of its input, which is also its body over HTTP.
func Requests(openapi []byte) ([]byte, error) {
	var document struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas object }
		Internal   object `json:"x-schemas"`
	}
	if err := json.Unmarshal(openapi, &document); err != nil {
		return nil, err
	}
	m := maker{from: map[string]object{components: document.Components.Schemas, internal: document.Internal}, into: object{}}
	inputs, about := object{}, object{}
	for _, methods := range document.Paths {
		for _, raw := range methods {
			var operation struct {
				Name    string `json:"x-operation"`
				Input   object `json:"x-input"`
				Summary string
			}
			if json.Unmarshal(raw, &operation) != nil || operation.Input == nil {
				continue // what a path has beside operations, and HEAD
			}
			inputs[operation.Name], about[operation.Name] = m.moved(operation.Input), operation.Summary
		}
	}
	if m.err != nil {
		return nil, m.err
	}
	var cases []any
	for _, name := range inOrder(inputs) {
		m.into[name] = object{"$ref": inputs[name].(object)["$ref"], "description": about[name]}
		cases = append(cases, object{
			"if":   object{"properties": object{"operation": object{"const": name}}, "required": []string{"operation"}},
			"then": object{"properties": object{"input": object{"$ref": "#/$defs/" + name}}},
		})
	}
	return written(object{
		"$schema": dialect, "title": "A direct call of a function of Imagekeeper", "type": "object", "additionalProperties": false, "required": []string{"operation"},
		"properties": object{"operation": object{"enum": inOrder(inputs), "description": "What is asked for."}, "input": object{"type": "object", "description": "What the operation takes."}},
		"allOf":      cases, "$defs": m.into,
	})
}

// maker moves schemas with all that they refer to.
type maker struct {
	from map[string]object
	into object
	err  error
}

// moved is a schema whose references lead into $defs.
func (m *maker) moved(schema object) object {
	moved, _ := m.value(schema).(object)
	return moved
}

func (m *maker) value(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for key, member := range v {
			if text, ok := member.(string); ok && key == "$ref" {
				out[key] = m.reference(text)
				continue
			}
			out[key] = m.value(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for n := range v {
			out[n] = m.value(v[n])
		}
		return out
	}
	return v
}

// reference takes over what a reference leads to, once.
func (m *maker) reference(to string) string {
	for prefix, schemas := range m.from {
		name, ok := strings.CutPrefix(to, prefix)
		if !ok {
			continue
		}
		if _, there := m.into[name]; !there {
			schema, ok := schemas[name].(object)
			if !ok {
				m.err = fmt.Errorf("%s leads nowhere", to)
				return to
			}
			m.into[name] = true // so that what refers to itself ends
			m.into[name] = m.moved(schema)
		}
		return "#/$defs/" + name
	}
	m.err = fmt.Errorf("%s leads out of the schemas", to)
	return to
}
