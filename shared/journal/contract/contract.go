// Package contract is what every store of a journal must keep: one suite for
// all of them.
package contract

import (
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
}

// open returns a journal on a store; ids are made from a name and a count.
func open(store journal.Store, name string) *journal.Journal {
	var count atomic.Int64
	return journal.New(store, time.Now, func() string { return fmt.Sprintf("%s-%d", name, count.Add(1)) })
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
