package cloudsim

import (
	"fmt"
	"time"

	"imagekeeper/shared/image"
)

// references adds what names images without running them: launch templates of
// which old versions name old images, scaling groups by image, by family and by
// template, and pipelines that built some of the versions. It draws from random
// streams of its own and changes nothing else.
func (s *seeder) references() {
	for i, sh := range shares() {
		r := s.cloud.regions[sh.region]
		rnd := newRandom(s.cloud.options.Seed, "references/"+string(r.id))
		ids := map[image.Family]string{}
		for _, l := range lines() {
			versions := r.versions(FirstAccount, l.family)
			if len(versions) == 0 {
				continue
			}
			ids[l.family] = s.template(r, FirstAccount, string(l.family), versions, rnd)
		}
		s.scaling(r, ids, rnd)
		if !s.cloud.options.PackerBuilt && i == 0 {
			s.pipelines(r, rnd)
		}
		if shared := r.sharedTo(SecondAccount); len(shared) > 0 {
			s.template(r, SecondAccount, "shared-web", shared[:1], rnd)
		}
	}
}

// versions are the usable images of a family, newest first.
func (r *region) versions(account image.AccountID, family image.Family) []*imageState {
	var list []*imageState
	for _, e := range r.images.of(account).rows {
		if s := e.truth(); s != nil && s.img.Family == family && s.work == nil && usable(s.img.Status) {
			list = append(list, s)
		}
	}
	return list
}

// sharedTo are the images that others share with an account.
func (r *region) sharedTo(account image.AccountID) []*imageState {
	var list []*imageState
	if shelf := r.granted[account]; shelf != nil {
		for _, e := range shelf.rows {
			if s := e.truth(); s != nil && s.grantedTo(account) {
				list = append(list, s)
			}
		}
	}
	return list
}

// template adds a launch template of up to five versions, the latest on the
// newest of the images; the default is the one before.
func (s *seeder) template(r *region, account image.AccountID, name string, images []*imageState, rnd random) string {
	n := min(5, len(images))
	spec := LaunchTemplateSpec{
		Name: name + "-service", Default: max(1, n-1), CreatedAt: after(images[n-1], rnd), Tags: image.Tags{"team": serverTeam(images[0].img)},
	}
	for v := range n {
		img := images[n-1-v].img
		spec.Versions = append(spec.Versions, TemplateVersionSpec{
			Image: img.ID, Description: "on " + img.Name, InstanceType: typeFor(img, rnd), CreatedAt: spec.CreatedAt,
		})
		if v > 0 {
			spec.Versions[v].CreatedAt = after(images[n-1-v], rnd)
		}
	}
	return s.cloud.addTemplate(r, account, spec, s.cloud.now(), rnd)
}

// after is some hours after an image was made.
func after(s *imageState, rnd random) time.Time {
	return s.img.CreatedAt.Add(time.Duration(1+rnd.IntN(30)) * time.Hour)
}

// scaling adds scaling groups: one by image, with a configuration that is kept
// from before, one by family and one by launch template.
func (s *seeder) scaling(r *region, templates map[image.Family]string, rnd random) {
	now := s.cloud.now()
	at := func() time.Time { return Epoch().AddDate(-1, 0, -rnd.IntN(90)) }
	if web := r.versions(FirstAccount, "web-base"); len(web) > 0 {
		s.cloud.addScalingGroup(r, FirstAccount, ScalingGroupSpec{
			Name: "web-front", Least: 2, Most: 20, CreatedAt: at(), Configurations: []ScalingConfigurationSpec{
				{Name: "web-before", Image: web[len(web)-1].img.ID, InstanceType: typeFor(web[len(web)-1].img, rnd), CreatedAt: after(web[len(web)-1], rnd)},
				{Name: "web-now", Active: true, Image: web[0].img.ID, InstanceType: typeFor(web[0].img, rnd), CreatedAt: after(web[0], rnd)},
			},
		}, now, rnd)
	}
	if api := r.versions(FirstAccount, "api-base"); len(api) > 0 {
		s.cloud.addScalingGroup(r, FirstAccount, ScalingGroupSpec{
			Name: "api-workers", Least: 1, Most: 10, CreatedAt: at(), Configurations: []ScalingConfigurationSpec{
				{Name: "api-newest", Active: true, Family: "api-base", InstanceType: typeFor(api[0].img, rnd)},
			},
		}, now, rnd)
	}
	if id := templates["worker-arm64"]; id != "" {
		s.cloud.addScalingGroup(r, FirstAccount, ScalingGroupSpec{Name: "arm-workers", TemplateID: id, Most: 50, CreatedAt: at()}, now, rnd)
	}
}

// pipelines adds those that built every other version of two families, each on
// the public image that the version was truly made from.
func (s *seeder) pipelines(r *region, rnd random) {
	for _, l := range lines() {
		if l.on != "" || l.family != "web-base" && l.family != "db-base" {
			continue
		}
		spec := PipelineSpec{
			Name: fmt.Sprintf("%s-weekly", l.family), Base: l.base, ImageFamily: l.family, CreatedAt: Epoch().AddDate(-1, 0, 0),
			Tags: image.Tags{"team": l.team},
		}
		for i, v := range r.versions(FirstAccount, l.family) {
			if i%2 == 0 && v.parent.ID == image.ID(l.base) {
				spec.Runs = append(spec.Runs, PipelineRunSpec{Made: v.img.ID, CreatedAt: v.img.CreatedAt.Add(-15 * time.Minute)})
			}
			if i%7 == 3 {
				spec.Runs = append(spec.Runs, PipelineRunSpec{Status: "FAILED", CreatedAt: v.img.CreatedAt.Add(-2 * time.Hour)})
			}
		}
		s.cloud.addPipeline(r, FirstAccount, spec, s.cloud.now(), rnd)
	}
}
