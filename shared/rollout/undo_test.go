package rollout_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// disks are the system disks of the fleet.
func (w *world) disks() map[image.InstanceID]image.DiskID {
	all := map[image.InstanceID]image.DiskID{}
	for _, id := range w.fleet {
		all[id] = w.disk(id).ID
	}
	return all
}

// dies has a worker die or freeze at the nth changing call from now on: before it, or
// after it if its answer is lost. It returns whether that came.
func (w *world) dies(n int, lost bool) *bool {
	died, from := false, w.calls
	w.before, w.lose = nil, nil
	if lost {
		w.lose = func(is int, _ string) bool {
			if is-from == n && !died {
				died = true
				return w.freeze()
			}
			return false
		}
		return &died
	}
	w.before = func(is int, _ string) error {
		if is-from == n && !died {
			died = true
			w.freeze()
			return fault.New(fault.Unavailable, "frozen")
		}
		return nil
	}
	return &died
}

// TestUndoThroughDeath: a worker dies before or after each of the calls of an undo's
// story, in another run each. The old content is back, by exactly one replacement,
// and the instance is not down for longer than others take to find it.
func TestUndoThroughDeath(t *testing.T) {
	const lease, grace, tick = 90 * time.Second, time.Minute, time.Minute
	var undisturbed time.Duration
	for _, lost := range []bool{false, true} {
		for n := 0; ; n++ {
			more := n == 0
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{Visibility: 20 * time.Second, Seed: 7})
				id := w.fleet[0]
				first := w.disk(id).ID
				rolled := w.approve(w.to(), id)
				w.end(rolled)
				d, _ := w.undoing(rolled)
				replaced := w.count("replace")
				down := w.watch(id)
				died := w.dies(n, lost)
				got := w.end(w.start(d))
				took := down()
				more = more || *died
				if o := outcomes(got)[id]; o != "applied" || w.count("replace") != replaced+1 || !w.has(id, first) || w.instance(id).Status != image.InstanceRunning {
					t.Errorf("call %d, lost %v: %s by %v", n, lost, o, w.did)
				}
				if n == 0 {
					undisturbed = took
				} else if took > undisturbed+lease+grace+tick+3*time.Minute { // the freeze itself is four minutes, of which the lease is a part
					t.Errorf("call %d, lost %v: down for %s, and for %s undisturbed", n, lost, took, undisturbed)
				}
			})
			if !more {
				break
			}
		}
	}
}

// watch measures for how long an instance is not Running, until it is asked.
func (w *world) watch(id image.InstanceID) func() time.Duration {
	stop, total := make(chan bool), make(chan time.Duration)
	go func() {
		down := time.Duration(0)
		for {
			select {
			case <-stop:
				total <- down
				return
			case <-time.After(time.Second):
			}
			if w.instance(id).Status != image.InstanceRunning {
				down += time.Second
			}
		}
	}()
	return func() time.Duration {
		stop <- true
		return <-total
	}
}

// TestUndoOfHalf: the old content is back also of an aborted rollout, and of what has
// ended of one that is paused in the middle of a wave.
func TestUndoOfHalf(t *testing.T) {
	for _, do := range []work.Verb{work.Abort, work.Pause} {
		t.Run(string(do), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 6, cloudsim.Options{})
				first := w.disks()
				wish := w.to()
				wish.Strategy.WaveSize.Count = 5
				id := w.approve(wish, w.fleet...)
				for w.count("replace") < 3 {
					w.tick()
					time.Sleep(time.Minute)
				}
				if _, err := w.runner().Order(t.Context(), id, work.Order{Do: do, By: "iss ann"}); err != nil {
					t.Fatal(err)
				}
				for range 60 {
					w.tick()
					time.Sleep(time.Minute)
				}
				replaced := w.count("replace")
				if replaced < 3 || replaced > 4 {
					t.Fatalf("%d were replaced", replaced)
				}
				d, p := w.undoing(id)
				if p.Totals.Replace != replaced {
					t.Fatalf("%d of %d are undone: %+v", p.Totals.Replace, replaced, p.Others)
				}
				if got := w.end(w.start(d)); got.State != work.Finished {
					t.Fatal(got.State, outcomes(got))
				}
				for i, disk := range first {
					if !w.has(i, disk) || w.instance(i).Status != image.InstanceRunning {
						t.Errorf("%s is %s, with %v", i, w.instance(i).Status, w.cloud.WrittenOn(hangzhou, w.disk(i).ID))
					}
				}
			})
		})
	}
}

// TestRolloutAndUndo: of an undo and a rollout that come at once only one has the
// instance, whichever worker is first, and nobody waits.
func TestRolloutAndUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		id := w.approve(w.to(), w.fleet...)
		w.end(id)
		before := w.count("replace")
		other := w.image(image.Image{Name: "web-3", Family: "web"})
		d, _ := w.undoing(id)
		undo, next := w.start(d), w.approve(rollout.Wish{To: rollout.Target{Image: other}}, w.fleet...)
		done := make(chan bool)
		for range 2 { // two workers, each of which carries both
			go func() {
				for range 90 {
					w.tick()
					time.Sleep(time.Minute)
				}
				done <- true
			}()
		}
		<-done
		<-done
		results := []string{outcomes(w.get(undo))[w.fleet[0]], outcomes(w.get(next))[w.fleet[0]]}
		slices.Sort(results)
		if w.count("replace") != before+1 || results[0] != "applied" || !strings.HasPrefix(results[1], "failed ") {
			t.Errorf("%v by %v", results, w.did)
		}
	})
}

// TestMissingBackup is refused in the plan of an undo; the old image is not.
func TestMissingBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		id := w.approve(w.to(), w.fleet...)
		w.end(id)
		found, err := w.view().Snapshots(t.Context(), hangzhou, image.SnapshotListing{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			if s.Tags[rollout.TagBackup] == "" {
				continue
			}
			if err := w.view().DeleteSnapshot(t.Context(), hangzhou, s.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, p := w.undoing(id); p.Totals.Replace != 0 || p.Others[0].Reasons[0].Code != "backupMissing" {
			t.Errorf("%+v", p)
		}
	})
}

// TestUnreadableNotes: at every minute of a story, each of the notes is damaged in a
// copy. Nothing is sent because of it but a start of what is down, and nothing
// counts as done.
func TestUnreadableNotes(t *testing.T) {
	damaged := []string{"before", "begunAt", "committedAt", "stopAt", "replaceAt", "startAt", "probe", "probeSince", "passes"}
	met := map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		wish := w.to()
		wish.Health = []rollout.Probe{{Status: &rollout.Nothing{}}, {Command: "true", Passes: 3}}
		id := w.approve(wish, w.fleet...)
		kind := w.runner().Kind
		for !w.get(id).State.Ended() {
			got := w.get(id)
			for name, item := range got.Items {
				for _, note := range damaged {
					if item.Notes[note] == "" || item.Ended() {
						continue
					}
					met[note] = true
					w.damage(kind, got, name, note)
				}
			}
			report, err := w.runner().Tick(t.Context(), time.Now(), time.Now().Add(12*time.Second))
			if err != nil || len(report.Failures) > 0 {
				t.Fatal(report, err)
			}
			time.Sleep(10 * time.Second)
		}
	})
	for _, note := range damaged {
		if !met[note] {
			t.Errorf("%s was never damaged", note)
		}
	}
}

func (w *world) damage(kind work.Kind, got work.Work, name, note string) {
	w.Helper()
	bad := got
	bad.Items = maps.Clone(got.Items)
	item := bad.Items[name]
	item.Notes = maps.Clone(item.Notes)
	item.Notes[note] = "rubbish{"
	bad.Items[name] = item
	seen, err := kind.Look(w.Context(), w.look(w.Context()).Again(), bad)
	if err != nil {
		w.Fatal(err)
	}
	d := rollout.Next(bad, seen, time.Now())
	if len(d.Acts) > 0 {
		w.Errorf("%s at %s: sends %+v", note, item.Level, d.Acts)
	}
	if len(d.Items) != 1 || d.Items[0].Outcome.Result == plan.Applied {
		w.Errorf("%s at %s: %+v", note, item.Level, d.Items)
		return
	}
	if is := d.Items[0]; is.Notes[note] == "rubbish{" || is.Outcome.Result == "" && is.Notes["failed"] == "" && is.Level != "backedUp" && is.Level != "tidied" && is.Level != "secured" && is.Level != "replaced" && is.Level != "restored" {
		w.Errorf("%s at %s: %+v", note, item.Level, is)
	}
}

// TestJournalLost: with the journal gone at any moment of the time for which an
// instance is down, and its disk not replaced, it is started as it was by who
// stopped it; later the rollout comes to its end.
func TestJournalLost(t *testing.T) {
	rescued := 0
	for after := range 6 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{})
				id := w.fleet[0]
				stopped, writes := false, 0
				gone := false
				w.before = func(_ int, call string) error {
					stopped = stopped || call == "stop"
					return nil
				}
				w.breaks(func() bool {
					if stopped && !gone {
						if writes++; writes > after {
							gone = true
						}
					}
					return gone
				})
				rolled := w.approve(w.to(), id)
				for range 30 {
					if !gone {
						_, _ = w.runner().Tick(t.Context(), time.Now(), time.Now().Add(55*time.Second))
					}
					time.Sleep(time.Minute)
				}
				replaced := w.count("replace") == 1
				if gone && !replaced && w.count("start") > 0 {
					rescued++
				}
				if status := w.instance(id).Status; gone && !replaced && status != image.InstanceRunning {
					t.Errorf("it is %s without a journal, by %v", status, w.did)
				}
				w.outage.Store(nil)
				got := w.end(rolled)
				if o := outcomes(got)[id]; w.instance(id).Status != image.InstanceRunning || w.count("replace") > 1 || o != "applied" && !strings.HasPrefix(o, "failed ") {
					t.Errorf("%s, it is %s by %v", o, w.instance(id).Status, w.did)
				}
			})
		})
	}
	if rescued < 2 {
		t.Errorf("%d were started without a journal", rescued)
	}
}
