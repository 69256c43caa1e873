package main

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"imagekeeper/scripts/check/codes"
	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/check/finding"
	"imagekeeper/scripts/check/layering"
	"imagekeeper/scripts/check/prose"
	"imagekeeper/scripts/check/ruledocs"
	"imagekeeper/scripts/check/shape"
	"imagekeeper/scripts/check/source"
	"imagekeeper/scripts/policies/least"
	"imagekeeper/scripts/policies/ros"
)

// check is one way to look at the repository.
type check func(root fs.FS, tree *source.Tree) ([]finding.Finding, error)

// checks are all of them by name, for the module in a folder.
func checks(folder string) map[string]check {
	return map[string]check{
		"layering": func(_ fs.FS, tree *source.Tree) ([]finding.Finding, error) {
			return layering.Check(tree, layering.Rows()), nil
		},
		"shape": func(_ fs.FS, tree *source.Tree) ([]finding.Finding, error) {
			return shape.Check(tree, shape.Default()), nil
		},
		"descriptors": descriptor.Check,
		"openapi":     descriptor.API,
		"page":        descriptor.Page,
		"codes":       codes.Check,
		"prose":       func(root fs.FS, _ *source.Tree) ([]finding.Finding, error) { return prose.Check(root) },
		"rules":       func(root fs.FS, _ *source.Tree) ([]finding.Finding, error) { return ruledocs.Check(root) },
		"policies":    func(fs.FS, *source.Tree) ([]finding.Finding, error) { return least.Check(folder) },
		"roles":       func(fs.FS, *source.Tree) ([]finding.Finding, error) { return ros.Check(folder) },
	}
}

// run carries out the checks with these names on the module in a folder, or all.
func run(folder string, root fs.FS, names []string) ([]finding.Finding, error) {
	all := checks(folder)
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(all))
	}
	tree, err := source.Read(root)
	if err != nil {
		return nil, err
	}
	var found []finding.Finding
	for _, name := range names {
		look, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("no check is called %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		some, err := look(root, tree)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, some...)
	}
	return found, nil
}
