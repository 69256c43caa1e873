package ecsapi_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/scripts/local/ecsapi"
)

// counter is the count of one account's calls of one action.
func (l *local) counter(account, action string) ecsapi.Counter {
	for _, c := range l.api.Counters() {
		if c.Account == account && c.Action == action {
			return c
		}
	}
	return ecsapi.Counter{}
}

const first, second = "1000000000000001", "1000000000000002"

// TestRateIsPerAccountActionAndRegion, exact to the call, and says when to come back.
func TestRateIsPerAccountActionAndRegion(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{RatePerMinute: 3})
	for range 3 {
		expect(t, l.call("DescribeRegions"), 200, "")
		l.signing.Advance(10 * time.Second)
	}
	out := l.call("DescribeRegions")
	expect(t, out, 400, "Throttling.User")
	if out.header.Get("x-acs-retry-after") != "30000" {
		t.Errorf("retry after %q ms, want 30000", out.header.Get("x-acs-retry-after"))
	}
	expect(t, l.as("local2", "DescribeRegions"), 200, "")
	expect(t, l.call("DescribeRegions", "RegionId", "cn-shanghai"), 200, "")
	expect(t, l.call("GetCallerIdentity"), 200, "")
	l.signing.Advance(30*time.Second - time.Millisecond)
	expect(t, l.call("DescribeRegions"), 400, "Throttling.User")
	l.signing.Advance(time.Millisecond)
	expect(t, l.call("DescribeRegions"), 200, "")
	c := l.counter(first, "DescribeRegions")
	if c.Total != 7 || c.Accepted != 5 || c.Throttled != 2 || c.PeakAccepted != 3 || c.PeakOffered != 5 {
		t.Errorf("counted %+v", c)
	}
}

// TestAnswersTellWhatIsLeft of the rate, unless they are told not to.
func TestAnswersTellWhatIsLeft(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{RatePerMinute: 3})
	for _, want := range []string{
		"Limit:3,Remain:2,TimeLeft:60000", "Limit:3,Remain:1,TimeLeft:50000", "Limit:3,Remain:0,TimeLeft:40000",
		"Limit:3,Remain:0,TimeLeft:30000", // throttled
		"Limit:3,Remain:0,TimeLeft:20000", "Limit:3,Remain:0,TimeLeft:10000",
		"Limit:3,Remain:0,TimeLeft:10000", // the first one has left the window
	} {
		if got := l.call("DescribeRegions").header.Get("x-ratelimit-user-api"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		l.signing.Advance(10 * time.Second)
	}
	silent := serve(t, ecsapi.Options{RatePerMinute: 3, SilentRates: true})
	if got := silent.call("DescribeRegions").header.Get("x-ratelimit-user-api"); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

// TestDocumentedRates: 1000 DescribeImages a minute, 500 of what is not published.
func TestDocumentedRates(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{})
	for action, rate := range map[string]int{"DescribeImages": 1000, "DescribeRegions": 500} {
		refused := 0
		for range rate + 5 {
			if l.call(action, "RegionId", region).code() == "Throttling.User" {
				refused++
			}
		}
		if refused != 5 {
			t.Errorf("%s: %d of %d refused", action, refused, rate+5)
		}
	}
}

func TestNoRate(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{RatePerMinute: -1})
	for range 600 {
		l.must("DescribeRegions")
	}
	if c := l.counter(first, "DescribeRegions"); c.Accepted != 600 || c.PeakAccepted != 600 {
		t.Errorf("counted %+v", c)
	}
}

// TestRateHoldsInAnyMinute: whenever calls come, of any 60 seconds at most the
// rate is accepted, none is refused without need, and at the time that a
// refusal names the call is accepted.
func TestRateHoldsInAnyMinute(t *testing.T) {
	t.Parallel()
	servers := map[int]*local{}
	for limit := 1; limit <= 4; limit++ {
		servers[limit] = serve(t, ecsapi.Options{RatePerMinute: limit})
	}
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		l := servers[limit]
		l.signing.Advance(time.Hour)
		var accepted []time.Time
		for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 70000), 1, 12).Draw(t, "gaps") {
			l.signing.Advance(time.Duration(gap) * time.Millisecond)
			out := l.call("DescribeRegions")
			recent := 0
			for _, at := range accepted {
				if l.signing.Now().Sub(at) < time.Minute {
					recent++
				}
			}
			if ok := out.status == 200; ok != (recent < limit) {
				t.Fatalf("status %d with %d of %d in the last minute", out.status, recent, limit)
			}
			if out.status != 200 {
				wait, _ := strconv.Atoi(out.header.Get("x-acs-retry-after"))
				l.signing.Advance(time.Duration(wait) * time.Millisecond)
				l.must("DescribeRegions")
			}
			accepted = append(accepted, l.signing.Now())
		}
	})
}

// TestLatencyIsAddedToEachCall, throttled ones included, which are in flight
// meanwhile.
func TestLatencyIsAddedToEachCall(t *testing.T) {
	t.Parallel()
	const latency = 30 * time.Millisecond
	l := serve(t, ecsapi.Options{Latency: latency, RatePerMinute: 2})
	begin := time.Now()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { l.call("DescribeRegions") })
	}
	wg.Wait()
	if took := time.Since(begin); took < latency {
		t.Errorf("answered after %v", took)
	}
	if c := l.counter(first, "DescribeRegions"); c.PeakInFlight < 2 || c.Throttled != 1 || c.PeakOffered != 3 {
		t.Errorf("counted %+v", c)
	}
}
