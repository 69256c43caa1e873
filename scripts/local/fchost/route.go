package fchost

import (
	"cmp"
	"slices"
	"strings"

	"imagekeeper/scripts/local/fchost/syaml"
)

// route leads requests to a function.
type route struct {
	path     string // without the * of a prefix
	prefix   bool
	methods  []string // empty: all
	function *function
}

// routesOf returns the routes to the functions that run, the one to try first
// at the beginning: exact before prefix, longer before shorter.
func routesOf(project *syaml.Project, functions []*function) []route {
	var out []route
	for _, r := range project.Routes {
		for _, f := range functions {
			if f.spec.Name == r.Function {
				path, prefix := strings.CutSuffix(r.Path, "*")
				out = append(out, route{path: path, prefix: prefix, methods: r.Methods, function: f})
			}
		}
	}
	slices.SortFunc(out, func(a, b route) int {
		if a.prefix != b.prefix {
			if b.prefix {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(len(b.path), len(a.path)), cmp.Compare(a.path, b.path))
	})
	return out
}

// match finds the route for a path.
func match(routes []route, path string) (route, bool) {
	for _, r := range routes {
		if r.path == path && !r.prefix || r.prefix && strings.HasPrefix(path, r.path) {
			return r, true
		}
	}
	return route{}, false
}

// String is the route as s.yaml writes it.
func (r route) String() string {
	if r.prefix {
		return r.path + "*"
	}
	return r.path
}
