package cloudsimtest

import (
	"fmt"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// fleetCases are about instances, disks and snapshots.
func fleetCases() map[string]func(*world) {
	return map[string]func(*world){
		"instances: pages and filters": instances,
		"an instance is read whole":    wholeInstance,
		"disks: pages and filters":     disks,
		"a disk is read whole":         wholeDisk,
		"snapshots: pages and filters": snapshots,
		"a snapshot is read whole":     wholeSnapshot,
	}
}

// count is how many rows the paging cases have: more than two pages.
const count = 250

func instances(w *world) {
	list := func(l image.InstanceListing) []image.InstanceID {
		w.Helper()
		got, err := w.subject.Instances(w.ctx(), region, l)
		if err != nil {
			w.Fatal(err)
		}
		return ids(got, instanceID)
	}
	expect(w, "none", list(image.InstanceListing{}), nil)
	img := w.add(image.Image{})[0]
	var all, stopped []image.InstanceID
	for i := range count {
		spec := image.Instance{Image: img}
		if i%50 == 0 {
			spec.Image, spec.Status = "m-gone", image.InstanceStopped
		}
		id := w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{Instance: spec})
		all = append(all, id)
		if i%50 == 0 {
			stopped = append(stopped, id)
		}
	}
	expect(w, "all", list(image.InstanceListing{}), all)
	expect(w, "by image", list(image.InstanceListing{Image: "m-gone"}), stopped)
	expect(w, "by status", list(image.InstanceListing{Status: image.InstanceStopped}), stopped)
	expect(w, "by id", list(image.InstanceListing{IDs: append([]image.InstanceID{"i-unknown"}, all[3:99]...)}), all[3:99])
	expect(w, "unknown id", list(image.InstanceListing{IDs: []image.InstanceID{"i-unknown"}}), nil)
	_, err := w.subject.Instances(w.ctx(), region, image.InstanceListing{IDs: all[:101]})
	expectKind(w, "more than a hundred ids", err, fault.Invalid)
}

func wholeInstance(w *world) {
	want := image.Instance{
		Region: region, Zone: "cn-hangzhou-j", ID: "i-bp1wholeinstance0001", Name: "web-01", Image: "m-1", Type: "ecs.g7.xlarge",
		Status: image.InstanceStopped, OSType: image.Linux, OSName: "Ubuntu  22.04 64 bit", VCPUs: 4, MemoryMiB: 16384,
		CreatedAt: time.Date(2026, 3, 1, 10, 11, 0, 0, time.UTC), ExpiresAt: time.Date(2027, 3, 1, 16, 0, 0, 0, time.UTC), ChargeType: "PrePaid", SpotStrategy: "NoSpot",
		StoppedMode: "KeepCharging", Locks: []string{"financial", "security"}, Tags: image.Tags{"env": "prod", "k": ""},
	}
	w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{Instance: want})
	want.Account = one
	got, err := w.subject.Instances(w.ctx(), region, image.InstanceListing{})
	if err != nil || len(got) != 1 {
		w.Fatalf("%d instances, %v", len(got), err)
	}
	same(w, "instance", got[0], want)
}

func disks(w *world) {
	list := func(l image.DiskListing) []image.DiskID {
		w.Helper()
		got, err := w.subject.Disks(w.ctx(), region, l)
		if err != nil {
			w.Fatal(err)
		}
		return ids(got, diskID)
	}
	expect(w, "none", list(image.DiskListing{}), nil)
	var all, system, restored []image.DiskID
	for i := range 2*count + 10 {
		d := image.Disk{System: i%100 == 0, Instance: image.InstanceID(fmt.Sprintf("i-%d", i/10))}
		if i%90 == 1 {
			d.SourceSnapshot = "s-source"
		}
		id := w.cloud.AddDisk(one, region, d)
		all = append(all, id)
		if d.System {
			system = append(system, id)
		}
		if d.SourceSnapshot != "" {
			restored = append(restored, id)
		}
	}
	expect(w, "all", list(image.DiskListing{}), all)
	expect(w, "system disks", list(image.DiskListing{System: image.Yes}), system)
	expect(w, "of an instance", list(image.DiskListing{Instance: "i-3"}), all[30:40])
	expect(w, "data disks of an instance", list(image.DiskListing{Instance: "i-0", System: image.No}), all[1:10])
	expect(w, "from a snapshot", list(image.DiskListing{Snapshot: "s-source"}), restored)
	expect(w, "by id", list(image.DiskListing{IDs: append([]image.DiskID{"d-unknown"}, all[:99]...)}), all[:99])
	_, err := w.subject.Disks(w.ctx(), region, image.DiskListing{IDs: all[:101]})
	expectKind(w, "more than a hundred ids", err, fault.Invalid)
}

func wholeDisk(w *world) {
	want := image.Disk{
		Region: region, Zone: "cn-hangzhou-k", ID: "d-bp1wholedisk00000001", Name: "data", System: true, SizeGiB: 333, Category: "cloud_auto",
		Status: "In_use", Image: "m-1", Instance: "i-1", SourceSnapshot: "s-1", ProductCode: "cmjj000001", Encrypted: image.Yes,
		CreatedAt: time.Date(2026, 1, 31, 0, 0, 1, 0, time.UTC), Tags: image.Tags{"env": "prod"},
	}
	w.cloud.AddDisk(one, region, want)
	want.Account = one
	got, err := w.subject.Disks(w.ctx(), region, image.DiskListing{})
	if err != nil || len(got) != 1 {
		w.Fatalf("%d disks, %v", len(got), err)
	}
	same(w, "disk", got[0], want)
}

func snapshots(w *world) {
	list := func(l image.SnapshotListing) []image.SnapshotID {
		w.Helper()
		got, err := w.subject.Snapshots(w.ctx(), region, l)
		if err != nil {
			w.Fatal(err)
		}
		return ids(got, snapshotID)
	}
	expect(w, "none", list(image.SnapshotListing{}), nil)
	instance := w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{})
	disk := w.cloud.AddDisk(one, region, image.Disk{Instance: instance})
	var all, failed []image.SnapshotID
	for i := range count {
		s := image.Snapshot{SourceDisk: "d-other", Status: "accomplished"}
		if i < 20 {
			s.SourceDisk = disk
		}
		if i%60 == 5 {
			s.Status = "failed"
		}
		id := w.cloud.AddSnapshot(one, region, s)
		all = append(all, id)
		if s.Status == "failed" {
			failed = append(failed, id)
		}
	}
	expect(w, "all", list(image.SnapshotListing{}), all)
	expect(w, "of a disk", list(image.SnapshotListing{Disk: disk}), all[:20])
	expect(w, "of an instance", list(image.SnapshotListing{Instance: instance}), all[:20])
	expect(w, "by status", list(image.SnapshotListing{Status: "failed"}), failed)
	expect(w, "by id", list(image.SnapshotListing{IDs: append([]image.SnapshotID{"s-unknown"}, all[5:104]...)}), all[5:104])
	_, err := w.subject.Snapshots(w.ctx(), region, image.SnapshotListing{IDs: all[:101]})
	expectKind(w, "more than a hundred ids", err, fault.Invalid)
}

func wholeSnapshot(w *world) {
	want := image.Snapshot{
		Region: region, ID: "s-bp1wholesnapshot0001", Name: "nightly", Status: "accomplished", SourceDisk: "d-1", SourceSystemDisk: true,
		SourceDiskSizeGiB: 60, SourceSnapshot: "s-9", SourceRegion: "cn-beijing", ProductCode: "cmjj000001", Usage: "none",
		Category: "archive", Encrypted: image.Yes, Key: image.ServiceKey, LinkID: "sl-1", FullSizeBytes: 5_000_000_001,
		CreatedAt: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC), Tags: image.Tags{"env": "prod"},
	}
	w.cloud.AddSnapshot(one, region, want)
	want.Account = one
	got, err := w.subject.Snapshots(w.ctx(), region, image.SnapshotListing{})
	if err != nil || len(got) != 1 {
		w.Fatalf("%d snapshots, %v", len(got), err)
	}
	same(w, "snapshot", got[0], want)
}
