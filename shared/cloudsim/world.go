package cloudsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// ImageSpec is an image to be put into a cloud as it is, past the API's rules.
// Zero fields of Image get defaults: a 40 GiB Available Linux image made now.
type ImageSpec struct {
	// Image: Kind public and marketplace make images of nobody's; community a
	// published one; any other a custom image of the account it is added to.
	Image image.Image
	// SharedWith are the accounts it is shared with; At is when it was made.
	SharedWith []image.AccountID
	// KMSKey is empty for the service key.
	KMSKey string
	// Parent is the image it was truly made from; see Cloud.Parent.
	Parent image.Ref
	// SourceDisk is what the system disk's snapshot was taken of; when empty, a
	// disk that is long gone.
	SourceDisk image.DiskID
	// Making: it is being made for so long yet. Fails: it will be CreateFailed.
	Making time.Duration
	Fails  bool
}

// InstanceSpec is an instance to be put into a cloud with its system disk, and
// data disks of the given sizes. Zero fields of Instance get defaults: a
// running, pay-as-you-go ecs.g7.large made now.
type InstanceSpec struct {
	Instance  image.Instance
	DataDisks []int
}

// mustRegion returns a region for world-building, which is code of ours: a
// region that does not exist is a defect there.
func (c *Cloud) mustRegion(id image.RegionID) *region {
	r := c.regions[id]
	if r == nil {
		panic(fmt.Sprintf("cloudsim: there is no region %q", id))
	}
	return r
}

// AddImage puts an image in and returns its id. It heeds no quota and counts
// towards them. It panics for a region that does not exist.
func (c *Cloud) AddImage(account image.AccountID, regionID image.RegionID, spec ImageSpec) image.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	return c.addImage(r, account, spec, now, c.random)
}

func (c *Cloud) addImage(r *region, account image.AccountID, spec ImageSpec, now time.Time, rnd Random) image.ID {
	state := &imageState{img: spec.Image, kmsKey: spec.KMSKey, parent: spec.Parent, imds: "v1"}
	img := &state.img
	img.Region, img.Account = r.id, ""
	img.Owner = account
	switch img.Kind {
	case image.KindPublic:
		img.Owner = SystemOwner
	case image.KindMarketplace:
		img.Owner = MarketplaceOwner
	case image.KindCommunity:
		img.Published = true
	}
	img.Kind = ""
	img.ID = cmp.Or(img.ID, image.ID(""))
	if img.ID == "" {
		img.ID = image.ID(rnd.id("m", r.infix))
	}
	fillImage(img, now)
	state.osNameEN = img.OSName
	for _, a := range spec.SharedWith {
		state.grants = append(state.grants, image.Grant{Account: a, At: img.CreatedAt})
		c.book(r, a).received++
	}
	if spec.Making > 0 {
		img.Status = image.StatusAvailable // once it is made
		state.work = &work{copy: img.Copied, source: spec.Parent, start: now, end: now.Add(spec.Making), fails: spec.Fails}
	} else if spec.Fails {
		img.Status = image.StatusCreateFailed
	}
	c.addImageDisks(r, account, state, spec.SourceDisk, now, rnd)
	c.putImage(r, state, now)
	return img.ID
}

// fillImage gives an image what a spec left open.
func fillImage(img *image.Image, now time.Time) {
	img.Name = cmp.Or(img.Name, string(img.ID))
	img.Status = cmp.Or(img.Status, image.StatusAvailable)
	img.OSType = cmp.Or(img.OSType, image.Linux)
	img.Platform = cmp.Or(img.Platform, "Aliyun")
	img.OSName = cmp.Or(img.OSName, "Alibaba Cloud Linux  3.2104 LTS 64 bit")
	img.Architecture = cmp.Or(img.Architecture, image.X86_64)
	if img.BootMode == "" {
		img.BootMode = image.BIOS
		if img.Architecture == image.ARM64 {
			img.BootMode = image.UEFI
		}
	}
	img.SizeGiB = cmp.Or(img.SizeGiB, 40)
	if img.CreatedAt.IsZero() {
		img.CreatedAt = now
	}
	img.CreatedAt = img.CreatedAt.UTC().Truncate(time.Second)
	if len(img.Tags) == 0 {
		img.Tags = nil
	}
	if img.Disks == nil {
		img.Disks = []image.DiskMapping{{Device: device(0), System: true, SizeGiB: img.SizeGiB, Encrypted: image.No}}
	} else {
		img.Disks = slices.Clone(img.Disks)
	}
}

// addImageDisks gives each disk of a custom image its snapshot, which is made if
// it is not there: no image is without.
func (c *Cloud) addImageDisks(r *region, account image.AccountID, state *imageState, source image.DiskID, now time.Time, rnd Random) {
	if state.img.Owner != account {
		return
	}
	for i := range state.img.Disks {
		d := &state.img.Disks[i]
		d.Device = cmp.Or(d.Device, device(i))
		if _, there := r.snapshots.live(string(d.SnapshotID)); there != nil {
			continue
		}
		if d.SnapshotID == "" {
			d.SnapshotID = image.SnapshotID(rnd.id("s", r.infix))
		}
		snap := image.Snapshot{
			ID: d.SnapshotID, SourceSystemDisk: d.System, SourceDiskSizeGiB: d.SizeGiB, ProductCode: state.img.ProductCode,
			Encrypted: d.Encrypted, CreatedAt: state.img.CreatedAt, SourceDisk: image.DiskID(rnd.id("d", r.infix)),
		}
		if d.System && source != "" {
			snap.SourceDisk = source
		}
		if state.img.Copied && state.parent.Region != "" {
			snap.SourceDisk = ""
			c.nameSource(&snap, state.parent, i)
		}
		s := &snapshotState{row: SnapshotRow{Snapshot: snap, Type: "user"}, work: state.work, kmsKey: state.kmsKey}
		if d.System {
			s.origin = state.parent
		}
		c.fillSnapshot(r, s, now, rnd)
		c.putSnapshot(r, account, s, now)
	}
}

// nameSource enters the snapshot that the ith disk of a copy was copied from.
func (c *Cloud) nameSource(snap *image.Snapshot, parent image.Ref, i int) {
	r := c.regions[parent.Region]
	if r == nil || c.readings().CopyHidesSource {
		return
	}
	if _, source := r.images.live(string(parent.ID)); source != nil && i < len(source.img.Disks) {
		snap.SourceSnapshot, snap.SourceRegion = source.img.Disks[i].SnapshotID, parent.Region
	}
}

// AddSnapshot puts a snapshot in and returns its id. Zero fields get defaults:
// an accomplished standard snapshot of a 40 GiB disk made now. One whose name
// begins with auto was taken automatically. It panics for a region that does not
// exist.
func (c *Cloud) AddSnapshot(account image.AccountID, regionID image.RegionID, snap image.Snapshot) image.SnapshotID {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	return c.addSnapshot(r, account, snap, now, c.random)
}

func (c *Cloud) addSnapshot(r *region, account image.AccountID, snap image.Snapshot, now time.Time, rnd Random) image.SnapshotID {
	if snap.ID == "" {
		snap.ID = image.SnapshotID(rnd.id("s", r.infix))
	}
	s := &snapshotState{row: SnapshotRow{Snapshot: snap, Type: "user"}}
	if strings.HasPrefix(snap.Name, "auto") {
		s.row.Type = "auto"
	}
	if _, disk := r.disks.owned(account, string(snap.SourceDisk)); disk != nil {
		s.origin = image.Ref{Account: account, Region: r.id, ID: disk.row.Image}
		s.written, s.row.Available = disk.written, essd(disk.row.Category)
	}
	c.fillSnapshot(r, s, now, rnd)
	c.putSnapshot(r, account, s, now)
	return snap.ID
}

func (c *Cloud) fillSnapshot(r *region, s *snapshotState, now time.Time, rnd Random) {
	row := &s.row
	row.Region, row.Account = r.id, ""
	row.Status = cmp.Or(row.Status, "accomplished")
	row.Category = cmp.Or(row.Category, "standard")
	row.SourceDiskSizeGiB = cmp.Or(row.SourceDiskSizeGiB, 40)
	row.FullSizeBytes = cmp.Or(row.FullSizeBytes, int64(row.SourceDiskSizeGiB)<<28+int64(rnd.IntN(1<<30)))
	if row.CreatedAt.IsZero() {
		row.CreatedAt = now
	}
	row.CreatedAt = row.CreatedAt.UTC().Truncate(time.Second)
	row.LastModifiedAt = row.CreatedAt
	row.LinkID = cmp.Or(row.LinkID, linkOf(row.SourceDisk, row.ID, row.Category))
	if row.SourceSnapshot != "" {
		row.Type = "copied"
	}
}

// putSnapshot adds a new snapshot to its region.
func (c *Cloud) putSnapshot(r *region, account image.AccountID, s *snapshotState, now time.Time) {
	s.row.Encrypted = image.TriOf(s.row.Encrypted == image.Yes)
	e := &entry[snapshotState]{id: string(s.row.ID), owner: account, created: s.row.CreatedAt}
	r.snapshots.add(e)
	r.snapshots.put(e, s, c.bornFrom(e.id, now), now)
}

// dropSnapshot takes a snapshot away.
func (c *Cloud) dropSnapshot(r *region, id image.SnapshotID, now time.Time) {
	if e, state := r.snapshots.live(string(id)); state != nil {
		r.snapshots.put(e, nil, c.visibleFrom(e.id, now), now)
	}
}

// AddDisk puts a disk in and returns its id. Zero fields get defaults: an
// Available 40 GiB cloud_essd disk made now. It panics for a region that does
// not exist.
func (c *Cloud) AddDisk(account image.AccountID, regionID image.RegionID, disk image.Disk) image.DiskID {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	return c.addDisk(r, account, DiskRow{Disk: disk, DeleteWithInstance: true}, now, c.random)
}

func (c *Cloud) addDisk(r *region, account image.AccountID, row DiskRow, now time.Time, rnd Random) image.DiskID {
	if row.ID == "" {
		row.ID = image.DiskID(rnd.id("d", r.infix))
	}
	row.Region, row.Account = r.id, ""
	row.Encrypted = image.TriOf(row.Encrypted == image.Yes)
	row.SizeGiB = cmp.Or(row.SizeGiB, 40)
	row.Category = cmp.Or(row.Category, "cloud_essd")
	row.ChargeType = cmp.Or(row.ChargeType, "PostPaid")
	row.Zone = cmp.Or(row.Zone, r.zoneIDs()[0])
	row.Status = cmp.Or(row.Status, "Available")
	if row.Instance != "" {
		row.Status = "In_use"
	}
	if row.Category == "cloud_essd" {
		row.PerformanceLevel = cmp.Or(row.PerformanceLevel, "PL1")
	}
	if row.CreatedAt.IsZero() {
		row.CreatedAt = now
	}
	row.CreatedAt = row.CreatedAt.UTC().Truncate(time.Second)
	if row.Instance != "" && row.AttachedAt.IsZero() {
		row.AttachedAt = row.CreatedAt
	}
	if row.SourceSnapshot != "" {
		r.inDisks[row.SourceSnapshot]++
	}
	e := &entry[diskState]{id: string(row.ID), owner: account, created: row.CreatedAt}
	r.disks.add(e)
	r.disks.put(e, &diskState{row: row, written: append(slices.Clip(r.contentOf(row)), row.ID)}, c.bornFrom(e.id, now), now)
	return row.ID
}

// AddInstance puts an instance and its disks in and returns its id. It panics
// for a region that does not exist.
func (c *Cloud) AddInstance(account image.AccountID, regionID image.RegionID, spec InstanceSpec) image.InstanceID {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	return c.addInstance(r, account, spec, now, c.random)
}

func (c *Cloud) addInstance(r *region, account image.AccountID, spec InstanceSpec, now time.Time, rnd Random) image.InstanceID {
	row := InstanceRow{Instance: spec.Instance}
	if row.ID == "" {
		row.ID = image.InstanceID(rnd.id("i", r.infix))
	}
	row.Region, row.Account = r.id, ""
	system, _ := r.runs(row.Image)
	c.fillInstance(r, &row, system, now, rnd)
	e := &entry[instanceState]{id: string(row.ID), owner: account, created: row.CreatedAt}
	r.instances.add(e)
	r.instances.put(e, &instanceState{row: row}, c.bornFrom(e.id, now), now)
	r.startRunning(row.Image)
	disk := DiskRow{Device: device(0), DeleteWithInstance: true, ChargeType: row.ChargeType, Disk: image.Disk{
		System: true, Instance: row.ID, Image: row.Image, Zone: row.Zone, CreatedAt: row.CreatedAt,
		SizeGiB: max(system.SizeGiB, 40), ProductCode: system.ProductCode, Encrypted: system.Encrypted(),
	}}
	c.addDisk(r, account, disk, now, rnd)
	for i, size := range spec.DataDisks {
		disk := DiskRow{Device: device(i + 1), DeleteWithInstance: true, ChargeType: row.ChargeType, Disk: image.Disk{
			Instance: row.ID, Zone: row.Zone, CreatedAt: row.CreatedAt, SizeGiB: size, Category: "cloud_essd",
		}}
		c.addDisk(r, account, disk, now, rnd)
	}
	return row.ID
}

// runs returns the image an instance runs, as it truly is.
func (r *region) runs(id image.ID) (image.Image, bool) {
	_, s := r.images.live(string(id))
	if s == nil {
		return image.Image{}, false
	}
	return s.img, true
}

func (r *region) startRunning(id image.ID) {
	r.running[id]++
	r.everRan[id] = true
}

func (r *region) stopRunning(id image.ID) {
	if r.running[id]--; r.running[id] <= 0 {
		delete(r.running, id)
	}
}

// fillInstance gives an instance what a spec left open.
func (c *Cloud) fillInstance(r *region, row *InstanceRow, system image.Image, now time.Time, rnd Random) {
	row.Name = cmp.Or(row.Name, string(row.ID))
	row.Status = cmp.Or(row.Status, image.InstanceRunning)
	row.Type = cmp.Or(row.Type, image.InstanceTypeID("ecs.g7.large"))
	row.Zone = cmp.Or(row.Zone, r.zoneIDs()[0])
	row.OSType = cmp.Or(row.OSType, system.OSType, image.Linux)
	row.OSName = cmp.Or(row.OSName, system.OSName)
	row.ChargeType = cmp.Or(row.ChargeType, "PostPaid")
	row.SpotStrategy = cmp.Or(row.SpotStrategy, "NoSpot")
	row.StoppedMode = cmp.Or(row.StoppedMode, "Not-applicable")
	if t, ok := instanceType(row.Type); ok {
		row.VCPUs, row.MemoryMiB, row.TypeFamily = cmp.Or(row.VCPUs, t.VCPUs), cmp.Or(row.MemoryMiB, int(t.MemoryGiB*1024)), t.FamilyName
	}
	if row.CreatedAt.IsZero() {
		row.CreatedAt = now
	}
	// DescribeInstances tells times to the minute.
	row.CreatedAt = row.CreatedAt.UTC().Truncate(time.Minute)
	if row.StartedAt = row.CreatedAt.Add(time.Minute); row.StartedAt.After(now) { // nothing has started in the future
		row.StartedAt = row.CreatedAt
	}
	if row.Status == image.InstanceRunning {
		row.runningFrom = row.StartedAt
	}
	if row.ChargeType == "PrePaid" {
		row.ExpiredAt = Epoch().AddDate(0, 6, 0)
		if !row.ExpiresAt.IsZero() {
			row.ExpiredAt = row.ExpiresAt
		}
	}
	row.HostName = row.Name
	row.VPC, row.VSwitch = r.vpc(), r.vSwitch(row.Zone)
	row.PrivateIP = fmt.Sprintf("10.%d.%d.%d", row.Zone[len(row.Zone)-1], rnd.IntN(250)+1, rnd.IntN(250)+1)
	row.SecurityGroups = []string{r.securityGroup()}
}

// SetInstanceStatus changes the state of an instance. It reports whether there
// is such an instance. Like all of world-building it is seen at once.
func (c *Cloud) SetInstanceStatus(regionID image.RegionID, id image.InstanceID, status image.InstanceStatus) bool {
	return c.editInstance(regionID, id, func(i *instanceState) { i.row.Status, i.steps = status, nil })
}

// LockInstance gives an instance operation locks, e.g. "security". It reports
// whether there is such an instance.
func (c *Cloud) LockInstance(regionID image.RegionID, id image.InstanceID, reasons ...string) bool {
	return c.editInstance(regionID, id, func(i *instanceState) { i.row.Locks = slices.Clone(reasons) })
}

func (c *Cloud) editInstance(regionID image.RegionID, id image.InstanceID, edit func(*instanceState)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	e, state := r.instances.live(string(id))
	if state == nil {
		return false
	}
	next := *state
	edit(&next)
	r.instances.put(e, &next, now, now)
	return true
}

// ReplaceSystemDisk puts an instance onto another image: the old system disk is
// gone, with it what it told of the image before, and a new one is there. It
// returns the new disk's id, empty if there is no such instance.
func (c *Cloud) ReplaceSystemDisk(regionID image.RegionID, id image.InstanceID, with image.ID) image.DiskID {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	return c.replaceDisk(r, id, with, now, now, c.random)
}

func (c *Cloud) replaceDisk(r *region, id image.InstanceID, with image.ID, at, now time.Time, rnd Random) image.DiskID {
	e, state := r.instances.live(string(id))
	if state == nil {
		return ""
	}
	next := *state
	system, _ := r.runs(with)
	next.row.Image, next.row.OSType, next.row.OSName = with, cmp.Or(system.OSType, next.row.OSType), cmp.Or(system.OSName, next.row.OSName)
	r.stopRunning(state.row.Image)
	r.startRunning(with)
	r.instances.put(e, &next, now, now)
	row := DiskRow{Device: device(0), DeleteWithInstance: true, ChargeType: next.row.ChargeType}
	for _, old := range r.disksOf(id, e.owner) {
		if s := old.truth(); s.row.System {
			row = s.row
			r.dropDisk(old, now, now)
		}
	}
	row.ID, row.Image, row.System, row.Instance, row.CreatedAt, row.AttachedAt = "", with, true, id, at, at
	row.ProductCode, row.SourceSnapshot = system.ProductCode, ""
	return c.addDisk(r, e.owner, row, now, rnd)
}

// ReleaseInstance takes an instance and its disks away, as the end of a Packer
// build does. It reports whether there was such an instance.
func (c *Cloud) ReleaseInstance(regionID image.RegionID, id image.InstanceID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	e, state := r.instances.live(string(id))
	if state == nil {
		return false
	}
	for _, d := range r.disksOf(id, e.owner) {
		r.dropDisk(d, now, now)
	}
	r.instances.put(e, nil, now, now)
	r.stopRunning(state.row.Image)
	return true
}

// DeleteAutoSnapshots sets whether the automatic snapshots of a disk go with it.
// It reports whether there is such a disk.
func (c *Cloud) DeleteAutoSnapshots(regionID image.RegionID, id image.DiskID, with bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	r.settle(now)
	e, state := r.disks.live(string(id))
	if state == nil {
		return false
	}
	next := *state
	next.row.DeleteAutoSnapshot = with
	r.disks.put(e, &next, now, now)
	return true
}

// dropDisk takes a disk away; reads see it from then on.
func (r *region) dropDisk(e *entry[diskState], from, now time.Time) {
	if source := e.truth().row.SourceSnapshot; source != "" {
		if r.inDisks[source]--; r.inDisks[source] <= 0 {
			delete(r.inDisks, source)
		}
	}
	r.disks.put(e, nil, from, now)
}
