package ecsapi

import (
	"encoding/json"
	"strconv"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// priceAnswer has the keys of DescribePrice. Amounts are JSON numbers with all
// of their decimals.
type priceAnswer struct {
	receipt
	PriceInfo wirePriceInfo
}

type wirePriceInfo struct {
	Price        wirePrice
	RelatedPrice struct {
		MarketplaceImagePrice *wireMarketPrice `json:",omitempty"`
	}
	Rules wireRules
}

type wirePrice struct {
	Currency                  money.Currency
	OriginalPrice             json.Number
	DiscountPrice             json.Number
	TradePrice                json.Number
	ReservedInstanceHourPrice json.Number
	// DetailInfos has the same rows twice: SDKs read DetailInfo, the vendor's
	// documents show ResourcePriceModel.
	DetailInfos struct {
		DetailInfo         []wirePriceRow `json:",omitempty"`
		ResourcePriceModel []wirePriceRow
	}
}

type wirePriceRow struct {
	Resource      string
	OriginalPrice json.Number
	DiscountPrice json.Number
	TradePrice    json.Number
	SubRules      wireRules
}

type wireMarketPrice struct {
	Currency      money.Currency
	OriginalPrice json.Number
	DiscountPrice json.Number
	TradePrice    json.Number
}

type wireRules struct{ Rule []wireRule }

type wireRule struct {
	RuleID      int64 `json:"RuleId"`
	Description string
}

func rulesOnWire(rules []cloudsim.PriceRule) wireRules {
	return wireRules{rowsOf(rules, func(r cloudsim.PriceRule) wireRule { return wireRule{r.ID, r.Description} })}
}

// amount writes money as a number: all of its decimals, and no more.
func amount(a money.Amount) json.Number { return json.Number(a.Exact()) }

// discount is what is off the list price.
func discount(original, trade money.Amount) json.Number {
	off, err := original.Minus(trade)
	if err != nil { // two currencies in one answer: a defect of ours
		return amount(trade)
	}
	return amount(off)
}

func describePrice(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.DescribePriceRequest{
		RegionID: image.RegionID(p.text("RegionId")), ResourceType: p.text("ResourceType"), ImageID: image.ID(p.text("ImageId")),
		InstanceType: image.InstanceTypeID(p.text("InstanceType")), Unit: image.PriceUnit(p.text("PriceUnit")),
		Period: c.positive("Period"), Amount: c.positive("Amount"), SpotStrategy: p.text("SpotStrategy"), ZoneID: image.ZoneID(p.text("ZoneId")),
		NetworkType: p.text("InstanceNetworkType"), IOOptimized: p.text("IoOptimized"), InternetChargeType: p.text("InternetChargeType"),
		SystemDisk: cloudsim.PriceDisk{
			Category: p.text("SystemDisk.Category"), SizeGiB: c.size("SystemDisk.Size"), PerformanceLevel: p.text("SystemDisk.PerformanceLevel"),
		},
	}
	req.BandwidthOut, _ = p.integer("InternetMaxBandwidthOut")
	for _, n := range p.numbers("DataDisk") {
		req.DataDisks = append(req.DataDisks, cloudsim.PriceDisk{
			Category: p.member("DataDisk", n, "Category"), SizeGiB: c.memberSize("DataDisk", n), PerformanceLevel: p.member("DataDisk", n, "PerformanceLevel"),
		})
	}
	info, err := c.session.DescribePrice(req)
	if err != nil {
		return nil, err
	}
	return priceOnWire(info), nil
}

// positive is a number that is 0 when absent, and refused when given as 0 or less.
func (c *call) positive(name string) int {
	n, ok := c.parameters.integer(name)
	if !ok {
		return 0
	}
	return refusable(n)
}

// size is positive, but a given 0 is absent: clients send it for what they leave
// open.
func (c *call) size(name string) int {
	if n, ok := c.parameters.integer(name); ok && n == 0 {
		return 0
	}
	return c.positive(name)
}

// memberSize is size of name.n.Size.
func (c *call) memberSize(name string, n int) int {
	size, err := strconv.Atoi(c.parameters.member(name, n, "Size"))
	if err != nil || size == 0 { // absent: check has read what is there
		return 0
	}
	return refusable(size)
}

func priceOnWire(info cloudsim.PriceInfo) *priceAnswer {
	a := &priceAnswer{}
	a.PriceInfo.Rules = rulesOnWire(info.Rules)
	price := &a.PriceInfo.Price
	price.Currency, price.OriginalPrice, price.TradePrice = info.Currency, amount(info.Original), amount(info.Trade)
	price.DiscountPrice, price.ReservedInstanceHourPrice = discount(info.Original, info.Trade), "0"
	rows := rowsOf(info.Rows, func(r cloudsim.ResourcePrice) wirePriceRow {
		return wirePriceRow{r.Resource, amount(r.Original), discount(r.Original, r.Trade), amount(r.Trade), rulesOnWire(r.Rules)}
	})
	price.DetailInfos.ResourcePriceModel = rows
	if !info.RenamedRows {
		price.DetailInfos.DetailInfo = rows
	}
	if m := info.Marketplace; m != nil {
		a.PriceInfo.RelatedPrice.MarketplaceImagePrice = &wireMarketPrice{info.Currency, amount(m.Original), discount(m.Original, m.Trade), amount(m.Trade)}
	}
	return a
}

type linksAnswer struct {
	receipt
	pageNumbers
	SnapshotLinks struct{ SnapshotLink rows[wireLink] }
}

type wireLink struct {
	SnapshotLinkID string `json:"SnapshotLinkId"`
	RegionID       string `json:"RegionId"`
	SourceDiskID   string `json:"SourceDiskId"`
	SourceDiskName string
	SourceDiskSize int
	SourceDiskType string
	InstanceID     string `json:"InstanceId"`
	InstanceName   string
	Category       string
	InstantAccess  bool
	TotalSize      int64
	TotalCount     int
}

func (a *linksAnswer) content() editable { return &a.SnapshotLinks.SnapshotLink }
func (a *linksAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeSnapshotLinks(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeSnapshotLinks(cloudsim.DescribeSnapshotLinksRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceID: image.InstanceID(p.text("InstanceId")),
		DiskIDs: given[image.DiskID](p.ids("DiskIds")), LinkIDs: p.ids("SnapshotLinkIds"), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &linksAnswer{pageNumbers: marked(page.PageMark)}
	a.SnapshotLinks.SnapshotLink = rowsOf(page.Chains, func(row cloudsim.ChainRow) wireLink {
		return wireLink{
			SnapshotLinkID: row.ID, RegionID: string(row.Region), SourceDiskID: string(row.SourceDisk), SourceDiskName: row.SourceDiskName,
			SourceDiskSize: row.SourceDiskSizeGiB, SourceDiskType: diskType(row.SourceSystemDisk), InstanceID: string(row.InstanceID),
			InstanceName: row.InstanceName, Category: row.Category, TotalSize: row.TotalBytes, TotalCount: row.Count,
		}
	})
	return a, nil
}

type usageAnswer struct {
	receipt
	SnapshotCount int
	SnapshotSize  int64
}

func describeSnapshotsUsage(c *call) (answer, error) {
	usage, err := c.session.DescribeSnapshotsUsage(image.RegionID(c.parameters.text("RegionId")))
	if err != nil {
		return nil, err
	}
	return &usageAnswer{SnapshotCount: usage.Count, SnapshotSize: usage.Bytes}, nil
}
