package rollout_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// upAndDown is somebody who starts a stopped instance and stops it again.
func (w *world) upAndDown(id image.InstanceID) {
	err := w.view().Start(w.Context(), hangzhou, id)
	time.Sleep(3 * time.Minute)
	err = errors.Join(err, w.view().Stop(w.Context(), hangzhou, image.StopRequest{Instance: id, Mode: "KeepCharging"}))
	time.Sleep(3 * time.Minute)
	if err != nil {
		w.Error(err)
	}
}

// TestStartedSinceItsBackup: what an instance wrote after its backup, because somebody
// started it and stopped it again, is in no backup, so its disk is not released: neither
// before the replacement was sent, nor where nobody knows whether it arrived.
func TestStartedSinceItsBackup(t *testing.T) {
	for name, at := range map[string]string{"before the replacement": "deleteSnapshot", "while it is in doubt": "replace"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{})
				time.Sleep(time.Hour) // when it came up is told to the minute
				was, met := w.disk(w.fleet[0]).ID, false
				w.before = func(_ int, call string) error {
					if call != at || met {
						return nil
					}
					met = true
					w.upAndDown(w.fleet[0])
					return fault.New(fault.Unavailable, "it never arrived")
				}
				got := w.end(w.approve(w.to(), w.fleet...))
				if o := outcomes(got)[w.fleet[0]]; !strings.HasPrefix(o, "failed ") || w.disk(w.fleet[0]).ID != was || w.instance(w.fleet[0]).Status != image.InstanceRunning {
					t.Errorf("%s: %s by %v", got.State, o, w.did)
				}
			})
		})
	}
}

// TestStartedInTheMinuteOfItsBackup: the same where the start is told by the minute in
// which the backup was begun, and nobody saw it run.
func TestStartedInTheMinuteOfItsBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{SnapshotTime: 10 * time.Minute, PowerTime: time.Second})
		time.Sleep(time.Hour)
		id, snapshots := w.fleet[0], 0
		was := w.disk(id).ID
		w.before = func(_ int, call string) error {
			if call != "snapshot" {
				return nil
			}
			if snapshots++; snapshots < 2 {
				return nil
			}
			if left := 60 - time.Now().Second(); left < 10 {
				t.Errorf("the minute ends in %d s: it proves nothing", left)
			}
			go func() {
				time.Sleep(time.Second)
				err := w.view().Start(w.Context(), hangzhou, id)
				time.Sleep(2 * time.Second)
				if err = errors.Join(err, w.view().Stop(w.Context(), hangzhou, image.StopRequest{Instance: id, Mode: "KeepCharging"})); err != nil {
					w.Error(err)
				}
			}()
			return nil
		}
		got := w.end(w.approve(w.to(), id))
		if o := outcomes(got)[id]; !strings.HasPrefix(o, "failed moved") || w.disk(id).ID != was || w.instance(id).Status != image.InstanceRunning {
			t.Errorf("%s: %s by %v", got.State, o, w.did)
		}
	})
}

// TestUndoOfALongRollout: as long as a rollout is open the time of its backups has not
// begun, however long ago they were taken.
func TestUndoOfALongRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, cloudsim.Options{})
		was := w.disk(w.fleet[0]).ID
		wish := w.to()
		wish.Strategy.PauseAfter = []string{"canary"}
		id := w.approve(wish, w.fleet...)
		for w.get(id).State != work.Waiting {
			w.tick()
			time.Sleep(time.Minute)
		}
		time.Sleep(20 * 24 * time.Hour) // backups are kept for seven days
		d, p := w.undoing(id)
		if p.Totals.Replace != 1 {
			t.Fatalf("%+v", p.Others)
		}
		if got := w.end(w.start(d)); got.State != work.Finished || !w.has(w.fleet[0], was) && !w.has(w.fleet[1], was) {
			t.Errorf("%s: %v", got.State, outcomes(got))
		}
		if _, err := w.runner().Order(w.Context(), id, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
			t.Fatal(err)
		}
		w.end(id)
		time.Sleep(6 * 24 * time.Hour)
		if past := rollout.Pasts(w.get(id)); !past[0].Expires.After(time.Now()) {
			t.Errorf("its backups are kept until %s, and it is %s", past[0].Expires, time.Now())
		}
	})
}

// TestWhatOnlyTheReplacementBrings is told where it is not as it was: nothing brings it
// afterwards.
func TestWhatOnlyTheReplacementBrings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		id, view := w.fleet[0], w.view()
		err := view.Stop(t.Context(), hangzhou, image.StopRequest{Instance: id, Mode: "KeepCharging"})
		time.Sleep(3 * time.Minute)
		_, failed := view.ReplaceSystemDisk(t.Context(), hangzhou, image.ReplaceRequest{
			Instance: id, Image: w.old, DiskGiB: 40, Encrypted: image.Yes, LoginAsNonRoot: image.Yes, Token: "theirs",
		})
		time.Sleep(10 * time.Minute)
		if err = errors.Join(err, failed, view.Start(t.Context(), hangzhou, id)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		w.mangled = func(r *image.ReplaceRequest) { r.Encrypted, r.LoginAsNonRoot = image.No, image.No }
		got := w.end(w.approve(w.to(), id))
		i := got.Items[rollout.Name{Place: place, ID: id}.String()]
		if i.Outcome.Why == nil || i.Outcome.Why.Code != "notRestored" || !strings.Contains(i.Outcome.Why.Sentence, "encryption") || !strings.Contains(i.Outcome.Why.Sentence, "loginOptions") {
			t.Errorf("%s: %+v by %v", got.State, i.Outcome, w.did)
		}
	})
}
