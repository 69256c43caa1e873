package main

import (
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// subject names the image.
type subject struct {
	ImageID image.ID        `json:"imageId" validate:"required,imageid" doc:"The image, as ECS writes its id"`
	Region  image.RegionID  `json:"region" validate:"omitempty,regionid" doc:"Where the image is; needed only if the id is ambiguous"`
	Account image.AccountID `json:"account" validate:"omitempty,accountid" doc:"Who owns the image; needed only if the id is ambiguous"`
}

// getInput asks who may use an image.
type getInput struct {
	subject
	function.Table
	History bool `json:"history" doc:"Also the whole story: who approved what, and what came of it"`
}

// changing is what PUT and PATCH have in common.
type changing struct {
	subject
	Regions    string            `json:"regions" validate:"omitempty,oneof=all" doc:"all: the same for every regional copy that is known for sure"`
	EvenIfUsed []image.AccountID `json:"evenIfUsed" query:"-" validate:"max=200,dive,accountid" doc:"Accounts that may lose access although they use the image, or may use it for all that is known"`
	Apply      *applyInput       `json:"apply" query:"-" doc:"Left out: only plan"`
}

// applyInput asks to carry a plan out.
type applyInput struct {
	Digest string         `json:"digest" validate:"omitempty,digest" doc:"The digest of the plan that was seen"`
	Limits *change.Limits `json:"limits" doc:"Instead of a digest, for automation that may call directly: whatever the plan is, if it is within these limits"`
}

// putInput is a desired state.
type putInput struct {
	changing
	Accounts  sharing.AskedList `json:"accounts" query:"-" validate:"required,max=50,dive" doc:"Exactly the accounts that are to have access; an empty list: nobody"`
	Community *bool             `json:"community" query:"-" doc:"Whether it is to be a community image; left out: as it is"`
}

// patchInput is a change of what there is.
type patchInput struct {
	changing
	Add    sharing.AskedList `json:"add" query:"-" validate:"max=200,dive" doc:"Accounts that are to have access, or new terms for those that have"`
	Remove []image.AccountID `json:"remove" query:"-" validate:"max=200,dive,accountid" doc:"Accounts that are not to have access"`
}

// check refuses an apply that is neither one thing nor the other.
func (c changing) check() error {
	if c.Apply != nil && (c.Apply.Digest == "") == (c.Apply.Limits == nil) {
		return fault.InField("apply", "required", "must have either digest or limits")
	}
	return nil
}

// wish is how this call would have the image.
func (in putInput) wish(now time.Time, policy sharing.Policy) (wish, error) {
	accounts, err := in.Accounts.Terms("accounts")
	if err != nil {
		return wish{}, err
	}
	wanted := sharing.Wanted{Accounts: accounts, EvenIfUsed: in.EvenIfUsed, Replaces: in.Accounts.Replaces()}
	if err := wanted.Check(now); err != nil {
		return wish{}, err
	}
	return wishFor(policy, func(o sharing.Observed) sharing.Wanted {
		w := wanted
		w.Community = o.Image.Published
		if in.Community != nil {
			w.Community = *in.Community
		}
		return w
	}), in.check()
}

// wish is how this call would have the image.
func (in patchInput) wish(now time.Time, policy sharing.Policy) (wish, error) {
	add, err := in.Add.Terms("add")
	if err != nil {
		return wish{}, err
	}
	change := sharing.Change{Add: add, Remove: in.Remove, EvenIfUsed: in.EvenIfUsed, Replaces: in.Add.Replaces()}
	if err := change.Check(now); err != nil {
		return wish{}, err
	}
	return wishFor(policy, change.Over), in.check()
}

// wish plans from what was observed. Use is looked at only of those who would
// lose access.
type wish struct {
	// shares: it may give access.
	shares bool
	losing func(sharing.Observed) []image.AccountID
	plan   func(sharing.Observed) plan.Plan
}

func wishFor(policy sharing.Policy, wanted func(sharing.Observed) sharing.Wanted) wish {
	return wish{
		shares: true,
		losing: func(o sharing.Observed) []image.AccountID { return sharing.Losing(o, wanted(o)) },
		plan:   func(o sharing.Observed) plan.Plan { return sharing.Diff(o, wanted(o), policy) },
	}
}
