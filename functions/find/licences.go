package main

import (
	"context"
	"slices"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/selection"
)

// licence is what running an image for an hour costs beside the instance, as
// price tells it.
type licence struct {
	// Amount is the sum of the lines; missing if it is not known.
	Amount *money.Amount `json:"amount,omitempty"`
	// Rule is by what the image is priced.
	Rule pricing.RuleCode `json:"rule,omitempty"`
	// Sure is how sure the source is that the rule goes by.
	Sure pricing.Sureness `json:"sure,omitempty"`
	// Lines are what is charged.
	Lines []licenceLine `json:"lines"`
	// AskedFor is the image that DescribePrice was asked about: this one, or one
	// that is charged alike.
	AskedFor image.ID `json:"askedFor,omitempty"`
	// Unknown says why there is no amount.
	Unknown []image.Reason `json:"unknown,omitempty"`
}

// licenceLine is the operating system's licence, or the Marketplace product.
type licenceLine struct {
	Item pricing.Item `json:"item"`
	// Amount is for an hour; missing if it is not known.
	Amount *money.Amount `json:"amount,omitempty"`
	// Source is the page of the rate, DescribePrice or PRICE_RATES.
	Source string `json:"source,omitempty"`
	// Date is that of the rate.
	Date string `json:"date,omitempty"`
}

func newLicence(priced pricing.Licence) *licence {
	l := &licence{
		Amount: priced.Amount, Rule: priced.Rule.Code, Sure: priced.Rule.Sure, Lines: []licenceLine{},
		AskedFor: priced.AskedFor, Unknown: priced.Unknown(),
	}
	for i := range priced.Lines {
		p := &priced.Lines[i]
		l.Lines = append(l.Lines, licenceLine{p.Item, p.Amount, p.Source, p.Date})
	}
	return l
}

// columns are the licence in a table: amount, currency and rule. An amount that
// is not known is said to be, one that was not asked about is empty.
func (l *licence) columns() []string {
	switch {
	case l == nil:
		return []string{"", "", ""}
	case l.Amount == nil:
		return []string{"unknown", "", string(l.Rule)}
	}
	return []string{l.Amount.Decimal(), string(l.Amount.Currency()), string(l.Rule)}
}

// clerk prices the licences of one answer.
type clerk struct {
	h    handler
	call function.Call
	told map[lineage.Key]pricing.Licence
}

func (h handler) clerk(call function.Call) *clerk {
	return &clerk{h: h, call: call, told: map[lineage.Key]pricing.Licence{}}
}

// licence is what the clerk told of an image; nil if it was not asked.
func (c *clerk) licence(region image.RegionID, id image.ID) *licence {
	if c == nil {
		return nil
	}
	priced, ok := c.told[lineage.Key{Region: region, ID: id}]
	if !ok {
		return nil
	}
	return newLicence(priced)
}

// Costs prices images for selection, and remembers how.
func (c *clerk) Costs(ctx context.Context, images []selection.Sighting, instanceType image.InstanceTypeID, types selection.Types) selection.Costs {
	subjects := make([]pricing.Subject, len(images))
	for n, s := range images {
		subjects[n] = pricing.Subject{
			Image: *s.Image, Account: s.Account, Instance: pricing.InstanceOf(instanceType, types[s.Region].VCPUs),
		}
	}
	if len(subjects) == 0 {
		return selection.Costs{}
	}
	a, err := c.h.survey(ctx, c.call, where{})
	if err != nil { // the configuration, which the query itself has read before
		a = &atlas{}
	}
	priced := c.h.licences(ctx, a, subjects)
	costs := selection.Costs{Currency: priced.currency, Of: make([]selection.Cost, len(images)), Unread: priced.unread}
	for n, l := range priced.Of {
		c.told[lineage.KeyOf(images[n].Ref)] = l
		costs.Of[n] = selection.Cost{Amount: l.Amount}
		if why := l.Unknown(); len(why) > 0 {
			costs.Of[n].Why = why[0]
		}
	}
	return costs
}

// licences are those of many images.
type licences struct {
	pricing.Licences
	// currency is that of the account that the function runs as.
	currency money.Currency
	// unread is what could not be read; empty if everything is known all the same.
	unread []image.Unread
}

// lacking: what some licence costs is not known.
func (l licences) lacking() bool {
	return slices.ContainsFunc(l.Of, func(one pricing.Licence) bool { return one.Amount == nil })
}

// licences prices subjects, whose sources are not known yet, as price does. a has
// everything that is configured, whatever narrows the answer, because that is
// where an image can come from.
func (h handler) licences(ctx context.Context, a *atlas, subjects []pricing.Subject) licences {
	unread := append(slices.Clone(a.unread), a.trace(ctx, subjects)...)
	hourly := pricing.Hourly{Rates: h.rates, Site: h.config.Site, Now: h.now(), Desks: map[image.AccountID]pricing.Desk{}}
	for _, p := range a.places {
		if hourly.Desks[p.account] == nil {
			hourly.Desks[p.account] = pricing.Remembering(p.reader)
		}
	}
	out := licences{Licences: hourly.Licences(ctx, subjects), currency: h.config.Site.Currency()}
	if site := out.Sites[a.home]; site != "" {
		out.currency = site.Currency()
	}
	if out.lacking() {
		out.unread = inOrder(append(unread, out.Unread...))
	}
	return out
}

// trace finds the sources of subjects. Public and Marketplace images are their
// own; if there are no others nothing is read. It returns what could not be.
func (a *atlas) trace(ctx context.Context, subjects []pricing.Subject) []image.Unread {
	var derived []lineage.Key
	for i := range subjects {
		if made(subjects[i].Image.Kind) {
			derived = append(derived, lineage.KeyOf(subjects[i].Image.Ref))
		}
	}
	if len(derived) == 0 {
		return nil
	}
	world := lineage.Trace(ctx, a.lineagePlaces(), derived)
	graph, images := lineage.New(world), newAlbum(world)
	for i := range subjects {
		if s := &subjects[i]; made(s.Image.Kind) {
			s.Source = provenance.SourceOf(graph.Ancestry(lineage.KeyOf(s.Image.Ref)), images)
		}
	}
	return slices.Concat(world.Unread, world.BuildsUnread)
}

// made: an image of this kind was made from another one.
func made(k image.Kind) bool { return k != image.KindPublic && k != image.KindMarketplace }
