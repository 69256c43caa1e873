package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/usage"
)

// defaultTime is how long a call may take where the platform does not say.
const defaultTime = 60 * time.Second

// session is where one call works: what it looks at, whom it may change, and its
// journal.
type session struct {
	handler
	call     function.Call
	deadline time.Time
	survey   *survey.Survey
	// asked is the part of the survey that the request names.
	asked *survey.Survey
	// owners are the accounts that could be opened.
	owners  map[image.AccountID]sharing.Cloud
	journal *journal.Journal
	agenda  journal.Agenda
	kept    journal.Documents
	log     plan.Log
}

// session opens the journal and the accounts. in narrows what is looked at. A role
// that cannot be assumed hides no other account.
func (h handler) session(ctx context.Context, call function.Call, in subject) (*session, error) {
	s := &session{handler: h, call: call, deadline: call.Deadline, owners: map[image.AccountID]sharing.Cloud{}}
	if s.deadline.IsZero() {
		s.deadline = h.now().Add(defaultTime)
	}
	var err error
	if s.journal, s.kept, err = h.journal(call); err != nil {
		return nil, err
	}
	s.agenda = journal.NewAgenda(s.kept)
	s.log = ledger.Noting{Log: ledger.Log{Journal: s.journal}, Agenda: s.agenda, Function: name, Due: sharing.EndsOf}
	accounts := h.accounts(call)
	look := places.Look{Configured: h.config.Places, Recent: h.recent, Now: h.now, Accounts: func(function.Call) []survey.Account {
		var all []survey.Account
		for _, a := range accounts {
			all = append(all, a.Account)
		}
		return all
	}}
	if s.survey, err = look.At(ctx, call, survey.Within{}, places.Age{}); err != nil {
		return nil, err
	}
	for _, opened := range s.survey.Accounts() {
		n := slices.IndexFunc(accounts, func(a account) bool { return a.Role == opened.Role })
		s.owners[opened.ID] = accounts[n].Cloud
	}
	s.asked, err = s.survey.Narrow(survey.Just(in.Region, in.Account))
	return s, err
}

// sight is an image as it was seen, with what is known of the use of those that were
// looked at.
type sight struct {
	sharing.Sight
	consumers map[image.AccountID]usage.Consumer
}

// looker looks at images of the session.
func (s *session) looker() sharing.Looker {
	return sharing.Looker{Survey: s.survey, Owners: s.owners, Pause: s.pause}
}

// weigh also looks at the use of those who would lose access by a wish; told is
// the log of the image.
func (s *session) weigh(ctx context.Context, found image.Image, told []plan.Entry, w wish) (sight, plan.Plan, error) {
	looked, err := s.looker().Look(ctx, found)
	seen := sight{Sight: looked.With(told)}
	if err != nil {
		return seen, plan.Plan{}, err
	}
	if w.shares && seen.Image.Encrypted() == image.Yes && found.Kind == image.KindCustom {
		seen.Asked, seen.Objection = true, s.owners[found.Account].Objection(ctx, found.Ref)
	}
	seen.consumers = s.consumers(ctx, seen.Image, w.losing(seen.Observed))
	seen.Uses = uses(seen.consumers)
	return seen, w.plan(seen.Observed), nil
}

// consumers looks at what some accounts do with an image, always anew.
func (s *session) consumers(ctx context.Context, i image.Image, of []image.AccountID) map[image.AccountID]usage.Consumer {
	return usage.By(ctx, i, s.survey.Again(), of)
}

func uses(consumers map[image.AccountID]usage.Consumer) map[image.AccountID]sharing.Use {
	told := map[image.AccountID]sharing.Use{}
	for a, c := range consumers {
		told[a] = map[usage.Verdict]sharing.Use{usage.InUse: sharing.InUse, usage.NotInUse: sharing.NotInUse}[c.Verdict]
		told[a] = cmp.Or(told[a], sharing.Unknown)
	}
	return told
}

// planning is a plan to be made, and perhaps to be carried out, with what was seen
// while planning.
type planning struct {
	work plan.Work
	now  func() time.Time
	// asked is the image that was asked for.
	asked image.Ref

	mu     sync.Mutex
	sights map[string]sight // by target
	// unsure are images that might be copies, too.
	unsure []image.Reason
	// dues are what accounts pay, by target; nil if nobody asked. unread is what
	// could not be read for that.
	dues   map[string]dues
	unread []image.Unread
}

// keep keeps what was seen, and of earlier looks whose use was looked at: nobody
// asks again about those who have lost access since.
func (j *planning) keep(target string, s sight) {
	j.mu.Lock()
	defer j.mu.Unlock()
	consumers := maps.Clone(j.sights[target].consumers)
	if consumers == nil {
		consumers = map[image.AccountID]usage.Consumer{}
	}
	maps.Copy(consumers, s.consumers)
	s.consumers = consumers
	j.sights[target] = s
}

func (j *planning) sight(target string) sight {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sights[target]
}

// single is the planning of one image.
func (s *session) single(found image.Image, w wish) *planning {
	j := &planning{now: s.now, asked: found.Ref, sights: map[string]sight{}}
	j.work = s.workOn(j, found, w)
	return j
}

// workOn is the work on one image.
func (s *session) workOn(j *planning, found image.Image, w wish) plan.Work {
	target := sharing.Target(found.Ref)
	doer := sharing.Doer{
		Image: found.Ref, Cloud: s.owners[found.Account], Pause: s.pause,
		Use: func(ctx context.Context, accounts []image.AccountID) map[image.AccountID]sharing.Use {
			return uses(s.consumers(ctx, j.sight(target).Image, accounts))
		},
	}
	return plan.Work{
		Target: target, Log: s.log, Now: s.now, Heeds: sharing.Suspended,
		Observe: func(ctx context.Context, told []plan.Entry) (plan.Plan, error) {
			seen, p, err := s.weigh(ctx, found, told, w)
			j.keep(target, seen)
			return p, err
		},
		Batch: func(changes []plan.Step) [][]plan.Step {
			return sharing.Batches(changes, len(j.sight(target).Grants))
		},
		Do: func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome { return doer.Do(ctx, steps) },
	}
}

// joint is the planning of an image and all its regional copies: one plan, one
// digest. It fails with fault.Unknown if some region could not be read, because
// a copy there would be left out.
func (s *session) joint(ctx context.Context, found image.Image, w wish) (*planning, error) {
	images, perhaps, err := s.copies(ctx, found)
	if err != nil {
		return nil, err
	}
	j := &planning{now: s.now, asked: found.Ref, sights: map[string]sight{}}
	for _, l := range perhaps {
		j.unsure = append(j.unsure, image.Reason{Code: "perhapsCopy", Sentence: l.Child.String() + " may be a copy of " + l.Parent.String() + ", and is left out: " + l.Why.Sentence})
	}
	parts := map[string]plan.Work{}
	for _, i := range images {
		parts[sharing.Target(i.Ref)] = s.workOn(j, i, w)
	}
	j.work = plan.Together(sharing.Target(found.Ref)+"/copies", s.log, parts, plan.Request{By: change.By(s.call), Deadline: s.deadline})
	return j, nil
}

// copies finds the regional copies of an image, itself among them.
func (s *session) copies(ctx context.Context, found image.Image) ([]image.Image, []lineage.Link, error) {
	images, perhaps, unread := lineage.CopiesOf(ctx, s.survey.Places(), found)
	if len(unread) > 0 {
		return nil, nil, fault.New(fault.Unknown, "the regional copies cannot be told (%s)", survey.Sentence(unread)).WithCode("copiesUnknown")
	}
	return images, perhaps, nil
}
