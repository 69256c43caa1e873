package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/usage"
	"imagekeeper/shared/work"
)

// answer is what becomes of a PUT or a PATCH: the plan, and what was done. A
// conflict or a refusal is a problem document that has the plan as it is now.
type answer struct {
	*function.Problem
	ImageID  image.ID       `json:"imageId"`
	RegionID image.RegionID `json:"regionId"`
	// AccountID owns the image.
	AccountID image.AccountID `json:"accountId"`
	// Applied: the plan was carried out, now or before, or some of it was.
	Applied bool `json:"applied"`
	// Complete: nothing of the plan is left, and a last look showed what was asked
	// for. Else the same digest goes on.
	Complete *bool `json:"complete,omitempty"`
	// State: awaitingApproval, where another one has to approve the same digest; until
	// ValidUntil.
	State work.State `json:"state,omitempty"`
	// ApprovedBy are those who approved, or who did until now.
	ApprovedBy []string `json:"approvedBy,omitempty"`
	// ValidUntil: until when another one can approve it.
	ValidUntil *time.Time `json:"validUntil,omitempty"`
	// Recorded: it was carried out before, and this is what came of it.
	Recorded bool                 `json:"recorded,omitempty"`
	Plan     change.Plan[stepOut] `json:"plan"`
	// Outcomes: what became of each step, when it was applied.
	Outcomes []sharing.Told `json:"outcomes,omitempty"`
	// Differences are what moved since the plan that was approved last, or was carried
	// out before; of what is not complete, how the last look differs from the goal.
	Differences []plan.Difference `json:"differences,omitempty"`
	// Unsure are images that may be copies, too, and were left out.
	Unsure []image.Reason `json:"unsure,omitempty"`
	// Unknown is what could not be read for the licences, or at the last look, and
	// what would cure it.
	Unknown []image.Unread `json:"unknown,omitempty"`
}

// HTTPStatus is that of a problem; else 202 if another one has to approve, 207 if
// only some of it was done, and 200.
func (a answer) HTTPStatus() int {
	switch {
	case a.Problem == nil && a.State != "":
		return http.StatusAccepted
	case a.Problem == nil && a.Complete != nil && !*a.Complete:
		return http.StatusMultiStatus
	}
	return a.Problem.HTTPStatus()
}

// HTTPHeader says that a problem is one, and where to look while another one has to
// approve.
func (a answer) HTTPHeader() http.Header {
	header := a.Problem.HTTPHeader()
	if a.State != "" {
		header.Set("Location", "/shares/"+string(a.ImageID))
	}
	return header
}

// stepOut is one step: about an account, or about the image as a whole.
type stepOut struct {
	// Action: add, extend, keep, remove, publish, unpublish or refuse.
	Action    string          `json:"action"`
	RegionID  image.RegionID  `json:"regionId"`
	ImageID   image.ID        `json:"imageId"`
	AccountID image.AccountID `json:"accountId,omitempty"`
	// Until: when the access ends; left out: never.
	Until    string           `json:"until,omitempty"`
	OnExpiry sharing.OnExpiry `json:"onExpiry,omitempty"`
	// Reason: why the account has access, for people.
	Reason string `json:"reason,omitempty"`
	// Reasons say why, for yes and for no.
	Reasons []image.Reason `json:"reasons"`
	// After are the steps, by action and account, that must be done before it.
	After []string `json:"after,omitempty"`
	// Use is what is known of the use of an account that would lose access.
	Use usage.Verdict `json:"use,omitempty"`
	// Breaks are the things that no longer work when it does.
	Breaks []usage.Use `json:"breaks,omitempty"`
	// Licence is what the account will pay for instances, where a plan gives or
	// renews access and was not carried out.
	Licence *pricing.DuesTold `json:"licence,omitempty"`
	// Doubts are why its use is not known, and Cures the permissions that would tell.
	Doubts []image.Reason `json:"doubts,omitempty"`
	// Cures: the permissions that would tell of its use.
	Cures []string `json:"cures,omitempty"`
}

// planned answers a plan.
func (j *planning) planned(p plan.Plan) answer {
	return answer{
		ImageID: j.asked.ID, RegionID: j.asked.Region, AccountID: j.asked.Account,
		Plan: change.PlanOf(p, j.stepOut), Unsure: j.unsure, Unknown: j.unread,
	}
}

// applied answers what came of a plan.
func (j *planning) applied(r plan.Report) answer {
	a := j.planned(r.Plan)
	a.ApprovedBy = r.Approved
	if r.Waits {
		a.State, a.ValidUntil = work.AwaitingApproval, &r.ValidUntil
		return a
	}
	a.Applied, a.Complete, a.Recorded = true, &r.Complete, r.Recorded
	a.Outcomes, a.Differences = j.outcomes(r), r.Differences
	if r.Unseen != nil {
		a.Unknown = append(a.Unknown, image.UnreadOf(j.asked.Account, j.asked.Region, "", r.Unseen))
	}
	return a
}

func (j *planning) outcomes(r plan.Report) []sharing.Told {
	steps := map[string]plan.Step{}
	for _, s := range r.Plan.Steps {
		steps[s.Name()] = s
	}
	var out []sharing.Told
	for _, o := range r.Outcomes {
		out = append(out, j.outcomeOut(o, steps[o.Step]))
	}
	return out
}

// refused answers why a plan was not carried out, with the plan as it is now; or
// why it broke off, with what was done and what is left.
func (j *planning) refused(r plan.Report, problem *function.Problem) answer {
	a := j.planned(r.Plan)
	if len(r.Outcomes) > 0 {
		left := false
		a.Applied, a.Complete, a.Outcomes = slices.ContainsFunc(r.Outcomes, plan.Outcome.Sent), &left, j.outcomes(r)
	}
	a.Problem = problem
	a.Differences = r.Differences
	return a
}

func (j *planning) stepOut(s plan.Step) stepOut {
	ref, target, own, account := sharing.About(s, j.asked)
	out := stepOut{
		Action: own.Action, RegionID: ref.Region, ImageID: ref.ID, AccountID: account,
		Until: own.Parameters["until"], OnExpiry: sharing.OnExpiry(own.Parameters["onExpiry"]), Reason: own.Parameters["reason"],
		Reasons: own.Reasons, After: own.After, Licence: j.licence(target, own.Action, account),
	}
	if c, looked := j.sight(target).consumers[account]; looked {
		out.Use, out.Breaks, out.Cures = c.Verdict, c.Uses, c.Cures
		if c.Verdict != usage.NotInUse {
			out.Doubts = slices.DeleteFunc(slices.Clone(c.Why), func(r image.Reason) bool { return r.Code == "used" })
		}
	}
	return out
}

// outcomeOut names the step of an outcome. One that was recorded before may be
// of a step that the plan of now does not have.
func (j *planning) outcomeOut(o plan.Outcome, s plan.Step) sharing.Told {
	if s.Action == "" {
		s.Action, s.Subject, _ = strings.Cut(o.Step, " ")
	}
	ref, _, own, account := sharing.About(s, j.asked)
	return sharing.Told{Action: own.Action, RegionID: ref.Region, ImageID: ref.ID, AccountID: account, Result: o.Result, Reason: o.Why, Permission: o.Permission}
}
