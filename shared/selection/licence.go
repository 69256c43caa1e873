package selection

import (
	"strings"

	"imagekeeper/shared/image"
)

// Licence is whether running an image costs more than the instance.
type Licence string

// The classes. Unknown is what the listing alone cannot tell; it is never free.
const (
	Free           Licence = "free"
	Paid           Licence = "paid"
	UnknownLicence Licence = "unknown"
)

// term is what is known of the licence of one part of an image.
type term struct {
	class    Licence
	code     string
	sentence string
}

// LicenceOf tells from the listing alone what i costs beside the instance, and
// why: the operating system first, then the Marketplace product if there is
// one. Paid if a part is, unknown if a part is unknown, else free. Derived
// images inherit from their ultimate source, which ECS does not name, so that
// what could have been brought along is unknown. Source: the vendor's page on
// image billing.
func LicenceOf(i *image.Image) (Licence, []image.Reason) {
	os, product := systemTerm(i), productTerm(i)
	reasons := []image.Reason{{Code: os.code, Sentence: os.sentence}}
	if product.code != "" {
		reasons = append(reasons, image.Reason{Code: product.code, Sentence: product.sentence})
	}
	return together(os, product), reasons
}

// licenceClass is LicenceOf without the reasons.
func licenceClass(i *image.Image) Licence { return together(systemTerm(i), productTerm(i)) }

func together(os, product term) Licence {
	switch {
	case os.class == Paid || product.class == Paid:
		return Paid
	case os.class == UnknownLicence || product.class == UnknownLicence:
		return UnknownLicence
	}
	return Free
}

// productTerm is the price of the Marketplace product: the listing names the
// product, never whether its price is 0. No product is a term without a code.
func productTerm(i *image.Image) term {
	if i.ProductCode == "" && i.Kind != image.KindMarketplace {
		return term{class: Free}
	}
	return term{UnknownLicence, "marketplaceProduct", "it carries a Marketplace product, whose vendor sets the price; the listing does not tell it, and it may be 0"}
}

func systemTerm(i *image.Image) term {
	switch systemOf(i) {
	case redHat:
		return enterpriseTerm(i, "redHat", "Red Hat Enterprise Linux")
	case suse:
		return enterpriseTerm(i, "suse", "SUSE Linux Enterprise Server")
	case windows:
		return windowsTerm(i)
	case alinuxPro:
		if i.Imported() {
			return term{UnknownLicence, "alibabaCloudLinuxProImported", "Alibaba Cloud Linux Pro is charged for per instance, but this one was imported from a file"}
		}
		return term{Paid, "alibabaCloudLinuxPro", "Alibaba Cloud Linux Pro is charged for per instance"}
	case freeLinux:
		return term{Free, "freeSystem", "its distribution has no licence fee"}
	}
	if fromTheVendor(i) {
		return term{Free, "freePublicImage", "public images other than Red Hat, SUSE, Windows and Alibaba Cloud Linux Pro have no licence fee"}
	}
	return term{UnknownLicence, "systemUnknown", "the listing does not tell which operating system this is"}
}

// enterpriseTerm is for distributions that are charged for in all regions,
// unless the user brought a subscription along.
func enterpriseTerm(i *image.Image, code, name string) term {
	switch {
	case i.LicenseType == byol:
		return term{Free, code + "Byol", name + " with a subscription of one's own"}
	case fromTheVendor(i):
		return term{Paid, code, name + " is charged for in all regions"}
	}
	return term{UnknownLicence, code + "Source", name + " is charged for if it comes from a public image, and not if it was brought along; the listing does not tell which"}
}

func windowsTerm(i *image.Image) term {
	inside := image.Mainland(i.Region)
	switch {
	case i.LicenseType == byol:
		return term{Free, "windowsByol", "Windows with a licence of one's own"}
	case inside == image.Yes:
		return term{Free, "windowsMainland", "Windows is free in the Chinese mainland"}
	case inside == image.Unknown:
		return term{UnknownLicence, "windowsRegion", "Windows is free in the Chinese mainland only, and whether this region is there is not known"}
	case fromTheVendor(i):
		return term{Paid, "windowsOutside", "Windows is charged for outside the Chinese mainland"}
	case i.LicenseType == "Aliyun" || i.LicenseType == "Auto":
		return term{Paid, "windowsAliyunLicence", "it was imported with a licence from Alibaba Cloud, which is charged for outside the Chinese mainland"}
	}
	return term{UnknownLicence, "windowsSource", "outside the Chinese mainland Windows is charged for unless the licence was brought along; the listing does not tell"}
}

const byol = "BYOL"

// fromTheVendor: the operating system in it is the one Alibaba Cloud supplies,
// not one that a user may have brought along. The operating system of a
// Marketplace image is charged for as that of a public one.
func fromTheVendor(i *image.Image) bool {
	return i.Kind == image.KindPublic || i.Kind == image.KindMarketplace
}

// system is an operating system as far as its licence goes.
type system uint8

const (
	unsure system = iota
	redHat
	suse
	windows
	alinuxPro
	freeLinux
)

// systemOf goes by the platform and, where that is vague, by the full name.
func systemOf(i *image.Image) system {
	if i.OSType == image.Windows {
		return windows
	}
	platform, name := systemIn(i.Platform), systemIn(i.OSName)
	switch {
	case platform != unsure && name != unsure && platform != name:
		return unsure // they contradict each other
	case platform != unsure:
		return platform
	case name != unsure:
		return name
	}
	return linuxOf(i)
}

// systemIn is the system that a text names.
func systemIn(text string) system {
	switch {
	case hasWord(text, "red hat"), hasWord(text, "redhat"), hasWord(text, "rhel"):
		return redHat
	case hasWord(text, "opensuse"):
		return freeLinux
	case hasWord(text, "suse"), hasWord(text, "sles"):
		return suse
	case hasWord(text, "windows"):
		return windows
	}
	return unsure
}

func linuxOf(i *image.Image) system {
	alibaba := strings.EqualFold(i.Platform, "Aliyun") || hasWord(i.OSName, "alibaba cloud linux") || hasWord(i.Platform, "alibaba cloud linux")
	if alibaba {
		if hasWord(i.OSName, "pro") || hasWord(i.Platform, "pro") {
			return alinuxPro
		}
		return freeLinux
	}
	for _, free := range freePlatforms() {
		if startsWithWords(i.Platform, free) || startsWithWords(i.OSName, free) {
			return freeLinux
		}
	}
	return unsure
}

// freePlatforms are the platforms whose makers charge nothing; source: the
// platforms of CreateImage, without those of commercial distributions.
func freePlatforms() [12]string {
	return [...]string{
		"centos", "ubuntu", "debian", "rocky linux", "almalinux", "anolis", "fedora", "coreos",
		"freebsd", "gentoo", "opensuse", "openeuler",
	}
}
