package alicloud

import (
	"context"
	"errors"
	"sync"
	"time"

	"imagekeeper/shared/fault"
)

// mostTries is how often a call is made at most for failures that may pass;
// patience how long a call without a deadline goes on while it is throttled.
const (
	mostTries = 4
	patience  = 2 * window
)

// attempts are those at one call.
type attempts struct {
	cloud *Cloud
	pacer *pacer
	began time.Time
	// tries are the attempts that failed for other reasons than the rate.
	tries int
	// last is the failure that the vendor was the reason of.
	last *fault.Error
}

// again reports whether a call that failed is made again, after a pause; else
// with which failure it ends. may tells whether it can be repeated at all; a call
// that was throttled was certainly not done, and always can.
func (a *attempts) again(ctx context.Context, failed *fault.Error, may bool) (*fault.Error, bool) {
	if notSent(failed) && a.last != nil {
		a.last.RetryAfter = max(a.last.RetryAfter, failed.RetryAfter)
		return a.last, false
	}
	a.last = failed
	if ctx.Err() != nil || notSent(failed) {
		return failed, false
	}
	if failed.Kind == fault.Throttled {
		_, limited := ctx.Deadline()
		return failed, limited || time.Since(a.began) < patience // the pacer holds it back
	}
	a.tries++
	if !may || a.tries >= mostTries || !a.cloud.retries.spend() {
		return failed, false
	}
	return failed, sleep(ctx, time.Now(), backoff(a.tries, a.cloud.jitter())) == nil
}

// repeatable reports whether a reading call may be answered another time.
func repeatable(failed *fault.Error) bool {
	return failed.Kind == fault.Unavailable || failed.Kind == fault.Unknown
}

// backoff returns how long to wait before try number n+1, n from 1: anywhere
// between nothing and a bound that doubles, so that callers who failed together
// do not come back together. jitter is in [0, 1).
func backoff(n int, jitter float64) time.Duration {
	bound := min(100*time.Millisecond<<min(n, 6), 5*time.Second)
	return time.Duration(jitter * float64(bound))
}

// budget bounds how many calls are repeats: when the cloud is down, repeating
// everything helps nobody. Each repeat costs one, each success returns a tenth.
type budget struct {
	mu   sync.Mutex
	left float64
}

// fullBudget is what a process may repeat without any success.
const fullBudget = 100

// spend takes one repeat, if there is one left.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// earn returns a tenth of a repeat.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(b.left+0.1, fullBudget)
}

// blame returns err as a *fault.Error that names what was called; kinds stay.
func blame(err error, what string) *fault.Error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	return fault.Wrap(fault.Of(err), err, "%s: not done", what)
}
