package image

import "time"

// ImportRequest is what ImportImage is asked; source: ImportImage.
type ImportRequest struct {
	Name, Description string
	OSType            OSType
	Platform          string
	Architecture      Architecture
	// BootMode is empty where ECS is to decide.
	BootMode BootMode
	// LicenseType is Aliyun or BYOL, for Windows only.
	LicenseType string
	// NVMe: the image has the driver (Features.NvmeSupport=supported).
	NVMe bool
	// IMDS is v1 or v2 (Features.ImdsSupport); empty: v1.
	IMDS string
	// Disks: the first one is the system disk.
	Disks         []ImportDisk
	ResourceGroup string
	Tags          Tags
	// Detect asks for the image check (DetectionStrategy=Standard).
	Detect bool
	// Token is the client token.
	Token string
}

// ImportDisk is one object of an import; source: DiskDeviceMapping.
type ImportDisk struct {
	// Format is RAW, VHD or QCOW2; it is always sent.
	Format         string
	Bucket, Object string
	SizeGiB        int
}

// CreateRequest is what CreateImage is asked: of an instance, or of snapshots;
// source: CreateImage.
type CreateRequest struct {
	Name, Description string
	Instance          InstanceID
	// Snapshots: the first one is of the system disk.
	Snapshots []SnapshotDisk
	// Platform, Architecture and BootMode count for snapshots only.
	Platform     string
	Architecture Architecture
	BootMode     BootMode
	// IMDS is v1 or v2; empty: that of the instance's image, and v1 of snapshots.
	IMDS          string
	ResourceGroup string
	Tags          Tags
	Detect        bool
	Token         string
}

// SnapshotDisk is one disk of an image that is made of snapshots.
type SnapshotDisk struct {
	Snapshot SnapshotID
	// SizeGiB is at least that of the snapshot; 0: the same.
	SizeGiB int
}

// CopyRequest is what CopyImage is asked; source: CopyImage.
type CopyRequest struct {
	// Image is in the region that is asked; To is the region of the copy.
	Image             ID
	To                RegionID
	Name, Description string
	Encrypted         bool
	// KMSKey is a key of the destination.
	KMSKey        string
	ResourceGroup string
	Tags          Tags
	Token         string
}

// Making is one of the calls that make an image: exactly one is set.
type Making struct {
	Import *ImportRequest
	Create *CreateRequest
	Copy   *CopyRequest
}

// AttributeChange is what ModifyImageAttribute is asked; nil leaves as it is;
// source: ModifyImageAttribute.
type AttributeChange struct {
	Name, Description *string
	Family            *Family
	// Deprecated: Status=Deprecated, else Available.
	Deprecated *bool
	BootMode   *BootMode
	// NVMe: Features.NvmeSupport is supported, else unsupported.
	NVMe *bool
	// IMDS is v1 or v2; v2 cannot be taken back.
	IMDS *string
	// LicenseType is BYOL, for Windows only.
	LicenseType *string
}

// Task is a long-running work of ECS; source: DescribeTaskAttribute.
type Task struct {
	ID     TaskID
	Region RegionID
	// Action is ImportImage or ExportImage.
	Action string
	// Status as ECS writes it: Waiting, Processing, Finished, Failed, …
	Status string
	// Resource is what it works on: an image's id for imports and exports.
	Resource string
	// Cancellable: SupportCancel.
	Cancellable Tri
	// Progress is 0 to 100.
	Progress int
	// ErrorCode and Error say why it failed.
	ErrorCode, Error string
	// Related are names and values of what it made, such as OSSObject; several values
	// are apart by blanks.
	Related map[string]string
}

// Detection is the vendor's check of an image; source: DescribeImages
// DetectionOptions. It is absent until ECS begins, and where it does not check.
type Detection struct {
	// Status is Processing or Finished.
	Status string
	Items  []DetectionItem
}

// DetectionItem is one thing that was checked.
type DetectionItem struct {
	// Name such as GUESTOS.CloudInit, with what was found.
	Name, Value string
	// Risk is High, Medium, or empty for none; Code says which.
	Risk, Code string
}

// LaunchRequest is what RunInstances is asked, for one instance that is paid by
// the hour and has no public address; source: RunInstances.
type LaunchRequest struct {
	Image         ID
	Type          InstanceTypeID
	VSwitch       string
	SecurityGroup string
	Name          string
	// ReleaseAt is when ECS deletes it, whoever comes back or not; at least 30
	// minutes from now.
	ReleaseAt    time.Time
	DiskCategory string
	Tags         Tags
	Token        string
}

// CommandRequest is what RunCommand is asked; source: RunCommand.
type CommandRequest struct {
	Instance InstanceID
	OSType   OSType
	Command  string
	// Timeout is in whole seconds.
	Timeout time.Duration
	Name    string
	Token   string
}

// Invocation is one run of a command on one instance; source:
// DescribeInvocationResults.
type Invocation struct {
	ID       string
	Instance InstanceID
	// Status is InvocationStatus: Pending, Running, Success, Failed, Timeout, …
	Status    string
	ExitCode  int
	ErrorCode string
	// Output is the end of what it wrote.
	Output string
}

// AssistantStatus tells whether the Cloud Assistant of an instance is alive;
// source: DescribeCloudAssistantStatus.
type AssistantStatus struct {
	Instance InstanceID
	Alive    bool
	// HeartbeatAt is its last sign; zero: none.
	HeartbeatAt time.Time
	// Version is empty where it is not installed.
	Version string
}

// Quota is one limit of an account; source: Quota Center GetProductQuota.
type Quota struct {
	// Total and Used are counts; Used means nothing where the quota is not consumed.
	Total, Used float64
	Consumable  bool
}

// Role is a role of RAM as far as a check needs it; source: RAM GetRole.
type Role struct {
	Name, ARN string
	// Trusted are the services that may assume it, such as ecs.aliyuncs.com.
	Trusted []string
}

// ObjectInfo is an object of OSS as HeadObject and GetBucketInfo tell.
type ObjectInfo struct {
	// ETag is quoted as OSS writes it; CRC64 is decimal, and empty for old objects.
	ETag, CRC64 string
	Size        int64
	ModifiedAt  time.Time
	VersionID   string
	// Region of the bucket; empty: not known.
	Region RegionID
	// StorageClass as OSS writes it; empty is Standard.
	StorageClass string
	// Restored: an archived object can be read now.
	Restored Tri
	// Encrypted by OSS, the object or by its bucket's rule.
	Encrypted Tri
}
