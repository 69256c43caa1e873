package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// witness compares, at every moment, all that is told of the images of a story.
type witness struct {
	*stage
	work string
	mu   sync.Mutex
	seen map[string]bool
}

func (w *witness) bin() binOut {
	w.t.Helper()
	var bin binOut
	raw := w.event(map[string]any{"operation": "cleanups.bin", "input": map[string]any{"state": "all"}})
	if err := json.Unmarshal(raw, &bin); err != nil || bin.Items == nil {
		w.t.Errorf("the bin: %v: %s", err, raw)
	}
	return bin
}

// look compares what is told of an image at one moment: a call that was let through
// before may end meanwhile, and then it is asked again.
func (w *witness) look(id image.ID) {
	w.t.Helper()
	for range 100 {
		before := w.row(id)
		wrong := w.compare(id, w.bin())
		if w.row(id) != before {
			continue
		}
		for _, one := range wrong {
			w.t.Error(one)
		}
		return
	}
	w.t.Errorf("%s does not hold still", id)
}

// row is what the cloud shows of an image.
func (w *witness) row(id image.ID) string {
	now, grants, err := w.image(id)
	return fmt.Sprint(now.Status, now.Tags, grants, fault.Of(err))
}

// compare returns what does not agree of what the cloud, the cleanup and the bin tell
// of an image, and, when one of these says something new, a plan and a restore.
func (w *witness) compare(id image.ID, bin binOut) (wrong []string) {
	w.t.Helper()
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	now, _, err := w.image(id)
	there := fault.Of(err) != fault.NotFound
	i := w.item(w.work, string(id))
	n := slices.IndexFunc(bin.Items, func(e binEntry) bool { return e.ID == id })
	e := binEntry{State: "none"}
	if n >= 0 {
		e = bin.Items[n]
	}
	told := fmt.Sprintf("%s there %v tag %q level %q stage %s result %s bin %s %v", id, there, now.Tags[retention.TagCleanup], i.Level, i.Stage, i.Result, e.State, e.Reason)
	if now.Tags != nil {
		told += " " + string(now.Status)
	}
	if w.seen[told] {
		return nil
	}
	gone := i.Stage == retention.StageDeleted || i.Stage == retention.StagePurged
	switch {
	case gone && (there || n < 0), !there && n < 0, there && n >= 0:
		say("the bin and the cloud do not agree: %s", told)
	case i.Stage == retention.StagePurged && e.State != "purged":
		say("it is purged, and the bin does not say so: %s", told)
	case (i.Stage == retention.StageMarked || i.Stage == retention.StageQuarantined) && there && now.Tags[retention.TagCleanup] == "" && i.Level != "returning":
		say("it has no mark: %s", told)
	case i.Stage == retention.StageNone && i.Level == "returned" && now.Tags[retention.TagCleanup] != "":
		say("it is returned, and marked: %s", told)
	}
	back := w.call("cleanups.restore", map[string]any{"id": id})
	ready := n >= 0 && e.Reason == nil && e.State != "purged"
	if there != (back.Code == "notInBin") || ready && !back.Plan.Applicable || !there && !back.Plan.Applicable && len(back.Findings) == 0 {
		say("a restore is %s %v %+v: %s", back.Code, back.Plan.Applicable, back.Findings, told)
	}
	rules := w.call("cleanups.create", map[string]any{"rules": true, "image": id})
	if len(rules.Plan.Steps) == 1 && i.Result == "open" && rules.Plan.Steps[0].Stage != string(i.Stage) && (i.Reason == nil || i.Reason.Code != "deleting") {
		say("a plan says %s: %s", rules.Plan.Steps[0].Stage, told)
	}
	if open := i.Result == "open" && e.State != "purged" || e.State == "inBin"; open && len(rules.Plan.Steps) != 1 {
		say("a plan has %d steps: %s", len(rules.Plan.Steps), told)
	}
	w.seen[told] = len(wrong) == 0
	return wrong
}

// Whatever tells of an image tells the same at every moment of its way to the bin and
// back: the cleanup, the bin, a restore, a plan, its tag; also while no worker goes on.
func TestEveryMomentIsToldTheSame(t *testing.T) {
	t.Parallel()
	for name, turn := range map[string]func(*stage){
		"purged": func(*stage) {},
		"kept": func(s *stage) {
			s.call("cleanups.keep", map[string]any{"imageId": "m-web0", "reason": "audit", "until": s.clock.Now().Add(240 * time.Hour)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			quick(&s.rules)
			s.rules.Document.Grace = image.Duration(20 * time.Minute)
			planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}})
			begun := s.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}})
			w := &witness{stage: s, work: begun.ID, seen: map[string]bool{}}
			s.armed(func(m met) fate {
				if !m.changes {
					return passes
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				fate := s.armed(nil)
				w.look("m-web0")
				w.look("m-web1")
				s.armed(fate)
				return passes
			})
			s.tick(10)
			turn(s)
			p := &passage{stage: s, id: begun.ID}
			p.travel("over", 400, func() bool { return s.item(p.id, "m-web0").Result != "open" && s.item(p.id, "m-web1").Result != "open" })
			s.armed(nil)
			w.look("m-web0")
			if len(w.seen) < 10 {
				t.Errorf("only %d moments: %v", len(w.seen), w.seen)
			}
		})
	}
}

// A worker that dies as soon as an image is gone leaves it in the bin all the same, with
// why it cannot be brought back yet; the next one writes it down, and then it can.
func TestTheBinHasWhatIsGone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}})
	id := s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}, "apply": map[string]any{"digest": planned.Plan.Digest}}).ID
	gone := false
	s.armed(func(m met) fate {
		if m.name == "DeleteImage" {
			gone = true
			return diesAfter
		}
		return passes
	})
	p := &passage{stage: s, id: id}
	p.travel("gone", 100, func() bool { return gone })
	s.armed(nil)
	s.clock.Advance(time.Hour)
	w := &witness{stage: s, work: id, seen: map[string]bool{}}
	bin := w.bin()
	if len(bin.Items) != 1 || bin.Items[0].State != "inBin" || bin.Items[0].Reason == nil || bin.Items[0].Reason.Code != "binNotReady" {
		t.Fatalf("the bin: %+v", bin)
	}
	if i := s.item(id, "m-web0"); i.Reason == nil || i.Reason.Code != "deleting" {
		t.Errorf("the cleanup: %+v", i)
	}
	if back := s.call("cleanups.restore", map[string]any{"id": "m-web0"}); back.Plan.Applicable || len(back.Findings) == 0 || back.Findings[0].Code != "binNotReady" || back.Findings[0].Remedy == "" {
		t.Errorf("a restore: %+v", back)
	}
	if kept := s.call("cleanups.keep", map[string]any{"imageId": "m-web0", "reason": "audit", "until": s.clock.Now().Add(240 * time.Hour)}); kept.Code != "notFound" {
		t.Errorf("a keep: %+v", kept)
	}
	s.tick(3)
	if bin = w.bin(); len(bin.Items) != 1 || bin.Items[0].Reason != nil || s.item(id, "m-web0").Stage != retention.StageDeleted {
		t.Fatalf("the bin: %+v, %+v", bin, s.item(id, "m-web0"))
	}
	back := s.apply("cleanups.restore", map[string]any{"id": "m-web0"})
	p.travel("back", 100, func() bool { return s.item(back, "m-web0").Result == "applied" })
}

// What somebody else deletes on its way is never told to be in the bin.
func TestDeletedByOthers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	id := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}}).ID
	done := false
	s.armed(func(m met) fate {
		if !done && m.name == "Tag snapshot" {
			done = true
			fate := s.armed(nil)
			if err := s.cloud.View(first).DeleteImage(t.Context(), region, "m-web1"); err != nil {
				t.Error(err)
			}
			s.armed(fate)
		}
		return passes
	})
	p := &passage{stage: s, id: id}
	p.travel("over", 100, func() bool { return s.item(id, "m-web1").Result != "open" })
	w := &witness{stage: s, work: id}
	if i := s.item(id, "m-web1"); i.Result != "failed" || s.state(id) != "partly" || i.Reason.Code != "imageGone" || i.Stage == retention.StageDeleted || len(w.bin().Items) > 0 || strings.Contains(fmt.Sprint(s.told), "removed") {
		t.Errorf("%+v, the bin %+v", i, w.bin())
	}
}

// blinded has every list of some names refused.
func blinded(names ...string) func(met) fate {
	return func(m met) fate {
		if slices.Contains(names, m.name) {
			return refused
		}
		return passes
	}
}

// A plan of nothing that could be read is refused, and one of a part never says that it
// saves nothing; a report of the timer neither.
func TestWhatIsNotKnownIsNotTold(t *testing.T) {
	t.Parallel()
	lists := []string{"Images", "Instances", "Disks", "Snapshots", "TemplateVersions", "ScalingConfigurations", "Pipelines", "Grants", "SnapshotLocks"}
	for name, c := range map[string]struct {
		blind []string
		want  string
	}{
		"nothing":      {lists, "unread"},
		"no images":    {[]string{"Images"}, "unread"},
		"no use":       {lists[1:], ""},
		"no instances": {[]string{"Instances"}, ""},
		"no templates": {[]string{"TemplateVersions"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.armed(blinded(c.blind...))
			for _, wish := range []map[string]any{{"rules": true}, {"rules": true, "image": "m-web1"}, {"images": []string{"m-web1"}}} {
				raw := s.event(map[string]any{"operation": "cleanups.create", "input": wish})
				var a struct {
					Status any
					Code   string
					Totals map[string]any
				}
				if err := json.Unmarshal(raw, &a); err != nil {
					t.Fatal(err)
				}
				_, saves := a.Totals["saves"]
				switch {
				case c.want != "" && (a.Code != c.want || fmt.Sprint(a.Status) != "502"):
					t.Errorf("%v: %s", wish, raw)
				case c.want == "" && (a.Totals["atLeast"] != true || saves):
					t.Errorf("%v: %s", wish, raw)
				}
			}
			timer := s.event(map[string]any{"triggerTime": s.clock.Now().Format(time.RFC3339), "triggerName": "schedule", "payload": ""})
			if told := strings.Contains(string(timer), `"removable"`); told != (c.want == "") || !strings.Contains(string(timer), `"code"`) {
				t.Errorf("the timer: %s", timer)
			}
		})
	}
}
