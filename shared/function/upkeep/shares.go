package upkeep

import (
	"context"
	"slices"
	"time"

	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// Giver takes access to images away and gives it back, in the log of each image.
type Giver struct {
	Journal *journal.Journal
	// Cloud is an account to work in.
	Cloud func(ctx context.Context, a image.AccountID) (sharing.Cloud, error)
	// Allowed are the accounts that images may be shared with.
	Allowed []image.AccountID
	Now     func() time.Time
	// Pause waits; it ends early with the context's error.
	Pause func(ctx context.Context, d time.Duration) error
}

// log is that of share: what it knows of an image is in it.
func (g Giver) log() plan.Log { return ledger.Log{Journal: g.Journal} }

// see looks at an image and at what its log knows.
func (g Giver) see(ctx context.Context, r image.Ref, told []plan.Entry) (sharing.Observed, error) {
	cloud, err := g.Cloud(ctx, r.Account)
	if err != nil {
		return sharing.Observed{}, err
	}
	i, grants, err := sharing.Look(ctx, cloud, r, g.Pause)
	if err != nil {
		return sharing.Observed{}, err
	}
	held, _ := sharing.Reconcile(sharing.Remember(told), grants)
	o := sharing.Observed{Image: i, Grants: grants, Remembered: sharing.TermsOf(held), Uses: map[image.AccountID]sharing.Use{}}
	for _, grant := range grants { // cleanup looked at that before it came here
		o.Uses[grant.Account] = sharing.NotInUse
	}
	return o, nil
}

// change makes access what want says of what there is.
func (g Giver) change(ctx context.Context, r image.Ref, by string, want func(o sharing.Observed) sharing.Wanted) error {
	cloud, err := g.Cloud(ctx, r.Account)
	if err != nil {
		return err
	}
	doer := sharing.Doer{Image: r, Cloud: cloud, Pause: g.Pause, Use: func(_ context.Context, of []image.AccountID) map[image.AccountID]sharing.Use {
		uses := map[image.AccountID]sharing.Use{}
		for _, a := range of {
			uses[a] = sharing.NotInUse
		}
		return uses
	}}
	have := 0
	w := plan.Work{
		Target: sharing.Target(r), Log: g.log(), Now: g.Now,
		Observe: func(ctx context.Context, told []plan.Entry) (plan.Plan, error) {
			o, err := g.see(ctx, r, told)
			have = len(o.Grants)
			if err != nil {
				return plan.Plan{}, err
			}
			return sharing.Diff(o, want(o), sharing.Policy{Allowed: g.Allowed, Community: true}), nil
		},
		Batch: func(changes []plan.Step) [][]plan.Step { return sharing.Batches(changes, have) },
		Do:    func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome { return doer.Do(ctx, steps) },
	}
	p, err := w.Plan(ctx)
	if err != nil || len(p.Changes()) == 0 {
		return err
	}
	report, err := w.Apply(ctx, plan.Request{Digest: p.Digest(), By: by, Deadline: g.Now().Add(time.Minute)})
	if err != nil {
		return err
	}
	return report.Kept()
}

// Suspend ends all access to an image.
func (g Giver) Suspend(ctx context.Context, r image.Ref, by string) error {
	return g.change(ctx, r, by, func(sharing.Observed) sharing.Wanted { return sharing.Wanted{} })
}

// Resume gives back what by took away, as long as nobody decided otherwise since; a
// share whose time is over stays away, and one that the log never knew.
func (g Giver) Resume(ctx context.Context, r image.Ref, by string, suspended []image.AccountID, published bool) ([]image.AccountID, error) {
	told, err := g.log().Read(ctx, sharing.Target(r))
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(told, func(e plan.Entry) bool { return e.Kind == plan.Approved && e.By == by })
	if at < 0 {
		return suspended, nil
	}
	since := slices.ContainsFunc(told[at+1:], func(e plan.Entry) bool { return e.Kind == plan.Approved && e.By != by })
	before := sharing.Remember(told[:at])
	var terms []sharing.Terms
	var left []image.AccountID
	for _, a := range suspended {
		m, known := before[a]
		if since || !known || m.Over(g.Now()) {
			left = append(left, a)
			continue
		}
		t := m.Terms
		t.Account = a
		terms = append(terms, t)
	}
	if since {
		return left, nil
	}
	return left, g.change(ctx, r, by, func(o sharing.Observed) sharing.Wanted {
		w := sharing.Change{Add: terms}.Over(o)
		w.Community = published || o.Image.Published
		return w
	})
}

// Give lets accounts use an image.
func (g Giver) Give(ctx context.Context, r image.Ref, with []image.AccountID, by string) error {
	var terms []sharing.Terms
	for _, a := range with {
		terms = append(terms, sharing.Terms{Account: a, Reason: "restored from the bin"})
	}
	return g.Lend(ctx, r, terms, by)
}

// Lend lets accounts use an image on terms, beside those that may.
func (g Giver) Lend(ctx context.Context, r image.Ref, terms []sharing.Terms, by string) error {
	return g.change(ctx, r, by, func(o sharing.Observed) sharing.Wanted { return sharing.Change{Add: terms}.Over(o) })
}
