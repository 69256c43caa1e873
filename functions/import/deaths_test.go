package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// hours is a cloud in which an import takes about four hours.
func hours() cloudsim.Options {
	return cloudsim.Options{ImportTime: 190 * time.Minute, CheckTime: 15 * time.Minute, CopyTime: 25 * time.Minute}
}

// levels are those of an item, in their order.
func levels() []string {
	return []string{"", "made", "checked", "launched", "commanded", "tested", "named", "copied", "shared", "released"}
}

// teller reads the state of an import once a minute: nothing of it goes back.
type teller struct {
	*stage
	id     string
	before answer
	beside bool // two ticks come at once
	ticks  int
	found  int // by find, of images that nobody has made stable
	states []work.State
}

func (s *teller) look() answer {
	s.t.Helper()
	_, a := s.get("/imports/" + s.id)
	if len(s.states) == 0 || s.states[len(s.states)-1] != a.State {
		s.states = append(s.states, a.State)
	}
	for n, i := range a.Items {
		if n >= len(s.before.Items) {
			continue
		}
		was := s.before.Items[n]
		if slices.Index(levels(), i.Level) < slices.Index(levels(), was.Level) || was.ImageID != "" && i.ImageID != was.ImageID ||
			was.Result != "open" && was.Result != "" && i.Result != was.Result {
			s.t.Errorf("minute %d: %s went back from %+v to %+v", s.ticks, i.RegionID, was, i)
		}
	}
	if a.Progress.Done < s.before.Progress.Done {
		s.t.Errorf("minute %d: %d are done, and %d were", s.ticks, a.Progress.Done, s.before.Progress.Done)
	}
	s.before = a
	return a
}

// live lets the timer tick once a minute, whatever became of the ticks before, until
// the import has ended or so many minutes are over. It looks every so many minutes.
func (s *teller) live(most, every int) answer {
	s.t.Helper()
	for n := range most {
		if n%every == 0 && s.look().State.Ended() {
			break
		}
		s.workers.Go(func() { s.work(&door{stage: s.stage}) })
		if s.beside {
			s.workers.Go(func() { s.work(&door{stage: s.stage}) })
		}
		time.Sleep(time.Minute)
		s.ticks++
		if n%every == 0 {
			s.unreleased()
		}
	}
	s.workers.Wait()
	time.Sleep(10 * frozen) // whoever is frozen wakes up, and must change nothing
	return s.look()
}

// unreleased: ECS does not answer with an image that nobody made stable, and find does
// not call it the one to use.
func (s *teller) unreleased() {
	s.t.Helper()
	opened, err := survey.Open(s.t.Context(), []survey.Account{{Reader: s.cloud.View(own)}}, survey.Scope{Regions: []image.RegionID{"cn-hangzhou", "cn-shanghai"}})
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := selection.Find(s.t.Context(), opened, nil, selection.Query{Kinds: []image.Kind{image.KindCustom}, Name: "*web*"})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, found := range list.Page {
		s.found++
		if slices.ContainsFunc(found.Why, func(r image.Reason) bool { return r.Code == "newest" }) {
			s.t.Errorf("minute %d: find says that %s is the one to use", s.ticks, found.ID)
		}
	}
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		if row, found, _ := s.session().DescribeImageFromFamily(cloudsim.DescribeImageFromFamilyRequest{RegionID: region, ImageFamily: "web"}); found {
			s.t.Errorf("minute %d: ECS answers the family with %s", s.ticks, row.ID)
		}
	}
}

// begin begins the import of wish and returns what follows it.
func (s *stage) begin(w map[string]any) *teller {
	s.t.Helper()
	return &teller{stage: s, id: s.applied("imports.post", w).ID}
}

// things are what an account has that an import can make.
type things struct {
	images    []image.Image
	instances []image.Instance
	snapshots []image.Snapshot
}

func (s *stage) things(region image.RegionID) things {
	s.t.Helper()
	v, ctx := s.cloud.View(own), s.t.Context()
	images, errImages := v.Images(ctx, region, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
	instances, errInstances := v.Instances(ctx, region, image.InstanceListing{})
	snapshots, errSnapshots := v.Snapshots(ctx, region, image.SnapshotListing{})
	if errImages != nil || errInstances != nil || errSnapshots != nil {
		s.t.Fatal(errImages, errInstances, errSnapshots)
	}
	return things{images, instances, snapshots}
}

// whole checks that an import made exactly its images, gave them to whom it was to,
// and left nothing else; and that the state tells so.
func (s *stage) whole(a answer) {
	s.t.Helper()
	if a.State != work.Finished || len(a.Items) != 2 {
		s.t.Errorf("it ended as %s: %+v", a.State, a.Items)
		return
	}
	for _, i := range a.Items {
		is := s.things(i.RegionID)
		if len(is.images) != 1 || len(is.instances) != 0 || len(is.snapshots) != 1 {
			s.t.Errorf("%s has %d images, %d instances, %d snapshots", i.RegionID, len(is.images), len(is.instances), len(is.snapshots))
			continue
		}
		made := is.images[0]
		grants, err := s.cloud.View(own).Grants(s.t.Context(), i.RegionID, made.ID)
		switch {
		case i.Result != "applied" || i.Level != "released" || i.ImageID != made.ID:
			s.t.Errorf("the state tells %+v of %s", i, made.ID)
		case made.Name != "web-1" || made.Tags["team"] != "web" || made.Tags["imagekeeper:channel"] != "candidate" || made.Status != image.StatusAvailable:
			s.t.Errorf("the image is %+v", made)
		case err != nil || len(grants) != 1 || grants[0].Account != other:
			s.t.Errorf("it is shared with %v, %v", grants, err)
		}
	}
	if _, r := s.get("/releases/web"); len(r.Channels["candidate"]) != 2 || len(r.History) != 2 {
		s.t.Errorf("the log of the family: %+v", r.History)
	}
}

// nothing checks that nothing is left of an import.
func (s *stage) nothing() {
	s.t.Helper()
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-shanghai"} {
		if is := s.things(region); len(is.images)+len(is.instances)+len(is.snapshots) > 0 {
			s.t.Errorf("left in %s: %v, %v, %v", region, is.images, is.instances, is.snapshots)
		}
	}
}

// boundary is one call of a story: that of its name, and the how many-th of these
// since the last call that changed something in the cloud. While ECS works for hours
// every minute is like the one before: of each name the first few are taken.
type boundary struct {
	changes int
	name    string
	nth     int
}

// The first calls of a name that are taken, where nothing else happens.
const (
	fewChanges = 4
	fewLooks   = 1
)

func (b boundary) String() string {
	return fmt.Sprintf("%s %d after change %d", b.name, b.nth, b.changes)
}

// counter finds the boundaries of a story.
type counter struct {
	mu      sync.Mutex
	changes int
	nth     map[string]int
	all     []boundary
	writes  []boundary
}

// meet counts a call, and tells which boundary it is.
func (c *counter) meet(m met) boundary {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := boundary{c.changes, m.name, c.nth[m.name]}
	c.nth[m.name]++
	if m.changes && m.region != "" { // of the cloud, and not of the journal
		c.changes++
		clear(c.nth)
	}
	switch {
	case m.changes && b.nth < fewChanges:
		c.writes = append(c.writes, b)
		c.all = append(c.all, b)
	case b.nth < fewLooks:
		c.all = append(c.all, b)
	}
	return b
}

func newCounter() *counter { return &counter{nth: map[string]int{}} }

// boundaries are all calls of a story where nothing happens.
func boundaries(t *testing.T) *counter {
	t.Helper()
	c := newCounter()
	synctest.Test(t, func(t *testing.T) {
		s := newStageOf(t, hours())
		story := s.begin(wish("web-1"))
		s.arm(func(m met) (fate, how) { c.meet(m); return passes, how{} }, nil)
		a := story.live(300, 1)
		s.whole(a)
		if story.found == 0 {
			t.Error("find never saw the image")
		}
		if story.ticks < 230 || story.ticks > 260 {
			t.Errorf("it took %d ticks", story.ticks)
		}
	})
	return c
}

// trial is what happens once to one call.
type trial struct {
	boundary
	fate
}

// trials are all boundaries with all that can happen there.
func (c *counter) trials(looks, changes []fate) []trial {
	var all []trial
	for _, b := range c.all {
		fates := looks
		if slices.Contains(c.writes, b) {
			fates = changes
		}
		for _, f := range fates {
			all = append(all, trial{b, f})
		}
	}
	return all
}

// An import of four hours under a held clock, whose worker dies or freezes at any of
// its calls, of ECS, OSS or the journal, before or after their effect: there is one
// image, nothing is left behind, and the state tells the story.
func TestFourHours(t *testing.T) {
	c := boundaries(t)
	if t.Failed() {
		return
	}
	t.Logf("%d calls of which %d change something", len(c.all), len(c.writes))
	var reached atomic.Int32
	t.Run("trials", func(t *testing.T) {
		for _, one := range drawn.Some(t, c.trials([]fate{dies, freezes}, []fate{dies, freezes, diesAfter, freezesAfter}), 440) {
			t.Run(fmt.Sprintf("%s, fate %d", one.boundary, one.fate), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { carriedOn(t, one, &reached) })
			})
		}
	})
	if reached.Load() == 0 {
		t.Error("none of them was met")
	}
}

func carriedOn(t *testing.T, one trial, reached *atomic.Int32) {
	s, c := newStageOf(t, hours()), newCounter()
	var once atomic.Bool
	story := s.begin(wish("web-1"))
	s.arm(func(m met) (fate, how) {
		if c.meet(m) == one.boundary && once.CompareAndSwap(false, true) {
			reached.Add(1)
			return one.fate, how{}
		}
		return passes, how{}
	}, nil)
	s.whole(story.live(320, 7))
}

// Two workers at once, of which any can die or freeze at any call, make one import.
func TestTwoWorkers(t *testing.T) {
	for _, seed := range drawn.Some(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 12) {
		synctest.Test(t, func(t *testing.T) {
			s, r := newStageOf(t, cloudsim.Options{Visibility: 20 * time.Second, Seed: seed}), rand.New(rand.NewPCG(seed, 1))
			story := s.begin(wish("web-1"))
			var mu sync.Mutex
			s.arm(func(met) (fate, how) {
				mu.Lock()
				defer mu.Unlock()
				if r.IntN(60) > 0 {
					return passes, how{}
				}
				return []fate{dies, diesAfter, freezes, freezesAfter}[r.IntN(4)], how{}
			}, nil)
			story.beside = true
			a := story.live(400, 3)
			s.whole(a)
		})
	}
}

// Whatever call an import is cancelled at: either nothing is left or listed of it, or
// it was released already, and nothing of what others have is touched.
func TestCancelledAtAnyCall(t *testing.T) {
	c := newCounter()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		story := s.begin(wish("web-1"))
		s.arm(func(m met) (fate, how) { c.meet(m); return passes, how{} }, nil)
		s.whole(story.live(100, 1))
	})
	ends := map[string]int{}
	var mu sync.Mutex
	t.Run("trials", func(t *testing.T) {
		for _, one := range drawn.Some(t, c.trials(nil, []fate{passes, lost}), 14) {
			t.Run(fmt.Sprintf("%s, after it %v", one.boundary, one.fate == lost), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					end := cancelledAt(t, one)
					mu.Lock()
					defer mu.Unlock()
					ends[end]++
				})
			})
		}
	})
	t.Log(ends)
	if ends["aborted"] == 0 || ends["alreadyReleased"] == 0 {
		t.Errorf("the ends are %v", ends)
	}
}

func cancelledAt(t *testing.T, one trial) (end string) {
	s, c := newStage(t), newCounter()
	story := s.begin(wish("web-1"))
	var once atomic.Bool
	cancel := func() {
		a := s.call("imports.cancel", map[string]any{"id": story.id})
		end = cmp.Or(a.Code, "aborted")
	}
	s.arm(func(m met) (fate, how) {
		if c.meet(m) != one.boundary || !once.CompareAndSwap(false, true) {
			return passes, how{}
		}
		if one.fate == lost {
			return passes, how{then: cancel}
		}
		cancel()
		return passes, how{}
	}, nil)
	a := story.live(200, 1)
	if end != "aborted" {
		s.whole(a)
		return end
	}
	s.nothing()
	if a.State != work.Aborted {
		t.Errorf("it is %s: %+v", a.State, a.Items)
	}
	for _, i := range a.Items {
		if i.Result != "failed" || i.Reason == nil || i.Reason.Code != "aborted" || t.Failed() {
			t.Errorf("%+v, %v", i, i.Reason)
		}
	}
	if again := s.call("imports.cancel", map[string]any{"id": story.id}); again.Code != "" || again.State != work.Aborted {
		t.Errorf("cancelled again: %+v", again)
	}
	return end
}
