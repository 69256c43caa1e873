// Package importing makes images and does not stop there: it checks the source
// before anything is called, follows what ECS does for hours, has the result
// checked and booted, and only then gives it its name, copies it, shares it and
// releases it. Deciding is pure: Plan judges what was observed, and Kind is the
// capability's half of long work.
package importing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"imagekeeper/shared/image"
)

// Wish is what is asked for: an image from a source, in a region.
type Wish struct {
	Source Source `json:"source"`
	// Region and Account are where the image is made; empty: the function's own.
	Region  image.RegionID  `json:"region,omitempty" validate:"omitempty,region"`
	Account image.AccountID `json:"account,omitempty" validate:"omitempty,account"`
	Image   Target          `json:"image"`
	Check   Check           `json:"check,omitzero"`
	// Test boots the image once; left out: it is not tested.
	Test    *Test    `json:"test,omitempty"`
	Release *Release `json:"release,omitempty"`
}

// Source is exactly one of its members.
type Source struct {
	Object    *Object    `json:"object,omitempty"`
	Instance  *Instance  `json:"instance,omitempty"`
	Snapshots *Snapshots `json:"snapshots,omitempty"`
	Image     *Existing  `json:"image,omitempty"`
}

// Object is a file in a bucket of the same region.
type Object struct {
	Bucket string `json:"bucket" validate:"required,min=3,max=63"`
	Key    string `json:"key" validate:"required,max=1023"`
	// DataDisks are the files of data disks.
	DataDisks []DataDisk `json:"dataDisks,omitempty" validate:"max=16,dive"`
	// CRC64, ETag and SHA256 are what the file has to have, as far as they are given.
	CRC64  string `json:"crc64,omitempty" validate:"omitempty,number,max=20"`
	ETag   string `json:"etag,omitempty" validate:"omitempty,max=80"`
	SHA256 string `json:"sha256,omitempty" validate:"omitempty,hexadecimal,len=64"`
}

// DataDisk is the file of a data disk, in the bucket of the system disk's.
type DataDisk struct {
	Key string `json:"key" validate:"required,max=1023"`
	// DiskSizeGiB: as that of the system disk.
	DiskSizeGiB int `json:"diskSizeGiB,omitempty" validate:"omitempty,min=1,max=2048"`
}

// Instance is one of whose disks the image is made.
type Instance struct {
	InstanceID image.InstanceID `json:"instanceId" validate:"required"`
}

// Snapshots are of one system disk and up to 16 data disks.
type Snapshots struct {
	System image.SnapshotID   `json:"system" validate:"required"`
	Data   []image.SnapshotID `json:"data,omitempty" validate:"max=16,unique"`
}

// Existing is an image that is there, and is copied.
type Existing struct {
	ImageID image.ID `json:"imageId" validate:"required"`
	// KMSKeyID encrypts the copy; it is a key of the destination.
	KMSKeyID string `json:"kmsKeyId,omitempty" validate:"omitempty,max=64"`
}

// Target is what the image is to be.
type Target struct {
	Name        string       `json:"name" validate:"required,min=2,max=117"`
	Family      image.Family `json:"family,omitempty" validate:"omitempty,min=2,max=128"`
	Description string       `json:"description,omitempty" validate:"omitempty,min=2,max=256"`
	OSType      image.OSType `json:"osType,omitempty" validate:"omitempty,oneof=linux windows"`
	Platform    string       `json:"platform,omitempty" validate:"omitempty,max=64"`
	// Architecture is x86_64 if it is left out.
	Architecture image.Architecture `json:"arch,omitempty" validate:"omitempty,oneof=x86_64 arm64 i386"`
	BootMode     image.BootMode     `json:"bootMode,omitempty" validate:"omitempty,oneof=BIOS UEFI UEFI-Preferred"`
	// LicenseType is required for Windows, and refused for Linux.
	LicenseType string `json:"licenseType,omitempty" validate:"omitempty,oneof=Aliyun BYOL"`
	NVMe        string `json:"nvme,omitempty" validate:"omitempty,oneof=supported unsupported"`
	IMDS        string `json:"imds,omitempty" validate:"omitempty,oneof=v1 v2"`
	// DiskSizeGiB is that of the system disk; left out: as large as the file needs.
	DiskSizeGiB     int        `json:"diskSizeGiB,omitempty" validate:"omitempty,min=1,max=2048"`
	Tags            image.Tags `json:"tags,omitempty" validate:"max=14"`
	ResourceGroupID string     `json:"resourceGroupId,omitempty" validate:"omitempty,max=64"`
}

// Check is how the vendor's check of the image is judged.
type Check struct {
	// Waive names items that may be at high risk, such as GUESTOS.CloudInit.
	Waive []string `json:"waive,omitempty" validate:"max=30,unique,dive,max=64"`
}

// Test is how the image is booted.
type Test struct {
	// Boot: it is booted; a command alone asks for nothing.
	Boot            bool                 `json:"boot"`
	VSwitchID       string               `json:"vSwitchId,omitempty" validate:"required_if=Boot true,max=64"`
	SecurityGroupID string               `json:"securityGroupId,omitempty" validate:"required_if=Boot true,max=64"`
	InstanceType    image.InstanceTypeID `json:"instanceType,omitempty" validate:"omitempty,max=64"`
	// Command has to end with 0; left out: the Cloud Assistant's answer is enough.
	Command string `json:"command,omitempty" validate:"omitempty,max=16384"`
	// Timeout is how long all of it may take, 20 minutes if it is left out.
	Timeout image.Duration `json:"timeout,omitempty"`
	// MaxCost refuses a test that costs more, or whose cost is not known; in the
	// currency of the account's site.
	MaxCost string `json:"maxCost,omitempty" validate:"omitempty,max=20"`
}

// Release is who gets the image once it has passed.
type Release struct {
	Regions []image.RegionID `json:"regions,omitempty" validate:"max=30,unique,dive,region"`
	Share   *Share           `json:"share,omitempty"`
	// Channel of the image's family: candidate or stable.
	Channel Channel `json:"channel,omitempty" validate:"omitempty,oneof=candidate stable"`
}

// Share is with whom each image is shared, its copies among them.
type Share struct {
	Accounts []Grantee `json:"accounts" validate:"min=1,max=50,dive"`
}

// Grantee is one account.
type Grantee struct {
	AccountID image.AccountID `json:"accountId" validate:"required,account"`
}

// Channel is what an image is to those who use its family.
type Channel string

// The channels.
const (
	Candidate Channel = "candidate"
	Stable    Channel = "stable"
)

// unverified is what an image is called until it has passed everything.
const unverified = "unverified-"

// Unverified is the name of the image until it has passed.
func (t Target) Unverified() string { return unverified + t.Name }

// Arch is the architecture, as ECS takes it where none is given.
func (t Target) Arch() image.Architecture {
	if t.Architecture == "" {
		return image.X86_64
	}
	return t.Architecture
}

// Regions are all regions that get an image, the one where it is made first.
func (w Wish) Regions() []image.RegionID {
	all := []image.RegionID{w.Region}
	if w.Release == nil {
		return all
	}
	for _, r := range w.Release.Regions {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// ID names the import of a source as it is: the same source and wish, the same
// import, however often an event is delivered. source is what tells one version
// of the source from another, such as its ETag.
func (w Wish) ID(source string) (string, error) {
	wish, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("name an import: %w", err)
	}
	sum := sha256.Sum256(append(wish, source...))
	return hex.EncodeToString(sum[:])[:20], nil
}
