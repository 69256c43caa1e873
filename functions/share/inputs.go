package main

import (
	"fmt"
	"time"

	"imagekeeper/shared/fault"
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
	History bool `json:"history" doc:"Also the whole story: who approved what, and what came of it"`
}

// termsInput is one account that may use the image.
type termsInput struct {
	Account  image.AccountID  `json:"accountId" validate:"required,accountid" doc:"The account, a number"`
	Until    *time.Time       `json:"until" doc:"When its access ends, to the second; left out: never"`
	OnExpiry sharing.OnExpiry `json:"onExpiry" validate:"omitempty,oneof=remove removeIfUnused" doc:"What becomes of it then: remove whatever the use, or removeIfUnused; required with until"`
	Reason   string           `json:"reason" validate:"omitempty,oneline" doc:"Why it has access, for people"`
	Replaces image.AccountID  `json:"replaces" validate:"omitempty,accountid" doc:"The account in whose place it gets access: that one loses it only once this one has it"`
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
	Accounts  []termsInput `json:"accounts" query:"-" validate:"required,max=50,dive" doc:"Exactly the accounts that are to have access; an empty list: nobody"`
	Community *bool        `json:"community" query:"-" doc:"Whether it is to be a community image; left out: as it is"`
}

// patchInput is a change of what there is.
type patchInput struct {
	changing
	Add    []termsInput      `json:"add" query:"-" validate:"max=200,dive" doc:"Accounts that are to have access, or new terms for those that have"`
	Remove []image.AccountID `json:"remove" query:"-" validate:"max=200,dive,accountid" doc:"Accounts that are not to have access"`
}

// check refuses an apply that is neither one thing nor the other.
func (c changing) check() error {
	if c.Apply != nil && (c.Apply.Digest == "") == (c.Apply.Limits == nil) {
		return fault.InField("apply", "required", "must have either digest or limits")
	}
	return nil
}

// terms translates accounts, times to the second and in UTC. It fails with
// fault.Invalid, naming the field, for a time that would read as none.
func terms(field string, list []termsInput) ([]sharing.Terms, error) {
	var all []sharing.Terms
	for n, t := range list {
		terms := sharing.Terms{Account: t.Account, OnExpiry: t.OnExpiry, Reason: t.Reason}
		if t.Until != nil {
			if terms.Until = t.Until.UTC().Truncate(time.Second); terms.Until.IsZero() {
				return nil, fault.InField(fmt.Sprintf("%s[%d].until", field, n), "past", "must be in the future")
			}
		}
		all = append(all, terms)
	}
	return all, nil
}

// replaces has, by account, the one in whose place it gets access.
func replaces(list []termsInput) map[image.AccountID]image.AccountID {
	by := map[image.AccountID]image.AccountID{}
	for _, t := range list {
		if t.Replaces != "" {
			by[t.Account] = t.Replaces
		}
	}
	return by
}

// wish is how this call would have the image.
func (in putInput) wish(now time.Time, policy sharing.Policy) (wish, error) {
	accounts, err := terms("accounts", in.Accounts)
	if err != nil {
		return wish{}, err
	}
	wanted := sharing.Wanted{Accounts: accounts, EvenIfUsed: in.EvenIfUsed, Replaces: replaces(in.Accounts)}
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
	add, err := terms("add", in.Add)
	if err != nil {
		return wish{}, err
	}
	change := sharing.Change{Add: add, Remove: in.Remove, EvenIfUsed: in.EvenIfUsed, Replaces: replaces(in.Add)}
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
