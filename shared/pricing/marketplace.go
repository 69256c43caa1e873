package pricing

import (
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// marketplace adds the line for the software of a Marketplace product, if the
// image is one or comes from one. Each instance pays it again.
func (b *builder) marketplace() {
	if !b.ruling.Marketplace {
		return
	}
	l := b.line(MarketplaceSoftware, InstanceOwner)
	l.Subject = string(b.ruling.ProductCode)
	switch {
	case b.q.Instance.None:
		l.Quantity, l.Unit = Whole(0), "instance-hour"
		b.nothing(&l, images())
		l.because("noInstance", "the Marketplace price is charged to instances; holding an image has none")
	case b.q.Charge.Refunded:
		l.unknown("refundByVendor", "a refund is given only if the vendor of the product allows it")
	case b.sameProductReplaced():
		b.nothing(&l, faq())
		l.because("sameProduct", "the instance runs another version of the same product, for which no fee is taken again")
	case b.termRemains():
		l.unknown("remainingTerm", "the fee goes by the image's price and the remaining term, by a formula that no page gives")
	default:
		b.priceSoftware(&l)
		b.paused(&l, codeEconomicalSoftware, "whether Marketplace software is charged while stopped in economical mode is not documented: from no to yes")
	}
	b.add(l)
}

func (b *builder) priceSoftware(l *Line) {
	w := want{
		item: MarketplaceSoftware, productCode: b.ruling.ProductCode, region: b.q.region(),
		instance: b.q.Instance.Type, vcpus: b.q.Instance.VCPUs, unit: b.term.unit, currency: b.currency,
	}
	if rate := b.rates.negotiated.find(&w); rate != nil && w.productCode != "" {
		b.settle(l, rate, b.licenceQuantity(rate))
		return
	}
	price, why := b.softwarePrice()
	if rate := b.rates.listed().find(&w); why != nil && rate != nil && w.productCode != "" {
		b.settle(l, rate, b.licenceQuantity(rate))
		l.Reasons = append(l.Reasons, *why)
		return
	}
	if why != nil {
		l.Unknown = append(l.Unknown, *why)
		if w.productCode != "" && w.instance != "" {
			b.lack(WantedRate{Item: w.item, ProductCode: w.productCode, InstanceType: w.instance, Region: w.region, Basis: PerInstance, Unit: w.unit})
		}
		return
	}
	said := answered(b.q.Observed.With)
	rate := Rate{Item: MarketplaceSoftware, Source: said.source, ReadAt: said.readAt, Price: amountOf(price.ratio(), b.currency)}
	b.settle(l, &rate, exactly(b.term.units()))
	l.Unit = b.term.unitName()
	if b.ruling.Code != Marketplace {
		l.because("priceOfOriginalProduct", "an image made from a product pays the product's own price for each instance")
	}
}

// softwarePrice is MarketplaceImagePrice. For an image made from a product, 0 may
// also mean that ECS did not fill it: it counts only if the product itself is 0.
func (b *builder) softwarePrice() (Number, *image.Reason) {
	o := b.q.Observed
	if o.With == nil {
		if o.Refusal != nil {
			return Number{}, o.Refusal
		}
		return Number{}, &image.Reason{Code: "notAsked", Sentence: "only DescribePrice or a negotiated rate knows the price of a Marketplace product"}
	}
	if why := o.With.usable(b.term, b.currency); why != nil {
		return Number{}, why
	}
	price := o.With.Marketplace
	switch {
	case price.IsZero():
		return Number{}, &image.Reason{Code: "marketplacePriceMissing", Sentence: "DescribePrice gave no Marketplace price for the image"}
	case price.Sign() < 0:
		return Number{}, &image.Reason{Code: "marketplacePriceNegative", Sentence: "DescribePrice gave a negative Marketplace price"}
	case price.Sign() == 0 && b.ruling.Code != Marketplace && !b.productIsFree():
		return Number{}, &image.Reason{Code: "answerZeroForPaid", Sentence: "the rule says that the Marketplace price is paid again, DescribePrice answered 0"}
	}
	return price, nil
}

func (b *builder) productIsFree() bool {
	s := b.q.Observed.Source
	return s != nil && s.usable(b.term, b.currency) == nil && !s.Marketplace.IsZero() && s.Marketplace.Sign() == 0
}

// withoutMarketplace takes a Marketplace price out of the difference if ECS put
// it there. Whether it does is not documented: where both readings are possible
// and lead to different licences, there is no answer.
func (b *builder) withoutMarketplace(d difference) difference {
	price := b.q.Observed.With.Marketplace
	if price.Sign() <= 0 || d.value.Cmp(price.ratio()) < 0 {
		return d // less than the price: it is not in there
	}
	rest := d.value.Minus(price.ratio())
	inside := difference{value: rest, known: true, inImageRow: d.inImageRow}
	if b.ruling.Licence == NotCharged {
		if rest.Sign() == 0 {
			return inside
		}
		return d // neither reading explains it: a contradiction
	}
	if listed, ok := b.listedLicence(); ok && b.ruling.Licence == IsCharged {
		switch {
		case listed.Cmp(d.value) == 0:
			return d
		case listed.Cmp(rest) == 0:
			return inside
		}
	}
	return difference{why: &image.Reason{
		Code: "marketplacePriceInRows",
		Sentence: "the rows of DescribePrice differ by " + amountOf(d.value, b.currency).String() +
			", and whether the Marketplace price of " + amountOf(price.ratio(), b.currency).String() + " is in them is not documented",
	}}
}

// listedLicence is the licence of one answer's term by the published rate.
func (b *builder) listedLicence() (money.Ratio, bool) {
	rate, _ := b.licenceRate(b.rates.listed())
	if rate == nil {
		return money.Ratio{}, false
	}
	one := *b
	if one.term.unit == Hour {
		one.term.quantity = money.Whole(1)
	}
	return rate.times(one.licenceQuantity(rate).ratio()).Ratio(), true
}
