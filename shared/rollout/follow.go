package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Follow says what else that names the old image is to name the new one, once
// instances have it.
type Follow struct {
	LaunchTemplates       bool `json:"launchTemplates,omitempty" doc:"Launch templates whose default version names the old image get a new default version, the same but for the image"`
	ScalingConfigurations bool `json:"scalingConfigurations,omitempty" doc:"Scaling configurations that are in use and name the old image name the new one"`
}

// The actions of steps that are no replacement.
const (
	ActionFollowTemplate = "followLaunchTemplate"
	ActionFollowScaling  = "followScalingConfiguration"
)

// Parameters of their steps.
const (
	paramVersion = "version" // of a launch template: the default one now
	paramBack    = "back"    // an undo: the version that is the default again
	paramName    = "name"
)

// mostVersions is how many versions a launch template can have; source:
// CreateLaunchTemplateVersion.
const mostVersions = 30

// References are what names images without running them.
type References struct {
	Templates []image.TemplateVersion
	Scaling   []image.ScalingConfiguration
	// Grantees are the accounts that an image of ours is shared with, as far as they
	// are not looked at.
	Grantees map[image.ID][]image.AccountID
	// TemplatesUnread and ScalingUnread: which there are is not known.
	TemplatesUnread, ScalingUnread bool
}

// Pointer is a launch template or a scaling configuration that names an image.
type Pointer struct {
	Place
	// Action is ActionFollowTemplate or ActionFollowScaling.
	Action string
	ID     string
	Name   string
	// From is what it names, To what it is to name.
	From, To image.ID
	// Version is the default one now; Back that which is the default again, 0: a new one.
	Version, Back int
}

// Unfollowed is what names the old image and cannot be changed by a rollout, with
// what changes it.
type Unfollowed struct {
	// Kind is terraform, scalingGroup, launchTemplate or account.
	Kind      string          `json:"kind"`
	AccountID image.AccountID `json:"accountId"`
	RegionID  image.RegionID  `json:"regionId"`
	// ID of it; left out: it is not known.
	ID string `json:"id,omitempty"`
	image.Reason
	// Patch does it: lines of a difference, a command of aliyun, or a request to us.
	Patch string `json:"patch"`
}

func (p Pointer) subject() string {
	return Name{p.Place, image.InstanceID(p.ID)}.String()
}

// any: something is to follow.
func (f Follow) any() bool { return f.LaunchTemplates || f.ScalingConfigurations }

// Follows reports whether references have to be looked at.
func (w Wish) Follows() bool { return w.Follow.any() }

// moves are what becomes of images in a place: what ran what, and gets what.
type moves struct {
	at Place
	to map[image.ID]image.ID
}

// moved are the images that instances of the plan leave, place by place: of one that
// was made of a backup also the image that stands behind it, which is what is named.
func (p *planner) moved() []moves {
	var all []moves
	for _, c := range p.chosen {
		if c.target.ID == "" {
			continue
		}
		n := slices.IndexFunc(all, func(m moves) bool { return m.at == c.server.Place })
		if n < 0 {
			n = len(all)
			all = append(all, moves{c.server.Place, map[image.ID]image.ID{}})
		}
		was := c.server.Before.Image
		for _, left := range []image.ID{was, p.seen.Places[c.server.Place].origin(was)} {
			if all[n].to[left] == "" && left != c.target.ID {
				all[n].to[left] = c.target.ID
			}
		}
	}
	return all
}

// follow plans what else is to name the new image: after everything else.
func (p *planner) follow() {
	if p.wish.Undoes == "" && p.wish.Follow.any() {
		for _, m := range p.moved() {
			p.pointers(m)
			p.elsewhere(m)
		}
	}
	for _, back := range p.seen.Pointers {
		p.pointer(back)
	}
}

// pointers finds what names the old images of a place.
func (p *planner) pointers(m moves) {
	refs := p.seen.Places[m.at].References
	if follow := p.wish.Follow; follow.LaunchTemplates && refs.TemplatesUnread || follow.ScalingConfigurations && refs.ScalingUnread {
		p.Findings = append(p.Findings, image.Finding{
			Level: image.Fatal, Reason: reason("referencesUnknown", "what else names the old image in %s of account %s could not be read", m.at.Region, m.at.Account),
			Remedy: Remedy("referencesUnknown"),
		})
		return
	}
	if p.wish.Follow.LaunchTemplates {
		for _, t := range refs.Templates {
			if to := m.to[t.Image]; t.Default && to != "" {
				p.template(m.at, refs, t, to)
			}
		}
		p.pinned(m, refs)
	}
	if p.wish.Follow.ScalingConfigurations {
		for _, c := range refs.Scaling {
			if to := m.to[c.Image]; c.Active && c.Template == "" && to != "" {
				p.pointer(Pointer{Place: m.at, Action: ActionFollowScaling, ID: c.ID, Name: c.Name, From: c.Image, To: to})
			}
		}
	}
}

// template plans a new default version, unless that would change more than the
// image of whoever launches the newest one.
func (p *planner) template(at Place, refs References, t image.TemplateVersion, to image.ID) {
	newest, count := t.Version, 0
	for _, v := range refs.Templates {
		if v.Template == t.Template {
			newest, count = max(newest, v.Version), count+1
		}
	}
	if newest != t.Version {
		for _, c := range refs.Scaling {
			if c.Template == t.Template && c.TemplateVersion == "Latest" {
				p.unfollowed("launchTemplate", at, t.Template, reason("latestDiffers",
					"%s launches the newest version of %s, which is not the default: a new one would change more than the image", c.ID, t.Name), aliyun(
					"ecs", "ModifyLaunchTemplateDefaultVersion", at.Region, "LaunchTemplateId", t.Template, "DefaultVersionNumber", strconv.Itoa(newest)))
				return
			}
		}
	}
	if count >= mostVersions {
		p.unfollowed("launchTemplate", at, t.Template, reason("templateVersionQuota", "%s has %d versions, and %d are the most", t.Name, count, mostVersions),
			aliyun("ecs", "DeleteLaunchTemplateVersion", at.Region, "LaunchTemplateId", t.Template, "DeleteVersion.1", strconv.Itoa(oldest(refs, t))))
		return
	}
	p.pointer(Pointer{Place: at, Action: ActionFollowTemplate, ID: t.Template, Name: t.Name, From: t.Image, To: to, Version: t.Version})
}

// oldest is the first version of a template that is not the default one.
func oldest(refs References, t image.TemplateVersion) int {
	least := 0
	for _, v := range refs.Templates {
		if v.Template == t.Template && v.Version != t.Version && (least == 0 || v.Version < least) {
			least = v.Version
		}
	}
	return least
}

// pinned are scaling groups that launch one version of a template by its number.
func (p *planner) pinned(m moves, refs References) {
	for _, c := range refs.Scaling {
		number, err := strconv.Atoi(c.TemplateVersion)
		if c.Template == "" || err != nil {
			continue
		}
		n := slices.IndexFunc(refs.Templates, func(v image.TemplateVersion) bool { return v.Template == c.Template && v.Version == number })
		if n >= 0 && m.to[refs.Templates[n].Image] != "" {
			p.unfollowed("scalingGroup", m.at, c.Group, reason("versionPinned", "%s launches version %d of %s whatever its default is", c.Name, number, refs.Templates[n].Name),
				aliyun("ess", "ModifyScalingGroup", m.at.Region, "ScalingGroupId", c.Group, "LaunchTemplateId", c.Template, "LaunchTemplateVersion", "Default"))
		}
	}
}

// aliyun is a command of the vendor's command line.
func aliyun(product, operation string, in image.RegionID, pairs ...string) string {
	line := "aliyun " + product + " " + operation + " --RegionId " + string(in)
	for n := 0; n+1 < len(pairs); n += 2 {
		line += " --" + pairs[n] + " " + pairs[n+1]
	}
	return line
}

// elsewhere is what nobody can see from here: code that people keep, and accounts
// that the old image is shared with.
func (p *planner) elsewhere(m moves) {
	var images []image.ID
	for was := range m.to {
		if p.seen.Places[m.at].origin(was) == was { // no code names what was made of a backup
			images = append(images, was)
		}
	}
	slices.Sort(images)
	for _, was := range images {
		p.unfollowed("terraform", m.at, "", reason("codeNotSeen", "Terraform and other code that names %s would bring it back", was),
			fmt.Sprintf("-  image_id = %q\n+  image_id = %q", was, m.to[was]))
		for _, account := range p.seen.Places[m.at].References.Grantees[was] {
			p.unfollowed("account", m.at, string(account), reason("accountNotSeen", "account %s may use %s, and is not looked at: share %s with it, and tell its owner", account, was, m.to[was]),
				fmt.Sprintf("PATCH /shares/%s {\"add\":[{\"accountId\":%q}]}", m.to[was], account))
		}
	}
}

func (p *planner) unfollowed(kind string, at Place, id string, why image.Reason, patch string) {
	p.Totals.NotFollowed = append(p.Totals.NotFollowed, Unfollowed{Kind: kind, AccountID: at.Account, RegionID: at.Region, ID: id, Reason: why, Patch: patch})
}

// pointer adds a step for what is to name another image.
func (p *planner) pointer(r Pointer) {
	step := plan.Step{
		Action: r.Action, Subject: r.subject(), Sets: plan.Facts{"image/" + r.subject(): string(r.To)},
		Parameters: map[string]string{paramTo: string(r.To), paramWas: string(r.From), paramName: r.Name, paramWave: "0"},
	}
	if slices.ContainsFunc(p.Plan.Steps, func(s plan.Step) bool { return s.Subject == step.Subject }) {
		return
	}
	if p.wish.Undoes == "" {
		step.Parameters[paramWave] = strconv.Itoa(p.last + 1)
	}
	if r.Version > 0 {
		step.Parameters[paramVersion] = strconv.Itoa(r.Version)
	}
	if r.Back > 0 {
		step.Parameters[paramBack] = strconv.Itoa(r.Back)
	}
	if why := r.refused(p.seen.Places[r.Place]); why != nil {
		p.refuse(step, []image.Reason{*why})
		p.Totals.Refuse-- // which counts instances
		return
	}
	step.Reasons = []image.Reason{reason("namesOldImage", "it names %s", r.From)}
	p.Plan.Base["image/"+step.Subject] = string(r.From)
	p.Plan.Steps = append(p.Plan.Steps, step)
	p.Totals.Follow++
}

// named is what it names now, and by which version.
func (r Pointer) named(refs References) (now image.ID, version int) {
	for _, t := range refs.Templates {
		if r.Action == ActionFollowTemplate && t.Template == r.ID && t.Default {
			now, version = t.Image, t.Version
		}
	}
	for _, c := range refs.Scaling {
		if r.Action == ActionFollowScaling && c.ID == r.ID {
			now = c.Image
		}
	}
	return now, version
}

// refused is why what is named cannot be changed; nil: nothing that is known.
func (r Pointer) refused(here Here) *image.Reason {
	refs := here.References
	now, version := r.named(refs)
	there := r.Back == 0 || slices.ContainsFunc(refs.Templates, func(t image.TemplateVersion) bool { return t.Template == r.ID && t.Version == r.Back })
	switch {
	case r.Action == ActionFollowTemplate && refs.TemplatesUnread, r.Action == ActionFollowScaling && refs.ScalingUnread:
		return new(reason("referencesUnknown", "what %s names could not be read", r.ID))
	case now != r.From || version != r.Version:
		return new(reason("moved", "it names %s by now, and not %s", cmp.Or(now, "nothing"), r.From))
	case !there:
		return new(reason("versionGone", "version %d of %s is not there any more", r.Back, r.Name))
	case r.Back == 0 && here.find(r.To) == nil:
		return new(reason("previousImageGone", "%s is not seen any more", r.To))
	}
	return nil
}

// Followed are what a rollout changed to name the new image, as an undo of it
// changes them back.
func Followed(w work.Work) []Pointer {
	var all []Pointer
	planned := specs(w.Document)
	for _, name := range w.Names() {
		s, i := planned[name], w.Items[name]
		if !s.follows() || i.Outcome.Result != plan.Applied {
			continue
		}
		r := Pointer{Place: s.Place, Action: s.action, ID: string(s.ID), Name: s.called, From: s.to, To: s.image}
		if s.action == ActionFollowTemplate {
			r.Version, r.Back = s.version, s.version
			if made, err := strconv.Atoi(i.Notes[noteVersion]); err == nil {
				r.Version = made
			}
		}
		all = append(all, r)
	}
	return all
}

// LeftPointers are what a rollout was to change to name the new image, and did not.
func LeftPointers(w work.Work) []Pointer {
	var all []Pointer
	planned := specs(w.Document)
	for _, name := range w.Names() {
		s, i := planned[name], w.Items[name]
		done := i.Outcome.Result == plan.Applied || i.Outcome.Result == plan.Already
		if s.follows() && !done {
			all = append(all, Pointer{Place: s.Place, Action: s.action, ID: string(s.ID), Name: s.called, From: s.image, To: s.to, Version: s.version, Back: s.back})
		}
	}
	return all
}

// follows: the item is no instance, but what names an image.
func (s spec) follows() bool {
	return s.action == ActionFollowTemplate || s.action == ActionFollowScaling
}

// pointer is what is claimed of such an item.
func (s spec) pointer() string {
	kind := "launchTemplate/"
	if s.action == ActionFollowScaling {
		kind = "scalingConfiguration/"
	}
	return kind + string(s.Region) + "/" + string(s.ID)
}
