package main

import (
	"math"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
)

// createInput asks what is to be removed.
type createInput struct {
	works.Request
	function.Table
	Rules     bool            `json:"rules" query:"-" doc:"true: what the document of rules would have go"`
	Images    []image.ID      `json:"images" query:"-" validate:"max=200,unique,dive,imageid" doc:"Instead: these images, by the same guards and in the same stages; no time of disuse is asked for"`
	Region    image.RegionID  `json:"region" validate:"omitempty,regionid" doc:"Where the images are; needed only if an id is ambiguous"`
	Account   image.AccountID `json:"account" validate:"omitempty,accountid" doc:"Who owns the images; needed only if an id is ambiguous"`
	Image     image.ID        `json:"image" validate:"omitempty,imageid" doc:"With rules: only this one, planned at once"`
	SkipWaits bool            `json:"skipWaits" query:"-" doc:"true, with images and a reason: without grace and quarantine, and all regional copies; guards hold"`
	Reason    string          `json:"reason" query:"-" validate:"omitempty,oneline" doc:"Why the waits are skipped, such as a leaked secret"`
}

// check refuses what cannot be meant.
func (in createInput) check() error {
	switch {
	case in.table() && in.Apply != nil:
		return fault.InField("format", "noEffect", "is of plans, and has no effect together with apply")
	case in.Cursor != "":
		return nil
	case in.Rules == (len(in.Images) > 0):
		return fault.InField("images", "required", "must name images, or rules must be true: one of them")
	case in.Image != "" && !in.Rules:
		return fault.InField("image", "noEffect", "goes with rules; name the image in images instead")
	case in.SkipWaits && (len(in.Images) == 0 || in.Reason == ""):
		return fault.InField("reason", "required", "must say why the waits are skipped, and images must name what for")
	case in.Reason != "" && !in.SkipWaits:
		return fault.InField("reason", "noEffect", "goes with skipWaits")
	case in.Rules && (in.Region != "" || in.Account != ""):
		return fault.InField("region", "noEffect", "goes with images; rules say themselves where they hold")
	}
	return nil
}

// table: the steps are asked for as a table, which has all of them unless it is said
// how many.
func (in createInput) table() bool { return in.Format != "" && in.Format != "json" }

// request is what is asked for of the steps.
func (in createInput) request() works.Request {
	if in.table() && in.Limit == nil && in.Cursor == "" {
		all := math.MaxInt32
		in.Limit = &all
	}
	return in.Request
}
