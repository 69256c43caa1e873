package plan

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// EntryKind is what an entry of a target's log says.
type EntryKind string

// The kinds of entry, in the order in which they appear.
const (
	Proposed EntryKind = "proposed" // one of two asked for a plan
	Approved EntryKind = "approved" // a plan was approved and will be carried out
	Resumed  EntryKind = "resumed"  // another worker took an approved plan over
	Intended EntryKind = "intended" // some steps are about to be done
	Happened EntryKind = "happened" // what became of them
	Released EntryKind = "released" // the worker stopped with something left: anyone may go on at once
	Finished EntryKind = "finished" // nothing of the plan is left to do
)

// Entry is one record of a target's log. It is written before and after every
// change, so that the log alone tells the whole story.
type Entry struct {
	Kind   EntryKind `json:"kind"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	// By is the caller who proposed, or approved, or who made a worker go on; First is
	// the one who had proposed what By approved.
	By    string `json:"by,omitempty"`
	First string `json:"first,omitempty"`
	// Request names what asked for it where no digest did; see Request.ID.
	Request string `json:"request,omitempty"`
	// Plan is what was proposed or approved.
	Plan *Stored `json:"plan,omitempty"`
	// Until is when this worker stops at the latest; nobody takes over before.
	Until time.Time `json:"until,omitzero"`
	// Steps are the names of the steps that are about to be done.
	Steps []string `json:"steps,omitempty"`
	// Outcomes are what became of them.
	Outcomes []Outcome `json:"outcomes,omitempty"`
}

// Outcome is what happened to one step.
type Outcome struct {
	Step   string        `json:"step"`
	Result Result        `json:"result"`
	Why    *image.Reason `json:"reason,omitempty"`
	// Kind is that of the failure, and Permission the action that would cure it, as
	// RAM names it. Records of earlier versions have neither.
	Kind       fault.Kind `json:"kind,omitempty"`
	Permission string     `json:"permission,omitempty"`
}

// Result is how a step ended.
type Result string

// The results.
const (
	Applied Result = "applied" // it was done, and the world shows it
	Already Result = "already" // the world was so already
	Failed  Result = "failed"  // it was not done; the reason says why
	Open    Result = "open"    // not tried yet; with a reason: tried, and what became of it is not known yet
)

// Done: the world is as the step would make it.
func (o Outcome) Done() bool { return o.Result == Applied || o.Result == Already }

// Sent: it was done, or may have been.
func (o Outcome) Sent() bool { return o.Done() || o.Result == Open && o.Why != nil }

// Failure is the outcome of a step that err kept from being done.
func Failure(s Step, err error) Outcome {
	return Outcome{
		Step: s.Name(), Result: Failed, Kind: fault.Of(err), Permission: fault.Permission(err),
		Why: &image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)},
	}
}

// InDoubt is the outcome of a step that was sent and of which err is all that
// is known.
func InDoubt(s Step, err error) Outcome {
	o := Failure(s, err)
	o.Result = Open
	return o
}

// Stored is a plan in a log, with everything needed to resume it.
type Stored struct {
	Target string       `json:"target"`
	Base   Facts        `json:"base"`
	Steps  []StoredStep `json:"steps"`
}

// StoredStep is a step with what it sets.
type StoredStep struct {
	Step
	Sets   Facts             `json:"sets,omitempty"`
	Beside map[string]string `json:"beside,omitempty"`
}

// store returns p as it is kept.
func (p Plan) store() *Stored {
	s := &Stored{Target: p.Target, Base: p.Base}
	for _, step := range p.Steps {
		s.Steps = append(s.Steps, StoredStep{step, step.Sets, step.Beside})
	}
	return s
}

// plan returns the plan that was kept.
func (s *Stored) plan() Plan {
	p := Plan{Target: s.Target, Base: s.Base}
	for _, kept := range s.Steps {
		step := kept.Step
		step.Sets, step.Beside = kept.Sets, kept.Beside
		p.Steps = append(p.Steps, step)
	}
	return p
}

// MarshalJSON shows a plan with its digest.
func (p Plan) MarshalJSON() ([]byte, error) {
	steps := p.Steps
	if steps == nil {
		steps = []Step{}
	}
	return json.Marshal(struct {
		Target  string `json:"target"`
		Digest  string `json:"digest"`
		Changes int    `json:"changes"`
		Steps   []Step `json:"steps"`
	}{p.Target, p.Digest(), len(p.Changes()), steps})
}

// Log is the memory of a target: an append-only log with compare-and-append.
type Log interface {
	// Read returns every entry of a target in order.
	Read(ctx context.Context, target string) ([]Entry, error)
	// Append adds an entry as number position, counted from 0. It fails with
	// fault.Conflict if that position is taken.
	Append(ctx context.Context, target string, position int, e Entry) error
}

// story is what a log says, summed up.
type story struct {
	length int
	// plan is the last approved one; nil if there never was one.
	plan     *Plan
	digest   string
	finished bool
	// held: a worker may be on it until then.
	held bool
	// until is when the last worker on it stops at the latest.
	until time.Time
	// at is when the last entry was written, approved when the last plan was.
	at, approved time.Time
	// approvedBy are those who did.
	approvedBy []string
	// proposal is the last one that was not approved.
	proposal proposal
	// begun: something of the last plan was about to be done.
	begun    bool
	outcomes map[string]Outcome
	// earlier are the plans that were finished before, by digest.
	earlier map[string]finished
	// requests are the digests that were approved for a request without one.
	requests map[string]string
	// heeded: what changes nothing is written down, too.
	heeded bool
}

// finished is a plan of which nothing is left, and what came of it.
type finished struct {
	plan     Plan
	outcomes []Outcome
	approved []string
}

// proposal is what one of two asked for.
type proposal struct {
	digest, by string
	at         time.Time
}

// tell sums up a log.
func tell(entries []Entry) story {
	s := story{length: len(entries), outcomes: map[string]Outcome{}, earlier: map[string]finished{}, requests: map[string]string{}}
	for _, e := range entries {
		s.at = e.At
		switch e.Kind {
		case Proposed:
			s.proposal = proposal{e.Digest, e.By, e.At}
		case Approved:
			p := e.Plan.plan()
			s.proposal, s.approvedBy = proposal{}, slices.DeleteFunc([]string{e.First, e.By}, func(by string) bool { return by == "" })
			s.plan, s.digest, s.until, s.finished, s.held = &p, e.Digest, e.Until, false, true
			s.approved, s.begun, s.outcomes = e.At, false, map[string]Outcome{}
			if e.Request != "" {
				s.requests[e.Request] = e.Digest
			}
		case Resumed:
			s.until, s.held = e.Until, true
		case Intended:
			s.begun = true
		case Happened:
			for _, o := range e.Outcomes {
				s.outcomes[o.Step] = o
			}
		case Released:
			s.held = false
		case Finished:
			s.finished, s.held = true, false
			if s.plan != nil {
				s.earlier[e.Digest] = finished{*s.plan, e.Outcomes, s.approvedBy}
			}
		}
	}
	return s
}

// validFor is how long an approval is good for that nobody began to carry out.
const validFor = 24 * time.Hour

// open: something of the last plan may still be carried out. What was begun stays
// open until it is finished or another plan is approved.
func (s story) open(at time.Time) bool {
	return s.plan != nil && !s.finished && (s.begun || at.Before(s.approved.Add(validFor)))
}

// epoch is the one that a plan of now belongs to. A plan for what the open one is
// for is of the same epoch; any other begins where that one is left.
func (s story) epoch(now Plan, at time.Time) string {
	if s.open(at) && sameWish(*s.plan, now) {
		return s.plan.Base[Epoch]
	}
	return s.digest
}

// Waiting returns the entry that proposes a plan which another one may still approve,
// until when, and whether there is one.
func Waiting(entries []Entry, at time.Time) (proposed Entry, until time.Time, ok bool) {
	told := tell(entries)
	until = told.proposal.at.Add(validFor)
	if told.proposal.digest == "" || !at.Before(until) {
		return Entry{}, time.Time{}, false
	}
	for _, e := range entries {
		if e.Kind == Proposed {
			proposed = e
		}
	}
	return proposed, until, true
}

// Unfinished returns the entry that approved a plan of which something is left
// that the same digest still carries out, and whether there is one. A plan that
// the world shows to be done is not left, even if its worker died before it could
// say so.
func Unfinished(entries []Entry, now Facts, at time.Time) (approved Entry, ok bool) {
	told := tell(entries)
	if !told.open(at) || !slices.ContainsFunc(told.plan.Changes(), func(s Step) bool { return !s.Done(now) }) {
		return Entry{}, false
	}
	for _, e := range entries {
		if e.Kind == Approved {
			approved = e
		}
	}
	return approved, true
}

// unsettled: something of the last plan was sent, what became of it is not
// known, and the world does not show it.
func (s story) unsettled(now Facts) bool {
	if s.plan == nil || s.finished {
		return false
	}
	return slices.ContainsFunc(s.plan.Changes(), func(step Step) bool {
		o := s.outcomes[step.Name()]
		return o.Result == Open && o.Why != nil && !step.Done(now)
	})
}

// moved are the differences between now and the base of the last approved plan.
func (s story) moved(now Facts) []Difference {
	if s.plan == nil {
		return nil
	}
	return Differences(s.plan.Base, now)
}
