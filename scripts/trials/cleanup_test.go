package trials_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// cleaned is the way of two images from the mark to the purge, by minutes; one of them
// is shared with an account that is read.
func cleaned(hook string) story {
	const rules = `{"mode":"delete","notify":["platform"],"grace":"1m","quarantine":"1m","bin":"3m","caps":{"percentPerDay":100,"percentOfFamily":100},
"rules":[{"name":"old","match":{"name":"trial-*"},"remove":{"olderThan":"30d","unusedFor":"7d"},"keep":{"last":1}}]}`
	return story{
		function: "cleanup", post: "cleanups.create", get: "cleanups.get", regions: []image.RegionID{region}, prepare: putImages, ends: imagesPurged,
		environment: []string{
			"SYSTEM_ROLES=reaper", "ACCOUNTS=" + cloudsim.ReaderRole, "CLEANUP_RULES=" + rules,
			fmt.Sprintf(`NOTIFY={"platform":{"type":"slack","url":%q}}`, hook),
		},
		wish: func() map[string]any { return map[string]any{"images": []string{"m-old1", "m-old2"}} },
	}
}

// putImages makes two images that nobody needs, and one beside them.
func putImages(s *stage) {
	s.cloud.AddImage(owner, region, cloudsim.ImageSpec{Image: image.Image{
		Ref: image.Ref{ID: "ubuntu_22_04_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic, CreatedAt: time.Now().AddDate(0, -1, 0),
	}})
	s.image("m-old1", cloudsim.SecondAccount)
	s.image("m-old2")
	s.image("m-stays", cloudsim.SecondAccount)
}

// imagesPurged: both images and their snapshots are gone, what is beside them is as it
// was, and the state tells so.
func imagesPurged(s *stage, last told) {
	s.t.Helper()
	if last.State != "finished" || len(last.Items) != 2 {
		s.t.Errorf("it ended as %+v", last)
	}
	for _, i := range last.Items {
		if i.Result != "applied" || i.Reason.Code != "" {
			s.t.Errorf("the state tells %+v, %v", i, i.Reason)
		}
	}
	v, ctx := s.cloud.View(owner), context.Background()
	for _, id := range []image.ID{"m-old1", "m-old2"} {
		if _, _, err := v.Look(ctx, image.Ref{Account: owner, Region: region, ID: id}); fault.Of(err) != fault.NotFound {
			s.t.Errorf("%s is there: %v", id, err)
		}
	}
	snapshots, err := v.Snapshots(ctx, region, image.SnapshotListing{})
	must(s, err)
	if len(snapshots) != 1 || snapshots[0].ID != "s-stays" || len(snapshots[0].Tags) != 0 {
		s.t.Errorf("the snapshots are %+v", snapshots)
	}
	stays, grants, err := v.Look(ctx, image.Ref{Account: owner, Region: region, ID: "m-stays"})
	if err != nil || stays.Status != image.StatusAvailable || len(stays.Tags) != 0 || len(grants) != 1 {
		s.t.Errorf("the other image is %+v, shared with %v: %v", stays, grants, err)
	}
}

// TestCleanupByAnotherProcess: whatever call of a cleanup its process is killed or
// stopped at, the next tick of another one goes on: what was to go is gone, once, and
// nothing else.
func TestCleanupByAnotherProcess(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	t.Cleanup(hook.Close)
	cleaned(hook.URL).trials(t, 700)
}
