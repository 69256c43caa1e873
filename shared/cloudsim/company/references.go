package company

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// references adds what names images without running them: launch templates of
// which old versions name old images, scaling groups by image, by family and by
// template, and pipelines that built some of the versions. It draws from random
// streams of its own and changes nothing else.
func (s *seeder) references() {
	for i, sh := range shares() {
		b := s.builder(sh.region, "references")
		ids := map[image.Family]string{}
		for _, l := range lines() {
			built := versions(b, cloudsim.FirstAccount, l.family)
			if len(built) == 0 {
				continue
			}
			ids[l.family] = s.template(b, cloudsim.FirstAccount, string(l.family), built)
		}
		s.scaling(b, ids)
		if !s.PackerBuilt && i == 0 {
			s.pipelines(b)
		}
		if shared := b.SharedTo(cloudsim.SecondAccount); len(shared) > 0 {
			s.template(b, cloudsim.SecondAccount, "shared-web", shared[:1])
		}
	}
}

// versions are the usable images of a line, newest first.
func versions(b *cloudsim.Builder, account image.AccountID, line image.Family) []image.Image {
	return slices.DeleteFunc(b.Images(account), func(i image.Image) bool { return lineOf(i) != line || !usable(i) })
}

// lineOf is the line that an image is a version of: its family, or, of a copy,
// which is in none, what its name begins with. Others are of no line.
func lineOf(img image.Image) image.Family {
	if img.Family != "" || !img.Copied {
		return img.Family
	}
	name := img.Name
	for range 2 { // the date and the running number
		name = name[:max(0, strings.LastIndexByte(name, '-'))]
	}
	return image.Family(name)
}

// usable: instances can be created from the image.
func usable(img image.Image) bool {
	return img.Status == image.StatusAvailable || img.Status == image.StatusDeprecated
}

// template adds a launch template of up to five versions, the latest on the
// newest of the images; the default is the one before.
func (s *seeder) template(b *cloudsim.Builder, account image.AccountID, name string, images []image.Image) string {
	n := min(5, len(images))
	spec := cloudsim.LaunchTemplateSpec{
		Name: name + "-service", Default: max(1, n-1), CreatedAt: after(images[n-1], b), Tags: image.Tags{"team": serverTeam(images[0])},
	}
	for v := range n {
		img := images[n-1-v]
		spec.Versions = append(spec.Versions, cloudsim.TemplateVersionSpec{
			Image: img.ID, Description: "on " + img.Name, InstanceType: typeFor(img, b), CreatedAt: spec.CreatedAt,
		})
		if v > 0 {
			spec.Versions[v].CreatedAt = after(images[n-1-v], b)
		}
	}
	return b.AddLaunchTemplate(account, spec)
}

// after is some hours after an image was made.
func after(img image.Image, b *cloudsim.Builder) time.Time {
	return img.CreatedAt.Add(time.Duration(1+b.IntN(30)) * time.Hour)
}

// scaling adds scaling groups: one by image, with a configuration that is kept
// from before, one by family and one by launch template.
func (s *seeder) scaling(b *cloudsim.Builder, templates map[image.Family]string) {
	at := func() time.Time { return cloudsim.Epoch().AddDate(-1, 0, -b.IntN(90)) }
	if web := versions(b, cloudsim.FirstAccount, "web-base"); len(web) > 0 {
		b.AddScalingGroup(cloudsim.FirstAccount, cloudsim.ScalingGroupSpec{
			Name: "web-front", Least: 2, Most: 20, CreatedAt: at(), Configurations: []cloudsim.ScalingConfigurationSpec{
				{Name: "web-before", Image: web[len(web)-1].ID, InstanceType: typeFor(web[len(web)-1], b), CreatedAt: after(web[len(web)-1], b)},
				{Name: "web-now", Active: true, Image: web[0].ID, InstanceType: typeFor(web[0], b), CreatedAt: after(web[0], b)},
			},
		})
	}
	if api := versions(b, cloudsim.FirstAccount, "api-base"); len(api) > 0 {
		newest := cloudsim.ScalingConfigurationSpec{Name: "api-newest", Active: true, Family: api[0].Family, InstanceType: typeFor(api[0], b)}
		if newest.Family == "" {
			newest.Image = api[0].ID
		}
		b.AddScalingGroup(cloudsim.FirstAccount, cloudsim.ScalingGroupSpec{
			Name: "api-workers", Least: 1, Most: 10, CreatedAt: at(), Configurations: []cloudsim.ScalingConfigurationSpec{newest},
		})
	}
	if id := templates["worker-arm64"]; id != "" {
		b.AddScalingGroup(cloudsim.FirstAccount, cloudsim.ScalingGroupSpec{Name: "arm-workers", TemplateID: id, Most: 50, CreatedAt: at()})
	}
}

// pipelines adds those that built every other version of two families, each on
// the public image that the version was truly made from.
func (s *seeder) pipelines(b *cloudsim.Builder) {
	for _, l := range lines() {
		if l.on != "" || l.family != "web-base" && l.family != "db-base" {
			continue
		}
		spec := cloudsim.PipelineSpec{
			Name: fmt.Sprintf("%s-weekly", l.family), Base: l.base, ImageFamily: l.family, CreatedAt: cloudsim.Epoch().AddDate(-1, 0, 0),
			Tags: image.Tags{"team": l.team},
		}
		for i, v := range versions(b, cloudsim.FirstAccount, l.family) {
			parent, _ := s.cloud.Parent(image.Ref{Region: v.Region, ID: v.ID})
			if i%2 == 0 && parent.ID == image.ID(l.base) {
				spec.Runs = append(spec.Runs, cloudsim.PipelineRunSpec{Made: v.ID, CreatedAt: v.CreatedAt.Add(-15 * time.Minute)})
			}
			if i%7 == 3 {
				spec.Runs = append(spec.Runs, cloudsim.PipelineRunSpec{Status: "FAILED", CreatedAt: v.CreatedAt.Add(-2 * time.Hour)})
			}
		}
		b.AddImagePipeline(cloudsim.FirstAccount, spec)
	}
}
