package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/work"
)

// postImport plans an import, or begins it.
func (h handler) postImport(ctx context.Context, call function.Call, in importInput) (works.Answer[stepOut, itemOut], error) {
	s, err := h.session(call)
	if err != nil {
		return works.Answer[stepOut, itemOut]{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.plan(ctx, in.Wish) }
	return h.kind().Post(ctx, call, in.Request, works.Wish{Empty: works.Nothing(in.Wish), Plan: planning})
}

// plan looks at everything that a wish depends on, and plans. An import of the same
// source and wish that ended without all of it is gone on with, as another plan.
func (s *session) plan(ctx context.Context, w importing.Wish) (work.Document, error) {
	opened, err := s.look(ctx)
	if err != nil {
		return work.Document{}, err
	}
	if w.Region == "" {
		w.Region = image.RegionID(s.call.Region)
	}
	if w.Account == "" {
		w.Account = opened.Home()
	}
	if err := w.Validate(); err != nil {
		return work.Document{}, err
	}
	a, err := s.in(ctx, w.Account)
	if err != nil {
		return work.Document{}, opened.Missing("account", string(w.Account))
	}
	o := importing.Observe(ctx, opened, importing.Ports{Store: s.objects(s.call), Limits: a.making, Prefixes: s.config.Sources, Storage: storageRate}, w)
	o.Now = s.now().UTC()
	planned, err := importing.Plan(w, o, "")
	if err != nil {
		return work.Document{}, err
	}
	before, err := s.imports().Get(ctx, planned.ID)
	switch {
	case errors.Is(err, fault.NotFound):
	case err != nil:
		return work.Document{}, err
	case before.State == work.Failed || before.State == work.Aborted || before.State == work.Partly:
		if planned, err = importing.Plan(w, o, before.Digest); err != nil {
			return work.Document{}, err
		}
	}
	return s.document(planned, o)
}

// document is a plan as it is approved, with what is shown beside it.
func (s *session) document(p importing.Planned, o importing.Observed) (work.Document, error) {
	totals, err := json.Marshal(totalsOut{Cost: o.Cost})
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the totals of a plan cannot be written as JSON")
	}
	shown, err := json.Marshal(works.Shown{Findings: p.Findings, Totals: totals, Unknown: s.survey.Unread()})
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the findings of a plan cannot be written as JSON")
	}
	wish, err := json.Marshal(p.Wish)
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "a wish cannot be written as JSON")
	}
	return work.Document{ID: p.ID, At: o.Now, Plan: p.Plan.Stored(), Wish: wish, Shown: shown}, nil
}

// storageRate is what a GiB of snapshots costs a month, as the vendor publishes it;
// nil where that is not known.
func storageRate(in image.RegionID, currency string) *big.Rat {
	var found *big.Rat
	for _, r := range pricing.Published().All() {
		fits := r.Item == pricing.SnapshotStorage && r.Category == pricing.Standard && r.Basis == pricing.PerGB && r.Unit == pricing.Month &&
			string(r.Price.Currency()) == currency
		switch {
		case fits && r.Region == in:
			return r.Price.Rat()
		case fits && r.Default:
			found = r.Price.Rat()
		}
	}
	return found
}
