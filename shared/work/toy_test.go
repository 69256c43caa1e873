package work_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/contract"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// The levels that every toy goes through.
func levels() []string { return []string{"washed", "painted", "packed"} }

// factory is the cloud of toys: each goes through the levels, and every step takes a
// while. It is told by tokens when a call is the same again.
type factory struct {
	mu    sync.Mutex
	toys  map[string]*toy
	takes time.Duration
	// refuse says whether a call is refused, and lose whether its reply is lost.
	refuse, lose func(item, do string, n int) bool
	calls        int
	wrong        []string
	// begun is when anything was first done to a toy.
	begun map[string]time.Time
}

type toy struct {
	level  int // how many levels it has reached
	ready  time.Time
	tokens map[string]string // what was done, by token
	broken bool
}

func newFactory(items int) *factory {
	never := func(string, string, int) bool { return false }
	f := &factory{toys: map[string]*toy{}, takes: 20 * time.Second, refuse: never, lose: never, begun: map[string]time.Time{}}
	for n := range items {
		f.toys[itemName(n)] = &toy{tokens: map[string]string{}}
	}
	return f
}

func itemName(n int) string { return fmt.Sprintf("i-%03d", n) }

// do is the changing call.
func (f *factory) do(item, do, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	t := f.toys[item]
	if _, same := t.tokens[token]; same {
		return nil
	}
	if f.refuse(item, do, f.calls) {
		return fault.New(fault.Precondition, "%s cannot be %s now", item, do).WithCode("notNow")
	}
	want := levels()[t.level%len(levels())]
	if t.level >= len(levels()) || want != do || time.Now().Before(t.ready) {
		f.wrong = append(f.wrong, fmt.Sprintf("%s at level %d was %s with another token", item, t.level, do))
		return fault.New(fault.Precondition, "%s is not ready to be %s", item, do)
	}
	t.tokens[token], t.level, t.ready = do, t.level+1, time.Now().Add(f.takes)
	if f.begun[item].IsZero() {
		f.begun[item] = time.Now()
	}
	if f.lose(item, do, f.calls) {
		return fault.New(fault.Unavailable, "the reply was lost")
	}
	return nil
}

// look is the reading call: the level that a toy shows.
func (f *factory) look(item string) plan.Facts {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.toys[item]
	level := t.level
	if time.Now().Before(t.ready) {
		level--
	}
	return plan.Facts{"level": strconv.Itoa(level), "broken": strconv.FormatBool(t.broken)}
}

// done reports whether every toy has every level, and each was done once.
func (f *factory) done(t *testing.T, items ...string) {
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

// toys is the kind: waves of a width, three tries, everything from levels.
type toys struct {
	factory *factory
	// width is how many are on their way at once; 0: all.
	width int
	// claims of each item, taken with its first act.
	claims func(item string) []work.Claim
	// step is called at every boundary outside the journal.
	step func() bool
	// halt stops the work when that many have failed; 0: never.
	halt int
}

func (k toys) Look(ctx context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	if k.step != nil && !k.step() {
		return nil, errDead
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seen := work.Seen{}
	for _, name := range w.Names() {
		seen[name] = k.factory.look(name)
	}
	return seen, nil
}

func (k toys) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	var d work.Decision
	under, failures := 0, 0
	for _, i := range w.Items {
		if i.Begun() && !i.Ended() {
			under++
		}
		if i.Outcome.Result == plan.Failed {
			failures++
		}
	}
	if k.halt > 0 && failures >= k.halt {
		d.Halt = &image.Reason{Code: "tooManyFailures", Sentence: "too many failed"}
	}
	for _, name := range w.Names() {
		i := w.Items[name]
		if i.Ended() {
			continue
		}
		i, act := k.item(i, name, seen[name], now)
		if i.Ended() || act == nil {
			if i.Begun() {
				d.Items = append(d.Items, i)
			}
			continue
		}
		if !w.Items[name].Begun() && k.width > 0 {
			if under++; under > k.width {
				continue
			}
		}
		if i.Begun() {
			d.Items = append(d.Items, i)
		}
		d.Acts = append(d.Acts, *act)
	}
	return d
}

// item decides about one toy: what it is now, and what is done next.
func (k toys) item(i work.Item, name string, facts plan.Facts, now time.Time) (work.Item, *work.Act) {
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
	if k.claims != nil && !i.Begun() {
		act.Claims = k.claims(name)
	}
	return i, act
}

func (k toys) Do(ctx context.Context, _ survey.Fresh, w work.Work, a work.Act) work.Answer {
	open := work.Answer{Outcome: plan.Outcome{Result: plan.Open}}
	if k.step != nil && !k.step() || ctx.Err() != nil {
		return open
	}
	err := k.factory.do(a.Item, a.Do, w.Token(a))
	if k.step != nil && !k.step() {
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

// document plans some toys.
func document(name string, items ...int) work.Document {
	p := plan.Plan{Target: "toys/" + name, Base: plan.Facts{}}
	for _, n := range items {
		p.Steps = append(p.Steps, plan.Step{
			Action: "make", Subject: itemName(n), Sets: plan.Facts{itemName(n): "packed"},
			Reasons: []image.Reason{{Code: "asked", Sentence: "somebody asked for it"}},
		})
	}
	return work.Document{Plan: p.Stored()}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// stage is a place with a factory, in which runners come and go.
type stage struct {
	t       *testing.T
	bucket  *contract.Bucket
	factory *factory
	kind    toys
	two     bool
	workers int
}

func newStage(t *testing.T, items int) *stage {
	s := &stage{t: t, factory: newFactory(items)}
	s.kind = toys{factory: s.factory}
	s.bucket = contract.NewBucket(s.watch)
	return s
}

// runner is one event's, whose calls go through wrap.
func (s *stage) runner(wrap func(journal.Bucket) journal.Bucket) work.Runner {
	s.workers++
	name := fmt.Sprint("worker-", s.workers)
	var bucket journal.Bucket = s.bucket
	if wrap != nil {
		bucket = wrap(bucket)
	}
	place := journal.OpenObjects(bucket, "")
	var mu sync.Mutex
	ids := 0
	return work.Runner{
		Name: "toys", Kind: s.kind, Documents: place, Worker: name, TwoPeople: s.two,
		Journal: journal.New(place, time.Now, func() string {
			mu.Lock()
			defer mu.Unlock()
			ids++
			return fmt.Sprint(name, "-", ids)
		}),
		Now: time.Now, Pause: pause, Again: func(context.Context) survey.Fresh { return survey.Fresh{} },
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

// tick runs one tick of a minute and a half.
func (s *stage) tick(r work.Runner) work.Report {
	s.t.Helper()
	report, err := r.Tick(s.t.Context(), time.Now(), time.Now().Add(90*time.Second))
	if err != nil && !errors.Is(err, errDead) {
		s.t.Errorf("tick: %v", err)
	}
	return report
}

// untilEnded ticks once a minute until a work has ended.
func (s *stage) untilEnded(id string, most int) work.Work {
	s.t.Helper()
	for range most {
		s.tick(s.runner(nil))
		if w := s.get(id); w.State.Ended() {
			return w
		}
		time.Sleep(time.Minute)
	}
	w := s.get(id)
	s.t.Fatalf("%s is %s after %d ticks: %+v", id, w.State, most, w.Items)
	return w
}

func (s *stage) get(id string) work.Work {
	s.t.Helper()
	w, err := s.runner(nil).Get(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

func (s *stage) approve(d work.Document, by string) work.Work {
	s.t.Helper()
	w, err := s.runner(nil).Approve(s.t.Context(), d, work.Approval{By: by})
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// watch checks after every change of the bucket that no open work is absent from the
// agenda: an entry is there that is not later than the work is due.
func (s *stage) watch(objects map[string][]byte) {
	entries := map[string][]time.Time{}
	for key := range objects {
		words := strings.Split(key, "/")
		if words[0] == "due" {
			at, err := time.Parse(time.RFC3339, words[2])
			if err != nil {
				s.t.Errorf("%s: %v", key, err)
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
		due, open := dueOf(s.t, object)
		found := !open
		for _, at := range entries[subject] {
			found = found || !at.After(due)
		}
		if !found {
			s.t.Errorf("%s is open, due at %s, and not on the agenda: %v", subject, due, entries[subject])
		}
	}
}

// dueOf reads, independently of the package, when a work is to be looked at next.
func dueOf(t *testing.T, log []byte) (due time.Time, open bool) {
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

var errDead = fault.New(fault.Unavailable, "the worker is dead")

func (s *stage) bucketWithoutWatch() *contract.Bucket { return contract.NewBucket(nil) }
