package pricing_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

// holding is an image of Ubuntu in Hangzhou on one snapshot.
func holding(id image.ID, snapshot pricing.Snapshot, chains ...pricing.Chain) pricing.Holding {
	i := of(image.KindCustom, ubuntu())
	i.ID = id
	return pricing.Holding{
		Image: i, Source: from(pricing.SourcePublic, ubuntu()), Site: pricing.China, Root: i.Ref,
		Storage: pricing.Storage{Read: true, Snapshots: []pricing.Snapshot{snapshot}, Chains: chains},
	}
}

func monthly(t *testing.T, holdings ...pricing.Holding) pricing.Report {
	t.Helper()
	r, err := pricing.Monthly(holdings, pricing.Published())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cost is a cost in short.
func cost(c pricing.Cost) string {
	switch {
	case c.Amount != nil:
		return c.Amount.Exact()
	case c.AtLeast != nil:
		return fmt.Sprintf("at least %s, %d unknown", c.AtLeast.Exact(), c.Unknown)
	}
	return c.Lower.Exact() + ".." + c.Upper.Exact()
}

func TestSharedChainCountsOnceInAGroup(t *testing.T) {
	t.Parallel()
	chain := pricing.Chain{ID: "sl-1", TotalBytes: 30 << 30, TotalCount: 2}
	a := holding("m-a", pricing.Snapshot{ID: "s-a", Chain: "sl-1", FullBytes: 20 << 30}, chain)
	b := holding("m-b", pricing.Snapshot{ID: "s-b", Chain: "sl-1", FullBytes: 20 << 30}, chain)
	a.Use = pricing.NotUsed
	r := monthly(t, a, b)
	for what, pair := range map[string][2]string{
		"an image of two on a chain": {cost(r.Rows[0].Storage), "0..2.4"},
		"both together":              {cost(r.Totals[0].Storage), "3.6"},
		"deleting one of them":       {cost(r.Unused[0].Storage), "0..2.4"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %s, want %s", what, pair[0], pair[1])
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	small := holding("m-small", pricing.Snapshot{ID: "s-1", Chain: "sl-1", FullBytes: 10 << 30}, pricing.Chain{ID: "sl-1", TotalBytes: 10 << 30, TotalCount: 1})
	paid := holding("m-paid", pricing.Snapshot{ID: "s-2", Chain: "sl-2", FullBytes: 10 << 30}, pricing.Chain{ID: "sl-2", TotalBytes: 10 << 30, TotalCount: 1})
	paid.Image.Family, paid.Source = "web", from(pricing.SourcePublic, redHat())
	paid.Image.Platform, paid.Image.OSName = redHat().Platform, redHat().Name
	paid.Running = []pricing.Running{
		{Count: 2, Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4}, Charge: pricing.Charge{Method: pricing.PayAsYouGo}},
		{Count: 1, Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4}, Charge: pricing.Charge{Method: pricing.Subscription, Period: 1, PeriodUnit: pricing.Month}},
		{Count: 5, Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4}, Charge: pricing.Charge{Method: pricing.PayAsYouGo, Stopped: pricing.Hours(pricing.Whole(720))}},
	}
	abroad := holding("m-abroad", pricing.Snapshot{ID: "s-3"})
	abroad.Site = pricing.International
	unread := holding("m-unread", pricing.Snapshot{})
	unread.Storage = pricing.Storage{Unread: &image.Reason{Code: "denied", Sentence: "no"}}
	r := monthly(t, small, unread, paid, abroad)
	var order []string
	for _, w := range slices.Concat(r.Rows, r.Unknown) {
		order = append(order, string(w.Image.ID)+" "+cost(w.Total))
	}
	// 2 * 0.1041 * 4 * 720 + 70.43 * 4 + 1.2
	if want := []string{"m-paid 882.536", "m-small 1.2", "m-abroad at least 0, 1 unknown", "m-unread at least 0, 1 unknown"}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
	if len(r.Totals) != 2 || r.Totals[0].Currency != money.CNY || cost(r.Totals[0].Total) != "at least 883.736, 1 unknown" || r.Totals[0].Running != 8 {
		t.Errorf("totals %+v", r.Totals)
	}
	if len(r.Families) != 1 || r.Families[0].Key != "web" || len(r.Unused) != 0 || len(r.Copies) != 4 {
		t.Errorf("families %v, unused %v, copies %v", r.Families, r.Unused, r.Copies)
	}
}

// text is a report as JSON, to compare.
func text(t *rapid.T, r pricing.Report) string {
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGroupsAreBounded: a group costs no more than its images one by one, and at
// least as much as any of them; the order of holdings changes nothing.
func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var holdings []pricing.Holding
		count := rapid.IntRange(1, 8).Draw(t, "images")
		totals := rapid.SliceOfN(rapid.Int64Range(1, 50<<30), 3, 3).Draw(t, "chains")
		for n := range count {
			c := rapid.IntRange(0, 2).Draw(t, "chain")
			id := image.SnapshotID(fmt.Sprint("s-", n))
			full := rapid.Int64Range(1, 40<<30).Draw(t, "full")
			chain := pricing.Chain{ID: fmt.Sprint("sl-", c), TotalBytes: totals[c], TotalCount: 9}
			h := holding(image.ID(fmt.Sprint("m-", n)), pricing.Snapshot{ID: id, Chain: chain.ID, FullBytes: full}, chain)
			h.Image.Family = image.Family(fmt.Sprint("f", rapid.IntRange(0, 1).Draw(t, "family")))
			holdings = append(holdings, h)
		}
		r, err := pricing.Monthly(holdings, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		sum, most := new(big.Rat), new(big.Rat)
		for _, w := range r.Rows {
			sum.Add(sum, w.Total.Upper.Rat())
			if w.Total.Upper.Rat().Cmp(most) > 0 {
				most = w.Total.Upper.Rat()
			}
		}
		all := r.Totals[0].Total.Upper.Rat()
		if all.Cmp(sum) > 0 || all.Cmp(most) < 0 {
			t.Fatalf("together at most %v, one by one %v, the largest %v", all, sum, most)
		}
		slices.Reverse(holdings)
		again, err := pricing.Monthly(holdings, pricing.Published())
		if err != nil || text(t, again) != text(t, r) {
			t.Fatalf("another order, another report: %v", err)
		}
	})
}
