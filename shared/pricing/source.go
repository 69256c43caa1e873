package pricing

import (
	"strings"

	"imagekeeper/shared/image"
)

// SourceKind says what an image ultimately comes from.
type SourceKind string

// The kinds of source. SourceAccount is another account's image of which no more
// can be read: the chain ends there.
const (
	SourcePublic      SourceKind = "public"
	SourceMarketplace SourceKind = "marketplace"
	SourceImport      SourceKind = "import"
	SourceAccount     SourceKind = "account"
	SourceUnknown     SourceKind = "unknown"
)

// Sureness says how a source was found.
type Sureness string

// The degrees of sureness, surest first. Fallback means that no source was found
// and the rule was decided by what the image says of itself.
const (
	Recorded Sureness = "recorded"
	Observed Sureness = "observed"
	Inferred Sureness = "inferred"
	Fallback Sureness = "fallback"
)

// OS is what ECS says of an operating system; source: DescribeImages OSType,
// Platform and OSName.
type OS struct {
	Type image.OSType `json:"osType,omitempty"`
	// Platform: the distribution, such as "Ubuntu".
	Platform string `json:"platform,omitempty"`
	// Name: the full name of the system.
	Name string `json:"osName,omitempty"`
}

// OSOf returns what ECS says of the operating system of i.
func OSOf(i image.Image) OS { return OS{Type: i.OSType, Platform: i.Platform, Name: i.OSName} }

// named tells whether ECS said anything by which a licence can be decided.
func (o OS) named() bool { return o.Platform != "" || o.Name != "" || o.Type == image.Windows }

// Source is where an image ultimately comes from, however many copies, shares
// and images lie between. Whoever knows the lineage fills it.
type Source struct {
	Kind    SourceKind      `json:"kind"`
	Image   image.ID        `json:"imageId,omitempty"`
	Region  image.RegionID  `json:"regionId,omitempty"`
	Account image.AccountID `json:"accountId,omitempty"`
	OS
	// ProductCode is the Marketplace product of the source.
	ProductCode image.ProductCode `json:"productCode,omitempty"`
	// LicenseType is Auto, Aliyun or BYOL for an import; empty if ECS did not say.
	LicenseType string `json:"licenseType,omitempty"`
	// Sure is how sure the chain up to the source is, as its weakest link.
	Sure Sureness `json:"sure,omitempty"`
	// Depth counts the images between; 0 means the image is itself the source.
	Depth int `json:"depth"`
	// Broken says why the chain ends before a source was found.
	Broken *image.Reason `json:"broken,omitempty"`
}

// Product is an operating system as its licence is priced.
type Product string

// The products. ProductFree has no licence to pay; ProductUnknown is a system
// that is not in this list; ProductDisputed means that platform and name
// contradict each other.
const (
	ProductFree       Product = "free"
	ProductUnknown    Product = "unknown"
	ProductDisputed   Product = "disputed"
	RHEL              Product = "rhel"
	RHELForSAP        Product = "rhelForSap"
	RHELWithELS       Product = "rhelWithEls"
	SUSE              Product = "suse"
	SUSEForSAP        Product = "suseForSap"
	AlibabaLinuxPro   Product = "alibabaCloudLinuxPro"
	WindowsServer     Product = "windows"
	productNotDecided Product = ""
)

// Products returns the products that a rate can be for.
func Products() []Product {
	return []Product{RHEL, RHELForSAP, RHELWithELS, SUSE, SUSEForSAP, AlibabaLinuxPro, WindowsServer}
}

// ProductOf decides the product by platform and full name. Where the two name
// different systems it is ProductDisputed.
func ProductOf(o OS) Product {
	platform, name := strings.ToLower(o.Platform), strings.ToLower(o.Name)
	family := agree(familyOf(platform), familyOf(name))
	if o.Type == image.Windows {
		family = agree(family, WindowsServer)
	}
	if family == WindowsServer && o.Type == image.Linux {
		return ProductDisputed
	}
	switch family {
	case productNotDecided:
		return ProductUnknown
	case RHEL:
		return variant(name, RHEL, RHELForSAP, RHELWithELS)
	case SUSE:
		return variant(name, SUSE, SUSEForSAP, SUSE)
	case AlibabaLinuxPro:
		if hasWord(name, "pro") || hasWord(platform, "pro") {
			return AlibabaLinuxPro
		}
		return ProductFree
	}
	return family
}

// agree joins what two texts say; silence agrees with anything.
func agree(a, b Product) Product {
	switch {
	case a == productNotDecided || a == b:
		return b
	case b == productNotDecided:
		return a
	}
	return ProductDisputed
}

func variant(name string, plain, sap, els Product) Product {
	switch {
	case hasWord(name, "sap"):
		return sap
	case hasWord(name, "els"):
		return els
	}
	return plain
}

// familyOf decides by words that ECS uses in Platform and OSName, in lower case.
// AlibabaLinuxPro stands for any Alibaba Cloud Linux until its variant is known.
func familyOf(text string) Product {
	switch {
	case text == "":
		return productNotDecided
	case strings.Contains(text, "windows"):
		return WindowsServer
	case containsAny(text, "red hat", "redhat", "rhel"):
		return RHEL
	case strings.Contains(text, "opensuse"):
		return ProductFree
	case containsAny(text, "suse", "sles"):
		return SUSE
	case containsAny(text, "alibaba cloud linux", "aliyun", "alinux"):
		return AlibabaLinuxPro
	case containsAny(text, "ubuntu", "debian", "centos", "anolis", "rocky", "almalinux", "fedora", "freebsd", "coreos", "gentoo"):
		return ProductFree
	}
	return productNotDecided
}

func containsAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// hasWord finds a whole word, so that "professional" is not "pro".
func hasWord(text, word string) bool {
	for rest := text; ; {
		at := strings.Index(rest, word)
		if at < 0 {
			return false
		}
		end := at + len(word)
		if (at == 0 || !isLetter(rest[at-1])) && (end == len(rest) || !isLetter(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }
