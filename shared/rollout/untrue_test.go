package rollout_test

import (
	"errors"
	"fmt"
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

// errNothingDone is what a call fails with that was answered with success and did nothing.
var errNothingDone = errors.New("nothing was done")

// untrue is a cloud whose answer to one kind of call does not say what it did.
type untrue struct {
	call string
	// refuses: it says that it did not, and did; else it says that it did, and did not.
	refuses bool
	// once: only the first call of that kind.
	once bool
	// late is how long a change is not shown.
	late time.Duration
	undo bool
}

// untruths are all of them.
func untruths() []string {
	var all []string
	for _, call := range []string{"snapshot", "stop", "deleteSnapshot", "modifyDisk", "replace", "policy", "tag", "start", "command", "enterStandby", "exitStandby", "image"} {
		for _, refuses := range []bool{false, true} {
			for _, once := range []bool{false, true} {
				for _, late := range []time.Duration{0, 5 * time.Minute} {
					for _, undo := range []bool{false, true} {
						all = append(all, fmt.Sprint(call, " ", refuses, " ", once, " ", late, " ", undo))
					}
				}
			}
		}
	}
	return all
}

func readUntrue(t *testing.T, text string) untrue {
	t.Helper()
	var u untrue
	var late string
	if _, err := fmt.Sscan(text, &u.call, &u.refuses, &u.once, &late, &u.undo); err != nil {
		t.Fatal(err)
	}
	u.late, _ = time.ParseDuration(late)
	return u
}

// TestAnswersThatAreNotTrue: a call that was answered with success and did nothing, or
// was refused and done, in front of a cloud that shows it at once or minutes later: at the
// end the rollout says of every instance what is true of it, none is left stopped that can
// be started, and whose old content is to come back has it.
func TestAnswersThatAreNotTrue(t *testing.T) {
	for _, text := range drawn.Some(t, untruths(), 32) {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { readUntrue(t, text).run(t) })
		})
	}
}

func (u untrue) run(t *testing.T) {
	w := newWorld(t, 1, cloudsim.Options{Visibility: u.late})
	id := w.fleet[0]
	group, _ := w.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "web"})
	if !w.cloud.AddToScalingGroup(hangzhou, group, id) {
		t.Fatal("not in the group")
	}
	was, met := w.disk(id).ID, 0
	if err := errors.Join(
		w.view().Tag(t.Context(), hangzhou, "disk", []string{string(was)}, image.Tags{"team": "web"}),
		w.view().ModifyDisk(t.Context(), hangzhou, was, image.DiskAttributes{DeleteAutoSnapshot: image.Yes}),
	); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour)
	mine := func(call string) bool {
		if call != u.call {
			return false
		}
		met++
		return met == 1 || !u.once
	}
	w.untrue = func(call string, do func() error) error {
		switch {
		case !mine(call):
			return do()
		case u.refuses:
			_ = do()
			return fault.New(fault.Precondition, "it is said not to be done").WithCode("OperationDenied")
		}
		return errNothingDone
	}
	wish := w.to()
	wish.Managed, wish.OnUnhealthy = true, rollout.Halt
	wish.Hooks.Before, wish.Hooks.After = "true", "true"
	if u.undo {
		wish.OnUnhealthy = rollout.Undo
	}
	if u.call == "image" { // only an undo makes one
		w.cloud.SetBoot(w.golden, cloudsim.BootCommandFails)
	}
	got := w.end(w.approve(wish, id))
	for n := 0; n < 300 && !got.State.Ended() && got.State != work.Halted; n++ {
		w.tick()
		time.Sleep(time.Minute)
	}
	time.Sleep(time.Hour)
	u.judge(w, got, id, was)
}

// judge holds what is told to what is.
func (u untrue) judge(w *world, got work.Work, id image.InstanceID, was image.DiskID) {
	w.Helper()
	told, is, disk := outcomes(got)[id], w.instance(id), w.disk(id).ID
	old := disk == was
	if u.late > 0 && u.call == "replace" && u.refuses { // a refusal is believed for as long as nothing else shows
		return
	}
	state := fmt.Sprintf("%s %s: %q, it is %s, runs %s (new %v), old disk %v, done %v", got.ID, got.State, told, is.Status, is.Image, is.Image == w.golden, old, w.did)
	if told == "" || strings.HasPrefix(told, " ") {
		w.Errorf("it says nothing: %s", state)
		return
	}
	applied := strings.HasPrefix(told, "applied")
	switch {
	case is.Status != image.InstanceRunning && (u.call != "start" || u.once):
		w.Errorf("left stopped: %s", state)
	case applied && (old || is.Image != w.golden):
		w.Errorf("it is not applied: %s", state)
	case !applied && !old && is.Image == w.golden && u.undo && !strings.Contains(told, "undoFailed") && u.call != "start":
		w.Errorf("its old content is not back: %s", state)
	case !applied && !old && w.item(got, id).Notes["newDisk"] == "" && w.item(got, id).Notes["undo"] == "":
		w.Errorf("its disk was replaced, which nobody says: %s", state)
	case w.count("replace") > 2:
		w.Errorf("replaced too often: %s", state)
	}
}

func (w *world) item(of work.Work, id image.InstanceID) work.Item {
	return of.Items[rollout.Name{Place: place, ID: id}.String()]
}
