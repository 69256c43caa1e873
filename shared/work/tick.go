package work

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
)

// How a worker works.
const (
	leaseLasts = 90 * time.Second // renewed by whatever it appends
	renewAt    = 45 * time.Second // so much of the lease is left at least when it goes on
	tooLate    = 2 * time.Minute  // a tick that is older does nothing
	shortest   = 5 * time.Second  // between two looks, if nothing is to be done
	longest    = 15 * time.Second
	usual      = 10 * time.Second
	reserve    = 2 * time.Second // of the time, for writing down what was done
	mostWorks  = 64              // at the same time
	mostActs   = 16              // of one work at the same time
	mostBatch  = 100             // acts that one record announces
	braked     = 2 * time.Minute // until a work is looked at again while everything is stopped
	unseenLook = time.Minute     // until a work is looked at again of which something cannot be
)

// Report is what a tick did.
type Report struct {
	// Due is how many works were due.
	Due int `json:"due"`
	// Late: the tick was too old to do anything.
	Late bool `json:"late,omitempty"`
	// Left is how many there was no time for.
	Left int `json:"left,omitempty"`
	// Acts is how many changing calls were made.
	Acts int `json:"acts"`
	// Ended are the works that ended.
	Ended []string `json:"ended"`
	// Failures are the works that could not be carried on.
	Failures []Failure `json:"failures"`
}

// Failure is a work that could not be carried on, and why.
type Failure struct {
	// ID of the work.
	ID string `json:"id"`
	image.Reason
}

// Tick carries on every work that is due, each under its lease, until that time,
// and stays with those of which something is expected before. due is the time for
// which the tick was meant. It may come late, twice, or not at all.
func (r Runner) Tick(ctx context.Context, due, until time.Time) (Report, error) {
	report := Report{Ended: []string{}, Failures: []Failure{}}
	now := r.Now()
	if now.Sub(due) > tooLate {
		report.Late = true
		return report, nil
	}
	entries, err := r.agenda().Due(ctx, r.Name, now)
	if err != nil {
		return report, err
	}
	ctx, cancel := context.WithTimeout(ctx, until.Sub(now))
	defer cancel()
	var mu sync.Mutex
	var group fanout.Group
	places := make(chan struct{}, mostWorks)
	for _, of := range bySubject(entries) {
		report.Due++
		places <- struct{}{}
		if !r.Now().Add(reserve).Before(until) {
			report.Left++
			<-places
			continue
		}
		group.Go(func() {
			defer func() { <-places }()
			s := &shift{Runner: r, id: of.id, until: until}
			err := s.carry(ctx, of.entries)
			mu.Lock()
			defer mu.Unlock()
			report.tell(s, err)
		})
	}
	group.Wait()
	slices.Sort(report.Ended)
	slices.SortFunc(report.Failures, func(a, b Failure) int { return compare(a.ID, b.ID) })
	return report, nil
}

func (report *Report) tell(s *shift, err error) {
	report.Acts += s.acts
	if s.ended {
		report.Ended = append(report.Ended, s.id)
	}
	if err != nil && !errors.Is(err, errLost) {
		report.Failures = append(report.Failures, Failure{s.id, reason(err)})
	}
}

// dueWork is a work that is due, by the entries that say so.
type dueWork struct {
	id      string
	entries []journal.Entry
}

// bySubject groups entries by their work, in the order in which they are due.
func bySubject(entries []journal.Entry) []dueWork {
	var works []dueWork
	at := map[string]int{}
	for _, e := range entries {
		n, known := at[e.Subject]
		if !known {
			n = len(works)
			at[e.Subject], works = n, append(works, dueWork{id: lastWord(e.Subject)})
		}
		works[n].entries = append(works[n].entries, e)
	}
	return works
}

// errLost: another worker has the lease, or the work has ended.
var errLost = errors.New("another worker has it")

// shift is one worker's stay with one work.
type shift struct {
	Runner
	id    string
	until time.Time
	w     Work
	acts  int
	ended bool
}

// carry takes the lease, carries the work on, and lets it go.
func (s *shift) carry(ctx context.Context, entries []journal.Entry) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	s.tidy(ctx, entries)
	var err error
	for more := true; more && (err == nil || errors.Is(err, errMoved)); {
		switch {
		case s.w.Worker == s.Worker:
			more, err = s.round(ctx)
		case s.free():
			err = s.append(ctx, Record{Deed: leased})
		default:
			return nil
		}
	}
	if kind := fault.Of(err); err != nil && !errors.Is(err, errLost) && (kind == fault.Unavailable || kind == fault.Unknown || kind == fault.Throttled) {
		s.rescue(ctx)
	}
	if err == nil && s.w.State.Ended() {
		s.ended = true
		s.tidy(ctx, []journal.Entry{s.entry(s.id, s.w.due, s.w.position)})
	}
	return err
}

// rescue lets a kind bring back what this worker did, as long as nobody else can have
// the lease.
func (s *shift) rescue(ctx context.Context) {
	r, has := s.Kind.(Rescuer)
	if !has || s.w.Worker != s.Worker {
		return
	}
	ctx, cancel := s.bounded(context.WithoutCancel(ctx))
	defer cancel()
	for again := true; again && ctx.Err() == nil; {
		if again = r.Rescue(ctx, s.Again(ctx), s.w); again && s.Pause(ctx, shortest) != nil {
			return
		}
	}
}

// free: the work is due, and nobody holds it.
func (s *shift) free() bool {
	if s.w.length == 0 || s.w.State.Ended() {
		return false
	}
	if s.w.Worker != "" {
		return !s.Now().Before(s.w.Lease.Add(plan.Grace))
	}
	return !s.Now().Before(s.w.Next)
}

// read reads the work.
func (s *shift) read(ctx context.Context) (err error) {
	s.w, err = s.load(ctx, s.id, true)
	return err
}

// tidy crosses out entries that are settled, but the one by which an open work is
// found.
func (s *shift) tidy(ctx context.Context, entries []journal.Entry) {
	standing := s.entry(s.id, s.w.due, s.w.position)
	for _, e := range entries {
		open := s.w.length > 0 && !s.w.State.Ended()
		same := e.Position == standing.Position && e.At.Equal(standing.At.Truncate(time.Second))
		if e.Settled(s.w.length, s.Now()) && !(open && same) {
			_ = s.agenda().Cross(ctx, e) // the next tick finds it again
		}
	}
}

// errMoved: another record was written first, and was read.
var errMoved = errors.New("the log moved")

// append writes a record of this worker's and renews its lease with it. It fails
// with errMoved if another one was first, which is then read, and with errLost if
// that was another worker's.
func (s *shift) append(ctx context.Context, rec Record) error {
	for try := 1; ; try++ {
		now := s.Now().UTC()
		rec.At = now
		if rec.Deed != released && rec.Deed != ended && rec.Deed != expired {
			rec.Worker, rec.Until = s.Worker, now.Add(leaseLasts)
		}
		was := s.w
		err := s.Runner.append(ctx, s.w, rec)
		kind := fault.Of(err)
		if err == nil {
			s.w = s.w.after(rec)
			return nil
		}
		if kind == fault.Conflict || kind == fault.Unknown {
			if err := s.moved(ctx, was); err != nil {
				return err
			}
			kind = fault.Unavailable // nothing was written: it is asked for once more, and not at once
		}
		if kind != fault.Unavailable && kind != fault.Throttled || try >= mostTries || s.Pause(ctx, time.Second) != nil {
			return err
		}
	}
}

// moved reads the work again, and tells by errMoved or errLost what has become of it;
// nil: it is as it was.
func (s *shift) moved(ctx context.Context, was Work) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	switch {
	case was.Worker == s.Worker && s.w.Worker != s.Worker:
		return errLost
	case s.w.length > was.length:
		return errMoved
	}
	return nil
}

// mostTries bounds how often a record is written that does not arrive.
const mostTries = 5

// round looks, decides and acts once. It reports whether the worker stays.
func (s *shift) round(ctx context.Context) (more bool, err error) {
	now := s.Now()
	if !now.Add(reserve).Before(s.until) {
		return false, s.letGo(ctx, now, nil)
	}
	if s.w.State.Ended() {
		return false, nil
	}
	if waits := s.w.State == AwaitingApproval; waits || !s.w.begun() && now.After(s.w.ValidUntil()) {
		return false, s.expire(ctx, now)
	}
	if s.w.Lease.Sub(now) < renewAt {
		if err := s.append(ctx, Record{Deed: leased}); err != nil {
			return true, err
		}
	}
	if err := s.hold(ctx); err != nil || s.w.State.Ended() {
		return false, err
	}
	stop, err := s.Stopped(ctx)
	if err != nil {
		return false, errors.Join(err, s.letGo(ctx, now.Add(time.Minute), nil))
	}
	return s.decide(ctx, stop.Stopped)
}

// expire ends a work that nobody began in time.
func (s *shift) expire(ctx context.Context, now time.Time) error {
	if until := s.w.ValidUntil(); now.Before(until) {
		return s.letGo(ctx, until, nil)
	}
	why := image.Reason{Code: codeExpired, Sentence: "nothing was begun in the time for which it was approved"}
	return s.append(ctx, Record{Deed: expired, State: Failed, Why: &why})
}

// hold takes the claims of the whole work once. Where another work holds one, this
// one ends: nobody waits for a claim.
func (s *shift) hold(ctx context.Context) error {
	if s.w.claimed || len(s.w.Document.Claims) == 0 {
		return nil
	}
	err := s.claim(ctx, s.w, s.w.Document.Claims, "")
	switch {
	case errors.Is(err, fault.Conflict):
		why := reason(err)
		return s.append(ctx, Record{Deed: ended, State: Failed, Why: &why})
	case err != nil:
		return errors.Join(err, s.letGo(ctx, s.Now().Add(time.Minute), nil))
	}
	return s.append(ctx, Record{Deed: claimed})
}

// decide looks at the world, asks what is next, and does it.
func (s *shift) decide(ctx context.Context, stopped bool) (more bool, err error) {
	began := s.Now()
	w := s.w
	w.Stopped = stopped
	looking, cancel := s.bounded(ctx)
	seen, err := s.Kind.Look(looking, s.Again(looking), w)
	cancel()
	if err != nil {
		return false, errors.Join(err, s.tellSights(ctx, w.blind(err)), s.letGo(ctx, s.Now().Add(time.Minute), nil))
	}
	seen, sights := w.sighted(seen)
	if err := s.tellSights(ctx, sights); err != nil {
		return true, err
	}
	now := s.Now()
	d := admit(w, seen, s.Kind.Next(w, seen, now), now)
	changed := len(d.Items) > 0 || len(d.Acts) > 0
	if d.Halt != nil && slices.Contains([]State{Queued, Running, Waiting}, w.State) {
		return true, s.append(ctx, Record{Deed: halted, Why: d.Halt, Items: d.Items})
	}
	if changed {
		return true, s.act(ctx, d.Items, d.Acts)
	}
	if s.w.over() && !began.Before(s.w.doubt) {
		return false, s.append(ctx, Record{Deed: ended, State: s.w.endState(s.Kind), Why: s.w.Why})
	}
	return s.rest(ctx, w, d)
}

// tellSights writes down which items cannot be looked at, where that changed.
func (s *shift) tellSights(ctx context.Context, sights []Sighted) error {
	if len(sights) == 0 {
		return nil
	}
	return s.append(ctx, Record{Deed: happened, Sights: sights})
}

// over: there is nothing left that may be done.
func (w Work) over() bool {
	for _, name := range w.names {
		i, known := w.Items[name]
		if !i.Ended() && (w.State != Aborting || known && i.Begun()) {
			return false
		}
	}
	return true
}

// rest waits a little, or lets the work go if nothing is expected soon.
func (s *shift) rest(ctx context.Context, w Work, d Decision) (more bool, err error) {
	now := s.Now()
	wake := d.Wake
	if wake.IsZero() {
		wake = now.Add(usual)
		if s.w.unsighted() {
			wake = now.Add(unseenLook)
		}
	}
	switch {
	case s.w.over(): // but for a call that may still show
		wake = s.w.doubt
	case w.Braked() && w.resting() && d.Wake.IsZero() && w.State != Aborting:
		wake = now.Add(longestSleep)
		if w.Stopped {
			wake = now.Add(braked)
		}
	}
	if wake.Sub(now) > renewAt {
		return false, s.letGo(ctx, wake, d.Wait)
	}
	if !wake.Before(s.until.Add(-reserve)) { // the next tick stays with it: one for which it is not due yet would leave it for a minute
		return false, s.letGo(ctx, now, d.Wait)
	}
	return true, s.Pause(ctx, min(max(wake.Sub(now), shortest), longest))
}

// letGo gives the lease back; the work is due again at next, and at once if that is
// over.
func (s *shift) letGo(ctx context.Context, next time.Time, why *image.Reason) error {
	now := s.Now()
	if most := now.Add(longestSleep); next.After(most) {
		next = most
	}
	// To the next second: the agenda goes by seconds, and must not be later.
	next = later(next, now).UTC().Truncate(time.Second)
	ctx, cancel := s.last(ctx)
	defer cancel()
	return s.append(ctx, Record{Deed: released, Next: next, Why: why})
}

// bounded ends a context with the lease, and lets no call of it be accepted later
// than others may begin.
func (s *shift) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	end := s.w.Lease.Add(-reserve)
	if s.NotAfter != nil {
		ctx = s.NotAfter(ctx, s.w.Lease.Add(plan.Grace))
	}
	return context.WithTimeout(ctx, end.Sub(s.Now()))
}

// last is a context for what has to be written also when the time of the tick is
// over.
func (s *shift) last(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), s.w.Lease.Add(plan.Grace).Sub(s.Now()))
}

// act takes the claims of acts, announces them with what was seen of items, does
// them, and writes down what came of them.
func (s *shift) act(ctx context.Context, items []Item, acts []Act) error {
	acts, taken, err := s.claimEach(ctx, acts)
	items = append(items[:len(items):len(items)], taken...)
	switch {
	case len(acts) > 0:
		err = s.append(ctx, Record{Deed: intended, Items: items, Acts: acts})
	case len(items) > 0:
		return s.append(ctx, Record{Deed: happened, Items: items})
	case err == nil: // all wait for a place
		return s.Pause(ctx, usual)
	}
	if err != nil {
		return err
	}
	doing, cancel := s.bounded(ctx)
	defer cancel()
	at, w, answers := s.Again(doing), s.w, make([]Said, len(acts))
	each(acts, func(n int, a Act) {
		answer := Answer{Outcome: plan.Outcome{Result: plan.Open}}
		if s.Now().Before(w.Lease.Add(-reserve)) && doing.Err() == nil {
			answer = s.Kind.Do(doing, at, w, a)
		}
		for _, c := range answer.Release { // before the outcome: whoever finds none does it again
			if err := journal.NewClaims(s.Journal).Release(doing, w.holder(c, a.Item)); err != nil && answer.Result != plan.Failed {
				answer.Outcome = plan.Outcome{Step: answer.Step, Result: plan.Open}
			}
		}
		answers[n] = Said{Item: a.Item, Result: answer.Result, Why: answer.Why, Notes: answer.Notes}
	})
	s.acts += len(acts)
	return s.tellAll(ctx, answers)
}

// tellAll writes down what came of acts, also after others wrote: only another's
// lease ends it.
func (s *shift) tellAll(ctx context.Context, answers []Said) error {
	ctx, cancel := s.last(ctx)
	defer cancel()
	for range mostRaces {
		err := s.append(ctx, Record{Deed: happened, Answers: answers})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return errMoved
}

// claimEach takes the claims of acts. It returns those whose things are held now,
// and the items that failed because others hold theirs. The rest wait, for a place
// or for an answer.
func (s *shift) claimEach(ctx context.Context, acts []Act) (held []Act, taken []Item, err error) {
	errs := make([]error, len(acts))
	each(acts, func(n int, a Act) { errs[n] = s.claim(ctx, s.w, a.Claims, a.Item) })
	for n, a := range acts {
		switch {
		case errs[n] == nil:
			held = append(held, a)
		case errors.Is(errs[n], fault.Conflict):
			i := s.w.Items[a.Item]
			i.Name, i.Outcome, i.Sent = a.Item, failed(a.Item, reason(errs[n])), nil
			taken = append(taken, i)
		case !errors.Is(errs[n], fault.Exhausted):
			err = errors.Join(err, errs[n])
		}
	}
	return held, taken, err
}

// each does f for each of the acts, several at the same time.
func each(acts []Act, f func(n int, a Act)) {
	var group fanout.Group
	places := make(chan struct{}, mostActs)
	for n, a := range acts {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			f(n, a)
		})
	}
	group.Wait()
}
