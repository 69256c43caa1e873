package lineage

import (
	"context"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// CopiesOf finds the regional copies of an image in places of a survey, itself among
// them, and the links of images that might be copies, too. What could not be read
// may hide more.
func CopiesOf(ctx context.Context, of []*survey.Place, found image.Image) (sure []image.Image, perhaps []Link, unread []image.Unread) {
	if found.Kind != image.KindCustom {
		return []image.Image{found}, nil, nil
	}
	var places []Place
	for _, p := range of {
		if p.Account == found.Account {
			places = append(places, Place{Account: p.Account, Region: p.Region, Reader: withoutDisks{p}})
		}
	}
	world := Observe(ctx, places)
	known := New(world).Copies(KeyOf(found.Ref))
	return slices.DeleteFunc(world.Images, func(i image.Image) bool {
		return i.Kind != image.KindCustom || !slices.Contains(known.Sure, KeyOf(i.Ref))
	}), known.Perhaps, world.Unread
}

// withoutDisks is a place as it is read for regional copies: what disks were made
// from says nothing about those.
type withoutDisks struct{ *survey.Place }

// Disks are not needed, and not asked for.
func (withoutDisks) Disks(context.Context, image.DiskListing) ([]image.Disk, error) { return nil, nil }
