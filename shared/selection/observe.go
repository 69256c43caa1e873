package selection

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/survey"
)

// Observed is what was seen, and what could not be.
type Observed struct {
	Glimpses []Glimpse
	Types    Types
	// Ours are the accounts that are looked at, opened or not: their images are not
	// a stranger's.
	Ours []image.AccountID
	// Costs are what licences cost, of images that were priced; Currency is that of
	// a query's MaxLicence.
	Costs    map[Key]*Cost
	Currency money.Currency
	// Classes are whether licences are charged for, as it was found out.
	Classes map[Key]Class
	// Read is in how many pairs of account and region everything asked was read.
	Read int
	// Unread names the rest, in order.
	Unread []image.Unread
}

// Blind reports that nothing could be read at all.
func (o Observed) Blind() bool {
	return o.Read == 0 && len(o.Glimpses) == 0 && len(o.Unread) > 0
}

// Observe asks all places of the survey at once. What cannot be read is remembered,
// not fatal: it fails only with fault.Invalid, when q names an instance type that
// does not exist there. q must be complete.
func Observe(ctx context.Context, s *survey.Survey, q Query) (Observed, error) {
	o := &observer{query: q, survey: s}
	o.seen.Types = make(Types)
	for _, a := range s.Accounts() {
		o.seen.Ours = append(o.seen.Ours, a.ID)
	}
	for _, u := range s.Unread() {
		o.seen.Ours = append(o.seen.Ours, u.Account)
	}
	asks := Plan(q, len(s.Accounts()))
	var named []survey.Sighting
	if len(q.IDs) > 0 {
		named = s.Find(ctx, q.IDs)
	}
	s.Each(func(p *survey.Place) { o.lookAt(ctx, p, asks, named) })
	return o.result()
}

// observer collects what many goroutines see.
type observer struct {
	query  Query
	survey *survey.Survey

	mu       sync.Mutex
	seen     Observed
	typeless int // places where the instance type does not exist
}

// lookAt asks one place: the instance type first, because nothing has to be listed
// where it does not exist, then all lists at once. named are the images that are
// asked for by id, which were looked for already.
func (o *observer) lookAt(ctx context.Context, p *survey.Place, asks []Ask, named []survey.Sighting) {
	if o.query.InstanceType != "" {
		exists, err := o.lookUpType(ctx, p)
		switch {
		case err != nil:
			return
		case !exists:
			o.keep(nil, true)
			return
		}
	}
	if len(o.query.IDs) > 0 {
		o.keep(o.named(ctx, p, named))
		return
	}
	o.keep(o.listed(ctx, p, asks))
}

// listed reads the lists of a place. A question of two halves is kept only whole:
// the first half alone would look as if ECS refused the instance type.
func (o *observer) listed(ctx context.Context, p *survey.Place, asks []Ask) (found []Glimpse, whole bool) {
	halves := make([][]Glimpse, len(asks))
	var wait fanout.Group
	for n, a := range asks {
		wait.Go(func() { halves[n] = answer(ctx, p, a) })
	}
	wait.Wait()
	whole = true
	for _, half := range halves {
		whole = whole && half != nil
		found = append(found, half...)
	}
	return found, whole
}

// answer asks a place one question; nil if it could not be answered.
func answer(ctx context.Context, p *survey.Place, a Ask) []Glimpse {
	all, err := p.Images(ctx, a.Listing)
	if err != nil {
		return nil
	}
	found := []Glimpse{{Account: p.Account, Region: p.Region, Images: all, Bootable: a.Listing.InstanceType != ""}}
	if a.Bootable != nil {
		bootable, err := p.Images(ctx, *a.Bootable)
		if err != nil {
			return nil
		}
		found = append(found, Glimpse{Account: p.Account, Region: p.Region, Images: bootable, Bootable: true})
	}
	return found
}

// named are the views of a place of the images that are asked for by id, and which
// of them ECS lists for the instance type.
func (o *observer) named(ctx context.Context, p *survey.Place, sightings []survey.Sighting) (found []Glimpse, whole bool) {
	mine := Glimpse{Account: p.Account, Region: p.Region}
	apart := map[image.Kind][]image.ID{}
	for _, s := range sightings {
		for _, v := range s.Views {
			if v.Account == p.Account && v.Region == p.Region {
				mine.Images = append(mine.Images, v)
				kind := survey.Apart(v.Kind)
				apart[kind] = append(apart[kind], v.ID)
			}
		}
	}
	if o.query.InstanceType == "" {
		return []Glimpse{mine}, true
	}
	found = []Glimpse{mine}
	for kind, ids := range apart {
		bootable, err := p.Images(ctx, image.Listing{Kind: kind, IDs: ids, Statuses: image.Statuses(), InstanceType: o.query.InstanceType})
		if err != nil {
			return nil, false
		}
		found = append(found, Glimpse{Account: p.Account, Region: p.Region, Images: bootable, Bootable: true})
	}
	return found, true
}

// lookUpType asks about the query's instance type.
func (o *observer) lookUpType(ctx context.Context, p *survey.Place) (exists bool, err error) {
	types, err := p.InstanceTypes(ctx, []image.InstanceTypeID{o.query.InstanceType})
	if err != nil {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range types {
		if t.ID == o.query.InstanceType {
			o.seen.Types[p.Region] = t
			return true, nil
		}
	}
	o.typeless++
	return false, nil
}

func (o *observer) keep(found []Glimpse, whole bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen.Glimpses = append(o.seen.Glimpses, found...)
	if whole {
		o.seen.Read++
	}
}

// result puts what was seen in order, and refuses what does not exist.
func (o *observer) result() (Observed, error) {
	o.seen.Unread = o.survey.Unread()
	slices.SortFunc(o.seen.Glimpses, func(a, b Glimpse) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	if o.typeless > 0 && len(o.seen.Types) == 0 && len(o.seen.Unread) == 0 {
		return Observed{}, fault.InField("instanceType", "unknownInstanceType", "%s is offered in none of the regions that are looked at", o.query.InstanceType)
	}
	return o.seen, nil
}
