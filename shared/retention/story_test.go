package retention_test

import (
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// What a work told once it does not tell again, and what comes late, after it went
// further or took it back, is not told at all; what another work tells is.
func TestWhatIsToldLate(t *testing.T) {
	t.Parallel()
	was := &image.Image{Name: "web"}
	marked := retention.Chapter{Stage: retention.StageMarked, Work: "a", Terms: "90d"}
	quarantined := retention.Chapter{Stage: retention.StageQuarantined, Work: "a"}
	leaving := retention.Chapter{Stage: retention.StageQuarantined, Work: "a", Image: was}
	deleted := retention.Chapter{Stage: retention.StageDeleted, Work: "a", Image: was}
	back := retention.Chapter{Stage: retention.StageDeleted, Work: "b", Restored: "m-2"}
	purged := retention.Chapter{Stage: retention.StagePurged, Work: "a"}
	none := retention.Chapter{Stage: retention.StageNone, Work: "a"}
	again := retention.Chapter{Stage: retention.StageMarked, Work: "c"}
	other := marked
	other.Terms = "30d"
	whole := retention.Story{marked, quarantined, leaving, deleted, back, purged}
	for n, c := range whole {
		if whole[:n].Tells(c) {
			t.Errorf("chapter %d is not told yet", n)
		}
		if !whole.Tells(c) {
			t.Errorf("chapter %d comes late", n)
		}
	}
	for name, c := range map[string]struct {
		told retention.Story
		next retention.Chapter
		want bool
	}{
		"deleted twice":                 {whole[:4], deleted, true},
		"deleted, after it came back":   {whole[:5], deleted, true},
		"brought back twice":            {whole[:5], back, true},
		"other terms":                   {whole[:1], other, false},
		"the terms of before":           {retention.Story{marked, other}, marked, false},
		"begun to be deleted once more": {whole[:3], leaving, false},
		"quarantined after its return":  {retention.Story{marked, none}, quarantined, true},
		"another cleanup":               {retention.Story{marked, none}, again, false},
	} {
		if got := c.told.Tells(c.next); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
