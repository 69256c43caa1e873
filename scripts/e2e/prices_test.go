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
		Date, Payer          string
		Rule                 struct{ Code, Sentence string }
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
	sg = "?region=ap-southeast-1&instanceType=ecs.g7.xlarge"
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
		{"public Windows in Singapore", "windows.vhd" + sg, "publicPaid licence=437.76"},
		{"public Red Hat in Singapore", "redhat.vhd" + sg, "publicPaid licence=299.808"},
		{"public SUSE in Hong Kong", "suse.vhd" + hk, "publicPaid licence=590.4"},
		{"custom from paid", "m-own-redhat" + hz, "customFromPaid licence=299.808 storage=1.2"},
		{"custom from SUSE", "m-own-suse" + hz, "customFromPaid licence=590.4 storage=1.2"},
		{"custom from Windows in the mainland", "m-own-windows" + hz, "customFromFree licence=0 storage=1.2"},
		{"custom from Windows in Hong Kong", "m-own-windows" + hk, "customFromPaid licence=437.76 storage=unknown:noRateForRegion"},
		{"custom from Alibaba Cloud Linux Pro", "m-own-pro" + hz, "customFromPaid licence=360 storage=1.2"},
		{"custom from free", "m-own-ubuntu" + hz, "customFromFree licence=0 storage=1.2"},
		{"custom from Marketplace", "m-own-market" + hz, "customFromMarketplace licence=0 software=360 storage=1.2"},
		{"custom from Marketplace with a paid system", "m-own-marketred" + hz, "customFromMarketplace licence=299.808 software=360 storage=1.2"},
		{"custom of custom of custom", "m-third" + hz, "customFromPaid licence=299.808 storage=1.2"},
		{"imported Windows, Aliyun licence", "m-import-aliyun" + hk, "importedAliyunLicence licence=437.76 storage=unknown:noRateForRegion"},
		{"imported Windows, own licence", "m-import-byol" + hk, "importedByol licence=0 storage=unknown:noRateForRegion"},
		{"imported Windows, Auto", "m-import-auto" + hk, "importedAliyunLicence licence=437.76 storage=unknown:noRateForRegion"},
		{"imported Windows in the mainland", "m-import-aliyun" + hz, "importedAliyunLicence licence=0 storage=1.2"},
		{"imported Red Hat", "m-import-redhat" + hz, "importedByol licence=0 storage=1.2"},
		{"imported SUSE", "m-import-suse" + hz, "importedByol licence=0 storage=1.2"},
		{"imported free", "m-import-ubuntu" + hz, "customFromFree licence=0 storage=1.2"},
		{"shared from free", "m-lent-ubuntu" + hz + by, "sharedFromFree licence=0"},
		{"shared from paid", "m-lent-redhat" + hz + by, "sharedFromPaid licence=299.808"},
		{"shared from Windows in Hong Kong", "m-lent-windows" + hk + by, "sharedFromPaid licence=437.76"},
		{"shared from Marketplace with a paid system", "m-lent-marketred" + hz + by, "sharedFromMarketplace licence=299.808 software=360"},
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
		{"Red Hat for SAP, 16 vCPUs", "redhatsap.vhd?region=cn-hangzhou&instanceType=ecs.g7.4xlarge&hours=10", "publicPaid licence=18.704"},
		{"Red Hat for SAP, 128 vCPUs", "redhatsap.vhd?region=cn-hangzhou&instanceType=ecs.g7.32xlarge&hours=1", "publicPaid licence=13.824"},
		{"SUSE for SAP, 8 vCPUs", "susesap.vhd?region=cn-hangzhou&instanceType=ecs.g7.2xlarge&hours=1", "publicPaid licence=3.06"},
		{"Windows by the instance type", "windows.vhd?region=cn-hongkong&instanceType=ecs.g7.2xlarge&hours=1", "publicPaid licence=1.216"},
		{"a type that the image does not run on", red + "&instanceType=ecs.g8y.xlarge&hours=1", "publicPaid licence=0.4164 finding:doesNotRunOnType"},
		{"modified CPU options", red + "&instanceType=ecs.g7.4xlarge&activeVcpus=8&hours=1", "publicPaid licence=unknown:cpuOptionsNotDocumented"},
		{"SUSE, 2 vCPUs", suse + "&instanceType=ecs.g7.large", "publicPaid licence=295.2"},
		{"SUSE, 8 vCPUs", suse + "&instanceType=ecs.g7.2xlarge", "publicPaid licence=712.8"},
		{"Alibaba Cloud Linux Pro, any size", "pro.vhd?region=cn-hangzhou&instanceType=ecs.g7.8xlarge", "publicPaid licence=360"},
		{"by the second", red + "&instanceType=ecs.g7.xlarge&seconds=1", "publicPaid licence=347/3000000"},
		{"half an hour", red + "&instanceType=ecs.g7.xlarge&hours=0.5", "publicPaid licence=0.2082"},
		{"subscription of 3 months", red + "&instanceType=ecs.g7.xlarge&period=3&periodUnit=month", "publicPaid licence=845.16"},
		{"subscription of a year", suse + "&instanceType=ecs.g7.xlarge&period=1&periodUnit=year", "publicPaid licence=3065"},
		{"subscription of a week", red + "&instanceType=ecs.g7.xlarge&period=1&periodUnit=week", "publicPaid licence=65.72"},
		{"subscription of a custom image", "m-own-suse" + hz + "&period=1", "customFromPaid licence=326 storage=1.2"},
		{"subscription of a Marketplace image", "market.vhd" + hz + "&period=1", "marketplace licence=0 software=280"},
		{"no time", red + "&instanceType=ecs.g7.xlarge&seconds=0", "publicPaid licence=0"},
		{"early refund", red + "&instanceType=ecs.g7.xlarge&period=1&refunded=true", "publicPaid licence=unknown:refundNotCalculable"},
		{"spot", red + "&instanceType=ecs.g7.xlarge&spot=true", "publicPaid licence=299.808"},
		{"burstable", red + "&instanceType=ecs.t6-c1m2.xlarge&hours=1", "publicPaid licence=0.4164"},
		{"economical mode", red + "&instanceType=ecs.g7.xlarge&stoppedHours=360", "publicPaid licence=149.904..299.808"},
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
		{"archive, deleted late", "m-archived?region=cn-hangzhou&holding=true&deleted=true&hours=1440", "customFromFree licence=0 storage=1.2"},
		{"standard, deleted early", own + "&deleted=true", "customFromFree licence=0 storage=1.2"},
		{"a year of storage", own + "&hours=8640", "customFromFree licence=0 storage=14.4"},
		{"copy of snapshots, later", own + "&for=copySnapshot&to=cn-qingdao", "customFromFree licence=0 storage=1.2 copySnapshot.snapshotCopy=0..5 copySnapshot.storage=0..1.2"},
		{"copy of snapshots, not across regions", own + "&for=copySnapshot&to=cn-hangzhou", "customFromFree licence=0 storage=1.2 copySnapshot.snapshotCopy=0 copySnapshot.storage=0..1.2"},
		{"first copy of an image", own + "&for=copy&to=cn-qingdao&firstCopy=true", "customFromFree licence=0 storage=1.2 copy.transfer=0 copy.storage=1.2"},
		{"copy with a key of one's own", own + "&for=copy&to=cn-qingdao&encrypt=true&ownKey=true", "customFromFree licence=0 storage=1.2 copy.transfer=0 copy.storage=4.8 copy.keyManagement=unknown:keyManagementNotPriced"},
		{"copy of an archived image", "m-archived?region=cn-hangzhou&holding=true&for=copy&to=cn-qingdao", "customFromFree licence=0 storage=0.6 copy.transfer=0 copy.storage=0..1.2 finding:archiveCannotBeCopied"},
		{"copy of a public image", "ubuntu.vhd?region=cn-hangzhou&holding=true&for=copy&to=cn-qingdao", "publicFree licence=0 copy.transfer=0 copy.storage=0..4.8 finding:notCopied"},
		{"copy of a shared image to another region", "m-lent-ubuntu?region=cn-hangzhou&holding=true&for=copy&to=cn-qingdao" + by, "sharedFromFree licence=0 copy.transfer=0 copy.storage=0..4.8 finding:sharedCopiedWithinRegion"},
		{"copy to where it is", own + "&for=copy&to=cn-hangzhou", "customFromFree licence=0 storage=1.2 copy.transfer=0 copy.storage=0..1.2 finding:copiedToItsRegion"},
		{"copy of another's snapshots", "m-lent-ubuntu?region=cn-hangzhou&holding=true&for=copySnapshot&to=cn-qingdao" + by, "sharedFromFree licence=0 finding:snapshotsOfOthers"},
		{"export of a public image", "ubuntu.vhd?region=cn-hangzhou&holding=true&for=export", "publicFree licence=0 export.ossStorage=unknown:noRate export.ossTraffic=unknown:noRate export.ossRequests=unknown:requestsNotCounted finding:notExported"},
		{"export of Marketplace", "m-own-market?region=cn-hangzhou&holding=true&for=export", "customFromMarketplace licence=0 software=0 storage=1.2 export.ossStorage=unknown:noRate export.ossTraffic=unknown:noRate export.ossRequests=unknown:requestsNotCounted finding:marketplaceNotExported"},
		{"storage of a shared image", "m-lent-ubuntu?region=cn-hangzhou&holding=true" + by, "sharedFromFree licence=0"},
		{"storage of a shared image, of its owner", "m-lent-ubuntu?region=cn-hangzhou&holding=true", "customFromFree licence=0 storage=1.2"},
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
		{"free by free", "m-own-ubuntu" + hz + "&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", "customFromFree licence=0 storage=1.2 replace.systemDiskReplacement=0"},
		{"paid by paid", "redhat.vhd" + hz + "&for=replace&replaces=suse.vhd&replacedDiskGiB=40", "publicPaid licence=299.808 replace.systemDiskReplacement=0"},
		{"from a subscription of a paid image", "ubuntu.vhd" + hz + "&period=1&for=replace&replaces=redhat.vhd&replacedDiskGiB=40", "publicFree licence=0 replace.systemDiskReplacement=0 replace.licenceAdjustment=unknown:refundRuleNotFound"},
		{"into a product, subscription", "market.vhd" + hz + "&period=1&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", "marketplace licence=0 software=unknown:remainingTerm replace.systemDiskReplacement=0"},
		{"into a product, by the hour", "market.vhd" + hz + "&for=replace&replaces=ubuntu.vhd&replacedDiskGiB=40", "marketplace licence=0 software=360 replace.systemDiskReplacement=0"},
		{"away from a product, subscription", "ubuntu.vhd" + hz + "&period=1&for=replace&replaces=market.vhd&replacedDiskGiB=40", "publicFree licence=0 replace.systemDiskReplacement=0 replace.marketplaceRefund=unknown:refundByVendor"},
		{"away from a product, by the hour", "ubuntu.vhd" + hz + "&for=replace&replaces=market.vhd&replacedDiskGiB=40", "publicFree licence=0 replace.systemDiskReplacement=0"},
		{"Windows by Linux outside the mainland", "ubuntu.vhd" + sg + "&for=replace&replaces=windows.vhd&replacedDiskGiB=40", "publicFree licence=0 replace.systemDiskReplacement=0 finding:acrossSystemTypes"},
		{"a disk whose size is not given", "ubuntu.vhd" + hz + "&for=replace&replaces=redhat.vhd", "publicFree licence=0 replace.systemDiskReplacement=0 replace.systemDiskGrowth=unknown:diskSizeNotKnown"},
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
	sum, whole := new(big.Rat), true
	for _, l := range q.Lines {
		payer := "imageOwner"
		switch l.Item {
		case "operatingSystemLicence", "marketplaceSoftware", "systemDiskReplacement", "systemDiskGrowth", "licenceAdjustment", "marketplaceChange", "marketplaceRefund":
			payer = "instanceOwner"
		}
		if l.Payer != payer {
			t.Errorf("%s: %s is paid by %s", c.ask, l.Item, l.Payer)
		}
		if l.Amount == nil {
			whole = false
			continue
		}
		amount, ok := new(big.Rat).SetString(l.Amount.Exact)
		if !ok || l.Source == "" || l.Date == "" || l.Rule.Code == "" || l.Rule.Sentence == "" {
			t.Errorf("%s: a line without amount, source, date or rule: %+v", c.ask, l)
			continue
		}
		sum.Add(sum, amount)
	}
	for _, f := range q.Findings {
		whole = whole && !f.Fatal // what cannot be done has no total
	}
	if whole != (q.Total != nil) {
		t.Errorf("%s: all lines are known: %t; total %v", c.ask, whole, q.Total)
	}
	if q.Total != nil && q.Total.Exact != "" {
		if total, ok := new(big.Rat).SetString(q.Total.Exact); !ok || total.Cmp(sum) != 0 {
			t.Errorf("%s: total %s, the lines sum to %s", c.ask, q.Total.Exact, sum.RatString())
		}
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
		case "period", "preheatDisks", "replacedDiskGiB", "newDiskGiB", "objectBytes", "activeVcpus":
			question[name] = json.Number(text)
		case "holding", "deleted", "firstCopy", "encrypt", "ownKey":
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

// TestPricesByRatesOfOurOwn: PRICE_RATES gives what is not published, and
// outweighs what is.
func TestPricesByRatesOfOurOwn(t *testing.T) {
	t.Parallel()
	rate := func(item, more string) string {
		return `{"item":"` + item + `","currency":"CNY","date":"2026-01-01",` + more + `}`
	}
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100", "PRICE_RATES": `{"rates":[` + strings.Join([]string{
		rate("snapshotPreheat", `"basis":"perGbDisk","unit":"hour","price":"0.0000138889","regionId":"cn-hangzhou"`),
		rate("ossStorage", `"basis":"perGb","unit":"month","price":"0.12"`),
		rate("ossTraffic", `"basis":"perGb","unit":"once","price":"0.5","regionId":"cn-hangzhou"`),
		rate("systemDiskGrowth", `"basis":"perGb","unit":"month","price":"0.35"`),
		rate("operatingSystemLicence", `"product":"rhel","basis":"perVcpu","unit":"hour","price":"0.09"`),
		storageRate("cn-hongkong"),
	}, ",") + `]}`}})
	const own, held = "m-own-ubuntu?region=cn-hangzhou&holding=true", "customFromFree licence=0 "
	s.quotedAll(t, []priceCase{
		{"preheat", own + "&preheatDisks=2&preheatHours=3", "customFromFree licence=0 storage=1.2 snapshotPreheat=0.000833334"},
		{"preheat by the second", own + "&preheatDisks=1&preheatHours=1.5", "customFromFree licence=0 storage=1.2 snapshotPreheat=0.0002083335"},
		{"preheat, less than an hour", own + "&preheatDisks=1&preheatHours=0.5", "customFromFree licence=0 storage=1.2 snapshotPreheat=0.000138889"},
		{"import", own + "&for=import&objectBytes=1073741824", "customFromFree licence=0 storage=1.2 import.storage=0..4.8 import.ossStorage=0.12 import.ossTraffic=0.5 import.ossRequests=unknown:requestsNotCounted"},
		{"a larger disk", "ubuntu.vhd" + hz + "&for=replace&replaces=redhat.vhd&replacedDiskGiB=40&newDiskGiB=80", "publicFree licence=0 replace.systemDiskReplacement=0 replace.systemDiskGrowth=14"},
		{"a negotiated licence", "m-own-redhat" + hz, "customFromPaid licence=259.2 storage=1.2"},
		{"storage of another region", "m-own-ubuntu?region=cn-hongkong&holding=true", "customFromFree licence=0 storage=1.2"},
	})
}

// TestPricesOfTheInternationalSite: in dollars, by that site's table.
func TestPricesOfTheInternationalSite(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100", "PRICE_SITE": "international"}})
	s.fault(t, ecsapi.Fault{Action: "DescribePrice", Kind: ecsapi.FaultDenied, Count: -1})
	s.quotedAll(t, []priceCase{
		{"Red Hat", "m-own-redhat" + hz, "customFromPaid licence=43.2 storage=0.173"},
		{"SUSE", "suse.vhd" + sg + "&hours=1", "publicPaid licence=0.127"},
		{"SUSE for SAP by the month", "susesap.vhd" + sg + "&period=2", "publicPaid licence=372.14"},
		{"Alibaba Cloud Linux Pro is not listed", "pro.vhd" + hz, "publicPaid licence=unknown:Forbidden.RAM"},
		{"free", "ubuntu.vhd" + sg, "publicFree licence=0"},
	})
}

// TestPriceReport: the report of the priced world has every custom image of both
// accounts once, nothing unread, and families and regions that add up to it.
func TestPriceReport(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: everywhere(priced()), rate: -1, environment: map[string]string{
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
	// Together they have what ECS bills: at 0.12 a GB, but one of 10 GB in the
	// archive at 0.06.
	want := big.NewRat(-6, 10)
	for _, b := range r.Billed {
		want.Add(want, new(big.Rat).Mul(big.NewRat(12, 100), big.NewRat(b.Bytes, 1<<30)))
	}
	const images = pricedImages
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
