package image

import "imagekeeper/shared/money"

// Chain is a chain of snapshots: all snapshots of one disk in one category;
// source: DescribeSnapshotLinks.
type Chain struct {
	Account AccountID
	Region  RegionID
	// ID is the SnapshotLinkId that the chain's snapshots name.
	ID string
	// SourceDisk is kept after the disk is gone; empty for a chain of copies.
	SourceDisk DiskID
	// Category is "standard" or "archive".
	Category string
	// TotalBytes is what the whole chain occupies, and is billed for.
	TotalBytes int64
	// Count is how many snapshots share it.
	Count int
}

// SnapshotUsage is what all of an account's snapshots in a region occupy;
// source: DescribeSnapshotsUsage.
type SnapshotUsage struct {
	Account AccountID
	Region  RegionID
	Count   int
	Bytes   int64
}

// PriceUnit is what a price is for, as ECS writes it.
type PriceUnit string

// The units; source: DescribePrice PriceUnit.
const (
	PricePerHour  PriceUnit = "Hour"
	PricePerWeek  PriceUnit = "Week"
	PricePerMonth PriceUnit = "Month"
	PricePerYear  PriceUnit = "Year"
)

// PriceQuestion asks what one instance would cost; source: DescribePrice.
type PriceQuestion struct {
	Image        ID
	InstanceType InstanceTypeID
	// Unit is an hour when empty.
	Unit PriceUnit
	// Period is how many units; 0 means 1.
	Period int
	// SystemDiskGiB is ECS's default for the image when 0.
	SystemDiskGiB int
	// SystemDiskCategory is ECS's default when empty.
	SystemDiskCategory string
	// SpotStrategy is NoSpot when empty. A spot price changes between two calls.
	SpotStrategy string
}

// PriceRow is one resource of a price; source: DescribePrice
// DetailInfos.DetailInfo or ResourcePriceModel.
type PriceRow struct {
	// Resource is e.g. "instanceType", "image", "systemDisk"; ECS's documents
	// and answers differ in its case.
	Resource string
	// Original is the list price, Trade what is paid after discounts.
	Original, Trade money.Amount
}

// PriceAnswer is what one instance would cost for the period asked for. Every
// amount is exact: the decimal as ECS wrote it.
type PriceAnswer struct {
	// Question is what was answered, with Unit and Period filled in.
	Question PriceQuestion
	Currency money.Currency
	// Original and Trade are Price.OriginalPrice and Price.TradePrice. No source
	// says whether they contain the Marketplace price.
	Original, Trade money.Amount
	// Rows are in ECS's order.
	Rows []PriceRow
	// Marketplace is RelatedPrice.MarketplaceImagePrice.TradePrice; nil where the
	// answer has none.
	Marketplace *money.Amount
	// Rules are the descriptions of discounts and conditions.
	Rules []string
}
