package pricing

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/survey"
)

// Quantity is a number of hours or seconds, exactly as it was written: a
// decimal, or a fraction.
type Quantity struct{ Number }

// longestQuantity keeps numbers within what anybody would write.
const longestQuantity = 40

// JSONSchema is the form of what UnmarshalJSON reads, as JSON Schema 2020-12.
func (q Quantity) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"string", "number"}, "maxLength": longestQuantity, "examples": []any{"720", "0.5", "1/3"}}
}

// UnmarshalText reads a parameter. It fails with fault.Invalid for anything else.
func (q *Quantity) UnmarshalText(text []byte) error {
	value, err := money.ParseRatio(string(text))
	if err != nil || len(text) > longestQuantity {
		return fault.New(fault.Invalid, `must be a number such as 720, 0.5 or 1/3`)
	}
	q.Number = NumberOf(value)
	return nil
}

// UnmarshalJSON reads a JSON number, or a string as in a parameter.
func (q *Quantity) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	return q.UnmarshalText([]byte(text))
}

// Asking is what people ask of one quote, in the words of requests.
type Asking struct {
	ImageID image.ID        `json:"imageId" doc:"The id as ECS writes it; left out only with for=create or for=import, for an image that does not exist yet"`
	Region  image.RegionID  `json:"region" doc:"Where the image is, if the id exists in several regions"`
	Account image.AccountID `json:"account" doc:"The account that would use it; default the image's owner where that is looked at"`
	making
	running
	storing
	operating
}

// making says what an image will be that does not exist yet. It has no constraints
// of the document, since each question of a batch is refused on its own.
type making struct {
	OSType      image.OSType `json:"osType" doc:"Without imageId: the type of its system, linux or windows"`
	Platform    string       `json:"platform" doc:"Without imageId: its system, such as Ubuntu, RedHat or Windows Server 2022; at most 64 characters"`
	LicenseType string       `json:"licenseType" doc:"Without imageId, for=import: whose licence it will have, Auto, Aliyun or BYOL"`
}

// longestPlatform is beyond the name of any system.
const longestPlatform = 64

// check fails with fault.Invalid naming the field that cannot be.
func (m making) check() error {
	switch {
	case !slices.Contains([]image.OSType{"", image.Linux, image.Windows}, m.OSType):
		return fault.InField("osType", codeOneOf, "must be %s or %s", image.Linux, image.Windows)
	case utf8.RuneCountInString(m.Platform) > longestPlatform:
		return fault.InField("platform", "tooLong", "must be at most %d characters", longestPlatform)
	case !slices.Contains([]string{"", "Auto", "Aliyun", "BYOL"}, m.LicenseType):
		return fault.InField("licenseType", codeOneOf, "must be Auto, Aliyun or BYOL")
	}
	return nil
}

// running says what runs on the image, how it is charged, and for how long.
type running struct {
	InstanceType image.InstanceTypeID `json:"instanceType" doc:"The instance type whose licence is priced, such as ecs.g7.large"`
	ActiveVCPUs  int                  `json:"activeVcpus" doc:"The number of vCPUs of an instance with modified CPU options"`
	Holding      bool                 `json:"holding" doc:"Only what holding the image costs: no instance runs on it"`
	Hours        Quantity             `json:"hours" doc:"How long, in hours; default 720, a month"`
	Seconds      Quantity             `json:"seconds" doc:"How long, in seconds"`
	Spot         bool                 `json:"spot" doc:"A spot instance; else pay-as-you-go, unless there is a period"`
	Period       *int                 `json:"period" doc:"The period of a subscription, in units"`
	PeriodUnit   Unit                 `json:"periodUnit" doc:"week, month or year; default month"`
	Refunded     bool                 `json:"refunded" doc:"The subscription is given back before its end"`
	StoppedHours Quantity             `json:"stoppedHours" doc:"For how many of the hours the instance is stopped"`
	StoppedMode  StoppedMode          `json:"stoppedMode" doc:"What ECS did when it was stopped: StopCharging (economical mode, the default) or KeepCharging"`
}

// storing says how the snapshots of the image are kept.
type storing struct {
	StoredFrom   time.Time `json:"storedFrom" doc:"Storage is priced from the clock hour of this time"`
	StoredTo     time.Time `json:"storedTo" doc:"to the end of the clock hour of this one; default: the duration"`
	Deleted      bool      `json:"deleted" doc:"The snapshots are deleted at the end: archive storage has a minimum duration"`
	PreheatDisks int       `json:"preheatDisks" doc:"How many disks are created at once from preheated snapshots"`
	PreheatHours Quantity  `json:"preheatHours" doc:"How long the snapshots are kept preheated"`
}

// operating says what is done with the image.
type operating struct {
	For             Operation      `json:"for" doc:"An operation to price as well: create, copy, copySnapshot, import, export or replace"`
	To              image.RegionID `json:"to" doc:"Where a copy goes"`
	Encrypt         bool           `json:"encrypt" doc:"The copy of an unencrypted image is encrypted"`
	OwnKey          bool           `json:"ownKey" doc:"The copy is encrypted with a key of your own"`
	FirstCopy       *bool          `json:"firstCopy" doc:"No snapshot of the same disk was copied there before"`
	DiskGiBs        []int          `json:"diskGiBs" doc:"Sizes of the disks that an image is created or imported with; default the image's own"`
	ObjectBytes     int64          `json:"objectBytes" doc:"Size of the OSS object that is imported or exported"`
	Replaces        image.ID       `json:"replaces" doc:"The image that the instance runs now, for replace"`
	ReplacedDiskGiB int            `json:"replacedDiskGiB" doc:"Size of the present system disk"`
	NewDiskGiB      int            `json:"newDiskGiB" doc:"Size of the new system disk, if another is asked for"`
}

// Check fails with fault.Invalid naming the field that cannot be, as far as the
// cloud is not needed to tell.
func (q Asking) Check() error {
	for _, f := range []struct{ name, text, shape string }{
		{"imageId", string(q.ImageID), "imageid"},
		{"region", string(q.Region), "regionid"},
		{"account", string(q.Account), "accountid"},
		{"instanceType", string(q.InstanceType), "instancetype"},
		{"to", string(q.To), "regionid"},
		{"replaces", string(q.Replaces), "imageid"},
	} {
		if f.text == "" {
			continue
		}
		if err := image.CheckShape(f.shape, f.name, f.text); err != nil {
			return err
		}
	}
	if known, ok := Meant(q.To); ok {
		return fault.InField("to", survey.CodeUnknownRegion, "must be a region: there is no %s that is known; is it %s?", q.To, known)
	}
	if err := q.making.check(); err != nil {
		return err
	}
	return q.agree()
}

// agreeOnImage fails if an image is neither named nor to be made, or is described
// though it is named.
func (q Asking) agreeOnImage() error {
	if q.ImageID == "" && q.For != Create && q.For != Import {
		return fault.InField("imageId", "required", "is missing: only for=create and for=import price an image that does not exist yet")
	}
	for _, f := range []struct {
		name  string
		given bool
	}{{"osType", q.OSType != ""}, {"platform", q.Platform != ""}, {"licenseType", q.LicenseType != ""}} {
		if f.given && q.ImageID != "" {
			return fault.InField(f.name, "imageNamed", "goes without imageId: an image that exists says it itself")
		}
	}
	if q.ImageID == "" && (q.Deleted || q.PreheatDisks != 0) {
		return fault.InField(map[bool]string{true: "deleted", false: "preheatDisks"}[q.Deleted], "noEffect", "goes with imageId: an image that does not exist yet has no snapshots")
	}
	if q.LicenseType != "" && q.For != Import {
		return fault.InField("licenseType", "notForOperation", "goes with for=import")
	}
	return nil
}

// agree fails if fields contradict each other, or one is given that would count
// for nothing.
func (q Asking) agree() error {
	if err := q.agreeOnImage(); err != nil {
		return err
	}
	if err := q.agreeOnTime(); err != nil {
		return err
	}
	switch {
	case q.Holding && q.InstanceType != "":
		return fault.InField("holding", "holdingWithInstance", "does not go with instanceType: it prices the image without an instance")
	case q.ActiveVCPUs != 0 && q.InstanceType == "":
		return fault.InField("activeVcpus", "withoutInstanceType", "goes with instanceType")
	case q.StoppedMode != "" && q.StoppedHours.IsZero():
		return fault.InField("stoppedMode", "withoutStoppedHours", "goes with stoppedHours")
	case (q.PreheatDisks == 0) != q.PreheatHours.IsZero():
		return fault.InField("preheatDisks", "preheatHalf", "goes with preheatHours: give both")
	}
	return q.operating.agree()
}

// agreeOnTime fails if fields contradict each other about how long.
func (q Asking) agreeOnTime() error {
	switch {
	case !q.Hours.IsZero() && !q.Seconds.IsZero():
		return fault.InField("seconds", "durationTwice", "does not go with hours: give one of them")
	case q.Period == nil && q.PeriodUnit != "":
		return fault.InField("period", "periodMissing", "is missing: periodUnit goes with it")
	case q.Period != nil && (!q.Hours.IsZero() || !q.Seconds.IsZero()):
		return fault.InField("period", "durationWithSubscription", "does not go with hours or seconds: a subscription lasts for its period")
	case q.Period != nil && q.Spot:
		return fault.InField("spot", "spotWithSubscription", "does not go with a period: a subscription is not a spot instance")
	}
	return nil
}

// agree fails if fields do not belong to the operation.
func (o operating) agree() error {
	if o.For == Replace && o.Replaces == "" {
		return fault.InField("replaces", "replacedMissing", "is missing: a replacement needs the image that runs now")
	}
	replacing := []Operation{Replace}
	copying := []Operation{Copy, CopySnapshots}
	for _, f := range []struct {
		name  string
		given bool
		with  []Operation
	}{
		{"replaces", o.Replaces != "", replacing},
		{"replacedDiskGiB", o.ReplacedDiskGiB != 0, replacing},
		{"newDiskGiB", o.NewDiskGiB != 0, replacing},
		{"diskGiBs", len(o.DiskGiBs) > 0, []Operation{Create, Import}},
		{"objectBytes", o.ObjectBytes != 0, []Operation{Import, Export}},
		{"to", o.To != "", copying},
		{"encrypt", o.Encrypt, copying},
		{"ownKey", o.OwnKey, copying},
		{"firstCopy", o.FirstCopy != nil, copying},
	} {
		if f.given && !slices.Contains(f.with, o.For) {
			return fault.InField(f.name, "notForOperation", "goes with for=%s", joined(f.with, " or for="))
		}
	}
	return nil
}

func joined(operations []Operation, between string) string {
	words := make([]string, len(operations))
	for n, o := range operations {
		words[n] = string(o)
	}
	return strings.Join(words, between)
}

// Question is the same in the words of Price, as far as the cloud is not needed.
func (q Asking) Question(i image.Image, site Site) Question {
	question := Question{Image: i, Site: site, For: q.For, New: i.ID == "", Task: Task{
		To: q.To, Encrypt: q.Encrypt, OwnKey: q.OwnKey, DiskGiBs: q.DiskGiBs, ObjectBytes: q.ObjectBytes,
	}}
	if q.FirstCopy != nil {
		question.Task.First = image.TriOf(*q.FirstCopy)
	}
	if q.For == Replace {
		question.Task.Replaced = &Replaced{DiskGiB: q.ReplacedDiskGiB, NewDiskGiB: q.NewDiskGiB}
	}
	question.Charge, question.Duration = q.charge()
	question.Storage.From, question.Storage.To, question.Storage.Deleted = q.StoredFrom, q.StoredTo, q.Deleted
	if q.PreheatDisks != 0 {
		question.Storage.Preheat = &Preheat{Disks: q.PreheatDisks, Seconds: Hours(q.PreheatHours.Number)}
	}
	question.Instance = Instance{None: q.Holding, ActiveVCPUs: q.ActiveVCPUs}
	return question
}

// Made is where an image will come from that does not exist yet.
func (q Asking) Made() Source {
	if q.For != Import {
		return Source{Kind: SourceUnknown}
	}
	return Source{
		Kind: SourceImport, OS: OS{Type: q.OSType, Platform: q.Platform}, LicenseType: q.LicenseType, Sure: Recorded,
	}
}

// charge is how the instance is charged, and for how long.
func (q Asking) charge() (Charge, Number) {
	c := Charge{
		Method: PayAsYouGo, PeriodUnit: q.PeriodUnit,
		Stopped: Hours(q.StoppedHours.Number), StoppedMode: q.StoppedMode, Refunded: q.Refunded,
	}
	if q.Period != nil {
		c.Method, c.Period = Subscription, *q.Period
		if c.PeriodUnit == "" {
			c.PeriodUnit = Month
		}
		return c, Number{}
	}
	if q.Spot {
		c.Method = Spot
	}
	switch {
	case !q.Seconds.IsZero():
		return c, q.Seconds.Number
	case !q.Hours.IsZero():
		return c, Hours(q.Hours.Number)
	}
	return c, Hours(Whole(HoursPerMonth))
}

// Blamed renames the fields of a Question to those of an Asking.
func (q Asking) Blamed(err error) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	renamed := *e
	switch {
	case e.Code == "durationOutOfRange" && !q.Hours.IsZero():
		renamed.Field = "hours"
	case e.Code == "timesOutOfOrder":
		renamed.Field = "storedTo"
	case e.Code == "timesOutOfRange":
		renamed.Field = "storedFrom"
	case e.Field == "preheat":
		renamed.Field = "preheatDisks"
	case e.Field == "replaced.diskGiB":
		renamed.Field = "replacedDiskGiB"
	case e.Field == "replaced.newDiskGiB":
		renamed.Field = "newDiskGiB"
	case e.Field == "vcpus":
		renamed.Field = "activeVcpus"
	}
	return &renamed
}

// IDs are the images that it names.
func (q Asking) IDs() []image.ID {
	return slices.DeleteFunc([]image.ID{q.ImageID, q.Replaces}, func(id image.ID) bool { return id == "" })
}
