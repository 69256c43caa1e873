package pricing

import (
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// licence adds the line for the operating system licence. There always is one:
// an amount of zero is an answer too.
func (b *builder) licence() {
	l := b.line(OperatingSystemLicence, InstanceOwner)
	switch {
	case b.q.Instance.None:
		l.Quantity, l.Unit = Whole(0), "instance-hour"
		b.nothing(&l, images())
		l.because("noInstance", "a licence is charged to instances; holding an image has none")
	case b.q.Charge.Refunded && b.ruling.Licence != NotCharged:
		l.unknown("refundNotCalculable", "after an early refund the licence is charged from creation to release; at which rate no page says")
	default:
		b.priceLicence(&l)
		b.paused(&l, codeEconomical, "two billing pages say that it is not charged while stopped in economical mode, and the page of that mode says both yes and no: from no to yes")
	}
	b.licenceReasons(&l)
	b.add(l)
}

func (b *builder) priceLicence(l *Line) {
	d := b.q.Observed.difference(b.term, b.currency)
	if d.known {
		d = b.withoutMarketplace(d)
	}
	switch b.ruling.Licence {
	case NotCharged:
		b.freeLicence(l, d)
	case IsCharged:
		b.paidLicence(l, d)
	default:
		b.unsettledLicence(l, d)
	}
}

// paused: whether what an instance pays by the hour goes on while it is stopped in
// economical mode is not certain. The amount of all hours becomes a range, from that
// of the hours in which it runs.
func (b *builder) paused(l *Line, code, sentence string) {
	c := b.q.Charge
	if l.Amount == nil || l.Amount.Sign() == 0 || c.Stopped.Sign() <= 0 || c.StoppedMode == KeepCharging {
		return
	}
	runs := b.q.Duration.ratio().Minus(c.Stopped.ratio()).Over(b.q.Duration.ratio())
	lower := l.Amount.By(runs)
	l.Lower, l.Upper, l.Amount = &lower, l.Amount, nil
	l.because(code, sentence)
}

// freeLicence: the rule says that nothing is charged.
func (b *builder) freeLicence(l *Line, d difference) {
	switch {
	case !d.known || d.value.Sign() == 0:
		l.Quantity, l.Unit = exactly(b.term.units()), b.term.unitName()
		b.nothing(l, images())
		if d.why != nil {
			l.Reasons = append(l.Reasons, *d.why)
		}
	case b.ruling.Sure == Fallback:
		l.because("answerOutweighsFallback", "the rule was decided without a source, so DescribePrice outweighs it")
		b.byAnswer(l, d)
	default:
		l.unknown("answerContradictsRule", "the rule says free, DescribePrice answered "+money.Of(d.value, b.currency).String())
	}
}

// paidLicence: a negotiated rate, DescribePrice, the published rate, in this order.
func (b *builder) paidLicence(l *Line, d difference) {
	if rate, _ := b.licenceRate(b.rates.negotiated); rate != nil {
		b.settle(l, rate, b.licenceQuantity(rate))
		b.compare(l, d)
		return
	}
	rate, disputed := b.licenceRate(b.rates.listed())
	switch {
	case b.optionsMatter(d, rate):
		b.disputedAnswer(l, d)
	case d.known && d.value.Sign() > 0:
		b.byAnswer(l, d)
		b.differsFrom(l, rate)
	case d.known:
		l.unknown("answerZeroForPaid", "the rule says that the licence is paid"+atRate(rate)+", DescribePrice answered 0")
	case rate != nil:
		b.settle(l, rate, b.licenceQuantity(rate))
		if d.why != nil {
			l.Reasons = append(l.Reasons, *d.why)
		}
	default:
		why := b.noRate(disputed)
		l.Unknown = appendReasons(l.Unknown, d.why, why)
		b.lackLicence(why)
	}
}

// unsettledLicence: the rule cannot tell; DescribePrice can.
func (b *builder) unsettledLicence(l *Line, d difference) {
	rate, _ := b.licenceRate(b.rates.listed())
	if b.optionsMatter(d, rate) {
		b.disputedAnswer(l, d)
		return
	}
	if d.known {
		l.because("answerOnly", "the rule does not decide it; this is what DescribePrice answers")
		b.byAnswer(l, d)
		return
	}
	sentence := "whether the licence is charged is not known"
	if own, _ := b.licenceRate(b.rates.negotiated); own != nil {
		sentence += "; if it is," + atRate(own)
	} else if rate != nil {
		sentence += "; if it is," + atRate(rate)
	}
	l.unknown("licenceNotDecided", sentence)
	l.Unknown = appendReasons(l.Unknown, d.why)
}

func atRate(r *Rate) string {
	if r == nil {
		return ""
	}
	return " at " + r.Price.String() + " per " + r.unitName()
}

func appendReasons(to []image.Reason, reasons ...*image.Reason) []image.Reason {
	for _, r := range reasons {
		if r != nil {
			to = append(to, *r)
		}
	}
	return to
}

// byAnswer takes the amount from DescribePrice.
func (b *builder) byAnswer(l *Line, d difference) {
	rate := money.Of(d.value, b.currency)
	amount := rate.By(b.term.units())
	l.Quantity, l.Unit = exactly(b.term.units()), b.term.unitName()
	l.Rate, l.Amount = &rate, &amount
	b.date(l, answered(b.q.Observed.With))
	if d.inImageRow {
		l.because("licenceInImageRow", "found in the image row of DescribePrice")
	} else if d.value.Sign() > 0 {
		l.because("licenceInInstanceTypeRow", "found inside the instance type row of DescribePrice")
	}
}

// answered is where an answer of DescribePrice says its prices.
func answered(a *PriceAnswer) page {
	p := page{source: "DescribePrice"}
	if !a.At.IsZero() {
		p.readAt = a.At.UTC().Format(time.DateOnly)
	}
	return p
}

// optionsMatter: CPU options are modified, of which DescribePrice cannot be told,
// so that its answer is for all vCPUs of the type; and the licence is not known
// to be the same either way.
func (b *builder) optionsMatter(d difference, rate *Rate) bool {
	active := b.q.Instance.ActiveVCPUs
	modified := active != 0 && active != b.q.Instance.VCPUs
	return modified && d.known && d.value.Sign() > 0 && rate == nil && b.ruling.Product != WindowsServer
}

func (b *builder) disputedAnswer(l *Line, d difference) {
	why := b.noRate(true)
	l.unknown(why.Code, why.Sentence+"; for all vCPUs of the type DescribePrice answers "+money.Of(d.value, b.currency).String()+" per "+b.term.unitName())
}

// compare says where DescribePrice and a negotiated rate differ.
func (b *builder) compare(l *Line, d difference) {
	if !d.known {
		return
	}
	answered := d.value.Times(b.term.units())
	if answered.Cmp(l.Amount.Ratio()) != 0 {
		l.because("answerDiffers", "DescribePrice answers "+money.Of(answered, b.currency).String()+" for it")
	}
}

// differsFrom says where DescribePrice and the published rate differ.
func (b *builder) differsFrom(l *Line, rate *Rate) {
	if rate == nil {
		return
	}
	listed := rate.times(b.licenceQuantity(rate).ratio())
	if listed.Ratio().Cmp(l.Amount.Ratio()) != 0 {
		l.because("publishedDiffers", "by the published rate it would be "+listed.String())
	}
}

// licenceRate finds the rate of the ruling's product. It is nil and disputed if
// there is one, but modified CPU options leave open which.
func (b *builder) licenceRate(table *book) (rate *Rate, disputed bool) {
	if table == nil {
		return nil, false
	}
	w := want{
		item: OperatingSystemLicence, product: b.ruling.Product, region: b.q.region(),
		instance: b.q.Instance.Type, vcpus: b.q.Instance.VCPUs, unit: b.term.unit, currency: b.currency,
	}
	rate = table.find(&w)
	active := b.q.Instance.ActiveVCPUs
	if rate == nil || active == 0 || active == w.vcpus {
		return rate, false
	}
	w.vcpus = active
	if other := table.find(&w); rate.Basis == PerVCPU || other != rate {
		return nil, true
	}
	return rate, false
}

// noRate says why there is no rate.
func (b *builder) noRate(disputed bool) *image.Reason {
	switch {
	case disputed:
		return &image.Reason{Code: "cpuOptionsNotDocumented", Sentence: "its CPU options are modified, and no page says which number of vCPUs is then charged"}
	case b.ruling.Product == WindowsServer:
		return &image.Reason{Code: "windowsByInstanceType", Sentence: "Windows is priced by instance type; no table is published"}
	case b.q.Instance.VCPUs == 0:
		return &image.Reason{Code: "vcpusNotGiven", Sentence: "the licence depends on the number of vCPUs, which is not known"}
	}
	return &image.Reason{Code: "noRate", Sentence: "there is no rate per " + string(b.term.unit) + " for it in " + string(b.currency)}
}

// licenceQuantity: all vCPUs count for a rate per vCPU, at one tier; else one
// instance.
func (b *builder) licenceQuantity(r *Rate) Number {
	if r.Basis != PerVCPU {
		return exactly(b.term.quantity)
	}
	return exactly(b.term.quantity.Times(money.Whole(int64(b.q.Instance.VCPUs))))
}

// licenceReasons are the remarks that go with a licence that is, or may be, paid.
func (b *builder) licenceReasons(l *Line) {
	c := b.q.Charge
	if b.ruling.Licence == NotCharged || b.q.Instance.None {
		return
	}
	if c.Method == Spot {
		l.because("spotLicenceOnTop", "the spot price covers the instance type only: the licence comes on top at its pay-as-you-go price (inferred)")
	}
	if c.Stopped.Sign() > 0 && c.StoppedMode == KeepCharging {
		l.because("stoppedStandardMode", "charged while stopped in standard mode")
	}
	if b.q.Instance.Burstable {
		l.because("burstableNotDocumented", "no page has a rule of its own for burstable instances")
	}
	if b.ruling.Product == WindowsServer && b.q.Image.Kind == image.KindPublic && !b.q.subscription() {
		l.because("savingsPlanMayOffset", "a savings plan or a Windows reserved instance may offset it")
	}
}
