package importing

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// The actions of an import's steps. All steps of one region are one item.
const (
	ActionImport  = "import"
	ActionCreate  = "create"
	ActionCopy    = "copy"
	ActionCheck   = "check"
	ActionTest    = "test"
	ActionName    = "name"
	ActionShare   = "share"
	ActionRelease = "release"
)

// Planned is a plan of an import with what is shown beside it.
type Planned struct {
	// ID of the import: a hash of the source as it is, and of the wish.
	ID   string
	Plan plan.Plan
	// Wish is what was asked for, with the region and the account where it is done.
	Wish     Wish
	Findings []image.Finding
}

// Applicable: nothing that was found keeps it from being applied.
func (p Planned) Applicable() bool {
	return !slices.ContainsFunc(p.Findings, func(f image.Finding) bool { return f.Level == image.Fatal })
}

// Refusal is the first finding that keeps it from being applied, as a failure.
func (p Planned) Refusal() error {
	for _, f := range p.Findings {
		if f.Level == image.Fatal {
			return fault.New(fault.Precondition, "%s", f.Sentence).WithCode(f.Code)
		}
	}
	return nil
}

// Plan decides what is to be done for a wish. last is the digest of the attempt of
// the same import that ended without all of it, if there was one: another attempt
// is another plan. It fails only for what cannot be named.
func Plan(w Wish, o Observed, last string) (Planned, error) {
	w.Region, w.Account = o.Region, o.Account
	w = w.normal()
	source := w.version(o)
	id, err := w.ID(source)
	if err != nil {
		return Planned{}, err
	}
	p := plan.Plan{Target: "import/" + id, Base: w.base(source, last, o)}
	wish, err := json.Marshal(w)
	if err != nil {
		return Planned{}, fault.Wrap(fault.Internal, err, "a wish cannot be written as JSON")
	}
	for n, region := range w.Regions() {
		p.Steps = append(p.Steps, w.steps(region, n == 0, o)...)
	}
	// Everything that was asked for is in the digest with the first step.
	p.Steps[0].Parameters = map[string]string{"wish": string(wish)}
	return Planned{ID: id, Plan: p, Wish: w, Findings: Judge(w, o)}, nil
}

// normal is a wish without what means the same as leaving it out, so that either is
// the same import: a check that waives nothing, and the bucket of a data disk.
func (w Wish) normal() Wish {
	if len(w.Check.waived()) == 0 {
		w.Check = nil
	}
	if w.Source.Object != nil {
		object := *w.Source.Object
		object.DataDisks = slices.Clone(object.DataDisks)
		for n := range object.DataDisks {
			object.DataDisks[n].Bucket = ""
		}
		w.Source.Object = &object
	}
	return w
}

// The facts about an image that is copied: where it is, and what it is like.
const (
	baseRegion   = "sourceRegion"
	baseLikeness = "sourceLikeness"
)

// base are the facts that the work goes by.
func (w Wish) base(source, last string, o Observed) plan.Facts {
	base := plan.Facts{"source": source, "last": last}
	for n, object := range o.Objects {
		base[fmt.Sprintf("disk/%d/format", n)] = string(object.Disk.Format)
		base[fmt.Sprintf("disk/%d/sizeGiB", n)] = fmt.Sprint(object.Disk.GiB())
	}
	if i := o.Existing; i != nil {
		base[baseRegion], base[baseLikeness] = string(i.Region), likenessOf(*i)
	}
	if w.Test == nil {
		return base
	}
	base["testInstanceType"] = string(w.Test.InstanceType)
	if w.Test.InstanceType == "" && len(o.Types) > 0 {
		base["testInstanceType"] = string(o.Types[0].ID)
	}
	return base
}

// version tells one state of the source from another.
func (w Wish) version(o Observed) string {
	switch {
	case w.Source.Object != nil:
		var all []string
		for _, s := range o.Objects {
			all = append(all, s.Stamp.String())
		}
		return strings.Join(all, " ")
	case w.Source.Instance != nil:
		// An instance changes all the time: an import of it is of the day.
		return string(w.Source.Instance.InstanceID) + " " + o.Now.UTC().Format("2006-01-02")
	case w.Source.Snapshots != nil:
		return string(w.Source.Snapshots.System)
	}
	return string(w.Source.Image.ImageID)
}

// String names a version of an object.
func (s Stamp) String() string {
	return fmt.Sprintf("%s/%s/%d/%s/%s", strings.Trim(s.ETag, `"`), s.CRC64, s.Size, s.ModifiedAt.UTC().Format("20060102T150405Z"), s.VersionID)
}

// steps are those of one region.
func (w Wish) steps(region image.RegionID, home bool, o Observed) []plan.Step {
	step := func(action, code, sentence string, args ...any) plan.Step {
		return plan.Step{
			Action: action, Subject: string(region), Sets: plan.Facts{action + "/" + string(region): "done"},
			Reasons: []image.Reason{{Code: code, Sentence: fmt.Sprintf(sentence, args...)}},
		}
	}
	var steps []plan.Step
	if home {
		steps = append(steps, w.making(step), step(ActionCheck, checkCode(w, o), "%s", checkSentence(w, o)))
		if w.Test != nil {
			steps = append(steps, step(ActionTest, "bootTest", "one instance of it is started, asked, and deleted"))
		}
		steps = append(steps, step(ActionName, "passed", "it is called %s once it has passed, and not before", w.Image.Name))
	} else {
		steps = append(steps, step(ActionCopy, "releaseRegion", "it is copied to %s once it has passed, and compared", region))
	}
	if w.Release == nil {
		return steps
	}
	if w.Release.Share != nil {
		steps = append(steps, step(ActionShare, "releaseShare", "it is shared with %d accounts", len(w.Release.Share.Accounts)))
	}
	if w.Release.Channel != "" {
		steps = append(steps, step(ActionRelease, "releaseChannel", "it becomes %s of the family %s", w.Release.Channel, w.Image.Family))
	}
	return steps
}

// making is the step that makes the image, by its source.
func (w Wish) making(step func(action, code, sentence string, args ...any) plan.Step) plan.Step {
	s := w.Source
	switch {
	case s.Object != nil:
		return step(ActionImport, "fromObject", "ECS imports oss://%s/%s, under the name %s", s.Object.Bucket, s.Object.Key, w.Image.Unverified())
	case s.Instance != nil:
		return step(ActionCreate, "fromInstance", "ECS makes an image of %s, under the name %s", s.Instance.InstanceID, w.Image.Unverified())
	case s.Snapshots != nil:
		return step(ActionCreate, "fromSnapshots", "ECS makes an image of %s, under the name %s", s.Snapshots.System, w.Image.Unverified())
	}
	return step(ActionCopy, "fromImage", "ECS copies %s, under the name %s", s.Image.ImageID, w.Image.Unverified())
}

func checkCode(w Wish, o Observed) string {
	if unavailable, _ := checkUnavailable(w, o); unavailable {
		return "checkUnavailable"
	}
	return "checkAwaited"
}

func checkSentence(w Wish, o Observed) string {
	if unavailable, why := checkUnavailable(w, o); unavailable {
		return "the vendor does not check it: " + why
	}
	return "the vendor's check of the image is awaited"
}
