package plan_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// anyPlan draws a plan about one target.
func anyPlan(target string) *rapid.Generator[plan.Plan] {
	return rapid.Custom(func(t *rapid.T) plan.Plan {
		p := plan.Plan{Target: target, Base: plan.Facts{"status": "Available"}}
		for _, a := range accounts().Draw(t, "base") {
			p.Base["account/"+a] = "shared"
		}
		for _, a := range accounts().Draw(t, "steps") {
			s := plan.Step{Action: rapid.SampledFrom([]string{"add", "keep", "refuse"}).Draw(t, "action"), Subject: a, Reasons: []image.Reason{{Code: "because"}}}
			if s.Action == "add" {
				s.Sets = plan.Facts{"account/" + a: "shared"}
			}
			s.Refused = s.Action == "refuse"
			p.Steps = append(p.Steps, s)
		}
		return p
	})
}

func TestPartsAreWhatWasJoined(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var parts []plan.Plan
		for n := range rapid.IntRange(1, 4).Draw(t, "parts") {
			parts = append(parts, anyPlan(fmt.Sprintf("share/1/region-%d/m-%d", n, n)).Draw(t, "part"))
		}
		joined := plan.Join("together", parts...)
		got := joined.Parts()
		if len(got) != len(parts) {
			t.Fatalf("%d parts, want %d", len(got), len(parts))
		}
		changes := 0
		for n, part := range parts {
			if got[n].Target != part.Target || got[n].Digest() != part.Digest() {
				t.Fatalf("part %d: %+v, want %+v", n, got[n], part)
			}
			changes += len(part.Changes())
		}
		if len(joined.Changes()) != changes {
			t.Fatalf("%d changes, want %d", len(joined.Changes()), changes)
		}
	})
}

func TestAPlanThatWasNotJoinedHasNoParts(t *testing.T) {
	t.Parallel()
	p := newWorld("a").want("b")
	if parts := p.Parts(); len(parts) != 0 {
		t.Errorf("got %+v", parts)
	}
	if target, own := p.Steps[0].Part(); target != "" || own.Name() != p.Steps[0].Name() {
		t.Errorf("got %q, %+v", target, own)
	}
}

func ExampleJoin() {
	p := plan.Join("both", newWorld("a").want("b"))
	target, own := p.Steps[0].Part()
	fmt.Println(p.Steps[0].Name(), "is", own.Name(), "of", target)
	// Output: add share m-1|b is add b of share m-1
}
