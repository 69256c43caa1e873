package main

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// get answers who may use an image.
func (h handler) get(ctx context.Context, call function.Call, in getInput) (shares, error) {
	d, err := h.desk(ctx, call, in.subject)
	if err != nil {
		return shares{}, err
	}
	found, err := d.locate(ctx, in.ImageID)
	if err != nil {
		return shares{}, err
	}
	if found.Kind != image.KindCustom {
		return shares{}, fault.New(fault.Precondition, "%s is a %s image: only its owner sees whom it is shared with", found.ID, found.Kind).WithCode("notOurs")
	}
	asOf := h.now()
	s, err := d.see(ctx, found)
	if err != nil {
		return shares{}, err
	}
	return newShares(s, asOf, in.History), nil
}
