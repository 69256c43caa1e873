// Package work is the engine of what outlives a call: works of approved items,
// each carried by what is seen of it now and by what the work's log says of it.
// Nothing of a work is planned again. Workers come and go; whoever holds the lease
// of a work goes on where the last one stopped, also where that one died.
package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
)

// State is how far a work is.
type State string

// The states.
const (
	AwaitingApproval State = "awaitingApproval" // one person applied it, another one has to
	Queued           State = "queued"           // approved; nobody has begun
	Running          State = "running"          // begun
	Waiting          State = "waiting"          // for something that its plan has: a window, a grace, a pause
	Paused           State = "paused"           // by an order: only what is begun is brought to rest
	Halted           State = "halted"           // by itself: too many failures, or a guard; only what is begun is brought to rest
	Aborting         State = "aborting"         // by an order: only what is begun is brought to an end
	Aborted          State = "aborted"          // ended by an order
	Finished         State = "finished"         // ended, with everything done
	Partly           State = "partly"           // ended, with some of it done; also with none, where a rollout or a cleanup had only what was refused or had moved
	Failed           State = "failed"           // ended, with nothing done
)

// Ended: nothing more will be done.
func (s State) Ended() bool { return slices.Contains([]State{Aborted, Finished, Partly, Failed}, s) }

// Work is what a log says of one work, folded by Tell. It is a value: what it
// refers to is not changed.
type Work struct {
	// ID is its name among those of its Kind, which is the first segment of their
	// route: rollouts.
	ID, Kind string
	// Digest is that of the plan that was approved.
	Digest string
	// Of is the work that this one undoes or retries.
	Of    string
	State State
	// Why it waits, is halted or paused, or has ended as it has.
	Why *image.Reason
	// Document is what was approved. Of a list of works only Total is known of it.
	Document Document
	// Total is how many items there are.
	Total     int
	Approvals []Approval
	// Items by name; one that is absent is not begun.
	Items map[string]Item
	// Worker holds the lease until Lease; zero: nobody does.
	Worker string
	Lease  time.Time
	// Next is when it is due again, while nobody holds the lease.
	Next time.Time
	// ProposedAt, ApprovedAt, StartedAt and EndedAt are when it was first applied,
	// approved, began to change anything, and ended; zero: not yet.
	ProposedAt, ApprovedAt, StartedAt, EndedAt time.Time
	// PausedAt and ResumedAt are when it was last ordered so. A kind that halts counts
	// from ResumedAt on what made it halt before.
	PausedAt, ResumedAt time.Time
	// ChangedAt is when its log last grew.
	ChangedAt time.Time
	// Reached are the stages that it has reached, in that order.
	Reached []Reached
	// Stopped: nothing of this kind may be begun anywhere. It is not in the log.
	Stopped bool

	names []string
	// length of the log; due and position name the agenda's entry by which it is
	// found; generation is the position of the last approval.
	length     int
	due        time.Time
	position   int
	generation int
	// claimed: the claims of the whole work were taken.
	claimed bool
	// doubt is until when a call whose end nobody saw may still show.
	doubt time.Time
}

// Document is a plan of long work as it is approved, and what is shown with it. It
// is kept whole, and never changes.
type Document struct {
	// Kind and ID name the work that it becomes. ID is empty for the first twenty
	// digits of the plan's digest.
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	// Of is the work that it undoes or retries.
	Of string `json:"of,omitempty"`
	// At is when it was planned.
	At time.Time `json:"at"`
	// Plan has the items that change something: an item is all steps about one
	// subject. Its digest covers them, the facts that their guards rely on, and what
	// the wish has beside them as parameters of steps, or facts.
	Plan plan.Stored `json:"plan"`
	// Others are the items that are kept or refused. No digest covers them.
	Others []plan.StoredStep `json:"others,omitempty"`
	// Many are others that come before those: each is made when it is asked for, as there
	// may be very many. What was kept has none; see Whole.
	Many iter.Seq[plan.StoredStep] `json:"-"`
	// Wish is what was asked for, as the kind reads it.
	Wish json.RawMessage `json:"wish,omitempty"`
	// Shown is what the answer has beside the plan: findings, totals, unknown.
	Shown json.RawMessage `json:"shown,omitempty"`
	// Claims are held from the approval until the work ends.
	Claims []Claim `json:"claims,omitempty"`
	// Notify names who is told of it; empty: everybody who is told at all.
	Notify []string `json:"notify,omitempty"`
}

// Whole is the document with all others at once.
func (d Document) Whole() Document {
	if d.Many != nil {
		d.Others, d.Many = append(slices.Collect(d.Many), d.Others...), nil
	}
	return d
}

// WorkID is the name of the work that d becomes.
func (d Document) WorkID() string {
	if d.ID != "" {
		return d.ID
	}
	return IDOf(d.Plan.Plan().Digest())
}

// IDOf is the name of a work that is called after the digest of its plan.
func IDOf(digest string) string { return digest[:min(20, len(digest))] }

// Names are the items, in the order of the plan.
func (d Document) Names() []string {
	var names []string
	known := map[string]bool{}
	for _, s := range d.Plan.Plan().Changes() {
		if !known[s.Subject] {
			known[s.Subject], names = true, append(names, s.Subject)
		}
	}
	return names
}

// Names are the items of a work, in the order of its plan.
func (w Work) Names() []string { return w.names }

// Item is one subject of a work.
type Item struct {
	Name string `json:"name"`
	// Level is how far it is, in a word of the kind's: stopped, snapshot, replaced.
	Level string `json:"level,omitempty"`
	// Sent is the act whose effect was not seen yet: an intent without outcome is in
	// doubt until a look tells.
	Sent *Act `json:"sent,omitempty"`
	// Answered is what its call said: Applied, it was accepted; Open or empty, that
	// is not known.
	Answered plan.Result `json:"answered,omitempty"`
	// Sends is how often Sent was announced, one call after the other with the same
	// token; the engine counts it.
	Sends int `json:"sends,omitempty"`
	// Refusal is why the last act was not done.
	Refusal *image.Reason `json:"refusal,omitempty"`
	// Tries is how many acts came to an end, done or refused.
	Tries int `json:"tries,omitempty"`
	// Notes are what cannot be looked up: the old disk, the power state before.
	Notes map[string]string `json:"notes,omitempty"`
	// Outcome, once it has a result, ends the item for good.
	Outcome plan.Outcome `json:"outcome"`
	// Since is when it last changed.
	Since time.Time `json:"since"`
	// Sight is whether it can be looked at; the engine keeps it.
	Sight Sight `json:"sight,omitzero"`
}

// Ended: nothing more will be done with it.
func (i Item) Ended() bool { return i.Outcome.Result != "" && i.Outcome.Result != plan.Open }

// Begun: something was done with it, or was about to be.
func (i Item) Begun() bool {
	return i.Level != "" || i.Sent != nil || i.Tries > 0 || len(i.Notes) > 0
}

// Act is one changing call that is about to be made.
type Act struct {
	Item string `json:"item"`
	// Do is what is done, and Level what the item is once that shows; words of the
	// kind's.
	Do    string `json:"do"`
	Level string `json:"level"`
	// Attempt is how many acts of the item had come to an end before; the engine
	// sets it. It rises only after a recorded end, so that a call that is made again
	// has the token that it had.
	Attempt int `json:"attempt,omitempty"`
	// Claims are taken before, and held until the item ends.
	Claims []Claim `json:"claims,omitempty"`
	// Notes are added to the item's before the call is made.
	Notes map[string]string `json:"notes,omitempty"`
}

// Token is the client token of an act: 64 digits that depend on the work, the item,
// what is done, and the attempt, and neither on time nor on the worker.
func (w Work) Token(a Act) string {
	text, err := json.Marshal([]string{w.Kind, w.ID, strconv.Itoa(w.generation), a.Item, a.Do, strconv.Itoa(a.Attempt)})
	if err != nil { // texts have no way to fail
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Claim is a thing that is held: instance/cn-hangzhou/i-1, image/…, snapshot/…,
// or one of Most places of it: cap/<account>/<region>.
type Claim struct {
	Thing string `json:"thing"`
	// Shared: others may share it.
	Shared bool `json:"shared,omitempty"`
	Most   int  `json:"most,omitempty"`
	// Until, if it is set, is how long it is held, whatever becomes of the item: a place
	// of what may be done in a day.
	Until time.Time `json:"until,omitzero"`
}

// Seen is what a look found of each item. One that is absent is unknown, and what
// is unknown is not acted upon. Refused and Unseen tell why.
type Seen map[string]plan.Facts

// Decision is what is to be done now.
type Decision struct {
	// Acts, at most one for each item.
	Acts []Act
	// Items whose level, notes or outcome is another by what was seen. An item
	// without Sent whose work had one says that its effect showed, or never will.
	Items []Item
	// Halt stops the work until somebody resumes or aborts it.
	Halt *image.Reason
	// Wake is when to look again if there is nothing to do; zero: soon.
	Wake time.Time
	// Wait, if it is set, is what of its plan the work waits for until Wake.
	Wait *image.Reason
}

// Answer is what came of an act: Applied, the call was accepted, and a look will
// show it; Already, it shows; Failed, it was certainly not done; Open, that is not
// known.
type Answer struct {
	plan.Outcome
	// Notes are what only the answer of the call tells, such as the id of a task.
	Notes map[string]string
	// Release are claims of the item that it does not need any more.
	Release []Claim
}

// Kind is a capability's half of long work.
type Kind interface {
	// Look looks at the items of a work as they are now: those that are not ended,
	// and once more those that are.
	Look(ctx context.Context, at survey.Fresh, w Work) (Seen, error)
	// Next decides; it is pure: waves, windows, caps, retries, undo, waits.
	Next(w Work, seen Seen, now time.Time) Decision
	// Do looks at the guards of an act once more, and makes one changing call.
	Do(ctx context.Context, at survey.Fresh, w Work, a Act) Answer
}

// Rescuer is a Kind that must not leave things as they are when the journal cannot be
// written any more, while it still holds the lease.
type Rescuer interface {
	// Rescue brings back what this worker did last and cannot go on with, and begins
	// nothing. It reports whether it has to be asked again.
	Rescue(ctx context.Context, at survey.Fresh, w Work) (again bool)
}

// Refuser is a Kind of whose works none has failed of which nothing was done because
// nothing might be done.
type Refuser interface {
	// Refused reports whether an item that failed was refused, or had moved: nothing went
	// wrong with it.
	Refused(i Item) bool
}

// Approval is somebody's word that a plan may be carried out.
type Approval struct {
	// By is who: "<issuer> <subject>", "system", or "rule:<name>@<ETag>".
	By string `json:"by"`
	// At is when; the runner sets it.
	At time.Time `json:"at"`
	// ValidUntil is when it ends if nothing was begun by then; zero: after a day.
	ValidUntil time.Time `json:"validUntil,omitzero"`
}

// Verb is what can be ordered.
type Verb string

// The orders. A pause and an abort take effect at the next intent.
const (
	Pause  Verb = "pause"
	Resume Verb = "resume"
	Abort  Verb = "abort"
)

// Order is what somebody wants of a work that is not ended.
type Order struct {
	Do Verb `json:"do"`
	// By is who, as in an Approval; At is when, which the runner sets.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
	// Digest approves the plan again, as a resume has to after a long pause.
	Digest string `json:"digest,omitempty"`
	// Failed: an abort is meant of a work that has failed, too, for what it has left to be
	// taken back.
	Failed bool `json:"failed,omitempty"`
}

// Braked: nothing more may be begun; what is begun is brought to rest, or, by an
// abort, to its end.
func (w Work) Braked() bool {
	return w.Stopped || w.State == Paused || w.State == Halted || w.State == Aborting
}

// Done is how many items have ended.
func (w Work) Done() int {
	n := 0
	for _, i := range w.Items {
		if i.Ended() {
			n++
		}
	}
	return n
}

// begun: an act of it was intended, ever.
func (w Work) begun() bool { return !w.StartedAt.IsZero() }

// resting: no begun item is on its way anywhere.
func (w Work) resting() bool {
	for _, i := range w.Items {
		if i.Sent != nil {
			return false
		}
	}
	return true
}

// ValidUntil is when an approval that is not begun ends.
func (w Work) ValidUntil() time.Time {
	if len(w.Approvals) == 0 {
		return time.Time{}
	}
	last := w.Approvals[len(w.Approvals)-1]
	if last.ValidUntil.IsZero() {
		return last.At.Add(approvalLasts)
	}
	return last.ValidUntil
}

// subject is the log of a work.
func subject(kind, id string) string { return "work/" + kind + "/" + id }

// holder is a claim of the work as the journal keeps it. The generation is in it: a
// work that was approved once more does not hold what it held before.
func (w Work) holder(c Claim, item string) journal.Claim {
	return journal.Claim{
		Thing: c.Thing, Shared: c.Shared, Most: c.Most, Until: c.Until, Work: subject(w.Kind, w.ID), Item: strconv.Itoa(w.generation) + " " + item,
	}
}

// holds reports whether a claim that the work made still holds.
func (w Work) holds(item string) bool {
	generation, name, _ := cutItem(item)
	return generation == w.generation && !w.State.Ended() && w.length > 0 && (name == "" || !w.Items[name].Ended())
}

// endState is how a work of a kind whose items have all ended has ended itself.
func (w Work) endState(k Kind) State {
	done, wrong := 0, 0
	refuser, refuses := k.(Refuser)
	for _, i := range w.Items {
		switch {
		case i.Outcome.Result == plan.Applied || i.Outcome.Result == plan.Already:
			done++
		case !refuses || !refuser.Refused(i):
			wrong++
		}
	}
	switch {
	case w.State == Aborting:
		return Aborted
	case done == len(w.names):
		return Finished
	case done == 0 && wrong > 0:
		return Failed
	}
	return Partly
}
