// Package company is what a company has in Alibaba Cloud: image families built
// every week and copied to other regions, images of partners and vendors,
// instances, launch templates, scaling groups and pipelines, put into an
// emulated cloud.
package company

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// Options say how large a company is. Zero numbers mean the defaults.
type Options struct {
	// Images is how many images account 1000000000000001 sees over all regions,
	// of every kind and state. Default 400.
	Images int
	// Instances is how many instances the accounts have together. Default 120.
	Instances int
	// PackerBuilt: no builder is left, and no tag names a parent: what images were
	// made on was released, as Packer does.
	PackerBuilt bool
}

// New returns a cloud that a company works in.
func New(world cloudsim.Options, size Options) *cloudsim.Cloud {
	cloud := cloudsim.New(world)
	Fill(cloud, size)
	return cloud
}

// A seeder fills a cloud with a company's images. All its dates are counted
// back from Epoch, and all its ids come from the seed and the region, so that
// one more image in one region changes nothing in another.
type seeder struct {
	cloud *cloudsim.Cloud
	Options
	// left is how many images account 1 is still to see.
	left int
	// tags are shared between images that have the same ones.
	tags map[string]image.Tags
	// publics are Alibaba Cloud's images by id.
	publics map[string]image.Image
	// built are the versions made in the home region, by family, newest first.
	built map[image.Family][]image.Ref
}

// Fill puts a company into a cloud that nobody uses yet.
func Fill(cloud *cloudsim.Cloud, size Options) {
	size.Images, size.Instances = cmp.Or(size.Images, 400), cmp.Or(size.Instances, 120)
	s := &seeder{
		cloud: cloud, Options: size, left: size.Images, tags: map[string]image.Tags{},
		publics: map[string]image.Image{}, built: map[image.Family][]image.Ref{},
	}
	for _, p := range publicImages() {
		s.publics[p.id] = p.spec()
	}
	cloud.Configure(cloudsim.FirstAccount, cloudsim.AccountSettings{
		ShareRole: true, CommunityTerms: true,
		Subscriptions: []image.ProductCode{products()[0].code, products()[1].code},
	})
	cloud.Load(s.images)
	s.servers(s.Instances)
	s.references()
}

// builder works in a region with a random stream of its own.
func (s *seeder) builder(region image.RegionID, stream string) *cloudsim.Builder {
	return s.cloud.Builder(region, stream+"/"+string(region))
}

// images adds all images: everybody's, others', then account 1's own.
func (s *seeder) images() {
	total := s.left
	for _, sh := range shares() {
		s.public(s.builder(sh.region, "public"), min(len(publicImages()), max(1, total/20)))
	}
	for _, sh := range shares() {
		s.foreign(s.builder(sh.region, "foreign"), total)
	}
	custom := s.left
	for i, sh := range shares() {
		n := custom * sh.percent / 100
		if i == 0 {
			n += custom - total100(custom)
		}
		s.custom(s.builder(sh.region, "custom"), i, n)
	}
}

// total100 is what remains of n after cutting it by percent, region by region.
func total100(n int) int {
	sum := 0
	for _, sh := range shares() {
		sum += n * sh.percent / 100
	}
	return sum
}

// add puts one image in that account 1 sees, unless there are enough.
func (s *seeder) add(b *cloudsim.Builder, owner image.AccountID, spec cloudsim.ImageSpec) (image.ID, bool) {
	if s.left == 0 {
		return "", false
	}
	s.left--
	return b.AddImage(owner, spec), true
}

// public adds the first n of Alibaba Cloud's images.
func (s *seeder) public(b *cloudsim.Builder, n int) {
	for _, p := range publicImages()[:n] {
		s.add(b, cloudsim.SystemOwner, cloudsim.ImageSpec{Image: p.spec()})
	}
}

// spec is the public image as it is put into a region.
func (p publicImage) spec() image.Image {
	return image.Image{
		Ref: image.Ref{ID: image.ID(p.id)}, Kind: image.KindPublic, Name: p.id, Description: "Official image of " + p.osName,
		OSType: p.osType(), OSName: p.osName, Platform: p.platform, Architecture: p.arch, BootMode: p.boot,
		NVMe: p.nvme, SizeGiB: p.sizeGiB, CreatedAt: p.created(), CloudInit: p.osType() == image.Linux,
	}
}

// based is what an image has from the public image it is made from; the rest
// is open.
func (s *seeder) based(id string) image.Image {
	img := s.publics[id]
	img.Ref, img.Kind, img.Name, img.Description = image.Ref{}, "", "", ""
	return img
}

// foreign adds what others offer: Marketplace and community images, and images
// that account 2 shares; and some of account 2's own.
func (s *seeder) foreign(b *cloudsim.Builder, total int) {
	for i, p := range products()[:min(len(products()), total/200)] {
		if p.abroad || strings.HasPrefix(string(b.Region()), "cn-") && b.Region() != "cn-hongkong" {
			s.add(b, cloudsim.MarketplaceOwner, cloudsim.ImageSpec{Image: s.product(p, i), Parent: image.Ref{Account: cloudsim.SystemOwner, Region: b.Region(), ID: image.ID(p.base)}})
		}
	}
	if b.Region() == homeRegion && total >= 1000 {
		s.add(b, cloudsim.MarketplaceOwner, s.alibabas())
	}
	for i := range min(2, total/400) {
		s.add(b, "1000000000000003", s.community(i))
	}
	for i := range min(20, total/130) {
		s.add(b, cloudsim.SecondAccount, s.partner("partner-edge", i, b, cloudsim.FirstAccount))
	}
	for i := range min(4, 1+total/100) {
		b.AddImage(cloudsim.SecondAccount, s.partner("partner-core", i, b))
	}
}

// product is what a vendor sells, as it is put into a region.
func (s *seeder) product(p product, i int) image.Image {
	img := s.based(p.base)
	img.Kind, img.Name, img.Description = image.KindMarketplace, p.name, p.description
	img.ProductCode, img.Supplier, img.Version, img.SizeGiB = p.code, p.supplier, p.version, 40
	img.CreatedAt = cloudsim.Epoch().AddDate(0, 0, -40-17*i)
	return img
}

// alibabas is what Alibaba Cloud itself offers in the Marketplace. Its ids are
// given, so that those of all others are as they were.
func (s *seeder) alibabas() cloudsim.ImageSpec {
	img := s.product(product{
		"cmjj00068888", "ACK node, GPU (Alibaba Cloud Linux 3)", "Alibaba Cloud", "Node of a container cluster with drivers",
		"aliyun_3_x64_20G_alibase_20260815.vhd", "V1.2", true, "cuda",
	}, 0)
	img.ID, img.SizeGiB = "m-bp1acknodegpu000001a", 40
	img.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-bp1acknodegpu000001a", Encrypted: image.No}}
	return cloudsim.ImageSpec{Image: img, Parent: image.Ref{Account: cloudsim.SystemOwner, Region: homeRegion, ID: "aliyun_3_x64_20G_alibase_20260815.vhd"}}
}

func (s *seeder) community(i int) cloudsim.ImageSpec {
	img := s.based([]string{"ubuntu_24_04_x64_20G_alibase_20260812.vhd", "debian_12_11_x64_20G_alibase_20260720.vhd"}[i%2])
	img.Kind = image.KindCommunity
	img.Name = []string{"open-devbox-24.04", "open-router-12"}[i%2]
	img.Description = "Published by the community"
	img.CreatedAt = cloudsim.Epoch().AddDate(0, -2, -i)
	return cloudsim.ImageSpec{Image: img}
}

// partner is the ith version of an image of account 2.
func (s *seeder) partner(name string, i int, b *cloudsim.Builder, sharedWith ...image.AccountID) cloudsim.ImageSpec {
	const base = "rockylinux_9_6_x64_20G_alibase_20260709.vhd"
	img := s.based(base)
	img.CreatedAt = cloudsim.Epoch().AddDate(0, 0, -5-9*i).Add(7 * time.Hour)
	img.Name = name + "-" + img.CreatedAt.Format("20060102")
	img.Family, img.Description, img.SizeGiB = image.Family(name), "Edge proxy of the partner team", 40
	img.Tags = s.tagSet("edge", "prod", "envoy=1.34.1")
	return cloudsim.ImageSpec{Image: img, SharedWith: sharedWith, Parent: image.Ref{Account: cloudsim.SystemOwner, Region: b.Region(), ID: base}}
}

// tagSet returns a team's tags, the same map for the same tags.
func (s *seeder) tagSet(team, env, software string) image.Tags {
	key := team + "/" + env + "/" + software
	if tags := s.tags[key]; tags != nil {
		return tags
	}
	tags := image.Tags{"team": team, "env": env}
	var names []string
	for _, field := range strings.Fields(software) {
		name, version, _ := strings.Cut(field, "=")
		tags["software:"+name] = version
		names = append(names, name)
	}
	if len(names) > 0 {
		tags["software"] = strings.Join(names, ",")
	}
	s.tags[key] = tags
	return tags
}

// env is where the nth version of something is: the newest in stage, then prod.
func env(version int) string {
	if version == 0 {
		return "stage"
	}
	return "prod"
}

// versionName is a line's name with the date and the running number of a
// version: names are unique per region.
func versionName(name string, at time.Time, version int) string {
	return fmt.Sprintf("%s-%s-%d", name, at.Format("20060102"), 1000-version)
}
