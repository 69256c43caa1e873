package pricing

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

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
	// Region empty means every region; To is the destination of a copy, or
	// AnyRegion.
	Region, To image.RegionID
	// Default: it counts only where no other rate is known; its region is empty.
	Default bool
	// InstanceType empty means every type.
	InstanceType image.InstanceTypeID
	Basis        Basis
	Unit         Unit
	// MinVCPUs and MaxVCPUs bound the tier, both included; MaxVCPUs 0 is no bound.
	MinVCPUs, MaxVCPUs int
	Price              money.Amount
	// Source is a page's address, or PRICE_RATES.
	Source string
	// Since is from when on it holds, ReadAt as of when it was read: each a year,
	// month or day (ISO 8601), or empty where that is not known.
	Since, ReadAt string
	// perUnit and tier are its names, once a book has put them together.
	perUnit, tier string
}

// AnyRegion is how PRICE_RATES names all regions.
const AnyRegion image.RegionID = "all"

// Tier is the range of vCPUs for people; empty if the rate has no tiers.
func (r Rate) Tier() string {
	switch {
	case r.tier != "":
		return r.tier
	case r.MaxVCPUs > 0:
		return strconv.Itoa(r.MinVCPUs) + "-" + strconv.Itoa(r.MaxVCPUs) + " vCPU"
	case r.MinVCPUs > 1:
		return strconv.Itoa(r.MinVCPUs) + "+ vCPU"
	}
	return ""
}

// unitName is the unit of the quantity that the rate is multiplied by.
func (r *Rate) unitName() string {
	if r.perUnit != "" {
		return r.perUnit
	}
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
	negotiated *book
	// published are read when the first price asks for them, not when a function
	// starts, and so are the defaults, which stand behind them; nil: none.
	published func() *book
	gbBytes   int64
	now       time.Time
}

// listed are the published rates, and behind them the defaults.
func (r Rates) listed() *book {
	if r.published == nil {
		return nil
	}
	return r.published()
}

// book is a table of rates with an index. A nil one is empty.
type book struct {
	rates []Rate
	index map[entryWord][]*Rate
}

// entryWord is what every rate and every question for one agree in.
type entryWord struct {
	item    Item
	product Product
	unit    Unit
}

// bookOf makes a book of rates, which become its own.
func bookOf(rates []Rate) *book {
	b := &book{rates: rates, index: make(map[entryWord][]*Rate, len(rates))}
	for i := range rates {
		r := &rates[i]
		r.perUnit, r.tier = r.unitName(), r.Tier()
		word := entryWord{r.Item, r.Product, r.Unit}
		b.index[word] = append(b.index[word], r)
	}
	return b
}

// all are the rates of a book, in order; they are not changed.
func (b *book) all() []Rate {
	if b == nil {
		return nil
	}
	return b.rates
}

// without is the book without some rates.
func (b *book) without(some func(Rate) bool) *book {
	if !slices.ContainsFunc(b.all(), some) {
		return b
	}
	return bookOf(slices.DeleteFunc(slices.Clone(b.all()), some))
}

// Negotiated is an overlay of rates; its rates win over the published ones, but
// for its defaults, which count where there are none.
type Negotiated struct {
	Rates []Rate
	// GBBytes is how many bytes are billed as a GB, if the contract says so; else 0.
	GBBytes int64
}

// With returns rates with an overlay. An earlier one is replaced but for its
// defaults.
func (r Rates) With(n Negotiated) Rates {
	var defaults, own []Rate
	for _, rate := range n.Rates {
		if rate.Default {
			defaults = append(defaults, rate)
		} else {
			own = append(own, rate)
		}
	}
	r.negotiated = bookOf(own)
	if len(defaults) > 0 {
		before := r
		r.published = sync.OnceValue(func() *book { return bookOf(slices.Concat(before.listed().all(), defaults)) })
	}
	r.gbBytes = n.GBBytes
	return r
}

// At returns the rates as of a time: without those that hold only from later on,
// and each with its age.
func (r Rates) At(now time.Time) Rates {
	later := func(rate Rate) bool { return rate.begins().After(now) }
	r.negotiated = r.negotiated.without(later)
	if before := r; r.published != nil {
		r.published = sync.OnceValue(func() *book { return before.listed().without(later) })
	}
	r.now = now
	return r
}

// begins is when the rate begins to hold; zero if that is not known.
func (r Rate) begins() time.Time { t, _ := parseDate(r.Since); return t }

// parseDate is the beginning of a day, month or year.
func parseDate(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if len(layout) == len(text) {
			t, err := time.Parse(layout, text)
			return t, err == nil
		}
	}
	return time.Time{}, false
}

// age is how many days ago a page was read at the most, and whether that may be
// more than twelve months; 0 where that is not known.
func (r Rates) age(p page) (days int, old bool) {
	if r.now.IsZero() {
		return 0, false
	}
	read, ok := parseDate(cmp.Or(p.readAt, p.since))
	if !ok || read.After(r.now) {
		return 0, false
	}
	return int(r.now.Sub(read) / (24 * time.Hour)), read.AddDate(0, monthsPerYear, 0).Before(r.now)
}

// All returns every rate: the negotiated ones, then the published, then the
// defaults.
func (r Rates) All() []Rate { return slices.Concat(r.negotiated.all(), r.listed().all()) }

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

// find returns the most specific rate that w selects: one for the instance type
// before one for all types, one for the region before one for all, and defaults
// last.
func (b *book) find(w *want) *Rate {
	if b == nil {
		return nil
	}
	best, score := (*Rate)(nil), -1
	for _, r := range b.index[entryWord{w.item, w.product, w.unit}] {
		if w.selects(r) && specificity(r) > score {
			best, score = r, specificity(r)
		}
	}
	return best
}

func (w *want) selects(r *Rate) bool {
	return r.Category == w.category && r.Price.Currency() == w.currency &&
		r.ProductCode == w.productCode && w.destination(r) && w.place(r) && w.size(r)
}

func (w *want) destination(r *Rate) bool {
	return r.To == w.to || (r.To == AnyRegion && w.to != "")
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
	if !r.Default {
		score += 8
	}
	if r.To != AnyRegion {
		score += 4
	}
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
	if rate := r.negotiated.find(&w); rate != nil {
		return rate
	}
	return r.listed().find(&w)
}

// times returns the amount of a quantity at a rate.
func (r *Rate) times(quantity money.Ratio) money.Amount { return r.Price.By(quantity) }
