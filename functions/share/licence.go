package main

import (
	"context"
	"slices"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/sharing"
)

// longest is how long a plan waits for prices, which it does without if it must.
const longest = 10 * time.Second

// dues are what accounts pay for instances of an image: those that it is shared
// with, and everyone else where it is published.
type dues struct{ shared, published pricing.Dues }

// appraise finds out what the accounts of a plan that get the image, or keep it,
// pay for its instances. It is for whoever reads the plan and no part of it: what
// cannot be told in time is said to be unknown. A plan by which nobody gets
// anything is not appraised.
func (s *session) appraise(ctx context.Context, j *planning, p plan.Plan) {
	images := j.given(p)
	if len(images) == 0 {
		return
	}
	left := min(longest, s.deadline.Sub(s.now())/2)
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	found := provenance.Near(ctx, s.survey.Places(), images)
	j.unread = found.Unread
	j.dues = map[string]dues{}
	for _, i := range images {
		of := func(as image.Kind) pricing.Dues {
			return pricing.DuesOf(i, found.Sources[lineage.KeyOf(i.Ref)], as, s.rates.At(s.now()), s.config.Site)
		}
		j.dues[sharing.Target(i.Ref)] = dues{of(image.KindShared), of(image.KindCommunity)}
	}
}

// given are the images that a plan gives to somebody, or renews for somebody.
func (j *planning) given(p plan.Plan) []image.Image {
	var images []image.Image
	seen := map[string]bool{}
	for _, s := range p.Steps {
		_, target, own, _ := sharing.About(s, j.asked)
		gives := own.Action == sharing.Add || own.Action == sharing.Extend || own.Action == sharing.Publish
		if i := j.sight(target).Image; gives && !seen[target] && i.ID != "" {
			seen[target] = true
			images = append(images, i)
		}
	}
	return images
}

// licence is what a step's account pays, where the plan was appraised.
func (j *planning) licence(target, action string, account image.AccountID) *pricing.DuesTold {
	of, known := j.dues[target]
	if !known {
		return nil
	}
	has := slices.ContainsFunc(j.sight(target).Grants, func(g image.Grant) bool { return g.Account == account })
	switch action {
	case sharing.Publish:
		return of.published.Told("")
	case sharing.Add, sharing.Extend:
		return of.shared.Told(account)
	case sharing.Keep:
		if has {
			return of.shared.Told(account)
		}
	}
	return nil
}
