package selection

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// compare returns the order's total order over distinct images. Ties are
// broken by name, region and id, whichever way the order runs.
func (o Order) compare() func(a, b Verdict) int {
	byImage := o.compareImages()
	switch o {
	case CheapestFirst: // the first one is the one to use
		return func(a, b Verdict) int {
			return cmp.Or(last(a)-last(b), compareCosts(a.cost, b.cost, 1), byImage(a.Image, b.Image))
		}
	case DearestFirst:
		return func(a, b Verdict) int { return cmp.Or(compareCosts(a.cost, b.cost, -1), byImage(a.Image, b.Image)) }
	}
	if o == NewestFirst { // the first one is the one to use
		return func(a, b Verdict) int { return cmp.Or(last(a)-last(b), byImage(a.Image, b.Image)) }
	}
	return func(a, b Verdict) int { return byImage(a.Image, b.Image) }
}

// last is 1 for an image that is not the one to use, which comes after all others.
func last(v Verdict) int {
	if v.aside() {
		return 1
	}
	return 0
}

// compareImages is the order among images of the same cost.
func (o Order) compareImages() func(a, b *image.Image) int {
	switch o {
	case OldestFirst:
		return func(a, b *image.Image) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), byName(a, b)) }
	case NameUp, CheapestFirst, DearestFirst:
		return byName
	case NameDown:
		return func(a, b *image.Image) int { return cmp.Or(strings.Compare(b.Name, a.Name), byName(a, b)) }
	case SmallestFirst:
		return func(a, b *image.Image) int { return cmp.Or(cmp.Compare(a.SizeGiB, b.SizeGiB), byName(a, b)) }
	case LargestFirst:
		return func(a, b *image.Image) int { return cmp.Or(cmp.Compare(b.SizeGiB, a.SizeGiB), byName(a, b)) }
	}
	return newest
}

func newest(a, b *image.Image) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), byName(a, b)) }

func byName(a, b *image.Image) int {
	return cmp.Or(
		strings.Compare(a.Name, b.Name),
		strings.Compare(string(a.Region), string(b.Region)),
		strings.Compare(string(a.ID), string(b.ID)),
	)
}

func sortBy(verdicts []Verdict, o Order) { slices.SortFunc(verdicts, o.compare()) }

// Page returns the page of fit, which is in the query's order, that follows
// the query's cursor, and the cursor of the next page, "" after the last. The
// cursor names the place of the last image shown, not a count: images that
// arrive or go elsewhere in the list move nobody to another page twice, and
// any instance can go on. It fails with fault.Invalid naming the cursor if
// that was not made here, or belongs to another query.
func Page(q Query, fit []Verdict) (page []Verdict, next string, err error) {
	rest := fit
	if q.Cursor != "" {
		last, err := readCursor(q)
		if err != nil {
			return nil, "", err
		}
		compare := q.Order.compare()
		from, _ := slices.BinarySearchFunc(fit, last, func(v, last Verdict) int {
			if compare(v, last) <= 0 { // the last one shown itself is before the next page
				return -1
			}
			return 1
		})
		rest = fit[from:]
	}
	if len(rest) <= q.Limit {
		return rest, "", nil
	}
	page = rest[:q.Limit]
	return page, newCursor(q, page[q.Limit-1]), nil
}

// cursorVersion changes when a cursor of old could be misread.
func cursorVersion(o Order) int {
	if o == CheapestFirst {
		return 2
	}
	return 1
}

// cursor is what an opaque cursor says: the query it belongs to and the fields
// of the last image shown by which anything is sorted.
type cursor struct {
	Version int            `json:"v"`
	Query   string         `json:"q"`
	At      time.Time      `json:"t"`
	Size    int            `json:"s,omitempty"`
	Name    string         `json:"n,omitempty"`
	Region  image.RegionID `json:"r"`
	ID      image.ID       `json:"i"`
	// Cost is set in orders by it: exact amount and currency; unknown is "".
	Cost *cursorCost `json:"c,omitempty"`
	// Stranger: it is among those that come last.
	Stranger bool `json:"x,omitempty"`
}

type cursorCost struct {
	Exact    string         `json:"e,omitempty"`
	Currency money.Currency `json:"c,omitempty"`
}

// costAt is what a cursor says of the last cost shown.
func costAt(q Query, last Verdict) *cursorCost {
	switch {
	case !q.byCost():
		return nil
	case last.cost == nil || last.cost.Amount == nil:
		return &cursorCost{}
	}
	return &cursorCost{last.cost.Amount.Exact(), last.cost.Amount.Currency()}
}

// cost reads it again; ok is false for what costAt does not write.
func (c *cursorCost) cost(q Query) (cost *Cost, ok bool) {
	switch {
	case c == nil:
		return nil, !q.byCost()
	case *c == cursorCost{}:
		return nil, q.byCost()
	}
	amount, err := money.Parse(c.Exact, c.Currency)
	if err != nil || amount.Exact() != c.Exact {
		return nil, false
	}
	return &Cost{Amount: &amount}, q.byCost()
}

func newCursor(q Query, last Verdict) string {
	return encodeCursor(cursor{
		cursorVersion(q.Order), q.fingerprint(), last.CreatedAt.UTC(), last.SizeGiB, last.Name, last.Region, last.ID, costAt(q, last), last.aside(),
	})
}

// encodeCursor writes a position as opaque text.
func encodeCursor(position any) string {
	text, err := json.Marshal(position)
	if err != nil { // a year beyond 9999, which no image has
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeCursor reads what encodeCursor writes, and nothing else.
func decodeCursor(text string, into any) error {
	malformed := fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
	if len(text) > maxCursor {
		return malformed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || json.Unmarshal(raw, into) != nil {
		return malformed
	}
	if again, err := json.Marshal(into); err != nil || string(again) != string(raw) {
		return malformed
	}
	return nil
}

// ofThisQuery refuses a cursor of another version or of another list.
func ofThisQuery(version, query bool) error {
	switch {
	case !version:
		return fault.InField("cursor", "outdated", "was made by another version; begin again without it")
	case !query:
		return fault.InField("cursor", "otherQuery", "belongs to another query; only limit, format and explain may change between pages")
	}
	return nil
}

// maxCursor is far longer than any cursor made here: its names have limits.
const maxCursor = 4096

// readCursor returns the sort position that q's cursor names, as a verdict with
// only those fields set.
func readCursor(q Query) (Verdict, error) {
	var c cursor
	if err := decodeCursor(q.Cursor, &c); err != nil {
		return Verdict{}, err
	}
	if err := ofThisQuery(c.Version == cursorVersion(q.Order), c.Query == q.fingerprint()); err != nil {
		return Verdict{}, err
	}
	cost, ok := c.Cost.cost(q)
	if !ok {
		return Verdict{}, fault.InField("cursor", "cursorMalformed", "is not a cursor of this API")
	}
	position := &image.Image{CreatedAt: c.At, SizeGiB: c.Size, Name: c.Name}
	position.Region, position.ID = c.Region, c.ID
	return Verdict{Sighting: Sighting{Image: position}, cost: cost, stranger: c.Stranger}, nil
}
