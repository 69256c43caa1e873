package company

import (
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// A publicImage is one of Alibaba Cloud's images, the same in every region.
type publicImage struct {
	id, osName, platform string
	arch                 image.Architecture
	boot                 image.BootMode
	nvme                 string
	sizeGiB              int
}

// created is the date at the end of the id.
func (p publicImage) created() time.Time {
	at := len(p.id) - len("20060102.vhd")
	t, err := time.Parse("20060102", p.id[at:at+8])
	if err != nil {
		return cloudsim.Epoch()
	}
	return t.Add(9 * time.Hour)
}

func (p publicImage) osType() image.OSType {
	if p.id[:3] == "win" {
		return image.Windows
	}
	return image.Linux
}

// publicImages are those on offer, in the order in which a small catalogue
// takes them.
func publicImages() []publicImage {
	const yes, no = "supported", "unsupported"
	x, arm := image.X86_64, image.ARM64
	both := image.UEFIPreferred
	return []publicImage{
		{"aliyun_3_x64_20G_alibase_20260815.vhd", "Alibaba Cloud Linux  3.2104 LTS 64 bit", "Aliyun", x, both, yes, 20},
		{"ubuntu_22_04_x64_20G_alibase_20260812.vhd", "Ubuntu  22.04 64 bit", "Ubuntu", x, both, yes, 20},
		{"win2022_21H2_x64_dtc_en-us_40G_alibase_20260811.vhd", "Windows Server  2022 Datacenter 64 bit English Edition", "Windows Server 2022", x, image.BIOS, yes, 40},
		{"aliyun_3_arm64_20G_alibase_20260815.vhd", "Alibaba Cloud Linux  3.2104 LTS 64 bit ARM Edition", "Aliyun", arm, image.UEFI, yes, 20},
		{"centos_7_9_x64_20G_alibase_20240628.vhd", "CentOS  7.9 64 bit", "CentOS", x, image.BIOS, no, 20},
		{"debian_12_11_x64_20G_alibase_20260720.vhd", "Debian  12.11 64 bit", "Debian", x, both, yes, 20},
		{"redhat_9_6_x64_20G_alibase_20260618.vhd", "Red Hat Enterprise Linux  9.6 64 bit", "RedHat", x, both, yes, 20},
		{"sles_15_SP7_x64_20G_alibase_20260702.vhd", "SUSE Linux Enterprise Server  15 SP7 64 bit", "SUSE", x, both, yes, 20},
		{"rockylinux_9_6_x64_20G_alibase_20260709.vhd", "Rocky Linux  9.6 64 bit", "Rocky Linux", x, both, yes, 20},
		{"almalinux_9_6_x64_20G_alibase_20260710.vhd", "AlmaLinux  9.6 64 bit", "AlmaLinux", x, both, yes, 20},
		{"aliyun_2_1903_x64_20G_alibase_20260715.vhd", "Alibaba Cloud Linux  2.1903 LTS 64 bit", "Aliyun", x, image.BIOS, yes, 20},
		{"ubuntu_24_04_x64_20G_alibase_20260812.vhd", "Ubuntu  24.04 64 bit", "Ubuntu", x, both, yes, 20},
		{"ubuntu_22_04_arm64_20G_alibase_20260812.vhd", "Ubuntu  22.04 64 bit ARM Edition", "Ubuntu", arm, image.UEFI, yes, 20},
		{"win2019_1809_x64_dtc_en-us_40G_alibase_20260811.vhd", "Windows Server  2019 Datacenter 64 bit English Edition", "Windows Server 2019", x, image.BIOS, no, 40},
		{"aliyun_3_x64_20G_alibase_20260616.vhd", "Alibaba Cloud Linux  3.2104 LTS 64 bit", "Aliyun", x, both, yes, 20},
		{"centos_stream_9_x64_20G_alibase_20260805.vhd", "CentOS Stream  9 64 bit", "CentOS Stream", x, both, yes, 20},
		{"debian_12_11_arm64_20G_alibase_20260720.vhd", "Debian  12.11 64 bit ARM Edition", "Debian", arm, image.UEFI, yes, 20},
		{"ubuntu_20_04_x64_20G_alibase_20250721.vhd", "Ubuntu  20.04 64 bit", "Ubuntu", x, image.BIOS, yes, 20},
		{"rockylinux_9_6_arm64_20G_alibase_20260709.vhd", "Rocky Linux  9.6 64 bit ARM Edition", "Rocky Linux", arm, image.UEFI, yes, 20},
		{"win2025_24H2_x64_dtc_en-us_40G_alibase_20260811.vhd", "Windows Server  2025 Datacenter 64 bit English Edition", "Windows Server 2025", x, image.UEFI, yes, 40},
		{"redhat_8_10_x64_20G_alibase_20260618.vhd", "Red Hat Enterprise Linux  8.10 64 bit", "RedHat", x, image.BIOS, yes, 20},
		{"sles_12_SP5_x64_20G_alibase_20250910.vhd", "SUSE Linux Enterprise Server  12 SP5 64 bit", "SUSE", x, image.BIOS, no, 20},
		{"almalinux_8_10_x64_20G_alibase_20260710.vhd", "AlmaLinux  8.10 64 bit", "AlmaLinux", x, image.BIOS, yes, 20},
		{"debian_11_11_x64_20G_alibase_20250818.vhd", "Debian  11.11 64 bit", "Debian", x, image.BIOS, yes, 20},
		{"win2022_21H2_x64_dtc_zh-cn_40G_alibase_20260811.vhd", "Windows Server  2022 Datacenter 64 bit Chinese Edition", "Windows Server 2022", x, image.BIOS, yes, 40},
		{"opensuse_15_6_x64_20G_alibase_20260514.vhd", "OpenSUSE  15.6 64 bit", "OpenSUSE", x, both, yes, 20},
	}
}

// A product is what a vendor sells in the Marketplace, as an image.
type product struct {
	code           image.ProductCode
	name, supplier string
	description    string
	base           string // id of the public image it was made from
	version        string
	// abroad: it is sold outside the Chinese mainland, too.
	abroad   bool
	software string
}

// products are those on offer, in the order in which a small catalogue takes
// them.
func products() []product {
	return []product{
		{"cmjj00027311", "NGINX Plus R33 (Ubuntu 22.04)", "Websoft Cloud", "NGINX Plus web server and load balancer", "ubuntu_22_04_x64_20G_alibase_20260812.vhd", "V33.1", true, "nginx"},
		{"cmjj00030854", "SQL Server 2022 Standard (Windows Server 2022)", "Skyline Software", "Microsoft SQL Server 2022 Standard Edition", "win2022_21H2_x64_dtc_en-us_40G_alibase_20260811.vhd", "V1.4", false, "sqlserver"},
		{"cmjj00021076", "GitLab EE 18 (CentOS 7.9)", "Devstack Labs", "GitLab Enterprise Edition with runner", "centos_7_9_x64_20G_alibase_20240628.vhd", "V18.3.2", true, "gitlab"},
		{"cmgj00018250", "Hardened Alibaba Cloud Linux 3 (CIS Level 1)", "Secure Baselines", "CIS Level 1 hardened server", "aliyun_3_x64_20G_alibase_20260815.vhd", "V3.0.1", true, "openssl"},
	}
}

// A line is an image family of ours: versions of one thing, made every week.
type line struct {
	family   image.Family
	team     string
	software string // space-separated, name=version
	base     string // id of the public image, or
	on       image.Family
	sizeGiB  int
	dataGiB  int // of one data disk, if any
	// local: built in every region, not copied from the first.
	local bool
}

// lines are the image families that every catalogue has.
func lines() []line {
	return []line{
		{family: "web-base", team: "web", software: "nginx=1.28.0 openssl=3.0.16", base: "aliyun_3_x64_20G_alibase_20260815.vhd", sizeGiB: 40},
		{family: "api-base", team: "platform", software: "openjdk=21.0.8 openssl=3.0.16", on: "web-base", sizeGiB: 40},
		{family: "worker-arm64", team: "platform", software: "python=3.12.4 redis=7.4.2", base: "aliyun_3_arm64_20G_alibase_20260815.vhd", sizeGiB: 40},
		{family: "batch-gpu", team: "ml", software: "cuda=12.6 python=3.12.4", base: "ubuntu_22_04_x64_20G_alibase_20260812.vhd", sizeGiB: 100, dataGiB: 200, local: true},
		{family: "win-app", team: "erp", software: "iis=10.0 dotnet=8.0.17", base: "win2022_21H2_x64_dtc_en-us_40G_alibase_20260811.vhd", sizeGiB: 80},
		{family: "db-base", team: "data", software: "mysql=8.4.5", base: "debian_12_11_x64_20G_alibase_20260720.vhd", sizeGiB: 60, dataGiB: 500},
	}
}

// moreLines is how many further families a large catalogue has per region.
const moreLines = 80

// A share is how much of a catalogue is in a region, in percent.
type share struct {
	region  image.RegionID
	percent int
}

// homeRegion is where most images are built.
const homeRegion image.RegionID = "cn-hangzhou"

// shares are the regions of the catalogue, the one where images are built first.
func shares() []share {
	return []share{
		{homeRegion, 30},
		{"cn-shanghai", 18},
		{"cn-beijing", 15},
		{"cn-shenzhen", 10},
		{"cn-hongkong", 7},
		{"ap-southeast-1", 8},
		{"eu-central-1", 6},
		{"us-west-1", 6},
	}
}
