package pricing

import (
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

const (
	secondsPerHour = 3600
	HoursPerMonth  = 720
	monthsPerYear  = 12
	hoursPerWeek   = 168
	archiveMinimum = 1440
)

// The bounds of what a question may ask, far beyond what ECS has.
const (
	maxSeconds = 100 * 366 * 24 * secondsPerHour
	maxBytes   = 1 << 50
	maxGiB     = 1 << 20
	maxCount   = 1 << 20
)

// Question is what a quote answers: an image, what runs on it and how it is
// charged, for how long, and what was observed about it.
type Question struct {
	Image image.Image
	// Source is where the image ultimately comes from.
	Source Source
	// Region is where the instance runs; empty means the image's.
	Region image.RegionID
	// Site decides the currency; there is no default, because currencies never mix.
	Site     Site
	Instance Instance
	Charge   Charge
	// Duration is in seconds; it must be set unless the charge is a subscription,
	// whose period is the duration.
	Duration Number
	Storage  Storage
	// New says that there is no such image yet: the operation makes it, so that no
	// snapshot of it is stored before.
	New bool
	// For names an operation to be priced too; empty prices the image alone.
	For  Operation
	Task Task
	// Observed is what DescribePrice answered.
	Observed ObservedPrices
}

// Instance is what the licence is charged to.
type Instance struct {
	// None says that no instance runs on the image, so that no licence is charged.
	None bool
	Type image.InstanceTypeID
	// VCPUs is the type's count; 0 if not known.
	VCPUs int
	// ActiveVCPUs is the count of an instance with modified CPU options; else 0.
	ActiveVCPUs int
	Burstable   bool
}

// InstanceOf is an instance of a type; vcpus is 0 if not known.
func InstanceOf(t image.InstanceTypeID, vcpus int) Instance {
	return Instance{Type: t, VCPUs: vcpus, Burstable: strings.HasPrefix(string(t), "ecs.t")}
}

// Method is how an instance is charged.
type Method string

// The methods.
const (
	PayAsYouGo   Method = "payAsYouGo"
	Spot         Method = "spot"
	Subscription Method = "subscription"
)

// StoppedMode is what ECS did with a stopped instance; source: DescribeInstances.
type StoppedMode string

// The stopped modes. StopCharging is economical mode. ECS falls back to
// KeepCharging silently where its conditions are not met, so ask what it did.
const (
	StopCharging StoppedMode = "StopCharging"
	KeepCharging StoppedMode = "KeepCharging"
)

// Charge is how an instance is charged. Its zero value is not valid.
type Charge struct {
	Method Method
	// Period and PeriodUnit are for subscriptions: week 1-4, month 1-9, year 1-5.
	Period     int
	PeriodUnit Unit
	// Stopped is how many seconds of the duration the instance is stopped in
	// StoppedMode; an empty mode is StopCharging.
	Stopped     Number
	StoppedMode StoppedMode
	// Refunded says that a subscription was given back before its end.
	Refunded bool
}

// Storage is what is known of the snapshots behind an image.
type Storage struct {
	// Read says that the snapshots were read; else Unread says why not.
	Read      bool
	Unread    *image.Reason
	Snapshots []Snapshot
	// Chains are the chains that the snapshots belong to; one may be missing.
	Chains []Chain
	// From and To bound the time that is priced, if it is a definite one: it is
	// then counted in clock hours. Both zero: the duration, from a clock hour on.
	From, To time.Time
	// Deleted says that the snapshots are deleted at the end: archive storage has
	// a minimum duration.
	Deleted bool
	// GBBytes is how many bytes are billed as a GB: 0 for the contract's or else
	// 2^30, which no page says.
	GBBytes int64
	// Preheat is a preheating of the snapshots, if there is one.
	Preheat *Preheat
}

// Snapshot is one snapshot of an image; source: DescribeSnapshots.
type Snapshot struct {
	ID image.SnapshotID
	// Chain is its SnapshotLinkId.
	Chain    string
	Category Category
	// FullBytes is FullSnapshotSizeInBytes: the full size, not what is billed. 0 if
	// ECS did not say.
	FullBytes int64
	// DiskGiB is the size of its disk, an upper bound.
	DiskGiB int
	// Since is when it began to be stored in its category; zero if not known.
	Since time.Time
}

// Chain is a chain of snapshots, of one disk and category; source:
// DescribeSnapshotLinks.
type Chain struct {
	ID string
	// TotalBytes is TotalSize, what is billed; 0 if ECS did not say.
	TotalBytes int64
	// TotalCount is how many snapshots share it.
	TotalCount int
}

// Preheat is keeping whole snapshots ready for disks in one zone.
type Preheat struct {
	// Disks is how many disks are created from it at once.
	Disks int
	// Seconds is how long; less than an hour counts as an hour.
	Seconds Number
}

// region is where the instance runs.
func (q *Question) region() image.RegionID {
	if q.Region != "" {
		return q.Region
	}
	return q.Image.Region
}

func (q *Question) subscription() bool { return q.Charge.Method == Subscription }

// Check fails with fault.Invalid, naming the field, for a question that cannot be.
// It needs no answer of the cloud.
func (q *Question) Check() error {
	if q.Site.Currency() == "" {
		return fault.InField("site", codeOneOf, "must be %s or %s", China, International)
	}
	if q.Instance.VCPUs < 0 || q.Instance.ActiveVCPUs < 0 {
		return fault.InField("vcpus", "negative", "must not be negative")
	}
	if err := q.checkCharge(); err != nil {
		return err
	}
	if err := q.checkHolding(); err != nil {
		return err
	}
	if err := q.checkStorage(); err != nil {
		return err
	}
	return q.checkOperation()
}

func (q *Question) checkCharge() error {
	switch q.Charge.Method {
	case PayAsYouGo, Spot:
		if q.Charge.Period != 0 || q.Charge.PeriodUnit != "" {
			return fault.InField("period", "periodWithoutSubscription", "goes with a subscription")
		}
		if q.Charge.Refunded {
			return fault.InField("refunded", "refundWithoutSubscription", "goes with a period: only a subscription is given back")
		}
		if q.Duration.IsZero() {
			return fault.InField("seconds", "durationMissing", "is missing: hours or seconds say how long")
		}
		if !within(q.Duration, maxSeconds) {
			return fault.InField("seconds", "durationOutOfRange", "must not be negative, and at most 100 years")
		}
	case Subscription:
		if err := q.checkPeriod(); err != nil {
			return err
		}
	default:
		return fault.InField("charge", codeOneOf, "must be %s, %s or %s", PayAsYouGo, Spot, Subscription)
	}
	return q.checkStopped()
}

// within tells whether n is from 0 to most.
func within(n Number, most int64) bool {
	return n.Sign() >= 0 && n.ratio().Cmp(money.Whole(most)) <= 0
}

// checkHolding: where no instance runs, nothing that is about one counts.
func (q *Question) checkHolding() error {
	if !q.Instance.None {
		return nil
	}
	c := q.Charge
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"spot", c.Method == Spot},
		{"period", c.Method == Subscription},
		{"stoppedHours", !c.Stopped.IsZero()},
		{"stoppedMode", c.StoppedMode != ""},
		{"activeVcpus", q.Instance.ActiveVCPUs != 0},
		{"instanceType", q.Instance.Type != ""},
	} {
		if f.given {
			return fault.InField(f.name, "holdingWithInstance", "does not go with holding, which is without an instance")
		}
	}
	return nil
}

func (q *Question) checkPeriod() error {
	if !q.Duration.IsZero() {
		return fault.InField("seconds", "durationWithSubscription", "does not go with a subscription, which lasts for its period")
	}
	var most int
	switch q.Charge.PeriodUnit {
	case Week:
		most = 4
	case Month:
		most = 9
	case Year:
		most = 5
	default:
		return fault.InField("periodUnit", codeOneOf, "must be %s, %s or %s", Week, Month, Year)
	}
	if q.Charge.Period < 1 || q.Charge.Period > most {
		return fault.InField("period", "periodOutOfRange", "must be 1 to %d, in %ss", most, q.Charge.PeriodUnit)
	}
	return nil
}

func (q *Question) checkStopped() error {
	c := q.Charge
	switch c.StoppedMode {
	case "", StopCharging, KeepCharging:
	default:
		return fault.InField("stoppedMode", codeOneOf, "must be %s or %s", StopCharging, KeepCharging)
	}
	if c.Stopped.IsZero() {
		return nil
	}
	if c.Stopped.Sign() == 0 {
		return fault.InField("stoppedHours", "stoppedNever", "must be more than 0: left out, the instance is never stopped")
	}
	if !within(c.Stopped, maxSeconds) || (!q.subscription() && c.Stopped.ratio().Cmp(q.Duration.ratio()) > 0) {
		return fault.InField("stoppedHours", "stoppedOutOfRange", "must be a part of the duration, at the most all of it")
	}
	if q.subscription() && c.StoppedMode != KeepCharging {
		return fault.InField("stoppedHours", "stoppedWithSubscription", "does not go with a subscription: economical mode is for pay-as-you-go and spot instances")
	}
	return nil
}

func (q *Question) checkStorage() error {
	s := q.Storage
	if s.GBBytes < 0 {
		return fault.InField("gbBytes", "negative", "must not be negative")
	}
	if s.From.IsZero() != s.To.IsZero() || s.To.Before(s.From) {
		return fault.InField("to", "timesOutOfOrder", "must be given together with the beginning, and not lie before it")
	}
	if !s.From.IsZero() && (s.From.Year() < firstYear || s.To.Year() > lastYear) {
		return fault.InField("from", "timesOutOfRange", "must lie in the years from %d to %d, as must the end", firstYear, lastYear)
	}
	if err := s.checkSizes(); err != nil {
		return err
	}
	h := s.Preheat
	if h != nil && (h.Disks < 1 || h.Disks > maxCount || h.Seconds.Sign() == 0 || !within(h.Seconds, maxSeconds)) {
		return fault.InField("preheat", "preheatOutOfRange", "must be at least one disk, for more than no time")
	}
	return nil
}

func (s *Storage) checkSizes() error {
	for _, p := range s.Snapshots {
		if p.FullBytes < 0 || p.FullBytes > maxBytes || p.DiskGiB < 0 || p.DiskGiB > maxGiB {
			return fault.InField("snapshots", "sizeOutOfRange", "has a size of snapshot %s that is negative, or beyond any disk", p.ID)
		}
	}
	for _, c := range s.Chains {
		if c.TotalBytes < 0 || c.TotalBytes > maxBytes || c.TotalCount < 0 {
			return fault.InField("chains", "sizeOutOfRange", "has a size of chain %s that is negative, or beyond any disk", c.ID)
		}
	}
	return nil
}

// storageHours is how many whole clock hours the snapshots are stored. A year
// counts as twelve months of 720 hours.
func (q *Question) storageHours() money.Ratio {
	if !q.Storage.From.IsZero() {
		return money.Whole(ClockHours(q.Storage.From, q.Storage.To))
	}
	if !q.subscription() {
		return over(q.Duration.ratio(), secondsPerHour).Up()
	}
	perPeriod := int64(HoursPerMonth)
	switch q.Charge.PeriodUnit {
	case Year:
		perPeriod = HoursPerMonth * monthsPerYear
	case Week:
		perPeriod = hoursPerWeek
	}
	return money.Whole(perPeriod * int64(q.Charge.Period))
}

// wholeHours tells whether the duration has no part of an hour.
func (q *Question) wholeHours() bool { return over(q.Duration.ratio(), secondsPerHour).IsWhole() }

// ClockHours is how many hours storage is billed that begins and ends at these
// times: from the clock hour it begins in to the end of the clock hour it ends in;
// what ends on the full hour ends with the hour before. It is at least one.
func ClockHours(from, to time.Time) int64 {
	end := to.Truncate(time.Hour)
	if end.Before(to) {
		end = end.Add(time.Hour)
	}
	return max(1, int64(end.Sub(from.Truncate(time.Hour))/time.Hour))
}

// over divides by a positive number.
func over(r money.Ratio, n int64) money.Ratio { return r.Times(money.Fraction(1, n)) }
