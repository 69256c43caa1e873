package cloudsim_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// paidOS are systems with a licence, as ECS names them.
func paidOS(name string) image.Image {
	os := map[string]image.Image{
		"rhel":     {Platform: "RedHat", OSName: "Red Hat Enterprise Linux  9.6 64 bit"},
		"rhelSAP":  {Platform: "RedHat", OSName: "Red Hat Enterprise Linux  8.10 for SAP with HA and US 64 bit"},
		"sles":     {Platform: "SUSE", OSName: "SUSE Linux Enterprise Server  15 SP7 64 bit"},
		"slesSAP":  {Platform: "SUSE", OSName: "SUSE Linux Enterprise Server for SAP  15 SP7 64 bit"},
		"pro":      {Platform: "Aliyun", OSName: "Alibaba Cloud Linux  3 Pro 64 bit"},
		"windows":  {OSType: image.Windows, Platform: "Windows Server 2022", OSName: "Windows Server  2022 Datacenter 64 bit English Edition"},
		"free":     {Platform: "Aliyun", OSName: "Alibaba Cloud Linux  3.2104 LTS 64 bit"},
		"openSUSE": {Platform: "OpenSUSE", OSName: "OpenSUSE  15.6 64 bit"},
		"":         {Platform: "Ubuntu", OSName: "Ubuntu  22.04 64 bit"},
	}[name]
	os.BootMode, os.NVMe, os.SizeGiB = image.UEFIPreferred, "supported", 20
	return os
}

// public puts a public image of a system into a region.
func (w *world) public(region image.RegionID, os string) image.Ref {
	img := paidOS(os)
	img.Kind = image.KindPublic
	id := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: img})
	return image.Ref{Account: "system", Region: region, ID: id}
}

// amountOf is what a resource costs; 0 where there is no such row.
func amountOf(info cloudsim.PriceInfo, resource string) money.Amount {
	for _, row := range info.Rows {
		if row.Resource == resource {
			return row.Trade
		}
	}
	return money.Amount{}
}

// licence is what one instance on the image pays for its system.
func licence(t testing.TB, s *cloudsim.Session, region image.RegionID, id image.ID, kind image.InstanceTypeID, unit image.PriceUnit) string {
	t.Helper()
	info, err := s.DescribePrice(cloudsim.DescribePriceRequest{RegionID: region, ImageID: id, InstanceType: kind, Unit: unit})
	if err != nil {
		t.Fatal(err)
	}
	return amountOf(info, "image").Exact()
}

func TestPublishedLicences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	hour, month, year := image.PricePerHour, image.PricePerMonth, image.PricePerYear
	for _, c := range []struct {
		os   string
		kind image.InstanceTypeID
		unit image.PriceUnit
		want string
	}{
		{"rhel", "ecs.g7.large", hour, "0.2082"},
		{"rhel", "ecs.g7.large", month, "140.86"},
		{"rhel", "ecs.g7.large", year, "1464.96"},
		{"rhel", "ecs.g7.2xlarge", hour, "0.8328"}, // 8 vCPUs: the first tier
		{"rhel", "ecs.g8i.12xlarge", hour, "3.7488"},
		{"rhel", "ecs.g7.4xlarge", month, "845.12"},
		{"rhel", "ecs.g7.4xlarge", year, "8789.76"},
		{"rhel", "ecs.g7.32xlarge", hour, "8.8832"},
		{"rhel", "ecs.g7.32xlarge", month, "5859.84"},
		{"rhel", "ecs.g7.32xlarge", year, "60942.08"},
		{"rhelSAP", "ecs.g7.large", hour, "0.3238"},
		{"rhelSAP", "ecs.g7.4xlarge", month, "1267.36"},
		{"rhelSAP", "ecs.g7.32xlarge", year, "91384.32"},
		{"sles", "ecs.g7.large", hour, "0.41"},
		{"sles", "ecs.g7.xlarge", hour, "0.82"},
		{"sles", "ecs.g7.2xlarge", hour, "0.99"},
		{"sles", "ecs.g7.large", month, "159"},
		{"sles", "ecs.g7.xlarge", year, "3065"},
		{"sles", "ecs.g7.32xlarge", year, "3670"},
		{"slesSAP", "ecs.g7.xlarge", hour, "2.54"},
		{"slesSAP", "ecs.g7.2xlarge", month, "1471"},
		{"slesSAP", "ecs.g7.large", year, "12459"},
		{"pro", "ecs.g7.large", hour, "0.5"},
		{"pro", "ecs.g7.32xlarge", month, "240"},
		{"free", "ecs.g7.large", hour, "0"},
		{"openSUSE", "ecs.g7.large", hour, "0"},
		{"", "ecs.g7.large", month, "0"},
		{"windows", "ecs.g7.large", hour, "0"},
		{"windows", "ecs.g7.large", month, "0"},
	} {
		if got := licence(t, w.s, hangzhou, w.public(hangzhou, c.os).ID, c.kind, c.unit); got != c.want {
			t.Errorf("%s on %s per %s: %s, want %s", c.os, c.kind, c.unit, got, c.want)
		}
	}
	for _, abroad := range []image.RegionID{"cn-hongkong", "us-west-1"} {
		if got := licence(t, w.s, abroad, w.public(abroad, "windows").ID, "ecs.g7.large", hour); got != "0.304" {
			t.Errorf("Windows in %s: %s", abroad, got)
		}
	}
}

func TestPricesOfTheInternationalSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	abroad := w.cloud.As(cloudsim.Caller{Account: "1000000000000090"})
	for os, want := range map[string]string{"rhel": "0.03", "sles": "0.064", "slesSAP": "0.387", "free": "0", "pro": "0.0714"} {
		if got := licence(t, abroad, "us-west-1", w.public("us-west-1", os).ID, "ecs.g7.large", image.PricePerHour); got != want {
			t.Errorf("%s: %s, want %s", os, got, want)
		}
	}
	info, err := abroad.DescribePrice(cloudsim.DescribePriceRequest{RegionID: "us-west-1", InstanceType: "ecs.g7.large"})
	if err != nil || info.Currency != money.USD || info.Trade.Currency() != money.USD {
		t.Errorf("%+v, %v", info, err)
	}
	_, err = abroad.DescribePrice(cloudsim.DescribePriceRequest{RegionID: "us-west-1", InstanceType: "ecs.g7.large", Unit: image.PricePerWeek})
	expect(t, err, "InvalidPriceUnit.ValueNotSupported", 400)
}

// TestRulesTellWhatIsMadeUp: of licences, what is published and what is not.
func TestRulesTellWhatIsMadeUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	rule := func(region image.RegionID, os string, unit image.PriceUnit) int64 {
		info, err := w.s.DescribePrice(cloudsim.DescribePriceRequest{
			RegionID: region, ImageID: w.public(region, os).ID, InstanceType: "ecs.g7.large", Unit: unit,
		})
		if err != nil || len(info.Rules) == 0 {
			t.Fatal(info, err)
		}
		for _, row := range info.Rows {
			if row.Resource == "image" && len(row.Rules) == 1 {
				return row.Rules[0].ID
			}
		}
		return 0
	}
	published, madeUp := rule(hangzhou, "rhel", image.PricePerHour), rule("cn-hongkong", "windows", image.PricePerHour)
	if published == 0 || madeUp == 0 || published == madeUp {
		t.Errorf("rules %d and %d", published, madeUp)
	}
	if got := rule(hangzhou, "sles", image.PricePerYear); got != published {
		t.Errorf("a published year has rule %d", got)
	}
	if got := rule(hangzhou, "pro", image.PricePerYear); got != madeUp {
		t.Errorf("a year that is not published has rule %d", got)
	}
	if got := rule(hangzhou, "free", image.PricePerHour); got != 0 {
		t.Errorf("a free image has rule %d", got)
	}
}

func TestImportedLicences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	for _, c := range []struct {
		os, kind, want string
		region         image.RegionID
	}{
		{"windows", "BYOL", "0", "us-west-1"},
		{"windows", "Aliyun", "0.304", "us-west-1"},
		{"windows", "Auto", "0.304", "us-west-1"},
		{"windows", "Aliyun", "0", hangzhou},
		{"rhel", "", "0", hangzhou},
		{"rhel", "BYOL", "0", hangzhou},
		{"sles", "", "0", hangzhou},
	} {
		img := paidOS(c.os)
		img.LicenseType = c.kind
		img.Disks = []image.DiskMapping{{System: true, SizeGiB: 20, ImportBucket: "b", ImportObject: "o.vhd"}}
		id := w.cloud.AddImage(one, c.region, cloudsim.ImageSpec{Image: img})
		if got := licence(t, w.s, c.region, id, "ecs.g7.large", image.PricePerHour); got != c.want {
			t.Errorf("%s imported as %q into %s: %s, want %s", c.os, c.kind, c.region, got, c.want)
		}
	}
}

func TestPriceParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.public(hangzhou, "rhel").ID
	type request = cloudsim.DescribePriceRequest
	disks := func(d ...cloudsim.PriceDisk) func(*request) { return func(r *request) { r.DataDisks = d } }
	for _, c := range []struct {
		name   string
		change func(*request)
		code   string
		status int
	}{
		{"no region", func(r *request) { r.RegionID = "" }, "MissingParameter", 400},
		{"unknown region", func(r *request) { r.RegionID = "cn-x" }, "InvalidRegionId.NotFound", 404},
		{"no type", func(r *request) { r.InstanceType = "" }, "InvalidInstanceType.Missing", 404},
		{"unknown type", func(r *request) { r.InstanceType = "x" }, "InvalidInstanceType.ValueNotSupported", 400},
		{"unit", func(r *request) { r.Unit = "Day" }, "InvalidPriceUnit.ValueNotSupported", 400},
		{"hours", func(r *request) { r.Period = 2 }, "InvalidPeriod", 400},
		{"years", func(r *request) { r.Unit, r.Period = image.PricePerYear, 6 }, "InvalidPeriod", 400},
		{"amount", func(r *request) { r.Amount = 1001 }, "InvalidAmount.Malformed", 403},
		{"zone", func(r *request) { r.ZoneID = "cn-shanghai-b" }, "Invalid.ZoneId", 400},
		{"resource", func(r *request) { r.ResourceType = "moon" }, "InvalidResourceType.ValueNotSupported", 400},
		{"resource without a price", func(r *request) { r.ResourceType = "ddh" }, "PriceNotFound", 400},
		{"spot", func(r *request) { r.SpotStrategy = "Cheap" }, "InvalidSpotStrategy", 400},
		{"bandwidth", func(r *request) { r.BandwidthOut = 101 }, "InvalidInternetMaxBandwidthOut.ValueNotSupported", 400},
		{"traffic", func(r *request) { r.InternetChargeType = "Free" }, "InvalidInternetChargeType.ValueNotSupported", 400},
		{"network", func(r *request) { r.NetworkType = "x" }, "InvalidNetworkType.ValueNotSupported", 404},
		{"optimised", func(r *request) { r.IOOptimized = "x" }, "InvalidIoOptimizedValue.ValueNotSupported", 400},
		{"system disk", func(r *request) { r.SystemDisk.Category = "tape" }, "InvalidSystemDiskCategory.ValueNotSupported", 400},
		{"no system disk", func(r *request) { r.SystemDisk.SizeGiB = -1 }, "InvalidSystemDiskSize.ValueNotSupported", 400},
		{"tiny system disk", func(r *request) { r.SystemDisk.SizeGiB = 19 }, "InvalidSystemDiskSize.LessThanMinSize", 404},
		{"huge system disk", func(r *request) { r.SystemDisk.SizeGiB = 2049 }, "InvalidSystemDiskSize.MoreThanMaxSize", 404},
		{"data disk", disks(cloudsim.PriceDisk{Category: "tape"}), "InvalidDataDiskCategory.ValueNotSupported", 400},
		{"data disk size", disks(cloudsim.PriceDisk{SizeGiB: 1}), "InvalidDataDiskSize.ValueNotSupported", 400},
		{"data disks", disks(make([]cloudsim.PriceDisk, 17)...), "InstanceDiskNumLimitExceed", 403},
		{"a disk without one", func(r *request) { r.ResourceType = "disk" }, "InvalidDiskCategory.Missing", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request{RegionID: hangzhou, ImageID: id, InstanceType: "ecs.g7.large"}
			c.change(&req)
			_, err := w.s.DescribePrice(req)
			expect(t, err, c.code, c.status)
		})
	}
	weak := w.cloud.As(cloudsim.Caller{Account: one, Allow: []string{"ecs:DescribeImages"}})
	_, err := weak.DescribePrice(request{RegionID: hangzhou, InstanceType: "ecs.g7.large"})
	expect(t, err, "Forbidden.RAM", 403)
}

// TestPricesMultiply: by amount, by period and by disk.
func TestPricesMultiply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	base := cloudsim.DescribePriceRequest{RegionID: hangzhou, ImageID: w.public(hangzhou, "rhel").ID, InstanceType: "ecs.g7.large", Unit: image.PricePerMonth}
	total := func(req cloudsim.DescribePriceRequest) string {
		t.Helper()
		info, err := w.s.DescribePrice(req)
		if err != nil {
			t.Fatal(err)
		}
		return info.Trade.Exact()
	}
	one1, many := total(base), base
	many.Amount, many.Period = 3, 4
	unit, err := money.Parse(one1, money.CNY)
	if err != nil {
		t.Fatal(err)
	}
	twelve, err := money.Sum(unit, unit, unit, unit, unit, unit, unit, unit, unit, unit, unit, unit)
	if got := total(many); err != nil || got != twelve.Exact() {
		t.Errorf("three for four months: %s, want %s", got, twelve.Exact())
	}
	disk := cloudsim.DescribePriceRequest{RegionID: hangzhou, ResourceType: "disk", DataDisks: []cloudsim.PriceDisk{{Category: "cloud_essd", PerformanceLevel: "PL3", SizeGiB: 100}}}
	if got := total(disk); got != "0.84" {
		t.Errorf("a disk: %s", got)
	}
	years := base
	years.Unit = image.PricePerYear
	info, err := w.s.DescribePrice(years)
	if order, cmp := info.Trade.Cmp(info.Original); err != nil || cmp != nil || order >= 0 {
		t.Errorf("a year costs %s, listed %s, %v", info.Trade, info.Original, err)
	}
	years.InternetChargeType, years.BandwidthOut = "PayByBandwidth", 10
	if info, err = w.s.DescribePrice(years); err != nil || amountOf(info, "bandwidth").Sign() <= 0 {
		t.Errorf("with bandwidth: %+v, %v", info.Rows, err)
	}
}

func TestSpotPricesChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	id := w.public(hangzhou, "rhel").ID
	seen := map[string]bool{}
	for range 30 {
		info, err := w.s.DescribePrice(cloudsim.DescribePriceRequest{RegionID: hangzhou, ImageID: id, InstanceType: "ecs.g7.large", SpotStrategy: "SpotAsPriceGo"})
		if err != nil || amountOf(info, "image").Exact() != "0.2082" {
			t.Fatalf("%+v, %v", info.Rows, err)
		}
		seen[amountOf(info, "instanceType").Exact()] = true
		w.clock.Advance(time.Minute)
	}
	if len(seen) < 5 {
		t.Errorf("%d different prices in half an hour", len(seen))
	}
}

func TestMarketplacePrices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cloudsim.Options{})
	w.cloud.Configure(one, cloudsim.AccountSettings{Subscriptions: []image.ProductCode{"cmjj00021076", "cmgj00018250", "cmjj-other"}})
	sell := func(code image.ProductCode, os string) image.ID {
		img := paidOS(os)
		img.Kind, img.ProductCode = image.KindMarketplace, code
		return w.add(cloudsim.ImageSpec{Image: img})
	}
	ask := func(id image.ID, unit image.PriceUnit) (cloudsim.PriceInfo, error) {
		return w.s.DescribePrice(cloudsim.DescribePriceRequest{RegionID: hangzhou, ImageID: id, InstanceType: "ecs.g7.large", Unit: unit})
	}
	monthly := sell("cmjj00021076", "")
	_, err := ask(monthly, image.PricePerHour)
	expect(t, err, "InvalidChargeType.MarketImage", 403)
	if info, err := ask(monthly, image.PricePerMonth); err != nil || info.Marketplace.Trade.Exact() != "950" {
		t.Errorf("by the month: %+v, %v", info, err)
	}
	if info, err := ask(sell("cmgj00018250", ""), image.PricePerHour); err != nil || info.Marketplace == nil || info.Marketplace.Trade.Sign() != 0 {
		t.Errorf("free of charge: %+v, %v", info, err)
	}
	paid, err := ask(sell("cmjj-other", "rhel"), image.PricePerHour)
	if err != nil || amountOf(paid, "image").Exact() != "0.2082" || paid.Marketplace.Trade.Sign() <= 0 {
		t.Errorf("software on a paid system: %+v, %v", paid, err)
	}
	ended := w.add(cloudsim.ImageSpec{Image: image.Image{Kind: image.KindMarketplace, ProductCode: "cmjj-other", Status: image.StatusDeprecated}})
	_, err = ask(ended, image.PricePerHour)
	expect(t, err, "IncorrectImageStatus", 400)
}

// TestImagesCostWhatTheirSourceCosts: however they came about, and whatever was
// deleted since.
func TestImagesCostWhatTheirSourceCosts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, cloudsim.Options{CreateTime: time.Second, CopyTime: time.Second})
		os := rapid.SampledFrom([]string{"rhel", "sles", "windows", "free"}).Draw(r, "os")
		at := w.public(hangzhou, os)
		var trail []image.Ref
		for range rapid.IntRange(1, 6).Draw(r, "generations") {
			next := w.descend(r, at)
			trail = append(trail, next)
			at = next
		}
		for _, ref := range trail[:len(trail)-1] {
			if rapid.Bool().Draw(r, "deleted") {
				if err := w.s.DeleteImage(cloudsim.DeleteImageRequest{RegionID: ref.Region, ImageID: ref.ID, Force: true}); err != nil {
					r.Fatal(err)
				}
			}
		}
		here := w.public(at.Region, os)
		got := licence(t, w.s, at.Region, at.ID, "ecs.g7.large", image.PricePerHour)
		if want := licence(t, w.s, at.Region, here.ID, "ecs.g7.large", image.PricePerHour); got != want {
			r.Fatalf("%s costs %s, its source %s", at, got, want)
		}
		if source, ok := w.cloud.Source(at); !ok || source.Account != "system" {
			r.Fatalf("source %s, %v", source, ok)
		}
	})
}

// descend makes an image of account one from another in one of several ways.
func (w *world) descend(r *rapid.T, from image.Ref) image.Ref {
	ways := []string{"instance", "replaced", "snapshot", "copy"}
	if from.Account == "system" {
		ways = ways[:3]
	}
	to := image.Ref{Account: one, Region: from.Region}
	var err error
	instance := func(id image.ID) image.InstanceID {
		return w.cloud.AddInstance(one, from.Region, cloudsim.InstanceSpec{Instance: image.Instance{Image: id, Status: image.InstanceStopped}})
	}
	switch rapid.SampledFrom(ways).Draw(r, "way") {
	case "instance":
		to.ID, err = w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: from.Region, InstanceID: instance(from.ID)})
	case "replaced":
		id := instance(w.cloud.AddImage(one, from.Region, cloudsim.ImageSpec{Image: paidOS("")}))
		w.cloud.ReplaceSystemDisk(from.Region, id, from.ID)
		to.ID, err = w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: from.Region, InstanceID: id})
	case "snapshot":
		to.ID, err = w.fromSnapshot(from.Region, instance(from.ID))
	case "copy":
		to.Region = map[image.RegionID]image.RegionID{hangzhou: "cn-hongkong", "cn-hongkong": "us-west-1", "us-west-1": hangzhou}[from.Region]
		to.ID, err = w.s.CopyImage(cloudsim.CopyImageRequest{RegionID: from.Region, ImageID: from.ID, DestinationRegionID: to.Region})
	}
	if err != nil {
		r.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if parent, ok := w.cloud.Parent(to); !ok || parent.ID != from.ID || parent.Region != from.Region {
		r.Fatalf("%s was made from %s, not %s", to, from, parent)
	}
	return to
}

// fromSnapshot makes an image of a snapshot of an instance that is then gone.
func (w *world) fromSnapshot(region image.RegionID, id image.InstanceID) (image.ID, error) {
	page, err := w.s.DescribeDisks(cloudsim.DescribeDisksRequest{RegionID: region, InstanceID: id})
	if err != nil || len(page.Disks) == 0 {
		return "", fmt.Errorf("no disks: %w", err)
	}
	snapshot, err := w.s.CreateSnapshot(cloudsim.CreateSnapshotRequest{DiskID: page.Disks[0].ID})
	if err != nil {
		return "", err
	}
	w.clock.Advance(time.Minute)
	w.cloud.ReleaseInstance(region, id)
	return w.s.CreateImage(cloudsim.CreateImageRequest{RegionID: region, SnapshotID: snapshot})
}
