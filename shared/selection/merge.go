package selection

import (
	"cmp"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// Glimpse is what one account saw of one region.
type Glimpse struct {
	Account image.AccountID
	Region  image.RegionID
	Images  []image.Image
	// Bootable: ECS itself narrowed this list to what the instance type boots.
	Bootable bool
}

// Sighting is one image, whoever saw it. The embedded image is the owner's
// view where the owner looked; the kind is by that view.
type Sighting struct {
	*image.Image
	// SeenBy are the accounts that see it, in order.
	SeenBy []image.AccountID
	// Granted is the view of an account that it is shared with, the first one; nil if
	// there is none.
	Granted *image.Image
	// Bootable: ECS listed it among what the instance type can boot.
	Bootable bool
}

// Key names an image: one image has many views, but one key.
type Key struct {
	Region image.RegionID
	ID     image.ID
}

// Merge makes one sighting of all views of an image: the same region and id are
// the same image. Neither the order of the glimpses nor that inside them
// matters; the result is in no particular order. The images stay where they
// are: sightings point into the glimpses. Everybody sees a community image, so
// that its owner's accounts only are said to see it, where they do.
func Merge(glimpses []Glimpse) []Sighting {
	n := 0
	for _, g := range glimpses {
		n += len(g.Images)
	}
	m := merger{merged: make([]Sighting, 0, n), at: make(map[Key]int, n)}
	m.take(glimpses, func(k image.Kind) bool { return k != image.KindCommunity })
	m.take(glimpses, func(k image.Kind) bool { return k == image.KindCommunity })
	return m.merged
}

type merger struct {
	merged []Sighting
	at     map[Key]int
}

// take adds the views of some kinds.
func (m *merger) take(glimpses []Glimpse, of func(image.Kind) bool) {
	for _, g := range glimpses {
		// One list for all that only this account sees: 100000 images do not
		// need 100000 lists of one.
		alone := []image.AccountID{g.Account}
		for i := range g.Images {
			view := &g.Images[i]
			if !of(view.Kind) {
				continue
			}
			where := Key{view.Region, view.ID}
			known, again := m.at[where]
			if !again {
				m.at[where] = len(m.merged)
				m.merged = append(m.merged, Sighting{Image: view, SeenBy: alone[:1:1]})
				known = len(m.merged) - 1
			}
			m.merged[known].add(view, g)
		}
	}
}

// add takes one more view of the same image into account.
func (s *Sighting) add(view *image.Image, g Glimpse) {
	s.Bootable = s.Bootable || g.Bootable
	if view.Kind == image.KindCommunity && s.Kind == image.KindCustom {
		return
	}
	if better(view, s.Image) < 0 {
		s.Image = view
	}
	if view.Kind == image.KindShared && (s.Granted == nil || better(view, s.Granted) < 0) {
		s.Granted = view
	}
	if at, found := slices.BinarySearch(s.SeenBy, g.Account); !found {
		s.SeenBy = slices.Insert(slices.Clip(s.SeenBy), at, g.Account)
	}
}

// better orders the views of one image by how much they are worth: the owner's
// first, then that of an account to which it was granted. The rest only makes
// the choice independent of the order of reading.
func better(a, b *image.Image) int {
	return cmp.Or(
		cmp.Compare(worth(a), worth(b)),
		strings.Compare(string(a.Account), string(b.Account)),
		strings.Compare(string(a.Status), string(b.Status)),
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.Description, b.Description),
	)
}

func worth(view *image.Image) int {
	switch view.Kind {
	case image.KindCustom:
		return 0
	case image.KindShared:
		return 1
	case image.KindCommunity:
		return 2
	}
	return 3
}
