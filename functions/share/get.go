package main

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/sharing"
)

// get answers who may use an image.
func (h handler) get(ctx context.Context, call function.Call, in getInput) (shares, error) {
	s, err := h.session(ctx, call, in.subject)
	if err != nil {
		return shares{}, err
	}
	found, err := sharing.Locate(ctx, s.asked, in.ImageID)
	if err != nil {
		return shares{}, err
	}
	if found.Kind != image.KindCustom {
		return shares{}, fault.New(fault.Precondition, "%s is a %s image: only its owner sees whom it is shared with", found.ID, found.Kind).WithCode("notOurs")
	}
	asOf := h.now()
	seen, err := s.see(ctx, found)
	if err != nil {
		return shares{}, err
	}
	return newShares(seen, asOf, in.History), nil
}
