package main

import (
	"context"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// selected prices the licences of one answer; all may be nil until it is needed.
func (h handler) selected(ctx context.Context, call function.Call, age places.Age, all *survey.Survey) *quoting.Selected {
	return quoting.NewSelected(h.prices(), h.classes, all, func() (*survey.Survey, error) { return h.look().At(ctx, call, survey.Within{}, age) })
}

// pricing opens what a query looks at and, if it goes by what licences cost, all
// that is configured: a source may be anywhere.
func (h handler) pricing(ctx context.Context, call function.Call, in places.Where, f filter, sort selection.Order) (*survey.Survey, *quoting.Selected, error) {
	if costs := f.MaxLicence != nil || sort == selection.CheapestFirst || sort == selection.DearestFirst; !costs {
		here, err := h.look().At(ctx, call, in.Within(), in.Age)
		return here, h.selected(ctx, call, in.Age, nil), err
	}
	all, here, err := h.look().Both(ctx, call, in)
	return here, h.selected(ctx, call, in.Age, all), err
}
