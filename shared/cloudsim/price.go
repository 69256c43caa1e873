package cloudsim

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// The rules that an answer of DescribePrice names.
const (
	madeUpRule     = "prices of instances, disks, bandwidth and Marketplace products are made up by this emulated cloud"
	publishedRule  = "licence rate as the vendor published it; see https://help.aliyun.com/zh/ecs/images"
	madeUpLicence  = "licence rate made up by this emulated cloud: the vendor publishes none for this"
	yearlyDiscount = "15 % off instance types paid by the year, made up by this emulated cloud"
)

// Unprice makes DescribePrice answer PriceNotFound for these instance types.
func (c *Cloud) Unprice(types ...image.InstanceTypeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range types {
		c.unpriced[t] = true
	}
}

// PriceDisk is one disk of DescribePrice.
type PriceDisk struct {
	Category         string
	SizeGiB          int
	PerformanceLevel string
}

// DescribePriceRequest are the parameters of DescribePrice. Zero numbers are
// absent; the wire passes an explicit 0 as -1.
type DescribePriceRequest struct {
	RegionID image.RegionID
	// ResourceType is instance (the default) or disk; for the others there is no
	// price.
	ResourceType string
	InstanceType image.InstanceTypeID
	// ImageID may be absent: then the price is that of Linux, without a system
	// disk.
	ImageID      image.ID
	Unit         image.PriceUnit
	Period       int
	Amount       int
	SystemDisk   PriceDisk
	DataDisks    []PriceDisk
	SpotStrategy string
	ZoneID       image.ZoneID
	// BandwidthOut is in Mbit/s.
	BandwidthOut       int
	InternetChargeType string
	NetworkType        string // vpc or classic
	IOOptimized        string // none or optimized
}

// PriceRule is a condition of a price.
type PriceRule struct {
	ID          int64
	Description string
}

// ResourcePrice is one row of an answer's details.
type ResourcePrice struct {
	Resource        string
	Original, Trade money.Amount
	Rules           []PriceRule
}

// PriceInfo is the answer of DescribePrice. All amounts are decimals.
type PriceInfo struct {
	Currency        money.Currency
	Original, Trade money.Amount
	Rows            []ResourcePrice
	// Marketplace is nil where the image is not from the Marketplace.
	Marketplace *ResourcePrice
	Rules       []PriceRule
	// Filled is the request with what it left open.
	Filled DescribePriceRequest
	// RenamedRows: the rows are under ResourcePriceModel alone.
	RenamedRows bool
}

// DescribePrice tells what instances, or a disk, would cost. Licences are those
// of an image's true source; accounts of the international site are answered in
// USD. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidInstanceType.Missing, InvalidInstanceType.ValueNotSupported,
// InvalidPriceUnit.ValueNotSupported, InvalidPeriod, InvalidAmount.Malformed,
// Invalid.ZoneId and the codes of the disks; InvalidImageId.NotFound,
// OperationDenied, InvalidInstanceType.NotSupported (another architecture),
// ImageNotSupportInstanceType, InvalidSystemDiskSize.LessThanImageSize,
// ImageNotSubscribed, ImageRemovedInMarket, IncorrectImageStatus,
// InvalidChargeType.MarketImage and PriceNotFound.
func (s *Session) DescribePrice(req DescribePriceRequest) (PriceInfo, error) {
	if err := s.permit("DescribePrice"); err != nil {
		return PriceInfo{}, err
	}
	if err := checkPrice(&req); err != nil {
		return PriceInfo{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	q := quote{cloud: c, readings: c.readings(), region: c.regions[req.RegionID], account: s.caller.Account, req: req, now: c.now(), currency: money.CNY}
	if _, abroad := exists(q.account); abroad {
		q.currency = money.USD
	}
	return q.answer()
}

// priceUnits are how long each unit may be asked for.
func priceUnits() map[image.PriceUnit]int {
	return map[image.PriceUnit]int{image.PricePerHour: 1, image.PricePerWeek: 4, image.PricePerMonth: 9, image.PricePerYear: 5}
}

// checkPrice refuses what is wrong whatever the state, and fills in defaults.
func checkPrice(req *DescribePriceRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	req.Unit, req.ResourceType = cmp.Or(req.Unit, image.PricePerHour), cmp.Or(req.ResourceType, "instance")
	req.Period, req.Amount = orDefault(req.Period, 1), orDefault(req.Amount, 1)
	p, _ := placeOf(req.RegionID)
	most, known := priceUnits()[req.Unit]
	others := []string{"diskperformance", "bandwidth", "ddh", "ElasticityAssurance", "CapacityReservation"}
	switch {
	case !known:
		return malformed(400, "InvalidPriceUnit.ValueNotSupported", "The specified parameter PriceUnit is not valid.")
	case req.Period < 1 || req.Period > most:
		return malformed(400, "InvalidPeriod", "The specified period is not valid.")
	case req.Amount < 1 || req.Amount > 1000:
		return malformed(403, "InvalidAmount.Malformed", "The specified parameter Amount is not valid.")
	case req.ZoneID != "" && !slices.Contains(p.zoneIDs(), req.ZoneID):
		return malformed(400, "Invalid.ZoneId", "The specified ZoneId is not valid.")
	case slices.Contains(others, req.ResourceType):
		return noPrice()
	case req.ResourceType != "instance" && req.ResourceType != "disk":
		return malformed(400, "InvalidResourceType.ValueNotSupported", "The specified parameter ResourceType is not valid.")
	case !slices.Contains(spotStrategies(), req.SpotStrategy):
		return malformed(400, "InvalidSpotStrategy", "The specified SpotStrategy is not valid.")
	}
	return cmp.Or(checkNetwork(req), checkPriceDisks(req))
}

func spotStrategies() []string { return []string{"", "NoSpot", "SpotAsPriceGo", "SpotWithPriceLimit"} }

func checkNetwork(req *DescribePriceRequest) error {
	switch {
	case req.BandwidthOut < 0 || req.BandwidthOut > 100:
		return malformed(400, "InvalidInternetMaxBandwidthOut.ValueNotSupported", "The specified parameter \"InternetMaxBandwidthOut\" is not valid.")
	case !slices.Contains([]string{"", "PayByBandwidth", "PayByTraffic"}, req.InternetChargeType):
		return malformed(400, "InvalidInternetChargeType.ValueNotSupported", "The specified InternetChargeType is not valid.")
	case !slices.Contains([]string{"", "vpc", "classic"}, req.NetworkType):
		return malformed(404, "InvalidNetworkType.ValueNotSupported", "The specified parameter NetworkType is not valid.")
	case !slices.Contains([]string{"", "none", "optimized"}, req.IOOptimized):
		return malformed(400, "InvalidIoOptimizedValue.ValueNotSupported", "IoOptimized value not supported.")
	}
	return nil
}

// The bounds of disks, in GiB; source: DescribePrice, ReplaceSystemDisk.
const (
	leastSystemDisk, mostSystemDisk = 20, 2048
	leastDataDisk, mostDataDisk     = 10, 65536
)

func checkPriceDisks(req *DescribePriceRequest) error {
	prices := diskPrices()
	if _, sold := prices[req.SystemDisk.Category]; req.SystemDisk.Category != "" && !sold {
		return malformed(400, "InvalidSystemDiskCategory.ValueNotSupported", "The specified parameter \"SystemDisk.Category\" is not valid.")
	}
	switch size := req.SystemDisk.SizeGiB; {
	case size < 0:
		return malformed(400, "InvalidSystemDiskSize.ValueNotSupported", "The specified parameter SystemDisk.Size is invalid")
	case size != 0 && size < leastSystemDisk:
		return malformed(404, "InvalidSystemDiskSize.LessThanMinSize", "The specified parameter SystemDisk.Size is less than the minimum size.")
	case size > mostSystemDisk:
		return malformed(404, "InvalidSystemDiskSize.MoreThanMaxSize", "The specified parameter SystemDisk.Size is more than the maximum size")
	case len(req.DataDisks) > maxDataDisks:
		return overQuota(403, "InstanceDiskNumLimitExceed", "The number of specified disk in an instance exceeds.")
	case req.ResourceType == "disk" && (len(req.DataDisks) == 0 || req.DataDisks[0].Category == ""):
		return malformed(404, "InvalidDiskCategory.Missing", "The DataDisk.1.Category parameter that is mandatory for processing the request is not provided.")
	}
	return checkPriceDataDisks(req.DataDisks)
}

// checkPriceDataDisks fills in what is open of the data disks, too.
func checkPriceDataDisks(disks []PriceDisk) error {
	prices := diskPrices()
	for i := range disks {
		d := &disks[i]
		d.Category, d.SizeGiB = cmp.Or(d.Category, "cloud_efficiency"), orDefault(d.SizeGiB, leastDataDisk)
		if _, sold := prices[d.Category]; !sold {
			return malformed(400, "InvalidDataDiskCategory.ValueNotSupported", "The specified parameter \"DataDisk.n.Category\" is not valid.")
		}
		if d.SizeGiB < leastDataDisk || d.SizeGiB > mostDataDisk {
			return malformed(400, "InvalidDataDiskSize.ValueNotSupported", "The specified DataDisk.n.Size beyond the permitted range, or the capacity of snapshot exceeds the size limit of the specified disk category.")
		}
	}
	return nil
}

func noPrice() error {
	return refuse(400, "PriceNotFound", "The price of your queried resource is not available now, please try other resources.")
}

// A quote is one answer in the making.
type quote struct {
	cloud    *Cloud
	readings *Readings
	region   *region
	account  image.AccountID
	req      DescribePriceRequest
	now      time.Time
	currency money.Currency
	info     PriceInfo
}

func (q *quote) answer() (PriceInfo, error) {
	if q.req.Unit == image.PricePerWeek && q.currency == money.USD {
		return PriceInfo{}, malformed(400, "InvalidPriceUnit.ValueNotSupported", "The specified parameter PriceUnit is not valid.")
	}
	q.info = PriceInfo{Currency: q.currency, Rules: []PriceRule{{9000001, madeUpRule}}, RenamedRows: q.readings.PriceRowsAsDocumented}
	if q.req.ResourceType == "instance" {
		if err := q.instance(); err != nil {
			return PriceInfo{}, err
		}
	}
	for _, d := range q.req.DataDisks {
		price := diskPrice(d, q.req.Unit, q.currency)
		q.row("dataDisk", price, price)
	}
	q.sum()
	q.info.Filled = q.req
	return q.info, nil
}

// instance adds the rows of the instance, its image and its system disk.
func (q *quote) instance() error {
	t, known := instanceType(q.req.InstanceType)
	switch {
	case q.req.InstanceType == "":
		return refuse(404, "InvalidInstanceType.Missing", "The InstanceType parameter that is mandatory for processing the request is not provided.")
	case !known:
		return malformed(400, "InvalidInstanceType.ValueNotSupported", "The specified InstanceType does not exist or beyond the permitted range.")
	case q.cloud.unpriced[t.ID]:
		return noPrice()
	}
	var state *imageState
	if q.req.ImageID != "" {
		var err error
		if state, err = q.image(t); err != nil {
			return err
		}
	}
	original, trade := q.instanceType(t)
	charge, rule := q.licence(state, t)
	if q.readings.LicenceInInstanceType {
		q.row("instanceType", new(big.Rat).Add(original, charge), new(big.Rat).Add(trade, charge), rule...)
		charge, rule = new(big.Rat), nil
	} else {
		q.row("instanceType", original, trade)
	}
	if q.req.BandwidthOut > 0 && q.req.InternetChargeType == "PayByBandwidth" {
		price := perUnit(times(decimal("0.08"), int64(q.req.BandwidthOut)), q.req.Unit, q.currency)
		q.row("bandwidth", price, price)
	}
	if state == nil {
		return nil
	}
	q.row("image", charge, charge, rule...)
	price := diskPrice(q.req.SystemDisk, q.req.Unit, q.currency)
	q.row("systemDisk", price, price)
	return q.marketplace(state)
}

// instanceType is what the type costs without a licence, listed and to be paid.
func (q *quote) instanceType(t image.InstanceType) (original, trade *big.Rat) {
	original = instancePrice(t, q.region.place, q.req.Unit, q.currency)
	switch spot := q.req.SpotStrategy; {
	case strings.HasPrefix(spot, "Spot") && q.req.Unit == image.PricePerHour:
		return original, rounded(new(big.Rat).Mul(original, spotShare(t.ID, q.now)), 6)
	case q.req.Unit == image.PricePerYear:
		q.info.Rules = append(q.info.Rules, PriceRule{9000002, yearlyDiscount})
		return original, rounded(new(big.Rat).Mul(original, big.NewRat(85, 100)), 2)
	}
	return original, original
}

// image is the image that is asked about, if instances of the type can be made
// of it. It completes the system disk.
func (q *quote) image(t image.InstanceType) (*imageState, error) {
	state := q.region.visible(q.req.ImageID, q.account, q.now)
	switch {
	case state == nil:
		return nil, refuse(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.")
	case state.img.Owner == MarketplaceOwner && state.status(q.now) != image.StatusAvailable:
		return nil, wrongState(400, "IncorrectImageStatus", "The specified image is an Alibaba Cloud Marketplace image. The sale of this image has ended.")
	case !usable(state.status(q.now)):
		return nil, wrongState(403, "OperationDenied", "The specified Image is disabled or is deleted.")
	case !sameArchitecture(t, &state.img):
		return nil, wrongState(400, "InvalidInstanceType.NotSupported", "The specified instanceType is not supported by the image architecture.")
	case !boots(t, &state.img):
		return nil, wrongState(403, "ImageNotSupportInstanceType", "The specified image don't support the InstanceType instance.")
	}
	d := &q.req.SystemDisk
	d.Category, d.SizeGiB = cmp.Or(d.Category, "cloud_essd"), orDefault(d.SizeGiB, max(40, state.img.SizeGiB))
	if d.SizeGiB < state.img.SizeGiB {
		return nil, malformed(400, "InvalidSystemDiskSize.LessThanImageSize", "The specified parameter \"SystemDisk.Size\" is less than the image size.")
	}
	return state, q.cloud.checkBought(q.region, q.account, state)
}

func sameArchitecture(t image.InstanceType, img *image.Image) bool {
	return t.Architecture == img.Architecture || img.Architecture == image.I386 && t.Architecture == image.X86_64
}

// checkBought refuses images with a product code that the account has not
// subscribed to, or whose product is no longer sold.
func (c *Cloud) checkBought(r *region, account image.AccountID, state *imageState) error {
	code := state.img.ProductCode
	if code == "" {
		return nil
	}
	sold := slices.ContainsFunc(r.images.of(MarketplaceOwner).rows, func(e *entry[imageState]) bool {
		s := e.truth()
		return s != nil && s.img.ProductCode == code
	})
	switch {
	case !sold:
		return wrongState(403, "ImageRemovedInMarket", "The specified market image is not available, or the user defined image includes a product code whose marketplace image has been removed.")
	case !state.img.Subscribed && !slices.Contains(c.accounts[account].Subscriptions, code):
		return wrongState(403, "ImageNotSubscribed", "The specified image has not be subscribed.")
	}
	return nil
}

// licence is what the image's licence costs for one unit, and by which rule.
func (q *quote) licence(state *imageState, t image.InstanceType) (*big.Rat, []PriceRule) {
	if state == nil {
		return new(big.Rat), nil
	}
	l := q.cloud.licenceOf(state, q.region)
	if l == "" || q.readings.PaidImagesUnpriced {
		return new(big.Rat), nil
	}
	price, published := l.price(t.VCPUs, q.req.Unit, q.currency)
	if published {
		return price, []PriceRule{{9000003, string(l) + ": " + publishedRule}}
	}
	return price, []PriceRule{{9000004, string(l) + ": " + madeUpLicence}}
}

// marketplace adds what the image's product costs beside all this.
func (q *quote) marketplace(state *imageState) error {
	code := state.img.ProductCode
	if code == "" {
		return nil
	}
	price := priceOf(code).of(q.req.Unit, q.currency)
	if price == nil {
		return wrongState(403, "InvalidChargeType.MarketImage", "The specified chargeType of marketplace image is invalid")
	}
	if q.readings.DerivedMarketplaceUnpriced && state.img.Owner != MarketplaceOwner {
		return nil
	}
	total := q.amount(price)
	q.info.Marketplace = &ResourcePrice{Original: total, Trade: total}
	return nil
}

// amount is the price of one unit for all units and instances asked for.
func (q *quote) amount(unit *big.Rat) money.Amount {
	return money.New(times(unit, int64(q.req.Period)*int64(q.req.Amount)), q.currency)
}

func (q *quote) row(resource string, original, trade *big.Rat, rules ...PriceRule) {
	if q.readings.PriceRowsAsDocumented && resource != "image" && resource != "bandwidth" {
		resource = strings.ToUpper(resource[:1]) + resource[1:]
	}
	q.info.Rows = append(q.info.Rows, ResourcePrice{resource, q.amount(original), q.amount(trade), rules})
}

// sum adds up the rows and, by that reading, the Marketplace price.
func (q *quote) sum() {
	rows := q.info.Rows
	if m := q.info.Marketplace; m != nil && q.readings.MarketplaceInTradePrice {
		rows = append(slices.Clone(rows), *m)
	}
	original, trade := new(big.Rat), new(big.Rat)
	for _, row := range rows {
		original.Add(original, row.Original.Rat())
		trade.Add(trade, row.Trade.Rat())
	}
	q.info.Original, q.info.Trade = money.New(original, q.currency), money.New(trade, q.currency)
}
