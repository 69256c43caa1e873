package pricing

import (
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// PriceRow is one row of an answer's details; source: DescribePrice
// DetailInfos.DetailInfo (or ResourcePriceModel).
type PriceRow struct {
	// Resource is e.g. "instanceType", "image"; its case does not matter.
	Resource string `json:"resource"`
	Original Number `json:"original,omitzero"`
	// Trade is what is paid after discounts.
	Trade Number `json:"trade"`
}

// PriceAnswer is one answer of DescribePrice for one instance.
type PriceAnswer struct {
	Image        image.ID             `json:"imageId,omitempty"`
	InstanceType image.InstanceTypeID `json:"instanceType,omitempty"`
	Currency     money.Currency       `json:"currency"`
	// Unit and Period are those of the request.
	Unit Unit `json:"priceUnit"`
	// Period: how many units the price is for.
	Period int `json:"period"`
	// Spot says that a spot price was asked for: two such answers do not compare.
	Spot bool `json:"spot,omitempty"`
	// Rows: the price of each resource, as DescribePrice has them.
	Rows []PriceRow `json:"rows"`
	// Trade is Price.TradePrice, with or without the Marketplace price.
	Trade Number `json:"tradePrice,omitzero"`
	// Marketplace is RelatedPrice.MarketplaceImagePrice.TradePrice; unset if the
	// answer has none.
	Marketplace Number    `json:"marketplaceImagePrice,omitzero"`
	At          time.Time `json:"at,omitzero"`
}

// ObservedPrices are the answers of DescribePrice that belong to one question.
type ObservedPrices struct {
	// With is for the image.
	With *PriceAnswer `json:"image,omitempty"`
	// Free is for a free Linux image, all else the same.
	Free *PriceAnswer `json:"freeImage,omitempty"`
	// Source is for the Marketplace image that the image comes from, if it exists.
	Source *PriceAnswer `json:"sourceImage,omitempty"`
	// Refusal says why ECS gave no price for the image.
	Refusal *image.Reason `json:"refusal,omitempty"`
}

func (o ObservedPrices) empty() bool {
	return o.With == nil && o.Free == nil && o.Source == nil && o.Refusal == nil
}

// sum adds the rows in which a licence can be; ok is false if there is no row for
// the instance type, without which nothing compares.
func (a *PriceAnswer) sum() (total, imageRow money.Ratio, ok bool) {
	for _, row := range a.Rows {
		switch {
		case strings.EqualFold(row.Resource, "instanceType"):
			ok = ok || !row.Trade.IsZero()
			total = total.Plus(row.Trade.ratio())
		case strings.EqualFold(row.Resource, "image"):
			total = total.Plus(row.Trade.ratio())
			imageRow = imageRow.Plus(row.Trade.ratio())
		}
	}
	return total, imageRow, ok
}

// term is what an instance is charged for: hours, or one purchased period.
type term struct {
	unit     Unit
	period   int
	quantity money.Ratio
}

// fits tells whether an answer is for the same kind of term.
func (t term) fits(a *PriceAnswer) bool {
	if t.unit == Hour {
		return a.Unit == Hour && a.Period <= 1
	}
	return a.Unit == t.unit && a.Period == t.period
}

// units is how many times an answer's price is due: once for a period.
func (t term) units() money.Ratio {
	if t.unit == Hour {
		return t.quantity
	}
	return money.Whole(1)
}

// unitName is the unit of those.
func (t term) unitName() string {
	if t.unit == Hour {
		return "instance-hour"
	}
	return "instance-term"
}

// usable tells why an answer cannot be used for a term in a currency, if so.
func (a *PriceAnswer) usable(t term, c money.Currency) *image.Reason {
	switch {
	case a.Currency != c:
		return &image.Reason{Code: "currencyContradictsSite", Sentence: "DescribePrice answered in another currency than that of the site"}
	case !t.fits(a):
		return &image.Reason{Code: "answerForAnotherTerm", Sentence: "DescribePrice was asked for another unit or period"}
	case a.Spot:
		return &image.Reason{Code: "spotAnswersDoNotCompare", Sentence: "spot prices change between two answers, so that their difference is not the licence"}
	}
	return nil
}

// difference is the licence by two answers: the instance type and image rows with
// the image, less those with a free one. So it does not matter in which row ECS
// puts the licence. A reason says why there is none.
type difference struct {
	// value counts if known.
	value money.Ratio
	known bool
	// inImageRow tells where the licence was found.
	inImageRow bool
	why        *image.Reason
}

func (o ObservedPrices) difference(t term, c money.Currency) difference {
	if o.With == nil || o.Free == nil {
		return difference{why: o.Refusal}
	}
	for _, a := range []*PriceAnswer{o.With, o.Free} {
		if why := a.usable(t, c); why != nil {
			return difference{why: why}
		}
	}
	if o.With.InstanceType != o.Free.InstanceType {
		return difference{why: &image.Reason{Code: "answersDoNotCompare", Sentence: "DescribePrice was asked for two different instance types"}}
	}
	with, withRow, ok := o.With.sum()
	free, freeRow, ok2 := o.Free.sum()
	if !ok || !ok2 {
		return difference{why: &image.Reason{Code: "rowsMissing", Sentence: "DescribePrice gave no row for the instance type"}}
	}
	d := difference{value: with.Minus(free), known: true, inImageRow: withRow.Cmp(freeRow) != 0}
	if d.value.Sign() < 0 {
		return difference{why: &image.Reason{
			Code:     "negativeDifference",
			Sentence: "DescribePrice answered less for the image than for a free one, by " + money.Of(free.Minus(with), c).String(),
		}}
	}
	return d
}

// Refused turns the code with which DescribePrice refused into why an image
// cannot be priced by it.
func Refused(code string) image.Reason {
	return image.Reason{Code: code, Sentence: "DescribePrice cannot price it: " + refusal(code)}
}

func refusal(code string) string {
	switch code {
	case "ImageNotSubscribed":
		return "the account has not subscribed to the Marketplace product"
	case "ImageRemovedInMarket":
		return "the Marketplace product it is based on was removed"
	case "InvalidMarketImage.NotFound":
		return "the Marketplace image does not exist"
	case "InvalidChargeType.MarketImage":
		return "the Marketplace product is not sold with this charge"
	case "QuotaExceed.BuyImage":
		return "the Marketplace product was not bought, or its quota is used up"
	case "IncorrectImageStatus", "OperationDenied":
		return "the image is disabled or deleted, or its sale ended"
	case "PriceNotFound":
		return "there is no price for this combination"
	case "InvalidImageId.NotFound":
		return "the image does not exist"
	case "ImageNotSupportInstanceType", "InvalidInstanceType.NotSupported", "InvalidParameter.Conflict":
		return "the image does not run on this instance type"
	case "InvalidSystemDiskSize.LessThanImageSize", "InvalidDiskSize.TooSmall":
		return "the system disk is smaller than the image"
	case "Forbidden.RAM", "Forbidden", "Forbbiden", "NoPermission":
		return "the role lacks ecs:DescribePrice"
	}
	return "it answered with this code"
}
