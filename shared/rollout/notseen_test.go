package rollout_test

import (
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
)

// An instance that nobody shows is refused as that, whatever else is wrong with the
// place that it was looked for in; one of a place that was not looked at is not.
func TestAnInstanceThatIsNotThere(t *testing.T) {
	t.Parallel()
	here := rollout.Place{Account: "1000000000000001", Region: "cn-hangzhou"}
	noRelease := rollout.Resolved{Why: image.Reason{Code: "noRelease", Sentence: "no image is stable there"}}
	for want, targets := range map[string]map[rollout.Place]rollout.Resolved{
		"instanceNotSeen": {here: noRelease}, "placeUnread": {},
	} {
		p, err := rollout.Plan(rollout.Wish{}.Filled(), rollout.Observed{Servers: []rollout.Server{{Name: rollout.Name{Place: here, ID: "i-none"}}}}, targets, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Others) != 1 || len(p.Others[0].Reasons) != 1 || p.Others[0].Reasons[0].Code != want {
			t.Errorf("want %s: %+v", want, p.Others)
		}
	}
}
