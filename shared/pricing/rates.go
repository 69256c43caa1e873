package pricing

import (
	"math/big"
	"slices"
	"strconv"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Site is where an account was opened; it decides the currency of its bills.
type Site string

// The sites: CNY on the China site, USD on the international site.
const (
	China         Site = "china"
	International Site = "international"
)

// Currency returns the currency a site bills in; empty for an unknown site.
func (s Site) Currency() money.Currency {
	switch s {
	case China:
		return money.CNY
	case International:
		return money.USD
	}
	return ""
}

// Item is what a line charges for.
type Item string

// The things that are charged. The first three belong to every quote where they
// apply; the others to an operation.
const (
	OperatingSystemLicence Item = "operatingSystemLicence"
	MarketplaceSoftware    Item = "marketplaceSoftware"
	SnapshotStorage        Item = "snapshotStorage"
	ArchiveEarlyDeletion   Item = "archiveEarlyDeletion"
	SnapshotPreheat        Item = "snapshotPreheat"
	SnapshotCopy           Item = "snapshotCopy"
	Transfer               Item = "transfer"
	KeyManagement          Item = "keyManagement"
	OSSStorage             Item = "ossStorage"
	OSSTraffic             Item = "ossTraffic"
	OSSRequests            Item = "ossRequests"
	SystemDiskReplacement  Item = "systemDiskReplacement"
	SystemDiskGrowth       Item = "systemDiskGrowth"
	LicenceAdjustment      Item = "licenceAdjustment"
	MarketplaceChange      Item = "marketplaceChange"
	MarketplaceRefund      Item = "marketplaceRefund"
)

// Basis is what a rate is multiplied by, beside time.
type Basis string

// The bases. PerGBDisk is per GB and disk (preheat).
const (
	PerVCPU        Basis = "perVcpu"
	PerInstance    Basis = "perInstance"
	PerGB          Basis = "perGb"
	PerGBDisk      Basis = "perGbDisk"
	Per10kRequests Basis = "per10000Requests"
)

// Unit is the time a rate is for.
type Unit string

// The units. A month is 720 hours wherever a rate per month is charged by the
// hour; Once is for what is charged a single time.
const (
	Hour  Unit = "hour"
	Week  Unit = "week"
	Month Unit = "month"
	Year  Unit = "year"
	Once  Unit = "once"
)

// Category is the tier of a snapshot; source: DescribeSnapshots Category.
type Category string

// The tiers of snapshots.
const (
	Standard Category = "standard"
	Archive  Category = "archive"
)

// Rate is the price of one unit from a date.
type Rate struct {
	Item Item
	// Product is for licences.
	Product Product
	// ProductCode is for Marketplace software.
	ProductCode image.ProductCode
	// Category is for snapshots.
	Category Category
	// Region empty means every region; To is the destination of a copy.
	Region, To image.RegionID
	// InstanceType empty means every type.
	InstanceType image.InstanceTypeID
	Basis        Basis
	Unit         Unit
	// MinVCPUs and MaxVCPUs bound the tier, both included; MaxVCPUs 0 is no bound.
	MinVCPUs, MaxVCPUs int
	Price              money.Amount
	// Source is a page's address, or PRICE_RATES.
	Source string
	// Date is a year, month or day (ISO 8601): since when, or of which age.
	Date string
}

// Tier is the range of vCPUs for people; empty if the rate has no tiers.
func (r Rate) Tier() string {
	switch {
	case r.MaxVCPUs > 0:
		return strconv.Itoa(r.MinVCPUs) + "-" + strconv.Itoa(r.MaxVCPUs) + " vCPU"
	case r.MinVCPUs > 1:
		return strconv.Itoa(r.MinVCPUs) + "+ vCPU"
	}
	return ""
}

// unitName is the unit of the quantity that the rate is multiplied by.
func (r Rate) unitName() string {
	switch r.Basis {
	case PerVCPU:
		return "vCPU-" + string(r.Unit)
	case PerInstance:
		return "instance-" + string(r.Unit)
	case PerGBDisk:
		return "GB-disk-" + string(r.Unit)
	case Per10kRequests:
		return "10000 requests"
	}
	if r.Unit == Once {
		return "GB"
	}
	return "GB-" + string(r.Unit)
}

// Rates is a table of rates. The zero value knows none. It is immutable.
type Rates struct {
	negotiated []Rate
	// published are read when the first price asks for them, not when a function
	// starts; nil: none.
	published func() []Rate
	gbBytes   int64
}

// listed are the published rates.
func (r Rates) listed() []Rate {
	if r.published == nil {
		return nil
	}
	return r.published()
}

// Negotiated is an overlay of rates; its rates win over the published ones.
type Negotiated struct {
	Rates []Rate
	// GBBytes is how many bytes are billed as a GB, if the contract says so; else 0.
	GBBytes int64
}

// With returns rates with an overlay in place of any earlier one.
func (r Rates) With(n Negotiated) Rates {
	r.negotiated = slices.Clone(n.Rates)
	r.gbBytes = n.GBBytes
	return r
}

// All returns every rate: the negotiated ones, then the published.
func (r Rates) All() []Rate { return slices.Concat(r.negotiated, r.listed()) }

// want selects a rate.
type want struct {
	item        Item
	product     Product
	productCode image.ProductCode
	category    Category
	region, to  image.RegionID
	instance    image.InstanceTypeID
	vcpus       int
	unit        Unit
	currency    money.Currency
}

// find returns the most specific rate that w selects in table: one for the
// instance type before one for all types, one for the region before one for all.
func find(table []Rate, w *want) *Rate {
	best, score := (*Rate)(nil), -1
	for i := range table {
		if r := &table[i]; w.selects(r) && specificity(r) > score {
			best, score = r, specificity(r)
		}
	}
	return best
}

func (w *want) selects(r *Rate) bool {
	return r.Item == w.item && r.Unit == w.unit && r.Product == w.product &&
		r.Category == w.category && r.Price.Currency() == w.currency &&
		r.ProductCode == w.productCode && r.To == w.to && w.place(r) && w.size(r)
}

func (w *want) place(r *Rate) bool {
	return (r.Region == "" || r.Region == w.region) && (r.InstanceType == "" || r.InstanceType == w.instance)
}

func (w *want) size(r *Rate) bool {
	if r.MinVCPUs <= 1 && r.MaxVCPUs == 0 {
		return r.Basis != PerVCPU || w.vcpus > 0
	}
	return w.vcpus >= max(1, r.MinVCPUs) && (r.MaxVCPUs == 0 || w.vcpus <= r.MaxVCPUs)
}

func specificity(r *Rate) int {
	score := 0
	if r.InstanceType != "" {
		score += 2
	}
	if r.Region != "" {
		score++
	}
	return score
}

// lookup prefers negotiated rates.
func (r Rates) lookup(w want) *Rate {
	if rate := find(r.negotiated, &w); rate != nil {
		return rate
	}
	return find(r.listed(), &w)
}

// times returns the amount of a quantity at a rate.
func (r *Rate) times(quantity *big.Rat) money.Amount { return r.Price.Times(quantity) }
