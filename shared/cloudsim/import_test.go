package cloudsim_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// rawDisk is a disk whose boot sector can be started.
func rawDisk() []byte {
	b := make([]byte, 1<<20)
	b[510], b[511] = 0x55, 0xaa
	copy(b[4096:], "a root file system")
	return b
}

// efiDisk is a disk that only UEFI can start.
func efiDisk() []byte {
	b := rawDisk()
	copy(b[512:], "EFI PART")
	binary.LittleEndian.PutUint64(b[512+72:], 2)
	binary.LittleEndian.PutUint32(b[512+80:], 4)
	binary.LittleEndian.PutUint32(b[512+84:], 128)
	copy(b[1024:], "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b")
	return b
}

// qcow2 is the smallest image of that format with a virtual size, changed by
// edit.
func qcow2(gib uint64, edit func(h []byte)) []byte {
	b := make([]byte, 256<<10)
	copy(b, "QFI\xfb")
	be := binary.BigEndian
	be.PutUint32(b[4:], 3)
	be.PutUint32(b[20:], 16)
	be.PutUint64(b[24:], gib<<30)
	be.PutUint32(b[36:], uint32(max(1, gib*2))) // one entry covers 512 MiB
	be.PutUint64(b[40:], 0x30000)
	be.PutUint64(b[48:], 0x10000)
	be.PutUint32(b[56:], 1)
	be.PutUint32(b[96:], 4)
	be.PutUint32(b[100:], 104)
	edit(b)
	return b
}

func unchanged([]byte) {}

// vhd is a dynamic or fixed image of that format; entries and block are those of
// its table.
func vhd(kind uint32, size uint64, entries, block uint32) []byte {
	be := binary.BigEndian
	foot := make([]byte, 512)
	copy(foot, "conectix")
	be.PutUint64(foot[48:], size)
	be.PutUint32(foot[60:], kind)
	be.PutUint64(foot[16:], 512)
	sum := uint32(0)
	for _, c := range foot {
		sum += uint32(c)
	}
	be.PutUint32(foot[64:], ^sum)
	if kind == 2 {
		return append(make([]byte, size), foot...)
	}
	header := make([]byte, 1024)
	copy(header, "cxsparse")
	be.PutUint32(header[28:], entries)
	be.PutUint32(header[32:], block)
	return append(append(bytes.Clone(foot), header...), foot...)
}

const uploads = "company-uploads"

// upload puts a file where imports can read it.
func (w *world) upload(key string, content []byte) {
	w.Helper()
	if err := w.s.PutBucket(uploads, hangzhou); err != nil {
		w.Fatal(err)
	}
	if _, err := w.s.PutObject(cloudsim.PutObjectRequest{Bucket: uploads, Key: key, Content: cloudsim.ContentOf(content)}); err != nil {
		w.Fatal(err)
	}
}

func fromObject(key, format string) cloudsim.ImportImageRequest {
	return cloudsim.ImportImageRequest{RegionID: hangzhou, ImageName: "imported", Disks: []cloudsim.ImportDisk{{Bucket: uploads, Object: key, Format: format}}}
}

func (w *world) task(id string) cloudsim.TaskDetail {
	w.Helper()
	detail, err := w.s.DescribeTaskAttribute(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: id})
	if err != nil {
		w.Fatal(err)
	}
	return detail
}

func (w *world) snapshots() map[image.SnapshotID]string {
	w.Helper()
	page, err := w.s.DescribeSnapshots(cloudsim.DescribeSnapshotsRequest{RegionID: hangzhou})
	if err != nil {
		w.Fatal(err)
	}
	status := map[image.SnapshotID]string{}
	for _, s := range page.Snapshots {
		status[s.ID] = s.Status
	}
	return status
}

// An import: the image, its snapshot and its task are there at once, and end
// when they say; only then can the image be deleted.
func TestImportImage(t *testing.T) {
	t.Parallel()
	for taskFirst, early := range map[bool]string{false: "Available Processing", true: "Creating Finished"} {
		w := newWorld(t, cloudsim.Options{ImportTime: 40 * time.Minute, Readings: cloudsim.Readings{TaskEndsFirst: taskFirst}})
		w.upload("web.qcow2", qcow2(3, unchanged))
		req := fromObject("web.qcow2", "qcow2")
		req.Platform, req.BootMode, req.NVMe, req.Tags, req.ClientToken = "Ubuntu", "UEFI", "supported", []cloudsim.Tag{{Key: "k", Value: "v"}}, "once"
		made, err := w.s.ImportImage(req)
		again, err2 := w.s.ImportImage(req)
		if err != nil || err2 != nil || again != made {
			t.Fatal(made, again, err, err2)
		}
		row, _ := w.row(hangzhou, made.ImageID)
		disk := row.Disks[0]
		if row.Status != image.StatusCreating || row.SizeGiB != 3 || disk.Format != "QCOW2" || disk.ImportObject != "web.qcow2" ||
			row.Tags["k"] != "v" || row.BootMode != image.UEFI || row.NVMe != "supported" || w.snapshots()[disk.SnapshotID] != "failed" {
			t.Errorf("at once: %+v, snapshot %s", row, w.snapshots()[disk.SnapshotID])
		}
		if detail := w.task(made.TaskID); detail.Status != "Processing" || !detail.CanCancel || detail.Percent != 0 || detail.Resource != string(made.ImageID) {
			t.Errorf("task at once: %+v", detail)
		}
		remove := cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: made.ImageID}
		expect(t, w.s.DeleteImage(remove), "ImageIsImporting", 403)
		step := 40 * time.Minute
		if taskFirst {
			step = 39*time.Minute + 30*time.Second
		}
		w.clock.Advance(step)
		row, _ = w.row(hangzhou, made.ImageID)
		if got := string(row.Status) + " " + w.task(made.TaskID).Status; got != early {
			t.Errorf("between the ends: %s, want %s", got, early)
		}
		w.clock.Advance(2 * time.Minute)
		row, _ = w.row(hangzhou, made.ImageID)
		detail := w.task(made.TaskID)
		if row.Status != image.StatusAvailable || detail.Status != "Finished" || detail.Success != 1 || detail.Percent != 100 || w.snapshots()[disk.SnapshotID] != "accomplished" {
			t.Errorf("in the end: %s, %+v", row.Status, detail)
		}
		expect(t, w.s.CancelTask(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: made.TaskID}), "InvalidTaskId.IncorrectTaskStatus", 403)
		expect(t, w.s.DeleteImage(remove), "", 0)
	}
}

// The bytes of the object decide what comes of an import.
func TestImportsGoByTheBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		format  string
		// code refuses at once; else fails says whether it fails in the end.
		code    string
		fails   bool
		format2 string // as it is shown
	}{
		"raw":                            {content: rawDisk(), format: "RAW", format2: "RAW"},
		"raw whose guest wrote a header": {content: qcow2(1, unchanged), format: "RAW", format2: "RAW"},
		"guessed by its first bytes":     {content: qcow2(1, unchanged), format2: "QCOW2"},
		"raw of an odd length":           {content: append(rawDisk(), 1), format: "RAW", fails: true},
		"not what it is said to be":      {content: rawDisk(), format: "QCOW2", code: "InvalidImageFormat.Malformed"},
		"a backing file":                 {content: qcow2(1, func(h []byte) { h[15] = 1 }), format: "QCOW2", fails: true},
		"encrypted":                      {content: qcow2(1, func(h []byte) { h[35] = 2 }), format: "QCOW2", fails: true},
		"data elsewhere":                 {content: qcow2(1, func(h []byte) { h[79] = 4 }), format: "QCOW2", fails: true},
		"features that nobody knows":     {content: qcow2(1, func(h []byte) { h[72] = 1 }), format: "QCOW2", fails: true},
		"cut off":                        {content: qcow2(1, unchanged)[:0x20000], format: "QCOW2", fails: true},
		"vhd, fixed":                     {content: vhd(2, 1<<20, 0, 0), format: "VHD", format2: "VHD"},
		"vhd, dynamic":                   {content: vhd(3, 1<<30, 512, 2<<20), format: "VHD", format2: "VHD"},
		"vhd, a difference":              {content: vhd(4, 1<<30, 512, 2<<20), format: "VHD", fails: true},
		"vhd with too few entries":       {content: vhd(3, 1<<30, 511, 2<<20), format: "VHD", code: "InvalidVHDImage.IncorrectSize"},
		"vhd with odd blocks":            {content: vhd(3, 1<<30, 512, 3<<20), format: "VHD", code: "InvalidBlockSize.NotSupport"},
		"vhd with a wrong sum":           {content: append(make([]byte, 1<<20), append([]byte("conectix"), make([]byte, 504)...)...), format: "VHD", code: "InvalidImageFormat.Malformed"},
		"empty":                          {format: "RAW", code: "InvalidOSSObject.Size"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			w.upload("disk", c.content)
			made, err := w.s.ImportImage(fromObject("disk", c.format))
			if c.code != "" {
				expect(t, err, c.code, map[bool]int{true: 400, false: 403}[c.code == "InvalidOSSObject.Size"])
				return
			}
			expect(t, err, "", 0)
			w.clock.Advance(time.Hour)
			row, _ := w.row(hangzhou, made.ImageID)
			detail := w.task(made.TaskID)
			if (row.Status == image.StatusCreateFailed) != c.fails || (detail.Status == "Failed") != c.fails || c.fails && detail.Message == "" {
				t.Errorf("%s, %+v", row.Status, detail)
			}
			if !c.fails && row.Disks[0].Format != c.format2 {
				t.Errorf("format %s", row.Disks[0].Format)
			}
		})
	}
}

// A refusedImport is an import that is edited, or meets a world that is.
type refusedImport struct {
	edit   func(w *world, req *cloudsim.ImportImageRequest)
	code   string
	status int
}

// wrongImports say something that cannot be.
func wrongImports() map[string]refusedImport {
	type request = cloudsim.ImportImageRequest
	return map[string]refusedImport{
		"no region":        {func(_ *world, r *request) { r.RegionID = "" }, "MissingParameter", 400},
		"unknown region":   {func(_ *world, r *request) { r.RegionID = "cn-none" }, "InvalidRegionId.NotFound", 400},
		"no disk":          {func(_ *world, r *request) { r.Disks = nil }, "MissingParameter.DiskDeviceMapping", 403},
		"no bucket":        {func(_ *world, r *request) { r.Disks[0].Bucket = "" }, "MissingParameter", 400},
		"no object":        {func(_ *world, r *request) { r.Disks[0].Object = "" }, "MissingParameter", 400},
		"bucket elsewhere": {func(_ *world, r *request) { r.RegionID = shanghai }, "InvalidOSSBucket.NotFound", 400},
		"unknown bucket":   {func(_ *world, r *request) { r.Disks[0].Bucket = "nobodys-bucket" }, "InvalidOSSBucket.NotFound", 400},
		"malformed bucket": {func(_ *world, r *request) { r.Disks[0].Bucket = "No_Bucket" }, "InvalidOSSBucket.Malformed", 400},
		"unknown object":   {func(_ *world, r *request) { r.Disks[0].Object = "none.raw" }, "InvalidOSSObject.NotFound", 400},
		"malformed object": {func(_ *world, r *request) { r.Disks[0].Object = "/x" }, "InvalidOSSObject.Malformed", 400},
		"unknown format":   {func(_ *world, r *request) { r.Disks[0].Format = "ISO" }, "InvalidImageFormat.Malformed", 400},
		"too small": {func(w *world, r *request) {
			w.upload("big", qcow2(50, unchanged))
			r.Disks[0] = cloudsim.ImportDisk{Bucket: uploads, Object: "big", SizeGiB: 40}
		}, "InvalidImageSize", 400},
		"size beyond":         {func(_ *world, r *request) { r.Disks[0].SizeGiB = 2049 }, "InvalidImageSize", 400},
		"data disk too large": {func(_ *world, r *request) { r.Disks = append(r.Disks, r.Disks[0]); r.Disks[1].SizeGiB = -1 }, "InvalidDataDiskSize", 400},
		"name":                {func(_ *world, r *request) { r.ImageName = "1" }, "InvalidImageName.Malformed", 400},
		"name taken":          {func(w *world, r *request) { w.add(cloudsim.ImageSpec{Image: image.Image{Name: "imported"}}) }, "InvalidImageName.Duplicated", 400},
		"operating system":    {func(_ *world, r *request) { r.OSType = "beos" }, "InvalidOSType.Malformed", 400},
		"platform":            {func(_ *world, r *request) { r.Platform = "BeOS" }, "InvalidPlatform.Malformed", 400},
		"architecture":        {func(_ *world, r *request) { r.Architecture = "mips" }, "InvalidArchitecture.Malformed", 400},
		"boot mode":           {func(_ *world, r *request) { r.BootMode = "UEFI-Preferred" }, "InvalidBootMode.Malformed", 400},
		"boot mode of arm":    {func(_ *world, r *request) { r.Architecture, r.BootMode = "arm64", "BIOS" }, "InvalidBootMode.NotSupport", 400},
		"licence":             {func(_ *world, r *request) { r.LicenseType = "Free" }, "InvalidLicenseType.NotSupported", 400},
		"licence of windows":  {func(_ *world, r *request) { r.OSType = "windows" }, "MissingParameter", 400},
		"check":               {func(_ *world, r *request) { r.Detection = "Thorough" }, "InvalidParameter.DetectionStrategy", 400},
		"check of an old windows": {func(_ *world, r *request) {
			r.OSType, r.LicenseType, r.Platform, r.Detection = "windows", "BYOL", "Windows Server 2003", "Standard"
		}, "ImageCheckUnsupported.WindowsImage", 403},
		"tags that differ in case": {func(_ *world, r *request) { r.Tags = []cloudsim.Tag{{Key: "a"}, {Key: "A"}} }, "TagKey.Duplication", 403},
	}
}

// unluckyImports meet something that is not as it should be.
func unluckyImports() map[string]refusedImport {
	type request = cloudsim.ImportImageRequest
	return map[string]refusedImport{
		"another role": {func(_ *world, r *request) { r.RoleName = "mine" }, "NoSetRoletoECSServiceAcount", 403},
		"no role": {func(w *world, _ *request) {
			w.cloud.SetServiceRole(one, cloudsim.ServiceRole{Name: cloudsim.ImportRole, Missing: true})
		}, "NoSetRoletoECSServiceAcount", 403},
		"a role without trust": {func(w *world, _ *request) {
			w.cloud.SetServiceRole(one, cloudsim.ServiceRole{Name: cloudsim.ImportRole, Trusts: []string{"fc.aliyuncs.com"}})
		}, "NoSetRoletoECSServiceAcount", 403},
		"a role for other buckets": {func(w *world, _ *request) {
			w.cloud.SetServiceRole(one, cloudsim.ServiceRole{Name: cloudsim.ImportRole, Buckets: []string{"other"}})
		}, "InvalidOSS.NotAuthorized", 403},
		"another account's bucket": {func(w *world, r *request) {
			if err := w.s2.PutBucket("theirs", hangzhou); err != nil {
				w.Fatal(err)
			}
			r.Disks[0].Bucket = "theirs"
		}, "InvalidOSS.NotAuthorized", 403},
		"an encrypted bucket": {func(w *world, _ *request) {
			if err := w.s.PutBucketEncryption(uploads, cloudsim.ObjectEncryption{Algorithm: "AES256"}); err != nil {
				w.Fatal(err)
			}
		}, "InvalidOSSBucket.EncryptUnsupported", 403},
		"an archived object": {func(w *world, _ *request) {
			_, err := w.s.PutObject(cloudsim.PutObjectRequest{
				Bucket: uploads, Key: "disk.raw", Content: cloudsim.ContentOf(rawDisk()), Settings: cloudsim.ObjectSettings{StorageClass: cloudsim.ClassArchive},
			})
			if err != nil {
				w.Fatal(err)
			}
		}, "InvalidOSSObject.NeedRestore", 400},
		"quota":   {func(w *world, _ *request) { w.cloud.SetImageQuota(one, hangzhou, 0) }, "QuotaExceed.Image", 403},
		"dry run": {func(_ *world, r *request) { r.DryRun = true }, "DRYRUN.SUCCESS", 400},
		"suffix": {func(w *world, r *request) {
			w.cloud.SetReadings(cloudsim.Readings{ImportSuffixChecked: true})
			w.upload("disk.img.bak", rawDisk())
			r.Disks[0].Object = "disk.img.bak"
		}, "UnsupportedSuffix.OSSObject", 400},
		"denied": {func(w *world, _ *request) {
			if err := w.cloud.AllowOnly("local", []string{"oss:*"}); err != nil {
				w.Fatal(err)
			}
			w.s = sessionOf(w, w.cloud, "local")
		}, "Forbidden.RAM", 403},
	}
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	all := wrongImports()
	maps.Copy(all, unluckyImports())
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{})
			w.upload("disk.raw", rawDisk())
			req := fromObject("disk.raw", "RAW")
			c.edit(w, &req)
			_, err := w.s.ImportImage(req)
			expect(t, err, c.code, c.status)
		})
	}
}

// What a cancelled import leaves.
func TestCancelTask(t *testing.T) {
	t.Parallel()
	for leaves, want := range map[bool]image.Status{false: "", true: image.StatusCreateFailed} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{CancelLeavesImage: leaves}})
		w.upload("disk.raw", rawDisk())
		made, err := w.s.ImportImage(fromObject("disk.raw", "RAW"))
		expect(t, err, "", 0)
		w.clock.Advance(time.Minute)
		expect(t, w.s.CancelTask(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: made.TaskID}), "", 0)
		row, there := w.row(hangzhou, made.ImageID)
		if there != leaves || row.Status != want || len(w.snapshots()) != map[bool]int{true: 1}[leaves] {
			t.Errorf("leaves %v: there %v, %s, %v", leaves, there, row.Status, w.snapshots())
		}
		if detail := w.task(made.TaskID); detail.Status != "Failed" || detail.CanCancel || detail.FinishedAt.IsZero() {
			t.Errorf("%+v", detail)
		}
		expect(t, w.s.CancelTask(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: made.TaskID}), "InvalidTaskId.IncorrectTaskStatus", 403)
		expect(t, w.s.CancelTask(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: "t-none"}), "InvalidTaskId.NotFound", 400)
		if leaves {
			expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: made.ImageID}), "", 0)
		}
		_, err = w.s.ImportImage(fromObject("disk.raw", "RAW")) // the name is free again
		expect(t, err, "", 0)
	}
}

// An export, unpacked, uploaded and imported again: the bytes are the same.
func TestExportImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.upload("disk.raw", rawDisk())
	made, err := w.s.ImportImage(fromObject("disk.raw", "RAW"))
	expect(t, err, "", 0)
	export := cloudsim.ExportImageRequest{RegionID: hangzhou, ImageID: made.ImageID, Bucket: uploads, Prefix: "out"}
	_, err = w.s.ExportImage(export)
	expect(t, err, "IncorrectImageStatus", 400)
	w.clock.Advance(time.Hour)
	id, err := w.s.ExportImage(export)
	expect(t, err, "", 0)
	_, err = w.s.ExportImage(export)
	expect(t, err, "ImageIsExporting", 403)
	expect(t, w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: hangzhou, ImageID: made.ImageID}), "ImageIsExporting", 403)
	name := cloudsim.ObjectName{Bucket: uploads, Key: "out_" + string(made.ImageID) + "_system.raw.tar.gz"}
	_, err = w.s.GetObject(name)
	expect(t, err, "NoSuchKey", 404)
	w.clock.Advance(time.Hour)
	detail := w.task(id)
	if detail.Status != "Finished" || len(detail.Items) != 3 || detail.Items[1] != (cloudsim.TaskItem{Name: "OSSObject", Value: name.Key}) {
		t.Errorf("%+v", detail)
	}
	object, err := w.s.GetObject(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := unpacked(t, object.Content.Bytes()); !bytes.Equal(got, rawDisk()) {
		t.Errorf("%d other bytes came out", len(got))
	}
	// Cancelled, nothing is written.
	export.Prefix = "never"
	id, err = w.s.ExportImage(export)
	expect(t, err, "", 0)
	expect(t, w.s.CancelTask(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: id}), "", 0)
	w.clock.Advance(time.Hour)
	name.Key = strings.Replace(name.Key, "out", "never", 1)
	_, err = w.s.GetObject(name)
	expect(t, err, "NoSuchKey", 404)
}

// unpacked is the one file of an archive.
func unpacked(t *testing.T, packed []byte) []byte {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(plain)
	if _, err := archive.Next(); err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestExportRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.upload("x", rawDisk())
	plain := w.add(cloudsim.ImageSpec{})
	spec := func(img image.Image) image.ID { return w.add(cloudsim.ImageSpec{Image: img}) }
	disks := func(gib ...int) []image.DiskMapping {
		list := []image.DiskMapping{{System: true, SizeGiB: 40}}
		for _, g := range gib {
			list = append(list, image.DiskMapping{SizeGiB: g})
		}
		return list
	}
	type request = cloudsim.ExportImageRequest
	for _, c := range []struct {
		req    request
		code   string
		status int
	}{
		{request{}, "MissingParameter", 400},
		{request{ImageID: plain}, "MissingParameter", 400},
		{request{Bucket: uploads}, "MissingParameter", 400},
		{request{ImageID: plain, Bucket: uploads, Prefix: "a-b"}, "InvalidOSSPrefix.Malformed", 400},
		{request{ImageID: plain, Bucket: uploads, Format: "iso"}, "InvalidImageFormat.Malformed", 400},
		{request{ImageID: plain, Bucket: uploads, Format: "qcow2"}, "InvalidImageFormat.RegionNotSupported", 400},
		{request{ImageID: "m-none", Bucket: uploads}, "InvalidImageId.NotFound", 404},
		{request{ImageID: plain, Bucket: "nobodys"}, "InvalidOSSBucket.NotFound", 400},
		{request{ImageID: spec(image.Image{Kind: image.KindPublic}), Bucket: uploads}, "InvalidImageCategory.NotSupported", 403},
		{request{ImageID: spec(image.Image{ProductCode: "cmjj1"}), Bucket: uploads}, "ImageNotSupported", 403},
		{request{ImageID: spec(image.Image{Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.Yes}}}), Bucket: uploads}, "ImageNotSupported", 400},
		{request{ImageID: spec(image.Image{OSType: image.Windows}), Bucket: uploads}, "InvalidImageLicense.NotSupported", 403},
		{request{ImageID: spec(image.Image{Disks: disks(1, 2, 3, 4, 5)}), Bucket: uploads}, "InvalidImage.DiskAmountOrSize", 400},
		{request{ImageID: spec(image.Image{Disks: disks(501)}), Bucket: uploads}, "InvalidImage.DiskAmountOrSize", 400},
		{request{ImageID: plain, Bucket: uploads, RoleName: "mine"}, "NoSetRoletoECSServiceAcount", 403},
		{request{ImageID: plain, Bucket: uploads, DryRun: true}, "DryRunOperation", 400},
	} {
		if c.req != (request{}) {
			c.req.RegionID = hangzhou
		}
		_, err := w.s.ExportImage(c.req)
		expect(t, err, c.code, c.status)
	}
}

func TestDescribeTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.upload("disk.raw", rawDisk())
	var ids []string
	for _, name := range []string{"first", "second", "third"} {
		req := fromObject("disk.raw", "RAW")
		req.ImageName = name
		made, err := w.s.ImportImage(req)
		expect(t, err, "", 0)
		ids = append(ids, made.TaskID)
		w.clock.Advance(time.Minute)
	}
	expect(t, w.s.CancelTask(cloudsim.TaskRequest{RegionID: hangzhou, TaskID: ids[1]}), "", 0)
	type request = cloudsim.DescribeTasksRequest
	for _, c := range []struct {
		req  request
		want []string
	}{
		{request{}, []string{ids[2], ids[1], ids[0]}},
		{request{Status: "Failed"}, []string{ids[1]}},
		{request{Status: "Processing"}, []string{ids[2], ids[0]}},
		{request{Status: "Waiting"}, []string{ids[2], ids[1], ids[0]}}, // does not filter
		{request{Action: "ExportImage"}, nil},
		{request{IDs: ids[:1]}, ids[:1]},
		{request{From: cloudsim.Epoch().Add(90 * time.Second)}, ids[2:]},
		{request{Pages: cloudsim.Pages{Number: 2, Size: 2}}, ids[:1]},
	} {
		c.req.RegionID = hangzhou
		page, err := w.s.DescribeTasks(c.req)
		var got []string
		for _, row := range page.Tasks {
			got = append(got, row.ID)
		}
		if err != nil || strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%+v: %v, want %v, %v", c.req, got, c.want, err)
		}
	}
	if page, err := w.s2.DescribeTasks(request{RegionID: hangzhou}); err != nil || page.Total != 0 {
		t.Errorf("the other account sees %d, %v", page.Total, err)
	}
	_, err := w.s.DescribeTasks(request{RegionID: "cn-none"})
	expect(t, err, "InvalidRegionId.NotFound", 400)
}

// The check of an image begins when it is Available, never holds it up, and
// finds what its bytes say and what was set.
func TestImageCheck(t *testing.T) {
	t.Parallel()
	high := func(row cloudsim.ImageRow) (names []string) {
		for _, i := range row.CheckItems {
			if i.Risk == "High" {
				names = append(names, i.Name)
			}
		}
		return names
	}
	for name, c := range map[string]struct {
		content  []byte
		mode     string
		platform string
		set      []cloudsim.CheckItem
		status   string
		high     string
		passed   bool
	}{
		"passes":             {content: rawDisk(), mode: "BIOS", status: "Finished", passed: true},
		"UEFI alone":         {content: efiDisk(), mode: "BIOS", status: "Finished", high: "GUESTOS.BootMode"},
		"UEFI":               {content: efiDisk(), mode: "UEFI", status: "Finished", passed: true},
		"a risk that is set": {content: rawDisk(), mode: "BIOS", set: []cloudsim.CheckItem{{Name: "GUESTOS.Fstab", Risk: "High"}}, status: "Finished", high: "GUESTOS.Fstab"},
		"unknown system":     {content: rawDisk(), mode: "BIOS", platform: "FreeBSD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cloudsim.Options{ImportTime: time.Minute, CheckTime: time.Minute})
			w.upload("disk.raw", c.content)
			req := fromObject("disk.raw", "RAW")
			req.BootMode, req.Platform, req.Detection = c.mode, c.platform, "Standard"
			made, err := w.s.ImportImage(req)
			expect(t, err, "", 0)
			w.cloud.SetCheck(made.ImageID, c.set...)
			if row, _ := w.row(hangzhou, made.ImageID); row.Detection != "" {
				t.Errorf("while it is made: %q", row.Detection)
			}
			w.clock.Advance(90 * time.Second)
			if row, _ := w.row(hangzhou, made.ImageID); row.Status != image.StatusAvailable || (row.Detection == "Processing") != (c.status != "") {
				t.Errorf("while it is checked: %s %q", row.Status, row.Detection)
			}
			w.clock.Advance(time.Minute)
			row, _ := w.row(hangzhou, made.ImageID)
			if row.Detection != c.status || strings.Join(high(row), " ") != c.high || (row.Tags["acs:ecs:image:osVersion"] != "") != c.passed {
				t.Errorf("%q, high risks %v, tags %v", row.Detection, high(row), row.Tags)
			}
		})
	}
}

// CreateImage from a snapshot takes over nothing of the system, or all by the
// other reading.
func TestWhatASnapshotForgets(t *testing.T) {
	t.Parallel()
	for keeps, want := range map[bool]string{false: "Others Linux BIOS unsupported v1", true: "Ubuntu UEFI supported v1"} {
		w := newWorld(t, cloudsim.Options{Readings: cloudsim.Readings{SnapshotKeepsAttributes: keeps}})
		base := w.add(cloudsim.ImageSpec{Image: image.Image{Platform: "Ubuntu", BootMode: image.UEFI, NVMe: "supported"}})
		instance := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: image.Instance{Image: base}})
		disks, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: hangzhou, InstanceID: instance})
		if err != nil {
			t.Fatal(err)
		}
		snapshot, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: disks.Disks[0].ID})
		expect(t, err, "", 0)
		w.clock.Advance(time.Minute)
		made, err := w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: hangzhou, SnapshotID: snapshot})
		expect(t, err, "", 0)
		row, _ := w.row(hangzhou, made)
		if got := strings.Join([]string{row.Platform, string(row.BootMode), row.NVMe, row.IMDS}, " "); got != want {
			t.Errorf("keeps %v: %s, want %s", keeps, got, want)
		}
	}
}

func TestServiceRolesAndQuotasAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	role, err := w.s.GetRole(cloudsim.ImportRole)
	if err != nil || !strings.Contains(role.Trust, `"Service":["ecs.aliyuncs.com"]`) {
		t.Errorf("%+v, %v", role, err)
	}
	policies, err := w.s.ListPoliciesForRole(cloudsim.ImportRole)
	if err != nil || len(policies) != 1 || policies[0].Name != "AliyunECSImageImportRolePolicy" {
		t.Fatalf("%+v, %v", policies, err)
	}
	policy, err := w.s.GetPolicy(policies[0].Type, policies[0].Name)
	if err != nil || !strings.Contains(policy.Document, "oss:GetObject") {
		t.Errorf("%+v, %v", policy, err)
	}
	w.cloud.SetServiceRole(one, cloudsim.ServiceRole{Name: cloudsim.ImportRole, Missing: true})
	_, err = w.s.GetRole(cloudsim.ImportRole)
	expect(t, err, "EntityNotExist.Role", 404)
	_, err = w.s.GetRole("")
	expect(t, err, "MissingParameter", 400)

	w.add(cloudsim.ImageSpec{})
	quota, err := w.s.GetProductQuota(cloudsim.ProductQuotaRequest{Product: "ecs", Quota: cloudsim.QuotaImages, Region: hangzhou})
	if err != nil || quota.Total != 100 || quota.Used != 1 {
		t.Errorf("%+v, %v", quota, err)
	}
	for code, req := range map[string]cloudsim.ProductQuotaRequest{
		"MissingProductCode":              {},
		"QUOTA.NOT.FOUND":                 {Product: "ecs", Quota: "q_none", Region: hangzhou},
		"QUOTA.DIMENSION.MISS":            {Product: "ecs", Quota: cloudsim.QuotaImages},
		"QUOTA.DIMENSION.UNSUPPORT":       {Product: "ecs", Quota: cloudsim.QuotaImages, Dimensions: []string{"zoneId"}},
		"QUOTA.DIMENSION.VALUE.UNSUPPORT": {Product: "ecs", Quota: cloudsim.QuotaImages, Region: "cn-none"},
	} {
		_, err := w.s.GetProductQuota(req)
		expect(t, err, code, 400)
	}
	if err := w.cloud.AllowOnly("local", []string{"ecs:*"}); err != nil {
		t.Fatal(err)
	}
	less := sessionOf(t, w.cloud, "local")
	_, err = less.GetRole(cloudsim.ImportRole)
	expect(t, err, "NoPermission", 403)
	_, err = less.GetProductQuota(cloudsim.ProductQuotaRequest{Product: "ecs", Quota: cloudsim.QuotaImages, Region: hangzhou})
	expect(t, err, "RAM.PERMISSION.DENIED", 400)
}
