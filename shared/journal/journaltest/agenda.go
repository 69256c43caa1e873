package journaltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
)

// Place is where both logs and documents are kept.
type Place interface {
	journal.Store
	journal.Documents
}

// RunAgenda holds a place to what must be so of an agenda in it. Each call of
// reopen opens the same place, which is empty at first.
func RunAgenda(t *testing.T, reopen func() Place) {
	t.Run("agenda", func(t *testing.T) { testAgenda(t, reopen) })
	t.Run("agenda under death", func(t *testing.T) { testAgendaUnderDeath(t, reopen) })
}

func testAgenda(t *testing.T, reopen func() Place) {
	ctx, now := t.Context(), time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	open := func() journal.Agenda { return journal.NewAgenda(reopen()) }
	entry := func(minutes, position int) journal.Entry {
		return journal.Entry{At: now.Add(time.Duration(minutes) * time.Minute), Function: "toy", Subject: "work/toys/a", Position: position}
	}
	want := []journal.Entry{entry(-90, 0), entry(-1, 3), entry(0, 2)}
	other := entry(-1, 0)
	other.Function = "toys"
	for _, e := range append(slices.Clone(want), entry(0, 2), entry(1, 4), entry(60*24*400, 5), other) {
		if err := open().Note(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := open().Due(ctx, "toy", now); err != nil || !slices.Equal(got, want) {
		t.Errorf("due: %v, %v", got, err)
	}
	for range 2 {
		if err := open().Cross(ctx, want[1]); err != nil {
			t.Error(err)
		}
	}
	if got, err := open().Due(ctx, "toy", now.Add(time.Minute)); err != nil || !slices.Equal(got, []journal.Entry{want[0], want[2], entry(1, 4)}) {
		t.Errorf("due later: %v, %v", got, err)
	}
	for _, bad := range []journal.Entry{{At: now, Function: "a/b", Subject: "x"}, {At: now, Function: "a", Subject: ""}, {At: now, Function: "a", Subject: "../x"}, {At: now, Function: "a", Subject: "x", Position: -1}} {
		if err := open().Note(ctx, bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// testAgendaUnderDeath: writers note what they append, and die anywhere; readers
// cross out what is settled and not the last of an open log. No log that is open is
// ever absent from the agenda.
func testAgendaUnderDeath(t *testing.T, reopen func() Place) {
	d := &dying{Place: reopen(), random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // the same deaths in every run, not a secret
	underDeath(t, d, reopen, "agendas")
}

// underDeath writes at a place whose calls may fail in any way, and checks what is
// there at one whose calls do not.
func underDeath(t *testing.T, d Place, reopen func() Place, under string) {
	const rounds, subjects = 12, 4
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	var wait sync.WaitGroup
	for w := range subjects * 2 {
		wait.Go(func() {
			subject := fmt.Sprint(under, "/", w%subjects)
			j, agenda := open(d, fmt.Sprint("agenda", w)), journal.NewAgenda(d)
			for n := range rounds {
				records, err := j.Read(t.Context(), subject)
				if err != nil {
					continue
				}
				at := now.Add(time.Duration(n) * time.Second)
				e := journal.Entry{At: at, Function: under, Subject: subject, Position: len(records)}
				if agenda.Note(t.Context(), e) == nil {
					_ = j.Append(t.Context(), subject, len(records), at)
				}
				crossSettled(t, agenda, j, under, subject, now)
			}
		})
	}
	wait.Wait()
	there, err := journal.NewAgenda(reopen()).Due(t.Context(), under, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for n := range subjects {
		subject := fmt.Sprint(under, "/", n)
		records, err := open(reopen(), "reader").Read(t.Context(), subject)
		if err != nil || len(records) == 0 {
			t.Errorf("%s: %d records, %v", subject, len(records), err)
			continue
		}
		last := len(records) - 1
		if !slices.ContainsFunc(there, func(e journal.Entry) bool { return e.Subject == subject && e.Position == last }) {
			t.Errorf("%s is open at %d, and not on the agenda: %v", subject, last, there)
		}
	}
}

// crossSettled crosses out the entries of a log that are settled, but the last.
func crossSettled(t *testing.T, agenda journal.Agenda, j *journal.Journal, under, subject string, now time.Time) {
	t.Helper()
	entries, err := agenda.Due(t.Context(), under, now.Add(time.Hour))
	records, errRead := j.Read(t.Context(), subject)
	if err != nil || errRead != nil {
		return
	}
	for _, e := range entries {
		if e.Subject == subject && e.Settled(len(records), now) && e.Position != len(records)-1 {
			_ = agenda.Cross(t.Context(), e) // it may fail: then it stays
		}
	}
}

// dying is a place at which every fifth call comes to nothing before its effect,
// and every fifth after it.
type dying struct {
	Place
	mu     sync.Mutex
	random *rand.Rand
}

// Dying is a place two of whose five writing calls come to nothing, before or after
// their effect.
func Dying(place Place, seed uint64) Place {
	return &dying{Place: place, random: rand.New(rand.NewPCG(seed, 2))} //nolint:gosec // deaths that a seed repeats, not a secret
}

var errDied = fault.New(fault.Unavailable, "whoever called is dead")

func (d *dying) dies(do func() error) error {
	d.mu.Lock()
	when := d.random.IntN(5)
	d.mu.Unlock()
	if when == 0 {
		return errDied
	}
	err := do()
	if err == nil && when == 1 {
		return errDied
	}
	return err
}

func (d *dying) Add(ctx context.Context, subject string, position int, line []byte) error {
	return d.dies(func() error { return d.Place.Add(ctx, subject, position, line) })
}

func (d *dying) Keep(ctx context.Context, name string, text []byte) error {
	return d.dies(func() error { return d.Place.Keep(ctx, name, text) })
}

func (d *dying) Drop(ctx context.Context, name string) error {
	return d.dies(func() error { return d.Place.Drop(ctx, name) })
}

// RunClaims holds a place to what must be so of claims in it.
func RunClaims(t *testing.T, reopen func() Place) {
	t.Run("claims", func(t *testing.T) { testClaims(t, reopen) })
	t.Run("places of a thing", func(t *testing.T) { testPlaces(t, reopen) })
	t.Run("one of many claims", func(t *testing.T) { testOneClaim(t, reopen) })
}

// works says which works have ended.
type works struct {
	mu    sync.Mutex
	ended map[string]bool
	err   error
}

func (w *works) held(_ context.Context, c journal.Claim) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.ended[c.Work], w.err
}

func (w *works) end(work string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[work] = true
}

func testClaims(t *testing.T, reopen func() Place) {
	ctx, w := t.Context(), &works{ended: map[string]bool{}}
	claims := func() journal.Claims {
		return journal.NewClaims(open(reopen(), fmt.Sprint("claims", time.Now().UnixNano())))
	}
	take := func(thing, work string, shared bool) error {
		return claims().Take(ctx, journal.Claim{Thing: thing, Work: work, Item: "1", Shared: shared}, w.held)
	}
	for n, step := range []struct {
		thing, work string
		shared      bool
		before      func()
		want        fault.Kind
	}{
		{thing: "image/r/m-1", work: "work/a", shared: true},
		{thing: "image/r/m-1", work: "work/b", shared: true},
		{thing: "image/r/m-1", work: "work/a", shared: true},
		{thing: "image/r/m-1", work: "work/c", want: fault.Conflict},
		{thing: "image/r/m-1", work: "work/c", before: func() { w.end("work/a") }, want: fault.Conflict},
		{thing: "image/r/m-1", work: "work/c", before: func() { w.end("work/b") }},
		{thing: "image/r/m-1", work: "work/d", shared: true, want: fault.Conflict},
		{thing: "image/r/m-1", work: "work/c"},
		{thing: "image/r/m-2", work: "work/d"},
		{thing: "image/r/m-1", work: "work/d", before: func() { w.err = fault.New(fault.Unknown, "the log cannot be read") }, want: fault.Unknown},
	} {
		if step.before != nil {
			step.before()
		}
		if err := take(step.thing, step.work, step.shared); fault.Of(err) != step.want {
			t.Errorf("step %d: %v, want kind %q", n, err, step.want)
		}
	}
	w.err = nil
	if err := claims().Release(ctx, journal.Claim{Thing: "image/r/m-1", Work: "work/c", Item: "1"}); err != nil {
		t.Error(err)
	}
	if got, err := claims().Holders(ctx, "image/r/m-1", w.held); err != nil || len(got) != 0 {
		t.Errorf("after the release: %v, %v", got, err)
	}
	if got, err := claims().Holders(ctx, "image/r/m-2", w.held); err != nil || len(got) != 1 || got[0].Work != "work/d" {
		t.Errorf("the other thing: %v, %v", got, err)
	}
}

func testPlaces(t *testing.T, reopen func() Place) {
	w := &works{ended: map[string]bool{}}
	var wait sync.WaitGroup
	var got, full atomic.Int64
	for n := range 8 {
		wait.Go(func() {
			claims := journal.NewClaims(open(reopen(), fmt.Sprint("places", n)))
			c := journal.Claim{Thing: "cap/1/r", Work: fmt.Sprint("work/", n), Item: "x", Most: 3}
			switch err := claims.Take(t.Context(), c, w.held); {
			case err == nil:
				got.Add(1)
			case fault.Code(err) == "capReached":
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got.Load() != 3 || full.Load() != 5 {
		t.Errorf("%d got a place of 3, %d were told that there is none", got.Load(), full.Load())
	}
}

// testOneClaim: of many that want a void thing alone, one gets it.
func testOneClaim(t *testing.T, reopen func() Place) {
	w := &works{ended: map[string]bool{"work/old": true}}
	first := journal.NewClaims(open(reopen(), "old"))
	if err := first.Take(t.Context(), journal.Claim{Thing: "instance/r/i-1", Work: "work/old"}, w.held); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var got atomic.Int64
	for n := range 8 {
		wait.Go(func() {
			claims := journal.NewClaims(open(reopen(), fmt.Sprint("one", n)))
			err := claims.Take(t.Context(), journal.Claim{Thing: "instance/r/i-1", Work: fmt.Sprint("work/", n)}, w.held)
			if err == nil {
				got.Add(1)
			} else if fault.Code(err) != "claimed" {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got.Load() != 1 {
		t.Errorf("%d hold it alone", got.Load())
	}
}

// RunFaulty holds a place whose calls fail in four of ten cases, by lost replies,
// repeated requests and requests that never arrive, to what must be so all the same:
// nothing that was acknowledged is lost, one writer wins each position, nobody shares
// a claim, nothing open is forgotten. clean opens the same place without faults.
func RunFaulty(t *testing.T, faulty, clean func() Place) {
	t.Run("records", func(t *testing.T) { testFaultyRecords(t, faulty, clean) })
	t.Run("agenda", func(t *testing.T) { underDeath(t, faulty(), clean, "faulty") })
	t.Run("claims", func(t *testing.T) { testFaultyClaims(t, faulty, clean) })
	t.Run("documents", func(t *testing.T) { testFaultyDocuments(t, faulty, clean) })
}

func testFaultyRecords(t *testing.T, faulty, clean func() Place) {
	const writers, each = 5, 10
	var mu sync.Mutex
	acknowledged := map[int]string{}
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			j := open(faulty(), fmt.Sprint("faulty", w))
			for n := range each {
				records, err := j.Read(t.Context(), "faulty")
				if err != nil {
					continue
				}
				body := fmt.Sprint(w, "/", n)
				if err := j.Append(t.Context(), "faulty", len(records), body); err == nil {
					mu.Lock()
					if other := acknowledged[len(records)]; other != "" {
						t.Errorf("position %d was acknowledged to %s and %s", len(records), other, body)
					}
					acknowledged[len(records)] = body
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	records, err := open(clean(), "reader").Read(t.Context(), "faulty")
	if err != nil {
		t.Fatal(err)
	}
	if len(acknowledged) == 0 {
		t.Error("nothing was ever acknowledged")
	}
	for position, body := range acknowledged {
		if position >= len(records) || string(records[position].Body) != fmt.Sprintf("%q", body) {
			t.Errorf("position %d, acknowledged to %s, is lost", position, body)
		}
	}
}

func testFaultyClaims(t *testing.T, faulty, clean func() Place) {
	w := &works{ended: map[string]bool{}}
	var wait sync.WaitGroup
	var got atomic.Int64
	for n := range 6 {
		wait.Go(func() {
			c := journal.Claim{Thing: "image/r/m-faulty", Work: fmt.Sprint("work/", n)}
			for range 40 {
				switch err := journal.NewClaims(open(faulty(), fmt.Sprint("claimer", n))).Take(t.Context(), c, w.held); {
				case err == nil:
					got.Add(1)
					return
				case fault.Code(err) == "claimed":
					return
				}
			}
		})
	}
	wait.Wait()
	holders, err := journal.NewClaims(open(clean(), "reader")).Holders(t.Context(), "image/r/m-faulty", w.held)
	if err != nil || len(holders) != 1 || got.Load() > 1 {
		t.Errorf("held by %v, %v; %d were told so", holders, err, got.Load())
	}
}

func testFaultyDocuments(t *testing.T, faulty, clean func() Place) {
	kept := map[string]string{}
	for n := range 40 {
		name, text := fmt.Sprint("faulty/", n%10), fmt.Sprint("text ", n)
		if err := faulty().Keep(t.Context(), name, []byte(text)); err == nil {
			if kept[name] != "" {
				t.Errorf("%s was kept twice", name)
			}
			kept[name] = text
		}
	}
	for name, want := range kept {
		if text, err := clean().Kept(t.Context(), name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, want)
		}
	}
}
