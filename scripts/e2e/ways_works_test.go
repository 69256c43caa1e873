package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
)

// way is how long work is asked for, with a cloud of its own, which is as that of every
// other way.
type way struct {
	*testing.T
	*stack
	name string
	// http are requests, with a token, to Function Compute or to Lambda; else it is a
	// direct call there.
	http   bool
	lambda map[string]*runtime
	token  string
	// answers are what came, in order, each with what was asked.
	answers []string
}

// newWay starts what changes things.
func newWay(t *testing.T, name string) *way {
	t.Helper()
	w := &way{T: t, name: name, http: strings.HasSuffix(name, "by HTTP")}
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
	all := []string{string(function.Viewer), string(function.Operator), string(function.Fleet), string(function.Reaper)}
	only := []string{"find", "import", "replace-disk", "cleanup"}
	w.stack = start(t, options{sim: sim, rate: -1, only: only, still: true, environment: map[string]string{
		"REGIONS": string(hangzhou), "ACCOUNTS": "", "ECS_RATE_SHARE": "1000", "SYSTEM_ROLES": strings.Join(all, ","),
		"JOURNAL": "oss://" + safe + "/imagekeeper", "OSS_ENDPOINT": objects.URL, "CLEANUP_RULES": strings.Replace(deleting, `"delete"`, `"mark"`, 1),
		"NOTIFY": fmt.Sprintf(`{"platform":{"type":"webhook","url":%q,"secretEnv":"NOTIFY_SECRET_PLATFORM"}}`, hook.URL), "NOTIFY_SECRET_PLATFORM": "whsec_" + strings.Repeat("c2Vj", 8),
	}})
	trusted, err := issuers()
	if err != nil {
		t.Fatal(err)
	}
	grant := granted("")
	grant.Subject, grant.Roles = "system", all
	w.token = trusted[0].Token(grant)
	if strings.HasPrefix(name, "Lambda") {
		project, err := load(binaries(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		w.lambda = map[string]*runtime{}
		for _, f := range project.Functions {
			if slices.Contains(only[1:], f.Resource) {
				w.lambda[f.Resource] = onLambda(t, f, w.settings)
			}
		}
	}
	return w
}

// resource is the function that has an operation of long work.
func resource(operation string) string {
	return map[string]string{
		"attributes": "import", "exports": "import", "imports": "import", "releases": "import", "rollouts": "replace-disk", "cleanups": "cleanup",
	}[owner(operation)]
}

// ask asks for an operation; names are those in its path, and wish is its body.
func (w *way) ask(operation, method, target string, names, wish object) object {
	w.Helper()
	var body []byte
	if wish != nil {
		body = encoded(wish)
	}
	var status int
	var text string
	name := resource(operation)
	switch {
	case w.http && w.lambda == nil:
		request, err := http.NewRequestWithContext(w.Context(), method, w.gateway+target, strings.NewReader(string(body)))
		if err != nil {
			w.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+w.token)
		request.Header.Set("Content-Type", "application/json")
		var said []byte
		status, said = w.send(request)
		text = string(said)
	case w.http:
		status, text = w.lambda[name].ask(asked{operation, method, target, string(body), ""}, w.token)
	default:
		text = w.direct(name, operation, target, names, wish)
	}
	var answer object
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		w.Fatalf("%s, %s: %d %s", w.name, operation, status, text)
	}
	w.answers = append(w.answers, fmt.Sprintf("%s %s\n%s", operation, target, strings.TrimSpace(text)))
	return answer
}

// direct makes a call of an operation with all that a request has.
func (w *way) direct(name, operation, target string, names, wish object) string {
	input := maps.Clone(names)
	if input == nil {
		input = object{}
	}
	maps.Copy(input, wish)
	_, query, _ := strings.Cut(target, "?")
	given, err := url.ParseQuery(query)
	if err != nil {
		w.Fatal(err)
	}
	for key := range given {
		var value any
		if json.Unmarshal([]byte(given.Get(key)), &value) != nil {
			value = given.Get(key)
		}
		input[key] = value
	}
	event := encoded(object{"operation": operation, "input": input})
	if w.lambda != nil {
		return w.lambda[name].invoke(event)
	}
	_, said := w.stack.ask("", http.MethodPost, "/_local/invoke/"+name, event)
	return string(said)
}

// tick is the timer of a function: as Function Compute sends it, or as AWS does.
func (w *way) tick(name string) {
	w.Helper()
	if w.lambda == nil {
		w.fire(w.T, name+"/worker")
		return
	}
	w.lambda[name].invoke(encoded(object{"triggerTime": time.Now().UTC().Format(time.RFC3339), "triggerName": "worker", "payload": ""}))
}

// applied plans a wish and applies it, and returns the id of the work.
func (w *way) applied(operation, method, target string, names, wish object) string {
	w.Helper()
	planned, _ := w.ask(operation, method, target, names, wish)["plan"].(object)
	if planned["applicable"] != true {
		w.Fatalf("%s, %s: %s", w.name, operation, w.answers[len(w.answers)-1])
	}
	again := maps.Clone(wish)
	again["apply"] = object{"digest": strings.Repeat("0", 64)}
	w.ask(operation, method, target, names, again) // another plan than that
	again["apply"] = object{"digest": planned["digest"]}
	id, _ := w.ask(operation, method, target, names, again)["id"].(string)
	return id
}

// ended ticks until a work has ended, and asks for it.
func (w *way) ended(operation, target string, names object) {
	w.Helper()
	for until := time.Now().Add(10 * time.Minute); time.Now().Before(until); time.Sleep(300 * time.Millisecond) {
		state := w.ask(operation, http.MethodGet, target, names, nil)["state"]
		over := slices.Contains([]any{"aborted", "finished", "partly", "failed"}, state)
		if over && !strings.Contains(w.answers[len(w.answers)-1], `"pending":true`) { // and whoever is told was told
			return
		}
		w.answers = w.answers[:len(w.answers)-1] // how often it was asked is no part of it
		w.tick(resource(operation))
	}
	w.Fatalf("%s, %s: it does not end", w.name, target)
}

// seen is what of a list is so.
func (w *way) seen(target string, so func(object) bool) object {
	w.Helper()
	_, text := w.get(target)
	var found struct{ Items []object }
	if err := json.Unmarshal(text, &found); err != nil {
		w.Fatalf("%s: %s", target, text)
	}
	at := slices.IndexFunc(found.Items, so)
	if at < 0 {
		w.Fatalf("%s: nothing is so: %s", target, text)
	}
	return found.Items[at]
}

// imports: an import is planned, applied, looked at and cancelled; so is an export; an
// image's attributes change, and it is released.
func (w *way) imports() {
	golden := w.seen("/images?kind=custom&family=web-base&encrypted=false&account=1000000000000001", func(object) bool { return true })["imageId"]
	server := w.seen("/instances?account=1000000000000001", func(object) bool { return true })["instanceId"]
	one := func(kind string, wish object) {
		id := w.applied(kind+".post", http.MethodPost, "/"+kind, nil, wish)
		names := object{"id": id}
		w.ask(kind+".get", http.MethodGet, "/"+kind+"/"+id, names, nil)
		w.ask(kind+".list", http.MethodGet, "/"+kind+"?limit=2", nil, nil)
		w.ask(kind+".cancel", http.MethodDelete, "/"+kind+"/"+id, names, nil)
		w.ended(kind+".get", "/"+kind+"/"+id, names)
		w.ask(kind+".cancel", http.MethodDelete, "/"+kind+"/"+id, names, nil) // it has ended
		w.ask(kind+".get", http.MethodGet, "/"+kind+"/none", object{"id": "none"}, nil)
		w.ask(kind+".post", http.MethodPost, "/"+kind, nil, object{"region": hangzhou})
	}
	one("imports", object{"source": object{"instance": object{"instanceId": server}}, "region": hangzhou, "image": object{"name": "web-base-20261201", "family": "web-base"}})
	one("exports", object{"imageId": golden, "bucket": "golden-exports", "prefix": "out", "region": hangzhou})
	w.applied("attributes.patch", http.MethodPatch, fmt.Sprint("/attributes/", golden), object{"imageId": golden}, object{"description": "golden image of the web servers", "tags": object{"team": "web"}})
	family := object{"family": "web-base"}
	w.applied("releases.put", http.MethodPut, "/releases/web-base", family, object{"channel": "stable", "images": object{"cn-hangzhou": golden}, "reason": "it is known to be good", "adopt": true})
	w.ask("releases.get", http.MethodGet, "/releases/web-base", family, nil)
}

// rollouts: one is planned, applied, looked at, held, let go and aborted; all of them
// are stopped, and go on.
func (w *way) rollouts() {
	id := w.applied("rollouts.post", http.MethodPost, "/rollouts", nil, object{
		"select": object{"family": []string{"web-base"}, "behind": 1, "account": []string{"1000000000000001"}}, "to": object{"family": "web-base", "unreleased": true},
		"strategy": object{"canary": 1, "maxUnavailable": 1}, "health": []object{{"status": object{}}},
	})
	names, at := object{"id": id}, "/rollouts/"+id
	w.ask("rollouts.get", http.MethodGet, at, names, nil)
	w.ask("rollouts.list", http.MethodGet, "/rollouts?limit=2", nil, nil)
	w.braked("rollouts")
	for _, order := range []string{"pause", "resume", "abort"} {
		w.ask("rollouts."+order, http.MethodPost, at+"/"+order, names, object{"reason": "a look at the canary first"})
	}
	w.ended("rollouts.get", at, names)
	for _, order := range []string{"pause", "undo", "retry"} {
		wish := object{}
		if order == "pause" {
			wish["reason"] = "it has ended"
		}
		w.ask("rollouts."+order, http.MethodPost, at+"/"+order, names, wish)
	}
	w.ask("rollouts.get", http.MethodGet, "/rollouts/none", object{"id": "none"}, nil)
	w.ask("rollouts.post", http.MethodPost, "/rollouts", nil, object{"to": object{"family": "web-base"}})
}

func (w *way) braked(kind string) {
	w.ask(kind+".stop", http.MethodPut, "/"+kind+"/stop", nil, object{"reason": "an incident"})
	w.ask(kind+".stopped", http.MethodGet, "/"+kind+"/stop", nil, nil)
	w.ask(kind+".unstop", http.MethodDelete, "/"+kind+"/stop", nil, nil)
}

// cleanups: one is planned, applied, looked at, and comes to nothing as its image is kept;
// all of them are stopped, and go on; what is not in the bin does not come back.
func (w *way) cleanups() {
	one := w.removable()
	names := object{"imageId": one}
	wish := object{"images": []string{one}}
	keep := func() {
		w.ask("cleanups.keep", http.MethodPut, "/keeps/"+one, names, object{"reason": "the audit of this year", "until": time.Now().UTC().AddDate(0, 1, 0).Format(time.RFC3339)})
	}
	id := w.applied("cleanups.create", http.MethodPost, "/cleanups", nil, wish)
	w.ask("cleanups.get", http.MethodGet, "/cleanups/"+id, object{"id": id}, nil)
	keep()
	w.ask("cleanups.create", http.MethodPost, "/cleanups", nil, wish)
	w.ended("cleanups.get", "/cleanups/"+id, object{"id": id})
	w.ask("cleanups.unkeep", http.MethodDelete, "/keeps/"+one, names, nil)
	w.ask("cleanups.unkeep", http.MethodDelete, "/keeps/"+one, names, nil)
	w.ask("cleanups.list", http.MethodGet, "/cleanups?limit=2", nil, nil)
	w.braked("cleanups")
	w.ask("cleanups.bin", http.MethodGet, "/bin", nil, nil)
	w.ask("cleanups.restore", http.MethodPost, "/bin/"+one+"/restore", object{"id": one}, object{})
	w.ask("cleanups.get", http.MethodGet, "/cleanups/none", object{"id": "none"}, nil)
	w.ask("cleanups.create", http.MethodPost, "/cleanups", nil, object{"images": []string{}})
}

// removable is an image of ours that a cleanup may remove.
func (w *way) removable() string {
	w.Helper()
	kept := len(w.answers)
	defer func() { w.answers = w.answers[:kept] }() // these were only a search
	return w.seen("/images?kind=custom&account=1000000000000001&limit=200", func(one object) bool {
		plan, _ := w.ask("cleanups.create", http.MethodPost, "/cleanups", nil, object{"images": []any{one["imageId"]}})["plan"].(object)
		return plan["applicable"] == true && plan["changes"] != 0.0
	})["imageId"].(string)
}

// unlike are ids and times, and what is made of them: each is told by when it first came.
var unlike = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z|\b[0-9a-f]{64}\b|\b[0-9a-f]{20}\b|\bmsg_[0-9a-f]{24}\b|"requestId":"[^"]*"`)

// alike are answers without what differs.
func (w *way) alike() []string {
	known := map[string]string{}
	var all []string
	for _, answer := range w.answers {
		answer = strings.ReplaceAll(answer, granted("").Issuer+" system", "system") // who asks directly has no issuer
		all = append(all, unlike.ReplaceAllStringFunc(answer, func(text string) string {
			switch {
			case strings.Contains(text, "T"):
				return "(time)"
			case strings.HasPrefix(text, `"requestId"`):
				return `"requestId":""`
			}
			if known[text] == "" {
				known[text] = fmt.Sprintf("(id %d)", len(known)+1)
			}
			return known[text]
		}))
	}
	return all
}

// TestThreeWaysOfLongWork asks what changes things of Function Compute's HTTP trigger, of
// a function URL of Lambda, and directly, each over a cloud that is like the others: a
// plan, its approval, a look at the work and its end, and what is refused on the way, are
// the same, byte for byte, but for ids and times.
func TestThreeWaysOfLongWork(t *testing.T) {
	t.Parallel()
	stories := []func(*way){(*way).imports, (*way).rollouts, (*way).cleanups}
	others := drawn.Some(t, []string{"Lambda, by HTTP", "Lambda, directly", "Function Compute, directly"}, 3)
	first := newWay(t, "Function Compute, by HTTP")
	for _, story := range stories {
		story(first)
	}
	want := first.alike()
	if len(want) < 60 {
		t.Errorf("only %d requests are compared", len(want))
	}
	for _, name := range others {
		w := newWay(t, name)
		for _, story := range stories {
			story(w)
		}
		got := w.alike()
		if len(got) != len(want) {
			t.Errorf("%s: %d answers, %s: %d", first.name, len(want), name, len(got))
			continue
		}
		for n, answer := range got {
			if answer != want[n] {
				t.Errorf("%s:\n%s\n%s:\n%s", first.name, want[n], name, answer)
			}
		}
	}
}
