// Package finding is what every check of the repository reports: a place and a
// sentence.
package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Finding is one thing that is wrong at one place of the tree.
type Finding struct {
	// Path is slash-separated and relative to the root of the module.
	Path string
	// Line counts from 1; 0 means the whole file or folder.
	Line int
	// Says tells what is wrong and what to do about it.
	Says string
}

// At is a finding at a line of a file.
func At(path string, line int, format string, args ...any) Finding {
	return Finding{Path: path, Line: line, Says: fmt.Sprintf(format, args...)}
}

// String is "path:line: says", which editors and terminals make clickable.
func (f Finding) String() string {
	if f.Line == 0 {
		return f.Path + ": " + f.Says
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Says)
}

// Sort returns the findings in reading order: by path, then line, then text.
// The argument is left as it was.
func Sort(found []Finding) []Finding {
	return slices.SortedFunc(slices.Values(found), func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Says, b.Says))
	})
}
