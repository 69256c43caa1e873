package main

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/retention"
)

var update = flag.Bool("update", false, "write the table of reasons into README.md") //nolint:gochecknoglobals // a flag

const tableHead = "| code | what it means |\n|---|---|\n"

// What every reason means stands in the README: all of them, and none that there is not.
func TestReasonsAreToldInTheREADME(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), tableHead)
	if !found {
		t.Fatal("README.md has no table of reasons")
	}
	end := 0
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		end += len(line)
	}
	told := retention.Meanings()
	var table strings.Builder
	for _, code := range slices.Sorted(maps.Keys(told)) {
		table.WriteString("| `" + code + "` | " + told[code] + " |\n")
	}
	if table.String() == after[:end] {
		return
	}
	if !*update {
		t.Fatal("the table of reasons in README.md is not that of the code: go test ./functions/cleanup -run Reasons -update")
	}
	if err := os.WriteFile("README.md", []byte(before+tableHead+table.String()+after[end:]), 0o600); err != nil {
		t.Fatal(err)
	}
}
