package quoting

import (
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// Row is one image in a list.
type Row struct {
	ImageID   image.ID        `json:"imageId"`
	RegionID  image.RegionID  `json:"regionId"`
	AccountID image.AccountID `json:"accountId"`
	Kind      image.Kind      `json:"kind"`
	OwnerID   image.AccountID `json:"ownerId,omitempty"`
	// SeenBy: the accounts that see it; of an image that one of them published, only those that own it or were given it.
	SeenBy []image.AccountID `json:"seenBy"`
	// Name: the name its owner gave it.
	Name string `json:"name"`
	// Description: what its owner wrote about it.
	Description string       `json:"description,omitempty"`
	Family      image.Family `json:"imageFamily,omitempty"`
	// Version: ECS's free text for a version; Marketplace images have one.
	Version string       `json:"imageVersion,omitempty"`
	Status  image.Status `json:"status"`
	Usable  image.Tri    `json:"usable"`
	OSType  image.OSType `json:"osType"`
	// OSName: the full name of the system, such as "Ubuntu  22.04 64 bit".
	OSName string `json:"osName,omitempty"`
	// Platform: the distribution, such as "Ubuntu" or "Windows Server 2022".
	Platform     string             `json:"platform,omitempty"`
	Architecture image.Architecture `json:"architecture"`
	BootMode     image.BootMode     `json:"bootMode,omitempty"`
	// NVMe: supported or unsupported; left out where ECS does not say.
	NVMe string `json:"nvme,omitempty"`
	// SizeGiB: of the system disk.
	SizeGiB int `json:"sizeGiB"`
	// CreatedAt: when it was made.
	CreatedAt   time.Time         `json:"createdAt"`
	ProductCode image.ProductCode `json:"productCode,omitempty"`
	// Supplier: the vendor of a Marketplace image.
	Supplier string `json:"supplier,omitempty"`
	// LicenseType: Auto, Aliyun or BYOL, of imported Windows images.
	LicenseType string            `json:"licenseType,omitempty"`
	Licence     selection.Licence `json:"licence"`
	Encrypted   image.Tri         `json:"encrypted"`
	// DataDisks: how many disks it has beside the system disk.
	DataDisks int         `json:"dataDisks"`
	Usage     image.Usage `json:"usage,omitempty"`
	// Copied: it was made by CopyImage.
	Copied bool `json:"copied"`
	// Published: it is a community image: everyone in the region may use it.
	Published bool      `json:"published"`
	SharedOut image.Tri `json:"sharedOut"`
	// Tags: the tags of the image; ECS has one value for a key.
	Tags image.Tags `json:"tags"`
	// LicencePerHour is there if the query goes by it.
	LicencePerHour *Licence `json:"licencePerHour,omitempty"`
	// Reasons say why it is here, or why not.
	Reasons []image.Reason `json:"reasons,omitempty"`
}

// NewRow tells an image, its licence by what was found out, and why it is told.
func NewRow(s selection.Sighting, told *Selected, why []image.Reason) Row {
	class, _ := told.Class(s)
	r := Row{
		ImageID: s.ID, RegionID: s.Region, AccountID: s.Account, Kind: s.Kind, OwnerID: s.OwnerID(), SeenBy: s.SeenBy,
		Name: s.Name, Description: s.Description, Family: s.Family, Version: s.Version, Status: s.Status, Usable: s.Usable,
		OSType: s.OSType, OSName: s.OSName, Platform: s.Platform, Architecture: s.Architecture, BootMode: s.BootMode, NVMe: s.NVMe,
		SizeGiB: s.SizeGiB, CreatedAt: s.CreatedAt.UTC(), ProductCode: s.ProductCode, Supplier: s.Supplier, LicenseType: s.LicenseType,
		Licence: class, Encrypted: s.Encrypted(), DataDisks: len(s.Image.DataDisks()), Usage: s.Usage,
		Copied: s.Copied, Published: s.Published, SharedOut: s.SharedOut, Tags: s.Tags, Reasons: why,
		LicencePerHour: told.Licence(s.Region, s.ID),
	}
	if r.Tags == nil {
		r.Tags = image.Tags{}
	}
	return r
}

// NewRows tells all that were chosen.
func NewRows(chosen []selection.Chosen, told *Selected) []Row {
	rows := make([]Row, 0, len(chosen))
	for _, c := range chosen {
		rows = append(rows, NewRow(c.Sighting, told, c.Why))
	}
	return rows
}

// RowHeader names the columns of the table.
func RowHeader() []string {
	return []string{
		"imageId", "regionId", "accountId", "kind", "ownerId", "seenBy", "name", "imageFamily", "status", "usable",
		"osType", "platform", "osName", "architecture", "bootMode", "sizeGiB", "createdAt", "productCode", "licence",
		"encrypted", "dataDisks", "usage", "tags", "licencePerHour", "licenceCurrency", "licenceRule",
	}
}

// Columns are the cells of the table.
func (r Row) Columns() []string {
	tags := make([]string, 0, len(r.Tags))
	for _, key := range r.Tags.Keys() {
		tags = append(tags, key+"="+r.Tags[key])
	}
	return append([]string{
		string(r.ImageID), string(r.RegionID), string(r.AccountID), string(r.Kind), string(r.OwnerID), Spaced(r.SeenBy),
		r.Name, string(r.Family), string(r.Status), r.Usable.String(),
		string(r.OSType), r.Platform, r.OSName, string(r.Architecture), string(r.BootMode), strconv.Itoa(r.SizeGiB),
		r.CreatedAt.Format(time.RFC3339), string(r.ProductCode), string(r.Licence),
		r.Encrypted.String(), strconv.Itoa(r.DataDisks), string(r.Usage), strings.Join(tags, " "),
	}, r.LicencePerHour.Columns()...)
}

// Disk is one disk inside an image.
type Disk struct {
	// Device: the name inside the instance, such as /dev/xvda.
	Device string `json:"device"`
	// System: it is the system disk.
	System bool `json:"system"`
	// SizeGiB: its size.
	SizeGiB    int              `json:"sizeGiB"`
	SnapshotID image.SnapshotID `json:"snapshotId,omitempty"`
	Encrypted  image.Tri        `json:"encrypted"`
	// Format: RAW, VHD or QCOW2, of an imported disk.
	Format string `json:"format,omitempty"`
	// ImportBucket: the OSS bucket it was imported from.
	ImportBucket string `json:"importBucket,omitempty"`
	// ImportObject: the OSS object it was imported from.
	ImportObject string `json:"importObject,omitempty"`
}
