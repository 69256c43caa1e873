package image

import "time"

// What is asked of the cloud when it changes instances, disks and snapshots, and
// what is looked at before. An empty field is left out of the call. Token is a
// client token of at most 64 characters: the same token with the same request is
// the same change.

// ExportRequest writes an image into an OSS bucket of the same region; source:
// ExportImage. There is no token: whether it was begun shows in the tasks.
type ExportRequest struct {
	Image          ID
	Bucket, Prefix string
	// Format is raw, vhd, qcow2, vmdk or vdi, where the region has it.
	Format string
	Role   string
}

// TaskListing is what one listing of tasks asks the cloud. Empty fields do not
// filter.
type TaskListing struct {
	// IDs are at most 100.
	IDs    []TaskID
	Action string
	// From and To are when tasks were created.
	From, To time.Time
}

// VSwitch is a network that instances are started in; source: DescribeVSwitches.
type VSwitch struct {
	Region RegionID
	ID     string
	VPC    string
	Zone   ZoneID
	Free   int
	Status string
}

// SecurityGroup is a firewall of instances; source: DescribeSecurityGroups.
type SecurityGroup struct {
	Region RegionID
	ID     string
	VPC    string
	Name   string
}

// StopRequest stops a running instance; source: StopInstance.
type StopRequest struct {
	Instance InstanceID
	// Force pulls the plug.
	Force bool
	// Mode is KeepCharging or StopCharging; empty: the account's default.
	Mode string
}

// ReplaceRequest gives a stopped instance a new system disk; source:
// ReplaceSystemDisk. There is no dry run.
type ReplaceRequest struct {
	Instance InstanceID
	Image    ID
	DiskGiB  int
	KeyPair  string
	// KeepPassword uses the password of the image.
	KeepPassword   bool
	LoginAsNonRoot Tri
	Encrypted      Tri
	Key            string
	Token          string
}

// SnapshotRequest takes a snapshot of a disk; source: CreateSnapshot. There is no
// dry run.
type SnapshotRequest struct {
	Disk        DiskID
	Name        string
	Description string
	// RetentionDays: ECS deletes it after so many; 0: never.
	RetentionDays int
	Tags          Tags
	Token         string
}

// DiskAttributes are what of a disk is to be changed; source: ModifyDiskAttribute.
type DiskAttributes struct {
	Name, Description string
	// DeleteWithInstance, DeleteAutoSnapshot and Burst are left as they are while
	// Unknown.
	DeleteWithInstance, DeleteAutoSnapshot, Burst Tri
}

// MetadataOptions are how an instance reads its metadata; source:
// DescribeInstances META_OPTIONS, ModifyInstanceMetadataOptions.
type MetadataOptions struct {
	// Endpoint is enabled or disabled; Tokens optional or required.
	Endpoint, Tokens string
	HopLimit         int
}

// Before is what of an instance replacing its system disk may change, or has to
// know: what DescribeInstances shows only when it is asked for it.
type Before struct {
	Instance
	// HostName is what its system calls itself; empty: not shown.
	HostName       string
	KeyPair        string
	Metadata       MetadataOptions
	LoginAsNonRoot Tri
	AutoReleaseAt  time.Time
	Protected      Tri
	VPC            string
	VSwitch        string
	// StartedAt is when it came up last, to the minute.
	StartedAt time.Time
	// IOOptimized: of the instance. Hibernates: it may be hibernated.
	IOOptimized, Hibernates Tri
	// SecureBoot is on: only what is signed boots.
	SecureBoot Tri
}

// DiskSetup is what of a disk replacing it may change, or has to know; source:
// DescribeDisks.
type DiskSetup struct {
	Disk
	Description string
	// DeleteWithInstance, DeleteAutoSnapshot and Burst are as in DiskAttributes.
	DeleteWithInstance, DeleteAutoSnapshot, Burst Tri
	// PerformanceLevel is PL0 to PL3, and empty for what has none; IOPS are those
	// that are provisioned.
	PerformanceLevel string
	IOPS             int
	// Key is that of the service for encryption; empty: its own, or none.
	Key string
	// Policy is one of its automatic snapshot policies.
	Policy string
}

// InstanceHealth is how an instance is beside its power; source:
// DescribeInstancesFullStatus.
type InstanceHealth struct {
	ID     InstanceID
	Status InstanceStatus
	// Health is Ok, Warning, Impaired, Initializing, …
	Health string
}

// SnapshotPolicy is a rule by which ECS takes snapshots; source:
// DescribeAutoSnapshotPolicyEx.
type SnapshotPolicy struct {
	Account AccountID
	Region  RegionID
	ID      string
	Name    string
	Disks   int
	Status  string
}

// InstanceState is one instance's power state; source: DescribeInstanceStatus.
type InstanceState struct {
	ID     InstanceID
	Status InstanceStatus
}

// ScalingInstance is an instance of a scaling group; source: ESS
// DescribeScalingInstances.
type ScalingInstance struct {
	Account  AccountID
	Region   RegionID
	Instance InstanceID
	Group    string
	// State is InService, Standby, Protected, …; Health is Healthy or Unhealthy.
	State, Health string
	Configuration string
}

// Event is one call that somebody made; source: ActionTrail LookupEvents.
type Event struct {
	Account AccountID
	Region  RegionID
	ID      string
	// Name is the operation, Service "Ecs" or another.
	Name, Service string
	At            time.Time
	// Who is a name: the user's, or that of the role or service.
	Who string
	// Failed is the code with which the call was refused.
	Failed string
	// Parameters are those of the request by their flat names; Resources what the
	// call was about by type, such as ACS::ECS::Image.
	Parameters map[string]string
	Resources  map[string][]string
	// Made are ids in the answer by name: ImageId, DiskId, InstanceIdSet.
	Made map[string][]string
}

// EventListing is what one look into the events of a region asks.
type EventListing struct {
	From, To time.Time
	// Resource is the name of one, such as an image's id; Name an operation.
	Resource, Name string
	// Most bounds how many events are read; 0: 1000.
	Most int
}
