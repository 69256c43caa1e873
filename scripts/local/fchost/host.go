// Package fchost runs the functions of an s.yaml on one machine as Function
// Compute 3.0 runs go1 functions: it builds each binary, starts it as a child
// process behind the runtime API, gives every instance one request at a time,
// adds instances under load and stops idle ones, enforces time-outs, fires
// timers, and turns HTTP requests into trigger events and back.
//
// What it does where the vendor's documents are silent is told in
// scripts/local/README.md.
package fchost

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

// Limits of Function Compute that the host enforces.
const (
	maxSyncBody  = 32 << 20  // of a synchronous request, and of an answer
	maxAsyncBody = 128 << 10 // of an asynchronous request
	maxAsync     = 1000      // asynchronous invocations that are not finished
)

// Options say what to run and how.
type Options struct {
	Project *syaml.Project
	// Root is the directory of the s.yaml; sources are in functions/<resource>.
	Root string
	// Only names the resources to start. Empty: all.
	Only []string
	// Environment is set on every child, over the environmentVariables of the
	// s.yaml.
	Environment map[string]string
	// Credentials are those of the functions' role.
	Credentials Credentials
	// AccountID is the account the functions belong to.
	AccountID string
	// IdleTimeout is how long an instance without work is kept. Default 60 s.
	IdleTimeout time.Duration
	// StartTimeout bounds the time from the start of an instance to its first
	// question for work. Default 20 s.
	StartTimeout time.Duration
	// MaxInstances bounds the invocations at one moment over all functions;
	// more are answered 429. Default 100, as an account has in one region.
	MaxInstances int
	// Unsteady, if it is not 0, is the seed by which ticks of timers overlap, come
	// late, twice or not at all, as they may on Function Compute: see Ticks.
	Unsteady uint64
	// Token makes a token of a role for the page, of the second person of two where
	// approvals take two. Nil: the page is to be shown a token. Its failure is told.
	Token func(role string, second bool) (string, error)
	// Clock drives timers. Default: the machine's.
	Clock Clock
	// Out takes the log, a line for each fact. Default: nothing is logged.
	Out io.Writer
}

// Credentials are an AccessKey, with a token if it is temporary.
type Credentials struct {
	AccessKeyID, Secret, SecurityToken string
}

// Clock is the time that timers go by.
type Clock interface {
	Now() time.Time
	// After returns a channel that gets the time when d has passed.
	After(d time.Duration) <-chan time.Time
}

// machineClock is the clock of the machine.
type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Host runs functions. It is an http.Handler: the gateway in front of them.
type Host struct {
	options   Options
	log       *journal
	functions []*function
	routes    []route
	timers    []*timer
	spawner   *spawner
	slots     chan struct{} // one for each invocation
	queue     chan struct{} // one for each asynchronous invocation
	document  func() ([]byte, error)
	started   atomic.Bool
	wrong     atomic.Pointer[map[string]string] // what Examine found
	ctx       context.Context
	stop      context.CancelFunc
	running   sync.WaitGroup
	mu        sync.Mutex // guards closed against running
	closed    bool
}

// New prepares a host; nothing is built or started yet. It fails with
// fault.Invalid if Only names an unknown function.
func New(options Options) (*Host, error) {
	options.IdleTimeout = cmp.Or(options.IdleTimeout, time.Minute)
	options.StartTimeout = cmp.Or(options.StartTimeout, 20*time.Second)
	options.MaxInstances = cmp.Or(options.MaxInstances, 100)
	if options.Clock == nil {
		options.Clock = machineClock{}
	}
	if options.Out == nil {
		options.Out = io.Discard
	}
	root, err := filepath.Abs(options.Root)
	if err != nil {
		return nil, fmt.Errorf("root %s: %w", options.Root, err)
	}
	options.Root = root
	h := &Host{
		options: options, log: &journal{out: options.Out}, spawner: newSpawner(),
		slots: make(chan struct{}, options.MaxInstances), queue: make(chan struct{}, maxAsync),
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.document = sync.OnceValues(func() ([]byte, error) { return h.Document(h.ctx) })
	for _, spec := range options.Project.Functions {
		if len(options.Only) == 0 || slices.Contains(options.Only, spec.Resource) {
			h.add(spec)
		}
	}
	for _, name := range options.Only {
		if h.find(name) == nil {
			h.Close()
			return nil, fault.New(fault.Invalid, "there is no function %q; there are: %s", name, strings.Join(resources(options.Project), ", "))
		}
	}
	h.routes = routesOf(options.Project, h.functions)
	return h, nil
}

// resources lists the names of all functions of p.
func resources(p *syaml.Project) []string {
	names := make([]string, len(p.Functions))
	for i, f := range p.Functions {
		names[i] = f.Resource
	}
	return names
}

func (h *Host) add(spec syaml.Function) {
	f := &function{host: h, spec: spec, all: map[*instance]bool{}}
	h.functions = append(h.functions, f)
	for _, trigger := range spec.Triggers {
		if trigger.Timer != nil {
			h.timers = append(h.timers, &timer{function: f, trigger: trigger})
		}
	}
}

// find returns the function with that resource name or functionName, or nil.
func (h *Host) find(name string) *function {
	for _, f := range h.functions {
		if f.spec.Resource == name || f.spec.Name == name {
			return f
		}
	}
	return nil
}

// Start warms one instance of each function up, which shows at once whether it
// can run, and starts the timers. A function that does not start is reported
// in the log and by the returned error; the others run all the same. Start
// before Build, or a call before Start, finds no functions.
func (h *Host) Start() error {
	failed := make([]error, len(h.functions))
	var warm sync.WaitGroup
	for i, f := range h.functions {
		warm.Go(func() { failed[i] = f.warm() })
	}
	warm.Wait()
	h.started.Store(true)
	for _, t := range h.timers {
		if t.trigger.Timer.Enabled {
			h.background(t.loop)
		}
	}
	h.background(h.reap)
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// Close stops timers and kills all instances; callers that still wait are
// answered 503. It returns when every child is gone, and may be called twice.
func (h *Host) Close() {
	h.stop()
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	for _, f := range h.functions {
		f.close()
	}
	h.running.Wait()
	h.spawner.close()
}

// background runs f until it returns, which Close waits for. It reports false
// if the host stops already.
func (h *Host) background(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.running.Go(f)
	return true
}

// reap stops instances that have been idle for too long.
func (h *Host) reap() {
	tick := time.NewTicker(max(h.options.IdleTimeout/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case now := <-tick.C:
			for _, f := range h.functions {
				f.stopIdle(now.Add(-h.options.IdleTimeout))
			}
		}
	}
}

// makeRoom stops the instance that has been idle longest if there are as many
// processes as there may be invocations.
func (h *Host) makeRoom() {
	count := 0
	var oldest *instance
	for _, f := range h.functions {
		n, idle := f.census()
		count += n
		if idle != nil && (oldest == nil || idle.used().Before(oldest.used())) {
			oldest = idle
		}
	}
	if count >= h.options.MaxInstances && oldest != nil {
		oldest.f.stopOne(oldest)
	}
}
