package pricing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

const binaryGB = 1 << 30

func amountOf(r money.Ratio, c money.Currency) money.Amount { return money.Of(r, c) }

// storage adds one line for each chain of snapshots behind the image. Public and
// Marketplace images have none of ours; those of shared and community images stay
// with their owner, and are priced only where they could be read.
func (b *builder) storage() {
	s, kind := b.q.Storage, b.q.Image.Kind
	foreign := kind == image.KindShared || kind == image.KindCommunity
	switch {
	case kind == image.KindPublic || kind == image.KindMarketplace:
		b.countsForNothing()
		return
	case b.q.New:
		return
	case foreign && !s.Read:
		b.say("storageStaysWithOwner", "the snapshots stay with the owner of the image, who pays them")
		return
	case !s.Read || len(s.Snapshots) == 0:
		b.add(b.unreadStorage())
		return
	}
	hours := b.q.storageHours()
	for _, g := range b.chains() {
		b.add(b.chainLine(g, hours))
		if g.category == Archive && s.Deleted {
			b.earlyDeletion(g, hours)
		}
		if s.Preheat != nil {
			b.add(b.preheatLine(g))
		}
	}
	b.storageNotes()
}

// countsForNothing says so where something is said of storing what the vendor stores.
func (b *builder) countsForNothing() {
	if s := b.q.Storage; s.Deleted || s.Preheat != nil || !s.From.IsZero() {
		b.say("storedByTheVendor", "the snapshots of the image are Alibaba Cloud's: what is said of storing them counts for nothing")
	}
}

func (b *builder) unreadStorage() Line {
	l := b.line(SnapshotStorage, ImageOwner)
	if why := b.q.Storage.Unread; why != nil {
		l.Unknown = append(l.Unknown, *why)
		return l
	}
	l.unknown("snapshotsNotRead", "the snapshots of the image were not read, or none was found")
	return l
}

func (b *builder) storageNotes() {
	if b.q.Storage.Deleted && !slices.ContainsFunc(b.chains(), func(g chainGroup) bool { return g.category == Archive }) {
		b.say("nothingInArchive", "no snapshot of the image is in archive storage: deleting them has no minimum duration")
	}
	if b.gbBytes() == binaryGB && b.q.Storage.GBBytes == 0 && b.rates.gbBytes == 0 {
		b.say("gbIs1073741824Bytes", "a GB is taken as 2^30 bytes; whether it is 2^30 or 10^9 is not documented (10^9 would cost 7.4 % more)")
	}
	if b.q.Storage.From.IsZero() && !b.q.subscription() && !b.q.wholeHours() {
		b.say("hoursFromClockHour", "a part of an hour is stored as a whole one, counted as if from a clock hour on")
	}
	if b.q.subscription() && b.q.Charge.PeriodUnit == Year && b.q.Storage.From.IsZero() {
		b.say("yearIs8640Hours", "storage for a year is counted as twelve months of 720 hours")
	}
}

// gbBytes is how many bytes are billed as a GB.
func (b *builder) gbBytes() int64 {
	return cmp.Or(b.q.Storage.GBBytes, b.rates.gbBytes, binaryGB)
}

// gb turns bytes into billed GB.
func (b *builder) gb(bytes int64) money.Ratio { return money.Fraction(bytes, b.gbBytes()) }

// chainGroup is the snapshots of the image that share one chain.
type chainGroup struct {
	chain     *Chain
	category  Category
	snapshots []Snapshot
}

// chains groups the snapshots, in the order of chain and id. A snapshot without a
// chain is a group of its own.
func (b *builder) chains() []chainGroup {
	s := &b.q.Storage
	if len(s.Snapshots) == 1 {
		return []chainGroup{{chain: s.chain(s.Snapshots[0].Chain), category: cmp.Or(s.Snapshots[0].Category, Standard), snapshots: s.Snapshots}}
	}
	sorted := slices.Clone(s.Snapshots)
	slices.SortFunc(sorted, func(x, y Snapshot) int {
		return cmp.Or(strings.Compare(x.Chain, y.Chain), cmp.Compare(x.Category, y.Category), cmp.Compare(x.ID, y.ID))
	})
	sorted = slices.CompactFunc(sorted, func(x, y Snapshot) bool { return x.ID == y.ID && x.Chain == y.Chain })
	byID := make(map[string]*Chain, len(s.Chains))
	for i := range s.Chains {
		if id := s.Chains[i].ID; byID[id] == nil {
			byID[id] = &s.Chains[i]
		}
	}
	var groups []chainGroup
	for i := range sorted {
		p := &sorted[i]
		category := cmp.Or(p.Category, Standard)
		if n := len(groups); n > 0 && p.Chain != "" && groups[n-1].snapshots[0].Chain == p.Chain && groups[n-1].category == category {
			groups[n-1].snapshots = append(groups[n-1].snapshots, *p)
			continue
		}
		group := chainGroup{category: category, snapshots: []Snapshot{*p}}
		if p.Chain != "" {
			group.chain = byID[p.Chain]
		}
		groups = append(groups, group)
	}
	return groups
}

func (s *Storage) chain(id string) *Chain {
	if id == "" {
		return nil
	}
	for i := range s.Chains {
		if s.Chains[i].ID == id {
			return &s.Chains[i]
		}
	}
	return nil
}

// billed bounds the bytes that the group is billed for. Exact only for a chain of
// which the group has every snapshot; else from nothing (every block is shared with others) to the full size, and
// not more than the chain.
type billed struct {
	lower, upper int64
	exact, known bool
}

func (g chainGroup) bytes() billed {
	if g.chain != nil && g.chain.TotalCount == len(g.snapshots) && g.chain.TotalBytes > 0 {
		return billed{lower: g.chain.TotalBytes, upper: g.chain.TotalBytes, exact: true, known: true}
	}
	upper, known := g.fullBytes()
	if g.chain != nil && g.chain.TotalBytes > 0 && (!known || g.chain.TotalBytes < upper) {
		upper, known = g.chain.TotalBytes, true
	}
	return billed{upper: upper, known: known}
}

// fullBytes adds the full sizes; where ECS did not say one, the disk's size is its
// upper bound.
func (g chainGroup) fullBytes() (int64, bool) {
	var sum int64
	for _, p := range g.snapshots {
		full := p.FullBytes
		if full == 0 {
			full = int64(p.DiskGiB) << 30
		}
		if full == 0 {
			return 0, false
		}
		sum += full
	}
	return sum, true
}

func (g chainGroup) subject() string {
	ids := make([]string, len(g.snapshots))
	for i, p := range g.snapshots {
		ids[i] = string(p.ID)
	}
	return strings.Join(ids, ",")
}

// chainLine prices storage: the rate per GB and month, over 720, times GB, times
// hours.
func (b *builder) chainLine(g chainGroup, hours money.Ratio) Line {
	l := b.line(SnapshotStorage, ImageOwner)
	l.Subject = g.subject()
	b.priceStorage(&l, g.category, b.q.Image.Region, g.bytes(), hours)
	if l.Lower != nil {
		l.because("chainShared", "the chain is shared with other snapshots: from nothing, if every block is theirs too, to its full size")
	}
	return l
}

// priceStorage fills l with the storage of a size for some hours in a region.
func (b *builder) priceStorage(l *Line, c Category, region image.RegionID, size billed, hours money.Ratio) {
	rate := b.rates.lookup(want{item: SnapshotStorage, category: c, region: region, unit: Month, currency: b.currency})
	months := over(hours, HoursPerMonth)
	switch {
	case !size.known:
		l.unknown("sizeNotKnown", "ECS gave no size for it")
	case rate == nil:
		l.unknown("noRateForRegion", "no rate is known for "+string(c)+" snapshots in "+string(region)+" in "+string(b.currency)+"; PRICE_RATES can give one")
		b.lack(WantedRate{Item: SnapshotStorage, Category: c, Region: region, Basis: PerGB, Unit: Month})
	default:
		b.bound(l, rate, size, months)
	}
}

// bound sets an amount or a range for a size that a factor multiplies.
func (b *builder) bound(l *Line, rate *Rate, size billed, factor money.Ratio) {
	upper := b.gb(size.upper).Times(factor)
	if size.exact {
		b.settle(l, rate, exactly(upper))
		return
	}
	b.show(l, rate, exactly(upper))
	low, high := rate.times(b.gb(size.lower).Times(factor)), rate.times(upper)
	l.Lower, l.Upper = &low, &high
}

// earlyDeletion: archive storage that is deleted before 1440 hours pays the rest
// of them. Snapshots of one chain that began at different times bound it.
func (b *builder) earlyDeletion(g chainGroup, hours money.Ratio) {
	var most int64
	for _, p := range g.snapshots {
		most = max(most, b.remaining(p, hours))
	}
	if most == 0 {
		return
	}
	l := b.line(ArchiveEarlyDeletion, ImageOwner)
	l.Subject = g.subject()
	b.priceStorage(&l, Archive, b.q.Image.Region, g.bytes(), money.Whole(most))
	l.because("archiveMinimum", "archive storage is kept for at least 1440 hours; "+strconv.FormatInt(most, 10)+" are left")
	b.add(l)
}

// wholeHours leaves out a part of an hour.
func wholeHours(hours money.Ratio) int64 {
	whole := hours.Up().Rat().Num().Int64()
	if !hours.IsWhole() {
		whole--
	}
	return whole
}

// remaining is how many hours of the minimum are left when the snapshot goes.
func (b *builder) remaining(p Snapshot, hours money.Ratio) int64 {
	stored := wholeHours(hours)
	if !p.Since.IsZero() && !b.q.Storage.To.IsZero() && !p.Since.After(b.q.Storage.To) {
		stored = ClockHours(p.Since, b.q.Storage.To)
	}
	return max(0, archiveMinimum-stored)
}

// preheatLine: the full size, times disks, times hours: by the second, at least an
// hour.
func (b *builder) preheatLine(g chainGroup) Line {
	l := b.line(SnapshotPreheat, ImageOwner)
	l.Subject = g.subject()
	heat := b.q.Storage.Preheat
	hours := over(heat.Seconds.ratio(), secondsPerHour)
	if one := money.Whole(1); hours.Cmp(one) < 0 {
		hours = one
	}
	rate := b.rates.lookup(want{item: SnapshotPreheat, region: b.q.Image.Region, unit: Hour, currency: b.currency})
	full, known := g.exactFull()
	switch {
	case !known:
		l.unknown("sizeNotKnown", "ECS gave no full size for it")
	case rate == nil:
		l.unknown("noRateForRegion", "no rate is known for preheating in "+string(b.q.Image.Region)+"; PRICE_RATES can give one")
		b.lack(WantedRate{Item: SnapshotPreheat, Region: b.q.Image.Region, Basis: PerGBDisk, Unit: Hour})
	default:
		b.settle(&l, rate, exactly(hours.Times(b.gb(full)).Times(money.Whole(int64(heat.Disks)))))
	}
	return l
}

// exactFull adds the full sizes that ECS gave.
func (g chainGroup) exactFull() (int64, bool) {
	var sum int64
	for _, p := range g.snapshots {
		if p.FullBytes == 0 {
			return 0, false
		}
		sum += p.FullBytes
	}
	return sum, true
}
