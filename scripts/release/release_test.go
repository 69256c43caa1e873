package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const top = "../.."

// TestWritten: the version stands in the source and as a heading of the CHANGELOG; and
// where one of them cannot be, neither is touched.
func TestWritten(t *testing.T) {
	t.Parallel()
	on := time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		wanted, log string
		right       bool
	}{
		"a later one":    {"1.3.0", "# Changes\n\n## Unreleased\n\n* one thing\n", true},
		"an earlier one": {"1.1.0", "# Changes\n\n## Unreleased\n\n* one thing\n", false},
		"nothing to say": {"1.3.0", "# Changes\n\n## Unreleased\n\n## 1.2.0 (2026-01-01)\n\n* old\n", false},
		"no heading":     {"1.3.0", "# Changes\n", false},
	} {
		root := t.TempDir()
		source := "package function\n\nconst Version = \"1.2.0\"\n"
		keep(t, root, versionFile, source)
		keep(t, root, changelog, c.log)
		err := write(root, source, c.wanted, on)
		now, log := kept(t, root, versionFile), kept(t, root, changelog)
		switch {
		case (err == nil) != c.right:
			t.Errorf("%s: %v", name, err)
		case !c.right && (now != source || log != c.log):
			t.Errorf("%s: %s\n%s", name, now, log)
		case c.right && (!strings.Contains(now, `const Version = "1.3.0"`) || !strings.Contains(log, "## Unreleased\n\n## 1.3.0 (2026-12-01)\n\n* one thing")):
			t.Errorf("%s: %s\n%s", name, now, log)
		}
	}
}

// TestUncommittedIsNotReleased: a release is of what others can get.
func TestUncommittedIsNotReleased(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "-q")
	keep(t, root, versionFile, "package function\n\nconst Version = \"1.2.0\"\n")
	if err := run(context.Background(), new(bytes.Buffer), root, "1.3.0"); err == nil || !strings.Contains(err.Error(), "commit first") {
		t.Errorf("got %v", err)
	}
}

// TestRelease makes a release in a clone, twice: the version is written, every function
// is packaged with its sum, and who builds the same version gets the same bytes. It
// builds every function three times, so it is skipped unless REQUIRE_RELEASE is set.
func TestRelease(t *testing.T) {
	t.Parallel()
	if os.Getenv("REQUIRE_RELEASE") == "" {
		t.Skip("SKIPPED: no release was made; REQUIRE_RELEASE=1 makes one in a clone, which takes minutes")
	}
	root := filepath.Join(t.TempDir(), "clone")
	git(t, top, "clone", "-q", "--no-hardlinks", ".", root)
	const version = "98.76.54"
	log := kept(t, root, changelog)
	if before, after, ok := strings.Cut(log, "## Unreleased\n"); ok { // there may be nothing to say right after a release
		keep(t, root, changelog, before+"## Unreleased\n\n* a release that is tried\n"+after)
		git(t, root, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qam", "something to say")
	}
	var said bytes.Buffer
	if err := run(t.Context(), &said, root, version); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	folder := filepath.Join(root, ".build", "release", version)
	first := kept(t, folder, sums)
	for line := range strings.Lines(first) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got := sha256.Sum256([]byte(kept(t, folder, name))); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s has another sum", name)
		}
	}
	for _, name := range []string{"find.zip", "price.zip", "share.zip", "import.zip", "replace-disk.zip", "cleanup.zip", "portal.zip", "s.yaml", "template.yml", "openapi.json"} {
		if !regexp.MustCompile(`(?m)^[0-9a-f]{64}  ` + regexp.QuoteMeta(name) + `$`).MatchString(first) {
			t.Errorf("no sum of %s in\n%s", name, first)
		}
	}
	if !strings.Contains(kept(t, root, versionFile), version) || !strings.Contains(kept(t, root, changelog), "## "+version+" (") || !strings.Contains(kept(t, folder, "openapi.json"), version) {
		t.Error("the version does not stand everywhere")
	}
	if !strings.Contains(said.String(), "git tag -a v"+version) {
		t.Errorf("nobody is told how to go on:\n%s", said.String())
	}
	git(t, root, "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qam", "version")
	again := filepath.Join(t.TempDir(), "again") // elsewhere, by somebody else
	git(t, root, "clone", "-q", "--no-hardlinks", ".", again)
	if err := run(t.Context(), new(bytes.Buffer), again, ""); err != nil {
		t.Fatal(err)
	}
	if second := kept(t, filepath.Join(again, ".build", "release", version), sums); second != first {
		t.Errorf("other bytes:\n%s\n%s", first, second)
	}
}

func keep(t *testing.T, root, name, text string) {
	t.Helper()
	at := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func kept(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func git(t *testing.T, folder string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = folder
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, said)
	}
}
