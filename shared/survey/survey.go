// Package survey is what one call looks at: accounts by regions, each list read
// once however many ask for it, an empty list only where that is shown to be true,
// and what could not be read, with the permission that cures it. It decides
// nothing about images.
package survey

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Within narrows where to look. Nothing given does not narrow.
type Within struct {
	Regions  []image.RegionID
	Accounts []image.AccountID
}

// Just narrows to at most one region and one account; an empty one does not narrow.
func Just(region image.RegionID, account image.AccountID) Within {
	var w Within
	if region != "" {
		w.Regions = []image.RegionID{region}
	}
	if account != "" {
		w.Accounts = []image.AccountID{account}
	}
	return w
}

// Scope is where one call looks.
type Scope struct {
	// Regions to look at; All stands for whatever regions each account has.
	Regions []image.RegionID
	All     bool
	// Home is the region of the function: it is asked first.
	Home image.RegionID
	// Within is what the request narrows it to.
	Within Within
	// Recent remembers between calls what this process read; nil: nothing does.
	Recent *Recent
	// MaxAge is how old a list of Recent may be that answers again; 0: none may.
	MaxAge time.Duration
	// Reads: nothing is changed by what is seen. The regions of an account, which hardly
	// ever change, then answer again for a minute: their rate is half of that of images.
	Reads bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// The codes of requests that name what is not looked at, and of answers that
// cannot be given because something could not be read. Every function uses them.
const (
	CodeUnknownRegion  = "unknownRegion"
	CodeUnknownAccount = "unknownAccount"
	CodeUnread         = "unread"
	// CodeEmptyList is of a list without rows that cannot be empty.
	CodeEmptyList = "emptyList"
)

// Survey is what one call looks at. Safe for concurrent use.
type Survey struct {
	*call
	within Within
	places []*Place
	home   image.AccountID
	opened []Opened
	// closed are the accounts that could not be opened.
	closed []image.Unread

	mu     sync.Mutex
	unread []image.Unread
}

// call is what all surveys of a call share.
type call struct {
	scope  Scope
	recent *Recent
	now    func() time.Time

	mu sync.Mutex
	// listed are the regions that some account told to have; listless: some account
	// did not tell.
	listed   map[image.RegionID]bool
	listless bool
	kept     map[at]*kept
	oldest   time.Time
}

// at is one account in one region.
type at struct {
	account image.AccountID
	region  image.RegionID
}

// Opened is an account that could be opened.
type Opened struct {
	ID image.AccountID
	// Role is the one that was assumed; empty for our own account.
	Role string
}

// Places are the accounts by regions, in order. They are not to be changed.
func (s *Survey) Places() []*Place { return s.places }

// Place is an account in a region; nil if it is not looked at.
func (s *Survey) Place(account image.AccountID, region image.RegionID) *Place {
	n := slices.IndexFunc(s.places, func(p *Place) bool { return p.Account == account && p.Region == region })
	if n < 0 {
		return nil
	}
	return s.places[n]
}

// In are the places of a region, in order.
func (s *Survey) In(region image.RegionID) []*Place {
	var there []*Place
	for _, p := range s.places {
		if p.Region == region {
			there = append(there, p)
		}
	}
	return there
}

// Home is the account that the function runs as; empty if it could not be opened,
// or is not looked at.
func (s *Survey) Home() image.AccountID { return s.home }

// Accounts are the accounts that could be opened and are looked at, in order.
func (s *Survey) Accounts() []Opened { return s.opened }

// AsOf is when the oldest reading began that this call used.
func (s *Survey) AsOf() time.Time {
	s.call.mu.Lock()
	defer s.call.mu.Unlock()
	return s.oldest
}

// Unread is what could not be opened or read until now, in order, each once.
func (s *Survey) Unread() []image.Unread {
	s.mu.Lock()
	defer s.mu.Unlock()
	return image.AllUnread(s.unread)
}

// Note adds something that could not be read, as a reader found out otherwise: a
// list that contradicts another one.
func (s *Survey) Note(unread ...image.Unread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = append(s.unread, unread...)
}

// Blind reports that there is nothing to tell: no place is left in which nothing
// failed.
func (s *Survey) Blind() bool {
	unread := s.Unread()
	if len(unread) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.places, func(p *Place) bool {
		return !slices.ContainsFunc(unread, func(u image.Unread) bool {
			return u.Account == p.Account && (u.Region == "" || u.Region == p.Region)
		})
	})
}

// Missing is the failure of a question for what was not found: fault.NotFound
// where everything was read, else fault.Unknown with CodeUnread.
func (s *Survey) Missing(what, name string) error { return missing(s.Unread(), what, name) }

// Each does f for every place, many at once, and waits. A panic in f is carried to
// the caller.
func (s *Survey) Each(f func(*Place)) { Each(s.places, f) }

// atOnce is how many places are looked at at the same time; how often the cloud is
// called is the reader's to limit.
const atOnce = 64

// Each does f for each of some things, many at once, and waits. A panic in f is
// carried to the caller.
func Each[T any](of []T, f func(T)) { EachIndex(len(of), func(n int) { f(of[n]) }) }

// EachIndex does f for each index of a list of so many, as Each does for what is in it.
func EachIndex(many int, f func(int)) {
	var next atomic.Int64
	var wait fanout.Group
	for range min(atOnce, many) {
		wait.Go(func() {
			for n := int(next.Add(1)); n <= many; n = int(next.Add(1)) {
				f(n - 1)
			}
		})
	}
	wait.Wait()
}

// Narrow is the part of the survey that within leaves. What is read through either
// is read once for both; what cannot be read is told by the one that asked. It
// fails with fault.Invalid, naming the parameter, as Open does.
func (s *Survey) Narrow(within Within) (*Survey, error) {
	some := &Survey{call: s.call, within: within, home: s.home, opened: s.opened}
	if err := some.checkConfigured(); err != nil {
		return nil, err
	}
	for _, p := range s.places {
		if within.account(p.Account) && within.region(p.Region) {
			some.places = append(some.places, p.of(some))
		}
	}
	outside := func(u image.Unread) bool {
		return u.Account != "" && !within.account(u.Account) || u.Region != "" && !within.region(u.Region)
	}
	some.unread = slices.DeleteFunc(s.Unread(), outside)
	some.closed = slices.DeleteFunc(slices.Clone(s.closed), outside)
	return some, some.checkOpened()
}

// Knows fails as Narrow does, naming field, for a region that is not looked at.
func (s *Survey) Knows(field string, region image.RegionID) error {
	_, err := s.Narrow(Within{Regions: []image.RegionID{region}})
	if unknown := new(fault.Error); errors.As(err, &unknown) {
		named := *unknown
		named.Field = field
		return &named
	}
	return err
}

// Apart is the survey for a question whose failures are told apart: it begins with
// none, and shares what is read.
func (s *Survey) Apart() *Survey {
	other := &Survey{call: s.call, within: s.within, home: s.home, opened: s.opened, closed: s.closed}
	for _, p := range s.places {
		other.places = append(other.places, p.of(other))
	}
	return other
}

func (w Within) account(a image.AccountID) bool {
	return len(w.Accounts) == 0 || slices.Contains(w.Accounts, a)
}

func (w Within) region(r image.RegionID) bool {
	return len(w.Regions) == 0 || slices.Contains(w.Regions, r)
}

// checkConfigured fails for a region that is not looked at at all.
func (s *Survey) checkConfigured() error {
	for _, r := range s.within.Regions {
		if !s.scope.All && !slices.Contains(s.scope.Regions, r) {
			return fault.InField("region", CodeUnknownRegion, "%s is not among the regions that are looked at: %s", r, joined(s.scope.Regions))
		}
	}
	return nil
}

// checkOpened fails for accounts that are not looked at, and for regions that no
// account has, as far as the accounts could be opened and told.
func (s *Survey) checkOpened() error {
	unread := slices.Concat(s.unread, s.closed) // one that is apart has what could not be opened in the second only
	nameless := slices.ContainsFunc(unread, func(u image.Unread) bool { return u.Account == "" })
	for _, id := range s.within.Accounts {
		is := slices.ContainsFunc(s.opened, func(o Opened) bool { return o.ID == id }) ||
			slices.ContainsFunc(unread, func(u image.Unread) bool { return u.Account == id })
		if !is && !nameless {
			return fault.InField("account", CodeUnknownAccount, "%s is not among the accounts that are looked at", id)
		}
	}
	s.call.mu.Lock()
	defer s.call.mu.Unlock()
	for _, r := range s.within.Regions {
		if s.scope.All && !s.listless && !s.listed[r] {
			return fault.InField("region", CodeUnknownRegion, "%s is a region of none of the accounts that are looked at", r)
		}
	}
	return nil
}
