package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// boundary is one call of a story: the how many-th of its name since the last call
// that changed something in the cloud.
type boundary struct {
	after int
	name  string
	nth   int
}

func (b boundary) String() string {
	return fmt.Sprintf("%s %d after change %d", b.name, b.nth, b.after)
}

// counter finds the boundaries of a story.
type counter struct {
	mu      sync.Mutex
	changes int
	nth     map[string]int
	all     []boundary
	writes  map[boundary]bool
}

func newCounter() *counter { return &counter{nth: map[string]int{}, writes: map[boundary]bool{}} }

// meet counts a call, and tells which boundary it is.
func (c *counter) meet(m met) boundary {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := boundary{c.changes, m.name, c.nth[m.name]}
	c.nth[m.name]++
	if m.changes || b.nth < 2 {
		c.all = append(c.all, b)
	}
	if m.changes {
		c.writes[b] = true
	}
	if m.changes && m.name != "journal" && m.name != "document" {
		c.changes++
		clear(c.nth)
	}
	return b
}

// quick are the shortest waits, so that a story takes minutes.
func quick(r *retention.Ruling) {
	r.Document.Grace, r.Document.Quarantine, r.Document.Bin = image.Duration(time.Minute), image.Duration(time.Minute), image.Duration(time.Hour)
}

// passage is the way of two images to the bin, of which one comes back and one is
// purged.
type passage struct {
	*stage
	was    image.Image
	id     string
	beside int
}

// travel lets minutes go by until something is so, or too many have.
func (p *passage) travel(what string, most int, done func() bool) {
	p.t.Helper()
	for range most {
		if done() {
			return
		}
		p.tick(1)
		for range p.beside {
			p.clock.Advance(-time.Minute)
			p.tick(1)
		}
	}
	p.t.Errorf("after %d minutes it is not %s: %+v", most, what, p.call("cleanups.get", map[string]any{"id": p.id}))
}

// purges is a story of all stages: m-web0, which is shared, and m-web1 go to the bin;
// the first comes back and the second is purged. fate has what becomes of calls.
func purges(t *testing.T, fate func(met) fate, beside int) {
	t.Helper()
	s := newStage(t)
	quick(&s.rules)
	p := &passage{stage: s, beside: beside}
	p.was, _, _ = s.image("m-web0")
	planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}})
	begun := s.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}})
	p.id = begun.ID
	s.armed(fate)
	binned := func(id string) bool { i := s.item(p.id, id); return i.Level == "binned" || i.Result == "failed" }
	p.travel("in the bin", 400, func() bool { return binned("m-web0") && binned("m-web1") })
	if t.Failed() {
		return
	}
	before := s.armed(nil)
	planned = s.call("cleanups.restore", map[string]any{"id": "m-web0", "shares": true})
	begun = s.call("cleanups.restore", map[string]any{"id": "m-web0", "shares": true, "apply": map[string]any{"digest": planned.Plan.Digest}})
	s.armed(before)
	back := begun.ID
	p.travel("back", 200, func() bool { return s.item(back, "m-web0").Result != "open" })
	p.travel("purged", 200, func() bool { return s.item(p.id, "m-web1").Result != "open" && s.item(p.id, "m-web0").Result != "open" })
	s.armed(nil)
	p.ended(s.item(back, "m-web0"))
}

// ended checks the end of the story: nothing twice, nothing lost, and told as it is.
func (p *passage) ended(back itemOut) {
	p.t.Helper()
	for id, stage := range map[string]retention.Stage{"m-web0": retention.StageDeleted, "m-web1": retention.StagePurged} {
		if _, _, err := p.image(image.ID(id)); fault.Of(err) != fault.NotFound {
			p.t.Errorf("%s is there: %v", id, err)
		}
		if i := p.item(p.id, id); i.Result != "applied" || i.Stage != stage {
			p.t.Errorf("%s is told as %s, %s %v", id, i.Result, i.Stage, i.Reason)
		}
	}
	images, err := p.cloud.View(first).Images(p.t.Context(), region, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
	if err != nil {
		p.t.Fatal(err)
	}
	restored := 0
	for _, i := range images {
		switch {
		case i.Tags[retention.TagRestored] != "":
			restored++
			if differs := retention.Differences(p.was, i); len(differs) > 0 || i.ID != back.Restored || i.Family != "" {
				p.t.Errorf("it came back as %s, told as %s: %v", i.ID, back.Restored, differs)
			}
		case i.Tags[retention.TagCleanup] != "" || i.Status != image.StatusAvailable:
			p.t.Errorf("%s was touched: %s %v", i.ID, i.Status, i.Tags)
		}
	}
	_, grants, _ := p.image(back.Restored)
	if restored != 1 || len(images) != 5 || back.Result != "applied" || len(grants) != 1 || grants[0].Account != second {
		p.t.Errorf("%d of %d images came back, %s %v, shared with %v", restored, len(images), back.Result, back.Reason, grants)
	}
	for id, stays := range map[image.SnapshotID]bool{"s-web0": true, "s-web1": false, "s-web2": true} {
		if _, there := p.snapshot(id); there != stays {
			p.t.Errorf("%s: there %v, want %v", id, there, stays)
		}
	}
}

// trial is what happens once to one call.
type trial struct {
	boundary
	fate
}

// A worker dies or freezes at any of its calls, before or after their effect, at every
// stage: the stages come right all the same, nothing is done twice, nothing is lost.
func TestDeathAndFreezeAtEveryBoundary(t *testing.T) {
	t.Parallel()
	c := newCounter()
	purges(t, func(m met) fate { c.meet(m); return passes }, 0)
	if t.Failed() {
		return
	}
	var all []trial
	for _, b := range c.all {
		for _, f := range []fate{dies, freezes, diesAfter, freezesAfter, lost} {
			if c.writes[b] || f == dies || f == freezes {
				all = append(all, trial{b, f})
			}
		}
	}
	if len(c.writes) < 40 {
		t.Errorf("there were only %d changes", len(c.writes))
	}
	t.Logf("%d calls, of which %d change something; %d trials", len(c.all), len(c.writes), len(all))
	for _, one := range drawn.Some(t, all, 160) {
		t.Run(fmt.Sprintf("%s, fate %d", one.boundary, one.fate), func(t *testing.T) {
			t.Parallel()
			c, met1 := newCounter(), false
			purges(t, func(m met) fate {
				if c.meet(m) != one.boundary || met1 {
					return passes
				}
				met1 = true
				return one.fate
			}, 0)
		})
	}
}

// Two workers, ticks that come twice, late or not at all, and any of them may die or
// freeze at any call.
func TestTwoWorkersAndOddTimers(t *testing.T) {
	t.Parallel()
	for _, seed := range drawn.Some(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 14))
			var mu sync.Mutex
			purges(t, func(met) fate {
				mu.Lock()
				defer mu.Unlock()
				if r.IntN(80) > 0 {
					return passes
				}
				return []fate{dies, diesAfter, freezes, freezesAfter, lost}[r.IntN(5)]
			}, 1)
		})
	}
}

// Caps hold over two workers and over several works: in any 24 hours no more go than
// may.
func TestCapsOfTwoWorkers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	s.rules.Document.Caps = retention.Caps{PerDay: 1, PercentPerDay: 100, PercentOfFamily: 100}
	ids := map[string]string{}
	for _, id := range []string{"m-web0", "m-web1", "m-web2"} {
		planned := s.call("cleanups.create", map[string]any{"images": []string{id}})
		ids[id] = s.call("cleanups.create", map[string]any{"images": []string{id}, "apply": map[string]any{"digest": planned.Plan.Digest}}).ID
	}
	gone := func() int {
		n := 0
		for _, id := range []image.ID{"m-web0", "m-web1", "m-web2"} {
			if _, _, err := s.image(id); fault.Of(err) == fault.NotFound {
				n++
			}
		}
		return n
	}
	began := s.clock.Now()
	var times []time.Duration
	for len(times) < 3 && s.clock.Now().Sub(began) < 10*24*time.Hour {
		s.tick(1)
		s.clock.Advance(-time.Minute)
		s.tick(1)
		for n := gone(); len(times) < n; {
			times = append(times, s.clock.Now().Sub(began))
		}
		s.clock.Advance(6 * time.Hour)
	}
	if len(times) != 3 || times[1]-times[0] < 24*time.Hour || times[2]-times[1] < 24*time.Hour {
		t.Errorf("they went after %v", times)
	}
	slices.Sort(s.deleted)
	if !slices.Equal(slices.Compact(slices.Clone(s.deleted)), s.deleted) {
		t.Errorf("DeleteImage was called for %v", s.deleted)
	}
}
