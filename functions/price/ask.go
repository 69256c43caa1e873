package main

import (
	"context"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// instance is what the licence is charged to: a type of the region, with its
// number of vCPUs where that can be read, of which so many are active; 0: all.
func (s *survey) instance(ctx context.Context, at place, id image.InstanceTypeID, active int) (pricing.Instance, error) {
	if id == "" {
		return pricing.Instance{}, nil
	}
	instance := pricing.InstanceOf(id, 0)
	instance.ActiveVCPUs = active
	kind, err := typeIn(ctx, at, id)
	if err != nil && fault.Of(err) == fault.Invalid {
		return instance, err
	}
	if err != nil {
		s.missed(image.Ref{Account: at.account, Region: at.region}, "ecs:DescribeInstanceTypes", err)
		return instance, nil
	}
	instance.VCPUs = kind.VCPUs
	if active > instance.VCPUs && instance.VCPUs > 0 {
		return instance, fault.InField("activeVcpus", "tooMany", "must be at most %d, as many as %s has", instance.VCPUs, id)
	}
	return instance, nil
}

// typeIn finds a type in a region. That it is not there, with fault.Invalid, is
// believed only of a list of all types, which is never empty.
func typeIn(ctx context.Context, at place, id image.InstanceTypeID) (image.InstanceType, error) {
	found, err := at.InstanceTypes(ctx, at.region, []image.InstanceTypeID{id})
	if err == nil && len(found) == 0 {
		if found, err = at.InstanceTypes(ctx, at.region, nil); err == nil && len(found) == 0 {
			err = fault.New(fault.Unknown, "no instance type is shown, and every region has some").WithCode("emptyList")
		}
	}
	if err != nil {
		return image.InstanceType{}, err
	}
	if n := slices.IndexFunc(found, func(t image.InstanceType) bool { return t.ID == id }); n >= 0 {
		return found[n], nil
	}
	return image.InstanceType{}, fault.InField("instanceType", "instanceTypeNotFound", "%s does not exist in %s", id, at.region)
}

// observe asks DescribePrice what a question wants answered. Each answer may be
// missing.
func (s *survey) observe(ctx context.Context, at place, q pricing.Question) pricing.ObservedPrices {
	seen, unread := pricing.Observe(ctx, pricing.Counter{Account: at.account, Region: at.region, Desk: at.memory}, q, s.asOf())
	s.lacks(unread)
	return seen
}

// siteOf is the site by whose currency DescribePrice answered, else the one of
// the configuration.
func siteOf(seen pricing.ObservedPrices, configured pricing.Site) (pricing.Site, string) {
	if site := seen.Site(); site != "" {
		return site, byAnswer
	}
	return configured, byConfiguration
}

// By what the site was decided.
const (
	byAnswer        = "describePrice"
	byConfiguration = "configuration"
)
