package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
)

// reasonsOf plans the removal of an image by name, and returns the action and the codes
// of its step.
func (s *stage) reasonsOf(id image.ID) (action string, codes []string) {
	s.t.Helper()
	for _, step := range s.call("cleanups.create", map[string]any{"images": []image.ID{id}}).Plan.Steps {
		if step.ImageID == id {
			for _, r := range step.Reasons {
				codes = append(codes, r.Code)
			}
			return step.Action, codes
		}
	}
	s.t.Fatalf("there is no step of %s", id)
	return "", nil
}

// Whoever takes a keep away in whatever way leaves a day to those who relied on it: also
// by a word that ends sooner, or by another date in the tag. One that ends when it was
// said to is over then.
func TestAKeepThatIsShortenedProtectsForADay(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	keeps := func(s *stage, until time.Duration) {
		s.call("cleanups.keep", map[string]any{"imageId": "m-web1", "reason": "audit", "until": s.clock.Now().Add(until)})
	}
	tags := func(s *stage, value string) {
		if err := s.cloud.View(first).Tag(t.Context(), region, "image", []string{"m-web1"}, image.Tags{retention.TagKeep: value}); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Second)
	}
	date := func(s *stage, from time.Duration) string { return s.clock.Now().Add(from).UTC().Format(time.RFC3339) }
	for name, c := range map[string]struct {
		ends  func(*stage)
		lasts bool
	}{
		"a word that ends sooner": {func(s *stage) { keeps(s, 9*day); s.clock.Advance(time.Hour); keeps(s, time.Second) }, true},
		"taken back, and said for a second": {func(s *stage) {
			keeps(s, 9*day)
			s.call("cleanups.unkeep", map[string]any{"imageId": "m-web1"})
			keeps(s, time.Second)
		}, true},
		"a word that ends": {func(s *stage) { keeps(s, 9*day); s.clock.Advance(9*day - time.Second) }, false},
		"a longer word":    {func(s *stage) { keeps(s, day); keeps(s, 2*day); s.clock.Advance(2*day - time.Second) }, false},
		"an old date":      {func(s *stage) { tags(s, ""); s.looks(1, time.Minute); tags(s, "2026-01-01T00:00:00Z") }, true},
		"an old day":       {func(s *stage) { tags(s, ""); s.looks(1, time.Minute); tags(s, "2026-01-01") }, true},
		"the tag taken off": {func(s *stage) {
			tags(s, "")
			s.looks(1, time.Minute)
			_ = owned{s.cloud.View(first), s, first, &door{stage: s}}.Untag(t.Context(), region, "image", []string{"m-web1"}, []string{retention.TagKeep})
		}, true},
		"a date that is over": {func(s *stage) { tags(s, date(s, 90*time.Minute)); s.looks(2, time.Hour) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.ends(s)
			s.clock.Advance(2 * time.Second)
			if action, codes := s.reasonsOf("m-web1"); (action == "refuse" && codes[0] == "kept") != c.lasts {
				t.Errorf("a moment later: %s %v", action, codes)
			}
			s.clock.Advance(23 * time.Hour)
			if action, codes := s.reasonsOf("m-web1"); (action == "refuse" && codes[0] == "kept") != c.lasts {
				t.Errorf("within the day: %s %v", action, codes)
			}
			s.clock.Advance(2 * time.Hour)
			if action, codes := s.reasonsOf("m-web1"); action != "mark" {
				t.Errorf("after the day: %s %v", action, codes)
			}
		})
	}
}

// What is returned after its snapshots were tagged bears no mark of ours any more, and
// neither do they.
func TestSnapshotsOfWhatIsReturnedBearNoMark(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	id := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}}).ID
	tagged := false
	s.armed(func(m met) fate {
		tagged = tagged || m.name == "Tag snapshot"
		if tagged && m.name == "Instances" { // nobody can look just before the deletion
			return throttled
		}
		return passes
	})
	for range 200 {
		if s.tick(1); tagged {
			break
		}
	}
	s.tick(3)
	s.armed(nil)
	s.call("cleanups.keep", map[string]any{"imageId": "m-web1", "reason": "audit", "until": s.clock.Now().Add(240 * time.Hour)})
	s.tick(60)
	now, _, err := s.image("m-web1")
	rows, _ := s.cloud.View(first).Snapshots(t.Context(), region, image.SnapshotListing{IDs: []image.SnapshotID{"s-web1"}})
	if !tagged || err != nil || s.item(id, "m-web1").Result != "failed" || now.Tags[retention.TagCleanup] != "" || len(rows) != 1 || rows[0].Tags[retention.TagCleanup] != "" {
		t.Errorf("tagged %v: %v, %+v: %v, %+v", tagged, err, s.item(id, "m-web1"), now.Tags, rows)
	}
}

// A row that is not shown just before a deletion is no permission: nothing is deleted
// without the record that could bring it back.
func TestNothingShownIsNoPermission(t *testing.T) {
	t.Parallel()
	for after := range 8 {
		s := newStage(t)
		quick(&s.rules)
		planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}})
		s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}})
		tagged, seen := false, 0
		s.armed(func(m met) fate {
			tagged = tagged || m.name == "Tag snapshot"
			if tagged && m.name == "Images" {
				if seen++; seen > after {
					return empties
				}
			}
			return passes
		})
		s.tick(60)
		s.armed(nil)
		if in := (&witness{stage: s}).bin().Items; !tagged || len(s.deleted) > 0 && len(in) == 0 {
			t.Errorf("after %d lists: tagged %v, deleted %v, and in the bin %v", after, tagged, s.deleted, in)
		}
	}
}

// What is accepted and not done is tried again; what never is is given up, and told. Of
// what is not to go nothing goes meanwhile, and what was taken is given back.
func TestAcceptedAndNotDone(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Tag image", "Permit", "ModifyImage", "Tag snapshot", "DeleteImage", "DeleteSnapshot", "Untag image"} {
		for _, always := range []bool{false, true} {
			t.Run(fmt.Sprint(call, " ", always), func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				quick(&s.rules)
				back := call == "Untag image"
				if back {
					s.rules.Document.Grace = image.Duration(time.Hour)
				}
				planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}})
				id := s.call("cleanups.create", map[string]any{"images": []string{"m-web0"}, "apply": map[string]any{"digest": planned.Plan.Digest}}).ID
				var mu sync.Mutex
				calls := 0
				s.armed(func(m met) fate {
					mu.Lock()
					defer mu.Unlock()
					if m.name != call {
						return passes
					}
					if calls++; always || calls == 1 {
						return ignores
					}
					return passes
				})
				s.tick(3)
				if back {
					s.call("cleanups.keep", map[string]any{"imageId": "m-web0", "reason": "audit", "until": s.clock.Now().Add(24 * 20 * time.Hour)})
				}
				most := 200
				if back && always { // it is tried for ever, as it has to come back
					most = 12
				}
				for n := 0; n < most && s.item(id, "m-web0").Result == "open"; n++ {
					s.tick(1)
					s.clock.Advance(14 * time.Minute)
				}
				s.armed(nil)
				i := s.item(id, "m-web0")
				now, _, err := s.image("m-web0")
				switch {
				case back && always:
					if err != nil || calls < 2 || i.Result != "open" || i.Reason == nil || i.Reason.Code != "notShown" {
						t.Errorf("%d calls: %v %+v %+v", calls, err, i, i.Reason)
					}
				case calls < 2 || i.Result == "open" || !always && !back && i.Result != "applied":
					t.Errorf("%d calls: %+v %+v", calls, i, i.Reason)
				case always && !back && call != "DeleteSnapshot" && (err != nil || i.Reason == nil || i.Reason.Code != "notShown"):
					t.Errorf("%d calls: %v %+v %+v", calls, err, i, i.Reason)
				case back && (err != nil || now.Tags[retention.TagCleanup] != ""):
					t.Errorf("%d calls: %v %v %+v %+v", calls, err, now.Tags, i, i.Reason)
				}
			})
		}
	}
}

// Whoever wants the same again after it was returned can have that: a plan that looks as
// one that has ended is another one.
func TestTheSameAgainAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	quick(&s.rules)
	s.rules.Document.Grace = image.Duration(time.Hour)
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	s.call("cleanups.keep", map[string]any{"imageId": "m-web1", "reason": "audit", "until": s.clock.Now().Add(time.Hour)})
	s.tick(10)
	if i := s.item(id, "m-web1"); i.Result != "failed" {
		t.Fatalf("%+v", i)
	}
	s.clock.Advance(26 * time.Hour)
	again := s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	s.tick(90)
	if _, _, err := s.image("m-web1"); again == id || err == nil {
		t.Errorf("%s again is %s, and the image is there: %v", id, again, err)
	}
}

// With skipWaits all copies of an image go, whichever of them is named.
func TestSkippedWaitsCoverAllCopies(t *testing.T) {
	t.Parallel()
	for _, named := range []image.ID{"m-leak", "m-copy1", "m-copy2"} {
		t.Run(string(named), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.regions = []alicloud.RegionWord{"cn-shanghai", "cn-beijing"}
			custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-leak"}}, SharedWith: []image.AccountID{second}})
			for n, c := range []struct {
				in     image.RegionID
				parent image.Ref
			}{
				{"cn-shanghai", image.Ref{Account: first, Region: region, ID: "m-leak"}},
				{"cn-beijing", image.Ref{Account: first, Region: "cn-shanghai", ID: "m-copy1"}},
			} {
				id := image.ID(fmt.Sprintf("m-copy%d", n+1))
				s.cloud.AddImage(first, c.in, cloudsim.ImageSpec{Parent: c.parent, SharedWith: []image.AccountID{second}, Image: image.Image{
					Ref: image.Ref{ID: id}, Kind: image.KindCustom, Copied: true, Name: string(id), CreatedAt: start().AddDate(-1, 0, n),
				}})
			}
			for _, in := range []image.RegionID{"cn-shanghai", "cn-beijing"} {
				for _, a := range []image.AccountID{first, second} {
					s.cloud.AddImage(a, in, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: image.ID("pub-" + in + "_" + image.RegionID(a) + ".vhd")}, Kind: image.KindPublic}})
					s.cloud.AddInstance(a, in, cloudsim.InstanceSpec{Instance: image.Instance{Image: image.ID("pub-" + in + "_" + image.RegionID(a) + ".vhd"), Type: "ecs.g7.large", Status: image.InstanceRunning}})
				}
			}
			still := func(p said) (n int) {
				for _, f := range p.Findings {
					if f.Code == "stillShared" {
						n++
					}
				}
				return n
			}
			p := s.call("cleanups.create", map[string]any{"images": []image.ID{named}, "skipWaits": true, "reason": "a key was in it"})
			if p.Plan.Applicable || still(p) != 3 { // of one image no 60 percent may go in a day
				t.Errorf("%+v", p)
			}
			s.rules.Document.Caps.PercentPerDay = 100
			s.clock.Advance(time.Second)
			s.rules.Document.Mode = retention.ModeMark
			if p = s.call("cleanups.create", map[string]any{"images": []image.ID{named}, "skipWaits": true, "reason": "a key was in it"}); still(p) != 3 {
				t.Errorf("%+v", p)
			}
			s.rules.Document.Mode = retention.ModeDelete
			s.clock.Advance(time.Second)
			p = s.call("cleanups.create", map[string]any{"images": []image.ID{named}, "skipWaits": true, "reason": "a key was in it"})
			if len(p.Plan.Steps) != 3 || still(p) > 0 || slices.ContainsFunc(p.Plan.Steps, func(o stepOut) bool { return o.Action != "mark" }) {
				t.Fatalf("%+v", p)
			}
			s.apply("cleanups.create", map[string]any{"images": []image.ID{named}, "skipWaits": true, "reason": "a key was in it"})
			for _, ref := range []image.Ref{{Region: region, ID: "m-leak"}, {Region: "cn-shanghai", ID: "m-copy1"}, {Region: "cn-beijing", ID: "m-copy2"}} {
				ref.Account = first
				if now, grants, err := s.cloud.View(first).Look(t.Context(), ref); err == nil && (len(grants) > 0 || now.Status == image.StatusAvailable) {
					t.Errorf("%s is %s, shared with %v", ref, now.Status, grants)
				}
			}
		})
	}
}

// An image whose snapshot ends just after the bin does goes through all stages: what is
// over of them is not asked for again.
func TestASnapshotThatEndsJustAfterTheBin(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	made := start().AddDate(-1, 0, 0)
	lasts := int(s.clock.Now().Add(50*24*time.Hour).Sub(made).Hours()/24) + 1 // 47 days of stages, and three more
	kept := s.cloud.AddSnapshot(first, region, image.Snapshot{ID: "s-ending", Status: "accomplished", RetentionDays: lasts, CreatedAt: made})
	custom(s, cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-ending"}, Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: kept, Encrypted: image.No}}}})
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-ending"}})
	s.pass(19 * 24 * time.Hour)
	if i := s.item(id, "m-ending"); i.Stage != retention.StageDeleted {
		t.Errorf("%+v", i)
	}
}

// The same plan applied by many at the same moment is one cleanup, whichever of them is
// first; and a plan of a week ago is planned anew, and applied if it is the same.
func TestTheSameAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}})
	s.clock.Advance(7 * 24 * time.Hour)
	ids := make([]string, 4)
	var all sync.WaitGroup
	for n := range ids {
		all.Go(func() {
			a := s.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}})
			if ids[n] = a.ID; a.ID == "" {
				t.Errorf("%+v", a)
			}
		})
	}
	all.Wait()
	if slices.Sort(ids); ids[0] == "" || ids[0] != ids[3] {
		t.Errorf("%v", ids)
	}
	s.tick(3)
	if a := s.call("cleanups.list", map[string]any{}); len(a.Items) != 1 || s.item(ids[0], "m-web0").Stage != retention.StageMarked {
		t.Errorf("%+v", a)
	}
	late := newStage(t)
	planned = late.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}})
	late.clock.Advance(7 * 24 * time.Hour)
	late.runs(first, "m-web0")
	if a := late.call("cleanups.create", map[string]any{"images": []string{"m-web0", "m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}}); fmt.Sprint(a.Status) != "409" || a.Code != "planChanged" {
		t.Errorf("a plan of last week, with one in use since: %+v", a)
	}
}

// A key that is scheduled for deletion while an image is in the bin is told by the plan of
// its restore, which would fail.
func TestARestoreWhoseKeyIsGone(t *testing.T) {
	t.Parallel()
	const mine = "key-hzz1234567890abcdefgh"
	s := newStage(t)
	quick(&s.rules)
	s.rules.Document.Bin = days(30)
	s.cloud.SetKey(first, region, mine, cloudsim.KeyEnabled)
	s.cloud.AddImage(first, region, cloudsim.ImageSpec{KMSKey: mine, Image: image.Image{
		Ref: image.Ref{ID: "m-secret"}, Kind: image.KindCustom, Name: "secret", CreatedAt: start().AddDate(-1, 0, 0),
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-secret", Encrypted: image.Yes}},
	}})
	s.apply("cleanups.create", map[string]any{"images": []string{"m-secret"}})
	s.tick(60)
	for state, want := range map[cloudsim.KeyState]image.Level{cloudsim.KeyEnabled: "", cloudsim.KeyPendingDeletion: image.Fatal, cloudsim.KeyDisabled: image.Warning} {
		s.cloud.SetKey(first, region, mine, state)
		p := s.call("cleanups.restore", map[string]any{"id": "m-secret"})
		var told image.Level
		for _, f := range p.Findings {
			if f.Code == "keyGone" {
				told = f.Level
			}
		}
		if told != want || p.Plan.Applicable != (want != image.Fatal) {
			t.Errorf("%s: %q, applicable %v: %+v", state, told, p.Plan.Applicable, p.Findings)
		}
	}
}

// An account that is not in a region any more where it was seen of late is missed: nothing
// goes, and why is told with what to do. After a week it is not missed any more.
func TestAccountsThatAreMissed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := s.clock.Now().UTC()
	archive := upkeep.Archive{Journal: journal.New(s.objects(), s.clock.Now, rand.Text), Documents: s.objects(), Now: s.clock.Now}
	if err := archive.KeepLook(t.Context(), retention.Look{
		Account: "1000000000000007", Region: region, At: at, Since: at, Used: map[image.ID]time.Time{}, Images: 4, Best: retention.Best{At: at, Images: 4},
	}); err != nil {
		t.Fatal(err)
	}
	if action, codes := s.reasonsOf("m-web1"); action != "refuse" || codes[0] != "evidenceShort" {
		t.Errorf("%s %v", action, codes)
	}
	s.looks(1, time.Hour)
	if p := s.call("cleanups.create", map[string]any{"rules": true}); !slices.ContainsFunc(p.Findings, func(f image.Finding) bool { return f.Code == "evidenceShort" && f.Remedy != "" }) {
		t.Errorf("the plan of the timer does not say so: %+v", p.Findings)
	}
	s.pass(6 * 24 * time.Hour)
	if action, codes := s.reasonsOf("m-web1"); action != "refuse" || codes[0] != "evidenceShort" {
		t.Errorf("six days later: %s %v", action, codes)
	}
	s.pass(2 * 24 * time.Hour)
	if action, codes := s.reasonsOf("m-web1"); action != "mark" {
		t.Errorf("after a week: %s %v", action, codes)
	}
}
