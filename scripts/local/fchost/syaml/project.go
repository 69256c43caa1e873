package syaml

import (
	"regexp"
	"strings"
)

// Parse reads src, which came from the file called name. read returns the
// content of files that src refers to. It fails as Load does.
func Parse(name string, src []byte, env Lookup, read func(name string) ([]byte, error)) (*Project, error) {
	r := &report{file: name}
	if len(src) > maxBytes {
		r.add(1, 1, "larger than %d bytes", maxBytes)
		return nil, r.err()
	}
	root := parseTree(src, r)
	if err := r.err(); err != nil {
		return nil, err
	}
	if root == nil || root.kind != mapping {
		r.add(1, 1, "not a mapping")
		return nil, r.err()
	}
	p := parser{d: &decoder{report: r, templates: root.fields["template"]}, res: &resolver{
		report: r, env: env, read: read, vars: root.fields["vars"], resources: map[string]*node{},
	}}
	project := p.project(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return project, nil
}

type parser struct {
	d   *decoder
	res *resolver
}

func (p *parser) project(root *node) *Project {
	top := p.d.object(root, "s.yaml")
	out := &Project{}
	if at := top.get("edition", required); at != nil && at.text != "3.0.0" {
		p.d.add(at, "edition must be 3.0.0, not %s", at.what())
	}
	if name := p.res.resolve(top.get("name", required), nil, 0); name != nil {
		out.Name = name.text
	}
	top.get("access", required)
	// actions and flow tell Serverless Devs what to run around a deployment.
	top.ignore("vars", "template", "actions", "flow")
	resources := top.child("resources", required)
	top.rest()
	if resources == nil || resources.n.kind != mapping {
		return out
	}
	for _, key := range resources.n.keys {
		p.res.resources[key] = p.d.extended(resources.n.fields[key])
	}
	for _, key := range resources.n.keys {
		p.resource(out, key)
	}
	p.crossCheck(out)
	return out
}

func (p *parser) resource(out *Project, key string) {
	raw := p.res.resources[key]
	resolved := p.res.resolve(raw, raw, 0)
	if resolved == nil {
		return
	}
	o := p.d.object(resolved, "resource "+key)
	component, _, _ := strings.Cut(o.text("component", required), "@")
	o.ignore("actions", "access", "extend")
	props := o.child("props", required)
	o.rest()
	if props == nil {
		return
	}
	switch component {
	case "fc3":
		out.Functions = append(out.Functions, p.function(key, props))
	case "fc3-domain":
		out.Routes = append(out.Routes, p.domain(props)...)
	default:
		p.d.add(resolved.at(o.n), "resource %s: component %q is not supported by a local run; fc3 and fc3-domain are", key, component)
	}
}

// crossCheck verifies what needs more than one resource.
func (p *parser) crossCheck(out *Project) {
	byName := map[string]Function{}
	for _, f := range out.Functions {
		if _, there := byName[f.Name]; there {
			p.at(f.Position, "there are two functions %q", f.Name)
		}
		byName[f.Name] = f
	}
	paths := map[string]bool{}
	for _, route := range out.Routes {
		f, known := byName[route.Function]
		switch {
		case !known:
			p.at(route.Position, "route %s: there is no function %q", route.Path, route.Function)
		case !hasHTTP(f):
			p.at(route.Position, "route %s: function %q has no http trigger", route.Path, route.Function)
		case paths[route.Path]:
			p.at(route.Position, "route %s stands here twice", route.Path)
		}
		paths[route.Path] = true
	}
}

func (p *parser) at(where Position, format string, args ...any) {
	p.d.report.add(where.Line, where.Column, format, args...)
}

func hasHTTP(f Function) bool {
	for _, t := range f.Triggers {
		if t.HTTP != nil {
			return true
		}
	}
	return false
}

// domain reads the props of an fc3-domain resource.
func (p *parser) domain(props *object) []Route {
	props.text("region", required)
	props.text("domainName", required)
	props.oneOf("protocol", optional, "HTTP", "HTTPS", "HTTP,HTTPS")
	props.ignore("certConfig", "tlsConfig", "wafConfig")
	config := props.child("routeConfig", required)
	if auth := props.child("authConfig", optional); auth != nil {
		auth.oneOf("authType", required, "anonymous")
		auth.rest()
	}
	props.rest()
	if config == nil {
		return nil
	}
	var routes []Route
	for _, item := range config.items("routes", required) {
		routes = append(routes, p.route(item))
	}
	config.rest()
	return routes
}

func (p *parser) route(item *node) Route {
	o := p.d.object(item, "route")
	route := Route{
		Path:     o.text("path", required),
		Function: o.text("functionName", required),
		Methods:  p.methods(o, optional),
		Position: o.position(),
	}
	if o.get("qualifier", optional) != nil {
		o.oneOf("qualifier", optional, "LATEST")
	}
	o.rest()
	star := strings.Index(route.Path, "*")
	if at := item.fields["path"]; at != nil {
		switch {
		case !strings.HasPrefix(route.Path, "/"):
			p.d.add(at, "route: path %q must begin with /", route.Path)
		case star >= 0 && star != len(route.Path)-1, strings.ContainsAny(route.Path, "{}?#[]:"):
			p.d.add(at, "route: path %q must be exact or a prefix that ends in *; other patterns do not exist", route.Path)
		}
	}
	return route
}

// namePattern is how functions and triggers may be called.
func namePattern(max string) *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,` + max + `}$`)
}
