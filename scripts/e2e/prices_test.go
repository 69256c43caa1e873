package e2e_test

import (
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
)

// quoted is what these tests read of a quote.
type quoted struct {
	Rule  struct{ Code string }
	Lines []struct {
		Item, For, Source    string
		Amount, Lower, Upper *struct{ Exact string }
		Unknown, Reasons     []struct{ Code string }
	}
	Total    *struct{ Exact string }
	Findings []struct {
		Fatal bool
		Code  string
	}
	Site, SiteBy string
}

// short is a quote in one line: its rule, and each line as item=worth.
func (q quoted) short() string {
	names := map[string]string{"operatingSystemLicence": "licence", "marketplaceSoftware": "software", "snapshotStorage": "storage"}
	texts := []string{q.Rule.Code}
	for _, l := range q.Lines {
		name := l.Item
		if short, ok := names[l.Item]; ok {
			name = short
		}
		if l.For != "" {
			name = l.For + "." + name
		}
		worth := "?"
		switch {
		case l.Amount != nil:
			worth = l.Amount.Exact
		case l.Lower != nil:
			worth = l.Lower.Exact + ".." + l.Upper.Exact
		case len(l.Unknown) > 0:
			worth = "unknown:" + l.Unknown[0].Code
		}
		texts = append(texts, name+"="+worth)
	}
	for _, f := range q.Findings {
		texts = append(texts, "finding:"+f.Code)
	}
	return strings.Join(texts, " ")
}

// priceCase asks about an image with 4 vCPUs for 720 hours, unless it says so.
type priceCase struct {
	name, ask, want string
}

const (
	hz = "?region=cn-hangzhou&instanceType=ecs.g7.xlarge"
	hk = "?region=cn-hongkong&instanceType=ecs.g7.xlarge"
	// by is through the eyes of the account that images are shared with.
	by = "&account=1000000000000001"
)

// overviewCases has every row of facts/pricing.md 1.1.
func overviewCases() []priceCase {
	return []priceCase{
		{"public Red Hat", "redhat.vhd" + hz, "publicPaid licence=299.808"},
		{"public Red Hat for SAP", "redhatsap.vhd" + hz, "publicPaid licence=466.272"},
		{"public SUSE", "suse.vhd" + hz, "publicPaid licence=590.4"},
		{"public SUSE for SAP", "susesap.vhd" + hz, "publicPaid licence=1828.8"},
		{"public Windows in the mainland", "windows.vhd" + hz, "publicFree licence=0"},
		{"public Windows in Hong Kong", "windows.vhd" + hk, "publicPaid licence=437.76"},
		{"public Alibaba Cloud Linux Pro", "pro.vhd" + hz, "publicPaid licence=360"},
		{"public others", "ubuntu.vhd" + hz, "publicFree licence=0"},
		{"custom from paid", "m-own-redhat" + hz, "customFromPaid licence=299.808 storage=1.2"},
		{"custom from SUSE", "m-own-suse" + hz, "customFromPaid licence=590.4 storage=1.2"},
		{"custom from Windows in the mainland", "m-own-windows" + hz, "customFromFree licence=0 storage=1.2"},
		{"custom from Windows in Hong Kong", "m-own-windows" + hk, "customFromPaid licence=437.76 storage=unknown:noRateForRegion"},
		{"custom from free", "m-own-ubuntu" + hz, "customFromFree licence=0 storage=1.2"},
		{"custom from Marketplace", "m-own-market" + hz, "customFromMarketplace licence=0 software=360 storage=1.2"},
		{"custom from Marketplace with a paid system", "m-own-marketred" + hz, "customFromMarketplace licence=299.808 software=360 storage=1.2"},
		{"custom of custom of custom", "m-third" + hz, "customFromPaid licence=299.808 storage=1.2"},
		{"imported Windows, Aliyun licence", "m-import-aliyun" + hk, "importedAliyunLicence licence=437.76 storage=unknown:noRateForRegion"},
		{"imported Windows, own licence", "m-import-byol" + hk, "importedByol licence=0 storage=unknown:noRateForRegion"},
		{"imported Windows, Auto", "m-import-auto" + hk, "importedAliyunLicence licence=437.76 storage=unknown:noRateForRegion"},
		{"imported Windows in the mainland", "m-import-aliyun" + hz, "importedAliyunLicence licence=0 storage=1.2"},
		{"imported Red Hat", "m-import-redhat" + hz, "importedByol licence=0 storage=1.2"},
		{"imported free", "m-import-ubuntu" + hz, "customFromFree licence=0 storage=1.2"},
		{"shared from free", "m-lent-ubuntu" + hz + by, "sharedFromFree licence=0"},
		{"shared from paid", "m-lent-redhat" + hz + by, "sharedFromPaid licence=299.808"},
		{"shared from Marketplace", "m-lent-market" + hz + by, "sharedFromMarketplace licence=0 software=360"},
		{"community from free", "m-public-ubuntu" + hz + by, "communityFromFree licence=0"},
		{"community from paid", "m-public-redhat" + hz + by, "communityFromPaid licence=299.808"},
		{"community from Marketplace", "m-public-market" + hz + by, "communityFromMarketplace licence=0 software=360"},
		{"Marketplace", "market.vhd" + hz, "marketplace licence=0 software=360"},
		{"Marketplace with a paid system", "marketred.vhd" + hz, "marketplace licence=299.808 software=360"},
		{"a broken history, priced by DescribePrice", "m-broken" + hz, "unknownSource licence=299.808 storage=1.2"},
	}
}

// chargeCases has the formulas of 1.2 and the guards of 1.3 and 1.4.
func chargeCases() []priceCase {
	const red, suse = "redhat.vhd?region=cn-hangzhou", "suse.vhd?region=cn-hangzhou"
	return []priceCase{
		{"Red Hat, 8 vCPUs", red + "&instanceType=ecs.g7.2xlarge", "publicPaid licence=599.616"},
		{"Red Hat, one tier for all 16 vCPUs", red + "&instanceType=ecs.g7.4xlarge", "publicPaid licence=899.712"},
		{"Red Hat, 128 vCPUs", red + "&instanceType=ecs.g7.32xlarge", "publicPaid licence=6395.904"},
		{"SUSE, 2 vCPUs", suse + "&instanceType=ecs.g7.large", "publicPaid licence=295.2"},
		{"SUSE, 8 vCPUs", suse + "&instanceType=ecs.g7.2xlarge", "publicPaid licence=712.8"},
		{"Alibaba Cloud Linux Pro, any size", "pro.vhd?region=cn-hangzhou&instanceType=ecs.g7.8xlarge", "publicPaid licence=360"},
		{"by the second", red + "&instanceType=ecs.g7.xlarge&seconds=1", "publicPaid licence=347/3000000"},
		{"half an hour", red + "&instanceType=ecs.g7.xlarge&hours=0.5", "publicPaid licence=0.2082"},
		{"subscription of 3 months", red + "&instanceType=ecs.g7.xlarge&period=3&periodUnit=month", "publicPaid licence=845.16"},
		{"subscription of a year", suse + "&instanceType=ecs.g7.xlarge&period=1&periodUnit=year", "publicPaid licence=3065"},
		{"early refund", red + "&instanceType=ecs.g7.xlarge&period=1&refunded=true", "publicPaid licence=unknown:refundNotCalculable"},
		{"spot", red + "&instanceType=ecs.g7.xlarge&spot=true", "publicPaid licence=299.808"},
		{"burstable", red + "&instanceType=ecs.t6-c1m2.xlarge&hours=1", "publicPaid licence=0.4164"},
		{"economical mode", red + "&instanceType=ecs.g7.xlarge&stoppedHours=360", "publicPaid licence=149.904"},
		{"stopped in standard mode", red + "&instanceType=ecs.g7.xlarge&stoppedHours=360&stoppedMode=KeepCharging", "publicPaid licence=299.808"},
		{"no instance", "m-own-redhat?region=cn-hangzhou&holding=true", "customFromPaid licence=0 storage=1.2"},
		{"no instance type", "m-own-redhat?region=cn-hangzhou", "customFromPaid licence=unknown:vcpusNotGiven storage=1.2"},
		{"software while stopped in economical mode", "m-own-market" + hz + "&stoppedHours=360", "customFromMarketplace licence=0 software=180..360 storage=1.2"},
	}
}

// storageCases has the formulas of 3.1 and what 4 says of operations.
func storageCases() []priceCase {
	const own, held = "m-own-ubuntu?region=cn-hangzhou&holding=true", "customFromFree licence=0 "
	return []priceCase{
		{"clock hours", own + "&storedFrom=2026-03-01T11:02:06Z&storedTo=2026-03-01T15:20:20Z", held + "storage=1/120"},
		{"a part of an hour is an hour", own + "&seconds=1", held + "storage=1/600"},
		{"archive", "m-archived?region=cn-hangzhou&holding=true", held + "storage=0.6"},
		{"archive, deleted early", "m-archived?region=cn-hangzhou&holding=true&deleted=true", held + "storage=0.6 archiveEarlyDeletion=0.6"},
		{"a shared chain", "m-twin-a?region=cn-hangzhou&holding=true", held + "storage=0..1.2"},
		{"preheat, no rate here", own + "&preheatDisks=2&preheatHours=3", held + "storage=1.2 snapshotPreheat=unknown:noRateForRegion"},
		{"copy of snapshots", own + "&for=copySnapshot&to=cn-qingdao&firstCopy=true", held + "storage=1.2 copySnapshot.snapshotCopy=5 copySnapshot.storage=1.2"},
		{"copy of an image", own + "&for=copy&to=cn-qingdao", held + "storage=1.2 copy.transfer=0 copy.storage=0..1.2"},
		{"encrypted copy", own + "&for=copy&to=cn-qingdao&encrypt=true", held + "storage=1.2 copy.transfer=0 copy.storage=4.8"},
		{"archive is not copied", "m-archived?region=cn-hangzhou&holding=true&for=copySnapshot&to=cn-qingdao", held + "storage=0.6 finding:archiveCannotBeCopied"},
		{"create", own + "&for=create", held + "storage=1.2 create.storage=0..4.8"},
		{"import", own + "&for=import", held + "storage=1.2 import.storage=0..4.8 import.ossStorage=unknown:noRate import.ossTraffic=unknown:noRate import.ossRequests=unknown:requestsNotCounted"},
		{"export of Windows", "m-own-windows?region=cn-hangzhou&holding=true&for=export", held + "storage=1.2 export.ossStorage=unknown:noRate export.ossTraffic=unknown:noRate export.ossRequests=unknown:requestsNotCounted finding:windowsNotExported"},
	}
}

// replaceCases has the guards of 1.6.
func replaceCases() []priceCase {
	const free, paid = "publicFree licence=0 ", "publicPaid licence=299.808 "
	return []priceCase{
		{"free by paid", "redhat.vhd" + hz + "&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", paid + "replace.systemDiskReplacement=0"},
		{"paid by free", "ubuntu.vhd" + hz + "&for=replace&replaces=redhat.vhd&replacedDiskGiB=40", free + "replace.systemDiskReplacement=0"},
		{"a larger disk", "ubuntu.vhd" + hz + "&for=replace&replaces=redhat.vhd&replacedDiskGiB=40&newDiskGiB=80", free + "replace.systemDiskReplacement=0 replace.systemDiskGrowth=unknown:diskNotPriced"},
		{"a subscription", "redhat.vhd" + hz + "&period=1&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", "publicPaid licence=281.72 replace.systemDiskReplacement=0 replace.licenceAdjustment=unknown:refundRuleNotFound"},
		{"a version of the same product", "m-own-market" + hz + "&for=replace&replaces=market.vhd&replacedDiskGiB=40", "customFromMarketplace licence=0 software=360 storage=1.2 replace.systemDiskReplacement=0 replace.marketplaceChange=0"},
		{"Linux by Windows outside the mainland", "windows.vhd" + hk + "&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", "publicPaid licence=437.76 replace.systemDiskReplacement=0 finding:acrossSystemTypes"},
		{"Linux by Windows in the mainland", "windows.vhd" + hz + "&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", free + "replace.systemDiskReplacement=0"},
		{"Alibaba Cloud Linux 3 Pro stays", "ubuntu.vhd" + hz + "&for=replace&replaces=pro.vhd&replacedDiskGiB=40", free + "replace.systemDiskReplacement=0 finding:alibabaLinux3ProNotReplaced"},
		{"an image that is gone", "ubuntu.vhd" + hz + "&for=replace&replaces=m-gone&replacedDiskGiB=40", free + "replace.systemDiskReplacement=0"},
	}
}

// TestPrices asks the built function, started from s.yaml, about every row of the
// vendor's rules: one by one, and all at once.
func TestPrices(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100"}})
	t.Run("overview", func(t *testing.T) { s.quotedAll(t, overviewCases()) })
	t.Run("charge", func(t *testing.T) {
		for _, c := range chargeCases() {
			t.Run(c.name, func(t *testing.T) { s.quoted(t, c) })
		}
	})
	t.Run("storage", func(t *testing.T) { s.quotedAll(t, storageCases()) })
	t.Run("replace", func(t *testing.T) { s.quotedAll(t, replaceCases()) })
}

// quoted asks one case.
func (s *stack) quoted(t *testing.T, c priceCase) quoted {
	t.Helper()
	status, body := s.get("/prices/" + c.ask)
	var q quoted
	if err := json.Unmarshal(body, &q); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", c.ask, status, body, err)
	}
	c.check(t, q)
	return q
}

func (c priceCase) check(t *testing.T, q quoted) {
	t.Helper()
	if q.short() != c.want {
		t.Errorf("%s:\n got %s\nwant %s", c.ask, q.short(), c.want)
	}
}

// question is the case as JSON.
func (c priceCase) question(t *testing.T) map[string]any {
	t.Helper()
	id, query, _ := strings.Cut(c.ask, "?")
	parameters, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	question := map[string]any{"imageId": id}
	for name := range parameters {
		text := parameters.Get(name)
		switch name {
		case "period", "preheatDisks", "replacedDiskGiB", "newDiskGiB":
			question[name] = json.Number(text)
		case "holding", "deleted", "firstCopy", "encrypt":
			question[name] = text == "true"
		default:
			question[name] = text
		}
	}
	return question
}

// quotedAll asks all cases at once; each is a subtest.
func (s *stack) quotedAll(t *testing.T, cases []priceCase) {
	t.Helper()
	questions := make([]map[string]any, len(cases))
	for n, c := range cases {
		questions[n] = c.question(t)
	}
	body, err := json.Marshal(map[string]any{"questions": questions})
	if err != nil {
		t.Fatal(err)
	}
	status, text := s.ask(function.Viewer, http.MethodPost, "/prices", body)
	var answer struct {
		Items []struct {
			Quote   *quoted
			Problem any
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Items) != len(cases) {
		t.Fatalf("%d: %d items, %v", status, len(answer.Items), err)
	}
	for n, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if answer.Items[n].Quote == nil {
				t.Fatalf("%s: %v", c.ask, answer.Items[n].Problem)
			}
			c.check(t, *answer.Items[n].Quote)
		})
	}
}

// TestPricesUnderEachReading: whatever the real API turns out to do, the answer
// is right, or unknown.
func TestPricesUnderEachReading(t *testing.T) {
	t.Parallel()
	sim := priced()
	s := start(t, options{sim: sim, rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100"}})
	for _, c := range []struct {
		name   string
		choose func(*cloudsim.Readings)
		cases  []priceCase
	}{
		{"licence inside the instance type", func(r *cloudsim.Readings) { r.LicenceInInstanceType = true }, overviewCases()},
		{"Marketplace price inside the trade price", func(r *cloudsim.Readings) { r.MarketplaceInTradePrice = true }, overviewCases()},
		{"rows as documented", func(r *cloudsim.Readings) { r.PriceRowsAsDocumented = true }, overviewCases()},
		{"paid images answered with 0", func(r *cloudsim.Readings) { r.PaidImagesUnpriced = true }, []priceCase{
			{"public", "redhat.vhd" + hz, "publicPaid licence=unknown:answerZeroForPaid"},
			{"custom", "m-own-redhat" + hz, "customFromPaid licence=unknown:answerZeroForPaid storage=1.2"},
			{"free", "ubuntu.vhd" + hz, "publicFree licence=0"},
		}},
		{"derived Marketplace images not priced", func(r *cloudsim.Readings) { r.DerivedMarketplaceUnpriced = true }, []priceCase{
			{"Marketplace", "market.vhd" + hz, "marketplace licence=0 software=360"},
			{"custom", "m-own-market" + hz, "customFromMarketplace licence=0 software=unknown:marketplacePriceMissing storage=1.2"},
		}},
		{"compressed chains", func(r *cloudsim.Readings) { r.ChainsCompressed = true }, []priceCase{
			{"custom", "m-own-ubuntu" + hz, "customFromFree licence=0 storage=0.84"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var readings cloudsim.Readings
			c.choose(&readings)
			sim.SetReadings(readings)
			s.quotedAll(t, c.cases)
		})
	}
}

// TestPricesWithoutDescribePrice: the table's rates answer, and say so.
func TestPricesWithoutDescribePrice(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100"}})
	s.fault(t, ecsapi.Fault{Action: "DescribePrice", Kind: ecsapi.FaultDenied, Count: -1})
	for _, c := range []priceCase{
		{"paid, by the table", "m-own-redhat" + hz, "customFromPaid licence=299.808 storage=1.2"},
		{"Windows has no table", "windows.vhd" + hk, "publicPaid licence=unknown:Forbidden.RAM"},
		{"Marketplace has no table", "market.vhd" + hz, "marketplace licence=0 software=unknown:Forbidden.RAM"},
		{"a broken history is not guessed", "m-broken" + hz, "unknownSource licence=unknown:licenceNotDecided storage=1.2"},
	} {
		q := s.quoted(t, c)
		if q.SiteBy != "configuration" || q.Site != "china" {
			t.Errorf("%s: site %s by %s", c.name, q.Site, q.SiteBy)
		}
	}
}

// TestPriceReport: the report of the priced world has every custom image of both
// accounts once, nothing unread, and families and regions that add up to it.
func TestPriceReport(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{
		"ECS_RATE_SHARE": "100",
		"PRICE_RATES":    `{"rates":[` + storageRate("cn-hongkong") + "," + storageRate("ap-southeast-1") + `]}`,
	}})
	status, body := s.get("/prices?limit=1000")
	var r struct {
		Images         int
		Items          []struct{ Image struct{ ImageID string } }
		Incomplete     []struct{ Missing []struct{ Code string } }
		Totals, Copies []struct {
			Images          int
			SnapshotStorage struct{ Amount struct{ Exact string } }
		}
		Billed  []struct{ Bytes int64 }
		Unknown []any
	}
	if err := json.Unmarshal(body, &r); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	// 9 + 9 + 9 + 5 images in each of three regions and 6 more. Together they have
	// what ECS bills: at 0.12 a GB, but one of 10 GB in the archive at 0.06.
	want := big.NewRat(-6, 10)
	for _, b := range r.Billed {
		want.Add(want, new(big.Rat).Mul(big.NewRat(12, 100), big.NewRat(b.Bytes, 1<<30)))
	}
	const images = 3*(9+9+9+5) + 6
	if r.Images != images || len(r.Items) != images || len(r.Incomplete) != 0 || len(r.Unknown) != 0 {
		t.Errorf("%d images, %d items, incomplete %v, unknown %v", r.Images, len(r.Items), r.Incomplete, r.Unknown)
	}
	got, ok := new(big.Rat).SetString(r.Totals[0].SnapshotStorage.Amount.Exact)
	if len(r.Totals) != 1 || r.Totals[0].Images != images || !ok || got.Cmp(want) != 0 {
		t.Errorf("totals %+v, storage %v", r.Totals, want)
	}
}

// storageRate is a rate of PRICE_RATES for a region.
func storageRate(region string) string {
	return `{"item":"snapshotStorage","category":"standard","regionId":"` + region + `","basis":"perGb","unit":"month","price":"0.12","currency":"CNY","date":"2026-01-01"}`
}
