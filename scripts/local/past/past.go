// Package past is what cleanup did in the last weeks of the company in the emulated
// cloud: looks at every place, and images that are marked, in quarantine and in the
// bin. All of it is done to the cloud and written into the journal by the code of
// cleanup itself, under a clock that shows those days; the cloud's own goes on.
package past

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

const (
	day  = 24 * time.Hour
	home = image.RegionID("cn-hangzhou")
)

// Role is the one by which cleanup looks at the second account.
const Role = "acs:ram::" + string(cloudsim.SecondAccount) + ":role/imagekeeper-reader"

// looked is how long ago the first look was, and every how long before the next.
const (
	looked = 60 * day
	every  = 2 * time.Hour
)

// clock shows the days of the past; one worker goes by it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// now is the time that it shows.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) show(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// pause lets time go by.
func (c *clock) pause(ctx context.Context, d time.Duration) error {
	c.show(c.now().Add(d))
	return ctx.Err()
}

// Write does what cleanup did until now, to the cloud and to the journal in a store.
func Write(ctx context.Context, cloud *cloudsim.Cloud, store journal.Store, documents journal.Documents, now time.Time) error {
	return cloud.AtOnce(func() error { return write(ctx, cloud, store, documents, now.UTC().Truncate(time.Minute)) })
}

func write(ctx context.Context, cloud *cloudsim.Cloud, store journal.Store, documents journal.Documents, now time.Time) error {
	w := &writer{cloud: cloud, clock: &clock{at: now.Add(-looked)}, rules: retention.Document{Mode: retention.ModeDelete, Notify: []string{"platform"}}.Complete()}
	w.archive = upkeep.Archive{Journal: journal.New(store, w.clock.now, rand.Text), Documents: documents, Now: w.clock.now}
	if err := w.open(ctx); err != nil {
		return err
	}
	first := w.ledgers(ctx)
	before, err := w.look(ctx, first, nil, now.Add(-looked), now.Add(-23*day))
	if err != nil {
		return err
	}
	for _, c := range cases() {
		if err := w.begin(ctx, c, now); err != nil {
			return err
		}
		for _, left := range c.then {
			if err := w.carry(ctx, now.Add(-left)); err != nil {
				return err
			}
		}
	}
	if err := w.carry(ctx, now); err != nil {
		return err
	}
	w.clock.show(now)
	_, err = w.look(ctx, w.ledgers(ctx), before, now.Add(-23*day), now)
	return err
}

// writer writes the past.
type writer struct {
	cloud   *cloudsim.Cloud
	clock   *clock
	rules   retention.Document
	archive upkeep.Archive
	survey  *survey.Survey
}

// owner is one account, as cleanup works in it.
type owner struct {
	*cloudsim.View
	session *cloudsim.Session
}

// Untag takes tags off.
func (o owner) Untag(_ context.Context, in image.RegionID, resource string, ids, keys []string) error {
	return o.session.UntagResources(cloudsim.UntagResourcesRequest{RegionID: in, ResourceType: resource, ResourceIDs: ids, TagKeys: keys})
}

func (w *writer) owner(a image.AccountID) owner {
	return owner{w.cloud.View(a), w.cloud.As(cloudsim.Caller{Account: a, Type: "Account"})}
}

func (w *writer) open(ctx context.Context) (err error) {
	w.survey, err = survey.Open(ctx, []survey.Account{
		{Reader: w.cloud.View(cloudsim.FirstAccount)},
		{Reader: w.cloud.View(cloudsim.SecondAccount), ID: cloudsim.SecondAccount, Role: Role},
	}, survey.Scope{All: true, Home: home, Now: w.clock.now})
	return err
}

// ledgers are all places as they are.
func (w *writer) ledgers(ctx context.Context) []*retention.Ledger {
	places := map[retention.Place]retention.Reader{}
	for _, p := range w.survey.Again().Places() {
		places[retention.Place{Account: p.Account, Region: p.Region}] = p
	}
	return retention.OpenLedgers(ctx, places, w.clock.now)
}

// look folds the looks of a time into those before, and keeps the last of them.
func (w *writer) look(ctx context.Context, ledgers []*retention.Ledger, before map[retention.Place]retention.Look, from, to time.Time) (map[retention.Place]retention.Look, error) {
	after := map[retention.Place]retention.Look{}
	for _, l := range ledgers {
		last := before[l.Place]
		glance, whole := l.Glance(nil)
		if !whole {
			return nil, fault.New(fault.Unknown, "account %s in %s was not seen whole: %v %v", l.Account, l.Region, l.MaySee, l.Unread.All())
		}
		glance.At = from
		last = retention.Fold(last, glance, w.rules.Complete().Evidence)
		last.At = to.Add(-every) // each look until then showed the same
		then := *l
		then.BeganAt = to
		trail, err := upkeep.ReadTrail(ctx, w.owner(l.Account), &then, last)
		if err != nil {
			return nil, err
		}
		glance.At, glance.Trail = to, trail
		last = retention.Fold(last, glance, w.rules.Complete().Evidence)
		if err := w.archive.KeepLook(ctx, last); err != nil {
			return nil, err
		}
		after[l.Place] = last
	}
	return after, nil
}

// done is one cleanup of the past.
type done struct {
	ago  time.Duration
	by   string
	most int
	// lent: the first of its images was shared with the second account before.
	lent bool
	// then is how long ago grace and quarantine ended, before the next cleanup began.
	then []time.Duration
}

// cases are the cleanups: one whose images are in the bin, one whose are in quarantine,
// one whose are marked.
func cases() []done {
	return []done{
		{40 * day, "https://login.company.example alice", 3, true, []time.Duration{26 * day, 23 * day}},
		{16 * day, "https://login.company.example bob", 2, true, nil},
		{3 * day, "https://login.company.example alice", 4, false, []time.Duration{2 * day}},
	}
}

// begin plans and approves a cleanup at its time, and carries it to the mark.
func (w *writer) begin(ctx context.Context, c done, now time.Time) error {
	at := now.Add(-c.ago)
	if err := w.carry(ctx, at.Add(-time.Minute)); err != nil {
		return err
	}
	chosen, err := w.choose(ctx, c)
	if err != nil || len(chosen) == 0 {
		return err
	}
	if c.lent {
		terms := []sharing.Terms{{Account: cloudsim.SecondAccount, Reason: "evaluation of the partner team"}}
		if err := w.giver().Lend(ctx, chosen[0], terms, c.by); err != nil {
			return err
		}
	}
	w.clock.show(at)
	p, err := retention.Plan(w.observe(ctx, chosen), w.rules, retention.Request{Images: chosen}, at)
	if err != nil {
		return err
	}
	if _, err := w.runner().Approve(ctx, p.Document, work.Approval{By: c.by}); err != nil {
		return err
	}
	return w.carry(ctx, at)
}

// choose names images that nobody needs and whose builds are old.
func (w *writer) choose(ctx context.Context, c done) ([]image.Ref, error) {
	var old []image.Ref
	inv := w.observe(ctx, nil)
	for _, s := range inv.Subjects {
		if s.Region == home && s.Account == cloudsim.FirstAccount && s.Status == image.StatusAvailable && s.Family != "" && s.InWork == "" {
			old = append(old, s.Ref)
		}
	}
	p, err := retention.Plan(inv, w.rules, retention.Request{Images: old}, w.clock.now())
	if err != nil {
		return nil, err
	}
	made := map[image.Ref]time.Time{}
	for _, s := range inv.Subjects {
		made[s.Ref] = s.CreatedAt
	}
	slices.SortFunc(p.Going, func(a, b retention.Judgement) int {
		return cmp.Or(made[a.Ref].Compare(made[b.Ref]), cmp.Compare(a.Ref.ID, b.Ref.ID))
	})
	var chosen []image.Ref
	for _, j := range p.Going[:min(c.most, len(p.Going))] {
		chosen = append(chosen, j.Ref)
	}
	return chosen, nil
}

// observe looks at everything, and closely at some images; none: at those of families.
func (w *writer) observe(ctx context.Context, closely []image.Ref) retention.Inventory {
	return retention.Observe(ctx, retention.Scope{
		Ledgers: w.ledgers(ctx), Judge: upkeep.Judge, Archive: w.archive, Evidence: w.rules.Complete().Evidence,
		Wanted: func(i image.Image) bool {
			return slices.Contains(closely, i.Ref) || closely == nil && i.Kind == image.KindCustom
		},
	})
}

// carry lets the worker go on from a time, until nothing is left to do then.
func (w *writer) carry(ctx context.Context, at time.Time) error {
	if at.After(w.clock.now()) {
		w.clock.show(at)
	}
	for range 20 {
		began := w.clock.now()
		report, err := w.runner().Tick(ctx, began, began.Add(time.Minute))
		switch {
		case err != nil:
			return err
		case len(report.Failures) > 0:
			return fault.New(fault.Internal, "cleanup %s of the past: %s", report.Failures[0].ID, report.Failures[0].Sentence)
		case report.Due == 0:
			return nil
		}
		w.clock.show(w.clock.now().Add(5 * time.Second))
	}
	return nil
}

func (w *writer) giver() upkeep.Giver {
	return upkeep.Giver{
		Journal: w.archive.Journal, Allowed: []image.AccountID{cloudsim.SecondAccount}, Now: w.clock.now, Pause: w.clock.pause,
		Cloud: func(_ context.Context, a image.AccountID) (sharing.Cloud, error) { return w.owner(a), nil },
	}
}

func (w *writer) runner() work.Runner {
	kind := retention.New(retention.Kind{
		Cloud:  func(_ context.Context, a image.AccountID) (retention.Cloud, error) { return w.owner(a), nil },
		Shares: w.giver(), Diary: diary{w.archive}, Archive: w.archive, Judge: upkeep.Judge, Now: w.clock.now,
		Rules: func(context.Context) retention.Ruling { return retention.Ruling{Document: w.rules} },
	})
	return work.Runner{
		Name: upkeep.Name, Kind: kind, Journal: w.archive.Journal, Documents: w.archive.Documents, Worker: rand.Text(), Now: w.clock.now, Pause: w.clock.pause,
		Again: func(context.Context) survey.Fresh { return w.survey.Again() },
	}
}

// diary writes stories; people were told then.
type diary struct{ upkeep.Archive }

// Announce has told them.
func (diary) Announce(context.Context, retention.Announcement) error { return nil }
