package main

import (
	"context"
	"os"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/pricing"
)

// handler is built once and only read afterwards.
type handler struct {
	config config
	rates  pricing.Rates
	// accounts are those to look through, our own first.
	accounts func(call function.Call) []eye
	// documents is where reports are kept; asked only if the configuration says
	// where that is.
	documents func(call function.Call) (journal.Documents, error)
	now       func() time.Time
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
	home, _ := look("FC_REGION")
	eyes, err := newEyes(config, image.RegionID(home))
	if err != nil {
		return nil, err
	}
	h := handler{config: config, rates: rates, accounts: eyes.open, documents: eyes.documents, now: time.Now}
	return h.function(), nil
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
	).With(rules()...)
}

func (h handler) one(ctx context.Context, call function.Call, q question) (quote, error) {
	if err := q.check(); err != nil {
		return quote{}, err
	}
	s, err := h.survey(ctx, call, false)
	if err != nil {
		return quote{}, err
	}
	seen := s.sight(ctx, q.ids(), q.within)
	answer, err := h.quote(ctx, s, seen, q)
	if err != nil {
		return quote{}, err
	}
	answer.Unknown = s.left()
	return answer, nil
}

// several answers each question on its own; what they have in common is read once.
func (h handler) several(ctx context.Context, call function.Call, in batchInput) (quotes, error) {
	s, err := h.survey(ctx, call, false)
	if err != nil {
		return quotes{}, err
	}
	answers := make([]answerOrProblem, len(in.Questions))
	var ids []image.ID
	for n, q := range in.Questions {
		if answers[n].Problem = call.Problem(q.check()); answers[n].Problem == nil {
			ids = append(ids, q.ids()...)
		}
	}
	seen := s.sight(ctx, distinct(ids), anywhere)
	atOnce(len(answers), func(n int) {
		if answers[n].Problem != nil {
			return
		}
		answer, err := h.quote(ctx, s, seen, in.Questions[n])
		if err != nil {
			answers[n].Problem = call.Problem(err)
			return
		}
		answers[n].Quote = &answer
	})
	return quotes{AsOf: s.asOf(), Items: answers, Unknown: s.left()}, nil
}

// margin is kept for writing the answer, whatever the cloud does.
const margin = 2 * time.Second
