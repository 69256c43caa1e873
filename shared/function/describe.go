package function

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/function/strictjson"
)

// object is a JSON object of a document that is printed with its keys in order.
type object = map[string]any

// bearerScheme is the name of the only way to call over HTTP.
const bearerScheme = "bearer"

const refProblem = "#/components/responses/Problem"

// Describe returns the operations as an OpenAPI 3.1 document: paths with their
// parameters and schemas, the bearer token that all of them need, the roles as
// x-role and x-apply-role, the name of the direct call as x-operation. Operations without a route are in x-operations,
// what runs on timers and events in x-triggers.
func (f *Function) Describe() map[string]any {
	s := newSchemas(f.rules)
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
	}
	problems := s.of(typeOf[problem](), answers)
	document := object{
		"openapi": "3.1.0",
		"info":    object{"title": "Imagekeeper: " + f.name, "version": "1"},
		"paths":   paths,
		"components": object{
			"schemas": s.components,
			"responses": object{"Problem": object{"description": "What went wrong (RFC 9457)", "content": object{
				"application/problem+json": object{"schema": problems},
			}}},
			"securitySchemes": object{bearerScheme: object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
		},
		"security": []any{object{bearerScheme: []any{}}},
	}
	if len(direct) > 0 {
		document["x-operations"] = direct
	}
	if len(f.triggers) > 0 {
		document["x-triggers"] = f.describeTriggers()
	}
	return document
}

func (f *Function) describeTriggers() []any {
	var all []string
	for on := range f.triggers {
		all = append(all, string(on.source)+" "+on.name)
	}
	slices.Sort(all)
	list := make([]any, len(all))
	for i, one := range all {
		source, name, _ := strings.Cut(one, " ")
		list[i] = object{"type": source, "name": name}
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
func (op *Operation) described() object {
	o := object{"x-operation": op.spec.Name, "x-role": string(op.spec.role())}
	if op.spec.ApplyRole != "" {
		o["x-apply-role"] = string(op.spec.ApplyRole)
	}
	if op.spec.Summary != "" {
		o["summary"] = op.spec.Summary
	}
	return o
}

func (s *schemas) direct(op *Operation) object {
	o := op.described()
	o["input"], o["output"] = s.of(op.in, inputs), s.of(op.out, answers)
	return o
}

func (s *schemas) operation(op *Operation, method string) object {
	o := op.described()
	o["operationId"] = op.spec.Name
	o["responses"] = object{
		strconv.Itoa(http.StatusOK): object{"description": "Done", "content": s.content(op)},
		"default":                   object{"$ref": refProblem},
	}
	names := wildcards(op.spec.Pattern)
	if parameters := s.parameters(op, names); len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if takesBody(method) {
		o["requestBody"] = object{"content": object{typeJSON: object{"schema": s.body(op.in, names)}}}
	}
	return o
}

// content is what the operation may answer with, by media type.
func (s *schemas) content(op *Operation) object {
	c := object{typeJSON: object{"schema": s.of(op.out, answers)}}
	choosable := slices.ContainsFunc(strictjson.Fields(op.in), func(f strictjson.Field) bool { return f.Name == "format" })
	if choosable && op.out.Implements(typeOf[withRows]()) {
		c["text/csv"] = object{"schema": object{"type": "string"}}
	}
	if choosable && op.out.Implements(typeOf[withLines]()) {
		c[typeNDJSON] = object{"schema": object{"type": "string"}}
	}
	return c
}

// parameters describes path wildcards first, then the query.
func (s *schemas) parameters(op *Operation, wildcards []string) []any {
	var path, query []any
	for _, f := range strictjson.Fields(op.in) {
		rules := rulesOf(f.Go.Tag.Get("validate"))
		one := object{"name": f.Name, "in": "query"}
		if doc := f.Go.Tag.Get("doc"); doc != "" {
			one["description"] = doc
		}
		prefix := f.Go.Tag.Get("query")
		switch {
		case prefix != "" && prefix != "-" && isTextMap(f.Type):
			one["name"] = prefix + "<key>"
			one["schema"] = object{"type": "string"}
			one["description"] = "One value for each key; an empty value asks for the key alone"
			query = append(query, one)
		case slices.Contains(wildcards, f.Name):
			one["in"], one["required"] = "path", true
			one["schema"] = s.member(f, inputs)
			path = append(path, one)
		case parameter(f, inQuery):
			one["schema"] = s.member(f, inputs)
			if rules.required {
				one["required"] = !takesBody(methodOf(op))
			}
			if len(rules.each) > 0 || s.isList(f) {
				one["style"], one["explode"] = "form", false
			}
			query = append(query, one)
		}
	}
	return append(path, query...)
}

func methodOf(op *Operation) string {
	method, _ := routeOf(op.spec.Pattern)
	return method
}
