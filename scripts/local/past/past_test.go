package past_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/past"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/sharing"
)

// What the journal tells of the past is what the cloud shows: what is marked bears the
// mark, what is in quarantine is deprecated and shared with nobody, what is in the bin is
// gone and has its snapshots; and looks have seen sixty days.
func TestThePastIsWhatTheCloudShows(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1, Visibility: time.Minute}, company.Options{})
	store, err := journal.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := past.Write(t.Context(), cloud, store, store, began); err != nil {
		t.Fatal(err)
	}
	t.Logf("written in %s", time.Since(began))
	archive := upkeep.Archive{Journal: journal.New(store, time.Now, rand.Text), Documents: store, Now: time.Now}
	stories, err := archive.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	view, counts, gone := cloud.View(cloudsim.FirstAccount), map[retention.Stage]int{}, 0
	for ref, story := range stories {
		stage := story.Reached().Stage
		counts[stage]++
		i, grants, err := view.Look(t.Context(), ref)
		tag := i.Tags[retention.TagCleanup]
		switch stage {
		case retention.StageMarked:
			if err != nil || !strings.HasPrefix(tag, "marked ") || i.Status != image.StatusAvailable {
				t.Errorf("%s is marked: %v, %s, %q", ref, err, i.Status, tag)
			}
		case retention.StageQuarantined:
			if err != nil || !strings.HasPrefix(tag, "quarantined ") || i.Status != image.StatusDeprecated || len(grants) > 0 {
				t.Errorf("%s is in quarantine: %v, %s, %q, %v", ref, err, i.Status, tag, grants)
			}
		case retention.StageDeleted:
			e, ok := retention.EntryOf(ref, story)
			var ids []image.SnapshotID
			for _, s := range e.Snapshots {
				ids = append(ids, s.ID)
			}
			rows, unread := view.Snapshots(t.Context(), ref.Region, image.SnapshotListing{IDs: ids})
			if fault.Of(err) != fault.NotFound || !ok || unread != nil || len(ids) == 0 || len(rows) != len(ids) || !e.Until.After(began) {
				t.Errorf("%s is in the bin: %v, %v, %v of %v, until %s", ref, err, unread, len(rows), ids, e.Until)
			}
			gone++
		default:
			t.Errorf("%s is %s", ref, stage)
		}
		if len(e(story)) > 0 {
			told, err := ledger.Log{Journal: archive.Journal}.Read(t.Context(), sharing.Target(ref))
			if err != nil || len(told) == 0 {
				t.Errorf("%s lost its grants, and the log of share knows nothing: %v", ref, err)
			}
		}
	}
	if counts[retention.StageMarked] != 4 || counts[retention.StageQuarantined] != 2 || gone != 3 {
		t.Errorf("%v", counts)
	}
	looks, err := archive.Looks(t.Context())
	if err != nil || len(looks) < 16 {
		t.Fatalf("%d looks, %v", len(looks), err)
	}
	launched := 0
	for p, l := range looks {
		if l.At.Sub(l.Since) < 59*24*time.Hour || began.Sub(l.At) > time.Hour || l.TrailTo.IsZero() {
			t.Errorf("%v: from %s to %s, events to %s", p, l.Since, l.At, l.TrailTo)
		}
		launched += len(l.Launched)
	}
	if launched == 0 {
		t.Error("no launches")
	}
}

// e are the accounts that lost an image.
func e(s retention.Story) []image.AccountID {
	n := slices.IndexFunc(s, func(c retention.Chapter) bool { return len(c.Suspended) > 0 })
	if n < 0 {
		return nil
	}
	return s[n].Suspended
}
