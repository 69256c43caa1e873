package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// TestJournalsOfVersionsBefore: what any version has recorded is read by this one, and
// goes on. Each folder testdata/journal-<version> is a journal of a local cloud: an image
// that a rule made stable of an upload, and a share until a time.
func TestJournalsOfVersionsBefore(t *testing.T) {
	t.Parallel()
	kept, err := filepath.Glob("testdata/journal-*")
	if err != nil || len(kept) == 0 {
		t.Fatalf("no journal: %v", err)
	}
	for _, folder := range kept {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			journal := t.TempDir()
			if err := os.CopyFS(journal, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			s := start(t, options{
				sim: company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 400, Instances: 120}), only: []string{"share", "import"},
				environment: map[string]string{"JOURNAL": "dir://" + filepath.ToSlash(journal)},
			})
			s.readsBefore(t)
		})
	}
}

// readsBefore asks for what the journals have.
func (s *stack) readsBefore(t *testing.T) {
	t.Helper()
	var listed struct {
		Items []struct{ ID, State string }
	}
	s.answers(t, "/imports", &listed)
	if len(listed.Items) != 1 || listed.Items[0].State != "finished" {
		t.Fatalf("imports: %+v", listed)
	}
	var one struct {
		ApprovedBy []string
		Items      []struct{ ImageID, Level, Result string }
	}
	s.answers(t, "/imports/"+listed.Items[0].ID, &one)
	if len(one.Items) != 1 || one.Items[0].Level != "released" || len(one.ApprovedBy) != 1 || !strings.HasPrefix(one.ApprovedBy[0], "rule:nightly@") {
		t.Errorf("%+v", one)
	}
	var family struct {
		Channels map[string][]struct{ ImageID, By string }
	}
	s.answers(t, "/releases/web-base", &family)
	if stable := family.Channels["stable"]; len(stable) != 1 || stable[0].By != "import/"+listed.Items[0].ID {
		t.Errorf("%+v", family)
	}
	var shares struct {
		History []any
	}
	const shared = "m-bp10brf8427qep4fkmq8"
	status, text := s.get("/shares/" + shared + "?history=true")
	if err := json.Unmarshal(text, &shares); err != nil || status != http.StatusOK || len(shares.History) == 0 || !strings.Contains(string(text), "a trial") {
		t.Errorf("%d %s, %v", status, text, err)
	}
	// It goes on: the account that has access by the journal alone is no longer seen, which
	// a plan says.
	status, text = s.ask("operator", http.MethodPut, "/shares/"+shared, []byte(`{"accounts":[]}`))
	if status != http.StatusOK || !strings.Contains(string(text), `"applicable":true`) {
		t.Errorf("%d %s", status, text)
	}
}

// answers asks the gateway as a viewer, and reads the answer.
func (s *stack) answers(t *testing.T, target string, into any) {
	t.Helper()
	status, text := s.get(target)
	if err := json.Unmarshal(text, into); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", target, status, text, err)
	}
}
