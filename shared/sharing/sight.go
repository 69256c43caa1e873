package sharing

import (
	"context"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/survey"
)

// Sight is an image as it was seen, with whom it is shared with and what its log
// knows.
type Sight struct {
	Observed
	// Records are what the log knows of the shares there are.
	Records map[image.AccountID]Record
	Drift   Drift
	Entries []plan.Entry
}

// With is a sight with what its log knows.
func (seen Sight) With(told []plan.Entry) Sight {
	seen.Entries = told
	seen.Records, seen.Drift = Reconcile(Remember(told), seen.Grants)
	seen.Remembered = TermsOf(seen.Records)
	return seen
}

// Looker looks at images, and at whom they are shared with.
type Looker struct {
	Survey *survey.Survey
	// Owners are the accounts that could be opened.
	Owners map[image.AccountID]Cloud
	// Pause waits; it ends early with the context's error.
	Pause func(ctx context.Context, d time.Duration) error
}

// See looks at whom an image is shared with that was just found, and then lets its
// log be read: that knows of every share of ours that shows.
func (l Looker) See(ctx context.Context, found image.Image, log func(ctx context.Context, target string) ([]plan.Entry, error)) (Sight, error) {
	seen := Sight{Observed: Observed{Image: found}}
	var err error
	if seen.Grants, err = l.Survey.Place(found.Account, found.Region).Grants(ctx, found.ID); err != nil || found.SharedOut == image.Yes && len(seen.Grants) == 0 {
		if seen, err = l.Look(ctx, found); err != nil {
			return seen, err
		}
	}
	told, err := log(ctx, Target(found.Ref))
	return seen.With(told), err
}

// Look looks at an image and whom it is shared with, anew. One that is not a custom
// image of an account of ours has no list of accounts that we could see.
func (l Looker) Look(ctx context.Context, found image.Image) (Sight, error) {
	seen := Sight{Observed: Observed{Image: found}}
	if found.Kind != image.KindCustom {
		return seen, nil
	}
	var err error
	if seen.Image, seen.Grants, err = Look(ctx, l.Owners[found.Account], found.Ref, l.Pause); fault.Of(err) == fault.NotFound {
		err = Gone(ctx, l.Survey.Again(), found.Ref, err)
	}
	return seen, err
}
