package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/image"
)

// chain is a chain of snapshots on the wire. sized: its size was said.
type chain struct {
	image.Chain
	sized bool
}

// SnapshotChains lists the chains of snapshots of a region, from all pages, in
// ECS's order. A chain that does not tell its size is not believed. Source:
// DescribeSnapshotLinks.
func (a *Account) SnapshotChains(ctx context.Context, region image.RegionID) ([]image.Chain, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	found, err := a.chains(account, region).byNumber(ctx, a)
	if err != nil {
		return nil, err
	}
	chains := make([]image.Chain, 0, len(found))
	for _, c := range found {
		chains = append(chains, c.Chain)
	}
	return chains, nil
}

// chains is the listing of SnapshotChains.
func (a *Account) chains(account image.AccountID, region image.RegionID) listing[chain] {
	return listing[chain]{
		operation: "ecs:DescribeSnapshotLinks", account: account, region: region, shape: a.cloud.tables().chains, size: pageSize,
		request: func(number int, _ string) params {
			return params{
				"RegionId": string(region), "PageNumber": strconv.Itoa(number), "PageSize": strconv.Itoa(pageSize),
			}
		},
		key: func(c *chain) string { return c.ID },
		check: func(c *chain) error {
			c.Account = account
			c.Region = image.RegionID(either(string(c.Region), string(region)))
			if !c.sized {
				return errNotAsked
			}
			return same(region, c.Region)
		},
	}
}

// usageSaid is DescribeSnapshotsUsage's answer.
type usageSaid struct {
	requestID      string
	count          int
	bytes          int64
	counted, sized bool
}

// SnapshotUsage tells how many snapshots a region has and what they occupy.
// Source: DescribeSnapshotsUsage.
func (a *Account) SnapshotUsage(ctx context.Context, region image.RegionID) (image.SnapshotUsage, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return image.SnapshotUsage{}, err
	}
	var said usageSaid
	err = a.do(ctx, account, call{
		operation: "ecs:DescribeSnapshotsUsage", region: region,
		given: params{
			"RegionId": string(region),
		},
		read: func(s *scanner) error {
			said = usageSaid{}
			usageFields().read(s, &said)
			if err := s.end(); err != nil || said.requestID == "" || !said.counted || !said.sized {
				return errMalformed
			}
			return nil
		},
	})
	if err != nil {
		return image.SnapshotUsage{}, err
	}
	return image.SnapshotUsage{Account: account, Region: region, Count: said.count, Bytes: said.bytes}, nil
}

// usageFields reads DescribeSnapshotsUsage's answer.
func usageFields() fields[usageSaid] {
	return fields[usageSaid]{
		"RequestId":     func(s *scanner, u *usageSaid) { u.requestID = s.str() },
		"SnapshotCount": func(s *scanner, u *usageSaid) { u.count, u.counted = int(s.size()), true },
		"SnapshotSize":  func(s *scanner, u *usageSaid) { u.bytes, u.sized = s.size(), true },
	}
}
