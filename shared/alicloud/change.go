package alicloud

import (
	"context"
	"net/http"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// change makes a call that changes something. What was throttled was certainly
// not done, and is made again. What else may have been done is repeated only
// under a client token, by which the vendor knows the repeat; without one the
// outcome is for the caller to see by looking: fault.Unavailable and
// fault.Unknown mean that it may have been done, unless the code is notSent.
func (a *Account) change(ctx context.Context, account image.AccountID, c call) error {
	c.changes = true
	tries := attempts{cloud: a.cloud, pacer: a.cloud.pacer(account, c), began: time.Now()}
	doubt := false
	for {
		failed := a.attempt(ctx, account, tries.pacer, c)
		if failed == nil {
			a.cloud.retries.earn()
			return nil
		}
		pending := doubt && (failed.Code == codePending || failed.Code == codeProcessing)
		doubt = doubt || repeatable(failed) && !notSent(failed)
		last, again := tries.again(ctx, failed, c.token != "" && (repeatable(failed) || pending))
		if !again {
			return inDoubt(last, doubt)
		}
	}
}

// Codes that say that the call with the same client token is still being done.
const (
	codePending    = "LastTokenProcessing"
	codeProcessing = "IdempotentProcessing"
)

// inDoubt is the failure of a call of which an attempt may have been done: a
// refusal of a later attempt does not tell that it was not.
func inDoubt(failed *fault.Error, doubt bool) error {
	if !doubt || repeatable(failed) && !notSent(failed) {
		return failed
	}
	unsure := fault.Wrap(fault.Unknown, failed, "an attempt was not answered, and a later one said: %s", failed.Sentence).WithCode("outcomeUnknown")
	unsure.RequestID = failed.RequestID
	return unsure
}

// signatureLife is how long the vendor accepts a signature after its time.
// Source: "Common parameters", Timestamp; ASSUMPTIONS.md.
const signatureLife = 15 * time.Minute

// notAfterKey is of a context in which changing calls have an end.
type notAfterKey struct{}

// NotAfter returns a context in which calls that change something have an end:
// none is sent from t on, and those that were sent are signed so that the vendor
// itself refuses them from t on, however long they take to arrive. They fail with
// fault.Unavailable and code notSent when t is over, or when the clock here and
// that of the vendor are too far apart to tell (code clockSkewed). Of two ends
// the earlier counts.
func NotAfter(ctx context.Context, t time.Time) context.Context {
	if end, ok := notAfter(ctx); ok && end.Before(t) {
		return ctx
	}
	return context.WithValue(ctx, notAfterKey{}, t.Round(0))
}

// notAfter returns the end of changing calls, if there is one.
func notAfter(ctx context.Context) (time.Time, bool) {
	end, ok := ctx.Value(notAfterKey{}).(time.Time)
	return end, ok
}

// signAt returns as of when a changing call is signed, and whether it may be sent
// at all.
func (c *Cloud) signAt(ctx context.Context, now time.Time) (time.Time, *fault.Error) {
	end, limited := notAfter(ctx)
	if !limited {
		return now, nil
	}
	if !now.Round(0).Before(end) {
		return now, fault.New(fault.Unavailable, "not sent: the time to change something is over").WithCode(codeNotSent)
	}
	skew, known := c.clock.skew()
	if known && (skew > mostSkew || skew < -mostSkew) {
		return now, fault.New(fault.Unavailable, "not sent: the clock here is %s apart from the vendor's", skew.Abs().Round(time.Second)).WithCode("clockSkewed")
	}
	// A second is cut off by the format, which is the safe side.
	if latest := end.Add(skew - signatureLife); latest.Before(now) {
		return latest, nil
	}
	return now, nil
}

// SignAt returns as of when a call that changes something is signed now, under
// NotAfter's end, if the context has one; for packages below this one. It fails as
// such a call does when it may not be sent.
func (c *Cloud) SignAt(ctx context.Context) (time.Time, error) {
	at, no := c.signAt(ctx, time.Now())
	if no != nil {
		return at, no
	}
	return at, nil
}

// mostSkew is how far the clock here may be from the vendor's: leases leave a
// minute between two workers.
const mostSkew = 20 * time.Second

// clock knows how far the vendor's clock is ahead of the one here, from the Date
// of answers: within bounds, since a Date has seconds and takes its time.
type clock struct {
	mu        sync.Mutex
	low, high time.Duration
	known     bool
}

// watch reads the Date of an answer to a call.
func (c *clock) watch(header http.Header, sent, now time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	low, high := date.Sub(now.Round(0)), date.Add(time.Second).Sub(sent.Round(0))
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known || low > c.high || high < c.low { // the first, or a clock was set
		c.low, c.high, c.known = low, high, true
		return
	}
	c.low, c.high = max(c.low, low), min(c.high, high)
}

// skew returns how far the vendor's clock is ahead, if that is known; 0 where the
// bounds allow it.
func (c *clock) skew() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.low, min(c.high, 0)), c.known
}
