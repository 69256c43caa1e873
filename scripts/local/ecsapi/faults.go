package ecsapi

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// FaultKind is a way in which a call goes wrong.
type FaultKind string

// The kinds. Those up to FaultDelay replace the answer, and the call has no
// effect; FaultLostReply and those below it happen to a call that took effect.
const (
	FaultThrottle FaultKind = "throttle" // 400 Throttling.User
	Fault500      FaultKind = "500"      // 500 InternalError
	Fault503      FaultKind = "503"      // 503 ServiceUnavailable
	FaultReset    FaultKind = "reset"    // the connection is reset before anything is answered
	FaultHang     FaultKind = "hang"     // nothing is answered until the client goes away, or 2 minutes have passed
	FaultDenied   FaultKind = "denied"   // 403 Forbidden.RAM, or STS's NoPermission
	FaultDelay    FaultKind = "delay"    // a right answer, delayMs later

	FaultLostReply       FaultKind = "lostReply"       // the connection is reset when the effect is done
	FaultEmpty200        FaultKind = "empty200"        // 200 with an empty body
	FaultNull            FaultKind = "null"            // 200 with the body null
	FaultTruncated       FaultKind = "truncated"       // 200 with the first half of the body
	FaultShortPage       FaultKind = "shortPage"       // the later half of the rows is missing, TotalCount is not changed
	FaultRepeatedPage    FaultKind = "repeatedPage"    // the page before again (by number) or the first page again (by token)
	FaultStalePage       FaultKind = "stalePage"       // the rows of an older state, see below
	FaultAuthorisedEmpty FaultKind = "authorisedEmpty" // a well-formed list without rows, TotalCount 0
)

// FaultKinds returns all kinds, in the order of their declaration.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultThrottle, Fault500, Fault503, FaultReset, FaultHang, FaultDenied, FaultDelay,
		FaultLostReply, FaultEmpty200, FaultNull, FaultTruncated,
		FaultShortPage, FaultRepeatedPage, FaultStalePage, FaultAuthorisedEmpty,
	}
}

// Fault asks that calls go wrong.
type Fault struct {
	// Action is the operation, or * for all.
	Action string    `json:"action"`
	Kind   FaultKind `json:"kind"`
	// Count is how many calls; 0 means 1, -1 all to come.
	Count int `json:"count,omitempty"`
	// Account and Region, unless empty, restrict the fault to calls of this
	// account and with this RegionId.
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	// Skip lets this many calls pass first.
	Skip int `json:"skip,omitempty"`
	// DelayMS delays what happens by as many milliseconds, at most 120000.
	DelayMS int `json:"delayMs,omitempty"`
	// RetryAfterMS is what a throttle says in x-acs-retry-after; 0: nothing.
	RetryAfterMS int `json:"retryAfterMs,omitempty"`
}

// maxHang bounds how long a fault may keep a call.
const maxHang = 2 * time.Minute

// applies reports whether a call of op can meet this kind at all.
func (k FaultKind) applies(op *operation) bool {
	switch k {
	case FaultAuthorisedEmpty:
		return op.lists != noList
	case FaultShortPage:
		return op.lists == numbered || op.lists == countedTokens
	case FaultRepeatedPage, FaultStalePage:
		return op.lists >= numbered
	}
	return true
}

// check names the field that is wrong, if one is.
func (f Fault) check(operations map[string]*operation) error {
	op, known := operations[f.Action]
	switch {
	case f.Action == "":
		return fmt.Errorf("action: is missing")
	case f.Action != "*" && !known:
		return fmt.Errorf("action: %q is not an operation", f.Action)
	case !slices.Contains(FaultKinds(), f.Kind):
		return fmt.Errorf("kind: %q is not one of %v", f.Kind, FaultKinds())
	case known && !f.Kind.applies(op):
		return fmt.Errorf("kind: %s cannot happen to %s", f.Kind, f.Action)
	case f.Count < -1:
		return fmt.Errorf("count: must be -1 or more, not %d", f.Count)
	case f.Skip < 0:
		return fmt.Errorf("skip: must be 0 or more, not %d", f.Skip)
	case f.DelayMS < 0 || f.DelayMS > int(maxHang/time.Millisecond):
		return fmt.Errorf("delayMs: must be between 0 and %d, not %d", int(maxHang/time.Millisecond), f.DelayMS)
	case f.RetryAfterMS < 0:
		return fmt.Errorf("retryAfterMs: must be 0 or more, not %d", f.RetryAfterMS)
	}
	return nil
}

// matches reports whether a call is one that the fault means.
func (f Fault) matches(c *call) bool {
	return (f.Action == "*" || f.Action == c.op.name) &&
		(f.Account == "" || f.Account == c.account()) &&
		(f.Region == "" || f.Region == c.region) &&
		f.Kind.applies(c.op) &&
		(f.Kind != FaultRepeatedPage || c.laterPage())
}

// faults are those asked for and not yet used up, oldest first.
type faults struct {
	mu   sync.Mutex
	left []Fault
}

// add takes all of them, or none and says which is wrong.
func (f *faults) add(more []Fault, operations map[string]*operation) error {
	for i, each := range more {
		if err := each.check(operations); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
		if each.Count == 0 {
			more[i].Count = 1
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = append(f.left, more...)
	return nil
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = nil
}

// list returns what is left, with counts and skips as they are now.
func (f *faults) list() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault{}, f.left...)
}

// take returns the first fault that the call meets, and uses it up by one.
func (f *faults) take(c *call) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.left {
		each := &f.left[i]
		if !each.matches(c) {
			continue
		}
		if each.Skip > 0 {
			each.Skip--
			continue
		}
		met := *each
		if each.Count > 0 {
			each.Count--
		}
		if each.Count == 0 {
			f.left = slices.Delete(f.left, i, i+1)
		}
		return met, true
	}
	return Fault{}, false
}
