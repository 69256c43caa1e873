package pricing

import (
	"cmp"
	"slices"
	"strings"

	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// groupName is what a group is called.
type groupName struct {
	key  string
	rest bool
}

// groupKey: amounts of different currencies never mix.
type groupKey struct {
	groupName
	currency money.Currency
}

// partition puts every entry into one group. What images of several groups share
// is in the group SharedStorage, so that groups add up.
func (m *monthly) partition(name func(*Holding) groupName) ([]Group, error) {
	members, apart := map[groupKey][]*entry{}, crossing{}
	for _, e := range m.entries {
		k := groupKey{name(e.holding), e.site.Currency()}
		members[k] = append(members[k], e)
		apart.see(e, k)
	}
	groups, err := m.groups(members, func(k chainKey) bool { return !apart[k].several })
	if err != nil {
		return nil, err
	}
	shared, err := m.crossed(apart)
	groups = append(groups, shared...)
	sortGroups(groups)
	return groups, err
}

// savings is what deleting the images that nobody uses would save, of those that
// are taken.
func (m *monthly) savings(key string, taken func(*Holding) bool) ([]Group, error) {
	members := map[groupKey][]*entry{}
	for _, e := range m.entries {
		if h := e.holding; h.Use == NotUsed && h.Image.Kind == image.KindCustom && !h.Gone && !e.again && taken(h) {
			k := groupKey{groupName{key: key}, e.site.Currency()}
			members[k] = append(members[k], e)
		}
	}
	groups, err := m.groups(members, func(chainKey) bool { return true })
	sortGroups(groups)
	return groups, err
}

func (m *monthly) groups(members map[groupKey][]*entry, taken func(chainKey) bool) ([]Group, error) {
	groups := make([]Group, 0, len(members))
	for k, entries := range members {
		g, err := m.group(k, entries, taken)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// sortGroups sorts the most expensive first, and the rest last; a name breaks ties.
func sortGroups(groups []Group) {
	last := func(g *Group) int {
		if g.Rest {
			return 1
		}
		return 0
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(last(&a)-last(&b), b.Total.most().Cmp(a.Total.most()), strings.Compare(a.Key, b.Key), cmp.Compare(a.Currency, b.Currency))
	})
}

// chainKey names what images share: a chain, or a snapshot without one.
type chainKey struct {
	account  image.AccountID
	region   image.RegionID
	chain    string
	snapshot image.SnapshotID
}

func (e *entry) keyOf(s *Snapshot) chainKey {
	k := chainKey{account: e.holding.Image.Account, region: e.holding.Image.Region, chain: s.Chain}
	if s.Chain == "" {
		k.snapshot = s.ID
	}
	return k
}

// stored are the snapshots whose storage is priced with the entry.
func (e *entry) stored() []Snapshot {
	if e.again || e.holding.Gone || e.holding.Image.Kind != image.KindCustom || !e.holding.Storage.Read {
		return nil
	}
	return e.holding.Storage.Snapshots
}

// crossing has the groups of the images that share something.
type crossing map[chainKey]sharers

type sharers struct {
	first   groupKey
	several bool
}

func (c crossing) see(e *entry, g groupKey) {
	stored := e.stored()
	for i := range stored {
		k := e.keyOf(&stored[i])
		seen, ok := c[k]
		if !ok {
			seen.first = g
		}
		seen.several = seen.several || seen.first != g
		c[k] = seen
	}
}

// crossed are the groups, one for each currency, of what images of several groups
// share.
func (m *monthly) crossed(apart crossing) ([]Group, error) {
	members := map[money.Currency][]*entry{}
	for _, e := range m.entries {
		if slices.ContainsFunc(e.stored(), func(s Snapshot) bool { return apart[e.keyOf(&s)].several }) {
			members[e.site.Currency()] = append(members[e.site.Currency()], e)
		}
	}
	var groups []Group
	for currency, entries := range members {
		storage, err := m.storage(entries, func(k chainKey) bool { return apart[k].several })
		if err != nil {
			return nil, err
		}
		sum := parts{storage: storage}
		groups = append(groups, Group{Key: SharedStorage, Rest: true, Currency: currency, Costs: sum.costs(currency, storageNotes(entries))})
	}
	return groups, nil
}

// storageNotes are those that storage rests on.
func storageNotes(entries []*entry) []image.Reason {
	var notes []image.Reason
	for _, e := range entries {
		for _, n := range e.notes {
			if n.Code == codeDefaultRate || n.Code == codeOldRate {
				notes = withNote(notes, n)
			}
		}
	}
	return notes
}

// group adds up images; the storage of what is taken is priced together.
func (m *monthly) group(k groupKey, entries []*entry, taken func(chainKey) bool) (Group, error) {
	g := Group{Key: k.key, Rest: k.rest, Currency: k.currency}
	var sum parts
	var notes []image.Reason
	for _, e := range entries {
		if !e.again {
			g.Images++
		}
		g.Running += e.running
		sum.licence.join(e.licence)
		sum.software.join(e.software)
		for _, n := range e.notes {
			notes = withNote(notes, n)
		}
	}
	storage, err := m.storage(entries, taken)
	sum.storage = storage
	g.Costs = sum.costs(k.currency, notes)
	return g, err
}

// storage is that of images: what they share counts once, and a chain that is
// theirs alone is exact.
func (m *monthly) storage(entries []*entry, taken func(chainKey) bool) (sums, error) {
	var found sums
	for _, together := range sameRegion(entries) {
		part, err := m.shared(together, taken)
		if err != nil {
			return found, err
		}
		found.join(part)
	}
	return found, nil
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

// shared is the storage of images of one account and region. Storage that could
// not be read is that of its image alone.
func (m *monthly) shared(entries []*entry, taken func(chainKey) bool) (sums, error) {
	var found sums
	q := entries[0].held()
	q.Image.Kind, q.Storage.Read, q.Storage.Snapshots, q.Storage.Chains = image.KindCustom, true, nil, nil
	chains := map[string]bool{}
	for _, e := range entries {
		stored := e.stored()
		if len(stored) == 0 {
			found.join(e.storage)
			continue
		}
		for i := range stored {
			if taken(e.keyOf(&stored[i])) {
				q.Storage.Snapshots = append(q.Storage.Snapshots, stored[i])
			}
		}
		for _, c := range e.holding.Storage.Chains {
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
	found.lines(&quote, SnapshotStorage, money.Whole(1))
	return found, nil
}

// Cut keeps the first groups, so many of them, and adds the others up in one group
// of the rest for each currency: what is shown adds up to the same.
func Cut(groups []Group, most int) []Group {
	if len(groups) <= most {
		return groups
	}
	kept := slices.Clone(groups[:most])
	others, sum := map[money.Currency]*Group{}, map[money.Currency]*parts{}
	for i := range groups[most:] {
		g := &groups[most+i]
		if others[g.Currency] == nil {
			others[g.Currency], sum[g.Currency] = &Group{Key: Others, Rest: true, Currency: g.Currency}, &parts{}
		}
		rest := others[g.Currency]
		rest.Images += g.Images
		rest.Running += g.Running
		for _, n := range g.Notes {
			rest.Notes = withNote(rest.Notes, n)
		}
		sum[g.Currency].join(parts{g.Storage.sums(), g.Licence.sums(), g.Software.sums()})
	}
	rest := make([]Group, 0, len(others))
	for currency, g := range others {
		g.Costs = sum[currency].costs(currency, g.Notes)
		rest = append(rest, *g)
	}
	sortGroups(rest)
	return append(kept, rest...)
}
