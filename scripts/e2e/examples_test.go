package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
)

var update = flag.Bool("update", false, "write the example answers of the OpenAPI document anew")

// TestExamples writes, where -update asks for it, what functions answer to one
// request for each operation, shortened, as the examples of the document; that they
// are there, and fit, is held where the document is made.
func TestExamples(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(root, openapi.Examples)
	if !*update {
		if kept, err := filepath.Glob(filepath.Join(folder, "*.json")); err != nil || len(kept) < 30 {
			t.Errorf("only %d examples are kept: %s (%v)", len(kept), openapi.RefreshExamples, err)
		}
		return
	}
	r := newRecorder(t, folder)
	r.looks()
	r.imports()
	r.rollouts()
	r.cleanups()
}

// recorder keeps what functions answer.
type recorder struct {
	*testing.T
	*stack
	folder, image, family string
}

func newRecorder(t *testing.T, folder string) *recorder {
	t.Helper()
	sim := company.New(cloudsim.Options{Seed: 7}, company.Options{Images: 252, Instances: 120})
	owner := sim.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"})
	for _, bucket := range []string{safe, "golden-exports"} {
		if err := owner.PutBucket(bucket, hangzhou); err != nil {
			t.Fatal(err)
		}
	}
	objects := httptest.NewServer(ossapi.New(sim, ossapi.Options{}))
	t.Cleanup(objects.Close)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(hook.Close)
	s := start(t, options{sim: sim, rate: -1, environment: map[string]string{
		"REGIONS": string(hangzhou), "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "SYSTEM_ROLES": "operator",
		"JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL, "CLEANUP_RULES": deleting,
		"NOTIFY": fmt.Sprintf(`{"platform":{"type":"webhook","url":%q,"secretEnv":"NOTIFY_SECRET_PLATFORM"}}`, hook.URL), "NOTIFY_SECRET_PLATFORM": "whsec_" + strings.Repeat("c2Vj", 8),
	}})
	r := &recorder{T: t, stack: s, folder: folder}
	for _, one := range r.list("/images?kind=custom&limit=500&encrypted=false") {
		if family, _ := one["imageFamily"].(string); family == "web-base" {
			r.image, r.family = one["imageId"].(string), family
			return r
		}
	}
	t.Fatal("no image of web-base")
	return nil
}

func (r *recorder) list(target string) (items []object) {
	r.Helper()
	for _, item := range r.ask(function.Viewer, http.MethodGet, target, nil)["items"].([]any) {
		items = append(items, item.(object))
	}
	return items
}

// ask asks for an answer, whatever its status.
func (r *recorder) ask(role function.Role, method, target string, wish any) object {
	r.Helper()
	var body []byte
	if wish != nil {
		var err error
		if body, err = json.Marshal(wish); err != nil {
			r.Fatal(err)
		}
	}
	status, text := r.stack.ask(role, method, target, body)
	var answer object
	if err := json.Unmarshal(text, &answer); err != nil {
		r.Fatalf("%s %s: %d %s", method, target, status, text)
	}
	answer["status "] = status
	return answer
}

// keep keeps the answer to a request as the example of an operation.
func (r *recorder) keep(operation string, role function.Role, method, target string, wish any) object {
	r.Helper()
	answer := r.ask(role, method, target, wish)
	status := answer["status "]
	delete(answer, "status ")
	if status != http.StatusOK && status != http.StatusAccepted {
		r.Errorf("%s: %s %s: %v %v", operation, method, target, status, answer)
		return answer
	}
	text, err := json.MarshalIndent(shortened(answer, 2), "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.folder, operation+".json"), append(text, '\n'), 0o600)
	}
	if err != nil {
		r.Fatal(err)
	}
	return answer
}

// shortened leaves of every list the first entries only.
func shortened(value any, most int) any {
	switch value := value.(type) {
	case object:
		for name, one := range value {
			value[name] = shortened(one, most)
		}
	case []any:
		if len(value) > most {
			value = value[:most]
		}
		for n, one := range value {
			value[n] = shortened(one, 1)
		}
		return value
	}
	return value
}

// apply carries the plan out that a wish has.
func (r *recorder) apply(operation string, role function.Role, target string, wish object) string {
	r.Helper()
	planned := r.keep(operation, role, http.MethodPost, target, wish)
	plan, _ := planned["plan"].(object)
	wish["apply"] = object{"digest": plan["digest"]}
	begun := r.ask(role, http.MethodPost, target, wish)
	id, _ := begun["id"].(string)
	if id == "" {
		r.Fatalf("%s: %v", operation, begun)
	}
	return id
}

// until ticks a function's worker until something is so.
func (r *recorder) until(name string, so func() bool) {
	r.Helper()
	for range 120 {
		if so() {
			return
		}
		r.stack.ask("", http.MethodPost, "/_local/trigger/"+name+"/worker", nil)
		time.Sleep(time.Second)
	}
	r.Fatalf("%s never came to it", name)
}

func (r *recorder) looks() {
	get := func(operation, target string) { r.keep(operation, function.Viewer, http.MethodGet, target, nil) }
	id := url.PathEscape(r.image)
	get("find.images", "/images?family="+r.family+"&limit=2&explain=true")
	get("find.image", "/images/"+id)
	get("find.families", "/families?kind=custom&limit=2")
	get("find.family", "/families/"+r.family)
	get("find.lineage", "/images/"+id+"/lineage")
	get("find.usage", "/images/"+id+"/usage")
	get("find.instances", "/instances?behind=1&limit=2")
	get("find.access", "/access")
	get("price.image", "/prices/"+id+"?hours=720")
	get("price.report", "/prices?limit=2")
	get("portal.health", "/healthz")
	r.keep("price.images", function.Viewer, http.MethodPost, "/prices", object{"questions": []object{{"imageId": r.image, "hours": 720}, {"imageId": "m-none", "hours": 1}}})
	get("share.get", "/shares/"+id+"?history=true")
	grant := object{"accountId": "1000000000000005", "until": "2030-01-01T00:00:00Z", "onExpiry": "remove", "reason": "a trial"}
	r.keep("share.put", function.Viewer, http.MethodPut, "/shares/"+id, object{"accounts": []object{grant}, "community": false})
	r.keep("share.patch", function.Viewer, http.MethodPatch, "/shares/"+id, object{"add": []object{grant}})
}

func (r *recorder) imports() {
	server := r.list("/instances?account=1000000000000001&limit=1")[0]
	id := r.apply("imports.post", function.Operator, "/imports", object{"source": object{"instance": object{"instanceId": server["instanceId"]}}, "region": hangzhou, "image": object{"name": "web-base-20261201", "family": "web-base"}})
	r.keep("imports.get", function.Viewer, http.MethodGet, "/imports/"+id, nil)
	r.keep("imports.list", function.Viewer, http.MethodGet, "/imports?limit=2", nil)
	r.keep("imports.cancel", function.Operator, http.MethodDelete, "/imports/"+id, nil)
	id = r.apply("exports.post", function.Operator, "/exports", object{"imageId": r.image, "bucket": "golden-exports", "prefix": "out", "region": hangzhou})
	r.keep("exports.get", function.Viewer, http.MethodGet, "/exports/"+id, nil)
	r.keep("exports.list", function.Viewer, http.MethodGet, "/exports?limit=2", nil)
	r.keep("exports.cancel", function.Operator, http.MethodDelete, "/exports/"+id, nil)
	r.keep("attributes.patch", function.Viewer, http.MethodPatch, "/attributes/"+r.image, object{"description": "golden image of the web servers", "tags": object{"team": "web"}})
	release := object{"channel": "stable", "images": object{"cn-hangzhou": r.image}, "reason": "it is known to be good", "adopt": true}
	planned := r.keep("releases.put", function.Operator, http.MethodPut, "/releases/"+r.family, release)
	release["apply"] = object{"digest": planned["plan"].(object)["digest"]}
	r.ask(function.Operator, http.MethodPut, "/releases/"+r.family, release)
	r.keep("releases.get", function.Viewer, http.MethodGet, "/releases/"+r.family, nil)
}

func (r *recorder) rollouts() {
	wish := object{
		"select": object{"family": []string{r.family}, "behind": 1, "account": []string{"1000000000000001"}}, "to": object{"family": r.family, "unreleased": true},
		"strategy": object{"canary": 1, "maxUnavailable": 1}, "health": []object{{"status": object{}}},
	}
	id := r.apply("rollouts.post", function.Fleet, "/rollouts", wish)
	r.keep("rollouts.get", function.Viewer, http.MethodGet, "/rollouts/"+id, nil)
	r.keep("rollouts.list", function.Viewer, http.MethodGet, "/rollouts?limit=2", nil)
	for _, order := range []string{"pause", "resume", "abort"} {
		r.keep("rollouts."+order, function.Fleet, http.MethodPost, "/rollouts/"+id+"/"+order, object{"reason": "a look at the canary first"})
	}
	r.until("replace-disk", func() bool { return r.ask(function.Viewer, http.MethodGet, "/rollouts/"+id, nil)["state"] == "aborted" })
	for _, again := range []string{"undo", "retry"} {
		r.keep("rollouts."+again, function.Fleet, http.MethodPost, "/rollouts/"+id+"/"+again, object{})
	}
	r.brake("rollouts")
}

// brake keeps the examples of what stops everything of a kind.
func (r *recorder) brake(kind string) {
	r.keep(kind+".stop", function.Operator, http.MethodPut, "/"+kind+"/stop", object{"reason": "an incident"})
	r.keep(kind+".stopped", function.Viewer, http.MethodGet, "/"+kind+"/stop", nil)
	role := function.Fleet
	if kind == "cleanups" {
		role = function.Reaper
	}
	r.keep(kind+".unstop", role, http.MethodDelete, "/"+kind+"/stop", nil)
}

func (r *recorder) cleanups() {
	r.keep("cleanups.keep", function.Viewer, http.MethodPut, "/keeps/"+r.image, object{"reason": "the audit of this year", "until": time.Now().UTC().AddDate(0, 1, 0).Format(time.RFC3339)})
	r.keep("cleanups.unkeep", function.Viewer, http.MethodDelete, "/keeps/"+r.image, nil)
	for _, one := range r.list("/images?kind=custom&account=1000000000000001&limit=200") {
		wish := object{"images": []any{one["imageId"]}, "skipWaits": true, "reason": "a secret is in it"}
		plan, _ := r.ask(function.Viewer, http.MethodPost, "/cleanups", wish)["plan"].(object)
		if plan["applicable"] != true || plan["changes"] == 0.0 {
			continue
		}
		id := r.apply("cleanups.create", function.Reaper, "/cleanups", wish)
		r.until("cleanup", func() bool { return len(r.list("/bin")) > 0 })
		r.keep("cleanups.get", function.Viewer, http.MethodGet, "/cleanups/"+id, nil)
		r.keep("cleanups.list", function.Viewer, http.MethodGet, "/cleanups?limit=2", nil)
		r.keep("cleanups.bin", function.Viewer, http.MethodGet, "/bin", nil)
		r.keep("cleanups.restore", function.Viewer, http.MethodPost, "/bin/"+fmt.Sprint(one["imageId"])+"/restore", object{})
		r.brake("cleanups")
		return
	}
	r.Fatal("nothing may be removed")
}
