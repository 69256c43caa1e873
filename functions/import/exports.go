package main

import (
	"context"
	"errors"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/work"
)

// exportInput is a wish, and perhaps the word to carry it out.
type exportInput struct {
	importing.Export
	works.Request
}

// OnlyApproves: what others proposed, by its digest.
func (in exportInput) OnlyApproves() bool { return in.Apply != nil && works.Nothing(in.Export) }

// exporting is how exports are told.
func (h handler) exporting() works.Kind[exportStepOut, exportItemOut] {
	return works.Kind[exportStepOut, exportItemOut]{
		Name: "exports", Role: function.Operator, Step: newExportStep, Item: newExportItem, Notices: h.told, Runner: h.runs((*session).exports),
	}
}

// exports carries exports.
func (s *session) exports() work.Runner {
	return s.runner("exports", importing.Exports{Cloud: func(ctx context.Context, id image.AccountID) (importing.Exporter, error) {
		a, err := s.in(ctx, id)
		return a.making, err
	}})
}

// postExport plans an export, or begins it.
func (h handler) postExport(ctx context.Context, call function.Call, in exportInput) (works.Answer[exportStepOut, exportItemOut], error) {
	s, err := h.session(call)
	if err != nil {
		return works.Answer[exportStepOut, exportItemOut]{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.planExport(ctx, in.Export) }
	return h.exporting().Post(ctx, call, in.Request, works.Wish{Empty: works.Nothing(in.Export), Plan: planning})
}

// planExport looks at the image and plans. The same export that has ended is made
// again by another plan.
func (s *session) planExport(ctx context.Context, w importing.Export) (work.Document, error) {
	opened, a, err := s.within(ctx, &w.Region, &w.Account)
	if err != nil {
		return work.Document{}, err
	}
	o, last := importing.ObserveExport(ctx, opened, importing.Ports{Store: s.objects(s.call), Limits: a.making, Journal: s.config.Journal.Bucket}, w), ""
	for {
		p, findings, err := importing.PlanExport(w, o, last)
		if err != nil {
			return work.Document{}, err
		}
		before, err := s.exports().Get(ctx, work.IDOf(p.Digest()))
		if err == nil && before.State.Ended() {
			last = before.Digest
			continue
		}
		if err != nil && !errors.Is(err, fault.NotFound) {
			return work.Document{}, err
		}
		return s.document(outline{plan: p, wish: w, findings: findings, totals: exportTotals(o)})
	}
}

// exportTotals is what an export comes to: what of the image is known.
func exportTotals(o importing.ExportSeen) exportTotalsOut {
	if o.Image == nil {
		return exportTotalsOut{}
	}
	return exportTotalsOut{Images: 1, SizeGiB: o.Image.SizeGiB}
}

// workReport is what a tick did, by kind.
type workReport struct {
	Imports work.Report `json:"imports"`
	Exports work.Report `json:"exports"`
}

// carry carries imports and exports on, side by side.
func (h handler) carry(ctx context.Context, call function.Call, tick function.Tick) (workReport, error) {
	var report workReport
	failures := make([]error, 2)
	var group fanout.Group
	group.Go(func() { report.Imports, failures[0] = h.kind().Worker(ctx, call, tick) })
	group.Go(func() { report.Exports, failures[1] = h.exporting().Worker(ctx, call, tick) })
	group.Wait()
	return report, errors.Join(failures...)
}
