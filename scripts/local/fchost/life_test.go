package fchost_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

const sayOK = `{"do":"say","for":"{\"ok\":true}"}`

func (s *stage) wantOK() {
	s.t.Helper()
	if r := s.do("POST", "/_local/invoke/probe", sayOK); r.status != 200 || r.body != `{"ok":true}` {
		s.t.Errorf("the next call: %d %s", r.status, r.body)
	}
}

// TestAFunctionThatDies: the caller gets 502, the next one an answer.
func TestAFunctionThatDies(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"exit", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := started(t, nil, "", probeResource())
			for range 3 {
				r := s.do("GET", "/_fn/probe/?do="+how, "")
				r.want(t, 502, "CAExited")
				if how == "exit" && !(strings.Contains(r.body, "exit status 7") && strings.Contains(r.body, "good bye")) {
					t.Errorf("the reason is not told: %s", r.body)
				}
				s.wantOK()
			}
		})
	}
}

// TestSignalsFromOutside: somebody kills or stops the process in the middle.
func TestSignalsFromOutside(t *testing.T) {
	t.Parallel()
	for signal, want := range map[syscall.Signal]int{syscall.SIGKILL: 502, syscall.SIGTERM: 502, syscall.SIGSTOP: 504} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			probe := probeResource()
			probe.timeout = 1
			s := started(t, nil, "", probe)
			pid := s.status().Functions[0].Instances[0].PID
			answers := make(chan reply, 1)
			go func() { answers <- s.do("GET", "/_fn/probe/?do=sleep&for=800ms", "") }()
			eventually(t, "the call runs", func() bool { return s.status().Functions[0].Instances[0].State == "busy" })
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
			if r := <-answers; r.status != want {
				t.Errorf("status %d, want %d: %s", r.status, want, r.body)
			}
			s.wantOK()
			eventually(t, "the process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
		})
	}
}

// TestTimeOuts: whatever the reason for the silence, 504 and a new process.
func TestTimeOuts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, role, query string }{
		{"slow", "probe", "do=sleep&for=20s"},
		{"stopped", "probe", "do=stopped"},
		{"never answers", "mute", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := started(t, nil, "", resource{name: "probe", role: c.role, timeout: 1})
			pid := s.status().Functions[0].Instances[0].PID
			began := time.Now()
			s.do("GET", "/_fn/probe/?"+c.query, "").want(t, 504, "FunctionTimedOut")
			if took := time.Since(began); took < time.Second {
				t.Errorf("answered after %s", took)
			}
			eventually(t, "the process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
			if c.role == "probe" {
				s.wantOK()
			}
		})
	}
}

func TestAFunctionThatDoesNotStart(t *testing.T) {
	t.Parallel()
	s := open(t, nil, "", resource{name: "probe", role: "dies", timeout: 1})
	if err := s.host.Start(); err == nil || !strings.Contains(err.Error(), "REGIONS: not a region") {
		t.Errorf("got %v, want the last line of the function", err)
	}
	began := time.Now()
	for range 4 {
		s.do("GET", "/_fn/probe/", "").want(t, 502, "FunctionNotStarted")
	}
	if took := time.Since(began); took < 700*time.Millisecond { // 100 + 200 + 400 ms
		t.Errorf("four starts in %s: there is no back-off", took)
	}
	if n := len(s.notes("probe")); n != 5 {
		t.Errorf("%d starts, want 5", n)
	}
}

func TestAFunctionThatNeverAsksForWork(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *fchost.Options) { o.StartTimeout = 200 * time.Millisecond }, "", resource{name: "probe", role: "silent", timeout: 10})
	if err := s.host.Start(); err == nil {
		t.Error("no error")
	}
	s.do("GET", "/_fn/probe/", "").want(t, 502, "FunctionNotStarted")
}

// TestLoad: one invocation per instance, more instances under load, all reused.
func TestLoad(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	call := func(n int) (pids map[string]bool) {
		var mu sync.Mutex
		var calls sync.WaitGroup
		pids = map[string]bool{}
		for range n {
			calls.Go(func() {
				r := s.do("GET", "/_fn/probe/?do=sleep&for=500ms", "")
				r.want(t, 200, "")
				mu.Lock()
				defer mu.Unlock()
				pids[r.body] = true
			})
		}
		calls.Wait()
		return pids
	}
	first := call(20)
	if len(first) < 10 {
		t.Errorf("20 calls at once used %d instances", len(first))
	}
	for pid := range call(5) {
		if !first[pid] {
			t.Errorf("instance %s was started though others were idle", pid)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	limited := probeResource()
	limited.extra = "      concurrencyConfig: {reservedConcurrency: 1}\n"
	for name, s := range map[string]*stage{
		"account":  started(t, func(o *fchost.Options) { o.MaxInstances = 1 }, "", probeResource()),
		"function": started(t, nil, "", limited),
	} {
		done := make(chan reply, 1)
		go func() { done <- s.do("GET", "/_fn/probe/?do=sleep&for=500ms", "") }()
		eventually(t, "the first call runs", func() bool { return s.status().Functions[0].Instances[0].State == "busy" })
		if r := s.do("GET", "/_fn/probe/", ""); r.status != 429 {
			t.Errorf("%s: the second call: %d", name, r.status)
		}
		(<-done).want(t, 200, "")
		s.wantOK()
	}
}

// TestRoomForAnother: with as many processes as are allowed, an idle one makes
// room for another function.
func TestRoomForAnother(t *testing.T) {
	t.Parallel()
	s := started(t, func(o *fchost.Options) { o.MaxInstances = 1; o.Only = []string{"probe"} }, "",
		probeResource(), resource{name: "other", role: "probe", timeout: 10})
	if got := len(s.status().Functions); got != 1 {
		t.Fatalf("%d functions run, want only one", got)
	}
	s = started(t, func(o *fchost.Options) { o.MaxInstances = 2 }, "",
		probeResource(), resource{name: "other", role: "probe", timeout: 10}, resource{name: "third", role: "probe", timeout: 10})
	s.do("POST", "/_local/invoke/other", "{}").want(t, 200, "")
	s.do("POST", "/_local/invoke/probe", `{"do":"exit"}`).want(t, 502, "CAExited")
	s.wantOK()
	eventually(t, "third, idle longest, is stopped", func() bool { return len(s.status().Functions[2].Instances) == 0 })
	eventually(t, "two processes are left", func() bool {
		n := 0
		for _, f := range s.status().Functions {
			n += len(f.Instances)
		}
		return n == 2
	})
}

func TestIdleInstancesAreStopped(t *testing.T) {
	t.Parallel()
	s := started(t, func(o *fchost.Options) { o.IdleTimeout = 100 * time.Millisecond }, "", probeResource())
	s.do("GET", "/_fn/probe/?do=sleep&for=300ms", "").want(t, 200, "") // longer than idle may be
	eventually(t, "no instance is left", func() bool { return len(s.status().Functions[0].Instances) == 0 })
	s.wantOK()
}

func TestAsynchronousInvocations(t *testing.T) {
	t.Parallel()
	once := probeResource()
	once.extra = "      asyncInvokeConfig: {maxAsyncRetryAttempts: 0}\n"
	once.name = "once"
	s := started(t, nil, "", probeResource(), once)
	r := s.do("POST", "/_local/invoke/probe", `{"do":"retry"}`, "X-Fc-Invocation-Type", "Async")
	r.want(t, 202, "")
	s.do("GET", "/_fn/once/?do=retry", "", "x-fc-invocation-type", "async").want(t, 202, "")
	id := r.header.Get("X-Fc-Request-Id")
	eventually(t, "it is repeated and succeeds", func() bool {
		return slices.Equal(s.notes("probe"), []string{id + " 0", id + " 1"})
	})
	if notes := s.notes("once"); len(notes) != 1 {
		t.Errorf("without repetitions: %q", notes)
	}
	eventually(t, "it is given up", func() bool { return strings.Contains(s.log.String(), "is given up: not at the first time") })
}

func TestCloseAnswersWhoWaits(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	answers := make(chan reply, 1)
	go func() { answers <- s.do("GET", "/_fn/probe/?do=sleep&for=8s", "") }()
	eventually(t, "the call runs", func() bool { return s.status().Functions[0].Instances[0].State == "busy" })
	s.host.Close()
	(<-answers).want(t, 503, "HostStopped")
	s.do("GET", "/_fn/probe/", "").want(t, 503, "HostStopped")
}

func TestOnlyAnUnknownFunction(t *testing.T) {
	t.Parallel()
	p, root := project(t, "", probeResource())
	if _, err := fchost.New(fchost.Options{Project: p, Root: root, Only: []string{"prob"}}); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want kind %s", err, fault.Invalid)
	}
}

// playHost is a host in a process of its own, for TestHostKilled.
func playHost() {
	fail := func(err error) { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
	p, err := syaml.Load("s.yaml", func(string) (string, bool) { return "", false })
	if err != nil {
		fail(err)
	}
	host, err := fchost.New(fchost.Options{Project: p, Root: "."})
	if err != nil {
		fail(err)
	}
	if err := host.Start(); err != nil {
		fail(err)
	}
	request := httptest.NewRequest(http.MethodGet, "http://localhost/_fn/probe/?do=sleep&for=10ms", nil)
	answer := httptest.NewRecorder()
	host.ServeHTTP(answer, request)
	fmt.Println(answer.Body.String()) // the child's pid
	select {}
}

func TestHostKilled(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("only Linux kills children with their parent")
	}
	_, root := project(t, "", probeResource())
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(binary)
	host.Dir, host.Env, host.Stderr = root, append(os.Environ(), "PROBE_ROLE=host"), os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_ = host.Process.Kill()
	_ = host.Wait()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child is gone", func() bool { return gone(pid) })
}

// gone reports whether a process is dead; one that nobody has reaped is, too.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestBuild(t *testing.T) {
	t.Parallel()
	p, root := project(t, "", resource{name: "good", role: "probe", timeout: 1})
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(root, ".build", "good", "bootstrap")
	if err := os.Remove(binary); err != nil { // the link to the test binary
		t.Fatal(err)
	}
	write("go.mod", "module demo\n\ngo 1.26\n")
	write("functions/good/main.go", "package main\n\nfunc main() { println(\"built\") }\n")
	log := &recorder{}
	host, err := fchost.New(fchost.Options{Project: p, Root: root, Out: log})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Build(context.Background()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary).CombinedOutput(); err != nil || string(out) != "built\n" {
		t.Errorf("the binary says %q, %v", out, err)
	}
	if !strings.Contains(log.String(), "building good (1 of 1)") {
		t.Errorf("no progress: %s", log)
	}
	write("functions/good/main.go", "package main\n\nfunc main() { wrong }\n")
	if err := host.Build(context.Background()); err == nil || !strings.Contains(err.Error(), "undefined: wrong") {
		t.Errorf("got %v, want what the compiler said", err)
	}
}
