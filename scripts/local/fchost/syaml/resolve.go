package syaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// resolver replaces every ${…} by what it stands for. Serverless Devs takes
// the shortest text up to the first } for the expression; so does this.
type resolver struct {
	report    *report
	env       Lookup
	read      func(name string) ([]byte, error)
	vars      *node
	resources map[string]*node // after extend
	active    []string         // paths being resolved, to notice cycles
	spent     int              // values and kilobytes produced so far
}

// resolve returns n without expressions. this is the resource it stands in.
func (r *resolver) resolve(n, this *node, depth int) *node {
	if n == nil || !r.spend(n) {
		return nil
	}
	if depth > maxDepth {
		r.report.add(n.line, n.column, "expressions are nested deeper than %d", maxDepth)
		return nil
	}
	switch n.kind {
	case mapping:
		out := &node{kind: mapping, fields: map[string]*node{}, line: n.line, column: n.column}
		for _, key := range n.keys {
			if value := r.resolve(n.fields[key], this, depth+1); value != nil {
				out.set(key, value)
				continue
			}
			out.broken = append(out.broken, key)
		}
		return out
	case list:
		out := &node{kind: list, line: n.line, column: n.column}
		for _, item := range n.items {
			if value := r.resolve(item, this, depth+1); value != nil {
				out.items = append(out.items, value)
			}
		}
		return out
	}
	if n.tag != "!!str" || !strings.Contains(n.text, "${") {
		return n
	}
	return r.text(n, this, depth)
}

// spend counts what was produced, so that variables that multiply each other
// cannot fill the memory.
func (r *resolver) spend(n *node) bool {
	before := r.spent
	r.spent += 1 + len(n.text)/64
	if r.spent > maxNodes && before <= maxNodes {
		r.report.add(n.line, n.column, "the expressions of the file grow beyond %d values", maxNodes)
	}
	return r.spent <= maxNodes
}

// text resolves a scalar with at least one expression. A scalar that is one
// expression and nothing else keeps the type of its value.
func (r *resolver) text(n, this *node, depth int) *node {
	var out strings.Builder
	rest := n.text
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			return textNode(out.String(), n)
		}
		inner, tail, closed := strings.Cut(after, "}")
		if !closed {
			r.report.add(n.line, n.column, "${ without }")
			return nil
		}
		value := r.evaluate(inner, n, this, depth)
		if value == nil {
			return nil
		}
		if n.text == "${"+inner+"}" {
			return value.at(n)
		}
		if value.kind != scalar {
			r.report.add(n.line, n.column, "${%s} is %s and cannot be a part of a string", inner, value.what())
			return nil
		}
		if out.WriteString(value.text); out.Len() > maxBytes {
			r.report.add(n.line, n.column, "the string grows beyond %d bytes", maxBytes)
			return nil
		}
		rest = tail
	}
}

func (r *resolver) evaluate(text string, n, this *node, depth int) *node {
	e, err := parseExpression(text)
	if err != nil {
		r.report.add(n.line, n.column, "${%s}: %v", text, err)
		return nil
	}
	value, why := r.value(e, n, this, depth)
	if why != "" {
		r.report.add(n.line, n.column, "${%s}: %s", text, why)
		return nil
	}
	return value
}

// value evaluates e; the second result says why it cannot.
func (r *resolver) value(e expression, n, this *node, depth int) (*node, string) {
	switch {
	case e.text != nil:
		return textNode(*e.text, n), ""
	case e.call == "env":
		return r.variable(e, n)
	case e.call == "file":
		text, why := r.file(e)
		return textNode(string(text), n), why
	case e.call == "json" && len(e.args) == 1 && e.args[0].call == "file":
		return r.jsonFile(e.args[0], n)
	case e.call == "json" && len(e.args) == 1 && e.args[0].call == "env":
		return r.jsonVariable(e.args[0], n)
	case e.call != "":
		return nil, e.call + "() is not supported by a local run"
	}
	return r.path(e.path, n, this, depth)
}

// variable is env('X') and env('X', 'default'). Serverless Devs takes an
// empty variable for a missing one.
func (r *resolver) variable(e expression, n *node) (*node, string) {
	if len(e.args) < 1 || len(e.args) > 2 || e.args[0].text == nil {
		return nil, "env() takes the quoted name of a variable and perhaps a quoted default"
	}
	if value, ok := r.env(*e.args[0].text); ok && value != "" {
		return textNode(value, n), ""
	}
	if len(e.args) == 1 {
		return nil, "the variable is not set, and there is no default"
	}
	if e.args[1].text == nil {
		return nil, "the default of env() must be quoted"
	}
	return textNode(*e.args[1].text, n), ""
}

func (r *resolver) file(e expression) ([]byte, string) {
	if len(e.args) != 1 || e.args[0].text == nil {
		return nil, "file() takes one quoted name"
	}
	content, err := r.read(*e.args[0].text)
	if err != nil {
		return nil, err.Error()
	}
	return content, ""
}

func (r *resolver) jsonFile(e expression, n *node) (*node, string) {
	content, why := r.file(e)
	if why != "" {
		return nil, why
	}
	return jsonTree(*e.args[0].text, content, n)
}

// jsonVariable is json(env('X')).
func (r *resolver) jsonVariable(e expression, n *node) (*node, string) {
	value, why := r.variable(e, n)
	if why != "" {
		return nil, why
	}
	return jsonTree(*e.args[0].text, []byte(value.text), n)
}

// jsonTree parses the JSON of a file or a variable.
func jsonTree(name string, content []byte, n *node) (*node, string) {
	inner := &report{file: name}
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil {
		return nil, err.Error()
	}
	value := parseTree(compact.Bytes(), inner)
	if err := inner.err(); err != nil {
		return nil, err.Error()
	}
	if value == nil {
		return nil, "it holds nothing"
	}
	return value.at(n), ""
}

// path looks up vars.…, this.… and resources.<name>.props.…, and resolves
// what it finds.
func (r *resolver) path(path []string, n, this *node, depth int) (*node, string) {
	from, rest, scope := r.vars, path[1:], this
	switch {
	case path[0] == "vars":
	case path[0] == "this" && this != nil && len(path) > 1:
		from = this
	case path[0] == "resources" && len(path) > 3 && path[2] == "props":
		if from = r.resources[path[1]]; from == nil {
			return nil, fmt.Sprintf("there is no resource %q", path[1])
		}
		scope, rest = from, path[2:]
	case path[0] == "resources":
		return nil, "of another resource only props are known before a deployment"
	default:
		return nil, "only vars, this, resources.<name>.props, env(), file() and json() of these two are supported by a local run"
	}
	name := strings.Join(path, ".")
	for _, key := range rest {
		if from == nil || from.kind != mapping {
			return nil, "there is no such value"
		}
		from = from.fields[key]
	}
	if from == nil {
		return nil, "there is no such value"
	}
	return r.once(name, from, n, scope, depth)
}

// once resolves what a path names, unless that is being resolved already.
func (r *resolver) once(name string, from, n, scope *node, depth int) (*node, string) {
	key := fmt.Sprintf("%s %p", name, scope)
	for _, other := range r.active {
		if other == key {
			return nil, "refers to itself"
		}
	}
	r.active = append(r.active, key)
	defer func() { r.active = r.active[:len(r.active)-1] }()
	value := r.resolve(from, scope, depth+1)
	if value == nil {
		return nil, "its value is not right"
	}
	return value.at(n), ""
}
