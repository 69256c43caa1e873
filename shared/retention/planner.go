package retention

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// Planner makes one plan of what several looks show, each of regions of its own. A
// region is judged as soon as it was looked at, and let go: only what was decided is
// kept. What cannot be judged alone waits for the others: a region that shows a copy
// without a family, which is of the family of its original.
type Planner struct {
	doc     Document
	request Request
	now     time.Time
	// seen is what all looks tell that is not about single images.
	seen  Inventory
	parts []*part
	// whole are the regions that wait for the others.
	whole map[image.RegionID]bool
	words words
}

// part is what one look showed: judged, or waiting.
type part struct {
	region image.RegionID // the first
	waits  *Inventory
	worth  map[image.Ref]string // of those that wait
	cases  []*Case
	count  counts
}

// NewPlanner makes one for a request at a time.
func NewPlanner(doc Document, r Request, now time.Time) *Planner {
	return &Planner{doc: doc.Complete(), request: r, now: now, whole: map[image.RegionID]bool{}, words: words{}}
}

// Over is the planner with the document as it is over what was read: by that what is
// added next is judged.
func (p *Planner) Over(doc Document) *Planner {
	p.doc = doc.Complete()
	return p
}

// Add judges what a look showed. It returns the images that may go: the others do not,
// whatever else is seen.
func (p *Planner) Add(inv Inventory) []image.Ref {
	p.note(&inv)
	one := &part{count: newCounts()}
	if len(inv.Subjects) > 0 {
		one.region = inv.Subjects[0].Region
	}
	p.parts = append(p.parts, one)
	var may []image.Ref
	if p.waits(&inv) {
		one.waits = &inv
		for n := range inv.Subjects {
			may = append(may, inv.Subjects[n].Ref)
		}
		return may
	}
	p.judge(one, &inv, nil)
	for _, c := range one.cases {
		if c.Snapshot == "" && (c.Removable() || c.Stage != StageNone) {
			may = append(may, c.Ref)
		}
	}
	return may
}

// Price says what the images cost a month that were added last.
func (p *Planner) Price(worth map[image.Ref]string) {
	one := p.parts[len(p.parts)-1]
	if one.waits != nil {
		one.worth = worth
		return
	}
	p.price(one, worth)
}

func (p *Planner) price(one *part, worth map[image.Ref]string) {
	for _, c := range one.cases {
		if c.Snapshot == "" {
			c.Worth = p.words.one(worth[c.Ref])
		}
	}
	one.worth = nil
}

// waits: the family of an image there is told by what others show, or may be.
func (p *Planner) waits(inv *Inventory) bool {
	for n := range inv.Subjects {
		if s := &inv.Subjects[n]; p.whole[s.Region] || len(s.From) > 0 && familyOf(s.Image) == "" {
			return true
		}
	}
	return false
}

// note keeps what is not about single images. What less was seen of is told of all
// images at the end.
func (p *Planner) note(inv *Inventory) {
	if p.seen.BeganAt.IsZero() || !inv.BeganAt.IsZero() && inv.BeganAt.Before(p.seen.BeganAt) {
		p.seen.BeganAt = inv.BeganAt
	}
	p.seen.Read += inv.Read
	p.seen.Unread = append(p.seen.Unread, inv.Unread...)
	p.seen.Short = withNew(p.seen.Short, inv.Short)
	p.seen.JournalUnread = withNew(p.seen.JournalUnread, inv.JournalUnread)
	inv.Short = nil
}

func withNew(all, more []image.Reason) []image.Reason {
	for _, r := range more {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// Seen is what all looks tell that is not about single images.
func (p *Planner) Seen() Inventory { return p.seen }

// judge judges what one look shows. families are those of lines, if other looks tell
// them, too.
func (p *Planner) judge(one *part, inv *Inventory, families map[string]image.Family) {
	at := newScene(inv, p.doc, p.now)
	if families != nil {
		at.families = families
		at.rank()
	}
	at.hurry(p.request)
	one.count.add(at)
	one.cases = at.cases(p.request)
	for _, c := range one.cases {
		at.remember(c, p.request)
		c.Keeps, c.Removes = p.words.all(c.Keeps), p.words.all(c.Removes)
	}
	one.waits = nil
	p.price(one, one.worth)
}

// Again are the regions that were judged without what another one shows of an image
// there: of which family it is. They are let go, and have to be added again.
func (p *Planner) Again() []image.RegionID {
	families := p.families()
	again := map[image.RegionID]bool{}
	for _, one := range p.parts {
		for _, c := range one.cases {
			if c.Snapshot == "" && c.own == "" && families[c.line] != c.family {
				again[c.Ref.Region] = true
			}
		}
	}
	maps.Copy(p.whole, again)
	p.parts = slices.DeleteFunc(p.parts, func(one *part) bool {
		return slices.ContainsFunc(one.cases, func(c *Case) bool { return again[c.Ref.Region] })
	})
	return slices.Sorted(maps.Keys(again))
}

// families joins all copies, and returns the family of each line that has one.
func (p *Planner) families() map[string]image.Family {
	families := map[string]image.Family{}
	if len(p.parts) > 1 { // one alone knows its lines
		p.join()
	}
	for _, one := range p.parts {
		for _, c := range one.cases {
			if c.line != "" {
				enterFamily(families, c.line, c.own)
			}
		}
		if one.waits != nil {
			for line, f := range familiesOf(one.waits) {
				enterFamily(families, line, f)
			}
		}
	}
	return families
}

// join finds the copies of all regions.
func (p *Planner) join() {
	var all []link
	for _, one := range p.parts {
		for _, c := range one.cases {
			if c.Snapshot == "" {
				all = append(all, c.link)
			}
		}
		if one.waits != nil {
			all = append(all, linksOf(one.waits)...)
		}
	}
	lines := linesOf(all)
	for _, one := range p.parts {
		for _, c := range one.cases {
			if c.Snapshot == "" {
				c.line = lines[c.link.ref]
			}
		}
		if one.waits == nil {
			continue
		}
		for n := range one.waits.Subjects {
			s := &one.waits.Subjects[n]
			s.Line = lines[s.Ref]
		}
	}
}

// room is how much may go of all that there is.
func (p *Planner) room() Room {
	all := newCounts()
	for _, one := range p.parts {
		all.join(one.count)
	}
	return all.room(p.doc.Caps)
}

// decided are all cases, in the order of regions: what was added again keeps its place.
func (p *Planner) decided() []*Case {
	families := p.families()
	slices.SortStableFunc(p.parts, func(a, b *part) int { return cmp.Compare(a.region, b.region) })
	var all []*Case
	for _, one := range p.parts {
		if one.waits != nil {
			p.judge(one, one.waits, families)
		}
		all = append(all, one.cases...)
	}
	at := &scene{now: p.now, doc: p.doc, inv: &Inventory{Short: p.seen.Short}}
	at.hurry(p.request)
	at.settle(all, len(p.request.Images) == 0)
	return all
}

// words are sentences that come again and again, each kept once.
type words map[string]string

// mostWords is how many are known at once.
const mostWords = 4096

func (w words) one(text string) string {
	if known, ok := w[text]; ok {
		return known
	}
	if len(w) >= mostWords {
		clear(w)
	}
	w[text] = text
	return text
}

// all are the same reasons in less room.
func (w words) all(reasons []image.Reason) []image.Reason {
	less := make([]image.Reason, len(reasons))
	for n, r := range reasons {
		less[n] = image.Reason{Code: r.Code, Sentence: w.one(r.Sentence)}
	}
	return less
}
