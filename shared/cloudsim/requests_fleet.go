package cloudsim

import "imagekeeper/shared/image"

// InstanceRequest names one instance, in whatever region: StartInstance,
// RebootInstance.
type InstanceRequest struct {
	InstanceID image.InstanceID
	DryRun     bool
}

// StopInstanceRequest are the parameters of StopInstance.
type StopInstanceRequest struct {
	InstanceID image.InstanceID
	// StoppedMode is KeepCharging, StopCharging or empty.
	StoppedMode string
	DryRun      bool
}

// InstancesRequest are the parameters of StartInstances and StopInstances.
type InstancesRequest struct {
	RegionID    image.RegionID
	InstanceIDs []image.InstanceID
	// BatchOptimization is AllTogether (all or none, the default) or SuccessFirst.
	BatchOptimization string
	// StoppedMode is for StopInstances.
	StoppedMode string
	DryRun      bool
}

// PowerOutcome is what became of one instance of a StartInstances or
// StopInstances.
type PowerOutcome struct {
	InstanceID image.InstanceID
	// Before and After are its status before and after the call.
	Before, After image.InstanceStatus
	// Refused is why it was left alone; nil if it was not.
	Refused error

	entry *entry[instanceState]
}

// NewDisk is one disk of RunInstances.
type NewDisk struct {
	SizeGiB          int
	Category         string
	PerformanceLevel string
	Name             string
	SnapshotID       image.SnapshotID
	// KeptWithInstance: the disk stays when the instance is deleted
	// (DeleteWithInstance=false); for data disks only.
	KeptWithInstance bool
}

// RunInstancesRequest are the parameters of RunInstances. One of ImageID and
// ImageFamily counts, else the launch template's image.
type RunInstancesRequest struct {
	RegionID     image.RegionID
	ImageID      image.ID
	ImageFamily  image.Family
	InstanceType image.InstanceTypeID
	// TemplateID or TemplateName gives what the request leaves open; version 0 is
	// the default one.
	TemplateID      string
	TemplateName    string
	TemplateVersion int
	// Amount is 1 to 100; 0 means absent.
	Amount       int
	InstanceName string
	HostName     string
	UniqueSuffix bool
	ZoneID       image.ZoneID
	ChargeType   string // PostPaid or PrePaid
	Period       int
	PeriodUnit   string // Month or Week
	SpotStrategy string
	KeyPair      string
	// VSwitch and SecurityGroups are any "vsw-…" and "sg-…"; absent, the default
	// ones.
	VSwitch        string
	SecurityGroups []string
	SystemDisk     NewDisk
	DataDisks      []NewDisk
	Tags           []Tag
	ClientToken    string
	DryRun         bool
}

// DeleteInstancesRequest are the parameters of DeleteInstances and, with one
// instance and no region, of DeleteInstance.
type DeleteInstancesRequest struct {
	RegionID    image.RegionID
	InstanceIDs []image.InstanceID
	// Force deletes running ones, too.
	Force bool
	// TerminateSubscription deletes subscriptions that have expired, too.
	TerminateSubscription bool
	ClientToken           string
	DryRun                bool
}

// ReplaceSystemDiskRequest are the parameters of ReplaceSystemDisk.
type ReplaceSystemDiskRequest struct {
	InstanceID image.InstanceID
	ImageID    image.ID
	// SizeGiB is 0 for the default: what the image needs, at least 40, and not
	// less than the disk that is replaced.
	SizeGiB         int
	Encrypted       image.Tri
	KMSKeyID        string
	KeyPair         string
	Password        string
	PasswordInherit bool
	// Security is Active, Deactive or empty.
	Security    string
	ClientToken string
}

// CreateSnapshotRequest are the parameters of CreateSnapshot.
type CreateSnapshotRequest struct {
	DiskID      image.DiskID
	Name        string
	Description string
	// RetentionDays is 0 for ever; the wire passes an explicit 0 as -1.
	RetentionDays int
	// Category is standard, flash or empty.
	Category      string
	InstantAccess bool
	Tags          []Tag
	ClientToken   string
}

// DeleteSnapshotRequest are the parameters of DeleteSnapshot.
type DeleteSnapshotRequest struct {
	SnapshotID image.SnapshotID
	// Force deletes one that disks were made from, too.
	Force bool
}

// DescribeSnapshotLinksRequest are the parameters of DescribeSnapshotLinks; a
// given but empty list matches nothing.
type DescribeSnapshotLinksRequest struct {
	RegionID   image.RegionID
	InstanceID image.InstanceID
	DiskIDs    []image.DiskID
	LinkIDs    []string
	Pages      Pages
}

// ChainRow is one chain of snapshots as DescribeSnapshotLinks shows it.
type ChainRow struct {
	image.Chain
	SourceDiskName    string
	SourceDiskSizeGiB int
	SourceSystemDisk  bool
	InstanceID        image.InstanceID
	InstanceName      string
}

// ChainsPage is one page of DescribeSnapshotLinks.
type ChainsPage struct {
	Chains []ChainRow
	PageMark
}
