package main

import (
	"context"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
)

// attributesInput is what of an image is to be changed.
type attributesInput struct {
	ImageID     image.ID        `json:"imageId" validate:"required,imageid" doc:"The image"`
	Region      image.RegionID  `json:"region" validate:"omitempty,regionid" doc:"Where the image is; needed only if the id is ambiguous"`
	Account     image.AccountID `json:"account" validate:"omitempty,accountid" doc:"Who owns the image; needed only if the id is ambiguous"`
	Name        *string         `json:"name" query:"-" validate:"omitempty,min=2,max=117" doc:"Its name"`
	Description *string         `json:"description" query:"-" validate:"omitempty,min=2,max=256" doc:"What it is, for people"`
	Deprecated  *bool           `json:"deprecated" query:"-" doc:"Whether it is deprecated: nothing new can be made of it"`
	BootMode    *image.BootMode `json:"bootMode" query:"-" validate:"omitempty,oneof=BIOS UEFI UEFI-Preferred" doc:"How it boots; ECS does not change it once instances use the image"`
	Group       *string         `json:"resourceGroupId" query:"-" validate:"omitempty,resourcegroup" doc:"The resource group that it is put into"`
	Tags        image.Tags      `json:"tags" query:"-" validate:"max=19" doc:"Tags that it gets, or that get another value"`
	Untag       []string        `json:"untag" query:"-" validate:"max=20,unique,dive,tagkey" doc:"Keys of tags that are removed"`
	Apply       *applyInput     `json:"apply" query:"-" doc:"Left out: only plan"`
}

// patchAttributes plans a change of an image's attributes, or carries it out.
func (h handler) patchAttributes(ctx context.Context, call function.Call, in attributesInput) (doneOut, error) {
	wish := importing.Attributes{
		Name: in.Name, Description: in.Description, Deprecated: in.Deprecated, BootMode: in.BootMode, ResourceGroup: in.Group, Tags: in.Tags, Untag: in.Untag,
	}
	if err := wish.Validate(); err != nil {
		return doneOut{}, err
	}
	s, err := h.session(call)
	if err != nil {
		return doneOut{}, err
	}
	opened, err := s.look(ctx)
	if err != nil {
		return doneOut{}, err
	}
	here, err := opened.Narrow(survey.Just(in.Region, in.Account))
	if err != nil {
		return doneOut{}, err
	}
	found, err := sharing.Locate(ctx, here, in.ImageID)
	if err != nil {
		return doneOut{}, err
	}
	return s.done(ctx, s.attributes(found, wish), in.Apply)
}

// attributes is the work on the attributes of an image that was found.
func (s *session) attributes(found image.Image, wish importing.Attributes) plan.Work {
	look := func(ctx context.Context) (plan.Plan, error) {
		if found.Kind != image.KindCustom {
			return importing.PlanAttributes(found, wish, importing.Namesake{}), nil
		}
		a, err := s.in(ctx, found.Account)
		if err != nil {
			return plan.Plan{}, err
		}
		now, _, err := sharing.Look(ctx, a.sharing, found.Ref, s.pause)
		if err != nil {
			return plan.Plan{}, err
		}
		opened, err := s.look(ctx)
		if err != nil {
			return plan.Plan{}, err
		}
		return importing.PlanAttributes(now, wish, wish.Namesake(ctx, opened.Again().Place(found.Account, found.Region), now)), nil
	}
	return plan.Work{
		Target: importing.AttributesTarget(found.Ref), Log: s.log, Now: s.now, Batch: atOnce,
		Observe: func(ctx context.Context, _ []plan.Entry) (plan.Plan, error) { return look(ctx) },
		Do: func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome {
			var outcomes []plan.Outcome
			for _, step := range steps {
				a, err := s.in(ctx, found.Account)
				if err != nil {
					outcomes = append(outcomes, plan.Failure(step, err))
					continue
				}
				outcomes = append(outcomes, importing.ChangeAttribute(ctx, a.making, found.Ref, step))
			}
			s.await(ctx, steps, outcomes, look)
			return outcomes
		},
	}
}
