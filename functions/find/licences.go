package main

import (
	"cmp"
	"context"
	"slices"

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
	// open opens all that is configured, where all is nil yet.
	open func() (*survey.Survey, error)
	// classes are whether licences are charged for, where the listing does not tell.
	classes map[selection.Key]selection.Class
}

// pricer is one for an answer to a call.
func (h handler) pricer(ctx context.Context, call function.Call, age places.Age) *pricer {
	return &pricer{
		h: h, told: map[lineage.Key]pricing.Licence{}, classes: map[selection.Key]selection.Class{},
		open: func() (*survey.Survey, error) { return h.look().At(ctx, call, survey.Within{}, age) },
	}
}

// everything is all that is configured: a source may be anywhere.
func (p *pricer) everything() (*survey.Survey, error) {
	if p.all == nil {
		all, err := p.open()
		if err != nil {
			return nil, err
		}
		p.all = all
	}
	return p.all, nil
}

// settle finds out the classes of images that are shown. What could not be read of
// where they come from is told for those of which it is not known.
func (p *pricer) settle(ctx context.Context, shown []selection.Sighting) []image.Unread {
	unclear := slices.DeleteFunc(slices.Clone(shown), func(s selection.Sighting) bool { return !selection.Unclear(s.Image) })
	if len(unclear) == 0 {
		return nil
	}
	found, unread := p.Classes(ctx, unclear)
	for _, class := range found {
		if class.Licence == selection.UnknownLicence {
			return unread
		}
	}
	return nil
}

// Classes tells of images whose listing does not whether their licence is charged
// for, as price would.
func (p *pricer) Classes(ctx context.Context, sightings []selection.Sighting) (map[selection.Key]selection.Class, []image.Unread) {
	images := make([]image.Image, len(sightings))
	for n, s := range sightings {
		images[n] = *s.Image
	}
	found, unread := p.h.classes.Of(ctx, p.everything, images, p.h.now())
	for n, class := range found {
		said := map[pricing.Charged]selection.Licence{pricing.IsCharged: selection.Paid, pricing.NotCharged: selection.Free}[class.Charged]
		p.classes[selection.Key{Region: images[n].Region, ID: images[n].ID}] = selection.Class{Licence: cmp.Or(said, selection.UnknownLicence), Why: class.Why}
	}
	return p.classes, unread
}

// class is whether the licence of an image is charged for, and why.
func (p *pricer) class(s selection.Sighting) (selection.Licence, []image.Reason) {
	if found, ok := p.classes[selection.Key{Region: s.Region, ID: s.ID}]; ok {
		return found.Licence, found.Why
	}
	return selection.LicenceOf(s.Image)
}

// pricing opens what a query looks at and, if it goes by what licences cost, all
// that is configured: a source may be anywhere.
func (h handler) pricing(ctx context.Context, call function.Call, in places.Where, f filter, sort selection.Order) (*survey.Survey, *pricer, error) {
	p := h.pricer(ctx, call, in.Age)
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
