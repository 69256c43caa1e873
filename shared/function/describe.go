package function

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"imagekeeper/shared/strictjson"
)

// object is a JSON object of a document that is printed with its keys in order.
type object = map[string]any

// bearerScheme is the name of the only way to call over HTTP.
const bearerScheme = "bearer"

// Describe returns the operations as an OpenAPI 3.1 document: paths with their
// parameters, schemas and every status they answer, the bearer token that all
// of them need, the roles as x-role and x-apply-role. The name and the input of
// the direct call are x-operation and x-input. Operations without a route are
// in x-operations, what runs on timers and events in x-triggers.
//
// x-type names the Go type that a schema was made of, so that whoever has the
// source can add what is written there; x-columns are the tables of a csv
// answer, x-line is the schema of each line of an ndjson one.
func (f *Function) Describe() map[string]any {
	s := newSchemas(f.name, f.rules)
	paths, direct := object{}, []any{}
	for _, name := range sortedKeys(f.operations) {
		op := f.operations[name]
		if op.spec.Pattern == "" {
			direct = append(direct, s.direct(op))
			continue
		}
		method, path := routeOf(op.spec.Pattern)
		at, _ := paths[path].(object)
		if at == nil {
			at = object{}
			paths[path] = at
		}
		at[strings.ToLower(method)] = s.operation(op, method)
		if method == http.MethodGet {
			at["head"] = s.head(op)
		}
	}
	document := object{
		"openapi":  "3.1.0",
		"info":     object{"title": "Imagekeeper: " + f.name, "version": Version},
		"tags":     []any{object{"name": f.name}},
		"paths":    paths,
		"security": []any{object{bearerScheme: []any{}}},
	}
	if len(direct) > 0 {
		document["x-operations"] = direct
	}
	if len(f.triggers) > 0 {
		document["x-triggers"] = f.describeTriggers(s)
	}
	document["components"] = object{
		"headers":   sealing(),
		"responses": s.refusals(),
		"schemas":   s.components,
		"securitySchemes": object{bearerScheme: object{
			"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
			"description": "A token of an issuer that the deployment trusts; one of its claims has the roles of the caller",
		}},
	}
	return document
}

func (f *Function) describeTriggers(s *schemas) []any {
	all := make([]trigger, 0, len(f.triggers))
	for on := range f.triggers {
		all = append(all, on)
	}
	slices.SortFunc(all, func(a, b trigger) int {
		return strings.Compare(string(a.source)+" "+a.name, string(b.source)+" "+b.name)
	})
	list := make([]any, len(all))
	for i, on := range all {
		list[i] = object{"type": string(on.source), "name": on.name, "output": s.of(f.triggers[on].out, answers)}
	}
	return list
}

// routeOf splits a pattern of the mux into method and OpenAPI path.
func routeOf(pattern string) (method, path string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	path = strings.TrimSpace(path)
	return method, strings.NewReplacer("...}", "}", "{$}", "").Replace(path)
}

// described is what is the same for every operation.
func (s *schemas) described(op *Operation) object {
	o := object{"x-operation": op.spec.Name, "x-role": string(op.spec.role()), "tags": []any{s.function}}
	if op.spec.ApplyRole != "" {
		o["x-apply-role"] = string(op.spec.ApplyRole)
	}
	if op.spec.Summary != "" {
		o["summary"] = op.spec.Summary
	}
	if op.spec.Public {
		o["security"] = []any{}
	}
	return o
}

func (s *schemas) direct(op *Operation) object {
	o := s.described(op)
	delete(o, "tags")
	o["input"], o["output"] = s.of(op.in, inputs), s.of(op.out, answers)
	return o
}

// introduced says in a sentence who may call it and how else it is reached.
func (op *Operation) introduced() string {
	var said strings.Builder
	switch {
	case op.spec.Public:
		said.WriteString("Anyone may ask.")
	default:
		fmt.Fprintf(&said, "For the role %s.", op.spec.role())
	}
	if op.spec.ApplyRole != "" {
		fmt.Fprintf(&said, " Without apply it plans and changes nothing; to apply a plan takes the role %s.", op.spec.ApplyRole)
	}
	fmt.Fprintf(&said, " Called directly it is %s.", op.spec.Name)
	return said.String()
}

func (s *schemas) operation(op *Operation, method string) object {
	o := s.described(op)
	o["operationId"], o["description"] = op.spec.Name, op.introduced()
	o["x-input"] = s.of(op.in, inputs)
	o["responses"] = s.responses(op)
	names := wildcards(op.spec.Pattern)
	if parameters := s.parameters(op, names); len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if takesBody(method) {
		body := s.body(op.in, names)
		o["requestBody"] = object{
			"required": s.structured(body)["required"] != nil, "content": object{typeJSON: object{"schema": body}},
			"description": "At most 256 KiB, nested at most 32 deep. A field may be given once: here or, where it is a parameter too, in the query",
		}
	}
	return o
}

// head is the operation for HEAD, which answers like GET, without a body.
func (s *schemas) head(op *Operation) object {
	o := s.described(op)
	o["operationId"], o["description"] = op.spec.Name+".head", op.introduced()
	o["summary"] = "The status and the headers that GET would answer"
	if parameters := s.parameters(op, wildcards(op.spec.Pattern)); len(parameters) > 0 {
		o["parameters"] = parameters
	}
	responses := object{}
	for status, response := range s.responses(op) {
		response := response.(object)
		if ref, ok := response["$ref"].(string); ok {
			response = s.refusals()[strings.TrimPrefix(ref, responsesAt)].(object)
		}
		responses[status] = object{"description": response["description"], "headers": response["headers"]}
	}
	o["responses"] = responses
	return o
}

// content is what the operation may answer with, by media type.
func (s *schemas) content(op *Operation) object {
	if plain, ok := reflect.Zero(op.out).Interface().(withContent); ok {
		c := object{}
		for _, kind := range plain.MediaTypes() {
			schema := object{"type": "string"}
			if kind == typeJSON {
				schema = object{"type": "object"}
			}
			c[kind] = object{"schema": schema}
		}
		return c
	}
	c := object{typeJSON: object{"schema": s.whole(op.out, success)}}
	if tableIn(op.in) == nil {
		return c
	}
	out := reflect.Zero(op.out).Interface()
	if table, ok := out.(withRows); ok {
		c["text/csv"] = object{"schema": object{"type": "string"}, "x-columns": columns(table)}
	}
	if _, ok := out.(withLines); ok {
		c[typeNDJSON] = object{"schema": object{"type": "string"}}
		if typed, ok := out.(withLineTypes); ok {
			c[typeNDJSON] = object{
				"schema": object{"type": "string", "description": "One JSON document a line, each as x-line says"},
				"x-line": object{"anyOf": s.each(typed.LineTypes())},
			}
		}
	}
	return c
}

func columns(table withRows) [][]string {
	if several, ok := table.(withColumns); ok {
		return several.Columns()
	}
	header, _ := table.Rows()
	return [][]string{header}
}

// each are the schemas of the types of some values.
func (s *schemas) each(values []any) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = s.of(reflect.TypeOf(v), answers)
	}
	return list
}

// parameters describes path wildcards first, then the query.
func (s *schemas) parameters(op *Operation, wildcards []string) []any {
	var path, query []any
	for _, f := range strictjson.Fields(op.in) {
		rules := rulesOf(f.Go.Tag.Get("validate"))
		prefix := f.Go.Tag.Get("query")
		switch {
		case prefix != "" && prefix != "-" && isTextMap(f.Type):
			query = append(query, s.listed(f, prefix), s.prefixed(f, prefix))
		case slices.Contains(wildcards, f.Name):
			one := s.parameter(f, "path")
			one["required"] = true
			path = append(path, one)
		case parameter(f, inQuery):
			one := s.parameter(f, "query")
			if rules.required {
				one["required"] = !takesBody(methodOf(op))
			}
			if s.isList(f) {
				one["style"], one["explode"] = "form", false
			}
			query = append(query, one)
		}
	}
	return append(path, query...)
}

func (s *schemas) parameter(f strictjson.Field, in string) object {
	schema := s.member(f, inputs)
	if either, several := schema["oneOf"].([]any); several {
		delete(schema, "oneOf") // a parameter is a text: JSON alone tells "1" from 1
		for _, one := range either {
			if one := one.(object); one["type"] == "string" {
				maps.Copy(schema, one)
			}
		}
	}
	one := object{"name": f.Name, "in": in, "schema": schema}
	if doc := schema["description"]; doc != nil {
		one["description"] = doc
		delete(schema, "description")
	}
	return one
}

// listed is a map of texts as one parameter, key=value,key=value.
func (s *schemas) listed(f strictjson.Field, prefix string) object {
	one := s.parameter(f, "query")
	schema := one["schema"].(object)
	list := object{"type": "array", "items": object{"type": "string", "pattern": "^[^=,]+(=[^,]*)?$"}, "minItems": 1}
	if most := schema["maxProperties"]; most != nil {
		list["maxItems"] = most
	}
	one["schema"], one["style"], one["explode"] = list, "form", false
	one["description"] = strings.TrimSpace(text(one["description"]) + " (<key>=<value>,…; a value with a comma: " + prefix + "<key>)")
	return one
}

// prefixed is a map of texts as parameters, <prefix><key>=<value>: an object
// whose members are parameters of their own.
func (s *schemas) prefixed(f strictjson.Field, prefix string) object {
	one := s.parameter(f, "query")
	schema := one["schema"].(object)
	delete(schema, "propertyNames")
	delete(schema, "minProperties") // that none is given is no empty object
	schema["patternProperties"] = object{"^" + strings.ReplaceAll(prefix, ".", `\.`) + ".+$": schema["additionalProperties"]}
	schema["additionalProperties"] = false
	one["name"] = prefix + "key" // nobody sends it: the names of its members are those of the parameters
	one["style"], one["explode"] = "form", true
	one["description"] = strings.TrimSpace(text(one["description"]) + " (" + prefix + "<key>=<value>)")
	return one
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func methodOf(op *Operation) string {
	method, _ := routeOf(op.spec.Pattern)
	return method
}
