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

	"imagekeeper/scripts/drawn"
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

// TestKilledAtEveryCall: the function is killed by SIGKILL before and after each
// call of an apply, of ECS and of the journal. The same digest, applied again
// when the dead worker's time is over, ends in the wanted state.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	calls := boundaries(t)
	t.Logf("%d calls", len(calls))
	for _, call := range drawn.Some(t, calls, 30) {
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
	k := &keepers{stage: s, id: subject, keep: both(had, want), journalled: true}
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
	if err != nil || !done.Complete || !slices.Equal(s.list(subject), want) || len(k.wrong()) > 0 {
		t.Errorf("%v, %s\nlist %v\n%v\n%s", err, done.short(), s.list(subject), k.wrong(), heir.log)
	}
	s.toldWhole(heir, digest, had, want)
	s.arm(nil, nil)
	again, err := heir.invoke(put(subject, want, had, digest), long)
	if err != nil || !again.Recorded || !again.Complete || len(again.Outcomes) != len(done.Outcomes) || slices.ContainsFunc(s.requests(), func(r request) bool { return r.changes }) {
		t.Errorf("once more: %v, %s, recorded %v\n%v", err, again.short(), again.Recorded, s.requests())
	}
}

// toldWhole checks that the journal tells the whole story: who approved what,
// what was about to be done, what came of it for each account, and that it was
// finished; all of one plan.
func (s *stage) toldWhole(w *worker, digest string, had, want []image.AccountID) {
	s.t.Helper()
	a, err := w.invoke(map[string]any{"operation": "share.get", "input": map[string]any{"imageId": subject, "history": true}}, long)
	if err != nil || len(a.History) == 0 {
		s.t.Fatalf("%v, %s", err, a.short())
	}
	kinds, announced := "", ""
	for _, e := range a.History {
		kinds += e.Kind + " "
		asked := e.Kind == "approved" || e.Kind == "resumed"
		if e.Digest != digest || asked && e.By == "" {
			s.t.Errorf("%s of %s by %q: not of the plan %s", e.Kind, e.Digest, e.By, digest)
		}
		if e.Kind == "intended" {
			announced += e.Sentence + ", "
		}
	}
	first, last := a.History[0], a.History[len(a.History)-1]
	if first.Kind != "approved" || strings.Count(kinds, "approved") != 1 || last.Kind != "finished" || strings.Count(kinds, "finished") != 1 {
		s.t.Errorf("the story: %s", kinds)
	}
	for _, step := range steps(had, want) {
		done := strings.Contains(last.Sentence, step+": applied") || strings.Contains(last.Sentence, step+": already")
		if !strings.Contains(first.Sentence, step) || !strings.Contains(announced, step+", ") || !done {
			s.t.Errorf("%s is not told of: %s\n%s\n%s\n%s", step, kinds, first.Sentence, announced, last.Sentence)
		}
	}
}

// steps are the names of what leads from one list to another.
func steps(had, want []image.AccountID) []string {
	var names []string
	for _, a := range want {
		if !slices.Contains(had, a) {
			names = append(names, "add "+string(a))
		}
	}
	for _, a := range had {
		if !slices.Contains(want, a) {
			names = append(names, "remove "+string(a))
		}
	}
	return names
}

// TestFrozenAtEveryCall: the function is stopped by SIGSTOP after each call of
// an apply until its deadline is past; another one finishes; then it wakes up,
// and changes nothing. The trials mostly wait, so many run at once.
func TestFrozenAtEveryCall(t *testing.T) {
	t.Parallel()
	turns := make(chan struct{}, 16)
	var wait sync.WaitGroup
	for _, call := range drawn.Some(t, boundaries(t), 45) {
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
const brief = 20 * time.Second

func frozenAt(t *testing.T, call request) {
	number := call.number
	s := newStage(t)
	had, want := change()
	s.image(subject, had...)
	sleeper := s.start("sleeper", bucketJournal)
	digest := s.planned(sleeper, subject, had, want).Plan.Digest
	stopped := make(chan struct{})
	k := &keepers{stage: s, id: subject, keep: both(had, want), journalled: true}
	s.arm(nil, func(r request) bool {
		k.watch(r)
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
	s.arm(nil, func(r request) bool { k.watch(r); return false })
	s.age(plan.Grace + time.Second)
	heir := s.start("heir", bucketJournal)
	done, err := heir.invoke(put(subject, want, had, digest), long)
	if err != nil || !done.Complete || !slices.Equal(s.list(subject), want) || len(k.wrong()) > 0 {
		t.Errorf("%d %s: %v, %s\nlist %v\n%v\n%s", number, call.action, err, done.short(), s.list(subject), k.wrong(), heir.log)
		return
	}
	s.toldWhole(heir, digest, had, want)
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

// log is the journal of the subject as it is.
func (s *stage) log() string {
	s.t.Helper()
	o, err := s.object(subject)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(o)
}

// object is the journal of an image in the bucket.
func (s *stage) object(id image.ID) ([]byte, error) {
	o, err := s.cloud.As(cloudsim.Caller{Account: owner, Type: "Account"}).GetObject(cloudsim.ObjectName{
		Bucket: bucket, Key: "journal/share/" + string(owner) + "/" + string(region) + "/" + string(id) + ".ndjson",
	})
	return o.Content.Bytes(), err
}

// last is the last entry of a kind in the journal of an image in the bucket; empty
// if there is none.
func (s *stage) last(id image.ID, kind plan.EntryKind) (entry string) {
	log, _ := s.object(id) // there may be none yet
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, `"kind":"`+string(kind)+`"`) {
			entry = line
		}
	}
	return entry
}
