package cloudsimtest

import (
	"math/big"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

func chains(w *wider) {
	disk := w.cloud.AddDisk(one, region, image.Disk{})
	at := cloudsim.Epoch().AddDate(0, 0, -10)
	add := func(s image.Snapshot) {
		at = at.Add(time.Minute)
		s.CreatedAt = at
		w.cloud.AddSnapshot(one, region, s)
	}
	add(image.Snapshot{SourceDisk: "d-alone", FullSizeBytes: 5_000_000_001})
	add(image.Snapshot{SourceDisk: "d-alone", FullSizeBytes: 7, Status: "failed"})
	add(image.Snapshot{SourceDisk: "d-archived", FullSizeBytes: 9_000_000_000, Category: "archive"})
	for range 3 {
		add(image.Snapshot{SourceDisk: disk, FullSizeBytes: 4_000_000_000})
	}
	of := w.chains()
	if c := of["d-alone"]; len(of) != 3 || c.TotalBytes != 5_000_000_001 || c.Count != 1 || c.Category != "standard" {
		w.Errorf("%d chains, one of one snapshot: %+v", len(of), c)
	}
	if c := of["d-archived"]; c.Category != "archive" || c.TotalBytes != 9_000_000_000 {
		w.Errorf("an archived one: %+v", c)
	}
	if c := of[disk]; c.Count != 3 || c.TotalBytes <= 4_000_000_000 || c.TotalBytes >= 12_000_000_000 {
		w.Errorf("one of three snapshots: %+v", c)
	}
	usage, err := w.subject.SnapshotUsage(w.Context(), region)
	want := image.SnapshotUsage{Account: one, Region: region, Count: 5, Bytes: of["d-alone"].TotalBytes + of["d-archived"].TotalBytes + of[disk].TotalBytes}
	if err != nil || usage != want {
		w.Errorf("usage %+v, %v; want %+v", usage, err, want)
	}
	wholeChains(w, len(of))
}

// chains are the chains of the region by their disks.
func (w *wider) chains() map[image.DiskID]image.Chain {
	w.Helper()
	list, err := w.subject.SnapshotChains(w.Context(), region)
	if err != nil {
		w.Fatal(err)
	}
	of := map[image.DiskID]image.Chain{}
	for _, c := range list {
		if c.Account != one || c.Region != region || c.ID == "" {
			w.Errorf("chain %+v", c)
		}
		of[c.SourceDisk] = c
	}
	return of
}

// wholeChains reads more than one page of chains.
func wholeChains(w *wider, before int) {
	for range 205 {
		w.cloud.AddSnapshot(one, region, image.Snapshot{})
	}
	list, err := w.subject.SnapshotChains(w.Context(), region)
	seen := map[string]bool{}
	for _, c := range list {
		seen[c.ID] = true
	}
	if err != nil || len(list) != before+205 || len(seen) != len(list) {
		w.Errorf("%d chains, %d different, %v; want %d", len(list), len(seen), err, before+205)
	}
}

// rhel is a custom image whose source is Red Hat's public one.
func (w *wider) rhel() image.ID {
	os := image.Image{Platform: "RedHat", OSName: "Red Hat Enterprise Linux  9.6 64 bit", BootMode: image.UEFIPreferred, NVMe: "supported", SizeGiB: 20}
	public := os
	public.ID, public.Kind = "redhat_9_6_x64_20G_alibase_20260618.vhd", image.KindPublic
	base := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: public})
	return w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: os, Parent: image.Ref{Account: "system", Region: region, ID: base}})
}

// row is the amount of a resource, and whether the answer has it.
func row(a image.PriceAnswer, resource string) (money.Amount, bool) {
	for _, r := range a.Rows {
		if strings.EqualFold(r.Resource, resource) {
			return r.Trade, true
		}
	}
	return money.Amount{}, false
}

func (w *wider) price(q image.PriceQuestion) image.PriceAnswer {
	w.Helper()
	a, err := w.subject.Price(w.Context(), region, q)
	if err != nil {
		w.Fatalf("price of %+v: %v", q, err)
	}
	total := new(big.Rat)
	for _, r := range a.Rows {
		if r.Original.Currency() != a.Currency || r.Trade.Currency() != a.Currency {
			w.Errorf("row %+v is not in %s", r, a.Currency)
		}
		total.Add(total, r.Trade.Rat())
	}
	if a.Marketplace == nil && total.Cmp(a.Trade.Rat()) != 0 {
		w.Errorf("rows sum to %s, total %s", total.FloatString(10), a.Trade)
	}
	return a
}

func expectAmount(w *wider, what string, got money.Amount, want string) {
	w.Helper()
	if got.Exact() != want {
		w.Errorf("%s: %s, want %s", what, got.Exact(), want)
	}
}

func price(w *wider) {
	id := w.rhel()
	a := w.price(image.PriceQuestion{Image: id, InstanceType: "ecs.g7.4xlarge"})
	licence, ok := row(a, "image")
	expectAmount(w, "16 vCPUs of RHEL for an hour", licence, "1.2496")
	if _, has := row(a, "systemDisk"); !ok || !has || a.Currency != money.CNY || a.Marketplace != nil || len(a.Rules) == 0 || a.Question.Image != id {
		w.Errorf("answer %+v", a)
	}
	free := w.price(image.PriceQuestion{InstanceType: "ecs.g7.4xlarge"})
	if instance, _ := row(free, "instanceType"); instance.Sign() <= 0 || len(free.Rows) != 1 {
		w.Errorf("without an image: %+v", free)
	}
	bigger := w.price(image.PriceQuestion{Image: id, InstanceType: "ecs.g7.4xlarge", SystemDiskGiB: 500, SystemDiskCategory: "cloud_essd"})
	if order, err := bigger.Trade.Cmp(a.Trade); err != nil || order <= 0 {
		w.Errorf("500 GiB cost %s, 40 GiB %s", bigger.Trade, a.Trade)
	}
}

func terms(w *wider) {
	id := w.rhel()
	for _, c := range []struct {
		unit   image.PriceUnit
		period int
		want   string
	}{
		{"", 0, "0.2082"},
		{image.PricePerHour, 1, "0.2082"},
		{image.PricePerMonth, 1, "140.86"},
		{image.PricePerMonth, 9, "1267.74"},
		{image.PricePerYear, 3, "4394.88"},
	} {
		a := w.price(image.PriceQuestion{Image: id, InstanceType: "ecs.g7.large", Unit: c.unit, Period: c.period})
		licence, _ := row(a, "image")
		expectAmount(w, string(c.unit), licence, c.want)
		if a.Question.Period < 1 || a.Question.Unit == "" {
			w.Errorf("answered for %d %q", a.Question.Period, a.Question.Unit)
		}
	}
	_, err := w.subject.Price(w.Context(), region, image.PriceQuestion{Image: id, InstanceType: "ecs.g7.large", Unit: image.PricePerMonth, Period: 10})
	expectKind(w, "ten months", err, fault.Invalid)
	spot := w.price(image.PriceQuestion{Image: id, InstanceType: "ecs.g7.large", SpotStrategy: "SpotAsPriceGo"})
	instance, _ := row(spot, "instanceType")
	usual, _ := row(w.price(image.PriceQuestion{Image: id, InstanceType: "ecs.g7.large"}), "instanceType")
	if order, err := instance.Cmp(usual); err != nil || order >= 0 {
		w.Errorf("spot costs %s, else %s", instance, usual)
	}
}

// product puts a Marketplace image in that account one is subscribed to, and a
// custom one made from it.
func (w *wider) product() (sold, made image.ID) {
	w.cloud.Configure(one, cloudsim.AccountSettings{Subscriptions: []image.ProductCode{"cmjj00027311"}})
	os := image.Image{ProductCode: "cmjj00027311", BootMode: image.UEFIPreferred, NVMe: "supported"}
	market := os
	market.Kind = image.KindMarketplace
	sold = w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: market})
	return sold, w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: os, Parent: image.Ref{Account: "marketplace", Region: region, ID: sold}})
}

func readings(w *wider) {
	id := w.rhel()
	_, made := w.product()
	q := image.PriceQuestion{Image: id, InstanceType: "ecs.g7.large"}
	usual := w.price(q)
	bought := image.PriceQuestion{Image: made, InstanceType: "ecs.g7.large"}
	before := w.price(bought)
	if before.Marketplace == nil {
		w.Fatal("no Marketplace price")
	}
	expectAmount(w, "the product", *before.Marketplace, "0.5")

	w.cloud.SetReadings(cloudsim.Readings{LicenceInInstanceType: true})
	inside := w.price(q)
	instance, _ := row(inside, "instanceType")
	was, _ := row(usual, "instanceType")
	licence, _ := row(usual, "image")
	if sum, err := money.Sum(was, licence); err != nil || sum.Exact() != instance.Exact() || inside.Trade.Exact() != usual.Trade.Exact() {
		w.Errorf("inside the instance: %s, want %s (%v)", instance, sum, err)
	}
	w.cloud.SetReadings(cloudsim.Readings{PaidImagesUnpriced: true})
	nothing, _ := row(w.price(q), "image")
	expectAmount(w, "a paid image answered 0", nothing, "0")
	w.cloud.SetReadings(cloudsim.Readings{MarketplaceInTradePrice: true})
	within := w.price(bought)
	if more, err := within.Trade.Minus(before.Trade); err != nil || more.Exact() != "0.5" || within.Marketplace == nil {
		w.Errorf("with the product: %s, without %s", within.Trade, before.Trade)
	}
	w.cloud.SetReadings(cloudsim.Readings{DerivedMarketplaceUnpriced: true})
	if a := w.price(bought); a.Marketplace != nil {
		w.Errorf("a derived image is priced: %s", a.Marketplace)
	}
	w.cloud.SetReadings(cloudsim.Readings{PriceRowsAsDocumented: true})
	if a := w.price(q); a.Trade.Exact() != usual.Trade.Exact() || len(a.Rows) != len(usual.Rows) {
		w.Errorf("under the other key: %+v", a)
	}
}

func unpriced(w *wider) {
	arm := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: image.Image{Architecture: image.ARM64}})
	large := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: image.Image{SizeGiB: 100}})
	broken := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: image.Image{Status: image.StatusUnavailable}})
	removed := w.cloud.AddImage(one, region, cloudsim.ImageSpec{Image: image.Image{ProductCode: "cmjj-gone"}})
	sold, _ := w.product()
	w.cloud.Configure(one, cloudsim.AccountSettings{})
	w.cloud.Unprice("ecs.r7.large")
	for _, c := range []struct {
		name, code string
		q          image.PriceQuestion
	}{
		{"unknown image", "InvalidImageId.NotFound", image.PriceQuestion{Image: "m-bp1unknown00000000001"}},
		{"image out of use", "OperationDenied", image.PriceQuestion{Image: broken}},
		{"another architecture", "InvalidInstanceType.NotSupported", image.PriceQuestion{Image: arm}},
		{"another way to boot", "ImageNotSupportInstanceType", image.PriceQuestion{Image: large, InstanceType: "ecs.g9i.large"}},
		{"small disk", "InvalidSystemDiskSize.LessThanImageSize", image.PriceQuestion{Image: large, SystemDiskGiB: 40}},
		{"not subscribed", "ImageNotSubscribed", image.PriceQuestion{Image: sold}},
		{"no longer sold", "ImageRemovedInMarket", image.PriceQuestion{Image: removed}},
		{"no price", "PriceNotFound", image.PriceQuestion{InstanceType: "ecs.r7.large"}},
		{"unknown type", "InvalidInstanceType.ValueNotSupported", image.PriceQuestion{InstanceType: "ecs.moon.large"}},
	} {
		if c.q.InstanceType == "" {
			c.q.InstanceType = "ecs.g7.large"
		}
		if _, err := w.subject.Price(w.Context(), region, c.q); fault.Code(err) != c.code {
			w.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
}
