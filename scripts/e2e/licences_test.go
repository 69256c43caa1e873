package e2e_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
	"imagekeeper/shared/pricing"
)

// costed is what these tests read of an image or instance of find.
type costed struct {
	ImageID, RegionID, AccountID string
	InstanceID, InstanceType     string
	ImageSeen                    bool
	LicencePerHour               *struct {
		Amount *struct{ Exact, Currency string }
		Rule   string
		Lines  []struct {
			Item, Source, Date string
			Amount             *struct{ Exact string }
		}
		Unknown []struct{ Code string }
	}
	Reasons []struct{ Code string }
}

// worth is rule and amount, or why there is none.
func (c costed) worth() string {
	l := c.LicencePerHour
	switch {
	case l == nil:
		return "not priced"
	case l.Amount == nil && len(l.Unknown) == 0:
		return "no amount and no reason"
	case l.Amount == nil:
		return l.Rule + " unknown:" + l.Unknown[0].Code
	}
	return l.Rule + " " + l.Amount.Exact
}

// costedList is an answer of find.
type costedList struct {
	Items      []costed
	Total      *int
	NextCursor string
	Unknown    []struct{ Permission string }
	PassedOver *struct {
		Reasons []struct {
			Code  string
			Count int
		}
	}
}

// found asks find.
func (s *stack) found(t *testing.T, target string) costedList {
	t.Helper()
	status, body := s.get(target)
	var l costedList
	if err := json.Unmarshal(body, &l); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %.500s, %v", target, status, body, err)
	}
	return l
}

// hourOf is what price answers about images for an hour: rule and the sum of
// licence and software, or why that is not known.
func (s *stack) hourOf(t *testing.T, items []costed, instanceType string) []string {
	t.Helper()
	var worths []string
	for some := range slices.Chunk(items, 100) {
		var questions []map[string]any
		for _, i := range some {
			kind := i.InstanceType
			if kind == "" {
				kind = instanceType
			}
			questions = append(questions, map[string]any{"imageId": i.ImageID, "region": i.RegionID, "instanceType": kind, "hours": "1"})
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
		if err := json.Unmarshal(text, &answer); err != nil || len(answer.Items) != len(some) {
			t.Fatalf("%d: %d items, %v", status, len(answer.Items), err)
		}
		for n, a := range answer.Items {
			if a.Quote == nil {
				t.Fatalf("%v: %v", some[n], a.Problem)
			}
			worths = append(worths, a.Quote.hour())
		}
	}
	return worths
}

// hour is the part of a quote that instances pay.
func (q quoted) hour() string {
	sum := new(big.Rat)
	for _, l := range q.Lines {
		switch {
		case l.Item != string(pricing.OperatingSystemLicence) && l.Item != string(pricing.MarketplaceSoftware):
			continue
		case l.Amount == nil:
			return q.Rule.Code + " unknown:" + l.Unknown[0].Code
		}
		amount, _ := new(big.Rat).SetString(l.Amount.Exact)
		sum.Add(sum, amount)
	}
	exact, _ := pricing.NumberOf(sum).MarshalJSON()
	return q.Rule.Code + " " + strings.Trim(string(exact), `"`)
}

// everyKind asks for images of all kinds and states.
const everyKind = "/images?kind=public,custom,shared,marketplace,community&status=Available,Deprecated&limit=1000"

// agree: find and price say the same about every image that fits, and about every
// instance. It returns how many of them cost something, and how many are unknown.
func (s *stack) agree(t *testing.T, instanceType string) (paid, unknown int) {
	t.Helper()
	images := s.found(t, everyKind+"&sort=licence&instanceType="+instanceType).Items
	fleet := s.found(t, "/instances?limit=10000").Items
	fleet = slices.DeleteFunc(fleet, func(c costed) bool { return !c.ImageSeen })
	if len(images) == 0 {
		t.Fatal("no images")
	}
	all := slices.Concat(images, fleet)
	for n, want := range s.hourOf(t, all, instanceType) {
		got := all[n].worth()
		switch {
		case strings.HasSuffix(got, ":notAsked") && !strings.HasSuffix(want, " 0"): // beyond what is asked at once
		case got != want:
			t.Errorf("%s/%s %s: find says %s, price says %s", all[n].RegionID, all[n].ImageID, all[n].InstanceID, got, want)
		}
		if all[n].LicencePerHour.Amount == nil {
			unknown++
		} else if all[n].LicencePerHour.Amount.Exact != "0" {
			paid++
		}
	}
	return paid, unknown
}

// TestFindAndPriceAgree: whatever the world, and whatever the real API turns out
// to do, a licence costs in find's lists what price quotes.
func TestFindAndPriceAgree(t *testing.T) {
	t.Parallel()
	worlds := map[string]func() *cloudsim.Cloud{
		"priced": priced,
		"built as Packer builds": func() *cloudsim.Cloud {
			return company.New(cloudsim.Options{Seed: 7}, company.Options{Images: 150, Instances: 60, PackerBuilt: true})
		},
	}
	for seed := range uint64(2) {
		worlds[fmt.Sprint("seed ", seed)] = func() *cloudsim.Cloud {
			return company.New(cloudsim.Options{Seed: seed}, company.Options{Images: 150, Instances: 60})
		}
	}
	for _, name := range some(t, slices.Sorted(maps.Keys(worlds)), 4) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := worlds[name]()
			s := start(t, options{sim: sim, rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100"}})
			all := []cloudsim.Readings{{}, {LicenceInInstanceType: true, MarketplaceInTradePrice: true}, {PaidImagesUnpriced: true}, {DerivedMarketplaceUnpriced: true}}
			for _, readings := range some(t, all, 2) {
				sim.SetReadings(readings)
				paid, unknown := s.agree(t, "ecs.g7.xlarge")
				t.Logf("%d paid, %d unknown", paid, unknown)
				if paid == 0 && !readings.PaidImagesUnpriced {
					t.Error("nothing costs anything: this world shows nothing")
				}
			}
			sim.SetReadings(cloudsim.Readings{})
			s.fault(t, ecsapi.Fault{Action: "DescribePrice", Kind: ecsapi.FaultDenied, Count: -1})
			s.agree(t, "ecs.g7.xlarge")
		})
	}
}

// bought are the images of an answer with what their licence costs.
func bought(l costedList) string {
	var texts []string
	for _, i := range l.Items {
		texts = append(texts, strings.TrimPrefix(i.ImageID, "m-")+"="+i.worth()[strings.Index(i.worth(), " ")+1:])
	}
	return strings.Join(texts, " ")
}

// TestSelectionByPrice asks the built function for images by what they cost.
func TestSelectionByPrice(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{
		"ECS_RATE_SHARE": "100",
		"PRICE_RATES":    `{"rates":[{"item":"operatingSystemLicence","product":"suse","basis":"perInstance","unit":"hour","price":"0.2","currency":"CNY","date":"2026-01-01"}]}`,
	}})
	const query = "/images?kind=custom&owner=1000000000000001&instanceType=ecs.g7.xlarge&name=m-own-*"
	const free, negotiated, paid, sap = "own-ubuntu=0", "own-suse=0.2", "own-redhat=0.4164 own-market=0.5 own-pro=0.5", "own-redhatsap=0.6476 own-marketred=0.9164 own-susesap=2.54"
	const hangzhou = free + " own-windows=0 " + negotiated + " " + paid + " " + sap
	for _, c := range []struct{ ask, want string }{
		{"&region=cn-hangzhou&sort=licence", hangzhou},
		{"&region=cn-hangzhou&sort=-licence&limit=2", "own-susesap=2.54 own-marketred=0.9164"},
		{"&region=cn-hangzhou&sort=licence&maxLicencePerHour=0.4164", free + " own-windows=0 " + negotiated + " own-redhat=0.4164"},
		{"&region=cn-hangzhou&maxLicencePerHour=0&sort=name", free + " own-windows=0"},
		{"&region=cn-hongkong&maxLicencePerHour=0.00&sort=name", free},
		{"&region=cn-hongkong&osType=windows&sort=licence", "own-windows=0.608"},
	} {
		if got := bought(s.found(t, query+c.ask)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.ask, got, c.want)
		}
	}
	var pages []string
	for cursor := ""; len(pages) < 10; {
		page := s.found(t, query+"&region=cn-hangzhou&sort=licence&limit=2"+cursor)
		pages = append(pages, bought(page))
		if cursor = "&cursor=" + url.QueryEscape(page.NextCursor); page.NextCursor == "" {
			break
		}
	}
	if got := strings.Join(pages, " "); got != hangzhou {
		t.Errorf("by pages:\n got %s\nwant %s", got, hangzhou)
	}
	if status, body := s.get("/images?maxLicencePerHour=1"); status != http.StatusBadRequest || !strings.Contains(string(body), `"field":"instanceType"`) {
		t.Errorf("without an instance type: %d %s", status, body)
	}
}

// TestUnknownLicencesNeverMatch: where nothing tells what a licence costs, it is
// no match, is not 0, comes last, and says so.
func TestUnknownLicencesNeverMatch(t *testing.T) {
	t.Parallel()
	s := start(t, options{sim: priced(), rate: -1, environment: map[string]string{"ECS_RATE_SHARE": "100"}})
	s.fault(t, ecsapi.Fault{Action: "DescribePrice", Kind: ecsapi.FaultDenied, Count: -1})
	const query = "/images?kind=public,marketplace&region=cn-hongkong&instanceType=ecs.g7.xlarge"
	l := s.found(t, query+"&sort=-licence")
	want := "susesap.vhd=2.54 suse.vhd=0.82 redhatsap.vhd=0.6476 pro.vhd=0.5 redhat.vhd=0.4164 ubuntu.vhd=0 " +
		"market.vhd=unknown:Forbidden.RAM marketred.vhd=unknown:Forbidden.RAM windows.vhd=unknown:Forbidden.RAM"
	if got := bought(l); got != want {
		t.Errorf("without DescribePrice:\n got %s\nwant %s", got, want)
	}
	if len(l.Unknown) == 0 || l.Unknown[0].Permission != "ecs:DescribePrice" || l.Total != nil {
		t.Errorf("the permission that is missing: %v", l.Unknown)
	}
	l = s.found(t, query+"&maxLicencePerHour=1000&explain=true&sort=name")
	if got := bought(l); strings.Contains(got, "unknown") || len(l.Items) != 6 {
		t.Errorf("at most 1000: %s", got)
	}
	if len(l.PassedOver.Reasons) == 0 || l.PassedOver.Reasons[0].Code != "licenceCostUnknown" || l.PassedOver.Reasons[0].Count != 3 {
		t.Errorf("passed over: %v", l.PassedOver.Reasons)
	}
	_, body := s.get("/instances?format=csv")
	if rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll(); err != nil || !slices.Contains(rows[0], "licencePerHour") {
		t.Errorf("csv: %.300s, %v", body, err)
	}
}
