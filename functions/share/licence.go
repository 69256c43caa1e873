package main

import (
	"context"
	"slices"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/money"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
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
	sources, unread := s.sources(ctx, images)
	j.unread = unread
	j.dues = map[string]dues{}
	for _, i := range images {
		of := func(as image.Kind) pricing.Dues {
			return pricing.DuesOf(i, sources[lineage.KeyOf(i.Ref)], as, s.rates.At(s.now()), s.config.Site)
		}
		j.dues[sharing.Target(i.Ref)] = dues{of(image.KindShared), of(image.KindCommunity)}
	}
}

// given are the images that a plan gives to somebody, or renews for somebody.
func (j *planning) given(p plan.Plan) []image.Image {
	var images []image.Image
	seen := map[string]bool{}
	for _, s := range p.Steps {
		_, target, own, _ := j.place(s)
		gives := own.Action == sharing.Add || own.Action == sharing.Extend || own.Action == sharing.Publish
		if i := j.sight(target).Image; gives && !seen[target] && i.ID != "" {
			seen[target] = true
			images = append(images, i)
		}
	}
	return images
}

// sources are where images ultimately come from, and what could not be read of
// that. Their own regions are looked at first, and the others of this deployment
// only if a chain leads there.
func (s *session) sources(ctx context.Context, images []image.Image) (map[lineage.Key]pricing.Source, []image.Unread) {
	var near, far []*survey.Place
	for _, p := range s.survey.Places() {
		theirs := func(i image.Image) bool { return i.Account == p.Account }
		if slices.ContainsFunc(images, func(i image.Image) bool { return theirs(i) && i.Region == p.Region }) {
			near = append(near, p)
		}
		if slices.ContainsFunc(images, theirs) {
			far = append(far, p)
		}
	}
	found := provenance.Trace(ctx, near, images)
	if found.Elsewhere {
		found = provenance.Trace(ctx, far, images)
	}
	return found.Sources, found.Unread
}

// licenceOut is what each instance of an account pays for the image, beside what
// the instance itself costs. It is no part of the plan's digest.
type licenceOut struct {
	// Rule names the rule, and Sentence says it.
	Rule     pricing.RuleCode `json:"rule"`
	Sentence string           `json:"sentence"`
	// Charged says whether an operating system licence is charged, for Product.
	Charged pricing.Charged `json:"charged"`
	Product pricing.Product `json:"product"`
	// Payer is who pays: the owner of the instance, whose account is PaidBy unless
	// it can be anyone's.
	Payer  pricing.Payer   `json:"payer"`
	PaidBy image.AccountID `json:"paidBy,omitempty"`
	// Sure is how the source was found.
	Sure pricing.Sureness `json:"sure"`
	// Amount is there only if nothing is due whatever the instance; else Rates are
	// those for an hour, and Unknown says what cannot be told without more.
	Amount *money.Amount `json:"amount,omitempty"`
	// Rates are what the account pays for instances of it.
	Rates   []pricing.DuesRate `json:"rates,omitempty"`
	Unknown []image.Reason     `json:"unknown,omitempty"`
	Reasons []image.Reason     `json:"reasons"`
}

func newLicence(d pricing.Dues, account image.AccountID) *licenceOut {
	return &licenceOut{
		Rule: d.Rule.Code, Sentence: d.Rule.Sentence, Charged: d.Rule.Licence, Product: d.Rule.Product,
		Payer: d.Payer, PaidBy: account, Sure: d.Rule.Sure, Amount: d.Amount, Rates: d.Rates, Unknown: d.Unknown,
		Reasons: append([]image.Reason{}, d.Rule.Evidence...),
	}
}

// licence is what a step's account pays, where the plan was appraised.
func (j *planning) licence(target, action string, account image.AccountID) *licenceOut {
	of, known := j.dues[target]
	if !known {
		return nil
	}
	has := slices.ContainsFunc(j.sight(target).Grants, func(g image.Grant) bool { return g.Account == account })
	switch action {
	case sharing.Publish:
		return newLicence(of.published, "")
	case sharing.Add, sharing.Extend:
		return newLicence(of.shared, account)
	case sharing.Keep:
		if has {
			return newLicence(of.shared, account)
		}
	}
	return nil
}
