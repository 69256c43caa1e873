package alicloud

import (
	"context"
	"errors"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// limiter keeps a pacer per place, for a share of what the account has there.
type limiter struct {
	share  float64
	mu     sync.Mutex
	pacers map[place]*pacer
	// asked are the quotas that Quota Center told of, instead of the documented.
	asked map[place]int
}

// mostPlaces bounds what is kept: places long unused are forgotten then.
const mostPlaces = 1024

// at returns the pacer of a place.
func (l *limiter) at(at place, now time.Time) *pacer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.pacers[at]; ok {
		return p
	}
	if len(l.pacers) >= mostPlaces {
		for other, p := range l.pacers {
			if p.forgettable(now) {
				delete(l.pacers, other)
			}
		}
	}
	quota, ok := l.asked[at]
	if !ok {
		quota = DocumentedRate(at.action)
	}
	p := newPacer(quota, l.share, now)
	l.pacers[at] = p
	return p
}

// told takes the quota of a place from Quota Center.
func (l *limiter) told(at place, quota int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil || len(l.asked) >= mostPlaces*8 {
		l.asked = make(map[place]int)
	}
	l.asked[at] = quota
	if p, ok := l.pacers[at]; ok {
		p.requota(quota, l.share, now)
	}
}

// pacer decides when calls of one place leave, from what is known of the quota
// there. It is a rate that starts slowly, a window of calls under way, a rest
// after refusals, what answers say of the quota, and our own share of it.
type pacer struct {
	// turn is held by the one call that waits for its time, so that calls leave one
	// by one and the others wait for a rate that may grow meanwhile.
	turn chan struct{}
	// landed wakes it when a call comes back.
	landed chan struct{}
	born   time.Time

	mu     sync.Mutex
	rate   slowStart
	flight flight
	rest   rest
	told   quotaSaid
	own    ledger
	used   time.Time
	// silent: the last call that came back had no answer.
	silent bool
}

// mostInFlight bounds a window; Config.InFlight bounds all calls of a process.
const mostInFlight = 1024

// newPacer paces calls at a share of a quota.
func newPacer(quota int, share float64, now time.Time) *pacer {
	return &pacer{
		turn: make(chan struct{}, 1), landed: make(chan struct{}, 1), born: now, used: now,
		rate: newSlowStart(quota, share, now), own: newLedger(quota, share),
		flight: flight{window: max(1, int(share)), most: mostInFlight},
	}
}

func newLedger(quota int, share float64) ledger {
	return ledger{most: max(1, int(float64(quota)*share))}
}

// requota takes another quota; what was learnt of it begins anew.
func (p *pacer) requota(quota int, share float64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.own.sent
	p.rate, p.own = newSlowStart(quota, share, now), newLedger(quota, share)
	p.own.sent = sent
}

// forgettable reports whether forgetting p loses nothing.
func (p *pacer) forgettable(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flight.under == 0 && len(p.turn) == 0 && now.Sub(p.used) > 2*window && now.After(p.rest.until)
}

// admit waits until one more call may leave, and calls take while it holds the
// turn, so that no permissions pile up behind take. The error is take's, the
// context's if it was cancelled, else errTooLate: the time of the call comes
// after its deadline.
func (p *pacer) admit(ctx context.Context, take func() error) error {
	by, _ := ctx.Deadline()
	if p.restsBeyond(time.Now(), by) {
		return errTooLate
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx)
	}
	defer func() { <-p.turn }()
	for waited := false; ; waited = true {
		now := time.Now()
		wait := p.wait(now, by, waited)
		if wait <= 0 {
			break
		}
		if err := p.sleep(ctx, now, wait); err != nil {
			return err
		}
	}
	if err := take(); err != nil {
		return err
	}
	p.mu.Lock()
	p.flight.under++
	p.mu.Unlock()
	return nil
}

// ended is why a call that waited for its turn is not made.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errTooLate
	}
	return ctx.Err()
}

// restsBeyond reports whether the vendor let it be known that no call is accepted
// before a time.
func (p *pacer) restsBeyond(now, by time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !by.IsZero() && p.rest.left(now, by) > by.Sub(now)
}

// untilLanded is how long to wait for a call to come back before looking again;
// one that does wakes whoever waits.
const untilLanded = 100 * time.Millisecond

// wait takes one permission and returns 0, or returns how long to wait before
// asking again. waited tells that the asking call had to wait before: only then
// is the rate what holds calls back, and may it grow.
func (p *pacer) wait(now, by time.Time, waited bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used = now
	if pause := p.rest.left(now, by); pause > 0 {
		return pause
	}
	if full := p.own.full(now); full > 0 {
		return full
	}
	if p.flight.under >= p.most(now) {
		return untilLanded
	}
	if p.rest.probes(now) {
		p.rest.since = now
		p.own.add(now)
		return 0
	}
	if waited {
		p.rate.grow(now, p.flight.under > 0)
	}
	if p.rate.take(now) || p.room(now) {
		p.own.add(now)
		return 0
	}
	if !waited {
		p.rate.idle(now)
	}
	return p.rate.next(now)
}

// most is how many calls may be under way: as many as the window has and, where
// answers tell what is left of the quota, no more than is fair.
func (p *pacer) most(now time.Time) int {
	if !p.told.said() {
		return p.flight.window
	}
	return min(p.flight.window, p.told.fair(now))
}

// settling is how long what answers say of a quota with room is not acted on: a
// crowd that starts at once hears of a quota that its bursts will use up.
const settling = time.Second

// room reports whether the quota is known to have room, so that a call may leave
// before its time: at least half is left, and the call is within what is fair.
func (p *pacer) room(now time.Time) bool {
	t := p.told
	if !t.fresh(now) || t.remain < t.limit/2 || t.asOf.Sub(p.born) < settling {
		return false
	}
	return p.flight.under < t.fair(now)
}

// sleep waits for d after now, or until a call comes back. It fails at once with
// errTooLate if the deadline is sooner.
func (p *pacer) sleep(ctx context.Context, now time.Time, d time.Duration) error {
	if by, limited := ctx.Deadline(); limited && by.Sub(now) < d {
		return errTooLate
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.landed:
	case <-ctx.Done():
		return ended(ctx)
	}
	return nil
}

// outcome is what became of a call.
type outcome struct {
	sent, now time.Time
	// throttled: refused for its rate, with what the answer asks to wait, if it does.
	throttled bool
	after     time.Duration
	// lost: nothing came back that tells anything of the quota.
	lost bool
	said quotaSaid
	// jitter is in [0, 1).
	jitter float64
}

// settle learns from what became of a call that was admitted.
func (p *pacer) settle(o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flight.land()
	p.silent = o.lost
	select {
	case p.landed <- struct{}{}:
	default:
	}
	if o.said.said() && !o.said.asOf.Before(p.told.asOf) {
		p.told = o.said
	}
	switch {
	case o.throttled:
		p.refuse(o)
	case !o.lost:
		p.accept(o)
	}
}

// accept learns from an answer.
func (p *pacer) accept(o outcome) {
	p.rate.answered = true
	p.flight.widen()
	if p.rest.over(o.sent) {
		p.rate.recover(o.now)
	}
	if !o.said.scarce() {
		return
	}
	if o.now.After(p.rest.until) {
		p.rate.cut(o.now)
	}
	// What becomes free is one call after the other; a crowd that comes back
	// spread over this long asks for no more than that.
	turns := 2 * crowd * window / time.Duration(o.said.limit)
	p.pause(o, o.said.left+time.Duration(o.jitter*float64(turns)), true)
}

// refuse learns from a refusal. Calls that were under way together count as one.
// Where the same answer says that much of the quota is left, it is not the quota
// that the call was refused for, and the next one may find out.
func (p *pacer) refuse(o outcome) {
	p.flight.window = 1
	if !o.sent.Before(p.rest.since) {
		p.rest.refused++
		p.rest.since = o.now
		p.rate.cut(o.now)
	}
	switch {
	case o.said.said() && !o.said.scarce():
		p.pause(o, probeEvery, false)
	case o.after > 0:
		p.pause(o, min(max(o.after, shortestRest), window), true)
	default:
		p.pause(o, pauseAfter(p.rest.refused), false)
	}
}

// shortestRest follows every refusal that names a time: who says so soon and
// refuses again is not asked a thousand times.
const shortestRest = 100 * time.Millisecond

// pause lets nothing leave for a time and up to a quarter of it or a second more;
// the bucket is empty then.
func (p *pacer) pause(o outcome, d time.Duration, named bool) {
	until := o.now.Add(d + time.Duration(o.jitter*float64(max(d/4, time.Second))))
	if until.After(p.rest.until) {
		p.rest.extend(until, named)
		p.rate.empty(until)
	}
}

// resting returns how long the rest still takes.
func (p *pacer) resting(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.rest.until.Sub(now), 0)
}

// unanswered reports whether calls come back without an answer, so that what waits for
// them waits for the vendor.
func (p *pacer) unanswered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silent
}

// errTooLate says that waiting would outlast the context.
const errTooLate = tooLate("the time this call may leave is after its deadline")

type tooLate string

func (t tooLate) Error() string { return string(t) }

// sleep waits for d after now. It fails at once if the context's deadline is
// sooner.
func sleep(ctx context.Context, now time.Time, d time.Duration) error {
	if by, limited := ctx.Deadline(); limited && by.Sub(now) < d {
		return errTooLate
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pacer returns the pacer of a call.
func (c *Cloud) pacer(account image.AccountID, call call) *pacer {
	return c.limits.at(place{account, call.region, call.operation.name()}, time.Now())
}

// outcome says what became of an attempt.
func (c *Cloud) outcome(failed *fault.Error, r reply, sent time.Time) outcome {
	o := outcome{sent: sent, now: time.Now(), said: quotaIn(r.header, sent), jitter: c.jitter()}
	if failed != nil {
		o.throttled, o.lost = failed.Kind == fault.Throttled, failed.Kind == fault.Unavailable
	}
	o.after = retryAfter(r.header, o.said)
	return o
}
