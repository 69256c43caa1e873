// Package image is the glossary: typed identifiers and the nouns that cross
// packages, in the words of ECS (API version 2014-05-26). It decides nothing.
package image

import (
	"path"
	"strings"
	"time"
)

// Identifiers, each as ECS writes it.
type (
	// ID names an image inside a region: "m-…", or a readable name for public images.
	ID string
	// AccountID is an Alibaba Cloud account (Aliyun UID), a decimal number.
	AccountID string
	// RegionID is a region, e.g. "cn-hangzhou".
	RegionID string
	// ZoneID is a zone of a region, e.g. "cn-hangzhou-h".
	ZoneID string
	// InstanceID is a server, "i-…".
	InstanceID string
	// InstanceTypeID is a size of server, e.g. "ecs.g7.large".
	InstanceTypeID string
	// DiskID is a disk, "d-…".
	DiskID string
	// SnapshotID is a snapshot, "s-…".
	SnapshotID string
	// TaskID is a long-running work of ECS, "t-…".
	TaskID string
	// Family is an image family: a line of versions.
	Family string
	// ProductCode names a Marketplace product; images made from it keep it.
	ProductCode string
	// RequestID is the identifier ECS gives each of its answers.
	RequestID string
)

// Ref names an image as one account sees it. The same image seen by its owner
// and by a grantee has two Refs that differ in Account only.
type Ref struct {
	Account AccountID `json:"accountId"`
	Region  RegionID  `json:"regionId"`
	ID      ID        `json:"imageId"`
}

// String is for logs and errors: account/region/id.
func (r Ref) String() string {
	return string(r.Account) + "/" + string(r.Region) + "/" + string(r.ID)
}

// Kind says where an image comes from, as seen by the account that lists it.
type Kind string

// The kinds; source: DescribeImages ImageOwnerAlias and IsPublic.
const (
	KindPublic      Kind = "public"      // ImageOwnerAlias=system
	KindCustom      Kind = "custom"      // self
	KindShared      Kind = "shared"      // others, IsPublic=false
	KindMarketplace Kind = "marketplace" // marketplace
	KindCommunity   Kind = "community"   // others, IsPublic=true
)

// Kinds returns all kinds, in the order in which lists show them.
func Kinds() []Kind {
	return []Kind{KindPublic, KindCustom, KindShared, KindMarketplace, KindCommunity}
}

// Status is an image's state as ECS writes it.
type Status string

// The states; source: DescribeImages Status.
const (
	StatusCreating     Status = "Creating"
	StatusWaiting      Status = "Waiting"
	StatusAvailable    Status = "Available"
	StatusUnavailable  Status = "UnAvailable"
	StatusCreateFailed Status = "CreateFailed"
	StatusDeprecated   Status = "Deprecated"
)

// Statuses returns all states.
func Statuses() []Status {
	return []Status{
		StatusCreating, StatusWaiting, StatusAvailable,
		StatusUnavailable, StatusCreateFailed, StatusDeprecated,
	}
}

// OSType is "linux" or "windows".
type OSType string

// The operating system types; source: DescribeImages OSType.
const (
	Linux   OSType = "linux"
	Windows OSType = "windows"
)

// Architecture is a processor architecture.
type Architecture string

// The architectures; source: DescribeImages Architecture.
const (
	X86_64 Architecture = "x86_64"
	ARM64  Architecture = "arm64"
	I386   Architecture = "i386"
)

// BootMode is how an image boots.
type BootMode string

// The boot modes; source: DescribeImages BootMode. UEFI-Preferred images boot
// both ways.
const (
	BIOS          BootMode = "BIOS"
	UEFI          BootMode = "UEFI"
	UEFIPreferred BootMode = "UEFI-Preferred"
)

// Usage is ECS's hint whether instances use an image; it is never proof.
type Usage string

// The usages; source: DescribeImages Usage.
const (
	UsageInstance Usage = "instance"
	UsageNone     Usage = "none"
)

// Image is one image as one account sees it.
type Image struct {
	Ref
	// Owner is the account that owns the image; empty when ECS does not say
	// (public and Marketplace images).
	Owner AccountID
	Kind  Kind

	Name        string
	Description string
	Family      Family
	// Version is ECS's ImageVersion: free text, set for Marketplace images.
	Version string
	Status  Status

	OSType OSType
	// OSName is the full name of the system, e.g. "Ubuntu  22.04 64 bit".
	OSName string
	// Platform is the distribution, e.g. "Ubuntu", "Windows Server 2022".
	Platform     string
	Architecture Architecture
	BootMode     BootMode

	// SizeGiB is the system disk only.
	SizeGiB int
	// CreatedAt is UTC, exact to the second.
	CreatedAt time.Time

	// ProductCode is not empty for Marketplace images and all made from them.
	ProductCode ProductCode
	// Subscribed tells whether the terms of ProductCode were accepted.
	Subscribed bool
	// Supplier is the vendor of a Marketplace image.
	Supplier string
	// LicenseType is Auto, Aliyun or BYOL for imported Windows images, else empty.
	LicenseType string

	// Copied: made by CopyImage.
	Copied bool
	// Published: a community image (IsPublic).
	Published bool
	// SharedOut: shared with some other account (IsSelfShared).
	SharedOut Tri
	// Usable: ECS says instances can be created from it now. Unknown on old APIs.
	Usable Tri
	Usage  Usage
	// CloudInit: initialisation by cloud-init is supported.
	CloudInit bool
	// NVMe: "supported", "unsupported" or empty.
	NVMe string
	// IMDS is the metadata access that instances of it have by default: "v1", "v2"
	// or empty (Features.ImdsSupport).
	IMDS string
	// IOOptimized: instances that are I/O optimised, as all are since years, can have
	// it (IsSupportIoOptimized). Unknown where ECS does not say.
	IOOptimized Tri
	// SecureBoot: it boots where secure boot is on (SecureBootOptions). Unknown on old APIs.
	SecureBoot Tri
	// Detection is the vendor's check of it; nil: there is none, or not yet.
	Detection *Detection
	// Progress of creating, importing or copying, 0 to 100.
	Progress int
	// ResourceGroup is empty for the default group.
	ResourceGroup string

	Disks []DiskMapping
	Tags  Tags
}

// DiskMapping is one disk inside an image; source: DiskDeviceMapping.
type DiskMapping struct {
	Device string
	// System: the system disk, else a data disk.
	System     bool
	SizeGiB    int
	SnapshotID SnapshotID
	Encrypted  Tri
	Format     string
	// ImportBucket and ImportObject name the OSS object of an imported image.
	ImportBucket string
	ImportObject string
}

// SystemDisk returns the mapping of the system disk, if ECS named one.
func (i Image) SystemDisk() (DiskMapping, bool) {
	for _, d := range i.Disks {
		if d.System {
			return d, true
		}
	}
	return DiskMapping{}, false
}

// DataDisks returns the mappings of the data disks.
func (i Image) DataDisks() []DiskMapping {
	var data []DiskMapping
	for _, d := range i.Disks {
		if !d.System {
			data = append(data, d)
		}
	}
	return data
}

// Encrypted is Yes if any disk is encrypted, No if none is, and Unknown if ECS
// left it open for one and none is known to be.
func (i Image) Encrypted() Tri {
	all := No
	for _, d := range i.Disks {
		switch d.Encrypted {
		case Yes:
			return Yes
		case Unknown:
			all = Unknown
		}
	}
	return all
}

// Imported: some disk came from an OSS object.
func (i Image) Imported() bool {
	for _, d := range i.Disks {
		if d.ImportObject != "" {
			return true
		}
	}
	return false
}

// FamilyName is the family as its owner calls it: a grantee may see it as
// "acs:<owner>:<family>"; source: the vendor's overview of image families.
func (i Image) FamilyName() Family {
	if owner := i.OwnerID(); owner != "" {
		if name, ok := strings.CutPrefix(string(i.Family), "acs:"+string(owner)+":"); ok {
			return Family(name)
		}
	}
	return i.Family
}

// OwnerID is the account that owns the image, "" if that is not told: the account
// that sees an image as custom owns it, said or not.
func (i Image) OwnerID() AccountID {
	if i.Owner == "" && i.Kind == KindCustom {
		return i.Account
	}
	return i.Owner
}

// InFamily reports whether a family that somebody names is that of the image,
// whoever names it: by its owner's name, or as acs:<owner>:<family>.
func (i Image) InFamily(named Family) bool {
	return i.Family != "" && (named == i.Family || named == i.FamilyName() || named == Family("acs:"+string(i.OwnerID())+":"+string(i.FamilyName())))
}

// InFamilies reports whether the image is in one of the families, which are names
// or globs: * is any text, also none, and ? is one character.
func (i Image) InFamilies(globs []Family) bool {
	for _, g := range globs {
		byName, _ := path.Match(string(g), string(i.FamilyName())) // a family has neither brackets nor strokes
		asSeen, _ := path.Match(string(g), string(i.Family))
		if i.Family != "" && (byName || asSeen || i.InFamily(g)) {
			return true
		}
	}
	return false
}
