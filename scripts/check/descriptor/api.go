package descriptor

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/source"
)

// operation is one operation of the OpenAPI document.
type operation struct{ method, path, folder string }

// pattern is the operation as net/http's mux would write it.
func (o operation) pattern() string { return o.method + " " + o.path }

// API compares the OpenAPI document with the descriptors and with the code:
// every route leads to an operation of it, every operation has a route in each
// descriptor, and both are those that the code answers.
func API(root fs.FS, tree *source.Tree) ([]finding.Finding, error) {
	operations, err := documented(root)
	if err != nil {
		return nil, err
	}
	found := written(tree, operations)
	for _, read := range []func(fs.FS) (*deployment, error){serverlessDevs, sam} {
		d, err := read(root)
		if err != nil {
			return nil, err
		}
		found = append(found, d.undocumented(operations)...)
		found = append(found, d.unrouted(operations)...)
	}
	return finding.Sort(found), nil
}

// documented are the operations of the document in order. Operations for HEAD
// are left out: wherever there is one for GET, HEAD is answered, too.
func documented(root fs.FS) ([]operation, error) {
	text, err := fs.ReadFile(root, openapi.Path)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document (%s writes it): %w", openapi.Refresh, err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Tags []string `json:"tags"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	var operations []operation
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(document.Paths[path])) {
			if o := document.Paths[path][method]; method != "head" {
				operations = append(operations, operation{strings.ToUpper(method), path, strings.Join(o.Tags, " ")})
			}
		}
	}
	return operations, nil
}

// written says where the document and the patterns in the code differ.
func written(tree *source.Tree, operations []operation) []finding.Finding {
	var found []finding.Finding
	in := map[string]bool{}
	for _, f := range Written(tree) {
		for _, pattern := range f.Patterns {
			in[pattern+" "+f.Name] = true
			if !slices.ContainsFunc(operations, func(o operation) bool { return o.folder == f.Name && o.pattern() == pattern }) {
				found = append(found, finding.At(openapi.Path, 0, "function %s answers %s, which is not in the document; %s writes it", f.Name, pattern, openapi.Refresh))
			}
		}
	}
	for _, o := range operations {
		if !in[o.pattern()+" "+o.folder] {
			found = append(found, finding.At(openapi.Path, 0, "no code of function %s answers %s; %s writes the document", o.folder, o.pattern(), openapi.Refresh))
		}
	}
	return found
}

// undocumented are routes that no operation of the document answers.
func (d *deployment) undocumented(operations []operation) []finding.Finding {
	var found []finding.Finding
	for _, r := range d.routes {
		answers := func(o operation) bool {
			return o.folder == r.folder && r.leads(o.path) && (o.method == r.method || r.method == "HEAD" && o.method == "GET")
		}
		if !slices.ContainsFunc(operations, answers) {
			found = append(found, finding.At(d.doc.path, r.line, "route %s %s leads to function %s, and no operation of %s answers it", r.method, r.path, r.folder, openapi.Path))
		}
	}
	return found
}

// unrouted are operations of the document that no route leads to.
func (d *deployment) unrouted(operations []operation) []finding.Finding {
	var found []finding.Finding
	for _, o := range operations {
		leads := func(r route) bool { return r.folder == o.folder && r.method == o.method && r.leads(o.path) }
		if !slices.ContainsFunc(d.routes, leads) {
			found = append(found, finding.At(d.doc.path, 0, "no route leads to %s of function %s, which %s has", o.pattern(), o.folder, openapi.Path))
		}
	}
	return found
}
