package pricing

import (
	"fmt"
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// Only is which images of a report are meant; the zero Only means all.
type Only struct {
	// Here tells the places that are meant; nil: all.
	Here func(image.Ref) bool
	// Families are names, or globs with * and ?.
	Families []image.Family
	// Unused: Yes means the images that nobody uses, No those that somebody uses; what
	// is not known is neither.
	Unused image.Tri
}

// Of are the images that are meant, in order, and if there are none, why not.
func (o Only) Of(held []Held) (meant []Held, none []image.Reason) {
	if meant = held; len(held) == 0 {
		return nil, []image.Reason{{Code: "noImages", Sentence: "there are no custom images, and none of others for which instances pay"}}
	}
	for _, part := range []struct {
		asked bool
		fits  func(*Held) bool
		none  func(held []Held) image.Reason
	}{
		{o.Here != nil, func(h *Held) bool { return o.Here(h.Image.Ref) }, noneHere},
		{len(o.Families) > 0, func(h *Held) bool { return h.Image.InFamilies(o.Families) }, o.noFamily},
		{o.Unused != image.Unknown, func(h *Held) bool { return o.use(h) }, o.noUse},
	} {
		if !part.asked {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(meant), func(h Held) bool { return !part.fits(&h) })
		if len(left) == 0 {
			return nil, []image.Reason{part.none(meant)}
		}
		meant = left
	}
	return meant, nil
}

// use: the image is used, or is not, as it was asked for. What is not ours is in a
// report because it is used.
func (o Only) use(h *Held) bool {
	if o.Unused == image.Yes {
		return h.Use == NotUsed && h.Image.Kind == image.KindCustom && !h.Gone
	}
	return h.Use == Used
}

func noneHere(held []Held) image.Reason {
	return image.Reason{Code: "noneHere", Sentence: fmt.Sprintf("none of the %d images of the report is in the regions and accounts asked for", len(held))}
}

// namedFamilies is how many families a sentence names.
const namedFamilies = 10

func (o Only) noFamily(held []Held) image.Reason {
	var there []string
	for i := range held {
		if name := held[i].Image.FamilyName(); name != "" {
			there = append(there, string(name))
		}
	}
	slices.Sort(there)
	there = slices.Compact(there)
	asked := make([]string, len(o.Families))
	for n, f := range o.Families {
		asked[n] = string(f)
	}
	sentence := fmt.Sprintf("none of the %d images there is of family %s", len(held), strings.Join(asked, " or "))
	switch {
	case len(there) > namedFamilies:
		sentence += fmt.Sprintf("; there are %s and %d more", strings.Join(there[:namedFamilies], ", "), len(there)-namedFamilies)
	case len(there) > 0:
		sentence += "; there are " + strings.Join(there, ", ")
	}
	return image.Reason{Code: "noFamily", Sentence: sentence}
}

func (o Only) noUse(held []Held) image.Reason {
	used, unknown := 0, 0
	for i := range held {
		switch held[i].Use {
		case Used:
			used++
		case UseUnknown:
			unknown++
		case NotUsed:
		}
	}
	if o.Unused == image.Yes {
		return image.Reason{Code: "noneUnused", Sentence: fmt.Sprintf("none of the %d images there is unused: %d are used, and of %d it is not known", len(held), used, unknown)}
	}
	return image.Reason{Code: "noneUsed", Sentence: fmt.Sprintf("none of the %d images there is used, as far as it is known, which it is not of %d", len(held), unknown)}
}
