package work

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
)

// Runner keeps and carries the works of one kind. It is made for one event, and
// safe for concurrent use.
type Runner struct {
	// Name of the kind: the first segment of its route, such as rollouts.
	Name string
	Kind Kind
	// Journal has the logs, Documents of the same place the plans and the agenda.
	Journal   *journal.Journal
	Documents journal.Documents
	// Worker names this event, unlike any other: a random text.
	Worker string
	// TwoPeople: an approval takes a second person.
	TwoPeople bool
	// Tells: people are told of the stages of works. Each is put on an agenda of
	// its own before it is reached; see Reached.
	Tells bool
	Now   func() time.Time
	// Pause waits; it ends early with the context's error.
	Pause func(ctx context.Context, d time.Duration) error
	// Again returns where to look, with nothing remembered.
	Again func(ctx context.Context) survey.Fresh
	// NotAfter makes the calls of a context be signed so that the cloud itself
	// refuses them after a time, whenever they arrive. Nil: nothing can do that here.
	NotAfter func(ctx context.Context, t time.Time) context.Context
}

// How long things last.
const (
	approvalLasts = 24 * time.Hour     // an approval that is not begun
	pauseLasts    = 7 * 24 * time.Hour // a pause after which a resume needs an approval
	longestSleep  = 24 * time.Hour     // at least so often every open work is looked at
	mostRaces     = 50                 // how often something is tried against others
)

func (r Runner) agenda() journal.Agenda { return journal.NewAgenda(r.Documents) }

// entry is what puts a work on the agenda with a record at a position.
func (r Runner) entry(id string, at time.Time, position int) journal.Entry {
	return journal.Entry{At: at, Function: r.Name, Subject: subject(r.Name, id), Position: position}
}

// docName is where the document of an approval is kept, for good.
func (r Runner) docName(id, digest string) string {
	return "works/" + r.Name + "/" + id + "/" + digest + ".json"
}

// indexed names all works in the order of their approvals; the time in it is that
// of the first.
func (r Runner) indexed(id string, at time.Time) string {
	return "index/" + r.Name + "/" + at.UTC().Format("2006-01-02T15:04:05Z") + "/" + id
}

// load reads the log of a work, and its document if full is set. Of one that does
// not exist the length is 0.
func (r Runner) load(ctx context.Context, id string, full bool) (Work, error) {
	raw, err := r.Journal.Read(ctx, subject(r.Name, id))
	if err != nil {
		return Work{}, err
	}
	records, err := decode(raw)
	if err != nil {
		return Work{}, err
	}
	d := Document{Kind: r.Name}
	if digest := lastDigest(records); full && digest != "" {
		if d, err = r.document(ctx, id, digest); err != nil {
			return Work{}, err
		}
	}
	return Tell(id, records, d), nil
}

// lastDigest is that of the plan that a log is about now.
func lastDigest(records []Record) string {
	for _, r := range slices.Backward(records) {
		if r.Approval != nil {
			return r.Digest
		}
	}
	return ""
}

// document reads what was approved. It fails with fault.Unknown if it is not that.
func (r Runner) document(ctx context.Context, id, digest string) (Document, error) {
	text, err := r.Documents.Kept(ctx, r.docName(id, digest))
	if err != nil {
		return Document{}, err
	}
	return ReadDocument(text, digest)
}

// ReadDocument reads a document, and checks that it is that of a digest.
func ReadDocument(text []byte, digest string) (Document, error) {
	d, err := DocumentOf(text)
	if err != nil || d.Plan.Plan().Digest() != digest {
		return d, fault.Wrap(fault.Unknown, err, "the document of plan %.20s is not that plan", digest).WithCode("journalDamaged")
	}
	return d, nil
}

// Get returns a work with its document. It fails with fault.NotFound if there is none.
func (r Runner) Get(ctx context.Context, id string) (Work, error) {
	w, err := r.load(ctx, id, true)
	if err == nil && w.length == 0 {
		err = fault.New(fault.NotFound, "%s has no %.64q", r.Name, id)
	}
	return w, err
}

// Approve records that a plan may be carried out, and returns the work that it is.
// The same approval again returns the work as it is, also when it has ended. With
// two people the first proposes, and another one approves; the first again changes
// nothing. A work that has ended and is approved with another plan goes on with
// that one. It fails with fault.Conflict, "inProgress", where the work is open with
// another plan.
func (r Runner) Approve(ctx context.Context, d Document, by Approval) (Work, error) {
	d.Kind = r.Name
	id, digest := d.WorkID(), d.Plan.Plan().Digest()
	names := d.Names()
	if len(names) == 0 {
		return Work{}, fault.New(fault.Precondition, "the plan changes nothing").WithCode("nothingToDo")
	}
	by.At = r.Now().UTC()
	text, err := d.Text()
	if err != nil {
		return Work{}, err
	}
	for range mostRaces {
		w, err := r.load(ctx, id, true)
		if err != nil {
			return Work{}, err
		}
		deed, err := w.admits(digest, by, r.TwoPeople)
		if err != nil || deed == "" {
			return w, err
		}
		rec := Record{Deed: deed, At: by.At, Approval: &by, Digest: digest, Of: d.Of, Total: len(names), Next: by.At}
		if deed == proposed {
			rec.Next = by.At.Add(approvalLasts)
		}
		if err := r.announce(ctx, id, digest, text, w); err != nil {
			return Work{}, err
		}
		err = r.append(ctx, w, rec)
		if errors.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return Work{}, err
		}
		return r.Get(ctx, id)
	}
	return Work{}, fault.New(fault.Unavailable, "too many change %s at once", subject(r.Name, id))
}

// announce keeps what a record of approval refers to, and puts the work on the list.
func (r Runner) announce(ctx context.Context, id, digest string, text []byte, w Work) error {
	err := r.Documents.Keep(ctx, r.docName(id, digest), text)
	if err != nil && !errors.Is(err, fault.Conflict) { // the same plan, with other words beside it
		return err
	}
	if w.length > 0 {
		return nil
	}
	return r.Documents.Keep(ctx, r.indexed(id, r.Now()), []byte("{}\n"))
}

// admits is what an approval of a plan is to the work of its name: a record to be
// written, or none if nothing changes.
func (w Work) admits(digest string, by Approval, two bool) (Deed, error) {
	deed := approved
	if two {
		deed = proposed
	}
	again := w.Why != nil && w.Why.Code == codeExpired
	switch {
	case w.length == 0, w.State.Ended() && (w.Digest != digest || again):
		return deed, nil
	case w.Digest != digest:
		return "", fault.New(fault.Conflict, "%s is open with another plan", subject(w.Kind, w.ID)).WithCode("inProgress")
	case (w.State == AwaitingApproval || w.State == Queued) && !w.begun() && by.At.After(w.ValidUntil()):
		return deed, nil // the one before is over, whether a worker has told so or not
	case w.State == AwaitingApproval && !slices.ContainsFunc(w.Approvals, func(a Approval) bool { return a.By == by.By }):
		return approved, nil
	}
	return "", nil
}

// codeExpired is why a work ended that nobody began in time.
const codeExpired = "approvalExpired"

// Order records an order, and returns the work as it is then. An order that changes
// nothing, as one that is repeated, is obeyed. It fails with fault.NotFound, and
// with fault.Conflict: "wrongState" where it makes no sense, "approvalExpired" for a
// resume after a long pause without the digest.
func (r Runner) Order(ctx context.Context, id string, o Order) (Work, error) {
	o.At = r.Now().UTC()
	for range mostRaces {
		w, err := r.Get(ctx, id)
		if err != nil {
			return w, err
		}
		changes, err := w.obeys(o)
		if err != nil || !changes {
			return w, err
		}
		rec := Record{Deed: ordered, At: o.At, Order: &o, Next: o.At}
		if w.State == AwaitingApproval {
			rec = Record{Deed: ended, At: o.At, State: Aborted, Order: &o, Why: &image.Reason{Code: "aborted", Sentence: said("aborted", o)}}
		}
		err = r.append(ctx, w, rec)
		if !errors.Is(err, fault.Conflict) {
			return w.after(rec), err
		}
	}
	return Work{}, fault.New(fault.Unavailable, "too many change %s at once", subject(r.Name, id))
}

// obeys reports whether an order changes anything.
func (w Work) obeys(o Order) (bool, error) {
	changes, already := o.states()
	switch {
	case o.Digest != "" && o.Digest != w.Digest:
		return false, fault.New(fault.Conflict, "the digest is not that of the plan that was approved").WithCode("planChanged")
	case o.Do == Resume && w.State == Paused && o.At.Sub(w.PausedAt) > pauseLasts && o.Digest == "":
		return false, fault.New(fault.Conflict, "it was paused for more than seven days: resume it with the digest of its plan").WithCode(codeExpired)
	case slices.Contains(changes, w.State):
		return true, nil
	case slices.Contains(already, w.State):
		return o.Do == Resume && w.State == Running && w.blindTo(o.At), nil
	}
	return false, fault.New(fault.Conflict, "%s cannot be done while it is %s", o.Do, w.State).WithCode("wrongState")
}

// blindTo: what is new now is not looked at soon: a worker has looked already, or
// comes later.
func (w Work) blindTo(now time.Time) bool { return w.Worker != "" || w.Next.After(now) }

// states are those in which an order changes something, and those in which it is
// obeyed already.
func (o Order) states() (changes, already []State) {
	switch o.Do {
	case Pause:
		return []State{Queued, Running, Waiting}, []State{Paused}
	case Resume:
		return []State{Paused, Halted, Waiting}, []State{Queued, Running}
	case Abort:
		changes = []State{AwaitingApproval, Queued, Running, Waiting, Paused, Halted}
		if o.Failed {
			changes = append(changes, Failed)
		}
		return changes, []State{Aborting, Aborted}
	}
	return nil, nil
}

// append writes the next record of a work. One that makes it due is on the agenda
// before it is in the log, and so is one of which people are told.
func (r Runner) append(ctx context.Context, w Work, rec Record) error {
	if !rec.Next.IsZero() {
		if err := r.agenda().Note(ctx, r.entry(w.ID, rec.Next, w.length)); err != nil {
			return err
		}
	}
	if err := r.noteStage(ctx, w, rec); err != nil {
		return err
	}
	return r.Journal.Append(ctx, subject(r.Name, w.ID), w.length, rec.written(w))
}

// claim takes things for an item of a work, or for all of it.
func (r Runner) claim(ctx context.Context, w Work, things []Claim, item string) error {
	for _, c := range things {
		if err := journal.NewClaims(r.Journal).Take(ctx, w.holder(c, item), r.held(w)); err != nil {
			return err
		}
	}
	return nil
}

// held reads the logs of works, of any kind, to see whether a claim holds. That of
// own is known.
func (r Runner) held(own Work) journal.Held {
	return func(ctx context.Context, c journal.Claim) (bool, error) {
		words := strings.Split(c.Work, "/")
		if len(words) != 3 {
			return true, nil // what it is only its maker knows
		}
		if own.length > 0 && c.Work == subject(own.Kind, own.ID) {
			return own.holds(c.Item), nil
		}
		other := r
		other.Name = words[1]
		w, err := other.load(ctx, words[2], false)
		return w.holds(c.Item), err
	}
}

// Holders names the works that hold a thing, such as an image that is to be deleted.
// It fails where that cannot be known.
func (r Runner) Holders(ctx context.Context, thing string) ([]string, error) {
	claims, err := journal.NewClaims(r.Journal).Holders(ctx, thing, r.held(Work{}))
	works := make([]string, 0, len(claims))
	for _, c := range claims {
		works = append(works, strings.TrimPrefix(c.Work, "work/"))
	}
	return works, err
}

// Stop is the order that nothing of a kind is begun anywhere.
type Stop struct {
	// Stopped: nothing further is begun.
	Stopped bool `json:"stopped"`
	// By is who said so; At is when.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at,omitzero"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// Stopped reads whether everything of the kind is stopped, and by whom.
func (r Runner) Stopped(ctx context.Context) (Stop, error) {
	s, _, err := r.readStop(ctx)
	return s, err
}

func (r Runner) readStop(ctx context.Context) (s Stop, length int, err error) {
	records, err := r.Journal.Read(ctx, "stop/"+r.Name)
	if err == nil && len(records) > 0 {
		if err = json.Unmarshal(records[len(records)-1].Body, &s); err != nil {
			err = fault.Wrap(fault.Unknown, err, "the last record of stop/%s is none", r.Name).WithCode("journalDamaged")
		}
	}
	return s, len(records), err
}

// SetStop stops everything of the kind, or takes that back.
func (r Runner) SetStop(ctx context.Context, s Stop) (Stop, error) {
	s.At = r.Now().UTC()
	for range mostRaces {
		now, length, err := r.readStop(ctx)
		if err != nil || now.Stopped == s.Stopped {
			return now, err
		}
		err = r.Journal.Append(ctx, "stop/"+r.Name, length, s)
		if !errors.Is(err, fault.Conflict) {
			return s, err
		}
	}
	return Stop{}, fault.New(fault.Unavailable, "too many change stop/%s at once", r.Name)
}

// List returns the ids of all works, the last that was first approved first.
func (r Runner) List(ctx context.Context) ([]string, error) {
	names, err := r.Documents.Names(ctx, "index/"+r.Name+"/", "")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		words := strings.Split(name, "/")
		if id := words[len(words)-1]; !slices.Contains(ids, id) { // two may have been first
			ids = append(ids, id)
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// Summary returns a work without its document, for lists.
func (r Runner) Summary(ctx context.Context, id string) (Work, error) {
	return r.load(ctx, id, false)
}

// Repair puts every open work on the agenda again, as after a restore of the place.
// It returns how many are open.
func (r Runner) Repair(ctx context.Context) (int, error) {
	ids, err := r.List(ctx)
	open, failures := 0, []error{err}
	for _, id := range ids {
		w, err := r.load(ctx, id, false)
		if err == nil && w.length > 0 && !w.State.Ended() {
			open++
			err = r.agenda().Note(ctx, r.entry(id, w.due, w.position))
		}
		failures = append(failures, err)
	}
	return open, errors.Join(failures...)
}

// reason is a failure as it is told.
func reason(err error) image.Reason {
	return image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}
}

// failed is the outcome of an item that will not be done.
func failed(item string, why image.Reason) plan.Outcome {
	return plan.Outcome{Step: item, Result: plan.Failed, Why: &why}
}
