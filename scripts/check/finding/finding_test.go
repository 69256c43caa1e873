package finding_test

import (
	"fmt"

	"imagekeeper/scripts/check/finding"
)

func ExampleSort() {
	found := []finding.Finding{
		finding.At("b.go", 3, "%d lines, at most %d", 90, 80),
		finding.At("a.go", 10, "no comment"),
		finding.At("a.go", 2, "no comment"),
		finding.At("README.md", 0, "has no table"),
	}
	for _, f := range finding.Sort(found) {
		fmt.Println(f)
	}
	// Output:
	// README.md: has no table
	// a.go:2: no comment
	// a.go:10: no comment
	// b.go:3: 90 lines, at most 80
}
