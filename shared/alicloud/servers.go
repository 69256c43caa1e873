package alicloud

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/image"
)

// mostTypes is how many instance types one DescribeInstanceTypes may name.
const mostTypes = 10

// diskPageSize is the most rows a page of DescribeDisks holds.
const diskPageSize = 500

// InstanceTypes describes instance types; none named: all of the region. A
// type that ECS does not know is absent. The order is that of the ids, else
// ECS's. Source: DescribeInstanceTypes.
func (a *Account) InstanceTypes(ctx context.Context, region image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	if err := checkRegion(region); err != nil {
		return nil, err
	}
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	account, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return a.types(ctx, account, region, nil)
	}
	parts := slices.Collect(slices.Chunk(slices.Clone(ids), mostTypes))
	found := make([][]image.InstanceType, len(parts))
	group, ctx := errgroup.WithContext(ctx)
	for i, part := range parts {
		group.Go(fanout.Contained(func() (err error) {
			found[i], err = a.types(ctx, account, region, part)
			return err
		}))
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return inOrder(ids, slices.Concat(found...)), nil
}

// inOrder returns what was found in the order of ids, each once.
func inOrder(ids []image.InstanceTypeID, found []image.InstanceType) []image.InstanceType {
	var ordered []image.InstanceType
	for i, id := range ids {
		at := slices.IndexFunc(found, func(t image.InstanceType) bool { return t.ID == id })
		if at >= 0 && !slices.Contains(ids[:i], id) {
			ordered = append(ordered, found[at])
		}
	}
	return ordered
}

// types reads one listing of at most ten instance types, or of all.
func (a *Account) types(ctx context.Context, account image.AccountID, region image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	l := listing[image.InstanceType]{
		operation: "ecs:DescribeInstanceTypes", account: account, region: region, shape: a.cloud.tables().types, size: pageSize,
		request: func(_ int, token string) params {
			return repeat(params{"RegionId": string(region), "MaxResults": strconv.Itoa(pageSize), "NextToken": token}, "InstanceTypes", ids)
		},
		key: func(t *image.InstanceType) string { return string(t.ID) },
		check: func(t *image.InstanceType) error {
			return asked(ids, t.ID)
		},
		never: len(ids) == 0,
	}
	return l.byToken(ctx, a)
}

// asked fails with errNotAsked unless id is among ids, or all were asked for.
func asked[ID comparable](ids []ID, id ID) error {
	if len(ids) > 0 && !slices.Contains(ids, id) {
		return errNotAsked
	}
	return nil
}

// same fails with errNotAsked if something was asked for and got is not it.
func same[T comparable](want, got T) error {
	var all T
	if want != all && want != got {
		return errNotAsked
	}
	return nil
}

// first returns the first failure.
func first(failures ...error) error {
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

// listed writes ids as the JSON lists that some parameters take; none is "".
func listed[ID ~string](ids []ID) string {
	if len(ids) == 0 {
		return ""
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return ""
	}
	return string(text)
}

// Instances lists the instances of one region that match the listing, from
// all pages, in ECS's order. Source: DescribeInstances.
//
// An account that may not list instances gets an empty list from ECS, not a
// refusal: an empty answer is no evidence that there are none.
func (a *Account) Instances(ctx context.Context, region image.RegionID, listing image.InstanceListing) ([]image.Instance, error) {
	if err := first(checkRegion(region), checkIDs(listing.IDs)); err != nil {
		return nil, err
	}
	account, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	return a.instances(account, region, listing).byToken(ctx, a)
}

// instances is the listing of Instances.
func (a *Account) instances(account image.AccountID, region image.RegionID, want image.InstanceListing) listing[image.Instance] {
	return listing[image.Instance]{
		operation: "ecs:DescribeInstances", account: account, region: region, shape: a.cloud.tables().instances, size: pageSize,
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(region), "MaxResults": strconv.Itoa(pageSize), "NextToken": token, "InstanceIds": listed(want.IDs), "ImageId": string(want.Image), "Status": string(want.Status),
			}
		},
		key: func(i *image.Instance) string { return string(i.ID) },
		check: func(i *image.Instance) error {
			i.Account = account
			i.Region = image.RegionID(either(string(i.Region), string(region)))
			return first(same(region, i.Region), asked(want.IDs, i.ID), same(want.Image, i.Image), same(want.Status, i.Status))
		},
	}
}

// Disks lists the disks of one region that match the listing, from all pages,
// in ECS's order. Source: DescribeDisks.
func (a *Account) Disks(ctx context.Context, region image.RegionID, listing image.DiskListing) ([]image.Disk, error) {
	if err := first(checkRegion(region), checkIDs(listing.IDs)); err != nil {
		return nil, err
	}
	account, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	return a.disks(account, region, listing).byToken(ctx, a)
}

// disks is the listing of Disks.
func (a *Account) disks(account image.AccountID, region image.RegionID, want image.DiskListing) listing[image.Disk] {
	return listing[image.Disk]{
		operation: "ecs:DescribeDisks", account: account, region: region, shape: a.cloud.tables().disks, size: diskPageSize,
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(region), "MaxResults": strconv.Itoa(diskPageSize), "NextToken": token, "DiskIds": listed(want.IDs), "InstanceId": string(want.Instance), "SnapshotId": string(want.Snapshot), "DiskType": map[image.Tri]string{image.Yes: "system", image.No: "data"}[want.System],
			}
		},
		key: func(d *image.Disk) string { return string(d.ID) },
		check: func(d *image.Disk) error {
			d.Account = account
			d.Region = image.RegionID(either(string(d.Region), string(region)))
			return first(same(region, d.Region), asked(want.IDs, d.ID), same(want.System, kindOfDisk(d, want.System)))
		},
	}
}

// kindOfDisk is whether d is a system disk, as a filter writes it.
func kindOfDisk(d *image.Disk, filter image.Tri) image.Tri {
	if filter == image.Unknown {
		return image.Unknown
	}
	return image.TriOf(d.System)
}

// Snapshots lists the snapshots of one region that match the listing, of every
// status, from all pages, in ECS's order. Source: DescribeSnapshots.
func (a *Account) Snapshots(ctx context.Context, region image.RegionID, listing image.SnapshotListing) ([]image.Snapshot, error) {
	if err := first(checkRegion(region), checkIDs(listing.IDs)); err != nil {
		return nil, err
	}
	account, err := a.ID(ctx)
	if err != nil {
		return nil, err
	}
	return a.snapshots(account, region, listing).byToken(ctx, a)
}

// snapshots is the listing of Snapshots.
func (a *Account) snapshots(account image.AccountID, region image.RegionID, want image.SnapshotListing) listing[image.Snapshot] {
	return listing[image.Snapshot]{
		operation: "ecs:DescribeSnapshots", account: account, region: region, shape: a.cloud.tables().snapshots, size: pageSize,
		request: func(_ int, token string) params {
			return params{
				"RegionId": string(region), "MaxResults": strconv.Itoa(pageSize), "NextToken": token, "SnapshotIds": listed(want.IDs), "DiskId": string(want.Disk), "InstanceId": string(want.Instance), "Status": want.Status,
			}
		},
		key: func(n *image.Snapshot) string { return string(n.ID) },
		check: func(n *image.Snapshot) error {
			n.Account = account
			n.Region = image.RegionID(either(string(n.Region), string(region)))
			if n.Encrypted == image.No {
				n.Key = ""
			}
			return first(same(region, n.Region), asked(want.IDs, n.ID), same(want.Disk, n.SourceDisk), same(want.Status, n.Status))
		},
	}
}
