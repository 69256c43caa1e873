package pricing

import (
	"maps"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// sums adds lines of one currency.
type sums struct {
	lower, upper money.Ratio
	// unknown counts the lines of which nothing is known.
	unknown int
}

func (s *sums) join(o sums) {
	s.unknown += o.unknown
	s.lower, s.upper = s.lower.Plus(o.lower), s.upper.Plus(o.upper)
}

// widen makes it a range over both.
func (s *sums) widen(o sums) {
	s.unknown = max(s.unknown, o.unknown)
	if o.lower.Cmp(s.lower) < 0 {
		s.lower = o.lower
	}
	if o.upper.Cmp(s.upper) > 0 {
		s.upper = o.upper
	}
}

// lines adds the lines of an item, each so many times.
func (s *sums) lines(q *Quote, item Item, times money.Ratio) {
	for i := range q.Lines {
		if q.Lines[i].Item == item {
			s.line(&q.Lines[i], times)
		}
	}
}

func (s *sums) line(l *Line, times money.Ratio) {
	switch {
	case l.Amount != nil:
		a := times.Times(l.Amount.Ratio())
		s.join(sums{lower: a, upper: a})
	case l.Lower != nil && l.Upper != nil:
		s.join(sums{lower: times.Times(l.Lower.Ratio()), upper: times.Times(l.Upper.Ratio())})
	default:
		s.unknown++
	}
}

func (s *sums) cost(c money.Currency) Cost {
	low, high := amountOf(s.lower, c), amountOf(s.upper, c)
	switch {
	case s.unknown > 0 && s.lower.Sign() == 0:
		return Cost{Unknown: s.unknown} // a bound of nothing would say nothing
	case s.unknown > 0:
		return Cost{AtLeast: &low, Unknown: s.unknown}
	case s.lower.Cmp(s.upper) == 0:
		return Cost{Amount: &low}
	}
	return Cost{Lower: &low, Upper: &high}
}

// sums is a cost as it is added.
func (c Cost) sums() sums {
	s := sums{unknown: c.Unknown}
	for _, a := range []*money.Amount{c.Amount, c.Lower, c.AtLeast} {
		if a != nil {
			s.lower = a.Ratio()
			break
		}
	}
	s.upper = s.lower
	if c.Upper != nil {
		s.upper = c.Upper.Ratio()
	}
	return s
}

// most is what a cost is sorted by.
func (c Cost) most() money.Ratio { return c.sums().upper }

// parts are costs as they are added.
type parts struct{ storage, licence, software sums }

func (p *parts) join(o parts) {
	p.storage.join(o.storage)
	p.licence.join(o.licence)
	p.software.join(o.software)
}

func (p *parts) costs(c money.Currency, notes []image.Reason) Costs {
	var total sums
	total.join(p.storage)
	total.join(p.licence)
	total.join(p.software)
	return Costs{p.storage.cost(c), p.licence.cost(c), p.software.cost(c), total.cost(c), notes}
}

// currency is that of a cost; empty: nothing of it is known.
func (c Cost) currency() money.Currency {
	for _, a := range []*money.Amount{c.Amount, c.Lower, c.Upper, c.AtLeast} {
		if a != nil {
			return a.Currency()
		}
	}
	return ""
}

// Add adds costs, those of each currency by themselves; what nothing is known of is
// told last, unless it can be counted with the only currency that there is.
func Add(costs []Cost) []Cost {
	added := map[money.Currency]*sums{}
	for _, c := range costs {
		if added[c.currency()] == nil {
			added[c.currency()] = &sums{}
		}
		added[c.currency()].join(c.sums())
	}
	currencies := slices.Sorted(maps.Keys(added))
	if len(currencies) == 2 && currencies[0] == "" {
		added[currencies[1]].join(*added[""])
		currencies = currencies[1:]
	}
	all := make([]Cost, 0, len(currencies))
	for _, c := range currencies {
		all = append(all, added[c].cost(c))
	}
	return all
}

// Bounds are the least and the most of a cost and its currency, as decimals; empty
// where that is not known.
func (c Cost) Bounds() (lower, upper, currency string) {
	for _, a := range []*money.Amount{c.Amount, c.Lower, c.AtLeast} {
		if a != nil {
			lower = a.Decimal()
			break
		}
	}
	for _, a := range []*money.Amount{c.Amount, c.Upper} {
		if a != nil {
			upper = a.Decimal()
			break
		}
	}
	return lower, upper, string(c.currency())
}
