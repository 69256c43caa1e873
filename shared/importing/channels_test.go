package importing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/plan"
)

// version is an image of the family, built on a day.
func version(id image.ID, day int, family image.Family) image.Image {
	return image.Image{
		Ref: image.Ref{Account: us, Region: home, ID: id}, Name: string(id), Kind: image.KindCustom, Status: image.StatusAvailable, Family: family,
		CreatedAt: monday,
		Tags: image.Tags{
			importing.TagFamily: "web-base", importing.TagBuiltAt: monday.AddDate(0, 0, day).Format(time.RFC3339),
		},
	}
}

// world has the images of a family in one region, and its log.
type world struct {
	t       *testing.T
	images  map[image.ID]*image.Image
	entries []plan.Entry
	n       int
}

func newWorld(t *testing.T, images ...image.Image) *world {
	w := &world{t: t, images: map[image.ID]*image.Image{}}
	for n := range images {
		w.images[images[n].ID] = &images[n]
	}
	return w
}

func (w *world) plan(c importing.Channel, id image.ID, adopt bool) plan.Plan {
	seen := importing.Sighted{Image: w.images[id], Passed: image.Yes}
	if adopt {
		seen.Passed = image.No
	}
	for _, i := range w.images {
		seen.Family = append(seen.Family, *i)
	}
	return importing.PlanRelease(
		importing.ReleaseWish{Family: "web-base", Channel: c, Images: map[image.RegionID]image.ID{home: id}, Adopt: adopt},
		importing.Channels(w.entries), map[image.RegionID]importing.Sighted{home: seen},
	)
}

// release carries a plan out, as ECS would show it.
func (w *world) release(c importing.Channel, id image.ID) plan.Plan {
	p := w.plan(c, id, false)
	if len(p.Refusals()) > 0 {
		w.t.Fatalf("refused: %v", p.Refusals())
	}
	w.n++
	at, stored := monday.Add(time.Duration(w.n)*time.Hour), p.Stored()
	outcomes := []plan.Outcome{}
	for _, s := range p.Changes() {
		outcomes = append(outcomes, plan.Outcome{Step: s.Name(), Result: plan.Applied})
		for _, i := range w.images {
			if tag, ok := s.Sets["tag/cn-hangzhou/"+string(i.ID)]; ok {
				i.Tags[importing.TagChannel] = tag
			}
			if family, ok := s.Sets["family/cn-hangzhou/"+string(i.ID)]; ok {
				i.Family = image.Family(family)
			}
		}
	}
	w.entries = append(w.entries,
		plan.Entry{Kind: plan.Approved, Digest: p.Digest(), At: at, By: "iss ann", Plan: &stored},
		plan.Entry{Kind: plan.Happened, Digest: p.Digest(), At: at, Outcomes: outcomes})
	return p
}

// newest is what ECS resolves the family to.
func (w *world) newest() image.ID {
	var found []image.Image
	for _, i := range w.images {
		if i.Family == "web-base" && i.Status == image.StatusAvailable {
			found = append(found, *i)
		}
	}
	slices.SortFunc(found, func(a, b image.Image) int { return importing.BuiltAt(b).Compare(importing.BuiltAt(a)) })
	if len(found) == 0 {
		return ""
	}
	return found[0].ID
}

func (w *world) expect(newest, candidate, stable image.ID, tags string) {
	w.t.Helper()
	now := importing.Channels(w.entries)
	got := ""
	for _, id := range []image.ID{"m-1", "m-2", "m-3"} {
		got += fmt.Sprint(id, "=", w.images[id].Tags[importing.TagChannel], " ")
	}
	if w.newest() != newest || now[importing.Candidate][home].Image != candidate || now[importing.Stable][home].Image != stable || got != tags {
		w.t.Errorf("newest %q, candidate %q, stable %q, %s", w.newest(), now[importing.Candidate][home].Image, now[importing.Stable][home].Image, got)
	}
}

// An image that is no more than a candidate is never what ECS resolves the family
// to; stable forth and back.
func TestStoryOfAFamily(t *testing.T) {
	w := newWorld(t, version("m-1", 1, ""), version("m-2", 2, ""), version("m-3", 3, ""))
	w.release(importing.Candidate, "m-1")
	w.expect("", "m-1", "", "m-1=candidate m-2= m-3= ")
	w.release(importing.Stable, "m-1")
	w.expect("m-1", "m-1", "m-1", "m-1=stable m-2= m-3= ")
	w.release(importing.Candidate, "m-2")
	w.expect("m-1", "m-2", "m-1", "m-1=stable m-2=candidate m-3= ")
	w.release(importing.Stable, "m-2")
	w.expect("m-2", "m-2", "m-2", "m-1=retired m-2=stable m-3= ")
	w.release(importing.Stable, "m-3")
	w.expect("m-3", "m-2", "m-3", "m-1=retired m-2=candidate m-3=stable ")
	w.release(importing.Stable, "m-1")
	w.expect("m-1", "m-2", "m-1", "m-1=stable m-2=candidate m-3=retired ")
	if w.images["m-2"].Family != "web-base-withdrawn" || w.images["m-3"].Family != "web-base-withdrawn" {
		t.Errorf("families %q and %q", w.images["m-2"].Family, w.images["m-3"].Family)
	}
	if again := w.plan(importing.Stable, "m-1", false); len(again.Changes()) != 0 {
		t.Errorf("a second time changes %v", again.Changes())
	}
	if h := importing.History(w.entries); len(h) != 6 || h[5].Image != "m-1" || h[5].By != "iss ann" {
		t.Errorf("history %v", h)
	}
}

func TestRefusedReleases(t *testing.T) {
	cases := map[string]func(*world){
		"notOurs":      func(w *world) { delete(w.images, "m-1") },
		"notAvailable": func(w *world) { w.images["m-1"].Status = image.StatusDeprecated },
		"notChecked":   func(w *world) { w.images["m-1"].Name = "unverified-web" },
		"otherFamily":  func(w *world) { w.images["m-1"].Tags[importing.TagFamily] = "db-base" },
	}
	for code, change := range cases {
		w := newWorld(t, version("m-1", 1, ""))
		change(w)
		p := w.plan(importing.Stable, "m-1", false)
		if r := p.Refusals(); len(r) != 1 || r[0].Reasons[0].Code != code {
			t.Errorf("%s: got %v", code, p.Steps)
		}
	}
	w := newWorld(t, version("m-1", 1, ""))
	if p := w.plan(importing.Candidate, "m-1", true); len(p.Refusals()) != 0 {
		t.Errorf("adopted, and still refused: %v", p.Refusals())
	}
}
