package cloudsim

import (
	"hash/fnv"
	"math/big"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// A licence is an operating system that is paid for; free is the zero value.
type licence string

// The licences; source: https://help.aliyun.com/zh/ecs/images.
const (
	licenceRHEL       licence = "RHEL"
	licenceRHELForSAP licence = "RHEL for SAP"
	licenceSLES       licence = "SLES"
	licenceSLESForSAP licence = "SLES for SAP"
	licenceALinuxPro  licence = "Alibaba Cloud Linux Pro"
	licenceWindows    licence = "Windows"
)

// A licenceTier is one row of a price list: for types from so many vCPUs on,
// and prices per hour, month and year. An empty price is not on the list.
type licenceTier struct {
	from              int
	hour, month, year string
	perVCPU           bool
}

// chinaSite is the China site's list, in CNY, as published (about 2026; RHEL
// since 2024-07-31); source: https://help.aliyun.com/zh/ecs/images.
func chinaSite(l licence) []licenceTier {
	switch l {
	case licenceRHEL:
		return []licenceTier{
			{1, "0.1041", "70.43", "732.48", true}, {9, "0.0781", "52.82", "549.36", true}, {128, "0.0694", "45.78", "476.11", true},
		}
	case licenceRHELForSAP:
		return []licenceTier{
			{1, "0.1619", "105.61", "1098.38", true}, {9, "0.1169", "79.21", "823.78", true}, {128, "0.1080", "68.65", "713.94", true},
		}
	case licenceSLES:
		return []licenceTier{{1, "0.41", "159", "1529", false}, {3, "0.82", "326", "3065", false}, {5, "0.99", "381", "3670", false}}
	case licenceSLESForSAP:
		return []licenceTier{{1, "2.54", "1221", "12459", false}, {5, "3.06", "1471", "15000", false}}
	case licenceALinuxPro:
		return []licenceTier{{1, "0.5", "240", "", false}}
	}
	return nil
}

// internationalSite is the international site's list, in USD, as published for
// licences of existing instances (about 2025); source:
// https://www.alibabacloud.com/help/en/ecs/user-guide/purchase-software-licenses-for-ecs-instances.
func internationalSite(l licence) []licenceTier {
	switch l {
	case licenceRHEL:
		return []licenceTier{{1, "0.015", "10.15", "", true}, {9, "0.011", "7.61", "", true}, {128, "0.01", "6.60", "", true}}
	case licenceSLES:
		return []licenceTier{{1, "0.064", "24.46", "", false}, {3, "0.127", "50.15", "", false}, {5, "0.152", "58.62", "", false}}
	case licenceSLESForSAP:
		return []licenceTier{{1, "0.387", "186.07", "", false}, {5, "0.466", "224.17", "", false}}
	}
	return nil
}

// madeUpWindows is what this cloud takes for Windows outside the Chinese
// mainland, per vCPU: the vendor publishes no table.
func madeUpWindows(c money.Currency) licenceTier {
	if c == money.USD {
		return licenceTier{1, "0.023", "9.2", "92", true}
	}
	return licenceTier{1, "0.152", "60.8", "608", true}
}

// decimal reads a number of this file.
func decimal(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("cloudsim: " + text + " is not a number")
	}
	return r
}

// rounded cuts a number to so many digits after the point, half to even: prices
// are decimals.
func rounded(r *big.Rat, digits int) *big.Rat { return decimal(money.Round(r, digits)) }

func times(r *big.Rat, n int64) *big.Rat { return new(big.Rat).Mul(r, new(big.Rat).SetInt64(n)) }

// price is what a licence costs on an instance with so many vCPUs for one unit,
// and whether that is a published price.
func (l licence) price(vcpus int, unit image.PriceUnit, c money.Currency) (*big.Rat, bool) {
	tiers := chinaSite(l)
	if c == money.USD {
		tiers = internationalSite(l)
	}
	published := true
	switch {
	case l == licenceWindows:
		tiers, published = []licenceTier{madeUpWindows(c)}, false
	case tiers == nil:
		// Sold on the China site only: a seventh of its price, made up.
		p, _ := l.price(vcpus, unit, money.CNY)
		return rounded(new(big.Rat).Quo(p, big.NewRat(7, 1)), 4), false
	}
	tier := tiers[0]
	for _, t := range tiers {
		if vcpus >= t.from {
			tier = t
		}
	}
	p, listed := tier.price(unit)
	if tier.perVCPU {
		p = times(p, int64(vcpus))
	}
	return p, published && listed
}

// price is one unit of the tier. What the list does not have is made up: a year
// as twelve months, a week as seven thirtieths of a month.
func (t licenceTier) price(unit image.PriceUnit) (*big.Rat, bool) {
	switch {
	case unit == image.PricePerHour:
		return decimal(t.hour), true
	case unit == image.PricePerMonth:
		return decimal(t.month), true
	case unit == image.PricePerYear && t.year != "":
		return decimal(t.year), true
	case unit == image.PricePerYear:
		return times(decimal(t.month), 12), false
	}
	return rounded(new(big.Rat).Mul(decimal(t.month), big.NewRat(7, 30)), 2), false
}

// licenceOf is the licence that instances on an image pay in a region: that of
// its true source, whatever lies between.
func (c *Cloud) licenceOf(s *imageState, r *region) licence {
	source := c.source(s)
	if s.img.LicenseType == "BYOL" || source.img.LicenseType == "BYOL" {
		return ""
	}
	if source.img.OSType == image.Windows {
		if r.mainland() {
			return ""
		}
		return licenceWindows
	}
	if source.img.Imported() {
		return "" // the Aliyun licence is for Windows Server only
	}
	return linuxLicence(source.img.Platform, source.img.OSName)
}

// linuxLicence goes by ECS's words for paid distributions.
func linuxLicence(platform, name string) licence {
	sap := strings.Contains(name, "SAP")
	switch {
	case platform == "RedHat" || strings.Contains(name, "Red Hat Enterprise Linux"):
		if sap {
			return licenceRHELForSAP
		}
		return licenceRHEL
	case platform == "SUSE" || strings.Contains(name, "SUSE Linux Enterprise"):
		if sap {
			return licenceSLESForSAP
		}
		return licenceSLES
	case isALinuxPro(name):
		return licenceALinuxPro
	}
	return ""
}

func isALinuxPro(name string) bool {
	return strings.HasPrefix(name, "Alibaba Cloud Linux") && strings.Contains(name+" ", " Pro ")
}

// mainland: the Chinese mainland, where Windows is free; source: the page of
// image prices.
func (p place) mainland() bool {
	return image.Mainland(p.id) == image.Yes
}

// instancePrice is what one unit of an instance type costs: made up, always the
// same.
func instancePrice(t image.InstanceType, p place, unit image.PriceUnit, c money.Currency) *big.Rat {
	hour := times(decimal("0.1"), int64(t.VCPUs))
	memory := new(big.Rat).SetFloat64(t.MemoryGiB)
	hour.Add(hour, memory.Mul(memory, decimal("0.025")))
	switch {
	case strings.Contains(t.FamilyName, ".gn"):
		hour.Add(hour, decimal("6.5"))
	case t.Architecture == image.ARM64:
		hour.Mul(hour, big.NewRat(4, 5))
	}
	if !p.mainland() {
		hour.Mul(hour, big.NewRat(5, 4))
	}
	return perUnit(hour, unit, c)
}

// perUnit makes a price per hour in CNY one per unit and currency.
func perUnit(hour *big.Rat, unit image.PriceUnit, c money.Currency) *big.Rat {
	hours, digits := int64(1), 6
	switch unit {
	case image.PricePerWeek:
		hours, digits = 120, 2
	case image.PricePerMonth:
		hours, digits = 400, 2
	case image.PricePerYear:
		hours, digits = 4800, 2
	}
	p := times(hour, hours)
	if c == money.USD {
		p.Quo(p, big.NewRat(7, 1))
	}
	return rounded(p, digits)
}

// diskPrices are made up: CNY per GiB and hour.
func diskPrices() map[string]string {
	return map[string]string{
		"cloud": "0.0004", "cloud_efficiency": "0.0005", "cloud_ssd": "0.0014", "cloud_auto": "0.0014", "cloud_essd_entry": "0.0007",
		"cloud_essd": "0.0021", "cloud_essd/PL0": "0.001", "cloud_essd/PL1": "0.0021", "cloud_essd/PL2": "0.0042", "cloud_essd/PL3": "0.0084",
	}
}

func diskPrice(d PriceDisk, unit image.PriceUnit, c money.Currency) *big.Rat {
	prices := diskPrices()
	text, ok := prices[d.Category+"/"+d.PerformanceLevel]
	if !ok {
		text = prices[d.Category]
	}
	return perUnit(times(decimal(text), int64(d.SizeGiB)), unit, c)
}

// spotShare is what part of an instance's price a spot instance costs just now:
// another one every minute.
func spotShare(id image.InstanceTypeID, now time.Time) *big.Rat {
	h := fnv.New64a()
	h.Write([]byte(string(id) + now.Truncate(time.Minute).String()))
	return big.NewRat(int64(20+h.Sum64()%30), 100)
}

// A productPrice is what a Marketplace product costs per instance: made up.
// An empty price: it is not sold so.
type productPrice struct{ hour, month, year string }

func priceOf(code image.ProductCode) productPrice {
	switch code {
	case "cmjj00027311":
		return productPrice{"0.5", "280", "2800"}
	case "cmjj00030854":
		return productPrice{"4.2", "2400", "24000"}
	case "cmjj00021076": // by subscription only
		return productPrice{"", "950", "9500"}
	case "cmgj00018250": // free of charge, and still ordered
		return productPrice{"0", "0", "0"}
	}
	cents := int64(10 + mix(0, string(code))%300)
	hour := big.NewRat(cents, 100)
	return productPrice{hour.FloatString(2), times(hour, 500).FloatString(2), times(hour, 5000).FloatString(2)}
}

// of is the price for one unit; nil if the product is not sold so.
func (p productPrice) of(unit image.PriceUnit, c money.Currency) *big.Rat {
	text := map[image.PriceUnit]string{
		image.PricePerHour: p.hour, image.PricePerMonth: p.month, image.PricePerYear: p.year,
	}[unit]
	if text == "" {
		return nil
	}
	price := decimal(text)
	if c == money.USD {
		price.Quo(price, big.NewRat(7, 1))
	}
	return rounded(price, 4)
}
