package selection

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// FamilyOrder is how a list of families is sorted. Every order is total: a name
// breaks ties.
type FamilyOrder string

// The orders; a minus turns the first criterion round. The time is that of the
// newest image of a family.
const (
	FamilyUp     FamilyOrder = "name"
	FamilyDown   FamilyOrder = "-name"
	FewestImages FamilyOrder = "images"
	MostImages   FamilyOrder = "-images"
	OldestFamily FamilyOrder = "createdAt"
	NewestFamily FamilyOrder = "-createdAt"
)

// Line is one image family: its images that fit a query.
type Line struct {
	Family image.Family
	// Images is how many images of it fit; NewestAt when the newest of them was made.
	Images   int
	NewestAt time.Time
	// Owners, Kinds, Regions and Architectures are those of its images, in order.
	Owners        []image.AccountID
	Kinds         []image.Kind
	Regions       []image.RegionID
	Architectures []image.Architecture
	// Variants are its images by region and machine, in order.
	Variants []Variant
}

// Variant is what a family has in one region for one operating system type and
// architecture.
type Variant struct {
	Region       image.RegionID
	OSType       image.OSType
	Architecture image.Architecture
	// Images is how many there are.
	Images int
	// Newest is the one to use, as Newest tells it; nil if there is none, and Why says
	// what speaks against the newest that is there.
	Newest *Chosen
	Why    []image.Reason
	// Stable and Candidate are the newest of each channel; nil if there is none.
	Stable, Candidate *Sighting
}

// FamilyList is the answer to which families there are.
type FamilyList struct {
	Page []Line
	// Total is how many there are on all pages, -1 when something is unread.
	Total int
	// Next is the cursor of the next page, "" after the last.
	Next   string
	Unread []image.Unread
	// Blind: nothing could be read.
	Blind bool
	// PassedOver are the images that are of none, where there is none.
	PassedOver *PassedOver
	// Meant are what may have been meant, where there is none.
	Meant []image.Reason
}

// Families tells the families of which an image fits q, in an order. It fails with
// fault.Invalid, naming the parameter; what cannot be read does not fail it. q's own
// order is not regarded.
func Families(ctx context.Context, s *survey.Survey, pricer Pricer, q Query, by FamilyOrder) (FamilyList, error) {
	by = cmp.Or(by, FamilyUp)
	if err := among("sort", one(by), FamilyUp, FamilyDown, FewestImages, MostImages, OldestFamily, NewestFamily); err != nil {
		return FamilyList{}, err
	}
	if len(q.Kinds) > 0 && !slices.ContainsFunc(q.Kinds, func(k image.Kind) bool { return k != image.KindMarketplace }) {
		return FamilyList{}, fault.InField("kind", "noEffect", "lists nothing here: Marketplace images are in no family")
	}
	q.Order, q.Explain, q.made = NewestFirst, false, true
	q, err := q.Complete()
	if err != nil {
		return FamilyList{}, err
	}
	after, err := readFamilyCursor(q, by)
	if err != nil {
		return FamilyList{}, err
	}
	look := func() (FamilyList, error) {
		seen, err := Observe(ctx, s, q)
		if err != nil {
			return FamilyList{}, err
		}
		seen.ask(ctx, pricer, q)
		return familiesOf(q, by, after, seen), nil
	}
	list, err := look()
	if err == nil && len(list.Page) == 0 && after == nil && !list.Blind {
		q.Explain = true
		return look()
	}
	return list, err
}

// familiesOf is the answer by what was observed alone.
func familiesOf(q Query, by FamilyOrder, after *Line, seen Observed) FamilyList {
	judge, all := NewJudge(q, seen.Types).knowing(seen), Merge(seen.Glimpses)
	fit, passed := judge.Sort(all)
	lines := judge.lines(fit, len(seen.Unread))
	list := FamilyList{Total: len(lines), Unread: seen.Unread, Blind: seen.Blind()}
	if len(seen.Unread) > 0 {
		list.Total = -1
	}
	if len(lines) == 0 && !list.Blind {
		list.Meant = append(meant(q, all), alone(fit)...)
	}
	if q.Explain {
		list.PassedOver = judge.explain(passed, MaxExamples)
	}
	compare := by.compare()
	slices.SortFunc(lines, compare)
	if after != nil {
		lines = slices.DeleteFunc(lines, func(l Line) bool { return compare(l, *after) <= 0 })
	}
	list.Page = lines[:min(q.Limit, len(lines))]
	if len(lines) > q.Limit {
		list.Next = newFamilyCursor(q, by, list.Page[q.Limit-1])
	}
	return list
}

// alone tells of images that fit, and are of no family.
func alone(fit []Verdict) []image.Reason {
	if len(fit) == 0 {
		return nil
	}
	return []image.Reason{{Code: "noFamily", Sentence: fmt.Sprintf("%d images fit, and none of them is in a family: GET /images lists them", len(fit))}}
}

func (o FamilyOrder) compare() func(a, b Line) int {
	sign := 1
	if strings.HasPrefix(string(o), "-") {
		sign = -1
	}
	return func(a, b Line) int {
		var first int
		switch o {
		case FewestImages, MostImages:
			first = cmp.Compare(a.Images, b.Images)
		case OldestFamily, NewestFamily:
			first = a.NewestAt.Compare(b.NewestAt)
		case FamilyUp, FamilyDown:
			first = cmp.Compare(a.Family, b.Family)
		}
		return cmp.Or(sign*first, cmp.Compare(a.Family, b.Family))
	}
}

// lines are the families of images that fit, which are newest first.
func (j *Judge) lines(fit []Verdict, unread int) []Line {
	byFamily := map[image.Family][]Verdict{}
	for _, v := range fit {
		if f := v.lineName(); f != "" {
			byFamily[f] = append(byFamily[f], v)
		}
	}
	lines := make([]Line, 0, len(byFamily))
	for name, of := range byFamily { // sorted afterwards
		lines = append(lines, j.line(name, of, unread))
	}
	return lines
}

// lineName is the family an image is in, or was made for by an import that has not
// written ECS's own yet.
func (s *Sighting) lineName() image.Family {
	if s.Family == "" && s.Tags[tagImport] != "" {
		return image.Family(s.Tags[tagFamily])
	}
	return s.FamilyName()
}

// place is where images of a family are, and for what machines.
type place struct {
	region image.RegionID
	machine
}

// line is a family of images, newest first.
func (j *Judge) line(name image.Family, of []Verdict, unread int) Line {
	l := Line{Family: name, Images: len(of)}
	places := map[place][]Verdict{}
	for _, v := range of {
		at := place{v.Region, machine{v.OSType, v.Architecture}}
		places[at] = append(places[at], v)
		l.Owners, l.Kinds = append(l.Owners, one(v.OwnerID())...), append(l.Kinds, v.Kind)
		l.Regions, l.Architectures = append(l.Regions, v.Region), append(l.Architectures, v.Architecture)
		if v.CreatedAt.After(l.NewestAt) {
			l.NewestAt = v.CreatedAt
		}
	}
	l.Owners, l.Kinds, l.Regions, l.Architectures = inOrder(l.Owners), inOrder(l.Kinds), inOrder(l.Regions), inOrder(l.Architectures)
	for at, of := range places { // sorted below
		l.Variants = append(l.Variants, j.variant(at, of, unread))
	}
	slices.SortFunc(l.Variants, func(a, b Variant) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.OSType, b.OSType), cmp.Compare(a.Architecture, b.Architecture))
	})
	return l
}

// variant tells of images of one family, region and machine, newest first.
func (j *Judge) variant(at place, of []Verdict, unread int) Variant {
	v := Variant{Region: at.region, OSType: at.os, Architecture: at.arch, Images: len(of), Why: j.Why(of[0])}
	for n := range of {
		switch channel := of[n].Tags[tagChannel]; {
		case of[n].stranger: // whatever its tags say
		case channel == Stable && v.Stable == nil:
			v.Stable = &of[n].Sighting
		case channel == Candidate && v.Candidate == nil:
			v.Candidate = &of[n].Sighting
		}
	}
	if ours := slices.DeleteFunc(slices.Clone(of), Verdict.aside); len(ours) > 0 {
		v.Newest = &Chosen{ours[0].Sighting, append(j.Why(ours[0]), theOneToUse(ours, unread))}
		v.Why = v.Newest.Why
	}
	return v
}

// familyVersion changes when a cursor of old could be misread.
const familyVersion = 1

// familyCursor is what a cursor of families says: of which list, and where in it.
type familyCursor struct {
	Version int          `json:"v"`
	Query   string       `json:"q"`
	By      FamilyOrder  `json:"b"`
	Family  image.Family `json:"f"`
	Images  int          `json:"n"`
	At      time.Time    `json:"t"`
}

func newFamilyCursor(q Query, by FamilyOrder, last Line) string {
	return encodeCursor(familyCursor{familyVersion, q.fingerprint(), by, last.Family, last.Images, last.NewestAt.UTC()})
}

// readFamilyCursor is the position that q's cursor names; nil for none.
func readFamilyCursor(q Query, by FamilyOrder) (*Line, error) {
	if q.Cursor == "" {
		return nil, nil
	}
	var c familyCursor
	if err := decodeCursor(q.Cursor, &c); err != nil {
		return nil, err
	}
	if err := ofThisQuery(c.Version == familyVersion, c.Query == q.fingerprint() && c.By == by); err != nil {
		return nil, err
	}
	return &Line{Family: c.Family, Images: c.Images, NewestAt: c.At}, nil
}
