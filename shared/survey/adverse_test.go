package survey_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// moody is a reader whose regions are what a test says.
type moody struct {
	*counted
	regions func() ([]image.Region, error)
}

func (m moody) Regions(context.Context) ([]image.Region, error) {
	if err := m.call("regions"); err != nil {
		return nil, err
	}
	return m.regions()
}

// reading is a scope of who only reads, at a time.
func reading(recent *survey.Recent, now time.Time, age time.Duration) survey.Scope {
	return survey.Scope{All: true, Home: home, Recent: recent, Reads: true, MaxAge: age, Now: func() time.Time { return now }}
}

// TestAnAccountThatIsClosedInBetween: while its regions still answer, it is told of each
// place that it cannot be read, and afterwards once; it is never as if it had nothing.
func TestAnAccountThatIsClosedInBetween(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	recent := survey.NewRecent()
	accounts, _, two := readers(world())
	ours := survey.Within{Regions: []image.RegionID{home, away}} // which have public images
	if s := open(t, accounts, reading(recent, noon, 0)); s.Place(second, away) == nil {
		t.Fatal("it cannot be opened")
	}
	two.refuse = func(string) error { return fault.New(fault.Forbidden, "no").WithCode("NoPermission") }
	for after, want := range map[time.Duration]int{30 * time.Second: 2, 2 * time.Minute: 1} {
		scope := reading(recent, noon.Add(after), 0)
		scope.Within = ours
		s := open(t, accounts, scope)
		s.Each(func(p *survey.Place) {
			if found, err := p.Images(t.Context(), image.Listing{}); p.Account == second && (err == nil || len(found) > 0) {
				t.Errorf("after %s: %s shows %d images", after, p.Region, len(found))
			}
		})
		unread := s.Unread()
		if len(unread) != want || slices.ContainsFunc(unread, func(u image.Unread) bool { return u.Account != second || u.Permission == "" }) {
			t.Errorf("after %s: %+v, want %d", after, unread, want)
		}
		only, err := s.Narrow(survey.Within{Accounts: []image.AccountID{second}})
		if err != nil || !only.Blind() || fault.Of(only.Missing("image", "m-own")) == fault.NotFound {
			t.Errorf("after %s: %v, %v", after, err, only.Missing("image", "m-own"))
		}
		for what, apart := range map[string]*survey.Survey{"apart": s.Apart(), "apart of a part": only.Apart()} {
			if _, err := apart.Narrow(survey.Within{Accounts: []image.AccountID{second}}); err != nil {
				t.Errorf("after %s, %s: an account that is configured is not known: %v", after, what, err)
			}
			if _, err := apart.Narrow(survey.Within{Accounts: []image.AccountID{"1000000000000099"}}); fault.Code(err) != survey.CodeUnknownAccount {
				t.Errorf("after %s, %s: %v", after, what, err)
			}
		}
	}
}

// TestAListOfRegionsThatChanges: a region that is gone, or new, is so to readers a minute
// later, to others at once; what failed, or was empty, never answers again.
func TestAListOfRegionsThatChanges(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	recent := survey.NewRecent()
	_, one, _ := readers(world())
	has := []image.Region{}
	var failure error
	accounts := []survey.Account{{Reader: moody{one, func() ([]image.Region, error) { return has, failure }}}}
	both, single := []image.Region{{ID: home}, {ID: away}}, []image.Region{{ID: home}}
	for _, c := range []struct {
		what   string
		at     time.Duration
		has    []image.Region
		fails  error
		reads  bool
		places int // what is looked at; none: it says so
	}{
		{"an empty list", 0, nil, nil, true, 0},
		{"a failure", 0, both, errors.New("cut"), true, 0},
		{"two", 0, both, nil, true, 2},
		{"a failure, while the list answers", 10 * time.Second, nil, errors.New("cut"), true, 2},
		{"one is gone", 20 * time.Second, single, nil, true, 2},
		{"one is gone, for who changes", 20 * time.Second, single, nil, false, 1},
		{"what others read answers readers", 70 * time.Second, both, nil, true, 1},
		{"a minute after that", 81 * time.Second, both, nil, true, 2},
		{"an empty list for who changes", 82 * time.Second, nil, nil, false, 0},
		{"readers have what was good", 83 * time.Second, nil, nil, true, 2},
		{"until it is too old", 10 * time.Minute, nil, nil, true, 0},
	} {
		has, failure = c.has, c.fails
		scope := reading(recent, noon.Add(c.at), 0)
		scope.Reads = c.reads
		s := open(t, accounts, scope)
		if len(s.Places()) != c.places || (c.places == 0) != (len(s.Unread()) == 1) {
			t.Errorf("%s: %d places, %+v; want %d", c.what, len(s.Places()), s.Unread(), c.places)
		}
		_, err := s.Narrow(survey.Within{Regions: []image.RegionID{away}})
		if (c.places == 1) != (fault.Code(err) == survey.CodeUnknownRegion) {
			t.Errorf("%s: a region that may be there is refused, or one that is not is taken: %v", c.what, err)
		}
	}
}

// TestRegionsAndMaxAge: where lists may be old, so may that of the regions, and it is
// told as of when; and it is never older than is allowed.
func TestRegionsAndMaxAge(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	recent := survey.NewRecent()
	accounts, one, _ := readers(world())
	for _, c := range []struct {
		at, age time.Duration
		calls   int
		asOf    time.Duration
	}{
		{0, 5 * time.Minute, 1, 0},
		{4 * time.Minute, 5 * time.Minute, 1, 0},
		{4 * time.Minute, 2 * time.Minute, 2, 4 * time.Minute},
		{10 * time.Minute, 5 * time.Minute, 3, 10 * time.Minute},
	} {
		s := open(t, accounts, reading(recent, noon.Add(c.at), c.age))
		if one.calls["regions"] != c.calls || !s.AsOf().Equal(noon.Add(c.asOf)) {
			t.Errorf("at %s, %s old: %d calls, as of %s; want %d, %s", c.at, c.age, one.calls["regions"], s.AsOf(), c.calls, noon.Add(c.asOf))
		}
	}
}

// TestManyReadersAtOnce share what the process read, and none sees half of it.
func TestManyReadersAtOnce(t *testing.T) {
	t.Parallel()
	recent := survey.NewRecent()
	accounts, one, _ := readers(world())
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			scope := reading(recent, noon.Add(time.Duration(n)*time.Second), 0)
			scope.Reads = n%4 != 0
			s, err := survey.Open(t.Context(), accounts, scope)
			if err != nil || s.Place(second, away) == nil || len(s.Unread()) > 0 {
				t.Errorf("%v, %+v", err, s.Unread())
				return
			}
			again := s.Again()
			if p := again.Place(first, home); p == nil {
				t.Error("a guard looks nowhere")
			} else if found, err := p.Images(t.Context(), image.Listing{}); err != nil || len(found) == 0 || len(again.Readings()) == 0 {
				t.Errorf("a guard sees %d images by %d readings, %v", len(found), len(again.Readings()), err)
			}
		})
	}
	all.Wait()
	if calls := one.calls["regions"]; calls < 8 || calls > 32 {
		t.Errorf("%d calls", calls)
	}
}

// TestDisksByIDsAreThoseOfAGuardWhenItAsks: what was read answers who decides, never a
// guard; and what cannot be read besides is told.
func TestDisksByIDsAreThoseOfAGuardWhenItAsks(t *testing.T) {
	t.Parallel()
	accounts, one, _ := readers(world())
	s := open(t, accounts, regions())
	p := s.Place(first, home)
	if _, err := p.Disks(t.Context(), image.DiskListing{System: image.Yes}); err != nil {
		t.Fatal(err)
	}
	before := one.calls["disks"]
	again := s.Again()
	if _, err := again.Place(first, home).Disks(t.Context(), image.DiskListing{IDs: []image.DiskID{"d-any"}}); err != nil || one.calls["disks"] == before {
		t.Errorf("a guard asked %d times, %v", one.calls["disks"]-before, err)
	}
	one.refuse = func(string) error { return fault.New(fault.Forbidden, "no") }
	ids := []image.DiskID{"d-b", "d-a"}
	if _, err := p.Disks(t.Context(), image.DiskListing{IDs: ids}); fault.Of(err) != fault.Forbidden || len(s.Unread()) != 1 || s.Unread()[0].Permission != survey.MayListDisks {
		t.Errorf("%v, %+v", err, s.Unread())
	}
	if !slices.Equal(ids, []image.DiskID{"d-b", "d-a"}) {
		t.Errorf("the caller's list is %v", ids)
	}
}
