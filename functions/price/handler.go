package main

import (
	"context"
	"os"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/survey"
)

// handler is built once and only read afterwards.
type handler struct {
	config config
	rates  pricing.Rates
	// accounts are those to look through, our own first.
	accounts func(call function.Call) []survey.Account
	// recent and sites are what is remembered between calls: where a region shows
	// public images, and whose prices an account pays.
	recent *survey.Recent
	sites  *pricing.Sites
	// journal is where notices are recorded, and where reports are kept; asked only
	// if the configuration says where that is.
	journal func(call function.Call) (*journal.Journal, journal.Documents, error)
	// told are those who hear of a report; nil: nobody does.
	told *notices.Notices
	now  func() time.Time
}

// open reads the configuration and wires price to Alibaba Cloud.
func open(look function.Lookup) (*function.Function, error) {
	config, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	rates, err := config.Table(os.ReadFile)
	if err != nil {
		return nil, err
	}
	as, err := places.Open("price", look, config.Places, config.Scaling, config.Trail)
	if err != nil {
		return nil, err
	}
	store, err := ledger.OpenStore(config.Journal, config.Storage, as)
	if err != nil {
		return nil, err
	}
	told, err := config.Notices.Open("price", look, os.ReadFile)
	if err != nil {
		return nil, err
	}
	h := handler{
		config: config, rates: rates, accounts: as.Readers, journal: store.Open, told: told, now: time.Now,
		recent: survey.NewRecent(), sites: pricing.NewSites(),
	}
	return h.function(), nil
}

// look is where calls look.
func (h handler) look() places.Look {
	return places.Look{Configured: h.config.Places, Accounts: h.accounts, Recent: h.recent, Reads: true, Now: h.now}
}

// prices are by what this deployment prices.
func (h handler) prices() quoting.Prices {
	return quoting.Prices{Rates: h.rates, Site: h.config.Site, Sites: h.sites, Now: h.now}
}

// function returns the operations. Callers only read, so every role may call.
func (h handler) function() *function.Function {
	return function.New("price",
		function.Handle(function.Spec{
			Name: "price.image", Pattern: "GET /prices/{imageId}", Role: function.Viewer, Margin: margin,
			Summary: "What an image costs, line by line, and by which rule",
			Fails:   []fault.Kind{fault.NotFound},
		}, h.one),
		function.Handle(function.Spec{
			Name: "price.images", Pattern: "POST /prices", Role: function.Viewer, Margin: margin,
			Summary: "Up to 100 such questions, each answered or refused on its own",
		}, h.several),
		function.Handle(function.Spec{
			Name: "price.report", Pattern: "GET /prices", Role: function.Viewer, Margin: margin,
			Summary: "What all custom images cost in a month, and what deleting the unused ones saves",
			Fails:   []fault.Kind{fault.NotFound},
			Headers: map[string]string{"Unknown-Count": "How many entries unknown has: places that could not be read; left out if there are none"},
		}, h.report),
		function.OnTimer("*", h.keep), // called report in s.yaml; elsewhere the platform names it
	).With(places.Rules()...)
}

func (h handler) one(ctx context.Context, call function.Call, in asking) (quoting.Quote, error) {
	q := in.Asking
	if err := q.Check(); err != nil {
		return quoting.Quote{}, err
	}
	s, err := h.look().At(ctx, call, survey.Within{}, in.Age)
	if err != nil {
		return quoting.Quote{}, err
	}
	p, err := h.prices().Pricer(ctx, s, image.RegionID(call.Region), survey.Just(q.Region, "").Regions, q.IDs())
	if err != nil {
		return quoting.Quote{}, err
	}
	answer, err := p.Quote(ctx, q)
	answer.Unknown = s.Unread()
	return answer, err
}

// several answers each question on its own; what they have in common is read once.
func (h handler) several(ctx context.Context, call function.Call, in batchInput) (quotes, error) {
	answers := make([]answerOrProblem, len(in.Questions))
	var ids []image.ID
	var valid []int
	for n, q := range in.Questions {
		if answers[n].Problem = call.Problem(q.Check()); answers[n].Problem == nil {
			ids, valid = append(ids, q.IDs()...), append(valid, n)
		}
	}
	s, err := h.look().At(ctx, call, survey.Within{}, in.Age)
	if err != nil {
		return quotes{}, err
	}
	p, err := h.prices().Pricer(ctx, s, image.RegionID(call.Region), nil, ids)
	if err != nil {
		return quotes{}, err
	}
	survey.Each(valid, func(n int) {
		answer, err := p.Quote(ctx, in.Questions[n])
		if err != nil {
			answers[n].Problem = call.Problem(err)
			return
		}
		answers[n].Quote = &answer
	})
	return quotes{AsOf: places.AsOf(s), Items: answers, Unknown: s.Unread()}, nil
}

// margin is kept for writing the answer, whatever the cloud does.
const margin = 2 * time.Second
