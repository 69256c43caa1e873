package pricing

import (
	"math/big"
	"sync"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// The pages that the published rates and rules come from.
const (
	imagePage    = "https://help.aliyun.com/zh/ecs/images"
	licencePage  = "https://www.alibabacloud.com/help/en/ecs/user-guide/purchase-software-licenses-for-ecs-instances"
	snapshotPage = "https://help.aliyun.com/zh/ecs/snapshots-1"
	snapshotIntl = "https://www.alibabacloud.com/help/en/elastic-compute-service/latest/billing-items-snapshots"
	copyPage     = "https://www.alibabacloud.com/help/en/ecs/user-guide/copy-an-image"
	replacePage  = "https://help.aliyun.com/zh/ecs/user-guide/replace-the-operating-system-of-an-instance"
	imageFAQ     = "https://github.com/AlibabaCloudDocs/ecs (Image FAQ)"
)

// As of when they were read: pages without a date are dated by what they say.
const (
	pagesDate     = "2026"
	rhelDate      = "2024-07-31" // since when, says the page
	licenceDate   = "2025"
	snapshotDate  = "2024-04-02"
	undatedRecent = "2025"
	faqDate       = "2021-07-19"
)

func images() page { return page{source: imagePage, readAt: pagesDate} }

func faq() page { return page{source: imageFAQ, readAt: faqDate} }

// Published returns the rates that the vendor published, as of 2026: "for
// reference; the page prevails". The China site's in CNY, the international
// site's in USD. It has no rates for Windows, which is priced by instance type
// only, and rates for snapshots of the few regions that the pages name.
func Published() Rates {
	return Rates{published: sync.OnceValue(func() *book { return bookOf(pages()) })}
}

// pages reads the rates of all pages.
func pages() []Rate {
	var t table
	t.rhel()
	t.suse()
	t.add(Rate{Item: OperatingSystemLicence, Product: AlibabaLinuxPro, Basis: PerInstance, Source: imagePage, ReadAt: pagesDate},
		money.CNY, tier{1, 0, "0.5", "240", ""})
	t.international()
	t.snapshots()
	return t.rates
}

// tier is one row of the vendor's table; an empty price is one it lacks.
type tier struct {
	from, to          int
	hour, month, year string
}

type table struct{ rates []Rate }

func (t *table) add(like Rate, c money.Currency, tiers ...tier) {
	for _, row := range tiers {
		for _, p := range []struct {
			unit Unit
			text string
		}{{Hour, row.hour}, {Month, row.month}, {Year, row.year}} {
			if p.text == "" {
				continue
			}
			like.Unit, like.MinVCPUs, like.MaxVCPUs, like.Price = p.unit, row.from, row.to, published(p.text, c)
			t.rates = append(t.rates, like)
		}
	}
}

// published reads a price of this file; a test reads them all.
func published(text string, c money.Currency) money.Amount {
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return money.Amount{}
	}
	return money.New(value, c)
}

func (t *table) rhel() {
	like := Rate{Item: OperatingSystemLicence, Product: RHEL, Basis: PerVCPU, Source: imagePage, Since: rhelDate, ReadAt: pagesDate}
	t.add(like, money.CNY,
		tier{1, 8, "0.1041", "70.43", "732.48"},
		tier{9, 127, "0.0781", "52.82", "549.36"},
		tier{128, 0, "0.0694", "45.78", "476.11"})
	like.Product = RHELForSAP
	t.add(like, money.CNY,
		tier{1, 8, "0.1619", "105.61", "1098.38"},
		tier{9, 127, "0.1169", "79.21", "823.78"},
		tier{128, 0, "0.1080", "68.65", "713.94"})
}

func (t *table) suse() {
	like := Rate{Item: OperatingSystemLicence, Product: SUSE, Basis: PerInstance, Source: imagePage, ReadAt: pagesDate}
	t.add(like, money.CNY,
		tier{1, 2, "0.41", "159", "1529"},
		tier{3, 4, "0.82", "326", "3065"},
		tier{5, 0, "0.99", "381", "3670"})
	like.Product = SUSEForSAP
	t.add(like, money.CNY,
		tier{1, 4, "2.54", "1221", "12459"},
		tier{5, 0, "3.06", "1471", "15000"})
}

// international: licences sold for existing instances; that images cost the same
// is likely and not documented, which every line that uses them says.
func (t *table) international() {
	like := Rate{Item: OperatingSystemLicence, Product: RHEL, Basis: PerVCPU, Source: licencePage, ReadAt: licenceDate}
	t.add(like, money.USD,
		tier{1, 8, "0.015", "10.15", ""},
		tier{9, 127, "0.011", "7.61", ""},
		tier{128, 0, "0.01", "6.60", ""})
	like.Product, like.Basis = SUSE, PerInstance
	t.add(like, money.USD,
		tier{1, 2, "0.064", "24.46", ""},
		tier{3, 4, "0.127", "50.15", ""},
		tier{5, 0, "0.152", "58.62", ""})
	like.Product = SUSEForSAP
	t.add(like, money.USD,
		tier{1, 4, "0.387", "186.07", ""},
		tier{5, 0, "0.466", "224.17", ""})
}

func (t *table) snapshots() {
	add := func(r Rate, price string, c money.Currency) {
		r.Price = published(price, c)
		t.rates = append(t.rates, r)
	}
	storage := Rate{Item: SnapshotStorage, Category: Standard, Basis: PerGB, Unit: Month, Source: snapshotPage, ReadAt: pagesDate}
	for _, region := range []image.RegionID{"cn-hangzhou", "cn-qingdao"} {
		storage.Region = region
		add(storage, "0.12", money.CNY)
	}
	storage.Category, storage.Region = Archive, "cn-hangzhou"
	add(storage, "0.06", money.CNY)
	add(Rate{
		Item: SnapshotCopy, Region: "cn-hangzhou", To: "cn-qingdao", Basis: PerGB, Unit: Once,
		Source: snapshotPage, ReadAt: pagesDate,
	}, "0.5", money.CNY)
	add(Rate{
		Item: SnapshotPreheat, Region: "cn-huhehaote", Basis: PerGBDisk, Unit: Hour,
		Source: snapshotPage, ReadAt: pagesDate,
	}, "0.0000138889", money.CNY)
	add(Rate{
		Item: SnapshotStorage, Category: Standard, Region: "cn-hangzhou", Basis: PerGB, Unit: Month,
		Source: snapshotIntl, ReadAt: snapshotDate,
	}, "0.0173", money.USD)
}
