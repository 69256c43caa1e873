package main

import (
	"bytes"
	"encoding/json"
	"math/big"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/usage"
)

// rules are the shapes of all that requests name.
func rules() []function.Rule {
	return append(places.Rules(), function.Rule{Tag: "action", Pattern: `^[a-z]+:[A-Za-z]+$`, Sentence: "must be a RAM action, such as ecs:DescribeImages"})
}

// filter is what an image must be like. Its words are checked by selection.
type filter struct {
	Kind          []image.Kind         `json:"kind" validate:"max=5,dive,oneof=public custom shared marketplace community" doc:"Kinds: public, custom, shared, marketplace, community. Default public, custom and shared; any kind with id; Marketplace too with software or provider=isv"`
	Owner         image.AccountID      `json:"owner" validate:"omitempty,accountid" doc:"The account that owns the image"`
	ID            []image.ID           `json:"id" validate:"max=100,dive,imageid" doc:"Images by id, of any kind"`
	Name          string               `json:"name" validate:"max=128" doc:"A glob without regard to case: * is any text, ? one character"`
	SnapshotID    image.SnapshotID     `json:"snapshotId" validate:"omitempty,snapshotid" doc:"A snapshot that is in the image"`
	OSType        image.OSType         `json:"osType" validate:"omitempty,oneof=linux windows" doc:"The operating system"`
	Platform      string               `json:"platform" validate:"max=64" doc:"The distribution by its first words, without regard to case: ubuntu, windows server"`
	Arch          image.Architecture   `json:"arch" validate:"omitempty,oneof=x86_64 arm64 i386" doc:"The architecture"`
	BootMode      image.BootMode       `json:"bootMode" validate:"omitempty,oneof=BIOS UEFI UEFI-Preferred" doc:"The boot mode; UEFI-Preferred images boot both ways"`
	InstanceType  image.InstanceTypeID `json:"instanceType" validate:"omitempty,instancetype" doc:"Only images that this instance type can boot"`
	Tag           map[string]string    `json:"tag" query:"tag." validate:"max=20,dive,keys,tagkey,endkeys,max=256" doc:"Tags that must all be there; an empty value: the key is there"`
	Software      string               `json:"software" validate:"max=64" doc:"Built-in software, as a word in the Marketplace product and vendor, the name, the description, and the tags software and software:<name>"`
	Provider      selection.Provider   `json:"provider" validate:"omitempty,oneof=alibaba isv" doc:"Who made the software in it"`
	DataDisks     selection.DataDisks  `json:"dataDisks" validate:"omitempty,oneof=with without" doc:"With or without data disks"`
	Licence       selection.Licence    `json:"licence" validate:"omitempty,oneof=free paid unknown" doc:"Whether a licence is charged for: by the listing and, where that does not tell, by what the image was made from"`
	MaxLicence    *decimal             `json:"maxLicencePerHour" doc:"What the licence may cost at the most, for an hour of an instance of instanceType, in the currency of the site; not known is no match"`
	Status        []image.Status       `json:"status" validate:"max=6,dive,oneof=Creating Waiting Available UnAvailable CreateFailed Deprecated" doc:"States; default Available"`
	Usage         image.Usage          `json:"usage" validate:"omitempty,oneof=instance none" doc:"The hint of ECS whether instances use it; never proof"`
	Encrypted     *bool                `json:"encrypted" doc:"Whether a disk in it is encrypted; not known is no match"`
	CreatedAfter  time.Time            `json:"createdAfter" doc:"Created at this time or later"`
	CreatedBefore time.Time            `json:"createdBefore" doc:"Created before this time"`
}

// decimal is an amount of money as it was written, exactly.
type decimal struct{ value *big.Rat }

// JSONSchema is the form of what UnmarshalJSON reads, as JSON Schema 2020-12.
func (d decimal) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"string", "number"}, "minimum": 0, "examples": []any{"0.5"}}
}

// UnmarshalText reads a decimal that is not negative. It fails with fault.Invalid
// for anything else.
func (d *decimal) UnmarshalText(text []byte) error {
	amount, err := money.ParseRatio(string(text))
	if err != nil || amount.Sign() < 0 || bytes.ContainsAny(text, "/-") {
		return fault.New(fault.Invalid, "must be a decimal that is not negative, such as 0.5")
	}
	d.value = amount
	return nil
}

// UnmarshalJSON reads a JSON number, or a string as in a parameter.
func (d *decimal) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	return d.UnmarshalText([]byte(text))
}

// listInput asks for images.
type listInput struct {
	places.Where
	function.Table
	filter
	Family  []image.Family  `json:"family" validate:"max=20,dive,families" doc:"Image families: names, or globs with * for any text and ? for one character"`
	Sort    selection.Order `json:"sort" validate:"omitempty,oneof=-createdAt createdAt name -name size -size licence -licence" doc:"Default -createdAt: the first image is the one to use; licence goes by what it costs an hour on instanceType, not known last"`
	Limit   *int            `json:"limit" validate:"omitempty,min=1,max=1000" doc:"How many images a page has; default 50"`
	Cursor  string          `json:"cursor" validate:"omitempty,max=4096" doc:"nextCursor of the page before, with the same query"`
	Explain bool            `json:"explain" doc:"Also tell what was passed over, and why"`
}

// imageInput asks for one image.
type imageInput struct {
	places.Where
	ImageID image.ID `json:"imageId" validate:"required,imageid" doc:"The id as ECS writes it"`
}

// aroundInput asks for what is around one image.
type aroundInput struct {
	imageInput
	function.Table
}

// fleetInput asks for instances.
type fleetInput struct {
	places.Where
	function.Table
	ID         []image.InstanceID     `json:"id" validate:"max=100,dive,instanceid" doc:"Instances by id"`
	Image      []image.ID             `json:"image" validate:"max=100,dive,imageid" doc:"Images that the system disk runs"`
	Family     []image.Family         `json:"family" validate:"max=20,dive,families" doc:"Families of that image: names, or globs with * and ?"`
	Behind     *int                   `json:"behind" validate:"omitempty,min=0,max=10000" doc:"At least so many versions behind; what is not known is no match"`
	Tag        map[string]string      `json:"tag" query:"tag." validate:"max=20,dive,keys,tagkey,endkeys,max=256" doc:"Tags of the instance that must all be there; an empty value: the key is there"`
	Type       []image.InstanceTypeID `json:"instanceType" validate:"max=50,dive,instancetype" doc:"Types of the instance"`
	System     string                 `json:"osName" validate:"omitempty,max=128" doc:"A part of the full name of its system, such as CentOS 7, in whatever case"`
	EndsBefore time.Time              `json:"endOfLifeBefore" doc:"Only systems that get no updates any more at that time; what is not known is no match"`
	Sort       usage.Order            `json:"sort" validate:"omitempty,oneof=behind -behind endOfLife -endOfLife createdAt -createdAt" doc:"By what, - for the other way round; what is not known comes last. Default: by account, region and id"`
	Limit      *int                   `json:"limit" validate:"omitempty,min=1,max=10000" doc:"How many instances a page has; default 1000"`
	Cursor     string                 `json:"cursor" validate:"omitempty,max=4096" doc:"nextCursor of the page before, with the same filters"`
}

// accessInput asks what is permitted.
type accessInput struct {
	places.Where
	function.Table
	Action   []string `json:"action" validate:"max=100,dive,action" doc:"Only these actions"`
	NeededBy []string `json:"neededBy" validate:"max=10,dive,oneof=find price share import replace-disk cleanup" doc:"Only what these functions need"`
}

// familyInput asks for the image of a family to use.
type familyInput struct {
	places.Where
	filter
	Family  image.Family `json:"family" validate:"required,family" doc:"The image family"`
	Channel string       `json:"channel" validate:"omitempty,oneof=stable candidate" doc:"Only images of this channel, by the tag that imports write; without it, what an import made is the one to use only once it is stable"`
}

// familiesInput asks which families there are.
type familiesInput struct {
	places.Where
	function.Table
	filter
	Family  []image.Family        `json:"family" validate:"max=20,dive,families" doc:"Families: names, or globs with * for any text and ? for one character"`
	Channel string                `json:"channel" validate:"omitempty,oneof=stable candidate" doc:"Only images of this channel, by the tag that imports write"`
	Sort    selection.FamilyOrder `json:"sort" validate:"omitempty,oneof=name -name images -images createdAt -createdAt" doc:"By name (default), by how many images fit, or by when the newest was made; - for the other way round"`
	Limit   *int                  `json:"limit" validate:"omitempty,min=1,max=1000" doc:"How many families a page has; default 50"`
	Cursor  string                `json:"cursor" validate:"omitempty,max=4096" doc:"nextCursor of the page before, with the same query"`
}

func (in familiesInput) query(trusted []image.AccountID) selection.Query {
	q := in.filter.query(in.Where, trusted)
	q.Families, q.Channel, q.Cursor = in.Family, in.Channel, in.Cursor
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	return q
}

func (in familyInput) query(trusted []image.AccountID) selection.Query {
	q := in.filter.query(in.Where, trusted)
	q.Families, q.Channel = []image.Family{in.Family}, in.Channel
	return q
}

func (in fleetInput) filter() usage.Filter {
	return usage.Filter{
		IDs: in.ID, Images: in.Image, Families: in.Family, Behind: in.Behind, Tags: in.Tag,
		Types: in.Type, System: in.System, EndsBefore: in.EndsBefore,
	}
}

// query translates the parameters into the capability's words.
func (f filter) query(w places.Where, trusted []image.AccountID) selection.Query {
	q := selection.Query{Regions: w.Region, Accounts: w.Account, Trusted: trusted}
	q.Kinds, q.Owner, q.IDs, q.Name = f.Kind, f.Owner, f.ID, f.Name
	q.Snapshot, q.OSType, q.Platform, q.Architecture = f.SnapshotID, f.OSType, f.Platform, f.Arch
	q.BootMode, q.InstanceType, q.Tags, q.Software = f.BootMode, f.InstanceType, f.Tag, f.Software
	q.Provider, q.DataDisks, q.Licence, q.Statuses = f.Provider, f.DataDisks, f.Licence, f.Status
	q.Usage, q.CreatedAfter, q.CreatedBefore = f.Usage, f.CreatedAfter, f.CreatedBefore
	if f.MaxLicence != nil {
		q.MaxLicence = f.MaxLicence.value
	}
	if f.Encrypted != nil {
		q.Encrypted = image.TriOf(*f.Encrypted)
	}
	return q
}

func (in listInput) query(trusted []image.AccountID) selection.Query {
	q := in.filter.query(in.Where, trusted)
	q.Families, q.Order, q.Cursor, q.Explain = in.Family, in.Sort, in.Cursor, in.Explain
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	return q
}
