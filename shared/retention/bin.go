package retention

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Entry is an image that was deleted, and can be brought back while its snapshots are
// there.
type Entry struct {
	Ref       image.Ref
	Image     image.Image
	Snapshots []image.Snapshot
	Suspended []image.AccountID
	DeletedAt time.Time
	Until     time.Time
	Work      string
	Rule      string
	// Purged: its snapshots are gone. Restored is what it is now, if it was brought back.
	Purged   bool
	Restored image.ID
	// Saved is what its snapshots that are gone cost, as whoever priced them says.
	Saved map[image.SnapshotID]string
	// Unfinished: its deletion was begun, and how that ended is not written down yet.
	Unfinished bool
}

// EntryOf is what a story tells of the bin; ok is false if the image never was in it.
func EntryOf(r image.Ref, s Story) (e Entry, ok bool) {
	for _, c := range s {
		switch {
		case c.Stage == StageDeleted && c.Image != nil && c.Restored == "":
			e = Entry{Ref: r, Image: *c.Image, Snapshots: c.Snapshots, Suspended: c.Suspended, DeletedAt: c.At, Until: c.BinUntil, Work: c.Work, Rule: c.Rule}
			ok = true
		case c.Restored != "":
			e.Restored = c.Restored
		case c.Stage == StagePurged:
			e.Purged, e.Saved = true, c.Saved
		}
	}
	return e, ok
}

// Unfinished is what a story tells of an image whose deletion was begun and whose end
// is not written down: it may be gone already. Its times are then those of the
// beginning. ok is false if there is none.
func Unfinished(r image.Ref, s Story) (e Entry, ok bool) {
	if len(s) == 0 {
		return e, false
	}
	c := s[len(s)-1]
	if c.Stage != StageQuarantined || c.Image == nil {
		return e, false
	}
	return Entry{
		Ref: r, Image: *c.Image, Snapshots: c.Snapshots, Suspended: c.Suspended, DeletedAt: c.At, Until: c.BinUntil, Work: c.Work, Rule: c.Rule, Unfinished: true,
	}, true
}

// Unready is why an image cannot be brought back whose deletion was begun: whether it
// is gone, and how, was not written down yet. gone is what a look shows now.
func (e Entry) Unready(gone image.Tri) *image.Reason {
	if gone == image.Yes {
		return &image.Reason{Code: "binNotReady", Sentence: "it is gone, and cleanup " + e.Work + " has not written that down yet: the worker does it within minutes"}
	}
	return &image.Reason{Code: "binNotReady", Sentence: "its deletion was begun by cleanup " + e.Work + ", and whether it is gone could not be read"}
}

// Over is a warning that the time of an entry is over; nil: it is not.
func (e Entry) Over(now time.Time) *image.Reason {
	if now.Before(e.Until) {
		return nil
	}
	return &image.Reason{Code: "binOver", Sentence: "its time in the bin is over: what nothing needs of its snapshots goes, if it has not gone already"}
}

// SeenGone: a work has seen that the image of an item is gone.
func SeenGone(i work.Item) bool { return i.Level == levelDeleted || i.Level == levelBinned }

// binned are the facts of an item in the bin: which of its snapshots are there, and
// which something needs.
func (l *looking) binned(ctx context.Context, name string, one WishItem, item work.Item, seen work.Seen) {
	f := l.common()
	f[factRow] = gone
	stories, err := l.Archive.Stories(ctx, []image.Ref{one.Ref})
	if err != nil {
		unseen(seen, name, err)
		return
	}
	if e, ok := EntryOf(one.Ref, stories[one.Ref]); ok && e.Restored != "" {
		f["restored"] = string(e.Restored)
	}
	until, unreadable := readTime("the end of its time in the bin", item.Notes[noteBin])
	if unreadable != nil || l.Now().Before(until) { // nothing goes, so that nothing has to be looked at
		seen[name] = f
		return
	}
	if err := l.snapshots(ctx, one, one.Snapshots, f); err != nil {
		unseen(seen, name, err)
		return
	}
	seen[name] = f
}

// snapshots tells of each snapshot whether it is there, gone, or stays. It fails if
// that is not known.
func (l *looking) snapshots(ctx context.Context, one WishItem, ids []image.SnapshotID, f plan.Facts) error {
	if len(ids) == 0 {
		return nil
	}
	p := l.at.Place(one.Ref.Account, one.Ref.Region)
	if p == nil {
		return errNoPlace(one.Ref)
	}
	found, err := p.Snapshots(ctx, image.SnapshotListing{IDs: ids})
	if err != nil {
		return err
	}
	for _, id := range ids {
		key := "snapshot/" + string(id)
		if !slices.ContainsFunc(found, func(s image.Snapshot) bool { return s.ID == id }) {
			f[key] = gone
			continue
		}
		d := &deed{Kind: l.Kind, at: l.at, work: l.work, wish: l.wish, one: one}
		why, err := d.needed(ctx, p, id)
		switch {
		case err != nil:
			return err
		case why != nil:
			f[key] = "stays: " + why.Sentence
		default:
			f[key] = there
			l.priced(ctx, one.Ref, id, f)
		}
	}
	return nil
}

// priced notes what a snapshot costs that is about to go.
func (l *looking) priced(ctx context.Context, of image.Ref, id image.SnapshotID, f plan.Facts) {
	if l.Worth != nil {
		f[noteSaved+string(id)] = l.Worth(ctx, of, id)
	}
}

// needed is why a snapshot stays; nil: nothing needs it.
func (d *deed) needed(ctx context.Context, p Reader, id image.SnapshotID) (*image.Reason, error) {
	rows, err := p.Snapshots(ctx, image.SnapshotListing{IDs: []image.SnapshotID{id}})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	row := rows[0]
	why, err := d.stays(ctx, row)
	if err != nil || why != nil && why.Code != codeMarkGone {
		return why, err
	}
	unmarked := why
	images, err := p.Images(ctx, image.Listing{Kind: image.KindCustom, SnapshotID: id, Statuses: image.Statuses()})
	if err != nil {
		return nil, err
	}
	for _, i := range images {
		if i.ID != d.one.Ref.ID && slices.ContainsFunc(i.Disks, func(m image.DiskMapping) bool { return m.SnapshotID == id }) {
			return &image.Reason{Code: "usedByImage", Sentence: fmt.Sprintf("image %s stands on snapshot %s", i.ID, id)}, nil
		}
	}
	disks, err := p.Disks(ctx, image.DiskListing{Snapshot: id})
	if err != nil {
		return nil, err
	}
	if len(disks) > 0 {
		return &image.Reason{Code: "usedByDisk", Sentence: fmt.Sprintf("disk %s was made of snapshot %s", disks[0].ID, id)}, nil
	}
	switch locksOf(ctx, p)(id) {
	case image.Yes:
		return &image.Reason{Code: "locked", Sentence: fmt.Sprintf("snapshot %s is locked", id)}, nil
	case image.Unknown:
		return nil, fault.New(fault.Unavailable, "whether snapshot %s is locked could not be read", id)
	}
	return unmarked, nil
}

// codeMarkGone is of what does not bear the mark of cleanup.
const codeMarkGone = "markGone"

// stays is why a snapshot stays by what its row tells; nil: that does not keep it.
func (d *deed) stays(ctx context.Context, row image.Snapshot) (*image.Reason, error) {
	not := func(code, sentence string) (*image.Reason, error) {
		return &image.Reason{Code: code, Sentence: fmt.Sprintf("snapshot %s: %s", row.ID, sentence)}, nil
	}
	switch tag := row.Tags[TagCleanup]; {
	case row.Status != "accomplished":
		return not("notAccomplished", "its status is "+row.Status)
	case row.Tags[TagBackup] != "":
		return not("backup", "it is a backup of rollout "+row.Tags[TagBackup])
	case d.one.Orphan != "" && taggedByOther(row.Tags):
		return not("taggedByOther", "another function, or another product, put its tag on it")
	case tag == "":
		return not(codeMarkGone, "somebody took the mark of cleanup off")
	case d.one.Orphan == "" && !strings.Contains(tag, string(d.one.Ref.ID)):
		return not("ofAnother", "it is kept in the bin for another image")
	}
	if d.one.Orphan != "" {
		return nil, nil //nolint:nilnil // nothing keeps it
	}
	made, err := d.made(ctx)
	switch {
	case err != nil:
		return nil, err
	case made.IsZero():
		return not("dateMissing", "when its image was made is not known")
	case row.CreatedAt.Before(made):
		return not("snapshotOlderThanImage", "it was there before the image")
	}
	return nil, nil //nolint:nilnil // nothing keeps it
}

// made is when the image was, by what was written down before it was deleted.
func (d *deed) made(ctx context.Context) (time.Time, error) {
	stories, err := d.Archive.Stories(ctx, []image.Ref{d.one.Ref})
	e, ok := EntryOf(d.one.Ref, stories[d.one.Ref])
	if err != nil || !ok {
		return time.Time{}, err
	}
	return e.Image.CreatedAt, nil
}

// orphan are the facts of a snapshot that an image left, as far as is known.
func (l *looking) orphan(ctx context.Context, name string, one WishItem, inv Inventory, judged map[image.SnapshotID]Judgement, seen work.Seen) {
	f := l.common()
	item := l.work.Items[name]
	if at, unreadable := readTime("when it was announced", item.Notes[noteAnnounced]); unreadable == nil {
		f[factDue] = at.Add(time.Duration(l.rules.Document.Complete().Grace)).UTC().Format(time.RFC3339)
	}
	p := l.at.Place(one.Ref.Account, one.Ref.Region)
	if p == nil {
		unseen(seen, name, errNoPlace(one.Ref))
		return
	}
	rows, err := p.Snapshots(ctx, image.SnapshotListing{IDs: []image.SnapshotID{one.Orphan}})
	switch {
	case err != nil:
		unseen(seen, name, err)
		return
	case len(rows) == 0:
		f[factRow], f["snapshot/"+string(one.Orphan)] = gone, gone
		seen[name] = f
		return
	}
	f[factRow], f[factTag] = there, rows[0].Tags[TagCleanup]
	f["snapshot/"+string(one.Orphan)] = there
	why, err := l.orphanKept(ctx, p, one, item, inv, judged)
	if err != nil {
		unseen(seen, name, err)
		return
	}
	if why != nil {
		f[factKeeps] = reasonText(*why)
	} else if item.Level == levelAnnounced {
		l.priced(ctx, one.Ref, one.Orphan, f)
	}
	if j := judged[one.Orphan]; j.Rule != "" {
		f[factTerms] = termsOf(l.rules.Document.Complete())[j.Rule]
	}
	seen[name] = f
}

// orphanKept is why a snapshot that an image left stays; nil: nothing keeps it.
func (l *looking) orphanKept(ctx context.Context, p Reader, one WishItem, item work.Item, inv Inventory, judged map[image.SnapshotID]Judgement) (*image.Reason, error) {
	j, known := judged[one.Orphan]
	switch {
	case !known && len(inv.Unread) > 0:
		return &image.Reason{Code: "regionUnread", Sentence: "whether its image is gone could not be read"}, nil
	case !known:
		return &image.Reason{Code: "imageThere", Sentence: "its image is there again, or another one stands on it"}, nil
	case len(j.Keeps) > 0:
		why := firstSure(j.Keeps)
		return &why, nil
	}
	d := &deed{Kind: l.Kind, at: l.at, work: l.work, wish: l.wish, one: one}
	why, err := d.needed(ctx, p, one.Orphan)
	if err == nil && why != nil && why.Code == codeMarkGone && item.Level == "" { // it was not marked yet
		return nil, nil //nolint:nilnil // nothing keeps it
	}
	return why, err
}

// Restore is the wish to bring an image back from the bin.
type Restore struct {
	Ref   image.Ref   `json:"ref"`
	Image image.Image `json:"image"`
	// Snapshots are those of its disks, the system disk's first.
	Snapshots []image.SnapshotDisk `json:"snapshots"`
	Name      string               `json:"name"`
	// Family puts it into its family again, With gives it to accounts again.
	Family bool              `json:"family,omitempty"`
	With   []image.AccountID `json:"with,omitempty"`
}

// disksOf are the snapshots of an image, the system disk's first.
func disksOf(i image.Image) []image.SnapshotDisk {
	disks := slices.Clone(i.Disks)
	slices.SortStableFunc(disks, func(a, b image.DiskMapping) int {
		return cmp.Or(boolRank(b.System)-boolRank(a.System), cmp.Compare(a.Device, b.Device))
	})
	var all []image.SnapshotDisk
	for _, d := range disks {
		all = append(all, image.SnapshotDisk{Snapshot: d.SnapshotID, SizeGiB: d.SizeGiB})
	}
	return all
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// RestoreOf is the wish for an entry of the bin. taken are the names in its place.
func RestoreOf(e Entry, family, shares bool, taken map[string]bool) Restore {
	r := Restore{Ref: e.Ref, Image: e.Image, Snapshots: disksOf(e.Image), Name: e.Image.Name, Family: family && e.Image.Family != ""}
	for n := 1; taken[r.Name]; n++ {
		r.Name = fmt.Sprintf("%.110s-restored-%d", e.Image.Name, n)
	}
	if shares {
		r.With = e.Suspended
	}
	return r
}

// Likeness is what a restored image has to have like the one that it was.
func Likeness(i image.Image) map[string]string {
	if i.NVMe == "" { // ECS does not say
		i.NVMe = "unsupported"
	}
	if i.IMDS == "" {
		i.IMDS = "v1"
	}
	like := map[string]string{
		"description": i.Description, "osType": string(i.OSType), "platform": i.Platform, "architecture": string(i.Architecture), "bootMode": string(i.BootMode),
		"nvme": i.NVMe, "imds": i.IMDS, "licenseType": i.LicenseType, "resourceGroup": i.ResourceGroup,
	}
	for n, d := range disksOf(i) {
		like[fmt.Sprintf("disk%d", n+1)] = fmt.Sprintf("%s %d", d.Snapshot, d.SizeGiB)
	}
	for key, value := range i.Tags {
		if !dropped(key) {
			like["tag."+key] = value
		}
	}
	return like
}

// dropped are the tags that a restored image does not get by itself.
func dropped(key string) bool {
	return slices.Contains([]string{TagCleanup, TagChannel, TagFamily, TagRestored, TagKeep}, key)
}

// Differences between an image that was and one that is, in order.
func Differences(was, is image.Image) []string {
	a, b := Likeness(was), Likeness(is)
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	var differs []string
	for key := range keys {
		if a[key] != b[key] {
			differs = append(differs, fmt.Sprintf("%s is %q and was %q", key, b[key], a[key]))
		}
	}
	slices.Sort(differs)
	return differs
}
