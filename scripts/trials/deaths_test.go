//go:build trials

package trials_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// The change of these trials: of 48 accounts 3 stay, 45 go and 30 come, so that
// there are removals before and after the additions.
func change() (had, want []image.AccountID) {
	for n := range 48 {
		had = append(had, account(n))
	}
	for n := range 33 {
		want = append(want, account(45+n))
	}
	slices.Sort(had)
	slices.Sort(want)
	return had, want
}

const subject image.ID = "m-trial"

// boundaries counts the calls that carrying the change out makes.
func boundaries(t *testing.T) (calls []request) {
	t.Helper()
	s := newStage(t)
	had, want := change()
	s.image(subject, had...)
	w := s.start("counter", bucketJournal)
	digest := s.planned(w, subject, had, want).Plan.Digest
	s.arm(nil, nil)
	if done, err := w.invoke(put(subject, want, had, digest), long); err != nil || !done.Complete {
		t.Fatalf("%v, %s\n%s", err, done.short(), w.log)
	}
	return s.requests()
}

// some are the boundaries to try: all, or in a short run every ninth.
func some(t *testing.T, calls []request) []request {
	t.Helper()
	if !testing.Short() {
		return calls
	}
	var few []request
	for n := 0; n < len(calls); n += 9 {
		few = append(few, calls[n])
	}
	return few
}

// TestKilledAtEveryCall: the function is killed by SIGKILL before and after each
// call of an apply, of ECS and of the journal. The same digest, applied again
// when the dead worker's time is over, ends in the wanted state.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	calls := boundaries(t)
	t.Logf("%d calls", len(calls))
	for _, call := range some(t, calls) {
		for _, effect := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s, effect %v", call.number, call.action, effect), func(t *testing.T) {
				t.Parallel()
				killedAt(t, call.number, effect)
			})
		}
	}
}

func killedAt(t *testing.T, number int, effect bool) {
	s := newStage(t)
	had, want := change()
	s.image(subject, had...)
	k := &keepers{stage: s, id: subject, keep: both(had, want)}
	victim := s.start("victim", bucketJournal)
	digest := s.planned(victim, subject, had, want).Plan.Digest
	s.arm(func(r request) bool {
		if !effect && r.number == number {
			victim.kill()
		}
		return !effect && r.number == number
	}, func(r request) bool {
		k.watch(r)
		if effect && r.number == number {
			victim.kill()
		}
		return effect && r.number == number
	})
	if _, err := victim.invoke(put(subject, want, had, digest), long); err == nil {
		t.Fatal("it was not killed")
	}
	s.arm(nil, func(r request) bool { k.watch(r); return false })
	s.age(long + plan.Grace + time.Second)
	heir := s.start("heir", bucketJournal)
	done, err := heir.invoke(put(subject, want, had, digest), long)
	if err != nil || !done.Complete || !slices.Equal(s.list(subject), want) || len(k.problems) > 0 {
		t.Errorf("%v, %s\nlist %v\n%v\n%s", err, done.short(), s.list(subject), k.problems, heir.log)
	}
	s.toldWhole(heir)
}

// toldWhole checks that the journal tells the whole story: who approved what,
// what was about to be done, what came of it, and that it was finished.
func (s *stage) toldWhole(w *worker) {
	s.t.Helper()
	a, err := w.invoke(map[string]any{"operation": "share.get", "input": map[string]any{"imageId": subject, "history": true}}, long)
	if err != nil || len(a.History) == 0 {
		s.t.Fatalf("%v, %s", err, a.short())
	}
	kinds := ""
	for _, e := range a.History {
		kinds += e.Kind + " "
	}
	last := a.History[len(a.History)-1]
	if a.History[0].Kind != "approved" || strings.Count(kinds, "approved") != 1 || last.Kind != "finished" || strings.Count(kinds, "finished") != 1 {
		s.t.Errorf("the story: %s", kinds)
	}
	if strings.Count(a.History[0].Sentence, "add ") != 30 || strings.Count(last.Sentence, ": ") < 75 {
		s.t.Errorf("begins %q\nends %q", a.History[0].Sentence, last.Sentence)
	}
}

// TestFrozenAtEveryCall: the function is stopped by SIGSTOP after each call of
// an apply until its deadline is past; another one finishes; then it wakes up,
// and changes nothing. The trials mostly wait, so many run at once.
func TestFrozenAtEveryCall(t *testing.T) {
	t.Parallel()
	turns := make(chan struct{}, 16)
	var wait sync.WaitGroup
	for _, call := range some(t, boundaries(t)) {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			frozenAt(t, call)
		})
	}
	wait.Wait()
}

// brief is the time-out of the worker that gets frozen: enough for the whole
// change, and for the two seconds that it keeps in reserve.
const brief = 10 * time.Second

func frozenAt(t *testing.T, call request) {
	number := call.number
	s := newStage(t)
	had, want := change()
	s.image(subject, had...)
	sleeper := s.start("sleeper", bucketJournal)
	digest := s.planned(sleeper, subject, had, want).Plan.Digest
	stopped := make(chan struct{})
	s.arm(nil, func(r request) bool {
		if r.number == number && r.key == "sleeper" {
			sleeper.signal(syscall.SIGSTOP)
			close(stopped)
		}
		return false
	})
	began := time.Now()
	answered := make(chan error, 1)
	go func() {
		_, err := sleeper.invoke(put(subject, want, had, digest), brief)
		answered <- err
	}()
	select {
	case <-stopped:
	case err := <-answered:
		t.Errorf("%d %s: it answered before that call: %v", number, call.action, err)
		return
	}
	time.Sleep(time.Until(began.Add(brief)))
	s.age(plan.Grace + time.Second)
	heir := s.start("heir", bucketJournal)
	done, err := heir.invoke(put(subject, want, had, digest), long)
	if err != nil || !done.Complete || !slices.Equal(s.list(subject), want) {
		t.Errorf("%d %s: %v, %s\nlist %v\n%s", number, call.action, err, done.short(), s.list(subject), heir.log)
		return
	}
	// In between somebody shared it again with one who had lost access: had the
	// sleeper work left, it would show.
	if err := s.cloud.View(owner).Permit(t.Context(), image.Ref{Account: owner, Region: region, ID: subject}, had[:1], nil); err != nil {
		t.Error(err)
		return
	}
	var changed atomic.Int32
	s.arm(nil, func(r request) bool {
		if r.key == "sleeper" && r.changes {
			changed.Add(1)
		}
		return false
	})
	before := s.log()
	sleeper.signal(syscall.SIGCONT)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if n := changed.Load(); n != 0 || len(s.list(subject)) != len(want)+1 || s.log() != before {
		t.Errorf("%d %s: the woken worker made %d changes: %v", number, call.action, n, s.requests())
	}
}

// log is the journal as it is.
func (s *stage) log() string {
	s.t.Helper()
	o, err := s.cloud.As(cloudsim.Caller{Account: owner, Type: "Account"}).GetObject(bucket, "journal/share/"+string(owner)+"/"+string(region)+"/"+string(subject)+".ndjson")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(o.Content)
}
