package ecsapi_test

import (
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// TestTemplateCopied: a copy of a version launches the same from another image, and
// what is not the same is named.
func TestTemplateCopied(t *testing.T) {
	t.Parallel()
	cloud := cloudsim.New(cloudsim.Options{Seed: 3, Clock: cloudsim.NewClock(cloudsim.Epoch())})
	own := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount})
	made := cloud.AddImage(cloudsim.FirstAccount, region, cloudsim.ImageSpec{Image: image.Image{Name: "next"}})
	template, err := own.CreateLaunchTemplate(cloudsim.CreateLaunchTemplateRequest{RegionID: region, Name: "web", Data: cloudsim.TemplateData{
		Image: "m-old", InstanceType: "ecs.g7.large", SecurityGroups: []string{"sg-1", "sg-2"}, Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}},
		SystemDisk: cloudsim.NewDisk{Category: "cloud_essd", SizeGiB: 60, Name: "system", PerformanceLevel: "PL1"},
		DataDisks:  []cloudsim.NewDisk{{Category: "cloud_essd", SizeGiB: 100, KeptWithInstance: true}, {SnapshotID: "s-1"}},
		Further: map[string]string{
			"KeyPairName": "ops", "InternetMaxBandwidthOut": "5", "UserData": "IyEvYmluL3No", "PasswordInherit": "false", "InstanceChargeType": "PostPaid", "NetworkType": "vpc",
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := alicloud.Operate(openAdapter(t, cloud, cloudsim.FirstAccount))
	version, err := o.CopyTemplateVersion(t.Context(), region, template, 1, made, "imagekeeper r-1")
	if err != nil || version != 2 {
		t.Fatal(version, err)
	}
	if differ, err := o.TemplateDiffers(t.Context(), region, template, 1, 2); err != nil || len(differ) > 0 {
		t.Errorf("differs in %v, %v", differ, err)
	}
	page, err := own.DescribeLaunchTemplateVersions(cloudsim.DescribeLaunchTemplateVersionsRequest{RegionID: region, TemplateID: template})
	if err != nil || len(page.Versions) != 2 {
		t.Fatal(page, err)
	}
	if is, was := page.Versions[0], page.Versions[1]; is.Default || !was.Default || is.Image != made || is.Description != "imagekeeper r-1" {
		t.Errorf("%+v of %+v", is, was)
	}
	if differ, err := cloud.View(cloudsim.FirstAccount).TemplateDiffers(t.Context(), region, template, 1, 2); err != nil || len(differ) > 0 {
		t.Errorf("truly differs in %v, %v: %+v", differ, err, page.Versions)
	}
	if _, _, err := own.CreateLaunchTemplateVersion(cloudsim.CreateLaunchTemplateVersionRequest{
		Template: cloudsim.TemplateName{RegionID: region, ID: template}, Data: cloudsim.TemplateData{Image: made, InstanceType: "ecs.g7.xlarge"},
	}); err != nil {
		t.Fatal(err)
	}
	if differ, err := o.TemplateDiffers(t.Context(), region, template, 1, 3); err != nil || len(differ) < 5 {
		t.Errorf("differs in %v, %v", differ, err)
	}
	if _, err := o.CopyTemplateVersion(t.Context(), region, template, 9, made, ""); err == nil {
		t.Error("a version that is not there was copied")
	}
}
