package ecsapi_test

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// rolloutTrees are what the operations answer that go with a system disk.
func rolloutTrees(t *testing.T) map[string]*node {
	t.Helper()
	all := map[string]*node{}
	for line := range strings.Lines(string(readFile(t, "testdata/response-trees-rollout.txt"))) {
		if name, tree, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			all[name] = (&grammar{tree}).node()
		}
	}
	return all
}

// rollout is a cloud with a stopped instance of an image, and another image.
type rollout struct {
	*local
	t            *testing.T
	before, next image.ID
	instance     image.InstanceID
	answers      map[string][]reply
}

func newRollout(t *testing.T) *rollout {
	t.Helper()
	l := serve(t, ecsapi.Options{Strict: true})
	r := &rollout{local: l, t: t, answers: map[string][]reply{}}
	add := func(name string) image.ID {
		return l.cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Name: name}})
	}
	r.before, r.next = add("before"), add("next")
	r.instance = l.cloud.AddInstance(cloudsim.FirstAccount, region, cloudsim.InstanceSpec{Instance: image.Instance{Image: r.before}})
	return r
}

func (r *rollout) do(action string, pairs ...string) reply {
	r.t.Helper()
	out := r.must(action, append([]string{"RegionId", region}, pairs...)...)
	r.answers[action] = append(r.answers[action], out)
	return out
}

func (r *rollout) disk() string {
	return r.must("DescribeDisks", "RegionId", region, "InstanceId", string(r.instance)).text("Disks.Disk.DiskId")
}

// everything calls each of the operations once, with success.
func (r *rollout) everything() {
	id, disk := string(r.instance), r.disk()
	r.do("CreateKeyPair", "KeyPairName", "golden", "Tag.1.Key", "env", "Tag.1.Value", "prod")
	r.do("ImportKeyPair", "KeyPairName", "brought", "PublicKeyBody", "ssh-rsa AAAA someone")
	r.do("DescribeKeyPairs", "IncludePublicKey", "true", "KeyPairName", "gold*")
	r.do("AttachKeyPair", "KeyPairName", "golden", "InstanceIds", `["`+id+`","i-none"]`)
	r.do("DetachKeyPair", "KeyPairName", "golden", "InstanceIds", `["`+id+`"]`)
	r.do("DeleteKeyPairs", "KeyPairNames", `["brought","nobody-knows"]`)
	policy := r.cloud.AddSnapshotPolicy(cloudsim.FirstAccount, region, cloudsim.SnapshotPolicyRow{Tags: image.Tags{"a": "b"}})
	r.do("ApplyAutoSnapshotPolicy", "regionId", region, "autoSnapshotPolicyId", policy, "diskIds", `["`+disk+`"]`)
	r.do("DescribeAutoSnapshotPolicyEx")
	r.do("DescribeAutoSnapshotPolicyAssociations", "DiskId", disk)
	r.do("CancelAutoSnapshotPolicy", "regionId", region, "diskIds", `["`+disk+`"]`)
	snapshot := string(r.cloud.AddSnapshot(cloudsim.FirstAccount, region, image.Snapshot{SourceDisk: image.DiskID(disk), CreatedAt: r.state.Now().AddDate(0, 0, -30)}))
	r.do("LockSnapshot", "SnapshotId", snapshot, "LockMode", "compliance", "LockDuration", "3", "CoolOffPeriod", "24")
	r.do("DescribeLockedSnapshots")
	r.do("UnlockSnapshot", "SnapshotId", snapshot)
	r.do("ModifySnapshotAttribute", "SnapshotId", snapshot, "SnapshotName", "renamed")
	r.do("ModifySnapshotCategory", "SnapshotId", snapshot, "Category", "Archive")
	r.do("ModifyDiskAttribute", "DiskId", disk, "DiskName", "system", "Description", "of web", "DeleteAutoSnapshot", "true")
	r.do("ModifyDiskSpec", "DiskId", disk, "DiskCategory", "cloud_auto")
	r.do("DescribeDiskEncryptionByDefaultStatus")
	r.do("DescribeDiskDefaultKMSKeyId")
	r.cloud.LockInstance(region, r.instance, "financial")
	r.do("DescribeInstanceAttribute", "InstanceId", id)
	r.cloud.LockInstance(region, r.instance)
	r.do("ModifyInstanceAttribute", "InstanceId", id, "InstanceName", "web-2", "UserData", base64.StdEncoding.EncodeToString([]byte("#!/bin/sh")))
	r.do("ModifyInstanceMetadataOptions", "InstanceId", id, "HttpEndpoint", "enabled", "HttpTokens", "required")
	r.do("DescribeUserData", "InstanceId", id)
	r.do("DescribeUserdata", "InstanceId", id)
	r.do("DescribeInstanceRamRole", "InstanceIds", `["`+id+`"]`)
	r.do("DescribeInstanceMaintenanceAttributes", "InstanceId.1", id)
	r.do("DescribeInstanceAttachmentAttributes", "InstanceIds", `["`+id+`"]`)
	r.do("DescribeInstancesFullStatus", "InstanceId.1", id)
}

// references makes, changes and takes away a launch template and a scaling group.
func (r *rollout) references() {
	id := string(r.instance)
	template := r.do("CreateLaunchTemplate", "LaunchTemplateName", "web", "ImageId", string(r.before), "InstanceType", "ecs.g7.large",
		"SystemDisk.Size", "60", "Tag.1.Key", "env", "Tag.1.Value", "prod", "SecurityGroupIds.1", "sg-1", "KeyPairName", "golden", "InternetMaxBandwidthOut", "5").text("LaunchTemplateId")
	r.do("CreateLaunchTemplateVersion", "LaunchTemplateId", template, "ImageId", string(r.next), "InstanceType", "ecs.g7.large")
	r.do("CreateLaunchTemplateVersion", "LaunchTemplateName", "web", "ImageId", string(r.next))
	r.do("ModifyLaunchTemplateDefaultVersion", "LaunchTemplateId", template, "DefaultVersionNumber", "2")
	r.do("DeleteLaunchTemplateVersion", "LaunchTemplateId", template, "DeleteVersion.1", "3")
	group := r.do("CreateScalingGroup", "ScalingGroupName", "front", "MinSize", "0", "MaxSize", "5").text("ScalingGroupId")
	first := r.do("CreateScalingConfiguration", "ScalingGroupId", group, "ImageId", string(r.before), "InstanceType", "ecs.g7.large", "SystemDisk.Size", "50").text("ScalingConfigurationId")
	other := r.do("CreateScalingConfiguration", "ScalingGroupId", group, "ImageName", "next", "ScalingConfigurationName", "later").text("ScalingConfigurationId")
	r.do("EnableScalingGroup", "ScalingGroupId", group, "ActiveScalingConfigurationId", first, "InstanceId.1", id)
	r.do("ModifyScalingConfiguration", "ScalingConfigurationId", first, "ImageId", string(r.next))
	r.do("EnterStandby", "ScalingGroupId", group, "InstanceId.1", id)
	r.do("DescribeScalingInstances", "ScalingGroupId", group)
	r.do("ExitStandby", "ScalingGroupId", group, "InstanceId.1", id)
	r.do("ModifyScalingGroup", "ScalingGroupId", group, "ActiveScalingConfigurationId", other, "MaxSize", "7")
	r.do("DeleteScalingConfiguration", "ScalingConfigurationId", first)
	r.do("DisableScalingGroup", "ScalingGroupId", group)
	r.do("DeactivateScalingConfiguration", "ScalingConfigurationId", other)
	if seen := r.must("DescribeScalingGroups", "RegionId", region).text("ScalingGroups.ScalingGroup.MaxSize"); seen != "7" {
		r.t.Errorf("MaxSize %s", seen)
	}
	r.do("DeleteScalingGroup", "ScalingGroupId", group, "ForceDelete", "true")
	versions := r.must("DescribeLaunchTemplateVersions", "RegionId", region, "LaunchTemplateId", template, "LaunchTemplateVersion.1", "1")
	const data = "LaunchTemplateVersionSets.LaunchTemplateVersionSet.LaunchTemplateData."
	for key, want := range map[string]string{
		"KeyPairName": "golden", "InternetMaxBandwidthOut": "5", "Tags.InstanceTag.Value": "prod", "SecurityGroupIds.SecurityGroupId": "[sg-1]", "ImageId": string(r.before),
	} {
		if got := versions.text(data + key); got != want {
			r.t.Errorf("version 1: %s is %s, want %s", key, got, want)
		}
	}
	r.do("DeleteLaunchTemplate", "LaunchTemplateId", template)
}

// builds makes, runs and takes away a pipeline and its component.
func (r *rollout) builds() {
	component := r.do("CreateImageComponent", "Name", "harden", "Content", "RUN true", "Tag.1.Key", "a", "Tag.1.Value", "b").text("ImageComponentId")
	r.do("DescribeImageComponents", "Name", "harden")
	pipeline := r.do("CreateImagePipeline", "Name", "web", "BaseImageType", "IMAGE", "BaseImage", string(r.before), "BuildContent", "COMPONENT "+component,
		"ImageOptions.ImageName", "web", "ImageOptions.ImageFamily", "web-base", "ImageOptions.ImageTags.1.Key", "env", "ImageOptions.ImageTags.1.Value", "prod",
		"ToRegionId.1", region, "ToRegionId.2", "cn-beijing", "AddAccount.1", string(cloudsim.SecondAccount)).text("ImagePipelineId")
	expect(r.t, r.call("DeleteImageComponent", "RegionId", region, "ImageComponentId", component), 403, "InvalidImageComponent.InUse")
	run := r.do("StartImagePipelineExecution", "ImagePipelineId", pipeline).text("ExecutionId")
	expect(r.t, r.call("StartImagePipelineExecution", "RegionId", region, "ImagePipelineId", pipeline), 403, "InvalidImagePipeline.HasRunningExecution")
	r.state.Advance(time.Hour)
	made := r.must("DescribeImagePipelineExecutions", "RegionId", region, "ImagePipelineId", pipeline)
	const row = "ImagePipelineExecution.ImagePipelineExecutionSet."
	shown := r.must("DescribeImages", "RegionId", region, "ImageFamily", "web-base")
	if made.text(row+"Status") != "SUCCESS" || shown.text("Images.Image.ImageId") != made.text(row+"ImageId") || shown.text("Images.Image.ImageName") != "web_"+run {
		r.t.Errorf("%s\n%s", made.body, shown.body)
	}
	if there := r.must("DescribeImages", "RegionId", "cn-beijing", "ImageFamily", "web-base"); len(there.list("Images.Image")) != 1 {
		r.t.Errorf("in the other region: %s", there.body)
	}
	run = r.do("StartImagePipelineExecution", "ImagePipelineId", pipeline).text("ExecutionId")
	r.do("CancelImagePipelineExecution", "ExecutionId", run)
	r.state.Advance(time.Minute)
	expect(r.t, r.call("CancelImagePipelineExecution", "RegionId", region, "ExecutionId", run), 400, "InvalidStatus.CancelFailed")
	r.do("DeleteImagePipeline", "ImagePipelineId", pipeline)
	r.do("DeleteImageComponent", "ImageComponentId", component)
}

// TestRolloutAnswersHaveTheVendorsShape is TestAnswersHaveTheVendorsShape for the
// operations that go with a system disk: every key is the vendor's, and none is
// left out but of rows that cannot be here.
func TestRolloutAnswersHaveTheVendorsShape(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	r.everything()
	r.references()
	r.builds()
	known := rolloutTrees(t)
	var absent []string
	for action, tree := range known {
		if len(r.answers[action]) == 0 {
			t.Errorf("%s was not called", action)
		}
		seen := map[string]bool{}
		for _, out := range r.answers[action] {
			if err := tree.check(action, out.tree, seen); err != nil {
				t.Error(err)
			}
		}
		absent = append(absent, missingKeys(tree, action, seen)...)
	}
	for action := range r.answers {
		if known[action] == nil {
			t.Errorf("%s has no tree", action)
		}
	}
	slices.Sort(absent)
	want := []string{
		"DescribeAutoSnapshotPolicyEx.AutoSnapshotPolicies.AutoSnapshotPolicy.TargetTags.TargetTag.TagKey",
		"DescribeAutoSnapshotPolicyEx.AutoSnapshotPolicies.AutoSnapshotPolicy.TargetTags.TargetTag.TagValue",
		"DescribeImageComponents.ImageComponent.ImageComponentSet.Parameters.Parameter.DefaultValue",
		"DescribeImageComponents.ImageComponent.ImageComponentSet.Parameters.Parameter.Name",
		"DescribeImageComponents.ImageComponent.ImageComponentSet.Parameters.Parameter.Type",
		"DescribeInstanceMaintenanceAttributes.MaintenanceAttributes.MaintenanceAttribute.MaintenanceWindows.MaintenanceWindow.EndTime",
		"DescribeInstanceMaintenanceAttributes.MaintenanceAttributes.MaintenanceAttribute.MaintenanceWindows.MaintenanceWindow.StartTime",
		"DescribeInstancesFullStatus.InstanceFullStatusSet.InstanceFullStatusType.ScheduledSystemEventSet.ScheduledSystemEventType.EventId",
	}
	if !slices.Equal(absent, want) {
		t.Errorf("in no answer are %q", absent)
	}
}

// TestTerraformReplacesASystemDisk replays what terraform's alicloud_instance was
// seen to call when its image_id changes.
func TestTerraformReplacesASystemDisk(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	id := string(r.instance)
	show := func() reply { return r.must("DescribeInstances", "RegionId", region, "InstanceIds", `["`+id+`"]`) }
	const row = "Instances.Instance."
	for _, call := range []struct{ action, key, value string }{
		{"DescribeUserData", "InstanceId", id},
		{"DescribeInstanceRamRole", "InstanceIds", `["` + id + `"]`},
		{"DescribeInstanceAttribute", "InstanceId", id},
		{"DescribeInstanceMaintenanceAttributes", "InstanceId.1", id},
		{"DescribeInstanceAttachmentAttributes", "InstanceIds", `["` + id + `"]`},
	} {
		r.do(call.action, call.key, call.value)
	}
	// It gives back what it was shown, also of a running instance.
	r.must("StopInstance", "InstanceId", id, "StoppedMode", show().text(row+"StoppedMode"), "ForceStop", "false")
	r.state.Advance(time.Minute)
	if got := show().text(row + "Status"); got != "Stopped" {
		t.Fatalf("it is %s", got)
	}
	disk := r.must("ReplaceSystemDisk", "InstanceId", id, "ImageId", string(r.next), "SystemDisk.Size", "40").text("DiskId")
	// It starts the instance at once, and tries again while that is refused.
	expect(t, r.call("StartInstance", "InstanceId", id), 403, "IncorrectInstanceStatus")
	shown := r.must("DescribeDisks", "RegionId", region, "DiskIds", `["`+disk+`"]`)
	if got := show().text(row + "ImageId"); got != string(r.next) || shown.text("Disks.Disk.Size") != "40" || shown.text("Disks.Disk.Status") != "Creating" {
		t.Errorf("image %s, disk %s", got, shown.body)
	}
	r.state.Advance(time.Minute)
	r.must("StartInstance", "InstanceId", id)
	r.state.Advance(time.Minute)
	if got := show().text(row + "Status"); got != "Running" {
		t.Errorf("it is %s", got)
	}
	if got := r.must("DescribeDisks", "RegionId", region, "DiskIds", `["`+disk+`"]`).text("Disks.Disk.Status"); got != "In_use" {
		t.Errorf("the disk is %s", got)
	}
}

// TestWhatIsAskedForIsShown: metadata and login options are there only for who
// asks for them.
func TestWhatIsAskedForIsShown(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	r.must("ModifyInstanceMetadataOptions", "RegionId", region, "InstanceId", string(r.instance), "HttpEndpoint", "enabled", "HttpTokens", "required")
	plain := r.must("DescribeInstances", "RegionId", region).list("Instances.Instance")[0].(map[string]any)
	asked := r.must("DescribeInstances", "RegionId", region, "AdditionalAttributes.1", "META_OPTIONS").list("Instances.Instance")[0].(map[string]any)
	if plain["MetadataOptions"] != nil || plain["ImageOptions"] != nil || asked["MetadataOptions"].(map[string]any)["HttpTokens"] != "required" {
		t.Errorf("keys %v, asked for %v", slices.Sorted(maps.Keys(plain)), asked["MetadataOptions"])
	}
}

// TestPolicyParametersInBothSpellings: terraform's client sends both.
func TestPolicyParametersInBothSpellings(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	disk := r.disk()
	policy := r.cloud.AddSnapshotPolicy(cloudsim.FirstAccount, region, cloudsim.SnapshotPolicyRow{})
	for _, pairs := range [][]string{
		{"regionId", region, "RegionId", region, "autoSnapshotPolicyId", policy, "diskIds", `["` + disk + `"]`},
		{"RegionId", region, "AutoSnapshotPolicyId", policy, "DiskIds", `["` + disk + `"]`},
	} {
		r.must("ApplyAutoSnapshotPolicy", pairs...)
		if got := r.must("DescribeDisks", "RegionId", region, "AutoSnapshotPolicyId", policy, "DiskIds", `["`+disk+`"]`).text("Disks.Disk.AutoSnapshotPolicyId"); got != policy {
			t.Errorf("the disk has %s", got)
		}
		r.must("CancelAutoSnapshotPolicy", pairs...)
	}
	expect(t, r.call("ApplyAutoSnapshotPolicy", "regionId", region, "autoSnapshotPolicyId", policy, "diskIds", disk), 403, "ParameterInvalid")
	expect(t, r.call("ApplyAutoSnapshotPolicy", "regionId", region, "autoSnapshotPolicyId", "sp-none", "diskIds", `["`+disk+`"]`), 404, "ParameterInvalid")
}
