// Package worktest is what must be so of works wherever they are kept, told by a toy
// kind: one suite for all places. It also shows how a kind is written.
package worktest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// The levels that every toy goes through.
func levels() []string { return []string{"washed", "painted", "packed"} }

// Factory is the cloud of toys: each goes through the levels, and every step takes a
// while. It is told by tokens when a call is the same again.
type Factory struct {
	mu   sync.Mutex
	toys map[string]*toy
	// Takes is how long a step takes to show.
	Takes time.Duration
	// Refuse says whether a call is refused, and Lose whether its reply is lost.
	Refuse, Lose func(item, do string, n int) bool
	calls        int
	wrong        []string
	// begun is when anything was first done to a toy.
	begun map[string]time.Time
}

type toy struct {
	level  int // how many levels it has reached
	ready  time.Time
	tokens map[string]string // what was done, by token
}

// NewFactory returns one with so many toys, each at its beginning.
func NewFactory(items int) *Factory {
	never := func(string, string, int) bool { return false }
	f := &Factory{toys: map[string]*toy{}, Takes: 20 * time.Second, Refuse: never, Lose: never, begun: map[string]time.Time{}}
	for n := range items {
		f.toys[ItemName(n)] = &toy{tokens: map[string]string{}}
	}
	return f
}

// ItemName is the toy of a number.
func ItemName(n int) string { return fmt.Sprintf("i-%03d", n) }

// do is the changing call.
func (f *Factory) do(item, do, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	t := f.toys[item]
	if _, same := t.tokens[token]; same {
		return nil
	}
	if f.Refuse(item, do, f.calls) {
		return fault.New(fault.Precondition, "%s cannot be %s now", item, do).WithCode("notNow")
	}
	want := levels()[t.level%len(levels())]
	if t.level >= len(levels()) || want != do || time.Now().Before(t.ready) {
		f.wrong = append(f.wrong, fmt.Sprintf("%s at level %d was %s with another token", item, t.level, do))
		return fault.New(fault.Precondition, "%s is not ready to be %s", item, do)
	}
	t.tokens[token], t.level, t.ready = do, t.level+1, time.Now().Add(f.Takes)
	if f.begun[item].IsZero() {
		f.begun[item] = time.Now()
	}
	if f.Lose(item, do, f.calls) {
		return fault.New(fault.Unavailable, "the reply was lost")
	}
	return nil
}

// look is the reading call: the level that a toy shows.
func (f *Factory) look(item string) plan.Facts {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.toys[item]
	level := t.level
	if time.Now().Before(t.ready) {
		level--
	}
	return plan.Facts{"level": strconv.Itoa(level)}
}

// Done checks that every toy has every level, and each was done once.
func (f *Factory) Done(t testing.TB, items ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range items {
		if toy := f.toys[name]; toy.level != len(levels()) || len(toy.tokens) != len(levels()) {
			t.Errorf("%s has level %d by %d calls", name, toy.level, len(toy.tokens))
		}
	}
	for _, w := range f.wrong {
		t.Error(w)
	}
}

// Toys is the kind: waves of a width, three tries, everything from levels.
type Toys struct {
	Factory *Factory
	// Width is how many are on their way at once; 0: all.
	Width int
	// Claims of each item, taken with its first act.
	Claims func(item string) []work.Claim
	// Step is called at every boundary outside the journal.
	Step func() bool
	// Halt stops the work when that many have failed; 0: never.
	Halt int
	// Hidden is why a toy cannot be looked at, and with an empty name why none can; nil:
	// all can.
	Hidden func(item string) error
}

// Look shows every toy of the work.
func (k Toys) Look(ctx context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	if k.Step != nil && !k.Step() {
		return nil, errDead
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hidden := k.Hidden
	if hidden == nil {
		hidden = func(string) error { return nil }
	}
	if err := hidden(""); err != nil {
		return nil, err
	}
	seen := work.Seen{}
	for _, name := range w.Names() {
		if seen[name] = k.Factory.look(name); hidden(name) != nil {
			seen.Refused(name, hidden(name))
		}
	}
	return seen, nil
}

// Next sends as many toys on their way as the width allows, each to its next level.
func (k Toys) Next(w work.Work, seen work.Seen, _ time.Time) work.Decision {
	var d work.Decision
	under, failures := count(w)
	if k.Halt > 0 && failures >= k.Halt {
		d.Halt = &image.Reason{Code: "tooManyFailures", Sentence: "too many failed"}
	}
	for _, name := range w.Names() {
		before := w.Items[name]
		if before.Ended() {
			continue
		}
		i, act := k.item(before, name, seen[name])
		if act != nil && !before.Begun() && k.Width > 0 {
			if under++; under > k.Width {
				continue
			}
		}
		if i.Begun() || i.Ended() {
			d.Items = append(d.Items, i)
		}
		if act != nil {
			d.Acts = append(d.Acts, *act)
		}
	}
	return d
}

// count is how many toys are on their way, and how many failed.
func count(w work.Work) (under, failures int) {
	for _, i := range w.Items {
		if i.Begun() && !i.Ended() {
			under++
		}
		if i.Outcome.Result == plan.Failed {
			failures++
		}
	}
	return under, failures
}

// item decides about one toy: what it is now, and what is done next.
func (k Toys) item(i work.Item, name string, facts plan.Facts) (work.Item, *work.Act) {
	level, err := strconv.Atoi(facts["level"])
	if err != nil {
		return i, nil // not seen
	}
	i.Name = name
	if i.Sent != nil && levels()[max(level, 1)-1] == i.Sent.Level && level > 0 {
		i.Level, i.Sent = i.Sent.Level, nil
	}
	switch {
	case i.Sent != nil && i.Answered == plan.Applied:
		return i, nil // on its way
	case i.Sent != nil:
		act := *i.Sent
		return i, &act // in doubt: once more
	case level == len(levels()):
		i.Outcome = plan.Outcome{Step: name, Result: plan.Applied}
		return i, nil
	case i.Refusal != nil && i.Tries >= 3+level:
		i.Outcome = plan.Outcome{Step: name, Result: plan.Failed, Why: i.Refusal}
		return i, nil
	}
	act := &work.Act{Item: name, Do: levels()[level], Level: levels()[level]}
	if k.Claims != nil && !i.Begun() {
		act.Claims = k.Claims(name)
	}
	return i, act
}

// Do makes one step.
func (k Toys) Do(ctx context.Context, _ survey.Fresh, w work.Work, a work.Act) work.Answer {
	open := work.Answer{Outcome: plan.Outcome{Result: plan.Open}}
	if k.Step != nil && !k.Step() || ctx.Err() != nil {
		return open
	}
	err := k.Factory.do(a.Item, a.Do, w.Token(a))
	if k.Step != nil && !k.Step() {
		return open
	}
	switch fault.Of(err) {
	case "":
		return work.Answer{Outcome: plan.Outcome{Result: plan.Applied}}
	case fault.Precondition:
		return work.Answer{Outcome: plan.Outcome{Result: plan.Failed, Why: &image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}}}
	}
	return open
}

// Document plans some toys.
func Document(name string, items ...int) work.Document {
	p := plan.Plan{Target: "toys/" + name, Base: plan.Facts{}}
	for _, n := range items {
		p.Steps = append(p.Steps, plan.Step{
			Action: "make", Subject: ItemName(n), Sets: plan.Facts{ItemName(n): "packed"},
			Reasons: []image.Reason{{Code: "asked", Sentence: "somebody asked for it"}},
		})
	}
	return work.Document{Plan: p.Stored()}
}

// UpTo are the numbers below n.
func UpTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Place is where logs, documents, the agenda and claims are.
type Place = journaltest.Place

// Stage is a place with a factory, in which runners come and go.
type Stage struct {
	t testing.TB
	// Open opens the place as a worker does, Clean without what a test does to it.
	Open, Clean func() Place
	Factory     *Factory
	Kind        Toys
	// Two people have to approve.
	Two bool
	// Tells: people are told of the stages of works.
	Tells bool

	mu      sync.Mutex
	workers int
}

// NewStage returns one with so many toys, at a place.
func NewStage(t testing.TB, open func() Place, items int) *Stage {
	f := NewFactory(items)
	return &Stage{t: t, Open: open, Clean: open, Factory: f, Kind: Toys{Factory: f}}
}

// Runner is one event's, at a place.
func (s *Stage) Runner(place Place) work.Runner {
	s.mu.Lock()
	s.workers++
	name := fmt.Sprint("worker-", s.workers)
	s.mu.Unlock()
	var ids atomic.Int64
	return work.Runner{
		Name: "toys", Kind: s.Kind, Documents: place, Worker: name, TwoPeople: s.Two, Tells: s.Tells,
		Journal: journal.New(place, time.Now, func() string { return fmt.Sprint(name, "-", ids.Add(1)) }),
		Now:     time.Now, Pause: pause, Again: func(context.Context) survey.Fresh { return survey.Fresh{} },
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Tick runs one tick of a minute and a half.
func (s *Stage) Tick(r work.Runner) work.Report {
	s.t.Helper()
	report, err := r.Tick(s.t.Context(), time.Now(), time.Now().Add(90*time.Second))
	if err != nil && fault.Of(err) != fault.Unavailable {
		s.t.Errorf("tick: %v", err)
	}
	return report
}

// UntilEnded ticks once a minute until a work has ended, at most so often.
func (s *Stage) UntilEnded(id string, most int) work.Work {
	s.t.Helper()
	for range most {
		s.Tick(s.Runner(s.Clean()))
		if w := s.Get(id); w.State.Ended() {
			return w
		}
		time.Sleep(time.Minute)
	}
	w := s.Get(id)
	s.t.Fatalf("%s is %s after %d ticks: %+v", id, w.State, most, w.Items)
	return w
}

// Get reads a work.
func (s *Stage) Get(id string) work.Work {
	s.t.Helper()
	w, err := s.Runner(s.Clean()).Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// Approve approves a document.
func (s *Stage) Approve(d work.Document, by string) work.Work {
	s.t.Helper()
	w, err := s.Runner(s.Clean()).Approve(s.t.Context(), d, work.Approval{By: by})
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// Watch checks, of the objects of a bucket, that no open work is absent from the
// agenda: an entry is there that is not later than the work is due.
func Watch(t testing.TB, objects map[string][]byte) {
	entries := map[string][]time.Time{}
	for key := range objects {
		words := strings.Split(key, "/")
		if words[0] == "due" {
			at, err := time.Parse(time.RFC3339, words[2])
			if err != nil {
				t.Errorf("%s: %v", key, err)
			}
			id := strings.Join(words[3:len(words)-1], "/")
			entries[id] = append(entries[id], at)
		}
	}
	for key, object := range objects {
		subject, isLog := strings.CutSuffix(key, ".ndjson")
		if !isLog || !strings.HasPrefix(subject, "work/") {
			continue
		}
		due, open := dueOf(t, object)
		found := !open
		for _, at := range entries[subject] {
			found = found || !at.After(due)
		}
		if !found {
			t.Errorf("%s is open, due at %s, and not on the agenda: %v", subject, due, entries[subject])
		}
	}
}

// dueOf reads, independently of the package, when a work is to be looked at next.
func dueOf(t testing.TB, log []byte) (due time.Time, open bool) {
	for line := range bytes.Lines(log) {
		var r struct {
			Body struct {
				Deed  string    `json:"deed"`
				At    time.Time `json:"at"`
				Until time.Time `json:"until"`
				Next  time.Time `json:"next"`
			} `json:"body"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Error(err)
		}
		open = r.Body.Deed != "ended" && r.Body.Deed != "expired"
		switch {
		case !r.Body.Next.IsZero():
			due = r.Body.Next
		case !r.Body.Until.IsZero():
			due = r.Body.Until.Add(time.Minute)
		}
	}
	return due, open
}

// errDead is what a dead worker's calls come to.
var errDead = fault.New(fault.Unavailable, "the worker is dead")

// Reset brings a toy back to its beginning.
func (f *Factory) Reset(item string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.toys[item] = &toy{tokens: map[string]string{}}
}

// Begun is when toys were first worked on.
func (f *Factory) Begun() map[string]time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.begun)
}
