package plan

import (
	"context"
	"errors"
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
	// Observe looks at the world and plans again.
	Observe func(ctx context.Context) (Plan, error)
	// Batch cuts changes into what is done by one Do, in order; it may reorder.
	Batch func(changes []Step) [][]Step
	// Do carries out some steps of an approved plan, after looking whether their
	// guards still hold, and returns an outcome for each. Its context ends a little
	// before the worker's time does, so that the outcomes can still be recorded.
	Do func(ctx context.Context, approved Plan, steps []Step) []Outcome
	// Now is the clock.
	Now func() time.Time
}

// Request asks for a plan to be carried out.
type Request struct {
	// Digest of the plan that the caller has seen.
	Digest string
	// By is the caller, for the log.
	By string
	// Deadline is when this worker must have stopped.
	Deadline time.Time
}

// Report is what came of a request.
type Report struct {
	// Plan is the one carried out; after a conflict, the new one.
	Plan     Plan
	Outcomes []Outcome
	// Complete: every change is done; else the same digest goes on with the rest.
	Complete bool
	// Recorded: the plan was finished before, and these are its outcomes.
	Recorded bool
	// Differences, of a conflict, are what moved since the base of the plan that
	// was approved last.
	Differences []Difference
}

// Apply carries out the plan with the digest asked for, resumes it if another
// worker left it, or answers the outcomes if it was finished. It fails with
// fault.Conflict if the world, or another worker, made it another plan; the
// report then has the new plan. It fails with fault.Precondition if steps of
// the plan are refused, and with fault.Unavailable if its time is over before it
// began. A plan without changes needs nothing and is done.
func (w Work) Apply(ctx context.Context, r Request) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Deadline.Sub(w.Now()))
	defer cancel()
	entries, err := w.Log.Read(ctx, w.Target)
	if err != nil {
		return Report{}, err
	}
	now, err := w.Observe(ctx)
	if err != nil {
		return Report{}, err
	}
	told := tell(entries)
	d := decide(told, now, r, w.Now())
	switch d.verdict {
	case answer:
		return Report{Plan: now, Outcomes: d.outcomes, Complete: true, Recorded: true}, nil
	case refuse:
		return Report{Plan: now, Differences: d.differences}, d.err
	}
	if !w.Now().Before(r.Deadline) {
		return Report{}, fault.New(fault.Unavailable, "the time was over before anything was begun")
	}
	run := &run{Work: w, request: r, plan: d.plan, seen: now.Base, barred: now.Refusals(), position: told.length, outcomes: d.known}
	if err := run.claim(ctx, d.verdict); err != nil {
		return w.lostRace(ctx, d.plan.Base, err)
	}
	return run.carryOut(ctx)
}

// lostRace: another worker wrote first, so the caller gets the plan as it is now.
func (w Work) lostRace(ctx context.Context, was Facts, err error) (Report, error) {
	if !errors.Is(err, fault.Conflict) {
		return Report{}, err
	}
	now, observeErr := w.Observe(ctx)
	if observeErr != nil {
		return Report{}, errors.Join(err, observeErr)
	}
	return Report{Plan: now, Differences: Differences(was, now.Base)}, fault.Wrap(fault.Conflict, err, "another change of %s was approved first", w.Target).WithCode("approvedElsewhere")
}

// verdict is what becomes of a request.
type verdict int

const (
	refuse verdict = iota
	answer         // it was finished: say what came of it
	act            // carry out what was planned now
	resume         // go on with what was approved before
)

type decision struct {
	verdict     verdict
	plan        Plan
	known       map[string]Outcome
	outcomes    []Outcome
	differences []Difference
	err         error
}

// decide is the protocol: a pure function of the log, the world, the request
// and the time.
func decide(told story, now Plan, r Request, at time.Time) decision {
	busy := told.held && at.Before(told.until.Add(Grace))
	same := now.Digest() == r.Digest
	switch {
	case busy:
		return refused("inProgress", "an approved plan is being carried out until "+told.until.UTC().Format(time.RFC3339)+" at the latest", nil)
	case told.digest == r.Digest && !told.finished && told.plan != nil:
		return decideResume(told, now)
	case told.unsettled(now.Base) && at.Before(told.at.Add(Grace)):
		return refused("unsettled", "changes of an approved plan were sent and do not show yet; until "+
			told.at.Add(Grace).UTC().Format(time.RFC3339)+" only the same plan can go on", nil)
	case same && len(now.Refusals()) > 0:
		return forbidden(now.Refusals()[0])
	case same && len(now.Changes()) == 0:
		return decision{verdict: answer}
	case same:
		return decision{verdict: act, plan: now, known: map[string]Outcome{}}
	}
	if earlier, ok := told.earlier[r.Digest]; ok && sameWish(earlier.plan, now) {
		return decision{verdict: answer, outcomes: earlier.outcomes}
	}
	return refused("planChanged", "the plan is not the one that was approved: look at the one in this answer, and apply its digest", told.moved(now.Base))
}

// decideResume: the plan was approved and not finished, and nobody works on it.
// A refusal of the plan of now bars the step about the same subject, and
// everything if there is none.
func decideResume(told story, now Plan) decision {
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
	return decision{verdict: resume, plan: *told.plan, known: told.outcomes}
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
	outcomes map[string]Outcome
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
	r.position++
	return nil
}

func (r *run) claim(ctx context.Context, v verdict) error {
	e := Entry{Kind: Resumed, By: r.request.By, Until: r.request.Deadline.UTC()}
	if v == act {
		e.Kind, e.Plan = Approved, r.plan.store()
	}
	return r.append(ctx, e)
}

// carryOut does what is left, batch by batch: intent, deed, outcome. What does
// not fit into this worker's time is left for the next.
func (r *run) carryOut(ctx context.Context) (Report, error) {
	for _, batch := range r.Batch(r.left()) {
		if ctx.Err() != nil || !r.Now().Add(reserve).Before(r.request.Deadline) {
			break
		}
		if err := r.step(ctx, batch); err != nil {
			return r.report(), err
		}
	}
	return r.finish(ctx)
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
			if !r.outcomes[s.Name()].done() { // it may have been in doubt
				r.outcomes[s.Name()] = Outcome{Step: s.Name(), Result: Already}
			}
		case bar >= 0:
			r.outcomes[s.Name()] = Outcome{Step: s.Name(), Result: Failed, Why: &r.barred[bar].Reasons[0]}
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

// finish closes the plan, or lets go of it if something failed or is still open.
func (r *run) finish(ctx context.Context) (Report, error) {
	report := r.report()
	if !report.Complete {
		return report, r.append(ctx, Entry{Kind: Released, Outcomes: report.Outcomes})
	}
	return report, r.append(ctx, Entry{Kind: Finished, Outcomes: report.Outcomes})
}

// report has one outcome per change, in the order of the plan.
func (r *run) report() Report {
	report := Report{Plan: r.plan, Complete: true}
	for _, s := range r.plan.Changes() {
		o, ok := r.outcomes[s.Name()]
		if !ok {
			o = Outcome{Step: s.Name(), Result: Open}
		}
		report.Complete = report.Complete && o.done()
		report.Outcomes = append(report.Outcomes, o)
	}
	return report
}
