package cloudsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// maxDataDisks is how many data disks an image has at most; source: CreateImage.
const maxDataDisks = 16

// DiskInput is one DiskDeviceMapping.N of CreateImage.
type DiskInput struct {
	Device string
	// Type is "system", "data" or empty (as the snapshot is).
	Type       string
	SizeGiB    int
	SnapshotID image.SnapshotID
}

// CreateImageRequest are the parameters of CreateImage. Of InstanceID, Disks
// and SnapshotID the first that is given counts.
type CreateImageRequest struct {
	RegionID      image.RegionID
	InstanceID    image.InstanceID
	Disks         []DiskInput
	SnapshotID    image.SnapshotID
	ImageName     string
	Description   string
	ImageFamily   image.Family
	ImageVersion  string
	Platform      string
	Architecture  string
	BootMode      string
	IMDS          string
	Detection     string
	ResourceGroup string
	Tags          []Tag
	ClientToken   string
	DryRun        bool
}

// CreateImage starts to make a custom image and returns its id at once: of an
// instance, else of snapshots in mappings, else of one system-disk snapshot.
// The same client token returns the first image again. Refusals: see CreateImage
// in the vendor's table; among them InvalidImageName.Duplicated,
// QuotaExceed.Image, IncorrectInstanceStatus and IdempotenceParamNotMatch.
func (s *Session) CreateImage(req CreateImageRequest) (image.ID, error) {
	if err := s.permit("CreateImage"); err != nil {
		return "", err
	}
	if err := checkCreate(req); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	key := tokenKey{s.caller.Account, req.RegionID, "CreateImage", req.ClientToken}
	use := tokenUse{request: fmt.Sprintf("%+v", req), at: now}
	if before, ok := c.remembered(key, now); ok {
		return before.id, c.checkSame(before, use)
	}
	draft, err := c.draft(r, s.caller.Account, req)
	if err != nil {
		return "", err
	}
	if err := c.checkRoom(r, s.caller.Account, req.ImageName, req.ImageFamily, createCodes()); err != nil {
		return "", err
	}
	if req.DryRun {
		return "", c.dryRun()
	}
	use.id = c.finishDraft(r, s.caller.Account, req, draft, now)
	s.leave(r, "CreateImage", map[string]any{
		"RegionId": string(r.id), "InstanceId": string(req.InstanceID), "SnapshotId": string(req.SnapshotID), "ImageName": req.ImageName,
		"ImageFamily": string(req.ImageFamily),
	}, map[string]any{"ImageId": string(use.id)}, map[string][]string{TrailImage: {string(use.id)}, TrailInstance: {string(req.InstanceID)}, TrailSnapshot: {string(req.SnapshotID)}})
	c.remember(key, use)
	return use.id, nil
}

// checkSame refuses a client token that stood for another request.
func (c *Cloud) checkSame(before, use tokenUse) error {
	switch {
	case before.request == use.request:
		return nil
	case c.readings().TokenConflict403:
		return malformed(403, "InvalidParamter.Conflict", "The specified same token is trying to make requests with different parameters.")
	}
	return malformed(400, "IdempotenceParamNotMatch", "Request uses a client token in a previous request but is not identical to that request.")
}

// checkCreate refuses what is wrong whatever the state of the cloud.
func checkCreate(req CreateImageRequest) error {
	if err := cmp.Or(checkRegion(req.RegionID), checkToken(req.ClientToken)); err != nil {
		return err
	}
	if req.InstanceID == "" && len(req.Disks) == 0 && req.SnapshotID == "" {
		return refuse(400, "MissingParameter", "The input parameter SnapshotId or InstanceId or DiskDeviceMapping that is mandatory for processing this request is not supplied.")
	}
	if err := checkCreateWords(req); err != nil {
		return err
	}
	if len(req.Tags) > 20 {
		return overQuota(403, "QuotaExceed.Tags", "The maximum number of tags for a resource is 20.")
	}
	return checkNewTags(req.Tags)
}

func checkCreateWords(req CreateImageRequest) error {
	fromSnapshots := req.InstanceID == ""
	switch {
	case req.ImageName != "" && !wellNamed(req.ImageName):
		return malformed(400, "InvalidImageName.Malformed", "The specified Image name is wrongly formed.")
	case req.Description != "" && !wellDescribed(req.Description):
		return malformed(400, "InvalidDescription.Malformed", "The specified description is wrongly formed.")
	case req.ImageFamily != "" && !wellNamed(string(req.ImageFamily)):
		return malformed(400, "InvalidImageFamily.Malformed", "The format of the specified image family is invalid.")
	case fromSnapshots && req.Platform != "" && !slices.Contains(platforms(), req.Platform):
		return malformed(400, "InvalidPlatform.Malformed", "The specified Platform is wrongly formed.")
	case !slices.Contains([]string{"", "i386", "x86_64", "arm64"}, req.Architecture):
		return malformed(400, "InvalidArchitecture.Malformed", "The specified Architecture is wrongly formed.")
	case !slices.Contains([]string{"", "BIOS", "UEFI", "UEFI-Preferred"}, req.BootMode),
		req.Architecture == "arm64" && req.BootMode == "BIOS":
		return malformed(400, "InvalidBootMode.NotSupport", "The specified parameter BootMode is not supported for current image architecture.")
	case !slices.Contains([]string{"", "v1", "v2"}, req.IMDS):
		return malformed(400, "InvalidParameter.FeaturesImdsSupport", "The specified parameter Features.ImdsSupport is not supported.")
	case !slices.Contains([]string{"", "Standard"}, req.Detection):
		return malformed(400, "InvalidParameter", "The specified parameter DetectionStrategy is not valid.")
	}
	return nil
}

// A draft is an image to be: what it inherits, and the disks it is made of.
type draft struct {
	state imageState
	// disks are set where new snapshots are to be taken.
	disks []*entry[diskState]
}

// draft collects what the image will be made of, or refuses.
func (c *Cloud) draft(r *region, account image.AccountID, req CreateImageRequest) (draft, error) {
	switch {
	case req.InstanceID != "":
		return c.draftFromInstance(r, account, req)
	case len(req.Disks) > 0:
		return c.draftFromMappings(r, account, req)
	}
	system := []DiskInput{{Type: "system", SnapshotID: req.SnapshotID}}
	req.Disks = system
	return c.draftFromMappings(r, account, req)
}

func (c *Cloud) draftFromInstance(r *region, account image.AccountID, req CreateImageRequest) (draft, error) {
	_, inst := r.instances.owned(account, string(req.InstanceID))
	if inst == nil {
		return draft{}, refuse(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
	}
	if slices.Contains(inst.row.Locks, "security") {
		return draft{}, wrongState(400, "InstanceLockedForSecurity", "The specified operation is denied as your instance is locked for security reasons.")
	}
	if is := inst.at(c.now()).Status; is != image.InstanceRunning && is != image.InstanceStopped {
		return draft{}, wrongState(400, "IncorrectInstanceStatus", "The current status of the instance does not support this operation.")
	}
	disks := r.disksOf(req.InstanceID, account)
	if len(disks) == 0 || !disks[0].truth().row.System {
		return draft{}, wrongState(400, "InvalidInstance.NotFoundSystemDisk", "The specified instance does not have system disk.")
	}
	d := draft{disks: disks}
	system := disks[0].truth().row
	d.state = c.inherited(image.Ref{Account: account, Region: r.id, ID: system.Image}, system.ProductCode, inst)
	for i, e := range disks {
		disk := e.truth().row
		d.state.img.Disks = append(d.state.img.Disks, image.DiskMapping{
			Device: device(i), System: disk.System, SizeGiB: disk.SizeGiB, Encrypted: disk.Encrypted,
		})
		if disk.Encrypted == image.Yes {
			d.state.kmsKey = e.truth().row.KMSKeyID
		}
	}
	d.state.img.SizeGiB = d.state.img.Disks[0].SizeGiB
	return d, nil
}

// inherited is what an image has from the image its system disk came from, also
// where that one is deleted; from the instance where it never was.
func (c *Cloud) inherited(origin image.Ref, code image.ProductCode, inst *instanceState) imageState {
	s := imageState{parent: origin}
	if parent := c.ever(origin); parent != nil {
		s.img, s.osNameEN, s.loginAsNonRoot, s.imds = parent.img, parent.osNameEN, parent.loginAsNonRoot, parent.imds
		s.parent.Account, s.files, s.dead = parent.img.Owner, parent.files[:min(1, len(parent.files))], parent.dead
	} else if inst != nil {
		s.img = image.Image{OSType: inst.row.OSType, OSName: inst.row.OSName, Architecture: image.X86_64, BootMode: image.BIOS, CloudInit: true}
		s.osNameEN = inst.row.OSName
		if t, ok := instanceType(inst.row.Type); ok {
			s.img.Architecture = t.Architecture
		}
		if s.img.Architecture == image.ARM64 {
			s.img.BootMode = image.UEFI
		}
	} else {
		s.img = image.Image{OSType: image.Linux, OSName: "Others Linux", Platform: "Others Linux", Architecture: image.X86_64, BootMode: image.BIOS}
		s.osNameEN = s.img.OSName
	}
	s.img.ProductCode = code
	s.img = image.Image{
		OSType: s.img.OSType, OSName: s.img.OSName, Platform: s.img.Platform, Architecture: s.img.Architecture,
		BootMode: s.img.BootMode, CloudInit: s.img.CloudInit, NVMe: s.img.NVMe, SecureBoot: s.img.SecureBoot, LicenseType: s.img.LicenseType,
		Version: s.img.Version, ProductCode: s.img.ProductCode, Supplier: s.img.Supplier, Subscribed: s.img.Subscribed,
	}
	return s
}

// device is the name of the nth disk: /dev/xvda, /dev/xvdb and so on.
func device(n int) string { return "/dev/xvd" + string(rune('a'+n)) }

func (c *Cloud) draftFromMappings(r *region, account image.AccountID, req CreateImageRequest) (draft, error) {
	system, err := r.systemSnapshot(account, req, c.now())
	if err != nil {
		return draft{}, err
	}
	d := draft{state: c.inherited(system.origin, system.row.ProductCode, nil)}
	if !c.readings().SnapshotKeepsAttributes {
		d.state.forget()
	}
	d.state.img.Platform = cmp.Or(req.Platform, d.state.img.Platform)
	if strings.HasPrefix(d.state.img.Platform, "Windows") {
		d.state.img.OSType = image.Windows
	}
	if req.Architecture != "" {
		d.state.img.Architecture = image.Architecture(req.Architecture)
	}
	if d.state.img.Architecture == image.ARM64 {
		d.state.img.BootMode = image.UEFI
	}
	mappings, err := r.mappings(account, req.Disks)
	if err != nil {
		return draft{}, err
	}
	d.state.img.Disks = mappings
	d.state.img.SizeGiB = mappings[0].SizeGiB
	d.state.kmsKey = system.kmsKey
	return d, nil
}

// forget sets what CreateImage from snapshots does not take over: it is as for
// an unknown Linux until the request, or ModifyImageAttribute, says otherwise.
func (s *imageState) forget() {
	const unknown = "Others Linux"
	s.img.OSType, s.img.OSName, s.img.Platform, s.osNameEN = image.Linux, unknown, unknown, unknown
	s.img.Architecture, s.img.BootMode, s.img.NVMe, s.imds, s.img.SecureBoot = image.X86_64, image.BIOS, "unsupported", "v1", image.Unknown
}

// systemSnapshot returns the one system-disk snapshot among the mappings.
func (r *region) systemSnapshot(account image.AccountID, req CreateImageRequest, now time.Time) (*snapshotState, error) {
	var system *snapshotState
	for _, d := range req.Disks {
		if d.SnapshotID == "" {
			continue
		}
		snap, err := r.finishedSnapshot(account, d.SnapshotID, now)
		switch {
		case err != nil:
			return nil, err
		case !snap.row.SourceSystemDisk && d.Type == "system" && d.SnapshotID != req.SnapshotID:
			return nil, wrongState(403, "UserNotInTheWhiteList", "The user is not in the white list of create image by data disk snapshot.")
		case !snap.row.SourceSystemDisk:
			continue
		case system != nil:
			return nil, malformed(400, "OperationDenied", "The specified parameter DiskDeviceMapping.n.SnapshotId contains two or more system disk snapshots.")
		}
		system = snap
	}
	if system == nil && req.SnapshotID != "" && len(req.Disks) == 1 && req.Disks[0].SnapshotID == req.SnapshotID {
		return nil, wrongState(403, "OperationDenied", "The specified snapshot is not from system disk.")
	}
	if system == nil {
		return nil, malformed(400, "OperationDenied", "The specified parameter DiskDeviceMapping.n.SnapshotId does not contain system disk snapshot.")
	}
	return system, nil
}

// finishedSnapshot returns a snapshot that an image can be made from.
func (r *region) finishedSnapshot(account image.AccountID, id image.SnapshotID, now time.Time) (*snapshotState, error) {
	_, snap := r.snapshots.owned(account, string(id))
	switch {
	case snap == nil:
		return nil, refuse(404, "InvalidSnapshotId.NotFound", "The specified SnapshotId does not exist.")
	case r.snapshotRow(snap, now).Status != "accomplished":
		return nil, wrongState(403, "InvalidSnapshotId.NotReady", "The current status of the DiskDeviceMapping.n.SnapshotId or SnapshotId does not support this operation.")
	case snap.row.CreatedAt.Before(time.Date(2013, 7, 15, 0, 0, 0, 0, time.UTC)):
		return nil, wrongState(403, "InvalidSnapshot.TooOld", "Denied: the specified snapshot was created before 2013-07-15.")
	}
	return snap, nil
}

// mappings checks the disks of a request; the system disk comes first.
func (r *region) mappings(account image.AccountID, inputs []DiskInput) ([]image.DiskMapping, error) {
	if len(inputs) > maxDataDisks+1 {
		return nil, malformed(400, "InvalidParameter", "The specified parameter DiskDeviceMapping has too many elements.")
	}
	var list []image.DiskMapping
	var used []string
	for _, in := range inputs {
		m, err := r.mapping(account, in)
		if err != nil {
			return nil, err
		}
		if m.Device != "" && slices.Contains(used, m.Device) {
			return nil, malformed(400, "InvalidDevice.InUse", "The specified parameter DiskDeviceMapping.n.Device has been occupied.")
		}
		used = append(used, m.Device)
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b image.DiskMapping) int { return strings.Compare(order(a), order(b)) })
	next := 1
	for i := range list {
		for list[i].Device == "" {
			if name := device(next); !slices.Contains(used, name) {
				list[i].Device = name
			}
			next++
		}
	}
	return list, nil
}

// order sorts the system disk first, then by device, those without last.
func order(m image.DiskMapping) string {
	if m.System {
		return ""
	}
	return cmp.Or(m.Device, "~")
}

func (r *region) mapping(account image.AccountID, in DiskInput) (image.DiskMapping, error) {
	m := image.DiskMapping{Device: in.Device, SizeGiB: in.SizeGiB, SnapshotID: in.SnapshotID, Encrypted: image.No}
	if !slices.Contains([]string{"", "system", "data"}, in.Type) {
		return m, malformed(400, "InvalidDiskType.ValueNotSupported", "The specified disk type is not supported.")
	}
	least, most := 20, 32768
	if _, snap := r.snapshots.owned(account, string(in.SnapshotID)); snap != nil {
		least = snap.row.SourceDiskSizeGiB
		m.System = snap.row.SourceSystemDisk && in.Type != "data"
		m.Encrypted = snap.row.Encrypted
	}
	if m.System {
		m.Device = device(0)
	}
	if in.Device != "" && !isDevice(in.Device, m.System) {
		return m, malformed(400, "InvalidDevice.Malformed", "The specified parameter DiskDeviceMapping.n.Device is not valid.")
	}
	m.SizeGiB = orDefault(m.SizeGiB, least)
	if m.SizeGiB < least || m.SizeGiB > most {
		return m, malformed(400, "InvalidSize.ValueNotSupported", "The specified parameter DiskDeviceMapping.n.Size beyond the permitted range.")
	}
	return m, nil
}

// isDevice: /dev/xvda is the system disk, /dev/xvdb to /dev/xvdz are data disks.
func isDevice(name string, system bool) bool {
	letter, ok := strings.CutPrefix(name, "/dev/xvd")
	return ok && len(letter) == 1 && letter >= "a" && letter <= "z" && (letter == "a") == system
}

// limitCodes are the codes with which an operation refuses for lack of room:
// each has its own.
type limitCodes struct{ family, families, name string }

func createCodes() limitCodes {
	return limitCodes{"ImageQuotaExceed.ImageFamily", "ImageFamilyQuotaExceed", "The specified Image name has already bean used."}
}

// checkRoom refuses a name that is taken and an image beyond the quotas.
func (c *Cloud) checkRoom(r *region, account image.AccountID, name string, family image.Family, codes limitCodes) error {
	b := c.book(r, account)
	if b.names[name] != "" {
		return malformed(400, "InvalidImageName.Duplicated", "%s", codes.name)
	}
	if err := c.checkFamilyRoom(b, family, codes); err != nil {
		return err
	}
	if b.images >= b.quota {
		return overQuota(403, "QuotaExceed.Image", "The Image Quota exceeds.")
	}
	return nil
}

func (c *Cloud) checkFamilyRoom(b *book, family image.Family, codes limitCodes) error {
	switch {
	case family == "":
		return nil
	case b.families[family] >= c.options.Quotas.FamilyImages:
		return overQuota(400, codes.family, "The specified image family exceeds the maximum number of images for one image family.")
	case b.families[family] == 0 && len(b.families) >= c.options.Quotas.Families:
		return overQuota(400, codes.families, "The number of image families exceeds the limit in the region.")
	}
	return nil
}

// finishDraft gives the image its id, takes the snapshots and puts it in.
func (c *Cloud) finishDraft(r *region, account image.AccountID, req CreateImageRequest, d draft, now time.Time) image.ID {
	id := image.ID(c.random.id("m", r.infix))
	w := &work{start: now, end: now.Add(c.options.CreateTime), fails: c.fails(account)}
	state := d.state
	state.work = w
	img := &state.img
	img.Ref = image.Ref{Region: r.id, ID: id}
	img.Owner, img.Status, img.CreatedAt = account, image.StatusAvailable, now.Truncate(time.Second)
	img.Name = cmp.Or(req.ImageName, string(id))
	img.Description, img.Family, img.ResourceGroup = req.Description, req.ImageFamily, req.ResourceGroup
	img.Version = cmp.Or(req.ImageVersion, img.Version)
	img.BootMode = cmp.Or(image.BootMode(req.BootMode), img.BootMode)
	img.Tags = tagMap(req.Tags)
	state.imds = cmp.Or(req.IMDS, state.imds, "v1")
	state.detects = req.Detection != ""
	for i, e := range d.disks {
		disk := e.truth()
		img.Disks[i].SnapshotID = c.takeSnapshot(r, account, e, disk, w, now)
	}
	c.putImage(r, &state, now)
	return id
}

// takeSnapshot adds the snapshot of a disk that goes with making an image.
func (c *Cloud) takeSnapshot(r *region, account image.AccountID, e *entry[diskState], disk *diskState, w *work, now time.Time) image.SnapshotID {
	id := image.SnapshotID(c.random.id("s", r.infix))
	row := SnapshotRow{Type: "user", LastModifiedAt: now.Truncate(time.Second), Snapshot: image.Snapshot{
		ID: id, Region: r.id, Name: "", Status: "accomplished", SourceDisk: image.DiskID(e.id),
		SourceSystemDisk: disk.row.System, SourceDiskSizeGiB: disk.row.SizeGiB, ProductCode: disk.row.ProductCode,
		Category: "standard", Encrypted: disk.row.Encrypted, LinkID: "sl-" + strings.TrimPrefix(e.id, "d-"),
		FullSizeBytes: int64(disk.row.SizeGiB) << 29, CreatedAt: now.Truncate(time.Second),
	}}
	row.Available = essd(disk.row.Category)
	state := &snapshotState{row: row, work: w, kmsKey: disk.row.KMSKeyID, written: disk.written}
	if disk.row.System {
		state.origin = image.Ref{Account: account, Region: r.id, ID: disk.row.Image}
	}
	c.putSnapshot(r, account, state, now)
	return id
}

// putImage adds a new image to its region.
func (c *Cloud) putImage(r *region, state *imageState, now time.Time) {
	img := &state.img
	e := &entry[imageState]{id: string(img.ID), owner: img.Owner, created: img.CreatedAt}
	r.images.add(e)
	r.images.put(e, state, c.bornFrom(e.id, now), now)
	if state.unfinished(now) {
		r.working[e] = true
	}
	r.count(c.book(r, img.Owner), state)
	r.spread(e, state)
	for _, d := range img.Disks {
		if d.SnapshotID != "" {
			r.inImages[d.SnapshotID]++
		}
	}
	if state.work != nil && state.work.copy {
		b := c.book(r, img.Owner)
		b.copies = append(b.copies, e)
	}
}

// count enters a new image into its owner's book.
func (r *region) count(b *book, state *imageState) {
	b.images++
	b.names[state.img.Name] = state.img.ID
	if state.img.Family != "" {
		b.families[state.img.Family]++
	}
}

// uncount takes a deleted image out of its owner's book.
func (r *region) uncount(b *book, state *imageState) {
	b.images--
	if b.names[state.img.Name] == state.img.ID {
		delete(b.names, state.img.Name)
	}
	b.leaveFamily(state.img.Family)
}

func (b *book) leaveFamily(family image.Family) {
	if b.families[family]--; b.families[family] <= 0 {
		delete(b.families, family)
	}
}

// spread puts the image on the shelves of those it was given to.
func (r *region) spread(e *entry[imageState], state *imageState) {
	for _, g := range state.grants {
		s := r.granted[g.Account]
		if s == nil {
			s = &shelf[imageState]{}
			r.granted[g.Account] = s
		}
		s.add(e)
	}
	if state.img.Published {
		r.published.add(e)
	}
}
