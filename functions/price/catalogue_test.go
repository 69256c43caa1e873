package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

// catalogue is every custom image of a cloud, each with a type that runs it.
func catalogue(t *testing.T, cloud *cloudsim.Cloud) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, account := range []image.AccountID{ours, theirs} {
		view := cloud.View(account)
		regions, err := view.Regions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range regions {
			images, err := view.Images(t.Context(), r.ID, image.Listing{Kind: image.KindCustom, Statuses: []image.Status{image.StatusAvailable}})
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range images {
				kind := map[image.Architecture]string{image.ARM64: "ecs.g8y.xlarge"}[i.Architecture]
				if kind == "" {
					kind = "ecs.g7.xlarge"
				}
				all = append(all, map[string]any{"imageId": i.ID, "region": r.ID, "account": account, "instanceType": kind, "hours": 1})
			}
		}
	}
	return all
}

// told is what an image costs to run, exactly or "unknown", and whether it is
// known what it ultimately comes from.
type told struct {
	licence string
	sourced bool
}

// licences are what the images cost to run.
func licences(t *testing.T, f http.Handler, questions []map[string]any) map[string]told {
	t.Helper()
	all := map[string]told{}
	for some := range slices.Chunk(questions, 100) {
		body, err := json.Marshal(map[string]any{"questions": some})
		if err != nil {
			t.Fatal(err)
		}
		status, text := ask(f, "/prices", string(body))
		var answer struct {
			Items []struct{ Quote *pricing.Quote }
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK || len(answer.Items) != len(some) {
			t.Fatalf("%d %.300s, %v", status, text, err)
		}
		for n, i := range answer.Items {
			if i.Quote == nil {
				t.Fatalf("%v is refused: %.900s", some[n], text)
			}
			amount := "unknown"
			if a := i.Quote.Lines[0].Amount; a != nil {
				amount = a.Exact()
			}
			source := i.Quote.Source.Kind
			all[fmt.Sprint(some[n]["account"], "/", some[n]["region"], "/", some[n]["imageId"])] = told{
				amount, source != pricing.SourceUnknown && source != pricing.SourceAccount,
			}
		}
	}
	return all
}

// TestPricesOfTheCatalogue: of every custom image of the seeded catalogue, and of
// one whose images were built as Packer builds, which destroys the evidence. What
// the rules find alone is never another price than the cloud's, which knows the
// true history. The shares that are found are printed with -v.
func TestPricesOfTheCatalogue(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]company.Options{
		"seeded":                 {},
		"built as Packer builds": {PackerBuilt: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := company.New(cloudsim.Options{Seed: 1, Clock: cloudsim.NewClock(cloudsim.Epoch())}, size)
			questions := catalogue(t, cloud)
			prices := map[bool]map[string]told{}
			for _, silent := range []bool{false, true} {
				h := over(cloud, same)
				h.config.Regions = []alicloud.RegionWord{"all"}
				both := h.accounts
				h.accounts = func(call function.Call) []survey.Account {
					eyes := both(call)
					for n := range eyes {
						if silent {
							eyes[n].Reader = ill{account: eyes[n].Reader, prices: denied("Forbidden.RAM")}
						}
					}
					return eyes
				}
				prices[silent] = licences(t, h.function(), questions)
			}
			share := func(n int) string { return fmt.Sprintf("%d (%d%%)", n, 100*n/len(questions)) }
			asked, alone, sourced := 0, 0, 0
			for image, byRule := range prices[true] {
				if prices[false][image].licence != "unknown" {
					asked++
				}
				if byRule.licence != "unknown" {
					alone++
				}
				if byRule.sourced {
					sourced++
				}
			}
			t.Logf("%d images: the licence of %s is found, of %s by the rules alone; the source of %s is known", len(questions), share(asked), share(alone), share(sourced))
			for _, image := range slices.Sorted(maps.Keys(prices[true])) {
				if byRule, cloud := prices[true][image].licence, prices[false][image].licence; byRule != "unknown" && byRule != cloud {
					t.Errorf("%s costs %s by the rules, and %s by DescribePrice", image, byRule, cloud)
				}
			}
			if len(questions) < 200 || asked == 0 || alone == 0 || alone > asked {
				t.Error("this catalogue shows nothing")
			}
		})
	}
}
