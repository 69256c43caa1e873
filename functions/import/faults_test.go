package main

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// cell is one thing that goes wrong with the calls of one name: so many times, or for
// good if count is -1, which ends after some hours.
type cell struct {
	call  string
	what  string
	count int
	good  bool // the image is
	how   func() (fate, how)
}

func (c cell) String() string {
	return fmt.Sprintf("%s of %s x%d, good %v", c.what, c.call, c.count, c.good)
}

// callsOf are the names of all calls of an import that is carried, and whether each
// changes something.
func callsOf(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		s := newStage(t)
		story := s.begin(wish("web-1"))
		s.arm(func(m met) (fate, how) {
			mu.Lock()
			defer mu.Unlock()
			names[m.name] = m.changes
			return passes, how{}
		}, nil)
		s.whole(story.live(100, 1))
	})
	return names
}

// cells are every kind of failure and every lie, on every call.
func cells(names map[string]bool) []cell {
	var all []cell
	add := func(name, what string, how func() (fate, how)) {
		for _, count := range []int{1, 3, -1} {
			for _, good := range []bool{true, false} {
				all = append(all, cell{name, what, count, good, how})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, kind := range fault.Kinds() {
			err := fault.New(kind, "injected").WithCode("Injected")
			add(name, "refused "+string(kind), func() (fate, how) { return refused, how{err: err} })
		}
		if names[name] {
			for _, kind := range []fault.Kind{fault.Unavailable, fault.Internal, fault.Unknown} {
				err := fault.New(kind, "injected")
				add(name, "lost "+string(kind), func() (fate, how) { return lost, how{err: err} })
			}
			continue
		}
		add(name, "emptied", func() (fate, how) { return lies, how{lie: emptied} })
		add(name, "halved", func() (fate, how) { return lies, how{lie: halved} })
	}
	return all
}

// Whatever goes wrong with whatever call of an import, and however often: there is no
// second image, nothing is given to others that was not checked and booted, and
// nothing is told to be done that is not.
func TestFaultsAndLies(t *testing.T) {
	names := callsOf(t)
	all := cells(names)
	t.Logf("%d calls: %v", len(names), slices.Sorted(maps.Keys(names)))
	t.Run("cells", func(t *testing.T) {
		for _, c := range drawn.Some(t, all, 440) {
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { wrong(t, c) })
			})
		}
	})
}

// wrong lets one thing go wrong.
func wrong(t *testing.T, c cell) {
	s := newStage(t)
	story := s.begin(wish("web-1"))
	until, left, booted := time.Now().Add(90*time.Minute), c.count, false
	var mu sync.Mutex
	s.arm(func(m met) (fate, how) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case m.name != c.call, left == 0, time.Now().After(until):
			return passes, how{}
		case left > 0:
			left--
		}
		return c.how()
	}, func(m met, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
		case m.name == "ImportImage" && !c.good:
			for _, i := range s.things("cn-hangzhou").images {
				s.cloud.SetBoot(i.ID, cloudsim.BootCommandFails)
			}
		case m.name == "RunCommand": // ECS may have deleted the instance where nobody could
			booted = true
		case (m.name == "Permit" || m.name == "CopyImage") && (!booted || !c.good):
			t.Errorf("%s of an image that had not passed", m.name)
		}
	})
	a := story.live(700, 5)
	if !a.State.Ended() {
		t.Errorf("it is %s: %+v", a.State, a.Items)
	}
	s.holds(t, a, c.good)
}

// holds holds what an import tells against what is there.
func (s *stage) holds(t *testing.T, a answer, good bool) {
	t.Helper()
	if a.State == work.Finished {
		if !good {
			t.Errorf("an image that did not pass: %+v", a.Items)
			return
		}
		s.whole(a)
		return
	}
	for _, i := range a.Items {
		is := s.things(i.RegionID)
		if len(is.images) > 1 || len(is.snapshots) > 1 {
			t.Errorf("%s has %d images, %d snapshots", i.RegionID, len(is.images), len(is.snapshots))
		}
		for _, made := range is.images {
			grants, err := s.cloud.View(own).Grants(t.Context(), i.RegionID, made.ID)
			if !good && (len(grants) > 0 || err != nil || made.Tags["imagekeeper:channel"] != "" || made.Name != "unverified-web-1") {
				t.Errorf("not passed, and given: %+v, %v, %v", made, grants, err)
			}
			if made.Family != "" {
				t.Errorf("%s is in the family %s of ECS", made.ID, made.Family)
			}
		}
		if i.Result == "applied" && (len(is.images) != 1 || is.images[0].Tags["imagekeeper:channel"] != "candidate") {
			t.Errorf("%+v is not so: %+v", i, is.images)
		}
	}
	time.Sleep(2 * time.Hour) // ECS deletes what nobody could
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		if is := s.things(region); len(is.instances) > 0 {
			t.Errorf("an instance was left: %v", is.instances)
		}
	}
}
