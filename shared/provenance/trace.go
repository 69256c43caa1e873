package provenance

import (
	"context"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

// Traced is where images come from, in pricing's words.
type Traced struct {
	// Sources has one for each image that was made from another one.
	Sources map[lineage.Key]pricing.Source
	// Graph is what was found of their lineage, in Images.
	Graph  *lineage.Graph
	Images map[lineage.Key]image.Image
	// Elsewhere: some chain leads to a region that was not looked at.
	Elsewhere bool
	// Unread is what could not be read.
	Unread []image.Unread
}

// Trace finds out where images come from, wherever the places show it. Public and
// Marketplace images are their own source; if there are no others nothing is read.
func Trace(ctx context.Context, places []*survey.Place, images []image.Image) Traced {
	var made []lineage.Key
	for i := range images {
		if Made(images[i].Kind) {
			made = append(made, lineage.KeyOf(images[i].Ref))
		}
	}
	t := Traced{Sources: map[lineage.Key]pricing.Source{}, Images: map[lineage.Key]image.Image{}}
	if len(made) == 0 {
		t.Graph = lineage.New(lineage.World{})
		return t
	}
	world := lineage.Trace(ctx, lineage.WithTrail(places), made)
	t.Graph, t.Unread = lineage.New(world), image.AllUnread(world.Unread, world.BuildsUnread, world.EventsUnread)
	for i := range world.Images {
		t.Images[lineage.KeyOf(world.Images[i].Ref)] = world.Images[i]
	}
	for _, k := range made {
		story := t.Graph.Ancestry(k)
		t.Sources[k] = SourceOf(story, t.Images)
		t.Elsewhere = t.Elsewhere || story.Source.Why.Code == lineage.CodeRegionNotRead
	}
	return t
}

// Made: an image of this kind was made from another one.
func Made(k image.Kind) bool { return k != image.KindPublic && k != image.KindMarketplace }

// Near is Trace in the regions of images first, each for its account, and in the
// account's others only if a chain leads there.
func Near(ctx context.Context, places []*survey.Place, images []image.Image) Traced {
	var near, far []*survey.Place
	for _, p := range places {
		theirs := func(i image.Image) bool { return i.Account == p.Account }
		if slices.ContainsFunc(images, func(i image.Image) bool { return theirs(i) && i.Region == p.Region }) {
			near = append(near, p)
		}
		if slices.ContainsFunc(images, theirs) {
			far = append(far, p)
		}
	}
	found := Trace(ctx, near, images)
	if found.Elsewhere {
		found = Trace(ctx, far, images)
	}
	return found
}
