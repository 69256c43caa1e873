package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/survey"
)

// TestTraceTellsTheAncestryThatObserveTells: whatever a company did, what is
// found by following some images is what is found by reading everything.
func TestTraceTellsTheAncestryThatObserveTells(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		readings := cloudsim.Readings{CopyHidesSource: rapid.Bool().Draw(t, "hidden"), CopyKeepsTags: rapid.Bool().Draw(t, "tags")}
		h := newHistorian(cloudsim.Options{Seed: 1, Readings: readings})
		h.live(t, false)
		f := handler{accounts: views(h.cloud), classes: new(quoting.Classes), now: now}
		f.config.Regions = append(f.config.Regions, "cn-hangzhou", "cn-shanghai", "eu-central-1")
		a, err := f.look().At(context.Background(), function.Call{}, survey.Within{}, places.Age{})
		if err != nil {
			t.Fatal(err)
		}
		var keys []lineage.Key
		var seen []image.Image
		for _, ref := range rapid.SliceOfN(rapid.SampledFrom(h.images), 1, 4).Draw(t, "some") {
			keys = append(keys, lineage.KeyOf(ref))
			for _, s := range a.Find(context.Background(), []image.ID{ref.ID}) {
				seen = append(seen, s.Image)
			}
		}
		all := lineage.New(lineage.Observe(context.Background(), lineage.Places(a.Places()), seen...))
		traced := lineage.New(lineage.Trace(context.Background(), lineage.Places(a.Places()), keys))
		for _, k := range keys {
			if got, want := fmt.Sprint(traced.Ancestry(k)), fmt.Sprint(all.Ancestry(k)); got != want {
				t.Fatalf("traced:\n%s\nobserved:\n%s", got, want)
			}
		}
	})
}

// counted counts the calls of a reader, by what is asked.
type counted struct {
	survey.Reader
	mu    *sync.Mutex
	calls map[string]int
}

func (c counted) count(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[what] += n
}

func (c counted) Price(ctx context.Context, r image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	c.count("prices", 1)
	return c.Reader.Price(ctx, r, q)
}

func (c counted) Snapshots(ctx context.Context, r image.RegionID, l image.SnapshotListing) ([]image.Snapshot, error) {
	c.count("snapshots", 1)
	c.count("snapshots asked for", len(l.IDs))
	return c.Reader.Snapshots(ctx, r, l)
}

func (c counted) Disks(ctx context.Context, r image.RegionID, l image.DiskListing) ([]image.Disk, error) {
	c.count("disks", 1)
	return c.Reader.Disks(ctx, r, l)
}

func (c counted) InstanceTypes(ctx context.Context, r image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	c.count("types", 1)
	return c.Reader.InstanceTypes(ctx, r, ids)
}

// counting looks at a cloud through both accounts and counts.
func counting(cloud *cloudsim.Cloud) (func(function.Call) []survey.Account, map[string]int) {
	calls, mu := map[string]int{}, &sync.Mutex{}
	return func(call function.Call) []survey.Account {
		accounts := views(cloud)(call)
		for n := range accounts {
			accounts[n].Reader = counted{accounts[n].Reader, mu, calls}
		}
		return accounts
	}, calls
}

// TestPricingTakesFewCalls: how many calls the price of many images and instances
// takes goes by what is different, not by how many there are.
func TestPricingTakesFewCalls(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 3, Clock: cloudsim.NewClock(now())}, company.Options{Images: 3000, Instances: 2000, PackerBuilt: true})
	look, calls := counting(cloud)
	f := finderIn(look, "all")
	var images list
	get(t, f, "/images?instanceType=ecs.g7.xlarge&sort=licence&limit=1000", &images)
	if len(images.Items) != 1000 || images.Total == nil || *images.Total < 2000 {
		t.Fatalf("%d items, total %v, unknown %v", len(images.Items), images.Total, images.Unknown)
	}
	if calls["prices"] == 0 || calls["prices"] > 300 {
		t.Errorf("%d calls of DescribePrice for %d images", calls["prices"], *images.Total)
	}
	if batches := calls["snapshots asked for"]/100 + 2*8*3; calls["snapshots"] > batches || calls["snapshots"] == 0 {
		t.Errorf("%d calls for %d snapshots", calls["snapshots"], calls["snapshots asked for"])
	}
	t.Log(calls)
	clear(calls)
	var servers fleet
	get(t, f, "/instances?limit=10000", &servers)
	if len(servers.Items) < 1900 || calls["prices"] > 300 || calls["types"] > 2*8 {
		t.Errorf("%d instances: %v", len(servers.Items), calls)
	}
	t.Log(calls)
	clear(calls)
	get(t, f, "/images?family=web-base&region=cn-hangzhou&kind=custom&instanceType=ecs.g7.xlarge&maxLicencePerHour=0", &images)
	if asked := calls["snapshots asked for"]; asked > 200 {
		t.Errorf("%d snapshots for one family", asked)
	}
	t.Log(calls)
}

// costed is what tests read of images with their costs, or of a problem.
type costed struct {
	Items   []quoting.Row
	Unknown []image.Unread
}

// costsOf are the amounts of each item of an answer, by region and id.
func costsOf(l costed) map[string]string {
	costs := map[string]string{}
	for _, i := range l.Items {
		costs[string(i.RegionID)+"/"+string(i.ImageID)] = i.LicencePerHour.Columns()[0]
	}
	return costs
}

// TestLiesMakeNoLicenceCheaper: whatever is answered in place of the truth, a
// licence costs what it costs, or is unknown; and unknown never matches.
func TestLiesMakeNoLicenceCheaper(t *testing.T) {
	t.Parallel()
	cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(now())}, company.Options{Images: 200})
	const query = "/images?kind=public,custom,shared&instanceType=ecs.g7.xlarge&limit=1000"
	var all, cheap costed
	get(t, finderIn(views(cloud), "all"), query+"&sort=licence", &all)
	get(t, finderIn(views(cloud), "all"), query+"&maxLicencePerHour=0.3", &cheap)
	right, matches := costsOf(all), costsOf(cheap)
	if len(matches) == 0 || len(matches) == len(right) {
		t.Fatalf("%d of %d match: this world shows nothing", len(matches), len(right))
	}
	for _, what := range []string{"images", "snapshots", "disks", "builds", "prices"} {
		for _, kind := range []string{"denied", "broken", "empty"} {
			for _, times := range []int{1, 3, -1} {
				t.Run(fmt.Sprint(what, " ", kind, " ", times), func(t *testing.T) {
					t.Parallel()
					look := func(call function.Call) []survey.Account {
						accounts := views(cloud)(call)
						for i := range accounts {
							accounts[i].Reader = liar{accounts[i].Reader, &sync.Mutex{}, []*lie{{what, kind, times}}}
						}
						return accounts
					}
					var told, matched costed
					if answer := get(t, finderIn(look, "all"), query+"&sort=licence", &told); answer.StatusCode == http.StatusOK {
						for at, cost := range costsOf(told) {
							if cost != "unknown" && cost != right[at] {
								t.Errorf("%s costs %s, in truth %s", at, cost, right[at])
							}
							if cost == "unknown" && len(told.Unknown) == 0 && what+kind != "pricesempty" {
								t.Errorf("%s is not known, and what was not read is not said", at)
							}
						}
					}
					get(t, finderIn(look, "all"), query+"&maxLicencePerHour=0.3", &matched)
					for at := range costsOf(matched) {
						if _, ok := matches[at]; !ok {
							t.Errorf("%s matches, and costs %s", at, right[at])
						}
					}
				})
			}
		}
	}
}

// TestLicencesByFamily: the image to use in a region is the newest whose licence
// costs no more than is asked.
func TestLicencesByFamily(t *testing.T) {
	t.Parallel()
	cloud := world()
	cloud.AddImage(cloudsim.FirstAccount, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{
		Ref: image.Ref{ID: "m-redhat"}, Name: "web-base-redhat", Family: "web-base", Platform: "RedHat", OSName: "Red Hat Enterprise Linux  9.6 64 bit",
		Architecture: image.X86_64, BootMode: image.UEFI, CreatedAt: day(25),
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-redhat", Encrypted: image.No}},
	}})
	f := finder(views(cloud))
	for query, want := range map[string]string{
		"":                           "m-redhat",
		"&maxLicencePerHour=0.2":     "m-new",
		"&maxLicencePerHour=0.2082":  "m-redhat",
		"&maxLicencePerHour=0.20819": "m-new",
	} {
		var got family
		get(t, f, "/families/web-base?region=cn-hangzhou&instanceType=ecs.g7.large"+query, &got)
		if len(got.Items) != 1 || got.Items[0].Image == nil || string(got.Items[0].Image.ImageID) != want || (query != "") != (got.Items[0].Image.LicencePerHour != nil) {
			t.Errorf("%q: %+v, want %s", query, got.Items, want)
			continue
		}
		over := got.Items[0].PassedOver.Reasons
		if dear := slices.ContainsFunc(over, func(c count) bool { return c.Code == "licenceTooDear" }); dear != (want == "m-new") {
			t.Errorf("%q: passed over %v", query, over)
		}
	}
}

func TestBadQuestionsAboutLicences(t *testing.T) {
	t.Parallel()
	f := finder(views(world()))
	const on = "&instanceType=ecs.g7.large"
	for query, field := range map[string]string{
		"maxLicencePerHour=1": "instanceType", "sort=licence": "instanceType", "sort=-licence": "instanceType",
		"maxLicencePerHour=-1" + on: "maxLicencePerHour", "maxLicencePerHour=" + on: "maxLicencePerHour", "maxLicencePerHour=1/3" + on: "maxLicencePerHour",
		"maxLicencePerHour=1e3" + on: "maxLicencePerHour", "maxLicencePerHour=free" + on: "maxLicencePerHour", "maxlicenceperhour=1" + on: "maxlicenceperhour",
		"maxLicencePerHour=-0" + on: "maxLicencePerHour", "sort=cost" + on: "sort", "maxLicencePerHour=" + strings.Repeat("9", 80) + on: "maxLicencePerHour",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{"/images?", "/families/web-base?"} {
				if strings.Contains(query, "sort") && path != "/images?" {
					continue
				}
				var got answered
				if answer := get(t, f, path+query, &got); answer.StatusCode != http.StatusBadRequest || got.Field != field {
					t.Errorf("got %d blaming %q (%s), want 400 blaming %s", answer.StatusCode, got.Field, got.Code, field)
				}
			}
		})
	}
}

// TestInstancesWithoutLicence: what is not known of an instance's licence is said,
// as a field and in the table, and hides no instance.
func TestInstancesWithoutLicence(t *testing.T) {
	t.Parallel()
	look := func(call function.Call) []survey.Account {
		accounts := views(fleetOf())(call)
		for i := range accounts {
			accounts[i].Reader = liar{accounts[i].Reader, &sync.Mutex{}, []*lie{{"prices", "denied", -1}}}
		}
		return accounts
	}
	var got fleet
	get(t, finder(look), "/instances", &got)
	if len(got.Items) != 5 || got.Total == nil || len(got.Unknown) != 0 || len(got.LicencesUnread) == 0 || got.LicencesUnread[0].Permission != "ecs:DescribePrice" {
		t.Fatalf("%d items, total %v, unread %v", len(got.Items), got.Total, got.LicencesUnread)
	}
	market := got.Items[0].LicencePerHour
	if market.Amount != nil || len(market.Unknown) != 1 || market.Unknown[0].Code != "Forbidden.RAM" {
		t.Errorf("a Marketplace image: %+v", market)
	}
	if old := got.Items[2].LicencePerHour; old.Amount == nil || old.Amount.Sign() != 0 || old.Rule != "customFromFree" {
		t.Errorf("a free image: %+v", old)
	}
	rows, err := csv.NewReader(get(t, finder(look), "/instances?format=csv", nil).Body).ReadAll()
	if err != nil || strings.Join(rows[1][20:], " ") != "unknown  marketplace Forbidden.RAM" || strings.Join(rows[3][20:], " ") != "0.0000000000 CNY customFromFree " {
		t.Errorf("csv: %q, %v", rows, err)
	}
}

// TestPriceRatesAreChecked: what the environment says of prices is read once, and
// refused by name.
func TestPriceRatesAreChecked(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"PRICE_RATES": `{"rates":[{}]}`, "PRICE_SITE": "moon"} {
		_, err := open(func(n string) (string, bool) {
			return map[string]string{name: value, "FC_REGION": "cn-hangzhou"}[n], n == name || n == "FC_REGION"
		})
		if fault.Of(err) != fault.Invalid {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

// noTypes is a reader that may not list types, and for which DescribePrice has no
// price.
type noTypes struct{ survey.Reader }

func (noTypes) InstanceTypes(context.Context, image.RegionID, []image.InstanceTypeID) ([]image.InstanceType, error) {
	return nil, fault.New(fault.Forbidden, "no")
}

func (noTypes) Price(context.Context, image.RegionID, image.PriceQuestion) (image.PriceAnswer, error) {
	return image.PriceAnswer{}, fault.New(fault.Precondition, "no").WithCode("PriceNotFound")
}

// TestInstancesWithoutTypes: a licence that goes by the number of vCPUs is not
// known without the types, and the permission that would tell is named.
func TestInstancesWithoutTypes(t *testing.T) {
	t.Parallel()
	cloud := fleetOf()
	cloud.AddImage(cloudsim.FirstAccount, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{
		Ref: image.Ref{ID: "redhat_9_6_x64_20G_alibase_20260101.vhd"}, Kind: image.KindPublic, Name: "redhat", Platform: "RedHat",
		OSName: "Red Hat Enterprise Linux  9.6 64 bit", Architecture: image.X86_64, CreatedAt: day(1),
	}})
	cloud.AddInstance(cloudsim.FirstAccount, "cn-hangzhou", cloudsim.InstanceSpec{Instance: image.Instance{
		ID: "i-redhat", Image: "redhat_9_6_x64_20G_alibase_20260101.vhd", Type: "ecs.g7.large", Status: image.InstanceRunning, OSType: image.Linux, CreatedAt: day(2),
	}})
	look := func(call function.Call) []survey.Account {
		accounts := views(cloud)(call)
		for i := range accounts {
			accounts[i].Reader = noTypes{accounts[i].Reader}
		}
		return accounts
	}
	var got fleet
	get(t, finder(look), "/instances", &got)
	n := slices.IndexFunc(got.Items, func(s quoting.Server) bool { return s.InstanceID == "i-redhat" })
	if n < 0 || got.Items[n].LicencePerHour.Amount != nil {
		t.Fatalf("%+v", got.Items)
	}
	if !slices.ContainsFunc(got.LicencesUnread, func(u image.Unread) bool { return u.Permission == survey.MayListTypes }) {
		t.Errorf("unread: %+v", got.LicencesUnread)
	}
}
