package main

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

// reportInput asks for the report.
type reportInput struct {
	places.Where
	function.Table
	Family []image.Family `json:"family" validate:"max=20,dive,families" doc:"Only images of these families: names, or globs with * for any text and ? for one character"`
	Unused *bool          `json:"unused" doc:"true: only images that nobody uses; false: only those that somebody uses; what is not known is no match"`
	Month  month          `json:"month" doc:"The report that was stored in this month, such as 2026-11; default: as it is now"`
	By     string         `json:"by" validate:"omitempty,oneof=image family region copies" doc:"Which list format=csv, excel and ndjson answer; default image"`
	Limit  *int           `json:"limit" validate:"omitempty,min=1,max=100000" doc:"How many rows each list has at the most; default 200, in csv, excel and ndjson all"`
}

// defaultLimit keeps a JSON answer below what the platform can send.
const defaultLimit = 200

// report is what all custom images cost in a month of 720 hours: now, or as it
// was when the report was stored.
func (h handler) report(ctx context.Context, call function.Call, in reportInput) (report, error) {
	switch {
	case in.By != "" && !in.Listed():
		return report{}, fault.InField("by", "noEffect", "has no effect in json, which has all lists; it goes with format=csv, excel and ndjson")
	case in.MaxAge != nil && !in.Month.IsZero():
		return report{}, fault.InField("maxAge", "noEffect", "has no effect with month: that report was stored")
	case !in.Month.IsZero():
		if given := in.narrowing(); given != "" {
			return report{}, fault.InField(given, "noEffect", "has no effect with month: that report was stored as a whole")
		}
		whole, err := h.kept(ctx, call, in.Month)
		return whole.shown(in), err
	}
	part, err := h.part(ctx, call, in)
	return part.shown(in), err
}

// narrowing names a parameter that is given and leaves some images out; empty: none is.
func (in reportInput) narrowing() string {
	switch {
	case len(in.Region) > 0:
		return "region"
	case len(in.Account) > 0:
		return "account"
	case len(in.Family) > 0:
		return "family"
	case in.Unused != nil:
		return "unused"
	}
	return ""
}

// only is which images are meant: of the places of here.
func (in reportInput) only(here *survey.Survey) pricing.Only {
	only := pricing.Only{Families: in.Family}
	if len(in.Region)+len(in.Account) > 0 {
		only.Here = func(r image.Ref) bool { return here.Place(r.Account, r.Region) != nil }
	}
	if in.Unused != nil {
		only.Unused = image.TriOf(*in.Unused)
	}
	return only
}

// part is the report of the images that are asked for. Everything is read whatever is
// asked: an image may be used, and come, from anywhere. It fails with fault.Unknown if
// nothing could be read.
func (h handler) part(ctx context.Context, call function.Call, in reportInput) (report, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return report{}, err
	}
	monthly, none, err := h.prices().Month(ctx, all, in.only(here))
	if err != nil {
		return report{}, err
	}
	out := newReport(all, monthly)
	out.Hints, out.Billed = none, billedIn(ctx, here)
	out.NotRead = image.AllUnread(all.Unread(), here.Unread())
	return out, nil
}

// whole is the report of everything there is.
func (h handler) whole(ctx context.Context, call function.Call) (report, error) {
	return h.part(ctx, call, reportInput{})
}

// report is the answer of price.report.
type report struct {
	AsOf time.Time `json:"asOf"`
	// Hours is what a month has.
	Hours int `json:"hours"`
	// Images counts all of them, whatever the lists show.
	Images int `json:"images"`
	// Totals: the sum of all images, for each currency.
	Totals []pricing.Group `json:"totals"`
	// Unused is what deleting the images that nobody uses would save, if their
	// snapshots are deleted after them: DeleteImage leaves those.
	Unused []pricing.Group `json:"unused"`
	// UnusedShared is what it would save once the images that nobody uses are not
	// shared any more: before, they cannot be deleted.
	UnusedShared []pricing.Group `json:"unusedShared"`
	// Items: the images whose cost is known, the dearest first.
	Items []pricing.Row `json:"items"`
	// Incomplete are the images of which something is not known.
	Incomplete []pricing.Row `json:"incomplete"`
	// Families: the sum of each image family.
	Families []pricing.Group `json:"families"`
	// Regions: the sum of each region.
	Regions []pricing.Group `json:"regions"`
	// Copies has all regional copies of an image together.
	Copies []pricing.Group `json:"copies"`
	// Billed is what ECS says all snapshots of a region occupy, in images or not.
	Billed []billed `json:"billed"`
	// MissingRates are the rates for want of which something is not known, as
	// PRICE_RATES takes them once their price is filled in.
	MissingRates []pricing.WantedRate `json:"missingRates"`
	NotRead      []image.Unread       `json:"unknown"`
	// Hints say why there is no image, where there is none.
	Hints []image.Reason `json:"hints,omitempty"`

	by string
}

// billed is the size by which a region's snapshots are billed.
type billed struct {
	AccountID image.AccountID `json:"accountId"`
	RegionID  image.RegionID  `json:"regionId"`
	// Snapshots: how many there are.
	Snapshots int `json:"snapshots"`
	// Bytes: how much they occupy.
	Bytes int64 `json:"bytes"`
}

func newReport(s *survey.Survey, m pricing.Report) report {
	return report{
		AsOf: places.AsOf(s), Hours: pricing.HoursPerMonth, Images: m.Images(), Totals: m.Totals, Unused: m.Unused, UnusedShared: m.UnusedShared,
		Items: m.Rows, Incomplete: m.Unknown, Families: m.Families, Regions: m.Regions, Copies: m.Copies,
		Billed: []billed{}, MissingRates: append([]pricing.WantedRate{}, m.Wanted...),
	}
}

// shown is what was asked for of a whole report.
func (r report) shown(in reportInput) report {
	limit := defaultLimit
	if in.Listed() {
		limit = max(len(r.Items), len(r.Incomplete), len(r.Families), len(r.Regions), len(r.Copies))
	}
	if in.Limit != nil {
		limit = *in.Limit
	}
	r.by = in.By
	r.Items, r.Incomplete = first(r.Items, limit), first(r.Incomplete, limit)
	r.Families, r.Regions, r.Copies = pricing.Cut(r.Families, limit), pricing.Cut(r.Regions, limit), pricing.Cut(r.Copies, limit)
	return r
}

func first[T any](list []T, limit int) []T { return list[:min(limit, len(list))] }

// billedIn is what ECS says of each region's snapshots.
func billedIn(ctx context.Context, s *survey.Survey) []billed {
	all := []billed{}
	var mu sync.Mutex
	s.Each(func(p *survey.Place) {
		used, err := p.SnapshotUsage(ctx)
		if err != nil || used.Count == 0 {
			return // a failure is noted in the survey
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, billed{p.Account, p.Region, used.Count, used.Bytes})
	})
	slices.SortFunc(all, func(a, b billed) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.RegionID, b.RegionID))
	})
	return all
}

// HTTPHeader repeats what a table has no place for.
func (r report) HTTPHeader() http.Header {
	h := http.Header{}
	if len(r.NotRead) > 0 {
		h.Set("Unknown-Count", strconv.Itoa(len(r.NotRead)))
	}
	return h
}

// Rows is one list of the report as a table.
func (r report) Rows() ([]string, iter.Seq[[]string]) {
	if groups, ok := r.groups(); ok {
		return function.Sheet[pricing.Group]{Header: groupColumns(), Cells: groupCells}.Of(groups)
	}
	return function.Sheet[pricing.Row]{Header: rowColumns(), Cells: cells}.Of(slices.Concat(r.Items, r.Incomplete))
}

func groupCells(g pricing.Group) []string {
	row := []string{g.Key, strconv.Itoa(g.Images), strconv.Itoa(g.Running), string(g.Currency)}
	return append(append(row, costCells(g.Costs)...), codes(g.Notes))
}

// Columns are those of images, and those of every kind of group.
func (r report) Columns() [][]string { return [][]string{rowColumns(), groupColumns()} }

func rowColumns() []string {
	header := []string{"imageId", "regionId", "accountId", "name", "imageFamily", "copyOf", "rule", "usage", "instances", "currency"}
	return append(append(header, costColumns()...), "missing", "kind", "notes")
}

func groupColumns() []string {
	return append(append([]string{"key", "images", "instances", "currency"}, costColumns()...), "notes")
}

// LineTypes are an image, a group, and the last line.
func (r report) LineTypes() []any { return []any{pricing.Row{}, pricing.Group{}, reportEnd{}} }

// Lines is one list of the report one row per line, and then one line with the
// rest of the answer.
func (r report) Lines() iter.Seq[any] {
	end := reportEnd{true, r.AsOf, r.Hours, len(r.Items) + len(r.Incomplete), r.Images, r.Totals, r.Unused, r.UnusedShared, r.Billed, r.MissingRates, r.NotRead, r.Hints}
	if groups, ok := r.groups(); ok {
		end.Count = len(groups)
		return function.LinesOf(groups, end)
	}
	return function.LinesOf(slices.Concat(r.Items, r.Incomplete), end)
}

// reportEnd is the last line of format=ndjson.
type reportEnd struct {
	// End: always true: this is the last line, and nothing is missing.
	End  bool      `json:"end"`
	AsOf time.Time `json:"asOf"`
	// Hours: what a month has.
	Hours int `json:"hours"`
	// Count: how many lines came before.
	Count int `json:"count"`
	// Images: how many images there are.
	Images int `json:"images"`
	// Totals: the sum of all images, for each currency.
	Totals []pricing.Group `json:"totals"`
	// Unused: what deleting the images that nobody uses would save.
	Unused []pricing.Group `json:"unused"`
	// UnusedShared: what it would save once they are not shared any more.
	UnusedShared []pricing.Group `json:"unusedShared"`
	// Billed: what ECS says all snapshots of a region occupy.
	Billed []billed `json:"billed"`
	// MissingRates: the rates for want of which something is not known.
	MissingRates []pricing.WantedRate `json:"missingRates"`
	NotRead      []image.Unread       `json:"unknown"`
	// Hints say why there is no image, where there is none.
	Hints []image.Reason `json:"hints,omitempty"`
}

// groups is the list of groups that was asked for, if one was.
func (r report) groups() ([]pricing.Group, bool) {
	switch r.by {
	case "family":
		return r.Families, true
	case "region":
		return r.Regions, true
	case "copies":
		return r.Copies, true
	}
	return nil, false
}

// codes are those of notes.
func codes(notes []image.Reason) string {
	texts := make([]string, len(notes))
	for n, r := range notes {
		texts[n] = r.Code
	}
	return strings.Join(texts, " ")
}

// costColumns are lower and upper bound of each cost: the same where it is known
// exactly, and empty where the bound is not known.
func costColumns() []string {
	return []string{
		"storageLower", "storageUpper", "licenceLower", "licenceUpper", "softwareLower", "softwareUpper", "totalLower", "totalUpper",
	}
}

func costCells(c pricing.Costs) []string {
	var cells []string
	for _, cost := range []pricing.Cost{c.Storage, c.Licence, c.Software, c.Total} {
		cells = append(cells, decimal(cost.Amount, cost.Lower, cost.AtLeast), decimal(cost.Amount, cost.Upper))
	}
	return cells
}

// decimal shows the first amount that there is.
func decimal(amounts ...*money.Amount) string {
	for _, a := range amounts {
		if a != nil {
			return a.Decimal()
		}
	}
	return ""
}

func cells(w pricing.Row) []string {
	cells := []string{
		string(w.Image.ID), string(w.Image.Region), string(w.Image.Account), w.Name, string(w.Family),
		string(w.Root.Region) + "/" + string(w.Root.ID), string(w.Rule), string(w.Use), strconv.Itoa(w.Running), string(w.Currency),
	}
	cells = append(cells, costCells(w.Costs)...)
	missing := ""
	if len(w.Missing) > 0 {
		missing = w.Missing[0].Code
	}
	return append(cells, missing, string(w.Kind), codes(w.Notes))
}
