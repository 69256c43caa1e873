//go:build unix

package readme_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/check/readme"
	"imagekeeper/scripts/drawn"
)

func TestBlocksToWalk(t *testing.T) {
	t.Parallel()
	got := readme.Walks("a\n```sh\ncurl x\n```\n```sh walk\nx=1\necho $x\n```\n```sh walk\ny\n```\n")
	if len(got) != 2 || got[0] != (readme.Walk{Line: 6, Script: "x=1\necho $x\n"}) || got[1].Script != "y\n" {
		t.Errorf("%+v", got)
	}
}

// TestWalks types what the documents have people type one after the other, as a shell
// does, in front of make up; every step has to succeed.
func TestWalks(t *testing.T) {
	t.Parallel()
	if testing.Short() || !drawn.All() {
		t.Skip("SKIPPED: the walks of the READMEs wait for long work; TRIALS=full takes them")
	}
	for _, program := range []string{"bash", "curl", "jq", "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: the walks of the READMEs were NOT tried: %v", err)
		}
	}
	stack := up(t)
	documents, err := filepath.Glob(top + "/functions/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	walked := 0
	// The play-books come last: they end with an uninstallation.
	for _, document := range append(documents, top+"/README.md", top+"/functions/README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, walk := range readme.Walks(string(text)) {
			walked++
			name := fmt.Sprintf("%s:%d", filepath.Base(filepath.Dir(document)), walk.Line)
			t.Run(name, func(t *testing.T) { stack.walk(t, strings.TrimPrefix(document, top+"/"), walk) }) //nolint:paralleltest // one after the other
		}
	}
	if walked == 0 {
		t.Error("there is nothing to walk")
	}
	stack.interrupt(t)
}

// walk runs one block in the folder of the project, with the files that it makes in
// a folder of the test.
func (s *stack) walk(t *testing.T, document string, walk readme.Walk) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	_, port, err := net.SplitHostPort(s.cloud)
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("127.0.0.1:8080", s.gateway, "127.0.0.1:7070", s.cloud, "127.0.0.1:7071", s.objects, ".local/journal/7070", ".local/journal/"+port)
	shell := exec.CommandContext(ctx, "bash", "-e", "-u", "-o", "pipefail", "-c", here.Replace(walk.Script))
	shell.Dir = top
	shell.Env = append(withoutMake(os.Environ()), "TMPDIR="+t.TempDir())
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	begun := time.Now()
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("%s:%d: %v\n%s", document, walk.Line, err, said)
	}
	t.Logf("%s:%d took %v:\n%s", document, walk.Line, time.Since(begun).Round(time.Second), said)
}
