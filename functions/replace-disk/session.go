package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// session is where one call works: its journal, and the accounts, which are opened
// when they are first needed.
type session struct {
	handler
	call    function.Call
	inside  []account
	journal *journal.Journal
	kept    journal.Documents
	log     plan.Log

	mu     sync.Mutex
	survey *survey.Survey
}

// session opens the journal.
func (h handler) session(call function.Call) (*session, error) {
	s := &session{handler: h, call: call, inside: h.accounts(call)}
	var err error
	if s.journal, s.kept, err = h.journal(call); err != nil {
		return nil, err
	}
	s.log = ledger.Log{Journal: s.journal}
	return s, nil
}

// look opens the accounts, once. A role that cannot be assumed hides no other
// account.
func (s *session) look(ctx context.Context) (*survey.Survey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.survey != nil {
		return s.survey, nil
	}
	look := places.Look{Configured: s.config.Places, Recent: s.recent, Now: s.now, Accounts: func(function.Call) []survey.Account {
		var all []survey.Account
		for _, a := range s.inside {
			all = append(all, a.Account)
		}
		return all
	}}
	opened, err := look.At(ctx, s.call, survey.Within{}, places.Age{})
	if err == nil {
		s.survey = opened
	}
	return opened, err
}

// again looks at the accounts with nothing remembered.
func (s *session) again(ctx context.Context) survey.Fresh { return places.Again(ctx, s.call, s.look) }

// in is the account of an id. It fails with fault.Unavailable, "notSent", if that
// cannot be opened.
func (s *session) in(ctx context.Context, id image.AccountID) (cloud, error) {
	opened, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range opened.Accounts() {
		n := slices.IndexFunc(s.inside, func(a account) bool { return o.ID == id && a.Role == o.Role })
		if n >= 0 {
			return s.inside[n].cloud, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "account %s cannot be worked in now", id).WithCode("notSent")
}

// runner carries rollouts.
func (s *session) runner() work.Runner {
	kind := rollout.Kind{
		Down: new(rollout.Down), Cloud: func(ctx context.Context, id image.AccountID) (rollout.Cloud, error) { return s.in(ctx, id) },
	}
	return work.Runner{
		Name: "rollouts", Kind: kind, Journal: s.journal, Documents: s.kept, Worker: s.handler.worker(), TwoPeople: s.config.Of("replace-disk"),
		Now: s.now, Pause: s.pause, Again: s.again, NotAfter: s.notAfter,
	}
}

// open are the rollouts that are not finished: each is on the agenda.
func (s *session) open(ctx context.Context) ([]work.Work, error) {
	r := s.runner()
	entries, err := journal.NewAgenda(s.kept).Due(ctx, r.Name, s.now().Add(farAhead))
	if err != nil {
		return nil, err
	}
	var open []work.Work
	known := map[string]bool{}
	for _, e := range entries {
		id := e.Subject[len("work/"+r.Name+"/"):]
		if known[id] {
			continue
		}
		known[id] = true
		w, err := r.Get(ctx, id)
		switch {
		case fault.Of(err) == fault.NotFound: // announced, and never written
		case err != nil:
			return nil, err
		case !w.State.Ended():
			open = append(open, w)
		}
	}
	return open, nil
}

// farAhead is later than anything on the agenda.
const farAhead = 400 * 24 * time.Hour
