//go:build trials

package trials_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// actions are those that functions/share/policy.json allows.
func actions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../functions/share/policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Version   string
		Statement []struct {
			Effect   string
			Action   any
			Resource any
		}
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range policy.Statement {
		switch action := s.Action.(type) {
		case string:
			all = append(all, action)
		case []any:
			for _, a := range action {
				all = append(all, fmt.Sprint(a))
			}
		}
		if s.Effect != "Allow" || s.Resource == nil {
			t.Errorf("statement %+v", s)
		}
	}
	slices.Sort(all)
	return all
}

// TestLeastPermission: share does all it can do with what its policy allows, and
// no longer when any one action is taken out.
func TestLeastPermission(t *testing.T) {
	t.Parallel()
	all := actions(t)
	if problem := everything(t, all); problem != "" {
		t.Fatalf("with the whole policy: %s", problem)
	}
	for n, without := range all {
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			if everything(t, slices.Delete(slices.Clone(all), n, n+1)) == "" {
				t.Error("everything works without it")
			}
		})
	}
}

// everything makes share do all it can: share an image and its copy, look at the
// use of an account through its role, unshare, and run the timer. It returns what
// went wrong first.
func everything(t *testing.T, allow []string) string {
	t.Helper()
	s := newStage(t)
	s.image(subject, cloudsim.SecondAccount)
	maker := s.cloud.As(cloudsim.Caller{Account: owner, Type: "Account"})
	if _, err := maker.CopyImage(cloudsim.CopyImageRequest{RegionID: region, ImageID: subject, DestinationRegionID: "cn-shanghai"}); err != nil {
		t.Fatal(err)
	}
	if err := s.cloud.AddKey(owner, "least", "least-secret", "least", allow); err != nil {
		t.Fatal(err)
	}
	w := s.start("least", bucketJournal, "REGIONS=all", "ACCOUNTS="+cloudsim.ReaderRole)
	change := map[string]any{"imageId": subject, "regions": "all", "add": []map[string]any{{"accountId": account(0)}}}
	if problem := w.carryOut(change, 2); problem != "" {
		return "sharing: " + problem
	}
	unshare := map[string]any{"imageId": subject, "remove": []image.AccountID{cloudsim.SecondAccount}}
	if problem := w.carryOut(unshare, 1); problem != "" {
		return "unsharing: " + problem
	}
	ticked, err := w.invoke(map[string]any{"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "expiry", "payload": ""}, long)
	if err != nil || ticked.Images == nil || *ticked.Images != 2 || len(ticked.Failed) > 0 {
		return fmt.Sprintf("the timer: %v, %s, %v failed", err, ticked.short(), ticked.Failed)
	}
	return ""
}

// carryOut plans a PATCH and applies it. It returns what went wrong.
func (w *worker) carryOut(input map[string]any, changes int) string {
	planned, err := w.invoke(map[string]any{"operation": "share.patch", "input": input}, long)
	if err != nil || planned.Plan.Changes != changes {
		return fmt.Sprintf("%v, %s, %d changes", err, planned.short(), planned.Plan.Changes)
	}
	input["apply"] = map[string]any{"digest": planned.Plan.Digest}
	done, err := w.invoke(map[string]any{"operation": "share.patch", "input": input}, long)
	if err != nil || !done.Complete || strings.Contains(fmt.Sprint(done.Outcomes), "failed") {
		return fmt.Sprintf("%v, %s", err, done.short())
	}
	return ""
}
