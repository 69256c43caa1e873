package cloudsim

import (
	"time"

	"imagekeeper/shared/image"
)

// StatusAll, alone in DescribeImagesRequest.Statuses, asks for every state.
const StatusAll image.Status = "ALL"

// The owner aliases of DescribeImages.
const (
	AliasSystem      = "system"
	AliasSelf        = "self"
	AliasOthers      = "others"
	AliasMarketplace = "marketplace"
)

// Tag is one key and value in the order in which a request gave them.
type Tag struct{ Key, Value string }

// Filter is one Filter.N of a request.
type Filter struct{ Key, Value string }

// Pages asks for one page by number. Zero means absent: the first page, ten
// rows. A negative number, or a size above the operation's, is refused; the
// wire passes an explicit 0 as -1.
type Pages struct{ Number, Size int }

// PageMark is what a page-number answer says of itself.
type PageMark struct{ Number, Size, Total int }

// Tokens asks for a page by token. MaxResults is clamped, never refused; zero
// means absent. Pages is the retiring style of the same operations and counts
// only when neither Next nor MaxResults is given.
type Tokens struct {
	Next       string
	MaxResults int
	Pages      Pages
}

// TokenMark is what a token answer says of itself. Next is empty on the last
// page. Mark is filled in the page-number style; in the token style it has the
// Total only.
type TokenMark struct {
	Next string
	Mark PageMark
}

// ImageRow is one image as DescribeImages shows it, with the wire-only fields.
type ImageRow struct {
	image.Image
	// OSNameEN is OSName in English.
	OSNameEN string
	// LoginAsNonRoot: the image offers a user that is not root.
	LoginAsNonRoot bool
	// IMDS is "v1" or "v2", or empty.
	IMDS string
	// IOOptimized: the image supports I/O optimised instances.
	IOOptimized bool
	// RemainSeconds is what is left of a copy, per disk alike; 0 when none runs.
	RemainSeconds int
	// Detection is the state of the image check: "Processing", "Finished" or empty.
	Detection string
}

// InstanceRow is one instance as DescribeInstances shows it.
type InstanceRow struct {
	image.Instance
	HostName       string
	TypeFamily     string
	VPC            string
	VSwitch        string
	PrivateIP      string
	SecurityGroups []string
	StartedAt      time.Time
	// ExpiredAt is zero for pay-as-you-go.
	ExpiredAt time.Time
	KeyPair   string
}

// DiskRow is one disk as DescribeDisks shows it.
type DiskRow struct {
	image.Disk
	Device             string
	DeleteWithInstance bool
	DeleteAutoSnapshot bool
	PerformanceLevel   string
	// ChargeType is PostPaid or PrePaid.
	ChargeType string
	AttachedAt time.Time
}

// SnapshotRow is one snapshot as DescribeSnapshots shows it.
type SnapshotRow struct {
	image.Snapshot
	// Progress is 0 to 100.
	Progress      int
	RemainSeconds int
	// Type is "user", "auto" (timer) or "copied"; ECS writes auto as "timer".
	Type           string
	LastModifiedAt time.Time
	// RetentionDays is 0 for permanent.
	RetentionDays int
}

// DescribeRegionsRequest are the parameters of DescribeRegions.
type DescribeRegionsRequest struct {
	AcceptLanguage     string
	InstanceChargeType string
	ResourceType       string
}

// RegionRow is one region of DescribeRegions. Name follows AcceptLanguage.
type RegionRow struct {
	image.Region
	// Status is "available" or "soldOut".
	Status string
}

// DescribeZonesRequest are the parameters of DescribeZones.
type DescribeZonesRequest struct {
	RegionID       image.RegionID
	AcceptLanguage string
}

// ZoneRow is one zone of DescribeZones.
type ZoneRow struct {
	ID            image.ZoneID
	Name          string
	InstanceTypes []image.InstanceTypeID
	// DiskCategories are those that can be bought there.
	DiskCategories []string
}

// DescribeInstanceTypesRequest are the parameters of DescribeInstanceTypes.
// MaxResults is 1 to 100, 100 when absent; at most ten types or families are
// named. RegionID may be absent: types are the same everywhere.
type DescribeInstanceTypesRequest struct {
	RegionID        image.RegionID
	InstanceTypes   []image.InstanceTypeID
	Families        []string
	CPUArchitecture string // X86 or ARM
	NvmeSupport     string
	Next            string
	MaxResults      int
}

// InstanceTypesPage is one page of DescribeInstanceTypes.
type InstanceTypesPage struct {
	InstanceTypes []image.InstanceType
	Next          string
}

// DescribeImagesRequest are the parameters of DescribeImages.
type DescribeImagesRequest struct {
	RegionID image.RegionID
	// Statuses: none means Available only; StatusAll stands alone.
	Statuses []image.Status
	// ImageIDs are at most 100.
	ImageIDs []image.ID
	// ImageName matches a part of the name.
	ImageName     string
	ImageFamily   image.Family
	OwnerAlias    string
	OwnerID       image.AccountID
	SnapshotID    image.SnapshotID
	InstanceType  image.InstanceTypeID
	IOOptimized   image.Tri
	CloudInit     image.Tri
	OSType        string
	Architecture  string
	Usage         string
	IsPublic      image.Tri
	Usable        image.Tri
	ActionType    string
	ResourceGroup string
	ShowExpired   bool
	Tags          []Tag
	Filters       []Filter
	DryRun        bool
	Pages         Pages
}

// DescribeImagesPage is one page of DescribeImages.
type DescribeImagesPage struct {
	Images []ImageRow
	PageMark
}

// DescribeImageFromFamilyRequest are the parameters of DescribeImageFromFamily.
type DescribeImageFromFamilyRequest struct {
	RegionID    image.RegionID
	ImageFamily image.Family
}

// DescribeImageSupportInstanceTypesRequest are the parameters of
// DescribeImageSupportInstanceTypes. ImageID may be given as Filter imageId.
type DescribeImageSupportInstanceTypesRequest struct {
	RegionID   image.RegionID
	ImageID    image.ID
	ActionType string
	Filters    []Filter
}

// DiskInput is one DiskDeviceMapping.N of CreateImage.
type DiskInput struct {
	Device string
	// Type is "system", "data" or empty (as the snapshot is).
	Type       string
	SizeGiB    int
	SnapshotID image.SnapshotID
}

// CreateImageRequest are the parameters of CreateImage. Of InstanceID, Disks
// and SnapshotID the first that is given counts.
type CreateImageRequest struct {
	RegionID      image.RegionID
	InstanceID    image.InstanceID
	Disks         []DiskInput
	SnapshotID    image.SnapshotID
	ImageName     string
	Description   string
	ImageFamily   image.Family
	ImageVersion  string
	Platform      string
	Architecture  string
	BootMode      string
	IMDS          string
	Detection     string
	ResourceGroup string
	Tags          []Tag
	ClientToken   string
	DryRun        bool
}

// CopyImageRequest are the parameters of CopyImage. RegionID is the source.
type CopyImageRequest struct {
	RegionID            image.RegionID
	ImageID             image.ID
	DestinationRegionID image.RegionID
	Name                string
	Description         string
	Encrypted           image.Tri
	KMSKeyID            string
	EncryptAlgorithm    string
	ResourceGroup       string
	Tags                []Tag
	ClientToken         string
	DryRun              bool
}

// ImageRequest names one image: CancelCopyImage.
type ImageRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
}

// DeleteImageRequest are the parameters of DeleteImage.
type DeleteImageRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
	Force    bool
	DryRun   bool
}

// ModifyImageAttributeRequest are the parameters of ModifyImageAttribute;
// empty fields stay as they are.
type ModifyImageAttributeRequest struct {
	RegionID    image.RegionID
	ImageID     image.ID
	ImageName   string
	Description string
	ImageFamily image.Family
	Status      image.Status
	BootMode    string
	LicenseType string
	NVMe        string
	IMDS        string
	DryRun      bool
}

// ModifyImageSharePermissionRequest are the parameters of
// ModifyImageSharePermission. Of each list only the first ten count.
type ModifyImageSharePermissionRequest struct {
	RegionID         image.RegionID
	ImageID          image.ID
	AddAccounts      []image.AccountID
	RemoveAccounts   []image.AccountID
	IsPublic         image.Tri
	LaunchPermission string
	DryRun           bool
}

// DescribeImageSharePermissionRequest are the parameters of
// DescribeImageSharePermission.
type DescribeImageSharePermissionRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
	Pages    Pages
}

// GrantsPage is one page of DescribeImageSharePermission.
type GrantsPage struct {
	Grants []image.Grant
	PageMark
}

// TagResourcesRequest are the parameters of TagResources. ResourceType is
// image, instance, disk or snapshot.
type TagResourcesRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceIDs  []string
	Tags         []Tag
}

// UntagResourcesRequest are the parameters of UntagResources.
type UntagResourcesRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceIDs  []string
	TagKeys      []string
	All          bool
}

// TagFilter is one TagFilter.N of ListTagResources: a key and, unless Values
// is empty, the values of which one must be there.
type TagFilter struct {
	Key    string
	Values []string
}

// ListTagResourcesRequest are the parameters of ListTagResources.
type ListTagResourcesRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceIDs  []string
	Tags         []Tag
	TagFilters   []TagFilter
	Next         string
}

// TagRow is one tag of one resource.
type TagRow struct {
	ResourceType string
	ResourceID   string
	Key, Value   string
}

// TagsPage is one page of ListTagResources.
type TagsPage struct {
	Rows []TagRow
	Next string
}

// DescribeTagsRequest are the parameters of the legacy DescribeTags, which
// counts resources per tag. At most 100 per page, 50 when absent.
type DescribeTagsRequest struct {
	RegionID     image.RegionID
	ResourceType string
	ResourceID   string
	Tags         []Tag
	Pages        Pages
}

// TagCount is one tag and how many resources of each type bear it.
type TagCount struct {
	Key, Value string
	Images     int
	Instances  int
	Disks      int
	Snapshots  int
}

// TagCountsPage is one page of DescribeTags.
type TagCountsPage struct {
	Tags []TagCount
	PageMark
}

// DescribeInstancesRequest are the parameters of DescribeInstances.
type DescribeInstancesRequest struct {
	RegionID image.RegionID
	// InstanceIDs are at most 100; a given but empty list matches nothing.
	InstanceIDs   []image.InstanceID
	ImageID       image.ID
	Status        string
	InstanceType  image.InstanceTypeID
	InstanceName  string // with * as a wildcard
	ZoneID        image.ZoneID
	ChargeType    string
	LockReason    string
	NetworkType   string
	ResourceGroup string
	VPC           string
	VSwitch       string
	SecurityGroup string
	Tags          []Tag
	Filters       []Filter
	DryRun        bool
	Tokens        Tokens
}

// InstancesPage is one page of DescribeInstances.
type InstancesPage struct {
	Instances []InstanceRow
	TokenMark
}

// DescribeInstanceStatusRequest are the parameters of DescribeInstanceStatus;
// at most 100 ids and 50 rows per page.
type DescribeInstanceStatusRequest struct {
	RegionID    image.RegionID
	ZoneID      image.ZoneID
	InstanceIDs []image.InstanceID
	Pages       Pages
}

// InstanceStatusRow is the state of one instance.
type InstanceStatusRow struct {
	ID     image.InstanceID
	Status image.InstanceStatus
}

// InstanceStatusPage is one page of DescribeInstanceStatus.
type InstanceStatusPage struct {
	Instances []InstanceStatusRow
	PageMark
}

// DescribeDisksRequest are the parameters of DescribeDisks.
type DescribeDisksRequest struct {
	RegionID image.RegionID
	// DiskIDs are at most 100.
	DiskIDs    []image.DiskID
	InstanceID image.InstanceID
	// DiskType is system, data, all or empty (all).
	DiskType      string
	Status        string
	Category      string
	DiskName      string
	SnapshotID    image.SnapshotID
	ZoneID        image.ZoneID
	ChargeType    string
	Encrypted     image.Tri
	ResourceGroup string
	Tags          []Tag
	Filters       []Filter
	DryRun        bool
	Tokens        Tokens
}

// DisksPage is one page of DescribeDisks.
type DisksPage struct {
	Disks []DiskRow
	TokenMark
}

// DescribeSnapshotsRequest are the parameters of DescribeSnapshots.
type DescribeSnapshotsRequest struct {
	RegionID image.RegionID
	// SnapshotIDs are at most 100.
	SnapshotIDs    []image.SnapshotID
	DiskID         image.DiskID
	InstanceID     image.InstanceID
	SnapshotName   string
	SnapshotType   string // auto, user, all
	SourceDiskType string // system, data
	Status         string // progressing, accomplished, failed, all
	Usage          string // image, disk, image_disk, none
	Category       string
	Encrypted      image.Tri
	ResourceGroup  string
	Tags           []Tag
	Filters        []Filter
	DryRun         bool
	Tokens         Tokens
}

// SnapshotsPage is one page of DescribeSnapshots.
type SnapshotsPage struct {
	Snapshots []SnapshotRow
	TokenMark
}

// CallerIdentity is the answer of GetCallerIdentity.
type CallerIdentity struct {
	// IdentityType is Account, RAMUser or AssumedRoleUser.
	IdentityType string
	Account      image.AccountID
	PrincipalID  string
	UserID       string
	ARN          string
	RoleID       string
}

// AssumeRoleRequest are the parameters of AssumeRole.
type AssumeRoleRequest struct {
	RoleARN     string
	SessionName string
	// Duration is 15 minutes to 1 hour; zero means 1 hour.
	Duration   time.Duration
	ExternalID string
	// Allow narrows what the session may do to these actions, e.g.
	// "ecs:DescribeImages"; nil does not narrow. The wire reads it from Policy.
	Allow []string
}

// AssumedRole is the answer of AssumeRole.
type AssumedRole struct {
	AccessKeyID   string
	Credential    Credential
	ARN           string
	AssumedRoleID string
}
