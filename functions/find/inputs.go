package main

import (
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

const regionPattern = `^(all|[a-z]{2,}(-[a-z0-9]+){1,4})$`

// rules are the shapes of identifiers.
func rules() []function.Rule {
	return []function.Rule{
		{Tag: "imageid", Pattern: `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`, Sentence: "must be an image id, such as m-bp1abc or ubuntu_22_04_x64_20G_alibase_20240101.vhd"},
		{Tag: "regionid", Pattern: `^[a-z]{2,}(-[a-z0-9]+){1,4}$`, Sentence: "must be region ids, such as cn-hangzhou"},
		{Tag: "accountid", Pattern: `^[0-9]{1,20}$`, Sentence: "must be account ids, which are numbers"},
		{Tag: "family", Pattern: `^\pL[\pL\pN_.:-]{1,127}$`, Sentence: "must be an image family: 2 to 128 letters, digits and _.:- beginning with a letter"},
		{Tag: "snapshotid", Pattern: `^s-[a-z0-9]{1,64}$`, Sentence: "must be a snapshot id, such as s-bp1abc"},
		{Tag: "instancetype", Pattern: `^ecs(\.[a-z0-9-]{1,32}){1,4}$`, Sentence: "must be an instance type, such as ecs.g7.large"},
		{Tag: "tagkey", Pattern: `^.{1,128}$`, Sentence: "must be tag keys of 1 to 128 characters"},
		{Tag: "cursor", Pattern: `^[A-Za-z0-9_-]+$`, Sentence: "is not a cursor of this API"},
	}
}

// where narrows the places to look at.
type where struct {
	// Region is a list of regions among those the deployment looks at.
	Region []image.RegionID `json:"region" validate:"max=100,dive,regionid"`
	// Account is a list of accounts through whose eyes to look.
	Account []image.AccountID `json:"account" validate:"max=100,dive,accountid"`
}

// filter is what an image must be like. Its words are checked by selection.
type filter struct {
	Kind          []image.Kind         `json:"kind" validate:"max=5"`
	Owner         image.AccountID      `json:"owner" validate:"omitempty,accountid"`
	ID            []image.ID           `json:"id" validate:"max=100,dive,imageid"`
	Name          string               `json:"name" validate:"max=128"`
	Family        image.Family         `json:"family" validate:"omitempty,family"`
	SnapshotID    image.SnapshotID     `json:"snapshotId" validate:"omitempty,snapshotid"`
	OSType        image.OSType         `json:"osType" validate:"omitempty,oneof=linux windows"`
	Platform      string               `json:"platform" validate:"max=64"`
	Arch          image.Architecture   `json:"arch" validate:"omitempty,oneof=x86_64 arm64 i386"`
	BootMode      image.BootMode       `json:"bootMode" validate:"omitempty,oneof=BIOS UEFI UEFI-Preferred"`
	InstanceType  image.InstanceTypeID `json:"instanceType" validate:"omitempty,instancetype"`
	Tag           map[string]string    `json:"tag" query:"tag." validate:"max=20,dive,keys,tagkey,endkeys,max=256"`
	Software      string               `json:"software" validate:"max=64"`
	Provider      selection.Provider   `json:"provider" validate:"omitempty,oneof=alibaba isv"`
	DataDisks     selection.DataDisks  `json:"dataDisks" validate:"omitempty,oneof=with without"`
	Licence       selection.Licence    `json:"licence" validate:"omitempty,oneof=free paid unknown"`
	Status        []image.Status       `json:"status" validate:"max=6"`
	Usage         image.Usage          `json:"usage" validate:"omitempty,oneof=instance none"`
	Encrypted     *bool                `json:"encrypted"`
	CreatedAfter  time.Time            `json:"createdAfter"`
	CreatedBefore time.Time            `json:"createdBefore"`
}

// listInput asks for images.
type listInput struct {
	where
	filter
	Sort    selection.Order `json:"sort" validate:"omitempty,oneof=-createdAt createdAt name -name size -size"`
	Limit   *int            `json:"limit" validate:"omitempty,min=1,max=1000"`
	Cursor  string          `json:"cursor" validate:"omitempty,max=4096,cursor"`
	Format  string          `json:"format" validate:"omitempty,oneof=json csv ndjson"`
	Explain bool            `json:"explain"`
}

// imageInput asks for one image.
type imageInput struct {
	where
	ImageID image.ID `json:"imageId" validate:"required,imageid"`
}

// familyInput asks for the image of a family to use.
type familyInput struct {
	where
	filter
}

func (w where) query() selection.Query {
	return selection.Query{Regions: w.Region, Accounts: w.Account}
}

// query translates the parameters into the capability's words.
func (f filter) query(w where) selection.Query {
	q := w.query()
	q.Kinds, q.Owner, q.IDs, q.Name, q.Family = f.Kind, f.Owner, f.ID, f.Name, f.Family
	q.Snapshot, q.OSType, q.Platform, q.Architecture = f.SnapshotID, f.OSType, f.Platform, f.Arch
	q.BootMode, q.InstanceType, q.Tags, q.Software = f.BootMode, f.InstanceType, f.Tag, f.Software
	q.Provider, q.DataDisks, q.Licence, q.Statuses = f.Provider, f.DataDisks, f.Licence, f.Status
	q.Usage, q.CreatedAfter, q.CreatedBefore = f.Usage, f.CreatedAfter, f.CreatedBefore
	if f.Encrypted != nil {
		q.Encrypted = image.TriOf(*f.Encrypted)
	}
	return q
}

func (in listInput) query() selection.Query {
	q := in.filter.query(in.where)
	q.Order, q.Cursor, q.Explain = in.Sort, in.Cursor, in.Explain
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	return q
}
