package main

import (
	"context"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
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
	d, at, err := h.locate(ctx, call, in)
	if err != nil {
		return users{}, err
	}
	a, err := h.survey(ctx, call, where{Region: []image.RegionID{d.Region}})
	if err != nil {
		return users{}, err
	}
	readers := map[image.AccountID]usage.Reader{}
	var owner usage.Grants = nobody{}
	for _, p := range a.places {
		readers[p.account] = p.reader
		if p.account == d.Account {
			owner = p.reader
		}
	}
	report := usage.Judge(usage.Observe(ctx, *d.Sighting.Image, owner, readers))
	return newUsers(at, report, inOrder(append(a.unread, d.Unread...))), nil
}

// nobody answers for an owner that cannot be asked any more.
type nobody struct{}

func (nobody) Grants(context.Context, image.RegionID, image.ID) ([]image.Grant, error) {
	return nil, fault.New(fault.Unknown, "the owner of the image can no longer be asked").WithCode("ownerNotRead")
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
