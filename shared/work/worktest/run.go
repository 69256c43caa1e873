package worktest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Life ends at a boundary: every call of a worker passes two, one before it and one
// after it.
type Life struct {
	// At is the boundary at which it ends.
	At    int64
	count atomic.Int64
	dead  atomic.Bool
}

// Step passes a boundary; it reports whether the worker lives.
func (l *Life) Step() bool {
	if l.count.Add(1) >= l.At {
		l.dead.Store(true)
	}
	return !l.dead.Load()
}

// Dead reports whether it has ended.
func (l *Life) Dead() bool { return l.dead.Load() }

// Around makes a call of a mortal worker.
func (l *Life) Around(do func() error) error {
	if !l.Step() {
		return errDead
	}
	err := do()
	if !l.Step() {
		return errDead
	}
	return err
}

// mortal is a place as a worker with a life sees it.
type mortal struct {
	Place
	life *Life
}

func (m mortal) Lines(ctx context.Context, subject string) (lines [][]byte, err error) {
	err = m.life.Around(func() (err error) { lines, err = m.Place.Lines(ctx, subject); return err })
	return lines, err
}

func (m mortal) Add(ctx context.Context, subject string, position int, line []byte) error {
	return m.life.Around(func() error { return m.Place.Add(ctx, subject, position, line) })
}

func (m mortal) Keep(ctx context.Context, name string, text []byte) error {
	return m.life.Around(func() error { return m.Place.Keep(ctx, name, text) })
}

func (m mortal) Drop(ctx context.Context, name string) error {
	return m.life.Around(func() error { return m.Place.Drop(ctx, name) })
}

// Run holds a place to what must be so of works in it, in a story for each of the
// seeds: ticks overlap, come late, twice or not at all, workers die anywhere, people
// pause and resume, calls are refused and replies lost. open opens a new place, as
// workers do, whose calls may fail, and without that.
func Run(t *testing.T, seeds []uint64, open func(t *testing.T) (worker, clean func() Place)) {
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				worker, clean := open(t)
				newStory(t, seed, worker, clean).tell()
			})
		})
	}
}

// story is one story of some works that want each other's toys.
type story struct {
	*Stage
	random *rand.Rand
	ids    []string
	ticks  fanout.Group
}

// The measures of a story.
const (
	storyToys    = 10
	storyWorks   = 3
	storyMinutes = 1200 // at most: with four calls of ten failing a tick seldom gets far
	calmAfter    = 60   // minutes, after which nobody dies or pauses any more
)

func newStory(t *testing.T, seed uint64, worker, clean func() Place) *story {
	s := &story{Stage: NewStage(t, worker, storyToys), random: rand.New(rand.NewPCG(seed, 11))} //nolint:gosec // a story that a seed repeats, not a secret
	s.Clean, s.Tells = clean, true
	s.Kind.Width = 1 + s.random.IntN(5)
	s.Kind.Claims = func(item string) []work.Claim { return []work.Claim{{Thing: "toy/" + item}} }
	// calls is used under the factory's lock.
	calls := rand.New(rand.NewPCG(seed, 12)) //nolint:gosec // a story that a seed repeats, not a secret
	s.Factory.Refuse = func(string, string, int) bool { return calls.IntN(12) == 0 }
	s.Factory.Lose = func(string, string, int) bool { return calls.IntN(5) == 0 }
	return s
}

func (s *story) tell() {
	for n := range storyWorks {
		toys := s.random.Perm(storyToys)[:3+s.random.IntN(5)]
		slices.Sort(toys)
		d := Document(fmt.Sprint("story ", n), toys...)
		s.ids = append(s.ids, d.WorkID())
		s.persist(func(r work.Runner) error {
			_, err := r.Approve(s.t.Context(), d, work.Approval{By: "ada"})
			return err
		})
	}
	for minute := 0; minute < storyMinutes && !s.over(); minute++ {
		s.minute(minute < calmAfter)
	}
	s.ticks.Wait()
	for _, id := range s.ids {
		w := s.Get(id)
		if !w.State.Ended() {
			s.t.Errorf("%s is %s, %v", id, w.State, w.Items)
		}
		s.true(w)
		s.lawful(id)
	}
	s.apart()
	s.untold()
	for _, wrong := range s.Factory.wrong {
		s.t.Error(wrong)
	}
}

// persist does something until it is answered.
func (s *story) persist(do func(r work.Runner) error) {
	for range 200 {
		err := do(s.Runner(s.Open()))
		if fault.Code(err) == "wrongState" || err == nil {
			return
		}
		time.Sleep(time.Second)
	}
	s.t.Fatal("nothing is answered")
}

// minute fires the ticks of one minute, and lets somebody order something.
func (s *story) minute(wild bool) {
	due := time.Now()
	for range []int{1, 1, 1, 2, 0}[s.random.IntN(5)] {
		late := time.Duration(max(0, s.random.IntN(400)-200)) * time.Second
		stays := time.Duration(30+s.random.IntN(80)) * time.Second
		life := &Life{At: 1 << 40}
		if wild && s.random.IntN(3) == 0 {
			life.At = 1 + s.random.Int64N(150)
		}
		r := s.Runner(mortal{s.Open(), life})
		kind := s.Kind
		kind.Step, r.Kind = life.Step, kind
		s.ticks.Go(func() {
			time.Sleep(late)
			// What fails is found again by the next one.
			_, _ = r.Tick(s.t.Context(), due, time.Now().Add(stays))
		})
	}
	id, do := s.ids[s.random.IntN(len(s.ids))], []work.Verb{work.Pause, work.Resume, work.Resume}[s.random.IntN(3)]
	if s.random.IntN(6) == 0 && wild || !wild && do == work.Resume {
		s.persist(func(r work.Runner) error {
			_, err := r.Order(s.t.Context(), id, work.Order{Do: do, By: "bob"})
			return err
		})
	}
	time.Sleep(time.Minute)
	s.onAgenda()
}

// over: every work has ended, and so has every tick.
func (s *story) over() bool {
	return !slices.ContainsFunc(s.ids, func(id string) bool { return !s.Get(id).State.Ended() })
}

// onAgenda checks that no open work is absent from the agenda.
func (s *story) onAgenda() {
	entries, err := journal.NewAgenda(s.Clean()).Due(s.t.Context(), "toys", time.Now().Add(48*time.Hour))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, id := range s.ids {
		due, open := s.due(id)
		if open && !slices.ContainsFunc(entries, func(e journal.Entry) bool { return e.Subject == "work/toys/"+id && !e.At.After(due) }) {
			s.t.Errorf("%s is due at %s, and not on the agenda: %v", id, due, entries)
		}
	}
}

// due reads from a log when its work is to be looked at again.
func (s *story) due(id string) (due time.Time, open bool) {
	for _, r := range s.records(id) {
		due, open = r.due(due)
	}
	return due, open
}

// record is what is read here of a record, independently of package work.
type record struct {
	Deed   string    `json:"deed"`
	At     time.Time `json:"at"`
	Worker string    `json:"worker"`
	Until  time.Time `json:"until"`
	Next   time.Time `json:"next"`
	Order  *struct {
		Do string `json:"do"`
	} `json:"order"`
	Acts []struct {
		Item string `json:"item"`
	} `json:"acts"`
	Items []struct {
		Name    string       `json:"name"`
		Outcome plan.Outcome `json:"outcome"`
	} `json:"items"`
}

// due is when a work is to be looked at again after a record.
func (r record) due(before time.Time) (time.Time, bool) {
	open := r.Deed != "ended" && r.Deed != "expired"
	switch {
	case !r.Next.IsZero():
		return r.Next, open
	case !r.Until.IsZero():
		return r.Until.Add(time.Minute), open
	}
	return before, open
}

func (s *story) records(id string) []record {
	raw, err := s.Runner(s.Clean()).Journal.Read(s.t.Context(), "work/toys/"+id)
	if err != nil {
		s.t.Fatal(err)
	}
	all := make([]record, len(raw))
	for n, r := range raw {
		if err := json.Unmarshal(r.Body, &all[n]); err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

// true checks that what a work says of its toys is so.
func (s *story) true(w work.Work) {
	s.Factory.mu.Lock()
	defer s.Factory.mu.Unlock()
	for name, i := range w.Items {
		switch t := s.Factory.toys[name]; {
		case i.Outcome.Result == plan.Applied && t.level != len(levels()):
			s.t.Errorf("%s: %s is told to be done, and has level %d", w.ID, name, t.level)
		case i.Outcome.Result == plan.Failed && i.Outcome.Why == nil:
			s.t.Errorf("%s: %s failed without a reason", w.ID, name)
		}
	}
	for name, t := range s.Factory.toys {
		if len(t.tokens) != t.level {
			s.t.Errorf("%s has level %d by %d calls", name, t.level, len(t.tokens))
		}
	}
}

// lawful checks in a log that nobody wrote under another's lease, and that nothing
// was begun under a pause.
func (s *story) lawful(id string) {
	var holder string
	var until time.Time
	paused, begun := false, map[string]bool{}
	for n, r := range s.records(id) {
		if r.Worker != "" {
			if holder != "" && holder != r.Worker && r.At.Before(until.Add(plan.Grace)) {
				s.t.Errorf("%s: record %d of %s is under the lease of %s", id, n, r.Worker, holder)
			}
			holder, until = r.Worker, r.Until
		}
		switch r.Deed {
		case "released", "ended", "expired":
			holder = ""
		case "ordered":
			paused = r.Order.Do == string(work.Pause)
		}
		for _, a := range r.Acts {
			if paused && !begun[a.Item] {
				s.t.Errorf("%s: record %d begins %s under a pause", id, n, a.Item)
			}
			begun[a.Item] = true
		}
	}
}

// untold checks that every stage that a work has reached is known to be told of, and
// no other one.
func (s *story) untold() {
	var want, got []string
	for _, id := range s.ids {
		for _, reached := range s.Get(id).Reached {
			want = append(want, id+" "+reached.Name())
		}
	}
	untold, err := s.Runner(s.Clean()).Untold(s.t.Context())
	if err != nil {
		s.t.Error(err)
	}
	for _, u := range untold {
		got = append(got, u.Work.ID+" "+u.Name())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) <= len(s.ids) { // one whose toys others have ends without having begun
		s.t.Errorf("untold are %v, reached were %v", got, want)
	}
}

// apart checks that no two works had the same toy at the same time.
func (s *story) apart() {
	type hold struct {
		id       string
		from, to time.Time
	}
	holds := map[string][]hold{}
	for _, id := range s.ids {
		from := map[string]time.Time{}
		for _, r := range s.records(id) {
			for _, a := range r.Acts {
				if from[a.Item].IsZero() {
					from[a.Item] = r.At
				}
			}
			for _, i := range r.Items {
				if i.Outcome.Result != "" && !from[i.Name].IsZero() {
					holds[i.Name] = append(holds[i.Name], hold{id, from[i.Name], r.At})
				}
			}
		}
	}
	for toy, all := range holds {
		slices.SortFunc(all, func(a, b hold) int { return a.from.Compare(b.from) })
		for n := 1; n < len(all); n++ {
			if all[n].from.Before(all[n-1].to) {
				s.t.Errorf("%s was held by %v and %v at the same time", toy, all[n-1], all[n])
			}
		}
	}
}

// Faulty is a fault of a place: what becomes of a call by a number from 0 to 99.
// Replies get lost, requests arrive twice, or never.
func Faulty(n int, do func() error) error {
	switch {
	case n < 15: // the reply is lost
		_ = do()
		return errLostReply
	case n < 25: // the request arrives twice
		_ = do()
		return do()
	case n < 40: // it never arrives
		return errLostReply
	}
	return do()
}

var errLostReply = fault.New(fault.Unavailable, "the connection was reset")
