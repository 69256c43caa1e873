package alicloud

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Cloud is one process's way to Alibaba Cloud: transport, limits and
// endpoints, shared by all accounts. Safe for concurrent use.
type Cloud struct{}

// Account reads one account with one set of credentials. Safe for concurrent use.
type Account struct{}

// Open returns a Cloud. It fails with fault.Invalid, naming the field, for an
// endpoint or a number that is not allowed.
func Open(config Config) (*Cloud, error) { return &Cloud{}, nil }

// Account returns the account that the credentials belong to. It calls nothing.
func (c *Cloud) Account(credentials Credentials) *Account { return &Account{} }

// Assume returns the account of a RAM role, with credentials that are renewed
// as long as the base account's are good.
func (c *Cloud) Assume(ctx context.Context, base *Account, role RoleARN, session string) (*Account, error) {
	return nil, pending()
}

func pending() error { return fault.New(fault.Internal, "skeleton") }

// ID returns the account's id.
func (a *Account) ID(ctx context.Context) (image.AccountID, error) { return "", pending() }

// Regions lists the regions that the account may use.
func (a *Account) Regions(ctx context.Context) ([]image.Region, error) { return nil, pending() }

// Images lists images of one region, all pages.
func (a *Account) Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error) {
	return nil, pending()
}

// InstanceTypes describes instance types; none named: all of the region.
func (a *Account) InstanceTypes(ctx context.Context, region image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	return nil, pending()
}

// Grants lists the accounts that an image is shared with.
func (a *Account) Grants(ctx context.Context, region image.RegionID, id image.ID) ([]image.Grant, error) {
	return nil, pending()
}

// Instances lists instances of one region.
func (a *Account) Instances(ctx context.Context, region image.RegionID, listing image.InstanceListing) ([]image.Instance, error) {
	return nil, pending()
}

// Disks lists disks of one region.
func (a *Account) Disks(ctx context.Context, region image.RegionID, listing image.DiskListing) ([]image.Disk, error) {
	return nil, pending()
}

// Snapshots lists snapshots of one region.
func (a *Account) Snapshots(ctx context.Context, region image.RegionID, listing image.SnapshotListing) ([]image.Snapshot, error) {
	return nil, pending()
}
