package main

import (
	"context"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/usage"
)

// grantee is an account that an image is shared with.
type grantee struct {
	AccountID image.AccountID `json:"accountId"`
	// At: since when, as ECS says.
	At *time.Time `json:"at,omitempty"`
}

// cause is one reason of unknown, whose it is, and what cures it.
type cause struct {
	AccountID image.AccountID `json:"accountId,omitempty"`
	usage.Cause
}

// users is the answer of find.usage.
type users struct {
	located
	Verdict usage.Verdict  `json:"verdict"`
	Reasons []image.Reason `json:"reasons"`
	// Consumers are the accounts that may use it, each with its own verdict.
	Consumers []usage.Consumer `json:"consumers"`
	// SharedWith are the accounts it is shared with; that alone is not use.
	SharedWith []grantee `json:"sharedWith"`
	// Causes are why something could be there that was not seen.
	Causes  []cause        `json:"causes"`
	Unknown []image.Unread `json:"unknown"`
}

func (h handler) usage(ctx context.Context, call function.Call, in imageInput) (users, error) {
	all, here, err := h.look().Both(ctx, call, in.Where)
	if err != nil {
		return users{}, err
	}
	closed := all.Unread()
	d, err := selection.Describe(ctx, here, in.ImageID, image.RegionID(call.Region), h.now())
	if err != nil {
		return users{}, err
	}
	report := usage.Judge(usage.Survey(ctx, *d.Sighting.Image, all.Apart(), closed))
	return newUsers(newLocated(d, all.AsOf()), report, image.AllUnread(closed, d.Unread)), nil
}

func newUsers(at located, r usage.Report, unread []image.Unread) users {
	out := users{
		located: at, Verdict: r.Verdict, Reasons: append([]image.Reason{}, r.Why...), Consumers: append([]usage.Consumer{}, r.Consumers...),
		SharedWith: []grantee{}, Causes: []cause{}, Unknown: unread,
	}
	for _, g := range r.SharedWith {
		out.SharedWith = append(out.SharedWith, grantee{g.Account, known(g.At)})
	}
	for _, c := range r.Consumers {
		for _, why := range c.Causes {
			out.Causes = append(out.Causes, cause{c.Account, why})
		}
	}
	for _, why := range r.Causes {
		out.Causes = append(out.Causes, cause{Cause: why})
	}
	return out
}
