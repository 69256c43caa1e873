package fchost

import (
	"slices"
	"sync"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
)

// maxBackOff bounds the pause before a function that keeps failing is started
// again.
const maxBackOff = 5 * time.Second

// function is one function with its instances.
type function struct {
	host *Host
	spec syaml.Function

	mu        sync.Mutex
	all       map[*instance]bool
	idle      []*instance // the one used last is at the end
	busy      int
	failures  int       // in a row
	notBefore time.Time // of the next start
	closed    bool
}

// invoke runs one invocation on an instance that is free, or on a new one, and
// logs it. Beyond the bounds the outcome is outcomeThrottled at once.
func (f *function) invoke(call *invocation) outcome {
	select {
	case f.host.slots <- struct{}{}:
		defer func() { <-f.host.slots }()
	default:
		return failure(outcomeThrottled, "%d invocations run already", cap(f.host.slots))
	}
	if !f.enter() {
		return failure(outcomeThrottled, "%d invocations of the function run already", f.spec.Reserved)
	}
	defer f.leave()
	f.host.log.printf("%s | START RequestId: %s Source: %s", f.spec.Resource, call.id, call.source)
	began := time.Now()
	out, memory := f.invokeOn(call)
	f.conclude(call, out, time.Since(began), memory)
	return out
}

// invokeOn finds an instance and uses it. Memory is the instance's most, in
// bytes.
func (f *function) invokeOn(call *invocation) (out outcome, memory int64) {
	i, err := f.acquire()
	if err != nil {
		f.failed()
		return failure(outcomeNotStarted, "the function cannot be started: %v", err), 0
	}
	if i == nil {
		return failure(outcomeStopped, "the host stops"), 0
	}
	out = i.run(call)
	memory = i.memory()
	f.release(i, out)
	return out, memory
}

// conclude writes what Function Compute writes at the end of an invocation.
func (f *function) conclude(call *invocation, out outcome, took time.Duration, memory int64) {
	status := ""
	if out.errorType != "" {
		status = ", Error: " + out.errorType + ": " + out.sentence
	}
	name, log := f.spec.Resource, f.host.log
	log.printf("%s | END RequestId: %s%s", name, call.id, status)
	milliseconds := float64(took.Microseconds()) / 1000
	log.printf("%s | REPORT RequestId: %s Duration: %.2f ms Billed Duration: %d ms Memory Size: %d MB Max Memory Used: %.1f MB",
		name, call.id, milliseconds, (took+time.Millisecond-1)/time.Millisecond, f.spec.MemoryMB, float64(memory)/(1<<20))
}

// enter counts a running invocation, unless the function's own bound is met.
func (f *function) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spec.Reserved > 0 && f.busy >= f.spec.Reserved {
		return false
	}
	f.busy++
	return true
}

func (f *function) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
}

// acquire returns the idle instance that was used last, else a new one. A nil
// instance without an error means that the host stops.
func (f *function) acquire() (*instance, error) {
	if i := f.takeIdle(); i != nil {
		return i, nil
	}
	if !f.pause() {
		return nil, nil
	}
	f.host.makeRoom()
	return f.startOne()
}

func (f *function) takeIdle() *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.idle) > 0 {
		i := f.idle[len(f.idle)-1]
		f.idle = f.idle[:len(f.idle)-1]
		if i.alive() {
			return i
		}
	}
	return nil
}

// pause waits as long as a function that failed before has to; it reports
// false when the host stops.
func (f *function) pause() bool {
	f.mu.Lock()
	wait := time.Until(f.notBefore)
	f.mu.Unlock()
	if wait <= 0 {
		return f.host.ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.host.ctx.Done():
		return false
	}
}

// startOne starts an instance, unless the host stops.
func (f *function) startOne() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, nil
	}
	i, err := f.start()
	if err != nil {
		return nil, err
	}
	f.all[i] = true
	return i, nil
}

// release takes an instance back. One that failed to answer is not used again.
func (f *function) release(i *instance, out outcome) {
	switch out.kind {
	case outcomeAnswered, outcomeFunctionError, outcomeTooLarge:
	default:
		i.kill(out.errorType)
		f.failed()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures, f.notBefore = 0, time.Time{}
	if i.alive() && !f.closed {
		f.idle = append(f.idle, i)
	}
}

// failed counts a failure: the first costs nothing, each one more doubles the
// pause before the next start.
func (f *function) failed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures++
	if f.failures > 1 {
		pause := min(100*time.Millisecond<<min(f.failures-2, 10), maxBackOff)
		f.notBefore = time.Now().Add(pause)
	}
}

// warm starts the first instance and waits until it asks for work.
func (f *function) warm() error {
	i, err := f.startOne()
	if err != nil || i == nil {
		f.failed()
		return err
	}
	if err := i.ready(f.host.ctx); err != nil {
		f.host.log.printf("%s | does not start: %v", f.spec.Resource, err)
		f.failed()
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, i)
	return nil
}

// gone forgets an instance whose process ended.
func (f *function) gone(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, i)
	f.idle = slices.DeleteFunc(f.idle, func(other *instance) bool { return other == i })
}

// stopIdle stops the instances that did nothing since the given time.
func (f *function) stopIdle(since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = slices.DeleteFunc(f.idle, func(i *instance) bool {
		if i.used().After(since) {
			return false
		}
		i.kill("idle")
		return true
	})
}

// stopOne stops i if it is still idle.
func (f *function) stopOne(i *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := slices.Index(f.idle, i); n >= 0 {
		f.idle = slices.Delete(f.idle, n, n+1)
		i.kill("another needs its place")
	}
}

// census counts the instances and returns the one that is idle longest.
func (f *function) census() (int, *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) == 0 {
		return len(f.all), nil
	}
	return len(f.all), f.idle[0]
}

// used returns when the instance worked last.
func (i *instance) used() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.lastUsed
}

// close kills all instances and allows no more.
func (f *function) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for i := range f.all {
		i.kill("the host stops")
	}
}
