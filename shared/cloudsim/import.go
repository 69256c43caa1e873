package cloudsim

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// ImportDisk is one DiskDeviceMapping.N of ImportImage.
type ImportDisk struct {
	// Format is RAW, VHD, QCOW2, VMDK or empty: by the first bytes.
	Format         string
	Bucket, Object string
	// SizeGiB is 0 for what the file needs.
	SizeGiB int
	Device  string
}

// ImportImageRequest are the parameters of ImportImage.
type ImportImageRequest struct {
	RegionID      image.RegionID
	Disks         []ImportDisk
	ImageName     string
	Description   string
	OSType        string
	Platform      string
	Architecture  string
	BootMode      string
	LicenseType   string
	RoleName      string
	Detection     string
	NVMe, IMDS    string
	ResourceGroup string
	Tags          []Tag
	ClientToken   string
	DryRun        bool
}

// Imported is the answer of ImportImage.
type Imported struct {
	ImageID image.ID
	TaskID  string
}

// ImportImage starts to make an image of disk files in OSS: what their bytes
// are decides what comes of it. The image and its snapshots are there at once.
// Refusals: see ImportImage in the vendor's table; among them
// InvalidOSSBucket.NotFound, InvalidOSSObject.NotFound, InvalidOSSObject.Size,
// InvalidOSSObject.NeedRestore, InvalidImageFormat.Malformed, InvalidImageSize,
// NoSetRoletoECSServiceAcount and QuotaExceed.Image.
func (s *Session) ImportImage(req ImportImageRequest) (Imported, error) {
	if err := s.permit("ImportImage"); err != nil {
		return Imported{}, err
	}
	if err := checkImport(&req); err != nil {
		return Imported{}, err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	key := tokenKey{s.caller.Account, req.RegionID, "ImportImage", req.ClientToken}
	use := tokenUse{request: textOf(req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return Imported{}, tokenMismatch()
		}
		id, task, _ := strings.Cut(string(before.id), " ")
		return Imported{image.ID(id), task}, nil
	}
	files, err := c.importFiles(r, s.caller.Account, &req, now)
	if err != nil {
		return Imported{}, err
	}
	if b := c.book(r, s.caller.Account); b.names[req.ImageName] != "" {
		return Imported{}, malformed(400, "InvalidImageName.Duplicated", "The destination image is exist.")
	} else if b.images >= b.quota {
		return Imported{}, overQuota(403, "QuotaExceed.Image", "The Image Quota exceeds.")
	}
	if req.DryRun {
		return Imported{}, refuse(400, "DRYRUN.SUCCESS", "This request is a dryrun request with successful result.")
	}
	made := c.startImport(r, s.caller.Account, req, files, now)
	use.id = image.ID(string(made.ImageID) + " " + made.TaskID)
	c.remember(key, use)
	s.leave(r, "ImportImage", map[string]any{
		"RegionId": string(r.id), "ImageName": req.ImageName, "DiskDeviceMapping.1.OSSBucket": req.Disks[0].Bucket,
		"DiskDeviceMapping.1.OSSObject": req.Disks[0].Object, "DiskDeviceMapping.1.Format": req.Disks[0].Format,
	}, map[string]any{"ImageId": string(made.ImageID), "TaskId": made.TaskID}, map[string][]string{TrailImage: {string(made.ImageID)}})
	return made, nil
}

// checkImport refuses what is wrong whatever the state, and fills in defaults.
func checkImport(req *ImportImageRequest) error {
	if err := taskRegion(req.RegionID); err != nil {
		return err
	}
	if len(req.Disks) == 0 {
		return malformed(403, "MissingParameter.DiskDeviceMapping", "The specified parameter DiskDeviceMapping is not supplied.")
	}
	req.Disks = slices.Clone(req.Disks[:min(len(req.Disks), maxDataDisks+1)]) // more are ignored
	req.OSType, req.Architecture = cmp.Or(req.OSType, "linux"), cmp.Or(req.Architecture, "x86_64")
	req.Platform = cmp.Or(req.Platform, map[string]string{"windows": "Other Windows"}[req.OSType], "Others Linux")
	return cmp.Or(checkImportWords(req), checkImportMachine(req), checkImportTags(req), checkImportDisks(req.Disks))
}

func checkImportTags(req *ImportImageRequest) error {
	if len(req.Tags) > maxTags {
		return overQuota(403, "QuotaExceed.Tags", "The maximum number of tags for a resource is 20.")
	}
	return cmp.Or(checkFolded(req.Tags), checkNewTags(req.Tags), checkToken(req.ClientToken))
}

func checkImportWords(req *ImportImageRequest) error {
	switch {
	case req.ImageName != "" && !wellNamed(req.ImageName):
		return malformed(400, "InvalidImageName.Malformed", "The specified Image name is wrongly formed.")
	case req.Description != "" && !wellDescribed(req.Description):
		return malformed(400, "InvalidDescription.Malformed", "The specified Image description is wrongly formed.")
	case !slices.Contains([]string{"linux", "windows"}, req.OSType):
		return malformed(400, "InvalidOSType.Malformed", "The specified OSType is wrongly formed.")
	case req.Platform != "Other Windows" && !slices.Contains(platforms(), req.Platform):
		return malformed(400, "InvalidPlatform.Malformed", "The specified Platform is wrongly formed.")
	case !slices.Contains([]string{"", "Auto", "Aliyun", "BYOL"}, req.LicenseType):
		return malformed(400, "InvalidLicenseType.NotSupported", "The specified LicenseType is not supported.")
	case req.OSType == "windows" && req.LicenseType == "":
		return missing("LicenseType")
	case !slices.Contains([]string{"", "Standard"}, req.Detection):
		return malformed(400, "InvalidParameter.DetectionStrategy", "The specified parameter DetectionStrategy is invalid.")
	case req.Detection != "" && slices.Contains([]string{"Windows Server 2003", "Windows Server 2008"}, req.Platform):
		return wrongState(403, "ImageCheckUnsupported.WindowsImage", "Image check is unsupported for windows image.")
	}
	return nil
}

func checkImportMachine(req *ImportImageRequest) error {
	switch {
	case !slices.Contains([]string{"i386", "x86_64", "arm64"}, req.Architecture):
		return malformed(400, "InvalidArchitecture.Malformed", "The specified Architecture is wrongly formed.")
	case req.Architecture == "arm64" && req.OSType == "windows":
		return malformed(403, "InvalidArchitecture.PlatformUnsupported", "The OS platform you selected does not support the specified architecture.")
	case !slices.Contains([]string{"", "BIOS", "UEFI"}, req.BootMode):
		return malformed(400, "InvalidBootMode.Malformed", "The specified parameter \"BootMode\" is malformed.")
	case req.Architecture == "arm64" && req.BootMode == "BIOS":
		return malformed(400, "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported for current image architecture.")
	case !slices.Contains([]string{"", "v1", "v2"}, req.IMDS):
		return malformed(400, "InvalidParameter.FeaturesImdsSupport", "The specified parameter Features.ImdsSupport is not supported.")
	case !slices.Contains([]string{"", "supported", "unsupported"}, req.NVMe):
		return malformed(400, "InvalidParameter", "The specified parameter Features.NvmeSupport is not valid.")
	}
	req.BootMode = cmp.Or(req.BootMode, map[string]string{"arm64": "UEFI"}[req.Architecture], "BIOS")
	return nil
}

func checkImportDisks(disks []ImportDisk) error {
	for i := range disks {
		d := &disks[i]
		d.Format = strings.ToUpper(d.Format)
		switch {
		case d.Bucket == "":
			return missing("DiskDeviceMapping.1.OSSBucket")
		case d.Object == "":
			return missing("DiskDeviceMapping.1.OSSObject")
		case !bucketName(d.Bucket):
			return malformed(400, "InvalidOSSBucket.Malformed", "The specified OSS bucket is wrongly formed.")
		case checkKey(d.Object) != nil:
			return malformed(400, "InvalidOSSObject.Malformed", "The specified OSS object is wrongly formed.")
		case !slices.Contains([]string{"", formatRaw, formatVHD, formatQCOW2, formatVMDK}, d.Format):
			return malformed(400, "InvalidImageFormat.Malformed", "The specified Image Format is wrongly formed.")
		case d.SizeGiB != 0 && (d.SizeGiB < 1 || d.SizeGiB > maxCopyGiB):
			return importSize(i, "The size of the disk must be between 1 and 2048 GiB.")
		}
	}
	return nil
}

// importSize refuses the size of the nth disk.
func importSize(n int, sentence string) error {
	if n == 0 {
		return malformed(400, "InvalidImageSize", "%s", sentence)
	}
	return malformed(400, "InvalidDataDiskSize", "The specified DiskDeviceMapping.N.DiskImSize should be in the specified range.")
}

// An importFile is one object of an import: its content, and what it is.
type importFile struct {
	diskFile
	content Content
}

// importFiles reads the objects with ECS's own role, or refuses; sizes that were
// left open are filled in.
func (c *Cloud) importFiles(r *region, account image.AccountID, req *ImportImageRequest, now time.Time) ([]importFile, error) {
	role, ok := c.serviceRole(account, cmp.Or(req.RoleName, ImportRole))
	if !ok || !role.trusts("ecs.aliyuncs.com") || req.RoleName != "" && req.RoleName != ImportRole {
		return nil, roleNotSet()
	}
	var files []importFile
	for i := range req.Disks {
		d := &req.Disks[i]
		content, err := c.store.imported(account, r.id, role, *d, now)
		if err != nil {
			return nil, err
		}
		if c.readings().ImportSuffixChecked && !strings.Contains(" .raw .img .vhd .qcow2 .vmdk ", " "+suffixOf(d.Object)+" ") {
			return nil, malformed(400, "UnsupportedSuffix.OSSObject", "The specified OSS object suffix is not supported.")
		}
		file, err := readDiskFile(content, d.Format)
		if err != nil {
			return nil, err
		}
		needs := int((file.virtual + 1<<30 - 1) >> 30)
		d.SizeGiB = orDefault(d.SizeGiB, max(1, needs))
		if d.SizeGiB < needs || needs > maxCopyGiB {
			return nil, importSize(i, "The size of the disk is less than that of the image file.")
		}
		files = append(files, importFile{file, content})
	}
	return files, nil
}

func roleNotSet() error {
	return refuseAs(fault.Precondition, 403, "NoSetRoletoECSServiceAcount", "ECS service account Have no right to access your OSS.please attach a role of access your oss to ECS service account.")
}

// suffixOf is what a key has from its last point on, in small letters.
func suffixOf(key string) string {
	if at := strings.LastIndexByte(key, '.'); at >= 0 {
		return strings.ToLower(key[at:])
	}
	return ""
}

// imported is the content of an object that ECS reads for an import.
func (o *objectStore) imported(account image.AccountID, region image.RegionID, role ServiceRole, d ImportDisk, now time.Time) (Content, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	b := o.buckets[d.Bucket]
	switch {
	case b == nil || b.Region != region:
		return Content{}, refuseAs(fault.NotFound, 400, "InvalidOSSBucket.NotFound", "The specified OSS bucket does not exist in this region.")
	case b.Owner != account || !role.reaches(d.Bucket):
		return Content{}, refuseAs(fault.Forbidden, 403, "InvalidOSS.NotAuthorized", "The specified OSS bucket or object is not allowed to access.")
	case b.Encryption != ObjectEncryption{}:
		return Content{}, wrongState(403, "InvalidOSSBucket.EncryptUnsupported", "Accessing objects from encrypted OSS bucket is not supported.")
	}
	found := b.live(d.Object)
	if found == nil {
		return Content{}, refuseAs(fault.NotFound, 400, "InvalidOSSObject.NotFound", "The specified OSS object does not exist in this region.")
	}
	switch shown := b.shown(found, now); {
	case !shown.legible():
		return Content{}, wrongState(400, "InvalidOSSObject.NeedRestore", "The specified OSS object is a archive object, need restore first.")
	case shown.Content.Size() == 0:
		return Content{}, malformed(400, "InvalidOSSObject.Size", "The specified OSS object size is zero.")
	}
	return found.Content, nil
}

// startImport puts the image, its snapshots and its task in.
func (c *Cloud) startImport(r *region, account image.AccountID, req ImportImageRequest, files []importFile, now time.Time) Imported {
	id := image.ID(c.random.id("m", r.infix))
	broken := ""
	for _, f := range files {
		broken = cmp.Or(broken, f.broken)
	}
	if broken == "" && c.fails(account) {
		broken = "Importing image is failed, Please contact the administrator."
	}
	end := now.Add(c.options.ImportTime)
	w := &work{imports: true, start: now, end: end, fails: broken != ""}
	state := imageState{work: w, imds: cmp.Or(req.IMDS, "v1"), detects: req.Detection != "", osNameEN: req.Platform}
	state.img = image.Image{
		Ref: image.Ref{Region: r.id, ID: id}, Owner: account, Status: image.StatusAvailable, CreatedAt: now.Truncate(time.Second),
		Name: cmp.Or(req.ImageName, string(id)), Description: req.Description, OSType: image.OSType(req.OSType), OSName: req.Platform,
		Platform: req.Platform, Architecture: image.Architecture(req.Architecture), BootMode: image.BootMode(req.BootMode),
		NVMe: cmp.Or(req.NVMe, "unsupported"), ResourceGroup: req.ResourceGroup, Tags: tagMap(req.Tags), SizeGiB: req.Disks[0].SizeGiB,
	}
	if req.OSType == "windows" {
		state.img.LicenseType = req.LicenseType
	}
	state.dead = !files[0].startsBy(state.img.BootMode)
	for i, d := range req.Disks {
		state.files = append(state.files, files[i].content)
		state.img.Disks = append(state.img.Disks, image.DiskMapping{
			Device: device(i), System: i == 0, SizeGiB: d.SizeGiB, Encrypted: image.No, Format: files[i].format,
			ImportBucket: d.Bucket, ImportObject: d.Object, SnapshotID: c.importSnapshot(r, account, d, i, files[i].content.Size(), w, now),
		})
	}
	// The task ends a little after the image is Available, or before.
	gap := end.Sub(now) / 40
	if c.readings().TaskEndsFirst {
		gap = -gap
	}
	t := task{action: TaskImport, account: account, image: id, start: now, end: end.Add(gap), failure: broken}
	made := Imported{ImageID: id, TaskID: c.newTask(r, t)}
	w.until = t.end
	c.putImage(r, &state, now)
	return made
}

// importSnapshot adds the snapshot of the nth disk of an import, which shows as
// failed until the import ends.
func (c *Cloud) importSnapshot(r *region, account image.AccountID, d ImportDisk, n int, size int64, w *work, now time.Time) image.SnapshotID {
	id := image.SnapshotID(c.random.id("s", r.infix))
	made := now.Truncate(time.Second)
	c.putSnapshot(r, account, &snapshotState{work: w, row: SnapshotRow{Type: "imported", LastModifiedAt: made, Snapshot: image.Snapshot{
		ID: id, Region: r.id, Status: "accomplished", SourceSystemDisk: n == 0, SourceDiskSizeGiB: d.SizeGiB, Category: "standard",
		LinkID: linkOf("", id, "standard"), FullSizeBytes: size, CreatedAt: made,
	}}}, now)
	return id
}
