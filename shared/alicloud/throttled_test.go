package alicloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// moody answers each call of an action as it likes, 50 ms away.
type moody struct {
	mu sync.Mutex
	// calls are when those that are not for STS came, by region.
	calls map[string][]time.Time
	// throttles tells whether call number n of a region, from 1, is refused, and
	// with which headers.
	throttles func(region string, n int, now time.Time) (bool, map[string]string)
	// images is how many a region has.
	images int
}

func (m *moody) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(50 * time.Millisecond)
	q := r.URL.Query()
	if q.Get("Action") == "GetCallerIdentity" {
		return respond(`{"RequestId":"r","AccountId":"` + account + `"}`), nil
	}
	m.mu.Lock()
	where := q.Get("RegionId")
	if m.calls == nil {
		m.calls = make(map[string][]time.Time)
	}
	m.calls[where] = append(m.calls[where], time.Now())
	no, header := m.throttles(where, len(m.calls[where]), time.Now())
	m.mu.Unlock()
	answer := respond(strings.ReplaceAll(imagesPage(q, m.images), region, where))
	if no {
		answer.StatusCode, answer.Body = 400, io.NopCloser(strings.NewReader(`{"RequestId":"r","Code":"Throttling.User"}`))
	}
	for name, value := range header {
		answer.Header.Set(name, value)
	}
	return answer, nil
}

// total is how many calls came.
func (m *moody) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, calls := range m.calls {
		n += len(calls)
	}
	return n
}

// reader is one process that reads from m.
func (m *moody) reader(t *testing.T) *alicloud.Account {
	t.Helper()
	cloud, err := alicloud.Open(alicloud.Config{Transport: m, RateShare: 1, Jitter: func() float64 { return 0.5 }})
	if err != nil {
		t.Fatal(err)
	}
	return cloud.Account(planted())
}

// within lists the images of a region for a caller with so much time.
func within(t *testing.T, a *alicloud.Account, in image.RegionID, limit time.Duration) (int, time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	found, err := a.Images(ctx, in, image.Listing{Kind: image.KindCustom})
	return len(found), time.Since(began), err
}

// always is refused, and told nothing.
func always(string, int, time.Time) (bool, map[string]string) { return true, nil }

// TestAThrottledCallUsesTheTimeOfItsCaller, keeps its kind and the vendor's code,
// says when to come back, and does not hammer.
func TestAThrottledCallUsesTheTimeOfItsCaller(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		time  time.Duration
		least time.Duration
		most  int
	}{
		{"all that it has", 58 * time.Second, 45 * time.Second, 14},
		{"little", 5 * time.Second, 2 * time.Second, 5},
		{"no end", 0, 2 * time.Minute, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &moody{throttles: always}
				limit := c.time
				if limit == 0 {
					limit = time.Hour
				}
				ctx := t.Context()
				if c.time > 0 {
					limited, cancel := context.WithTimeout(ctx, c.time)
					defer cancel()
					ctx = limited
				}
				began := time.Now()
				_, err := m.reader(t).Images(ctx, region, image.Listing{})
				took := time.Since(began)
				var failed *fault.Error
				if !errors.As(err, &failed) || failed.Kind != fault.Throttled || failed.Code != "Throttling.User" || failed.RetryAfter <= 0 {
					t.Errorf("got %#v", err)
				}
				if took < c.least || took > limit {
					t.Errorf("it ended after %v of %v", took, c.time)
				}
				if n := m.total(); n > c.most {
					t.Errorf("%d calls in %v, want at most %d", n, took, c.most)
				}
			})
		})
	}
}

// late answers the first calls as another does, and the rest never.
type late struct {
	moody
	after int
}

func (l *late) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.total() < l.after || r.URL.Query().Get("Action") == "GetCallerIdentity" {
		return l.moody.RoundTrip(r)
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestThrottledAndThenCut: whoever was told that it is too much, and whose time ends
// while the next answer is on its way, was throttled.
func TestThrottledAndThenCut(t *testing.T) {
	t.Parallel()
	for calls, want := range map[int]fault.Kind{0: fault.Unavailable, 1: fault.Throttled, 2: fault.Throttled} {
		synctest.Test(t, func(t *testing.T) {
			cloud, err := alicloud.Open(alicloud.Config{Transport: &late{moody{throttles: always}, calls}, RateShare: 1, Jitter: func() float64 { return 0.5 }})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = within(t, cloud.Account(planted()), region, 5*time.Second)
			var failed *fault.Error
			if !errors.As(err, &failed) || failed.Kind != want || (want == fault.Throttled) != (failed.RetryAfter > 0) {
				t.Errorf("after %d calls that were throttled: %#v", calls, err)
			}
		})
	}
}

// TestEverySecondCallThrottled, the answer is whole in the time that a function has.
func TestEverySecondCallThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &moody{images: 900, throttles: func(_ string, n int, _ time.Time) (bool, map[string]string) { return n%2 == 1, nil }}
		a := m.reader(t)
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				got, took, err := within(t, a, image.RegionID(fmt.Sprintf("cn-region-%d", n)), 58*time.Second)
				if err != nil || got != 900 {
					t.Errorf("%d images after %v: %v", got, took, err)
				}
			})
		}
		all.Wait()
	})
}

// TestRecoveryTakesOneCall: once calls are accepted again, those who waited get
// their answers at once, and so does who comes then; none is refused unasked.
func TestRecoveryTakesOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const down = 20 * time.Second
		began := time.Now()
		m := &moody{images: 1, throttles: func(_ string, _ int, now time.Time) (bool, map[string]string) { return now.Sub(began) < down, nil }}
		a := m.reader(t)
		var all sync.WaitGroup
		for range 29 {
			all.Go(func() {
				if _, took, err := within(t, a, region, 58*time.Second); err != nil || took > down+14*time.Second {
					t.Errorf("who waited: %v after %v", err, took)
				}
			})
		}
		time.Sleep(down + time.Second)
		refused := m.total()
		for n := range 3 {
			all.Go(func() {
				time.Sleep(time.Duration(n) * 4 * time.Second)
				if _, took, err := within(t, a, region, 20*time.Second); err != nil || took > 14*time.Second {
					t.Errorf("who came then: %v after %v", err, took)
				}
			})
		}
		all.Wait()
		if refused > 8 || m.total() != refused+32 {
			t.Errorf("%d calls while it was down, %d after that for 32 answers", refused, m.total()-refused)
		}
	})
}

// TestWhoHasLittleTimeFindsOut: a rest that the vendor did not ask for holds
// nobody off who cannot wait so long, as one call a second may find out.
func TestWhoHasLittleTimeFindsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const down = 20 * time.Second
		began := time.Now()
		m := &moody{images: 1, throttles: func(_ string, _ int, now time.Time) (bool, map[string]string) { return now.Sub(began) < down, nil }}
		a := m.reader(t)
		if _, _, err := within(t, a, region, down-time.Second); fault.Of(err) != fault.Throttled {
			t.Fatalf("got %v, want kind %s", err, fault.Throttled)
		}
		time.Sleep(time.Until(began.Add(down)))
		if _, took, err := within(t, a, region, 2*time.Second); err != nil {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestThrottledWithMuchLeft: a refusal that itself says that the quota has room is
// about something else, and blinds nobody for a minute; one that says that it has
// none is believed.
func TestThrottledWithMuchLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		header      map[string]string
		least, most time.Duration
	}{
		{"much is left", map[string]string{"X-Ratelimit-User-Api": "Limit:1000,Remain:900,TimeLeft:59000"}, time.Second, 3 * time.Second},
		{"much is left, it says", map[string]string{"X-Ratelimit-User-Api": "Limit:1000,Remain:900,TimeLeft:59000", "X-Acs-Retry-After": "59000"}, time.Second, 3 * time.Second},
		{"nothing is said", nil, time.Second, 3 * time.Second},
		{"nothing is left", map[string]string{"X-Ratelimit-User-Api": "Limit:1000,Remain:0,TimeLeft:20000"}, 20 * time.Second, 26 * time.Second},
		{"a time is named", map[string]string{"X-Acs-Retry-After": "20000"}, 20 * time.Second, 26 * time.Second},
		{"an hour is named", map[string]string{"X-Acs-Retry-After": "3600000"}, 60 * time.Second, 76 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &moody{images: 1, throttles: func(_ string, n int, _ time.Time) (bool, map[string]string) { return n == 1, c.header }}
				if _, took, err := within(t, m.reader(t), region, 3*time.Minute); err != nil || took < c.least || took > c.most {
					t.Errorf("%v after %v, want %v to %v", err, took, c.least, c.most)
				}
			})
		})
	}
}

// TestWhoCannotWaitIsToldAtOnce: where the vendor named a time after the end of a
// caller, the caller hears of it without waiting, and when to come back.
func TestWhoCannotWaitIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &moody{throttles: func(string, int, time.Time) (bool, map[string]string) {
			return true, map[string]string{"X-Acs-Retry-After": "40000"}
		}}
		a := m.reader(t)
		for range 3 {
			_, took, err := within(t, a, region, 10*time.Second)
			var failed *fault.Error
			if !errors.As(err, &failed) || failed.Kind != fault.Throttled || took > time.Second || failed.RetryAfter < 30*time.Second {
				t.Errorf("after %v: %#v", took, err)
			}
		}
		if n := m.total(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

// TestEachRegionHasItsQuota: rates are per action, region and account; a region
// that is throttled holds up no other.
func TestEachRegionHasItsQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &moody{images: 1, throttles: func(in string, _ int, _ time.Time) (bool, map[string]string) { return in == "cn-shanghai", nil }}
		a := m.reader(t)
		var all sync.WaitGroup
		all.Go(func() {
			if _, _, err := within(t, a, "cn-shanghai", 30*time.Second); fault.Of(err) != fault.Throttled {
				t.Errorf("got %v, want kind %s", err, fault.Throttled)
			}
		})
		for n := range 8 {
			all.Go(func() {
				for range 20 {
					if _, took, err := within(t, a, image.RegionID(fmt.Sprintf("cn-region-%d", n)), 30*time.Second); err != nil || took > time.Second {
						t.Errorf("%v after %v", err, took)
					}
				}
			})
		}
		all.Wait()
	})
}
