package main

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
)

// An instance of a test whose deletion was refused until its import had ended is
// found and deleted within an hour, and recorded; nothing else is that bears the tag:
// neither one that no import recorded, nor one that runs another image by now.
func TestSweep(t *testing.T) {
	for _, other := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { swept(t, other) })
	}
}

// An import whose test is over is looked at once more, and then no longer: the sweep
// reads nothing of imports that have left nothing behind.
func TestSweepForgets(t *testing.T) { synctest.Test(t, sweepForgets) }

func sweepForgets(t *testing.T) {
	s := newStage(t)
	story := s.begin(wish("web-1"))
	story.live(100, 5)
	var reads atomic.Int32
	for hour, want := range []bool{true, false, false} {
		before := reads.Load()
		s.arm(func(m met) (fate, how) {
			if m.name == "Get work" {
				reads.Add(1)
			}
			return passes, how{}
		}, nil)
		for range 60 {
			s.work(&door{stage: s})
			time.Sleep(time.Minute)
		}
		names, err := s.bucket.List(t.Context(), testFolder, "")
		if err != nil || len(names) > 0 || (reads.Load() > before) != want {
			t.Errorf("hour %d: %d logs of works were read, %v, %v", hour, reads.Load()-before, names, err)
		}
	}
}

// A record of a test that cannot be read is kept and told of, and keeps no other from
// being looked at.
func TestSweepKeepsWhatItCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		unread := []string{testFolder + "soon/web-1", testFolder + time.Now().UTC().Format(uploadStamp)}
		over := testFolder + time.Now().UTC().Format(uploadStamp) + "/web-1"
		for _, name := range append(slices.Clone(unread), over) {
			if err := journal.OpenObjects(s.bucket, "").Keep(t.Context(), name, []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range unread {
			if _, err := begunTest(name); fault.Code(err) != "journalDamaged" {
				t.Errorf("of %s the sweep says %v", name, err)
			}
		}
		for range 61 {
			s.tick()
		}
		slices.Sort(unread)
		if names, err := s.bucket.List(t.Context(), testFolder, ""); err != nil || !slices.Equal(names, unread) {
			t.Errorf("there are %v and not %v, %v", names, unread, err)
		}
	})
}

func swept(t *testing.T, other bool) {
	s := newStage(t)
	w := wish("web-1")
	test, _ := w["test"].(map[string]any)
	test["timeout"] = "2h"
	story := s.begin(w)
	s.arm(func(m met) (fate, how) {
		if m.name == "Terminate" {
			return refused, how{err: fault.New(fault.Precondition, "refused").WithCode("OperationDenied")}
		}
		return passes, how{}
	}, nil)
	if a := story.live(90, 1); a.Items[0].Reason == nil || len(s.things("cn-hangzhou").instances) != 1 {
		t.Fatalf("%+v, %v", a.Items[0], s.things("cn-hangzhou").instances)
	}
	left := s.things("cn-hangzhou").instances[0]
	beside, err := s.session().RunInstances(cloudsim.RunInstancesRequest{
		RegionID: "cn-hangzhou", ImageID: left.Image, InstanceType: left.Type, Amount: 1, VSwitch: "vsw-1", SecurityGroups: []string{"sg-1"},
		Tags: []cloudsim.Tag{{Key: "imagekeeper:test", Value: story.id}}, ClientToken: "beside",
	})
	if err != nil {
		t.Fatal(err)
	}
	if other {
		time.Sleep(time.Minute)
		s.replaced(left.ID)
	}
	s.arm(nil, nil)
	for range 61 {
		s.tick()
	}
	want := []image.InstanceID{beside[0]}
	if other {
		want = append(want, left.ID)
	}
	var got []image.InstanceID
	for _, i := range s.things("cn-hangzhou").instances {
		got = append(got, i.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("other image %v: there are %v, and not %v", other, got, want)
	}
}

// replaced has an instance run another image.
func (s *stage) replaced(id image.InstanceID) {
	s.t.Helper()
	v := s.cloud.View(own)
	if err := v.Stop(s.t.Context(), "cn-hangzhou", image.StopRequest{Instance: id, Force: true}); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(5 * time.Minute)
	if _, err := v.ReplaceSystemDisk(s.t.Context(), "cn-hangzhou", image.ReplaceRequest{Instance: id, Image: "ubuntu_22_04_x64_20G_alibase_20260101.vhd", Token: "replace"}); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(5 * time.Minute)
}
