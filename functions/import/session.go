package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// defaultTime is how long a call may take where the platform does not say.
const defaultTime = 60 * time.Second

// session is where one call works: its journal, and the accounts, which are opened
// when they are first needed.
type session struct {
	handler
	call     function.Call
	deadline time.Time
	accounts []account
	journal  *journal.Journal
	kept     journal.Documents
	log      plan.Log

	mu     sync.Mutex
	survey *survey.Survey
}

// session opens the journal.
func (h handler) session(call function.Call) (*session, error) {
	s := &session{handler: h, call: call, deadline: call.Deadline, accounts: h.accounts(call)}
	if s.deadline.IsZero() {
		s.deadline = h.now().Add(defaultTime)
	}
	var err error
	if s.journal, s.kept, err = h.journal(call); err != nil {
		return nil, err
	}
	s.log = ledger.Log{Journal: s.journal}
	return s, nil
}

// runs are the works that a session of each call carries.
func (h handler) runs(of func(s *session) work.Runner) func(context.Context, function.Call) (work.Runner, error) {
	return func(_ context.Context, call function.Call) (work.Runner, error) {
		s, err := h.session(call)
		if err != nil {
			return work.Runner{}, err
		}
		return of(s), nil
	}
}

// within is the account in which a wish is carried out; what it leaves out, the region
// and the account, is the function's own.
func (s *session) within(ctx context.Context, region *image.RegionID, id *image.AccountID) (*survey.Survey, account, error) {
	opened, err := s.look(ctx)
	if err != nil {
		return nil, account{}, err
	}
	*region, *id = cmp.Or(*region, image.RegionID(s.call.Region)), cmp.Or(*id, opened.Home())
	if _, err := opened.Narrow(survey.Just(*region, *id)); err != nil {
		return nil, account{}, err
	}
	a, err := s.in(ctx, *id)
	if err != nil {
		return nil, account{}, opened.Missing("account", string(*id))
	}
	return opened, a, nil
}

// look opens the accounts, once. A role that cannot be assumed hides no other
// account.
func (s *session) look(ctx context.Context) (*survey.Survey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.survey != nil {
		return s.survey, nil
	}
	look := places.Look{Configured: s.config.Places, Now: s.now, Accounts: func(function.Call) []survey.Account {
		var all []survey.Account
		for _, a := range s.accounts {
			all = append(all, a.Account)
		}
		return all
	}}
	var err error
	s.survey, err = look.At(ctx, s.call, survey.Within{}, places.Age{})
	return s.survey, err
}

// again looks at the accounts with nothing remembered.
func (s *session) again(ctx context.Context) survey.Fresh { return places.Again(ctx, s.call, s.look) }

// in is the account of an id. It fails with fault.Unavailable, "notSent", if that
// cannot be opened.
func (s *session) in(ctx context.Context, id image.AccountID) (account, error) {
	opened, err := s.look(ctx)
	if err != nil {
		return account{}, err
	}
	for _, o := range opened.Accounts() {
		for _, a := range s.accounts {
			if o.ID == id && a.Role == o.Role {
				return a, nil
			}
		}
	}
	return account{}, fault.New(fault.Unavailable, "account %s cannot be worked in now", id).WithCode("notSent")
}

// cloud is where the images of an account are made.
func (s *session) cloud(ctx context.Context, id image.AccountID) (importing.Cloud, error) {
	a, err := s.in(ctx, id)
	return a.making, err
}

// runner carries works of one kind.
func (s *session) runner(name string, kind work.Kind) work.Runner {
	return work.Runner{
		Name: name, Kind: kind, Journal: s.journal, Documents: s.kept, Worker: s.handler.worker(), TwoPeople: s.config.Of("import"),
		Now: s.now, Pause: s.pause, Again: s.again, NotAfter: s.notAfter,
	}
}

// imports carries imports.
func (s *session) imports() work.Runner {
	return s.runner("imports", importing.Kind{Cloud: s.cloud, Objects: s.objects(s.call), Giver: giver{s}, Booting: s.booting})
}
