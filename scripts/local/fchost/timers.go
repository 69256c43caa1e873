package fchost

import (
	"encoding/json"
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
		t.fire(due, false)
	}
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

// fireTimers fires the enabled timers of f at once: a function that answered
// 202 has work for its own timer, which would come within the minute.
func (f *function) fireTimers() {
	for _, t := range f.host.timers {
		if t.function == f && t.trigger.Timer.Enabled {
			t.fire(f.host.options.Clock.Now(), true)
		}
	}
}
