package importing

import (
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/importing/diskimage"
)

// Observed is what was seen before anything is planned. What could not be seen says
// so: it is never taken for no.
type Observed struct {
	Now time.Time
	// Region is where the image is made, and Account whose it will be.
	Region  image.RegionID
	Account image.AccountID
	// Objects are those of the source: the system disk's first.
	Objects []ObjectSeen
	// Instance and its disks, where that is the source.
	Instance *InstanceSeen
	// Snapshots are those that were named and found.
	Snapshots []image.Snapshot
	// Existing is the image that is copied; nil: it was not found.
	Existing *image.Image
	// Unread is why the source could not be seen.
	Unread *image.Reason
	// Places are what was seen in each region that gets an image.
	Places map[image.RegionID]PlaceSeen
	// Roles are those that ECS assumes, by their names.
	Roles map[string]RoleSeen
	// May tells whether actions are permitted to us.
	May map[string]image.Tri
	// Refused is why ECS refused the dry run of making it, other than for a permission;
	// nil: it did not, or that was no answer of its own.
	Refused *image.Reason
	// Cost is what it will cost, by price's rules.
	Cost Cost
	// Types are the instance types of the region that a boot test can use, the
	// smallest first.
	Types []image.InstanceType
}

// ObjectSeen is an object as a HEAD and an inspection show it.
type ObjectSeen struct {
	Bucket, Key string
	// Allowed: it is below a prefix that imports may read.
	Allowed bool
	// Missing: there is no such object.
	Missing bool
	// Unread is why it could not be looked at.
	Unread *image.Reason
	Stamp
	// Region of the bucket; empty: not known.
	Region image.RegionID
	// StorageClass as OSS writes it; empty is Standard.
	StorageClass string
	// Restored: an archived object can be read.
	Restored image.Tri
	// Encrypted: by OSS, which ECS cannot read.
	Encrypted image.Tri
	Disk      diskimage.Disk
}

// Stamp is what tells one version of an object from another.
type Stamp struct {
	ETag       string    `json:"eTag"`
	CRC64      string    `json:"crc64,omitempty"`
	Size       int64     `json:"size"`
	ModifiedAt time.Time `json:"modifiedAt"`
	VersionID  string    `json:"versionId,omitempty"`
}

// InstanceSeen is an instance with its disks and the image that it runs.
type InstanceSeen struct {
	image.Instance
	Disks []image.Disk
	// Image that it runs; nil: it is not to be seen.
	Image *image.Image
	// SnapshotRunning: a snapshot of a disk is being made.
	SnapshotRunning image.Tri
}

// PlaceSeen is one region as far as it matters.
type PlaceSeen struct {
	// Taken are those of our names that images of ours have.
	Taken map[string]Taker
	// Images is how many custom images there are, Most how many there may be; -1: not known.
	Images, Most int
	// Copies is how many copies are under way; -1: not known.
	Copies int
	Unread *image.Reason
}

// Taker is an image that has a name.
type Taker struct {
	Image image.ID
	// Import is the import that made it; empty: none of ours.
	Import string
}

// RoleSeen is a role that ECS assumes for imports and exports.
type RoleSeen struct {
	// Exists and Trusts: ECS may assume it.
	Exists, Trusts image.Tri
}

// RegionCost is what something costs in one region.
type RegionCost struct {
	RegionID image.RegionID `json:"regionId"`
	Monthly  string         `json:"monthly"`
}

// Cost is what an import costs, as texts of exact amounts in one currency.
type Cost struct {
	Currency string `json:"currency,omitempty"`
	// Reading is that of the source, once.
	Reading string `json:"reading,omitempty"`
	// Storage is that of the snapshots a month, region by region, at the most.
	Storage []RegionCost `json:"storage,omitempty"`
	// StorageMonthly is that of the snapshots, in all regions; TestOnce that of the
	// boot test; LicenceHourly what instances of it pay. Empty: not known.
	StorageMonthly string `json:"storageMonthly,omitempty"`
	TestOnce       string `json:"testOnce,omitempty"`
	LicenceHourly  string `json:"licenceHourly,omitempty"`
	// Why says what is not known.
	Why []image.Reason `json:"why,omitempty"`
}
