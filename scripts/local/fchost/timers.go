package fchost

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
)

// timer is a timer trigger of a function.
type timer struct {
	function *function
	trigger  syaml.Trigger

	mu      sync.Mutex
	running bool
	again   bool // fire once more when the running one is done
}

// longestSleep bounds one wait, so that a machine that slept, or whose clock
// was set, is noticed.
const longestSleep = 30 * time.Second

// loop fires the trigger whenever it is due. Moments that were missed are not
// made up for.
func (t *timer) loop() {
	clock, ctx := t.function.host.options.Clock, t.function.host.ctx
	for {
		due := t.trigger.Timer.Schedule.Next(clock.Now())
		if due.IsZero() {
			return
		}
		for wait := due.Sub(clock.Now()); wait > 0; wait = due.Sub(clock.Now()) {
			select {
			case <-clock.After(min(wait, longestSleep)):
			case <-ctx.Done():
				return
			}
		}
		t.come(due)
	}
}

// come fires the trigger for the time at which it is due.
func (t *timer) come(due time.Time) {
	h := t.function.host
	if h.options.Unsteady == 0 {
		t.fire(due, false)
		return
	}
	for _, late := range Ticks(h.options.Unsteady, t.function.spec.Resource+"/"+t.trigger.Name, due) {
		h.background(func() {
			if late > 0 {
				select {
				case <-h.options.Clock.After(late):
				case <-h.ctx.Done():
					return
				}
			}
			t.function.invokeAsync(newInvocation(newRequestID(time.Now()), string(syaml.TriggerTimer), t.event(due)), nil)
		})
	}
}

// latest is how late an unsteady tick comes at most.
const latest = 150 * time.Second

// Ticks is how late the ticks come, by a seed, that a timer sends for the time at
// which it is due: mostly one at once, sometimes one that is late, two, or none. They
// come whether an earlier one still runs or not.
func Ticks(seed uint64, timer string, due time.Time) []time.Duration {
	name := fnv.New64a()
	// It never fails.
	_, _ = name.Write([]byte(timer))
	random := rand.New(rand.NewPCG(seed, name.Sum64()^uint64(due.UnixNano()))) //nolint:gosec // a draw that a seed repeats, not a secret
	late := func() time.Duration { return time.Duration(1 + random.Int64N(int64(latest))) }
	switch n := random.IntN(100); {
	case n < 15:
		return nil
	case n < 30:
		return []time.Duration{0, 0}
	case n < 35:
		return []time.Duration{0, late()}
	case n < 55:
		return []time.Duration{late()}
	}
	return []time.Duration{0}
}

// fire starts an asynchronous invocation. While one of this trigger still runs
// a second one is skipped, or, if it must not be lost, done afterwards once.
func (t *timer) fire(due time.Time, mustRun bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	log, name := t.function.host.log, t.function.spec.Resource
	if t.running {
		t.again = t.again || mustRun
		if !mustRun {
			log.printf("%s | timer %s is skipped: the last one still runs", name, t.trigger.Name)
		}
		return
	}
	call := newInvocation(newRequestID(time.Now()), string(syaml.TriggerTimer), t.event(due))
	t.running = t.function.invokeAsync(call, t.ended)
	if !t.running {
		log.printf("%s | timer %s is skipped: too much waits already", name, t.trigger.Name)
	}
}

func (t *timer) ended() {
	t.mu.Lock()
	again := t.again
	t.running, t.again = false, false
	t.mu.Unlock()
	if again {
		t.fire(t.function.host.options.Clock.Now(), false)
	}
}

// event is what the function gets; the payload is passed on as text.
func (t *timer) event(due time.Time) []byte {
	out, _ := json.Marshal(struct {
		TriggerTime string `json:"triggerTime"`
		TriggerName string `json:"triggerName"`
		Payload     string `json:"payload"`
	}{due.UTC().Format(time.RFC3339), t.trigger.Name, t.trigger.Timer.Payload})
	return out
}

// firing reports whether an invocation of that timer runs or waits.
func (f *function) firing(trigger string) bool {
	for _, t := range f.host.timers {
		if t.function == f && t.trigger.Name == trigger {
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.running
		}
	}
	return false
}

// worker is the timer that carries on what a function has begun.
const worker = "worker"

// fireWorker fires the worker of f at once, if it has one that is enabled: a function
// that answered 202 has work for it, and it would come within the minute.
func (f *function) fireWorker() {
	for _, t := range f.host.timers {
		if t.function == f && t.trigger.Name == worker && t.trigger.Timer.Enabled {
			t.fire(f.host.options.Clock.Now(), true)
		}
	}
}
