package pricing

import (
	"cmp"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Dues are what each instance of an account that is given an image pays for it,
// beside what the instance itself costs. They need neither an instance type nor
// DescribePrice: what depends on the type is a rate.
type Dues struct {
	// Rule is that of the image as the account will see it.
	Rule  Ruling
	Payer Payer
	// Amount is set where nothing is due, whatever the instance.
	Amount *money.Amount
	// Rates are those for an hour of pay-as-you-go, by the instance's vCPUs. Where
	// the rule leaves it open whether a licence is charged, they are what it costs if
	// it is.
	Rates []DuesRate
	// Unknown says what cannot be told, and why.
	Unknown []image.Reason
}

// DuesTold is what each instance of an account pays for the image, beside what
// the instance itself costs. It is no part of a plan's digest.
type DuesTold struct {
	// Rule names the rule, and Sentence says it.
	Rule     RuleCode `json:"rule"`
	Sentence string   `json:"sentence"`
	// Charged says whether an operating system licence is charged, for Product.
	Charged Charged `json:"charged"`
	Product Product `json:"product"`
	// Payer is who pays: the owner of the instance, whose account is PaidBy unless
	// it can be anyone's.
	Payer  Payer           `json:"payer"`
	PaidBy image.AccountID `json:"paidBy,omitempty"`
	// Sure is how the source was found.
	Sure Sureness `json:"sure"`
	// Amount is there only if nothing is due whatever the instance; else Rates are
	// those for an hour, and Unknown says what cannot be told without more.
	Amount *money.Amount `json:"amount,omitempty"`
	// Rates are what the account pays for instances of it.
	Rates   []DuesRate     `json:"rates,omitempty"`
	Unknown []image.Reason `json:"unknown,omitempty"`
	Reasons []image.Reason `json:"reasons"`
}

// Told says the dues of an account; empty: anyone's.
func (d Dues) Told(account image.AccountID) *DuesTold {
	return &DuesTold{
		Rule: d.Rule.Code, Sentence: d.Rule.Sentence, Charged: d.Rule.Licence, Product: d.Rule.Product,
		Payer: d.Payer, PaidBy: account, Sure: d.Rule.Sure, Amount: d.Amount, Rates: d.Rates, Unknown: d.Unknown,
		Reasons: append([]image.Reason{}, d.Rule.Evidence...),
	}
}

// DuesRate is a published or negotiated rate.
type DuesRate struct {
	Item   Item         `json:"item"`
	Amount money.Amount `json:"amount"`
	// Per is what it is multiplied by, such as "vCPU-hour" or "instance-hour".
	Per string `json:"per"`
	// VCPUs is the range of vCPUs it is for; empty: any.
	VCPUs string `json:"vcpus,omitempty"`
	// InstanceType is the only type it is for; empty: any.
	InstanceType image.InstanceTypeID `json:"instanceType,omitempty"`
	// Source is who says so.
	Source string `json:"source"`
	// Since: from when on the rate holds, as 2026-01-31; left out where the source
	// does not say.
	Since string `json:"since,omitempty"`
	// ReadAt: the day, month or year as of which the source was read.
	ReadAt string `json:"readAt,omitempty"`
	// AgeDays: how many days ago that was at the most; without readAt since.
	AgeDays int `json:"ageDays,omitempty"`
	// Old: that may be more than twelve months ago.
	Old bool `json:"old,omitempty"`
	// Date: since, or else readAt.
	Date string `json:"date,omitempty"`
	// Default: it is the one that PRICE_RATES has for all regions.
	Default bool `json:"default,omitempty"`
}

// DuesOf tells what an account pays for instances of an image of another account
// that it gets as KindShared, or as KindCommunity.
func DuesOf(i image.Image, source Source, as image.Kind, rates Rates, site Site) Dues {
	i.Kind = as
	d := Dues{Rule: Judge(i, source, i.Region), Payer: InstanceOwner}
	w := want{item: OperatingSystemLicence, product: d.Rule.Product, region: i.Region, unit: Hour, currency: site.Currency()}
	switch d.Rule.Licence {
	case NotCharged:
	case IsCharged:
		if d.Rates = rates.hourly(&w); len(d.Rates) == 0 {
			d.Unknown = append(d.Unknown, duesWithoutRate(d.Rule.Product, w.currency))
		}
	default:
		d.Rates = rates.hourly(&w)
		d.Unknown = append(d.Unknown, image.Reason{Code: "licenceNotDecided", Sentence: "whether the licence is charged is not known"})
	}
	if d.Rule.Marketplace {
		d.software(rates, i.Region, site)
	}
	if d.Rule.Licence == NotCharged && !d.Rule.Marketplace {
		nothing := money.Of(money.Whole(0), site.Currency())
		d.Amount = &nothing
	}
	return d
}

// software adds the Marketplace product, whose price only a contract or
// DescribePrice knows.
func (d *Dues) software(rates Rates, region image.RegionID, site Site) {
	w := want{item: MarketplaceSoftware, productCode: d.Rule.ProductCode, region: region, unit: Hour, currency: site.Currency()}
	negotiated := rates.hourly(&w)
	if d.Rule.ProductCode == "" || len(negotiated) == 0 {
		d.Unknown = append(d.Unknown, image.Reason{
			Code:     "marketplacePriceByType",
			Sentence: "each instance pays the price of the Marketplace product again; it goes by the instance type, and price tells it for one",
		})
		return
	}
	d.Rates = append(d.Rates, negotiated...)
}

func duesWithoutRate(p Product, c money.Currency) image.Reason {
	if p == WindowsServer {
		return image.Reason{Code: "windowsByInstanceType", Sentence: "Windows is priced by instance type; no table is published, and price asks for one"}
	}
	return image.Reason{Code: "noRate", Sentence: "there is no rate per hour for it in " + string(c)}
}

// hourly are the rates that w selects for any instance, by type and size: the
// negotiated ones if there are any, else the published.
func (r Rates) hourly(w *want) []DuesRate {
	chosen := ratesIn(r.negotiated, w)
	if len(chosen) == 0 {
		chosen = ratesIn(r.listed(), w)
	}
	slices.SortStableFunc(chosen, func(a, b *Rate) int {
		return cmp.Or(cmp.Compare(a.InstanceType, b.InstanceType), cmp.Compare(a.MinVCPUs, b.MinVCPUs))
	})
	var rates []DuesRate
	for _, c := range chosen {
		d := DuesRate{
			Item: c.Item, Amount: c.Price, Per: c.unitName(), VCPUs: c.Tier(), InstanceType: c.InstanceType, Source: c.Source,
			Since: c.Since, ReadAt: c.ReadAt, Date: cmp.Or(c.Since, c.ReadAt), Default: c.Default,
		}
		d.AgeDays, d.Old = r.age(page{c.Source, c.Since, c.ReadAt})
		rates = append(rates, d)
	}
	return rates
}

// ratesIn are those of a table that are the most specific for some instance.
func ratesIn(table *book, w *want) []*Rate {
	var chosen []*Rate
	all := table.all()
	for n := range all {
		c := &all[n]
		for _, vcpus := range []int{max(1, c.MinVCPUs), cmp.Or(c.MaxVCPUs, manyVCPUs)} {
			one := *w
			one.instance, one.vcpus = c.InstanceType, vcpus
			if table.find(&one) == c {
				chosen = append(chosen, c)
				break
			}
		}
	}
	return chosen
}

// manyVCPUs is beyond every tier.
const manyVCPUs = 1 << 20
