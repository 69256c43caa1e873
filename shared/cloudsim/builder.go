package cloudsim

import (
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// A Builder puts things straight into one region, past the API's rules, and
// sees all that is there, whoever owns it. It draws ids from a random stream of
// its own: what one builder puts in changes no id of another's.
type Builder struct {
	Random
	cloud  *Cloud
	region *region
}

// Builder returns a builder for a region, with the random stream of that name.
// It panics for a region that does not exist.
func (c *Cloud) Builder(regionID image.RegionID, stream string) *Builder {
	return &Builder{newRandom(c.options.Seed, stream), c, c.mustRegion(regionID)}
}

// AtOnce does what has each change seen at once, whatever Options.Visibility says.
func (c *Cloud) AtOnce(do func() error) error {
	c.prompt.Store(true)
	defer c.prompt.Store(false)
	return do()
}

// Load lets fill put in a large number of images, which is much faster this
// way; nobody reads the cloud meanwhile. The image quota of an account that has
// used it up afterwards is what it has and 100 more.
func (c *Cloud) Load(fill func()) {
	c.eachRegion(func(r *region) { r.images.loading, r.snapshots.loading = true, true })
	fill()
	c.eachRegion(func(r *region) {
		r.images.loaded()
		r.snapshots.loaded()
		for _, b := range r.books {
			if b.images >= b.quota {
				b.quota = b.images + 100
			}
		}
		r.settle(c.now())
	})
}

func (c *Cloud) eachRegion(do func(*region)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.regions {
		do(r)
	}
}

// ID returns a new id as ECS makes them, such as m-bp1… for the prefix "m".
func (b *Builder) ID(prefix string) string { return b.id(prefix, b.region.infix) }

// Region is the region it works in.
func (b *Builder) Region() image.RegionID { return b.region.id }

// Infix is what ids of the region have after their prefix.
func (b *Builder) Infix() string { return b.region.infix }

// Zones are the region's zones.
func (b *Builder) Zones() []image.ZoneID { return b.region.zoneIDs() }

// SharesEncrypted reports whether encrypted images can be shared in the region.
func (b *Builder) SharesEncrypted() bool { return b.region.sharesEncrypted() }

// write does something to the region, as of now.
func write[T any](b *Builder, do func(now time.Time) T) T {
	b.cloud.mu.Lock()
	defer b.cloud.mu.Unlock()
	now := b.cloud.now()
	b.region.settle(now)
	return do(now)
}

// AddImage puts an image in and returns its id; see Cloud.AddImage.
func (b *Builder) AddImage(account image.AccountID, spec ImageSpec) image.ID {
	return write(b, func(now time.Time) image.ID { return b.cloud.addImage(b.region, account, spec, now, b.Random) })
}

// AddInstance puts an instance and its disks in and returns its id.
func (b *Builder) AddInstance(account image.AccountID, spec InstanceSpec) image.InstanceID {
	return write(b, func(now time.Time) image.InstanceID {
		return b.cloud.addInstance(b.region, account, spec, now, b.Random)
	})
}

// AddSnapshot puts a snapshot in and returns its id; see Cloud.AddSnapshot.
func (b *Builder) AddSnapshot(account image.AccountID, snap image.Snapshot) image.SnapshotID {
	return write(b, func(now time.Time) image.SnapshotID {
		return b.cloud.addSnapshot(b.region, account, snap, now, b.Random)
	})
}

// ReplaceSystemDisk puts an instance onto another image, as it was done at a
// time; see Cloud.ReplaceSystemDisk.
func (b *Builder) ReplaceSystemDisk(id image.InstanceID, with image.ID, at time.Time) image.DiskID {
	return write(b, func(now time.Time) image.DiskID { return b.cloud.replaceDisk(b.region, id, with, at, now, b.Random) })
}

// AddLaunchTemplate puts a launch template in and returns its id.
func (b *Builder) AddLaunchTemplate(account image.AccountID, spec LaunchTemplateSpec) string {
	return write(b, func(now time.Time) string { return b.cloud.addTemplate(b.region, account, spec, now, b.Random) })
}

// AddScalingGroup puts a scaling group and its configurations in.
func (b *Builder) AddScalingGroup(account image.AccountID, spec ScalingGroupSpec) {
	write(b, func(now time.Time) string {
		id, _ := b.cloud.addScalingGroup(b.region, account, spec, now, b.Random)
		return id
	})
}

// AddImagePipeline puts a pipeline and its runs in.
func (b *Builder) AddImagePipeline(account image.AccountID, spec PipelineSpec) {
	write(b, func(now time.Time) string {
		id, _ := b.cloud.addPipeline(b.region, account, spec, now, b.Random)
		return id
	})
}

// Images returns what an owner has, newest first, with the states of now; see
// SystemOwner and MarketplaceOwner.
func (b *Builder) Images(owner image.AccountID) []image.Image {
	return b.images(func(*imageState) bool { return true }, func() *shelf[imageState] { return b.region.images.of(owner) })
}

// SharedTo returns what others share with an account, newest first.
func (b *Builder) SharedTo(account image.AccountID) []image.Image {
	return b.images(func(s *imageState) bool { return s.grantedTo(account) }, func() *shelf[imageState] {
		if s := b.region.granted[account]; s != nil {
			return s
		}
		return &shelf[imageState]{}
	})
}

func (b *Builder) images(wanted func(*imageState) bool, from func() *shelf[imageState]) []image.Image {
	b.cloud.mu.RLock()
	defer b.cloud.mu.RUnlock()
	var list []image.Image
	for _, e := range from().rows {
		if s := e.truth(); s != nil && wanted(s) {
			img := s.img
			img.Status = s.status(b.cloud.now())
			list = append(list, img)
		}
	}
	return list
}

// Disks returns an instance's disks, by device.
func (b *Builder) Disks(account image.AccountID, id image.InstanceID) []DiskRow {
	b.cloud.mu.RLock()
	defer b.cloud.mu.RUnlock()
	var list []DiskRow
	for _, e := range b.region.disksOf(id, account) {
		list = append(list, e.truth().row)
	}
	return list
}

// TypesFor returns the instance types that can start from an image.
func TypesFor(img image.Image) []image.InstanceType {
	return slices.DeleteFunc(instanceTypes(), func(t image.InstanceType) bool { return !boots(t, &img) })
}
