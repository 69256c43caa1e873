package company

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// perLine is how many versions of one family a region has at most: some room
// is left below the quota.
const perLine = 90

// A yard is one region while its custom images are made.
type yard struct {
	*seeder
	b     *cloudsim.Builder
	trail *cloudsim.Builder
	index int // of the region
	lines []line
	// made are the versions of each family, newest first.
	made map[image.Family][]image.Ref
	// oneOffs counts the images outside families.
	oneOffs int
	// builders are disks of instances that builds were made on and that are
	// still there, by family.
	builders map[image.Family]image.DiskID
}

// custom adds n of account 1's images to a region: of ten, nine are versions of
// families, and one is something special.
func (s *seeder) custom(b *cloudsim.Builder, index, n int) {
	y := &yard{
		seeder: s, b: b, trail: s.builder(b.Region(), "trail"), index: index,
		lines: lines(), made: map[image.Family][]image.Ref{}, builders: map[image.Family]image.DiskID{},
	}
	for i := range min(moreLines, n/60) {
		y.lines = append(y.lines, line{
			family: image.Family(fmt.Sprintf("svc-%02d", i)), team: []string{"web", "platform", "data", "erp", "ml"}[i%5],
			software: "openssl=3.0.16", base: publicImages()[i%2].id, sizeGiB: 40 + 20*(i%4), local: i%7 == 0,
		})
	}
	y.addBuilder()
	for i := range n {
		if i%10 == 9 || !y.version(y.lineOf(i)) {
			y.oneOff()
		}
	}
	if index == 0 {
		s.built = y.made
	}
}

// lineOf is which line the ith image belongs to: more of the first ones, until
// they are full.
func (y *yard) lineOf(i int) line {
	pattern := []int{0, 1, 0, 2, 0, 1, 3, 4, 5}
	first := y.lines[pattern[i%10]]
	if len(y.made[first.family]) < perLine {
		return first
	}
	return y.lines[i%len(y.lines)]
}

// addBuilder adds an instance that images of the first family are made on, and
// that stays: the one chain whose evidence is whole. Elsewhere it was Packer
// that built, and released what it had built on.
func (y *yard) addBuilder() {
	if y.Instances < 40 || y.index > 0 || y.PackerBuilt {
		return
	}
	l := y.lines[0]
	id := y.b.AddInstance(cloudsim.FirstAccount, cloudsim.InstanceSpec{Instance: image.Instance{
		Name: "builder-" + string(l.family), Image: image.ID(l.base), CreatedAt: cloudsim.Epoch().AddDate(-1, 0, 0),
		Tags: image.Tags{"team": l.team, "role": "builder"},
	}})
	y.builders[l.family] = y.b.Disks(cloudsim.FirstAccount, id)[0].ID
	y.Instances--
}

// version adds the next older version of a line, or reports that it is full.
func (y *yard) version(l line) bool {
	v := len(y.made[l.family])
	if v >= perLine {
		return false
	}
	spec := y.build(l, v)
	if source := y.sourceOf(l, v); source.ID != "" {
		spec.Parent = source
		spec.Image.Copied = true
		if !y.cloud.Readings().CopyKeepsFamily {
			spec.Image.Family = ""
		}
		spec.Image.CreatedAt = spec.Image.CreatedAt.Add(2*time.Hour + time.Duration(y.index)*time.Minute)
	} else if chance(y.b, 25) && !y.PackerBuilt {
		tags := maps.Clone(spec.Image.Tags)
		tags["imagekeeper:parent"] = string(spec.Parent.ID)
		spec.Image.Tags = tags
	}
	y.fate(l, v, &spec)
	id, ok := y.add(y.b, cloudsim.FirstAccount, spec)
	if ok {
		y.builtBy(spec, id)
		y.made[l.family] = append(y.made[l.family], image.Ref{Account: cloudsim.FirstAccount, Region: y.b.Region(), ID: id})
	}
	return true
}

// sourceOf is the version in the home region that this one is a copy of.
func (y *yard) sourceOf(l line, v int) image.Ref {
	if y.index == 0 || l.local || v >= len(y.built[l.family]) || failed(v) {
		return image.Ref{}
	}
	return y.built[l.family][v]
}

// build is the vth version of a line, counted back from the newest, as it comes
// out of a build.
func (y *yard) build(l line, v int) cloudsim.ImageSpec {
	base := l.base
	if l.on != "" {
		base = y.lines[0].base
	}
	at := cloudsim.Epoch().AddDate(0, 0, -3-7*v).Add(-time.Duration(len(l.family)) * 37 * time.Minute)
	if l.on != "" {
		at = at.Add(26 * time.Hour)
	}
	img := y.based(base)
	img.CreatedAt, img.Family = at, l.family
	img.Name, img.SizeGiB = versionName(string(l.family), at, v), l.sizeGiB
	img.Description = fmt.Sprintf("Weekly build of %s for team %s", l.family, l.team)
	img.Tags = y.tagSet(l.team, env(v), l.software)
	img.Disks = []image.DiskMapping{{System: true, SizeGiB: l.sizeGiB, Encrypted: image.No}}
	if l.dataGiB > 0 {
		img.Disks = append(img.Disks, image.DiskMapping{SizeGiB: l.dataGiB, Encrypted: image.No})
	}
	spec := cloudsim.ImageSpec{Image: img, Parent: image.Ref{Account: cloudsim.SystemOwner, Region: y.b.Region(), ID: image.ID(base)}}
	if v%3 == 1 {
		spec.SourceDisk = y.builders[l.family]
	}
	if on := y.made[l.on]; l.on != "" && v < len(on) {
		spec.Parent = on[v]
	}
	return spec
}

// failed: the build of the vth version came to nothing, in every region.
func failed(v int) bool { return v%11 == 10 && v%8 != 5 }

// fate is what became of a version: old ones are deprecated, some builds
// failed, and some are shared with others.
func (y *yard) fate(l line, v int, spec *cloudsim.ImageSpec) {
	switch {
	case v%8 == 5:
		spec.Image.Status = image.StatusDeprecated
	case failed(v):
		spec.Fails = true
	case l.family == "web-base" && v < 2 && y.index < 2:
		spec.SharedWith = []image.AccountID{cloudsim.SecondAccount}
	case l.family == "api-base" && v == 0 && y.index < 3:
		spec.SharedWith = []image.AccountID{cloudsim.SecondAccount, "1000000000000004"}
	case l.family == "win-app" && v == 1 && y.index == 0:
		for i := range 12 {
			spec.SharedWith = append(spec.SharedWith, image.AccountID(fmt.Sprintf("10000000000000%d", 11+i)))
		}
	}
}

// oneOff adds the next special image. Each region begins with another sort, so
// that a small catalogue has all of them somewhere.
func (y *yard) oneOff() {
	n := y.oneOffs
	y.oneOffs++
	sorts := []func(*cloudsim.ImageSpec){
		y.imported, y.encrypted, y.making, y.fromProduct, y.withDataDisks, y.importedWindows,
		y.published, y.unavailable, y.serviceKey, y.golden,
	}
	at := cloudsim.Epoch().AddDate(0, 0, -12-11*(n%200)).Add(-time.Duration(n/200) * 41 * time.Minute)
	const base = "ubuntu_22_04_x64_20G_alibase_20260812.vhd"
	img := y.based(base)
	img.CreatedAt, img.SizeGiB, img.Tags = at, 40, y.tagSet("platform", "dev", "")
	spec := cloudsim.ImageSpec{Image: img, Parent: image.Ref{Account: cloudsim.SystemOwner, Region: y.b.Region(), ID: base}}
	if n >= 4*len(sorts) {
		// Enough of the rare ones, of which accounts may have only so many.
		sorts = []func(*cloudsim.ImageSpec){y.golden, y.imported, y.golden, y.withDataDisks, y.fromProduct}
	}
	sorts[(n+5*y.index)%len(sorts)](&spec)
	spec.Image.Name = versionName(spec.Image.Name, at, n)
	y.add(y.b, cloudsim.FirstAccount, spec)
}

func (y *yard) imported(s *cloudsim.ImageSpec) {
	s.Image.Name, s.Image.Description = "legacy-centos6", "Imported from the old data centre"
	s.Image.Platform, s.Image.OSName, s.Image.BootMode, s.Image.NVMe = "CentOS", "CentOS  6.10 64 bit", image.BIOS, "unsupported"
	s.Image.CloudInit, s.Parent = false, image.Ref{}
	s.Image.Disks = []image.DiskMapping{{
		System: true, SizeGiB: 40, Encrypted: image.No, Format: "RAW",
		ImportBucket: "company-images-" + y.b.Infix(), ImportObject: "exports/legacy-centos6.raw",
	}}
}

func (y *yard) importedWindows(s *cloudsim.ImageSpec) {
	y.imported(s)
	s.Image.Name, s.Image.Description = "legacy-erp-win", "Imported with licences of our own"
	s.Image.OSType, s.Image.Platform = image.Windows, "Windows Server 2016"
	s.Image.OSName, s.Image.LicenseType = "Windows Server  2016 Datacenter 64 bit", "BYOL"
	s.Image.Disks[0].Format, s.Image.Disks[0].ImportObject = "VHD", "exports/erp-2016.vhd"
	s.Image.Disks[0].SizeGiB, s.Image.SizeGiB = 80, 80
}

func (y *yard) encrypted(s *cloudsim.ImageSpec) {
	s.Image.Name, s.KMSKey = "vault-node", "key-hzz6512e3a91b0"+y.b.Infix()
	s.Image.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.Yes}}
	s.Image.Tags = y.tagSet("security", "prod", "vault=1.19.0")
	if y.b.SharesEncrypted() {
		s.SharedWith = []image.AccountID{cloudsim.SecondAccount}
	}
}

func (y *yard) serviceKey(s *cloudsim.ImageSpec) {
	y.encrypted(s)
	s.Image.Name, s.KMSKey, s.SharedWith = "audit-node", "", nil
	s.Image.Disks = append(s.Image.Disks, image.DiskMapping{SizeGiB: 100, Encrypted: image.Yes})
}

// making is still being made, and will be for as long as anyone looks: its end
// goes by the clock, its date does not.
func (y *yard) making(s *cloudsim.ImageSpec) {
	s.Image.Name, s.Image.Description, s.Making = "nightly-devbox", "Nightly build", 12*time.Hour
	s.Image.CreatedAt = cloudsim.Epoch().Add(-time.Duration(9+y.oneOffs) * time.Minute)
	s.Image.Tags = y.tagSet("web", "dev", "nodejs=22.17.0")
}

func (y *yard) fromProduct(s *cloudsim.ImageSpec) {
	p := products()[0]
	sold := y.b.Images(cloudsim.MarketplaceOwner)
	base := y.publics[p.base]
	s.Image.OSName, s.Image.Platform, s.Image.BootMode, s.Image.NVMe = base.OSName, base.Platform, base.BootMode, base.NVMe
	s.Image.Name, s.Image.Description = "edge-proxy", "Our configuration on "+p.name
	s.Image.ProductCode, s.Image.Supplier, s.Image.Version, s.Image.Subscribed = p.code, p.supplier, p.version, true
	s.Image.Tags = y.tagSet("web", "prod", "nginx=1.27.4")
	at := slices.IndexFunc(sold, func(i image.Image) bool { return i.ProductCode == p.code })
	if at >= 0 {
		s.Parent = image.Ref{Account: cloudsim.MarketplaceOwner, Region: y.b.Region(), ID: sold[at].ID}
	}
}

func (y *yard) withDataDisks(s *cloudsim.ImageSpec) {
	s.Image.Name, s.Image.Description = "etl-node", "With two data disks"
	s.Image.Disks = []image.DiskMapping{
		{System: true, SizeGiB: 40, Encrypted: image.No},
		{SizeGiB: 100, Encrypted: image.No},
		{SizeGiB: 500, Encrypted: image.No},
	}
	s.Image.Tags = y.tagSet("data", "prod", "spark=3.5.4 openjdk=17.0.14")
}

func (y *yard) published(s *cloudsim.ImageSpec) {
	s.Image.Name, s.Image.Description, s.Image.Kind = "open-agent", "Our agent, published to the community", image.KindCommunity
}

func (y *yard) unavailable(s *cloudsim.ImageSpec) {
	s.Image.Name, s.Image.Description, s.Image.Status = "suspended-node", "Locked while it is looked into", image.StatusUnavailable
}

// golden is an image outside any family, as people make them by hand.
func (y *yard) golden(s *cloudsim.ImageSpec) {
	s.Image.Name, s.Image.Description = "golden-backup", ""
	s.Image.Tags, s.Image.ResourceGroup = nil, "rg-acfmxazb4ph6aiy"
	if web := y.made[y.lines[0].family]; len(web) > 2 {
		s.Parent = web[2]
		base := y.publics[y.lines[0].base]
		s.Image.OSName, s.Image.Platform = base.OSName, base.Platform
	}
}
