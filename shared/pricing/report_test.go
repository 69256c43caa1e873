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
		Image: i, Source: from(pricing.SourcePublic, ubuntu()), Site: pricing.China, Root: i.Ref, Shared: image.No,
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
	case c.Lower == nil && c.AtLeast == nil:
		return fmt.Sprintf("%d unknown", c.Unknown)
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
	// 2 to 7 times 0.1041 * 4 * 720, and 70.43 * 4 + 1.2: five may pause.
	if want := []string{"m-paid 882.536..2381.576", "m-small 1.2", "m-abroad 1 unknown", "m-unread 1 unknown"}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
	if len(r.Totals) != 2 || r.Totals[0].Currency != money.CNY || cost(r.Totals[0].Total) != "at least 883.736, 1 unknown" || r.Totals[0].Running != 8 {
		t.Errorf("totals %+v", r.Totals)
	}
	if len(r.Families) != 3 || r.Families[0].Key != "web" || r.Families[1].Key != pricing.WithoutFamily || len(r.Unused) != 0 || len(r.Copies) != 4 {
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

// bounds are a cost as it adds up.
func bounds(c pricing.Cost) (lower, upper *big.Rat, unknown int) {
	lower = new(big.Rat)
	for _, a := range []*money.Amount{c.Amount, c.Lower, c.AtLeast} {
		if a != nil {
			lower = a.Rat()
		}
	}
	upper = lower
	if c.Upper != nil {
		upper = c.Upper.Rat()
	}
	return lower, upper, c.Unknown
}

// addUp fails unless groups have the images, the instances and the costs of the
// totals, currency by currency.
func addUp(t *rapid.T, what string, totals, groups []pricing.Group) {
	for _, total := range totals {
		images, running := 0, 0
		sum := map[string]*big.Rat{}
		unknown := map[string]int{}
		parts := func(g pricing.Group) map[string]pricing.Cost {
			return map[string]pricing.Cost{"storage": g.Storage, "licence": g.Licence, "software": g.Software, "total": g.Total}
		}
		for _, g := range groups {
			if g.Currency != total.Currency {
				continue
			}
			images, running = images+g.Images, running+g.Running
			for name, c := range parts(g) {
				lower, upper, n := bounds(c)
				for bound, value := range map[string]*big.Rat{name + " lower": lower, name + " upper": upper} {
					if sum[bound] == nil {
						sum[bound] = new(big.Rat)
					}
					sum[bound].Add(sum[bound], value)
				}
				unknown[name] += n
			}
		}
		if images != total.Images || running != total.Running {
			t.Fatalf("%s: %d images and %d instances, in all %d and %d", what, images, running, total.Images, total.Running)
		}
		for name, c := range parts(total) {
			lower, upper, n := bounds(c)
			if sum[name+" lower"].Cmp(lower) != 0 || unknown[name] != n || n == 0 && sum[name+" upper"].Cmp(upper) != 0 {
				t.Fatalf("%s of %s: %v to %v and %d unknown, in all %s", name, what, sum[name+" lower"], sum[name+" upper"], unknown[name], cost(c))
			}
		}
	}
}

// anyHolding draws an image: of a family or none, on a chain that others may share,
// of either site, stored where there is a rate or none, with instances.
func anyHolding(t *rapid.T, n int, totals []int64) pricing.Holding {
	c := rapid.IntRange(0, len(totals)-1).Draw(t, "chain")
	chain := pricing.Chain{ID: fmt.Sprint("sl-", c), TotalBytes: totals[c], TotalCount: rapid.IntRange(1, 6).Draw(t, "count")}
	s := pricing.Snapshot{ID: image.SnapshotID(fmt.Sprint("s-", n)), Chain: chain.ID, FullBytes: rapid.Int64Range(0, 40<<30).Draw(t, "full")}
	if c == 0 { // a snapshot without a chain, that several images stand on
		s = pricing.Snapshot{ID: "s-common", FullBytes: totals[0]}
	}
	h := holding(image.ID(fmt.Sprint("m-", n)), s, chain)
	h.Image.Account = rapid.SampledFrom([]image.AccountID{"1000000000000001", "1000000000000002"}).Draw(t, "account")
	h.Image.Region = rapid.SampledFrom([]image.RegionID{"cn-hangzhou", "cn-qingdao", "us-west-1"}).Draw(t, "region")
	h.Image.Family = rapid.SampledFrom([]image.Family{"", "web", "db"}).Draw(t, "family")
	h.Root = image.Ref{Region: h.Image.Region, ID: image.ID(fmt.Sprint("m-root-", rapid.IntRange(0, 2).Draw(t, "root")))}
	h.Use = rapid.SampledFrom([]pricing.Use{pricing.Used, pricing.NotUsed, pricing.UseUnknown}).Draw(t, "use")
	if h.Image.Account == "1000000000000002" {
		h.Site = pricing.International
	}
	if rapid.Bool().Draw(t, "paid") {
		h.Source = from(pricing.SourcePublic, redHat())
		h.Image.Platform, h.Image.OSName = redHat().Platform, redHat().Name
	}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		h.Image.Kind, h.Storage = image.KindPublic, pricing.Storage{}
	case 1:
		h.Gone, h.Storage, h.Source = true, pricing.Storage{}, pricing.Source{}
	case 2:
		h.Storage = pricing.Storage{Unread: &image.Reason{Code: "denied", Sentence: "no"}}
	}
	for range rapid.IntRange(0, 2).Draw(t, "running") {
		h.Running = append(h.Running, anyRunning(t))
	}
	if rapid.IntRange(0, 5).Draw(t, "unseen") == 0 {
		h.Unseen = &image.Reason{Code: "denied", Sentence: "no"}
	}
	return h
}

func anyRunning(t *rapid.T) pricing.Running {
	r := pricing.Running{
		Count: rapid.IntRange(1, 5).Draw(t, "instances"), Site: rapid.SampledFrom([]pricing.Site{"", pricing.China, pricing.International}).Draw(t, "payer"),
		Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: rapid.SampledFrom([]int{0, 4}).Draw(t, "vcpus")},
		Charge:   pricing.Charge{Method: pricing.PayAsYouGo},
	}
	if rapid.Bool().Draw(t, "subscription") {
		r.Charge = pricing.Charge{Method: pricing.Subscription, Period: 1, PeriodUnit: pricing.Month}
		if rapid.Bool().Draw(t, "or by the year") {
			r.Or = &pricing.Charge{Method: pricing.Subscription, Period: 2, PeriodUnit: pricing.Year}
		}
	}
	return r
}

// TestGroupsAddUp: whatever images share and whatever is not known, families,
// regions and copies add up to the total, and still do when the list is cut.
func TestGroupsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		totals := rapid.SliceOfN(rapid.Int64Range(1, 50<<30), 3, 3).Draw(t, "chains")
		var holdings []pricing.Holding
		for n := range rapid.IntRange(0, 9).Draw(t, "images") {
			holdings = append(holdings, anyHolding(t, n, totals))
		}
		r, err := pricing.Monthly(holdings, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		if r.Images() != len(holdings) {
			t.Fatalf("%d images of %d", r.Images(), len(holdings))
		}
		for name, groups := range map[string][]pricing.Group{"families": r.Families, "regions": r.Regions, "copies": r.Copies} {
			addUp(t, name, r.Totals, groups)
			addUp(t, name+", cut", r.Totals, pricing.Cut(groups, rapid.IntRange(0, 3).Draw(t, "limit")))
		}
		for _, w := range slices.Concat(r.Rows, r.Unknown) {
			for _, c := range []pricing.Cost{w.Storage, w.Licence, w.Software, w.Total} {
				if c.Unknown > 0 && (c.Amount != nil || c.Upper != nil || c.AtLeast != nil && c.AtLeast.Sign() == 0) {
					t.Fatalf("%s: a bound that is not known: %+v", w.Image, c)
				}
			}
		}
	})
}

// TestTheRestHasRowsOfItsOwn: images without a family, and snapshots on which
// images of several families stand.
func TestTheRestHasRowsOfItsOwn(t *testing.T) {
	t.Parallel()
	common := pricing.Chain{ID: "sl-1", TotalBytes: 30 << 30, TotalCount: 2}
	web := holding("m-web", pricing.Snapshot{ID: "s-a", Chain: "sl-1", FullBytes: 20 << 30}, common)
	db := holding("m-db", pricing.Snapshot{ID: "s-b", Chain: "sl-1", FullBytes: 20 << 30}, common)
	none := holding("m-none", pricing.Snapshot{ID: "s-c", Chain: "sl-2", FullBytes: 10 << 30}, pricing.Chain{ID: "sl-2", TotalBytes: 10 << 30, TotalCount: 1})
	web.Image.Family, db.Image.Family = "web", "db"
	r := monthly(t, web, db, none)
	var got []string
	for _, g := range r.Families {
		got = append(got, fmt.Sprintf("%s %v %d %s", g.Key, g.Rest, g.Images, cost(g.Total)))
	}
	want := []string{"db false 1 0", "web false 1 0", pricing.SharedStorage + " true 0 3.6", pricing.WithoutFamily + " true 1 1.2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSubscriptionsForWhatTheyWereBoughtFor: a year costs less than twelve months.
func TestSubscriptionsForWhatTheyWereBoughtFor(t *testing.T) {
	t.Parallel()
	month := pricing.Charge{Method: pricing.Subscription, Period: 1, PeriodUnit: pricing.Month}
	quarter := pricing.Charge{Method: pricing.Subscription, Period: 3, PeriodUnit: pricing.Month}
	year := pricing.Charge{Method: pricing.Subscription, Period: 1, PeriodUnit: pricing.Year}
	three := pricing.Charge{Method: pricing.Subscription, Period: 3, PeriodUnit: pricing.Year}
	for _, c := range []struct {
		charge pricing.Charge
		or     *pricing.Charge
		want   string
	}{
		{month, nil, "281.72"}, {quarter, nil, "281.72"}, {year, nil, "244.16"}, {three, nil, "244.16"}, // 732.48 * 4 / 12
		{month, &year, "244.16..281.72"}, {year, &month, "244.16..281.72"},
	} {
		h := holding("m-paid", pricing.Snapshot{ID: "s-1", FullBytes: 1})
		h.Source = from(pricing.SourcePublic, redHat())
		h.Image.Platform, h.Image.OSName = redHat().Platform, redHat().Name
		h.Running = []pricing.Running{{Count: 1, Instance: pricing.Instance{Type: "ecs.g7.xlarge", VCPUs: 4}, Charge: c.charge, Or: c.or}}
		if got := cost(monthly(t, h).Totals[0].Licence); got != c.want {
			t.Errorf("%+v or %+v: got %s, want %s", c.charge, c.or, got, c.want)
		}
	}
}

// TestUnusedButShared: what is shared is not saved before the shares end.
func TestUnusedButShared(t *testing.T) {
	t.Parallel()
	var holdings []pricing.Holding
	for n, shared := range []image.Tri{image.No, image.Yes, image.Unknown} {
		id := fmt.Sprint(n)
		h := holding(image.ID("m-"+id), pricing.Snapshot{ID: image.SnapshotID("s-" + id), Chain: "sl-" + id, FullBytes: 10 << 30}, pricing.Chain{ID: "sl-" + id, TotalBytes: 10 << 30, TotalCount: 1})
		h.Use, h.Shared = pricing.NotUsed, shared
		holdings = append(holdings, h)
	}
	r := monthly(t, holdings...)
	if len(r.Unused) != 1 || cost(r.Unused[0].Total) != "1.2" || len(r.UnusedShared) != 1 || cost(r.UnusedShared[0].Total) != "2.4" {
		t.Errorf("unused %+v, shared %+v", r.Unused, r.UnusedShared)
	}
}

// TestInstancesThatWereNotSeen: a licence that somebody may pay is not nothing.
func TestInstancesThatWereNotSeen(t *testing.T) {
	t.Parallel()
	paid := holding("m-paid", pricing.Snapshot{ID: "s-1", FullBytes: 1})
	paid.Source = from(pricing.SourcePublic, redHat())
	paid.Image.Platform, paid.Image.OSName = redHat().Platform, redHat().Name
	free := holding("m-free", pricing.Snapshot{ID: "s-2", FullBytes: 1})
	for _, h := range []*pricing.Holding{&paid, &free} {
		h.Unseen = &image.Reason{Code: "denied", Sentence: "no"}
	}
	r := monthly(t, paid, free)
	if len(r.Unknown) != 1 || r.Unknown[0].Image.ID != "m-paid" || cost(r.Unknown[0].Licence) != "1 unknown" || r.Unknown[0].Missing[0].Code != "denied" {
		t.Errorf("%+v", r.Unknown)
	}
}
