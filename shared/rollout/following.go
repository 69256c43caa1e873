package rollout

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Followers change what names images.
type Followers interface {
	CopyTemplateVersion(ctx context.Context, in image.RegionID, template string, version int, to image.ID, description string) (int, error)
	TemplateDiffers(ctx context.Context, in image.RegionID, template string, one, other int) ([]string, error)
	SetDefaultVersion(ctx context.Context, in image.RegionID, template string, version int) error
	RepointConfiguration(ctx context.Context, in image.RegionID, configuration string, to image.ID) error
}

// LevelVersioned is a launch template that has a version with the new image.
const LevelVersioned = "versioned"

// LevelFollowed is what names the new image.
const LevelFollowed = "followed"

const (
	doVersion = "templateVersion"
	doDefault = "templateDefault"
	doRepoint = "repoint"
)

const noteVersion = "version" // of a launch template: the one that was made, or is chosen

const (
	factNames   = "names"   // the image that it names, or gone
	factVersion = "version" // of a launch template: its default one
	factMine    = "mine"    // the version that this rollout made
)

// marked is how versions that a rollout made are described.
func marked(w work.Work) string { return "imagekeeper rollout " + w.ID }

// follow goes on with what is to name the new image.
func (s *stage) follow() {
	if !s.item.Begun() && !s.mayFollow() {
		return
	}
	if _, looked := s.facts[factNames]; !looked {
		s.hold(lookSoon)
		return
	}
	if s.facts[factNames] == gone {
		s.refused(reason("moved", "it is not there any more"))
		return
	}
	if s.sent() {
		s.following()
		return
	}
	switch {
	case s.facts[factNames] == string(s.spec.to) && !s.item.Begun():
		s.end(plan.Already, "", "")
	case s.facts[factNames] != string(s.spec.image) || s.spec.version > 0 && s.facts[factVersion] != strconv.Itoa(s.spec.version):
		s.refused(reason("moved", "it names %s by now, and named %s when it was planned", s.facts[factNames], s.spec.image))
	default:
		s.followOn()
	}
}

// followOn sends what is next.
func (s *stage) followOn() {
	do, level, notes := doRepoint, LevelFollowed, map[string]string(nil)
	if s.spec.action == ActionFollowTemplate {
		do = doDefault
		switch {
		case s.spec.back > 0:
			notes = map[string]string{noteVersion: strconv.Itoa(s.spec.back)}
		case s.item.Level != LevelVersioned:
			do, level = doVersion, LevelVersioned
		}
	}
	if why, ok := s.act(do, level, notes, work.Claim{Thing: s.spec.pointer()}); !ok {
		s.refused(why)
	}
}

// following waits for what was sent.
func (s *stage) following() {
	switch shown := s.facts[factNames] == string(s.spec.to); {
	case s.item.Sent.Do == doVersion && s.facts[factMine] != "":
		s.reach(LevelVersioned, noteVersion, s.facts[factMine])
	case s.item.Sent.Do == doDefault && s.facts[factVersion] == s.item.Notes[noteVersion], s.item.Sent.Do == doRepoint && shown:
		s.item.Level = LevelFollowed
		s.end(plan.Applied, "", "")
	case s.item.Answered == plan.Applied && s.now.Sub(s.item.Since) > madeTime:
		s.end(plan.Failed, "notSeen", "what ECS accepted was not seen in %s", image.Duration(madeTime))
	default:
		s.again(lookSoon)
	}
}

// mayFollow: instances have the new image, and nothing keeps anything from being
// begun. What nobody has is not followed.
func (s *stage) mayFollow() bool {
	if s.work.Braked() || s.Halt != nil || s.spec.wave > s.open {
		return false
	}
	if s.wish.Undoes != "" {
		return true
	}
	instances := false
	for _, name := range s.work.Names() {
		if s.specs[name].action != ActionReplace {
			continue
		}
		instances = true
		if o := s.work.Items[name].Outcome; o.Result == plan.Applied || o.Result == plan.Already {
			return true
		}
	}
	if instances {
		s.refused(reason("nothingReplaced", "no instance got %s, so nothing else is to name it", s.spec.to))
	}
	return !instances
}

// followed looks at what names images, once that is to change.
func (l *look) followed(ctx context.Context) {
	var names []string
	for _, name := range l.names {
		i := l.work.Items[name]
		if l.specs[name].follows() && !i.Ended() {
			names = append(names, name)
			l.seen[name] = plan.Facts{}
		}
	}
	if len(names) == 0 || !l.replacedAll() {
		return
	}
	var templates []image.TemplateVersion
	var scaling []image.ScalingConfiguration
	var errTemplates, errScaling error
	if slices.ContainsFunc(names, func(n string) bool { return l.specs[n].action == ActionFollowTemplate }) {
		templates, errTemplates = l.place.TemplateVersions(ctx)
	}
	if slices.ContainsFunc(names, func(n string) bool { return l.specs[n].action == ActionFollowScaling }) {
		scaling, errScaling = l.place.ScalingConfigurations(ctx)
	}
	for _, name := range names {
		switch s := l.specs[name]; {
		case s.action == ActionFollowTemplate && errTemplates == nil:
			l.seen[name] = templateFacts(l.work, string(s.ID), templates)
		case s.action == ActionFollowScaling && errScaling == nil:
			l.seen[name] = scalingFacts(string(s.ID), scaling)
		case s.action == ActionFollowTemplate:
			l.seen.Refused(name, errTemplates)
		default:
			l.seen.Refused(name, errScaling)
		}
	}
}

// replacedAll: no instance is left to be replaced, or an undo need not wait.
func (l *look) replacedAll() bool {
	for name, s := range l.specs {
		if s.action == ActionReplace && !l.work.Items[name].Ended() && l.wish.Undoes == "" {
			return false
		}
	}
	return true
}

func templateFacts(w work.Work, id string, versions []image.TemplateVersion) plan.Facts {
	facts := plan.Facts{factNames: gone}
	mine := 0
	for _, v := range versions {
		if v.Template != id {
			continue
		}
		if v.Default {
			facts[factNames], facts[factVersion] = string(v.Image), strconv.Itoa(v.Version)
		}
		if v.Description == marked(w) && (mine == 0 || v.Version < mine) {
			mine = v.Version
			facts[factMine] = strconv.Itoa(mine)
		}
	}
	return facts
}

func scalingFacts(id string, configurations []image.ScalingConfiguration) plan.Facts {
	for _, c := range configurations {
		if c.ID == id && c.Template == "" {
			return plan.Facts{factNames: string(c.Image)}
		}
	}
	return plan.Facts{factNames: gone}
}

// version makes a version of a launch template with the new image, unless there is
// one that this rollout made: ECS knows no repeat of this call.
func (d *deed) version(ctx context.Context) error {
	facts, err := d.named(ctx)
	if err != nil {
		return err
	}
	if mine := facts[factMine]; mine != "" {
		d.keep(noteVersion, mine)
		d.already = true
		return nil
	}
	made, err := d.cloud.CopyTemplateVersion(ctx, d.spec.Region, string(d.spec.ID), d.spec.version, d.spec.to, marked(d.work))
	if err == nil {
		d.keep(noteVersion, strconv.Itoa(made))
	}
	return err
}

// named is what a template or a configuration names now, if that is what it did when
// it was planned, and the new image is there.
func (d *deed) named(ctx context.Context) (plan.Facts, error) {
	facts, err := d.names(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s could not be looked at", d.spec.ID).WithCode("notSent")
	}
	if facts[factNames] != string(d.spec.image) || d.spec.version > 0 && facts[factVersion] != strconv.Itoa(d.spec.version) {
		return nil, refuse(reason("moved", "it names %s by now, and named %s when it was planned", facts[factNames], d.spec.image))
	}
	if d.spec.back > 0 {
		return facts, nil
	}
	found, err := d.place.Images(ctx, image.Listing{IDs: []image.ID{d.spec.to}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "%s could not be looked at", d.spec.to).WithCode("notSent")
	case len(found) == 0:
		return nil, refuse(reason("imageNotInRegion", "%s is not seen any more", d.spec.to))
	}
	return facts, nil
}

func (d *deed) names(ctx context.Context) (plan.Facts, error) {
	if d.spec.action == ActionFollowTemplate {
		versions, err := d.place.TemplateVersions(ctx)
		return templateFacts(d.work, string(d.spec.ID), versions), err
	}
	configurations, err := d.place.ScalingConfigurations(ctx)
	return scalingFacts(string(d.spec.ID), configurations), err
}

// chosen makes a version the default one, if it launches the same as the one before
// but for the image.
func (d *deed) chosen(ctx context.Context) error {
	if _, err := d.named(ctx); err != nil {
		return err
	}
	notes := d.item.Notes[noteVersion]
	version, err := strconv.Atoi(notes)
	if err != nil {
		return refuse(reason("noteUnreadable", "which version was made was not recorded: %.20q", notes))
	}
	if d.spec.back == 0 {
		differ, err := d.cloud.TemplateDiffers(ctx, d.spec.Region, string(d.spec.ID), d.spec.version, version)
		if err != nil {
			return fault.Wrap(fault.Unavailable, err, "the versions of %s could not be compared", d.spec.ID).WithCode("notSent")
		}
		if len(differ) > 0 {
			return refuse(reason("versionDiffers", "version %d of it differs from version %d in more than the image: %s", version, d.spec.version, strings.Join(differ, ", ")))
		}
	}
	return d.cloud.SetDefaultVersion(ctx, d.spec.Region, string(d.spec.ID), version)
}

// repoint has a scaling configuration name another image.
func (d *deed) repoint(ctx context.Context) error {
	if _, err := d.named(ctx); err != nil {
		return err
	}
	return d.cloud.RepointConfiguration(ctx, d.spec.Region, string(d.spec.ID), d.spec.to)
}
