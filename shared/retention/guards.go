package retention

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// scene is what guards see beside the image itself.
type scene struct {
	now      time.Time
	inv      *Inventory
	doc      Document
	newest   map[lineKey]*Subject
	families map[string]image.Family // by line
	ranks    map[*Subject]int
	guards   []guard
}

// guard is one reason for which an image is never removed. holds returns the
// sentence, and whether the image stays.
type guard struct {
	code string
	// doubt: it tells what is not known, so that an image on its way waits and is not
	// returned for it.
	doubt bool
	holds func(s *Subject, at *scene, asked request) (string, bool)
}

// request is how an image came to be judged: by a rule, or by name.
type request struct {
	rule *Rule
	// ripe: something would have it go.
	ripe bool
}

// guards is the whole table of what is never removed, whoever asks.
func guards() []guard {
	return []guard{
		{"journalUnreadable", true, journalUnreadable},
		{"evidenceShort", true, evidenceShort},
		{"regionUnread", true, regionUnread},
		{"notOurs", false, notOurs},
		{"kept", false, kept},
		{"inUse", false, inUse},
		{"useUnknown", true, useUnknown},
		{"newestOfFamily", false, newestOfFamily},
		{"inChannel", false, inChannel},
		{"heldByWork", false, heldByWork},
		{"published", false, published},
		{"sharedWithUnread", false, sharedWithUnread},
		{"grantsUnknown", true, grantsUnknown},
		{"inCreation", false, inCreation},
		{"beingChecked", false, beingChecked},
		{"dateMissing", false, dateMissing},
		{"madeToday", false, madeToday},
		{"madeAfterLook", true, madeAfterLook},
		{"keyGone", false, keyGone},
		{"snapshotNotSeen", true, snapshotNotSeen},
		{"notLookedAt", true, notLookedAt},
		{"snapshotWouldExpire", false, snapshotWouldExpire},
	}
}

// GuardCodes are the codes of everything that is never removed, in order.
func GuardCodes() []string {
	var codes []string
	for _, g := range guards() {
		codes = append(codes, g.code)
	}
	return codes
}

// guarded returns why an image stays whatever is asked.
func (at *scene) guarded(s *Subject, asked request) []image.Reason {
	var keeps []image.Reason
	for _, g := range at.guards {
		if sentence, holds := g.holds(s, at, asked); holds {
			keeps = append(keeps, image.Reason{Code: g.code, Sentence: sentence})
		}
	}
	return keeps
}

// doubtful: a reason that something is not known, of the guards or of the looks.
func doubtful(code string) bool {
	if code == "useNotLongEnoughSeen" || code == CodeShortUse {
		return true
	}
	return slices.ContainsFunc(guards(), func(g guard) bool { return g.code == code && g.doubt })
}

func sentences(reasons []image.Reason) string {
	said := make([]string, len(reasons))
	for n, r := range reasons {
		said[n] = r.Sentence
	}
	return strings.Join(said, "; ")
}

func journalUnreadable(_ *Subject, at *scene, _ request) (string, bool) {
	if len(at.inv.JournalUnread) == 0 {
		return "", false
	}
	return "the records of other functions cannot be read: " + sentences(at.inv.JournalUnread), true
}

func evidenceShort(_ *Subject, at *scene, _ request) (string, bool) {
	if len(at.inv.Short) == 0 {
		return "", false
	}
	return "less was seen than in the last good look: " + sentences(at.inv.Short), true
}

func regionUnread(s *Subject, at *scene, _ request) (string, bool) {
	for _, u := range at.inv.Unread {
		if u.Account == "" || u.Region == "" || u.Region == s.Region {
			return strings.TrimSpace(fmt.Sprintf("%s %s", u.Account, u.Region)) + " could not be read: " + u.Sentence, true
		}
	}
	return "", false
}

func notOurs(s *Subject, _ *scene, _ request) (string, bool) {
	if s.Kind == image.KindCustom {
		return "", false
	}
	return fmt.Sprintf("it is a %s image, and only custom images of our own accounts are removed", s.Kind), true
}

func kept(s *Subject, at *scene, _ request) (string, bool) {
	for _, k := range s.Kept {
		if !k.Holds(at.now) {
			continue
		}
		switch {
		case !k.TakenAt.IsZero():
			return "the word that kept it was taken back less than a day ago", true
		case k.Until.IsZero():
			return "kept by " + k.By + ": " + k.Reason, true
		}
		return "kept by " + k.By + " until " + k.Until.UTC().Format(time.RFC3339) + ": " + k.Reason, true
	}
	return "", false
}

func inUse(s *Subject, _ *scene, _ request) (string, bool) {
	if s.Use.Verdict != InUse {
		return "", false
	}
	return sentences(s.Use.Why), true
}

func useUnknown(s *Subject, _ *scene, _ request) (string, bool) {
	if s.Use.Verdict == InUse || s.Use.Verdict == NotInUse {
		return "", false
	}
	return "whether it is used is not known: " + sentences(s.Use.Why), true
}

func newestOfFamily(s *Subject, at *scene, _ request) (string, bool) {
	key, ok := at.lineOf(s)
	if !ok || at.newest[key] != s {
		return "", false
	}
	return fmt.Sprintf("it is the newest Available image of family %s for %s there", key.family, key.arch), true
}

func inChannel(s *Subject, _ *scene, _ request) (string, bool) {
	return "it is in channel " + s.Channel, s.Channel == "candidate" || s.Channel == "stable"
}

func heldByWork(s *Subject, _ *scene, _ request) (string, bool) {
	if !s.HoldersKnown {
		return "which works hold it is not known", true
	}
	if len(s.Holders) == 0 {
		return "", false
	}
	return "it is held by " + strings.Join(s.Holders, ", "), true
}

func published(s *Subject, _ *scene, _ request) (string, bool) {
	return "it is a community image: who uses it cannot be seen", s.Published
}

func sharedWithUnread(s *Subject, _ *scene, asked request) (string, bool) {
	blind := s.Blind
	if asked.rule != nil {
		blind = slices.DeleteFunc(slices.Clone(blind), func(a image.AccountID) bool {
			return slices.Contains(asked.rule.Remove.EvenIfSharedWith, a)
		})
	}
	if len(blind) == 0 {
		return "", false
	}
	return fmt.Sprintf("it is shared with %v, which cannot be read; end that by PATCH /shares/%s", blind, s.ID), true
}

func grantsUnknown(s *Subject, _ *scene, _ request) (string, bool) {
	return "whom it is shared with is not known", !s.GrantsKnown && !s.Shallow
}

func inCreation(s *Subject, _ *scene, _ request) (string, bool) {
	making := s.Status != image.StatusAvailable && s.Status != image.StatusDeprecated && s.Status != image.StatusCreateFailed
	return "its status is " + string(s.Status), making
}

func beingChecked(s *Subject, _ *scene, _ request) (string, bool) {
	return "ECS is checking it", s.Detection != nil && s.Detection.Status == "Processing"
}

func dateMissing(s *Subject, _ *scene, _ request) (string, bool) {
	if _, ok := builtAt(s.Image); !ok {
		return fmt.Sprintf("its tag %s is no time, so that its place among the versions is not known", TagBuiltAt), true
	}
	return "when it was made is not known", s.CreatedAt.IsZero()
}

func madeToday(s *Subject, at *scene, _ request) (string, bool) {
	return "it was made within the last day", !s.CreatedAt.IsZero() && at.now.Sub(s.CreatedAt) < day
}

func madeAfterLook(s *Subject, at *scene, _ request) (string, bool) {
	return "it was made after the look that this relies on", at.inv.BeganAt.IsZero() || !s.CreatedAt.Before(at.inv.BeganAt)
}

func keyGone(s *Subject, _ *scene, _ request) (string, bool) {
	encrypted := s.Encrypted()
	switch {
	case s.Shallow, encrypted == image.No, encrypted == image.Unknown && s.KeyGone == image.No:
		return "", false
	case s.KeyGone == image.Yes:
		return "it is encrypted by a key that is gone: the bin could not bring it back", true
	}
	return "it is encrypted, or may be, and whether its key is still there is not known", s.KeyGone != image.No
}

// shown is the row of a snapshot of the mapping.
func (s *Subject) shown(id image.SnapshotID) (SnapshotRow, bool) {
	n := slices.IndexFunc(s.Snapshots, func(r SnapshotRow) bool { return r.ID == id })
	if n < 0 {
		return SnapshotRow{}, false
	}
	return s.Snapshots[n], true
}

func snapshotNotSeen(s *Subject, _ *scene, _ request) (string, bool) {
	if s.Shallow {
		return "", false
	}
	for _, d := range s.Disks {
		if _, ok := s.shown(d.SnapshotID); d.SnapshotID != "" && !ok && s.Status != image.StatusCreateFailed {
			return fmt.Sprintf("its snapshot %s is not shown: the bin could not bring it back", d.SnapshotID), true
		}
	}
	return "", false
}

// notLookedAt: nobody looked closer at it, so that it cannot go.
func notLookedAt(s *Subject, _ *scene, asked request) (string, bool) {
	return "it was not looked at closely", s.Shallow && asked.ripe
}

// binEnds is when the bin ends for an image, at the soonest: of the stages that it is in
// or has behind it only the rest counts.
func (at *scene) binEnds(reached Reached) time.Time {
	quarantined := at.now.Add(time.Duration(at.doc.Grace))
	if reached.Stage == StageMarked && !reached.AnnouncedAt.IsZero() {
		quarantined = later(at.now, reached.AnnouncedAt.Add(time.Duration(at.doc.Grace)))
	}
	deleted := quarantined.Add(time.Duration(at.doc.Quarantine))
	if reached.Stage == StageQuarantined && !reached.QuarantinedAt.IsZero() {
		deleted = later(at.now, reached.QuarantinedAt.Add(time.Duration(at.doc.Quarantine)))
	}
	return deleted.Add(time.Duration(at.doc.Bin))
}

func snapshotWouldExpire(s *Subject, at *scene, _ request) (string, bool) {
	if s.Status == image.StatusCreateFailed {
		return "", false
	}
	until := at.binEnds(s.Reached)
	for _, row := range s.Snapshots {
		if row.RetentionDays > 0 && row.CreatedAt.IsZero() {
			return fmt.Sprintf("ECS deletes its snapshot %s by itself, and when is not known", row.ID), true
		}
		if ends := row.EndsAt(); !ends.IsZero() && ends.Before(until) {
			return fmt.Sprintf("ECS deletes its snapshot %s at %s, before the bin ends", row.ID, ends.UTC().Format(time.RFC3339)), true
		}
	}
	return "", false
}
