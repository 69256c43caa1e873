package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// account is one account as replace-disk works in it.
type account struct {
	survey.Account
	cloud cloud
}

// cloud is what instances are changed with, and the quotas.
type cloud interface {
	rollout.Cloud
	Quota(ctx context.Context, in image.RegionID, code string) (image.Quota, error)
}

// handler is built once and only read afterwards.
type handler struct {
	config config
	rates  pricing.Rates
	// accounts are those to work in, our own first.
	accounts func(call function.Call) []account
	// journal is where this call's changes are recorded, and what is kept beside.
	journal func(call function.Call) (*journal.Journal, journal.Documents, error)
	notices *notices.Notices
	// recent is what this process remembers of regions.
	recent *survey.Recent
	now    func() time.Time
	// pause waits; it ends early with the context's error.
	pause func(ctx context.Context, d time.Duration) error
	// notAfter has the cloud itself refuse calls that come late; nil: nothing can.
	notAfter func(ctx context.Context, t time.Time) context.Context
	// worker names an event, unlike any other.
	worker func() string
}

// open reads the configuration and wires replace-disk to Alibaba Cloud.
func open(look function.Lookup) (*function.Function, error) {
	config, err := readConfig(look)
	if err != nil {
		return nil, err
	}
	as, err := places.Open("replace-disk", look, config.Places, config.Scaling, config.Quotas)
	if err != nil {
		return nil, err
	}
	store, err := ledger.OpenStore(config.Journal, config.Storage, as)
	if err != nil {
		return nil, err
	}
	told, err := config.Notices.Open("replace-disk", look, os.ReadFile)
	if err != nil {
		return nil, err
	}
	rates, err := config.Table(os.ReadFile)
	if err != nil {
		return nil, err
	}
	h := handler{
		config: config, rates: rates, accounts: changers(as), journal: store.Open, notices: told, recent: survey.NewRecent(), now: time.Now, pause: function.Pause,
		notAfter: alicloud.NotAfter, worker: rand.Text,
	}
	return h.function(), nil
}

// changers are the accounts to work in, our own first.
func changers(as *places.Accounts) func(call function.Call) []account {
	return func(call function.Call) []account {
		var all []account
		for _, a := range as.Of(call) {
			all = append(all, account{places.Reader(a), alicloud.Operate(a)})
		}
		return all
	}
}

// function returns the operations.
func (h handler) function() *function.Function {
	rollouts := h.kind()
	began := []int{http.StatusOK, http.StatusAccepted}
	fails, tells := []fault.Kind{fault.NotFound, fault.Precondition}, []fault.Kind{fault.Conflict, fault.Precondition}
	headers := map[string]string{"Location": "The work that goes on in the background"}
	operations := []function.Operation{
		function.Handle(function.Spec{
			Name: "rollouts.post", Pattern: "POST /rollouts", Role: function.Viewer, ApplyRole: function.Fleet,
			Summary: "Move instances to another image by replacing their system disks: plan, or apply a plan by its digest",
			Success: began, Fails: fails[:1], Tells: tells, Headers: headers,
		}, h.post),
		function.Handle(function.Spec{
			Name: "rollouts.undo", Pattern: "POST /rollouts/{id}/undo", Role: function.Viewer, ApplyRole: function.Fleet,
			Summary: "Bring back what instances of a rollout had on their disks before, or their old image: plan, or apply",
			Success: began, Fails: fails, Tells: tells, Headers: headers,
		}, h.undo),
		function.Handle(function.Spec{
			Name: "rollouts.retry", Pattern: "POST /rollouts/{id}/retry", Role: function.Viewer, ApplyRole: function.Fleet,
			Summary: "Plan the instances of a rollout again that failed or were not begun: plan, or apply",
			Success: began, Fails: append(fails, fault.Conflict), Tells: tells[1:], Headers: headers,
		}, h.retry),
		function.OnTimer("expiry", h.expire),
		function.OnTimer("*", rollouts.Worker), // called worker in s.yaml; elsewhere the platform names it
	}
	operations = append(operations, rollouts.Reads()...)
	operations = append(operations, rollouts.Orders()...)
	operations = append(operations, rollouts.Stops()...)
	return function.New("replace-disk", operations...).With(append(places.Rules(), works.Rules()...)...)
}

// kind is how rollouts are told.
func (h handler) kind() works.Kind[stepOut, itemOut] {
	return works.Kind[stepOut, itemOut]{
		Name: "rollouts", Role: function.Fleet, Step: newStep, Item: newItem, Notices: h.notices,
		Runner: func(_ context.Context, call function.Call) (work.Runner, error) {
			s, err := h.session(call)
			if err != nil {
				return work.Runner{}, err
			}
			return s.runner(), nil
		},
	}
}
