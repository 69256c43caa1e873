package pricing_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

// tariff is a system with its tiers, written down a second time for the oracle:
// ten-thousandths of a yuan per hour, and hundredths of one per month.
type tariff struct {
	os      pricing.OS
	perVCPU bool
	tiers   []step
}

type step struct {
	upTo          int
	hourly, month int64
}

func tariffs() []tariff {
	const any = 1 << 20
	return []tariff{
		{redHat(), true, []step{{8, 1041, 7043}, {127, 781, 5282}, {any, 694, 4578}}},
		{redHatSAP(), true, []step{{8, 1619, 10561}, {127, 1169, 7921}, {any, 1080, 6865}}},
		{suse(), false, []step{{2, 4100, 15900}, {4, 8200, 32600}, {any, 9900, 38100}}},
		{suseSAP(), false, []step{{4, 25400, 122100}, {any, 30600, 147100}}},
		{linuxPro(), false, []step{{any, 5000, 24000}}},
		{ubuntu(), false, []step{{any, 0, 0}}},
	}
}

// expect is the licence and the storage in exact arithmetic of its own: of some
// seconds, licence in yuan/(10^4 * 3600); of some months, in yuan/100; storage in
// 0.12 yuan/(720 * 2^30).
func (f tariff) expect(vcpus, seconds, months, bytes int64) *big.Rat {
	n := slices.IndexFunc(f.tiers, func(s step) bool { return vcpus <= int64(s.upTo) })
	units := int64(1)
	if f.perVCPU {
		units = vcpus
	}
	licence, hours := big.NewRat(f.tiers[n].hourly*units*seconds, 36_000_000), (seconds+3599)/3600
	if months > 0 {
		licence, hours = big.NewRat(f.tiers[n].month*units*months, 100), months*720
	}
	numerator := new(big.Int).Mul(big.NewInt(bytes), big.NewInt(hours*12))
	storage := new(big.Rat).SetFrac(numerator, new(big.Int).Mul(big.NewInt(72_000), big.NewInt(1<<30)))
	return licence.Add(licence, storage)
}

// cases is how many random quotes there are to draw from: a million, or fewer when asked to
// be short or when the race detector makes each twenty times as dear.
func cases() int {
	if testing.Short() || raceDetector {
		return 20_000
	}
	return 1_000_000
}

func TestAmountsEqualExactArithmetic(t *testing.T) {
	t.Parallel()
	const shards = 40
	for _, shard := range drawn.Seeds(t, shards, 10) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			exactArithmetic(t, rand.New(rand.NewPCG(20260527, shard)), cases()/shards)
		})
	}
}

func exactArithmetic(t *testing.T, r *rand.Rand, n int) {
	t.Helper()
	rates, systems := pricing.Published(), tariffs()
	var questions []pricing.Question
	for _, kind := range []image.Kind{image.KindCustom, image.KindPublic, image.KindShared} {
		for _, f := range systems {
			questions = append(questions, ask(of(kind, f.os), from(pricing.SourcePublic, f.os)))
		}
	}
	for range n {
		pick := r.IntN(len(questions))
		q, f := questions[pick], systems[pick%len(systems)]
		vcpus, seconds, months, bytes := 1+r.Int64N(256), r.Int64N(40_000_000), max(0, r.Int64N(36)-26), 1+r.Int64N(1<<42)
		q.Instance.VCPUs = int(vcpus)
		q.Duration = pricing.Whole(seconds)
		if months > 0 { // about every fourth
			q = subscribed(q, int(months), pricing.Month)
		}
		q.Storage.Chains = []pricing.Chain{{ID: "sl-1", TotalBytes: bytes, TotalCount: 1}}
		if q.Image.Kind != image.KindCustom {
			bytes = 0 // its storage is somebody else's
		}
		quote, err := pricing.Price(q, rates)
		if err != nil || quote.Total == nil {
			t.Fatalf("%s on %d for %d s or %d months: no total, %v", f.os.Name, vcpus, seconds, months, err)
		}
		if want := f.expect(vcpus, seconds, months, bytes); quote.Total.Rat().Cmp(want) != 0 {
			t.Fatalf("%s on %d for %d s or %d months and %d bytes: %s, want %s", f.os.Name, vcpus, seconds, months, bytes, quote.Total.Exact(), want)
		}
	}
}

// systems draws an operating system.
func systems() *rapid.Generator[pricing.OS] {
	return rapid.SampledFrom([]pricing.OS{ubuntu(), redHat(), redHatSAP(), suse(), suseSAP(), linuxPro(), windows(), {}})
}

func kinds() *rapid.Generator[image.Kind] {
	return rapid.SampledFrom([]image.Kind{image.KindPublic, image.KindCustom, image.KindShared, image.KindCommunity, image.KindMarketplace})
}

func regions() *rapid.Generator[image.RegionID] {
	return rapid.SampledFrom([]image.RegionID{"cn-hangzhou", "cn-qingdao", "cn-hongkong", "us-west-1", "cn-newcity"})
}

func sources(t *rapid.T, os pricing.OS) pricing.Source {
	return pricing.Source{
		Kind: rapid.SampledFrom([]pricing.SourceKind{
			pricing.SourcePublic, pricing.SourceMarketplace, pricing.SourceImport, pricing.SourceAccount, pricing.SourceUnknown,
		}).Draw(t, "source"),
		OS: os, Sure: rapid.SampledFrom([]pricing.Sureness{pricing.Recorded, pricing.Observed, pricing.Inferred}).Draw(t, "sure"),
		Depth: rapid.IntRange(0, 10).Draw(t, "depth"), LicenseType: rapid.SampledFrom([]string{"", "Auto", "Aliyun", "BYOL"}).Draw(t, "licence"),
	}
}

// questions draws any question that can be.
func questions(t *rapid.T) pricing.Question {
	i := of(kinds().Draw(t, "kind"), systems().Draw(t, "system"))
	i.ProductCode = image.ProductCode(rapid.SampledFrom([]string{"", "cmjj01"}).Draw(t, "product"))
	q := in(ask(i, sources(t, systems().Draw(t, "source system"))), regions().Draw(t, "region"))
	q.Site = rapid.SampledFrom([]pricing.Site{pricing.China, pricing.International}).Draw(t, "site")
	q.Instance.VCPUs = rapid.IntRange(0, 300).Draw(t, "vcpus")
	q.Storage = storages(t)
	if rapid.Bool().Draw(t, "asked") {
		q.Observed = answers(rapid.SampledFrom([]string{"0.9", "1", "1.5"}).Draw(t, "type row"), rapid.SampledFrom([]string{"", "0", "0.25"}).Draw(t, "image row"))
		q.Observed.With.Marketplace = rapid.SampledFrom([]pricing.Number{{}, pricing.Whole(0), number("0.25"), number("0.75")}).Draw(t, "market")
	}
	if rapid.Bool().Draw(t, "subscription") {
		return subscribed(q, rapid.IntRange(1, 4).Draw(t, "period"), rapid.SampledFrom([]pricing.Unit{pricing.Week, pricing.Month, pricing.Year}).Draw(t, "unit"))
	}
	q.Duration = pricing.Whole(rapid.Int64Range(0, 1e8).Draw(t, "seconds"))
	return q
}

func storages(t *rapid.T) pricing.Storage {
	s := pricing.Storage{Read: rapid.Bool().Draw(t, "read"), Deleted: rapid.Bool().Draw(t, "deleted")}
	for n := range rapid.IntRange(0, 4).Draw(t, "snapshots") {
		s.Snapshots = append(s.Snapshots, pricing.Snapshot{
			ID: image.SnapshotID(rune('a' + n)), Chain: rapid.SampledFrom([]string{"", "sl-1", "sl-2"}).Draw(t, "chain"),
			Category:  rapid.SampledFrom([]pricing.Category{"", pricing.Standard, pricing.Archive}).Draw(t, "category"),
			FullBytes: rapid.Int64Range(0, 1<<40).Draw(t, "full"), DiskGiB: rapid.IntRange(0, 1024).Draw(t, "disk"),
		})
	}
	for _, id := range []string{"sl-1", "sl-2"} {
		s.Chains = append(s.Chains, pricing.Chain{ID: id, TotalBytes: rapid.Int64Range(0, 1<<40).Draw(t, "total"), TotalCount: rapid.IntRange(0, 3).Draw(t, "count")})
	}
	return s
}

func TestQuotesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		quote, err := pricing.Price(questions(t), pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		known, whole := []money.Amount{money.New(new(big.Rat), quote.Currency)}, true
		for _, l := range quote.Lines {
			checkLine(t, l)
			if l.Amount != nil {
				known = append(known, *l.Amount)
			}
			whole = whole && l.Amount != nil
		}
		sum, err := money.Sum(known...)
		if err != nil || money.Compare(sum, quote.Known) != 0 {
			t.Fatalf("known %v, the lines say %v, %v", quote.Known, sum, err)
		}
		if whole != (quote.Total != nil) || whole != (len(quote.Missing) == 0) {
			t.Fatalf("total %v, missing %v, lines %s", quote.Total, quote.Missing, show(quote))
		}
		if quote.Total != nil && money.Compare(*quote.Total, sum) != 0 {
			t.Fatalf("total %v, the lines say %v", quote.Total, sum)
		}
		if quote.Lower != nil && (quote.Lower.Rat().Cmp(sum.Rat()) < 0 || quote.Upper.Rat().Cmp(quote.Lower.Rat()) < 0) {
			t.Fatalf("%v to %v with %v known", quote.Lower, quote.Upper, sum)
		}
	})
}

// checkLine: exactly one of amount, range and reasons; and rate times quantity.
func checkLine(t *rapid.T, l pricing.Line) {
	ranged := l.Lower != nil && l.Upper != nil
	if (l.Amount != nil) == (ranged || len(l.Unknown) > 0) || (ranged && len(l.Unknown) > 0) {
		t.Fatalf("%s is not one of amount, range, unknown: %+v", l.Item, l)
	}
	end := l.Amount
	if ranged {
		end = l.Upper
		if l.Lower.Rat().Cmp(l.Upper.Rat()) > 0 || l.Lower.Sign() < 0 {
			t.Fatalf("%s from %v to %v", l.Item, l.Lower, l.Upper)
		}
	}
	if end != nil && end.Sign() < 0 {
		t.Fatalf("%s is negative", l.Item)
	}
	if l.Rate != nil && end != nil && l.Rate.Times(l.Quantity.Rat()).Rat().Cmp(end.Rat()) != 0 {
		t.Fatalf("%s: %v times %s is not %v", l.Item, l.Rate, l.Quantity, end)
	}
}

func TestMoreHoursNeverCostLess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := questions(t)
		if q.Charge.Method != pricing.PayAsYouGo {
			t.Skip("a subscription has no hours")
		}
		less, err := pricing.Price(q, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		longer := q
		longer.Duration = pricing.NumberOf(new(big.Rat).Add(q.Duration.Rat(), big.NewRat(rapid.Int64Range(0, 1e7).Draw(t, "more"), 3)))
		more, err := pricing.Price(longer, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		if less.Known.Rat().Cmp(more.Known.Rat()) > 0 || (less.Upper != nil && more.Upper != nil && less.Upper.Rat().Cmp(more.Upper.Rat()) > 0) {
			t.Fatalf("%s for less, %s for more", show(less), show(more))
		}
	})
}

// An image is priced like its ultimate source, whatever lies between.
func TestPricedLikeItsUltimateSource(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		os, region := systems().Draw(t, "system"), regions().Draw(t, "region")
		vcpus := rapid.IntRange(1, 256).Draw(t, "vcpus")
		origin := of(image.KindPublic, os)
		kind := pricing.SourcePublic
		if rapid.Bool().Draw(t, "marketplace") {
			origin, kind = product(of(image.KindMarketplace, os)), pricing.SourceMarketplace
		}
		passed := of(rapid.SampledFrom([]image.Kind{image.KindCustom, image.KindShared, image.KindCommunity}).Draw(t, "kind"), os)
		passed.ProductCode, passed.Copied = origin.ProductCode, rapid.Bool().Draw(t, "copied")
		source := from(kind, os)
		source.ProductCode, source.Depth = origin.ProductCode, rapid.IntRange(1, 100).Draw(t, "depth")
		same(t, origin, passed, source, region, vcpus)
	})
}

func same(t *rapid.T, origin, passed image.Image, source pricing.Source, region image.RegionID, vcpus int) {
	asked := rapid.Bool().Draw(t, "asked")
	instanceLines := func(i image.Image, s pricing.Source) string {
		q := in(ask(i, s), region)
		q.Instance.VCPUs = vcpus
		if asked {
			q.Observed = answers("1", "0.25")
			q.Observed.With.Marketplace = number("3")
		}
		quote, err := pricing.Price(q, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		texts := ""
		for _, l := range quote.Lines {
			if l.Payer == pricing.InstanceOwner {
				texts += string(l.Item) + "=" + worth(l) + " "
			}
		}
		return texts
	}
	if got, want := instanceLines(passed, source), instanceLines(origin, pricing.Source{}); got != want {
		t.Fatalf("%s is priced %s, its source %s", passed.Kind, got, want)
	}
}

// The order in which snapshots and chains come changes nothing, nor are they
// changed.
func TestOrderChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := questions(t)
		want, err := pricing.Price(q, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		shuffled := q
		shuffled.Storage.Snapshots = rapid.Permutation(q.Storage.Snapshots).Draw(t, "snapshots")
		shuffled.Storage.Chains = rapid.Permutation(q.Storage.Chains).Draw(t, "chains")
		before := append([]pricing.Snapshot(nil), shuffled.Storage.Snapshots...)
		got, err := pricing.Price(shuffled, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, shuffled %s", show(want), show(got))
		}
		if !reflect.DeepEqual(before, append([]pricing.Snapshot(nil), shuffled.Storage.Snapshots...)) {
			t.Fatal("the caller's snapshots were reordered")
		}
	})
}

// Whatever is not decided is not zero: an unsettled licence has an amount only if
// DescribePrice gave it.
func TestUnsettledIsNeverZeroOfItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := questions(t)
		quote, err := pricing.Price(q, pricing.Published())
		if err != nil {
			t.Fatal(err)
		}
		l := quote.Lines[0]
		if quote.Rule.Licence == pricing.Unsettled && l.Amount != nil && l.Source != "DescribePrice" {
			t.Fatalf("%s is %s by %s", quote.Rule.Code, worth(l), l.Source)
		}
		if quote.Rule.Licence == pricing.IsCharged && l.Amount != nil && l.Amount.Sign() == 0 && q.Duration.Sign() > 0 {
			t.Fatalf("%s is paid, and 0", quote.Rule.Code)
		}
		if quote.Rule.Code == pricing.UnknownSource && quote.Rule.Licence != pricing.Unsettled {
			t.Fatalf("an unknown source is settled: %+v", quote.Rule)
		}
	})
}

func TestNumbersComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := pricing.NumberOf(big.NewRat(rapid.Int64().Draw(t, "numerator"), rapid.Int64Range(1, 1e9).Draw(t, "denominator")))
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var back pricing.Number
		if err := json.Unmarshal(text, &back); err != nil || back.Rat().Cmp(n.Rat()) != 0 {
			t.Fatalf("%s came back as %s, %v", text, back, err)
		}
	})
	for _, bad := range []string{`1`, `"x"`, `"1/0"`, `null1`, `""`} {
		var n pricing.Number
		if err := json.Unmarshal([]byte(bad), &n); err == nil {
			t.Errorf("%s was read as %s", bad, n)
		}
	}
	if !pricing.NumberOf(nil).IsZero() || !pricing.Hours(pricing.Number{}).IsZero() || pricing.Whole(0).IsZero() {
		t.Error("unset is not the number zero")
	}
}
