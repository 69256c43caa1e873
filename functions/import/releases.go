package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
)

// familyInput names a family.
type familyInput struct {
	Family image.Family `json:"family" validate:"required,family" doc:"The image family"`
}

// releaseInput is which images are to be those of a channel.
type releaseInput struct {
	familyInput
	Channel importing.Channel           `json:"channel" query:"-" validate:"required,oneof=candidate stable" doc:"The channel"`
	Images  map[image.RegionID]image.ID `json:"images" query:"-" validate:"required,min=1,max=50,dive,keys,regionid,endkeys,imageid" doc:"The image of each region, as {\"cn-hangzhou\":\"m-…\"}; other regions stay as they are"`
	Adopt   bool                        `json:"adopt" query:"-" doc:"true: also images that no import made"`
	Reason  string                      `json:"reason" query:"-" validate:"omitempty,oneline" doc:"Why, for people"`
	Apply   *applyInput                 `json:"apply" query:"-" doc:"Left out: only plan"`
}

// releasesOut are the channels of a family.
type releasesOut struct {
	Family image.Family `json:"family"`
	// Channels: which image of each region is in them.
	Channels channelsOut `json:"channels"`
	// History has every image that was ever in one, oldest first.
	History []importing.Promotion `json:"history"`
}

// channelsOut are the images of each channel, by their regions.
type channelsOut struct {
	// Candidate are those that are tried.
	Candidate []importing.Assigned `json:"candidate"`
	// Stable are those to use.
	Stable []importing.Assigned `json:"stable"`
}

// getReleases tells the channels of a family.
func (h handler) getReleases(ctx context.Context, call function.Call, in familyInput) (releasesOut, error) {
	s, err := h.session(call)
	if err != nil {
		return releasesOut{}, err
	}
	told, err := s.log.Read(ctx, importing.ReleaseTarget(in.Family))
	if err != nil {
		return releasesOut{}, err
	}
	now := importing.Channels(told)
	out := releasesOut{
		Family: in.Family, Channels: channelsOut{assigned(now[importing.Candidate]), assigned(now[importing.Stable])},
		History: append([]importing.Promotion{}, importing.History(told)...),
	}
	for n := range out.History {
		out.History[n].Since = out.History[n].Since.UTC().Truncate(time.Second)
	}
	return out, nil
}

// assigned are the images of a channel in the order of their regions.
func assigned(by map[image.RegionID]importing.Assigned) []importing.Assigned {
	all := slices.SortedFunc(maps.Values(by), func(a, b importing.Assigned) int { return cmp.Compare(a.Region, b.Region) })
	for n := range all {
		all[n].Since = all[n].Since.UTC().Truncate(time.Second)
	}
	return append([]importing.Assigned{}, all...)
}

// putRelease plans which images are those of a channel, or carries that out.
func (h handler) putRelease(ctx context.Context, call function.Call, in releaseInput) (doneOut, error) {
	s, err := h.session(call)
	if err != nil {
		return doneOut{}, err
	}
	return s.done(ctx, s.release(importing.ReleaseWish{
		Family: in.Family, Channel: in.Channel, Images: in.Images, Adopt: in.Adopt, Reason: in.Reason,
	}), in.Apply)
}
