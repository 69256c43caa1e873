// Package evidence tells when a list without rows proves that there is nothing:
// only after it was asked for again, and beside a list that cannot be empty. ECS
// answers some callers who may not look, and now and then others, with nothing.
package evidence

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Twice reads a list, and again if it was empty.
func Twice[T any](read func() ([]T, error)) ([]T, error) {
	if found, err := read(); err != nil || len(found) > 0 {
		return found, err
	}
	return read()
}

// Catalogue lists the images that one account sees.
type Catalogue interface {
	Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error)
}

// Images lists images. The list is empty only where public images, which every
// region has, show that lists are answered, and it was empty twice. It fails
// with fault.Unknown, code emptyList, where not even those are shown, or nothing
// at all of a whole region.
func Images(ctx context.Context, from Catalogue, in image.RegionID, which image.Listing) ([]image.Image, error) {
	found, err := from.Images(ctx, in, which)
	if err != nil || len(found) > 0 {
		return found, err
	}
	known, err := from.Images(ctx, in, image.Listing{Kind: image.KindPublic})
	if err == nil && len(known) > 0 {
		found, err = from.Images(ctx, in, which)
	}
	whole := which.Kind == "" && len(which.IDs) == 0
	if err == nil && (len(known) == 0 || whole && len(found) == 0) {
		return nil, fault.New(fault.Unknown, "no image is shown, not even the public ones, which every region has").WithCode("emptyList")
	}
	return found, err
}

// Doubting is a catalogue whose empty lists are evidence.
type Doubting struct{ Catalogue }

// Images is Images of the package.
func (d Doubting) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	return Images(ctx, d.Catalogue, in, which)
}

// Hidden reports whether an image that was seen with another account's
// credentials contradicts what its owner was shown: one of owners, whose lists of
// the region did not have it.
func Hidden(seen image.Image, owners func(image.AccountID, image.RegionID) bool) bool {
	return seen.Kind != image.KindCustom && seen.Owner != "" && owners(seen.Owner, seen.Region)
}
