package rollout_test

import (
	"maps"
	"slices"
	"strconv"
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

// TestSizesOfWaves: a part is rounded down, and is one at least; a canary goes before them.
func TestSizesOfWaves(t *testing.T) {
	for _, c := range []struct {
		instances, canary int
		size              rollout.WaveSize
		want              []int
	}{
		{10, 1, rollout.WaveSize{Percent: 29}, []int{1, 2, 2, 2, 2, 1}},
		{3, 1, rollout.WaveSize{Percent: 20}, []int{1, 1, 1}},
		{7, 2, rollout.WaveSize{Count: 4}, []int{2, 4, 1}},
		{6, 0, rollout.WaveSize{Percent: 50}, []int{0, 3, 3}},
		{4, 9, rollout.WaveSize{Count: 1}, []int{4}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, c.instances, cloudsim.Options{})
			wish := w.to()
			wish.Strategy.Canary, wish.Strategy.WaveSize = &c.canary, c.size
			wish.Health = []rollout.Probe{{Status: &rollout.Nothing{}}}
			sizes := make([]int, len(c.want))
			for _, s := range w.plan(wish, w.fleet...).Plan.Steps {
				if n, err := strconv.Atoi(s.Parameters["wave"]); err == nil && n < len(sizes) {
					sizes[n]++
				}
			}
			if !slices.Equal(sizes, c.want) {
				t.Errorf("%+v: waves of %v", c, sizes)
			}
		})
	}
}
