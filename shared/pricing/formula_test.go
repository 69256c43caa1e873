package pricing_test

import (
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
)

// licensedOn is a public image on so many vCPUs for so many hours.
func licensedOn(os pricing.OS, vcpus int, hours string) pricing.Question {
	q := ask(of(image.KindPublic, os), pricing.Source{})
	q.Instance.VCPUs = vcpus
	q.Duration = pricing.Hours(number(hours))
	return q
}

func subscribed(q pricing.Question, period int, unit pricing.Unit) pricing.Question {
	q.Duration = pricing.Number{}
	q.Charge = pricing.Charge{Method: pricing.Subscription, Period: period, PeriodUnit: unit}
	return q
}

func international(q pricing.Question) pricing.Question {
	q.Site = pricing.International
	return q
}

// Facts 1.2: Red Hat per vCPU with one tier for all, SUSE per instance.
func TestLicenceFormulas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		q     pricing.Question
		worth string
		tier  string
		unit  string
	}{
		{"Red Hat on 8", licensedOn(redHat(), 8, "1"), "0.8328", "1-8 vCPU", "vCPU-hour"},
		{"Red Hat on 9, one tier for all", licensedOn(redHat(), 9, "1"), "0.7029", "9-127 vCPU", "vCPU-hour"},
		{"Red Hat on 127", licensedOn(redHat(), 127, "1"), "9.9187", "9-127 vCPU", "vCPU-hour"},
		{"Red Hat on 128", licensedOn(redHat(), 128, "1"), "8.8832", "128+ vCPU", "vCPU-hour"},
		{"Red Hat for SAP on 16", licensedOn(redHatSAP(), 16, "10"), "18.704", "9-127 vCPU", "vCPU-hour"},
		{"Red Hat for SAP on 128", licensedOn(redHatSAP(), 128, "1"), "13.824", "128+ vCPU", "vCPU-hour"},
		{"SUSE on 2", licensedOn(suse(), 2, "1"), "0.41", "1-2 vCPU", "instance-hour"},
		{"SUSE on 3", licensedOn(suse(), 3, "1"), "0.82", "3-4 vCPU", "instance-hour"},
		{"SUSE on 64", licensedOn(suse(), 64, "1"), "0.99", "5+ vCPU", "instance-hour"},
		{"SUSE for SAP on 4", licensedOn(suseSAP(), 4, "1"), "2.54", "1-4 vCPU", "instance-hour"},
		{"SUSE for SAP on 5", licensedOn(suseSAP(), 5, "1"), "3.06", "5+ vCPU", "instance-hour"},
		{"Linux Pro flat", licensedOn(linuxPro(), 64, "3"), "1.5", "", "instance-hour"},
		{"Red Hat in dollars", international(licensedOn(redHat(), 4, "720")), "43.2", "1-8 vCPU", "vCPU-hour"},
		{"SUSE in dollars", international(licensedOn(suse(), 4, "1")), "0.127", "3-4 vCPU", "instance-hour"},
		{"Red Hat by the month", subscribed(licensedOn(redHat(), 16, "1"), 3, pricing.Month), "2535.36", "9-127 vCPU", "vCPU-month"},
		{"Red Hat by the year", subscribed(licensedOn(redHat(), 2, "1"), 1, pricing.Year), "1464.96", "1-8 vCPU", "vCPU-year"},
		{"SUSE by the year", subscribed(licensedOn(suse(), 2, "1"), 2, pricing.Year), "3058", "1-2 vCPU", "instance-year"},
		{"Linux Pro by the month", subscribed(licensedOn(linuxPro(), 2, "1"), 1, pricing.Month), "240", "", "instance-month"},
		{"Linux Pro by the year is not listed", subscribed(licensedOn(linuxPro(), 2, "1"), 1, pricing.Year), "unknown: noRate", "", ""},
		{"Red Hat by the week is not listed", subscribed(licensedOn(redHat(), 2, "1"), 1, pricing.Week), "unknown: noRate", "", ""},
		{"Red Hat in dollars by the year is not listed", international(subscribed(licensedOn(redHat(), 2, "1"), 1, pricing.Year)), "unknown: noRate", "", ""},
		{"Red Hat for SAP in dollars is not listed", international(licensedOn(redHatSAP(), 2, "1")), "unknown: noRate", "", ""},
		{"Linux Pro in dollars is not listed", international(licensedOn(linuxPro(), 2, "1")), "unknown: noRate", "", ""},
		{"Red Hat on unknown vCPUs", licensedOn(redHat(), 0, "1"), "unknown: vcpusNotGiven", "", ""},
		{"Linux Pro on unknown vCPUs", licensedOn(linuxPro(), 0, "1"), "0.5", "", "instance-hour"},
	} {
		l := lineOf(t, price(t, c.q), pricing.OperatingSystemLicence)
		if worth(l) != c.worth || l.Tier != c.tier || l.Unit != c.unit {
			t.Errorf("%s: got %s %q %q, want %s %q %q", c.name, worth(l), l.Tier, l.Unit, c.worth, c.tier, c.unit)
		}
		if l.Amount != nil && (l.Source == "" || l.Date == "" || l.Rate == nil) {
			t.Errorf("%s: no source, date or rate", c.name)
		}
	}
}

func TestModifiedCPUOptions(t *testing.T) {
	t.Parallel()
	const disputed = "unknown: cpuOptionsNotDocumented"
	answered := func(q pricing.Question, image string) pricing.Question { return observed(q, answers("1", image)) }
	broken := func(os pricing.OS) pricing.Question {
		return ask(of(image.KindCustom, os), pricing.Source{Kind: pricing.SourceUnknown})
	}
	for _, c := range []struct {
		name   string
		q      pricing.Question
		active int
		want   string
	}{
		{"per vCPU", licensedOn(redHat(), 8, "1"), 4, disputed},
		{"per vCPU, and DescribePrice answers for the whole type", answered(licensedOn(redHat(), 8, "1"), "0.8328"), 4, disputed},
		{"not modified at all", answered(licensedOn(redHat(), 8, "1"), "0.8328"), 8, "0.8328"},
		{"the same tier either way", licensedOn(suse(), 8, "1"), 6, "0.99"},
		{"the same tier either way, by DescribePrice", answered(licensedOn(suse(), 8, "1"), "0.99"), 6, "0.99"},
		{"another tier", licensedOn(suse(), 8, "1"), 4, disputed},
		{"another tier, by DescribePrice", answered(licensedOn(suse(), 8, "1"), "0.99"), 4, disputed},
		{"flat", answered(licensedOn(linuxPro(), 8, "1"), "0.5"), 4, "0.5"},
		{"Windows is by the type", in(answered(licensedOn(windows(), 8, "1"), "0.6"), "us-west-1"), 4, "0.6"},
		{"free", answered(licensedOn(ubuntu(), 8, "1"), ""), 4, "0"},
		{"a source that is not known", answered(broken(redHat()), "0.8328"), 2, disputed},
		{"a source that is not known, and 0", answered(broken(redHat()), ""), 2, "0"},
	} {
		c.q.Instance.ActiveVCPUs = c.active
		if got := worth(lineOf(t, price(t, c.q), pricing.OperatingSystemLicence)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPublishedRatesAreComplete(t *testing.T) {
	t.Parallel()
	all := pricing.Published().All()
	for _, r := range all {
		if r.Price.Sign() <= 0 || r.Price.Currency() == "" || r.Source == "" || len(r.ReadAt) < 4 || r.Basis == "" || r.Unit == "" {
			t.Errorf("an incomplete rate: %+v", r)
		}
	}
	if len(all) != 57 {
		t.Errorf("%d rates: a row of the vendor's tables is missing, or twice", len(all))
	}
	for _, site := range []pricing.Site{pricing.China, pricing.International} {
		q := licensedOn(redHat(), 4, "1")
		q.Site = site
		quote := price(t, q)
		if quote.Currency != site.Currency() || quote.Total == nil || quote.Total.Currency() != site.Currency() {
			t.Errorf("%s: %v", site, quote.Total)
		}
	}
	l := lineOf(t, price(t, international(licensedOn(redHat(), 4, "1"))), pricing.OperatingSystemLicence)
	if !hasReason(l.Reasons, "imagePriceNotPublished") {
		t.Errorf("a rate of licences for existing instances must say so: %v", l.Reasons)
	}
}

func clock(text string) time.Time {
	at, err := time.Parse(time.DateTime, "2026-05-01 "+text)
	if err != nil {
		panic(err)
	}
	return at
}

// Facts 3.1: from the clock hour of creation to the end of that of deletion.
func TestClockHours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		want     int64
	}{
		{"11:02:06", "15:20:20", 5}, {"11:00:00", "11:00:00", 1}, {"11:59:59", "12:00:00", 1}, {"11:59:59", "12:00:01", 2}, {"10:20:00", "23:00:00", 13}, {"10:00:00", "23:00:00", 13}, {"00:00:00", "23:59:59", 24},
	} {
		if got := pricing.ClockHours(clock(c.from), clock(c.to)); got != c.want {
			t.Errorf("%s to %s: got %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

func stored(change func(*pricing.Question)) pricing.Question {
	q := ask(of(image.KindCustom, ubuntu()), from(pricing.SourcePublic, ubuntu()))
	change(&q)
	return q
}

// Facts 3.1 and 3.2.
func TestStorageFormulas(t *testing.T) {
	t.Parallel()
	archive := func(q *pricing.Question) { q.Storage.Snapshots[0].Category = pricing.Archive }
	for _, c := range []struct {
		name  string
		q     pricing.Question
		lines string
	}{
		{"standard for a month", stored(func(*pricing.Question) {}), "snapshotStorage=4.8"},
		{"a part of an hour is an hour", stored(func(q *pricing.Question) { q.Duration = pricing.Whole(3601) }), "snapshotStorage=1/75"},
		{"clock hours", stored(func(q *pricing.Question) {
			q.Storage.From, q.Storage.To = clock("11:02:06"), clock("15:20:20")
		}), "snapshotStorage=1/30"},
		{"in dollars", stored(func(q *pricing.Question) { q.Site = pricing.International }), "snapshotStorage=0.692"},
		{"another region", in(stored(func(*pricing.Question) {}), "cn-beijing"), "snapshotStorage=unknown: noRateForRegion"},
		{"a GB of 10^9", stored(func(q *pricing.Question) {
			q.Storage.GBBytes = 1e9
		}), "snapshotStorage=5.1539607552"},
		{"three months", stored(func(q *pricing.Question) { *q = subscribed(*q, 3, pricing.Month) }), "snapshotStorage=14.4"},
		{"a year", stored(func(q *pricing.Question) { *q = subscribed(*q, 1, pricing.Year) }), "snapshotStorage=57.6"},
		{"a week", stored(func(q *pricing.Question) { *q = subscribed(*q, 1, pricing.Week) }), "snapshotStorage=1.12"},
		{"archive", stored(archive), "snapshotStorage=2.4"},
		{"archive deleted early", stored(func(q *pricing.Question) { archive(q); q.Storage.Deleted = true }), "snapshotStorage=2.4 archiveEarlyDeletion=2.4"},
		{"archive deleted late", stored(func(q *pricing.Question) {
			archive(q)
			q.Storage.Deleted, q.Duration = true, pricing.Hours(pricing.Whole(1440))
		}), "snapshotStorage=4.8"},
		{"archive stored before", stored(func(q *pricing.Question) {
			archive(q)
			q.Storage.Deleted = true
			q.Storage.From, q.Storage.To = clock("00:00:00"), clock("00:30:00")
			q.Storage.Snapshots[0].Since = clock("00:00:00").Add(-1438 * time.Hour)
		}), "snapshotStorage=1/300 archiveEarlyDeletion=1/300"},
		{"standard deleted early has no minimum", stored(func(q *pricing.Question) { q.Storage.Deleted = true }), "snapshotStorage=4.8"},
		{"preheat for a minute is an hour", in(stored(func(q *pricing.Question) {
			q.Storage.Preheat = &pricing.Preheat{Disks: 3, Seconds: pricing.Whole(60)}
		}), "cn-huhehaote"), "snapshotStorage=unknown: noRateForRegion snapshotPreheat=0.001666668"},
		{"preheat by the second", in(stored(func(q *pricing.Question) {
			q.Storage.Preheat = &pricing.Preheat{Disks: 1, Seconds: pricing.Whole(5400)}
		}), "cn-huhehaote"), "snapshotStorage=unknown: noRateForRegion snapshotPreheat=0.000833334"},
	} {
		quote := price(t, c.q)
		if got, want := show(quote), "operatingSystemLicence=0 "+c.lines; got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
}

// Facts 3.2: what cannot be read exactly is bounded.
func TestChainsBoundTheSize(t *testing.T) {
	t.Parallel()
	chain := func(totalGB int64, count int, fulls ...int64) pricing.Question {
		return stored(func(q *pricing.Question) {
			q.Storage.Snapshots = nil
			for i, full := range fulls {
				q.Storage.Snapshots = append(q.Storage.Snapshots, pricing.Snapshot{
					ID: image.SnapshotID(rune('a' + i)), Chain: "sl-1", FullBytes: full << 30,
				})
			}
			q.Storage.Chains = []pricing.Chain{{ID: "sl-1", TotalBytes: totalGB << 30, TotalCount: count}}
		})
	}
	for _, c := range []struct {
		name string
		q    pricing.Question
		want string
	}{
		{"a chain of one", chain(30, 1, 40), "3.6"},
		{"a shared chain, larger", chain(100, 2, 40), "0..4.8"},
		{"a shared chain, smaller", chain(30, 2, 40), "0..3.6"},
		{"a chain with no size", chain(0, 1, 40), "0..4.8"},
		{"all of one chain", chain(50, 2, 40, 20), "6"},
		{"two of a chain of three", chain(50, 3, 40, 20), "0..6"},
		{"two of a chain that says it has one", chain(50, 1, 40, 20), "0..6"},
		{"no full size, but the chain's", chain(30, 3, 0), "0..3.6"},
		{"no chain and no size", stored(func(q *pricing.Question) { q.Storage.Snapshots = []pricing.Snapshot{{ID: "s-1"}} }), "unknown: sizeNotKnown"},
		{"no chain, but a disk", stored(func(q *pricing.Question) { q.Storage.Snapshots = []pricing.Snapshot{{ID: "s-1", DiskGiB: 20}} }), "0..2.4"},
		{"nothing read", stored(func(q *pricing.Question) { q.Storage = pricing.Storage{} }), "unknown: snapshotsNotRead"},
		{"refused", stored(func(q *pricing.Question) {
			q.Storage = pricing.Storage{Unread: &image.Reason{Code: "Forbidden.RAM", Sentence: "no"}}
		}), "unknown: Forbidden.RAM"},
		{"an empty answer", stored(func(q *pricing.Question) { q.Storage = pricing.Storage{Read: true} }), "unknown: snapshotsNotRead"},
	} {
		if got := worth(lineOf(t, price(t, c.q), pricing.SnapshotStorage)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSeveralDisksAddUp(t *testing.T) {
	t.Parallel()
	quote := price(t, stored(func(q *pricing.Question) {
		q.Storage = pricing.Storage{
			Read: true,
			Snapshots: []pricing.Snapshot{
				{ID: "s-3", Chain: "sl-3", FullBytes: 10 << 30},
				{ID: "s-1", Chain: "sl-1", FullBytes: 40 << 30},
				{ID: "s-2", Chain: "sl-2", FullBytes: 20 << 30, Category: pricing.Archive},
				{ID: "s-1", Chain: "sl-1", FullBytes: 40 << 30},
			},
			Chains: []pricing.Chain{{ID: "sl-1", TotalBytes: 40 << 30, TotalCount: 1}, {ID: "sl-2", TotalBytes: 20 << 30, TotalCount: 1}},
		}
	}))
	if got, want := show(quote), "operatingSystemLicence=0 snapshotStorage=4.8 snapshotStorage=1.2 snapshotStorage=0..1.2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if quote.Total != nil || quote.Lower.Exact() != "6" || quote.Upper.Exact() != "7.2" || quote.Known.Exact() != "6" {
		t.Errorf("total %v, %v to %v, known %v", quote.Total, quote.Lower, quote.Upper, quote.Known)
	}
	if len(quote.Missing) != 1 || quote.Missing[0].Subject != "s-3" {
		t.Errorf("missing %v", quote.Missing)
	}
}

func TestStorageOfOthers(t *testing.T) {
	t.Parallel()
	q := ask(of(image.KindShared, ubuntu()), from(pricing.SourcePublic, ubuntu()))
	quote := price(t, q)
	if !hasReason(quote.Notes, "storageStaysWithOwner") || quote.Total == nil || quote.Total.Sign() != 0 {
		t.Errorf("a grantee pays no storage: %s, %v", show(quote), quote.Notes)
	}
	q.Storage = chainOfOne(40)
	if l := lineOf(t, price(t, q), pricing.SnapshotStorage); worth(l) != "4.8" || l.Payer != pricing.ImageOwner {
		t.Errorf("where it could be read, the owner pays it: %s by %s", worth(l), l.Payer)
	}
}

func TestCurrenciesNeverMix(t *testing.T) {
	t.Parallel()
	rates := pricing.Published().With(pricing.Negotiated{Rates: []pricing.Rate{{
		Item: pricing.OperatingSystemLicence, Product: pricing.RHEL, Basis: pricing.PerVCPU, Unit: pricing.Hour,
		Price: money.New(ratio("9"), money.USD), Source: "PRICE_RATES",
	}}})
	if got := worth(lineOf(t, priceAt(t, licensedOn(redHat(), 1, "1"), rates), pricing.OperatingSystemLicence)); got != "0.1041" {
		t.Errorf("a rate in dollars on the China site: %s", got)
	}
}
