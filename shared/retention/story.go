package retention

import (
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// Chapter is one record of what cleanup did with an image.
type Chapter struct {
	At    time.Time `json:"at"`
	Stage Stage     `json:"stage"`
	// Work is the cleanup or restore that did it.
	Work string `json:"work"`
	// Rule and Terms are by which it goes; empty: it was named.
	Rule  string `json:"rule,omitempty"`
	Terms string `json:"terms,omitempty"`
	// Suspended are the accounts that lost it, and Published that it was a community
	// image.
	Suspended []image.AccountID `json:"suspended,omitempty"`
	Published bool              `json:"published,omitempty"`
	// Image is all that it was, before it was deleted, and until when its snapshots stay.
	Image     *image.Image     `json:"image,omitempty"`
	Snapshots []image.Snapshot `json:"snapshots,omitempty"`
	BinUntil  time.Time        `json:"binUntil,omitzero"`
	// Restored is what it is now, if it was brought back.
	Restored image.ID `json:"restored,omitempty"`
	// Kept are snapshots that stay, and why.
	Kept []image.Reason `json:"kept,omitempty"`
	// Saved is what each snapshot that is gone cost a month, as whoever prices it says.
	Saved map[image.SnapshotID]string `json:"saved,omitempty"`
	// Reason is why it was returned.
	Reason *image.Reason `json:"reason,omitempty"`
}

// Story is all that cleanup did with an image, oldest first.
type Story []Chapter

// Reached is how far its removal is.
func (s Story) Reached() Reached {
	r := Reached{Stage: StageNone}
	for _, c := range s {
		r.Stage = c.Stage
		switch c.Stage {
		case StageNone:
			r = Reached{Stage: StageNone}
		case StageMarked:
			r.Rule, r.Terms, r.AnnouncedAt = c.Rule, c.Terms, c.At
		case StageQuarantined:
			r.QuarantinedAt = c.At
		case StageDeleted:
			r.DeletedAt = c.At
		}
	}
	return r
}

// Tells reports that a chapter need not be written: its work wrote it already, or went
// further since. A worker that slept meanwhile writes late, and must not undo what was
// told.
func (s Story) Tells(c Chapter) bool {
	for _, was := range slices.Backward(s) {
		switch {
		case was.Work != c.Work:
			continue
		case was.Stage == StageNone || was.Stage == StagePurged || stageRank(was.Stage) > stageRank(c.Stage):
			return true
		}
		return was.Stage == c.Stage && was.Stage != StageQuarantined && was.Restored == c.Restored && was.Terms == c.Terms
	}
	return false
}

// stageRank is the order of the stages.
func stageRank(s Stage) int {
	return slices.Index([]Stage{StageNone, StageMarked, StageQuarantined, StageDeleted, StagePurged}, s)
}

// Last is the newest chapter of a stage; ok is false if there is none since the
// image was last returned.
func (s Story) Last(stage Stage) (c Chapter, ok bool) {
	for n := len(s) - 1; n >= 0 && s[n].Stage != StageNone; n-- {
		if s[n].Stage == stage {
			return s[n], true
		}
	}
	return Chapter{}, false
}
