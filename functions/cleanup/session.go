package main

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// owner is one account as cleanup works in it.
type owner interface {
	retention.Cloud
	sharing.Cloud
	upkeep.Eventful
}

// account is one account: looked at through a survey, and worked in.
type account struct {
	survey.Account
	owner
}

// session is where one call works.
type session struct {
	handler
	call    function.Call
	journal *journal.Journal
	archive upkeep.Archive
	opened  func() (opened, error)
	rules   func() retention.Ruling
	// flawed is what people are told of a document of rules that cannot be used.
	flawed func() notify.Notice
}

// opened are the places that a call looks at, and the accounts that it works in.
type opened struct {
	survey *survey.Survey
	owners map[image.AccountID]owner
}

// session opens the journal; the accounts are opened when they are needed.
func (h handler) session(ctx context.Context, call function.Call) (*session, error) {
	log, documents, err := h.journal(call)
	if err != nil {
		return nil, err
	}
	s := &session{handler: h, call: call, journal: log, archive: upkeep.Archive{Journal: log, Documents: documents, Now: h.now}}
	s.opened = sync.OnceValues(func() (opened, error) { return s.open(ctx) })
	s.rules = func() retention.Ruling { return h.ruling(ctx, call).Ruling }
	s.flawed = func() notify.Notice { return h.ruling(ctx, call).notice }
	return s, nil
}

func (s *session) open(ctx context.Context) (opened, error) {
	accounts := s.accounts(s.call)
	look := places.Look{Configured: s.config.Places, Recent: s.recent, Now: s.now, Accounts: func(function.Call) []survey.Account {
		var all []survey.Account
		for _, a := range accounts {
			all = append(all, a.Account)
		}
		return all
	}}
	o := opened{owners: map[image.AccountID]owner{}}
	var err error
	if o.survey, err = look.At(ctx, s.call, survey.Within{}, places.Age{}); err != nil {
		return o, err
	}
	for _, one := range o.survey.Accounts() {
		n := slices.IndexFunc(accounts, func(a account) bool { return a.Role == one.Role })
		o.owners[one.ID] = accounts[n].owner
	}
	return o, nil
}

// cloud is the account to work in.
func (s *session) cloud(_ context.Context, a image.AccountID) (owner, error) {
	o, err := s.opened()
	if err != nil {
		return nil, err
	}
	if o.owners[a] == nil {
		return nil, errNotWorkedIn(a)
	}
	return o.owners[a], nil
}

// runner carries cleanups.
func (s *session) runner() work.Runner {
	return work.Runner{
		Name: name, Kind: s.kind(), Journal: s.journal, Documents: s.archive.Documents, Worker: rand.Text(), TwoPeople: s.config.Of("cleanup"),
		Now: s.now, Pause: s.pause, NotAfter: s.notAfter,
		Again: func(context.Context) survey.Fresh {
			o, err := s.opened()
			if err != nil {
				return survey.Fresh{}
			}
			return o.survey.Again()
		},
	}
}

// kind is cleanup as the engine carries it.
func (s *session) kind() retention.Kind {
	return retention.New(retention.Kind{
		Cloud:  func(ctx context.Context, a image.AccountID) (retention.Cloud, error) { return s.cloud(ctx, a) },
		Shares: s.giver(), Diary: diary{s}, Archive: s.archive, Judge: upkeep.Judge, Now: s.now,
		Rules: func(context.Context) retention.Ruling { return s.rules() }, Worth: s.worth,
	})
}

// giver works in the logs of share.
func (s *session) giver() upkeep.Giver {
	return upkeep.Giver{
		Journal: s.journal, Allowed: s.config.Allowed, Now: s.now, Pause: s.pause,
		Cloud: func(ctx context.Context, a image.AccountID) (sharing.Cloud, error) { return s.cloud(ctx, a) },
	}
}

// diary writes down and tells what cleanup does.
type diary struct{ *session }

// Write adds to the story of an image.
func (d diary) Write(ctx context.Context, r image.Ref, c retention.Chapter) error {
	return d.archive.Write(ctx, r, c)
}

// Announce tells the owner, or the targets of the document. It fails unless one of
// them has it.
func (d diary) Announce(ctx context.Context, a retention.Announcement) error {
	if d.notices == nil {
		return fault.New(fault.Precondition, "there is no target to tell: NOTIFY is empty").WithCode("noTarget")
	}
	names := a.Notify
	if a.Owner != "" && slices.ContainsFunc(d.notices.Targets, func(t notify.Target) bool { return t.Name == a.Owner }) {
		names = []string{a.Owner}
	}
	targets, err := notify.Among(d.notices.Targets, names)
	if err != nil {
		return err
	}
	n := notify.Notice{
		Kind: notify.Marked, At: d.now().UTC(), Subject: a.Work, Function: "cleanup", Due: a.Due, Link: d.notices.Link("/cleanups/" + a.Work),
		Counts: []notify.Count{{Name: notify.Images, N: len(a.Images)}},
	}
	switch a.What {
	case retention.StageDeleted:
		n.Kind = notify.Removed
	case retention.StageNone:
		n.Kind = notify.Returned
	}
	ids := []string{"cleanup", a.Work, string(n.Kind), a.Owner, a.Due.UTC().Format(time.DateOnly)} // a new grace is told anew
	for _, i := range a.Images {
		n.Items = append(n.Items, notify.Item{Name: i.Name + " " + i.Ref.String(), Code: i.Reason.Code, Sentence: i.Reason.Sentence})
		ids = append(ids, i.Ref.String())
	}
	n.ID = notify.IDOf(ids...)
	for _, told := range d.notices.Sender.Send(ctx, targets, n) {
		if told.Delivered {
			return nil
		}
		err = fault.New(fault.Unavailable, "%s: %s", told.Target, told.Sentence).WithCode(told.Code)
	}
	if err == nil {
		err = fault.New(fault.Precondition, "the document of rules names no target").WithCode("noTarget")
	}
	return err
}

// errNotWorkedIn is of an account that this deployment does not work in.
func errNotWorkedIn(a image.AccountID) error {
	return fault.New(fault.Forbidden, "account %s is not among those this deployment works in, or cannot be opened now", a).WithCode("unknownAccount")
}
