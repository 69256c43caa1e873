package usage

import (
	"time"

	"imagekeeper/shared/image"
)

// Grantee is an account that an image is shared with.
type Grantee struct {
	AccountID image.AccountID `json:"accountId"`
	// At: since when, as ECS says.
	At *time.Time `json:"at,omitempty"`
}

// CauseTold is one reason of unknown, whose it is, and what cures it.
type CauseTold struct {
	AccountID image.AccountID `json:"accountId,omitempty"`
	Cause
}

// Told is the use of an image as the API says it.
type Told struct {
	Verdict Verdict        `json:"verdict"`
	Reasons []image.Reason `json:"reasons"`
	// Consumers are the accounts that may use it, each with its own verdict.
	Consumers []Consumer `json:"consumers"`
	// SharedWith are the accounts it is shared with; that alone is not use.
	SharedWith []Grantee `json:"sharedWith"`
	// Causes are why something could be there that was not seen.
	Causes []CauseTold `json:"causes"`
}

// Tell says a report.
func Tell(r Report) Told {
	out := Told{
		Verdict: r.Verdict, Reasons: append([]image.Reason{}, r.Why...), Consumers: append([]Consumer{}, r.Consumers...),
		SharedWith: []Grantee{}, Causes: []CauseTold{},
	}
	for _, g := range r.SharedWith {
		told := Grantee{AccountID: g.Account}
		if at := g.At.UTC(); !g.At.IsZero() {
			told.At = &at
		}
		out.SharedWith = append(out.SharedWith, told)
	}
	for _, c := range r.Consumers {
		for _, why := range c.Causes {
			out.Causes = append(out.Causes, CauseTold{c.Account, why})
		}
	}
	for _, why := range r.Causes {
		out.Causes = append(out.Causes, CauseTold{Cause: why})
	}
	return out
}
