package importing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// ecs is what a look at ECS would tell an import of its images, and does what it
// is asked, each token once. How long things take is the clock's matter.
type ecs struct {
	mu     sync.Mutex
	tokens map[string]bool
	did    []string
	images map[string]*madeImage // by region
	test   *madeInstance
	// What goes wrong.
	boot, check string
	invisible   time.Time // until then no image shows
	changed     bool
	taskFails   bool
	refuse      func(do string) error
	ignore      func(do string) bool // it is accepted, and nothing is done
	lose        func(n int) bool
	calls       int
	releases    importing.Channel
}

type madeImage struct {
	ready                  time.Time
	named, shared, channel bool
	deleted                bool
}

type madeInstance struct {
	began, command time.Time
	gone           bool
}

func newECS() *ecs {
	return &ecs{
		tokens: map[string]bool{}, images: map[string]*madeImage{}, releases: importing.Candidate,
		refuse: func(string) error { return nil }, ignore: func(string) bool { return false }, lose: func(int) bool { return false },
	}
}

// Look tells what shows now.
func (e *ecs) Look(_ context.Context, _ survey.Fresh, w work.Work) (work.Seen, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := work.Seen{}
	for _, name := range w.Names() {
		facts := plan.Facts{}
		seen[name] = facts
		if name == string(home) {
			facts["source"] = map[bool]string{true: "changed", false: "same"}[e.changed]
			e.instance(facts)
		}
		if i := e.images[name]; i != nil && time.Now().After(e.invisible) {
			e.image(facts, name, i)
		} else if w.Items[name].Begun() {
			facts["image"] = "gone"
		}
	}
	return seen, nil
}

func (e *ecs) image(facts plan.Facts, region string, i *madeImage) {
	if i.deleted {
		facts["image"] = "gone"
		return
	}
	facts["image"], facts["imageId"], facts["used"], facts["likeness"] = "Creating", "m-"+region, "no", "{}"
	if region == string(home) {
		facts["task"] = "Processing"
	}
	if time.Now().Before(i.ready) {
		return
	}
	facts["image"] = "Available"
	if region == string(home) {
		facts["task"], facts["detection"] = "Finished", "Finished"
		if e.taskFails {
			facts["task"] = "Failed"
		}
		facts["risks"] = e.check
		if e.check == "never" {
			facts["detection"], facts["risks"] = "Processing", ""
		}
	}
	for fact, is := range map[string]bool{"named": i.named, "shared": i.shared} {
		if is {
			facts[fact] = "yes"
		}
	}
	if i.channel {
		facts["channel"] = string(e.releases)
	}
}

func (e *ecs) instance(facts plan.Facts) {
	i := e.test
	switch {
	case i == nil:
		return
	case i.gone:
		facts["instance"] = "gone"
		return
	}
	facts["testInstanceId"], facts["instance"] = "i-test", "Starting"
	up := time.Now().After(i.began.Add(time.Minute))
	if e.boot == "never" || !up {
		return
	}
	facts["instance"] = "Running"
	if e.boot != "silent" && time.Now().After(i.began.Add(2*time.Minute)) {
		facts["assistant"] = "yes"
	}
	if i.command.IsZero() || time.Now().Before(i.command.Add(30*time.Second)) {
		return
	}
	facts["invocation"], facts["exit"] = "Success", "0"
	if e.boot == "commandFails" {
		facts["invocation"], facts["exit"] = "Failed", "3"
	}
}

// Next is the decision that is on trial.
func (e *ecs) Next(w work.Work, seen work.Seen, now time.Time) work.Decision {
	return importing.Next(w, seen, now)
}

// Do does what is asked, once for a token.
func (e *ecs) Do(_ context.Context, _ survey.Fresh, w work.Work, a work.Act) work.Answer {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	step := plan.Step{Action: a.Do, Subject: a.Item}
	if err := e.refuse(a.Do); err != nil {
		return work.Answer{Outcome: plan.Failure(step, err)}
	}
	if token := w.Token(a); !e.tokens[token] {
		e.tokens[token] = true
		if !e.ignore(a.Do) {
			e.did = append(e.did, a.Do+" "+a.Item)
			e.done(a)
		}
	}
	if e.lose(e.calls) {
		return work.Answer{Outcome: plan.InDoubt(step, fault.New(fault.Unavailable, "no answer"))}
	}
	notes := map[string]map[string]string{
		"make": {"imageId": "m-" + a.Item, "taskId": "t-1"}, "copy": {"imageId": "m-" + a.Item}, "launch": {"testInstanceId": "i-test"}, "command": {"invokeId": "t-2"},
	}[a.Do]
	return work.Answer{Outcome: plan.Outcome{Step: step.Name(), Result: plan.Applied}, Notes: notes}
}

func (e *ecs) done(a work.Act) {
	switch i := e.images[a.Item]; a.Do {
	case "make":
		e.images[a.Item] = &madeImage{ready: time.Now().Add(40 * time.Minute)}
	case "copy":
		e.images[a.Item] = &madeImage{ready: time.Now().Add(20 * time.Minute), named: true}
	case "launch":
		e.test = &madeInstance{began: time.Now()}
	case "command":
		e.test.command = time.Now()
	case "terminate":
		e.test.gone = true
	case "name":
		i.named = true
	case "share":
		i.shared = true
	case "release":
		i.channel = true
	case "delete", "cancel":
		i.deleted = true
	}
}

// stage carries an import through the engine.
type stage struct {
	t      *testing.T
	ecs    *ecs
	bucket *journaltest.Bucket
	n      int
	id     string
}

func (s *stage) runner() work.Runner {
	s.n++
	place, name, ids := journal.OpenObjects(s.bucket, ""), fmt.Sprint("worker-", s.n), 0
	return work.Runner{
		Name: "imports", Kind: s.ecs, Documents: place, Worker: name, Now: time.Now,
		Journal: journal.New(place, time.Now, func() string { ids++; return fmt.Sprint(name, "-", ids) }),
		Pause:   func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil },
		Again:   func(context.Context) survey.Fresh { return survey.Fresh{} },
	}
}

// begin approves the plan of a wish.
func begin(t *testing.T, e *ecs, w importing.Wish) *stage { return beginBy(t, e, w, "iss ann") }

func beginBy(t *testing.T, e *ecs, w importing.Wish, by string) *stage {
	t.Helper()
	p, err := importing.Plan(w, good(), "")
	if err != nil || !p.Applicable() {
		t.Fatal(err, p.Findings)
	}
	wish, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, ecs: e, bucket: journaltest.NewBucket(nil), id: p.ID}
	if _, err := s.runner().Approve(t.Context(), work.Document{ID: p.ID, Plan: p.Plan.Stored(), Wish: wish}, work.Approval{By: by}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) tick() work.Work {
	s.t.Helper()
	if _, err := s.runner().Tick(s.t.Context(), time.Now(), time.Now().Add(55*time.Second)); err != nil {
		s.t.Fatal(err)
	}
	w, err := s.runner().Get(s.t.Context(), s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// end ticks once a minute until the work has ended.
func (s *stage) end() work.Work {
	s.t.Helper()
	for range 300 {
		if w := s.tick(); w.State.Ended() {
			return w
		}
		time.Sleep(time.Minute)
	}
	s.t.Fatalf("it has not ended; done: %v", s.ecs.did)
	return work.Work{}
}

// outcomes are the results and codes by region.
func outcomes(w work.Work) map[string]string {
	all := map[string]string{}
	for name, i := range w.Items {
		all[name] = string(i.Outcome.Result)
		if i.Outcome.Why != nil {
			all[name] += " " + i.Outcome.Why.Code
		}
	}
	return all
}

func TestStoryOfAnImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newECS()
		w := begin(t, e, golden()).end()
		want := []string{
			"make cn-hangzhou", "launch cn-hangzhou", "command cn-hangzhou", "terminate cn-hangzhou", "name cn-hangzhou",
			"share cn-hangzhou", "copy cn-shanghai", "release cn-hangzhou", "share cn-shanghai", "release cn-shanghai",
		}
		if w.State != work.Finished || !slices.Equal(slices.Sorted(slices.Values(e.did)), slices.Sorted(slices.Values(want))) || e.did[0] != want[0] || !slices.Equal(e.did[:5], want[:5]) {
			t.Errorf("%s by %v", w.State, e.did)
		}
	})
}

// What goes wrong ends the import with its reason, before anybody else gets the
// image, and without an instance of the test.
func TestImportsThatFail(t *testing.T) {
	cases := map[string]struct {
		change func(*ecs, *importing.Wish)
		code   string
	}{
		"task":       {func(e *ecs, _ *importing.Wish) { e.taskFails = true }, "taskFailed"},
		"source":     {func(e *ecs, _ *importing.Wish) { e.changed = true }, "sourceChanged"},
		"risks":      {func(e *ecs, _ *importing.Wish) { e.check = "GUESTOS.CloudInit" }, "checkRisks"},
		"no check":   {func(e *ecs, w *importing.Wish) { e.check = "never"; w.Test = nil }, "notChecked"},
		"no boot":    {func(e *ecs, _ *importing.Wish) { e.boot = "never" }, "bootFailed"},
		"silent":     {func(e *ecs, _ *importing.Wish) { e.boot = "silent" }, "assistantSilent"},
		"command":    {func(e *ecs, _ *importing.Wish) { e.boot = "commandFails" }, "commandFailed"},
		"no stock":   {func(e *ecs, _ *importing.Wish) { e.refuse = refusing("launch", "OperationDenied.NoStock") }, "OperationDenied.NoStock"},
		"no command": {func(e *ecs, _ *importing.Wish) { e.refuse = refusing("command", "Forbidden.RAM") }, "Forbidden.RAM"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, wish := newECS(), golden()
				c.change(e, &wish)
				w := begin(t, e, wish).end()
				want := map[string]string{"cn-hangzhou": "failed " + c.code, "cn-shanghai": "failed homeFailed"}
				if w.State != work.Failed || !maps.Equal(outcomes(w), want) {
					t.Errorf("%s: %v after %v", w.State, outcomes(w), e.did)
				}
				if e.test != nil && !e.test.gone {
					t.Error("the instance of the test is still there")
				}
				if i := e.images["cn-hangzhou"]; i.shared || i.channel || i.named || e.images["cn-shanghai"] != nil {
					t.Errorf("somebody got it: %v", e.did)
				}
				if name == "source" && !e.images["cn-hangzhou"].deleted {
					t.Error("the image of another source was left")
				}
			})
		})
	}
}

func refusing(do, code string) func(string) error {
	return func(is string) error {
		if is == do {
			return fault.New(fault.Precondition, "refused").WithCode(code)
		}
		return nil
	}
}

// What is accepted and not done is asked for again, as another attempt; what never is
// ends the import, which says so, and a cancelled one too.
func TestAcceptedAndNotDone(t *testing.T) {
	for _, do := range []string{"terminate", "name", "share", "release", "cancel", "delete"} {
		for _, always := range []bool{false, true} {
			t.Run(fmt.Sprint(do, " ", always), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e, met := newECS(), 0
					e.ignore = func(is string) bool {
						if is != do {
							return false
						}
						met++
						return always || met == 1
					}
					s := begin(t, e, golden())
					aborts := do == "cancel"
					e.changed = do == "delete" // the image of another source has to go
					if aborts {
						for range 10 {
							s.tick()
							time.Sleep(time.Minute)
						}
						if _, err := s.runner().Order(t.Context(), s.id, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
							t.Fatal(err)
						}
					}
					var w work.Work
					for n := 0; n < 120 && !w.State.Ended(); n++ {
						w = s.tick()
						time.Sleep(10 * time.Minute)
					}
					want := map[bool]work.State{false: work.Finished, true: work.Failed}[always]
					switch {
					case aborts:
						want = work.Aborted
					case e.changed:
						want = work.Failed
					}
					home := w.Items["cn-hangzhou"].Outcome.Why
					told := !always || home != nil && (home.Code == "notShown" || aborts && home.Code == "aborted" || e.changed && strings.Contains(home.Sentence, "was left"))
					if met < 2 || w.State != want && !(always && !aborts && w.State == work.Partly) || !told {
						t.Errorf("%s was asked for %d times: %s %v %+v by %v", do, met, w.State, outcomes(w), home, e.did)
					}
				})
			})
		}
	}
}

// A rule alone releases to everybody only what passed the check with nothing waived;
// a person may waive.
func TestStableByRule(t *testing.T) {
	for name, c := range map[string]struct {
		by, risks string
		want      work.State
	}{
		"passed, by a rule": {"rule:golden@1", "", work.Finished},
		"waived, by a rule": {"rule:golden@1", "GUESTOS.CloudInit", work.Failed},
		"waived, by ann":    {"iss ann", "GUESTOS.CloudInit", work.Finished},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, wish := newECS(), golden()
				e.check, e.releases, wish.Release.Channel = c.risks, importing.Stable, importing.Stable
				if c.risks != "" {
					wish.Check = &importing.Check{Waive: []string{c.risks}}
				}
				w := beginBy(t, e, wish, c.by).end()
				if w.State != c.want || c.want == work.Failed && outcomes(w)["cn-hangzhou"] != "failed notChecked" {
					t.Errorf("%s: %v", w.State, outcomes(w))
				}
			})
		})
	}
}

// Whatever the waived risks are, and whoever loses answers, everything is done once.
func TestLostAnswersAndWaivedRisks(t *testing.T) {
	for seed := range 4 {
		synctest.Test(t, func(t *testing.T) {
			e, wish := newECS(), golden()
			e.check, wish.Check = "GUESTOS.CloudInit", &importing.Check{Waive: []string{"GUESTOS.CloudInit"}}
			e.lose = func(n int) bool { return n%4 == seed }
			w := begin(t, e, wish).end()
			if did := slices.Compact(slices.Sorted(slices.Values(e.did))); w.State != work.Finished || len(did) != len(e.did) || len(did) != 10 {
				t.Errorf("seed %d: %s, %v by %v", seed, w.State, outcomes(w), e.did)
			}
		})
	}
}

// An import that is cancelled at any minute leaves nothing, and nobody has got
// anything.
func TestCancelledAtAnyTime(t *testing.T) {
	for minute := range 48 {
		synctest.Test(t, func(t *testing.T) {
			e := newECS()
			s := begin(t, e, golden())
			var w work.Work
			for range minute {
				w = s.tick()
				time.Sleep(time.Minute)
			}
			if importing.Released(w) {
				return // the function refuses
			}
			if _, err := s.runner().Order(t.Context(), s.id, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
				t.Fatal(err)
			}
			w = s.end()
			left := e.test != nil && !e.test.gone
			for _, i := range e.images {
				left = left || !i.deleted || i.shared || i.channel
			}
			if w.State != work.Aborted || left {
				t.Errorf("minute %d: %s, %v after %v", minute, w.State, outcomes(w), e.did)
			}
		})
	}
}

// An answer that was lost says nothing about what was made: a cancelled import asks
// again with the same token, and takes back what that shows.
func TestCancelledWhileNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newECS()
		late := time.Now().Add(10 * time.Minute)
		e.lose = func(int) bool { return time.Now().Before(late) }
		e.invisible = late
		s := begin(t, e, golden())
		s.tick()
		if _, err := s.runner().Order(t.Context(), s.id, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
			t.Fatal(err)
		}
		if w := s.end(); w.State != work.Aborted || e.images["cn-hangzhou"] == nil || !e.images["cn-hangzhou"].deleted {
			t.Errorf("%s, %v after %v", w.State, outcomes(w), e.did)
		}
	})
}

// Another attempt goes on from what still holds: it makes no second image while the
// first is there, and boots another instance; what was cancelled is made anew.
func TestAnotherAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		first func(*ecs, *stage)
		makes int
	}{
		"after a failed boot":  {func(e *ecs, s *stage) { e.boot = "never"; s.end(); e.boot = "" }, 1},
		"after a failed check": {func(e *ecs, s *stage) { e.check = "GUESTOS.Fstab"; s.end(); e.check = "" }, 1},
		"after a cancel": {func(_ *ecs, s *stage) {
			s.tick()
			time.Sleep(45 * time.Minute)
			s.tick()
			if _, err := s.runner().Order(s.t.Context(), s.id, work.Order{Do: work.Abort, By: "iss ann"}); err != nil {
				s.t.Fatal(err)
			}
			s.end()
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newECS()
				s := begin(t, e, golden())
				c.first(e, s)
				before, err := s.runner().Get(t.Context(), s.id)
				if err != nil || before.State != work.Failed && before.State != work.Aborted {
					t.Fatalf("%s, %v", before.State, err)
				}
				p, err := importing.Plan(golden(), good(), before.Digest)
				if err != nil || p.ID != s.id || p.Plan.Digest() == before.Digest {
					t.Fatalf("the plan of another attempt: %s, %v", p.ID, err)
				}
				wish, err := json.Marshal(p.Wish)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.runner().Approve(t.Context(), work.Document{ID: p.ID, Plan: p.Plan.Stored(), Wish: wish}, work.Approval{By: "iss ann"}); err != nil {
					t.Fatal(err)
				}
				w := s.end()
				makes := 0
				for _, did := range e.did {
					if did == "make cn-hangzhou" {
						makes++
					}
				}
				if w.State != work.Finished || makes != c.makes || !e.test.gone {
					t.Errorf("%s, %v after %v", w.State, outcomes(w), e.did)
				}
			})
		})
	}
}

// A region that fails stops that region only.
func TestOneRegionFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newECS()
		e.refuse = refusing("copy", "QuotaExceed.Image")
		w := begin(t, e, golden()).end()
		if want := map[string]string{"cn-hangzhou": "applied", "cn-shanghai": "failed QuotaExceed.Image"}; w.State != work.Partly || !maps.Equal(outcomes(w), want) {
			t.Errorf("%s: %v", w.State, outcomes(w))
		}
	})
}

func TestReleasedIsForGood(t *testing.T) {
	var none image.RegionID
	if importing.Released(work.Work{Items: map[string]work.Item{string(none): {Name: "", Level: importing.LevelNamed}}}) {
		t.Error("an image that only has its name was not given to anybody")
	}
}
