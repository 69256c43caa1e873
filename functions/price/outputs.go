package main

import (
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/survey"
)

// quote is the answer of price.image.
type quote struct {
	AsOf time.Time `json:"asOf"`
	pricing.Quote
	// Site is whose prices these are, and SiteBy by what that was decided:
	// describePrice (the currency of its answer) or configuration.
	Site pricing.Site `json:"site"`
	// SiteBy: describePrice, by the currency of its answer, or configuration.
	SiteBy   string    `json:"siteBy"`
	Instance *instance `json:"instance,omitempty"`
	Charge   charge    `json:"charge"`
	// Ambiguous: other regions have an image of this id, too, which costs the same.
	Ambiguous bool           `json:"ambiguous"`
	Elsewhere []image.Ref    `json:"elsewhere,omitempty"`
	Unknown   []image.Unread `json:"unknown,omitempty"`
}

// instance is what the licence is charged to.
type instance struct {
	InstanceType image.InstanceTypeID `json:"instanceType"`
	// VCPUs: of the instance type.
	VCPUs int `json:"vcpus,omitempty"`
	// ActiveVCPUs: those that are switched on, if not all.
	ActiveVCPUs int `json:"activeVcpus,omitempty"`
}

// charge is how it is charged.
type charge struct {
	Method  pricing.Method `json:"method"`
	Seconds pricing.Number `json:"seconds,omitzero"`
	// Period: of a subscription, in units of periodUnit.
	Period         int                 `json:"period,omitempty"`
	PeriodUnit     pricing.Unit        `json:"periodUnit,omitempty"`
	StoppedSeconds pricing.Number      `json:"stoppedSeconds,omitzero"`
	StoppedMode    pricing.StoppedMode `json:"stoppedMode,omitempty"`
}

func newQuote(s *survey.Survey, q pricing.Question, priced pricing.Quote, by string) quote {
	out := quote{
		AsOf: places.AsOf(s), Quote: priced, Site: q.Site, SiteBy: by,
		Charge: charge{
			Method: q.Charge.Method, Seconds: q.Duration, Period: q.Charge.Period, PeriodUnit: q.Charge.PeriodUnit,
			StoppedSeconds: q.Charge.Stopped, StoppedMode: q.Charge.StoppedMode,
		},
	}
	if q.Instance.Type != "" {
		out.Instance = &instance{q.Instance.Type, q.Instance.VCPUs, q.Instance.ActiveVCPUs}
	}
	return out
}

// quotes is the answer of price.images: one item per question, in their order.
type quotes struct {
	AsOf time.Time `json:"asOf"`
	// Items: one for each question, in their order.
	Items   []answerOrProblem `json:"items"`
	Unknown []image.Unread    `json:"unknown"`
}

// answerOrProblem has one of both.
type answerOrProblem struct {
	Quote   *quote            `json:"quote,omitempty"`
	Problem *function.Problem `json:"problem,omitempty"`
}
