package retention_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

const own image.AccountID = "1000000000000001"

func now() time.Time { return time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC) }

func days(n int) image.Duration { return image.Duration(time.Duration(n) * 24 * time.Hour) }

// document is the one that random inventories are judged by.
func document() retention.Document {
	return retention.Document{
		Mode: retention.ModeDelete, Notify: []string{"platform"},
		Rules: []retention.Rule{
			{
				Name: "weekly", Match: retention.Match{Family: []image.Family{"web-*"}}, Remove: retention.Remove{OlderThan: days(90), UnusedFor: days(30)},
				Keep: &retention.Stays{Last: 3, SharedWithOthers: true, Tagged: []string{"keep"}},
			},
			{
				Name: "lone", Match: retention.Match{Name: "lone-*"}, Remove: retention.Remove{OlderThan: days(30), UnusedFor: days(7), AcceptShortUse: true},
				Keep: &retention.Stays{Tagged: []string{"keep"}},
			},
			{Name: "failed", Match: retention.Match{Status: []image.Status{image.StatusCreateFailed}}, Remove: retention.Remove{OlderThan: days(2)}},
		},
	}
}

// truth is what a test knows of an image beside what is seen of it.
type truth struct {
	// needed: somebody needs it, as the world really is.
	needed string
}

type world struct {
	inv   retention.Inventory
	truth []truth
}

// proven is a proof of long disuse.
func proven() retention.Proof {
	return retention.Proof{
		Known: true, TrailKnown: true, Since: now().AddDate(-1, 0, 0), Until: now().Add(-time.Hour), TrailSince: now().AddDate(-1, 0, 0), TrailTo: now().Add(-30 * time.Minute),
	}
}

// plain is an image that may go by rule weekly, but for its rank.
func plain(n int, age time.Duration) retention.Subject {
	id := image.ID(fmt.Sprintf("m-%04d", n))
	snapshot := image.SnapshotID(fmt.Sprintf("s-%04d", n))
	return retention.Subject{
		Image: image.Image{
			Ref: image.Ref{Account: own, Region: "cn-hangzhou", ID: id}, Owner: own, Kind: image.KindCustom, Name: "web-" + string(id), Family: "web-base",
			Status: image.StatusAvailable, Architecture: image.X86_64, CreatedAt: now().Add(-age), Tags: image.Tags{},
			Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}},
		},
		Use: retention.Use{Verdict: retention.NotInUse, Why: []image.Reason{{Code: "provenUnused", Sentence: "looked everywhere"}}}, GrantsKnown: true, HoldersKnown: true,
		Snapshots: []retention.SnapshotRow{{Snapshot: image.Snapshot{ID: snapshot, Status: "accomplished"}, Locked: image.No}},
		Unused:    proven(),
	}
}

// spoil makes one thing of an image keep it, and tells what.
func spoil(r *rand.Rand, s *retention.Subject) string {
	switch r.IntN(22) {
	case 0:
		s.Use = retention.Use{Verdict: retention.InUse}
	case 1:
		s.Use = retention.Use{}
	case 2:
		s.Channel = []string{"candidate", "stable"}[r.IntN(2)]
	case 3:
		s.Holders = []string{"imports/x"}
	case 4:
		s.HoldersKnown = false
	case 5:
		s.Published = true
	case 6:
		s.Grants, s.Blind = []image.AccountID{"1000000000000009"}, []image.AccountID{"1000000000000009"}
	case 7:
		s.GrantsKnown = false
	case 8:
		s.Status = []image.Status{image.StatusCreating, image.StatusWaiting, image.StatusUnavailable}[r.IntN(3)]
	case 9:
		s.CreatedAt = time.Time{}
	case 10:
		s.CreatedAt = now().Add(-time.Duration(r.IntN(24*60)) * time.Minute)
	case 11:
		if len(s.Disks) == 0 {
			return ""
		}
		s.Disks[0].Encrypted, s.KeyGone = image.Yes, []image.Tri{image.Yes, image.Unknown}[r.IntN(2)]
	case 12:
		s.Snapshots = nil
	case 13:
		if len(s.Snapshots) == 0 {
			return ""
		}
		s.Snapshots[0].CreatedAt, s.Snapshots[0].RetentionDays = now(), 1+r.IntN(46)
	case 14:
		s.Kept = []retention.KeepNote{{By: "ann", Until: now().Add(time.Hour)}}
	case 15:
		s.Kept = []retention.KeepNote{{By: "ann", TakenAt: now().Add(-23 * time.Hour)}}
	case 16:
		s.Kind = image.KindShared
	case 17:
		s.Unused.LastUsed = now().AddDate(0, 0, -5)
	case 18:
		s.Unused.Since = now().AddDate(0, 0, -5)
	case 19:
		s.Unused.Known = false
	case 20:
		s.Unused.Until = now().Add(-3 * time.Hour)
	case 21:
		s.Tags["keep"] = ""
	}
	return "spoiled"
}

// random makes a world of n images.
func random(r *rand.Rand, n int) world {
	w := world{inv: retention.Inventory{BeganAt: now()}}
	for k := range n {
		s := plain(k, time.Duration(1+r.IntN(200))*24*time.Hour+time.Duration(k)*time.Second)
		s.Region = []image.RegionID{"cn-hangzhou", "cn-shanghai"}[r.IntN(2)]
		s.Architecture = []image.Architecture{image.X86_64, image.ARM64}[r.IntN(2)]
		var known truth
		switch r.IntN(6) {
		case 0:
			s.Family, s.Name = "", "lone-"+string(s.ID)
		case 1:
			s.Family = ""
		case 2:
			s.Status, s.Disks, s.Snapshots = image.StatusCreateFailed, nil, nil
		case 3:
			s.Line = fmt.Sprint("line-", r.IntN(4))
		}
		for range r.IntN(3) / 2 {
			known.needed = spoil(r, &s)
		}
		if r.IntN(12) == 0 {
			s.Tags[retention.TagRestored] = "m-old"
		}
		w.inv.Subjects, w.truth = append(w.inv.Subjects, s), append(w.truth, known)
	}
	switch r.IntN(40) {
	case 0:
		w.inv.Unread = []image.Unread{{Account: own, Region: "cn-shanghai"}}
	case 1:
		w.inv.Short = []image.Reason{{Code: "evidenceShort", Sentence: "less"}}
	case 2:
		w.inv.JournalUnread = []image.Reason{{Code: "unreadable", Sentence: "works"}}
	}
	return w
}

// may is the reference: whether an image may go, said straight from the words of the
// rules, by looking at all other images each time.
func may(w world, k int) bool {
	if len(w.inv.Short)+len(w.inv.JournalUnread) > 0 || !goes(w, k) {
		return false
	}
	line := w.inv.Subjects[k].Line
	for other := range w.inv.Subjects {
		if line != "" && other != k && w.inv.Subjects[other].Line == line && !goes(w, other) && matched(w, other) {
			return false
		}
	}
	return true
}

// matched: the copy is kept by something else than that no rule is about it.
func matched(w world, k int) bool {
	s := w.inv.Subjects[k]
	about := familyIn(w, k) != "" || len(s.Name) > 4 && s.Name[:4] == "lone" || s.Status == image.StatusCreateFailed
	return about || needed(w, k)
}

func familyIn(w world, k int) image.Family {
	s := w.inv.Subjects[k]
	if s.Family != "" || s.Line == "" {
		return s.Family
	}
	for _, o := range w.inv.Subjects {
		if o.Line == s.Line && o.Family != "" {
			return o.Family
		}
	}
	return ""
}

// needed is the list of what is never removed.
func needed(w world, k int) bool {
	s := w.inv.Subjects[k]
	for _, u := range w.inv.Unread {
		if u.Region == s.Region {
			return true
		}
	}
	for _, note := range s.Kept {
		if note.TakenAt.IsZero() || now().Sub(note.TakenAt) < 24*time.Hour {
			return true
		}
	}
	if s.Use.Verdict != retention.NotInUse || s.Channel != "" || len(s.Holders) > 0 || !s.HoldersKnown || s.Published || len(s.Blind) > 0 || !s.GrantsKnown || s.Kind != image.KindCustom {
		return true
	}
	if s.CreatedAt.IsZero() || now().Sub(s.CreatedAt) < 24*time.Hour || s.Status == image.StatusCreating || s.Status == image.StatusWaiting || s.Status == image.StatusUnavailable {
		return true
	}
	if len(s.Disks) > 0 && s.Status != image.StatusCreateFailed {
		if s.Disks[0].Encrypted != image.No && s.KeyGone != image.No || len(s.Snapshots) == 0 {
			return true
		}
		if ends := s.Snapshots[0].EndsAt(); !ends.IsZero() && ends.Before(now().AddDate(0, 0, 14+3+30)) {
			return true
		}
	}
	return newer(w, k) == 0 && s.Status == image.StatusAvailable && familyIn(w, k) != "" && s.Tags[retention.TagRestored] == ""
}

// newer counts the images that come before it in its family.
func newer(w world, k int) int {
	s, n := w.inv.Subjects[k], 0
	for other, o := range w.inv.Subjects {
		same := familyIn(w, other) == familyIn(w, k) && o.Region == s.Region && o.Architecture == s.Architecture && o.Account == s.Account
		if same && o.Status == image.StatusAvailable && o.Tags[retention.TagRestored] == "" && o.CreatedAt.After(s.CreatedAt) {
			n++
		}
	}
	return n
}

// goes: nothing about the image itself keeps it.
func goes(w world, k int) bool {
	if needed(w, k) {
		return false
	}
	s := w.inv.Subjects[k]
	age := now().Sub(s.CreatedAt)
	weekly, lone, failed := familyIn(w, k) != "", len(s.Name) > 4 && s.Name[:4] == "lone", s.Status == image.StatusCreateFailed
	_, tagged := s.Tags["keep"]
	if (weekly || lone) && tagged {
		return false
	}
	if weekly && (len(s.Grants) > 0 || s.Status == image.StatusAvailable && s.Tags[retention.TagRestored] == "" && newer(w, k) < 3) {
		return false
	}
	unused := func(span int) bool {
		from := now().AddDate(0, 0, -span)
		return s.Unused.Known && now().Sub(s.Unused.Until) <= 2*time.Hour && !s.Unused.Since.After(from) && !s.CreatedAt.After(from) && !s.Unused.LastUsed.After(from)
	}
	switch {
	case weekly && age >= 90*24*time.Hour && unused(30):
		return true
	case lone && age >= 30*24*time.Hour && unused(7):
		return true
	}
	return failed && age >= 48*time.Hour
}

// inventories is how many random ones are judged; rest, in full.
func inventories(t *testing.T) int {
	t.Helper()
	switch {
	case drawn.All():
		return 60_000 // which is more than a million decisions
	case testing.Short():
		return 100
	}
	return 1500
}

// Against the reference nothing is proposed that may not go, and with full sight
// everything that may.
func TestDecisionsAgainstTheReference(t *testing.T) {
	t.Parallel()
	decided, gone := 0, 0
	for seed := range inventories(t) {
		r := rand.New(rand.NewPCG(uint64(seed), 14))
		w := random(r, 2+r.IntN(40))
		for k, j := range retention.Decide(w.inv, document(), now()) {
			decided++
			if want := may(w, k); j.Removable() != want {
				t.Fatalf("seed %d: %s removable %v, by the reference %v: %v, %v", seed, j.Ref.ID, j.Removable(), want, j.Keeps, j.Removes)
			}
			if j.Removable() {
				gone++
			}
			if len(j.Keeps)+len(j.Removes) == 0 {
				t.Fatalf("seed %d: %s has no reason", seed, j.Ref.ID)
			}
		}
	}
	if drawn.All() && decided < 1_000_000 {
		t.Errorf("only %d decisions", decided)
	}
	if gone < decided/100 {
		t.Errorf("of %d images %d would go: the reference proves nothing", decided, gone)
	}
}

// A further rule that keeps never removes more, and the order of an inventory
// changes nothing.
func TestKeepsNeverRemoveMore(t *testing.T) {
	t.Parallel()
	for seed := range inventories(t) / 5 {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		w := random(r, 2+r.IntN(30))
		doc := document()
		before := removed(retention.Decide(w.inv, doc, now()))
		doc.Rules = append(doc.Rules, retention.Rule{
			Name: "more", Match: retention.Match{Family: []image.Family{"web-b*"}}, Remove: retention.Remove{OlderThan: days(3000), UnusedFor: days(3000)},
			Keep: &retention.Stays{Last: r.IntN(10)},
		})
		for id := range removed(retention.Decide(w.inv, doc, now())) {
			if !before[id] {
				t.Fatalf("seed %d: %s goes because of a rule that keeps", seed, id)
			}
		}
		shuffled := w.inv
		shuffled.Subjects = slices.Clone(w.inv.Subjects)
		r.Shuffle(len(shuffled.Subjects), func(a, b int) {
			shuffled.Subjects[a], shuffled.Subjects[b] = shuffled.Subjects[b], shuffled.Subjects[a]
		})
		after := removed(retention.Decide(shuffled, document(), now()))
		if len(after) != len(before) {
			t.Fatalf("seed %d: another order, another decision", seed)
		}
	}
}

// Region by region the same is decided, for the same reasons, as of all regions at
// once: whatever copies and families cross them, and whatever less is seen.
func TestRegionByRegionIsAllAtOnce(t *testing.T) {
	t.Parallel()
	again, crossed := 0, 0
	for seed := range inventories(t) / 5 {
		r := rand.New(rand.NewPCG(uint64(seed), 21))
		w := random(r, 2+r.IntN(40))
		slices.SortStableFunc(w.inv.Subjects, func(a, b retention.Subject) int { return cmp.Compare(a.Region, b.Region) })
		if r.IntN(4) == 0 {
			w.inv.Short = []image.Reason{{Code: "evidenceShort", Sentence: "less"}}
		}
		roots, parts := map[string]string{}, map[image.RegionID]retention.Inventory{}
		for n := range w.inv.Subjects {
			s := &w.inv.Subjects[n]
			if s.Line != "" && r.IntN(3) == 0 {
				s.Family = ""
			}
			self := string(s.Region) + "/" + string(s.ID)
			switch root := roots[s.Line]; {
			case s.Line == "":
			case root == "":
				roots[s.Line] = self
			default:
				s.From = []string{root}
			}
			part := parts[s.Region]
			part.Subjects, part.BeganAt, part.Unread, part.JournalUnread = append(part.Subjects, *s), w.inv.BeganAt, w.inv.Unread, w.inv.JournalUnread
			parts[s.Region] = part
		}
		regions := slices.Sorted(maps.Keys(parts))
		last := parts[regions[len(regions)-1]] // all of a place tell of it; which does not matter
		last.Short = w.inv.Short
		parts[regions[len(regions)-1]] = last
		p := retention.NewPlanner(document(), retention.Request{}, now())
		for _, region := range regions {
			part := parts[region]
			part.Subjects = slices.Clone(part.Subjects)
			p.Add(part)
		}
		for _, region := range p.Again() {
			again++
			p.Add(parts[region])
		}
		if left := p.Again(); len(left) > 0 {
			t.Fatalf("seed %d: %v again and again", seed, left)
		}
		planned, err := p.Plan()
		if err != nil {
			t.Fatal(err)
		}
		got := map[image.Ref]retention.Judgement{}
		for _, c := range planned.Cases {
			got[c.Ref] = c.Judgement
		}
		crossed += len(roots)
		all := retention.Decide(w.inv, document(), now())
		for _, want := range all {
			is := got[want.Ref]
			if codes(is.Keeps) != codes(want.Keeps) || codes(is.Removes) != codes(want.Removes) || is.Action != want.Action || is.Rule != want.Rule || !is.DueAt.Equal(want.DueAt) {
				t.Fatalf("seed %d: %s\n%+v\n%+v", seed, want.Ref, is, want)
			}
		}
		if len(all) != len(planned.Cases) {
			t.Fatalf("seed %d: %d of %d", seed, len(planned.Cases), len(all))
		}
	}
	if again == 0 || crossed == 0 {
		t.Errorf("%d regions again, %d lines: it proves nothing", again, crossed)
	}
}

func codes(reasons []image.Reason) string {
	words := make([]string, len(reasons))
	for n, r := range reasons {
		words[n] = r.Code
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func removed(all []retention.Judgement) map[image.Ref]bool {
	gone := map[image.Ref]bool{}
	for _, j := range all {
		if j.Removable() {
			gone[j.Ref] = true
		}
	}
	return gone
}
