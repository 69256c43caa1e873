package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/work"
)

// never is one thing for which an image is never removed.
type never struct {
	// codes are the reasons of which one has to be told.
	codes []string
	// image is the one that stays; empty: m-web0.
	image   image.ID
	arrange func(*stage, image.ID)
}

// custom adds an image that is old enough, unless it says otherwise.
func custom(s *stage, spec cloudsim.ImageSpec) {
	i := &spec.Image
	if i.Kind == "" {
		i.Kind = image.KindCustom
	}
	if i.CreatedAt.IsZero() {
		i.CreatedAt = start().AddDate(-1, 0, 0)
	}
	if len(i.Disks) == 0 {
		i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + i.ID[2:]), Encrypted: image.No}}
	}
	i.Name = "custom-" + string(i.ID)
	s.cloud.AddImage(first, region, spec)
}

// open is a work of another function that has not ended, and names an image.
func (s *stage) open(kind string, id image.ID) {
	s.t.Helper()
	store := s.objects()
	r := work.Runner{Name: kind, Journal: journal.New(store, s.clock.Now, rand.Text), Documents: store, Now: s.clock.Now}
	p := plan.Plan{Target: kind, Steps: []plan.Step{{Action: "make", Subject: string(id), Sets: plan.Facts{"image": string(id)}}}}
	wish, err := json.Marshal(map[string]string{"image": string(id)})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := r.Approve(s.t.Context(), work.Document{Kind: kind, At: s.clock.Now(), Plan: p.Stored(), Wish: wish}, work.Approval{By: "ann"}); err != nil {
		s.t.Fatal(err)
	}
}

// nevers are all of them, but what looks and the journal alone tell.
func nevers() map[string]never {
	of := func(what string, codes ...string) never { return never{codes: codes, arrange: needs()[what]} }
	all := map[string]never{
		"word of a person": of("word of a person", "kept"),
		"tag":              of("tag", "kept"),
		"channel":          of("channel", "inChannel"),
		"candidate": {codes: []string{"inChannel"}, arrange: func(s *stage, id image.ID) {
			_ = s.cloud.View(first).Tag(s.t.Context(), region, "image", []string{string(id)}, image.Tags{retention.TagChannel: "candidate"})
		}},
		"newest of its family": {codes: []string{"newestOfFamily"}, image: "m-web5", arrange: func(*stage, image.ID) {}},
		"shared with who cannot be read": {codes: []string{"sharedWithUnread"}, image: "m-lent", arrange: func(s *stage, id image.ID) {
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}}, SharedWith: []image.AccountID{"1000000000000009"}})
		}},
		"public to the community": {codes: []string{"published"}, image: "m-open", arrange: func(s *stage, id image.ID) {
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}, Kind: image.KindCommunity}})
		}},
		"parent whose snapshot another image needs": {codes: []string{"inUse"}, arrange: func(s *stage, id image.ID) {
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-child"}, Disks: []image.DiskMapping{
				{System: true, SizeGiB: 40, SnapshotID: "s-child", Encrypted: image.No}, {SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + id[2:]), Encrypted: image.No},
			}}})
		}},
		"undo image that is in use": {codes: []string{"inUse"}, image: "m-undo", arrange: func(s *stage, id image.ID) {
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}, Tags: image.Tags{retention.TagUndo: "r-1"}}})
			s.runs(first, id)
		}},
		"made today": {codes: []string{"madeToday"}, image: "m-young", arrange: func(s *stage, id image.ID) {
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}, CreatedAt: s.clock.Now().Add(-23 * time.Hour)}})
		}},
		"in creation": {codes: []string{"inCreation"}, image: "m-coming", arrange: func(s *stage, id image.ID) {
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}, Status: image.StatusCreating}})
		}},
		"its snapshot ends before the bin": {codes: []string{"snapshotWouldExpire"}, image: "m-ending", arrange: func(s *stage, id image.ID) {
			kept := s.cloud.AddSnapshot(first, region, image.Snapshot{ID: "s-ending", Status: "accomplished", RetentionDays: 380, CreatedAt: start().AddDate(-1, 0, 0)})
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: id}, Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: kept, Encrypted: image.No}}}})
		}},
		"a list of its region cannot be read": {codes: []string{"regionUnread", "useUnknown"}, arrange: func(s *stage, _ image.ID) {
			s.armed(func(m met) fate {
				if m.name == "TemplateVersions" {
					return refused
				}
				return passes
			})
		}},
	}
	for _, what := range []string{
		"instance", "stopped instance of the second account", "template version 3 of 7", "template of the second account", "scaling configuration that is not active",
		"scaling configuration without group", "build that runs right now", "pipeline",
	} {
		all[what] = of(what, "inUse")
	}
	for _, kind := range []string{"imports", "exports", "rollouts"} {
		all["named by an open one of "+kind] = never{codes: []string{"heldByWork"}, arrange: func(s *stage, id image.ID) { s.open(kind, id) }}
	}
	return all
}

// Every reason for which an image is never removed holds against whoever names it, with
// and without waits, and is told; and one that comes when it is on its way brings it
// back, or holds it.
func TestWhatIsNeverRemovedByAnybody(t *testing.T) {
	t.Parallel()
	all := nevers()
	for _, name := range drawn.Some(t, slices.Sorted(maps.Keys(all)), 8) {
		one := all[name]
		id := one.image
		if id == "" {
			id = "m-web0"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			one.arrange(s, id)
			for _, ask := range []map[string]any{{"images": []string{string(id)}}, {"images": []string{string(id)}, "skipWaits": true, "reason": "leaked"}} {
				p := s.call("cleanups.create", ask)
				if len(p.Plan.Steps) == 0 {
					t.Fatalf("nothing is told: %+v", p)
				}
				step := p.Plan.Steps[slices.IndexFunc(p.Plan.Steps, func(o stepOut) bool { return o.ImageID == id })]
				told := slices.ContainsFunc(step.Reasons, func(r image.Reason) bool { return slices.Contains(one.codes, r.Code) && r.Sentence != "" })
				if step.Action != "refuse" || !told {
					t.Errorf("%v: %s %+v", ask, step.Action, step.Reasons)
				}
				ask["apply"] = map[string]any{"digest": p.Plan.Digest}
				if refused := s.call("cleanups.create", ask); fmt.Sprint(refused.Status) != "422" && refused.ID == "" {
					t.Errorf("applied: %+v", refused)
				}
				s.tick(30)
			}
			if len(s.deleted) > 0 {
				t.Errorf("deleted: %v", s.deleted)
			}
			if one.image != "" {
				return
			}
			s = newStage(t)
			quick(&s.rules)
			s.rules.Document.Grace = image.Duration(20 * time.Minute)
			begun := s.apply("cleanups.create", map[string]any{"images": []string{string(id)}})
			if _, _, err := s.image(id); err != nil {
				t.Fatalf("it is gone before its time: %v", err)
			}
			one.arrange(s, id)
			s.tick(60)
			if _, _, err := s.image(id); err != nil || len(s.deleted) > 0 {
				t.Errorf("it is gone: %v, %v: %+v", err, s.deleted, s.item(begun, string(id)))
			}
		})
	}
}
