package importing

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing/diskimage"
	"imagekeeper/shared/survey"
)

// Store reads objects of any bucket.
type Store interface {
	// Head tells what an object is; a missing one is of kind fault.NotFound.
	Head(ctx context.Context, bucket, key string) (image.ObjectInfo, error)
	// ReadAt returns exactly length bytes from offset on.
	ReadAt(ctx context.Context, bucket, key string, offset, length int64) ([]byte, error)
	// BucketRegion is where a bucket is; a missing one is of kind fault.NotFound.
	BucketRegion(ctx context.Context, bucket string) (image.RegionID, error)
}

// Limits are what an account may have, and what others may do in it.
type Limits interface {
	Quota(ctx context.Context, in image.RegionID, action string) (image.Quota, error)
	Role(ctx context.Context, name string) (image.Role, error)
	// MayMake tells whether a call that makes an image is permitted, and changes nothing.
	MayMake(ctx context.Context, in image.RegionID, m image.Making) (image.Tri, error)
}

// Ports are what is looked at beside the survey.
type Ports struct {
	Store  Store
	Limits Limits
	// Prefixes are those of IMPORT_SOURCES, below which objects may be read.
	Prefixes []Prefix
	// Journal is the bucket of the journal; empty: it is in none.
	Journal string
	// Storage is what a GiB of snapshots costs a month in a region, in a currency; nil
	// where that is not known.
	Storage func(in image.RegionID, currency string) *big.Rat
}

// Prefix is a part of a bucket that imports may read.
type Prefix struct{ Bucket, Key string }

// UnmarshalText reads oss://bucket/prefix. It fails with fault.Invalid for anything
// else.
func (p *Prefix) UnmarshalText(text []byte) error {
	rest, ok := strings.CutPrefix(string(text), "oss://")
	bucket, key, _ := strings.Cut(rest, "/")
	if !ok || len(bucket) < 3 || strings.Contains(key, "//") || slices.Contains(strings.Split(key, "/"), "..") {
		return fault.New(fault.Invalid, "must be oss://bucket/prefix")
	}
	*p = Prefix{bucket, key}
	return nil
}

// Covers reports whether an object lies below the prefix: incoming covers
// incoming/web.raw, and not incoming-old/web.raw.
func (p Prefix) Covers(bucket, key string) bool {
	if bucket != p.Bucket || slices.Contains(strings.Split(key, "/"), "..") {
		return false
	}
	folder := strings.TrimSuffix(p.Key, "/")
	return folder == "" || strings.HasPrefix(key, folder+"/")
}

// quotaImages is how many custom images there may be in a region; source: Quota
// Center.
const quotaImages = "q_user-image-count"

// Observe looks at everything that a wish depends on. What cannot be seen is part
// of the observation; Observe does not fail. The wish has a region and an account.
func Observe(ctx context.Context, s *survey.Survey, ports Ports, w Wish) Observed {
	o := Observed{Region: w.Region, Account: w.Account, Places: map[image.RegionID]PlaceSeen{}, Roles: map[string]RoleSeen{}, May: map[string]image.Tri{}}
	see := &observer{survey: s, ports: ports, wish: w, seen: &o}
	parts := []func(context.Context){see.source, see.role, see.types}
	for _, region := range w.Regions() {
		parts = append(parts, func(ctx context.Context) { see.place(ctx, region) })
	}
	survey.Each(parts, func(part func(context.Context)) { part(ctx) })
	see.permissions(ctx)
	o.Cost = see.cost(ctx)
	return o
}

// observer collects what several looks see at the same time.
type observer struct {
	survey *survey.Survey
	ports  Ports
	wish   Wish
	mu     sync.Mutex
	seen   *Observed
}

func (o *observer) keep(f func(seen *Observed)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f(o.seen)
}

func (o *observer) home() *survey.Place { return o.survey.Place(o.wish.Account, o.wish.Region) }

func reasonOf(err error) *image.Reason {
	return &image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}
}

func (o *observer) source(ctx context.Context) {
	s := o.wish.Source
	home := o.home()
	switch {
	case s.Object != nil:
		o.objects(ctx)
	case home == nil:
		o.keep(func(seen *Observed) {
			seen.Unread = &image.Reason{Code: survey.CodeUnread, Sentence: "the account cannot be looked at in " + string(o.wish.Region)}
		})
	case s.Instance != nil:
		o.instance(ctx, home)
	case s.Snapshots != nil:
		ids := append([]image.SnapshotID{s.Snapshots.System}, s.Snapshots.Data...)
		found, err := home.Snapshots(ctx, image.SnapshotListing{IDs: ids})
		o.read(err, func(seen *Observed) { seen.Snapshots = found })
	default:
		o.existing(ctx)
	}
}

// read keeps what was read, or why it was not.
func (o *observer) read(err error, f func(*Observed)) {
	o.keep(func(seen *Observed) {
		if err != nil {
			seen.Unread = reasonOf(err)
			return
		}
		f(seen)
	})
}

// existing finds the image that is copied: in the region of the wish, or else where it
// is.
func (o *observer) existing(ctx context.Context) {
	var found *image.Image
	for _, sighting := range o.survey.Find(ctx, []image.ID{o.wish.Source.Image.ImageID}) {
		for _, view := range sighting.Views {
			if view.Account == o.wish.Account && (found == nil || view.Region == o.wish.Region) {
				found = &view
			}
		}
	}
	if found != nil {
		o.keep(func(seen *Observed) { seen.Existing = found })
		return
	}
	if unread := o.survey.Unread(); len(unread) > 0 {
		o.keep(func(seen *Observed) { seen.Unread = &unread[0].Reason })
	}
}

// objects looks at every object of an import.
func (o *observer) objects(ctx context.Context) {
	object := o.wish.Source.Object
	keys := object.keys()
	seen := make([]ObjectSeen, len(keys))
	survey.EachIndex(len(keys), func(n int) { seen[n] = o.object(ctx, object.Bucket, keys[n]) })
	o.keep(func(all *Observed) { all.Objects = seen })
}

func (o *observer) object(ctx context.Context, bucket, key string) ObjectSeen {
	seen := ObjectSeen{Bucket: bucket, Key: key}
	seen.Allowed = slices.ContainsFunc(o.ports.Prefixes, func(p Prefix) bool { return p.Covers(bucket, key) })
	if !seen.Allowed {
		return seen
	}
	head, err := o.ports.Store.Head(ctx, bucket, key)
	if errors.Is(err, fault.NotFound) {
		seen.Missing = true
		return seen
	}
	if err != nil {
		seen.Unread = reasonOf(err)
		return seen
	}
	seen.Stamp = stampOf(head)
	seen.Region, seen.StorageClass, seen.Restored, seen.Encrypted = head.Region, head.StorageClass, head.Restored, head.Encrypted
	if archived := head.StorageClass != "" && head.StorageClass != "Standard" && head.StorageClass != "IA"; archived && head.Restored != image.Yes {
		return seen // its bytes cannot be read
	}
	seen.Disk, err = diskimage.Inspect(ctx, reading{o.ports.Store, bucket, key}, head.Size, key)
	if err != nil {
		seen.Unread = reasonOf(err)
	}
	return seen
}

// stampOf is what tells one version of an object from another.
func stampOf(i image.ObjectInfo) Stamp {
	return Stamp{ETag: i.ETag, CRC64: i.CRC64, Size: i.Size, ModifiedAt: i.ModifiedAt, VersionID: i.VersionID}
}

// reading reads one object.
type reading struct {
	store       Store
	bucket, key string
}

func (r reading) ReadAt(ctx context.Context, offset, length int64) ([]byte, error) {
	return r.store.ReadAt(ctx, r.bucket, r.key, offset, length)
}

// instance looks at a server, its disks, and whether a snapshot of it is being made.
func (o *observer) instance(ctx context.Context, home *survey.Place) {
	id := o.wish.Source.Instance.InstanceID
	found, err := home.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{id}})
	if err != nil || len(found) == 0 {
		o.read(err, func(*Observed) {})
		return
	}
	seen := &InstanceSeen{Instance: found[0]}
	if seen.Disks, err = home.Disks(ctx, image.DiskListing{Instance: id}); err != nil {
		o.read(err, nil)
		return
	}
	if running, err := home.Snapshots(ctx, image.SnapshotListing{Instance: id, Status: "progressing"}); err == nil {
		seen.SnapshotRunning = image.TriOf(len(running) > 0)
	}
	o.keep(func(all *Observed) { all.Instance = seen })
}

// place looks at the names, the number of images and the copies of one region.
func (o *observer) place(ctx context.Context, region image.RegionID) {
	p := PlaceSeen{Taken: map[string]Taker{}, Images: -1, Most: -1, Copies: -1}
	defer func() { o.keep(func(seen *Observed) { seen.Places[region] = p }) }()
	at := o.survey.Place(o.wish.Account, region)
	if at == nil {
		p.Unread = &image.Reason{Code: survey.CodeUnread, Sentence: "the account cannot be looked at there"}
		return
	}
	images, err := at.Images(ctx, image.Listing{Statuses: image.Statuses()})
	if err != nil {
		p.Unread = reasonOf(err)
		return
	}
	p.Images, p.Copies = 0, 0
	for n := range images {
		i := &images[n]
		if i.Kind != image.KindCustom {
			continue
		}
		p.Images++
		if i.Name == o.wish.Image.Name || i.Name == o.wish.Image.Unverified() {
			p.Taken[i.Name] = Taker{i.ID, i.Tags[TagImport]}
		}
		if i.Copied && (i.Status == image.StatusCreating || i.Status == image.StatusWaiting) {
			p.Copies++
		}
	}
	if q, err := o.ports.Limits.Quota(ctx, region, quotaImages); err == nil {
		p.Most = int(q.Total)
	}
}

// role looks at the role that ECS assumes.
func (o *observer) role(ctx context.Context) {
	name := RoleOf(o.wish)
	if name == "" {
		return
	}
	seen := roleSeen(ctx, o.ports.Limits, name)
	o.keep(func(all *Observed) { all.Roles[name] = seen })
}

// roleSeen looks at a role that ECS assumes.
func roleSeen(ctx context.Context, limits Limits, name string) RoleSeen {
	r, err := limits.Role(ctx, name)
	switch {
	case err == nil:
		return RoleSeen{Exists: image.Yes, Trusts: image.TriOf(slices.Contains(r.Trusted, "ecs.aliyuncs.com"))}
	case errors.Is(err, fault.NotFound):
		return RoleSeen{Exists: image.No, Trusts: image.No}
	}
	return RoleSeen{}
}

// permissions asks by a dry run whether the image may be made. ECS is not asked about
// objects that nobody allows to be read.
func (o *observer) permissions(ctx context.Context) {
	action, in, m := o.making()
	may := image.Unknown
	if !slices.ContainsFunc(o.seen.Objects, func(s ObjectSeen) bool { return !s.Allowed || s.Missing }) {
		told, err := o.ports.Limits.MayMake(ctx, in, m)
		switch kind := fault.Of(err); {
		case err == nil:
			may = told
		case slices.Contains([]fault.Kind{fault.Invalid, fault.NotFound, fault.Conflict, fault.Precondition, fault.Exhausted}, kind):
			o.seen.Refused = reasonOf(err)
		}
	}
	o.seen.May[action] = may
}

// making is the call that makes the image, and where it is sent.
func (o *observer) making() (action string, in image.RegionID, m image.Making) {
	w, s := o.wish.Image, o.wish.Source
	switch {
	case s.Object != nil:
		r := image.ImportRequest{
			Name: w.Unverified(), OSType: w.OSType, Platform: w.Platform, Architecture: w.Arch(), BootMode: w.BootMode, LicenseType: w.Licence(),
		}
		for _, seen := range o.seen.Objects {
			r.Disks = append(r.Disks, image.ImportDisk{Format: string(seen.Disk.Format), Bucket: seen.Bucket, Object: seen.Key, SizeGiB: seen.Disk.GiB()})
		}
		return "ecs:ImportImage", o.wish.Region, image.Making{Import: &r}
	case s.Image != nil:
		from := o.wish.Region
		if i := o.seen.Existing; i != nil {
			from = i.Region
		}
		return "ecs:CopyImage", from, image.Making{Copy: &image.CopyRequest{
			Image: s.Image.ImageID, To: o.wish.Region, Name: w.Unverified(), Encrypted: s.Image.KMSKeyID != "", KMSKey: s.Image.KMSKeyID,
		}}
	case s.Instance != nil:
		return "ecs:CreateImage", o.wish.Region, image.Making{Create: &image.CreateRequest{Name: w.Unverified(), Instance: s.Instance.InstanceID}}
	}
	r := image.CreateRequest{Name: w.Unverified(), Platform: w.Platform, Architecture: w.Arch(), BootMode: w.BootMode}
	for _, id := range append([]image.SnapshotID{s.Snapshots.System}, s.Snapshots.Data...) {
		r.Snapshots = append(r.Snapshots, image.SnapshotDisk{Snapshot: id})
	}
	return "ecs:CreateImage", o.wish.Region, image.Making{Create: &r}
}

// types finds what a boot test can run on, the smallest first.
func (o *observer) types(ctx context.Context) {
	home := o.home()
	if o.wish.Test == nil || home == nil {
		return
	}
	var asked []image.InstanceTypeID
	if o.wish.Test.InstanceType != "" {
		asked = []image.InstanceTypeID{o.wish.Test.InstanceType}
	}
	all, err := home.InstanceTypes(ctx, asked)
	if err != nil {
		return
	}
	fitting := slices.DeleteFunc(slices.Clone(all), func(t image.InstanceType) bool { return !boots(t, o.wish.Image) })
	slices.SortFunc(fitting, func(a, b image.InstanceType) int {
		return cmp.Or(cmp.Compare(a.VCPUs, b.VCPUs), cmp.Compare(a.MemoryGiB, b.MemoryGiB), cmp.Compare(a.ID, b.ID))
	})
	o.keep(func(seen *Observed) { seen.Types = fitting })
}

// boots: an instance type can boot an image that is as wished.
func boots(t image.InstanceType, want Target) bool {
	arch := want.Arch()
	if arch == image.I386 {
		arch = image.X86_64
	}
	mode := want.BootMode
	switch {
	case t.Architecture != "" && t.Architecture != arch, t.MemoryGiB < 1:
		return false
	case t.NVMe == "required" && want.NVMe != "supported":
		return false
	case want.Architecture == image.I386 && t.MemoryGiB >= 4:
		return false
	}
	if mode == image.UEFIPreferred || len(t.BootModes) == 0 {
		return true
	}
	if mode == "" && arch == image.ARM64 {
		mode = image.UEFI
	}
	return slices.Contains(t.BootModes, cmp.Or(mode, image.BIOS))
}

// diskGiB is how large all disks of the image are.
func (o *observer) diskGiB() int { return o.seen.diskGiB() }

func (o Observed) diskGiB() int {
	size := 0
	for _, object := range o.Objects {
		size += object.Disk.GiB()
	}
	if i := o.Instance; i != nil {
		for _, d := range i.Disks {
			size += d.SizeGiB
		}
	}
	for _, s := range o.Snapshots {
		size += s.SourceDiskSizeGiB
	}
	if i := o.Existing; i != nil {
		for _, d := range i.Disks {
			size += d.SizeGiB
		}
	}
	return size
}
