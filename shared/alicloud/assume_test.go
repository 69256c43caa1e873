package alicloud_test

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

const arn = alicloud.RoleARN("acs:ram::1000000000000002:role/imagekeeper-reader")

// assumedBody is AssumeRole's answer number n, good until the given time.
func assumedBody(n int, until time.Time) string {
	return fmt.Sprintf(`{"RequestId":"r","AssumedRoleUser":{"Arn":"x","AssumedRoleId":"1:s"},"Credentials":{"AccessKeyId":"STS.%d",`+
		`"AccessKeySecret":"assumed-secret","SecurityToken":"token-%d","Expiration":%q}}`, n, n, until.UTC().Format(time.RFC3339))
}

// TestRolesAreAssumedOnceAndRenewed over three hours of calls every ten
// minutes: every call is signed by credentials that are good, and STS is asked
// once for each 55 minutes, however many ask at once.
func TestRolesAreAssumedOnceAndRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var good sync.Map
		cloud, err := alicloud.Open(alicloud.Config{RateShare: 1000, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			switch q.Get("Action") {
			case "GetCallerIdentity":
				return respond(`{"RequestId":"r","AccountId":"` + account + `"}`), nil
			case "AssumeRole":
				until := time.Now().Add(time.Hour)
				n := int(asked.Add(1))
				good.Store(fmt.Sprintf("STS.%d/token-%d", n, n), until)
				return respond(assumedBody(n, until)), nil
			}
			until, known := good.Load(q.Get("AccessKeyId") + "/" + q.Get("SecurityToken"))
			if !known || time.Now().After(until.(time.Time)) {
				t.Errorf("a call was signed by %s, which is not good", q.Get("AccessKeyId"))
			}
			return respond(imagesBody(1, 100, 0, nil)), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		base := cloud.Account(planted())
		for range 18 {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					a, err := cloud.Assume(t.Context(), base, arn, "imagekeeper")
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := a.Images(t.Context(), region, image.Listing{Kind: image.KindCustom}); err != nil {
						t.Error(err)
					}
					if id, err := a.ID(t.Context()); err != nil || id != "1000000000000002" {
						t.Errorf("account %s, %v", id, err)
					}
				})
			}
			all.Wait()
			time.Sleep(10 * time.Minute)
		}
		if n := asked.Load(); n != 3 {
			t.Errorf("STS was asked %d times, want 3", n)
		}
	})
}

func TestRolesThatCannotBeAssumed(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour)
	for _, c := range []struct {
		name, session string
		role          alicloud.RoleARN
		say           answered
		want          fault.Kind
	}{
		{"no role", "s1", "imagekeeper", answered{}, fault.Invalid},
		{"a user", "s1", "acs:ram::1:user/x", answered{}, fault.Invalid},
		{"no account", "s1", "acs:ram:::role/x", answered{}, fault.Invalid},
		{"a session with spaces", "a b", arn, answered{}, fault.Invalid},
		{"not trusted", "s1", arn, answered{status: 403, body: `{"RequestId":"A","Code":"NoPermission"}`}, fault.Forbidden},
		{"not there", "s1", arn, answered{status: 404, body: `{"RequestId":"A","Code":"EntityNotExist.Role"}`}, fault.NotFound},
		{"empty", "s1", arn, ok("{}"), fault.Unknown},
		{"no token", "s1", arn, ok(`{"RequestId":"r","Credentials":{"AccessKeyId":"a","AccessKeySecret":"b","Expiration":"2099-01-01T00:00:00Z"}}`), fault.Unknown},
		{"no end", "s1", arn, ok(`{"RequestId":"r","Credentials":{"AccessKeyId":"a","AccessKeySecret":"b","SecurityToken":"c"}}`), fault.Unknown},
		{"over already", "s1", arn, ok(assumedBody(1, soon.Add(-2*time.Hour))), fault.Unknown},
		{"good", "s1", arn, ok(assumedBody(1, soon)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, func(action string, _ int, q url.Values) answered {
				if action == "AssumeRole" && q.Get("RoleArn") == string(arn) && q.Get("RoleSessionName") == "s1" {
					return c.say
				}
				return answered{}
			})
			cloud := open(t, w)
			a, err := cloud.Assume(t.Context(), cloud.Account(planted()), c.role, c.session)
			if fault.Of(err) != c.want || (err == nil) != (a != nil) {
				t.Errorf("got %v, want kind %q", err, c.want)
			}
			if err != nil {
				checkNoSecret(t, err)
			}
		})
	}
}
