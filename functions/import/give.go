package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// giver gives the images of imports to others. Each gift is a plan in the log of
// what it is about, the image's shares or the family's channels, as if somebody had
// asked share or the releases for it.
type giver struct{ *session }

// mostRaces is how often a gift is planned again because another change of the same
// image or family came first.
const mostRaces = 5

// carry plans and applies until everything is done. It fails as the first step that
// was not done, and with fault.Unavailable while that is not known.
func (g giver) carry(ctx context.Context, w plan.Work, by string) error {
	for range mostRaces {
		p, err := w.Plan(ctx)
		if err != nil {
			return err
		}
		if refusals := p.Refusals(); len(refusals) > 0 {
			why := refusals[0].Reasons[0]
			return fault.New(fault.Precondition, "%s", why.Sentence).WithCode(why.Code)
		}
		if len(p.Changes()) == 0 {
			return nil
		}
		report, err := w.Apply(ctx, plan.Request{Digest: p.Digest(), By: by, Deadline: g.deadline})
		if errors.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return err
		}
		if report.Complete {
			return nil
		}
		if kept := report.Kept(); kept != nil {
			return kept
		}
		break
	}
	return fault.New(fault.Unavailable, "%s is not settled yet", w.Target)
}

// Share makes sure that accounts may use an image, within what this deployment
// allows.
func (g giver) Share(ctx context.Context, r image.Ref, with []image.AccountID, by string) error {
	a, err := g.in(ctx, r.Account)
	if err != nil {
		return err
	}
	wish := sharing.Change{}
	for _, id := range with {
		wish.Add = append(wish.Add, sharing.Terms{Account: id, Reason: by})
	}
	doer := sharing.Doer{Image: r, Cloud: a.sharing, Pause: g.pause}
	return g.carry(ctx, plan.Work{
		Target: sharing.Target(r), Log: g.log, Now: g.now,
		Observe: func(ctx context.Context, told []plan.Entry) (plan.Plan, error) {
			o, err := g.shares(ctx, a, r, told)
			return sharing.Diff(o, wish.Over(o), g.config.policy()), err
		},
		Batch: func(changes []plan.Step) [][]plan.Step { return sharing.Batches(changes, 0) },
		Do:    func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome { return doer.Do(ctx, steps) },
	}, by)
}

// shares are those of an image, with the terms that its log remembers.
func (g giver) shares(ctx context.Context, a account, r image.Ref, told []plan.Entry) (sharing.Observed, error) {
	var o sharing.Observed
	var err error
	if o.Image, o.Grants, err = sharing.Look(ctx, a.sharing, r, g.pause); err != nil {
		return o, err
	}
	memories, _ := sharing.Reconcile(sharing.Remember(told), o.Grants)
	o.Remembered = sharing.TermsOf(memories)
	if o.Image.Encrypted() == image.Yes {
		o.Asked, o.Objection = true, a.sharing.Objection(ctx, r)
	}
	return o, nil
}

// Shared tells whether all of them may use an image.
func (g giver) Shared(ctx context.Context, r image.Ref, with []image.AccountID) (image.Tri, error) {
	a, err := g.in(ctx, r.Account)
	if err != nil {
		return image.Unknown, err
	}
	_, grants, err := sharing.Look(ctx, a.sharing, r, g.pause)
	if err != nil {
		return image.Unknown, err
	}
	missing := func(id image.AccountID) bool {
		return !slices.ContainsFunc(grants, func(g image.Grant) bool { return g.Account == id })
	}
	return image.TriOf(!slices.ContainsFunc(with, missing)), nil
}

// Release puts an image into a channel of its family.
func (g giver) Release(ctx context.Context, r image.Ref, family image.Family, c importing.Channel, by string) error {
	return g.carry(ctx, g.release(importing.ReleaseWish{
		Family: family, Channel: c, Images: map[image.RegionID]image.ID{r.Region: r.ID},
	}), by)
}

// ChannelOf tells which channel an image is in, by the log of its family.
func (g giver) ChannelOf(ctx context.Context, r image.Ref, family image.Family) (importing.Channel, error) {
	told, err := g.log.Read(ctx, importing.ReleaseTarget(family))
	if err != nil {
		return "", err
	}
	now := importing.Channels(told)
	for _, c := range []importing.Channel{importing.Stable, importing.Candidate} {
		if now[c][r.Region].Image == r.ID {
			return c, nil
		}
	}
	return "", nil
}

// release is the work of a release.
func (s *session) release(w importing.ReleaseWish) plan.Work {
	fresh := func(ctx context.Context) (survey.Fresh, error) {
		opened, err := s.look(ctx)
		if err != nil {
			return survey.Fresh{}, err
		}
		return opened.Again(), nil
	}
	does := importing.Releasing{Look: fresh, Cloud: s.cloud, Import: func(ctx context.Context, id string) (work.Work, error) {
		return s.imports().Get(ctx, id)
	}}
	return plan.Work{
		Target: importing.ReleaseTarget(w.Family), Log: s.log, Now: s.now,
		Observe: func(ctx context.Context, told []plan.Entry) (plan.Plan, error) { return does.Observe(ctx, w, told) },
		Batch:   atOnce,
		Do: func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome {
			outcomes := make([]plan.Outcome, 0, len(steps))
			for _, step := range steps {
				outcomes = append(outcomes, does.Do(ctx, step))
			}
			s.await(ctx, steps, outcomes, func(ctx context.Context) (plan.Plan, error) { return does.Observe(ctx, w, nil) })
			return outcomes
		},
	}
}

// atOnce is one batch of all steps: what shows late is waited for once.
func atOnce(changes []plan.Step) [][]plan.Step { return [][]plan.Step{changes} }

// Changes show late: how often and how far apart they are looked for.
const (
	mostLooks = 10
	lookAfter = 500 * time.Millisecond
)

// await looks until the changes of the steps that were done show, so that the last
// look at a plan finds them; what does not show in time is left to that look.
func (s *session) await(ctx context.Context, steps []plan.Step, outcomes []plan.Outcome, look func(context.Context) (plan.Plan, error)) {
	wanted := plan.Facts{}
	for n, o := range outcomes {
		if o.Done() {
			maps.Copy(wanted, steps[n].Sets)
		}
	}
	for range mostLooks {
		p, err := look(ctx)
		if err == nil && !slices.ContainsFunc(slices.Collect(maps.Keys(wanted)), func(fact string) bool { return inCloud(fact) && p.Base[fact] != wanted[fact] }) {
			return
		}
		if s.pause(ctx, lookAfter) != nil {
			return
		}
	}
}

// inCloud: a fact is one that the cloud shows, and not the log alone.
func inCloud(fact string) bool {
	return !strings.HasPrefix(fact, string(importing.Candidate)+"/") && !strings.HasPrefix(fact, string(importing.Stable)+"/")
}
