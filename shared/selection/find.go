package selection

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Chosen is one image that was decided about, with the reasons.
type Chosen struct {
	Sighting
	Why []image.Reason
}

// Count is how many images one reason speaks against.
type Count struct {
	Code  string
	Count int
}

// PassedOver tells about images that did not fit.
type PassedOver struct {
	// Count is how many; each may have several reasons.
	Count int
	// Reasons are sorted by count, the largest first.
	Reasons []Count
	// Examples are those that came closest to fitting, then the newest, at most MaxExamples.
	Examples []Chosen
}

// List is the answer to a query.
type List struct {
	// Page are the images, in the order asked; the first of a list that is
	// sorted newest first is the one to use.
	Page []Chosen
	// Total is how many fit on all pages, -1 when something is unread.
	Total int
	// Next is the cursor of the next page, "" after the last.
	Next string
	// Unread names what could not be read; the list is whole only without it.
	Unread []image.Unread
	// Blind: nothing could be read.
	Blind bool
	// PassedOver is there when the query asked to explain.
	PassedOver *PassedOver
}

// Find answers q from what the views of scope show now. It fails with
// fault.Invalid, naming the parameter; what cannot be read does not fail it.
func Find(ctx context.Context, scope Scope, q Query) (List, error) {
	q, err := q.Complete()
	if err != nil {
		return List{}, err
	}
	if _, _, err := Page(q, nil); err != nil { // a bad cursor is not worth a call
		return List{}, err
	}
	seen, err := Observe(ctx, scope, q)
	if err != nil {
		return List{}, err
	}
	if q.costs() {
		seen.price(ctx, scope.Pricer, q)
	}
	return Decide(q, seen)
}

// Decide answers q, which must be complete, from what was observed alone. It
// fails with fault.Invalid if q's cursor is not one of q's.
func Decide(q Query, seen Observed) (List, error) {
	judge := NewJudge(q, seen.Types).priced(seen)
	fit, passed := judge.Sort(Merge(seen.Glimpses))
	page, next, err := Page(q, fit)
	if err != nil {
		return List{}, err
	}
	list := List{Total: len(fit), Next: next, Unread: seen.Unread, Blind: seen.Blind()}
	if len(seen.Unread) > 0 {
		list.Total = -1
	}
	for _, v := range page {
		list.Page = append(list.Page, Chosen{v.Sighting, judge.Why(v)})
	}
	if len(page) > 0 && q.Order == NewestFirst && q.Cursor == "" {
		list.Page[0].Why = append(list.Page[0].Why, theOneToUse(len(fit), len(seen.Unread)))
	}
	if len(page) > 0 && q.Order == CheapestFirst && q.Cursor == "" && page[0].cost != nil && page[0].cost.Amount != nil {
		list.Page[0].Why = append(list.Page[0].Why, theCheapest(fit))
	}
	if q.Explain {
		list.PassedOver = judge.explain(passed, MaxExamples)
	}
	return list, nil
}

// theOneToUse is why the first image of a list is first.
func theOneToUse(fit, unread int) image.Reason {
	sentence := fmt.Sprintf("the newest of %d that fit: the one to use", fit)
	if unread > 0 {
		sentence = fmt.Sprintf("the newest of %d that fit where it could be read; %d places could not be", fit, unread)
	}
	return image.Reason{Code: "newest", Sentence: sentence}
}

// theCheapest is why the first image of a list by cost is first.
func theCheapest(fit []Verdict) image.Reason {
	known := 0
	for _, v := range fit {
		if v.cost != nil && v.cost.Amount != nil {
			known++
		}
	}
	sentence := fmt.Sprintf("no licence of the %d that fit costs less an hour", len(fit))
	if known < len(fit) {
		sentence = fmt.Sprintf("no licence of the %d that fit costs less an hour, as far as it is known, which it is of %d", len(fit), known)
	}
	return image.Reason{Code: "cheapest", Sentence: sentence}
}

// explain counts the objections and picks the nearest misses.
func (j *Judge) explain(passed []Verdict, examples int) *PassedOver {
	counts := make([]int, len(j.rules))
	for _, v := range passed {
		for i := range counts {
			if v.objections&(1<<i) != 0 {
				counts[i]++
			}
		}
	}
	over := &PassedOver{Count: len(passed)}
	for i, n := range counts {
		if n > 0 {
			over.Reasons = append(over.Reasons, Count{j.rules[i].no, n})
		}
	}
	slices.SortFunc(over.Reasons, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Code, b.Code))
	})
	nearest := slices.SortedFunc(slices.Values(passed), func(a, b Verdict) int {
		return cmp.Or(cmp.Compare(a.objectionCount(), b.objectionCount()), newest(a.Image, b.Image))
	})
	for _, v := range nearest[:min(examples, len(nearest))] {
		over.Examples = append(over.Examples, Chosen{v.Sighting, j.Why(v)})
	}
	return over
}

// Choice is the image of a family to use in one region.
type Choice struct {
	Region image.RegionID
	// Best is the newest that fits; nil if none does.
	Best *Chosen
	// Older is how many more fit.
	Older int
	// PassedOver are the images of the family that do not fit.
	PassedOver PassedOver
}

// familyExamples is how many passed-over images a choice shows.
const familyExamples = 10

// Newest returns the image of q's family to use, for each region that has any
// image of the family, in order of region. What could not be read is in
// unread. It fails with fault.Invalid if q is wrong, with fault.NotFound if
// all was read and no region has the family, and with fault.Unknown if none was
// found but not all was read. q's order, limit and cursor are not regarded.
func Newest(ctx context.Context, scope Scope, q Query) (choices []Choice, unread []image.Unread, err error) {
	q.Order, q.Limit, q.Cursor, q.Explain = NewestFirst, 0, "", true
	if q.Family == "" {
		return nil, nil, fault.InField("family", "missing", "must name a family")
	}
	if q, err = q.Complete(); err != nil {
		return nil, nil, err
	}
	seen, err := Observe(ctx, scope, q)
	if err != nil {
		return nil, nil, err
	}
	if q.costs() {
		seen.price(ctx, scope.Pricer, q)
	}
	choices = choose(q, seen)
	if len(choices) == 0 {
		return nil, nil, missing(seen, "image of family", string(q.Family))
	}
	return choices, seen.Unread, nil
}

func choose(q Query, seen Observed) []Choice {
	judge := NewJudge(q, seen.Types).priced(seen)
	fit, passed := judge.Sort(Merge(seen.Glimpses))
	here, over := byRegion(fit), byRegion(passed)
	regions := make(map[image.RegionID]bool)
	for r := range here {
		regions[r] = true
	}
	for r, verdicts := range over {
		regions[r] = slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Family == q.Family }) || regions[r]
	}
	var choices []Choice
	for _, r := range slices.Sorted(maps.Keys(regions)) {
		if !regions[r] {
			continue
		}
		c := Choice{Region: r, PassedOver: *judge.explain(over[r], familyExamples)}
		if best := here[r]; len(best) > 0 {
			why := append(judge.Why(best[0]), theOneToUse(len(best), len(seen.Unread)))
			c.Best, c.Older = &Chosen{best[0].Sighting, why}, len(best)-1
		}
		choices = append(choices, c)
	}
	return choices
}

// byRegion keeps the order inside each region.
func byRegion(verdicts []Verdict) map[image.RegionID][]Verdict {
	regions := make(map[image.RegionID][]Verdict)
	for _, v := range verdicts {
		regions[v.Region] = append(regions[v.Region], v)
	}
	return regions
}

// missing says that what was named is not there, or that this is not known.
func missing(seen Observed, what, name string) error {
	if len(seen.Unread) == 0 {
		return fault.New(fault.NotFound, "no %s %s where it was looked for", what, name)
	}
	var places []string
	for _, u := range seen.Unread[:min(shownPlaces, len(seen.Unread))] {
		places = append(places, strings.Trim(string(u.Account)+"/"+string(u.Region), "/")+": "+u.Sentence)
	}
	if more := len(seen.Unread) - len(places); more > 0 {
		places = append(places, fmt.Sprintf("and %d more", more))
	}
	return fault.New(fault.Unknown, "no %s %s was found, but not all could be read (%s)", what, name, strings.Join(places, "; ")).WithCode("unread")
}

// shownPlaces is how many unread places a sentence names.
const shownPlaces = 3
