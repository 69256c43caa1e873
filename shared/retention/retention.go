// Package retention decides which images nobody needs any more: what a document of
// rules means, every reason to keep an image and every reason to remove it, and the
// way of one that goes: marked, quarantined, deleted, purged, with a way back at each
// step. Deciding is pure: Decide sees an inventory, rules and the time. What is not
// known is a reason to keep.
package retention

import (
	"time"

	"imagekeeper/shared/image"
)

// Stage is how far the removal of an image is.
type Stage string

// The stages, in order.
const (
	StageNone        Stage = "none"
	StageMarked      Stage = "marked"      // tagged and announced; nothing is lost yet
	StageQuarantined Stage = "quarantined" // no longer shared, deprecated
	StageDeleted     Stage = "deleted"     // the image is gone, its snapshots are in the bin
	StagePurged      Stage = "purged"      // its snapshots are gone, too
)

// Action is what is to be done with an image now.
type Action string

// The actions.
const (
	Keep       Action = "keep"
	Mark       Action = "mark"
	Wait       Action = "wait"
	Quarantine Action = "quarantine"
	Delete     Action = "delete"
	Purge      Action = "purge"
	Return     Action = "return"
	Refuse     Action = "refuse"
)

// The tags that cleanup reads and writes.
const (
	TagCleanup  = "imagekeeper:cleanup"
	TagKeep     = "imagekeeper:keep"
	TagFamily   = "imagekeeper:family"
	TagBuiltAt  = "imagekeeper:builtAt"
	TagChannel  = "imagekeeper:channel"
	TagUndo     = "imagekeeper:undo"
	TagRestored = "imagekeeper:restoredFrom"
	TagBackup   = "imagekeeper:backup"
	TagImport   = "imagekeeper:import"
)

// Verdict is what is known about the use of an image.
type Verdict string

// The verdicts, as package usage gives them; the zero one is unknown.
const (
	InUse    Verdict = "inUse"
	NotInUse Verdict = "notInUse"
)

// Use is whether an image is used, and why that is thought.
type Use struct {
	Verdict Verdict
	Why     []image.Reason
}

// Subject is an image of ours with everything that was seen about it. What was not
// seen is the zero value, which never speaks for removal.
type Subject struct {
	image.Image
	// Shallow: no rule is about it, and only its row and its use were looked at.
	Shallow bool
	Use     Use
	// Grants are the accounts that it is shared with; Blind those of them that cannot
	// be read. GrantsKnown: both are so.
	Grants      []image.AccountID
	Blind       []image.AccountID
	GrantsKnown bool
	// Suspended are the accounts that lost it by its quarantine: what they would use it
	// for is a reason to return it.
	Suspended []image.AccountID
	// Line is the same for an image and its regional copies; empty: it has none.
	Line string
	// From are what a copy was made of, as region/id of image or snapshot: more of its
	// line may be where nobody has looked yet.
	From []string
	// Holders are works that hold it: unfinished imports and rollouts, undo images,
	// bin entries. HoldersKnown: all of their logs could be read.
	Holders      []string
	HoldersKnown bool
	// Channel is that of the image's release, by tag or journal.
	Channel string
	// Kept are the words that keep it, of people and of the tag.
	Kept []KeepNote
	// KeyGone tells whether the key of an encrypted image is gone.
	KeyGone image.Tri
	// Disks are its snapshots; a snapshot of the mapping that is not among them was not
	// seen.
	Snapshots []SnapshotRow
	// Unused is the proof by looks.
	Unused Proof
	// Reached is how far its removal is, and InWork the open cleanup that carries it.
	Reached Reached
	InWork  string
	// Named: that cleanup was asked for it by name, and not by rules.
	Named bool
}

// SnapshotRow is a snapshot of an image, as far as removal has to know it.
type SnapshotRow struct {
	image.Snapshot
	// Locked: it has a lock that holds.
	Locked image.Tri
}

// KeepNote is somebody's word that an image is to stay.
type KeepNote struct {
	// By is who; the tag itself is "tag".
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"` // zero: for good
	At     time.Time `json:"at"`
	// TakenAt is when it was taken back; it protects a day more.
	TakenAt time.Time `json:"takenAt,omitzero"`
}

// keepLasts is how long a word that was taken back, or a tag that was taken off,
// still protects.
const keepLasts = 24 * time.Hour

// Holds reports whether the word keeps at a time.
func (k KeepNote) Holds(now time.Time) bool {
	if !k.TakenAt.IsZero() {
		return now.Before(k.TakenAt.Add(keepLasts))
	}
	return k.Until.IsZero() || now.Before(k.Until)
}

// After is the word when its speaker said something else before: what kept an image then
// does so for a day more, whatever is said now.
func (k KeepNote) After(before KeepNote) KeepNote {
	if k.Until.IsZero() || !before.Holds(k.At) {
		return k
	}
	day := k.At.Add(keepLasts)
	switch {
	case !before.TakenAt.IsZero():
		day = before.TakenAt.Add(keepLasts)
	case !before.Until.IsZero() && before.Until.Before(day):
		day = before.Until
	}
	k.Until = later(k.Until, day)
	return k
}

// Reached is how far the removal of an image is, by the journal.
type Reached struct {
	Stage Stage
	// Rule is by which it was marked, and Terms what that said; a work by hand has no
	// terms.
	Rule, Terms string
	// AnnouncedAt is when the announcement was delivered: the grace runs from then.
	AnnouncedAt   time.Time
	QuarantinedAt time.Time
	DeletedAt     time.Time
}

// Inventory is what one look saw.
type Inventory struct {
	// BeganAt is when the look began: what was made later was not seen.
	BeganAt  time.Time
	Subjects []Subject
	Orphans  []Orphan
	// Unread is what could not be read; it vetoes its region, or everything.
	Unread []image.Unread
	// Short is what less was seen of than in the last good look.
	Short []image.Reason
	// JournalUnread is why another function's records could not be read.
	JournalUnread []image.Reason
	// Read is in how many places the images could be read.
	Read int
}

// Blind: the images of no place could be read, so that there is nothing to tell.
func (inv Inventory) Blind() bool { return inv.Read == 0 && len(inv.Unread) > 0 }

// Orphan is a snapshot that was seen in the mapping of an image of ours which is
// gone.
type Orphan struct {
	SnapshotRow
	// Of is the image, and GoneAt when it was first seen to be gone; zero: not known.
	Of     image.Ref
	GoneAt time.Time
	// UsedBy are images, disks and bin entries that need it.
	UsedBy []string
	// Tagged: another function, or another product, put its tag on it.
	Tagged bool
	// InWork is the open cleanup that removes it.
	InWork string
}

// Judgement is what was decided about one image or snapshot.
type Judgement struct {
	Ref image.Ref
	// Snapshot is set for an orphan; Ref is then the image that it was of.
	Snapshot image.SnapshotID
	Name     string
	Action   Action
	Stage    Stage
	// DueAt is when the next step is due, if the image is on its way.
	DueAt time.Time
	// Rule is by which it would go.
	Rule string
	// InWork is the open cleanup that carries it already.
	InWork string
	// Keeps speak against removal, Removes for it. Both are whole.
	Keeps, Removes []image.Reason
}

// Reasons are all, those that decided first.
func (j Judgement) Reasons() []image.Reason {
	all := make([]image.Reason, 0, len(j.Keeps)+len(j.Removes))
	if j.Action == Keep || j.Action == Return || j.Action == Refuse {
		return append(append(all, j.Keeps...), j.Removes...)
	}
	return append(append(all, j.Removes...), j.Keeps...)
}

// Removable: nothing speaks against its removal.
func (j Judgement) Removable() bool { return len(j.Keeps) == 0 && len(j.Removes) > 0 }
