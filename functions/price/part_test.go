package main

import (
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

// TestThePartThatIsAskedFor: which images each filter leaves, and that the groups of
// every partition add up to the total of just these.
func TestThePartThatIsAskedFor(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for query, want := range map[string]string{
		"": "m-copy m-idle m-lent m-own m-twin-a m-twin-b", "region=cn-shanghai": "m-copy", "region=cn-hangzhou,cn-shanghai": "m-copy m-idle m-lent m-own m-twin-a m-twin-b",
		"account=" + string(theirs): "m-lent", "account=" + string(ours): "m-copy m-idle m-own m-twin-a m-twin-b", "family=web": "m-copy m-own", "family=w*": "m-copy m-own",
		"unused=true": "m-copy m-idle m-lent m-twin-a m-twin-b", "unused=false": "m-own", "family=web&unused=true": "m-copy", "family=web&region=cn-hangzhou": "m-own",
	} {
		r := partAsked(t, f, query)
		if got := imagesOf(r); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if len(r.Hints) != 0 || r.Images != len(strings.Fields(want)) {
			t.Errorf("%s: %d images, hints %v", query, r.Images, r.Hints)
		}
		for _, groups := range [][]pricing.Group{r.Families, r.Regions, r.Copies} {
			if got, want := sumOf(groups), sumOf(r.Totals); got.Cmp(want) != 0 {
				t.Errorf("%s: the groups are %s, the total %s", query, got, want)
			}
		}
	}
	_, table := ask(f, "/prices?format=csv&by=family&unused=true", "")
	if !strings.Contains(table, "web,1,0,CNY,") || !strings.Contains(table, pricing.WithoutFamily) {
		t.Error(table)
	}
	if _, table := ask(f, "/prices?format=csv&family=web&fields=imageId", ""); table != "imageId\r\nm-own\r\nm-copy\r\n" && table != "imageId\nm-own\nm-copy\n" {
		t.Errorf("%q", table)
	}
}

// TestAPartWithoutImagesSaysWhy: a filter that selects nothing names itself.
func TestAPartWithoutImagesSaysWhy(t *testing.T) {
	t.Parallel()
	f := pricerOf(world(), same)
	for query, want := range map[string]string{
		"account=" + string(theirs) + "&region=cn-shanghai": "noneHere", "family=none": "noFamily", "region=cn-shanghai&unused=false": "noneUsed",
		"family=web&region=cn-hangzhou&unused=true": "noneUnused", "account=" + string(theirs) + "&family=web": "noFamily",
	} {
		r := partAsked(t, f, query)
		if len(r.Hints) != 1 || r.Hints[0].Code != want || r.Images != 0 || len(r.Totals) != 0 {
			t.Errorf("%s: %+v, %d images, totals %v; want %s", query, r.Hints, r.Images, r.Totals, want)
		}
	}
	if r := partAsked(t, f, "family=none"); !strings.Contains(r.Hints[0].Sentence, "there are web") {
		t.Errorf("%+v", r.Hints)
	}
	if status, lines := ask(f, "/prices?format=ndjson&family=none", ""); status != http.StatusOK || !strings.Contains(lines, `"noFamily"`) {
		t.Errorf("%d %s", status, lines)
	}
}

func partAsked(t *testing.T, f http.Handler, query string) report {
	t.Helper()
	status, answer := ask(f, "/prices?"+query, "")
	var r report
	if err := json.Unmarshal([]byte(answer), &r); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s", query, status, answer)
	}
	return r
}

func imagesOf(r report) string {
	all := map[string]bool{}
	for _, row := range slices.Concat(r.Items, r.Incomplete) {
		all[string(row.Image.ID)] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), " ")
}

// sumOf is the least that groups cost together.
func sumOf(groups []pricing.Group) *big.Rat {
	sum := new(big.Rat)
	for _, g := range groups {
		for _, a := range []*money.Amount{g.Total.Amount, g.Total.Lower, g.Total.AtLeast} {
			if a == nil {
				continue
			}
			if one, ok := new(big.Rat).SetString(a.Exact()); ok {
				sum.Add(sum, one)
			}
			break
		}
	}
	return sum
}
