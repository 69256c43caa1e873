package pricing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Reader is what pricing needs of one account's view of the cloud. Failures are of
// the kinds of package fault.
type Reader interface {
	Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error)
	// Price fails with the code by which DescribePrice refused.
	Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error)
}

// Place is where prices are asked for: one account in one region.
type Place struct {
	Account image.AccountID
	Region  image.RegionID
	Reader  Reader
}

// The permissions that asking for prices needs.
const (
	mayListImages = "ecs:DescribeImages"
	mayAskPrices  = "ecs:DescribePrice"
)

// Observe asks DescribePrice what a question wants answered: for the image, for a
// free one with everything else the same, and for the Marketplace image that it
// comes from. It does not fail: an answer that is missing has a reason, and what
// a permission or another try would cure is unread. now dates the answers.
func Observe(ctx context.Context, at Place, q Question, now time.Time) (ObservedPrices, []image.Unread) {
	o := inquirer{Place: at, now: now}
	return o.observe(ctx, q), o.unread
}

// inquirer asks for one question.
type inquirer struct {
	Place
	now    time.Time
	unread []image.Unread
}

func (o *inquirer) observe(ctx context.Context, q Question) ObservedPrices {
	var seen ObservedPrices
	free, ok := o.free(ctx, q.Image.Architecture)
	asks := q.Asks(free)
	if !ok {
		asks = q.Asks(q.Image)
	}
	if len(asks) == 0 {
		return seen
	}
	seen.With, seen.Refusal = o.price(ctx, asks[0])
	if seen.Refusal != nil {
		return seen
	}
	if source := q.Source; source.Kind == SourceMarketplace && source.Image != q.Image.ID && source.Region == asks[0].Region {
		original := asks[0]
		original.Image = source.Image
		seen.Source, _ = o.price(ctx, original) // a product that is gone answers nothing
	}
	if !ok {
		seen.Refusal = &image.Reason{Code: "noFreeImage", Sentence: "there is no free public image to compare with in " + string(o.Region)}
		return seen
	}
	var why *image.Reason
	if seen.Free, why = o.price(ctx, asks[1]); why != nil {
		seen.Refusal = &image.Reason{Code: "freeImageNotPriced", Sentence: fmt.Sprintf("DescribePrice gave no price for %s, to compare with: %s", asks[1].Image, why.Sentence)}
	}
	return seen
}

// free is the free public image that others are compared with.
func (o *inquirer) free(ctx context.Context, a image.Architecture) (image.Image, bool) {
	if a == image.I386 || a == "" {
		a = image.X86_64 // what an instance of it runs on
	}
	images, err := o.Reader.Images(ctx, o.Region, image.Listing{Kind: image.KindPublic, OSType: image.Linux, Architecture: a})
	if err != nil {
		o.missed(mayListImages, err)
		return image.Image{}, false
	}
	return FreeLinux(images, a)
}

// price is one call of DescribePrice; a reason says why there is no answer.
func (o *inquirer) price(ctx context.Context, a Ask) (*PriceAnswer, *image.Reason) {
	said, err := o.Reader.Price(ctx, a.Region, image.PriceQuestion{
		Image: a.Image, InstanceType: a.InstanceType, Unit: a.Unit.asked(), Period: a.Period, SystemDiskGiB: a.SystemDiskGiB,
	})
	if err == nil {
		return answerTo(a, said, o.now), nil
	}
	why := Refused(fault.Code(err))
	switch fault.Of(err) {
	case fault.Forbidden:
		if why.Code != "InvalidChargeType.MarketImage" && !strings.HasPrefix(why.Code, "Image") {
			o.missed(mayAskPrices, err)
		}
	case fault.Throttled, fault.Unavailable, fault.Unknown, fault.Internal:
		why.Sentence = "DescribePrice could not be asked: " + fault.Sentence(err)
		o.missed("", err)
	}
	return nil, &why
}

// missed remembers what could not be asked; only a missing permission is cured
// by one.
func (o *inquirer) missed(permission string, err error) {
	o.unread = append(o.unread, image.UnreadOf(o.Account, o.Region, permission, err))
}

// asked is the unit as DescribePrice takes it.
func (u Unit) asked() image.PriceUnit {
	switch u {
	case Week:
		return image.PricePerWeek
	case Month:
		return image.PricePerMonth
	case Year:
		return image.PricePerYear
	}
	return image.PricePerHour
}

// answerTo is what DescribePrice said to an ask.
func answerTo(a Ask, said image.PriceAnswer, now time.Time) *PriceAnswer {
	answer := &PriceAnswer{
		Image: a.Image, InstanceType: a.InstanceType, Currency: said.Currency, Unit: a.Unit, Period: a.Period,
		Rows: []PriceRow{}, Trade: NumberOf(said.Trade.Rat()), At: now,
	}
	for _, row := range said.Rows {
		answer.Rows = append(answer.Rows, PriceRow{
			Resource: row.Resource, Original: NumberOf(row.Original.Rat()), Trade: NumberOf(row.Trade.Rat()),
		})
	}
	if said.Marketplace != nil {
		answer.Marketplace = NumberOf(said.Marketplace.Rat())
	}
	return answer
}

// Site is the site by whose currency DescribePrice answered; empty if it did not.
func (o ObservedPrices) Site() Site {
	for _, a := range []*PriceAnswer{o.With, o.Free} {
		if a != nil && siteIn(a.Currency) != "" {
			return siteIn(a.Currency)
		}
	}
	return ""
}

// siteIn is the site that bills in a currency.
func siteIn(c money.Currency) Site {
	switch c {
	case money.CNY:
		return China
	case money.USD:
		return International
	}
	return ""
}
