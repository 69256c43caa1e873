package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// The lists of which one answer is wrong, and what is wrong with it.
func lists() []string {
	return []string{"Images", "Instances", "Disks", "Snapshots", "Grants", "TemplateVersions", "ScalingConfigurations", "Pipelines", "SnapshotLocks"}
}

func wrongs() []fate { return []fate{refused, throttled, lost, dies, empties, halves, skips} }

// needs are all that can need an image, by name; the one of an empty name needs
// nothing.
func needs() map[string]func(*stage, image.ID) {
	version := func(id image.ID) cloudsim.TemplateVersionSpec { return cloudsim.TemplateVersionSpec{Image: id} }
	return map[string]func(*stage, image.ID){
		"":         func(*stage, image.ID) {},
		"instance": func(s *stage, id image.ID) { s.runs(first, id) },
		"stopped instance of the second account": func(s *stage, id image.ID) {
			s.cloud.AddInstance(second, region, cloudsim.InstanceSpec{Instance: image.Instance{
				Image: id, Type: "ecs.g7.large", Status: image.InstanceStopped, OSType: image.Linux, CreatedAt: s.clock.Now(),
			}})
		},
		"template version 3 of 7": func(s *stage, id image.ID) {
			s.cloud.AddLaunchTemplate(first, region, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{
				version("m-web5"), version("m-web5"), version(id), version("m-web5"), version("m-web5"), version("m-web5"), version("m-web5"),
			}})
		},
		"template of the second account": func(s *stage, id image.ID) {
			s.cloud.AddLaunchTemplate(second, region, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{version(id)}})
		},
		"scaling configuration that is not active": func(s *stage, id image.ID) {
			s.cloud.AddScalingGroup(first, region, cloudsim.ScalingGroupSpec{Name: "web", Configurations: []cloudsim.ScalingConfigurationSpec{
				{Name: "old", Image: id, InstanceType: "ecs.g7.large"}, {Name: "new", Active: true, Image: "m-web5", InstanceType: "ecs.g7.large"},
			}})
		},
		"scaling configuration without group": func(s *stage, id image.ID) {
			s.loose = append(s.loose, image.ScalingConfiguration{Region: region, ID: "asc-loose", Name: "loose", Image: id})
		},
		"build that runs right now": func(s *stage, id image.ID) {
			s.cloud.AddImagePipeline(second, region, cloudsim.PipelineSpec{Name: "build", Base: string(id), Runs: []cloudsim.PipelineRunSpec{{Status: "BUILDING", CreatedAt: s.clock.Now()}}})
			s.cloud.AddInstance(second, region, cloudsim.InstanceSpec{Instance: image.Instance{
				Image: id, Type: "ecs.g7.large", Status: image.InstancePending, OSType: image.Linux, CreatedAt: s.clock.Now(),
			}})
		},
		"pipeline": func(s *stage, id image.ID) {
			s.cloud.AddImagePipeline(first, region, cloudsim.PipelineSpec{Name: "build", Base: string(id)})
		},
		"tag": func(s *stage, id image.ID) {
			_ = s.cloud.View(first).Tag(s.t.Context(), region, "image", []string{string(id)}, image.Tags{retention.TagKeep: ""})
		},
		"channel": func(s *stage, id image.ID) {
			_ = s.cloud.View(first).Tag(s.t.Context(), region, "image", []string{string(id)}, image.Tags{retention.TagChannel: "stable"})
		},
		"word of a person": func(s *stage, id image.ID) {
			s.call("cleanups.keep", map[string]any{"imageId": id, "reason": "audit", "until": s.clock.Now().Add(240 * time.Hour)})
		},
	}
}

// lied is one inventory of which one answer is wrong.
type lied struct {
	need, list string
	wrong      fate
	nth        int
	// late: the need comes when the image is on its way.
	late bool
	// locked: its snapshot is; the locks are read when the bin's time is over.
	locked bool
}

// inventoriesOf has every pair of list and what is wrong with it, with all needs, early
// and late, at many answers.
func inventoriesOf(times int) []lied {
	var all []lied
	r := rand.New(rand.NewPCG(14, 1))
	for _, need := range slices.Sorted(maps.Keys(needs())) {
		for _, list := range lists() {
			for _, wrong := range wrongs() {
				for range times {
					one := lied{need: need, list: list, wrong: wrong, nth: r.IntN(8), late: r.IntN(3) == 0}
					if list == "SnapshotLocks" { // nobody asks for them before the image is gone
						one = lied{list: list, wrong: wrong, nth: r.IntN(2), locked: r.IntN(2) == 0}
					}
					all = append(all, one)
				}
			}
		}
	}
	return all
}

// One answer of any list is refused, late, lost, empty or short, at any time: nothing
// that anything needs is removed; and what nothing needs mostly goes all the same.
func TestLiesOfTheCloud(t *testing.T) {
	t.Parallel()
	var told, met1, free, went atomic.Int32
	var mu sync.Mutex
	pairs := map[string]int{}
	all := inventoriesOf(16)
	t.Run("inventories", func(t *testing.T) {
		for _, one := range drawn.Some(t, all, 400) {
			t.Run(fmt.Sprintf("%+v", one), func(t *testing.T) {
				t.Parallel()
				told.Add(1)
				removed, met := one.live(t)
				if met {
					met1.Add(1)
					mu.Lock()
					pairs[fmt.Sprint(one.list, one.wrong)]++
					mu.Unlock()
				}
				if one.need != "" && removed {
					t.Errorf("it was removed")
				}
				if one.need == "" {
					free.Add(1)
				}
				if one.need == "" && removed {
					went.Add(1)
				}
			})
		}
	})
	t.Logf("%d inventories, in %d of which an answer was wrong; %d of %d that nothing needed went", told.Load(), met1.Load(), went.Load(), free.Load())
	if met1.Load() == 0 || drawn.All() && went.Load()*2 < free.Load() {
		t.Error("it proves nothing")
	}
	if int(told.Load()) < len(all) {
		return
	}
	for _, list := range lists() {
		for _, wrong := range wrongs() {
			if n := pairs[fmt.Sprint(list, wrong)]; n < 20 {
				t.Errorf("%s was wrong by %d only %d times", list, wrong, n)
			}
		}
	}
}

// live is what becomes of the image; met: an answer was wrong.
func (l lied) live(t *testing.T) (removed, met1 bool) {
	t.Helper()
	s := newStage(t)
	quick(&s.rules)
	if !l.late {
		needs()[l.need](s, "m-web0")
	}
	if l.locked {
		s.locks("s-web0")
	}
	var mu sync.Mutex
	n := 0
	s.armed(func(m met) fate {
		mu.Lock()
		defer mu.Unlock()
		if m.name != l.list {
			return passes
		}
		if n++; n != l.nth+1 {
			return passes
		}
		met1 = true
		return l.wrong
	})
	ask := map[string]any{"images": []string{"m-web0"}}
	begun := s.call("cleanups.create", ask)
	if begun.Plan.Digest != "" {
		s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}, "apply": map[string]any{"digest": begun.Plan.Digest}})
	}
	s.tick(2)
	if l.late {
		if _, _, err := s.image("m-web0"); err != nil {
			t.Fatalf("it is gone before its time: %v", err)
		}
		before := s.armed(nil)
		needs()[l.need](s, "m-web0")
		s.armed(before)
	}
	s.tick(40)
	if l.list == "SnapshotLocks" {
		s.clock.Advance(time.Duration(s.rules.Document.Bin))
		s.tick(10)
	}
	_, _, err := s.image("m-web0")
	if _, there := s.snapshot("s-web0"); !there && (l.need != "" || l.locked) {
		t.Error("its snapshot is gone")
	}
	return fault.Of(err) == fault.NotFound, met1
}

// What runs for ten minutes each night between two looks is known by its event, or not
// known to be none: the image stays, whatever launches it.
func TestNightlyInstances(t *testing.T) {
	t.Parallel()
	idle := newStage(t)
	idle.rules.Approver = func(rule string) string { return "rule:" + rule + "@etag" }
	idle.looks(116, 100*time.Minute)
	if now, _, err := idle.image("m-web0"); err != nil || now.Tags[retention.TagCleanup] == "" {
		t.Fatalf("without an event it is not marked, which proves nothing: %v: %v", err, now.Tags)
	}
	s := newStage(t)
	s.rules.Approver = func(rule string) string { return "rule:" + rule + "@etag" }
	for at := start(); at.Before(start().AddDate(0, 0, 9)); at = at.Add(24 * time.Hour) {
		s.events = append(s.events, image.Event{ID: "e1" + at.String(), Account: second, Region: region, Name: "RunInstances", At: at.Add(70 * time.Minute), Parameters: map[string]string{"ImageId": "m-web0"}})
	}
	s.looks(116, 100*time.Minute)
	if now, _, err := s.image("m-web0"); err != nil || now.Tags[retention.TagCleanup] != "" {
		t.Errorf("%v: %v", err, now.Tags)
	}
	if now, _, err := s.image("m-web1"); err != nil || now.Tags[retention.TagCleanup] == "" {
		t.Errorf("what nothing launched is not marked: %v: %v", err, now.Tags)
	}
}
