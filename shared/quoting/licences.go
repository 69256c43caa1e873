package quoting

import (
	"context"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/usage"
)

// Licence is what running an image for an hour costs beside the instance, as
// price tells it.
type Licence struct {
	// Amount is the sum of the lines; missing if it is not known.
	Amount *money.Amount `json:"amount,omitempty"`
	// Rule is by what the image is priced.
	Rule pricing.RuleCode `json:"rule,omitempty"`
	// Sure is how sure the source is that the rule goes by.
	Sure pricing.Sureness `json:"sure,omitempty"`
	// Lines are what is charged.
	Lines []LicenceLine `json:"lines"`
	// AskedFor is the image that DescribePrice was asked about: this one, or one
	// that is charged alike.
	AskedFor image.ID `json:"askedFor,omitempty"`
	// Unknown says why there is no amount.
	Unknown []image.Reason `json:"unknown,omitempty"`
}

// LicenceLine is the operating system's licence, or the Marketplace product.
type LicenceLine struct {
	Item pricing.Item `json:"item"`
	// Amount is for an hour; missing if it is not known.
	Amount *money.Amount `json:"amount,omitempty"`
	// Source is the page of the rate, DescribePrice or PRICE_RATES.
	Source string `json:"source,omitempty"`
	// Date is that of the rate.
	Date string `json:"date,omitempty"`
}

// NewLicence tells a licence that was priced.
func NewLicence(priced pricing.Licence) *Licence {
	l := &Licence{
		Amount: priced.Amount, Rule: priced.Rule.Code, Sure: priced.Rule.Sure, Lines: []LicenceLine{},
		AskedFor: priced.AskedFor, Unknown: priced.Unknown(),
	}
	for i := range priced.Lines {
		p := &priced.Lines[i]
		l.Lines = append(l.Lines, LicenceLine{p.Item, p.Amount, p.Source, p.Date})
	}
	return l
}

// Columns are the licence in a table: amount, currency and rule. An amount that
// is not known is said to be, one that was not asked about is empty.
func (l *Licence) Columns() []string {
	switch {
	case l == nil:
		return []string{"", "", ""}
	case l.Amount == nil:
		return []string{"unknown", "", string(l.Rule)}
	}
	return []string{l.Amount.Decimal(), string(l.Amount.Currency()), string(l.Rule)}
}

// Licences are those of many images.
type Licences struct {
	pricing.Licences
	// Currency is that of the account that the function runs as.
	Currency money.Currency
	// lacking: what some licence costs is not known. Unread is what could not be read
	// then; empty if everything is known all the same.
	lacking bool
	Unread  []image.Unread
}

// Licences prices subjects, whose sources are not known yet, as price does. all has
// everything that is configured, whatever narrows the answer, because that is
// where an image can come from.
func (p Prices) Licences(ctx context.Context, all *survey.Survey, subjects []pricing.Subject) Licences {
	closed, apart := all.Unread(), all.Apart()
	images := make([]image.Image, len(subjects))
	for n := range subjects {
		images[n] = subjects[n].Image
	}
	traced := provenance.Trace(ctx, apart.Places(), images)
	for n := range subjects {
		subjects[n].Source = traced.Sources[lineage.KeyOf(images[n].Ref)]
	}
	hourly := pricing.Hourly{Rates: p.Rates, Site: p.Site, Now: p.Now(), Readers: map[image.AccountID]pricing.Reader{}}
	for _, a := range apart.Accounts() {
		hourly.Readers[a.ID] = asker{apart, a.ID}
	}
	out := Licences{Licences: hourly.Licences(ctx, subjects), Currency: p.Site.Currency()}
	if site := out.Sites[all.Home()]; site != "" {
		out.Currency = site.Currency()
	}
	if out.lacking = slices.ContainsFunc(out.Of, func(l pricing.Licence) bool { return l.Amount == nil }); out.lacking {
		out.Unread = image.AllUnread(closed, traced.Unread, out.Licences.Unread)
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

// OfServers prices what servers run: once for all that run the same image on the
// same type. It returns one licence for each, in their order, and what could not
// be read, if that may be why one is not known.
func (p Prices) OfServers(ctx context.Context, all *survey.Survey, servers []usage.Server) ([]*Licence, []image.Unread) {
	typesOf, unread := usage.Types(ctx, all.Apart(), servers)
	type runs struct {
		account  image.AccountID
		image    image.Ref
		instance pricing.Instance
	}
	told := make([]*Licence, len(servers))
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
	priced := p.Licences(ctx, all, subjects)
	for n := range servers {
		if told[n] == nil {
			told[n] = NewLicence(priced.Of[of[n]])
		}
	}
	if !priced.lacking {
		return told, nil
	}
	return told, image.AllUnread(priced.Unread, unread)
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
func notSeen(why image.Reason) *Licence {
	if why.Code != "imageNotSeen" { // a public image that is not offered any more still has versions
		why = image.Reason{Code: "imageNotSeen", Sentence: "its image is not visible, so neither is what its licence costs"}
	}
	return &Licence{Lines: []LicenceLine{}, Unknown: []image.Reason{why}}
}

// ChargeReasons say where a server's licence is not charged by the hour.
func ChargeReasons(s usage.Server) []image.Reason {
	switch {
	case s.ChargeType == "PrePaid":
		return []image.Reason{{Code: "licenceBySubscription", Sentence: "it is a subscription, which pays its licence by the period; licencePerHour is what pay-as-you-go costs"}}
	case s.Status == image.InstanceStopped && s.StoppedMode == string(pricing.StopCharging):
		return []image.Reason{{Code: "licencePaused", Sentence: "it is stopped in economical mode, in which its operating system is not charged; licencePerHour is what it costs while it runs"}}
	}
	return nil
}
