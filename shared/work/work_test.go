package work_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
	"imagekeeper/shared/work/worktest"
)

// TestStory: two people approve 500 toys, two workers carry them on in waves, and
// each toy goes through each level once.
func TestStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := journaltest.NewBucket(nil)
		s := worktest.NewStage(t, func() worktest.Place { return journal.OpenObjects(bucket, "") }, 500)
		s.Two, s.Kind.Width = true, 100
		d := worktest.Document("story", worktest.UpTo(500)...)
		w := s.Approve(d, "ada")
		if w.State != work.AwaitingApproval || w.ID != d.WorkID() {
			t.Fatalf("after the first: %s, %s", w.State, w.ID)
		}
		if w = s.Approve(d, "ada"); w.State != work.AwaitingApproval || len(w.Approvals) != 1 {
			t.Fatalf("the first again: %s, %v", w.State, w.Approvals)
		}
		if w = s.Approve(d, "bob"); w.State != work.Queued || len(w.Approvals) != 2 {
			t.Fatalf("after the second: %s, %v", w.State, w.Approvals)
		}
		for range 30 {
			var both sync.WaitGroup
			for range 2 {
				r := s.Runner(s.Clean())
				both.Go(func() { s.Tick(r) })
			}
			both.Wait()
			time.Sleep(time.Minute)
			if w = s.Get(w.ID); w.State.Ended() {
				break
			}
		}
		if w.State != work.Finished || w.Done() != 500 || w.Total != 500 {
			t.Errorf("%s, %d of %d", w.State, w.Done(), w.Total)
		}
		s.Factory.Done(t, w.Names()...)
		calls, bytes := bucket.Calls()
		t.Logf("500 items: %d calls, %d bytes", calls, bytes)
		before := s.Approve(d, "ada")
		if before.State != work.Finished {
			t.Errorf("the same approval after the end: %s", before.State)
		}
	})
}

// watched opens a place in memory that is checked after every change.
func watched(t testing.TB) (*journaltest.Bucket, func() worktest.Place) {
	bucket := journaltest.NewBucket(func(objects map[string][]byte) { worktest.Watch(t, objects) })
	return bucket, func() worktest.Place { return journal.OpenObjects(bucket, "") }
}

// stage is one at such a place.
func stage(t *testing.T, items int) *worktest.Stage {
	_, open := watched(t)
	return worktest.NewStage(t, open, items)
}

// mortal is a bucket of which one worker's calls come to an end.
type mortal struct {
	journal.Bucket
	life *worktest.Life
}

func (m mortal) Get(ctx context.Context, key string, offset int64) (text []byte, err error) {
	err = m.life.Around(func() (err error) { text, err = m.Bucket.Get(ctx, key, offset); return err })
	return text, err
}

func (m mortal) Append(ctx context.Context, key string, position int64, content []byte) error {
	return m.life.Around(func() error { return m.Bucket.Append(ctx, key, position, content) })
}

func (m mortal) List(ctx context.Context, prefix, last string) (keys []string, err error) {
	err = m.life.Around(func() (err error) { keys, err = m.Bucket.List(ctx, prefix, last); return err })
	return keys, err
}

func (m mortal) Delete(ctx context.Context, key string) error {
	return m.life.Around(func() error { return m.Bucket.Delete(ctx, key) })
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
			bucket, open := watched(t)
			s := worktest.NewStage(t, open, 3)
			s.Kind.Claims = func(item string) []work.Claim { return []work.Claim{{Thing: "toy/" + item}} }
			l := &worktest.Life{At: at}
			kind := s.Kind
			kind.Step = l.Step
			r := s.Runner(journal.OpenObjects(mortal{bucket, l}, ""))
			r.Kind = kind
			d := worktest.Document("death", 0, 1, 2)
			_, _ = r.Approve(t.Context(), d, work.Approval{By: "ada"})
			if !l.Dead() {
				for range 4 {
					s.Tick(r)
				}
			}
			died = l.Dead()
			s.Approve(d, "ada") // whoever was not answered asks again
			if w := s.UntilEnded(d.WorkID(), 10); w.State != work.Finished {
				t.Errorf("boundary %d: %s", at, w.State)
			}
			s.Factory.Done(t, worktest.ItemName(0), worktest.ItemName(1), worktest.ItemName(2))
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
		s := stage(t, 9)
		s.Kind.Width = 3
		d := worktest.Document("pause", worktest.UpTo(9)...)
		id := s.Approve(d, "ada").ID
		var ticking sync.WaitGroup
		ticking.Go(func() { s.Tick(s.Runner(s.Clean())) })
		time.Sleep(30 * time.Second)
		r := s.Runner(s.Clean())
		for range 2 {
			w, err := r.Order(t.Context(), id, work.Order{Do: work.Pause, By: "bob", Reason: "lunch"})
			if err != nil || w.State != work.Paused {
				t.Fatalf("%s, %v", w.State, err)
			}
		}
		paused := time.Now()
		ticking.Wait()
		for range 5 {
			s.Tick(s.Runner(s.Clean()))
			time.Sleep(time.Minute)
		}
		w := s.Get(id)
		if w.State != work.Paused || w.Why.Sentence != "paused by bob: lunch" || w.Done() != 3 {
			t.Errorf("%s, %+v, %d done", w.State, w.Why, w.Done())
		}
		for item, at := range s.Factory.Begun() {
			if at.After(paused) {
				t.Errorf("%s was begun %s after the pause", item, at.Sub(paused))
			}
		}
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob"}); err != nil {
			t.Fatal(err)
		}
		if w := s.UntilEnded(id, 10); w.State != work.Finished {
			t.Errorf("after the resume: %s", w.State)
		}
		s.Factory.Done(t, w.Names()...)
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
		bucket, open := watched(t)
		s := worktest.NewStage(t, open, 4)
		s.Kind.Claims = func(item string) []work.Claim { return []work.Claim{{Thing: "toy/" + item}} }
		first := s.Approve(worktest.Document("first", 0, 1), "ada")
		s.Tick(s.Runner(journal.OpenObjects(mortal{bucket, &worktest.Life{At: 70}}, "")))
		second := s.Approve(worktest.Document("second", 1, 2), "ada")
		began := time.Now()
		w := s.UntilEnded(second.ID, 10)
		if w.State != work.Partly || w.Items[worktest.ItemName(1)].Outcome.Why == nil || w.Items[worktest.ItemName(1)].Outcome.Why.Code != "claimed" || w.Items[worktest.ItemName(2)].Outcome.Result != plan.Applied {
			t.Errorf("%s: %+v", w.State, w.Items)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("a held claim was waited for: %s", took)
		}
		if w := s.UntilEnded(first.ID, 10); w.State != work.Finished {
			t.Errorf("the first: %s", w.State)
		}
		s.Factory.Reset(worktest.ItemName(1))
		third := s.Approve(worktest.Document("third", 1, 3), "ada")
		if w := s.UntilEnded(third.ID, 10); w.State != work.Finished {
			t.Errorf("the third, whose claims are void: %s, %+v", w.State, w.Items)
		}
	})
}

// TestFinishedWorksCostNothing: a thousand of them, and one tick.
func TestFinishedWorksCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const works = 1000
		bucket := journaltest.NewBucket(nil)
		s := worktest.NewStage(t, func() worktest.Place { return journal.OpenObjects(bucket, "") }, works)
		for n := range works {
			s.Approve(worktest.Document(fmt.Sprint(n), n), "ada")
		}
		for range 10 {
			s.Tick(s.Runner(s.Clean()))
		}
		before, _ := bucket.Calls()
		report := s.Tick(s.Runner(s.Clean()))
		after, _ := bucket.Calls()
		if report.Due != 0 || after-before > 10 {
			t.Errorf("%d due, %d calls", report.Due, after-before)
		}
		ids, err := s.Runner(s.Clean()).List(t.Context())
		if err != nil || len(ids) != works {
			t.Errorf("%d in the list, %v", len(ids), err)
		}
	})
}

// TestStories: in memory, in memory with faults in four of ten calls, and in a folder.
func TestStories(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		worktest.Run(t, drawn.Seeds(t, 40, 8), func(t *testing.T) (worker, clean func() worktest.Place) {
			_, open := watched(t)
			return open, open
		})
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		worktest.Run(t, drawn.Seeds(t, 24, 8), func(t *testing.T) (worker, clean func() worktest.Place) {
			bucket, open := watched(t)
			f := &faulty{Bucket: bucket, random: rand.New(rand.NewPCG(3, 4))}
			return func() worktest.Place { return journal.OpenObjects(f, "") }, open
		})
	})
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		worktest.Run(t, drawn.Seeds(t, 6, 6), func(t *testing.T) (worker, clean func() worktest.Place) {
			root := t.TempDir()
			open := func() worktest.Place {
				d, err := journal.OpenDirectory(root)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			return open, open
		})
	})
}

// faulty is a bucket four of whose ten calls fail in some way.
type faulty struct {
	journal.Bucket
	mu     sync.Mutex
	random *rand.Rand
}

func (f *faulty) call(do func() error) error {
	f.mu.Lock()
	n := f.random.IntN(100)
	f.mu.Unlock()
	return worktest.Faulty(n, do)
}

func (f *faulty) Get(ctx context.Context, key string, offset int64) (text []byte, err error) {
	err = f.call(func() (err error) { text, err = f.Bucket.Get(ctx, key, offset); return err })
	return text, err
}

func (f *faulty) Append(ctx context.Context, key string, position int64, content []byte) error {
	return f.call(func() error { return f.Bucket.Append(ctx, key, position, content) })
}

func (f *faulty) List(ctx context.Context, prefix, last string) (keys []string, err error) {
	err = f.call(func() (err error) { keys, err = f.Bucket.List(ctx, prefix, last); return err })
	return keys, err
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	return f.call(func() error { return f.Bucket.Delete(ctx, key) })
}

// unheard is a bucket whose answers to what is written get lost, and what is written too.
type unheard struct {
	journal.Bucket
	writes int
}

func (u *unheard) Append(context.Context, string, int64, []byte) error {
	u.writes++
	return fault.New(fault.Unknown, "no answer")
}

// halfHeard is a bucket that writes a claim, says that it is there already, as it does
// to whoever repeats what arrived, and then cannot be read for a while.
type halfHeard struct {
	journal.Bucket
	deaf int
}

func (h *halfHeard) Append(ctx context.Context, key string, position int64, content []byte) error {
	err := h.Bucket.Append(ctx, key, position, content)
	if err == nil && strings.Contains(key, "claims/") && h.deaf == 0 {
		h.deaf = 1
		return fault.New(fault.Conflict, "it has another length")
	}
	return err
}

func (h *halfHeard) Get(ctx context.Context, key string, offset int64) ([]byte, error) {
	if h.deaf == 1 && strings.Contains(key, "claims/") {
		return nil, fault.New(fault.Unavailable, "no answer")
	}
	return h.Bucket.Get(ctx, key, offset)
}

// TestClaimsThatNobodySees: whether a thing was claimed is not known, which does not
// mean that another work holds it.
func TestClaimsThatNobodySees(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"of the work": true, "of an item": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				bucket, open := watched(t)
				s := worktest.NewStage(t, open, 1)
				d := worktest.Document("d", 0)
				if whole {
					d.Claims = []work.Claim{{Thing: "toy/whole"}}
				} else {
					s.Kind.Claims = func(item string) []work.Claim { return []work.Claim{{Thing: "toy/" + item}} }
				}
				id := s.Approve(d, "ada").ID
				h := &halfHeard{Bucket: bucket}
				if _, err := s.Runner(journal.OpenObjects(h, "")).Tick(t.Context(), time.Now(), time.Now().Add(time.Minute)); h.deaf == 0 {
					t.Errorf("nothing was claimed: %v", err)
				}
				if w := s.UntilEnded(id, 10); w.State != work.Finished {
					t.Errorf("%s: %+v, %+v", w.State, w.Why, w.Items)
				}
			})
		})
	}
}

// TestWritesThatNobodySees: a worker whose records do not arrive asks a few times, with
// pauses, and leaves; another goes on.
func TestWritesThatNobodySees(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bucket, open := watched(t)
		s := worktest.NewStage(t, open, 2)
		id := s.Approve(worktest.Document("unheard", 0, 1), "ada").ID
		u := &unheard{Bucket: bucket}
		s.Tick(s.Runner(journal.OpenObjects(u, "")))
		if u.writes == 0 || u.writes > 20 {
			t.Errorf("%d writes in one tick", u.writes)
		}
		if w := s.UntilEnded(id, 10); w.State != work.Finished {
			t.Errorf("the end: %s", w.State)
		}
	})
}

// TestApprovalsEnd: one that nobody began ends after a day, as does a proposal, and the
// same plan may be applied again; a resume after a long pause needs the digest.
func TestApprovalsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, 2)
		d := worktest.Document("late", 0, 1)
		id := s.Approve(d, "ada").ID
		time.Sleep(25 * time.Hour)
		if report := s.Tick(s.Runner(s.Clean())); report.Acts != 0 {
			t.Errorf("%d acts on an approval that is over", report.Acts)
		}
		if w := s.Get(id); w.State != work.Failed || w.Why.Code != "approvalExpired" {
			t.Errorf("%s, %v", w.State, w.Why)
		}
		s.Two = true
		if w := s.Approve(d, "ada"); w.State != work.AwaitingApproval || len(w.Approvals) != 1 {
			t.Errorf("proposed again: %s, %v", w.State, w.Approvals)
		}
		time.Sleep(25 * time.Hour) // nobody ticks
		if w := s.Approve(d, "bob"); w.State != work.AwaitingApproval || len(w.Approvals) != 1 {
			t.Errorf("a proposal that is over counts: %s, %v", w.State, w.Approvals)
		}
		if w := s.Approve(d, "ada"); w.State != work.Queued {
			t.Errorf("approved: %s", w.State)
		}
		time.Sleep(25 * time.Hour)
		if w := s.Approve(d, "ada"); w.State != work.AwaitingApproval {
			t.Errorf("an approval that is over, and nobody told: %s", w.State)
		}
		if w := s.Approve(d, "bob"); w.State != work.Queued {
			t.Errorf("approved at last: %s", w.State)
		}
		r := s.Runner(s.Clean())
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Pause, By: "bob"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * 24 * time.Hour)
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob"}); fault.Code(err) != "approvalExpired" {
			t.Errorf("a resume after eight days: %v", err)
		}
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob", Digest: "x"}); fault.Code(err) != "planChanged" {
			t.Errorf("a resume with another digest: %v", err)
		}
		w, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob", Digest: d.Plan.Plan().Digest()})
		if err != nil || w.State != work.Queued {
			t.Errorf("a resume with the digest: %s, %v", w.State, err)
		}
		if w := s.UntilEnded(id, 10); w.State != work.Finished {
			t.Errorf("the end: %s", w.State)
		}
	})
}

// TestStopAndHalt: a stop begins nothing of the kind anywhere, also what is approved
// later; a halt is told, and goes on when somebody resumes.
func TestStopAndHalt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, 4)
		r := s.Runner(s.Clean())
		if _, err := r.SetStop(t.Context(), work.Stop{Stopped: true, By: "bob", Reason: "fire"}); err != nil {
			t.Fatal(err)
		}
		id := s.Approve(worktest.Document("stopped", 0, 1), "ada").ID
		for range 5 {
			s.Tick(s.Runner(s.Clean()))
			time.Sleep(time.Minute)
		}
		if len(s.Factory.Begun()) != 0 {
			t.Errorf("begun under a stop: %v", s.Factory.Begun())
		}
		if _, err := r.SetStop(t.Context(), work.Stop{By: "bob"}); err != nil {
			t.Fatal(err)
		}
		if w := s.UntilEnded(id, 10); w.State != work.Finished {
			t.Errorf("after the stop: %s", w.State)
		}
		s.Kind.Halt, s.Kind.Width = 1, 1
		s.Factory.Refuse = func(item, _ string, _ int) bool { return item == worktest.ItemName(2) }
		id = s.Approve(worktest.Document("halts", 2, 3), "ada").ID
		for range 6 {
			s.Tick(s.Runner(s.Clean()))
			time.Sleep(time.Minute)
		}
		w := s.Get(id)
		if w.State != work.Halted || w.Why.Code != "tooManyFailures" || w.Items[worktest.ItemName(3)].Begun() {
			t.Errorf("%s, %v, %+v", w.State, w.Why, w.Items)
		}
		s.Kind.Halt = 0
		if _, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob"}); err != nil {
			t.Fatal(err)
		}
		if w := s.UntilEnded(id, 10); w.State != work.Partly {
			t.Errorf("after the resume: %s", w.State)
		}
	})
}

// drowsy is a kind that begins one item, sees it through, and sleeps for a day.
type drowsy struct{ worktest.Toys }

func (k drowsy) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	if w.Done() > 0 {
		return work.Decision{Wake: now.Add(24 * time.Hour)}
	}
	return k.Toys.Next(w, seen, now)
}

// TestWokenWhileItSleeps: a work that runs, and that nobody comes to before tomorrow, is due
// at once when somebody resumes it; what counts from when it was resumed counts on.
func TestWokenWhileItSleeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, 4)
		s.Kind.Width = 1
		r := s.Runner(s.Clean())
		r.Kind = drowsy{s.Kind}
		id := s.Approve(worktest.Document("sleeps", 0, 1), "ada").ID
		for range 10 {
			s.Tick(r)
			time.Sleep(time.Minute)
		}
		asleep := s.Get(id)
		if asleep.State != work.Running || time.Until(asleep.Next) < time.Hour {
			t.Fatalf("it is %s until %s", asleep.State, asleep.Next)
		}
		for range 2 { // the second time it is awake
			w, err := r.Order(t.Context(), id, work.Order{Do: work.Resume, By: "bob"})
			if err != nil || w.State != work.Running || w.Next.After(time.Now()) || !w.ResumedAt.Equal(asleep.ResumedAt) {
				t.Errorf("%s until %s, resumed at %s: %v", w.State, w.Next, w.ResumedAt, err)
			}
		}
		if w := s.UntilEnded(id, 10); w.State != work.Finished {
			t.Errorf("it is %s", w.State)
		}
	})
}

// silent is a kind of whose calls nobody sees the end, nor any effect, until a time.
type silent struct {
	worktest.Toys
	until time.Time
	mu    *sync.Mutex
	sent  *[]time.Time
	token map[string]bool
}

func (k silent) Do(ctx context.Context, at survey.Fresh, w work.Work, a work.Act) work.Answer {
	if now := time.Now(); now.Before(k.until) {
		k.mu.Lock()
		defer k.mu.Unlock()
		*k.sent, k.token[w.Token(a)] = append(*k.sent, now), true
		return work.Answer{Outcome: plan.Outcome{Result: plan.Open}}
	}
	return k.Toys.Do(ctx, at, w, a)
}

// TestSilentCallsAreMadeEverLessOften: a call whose end nobody sees is made again with
// its token after 5, 10, 20, 40 s, and then once a minute; once it is seen, the next
// call of the item goes out at once.
func TestSilentCallsAreMadeEverLessOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, 1)
		k := silent{s.Kind, time.Now().Add(2 * time.Hour), &sync.Mutex{}, &[]time.Time{}, map[string]bool{}}
		d := worktest.Document("silent", 0)
		s.Approve(d, "ada")
		for range 150 {
			r := s.Runner(s.Clean())
			r.Kind = k
			s.Tick(r)
			time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		}
		if w := s.Get(d.WorkID()); w.State != work.Finished {
			t.Errorf("it is %s", w.State)
		}
		sent, want := *k.sent, 5*time.Second
		if len(sent) < 60 || len(sent) > 125 || len(k.token) != 1 {
			t.Fatalf("%d calls with %d tokens in two hours", len(sent), len(k.token))
		}
		for n, at := range sent[1:] {
			if gap := at.Sub(sent[n]); gap < want || gap > want+time.Minute {
				t.Errorf("call %d came %s after the one before, and not %s", n+2, gap, want)
			}
			want = min(2*want, time.Minute)
		}
		s.Factory.Done(t, worktest.ItemName(0))
	})
}

// TestHaltedAtItsEnd: a work that halts over its last item, while a call of it may
// still show, ends soon after, and waits for nobody.
func TestHaltedAtItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, 1)
		s.Kind.Halt = 1
		lost := false
		s.Factory.Lose = func(string, string, int) bool { first := !lost; lost = true; return first }
		s.Factory.Refuse = func(string, string, int) bool { return lost }
		s.Factory.Takes = 0
		id := s.Approve(worktest.Document("last", 0), "ada").ID
		if w := s.UntilEnded(id, 6); w.State != work.Failed || w.Why == nil || w.Why.Code != "tooManyFailures" {
			t.Errorf("%s, %v", w.State, w.Why)
		}
	})
}

// TestPlacesAreHeldUntilTheirTime: a place of what may be done in a span is held for
// that, whatever becomes of the item that took it: the next one waits, and fails nothing.
func TestPlacesAreHeldUntilTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stage(t, 2)
		began := time.Now()
		s.Kind.Claims = func(string) []work.Claim {
			return []work.Claim{{Thing: "cap/day", Most: 1, Until: time.Now().Add(20 * time.Hour)}}
		}
		first := s.Approve(worktest.Document("first", 0), "ada")
		if w := s.UntilEnded(first.ID, 10); w.State != work.Finished {
			t.Fatalf("the first: %s", w.State)
		}
		second := s.Approve(worktest.Document("second", 1), "ada")
		for time.Since(began) < 19*time.Hour {
			s.Tick(s.Runner(s.Clean()))
			time.Sleep(time.Hour)
		}
		if w := s.Get(second.ID); w.State.Ended() || w.Items[worktest.ItemName(1)].Level != "" {
			t.Fatalf("before its time: %s, %+v", w.State, w.Items)
		}
		time.Sleep(2 * time.Hour)
		if w := s.UntilEnded(second.ID, 100); w.State != work.Finished {
			t.Errorf("after its time: %s, %+v", w.State, w.Items)
		}
	})
}

// releasing gives the claims of an item back with its first answer.
type releasing struct{ worktest.Toys }

func (k releasing) Do(ctx context.Context, at survey.Fresh, w work.Work, a work.Act) work.Answer {
	answer := k.Toys.Do(ctx, at, w, a)
	answer.Release = []work.Claim{{Thing: "toy/both"}}
	return answer
}

// TestReleasedClaims: what an item does not need any more another work may have, while
// the first one is still at it; without a release it may not.
func TestReleasedClaims(t *testing.T) {
	t.Parallel()
	for _, releases := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := stage(t, 2)
			s.Kind.Claims = func(string) []work.Claim { return []work.Claim{{Thing: "toy/both"}} }
			first := s.Approve(worktest.Document("first", 0), "ada")
			r := s.Runner(s.Clean())
			if r.Kind = s.Kind; releases {
				r.Kind = releasing{s.Kind}
			}
			until := time.Now().Add(20 * time.Second)
			if _, err := r.Tick(t.Context(), time.Now(), until); err != nil {
				t.Fatal(err)
			}
			if w := s.Get(first.ID); w.State.Ended() {
				t.Fatal("the first one has ended, which proves nothing")
			}
			second := s.Approve(worktest.Document("second", 1), "ada")
			w := s.UntilEnded(second.ID, 100)
			if got := w.State == work.Finished; got != releases {
				t.Errorf("released %v: %s, %+v", releases, w.State, w.Items)
			}
		})
	}
}

// tolerant is a kind that refuses some items, of which nothing went wrong.
type tolerant struct {
	worktest.Toys
	refused func(item string) bool
}

func (k tolerant) Refused(i work.Item) bool { return k.refused(i.Name) }

// TestRefusedIsNotFailed: of a work of which nothing was done, because nothing might be,
// nothing went wrong, where its kind can tell that; with one item that did go wrong, or
// by a kind that cannot tell, it failed.
func TestRefusedIsNotFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refused func(item string) bool
		taken   string // an item that is done
		want    work.State
	}{
		"all refused":         {func(string) bool { return true }, "", work.Partly},
		"one went wrong":      {func(item string) bool { return item != worktest.ItemName(1) }, "", work.Failed},
		"wrong, and one done": {func(string) bool { return false }, worktest.ItemName(1), work.Partly},
		"nobody can tell":     {nil, "", work.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := stage(t, 3)
				s.Factory.Refuse = func(item, _ string, _ int) bool { return item != c.taken }
				id := s.Approve(worktest.Document(name, 0, 1, 2), "ada").ID
				for range 10 {
					r := s.Runner(s.Clean())
					if c.refused != nil {
						r.Kind = tolerant{s.Kind, c.refused}
					}
					s.Tick(r)
					time.Sleep(time.Minute)
				}
				if w := s.Get(id); w.State != c.want {
					t.Errorf("%s: %+v", w.State, w.Items)
				}
			})
		})
	}
}
