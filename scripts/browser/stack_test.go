package browser_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/browser"
	"imagekeeper/scripts/drawn"
)

// root is the folder of s.yaml.
const root = "../.."

// scratch names the folder that TestMain removes.
const scratch = "BROWSER_SCRATCH"

func TestMain(m *testing.M) {
	os.Exit(drawn.Scratch("browser", func(folder string) int {
		if err := os.Setenv(scratch, folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

// tried skips a test of the page unless everything is to be tried, and there is
// a browser; REQUIRE_CHROMIUM says that there has to be one.
func tried(t *testing.T) {
	t.Helper()
	if !drawn.All() {
		t.Skip("SKIPPED: the page is tried in Chromium by make test-all, or make browser")
	}
	if _, err := browser.Path(); err != nil {
		if os.Getenv("REQUIRE_CHROMIUM") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: the page was NOT tried in a browser: %v", err)
	}
}

// local is the program that make up starts, built once.
var local = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(scratch), "local")
	said, err := exec.Command("go", "build", "-o", path, root+"/scripts/local").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, said)
	}
	return path, nil
})

// stack is make up, with a door before it at which tests answer in place of the
// functions.
type stack struct {
	// address is the door's.
	address string
	gateway *url.URL
	cloud   string

	mu    sync.Mutex
	doors []func(w http.ResponseWriter, r *http.Request) bool
}

// up starts the whole local cloud with more of an environment, until the test ends.
func up(t *testing.T, environment map[string]string, flags ...string) *stack {
	t.Helper()
	program, err := local()
	if err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(filepath.Join(root, "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	process := exec.CommandContext(ctx, program, append([]string{"-file", file, "-gateway", "127.0.0.1:0", "-cloud", "127.0.0.1:0", "-oss", "127.0.0.1:0", "-speed", "600", "-images", "120", "-instances", "40"}, flags...)...)
	process.Cancel = func() error { return process.Process.Signal(os.Interrupt) }
	process.WaitDelay = 10 * time.Second
	process.Env = append(os.Environ(), "ECS_RATE_SHARE=10", "JOURNAL=dir://"+filepath.ToSlash(t.TempDir()))
	for name, value := range environment {
		process.Env = append(process.Env, name+"="+value)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stderr = process.Stdout
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	s := &stack{}
	ready := make(chan error, 1)
	go s.read(out, ready)
	t.Cleanup(func() {
		cancel()
		_ = process.Wait() // it was interrupted
	})
	select {
	case err = <-ready:
	case <-time.After(5 * time.Minute):
		err = errors.New("not ready after five minutes")
	}
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(s.gateway)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.answered(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	s.address = front.URL + "/"
	return s
}

// read follows what the program says until it ends.
func (s *stack) read(out io.Reader, ready chan<- error) {
	lines, said := bufio.NewScanner(out), []string(nil)
	for lines.Scan() {
		line := lines.Text()
		said = append(said, line)
		if rest, ok := strings.CutPrefix(line, "cloud    "); ok {
			s.cloud, _, _ = strings.Cut(rest, " ")
		}
		if rest, ok := strings.CutPrefix(line, "ready    "); ok {
			address, _, _ := strings.Cut(rest, " ")
			var err error
			s.gateway, err = url.Parse(address)
			ready <- err
		}
	}
	select {
	case ready <- fmt.Errorf("make up ended: %s", strings.Join(said, "\n")):
	default:
	}
}

// answer puts somebody at the door, who says whether a request was answered;
// the one who came last is asked first.
func (s *stack) answer(door func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doors = append(s.doors, door)
}

// open lets everything through again.
func (s *stack) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doors = nil
}

func (s *stack) answered(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	doors := append([]func(w http.ResponseWriter, r *http.Request) bool(nil), s.doors...)
	s.mu.Unlock()
	for n := len(doors) - 1; n >= 0; n-- {
		if doors[n](w, r) {
			return true
		}
	}
	return false
}

// tell answers a path with a status and a document.
func (s *stack) tell(path string, status int, document any) {
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		say(w, status, document)
		return true
	})
}

func say(w http.ResponseWriter, status int, document any) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the page may have gone
}

type object = map[string]any

// problem is a problem document.
func problem(status int, code string) object {
	return object{"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": "it is told that " + code, "requestId": "r-1"}
}

// ask asks the API as a role does, behind the door.
func (s *stack) ask(t *testing.T, role, method, path string, body any) object {
	t.Helper()
	var token struct{ Token string }
	s.send(t, http.MethodPost, "/_local/token/"+role, "", nil, &token)
	var out object
	s.send(t, method, path, token.Token, body, &out)
	return out
}

func (s *stack) send(t *testing.T, method, path, token string, body, into any) {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.gateway.String()+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatalf("%s %s: %d %v", method, path, answer.StatusCode, err)
	}
}

// ours is a custom image that is in a family and shared with nobody yet.
func (s *stack) ours(t *testing.T) (id, region string) {
	t.Helper()
	list := s.ask(t, "viewer", http.MethodGet, "/images?kind=custom&region=cn-hangzhou&account=1000000000000001&encrypted=false&limit=500", nil)
	items, _ := list["items"].([]any)
	for _, item := range items {
		one, _ := item.(object)
		if one["sharedOut"] == false && one["imageFamily"] != nil && one["published"] == false {
			id, _ = one["imageId"].(string)
			return id, "cn-hangzhou"
		}
	}
	t.Fatalf("no image of ours is shared with nobody: %v", list)
	return "", ""
}

// chromium is one browser for all tests of a process.
func chromium(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// tab opens a link of the page as a role.
func tab(t *testing.T, b *browser.Browser, s *stack, role, link string, look browser.Look) *browser.Tab {
	t.Helper()
	if look.Width == 0 {
		look.Width, look.Height = 1280, 900
	}
	if look.Language == "" {
		look.Language = "en-GB"
	}
	one, err := b.Tab(look)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(one.Close)
	if role != "" {
		must(t, one.Before(fmt.Sprintf("if (location.origin !== 'null' && !sessionStorage.getItem('imagekeeper.role')) sessionStorage.setItem('imagekeeper.role', %q)", role)))
	}
	must(t, one.Go(s.address+link))
	return one
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eval evaluates an expression in a tab.
func eval[T any](t *testing.T, tab *browser.Tab, expression string) T {
	t.Helper()
	got, err := browser.Ask[T](tab, expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// soon waits until an expression holds.
func soon(t *testing.T, tab *browser.Tab, expression string) {
	t.Helper()
	must(t, tab.Wait(expression, time.Minute))
}

// quiet fails if the page complained of anything.
func quiet(t *testing.T, tab *browser.Tab) {
	t.Helper()
	for _, said := range tab.Complaints() {
		t.Errorf("the page complains: %s", said)
	}
}
