package syaml

import "strings"

// extended returns the resource with its template merged under its props:
// mappings key by key, everything else replaced, as Serverless Devs does.
func (d *decoder) extended(resource *node) *node {
	if resource.kind != mapping || resource.fields["extend"] == nil {
		return resource
	}
	extend := d.object(resource.fields["extend"], "extend")
	name := extend.text("name", required)
	ignored := extend.texts("ignore")
	extend.rest()
	var template *node
	if d.templates != nil {
		template = d.templates.fields[name]
	}
	if template == nil || template.kind != mapping {
		d.add(resource.fields["extend"], "there is no template %q", name)
		return resource
	}
	for _, path := range ignored {
		template = without(template, strings.Split(path, "."))
	}
	out := &node{kind: mapping, fields: map[string]*node{}, line: resource.line, column: resource.column}
	for _, key := range resource.keys {
		out.set(key, resource.fields[key])
	}
	props := resource.fields["props"]
	if props == nil {
		props = &node{kind: mapping, fields: map[string]*node{}, line: resource.line, column: resource.column}
	}
	out.set("props", merge(template, props))
	return out
}

// merge lays over on top of under.
func merge(under, over *node) *node {
	if under.kind != mapping || over.kind != mapping {
		return over
	}
	out := &node{kind: mapping, fields: map[string]*node{}, line: over.line, column: over.column}
	for _, key := range under.keys {
		out.set(key, under.fields[key])
	}
	for _, key := range over.keys {
		if below := out.fields[key]; below != nil {
			out.set(key, merge(below, over.fields[key]))
			continue
		}
		out.set(key, over.fields[key])
	}
	return out
}

// without returns n less the value at path.
func without(n *node, path []string) *node {
	if n.kind != mapping || n.fields[path[0]] == nil {
		return n
	}
	out := &node{kind: mapping, fields: map[string]*node{}, line: n.line, column: n.column}
	for _, key := range n.keys {
		switch {
		case key != path[0]:
			out.set(key, n.fields[key])
		case len(path) > 1:
			out.set(key, without(n.fields[key], path[1:]))
		}
	}
	return out
}
