package functiontest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// Told holds the table of a function's README.md that begins with head to what the
// code tells of each code: all of them, and none that there is not. With update it
// writes the table.
func Told(t *testing.T, head string, told map[string]string, update bool) {
	t.Helper()
	const document = "README.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s has no table %q", document, head)
	}
	end := 0
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		end += len(line)
	}
	var table strings.Builder
	for _, code := range slices.Sorted(maps.Keys(told)) {
		table.WriteString("| `" + code + "` | " + told[code] + " |\n")
	}
	if table.String() == after[:end] {
		return
	}
	if !update {
		t.Fatalf("the table of %s is not that of the code: go test -run %s -update writes it", document, t.Name())
	}
	if err := os.WriteFile(document, []byte(before+head+table.String()+after[end:]), 0o600); err != nil {
		t.Fatal(err)
	}
}
