package alicloud_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
)

// silent accepts calls and never answers them, but for STS.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("Action") == "GetCallerIdentity" {
		return respond(`{"RequestId":"r","AccountId":"` + account + `"}`), nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestSilenceIsNotOurPace: calls that wait for others that nobody answers are not said
// to be over the rate.
func TestSilenceIsNotOurPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud, err := alicloud.Open(alicloud.Config{Transport: silent{}, RateShare: 0.3})
		if err != nil {
			t.Fatal(err)
		}
		a := cloud.Account(planted())
		if _, err := a.ID(t.Context()); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				_, _, err := within(t, a, region, 30*time.Second)
				if fault.Of(err) != fault.Unavailable || strings.Contains(fault.Sentence(err), "over the rate") {
					t.Errorf("%v: %v", fault.Of(err), err)
				}
			})
		}
		group.Wait()
	})
}
