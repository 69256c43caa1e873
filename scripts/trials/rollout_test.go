package trials_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// The images of the fleet: what it runs, and what it is to run.
const (
	webOld image.ID = "m-web1"
	webNew image.ID = "m-web2"
)

// server is one instance, as it was before.
type server struct {
	id     image.InstanceID
	status image.InstanceStatus
	disk   image.DiskSetup
	key    string
	// made are the disks that it was given, and stopped and started when it was last,
	// by a clock that goes as fast as the journal ages.
	made             []image.DiskID
	stopped, started time.Time
}

// fleets are the instances of stages.
type fleets struct {
	mu sync.Mutex
	of map[*stage][]*server
}

// put gives a stage one instance that runs and one that is stopped and excluded, with
// settings that a new disk does not have.
func (f *fleets) put(s *stage) {
	s.t.Helper()
	for _, id := range []image.ID{webOld, webNew} {
		s.image(id)
	}
	v, ctx := s.cloud.View(owner), s.t.Context()
	s.cloud.AddKeyPair(owner, region, "ops")
	policy := s.cloud.AddSnapshotPolicy(owner, region, cloudsim.SnapshotPolicyRow{})
	var fleet []*server
	for _, name := range []string{"web", "spare"} {
		id := s.cloud.AddInstance(owner, region, cloudsim.InstanceSpec{Instance: image.Instance{Name: name, Image: webOld, Type: "ecs.g7.large"}})
		disk := only(s, id).ID
		err := errors.Join(
			v.AttachKeyPair(ctx, region, "ops", []image.InstanceID{id}),
			v.ModifyDisk(ctx, region, disk, image.DiskAttributes{Name: "system", Description: "of " + name, DeleteWithInstance: image.No, DeleteAutoSnapshot: image.Yes}),
			v.Tag(ctx, region, "disk", []string{string(disk)}, image.Tags{"team": "web"}),
			v.ApplySnapshotPolicy(ctx, region, policy, []image.DiskID{disk}),
		)
		must(s, err)
		fleet = append(fleet, &server{id: id, status: image.InstanceRunning, disk: only(s, id), key: "ops"})
	}
	must(s, v.Stop(ctx, region, image.StopRequest{Instance: fleet[1].id, Mode: "KeepCharging"}))
	must(s, v.Tag(ctx, region, "instance", []string{string(fleet[1].id)}, image.Tags{"spare": "yes"}))
	fleet[1].status = image.InstanceStopped
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of[s] = fleet
	s.t.Cleanup(func() { // of thousands of stages one is left at a time
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.of, s)
	})
	s.answered = f.watch(s)
}

// watch notes what happens to the instances of a stage.
func (f *fleets) watch(s *stage) func(string, url.Values, []byte) {
	return func(action string, form url.Values, answer []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		n := slices.IndexFunc(f.of[s], func(one *server) bool { return string(one.id) == form.Get("InstanceId") })
		if n < 0 {
			return
		}
		one, now := f.of[s][n], time.Now().Add(time.Duration(s.aged.Load()))
		switch action {
		case "StopInstance":
			one.stopped = now
		case "StartInstance":
			one.started = now
		case "ReplaceSystemDisk":
			var told struct {
				DiskID image.DiskID `json:"DiskId"`
			}
			if err := json.Unmarshal(answer, &told); err == nil && !slices.Contains(one.made, told.DiskID) {
				one.made = append(one.made, told.DiskID)
			}
		}
	}
}

// only is the one system disk of an instance.
func only(s *stage, id image.InstanceID) image.DiskSetup {
	s.t.Helper()
	found, err := s.cloud.View(owner).DiskSetups(s.t.Context(), region, image.DiskListing{Instance: id, System: image.Yes})
	must(s, err)
	if len(found) != 1 {
		s.t.Fatalf("%s has the system disks %+v", id, found)
	}
	return found[0]
}

// downAtMost is how long an instance may be down: a minute for what is to be
// done, two ticks, and the five minutes that a stage lets go by after a blow instead
// of the lease and the grace; and three ticks more, since a stage's clock goes on
// with every tick, and a busy machine needs more of them for what the cloud has
// done in no time. The tests in process hold it to the minute.
const downAtMost = time.Minute + 2*time.Minute + 5*time.Minute + 3*time.Minute

// judge holds what an instance is now to what it was: its power, the settings of its
// disk and its key pair are the same, it was given so many disks, and it was down
// for no longer than it may be.
func (f *fleets) judge(s *stage, one *server, runs image.ID, disks int) {
	s.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	found, err := s.cloud.View(owner).Before(s.t.Context(), region, []image.InstanceID{one.id})
	must(s, err)
	is, disk := found[0], only(s, one.id)
	if runs != "" && is.Image != runs || is.Status != one.status || is.KeyPair != one.key {
		s.t.Errorf("%s is %s, runs %s and has the key pair %q", one.id, is.Status, is.Image, is.KeyPair)
	}
	if len(one.made) != disks || disks > 0 && disk.ID != one.made[disks-1] {
		s.t.Errorf("%s was given the disks %v, and has %s", one.id, one.made, disk.ID)
	}
	was, now := one.disk, disk
	was.ID, was.Image, was.CreatedAt = now.ID, now.Image, now.CreatedAt
	if fmt.Sprintf("%+v", was) != fmt.Sprintf("%+v", now) {
		s.t.Errorf("the disk of %s was\n%+v, and is\n%+v", one.id, was, now)
	}
	if down := one.started.Sub(one.stopped); !one.stopped.IsZero() && down > downAtMost {
		s.t.Errorf("%s was down for %s", one.id, down)
	}
}

// fleet are the instances of a stage.
func (f *fleets) fleet(s *stage) []*server {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of[s]
}

// story is a rollout over the one that runs.
func (f *fleets) story(more map[string]any, ends func(s *stage, last told)) story {
	return story{
		function: "replace-disk", environment: []string{"SYSTEM_ROLES=fleet"}, post: "rollouts.post", get: "rollouts.get", regions: []image.RegionID{region},
		prepare: f.put, ends: ends,
		wish: func() map[string]any {
			wish := map[string]any{
				"select": map[string]any{"all": true, "exclude": map[string]any{"tag": map[string]string{"spare": "yes"}}},
				"to":     map[string]any{"image": webNew}, "strategy": map[string]any{"canary": 1},
			}
			for name, value := range more {
				wish[name] = value
			}
			return wish
		},
	}
}

// TestRolloutByAnotherProcess: whatever call of a rollout its process is killed or
// stopped at, the next tick of another one goes on: each disk is replaced once, after
// its backup, and all that is to be restored is.
func TestRolloutByAnotherProcess(t *testing.T) {
	t.Parallel()
	f := &fleets{of: map[*stage][]*server{}}
	f.story(nil, func(s *stage, last told) {
		s.t.Helper()
		if last.State != "finished" || len(last.Items) != 1 {
			s.t.Errorf("it ended as %+v", last)
		}
		f.judge(s, f.fleet(s)[0], webNew, 1)
		f.judge(s, f.fleet(s)[1], webOld, 0)
		backups(s, last, 1)
	}).trials(t, 400)
}

// TestUndoByAnotherProcess: the same where the new image is bad and the old content
// comes back by itself.
func TestUndoByAnotherProcess(t *testing.T) {
	t.Parallel()
	f := &fleets{of: map[*stage][]*server{}}
	y := f.story(map[string]any{
		"onUnhealthy": "undo", "hooks": map[string]any{"after": "systemctl start app"},
	}, func(s *stage, last told) {
		s.t.Helper()
		if last.State != "failed" || last.Items[0].Result != "failed" || last.Items[0].Reason.Code != "hookFailed" {
			s.t.Errorf("it ended as %+v, %+v", last, last.Items[0].Reason)
		}
		f.judge(s, f.fleet(s)[0], "", 2)
		f.judge(s, f.fleet(s)[1], webOld, 0)
		if first := f.fleet(s)[0]; !slices.Contains(s.cloud.WrittenOn(region, only(s, first.id).ID), first.disk.ID) {
			s.t.Errorf("the old content of %s is not back", first.id)
		}
		backups(s, last, 2)
	})
	y.prepare = func(s *stage) {
		f.put(s)
		s.cloud.SetBoot(webNew, cloudsim.BootCommandFails)
	}
	y.trials(t, 1000)
}

// backups: there are so many snapshots of a work, all finished, and no image of a
// snapshot that is not needed.
func backups(s *stage, last told, want int) {
	s.t.Helper()
	found, err := s.cloud.View(owner).Snapshots(s.t.Context(), region, image.SnapshotListing{})
	must(s, err)
	n := 0
	for _, one := range found {
		if one.Tags["imagekeeper:backup"] != last.ID {
			continue
		}
		if n++; one.Status != "accomplished" || !strings.HasPrefix(one.Name, "imagekeeper-"+last.ID) {
			s.t.Errorf("%+v is left", one)
		}
	}
	if n != want {
		s.t.Errorf("%d backups are left, not %d", n, want)
	}
}
