package e2e_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
)

// TestCallsOfEachRoute: how many calls of the cloud a question about one image takes
// at the most, over two accounts in eight regions, in the first call of a process.
// Ids are as the seed of `make bench` has them.
func TestCallsOfEachRoute(t *testing.T) {
	t.Parallel()
	s := start(t, options{
		sim: company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 400}), rate: -1,
		environment: map[string]string{"ECS_RATE_SHARE": "1000", "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir())},
	})
	const id = "m-bp1p3iw05ysr6wic1ldo"
	for _, r := range []struct {
		target       string
		status, most int
	}{
		{"/images/" + id, http.StatusOK, 20},
		{"/images/" + id + "?region=cn-hangzhou", http.StatusOK, 8},
		{"/images/m-none", http.StatusNotFound, 56},
		{"/images/" + id + "/usage", http.StatusOK, 46},
		// What only events tell of is asked of ActionTrail.
		{"/images/" + id + "/lineage", http.StatusOK, 102 + 8},
		// What it was made from needs snapshots, disks and pipelines of its region, which
		// are asked for twice where there are none.
		{"/prices/" + id, http.StatusOK, 20 + 13},
		{"/prices/" + id + "?region=cn-hangzhou", http.StatusOK, 6 + 13},
		{"/shares/" + id, http.StatusOK, 20 + 1}, // and whom it is shared with
		{"/shares/" + id + "?region=cn-hangzhou", http.StatusOK, 8},
		// The class of a derived image goes by what it was made from, as its price does.
		{"/images?licence=paid", http.StatusOK, 20 + 44},
		{"/images?maxLicencePerHour=1&instanceType=ecs.g7.large&region=cn-hangzhou", http.StatusOK, 80 + 3},
	} {
		s.renew(t, time.Minute)
		before := len(s.cloud.Calls())
		status, body := s.ask(function.Viewer, http.MethodGet, r.target, nil)
		if made := len(s.cloud.Calls()) - before; status != r.status || made == 0 || made > r.most {
			t.Errorf("%s: %d calls, at most %d; %d %.300s", r.target, made, r.most, status, body)
		} else {
			t.Logf("%s: %d calls, at most %d", r.target, made, r.most)
		}
	}
}
