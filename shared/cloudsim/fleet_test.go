package cloudsim_test

import (
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestTagging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.add(cloudsim.ImageSpec{Image: image.Image{Tags: image.Tags{"env": "dev", "old": "1"}}})
	instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	err := w.s.TagResources(cloudsim.TagResourcesRequest{
		RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{string(id)}, Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}, {Key: "new"}},
	})
	expect(t, err, "", 0)
	expect(t, w.s.UntagResources(cloudsim.UntagResourcesRequest{
		RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{string(id)}, TagKeys: []string{"old", "never-there"},
	}), "", 0)
	row, _ := w.row(hangzhou, id)
	if len(row.Tags) != 2 || row.Tags["env"] != "prod" {
		t.Errorf("tags %v", row.Tags)
	}
	for _, kind := range []struct{ name, id string }{{"instance", string(instance)}, {"disk", ""}, {"snapshot", string(row.Disks[0].SnapshotID)}} {
		if kind.name == "disk" {
			page, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
			if err != nil || len(page.Disks) != 1 {
				t.Fatal(page, err)
			}
			kind.id = string(page.Disks[0].ID)
		}
		expect(t, w.s.TagResources(cloudsim.TagResourcesRequest{
			RegionID: hangzhou, ResourceType: kind.name, ResourceIDs: []string{kind.id}, Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}},
		}), "", 0)
	}
	counts, err := w.s.DescribeTags(cloudsim.DescribeTagsRequest{RegionID: hangzhou})
	want := cloudsim.TagCount{Key: "env", Value: "prod", Images: 1, Instances: 1, Disks: 1, Snapshots: 1}
	if err != nil || counts.Total != 2 || counts.Tags[0] != want || counts.Size != 50 {
		t.Errorf("%+v, %v", counts, err)
	}
	expect(t, w.s.UntagResources(cloudsim.UntagResourcesRequest{RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{string(id)}, All: true}), "", 0)
	if row, _ := w.row(hangzhou, id); len(row.Tags) != 0 {
		t.Errorf("tags %v", row.Tags)
	}
}

func TestTaggingRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	tags := map[string]string{}
	for i := range 20 {
		tags[fmt.Sprint("k", i)] = ""
	}
	plain := string(w.add(cloudsim.ImageSpec{}))
	full := string(w.add(cloudsim.ImageSpec{Image: image.Image{Tags: tags}}))
	public := string(w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindPublic}}))
	theirs := string(w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}}))
	type request = cloudsim.TagResourcesRequest
	for _, c := range []struct {
		name   string
		change func(*request)
		code   string
		status int
	}{
		{"no region", func(r *request) { r.RegionID = "" }, "MissingParameter.RegionId", 404},
		{"unknown region", func(r *request) { r.RegionID = "cn-x" }, "InvalidRegionId.NotFound", 404},
		{"no type", func(r *request) { r.ResourceType = "" }, "MissingParameter.ResourceType", 404},
		{"unknown type", func(r *request) { r.ResourceType = "moon" }, "InvalidResourceType.NotFound", 404},
		{"no ids", func(r *request) { r.ResourceIDs = nil }, "MissingParameter.ResourceIds", 404},
		{"too many ids", func(r *request) { r.ResourceIDs = make([]string, 51) }, "NumberExceed.ResourceIds", 400},
		{"no tags", func(r *request) { r.Tags = nil }, "MissingParameter.Tags", 404},
		{"too many tags", func(r *request) { r.Tags = make([]cloudsim.Tag, 21) }, "NumberExceed.Tags", 400},
		{"key", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "aliyunx"}} }, "InvalidTagKey.Malformed", 400},
		{"same key", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "a"}, {Key: "a"}} }, "Duplicate.TagKey", 400},
		{"same key but for case", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "a"}, {Key: "A"}} }, "TagKey.Duplication", 403},
		{"unknown id", func(r *request) { r.ResourceIDs = []string{plain, "m-x"} }, "InvalidResourceId.NotFound", 404},
		{"another's", func(r *request) { r.ResourceIDs = []string{theirs} }, "InvalidResourceId.NotFound", 404},
		{"public", func(r *request) { r.ResourceIDs = []string{public} }, "InvalidResourceId.NotSupported", 403},
		{"full", func(r *request) { r.ResourceIDs = []string{plain, full} }, "OperationDenied.QuotaExceed", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request{RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{plain}, Tags: []cloudsim.Tag{{Key: "env"}}}
			c.change(&req)
			expect(t, w.s.TagResources(req), c.code, c.status)
		})
	}
	if row, _ := w.row(hangzhou, image.ID(plain)); len(row.Tags) != 0 {
		t.Errorf("refused calls left tags: %v", row.Tags)
	}
	expect(t, w.s.UntagResources(cloudsim.UntagResourcesRequest{RegionID: hangzhou, ResourceType: "image", ResourceIDs: []string{plain}}), "MissingParameter.Tags", 404)
}

func TestListTagResourcesComesInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for i := range 60 {
		w.add(cloudsim.ImageSpec{Image: image.Image{Tags: image.Tags{"env": []string{"prod", "dev"}[i%2], "n": fmt.Sprint(i)}}})
	}
	w.add(cloudsim.ImageSpec{})
	list := func(req cloudsim.ListTagResourcesRequest) (rows []cloudsim.TagRow) {
		req.RegionID, req.ResourceType = hangzhou, "image"
		for {
			page, err := w.s.ListTagResources(req)
			if err != nil || len(page.Rows) > 50 {
				t.Fatalf("%d rows, %v", len(page.Rows), err)
			}
			rows = append(rows, page.Rows...)
			if req.Next = page.Next; req.Next == "" {
				return rows
			}
		}
	}
	seen := map[cloudsim.TagRow]bool{}
	for _, row := range list(cloudsim.ListTagResourcesRequest{Tags: []cloudsim.Tag{{Key: "env"}}}) {
		if seen[row] {
			t.Errorf("%+v twice", row)
		}
		seen[row] = true
	}
	if len(seen) != 120 {
		t.Errorf("%d rows, want 120", len(seen))
	}
	if got := list(cloudsim.ListTagResourcesRequest{TagFilters: []cloudsim.TagFilter{{Key: "env", Values: []string{"dev", "x"}}, {Key: "n"}}}); len(got) != 60 {
		t.Errorf("%d rows by filter, want 60", len(got))
	}
	for code, req := range map[string]cloudsim.ListTagResourcesRequest{
		"BothEmpty.TagsAndResources": {},
		"Invalid.NextToken":          {Tags: []cloudsim.Tag{{Key: "env"}}, Next: "?"},
		"NumberExceed.TagValues":     {TagFilters: []cloudsim.TagFilter{{Key: "env", Values: make([]string, 11)}}},
	} {
		req.RegionID, req.ResourceType = hangzhou, "image"
		_, err := w.s.ListTagResources(req)
		expect(t, err, code, 403)
	}
}

func TestInstancePagingStyles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for i := range 23 {
		w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Name: fmt.Sprintf("web-%02d", i), Zone: "cn-hangzhou-i"}})
	}
	list := func(tokens cloudsim.Tokens) cloudsim.InstancesPage {
		page, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, Tokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	plain := list(cloudsim.Tokens{})
	if len(plain.Instances) != 10 || plain.Next == "" || plain.Mark != (cloudsim.PageMark{Number: 1, Size: 10, Total: 23}) {
		t.Errorf("without a word of paging: %d rows, %+v", len(plain.Instances), plain.TokenMark)
	}
	if page := list(cloudsim.Tokens{MaxResults: 3}); len(page.Instances) != 10 {
		t.Errorf("3 asked for: %d, want 10", len(page.Instances))
	}
	if page := list(cloudsim.Tokens{MaxResults: 1000}); len(page.Instances) != 23 || page.Next != "" {
		t.Errorf("1000 asked for: %d, next %q", len(page.Instances), page.Next)
	}
	if page := list(cloudsim.Tokens{Pages: cloudsim.Pages{Number: 3, Size: 9}}); len(page.Instances) != 5 || page.Mark.Number != 3 {
		t.Errorf("third page of nine: %d, %+v", len(page.Instances), page.Mark)
	}
	_, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou, Tokens: cloudsim.Tokens{Next: "x"}})
	expect(t, err, "InvalidParameter.NextToken", 400)
	_, err = w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: shanghai, Tokens: cloudsim.Tokens{Next: plain.Next}})
	expect(t, err, "InvalidParameter.NextToken", 400)
	status, err := w.s.DescribeInstanceStatus(cloudsim.DescribeInstanceStatusRequest{RegionID: hangzhou, ZoneID: "cn-hangzhou-i"})
	if err != nil || status.Total != 23 || len(status.Instances) != 10 || status.Instances[0].Status != image.InstanceRunning {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestReadingRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	instances := func(r cloudsim.DescribeInstancesRequest) error {
		r.RegionID = hangzhou
		_, err := w.s.DescribeInstances(r)
		return err
	}
	disks := func(r cloudsim.DescribeDisksRequest) error {
		r.RegionID = hangzhou
		_, err := w.s.DescribeDisks(r)
		return err
	}
	snapshots := func(r cloudsim.DescribeSnapshotsRequest) error {
		r.RegionID = hangzhou
		_, err := w.s.DescribeSnapshots(r)
		return err
	}
	status := func(r cloudsim.DescribeInstanceStatusRequest) error {
		r.RegionID = hangzhou
		_, err := w.s.DescribeInstanceStatus(r)
		return err
	}
	_, unknown := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: "cn-x"})
	_, absent := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{})
	for _, c := range []struct {
		err    error
		code   string
		status int
	}{
		{instances(cloudsim.DescribeInstancesRequest{Status: "Lost"}), "InvalidStatus.NotFound", 404},
		{instances(cloudsim.DescribeInstancesRequest{ChargeType: "Free"}), "InvalidInstanceChargeType.NotFound", 404},
		{instances(cloudsim.DescribeInstancesRequest{NetworkType: "moon"}), "InvalidNetworkType.NotFound", 404},
		{instances(cloudsim.DescribeInstancesRequest{LockReason: "mood"}), "InvalidLockReason.NotFound", 404},
		{instances(cloudsim.DescribeInstancesRequest{Filters: []cloudsim.Filter{{Key: "x"}}}), "InvalidFilterKey.NotFound", 404},
		{instances(cloudsim.DescribeInstancesRequest{Filters: []cloudsim.Filter{{Key: "CreationEndTime", Value: "x"}}}), "InvalidFilterValue", 404},
		{instances(cloudsim.DescribeInstancesRequest{Tags: make([]cloudsim.Tag, 21)}), "InvalidTagCount", 400},
		{instances(cloudsim.DescribeInstancesRequest{InstanceIDs: make([]image.InstanceID, 101)}), "InvalidInstanceIds.Malformed", 403},
		{status(cloudsim.DescribeInstanceStatusRequest{InstanceIDs: make([]image.InstanceID, 101)}), "InvalidParameter.TooManyInstanceIds", 403},
		{status(cloudsim.DescribeInstanceStatusRequest{ZoneID: "x"}), "InvalidZoneId.NotFound", 404},
		{status(cloudsim.DescribeInstanceStatusRequest{Pages: cloudsim.Pages{Size: 51}}), "InvalidParameter", 400},
		{unknown, "InvalidRegion.NotFound", 400},
		{absent, "MissingParamter.RegionId", 400},
		{disks(cloudsim.DescribeDisksRequest{DiskIDs: make([]image.DiskID, 101)}), "InvalidDiskIds.Malformed", 403},
		{disks(cloudsim.DescribeDisksRequest{DiskType: "tape"}), "InvalidDiskType.ValueNotSupported", 400},
		{disks(cloudsim.DescribeDisksRequest{Status: "Lost"}), "InvalidStatus.ValueNotSupported", 400},
		{disks(cloudsim.DescribeDisksRequest{Category: "tape"}), "InvalidCategory.ValueNotSupported", 400},
		{disks(cloudsim.DescribeDisksRequest{ChargeType: "Free"}), "InvalidDiskChargeType.NotFound", 404},
		{disks(cloudsim.DescribeDisksRequest{ZoneID: "x"}), "InvalidZoneId.NotFound", 400},
		{disks(cloudsim.DescribeDisksRequest{DryRun: true}), "DryRunOperation", 400},
		{snapshots(cloudsim.DescribeSnapshotsRequest{SnapshotIDs: make([]image.SnapshotID, 101)}), "InvalidSnapshotIds.Malformed", 403},
		{snapshots(cloudsim.DescribeSnapshotsRequest{Status: "Lost"}), "InvalidStatus.NotFound", 404},
		{snapshots(cloudsim.DescribeSnapshotsRequest{Usage: "often"}), "InvalidUsage", 404},
		{snapshots(cloudsim.DescribeSnapshotsRequest{SourceDiskType: "tape"}), "InvalidSourceDiskType", 404},
		{snapshots(cloudsim.DescribeSnapshotsRequest{SnapshotType: "own"}), "InvalidSnapshotType.NotFound", 404},
		{snapshots(cloudsim.DescribeSnapshotsRequest{Category: "tape"}), "InvalidSnapshotCategory.Malformed", 403},
		{snapshots(cloudsim.DescribeSnapshotsRequest{DryRun: true}), "DryRunOperation", 400},
	} {
		expect(t, c.err, c.code, c.status)
	}
}

func TestFleetFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	at := cloudsim.Epoch().Add(-time.Hour)
	locked := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{
		Name: "web-1", Type: "ecs.g6.large", Zone: "cn-hangzhou-k", ChargeType: "PrePaid", CreatedAt: at, Tags: image.Tags{"env": "prod"},
	}, DataDisks: []int{100}})
	w.cloud.LockInstance(hangzhou, locked, "security")
	w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Name: "api-1"}})
	w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{Name: "nightly", SourceSystemDisk: true, Encrypted: image.Yes, Category: "archive"})
	w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{})
	for _, req := range []cloudsim.DescribeInstancesRequest{
		{InstanceName: "web-*"},
		{InstanceType: "ecs.g6.large"},
		{ZoneID: "cn-hangzhou-k"},
		{ChargeType: "PrePaid"},
		{LockReason: "security"},
		{Tags: []cloudsim.Tag{{Key: "env"}}},
		{Filters: []cloudsim.Filter{{Key: "CreationEndTime", Value: at.Format("2006-01-02T15:04Z")}}},
	} {
		req.RegionID = hangzhou
		if page, err := w.s.DescribeInstances(req); err != nil || len(page.Instances) != 1 || page.Instances[0].ID != locked {
			t.Errorf("%+v: %d rows, %v", req, len(page.Instances), err)
		}
	}
	for _, req := range []cloudsim.DescribeDisksRequest{
		{InstanceID: locked, DiskType: "data"}, {ZoneID: "cn-hangzhou-k", DiskType: "system"}, {ChargeType: "PrePaid", DiskType: "data"},
	} {
		req.RegionID = hangzhou
		if page, err := w.s.DescribeDisks(req); err != nil || len(page.Disks) != 1 || page.Disks[0].Instance != locked {
			t.Errorf("%+v: %d rows, %v", req, len(page.Disks), err)
		}
	}
	for _, req := range []cloudsim.DescribeSnapshotsRequest{
		{SnapshotName: "nightly"}, {SourceDiskType: "system"}, {Encrypted: image.Yes}, {Category: "archive"},
	} {
		req.RegionID = hangzhou
		if page, err := w.s.DescribeSnapshots(req); err != nil || len(page.Snapshots) != 1 || page.Snapshots[0].Name != "nightly" {
			t.Errorf("%+v: %d rows, %v", req, len(page.Snapshots), err)
		}
	}
}

func TestUsageFollowsInstances(t *testing.T) {
	t.Parallel()
	for kept, want := range map[bool]image.Usage{false: image.UsageNone, true: image.UsageInstance} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{UsageKept: kept}})
		a, b := w.add(cloudsim.ImageSpec{}), w.add(cloudsim.ImageSpec{})
		instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: a}})
		before, _ := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
		disk := w.cloud.ReplaceSystemDisk(hangzhou, instance, b)
		after, _ := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou})
		if len(after.Disks) != 1 || after.Disks[0].ID != disk || after.Disks[0].ID == before.Disks[0].ID || after.Disks[0].Image != b {
			t.Errorf("disks after replacement: %+v", after.Disks)
		}
		usage := func(id image.ID) image.Usage {
			row, _ := w.row(hangzhou, id)
			return row.Usage
		}
		if usage(a) != want || usage(b) != image.UsageInstance {
			t.Errorf("usage %s and %s", usage(a), usage(b))
		}
		if !w.cloud.ReleaseInstance(hangzhou, instance) || w.cloud.ReleaseInstance(hangzhou, instance) {
			t.Error("an instance is released once")
		}
		if usage(b) != want {
			t.Errorf("usage after release: %s", usage(b))
		}
		if page, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou}); err != nil || len(page.Disks) != 0 {
			t.Errorf("%d disks are left, %v", len(page.Disks), err)
		}
	}
}
