package bootstrap_test

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
)

const top = "../../.."

// Fourteen megabytes are what a cold start is worth where somebody waits: more
// means that one line of code made the linker keep every operation of a vendor's
// SDK. Functions whose work goes on in the background may have a little more.
const (
	largest        = 14_000_000
	largestWorking = 16_500_000
)

// most is the size that a function may have.
func most(name string) int64 {
	if slices.Contains([]string{"import", "replace-disk", "cleanup"}, name) {
		return largestWorking
	}
	return largest
}

func TestEveryFunctionIsSmallStaticAndForTheCloud(t *testing.T) {
	t.Parallel()
	names, err := bootstrap.Functions(top)
	if err != nil || len(names) == 0 {
		t.Fatalf("functions %v: %v", names, err)
	}
	for _, name := range names {
		binary, err := linked.Build(t.Context(), bootstrap.Order{
			Root: top, Package: "./functions/" + name, To: filepath.Join(t.TempDir(), name), OS: "linux", Architecture: "amd64",
		})
		if err != nil {
			t.Fatal(err)
		}
		about, err := os.Stat(binary)
		if err != nil || about.Size() > most(name) {
			t.Errorf("%s has %d bytes, at most %d: %v", name, about.Size(), most(name), err)
		}
		image, err := elf.Open(binary)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = image.Close() }()
		if image.Machine != elf.EM_X86_64 || image.Section(".interp") != nil || image.Section(".symtab") != nil {
			t.Errorf("%s: machine %v, needs a loader %t, has symbols %t", name, image.Machine, image.Section(".interp") != nil, image.Section(".symtab") != nil)
		}
	}
}

func TestBuildSaysWhatTheCompilerSaid(t *testing.T) {
	t.Parallel()
	_, err := bootstrap.Build(t.Context(), bootstrap.Order{Root: top, Package: "./functions/none", To: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "functions/none") {
		t.Errorf("a package that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bootstrap.Build(ctx, bootstrap.Order{Root: top, Package: "./functions/find", To: t.TempDir()}); err == nil {
		t.Error("a build goes on although nobody waits")
	}
}

// TestEverythingIsCompiledAlike: the Makefile compiles by the flags of the
// functions, so that whoever runs them after the tests, or the other way round,
// does not wait for the same packages twice.
func TestEverythingIsCompiledAlike(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(top, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"FLAGS := " + strings.Join(bootstrap.Flags(), " "), "export CGO_ENABLED ?= 0", "export GOFLAGS := $(strip $(GOFLAGS) $(FLAGS))"} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the Makefile has no line %q", line)
		}
	}
}
