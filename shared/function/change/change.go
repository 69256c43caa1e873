// Package change is how every function that changes something tells it: plans, what
// keeps them from being applied, what came of them, and who approved. The words
// stand here once.
package change

import (
	"net/http"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Plan is a plan as callers see it, with steps as the function shows them.
type Plan[Step any] struct {
	// Digest: what this plan is applied by.
	Digest string `json:"digest"`
	// Changes is how many steps change something.
	Changes int `json:"changes"`
	// Applicable: no step is refused.
	Applicable bool `json:"applicable"`
	// Steps: what would be done, and what is kept or refused, with the reasons.
	Steps []Step `json:"steps"`
	// Base is the state of the world that the plan starts from.
	Base plan.Facts `json:"base"`
}

// PlanOf shows a plan, each step by show.
func PlanOf[Step any](p plan.Plan, show func(plan.Step) Step) Plan[Step] {
	out := Plan[Step]{Digest: p.Digest(), Changes: len(p.Changes()), Applicable: len(p.Refusals()) == 0, Steps: []Step{}, Base: p.Base}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, show(s))
	}
	return out
}

// Status is that of an answer to an apply that is done within the call: the
// problem's; else 207 if some of it is left, and 200. p and complete may be nil.
func Status(p *function.Problem, complete *bool) int {
	switch {
	case p != nil:
		return p.Status
	case complete != nil && !*complete:
		return http.StatusMultiStatus
	}
	return http.StatusOK
}

// Limits bound a plan that nobody has seen, for automation that may call directly.
type Limits struct {
	AddsOnly bool `json:"addsOnly" doc:"Only accounts that get access; nothing else changes"`
	Max      int  `json:"max" validate:"required,min=1,max=50" doc:"How many steps may change something"`
	// Accounts are the only ones it may change something about.
	Accounts []image.AccountID `json:"accounts" validate:"max=200,dive,accountid" doc:"The only accounts it may change something about; left out: any"`
}

// Within fails with fault.Precondition, "beyondLimits", for a plan that does more
// than the limits allow. of tells what a step is about and whether it gives access.
func (l Limits) Within(p plan.Plan, of func(plan.Step) (account image.AccountID, adds bool)) error {
	changes := p.Changes()
	for _, s := range changes {
		account, adds := of(s)
		if l.AddsOnly && !adds {
			return beyond("the plan does more than add: %s", s.Name())
		}
		if len(l.Accounts) > 0 && !slices.Contains(l.Accounts, account) {
			return beyond("the plan changes something else than the accounts of the limits: %s", s.Name())
		}
	}
	if len(changes) > l.Max {
		return beyond("the plan changes %d things, and the limit is %d", len(changes), l.Max)
	}
	return nil
}

func beyond(format string, args ...any) error {
	return fault.New(fault.Precondition, format, args...).WithCode("beyondLimits")
}

// By names who calls, as approvals and logs have it: the issuer and the subject of a
// token; all direct calls are one.
func By(call function.Call) string {
	switch {
	case call.Source == function.SourceTimer:
		return "timer"
	case call.Caller.Issuer != "":
		return call.Caller.Issuer + " " + call.Caller.Subject
	}
	return call.Caller.Subject
}

// TwoPeople is the configuration of which functions' applies need a second person.
type TwoPeople struct {
	// FourEyes are the functions whose applies need two people.
	FourEyes []string `env:"FOUR_EYES" validate:"unique,dive,oneof=share import replace-disk cleanup"`
}

// Of reports whether those of a function do.
func (t TwoPeople) Of(function string) bool { return slices.Contains(t.FourEyes, function) }

// Log writes a line for each step that was not done, and for what differs; the line
// of the event has the digest and the counts. kind and subject are what it is about.
func Log(call function.Call, kind, subject string, r plan.Report) {
	for _, o := range r.Outcomes {
		if o.Why != nil && !o.Done() {
			call.Log.Warn("not done", kind, subject, "digest", r.Plan.Digest(), "step", o.Step, "result", string(o.Result), "code", o.Why.Code, "permission", o.Permission)
		}
	}
	for _, d := range r.Differences {
		call.Log.Warn("differs", kind, subject, "digest", r.Plan.Digest(), "fact", d.Fact, "was", d.Was, "is", d.Is)
	}
}
