package lineage

import (
	"cmp"
	"slices"

	"imagekeeper/shared/image"
)

// Gap is one way in which the sources of images got lost.
type Gap struct {
	// Code is what broke the chains, Cure what would have kept them, or could still
	// mend them.
	Code, Cure string
	// Images is how many end so; Latest is the one that was made last.
	Images int
	Latest Key
}

// Gaps tells of how many custom images the source is looked for, and by what it got
// lost, the most frequent first.
func (g *Graph) Gaps() (of int, gaps []Gap) {
	found := map[[2]string]*Gap{}
	latest := map[[2]string]image.Image{}
	for _, k := range g.keys {
		i := g.images[k]
		if i.Kind != image.KindCustom {
			continue
		}
		of++
		end := g.Source(k)
		if end.Kind != SourceUnknown {
			continue
		}
		by := [2]string{end.Why.Code, end.Cure}
		gap := found[by]
		if gap == nil {
			gap = &Gap{Code: end.Why.Code, Cure: end.Cure}
			found[by] = gap
		}
		if gap.Images++; gap.Images == 1 || i.CreatedAt.After(latest[by].CreatedAt) {
			gap.Latest, latest[by] = k, i
		}
	}
	for _, gap := range found {
		gaps = append(gaps, *gap)
	}
	slices.SortFunc(gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(b.Images, a.Images), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Cure, b.Cure))
	})
	return of, gaps
}
