package cloudsim_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// snapshot is one snapshot as it is listed.
func (w *world) snapshot(id image.SnapshotID) cloudsim.SnapshotRow {
	w.Helper()
	page, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: hangzhou, SnapshotIDs: []image.SnapshotID{id}})
	if err != nil {
		w.Fatal(err)
	}
	if len(page.Snapshots) == 0 {
		return cloudsim.SnapshotRow{}
	}
	return page.Snapshots[0]
}

func TestCreateSnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{Image: image.Image{ProductCode: "cmjj1"}})
	disk := w.disks(w.stopped(img))[0]
	req := cloudsim.CreateSnapshotRequest{
		DiskID: disk.ID, Name: "before-upgrade", Description: "by hand", RetentionDays: 30, Tags: []cloudsim.Tag{{Key: "env", Value: "prod"}}, ClientToken: "once",
	}
	id, err := w.s.CreateSnapshot(req)
	if err != nil {
		t.Fatal(err)
	}
	if s := w.snapshot(id); s.Status != "progressing" || s.Name != "before-upgrade" || s.SourceDisk != disk.ID || !s.SourceSystemDisk ||
		s.ProductCode != "cmjj1" || s.RetentionDays != 30 || s.Tags["env"] != "prod" || s.FullSizeBytes == 0 || s.Usage != "none" {
		t.Errorf("at once: %+v", s)
	}
	if again, err := w.s.CreateSnapshot(req); err != nil || again != id {
		t.Errorf("again: %s, %v", again, err)
	}
	req.Name = "another"
	_, err = w.s.CreateSnapshot(req)
	expect(t, err, "IdempotentParameterMismatch", 403)
	if s := w.snapshot(id); !s.Available {
		t.Errorf("a snapshot of an ESSD is usable at once: %+v", s)
	}
	_, err = w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, SnapshotID: id})
	expect(t, err, "InvalidSnapshotId.NotReady", 403)
	w.cloud.SetReadings(cloudsim.Readings{DeleteProgressingRefused: true})
	expect(t, w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: id}), "IncorrectDiskStatus.CreatingSnapshot", 400)
	w.cloud.SetReadings(cloudsim.Readings{})
	w.clock.Advance(20 * time.Second)
	if s := w.snapshot(id); s.Status != "accomplished" || s.Progress != 100 {
		t.Errorf("later: %+v", s)
	}
	made, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, SnapshotID: id})
	if err != nil {
		t.Fatal(err)
	}
	if parent, ok := w.cloud.Parent(image.Ref{Region: hangzhou, ID: made}); !ok || parent.ID != img {
		t.Errorf("made from %s, want %s", parent, img)
	}
}

// TestSnapshotsAtOnce: ten of an ESSD, one of an older disk; deleting one gives it up.
func TestSnapshotsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for category, most := range map[string]int{"cloud_essd": 10, "cloud_auto": 10, "cloud_ssd": 1} {
		disk := w.cloud.AddDisk(one, hangzhou, image.Disk{Category: category, Instance: w.stopped("")})
		want := map[bool]string{true: "IncorrectDiskStatus.CreatingSnapshot", false: "QuotaExceed.ConcurrentSnapshotQuota"}[most == 1]
		var last image.SnapshotID
		for range most {
			id, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: disk})
			if err != nil {
				t.Fatal(category, err)
			}
			last = id
		}
		_, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: disk})
		expect(t, err, want, 403)
		expect(t, w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: last}), "", 0)
		if _, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: disk}); err != nil {
			t.Errorf("%s: after one was given up: %v", category, err)
		}
	}
}

func TestCreateSnapshotRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	disk := w.disks(w.stopped(""))[0].ID
	locked, moving := w.stopped(""), w.stopped("")
	w.cloud.LockInstance(hangzhou, locked, "security")
	w.cloud.SetInstanceStatus(hangzhou, moving, image.InstanceStarting)
	never := w.cloud.AddDisk(one, hangzhou, image.Disk{})
	full := w.disks(w.stopped(""))[0].ID
	for range 2000 {
		w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: full})
	}
	type request = cloudsim.CreateSnapshotRequest
	of := func(id image.DiskID) func(*request) { return func(r *request) { r.DiskID = id } }
	for _, c := range []struct {
		name   string
		change func(*request)
		code   string
		status int
	}{
		{"no disk", of(""), "MissingParameter", 400},
		{"unknown disk", of("d-x"), "InvalidDiskId.NotFound", 404},
		{"another's", of(w.cloud.AddDisk(two, hangzhou, image.Disk{})), "InvalidDiskId.NotFound", 404},
		{"locked", of(w.disks(locked)[0].ID), "InstanceLockedForSecurity", 403},
		{"starting", of(w.disks(moving)[0].ID), "IncorrectInstanceStatus", 400},
		{"never attached", of(never), "IncorrectDiskStatus.NeverAttached", 403},
		{"too many", of(full), "QuotaExceed.Snapshot", 403},
		{"name", func(r *request) { r.Name = "automatic" }, "InvalidSnapshotName.Malformed", 400},
		{"description", func(r *request) { r.Description = "http://x" }, "InvalidDescription.Malformed", 404},
		{"retention", func(r *request) { r.RetentionDays = 65537 }, "InvalidRetentionDays.Malformed", 400},
		{"category", func(r *request) { r.Category = "stone" }, "InvalidSnapshotCategory.Malformed", 403},
		{"category and access", func(r *request) { r.Category, r.InstantAccess = "standard", true }, "InvalidCategoryAndInstantAccess.Malformed", 403},
		{"token", func(r *request) { r.ClientToken = "é" }, "InvalidClientToken.Malformed", 403},
		{"tags", func(r *request) { r.Tags = make([]cloudsim.Tag, 21) }, "QuotaExceed.Tags", 403},
		{"tag", func(r *request) { r.Tags = []cloudsim.Tag{{Key: "acs:x"}} }, "InvalidTagKey.Malformed", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request{DiskID: disk}
			c.change(&req)
			_, err := w.s.CreateSnapshot(req)
			expect(t, err, c.code, c.status)
		})
	}
}

func TestDeleteSnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	img := w.add(cloudsim.ImageSpec{})
	row, _ := w.row(hangzhou, img)
	inImage := row.Disks[0].SnapshotID
	inDisk := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{})
	w.cloud.AddDisk(one, hangzhou, image.Disk{SourceSnapshot: inDisk})
	free := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{})
	theirs := w.cloud.AddSnapshot(two, hangzhou, image.Snapshot{})
	remove := func(id image.SnapshotID, force bool) error {
		return w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: id, Force: force})
	}
	expect(t, remove("", false), "MissingParameter", 400)
	expect(t, remove(inImage, false), "SnapshotCreatedImage", 403)
	expect(t, remove(inImage, true), "SnapshotCreatedImage", 403)
	expect(t, remove(inDisk, false), "SnapshotCreatedDisk", 403)
	expect(t, remove(inDisk, true), "", 0)
	expect(t, remove(theirs, true), "InvalidSnapshotId.NotFound", 404)
	expect(t, remove(free, false), "", 0)
	expect(t, remove(free, false), "", 0)
	w.cloud.SetReadings(cloudsim.Readings{DeleteMissingRefused: true})
	expect(t, remove(free, false), "InvalidSnapshotId.NotFound", 404)
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: img}), "", 0)
	if s := w.snapshot(inImage); s.ID == "" || s.Usage != "none" {
		t.Errorf("after its image is gone: %+v", s)
	}
	w.cloud.SetReadings(cloudsim.Readings{SnapshotsFreedLate: true})
	expect(t, remove(inImage, false), "SnapshotCreatedImage", 403)
	w.clock.Advance(30 * time.Second)
	expect(t, remove(inImage, false), "", 0)
}

// TestChainsHoldTheirSnapshots: a chain never occupies less than the full size
// of one of its snapshots, nor more than all of them, and shrinks when one goes.
func TestChainsHoldTheirSnapshots(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, cloudsim.Options{})
		var sum, most int64
		var ids []image.SnapshotID
		for i, full := range rapid.SliceOfN(rapid.Int64Range(1000, 1<<40), 1, 8).Draw(r, "sizes") {
			ids = append(ids, w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{
				SourceDisk: "d-1", FullSizeBytes: full, CreatedAt: cloudsim.Epoch().Add(time.Duration(i) * time.Hour),
			}))
			sum, most = sum+full, max(most, full)
		}
		w.clock.Advance(100 * time.Hour)
		chain := func() cloudsim.ChainsPage {
			page, err := w.s.DescribeSnapshotLinks(cloudsim.DescribeSnapshotLinksRequest{RegionID: hangzhou})
			if err != nil {
				r.Fatal(err)
			}
			return page
		}
		before := chain().Chains[0]
		if before.Count != len(ids) || before.TotalBytes < most || before.TotalBytes > sum {
			r.Fatalf("%d bytes; snapshots have up to %d, together %d", before.TotalBytes, most, sum)
		}
		if err := w.s.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{SnapshotID: rapid.SampledFrom(ids).Draw(r, "deleted")}); err != nil {
			r.Fatal(err)
		}
		after := chain()
		if len(ids) == 1 && after.Total != 0 || len(ids) > 1 && after.Chains[0].Count != len(ids)-1 {
			r.Fatalf("left %+v", after)
		}
	})
}

func TestSnapshotLinksAreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Name: "web"}})
	disk := w.disks(instance)[0].ID
	w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: disk, SourceSystemDisk: true})
	w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: "d-gone"})
	list := func(req cloudsim.DescribeSnapshotLinksRequest) []cloudsim.ChainRow {
		t.Helper()
		req.RegionID = hangzhou
		page, err := w.s.DescribeSnapshotLinks(req)
		if err != nil {
			t.Fatal(err)
		}
		return page.Chains
	}
	found := list(cloudsim.DescribeSnapshotLinksRequest{InstanceID: instance})
	if len(found) != 1 || found[0].SourceDisk != disk || found[0].InstanceName != "web" || !found[0].SourceSystemDisk {
		t.Errorf("of an instance: %+v", found)
	}
	if byID := list(cloudsim.DescribeSnapshotLinksRequest{LinkIDs: []string{found[0].ID}}); len(byID) != 1 || byID[0].ID != found[0].ID {
		t.Errorf("by id: %+v", byID)
	}
	if gone := list(cloudsim.DescribeSnapshotLinksRequest{DiskIDs: []image.DiskID{"d-gone"}}); len(gone) != 1 || gone[0].InstanceID != "" {
		t.Errorf("of a disk that is gone: %+v", gone)
	}
	if none := list(cloudsim.DescribeSnapshotLinksRequest{DiskIDs: []image.DiskID{}}); len(none) != 0 {
		t.Errorf("of no disks: %+v", none)
	}
	for _, c := range []struct {
		req    cloudsim.DescribeSnapshotLinksRequest
		code   string
		status int
	}{
		{cloudsim.DescribeSnapshotLinksRequest{}, "MissingParameter", 400},
		{cloudsim.DescribeSnapshotLinksRequest{RegionID: "cn-x"}, "InvalidRegionId", 400},
		{cloudsim.DescribeSnapshotLinksRequest{RegionID: hangzhou, DiskIDs: make([]image.DiskID, 101)}, "InvalidDiskIds", 400},
		{cloudsim.DescribeSnapshotLinksRequest{RegionID: hangzhou, LinkIDs: make([]string, 101)}, "InvalidSnapshotLinkIds", 400},
		{cloudsim.DescribeSnapshotLinksRequest{RegionID: hangzhou, Pages: cloudsim.Pages{Size: 101}}, "InvalidParameter", 400},
	} {
		_, err := w.s.DescribeSnapshotLinks(c.req)
		expect(t, err, c.code, c.status)
	}
	_, err := w.s.DescribeSnapshotsUsage("cn-x")
	expect(t, err, "InvalidParam.RegionId", 403)
	_, err = w.s.DescribeSnapshotsUsage("")
	expect(t, err, "MissingParameter", 400)
}

func TestCompressedChains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{FullSizeBytes: 1000})
	for compressed, want := range map[bool]int64{false: 1000, true: 700} {
		w.cloud.SetReadings(cloudsim.Readings{ChainsCompressed: compressed})
		if usage, err := w.s.DescribeSnapshotsUsage(hangzhou); err != nil || usage.Bytes != want || usage.Count != 1 {
			t.Errorf("%+v, %v; want %d bytes", usage, err, want)
		}
	}
}

func TestReleasedDisksLeaveTheirSnapshots(t *testing.T) {
	t.Parallel()
	for with, kept := range map[bool]bool{false: true, true: false} {
		w := newWorld(t, cloudsim.Options{})
		id := w.stopped(w.add(cloudsim.ImageSpec{}))
		disk := w.disks(id)[0]
		byHand := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: disk.ID})
		automatic := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: disk.ID, Name: "auto2.0_1"})
		if !w.cloud.DeleteAutoSnapshots(hangzhou, disk.ID, with) {
			t.Fatal("no such disk")
		}
		expect(t, w.s.DeleteInstance(cloudsim.DeleteInstancesRequest{InstanceIDs: []image.InstanceID{id}}), "", 0)
		if s := w.snapshot(byHand); s.SourceDisk != disk.ID {
			t.Errorf("the snapshot made by hand: %+v", s)
		}
		if s := w.snapshot(automatic); (s.ID != "") != kept {
			t.Errorf("automatic snapshots go with the disk %v: %+v", with, s)
		}
	}
}
