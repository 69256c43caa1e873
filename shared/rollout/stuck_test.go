package rollout_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// TestStuck: an instance that starts for ever after its replacement, or stops for
// ever before it, does not keep the rollout open for ever, nor its worker busy.
func TestStuck(t *testing.T) {
	all := map[cloudsim.Boot]func(*world) image.ID{
		cloudsim.BootNever:     func(w *world) image.ID { return w.golden },
		cloudsim.BootStopHangs: func(w *world) image.ID { return w.old },
	}
	for _, boot := range drawn.Some(t, slices.Sorted(maps.Keys(all)), 2) {
		t.Run(string(boot), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{})
				w.cloud.SetBoot(all[boot](w), boot)
				wish := w.to()
				wish.OnUnhealthy = rollout.Undo
				id := w.approve(wish, w.fleet...)
				got := w.get(id)
				for range 48 {
					for range 60 {
						w.tick()
						time.Sleep(time.Minute)
					}
					if got = w.get(id); got.State.Ended() || got.Items != nil && got.State == work.Halted && outcomes(got)[w.fleet[0]] != "" {
						break
					}
				}
				if o := outcomes(got)[w.fleet[0]]; !strings.HasPrefix(o, "failed ") || w.count("replace") > 1 {
					t.Errorf("%s: %q by %v", got.State, o, w.did)
				}
				records, err := w.runner().Journal.Read(t.Context(), "work/rollouts/"+id)
				if hour := 400; err != nil || len(records) > 3*hour {
					t.Errorf("%d records of one instance: what does not happen is looked for as if it did, %v", len(records), err)
				}
			})
		})
	}
}
