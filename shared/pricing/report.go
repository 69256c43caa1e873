package pricing

import (
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

// Holding is an image of a month's report: one that we own, or another one that
// instances of ours run.
type Holding struct {
	Image   image.Image
	Source  Source
	Storage Storage
	// Site is that of the account that owns or uses the image.
	Site Site
	// Root is the image of which this is a regional copy; else the image itself.
	Root image.Ref
	Use  Use
	// Shared says whether other accounts may use the image: before those shares end
	// it cannot be deleted. Only image.No is a claim.
	Shared image.Tri
	// Running are the instances that were observed on it.
	Running []Running
	// Gone: the image is not there any more, and only its instances still name it.
	Gone bool
	// Hidden says why an image that is not seen as an owner sees it may be ours all the
	// same; nil if it is not: then we store nothing of it.
	Hidden *image.Reason
	// Unseen says why there may be more instances than Running; nil if there are not.
	Unseen *image.Reason
}

// Running are instances that are alike.
type Running struct {
	// Account is that of the instances, who pay the licence.
	Account image.AccountID
	// Site is that of the account; empty: the holding's.
	Site     Site
	Count    int
	Instance Instance
	Charge   Charge
	Observed ObservedPrices
	// Or is another way in which they may be charged, where it is not known which:
	// the cost is then a range over both.
	Or *Charge
	// Note says how Charge was found out, where ECS does not say it.
	Note *image.Reason
}

// Cost is what something costs in a month: an amount; or the least and the most;
// or, if of some lines nothing is known, the least of the others, if that is more
// than nothing.
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
	// Notes say on what some of it rests: a default rate, an old one, a period that
	// was inferred. Each code once.
	Notes []image.Reason `json:"notes,omitempty"`
}

// Row is one image of a report.
type Row struct {
	Image image.Ref `json:"image"`
	// Kind: custom for one that we own; another one is in the report because
	// instances run it. Empty: the image is not there any more.
	Kind   image.Kind   `json:"kind,omitempty"`
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
// Those that images of several groups share are in none of these but in the group
// SharedStorage, so that groups add up to the total.
type Group struct {
	// Key is a family, a region, or region/id of the image that was copied; of Rest a
	// name in brackets.
	Key string `json:"key"`
	// Rest: what belongs to none of the other groups.
	Rest bool `json:"rest,omitempty"`
	// Images: how many images are in it.
	Images int `json:"images"`
	// Running: how many instances run them.
	Running  int            `json:"instances"`
	Currency money.Currency `json:"currency"`
	Costs
}

// The groups of the rest.
const (
	WithoutFamily = "(without a family)"
	SharedStorage = "(snapshots of several)"
	Others        = "(others)"
)

// Report is what images cost in a month: rows and groups in the order of cost,
// the most expensive first, and the rest last.
type Report struct {
	// Rows are the images of which everything is known, if only between bounds.
	Rows []Row
	// Unknown are the others.
	Unknown []Row
	// Totals has one group for each currency.
	Totals []Group
	// Families, Regions and Copies each add up to Totals.
	Families []Group
	Regions  []Group
	Copies   []Group
	// Unused is what deleting the images that nobody uses, and their snapshots,
	// would save; UnusedShared what it would save once they are not shared any more.
	Unused       []Group
	UnusedShared []Group
	// Wanted are the rates for want of which something is not known, in order.
	Wanted []WantedRate
}

// Images counts those that rows are about: one whose instances are paid in two
// currencies has two rows.
func (r Report) Images() int {
	seen := map[image.Ref]bool{}
	for _, rows := range [][]Row{r.Rows, r.Unknown} {
		for i := range rows {
			seen[rows[i].Image] = true
		}
	}
	return len(seen)
}
