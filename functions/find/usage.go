package main

import (
	"context"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/usage"
)

// users is the answer of find.usage.
type users struct {
	located
	usage.Told
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) usage(ctx context.Context, call function.Call, in imageInput) (users, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return users{}, err
	}
	closed := all.Unread()
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return users{}, err
	}
	report := usage.Judge(usage.Survey(ctx, *d.Sighting.Image, all.Apart(), closed))
	return users{newLocated(d, all.AsOf()), usage.Tell(report), image.AllUnread(closed, d.Unread)}, nil
}
