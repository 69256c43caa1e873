package cloudsim

import (
	"cmp"
	"time"

	"imagekeeper/shared/image"
)

// LaunchTemplateSpec is a launch template to be put into a cloud. Zero fields
// get defaults.
type LaunchTemplateSpec struct {
	Name string
	// Versions are numbered from 1; there is one at least.
	Versions []TemplateVersionSpec
	// Default is the number of the default version; 0 means the latest.
	Default   int
	CreatedAt time.Time
	Tags      image.Tags
}

// TemplateVersionSpec is one version of a launch template.
type TemplateVersionSpec struct {
	Image        image.ID
	Description  string
	InstanceType image.InstanceTypeID
	// DataSnapshots are what data disks are made from.
	DataSnapshots []image.SnapshotID
	// CreatedAt is a day after the version before when zero.
	CreatedAt time.Time
}

// AddLaunchTemplate puts a launch template in and returns its id. It panics for
// a region that does not exist.
func (c *Cloud) AddLaunchTemplate(account image.AccountID, regionID image.RegionID, spec LaunchTemplateSpec) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addTemplate(c.mustRegion(regionID), account, spec, c.now(), c.random)
}

func (c *Cloud) addTemplate(r *region, account image.AccountID, spec LaunchTemplateSpec, now time.Time, rnd Random) string {
	if len(spec.Versions) == 0 {
		spec.Versions = []TemplateVersionSpec{{}}
	}
	created := dated(spec.CreatedAt, now)
	versionAt := func(i int) time.Time { return dated(spec.Versions[i].CreatedAt, created.Add(time.Duration(i)*day)) }
	row := LaunchTemplateRow{
		ID: rnd.id("lt", r.infix), Default: orDefault(spec.Default, len(spec.Versions)), Latest: len(spec.Versions),
		CreatedBy: account, CreatedAt: created, ModifiedAt: versionAt(len(spec.Versions) - 1), Tags: spec.Tags,
	}
	row.Name = cmp.Or(spec.Name, row.ID)
	state := &templateState{row: row}
	for i := len(spec.Versions) - 1; i >= 0; i-- {
		v := spec.Versions[i]
		version := TemplateVersionRow{
			TemplateVersion: image.TemplateVersion{
				Region: r.id, Template: row.ID, Name: row.Name, Version: i + 1, Default: i+1 == row.Default, Image: v.Image,
				Description: v.Description,
			},
			CreatedAt: versionAt(i), ImageAlias: r.alias(v.Image, account),
			InstanceType: cmp.Or(v.InstanceType, "ecs.g7.large"), SystemDisk: NewDisk{SizeGiB: 40, Category: "cloud_essd"},
		}
		for _, s := range v.DataSnapshots {
			version.DataDisks = append(version.DataDisks, NewDisk{SnapshotID: s, Category: "cloud_essd", SizeGiB: 100})
		}
		state.versions = append(state.versions, version)
	}
	enter(&r.references.templates, row.ID, account, created, state, now)
	return row.ID
}

const day = 24 * time.Hour

// dated is a time in ECS's precision, now if there is none.
func dated(at, now time.Time) time.Time {
	if at.IsZero() {
		at = now
	}
	return at.UTC().Truncate(time.Second)
}

// alias is how DescribeImages names the owner of an image.
func (r *region) alias(id image.ID, viewer image.AccountID) string {
	_, s := r.images.live(string(id))
	switch {
	case s == nil:
		return ""
	case s.img.Owner == SystemOwner:
		return AliasSystem
	case s.img.Owner == MarketplaceOwner:
		return AliasMarketplace
	case s.img.Owner == viewer:
		return AliasSelf
	}
	return AliasOthers
}

// ScalingGroupSpec is a scaling group of ESS to be put into a cloud.
type ScalingGroupSpec struct {
	Name string
	// Inactive: it does not scale now.
	Inactive bool
	// TemplateID makes it launch a template instead of a configuration, in
	// TemplateVersion: "Default" when empty.
	TemplateID, TemplateVersion string
	Least, Most                 int
	CreatedAt                   time.Time
	// Configurations: the last one that is Active is the group's.
	Configurations []ScalingConfigurationSpec
}

// ScalingConfigurationSpec is one configuration of a scaling group: by image or
// by family.
type ScalingConfigurationSpec struct {
	Name         string
	Active       bool
	Image        image.ID
	Family       image.Family
	InstanceType image.InstanceTypeID
	// CreatedAt is an hour after the configuration before when zero.
	CreatedAt time.Time
}

// AddScalingGroup puts a scaling group and its configurations in and returns
// their ids. It panics for a region that does not exist.
func (c *Cloud) AddScalingGroup(account image.AccountID, regionID image.RegionID, spec ScalingGroupSpec) (group string, configurations []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addScalingGroup(c.mustRegion(regionID), account, spec, c.now(), c.random)
}

func (c *Cloud) addScalingGroup(r *region, account image.AccountID, spec ScalingGroupSpec, now time.Time, rnd Random) (string, []string) {
	row := ScalingGroupRow{
		ID: rnd.id("asg", r.infix), Region: r.id, Active: !spec.Inactive, TemplateID: spec.TemplateID, Least: spec.Least,
		Most: max(spec.Most, spec.Least), CreatedAt: dated(spec.CreatedAt, now).Truncate(time.Minute),
	}
	row.Name = cmp.Or(spec.Name, row.ID)
	if spec.TemplateID != "" {
		row.TemplateVersion = cmp.Or(spec.TemplateVersion, "Default")
	}
	var ids []string
	for i, s := range spec.Configurations {
		sc := ScalingConfigurationRow{
			ScalingConfiguration: image.ScalingConfiguration{
				Region: r.id, ID: rnd.id("asc", r.infix), Name: s.Name, Group: row.ID, Active: s.Active, Image: s.Image, Family: s.Family,
			},
			ImageAlias: r.alias(s.Image, account), InstanceType: cmp.Or(s.InstanceType, "ecs.g7.large"), SystemDisk: NewDisk{SizeGiB: 40, Category: "cloud_essd"},
			CreatedAt: dated(s.CreatedAt, row.CreatedAt.Add(time.Duration(i)*time.Hour)).Truncate(time.Minute),
		}
		sc.Name = cmp.Or(sc.Name, sc.ID)
		if _, img := r.images.live(string(s.Image)); img != nil {
			sc.ImageName = img.img.Name
		}
		if s.Active {
			row.Configuration = sc.ID
		}
		ids = append(ids, sc.ID)
		enter(&r.references.configurations, sc.ID, account, sc.CreatedAt, &configurationState{sc}, now)
	}
	enter(&r.references.groups, row.ID, account, row.CreatedAt, &groupState{row}, now)
	return row.ID, ids
}

// PipelineSpec is an image pipeline to be put into a cloud, with its runs.
type PipelineSpec struct {
	Name string
	// Base is an image's id, a family or an OSS object, by BaseType: IMAGE (the
	// default), IMAGE_FAMILY or OSS.
	Base, BaseType string
	ImageFamily    image.Family
	CreatedAt      time.Time
	Tags           image.Tags
	Runs           []PipelineRunSpec
}

// PipelineRunSpec is one run of a pipeline. What it made is an image that is
// there already; see AddImage.
type PipelineRunSpec struct {
	Made image.ID
	// Status is SUCCESS when empty.
	Status    string
	CreatedAt time.Time
}

// AddImagePipeline puts a pipeline and its runs in and returns their ids. It
// panics for a region that does not exist.
func (c *Cloud) AddImagePipeline(account image.AccountID, regionID image.RegionID, spec PipelineSpec) (pipeline string, runs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addPipeline(c.mustRegion(regionID), account, spec, c.now(), c.random)
}

func (c *Cloud) addPipeline(r *region, account image.AccountID, spec PipelineSpec, now time.Time, rnd Random) (string, []string) {
	row := PipelineRow{
		Pipeline:    image.Pipeline{Region: r.id, ID: rnd.id("ip", r.infix), Name: spec.Name, Base: spec.Base, BaseType: cmp.Or(spec.BaseType, "IMAGE")},
		ImageFamily: spec.ImageFamily, ImageName: string(spec.ImageFamily), InstanceType: "ecs.g7.large", SystemDiskGiB: 40,
		CreatedAt: dated(spec.CreatedAt, now), Tags: spec.Tags,
	}
	row.Name = cmp.Or(row.Name, row.ID)
	var ids []string
	for _, run := range spec.Runs {
		at := dated(run.CreatedAt, now)
		rr := PipelineRunRow{
			ID: rnd.id("exec", r.infix), Pipeline: row.ID, Status: cmp.Or(run.Status, "SUCCESS"), Made: run.Made,
			CreatedAt: at, ModifiedAt: at.Add(25 * time.Minute),
		}
		if rr.Status == "FAILED" {
			rr.Message = "the build command ended with exit code 1"
		}
		ids = append(ids, rr.ID)
		enter(&r.references.runs, rr.ID, account, at, &runState{row: rr}, now)
	}
	enter(&r.references.pipelines, row.ID, account, row.CreatedAt, &pipelineState{row}, now)
	return row.ID, ids
}

// Forget takes a launch template, scaling group, scaling configuration or
// pipeline away, by its id. It reports whether there was one.
func (c *Cloud) Forget(regionID image.RegionID, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	refs, now := &c.mustRegion(regionID).references, c.now()
	return forget(&refs.templates, id, now) || forget(&refs.groups, id, now) ||
		forget(&refs.configurations, id, now) || forget(&refs.pipelines, id, now)
}

func forget[T any](t *table[T], id string, now time.Time) bool {
	e, state := t.live(id)
	if state == nil {
		return false
	}
	t.put(e, nil, now, now)
	t.settle(now)
	return true
}
