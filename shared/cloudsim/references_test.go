package cloudsim_test

import (
	"reflect"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestLaunchTemplates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	id := w.cloud.AddLaunchTemplate(one, hangzhou, cloudsim.LaunchTemplateSpec{
		Name: "web", Default: 2, Tags: image.Tags{"env": "prod"}, CreatedAt: cloudsim.Epoch().AddDate(0, 0, -9),
		Versions: []cloudsim.TemplateVersionSpec{{Image: "m-old"}, {Image: img, DataSnapshots: []image.SnapshotID{"s-1"}}, {Image: "m-gone"}},
	})
	w.cloud.AddLaunchTemplate(one, hangzhou, cloudsim.LaunchTemplateSpec{})
	list := func(req cloudsim.DescribeLaunchTemplatesRequest) []cloudsim.LaunchTemplateRow {
		t.Helper()
		req.RegionID = hangzhou
		page, err := w.s.DescribeLaunchTemplates(req)
		if err != nil {
			t.Fatal(err)
		}
		return page.Templates
	}
	for i, req := range []cloudsim.DescribeLaunchTemplatesRequest{
		{IDs: []string{id, "lt-x"}}, {Names: []string{"web"}}, {Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}}}, {Pages: cloudsim.Pages{Number: 2, Size: 1}},
	} {
		if got := list(req); len(got) != 1 || got[0].ID != id || got[0].Default != 2 || got[0].Latest != 3 {
			t.Errorf("listing %d: %+v", i, got)
		}
	}
	if got := list(cloudsim.DescribeLaunchTemplatesRequest{ResourceGroup: "rg-1"}); len(got) != 0 {
		t.Errorf("of a resource group: %+v", got)
	}
	for _, c := range []struct {
		req  cloudsim.DescribeLaunchTemplateVersionsRequest
		want []int
	}{
		{cloudsim.DescribeLaunchTemplateVersionsRequest{}, []int{3, 2, 1}},
		{cloudsim.DescribeLaunchTemplateVersionsRequest{DefaultVersion: true}, []int{2}},
		{cloudsim.DescribeLaunchTemplateVersionsRequest{Versions: []int{1, 3, 9}}, []int{3, 1}},
		{cloudsim.DescribeLaunchTemplateVersionsRequest{Least: 2}, []int{3, 2}},
		{cloudsim.DescribeLaunchTemplateVersionsRequest{Most: 2}, []int{2, 1}},
		{cloudsim.DescribeLaunchTemplateVersionsRequest{Pages: cloudsim.Pages{Number: 2, Size: 2}}, []int{1}},
	} {
		c.req.RegionID, c.req.TemplateName = hangzhou, "web"
		page, err := w.s.DescribeLaunchTemplateVersions(c.req)
		var got []int
		for _, v := range page.Versions {
			got = append(got, v.Version)
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %v, %v; want %v", c.req, got, err, c.want)
		}
	}
	page, err := w.s.DescribeLaunchTemplateVersions(cloudsim.DescribeLaunchTemplateVersionsRequest{RegionID: hangzhou, TemplateID: id, DefaultVersion: true})
	if v := page.Versions[0]; err != nil || v.Image != img || v.ImageAlias != "self" || v.DataDisks[0].SnapshotID != "s-1" || !v.Default {
		t.Errorf("the default version: %+v, %v", v, err)
	}
	if !w.cloud.Forget(hangzhou, id) || w.cloud.Forget(hangzhou, id) || len(list(cloudsim.DescribeLaunchTemplatesRequest{})) != 1 {
		t.Error("it is not forgotten once and for all")
	}
}

func TestReferenceRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	pipeline, _ := w.cloud.AddImagePipeline(one, hangzhou, cloudsim.PipelineSpec{})
	id := w.cloud.AddLaunchTemplate(one, hangzhou, cloudsim.LaunchTemplateSpec{})
	versions := func(req cloudsim.DescribeLaunchTemplateVersionsRequest) error {
		_, err := w.s.DescribeLaunchTemplateVersions(req)
		return err
	}
	type versionsOf = cloudsim.DescribeLaunchTemplateVersionsRequest
	expect(t, versions(versionsOf{}), "MissingParameter", 400)
	expect(t, versions(versionsOf{RegionID: "cn-x"}), "InvalidRegion.NotExist", 400)
	expect(t, versions(versionsOf{RegionID: hangzhou}), "MissingParameter", 400)
	expect(t, versions(versionsOf{RegionID: hangzhou, TemplateID: "lt-x"}), "InvalidLaunchTemplate.NotFound", 404)
	expect(t, versions(versionsOf{RegionID: shanghai, TemplateID: id}), "InvalidLaunchTemplate.NotFound", 404)
	expect(t, versions(versionsOf{RegionID: hangzhou, TemplateID: id, Versions: []int{0}}), "InvalidParameter", 400)
	expect(t, versions(versionsOf{RegionID: hangzhou, TemplateID: id, Pages: cloudsim.Pages{Size: 51}}), "InvalidParameter", 400)
	_, err := w.s.DescribeLaunchTemplates(cloudsim.DescribeLaunchTemplatesRequest{RegionID: hangzhou, Pages: cloudsim.Pages{Size: 51}})
	expect(t, err, "InvalidParameter", 400)

	_, err = w.s.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{RegionID: "cn-x"})
	expect(t, err, "InvalidRegionId.NotFound", 404)
	_, err = w.s.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{RegionID: hangzhou, IDs: make([]string, 21)})
	expect(t, err, "InvalidParameter", 400)
	_, err = w.s.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{RegionID: hangzhou, GroupType: "x"})
	expect(t, err, "InvalidParameter", 400)
	_, err = w.s.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{RegionID: hangzhou, Pages: cloudsim.Pages{Size: 51}})
	expect(t, err, "InvalidParameter", 400)
	_, err = w.s.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{RegionID: hangzhou, GroupID: "asg-x"})
	expect(t, err, "InvalidScalingGroupId.NotFound", 404)

	runs := func(req cloudsim.DescribeImagePipelineExecutionsRequest) error {
		req.RegionID = hangzhou
		_, err := w.s.DescribeImagePipelineExecutions(req)
		return err
	}
	type runsOf = cloudsim.DescribeImagePipelineExecutionsRequest
	expect(t, runs(runsOf{}), "MissingParameter.ImagePipelineId", 400)
	expect(t, runs(runsOf{PipelineID: "ip-x"}), "InvalidImagePipeline.NotFound", 404)
	expect(t, runs(runsOf{PipelineID: pipeline, Status: "LOST"}), "InvalidParameter.Status", 400)
	expect(t, runs(runsOf{PipelineID: pipeline, Next: "x"}), "Invalid.NextToken", 403)
	expect(t, runs(runsOf{PipelineID: pipeline, MaxResults: 501}), "InvalidParameter", 400)
	_, err = w.s.DescribeImagePipelines(cloudsim.DescribeImagePipelinesRequest{RegionID: hangzhou, Next: "x"})
	expect(t, err, "Invalid.NextToken", 403)
}

func TestScalingGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{Image: image.Image{Name: "web-1"}})
	group, made := w.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "front", Least: 2, Configurations: []cloudsim.ScalingConfigurationSpec{
		{Image: "m-old"}, {Name: "now", Active: true, Image: img},
	}})
	w.cloud.AddScalingGroup(one, hangzhou, cloudsim.ScalingGroupSpec{Name: "back", TemplateID: "lt-1", Inactive: true})
	page, err := w.s.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{RegionID: hangzhou, Names: []string{"front"}})
	if err != nil || page.Total != 1 || page.Groups[0].ID != group || page.Groups[0].Configuration != made[1] || !page.Groups[0].Active {
		t.Errorf("%+v, %v", page, err)
	}
	page, err = w.s.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{RegionID: hangzhou, Names: []string{"back"}})
	if err != nil || page.Total != 1 || page.Groups[0].Active || page.Groups[0].TemplateVersion != "Default" || page.Groups[0].Configuration != "" {
		t.Errorf("%+v, %v", page, err)
	}
	found, err := w.s.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{RegionID: hangzhou, GroupID: group, Names: []string{"now", "x"}})
	if c := found.Configurations; err != nil || len(c) != 1 || c[0].Image != img || c[0].ImageName != "web-1" || c[0].ImageAlias != "self" || !c[0].Active {
		t.Errorf("%+v, %v", found, err)
	}
	essOnly := w.cloud.As(cloudsim.Caller{Account: one, Allow: []string{"ess:*"}})
	if _, err := essOnly.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{RegionID: hangzhou}); err != nil {
		t.Error(err)
	}
	ecsOnly := w.cloud.As(cloudsim.Caller{Account: one, Allow: []string{"ecs:*"}})
	_, err = ecsOnly.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{RegionID: hangzhou})
	expect(t, err, "Forbidden.RAM", 403)
}

// TestEveryReadingHasAName: that of its field, beginning small.
func TestEveryReadingHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	kind := reflect.TypeOf(cloudsim.Readings{})
	for i := range kind.NumField() {
		f := kind.Field(i)
		name := f.Tag.Get("json")
		if f.Type.Kind() != reflect.Bool || name == "" || seen[name] || name[0]|0x20 != f.Name[0]|0x20 || name[0] < 'a' {
			t.Errorf("%s is called %q", f.Name, name)
		}
		seen[name] = true
	}
}
