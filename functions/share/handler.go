package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// handler is built once and only read afterwards.
type handler struct {
	config config
	// rates are what licences cost.
	rates pricing.Rates
	// accounts are those to work in, our own first.
	accounts func(call function.Call) []account
	// journal is where this call's changes are recorded, and what is kept beside.
	journal func(call function.Call) (*journal.Journal, journal.Documents, error)
	// told are those who hear of what ends; nil: nobody does.
	told *notices.Notices
	// recent is what this process remembers of regions.
	recent *survey.Recent
	now    func() time.Time
	// pause waits; it ends early with the context's error.
	pause func(ctx context.Context, d time.Duration) error
}

// open reads the configuration and wires share to Alibaba Cloud.
func open(look function.Lookup) (*function.Function, error) {
	config, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	as, err := places.Open("share", look, config.Places, config.Scaling, config.Trail)
	if err != nil {
		return nil, err
	}
	store, err := ledger.OpenStore(config.Journal, config.Storage, as)
	if err != nil {
		return nil, err
	}
	rates, err := config.Table(os.ReadFile)
	if err != nil {
		return nil, err
	}
	told, err := config.Notices.Open(name, look, os.ReadFile)
	if err != nil {
		return nil, err
	}
	h := handler{config: config, told: told, rates: rates, accounts: owners(as), journal: store.Open, recent: survey.NewRecent(), now: time.Now, pause: function.Pause}
	return h.function(), nil
}

// function returns the operations.
func (h handler) function() *function.Function {
	own, applied := []fault.Kind{fault.NotFound}, []int{http.StatusOK, http.StatusAccepted, http.StatusMultiStatus}
	headers := map[string]string{"Location": "Where to look, when another one has to approve"}
	return function.New("share",
		function.Handle(function.Spec{
			Name: "share.get", Pattern: "GET /shares/{imageId}", Role: function.Viewer,
			Summary: "Which accounts may use an image, until when, why, and who said so",
			Fails:   []fault.Kind{fault.NotFound, fault.Precondition},
		}, h.get),
		function.Handle(function.Spec{
			Name: "share.put", Pattern: "PUT /shares/{imageId}", Role: function.Viewer, ApplyRole: function.Operator,
			Summary: "Make the accounts that may use an image exactly this list: plan, or apply a plan by its digest",
			Success: applied, Fails: own, Tells: fault.Kinds(), Headers: headers,
		}, h.put),
		function.Handle(function.Spec{
			Name: "share.patch", Pattern: "PATCH /shares/{imageId}", Role: function.Viewer, ApplyRole: function.Operator,
			Summary: "Add and remove accounts that may use an image: plan, or apply a plan by its digest",
			Success: applied, Fails: own, Tells: fault.Kinds(), Headers: headers,
		}, h.patch),
		function.OnTimer("*", h.expire), // called expiry in s.yaml; elsewhere the platform names it
	).With(places.Rules()...)
}

func (h handler) put(ctx context.Context, call function.Call, in putInput) (answer, error) {
	wish, err := in.wish(h.now(), h.config.policy())
	if err != nil {
		return answer{}, err
	}
	return h.change(ctx, call, in.changing, wish)
}

func (h handler) patch(ctx context.Context, call function.Call, in patchInput) (answer, error) {
	wish, err := in.wish(h.now(), h.config.policy())
	if err != nil {
		return answer{}, err
	}
	return h.change(ctx, call, in.changing, wish)
}

// change plans, and applies if it was asked to.
func (h handler) change(ctx context.Context, call function.Call, in changing, wish wish) (answer, error) {
	if in.Apply != nil && in.Apply.Limits != nil && call.Source == function.SourceHTTP {
		return answer{}, fault.New(fault.Forbidden, "limits are for automation that calls the function directly; over HTTP a plan is applied by its digest").WithCode("limitsNotAllowed")
	}
	s, err := h.session(ctx, call, in.subject)
	if err != nil {
		return answer{}, err
	}
	found, err := sharing.Locate(ctx, s.asked, in.ImageID)
	if err != nil {
		return answer{}, err
	}
	planning := s.single(found, wish)
	if in.Regions == "all" {
		if planning, err = s.joint(ctx, found, wish); err != nil {
			return answer{}, err
		}
	}
	if in.Apply == nil {
		p, err := planning.work.Plan(ctx)
		if err != nil {
			return answer{}, err
		}
		s.appraise(ctx, planning, p)
		return planning.planned(p), nil
	}
	return s.apply(ctx, planning, *in.Apply)
}

// apply carries a plan out. A conflict or a refused step is an answer with the
// plan as it is now, and so is what was done until it broke off, and what kept
// everything from being done.
func (s *session) apply(ctx context.Context, planning *planning, in applyInput) (answer, error) {
	request := plan.Request{Digest: in.Digest, By: change.By(s.call), Deadline: s.deadline, TwoPeople: s.config.Of("share")}
	if in.Limits != nil {
		request.ID = s.call.RequestID
		request.Within = func(p plan.Plan) error { return in.Limits.Within(p, changed) }
	}
	report, err := planning.work.Apply(ctx, request)
	if err != nil && report.Plan.Target == "" {
		return answer{}, err
	}
	if err == nil {
		err = report.Kept()
	}
	change.Log(s.call, "image", planning.asked.String(), report)
	if err != nil {
		return planning.refused(report, s.call.Problem(err)), nil
	}
	return planning.applied(report), nil
}

// changed is what a step is about, and whether it gives access.
func changed(s plan.Step) (image.AccountID, bool) {
	_, own := s.Part()
	return image.AccountID(own.Subject), own.Action == sharing.Add
}
