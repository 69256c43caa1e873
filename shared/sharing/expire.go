package sharing

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Over reports whether the time of these terms has come.
func (t Terms) Over(now time.Time) bool { return !t.Until.IsZero() && !t.Until.After(now) }

// Due are the accounts whose time is over, in order; ifUnused those of them that
// keep access while they use the image, so that their use must be looked at.
func Due(o Observed, now time.Time) (due, ifUnused []image.AccountID) {
	for _, g := range o.Grants {
		t := o.Remembered[g.Account]
		if !t.Over(now) {
			continue
		}
		due = append(due, g.Account)
		if t.OnExpiry != Remove {
			ifUnused = append(ifUnused, g.Account)
		}
	}
	slices.Sort(due)
	slices.Sort(ifUnused)
	return due, ifUnused
}

// Expire plans to take access away from those whose time is over: with Remove
// whatever the use, else only where it is known that there is none. Those who
// keep it are steps, too, with the reason.
func Expire(o Observed, now time.Time) plan.Plan {
	p := plan.Plan{Target: Target(o.Image.Ref), Base: o.Facts()}
	due, _ := Due(o, now)
	for _, a := range due {
		p.Steps = append(p.Steps, expire(o, o.Remembered[a], a))
	}
	return p
}

func expire(o Observed, t Terms, a image.AccountID) plan.Step {
	until := t.Until.UTC().Format(time.RFC3339)
	s := step(Take, string(a), codeExpired, "it was to have access until %s", until)
	s.Parameters = t.parameters()
	s.Sets = plan.Facts{accountFact(a): "", termsFact(a): ""}
	if t.OnExpiry == Remove {
		return s
	}
	use := cmp.Or(o.Uses[a], Unknown)
	if use == NotInUse {
		s.Reasons = []image.Reason{{Code: "expiredUnused", Sentence: "it was to have access until " + until + ", and does not use the image"}}
		return s
	}
	s.Action, s.Sets = Keep, nil
	code := map[Use]string{InUse: "expiredStillUsed", Unknown: "expiredUseUnknown"}[use]
	s.Reasons = []image.Reason{{Code: code, Sentence: "it was to have access until " + until + ", unless it uses the image: its use is " + string(use)}}
	return s
}

// codeExpired and codeForced are why access is taken away whatever the use.
const (
	codeExpired = "expired"
	codeForced  = "evenIfUsed"
)

// forced reports whether a step takes access away whatever the use.
func forced(s plan.Step) bool {
	return slices.ContainsFunc(s.Reasons, func(r image.Reason) bool { return r.Code == codeForced || r.Code == codeExpired })
}
