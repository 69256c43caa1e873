package cloudsim

import (
	"context"
	"errors"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// A View is the reading side of the cloud for one account, as a capability
// sees it: whole lists, typed values, failures by kind. It goes by the
// account's first key and what that key may do at the time of each call; for an
// account without keys everything is allowed. It is safe for concurrent use.
type View struct {
	cloud   *Cloud
	account image.AccountID
}

// View returns the reading side of the cloud as the account has it.
func (c *Cloud) View(account image.AccountID) *View { return &View{c, account} }

// session is a new session of the account's first key.
func (v *View) session() *Session {
	v.cloud.mu.RLock()
	defer v.cloud.mu.RUnlock()
	if cred, ok := v.cloud.ids.keys[v.cloud.ids.first[v.account]]; ok {
		return v.cloud.As(cred.Caller)
	}
	return v.cloud.As(Caller{Account: v.account, Type: "Account"})
}

// failure turns a refusal into a failure with its code and kind.
func failure(err error) error {
	var no *Refusal
	if !errors.As(err, &no) {
		return err
	}
	return &fault.Error{Kind: no.Kind, Code: no.Code, Sentence: no.Message, Cause: no}
}

// read runs one call of a session unless ctx has ended, and translates failures.
func read[T any](ctx context.Context, v *View, call func(*Session) (T, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, fault.Wrap(fault.Unavailable, err, "the call was given up before it was made")
	}
	answer, err := call(v.session())
	if err != nil {
		return zero, failure(err)
	}
	return answer, nil
}

// ID returns the account's id.
func (v *View) ID(ctx context.Context) (image.AccountID, error) {
	who, err := read(ctx, v, (*Session).GetCallerIdentity)
	return who.Account, err
}

// Regions returns all regions, with their names in English.
func (v *View) Regions(ctx context.Context) ([]image.Region, error) {
	rows, err := read(ctx, v, func(s *Session) ([]RegionRow, error) {
		return s.DescribeRegions(DescribeRegionsRequest{AcceptLanguage: "en-US"})
	})
	var regions []image.Region
	for _, row := range rows {
		regions = append(regions, row.Region)
	}
	return regions, err
}

// Images returns every image that answers the listing. It fails with
// fault.Forbidden, with fault.NotFound for an unknown region, and with
// fault.Invalid for a listing that ECS does not take.
func (v *View) Images(ctx context.Context, region image.RegionID, l image.Listing) ([]image.Image, error) {
	req := imagesRequest(region, l)
	var list []image.Image
	for req.Pages.Number = 1; ; req.Pages.Number++ {
		page, err := read(ctx, v, func(s *Session) (DescribeImagesPage, error) { return s.DescribeImages(req) })
		if err != nil {
			return nil, err
		}
		for _, row := range page.Images {
			list = append(list, row.Image)
		}
		if req.Pages.Number*req.Pages.Size >= page.Total {
			return list, nil
		}
	}
}

func imagesRequest(region image.RegionID, l image.Listing) DescribeImagesRequest {
	req := DescribeImagesRequest{
		RegionID: region, Statuses: l.Statuses, ImageIDs: l.IDs, ImageFamily: l.Family, SnapshotID: l.SnapshotID,
		OSType: string(l.OSType), Architecture: string(l.Architecture), InstanceType: l.InstanceType,
		OwnerID: l.Owner, Usage: string(l.Usage), Pages: Pages{Size: 100},
	}
	switch l.Kind {
	case image.KindPublic:
		req.OwnerAlias = AliasSystem
	case image.KindCustom:
		req.OwnerAlias = AliasSelf
	case image.KindShared:
		req.OwnerAlias = AliasOthers
	case image.KindCommunity:
		req.OwnerAlias, req.IsPublic = AliasOthers, image.Yes
	case image.KindMarketplace:
		req.OwnerAlias = AliasMarketplace
	}
	return req
}

// InstanceTypes returns the types with these ids, in their order; unknown ones
// are absent, and no ids ask for all. It fails with fault.NotFound for an
// unknown region.
func (v *View) InstanceTypes(ctx context.Context, region image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	if len(ids) == 0 {
		return v.types(ctx, region, nil)
	}
	var list []image.InstanceType
	for part := range slices.Chunk(ids, typesPerCall) {
		found, err := v.types(ctx, region, part)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	var ordered []image.InstanceType
	for i, id := range ids {
		at := slices.IndexFunc(list, func(t image.InstanceType) bool { return t.ID == id })
		if at >= 0 && !slices.Contains(ids[:i], id) {
			ordered = append(ordered, list[at])
		}
	}
	return ordered, nil
}

// types reads all pages of one listing of instance types.
func (v *View) types(ctx context.Context, region image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	req := DescribeInstanceTypesRequest{RegionID: region, InstanceTypes: ids}
	var list []image.InstanceType
	for {
		page, err := read(ctx, v, func(s *Session) (InstanceTypesPage, error) { return s.DescribeInstanceTypes(req) })
		if err != nil {
			return nil, err
		}
		list = append(list, page.InstanceTypes...)
		if req.Next = page.Next; req.Next == "" {
			return list, nil
		}
	}
}

// Grants returns the accounts that one of the account's images is shared with.
// It fails with fault.NotFound for an image that is not the account's.
func (v *View) Grants(ctx context.Context, region image.RegionID, id image.ID) ([]image.Grant, error) {
	req := DescribeImageSharePermissionRequest{RegionID: region, ImageID: id, Pages: Pages{Size: 100}}
	var list []image.Grant
	for req.Pages.Number = 1; ; req.Pages.Number++ {
		page, err := read(ctx, v, func(s *Session) (GrantsPage, error) { return s.DescribeImageSharePermission(req) })
		if err != nil {
			return nil, err
		}
		list = append(list, page.Grants...)
		if req.Pages.Number*req.Pages.Size >= page.Total {
			return list, nil
		}
	}
}

// orNil makes an empty list none at all: it does not filter.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// Instances returns every instance that answers the listing.
func (v *View) Instances(ctx context.Context, region image.RegionID, l image.InstanceListing) ([]image.Instance, error) {
	req := DescribeInstancesRequest{
		RegionID: region, InstanceIDs: orNil(l.IDs), ImageID: l.Image, Status: string(l.Status), Tokens: Tokens{MaxResults: 100},
	}
	var list []image.Instance
	for {
		page, err := read(ctx, v, func(s *Session) (InstancesPage, error) { return s.DescribeInstances(req) })
		if err != nil {
			return nil, err
		}
		for _, row := range page.Instances {
			one := row.Instance
			one.ExpiresAt = row.ExpiredAt.Truncate(time.Minute)
			list = append(list, one)
		}
		if req.Tokens.Next = page.Next; req.Tokens.Next == "" {
			return list, nil
		}
	}
}

// Disks returns every disk that answers the listing.
func (v *View) Disks(ctx context.Context, region image.RegionID, l image.DiskListing) ([]image.Disk, error) {
	req := DescribeDisksRequest{
		RegionID: region, DiskIDs: orNil(l.IDs), InstanceID: l.Instance, SnapshotID: l.Snapshot, Tokens: Tokens{MaxResults: 500},
	}
	switch l.System {
	case image.Yes:
		req.DiskType = "system"
	case image.No:
		req.DiskType = "data"
	}
	var list []image.Disk
	for {
		page, err := read(ctx, v, func(s *Session) (DisksPage, error) { return s.DescribeDisks(req) })
		if err != nil {
			return nil, err
		}
		for _, row := range page.Disks {
			list = append(list, row.Disk)
		}
		if req.Tokens.Next = page.Next; req.Tokens.Next == "" {
			return list, nil
		}
	}
}

// Snapshots returns every snapshot that answers the listing.
func (v *View) Snapshots(ctx context.Context, region image.RegionID, l image.SnapshotListing) ([]image.Snapshot, error) {
	req := DescribeSnapshotsRequest{
		RegionID: region, SnapshotIDs: orNil(l.IDs), DiskID: l.Disk, InstanceID: l.Instance, Status: l.Status, Tokens: Tokens{MaxResults: 100},
	}
	var list []image.Snapshot
	for {
		page, err := read(ctx, v, func(s *Session) (SnapshotsPage, error) { return s.DescribeSnapshots(req) })
		if err != nil {
			return nil, err
		}
		for _, row := range page.Snapshots {
			list = append(list, row.Snapshot)
		}
		if req.Tokens.Next = page.Next; req.Tokens.Next == "" {
			return list, nil
		}
	}
}
