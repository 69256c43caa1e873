package e2e_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/scripts/policies/least"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// idle are the images that nothing uses; the last is shared with an account that is
// read.
func idle() []image.ID { return []image.ID{"m-old1", "m-old2", "m-old3", "m-old4"} }

// attic is a cloud with images that nobody needs any more, beside one that runs.
func attic() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{CopyTime: time.Millisecond})
	w := pricedRegion{cloud, hangzhou}
	w.origins()
	for _, id := range idle() {
		var with []image.AccountID
		if id == "m-old4" {
			with = append(with, cloudsim.SecondAccount)
		}
		w.lend(cloudsim.FirstAccount, id, "ubuntu", with...)
	}
	used := w.system("ubuntu", "m-used")
	used.Kind, used.Family, used.CreatedAt = image.KindCustom, "from-ubuntu", used.CreatedAt.AddDate(0, 1, 0)
	cloud.AddImage(cloudsim.FirstAccount, hangzhou, cloudsim.ImageSpec{Image: used})
	for account, id := range map[image.AccountID]image.ID{cloudsim.FirstAccount: "m-used", cloudsim.SecondAccount: "ubuntu.vhd"} {
		cloud.AddInstance(account, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: id, Type: "ecs.g7.large"}})
	}
	return cloud
}

// shed is cleanup, and price beside it, in front of an attic.
type shed struct {
	*stack
	sim *cloudsim.Cloud
	// told are the notices that were sent.
	told chan string
}

// newShed starts them. may, if it is set, is all that the function's key may do.
func newShed(t *testing.T, rules string, may []string) *shed {
	t.Helper()
	s := &shed{sim: attic(), told: make(chan string, 100)}
	owner := s.sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if err := owner.PutBucket(safe, hangzhou); err != nil {
		t.Fatal(err)
	}
	if may != nil {
		if err := errors.Join(s.sim.AllowOnly("local", may), s.sim.AllowRole(cloudsim.ReaderRole, may)); err != nil {
			t.Fatal(err)
		}
	}
	objects := httptest.NewServer(ossapi.New(s.sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.told <- r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(hook.Close)
	s.stack = start(t, options{sim: s.sim, rate: -1, only: []string{"cleanup", "price"}, environment: map[string]string{
		"REGIONS": string(hangzhou), "ECS_RATE_SHARE": "1000", "JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL,
		"CLEANUP_RULES": rules, "NOTIFY": fmt.Sprintf(`{"platform":{"type":"webhook","url":%q,"secretEnv":"NOTIFY_SECRET_PLATFORM"}}`, hook.URL), "NOTIFY_SECRET_PLATFORM": "whsec_" + strings.Repeat("c2Vj", 8),
	}})
	return s
}

// deleting lets things go at once: what is named with skipWaits takes minutes.
const deleting = `{"mode":"delete","notify":["platform"],"grace":"1d","quarantine":"1d","bin":"1d","caps":{"percentPerDay":100,"percentOfFamily":100},
"rules":[{"name":"old","match":{"family":["from-*"]},"remove":{"olderThan":"30d","unusedFor":"7d"},"keep":{"last":1}}]}`

// cost is what is compared of costs: all that is told of them.
type cost = map[string]any

// cleanupPlan is what is read of a plan.
type cleanupPlan struct {
	ID    string
	State string
	Plan  struct {
		Digest     string
		Applicable bool
		Steps      []struct {
			Action, Stage, ImageID string
			Saves                  cost
			Reasons                []struct{ Code string }
		}
	}
	Items []struct {
		ImageID, Stage, Result string
		RestoredImageID        string
		Reason                 *struct{ Code, Sentence string }
		Saved                  cost
	}
	Totals struct {
		Actions map[string]int
		Saves   []map[string]any
	}
	Findings []struct{ Level, Code, Sentence string }
}

// post asks for a plan, or applies one.
func (s *shed) post(t *testing.T, role function.Role, target, body string, want int) (p cleanupPlan) {
	t.Helper()
	status, text := s.ask(role, http.MethodPost, target, []byte(body))
	if err := json.Unmarshal(text, &p); err != nil || status != want {
		t.Fatalf("%s %s: %d %s", target, body, status, text)
	}
	return p
}

// named are ids as a list in JSON.
func named(ids ...image.ID) string {
	text, err := json.Marshal(ids)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// What a plan saves is, to the last digit, what the report of price says of the same
// images, each of them and all together.
func TestSavingsAreThoseOfPrice(t *testing.T) {
	t.Parallel()
	s := newShed(t, "", nil)
	var report struct {
		Items, Incomplete []struct {
			Image   struct{ ImageID string }
			Usage   string
			Storage cost `json:"snapshotStorage"`
		}
		Unused, UnusedShared []map[string]any
	}
	status, text := s.get("/prices")
	if err := json.Unmarshal(text, &report); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	rows := map[string]cost{}
	for _, row := range append(report.Items, report.Incomplete...) {
		if row.Usage == "notInUse" {
			rows[row.Image.ImageID] = row.Storage
		}
	}
	p := s.post(t, function.Viewer, "/cleanups", `{"images":`+named(idle()...)+`}`, http.StatusOK)
	if len(p.Plan.Steps) != len(idle()) || len(rows) != len(idle()) {
		t.Fatalf("%d steps, %d rows: %+v", len(p.Plan.Steps), len(rows), p)
	}
	for _, step := range p.Plan.Steps {
		if want := rows[step.ImageID]; step.Action != "mark" || len(want) == 0 || !reflect.DeepEqual(step.Saves, want) {
			t.Errorf("%s: %s %+v saves %v, price says %v", step.ImageID, step.Action, step.Reasons, step.Saves, want)
		}
	}
	if all := append(report.Unused, report.UnusedShared...); len(all) == 0 || !reflect.DeepEqual(p.Totals.Saves, all) {
		t.Errorf("together it saves %v, price says %v", p.Totals.Saves, all)
	}
	status, text = s.ask(function.Viewer, http.MethodPost, "/cleanups?format=csv&fields=imageId,action,savesLower,savesUpper,currency,reason", []byte(`{"images":`+named(idle()...)+`}`))
	table, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || status != http.StatusOK || len(table) != len(idle())+1 || table[1][1] != "mark" || table[1][2] == "" || table[1][4] != "CNY" || table[1][5] != "named" {
		t.Errorf("csv: %d %s, %v", status, text, err)
	}
	status, text = s.ask(function.Viewer, http.MethodPost, "/cleanups?format=ndjson", []byte(`{"images":`+named(idle()...)+`}`))
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); status != http.StatusOK || len(lines) != len(idle())+1 || !strings.Contains(lines[len(idle())], `"digest":"`+p.Plan.Digest+`"`) {
		t.Errorf("ndjson: %d %s", status, text)
	}
}

// With a role that can only read, and keep the journal, reports are whole; the look of
// the timer too; and nothing was changed.
func TestReportWithAReadingRole(t *testing.T) {
	t.Parallel()
	reader, err := least.Read(root, "cleanup", least.ReaderFile)
	if err != nil {
		t.Fatal(err)
	}
	may := append(allowed(reader, safe), "sts:AssumeRole on *", "oss:GetObject on *", "oss:PutObject on *", "oss:ListObjects on *", "oss:DeleteObject on *")
	s := newShed(t, strings.Replace(deleting, `"delete"`, `"report"`, 1), may)
	if said := s.fire(t, "cleanup/schedule"); !strings.Contains(said, `"problems":[]`) || !strings.Contains(said, `"looks":2`) {
		t.Errorf("the timer: %s", said)
	}
	for _, wish := range []string{`{"rules":true}`, `{"images":["m-old1"]}`} {
		p := s.post(t, function.Viewer, "/cleanups", wish, http.StatusOK)
		if len(p.Plan.Steps) == 0 || p.Plan.Applicable {
			t.Errorf("%s: %+v", wish, p)
		}
		for _, step := range p.Plan.Steps {
			for _, r := range step.Reasons {
				if strings.Contains(r.Code, "nread") || r.Code == "useUnknown" {
					t.Errorf("%s: %s %s", wish, step.ImageID, r.Code)
				}
			}
		}
		if p := s.post(t, function.Reaper, "/cleanups", strings.TrimSuffix(wish, "}")+`,"apply":{"digest":"`+p.Plan.Digest+`"}}`, http.StatusUnprocessableEntity); p.Findings[0].Code != "modeReport" {
			t.Errorf("%s applied: %+v", wish, p)
		}
	}
}

// carried fires the worker until something is so.
func (s *shed) carried(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if done() {
			return
		}
		s.fire(t, "cleanup/worker")
	}
	t.Fatalf("it is not %s", what)
}

// item is one image of a work.
func (s *shed) item(t *testing.T, at string) cleanupPlan {
	t.Helper()
	var p cleanupPlan
	status, text := s.get(at)
	if err := json.Unmarshal(text, &p); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s", at, status, text)
	}
	return p
}

// A leaked image goes to the bin within minutes and comes back as a new one; a word
// that keeps another holds, and is taken back by whoever put it.
func TestTheBinAndKeeps(t *testing.T) {
	t.Parallel()
	s := newShed(t, deleting, nil)
	until := time.Now().Add(240 * time.Hour).UTC().Format(time.RFC3339)
	if status, text := s.ask(function.Viewer, http.MethodPut, "/keeps/m-old2", []byte(`{"reason":"an audit","until":"`+until+`"}`)); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if p := s.post(t, function.Viewer, "/cleanups", `{"images":["m-old2"]}`, http.StatusOK); p.Plan.Steps[0].Action != "refuse" || p.Plan.Steps[0].Reasons[0].Code != "kept" {
		t.Errorf("kept: %+v", p.Plan.Steps)
	}
	const wish = `{"images":["m-old1"],"skipWaits":true,"reason":"a key was in it"`
	p := s.post(t, function.Viewer, "/cleanups", wish+"}", http.StatusOK)
	begun := s.post(t, function.Reaper, "/cleanups", wish+`,"apply":{"digest":"`+p.Plan.Digest+`"}}`, http.StatusAccepted)
	at := "/cleanups/" + begun.ID
	s.carried(t, "in the bin", func() bool { return s.item(t, at).Items[0].Stage == "deleted" })
	s.carried(t, "ready to come back", func() bool {
		var bin struct {
			Items []struct {
				ID, State, Name string
				Reason          *struct{ Code string }
			}
			Total int
		}
		status, text := s.get("/bin")
		if err := json.Unmarshal(text, &bin); err != nil || status != http.StatusOK || bin.Total != 1 || bin.Items[0].ID != "m-old1" || bin.Items[0].State != "inBin" {
			t.Fatalf("%d %s", status, text)
		}
		return bin.Items[0].Reason == nil
	})
	back := s.post(t, function.Viewer, "/bin/m-old1/restore", "{}", http.StatusOK)
	restored := s.post(t, function.Reaper, "/bin/m-old1/restore", `{"apply":{"digest":"`+back.Plan.Digest+`"}}`, http.StatusAccepted)
	at = "/cleanups/" + restored.ID
	s.carried(t, "back", func() bool { return s.item(t, at).Items[0].Result != "open" })
	if i := s.item(t, at).Items[0]; i.Result != "applied" || i.RestoredImageID == "" || i.RestoredImageID == "m-old1" {
		t.Errorf("%+v", i)
	}
	if status, text := s.ask(function.Viewer, http.MethodDelete, "/keeps/m-old2", nil); status != http.StatusOK || !strings.Contains(string(text), `"takenBack":true`) {
		t.Errorf("%d %s", status, text)
	}
	if p := s.post(t, function.Viewer, "/cleanups", `{"images":["m-old2"]}`, http.StatusOK); p.Plan.Steps[0].Reasons[0].Code != "kept" {
		t.Errorf("it protects for a day more: %+v", p.Plan.Steps)
	}
	if len(s.told) == 0 {
		t.Error("nobody was told")
	}
}
