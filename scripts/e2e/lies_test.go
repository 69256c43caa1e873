package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
)

// inquiry is a question, and what its answer claims: names of facts with their
// values. What an answer says it does not know is no claim.
type inquiry struct {
	name, method, target, body string
	claims                     func(answer map[string]any) map[string]string
	// partial: an answer that claims less says so itself. Else it must not be given.
	partial func(answer map[string]any) bool
}

// inquiries are what the functions are asked while the cloud lies.
func inquiries() []inquiry {
	const image = "m-bp1p3iw05ysr6wic1ldo" // shared with the second account, used by instances of the first
	unknown := func(a map[string]any) bool { return len(list(a["unknown"])) > 0 }
	return []inquiry{
		{"lineage", http.MethodGet, "/images/" + image + "/lineage", "", lineageClaims, func(a map[string]any) bool {
			return unknown(a) || under(a, "source", "kind") == "unknown"
		}},
		{"fleet", http.MethodGet, "/instances?limit=10000", "", fleetClaims, unknown},
		{"licence", http.MethodGet, "/prices/redhat_9_6_x64_20G_alibase_20260618.vhd?region=cn-hangzhou&instanceType=ecs.g7.xlarge", "", quoteClaims, quoteIsPartial},
		{"storage", http.MethodGet, "/prices/m-bp10brf8427qep4fkmq8?holding=true&for=copy&to=cn-shanghai", "", quoteClaims, quoteIsPartial},
		{"shares", http.MethodGet, "/shares/" + image, "", shareClaims, nil},
		{"unshare", http.MethodPatch, "/shares/" + image, `{"remove":["1000000000000002"]}`, planClaims, planIsCareful},
	}
}

// under follows keys into an answer; the text of what is there.
func under(answer any, keys ...string) string {
	for _, key := range keys {
		object, _ := answer.(map[string]any)
		answer = object[key]
	}
	if answer == nil {
		return ""
	}
	return fmt.Sprint(answer)
}

func lineageClaims(a map[string]any) map[string]string {
	claims := map[string]string{}
	if kind := under(a, "source", "kind"); kind != "unknown" {
		claims["source"] = kind + " " + under(a, "source", "image", "imageId")
	}
	for _, direction := range []string{"parents", "children"} {
		for _, link := range list(a[direction]) {
			claims[direction+" "+under(link, "image", "regionId")+" "+under(link, "image", "imageId")] = under(link, "how")
		}
	}
	return claims
}

func fleetClaims(a map[string]any) map[string]string {
	claims := map[string]string{}
	for _, item := range list(a["items"]) {
		for _, field := range []string{"imageId", "imageFamily", "kind", "behind", "endOfLife"} {
			if value := under(item, field); value != "" && value != "unknown" {
				claims[under(item, "instanceId")+" "+field] = value
			}
		}
	}
	return claims
}

func quoteClaims(a map[string]any) map[string]string {
	claims := map[string]string{}
	if rule := under(a, "rule", "code"); rule != "unknownSource" {
		claims["rule"] = rule
	}
	for n, line := range list(a["lines"]) {
		if exact := under(line, "amount", "exact"); exact != "" {
			claims[fmt.Sprint("line ", n, " ", under(line, "item"), " ", under(line, "for"))] = exact
		}
	}
	if total := under(a, "total", "exact"); total != "" {
		claims["total"] = total
	}
	return claims
}

func quoteIsPartial(a map[string]any) bool {
	return len(list(a["missing"])) > 0 || len(list(a["unknown"])) > 0
}

func shareClaims(a map[string]any) map[string]string {
	claims := map[string]string{"community": under(a, "community")}
	for _, account := range list(a["accounts"]) {
		claims["account "+under(account, "accountId")] = "shared"
	}
	return claims
}

func planClaims(a map[string]any) map[string]string {
	plan, _ := a["plan"].(map[string]any)
	claims := map[string]string{}
	for _, step := range list(plan["steps"]) {
		if action := under(step, "action"); action != "refuse" {
			claims[under(step, "accountId")] = action
		}
	}
	return claims
}

// planIsCareful: what is not known bars the plan.
func planIsCareful(a map[string]any) bool { return under(a, "plan", "applicable") == "false" }

// TestNoLieIsBelieved: whatever goes wrong on whatever call that a question
// leads to, an answer claims nothing that is not so, and says where it claims
// less than there is. "make trials" tries every fault.
func TestNoLieIsBelieved(t *testing.T) {
	t.Parallel()
	for _, q := range some(t, inquiries(), 3) {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			sim := company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 400})
			cells := make(chan ecsapi.Fault)
			var lanes sync.WaitGroup
			actions := map[string]bool{}
			for range lanesOf(2) {
				lane := start(t, options{sim: sim, rate: -1, environment: map[string]string{
					"ECS_RATE_SHARE": "1000", "REGIONS": "cn-hangzhou,cn-shanghai", "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()),
				}})
				status, right := lane.inquire(q)
				if status != http.StatusOK || len(q.claims(right)) == 0 {
					t.Fatalf("without a fault: %d %v", status, right)
				}
				for _, call := range lane.calls(t) {
					var one struct{ Action string }
					if err := json.Unmarshal(call, &one); err != nil {
						t.Fatal(err)
					}
					actions[one.Action] = true
				}
				lanes.Go(func() {
					for f := range cells {
						lane.lie(t, q, f, right)
					}
				})
			}
			var all []ecsapi.Fault
			for _, action := range slices.Sorted(maps.Keys(actions)) {
				all = append(all, everyFault(action)...)
			}
			for _, f := range some(t, all, 160) {
				cells <- f
			}
			close(cells)
			lanes.Wait()
		})
	}
}

// lanesOf is how many stacks try cells at once; one for a part of them, as each
// stack costs as much as several cells.
func lanesOf(whole int) int {
	if drawn.All() {
		return whole
	}
	return 1
}

// everyFault is every kind that can happen to an action, once and for good.
func everyFault(action string) []ecsapi.Fault {
	var all []ecsapi.Fault
	for _, kind := range ecsapi.FaultKinds() {
		if kind == ecsapi.FaultDelay || kind == ecsapi.FaultHang {
			continue // they take time and tell nothing; the questions of find wait for them
		}
		all = append(all, ecsapi.Fault{Action: action, Kind: kind, Count: 1}, ecsapi.Fault{Action: action, Kind: kind, Count: -1})
	}
	return all
}

// inquire asks; the answer is nil if it is none.
func (s *stack) inquire(q inquiry) (int, map[string]any) {
	var body []byte
	if q.body != "" {
		body = []byte(q.body)
	}
	status, text := s.ask(function.Viewer, q.method, q.target, body)
	return status, said(text)
}

// lie judges one cell.
func (s *stack) lie(t *testing.T, q inquiry, f ecsapi.Fault, right map[string]any) {
	what := fmt.Sprintf("%s %s x%d", f.Action, f.Kind, f.Count)
	patience := 4 * time.Second
	mends := f.Count == 1 && f.Kind != ecsapi.FaultDenied
	if mends {
		patience = 30 * time.Second
	}
	s.renew(t, patience)
	if !s.faultIfPossible(t, f) {
		return
	}
	status, got := s.inquire(q)
	if status != http.StatusOK {
		if mends || !slices.Contains([]int{403, 404, 502, 503, 504}, status) || status == 404 && f.Action != "DescribeImages" {
			t.Errorf("%s: %d %v", what, status, got)
		}
		return
	}
	claims, truth := q.claims(got), q.claims(right)
	for name, value := range claims {
		if truth[name] != value {
			t.Errorf("%s: claims that %s is %q; it is %q", what, name, value, truth[name])
		}
	}
	var lost []string
	for name := range truth {
		if _, there := claims[name]; !there {
			lost = append(lost, name)
		}
	}
	slices.Sort(lost)
	if len(lost) > 0 && (mends || q.partial == nil || !q.partial(got)) {
		t.Errorf("%s: %d of %d facts are silently gone: %s", what, len(lost), len(truth), strings.Join(lost[:min(3, len(lost))], ", "))
	}
}

// faultIfPossible asks for a fault; false if it can never happen to its action.
func (s *stack) faultIfPossible(t *testing.T, f ecsapi.Fault) bool {
	t.Helper()
	s.admin(t, http.MethodDelete, "/_local/faults", "")
	body, err := json.Marshal([]ecsapi.Fault{f})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(s.cloudAt+"/_local/faults", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode < 300
}
