package ecsapi

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// window is the span a rate counts over.
const window = time.Minute

// subject is whose calls are counted: one account's of one action. Calls whose
// caller could not be told have an empty account.
type subject struct{ account, product, action string }

// place is what a rate is kept for: a subject's calls in one region. Source: "API
// throttling".
type place struct {
	subject
	region string
}

// Counter is what the server knows of one account's calls of one action.
type Counter struct {
	Account string `json:"account"`
	Product string `json:"product"`
	Action  string `json:"action"`
	// Total counts every call; Accepted those that were within the rate;
	// Throttled those that were not; Faulted those that met an injected fault.
	Total     int `json:"total"`
	Accepted  int `json:"accepted"`
	Throttled int `json:"throttled"`
	Faulted   int `json:"faulted"`
	// InFlight are under way now, throttled ones included; PeakInFlight is the
	// most there ever were.
	InFlight     int `json:"inFlight"`
	PeakInFlight int `json:"peakInFlight"`
	// PeakAccepted and PeakOffered are the most calls of one region in any 60
	// consecutive seconds of the clock: accepted, and accepted or throttled.
	PeakAccepted int `json:"peakAccepted"`
	PeakOffered  int `json:"peakOffered"`
}

// meters count calls and hold them to their rates.
type meters struct {
	mu       sync.Mutex
	counters map[subject]*Counter
	each     map[place]*meter
}

func newMeters() *meters {
	return &meters{counters: map[subject]*Counter{}, each: map[place]*meter{}}
}

// quota is what an account has left of one action's rate in a region.
type quota struct {
	limit, remain int
	// left is how long until the oldest call that counts leaves the window.
	left time.Duration
}

// String is the vendor's way to say it in a header, which its SDKs read:
// x-ratelimit-user-api.
func (q quota) String() string {
	return fmt.Sprintf("Limit:%d,Remain:%d,TimeLeft:%d", q.limit, q.remain, q.left.Milliseconds())
}

// admit counts a call and reports how long to wait if it is over the rate;
// 0: it is accepted; and what is left then. limit 0 is no limit. Each call that
// was counted is ended by finish.
func (m *meters) admit(at place, limit int, now time.Time) (wait time.Duration, left quota) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, c := m.each[at], m.counters[at.subject]
	if c == nil {
		c = &Counter{Account: at.account, Product: at.product, Action: at.action}
		m.counters[at.subject] = c
	}
	if one == nil {
		one = &meter{}
		m.each[at] = one
	}
	c.Total++
	c.InFlight++
	c.PeakInFlight = max(c.PeakInFlight, c.InFlight)
	c.PeakOffered = max(c.PeakOffered, one.offered.add(now))
	wait = one.take(limit, now)
	if wait > 0 {
		c.Throttled++
	} else {
		c.Accepted++
		c.PeakAccepted = max(c.PeakAccepted, one.accepted.add(now))
	}
	return wait, one.left(limit, now)
}

func (m *meters) finish(who subject) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[who].InFlight--
}

func (m *meters) faulted(who subject) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[who].Faulted++
}

// clear forgets the counts, not the calls that rates count.
func (m *meters) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for who, c := range m.counters {
		m.counters[who] = &Counter{
			Account: c.Account, Product: c.Product, Action: c.Action, InFlight: c.InFlight, PeakInFlight: c.InFlight,
		}
	}
	for _, one := range m.each {
		one.accepted, one.offered = seconds{}, seconds{}
	}
}

// list are the counters in the order of account, product and action.
func (m *meters) list() []Counter {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Counter, 0, len(m.counters))
	for _, c := range m.counters {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Counter) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Product, b.Product), cmp.Compare(a.Action, b.Action))
	})
	return all
}

// meter is one place's. The rate is a sliding window, exact to the call: of
// any 60 seconds, whichever instant they begin at, at most limit calls are
// accepted. Throttled calls do not count against it.
type meter struct {
	// taken is a ring of the instants of the last limit accepted calls; next is
	// the place of the oldest once it is full.
	taken             []time.Time
	next              int
	accepted, offered seconds
}

// take notes the call if fewer than limit were accepted in the 60 seconds up
// to now, else returns when the oldest of them leaves the window.
func (m *meter) take(limit int, now time.Time) time.Duration {
	switch {
	case limit <= 0:
	case len(m.taken) < limit:
		m.taken = append(m.taken, now)
	default:
		if wait := window - now.Sub(m.taken[m.next]); wait > 0 {
			return wait
		}
		m.taken[m.next] = now
		m.next = (m.next + 1) % limit
	}
	return 0
}

// left is what the window has room for.
func (m *meter) left(limit int, now time.Time) quota {
	if limit <= 0 || len(m.taken) == 0 {
		return quota{}
	}
	nth := func(n int) time.Time { return m.taken[(m.next+n)%len(m.taken)] }
	gone := sort.Search(len(m.taken), func(n int) bool { return now.Sub(nth(n)) < window })
	if gone == len(m.taken) {
		return quota{limit: limit, remain: limit}
	}
	return quota{limit: limit, remain: limit - (len(m.taken) - gone), left: window - now.Sub(nth(gone))}
}

// seconds counts calls per second of the last minute.
type seconds struct {
	last  int64
	count [60]int
	sum   int
}

// add counts a call at now and returns how many there were in the 60 seconds
// that end with this one.
func (s *seconds) add(now time.Time) int {
	second := max(now.Unix(), s.last)
	for at := max(s.last+1, second-59); at <= second; at++ {
		s.sum -= s.count[at%60]
		s.count[at%60] = 0
	}
	s.last = second
	s.count[second%60]++
	s.sum++
	return s.sum
}
