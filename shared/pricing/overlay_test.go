package pricing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

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
		`{`:                                       "PRICE_RATES",
		`[]`:                                      "PRICE_RATES",
		`{"rates":[]} {}`:                         "PRICE_RATES",
		"{\"rates\":[\"\xff\"]}":                  "PRICE_RATES",
		`{}`:                                      "rates",
		`{"rates":null}`:                          "rates",
		`{"rates":{}}`:                            "rates",
		`{"Rates":[]}`:                            "Rates",
		`{"rates":[],"rates":[]}`:                 "rates",
		`{"rates":[],"gbBytes":1}`:                "gbBytes",
		`{"rates":[],"gbBytes":1e9}`:              "gbBytes",
		`{"rates":[],"gbBytes":"1"}`:              "gbBytes",
		`{"rates":[1]}`:                           "rates[0]",
		rate(`"currency":"CNY"`):                  "rates[0].price",
		rate(`"price":1,"currency":"CNY"`):        "rates[0].price",
		rate(`"price":"-1","currency":"CNY"`):     "rates[0].price",
		rate(`"price":"1e3","currency":"CNY"`):    "rates[0].price",
		rate(`"price":"1"`):                       "rates[0].currency",
		rate(`"price":"1","currency":"EUR"`):      "rates[0].currency",
		rate(good + `,"Price":"1"`):               "rates[0].Price",
		rate(good + `,"price":"1"`):               "rates[0].price",
		rate(good + `,"date":"yesterday"`):        "rates[0].date",
		rate(good + `,"minVcpus":0`):              "rates[0].minVcpus",
		rate(good + `,"minVcpus":8,"maxVcpus":4`): "rates[0].maxVcpus",
		rate(good + `,"maxVcpus":1.5`):            "rates[0].maxVcpus",
		rate(good + `,"regionId":"a b"`):          "rates[0].regionId",
		rate(good + `,"regionId":null`):           "rates[0].regionId",
		rate(good + `,"category":"standard"`):     "rates[0].category",
		rate(good + `,"productCode":"x"`):         "rates[0].productCode",
		snapshot(`,"regionId":"cn-beijing"`):      "rates[0].category",
		snapshot(`,"category":"standard"`):        "rates[0].regionId",
		snapshot(`,"category":"cold"`):            "rates[0].category",
		`{"rates":[{"item":"lunch"}]}`:            "rates[0].item",
		`{"rates":[{"basis":"perGb"}]}`:           "rates[0].item",
		`{"rates":[[[[[[[[[[[1]]]]]]]]]]]}`:       "rates[0][0][0][0][0][0][0][0]",
		`{"rates":[{"item":"snapshotStorage","basis":"perVcpu","unit":"month",` + good + `}]}`:                           "rates[0].basis",
		`{"rates":[{"item":"snapshotStorage","basis":"perGb","unit":"hour",` + good + `}]}`:                              "rates[0].unit",
		`{"rates":[{"item":"snapshotCopy","basis":"perGb","unit":"once","regionId":"a","toRegionId":"a",` + good + `}]}`: "rates[0].toRegionId",
		strings.Replace(overlay, `"minVcpus":1,"maxVcpus":8,`, `"regionId":"cn-hongkong",`, 1):                           "rates[1]",
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
