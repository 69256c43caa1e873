package cloudsim_test

import (
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestLaunchTemplatesAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	create := func(name string) (string, error) {
		return w.s.CreateLaunchTemplate(cloudsim.CreateLaunchTemplateRequest{
			RegionID: hangzhou, Name: name, Data: cloudsim.TemplateData{Image: img, InstanceType: "ecs.g7.large", Further: map[string]string{"KeyPairName": "golden"}},
		})
	}
	id, err := create("web")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, second(create("web")), "LaunchTemplateName.Duplicated", 403)
	expect(t, second(create("1")), "InvalidLaunchTemplateName.Malformed", 400)
	name := cloudsim.TemplateName{RegionID: hangzhou, ID: id}
	version := func() error {
		_, _, err := w.s.CreateLaunchTemplateVersion(cloudsim.CreateLaunchTemplateVersionRequest{Template: name, Data: cloudsim.TemplateData{Image: "m-next"}})
		return err
	}
	for range 29 {
		expect(t, version(), "", 0)
	}
	expect(t, version(), "LaunchTemplateVersionLimitExceed", 403)
	expect(t, second(w.s.ModifyLaunchTemplateDefaultVersion(name, 31)), "InvalidLaunchTemplateVersion.NotFound", 404)
	expect(t, second(w.s.ModifyLaunchTemplateDefaultVersion(name, 30)), "", 0)
	expect(t, second(w.s.DeleteLaunchTemplateVersion(name, []int{30})), "InvalidOperation.DeleteDefaultVersion", 403)
	expect(t, second(w.s.DeleteLaunchTemplateVersion(name, []int{2, 77})), "InvalidLaunchTemplateVersion.NotFound", 404)
	expect(t, second(w.s.DeleteLaunchTemplateVersion(name, []int{2, 3})), "", 0)
	expect(t, version(), "", 0)
	page, err := w.s.DescribeLaunchTemplateVersions(cloudsim.DescribeLaunchTemplateVersionsRequest{RegionID: hangzhou, TemplateID: id, Pages: cloudsim.Pages{Size: 50}})
	if err != nil || page.Total != 29 || page.Versions[0].Version != 31 || page.Versions[0].Default || !page.Versions[1].Default || page.Versions[0].Further["KeyPairName"] != "" {
		t.Errorf("%d versions, %+v, %v", page.Total, page.Versions[:2], err)
	}
	gone, versions, err := w.s.DeleteLaunchTemplate(cloudsim.TemplateName{RegionID: hangzhou, Name: "web"})
	if err != nil || gone != id || len(versions) != 29 {
		t.Errorf("%s, %v, %v", gone, versions, err)
	}
	expect(t, version(), "InvalidLaunchTemplate.NotFound", 404)
}

// scalingWorld is a scaling group with an active configuration and two instances.
func scalingWorld(t *testing.T) (w *world, group string, members [2]image.InstanceID) {
	w = newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	group, _ = w.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{
		Name: "front", Least: 1, Most: 5, Configurations: []cloudsim.ScalingConfigurationSpec{{Name: "a", Active: true, Image: img}},
	})
	for i := range members {
		members[i] = w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: img}})
	}
	if !w.cloud.AddToScalingGroup(hangzhou, group, members[:]...) {
		t.Fatal("there is no such group")
	}
	return w, group, members
}

// TestStandbyKeepsAnInstance: one that is stopped in service is taken for broken
// and released by its group, one that stands by is not.
func TestStandbyKeepsAnInstance(t *testing.T) {
	t.Parallel()
	w, group, members := scalingWorld(t)
	stand := func(do func(cloudsim.StandbyRequest) (string, error), id image.InstanceID) error {
		return second(do(cloudsim.StandbyRequest{Group: group, Instances: []image.InstanceID{id}}))
	}
	expect(t, stand(w.s.EnterStandby, members[0]), "", 0)
	expect(t, stand(w.s.EnterStandby, members[0]), "IncorrectInstanceStatus", 400)
	expect(t, stand(w.s.EnterStandby, "i-none"), "InvalidInstanceId.NotFound", 404)
	for _, id := range members {
		expect(t, w.s.StopInstance(cloudsim.StopInstanceRequest{InstanceID: id}), "", 0)
	}
	w.clock.Advance(4 * time.Minute)
	states := func() string {
		page, err := w.s.DescribeScalingInstances(cloudsim.DescribeScalingInstancesRequest{RegionID: hangzhou, Group: group})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, m := range page.Instances {
			all = append(all, map[bool]string{true: "healthy", false: "unhealthy"}[m.Healthy]+" "+m.State)
		}
		return strings.Join(all, ", ")
	}
	if got := states(); got != "healthy Standby, unhealthy InService" {
		t.Error(got)
	}
	w.clock.Advance(2 * time.Minute)
	expect(t, w.s.StartInstance(cloudsim.InstanceRequest{InstanceID: members[1]}), "InvalidInstanceId.NotFound", 404)
	expect(t, w.s.StartInstance(cloudsim.InstanceRequest{InstanceID: members[0]}), "", 0)
	w.clock.Advance(time.Minute)
	expect(t, stand(w.s.ExitStandby, members[0]), "", 0)
	if got := states(); got != "healthy InService" {
		t.Error(got)
	}
	twice := cloudsim.StandbyRequest{Group: group, Instances: members[:1], ClientToken: "once"}
	first, err := w.s.EnterStandby(twice)
	again, errAgain := w.s.EnterStandby(twice)
	if first == "" || again != first || err != nil || errAgain != nil {
		t.Errorf("twice with one token: %s and %s, %v, %v", first, again, err, errAgain)
	}
	expect(t, stand(w.s.ExitStandby, members[0]), "", 0)
	w.cloud.SetReadings(cloudsim.Readings{StandbyBelowLeast: true})
	expect(t, stand(w.s.EnterStandby, members[0]), "IncorrectCapacity.MinSize", 400)
}

func TestScalingGroupsAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "golden"}})
	arm := w.add(cloudsim.ImageSpec{Image: image.Image{Architecture: image.ARM64}})
	type request = cloudsim.CreateScalingGroupRequest
	group, err := w.s.CreateScalingGroup(request{RegionID: hangzhou, Name: "front", Most: 3})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, second(w.s.CreateScalingGroup(request{RegionID: hangzhou, Name: "front", Most: 3})), "InvalidScalingGroupName.Duplicate", 400)
	expect(t, second(w.s.CreateScalingGroup(request{RegionID: hangzhou, Least: 2, Most: 1})), "InvalidParameter.Conflict", 400)
	expect(t, second(w.s.CreateScalingGroup(request{RegionID: hangzhou, Most: 1, Source: cloudsim.ScalingSource{TemplateID: "lt-none"}})), "LaunchTemplateSet.NotFound", 400)
	enable := func(source cloudsim.ScalingSource, ids ...image.InstanceID) error {
		return w.s.EnableScalingGroup(cloudsim.EnableScalingGroupRequest{Group: group, Source: source, Instances: ids})
	}
	expect(t, enable(cloudsim.ScalingSource{}), "MissingActiveScalingConfiguration", 400)
	type configuration = cloudsim.ScalingConfigurationRequest
	configure := func(req configuration) (string, error) {
		req.Group = group
		return w.s.CreateScalingConfiguration(req)
	}
	first, err := configure(configuration{Image: img, InstanceType: "ecs.g7.large", Name: "first", DataDisks: []cloudsim.NewDisk{{SizeGiB: 50}}})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, second(configure(configuration{Image: img, Name: "first"})), "InvalidScalingConfigurationName.Duplicate", 400)
	expect(t, second(configure(configuration{})), "MissingParameter", 400)
	expect(t, second(configure(configuration{Image: img, Family: "web"})), "InvalidParameter.Conflict", 400)
	expect(t, second(configure(configuration{Image: "m-none"})), "InvalidImageId.NotFound", 404)
	expect(t, second(configure(configuration{ImageName: "nobody"})), "InvalidImageId.NotFound", 404)
	expect(t, second(configure(configuration{Image: arm, InstanceType: "ecs.g7.large"})), "InvalidImageId.InstanceTypeMismatch", 400)
	expect(t, second(configure(configuration{Image: img, Further: map[string]string{"KeyPairName": "none"}})), "InvalidKeyPairName.NotFound", 400)
	other, err := configure(configuration{ImageName: "golden"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, enable(cloudsim.ScalingSource{Configuration: first}, w.stopped(img)), "IncorrectInstanceStatus", 400)
	expect(t, enable(cloudsim.ScalingSource{Configuration: first}), "", 0)
	expect(t, enable(cloudsim.ScalingSource{}), "IncorrectScalingGroupStatus", 400)
	expect(t, w.s.DeleteScalingConfiguration(first), "IncorrectScalingConfigurationLifecycleState", 400)
	expect(t, w.s.DeactivateScalingConfiguration(first), "IncorrectScalingGroupStatus", 400)
	disks := w.add(cloudsim.ImageSpec{Image: image.Image{Disks: []image.DiskMapping{{System: true, SizeGiB: 40}, {SizeGiB: 20}}}})
	expect(t, w.s.ModifyScalingConfiguration(configuration{Configuration: first, Image: disks}), "", 0)
	page, err := w.s.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{RegionID: hangzhou, IDs: []string{first}})
	if err != nil || page.Configurations[0].Image != disks || len(page.Configurations[0].DataDisks) != 0 || page.Configurations[0].Name != "first" {
		t.Errorf("%+v, %v", page, err)
	}
	expect(t, w.s.ModifyScalingGroup(request{Group: group, Least: -1, Most: -1, Source: cloudsim.ScalingSource{Configuration: other}}), "", 0)
	expect(t, w.s.DeleteScalingConfiguration(first), "", 0)
	expect(t, w.s.DisableScalingGroup(group), "", 0)
	expect(t, w.s.DeleteScalingGroup(group, false), "", 0)
	expect(t, w.s.DeleteScalingGroup(group, false), "InvalidScalingGroupId.NotFound", 404)
	expect(t, w.s.DeleteScalingConfiguration(other), "InvalidScalingConfigurationId.NotFound", 404)
}

// TestDeletingAGroup: instances that it made are released, others stay.
func TestDeletingAGroup(t *testing.T) {
	t.Parallel()
	w, group, members := scalingWorld(t)
	expect(t, w.s.DeleteScalingGroup(group, false), "InstanceInUse", 400)
	expect(t, w.s.DeleteScalingGroup(group, true), "", 0)
	w.clock.Advance(time.Minute)
	for _, id := range members {
		expect(t, second(w.s.DescribeInstanceAttribute(id)), "InvalidInstanceId.NotFound", 404)
	}
}
