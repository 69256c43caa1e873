package retention

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// Judge tells who uses an image, by what each account shows of it.
type Judge func(s *Subject, grantsUnread *image.Unread, siblings []image.Image, there []*Ledger, closed []image.Unread) Use

// Archive is what the journal knows. What it cannot read it fails for.
type Archive interface {
	// Stories are those of images that are, or were, on their way.
	Stories(ctx context.Context, of []image.Ref) (map[image.Ref]Story, error)
	Keeps(ctx context.Context) (map[image.Ref][]KeepNote, error)
	Looks(ctx context.Context) (map[Place]Look, error)
	// Held is what works of any function hold, and what is in a channel.
	Held(ctx context.Context) (Held, error)
}

// Held is what other records say that is needed.
type Held struct {
	// Images and Snapshots are those that works hold, or name, by what holds them: the
	// bin is the work that deleted the image.
	Images    map[image.ID][]string
	Snapshots map[image.SnapshotID][]string
	// Orphans are the snapshots that a cleanup removes, by that.
	Orphans map[image.SnapshotID]string
	// Items are those of cleanups that are open, by image: how far each is.
	Items map[image.Ref]work.Item
	// Named are the images that somebody named in such a cleanup.
	Named map[image.Ref]bool
	// Channels are the channels of images, by the journal of releases.
	Channels map[image.ID]string
}

// Scope is where and how one look is taken.
type Scope struct {
	Ledgers []*Ledger
	// Closed are accounts that could not be opened.
	Closed  []image.Unread
	Judge   Judge
	Archive Archive
	// Wanted are the images that may have to go: only of these more is read than their
	// rows.
	Wanted   func(i image.Image) bool
	Evidence Percent
	// Orphans: snapshots that images left are looked for.
	Orphans bool
	// Known is what the journal knows beside the stories of images; nil: it is read now.
	Known *Known
	// Regions are all that are looked at now, also by other looks than this one; none:
	// nobody compares them with those before.
	Regions []image.RegionID
	// Since is when the look began that this one is a part of; zero: it is none.
	Since time.Time
}

// Known is what the journal knows of all places.
type Known struct {
	Keeps map[image.Ref][]KeepNote
	Looks map[Place]Look
	Held  *Held // nil: it could not be read
	// Unread is what could not be read.
	Unread []image.Reason
}

// ReadKnown reads what the journal knows. Without it nothing is removed.
func ReadKnown(ctx context.Context, a Archive) *Known {
	m := &Known{}
	var err error
	m.Keeps, err = a.Keeps(ctx)
	m.note("the keeps", err)
	m.Looks, err = a.Looks(ctx)
	m.note("the looks", err)
	held, err := a.Held(ctx)
	if err == nil {
		m.Held = &held
	}
	m.note("the works and the channels of other functions", err)
	return m
}

func (m *Known) note(what string, err error) {
	if err != nil {
		m.Unread = append(m.Unread, image.Reason{Code: fault.Code(err), Sentence: what + ": " + fault.Sentence(err)})
	}
}

// OpenLedgers reads places, many at once.
func OpenLedgers(ctx context.Context, places map[Place]Reader, now func() time.Time) []*Ledger {
	keys := make([]Place, 0, len(places))
	for p := range places {
		keys = append(keys, p)
	}
	slices.SortFunc(keys, comparePlaces)
	ledgers := make([]*Ledger, len(keys))
	survey.EachIndex(len(keys), func(n int) { ledgers[n] = OpenLedger(ctx, keys[n], places[keys[n]], now) })
	return ledgers
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Account, b.Account))
}

// Observe makes the inventory of what ledgers show.
func Observe(ctx context.Context, e Scope) Inventory {
	o := &observer{Scope: e, byRegion: map[image.RegionID][]*Ledger{}, regional: map[image.RegionID][]Look{}}
	o.inv.BeganAt = e.Since
	for _, l := range e.Ledgers {
		o.byRegion[l.Region] = append(o.byRegion[l.Region], l)
		if o.inv.BeganAt.IsZero() || l.BeganAt.Before(o.inv.BeganAt) {
			o.inv.BeganAt = l.BeganAt
		}
		o.inv.Unread = append(o.inv.Unread, l.Unread.All()...)
		if l.Unread.Images == nil {
			o.inv.Read++
		}
	}
	o.inv.Unread = append(o.inv.Unread, e.Closed...)
	o.remember(ctx)
	owned := 0
	for _, l := range e.Ledgers {
		owned += l.owned()
	}
	o.inv.Subjects = make([]Subject, 0, owned)
	for _, l := range e.Ledgers {
		o.subjects(l)
	}
	o.details(ctx)
	o.keys(ctx)
	if e.Orphans {
		o.orphans(ctx)
	}
	o.judge()
	o.evidence()
	return o.inv
}

type observer struct {
	Scope
	inv      Inventory
	byRegion map[image.RegionID][]*Ledger
	keeps    map[image.Ref][]KeepNote
	looks    map[Place]Look
	regional map[image.RegionID][]Look // those of all accounts there
	held     *Held                     // nil: it could not be read
	stories  map[image.Ref]Story
	unread   []*image.Unread // by subject: its grants
	mu       sync.Mutex
}

// remember reads what the journal knows. Without it nothing is removed.
func (o *observer) remember(ctx context.Context) {
	m := o.Known
	if m == nil {
		m = ReadKnown(ctx, o.Archive)
	}
	o.keeps, o.looks, o.held = m.Keeps, m.Looks, m.Held
	o.inv.JournalUnread = slices.Clone(m.Unread)
	var marked []image.Ref
	for _, l := range o.Ledgers {
		for n := range l.Images {
			i := &l.Images[n]
			if i.Account == l.Account && i.Kind == image.KindCustom && (i.Tags[TagCleanup] != "" || o.Wanted(*i)) {
				marked = append(marked, i.Ref)
			}
		}
	}
	stories, err := o.Archive.Stories(ctx, marked)
	if err != nil {
		o.inv.JournalUnread = append(o.inv.JournalUnread, image.Reason{Code: fault.Code(err), Sentence: "the stories of images: " + fault.Sentence(err)})
	}
	o.stories = stories
}

// subjects are the images that the account of a ledger owns.
func (o *observer) subjects(l *Ledger) {
	for n := range l.Images {
		i := &l.Images[n]
		if i.Kind != image.KindCustom || i.Account != l.Account {
			continue
		}
		s := Subject{Image: *i, Shallow: !o.Wanted(*i), Channel: i.Tags[TagChannel], KeyGone: image.Unknown, Reached: o.stories[i.Ref].Reached()}
		s.Kept = append(s.Kept, o.keeps[i.Ref]...)
		s.Kept = append(s.Kept, o.tagged(i)...)
		o.holders(&s)
		if item, ours := o.held.item(i.Ref); ours {
			s.Reached = reached(item, s.Reached)
		}
		if c, ok := o.stories[i.Ref].Last(StageQuarantined); ok {
			s.Suspended = c.Suspended
		}
		s.Unused = o.proof(i)
		o.inv.Subjects = append(o.inv.Subjects, s)
	}
}

// tagged is what the tag says, and what it said until it was taken off, or until it got
// a date that was over when it was last seen to keep.
func (o *observer) tagged(i *image.Image) []KeepNote {
	var notes []KeepNote
	until, has := keepsUntil(i)
	if has {
		notes = append(notes, KeepNote{By: "tag", Reason: "the image has the tag " + TagKeep, Until: until})
	}
	if seen, was := o.looks[Place{i.Account, i.Region}].Tagged[i.ID]; was && (!has || !until.IsZero() && !until.After(seen)) {
		notes = append(notes, KeepNote{By: "tag", TakenAt: seen})
	}
	return notes
}

// keepsUntil is until when the tag of an image keeps it; ok is false if it has none.
func keepsUntil(i *image.Image) (until time.Time, ok bool) {
	value, ok := i.Tags[TagKeep]
	if !ok {
		return time.Time{}, false
	}
	return keptUntil(value), true
}

// item is the one of an open cleanup that an image is.
func (h *Held) item(r image.Ref) (work.Item, bool) {
	if h == nil {
		return work.Item{}, false
	}
	i, ok := h.Items[r]
	return i, ok
}

// holders are the works that hold an image, and its channel.
func (o *observer) holders(s *Subject) {
	if s.HoldersKnown = o.held != nil; o.held == nil {
		return
	}
	if channel := o.held.Channels[s.ID]; channel != "" {
		s.Channel = channel
	}
	for _, h := range o.held.Images[s.ID] {
		if id, ours := strings.CutPrefix(h, "cleanups/"); ours {
			s.InWork, s.Named = id, o.held.Named[s.Ref]
			continue
		}
		s.Holders = append(s.Holders, h)
	}
}

// keptUntil is until when the tag keeps an image: a time, or the end of a day anywhere
// on earth. What is neither keeps for good, which is the zero time.
func keptUntil(value string) time.Time {
	if until, unreadable := readTime(TagKeep, value); unreadable == nil {
		return until
	}
	if date, err := time.Parse(time.DateOnly, value); err == nil && !date.IsZero() {
		return date.Add(36 * time.Hour)
	}
	return time.Time{}
}

// proof joins the looks of all accounts of the region.
func (o *observer) proof(i *image.Image) Proof {
	there := o.byRegion[i.Region]
	looks, known := o.regional[i.Region]
	if !known {
		for _, l := range there {
			if look, ok := o.looks[l.Place]; ok {
				looks = append(looks, look)
			}
		}
		o.regional[i.Region] = looks
	}
	return ProofOf(i.ID, looks, len(looks) == len(there) && len(o.Closed) == 0)
}

// snapshots are those of some ids, by id; of what was listed already nothing is read.
func (l *Ledger) snapshots(ctx context.Context, ids []image.SnapshotID) (map[image.SnapshotID]*SnapshotRow, *image.Unread) {
	rows := l.left
	var unread *image.Unread
	if rows == nil {
		var found []image.Snapshot
		found, unread = gap(l.Place, survey.MayListSnapshots, func() ([]image.Snapshot, error) {
			return l.Reader.Snapshots(ctx, image.SnapshotListing{IDs: ids})
		})
		for n := range found {
			rows = append(rows, SnapshotRow{Snapshot: found[n]})
		}
	}
	shown := make(map[image.SnapshotID]*SnapshotRow, len(rows))
	for n := range rows {
		shown[rows[n].ID] = &rows[n]
	}
	return shown, unread
}

// details reads more of the images that may have to go, and which are copies.
func (o *observer) details(ctx context.Context) {
	o.unread = make([]*image.Unread, len(o.inv.Subjects))
	wanted := map[Place][]image.SnapshotID{}
	for n := range o.inv.Subjects {
		s := &o.inv.Subjects[n]
		if s.Shallow && !s.Copied {
			continue
		}
		for _, d := range s.Disks {
			if d.SnapshotID != "" {
				p := Place{s.Account, s.Region}
				wanted[p] = append(wanted[p], d.SnapshotID)
			}
		}
	}
	rows := map[Place]map[image.SnapshotID]*SnapshotRow{}
	survey.Each(o.Ledgers, func(l *Ledger) {
		if len(wanted[l.Place]) == 0 {
			return
		}
		shown, unread := l.snapshots(ctx, wanted[l.Place])
		o.mu.Lock()
		defer o.mu.Unlock()
		if unread != nil {
			o.inv.Unread = append(o.inv.Unread, *unread)
		}
		rows[l.Place] = shown
	})
	for n := range o.inv.Subjects {
		s := &o.inv.Subjects[n]
		there := rows[Place{s.Account, s.Region}]
		for _, d := range s.Disks {
			if row, ok := there[d.SnapshotID]; ok && (!s.Shallow || s.Copied) {
				s.Snapshots = append(s.Snapshots, SnapshotRow{Snapshot: row.Snapshot})
			}
		}
	}
	o.lines()
	o.grants(ctx)
}

// grants asks whom images are shared with, where ECS does not say that it is nobody.
func (o *observer) grants(ctx context.Context) {
	places := map[Place]*Ledger{}
	for _, l := range o.Ledgers {
		places[l.Place] = l
	}
	survey.EachIndex(len(o.inv.Subjects), func(n int) {
		s := &o.inv.Subjects[n]
		if s.SharedOut == image.No {
			s.GrantsKnown = true
			return
		}
		if s.Shallow {
			return
		}
		grants, unread := gap(Place{s.Account, s.Region}, survey.MayListGrants, func() ([]image.Grant, error) {
			return places[Place{s.Account, s.Region}].Reader.Grants(ctx, s.ID)
		})
		o.unread[n] = unread
		s.GrantsKnown = unread == nil && (len(grants) > 0 || s.SharedOut != image.Yes)
		for _, g := range grants {
			s.Grants = append(s.Grants, g.Account)
			if places[Place{g.Account, s.Region}] == nil {
				s.Blind = append(s.Blind, g.Account)
			}
		}
	})
}

// lines finds the regional copies among what is seen.
func (o *observer) lines() {
	for n := range o.inv.Subjects {
		o.inv.Subjects[n].From = originals(&o.inv.Subjects[n])
	}
	lines := linesOf(linksOf(&o.inv))
	for n := range o.inv.Subjects {
		o.inv.Subjects[n].Line = lines[o.inv.Subjects[n].Ref]
	}
}

// originals name what a copy was made of, as region/id: by the snapshot that its own
// was copied from, or by the tag that names its parent.
func originals(s *Subject) []string {
	if !s.Copied {
		return nil
	}
	var from []string
	for _, row := range s.Snapshots {
		if row.SourceSnapshot != "" {
			from = append(from, string(row.SourceRegion)+"/"+string(row.SourceSnapshot))
		}
	}
	if parent := s.Tags["imagekeeper:parent"]; parent != "" && !strings.HasPrefix(parent, string(s.Region)+"/") {
		from = append(from, parent)
	}
	return from
}

// linesOf names the line of each image that is a copy, or has one.
func linesOf(all []link) map[image.Ref]string {
	wanted := map[string]string{} // region and id, and the image that is, or has, it
	for n := range all {
		for _, from := range all[n].from {
			wanted[from] = ""
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	for n := range all {
		k := &all[n]
		self := string(k.ref.Region) + "/" + string(k.ref.ID)
		if _, is := wanted[self]; is {
			wanted[self] = self
		}
		for _, d := range k.disks {
			key := string(k.ref.Region) + "/" + string(d)
			if _, is := wanted[key]; is {
				wanted[key] = self
			}
		}
	}
	t := tree{}
	for n := range all {
		for _, from := range all[n].from {
			if parent := wanted[from]; parent != "" {
				t.join(string(all[n].ref.Region)+"/"+string(all[n].ref.ID), parent)
			}
		}
	}
	lines := map[image.Ref]string{}
	for n := range all {
		if key := string(all[n].ref.Region) + "/" + string(all[n].ref.ID); t[key] != "" {
			lines[all[n].ref] = t.root(key)
		}
	}
	return lines
}

// tree joins what belongs together, each by the one it hangs on.
type tree map[string]string

func (t tree) root(of string) string {
	for t[of] != "" && t[of] != of {
		of = t[of]
	}
	return of
}

func (t tree) join(child, parent string) {
	a, b := t.root(child), t.root(parent)
	t[a], t[b] = b, b
	if t[child] == "" {
		t[child] = b
	}
}

// judge asks who uses each image.
func (o *observer) judge() {
	newest := map[lineKey]*image.Image{} // Available; of the siblings only this and who shares snapshots tells anything
	mapped := map[diskKey]*mapping{}
	for n := range o.inv.Subjects {
		s := &o.inv.Subjects[n]
		if f := s.FamilyName(); f != "" && s.Status == image.StatusAvailable {
			key := lineKey{account: s.Account, region: s.Region, family: f}
			if newest[key] == nil || image.Newest(s.Image, *newest[key]) < 0 {
				newest[key] = &s.Image
			}
		}
		for _, d := range s.Disks {
			if d.SnapshotID == "" {
				continue
			}
			key := diskKey{s.Account, s.Region, d.SnapshotID}
			if one := mapped[key]; one != nil {
				one.more = append(one.more, &s.Image)
			} else {
				mapped[key] = &mapping{first: &s.Image}
			}
		}
	}
	tops := make(map[lineKey][]image.Image, len(newest))
	for key, top := range newest {
		tops[key] = []image.Image{*top}
	}
	for n := range o.inv.Subjects {
		s := &o.inv.Subjects[n]
		siblings := slices.Clip(tops[lineKey{account: s.Account, region: s.Region, family: s.FamilyName()}])
		for _, d := range s.Disks {
			if one := mapped[diskKey{s.Account, s.Region, d.SnapshotID}]; one != nil && len(one.more) > 0 {
				siblings = append(siblings, one.all()...)
			}
		}
		s.Use = o.Judge(s, o.unread[n], siblings, o.byRegion[s.Region], o.Closed)
	}
}

// diskKey is a snapshot of an account in a region.
type diskKey struct {
	account  image.AccountID
	region   image.RegionID
	snapshot image.SnapshotID
}

// mapping are the images that share a snapshot.
type mapping struct {
	first *image.Image
	more  []*image.Image
}

func (m *mapping) all() []image.Image {
	all := []image.Image{*m.first}
	for _, i := range m.more {
		all = append(all, *i)
	}
	return all
}

// evidence compares with the last good looks.
func (o *observer) evidence() {
	seen := map[Place]bool{}
	var images, instances, wereImages, wereInstances int
	for _, l := range o.Ledgers {
		seen[l.Place] = true
		look, ok := o.looks[l.Place]
		if !ok {
			continue
		}
		images, instances = images+l.owned(), instances+l.Counted
		wereImages, wereInstances = wereImages+look.Best.Images, wereInstances+look.Best.Instances
		for _, short := range look.Best.Missing(l.owned(), l.Counted, o.Evidence) {
			short.Sentence = fmt.Sprintf("account %s in %s: %s", l.Account, l.Region, short.Sentence)
			o.inv.Short = append(o.inv.Short, short)
		}
	}
	for p, look := range o.looks {
		if len(o.byRegion[p.Region]) > 0 && !seen[p] && o.inv.BeganAt.Sub(look.At) < yields {
			o.inv.Short = append(o.inv.Short, image.Reason{Code: "evidenceShort", Sentence: fmt.Sprintf(
				"account %s in %s was seen at %s, and is not now; it is missed for a week from then", p.Account, p.Region, look.At.UTC().Format(time.RFC3339),
			)})
		}
	}
	o.regions()
	slices.SortFunc(o.inv.Short, func(a, b image.Reason) int { return cmp.Compare(a.Sentence, b.Sentence) })
}

// regions compares those that are looked at with those of the looks of late.
func (o *observer) regions() {
	all := map[image.RegionID]bool{}
	for _, r := range o.Regions {
		all[r] = true
	}
	var missing []string
	for p, look := range o.looks {
		if !all[p.Region] && o.inv.BeganAt.Sub(look.At) < yields {
			all[p.Region] = true
			missing = append(missing, string(p.Region))
		}
	}
	if len(o.Regions) == 0 || len(missing)*100 <= len(all)*int(o.Evidence) {
		return
	}
	slices.Sort(missing)
	o.inv.Short = append(o.inv.Short, image.Reason{Code: "evidenceShort", Sentence: fmt.Sprintf("%d regions were seen of late, and of these not now: %s", len(all), strings.Join(missing, ", "))})
}

// owned is how many images of its own the account shows.
func (l *Ledger) owned() int {
	n := 0
	for k := range l.Images {
		if l.Images[k].Kind == image.KindCustom && l.Images[k].Account == l.Account {
			n++
		}
	}
	return n
}
