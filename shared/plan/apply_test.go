package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// world is a share list that remembers every change made to it.
type world struct {
	mu      sync.Mutex
	shared  map[string]bool
	clock   time.Time
	calls   int
	dieAt   int  // the call or append at which the worker dies; 0: never
	late    bool // what is done does not show
	sent    []plan.Step
	refused map[string]bool // accounts that the deployment does not share with
	failing map[string]bool // accounts that the cloud refuses
	entries []plan.Entry
}

var errDied = errors.New("the worker died")

func newWorld(shared ...string) *world {
	w := &world{shared: map[string]bool{}, clock: time.Now()}
	for _, s := range shared {
		w.shared[s] = true
	}
	return w
}

// boundary is a point at which a worker can die.
func (w *world) boundary() error {
	w.calls++
	if w.dieAt != 0 && w.calls >= w.dieAt {
		return errDied
	}
	return nil
}

func (w *world) Read(context.Context, string) ([]plan.Entry, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.entries), w.boundary()
}

func (w *world) Append(_ context.Context, _ string, position int, e plan.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.boundary(); err != nil {
		return err
	}
	if position != len(w.entries) {
		return fault.New(fault.Conflict, "position %d is taken", position)
	}
	w.entries = append(w.entries, kept(e))
	return w.boundary()
}

// kept is an entry as a journal gives it back.
func kept(e plan.Entry) plan.Entry {
	var back plan.Entry
	text, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		panic(err)
	}
	return back
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.shared))
}

// want plans to make the list exactly want.
func (w *world) want(want ...string) plan.Plan {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := plan.Plan{Target: "share m-1", Base: plan.Facts{}}
	for a := range w.shared {
		p.Base["account/"+a] = "shared"
	}
	add := func(action, account, value string) {
		step := plan.Step{Action: action, Subject: account, Parameters: map[string]string{}, Reasons: []image.Reason{{Code: action, Sentence: "because"}}}
		if action == "add" && w.refused[account] {
			step.Action, step.Refused, step.Reasons[0].Code = "refuse", true, "notAllowed"
		}
		if action != "keep" {
			step.Sets = plan.Facts{"account/" + account: value}
		}
		p.Steps = append(p.Steps, step)
	}
	for _, a := range want {
		if w.shared[a] {
			add("keep", a, "")
		} else {
			add("add", a, "shared")
		}
	}
	for _, a := range slices.Sorted(maps.Keys(w.shared)) {
		if !slices.Contains(want, a) {
			add("remove", a, "")
		}
	}
	return p
}

func (w *world) do(_ context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	var outcomes []plan.Outcome
	for _, s := range steps {
		if err := w.boundary(); err != nil {
			return append(outcomes, plan.Failure(s, err))
		}
		w.sent = append(w.sent, s)
		if w.late {
			outcomes = append(outcomes, plan.InDoubt(s, fault.New(fault.Unavailable, "no answer")))
			continue
		}
		if w.failing[s.Subject] {
			outcomes = append(outcomes, plan.Failure(s, fault.New(fault.Precondition, "the cloud refuses it")))
			continue
		}
		if s.Action == "add" {
			w.shared[s.Subject] = true
		} else {
			delete(w.shared, s.Subject)
		}
		outcomes = append(outcomes, plan.Outcome{Step: s.Name(), Result: plan.Applied})
	}
	return outcomes
}

// work makes the list exactly want.
func (w *world) work(want ...string) plan.Work {
	return plan.Work{
		Target: "share m-1", Log: w, Do: w.do, Now: w.now,
		Observe: func(context.Context, []plan.Entry) (plan.Plan, error) { return w.want(want...), nil },
		Batch: func(steps []plan.Step) [][]plan.Step {
			return slices.Collect(slices.Chunk(steps, 2))
		},
	}
}

// digest is that of the plan for want, as it is now.
func (w *world) digest(want ...string) string {
	p, err := w.work(want...).Plan(context.Background())
	if err != nil {
		panic(err)
	}
	return p.Digest()
}

// apply is one call of a function that wants the list to be want.
func (w *world) apply(digest string, want ...string) (plan.Report, error) {
	return w.work(want...).Apply(context.Background(), plan.Request{Digest: digest, By: "test", Deadline: w.now().Add(time.Hour)})
}

func TestAppliedTwiceAsksForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld("a", "b")
	digest := w.digest("b", "c")
	first, err := w.apply(digest, "b", "c")
	if err != nil || !first.Complete || strings.Join(w.list(), "") != "bc" {
		t.Fatalf("%+v, %v, list %v", first, err, w.list())
	}
	if left := w.want("b", "c").Changes(); len(left) != 0 {
		t.Errorf("a second plan has changes: %+v", left)
	}
	length := len(w.entries)
	second, err := w.apply(digest, "b", "c")
	if err != nil || !second.Complete || len(w.entries) != length {
		t.Errorf("the second time: %+v, %v, %d entries more", second, err, len(w.entries)-length)
	}
	if fmt.Sprint(second.Outcomes) != fmt.Sprint(first.Outcomes) {
		t.Errorf("outcomes %v, recorded %v", second.Outcomes, first.Outcomes)
	}
}

func TestAPlanWithoutChangesIsDoneAndNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	report, err := w.apply(w.digest("a"), "a")
	if err != nil || !report.Complete || len(w.entries) != 0 {
		t.Errorf("%+v, %v, %d entries", report, err, len(w.entries))
	}
}

func TestWhatWasSentAndDoesNotShowHoldsOthersOnlySoLong(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	w.late = true
	mine := w.digest("a", "c")
	_, _ = w.apply(mine, "a", "c")
	w.late = false
	if report, err := w.apply(mine, "a", "c"); err != nil || !report.Complete {
		t.Errorf("the same plan: %+v, %v", report, err)
	}
	w.late = true
	_, _ = w.apply(w.digest("a"), "a")
	w.late, w.clock = false, w.clock.Add(plan.Grace)
	if report, err := w.apply(w.digest("d"), "d"); err != nil || !report.Complete {
		t.Errorf("another plan, later: %+v, %v", report, err)
	}
}

func TestWhatWasInDoubtAndShowsLaterIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	w.late = true
	digest := w.digest("a", "c")
	if report, err := w.apply(digest, "a", "c"); err != nil || report.Complete {
		t.Fatalf("%+v, %v", report, err)
	}
	w.late, w.shared["c"] = false, true
	sent := len(w.sent)
	report, err := w.apply(digest, "a", "c")
	if err != nil || !report.Complete || report.Outcomes[0].Result != plan.Already || len(w.sent) != sent {
		t.Errorf("%+v, %v, sent %v", report, err, w.sent[sent:])
	}
}

func TestADigestWithAnotherWishIsAConflict(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(w *world){
		"while something is left of it": func(w *world) { w.late = true },
		"after it was finished":         func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("a")
			digest := w.digest("a", "c")
			leave(w)
			if _, err := w.apply(digest, "a", "c"); err != nil {
				t.Fatal(err)
			}
			w.late = false
			for _, wish := range [][]string{{"a"}, {"a", "c", "d"}, {"c"}, {"a", "d"}} {
				if report, err := w.apply(digest, wish...); fault.Code(err) != "planChanged" || fault.Of(err) != fault.Conflict {
					t.Errorf("%v: %+v, %v", wish, report, err)
				}
			}
			if report, err := w.apply(digest, "c", "a"); err != nil || !report.Complete {
				t.Errorf("the same wish: %+v, %v", report, err)
			}
		})
	}
}

func TestGuardsHoldWhenAPlanIsResumed(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	w.late = true
	digest := w.digest("a", "c", "d")
	_, _ = w.apply(digest, "a", "c", "d")
	w.late, w.refused = false, map[string]bool{"c": true}
	report, err := w.apply(digest, "a", "c", "d")
	if err != nil || report.Complete || !slices.Equal(w.list(), []string{"a", "d"}) {
		t.Errorf("%+v, %v, list %v", report, err, w.list())
	}
	if o := report.Outcomes[0]; o.Result != plan.Failed || o.Why.Code != "notAllowed" {
		t.Errorf("%+v", o)
	}
	w.refused = nil
	if report, err := w.apply(digest, "a", "c", "d"); err != nil || !report.Complete {
		t.Errorf("allowed again: %+v, %v", report, err)
	}
}

func TestAWorkerWhoseTimeIsOverRecordsNoApproval(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	p := w.want("c")
	frozen := false
	work := plan.Work{
		Target: "share m-1", Log: w, Do: w.do, Batch: func(steps []plan.Step) [][]plan.Step { return [][]plan.Step{steps} },
		Observe: func(context.Context, []plan.Entry) (plan.Plan, error) { frozen = true; return p, nil },
		Now: func() time.Time {
			if frozen {
				return w.clock.Add(time.Hour)
			}
			return w.clock
		},
	}
	_, err := work.Apply(t.Context(), plan.Request{Digest: p.Digest(), Deadline: w.clock.Add(time.Minute)})
	if !errors.Is(err, fault.Unavailable) || len(w.entries) != 0 || len(w.sent) != 0 {
		t.Errorf("%v, %d entries, sent %v", err, len(w.entries), w.sent)
	}
}

func TestACallerWhoGoesAwayLeavesItRecordedAndFree(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	ctx, leave := context.WithCancel(t.Context())
	p := w.want("a", "c", "d", "e")
	work := plan.Work{
		Target: "share m-1", Log: gone{w}, Now: w.now,
		Observe: func(context.Context, []plan.Entry) (plan.Plan, error) { return w.want("a", "c", "d", "e"), nil },
		Batch:   func(steps []plan.Step) [][]plan.Step { return slices.Collect(slices.Chunk(steps, 1)) },
		Do: func(ctx context.Context, approved plan.Plan, steps []plan.Step) []plan.Outcome {
			leave()
			return w.do(ctx, approved, steps)
		},
	}
	report, err := work.Apply(ctx, plan.Request{Digest: p.Digest(), By: "test", Deadline: w.now().Add(time.Hour)})
	var kinds []string
	for _, e := range w.entries {
		kinds = append(kinds, string(e.Kind))
	}
	if err != nil || report.Complete || len(w.sent) != 1 || strings.Join(kinds, " ") != "approved intended happened released" {
		t.Errorf("%+v, %v; sent %v, recorded %v", report, err, w.sent, kinds)
	}
	if report, err := w.apply(p.Digest(), "a", "c", "d", "e"); err != nil || !report.Complete {
		t.Errorf("somebody else goes on at once: %+v, %v", report, err)
	}
}

// gone is a log that writes nothing for a context that has ended.
type gone struct{ *world }

func (g gone) Append(ctx context.Context, target string, position int, e plan.Entry) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "nobody is waiting")
	}
	return g.world.Append(ctx, target, position, e)
}

func TestUnfinished(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	w.late = true
	digest := w.digest("c")
	_, _ = w.apply(digest, "c")
	if e, left := plan.Unfinished(w.entries, w.want("c").Base, w.now()); !left || e.Digest != digest || e.By != "test" {
		t.Errorf("%+v, %v", e, left)
	}
	w.shared = map[string]bool{"c": true}
	if _, left := plan.Unfinished(w.entries, w.want("c").Base, w.now()); left {
		t.Error("the world shows that nothing is left")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		kind fault.Kind
		code string
		run  func(w *world) (plan.Report, error)
	}{
		{"made-up digest", fault.Conflict, "planChanged", func(w *world) (plan.Report, error) { return w.apply("beef", "c") }},
		{"another world's digest", fault.Conflict, "planChanged", func(w *world) (plan.Report, error) {
			return w.apply(newWorld("x").want("c").Digest(), "c")
		}},
		{"the world moved since the plan", fault.Conflict, "planChanged", func(w *world) (plan.Report, error) {
			digest := w.digest("c")
			w.shared["z"] = true
			return w.apply(digest, "c")
		}},
		{"somebody is at it", fault.Conflict, "inProgress", func(w *world) (plan.Report, error) {
			p := w.want("c")
			w.dieAt = 4 // after the approval
			_, _ = w.apply(p.Digest(), "c")
			w.dieAt = 0
			w.clock = w.clock.Add(time.Hour) // the deadline, but not the grace
			return w.apply(w.digest("d"), "d")
		}},
		{"something sent does not show yet", fault.Conflict, "unsettled", func(w *world) (plan.Report, error) {
			w.late = true
			_, _ = w.apply(w.digest("a", "c"), "a", "c")
			return w.apply(w.digest("d"), "d")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("a")
			report, err := c.run(w)
			if fault.Of(err) != c.kind || fault.Code(err) != c.code {
				t.Errorf("got %v (%s), want %s %s", err, fault.Code(err), c.kind, c.code)
			}
			if len(report.Plan.Steps) == 0 {
				t.Error("the refusal has no new plan")
			}
		})
	}
}

func TestDigestSaysWhatIsDoneAndNothingElse(t *testing.T) {
	t.Parallel()
	base := plan.Plan{Target: "t", Base: plan.Facts{"a": "1", "gone": ""}, Steps: []plan.Step{
		{Action: "add", Subject: "1", Parameters: map[string]string{"until": "2027"}, Reasons: []image.Reason{{Code: "x", Sentence: "one way to say it"}, {Code: "y"}}},
		{Action: "keep", Subject: "2"},
		{Action: "refuse", Subject: "1", Reasons: []image.Reason{{Code: "p"}}, Refused: true},
		{Action: "refuse", Subject: "1", Reasons: []image.Reason{{Code: "q"}}, Refused: true},
	}}
	change := func(f func(p *plan.Plan)) string {
		p := base
		p.Steps = slices.Clone(base.Steps)
		p.Base = maps.Clone(base.Base)
		f(&p)
		return p.Digest()
	}
	same := map[string]func(p *plan.Plan){
		"order of steps": func(p *plan.Plan) { slices.Reverse(p.Steps) },
		"a sentence":     func(p *plan.Plan) { p.Steps[0].Reasons = []image.Reason{{Code: "y"}, {Code: "x", Sentence: "another"}} },
		"an absent fact": func(p *plan.Plan) { delete(p.Base, "gone") },
		"no parameters":  func(p *plan.Plan) { p.Steps[1].Parameters, p.Steps[1].Sets = map[string]string{}, plan.Facts{} },
	}
	other := map[string]func(p *plan.Plan){
		"target":        func(p *plan.Plan) { p.Target = "u" },
		"base":          func(p *plan.Plan) { p.Base["a"] = "2" },
		"a parameter":   func(p *plan.Plan) { p.Steps[0].Parameters = map[string]string{"until": "2028"} },
		"a reason code": func(p *plan.Plan) { p.Steps[0].Reasons = []image.Reason{{Code: "x"}} },
		"an action":     func(p *plan.Plan) { p.Steps[1].Action = "remove" },
		"one step less": func(p *plan.Plan) { p.Steps = p.Steps[:1] },
		"what it sets":  func(p *plan.Plan) { p.Steps[0].Sets = plan.Facts{"a": "2"} },
	}
	for name, f := range same {
		if change(f) != base.Digest() {
			t.Errorf("%s must not change the digest", name)
		}
	}
	for name, f := range other {
		if change(f) == base.Digest() {
			t.Errorf("%s must change the digest", name)
		}
	}
}

func accounts() *rapid.Generator[[]string] {
	return rapid.SliceOfDistinct(rapid.SampledFrom(strings.Split("abcdefgh", "")), func(s string) string { return s })
}

func TestADeathAnywhereIsResumedByTheSameDigest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		have, want := accounts().Draw(t, "have"), accounts().Draw(t, "want")
		w := newWorld(have...)
		digest := w.digest(want...)
		for range rapid.IntRange(0, 4).Draw(t, "deaths") {
			w.calls, w.dieAt = 0, rapid.IntRange(1, 14).Draw(t, "death")
			_, _ = w.apply(digest, want...)
			w.clock = w.clock.Add(2 * time.Hour) // the dead worker's time and grace are over
		}
		w.dieAt = 0
		report, err := w.apply(digest, want...)
		if err != nil || !report.Complete {
			t.Fatalf("%+v, %v", report, err)
		}
		slices.Sort(want)
		if !slices.Equal(w.list(), want) {
			t.Fatalf("list %v, want %v", w.list(), want)
		}
		for _, e := range w.entries {
			if e.Digest != digest {
				t.Fatalf("%s is recorded of %s, and it was %s that was approved", e.Kind, e.Digest, digest)
			}
		}
		length, sent := len(w.entries), len(w.sent)
		again, err := w.apply(digest, want...)
		if err != nil || !again.Complete || len(w.entries) != length || len(w.sent) != sent {
			t.Fatalf("once more: %+v, %v", again, err)
		}
	})
}

func TestTwoCallersNeverMix(t *testing.T) {
	t.Parallel()
	for round := range 300 {
		w := newWorld("a", "b", "c")
		goals := [][]string{{"a", "d", "e", "f"}, {"b", "g", "h"}}
		wins := make([]bool, 2)
		digests := []string{w.digest(goals[0]...), w.digest(goals[1]...)}
		var wait sync.WaitGroup
		for n := range goals {
			wait.Go(func() {
				report, err := w.apply(digests[n], goals[n]...)
				wins[n] = err == nil && report.Complete
				if err != nil && !errors.Is(err, fault.Conflict) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wait.Wait()
		if wins[0] == wins[1] {
			t.Fatalf("round %d: wins %v, list %v", round, wins, w.list())
		}
		winner := goals[0]
		if wins[1] {
			winner = goals[1]
		}
		if !slices.Equal(w.list(), winner) {
			t.Fatalf("round %d: list %v, the winner wanted %v", round, w.list(), winner)
		}
	}
}

func ExamplePlan_Digest() {
	w := newWorld("a")
	p := w.want("a", "b")
	fmt.Println(len(p.Changes()), p.Digest() == w.digest("b", "a"), p.Digest() == w.digest("b"))
	// Output: 1 true false
}
