package change_test

import (
	"errors"
	"fmt"
	"testing"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// grant is a plan that gives and takes access.
func grant() plan.Plan {
	why := []image.Reason{{Code: "asked", Sentence: "asked for"}}
	return plan.Plan{Target: "t", Base: plan.Facts{"2": "shared"}, Steps: []plan.Step{
		{Action: "add", Subject: "1", Sets: plan.Facts{"1": "shared"}, Reasons: why},
		{Action: "remove", Subject: "2", Sets: plan.Facts{"2": ""}, Reasons: why},
		{Action: "keep", Subject: "3", Reasons: why},
	}}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	p := grant()
	out := change.PlanOf(p, plan.Step.Name)
	if out.Digest != p.Digest() || out.Changes != 2 || !out.Applicable || fmt.Sprint(out.Steps) != "[add 1 remove 2 keep 3]" || out.Base["2"] != "shared" {
		t.Errorf("%+v", out)
	}
	p.Steps[0].Refused = true
	if out := change.PlanOf(p, plan.Step.Name); out.Applicable || out.Changes != 1 {
		t.Errorf("refused: %+v", out)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	of := func(s plan.Step) (image.AccountID, bool) { return image.AccountID(s.Subject), s.Action == "add" }
	for name, c := range map[string]struct {
		limits change.Limits
		want   fault.Kind
	}{
		"within":           {change.Limits{Max: 2}, ""},
		"too many":         {change.Limits{Max: 1}, fault.Precondition},
		"takes":            {change.Limits{Max: 2, AddsOnly: true}, fault.Precondition},
		"its accounts":     {change.Limits{Max: 2, Accounts: []image.AccountID{"1", "2"}}, ""},
		"another account":  {change.Limits{Max: 2, Accounts: []image.AccountID{"1"}}, fault.Precondition},
		"many, of a few":   {change.Limits{Max: 1, Accounts: []image.AccountID{"1", "2"}}, fault.Precondition},
		"kept are no harm": {change.Limits{Max: 2, Accounts: []image.AccountID{"2", "1", "9"}}, ""},
	} {
		if err := c.limits.Within(grant(), of); fault.Of(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	busy := function.Call{RequestID: "r"}.Problem(fault.New(fault.Unavailable, "later").WithCode("busy"))
	for n, c := range []struct {
		problem  *function.Problem
		complete *bool
		want     int
	}{{nil, nil, 200}, {nil, &yes, 200}, {nil, &no, 207}, {busy, &no, 503}} {
		if got := change.Status(c.problem, c.complete); got != c.want {
			t.Errorf("%d: %d, want %d", n, got, c.want)
		}
	}
}

func TestBy(t *testing.T) {
	t.Parallel()
	for want, call := range map[string]function.Call{
		"https://id ada": {Source: function.SourceHTTP, Caller: function.Caller{Subject: "ada", Issuer: "https://id"}},
		"system":         {Source: function.SourceDirect, Caller: function.Caller{Subject: "system"}},
		"timer":          {Source: function.SourceTimer, Caller: function.Caller{Subject: "system"}},
	} {
		if got := change.By(call); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTwoPeople(t *testing.T) {
	t.Parallel()
	for value, right := range map[string]bool{"": true, "share": true, "share,cleanup": true, "shares": false, "share,share": false} {
		got, err := function.Configure[change.TwoPeople](func(string) (string, bool) { return value, true })
		if (err == nil) != right || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", value, err)
		}
		if right && got.Of("share") != (value != "") {
			t.Errorf("%q: %v", value, got.Of("share"))
		}
	}
}

func ExampleStatus() {
	complete := false
	fmt.Println(change.Status(nil, &complete), change.Status(nil, nil))
	// Output: 207 200
}
