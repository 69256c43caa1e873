package rollout

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Told is what an item of a rollout tells beside how far it is.
type Told struct {
	Name
	// Action is ActionReplace, or what else is moved.
	Action string
	// Wave is negative where none is told.
	Wave int
	Was  image.ID
	To   image.ID
	// Backup is the snapshot of what was; Image is the one of a backup.
	Backup image.SnapshotID
	Image  image.ID
	// Undoing: its old content is being brought back, or was.
	Undoing bool
	// Replaced: it has another disk than before.
	Replaced bool
}

// Tell reads an item.
func Tell(w work.Work, i work.Item) Told {
	s := specOf(w, i.Name)
	return Told{
		Name: s.Name, Action: s.action, Wave: s.wave, Was: s.image, To: s.to, Backup: image.SnapshotID(cmp.Or(i.Notes[noteContent], i.Notes[noteBackup])),
		Image: image.ID(i.Notes[noteImage]), Undoing: i.Notes[noteUndo] != "", Replaced: i.Notes[noteNewDisk] != "" || i.Notes[noteContent] != "",
	}
}

// StepTold reads a step of a plan; an item that is not begun is one.
func StepTold(s plan.Step) Told {
	n, err := ParseName(s.Subject)
	if err != nil {
		n = Name{ID: image.InstanceID(s.Subject)}
	}
	t := Told{Name: n, Action: s.Action, Was: image.ID(s.Parameters[paramWas]), To: image.ID(s.Parameters[paramTo]), Backup: image.SnapshotID(s.Parameters[paramBackup])}
	if t.Wave, err = strconv.Atoi(s.Parameters[paramWave]); err != nil {
		t.Wave = -1
	}
	return t
}

// Instance is the id, if it is an instance.
func (t Told) Instance() image.InstanceID {
	if strings.HasPrefix(string(t.ID), "i-") || t.Action == ActionReplace {
		return t.ID
	}
	return ""
}

// Pointer is the id, if it is what an action of that name is about.
func (t Told) Pointer(action string) string {
	prefix := map[string]string{ActionFollowTemplate: "lt-", ActionFollowScaling: "asc-"}[action]
	if t.Action == action || t.Action == ActionRefuse && strings.HasPrefix(string(t.ID), prefix) {
		return string(t.ID)
	}
	return ""
}

// WishOf is what a rollout was asked for.
func WishOf(w work.Work) (Wish, error) { return wishOf(w) }

// Left are the instances that a retry is about: those that failed or were never
// begun, with the image that each was to get.
func Left(w work.Work) map[Name]image.ID {
	left := map[Name]image.ID{}
	for name, s := range specs(w.Document) {
		i := w.Items[name]
		done := i.Outcome.Result == plan.Applied || i.Outcome.Result == plan.Already
		if s.action == ActionReplace && !done && s.to != "" {
			left[s.Name] = s.to
		}
	}
	return left
}

// Past is what a rollout did to one instance, and what there is to bring it back.
type Past struct {
	Name
	Was image.ID
	// Of is the image that stands behind that.
	Of     image.ID
	Backup image.SnapshotID
	// Disk is the one that the rollout gave it.
	Disk image.DiskID
	// Like is what an image of the backup has to be like; OSType its system.
	Like   string
	OSType image.OSType
	// Replaced: its disk was replaced, and its content not brought back.
	Replaced bool
	// Expires is when our timer may delete its backup; zero: not as long as the rollout
	// is open. Stamped is what the backup's tag says until the rollout's end sets it.
	Expires time.Time
	Stamped string
}

// Pasts are what a rollout did, in the order of its plan.
func Pasts(w work.Work) []Past {
	all := specs(w.Document)
	var pasts []Past
	wish, errWish := wishOf(w)
	for _, name := range w.Names() {
		s, i := all[name], w.Items[name]
		if s.action != ActionReplace {
			continue
		}
		r, errRecord := recordOf(i)
		text, err := json.Marshal(r.Like)
		if err = errors.Join(err, errRecord, errWish); err != nil {
			text = []byte("not recorded") // which refuses
		}
		back := i.Notes[noteUndo] != "" && i.Notes[noteNewDisk] != ""
		var expires time.Time
		if w.State.Ended() {
			expires = w.EndedAt.Add(time.Duration(wish.Backup.Keep))
		}
		pasts = append(pasts, Past{
			Expires: expires, Stamped: stamped(i, wish),
			Name: s.Name, Was: s.image, Of: cmp.Or(r.Of, s.image), Backup: image.SnapshotID(cmp.Or(i.Notes[noteContent], i.Notes[noteBackup])),
			Disk: image.DiskID(cmp.Or(i.Notes[noteNewDisk], i.Notes[noteDisk])), Like: string(text), OSType: r.OSType,
			Replaced: !back && (i.Notes[noteNewDisk] != "" || i.Notes[noteDisk] != ""),
		})
	}
	return pasts
}

// AimBack is how one instance gets its old content back, or its old image. snapshot
// is the backup as it is now, nil if it is not there; was is the old image; kind the
// size of the instance.
func (p Past) AimBack(previous bool, snapshot *image.Snapshot, was *image.Image, s Server, now time.Time) *Aim {
	no := func(code, sentence string, args ...any) *Aim {
		return &Aim{Resolved: Resolved{Why: reason(code, sentence, args...)}}
	}
	switch {
	case !p.Replaced:
		return no("notReplaced", "its disk was not replaced, or its content was brought back already")
	case s.Disk != nil && s.Disk.ID != p.Disk:
		return no("moved", "its system disk is %s, and the rollout gave it %s", s.Disk.ID, p.Disk)
	case previous && was == nil:
		return no("previousImageGone", "%s is not seen any more", p.Was)
	case previous:
		return &Aim{Resolved: Resolved{Image: was, Why: reason("previousImage", "it ran %s before", p.Was)}}
	case snapshot == nil || snapshot.Status != "accomplished":
		return no("backupMissing", "the backup %s is not there", cmp.Or(p.Backup, "of it"))
	}
	if p.expired(*snapshot, now) {
		return no("backupExpired", "the backup %s expired and may be deleted at any time", p.Backup)
	}
	var like likeness
	if err := json.Unmarshal([]byte(cmp.Or(p.Like, "{}")), &like); err != nil {
		return no("backupMissing", "what the backup is of was not recorded")
	}
	if like.Architecture == "" && s.Type != nil {
		like.Architecture = s.Type.Architecture
	}
	return &Aim{
		Resolved: Resolved{
			Image: new(like.image(p.Place, p.OSType, max(1, snapshot.SourceDiskSizeGiB))),
			Why:   reason("contentOfBackup", "the content that it had before comes back, from %s", p.Backup),
		},
		Backup: p.Backup, Like: p.Like, Was: p.Was, Of: p.Of,
	}
}

// expired: the time of a backup is over, which begins with the end of the rollout. A tag
// that somebody else set counts as well.
func (p Past) expired(s image.Snapshot, now time.Time) bool {
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		return true
	}
	text := s.Tags[TagExpires]
	if text != "" && text == p.Stamped {
		return false
	}
	expires, err := time.Parse(time.RFC3339, text)
	return err != nil || !now.Before(expires)
}

// ValidUntil is when an approval ends that is not begun: after the first window that
// follows it. The zero time: after a day.
func ValidUntil(d work.Document, now time.Time) time.Time {
	var wish Wish
	if err := json.Unmarshal([]byte(d.Plan.Base[factWish]), &wish); err != nil || len(wish.Strategy.Windows) == 0 {
		return time.Time{}
	}
	opens, ok := opening(wish.Strategy.Windows, now, firstLasts)
	if !ok {
		return time.Time{}
	}
	closes, ends := wish.Strategy.Windows.Closes(opens)
	if !ends {
		return time.Time{}
	}
	return closes
}

// Unfinished are the instances that open rollouts have, each with the rollout.
func Unfinished(open []work.Work) map[Name]string {
	has := map[Name]string{}
	for _, w := range open {
		if w.State.Ended() {
			continue
		}
		for name, s := range specs(w.Document) {
			if s.action == ActionReplace && !w.Items[name].Ended() {
				has[s.Name] = w.ID
			}
		}
	}
	return has
}

// Fate is a snapshot that a rollout made, and what is to become of it.
type Fate struct {
	image.Snapshot
	// Rollout is its.
	Rollout string
	// Expires is when it may be deleted; Until corrects its tag, if that is another.
	Expires time.Time
	Retag   bool
	Delete  bool
	Why     image.Reason
}

// Expiry decides about a snapshot that bears our tag. w is its rollout; needed are
// the rollouts that are not finished and need it.
func Expiry(s image.Snapshot, w work.Work, needed []string, now time.Time) Fate {
	b := Fate{Snapshot: s, Rollout: s.Tags[TagBackup]}
	keep := func(code, sentence string, args ...any) Fate {
		b.Why = reason(code, sentence, args...)
		return b
	}
	wish, err := wishOf(w)
	switch {
	case err != nil || w.ID != b.Rollout:
		return keep("rolloutUnknown", "the rollout %s could not be read", b.Rollout)
	case !w.State.Ended():
		return keep("rolloutOpen", "the rollout %s is not finished", b.Rollout)
	case len(needed) > 0:
		return keep("inUse", "the rollout %s needs it", needed[0])
	}
	b.Expires = w.EndedAt.Add(time.Duration(wish.Backup.Keep))
	b.Retag = s.Tags[TagExpires] != b.Expires.UTC().Format(time.RFC3339)
	switch {
	case now.Before(b.Expires):
		return keep("kept", "it is kept until %s", b.Expires.UTC().Format(time.RFC3339))
	case s.Usage != "none":
		return keep("inUse", "an image or a disk is made of it, or that is not known")
	case s.Status != "accomplished" && s.Status != "failed":
		return keep("notFinished", "it is %s", s.Status)
	}
	b.Delete, b.Why = true, reason("expired", "it expired at %s", b.Expires.UTC().Format(time.RFC3339))
	return b
}

// Needs are the snapshots that open rollouts bring content back from.
func Needs(open []work.Work) map[image.SnapshotID][]string {
	needs := map[image.SnapshotID][]string{}
	for _, w := range open {
		if w.State.Ended() {
			continue
		}
		for name, s := range specs(w.Document) {
			for _, id := range []string{string(s.backup), w.Items[name].Notes[noteContent]} {
				if id != "" && !slices.Contains(needs[image.SnapshotID(id)], w.ID) {
					needs[image.SnapshotID(id)] = append(needs[image.SnapshotID(id)], w.ID)
				}
			}
		}
	}
	return needs
}

// Targets are the images that instances of open rollouts are still to get, by region and
// id.
func Targets(open []work.Work) map[string]bool {
	targets := map[string]bool{}
	for _, w := range open {
		if w.State.Ended() {
			continue
		}
		for name, s := range specs(w.Document) {
			if s.to != "" && !w.Items[name].Ended() {
				targets[imageThing(s.Region, s.to)] = true
			}
		}
	}
	return targets
}

// Wanted reports whether open rollouts need an image that was made of a backup: as what
// instances are to get, or because they bring content back from the same backup.
func Wanted(i image.Image, targets map[string]bool, needs map[image.SnapshotID][]string) bool {
	if targets[imageThing(i.Region, i.ID)] {
		return true
	}
	return slices.ContainsFunc(i.Disks, func(d image.DiskMapping) bool { return len(needs[d.SnapshotID]) > 0 })
}

// NothingTo is the failure of an undo or a retry that has nothing to do.
func NothingTo(what, id string) error {
	return fault.New(fault.Precondition, "rollout %s has nothing to %s", id, what).WithCode("nothingToDo")
}
