package retention

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// ListSnapshots reads all snapshots of the account there, and which are locked. What
// cannot be read is a gap.
func (l *Ledger) ListSnapshots(ctx context.Context) {
	if l.left != nil || l.Unread.Snapshots != nil {
		return
	}
	var rows []image.Snapshot
	rows, l.Unread.Snapshots = gap(l.Place, survey.MayListSnapshots, func() ([]image.Snapshot, error) {
		return l.Reader.Snapshots(ctx, image.SnapshotListing{})
	})
	if l.Unread.Snapshots != nil {
		return
	}
	locked := locksOf(ctx, l.Reader)
	l.left = make([]SnapshotRow, 0, len(rows))
	for n := range rows {
		l.left = append(l.left, SnapshotRow{Snapshot: rows[n], Locked: locked(rows[n].ID)})
	}
}

// ListAllSnapshots reads those of all ledgers, many at once.
func ListAllSnapshots(ctx context.Context, ledgers []*Ledger) {
	survey.Each(ledgers, func(l *Ledger) { l.ListSnapshots(ctx) })
}

// locksOf tells which snapshots are locked; where that cannot be read, of none of them
// is it known.
func locksOf(ctx context.Context, r Protections) func(image.SnapshotID) image.Tri {
	locks, err := r.SnapshotLocks(ctx)
	return func(id image.SnapshotID) image.Tri {
		if err != nil {
			return image.Unknown
		}
		return image.TriOf(slices.ContainsFunc(locks, func(l image.SnapshotLock) bool { return l.Snapshot == id && l.Holds() }))
	}
}

// imageOf is the image that the tag of a snapshot says it was of.
func imageOf(tags image.Tags) image.ID {
	value := tags[TagCleanup]
	if !strings.HasPrefix(value, string(StageDeleted)+" ") {
		return ""
	}
	for word := range strings.SplitSeq(value, " ") {
		id, ok := strings.CutPrefix(word, "m-")
		if other := strings.ContainsFunc(id, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }); ok && id != "" && !other {
			return image.ID(word)
		}
	}
	return ""
}

// taggedByOther: another function, or another product, put its tag on a snapshot.
func taggedByOther(tags image.Tags) bool {
	for key := range tags {
		if key != TagCleanup && (strings.HasPrefix(key, "imagekeeper:") || strings.HasPrefix(key, "acs:")) {
			return true
		}
	}
	return false
}

// orphans finds the snapshots that images of ours left: those that the journal of
// looks, or the tag of the bin, saw in the mapping of one that is gone.
func (o *observer) orphans(ctx context.Context) {
	ListAllSnapshots(ctx, o.Ledgers)
	for _, l := range o.Ledgers {
		if l.Unread.Snapshots != nil {
			o.inv.Unread = append(o.inv.Unread, *l.Unread.Snapshots)
			continue
		}
		present, mapped := o.present(l.Region)
		for n := range l.left {
			row := &l.left[n]
			seen := o.looks[l.Place].Owned[row.ID]
			if of := imageOf(row.Tags); seen.Image == "" {
				seen.Image = of
			}
			if seen.Image == "" || present[seen.Image] || mapped[row.ID] {
				continue
			}
			o.inv.Orphans = append(o.inv.Orphans, o.orphan(l, *row, seen))
		}
	}
}

// present are the images that any account shows in a region, and the snapshots of
// their mappings.
func (o *observer) present(in image.RegionID) (images map[image.ID]bool, mapped map[image.SnapshotID]bool) {
	images, mapped = map[image.ID]bool{}, map[image.SnapshotID]bool{}
	for _, l := range o.byRegion[in] {
		for n := range l.Images {
			i := &l.Images[n]
			images[i.ID] = true
			for _, d := range i.Disks {
				mapped[d.SnapshotID] = true
			}
		}
	}
	return images, mapped
}

func (o *observer) orphan(l *Ledger, row SnapshotRow, seen Seen) Orphan {
	row.Account, row.Region = l.Account, l.Region
	left := Orphan{
		SnapshotRow: row, Of: image.Ref{Account: l.Account, Region: l.Region, ID: seen.Image}, GoneAt: seen.GoneAt, Tagged: taggedByOther(row.Tags),
	}
	if row.Usage != "" && row.Usage != "none" { // ECS says that an image or a disk is made of it
		left.UsedBy = append(left.UsedBy, "an "+strings.ReplaceAll(row.Usage, "_", " and a "))
	}
	for _, one := range l.byImage {
		for _, d := range one.Disks {
			if d.SourceSnapshot == row.ID {
				left.UsedBy = append(left.UsedBy, "disk "+string(d.ID))
			}
		}
	}
	slices.Sort(left.UsedBy)
	if o.held != nil {
		left.UsedBy = append(left.UsedBy, o.held.Snapshots[row.ID]...)
		left.InWork = o.held.Orphans[row.ID]
	}
	return left
}

// keys asks whether the keys of encrypted images are still there.
func (o *observer) keys(ctx context.Context) {
	places := map[Place]*Ledger{}
	for _, l := range o.Ledgers {
		places[l.Place] = l
	}
	known := map[Place]map[string]image.Tri{}
	for n := range o.inv.Subjects {
		s := &o.inv.Subjects[n]
		if s.Shallow || s.Encrypted() == image.No {
			continue
		}
		p := Place{s.Account, s.Region}
		if known[p] == nil {
			known[p] = map[string]image.Tri{}
		}
		s.KeyGone = image.No
		for _, d := range s.Disks {
			row, shown := s.shown(d.SnapshotID)
			if shown && row.Encrypted == image.No && d.Encrypted == image.No {
				continue
			}
			gone, asked := known[p][row.Key]
			if !asked {
				gone, _ = places[p].Reader.KeyGone(ctx, row.Key) // one that cannot be asked for is Unknown
				known[p][row.Key] = gone
			}
			s.KeyGone = worse(s.KeyGone, gone)
		}
	}
}

// worse is what is known of two keys that are both needed.
func worse(a, b image.Tri) image.Tri {
	switch {
	case a == image.Yes || b == image.Yes:
		return image.Yes
	case a == image.No && b == image.No:
		return image.No
	}
	return image.Unknown
}

// AboutOrphans reports whether some rule is about snapshots that images left.
func (d Document) AboutOrphans() bool {
	return slices.ContainsFunc(d.Rules, func(r Rule) bool { return r.Match.Snapshots == Orphaned })
}
