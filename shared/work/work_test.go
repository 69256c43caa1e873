package work_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// TestStory: two people approve 500 toys, two workers carry them on in waves, and
// each toy goes through each level once.
func TestStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 500)
		s.two, s.kind.width = true, 100
		d := document("story", upTo(500)...)
		w := s.approve(d, "ada")
		if w.State != work.AwaitingApproval || w.ID != d.WorkID() {
			t.Fatalf("after the first: %s, %s", w.State, w.ID)
		}
		if w = s.approve(d, "ada"); w.State != work.AwaitingApproval || len(w.Approvals) != 1 {
			t.Fatalf("the first again: %s, %v", w.State, w.Approvals)
		}
		if w = s.approve(d, "bob"); w.State != work.Queued || len(w.Approvals) != 2 {
			t.Fatalf("after the second: %s, %v", w.State, w.Approvals)
		}
		for range 30 {
			var both sync.WaitGroup
			for range 2 {
				r := s.runner(nil)
				both.Go(func() { s.tick(r) })
			}
			both.Wait()
			time.Sleep(time.Minute)
			if w = s.get(w.ID); w.State.Ended() {
				break
			}
		}
		if w.State != work.Finished || w.Done() != 500 || w.Total != 500 {
			t.Errorf("%s, %d of %d", w.State, w.Done(), w.Total)
		}
		s.factory.done(t, w.Names()...)
		calls, bytes := s.bucket.Calls()
		t.Logf("500 items: %d calls, %d bytes", calls, bytes)
		before := s.approve(d, "ada")
		if before.State != work.Finished {
			t.Errorf("the same approval after the end: %s", before.State)
		}
	})
}

// mortal is a place of which one worker's calls come to an end.
type mortal struct {
	journal.Bucket
	life *life
}

// life ends at a boundary: before the call of that number, or after it.
type life struct {
	at    int64
	count atomic.Int64
	dead  atomic.Bool
}

// step passes a boundary; it reports whether the worker lives.
func (l *life) step() bool {
	if l.count.Add(1) >= l.at {
		l.dead.Store(true)
	}
	return !l.dead.Load()
}

func (m mortal) around(do func() error) error {
	if !m.life.step() {
		return errDead
	}
	err := do()
	if !m.life.step() {
		return errDead
	}
	return err
}

func (m mortal) Get(ctx context.Context, key string, offset int64) (text []byte, err error) {
	err = m.around(func() (err error) { text, err = m.Bucket.Get(ctx, key, offset); return err })
	return text, err
}

func (m mortal) Append(ctx context.Context, key string, position int64, content []byte) error {
	return m.around(func() error { return m.Bucket.Append(ctx, key, position, content) })
}

func (m mortal) List(ctx context.Context, prefix, last string) (keys []string, err error) {
	err = m.around(func() (err error) { keys, err = m.Bucket.List(ctx, prefix, last); return err })
	return keys, err
}

func (m mortal) Delete(ctx context.Context, key string) error {
	return m.around(func() error { return m.Bucket.Delete(ctx, key) })
}

// TestDeathAtEveryBoundary: a worker dies before and after each of its calls, of the
// journal and of the cloud, one after the other; another goes on, and the story ends
// the same.
func TestDeathAtEveryBoundary(t *testing.T) {
	t.Parallel()
	began, boundaries := time.Now(), 0
	for at := int64(1); ; at++ {
		died := false
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, 3)
			s.kind.claims = func(item string) []work.Claim { return []work.Claim{{Thing: "toy/" + item}} }
			l := &life{at: at}
			mortalKind := s.kind
			mortalKind.step = l.step
			r := s.runner(func(b journal.Bucket) journal.Bucket { return mortal{b, l} })
			r.Kind = mortalKind
			d := document("death", 0, 1, 2)
			_, _ = r.Approve(t.Context(), d, work.Approval{By: "ada"})
			if !l.dead.Load() {
				for range 4 {
					s.tick(r)
				}
			}
			died = l.dead.Load()
			s.approve(d, "ada") // whoever was not answered asks again
			if w := s.untilEnded(d.WorkID(), 10); w.State != work.Finished {
				t.Errorf("boundary %d: %s", at, w.State)
			}
			s.factory.done(t, itemName(0), itemName(1), itemName(2))
		})
		if t.Failed() {
			t.Fatalf("death at boundary %d", at)
		}
		if !died {
			break
		}
		boundaries++
	}
	if boundaries < 50 {
		t.Errorf("there were only %d boundaries", boundaries)
	}
	t.Logf("%d boundaries, %s each", boundaries, time.Since(began)/time.Duration(max(boundaries, 1)))
}

// TestPauseAtTheNextIntent: nothing is begun after a pause was recorded; what is
// begun comes to rest; a resume goes on, and the end is the same.
func TestPauseAtTheNextIntent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 9)
		s.kind.width = 3
		d := document("pause", upTo(9)...)
		id := s.approve(d, "ada").ID
		var ticking sync.WaitGroup
		ticking.Go(func() { s.tick(s.runner(nil)) })
		time.Sleep(30 * time.Second)
		r := s.runner(nil)
		for range 2 {
			w, err := r.Order(t.Context(), id, work.Order{Do: work.Pause, By: "bob", Reason: "lunch"})
			if err != nil || w.State != work.Paused {
				t.Fatalf("%s, %v", w.State, err)
			}
		}
		paused := time.Now()
		ticking.Wait()
		for range 5 {
			s.tick(s.runner(nil))
			time.Sleep(time.Minute)
		}
		w := s.get(id)
		if w.State != work.Paused || w.Why.Sentence != "paused by bob: lunch" || w.Done() != 3 {
			t.Errorf("%s, %+v, %d done", w.State, w.Why, w.Done())
		}
		for item, at := range s.factory.begun {
			if at.After(paused) {
				t.Errorf("%s was begun %s after the pause", item, at.Sub(paused))
			}
		}
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob"}); err != nil {
			t.Fatal(err)
		}
		if w := s.untilEnded(id, 10); w.State != work.Finished {
			t.Errorf("after the resume: %s", w.State)
		}
		s.factory.done(t, w.Names()...)
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Pause, By: "bob"}); fault.Code(err) != "wrongState" || !errors.Is(err, fault.Conflict) {
			t.Errorf("a pause after the end: %v", err)
		}
	})
}

// TestClaims: an item whose thing another work holds fails at once, and a void claim
// is overwritten.
func TestClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 4)
		s.kind.claims = func(item string) []work.Claim { return []work.Claim{{Thing: "toy/" + item}} }
		first := s.approve(document("first", 0, 1), "ada")
		s.tick(s.runner(func(b journal.Bucket) journal.Bucket { return mortal{b, &life{at: 70}} }))
		second := s.approve(document("second", 1, 2), "ada")
		began := time.Now()
		w := s.untilEnded(second.ID, 10)
		if w.State != work.Partly || w.Items[itemName(1)].Outcome.Why == nil || w.Items[itemName(1)].Outcome.Why.Code != "claimed" || w.Items[itemName(2)].Outcome.Result != plan.Applied {
			t.Errorf("%s: %+v", w.State, w.Items)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("a held claim was waited for: %s", took)
		}
		if w := s.untilEnded(first.ID, 10); w.State != work.Finished {
			t.Errorf("the first: %s", w.State)
		}
		s.factory.toys[itemName(1)] = &toy{tokens: map[string]string{}}
		third := s.approve(document("third", 1, 3), "ada")
		if w := s.untilEnded(third.ID, 10); w.State != work.Finished {
			t.Errorf("the third, whose claims are void: %s, %+v", w.State, w.Items)
		}
	})
}

// TestFinishedWorksCostNothing: a thousand of them, and one tick.
func TestFinishedWorksCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const works = 1000
		s := newStage(t, works)
		s.bucket = newStage(t, 0).bucketWithoutWatch()
		for n := range works {
			s.approve(document(fmt.Sprint(n), n), "ada")
		}
		for range 10 {
			s.tick(s.runner(nil))
		}
		before, _ := s.bucket.Calls()
		report := s.tick(s.runner(nil))
		after, _ := s.bucket.Calls()
		if report.Due != 0 || after-before > 10 {
			t.Errorf("%d due, %d calls", report.Due, after-before)
		}
		ids, err := s.runner(nil).List(t.Context())
		if err != nil || len(ids) != works {
			t.Errorf("%d in the list, %v", len(ids), err)
		}
	})
}
