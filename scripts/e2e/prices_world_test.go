package e2e_test

import (
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// The regions of the priced world: one in the Chinese mainland, two that are not.
const (
	hangzhou  = image.RegionID("cn-hangzhou")
	hongKong  = image.RegionID("cn-hongkong")
	singapore = image.RegionID("ap-southeast-1")
)

// pricedImages is how many custom images the priced world has: in each of three
// regions our own, lent, published and imported ones, and six more in one.
const pricedImages = 3*(9+9+9+6) + 6

// priced is a small cloud with an image for every row of the vendor's overview
// of image prices. Every custom image has 10 GB of snapshot, alone in its chain.
func priced() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{})
	for _, region := range []image.RegionID{hangzhou, hongKong, singapore} {
		w := pricedRegion{cloud, region}
		w.origins()
		for _, os := range []string{"ubuntu", "redhat", "redhatsap", "suse", "susesap", "pro", "windows", "market", "marketred"} {
			origin := image.ID(os + ".vhd")
			w.derive(cloudsim.FirstAccount, image.ID("m-own-"+os), origin, image.KindCustom)
			w.derive(cloudsim.SecondAccount, image.ID("m-lent-"+os), origin, image.KindCustom)
			w.derive(cloudsim.SecondAccount, image.ID("m-public-"+os), origin, image.KindCommunity)
		}
		w.imports()
	}
	pricedHistory(pricedRegion{cloud, hangzhou})
	return cloud
}

// everywhere adds a public image to every region: none is without, and one that
// shows no image at all counts as not read.
func everywhere(cloud *cloudsim.Cloud) *cloudsim.Cloud {
	regions, err := cloud.As(cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "Account"}).DescribeRegions(cloudsim.DescribeRegionsRequest{})
	if err != nil {
		panic(err)
	}
	for _, r := range regions {
		public := pricedRegion{cloud, r.ID}.system("ubuntu", "everywhere.vhd")
		public.Kind = image.KindPublic
		cloud.AddImage(cloudsim.FirstAccount, r.ID, cloudsim.ImageSpec{Image: public})
	}
	return cloud
}

// pricedHistory adds what only one region has: a long chain of parents, a broken
// one, archived snapshots, a shared chain.
func pricedHistory(w pricedRegion) {
	w.derive(cloudsim.FirstAccount, "m-second", "m-own-redhat", image.KindCustom)
	w.derive(cloudsim.FirstAccount, "m-third", "m-second", image.KindCustom)
	w.add(cloudsim.FirstAccount, w.system("redhat", "m-broken"), "redhat.vhd", "d-gone-redhat", "standard")
	w.add(cloudsim.FirstAccount, w.system("ubuntu", "m-archived"), "ubuntu.vhd", "d-gone-ubuntu", "archive")
	w.add(cloudsim.FirstAccount, w.system("ubuntu", "m-twin-a"), "ubuntu.vhd", "d-twin", "standard")
	w.add(cloudsim.FirstAccount, w.system("ubuntu", "m-twin-b"), "ubuntu.vhd", "d-twin", "standard")
}

type pricedRegion struct {
	cloud  *cloudsim.Cloud
	region image.RegionID
}

// system is an image of an operating system.
func (pricedRegion) system(os string, id image.ID) image.Image {
	i := image.Image{
		Ref: image.Ref{ID: id}, Name: string(id), OSType: image.Linux, Architecture: image.X86_64, SizeGiB: 40,
		CreatedAt: time.Date(2026, 1, 10, 8, 0, 0, 0, time.UTC), BootMode: image.UEFIPreferred,
	}
	switch os {
	case "redhat", "marketred":
		i.Platform, i.OSName = "RedHat", "Red Hat Enterprise Linux  9.6 64 bit"
	case "redhatsap":
		i.Platform, i.OSName = "RedHat", "Red Hat Enterprise Linux for SAP  8.4 with HA and US 64 bit"
	case "suse":
		i.Platform, i.OSName = "SUSE", "SUSE Linux Enterprise Server  15 SP7 64 bit"
	case "susesap":
		i.Platform, i.OSName = "SUSE", "SUSE Linux Enterprise Server for SAP  15 SP7 64 bit"
	case "pro":
		i.Platform, i.OSName = "Aliyun", "Alibaba Cloud Linux  3 Pro 64 bit"
	case "windows":
		i.OSType, i.Platform, i.OSName = image.Windows, "Windows Server 2022", "Windows Server  2022 Datacenter 64 bit"
	default:
		i.Platform, i.OSName = "Ubuntu", "Ubuntu  22.04 64 bit"
	}
	if os == "market" || os == "marketred" {
		i.ProductCode, i.Supplier, i.Subscribed = "cmjj00027311", "Example Software", true
	}
	return i
}

// origins are the public and Marketplace images.
func (w pricedRegion) origins() {
	for _, os := range []string{"ubuntu", "redhat", "redhatsap", "suse", "susesap", "pro", "windows", "market", "marketred"} {
		i := w.system(os, image.ID(os+".vhd"))
		i.Kind = image.KindPublic
		if i.ProductCode != "" {
			i.Kind = image.KindMarketplace
		}
		w.cloud.AddImage(cloudsim.FirstAccount, w.region, cloudsim.ImageSpec{Image: i})
	}
}

// derive makes an image of another one: from a disk that still is there, so
// that the parent can be found. Of the second account, shared with the first.
func (w pricedRegion) derive(account image.AccountID, id, parent image.ID, kind image.Kind) {
	os := string(id)
	for n := len(os) - 1; n > 0; n-- {
		if os[n] == '-' {
			os = os[n+1:]
			break
		}
	}
	if os == "second" || os == "third" {
		os = "redhat"
	}
	i := w.system(os, id)
	i.Kind = kind
	disk := w.cloud.AddDisk(account, w.region, image.Disk{Image: parent, System: true, SizeGiB: 40, ProductCode: i.ProductCode})
	w.add(account, i, parent, disk, "standard")
}

// add puts an image with one snapshot of 10 GB of a disk in.
func (w pricedRegion) add(account image.AccountID, i image.Image, parent image.ID, disk image.DiskID, category string) {
	snapshot := w.cloud.AddSnapshot(account, w.region, image.Snapshot{
		SourceDisk: disk, SourceSystemDisk: true, SourceDiskSizeGiB: 40, FullSizeBytes: 10 << 30, Category: category,
		ProductCode: i.ProductCode, CreatedAt: i.CreatedAt,
	})
	i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: snapshot, Encrypted: image.No}}
	spec := cloudsim.ImageSpec{Image: i, Parent: image.Ref{Account: account, Region: w.region, ID: parent}}
	if account == cloudsim.SecondAccount {
		spec.SharedWith = []image.AccountID{cloudsim.FirstAccount}
	}
	w.cloud.AddImage(account, w.region, spec)
}

// imports are images that came from OSS, each with its licence.
func (w pricedRegion) imports() {
	for _, c := range []struct{ id, os, licence string }{
		{"m-import-aliyun", "windows", "Aliyun"},
		{"m-import-byol", "windows", "BYOL"},
		{"m-import-auto", "windows", "Auto"},
		{"m-import-redhat", "redhat", "BYOL"},
		{"m-import-suse", "suse", "BYOL"},
		{"m-import-ubuntu", "ubuntu", "Auto"},
	} {
		i := w.system(c.os, image.ID(c.id))
		i.LicenseType = c.licence
		i.Disks = []image.DiskMapping{{System: true, SizeGiB: 40, ImportBucket: "images", ImportObject: c.id + ".qcow2", Format: "QCOW2", Encrypted: image.No}}
		i.Disks[0].SnapshotID = w.cloud.AddSnapshot(cloudsim.FirstAccount, w.region, image.Snapshot{
			SourceSystemDisk: true, SourceDiskSizeGiB: 40, FullSizeBytes: 10 << 30, CreatedAt: i.CreatedAt,
		})
		w.cloud.AddImage(cloudsim.FirstAccount, w.region, cloudsim.ImageSpec{Image: i})
	}
}
