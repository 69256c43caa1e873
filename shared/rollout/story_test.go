package rollout_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// to is the simplest wish.
func (w *world) to() rollout.Wish { return rollout.Wish{To: rollout.Target{Image: w.golden}} }

func TestStoryOfTwoInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, cloudsim.Options{})
		first, second := w.fleet[0], w.fleet[1]
		was := w.disk(first)
		got := w.end(w.approve(w.to(), first, second))
		if want := map[image.InstanceID]string{first: "applied", second: "applied"}; got.State != work.Finished || !maps.Equal(outcomes(got), want) {
			t.Fatalf("%s: %v by %v", got.State, outcomes(got), w.did)
		}
		for _, id := range w.fleet {
			if i := w.instance(id); i.Image != w.golden || i.Status != image.InstanceRunning {
				t.Errorf("%s runs %s and is %s", id, i.Image, i.Status)
			}
		}
		want := []string{"deleteSnapshot", "replace", "snapshot", "snapshot", "start", "stop"}
		var calls []string
		for _, d := range w.did {
			calls = append(calls, d[:slices.Index([]byte(d), ' ')])
		}
		both := slices.Sorted(slices.Values(slices.Concat(want, want)))
		if slices.Sort(calls); !slices.Equal(calls, both) {
			t.Errorf("calls %v", calls)
		}
		if now := w.disk(first); now.Name != was.Name || now.SizeGiB != was.SizeGiB || now.DeleteWithInstance != was.DeleteWithInstance {
			t.Errorf("%+v was %+v", now, was)
		}
	})
}
