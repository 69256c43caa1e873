// Package journaltest is what every store of a journal must keep: one suite for
// all of them.
package journaltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
)

// Run holds a store to the contract. Each call of reopen opens the same place,
// which is empty at first, as another process would.
func Run(t *testing.T, reopen func() journal.Store) {
	t.Run("order and kinds", func(t *testing.T) { testOrder(t, reopen) })
	t.Run("many writers", func(t *testing.T) { testManyWriters(t, reopen) })
	t.Run("subjects", func(t *testing.T) { testSubjects(t, reopen) })
	t.Run("lost replies", func(t *testing.T) { testLostReplies(t, reopen) })
}

// clock is the time of the journals here.
func clock() time.Time { return time.Now() }

// forgetful is a store whose replies get lost after their effect, every other one.
type forgetful struct {
	journal.Store
	adds atomic.Int64
	// deaf: what was lost cannot be looked for either.
	deaf atomic.Bool
}

func (f *forgetful) Add(ctx context.Context, subject string, position int, line []byte) error {
	err := f.Store.Add(ctx, subject, position, line)
	if err == nil && f.adds.Add(1)%2 == 1 {
		return fault.New(fault.Unavailable, "the reply was lost")
	}
	return err
}

func (f *forgetful) Lines(ctx context.Context, subject string) ([][]byte, error) {
	if f.deaf.Load() {
		return nil, fault.New(fault.Unavailable, "no answer")
	}
	return f.Store.Lines(ctx, subject)
}

// testLostReplies: whoever won finds out by the append id, also against others;
// where nothing can be found out, it is no conflict.
func testLostReplies(t *testing.T, reopen func() journal.Store) {
	const writers, each = 4, 6
	var wait sync.WaitGroup
	var won atomic.Int64
	for w := range writers {
		wait.Go(func() {
			j := open(&forgetful{Store: reopen()}, fmt.Sprint("lossy", w))
			for position := range each {
				switch err := j.Append(t.Context(), "lossy", position, w); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, fault.Conflict):
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wait.Wait()
	records, err := open(reopen(), "reader").Read(t.Context(), "lossy")
	if err != nil || len(records) != each || won.Load() != each {
		t.Errorf("%d records, %v; %d writers were told that they won", len(records), err, won.Load())
	}
	store := &forgetful{Store: reopen()}
	j := open(store, "deaf")
	if _, err := j.Read(t.Context(), "lossy"); err != nil {
		t.Fatal(err)
	}
	store.deaf.Store(true)
	for range 2 { // its reply is lost, and then it is refused because it is there
		if err := j.Append(t.Context(), "lossy", each, "x"); fault.Of(err) != fault.Unknown {
			t.Errorf("nobody knows what became of it: %v", err)
		}
	}
	store.deaf.Store(false)
	if records, err := j.Read(t.Context(), "lossy"); err != nil || len(records) != each+1 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

// open returns a journal on a store; ids are made from a name and a count.
func open(store journal.Store, name string) *journal.Journal {
	var count atomic.Int64
	return journal.New(store, clock, func() string { return fmt.Sprintf("%s-%d", name, count.Add(1)) })
}

func testOrder(t *testing.T, reopen func() journal.Store) {
	ctx, j := t.Context(), open(reopen(), "a")
	if records, err := j.Read(ctx, "share/m-1"); err != nil || len(records) != 0 {
		t.Fatalf("a new log has %v, %v", records, err)
	}
	for n := range 3 {
		if err := j.Append(ctx, "share/m-1", n, map[string]int{"n": n}); err != nil {
			t.Fatal(err)
		}
	}
	other := open(reopen(), "b")
	if err := other.Append(ctx, "share/m-1", 2, "late"); !errors.Is(err, fault.Conflict) {
		t.Errorf("a taken position: %v", err)
	}
	if err := other.Append(ctx, "share/m-1", 5, "early"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a position beyond the end: %v", err)
	}
	if err := other.Append(ctx, "share/m-1", 3, strings.Repeat("x", 2<<20)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("a record of 2 MiB: %v", err)
	}
	records, err := other.Read(ctx, "share/m-1")
	if err != nil || len(records) != 3 || string(records[2].Body) != `{"n":2}` || records[2].Previous == "" {
		t.Errorf("read %+v, %v", records, err)
	}
}

func testManyWriters(t *testing.T, reopen func() journal.Store) {
	const writers, each = 8, 12
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			j := open(reopen(), fmt.Sprint("writer", w))
			for n := range each {
				for {
					records, err := j.Read(t.Context(), "busy")
					if err == nil {
						err = j.Append(t.Context(), "busy", len(records), fmt.Sprint(w, "/", n))
					}
					if err == nil {
						break
					}
					if !errors.Is(err, fault.Conflict) {
						t.Errorf("writer %d: %v", w, err)
						return
					}
				}
			}
		})
	}
	wait.Wait()
	records, err := open(reopen(), "reader").Read(t.Context(), "busy")
	if err != nil || len(records) != writers*each {
		t.Fatalf("%d records, %v; want %d", len(records), err, writers*each)
	}
	seen := map[string]bool{}
	for _, r := range records {
		if seen[string(r.Body)] {
			t.Errorf("%s was written twice", r.Body)
		}
		seen[string(r.Body)] = true
	}
}

func testSubjects(t *testing.T, reopen func() journal.Store) {
	j := open(reopen(), "s")
	for _, s := range []string{"grants/1/m-2", "grants/1/m-1", "grants/1", "other"} {
		if err := j.Append(t.Context(), s, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.Subjects(t.Context(), "grants/")
	if want := []string{"grants/1", "grants/1/m-1", "grants/1/m-2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "/", "a//b", "../x", "a/..", ".", "a b", "a\x00", "ä", strings.Repeat("x", 200), strings.Repeat("a/", 9) + "a"} {
		if err := j.Append(t.Context(), bad, 0, 1); !errors.Is(err, fault.Invalid) {
			t.Errorf("subject %q: %v", bad, err)
		}
	}
}

// RunDocuments holds a store of documents to the contract. Each call of reopen
// opens the same place, which has no document at first.
func RunDocuments(t *testing.T, reopen func() journal.Documents) {
	t.Run("once", func(t *testing.T) { testOnce(t, reopen) })
	t.Run("one of many", func(t *testing.T) { testOneOfMany(t, reopen) })
	t.Run("names", func(t *testing.T) { testNames(t, reopen) })
	t.Run("dropped", func(t *testing.T) { testDropped(t, reopen) })
	t.Run("dropped beside others", func(t *testing.T) { testDroppedBeside(t, reopen) })
}

func testOnce(t *testing.T, reopen func() journal.Documents) {
	ctx := t.Context()
	if _, err := reopen().Kept(ctx, "reports/a.json"); !errors.Is(err, fault.NotFound) {
		t.Errorf("a document that is not there: %v", err)
	}
	text := strings.Repeat("one line\n", 200_000)
	for range 2 {
		if err := reopen().Keep(ctx, "reports/a.json", []byte(text)); err != nil {
			t.Fatalf("the same text: %v", err)
		}
	}
	if err := reopen().Keep(ctx, "reports/a.json", []byte("another")); !errors.Is(err, fault.Conflict) {
		t.Errorf("another text: %v", err)
	}
	if got, err := reopen().Kept(ctx, "reports/a.json"); err != nil || string(got) != text {
		t.Errorf("%d bytes came back of %d, %v", len(got), len(text), err)
	}
	if err := reopen().Keep(ctx, "reports/none.json", nil); !errors.Is(err, fault.Invalid) {
		t.Errorf("an empty text: %v", err)
	}
	if err := reopen().Keep(ctx, "reports/long.json", make([]byte, 64<<20+1)); !errors.Is(err, fault.Exhausted) {
		t.Errorf("a text of more than 64 MiB: %v", err)
	}
}

func testOneOfMany(t *testing.T, reopen func() journal.Documents) {
	const writers = 8
	var wait sync.WaitGroup
	var kept atomic.Int64
	for w := range writers {
		wait.Go(func() {
			err := reopen().Keep(t.Context(), "busy.json", []byte(fmt.Sprint(w)))
			if err == nil {
				kept.Add(1)
			} else if !errors.Is(err, fault.Conflict) {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	wait.Wait()
	if kept.Load() != 1 {
		t.Errorf("%d of %d writers were told that theirs is kept", kept.Load(), writers)
	}
}

// testDropped: what is dropped is gone, twice as well, and its name is free.
func testDropped(t *testing.T, reopen func() journal.Documents) {
	ctx := t.Context()
	for n := range 2 {
		if err := reopen().Keep(ctx, "dropped/here/a", []byte(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := reopen().Drop(ctx, "dropped/here/a"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := reopen().Kept(ctx, "dropped/here/a"); !errors.Is(err, fault.NotFound) {
			t.Errorf("it is still there: %v", err)
		}
	}
	if got, err := reopen().Names(ctx, "dropped/", ""); err != nil || len(got) != 0 {
		t.Errorf("left: %v, %v", got, err)
	}
	if err := reopen().Drop(ctx, "../a"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a bad name: %v", err)
	}
}

// testDroppedBeside: who keeps something where everything else is just being
// dropped keeps it.
func testDroppedBeside(t *testing.T, reopen func() journal.Documents) {
	const writers, each = 4, 20
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			d := reopen()
			for n := range each {
				name := fmt.Sprintf("beside/%d/%d", n, w)
				if err := d.Keep(t.Context(), name, []byte("x")); err != nil {
					t.Errorf("keep %s: %v", name, err)
				}
				if w > 0 {
					if err := d.Drop(t.Context(), name); err != nil {
						t.Errorf("drop %s: %v", name, err)
					}
				}
			}
		})
	}
	wait.Wait()
	if got, err := reopen().Names(t.Context(), "beside/", ""); err != nil || len(got) != each {
		t.Errorf("%d are left, %v; want %d", len(got), err, each)
	}
}

func testNames(t *testing.T, reopen func() journal.Documents) {
	for _, name := range []string{"names/b.json", "names/a.csv", "names/more/a.json", "others.json"} {
		if err := reopen().Keep(t.Context(), name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := reopen().Names(t.Context(), "names/", "")
	if want := []string{"names/a.csv", "names/b.json", "names/more/a.json"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if got, err := reopen().Names(t.Context(), "nobody/", ""); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want none", got, err)
	}
	if got, err := reopen().Names(t.Context(), "names/", "names/b.json"); err != nil || !slices.Equal(got, []string{"names/a.csv", "names/b.json"}) {
		t.Errorf("up to a name: %v, %v", got, err)
	}
	for _, bad := range []string{"", "../x", "a//b", "a.log", "a.log/b.json", "a.ndjson", "a.sums", "a b", strings.Repeat("x", 200)} {
		if err := reopen().Keep(t.Context(), bad, []byte("x")); !errors.Is(err, fault.Invalid) {
			t.Errorf("name %q: %v", bad, err)
		}
		if _, err := reopen().Kept(t.Context(), bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("name %q: %v", bad, err)
		}
	}
}
