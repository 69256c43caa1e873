package survey

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/image"
)

// Fresh is how guards look: nothing of it is remembered, nothing is answered from a
// wider list, and each reading is taken down with the time at which it began. Only
// Survey.Again makes one, so that a guard that takes a Fresh cannot be given what
// was read before.
type Fresh struct{ state *freshState }

type freshState struct {
	survey *Survey

	mu       sync.Mutex
	readings []Reading
}

// Reading is one list that was read, and when that began.
type Reading struct {
	Account image.AccountID
	Region  image.RegionID
	// List names what was read, for people.
	List  string
	Began time.Time
}

// FreshPlace is Place for guards: the same lists, each read when it is asked for,
// and an empty one believed by the same rule.
type FreshPlace struct {
	Account image.AccountID
	Region  image.RegionID
	look
}

// Again looks again at the places of the survey.
func (s *Survey) Again() Fresh {
	again := s.Apart()
	again.Note(s.closed...)
	return Fresh{&freshState{survey: again}}
}

// Place is an account in a region; nil if it is not looked at.
func (f Fresh) Place(account image.AccountID, region image.RegionID) *FreshPlace {
	if f.state == nil {
		return nil
	}
	p := f.state.survey.Place(account, region)
	if p == nil {
		return nil
	}
	return f.place(p)
}

// Places are the accounts by regions, in order.
func (f Fresh) Places() []*FreshPlace {
	if f.state == nil {
		return nil
	}
	all := make([]*FreshPlace, 0, len(f.state.survey.places))
	for _, p := range f.state.survey.places {
		all = append(all, f.place(p))
	}
	return all
}

func (f Fresh) place(p *Place) *FreshPlace {
	k := &kept{reader: p.kept.reader, at: p.kept.at}
	return &FreshPlace{p.Account, p.Region, look{call: p.look.call, kept: k, survey: f.state.survey, fresh: &f}}
}

// Unread is what could not be read through f, or opened at all, in order.
func (f Fresh) Unread() []image.Unread {
	if f.state == nil {
		return image.AllUnread()
	}
	return f.state.survey.Unread()
}

// Readings are the lists that were read through f, in order of when that began.
func (f Fresh) Readings() []Reading {
	if f.state == nil {
		return nil
	}
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	return slices.SortedFunc(slices.Values(f.state.readings), func(a, b Reading) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.List, b.List))
	})
}

// began takes down a reading.
func (f *Fresh) began(where at, list string, when time.Time) {
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	f.state.readings = append(f.state.readings, Reading{where.account, where.region, list, when})
}
