package alicloud

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// window is what documented rates count over.
const window = 60 * time.Second

// crowd is how many processes the limits expect to meet at one account: that
// many bursts are one window's quota.
const crowd = 50

// place is what ECS keeps a quota for: an action in a region of an account. The
// region of STS is empty. Source: "API throttling" (ASSUMPTIONS.md).
type place struct {
	account image.AccountID
	region  image.RegionID
	action  string
}

// DocumentedRate returns how many calls of an action an account has in a region
// per minute. Source: the quota pages of the API explorer, and the limits of
// ActionTrail, where they are published; 500 is assumed for the rest
// (ASSUMPTIONS.md).
func DocumentedRate(action string) int {
	switch action {
	case "DescribeImages":
		return 1000
	case "ReplaceSystemDisk":
		return 200
	case "LookupEvents":
		return 120
	}
	return 500
}

// quotaSaid is what an answer said of the quota.
type quotaSaid struct {
	limit, remain int
	// left is how long until calls are counted anew.
	left time.Duration
	// asOf is when the call left: what is left was counted after it.
	asOf time.Time
}

// said reports whether anything was.
func (q quotaSaid) said() bool { return q.limit > 0 }

// scarce: less than a tenth is left; another call each of a crowd could be over.
func (q quotaSaid) scarce() bool { return q.said() && q.remain < q.limit/10 }

// believed is how long what an answer said holds: others use the quota, too.
const believed = 2 * time.Second

// fresh reports whether it may still be so. It is as old as the call, not as the
// answer: on a loaded machine answers wait to be read.
func (q quotaSaid) fresh(now time.Time) bool { return q.said() && now.Sub(q.asOf) <= believed }

// fair is how many calls one of a crowd may have under way at once, so that all
// of them together do not ask for more than half of what is left, as others were
// told of it, too; one when that is not known any more, so that it gets known.
func (q quotaSaid) fair(now time.Time) int {
	if !q.fresh(now) {
		return 1
	}
	return max(1, q.remain/crowd/2)
}

// quotaIn reads "Limit:1000,Remain:3,TimeLeft:2000" in x-ratelimit-user-api and
// x-ratelimit-user, where ECS sends them: how many calls a window has, how many
// are left, and the milliseconds until calls are counted anew. Of both headers
// the one with less left counts, and the longer time.
func quotaIn(h http.Header, asOf time.Time) quotaSaid {
	said := quotaSaid{asOf: asOf}
	for _, name := range []string{"X-Ratelimit-User-Api", "X-Ratelimit-User"} {
		numbers := make(map[string]int)
		for part := range strings.SplitSeq(h.Get(name), ",") {
			what, number, _ := strings.Cut(strings.TrimSpace(part), ":")
			if n, err := strconv.ParseUint(number, 10, 31); err == nil {
				numbers[what] = int(n)
			}
		}
		said.left = max(said.left, time.Duration(numbers["TimeLeft"])*time.Millisecond)
		remain, told := numbers["Remain"]
		if limit := numbers["Limit"]; told && limit > 0 && (!said.said() || remain < said.remain) {
			said.limit, said.remain = limit, remain
		}
	}
	return said
}

// ledger are the calls of one process in the last window, oldest first.
type ledger struct {
	most int
	sent []time.Time
}

// full returns how long no further call fits; 0: one does.
func (l *ledger) full(now time.Time) time.Duration {
	gone, _ := slices.BinarySearchFunc(l.sent, now.Add(-window), time.Time.Compare)
	l.sent = l.sent[gone:]
	if len(l.sent) < l.most {
		return 0
	}
	return window - now.Sub(l.sent[len(l.sent)-l.most]) + time.Millisecond
}

func (l *ledger) add(now time.Time) { l.sent = append(l.sent, now) }
