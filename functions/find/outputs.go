package main

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// row is one image in a list.
type row struct {
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
	LicencePerHour *quoting.Licence `json:"licencePerHour,omitempty"`
	// Reasons say why it is here, or why not.
	Reasons []image.Reason `json:"reasons,omitempty"`
}

func newRow(s selection.Sighting, told *quoting.Selected, why []image.Reason) row {
	class, _ := told.Class(s)
	r := row{
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

func newRows(chosen []selection.Chosen, told *quoting.Selected) []row {
	rows := make([]row, 0, len(chosen))
	for _, c := range chosen {
		rows = append(rows, newRow(c.Sighting, told, c.Why))
	}
	return rows
}

// header names the columns of format=csv.
func header() []string {
	return []string{
		"imageId", "regionId", "accountId", "kind", "ownerId", "seenBy", "name", "imageFamily", "status", "usable",
		"osType", "platform", "osName", "architecture", "bootMode", "sizeGiB", "createdAt", "productCode", "licence",
		"encrypted", "dataDisks", "usage", "tags", "licencePerHour", "licenceCurrency", "licenceRule",
	}
}

func (r row) columns() []string {
	seen := make([]string, len(r.SeenBy))
	for i, a := range r.SeenBy {
		seen[i] = string(a)
	}
	tags := make([]string, 0, len(r.Tags))
	for _, key := range r.Tags.Keys() {
		tags = append(tags, key+"="+r.Tags[key])
	}
	return append([]string{
		string(r.ImageID), string(r.RegionID), string(r.AccountID), string(r.Kind), string(r.OwnerID), strings.Join(seen, " "),
		r.Name, string(r.Family), string(r.Status), r.Usable.String(),
		string(r.OSType), r.Platform, r.OSName, string(r.Architecture), string(r.BootMode), strconv.Itoa(r.SizeGiB),
		r.CreatedAt.Format(time.RFC3339), string(r.ProductCode), string(r.Licence),
		r.Encrypted.String(), strconv.Itoa(r.DataDisks), string(r.Usage), strings.Join(tags, " "),
	}, r.LicencePerHour.Columns()...)
}

// list is the answer of find.images. When nothing could be read it is a problem
// document as well.
type list struct {
	*function.Problem
	AsOf  time.Time `json:"asOf"`
	Items []row     `json:"items"`
	// Total is missing while something is unknown.
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	PassedOver *passedOver    `json:"passedOver,omitempty"`
	// Hints are what may have been meant, where nothing fits.
	Hints []image.Reason `json:"hints,omitempty"`
}

// passedOver tells about the images that do not fit.
type passedOver struct {
	// Count: how many images do not fit.
	Count int `json:"count"`
	// Reasons: why they do not, the most frequent first.
	Reasons []count `json:"reasons"`
	// Examples came closest to fitting.
	Examples []row `json:"examples"`
}

type count struct {
	// Code: why an image does not fit.
	Code string `json:"code"`
	// Count: how many do not for that.
	Count int `json:"count"`
}

func newPassedOver(p selection.PassedOver, told *quoting.Selected) *passedOver {
	over := &passedOver{Count: p.Count, Reasons: []count{}, Examples: newRows(p.Examples, told)}
	for _, c := range p.Reasons {
		over.Reasons = append(over.Reasons, count(c))
	}
	return over
}

func newList(found selection.List, told *quoting.Selected, asOf time.Time, call function.Call) list {
	l := list{
		AsOf: asOf.UTC().Truncate(time.Second), Items: newRows(found.Page, told), NextCursor: found.Next, Unknown: image.AllUnread(found.Unread), Hints: found.Meant,
	}
	if found.Total >= 0 {
		l.Total = &found.Total
	}
	if found.PassedOver != nil {
		l.PassedOver = newPassedOver(*found.PassedOver, told)
	}
	if found.Blind {
		l.Problem = call.Problem(blind(found.Unread))
	}
	return l
}

// blind is why a list is none: nothing could be read.
func blind(unread []image.Unread) error {
	first := unread[0]
	place := strings.Trim(string(first.Account)+"/"+string(first.Region), "/")
	if place != "" { // nothing of it is known where the account itself did not answer
		place += ": "
	}
	return fault.New(fault.Unknown, "nothing could be read; of %d places the first says: %s%s", len(unread), place, first.Sentence).WithCode(survey.CodeUnread)
}

// HTTPHeader repeats what a table has no place for.
func (l list) HTTPHeader() http.Header {
	h := l.Problem.HTTPHeader()
	if l.NextCursor != "" {
		h.Set("Next-Cursor", l.NextCursor)
	}
	if len(l.Unknown) > 0 {
		h.Set("Unknown-Count", strconv.Itoa(len(l.Unknown)))
	}
	return h
}

// Rows is the list as a table.
func (l list) Rows() ([]string, iter.Seq[[]string]) {
	return function.Sheet[row]{Header: header(), Cells: row.columns}.Of(l.Items)
}

// Lines is the list one image per line, and then one line with the rest.
func (l list) Lines() iter.Seq[any] {
	return function.LinesOf(l.Items, end{End: true, AsOf: l.AsOf, Count: len(l.Items), Total: l.Total, NextCursor: l.NextCursor, Unknown: l.Unknown, PassedOver: l.PassedOver, Hints: l.Hints})
}

// LineTypes are an image, and the last line.
func (l list) LineTypes() []any { return []any{row{}, end{}} }

// end is the last line of format=ndjson.
type end struct {
	// End: always true: this is the last line, and nothing is missing.
	End  bool      `json:"end"`
	AsOf time.Time `json:"asOf"`
	// Count: how many lines came before.
	Count      int            `json:"count"`
	Total      *int           `json:"total,omitempty"`
	NextCursor string         `json:"nextCursor,omitempty"`
	Unknown    []image.Unread `json:"unknown"`
	PassedOver *passedOver    `json:"passedOver,omitempty"`
	// Hints are what may have been meant, where there is nothing.
	Hints []image.Reason `json:"hints,omitempty"`
	// LicencesUnread is of instances: what could not be read to price licences.
	LicencesUnread []image.Unread `json:"licencesUnread,omitempty"`
}

// disk is one disk inside an image.
type disk struct {
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

// detail is the answer of find.image: the image, and what follows from it.
type detail struct {
	AsOf time.Time `json:"asOf"`
	row
	// Progress: of creating, importing or copying, in percent.
	Progress int `json:"progress"`
	// ResourceGroup: left out for the default group.
	ResourceGroup string `json:"resourceGroupId,omitempty"`
	// CloudInit: initialisation by cloud-init is supported.
	CloudInit bool `json:"cloudInit"`
	// Subscribed: the terms of its Marketplace product were accepted.
	Subscribed bool `json:"subscribed"`
	// DiskMappings: the disks inside the image.
	DiskMappings []disk `json:"diskMappings"`
	// Health: what speaks against using it, with what to do about it.
	Health []selection.Finding `json:"health"`
	// LicenceReasons: what the licence is judged by.
	LicenceReasons []image.Reason `json:"licenceReasons"`
	// Use: ready lines that use the image, by tool.
	Use []selection.Snippet `json:"use"`
	// Ambiguous: other places have an image of this id, too.
	Ambiguous bool           `json:"ambiguous"`
	Elsewhere []image.Ref    `json:"elsewhere"`
	Unknown   []image.Unread `json:"unknown"`
}

func newDetail(d selection.Described, told *quoting.Selected, asOf time.Time) detail {
	out := detail{
		AsOf: asOf.UTC().Truncate(time.Second), row: newRow(d.Sighting, told, nil), Progress: d.Progress, ResourceGroup: d.ResourceGroup,
		CloudInit: d.CloudInit, Subscribed: d.Subscribed,
		DiskMappings: []disk{}, Health: []selection.Finding{},
		Use: []selection.Snippet{}, Ambiguous: len(d.Elsewhere) > 0, Elsewhere: []image.Ref{}, Unknown: image.AllUnread(d.Unread),
	}
	_, out.LicenceReasons = told.Class(d.Sighting)
	for _, m := range d.Disks {
		out.DiskMappings = append(out.DiskMappings, disk(m))
	}
	out.Health = append(out.Health, d.Health...)
	out.Use = append(out.Use, d.Use...)
	out.Elsewhere = append(out.Elsewhere, d.Elsewhere...)
	if out.Ambiguous {
		out.Reasons = []image.Reason{{
			Code:     "severalPlaces",
			Sentence: fmt.Sprintf("%d places have an image of this id; name a region to choose", len(d.Elsewhere)+1),
		}}
	}
	return out
}

// family is the answer of find.family.
type family struct {
	AsOf   time.Time    `json:"asOf"`
	Family image.Family `json:"imageFamily"`
	// Items: the image to use, for each region.
	Items   []choice       `json:"items"`
	Unknown []image.Unread `json:"unknown"`
}

// choice is the image to use in one region, for one operating system type and
// architecture.
type choice struct {
	RegionID image.RegionID `json:"regionId"`
	// Image is missing where no image of the family fits.
	Image *row `json:"image,omitempty"`
	// Use: ready lines that use the image, by tool, on the instance type that was asked for.
	Use []selection.Snippet `json:"use"`
	// Older is how many more fit.
	Older int `json:"older"`
	// PassedOver: the images of the family that do not fit.
	PassedOver *passedOver `json:"passedOver"`
}

func newFamily(in familyInput, choices []selection.Choice, unread []image.Unread, told *quoting.Selected, asOf time.Time) family {
	f := family{AsOf: asOf.UTC().Truncate(time.Second), Family: in.Family, Items: []choice{}, Unknown: image.AllUnread(unread)}
	for _, c := range choices {
		item := choice{RegionID: c.Region, Use: []selection.Snippet{}, Older: c.Older, PassedOver: newPassedOver(c.PassedOver, told)}
		if c.Best != nil {
			best := newRow(c.Best.Sighting, told, c.Best.Why)
			item.Image, item.Use = &best, selection.UseOf(c.Best.Sighting, in.InstanceType)
		}
		f.Items = append(f.Items, item)
	}
	return f
}
