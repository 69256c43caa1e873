package image

import "time"

// Listing is what one listing of images asks the cloud. Only what ECS filters
// reliably is here; whoever lists checks again. Empty fields do not filter.
type Listing struct {
	// Kind is mandatory for marketplace and community; empty lists public,
	// custom and shared images together, as ECS does.
	Kind Kind
	// IDs are at most 100.
	IDs          []ID
	Family       Family
	SnapshotID   SnapshotID
	OSType       OSType
	Architecture Architecture
	// InstanceType: only images that this type can boot.
	InstanceType InstanceTypeID
	// Statuses defaults to Available only, as in ECS.
	Statuses []Status
	// Owner restricts shared and community images to one account's.
	Owner AccountID
	Usage Usage
}

// InstanceListing is what one listing of instances asks the cloud. Empty
// fields do not filter; an empty listing asks for all instances of the region.
type InstanceListing struct {
	// IDs are at most 100; those that do not exist are absent from the answer.
	IDs []InstanceID
	// Image is the one the system disk runs now.
	Image ID
	// Status is one state; ECS takes no list.
	Status InstanceStatus
}

// DiskListing is what one listing of disks asks the cloud. Empty fields do
// not filter.
type DiskListing struct {
	// IDs are at most 100; those that do not exist are absent from the answer.
	IDs []DiskID
	// Instance is the one the disks are attached to.
	Instance InstanceID
	// System: Yes lists system disks, No data disks.
	System Tri
	// Snapshot is the one the disks were created from.
	Snapshot SnapshotID
}

// SnapshotListing is what one listing of snapshots asks the cloud. Empty
// fields do not filter; every status is listed unless one is asked for.
type SnapshotListing struct {
	// IDs are at most 100; those that do not exist are absent from the answer.
	IDs []SnapshotID
	// Disk is the one the snapshots were taken of.
	Disk DiskID
	// Instance is the one whose disks the snapshots were taken of.
	Instance InstanceID
	// Status is "progressing", "accomplished" or "failed".
	Status string
}

// Region is one region of the cloud.
type Region struct {
	ID RegionID
	// Name is for people.
	Name string
	// Endpoint is the host of its ECS API.
	Endpoint string
}

// InstanceType is a size of server; source: DescribeInstanceTypes.
type InstanceType struct {
	ID           InstanceTypeID
	FamilyName   string
	VCPUs        int
	MemoryGiB    float64
	Architecture Architecture
	// BootModes are the ways it can boot; empty when ECS does not say.
	BootModes []BootMode
	// NVMe is "required", "supported" or "unsupported"; empty when unsaid.
	NVMe string
	// SecureBoot: instances of it can have secure boot on.
	SecureBoot Tri
	// LocalStorage: it comes with local disks.
	LocalStorage bool
}

// Instance is a server; source: DescribeInstances.
type Instance struct {
	Account AccountID
	Region  RegionID
	Zone    ZoneID
	ID      InstanceID
	Name    string
	// Image is the one its system disk runs now.
	Image     ID
	Type      InstanceTypeID
	Status    InstanceStatus
	OSType    OSType
	OSName    string
	VCPUs     int
	MemoryMiB int
	CreatedAt time.Time
	// ExpiresAt is when a subscription ends; zero for what is paid as one goes.
	ExpiresAt time.Time
	// ChargeType is PostPaid (pay-as-you-go) or PrePaid (subscription).
	ChargeType string
	// SpotStrategy is NoSpot, SpotAsPriceGo or SpotWithPriceLimit.
	SpotStrategy string
	// StoppedMode is KeepCharging, StopCharging or Not-applicable.
	StoppedMode string
	// Locks are the reasons of operation locks, e.g. "security".
	Locks []string
	Tags  Tags
}

// InstanceStatus is an instance's state as ECS writes it.
type InstanceStatus string

// The states; source: DescribeInstanceStatus.
const (
	InstancePending  InstanceStatus = "Pending"
	InstanceStarting InstanceStatus = "Starting"
	InstanceRunning  InstanceStatus = "Running"
	InstanceStopping InstanceStatus = "Stopping"
	InstanceStopped  InstanceStatus = "Stopped"
)

// Disk is a cloud disk; source: DescribeDisks.
type Disk struct {
	Account AccountID
	Region  RegionID
	Zone    ZoneID
	ID      DiskID
	Name    string
	System  bool
	SizeGiB int
	// Category is e.g. "cloud_essd".
	Category string
	// Status is e.g. "In_use", "Available".
	Status string
	// Image is the one the disk was created from; it never changes.
	Image ID
	// Instance it is attached to, if any.
	Instance       InstanceID
	SourceSnapshot SnapshotID
	ProductCode    ProductCode
	// Encrypted is Unknown where ECS does not say.
	Encrypted Tri
	CreatedAt time.Time
	Tags      Tags
}

// ServiceKey stands for the key of the service itself, which nobody can delete.
const ServiceKey = "service"

// SnapshotLock is a lock that keeps a snapshot from being deleted; source:
// DescribeLockedSnapshots.
type SnapshotLock struct {
	Snapshot SnapshotID
	// Status is "compliance-cooloff", "compliance" or "expired".
	Status string
	EndsAt time.Time
}

// Holds: the snapshot cannot be deleted. A status that nobody knows holds.
func (l SnapshotLock) Holds() bool { return l.Status != "expired" }

// Snapshot is a copy of a disk at one time; source: DescribeSnapshots.
type Snapshot struct {
	Account AccountID
	Region  RegionID
	ID      SnapshotID
	Name    string
	// Status is "progressing", "accomplished" or "failed".
	Status string
	// SourceDisk is kept after the disk is gone.
	SourceDisk        DiskID
	SourceSystemDisk  bool
	SourceDiskSizeGiB int
	// SourceSnapshot and SourceRegion are set for copies, where ECS fills them.
	SourceSnapshot SnapshotID
	SourceRegion   RegionID
	ProductCode    ProductCode
	// Usage is "image", "disk", "image_disk" or "none".
	Usage string
	// Category is "standard" or "archive".
	Category string
	// Encrypted is Unknown where ECS does not say.
	Encrypted Tri
	// Key is the key of KMS that it is encrypted by, or ServiceKey; empty: none, or ECS
	// does not say.
	Key string
	// LinkID names the chain of snapshots it belongs to.
	LinkID string
	// FullSizeBytes is the full, not the incremental, size.
	FullSizeBytes int64
	// RetentionDays is after how many days ECS deletes it by itself; 0: never.
	RetentionDays int
	CreatedAt     time.Time
	Tags          Tags
}

// EndsAt is when ECS deletes the snapshot by itself; zero: never.
func (s Snapshot) EndsAt() time.Time {
	if s.RetentionDays <= 0 || s.CreatedAt.IsZero() {
		return time.Time{}
	}
	return s.CreatedAt.Add(time.Duration(s.RetentionDays) * 24 * time.Hour)
}

// Grant is one account that may use an image; source: DescribeImageSharePermission.
type Grant struct {
	Account AccountID
	// At is when it was shared; zero when ECS does not say.
	At time.Time
}

// Build is one run of an image pipeline that made an image; source:
// DescribeImagePipelineExecutions and DescribeImagePipelines.
type Build struct {
	Account  AccountID
	Region   RegionID
	Pipeline string
	Run      string
	// Made is the image it made.
	Made ID
	// Base is what it started from, by BaseType: an image's id (IMAGE), a
	// family's name (IMAGE_FAMILY), or an OSS object (OSS).
	Base     string
	BaseType string
	// StartedAt is when the run was created.
	StartedAt time.Time
}

// TemplateVersion is one version of a launch template; source:
// DescribeLaunchTemplateVersions.
type TemplateVersion struct {
	Account  AccountID
	Region   RegionID
	Template string
	Name     string
	Version  int
	// Default: launched when no version is named.
	Default bool
	Image   ID
	// Description is that of the version.
	Description string
}

// ScalingConfiguration is what a scaling group starts instances from; source:
// ESS DescribeScalingConfigurations.
type ScalingConfiguration struct {
	Account AccountID
	Region  RegionID
	ID      string
	Name    string
	Group   string
	// Active: the group uses it now (LifecycleState).
	Active bool
	Image  ID
	// Family is used instead of Image: the newest Available image of it.
	Family Family
	// Template is used instead of both: a launch template that the group itself
	// names (DescribeScalingGroups); ID is then the group's. TemplateVersion is a
	// number, "Default" or "Latest".
	Template        string
	TemplateVersion string
}

// Pipeline builds images; source: DescribeImagePipelines.
type Pipeline struct {
	Account AccountID
	Region  RegionID
	ID      string
	Name    string
	// Base and BaseType are as in Build.
	Base     string
	BaseType string
}
