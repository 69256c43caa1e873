package plan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/plan"
)

func TestALateDuplicateNeverUndoesALaterWish(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	add := w.digest("a", "b")
	for _, step := range []struct {
		digest func() string
		want   []string
	}{{func() string { return add }, []string{"a", "b"}}, {func() string { return w.digest("a") }, []string{"a"}}} {
		if report, err := w.apply(step.digest(), step.want...); err != nil || !report.Complete {
			t.Fatalf("%v: %+v, %v", step.want, report, err)
		}
	}
	sent := len(w.sent)
	report, err := w.apply(add, "a", "b")
	if fault.Of(err) != fault.Conflict || fault.Code(err) != "planChanged" || len(report.Plan.Changes()) != 1 || len(w.sent) != sent {
		t.Errorf("the first request once more: %+v, %v, list %v", report, err, w.list())
	}
	if !slices.ContainsFunc(report.Differences, func(d plan.Difference) bool { return d.Fact == "account/b" && d.Is == "" }) {
		t.Errorf("it is not told what differs: %+v", report.Differences)
	}
	if report, err := w.apply(w.digest("a", "b"), "a", "b"); err != nil || !report.Complete || len(w.sent) != sent+1 {
		t.Errorf("the same wish, planned anew: %+v, %v", report, err)
	}
}

func TestAListThatNoLongerHoldsIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	exactly := w.digest("b")
	if report, err := w.apply(exactly, "b"); err != nil || !report.Complete || report.Recorded {
		t.Fatalf("%+v, %v", report, err)
	}
	length := len(w.entries)
	if report, err := w.apply(exactly, "b"); err != nil || !report.Recorded || len(report.Outcomes) != 2 {
		t.Errorf("while it holds: %+v, %v", report, err)
	}
	w.shared["c"] = true
	report, err := w.apply(exactly, "b")
	if fault.Code(err) != "planChanged" || len(report.Plan.Changes()) != 1 || len(w.entries) != length {
		t.Errorf("drifted: %+v, %v", report, err)
	}
	if want := []plan.Difference{{Fact: "account/c", Is: "shared"}}; !slices.Equal(report.Differences, want) {
		t.Errorf("differences %+v, want %+v", report.Differences, want)
	}
}

func TestAnApprovalThatAnotherOneLeftBehindNeverActs(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	w.failing = map[string]bool{"d": true}
	both := w.digest("a", "b", "d")
	if report, err := w.apply(both, "a", "b", "d"); err != nil || report.Complete {
		t.Fatalf("%+v, %v", report, err)
	}
	w.failing = map[string]bool{"f": true}
	other := w.digest("a", "f")
	if report, err := w.apply(other, "a", "f"); err != nil || report.Complete || slices.Contains(w.list(), "b") {
		t.Fatalf("%+v, %v, list %v", report, err, w.list())
	}
	w.failing = nil // and the world is as it was when the first was approved
	if report, err := w.apply(both, "a", "b", "d"); fault.Code(err) != "planChanged" || slices.Contains(w.list(), "b") {
		t.Errorf("%+v, %v, list %v", report, err, w.list())
	}
	if report, err := w.apply(other, "a", "f"); err != nil || !report.Complete {
		t.Errorf("the open one goes on: %+v, %v", report, err)
	}
}

func TestAnOpenPlanIsPlannedAnewAsItself(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	_, _ = w.apply(w.digest("b"), "b")
	w.failing = map[string]bool{"c": true}
	open := w.digest("b", "c")
	if report, err := w.apply(open, "b", "c"); err != nil || report.Complete || w.digest("b", "c") != open || w.digest("b", "d") == open {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestAnApprovalThatNobodyBeganExpires(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dieAt int // 3: after the approval was written; 5: after the first intent was
		after time.Duration
		code  string
	}{
		"not begun, in time": {3, 24*time.Hour - time.Second, ""},
		"not begun, late":    {3, 24 * time.Hour, "approvalExpired"},
		"begun, late":        {5, 30 * 24 * time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("a")
			digest := w.digest("a", "b")
			w.calls, w.dieAt = 0, c.dieAt
			if _, err := w.apply(digest, "a", "b"); !errors.Is(err, errDied) {
				t.Fatal(err)
			}
			w.dieAt, w.clock = 0, w.clock.Add(c.after)
			_, left := plan.Unfinished(w.entries, w.want("a", "b").Base, w.now())
			report, err := w.apply(digest, "a", "b")
			if (err == nil) != (c.code == "") || err != nil && fault.Code(err) != c.code || left != (err == nil) || report.Complete != left {
				t.Errorf("%+v, %v, unfinished %v", report, err, left)
			}
			if report, err := w.apply(w.digest("a", "b"), "a", "b"); err != nil || !report.Complete {
				t.Errorf("planned anew: %+v, %v", report, err)
			}
		})
	}
}

func TestWhatTheLastLookShowsDecides(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	work := w.work("a", "b")
	digest := w.digest("a", "b")
	outside := func(change func()) plan.Work {
		meddled := work
		meddled.Do = func(ctx context.Context, p plan.Plan, steps []plan.Step) []plan.Outcome {
			outcomes := work.Do(ctx, p, steps)
			change()
			return outcomes
		}
		return meddled
	}
	request := plan.Request{Digest: digest, Deadline: w.now().Add(time.Hour)}
	report, err := outside(func() { w.shared["z"] = true }).Apply(t.Context(), request)
	want := []plan.Difference{{Fact: "account/z", Is: "shared"}}
	if err != nil || report.Complete || report.Kept() != nil || !slices.Equal(report.Differences, want) || report.Outcomes[0].Result != plan.Applied {
		t.Errorf("somebody else got access meanwhile: %+v, %v", report, err)
	}
	delete(w.shared, "z")
	blind := work
	blind.Observe = func(ctx context.Context, told []plan.Entry) (plan.Plan, error) {
		if last := told[len(told)-1]; last.Kind == plan.Resumed {
			return plan.Plan{}, fault.New(fault.Throttled, "too many calls")
		}
		return work.Observe(ctx, told)
	}
	if report, err = blind.Apply(t.Context(), request); err != nil || report.Complete || fault.Of(report.Unseen) != fault.Throttled {
		t.Errorf("nobody could look: %+v, %v", report, err)
	}
	if report, err = work.Apply(t.Context(), request); err != nil || !report.Complete || report.Unseen != nil {
		t.Errorf("the same digest, later: %+v, %v", report, err)
	}
}

func TestAStepWaitsForThoseBeforeIt(t *testing.T) {
	t.Parallel()
	for name, failing := range map[string]string{"the new one cannot be had": "b", "it can": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("a", "x")
			w.failing = map[string]bool{failing: true}
			replace := w.work("b")
			replace.Observe = func(context.Context, []plan.Entry) (plan.Plan, error) {
				p := w.want("b")
				for n := range p.Steps {
					if p.Steps[n].Name() == "remove a" {
						p.Steps[n].After = []string{"add b"}
					}
				}
				return p, nil
			}
			p, err := replace.Plan(t.Context())
			if err != nil || p.Digest() == w.digest("b") {
				t.Fatalf("the digest does not say what comes first: %v", err)
			}
			request := plan.Request{Digest: p.Digest(), Deadline: w.now().Add(time.Hour)}
			report, err := replace.Apply(t.Context(), request)
			if slices.Contains(w.list(), "a") == slices.Contains(w.list(), "b") || slices.Contains(w.list(), "x") || err != nil {
				t.Fatalf("list %v, %+v, %v", w.list(), report, err)
			}
			if failing == "" {
				return
			}
			waits := slices.IndexFunc(report.Outcomes, func(o plan.Outcome) bool { return o.Step == "remove a" })
			if o := report.Outcomes[waits]; report.Complete || o.Result != plan.Failed || o.Why.Code != "notBefore" {
				t.Errorf("%+v", report)
			}
			w.failing = nil
			if report, err := replace.Apply(t.Context(), request); err != nil || !report.Complete || !slices.Equal(w.list(), []string{"b"}) {
				t.Errorf("once it can be had: %+v, %v, list %v", report, err, w.list())
			}
		})
	}
}

func TestWhyNothingWasDone(t *testing.T) {
	t.Parallel()
	why := fault.New(fault.Forbidden, "the role may not share").WithCode("NoPermission")
	why.Permission = "ecs:ModifyImageSharePermission"
	failed := plan.Failure(plan.Step{Action: "add", Subject: "b"}, why)
	none := plan.Report{Outcomes: []plan.Outcome{{Step: "add a", Result: plan.Open}, failed}}.Kept()
	if fault.Of(none) != fault.Forbidden || fault.Code(none) != "NoPermission" || fault.Permission(none) != why.Permission {
		t.Errorf("everything failed: %v", none)
	}
	if got := (plan.Report{Outcomes: []plan.Outcome{{Step: "add a", Result: plan.Open}}}).Kept(); fault.Of(got) != fault.Unavailable || fault.Code(got) != "timeOver" {
		t.Errorf("there was no time: %v", got)
	}
	for _, some := range []plan.Outcome{
		{Step: "add c", Result: plan.Applied}, {Step: "add c", Result: plan.Already}, plan.InDoubt(plan.Step{Action: "add", Subject: "c"}, why),
	} {
		if got := (plan.Report{Outcomes: []plan.Outcome{failed, some}}).Kept(); got != nil {
			t.Errorf("%s: %v", some.Result, got)
		}
	}
}

func TestARequestWithinLimitsActsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	ask := func(id string, want ...string) (plan.Report, error) {
		return w.work(want...).Apply(t.Context(), plan.Request{ID: id, Deadline: w.now().Add(time.Hour), Within: func(p plan.Plan) error {
			if len(p.Changes()) > 1 {
				return fault.New(fault.Precondition, "too much").WithCode("beyondLimits")
			}
			return nil
		}})
	}
	if report, err := ask("1", "b"); fault.Code(err) != "beyondLimits" || len(report.Plan.Changes()) != 2 || len(w.entries) != 0 {
		t.Errorf("two changes: %+v, %v", report, err)
	}
	if report, err := ask("2", "a", "b"); err != nil || !report.Complete || report.Recorded {
		t.Errorf("%+v, %v", report, err)
	}
	if report, err := ask("2", "a", "b"); err != nil || !report.Complete || !report.Recorded {
		t.Errorf("delivered again: %+v, %v", report, err)
	}
	if report, err := ask("3", "a"); err != nil || !report.Complete {
		t.Errorf("%+v, %v", report, err)
	}
	if report, err := ask("2", "a", "b"); fault.Code(err) != "planChanged" || len(w.list()) != 1 {
		t.Errorf("delivered again, late: %+v, %v, list %v", report, err, w.list())
	}
	if report, err := ask("4", "a", "b"); err != nil || !report.Complete || len(w.list()) != 2 {
		t.Errorf("asked for again: %+v, %v, list %v", report, err, w.list())
	}
}

// message is a request that a caller has sent: a courier delivers it late, twice,
// or in the middle of another.
type message struct {
	digest string
	want   []string
}

// post is a world in which everybody acts as a test draws it.
type post struct {
	*world
	*rapid.T
	messages []message
	// latest is the wish that was accepted last, accepted those that were at all.
	latest   []string
	accepted map[string]bool
	depth    int
}

// Read lets others act before the log is read.
func (p *post) Read(ctx context.Context, target string) ([]plan.Entry, error) {
	p.interrupt()
	return p.world.Read(ctx, target)
}

// Append lets others act before and after an entry is written.
func (p *post) Append(ctx context.Context, target string, position int, e plan.Entry) error {
	p.interrupt()
	err := p.world.Append(ctx, target, position, e)
	if n := len(p.entries); n > position && p.entries[position].Kind == plan.Approved && p.entries[position].Digest == e.Digest && !p.accepted[e.Digest] {
		p.accepted[e.Digest] = true
		p.latest = p.messages[slices.IndexFunc(p.messages, func(m message) bool { return m.digest == e.Digest })].want
	}
	if err == nil {
		p.interrupt()
	}
	return err
}

// interrupt is something that happens in the middle of a request.
func (p *post) interrupt() {
	if p.depth == 0 || p.depth > 2 || rapid.IntRange(0, 9).Draw(p.T, "interrupted") > 1 {
		return
	}
	switch rapid.IntRange(0, 2).Draw(p.T, "by") {
	case 0:
		p.outsider()
	case 1:
		p.deliver()
	default:
		p.time()
	}
}

func (p *post) outsider() {
	a := rapid.SampledFrom(strings.Split("abcde", "")).Draw(p.T, "account")
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shared[a] {
		delete(p.shared, a)
	} else {
		p.shared[a] = true
	}
}

func (p *post) time() {
	by := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 2 * time.Hour, 25 * time.Hour}).Draw(p.T, "later")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock = p.clock.Add(by)
}

// wish plans what some list would take, and sends the message.
func (p *post) wish() {
	want := rapid.SliceOfDistinct(rapid.SampledFrom(strings.Split("abcde", "")), func(s string) string { return s }).Draw(p.T, "want")
	slices.Sort(want)
	planned, err := p.working(message{want: want}, new([]string)).Plan(context.Background())
	if err != nil {
		p.Fatal(err)
	}
	p.messages = append(p.messages, message{planned.Digest(), want})
}

// working makes the list that a message asks for; saw is the list as it is looked
// at.
func (p *post) working(m message, saw *[]string) plan.Work {
	work := p.work(m.want...)
	work.Log = p
	work.Observe = func(context.Context, []plan.Entry) (plan.Plan, error) {
		*saw = p.list()
		return p.want(m.want...), nil
	}
	work.Do = func(ctx context.Context, approved plan.Plan, steps []plan.Step) []plan.Outcome {
		if ctx.Err() != nil { // its time is over, and the cloud would refuse the call
			var outcomes []plan.Outcome
			for _, s := range steps {
				outcomes = append(outcomes, plan.InDoubt(s, ctx.Err()))
			}
			return outcomes
		}
		for _, s := range steps {
			if slices.Contains(p.latest, s.Subject) != (s.Action == "add") {
				p.Fatalf("%s is done for a request that wants %v, and %v was accepted last", s.Name(), m.want, p.latest)
			}
		}
		return p.do(ctx, approved, steps)
	}
	return work
}

// deliver brings one of all messages, whether it was delivered before or not.
func (p *post) deliver() {
	if len(p.messages) == 0 {
		return
	}
	m := rapid.SampledFrom(p.messages).Draw(p.T, "message")
	p.failing = map[string]bool{rapid.SampledFrom(strings.Split("abcdefghij", "")).Draw(p.T, "fails"): true}
	p.depth++
	var saw []string
	report, err := p.working(m, &saw).Apply(context.Background(), plan.Request{Digest: m.digest, By: "courier", Deadline: p.now().Add(time.Minute)})
	p.depth--
	switch {
	case err != nil && fault.Of(err) != fault.Conflict && fault.Of(err) != fault.Unavailable:
		p.Fatalf("%v", err)
	case report.Complete && !slices.Equal(saw, m.want):
		p.Fatalf("complete (recorded %v), and %v was seen where %v is wanted", report.Recorded, saw, m.want)
	}
}

// TestNoAccessComesBackByItself: two callers, an outsider and a courier who
// delivers late, twice and in the middle act in any order; nothing is ever done that
// the wish which was accepted last would not have, and what is complete was seen.
func TestNoAccessComesBackByItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &post{world: newWorld("a", "b"), T: t, accepted: map[string]bool{}}
		t.Repeat(map[string]func(*rapid.T){
			"one caller":     func(*rapid.T) { p.wish() },
			"another caller": func(*rapid.T) { p.wish() },
			"outsider":       func(*rapid.T) { p.outsider() },
			"courier":        func(*rapid.T) { p.deliver() },
			"courier again":  func(*rapid.T) { p.deliver() },
			"time":           func(*rapid.T) { p.time() },
		})
		p.failing = nil
		p.clock = p.clock.Add(48 * time.Hour)
		if report, err := p.apply(p.digest("c"), "c"); err != nil || !report.Complete || fmt.Sprint(p.list()) != "[c]" {
			t.Fatalf("in the end: %+v, %v, list %v", report, err, p.list())
		}
	})
}

// TestAnApprovalIsOpenUntilTheSameTimeWheneverItIsAskedAbout: by a clock that goes on
// with every look at it.
func TestAnApprovalIsOpenUntilTheSameTimeWheneverItIsAskedAbout(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	work := w.work("a", "b")
	work.Now = func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.clock = w.clock.Add(3 * time.Millisecond)
		return w.clock
	}
	digest := w.digest("a", "b")
	for range 3 {
		report, err := work.Apply(t.Context(), plan.Request{Digest: digest, By: "ada", TwoPeople: true, Deadline: w.now().Add(time.Hour)})
		if _, until, ok := plan.Waiting(w.entries, w.now()); err != nil || !ok || !report.Waits || !report.ValidUntil.Equal(until) {
			t.Errorf("until %s, and the log says %s; %v", report.ValidUntil, until, err)
		}
	}
}

func TestTwoPeople(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	ask := func(by, digest string) (plan.Report, error) {
		return w.work("a", "b").Apply(t.Context(), plan.Request{Digest: digest, By: by, TwoPeople: true, Deadline: w.now().Add(time.Hour)})
	}
	digest := w.digest("a", "b")
	for range 2 { // the same person twice is one
		report, err := ask("ada", digest)
		if err != nil || !report.Waits || report.Complete || report.Kept() != nil || !slices.Equal(report.Approved, []string{"ada"}) || len(w.entries) != 1 || len(w.sent) != 0 {
			t.Fatalf("%+v, %v, %d entries", report, err, len(w.entries))
		}
	}
	if e, until, ok := plan.Waiting(w.entries, w.now()); !ok || e.Digest != digest || e.By != "ada" || !until.Equal(e.At.Add(24*time.Hour)) || w.digest("a", "b") != digest {
		t.Errorf("%+v until %s, %v", e, until, ok)
	}
	if report, err := ask("bob", strings.Repeat("0", 64)); fault.Code(err) != "planChanged" {
		t.Errorf("another digest: %+v, %v", report, err)
	}
	w.clock = w.clock.Add(24 * time.Hour)
	if _, _, ok := plan.Waiting(w.entries, w.now()); ok {
		t.Error("it waits longer than a day")
	}
	if report, err := ask("bob", digest); err != nil || !report.Waits || !slices.Equal(report.Approved, []string{"bob"}) {
		t.Errorf("after a day it is the first again: %+v, %v", report, err)
	}
	w.shared["z"] = true
	if report, err := ask("ada", digest); fault.Code(err) != "planChanged" || len(w.sent) != 0 {
		t.Errorf("the world moved: %+v, %v", report, err)
	}
	delete(w.shared, "z")
	for range 2 {
		report, err := ask("ada", digest)
		if err != nil || !report.Complete || !slices.Equal(report.Approved, []string{"bob", "ada"}) || len(w.sent) != 1 {
			t.Errorf("by another one: %+v, %v, sent %v", report, err, w.sent)
		}
	}
	if _, _, ok := plan.Waiting(w.entries, w.now()); ok {
		t.Error("it waits although it was carried out")
	}
}
