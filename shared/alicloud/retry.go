package alicloud

import (
	"errors"
	"sync"
	"time"

	"imagekeeper/shared/fault"
)

// attempts returns how often a reading call is tried at most for failures of a
// kind; 1 for those that stay as they are.
func attempts(kind fault.Kind) int {
	switch kind {
	case fault.Throttled:
		return mostStrikes
	case fault.Unavailable, fault.Unknown:
		return 4
	}
	return 1
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
