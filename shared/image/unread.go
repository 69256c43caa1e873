package image

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"imagekeeper/shared/fault"
)

// Unread names a part of the world that could not be read, why, and what
// permission would cure it. A list with an Unread in it is not complete.
type Unread struct {
	Account AccountID `json:"accountId,omitempty"`
	Region  RegionID  `json:"regionId,omitempty"`
	Reason
	// Permission is the RAM action that is missing, e.g. "ecs:DescribeImages";
	// empty if no permission would help.
	Permission string `json:"permission,omitempty"`
	// RetryAfter is how long to wait, where only the pace of the calls is in the way;
	// zero if it is something else. Answers have it as a whole.
	RetryAfter time.Duration `json:"-"`
}

// usualWait is how long to wait after a throttled call that does not say it.
const usualWait = 5 * time.Second

// UnreadOf says that something could not be read in a place, and why: account and
// region are empty where they are not known or where all of them are meant. Only
// what was refused is cured by a permission: by the one that the refusal names,
// else by the one that the caller knows to be needed.
func UnreadOf(account AccountID, region RegionID, permission string, err error) Unread {
	u := Unread{Account: account, Region: region, Reason: Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}}
	switch fault.Of(err) {
	case fault.Forbidden:
		u.Permission = cmp.Or(fault.Permission(err), permission)
	case fault.Throttled:
		u.RetryAfter = usualWait
		var failed *fault.Error
		if errors.As(err, &failed) {
			u.RetryAfter = cmp.Or(failed.RetryAfter, u.RetryAfter)
		}
	}
	return u
}

// CompareUnread orders by account, region, permission, code and sentence: the
// order is total.
func CompareUnread(a, b Unread) int {
	return cmp.Or(
		cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Permission, b.Permission),
		cmp.Compare(a.Code, b.Code), cmp.Compare(a.Sentence, b.Sentence),
	)
}

// AllUnread joins lists of what could not be read: in order, each once, and never
// nil, as answers show it. The lists stay as they are.
func AllUnread(lists ...[]Unread) []Unread {
	all := append([]Unread{}, slices.Concat(lists...)...)
	slices.SortFunc(all, CompareUnread)
	return slices.CompactFunc(all, func(a, b Unread) bool { return CompareUnread(a, b) == 0 })
}
