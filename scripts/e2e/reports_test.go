package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
)

// shelf is the bucket that reports are kept in.
const shelf = "reports-of-tests"

// fire fires a timer of the built function.
func (s *stack) fire(t *testing.T, trigger string) string {
	t.Helper()
	answer, err := http.Post(s.gateway+"/_local/trigger/"+trigger, "application/json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", trigger, answer.StatusCode, text, err)
	}
	return string(text)
}

// kept are the keys of the bucket.
func kept(t *testing.T, owner *cloudsim.Session) []string {
	t.Helper()
	list, err := owner.ListObjects(cloudsim.ListObjectsRequest{Bucket: shelf, Max: 100})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range list.Objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// TestTheTimerStoresTheReport: the timer of s.yaml stores the report in the
// bucket that JOURNAL names, once a month; a failure stores nothing and says so;
// and who asks for the month gets what GET /prices answered then.
func TestTheTimerStoresTheReport(t *testing.T) {
	t.Parallel()
	sim := everywhere(priced())
	owner := sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	if err := owner.PutBucket(shelf, hangzhou); err != nil {
		t.Fatal(err)
	}
	objects := httptest.NewServer(ossapi.New(sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	s := start(t, options{sim: sim, rate: -1, environment: map[string]string{
		"ECS_RATE_SHARE": "100", "JOURNAL": "oss://" + shelf + "/imagekeeper", "OSS_ENDPOINT": objects.URL,
	}})

	if err := sim.AllowOnly("local", []string{"ecs:*", "ess:*", "sts:*"}); err != nil {
		t.Fatal(err)
	}
	if told := s.fire(t, "price/report"); !strings.Contains(told, `"status":403`) || len(kept(t, owner)) != 0 {
		t.Errorf("without permission: %s, kept %v", told, kept(t, owner))
	}
	// What the README of price says it needs, beside reading.
	if err := sim.AllowOnly("local", []string{"ecs:Describe*", "ess:Describe*", "sts:*", "oss:PutObject", "oss:GetObject", "oss:ListObjects"}); err != nil {
		t.Fatal(err)
	}
	s.fault(t, ecsapi.Fault{Action: "DescribeSnapshotLinks", Region: "cn-hongkong", Kind: ecsapi.FaultDenied, Count: -1})
	if told := s.fire(t, "price/report"); !strings.Contains(told, `"code":"storedInPart"`) || !strings.Contains(told, "ecs:DescribeSnapshotLinks") {
		t.Errorf("in part: %s", told)
	}
	s.admin(t, http.MethodDelete, "/_local/faults", "")
	s.renew(t, time.Minute)
	told := s.fire(t, "price/report")
	_, name, _ := strings.Cut(told, `"name":"`)
	name, _, _ = strings.Cut(name, `"`)
	_, day, _ := strings.Cut(name, "reports/price/")
	if !strings.Contains(told, `"code":"stored"`) || !strings.HasSuffix(day, ".json") {
		t.Fatalf("whole: %s", told)
	}
	month := "/prices?month=" + day[:len("2026-11")]
	for range 2 {
		if told := s.fire(t, "price/report"); !strings.Contains(told, `"code":"alreadyStored"`) {
			t.Errorf("again: %s", told)
		}
	}
	if keys := kept(t, owner); len(keys) != 2 || !strings.HasSuffix(keys[0], "-partial.json") || keys[1] != "imagekeeper/"+name {
		t.Errorf("kept %v", keys)
	}
	_, live := s.get("/prices?format=csv&by=region")
	status, then := s.get(month + "&format=csv&by=region")
	if status != http.StatusOK || string(then) != string(live) || len(then) == 0 {
		t.Errorf("the report of the month: %d\n%s\nand now\n%s", status, then, live)
	}
	var whole struct{ Images int }
	if status, text := s.get(month + "&limit=1"); status != http.StatusOK || json.Unmarshal(text, &whole) != nil || whole.Images != pricedImages {
		t.Errorf("%d %.300s", status, text)
	}
}

// TestTheTimerIsHarmlessWithoutAJournal: it says so, and reads nothing.
func TestTheTimerIsHarmlessWithoutAJournal(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: everywhere(priced()), rate: -1})
	if told := s.fire(t, "price/report"); !strings.Contains(told, `"code":"noJournal"`) || !strings.Contains(told, `"stored":false`) {
		t.Errorf("got %s", told)
	}
	if calls := string(s.admin(t, http.MethodGet, "/_local/calls", "")); strings.Contains(calls, "DescribeSnapshots") {
		t.Errorf("and yet it read the cloud: %s", calls)
	}
}
