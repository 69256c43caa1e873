package linked_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
)

// write makes a program that says a word.
func write(t *testing.T, root, word string) {
	t.Helper()
	for name, text := range map[string]string{
		"go.mod":  "module said\n\ngo 1.26\n",
		"main.go": "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"" + word + "\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBuild: the same sources are linked once, others anew, and a file that somebody
// has stays as it was.
func TestBuild(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	build := func() string {
		t.Helper()
		binary, err := linked.Build(t.Context(), bootstrap.Order{Root: root, Package: ".", To: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return binary
	}
	stat := func() os.FileInfo {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(root, ".build", "linked", bootstrap.Name))
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		info, err := os.Stat(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	says := func(binary, word string) {
		t.Helper()
		if said, err := exec.CommandContext(t.Context(), binary).Output(); err != nil || string(said) != word {
			t.Errorf("it says %q, %v; want %q", said, err, word)
		}
	}
	write(t, root, "one")
	first, was := build(), stat()
	second := build()
	if !os.SameFile(was, stat()) || first == second {
		t.Errorf("linked again, or the same file: %s, %s", first, second)
	}
	write(t, root, "two")
	third := build()
	says(first, "one")
	says(second, "one")
	says(third, "two")
	write(t, root, "\n")
	if _, err := linked.Build(t.Context(), bootstrap.Order{Root: root, Package: ".", To: t.TempDir()}); err == nil {
		t.Error("what does not compile was built")
	}
}
