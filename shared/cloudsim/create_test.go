package cloudsim_test

import (
	"fmt"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestCreateImageFromInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	base := w.add(cloudsim.ImageSpec{Image: image.Image{Platform: "Debian", ProductCode: "cmjj1", NVMe: "supported", SizeGiB: 60}})
	instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: base}, DataDisks: []int{100}})
	id, err := w.s.CreateImage(cloudsim.CreateImageRequest{
		RegionID: hangzhou, InstanceID: instance, ImageName: "web-1", ImageFamily: "web", Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	row, ok := w.row(hangzhou, id)
	if !ok || row.Status != image.StatusCreating || row.Usable != image.No || row.Progress != 0 {
		t.Fatalf("at once: %v %+v", ok, row)
	}
	w.clock.Advance(10 * time.Second)
	if row, _ = w.row(hangzhou, id); row.Progress != 50 || row.RemainSeconds != 10 {
		t.Errorf("half way: %d %%, %d s", row.Progress, row.RemainSeconds)
	}
	snap, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: hangzhou, SnapshotIDs: []image.SnapshotID{row.Disks[0].SnapshotID}})
	if err != nil || len(snap.Snapshots) != 1 {
		t.Fatalf("its snapshot: %+v, %v", snap.Snapshots, err)
	}
	if s := snap.Snapshots[0]; s.Status != "progressing" || s.Usage != "image" || s.ProductCode != "cmjj1" || s.Progress != 50 {
		t.Errorf("its snapshot: %+v", s)
	}
	w.clock.Advance(10 * time.Second)
	row, _ = w.row(hangzhou, id)
	if row.Status != image.StatusAvailable || row.Progress != 100 || len(row.Disks) != 2 || row.Disks[1].Device != "/dev/xvdb" || row.Tags["env"] != "prod" {
		t.Errorf("made: %+v", row)
	}
	expectHeir(w, row, base)
}

// expectHeir asserts what an image has from the one it was made from.
func expectHeir(w *world, row cloudsim.ImageRow, base image.ID) {
	w.Helper()
	if row.Platform != "Debian" || row.ProductCode != "cmjj1" || row.NVMe != "supported" || row.SizeGiB != 60 {
		w.Errorf("inherited: %+v", row)
	}
	if parent, ok := w.cloud.Parent(row.Ref); !ok || parent.ID != base || parent.Account != one {
		w.Errorf("parent %v, %v", parent, ok)
	}
}

func TestFailedImagesStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.FailNext(one, 1)
	instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	id, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: instance})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	row, ok := w.row(hangzhou, id)
	if !ok || row.Status != image.StatusCreateFailed || row.Progress == 100 || row.Name != string(id) {
		t.Errorf("%v %+v", ok, row)
	}
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: id}), "", 0)
	if _, ok := w.row(hangzhou, id); ok {
		t.Error("it is still there")
	}
}

func TestClientTokens(t *testing.T) {
	t.Parallel()
	for conflict, want := range map[bool]struct {
		code   string
		status int
	}{false: {"IdempotenceParamNotMatch", 400}, true: {"InvalidParamter.Conflict", 403}} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{TokenConflict403: conflict}})
		instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
		req := cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: instance, ImageName: "web-1", ClientToken: "token"}
		first, err := w.s.CreateImage(req)
		again, err2 := w.s.CreateImage(req)
		if err != nil || err2 != nil || first != again || len(w.list(w.s, hangzhou)) != 1 {
			t.Fatalf("%s, %v; again %s, %v", first, err, again, err2)
		}
		req.ImageName = "web-2"
		_, err = w.s.CreateImage(req)
		expect(t, err, want.code, want.status)
		w.clock.Advance(25 * time.Hour)
		if later, err := w.s.CreateImage(req); err != nil || later == first {
			t.Errorf("after the token's life: %s, %v", later, err)
		}
	}
	w := newWorld(t, cloudsim.Options{})
	req := cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{}), DestinationRegionID: shanghai, ClientToken: "t"}
	first, err := w.s.CopyImage(req)
	again, err2 := w.s.CopyImage(req)
	if err != nil || err2 != nil || first != again {
		t.Errorf("%s, %v; again %s, %v", first, err, again, err2)
	}
	req.Name = "other"
	_, err = w.s.CopyImage(req)
	expect(t, err, "IdempotentParameterMismatch", 400)
	_, err = w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: hangzhou, ImageID: "m-1", ClientToken: "Größe"})
	expect(t, err, "InvalidClientToken.Malformed", 400)
}

// createCase is one request that CreateImage refuses, or takes.
type createCase struct {
	name   string
	change func(*cloudsim.CreateImageRequest)
	code   string
	status int
}

func TestCreateImageRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	running := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	starting := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Status: image.InstanceStarting}})
	locked := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	w.cloud.LockInstance(hangzhou, locked, "security")
	theirs := w.cloud.AddInstance(two, hangzhou, cloudsim.InstanceSpec{})
	w.add(cloudsim.ImageSpec{Image: image.Image{Name: "taken"}})
	type request = cloudsim.CreateImageRequest
	for _, c := range []createCase{
		{"nothing to make it of", func(r *request) { r.InstanceID = "" }, "MissingParameter", 400},
		{"no region", func(r *request) { r.RegionID = "" }, "MissingParameter", 400},
		{"unknown region", func(r *request) { r.RegionID = "cn-x" }, "InvalidRegionId.NotFound", 404},
		{"unknown instance", func(r *request) { r.InstanceID = "i-x" }, "InvalidInstanceId.NotFound", 404},
		{"another's instance", func(r *request) { r.InstanceID = theirs }, "InvalidInstanceId.NotFound", 404},
		{"starting instance", func(r *request) { r.InstanceID = starting }, "IncorrectInstanceStatus", 400},
		{"locked instance", func(r *request) { r.InstanceID = locked }, "InstanceLockedForSecurity", 400},
		{"name taken", func(r *request) { r.ImageName = "taken" }, "InvalidImageName.Duplicated", 400},
		{"name too short", func(r *request) { r.ImageName = "a" }, "InvalidImageName.Malformed", 400},
		{"name with a digit first", func(r *request) { r.ImageName = "1ab" }, "InvalidImageName.Malformed", 400},
		{"name of the vendor's", func(r *request) { r.ImageName = "aliyun-x" }, "InvalidImageName.Malformed", 400},
		{"Chinese name", func(r *request) { r.ImageName = "镜像.1:a_b-c" }, "DryRunOperation", 400},
		{"description", func(r *request) { r.Description = "http://x" }, "InvalidDescription.Malformed", 400},
		{"family", func(r *request) { r.ImageFamily = "a b" }, "InvalidImageFamily.Malformed", 400},
		{"architecture", func(r *request) { r.Architecture = "mips" }, "InvalidArchitecture.Malformed", 400},
		{"boot mode", func(r *request) { r.BootMode = "DOS" }, "InvalidBootMode.NotSupport", 400},
		{"arm64 and BIOS", func(r *request) { r.Architecture, r.BootMode = "arm64", "BIOS" }, "InvalidBootMode.NotSupport", 400},
		{"metadata version", func(r *request) { r.IMDS = "v3" }, "InvalidParameter.FeaturesImdsSupport", 400},
		{"detection", func(r *request) { r.Detection = "Deep" }, "InvalidParameter", 400},
		{"token", func(r *request) { r.ClientToken = fmt.Sprintf("%065d", 0) }, "InvalidClientToken.Malformed", 400},
		{"tags", func(r *request) { r.Tags = make([]cloudsim.Tag, 21) }, "QuotaExceed.Tags", 403},
		{"tag key", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "acs:x"}} }, "InvalidTagKey.Malformed", 400},
		{"tag value", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "x", Value: "https://x"}} }, "InvalidTagValue.Malformed", 400},
		{"tag twice", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "x"}, {Key: "x"}} }, "Duplicate.TagKey", 400},
		{"dry run", func(*request) {}, "DryRunOperation", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := request{RegionID: hangzhou, InstanceID: running, DryRun: true}
			c.change(&req)
			_, err := w.s.CreateImage(req)
			expect(t, err, c.code, c.status)
		})
	}
}

func TestCreateImageFromSnapshots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	add := func(s image.Snapshot) image.SnapshotID { return w.cloud.AddSnapshot(one, hangzhou, s) }
	system := add(image.Snapshot{SourceSystemDisk: true, SourceDiskSizeGiB: 40})
	other := add(image.Snapshot{SourceSystemDisk: true})
	data := add(image.Snapshot{SourceDiskSizeGiB: 100})
	unready := add(image.Snapshot{SourceSystemDisk: true, Status: "progressing"})
	old := add(image.Snapshot{SourceSystemDisk: true, CreatedAt: time.Date(2013, 7, 1, 0, 0, 0, 0, time.UTC)})
	disks := func(list ...cloudsim.DiskInput) func(*cloudsim.CreateImageRequest) {
		return func(r *cloudsim.CreateImageRequest) { r.Disks = list }
	}
	disk := func(id image.SnapshotID, device string, size int) cloudsim.DiskInput {
		return cloudsim.DiskInput{SnapshotID: id, Device: device, SizeGiB: size}
	}
	for _, c := range []createCase{
		{"system snapshot", func(r *cloudsim.CreateImageRequest) { r.SnapshotID = system }, "DryRunOperation", 400},
		{"data snapshot", func(r *cloudsim.CreateImageRequest) { r.SnapshotID = data }, "OperationDenied", 403},
		{"unready", func(r *cloudsim.CreateImageRequest) { r.SnapshotID = unready }, "InvalidSnapshotId.NotReady", 403},
		{"too old", func(r *cloudsim.CreateImageRequest) { r.SnapshotID = old }, "InvalidSnapshot.TooOld", 403},
		{"unknown", func(r *cloudsim.CreateImageRequest) { r.SnapshotID = "s-x" }, "InvalidSnapshotId.NotFound", 404},
		{"platform", func(r *cloudsim.CreateImageRequest) { r.SnapshotID, r.Platform = system, "BeOS" }, "InvalidPlatform.Malformed", 400},
		{"system and data", disks(disk(data, "/dev/xvdb", 0), disk(system, "", 50)), "DryRunOperation", 400},
		{"no system disk", disks(disk(data, "", 0)), "OperationDenied", 400},
		{"two system disks", disks(disk(system, "", 0), disk(other, "", 0)), "OperationDenied", 400},
		{"device twice", disks(disk(system, "", 0), disk(data, "/dev/xvdb", 0), disk("", "/dev/xvdb", 20)), "InvalidDevice.InUse", 400},
		{"device", disks(disk(system, "", 0), disk(data, "/dev/sdb", 0)), "InvalidDevice.Malformed", 400},
		{"smaller than the snapshot", disks(disk(system, "", 39)), "InvalidSize.ValueNotSupported", 400},
		{"too large", disks(disk(system, "", 0), disk("", "", 40000)), "InvalidSize.ValueNotSupported", 400},
		{"type", disks(cloudsim.DiskInput{SnapshotID: system, Type: "tape"}), "InvalidDiskType.ValueNotSupported", 400},
		{"too many", disks(append(make([]cloudsim.DiskInput, 17), disk(system, "", 0))...), "InvalidParameter", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req := cloudsim.CreateImageRequest{RegionID: hangzhou, DryRun: true}
			c.change(&req)
			_, err := w.s.CreateImage(req)
			expect(t, err, c.code, c.status)
		})
	}
	id, err := w.s.CreateImage(cloudsim.CreateImageRequest{
		RegionID: hangzhou, Platform: "Windows Server 2022",
		Disks: []cloudsim.DiskInput{disk("", "", 0), disk(data, "/dev/xvdb", 0), disk(system, "", 50)},
	})
	row, _ := w.row(hangzhou, id)
	if err != nil || len(row.Disks) != 3 || !row.Disks[0].System || row.Disks[0].SizeGiB != 50 || row.SizeGiB != 50 ||
		row.Disks[2].Device != "/dev/xvdc" || row.OSType != image.Windows {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{Quotas: cloudsim.Quotas{Images: 4, Families: 2, FamilyImages: 2}})
	instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	create := func(family image.Family) (image.ID, error) {
		return w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, InstanceID: instance, ImageFamily: family})
	}
	for _, family := range []image.Family{"web", "web"} {
		_, err := create(family)
		expect(t, err, "", 0)
	}
	_, err := create("web")
	expect(t, err, "ImageQuotaExceed.ImageFamily", 400)
	plain, err := create("")
	expect(t, err, "", 0)
	_, err = create("api")
	expect(t, err, "", 0)
	_, err = create("")
	expect(t, err, "QuotaExceed.Image", 403)
	w.clock.Advance(time.Minute)
	modify := func(family image.Family) error {
		return w.s.ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{RegionID: hangzhou, ImageID: plain, ImageFamily: family})
	}
	expect(t, modify("web"), "ImageQuotaFull.ImageFamily", 400)
	expect(t, modify("third"), "ImageFamilyQuotaFull", 400)
	expect(t, modify("api"), "", 0)
	_, err = w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: shanghai, ImageID: w.cloud.AddImage(one, shanghai, cloudsim.ImageSpec{}), DestinationRegionID: hangzhou})
	expect(t, err, "QuotaExceed.Image", 403)
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: plain}), "", 0)
	_, err = create("api")
	expect(t, err, "", 0)
}
