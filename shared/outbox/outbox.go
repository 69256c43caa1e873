// Package outbox keeps notices until their targets have them. A notice is recorded
// before anything is sent, so that it outlives whoever sends; one sender at a time
// has it; what each target said is recorded before anything else is sent. So every
// target is told at least once, always with the id of the notice, and twice only
// where a sender died, or a reply was lost. What cannot be delivered is tried again
// for a day, and stays visible as what it is.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/notify"
)

// Sender sends a notice to targets, and tells for each of them what became of it.
// *notify.Sender does.
type Sender interface {
	Send(ctx context.Context, targets []notify.Target, n notify.Notice) []notify.Delivery
}

// Outbox has the notices of a function. It is made for one event.
type Outbox struct {
	// Function is whose notices they are, such as import.
	Function string
	// Journal has the log of each notice, Documents of the same place the agenda.
	Journal   *journal.Journal
	Documents journal.Documents
	// Targets are all there are.
	Targets []notify.Target
	Sender  Sender
	// Worker names this event, unlike any other.
	Worker string
	Now    func() time.Time
}

const (
	// lasts is how long a notice is tried.
	lasts = 24 * time.Hour
	// grace is how long after the time of a sender another one waits.
	grace = time.Minute
	// reserve is the time for writing down what was sent.
	reserve = 2 * time.Second
)

// pauses are those between tries; the last one is repeated.
func pauses() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}
}

// deed is what a record of a notice says.
type deed string

const (
	put     deed = "put"     // it is to be sent
	sending deed = "sending" // somebody sends it, until then
	sent    deed = "sent"    // what became of that
)

type record struct {
	Deed deed      `json:"deed"`
	At   time.Time `json:"at"`
	// Notice, and To: the names of its targets.
	Notice *notify.Notice `json:"notice,omitempty"`
	To     []string       `json:"to,omitempty"`
	// Worker sends until Until.
	Worker string    `json:"worker,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	// Deliveries are what the targets said; Next, when it is tried again.
	Deliveries []notify.Delivery `json:"deliveries,omitempty"`
	Next       time.Time         `json:"next,omitzero"`
}

// State is what became of a notice.
type State struct {
	Notice notify.Notice
	To     []string
	// Deliveries are what each target that was tried said last, in the order of To.
	Deliveries []notify.Delivery
	// Next is when it is tried again; zero: it is not.
	Next time.Time

	length int
	worker string
	until  time.Time
	tries  int
	putAt  time.Time
}

// Pending: it is still to be sent to somebody.
func (s State) Pending() bool { return s.length > 0 && !s.Next.IsZero() }

// tell folds a log.
func tell(records []record) State {
	var s State
	for _, r := range records {
		s.length++
		switch r.Deed {
		case put:
			s.Notice, s.To, s.putAt, s.Next = *r.Notice, r.To, r.At, r.At
		case sending:
			s.worker, s.until, s.Next = r.Worker, r.Until, r.Until.Add(grace)
		case sent:
			s.worker, s.until, s.Next = "", time.Time{}, r.Next
			s.tries++
			for _, d := range r.Deliveries {
				s.Deliveries = with(s.Deliveries, d)
			}
		}
	}
	slices.SortStableFunc(s.Deliveries, func(a, b notify.Delivery) int {
		return slices.Index(s.To, a.Target) - slices.Index(s.To, b.Target)
	})
	return s
}

// with puts a delivery in the place of the one before it to the same target.
func with(all []notify.Delivery, d notify.Delivery) []notify.Delivery {
	at := slices.IndexFunc(all, func(o notify.Delivery) bool { return o.Target == d.Target })
	if at < 0 {
		return append(all, d)
	}
	d.Attempts += all[at].Attempts
	all[at] = d
	return all
}

// left are the targets that are still to be told.
func (s State) left() []string {
	return slices.DeleteFunc(slices.Clone(s.To), func(name string) bool {
		return slices.ContainsFunc(s.Deliveries, func(d notify.Delivery) bool { return d.Target == name && (d.Delivered || !d.Again) })
	})
}

// subject is the log of a notice.
func (o Outbox) subject(id string) string { return "notice/" + o.Function + "/" + id }

func (o Outbox) agenda() journal.Agenda { return journal.NewAgenda(o.Documents) }

// due names the agenda of what is to be sent.
func (o Outbox) due() string { return o.Function + ".outbox" }

// State tells what became of a notice. It fails with fault.NotFound if it is none
// that was put here.
func (o Outbox) State(ctx context.Context, id string) (State, error) {
	raw, err := o.Journal.Read(ctx, o.subject(id))
	if err != nil {
		return State{}, err
	}
	if len(raw) == 0 {
		return State{}, fault.New(fault.NotFound, "there is no notice %.64q", id)
	}
	records := make([]record, len(raw))
	for n, r := range raw {
		if err := json.Unmarshal(r.Body, &records[n]); err != nil || n == 0 && (records[0].Deed != put || records[0].Notice == nil) {
			return State{}, fault.Wrap(fault.Unknown, err, "record %d of %s is none of a notice", n, r.Subject).WithCode("journalDamaged")
		}
	}
	return tell(records), nil
}

// Put records that a notice is to be sent to the targets that are named; none: to
// all. The same id again changes nothing, whatever the notice says now. It reports
// whether it is new.
func (o Outbox) Put(ctx context.Context, n notify.Notice, to []string) (bool, error) {
	switch _, err := o.State(ctx, n.ID); {
	case err == nil:
		return false, nil
	case !errors.Is(err, fault.NotFound):
		return false, err
	}
	if len(to) == 0 {
		for _, t := range o.Targets {
			to = append(to, t.Name)
		}
	}
	if len(to) == 0 {
		return false, nil
	}
	now := o.Now().UTC()
	err := o.append(ctx, n.ID, 0, record{Deed: put, At: now, Notice: &n, To: to, Next: now})
	if errors.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// append writes a record. One that makes the notice due is on the agenda before.
func (o Outbox) append(ctx context.Context, id string, position int, r record) error {
	at := r.Next
	if r.Deed == sending {
		at = r.Until.Add(grace)
	}
	if !at.IsZero() {
		if err := o.agenda().Note(ctx, journal.Entry{At: at, Function: o.due(), Subject: o.subject(id), Position: position}); err != nil {
			return err
		}
	}
	return o.Journal.Append(ctx, o.subject(id), position, r)
}

// Report is what a run has sent.
type Report struct {
	// Sent are the notices that were sent to somebody, Left how many there was no
	// time for.
	Sent []Sent `json:"sent"`
	Left int    `json:"left,omitempty"`
}

// Sent is what became of one notice in one run.
type Sent struct {
	ID         string            `json:"id"`
	Kind       notify.Kind       `json:"kind"`
	Deliveries []notify.Delivery `json:"deliveries"`
}

// Deliver sends what is due until that time. A target that is down costs one notice
// its time; the others wait for it. It may run several times at once.
func (o Outbox) Deliver(ctx context.Context, until time.Time) (Report, error) {
	report := Report{Sent: []Sent{}}
	entries, err := o.agenda().Due(ctx, o.due(), o.Now())
	if err != nil || len(entries) == 0 {
		return report, err
	}
	ctx, cancel := context.WithTimeout(ctx, until.Sub(o.Now()))
	defer cancel()
	run := &round{Outbox: o, until: until, down: map[string]bool{}}
	all, failure := o.notices(ctx, entries)
	failures := []error{failure}
	for n, d := range all {
		if !o.Now().Add(2 * reserve).Before(until) {
			report.Left = len(all) - n
			break
		}
		s, err := run.notice(ctx, d)
		if s != nil {
			report.Sent = append(report.Sent, *s)
		}
		failures = append(failures, err)
	}
	return report, errors.Join(failures...)
}

// dueNotice is a notice that is due, by the entries that say so.
type dueNotice struct {
	id      string
	state   State
	entries []journal.Entry
}

// notices reads what entries are about, in the order in which it happened.
func (o Outbox) notices(ctx context.Context, entries []journal.Entry) ([]dueNotice, error) {
	var all []dueNotice
	var failures []error
	at := map[string]int{}
	for _, e := range entries {
		n, known := at[e.Subject]
		if known {
			all[n].entries = append(all[n].entries, e)
			continue
		}
		d := dueNotice{id: e.Subject[strings.LastIndexByte(e.Subject, '/')+1:], entries: []journal.Entry{e}}
		var err error
		if d.state, err = o.State(ctx, d.id); err != nil && !errors.Is(err, fault.NotFound) {
			failures = append(failures, err)
			continue
		}
		at[e.Subject], all = len(all), append(all, d)
	}
	slices.SortStableFunc(all, func(a, b dueNotice) int { return a.state.Notice.At.Compare(b.state.Notice.At) })
	return all, errors.Join(failures...)
}

// round is one run over what is due.
type round struct {
	Outbox
	until time.Time
	// down are targets that did not take what was sent before in this run.
	down map[string]bool
}

// notice does what the agenda asks for, and crosses that out.
func (r *round) notice(ctx context.Context, d dueNotice) (told *Sent, err error) {
	s := d.state
	if s.Pending() && !r.Now().Before(s.Next) {
		if told, err = r.send(ctx, d.id, &s); err != nil {
			return told, err
		}
	}
	for _, e := range d.entries {
		// What stands for a notice that is pending is the entry of its next time.
		stands := s.Pending() && e.At.Equal(s.Next.Truncate(time.Second))
		if e.Settled(s.length, r.Now()) && !stands {
			err = errors.Join(err, r.agenda().Cross(ctx, e))
		}
	}
	return told, err
}

// send takes a notice, sends it, and writes down what became of that.
func (r *round) send(ctx context.Context, id string, s *State) (*Sent, error) {
	targets, deliveries := r.known(s.left())
	targets = slices.DeleteFunc(targets, func(t notify.Target) bool { return r.down[t.Name] })
	if len(targets) == 0 && len(deliveries) == 0 {
		return nil, nil // the next run sends it
	}
	taken := record{Deed: sending, At: r.Now().UTC(), Worker: r.Worker, Until: r.until.UTC().Truncate(time.Second)}
	if err := r.write(ctx, id, s, taken); err != nil {
		if errors.Is(err, fault.Conflict) {
			return nil, nil // another one has it
		}
		return nil, err
	}
	trying, cancel := context.WithDeadline(ctx, r.until.Add(-reserve))
	deliveries = append(deliveries, r.Sender.Send(trying, targets, s.Notice)...)
	cancel()
	for _, d := range deliveries {
		r.down[d.Target] = r.down[d.Target] || !d.Delivered && d.Again
	}
	done := record{Deed: sent, At: r.Now().UTC(), Deliveries: deliveries}
	after := *s
	after.Deliveries = slices.Clone(s.Deliveries)
	for _, d := range deliveries {
		after.Deliveries = with(after.Deliveries, d)
	}
	if pause := pauses()[min(s.tries, len(pauses())-1)]; len(after.left()) > 0 && done.At.Add(pause).Before(s.putAt.Add(lasts)) {
		done.Next = done.At.Add(pause).Truncate(time.Second)
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), grace/2)
	defer cancel()
	return &Sent{ID: id, Kind: s.Notice.Kind, Deliveries: deliveries}, r.write(ctx, id, s, done)
}

// known are the targets of those names; what there is no target of any more cannot
// be delivered.
func (r *round) known(names []string) (targets []notify.Target, gone []notify.Delivery) {
	for _, name := range names {
		found, err := notify.Among(r.Targets, []string{name})
		if err != nil {
			gone = append(gone, notify.Delivery{Target: name, Code: fault.Code(err), Sentence: fault.Sentence(err)})
			continue
		}
		targets = append(targets, found...)
	}
	return targets, gone
}

// write appends a record and folds it.
func (r *round) write(ctx context.Context, id string, s *State, rec record) error {
	if err := r.append(ctx, id, s.length, rec); err != nil {
		return err
	}
	fresh, err := r.State(ctx, id)
	if err == nil {
		*s = fresh
	}
	return err
}
