package fchost

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// instance is one child process and the runtime API it talks to. Whoever holds
// an instance gives it one invocation at a time.
type instance struct {
	id       string
	f        *function
	cmd      *exec.Cmd
	server   *http.Server
	work     chan *invocation
	polled   chan struct{} // closed when the child asks for work first
	pollOnce sync.Once
	exited   chan struct{} // closed when the child is gone
	output   [2]*childOutput
	started  time.Time

	mu       sync.Mutex
	current  *invocation
	calls    int
	killed   string // why the host killed it, if it did
	lastUsed time.Time
}

// start starts a child. Its listener is up before it and closes after it.
func (f *function) start() (*instance, error) {
	i := &instance{
		id: "c-" + newID(), f: f, work: make(chan *invocation), started: time.Now(), lastUsed: time.Now(),
		polled: make(chan struct{}), exited: make(chan struct{}),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	code := filepath.Join(f.host.options.Root, f.spec.Code)
	i.cmd = exec.Command(filepath.Join(code, f.spec.Handler))
	i.cmd.Dir = code
	i.cmd.Env = i.environment(code, listener.Addr().String())
	for n := range i.output {
		i.output[n] = &childOutput{journal: f.host.log, prefix: f.spec.Resource}
	}
	i.cmd.Stdout, i.cmd.Stderr = i.output[0], i.output[1]
	i.cmd.WaitDelay = time.Second // a grandchild may hold the output open
	i.server = &http.Server{Handler: i.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
	if err := f.host.spawner.start(i.cmd); err != nil {
		listener.Close()
		return nil, err
	}
	f.host.running.Go(func() { _ = i.server.Serve(listener) })
	f.host.running.Go(i.wait)
	return i, nil
}

// wait waits for the end of the child, and closes its runtime API then.
func (i *instance) wait() {
	_ = i.cmd.Wait() // how it ended is in ProcessState
	for _, out := range i.output {
		out.flush()
	}
	close(i.exited)
	i.server.Close()
	i.f.gone(i)
}

// environment is what Function Compute gives a go1 function, the function's
// own variables, and what the host was told to set. Nothing of the host's own
// environment reaches a function.
func (i *instance) environment(code, api string) []string {
	f, o := i.f.spec, i.f.host.options
	env := map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": os.TempDir(), "LANG": "C.UTF-8", "TZ": "UTC"}
	maps.Copy(env, f.Environment)
	maps.Copy(env, o.Environment)
	maps.Copy(env, map[string]string{
		"FC_RUNTIME_API":                  api,
		"FC_RUNTIME":                      "go1",
		"FC_FUNC_CODE_PATH":               code,
		"FC_ACCOUNT_ID":                   o.AccountID,
		"FC_FUNCTION_HANDLER":             f.Handler,
		"FC_FUNCTION_MEMORY_SIZE":         strconv.Itoa(f.MemoryMB),
		"FC_FUNCTION_NAME":                f.Name,
		"FC_REGION":                       f.Region,
		"FC_INSTANCE_ID":                  i.id,
		"FC_VER_ID":                       "LATEST",
		"FC_FUNCTION_VERSION":             "LATEST",
		"FC_TIMEOUT":                      strconv.Itoa(int(f.Timeout / time.Second)),
		"FC_CUSTOM_LISTEN_PORT":           "9000",
		"ALIBABA_CLOUD_ACCESS_KEY_ID":     o.Credentials.AccessKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": o.Credentials.Secret,
		"ALIBABA_CLOUD_SECURITY_TOKEN":    o.Credentials.SecurityToken,
	})
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// run gives the child one invocation and waits for its end.
func (i *instance) run(call *invocation) outcome {
	i.mu.Lock()
	i.current = call
	i.calls++
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.current, i.lastUsed = nil, time.Now()
	}()
	asks := time.NewTimer(i.f.host.options.StartTimeout)
	defer asks.Stop()
	select {
	case i.work <- call:
	case <-i.exited:
		return i.died(outcomeNotStarted)
	case <-asks.C:
		i.kill("it did not ask for work")
		return failure(outcomeNotStarted, "the function did not ask for work within %s", i.f.host.options.StartTimeout)
	}
	limit := time.NewTimer(i.f.spec.Timeout)
	defer limit.Stop()
	select {
	case out := <-call.answer:
		return out
	case <-limit.C:
		i.kill("time-out")
		return failure(outcomeTimedOut, "the function did not answer within %s", i.f.spec.Timeout)
	case <-i.exited:
	}
	select {
	case out := <-call.answer: // it answered, and died afterwards
		return out
	default:
		return i.died(outcomeCrashed)
	}
}

// died tells why the child is gone.
func (i *instance) died(as outcomeKind) outcome {
	if i.f.host.ctx.Err() != nil {
		return failure(outcomeStopped, "the host stops")
	}
	why := i.cmd.ProcessState.String()
	if last := i.output[1].lastLine(); last != "" {
		why += "; the last line of its stderr: " + last
	}
	return failure(as, "the function's process ended: %s", why)
}

// alive reports whether the child is there still, as far as one can know.
func (i *instance) alive() bool {
	select {
	case <-i.exited:
		return false
	default:
		return true
	}
}

// kill kills the process group of the child. A stopped child dies, too.
func (i *instance) kill(why string) {
	if !i.alive() {
		return
	}
	i.mu.Lock()
	i.killed = cmp.Or(i.killed, why)
	i.mu.Unlock()
	if err := syscall.Kill(-i.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		_ = i.cmd.Process.Kill() // the group is gone if the child is
	}
}

// ready waits until the child asks for work first.
func (i *instance) ready(ctx context.Context) error {
	limit := time.NewTimer(i.f.host.options.StartTimeout)
	defer limit.Stop()
	select {
	case <-i.polled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-i.exited:
		return fmt.Errorf("%s: %s", i.f.spec.Resource, i.died(outcomeNotStarted).sentence)
	case <-limit.C:
		i.kill("it did not ask for work")
		return fmt.Errorf("%s: it did not ask for work within %s", i.f.spec.Resource, i.f.host.options.StartTimeout)
	}
}

// memory returns the most memory the child had resident, in bytes; 0 if that
// cannot be known on this system.
func (i *instance) memory() int64 {
	if i.alive() {
		return peakMemory(i.cmd.Process.Pid)
	}
	usage, ok := i.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(usage.Maxrss) * rusageUnit //nolint:unconvert // it has 32 bits on some systems
}
