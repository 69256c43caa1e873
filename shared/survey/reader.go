package survey

import (
	"context"

	"imagekeeper/shared/image"
)

// Reader reads one account with one set of credentials: alicloud.Account and
// cloudsim.View are Readers. Failures are of the kinds of package fault; a list
// that may be short must be a failure. How many calls are under way at once is
// the reader's to limit.
type Reader interface {
	Identity
	Offers
	Fleet
	Storage
}

// Offers are what instances can be made from, and what that costs.
type Offers interface {
	Catalogue
	Prices
}

// Fleet is what runs, and what would be launched.
type Fleet interface {
	Compute
	References
}

// Identity is whose account it is, and where it can look.
type Identity interface {
	ID(ctx context.Context) (image.AccountID, error)
	Regions(ctx context.Context) ([]image.Region, error)
}

// Catalogue is which images and sizes there are, and whom images are shared with.
type Catalogue interface {
	Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error)
	// Grants asks the owner of an image.
	Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error)
	// InstanceTypes tells about those of the types that exist in the region; none
	// named: all of them.
	InstanceTypes(ctx context.Context, in image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error)
}

// Compute is what runs.
type Compute interface {
	Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error)
	// MayList asks by a dry run whether this listing of instances is permitted.
	MayList(ctx context.Context, in image.RegionID, which image.InstanceListing) (image.Tri, error)
	Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error)
}

// Storage is what lies behind images, and what pipelines made.
type Storage interface {
	Snapshots(ctx context.Context, in image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error)
	SnapshotChains(ctx context.Context, in image.RegionID) ([]image.Chain, error)
	SnapshotUsage(ctx context.Context, in image.RegionID) (image.SnapshotUsage, error)
	Builds(ctx context.Context, in image.RegionID) ([]image.Build, error)
}

// References is what would launch an image.
type References interface {
	// TemplateVersions are all versions of all launch templates.
	TemplateVersions(ctx context.Context, in image.RegionID) ([]image.TemplateVersion, error)
	ScalingConfigurations(ctx context.Context, in image.RegionID) ([]image.ScalingConfiguration, error)
	Pipelines(ctx context.Context, in image.RegionID) ([]image.Pipeline, error)
}

// Prices is what instances would cost.
type Prices interface {
	Price(ctx context.Context, in image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error)
}

// Permissions is a Reader that can tell what is permitted. One that cannot is
// asked all the same, and nothing is known then.
type Permissions interface {
	// May tells whether an action is permitted, by a call that changes nothing.
	May(ctx context.Context, in image.RegionID, action string) (image.Tri, error)
}

// Protections is a Reader that can tell what keeps snapshots and encrypted images. Of
// one that cannot, that is not known.
type Protections interface {
	// SnapshotLocks are all locks of the account's snapshots.
	SnapshotLocks(ctx context.Context, in image.RegionID) ([]image.SnapshotLock, error)
	// KeyGone tells whether a key of KMS is gone.
	KeyGone(ctx context.Context, in image.RegionID, key string) (image.Tri, error)
}

// Account is one account to look through.
type Account struct {
	Reader Reader
	// ID is known beforehand for a role: from its ARN. Empty: the reader is asked.
	ID image.AccountID
	// Role is the ARN of the role that is assumed to look; empty for our own account.
	Role string
}

// Trail is a Reader that can tell what was done. One that cannot knows nothing.
type Trail interface {
	// Events are those asked for, latest first, and whether that is all.
	Events(ctx context.Context, in image.RegionID, want image.EventListing) (events []image.Event, all bool, err error)
}
