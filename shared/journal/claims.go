package journal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/fault"
)

// Claims say who is at work on a thing. They are kept as one log for each thing,
// whose last record has all that hold it. A claim holds as long as the log of the
// work that made it says so, which the caller knows to read; one that does not is
// void, and whoever finds it overwrites it. Nobody waits for a claim. Safe for
// concurrent use.
type Claims struct{ journal *Journal }

// NewClaims returns the claims that are kept in a journal.
func NewClaims(journal *Journal) Claims { return Claims{journal} }

// Claim is one thing that one item of one work holds.
type Claim struct {
	// Thing is what is held, of at most seven words: instance/cn-hangzhou/i-1,
	// image/cn-hangzhou/m-1, cap/1000000000000001/cn-hangzhou.
	Thing string `json:"thing"`
	// Shared: others may share it. Else nobody else may hold the thing.
	Shared bool `json:"shared,omitempty"`
	// Most bounds how many hold the thing, which is then one with so many places.
	// Everybody has to say the same.
	Most int `json:"most,omitempty"`
	// Until, if it is set, is how long it holds, whatever the log of its work says.
	Until time.Time `json:"until,omitzero"`
	// Work is the subject of the log that says whether the claim holds, and Item
	// the part of the work that made it; empty: the work as a whole.
	Work string `json:"work"`
	Item string `json:"item,omitempty"`
}

// Held reports whether a claim holds, by the log of its work.
type Held func(ctx context.Context, c Claim) (bool, error)

// holders is the body of a record: all that hold the thing from now on.
type holders struct {
	Holders []Claim `json:"holders"`
}

// claimFolder is where the logs of things are.
const claimFolder = "claims/"

// mostRaces bounds how often a claim is tried against others.
const mostRaces = 50

// Take claims a thing; a claim that is there already is kept. It fails with
// fault.Conflict and the code "claimed", naming the holder, if another holds the
// thing, with fault.Exhausted and "capReached" if all places of it are taken, and
// with what held fails with: what is not known to be void holds.
func (c Claims) Take(ctx context.Context, claim Claim, held Held) error {
	// Most things are new: then nothing has to be read.
	err := c.journal.begin(ctx, claimFolder+claim.Thing, holders{[]Claim{claim}})
	return c.change(ctx, claim.Thing, err, func(before []Claim) ([]Claim, error) {
		if slices.Contains(before, claim) {
			return before, nil
		}
		kept := []Claim{claim}
		for _, other := range before {
			if other.owner() == claim.owner() {
				continue // it holds the thing in another way now
			}
			holds, err := c.holds(ctx, other, held)
			switch {
			case err != nil:
				return nil, err
			case holds && claim.excludes(other):
				return nil, fault.New(fault.Conflict, "%s is held by %s", claim.Thing, other.owner()).WithCode("claimed")
			case holds:
				kept = append(kept, other)
			}
		}
		if claim.Most > 0 && len(kept) > claim.Most {
			return nil, fault.New(fault.Exhausted, "all %s places of %s are taken", strconv.Itoa(claim.Most), claim.Thing).WithCode("capReached")
		}
		return kept, nil
	})
}

// Release gives a claim back. It is a courtesy: a claim of what has ended is void.
func (c Claims) Release(ctx context.Context, claim Claim) error {
	return c.change(ctx, claim.Thing, errRead, func(before []Claim) ([]Claim, error) {
		return slices.DeleteFunc(slices.Clone(before), func(one Claim) bool { return one.owner() == claim.owner() }), nil
	})
}

// Holders are the claims of a thing that hold.
func (c Claims) Holders(ctx context.Context, thing string, held Held) ([]Claim, error) {
	_, all, err := c.read(ctx, thing)
	if err != nil {
		return nil, err
	}
	var hold []Claim
	for _, one := range all {
		holds, err := c.holds(ctx, one, held)
		if err != nil {
			return nil, err
		}
		if holds {
			hold = append(hold, one)
		}
	}
	return hold, nil
}

// holds reports whether a claim holds: by its time if it has one, else by the log of
// its work.
func (c Claims) holds(ctx context.Context, one Claim, held Held) (bool, error) {
	if !one.Until.IsZero() {
		return c.journal.now().Before(one.Until), nil
	}
	return held(ctx, one)
}

// owner is who holds a claim, for people.
func (c Claim) owner() string {
	if c.Item == "" {
		return c.Work
	}
	return c.Work + " (" + c.Item + ")"
}

// excludes reports whether two claims of a thing cannot both hold.
func (c Claim) excludes(other Claim) bool {
	return !(c.Shared && other.Shared) && !(c.Most > 0 && other.Most > 0)
}

// errRead says that a log has to be read first.
var errRead = errors.New("not read yet")

// change replaces the holders of a thing, again for as long as others are first.
// tried is what came of the first attempt.
func (c Claims) change(ctx context.Context, thing string, tried error, next func(before []Claim) ([]Claim, error)) error {
	for range mostRaces {
		if tried == nil || fault.Of(tried) != fault.Conflict && !errors.Is(tried, errRead) {
			return tried
		}
		length, before, err := c.read(ctx, thing)
		if err != nil {
			return err
		}
		after, err := next(before)
		if err != nil {
			return err
		}
		if slices.Equal(before, after) {
			return nil
		}
		tried = c.journal.Append(ctx, claimFolder+thing, length, holders{after})
	}
	return fault.Wrap(fault.Unavailable, tried, "too many want %s at once", thing)
}

// read returns how long the log of a thing is, and its holders.
func (c Claims) read(ctx context.Context, thing string) (int, []Claim, error) {
	records, err := c.journal.Read(ctx, claimFolder+thing)
	if err != nil || len(records) == 0 {
		return 0, nil, err
	}
	var last holders
	if err := json.Unmarshal(records[len(records)-1].Body, &last); err != nil {
		return 0, nil, damaged(fault.Wrap(fault.Unknown, err, "the last record of %s is no claim", claimFolder+thing))
	}
	return len(records), last.Holders, nil
}
