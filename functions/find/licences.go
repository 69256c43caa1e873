package main

import (
	"context"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// pricer prices the licences of one answer.
type pricer struct {
	h    handler
	all  *survey.Survey
	told map[lineage.Key]pricing.Licence
}

// pricing opens what a query looks at and, if it goes by what licences cost, all
// that is configured: a source may be anywhere.
func (h handler) pricing(ctx context.Context, call function.Call, in places.Where, f filter, sort selection.Order) (*survey.Survey, *pricer, error) {
	p := &pricer{h: h, told: map[lineage.Key]pricing.Licence{}}
	if costs := f.MaxLicence != nil || sort == selection.CheapestFirst || sort == selection.DearestFirst; !costs {
		here, err := h.look().At(ctx, call, in.Within(), in.Age)
		return here, p, err
	}
	all, here, err := h.look().Both(ctx, call, in)
	p.all = all
	return here, p, err
}

// licence is what the licence of an image costs; nil if that was not asked.
func (p *pricer) licence(region image.RegionID, id image.ID) *quoting.Licence {
	if p == nil {
		return nil
	}
	priced, ok := p.told[lineage.Key{Region: region, ID: id}]
	if !ok {
		return nil
	}
	return quoting.NewLicence(priced)
}

// Costs prices images for selection, and remembers how.
func (p *pricer) Costs(ctx context.Context, images []selection.Sighting, instanceType image.InstanceTypeID, types selection.Types) selection.Costs {
	subjects := make([]pricing.Subject, len(images))
	for n, s := range images {
		subjects[n] = pricing.Subject{
			Image: *s.Image, Account: s.Account, Instance: pricing.InstanceOf(instanceType, types[s.Region].VCPUs),
		}
	}
	if len(subjects) == 0 {
		return selection.Costs{}
	}
	priced := p.h.prices().Licences(ctx, p.all, subjects)
	costs := selection.Costs{Currency: priced.Currency, Of: make([]selection.Cost, len(images)), Unread: priced.Unread}
	for n, l := range priced.Of {
		p.told[lineage.KeyOf(images[n].Ref)] = l
		costs.Of[n] = selection.Cost{Amount: l.Amount}
		if why := l.Unknown(); len(why) > 0 {
			costs.Of[n].Why = why[0]
		}
	}
	return costs
}
