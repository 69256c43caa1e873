package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// applyInput asks to carry a plan out.
type applyInput struct {
	Digest string `json:"digest" validate:"required,digest" doc:"The digest of the plan that was seen"`
}

// doneOut is what a plan that is carried out within the call is answered with.
type doneOut struct {
	*function.Problem
	// State: awaitingApproval, another one has to approve it.
	State work.State `json:"state,omitempty"`
	// ApprovedBy are those who approved it, "<issuer> <subject>" each.
	ApprovedBy []string `json:"approvedBy,omitempty"`
	// ValidUntil is until when another one can approve it.
	ValidUntil *time.Time `json:"validUntil,omitempty"`
	// Applied: it was carried out, or a part of it.
	Applied bool `json:"applied"`
	// Complete: all of it is done, and shows.
	Complete *bool `json:"complete,omitempty"`
	// Recorded: it was done before, and these are its outcomes.
	Recorded bool                   `json:"recorded,omitempty"`
	Plan     change.Plan[changeOut] `json:"plan"`
	// Outcomes: what came of each change.
	Outcomes []outcomeOut `json:"outcomes,omitempty"`
	// Differences are what moved since the plan that was approved.
	Differences []plan.Difference `json:"differences,omitempty"`
}

// HTTPStatus is 202 for what waits for another one, and else as for every change.
func (d doneOut) HTTPStatus() int {
	if d.State == work.AwaitingApproval && d.Problem == nil {
		return http.StatusAccepted
	}
	return change.Status(d.Problem, d.Complete)
}

// changeOut is one step of such a plan.
type changeOut struct {
	// Action: what is done, or keep, or refuse.
	Action string `json:"action"`
	// Subject: what it is done to.
	Subject string         `json:"subject"`
	Reasons []image.Reason `json:"reasons"`
}

// outcomeOut is what became of one step.
type outcomeOut struct {
	// Action: that of the step.
	Action string `json:"action"`
	// Subject: that of the step.
	Subject string        `json:"subject"`
	Result  plan.Result   `json:"result"`
	Reason  *image.Reason `json:"reason,omitempty"`
	// Permission is the action that was refused, as RAM names it, if that is why.
	Permission string `json:"permission,omitempty"`
}

func newChange(s plan.Step) changeOut { return changeOut{s.Action, s.Subject, s.Reasons} }

func newOutcome(o plan.Outcome) outcomeOut {
	action, subject, _ := strings.Cut(o.Step, " ")
	return outcomeOut{action, subject, o.Result, o.Why, o.Permission}
}

// done plans a change, or carries it out by the digest of its plan. A conflict or a
// refused step is an answer with the plan as it is now.
func (s *session) done(ctx context.Context, w plan.Work, apply *applyInput) (doneOut, error) {
	if apply == nil {
		p, err := w.Plan(ctx)
		return doneOut{Plan: change.PlanOf(p, newChange)}, err
	}
	report, err := w.Apply(ctx, plan.Request{Digest: apply.Digest, By: change.By(s.call), Deadline: s.deadline, TwoPeople: s.config.Of("import")})
	if err != nil && report.Plan.Target == "" {
		return doneOut{}, err
	}
	if err == nil {
		err = report.Kept()
	}
	out := doneOut{Plan: change.PlanOf(report.Plan, newChange), ApprovedBy: report.Approved, Differences: report.Differences}
	for _, o := range report.Outcomes {
		out.Outcomes = append(out.Outcomes, newOutcome(o))
	}
	switch {
	case err != nil:
		out.Problem, out.Applied = s.call.Problem(err), slices.ContainsFunc(report.Outcomes, plan.Outcome.Sent)
	case report.Waits:
		out.State, out.ValidUntil = work.AwaitingApproval, new(report.ValidUntil.UTC())
	default:
		out.Applied, out.Complete, out.Recorded = true, &report.Complete, report.Recorded
	}
	return out, nil
}

// doing adds what operations that are done within the call have in common.
func doing(s function.Spec) function.Spec {
	s.Role, s.ApplyRole = function.Viewer, function.Operator
	s.Success = []int{http.StatusOK, http.StatusAccepted, http.StatusMultiStatus}
	s.Fails, s.Tells = []fault.Kind{fault.NotFound}, fault.Kinds()
	return s
}
