package rollout

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Most is a sum of money that something may cost at the most, in the currency of the
// account's site.
type Most struct{ value *big.Rat }

// JSONSchema is the form of what UnmarshalJSON reads, as JSON Schema 2020-12.
func (m Most) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"string", "number"}, "minimum": 0, "examples": []any{"0.5"}}
}

// UnmarshalText reads a decimal that is not negative.
func (m *Most) UnmarshalText(text []byte) error {
	amount, err := money.ParseRatio(string(text))
	if err != nil || amount.Sign() < 0 || bytes.ContainsAny(text, "/-") {
		return fault.New(fault.Invalid, "must be a decimal that is not negative, such as 0.5")
	}
	m.value = amount
	return nil
}

// UnmarshalJSON reads a number, or a text.
func (m *Most) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		text = string(b)
	}
	return m.UnmarshalText([]byte(text))
}

// MarshalJSON writes what UnmarshalJSON reads, exactly.
func (m Most) MarshalJSON() ([]byte, error) {
	if m.value == nil {
		return []byte(`"0"`), nil
	}
	digits, exact := m.value.FloatPrec()
	if !exact {
		return nil, fault.New(fault.Internal, "%s is no decimal", m.value)
	}
	return json.Marshal(m.value.FloatString(digits))
}

// Charged is an instance that is to be replaced, as its costs are asked for.
type Charged struct {
	Name
	Type image.InstanceTypeID
	// Before is the image that it runs, nil: that is not seen; After the one that it is
	// to get, nil: it is not seen.
	Before, After *image.Image
	// DiskGiB is how large the disk is that is backed up.
	DiskGiB int
}

// Charged are the instances that are to be replaced.
func (p Planned) Charged() []Charged { return p.charged }

// Fee is what the licence of one instance costs for an hour, before and after; nil:
// that is not known, and why.
type Fee struct {
	Before, After *money.Amount
	Why           []image.Reason
}

// Store is what it costs to keep so many GiB of backups for as long as they are to be
// kept: between nothing, where nothing changed since other snapshots, and all of them.
type Store struct {
	Lower, Upper *money.Amount
	Why          []image.Reason
}

// Cost is what a plan costs beside what the instances cost.
type Cost struct {
	Licence LicenceCost `json:"licencePerHour"`
	Backups BackupCost  `json:"backups"`
}

// LicenceCost is what the licences of all instances cost for an hour of
// pay-as-you-go, by the rules of price. What is not known is left out.
type LicenceCost struct {
	Before   *money.Amount `json:"before,omitempty"`
	After    *money.Amount `json:"after,omitempty"`
	Increase *money.Amount `json:"increase,omitempty"`
	// Unknown says of how many instances what is not known.
	Unknown []image.Reason `json:"unknown,omitempty"`
}

// BackupCost is what the backups cost for as long as they are kept.
type BackupCost struct {
	// GiB is the size of the disks; a snapshot is as large as what is used of them.
	GiB   int            `json:"gib"`
	Keep  image.Duration `json:"keep"`
	Lower *money.Amount  `json:"lower,omitempty"`
	Upper *money.Amount  `json:"upper,omitempty"`
	// Unknown says what is not known.
	Unknown []image.Reason `json:"unknown,omitempty"`
}

// Price adds what a plan costs, and refuses it where licences rise by more than may
// be, or by nobody knows how much.
func (p *Planned) Price(w Wish, fees map[Name]Fee, stores []Store) {
	if len(p.charged) == 0 {
		return
	}
	cost := &Cost{Licence: licences(p.charged, fees), Backups: BackupCost{Keep: image.Duration(w.Backup.Keep.Or(usualKeep))}}
	for _, c := range p.charged {
		cost.Backups.GiB += c.DiskGiB
	}
	var lower, upper []*money.Amount
	for _, s := range stores {
		lower, upper = append(lower, s.Lower), append(upper, s.Upper)
		cost.Backups.Unknown = told(cost.Backups.Unknown, s.Why)
	}
	cost.Backups.Lower, cost.Backups.Upper = sum(lower), sum(upper)
	p.Totals.Cost = cost
	p.limit(w)
}

// limit refuses what costs more than it may.
func (p *Planned) limit(w Wish) {
	most := w.MaxLicenceIncrease
	if most == nil {
		return
	}
	refuse := func(why image.Reason) {
		p.Findings = append(p.Findings, image.Finding{Level: image.Fatal, Reason: why, Remedy: Remedy(why.Code)})
	}
	switch increase := p.Totals.Cost.Licence.Increase; {
	case increase == nil:
		why := reason("licenceUnknown", "what the licences cost is not known, and they may cost %s an hour more at the most", most)
		if unknown := p.Totals.Cost.Licence.Unknown; len(unknown) > 0 {
			why.Sentence += ": " + unknown[0].Sentence
		}
		refuse(why)
	case most.value != nil && increase.Rat().Cmp(most.value) > 0:
		refuse(reason("licenceIncrease", "the licences cost %s an hour more, and may cost %s at the most", increase, most))
	}
}

// String is the sum as it was written.
func (m Most) String() string {
	text, err := m.MarshalJSON()
	if err != nil {
		return "?"
	}
	return string(bytes.Trim(text, `"`))
}

func licences(all []Charged, fees map[Name]Fee) LicenceCost {
	var c LicenceCost
	var before, after []*money.Amount
	unknown := map[string]int{}
	var why []image.Reason
	for _, one := range all {
		f := fees[one.Name]
		before, after = append(before, f.Before), append(after, f.After)
		if f.Before == nil || f.After == nil {
			if len(f.Why) == 0 {
				f.Why = []image.Reason{{Code: "notPriced", Sentence: "what its licence costs was not asked in time"}}
			}
			unknown[f.Why[0].Code]++
			why = told(why, f.Why[:1])
		}
	}
	for _, r := range why {
		r.Sentence += ", of " + strconv.Itoa(unknown[r.Code]) + " instances"
		c.Unknown = append(c.Unknown, r)
	}
	if c.Before, c.After = sum(before), sum(after); c.Before != nil && c.After != nil {
		if increase, err := c.After.Minus(*c.Before); err == nil {
			c.Increase = &increase
		}
	}
	if c.Increase == nil && len(c.Unknown) == 0 {
		c.Unknown = append(c.Unknown, reason("currenciesDiffer", "accounts pay in different currencies, which have no sum"))
	}
	return c
}

// told adds reasons whose codes are not there yet.
func told(all, more []image.Reason) []image.Reason {
	for _, r := range more {
		if !slices.ContainsFunc(all, func(o image.Reason) bool { return o.Code == r.Code }) {
			all = append(all, r)
		}
	}
	return all
}

// sum is nil if any of it is not known, or the currencies differ.
func sum(amounts []*money.Amount) *money.Amount {
	all := make([]money.Amount, 0, len(amounts))
	for _, a := range amounts {
		if a == nil {
			return nil
		}
		all = append(all, *a)
	}
	total, err := money.Sum(all...)
	if err != nil || len(all) == 0 {
		return nil
	}
	return &total
}

// charge notes how an instance is charged.
func (p *planner) charge(c chosen) {
	here := p.seen.Places[c.server.Place]
	one := Charged{Name: c.server.Name, Type: c.server.Before.Type, Before: here.find(c.server.Before.Image), DiskGiB: c.server.Disk.SizeGiB}
	if c.target.ID != "" {
		one.After = here.find(c.target.ID)
	} else if c.server.Aim != nil {
		// What is made of a backup pays as the image that it was of.
		if one.After = here.find(c.server.Aim.Was); one.After == nil {
			one.After = here.find(c.server.Aim.Of)
		}
	}
	p.charged = append(p.charged, one)
}

// quotaMinutes is how long the account's quota makes all of it take, if nothing else
// does.
func (p *planner) quotaMinutes() int {
	all := map[Place]int{}
	for _, c := range p.chosen {
		all[c.server.Place]++
	}
	most := 0
	for at, n := range all {
		if each := p.seen.Places[at].PerMinute; each > 0 {
			most = max(most, int((time.Duration(float64(n)/each*float64(time.Minute))+time.Minute-1)/time.Minute))
		}
	}
	return most
}
