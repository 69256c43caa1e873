package selection_test

import (
	"testing"

	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
)

// Every row of the vendor's table of image charges, and what the listing
// leaves open.
func TestLicence(t *testing.T) {
	t.Parallel()
	const inside, hongkong, abroad = "cn-hangzhou", "cn-hongkong", "ap-southeast-1"
	type row struct {
		name     string
		kind     image.Kind
		region   image.RegionID
		platform string
		osName   string
		licence  string
		product  image.ProductCode
		imported bool
		want     selection.Licence
		why      string
	}
	for _, c := range []row{
		{"public Red Hat", image.KindPublic, inside, "Red Hat", "Red Hat Enterprise Linux  9.3 64 bit", "", "", false, selection.Paid, "redHat"},
		{"public Red Hat abroad", image.KindPublic, abroad, "RedHat", "", "", "", false, selection.Paid, "redHat"},
		{"public SUSE", image.KindPublic, inside, "SUSE", "SUSE Linux  Enterprise Server 15 SP5 64 bit", "", "", false, selection.Paid, "suse"},
		{"public openSUSE", image.KindPublic, inside, "OpenSUSE", "openSUSE  15.5 64 bit", "", "", false, selection.Free, "freeSystem"},
		{"public Windows inside", image.KindPublic, inside, "Windows Server 2022", "", "", "", false, selection.Free, "windowsMainland"},
		{"public Windows in Hong Kong", image.KindPublic, hongkong, "Windows Server 2022", "", "", "", false, selection.Paid, "windowsOutside"},
		{"public Windows abroad", image.KindPublic, abroad, "Windows Server 2022", "", "", "", false, selection.Paid, "windowsOutside"},
		{"public Windows in a region not known yet", image.KindPublic, "cn-atlantis", "Windows Server 2022", "", "", "", false, selection.UnknownLicence, "windowsRegion"},
		{"public Alibaba Cloud Linux", image.KindPublic, inside, "Aliyun", "Alibaba Cloud Linux  3.2104 LTS 64 bit", "", "", false, selection.Free, "freeSystem"},
		{"public Alibaba Cloud Linux Pro", image.KindPublic, inside, "Aliyun", "Alibaba Cloud Linux 3 Pro 64 bit", "", "", false, selection.Paid, "alibabaCloudLinuxPro"},
		{"public Ubuntu", image.KindPublic, inside, "Ubuntu", "Ubuntu  22.04 64 bit", "", "", false, selection.Free, "freeSystem"},
		{"public others", image.KindPublic, inside, "Kylin", "", "", "", false, selection.Free, "freePublicImage"},
		{"custom Red Hat", image.KindCustom, inside, "Red Hat", "", "", "", false, selection.UnknownLicence, "redHatSource"},
		{"imported Red Hat, brought along", image.KindCustom, inside, "Red Hat", "", "BYOL", "", true, selection.Free, "redHatByol"},
		{"shared SUSE", image.KindShared, inside, "SUSE", "", "", "", false, selection.UnknownLicence, "suseSource"},
		{"custom Windows inside", image.KindCustom, inside, "Windows Server 2019", "", "", "", false, selection.Free, "windowsMainland"},
		{"custom Windows abroad", image.KindCustom, abroad, "Windows Server 2019", "", "", "", false, selection.UnknownLicence, "windowsSource"},
		{"imported Windows, Aliyun, abroad", image.KindCustom, abroad, "Windows Server 2019", "", "Aliyun", "", true, selection.Paid, "windowsAliyunLicence"},
		{"imported Windows, Auto, Hong Kong", image.KindCustom, hongkong, "Windows Server 2019", "", "Auto", "", true, selection.Paid, "windowsAliyunLicence"},
		{"imported Windows, Aliyun, inside", image.KindCustom, inside, "Windows Server 2019", "", "Aliyun", "", true, selection.Free, "windowsMainland"},
		{"imported Windows, brought along", image.KindCustom, abroad, "Windows Server 2019", "", "BYOL", "", true, selection.Free, "windowsByol"},
		{"custom Alibaba Cloud Linux Pro", image.KindCustom, inside, "Aliyun", "Alibaba Cloud Linux 3 Pro 64 bit", "", "", false, selection.Paid, "alibabaCloudLinuxPro"},
		{"imported Alibaba Cloud Linux Pro", image.KindCustom, inside, "Aliyun", "Alibaba Cloud Linux 3 Pro 64 bit", "", "", true, selection.UnknownLicence, "alibabaCloudLinuxProImported"},
		{"custom Rocky", image.KindCustom, inside, "Rocky Linux", "", "", "", false, selection.Free, "freeSystem"},
		{"community Debian", image.KindCommunity, inside, "Debian", "", "", "", false, selection.Free, "freeSystem"},
		{"custom, system unknown", image.KindCustom, inside, "Others Linux", "", "", "", true, selection.UnknownLicence, "systemUnknown"},
		{"custom Ubuntu from the Marketplace", image.KindCustom, inside, "Ubuntu", "", "", "cmjj1", false, selection.UnknownLicence, "freeSystem marketplaceProduct"},
		{"custom Red Hat from the Marketplace", image.KindCustom, inside, "Red Hat", "", "", "cmjj1", false, selection.UnknownLicence, "redHatSource marketplaceProduct"},
		{"Marketplace CentOS", image.KindMarketplace, inside, "CentOS", "", "", "cmjj1", false, selection.UnknownLicence, "freeSystem marketplaceProduct"},
		{"Marketplace Red Hat", image.KindMarketplace, inside, "Red Hat", "", "", "cmjj1", false, selection.Paid, "redHat marketplaceProduct"},
		{"Marketplace Windows abroad", image.KindMarketplace, abroad, "Windows Server 2022", "", "", "cmjj1", false, selection.Paid, "windowsOutside marketplaceProduct"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := custom("m-1", func(i *image.Image) {
				i.Kind, i.Region, i.Platform, i.OSName = c.kind, c.region, c.platform, c.osName
				i.LicenseType, i.ProductCode = c.licence, c.product
				if c.imported {
					i.Disks[0].ImportObject = "disk.qcow2"
				}
			})
			got, why := selection.LicenceOf(&i)
			if got != c.want || codes(why) != c.why {
				t.Errorf("got %s because %s, want %s because %s", got, codes(why), c.want, c.why)
			}
		})
	}
}
