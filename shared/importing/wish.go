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
	Source Source `json:"source" doc:"What the image is made of: exactly one of object, instance, snapshots and image"`
	// Region and Account are where the image is made; empty: the function's own.
	Region  image.RegionID  `json:"region,omitempty" validate:"omitempty,regionid" doc:"Where the image is made; left out: the region of the function"`
	Account image.AccountID `json:"account,omitempty" validate:"omitempty,accountid" doc:"Whose image it will be; left out: the account of the function"`
	Image   Target          `json:"image" doc:"What the image is to be"`
	Check   *Check          `json:"check,omitempty" doc:"How the vendor's check of the image is judged"`
	// Test boots the image once; left out: it is not tested.
	Test    *Test    `json:"test,omitempty" doc:"Boots the image once; left out: it is not booted"`
	Release *Release `json:"release,omitempty" doc:"Who gets the image once it has passed; left out: nobody"`
}

// Source is exactly one of its members.
type Source struct {
	Object    *Object    `json:"object,omitempty" doc:"A file in a bucket of the same region"`
	Instance  *Instance  `json:"instance,omitempty" doc:"An instance, of whose disks the image is made"`
	Snapshots *Snapshots `json:"snapshots,omitempty" doc:"Snapshots of one system disk and of data disks"`
	Image     *Existing  `json:"image,omitempty" doc:"An image that is copied"`
}

// Object is a file in a bucket of the same region.
type Object struct {
	Bucket string `json:"bucket" validate:"required,min=3,max=63" doc:"The bucket"`
	Key    string `json:"key" validate:"required,max=1023" doc:"The object, the file of the system disk"`
	// DataDisks are the files of data disks.
	DataDisks []DataDisk `json:"dataDisks,omitempty" validate:"max=16,dive" doc:"The files of data disks, in the same bucket"`
	// CRC64, ETag and SHA256 are what the file has to have, as far as they are given.
	CRC64  string `json:"crc64,omitempty" validate:"omitempty,number,max=20" doc:"The CRC-64 that the object has to have, as OSS tells it"`
	ETag   string `json:"etag,omitempty" validate:"omitempty,max=80" doc:"The ETag that the object has to have"`
	SHA256 string `json:"sha256,omitempty" validate:"omitempty,hexadecimal,len=64" doc:"The SHA-256 of the file; OSS does not know it, so that it is not compared"`
}

// DataDisk is the file of a data disk, in the bucket of the system disk's.
type DataDisk struct {
	// Bucket, if it is given, is that of the system disk's file.
	Bucket string `json:"bucket,omitempty" validate:"omitempty,min=3,max=63" doc:"The bucket, that of the system disk; left out: the same"`
	Key    string `json:"key" validate:"required,max=1023" doc:"The object"`
	// DiskSizeGiB: as that of the system disk.
	DiskSizeGiB int `json:"diskSizeGiB,omitempty" validate:"omitempty,min=1,max=2048" doc:"Its size in GiB; left out: as large as the file needs"`
}

// Instance is one of whose disks the image is made.
type Instance struct {
	InstanceID image.InstanceID `json:"instanceId" validate:"required,instanceid" doc:"The instance, Running or Stopped"`
}

// Snapshots are of one system disk and up to 16 data disks.
type Snapshots struct {
	System image.SnapshotID   `json:"system" validate:"required,snapshotid" doc:"The snapshot of the system disk"`
	Data   []image.SnapshotID `json:"data,omitempty" validate:"max=16,unique,dive,snapshotid" doc:"The snapshots of data disks"`
}

// Existing is an image that is there, and is copied.
type Existing struct {
	ImageID image.ID `json:"imageId" validate:"required,imageid" doc:"The image that is copied, to the region of the import, from wherever it is"`
	// KMSKeyID encrypts the copy; it is a key of the destination.
	KMSKeyID string `json:"kmsKeyId,omitempty" validate:"omitempty,max=64" doc:"A key that encrypts the copy; left out: it is as its original"`
}

// Target is what the image is to be.
type Target struct {
	Name        string       `json:"name" validate:"required,min=2,max=117" doc:"Its name, unique in each region; until it has passed it is called unverified- and this"`
	Family      image.Family `json:"family,omitempty" validate:"omitempty,min=2,max=118" doc:"The line of versions that it belongs to"`
	Description string       `json:"description,omitempty" validate:"omitempty,min=2,max=256" doc:"What it is, for people"`
	OSType      image.OSType `json:"osType,omitempty" validate:"omitempty,oneof=linux windows" doc:"Of objects: the operating system, linux if it is left out"`
	Platform    string       `json:"platform,omitempty" validate:"omitempty,max=64" doc:"Of objects and snapshots: the distribution, as ECS names it"`
	// Architecture is x86_64 if it is left out.
	Architecture image.Architecture `json:"arch,omitempty" validate:"omitempty,oneof=x86_64 arm64 i386" doc:"Of objects and snapshots: the architecture, x86_64 if it is left out"`
	BootMode     image.BootMode     `json:"bootMode,omitempty" validate:"omitempty,oneof=BIOS UEFI UEFI-Preferred" doc:"Of objects and snapshots: how it boots; left out: BIOS, and UEFI for arm64"`
	// LicenceType is required for Windows, and refused for Linux.
	LicenceType string `json:"licenceType,omitempty" validate:"omitempty,oneof=Aliyun BYOL" doc:"Of Windows, where it is required: who licenses it"`
	LicenseType string `json:"licenseType,omitempty" validate:"omitempty,oneof=Aliyun BYOL" doc:"licenceType as ECS spells it"`
	NVMe        string `json:"nvme,omitempty" validate:"omitempty,oneof=supported unsupported" doc:"Whether it has the NVMe driver"`
	IMDS        string `json:"imds,omitempty" validate:"omitempty,oneof=v1 v2" doc:"How its instances reach their metadata; v2 cannot be taken back"`
	// DiskSizeGiB is that of the system disk; left out: as large as the file needs.
	DiskSizeGiB     int        `json:"diskSizeGiB,omitempty" validate:"omitempty,min=1,max=2048" doc:"Of objects: the size of the system disk in GiB; left out: as large as the file needs"`
	Tags            image.Tags `json:"tags,omitempty" validate:"max=14" doc:"Tags that it gets once it has passed"`
	ResourceGroupID string     `json:"resourceGroupId,omitempty" validate:"omitempty,resourcegroup" doc:"The resource group; left out: the default one"`
}

// Check is how the vendor's check of the image is judged.
type Check struct {
	// Waive names items that may be at high risk, such as GUESTOS.CloudInit; empty: none.
	Waive []string `json:"waive" validate:"required,max=30,unique,dive,max=64" doc:"Items of the check that may be at high risk, such as GUESTOS.CloudInit"`
}

// waived are the items that may be at high risk; a wish without a check has none.
func (c *Check) waived() []string {
	if c == nil {
		return nil
	}
	return c.Waive
}

// Test is how the image is booted.
type Test struct {
	// Boot: it is booted; a command alone asks for nothing.
	Boot            bool                 `json:"boot" doc:"true: one instance of it is started and deleted again"`
	VSwitchID       string               `json:"vSwitchId,omitempty" validate:"required_if=Boot true,max=64" doc:"Where the instance is started"`
	SecurityGroupID string               `json:"securityGroupId,omitempty" validate:"required_if=Boot true,max=64" doc:"The security group of the instance"`
	InstanceType    image.InstanceTypeID `json:"instanceType,omitempty" validate:"omitempty,instancetype" doc:"Its type; left out: the smallest that boots it"`
	// Command has to end with 0; left out: the Cloud Assistant's answer is enough.
	Command string `json:"command,omitempty" validate:"omitempty,max=16384" doc:"A command that has to end with 0; left out: the Cloud Assistant's answer is enough"`
	// Timeout is how long all of it may take, 20 minutes if it is left out.
	Timeout image.Duration `json:"timeout,omitempty" doc:"How long the test may take: a whole number and m, h or d; 20m if it is left out"`
	// MaxCost refuses a test that costs more, or whose cost is not known; in the
	// currency of the account's site.
	MaxCost string `json:"maxCost,omitempty" validate:"omitempty,amount" doc:"Refuses a test that may cost more, or whose cost is not known; in the currency of the account"`
}

// Release is who gets the image once it has passed.
type Release struct {
	Regions []image.RegionID `json:"regions,omitempty" validate:"max=30,unique,dive,regionid" doc:"Regions that get a copy"`
	Share   *Share           `json:"share,omitempty" doc:"With whom every one of the images is shared"`
	// Channel of the image's family: candidate or stable.
	Channel Channel `json:"channel,omitempty" validate:"omitempty,oneof=candidate stable" doc:"The channel of its family that it becomes the image of"`
}

// Share is with whom each image is shared, its copies among them.
type Share struct {
	Accounts []Grantee `json:"accounts" validate:"required,min=1,max=50,dive" doc:"The accounts"`
}

// Grantee is one account.
type Grantee struct {
	AccountID image.AccountID `json:"accountId" validate:"required,accountid" doc:"The account, a number"`
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
