package pricing

import (
	"cmp"
	"slices"
	"strings"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Monthly makes the report of a month, which is 720 hours. It fails with
// fault.Invalid for a holding that Price refuses.
func Monthly(holdings []Holding, rates Rates) (Report, error) {
	m, err := entered(holdings, rates)
	if err != nil {
		return Report{}, err
	}
	return m.report()
}

// entered are the entries of all holdings, in order.
func entered(holdings []Holding, rates Rates) (*monthly, error) {
	m := &monthly{rates: rates}
	for n := range holdings {
		if err := m.take(&holdings[n]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(m.entries, func(a, b *entry) int { return compareRefs(a.holding.Image.Ref, b.holding.Image.Ref) })
	return m, nil
}

// monthly is a report in the making.
type monthly struct {
	rates   Rates
	entries []*entry
	wanted  []WantedRate
}

// entry is one holding with its costs in one currency.
type entry struct {
	holding *Holding
	site    Site
	// again: another entry of the image has its storage, and counts it.
	again                      bool
	rule                       RuleCode
	running                    int
	storage, licence, software sums
	missing                    []Missing
	notes                      []image.Reason
}

// take makes the entries of a holding: one for each currency that somebody pays.
func (m *monthly) take(h *Holding) error {
	sites := []Site{h.Site}
	for i := range h.Running {
		if s := cmp.Or(h.Running[i].Site, h.Site); !slices.Contains(sites, s) {
			sites = append(sites, s)
		}
	}
	slices.Sort(sites[1:])
	for n, site := range sites {
		e := &entry{holding: h, site: site, again: n > 0}
		if err := m.fill(e); err != nil {
			return err
		}
		m.entries = append(m.entries, e)
	}
	return nil
}

// held asks what holding an image costs in a month.
func (e *entry) held() Question {
	h := e.holding
	return Question{
		Image: h.Image, Source: h.Source, Site: e.site, Storage: h.Storage, Instance: Instance{None: true},
		Charge: Charge{Method: PayAsYouGo}, Duration: Hours(Whole(HoursPerMonth)),
	}
}

func (m *monthly) fill(e *entry) error {
	held, err := Price(e.held(), m.rates)
	if err != nil {
		return err
	}
	e.rule = held.Rule.Code
	if !e.again && !e.holding.Gone {
		m.add(e, &held, SnapshotStorage, &e.storage, money.Whole(1))
	}
	for i := range e.holding.Running {
		r := &e.holding.Running[i]
		if cmp.Or(r.Site, e.holding.Site) != e.site {
			continue
		}
		if err := m.run(e, r); err != nil {
			return err
		}
	}
	if why := e.holding.Unseen; why != nil && !e.again {
		e.unseen(&held.Rule, *why)
	}
	e.nameless()
	return nil
}

// nameless: of an image that only its instances name it is not known what software
// is paid for; and of one that may be ours, and is not seen so, not what is stored.
func (e *entry) nameless() {
	h := e.holding
	if h.Gone && e.running > 0 {
		why := image.Reason{Code: "imageNotSeen", Sentence: "the image is not visible, so it is not known whether it has Marketplace software"}
		e.software.unknown++
		e.missing = append(e.missing, Missing{Item: MarketplaceSoftware, Reason: why})
	}
	if h.Hidden != nil && !e.again {
		e.storage.unknown++
		e.missing = append(e.missing, Missing{Item: SnapshotStorage, Reason: *h.Hidden})
	}
}

// unseen: who runs the image is not known, so what is paid for it is not either,
// unless nothing is.
func (e *entry) unseen(r *Ruling, why image.Reason) {
	if r.Licence != NotCharged {
		e.licence.unknown++
		e.missing = append(e.missing, Missing{Item: OperatingSystemLicence, Reason: why})
	}
	if r.Marketplace {
		e.software.unknown++
		e.missing = append(e.missing, Missing{Item: MarketplaceSoftware, Reason: why})
	}
}

// run adds what instances that are alike pay in a month.
func (m *monthly) run(e *entry, r *Running) error {
	e.running += r.Count
	pays, err := m.pays(e, r, r.Charge)
	if err != nil {
		return err
	}
	if r.Or != nil {
		other, err := m.pays(e, r, *r.Or)
		if err != nil {
			return err
		}
		pays.licence.widen(other.licence)
		pays.software.widen(other.software)
	}
	if r.Note != nil && pays.licence.upper.Sign()+pays.software.upper.Sign() > 0 {
		e.note(*r.Note)
	}
	e.licence.join(pays.licence)
	e.software.join(pays.software)
	return nil
}

// payment is what instances pay in a month.
type payment struct{ licence, software sums }

// pays prices instances that are charged in one way.
func (m *monthly) pays(e *entry, r *Running, c Charge) (payment, error) {
	q := e.held()
	q.Storage, q.Instance, q.Charge, q.Observed = Storage{}, r.Instance, c, r.Observed
	if c.Method == Subscription {
		q.Duration = Number{}
	}
	quote, err := Price(q, m.rates)
	if err != nil {
		return payment{}, err
	}
	var p payment
	share := c.monthly(r.Count)
	m.add(e, &quote, OperatingSystemLicence, &p.licence, share)
	m.add(e, &quote, MarketplaceSoftware, &p.software, share)
	return p, nil
}

// monthly is by what a price is multiplied to be that of a month for so many
// instances: a subscription is priced for its whole period.
func (c Charge) monthly(count int) money.Ratio {
	n := money.Whole(int64(count))
	if c.Method != Subscription {
		return n
	}
	period := int64(c.Period)
	switch c.PeriodUnit {
	case Year:
		return n.Times(money.Fraction(1, monthsPerYear*period))
	case Week:
		return n.Times(money.Fraction(HoursPerMonth, hoursPerWeek*period))
	}
	return n.Times(money.Fraction(1, period))
}

// add adds the lines of an item, each so many times, and keeps what is missing and
// on what it rests.
func (m *monthly) add(e *entry, q *Quote, item Item, to *sums, times money.Ratio) {
	to.lines(q, item, times)
	for i := range q.Lines {
		if q.Lines[i].Item != item {
			continue
		}
		for _, r := range q.Lines[i].Reasons {
			if assumes(r.Code) {
				e.note(r)
			}
		}
	}
	for _, missing := range q.Missing {
		if missing.Item == item && missing.Code != "range" && !slices.Contains(e.missing, missing) {
			e.missing = append(e.missing, missing)
		}
	}
	for _, w := range q.Wanted {
		if w.Item == item {
			m.wanted = append(m.wanted, w)
		}
	}
}

// assumes tells the reasons that a sum has to say as well.
func assumes(code string) bool {
	switch code {
	case codeDefaultRate, codeOldRate, codeEconomical, codeEconomicalSoftware:
		return true
	}
	return false
}

// note keeps one note of each code.
func (e *entry) note(r image.Reason) { e.notes = withNote(e.notes, r) }

func withNote(notes []image.Reason, r image.Reason) []image.Reason {
	if slices.ContainsFunc(notes, func(n image.Reason) bool { return n.Code == r.Code }) {
		return notes
	}
	return append(notes, r)
}

// Savings is the part of a month's report that tells what each image costs, and what
// deleting those that nobody uses saves. It fails as Monthly does.
func Savings(holdings []Holding, rates Rates) (Report, error) {
	m, err := entered(holdings, rates)
	if err != nil {
		return Report{}, err
	}
	r := m.rows()
	return r, m.saved(&r)
}

// Stored tells what storing each image costs in a month, as its row of the report says
// it. It fails as Monthly does.
func Stored(holdings []Holding, rates Rates, tell func(of image.Ref, costs Cost)) error {
	for n := range holdings {
		m := &monthly{rates: rates}
		if err := m.take(&holdings[n]); err != nil {
			return err
		}
		e := m.entries[0]
		tell(e.holding.Image.Ref, e.storage.cost(e.site.Currency()))
	}
	return nil
}

// rows is a report of the images alone.
func (m *monthly) rows() Report {
	r := Report{Rows: []Row{}, Unknown: []Row{}, Wanted: distinctRates(m.wanted)}
	for _, e := range m.entries {
		row := e.row()
		if row.Total.Unknown > 0 {
			r.Unknown = append(r.Unknown, row)
		} else {
			r.Rows = append(r.Rows, row)
		}
	}
	sortRows(r.Rows)
	sortRows(r.Unknown)
	return r
}

func (m *monthly) report() (Report, error) {
	r := m.rows()
	for _, g := range []struct {
		into *[]Group
		name func(*Holding) groupName
	}{
		{&r.Totals, func(*Holding) groupName { return groupName{key: "all"} }},
		{&r.Families, familyOfHolding},
		{&r.Regions, func(h *Holding) groupName { return groupName{key: string(h.Image.Region)} }},
		{&r.Copies, func(h *Holding) groupName { return groupName{key: string(h.Root.Region) + "/" + string(h.Root.ID)} }},
	} {
		groups, err := m.partition(g.name)
		if err != nil {
			return Report{}, err
		}
		*g.into = groups
	}
	return r, m.saved(&r)
}

// saved tells what deleting the images that nobody uses saves.
func (m *monthly) saved(r *Report) (err error) {
	if r.Unused, err = m.savings("unused", func(h *Holding) bool { return h.Shared == image.No }); err != nil {
		return err
	}
	r.UnusedShared, err = m.savings("unusedShared", func(h *Holding) bool { return h.Shared != image.No })
	return err
}

func familyOfHolding(h *Holding) groupName {
	if h.Image.Family == "" {
		return groupName{WithoutFamily, true}
	}
	return groupName{key: string(h.Image.Family)}
}

func (e *entry) row() Row {
	h, currency, sum := e.holding, e.site.Currency(), parts{e.storage, e.licence, e.software}
	kind := h.Image.Kind
	if h.Gone {
		kind = ""
	}
	return Row{
		Image: h.Image.Ref, Kind: kind, Name: h.Image.Name, Family: h.Image.Family, Root: h.Root, Rule: e.rule, Use: h.Use,
		Running: e.running, Currency: currency, Costs: sum.costs(currency, e.notes), Missing: e.missing,
	}
}

// sortRows sorts the most expensive first; a name breaks ties.
func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(b.Total.most().Cmp(a.Total.most()), strings.Compare(a.Image.String(), b.Image.String()), cmp.Compare(a.Currency, b.Currency))
	})
}

func compareRefs(a, b image.Ref) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
}
