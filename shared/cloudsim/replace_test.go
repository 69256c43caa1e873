package cloudsim_test

import (
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func TestReplaceSystemDisk(t *testing.T) {
	t.Parallel()
	for starts, want := range map[bool]image.InstanceStatus{false: image.InstanceStopped, true: image.InstanceRunning} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{ReplaceStartsInstance: starts}})
		before, after := w.add(cloudsim.ImageSpec{}), w.add(cloudsim.ImageSpec{Image: image.Image{OSName: "Debian  12.11 64 bit", ProductCode: "", SizeGiB: 60}})
		id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{
			Instance: image.Instance{Image: before, Status: image.InstanceStopped}, DataDisks: []int{100},
		})
		old := w.disks(id)
		snapshot := w.cloud.AddSnapshot(one, hangzhou, image.Snapshot{SourceDisk: old[0].ID, SourceSystemDisk: true})
		disk, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: after, ClientToken: "once"})
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: after, ClientToken: "once"})
		if err != nil || again != disk {
			t.Errorf("again: %s, %v; want %s", again, err, disk)
		}
		_, err = w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: before, ClientToken: "once"})
		expect(t, err, "IdempotentParameterMismatch", 400)
		w.clock.Advance(time.Minute)
		now := w.disks(id)
		if len(now) != 2 || now[0].ID != disk || now[0].ID == old[0].ID || now[0].Image != after || now[0].SizeGiB != 60 || now[1].ID != old[1].ID ||
			now[0].Category != old[0].Category || now[0].ChargeType != old[0].ChargeType {
			t.Errorf("disks %+v", now)
		}
		if row := w.instance(id); row.Image != after || row.OSName != "Debian  12.11 64 bit" || row.Status != want {
			t.Errorf("instance %+v", row)
		}
		kept, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: hangzhou, SnapshotIDs: []image.SnapshotID{snapshot}})
		if err != nil || len(kept.Snapshots) != 1 || kept.Snapshots[0].SourceDisk != old[0].ID {
			t.Errorf("snapshot %+v, %v", kept.Snapshots, err)
		}
		used, _ := w.row(hangzhou, after)
		idle, _ := w.row(hangzhou, before)
		if used.Usage != image.UsageInstance || idle.Usage != image.UsageNone {
			t.Errorf("usage %s and %s", used.Usage, idle.Usage)
		}
	}
}

func TestReplaceSystemDiskSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		old, img, asked int
		category        string
		want            int
		code            string
		status          int
	}{
		{name: "default", old: 40, img: 20, want: 40},
		{name: "what the image needs", old: 40, img: 60, want: 60},
		{name: "not less than before", old: 100, img: 20, want: 100},
		{name: "as asked", old: 40, img: 20, asked: 200, want: 200},
		{name: "below the least", old: 40, img: 20, asked: 10, code: "InvalidSystemDiskSize.LessThanMinSize", status: 404},
		{name: "below the image", old: 40, img: 60, asked: 50, code: "InvalidSystemDiskSize.LessThanImageSize", status: 404},
		{name: "below the old one", old: 100, img: 20, asked: 50, code: "InvalidSystemDiskSize.ValueNotSupported", status: 400},
		{name: "above the most", old: 40, img: 20, asked: 2049, code: "InvalidSystemDiskSize.MoreThanMaxSize", status: 404},
		{name: "above the most of basic disks", old: 40, img: 20, asked: 501, category: "cloud", code: "InvalidSystemDiskSize.MoreThanMaxSize", status: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, cloudsim.Options{})
			img := w.add(cloudsim.ImageSpec{Image: image.Image{SizeGiB: c.img}})
			ids, err := w.s.RunInstances(cloudsim.RunInstancesRequest{
				RegionID: hangzhou, ImageID: w.add(cloudsim.ImageSpec{Image: image.Image{SizeGiB: 20}}), InstanceType: "ecs.g7.large",
				SystemDisk: cloudsim.NewDisk{SizeGiB: c.old, Category: c.category},
			})
			if err != nil {
				t.Fatal(err)
			}
			w.cloud.SetInstanceStatus(hangzhou, ids[0], image.InstanceStopped)
			_, err = w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: ids[0], ImageID: img, SizeGiB: c.asked})
			expect(t, err, c.code, c.status)
			if size := w.disks(ids[0])[0].SizeGiB; c.code == "" && size != c.want {
				t.Errorf("%d GiB, want %d", size, c.want)
			}
		})
	}
}

// replaceCases are what ReplaceSystemDisk refuses; each names the instance that
// it is asked for.
func replaceCases(w *world) map[string]struct {
	change func(*cloudsim.ReplaceSystemDiskRequest)
	code   string
	status int
} {
	type request = cloudsim.ReplaceSystemDiskRequest
	with := func(spec image.Image) func(*request) {
		id := w.add(cloudsim.ImageSpec{Image: spec})
		return func(r *request) { r.ImageID = id }
	}
	of := func(id image.InstanceID) func(*request) { return func(r *request) { r.InstanceID = id } }
	locked, poor, snapped := w.stopped(""), w.stopped(""), w.stopped("")
	w.cloud.LockInstance(hangzhou, locked, "security")
	w.cloud.LockInstance(hangzhou, poor, "financial")
	if _, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: w.disks(snapped)[0].ID}); err != nil {
		w.Fatal(err)
	}
	pending := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Status: image.InstancePending}})
	running := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{})
	theirs := w.cloud.AddInstance(two, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Status: image.InstanceStopped}})
	pro := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{
		Status: image.InstanceStopped, OSName: "Alibaba Cloud Linux  3 Pro 64 bit",
	}})
	encrypted := w.cloud.AddImage(two, hangzhou, cloudsim.ImageSpec{SharedWith: []image.AccountID{one}, KMSKey: "key-1", Image: image.Image{
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.Yes}},
	}})
	data := []image.DiskMapping{{System: true, SizeGiB: 40}, {SizeGiB: 100}}
	return map[string]struct {
		change func(*request)
		code   string
		status int
	}{
		"no instance":      {of(""), "MissingParameter", 400},
		"no image":         {func(r *request) { r.ImageID = "" }, "MissingParameter", 400},
		"unknown instance": {of("i-x"), "InvalidInstanceId.NotFound", 404},
		"another's":        {of(theirs), "InvalidInstanceId.NotFound", 404},
		"running":          {of(running), "IncorrectInstanceStatus", 403},
		"being created":    {of(pending), "OperationDenied.InstanceCreating", 403},
		"locked":           {of(locked), "InstanceLockedForSecurity", 403},
		"in arrears":       {of(poor), "InstanceExpiredOrInArrears", 403},
		"being snapped":    {of(snapped), "DiskCreatingSnapshot", 403},
		"of Linux Pro":     {of(pro), "OperationDenied.ImageNotValid", 403},
		"unknown image":    {func(r *request) { r.ImageID = "m-x" }, "InvalidImageId.NotFound", 404},
		"image broken":     {with(image.Image{Status: image.StatusUnavailable}), "OperationDenied.ImageNotValid", 403},
		"with data disks":  {with(image.Image{Disks: data}), "OperationDenied", 400},
		"architecture":     {with(image.Image{Architecture: image.ARM64}), "InvalidParameter.Conflict", 400},
		"not subscribed":   {with(image.Image{ProductCode: "cmjj-gone"}), "ImageRemovedInMarket", 403},
		"encrypted":        {func(r *request) { r.ImageID = encrypted }, "InvalidParameter.Conflict", 400},
		"key without":      {func(r *request) { r.KMSKeyID = "key-1" }, "InvalidParameter.Conflict", 400},
		"two passwords":    {func(r *request) { r.Password, r.PasswordInherit = "Secret-1", true }, "InvalidPasswordParam.Mismatch", 400},
		"weak password":    {func(r *request) { r.Password = "secret12" }, "InvalidPassword.Malformed", 400},
		"security":         {func(r *request) { r.Security = "Some" }, "InvalidParameter", 400},
		"token":            {func(r *request) { r.ClientToken = "é" }, "InvalidClientToken.Malformed", 400},
	}
}

func TestReplaceSystemDiskRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	fine := w.add(cloudsim.ImageSpec{})
	id := w.stopped(fine)
	for name, c := range replaceCases(w) {
		t.Run(name, func(t *testing.T) {
			req := cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: fine}
			c.change(&req)
			_, err := w.s.ReplaceSystemDisk(req)
			expect(t, err, c.code, c.status)
		})
	}
	if row := w.instance(id); row.Image != fine {
		t.Errorf("a refused call left %s", row.Image)
	}
	_, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: fine, Password: "Secret-1"})
	expect(t, err, "", 0)
}

// TestWindowsAndLinuxSwitchInTheMainlandOnly: elsewhere licences differ.
func TestWindowsAndLinuxSwitchInTheMainlandOnly(t *testing.T) {
	t.Parallel()
	for region, code := range map[image.RegionID]string{hangzhou: "", "cn-hongkong": "OperationDenied.ImageNotValid", "us-west-1": "OperationDenied.ImageNotValid"} {
		w := newWorld(t, cloudsim.Options{})
		linux := w.cloud.AddImage(one, region, cloudsim.ImageSpec{})
		windows := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: image.Image{OSType: image.Windows, Platform: "Windows Server 2022"}})
		id := w.cloud.AddInstance(one, region, cloudsim.InstanceSpec{Instance: image.Instance{Image: linux, Status: image.InstanceStopped}})
		_, err := w.s.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{InstanceID: id, ImageID: windows})
		expect(t, err, code, 403)
	}
}
