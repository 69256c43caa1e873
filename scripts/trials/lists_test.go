package trials_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// rounds is how often a trial is repeated: one in sixty of all.
func rounds(all int) int {
	if drawn.All() {
		return all
	}
	return max(all/60, 3)
}

// anyList draws up to 50 of so many accounts.
func anyList(r *rand.Rand, of int) []image.AccountID {
	list := []image.AccountID{}
	for _, n := range r.Perm(of)[:r.IntN(min(of, sharing.MaxAccounts)+1)] {
		list = append(list, account(n))
	}
	slices.Sort(list)
	return list
}

// keepers watches that nobody loses access in between, that no call names more
// than ten accounts, and that the journal in the bucket announces each of them
// before it happens.
type keepers struct {
	stage *stage
	id    image.ID
	keep  []image.AccountID
	// journalled: the journal is in the bucket.
	journalled bool
	mu         sync.Mutex
	problems   []string
}

// wrong is what happened that must not.
func (k *keepers) wrong() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.problems)
}

func (k *keepers) watch(r request) {
	if !r.changes || r.action != "ModifyImageSharePermission" {
		return
	}
	list := k.stage.list(k.id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(r.added) > sharing.MaxPerCall || len(r.removed) > sharing.MaxPerCall {
		k.problems = append(k.problems, fmt.Sprintf("a call with %d and %d accounts", len(r.added), len(r.removed)))
	}
	announced := k.stage.last(k.id, plan.Intended)
	for _, a := range slices.Concat(r.added, r.removed) {
		if k.journalled && !strings.Contains(announced, a) {
			k.problems = append(k.problems, "account "+a+" was not announced")
		}
	}
	for _, a := range k.keep {
		if !slices.Contains(list, a) {
			k.problems = append(k.problems, "account "+string(a)+" lost access")
		}
	}
}

func both(a, b []image.AccountID) []image.AccountID {
	return slices.DeleteFunc(slices.Clone(a), func(x image.AccountID) bool { return !slices.Contains(b, x) })
}

// TestAnyListToAnyOther: whatever list there is and whatever is wanted, with
// calls that get lost before or after they had their effect, the cloud ends with
// exactly the wanted list, and nobody who keeps access ever loses it.
func TestAnyListToAnyOther(t *testing.T) {
	t.Parallel()
	seed := drawn.Seed()
	t.Logf("seed %d", seed)
	s := newStage(t)
	w := s.start("lists", folderJournal(t))
	began := time.Now()
	for n := range rounds(60) {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		of := []int{12, 60, 150}[r.IntN(3)]
		had, want := anyList(r, of), anyList(r, of)
		s.listToList(w, image.ID(fmt.Sprintf("m-list%d", n)), had, want, r)
		t.Logf("round %d: %d to %d at %s", n, len(had), len(want), time.Since(began))
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, n)
		}
	}
}

// listToList applies a wish until it is done; one in eight calls fails.
func (s *stage) listToList(w *worker, id image.ID, had, want []image.AccountID, r *rand.Rand) {
	s.t.Helper()
	s.image(id, had...)
	k := &keepers{stage: s, id: id, keep: both(had, want)}
	var mu sync.Mutex
	unlucky := func(one int) bool {
		mu.Lock()
		defer mu.Unlock()
		return r != nil && r.IntN(16) == one
	}
	digest := s.planned(w, id, had, want).Plan.Digest
	s.arm(func(request) bool { return unlucky(0) }, func(now request) bool { k.watch(now); return unlucky(1) })
	done := answer{}
	for range 40 {
		var err error
		if done, err = w.invoke(put(id, want, had, digest), long); err != nil {
			s.t.Fatal(err)
		}
		if done.Complete {
			break
		}
	}
	s.arm(nil, func(now request) bool { k.watch(now); return false })
	if got := s.list(id); !done.Complete || !slices.Equal(got, want) || len(k.wrong()) > 0 {
		s.t.Errorf("had %v\nwant %v\ngot %v\n%v\nlast answer %s\n%s", had, want, got, k.wrong(), done.short(), w.log)
	}
	if again := s.planned(w, id, had, want); again.Plan.Changes != 0 {
		s.t.Errorf("a second plan has %d changes", again.Plan.Changes)
	}
}

// planned is the plan for a wish.
func (s *stage) planned(w *worker, id image.ID, had, want []image.AccountID) answer {
	s.t.Helper()
	a, err := w.invoke(put(id, want, had, ""), long)
	if err != nil || a.problem() != 0 {
		s.t.Fatalf("%v, %s\n%s", err, a.short(), w.log)
	}
	return a
}

func TestCallsOfTenOrFewer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.start("tens", folderJournal(t))
	span := func(from, n int) []image.AccountID {
		list := []image.AccountID{}
		for i := range n {
			list = append(list, account(from+i))
		}
		slices.Sort(list)
		return list
	}
	for n, c := range []struct {
		had, want []image.AccountID
		calls     int
	}{
		{span(0, 0), span(0, 10), 1},
		{span(0, 0), span(0, 11), 2},
		{span(0, 0), span(0, 20), 2},
		{span(0, 0), span(0, 21), 3},
		{span(0, 0), span(0, 50), 5},
		{span(0, 50), span(0, 0), 5},
		{span(0, 50), span(50, 50), 10},
		{span(0, 50), span(1, 50), 2},
		{span(0, 45), span(100, 10), 6},
	} {
		id := image.ID(fmt.Sprintf("m-tens%d", n))
		s.image(id, c.had...)
		k := &keepers{stage: s, id: id, keep: both(c.had, c.want)}
		got := s.modifies(w, k, c.had, c.want)
		if list := s.list(id); got != c.calls || !slices.Equal(list, c.want) || len(k.wrong()) > 0 {
			t.Errorf("%d to %d: %d calls, want %d; list %v, %v", len(c.had), len(c.want), got, c.calls, list, k.wrong())
		}
		if left := s.planned(w, id, c.had, c.want).Plan.Changes; left != 0 {
			t.Errorf("%d to %d: a second plan has %d changes", len(c.had), len(c.want), left)
		}
	}
}

// modifies applies a wish and counts the calls that change something.
func (s *stage) modifies(w *worker, k *keepers, had, want []image.AccountID) int {
	s.t.Helper()
	digest := s.planned(w, k.id, had, want).Plan.Digest
	s.arm(nil, func(r request) bool { k.watch(r); return false })
	if done, err := w.invoke(put(k.id, want, had, digest), long); err != nil || !done.Complete {
		s.t.Errorf("%v, %s", err, done.short())
	}
	calls := 0
	for _, r := range s.requests() {
		if r.action == "ModifyImageSharePermission" {
			calls++
		}
	}
	return calls
}
