package ecsapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
)

// TestAZeroIsAbsent: clients send a size of 0 for what they leave open, to every
// operation that takes one; it does what leaving it out does, and is shown so.
func TestAZeroIsAbsent(t *testing.T) {
	t.Parallel()
	l := serve(t, ecsapi.Options{Strict: true})
	made := string(l.addImages(1)[0])
	instance := l.must("RunInstances", "RegionId", region, "ImageId", made, "InstanceType", "ecs.g7.large").text("InstanceIdSets.InstanceIdSet.0")
	template := l.must("CreateLaunchTemplate", "RegionId", region, "LaunchTemplateName", "there", "ImageId", made).text("LaunchTemplateId")
	group := l.must("CreateScalingGroup", "RegionId", region, "ScalingGroupName", "there", "MinSize", "0", "MaxSize", "3").text("ScalingGroupId")
	for name, c := range map[string]struct {
		size string
		like []string
	}{
		"RunInstances":                {"SystemDisk.Size", []string{"RegionId", region, "ImageId", made, "InstanceType", "ecs.g7.large"}},
		"CreateLaunchTemplateVersion": {"SystemDisk.Size", []string{"RegionId", region, "LaunchTemplateId", template, "ImageId", made}},
		"CreateScalingConfiguration":  {"SystemDisk.Size", []string{"ScalingGroupId", group, "ImageId", made, "InstanceType", "ecs.g7.large"}},
		"DescribePrice":               {"SystemDisk.Size", []string{"RegionId", region, "ImageId", made, "InstanceType", "ecs.g7.large"}},
		"CreateImagePipeline":         {"SystemDiskSize", []string{"RegionId", region, "BaseImageType", "IMAGE", "BaseImage", made}},
		"ReplaceSystemDisk":           {"SystemDisk.Size", []string{"InstanceId", instance, "ImageId", made}},
	} {
		without, zero := l.call(name, c.like...), l.call(name, append(c.like, c.size, "0")...)
		if zero.status != without.status || zero.status == 403 && zero.text("Code") != without.text("Code") || zero.status != 200 && name != "ReplaceSystemDisk" {
			t.Errorf("%s without: %d %s\nand with 0: %d %s", name, without.status, without.body, zero.status, zero.body)
		}
	}
	l.must("CreateLaunchTemplate", "RegionId", region, "LaunchTemplateName", "zero", "ImageId", made, "SystemDisk.Size", "0")
	for shown, list := range map[string][]any{
		"versions":       l.must("DescribeLaunchTemplateVersions", "RegionId", region, "LaunchTemplateId", template).list("LaunchTemplateVersionSets.LaunchTemplateVersionSet"),
		"version 1":      l.must("DescribeLaunchTemplateVersions", "RegionId", region, "LaunchTemplateName", "zero").list("LaunchTemplateVersionSets.LaunchTemplateVersionSet"),
		"configurations": l.must("DescribeScalingConfigurations", "RegionId", region, "ScalingGroupId", group).list("ScalingConfigurations.ScalingConfiguration"),
	} {
		text, err := json.Marshal(list)
		if err != nil || len(list) == 0 || strings.Contains(string(text), "Size\":-") {
			t.Errorf("%s: %s, %v", shown, text, err)
		}
	}
}
