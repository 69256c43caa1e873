//go:build unix

package readme_test

import (
	"bufio"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/check/readme"
	"imagekeeper/scripts/local/apicheck"
)

// update writes the answers that come into the README:
//
//	go test ./scripts/check/readme -run Commands -update
var update = flag.Bool("update", false, "write the answers into the documents")

// top is the folder that a newcomer types in.
const top = "../../.."

// TestCommands does what a newcomer does: make up, wait for ready, type every
// curl line of the README, of those of find and share, and of make up's own invitation, and
// stop it all with Ctrl-C. The ports are free ones, so that it can run beside a running stack.
func TestCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts the whole stack")
	}
	stack := up(t)
	if printed := stack.typed(t, "README.md"); printed < 3 {
		t.Errorf("the README prints %d answers; a reader wants to see at least three", printed)
	}
	stack.typed(t, "functions/find/README.md")
	stack.typed(t, "functions/share/README.md")
	invited, err := readme.Examples("```\n"+stack.invitation+"```", os.DirFS(top))
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range invited {
		if status, got := stack.ask(t, example); status != http.StatusOK {
			t.Errorf("make up invites to %s: status %d: %s", example.Command, status, got)
		}
	}
	if len(invited) < 3 {
		t.Errorf("make up invites to %d lines only", len(invited))
	}
	stack.interrupt(t)
}

// typed types the lines of a document and compares what comes with what is
// printed. It returns how many answers are printed.
func (s *stack) typed(t *testing.T, document string) (printed int) {
	t.Helper()
	text, err := os.ReadFile(top + "/" + document)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := readme.Examples(string(text), os.DirFS(top))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	updated := string(text)
	for _, example := range examples {
		status, got := s.ask(t, example)
		if example.Answer == "" {
			if status != http.StatusOK {
				t.Errorf("%s:%d: %s: status %d: %s", document, example.Line, example.Command, status, got)
			}
			continue
		}
		printed++
		if err := readme.Same(example.Answer, got); err != nil {
			t.Errorf("%s:%d: %s: %v", document, example.Line, example.Command, err)
		}
		updated = strings.Replace(updated, example.Command+"\n"+example.Answer, example.Command+"\n"+readme.Printed(got), 1)
	}
	if *update {
		if err := os.WriteFile(top+"/"+document, []byte(updated), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return printed
}

// stack is a running make up.
type stack struct {
	make    *exec.Cmd
	gateway string
	// cloud and objects are the addresses of the emulated ECS and OSS.
	cloud, objects string
	// checker holds what passes the gateway against the OpenAPI document.
	checker *apicheck.Checker
	// invitation is what it said after it was ready.
	invitation string
	over       chan struct{}
}

// up runs make up and returns when it is ready. Building takes minutes on a
// machine that has never built. Variables are set for make.
func up(t *testing.T, variables ...string) *stack {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Minute)
	t.Cleanup(cancel)
	s := &stack{make: exec.CommandContext(ctx, "make", append(variables, "up", "ARGS=-gateway 127.0.0.1:0 -cloud 127.0.0.1:0 -oss 127.0.0.1:0")...), over: make(chan struct{})}
	kept, err := os.ReadFile(top + "/" + openapi.Path)
	if err == nil {
		s.checker, err = apicheck.New(kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.make.Dir = top
	s.make.Env = withoutMake(os.Environ())
	s.make.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.make.Cancel = func() error { return syscall.Kill(-s.make.Process.Pid, syscall.SIGKILL) }
	out, err := s.make.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.make.Stderr = s.make.Stdout
	if err := s.make.Start(); err != nil {
		t.Skipf("SKIPPED: the README's commands were NOT tried: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-s.make.Process.Pid, syscall.SIGKILL) })
	ready := make(chan bool, 1)
	go s.follow(out, ready)
	if !<-ready {
		t.Fatal("make up ended before it was ready; its output is above")
	}
	return s
}

// follow reads what make up says: the address after ready, and the lines that
// it invites to.
func (s *stack) follow(out io.Reader, ready chan<- bool) {
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		line := lines.Text()
		said = append(said, line)
		for word, address := range map[string]*string{"ready": &s.gateway, "cloud": &s.cloud, "objects": &s.objects} {
			if rest, ok := strings.CutPrefix(line, word+" "); ok {
				_, after, _ := strings.Cut(rest, "http://")
				*address, _, _ = strings.Cut(after, " ")
			}
		}
		if s.gateway != "" {
			s.invitation += strings.TrimSpace(line) + "\n"
		}
		// The invitation ends with the line about one image.
		if s.gateway != "" && strings.Contains(line, "/images/m-") {
			ready <- true
			break
		}
	}
	if s.gateway == "" {
		_, _ = os.Stderr.WriteString(strings.Join(said, "\n") + "\n")
		ready <- false
	}
	_, _ = io.Copy(io.Discard, out)
	_ = s.make.Wait() // make reports an interrupt as a failure
	close(s.over)
}

// ask sends an example's request to this stack.
func (s *stack) ask(t *testing.T, example readme.Example) (status int, body string) {
	t.Helper()
	url := example.URL
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	url = strings.Replace(url, "127.0.0.1:8080", s.gateway, 1)
	request, err := http.NewRequestWithContext(t.Context(), example.Method, url, strings.NewReader(example.Body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range example.Header {
		request.Header.Set(name, value)
	}
	client := http.Client{Timeout: time.Minute}
	if request.URL.Host == s.gateway {
		client.Transport = s.checker.Transport(http.DefaultTransport, func(err error) { t.Errorf("README.md:%d: %v", example.Line, err) })
	}
	reply, err := client.Do(request)
	if err != nil {
		t.Fatalf("README.md:%d: %v", example.Line, err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatalf("README.md:%d: %v", example.Line, err)
	}
	return reply.StatusCode, string(text)
}

// interrupt is Ctrl-C: a signal to everything that make started. All of it has
// to end by itself, and the gateway's port has to be free.
func (s *stack) interrupt(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-s.make.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.over:
	case <-time.After(20 * time.Second):
		t.Fatal("make up does not end within 20 s of Ctrl-C")
	}
	if connection, err := net.DialTimeout("tcp", s.gateway, time.Second); err == nil {
		_ = connection.Close()
		t.Error("the gateway still answers after Ctrl-C")
	}
}

// withoutMake is an environment without the traces of an outer make.
func withoutMake(environment []string) []string {
	var kept []string
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "MAKE") && !strings.HasPrefix(variable, "MFLAGS") {
			kept = append(kept, variable)
		}
	}
	return kept
}
