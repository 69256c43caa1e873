package selection

import (
	"context"

	"imagekeeper/shared/image"
)

// Class is whether a licence is charged for, and why that is so.
type Class struct {
	Licence Licence
	Why     []image.Reason
}

// classify finds out the classes of those that fit q otherwise and whose listing
// does not tell, for a query that goes by the class.
func (o *Observed) classify(ctx context.Context, p Pricer, q Query) {
	otherwise := q
	otherwise.Licence, otherwise.MaxLicence, otherwise.Order, otherwise.Explain = "", nil, NewestFirst, false
	fit, _ := NewJudge(otherwise, o.Types).knowing(*o).Sort(Merge(o.Glimpses))
	var unclear []Sighting
	for _, v := range fit {
		if Unclear(v.Image) {
			unclear = append(unclear, v.Sighting)
		}
	}
	if p != nil && len(unclear) > 0 {
		var unread []image.Unread
		o.Classes, unread = p.Classes(ctx, unclear)
		o.Unread = image.AllUnread(o.Unread, unread)
	}
}

// Unclear reports whether only what an image was made from may tell its class.
func Unclear(i *image.Image) bool {
	return i.Kind != image.KindPublic && i.Kind != image.KindMarketplace && licenceClass(i) == UnknownLicence
}

// classOf is the class of an image: as it was found out, else as the listing has it.
func (j *Judge) classOf(s *Sighting) Licence {
	if found, ok := j.classes[Key{s.Region, s.ID}]; ok {
		return found.Licence
	}
	return licenceClass(s.Image)
}
