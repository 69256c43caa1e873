package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/alicloud/oss"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/function/rulebook"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/quoting"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// name is the first segment of the route, and of the works.
const name = upkeep.Name

// handler is built once and only read afterwards.
type handler struct {
	config config
	// accounts are those to work in, our own first.
	accounts func(call function.Call) []account
	// journal is where this call's changes are recorded, and what is kept beside.
	journal func(call function.Call) (*journal.Journal, journal.Documents, error)
	// ruling is the document of rules as it is now.
	ruling func(ctx context.Context, call function.Call) ruled
	// book is what that document may say.
	book    *rulebook.Book[retention.Document]
	notices *notices.Notices
	// prices are by what is said what removal saves.
	prices quoting.Prices
	// recent is what this process remembers of regions.
	recent *survey.Recent
	now    func() time.Time
	// pause waits; it ends early with the context's error.
	pause func(ctx context.Context, d time.Duration) error
	// notAfter has the cloud refuse changing calls that come later.
	notAfter func(ctx context.Context, t time.Time) context.Context
}

// open reads the configuration and wires cleanup to Alibaba Cloud.
func open(look function.Lookup) (*function.Function, error) {
	config, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	as, err := places.Open("cleanup", look, config.Places, config.Scaling, config.Trail, config.Keys)
	if err != nil {
		return nil, err
	}
	store, err := ledger.OpenStore(config.Journal, config.Storage, as)
	if err != nil {
		return nil, err
	}
	told, err := config.Settings.Open("cleanup", look, os.ReadFile)
	if err != nil {
		return nil, err
	}
	book, err := config.openRules(os.ReadFile, told)
	if err != nil {
		return nil, err
	}
	rates, err := config.Prices.Table(os.ReadFile)
	if err != nil {
		return nil, err
	}
	objects, err := oss.Open(as.Cloud(), oss.Config{Endpoint: config.OSSEndpoint})
	if err != nil {
		return nil, err
	}
	h := handler{
		config: config, accounts: owners(as), journal: store.Open, book: book, ruling: ruling(book, objects, as), notices: told, recent: survey.NewRecent(), now: time.Now, pause: function.Pause,
		notAfter: alicloud.NotAfter, prices: quoting.Prices{Rates: rates, Site: config.Prices.Site, Sites: pricing.NewSites(), Now: time.Now},
	}
	return h.function(), nil
}

// owners are the accounts to work in, our own first.
func owners(as *places.Accounts) func(call function.Call) []account {
	return func(call function.Call) []account {
		var all []account
		for _, a := range as.Of(call) {
			all = append(all, account{places.Reader(a), alicloud.Operate(a)})
		}
		return all
	}
}

// works is long work over HTTP.
func (h handler) works() works.Kind[stepOut, itemOut] {
	return works.Kind[stepOut, itemOut]{
		Name: "cleanups", Role: function.Reaper, Step: showStep, Item: showItem, Notices: h.notices,
		Runner: func(ctx context.Context, call function.Call) (work.Runner, error) {
			s, err := h.session(ctx, call)
			if err != nil {
				return work.Runner{}, err
			}
			return s.runner(), nil
		},
	}
}

// function returns the operations.
func (h handler) function() *function.Function {
	k := h.works()
	headers := map[string]string{"Location": "Where the work is", "Next-Cursor": "The same as nextCursor, where there are more steps"}
	accepted := []int{http.StatusOK, http.StatusAccepted}
	operations := []function.Operation{
		function.Handle(function.Spec{
			Name: "cleanups.create", Pattern: "POST /cleanups", Role: function.Viewer, ApplyRole: function.Reaper,
			Summary: "What would be removed, and why each image stays or goes: plan, or apply a plan by its digest",
			Success: accepted, Tells: fault.Kinds(), Headers: headers,
		}, h.create),
	}
	operations = append(operations, k.Reads()...)
	operations = append(operations, k.Stops()...)
	operations = append(operations,
		function.Handle(function.Spec{
			Name: "cleanups.bin", Pattern: "GET /bin", Role: function.Viewer, Summary: "What was deleted and can be brought back",
		}, h.bin),
		function.Handle(function.Spec{
			Name: "cleanups.restore", Pattern: "POST /bin/{id}/restore", Role: function.Viewer, ApplyRole: function.Reaper,
			Summary: "Bring an image back from the bin, as a new one: plan, or apply a plan by its digest",
			Success: accepted, Tells: fault.Kinds(), Headers: headers,
		}, h.restore),
		function.Handle(function.Spec{
			Name: "cleanups.keep", Pattern: "PUT /keeps/{imageId}", Role: function.Viewer, Summary: "Keep an image, until a time; it acts at once",
			Fails: []fault.Kind{fault.NotFound, fault.Precondition},
		}, h.keep),
		function.Handle(function.Spec{
			Name: "cleanups.unkeep", Pattern: "DELETE /keeps/{imageId}", Role: function.Viewer, Summary: "Take back the word that keeps an image; it is protected for a day more",
			Fails: []fault.Kind{fault.NotFound, fault.Precondition},
		}, h.unkeep),
		function.OnTimer("worker", k.Worker), function.OnTimer("schedule", h.schedule),
	)
	f := function.New("cleanup", operations...).With(append(places.Rules(), works.Rules()...)...)
	if h.book == nil {
		return f
	}
	return f.Reads(h.document())
}

// create plans a cleanup, or applies a plan.
func (h handler) create(ctx context.Context, call function.Call, in createInput) (works.Answer[stepOut, itemOut], error) {
	wrong, rest := in.check(), in
	rest.Request = works.Request{}
	s, err := h.session(ctx, call)
	if err != nil {
		return works.Answer[stepOut, itemOut]{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.plan(ctx, in) }
	return h.works().Post(ctx, call, in.request(), works.Wish{Empty: works.Nothing(rest), Wrong: wrong, Plan: planning})
}
