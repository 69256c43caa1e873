package alicloud

import (
	"strings"

	"imagekeeper/shared/image"
)

// versionFields reads DescribeLaunchTemplateVersions' LaunchTemplateVersionSet.
func versionFields() fields[templateVersion] {
	contents := fields[templateVersion]{
		"ImageId": func(s *scanner, v *templateVersion) { v.Image = image.ID(s.word()) },
	}
	return fields[templateVersion]{
		"LaunchTemplateId":   func(s *scanner, v *templateVersion) { v.Template = s.word() },
		"LaunchTemplateName": func(s *scanner, v *templateVersion) { v.Name = s.word() },
		"VersionNumber":      func(s *scanner, v *templateVersion) { v.Version = s.count() },
		"DefaultVersion":     func(s *scanner, v *templateVersion) { v.Default = s.flag() },
		"VersionDescription": func(s *scanner, v *templateVersion) { v.Description = s.word() },
		"LaunchTemplateData": func(s *scanner, v *templateVersion) {
			v.detailed = s.peek() == '{'
			contents.read(s, v)
		},
	}
}

// configurationFields reads ESS DescribeScalingConfigurations'
// ScalingConfiguration.
func configurationFields() fields[image.ScalingConfiguration] {
	return fields[image.ScalingConfiguration]{
		"ScalingConfigurationId":   func(s *scanner, c *image.ScalingConfiguration) { c.ID = s.str() },
		"ScalingConfigurationName": func(s *scanner, c *image.ScalingConfiguration) { c.Name = s.str() },
		"ScalingGroupId":           func(s *scanner, c *image.ScalingConfiguration) { c.Group = s.word() },
		"LifecycleState":           func(s *scanner, c *image.ScalingConfiguration) { c.Active = s.word() == "Active" },
		"ImageId":                  func(s *scanner, c *image.ScalingConfiguration) { c.Image = image.ID(s.word()) },
		"ImageFamily":              func(s *scanner, c *image.ScalingConfiguration) { c.Family = image.Family(s.word()) },
	}
}

// groupFields reads ESS DescribeScalingGroups' ScalingGroup.
func groupFields() fields[scalingGroup] {
	return fields[scalingGroup]{
		"ScalingGroupId":               func(s *scanner, g *scalingGroup) { g.id = s.str() },
		"ScalingGroupName":             func(s *scanner, g *scalingGroup) { g.name = s.str() },
		"RegionId":                     func(s *scanner, g *scalingGroup) { g.region = image.RegionID(s.word()) },
		"ActiveScalingConfigurationId": func(s *scanner, g *scalingGroup) { g.active = s.str() },
		"LaunchTemplateId":             func(s *scanner, g *scalingGroup) { g.template = s.word() },
		"LaunchTemplateVersion":        func(s *scanner, g *scalingGroup) { g.version = s.word() },
	}
}

// pipelineFields reads DescribeImagePipelines' ImagePipelineSet.
func pipelineFields() fields[image.Pipeline] {
	return fields[image.Pipeline]{
		"ImagePipelineId": func(s *scanner, p *image.Pipeline) { p.ID = s.str() },
		"Name":            func(s *scanner, p *image.Pipeline) { p.Name = s.str() },
		"BaseImage":       func(s *scanner, p *image.Pipeline) { p.Base = s.word() },
		"BaseImageType":   func(s *scanner, p *image.Pipeline) { p.BaseType = s.word() },
	}
}

// runFields reads DescribeImagePipelineExecutions' ImagePipelineExecutionSet.
func runFields() fields[image.Build] {
	return fields[image.Build]{
		"ExecutionId":     func(s *scanner, b *image.Build) { b.Run = s.str() },
		"ImagePipelineId": func(s *scanner, b *image.Build) { b.Pipeline = s.word() },
		"ImageId":         func(s *scanner, b *image.Build) { b.Made = image.ID(s.str()) },
		"CreationTime":    func(s *scanner, b *image.Build) { b.StartedAt = s.moment() },
	}
}

// chainFields reads DescribeSnapshotLinks' SnapshotLink. Category is written in
// either case.
func chainFields() fields[chain] {
	return fields[chain]{
		"SnapshotLinkId": func(s *scanner, c *chain) { c.ID = s.str() },
		"RegionId":       func(s *scanner, c *chain) { c.Region = image.RegionID(s.word()) },
		"SourceDiskId":   func(s *scanner, c *chain) { c.SourceDisk = image.DiskID(s.str()) },
		"Category":       func(s *scanner, c *chain) { c.Category = strings.ToLower(s.word()) },
		"TotalCount":     func(s *scanner, c *chain) { c.Count = s.count() },
		"TotalSize":      func(s *scanner, c *chain) { c.TotalBytes, c.sized = s.size(), true },
	}
}
