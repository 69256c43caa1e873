package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// undoing is the document of the undo of a rollout.
func (w *world) undoing(id string) (work.Document, rollout.Planned) {
	w.Helper()
	done := w.get(id)
	wish, err := rollout.WishOf(done)
	if err != nil {
		w.Fatal(err)
	}
	wish.Undoes, wish.OnUnhealthy = id, rollout.Halt
	var ids []image.InstanceID
	pasts := map[image.InstanceID]rollout.Past{}
	for _, p := range rollout.Pasts(done) {
		ids, pasts[p.ID] = append(ids, p.ID), p
	}
	seen := w.observe(wish, ids...)
	seen.Pointers = rollout.Followed(done)
	for n := range seen.Servers {
		s := &seen.Servers[n]
		var backup *image.Snapshot
		if p := pasts[s.ID]; p.Backup != "" {
			if found, err := w.view().Snapshots(w.Context(), hangzhou, image.SnapshotListing{IDs: []image.SnapshotID{p.Backup}}); err == nil && len(found) == 1 {
				backup = &found[0]
			}
		}
		s.Aim = pasts[s.ID].AimBack(false, backup, nil, *s, time.Now())
	}
	p, err := rollout.Plan(wish, seen, nil, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	return work.Document{Of: id, Plan: p.Plan.Stored(), Claims: p.Claims}, p
}

// has reports whether an instance's disk has the content that another disk had.
func (w *world) has(id image.InstanceID, disk image.DiskID) bool {
	return slices.Contains(w.cloud.WrittenOn(hangzhou, w.disk(id).ID), disk)
}

// TestOldContentComesBack: an undo brings the content back, and an undo of that the
// new one; once the backup expired it is refused.
func TestUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, cloudsim.Options{})
		var first []image.DiskID
		for _, id := range w.fleet {
			first = append(first, w.disk(id).ID)
		}
		wish := w.to()
		wish.Strategy.MaxUnavailable = 3
		id := w.approve(wish, w.fleet...)
		if got := w.end(id); got.State != work.Finished {
			t.Fatal(got.State, outcomes(got))
		}
		second := w.disk(w.fleet[0]).ID
		for n, i := range w.fleet {
			if w.has(i, first[n]) {
				t.Errorf("%s still has its old content", i)
			}
		}
		d, _ := w.undoing(id)
		undo := w.start(d)
		if got := w.end(undo); got.State != work.Finished {
			t.Fatal(got.State, outcomes(got), w.did)
		}
		for n, i := range w.fleet {
			if !w.has(i, first[n]) || w.instance(i).Status != image.InstanceRunning {
				t.Errorf("%s has %v", i, w.cloud.WrittenOn(hangzhou, w.disk(i).ID))
			}
		}
		d, _ = w.undoing(undo)
		if got := w.end(w.start(d)); got.State != work.Finished || !w.has(w.fleet[0], second) {
			t.Fatal(got.State, outcomes(got))
		}
		time.Sleep(40 * 24 * time.Hour)
		if _, p := w.undoing(undo); p.Totals.Replace != 0 || len(p.Others) != 3 || !slices.Contains([]string{"moved", "backupExpired"}, p.Others[0].Reasons[0].Code) {
			t.Errorf("%+v", p.Others)
		}
	})
}

// TestExpiredBackup is refused in the plan of an undo.
func TestExpiredBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		id := w.approve(w.to(), w.fleet...)
		w.end(id)
		time.Sleep(8 * 24 * time.Hour)
		if _, p := w.undoing(id); p.Totals.Replace != 0 || p.Others[0].Reasons[0].Code != "backupExpired" {
			t.Errorf("%+v", p)
		}
	})
}

// TestBadImages: the canary tells, no second wave is touched, and the old content is
// back where that was asked for.
func TestBadImages(t *testing.T) {
	for boot, code := range map[cloudsim.Boot]string{cloudsim.BootSilent: "unhealthy", cloudsim.BootNever: "doesNotStart"} {
		for _, back := range []rollout.OnUnhealthy{rollout.Halt, rollout.Undo} {
			t.Run(fmt.Sprint(boot, back), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if boot == cloudsim.BootNever && back == rollout.Undo {
						t.Skip("an instance that starts for ever cannot be stopped")
					}
					w := newWorld(t, 4, cloudsim.Options{})
					w.cloud.SetBoot(w.golden, boot)
					wish := w.to()
					wish.OnUnhealthy = back
					first := map[image.InstanceID]image.DiskID{}
					for _, i := range w.fleet {
						first[i] = w.disk(i).ID
					}
					got := w.end(w.approve(wish, w.fleet...))
					if got.State != work.Halted || w.count("replace") != map[rollout.OnUnhealthy]int{rollout.Halt: 1, rollout.Undo: 2}[back] {
						t.Fatalf("%s: %v by %v", got.State, outcomes(got), w.did)
					}
					touched := 0
					for i, disk := range first {
						if o := outcomes(got)[i]; o != "" {
							touched++
							if o != "failed "+code {
								t.Errorf("%s: %s", i, o)
							}
						}
						if (back == rollout.Undo || outcomes(got)[i] == "") && (!w.has(i, disk) || w.instance(i).Status != image.InstanceRunning) {
							t.Errorf("%s: %s, its content is not back", i, w.instance(i).Status)
						}
					}
					if touched != 1 {
						t.Errorf("%d were touched", touched)
					}
				})
			})
		}
	}
}

// Where the canary was refused, or failed before it had the new image, nothing is proven:
// others go in its place, and no wave before them.
func TestCanaryInItsPlace(t *testing.T) {
	for name, c := range map[string]struct {
		boot    cloudsim.Boot
		keeps   func(w *world, canary image.InstanceID)
		allows  int
		state   work.State
		touched int
	}{
		"refused, and the image is bad": {boot: cloudsim.BootSilent, state: work.Halted, touched: 1},
		"failed before, and the image is bad": {boot: cloudsim.BootSilent, allows: 1, state: work.Halted, touched: 1, keeps: func(w *world, canary image.InstanceID) {
			w.refuses = func(is, of string) error {
				if is == "stop" && of == string(canary) {
					return fault.New(fault.Precondition, "refused").WithCode("InstanceLockedForSecurity")
				}
				return nil
			}
		}},
		"refused, and the image is good": {boot: cloudsim.BootOK, state: work.Partly, touched: 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 6, cloudsim.Options{})
				w.cloud.SetBoot(w.golden, c.boot)
				wish := w.to()
				wish.Strategy.MaxUnavailable, wish.Strategy.WaveSize.Count, wish.Strategy.MaxFailures = 6, 5, &c.allows
				id := w.approve(wish, w.fleet...)
				canary := w.firstOf(wish)
				if c.keeps != nil {
					c.keeps(w, canary)
				} else if err := w.view().Stop(w.Context(), hangzhou, image.StopRequest{Instance: canary, Mode: "KeepCharging"}); err != nil {
					t.Fatal(err)
				}
				got := w.end(id)
				if got.State != c.state || w.count("replace") != c.touched {
					t.Errorf("%s: %v by %v", got.State, outcomes(got), w.did)
				}
			})
		})
	}
}

// Where one after the other fails before it has the new image, however many may, that
// ends in a halt; a resume tries so many again.
func TestNothingProvesTheImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 8, cloudsim.Options{})
		wish := w.to()
		wish.Strategy.MaxUnavailable, wish.Strategy.WaveSize.Count, wish.Strategy.MaxFailures = 8, 7, new(100)
		refused := true
		w.refuses = func(is, _ string) error {
			if is == "stop" && refused {
				return fault.New(fault.Precondition, "refused").WithCode("InstanceLockedForSecurity")
			}
			return nil
		}
		id := w.approve(wish, w.fleet...)
		for failed := 3; failed <= 6; failed += 3 {
			got := w.end(id)
			if got.State != work.Halted || got.Why == nil || got.Why.Code != "imageUnproven" || len(outcomes(got)) != failed || w.count("replace") != 0 {
				t.Fatalf("%s %v: %v by %v", got.State, got.Why, outcomes(got), w.did)
			}
			refused = failed == 3
			if _, err := w.runner().Order(t.Context(), id, work.Order{Do: work.Resume, By: "iss ann"}); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.end(id); got.State != work.Partly || w.count("replace") != 2 {
			t.Errorf("%s: %v", got.State, outcomes(got))
		}
	})
}

// firstOf is the canary of a rollout of one.
func (w *world) firstOf(wish rollout.Wish) image.InstanceID {
	w.Helper()
	for _, step := range w.plan(wish, w.fleet...).Plan.Steps {
		if step.Parameters["wave"] == "0" {
			n, err := rollout.ParseName(step.Subject)
			if err != nil {
				w.Fatal(err)
			}
			return n.ID
		}
	}
	w.Fatal("it has no canary")
	return ""
}

// TestLeftAsItWas: what fails before the disk is replaced is started as it was.
func TestLeftAsItWas(t *testing.T) {
	refuse := func(call, code string) func(w *world, wish *rollout.Wish) {
		return func(w *world, _ *rollout.Wish) {
			w.before = func(_ int, is string) error {
				if is == call {
					return fault.New(fault.Precondition, "refused").WithCode(code)
				}
				return nil
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*world, *rollout.Wish)
		code   string
	}{
		"replacement refused": {refuse("replace", "OperationDenied.UnpaidOrder"), "OperationDenied.UnpaidOrder"},
		"stop refused":        {refuse("stop", "InstanceLockedForSecurity"), "InstanceLockedForSecurity"},
		"down for too long": {func(w *world, wish *rollout.Wish) {
			wish.Strategy.MaxDown = image.Duration(5 * time.Minute)
			w.before = func(_ int, is string) error {
				if is == "replace" {
					return fault.New(fault.Precondition, "busy").WithCode("IncorrectDiskStatus")
				}
				return nil
			}
		}, "downTooLong"},
		"hook": {func(w *world, wish *rollout.Wish) {
			wish.Hooks.Before = "false"
			w.cloud.SetBoot(w.old, cloudsim.BootCommandFails)
		}, "hookFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{})
				wish := w.to()
				c.change(w, &wish)
				time.Sleep(5 * time.Minute) // its assistant answers
				was := w.disk(w.fleet[0])
				got := w.end(w.approve(wish, w.fleet...))
				now := w.disk(w.fleet[0])
				if o := outcomes(got)[w.fleet[0]]; o != "failed "+c.code || w.instance(w.fleet[0]).Status != image.InstanceRunning || now.ID != was.ID || now.DeleteAutoSnapshot != was.DeleteAutoSnapshot {
					t.Errorf("%s: %s, %s by %v", got.State, o, w.instance(w.fleet[0]).Status, w.did)
				}
			})
		})
	}
}

// TestSettingsComeBack: everything that a replacement loses is restored, by every
// reading of what it keeps.
func TestSettingsComeBack(t *testing.T) {
	for _, reading := range []cloudsim.Readings{{}, {ReplaceKeepsDiskSettings: true}, {ReplaceForgets: true}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1, cloudsim.Options{Readings: reading})
			w.cloud.AddKeyPair(one, hangzhou, "ops")
			id, ctx := w.fleet[0], t.Context()
			disk := w.disk(id).ID
			policy := w.cloud.AddSnapshotPolicy(one, hangzhou, cloudsim.SnapshotPolicyRow{})
			if err := errors.Join(
				w.view().ModifyDisk(ctx, hangzhou, disk, image.DiskAttributes{Name: "system", Description: "of web", DeleteWithInstance: image.No, DeleteAutoSnapshot: image.Yes}),
				w.view().Tag(ctx, hangzhou, "disk", []string{string(disk)}, image.Tags{"team": "web"}),
				w.view().ApplySnapshotPolicy(ctx, hangzhou, policy, []image.DiskID{disk}),
				w.view().ModifyMetadata(ctx, hangzhou, id, image.MetadataOptions{Endpoint: "enabled", Tokens: "required", HopLimit: 2}),
				w.view().AttachKeyPair(ctx, hangzhou, "ops", []image.InstanceID{id}),
			); err != nil {
				t.Fatal(err)
			}
			was, before := w.disk(id), w.instance(id)
			got := w.end(w.approve(w.to(), id))
			now, after := w.disk(id), w.instance(id)
			if got.State != work.Finished || outcomes(got)[id] != "applied" {
				t.Fatal(got.State, outcomes(got), w.did)
			}
			now.ID, now.Image, now.CreatedAt, now.SourceSnapshot = was.ID, was.Image, was.CreatedAt, was.SourceSnapshot
			if fmt.Sprintf("%+v", now) != fmt.Sprintf("%+v", was) {
				t.Errorf("is  %+v\nwas %+v", now, was)
			}
			if after.KeyPair != "ops" || after.Metadata != before.Metadata {
				t.Errorf("%+v", after)
			}
		})
	}
}

// TestOrders: a pause before the next instance is stopped, a resume, and an abort.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, cloudsim.Options{})
		wish := w.to()
		wish.Strategy.PauseAfter = []string{"canary"}
		id := w.approve(wish, w.fleet...)
		for w.get(id).State != work.Waiting {
			w.tick()
			time.Sleep(time.Minute)
		}
		if got := w.get(id); w.count("replace") != 1 || got.Why == nil || got.Why.Code != "pauseAfter" {
			t.Fatalf("%v after %v", got.Why, w.did)
		}
		order := func(do work.Verb) {
			if _, err := w.runner().Order(t.Context(), id, work.Order{Do: do, By: "iss ann"}); err != nil {
				t.Fatal(err)
			}
		}
		order(work.Resume)
		w.tick()
		order(work.Pause)
		at := w.count("stop")
		for range 30 {
			w.tick()
			time.Sleep(time.Minute)
		}
		if n := w.count("stop"); n > at {
			t.Errorf("%d were stopped after the pause", n-at)
		}
		order(work.Abort)
		got := w.end(id)
		for _, i := range w.fleet {
			if w.instance(i).Status != image.InstanceRunning {
				t.Errorf("%s is %s", i, w.instance(i).Status)
			}
		}
		if got.State != work.Aborted || w.count("replace") > 3 {
			t.Errorf("%s: %v by %v", got.State, outcomes(got), w.did)
		}
	})
}

// TestPauseAfterTheOneInItsPlace: where the canary was refused, the pause after it is also
// after the one that goes in its place.
func TestPauseAfterTheOneInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, cloudsim.Options{})
		wish := w.to()
		wish.Strategy.PauseAfter, wish.Strategy.MaxUnavailable, wish.Strategy.WaveSize.Count = []string{"canary"}, 4, 3
		id, canary := w.approve(wish, w.fleet...), w.firstOf(wish)
		if err := w.view().Stop(w.Context(), hangzhou, image.StopRequest{Instance: canary, Mode: "KeepCharging"}); err != nil {
			t.Fatal(err)
		}
		for replaced := range 2 {
			for range 60 {
				w.tick()
				time.Sleep(time.Minute)
			}
			if got := w.get(id); got.State != work.Waiting || got.Why == nil || got.Why.Code != "pauseAfter" || w.count("replace") != replaced {
				t.Fatalf("%s, %v after %v", got.State, got.Why, w.did)
			}
			if _, err := w.runner().Order(t.Context(), id, work.Order{Do: work.Resume, By: "iss ann"}); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.end(id); got.State != work.Partly || w.count("replace") != 3 {
			t.Errorf("%s: %v by %v", got.State, outcomes(got), w.did)
		}
	})
}

// TestReleasedDuringItsBackup: an instance that somebody releases while its backup is
// being taken ends, and so does its rollout.
func TestReleasedDuringItsBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		owner := w.cloud.As(cloudsim.Caller{Account: one, Type: "Account"})
		w.lose = func(_ int, is string) bool {
			if is == "snapshot" && w.count("snapshot") == 2 {
				if err := owner.DeleteInstance(cloudsim.DeleteInstancesRequest{InstanceIDs: w.fleet, Force: true}); err != nil {
					t.Error(err)
				}
			}
			return false
		}
		if got := w.end(w.approve(w.to(), w.fleet...)); got.State != work.Partly || outcomes(got)[w.fleet[0]] != "failed instanceGone" {
			t.Errorf("%s: %v by %v", got.State, outcomes(got), w.did)
		}
	})
}

// TestNeverMoreDown: at no second are more down than may be, and what is down of
// itself counts.
func TestNeverMoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, cloudsim.Options{})
		wish := w.to()
		wish.Strategy.MaxUnavailable, wish.Strategy.WaveSize.Count = 3, 10
		id := w.approve(wish, w.fleet...)
		most := 0
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan bool)
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				down := 0
				for _, i := range w.fleet {
					if w.instance(i).Status != image.InstanceRunning {
						down++
					}
				}
				most = max(most, down)
				time.Sleep(time.Second)
			}
		}()
		got := w.end(id)
		cancel()
		<-done
		if got.State != work.Finished || most > 3 || most < 2 {
			t.Errorf("%s: %d were down, %v", got.State, most, outcomes(got))
		}
	})
}

// TestWindows: nothing is begun that does not end in one.
func TestWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, cloudsim.Options{}) // midnight UTC
		wish := w.to()
		wish.Strategy.Windows = image.MaintenanceWindows{{Days: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, From: "02:00", To: "02:50", TimeZone: "UTC"}}
		id := w.approve(wish, w.fleet...)
		got := w.end(id)
		if got.State != work.Finished {
			t.Fatal(got.State, outcomes(got))
		}
		if got.StartedAt.UTC().Hour() != 2 || got.StartedAt.UTC().Minute() > 5 {
			t.Errorf("begun at %s", got.StartedAt)
		}
	})
}

// TestStandby: an instance of a scaling group is put into standby, and comes back.
func TestStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		group, _ := w.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "web"})
		id := w.fleet[0]
		if !w.cloud.AddToScalingGroup(hangzhou, group, id) {
			t.Fatal("not in the group")
		}
		wish := w.to()
		if p := w.plan(wish, id); p.Totals.Refuse != 1 {
			t.Errorf("%+v", p)
		}
		wish.Managed = true
		got := w.end(w.approve(wish, id))
		found, err := w.view().ScalingInstances(t.Context(), hangzhou, group, nil)
		if err != nil || len(found) != 1 || found[0].State != "InService" || got.State != work.Finished || w.count("enterStandby") != 1 || w.count("exitStandby") != 1 {
			t.Errorf("%s: %v, %v by %v", got.State, outcomes(got), found, w.did)
		}
	})
}

// TestRegrouped: an instance that comes into a scaling group after it was begun, or that
// somebody takes back from standby before it is stopped, or before its disk is replaced,
// keeps its disk: the group would remove it.
func TestRegrouped(t *testing.T) {
	for name, c := range map[string]struct{ at, sign string }{
		"came into a group": {"snapshot", "came into"}, "taken back before the stop": {"command", "as InService again"}, "taken back while it is down": {"modifyDisk", "as InService again"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{})
				group, _ := w.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "web"})
				id, met := w.fleet[0], false
				was := w.disk(id).ID
				if err := w.view().ModifyDisk(t.Context(), hangzhou, was, image.DiskAttributes{DeleteAutoSnapshot: image.Yes}); err != nil {
					t.Fatal(err)
				}
				if c.at != "snapshot" && !w.cloud.AddToScalingGroup(hangzhou, group, id) {
					t.Fatal("not in the group")
				}
				w.before = func(_ int, call string) error {
					if met || call != c.at {
						return nil
					}
					met = true
					if c.at == "snapshot" {
						w.cloud.AddToScalingGroup(hangzhou, group, id)
						return nil
					}
					return w.view().ExitStandby(t.Context(), hangzhou, group, []image.InstanceID{id}, "by hand")
				}
				wish := w.to()
				wish.Managed, wish.Hooks.Before = true, "true"
				time.Sleep(time.Hour) // the Cloud Assistant answers by then
				got := w.end(w.approve(wish, id))
				why := w.item(got, id).Outcome.Why
				if !met || outcomes(got)[id] != "failed moved" || !strings.Contains(why.Sentence, c.sign) || w.disk(id).ID != was || w.instance(id).Status != image.InstanceRunning {
					t.Errorf("met %v: %s %+v by %v", met, got.State, w.item(got, id).Outcome, w.did)
				}
			})
		})
	}
}

// TestTwoRollouts: of two rollouts at once only one has an instance.
func TestTwoRollouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		other := w.image(image.Image{Name: "web-3", Family: "web"})
		one, two := w.approve(w.to(), w.fleet...), w.approve(rollout.Wish{To: rollout.Target{Image: other}}, w.fleet...)
		first, second := w.end(one), w.end(two)
		states := []string{outcomes(first)[w.fleet[0]], outcomes(second)[w.fleet[0]]}
		slices.Sort(states)
		if w.count("replace") != 1 || states[0] != "applied" || !strings.HasPrefix(states[1], "failed ") {
			t.Errorf("%v by %v", states, w.did)
		}
	})
}

// TestDeathAtEveryCall: a worker dies before or after each of the calls of one
// instance's story, in another run each. The end is the same, with exactly one
// replacement.
func TestDeathAtEveryCall(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for n := 1; ; n++ {
			more := false
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{Visibility: 20 * time.Second, Seed: uint64(n)})
				w.view()
				died := false
				die := func(is int) bool {
					if is == n && !died {
						died, more = true, true
						return true
					}
					return false
				}
				if lost {
					w.lose = func(is int, _ string) bool { return die(is) && w.freeze() }
				} else {
					w.before = func(is int, _ string) error {
						if die(is) {
							w.freeze()
							return fault.New(fault.Unavailable, "frozen")
						}
						return nil
					}
				}
				got := w.end(w.approve(w.to(), w.fleet...))
				if o := outcomes(got)[w.fleet[0]]; o != "applied" || w.count("replace") != 1 || w.instance(w.fleet[0]).Image != w.golden {
					t.Errorf("call %d, lost %v: %s by %v", n, lost, o, w.did)
				}
				if left := len(w.backups()); left != 1 {
					t.Errorf("call %d, lost %v: %d snapshots are left, by %v", n, lost, left, w.did)
				}
			})
			if !more {
				break
			}
		}
	}
}

// freeze is a worker that hangs until another one has its lease.
func (w *world) freeze() bool {
	time.Sleep(4 * time.Minute)
	return true
}

// TestStoppedStaysStopped, and is told not to be tested.
func TestStoppedStaysStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, cloudsim.Options{})
		if err := w.view().Stop(t.Context(), hangzhou, image.StopRequest{Instance: w.fleet[0], Mode: "KeepCharging"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		got := w.end(w.approve(w.to(), w.fleet...))
		if want := map[image.InstanceID]string{w.fleet[0]: "applied notTested"}; !maps.Equal(outcomes(got), want) || w.instance(w.fleet[0]).Status != image.InstanceStopped || w.count("start") != 0 {
			t.Errorf("%v by %v", outcomes(got), w.did)
		}
	})
}

// backups are the snapshots that rollouts made and that are there.
func (w *world) backups() []image.Snapshot {
	w.Helper()
	found, err := w.view().Snapshots(context.Background(), hangzhou, image.SnapshotListing{})
	if err != nil {
		w.Fatal(err)
	}
	return slices.DeleteFunc(found, func(s image.Snapshot) bool { return s.Tags[rollout.TagBackup] == "" })
}

// TestFirstSnapshot: it bears the same tags as the backup, is deleted once the backup is
// accomplished and not before, and is gone whatever becomes of the instance.
func TestFirstSnapshot(t *testing.T) {
	refused := func(calls ...string) func(w *world) {
		return func(w *world) {
			w.before = func(_ int, is string) error {
				if slices.Contains(calls, is) {
					return fault.New(fault.Precondition, "refused").WithCode("OperationDenied.NoStock")
				}
				return nil
			}
		}
	}
	all := map[string]struct {
		change func(*world)
		left   int
	}{
		"well":                      {func(*world) {}, 1},
		"replacement refused":       {refused("replace"), 1},
		"never starts again":        {refused("start"), 1},
		"neither":                   {refused("replace", "start"), 1},
		"backup refused, and start": {func(w *world) { refused("start")(w); w.failBackups() }, 0},
	}
	for _, name := range drawn.Some(t, slices.Sorted(maps.Keys(all)), 3) {
		c := all[name]
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, cloudsim.Options{})
				c.change(w)
				id := w.approve(w.to(), w.fleet...)
				both, deleted := false, false
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan bool)
				go func() {
					defer close(done)
					for ctx.Err() == nil {
						all := w.backups()
						if len(all) == 2 && all[0].Tags[rollout.TagExpires] != "" && maps.Equal(all[0].Tags, all[1].Tags) {
							both = true
						}
						deleted = deleted || both && len(all) == 1
						if deleted && all[0].Status != "accomplished" {
							t.Errorf("the first is gone while the backup is %s", all[0].Status)
							return
						}
						time.Sleep(time.Second)
					}
				}()
				got := w.end(id)
				cancel()
				<-done
				if all := w.backups(); len(all) != c.left || both != (c.left == 1) {
					t.Errorf("%v: %d are left, both were seen %v, by %v", outcomes(got), len(all), both, w.did)
				}
			})
		})
	}
}

// failBackups has ECS refuse every snapshot of what is stopped.
func (w *world) failBackups() {
	before := w.before
	w.before = func(n int, is string) error {
		if is == "snapshot" && w.instance(w.fleet[0]).Status == image.InstanceStopped {
			return fault.New(fault.Precondition, "refused").WithCode("QuotaExceed.Snapshot")
		}
		return before(n, is)
	}
}
