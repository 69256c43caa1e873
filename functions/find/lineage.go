package main

import (
	"context"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// located is which image a question is about, as the answer says it.
type located struct {
	AsOf   time.Time   `json:"asOf"`
	Image  image.Ref   `json:"image"`
	Name   string      `json:"name"`
	Kind   image.Kind  `json:"kind"`
	Family string      `json:"imageFamily,omitempty"`
	Also   []image.Ref `json:"elsewhere"`
	// Ambiguous: other places have an image of this id, too.
	Ambiguous bool `json:"ambiguous"`
}

func newLocated(d selection.Described, asOf time.Time) located {
	return located{
		AsOf: asOf.UTC().Truncate(time.Second), Image: d.Ref, Name: d.Name, Kind: d.Kind, Family: string(d.Family),
		Also: append([]image.Ref{}, d.Elsewhere...), Ambiguous: len(d.Elsewhere) > 0,
	}
}

// ancestry is the answer of find.lineage.
type ancestry struct {
	located
	lineage.Told
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) lineage(ctx context.Context, call function.Call, in imageInput) (ancestry, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return ancestry{}, err
	}
	closed := all.Unread()
	traces := all.Apart()
	traces.Each(func(p *survey.Place) { _, _ = p.Images(ctx, image.Listing{Statuses: image.Statuses()}) }) // everything here goes by them
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return ancestry{}, err
	}
	granted := all.Apart()
	told, unread := lineage.Tell(ctx, traces.Places(), granted, *d.Sighting.Image, closed)
	return ancestry{newLocated(d, all.AsOf()), told, image.AllUnread(granted.Unread(), unread, d.Unread)}, nil
}
