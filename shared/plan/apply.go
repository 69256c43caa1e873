package plan

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"imagekeeper/shared/fault"
)

// Grace is how long after its deadline a silent worker is still left alone. Its
// own calls end at the deadline, so whoever takes over later meets nobody.
const Grace = 60 * time.Second

// reserve is kept of a worker's time: with less than that left nothing is
// begun, and what was begun ends when half of it is left, so that its outcome
// can be recorded.
const reserve = 2 * time.Second

// Work is how the plans of one target are made and carried out. Observe and Do
// must be safe to call again at any time.
type Work struct {
	Target string
	Log    Log
	// Observe looks at the world and plans again; told is the target's log, as it
	// was read just before.
	Observe func(ctx context.Context, told []Entry) (Plan, error)
	// Batch cuts changes into what is done by one Do, in order; it may reorder.
	Batch func(changes []Step) [][]Step
	// Do carries out some steps of an approved plan, after looking whether their
	// guards still hold, and returns an outcome for each. Its context ends a little
	// before the worker's time does, so that the outcomes can still be recorded.
	Do func(ctx context.Context, approved Plan, steps []Step) []Outcome
	// Heeds, by the target's log, says that a request is written down although it changes
	// nothing: somebody reads there what was decided last; nil: never.
	Heeds func(told []Entry) bool
	// Now is the clock.
	Now func() time.Time
}

// Request asks for a plan to be carried out.
type Request struct {
	// Digest of the plan that the caller has seen.
	Digest string
	// Within is asked instead, if it is set: whatever the plan of now is, it is
	// carried out unless Within fails, and then it fails likewise.
	Within func(Plan) error
	// ID names such a request, so that one that is delivered again carries out
	// nothing else; empty: it cannot be told from another one.
	ID string
	// By is the caller, for the log.
	By string
	// TwoPeople: what nobody approved yet needs another caller to ask for the same,
	// within a day.
	TwoPeople bool
	// Deadline is when this worker must have stopped.
	Deadline time.Time
}

// Report is what came of a request.
type Report struct {
	// Plan is the one carried out; after a conflict, the new one.
	Plan     Plan
	Outcomes []Outcome
	// Complete: every change is done, and a last look showed what was asked for;
	// else the same digest goes on with the rest.
	Complete bool
	// Recorded: the plan was finished before, and these are its outcomes.
	Recorded bool
	// Approved are those who approved it, in order. Waits: another one has to, until
	// ValidUntil; nothing was done.
	Approved   []string
	Waits      bool
	ValidUntil time.Time
	// Differences, of a conflict, are what moved since the base of the plan that
	// was approved last, or since that was finished which is asked for again; of
	// what is not complete, how the last look differs from the goal.
	Differences []Difference
	// Unseen is why there was no last look, though every change is done.
	Unseen error
}

// Kept is why nothing was done at all: the failure of the first change. It is nil
// if something was done, or may have been.
func (r Report) Kept() error {
	if r.Complete || r.Waits || slices.ContainsFunc(r.Outcomes, Outcome.Sent) {
		return nil
	}
	for _, o := range r.Outcomes {
		if o.Why != nil {
			return &fault.Error{Kind: cmp.Or(o.Kind, fault.Precondition), Code: o.Why.Code, Sentence: o.Why.Sentence, Permission: o.Permission}
		}
	}
	return fault.New(fault.Unavailable, "the time was over before anything was done; the same digest goes on").WithCode("timeOver")
}

// Plan looks at the world and plans, in the epoch that the target is in.
func (w Work) Plan(ctx context.Context) (Plan, error) {
	_, now, err := w.look(ctx)
	return now, err
}

// look reads the log, and then looks at the world: whoever finds the log as it was
// read can rely on what was seen.
func (w Work) look(ctx context.Context) (story, Plan, error) {
	entries, err := w.Log.Read(ctx, w.Target)
	if err != nil {
		return story{}, Plan{}, err
	}
	now, err := w.Observe(ctx, entries)
	if err != nil {
		return story{}, Plan{}, err
	}
	told := tell(entries)
	told.heeded = w.Heeds != nil && w.Heeds(entries)
	if epoch := told.epoch(now, w.Now()); epoch != "" {
		now.Base = orEmpty(maps.Clone(now.Base))
		now.Base[Epoch] = epoch
	}
	return told, now, nil
}

// Apply carries out the plan with the digest asked for, resumes it if another
// worker left it, or answers the outcomes if it was finished and the world still
// shows what it was for. It fails with fault.Conflict if the world, or another
// worker, made it another plan; the report then has the new plan. It fails with
// fault.Precondition if steps of the plan are refused, and with fault.Unavailable
// if its time is over before it began. A plan without changes needs nothing and
// is done.
func (w Work) Apply(ctx context.Context, r Request) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Deadline.Sub(w.Now()))
	defer cancel()
	told, now, err := w.look(ctx)
	if err != nil {
		return Report{}, err
	}
	if r.Within != nil {
		if r.Digest, err = within(told, now, r); err != nil {
			return Report{Plan: now}, err
		}
	}
	d := decide(told, now, r, w.Now())
	switch d.verdict {
	case answer:
		return Report{Plan: now, Outcomes: d.outcomes, Approved: d.approved, Complete: true, Recorded: true}, nil
	case refuse:
		return Report{Plan: now, Differences: d.differences}, d.err
	}
	if !w.Now().Before(r.Deadline) {
		return Report{}, fault.New(fault.Unavailable, "the time was over before anything was begun")
	}
	run := &run{
		Work: w, request: r, plan: d.plan, seen: now.Base, barred: now.Refusals(), position: told.length,
		outcomes: d.known, approved: d.approved,
	}
	if d.verdict == propose && slices.Contains(d.approved, r.By) {
		return run.waits(told.proposal.at), nil
	}
	if err := run.claim(ctx, d.verdict); err != nil {
		return w.lostRace(ctx, d.plan.Base, err)
	}
	if d.verdict == propose {
		run.approved = []string{r.By}
		return run.waits(run.written), nil
	}
	return run.carryOut(ctx)
}

// waits reports that another one has to approve what was proposed at a time.
func (r *run) waits(proposed time.Time) Report {
	return Report{Plan: r.plan, Approved: r.approved, Waits: true, ValidUntil: proposed.Add(validFor).UTC()}
}

// within is the digest of what a request without one asks for: what was approved
// for it before, else the plan of now, if it is within the limits.
func within(told story, now Plan, r Request) (string, error) {
	if before, known := told.requests[r.ID]; known && r.ID != "" {
		return before, nil
	}
	return now.Digest(), r.Within(now)
}

// lostRace: another worker wrote first, so the caller gets the plan as it is now.
func (w Work) lostRace(ctx context.Context, was Facts, err error) (Report, error) {
	if !errors.Is(err, fault.Conflict) {
		return Report{}, err
	}
	_, now, lookErr := w.look(ctx)
	if lookErr != nil {
		return Report{}, errors.Join(err, lookErr)
	}
	return Report{Plan: now, Differences: Differences(was, now.Base)}, fault.Wrap(fault.Conflict, err, "another change of %s was approved first", w.Target).WithCode("approvedElsewhere")
}

// verdict is what becomes of a request.
type verdict int

const (
	refuse  verdict = iota
	answer          // it was finished: say what came of it
	act             // carry out what was planned now
	resume          // go on with what was approved before
	propose         // write down that one caller asks for it
)

type decision struct {
	verdict     verdict
	plan        Plan
	known       map[string]Outcome
	outcomes    []Outcome
	approved    []string
	differences []Difference
	err         error
}

// decide is the protocol: a pure function of the log, the world, the request and
// the time.
func decide(told story, now Plan, r Request, at time.Time) decision {
	busy, digest := told.held && at.Before(told.until.Add(Grace)), r.Digest
	same := now.Digest() == digest
	switch {
	case busy:
		return refused("inProgress", "an approved plan is being carried out until "+told.until.UTC().Format(time.RFC3339)+" at the latest", nil)
	case told.digest == digest && !told.finished && told.plan != nil:
		return decideResume(told, now, at)
	case told.unsettled(now.Base) && at.Before(told.at.Add(Grace)):
		return refused("unsettled", "changes of an approved plan were sent and do not show yet; until "+
			told.at.Add(Grace).UTC().Format(time.RFC3339)+" only the same plan can go on", nil)
	case same && len(now.Refusals()) > 0:
		return forbidden(now.Refusals()[0])
	case same && len(now.Changes()) == 0:
		return decideNothing(told, now, r)
	case same:
		return decideNew(told, now, r, at)
	}
	if earlier, ok := told.earlier[digest]; ok {
		return decideAgain(earlier, now)
	}
	return refused("planChanged", "the plan is not the one that was approved: look at the one in this answer, and apply its digest", told.moved(now.Base))
}

// decideNothing: nothing has to be changed, which needs no second person.
func decideNothing(told story, now Plan, r Request) decision {
	if !told.heeded {
		return decision{verdict: answer}
	}
	return decision{verdict: act, plan: now, known: map[string]Outcome{}, approved: []string{r.By}}
}

// decideNew: the plan is that of now, and nobody approved it yet; perhaps one of two
// did.
func decideNew(told story, now Plan, r Request, at time.Time) decision {
	d := decision{verdict: act, plan: now, known: map[string]Outcome{}, approved: []string{r.By}}
	if !r.TwoPeople {
		return d
	}
	first := told.proposal
	waiting := first.digest == r.Digest && at.Before(first.at.Add(validFor))
	switch {
	case !waiting:
		d.verdict, d.approved = propose, nil
	case first.by == r.By:
		d.verdict = propose
	default:
		d.approved = []string{first.by, r.By}
	}
	return d
}

// decideAgain: the plan was finished, and is asked for again. It never acts: either
// the world still shows what it was for, and what is asked for now, or it does not.
func decideAgain(earlier finished, now Plan) decision {
	if now.within(now.Base) && earlier.plan.within(now.Base) && sameWish(earlier.plan, now) {
		return decision{verdict: answer, outcomes: earlier.outcomes, approved: earlier.approved}
	}
	return refused("planChanged", "the plan was carried out before, and what is asked for no longer holds: look at the one in this answer, and apply its digest",
		Differences(earlier.plan.goal(), now.Base))
}

// decideResume: the plan was approved and not finished, and nobody works on it.
// A refusal of the plan of now bars the step about the same subject, and
// everything if there is none.
func decideResume(told story, now Plan, at time.Time) decision {
	if !told.open(at) {
		return refused("approvalExpired", "the plan was approved at "+told.approved.UTC().Format(time.RFC3339)+
			" and not begun within a day: look at the one in this answer, and apply its digest", told.moved(now.Base))
	}
	if strange := told.plan.unexplained(now.Base); len(strange) > 0 {
		return refused("worldMoved", "the world changed in a way that is no step of the approved plan", strange)
	}
	if !sameWish(*told.plan, now) {
		return refused("planChanged", "what is asked for is not what the approved plan does", told.moved(now.Base))
	}
	for _, s := range now.Refusals() {
		if !slices.ContainsFunc(told.plan.Changes(), s.concernsSame) {
			return forbidden(s)
		}
	}
	return decision{verdict: resume, plan: *told.plan, known: told.outcomes, approved: told.approvedBy}
}

// concernsSame: both steps are about the same subject.
func (s Step) concernsSame(other Step) bool { return s.Subject == other.Subject }

// forbidden: a step of the plan is refused.
func forbidden(s Step) decision {
	return decision{err: fault.New(fault.Precondition, "%s: %s", s.Name(), s.Reasons[0].Sentence).WithCode(s.Reasons[0].Code)}
}

func refused(code, sentence string, differences []Difference) decision {
	return decision{differences: differences, err: fault.New(fault.Conflict, "%s", sentence).WithCode(code)}
}

// run is one worker's work on one plan.
type run struct {
	Work
	request Request
	plan    Plan
	// seen is the world as it was found, and barred what is refused in it.
	seen     Facts
	barred   []Step
	position int
	// written is when the last entry says that it was.
	written  time.Time
	outcomes map[string]Outcome
	approved []string
}

// append writes the next entry; another worker's entry at its place ends the run.
// What was done is written also for a caller who has gone away.
func (r *run) append(ctx context.Context, e Entry) error {
	ctx, cancel := r.until(context.WithoutCancel(ctx), r.request.Deadline)
	defer cancel()
	e.Digest, e.At = r.plan.Digest(), r.Now().UTC()
	if err := r.Log.Append(ctx, r.Target, r.position, e); err != nil {
		return err
	}
	r.position, r.written = r.position+1, e.At
	return nil
}

func (r *run) claim(ctx context.Context, v verdict) error {
	e := Entry{Kind: Resumed, By: r.request.By, Until: r.request.Deadline.UTC()}
	switch v {
	case propose:
		e.Kind, e.Plan, e.Until = Proposed, r.plan.store(), time.Time{}
	case act:
		e.Kind, e.Plan = Approved, r.plan.store()
		if len(r.approved) > 1 {
			e.First = r.approved[0]
		}
		if r.request.Within != nil {
			e.Request = r.request.ID
		}
	}
	return r.append(ctx, e)
}

// carryOut does what is left, batch by batch: intent, deed, outcome. What does
// not fit into this worker's time is left for the next.
func (r *run) carryOut(ctx context.Context) (Report, error) {
	for _, batch := range r.batches() {
		if ctx.Err() != nil || !r.Now().Add(reserve).Before(r.request.Deadline) {
			break
		}
		if batch = r.ready(batch); len(batch) == 0 {
			continue
		}
		if err := r.step(ctx, batch); err != nil {
			return r.brokenOff(err)
		}
	}
	return r.finish(ctx)
}

// batches are what is left, cut into what is done at once: first what waits for
// nothing, then what waits for that, and so on.
func (r *run) batches() [][]Step {
	var batches [][]Step
	for left := r.left(); len(left) > 0; {
		var now, later []Step
		for _, s := range left {
			waits := slices.ContainsFunc(left, func(other Step) bool { return slices.Contains(s.After, other.Name()) })
			if waits {
				later = append(later, s)
			} else {
				now = append(now, s)
			}
		}
		if len(now) == 0 { // they wait for each other
			now, later = later, nil
		}
		batches = append(batches, r.Batch(now)...)
		left = later
	}
	return batches
}

// ready are the steps of a batch for which everything is done that must be done
// before them. The others failed, by what they wait for.
func (r *run) ready(batch []Step) []Step {
	var ready []Step
	for _, s := range batch {
		n := slices.IndexFunc(s.After, func(name string) bool { return r.missing(name) })
		if n < 0 {
			ready = append(ready, s)
			continue
		}
		r.outcomes[s.Name()] = Failure(s, fault.New(fault.Precondition, "it is to be done after %s, which is not done", s.After[n]).WithCode("notBefore"))
	}
	return ready
}

// missing: a step of this name is part of the plan, and is not done.
func (r *run) missing(name string) bool {
	return !r.outcomes[name].Done() && slices.ContainsFunc(r.plan.Changes(), func(s Step) bool { return s.Name() == name && !s.Done(r.seen) })
}

// until ends a context at a time of the run's own clock.
func (r *run) until(ctx context.Context, end time.Time) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, end.Sub(r.Now()))
}

// left are the changes that the world did not show when it was looked at, which
// was after the log was read: since then nobody else was allowed to change it.
// What is refused by now is not among them.
func (r *run) left() []Step {
	var left []Step
	for _, s := range r.plan.Changes() {
		bar := slices.IndexFunc(r.barred, s.concernsSame)
		switch {
		case s.Done(r.seen):
			if !r.outcomes[s.Name()].Done() { // it may have been in doubt
				r.outcomes[s.Name()] = Outcome{Step: s.Name(), Result: Already}
			}
		case bar >= 0:
			r.outcomes[s.Name()] = Outcome{Step: s.Name(), Result: Failed, Why: &r.barred[bar].Reasons[0], Kind: fault.Precondition}
		default:
			left = append(left, s)
		}
	}
	return left
}

func (r *run) step(ctx context.Context, batch []Step) error {
	names := make([]string, 0, len(batch))
	for _, s := range batch {
		names = append(names, s.Name())
	}
	if err := r.append(ctx, Entry{Kind: Intended, Steps: names}); err != nil {
		return err
	}
	doing, cancel := r.until(ctx, r.request.Deadline.Add(-reserve/2))
	defer cancel()
	outcomes := r.Do(doing, r.plan, batch)
	for _, o := range outcomes {
		r.outcomes[o.Step] = o
	}
	return r.append(ctx, Entry{Kind: Happened, Outcomes: outcomes})
}

// finish closes the plan, or lets go of it if something failed or is still open,
// or if a last look does not show what was asked for.
func (r *run) finish(ctx context.Context) (Report, error) {
	report := r.report()
	if report.Complete {
		report.Complete, report.Differences, report.Unseen = r.lastLook(ctx)
	}
	kind := Released
	if report.Complete {
		kind = Finished
	}
	if err := r.append(ctx, Entry{Kind: kind, Outcomes: report.Outcomes}); err != nil {
		report.Complete = false
		return report, err
	}
	return report, nil
}

// lastLook reports whether the world shows what the plan was for, and how it
// differs; also for a caller who has gone away.
func (r *run) lastLook(ctx context.Context) (shows bool, differences []Difference, err error) {
	ctx, cancel := r.until(context.WithoutCancel(ctx), r.request.Deadline.Add(-reserve/2))
	defer cancel()
	_, now, err := r.look(ctx)
	if err != nil {
		return false, nil, err
	}
	if now.within(now.Base) && r.plan.within(now.Base) {
		return true, nil, nil
	}
	want := r.plan.goal()
	want[Epoch] = now.Base[Epoch]
	return false, Differences(want, now.Base), nil
}

// brokenOff is the report of a run that err ended.
func (r *run) brokenOff(err error) (Report, error) {
	report := r.report()
	report.Complete = false
	return report, err
}

// report has one outcome per change, in the order of the plan.
func (r *run) report() Report {
	report := Report{Plan: r.plan, Approved: r.approved, Complete: true}
	for _, s := range r.plan.Changes() {
		o, ok := r.outcomes[s.Name()]
		if !ok {
			o = Outcome{Step: s.Name(), Result: Open}
		}
		report.Complete = report.Complete && o.Done()
		report.Outcomes = append(report.Outcomes, o)
	}
	return report
}
