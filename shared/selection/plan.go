package selection

import (
	"slices"

	"imagekeeper/shared/image"
)

// Ask is one question to every account and region that is looked at.
type Ask struct {
	// Listing lists everything about which the query may want to hear.
	Listing image.Listing
	// Bootable, when there is one, is the same listing narrowed by ECS to what
	// the instance type can boot; what Listing has beyond it cannot be booted.
	Bootable *image.Listing
}

// Plan returns what to ask so that q can be answered about the given number of
// accounts. Only what ECS filters well is left to ECS: never tags, whose search
// is capped, and never names, whose search is fuzzy. An explanation must see
// what would be passed over, so it leaves ECS only the filters that say what
// the question is about. q must be complete.
func Plan(q Query, accounts int) []Ask {
	var asks []Ask
	for _, kind := range listings(q.Kinds, q, accounts) {
		asks = append(asks, ask(q, kind))
	}
	return asks
}

// listings returns the Listing.Kind of each call: "" is ECS's own default,
// which lists public, custom and shared images in one go.
func listings(kinds []image.Kind, q Query, accounts int) []image.Kind {
	var ask []image.Kind
	for _, k := range image.Kinds() {
		if slices.Contains(kinds, k) && possible(q, k) {
			ask = append(ask, k)
		}
	}
	// What one account sees as shared or community may be another one's own, and who
	// sees an image does not depend on what is asked: both lists have to be read.
	together := []image.Kind{image.KindPublic, image.KindCustom, image.KindShared}
	others := func(k image.Kind) bool { return k != image.KindPublic && k != image.KindMarketplace }
	if accounts > 1 && slices.ContainsFunc(ask, others) || containsAll(ask, together) || q.costs() && slices.ContainsFunc(ask, others) {
		rest := slices.DeleteFunc(ask, func(k image.Kind) bool { return slices.Contains(together, k) })
		return append([]image.Kind{""}, rest...)
	}
	return ask
}

// possible is false for kinds that can never fit: public images are Alibaba
// Cloud's, and of the others only Marketplace products can be.
func possible(q Query, k image.Kind) bool {
	if q.Provider == ISV {
		return k != image.KindPublic
	}
	return true
}

// ask leaves to ECS what it filters well: not the family, which a grantee's list
// may have by another name. Where everything will be needed, to explain or to find
// out where images come from, everything is listed.
func ask(q Query, kind image.Kind) Ask {
	l := image.Listing{Kind: kind, SnapshotID: q.Snapshot, Statuses: q.Statuses}
	if kind == image.KindShared || kind == image.KindCommunity {
		l.Owner = q.Owner
	}
	if !q.Explain && !q.costs() {
		l.OSType, l.Architecture, l.Usage, l.InstanceType = q.OSType, q.Architecture, q.Usage, q.InstanceType
		return Ask{Listing: l}
	}
	l.Statuses, l.SnapshotID = image.Statuses(), ""
	if q.InstanceType == "" {
		return Ask{Listing: l}
	}
	narrowed := l
	narrowed.InstanceType = q.InstanceType
	return Ask{Listing: l, Bootable: &narrowed}
}

func containsAll[T comparable](list, wanted []T) bool {
	for _, w := range wanted {
		if !slices.Contains(list, w) {
			return false
		}
	}
	return true
}
