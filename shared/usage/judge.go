package usage

import (
	"fmt"
	"slices"
	"strconv"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Part is one kind of thing looked at in one account: what was found, or why
// it could not be.
type Part[T any] struct {
	Found  []T
	Unread *image.Unread
}

// View is what one account shows about the image's region.
type View struct {
	Account image.AccountID
	// Other: the account may not use the image, and only what it runs was looked at:
	// a template or a pipeline of it is broken already, but an instance may have been
	// made before the share was withdrawn.
	Other bool
	// Image is the image as that account sees it; zero if it does not.
	Image image.Image
	// Instances whose system disk runs the image, in any state.
	Instances Part[image.Instance]
	// MaySee: the permission to list instances was shown (by a dry run with the
	// same credentials, or because some other instance was visible).
	MaySee image.Tri
	// SystemDisks are those of the region that were made from it, by Disk.ImageId.
	SystemDisks Part[image.Disk]
	Templates   Part[image.TemplateVersion]
	Scaling     Part[image.ScalingConfiguration]
	Pipelines   Part[image.Pipeline]
}

// Observation is everything that was looked at for one image.
type Observation struct {
	// Image is the owner's view.
	Image image.Image
	// Siblings are the other images of the owner in the region that tell something of
	// it: the newest of its family, and those that stand on its snapshots.
	Siblings Part[image.Image]
	// Grants are the accounts it is shared with.
	Grants       []image.Grant
	GrantsUnread *image.Unread
	// Views are the accounts that we can read.
	Views []View
	// Closed are accounts that could not be looked at at all.
	Closed []image.Unread
}

// Unread is what could not be read of what was looked at: for want of it nothing
// is proven. Accounts that were not looked at at all are none of it.
func (o Observation) Unread() []image.Unread {
	parts := []*image.Unread{o.GrantsUnread, o.Siblings.Unread}
	for _, v := range o.Views {
		parts = append(parts, v.Instances.Unread, v.SystemDisks.Unread, v.Templates.Unread, v.Scaling.Unread, v.Pipelines.Unread)
		if v.unproven() {
			parts = append(parts, &image.Unread{Account: v.Account, Region: o.Image.Region, Permission: survey.MayListInstances, Reason: v.emptyNotProven()})
		}
	}
	var unread []image.Unread
	for _, p := range parts {
		if p != nil {
			unread = append(unread, *p)
		}
	}
	return unread
}

// unproven: no instance is listed, and whether one would be is not known.
func (v View) unproven() bool {
	return v.Instances.Unread == nil && len(v.Instances.Found) == 0 && v.MaySee != image.Yes
}

func (v View) emptyNotProven() image.Reason {
	return image.Reason{Code: "emptyNotProven", Sentence: fmt.Sprintf("account %s lists no instance, which ECS also answers to whoever may not look", v.Account)}
}

// judge decides about one account.
func judge(o Observation, v View) Consumer {
	c := Consumer{Account: v.Account, Uses: []Use{}}
	c.Uses = append(c.Uses, slices.Concat(instanceUses(v), diskUses(o, v), templateUses(o, v), scalingUses(o, v), pipelineUses(o, v))...)
	owner := v.Account == ownerOf(o.Image)
	if v.Other && len(c.Uses) > 0 {
		c.Why = []image.Reason{{Code: "notSharedAnyMore", Sentence: "account " + string(v.Account) + " may not use the image, and still runs it"}}
	}
	if owner {
		c.Uses = append(c.Uses, storageUses(o)...)
		c.Uses = append(c.Uses, communityUse(o)...)
	}
	c.Causes = doubtsOf(o, v, owner)
	for _, cause := range c.Causes {
		if cause.Permission != "" && !slices.Contains(c.Cures, cause.Permission) {
			c.Cures = append(c.Cures, cause.Permission)
		}
		c.Why = append(c.Why, cause.Reason)
	}
	switch {
	case len(c.Uses) > 0:
		c.Verdict = InUse
		c.Why = append([]image.Reason{{Code: "used", Sentence: c.Uses[0].Sentence}}, c.Why...)
	case len(c.Causes) > 0:
		c.Verdict = Unknown
	default:
		c.Verdict, c.Why = NotInUse, []image.Reason{{Code: "lookedEverywhere", Sentence: fmt.Sprintf(
			"account %s may list its instances, and no instance, disk, launch template, scaling configuration or pipeline there names the image", v.Account)}}
	}
	return c
}

// doubtsOf are the reasons why nothing found does not mean nothing there.
func doubtsOf(o Observation, v View, owner bool) []Cause {
	var doubts []Cause
	add := func(u *image.Unread, what string) {
		if u != nil {
			doubts = append(doubts, Cause{image.Reason{
				Code: "notReadable", Sentence: what + " of account " + string(v.Account) + " could not be read: " + u.Sentence,
			}, u.Permission})
		}
	}
	add(v.Instances.Unread, "the instances")
	add(v.SystemDisks.Unread, "the disks")
	add(v.Templates.Unread, "the launch templates")
	add(v.Scaling.Unread, "the scaling configurations")
	add(v.Pipelines.Unread, "the image pipelines")
	if owner {
		add(o.Siblings.Unread, "the other images")
	}
	if v.unproven() {
		doubts = append(doubts, Cause{v.emptyNotProven(), survey.MayListInstances})
	}
	return append(doubts, contradictions(o, v)...)
}

// contradictions are answers that cannot all be true.
func contradictions(o Observation, v View) []Cause {
	var doubts []Cause
	if v.Image.Usage == image.UsageInstance && !o.runs() {
		doubts = append(doubts, Cause{Reason: image.Reason{Code: "usageContradicts", Sentence: fmt.Sprintf(
			"ECS marks the image as used by instances (Usage=instance), but neither account %s nor any other that can be read shows one", v.Account)}})
	}
	for _, s := range v.Scaling.Found {
		if s.Template != "" && v.Templates.Unread == nil && !slices.ContainsFunc(v.Templates.Found, func(t image.TemplateVersion) bool { return t.Template == s.Template }) {
			doubts = append(doubts, Cause{Reason: image.Reason{Code: "templateContradicts", Sentence: fmt.Sprintf(
				"scaling group %s of account %s launches the template %s, which is not listed", s.Group, v.Account, s.Template)}})
		}
	}
	return doubts
}

// runs: some system disk that was looked at runs the image. That explains
// Usage=instance, which does not say whose instances they are.
func (o Observation) runs() bool {
	return slices.ContainsFunc(o.Views, func(v View) bool { return len(instanceUses(v))+len(diskUses(o, v)) > 0 })
}

// unexplained: ECS marks the image as used by instances, and none shows.
func (o Observation) unexplained() bool {
	return !o.runs() && slices.ContainsFunc(o.Views, func(v View) bool { return v.Image.Usage == image.UsageInstance })
}

func instanceUses(v View) []Use {
	var uses []Use
	for _, i := range v.Instances.Found {
		uses = append(uses, Use{
			Account: v.Account, Region: i.Region, Kind: ByInstance, ID: string(i.ID), Name: i.Name, Breaks: CannotReinitialise,
			Sentence: fmt.Sprintf("the system disk of instance %s (%s) runs it", i.ID, i.Status),
		})
	}
	return uses
}

// diskUses are system disks made from the image whose instance is not among
// those listed: the listing is not complete, or the disk was detached.
func diskUses(o Observation, v View) []Use {
	listed := map[image.InstanceID]bool{}
	for _, i := range v.Instances.Found {
		listed[i.ID] = true
	}
	var uses []Use
	for _, d := range v.SystemDisks.Found {
		if d.Image == o.Image.ID && d.System && (d.Instance == "" || !listed[d.Instance]) {
			uses = append(uses, Use{
				Account: v.Account, Region: d.Region, Kind: ByDisk, ID: string(d.ID), Name: d.Name, Breaks: CannotReinitialise,
				Sentence: fmt.Sprintf("the system disk %s was made from it", d.ID),
			})
		}
	}
	return uses
}

func templateUses(o Observation, v View) []Use {
	var uses []Use
	for _, t := range v.Templates.Found {
		if t.Image == o.Image.ID {
			uses = append(uses, Use{
				Account: v.Account, Region: t.Region, Kind: ByTemplate, ID: fmt.Sprintf("%s/%d", t.Template, t.Version), Name: t.Name,
				Breaks: CannotLaunch, Sentence: fmt.Sprintf("version %d of launch template %s launches it", t.Version, t.Template),
			})
		}
	}
	return uses
}

func scalingUses(o Observation, v View) []Use {
	var uses []Use
	for _, s := range v.Scaling.Found {
		use := Use{
			Account: v.Account, Region: s.Region, Kind: ByScaling, ID: s.ID, Name: s.Name, Breaks: CannotScaleOut,
			Sentence: fmt.Sprintf("scaling configuration %s of group %s starts instances from it", s.ID, s.Group),
		}
		switch {
		case s.Template != "":
			version, ok := launches(v, s, o.Image.ID)
			if !ok {
				continue
			}
			use.Sentence = fmt.Sprintf("scaling group %s starts instances from it, by version %d of launch template %s", s.Group, version, s.Template)
		case s.Image != o.Image.ID && (s.Image != "" || s.Family == "" || !o.Image.InFamily(s.Family) || !isNewest(o)):
			continue
		}
		uses = append(uses, use)
	}
	return uses
}

// launches returns the version by which a scaling group's launch template starts
// an image. A version that is neither a number nor found stands for all of them.
func launches(v View, s image.ScalingConfiguration, id image.ID) (int, bool) {
	latest := 0
	for _, t := range v.Templates.Found {
		if t.Template == s.Template {
			latest = max(latest, t.Version)
		}
	}
	for _, t := range v.Templates.Found {
		if t.Template != s.Template || t.Image != id {
			continue
		}
		named := t.Version == latest
		switch s.TemplateVersion {
		case "Latest":
		case "Default", "":
			named = t.Default
		default:
			n, err := strconv.Atoi(s.TemplateVersion)
			named = err != nil || n == t.Version
		}
		if named {
			return t.Version, true
		}
	}
	return 0, false
}

func pipelineUses(o Observation, v View) []Use {
	var uses []Use
	for _, p := range v.Pipelines.Found {
		byID := p.BaseType == "IMAGE" && p.Base == string(o.Image.ID)
		byFamily := p.BaseType == "IMAGE_FAMILY" && o.Image.InFamily(image.Family(p.Base)) && isNewest(o)
		if byID || byFamily {
			uses = append(uses, Use{
				Account: v.Account, Region: p.Region, Kind: ByPipeline, ID: p.ID, Name: p.Name, Breaks: CannotBuild,
				Sentence: fmt.Sprintf("image pipeline %s builds on it", p.ID),
			})
		}
	}
	return uses
}

// storageUses are other images that stand on one of its snapshots.
func storageUses(o Observation) []Use {
	mine := map[image.SnapshotID]bool{}
	for _, d := range o.Image.Disks {
		mine[d.SnapshotID] = d.SnapshotID != ""
	}
	var uses []Use
	for _, s := range o.Siblings.Found {
		for _, d := range s.Disks {
			if s.ID != o.Image.ID && mine[d.SnapshotID] {
				uses = append(uses, Use{
					Account: s.Account, Region: s.Region, Kind: BySharedStorage, ID: string(s.ID), Name: s.Name, Breaks: LosesSnapshot,
					Sentence: fmt.Sprintf("image %s stands on its snapshot %s", s.ID, d.SnapshotID),
				})
				break
			}
		}
	}
	return uses
}

func communityUse(o Observation) []Use {
	if !o.Image.Published {
		return nil
	}
	return []Use{{
		Account: o.Image.Account, Region: o.Image.Region, Kind: ByCommunity, ID: string(o.Image.ID), Name: o.Image.Name,
		Breaks: UsersUnknown, Sentence: "it is a community image: anyone in the region may use it, and who does cannot be seen",
	}}
}

// isNewest: no Available sibling of its family is newer. Siblings that could
// not be read leave it the newest, the careful answer.
func isNewest(o Observation) bool {
	return !slices.ContainsFunc(o.Siblings.Found, func(s image.Image) bool {
		return s.FamilyName() == o.Image.FamilyName() && s.Status == image.StatusAvailable && s.ID != o.Image.ID && image.Newest(s, o.Image) < 0
	})
}
