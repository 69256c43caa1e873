package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

// instance is what the licence is charged to: a type of the region, with its
// number of vCPUs where that can be read, of which so many are active; 0: all.
func (s *survey) instance(ctx context.Context, at place, id image.InstanceTypeID, active int) (pricing.Instance, error) {
	if id == "" {
		return pricing.Instance{}, nil
	}
	instance := pricing.Instance{Type: id, ActiveVCPUs: active, Burstable: strings.HasPrefix(string(id), "ecs.t")}
	types, err := at.InstanceTypes(ctx, at.region, []image.InstanceTypeID{id})
	if err != nil {
		s.missed(image.Ref{Account: at.account, Region: at.region}, "ecs:DescribeInstanceTypes", err)
		return instance, nil
	}
	if len(types) == 0 {
		return instance, fault.InField("instanceType", "instanceTypeNotFound", "%s does not exist in %s", id, at.region)
	}
	instance.VCPUs = types[0].VCPUs
	if active > instance.VCPUs && instance.VCPUs > 0 {
		return instance, fault.InField("activeVcpus", "tooMany", "must be at most %d, as many as %s has", instance.VCPUs, id)
	}
	return instance, nil
}

// observe asks DescribePrice what a question wants answered: for the image, for
// a free one with everything else the same, and for the Marketplace image that
// it comes from. Each of them may fail.
func (s *survey) observe(ctx context.Context, at place, q pricing.Question) pricing.ObservedPrices {
	var seen pricing.ObservedPrices
	free, ok := s.free(ctx, at, q.Image.Architecture)
	asks := q.Asks(free)
	if !ok {
		asks = q.Asks(q.Image)
	}
	if len(asks) == 0 {
		return seen
	}
	seen.With, seen.Refusal = s.price(ctx, at, asks[0])
	if seen.Refusal != nil {
		return seen
	}
	if source := q.Source; source.Kind == pricing.SourceMarketplace && source.Image != q.Image.ID && source.Region == asks[0].Region {
		original := asks[0]
		original.Image = source.Image
		seen.Source, _ = s.price(ctx, at, original) // a product that is gone answers nothing
	}
	if !ok {
		seen.Refusal = &image.Reason{Code: "noFreeImage", Sentence: "there is no free public image to compare with in " + string(at.region)}
		return seen
	}
	var why *image.Reason
	if seen.Free, why = s.price(ctx, at, asks[1]); why != nil {
		seen.Refusal = &image.Reason{Code: "freeImageNotPriced", Sentence: fmt.Sprintf("DescribePrice gave no price for %s, to compare with: %s", asks[1].Image, why.Sentence)}
	}
	return seen
}

// free is the free public image that others are compared with.
func (s *survey) free(ctx context.Context, at place, a image.Architecture) (image.Image, bool) {
	if a == image.I386 || a == "" {
		a = image.X86_64 // what an instance of it runs on
	}
	images, err := at.Images(ctx, at.region, image.Listing{Kind: image.KindPublic, OSType: image.Linux, Architecture: a})
	if err != nil {
		s.missed(image.Ref{Account: at.account, Region: at.region}, "ecs:DescribeImages", err)
		return image.Image{}, false
	}
	return pricing.FreeLinux(images, a)
}

// price is one call of DescribePrice; a reason says why there is no answer.
func (s *survey) price(ctx context.Context, at place, a pricing.Ask) (*pricing.PriceAnswer, *image.Reason) {
	answer, err := at.Price(ctx, a.Region, image.PriceQuestion{
		Image: a.Image, InstanceType: a.InstanceType, Unit: priceUnit(a.Unit), Period: a.Period, SystemDiskGiB: a.SystemDiskGiB,
	})
	if err == nil {
		return s.answer(a, answer), nil
	}
	why := pricing.Refused(fault.Code(err))
	switch fault.Of(err) {
	case fault.Forbidden:
		if why.Code != "InvalidChargeType.MarketImage" && !strings.HasPrefix(why.Code, "Image") {
			s.missed(image.Ref{Account: at.account, Region: at.region}, "ecs:DescribePrice", err)
		}
	case fault.Throttled, fault.Unavailable, fault.Unknown, fault.Internal:
		why.Sentence = "DescribePrice could not be asked: " + fault.Sentence(err)
		s.missed(image.Ref{Account: at.account, Region: at.region}, "", err)
	}
	return nil, &why
}

func priceUnit(u pricing.Unit) image.PriceUnit {
	switch u {
	case pricing.Week:
		return image.PricePerWeek
	case pricing.Month:
		return image.PricePerMonth
	case pricing.Year:
		return image.PricePerYear
	}
	return image.PricePerHour
}

// answer puts what DescribePrice said into the words of pricing.
func (s *survey) answer(a pricing.Ask, said image.PriceAnswer) *pricing.PriceAnswer {
	answer := &pricing.PriceAnswer{
		Image: a.Image, InstanceType: a.InstanceType, Currency: said.Currency, Unit: a.Unit, Period: a.Period,
		Rows: []pricing.PriceRow{}, Trade: pricing.NumberOf(said.Trade.Rat()), At: s.asOf(),
	}
	for _, row := range said.Rows {
		answer.Rows = append(answer.Rows, pricing.PriceRow{
			Resource: row.Resource, Original: pricing.NumberOf(row.Original.Rat()), Trade: pricing.NumberOf(row.Trade.Rat()),
		})
	}
	if said.Marketplace != nil {
		answer.Marketplace = pricing.NumberOf(said.Marketplace.Rat())
	}
	return answer
}

// siteOf is the site by whose currency DescribePrice answered, else the one of
// the configuration.
func siteOf(seen pricing.ObservedPrices, configured pricing.Site) (pricing.Site, string) {
	for _, a := range []*pricing.PriceAnswer{seen.With, seen.Free} {
		switch {
		case a != nil && a.Currency == money.CNY:
			return pricing.China, byAnswer
		case a != nil && a.Currency == money.USD:
			return pricing.International, byAnswer
		}
	}
	return configured, byConfiguration
}

// By what the site was decided.
const (
	byAnswer        = "describePrice"
	byConfiguration = "configuration"
)

// fieldOf is the field that a failure blames, if it does.
func fieldOf(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}
