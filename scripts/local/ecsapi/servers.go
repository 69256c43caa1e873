package ecsapi

import (
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// wireInstance has the keys of DescribeInstances in the vendor's SDK 7.11.6.
// Every instance here is in a VPC. What else this
// cloud does not have is there and empty where clients look into it, and absent
// otherwise.
type wireInstance struct {
	wireNothing
	InstanceID          string `json:"InstanceId"`
	InstanceName        string
	Description         string
	HostName            string
	RegionID            string `json:"RegionId"`
	ZoneID              string `json:"ZoneId"`
	ImageID             string `json:"ImageId"`
	InstanceType        string
	InstanceTypeFamily  string
	Status              string
	CPU                 int `json:"Cpu"`
	Memory              int
	OSType              string
	OSName              string
	OSNameEn            string
	CreationTime        string
	StartTime           string
	ExpiredTime         string
	AutoReleaseTime     string
	InstanceChargeType  string
	SpotStrategy        string
	SpotPriceLimit      float64
	StoppedMode         string
	KeyPairName         string
	ResourceGroupID     string `json:"ResourceGroupId"`
	InstanceNetworkType string
	InternetChargeType  string
	BandwidthIn         int `json:"InternetMaxBandwidthIn"`
	BandwidthOut        int `json:"InternetMaxBandwidthOut"`
	IoOptimized         bool
	DeviceAvailable     bool
	Recyclable          bool
	DeletionProtection  bool
	OperationLocks      struct{ LockReason []wireLock }
	SecurityGroupIDs    struct {
		SecurityGroupID []string `json:"SecurityGroupId"`
	} `json:"SecurityGroupIds"`
	InnerIPAddress  wireAddresses `json:"InnerIpAddress"`
	PublicIPAddress wireAddresses `json:"PublicIpAddress"`
	VPCAttributes   wireVPC       `json:"VpcAttributes"`
	Tags            wireTags

	HibernationOptions struct{ Configured bool }
	SecurityOptions    struct{ EnableSecureBoot bool }
	// These two are there only for who asks for them.
	ImageOptions    *wireImageOptions    `json:",omitempty"`
	MetadataOptions *wireMetadataOptions `json:",omitempty"`
}

type wireImageOptions struct{ LoginAsNonRoot bool }

type wireMetadataOptions struct {
	HTTPEndpoint            string `json:"HttpEndpoint"`
	HTTPTokens              string `json:"HttpTokens"`
	HTTPPutResponseHopLimit int    `json:"HttpPutResponseHopLimit"`
	InstanceMetadataTags    string
}

// withOptions adds what AdditionalAttributes asks for.
func (w *wireInstance) withOptions(row cloudsim.InstanceRow, asked []string) {
	if slices.Contains(asked, "META_OPTIONS") {
		m := row.Metadata.Filled()
		w.MetadataOptions = &wireMetadataOptions{m.HTTPEndpoint, m.HTTPTokens, m.HopLimit, m.Tags}
	}
	if slices.Contains(asked, "LOGIN_AS_NON_ROOT") {
		w.ImageOptions = &wireImageOptions{row.LoginAsNonRoot}
	}
}

// wireNothing is what no instance of this cloud has.
type wireNothing struct {
	ClusterID              string `json:"ClusterId"`
	VlanID                 string `json:"VlanId"`
	HpcClusterID           string `json:"HpcClusterId"`
	DeploymentSetID        string `json:"DeploymentSetId"`
	CreditSpecification    string
	SaleCycle              string
	RdmaIPAddress          wireAddresses `json:"RdmaIpAddress"`
	EipAddress             wireEIP
	DedicatedHostAttribute struct {
		DedicatedHostID   string `json:"DedicatedHostId"`
		DedicatedHostName string
	}
	DedicatedInstanceAttribute struct{ Affinity, Tenancy string }
	Reservation                struct {
		CapacityReservationID         string `json:"CapacityReservationId"`
		CapacityReservationPreference string
	} `json:"EcsCapacityReservationAttr"`
	NetworkInterfaces struct{ NetworkInterface []struct{} }
}

type wireEIP struct {
	AllocationID       string `json:"AllocationId"`
	IPAddress          string `json:"IpAddress"`
	InternetChargeType string
}

func nothing() wireNothing {
	n := wireNothing{RdmaIPAddress: addresses()}
	n.NetworkInterfaces.NetworkInterface = []struct{}{}
	return n
}

type wireLock struct{ LockReason string }

type wireAddresses struct {
	IPAddress []string `json:"IpAddress"`
}

type wireVPC struct {
	VPCID            string        `json:"VpcId"`
	VSwitchID        string        `json:"VSwitchId"`
	NatIPAddress     string        `json:"NatIpAddress"`
	PrivateIPAddress wireAddresses `json:"PrivateIpAddress"`
}

// never is when what is paid as one goes expires, as ECS writes it.
const never = "2099-12-31T15:59Z"

func instanceOnWire(row cloudsim.InstanceRow) wireInstance {
	out := wireInstance{
		wireNothing: nothing(),
		InstanceID:  string(row.ID), InstanceName: row.Name, HostName: row.HostName, RegionID: string(row.Region),
		ZoneID: string(row.Zone), ImageID: string(row.Image), InstanceType: string(row.Type),
		InstanceTypeFamily: row.TypeFamily, Status: string(row.Status), CPU: row.VCPUs, Memory: row.MemoryMiB,
		OSType: string(row.OSType), OSName: row.OSName, OSNameEn: row.OSName, CreationTime: toMinute(row.CreatedAt),
		StartTime: toMinute(row.StartedAt), ExpiredTime: never, InstanceChargeType: row.ChargeType,
		SpotStrategy: row.SpotStrategy, StoppedMode: row.StoppedMode, KeyPairName: row.KeyPair,
		InstanceNetworkType: "vpc", InternetChargeType: "PayByTraffic", IoOptimized: true, DeviceAvailable: true,
		InnerIPAddress: addresses(), PublicIPAddress: addresses(row.PublicIP), AutoReleaseTime: toMinute(row.AutoReleaseAt), Tags: tagsOnWire(row.Tags),
		VPCAttributes: wireVPC{VPCID: row.VPC, VSwitchID: row.VSwitch, PrivateIPAddress: addresses(row.PrivateIP)},
	}
	if !row.ExpiredAt.IsZero() {
		out.ExpiredTime = toMinute(row.ExpiredAt)
	}
	out.Description, out.DeletionProtection, out.HibernationOptions.Configured = row.Description, row.DeletionProtection, row.Hibernated
	out.OperationLocks.LockReason = rowsOf(row.Locks, func(reason string) wireLock { return wireLock{reason} })
	out.SecurityGroupIDs.SecurityGroupID = append([]string{}, row.SecurityGroups...)
	return out
}

// addresses are those that are not empty.
func addresses(all ...string) wireAddresses {
	some := []string{}
	for _, address := range all {
		if address != "" {
			some = append(some, address)
		}
	}
	return wireAddresses{some}
}

// tokenNumbers are in the answers of lists that are read by token, or by page
// number as it is being retired.
type tokenNumbers struct {
	pageNumbers
	NextToken string
}

func tokenMarked(m cloudsim.TokenMark) tokenNumbers {
	return tokenNumbers{pageNumbers: marked(m.Mark), NextToken: m.Next}
}

func (t *tokenNumbers) place() *pagePlace {
	return &pagePlace{pages: &t.pageNumbers, next: &t.NextToken}
}

type instancesAnswer struct {
	receipt
	tokenNumbers
	Instances struct{ Instance rows[wireInstance] }
}

func (a *instancesAnswer) content() editable { return &a.Instances.Instance }

func describeInstances(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeInstances(cloudsim.DescribeInstancesRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceIDs: given[image.InstanceID](p.ids("InstanceIds")),
		ImageID: image.ID(p.text("ImageId")), Status: p.text("Status"), InstanceType: image.InstanceTypeID(p.text("InstanceType")),
		InstanceName: p.text("InstanceName"), ZoneID: image.ZoneID(p.text("ZoneId")), ChargeType: p.text("InstanceChargeType"),
		LockReason: p.text("LockReason"), NetworkType: p.text("InstanceNetworkType"), ResourceGroup: p.text("ResourceGroupId"),
		VPC: p.text("VpcId"), VSwitch: p.text("VSwitchId"), SecurityGroup: p.text("SecurityGroupId"), Tags: c.tags(),
		Filters: c.filters(), DryRun: p.flag("DryRun"), Tokens: c.tokens(),
	})
	if err != nil {
		return nil, err
	}
	a := &instancesAnswer{tokenNumbers: tokenMarked(page.TokenMark)}
	asked := p.repeat("AdditionalAttributes")
	a.Instances.Instance = rowsOf(page.Instances, func(row cloudsim.InstanceRow) wireInstance {
		out := instanceOnWire(row)
		out.withOptions(row, asked)
		return out
	})
	return a, nil
}

type statusesAnswer struct {
	receipt
	pageNumbers
	InstanceStatuses struct{ InstanceStatus rows[wireStatus] }
}

type wireStatus struct {
	InstanceID string `json:"InstanceId"`
	Status     string
}

func (a *statusesAnswer) content() editable { return &a.InstanceStatuses.InstanceStatus }
func (a *statusesAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeInstanceStatus(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeInstanceStatus(cloudsim.DescribeInstanceStatusRequest{
		RegionID: image.RegionID(p.text("RegionId")), ZoneID: image.ZoneID(p.text("ZoneId")),
		InstanceIDs: given[image.InstanceID](p.repeat("InstanceId")), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &statusesAnswer{pageNumbers: marked(page.PageMark)}
	a.InstanceStatuses.InstanceStatus = rowsOf(page.Instances, func(row cloudsim.InstanceStatusRow) wireStatus {
		return wireStatus{string(row.ID), string(row.Status)}
	})
	return a, nil
}

type wireDisk struct {
	DiskID             string `json:"DiskId"`
	DiskName           string
	Description        string
	RegionID           string `json:"RegionId"`
	ZoneID             string `json:"ZoneId"`
	Type               string
	Category           string
	PerformanceLevel   string
	Size               int
	Status             string
	ImageID            string `json:"ImageId"`
	InstanceID         string `json:"InstanceId"`
	SourceSnapshotID   string `json:"SourceSnapshotId"`
	ProductCode        string
	Device             string
	Encrypted          bool
	Portable           bool
	DeleteWithInstance bool
	DeleteAutoSnapshot bool
	DiskChargeType     string
	MultiAttach        string
	KMSKeyID           string `json:"KMSKeyId"`
	BurstingEnabled    bool
	ProvisionedIOPS    int    `json:"ProvisionedIops,omitempty"`
	SnapshotPolicyID   string `json:"AutoSnapshotPolicyId"`
	CreationTime       string
	AttachedTime       string
	DetachedTime       string
	ExpiredTime        string
	ResourceGroupID    string `json:"ResourceGroupId"`
	Attachments        struct{ Attachment []wireAttachment }
	MountInstances     struct{ MountInstance []wireAttachment }
	OperationLocks     struct{ OperationLock []wireLock }
	Tags               wireTags
}

type wireAttachment struct {
	InstanceID   string `json:"InstanceId"`
	Device       string
	AttachedTime string
}

func diskOnWire(row cloudsim.DiskRow) wireDisk {
	out := wireDisk{
		DiskID: string(row.ID), DiskName: row.Name, RegionID: string(row.Region), ZoneID: string(row.Zone),
		Type: diskType(row.System), Category: row.Category, PerformanceLevel: row.PerformanceLevel, Size: row.SizeGiB,
		Status: row.Status, ImageID: string(row.Image), InstanceID: string(row.Instance),
		SourceSnapshotID: string(row.SourceSnapshot), ProductCode: string(row.ProductCode), Device: row.Device,
		Encrypted: row.Encrypted == image.Yes, Portable: !row.System, DeleteWithInstance: row.DeleteWithInstance,
		DeleteAutoSnapshot: row.DeleteAutoSnapshot, DiskChargeType: row.ChargeType, MultiAttach: "Disabled",
		CreationTime: toSecond(row.CreatedAt), AttachedTime: toSecond(row.AttachedAt), ExpiredTime: never,
		Tags: tagsOnWire(row.Tags),
	}
	out.Description, out.KMSKeyID, out.BurstingEnabled, out.ProvisionedIOPS = row.Description, row.KMSKeyID, row.Bursting, row.ProvisionedIOPS
	if len(row.Policies) > 0 {
		out.SnapshotPolicyID = row.Policies[0]
	}
	out.OperationLocks.OperationLock = []wireLock{}
	out.Attachments.Attachment = []wireAttachment{}
	out.MountInstances.MountInstance = []wireAttachment{}
	if row.Instance != "" {
		out.Attachments.Attachment = []wireAttachment{{out.InstanceID, out.Device, out.AttachedTime}}
	}
	return out
}

type disksAnswer struct {
	receipt
	tokenNumbers
	Disks struct{ Disk rows[wireDisk] }
}

func (a *disksAnswer) content() editable { return &a.Disks.Disk }

func describeDisks(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeDisks(cloudsim.DescribeDisksRequest{
		RegionID: image.RegionID(p.text("RegionId")), DiskIDs: given[image.DiskID](p.ids("DiskIds")),
		InstanceID: image.InstanceID(p.text("InstanceId")), DiskType: p.text("DiskType"), Status: p.text("Status"),
		Category: p.text("Category"), DiskName: p.text("DiskName"), SnapshotID: image.SnapshotID(p.text("SnapshotId")),
		ZoneID: image.ZoneID(p.text("ZoneId")), ChargeType: p.text("DiskChargeType"), Encrypted: p.tri("Encrypted"),
		ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(), Filters: c.filters(), DryRun: p.flag("DryRun"),
		PolicyID: p.text("AutoSnapshotPolicyId"), Tokens: c.tokens(),
	})
	if err != nil {
		return nil, err
	}
	a := &disksAnswer{tokenNumbers: tokenMarked(page.TokenMark)}
	a.Disks.Disk = rowsOf(page.Disks, diskOnWire)
	return a, nil
}

type wireSnapshot struct {
	SnapshotID       string `json:"SnapshotId"`
	SnapshotName     string
	Description      string
	RegionID         string `json:"RegionId"`
	SnapshotType     string
	SnapshotLinkID   string `json:"SnapshotLinkId"`
	Status           string
	Progress         string
	RemainTime       int `json:",omitempty"`
	Available        bool
	Usage            string
	Category         string
	Encrypted        bool
	KMSKeyID         string `json:"KMSKeyId"`
	InstantAccess    bool
	RetentionDays    int    `json:",omitempty"`
	SourceDiskID     string `json:"SourceDiskId"`
	SourceDiskType   string
	SourceDiskSize   string
	SourceSnapshotID string `json:"SourceSnapshotId,omitempty"`
	SourceRegionID   string `json:"SourceRegionId,omitempty"`
	FullSizeInBytes  int64  `json:"FullSnapshotSizeInBytes"`
	ProductCode      string
	CreationTime     string
	LastModifiedTime string
	ResourceGroupID  string `json:"ResourceGroupId"`
	Tags             wireTags
}

func snapshotOnWire(row cloudsim.SnapshotRow) wireSnapshot {
	return wireSnapshot{
		SnapshotID: string(row.ID), SnapshotName: row.Name, RegionID: string(row.Region), SnapshotType: snapshotType(row.Type),
		SnapshotLinkID: row.LinkID, Status: row.Status, Progress: percent(row.Progress), RemainTime: row.RemainSeconds,
		Description: row.Description, Available: row.Available, Usage: row.Usage, Category: row.Category, Encrypted: row.Encrypted == image.Yes,
		KMSKeyID:      strings.TrimPrefix(row.Key, image.ServiceKey),
		RetentionDays: row.RetentionDays, SourceDiskID: string(row.SourceDisk), SourceDiskType: diskType(row.SourceSystemDisk),
		SourceDiskSize: strconv.Itoa(row.SourceDiskSizeGiB), SourceSnapshotID: string(row.SourceSnapshot),
		SourceRegionID: string(row.SourceRegion), FullSizeInBytes: row.FullSizeBytes, ProductCode: string(row.ProductCode),
		CreationTime: toSecond(row.CreatedAt), LastModifiedTime: toSecond(row.LastModifiedAt), Tags: tagsOnWire(row.Tags),
	}
}

// snapshotType is ECS's word: what is asked for as auto is answered as timer.
func snapshotType(word string) string {
	if word == "auto" {
		return "timer"
	}
	return word
}

type snapshotsAnswer struct {
	receipt
	tokenNumbers
	Snapshots struct{ Snapshot rows[wireSnapshot] }
}

func (a *snapshotsAnswer) content() editable { return &a.Snapshots.Snapshot }

func describeSnapshots(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{
		RegionID: image.RegionID(p.text("RegionId")), SnapshotIDs: given[image.SnapshotID](p.ids("SnapshotIds")),
		DiskID: image.DiskID(p.text("DiskId")), InstanceID: image.InstanceID(p.text("InstanceId")),
		SnapshotName: p.text("SnapshotName"), SnapshotType: p.text("SnapshotType"), SourceDiskType: p.text("SourceDiskType"),
		Status: p.text("Status"), Usage: p.text("Usage"), Category: p.text("Category"), Encrypted: p.tri("Encrypted"),
		ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(), Filters: c.filters(), DryRun: p.flag("DryRun"),
		Tokens: c.tokens(),
	})
	if err != nil {
		return nil, err
	}
	a := &snapshotsAnswer{tokenNumbers: tokenMarked(page.TokenMark)}
	a.Snapshots.Snapshot = rowsOf(page.Snapshots, snapshotOnWire)
	return a, nil
}
