package selection

import (
	"cmp"
	"context"
	"fmt"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Pricer knows what licences cost.
type Pricer interface {
	// Costs tells of each image what its licence costs for an hour of an instance
	// of the type, whose facts are in types. images are those that fit a query
	// otherwise, the newest first.
	Costs(ctx context.Context, images []Sighting, instanceType image.InstanceTypeID, types Types) Costs
	// Classes tells of images whose listing does not whether their licence is charged
	// for, by what they were made from; and what could not be read.
	Classes(ctx context.Context, images []Sighting) (map[Key]Class, []image.Unread)
}

// Costs are what licences cost.
type Costs struct {
	// Currency is the one that a query's MaxLicence is in.
	Currency money.Currency
	// Of has one for each image, in their order.
	Of []Cost
	// Unread is what could not be read; the costs may not be known because of it.
	Unread []image.Unread
}

// Cost is what one licence costs for an hour. The zero value is not known.
type Cost struct {
	// Amount is nil where it is not known; then Why says why not.
	Amount *money.Amount
	Why    image.Reason
}

// price finds out what the licences of those cost that fit q otherwise. Whoever
// does not fit is not priced.
func (o *Observed) price(ctx context.Context, p Pricer, q Query) {
	otherwise := q
	otherwise.MaxLicence, otherwise.Order, otherwise.Explain = nil, NewestFirst, false
	fit, _ := NewJudge(otherwise, o.Types).knowing(*o).Sort(Merge(o.Glimpses))
	sightings := make([]Sighting, len(fit))
	for n, v := range fit {
		sightings[n] = v.Sighting
	}
	o.Currency, o.Costs = "", make(map[Key]*Cost, len(fit))
	if p == nil {
		return
	}
	costs := p.Costs(ctx, sightings, q.InstanceType, o.Types)
	for n := range min(len(fit), len(costs.Of)) {
		o.Costs[Key{fit[n].Region, fit[n].ID}] = &costs.Of[n]
	}
	o.Currency = costs.Currency
	o.Unread = image.AllUnread(o.Unread, costs.Unread)
}

// costRules are about what the licence costs. They are asked last: only what fits
// otherwise was priced.
func costRules() []rule {
	asked := func(q *Query) bool { return q.MaxLicence != nil }
	known := func(j *Judge, s *Sighting) (money.Amount, bool) {
		c := j.costOf(s)
		return amountOf(c), c != nil && c.Amount != nil
	}
	return []rule{
		{
			no: "licenceCostUnknown", asked: asked, last: true,
			objects: func(j *Judge, s *Sighting) bool { _, ok := known(j, s); return !ok },
			saysNo: func(j *Judge, s *Sighting) string {
				why := "nobody told"
				if c := j.costOf(s); c != nil && c.Why.Sentence != "" {
					why = c.Why.Sentence
				}
				return fmt.Sprintf("what its licence costs on %s is not known, and not known is not a match: %s", j.query.InstanceType, why)
			},
		},
		{
			no: "licenceInOtherCurrency", asked: asked, last: true,
			objects: func(j *Judge, s *Sighting) bool { a, ok := known(j, s); return ok && a.Currency() != j.currency },
			saysNo: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("its licence costs %s an hour, which does not compare with what is asked in %s", amountOf(j.costOf(s)), j.currency)
			},
		},
		{
			no: "licenceTooDear", yes: "licenceWithinMax", asked: asked, last: true,
			objects: func(j *Judge, s *Sighting) bool {
				a, ok := known(j, s)
				return ok && a.Currency() == j.currency && a.Rat().Cmp(j.query.MaxLicence) > 0
			},
			saysNo: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("its licence costs %s an hour on %s, more than %s", amountOf(j.costOf(s)), j.query.InstanceType, j.most())
			},
			saysYes: func(j *Judge, s *Sighting) string {
				return fmt.Sprintf("its licence costs %s an hour on %s, not more than %s", amountOf(j.costOf(s)), j.query.InstanceType, j.most())
			},
		},
	}
}

// costOf is what the licence of s costs; nil if it was not priced.
func (j *Judge) costOf(s *Sighting) *Cost { return j.costs[Key{s.Region, s.ID}] }

// most is what a licence may cost.
func (j *Judge) most() money.Amount { return money.New(j.query.MaxLicence, j.currency) }

// amountOf is an amount that is known, else no money.
func amountOf(c *Cost) money.Amount {
	if c == nil || c.Amount == nil {
		return money.Amount{}
	}
	return *c.Amount
}

// compareCosts puts what is not known last, and else goes by currency and amount,
// in the direction that sign gives.
func compareCosts(a, b *Cost, sign int) int {
	known := func(c *Cost) bool { return c != nil && c.Amount != nil }
	switch {
	case known(a) && known(b):
		x, y := *a.Amount, *b.Amount
		return cmp.Or(cmp.Compare(x.Currency(), y.Currency()), sign*money.Compare(x, y))
	case known(a):
		return -1
	case known(b):
		return 1
	}
	return 0
}
