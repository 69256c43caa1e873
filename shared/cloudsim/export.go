package cloudsim

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// ExportImageRequest are the parameters of ExportImage.
type ExportImageRequest struct {
	RegionID image.RegionID
	ImageID  image.ID
	Bucket   string
	// Prefix is 1 to 30 letters and digits.
	Prefix string
	// Format is raw or empty; others are offered in some regions, here in none.
	Format   string
	RoleName string
	DryRun   bool
}

// The limits of an export; source: ExportImage.
const (
	exportDataDisks = 4
	exportDiskGiB   = 500
	exportsAtOnce   = 5
)

// ExportImage starts to write an image into a bucket, one object per disk:
// <prefix>_<image>_system.raw.tar.gz and, of data disks, with data and the device.
// The id is the task's. An exported disk has the bytes that it was imported with;
// of an image that was not imported it is a small disk that starts. Refusals: see
// ExportImage in the vendor's table; among them IncorrectImageStatus,
// ImageNotSupported, InvalidImageCategory.NotSupported, ImageIsExporting,
// InvalidImage.DiskAmountOrSize, InvalidImageLicense.NotSupported and
// NoSetRoletoECSServiceAcount.
func (s *Session) ExportImage(req ExportImageRequest) (string, error) {
	if err := s.permit("ExportImage"); err != nil {
		return "", err
	}
	if err := checkExport(req); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	state, err := c.checkExportable(r, s.caller.Account, req, now)
	if err != nil {
		return "", err
	}
	if err := c.checkExportTarget(r, s.caller.Account, req, now); err != nil {
		return "", err
	}
	if req.DryRun {
		return "", c.dryRun()
	}
	t := task{action: TaskExport, account: s.caller.Account, image: req.ImageID, start: now, end: now.Add(c.options.ExportTime)}
	if c.fails(s.caller.Account) {
		t.failure = "Exporting image is failed, Please contact the administrator."
	}
	names := exportNames(state, req)
	for _, name := range names {
		t.items = append(t.items, TaskItem{"OSSBucket", req.Bucket}, TaskItem{"OSSObject", name}, TaskItem{"ImageFormat", "raw"})
	}
	id := c.newTask(r, t)
	if t.failure == "" {
		for i, name := range names {
			c.store.deliverLater(delivery{task: id, at: t.end, bucket: req.Bucket, key: name, content: exported(state, i, name), by: s.caller})
		}
	}
	s.leave(r, "ExportImage", map[string]any{
		"RegionId": string(r.id), "ImageId": string(req.ImageID), "OSSBucket": req.Bucket, "OSSPrefix": req.Prefix,
	}, map[string]any{"TaskId": id}, map[string][]string{TrailImage: {string(req.ImageID)}})
	return id, nil
}

func checkExport(req ExportImageRequest) error {
	if err := taskRegion(req.RegionID); err != nil {
		return err
	}
	alphanumeric := strings.Trim(strings.ToLower(req.Prefix), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
	switch {
	case req.ImageID == "":
		return missing("ImageId")
	case req.Bucket == "":
		return missing("OSSBucket")
	case len(req.Prefix) > 30 || !alphanumeric:
		return malformed(400, "InvalidOSSPrefix.Malformed", "The specified OSSPrefix format is wrongly formed.")
	case !slices.Contains([]string{"", "raw", "vhd", "qcow2", "vmdk", "vdi"}, strings.ToLower(req.Format)):
		return malformed(400, "InvalidImageFormat.Malformed", "The specified Image Format is wrongly formed.")
	case !slices.Contains([]string{"", "raw"}, strings.ToLower(req.Format)):
		return wrongState(400, "InvalidImageFormat.RegionNotSupported", "The specified image format is not supported in current region.")
	}
	return nil
}

// checkExportable returns the image to export, or refuses.
func (c *Cloud) checkExportable(r *region, account image.AccountID, req ExportImageRequest, now time.Time) (*imageState, error) {
	state := r.visible(req.ImageID, account, now)
	switch {
	case state == nil:
		return nil, refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	case state.img.Owner != account || state.img.Published:
		return nil, wrongState(403, "InvalidImageCategory.NotSupported", "The specified image category is not supported.")
	case state.status(now) != image.StatusAvailable:
		return nil, wrongState(400, "IncorrectImageStatus", "The specified Image is not available.")
	case state.img.ProductCode != "":
		return nil, wrongState(403, "ImageNotSupported", "The specified image from the image market, do not support export image.")
	case state.img.Encrypted() == image.Yes:
		return nil, wrongState(400, "ImageNotSupported", "The specified Image contains encrypted snapshots, do not support export.")
	case state.img.OSType == image.Windows && state.img.LicenseType != "BYOL":
		return nil, wrongState(403, "InvalidImageLicense.NotSupported", "The license of the specified image does not allow it to be exported.")
	}
	return state, r.checkExports(state, account, now)
}

// checkExports refuses for the size of the image, and for what is exported
// already.
func (r *region) checkExports(state *imageState, account image.AccountID, now time.Time) error {
	data := state.img.DataDisks()
	if len(data) > exportDataDisks || slices.ContainsFunc(data, func(d image.DiskMapping) bool { return d.SizeGiB > exportDiskGiB }) {
		return wrongState(400, "InvalidImage.DiskAmountOrSize", "The image has more than 4 data disk snapshots, or a data disk snapshot over 500 GiB.")
	}
	running := 0
	for _, t := range r.tasks {
		if t.action != TaskExport || t.account != account || !t.row(now).CanCancel {
			continue
		}
		if running++; t.image == state.img.ID {
			return wrongState(403, "ImageIsExporting", "The specified Image is being exported. You can use the DescribeTasks API to check the status of existing tasks.")
		}
	}
	if running >= exportsAtOnce {
		return overQuota(403, "ConcurrentQuotaExceed.ExportImage", "The number of images that are exported at the same time exceeds %d.", exportsAtOnce)
	}
	return nil
}

func (c *Cloud) checkExportTarget(r *region, account image.AccountID, req ExportImageRequest, now time.Time) error {
	role, ok := c.serviceRole(account, cmp.Or(req.RoleName, ExportRole))
	if !ok || !role.trusts("ecs.aliyuncs.com") || req.RoleName != "" && req.RoleName != ExportRole {
		return roleNotSet()
	}
	c.store.mu.RLock()
	defer c.store.mu.RUnlock()
	b := c.store.buckets[req.Bucket]
	switch {
	case b == nil || b.Region != r.id:
		return refuseAs(fault.NotFound, 400, "InvalidOSSBucket.NotFound", "The specified OSS bucket does not exist in this region.")
	case b.Owner != account || !role.reaches(req.Bucket):
		return refuseAs(fault.Forbidden, 403, "InvalidOSS.NotAuthorized", "The specified OSS bucket or object is not allowed to access.")
	case b.Encryption != ObjectEncryption{}:
		return wrongState(403, "InvalidOSSBucket.EncryptUnsupported", "Accessing objects from encrypted OSS bucket is not supported.")
	}
	return nil
}

// exportNames are the keys of an export's objects, the system disk's first.
func exportNames(state *imageState, req ExportImageRequest) []string {
	lead := string(req.ImageID)
	if req.Prefix != "" {
		lead = req.Prefix + "_" + lead
	}
	names := []string{lead + "_system.raw.tar.gz"}
	for _, d := range state.img.DataDisks() {
		names = append(names, lead+"_data_"+strings.TrimPrefix(d.Device, "/dev/")+".raw.tar.gz")
	}
	return names
}

// exported is the archive that an export makes of the nth disk.
func exported(state *imageState, n int, name string) Content {
	content := smallDisk()
	if n < len(state.files) {
		content = state.files[n]
	}
	reader, writer := io.Pipe()
	go func() {
		packed := gzip.NewWriter(writer)
		archive := tar.NewWriter(packed)
		err := archive.WriteHeader(&tar.Header{Name: strings.TrimSuffix(name, ".tar.gz"), Mode: 0o644, Size: content.Size()})
		if err == nil {
			_, err = io.Copy(archive, content.Section(0, content.Size()))
		}
		err = cmp.Or(err, archive.Close(), packed.Close())
		_ = writer.CloseWithError(err)
	}()
	packed, err := ReadContent(reader)
	if err != nil {
		panic(fmt.Sprintf("cloudsim: memory fails: %v", err))
	}
	return packed
}

// smallDisk is a disk of a megabyte whose boot sector can be started.
func smallDisk() Content {
	b := bytes.Repeat([]byte{0}, chunk)
	b[510], b[511] = 0x55, 0xaa
	return ContentOf(b)
}

// A delivery is an object that ECS will have written at a time.
type delivery struct {
	task        string
	at          time.Time
	bucket, key string
	content     Content
	by          Caller
}

func (o *objectStore) deliverLater(d delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = append(o.due, d)
}

// call takes back what a task would have delivered.
func (o *objectStore) call(task string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = slices.DeleteFunc(o.due, func(d delivery) bool { return d.task == task })
}

// deliver writes what is due: everybody who looks at objects looks after it.
func (c *Cloud) deliver() {
	o, now := &c.store, c.now()
	o.mu.RLock()
	none := !slices.ContainsFunc(o.due, func(d delivery) bool { return !d.at.After(now) })
	o.mu.RUnlock()
	if none {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due = slices.DeleteFunc(o.due, func(d delivery) bool {
		if d.at.After(now) {
			return false
		}
		if b := o.buckets[d.bucket]; b != nil {
			sum := d.content.MD5()
			made := &Object{Key: d.key, Content: d.content, Type: TypeMultipart, ModifiedAt: d.at.Truncate(time.Second), ETag: fmt.Sprintf("%X-1", md5.Sum(sum[:]))}
			made.ObjectSettings = made.within(b)
			o.place(b, made)
			o.tell(ObjectEvent{
				Name: "ObjectCreated:CompleteMultipartUpload", Bucket: b.BucketInfo, Key: d.key, Size: d.content.Size(),
				Delta: d.content.Size(), ETag: made.ETag, At: d.at, By: d.by,
			})
		}
		return true
	})
}
