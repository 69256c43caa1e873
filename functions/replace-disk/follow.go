package main

import (
	"context"
	"slices"

	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
)

// references are what names images in a place, and whom those that the servers run
// are shared with beside the accounts that are looked at.
func (s *session) references(ctx context.Context, all *survey.Survey, p *survey.Place, follow rollout.Follow, images []image.Image, servers []rollout.Server) rollout.References {
	refs := rollout.References{Grantees: map[image.ID][]image.AccountID{}}
	var err error
	if follow.LaunchTemplates {
		refs.Templates, err = p.TemplateVersions(ctx)
		refs.TemplatesUnread = err != nil
	}
	if follow.LaunchTemplates || follow.ScalingConfigurations { // also which groups launch a template
		refs.Scaling, err = p.ScalingConfigurations(ctx)
		refs.ScalingUnread = err != nil
	}
	ours := s.ours(all)
	for _, i := range images {
		runs := slices.ContainsFunc(servers, func(one rollout.Server) bool { return one.Before != nil && one.Before.Image == i.ID })
		if !runs || i.Kind != image.KindCustom || i.SharedOut == image.No {
			continue
		}
		grants, err := p.Grants(ctx, i.ID)
		if err != nil {
			continue // noted, and told as unknown
		}
		for _, g := range grants {
			if !slices.Contains(ours, g.Account) {
				refs.Grantees[i.ID] = append(refs.Grantees[i.ID], g.Account)
			}
		}
	}
	return refs
}

// point adds what an undo or a retry has to have name another image, and what names
// what in its places now.
func (s *session) point(ctx context.Context, all *survey.Survey, o *rollout.Observed, pointers []rollout.Pointer) {
	o.Pointers = pointers
	looked := map[rollout.Place]bool{}
	for _, r := range pointers {
		if looked[r.Place] {
			continue
		}
		looked[r.Place] = true
		here := o.Places[r.Place]
		here.References.TemplatesUnread, here.References.ScalingUnread = true, true
		if p := all.Place(r.Account, r.Region); p != nil {
			here.References = s.references(ctx, all, p, rollout.Follow{LaunchTemplates: true, ScalingConfigurations: true}, nil, nil)
			here.Images, _ = p.Images(ctx, image.Listing{Statuses: image.Statuses()}) // a failure is noted, and an image that is not seen refuses
		}
		o.Places[r.Place] = here
	}
}
