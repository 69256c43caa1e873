package main

import (
	"context"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/usage"
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
func (p *pricer) licence(region image.RegionID, id image.ID) *licence {
	if p == nil {
		return nil
	}
	priced, ok := p.told[lineage.Key{Region: region, ID: id}]
	if !ok {
		return nil
	}
	return newLicence(priced)
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
	priced := p.h.licences(ctx, p.all, subjects)
	costs := selection.Costs{Currency: priced.currency, Of: make([]selection.Cost, len(images)), Unread: priced.unread}
	for n, l := range priced.Of {
		p.told[lineage.KeyOf(images[n].Ref)] = l
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
	// lacking: what some licence costs is not known. unread is what could not be read
	// then; empty if everything is known all the same.
	lacking bool
	unread  []image.Unread
}

// licences prices subjects, whose sources are not known yet, as price does. all has
// everything that is configured, whatever narrows the answer, because that is
// where an image can come from.
func (h handler) licences(ctx context.Context, all *survey.Survey, subjects []pricing.Subject) licences {
	closed, apart := all.Unread(), all.Apart()
	images := make([]image.Image, len(subjects))
	for n := range subjects {
		images[n] = subjects[n].Image
	}
	traced := provenance.Trace(ctx, apart.Places(), images)
	for n := range subjects {
		subjects[n].Source = traced.Sources[lineage.KeyOf(images[n].Ref)]
	}
	hourly := pricing.Hourly{Rates: h.rates, Site: h.config.Site, Now: h.now(), Desks: map[image.AccountID]pricing.Desk{}}
	for _, a := range apart.Accounts() {
		hourly.Desks[a.ID] = asker{apart, a.ID}
	}
	out := licences{Licences: hourly.Licences(ctx, subjects), currency: h.config.Site.Currency()}
	if site := out.Sites[all.Home()]; site != "" {
		out.currency = site.Currency()
	}
	if out.lacking = slices.ContainsFunc(out.Of, func(l pricing.Licence) bool { return l.Amount == nil }); out.lacking {
		out.unread = image.AllUnread(closed, traced.Unread, out.Unread)
	}
	return out
}

// asker asks for prices as one account.
type asker struct {
	in      *survey.Survey
	account image.AccountID
}

// Images lists images of a region.
func (a asker) Images(ctx context.Context, region image.RegionID, which image.Listing) ([]image.Image, error) {
	p, err := a.at(region)
	if err != nil {
		return nil, err
	}
	return p.Images(ctx, which)
}

// Price asks what an instance would cost in a region.
func (a asker) Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	p, err := a.at(region)
	if err != nil {
		return image.PriceAnswer{}, err
	}
	return p.Price(ctx, q)
}

func (a asker) at(region image.RegionID) (*survey.Place, error) {
	if p := a.in.Place(a.account, region); p != nil {
		return p, nil
	}
	return nil, fault.New(fault.Unknown, "account %s is not looked at in %s", a.account, region).WithCode("notLookedAt")
}

// licencesOf prices what servers run: once for all that run the same image on the
// same type. It returns one licence for each, in their order, and what could not
// be read, if that may be why one is not known.
func (h handler) licencesOf(ctx context.Context, all *survey.Survey, servers []usage.Server) ([]*licence, []image.Unread) {
	typesOf, unread := usage.Types(ctx, all.Apart(), servers)
	type runs struct {
		account  image.AccountID
		image    image.Ref
		instance pricing.Instance
	}
	told := make([]*licence, len(servers))
	at, of := map[runs]int{}, make([]int, len(servers))
	var subjects []pricing.Subject
	for n := range servers {
		s := &servers[n]
		if s.Image == nil {
			told[n] = notSeen(s.Why)
			continue
		}
		k := runs{s.Account, s.Image.Ref, instanceOf(s, typesOf[n])}
		if _, known := at[k]; !known {
			at[k] = len(subjects)
			subjects = append(subjects, pricing.Subject{Image: *s.Image, Instance: k.instance, Account: s.Account})
		}
		of[n] = at[k]
	}
	priced := h.licences(ctx, all, subjects)
	for n := range servers {
		if told[n] == nil {
			told[n] = newLicence(priced.Of[of[n]])
		}
	}
	if !priced.lacking {
		return told, nil
	}
	return told, image.AllUnread(priced.unread, unread)
}

// instanceOf is the instance as its licence is charged. Its number of vCPUs is
// that of its type, unless its CPU options were modified.
func instanceOf(s *usage.Server, is image.InstanceType) pricing.Instance {
	i := pricing.InstanceOf(s.Type, is.VCPUs)
	if s.VCPUs != i.VCPUs && i.VCPUs != 0 {
		i.ActiveVCPUs = s.VCPUs
	}
	return i
}

// notSeen is the licence of an image that cannot be seen any more.
func notSeen(why image.Reason) *licence {
	if why.Code != "imageNotSeen" { // a public image that is not offered any more still has versions
		why = image.Reason{Code: "imageNotSeen", Sentence: "its image is not visible, so neither is what its licence costs"}
	}
	return &licence{Lines: []licenceLine{}, Unknown: []image.Reason{why}}
}

// chargeReasons say where a server's licence is not charged by the hour.
func chargeReasons(s usage.Server) []image.Reason {
	switch {
	case s.ChargeType == "PrePaid":
		return []image.Reason{{Code: "licenceBySubscription", Sentence: "it is a subscription, which pays its licence by the period; licencePerHour is what pay-as-you-go costs"}}
	case s.Status == image.InstanceStopped && s.StoppedMode == string(pricing.StopCharging):
		return []image.Reason{{Code: "licencePaused", Sentence: "it is stopped in economical mode, in which its operating system is not charged; licencePerHour is what it costs while it runs"}}
	}
	return nil
}
