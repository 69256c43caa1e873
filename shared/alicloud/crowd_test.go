package alicloud_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// quota is an account whose calls are counted over a sliding window, as the
// local cloud counts them: exact to the call, refused ones not counted.
type quota struct {
	limit    int
	latency  time.Duration
	tells    bool          // answers say how much is left
	spread   time.Duration // instances start within this time of each other
	loaded   time.Duration // calls and answers each wait up to so long for a processor
	mu       sync.Mutex
	accepted []time.Time
	refused  []time.Time
}

// RoundTrip answers GetCallerIdentity always and DescribeImages within quota.
func (q *quota) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(q.latency + q.waits())
	defer func() { time.Sleep(q.waits()) }()
	if r.URL.Query().Get("Action") != "DescribeImages" {
		return respond(`{"RequestId":"r","AccountId":"1"}`), nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if at := len(q.accepted) - q.limit; q.limit > 0 && at >= 0 && now.Sub(q.accepted[at]) < time.Minute {
		q.refused = append(q.refused, now)
		no := respond(`{"RequestId":"r","Code":"Throttling.User"}`)
		no.StatusCode = 400
		no.Header.Set("X-Acs-Retry-After", fmt.Sprint(time.Minute.Milliseconds()-now.Sub(q.accepted[at]).Milliseconds()))
		return no, nil
	}
	q.accepted = append(q.accepted, now)
	yes := respond(imagesBody(1, 100, 0, nil))
	if recent := q.recent(now); q.tells {
		yes.Header.Set("X-Ratelimit-User-Api", fmt.Sprintf("Limit:%d,Remain:%d,TimeLeft:%d", q.limit, q.limit-len(recent),
			time.Minute.Milliseconds()-now.Sub(recent[0]).Milliseconds()))
	}
	return yes, nil
}

// waits is how long a loaded machine lets a process wait.
func (q *quota) waits() time.Duration {
	if q.loaded == 0 {
		return 0
	}
	return rand.N(q.loaded)
}

// recent are the calls that count now.
func (q *quota) recent(now time.Time) []time.Time {
	from, _ := slices.BinarySearchFunc(q.accepted, now.Add(-time.Minute), time.Time.Compare)
	return q.accepted[from:]
}

// worst returns the most calls, accepted or refused, in any 60 seconds.
func (q *quota) worst() int {
	all := slices.Concat(q.accepted, q.refused)
	slices.SortFunc(all, time.Time.Compare)
	most, from := 0, 0
	for i, at := range all {
		for at.Sub(all[from]) >= time.Minute {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// workers is how many calls an instance makes at once.
const workers = 20

// run lets instances make calls each, all at once, for at most so long, and
// returns how long the slowest took.
func (q *quota) run(t *testing.T, instances, calls int, share float64, long time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var all sync.WaitGroup
	for seed := range uint64(instances) {
		late := q.spread * time.Duration(seed) / time.Duration(instances)
		jitter := rand.New(rand.NewPCG(seed, 1))
		var mu sync.Mutex
		cloud, err := alicloud.Open(alicloud.Config{Transport: q, RateShare: share, Jitter: func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return jitter.Float64()
		}})
		if err != nil {
			t.Fatal(err)
		}
		a := cloud.Account(planted())
		for worker := range workers {
			all.Go(func() {
				time.Sleep(late)
				for n := worker; n < calls && ctx.Err() == nil; n += workers {
					if _, err := a.Images(ctx, region, image.Listing{Kind: image.KindCustom}); fault.Code(err) == "rateShare" {
						return // its turn would come after the end
					}
				}
			})
		}
	}
	all.Wait()
	return time.Since(began)
}

// TestACrowdKeepsToTheQuota: fifty instances start at once at one account and
// know nothing of each other. Fifty bursts of twenty are the quota to the call;
// that it is used up, each can only learn by asking once more. So fifty calls
// over 1000 in the first minute is the least that is possible for instances
// that have more than twenty calls to make and do not idle for minutes; the
// bound here allows one question more per instance.
func TestACrowdKeepsToTheQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		calls        int
		share        float64
		long         time.Duration
		tells        bool
		spread       time.Duration
		loaded       time.Duration
		worst, least int
	}{
		{"twenty calls each", 20, 0.3, time.Minute, false, 0, 0, 1000, 1000},
		{"a minute of more than there is", 100, 0.3, time.Minute, false, 0, 0, 1050, 1000},
		{"the full documented rate", 200, 1, time.Minute, false, 0, 0, 1050, 1000},
		{"minutes of more than there is", 100000, 0.3, 150 * time.Second, false, 0, 0, 1100, 2000},
		{"a minute, where answers tell what is left", 100, 0.3, time.Minute, true, 0, 0, 1017, 900},
		{"minutes, where answers tell what is left", 100000, 0.3, 150 * time.Second, true, 0, 0, 1017, 2000},
		{"one after the other", 100, 0.3, time.Minute, true, 5 * time.Second, 0, 1017, 900},
		{"minutes, one after the other", 100000, 0.3, 150 * time.Second, true, 20 * time.Second, 0, 1017, 2000},
		{"a loaded machine", 100000, 0.3, 150 * time.Second, true, 10 * time.Second, time.Second, 1017, 1800},
		{"an overloaded machine", 100000, 0.3, 150 * time.Second, true, 10 * time.Second, 5 * time.Second, 1017, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := &quota{limit: 1000, latency: 50 * time.Millisecond, tells: c.tells, spread: c.spread, loaded: c.loaded}
				q.run(t, 50, c.calls, c.share, c.long)
				t.Logf("accepted %d, refused %d, worst 60 s %d", len(q.accepted), len(q.refused), q.worst())
				if q.worst() > c.worst {
					t.Errorf("%d calls within 60 s, want at most %d", q.worst(), c.worst)
				}
				if len(q.accepted) < c.least {
					t.Errorf("%d calls were accepted, want at least %d", len(q.accepted), c.least)
				}
			})
		})
	}
}

// TestKnownRoomIsUsed: where answers tell that most of the quota is left, one
// instance uses its share of the minute without waiting for each call's turn,
// and no more than its share.
func TestKnownRoomIsUsed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		calls int
		share float64
		most  time.Duration
	}{
		{200, 0.3, 8 * time.Second},
		{300, 0.3, 12 * time.Second},
		{400, 0.3, 85 * time.Second}, // the last hundred in the next minute
	} {
		t.Run(fmt.Sprintf("%d calls at %g", c.calls, c.share), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := &quota{limit: 1000, latency: 50 * time.Millisecond, tells: true}
				took := q.run(t, 1, c.calls, c.share, time.Hour)
				t.Logf("%d calls in %v, worst 60 s %d", len(q.accepted), took, q.worst())
				if took > c.most || len(q.accepted) != c.calls || len(q.refused) > 0 || q.worst() > 320 {
					t.Errorf("%d calls in %v, %d refused, worst 60 s %d", len(q.accepted), took, len(q.refused), q.worst())
				}
			})
		})
	}
}

// TestOneInstanceIsNotSlowedBelowItsShare of the documented rate.
func TestOneInstanceIsNotSlowedBelowItsShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		calls int
		share float64
		most  time.Duration
	}{
		{"a burst leaves at once", 20, 0.3, 300 * time.Millisecond},
		{"200 calls at 0.3", 200, 0.3, 42 * time.Second},    // 180 at 5/s are 36 s
		{"200 calls at 1", 200, 1, 18 * time.Second},        // 180 at 16.7/s are 10.8 s
		{"200 calls at 1000", 200, 1000, 2 * time.Second},   // a burst
		{"1000 calls at 0.3", 1000, 0.3, 203 * time.Second}, // 980 at 5/s are 196 s
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := &quota{latency: 50 * time.Millisecond}
				took := q.run(t, 1, c.calls, c.share, time.Hour)
				t.Logf("%d calls in %v", len(q.accepted), took)
				if took > c.most || len(q.accepted) != c.calls {
					t.Errorf("%d calls in %v, want %d in %v", len(q.accepted), took, c.calls, c.most)
				}
			})
		})
	}
}
