package sharing

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// List is who may use an image.
type List struct {
	Shared
	// Accounts are all that may use it, in order.
	Accounts []Share `json:"accounts"`
}

// Shared is an image that is shared, and what is to be known beside with whom.
type Shared struct {
	AsOf      time.Time       `json:"asOf"`
	ImageID   image.ID        `json:"imageId"`
	RegionID  image.RegionID  `json:"regionId"`
	AccountID image.AccountID `json:"accountId"`
	// Name: the name of the image.
	Name   string       `json:"name"`
	Status image.Status `json:"status"`
	// Community: everyone in the region may use it.
	Community bool `json:"community"`
	// Total: how many accounts may use it.
	Total int `json:"total"`
	// Gone are shares made here that ended elsewhere.
	Gone []Ended `json:"gone"`
	// Unfinished is an approved plan of which something is left.
	Unfinished *Unfinished `json:"unfinished,omitempty"`
	// Proposed is a plan that another one has to approve.
	Proposed *Awaiting `json:"proposed,omitempty"`
	// History: the whole story, when it was asked for.
	History []Event `json:"history,omitempty"`
}

// Rows are the accounts in one list: those that have access, and those that had it
// and lost it elsewhere, of origin "gone".
func (l List) Rows() []Share {
	rows := slices.Clone(l.Accounts)
	for _, g := range l.Gone {
		rows = append(rows, Share{AccountID: g.AccountID, Origin: gone, By: g.By, RecordedAt: moment(g.RecordedAt)})
	}
	return rows
}

// Columns name what Cells has.
func Columns() []string {
	return []string{"imageId", "regionId", "ownerId", "name", "accountId", "origin", "sharedAt", "until", "onExpiry", "reason", "by", "recordedAt"}
}

// Cells are a row as a table has it.
func (l List) Cells(a Share) []string {
	return []string{
		string(l.ImageID), string(l.RegionID), string(l.AccountID), l.Name, string(a.AccountID), string(a.Origin), written(a.SharedAt),
		written(a.Until), string(a.OnExpiry), a.Reason, a.By, written(a.RecordedAt),
	}
}

// written is a time as a cell; empty for none.
func written(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

// Origin says where a share was made.
type Origin string

// The origins.
const (
	Here    Origin = "imagekeeper" // the journal knows it
	Outside Origin = "outside"     // it was made elsewhere
	gone    Origin = "gone"        // the journal knows it, and it is there no more
)

// Share is one account's access.
type Share struct {
	AccountID image.AccountID `json:"accountId"`
	// SharedAt is when it began, as ECS says.
	SharedAt *time.Time `json:"sharedAt,omitempty"`
	Origin   Origin     `json:"origin"`
	// Until: when the access ends; left out: never, or not known.
	Until    *time.Time `json:"until,omitempty"`
	OnExpiry OnExpiry   `json:"onExpiry,omitempty"`
	// Reason: why it has access, for people.
	Reason string `json:"reason,omitempty"`
	// By is who asked for it, and RecordedAt when that was written down.
	By string `json:"by,omitempty"`
	// RecordedAt: when that was written down.
	RecordedAt *time.Time `json:"recordedAt,omitempty"`
}

// Ended is a share that the journal knows and ECS does not.
type Ended struct {
	AccountID image.AccountID `json:"accountId"`
	// By: who asked for it.
	By string `json:"by"`
	// RecordedAt: when that was written down.
	RecordedAt time.Time `json:"recordedAt"`
}

// Unfinished is an approved plan of which something is left.
type Unfinished struct {
	// Digest: what it is applied by again, to go on.
	Digest string `json:"digest"`
	// By: who approved it.
	By string `json:"by"`
	// ApprovedAt: when.
	ApprovedAt time.Time `json:"approvedAt"`
}

// Awaiting is a plan that another one has to approve.
type Awaiting struct {
	State work.State `json:"state"`
	// Digest: what it is approved by.
	Digest string `json:"digest"`
	// ApprovedBy: who asked for it.
	ApprovedBy []string `json:"approvedBy"`
	// ApprovedAt: when.
	ApprovedAt time.Time `json:"approvedAt"`
	// ValidUntil: until when another one can approve it.
	ValidUntil time.Time `json:"validUntil"`
}

// ListOf lists who may use an image that was seen; history adds the whole story.
func ListOf(s Sight, asOf time.Time, history bool) List {
	out := List{Accounts: []Share{}, Shared: Shared{
		AsOf: asOf.UTC().Truncate(time.Second), ImageID: s.Image.ID, RegionID: s.Image.Region, AccountID: s.Image.Account,
		Name: s.Image.Name, Status: s.Image.Status, Community: s.Image.Published, Total: len(s.Grants), Gone: []Ended{},
	}}
	for _, g := range s.Grants {
		out.Accounts = append(out.Accounts, newShare(g, s.Records))
	}
	slices.SortFunc(out.Accounts, func(a, b Share) int { return cmp.Compare(a.AccountID, b.AccountID) })
	for _, m := range s.Drift.Gone {
		out.Gone = append(out.Gone, Ended{m.Account, m.By, m.At})
	}
	if e, left := plan.Unfinished(s.Entries, s.Facts(), asOf); left {
		out.Unfinished = &Unfinished{e.Digest, e.By, e.At}
	}
	if e, until, waits := plan.Waiting(s.Entries, asOf); waits {
		out.Proposed = &Awaiting{work.AwaitingApproval, e.Digest, []string{e.By}, e.At, until}
	}
	if history {
		out.History = Tell(s.Entries)
	}
	return out
}

func newShare(g image.Grant, records map[image.AccountID]Record) Share {
	out := Share{AccountID: g.Account, SharedAt: moment(g.At), Origin: Outside}
	if m, ours := records[g.Account]; ours {
		out.Origin, out.Until, out.OnExpiry, out.Reason = Here, moment(m.Until), m.OnExpiry, m.Reason
		out.By, out.RecordedAt = m.By, moment(m.At)
	}
	return out
}

// moment is a time, or nothing for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
