package main

import (
	"context"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/survey"
)

// sources is of how many custom images it is known where they come from.
type sources struct {
	// Images: how many custom images there are.
	Images int `json:"images"`
	// Unknown: of how many the source is not known, Percent of them, rounded.
	Unknown int `json:"unknown"`
	// Percent: that of all, rounded.
	Percent int `json:"percent"`
	// Causes: by what it got lost, the most frequent first.
	Causes []lostBy `json:"causes"`
}

// lostBy is one way in which sources got lost.
type lostBy struct {
	// Code: as in the source of find.lineage.
	Code string `json:"code"`
	// Images: how many.
	Images int `json:"images"`
	// Cure says what would have kept them, or could still mend them.
	Cure string `json:"cure"`
	// Latest: the image that was made last.
	Latest relative `json:"latest"`
}

// sourcesOf looks at where all custom images of the places come from.
func sourcesOf(ctx context.Context, here *survey.Survey) (sources, []image.Unread) {
	world := lineage.Observe(ctx, lineage.WithTrail(here.Places()))
	of, gaps := lineage.New(world).Gaps()
	out, images := sources{Images: of, Causes: []lostBy{}}, newIndex(world)
	for _, g := range gaps {
		out.Unknown += g.Images
		out.Causes = append(out.Causes, lostBy{g.Code, g.Images, g.Cure, images.relative(g.Latest)})
	}
	if of > 0 {
		out.Percent = (200*out.Unknown + of) / (2 * of)
	}
	return out, image.AllUnread(world.Unread, world.BuildsUnread, world.EventsUnread)
}
