package alicloud_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// vendor refuses what was signed more than 15 minutes ago, or for later, by a
// clock that may be ahead of ours. Calls take a while to arrive.
type vendor struct {
	ahead    time.Duration
	delay    time.Duration
	silent   bool // answers have no Date
	arrived  int
	done     []time.Time
	inFuture bool
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	signed, err := time.Parse("2006-01-02T15:04:05Z", q.Get("Timestamp"))
	if err != nil {
		return nil, err
	}
	v.inFuture = v.inFuture || signed.After(time.Now())
	body := `{"RequestId":"r","AccountId":"` + account + `"}`
	if changes := q.Get("Action") == "ModifyImageSharePermission"; changes {
		v.arrived++
		time.Sleep(v.delay)
		body = `{"RequestId":"r"}`
		if age := time.Now().Add(v.ahead).Sub(signed); age > 15*time.Minute || age < -15*time.Minute {
			answer := v.answer(`{"RequestId":"r","Code":"InvalidTimeStamp.Expired"}`)
			answer.StatusCode = 400
			return answer, nil
		}
		v.done = append(v.done, time.Now())
	}
	return v.answer(body), nil
}

func (v *vendor) answer(body string) *http.Response {
	answer := respond("")
	answer.Body = io.NopCloser(strings.NewReader(body))
	if !v.silent {
		answer.Header.Set("Date", time.Now().Add(v.ahead).UTC().Format(http.TimeFormat))
	}
	return answer
}

// TestNothingIsChangedAfterItsEnd: whenever a call is sent, however long it takes
// to arrive, and wherever the vendor's clock is, nothing is done later than the
// end; what arrives a moment before it is done.
func TestNothingIsChangedAfterItsEnd(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for _, c := range []struct {
		name         string
		end          time.Duration // after now
		ahead, delay time.Duration
		silent       bool
		arrives      int
		done         bool
	}{
		{"in time", 90 * second, 0, second, false, 1, true},
		{"at the last moment", 90 * second, 0, 88 * second, false, 1, true},
		{"too late on its way", 90 * second, 0, 92 * second, false, 1, false},
		{"an hour on its way", 90 * second, 0, time.Hour, false, 1, false},
		{"the vendor is ahead, in time", 90 * second, 12 * second, 86 * second, false, 1, true},
		{"the vendor is ahead, too late", 90 * second, 12 * second, 92 * second, false, 1, false},
		{"the vendor is behind, in time", 90 * second, -12 * second, 86 * second, false, 1, true},
		{"the vendor is behind, too late", 90 * second, -12 * second, 92 * second, false, 1, false},
		{"the clocks are too far apart", 90 * second, 40 * second, second, false, 0, false},
		{"the other way round", 90 * second, -40 * second, second, false, 0, false},
		{"answers have no date", 90 * second, 0, 92 * second, true, 1, false},
		{"the end is over", 0, 0, second, false, 0, false},
		{"the end was over long ago", -time.Hour, 0, second, false, 0, false},
		{"the end is far", time.Hour, 0, 14 * time.Minute, false, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &vendor{ahead: c.ahead, delay: c.delay, silent: c.silent}
				cloud, err := alicloud.Open(alicloud.Config{Transport: v, AttemptTimeout: 2 * time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				a := cloud.Account(planted())
				if _, err := a.ID(t.Context()); err != nil {
					t.Fatal(err)
				}
				end := time.Now().Add(c.end)
				ctx := alicloud.NotAfter(alicloud.NotAfter(t.Context(), end), end.Add(time.Hour))
				err = a.Permit(ctx, image.Ref{Account: account, Region: region, ID: "m-1"}, []image.AccountID{other}, nil)
				if v.arrived != c.arrives || (len(v.done) == 1) != c.done || (err == nil) != c.done {
					t.Errorf("%d calls, done %v, %v", v.arrived, v.done, err)
				}
				if !c.done && fault.Of(err) != fault.Unavailable {
					t.Errorf("got %v, want kind %s", err, fault.Unavailable)
				}
				if code := fault.Code(err); c.arrives == 0 && code != "notSent" && code != "clockSkewed" {
					t.Errorf("code %s", code)
				}
				if v.inFuture {
					t.Error("a call was signed for the future")
				}
			})
		})
	}
}

// TestReadingGoesOnAfterTheEnd of changing.
func TestReadingGoesOnAfterTheEnd(t *testing.T) {
	t.Parallel()
	v := &vendor{}
	cloud, err := alicloud.Open(alicloud.Config{Transport: v})
	if err != nil {
		t.Fatal(err)
	}
	ctx := alicloud.NotAfter(t.Context(), time.Now().Add(-time.Hour))
	if id, err := cloud.Account(planted()).ID(ctx); err != nil || id != account {
		t.Errorf("got %q, %v", id, err)
	}
}
