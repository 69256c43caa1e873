package alicloud

import (
	"cmp"
	"context"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Price asks what one instance with an image would cost; without an image, with a
// free Linux one. It fails with the code with which ECS refused, with
// fault.Invalid for a question that ECS would misread, and with fault.Unknown for
// an answer without a currency, a total or a price of a resource. Source:
// DescribePrice.
func (a *Account) Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	q, err := wholeQuestion(q)
	if err != nil {
		return image.PriceAnswer{}, err
	}
	account, err := a.reading(ctx, region)
	if err != nil {
		return image.PriceAnswer{}, err
	}
	var answer image.PriceAnswer
	err = a.do(ctx, account, call{
		operation: "ecs:DescribePrice", region: region,
		given: priceRequest(region, q),
		read: func(s *scanner) (err error) {
			answer, err = a.cloud.tables().prices.answer(s)
			return err
		},
	})
	if err != nil {
		return image.PriceAnswer{}, err
	}
	answer.Question = q
	return answer, nil
}

// wholeQuestion fills in what a question leaves open.
func wholeQuestion(q image.PriceQuestion) (image.PriceQuestion, error) {
	q.Unit, q.Period, q.SpotStrategy = cmp.Or(q.Unit, image.PricePerHour), cmp.Or(q.Period, 1), cmp.Or(q.SpotStrategy, "NoSpot")
	images := []image.ID{q.Image}
	if q.Image == "" {
		images = nil
	}
	if err := first(checkIDs(images), checkIDs([]image.InstanceTypeID{q.InstanceType})); err != nil {
		return q, err
	}
	longest := map[image.PriceUnit]int{image.PricePerHour: 1, image.PricePerWeek: 4, image.PricePerMonth: 9, image.PricePerYear: 5}[q.Unit]
	switch {
	case longest == 0:
		return q, fault.InField("priceUnit", "unknownUnit", "must be Hour, Week, Month or Year")
	case q.Period < 1 || q.Period > longest:
		return q, fault.InField("period", "outOfRange", "must be between 1 and %d for %s", longest, q.Unit)
	case q.SystemDiskGiB < 0:
		return q, fault.InField("systemDiskGiB", "outOfRange", "must not be negative")
	}
	return q, nil
}

// priceRequest asks a whole question.
func priceRequest(region image.RegionID, q image.PriceQuestion) params {
	return params{
		"RegionId": string(region), "ResourceType": "instance", "ImageId": string(q.Image), "InstanceType": string(q.InstanceType),
		"PriceUnit": string(q.Unit), "Period": strconv.Itoa(q.Period), "Amount": "1", "SpotStrategy": q.SpotStrategy,
		"SystemDisk.Category": q.SystemDiskCategory, "SystemDisk.Size": number(q.SystemDiskGiB),
	}
}

// prices say how DescribePrice's answer is read.
type prices struct {
	whole fields[priceSaid]
}

// priceSaid is DescribePrice's answer as it stands: prices are nil where it has
// none. details and models are the same rows under either name.
type priceSaid struct {
	requestID       string
	price, market   amountsSaid
	details, models []amountsSaid
	rules           []string
}

// amountsSaid is one price on the wire.
type amountsSaid struct {
	resource        string
	currency        money.Currency
	original, trade *big.Rat
}

// newPrices builds how prices are read.
func newPrices() prices {
	row := amountFields(func(a *amountsSaid) *amountsSaid { return a })
	price := amountFields(func(p *priceSaid) *amountsSaid { return &p.price })
	details := fields[priceSaid]{
		"DetailInfo":         func(s *scanner, p *priceSaid) { p.details = list(s, row) },
		"ResourcePriceModel": func(s *scanner, p *priceSaid) { p.models = list(s, row) },
	}
	price["DetailInfos"] = func(s *scanner, p *priceSaid) { details.read(s, p) }
	related := fields[priceSaid]{"MarketplaceImagePrice": func(s *scanner, p *priceSaid) { row.read(s, &p.market) }}
	rule := fields[string]{"Description": func(s *scanner, text *string) { *text = s.word() }}
	info := fields[priceSaid]{
		"Price":        func(s *scanner, p *priceSaid) { price.read(s, p) },
		"RelatedPrice": func(s *scanner, p *priceSaid) { related.read(s, p) },
		"Rules":        func(s *scanner, p *priceSaid) { p.rules = rows(s, "Rule", rule) },
	}
	return prices{whole: fields[priceSaid]{
		"RequestId": func(s *scanner, p *priceSaid) { p.requestID = s.str() },
		"PriceInfo": func(s *scanner, p *priceSaid) { info.read(s, p) },
	}}
}

// list reads [row, row].
func list[T any](s *scanner, f fields[T]) (found []T) {
	s.array(func() {
		var row T
		f.read(s, &row)
		found = append(found, row)
	})
	return found
}

// amountFields reads the amounts that stand in something.
func amountFields[T any](in func(*T) *amountsSaid) fields[T] {
	return fields[T]{
		"Resource":      func(s *scanner, t *T) { in(t).resource = s.word() },
		"Currency":      func(s *scanner, t *T) { in(t).currency = money.Currency(s.word()) },
		"OriginalPrice": func(s *scanner, t *T) { in(t).original = s.decimal() },
		"TradePrice":    func(s *scanner, t *T) { in(t).trade = s.decimal() },
	}
}

// answer reads one whole answer.
func (p prices) answer(s *scanner) (image.PriceAnswer, error) {
	var said priceSaid
	p.whole.read(s, &said)
	rows, agree := said.agreed()
	if err := s.end(); err != nil || said.requestID == "" || !agree {
		return image.PriceAnswer{}, errMalformed
	}
	currency := said.price.currency
	if currency != money.CNY && currency != money.USD || !said.price.whole(currency) {
		return image.PriceAnswer{}, errMalformed
	}
	answer := image.PriceAnswer{Currency: currency, Rules: said.rules}
	answer.Original, answer.Trade = said.price.amounts(currency)
	for _, row := range rows {
		if row.resource == "" || !row.whole(currency) {
			return image.PriceAnswer{}, errMalformed
		}
		read := image.PriceRow{Resource: row.resource}
		read.Original, read.Trade = row.amounts(currency)
		answer.Rows = append(answer.Rows, read)
	}
	if said.market != (amountsSaid{}) {
		if !said.market.whole(currency) {
			return image.PriceAnswer{}, errMalformed
		}
		_, market := said.market.amounts(currency)
		answer.Marketplace = &market
	}
	return answer, nil
}

// agreed returns the rows. ECS's documents name their list in two ways; where an
// answer has both, they must be the same.
func (p priceSaid) agreed() ([]amountsSaid, bool) {
	if len(p.details) == 0 || len(p.models) == 0 {
		return append(p.details, p.models...), true
	}
	return p.details, slices.EqualFunc(p.details, p.models, func(a, b amountsSaid) bool {
		return strings.EqualFold(a.resource, b.resource) && equal(a.trade, b.trade) && equal(a.original, b.original)
	})
}

// equal compares two decimals, either of which may be missing.
func equal(a, b *big.Rat) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Cmp(b) == 0
}

// whole reports whether a price has what it must, in no other currency.
func (a amountsSaid) whole(c money.Currency) bool {
	return a.trade != nil && a.original != nil && (a.currency == "" || a.currency == c)
}

// amounts are the list price and what is paid.
func (a amountsSaid) amounts(c money.Currency) (original, trade money.Amount) {
	return money.New(a.original, c), money.New(a.trade, c)
}
