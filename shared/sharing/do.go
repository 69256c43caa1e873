package sharing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
)

// Cloud is what sharing needs of the account that owns the image. Permit and
// Publish have no client token in ECS: they are safe to repeat, and what became
// of them is seen by looking.
type Cloud interface {
	// Look returns the image with its grants, all of them.
	Look(ctx context.Context, r image.Ref) (image.Image, []image.Grant, error)
	// Permit adds and removes access of at most MaxPerCall accounts each.
	Permit(ctx context.Context, r image.Ref, add, remove []image.AccountID) error
	// Publish makes it a community image, or no longer one.
	Publish(ctx context.Context, r image.Ref, published bool) error
	// Objection asks what ECS has against sharing it at all, and changes nothing.
	Objection(ctx context.Context, r image.Ref) error
}

// Look returns an image with its grants, once they agree: an empty list is not
// believed while ECS marks the image as shared (IsSelfShared). It fails with
// fault.Unknown if they go on contradicting each other. pause waits.
func Look(ctx context.Context, c Cloud, r image.Ref, pause func(context.Context, time.Duration) error) (image.Image, []image.Grant, error) {
	wait := firstPause
	for n := 1; ; n++ {
		i, grants, err := lookOnce(ctx, c, r)
		if fault.Code(err) != codeContradiction || n == fewLooks || pause(ctx, wait) != nil {
			return i, grants, err
		}
		wait = min(2*wait, maxPause)
	}
}

// Gone is that an image is no longer there, of kind fault.NotFound, if a fresh list
// that does not show it proves that; else fault.Unknown, or as the list fails. why is
// how that showed.
func Gone(ctx context.Context, fresh survey.Fresh, r image.Ref, why error) error {
	place := fresh.Place(r.Account, r.Region)
	if place == nil {
		return why
	}
	images, err := place.Images(ctx, image.Listing{Kind: image.KindCustom, IDs: []image.ID{r.ID}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return err
	case len(images) > 0:
		return fault.New(fault.Unknown, "account %s was not shown its %s at first; ask again", r.Account, r.ID).WithCode(survey.CodeUnread)
	}
	return fault.Wrap(fault.NotFound, why, "%s is no longer there", r)
}

// codeContradiction is that of a list of accounts which cannot be true.
const codeContradiction = "grantsContradict"

func lookOnce(ctx context.Context, c Cloud, r image.Ref) (image.Image, []image.Grant, error) {
	i, grants, err := c.Look(ctx, r)
	if err == nil && i.SharedOut == image.Yes && len(grants) == 0 {
		err = fault.New(fault.Unknown, "ECS marks %s as shared, and lists no account that it is shared with", r).WithCode(codeContradiction)
	}
	return i, grants, err
}

// Doer carries out steps of a plan about one image.
type Doer struct {
	Image image.Ref
	Cloud Cloud
	// Use looks at accounts' use again, just before they lose access; an account
	// that is missing in the answer is Unknown.
	Use func(ctx context.Context, accounts []image.AccountID) map[image.AccountID]Use
	// Pause waits; it ends early with the context's error.
	Pause func(ctx context.Context, d time.Duration) error
}

// Changes made elsewhere in a distributed service show late: how often and how
// long apart a change is looked for before its outcome stays open. One that may
// have been lost on its way is looked for less often, and then sent again.
const (
	looks      = 12
	fewLooks   = 5
	tries      = 3
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// Do carries out a batch of one action and returns an outcome for each step. It
// never fails as a whole.
func (d Doer) Do(ctx context.Context, steps []plan.Step) []plan.Outcome {
	if len(steps) == 0 {
		return nil
	}
	switch action := steps[0].Action; action {
	case Publish, Unpublish:
		return d.publish(ctx, steps[0], action == Publish)
	case Extend:
		return each(steps, func(s plan.Step) plan.Outcome { return plan.Outcome{Step: s.Name(), Result: plan.Applied} })
	case Take:
		kept, refused := d.guard(ctx, steps)
		return append(refused, d.permit(ctx, kept, false)...)
	}
	return d.permit(ctx, steps, true)
}

func each(steps []plan.Step, f func(plan.Step) plan.Outcome) []plan.Outcome {
	outcomes := make([]plan.Outcome, 0, len(steps))
	for _, s := range steps {
		outcomes = append(outcomes, f(s))
	}
	return outcomes
}

// guard keeps the removals that are still as harmless as they were planned.
func (d Doer) guard(ctx context.Context, steps []plan.Step) (kept []plan.Step, refused []plan.Outcome) {
	var asked []image.AccountID
	for _, s := range steps {
		if !forced(s) {
			asked = append(asked, image.AccountID(s.Subject))
		}
	}
	var uses map[image.AccountID]Use
	if len(asked) > 0 {
		uses = d.Use(ctx, asked)
	}
	for _, s := range steps {
		if use := cmp.Or(uses[image.AccountID(s.Subject)], Unknown); use != NotInUse && !forced(s) {
			refused = append(refused, plan.Failure(s, fault.New(fault.Precondition,
				"account %s began to use the image, or its use can no longer be told (%s)", s.Subject, use).WithCode("useChanged")))
			continue
		}
		kept = append(kept, s)
	}
	return kept, refused
}

// permit adds or removes the accounts of a batch, unless the world shows it
// already. A call that may have been lost is made again for what does not show.
func (d Doer) permit(ctx context.Context, steps []plan.Step, add bool) []plan.Outcome {
	steps, done := d.alreadyDone(ctx, steps, add)
	for try := 1; len(steps) > 0; try++ {
		err := d.call(ctx, steps, add)
		if err != nil && (refusal(err) || strange(err, steps)) {
			return append(done, d.refused(ctx, steps, add, err)...)
		}
		outcomes := d.await(ctx, steps, add, err)
		if err == nil || try == tries || ctx.Err() != nil {
			return append(done, outcomes...)
		}
		var left []plan.Step
		for n, o := range outcomes {
			if o.Result == plan.Applied {
				done = append(done, o)
			} else {
				left = append(left, steps[n])
			}
		}
		steps = left
	}
	return done
}

// refused: where a whole batch is refused, each account is tried alone, so that
// one bad account stops no other. What is refused because of us is refused for all.
func (d Doer) refused(ctx context.Context, steps []plan.Step, add bool, err error) []plan.Outcome {
	kind := fault.Of(err)
	if len(steps) == 1 || kind == fault.Forbidden || kind == fault.Unauthenticated || kind == fault.Throttled {
		return each(steps, func(s plan.Step) plan.Outcome { return plan.Failure(s, err) })
	}
	var outcomes []plan.Outcome
	for _, s := range steps {
		outcomes = append(outcomes, d.permit(ctx, []plan.Step{s}, add)...)
	}
	return outcomes
}

func (d Doer) call(ctx context.Context, steps []plan.Step, add bool) error {
	accounts := make([]image.AccountID, 0, len(steps))
	for _, s := range steps {
		accounts = append(accounts, image.AccountID(s.Subject))
	}
	if add {
		return d.Cloud.Permit(ctx, d.Image, accounts, nil)
	}
	return d.Cloud.Permit(ctx, d.Image, nil, accounts)
}

// refusal: ECS understood and said no, so nothing was done. A call that it
// throttled was not done either.
func refusal(err error) bool {
	switch fault.Of(err) {
	case fault.Unavailable, fault.Unknown, fault.Internal:
		return false
	}
	return true
}

// strange: ECS refused a whole batch with a code that is not known. It may be one
// account's; alone, each is looked for before anything is said of it.
func strange(err error, batch []plan.Step) bool {
	return fault.Of(err) == fault.Internal && len(batch) > 1
}

// alreadyDone sorts out what the world shows already.
func (d Doer) alreadyDone(ctx context.Context, steps []plan.Step, add bool) (left []plan.Step, done []plan.Outcome) {
	_, grants, err := Look(ctx, d.Cloud, d.Image, d.Pause)
	if err != nil {
		return nil, each(steps, func(s plan.Step) plan.Outcome { return plan.Failure(s, err) })
	}
	for _, s := range steps {
		if has(grants, s) == add {
			done = append(done, plan.Outcome{Step: s.Name(), Result: plan.Already})
			continue
		}
		left = append(left, s)
	}
	return left, done
}

func has(grants []image.Grant, s plan.Step) bool {
	return slices.ContainsFunc(grants, func(g image.Grant) bool { return string(g.Account) == s.Subject })
}

// await looks until the change shows for every step. What does not show is
// open: it may still come.
func (d Doer) await(ctx context.Context, steps []plan.Step, add bool, callErr error) []plan.Outcome {
	var grants []image.Grant
	shows := func(s plan.Step) bool { return has(grants, s) == add }
	d.look(ctx, callErr, func() bool {
		_, now, err := lookOnce(ctx, d.Cloud, d.Image)
		if err != nil {
			return false
		}
		grants = now
		return !slices.ContainsFunc(steps, func(s plan.Step) bool { return !shows(s) })
	})
	return each(steps, func(s plan.Step) plan.Outcome { return shown(s, shows(s), callErr) })
}

// shown is the outcome of a step after looking.
func shown(s plan.Step, visible bool, callErr error) plan.Outcome {
	switch {
	case visible:
		return plan.Outcome{Step: s.Name(), Result: plan.Applied}
	case callErr != nil:
		return plan.InDoubt(s, callErr)
	}
	return plan.Outcome{Step: s.Name(), Result: plan.Open, Why: &image.Reason{
		Code: "notVisibleYet", Sentence: "ECS accepted the change and does not show it yet; ask again with the same digest",
	}}
}

// look calls seen until it is true, the looks are used up or the time is over.
func (d Doer) look(ctx context.Context, callErr error, seen func() bool) {
	most := looks
	if callErr != nil {
		most = fewLooks
	}
	pause := firstPause
	for n := range most {
		if seen() || n == most-1 || d.Pause(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// publish makes it a community image, or no longer one.
func (d Doer) publish(ctx context.Context, s plan.Step, published bool) []plan.Outcome {
	for try := 1; ; try++ {
		err := d.Cloud.Publish(ctx, d.Image, published)
		if err != nil && refusal(err) {
			return []plan.Outcome{plan.Failure(s, err)}
		}
		visible := false
		d.look(ctx, err, func() bool {
			i, _, lookErr := d.Cloud.Look(ctx, d.Image)
			visible = lookErr == nil && i.Published == published
			return visible
		})
		if visible || err == nil || try == tries || ctx.Err() != nil {
			return []plan.Outcome{shown(s, visible, err)}
		}
	}
}
