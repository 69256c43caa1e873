package alicloud

import (
	"time"

	"golang.org/x/time/rate"
)

// slowStart is the rate at which calls leave. It begins low, because nothing
// tells one process of the others that share the quota, doubles each second while
// calls wait for it up to a threshold, grows by steps above it, and falls when
// the vendor throttles.
type slowStart struct {
	bucket      *rate.Limiter
	least, full rate.Limit
	// threshold is where doubling ends: half the rate that was too much.
	threshold rate.Limit
	// changed is when the rate did; answered, whether a call was since then.
	changed  time.Time
	answered bool
}

// newSlowStart begins with a burst and a rate that a crowd of such processes
// could all have. The share of the quota scales both only above 1.
func newSlowStart(quota int, share float64, now time.Time) slowStart {
	perSecond := float64(quota) / window.Seconds()
	full := rate.Limit(perSecond * share)
	least := min(full, rate.Limit(perSecond/crowd*max(share, 1)))
	burst := max(1, int(min(float64(quota)/crowd*max(share, 1), float64(quota)*share)))
	return slowStart{bucket: rate.NewLimiter(least, burst), least: least, full: full, threshold: full, changed: now}
}

// take reports whether a call may leave now, and counts it.
func (s *slowStart) take(now time.Time) bool { return s.bucket.AllowN(now, 1) }

// growEvery is how often the rate grows.
const growEvery = time.Second

// next returns how long it takes until a call may leave, or the rate may grow.
func (s *slowStart) next(now time.Time) time.Duration {
	missing := 1 - s.bucket.TokensAt(now)
	wait := time.Duration(missing / float64(s.bucket.Limit()) * float64(time.Second))
	grow := growEvery - now.Sub(s.changed)
	if grow <= 0 {
		grow = 100 * time.Millisecond
	}
	return min(max(wait, time.Millisecond), grow)
}

// grow raises the rate, once a second, for a call that had to wait; not while
// calls are under way of which none was answered since it grew last.
func (s *slowStart) grow(now time.Time, underWay bool) {
	if now.Sub(s.changed) < growEvery || underWay && !s.answered {
		return
	}
	old := s.bucket.Limit()
	next := old * 2
	if old >= s.threshold {
		next = old + s.full/20
	} else if next > s.threshold {
		next = s.threshold
	}
	s.set(now, min(next, s.full))
}

// idle notes that no call had to wait: the second until the rate grows begins.
func (s *slowStart) idle(now time.Time) {
	if now.Sub(s.changed) > growEvery {
		s.changed = now
	}
}

// cut goes back to the start; half of what was too much becomes the threshold.
func (s *slowStart) cut(now time.Time) {
	s.threshold = max(s.bucket.Limit()/2, s.least)
	s.set(now, s.least)
}

// recover returns to the threshold: the first answer after a rest tells that
// calls are accepted again. One may leave at once.
func (s *slowStart) recover(now time.Time) {
	s.bucket = rate.NewLimiter(max(s.bucket.Limit(), s.threshold), s.bucket.Burst())
	s.bucket.AllowN(now, s.bucket.Burst()-1)
	s.changed, s.answered = now, false
}

func (s *slowStart) set(now time.Time, to rate.Limit) {
	s.bucket.SetLimitAt(now, to)
	s.changed, s.answered = now, false
}

// empty takes what the bucket will hold at a time: after a rest calls leave one
// by one.
func (s *slowStart) empty(at time.Time) {
	s.bucket.ReserveN(at, int(s.bucket.TokensAt(at)))
	s.changed, s.answered = at, false
}

// flight is the congestion window: how many calls may be under way. It begins
// with one, and grows with every answer.
type flight struct {
	under, window int
	// most bounds the window.
	most int
}

func (f *flight) land() { f.under-- }

func (f *flight) widen() { f.window = min(f.window+1, f.most) }

// rest is a time in which no call leaves.
type rest struct {
	until time.Time
	// named: the vendor said until when; else it is a guess, and a call that cannot
	// wait so long may find out earlier.
	named bool
	// since is when the vendor refused last, refused how often in a row.
	since   time.Time
	refused int
}

// probeEvery is how often a call may find out whether the vendor accepts calls
// again. Source: "API throttling", which advises one a second.
const probeEvery = time.Second

// left returns how long to rest, for a call that must have left by a time, if
// that is not zero.
func (r rest) left(now, by time.Time) time.Duration {
	wait := r.until.Sub(now)
	if wait > 0 && !r.named && !by.IsZero() && by.Before(r.until) {
		wait = r.since.Add(probeEvery).Sub(now)
	}
	return max(wait, 0)
}

// probes reports whether a call may find out before the rest is over.
func (r rest) probes(now time.Time) bool { return now.Before(r.until) && !r.named }

// extend rests until a time, unless it is to be longer already.
func (r *rest) extend(until time.Time, named bool) {
	if until.After(r.until) {
		r.until, r.named = until, named
	}
}

// over reports whether an answer to a call that left at a time ends the rest.
func (r *rest) over(sent time.Time) bool {
	if r.refused == 0 || sent.Before(r.since) {
		return false
	}
	*r = rest{}
	return true
}

// pauseAfter is how long to rest after a refusal that named no time: longer with
// each in a row.
func pauseAfter(refused int) time.Duration {
	return probeEvery << min(max(refused-1, 0), 3)
}
