package survey

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// The permissions that open an account.
const (
	MayAssumeRole  = "sts:AssumeRole"
	MayListRegions = "ecs:DescribeRegions"
)

// Open finds out whose accounts these are and where they can look. An account that
// cannot be opened is Unread and hides no other. It fails only with fault.Invalid,
// naming the parameter: for a region or an account that is not looked at.
func Open(ctx context.Context, accounts []Account, scope Scope) (*Survey, error) {
	c := &call{scope: scope, recent: scope.Recent, now: scope.Now, listed: map[image.RegionID]bool{}, kept: map[at]*kept{}}
	if c.recent == nil {
		c.recent = NewRecent()
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.oldest = c.now()
	s := &Survey{call: c, within: scope.Within}
	if err := s.checkConfigured(); err != nil {
		return nil, err
	}
	wanted := slices.DeleteFunc(slices.Clone(accounts), func(a Account) bool { return a.ID != "" && !s.within.account(a.ID) })
	found := make([]entered, len(wanted))
	opening, end := inHalf(ctx)
	defer end()
	EachIndex(len(wanted), func(n int) { found[n] = s.enter(opening, wanted[n]) })
	for n, f := range found {
		if f.open {
			s.take(wanted[n], f)
		}
	}
	slices.SortFunc(s.places, func(a, b *Place) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	slices.SortFunc(s.opened, func(a, b Opened) int { return cmp.Compare(a.ID, b.ID) })
	s.closed = s.Unread()
	return s, s.checkOpened()
}

// inHalf leaves half of the time of a call for looking: an account that does not
// answer while it is opened hides no other.
func inHalf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Until(deadline)/2))
}

// entered is what was found out of an account.
type entered struct {
	id      image.AccountID
	open    bool
	regions []image.RegionID
}

// take makes the places of an account. The first of several ways to look into an
// account counts: our own before roles.
func (s *Survey) take(a Account, f entered) {
	if slices.ContainsFunc(s.opened, func(o Opened) bool { return o.ID == f.id }) {
		return
	}
	if a.Role == "" {
		s.home = f.id
	}
	s.opened = append(s.opened, Opened{f.id, a.Role})
	for _, r := range f.regions {
		p := &Place{Account: f.id, Region: r}
		k := &kept{reader: a.Reader, at: at{f.id, r}, answers: map[string]any{}}
		s.kept[k.at] = k
		p.look = look{call: s.call, kept: k, survey: s, remembers: true}
		s.places = append(s.places, p)
	}
}

// enter finds out whose account it is and which regions of it are looked at. The
// name in a role's ARN says where it should lead, not that it may be assumed:
// asking for the regions shows that, so that a role that may not be assumed is
// said once.
func (s *Survey) enter(ctx context.Context, a Account) entered {
	id, err := a.Reader.ID(ctx)
	switch {
	case err == nil && id == "":
		err = fault.New(fault.Unknown, "the account of the credentials is not told")
	case err == nil && a.ID != "" && id != a.ID:
		err = fault.New(fault.Unknown, "the credentials are those of another account than %s", a.ID)
	}
	if err != nil {
		permission := ""
		if a.Role != "" {
			permission = MayAssumeRole
		}
		s.Note(image.UnreadOf(a.ID, "", permission, err))
		return entered{}
	}
	f := entered{id: id, open: true}
	if s.within.account(id) {
		f.regions, f.open = s.regionsOf(ctx, a, id)
	}
	return f
}

// regionsOf are the regions of an account to look at.
func (s *Survey) regionsOf(ctx context.Context, a Account, id image.AccountID) (regions []image.RegionID, open bool) {
	if !s.scope.All && a.Role == "" {
		return s.wantedOf(s.scope.Regions), true
	}
	listed, err := s.regions(ctx, a, id)
	unassumed := err != nil && a.Role != "" && (fault.Code(err) == "NoPermission" || fault.Permission(err) == MayAssumeRole)
	switch {
	case unassumed:
		s.Note(image.UnreadOf(id, "", MayAssumeRole, err))
		return nil, false
	case !s.scope.All:
		return s.wantedOf(s.scope.Regions), true
	case err != nil && len(s.within.Regions) > 0: // these can be asked all the same
		s.call.mu.Lock()
		defer s.call.mu.Unlock()
		s.listless = true
		return inOrder(s.within.Regions), true
	case err != nil:
		s.call.mu.Lock()
		s.listless = true
		s.call.mu.Unlock()
		s.Note(image.UnreadOf(id, "", MayListRegions, err))
		return nil, false
	}
	s.call.mu.Lock()
	for _, r := range listed {
		s.listed[r.ID] = true
	}
	s.call.mu.Unlock()
	for _, r := range listed {
		regions = append(regions, r.ID)
	}
	return s.wantedOf(regions), true
}

// regionsLast is how long the regions of an account answer again to those who read.
const regionsLast = time.Minute

// regions lists the regions of an account, which cannot be none.
func (s *Survey) regions(ctx context.Context, a Account, id image.AccountID) ([]image.Region, error) {
	const list = "regions"
	k := &kept{reader: a.Reader, at: at{account: id}, answers: map[string]any{}}
	if s.scope.Reads {
		if listed, _, ok := recall[image.Region](s.recent, k.at, list, s.now().Add(-regionsLast)); ok {
			return listed, nil
		}
	}
	l := look{call: s.call, kept: k, survey: s.Apart(), remembers: true}
	return read(&l, list, "", func() ([]image.Region, error) {
		listed, err := a.Reader.Regions(ctx)
		if err == nil && len(listed) == 0 {
			err = fault.New(fault.Unknown, "the list of regions is empty, which it cannot be").WithCode(CodeEmptyList)
		}
		return listed, err
	})
}

func (s *Survey) wantedOf(regions []image.RegionID) []image.RegionID {
	return inOrder(slices.DeleteFunc(slices.Clone(regions), func(r image.RegionID) bool { return !s.within.region(r) }))
}

// inOrder is a sorted copy, each once.
func inOrder[T ~string](of []T) []T {
	sorted := slices.Sorted(slices.Values(of))
	return slices.Compact(sorted)
}

func joined[T ~string](of []T) string {
	words := make([]string, len(of))
	for n, one := range of {
		words[n] = string(one)
	}
	return strings.Join(words, ", ")
}

// shownPlaces is how many unread places a sentence names.
const shownPlaces = 3

func missing(unread []image.Unread, what, name string) error {
	if len(unread) == 0 {
		return fault.New(fault.NotFound, "no %s %s where it was looked for", what, name)
	}
	return Unreadable(unread, "no %s %s was found, but not all could be read (%s)", what, name, Sentence(unread))
}

// passes is when to try again after what passes by itself, such as a cloud that does
// not answer.
const passes = time.Minute

// Unreadable is the failure of who could read too little to answer, with CodeUnread:
// fault.Throttled where the pace of the calls was in the way of a part of it, else
// fault.Unknown. It says when to try again unless a permission is missing, which does
// not pass by itself.
func Unreadable(unread []image.Unread, format string, args ...any) *fault.Error {
	kind, wait, lasts := fault.Unknown, time.Duration(0), false
	for _, u := range unread {
		wait, lasts = max(wait, u.RetryAfter), lasts || u.Permission != ""
	}
	switch {
	case wait > 0:
		kind = fault.Throttled
	case !lasts:
		wait = passes
	}
	failed := fault.New(kind, format, args...).WithCode(CodeUnread)
	failed.RetryAfter = wait
	return failed
}

// Sentence says in one sentence what could not be read.
func Sentence(unread []image.Unread) string {
	var places []string
	for _, u := range unread[:min(shownPlaces, len(unread))] {
		where := strings.Trim(string(u.Account)+"/"+string(u.Region), "/")
		places = append(places, strings.TrimPrefix(where+": "+u.Sentence, ": "))
	}
	if more := len(unread) - len(places); more > 0 {
		places = append(places, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(places, "; ")
}
