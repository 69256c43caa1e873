package main

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/rollout"
)

var update = flag.Bool("update", false, "write the table of refusals into README.md")

const tableHead = "| code | what cures it |\n|---|---|\n"

// TestRefusalsAreToldInTheREADME: each with what cures it, and none that there is not.
func TestRefusalsAreToldInTheREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), tableHead)
	if !found {
		t.Fatal("README.md has no table of refusals")
	}
	end := 0
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		end += len(line)
	}
	told := rollout.Refusals()
	var table strings.Builder
	for _, code := range slices.Sorted(maps.Keys(told)) {
		table.WriteString("| `" + code + "` | " + told[code] + " |\n")
	}
	if table.String() == after[:end] {
		return
	}
	if !*update {
		t.Fatal("the table of refusals in README.md is not that of the code: go test ./functions/replace-disk -run Refusals -update")
	}
	if err := os.WriteFile("README.md", []byte(before+tableHead+table.String()+after[end:]), 0o600); err != nil {
		t.Fatal(err)
	}
}
