package fchost

import (
	"time"
)

// firstRetry is the pause before an asynchronous invocation is repeated; it
// doubles each time, up to a minute.
const firstRetry = 500 * time.Millisecond

// invokeAsync runs an invocation in the background and repeats it as the
// function's asyncInvokeConfig says: an error of the function a bounded number
// of times, an error of the platform until it is too old. It reports false if
// too many wait already or the host stops. done, if not nil, is called at the
// end.
func (f *function) invokeAsync(call *invocation, done func()) bool {
	select {
	case f.host.queue <- struct{}{}:
	default:
		return false
	}
	ok := f.host.background(func() {
		defer func() { <-f.host.queue }()
		f.persist(call)
		if done != nil {
			done()
		}
	})
	if !ok {
		<-f.host.queue
	}
	return ok
}

// persist runs call until it succeeded or is given up.
func (f *function) persist(call *invocation) {
	began, pause, left := time.Now(), firstRetry, f.spec.Async.Attempts
	for {
		out := f.invoke(call)
		switch out.kind {
		case outcomeAnswered, outcomeStopped:
			return
		case outcomeThrottled: // the platform's; only its age ends it
		default:
			left--
		}
		if left < 0 || time.Since(began)+pause > f.spec.Async.MaxAge {
			f.host.log.printf("%s | asynchronous invocation %s is given up: %s", f.spec.Resource, call.id, out.sentence)
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-f.host.ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, time.Minute)
		next := newInvocation(call.id, call.source, call.payload)
		next.retry = call.retry + 1
		call = next
	}
}
