// Package selection decides which images fit a query and which of them to use.
//
// It works in three steps that do not mix: Plan says what to ask the cloud,
// Observe asks it over all accounts and regions at once and remembers what
// could not be read, and the rest decides purely from what was observed. Every
// verdict carries its reasons, for yes and for no.
package selection

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Limits of a query.
const (
	// DefaultLimit is how many images a page has when the query does not say.
	DefaultLimit = 50
	// MaxLimit is the longest page.
	MaxLimit = 1000
	// MaxIDs is how many images one query may name; ECS takes no more at once.
	MaxIDs = 100
	// MaxExamples is how many passed-over images an explanation shows.
	MaxExamples = 100
)

// Provider says who made the software in an image.
type Provider string

// The providers.
const (
	// Alibaba provides the public images.
	Alibaba Provider = "alibaba"
	// ISV provides Marketplace images and everything made from them.
	ISV Provider = "isv"
)

// DataDisks asks for images with or without data disks.
type DataDisks string

// The two answers.
const (
	WithDataDisks    DataDisks = "with"
	WithoutDataDisks DataDisks = "without"
)

// Order is how a list is sorted. Every order is total over distinct images.
type Order string

// The orders; a minus turns the first criterion round. Images whose licence cost
// is not known come last in both orders by it.
const (
	NewestFirst   Order = "-createdAt"
	OldestFirst   Order = "createdAt"
	NameUp        Order = "name"
	NameDown      Order = "-name"
	SmallestFirst Order = "size"
	LargestFirst  Order = "-size"
	CheapestFirst Order = "licence"
	DearestFirst  Order = "-licence"
)

// Query is what find is asked. Empty fields do not filter.
type Query struct {
	// Kinds defaults to public, custom and shared; to all kinds when IDs are
	// named; Marketplace joins when Software or a Provider is asked.
	Kinds []image.Kind
	// Regions and Accounts (whose view) narrow where to look.
	Regions  []image.RegionID
	Accounts []image.AccountID
	Owner    image.AccountID
	// IDs are at most MaxIDs.
	IDs []image.ID
	// Name is a glob without regard to case: * is any text, ? one character.
	Name string
	// Families are names or globs, with regard to case: any of them.
	Families []image.Family
	// Channel is Stable or Candidate, by the tag that imports write; empty: any, but
	// what an import made is the one to use only once it is stable.
	Channel  string `json:",omitempty"`
	Snapshot image.SnapshotID

	OSType image.OSType
	// Platform matches whole words from the start, without regard to case:
	// "windows server" finds "Windows Server 2022".
	Platform     string
	Architecture image.Architecture
	// BootMode: an image that is UEFI-Preferred boots both ways and fits both.
	BootMode image.BootMode
	// InstanceType: only images that it can boot.
	InstanceType image.InstanceTypeID

	// Tags must all be there; an empty value means that the key is present.
	Tags map[string]string
	// Software is looked for as a word, without regard to case.
	Software  string
	Provider  Provider
	DataDisks DataDisks
	Licence   Licence
	// MaxLicence is what the licence may cost at the most, for an hour of an
	// instance of InstanceType, in the currency of Costs; nil does not filter.
	MaxLicence *big.Rat `json:",omitempty"`
	// Statuses defaults to Available; to all where IDs or a Snapshot are named.
	Statuses []image.Status
	Usage    image.Usage
	// Encrypted: Unknown does not filter.
	Encrypted image.Tri
	// CreatedAfter is inclusive, CreatedBefore exclusive.
	CreatedAfter  time.Time
	CreatedBefore time.Time

	// Order defaults to NewestFirst.
	Order Order
	// Limit is 1 to MaxLimit; 0 is DefaultLimit.
	Limit int
	// Cursor is where the last page of the same query ended.
	Cursor string
	// Explain also tells what was passed over. It never changes what is found.
	Explain bool
	// Trusted are accounts beside ours whose images may be the one to use.
	Trusted []image.AccountID `json:"-"`
	// made: what an import made for a family is of it before ECS's own is written.
	made bool
}

// Complete returns q with its defaults filled in and its lists in order, the
// form that all else here expects. It fails with fault.Invalid, naming the
// parameter as the API does.
func (q Query) Complete() (Query, error) {
	if err := q.check(); err != nil {
		return Query{}, err
	}
	q.Kinds = inOrder(q.Kinds)
	if len(q.Kinds) == 0 {
		q.Kinds = q.defaultKinds()
	}
	q.Regions, q.Accounts, q.IDs = inOrder(q.Regions), inOrder(q.Accounts), inOrder(q.IDs)
	q.Statuses = inOrder(q.Statuses)
	q.Families = inOrder(q.Families)
	if len(q.Statuses) == 0 && (len(q.IDs) > 0 || q.Snapshot != "") {
		q.Statuses = image.Statuses() // what is named is meant, whatever became of it
	}
	if len(q.Statuses) == 0 {
		q.Statuses = []image.Status{image.StatusAvailable}
	}
	if q.Order == "" {
		q.Order = NewestFirst
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	q.CreatedAfter, q.CreatedBefore = q.CreatedAfter.UTC(), q.CreatedBefore.UTC()
	return q, nil
}

// defaultKinds: whoever names an image, or asks for an ISV's product, does not
// have to know that ECS keeps those in lists of their own.
func (q Query) defaultKinds() []image.Kind {
	kinds := []image.Kind{image.KindPublic, image.KindCustom, image.KindShared}
	switch {
	case len(q.IDs) > 0:
		kinds = image.Kinds()
	case q.Software != "", q.Provider != "":
		kinds = append(kinds, image.KindMarketplace)
	}
	return inOrder(kinds)
}

// check looks at the closed vocabularies and the limits.
func (q Query) check() error {
	for _, err := range []error{
		among("kind", q.Kinds, image.Kinds()...),
		among("channel", one(q.Channel), Stable, Candidate),
		among("status", q.Statuses, image.Statuses()...),
		among("osType", one(q.OSType), image.Linux, image.Windows),
		among("arch", one(q.Architecture), image.X86_64, image.ARM64, image.I386),
		among("bootMode", one(q.BootMode), image.BIOS, image.UEFI, image.UEFIPreferred),
		among("provider", one(q.Provider), Alibaba, ISV),
		among("dataDisks", one(q.DataDisks), WithDataDisks, WithoutDataDisks),
		among("licence", one(q.Licence), Free, Paid, UnknownLicence),
		among("usage", one(q.Usage), image.UsageInstance, image.UsageNone),
		among("sort", one(q.Order), NewestFirst, OldestFirst, NameUp, NameDown, SmallestFirst, LargestFirst, CheapestFirst, DearestFirst),
	} {
		if err != nil {
			return err
		}
	}
	return cmp.Or(q.checkLimits(), q.checkCosts(), q.checkEffect())
}

// checkEffect refuses what no image can ever fit, naming it.
func (q Query) checkEffect() error {
	only := func(kinds ...image.Kind) bool {
		return len(q.Kinds) > 0 && !slices.ContainsFunc(q.Kinds, func(k image.Kind) bool { return !slices.Contains(kinds, k) })
	}
	sold := only(image.KindPublic, image.KindMarketplace)
	for _, f := range []struct {
		field, sentence string
		never           bool
	}{
		{"name", "has a comma, which the name of no image has: name is one name or glob", strings.Contains(q.Name, ",")},
		{"owner", "has no effect with these kinds: no account owns public and Marketplace images", q.Owner != "" && sold},
		{"snapshotId", "has no effect with these kinds: the snapshots of public and Marketplace images are not shown", q.Snapshot != "" && sold},
		{"tag", "has no effect with kind=public: those images have no tags", len(q.Tags) > 0 && only(image.KindPublic)},
		{"family", "has no effect with kind=marketplace: those images are in no family", len(q.Families) > 0 && only(image.KindMarketplace)},
		{"provider", "has no effect with kind=public: those images are Alibaba Cloud's", q.Provider != "" && only(image.KindPublic)},
		{"bootMode", "has no effect with arch=arm64: those images boot by UEFI", q.Architecture == image.ARM64 && q.BootMode == image.BIOS},
		{"licence", "has no effect with maxLicencePerHour: what is not known is no match", q.Licence == UnknownLicence && q.MaxLicence != nil},
	} {
		if f.never {
			return fault.InField(f.field, "noEffect", "%s", f.sentence)
		}
	}
	return nil
}

// checkCosts: a licence costs what it costs on an instance type.
func (q Query) checkCosts() error {
	switch {
	case q.MaxLicence != nil && q.MaxLicence.Sign() < 0:
		return fault.InField("maxLicencePerHour", "negative", "must not be negative")
	case q.MaxLicence != nil && q.InstanceType == "":
		return fault.InField("instanceType", "required", "is missing: maxLicencePerHour is what the licence costs on an instance of that type")
	case q.byCost() && q.InstanceType == "":
		return fault.InField("instanceType", "required", "is missing: sort=%s goes by what the licence costs on an instance of that type", q.Order)
	}
	return nil
}

// byCost: the images are sorted by what their licence costs.
func (q Query) byCost() bool { return q.Order == CheapestFirst || q.Order == DearestFirst }

// costs: what licences cost has to be known.
func (q Query) costs() bool { return q.MaxLicence != nil || q.byCost() }

func (q Query) checkLimits() error {
	switch {
	case q.Limit < 0 || q.Limit > MaxLimit:
		return fault.InField("limit", "outOfRange", "must be between 1 and %d, not %d", MaxLimit, q.Limit)
	case len(q.IDs) > MaxIDs:
		return fault.InField("id", "tooMany", "must name at most %d images, not %d", MaxIDs, len(q.IDs))
	case !q.CreatedAfter.IsZero() && !q.CreatedBefore.IsZero() && !q.CreatedAfter.Before(q.CreatedBefore):
		return fault.InField("createdBefore", "emptyRange", "must be later than createdAfter; nothing can be created between the two")
	}
	for key := range q.Tags {
		if key == "" {
			return fault.InField("tag.", "empty", "must name a tag key after the dot")
		}
	}
	return nil
}

// fingerprint names what q asks, apart from how much of it: two queries with
// the same fingerprint walk the same list.
func (q Query) fingerprint() string {
	q.Limit, q.Cursor, q.Explain = 0, "", false
	canonical, err := json.Marshal(q)
	if err != nil { // only plain fields: a year beyond 9999 is the one way to get here
		canonical = []byte(err.Error())
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:8])
}

// among refuses words outside a closed vocabulary.
func among[T ~string](field string, got []T, allowed ...T) error {
	for _, g := range got {
		if !slices.Contains(allowed, g) {
			return fault.InField(field, "notAllowed", "must be one of %s, not %q", joined(allowed, ", "), string(g))
		}
	}
	return nil
}

// one is the value as a list, or no list when it is empty.
func one[T ~string](v T) []T {
	if v == "" {
		return nil
	}
	return []T{v}
}

// inOrder is a sorted copy without repetitions; the caller's slice is untouched.
func inOrder[T ~string](list []T) []T {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

func joined[T ~string](list []T, by string) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, by)
}
