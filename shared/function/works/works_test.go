package works_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// lamps is a kind whose items are lamps that are switched on.
type lamps struct {
	mu    sync.Mutex
	on    map[string]bool
	calls int
}

func (l *lamps) Look(_ context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := work.Seen{}
	for _, name := range w.Names() {
		seen[name] = plan.Facts{"on": fmt.Sprint(l.on[name])}
	}
	return seen, nil
}

func (l *lamps) Next(w work.Work, seen work.Seen, _ time.Time) work.Decision {
	var d work.Decision
	for _, name := range w.Names() {
		i := w.Items[name]
		i.Name = name
		switch {
		case i.Ended():
		case seen[name]["on"] == "true":
			i.Level, i.Sent, i.Outcome = "on", nil, plan.Outcome{Step: name, Result: plan.Applied}
			d.Items = append(d.Items, i)
		default:
			d.Acts = append(d.Acts, work.Act{Item: name, Do: "switch", Level: "on"})
		}
	}
	return d
}

func (l *lamps) Do(_ context.Context, _ survey.Fresh, _ work.Work, a work.Act) work.Answer {
	time.Sleep(time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on[a.Item], l.calls = true, l.calls+1
	return work.Answer{Outcome: plan.Outcome{Result: plan.Applied}}
}

// The shapes of a function with lamps.
type (
	lampsInput struct {
		Lamps []string `json:"lamps" query:"-" validate:"max=1000" doc:"Which"`
		works.Request
	}
	stepOut struct {
		Action  string         `json:"action"`
		Lamp    string         `json:"lamp"`
		Reasons []image.Reason `json:"reasons"`
	}
	itemOut struct {
		Lamp string `json:"lamp"`
		works.Item
	}
)

// house is a function with lamps, called by people over HTTP.
type house struct {
	t      *testing.T
	bucket *journaltest.Bucket
	lamps  *lamps
	two    bool
	call   int
	kind   works.Kind[stepOut, itemOut]
	does   *function.Function
}

func newHouse(t *testing.T) *house { return newHouseThatTells(t, nil) }

// newHouseThatTells tells people of its works; nil: it tells nobody.
func newHouseThatTells(t *testing.T, tells *notices.Notices) *house {
	h := &house{t: t, bucket: journaltest.NewBucket(nil), lamps: &lamps{on: map[string]bool{}}}
	h.kind = works.Kind[stepOut, itemOut]{
		Name: "lamps", Role: function.Fleet, Runner: h.runner, Notices: tells,
		Step: func(s plan.Step) stepOut { return stepOut{s.Action, s.Subject, s.Reasons} },
		Item: func(_ work.Work, i work.Item) itemOut { return itemOut{i.Name, works.ItemOf(i)} },
	}
	spec := function.Spec{
		Name: "lamps.switch", Pattern: "POST /lamps", ApplyRole: function.Fleet, Success: []int{200, 202}, Fails: []fault.Kind{fault.NotFound},
		Tells: []fault.Kind{fault.Conflict, fault.Precondition}, Headers: map[string]string{"Location": "The work"},
	}
	ops := []function.Operation{function.Handle(spec, h.post), h.kind.Cancel(nil), function.OnTimer("worker", h.kind.Worker)}
	for _, more := range [][]function.Operation{h.kind.Reads(), h.kind.Orders(), h.kind.Stops()} {
		ops = append(ops, more...)
	}
	h.does = function.New("house", ops...).With(works.Rules()...)
	return h
}

func (h *house) runner(context.Context, function.Call) (work.Runner, error) {
	h.call++
	place, ids, name := journal.OpenObjects(h.bucket, ""), 0, fmt.Sprint("call-", h.call)
	return work.Runner{
		Name: "lamps", Kind: h.lamps, Documents: place, Worker: name, TwoPeople: h.two,
		Journal: journal.New(place, time.Now, func() string { ids++; return fmt.Sprint(name, "-", ids) }),
		Now:     time.Now, Again: func(context.Context) survey.Fresh { return survey.Fresh{} },
		Pause: func(context.Context, time.Duration) error { return nil },
	}, nil
}

func (h *house) post(ctx context.Context, call function.Call, in lampsInput) (works.Answer[stepOut, itemOut], error) {
	return h.kind.Post(ctx, call, in.Request, works.Wish{Empty: works.Nothing(in.Lamps), Plan: func(context.Context) (work.Document, error) {
		p := plan.Plan{Target: "lamps", Base: plan.Facts{}}
		var shown works.Shown
		for _, lamp := range in.Lamps {
			p.Steps = append(p.Steps, plan.Step{
				Action: "switch", Subject: lamp, Sets: plan.Facts{lamp: "on"}, Reasons: []image.Reason{{Code: "asked", Sentence: "asked for"}},
			})
			if lamp == "broken" {
				shown.Findings = append(shown.Findings, image.Finding{Level: image.Fatal, Reason: image.Reason{Code: "lampBroken", Sentence: "it is broken"}, Remedy: "mend it"})
			}
		}
		text, err := json.Marshal(shown)
		return work.Document{Plan: p.Stored(), Shown: text, At: time.Now()}, err
	}})
}

// get reads over HTTP, as somebody nobody knows.
func (h *house) get(path string) (int, map[string]any) {
	h.t.Helper()
	out := httptest.NewRecorder()
	h.does.ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
	return out.Code, read(h.t, out.Body.Bytes())
}

// direct calls an operation with a role.
func (h *house) direct(role function.Role, operation, input string) map[string]any {
	h.t.Helper()
	if err := h.does.Guard(func(name string) (string, bool) {
		if name != "SYSTEM_ROLES" {
			return "", false
		}
		return string(role), true
	}); err != nil {
		h.t.Fatal(err)
	}
	event := fmt.Sprintf(`{"operation":%q,"input":%s}`, "lamps."+operation, input)
	return read(h.t, h.does.Invoke(h.t.Context(), function.Call{}, []byte(event)))
}

func read(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return answer
}

// apply posts as a person.
func (h *house) apply(person, digest string, lamps ...string) works.Answer[stepOut, itemOut] {
	h.t.Helper()
	call := function.Call{Source: function.SourceHTTP, Caller: function.Caller{Issuer: "https://id", Subject: person, Roles: []function.Role{function.Fleet}}}
	in := lampsInput{Lamps: lamps}
	if digest != "" {
		in.Apply = &works.Apply{Digest: digest}
	}
	a, err := h.post(h.t.Context(), call, in)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) tick() {
	h.t.Helper()
	event := fmt.Sprintf(`{"triggerTime":%q,"triggerName":"worker","payload":""}`, time.Now().UTC().Format(time.RFC3339))
	if out := read(h.t, h.does.Invoke(h.t.Context(), function.Call{}, []byte(event))); out["failures"] == nil || len(out["failures"].([]any)) > 0 {
		h.t.Errorf("tick: %v", out)
	}
}

// TestFromPlanToEnd: planned, applied by two people, carried on, told.
func TestFromPlanToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.two = true
		planned := h.apply("ada", "", "l-1", "l-2")
		if planned.HTTPStatus() != 200 || planned.Plan.Changes != 2 || !planned.Plan.Applicable || len(planned.Plan.Steps) != 2 || planned.ID != "" {
			t.Fatalf("planned: %+v", planned)
		}
		if code, list := h.get("/lamps"); code != 200 || len(list["items"].([]any)) != 0 || h.lamps.calls != 0 {
			t.Errorf("a plan is no work: %d %v", code, list)
		}
		digest := planned.Plan.Digest
		for n, step := range []struct {
			person string
			state  work.State
			by     int
		}{{"ada", work.AwaitingApproval, 1}, {"ada", work.AwaitingApproval, 1}, {"bob", work.Queued, 2}, {"cyd", work.Queued, 2}} {
			a := h.apply(step.person, digest) // without lamps: the stored plan counts
			if a.HTTPStatus() != 202 || a.HTTPHeader().Get("Location") != "/lamps/"+digest[:20] || a.State != step.state || len(a.ApprovedBy) != step.by {
				t.Errorf("step %d: %d %v %+v", n, a.HTTPStatus(), a.HTTPHeader(), a.Summary)
			}
		}
		h.tick()
		code, w := h.get("/lamps/" + digest[:20])
		items := w["items"].([]any)
		first := items[0].(map[string]any)
		if code != 200 || w["state"] != "finished" || len(items) != 2 || first["lamp"] != "l-1" || first["result"] != "applied" || first["level"] != "on" ||
			fmt.Sprint(w["approvedBy"]) != "[https://id ada https://id bob]" || fmt.Sprint(w["progress"]) != "map[done:2 of:2]" || w["endedAt"] == nil {
			t.Errorf("%d %v", code, w)
		}
		if a := h.apply("ada", digest); a.HTTPStatus() != 200 || a.State != work.Finished {
			t.Errorf("after the end: %d %s", a.HTTPStatus(), a.State)
		}
		if _, w := h.get("/lamps/" + digest[:20] + "?since=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339)); len(w["items"].([]any)) != 0 {
			t.Errorf("since: %v", w["items"])
		}
		for _, since := range []string{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "0001-01-01T02:00:00%2B02:00", ""} { // given, and nothing
			if code, w := h.get("/lamps/" + digest[:20] + "?since=" + since); code != 400 || w["code"] != "emptyValue" || w["field"] != "since" {
				t.Errorf("since %q: %d %v", since, code, w)
			}
		}
	})
}

// TestPlansArePagedAndKept: pages are read from what was kept, for two days.
func TestPlansArePagedAndKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var lamps []string
		for n := range 450 {
			lamps = append(lamps, fmt.Sprintf("l-%03d", n))
		}
		first := h.apply("ada", "", lamps...)
		seen := len(first.Plan.Steps)
		cursor, digest := first.NextCursor, first.Plan.Digest
		time.Sleep(47 * time.Hour)
		for cursor != "" {
			a, err := h.post(t.Context(), function.Call{}, lampsInput{Request: works.Request{Cursor: cursor}})
			if err != nil || a.Plan.Digest != digest || a.Plan.Steps[0].Lamp != lamps[seen] {
				t.Fatalf("at %d: %+v, %v", seen, a.Plan, err)
			}
			seen, cursor = seen+len(a.Plan.Steps), a.NextCursor
		}
		if seen != 450 || len(first.Plan.Steps) != 200 {
			t.Errorf("%d steps in all, %d at first", seen, len(first.Plan.Steps))
		}
		if a := h.apply("ada", digest); a.State != work.Queued {
			t.Errorf("applied after two days: %+v", a)
		}
		time.Sleep(49 * time.Hour) // to a midnight
		h.tick()
		for key := range h.bucket.Objects() {
			if strings.HasPrefix(key, "plans/") {
				t.Errorf("%s is still kept", key)
			}
		}
		if _, err := h.post(t.Context(), function.Call{}, lampsInput{Request: works.Request{Cursor: first.NextCursor}}); fault.Code(err) != "planGone" {
			t.Errorf("a page of what is gone: %v", err)
		}
		if _, err := h.post(t.Context(), function.Call{}, lampsInput{Request: works.Request{Cursor: "x"}}); fault.Of(err) != fault.Invalid {
			t.Errorf("no cursor: %v", err)
		}
	})
}

// TestWhatIsNotApplied: an unknown digest is answered with the plan of now, and a
// fatal finding is a refusal by its code.
func TestWhatIsNotApplied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		other := h.apply("ada", strings.Repeat("0", 64), "l-1")
		if other.HTTPStatus() != 409 || other.Problem.Code != "planChanged" || other.Plan == nil || other.Plan.Changes != 1 {
			t.Errorf("another plan: %+v", other)
		}
		alone := lampsInput{Request: works.Request{Apply: &works.Apply{Digest: strings.Repeat("0", 64)}}}
		if _, err := h.post(t.Context(), function.Call{}, alone); fault.Code(err) != "planGone" || fault.Of(err) != fault.NotFound {
			t.Errorf("approved without a wish what nobody knows: %v", err)
		}
		broken := h.apply("ada", "", "broken")
		if broken.Plan.Applicable || broken.Findings[0].Code != "lampBroken" {
			t.Errorf("planned: %+v", broken)
		}
		if a := h.apply("ada", broken.Plan.Digest); a.HTTPStatus() != 422 || a.Problem.Code != "lampBroken" || a.ID != "" {
			t.Errorf("applied all the same: %+v", a)
		}
		empty := h.apply("ada", "")
		if a := h.apply("ada", empty.Plan.Digest); a.HTTPStatus() != 422 || a.Problem.Code != "nothingToDo" {
			t.Errorf("nothing to do: %+v", a)
		}
	})
}

// TestOrders: who may, in which state, and what is told.
func TestOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		id := h.apply("ada", h.apply("ada", "", "l-1").Plan.Digest, "l-1").ID
		order := fmt.Sprintf(`{"id":%q,"reason":"lunch"}`, id)
		for n, step := range []struct {
			role      function.Role
			operation string
			input     string
			member    string
			want      any
		}{
			{function.Viewer, "pause", order, "code", "roleMissing"},
			{function.Reaper, "pause", order, "state", "paused"},
			{function.Operator, "pause", order, "state", "paused"},
			{function.Reaper, "resume", order, "code", "roleMissing"},
			{function.Fleet, "resume", order, "state", "queued"},
			{function.Fleet, "resume", order, "state", "queued"},
			{function.Operator, "stop", `{"reason":"fire"}`, "stopped", true},
			{function.Operator, "unstop", `{}`, "code", "roleMissing"},
			{function.Viewer, "stopped", `{}`, "reason", "fire"},
			{function.Fleet, "unstop", `{}`, "stopped", false},
			{function.Fleet, "abort", `{"id":"nobody","reason":"x"}`, "status", 404.0},
			{function.Fleet, "abort", order, "state", "aborting"},
			{function.Fleet, "resume", order, "code", "wrongState"},
			{function.Fleet, "cancel", fmt.Sprintf(`{"id":%q}`, id), "state", "aborting"},
			{function.Fleet, "pause", fmt.Sprintf(`{"id":%q}`, id), "field", "reason"},
		} {
			if got := h.direct(step.role, step.operation, step.input); got[step.member] != step.want {
				t.Errorf("step %d, %s: %v", n, step.operation, got)
			}
		}
		h.tick()
		if _, w := h.get("/lamps/" + id); w["state"] != "aborted" || h.lamps.calls != 0 {
			t.Errorf("%v, %d calls", w, h.lamps.calls)
		}
	})
}

// TestLists: newest first, by state, in pages.
func TestLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var ids []string
		for n := range 5 {
			time.Sleep(time.Minute)
			lamp := fmt.Sprint("l-", n)
			ids = append(ids, h.apply("ada", h.apply("ada", "", lamp).Plan.Digest).ID)
		}
		h.direct(function.Fleet, "pause", fmt.Sprintf(`{"id":%q,"reason":"x"}`, ids[2]))
		var got []string
		path := "/lamps?limit=2"
		for path != "" {
			_, page := h.get(path)
			for _, i := range page["items"].([]any) {
				got = append(got, i.(map[string]any)["id"].(string))
			}
			path = ""
			if next, more := page["nextCursor"].(string); more {
				path = "/lamps?limit=2&cursor=" + next
			}
			if page["total"] != 5.0 {
				t.Errorf("total %v", page["total"])
			}
		}
		if want := fmt.Sprint([]string{ids[4], ids[3], ids[2], ids[1], ids[0]}); fmt.Sprint(got) != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if _, page := h.get("/lamps?state=paused"); len(page["items"].([]any)) != 1 {
			t.Errorf("paused: %v", page)
		}
		if _, page := h.get("/lamps?state=halted"); len(page["items"].([]any)) != 0 || !strings.Contains(fmt.Sprint(page["hints"]), "passedOver") || !strings.Contains(fmt.Sprint(page["hints"]), "1 paused") {
			t.Errorf("nothing in that state: %v", page)
		}
		if code, p := h.get("/lamps?state=done"); code != 400 || p["field"] != "state" {
			t.Errorf("no state: %d %v", code, p)
		}
	})
}

// TestDocument: the types of a function with long work have names that are theirs.
func TestDocument(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text, err := json.Marshal(newHouse(t).does.Describe())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{`"HouseItemState"`, `"HouseStepItemAnswer"`, `"WorksSummary"`} {
			if !strings.Contains(string(text), name) {
				t.Errorf("no component %s", name)
			}
		}
		if strings.Contains(string(text), "main.") || strings.Contains(string(text), "imagekeeper-shared") {
			t.Errorf("names of Go's: %.2000s", text)
		}
	})
}
