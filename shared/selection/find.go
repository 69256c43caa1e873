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
	"imagekeeper/shared/survey"
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
	// PassedOver is there when the query asked to explain, or nothing fits.
	PassedOver *PassedOver
	// Meant are what may have been meant, where nothing fits.
	Meant []image.Reason
}

// Find answers q from what the places of the survey show. It fails with
// fault.Invalid, naming the parameter; what cannot be read does not fail it. Where
// nothing fits it looks again for what was passed over.
func Find(ctx context.Context, s *survey.Survey, pricer Pricer, q Query) (List, error) {
	q, err := q.Complete()
	if err != nil {
		return List{}, err
	}
	if _, _, err := Page(q, nil); err != nil { // a bad cursor is not worth a call
		return List{}, err
	}
	list, err := answerTo(ctx, s, pricer, q)
	if err == nil && len(list.Page) == 0 && q.Cursor == "" && !q.Explain && !list.Blind {
		q.Explain = true
		return answerTo(ctx, s, pricer, q)
	}
	return list, err
}

func answerTo(ctx context.Context, s *survey.Survey, pricer Pricer, q Query) (List, error) {
	seen, err := Observe(ctx, s, q)
	if err != nil {
		return List{}, err
	}
	seen.ask(ctx, pricer, q)
	return Decide(q, seen)
}

// ask asks the pricer for what the query goes by.
func (o *Observed) ask(ctx context.Context, pricer Pricer, q Query) {
	if q.Licence != "" {
		o.classify(ctx, pricer, q)
	}
	if q.costs() {
		o.price(ctx, pricer, q)
	}
}

// Decide answers q, which must be complete, from what was observed alone. It
// fails with fault.Invalid if q's cursor is not one of q's.
func Decide(q Query, seen Observed) (List, error) {
	judge := NewJudge(q, seen.Types).knowing(seen)
	all := Merge(seen.Glimpses)
	fit, passed := judge.Sort(all)
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
		list.Page[0].Why = append(list.Page[0].Why, theOneToUse(fit, len(seen.Unread)))
	}
	if len(page) > 0 && q.Order == CheapestFirst && q.Cursor == "" && page[0].cost != nil && page[0].cost.Amount != nil {
		list.Page[0].Why = append(list.Page[0].Why, theCheapest(fit))
	}
	if q.Explain {
		list.PassedOver = judge.explain(passed, MaxExamples)
	}
	if len(fit) == 0 && !list.Blind {
		list.Meant = meant(q, all)
	}
	return list, nil
}

// theOneToUse is why the first image of a list is first: the one to use, where
// what fits is for one region and one kind of machine.
func theOneToUse(fit []Verdict, unread int) image.Reason {
	ours := 0
	one := true
	for _, v := range fit {
		if !v.aside() {
			ours++
			one = one && v.Region == fit[0].Region && v.OSType == fit[0].OSType && v.Architecture == fit[0].Architecture
		}
	}
	switch {
	case ours == 0 && slices.ContainsFunc(fit, func(v Verdict) bool { return v.pending }):
		return image.Reason{Code: "noneStable", Sentence: fmt.Sprintf("the newest of %d that fit, and none to use: what imports made of them is not stable", len(fit))}
	case ours == 0:
		return image.Reason{Code: "noneTrusted", Sentence: fmt.Sprintf("the newest of %d that fit, and none to use unseen: no owner is trusted", len(fit))}
	case unread > 0:
		return image.Reason{Code: "newest", Sentence: fmt.Sprintf("the newest of %d that fit where it could be read; %d places could not be", ours, unread)}
	case !one:
		return image.Reason{Code: "newest", Sentence: fmt.Sprintf(
			"the newest of %d that fit; which one to use depends on where and on what: name region, and arch and osType or instanceType", ours)}
	}
	return image.Reason{Code: "newest", Sentence: fmt.Sprintf("the newest of %d that fit: the one to use", ours)}
}

// theCheapest is why the first image of a list by cost is first.
func theCheapest(fit []Verdict) image.Reason {
	known := 0
	if !fit[0].aside() { // those come last, whatever they cost
		fit = slices.DeleteFunc(slices.Clone(fit), Verdict.aside)
	}
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
	strangers, pending := 0, 0
	for _, v := range passed {
		switch {
		case !v.Fits():
		case v.stranger:
			strangers++
		case v.pending:
			pending++
		}
	}
	for _, c := range []Count{{CodeNotTrusted, strangers}, {CodeNotStable, pending}} {
		if c.Count > 0 {
			over.Reasons = append(over.Reasons, c)
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

// Choice is the image of a family to use in one region, for one operating system
// type and architecture: a family can have images of several, none of which is
// newer than those of another one.
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
func Newest(ctx context.Context, s *survey.Survey, pricer Pricer, q Query) (choices []Choice, unread []image.Unread, err error) {
	q.Order, q.Limit, q.Cursor, q.Explain = NewestFirst, 0, "", true
	if len(q.Families) != 1 || strings.ContainsAny(string(q.Families[0]), "*?") {
		return nil, nil, fault.InField("family", "notOne", "must name one family, without * and ?")
	}
	if q, err = q.Complete(); err != nil {
		return nil, nil, err
	}
	seen, err := Observe(ctx, s, q)
	if err != nil {
		return nil, nil, err
	}
	seen.ask(ctx, pricer, q)
	choices = choose(q, seen)
	if len(choices) == 0 {
		return nil, nil, missing(q, seen)
	}
	return choices, seen.Unread, nil
}

func choose(q Query, seen Observed) []Choice {
	judge := NewJudge(q, seen.Types).knowing(seen)
	fit, passed := judge.Sort(Merge(seen.Glimpses))
	passed = slices.DeleteFunc(passed, func(v Verdict) bool { return !q.line(&v.Sighting) })
	here, over := byRegion(fit), byRegion(passed)
	regions := make(map[image.RegionID]bool)
	for r := range here {
		regions[r] = true
	}
	for r := range over {
		regions[r] = true
	}
	var choices []Choice
	for _, r := range slices.Sorted(maps.Keys(regions)) {
		choices = append(choices, judge.choicesIn(r, here[r], over[r], len(seen.Unread))...)
	}
	return choices
}

// machine is what an image is made for.
type machine struct {
	os   image.OSType
	arch image.Architecture
}

// choicesIn are the images to use in a region, one for each kind of machine; one
// without an image where there is none. Strangers' images are passed over, and those of
// imports that are not stable.
func (j *Judge) choicesIn(region image.RegionID, fit, passed []Verdict, unread int) []Choice {
	lines := map[machine][]Verdict{}
	for _, v := range fit {
		m := machine{v.OSType, v.Architecture}
		if v.aside() {
			passed = append(passed, v)
			continue
		}
		lines[m] = append(lines[m], v)
	}
	over := *j.explain(passed, familyExamples)
	if len(lines) == 0 {
		return []Choice{{Region: region, PassedOver: over}}
	}
	machines := slices.SortedFunc(maps.Keys(lines), func(a, b machine) int {
		return cmp.Or(image.Newest(*lines[a][0].Image, *lines[b][0].Image), cmp.Compare(a.os, b.os), cmp.Compare(a.arch, b.arch))
	})
	var choices []Choice
	for n, m := range machines {
		best := lines[m][0]
		c := Choice{Region: region, Best: &Chosen{best.Sighting, append(j.Why(best), theOneToUse(lines[m], unread))}, Older: len(lines[m]) - 1}
		if n == 0 {
			c.PassedOver = over
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

// missing says that no image of a family is there, or that this is not known.
func missing(q Query, seen Observed) error {
	name := string(q.Families[0])
	if len(seen.Unread) > 0 {
		return survey.Unreadable(seen.Unread, "no image of family %s was found, but not all could be read (%s)", name, survey.Sentence(seen.Unread))
	}
	sentence := "no image of family " + name + " where it was looked for"
	if len(q.IDs) > 0 {
		sentence = "no image of family " + name + " is among those that id names"
	}
	for _, m := range meant(q, Merge(seen.Glimpses)) {
		sentence += "; " + m.Sentence
	}
	return fault.New(fault.NotFound, "%s", sentence)
}
