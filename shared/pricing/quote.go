package pricing

import (
	"cmp"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Payer is who pays a line.
type Payer string

// The payers.
const (
	ImageOwner    Payer = "imageOwner"
	InstanceOwner Payer = "instanceOwner"
)

// Line is one thing that is charged. It has an amount; or a range (lower, upper);
// or reasons why neither is known.
type Line struct {
	Item Item `json:"item"`
	// For is the operation that causes the line; empty for the image itself.
	For Operation `json:"for,omitempty"`
	// Subject names the snapshots or the product that are charged.
	Subject string `json:"subject,omitempty"`
	// Quantity times rate is the amount; for a range it is the upper end's.
	Quantity Number `json:"quantity,omitzero"`
	// Unit: what quantity counts, and the rate is for.
	Unit string        `json:"unit,omitempty"`
	Rate *money.Amount `json:"rate,omitempty"`
	// Tier is the range of vCPUs that the rate is for.
	Tier   string        `json:"tier,omitempty"`
	Amount *money.Amount `json:"amount,omitempty"`
	Lower  *money.Amount `json:"lower,omitempty"`
	Upper  *money.Amount `json:"upper,omitempty"`
	// Source is the page, DescribePrice or PRICE_RATES.
	Source string `json:"source,omitempty"`
	// Since: from when on the rate holds, as 2026-01-31; left out where the source
	// does not say.
	Since string `json:"since,omitempty"`
	// ReadAt: the day, month or year as of which the source was read.
	ReadAt string `json:"readAt,omitempty"`
	// AgeDays: how many days ago that was at the most; without readAt since.
	AgeDays int `json:"ageDays,omitempty"`
	// Date: since, or else readAt.
	Date string `json:"date,omitempty"`
	// Default: the rate is the one that PRICE_RATES has for all regions.
	Default bool  `json:"default,omitempty"`
	Payer   Payer `json:"payer"`
	Rule    Rule  `json:"rule"`
	// Unknown says why there is neither amount nor range; else it is empty.
	Unknown []image.Reason `json:"unknown,omitempty"`
	// Reasons say how the amount came about, and which assumptions it rests on.
	Reasons []image.Reason `json:"reasons,omitempty"`
}

// Missing is what keeps a quote from having a total: a line, or without an item
// a finding that forbids the operation.
type Missing struct {
	Item Item      `json:"item,omitempty"`
	For  Operation `json:"for,omitempty"`
	// Subject: what it is about, as in the lines.
	Subject string `json:"subject,omitempty"`
	image.Reason
}

// Finding is what speaks against an operation. A fatal one means that ECS will
// refuse it, so that it has no total.
type Finding struct {
	// Fatal: nothing can be priced because of it.
	Fatal bool `json:"fatal"`
	image.Reason
}

// Quote is the price of an image: lines and their sum.
type Quote struct {
	Image image.Ref `json:"image"`
	// Rule is by what the image is priced, with the evidence for it.
	Rule     Ruling         `json:"rule"`
	Source   Source         `json:"source"`
	For      Operation      `json:"for,omitempty"`
	Currency money.Currency `json:"currency"`
	// Lines: what is charged, each with its rate, rule, source and payer.
	Lines []Line `json:"lines"`
	// Total is the sum of the lines; only if each has an exact amount and nothing
	// forbids the operation.
	Total *money.Amount `json:"total,omitempty"`
	// Lower and Upper bound the total where each line is an amount or a range.
	Lower *money.Amount `json:"lower,omitempty"`
	Upper *money.Amount `json:"upper,omitempty"`
	// Known is the sum of the lines with an exact amount.
	Known money.Amount `json:"known"`
	// Missing names the other lines; empty if there is a total.
	Missing []Missing `json:"missing,omitempty"`
	// Wanted are the rates for want of which an amount is unknown, as PRICE_RATES
	// takes them once their price is filled in.
	Wanted []WantedRate `json:"missingRates,omitempty"`
	// Findings: what contradicts the rules, or was refused.
	Findings []Finding `json:"findings,omitempty"`
	// Notes: what to know beside the lines.
	Notes []image.Reason `json:"notes,omitempty"`
	// Observed is what DescribePrice answered, row by row.
	Observed *ObservedPrices `json:"observed,omitempty"`
}

// Price answers a question. It fails with fault.Invalid, naming the field, for a
// question that cannot be; all else that is not known is in the quote.
func Price(q Question, rates Rates) (Quote, error) {
	if err := q.Check(); err != nil {
		return Quote{}, err
	}
	b := builder{q: q, rates: rates, currency: q.Site.Currency(), lines: make([]Line, 0, 2)}
	b.ruling = Judge(q.Image, q.Source, q.region())
	b.term = q.term()
	b.licence()
	b.runFindings()
	b.marketplace()
	b.storage()
	b.operation()
	b.notes()
	return b.quote()
}

// source is the source as it is reported: public and Marketplace images are their
// own.
func (q *Question) source() Source {
	s := q.Source
	if s.Kind == "" {
		s.Kind = SourceUnknown
	}
	switch q.Image.Kind {
	case image.KindPublic:
		s.Kind = SourcePublic
	case image.KindMarketplace:
		s.Kind = SourceMarketplace
	default:
		return s
	}
	return Source{
		Kind: s.Kind, Image: q.Image.ID, Region: q.Image.Region, OS: OSOf(q.Image),
		ProductCode: q.Image.ProductCode, Sure: Observed,
	}
}

// term is the hours that are charged, or the purchased periods. What is stopped in
// economical mode is in it: see paused.
func (q *Question) term() term {
	if q.subscription() {
		return term{unit: q.Charge.PeriodUnit, period: q.Charge.Period, quantity: money.Whole(int64(q.Charge.Period))}
	}
	return term{unit: Hour, period: 1, quantity: over(q.Duration.ratio(), secondsPerHour)}
}

// builder is a quote in the making.
type builder struct {
	q        Question
	rates    Rates
	ruling   Ruling
	currency money.Currency
	term     term
	lines    []Line
	findings []Finding
	said     []image.Reason
	wanted   []WantedRate
}

func (b *builder) line(item Item, payer Payer) Line {
	return Line{Item: item, Payer: payer, Rule: b.ruling.Rule}
}

func (b *builder) operationLine(item Item, payer Payer) Line {
	l := b.line(item, payer)
	l.For = b.q.For
	return l
}

func (b *builder) add(l Line) { b.lines = append(b.lines, l) }

func (b *builder) say(code, sentence string) {
	b.said = append(b.said, image.Reason{Code: code, Sentence: sentence})
}

func (b *builder) find(fatal bool, code, sentence string) {
	b.findings = append(b.findings, Finding{Fatal: fatal, Reason: image.Reason{Code: code, Sentence: sentence}})
}

func (l *Line) because(code, sentence string) {
	l.Reasons = append(l.Reasons, image.Reason{Code: code, Sentence: sentence})
}

func (l *Line) unknown(code, sentence string) {
	l.Unknown = append(l.Unknown, image.Reason{Code: code, Sentence: sentence})
}

// settle gives the line an exact amount: quantity times rate.
func (b *builder) settle(l *Line, rate *Rate, quantity Number) {
	b.show(l, rate, quantity)
	amount := rate.times(quantity.ratio())
	l.Amount = &amount
}

// show puts the rate and its origin on the line.
func (b *builder) show(l *Line, rate *Rate, quantity Number) {
	price := rate.Price
	l.Quantity, l.Unit, l.Rate, l.Tier, l.Default = quantity, rate.unitName(), &price, rate.Tier(), rate.Default
	if rate.Source == licencePage {
		l.because("imagePriceNotPublished", "the page lists licences for existing instances; that images cost the same is not documented")
	}
	if rate.Default {
		l.because(codeDefaultRate, "this is the default of "+overlayName+" for all regions: no rate of the region itself is known")
	}
	b.date(l, page{rate.Source, rate.Since, rate.ReadAt})
}

// nothing gives the line an amount of zero, by a rule of a page.
func (b *builder) nothing(l *Line, p page) {
	zero := money.Of(money.Whole(0), b.currency)
	l.Amount = &zero
	b.date(l, p)
}

// page is where a rate or a rule stands, and its dates.
type page struct{ source, since, readAt string }

// date puts the origin of an amount on the line, and says if that is old.
func (b *builder) date(l *Line, p page) {
	l.Source, l.Since, l.ReadAt, l.Date = p.source, p.since, p.readAt, cmp.Or(p.since, p.readAt)
	days, old := b.rates.age(p)
	l.AgeDays = days
	if old {
		l.because(codeOldRate, "known as of "+cmp.Or(p.readAt, p.since)+", which may be more than twelve months ago: see whether it still holds")
	}
}

// lack says that a rate is missing for want of which an amount is unknown.
func (b *builder) lack(w WantedRate) {
	w.Currency = b.currency
	b.wanted = append(b.wanted, w)
}

// quote adds up.
func (b *builder) quote() (Quote, error) {
	q := Quote{
		Image: b.q.Image.Ref, Rule: b.ruling, Source: b.q.source(), For: b.q.For, Currency: b.currency,
		Lines: b.lines, Findings: b.findings, Notes: b.said, Wanted: distinctRates(b.wanted),
	}
	if !b.q.Observed.empty() {
		observed := b.q.Observed
		q.Observed = &observed
	}
	return q, q.sum()
}

// sum fills total, bounds, known part and what is missing. It fails with
// fault.Invalid only if lines are in different currencies.
func (q *Quote) sum() error {
	exact := make([]money.Amount, 0, len(q.Lines)+1)
	var ranges []money.Span
	bounded := true
	for i := range q.Lines {
		l := &q.Lines[i]
		switch {
		case l.Amount != nil:
			exact = append(exact, *l.Amount)
			continue
		case l.Lower != nil && l.Upper != nil:
			ranges = append(ranges, money.Span{Lower: *l.Lower, Upper: *l.Upper})
		default:
			bounded = false
		}
		q.Missing = append(q.Missing, Missing{Item: l.Item, For: l.For, Subject: l.Subject, Reason: l.missing()})
	}
	if len(exact) == 0 {
		exact = append(exact, money.Of(money.Whole(0), q.Currency))
	}
	known, err := total(exact)
	if err != nil {
		return err
	}
	q.Known = known
	if q.refused() || !bounded {
		return nil
	}
	if len(ranges) == 0 {
		q.Total = &known
		return nil
	}
	span, err := money.SumSpans(append(ranges, money.Span{Lower: known, Upper: known})...)
	q.Lower, q.Upper = &span.Lower, &span.Upper
	return err
}

// total adds amounts, of which there is at least one.
func total(amounts []money.Amount) (money.Amount, error) {
	if len(amounts) == 1 {
		return amounts[0], nil
	}
	return money.Sum(amounts...)
}

// refused tells whether a finding is fatal; each fatal one is missing from the total.
func (q *Quote) refused() bool {
	fatal := false
	for _, f := range q.Findings {
		if f.Fatal {
			fatal = true
			q.Missing = append(q.Missing, Missing{For: q.For, Reason: f.Reason})
		}
	}
	return fatal
}

// missing is why the line has no exact amount.
func (l *Line) missing() image.Reason {
	if len(l.Unknown) > 0 {
		return l.Unknown[0]
	}
	return image.Reason{Code: "range", Sentence: "only the least and the most it can cost are known"}
}

// CostsLike tells whether two quotes of the same question say the same of what is
// paid, line by line.
func (q *Quote) CostsLike(o *Quote) bool {
	same := func(a, b *money.Amount) bool {
		return (a == nil) == (b == nil) && (a == nil || money.Compare(*a, *b) == 0)
	}
	if len(q.Lines) != len(o.Lines) || q.Currency != o.Currency {
		return false
	}
	for n := range q.Lines {
		a, b := &q.Lines[n], &o.Lines[n]
		if a.Item != b.Item || !same(a.Amount, b.Amount) || !same(a.Lower, b.Lower) || !same(a.Upper, b.Upper) {
			return false
		}
	}
	return same(q.Total, o.Total)
}

// Worth is what a quote comes to, in a few words.
func (q *Quote) Worth() string {
	switch {
	case q.Total != nil:
		return q.Total.String()
	case q.Lower != nil && q.Upper != nil:
		return q.Lower.String() + " to " + q.Upper.String()
	}
	return "not known"
}
