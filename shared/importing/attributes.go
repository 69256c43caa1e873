package importing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
)

// Attributes are what of an image is to be changed; nil and empty leave as it is.
type Attributes struct {
	Name, Description *string
	Deprecated        *bool
	BootMode          *image.BootMode
	ResourceGroup     *string
	Tags              image.Tags
	Untag             []string
}

// ActionSet is the one that changes an attribute; tags have their own.
const (
	ActionSet   = "set"
	ActionTag   = "tag"
	ActionUntag = "untag"
)

// attributeGroup is the one that has a call of its own.
const attributeGroup = "resourceGroupId"

// AttributesTarget is the log of an image's attributes.
func AttributesTarget(r image.Ref) string { return "attributes/" + r.String() }

// Validate returns the first thing that cannot be right, whatever the image is like,
// as fault.Invalid with its field.
func (a Attributes) Validate() error {
	if a.Name != nil {
		if err := (Wish{Source: Source{Object: &Object{}}, Image: Target{Name: *a.Name}}).target(); err != nil {
			return fault.InField("name", fault.Code(err), "%s", fault.Sentence(err))
		}
	}
	if a.Description != nil && (strings.HasPrefix(*a.Description, "http://") || strings.HasPrefix(*a.Description, "https://")) {
		return fault.InField("description", "invalidDescription", "must not begin with http:// or https://")
	}
	if err := (Wish{Image: Target{Tags: a.Tags}}).tags(); err != nil {
		return fault.InField("tags", fault.Code(err), "%s", fault.Sentence(err))
	}
	if err := a.untags(); err != nil {
		return err
	}
	if a.Name == nil && a.Description == nil && a.Deprecated == nil && a.BootMode == nil && a.ResourceGroup == nil && len(a.Tags)+len(a.Untag) == 0 {
		return fault.InField("name", "required", "must be given, or another attribute must")
	}
	return nil
}

func (a Attributes) untags() error {
	for n, key := range a.Untag {
		field := fmt.Sprintf("untag[%d]", n)
		switch _, both := a.Tags[key]; {
		case both:
			return fault.InField(field, "contradiction", "the tag %s is both set and removed", key)
		case strings.HasPrefix(strings.ToLower(key), ReservedTag):
			return fault.InField(field, "reservedTag", "tags that begin with %s are set by Imagekeeper alone", ReservedTag)
		}
	}
	return nil
}

// Namesake is who else has the name that an image is to get; the zero one is nobody.
type Namesake struct {
	Image image.ID
	// Unread is why that is not known.
	Unread *image.Reason
}

// Namesake looks for another custom image of ours, of the same region, that has the name
// asked for. at is the place of the image, never a list that was read before; nil: it
// cannot be looked at. A list without the image itself proves nothing.
func (a Attributes) Namesake(ctx context.Context, at *survey.FreshPlace, i image.Image) Namesake {
	if a.Name == nil || *a.Name == i.Name {
		return Namesake{}
	}
	if at == nil {
		return Namesake{Unread: &image.Reason{Code: survey.CodeUnread, Sentence: "the account cannot be looked at there"}}
	}
	all, err := at.Images(ctx, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
	if err != nil {
		return Namesake{Unread: reasonOf(err)}
	}
	if !slices.ContainsFunc(all, func(other image.Image) bool { return other.ID == i.ID }) {
		return Namesake{Unread: &image.Reason{Code: survey.CodeUnread, Sentence: "the list of images does not show the image itself"}}
	}
	var found Namesake
	for n := range all {
		if other := all[n].ID; all[n].Name == *a.Name && other != i.ID && (found.Image == "" || other < found.Image) {
			found.Image = other
		}
	}
	return found
}

// PlanAttributes decides what is to be changed of an image as it is. by is who has the
// name that it is to get.
func PlanAttributes(i image.Image, a Attributes, by Namesake) plan.Plan {
	p := plan.Plan{Target: AttributesTarget(i.Ref), Base: plan.Facts{"status": string(i.Status), "kind": string(i.Kind)}}
	set := func(what, is, want string) {
		p.Base[what] = is
		p.Steps = append(p.Steps, attribute(ActionSet, what, is, want))
	}
	if a.Name != nil {
		set("name", i.Name, *a.Name)
	}
	if a.Description != nil {
		set("description", i.Description, *a.Description)
	}
	if a.Deprecated != nil {
		set("deprecated", strconv.FormatBool(i.Status == image.StatusDeprecated), strconv.FormatBool(*a.Deprecated))
	}
	if a.BootMode != nil {
		set("bootMode", string(i.BootMode), string(*a.BootMode))
	}
	if a.ResourceGroup != nil {
		set(attributeGroup, i.ResourceGroup, *a.ResourceGroup)
	}
	for _, key := range a.Tags.Keys() {
		p.Base["tag/"+key] = tagged(i, key)
		p.Steps = append(p.Steps, attribute(ActionTag, "tag/"+key, tagged(i, key), "="+a.Tags[key]))
	}
	for _, key := range a.Untag {
		p.Base["tag/"+key] = tagged(i, key)
		p.Steps = append(p.Steps, attribute(ActionUntag, "tag/"+key, tagged(i, key), ""))
	}
	if why := cmp.Or(unchangeable(i, a), unnameable(i, a, by)); why != nil {
		p.Steps = append([]plan.Step{{Action: ActionRefuse, Subject: string(i.ID), Refused: true, Reasons: []image.Reason{*why}}}, p.Steps...)
	}
	return p
}

// tagged is a tag as a fact: what it says behind a mark, since it may say nothing.
func tagged(i image.Image, key string) string {
	if value, there := i.Tags[key]; there {
		return "=" + value
	}
	return ""
}

// attribute is the step to what is wanted: a fact, and what ECS is sent for it.
func attribute(action, what, is, want string) plan.Step {
	if is == want {
		return plan.Step{Action: ActionKeep, Subject: what, Reasons: []image.Reason{{Code: "already", Sentence: what + " is so already"}}}
	}
	now, then, value := strconv.Quote(is), strconv.Quote(want), want
	if strings.HasPrefix(what, "tag/") {
		now, then, value = shownTag(is), shownTag(want), strings.TrimPrefix(want, "=")
	}
	return plan.Step{
		Action: action, Subject: what, Sets: plan.Facts{what: want}, Parameters: map[string]string{"value": value},
		Reasons: []image.Reason{{Code: "wanted", Sentence: fmt.Sprintf("%s is %s, and becomes %s", what, now, then)}},
	}
}

// shownTag is a tag's fact for people.
func shownTag(fact string) string {
	if value, there := strings.CutPrefix(fact, "="); there {
		return strconv.Quote(value)
	}
	return "not set"
}

// unchangeable is why nothing of an image may be changed here.
func unchangeable(i image.Image, a Attributes) *image.Reason {
	switch {
	case i.Kind != image.KindCustom:
		return &image.Reason{Code: "notOurs", Sentence: fmt.Sprintf("it is a %s image: only its owner changes it", i.Kind)}
	case strings.HasPrefix(i.Name, unverified) && a.Name != nil:
		return &image.Reason{Code: "notChecked", Sentence: "its import has not passed, and gives it its name if it does"}
	case i.Status != image.StatusAvailable && i.Status != image.StatusDeprecated:
		return &image.Reason{Code: "notAvailable", Sentence: fmt.Sprintf("it is %s", i.Status)}
	case a.BootMode != nil && *a.BootMode != i.BootMode && i.Usage != image.UsageNone:
		return &image.Reason{Code: "inUse", Sentence: "instances use it, so that ECS does not change its boot mode"}
	}
	return nil
}

// unnameable is why an image may not get the name asked for: ECS has no two images of one
// name in a region.
func unnameable(i image.Image, a Attributes, by Namesake) *image.Reason {
	switch {
	case by.Unread != nil:
		return &image.Reason{Code: "regionUnread", Sentence: fmt.Sprintf("name: which images are in %s is not known: %s; permit ecs:DescribeImages there", i.Region, by.Unread.Sentence)}
	case by.Image != "":
		return &image.Reason{Code: "nameTaken", Sentence: fmt.Sprintf("name: %s: %s is called %s already; give another name", i.Region, by.Image, *a.Name)}
	}
	return nil
}

// Changer changes attributes and tags of images.
type Changer interface {
	ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error
	Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error
	Untag(ctx context.Context, in image.RegionID, resource string, ids, keys []string) error
	// JoinGroup puts a thing into a resource group.
	JoinGroup(ctx context.Context, in image.RegionID, resource, id, group string) error
}

// ChangeAttribute carries out one step of such a plan.
func ChangeAttribute(ctx context.Context, cloud Changer, r image.Ref, s plan.Step) plan.Outcome {
	value, key := s.Parameters["value"], strings.TrimPrefix(s.Subject, "tag/")
	var err error
	switch {
	case s.Subject == attributeGroup:
		err = cloud.JoinGroup(ctx, r.Region, "image", string(r.ID), value)
	case s.Action == ActionTag:
		err = cloud.Tag(ctx, r.Region, "image", []string{string(r.ID)}, image.Tags{key: value})
	case s.Action == ActionUntag:
		err = cloud.Untag(ctx, r.Region, "image", []string{string(r.ID)}, []string{key})
	default:
		err = cloud.ModifyImage(ctx, r.Region, r.ID, changeOf(s.Subject, value))
	}
	if err != nil {
		return outcomeOf(s, err)
	}
	return plan.Outcome{Step: s.Name(), Result: plan.Applied}
}

func changeOf(what, value string) image.AttributeChange {
	switch what {
	case "name":
		return image.AttributeChange{Name: &value}
	case "description":
		return image.AttributeChange{Description: &value}
	case "bootMode":
		mode := image.BootMode(value)
		return image.AttributeChange{BootMode: &mode}
	}
	deprecated := value == "true"
	return image.AttributeChange{Deprecated: &deprecated}
}
