package quoting

import (
	"cmp"
	"context"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// Selected tells a selection of images what their licences cost, and remembers it for
// the answer.
type Selected struct {
	prices Prices
	known  *Classes
	all    *survey.Survey
	open   func() (*survey.Survey, error)
	told   map[lineage.Key]pricing.Licence
	// classes are whether licences are charged for, where the listing does not tell.
	classes map[selection.Key]selection.Class
}

// NewSelected is for one answer. all is everything that is configured, because a
// source may be anywhere; where it is nil, open opens it when it is needed.
func NewSelected(prices Prices, known *Classes, all *survey.Survey, open func() (*survey.Survey, error)) *Selected {
	return &Selected{prices: prices, known: known, all: all, open: open, told: map[lineage.Key]pricing.Licence{}, classes: map[selection.Key]selection.Class{}}
}

// everything is all that is configured.
func (p *Selected) everything() (*survey.Survey, error) {
	if p.all == nil {
		all, err := p.open()
		if err != nil {
			return nil, err
		}
		p.all = all
	}
	return p.all, nil
}

// Settle finds out the classes of images that are shown. What could not be read of
// where they come from is told for those of which it is not known.
func (p *Selected) Settle(ctx context.Context, shown []selection.Sighting) []image.Unread {
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
func (p *Selected) Classes(ctx context.Context, sightings []selection.Sighting) (map[selection.Key]selection.Class, []image.Unread) {
	images := make([]image.Image, len(sightings))
	for n, s := range sightings {
		images[n] = *s.Image
	}
	found, unread := p.known.Of(ctx, p.everything, images, p.prices.Now())
	for n, class := range found {
		said := map[pricing.Charged]selection.Licence{pricing.IsCharged: selection.Paid, pricing.NotCharged: selection.Free}[class.Charged]
		p.classes[selection.Key{Region: images[n].Region, ID: images[n].ID}] = selection.Class{Licence: cmp.Or(said, selection.UnknownLicence), Why: class.Why}
	}
	return p.classes, unread
}

// Class is whether the licence of an image is charged for, and why.
func (p *Selected) Class(s selection.Sighting) (selection.Licence, []image.Reason) {
	if found, ok := p.classes[selection.Key{Region: s.Region, ID: s.ID}]; ok {
		return found.Licence, found.Why
	}
	return selection.LicenceOf(s.Image)
}

// Licence is what the licence of an image costs; nil if that was not asked.
func (p *Selected) Licence(region image.RegionID, id image.ID) *Licence {
	priced, ok := p.told[lineage.Key{Region: region, ID: id}]
	if !ok {
		return nil
	}
	return NewLicence(priced)
}

// Costs prices images for selection, and remembers how.
func (p *Selected) Costs(ctx context.Context, images []selection.Sighting, instanceType image.InstanceTypeID, types selection.Types) selection.Costs {
	subjects := make([]pricing.Subject, len(images))
	for n, s := range images {
		subjects[n] = pricing.Subject{
			Image: *s.Image, Account: s.Account, Instance: pricing.InstanceOf(instanceType, types[s.Region].VCPUs),
		}
	}
	if len(subjects) == 0 {
		return selection.Costs{}
	}
	priced := p.prices.Licences(ctx, p.all, subjects)
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
