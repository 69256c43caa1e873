// Package works is long work over HTTP and by direct calls, the same for every kind:
// plans that are kept for two days, approvals, the state of a work, lists, orders,
// and the timer that carries them on. A function adds how its steps and items are
// shown, and its capability.
package works

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Kind is long work of one kind; S is a step of its plans and I an item of its works,
// as they are shown. I embeds Item.
type Kind[S, I any] struct {
	// Name is the first segment of the route, such as rollouts, and that of the
	// runner.
	Name string
	// Role may apply, resume, abort, and take a stop back.
	Role function.Role
	// Runner makes the runner of one call.
	Runner func(ctx context.Context, call function.Call) (work.Runner, error)
	// Step shows a step of a plan.
	Step func(s plan.Step) S
	// Item shows an item of a work; one that is not begun has nothing but its name.
	Item func(w work.Work, i work.Item) I
	// Notices tell people of the stages of works; nil: nobody is told.
	Notices *notices.Notices
	// Subject is what a notice is about, such as an image's name; nil: the work's id.
	Subject func(w work.Work) string
}

// Item is what every item shows beside what it is.
type Item struct {
	// Level is how far it is, in a word of the kind's.
	Level string `json:"level,omitempty"`
	// Result: applied, already, failed, or open.
	Result plan.Result   `json:"result"`
	Reason *image.Reason `json:"reason,omitempty"`
	// Since is when it last changed; left out: it is not begun.
	Since *time.Time `json:"since,omitempty"`
}

// ItemOf is the common part of an item.
func ItemOf(i work.Item) Item {
	out := Item{Level: i.Level, Result: i.Outcome.Result, Reason: i.Outcome.Why}
	if out.Result == "" {
		out.Result = plan.Open
	}
	if out.Reason == nil {
		out.Reason = cmp.Or(i.Unseen(), i.Refusal)
	}
	if changed := i.ChangedAt(); !changed.IsZero() {
		out.Since = &changed
	}
	return out
}

// Progress is how much of a work is done.
type Progress struct {
	// Done is how many items have ended, whatever came of them.
	Done int `json:"done"`
	// Of is how many there are.
	Of int `json:"of"`
}

// Next is when a work goes on, and what it waits for.
type Next struct {
	At time.Time `json:"at"`
	*image.Reason
}

// Summary is a work without its items.
type Summary struct {
	// ID is its name among those of its kind.
	ID    string     `json:"id,omitempty"`
	State work.State `json:"state,omitempty"`
	// Digest is that of the plan that was approved.
	Digest string `json:"digest,omitempty"`
	// Of is the work that it undoes or retries.
	Of string `json:"of,omitempty"`
	// Reason is why it is paused or halted, waits, or ended as it did.
	Reason *image.Reason `json:"reason,omitempty"`
	// ApprovedBy are those who approved it, "<issuer> <subject>" each.
	ApprovedBy []string `json:"approvedBy,omitempty"`
	// ApprovedAt is when the last of them did.
	ApprovedAt *time.Time `json:"approvedAt,omitempty"`
	// ValidUntil is when the approval ends if nothing is begun by then.
	ValidUntil *time.Time `json:"validUntil,omitempty"`
	// StartedAt is when the first thing was changed.
	StartedAt *time.Time `json:"startedAt,omitempty"`
	// EndedAt is when nothing was left to do.
	EndedAt  *time.Time `json:"endedAt,omitempty"`
	Progress *Progress  `json:"progress,omitempty"`
	// Next: when it goes on.
	Next *Next `json:"next,omitempty"`
}

// State is a work with its items.
type State[I any] struct {
	Summary
	Items []I `json:"items"`
	// Findings are what was objected to when it was planned.
	Findings []image.Finding `json:"findings"`
	Unknown  []image.Unread  `json:"unknown"`
	// Notices are what became of telling people of it; only for one work, and only
	// where somebody is told.
	Notices []Notice `json:"notices,omitempty"`
}

// Page is a part of a list of works, each without its items, and without its findings and
// unknown: these stand in its plan, which a list does not read, and GET /{kind}/{id} tells them.
type Page struct {
	Items []Summary `json:"items"`
	// NextCursor asks for the next part; left out: this is the last.
	NextCursor string `json:"nextCursor,omitempty"`
	// Total is how many there are, where no state was asked for.
	Total *int `json:"total,omitempty"`
	// Hints say what was passed over, where there is nothing in the state asked for.
	Hints []image.Reason `json:"hints,omitempty"`
}

// Shown is what a plan tells beside its steps.
type Shown struct {
	Findings []image.Finding `json:"findings"`
	Totals   Totals          `json:"totals,omitempty"`
	Unknown  []image.Unread  `json:"unknown"`
}

// Totals is what a plan comes to, an object in JSON whose members are the function's.
type Totals []byte

// MarshalJSON writes the object as it is.
func (t Totals) MarshalJSON() ([]byte, error) { return json.RawMessage(t).MarshalJSON() }

// UnmarshalJSON keeps the object as it is.
func (t *Totals) UnmarshalJSON(text []byte) error {
	*t = slices.Clone(text)
	return nil
}

// JSONSchema is the form of what MarshalJSON writes, as JSON Schema 2020-12.
func (t Totals) JSONSchema() map[string]any {
	return map[string]any{"type": "object", "description": "What the plan comes to: counts and costs, as far as they are known"}
}

// Answer is what a POST is answered with: a plan, or the state of the work that it
// became, or a problem with the plan as it is now.
type Answer[S, I any] struct {
	*function.Problem
	Summary
	Plan *change.Plan[S] `json:"plan,omitempty"`
	// Items of the work, once there is one.
	Items []I `json:"items,omitempty"`
	// Findings are what is objected to.
	Findings []image.Finding `json:"findings"`
	// Totals are what the plan comes to.
	Totals  Totals         `json:"totals,omitempty"`
	Unknown []image.Unread `json:"unknown"`
	// NextCursor asks for further steps of the plan; left out: these are the last.
	NextCursor string `json:"nextCursor,omitempty"`

	location string
}

// HTTPStatus is 202 for a work that is open, 200 for a plan and for a work that has
// ended, and that of a problem.
func (a Answer[S, I]) HTTPStatus() int {
	switch {
	case a.Problem != nil:
		return a.Problem.Status
	case a.ID != "" && !a.State.Ended():
		return http.StatusAccepted
	}
	return http.StatusOK
}

// HTTPHeader has the place of the work, and where the steps go on.
func (a Answer[S, I]) HTTPHeader() http.Header {
	header := a.Problem.HTTPHeader()
	if a.location != "" {
		header.Set("Location", a.location)
	}
	var step S
	if _, table := any(step).(Row); table && a.NextCursor != "" { // a table has no place for it
		header.Set("Next-Cursor", a.NextCursor)
	}
	return header
}

// optional is a time that may not be known.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// SummaryOf tells a work.
func SummaryOf(w work.Work) Summary {
	s := Summary{
		ID: w.ID, State: w.State, Digest: w.Digest, Of: w.Of, Reason: w.Why,
		ApprovedAt: optional(w.ApprovedAt), StartedAt: optional(w.StartedAt), EndedAt: optional(w.EndedAt),
		Progress: &Progress{w.Done(), w.Total}, ApprovedBy: []string{},
	}
	for _, a := range w.Approvals {
		s.ApprovedBy = append(s.ApprovedBy, a.By)
	}
	if w.StartedAt.IsZero() && !w.State.Ended() {
		s.ValidUntil = optional(w.ValidUntil())
	}
	if w.State == work.Waiting || w.State == work.Queued || w.State == work.Running {
		s.Next = &Next{At: w.Next.UTC(), Reason: w.Why}
	}
	return s
}

// state tells a work with the items that changed since a time.
func (k Kind[S, I]) state(w work.Work, since time.Time) State[I] {
	shown := shownOf(w.Document)
	s := State[I]{Summary: SummaryOf(w), Items: []I{}, Findings: shown.Findings, Unknown: shown.Unknown}
	for _, name := range w.Names() {
		i := w.Items[name]
		i.Name = name
		if since.IsZero() || !i.ChangedAt().Before(since) {
			s.Items = append(s.Items, k.Item(w, i))
		}
	}
	return s
}

// shownOf reads what is shown beside a plan.
func shownOf(d work.Document) Shown {
	var s Shown
	_ = json.Unmarshal(d.Shown, &s) // one that shows nothing has none
	if s.Findings == nil {
		s.Findings = []image.Finding{}
	}
	if s.Unknown == nil {
		s.Unknown = []image.Unread{}
	}
	return s
}

// Request is what a POST of long work has beside the wish; inputs embed it.
type Request struct {
	Apply  *Apply `json:"apply" query:"-" doc:"Left out: only plan. Alone: approves what somebody else proposed by that digest"`
	Limit  *int   `json:"limit" validate:"omitempty,min=1,max=1000" doc:"How many steps of the plan to show; 200 if left out"`
	Cursor string `json:"cursor" validate:"max=512" doc:"Where to go on with the steps of a plan, from its nextCursor"`
}

// Apply asks to carry a plan out.
type Apply struct {
	Digest string `json:"digest" validate:"required,digest" doc:"The digest of the plan that was seen"`
}

// Wish is what a POST asks for beside its Request.
type Wish struct {
	// Empty: it asks for nothing. With apply the request then approves, and does
	// nothing else: a plan that is named by its digest, and that others may have made.
	Empty bool
	// Wrong is why what is asked for cannot be planned.
	Wrong error
	// Plan plans it, with what is shown beside.
	Plan func(context.Context) (work.Document, error)
	// Narrow is what to narrow where that takes longer than there is time, as in "select
	// by region".
	Narrow string
	// Left fails with fault.Conflict where nothing is left of what a plan changes that is
	// as it was when it was planned. It is asked before a first approval; nil: that is
	// found out by the work.
	Left func(context.Context, work.Document) error
	// ValidUntil is when an approval ends that is not begun; nil or zero: after a day.
	ValidUntil func(work.Document) time.Time
}

// Nothing reports whether an input, its Request left out, asks for nothing.
func Nothing(rest any) bool { return reflect.ValueOf(rest).IsZero() }

// Post answers a POST: a page of a plan that was made, a new plan, or the work that a
// plan becomes by its approval. It fails with fault.NotFound where a request only
// approves and nothing is kept by its digest.
func (k Kind[S, I]) Post(ctx context.Context, call function.Call, in Request, wish Wish) (Answer[S, I], error) {
	approves := in.Apply != nil && wish.Empty
	if wish.Wrong != nil && !approves {
		return Answer[S, I]{}, wish.Wrong
	}
	r, err := k.runner(ctx, call)
	if err != nil {
		return Answer[S, I]{}, err
	}
	plans := shelf{r}
	if in.Cursor != "" {
		return k.page(ctx, plans, in)
	}
	if in.Apply == nil {
		d, err := wish.plan(ctx)
		if err != nil {
			return Answer[S, I]{}, err
		}
		name, err := plans.keep(ctx, d)
		return k.planned(d, name, 0, in.Limit), err
	}
	d, known, err := plans.find(ctx, in.Apply.Digest)
	switch {
	case err != nil:
		return Answer[S, I]{}, err
	case known:
		return k.approve(ctx, call, r, d, in.Limit, wish)
	case approves:
		return Answer[S, I]{}, planGone()
	}
	if d, err = wish.plan(ctx); err != nil {
		return Answer[S, I]{}, err
	}
	if d.Plan.Plan().Digest() == in.Apply.Digest {
		return k.approve(ctx, call, r, d, in.Limit, wish)
	}
	// Whoever asked for the same at the same moment may have had it since.
	if same, known, err := plans.find(ctx, in.Apply.Digest); known {
		return k.approve(ctx, call, r, same, in.Limit, wish)
	} else if err != nil {
		return Answer[S, I]{}, err
	}
	return k.changed(ctx, call, plans, d, in.Limit)
}

// changed shows the plan that there is in the place of one that is no more.
func (k Kind[S, I]) changed(ctx context.Context, call function.Call, plans shelf, d work.Document, limit *int) (Answer[S, I], error) {
	name, err := plans.keep(ctx, d)
	a := k.planned(d, name, 0, limit)
	a.Problem = call.Problem(fault.New(fault.Conflict, "there is no such plan any more: look at the one in this answer, and apply its digest").WithCode("planChanged"))
	return a, err
}

// approve carries the approval of a plan to the runner.
func (k Kind[S, I]) approve(ctx context.Context, call function.Call, r work.Runner, d work.Document, limit *int, wish Wish) (Answer[S, I], error) {
	refuse := func(err error) (Answer[S, I], error) {
		a := k.planned(d, "", 0, limit)
		a.Problem, a.NextCursor = call.Problem(err), ""
		return a, nil
	}
	if err := admissible(d); err != nil {
		return refuse(err)
	}
	if err := wish.left(ctx, r, d); errors.Is(err, fault.Conflict) {
		return refuse(err)
	} else if err != nil {
		return Answer[S, I]{}, err
	}
	by := work.Approval{By: change.By(call)}
	if wish.ValidUntil != nil {
		by.ValidUntil = wish.ValidUntil(d)
	}
	w, err := r.Approve(ctx, d, by)
	switch kind := fault.Of(err); {
	case kind == fault.Conflict || kind == fault.Precondition:
		return refuse(err)
	case err != nil:
		return Answer[S, I]{}, err
	}
	return k.answer(w), nil
}

// plan plans, in the time that there is.
func (w Wish) plan(ctx context.Context) (work.Document, error) {
	d, err := w.Plan(ctx)
	if errors.Is(err, context.DeadlineExceeded) || err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return d, TooLarge(cmp.Or(w.Narrow, "ask for less"))
	}
	return d, err
}

// TooLarge is the failure of a plan that cannot be made within the time, with what to
// narrow.
func TooLarge(narrow string) error {
	return fault.New(fault.Unavailable, "the plan cannot be made within the time: %s", narrow).WithCode("planTooLarge")
}

// left asks whether anything of a plan is as it was, unless somebody approved it before.
func (w Wish) left(ctx context.Context, r work.Runner, d work.Document) error {
	if w.Left == nil {
		return nil
	}
	before, err := r.Get(ctx, d.WorkID())
	switch {
	case errors.Is(err, fault.NotFound), err == nil && before.State.Ended() && before.Digest != d.Plan.Plan().Digest():
		return w.Left(ctx, d)
	}
	return err
}

// admissible: nothing in a plan says that it must not be carried out.
func admissible(d work.Document) error {
	if refusals := d.Plan.Plan().Refusals(); len(refusals) > 0 {
		first := refusals[0]
		return fault.New(fault.Precondition, "%s: %s", first.Name(), first.Reasons[0].Sentence).WithCode(first.Reasons[0].Code)
	}
	for _, f := range shownOf(d).Findings {
		if f.Level == image.Fatal {
			return fault.New(fault.Precondition, "%s", f.Sentence).WithCode(f.Code)
		}
	}
	return nil
}

// Offer keeps a plan for two days, as a POST without apply does, so that somebody
// may approve it by its digest. It is for plans that no caller asked for, such as
// those of rules.
func (k Kind[S, I]) Offer(ctx context.Context, call function.Call, d work.Document) error {
	r, err := k.runner(ctx, call)
	if err == nil {
		_, err = shelf{r}.keep(ctx, d)
	}
	return err
}

// Enact approves a plan in the name of a rule, with the same refusals as a POST with
// apply: fault.Precondition where the plan says that it must not be carried out, and
// whatever Runner.Approve fails with.
func (k Kind[S, I]) Enact(ctx context.Context, call function.Call, d work.Document, rule string) (work.Work, error) {
	r, err := k.runner(ctx, call)
	if err != nil {
		return work.Work{}, err
	}
	if err := admissible(d); err != nil {
		return work.Work{}, err
	}
	return r.Approve(ctx, d, work.Approval{By: rule})
}

// answer tells a work as a POST is answered.
func (k Kind[S, I]) answer(w work.Work) Answer[S, I] {
	s := k.state(w, time.Time{})
	return Answer[S, I]{Summary: s.Summary, Items: s.Items, Findings: s.Findings, Unknown: s.Unknown, location: "/" + k.Name + "/" + w.ID}
}

// usualSteps is how many steps of a plan are shown at once.
const usualSteps = 200

// planned shows a part of a plan. name is where it is kept.
func (k Kind[S, I]) planned(d work.Document, name string, from int, most *int) Answer[S, I] {
	limit := usually(most, usualSteps)
	p, shown := d.Plan.Plan(), shownOf(d)
	out := change.PlanOf(p, k.Step)
	for _, other := range d.Others {
		s := other.Step
		s.Beside = other.Beside
		out.Steps = append(out.Steps, k.Step(s))
	}
	for _, f := range shown.Findings {
		out.Applicable = out.Applicable && f.Level != image.Fatal
	}
	out.Applicable = out.Applicable && out.Changes > 0
	all := len(out.Steps)
	from = min(from, all)
	to := min(from+limit, all)
	out.Steps = out.Steps[from:to]
	a := Answer[S, I]{Plan: &out, Findings: shown.Findings, Totals: shown.Totals, Unknown: shown.Unknown}
	if to < all && name != "" {
		a.NextCursor = CursorOf(name, to)
	}
	return a
}

// page shows a further part of a plan that was kept.
func (k Kind[S, I]) page(ctx context.Context, plans shelf, in Request) (Answer[S, I], error) {
	if in.Apply != nil {
		return Answer[S, I]{}, fault.InField("cursor", "noEffect", "has no effect together with apply")
	}
	name, from, err := ReadCursor(in.Cursor)
	if err != nil || !strings.HasPrefix(name, plans.folder()) {
		return Answer[S, I]{}, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
	}
	d, err := plans.read(ctx, name)
	if err != nil {
		return Answer[S, I]{}, err
	}
	return k.planned(d, name, from, in.Limit), nil
}

// one reads a work for an operation.
func (k Kind[S, I]) one(ctx context.Context, call function.Call, id string) (work.Runner, work.Work, error) {
	r, err := k.runner(ctx, call)
	if err != nil {
		return r, work.Work{}, err
	}
	w, err := r.Get(ctx, id)
	return r, w, err
}

// states are all that a work can be in.
func states() []work.State {
	return []work.State{
		work.AwaitingApproval, work.Queued, work.Running, work.Waiting, work.Paused, work.Halted,
		work.Aborting, work.Aborted, work.Finished, work.Partly, work.Failed,
	}
}

func knownState(s work.State) bool { return slices.Contains(states(), s) }
