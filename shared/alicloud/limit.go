package alicloud

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"imagekeeper/shared/image"
)

// window is what documented rates count over.
const window = 60 * time.Second

// crowd is how many processes the limits expect to meet at one account: that
// many bursts are one window's quota.
const crowd = 50

// documentedRate returns how many calls of an action an account has per
// window. Source: the quota pages of the API explorer, where they were
// published; 500 is assumed for the rest (ASSUMPTIONS.md).
func documentedRate(action string) int {
	switch action {
	case "DescribeImages":
		return 1000
	case "ReplaceSystemDisk":
		return 200
	}
	return 500
}

// place is what one pace is kept for. An empty region is the account's total.
type place struct {
	account image.AccountID
	region  image.RegionID
	action  string
}

// limiter keeps a pace per (account, region, action) and one per (account,
// action) for the total. Nothing tells one process of the others that share
// the quota, so each starts as if it were one of a crowd and finds out.
type limiter struct {
	share float64
	mu    sync.Mutex
	paces map[place]*pace
}

// pace is how fast calls of one place may leave: a bucket for the first few,
// then a rate that grows while nothing objects and halves when ECS throttles.
// The bucket is empty when a pause ends.
type pace struct {
	// turn is held by the one call that waits for its time, so that calls
	// leave one by one and the others wait for a rate that may grow meanwhile.
	turn chan struct{}

	mu     sync.Mutex
	bucket *rate.Limiter
	// slow is the rate of the start; full the rate that the share allows.
	slow, full rate.Limit
	// calm is where doubling ends and growing step by step begins: half the
	// rate at which ECS throttled last.
	calm rate.Limit
	// grown is when the rate last changed; accepted whether a call that had to
	// wait was answered since; under how many are not answered yet.
	grown    time.Time
	accepted bool
	under    int
	// until is when calls may leave again after throttling; strikes is how
	// often in a row ECS throttled.
	until   time.Time
	strikes int
	used    time.Time

	// ramp is how many calls may be under way; it grows with every answer, so
	// that a process that starts asks once before it asks for much.
	ramp int
	// settled wakes the call that waits for others to come back.
	settled chan struct{}

	// told is what the last answer said of the quota, and sent are the calls of
	// the last window, oldest first, at most as many as the share of it.
	told quotaSaid
	part float64
	sent []time.Time
	born time.Time
}

// quotaSaid is what an answer said that is left of the account's quota.
type quotaSaid struct {
	limit, remain int
	// left is how long until calls are counted anew.
	left time.Duration
	at   time.Time
}

// scarce: less than a tenth is left; another call each of a crowd could be over.
func (q quotaSaid) scarce() bool { return q.remain < q.limit/10 }

// news is how long what an answer said is believed: others use the quota, too.
const news = 2 * time.Second

// settling is how long what answers say is not acted on: a crowd that starts at
// once hears of a quota that the bursts on their way will use up.
const settling = time.Second

// roomy reports whether the quota is known to have room, so that a call may
// leave without a permission of the bucket: at least half is left, and as
// many processes as a crowd, each with as many calls under way as this one may
// have, could take half of it.
func (p *pace) roomy(now time.Time) bool {
	t := p.told
	if t.remain < t.limit/2 || t.limit == 0 || now.Sub(t.at) > news || t.at.Sub(p.born) < settling {
		return false
	}
	return p.under < max(1, t.remain/crowd/2)
}

// untilSettled is how long to wait for a call to come back before looking
// again; one that does wakes whoever waits.
const untilSettled = 100 * time.Millisecond

// most is how many calls may be under way: as many as the ramp allows and, where
// what is left of the quota is known, no more than a crowd could share.
func (p *pace) most(now time.Time) int {
	if p.told.limit == 0 || now.Sub(p.told.at) > news {
		return p.ramp
	}
	return min(p.ramp, max(1, p.told.remain/crowd))
}

// back notes that a call is no longer under way.
func (p *pace) back() {
	p.under--
	select {
	case p.settled <- struct{}{}:
	default:
	}
}

// sleep waits as the function sleep does, or until a call comes back.
func (p *pace) sleep(ctx context.Context, now time.Time, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && end.Sub(now) < d {
		return errTooLate
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.settled:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// usedUp returns how long the share of the quota that an answer told of is used
// up by our own calls of the last window; 0: it is not.
func (p *pace) usedUp(now time.Time) time.Duration {
	gone, _ := slices.BinarySearchFunc(p.sent, now.Add(-window), time.Time.Compare)
	p.sent = p.sent[gone:]
	if p.told.limit == 0 || len(p.sent) < max(1, int(float64(p.told.limit)*p.part)) {
		return 0
	}
	return window - now.Sub(p.sent[0]) + time.Millisecond
}

// tell notes what an answer said of the quota. Where little is left, calls of
// the whole account rest until there is more.
func (p *pace) tell(now time.Time, said quotaSaid, whole bool, jitter float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = said
	p.told.at = now
	if !whole || !said.scarce() {
		return
	}
	if now.After(p.until) {
		p.slowDown(now)
	}
	// What becomes free is one call after the other; a crowd that comes back
	// spread over this long asks for no more than that.
	turns := 2 * crowd * window / time.Duration(said.limit)
	p.pause(now, said.left+time.Duration(jitter*float64(turns)), jitter)
}

// newPace returns the pace of a place at a share of its documented rate. The
// share scales the burst and the start only above 1. Totals start slowly;
// regions start at the full rate and slow down only when one of them throttles.
func newPace(at place, share float64, now time.Time) *pace {
	documented := float64(documentedRate(at.action))
	scale := max(share, 1)
	full := rate.Limit(documented / window.Seconds() * share)
	slow := min(full, rate.Limit(documented/window.Seconds()/crowd*scale))
	burst := max(1, int(min(documented/crowd*scale, documented*share)))
	start, ramp := slow, int(scale)
	if at.region != "" {
		start, ramp = full, math.MaxInt32
	}
	return &pace{
		turn: make(chan struct{}, 1), bucket: rate.NewLimiter(start, burst),
		slow: slow, full: full, calm: full, grown: now, used: now, part: min(share, 1), born: now,
		ramp: ramp, settled: make(chan struct{}, 1),
	}
}

// pace returns the pace of a place, and forgets places long unused when there
// are many.
func (l *limiter) pace(at place, now time.Time) *pace {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.paces[at]; ok {
		return p
	}
	if len(l.paces) >= 1024 {
		for other, p := range l.paces {
			if p.idle(now) {
				delete(l.paces, other)
			}
		}
	}
	p := newPace(at, l.share, now)
	l.paces[at] = p
	return p
}

// idle reports whether forgetting p loses nothing.
func (p *pace) idle(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.under == 0 && len(p.turn) == 0 && now.Sub(p.used) > 2*window && now.After(p.until)
}

// admit waits until one more call may leave, and calls take while it holds
// the turn, so that no permissions pile up behind take. The error is the
// context's, or errTooLate if the time cannot come before the context ends.
func (p *pace) admit(ctx context.Context, take func() error) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	for waited := false; ; waited = true {
		now := time.Now()
		wait, err := p.wait(now, waited)
		if err != nil {
			return err
		}
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
	p.under++
	p.mu.Unlock()
	return nil
}

// wait takes one permission from the bucket and returns 0, or returns how long
// to wait before asking again. waited tells that the asking call had to wait
// before: only then is the rate what holds calls back, and may it grow. It
// fails with errStill while ECS has throttled too often in a row.
func (p *pace) wait(now time.Time, waited bool) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used = now
	if pause := p.until.Sub(now); pause > 0 && p.strikes >= mostStrikes {
		return 0, errStill
	} else if pause > 0 {
		return pause, nil
	}
	if full := p.usedUp(now); full > 0 {
		return full, nil
	}
	if p.under >= p.most(now) {
		return untilSettled, nil
	}
	if waited {
		p.grow(now)
	}
	if p.bucket.AllowN(now, 1) || p.roomy(now) {
		if p.told.limit > 0 {
			p.sent = append(p.sent, now)
		}
		return 0, nil
	}
	if !waited && now.Sub(p.grown) > time.Second {
		p.grown = now
	}
	missing := 1 - p.bucket.TokensAt(now)
	wait := time.Duration(missing / float64(p.bucket.Limit()) * float64(time.Second))
	again := time.Second - now.Sub(p.grown)
	if again <= 0 {
		again = 100 * time.Millisecond
	}
	return min(max(wait, time.Millisecond), again), nil
}

// grow raises the rate once a second, unless calls are out of which none came
// back since: doubling up to calm, a twentieth of the full rate above.
func (p *pace) grow(now time.Time) {
	if now.Sub(p.grown) < time.Second || p.under > 0 && !p.accepted {
		return
	}
	old := p.bucket.Limit()
	next := old * 2
	if old >= p.calm {
		next = old + p.full/20
	} else if next > p.calm {
		next = p.calm
	}
	p.bucket.SetLimitAt(now, min(next, p.full))
	p.grown, p.accepted = now, false
}

// answered notes that a call came back without being throttled.
func (p *pace) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back()
	p.accepted = true
	p.strikes = 0
	p.ramp = min(p.ramp+1, math.MaxInt32)
}

// abandoned notes that a call came back without an answer.
func (p *pace) abandoned() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back()
}

// throttled notes that ECS refused a call for its rate: nothing leaves for
// after, or for a time that doubles with each strike if ECS named none; then
// the rate is half of what it was. Calls that were under way together count as
// one strike.
func (p *pace) throttled(now time.Time, after time.Duration, jitter float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.back()
	p.ramp = 1
	if now.After(p.until) || p.strikes == 0 {
		p.strikes++
		p.slowDown(now)
	}
	if after <= 0 {
		after = min(250*time.Millisecond<<min(p.strikes, 8), window/2)
	}
	p.pause(now, after, jitter)
}

// slowDown halves the rate, and goes back to where doubling began.
func (p *pace) slowDown(now time.Time) {
	old := p.bucket.Limit()
	p.calm = max(old/2, p.slow)
	p.bucket.SetLimitAt(now, max(min(old, p.slow)/2, p.slow/8))
}

// pause lets nothing leave for a time and up to a quarter of it or a second
// more; the bucket is empty then.
func (p *pace) pause(now time.Time, d time.Duration, jitter float64) {
	d += time.Duration(jitter * float64(max(d/4, time.Second)))
	if until := now.Add(d); until.After(p.until) {
		p.until, p.grown, p.accepted = until, until, false
		p.bucket.ReserveN(until, int(p.bucket.TokensAt(until)))
	}
}

// mostStrikes is how often in a row ECS may throttle before calls that wait
// fail, so that many of them do not wait for one another's turn to be refused.
// After the pause one of them tries again.
const mostStrikes = 5

// hopeless reports whether ECS throttled too often in a row.
func (p *pace) hopeless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strikes >= mostStrikes
}

// errStill says that ECS goes on throttling.
const errStill = still("throttled several times in a row")

type still string

func (s still) Error() string { return string(s) }

// errTooLate says that waiting would outlast the context.
const errTooLate = tooLate("the time this call may leave is after its deadline")

type tooLate string

func (t tooLate) Error() string { return string(t) }

// sleep waits for d after now. It fails at once if the context's deadline is
// sooner.
func sleep(ctx context.Context, now time.Time, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && end.Sub(now) < d {
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
