package work

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
)

// Deed is what a record of a work says.
type Deed string

// The records of a work's log, in the order in which they first appear.
const (
	proposed Deed = "proposed" // one person approved it, another one has to
	approved Deed = "approved" // it will be carried out
	expired  Deed = "expired"  // the approval ended before anything was begun
	leased   Deed = "leased"   // a worker took it, or goes on with it
	claimed  Deed = "claimed"  // the things of the whole work are held
	intended Deed = "intended" // some acts are about to be done
	happened Deed = "happened" // what came of them, or what was seen of items
	ordered  Deed = "ordered"  // pause, resume, abort
	halted   Deed = "halted"   // it stopped by itself
	released Deed = "released" // the worker let it go, until Next
	ended    Deed = "ended"    // nothing is left to do
)

// Record is one entry of a work's log.
type Record struct {
	Deed Deed      `json:"deed"`
	At   time.Time `json:"at"`
	// Worker holds the lease until Until from this record on.
	Worker string    `json:"worker,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	// Next is when the work is due again, Why what for or why not.
	Next time.Time     `json:"next,omitzero"`
	Why  *image.Reason `json:"reason,omitempty"`
	// Of a proposal or an approval: whose, of what, with how many items.
	Approval *Approval `json:"approval,omitempty"`
	Digest   string    `json:"digest,omitempty"`
	Of       string    `json:"of,omitempty"`
	Total    int       `json:"total,omitempty"`
	Order    *Order    `json:"order,omitempty"`
	Acts     []Act     `json:"acts,omitempty"`
	Answers  []Said    `json:"answers,omitempty"`
	// Items are those that were seen to be others. What is written of them are
	// Changes; a log of before there were any has the whole items.
	Items   []Item   `json:"items,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	// Sights are of items that cannot be looked at any more, or can be again.
	Sights []Sighted `json:"sights,omitempty"`
	// State of a work that has ended.
	State State `json:"state,omitempty"`
}

// Said is the answer to an act of an item, as it is recorded.
type Said struct {
	Item   string            `json:"item"`
	Result plan.Result       `json:"result"`
	Why    *image.Reason     `json:"reason,omitempty"`
	Notes  map[string]string `json:"notes,omitempty"`
}

// Change is what is other of an item by a record: all but its notes, of which only
// those that were set or taken away are told. They are most of an item, and a log is
// read whole each time.
type Change struct {
	Item    string            `json:"item"`
	Level   string            `json:"level,omitempty"`
	Sent    *Act              `json:"sent,omitempty"`
	Answer  plan.Result       `json:"answered,omitempty"`
	Refusal *image.Reason     `json:"refusal,omitempty"`
	Tries   int               `json:"tries,omitempty"`
	Outcome *plan.Outcome     `json:"outcome,omitempty"`
	Set     map[string]string `json:"set,omitempty"`
	Unset   []string          `json:"unset,omitempty"`
}

// changeOf is what makes one item out of what it was.
func changeOf(was, is Item) Change {
	c := Change{Item: is.Name, Level: is.Level, Sent: is.Sent, Answer: is.Answered, Refusal: is.Refusal, Tries: is.Tries}
	if is.Outcome != (plan.Outcome{}) {
		c.Outcome = &is.Outcome
	}
	for name, value := range is.Notes {
		if before, had := was.Notes[name]; !had || before != value {
			c.Set = joined(c.Set, map[string]string{name: value})
		}
	}
	for name := range was.Notes {
		if _, has := is.Notes[name]; !has {
			c.Unset = append(c.Unset, name)
		}
	}
	slices.Sort(c.Unset)
	return c
}

// of is what an item is after a change.
func (c Change) of(was Item) Item {
	i := Item{Name: c.Item, Level: c.Level, Sent: c.Sent, Answered: c.Answer, Refusal: c.Refusal, Tries: c.Tries, Notes: joined(was.Notes, c.Set), Sight: was.Sight}
	if c.Outcome != nil {
		i.Outcome = *c.Outcome
	}
	if len(c.Unset) > 0 {
		i.Notes = maps.Clone(i.Notes)
		for _, name := range c.Unset {
			delete(i.Notes, name)
		}
	}
	return i
}

// written is a record as it is written after what w is.
func (r Record) written(w Work) Record {
	for n, i := range r.Items {
		was := w.Items[i.Name]
		for _, before := range r.Items[:n] { // the last one of a name counts
			if before.Name == i.Name {
				was = before
			}
		}
		r.Changes = append(r.Changes, changeOf(was, i))
	}
	r.Items = nil
	return r
}

// lateness is how long after its end a call of which nobody saw the end may still
// show: it can be begun until then, and what it does is visible a while later.
const lateness = 2 * time.Minute

// Tell folds what a log says of the work that became of a document.
func Tell(id string, records []Record, d Document) Work {
	w := Work{ID: id, Kind: d.Kind, Document: d, Items: map[string]Item{}, names: d.Names()}
	for _, r := range records { // nobody else has its items yet
		w = w.fold(r)
	}
	return w
}

// decode reads the records of a work's log.
func decode(records []journal.Record) ([]Record, error) {
	all := make([]Record, len(records))
	for n, r := range records {
		if err := json.Unmarshal(r.Body, &all[n]); err != nil {
			return nil, fault.Wrap(fault.Unknown, err, "record %d of %s is none of a work", n, r.Subject).WithCode("journalDamaged")
		}
	}
	return all, nil
}

// after is the work once a record is written. What w refers to is not changed.
func (w Work) after(r Record) Work {
	w.Items = maps.Clone(w.Items)
	return w.fold(r)
}

// fold is the work once a record is written, in the items that it had.
func (w Work) fold(r Record) Work {
	position := w.length
	stage := w.reaches(r)
	w.length, w.ChangedAt = position+1, r.At
	if r.Worker != "" {
		if w.Worker != "" && w.Worker != r.Worker { // taken over from one that fell silent
			w.doubt = later(w.doubt, r.At.Add(lateness))
		}
		w.Worker, w.Lease = r.Worker, r.Until
	}
	if !r.Next.IsZero() {
		w.Next, w.due, w.position = r.Next, r.Next, position
	}
	switch r.Deed {
	case proposed, approved:
		w = w.approve(r, position)
	case leased:
		w = w.run()
	case claimed:
		w.claimed = true
	case intended:
		w = w.happen(r).intend(r)
	case happened:
		w = w.happen(r)
	case ordered:
		w = w.order(*r.Order)
	case halted:
		w = w.happen(r)
		w.State, w.Why = Halted, r.Why
	case released:
		w = w.release(r)
	case expired, ended:
		w.State, w.Why, w.EndedAt = r.State, r.Why, r.At
		w.Worker, w.Lease, w.Next = "", time.Time{}, time.Time{}
	}
	if stage != "" {
		w.Reached = append(w.Reached[:len(w.Reached):len(w.Reached)], Reached{stage, position, r.At, w.State, w.Why})
	}
	return w
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// approve folds a proposal or an approval. One of a work that has ended begins it
// again where it was left: what failed is tried again.
func (w Work) approve(r Record, position int) Work {
	again := w.State.Ended()
	if again || r.Deed == proposed {
		w.Approvals, w.StartedAt, w.ApprovedAt, w.ProposedAt = nil, time.Time{}, time.Time{}, time.Time{}
	}
	if again {
		w.reopen()
	}
	w.Digest, w.Of, w.Total, w.Why, w.EndedAt = r.Digest, r.Of, r.Total, nil, time.Time{}
	w.Approvals = append(w.Approvals[:len(w.Approvals):len(w.Approvals)], *r.Approval)
	w.generation, w.claimed = position, false
	if w.ProposedAt.IsZero() {
		w.ProposedAt = r.At
	}
	if w.State = AwaitingApproval; r.Deed == approved {
		w.State, w.ApprovedAt = Queued, r.At
	}
	return w
}

// reopen has items that failed go on.
func (w Work) reopen() {
	for name, i := range w.Items {
		if i.Outcome.Result == plan.Failed {
			i.Outcome, i.Refusal = plan.Outcome{}, nil
			w.Items[name] = i
		}
	}
}

// run: a worker is at it.
func (w Work) run() Work {
	if w.State == Waiting || w.State == Queued && w.begun() {
		w.State, w.Why = Running, nil
	}
	return w
}

// intend folds acts that are about to be done.
func (w Work) intend(r Record) Work {
	if w.StartedAt.IsZero() {
		w.StartedAt = r.At
	}
	w = w.run()
	for _, a := range r.Acts {
		i := w.Items[a.Item]
		if i.Sent == nil || i.Sent.Do != a.Do {
			i.Sends = 0
		}
		i.Sends++
		sent := a
		sent.Notes = nil // they are the item's now
		i.Name, i.Sent, i.Answered, i.Refusal, i.Since = a.Item, &sent, "", nil, r.At
		i.Notes = joined(i.Notes, a.Notes)
		w.Items[a.Item] = i
	}
	return w
}

func joined(notes, more map[string]string) map[string]string {
	if len(more) == 0 {
		return notes
	}
	all := maps.Clone(notes)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}

// happen folds answers to acts, and what was seen of items.
func (w Work) happen(r Record) Work {
	for _, s := range r.Answers {
		i := w.Items[s.Item]
		if i.Sent == nil {
			continue // a look was faster
		}
		i.Notes, i.Since = joined(i.Notes, s.Notes), r.At
		switch s.Result {
		case plan.Already:
			i.Level, i.Sent, i.Answered, i.Sends, i.Tries = i.Sent.Level, nil, "", 0, i.Tries+1
		case plan.Failed:
			i.Sent, i.Answered, i.Sends, i.Tries, i.Refusal = nil, "", 0, i.Tries+1, s.Why
		case plan.Applied:
			i.Answered = plan.Applied
		default:
			i.Answered = plan.Open
			w.doubt = later(w.doubt, r.At.Add(lateness))
		}
		w.Items[s.Item] = i
	}
	for _, c := range r.Changes {
		r.Items = append(r.Items, c.of(w.Items[c.Item]))
	}
	for _, i := range r.Items {
		i.Since, i.Sight = r.At, w.Items[i.Name].Sight
		w.Items[i.Name] = i
	}
	w.sight(r)
	return w
}

// order folds an order.
func (w Work) order(o Order) Work {
	switch o.Do {
	case Pause:
		w.State, w.PausedAt = Paused, o.At
		w.Why = &image.Reason{Code: "paused", Sentence: said("paused", o)}
	case Resume:
		if w.State != Running && w.State != Queued { // else it only slept
			w.ResumedAt = o.At
		}
		w.State, w.Why = Running, nil
		if !w.begun() {
			w.State = Queued
		}
		if o.Digest != "" {
			w.Approvals = append(w.Approvals[:len(w.Approvals):len(w.Approvals)], Approval{By: o.By, At: o.At})
		}
	case Abort:
		if w.State.Ended() {
			w.reopen()
			w.EndedAt = time.Time{}
		}
		w.State = Aborting
		w.Why = &image.Reason{Code: "aborted", Sentence: said("aborted", o)}
	}
	return w
}

// said tells an order.
func said(what string, o Order) string {
	text := what + " by " + o.By
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}

// release folds that a worker let the work go.
func (w Work) release(r Record) Work {
	w.Worker, w.Lease = "", time.Time{}
	if (w.State == Running || w.State == Queued || w.State == Waiting) && r.Why != nil {
		w.State, w.Why = Waiting, r.Why
	}
	return w
}

// cutItem takes apart the item of a claim.
func cutItem(text string) (generation int, item string, ok bool) {
	number, item, ok := strings.Cut(text, " ")
	generation, err := strconv.Atoi(number)
	if !ok || err != nil {
		return -1, "", false
	}
	return generation, item, true
}
