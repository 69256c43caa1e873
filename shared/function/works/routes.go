package works

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// Rules are the shapes of the identifiers here, for the function's With.
func Rules() []function.Rule {
	rules := []function.Rule{
		{Tag: "workid", Pattern: `^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`, Sentence: "must be an id, as a list or a Location has it"},
	}
	for _, s := range image.Shapes() {
		if s.Tag == "oneline" { // what a reason is
			rules = append(rules, function.Rule(s))
		}
	}
	return rules
}

// listInput asks for works.
type listInput struct {
	State  work.State `json:"state" doc:"Only those in that state"`
	Limit  *int       `json:"limit" validate:"omitempty,min=1,max=200" doc:"How many at most; 50 if left out"`
	Cursor string     `json:"cursor" validate:"max=512" doc:"Where to go on, from nextCursor"`
}

// getInput asks for one work.
type getInput struct {
	ID    string    `json:"id" validate:"required,workid" doc:"Its id"`
	Since time.Time `json:"since" doc:"Only items that changed at that time or later"`
}

// orderInput is an order to one work.
type orderInput struct {
	ID     string `json:"id" validate:"required,workid" doc:"Its id"`
	Reason string `json:"reason" query:"-" validate:"required,oneline" doc:"Why, for people"`
}

// resumeInput is the order to go on.
type resumeInput struct {
	orderInput
	Apply *Apply `json:"apply" query:"-" doc:"Approves the plan again; needed after a pause of more than seven days"`
}

// Applying: going on is always a change, whether it approves again or not.
func (in resumeInput) Applying() bool { return in.Apply != nil }

// stopInput is the order to all works.
type stopInput struct {
	Reason string `json:"reason" query:"-" validate:"required,oneline" doc:"Why, for people"`
}

// nothing is an input without fields.
type nothing struct{}

// cancelInput names what is to be cancelled.
type cancelInput struct {
	ID string `json:"id" validate:"required,workid" doc:"Its id"`
}

// Told is a state with the status that it is answered with.
type Told[I any] struct {
	State[I]
	status int
}

// HTTPStatus is 202 where something goes on in the background.
func (t Told[I]) HTTPStatus() int { return t.status }

// spec is what the operations of a kind have in common.
func (k Kind[S, I]) spec(name, pattern string, role function.Role, summary string, fails ...fault.Kind) function.Spec {
	return function.Spec{Name: k.Name + "." + name, Pattern: pattern, Role: role, Summary: summary, Fails: fails}
}

// Reads are GET /{kind} and GET /{kind}/{id}.
func (k Kind[S, I]) Reads() []function.Operation {
	return []function.Operation{
		function.Handle(k.spec("list", "GET /"+k.Name, function.Viewer, "All "+k.Name+", newest first", fault.Unknown), k.list),
		function.Handle(k.spec("get", "GET /"+k.Name+"/{id}", function.Viewer, "One of the "+k.Name+", item by item", fault.NotFound), k.get),
	}
}

// Orders are POST /{kind}/{id}/pause, resume and abort.
func (k Kind[S, I]) Orders() []function.Operation {
	at := "POST /" + k.Name + "/{id}/"
	own := []fault.Kind{fault.NotFound, fault.Conflict}
	return []function.Operation{
		function.Handle(k.spec("pause", at+"pause", function.Applier, "Begin nothing more of it; what is begun comes to rest", own...),
			func(ctx context.Context, call function.Call, in orderInput) (State[I], error) {
				return k.order(ctx, call, in, work.Order{Do: work.Pause})
			}),
		function.Handle(k.spec("resume", at+"resume", k.Role, "Go on with it, also after a halt or a pause of its plan", own...),
			func(ctx context.Context, call function.Call, in resumeInput) (State[I], error) {
				o := work.Order{Do: work.Resume}
				if in.Apply != nil {
					o.Digest = in.Apply.Digest
				}
				return k.order(ctx, call, in.orderInput, o)
			}),
		function.Handle(k.spec("abort", at+"abort", k.Role, "End it: nothing more is begun, what is begun is brought to an end", own...),
			func(ctx context.Context, call function.Call, in orderInput) (State[I], error) {
				return k.order(ctx, call, in, work.Order{Do: work.Abort})
			}),
	}
}

// Stops are PUT and DELETE /{kind}/stop, and GET, which tells.
func (k Kind[S, I]) Stops() []function.Operation {
	at := " /" + k.Name + "/stop"
	set := func(ctx context.Context, call function.Call, s work.Stop) (work.Stop, error) {
		r, err := k.runner(ctx, call)
		if err != nil {
			return work.Stop{}, err
		}
		s.By = change.By(call)
		return r.SetStop(ctx, s)
	}
	return []function.Operation{
		function.Handle(k.spec("stop", "PUT"+at, function.Applier, "Begin nothing more of any of the "+k.Name),
			func(ctx context.Context, call function.Call, in stopInput) (work.Stop, error) {
				return set(ctx, call, work.Stop{Stopped: true, Reason: in.Reason})
			}),
		function.Handle(k.spec("unstop", "DELETE"+at, k.Role, "Take the stop of all "+k.Name+" back"),
			func(ctx context.Context, call function.Call, _ nothing) (work.Stop, error) {
				return set(ctx, call, work.Stop{})
			}),
		function.Handle(k.spec("stopped", "GET"+at, function.Viewer, "Whether all "+k.Name+" are stopped, and by whom"),
			func(ctx context.Context, call function.Call, _ nothing) (work.Stop, error) {
				r, err := k.runner(ctx, call)
				if err != nil {
					return work.Stop{}, err
				}
				return r.Stopped(ctx)
			}),
	}
}

// Cancel is DELETE /{kind}/{id}, which aborts at once, for kinds without orders. may
// refuses a work that cannot be cancelled any more, and one that has failed can be, for
// what it has left; nil: every one can that has not ended.
func (k Kind[S, I]) Cancel(may func(w work.Work) error) function.Operation {
	spec := k.spec("cancel", "DELETE /"+k.Name+"/{id}", k.Role, "End it, and take back what can be taken back", fault.NotFound, fault.Conflict)
	spec.Success = []int{http.StatusOK, http.StatusAccepted}
	return function.Handle(spec, func(ctx context.Context, call function.Call, in cancelInput) (Told[I], error) {
		r, w, err := k.one(ctx, call, in.ID)
		if err != nil {
			return Told[I]{}, err
		}
		if may != nil && w.State != work.Aborting && w.State != work.Aborted {
			if err := may(w); err != nil {
				return Told[I]{}, err
			}
		}
		before := w.State
		w, err = r.Order(ctx, in.ID, work.Order{Do: work.Abort, By: change.By(call), Failed: may != nil})
		out := Told[I]{k.state(w, time.Time{}), http.StatusOK}
		if before != w.State {
			out.status = http.StatusAccepted
		}
		return out, err
	})
}

// Worker is the timer that carries works on. Once an hour it records that they are
// carried, and by which version, and drops plans that nobody approved, once a day it looks whether every open work is on the agenda.
func (k Kind[S, I]) Worker(ctx context.Context, call function.Call, tick function.Tick) (work.Report, error) {
	r, err := k.runner(ctx, call)
	if err != nil {
		return work.Report{}, err
	}
	until := call.Deadline.Add(-before)
	if call.Deadline.IsZero() {
		until = r.Now().Add(time.Minute)
	}
	quiet := k.telling(ctx, call, r, until)
	report, err := r.Tick(ctx, tick.At, until)
	quiet()
	if k.Notices != nil && len(report.Ended)+report.Acts > 0 {
		_ = k.tellPeople(ctx, call, r, later(call.Deadline.Add(-lastWords), until)) // it has logged what failed
	}
	if tick.At.Minute() == 0 && !report.Late {
		_, errDrop := shelf{r}.drop(ctx)
		err = errors.Join(err, errDrop, k.deployed(ctx, r))
		if tick.At.Hour() == 0 {
			_, errRepair := r.Repair(ctx)
			err = errors.Join(err, errRepair)
		}
	}
	tell(call, k.Name, report, err)
	return report, err
}

// deployed records that these works are carried here, and by which version.
func (k Kind[S, I]) deployed(ctx context.Context, r work.Runner) error {
	text, err := json.Marshal(map[string]string{"works": k.Name, "version": function.Version})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a deployment cannot be written")
	}
	return r.Documents.Keep(ctx, "deployed/"+k.Name+"/"+function.Version+".json", text)
}

// before is how long before its deadline a worker hands over, and lastWords how long
// before it people are no longer told of what it did.
const (
	before    = 5 * time.Second
	lastWords = time.Second
)

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tell logs what somebody should look at: nobody reads a timer's answer.
func tell(call function.Call, kind string, report work.Report, err error) {
	for _, f := range report.Failures {
		call.Log.Warn("work not carried on", "kind", kind, "id", f.ID, "code", f.Code, "error", f.Sentence)
	}
	for _, id := range report.Ended {
		call.Log.Info("work ended", "kind", kind, "id", id)
	}
	if err != nil {
		call.Log.Error("worker failed", "kind", kind, "code", fault.Code(err), "error", err)
	}
}

func (k Kind[S, I]) get(ctx context.Context, call function.Call, in getInput) (State[I], error) {
	r, w, err := k.one(ctx, call, in.ID)
	if err != nil {
		return State[I]{}, err
	}
	out := k.state(w, in.Since)
	out.Notices, err = k.notices(ctx, r, w)
	return out, err
}

func (k Kind[S, I]) order(ctx context.Context, call function.Call, in orderInput, o work.Order) (State[I], error) {
	r, err := k.runner(ctx, call)
	if err != nil {
		return State[I]{}, err
	}
	o.By, o.Reason = change.By(call), in.Reason
	w, err := r.Order(ctx, in.ID, o)
	if err != nil {
		return State[I]{}, err
	}
	return k.state(w, time.Time{}), nil
}

// usualWorks is how many works are listed at once, and atOnce how many are read at
// the same time.
const (
	usualWorks = 50
	atOnce     = 8
)

func (k Kind[S, I]) list(ctx context.Context, call function.Call, in listInput) (Page, error) {
	if in.State != "" && !knownState(in.State) {
		return Page{}, fault.InField("state", "oneof", "must be one of %s", strings.Join(stateNames(), ", "))
	}
	r, err := k.runner(ctx, call)
	if err != nil {
		return Page{}, err
	}
	ids, err := r.List(ctx)
	if err != nil {
		return Page{}, err
	}
	var total *int
	if in.State == "" {
		total = new(len(ids))
	}
	if in.Cursor != "" {
		last, _, err := ReadCursor(in.Cursor)
		at := slices.Index(ids, last)
		if err != nil || at < 0 {
			return Page{}, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
		}
		ids = ids[at+1:]
	}
	page, err := in.page(ctx, r, ids)
	page.Total = total
	return page, err
}

// usually is what is given, or what is usual.
func usually(given *int, usual int) int {
	if given == nil {
		return usual
	}
	return *given
}

// page reads works until as many as are asked for are in the state asked for.
func (in listInput) page(ctx context.Context, r work.Runner, ids []string) (Page, error) {
	page, limit, others := Page{Items: []Summary{}}, usually(in.Limit, usualWorks), map[string]int{}
	for some := range slices.Chunk(ids, atOnce) {
		read, err := summaries(ctx, r, some)
		if err != nil {
			return Page{}, err
		}
		for _, s := range read {
			if len(page.Items) == limit {
				page.NextCursor = CursorOf(page.Items[limit-1].ID, 0)
				return page, nil
			}
			if s.ID != "" && (in.State == "" || s.State == in.State) {
				page.Items = append(page.Items, s)
			} else if s.ID != "" {
				others[string(s.State)]++
			}
		}
	}
	if len(page.Items) == 0 && in.Cursor == "" {
		page.Hints = PassedOver(others)
	}
	return page, nil
}

// PassedOver says how many are in other states than the one asked for; nil: none.
func PassedOver(others map[string]int) []image.Reason {
	var told []string
	for _, state := range slices.Sorted(maps.Keys(others)) {
		told = append(told, fmt.Sprintf("%d %s", others[state], state))
	}
	if len(told) == 0 {
		return nil
	}
	return []image.Reason{{Code: "passedOver", Sentence: "none is in that state; there are " + strings.Join(told, ", ")}}
}

// summaries reads some works at the same time. One that was announced and never
// approved has no id.
func summaries(ctx context.Context, r work.Runner, ids []string) ([]Summary, error) {
	read, failures := make([]Summary, len(ids)), make([]error, len(ids))
	var group fanout.Group
	for n, id := range ids {
		group.Go(func() {
			w, err := r.Summary(ctx, id)
			if failures[n] = err; w.State != "" {
				read[n] = SummaryOf(w)
			}
		})
	}
	group.Wait()
	return read, errors.Join(failures...)
}

func stateNames() []string {
	var names []string
	for _, s := range states() {
		names = append(names, string(s))
	}
	return names
}
