package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
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
	opened, a, err := s.within(ctx, &w.Region, &w.Account)
	if err != nil {
		return work.Document{}, err
	}
	if err := w.Validate(); err != nil {
		return work.Document{}, err
	}
	if err := known(opened, w); err != nil {
		return work.Document{}, err
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
	return s.document(outline{planned.ID, planned.Plan, planned.Wish, planned.Findings, totalsOut{Cost: o.Cost}})
}

// known fails for a region of a release that is not looked at.
func known(opened *survey.Survey, w importing.Wish) error {
	if w.Release == nil {
		return nil
	}
	for n, region := range w.Release.Regions {
		if err := opened.Knows(fmt.Sprintf("release.regions[%d]", n), region); err != nil {
			return err
		}
	}
	return nil
}

// outline is a plan with what is kept and shown beside it.
type outline struct {
	// id of the work; empty: by its digest.
	id       string
	plan     plan.Plan
	wish     any
	findings []image.Finding
	// totals is what it comes to; nil: nothing is told.
	totals any
}

// document is a plan as it is approved.
func (s *session) document(d outline) (work.Document, error) {
	shown := works.Shown{Findings: d.findings, Unknown: s.survey.Unread()}
	var errTotals error
	if d.totals != nil {
		shown.Totals, errTotals = json.Marshal(d.totals)
	}
	beside, errShown := json.Marshal(shown)
	wish, errWish := json.Marshal(d.wish)
	if err := errors.Join(errTotals, errShown, errWish); err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "a plan cannot be written as JSON")
	}
	return work.Document{ID: d.id, At: s.now().UTC(), Plan: d.plan.Stored(), Wish: wish, Shown: beside}, nil
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
