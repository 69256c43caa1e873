package fchost_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost"
)

// handClock is moved by hand.
type handClock struct {
	mu     sync.Mutex
	now    time.Time
	alarms map[chan time.Time]time.Time
}

func newHandClock(now time.Time) *handClock {
	return &handClock{now: now, alarms: map[chan time.Time]time.Time{}}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ring := make(chan time.Time, 1)
	c.alarms[ring] = c.now.Add(d)
	return ring
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for ring, at := range c.alarms {
		if !at.After(c.now) {
			ring <- c.now
			delete(c.alarms, ring)
		}
	}
}

// waiters counts those who wait for an alarm.
func (c *handClock) waiters() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.alarms)
}

const timers = `        - triggerName: daily
          triggerType: timer
          triggerConfig: {cronExpression: 'CRON_TZ=Asia/Shanghai 0 0 4 * * *', enable: true, payload: '{"a":1}'}
        - triggerName: worker
          triggerType: timer
          triggerConfig: {cronExpression: 'CRON_TZ=Asia/Shanghai 0 0 4 1 1 *', enable: true}
        - triggerName: off
          triggerType: timer
          triggerConfig: {cronExpression: '@every 1s', enable: false}
        - triggerName: bucket
          triggerType: oss
          sourceArn: acs:oss:cn-hangzhou:1000000000000001:b
          triggerConfig: {events: ['oss:ObjectCreated:*'], filter: {key: {prefix: a, suffix: b}}}
`

func withTimers(t *testing.T, clock *handClock) *stage {
	t.Helper()
	probe := probeResource()
	probe.triggers = timers
	return started(t, func(o *fchost.Options) { o.Clock = clock }, "", probe)
}

func TestTimersFireByTheirClock(t *testing.T) {
	t.Parallel()
	clock := newHandClock(time.Date(2026, 3, 1, 19, 59, 50, 0, time.UTC))
	s := withTimers(t, clock)
	eventually(t, "the timer waits", func() bool { return clock.waiters() == 2 })
	clock.advance(9 * time.Second)
	if notes := s.notes("probe"); len(notes) != 0 {
		t.Fatalf("fired too early: %q", notes)
	}
	want := []string{`{"triggerTime":"2026-03-01T20:00:00Z","triggerName":"daily","payload":"{\"a\":1}"}`}
	clock.advance(time.Second)
	eventually(t, "the timer fires", func() bool { return slices.Equal(s.notes("probe"), want) })

	// A machine that slept for three days makes up for nothing.
	eventually(t, "the timer waits again", func() bool {
		return clock.waiters() == 2 && !s.status().Functions[0].Triggers[1].Running
	})
	clock.advance(72 * time.Hour)
	eventually(t, "the timer fires once more", func() bool { return len(s.notes("probe")) == 2 })
	eventually(t, "the timer waits again", func() bool { return clock.waiters() == 2 })
	next := s.status().Functions[0].Triggers[1].Next
	if next == nil || !next.Equal(time.Date(2026, 3, 5, 20, 0, 0, 0, time.UTC)) {
		t.Errorf("next is %v", next)
	}
	if notes := s.notes("probe"); len(notes) != 2 {
		t.Errorf("fired %d times", len(notes))
	}
}

func TestFiringByHand(t *testing.T) {
	t.Parallel()
	s := withTimers(t, newHandClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	r := s.do("POST", "/_local/trigger/probe/off", "")
	if want := `{"triggerTime":"2026-03-01T12:00:00Z","triggerName":"off","payload":""}`; r.status != 200 || r.body != want {
		t.Errorf("got %d %s, want %s", r.status, r.body, want)
	}
	if r := s.do("POST", "/_local/trigger/probe/bucket", `{"events":[]}`); r.body != `{"events":[]}` {
		t.Errorf("the oss trigger passed on %s", r.body)
	}
	for path, status := range map[string]int{"probe/web": 400, "probe/none": 404, "none/daily": 404} {
		s.do("POST", "/_local/trigger/"+path, "").want(t, status, "")
	}
	s.do("POST", "/_local/trigger/probe/daily", "{}").want(t, 400, "")
}

// TestObjectsThatChangeStartFunctions: as the filter of their trigger says.
func TestObjectsThatChangeStartFunctions(t *testing.T) {
	t.Parallel()
	s := withTimers(t, newHandClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []fchost.ObjectChange{
		{Event: "ObjectCreated:PutObject", Bucket: "other", Key: "a1b"},
		{Event: "ObjectRemoved:DeleteObject", Bucket: "b", Key: "a2b"},
		{Event: "ObjectCreated:PutObject", Bucket: "b", Key: "a3"},
		{Event: "ObjectCreated:PutObject", Bucket: "b", Region: "cn-hangzhou", Owner: "1", By: "1", Key: "a4b", Size: 2, Delta: 2, ETag: "E", ContentType: "text/plain", At: at},
	} {
		s.host.ObjectChanged(c)
	}
	eventually(t, "the function ran", func() bool { return strings.Contains(s.log.String(), "Source: oss") })
	if n := strings.Count(s.log.String(), "Source: oss"); n != 1 {
		t.Errorf("it ran %d times", n)
	}
}

// TestAcceptedWorkFiresTheWorker: a function that answers 202 has left work for
// its worker, which need not wait for the minute. Other timers keep their time.
func TestAcceptedWorkFiresTheWorker(t *testing.T) {
	t.Parallel()
	s := withTimers(t, newHandClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	s.do("GET", "/_fn/probe/?do=accept", "").want(t, 202, "")
	eventually(t, "the worker fires", func() bool { return len(s.notes("probe")) > 0 })
	if notes := s.notes("probe"); len(notes) != 1 || !strings.Contains(notes[0], `"worker"`) {
		t.Errorf("fired: %q", notes)
	}
}

// TestUnsteadyTicks: by a seed some come twice, late, or not at all, and the same
// seed does the same.
func TestUnsteadyTicks(t *testing.T) {
	t.Parallel()
	const minutes = 1000
	count := map[string]int{}
	for n := range minutes {
		due := time.Date(2026, 3, 1, 0, n, 0, 0, time.UTC)
		ticks := fchost.Ticks(7, "share/worker", due)
		if !slices.Equal(ticks, fchost.Ticks(7, "share/worker", due)) {
			t.Fatal("the same seed draws otherwise")
		}
		switch {
		case len(ticks) == 0:
			count["never"]++
		case len(ticks) == 2:
			count["twice"]++
		case ticks[0] > 0:
			count["late"]++
		}
		for _, late := range ticks {
			if late < 0 || late > 150*time.Second {
				t.Errorf("%s late", late)
			}
		}
	}
	for what, n := range map[string]int{"never": 100, "twice": 130, "late": 130} {
		if count[what] < n {
			t.Errorf("%s: %d of %d", what, count[what], minutes)
		}
	}
}

// TestUnsteadyTimers: the host fires them so.
func TestUnsteadyTimers(t *testing.T) {
	t.Parallel()
	for _, want := range [][]bool{{}, {false, false}, {true}} { // whether each is late
		seed, due := uint64(1), time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
		for ; !slices.Equal(want, lateness(fchost.Ticks(seed, "probe/daily", due))); seed++ {
		}
		clock := newHandClock(due.Add(-10 * time.Second))
		probe := probeResource()
		probe.triggers = timers
		s := started(t, func(o *fchost.Options) { o.Clock, o.Unsteady = clock, seed }, "", probe)
		eventually(t, "the timer waits", func() bool { return clock.waiters() == 2 })
		clock.advance(10 * time.Second)
		late := len(want) == 1
		if late {
			eventually(t, "the timer and its tick wait", func() bool { return clock.waiters() == 3 })
			if notes := s.notes("probe"); len(notes) != 0 {
				t.Errorf("not late: %q", notes)
			}
			clock.advance(150 * time.Second)
		}
		eventually(t, "it fires", func() bool { return len(s.notes("probe")) == len(want) })
		eventually(t, "the timer waits again", func() bool { return clock.waiters() == 2 })
		for _, note := range s.notes("probe") {
			if !strings.Contains(note, `"triggerTime":"2026-03-01T20:00:00Z"`) {
				t.Errorf("seed %d: %s", seed, note)
			}
		}
	}
}

// lateness tells of ticks whether they are late.
func lateness(ticks []time.Duration) []bool {
	late := []bool{}
	for _, d := range ticks {
		late = append(late, d > 0)
	}
	return late
}
