package pricing

import (
	"math/big"

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
	// Source is the page, DescribePrice or PRICE_RATES; Date is of the rate.
	Source string `json:"source,omitempty"`
	// Date: since when the rate holds, as 2026-01-31.
	Date  string `json:"date,omitempty"`
	Payer Payer  `json:"payer"`
	Rule  Rule   `json:"rule"`
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
	if err := q.check(); err != nil {
		return Quote{}, err
	}
	b := builder{q: &q, rates: rates, currency: q.Site.Currency(), lines: make([]Line, 0, 4)}
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

// term is the hours that are charged, or the purchased periods. In economical
// mode the licence is not charged while stopped.
func (q *Question) term() term {
	if q.subscription() {
		return term{unit: q.Charge.PeriodUnit, period: q.Charge.Period, quantity: Whole(int64(q.Charge.Period)).value}
	}
	seconds := q.Duration.rat()
	if q.Charge.StoppedMode != KeepCharging && q.Charge.Stopped.Sign() > 0 {
		seconds = new(big.Rat).Sub(seconds, q.Charge.Stopped.rat())
	}
	return term{unit: Hour, period: 1, quantity: over(seconds, secondsPerHour)}
}

// builder is a quote in the making.
type builder struct {
	q        *Question
	rates    Rates
	ruling   Ruling
	currency money.Currency
	term     term
	lines    []Line
	findings []Finding
	said     []image.Reason
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
func (l *Line) settle(rate *Rate, quantity Number) {
	l.show(rate, quantity)
	amount := rate.times(quantity.rat())
	l.Amount = &amount
}

// show puts the rate and its origin on the line.
func (l *Line) show(rate *Rate, quantity Number) {
	price := rate.Price
	l.Quantity, l.Unit, l.Rate = quantity, rate.unitName(), &price
	l.Tier, l.Source, l.Date = rate.Tier(), rate.Source, rate.Date
	if rate.Source == licencePage {
		l.because("imagePriceNotPublished", "the page lists licences for existing instances; that images cost the same is not documented")
	}
}

// nothing gives the line an amount of zero, by a rule of a page.
func (l *Line) nothing(c money.Currency, source, date string) {
	zero := money.New(Whole(0).value, c)
	l.Amount, l.Source, l.Date = &zero, source, date
}

// quote adds up.
func (b *builder) quote() (Quote, error) {
	q := Quote{
		Image: b.q.Image.Ref, Rule: b.ruling, Source: b.q.source(), For: b.q.For, Currency: b.currency,
		Lines: b.lines, Findings: b.findings, Notes: b.said,
	}
	if !b.q.Observed.empty() {
		q.Observed = &b.q.Observed
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
		exact = append(exact, money.New(new(big.Rat), q.Currency))
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
