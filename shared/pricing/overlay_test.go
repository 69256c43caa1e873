package pricing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

const overlay = `{"gbBytes":1000000000,"rates":[
	{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","minVcpus":1,"maxVcpus":8,"price":"0.09","currency":"CNY","date":"2026-01-01"},
	{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","regionId":"cn-hongkong","price":"0.08","currency":"CNY"},
	{"item":"operatingSystemLicence","product":"windows","basis":"perInstance","unit":"hour","regionId":"cn-hongkong","instanceType":"ecs.g7.xlarge","price":"1/3","currency":"CNY"},
	{"item":"operatingSystemLicence","product":"windows","basis":"perInstance","unit":"hour","price":"2","currency":"CNY"},
	{"item":"snapshotStorage","category":"standard","regionId":"cn-beijing","basis":"perGb","unit":"month","price":"0.1","currency":"CNY"},
	{"item":"marketplaceSoftware","productCode":"cmjj01","basis":"perInstance","unit":"hour","price":"0.7","currency":"CNY"}]}`

func TestNegotiatedRatesWin(t *testing.T) {
	t.Parallel()
	rates := negotiated(t, overlay)
	for _, c := range []struct {
		name string
		q    pricing.Question
		item pricing.Item
		want string
	}{
		{"over the published", licensedOn(redHat(), 8, "1"), pricing.OperatingSystemLicence, "0.72"},
		{"not for another tier", licensedOn(redHat(), 9, "1"), pricing.OperatingSystemLicence, "0.7029"},
		{"over DescribePrice", observed(licensedOn(redHat(), 4, "1"), answers("1", "0.5")), pricing.OperatingSystemLicence, "0.36"},
		{"for a region before all", in(licensedOn(redHat(), 4, "1"), "cn-hongkong"), pricing.OperatingSystemLicence, "0.32"},
		{"for an instance type before all", in(licensedOn(windows(), 4, "1"), "cn-hongkong"), pricing.OperatingSystemLicence, "1/3"},
		{"for the others", in(licensedOn(windows(), 4, "1"), "us-west-1"), pricing.OperatingSystemLicence, "2"},
		{"never where the rule says free", licensedOn(windows(), 4, "1"), pricing.OperatingSystemLicence, "0"},
		{"for snapshots of other regions", in(stored(func(q *pricing.Question) { q.Storage = chainOfOne(50) }), "cn-beijing"), pricing.SnapshotStorage, "5.36870912"},
		{"for a Marketplace product", ask(product(of(image.KindMarketplace, ubuntu())), pricing.Source{}), pricing.MarketplaceSoftware, "504"},
	} {
		l := lineOf(t, priceAt(t, c.q, rates), c.item)
		if worth(l) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, worth(l), c.want)
		}
		if l.Source == "" {
			t.Errorf("%s: no source", c.name)
		}
	}
	l := lineOf(t, priceAt(t, observed(licensedOn(redHat(), 4, "1"), answers("1", "0.5")), rates), pricing.OperatingSystemLicence)
	if l.Source != "PRICE_RATES" || l.Date != "2026-01-01" || !hasReason(l.Reasons, "answerDiffers") {
		t.Errorf("source %s of %s, %v", l.Source, l.Date, l.Reasons)
	}
}

func TestNoOverlay(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \n", `{"rates":[]}`} {
		if got, err := pricing.ParseNegotiated(text); err != nil || len(got.Rates) != 0 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// badOverlays are texts with the field that must be blamed.
func badOverlays() map[string]string {
	rate := func(fields string) string {
		return `{"rates":[{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour",` + fields + `}]}`
	}
	good := `"price":"1","currency":"CNY"`
	snapshot := func(fields string) string {
		return `{"rates":[{"item":"snapshotStorage","basis":"perGb","unit":"month",` + good + fields + `}]}`
	}
	return map[string]string{
		`{`:                                                        "PRICE_RATES",
		`[]`:                                                       "PRICE_RATES",
		`{"rates":[]} {}`:                                          "PRICE_RATES",
		"{\"rates\":[\"\xff\"]}":                                   "PRICE_RATES",
		`{}`:                                                       "rates",
		`{"rates":null}`:                                           "rates",
		`{"rates":{}}`:                                             "rates",
		`{"Rates":[]}`:                                             "Rates",
		`{"rates":[],"rates":[]}`:                                  "rates",
		`{"rates":[],"gbBytes":1}`:                                 "gbBytes",
		`{"rates":[],"gbBytes":1e9}`:                               "gbBytes",
		`{"rates":[],"gbBytes":"1"}`:                               "gbBytes",
		`{"rates":[1]}`:                                            "rates[0]",
		rate(`"currency":"CNY"`):                                   "rates[0].price",
		rate(`"price":1,"currency":"CNY"`):                         "rates[0].price",
		rate(`"price":"-1","currency":"CNY"`):                      "rates[0].price",
		rate(`"price":"1e3","currency":"CNY"`):                     "rates[0].price",
		rate(`"price":"1"`):                                        "rates[0].currency",
		rate(`"price":"1","currency":"EUR"`):                       "rates[0].currency",
		rate(good + `,"Price":"1"`):                                "rates[0].Price",
		rate(good + `,"price":"1"`):                                "rates[0].price",
		rate(good + `,"date":"yesterday"`):                         "rates[0].date",
		rate(good + `,"minVcpus":0`):                               "rates[0].minVcpus",
		rate(good + `,"minVcpus":8,"maxVcpus":4`):                  "rates[0].maxVcpus",
		rate(good + `,"maxVcpus":1.5`):                             "rates[0].maxVcpus",
		rate(good + `,"regionId":"a b"`):                           "rates[0].regionId",
		rate(good + `,"regionId":null`):                            "rates[0].regionId",
		rate(good + `,"regionId":"CN-HANGZHOU"`):                   "rates[0].regionId",
		rate(good + `,"regionId":"cn-hongkon"`):                    "rates[0].regionId",
		rate(good + `,"regionId":"cn-hanghzou"`):                   "rates[0].regionId",
		rate(good + `,"regionId":"ALL"`):                           "rates[0].regionId",
		rate(good + `,"regionId":"hangzhou"`):                      "rates[0].regionId",
		rate(good + `,"instanceType":"g7.large"`):                  "rates[0].instanceType",
		rate(good + `,"instanceType":"ecs.G7.x"`):                  "rates[0].instanceType",
		rate(good + `,"date":"2999-01-01"`):                        "rates[0].date",
		rate(good + `,"since":"2999"`):                             "rates[0].since",
		rate(good + `,"since":"0001-01-01"`):                       "rates[0].since",
		rate(good + `,"readAt":"2999-01"`):                         "rates[0].readAt",
		rate(good + `,"since":"2026","date":"2026"`):               "rates[0].date",
		snapshot(`,"category":"standard","regionId":"us-wesst-1"`): "rates[0].regionId",
		rate(good + `,"category":"standard"`):                      "rates[0].category",
		rate(good + `,"productCode":"x"`):                          "rates[0].productCode",
		snapshot(`,"regionId":"cn-beijing"`):                       "rates[0].category",
		snapshot(`,"category":"standard"`):                         "rates[0].regionId",
		snapshot(`,"category":"cold"`):                             "rates[0].category",
		`{"rates":[{"item":"lunch"}]}`:                             "rates[0].item",
		`{"rates":[{"basis":"perGb"}]}`:                            "rates[0].item",
		`{"rates":[[[[[[[[[[[1]]]]]]]]]]]}`:                        "rates[0][0][0][0][0][0][0][0]",
		`{"rates":[{"item":"snapshotStorage","basis":"perVcpu","unit":"month",` + good + `}]}`:                                             "rates[0].basis",
		`{"rates":[{"item":"snapshotStorage","basis":"perGb","unit":"hour",` + good + `}]}`:                                                "rates[0].unit",
		`{"rates":[{"item":"snapshotCopy","basis":"perGb","unit":"once","regionId":"cn-qingdao","toRegionId":"cn-qingdao",` + good + `}]}`: "rates[0].toRegionId",
		strings.Replace(overlay, `"minVcpus":1,"maxVcpus":8,`, `"regionId":"cn-hongkong",`, 1):                                             "rates[1]",
	}
}

func TestBadOverlaysNameTheField(t *testing.T) {
	t.Parallel()
	for text, field := range badOverlays() {
		_, err := pricing.ParseNegotiated(text)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != field {
			t.Errorf("%s\nwant an invalid %s, got %v", text, field, err)
		}
	}
	if _, err := pricing.ParseNegotiated(strings.Repeat(" ", 1<<19) + "{}"); !errors.Is(err, fault.Invalid) {
		t.Errorf("a long text: %v", err)
	}
}

func TestTiersMayNotMeet(t *testing.T) {
	t.Parallel()
	tiers := func(a, b string) string {
		const like = `{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","price":"1","currency":"CNY"%s}`
		return `{"rates":[` + fmt.Sprintf(like, a) + "," + fmt.Sprintf(like, b) + `]}`
	}
	for text, ok := range map[string]bool{
		tiers(`,"maxVcpus":8`, `,"minVcpus":9`):                 true,
		tiers(`,"maxVcpus":8`, `,"minVcpus":8`):                 false,
		tiers(``, `,"minVcpus":9`):                              false,
		tiers(``, `,"regionId":"cn-hongkong"`):                  true,
		tiers(``, `,"instanceType":"ecs.g7.large"`):             true,
		tiers(`,"date":"2026"`, `,"date":"2025"`):               false,
		tiers(`,"minVcpus":9,"maxVcpus":16`, `,"maxVcpus":8`):   true,
		tiers(`,"minVcpus":9,"maxVcpus":16`, `,"minVcpus":16`):  false,
		tiers(`,"minVcpus":9,"maxVcpus":16`, `,"maxVcpus":100`): false,
	} {
		if _, err := pricing.ParseNegotiated(text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzParseNegotiated: whatever is accepted can be priced with, and gives the same
// rates again; whatever is refused names a field.
func FuzzParseNegotiated(f *testing.F) {
	f.Add(overlay)
	for text := range badOverlays() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := pricing.ParseNegotiated(text)
		if err != nil {
			var named *fault.Error
			if !errors.As(err, &named) || named.Kind != fault.Invalid || named.Field == "" {
				t.Fatalf("%q is refused without a field: %v", text, err)
			}
			return
		}
		for _, r := range n.Rates {
			if r.Price.Sign() < 0 || r.Price.Currency() == "" || r.Source != "PRICE_RATES" {
				t.Fatalf("%q gave the rate %+v", text, r)
			}
		}
		again, err := pricing.ParseNegotiated(text)
		if err != nil || len(again.Rates) != len(n.Rates) {
			t.Fatalf("%q is read differently again: %v", text, err)
		}
		priceAt(t, licensedOn(redHat(), 4, "1"), pricing.Published().With(n))
	})
}

func TestNegotiatedSoftwarePerVCPUInEconomicalMode(t *testing.T) {
	t.Parallel()
	rates := negotiated(t, `{"rates":[{"item":"marketplaceSoftware","productCode":"cmjj01","basis":"perVcpu","unit":"hour","price":"0.1","currency":"CNY"}]}`)
	q := ask(product(of(image.KindMarketplace, ubuntu())), pricing.Source{})
	q.Charge.Stopped = q.Duration
	if got := worth(lineOf(t, priceAt(t, q, rates), pricing.MarketplaceSoftware)); got != "0..288" {
		t.Errorf("got %s, want 4 vCPUs for none or all of 720 hours", got)
	}
}

// storageRate is a rate of 0.2 CNY for standard storage in a region.
func storageRate(region, more string) string {
	return `{"item":"snapshotStorage","category":"standard","regionId":"` + region + `","basis":"perGb","unit":"month","price":"0.2","currency":"CNY"` + more + `}`
}

// TestDefaultRate: it counts where no rate of the region is known, and says so on
// every line.
func TestDefaultRate(t *testing.T) {
	t.Parallel()
	rates := negotiated(t, `{"rates":[`+storageRate("all", "")+`,`+storageRate("eu-west-1", "")+`,
		{"item":"snapshotCopy","regionId":"all","toRegionId":"all","basis":"perGb","unit":"once","price":"0.7","currency":"CNY"}]}`)
	for region, want := range map[image.RegionID]struct {
		worth string
		ours  bool
	}{"cn-hangzhou": {"4.8", false}, "eu-west-1": {"8", false}, "cn-beijing": {"8", true}, "ap-southeast-9": {"8", true}} {
		q := in(ask(of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu())), region)
		l := lineOf(t, priceAt(t, q, rates), pricing.SnapshotStorage)
		if worth(l) != want.worth || l.Default != want.ours || hasReason(l.Reasons, "defaultRate") != want.ours {
			t.Errorf("%s: %s, default %v, %v", region, worth(l), l.Default, l.Reasons)
		}
	}
	q := ask(of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu()))
	q.For, q.Task.To, q.Task.First = pricing.CopySnapshots, "cn-beijing", image.Yes
	if l := lineOf(t, priceAt(t, q, rates), pricing.SnapshotCopy); worth(l) != "28" || !l.Default {
		t.Errorf("a copy by the default: %s, %v", worth(l), l.Default)
	}
	q.Task.To = "cn-qingdao"
	if l := lineOf(t, priceAt(t, q, rates), pricing.SnapshotCopy); worth(l) != "20" || l.Default {
		t.Errorf("a copy with a rate of its own: %s, %v", worth(l), l.Default)
	}
	h := holding("m-1", pricing.Snapshot{ID: "s-1", Chain: "sl-1", FullBytes: 10 << 30}, pricing.Chain{ID: "sl-1", TotalBytes: 10 << 30, TotalCount: 1})
	h.Image.Region = "cn-beijing"
	r, err := pricing.Monthly([]pricing.Holding{h}, rates)
	if err != nil {
		t.Fatal(err)
	}
	for what, notes := range map[string][]image.Reason{"row": r.Rows[0].Notes, "total": r.Totals[0].Notes, "family": r.Families[0].Notes, "region": r.Regions[0].Notes} {
		if !hasReason(notes, "defaultRate") {
			t.Errorf("the %s does not say that it rests on the default: %v", what, notes)
		}
	}
}

// TestRatesOfLaterDoNotCountYet: a rate counts from the day on which it begins.
func TestRatesOfLaterDoNotCountYet(t *testing.T) {
	t.Parallel()
	rates := negotiated(t, `{"rates":[`+storageRate("cn-hangzhou", `,"since":"2026-06-01"`)+`,`+storageRate("all", `,"date":"2026-06"`)+`]}`)
	for _, c := range []struct {
		region image.RegionID
		day    int
		want   string
	}{
		{"cn-hangzhou", 31, "4.8"}, {"cn-hangzhou", 32, "8"}, {"cn-beijing", 31, "unknown: noRateForRegion"}, {"cn-beijing", 32, "8"},
	} {
		q := in(ask(of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu())), c.region)
		now := time.Date(2026, 5, c.day, 0, 0, 0, 0, time.UTC)
		if got := worth(lineOf(t, priceAt(t, q, rates.At(now)), pricing.SnapshotStorage)); got != c.want {
			t.Errorf("%s on %s: got %s, want %s", c.region, now.Format(time.DateOnly), got, c.want)
		}
	}
}

// TestDatesOfRates: since when a rate holds, when it was read, and how old that is
// are three things; older than twelve months is said.
func TestDatesOfRates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	rates := func(more string) pricing.Rates {
		return negotiated(t, `{"rates":[`+storageRate("cn-beijing", more)+`]}`).At(now)
	}
	for _, c := range []struct {
		more, since, readAt string
		days                int
		old                 bool
	}{
		{"", "", "", 0, false},
		{`,"since":"2026-01-01"`, "2026-01-01", "", 332, false},
		{`,"date":"2025-11-29"`, "2025-11-29", "", 365, true},
		{`,"since":"2020-01-01","readAt":"2026-11-01"`, "2020-01-01", "2026-11-01", 28, false},
		{`,"readAt":"2025"`, "", "2025", 697, true},
	} {
		q := in(ask(of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu())), "cn-beijing")
		l := lineOf(t, priceAt(t, q, rates(c.more)), pricing.SnapshotStorage)
		if l.Since != c.since || l.ReadAt != c.readAt || l.AgeDays != c.days || hasReason(l.Reasons, "rateMayBeOld") != c.old {
			t.Errorf("%s: since %q, read at %q, %d days, %v", c.more, l.Since, l.ReadAt, l.AgeDays, l.Reasons)
		}
	}
	paid := ask(of(image.KindPublic, redHat()), pricing.Source{})
	l := lineOf(t, priceAt(t, paid, pricing.Published().At(now)), pricing.OperatingSystemLicence)
	if l.Since != "2024-07-31" || l.ReadAt != "2026" || l.Date != l.Since || l.AgeDays != 332 {
		t.Errorf("the page of Red Hat: %+v", l)
	}
	d := pricing.DuesOf(of(image.KindCustom, redHat()), from(pricing.SourcePublic, redHat()), image.KindShared, pricing.Published().At(now), pricing.International)
	if len(d.Rates) == 0 || d.Rates[0].ReadAt != "2025" || !d.Rates[0].Old || d.Rates[0].Since != "" {
		t.Errorf("dues by a page of 2025: %+v", d.Rates)
	}
}

// TestWantedRatesAreATemplate: exactly what is missing, and once the prices are
// filled in nothing is.
func TestWantedRatesAreATemplate(t *testing.T) {
	t.Parallel()
	q := in(ask(of(image.KindCustom, windows()), from(pricing.SourcePublic, windows())), "us-west-1")
	q.For, q.Task.To = pricing.CopySnapshots, "eu-west-1"
	q.Storage.Preheat = &pricing.Preheat{Disks: 1, Seconds: pricing.Whole(7200)}
	short := price(t, q)
	text, err := json.Marshal(map[string]any{"rates": short.Wanted})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pricing.ParseNegotiated(string(text)); !errors.Is(err, fault.Invalid) {
		t.Errorf("a template that is not filled in is taken: %v", err)
	}
	filled := strings.ReplaceAll(string(text), `"price":""`, `"price":"0.5"`)
	full := priceAt(t, q, negotiated(t, filled))
	for _, l := range full.Lines {
		if l.Amount == nil && l.Lower == nil {
			t.Errorf("still not known: %s %v", l.Item, l.Unknown)
		}
	}
	var items []string
	for _, w := range short.Wanted {
		items = append(items, string(w.Item)+" "+string(w.Region)+" "+string(w.InstanceType))
	}
	want := []string{"operatingSystemLicence us-west-1 ecs.g7.xlarge", "snapshotCopy us-west-1 ", "snapshotPreheat us-west-1 ", "snapshotStorage eu-west-1 ", "snapshotStorage us-west-1 "}
	if !slices.Equal(items, want) || len(full.Wanted) != 0 {
		t.Errorf("got %q, want %q; after that %v", items, want, full.Wanted)
	}
	m, err := pricing.Monthly([]pricing.Holding{{Image: q.Image, Source: q.Source, Storage: q.Storage, Site: pricing.China, Shared: image.No}}, pricing.Published())
	if err != nil || len(m.Wanted) != 1 || m.Wanted[0].Region != "us-west-1" || m.Wanted[0].Item != pricing.SnapshotStorage {
		t.Errorf("of a report: %+v, %v", m.Wanted, err)
	}
}
