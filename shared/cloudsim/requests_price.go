package cloudsim

import (
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

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
