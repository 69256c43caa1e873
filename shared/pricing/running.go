package pricing

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// alikeRunning is what instances of one price have in common.
type alikeRunning struct {
	account image.AccountID
	kind    image.InstanceTypeID
	vcpus   int
	method  Method
	paused  bool
	bought  bought
}

// bought is for how long a subscription was bought; a zero period is not known.
type bought struct {
	period int
	unit   Unit
}

// RunningOf groups instances that are charged alike, each for a month, in order.
func RunningOf(instances []image.Instance) []Running {
	counts := map[alikeRunning]int{}
	for n := range instances {
		counts[alikeRun(&instances[n])]++
	}
	keys := make([]alikeRunning, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareRunning)
	running := make([]Running, len(keys))
	for n, k := range keys {
		running[n] = Running{Account: k.account, Count: counts[k], Instance: InstanceOf(k.kind, k.vcpus)}
		k.charge(&running[n])
	}
	return running
}

func compareRunning(a, b alikeRunning) int {
	order := func(paused bool) int {
		if paused {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(a.account, b.account), cmp.Compare(a.kind, b.kind), cmp.Compare(a.vcpus, b.vcpus), cmp.Compare(a.method, b.method),
		order(a.paused)-order(b.paused), cmp.Compare(a.bought.unit, b.bought.unit), cmp.Compare(a.bought.period, b.bought.period),
	)
}

func alikeRun(i *image.Instance) alikeRunning {
	k := alikeRunning{account: i.Account, kind: i.Type, vcpus: i.VCPUs, method: PayAsYouGo}
	switch {
	case i.ChargeType == "PrePaid":
		k.method, k.bought = Subscription, boughtFor(i.CreatedAt, i.ExpiresAt)
		return k
	case i.SpotStrategy != "" && i.SpotStrategy != "NoSpot":
		k.method = Spot
	}
	k.paused = i.Status == image.InstanceStopped && i.StoppedMode == string(StopCharging)
	return k
}

// charge is a month of it.
func (k alikeRunning) charge(r *Running) {
	r.Charge = Charge{Method: k.method}
	switch {
	case k.method != Subscription:
		if k.paused {
			r.Charge.Stopped, r.Charge.StoppedMode = Hours(Whole(HoursPerMonth)), StopCharging
		}
	case k.bought.period > 0:
		r.Charge.Period, r.Charge.PeriodUnit = k.bought.period, k.bought.unit
		r.Note = &image.Reason{Code: codePeriodInferred, Sentence: "for which period a subscription was bought ECS does not say: it is taken from its creation and its end"}
	default:
		r.Charge.Period, r.Charge.PeriodUnit = 1, Month
		r.Or = &Charge{Method: Subscription, Period: 1, PeriodUnit: Year}
		r.Note = &image.Reason{Code: codePeriodUnknown, Sentence: "for which period a subscription was bought is not known: from what it costs by the year to what it costs by the month"}
	}
}

// expirySlack is how much later than its period a subscription may end: at the
// midnight that follows.
const expirySlack = 48 * time.Hour

// The longest periods that are sold, and how many months are looked for.
const (
	longestYears  = 5
	longestMonths = 9
	longestWeeks  = 4
	longestTerm   = 12 * longestYears * 2
)

// boughtFor infers the period by which a subscription was bought from its creation
// and its end: years where these are whole years, else months, else weeks. What was
// renewed by another period looks like one of the sum.
func boughtFor(created, expires time.Time) bought {
	if created.IsZero() || expires.IsZero() {
		return bought{}
	}
	ends := func(at time.Time) bool {
		return !expires.Before(at.Truncate(time.Minute)) && expires.Sub(at) <= expirySlack
	}
	for months := 1; months <= longestTerm; months++ {
		if !ends(created.AddDate(0, months, 0)) {
			continue
		}
		switch {
		case months%monthsPerYear == 0 && months/monthsPerYear <= longestYears:
			return bought{months / monthsPerYear, Year}
		case months%monthsPerYear == 0:
			return bought{1, Year}
		case months <= longestMonths:
			return bought{months, Month}
		case months < monthsPerYear:
			return bought{1, Month}
		}
		return bought{} // a year and some months: nobody knows by what
	}
	for weeks := 1; weeks <= longestWeeks; weeks++ {
		if ends(created.AddDate(0, 0, 7*weeks)) {
			return bought{weeks, Week}
		}
	}
	return bought{}
}
