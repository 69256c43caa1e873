package cloudsim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// disks are those of an instance, the system disk first.
func (w *world) disks(id image.InstanceID) []cloudsim.DiskRow {
	w.Helper()
	page, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou, InstanceID: id})
	if err != nil {
		w.Fatal(err)
	}
	slices.SortFunc(page.Disks, func(a, b cloudsim.DiskRow) int { return int(a.Device[8]) - int(b.Device[8]) })
	return page.Disks
}

func TestRunInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{Image: image.Image{OSName: "Debian  12.11 64 bit", ProductCode: "", SizeGiB: 60, Disks: []image.DiskMapping{
		{System: true, SizeGiB: 60, Encrypted: image.No}, {SizeGiB: 100, Encrypted: image.No},
	}}})
	ids, err := w.s.RunInstances(cloudsim.RunInstancesRequest{
		RegionID: hangzhou, ImageID: img, InstanceType: "ecs.g7.large", Amount: 3, InstanceName: "web[7,2]", Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}},
		DataDisks: []cloudsim.NewDisk{{SizeGiB: 20, KeptWithInstance: true}}, VSwitch: "vsw-own", SecurityGroups: []string{"sg-own"},
	})
	if err != nil || len(ids) != 3 {
		t.Fatalf("%v, %v", ids, err)
	}
	for i, id := range ids {
		row := w.instance(id)
		if row.Name != fmt.Sprintf("web%02d", 7+i) || row.Image != img || row.Status != image.InstancePending || row.Tags["env"] != "prod" ||
			row.VSwitch != "vsw-own" || row.OSName != "Debian  12.11 64 bit" || row.VCPUs != 2 {
			t.Errorf("instance %d: %+v", i, row)
		}
	}
	disks := w.disks(ids[0])
	if len(disks) != 3 || !disks[0].System || disks[0].Image != img || disks[0].SizeGiB != 60 || disks[1].SourceSnapshot == "" || disks[1].Image != "" || disks[2].DeleteWithInstance {
		t.Errorf("disks %+v", disks)
	}
	w.clock.Advance(6 * time.Second)
	w.is(ids[0], image.InstanceStarting, "Not-applicable")
	w.clock.Advance(4 * time.Second)
	w.is(ids[0], image.InstanceRunning, "Not-applicable")
	if row, _ := w.row(hangzhou, img); row.Usage != image.UsageInstance {
		t.Errorf("the image's usage is %s", row.Usage)
	}
}

func TestRunInstancesOfImagesOfAnyKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.Configure(one, cloudsim.AccountSettings{Subscriptions: []image.ProductCode{"cmjj1"}})
	for name, id := range map[string]image.ID{
		"public":      w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindPublic}}),
		"custom":      w.add(cloudsim.ImageSpec{}),
		"deprecated":  w.add(cloudsim.ImageSpec{Image: image.Image{Status: image.StatusDeprecated}}),
		"shared":      w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}}),
		"community":   w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{Image: image.Image{Kind: image.KindCommunity}}),
		"marketplace": w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindMarketplace, ProductCode: "cmjj1"}}),
	} {
		ids, err := w.s.RunInstances(cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: id, InstanceType: "ecs.g7.large"})
		if err != nil || len(ids) != 1 || w.disks(ids[0])[0].Image != id {
			t.Errorf("%s: %v, %v", name, ids, err)
		}
	}
	w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web", CreatedAt: cloudsim.Epoch().Add(-time.Hour)}})
	newest := w.add(cloudsim.ImageSpec{Image: image.Image{Family: "web"}})
	template := w.cloud.AddLaunchTemplate(one, hangzhou, cloudsim.LaunchTemplateSpec{Name: "web", Default: 1, Versions: []cloudsim.TemplateVersionSpec{{Image: newest}, {}}})
	for _, req := range []cloudsim.RunInstancesRequest{{ImageFamily: "web"}, {TemplateID: template}, {TemplateName: "web"}} {
		req.RegionID, req.InstanceType = hangzhou, "ecs.g7.large"
		ids, err := w.s.RunInstances(req)
		if err != nil || w.instance(ids[0]).Image != newest {
			t.Errorf("%+v: %v, %v", req, ids, err)
		}
	}
}

func TestRunInstancesRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{Image: image.Image{SizeGiB: 100}})
	windows := w.add(cloudsim.ImageSpec{Image: image.Image{OSType: image.Windows}})
	broken := w.add(cloudsim.ImageSpec{Image: image.Image{Status: image.StatusUnavailable}})
	arm := w.add(cloudsim.ImageSpec{Image: image.Image{Architecture: image.ARM64}})
	bought := w.add(cloudsim.ImageSpec{Image: image.Image{ProductCode: "cmjj1"}})
	theirs := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{})
	system := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceSystemDisk: true})
	data := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDiskSizeGiB: 80})
	type request = cloudsim.RunInstancesRequest
	disk := func(d cloudsim.NewDisk) func(*request) {
		return func(r *request) { r.DataDisks = []cloudsim.NewDisk{d} }
	}
	for _, c := range []struct {
		name   string
		change func(*request)
		code   string
		status int
	}{
		{"no region", func(r *request) { r.RegionID = "" }, "MissingParameter", 400},
		{"no image", func(r *request) { r.ImageID = "" }, "MissingParameter", 400},
		{"no type", func(r *request) { r.InstanceType = "" }, "MissingParameter", 400},
		{"token", func(r *request) { r.ClientToken = "é" }, "InvalidClientToken.Malformed", 400},
		{"unknown image", func(r *request) { r.ImageID = "m-x" }, "InvalidImageId.NotFound", 404},
		{"not shared", func(r *request) { r.ImageID = theirs }, "InvalidImageId.NotFound", 404},
		{"empty family", func(r *request) { r.ImageID, r.ImageFamily = "", "none" }, "InvalidImageFamily.MissingAvailableImage", 403},
		{"broken image", func(r *request) { r.ImageID = broken }, "OperationDenied.ImageNotValid", 403},
		{"architecture", func(r *request) { r.ImageID = arm }, "InvalidParameter.Conflict", 400},
		{"boot mode", func(r *request) { r.InstanceType = "ecs.g9i.large" }, "ImageNotSupportInstanceType", 403},
		{"product", func(r *request) { r.ImageID = bought }, "ImageRemovedInMarket", 403},
		{"unknown type", func(r *request) { r.InstanceType = "ecs.x.large" }, "InvalidInstanceType.ValueNotSupported", 400},
		{"amount", func(r *request) { r.Amount = 101 }, "InvalidMaxAmount.Malformed", 400},
		{"name", func(r *request) { r.InstanceName = "1x" }, "InvalidInstanceName.Malformed", 400},
		{"host", func(r *request) { r.HostName = "-x" }, "InvalidHostName.Malformed", 400},
		{"zone", func(r *request) { r.ZoneID = "cn-hangzhou-z" }, "InvalidZoneId.NotFound", 404},
		{"charge", func(r *request) { r.ChargeType = "Free" }, "InvalidInstanceChargeType.NotFound", 404},
		{"no period", func(r *request) { r.ChargeType = "PrePaid" }, "MissingParamter", 400},
		{"period", func(r *request) { r.ChargeType, r.Period = "PrePaid", 10 }, "InvalidPeriod", 400},
		{"spot", func(r *request) { r.SpotStrategy = "Cheap" }, "InvalidSpotStrategy", 400},
		{"prepaid spot", func(r *request) { r.ChargeType, r.Period, r.SpotStrategy = "PrePaid", 1, "SpotAsPriceGo" }, "InvalidSpotPrepaid", 400},
		{"switch", func(r *request) { r.VSwitch = "x" }, "InvalidVSwitchId.NotFound", 404},
		{"group", func(r *request) { r.SecurityGroups = []string{"x"} }, "InvalidSecurityGroupId.NotFound", 404},
		{"tags", func(r *request) { r.Tags = make([]cloudsim.Tag, 21) }, "InvalidTagCount", 400},
		{"system disk", func(r *request) { r.SystemDisk.Category = "tape" }, "InvalidSystemDiskCategory.ValueNotSupported", 400},
		{"tiny disk", func(r *request) { r.SystemDisk.SizeGiB = 10 }, "InvalidSystemDiskSize.LessThanMinSize", 404},
		{"small disk", func(r *request) { r.SystemDisk.SizeGiB = 40 }, "InvalidSystemDiskSize.LessThanImageSize", 404},
		{"huge disk", func(r *request) { r.SystemDisk.SizeGiB = 4096 }, "InvalidSystemDiskSize.ValueNotSupported", 400},
		{"many disks", func(r *request) { r.DataDisks = make([]cloudsim.NewDisk, 17) }, "InstanceDiskNumLimitExceed", 403},
		{"data disk", disk(cloudsim.NewDisk{Category: "tape", SizeGiB: 20}), "InvalidDataDiskCategory.ValueNotSupported", 400},
		{"data size", disk(cloudsim.NewDisk{SizeGiB: 1}), "InvalidDataDiskSize.ValueNotSupported", 400},
		{"snapshot", disk(cloudsim.NewDisk{SnapshotID: "s-x"}), "InvalidDataDiskSnapshotId.NotFound", 404},
		{"system snapshot", disk(cloudsim.NewDisk{SnapshotID: system}), "InvalidSnapshotId.NotDataDiskSnapshot", 403},
		{"small data disk", disk(cloudsim.NewDisk{SnapshotID: data, SizeGiB: 40}), "InvalidDiskSize.TooSmall", 403},
		{"key pair", func(r *request) { r.ImageID, r.KeyPair = windows, "kp" }, "DependencyViolation.WindowsInstance", 403},
		{"template", func(r *request) { r.TemplateID = "lt-x" }, "InvalidLaunchTemplate.NotFound", 404},
		{"dry run", func(r *request) { r.DryRun = true }, "DryRunOperation", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request{RegionID: hangzhou, ImageID: img, InstanceType: "ecs.g7.large"}
			c.change(&req)
			_, err := w.s.RunInstances(req)
			expect(t, err, c.code, c.status)
		})
	}
	if page, err := w.s.DescribeInstances(cloudsim.DescribeInstancesRequest{RegionID: hangzhou}); err != nil || len(page.Instances) != 0 {
		t.Errorf("refused calls left %d instances, %v", len(page.Instances), err)
	}
}

func TestRunInstancesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	req := cloudsim.RunInstancesRequest{RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), InstanceType: "ecs.g7.large", Amount: 2, ClientToken: "once"}
	first, err1 := w.s.RunInstances(req)
	again, err2 := w.s.RunInstances(req)
	if err1 != nil || err2 != nil || !slices.Equal(first, again) || len(first) != 2 {
		t.Errorf("%v, %v; %v, %v", first, err1, again, err2)
	}
	req.Amount = 1
	_, err := w.s.RunInstances(req)
	expect(t, err, "IdempotentParameterMismatch", 400)
}

func TestDeleteInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	ids, err := w.s.RunInstances(cloudsim.RunInstancesRequest{
		RegionID: hangzhou, ImageID: img, InstanceType: "ecs.g7.large", Amount: 2,
		DataDisks: []cloudsim.NewDisk{{SizeGiB: 20}, {SizeGiB: 30, KeptWithInstance: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	one1 := cloudsim.DeleteInstancesRequest{RegionID: hangzhou, InstanceIDs: ids[:1], Force: true}
	expect(t, w.s.DeleteInstances(one1), "IncorrectInstanceStatus.Initializing", 403)
	w.clock.Advance(time.Minute)
	one1.Force = false
	expect(t, w.s.DeleteInstance(one1), "IncorrectInstanceStatus", 403)
	snapshot, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: w.disks(ids[0])[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	one1.Force, one1.DryRun = true, true
	expect(t, w.s.DeleteInstance(one1), "DryRunOperation", 400)
	one1.DryRun = false
	expect(t, w.s.DeleteInstance(one1), "", 0)
	page, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou, Status: "Available"})
	if err != nil || len(page.Disks) != 1 || page.Disks[0].SizeGiB != 30 || page.Disks[0].Instance != "" {
		t.Errorf("disks left %+v, %v", page.Disks, err)
	}
	snapshots, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: hangzhou, SnapshotIDs: []image.SnapshotID{snapshot}})
	if err != nil || len(snapshots.Snapshots) != 1 || snapshots.Snapshots[0].SourceDisk == "" {
		t.Errorf("snapshot %+v, %v", snapshots.Snapshots, err)
	}
	expect(t, w.s.DeleteInstances(cloudsim.DeleteInstancesRequest{RegionID: hangzhou, InstanceIDs: ids[:1]}), "InvalidInstanceId.NotFound", 404)
	rest := cloudsim.DeleteInstancesRequest{RegionID: hangzhou, InstanceIDs: ids[1:], Force: true, ClientToken: "gone"}
	for range 2 {
		expect(t, w.s.DeleteInstances(rest), "", 0)
	}
	rest.Force = false
	expect(t, w.s.DeleteInstances(rest), "IdempotentParameterMismatch", 400)
	if row, _ := w.row(hangzhou, img); row.Usage != image.UsageNone {
		t.Errorf("the image's usage is %s", row.Usage)
	}
}

func TestDeleteInstancesRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	bought := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{ChargeType: "PrePaid", Status: image.InstanceStopped}})
	locked := w.stopped("")
	kept := w.cloud.AddDisk(one, hangzhou, image.Disk{Instance: locked})
	w.cloud.LockInstance(hangzhou, locked, "security")
	ids := func(list ...image.InstanceID) cloudsim.DeleteInstancesRequest {
		return cloudsim.DeleteInstancesRequest{RegionID: hangzhou, InstanceIDs: list}
	}
	expect(t, w.s.DeleteInstances(ids()), "MissingParameter", 400)
	expect(t, w.s.DeleteInstance(ids()), "MissingParameter", 400)
	expect(t, w.s.DeleteInstance(ids("i-x")), "InvalidInstanceId.NotFound", 404)
	expect(t, w.s.DeleteInstances(ids(make([]image.InstanceID, 101)...)), "InvalidParameter.TooManyInstanceIds", 403)
	expect(t, w.s.DeleteInstances(ids(bought)), "ChargeTypeViolation", 403)
	w.clock.Advance(370 * 24 * time.Hour)
	expect(t, w.s.DeleteInstances(ids(bought)), "ChargeTypeViolation", 403)
	expired := ids(bought, locked)
	expired.TerminateSubscription = true
	expect(t, w.s.DeleteInstances(expired), "", 0)
	if page, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou}); err != nil || len(page.Disks) != 0 {
		t.Errorf("disks left (%s): %+v, %v", kept, page.Disks, err)
	}
}

func TestRunInstancesNamesAndTerms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	data := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDiskSizeGiB: 80})
	for _, c := range []struct {
		req         cloudsim.RunInstancesRequest
		names       []string
		host        string
		expiresDays int
	}{
		{req: cloudsim.RunInstancesRequest{Amount: 2, InstanceName: "web", UniqueSuffix: true, HostName: "web.local-1"}, names: []string{"web001", "web002"}, host: "web.local-1001"},
		{req: cloudsim.RunInstancesRequest{Amount: 2, InstanceName: "web"}, names: []string{"web", "web"}},
		{req: cloudsim.RunInstancesRequest{InstanceName: "web[x]"}, names: []string{"web[x]"}},
		{req: cloudsim.RunInstancesRequest{InstanceName: "one", ChargeType: "PrePaid", Period: 2, PeriodUnit: "Week"}, names: []string{"one"}, expiresDays: 14},
		{req: cloudsim.RunInstancesRequest{InstanceName: "one", ChargeType: "PrePaid", Period: 12}, names: []string{"one"}, expiresDays: 365},
	} {
		c.req.RegionID, c.req.ImageID, c.req.InstanceType = hangzhou, img, "ecs.g7.large"
		c.req.DataDisks = []cloudsim.NewDisk{{SnapshotID: data}}
		ids, err := w.s.RunInstances(c.req)
		if err != nil || len(ids) != len(c.names) {
			t.Fatalf("%+v: %v, %v", c.req, ids, err)
		}
		for i, id := range ids {
			if row := w.instance(id); row.Name != c.names[i] || i == 0 && c.host != "" && row.HostName != c.host {
				t.Errorf("named %q, %q; want %q, %q", row.Name, row.HostName, c.names[i], c.host)
			}
		}
		row := w.instance(ids[0])
		if got := int(row.ExpiredAt.Sub(row.CreatedAt).Hours() / 24); !row.ExpiredAt.IsZero() && got != c.expiresDays || row.ExpiredAt.IsZero() != (c.expiresDays == 0) {
			t.Errorf("%s expires after %d days, want %d", row.Name, got, c.expiresDays)
		}
		if disk := w.disks(ids[0])[1]; disk.SizeGiB != 80 || disk.SourceSnapshot != data {
			t.Errorf("data disk %+v", disk)
		}
	}
	expect(t, w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: data}), "SnapshotCreatedDisk", 403)
}
