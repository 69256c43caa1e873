package pricing

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Use is whether anybody uses an image.
type Use string

// The uses. Only NotUsed is a claim that deleting the image breaks nothing.
const (
	Used       Use = "inUse"
	NotUsed    Use = "notInUse"
	UseUnknown Use = "unknown"
)

// Holding is an image that we own, for a month's report.
type Holding struct {
	Image   image.Image
	Source  Source
	Storage Storage
	Site    Site
	// Root is the image of which this is a regional copy; else the image itself.
	Root image.Ref
	Use  Use
	// Running are the instances that were observed on it.
	Running []Running
}

// Running are instances that are alike.
type Running struct {
	// Account is that of the instances, who pay the licence.
	Account  image.AccountID
	Count    int
	Instance Instance
	Charge   Charge
	Observed ObservedPrices
}

// Cost is what something costs in a month: an amount; or the least and the most;
// or, if of some lines nothing is known, the least.
type Cost struct {
	Amount  *money.Amount `json:"amount,omitempty"`
	Lower   *money.Amount `json:"lower,omitempty"`
	Upper   *money.Amount `json:"upper,omitempty"`
	AtLeast *money.Amount `json:"atLeast,omitempty"`
	// Unknown counts the lines of which nothing is known.
	Unknown int `json:"unknown,omitempty"`
}

// Costs are what something costs by what is charged.
type Costs struct {
	Storage  Cost `json:"snapshotStorage"`
	Licence  Cost `json:"operatingSystemLicence"`
	Software Cost `json:"marketplaceSoftware"`
	Total    Cost `json:"total"`
}

// Row is one image of a report.
type Row struct {
	Image  image.Ref    `json:"image"`
	Name   string       `json:"name"`
	Family image.Family `json:"imageFamily,omitempty"`
	Root   image.Ref    `json:"copyOf"`
	Rule   RuleCode     `json:"rule"`
	Use    Use          `json:"usage"`
	// Running: how many instances run it.
	Running  int            `json:"instances"`
	Currency money.Currency `json:"currency"`
	Costs
	// Missing: why something is not known.
	Missing []Missing `json:"missing,omitempty"`
}

// Group are images that belong together. A snapshot or a chain that several of
// them share counts once, so that a group costs at the most the sum of its images.
type Group struct {
	// Key is a family, a region, or region/id of the image that was copied.
	Key string `json:"key"`
	// Images: how many images are in it.
	Images int `json:"images"`
	// Running: how many instances run them.
	Running  int            `json:"instances"`
	Currency money.Currency `json:"currency"`
	Costs
}

// Report is what images cost in a month: rows and groups in the order of cost,
// the most expensive first.
type Report struct {
	// Rows are the images of which everything is known, if only between bounds.
	Rows []Row
	// Unknown are the others.
	Unknown []Row
	// Totals has one group for each currency.
	Totals   []Group
	Families []Group
	Regions  []Group
	Copies   []Group
	// Unused is what deleting the images that nobody uses, and their snapshots,
	// would save.
	Unused []Group
}

// Monthly makes the report of a month, which is 720 hours. It fails with
// fault.Invalid for a holding that Price refuses.
func Monthly(holdings []Holding, rates Rates) (Report, error) {
	m := monthly{rates: rates, entries: make([]entry, len(holdings))}
	for n := range holdings {
		if err := m.entry(&m.entries[n], &holdings[n]); err != nil {
			return Report{}, err
		}
	}
	slices.SortFunc(m.entries, func(a, b entry) int { return compareRefs(a.holding.Image.Ref, b.holding.Image.Ref) })
	return m.report()
}

// monthly is a report in the making.
type monthly struct {
	rates   Rates
	entries []entry
}

// entry is one holding with its costs.
type entry struct {
	holding                    *Holding
	rule                       RuleCode
	running                    int
	storage, licence, software sums
	missing                    []Missing
}

// sums adds lines of one currency.
type sums struct {
	lower, upper *big.Rat
	unknown      int
}

func (s *sums) add(lower, upper *big.Rat) {
	if s.lower == nil {
		s.lower, s.upper = new(big.Rat), new(big.Rat)
	}
	s.lower.Add(s.lower, lower)
	s.upper.Add(s.upper, upper)
}

func (s *sums) join(o sums) {
	s.unknown += o.unknown
	if o.lower != nil {
		s.add(o.lower, o.upper)
	}
}

// line adds a line so many times.
func (s *sums) line(l *Line, count int64) {
	n := new(big.Rat).SetInt64(count)
	switch {
	case l.Amount != nil:
		a := n.Mul(n, l.Amount.Rat())
		s.add(a, a)
	case l.Lower != nil && l.Upper != nil:
		s.add(new(big.Rat).Mul(n, l.Lower.Rat()), n.Mul(n, l.Upper.Rat()))
	default:
		s.unknown++
	}
}

func (s *sums) cost(c money.Currency) Cost {
	lower, upper := new(big.Rat), new(big.Rat)
	if s.lower != nil {
		lower, upper = s.lower, s.upper
	}
	low, high := amountOf(lower, c), amountOf(upper, c)
	switch {
	case s.unknown > 0:
		return Cost{AtLeast: &low, Unknown: s.unknown}
	case lower.Cmp(upper) == 0:
		return Cost{Amount: &low}
	}
	return Cost{Lower: &low, Upper: &high}
}

func costs(storage, licence, software sums, c money.Currency) Costs {
	var total sums
	total.join(storage)
	total.join(licence)
	total.join(software)
	return Costs{storage.cost(c), licence.cost(c), software.cost(c), total.cost(c)}
}

// most is what a cost is sorted by.
func (c Cost) most() *big.Rat {
	for _, a := range []*money.Amount{c.Amount, c.Upper, c.AtLeast} {
		if a != nil {
			return a.Rat()
		}
	}
	return new(big.Rat)
}

// held asks what holding an image costs in a month.
func (h *Holding) held() Question {
	return Question{
		Image: h.Image, Source: h.Source, Site: h.Site, Storage: h.Storage, Instance: Instance{None: true},
		Charge: Charge{Method: PayAsYouGo}, Duration: Hours(Whole(hoursPerMonth)),
	}
}

func (m *monthly) entry(e *entry, h *Holding) error {
	e.holding = h
	held, err := Price(h.held(), m.rates)
	if err != nil {
		return err
	}
	e.rule = held.Rule.Code
	e.take(&held, 1, SnapshotStorage, &e.storage)
	for i := range h.Running {
		r := &h.Running[i]
		q := h.held()
		q.Storage, q.Instance, q.Charge, q.Observed = Storage{}, r.Instance, r.Charge, r.Observed
		if r.Charge.Method == Subscription {
			q.Duration = Number{}
		}
		quote, err := Price(q, m.rates)
		if err != nil {
			return err
		}
		e.running += r.Count
		e.take(&quote, r.Count, OperatingSystemLicence, &e.licence)
		e.take(&quote, r.Count, MarketplaceSoftware, &e.software)
	}
	return nil
}

// take adds the lines of an item, so many times, and keeps what is missing.
func (e *entry) take(q *Quote, count int, item Item, to *sums) {
	to.lines(q, count, item)
	for _, missing := range q.Missing {
		if missing.Item == item && missing.Code != "range" && !slices.Contains(e.missing, missing) {
			e.missing = append(e.missing, missing)
		}
	}
}

// lines adds the lines of an item, so many times.
func (s *sums) lines(q *Quote, count int, item Item) {
	for i := range q.Lines {
		if q.Lines[i].Item == item {
			s.line(&q.Lines[i], int64(count))
		}
	}
}

func (m *monthly) report() (Report, error) {
	r := Report{Rows: []Row{}, Unknown: []Row{}}
	for i := range m.entries {
		row := m.entries[i].row()
		if row.Total.Unknown > 0 {
			r.Unknown = append(r.Unknown, row)
		} else {
			r.Rows = append(r.Rows, row)
		}
	}
	byCost(r.Rows, func(w *Row) (*Costs, string) { return &w.Costs, w.Image.String() })
	byCost(r.Unknown, func(w *Row) (*Costs, string) { return &w.Costs, w.Image.String() })
	for _, g := range []struct {
		into *[]Group
		key  func(*Holding) (string, bool)
	}{
		{&r.Totals, func(*Holding) (string, bool) { return "all", true }},
		{&r.Families, func(h *Holding) (string, bool) { return string(h.Image.Family), h.Image.Family != "" }},
		{&r.Regions, func(h *Holding) (string, bool) { return string(h.Image.Region), true }},
		{&r.Copies, func(h *Holding) (string, bool) { return string(h.Root.Region) + "/" + string(h.Root.ID), true }},
		{&r.Unused, func(h *Holding) (string, bool) { return "unused", h.Use == NotUsed }},
	} {
		groups, err := m.groups(g.key)
		if err != nil {
			return Report{}, err
		}
		*g.into = groups
	}
	return r, nil
}

func (e *entry) row() Row {
	h, currency := e.holding, e.holding.Site.Currency()
	return Row{
		Image: h.Image.Ref, Name: h.Image.Name, Family: h.Image.Family, Root: h.Root, Rule: e.rule, Use: h.Use,
		Running: e.running, Currency: currency, Costs: costs(e.storage, e.licence, e.software, currency), Missing: e.missing,
	}
}

// byCost sorts the most expensive first; a name breaks ties.
func byCost[T any](list []T, of func(*T) (*Costs, string)) {
	slices.SortFunc(list, func(a, b T) int {
		x, nameX := of(&a)
		y, nameY := of(&b)
		return cmp.Or(y.Total.most().Cmp(x.Total.most()), strings.Compare(nameX, nameY))
	})
}

// groupKey: amounts of different currencies never mix.
type groupKey struct {
	key      string
	currency money.Currency
}

func (m *monthly) groups(key func(*Holding) (string, bool)) ([]Group, error) {
	members := map[groupKey][]*entry{}
	for i := range m.entries {
		e := &m.entries[i]
		if name, ok := key(e.holding); ok {
			k := groupKey{name, e.holding.Site.Currency()}
			members[k] = append(members[k], e)
		}
	}
	groups := make([]Group, 0, len(members))
	for k, entries := range members {
		g, err := m.group(k, entries)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	byCost(groups, func(g *Group) (*Costs, string) { return &g.Costs, g.Key + " " + string(g.Currency) })
	return groups, nil
}

// group adds up images; their storage is priced together.
func (m *monthly) group(k groupKey, entries []*entry) (Group, error) {
	g := Group{Key: k.key, Currency: k.currency, Images: len(entries)}
	var storage, licence, software sums
	for _, e := range entries {
		g.Running += e.running
		licence.join(e.licence)
		software.join(e.software)
	}
	for _, together := range sameRegion(entries) {
		part, err := m.shared(together)
		if err != nil {
			return g, err
		}
		storage.join(part)
	}
	g.Costs = costs(storage, licence, software, k.currency)
	return g, nil
}

// sameRegion cuts entries, which are in order, where account or region change.
func sameRegion(entries []*entry) [][]*entry {
	var parts [][]*entry
	for from, n := 0, 1; n <= len(entries); n++ {
		if n == len(entries) || !sameAccountAndRegion(entries[n].holding, entries[from].holding) {
			parts = append(parts, entries[from:n])
			from = n
		}
	}
	return parts
}

func sameAccountAndRegion(a, b *Holding) bool {
	return a.Image.Account == b.Image.Account && a.Image.Region == b.Image.Region
}

// shared is the storage of images of one account and region: what they share
// counts once, and a chain that is theirs alone is exact.
func (m *monthly) shared(entries []*entry) (sums, error) {
	if len(entries) == 1 {
		return entries[0].storage, nil
	}
	var found sums
	q := entries[0].holding.held()
	q.Storage.Read, q.Storage.Snapshots, q.Storage.Chains = true, nil, nil
	chains := map[string]bool{}
	for _, e := range entries {
		s := &e.holding.Storage
		if !s.Read || len(s.Snapshots) == 0 {
			found.join(e.storage)
			continue
		}
		q.Storage.Snapshots = append(q.Storage.Snapshots, s.Snapshots...)
		for _, c := range s.Chains {
			if !chains[c.ID] {
				chains[c.ID] = true
				q.Storage.Chains = append(q.Storage.Chains, c)
			}
		}
	}
	if len(q.Storage.Snapshots) == 0 {
		return found, nil
	}
	quote, err := Price(q, m.rates)
	if err != nil {
		return found, err
	}
	found.lines(&quote, 1, SnapshotStorage)
	return found, nil
}

func compareRefs(a, b image.Ref) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
}
