package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
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
	ticks  int
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
// the import has ended or so many minutes are over.
func (s *teller) live(most int) answer {
	s.t.Helper()
	for range most {
		if a := s.look(); a.State.Ended() {
			break
		}
		s.workers.Go(func() { s.work(&door{stage: s.stage}) })
		time.Sleep(time.Minute)
		s.ticks++
		s.unreleased()
	}
	s.workers.Wait()
	return s.look()
}

// unreleased: ECS does not answer with an image that nobody made stable.
func (s *teller) unreleased() {
	s.t.Helper()
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

// boundary is one call of a story: the first of its name after so many changes.
type boundary struct {
	changes int
	name    string
}

func (b boundary) String() string { return fmt.Sprintf("%s after change %d", b.name, b.changes) }

// counter finds the boundaries of a story.
type counter struct {
	mu      sync.Mutex
	changes int
	seen    map[boundary]bool
	all     []boundary
	writes  []boundary
}

// meet counts a call, and reports which boundary it is; false: it is one that was
// there before.
func (c *counter) meet(m met) (boundary, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := boundary{c.changes, m.name}
	if m.changes {
		c.changes++
	}
	if c.seen[b] {
		return b, false
	}
	c.seen[b] = true
	c.all = append(c.all, b)
	if m.changes {
		c.writes = append(c.writes, b)
	}
	return b, true
}

func newCounter() *counter { return &counter{seen: map[boundary]bool{}} }

// boundaries are all calls of a story where nothing happens.
func boundaries(t *testing.T) *counter {
	t.Helper()
	c := newCounter()
	synctest.Test(t, func(t *testing.T) {
		s := newStageOf(t, hours())
		story := s.begin(wish("web-1"))
		s.arm(func(m met) (fate, how) { c.meet(m); return passes, how{} }, nil)
		a := story.live(300)
		s.whole(a)
		if story.ticks < 230 || story.ticks > 260 {
			t.Errorf("it took %d ticks", story.ticks)
		}
	})
	return c
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
	type trial struct {
		boundary
		fate
	}
	var trials []trial
	for _, b := range c.all {
		for _, f := range []fate{dies, freezes, diesAfter, freezesAfter} {
			if f == dies || f == freezes || slices.Contains(c.writes, b) {
				trials = append(trials, trial{b, f})
			}
		}
	}
	reached := 0
	for _, one := range drawn.Some(t, trials, 160) {
		t.Run(fmt.Sprintf("%s %d", strings.ReplaceAll(one.boundary.String(), " ", "_"), one.fate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c, happened := newStageOf(t, hours()), newCounter(), false
				story := s.begin(wish("web-1"))
				s.arm(func(m met) (fate, how) {
					if b, first := c.meet(m); first && b == one.boundary && !happened {
						happened = true
						return one.fate, how{}
					}
					return passes, how{}
				}, nil)
				s.whole(story.live(320))
				if happened {
					reached++
				}
			})
		})
	}
	if reached == 0 {
		t.Error("none of them was met")
	}
}
