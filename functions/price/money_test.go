package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// negotiated are the published rates with others over them.
func negotiated(t *testing.T, text string) pricing.Rates {
	t.Helper()
	n, err := pricing.ParseNegotiated(text)
	if err != nil {
		t.Fatal(err)
	}
	return pricing.Published().With(n)
}

// reported is a report as these tests read it.
type reported struct {
	Images                    int
	Items, Incomplete         []pricing.Row
	Totals, Unused            []pricing.Group
	UnusedShared              []pricing.Group
	Families, Regions, Copies []pricing.Group
	MissingRates              []pricing.WantedRate
	Unknown                   []image.Unread
}

func reportOf(t *testing.T, f http.Handler, target string) reported {
	t.Helper()
	status, answer := ask(f, target, "")
	var r reported
	if err := json.Unmarshal([]byte(answer), &r); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", target, status, answer, err)
	}
	return r
}

// rowOf is the row of an image.
func (r reported) rowOf(t *testing.T, id image.ID) pricing.Row {
	t.Helper()
	rows := slices.Concat(r.Items, r.Incomplete)
	n := slices.IndexFunc(rows, func(w pricing.Row) bool { return w.Image.ID == id })
	if n < 0 {
		t.Fatalf("no row of %s", id)
	}
	return rows[n]
}

func worthOf(c pricing.Cost) string {
	switch {
	case c.Amount != nil:
		return c.Amount.Exact()
	case c.Lower != nil:
		return c.Lower.Exact() + ".." + c.Upper.Exact()
	case c.AtLeast != nil:
		return "at least " + c.AtLeast.Exact()
	}
	return "unknown"
}

// TestAmbiguityThatChangesTheAmount: an id in several regions is answered for one
// only where it costs the same in all of them.
func TestAmbiguityThatChangesTheAmount(t *testing.T) {
	t.Parallel()
	h := over(world(), same)
	h.rates = negotiated(t, `{"rates":[{"item":"operatingSystemLicence","product":"rhel","basis":"perVcpu","unit":"hour","regionId":"cn-shanghai","price":"0.2","currency":"CNY"}]}`)
	f := h.function()
	status, answer := ask(f, "/prices/redhat.vhd?instanceType=ecs.g7.xlarge&hours=1", "")
	for _, want := range []string{`"code":"ambiguous"`, `"field":"region"`, "cn-hangzhou 0.4164 CNY", "cn-shanghai 0.8 CNY"} {
		if status != http.StatusBadRequest || !strings.Contains(answer, want) {
			t.Errorf("%d %s, lacks %s", status, answer, want)
		}
	}
	for target, want := range map[string]string{
		"/prices/redhat.vhd?instanceType=ecs.g7.xlarge&hours=1&region=cn-shanghai": `"total":{"amount":"0.8000000000"`,
		"/prices/redhat.vhd?holding=true":                                          `"ambiguous":true,"elsewhere":[{"accountId":"1000000000000001","regionId":"cn-shanghai"`,
	} {
		if status, answer := ask(f, target, ""); status != http.StatusOK || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, lacks %s", target, status, answer, want)
		}
	}
}

// TestImagesThatDoNotExistYet: an import or a creation is priced before there is
// an image.
func TestImagesThatDoNotExistYet(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for body, want := range map[string]string{
		`{"for":"import","diskGiBs":[40,10],"region":"cn-hangzhou","holding":true}`:                                                      "licence=0 import.storage=0..6 import.ossStorage=? import.ossTraffic=? import.ossRequests=?",
		`{"for":"import","diskGiBs":[40],"region":"cn-hangzhou","instanceType":"ecs.g7.xlarge","platform":"Ubuntu"}`:                     "licence=0 import.storage=0..4.8 import.ossStorage=? import.ossTraffic=? import.ossRequests=?",
		`{"for":"import","region":"cn-hangzhou","diskGiBs":[40],"osType":"windows","licenseType":"BYOL","instanceType":"ecs.g7.xlarge"}`: "licence=0 import.storage=0..4.8 import.ossStorage=? import.ossTraffic=? import.ossRequests=?",
		`{"for":"create","region":"cn-hangzhou","diskGiBs":[40],"holding":true}`:                                                         "licence=0 create.storage=0..4.8",
		`{"for":"create","region":"cn-hangzhou","diskGiBs":[40],"instanceType":"ecs.g7.xlarge"}`:                                         "licence=? create.storage=0..4.8",
		`{"for":"create","diskGiBs":[40],"holding":true}`:                                                                                "region",
		`{"for":"create","region":"cn-hangzhou","holding":true}`:                                                                         "diskGiBs",
		`{"for":"export"}`: "imageId",
		`{"holding":true}`: "imageId",
		`{"for":"create","diskGiBs":[40],"licenseType":"BYOL"}`:                                                               "licenseType",
		`{"for":"import","diskGiBs":[40],"licenseType":"byol"}`:                                                               "licenseType",
		`{"for":"import","diskGiBs":[40],"osType":"bsd"}`:                                                                     "osType",
		`{"for":"import","diskGiBs":[40],"platform":"` + strings.Repeat("ü", 65) + `"}`:                                       "platform",
		`{"for":"import","region":"cn-hangzhou","diskGiBs":[40],"holding":true,"platform":"` + strings.Repeat("ü", 64) + `"}`: "licence=0 import.storage=0..4.8 import.ossStorage=? import.ossTraffic=? import.ossRequests=?",
		`{"for":"import","diskGiBs":[40],"region":"cn-beijing"}`:                                                              "region",
	} {
		status, answer := ask(f, "/prices", `{"questions":[`+body+`]}`)
		var told struct {
			Items []struct {
				Quote   *pricing.Quote
				Problem *struct{ Field string }
			}
		}
		if err := json.Unmarshal([]byte(answer), &told); err != nil || status != http.StatusOK || len(told.Items) != 1 {
			t.Fatalf("%s: %d %s, %v", body, status, answer, err)
		}
		var got string
		if p := told.Items[0].Problem; p != nil {
			got = p.Field
		} else {
			got = lines(told.Items[0].Quote)
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}

// lines are those of a quote in short.
func lines(q *pricing.Quote) string {
	var texts []string
	for _, l := range q.Lines {
		name := strings.NewReplacer("operatingSystemLicence", "licence", "snapshotStorage", "storage").Replace(string(l.Item))
		if l.For != "" {
			name = string(l.For) + "." + name
		}
		worth := "?"
		if l.Amount != nil {
			worth = l.Amount.Exact()
		} else if l.Lower != nil {
			worth = l.Lower.Exact() + ".." + l.Upper.Exact()
		}
		texts = append(texts, name+"="+worth)
	}
	return strings.Join(texts, " ")
}

// run starts an instance of an image.
func run(cloud *cloudsim.Cloud, account image.AccountID, id image.InstanceID, of image.ID) {
	cloud.AddInstance(account, here, cloudsim.InstanceSpec{Instance: image.Instance{ID: id, Image: of, Type: "ecs.g7.xlarge"}})
}

// TestInstancesOnImagesOfOthers: what they pay is in the totals, and an image that
// nobody pays for is in no row.
func TestInstancesOnImagesOfOthers(t *testing.T) {
	t.Parallel()
	cloud := world()
	run(cloud, ours, "i-red", "redhat.vhd")
	run(cloud, theirs, "i-red-too", "redhat.vhd")
	run(cloud, theirs, "i-free", "ubuntu.vhd")
	run(cloud, ours, "i-gone", "m-gone")
	r := reportOf(t, pricerOf(cloud, same), "/prices")
	red := r.rowOf(t, "redhat.vhd")
	if red.Kind != image.KindPublic || red.Running != 2 || worthOf(red.Licence) != "599.616" || worthOf(red.Storage) != "0" {
		t.Errorf("%+v", red)
	}
	gone := r.rowOf(t, "m-gone")
	if gone.Kind != "" || gone.Running != 1 || worthOf(gone.Licence) != "unknown" || worthOf(gone.Software) != "unknown" || worthOf(gone.Storage) != "0" || len(gone.Missing) == 0 {
		t.Errorf("%+v", gone)
	}
	if r.Images != 8 || r.Totals[0].Images != 8 || r.Totals[0].Running != 4 || worthOf(r.Totals[0].Licence) != "at least 899.424" {
		t.Errorf("%d images, totals %+v", r.Images, r.Totals)
	}
	if n := slices.IndexFunc(r.Items, func(w pricing.Row) bool { return w.Image.ID == "ubuntu.vhd" }); n >= 0 {
		t.Errorf("a row for nothing: %+v", r.Items[n])
	}
}

// TestWithdrawnShare: an account that may not use an image any more and still runs
// it is seen, and pays.
func TestWithdrawnShare(t *testing.T) {
	t.Parallel()
	cloud := world()
	run(cloud, ours, "i-lent", "m-lent")
	if err := cloud.View(theirs).Permit(t.Context(), image.Ref{Account: theirs, Region: here, ID: "m-lent"}, nil, []image.AccountID{ours}); err != nil {
		t.Fatal(err)
	}
	lent := reportOf(t, pricerOf(cloud, same), "/prices").rowOf(t, "m-lent")
	if lent.Running != 1 || worthOf(lent.Licence) != "299.808" || lent.Use != pricing.Used {
		t.Errorf("%+v", lent)
	}
}

// TestOneSitePerAccount: one account of the international site pays everything in
// dollars, whether DescribePrice was asked about an image of its or not; what it
// pays for an image of another account is a row in its own currency.
func TestOneSitePerAccount(t *testing.T) {
	t.Parallel()
	cloud := world()
	run(cloud, ours, "i-lent", "m-lent")
	r := reportOf(t, pricerOf(cloud, func(a account) account { return dollars{a} }), "/prices")
	for _, w := range slices.Concat(r.Items, r.Incomplete) {
		want := "CNY"
		if w.Image.Account == ours || w.Running > 0 {
			want = "USD"
		}
		if string(w.Currency) != want {
			t.Errorf("%v with %d instances is in %s", w.Image, w.Running, w.Currency)
		}
	}
	if len(r.Totals) != 2 || r.Images != 6 {
		t.Errorf("%d images, totals %+v", r.Images, r.Totals)
	}
}

// TestMissingRatesAreATemplate: filled in, they leave nothing unknown.
func TestMissingRatesAreATemplate(t *testing.T) {
	t.Parallel()
	h := over(world(), same)
	r := reportOf(t, h.function(), "/prices")
	text, err := json.Marshal(map[string]any{"rates": r.MissingRates})
	if err != nil || len(r.MissingRates) != 1 || len(r.Incomplete) == 0 {
		t.Fatalf("%s, %v", text, err)
	}
	h.rates = negotiated(t, strings.ReplaceAll(string(text), `"price":""`, `"price":"0.12"`))
	if r := reportOf(t, h.function(), "/prices"); len(r.Incomplete) != 0 || len(r.MissingRates) != 0 {
		t.Errorf("still unknown: %+v, %+v", r.Incomplete, r.MissingRates)
	}
}
