package survey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Where the tests look.
const (
	first  = cloudsim.FirstAccount
	second = cloudsim.SecondAccount
	home   = image.RegionID("cn-hangzhou")
	away   = image.RegionID("cn-shanghai")
)

// counted is a reader whose calls are counted, and can be made to lie.
type counted struct {
	survey.Reader
	mu    *sync.Mutex
	calls map[string]int
	// refuse fails calls, before they are made; nil: none.
	refuse func(call string) error
	// blank are how many lists of images in a region are still answered without rows.
	blank map[image.RegionID]int
}

func (c *counted) call(what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[what]++
	if c.refuse != nil {
		return c.refuse(what)
	}
	return nil
}

func (c *counted) sum() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, calls := range c.calls {
		n += calls
	}
	return n
}

func (c *counted) Regions(ctx context.Context) ([]image.Region, error) {
	if err := c.call("regions"); err != nil {
		return nil, err
	}
	return c.Reader.Regions(ctx)
}

func (c *counted) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	if err := c.call("images"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	blank := c.blank[in]
	c.blank[in] = max(0, blank-1)
	c.mu.Unlock()
	if blank > 0 {
		return nil, nil
	}
	return c.Reader.Images(ctx, in, which)
}

func (c *counted) Snapshots(ctx context.Context, in image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error) {
	if err := c.call("snapshots"); err != nil {
		return nil, err
	}
	return c.Reader.Snapshots(ctx, in, which)
}

func (c *counted) Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error) {
	if err := c.call("instances"); err != nil {
		return nil, err
	}
	return c.Reader.Instances(ctx, in, which)
}

func (c *counted) Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error) {
	if err := c.call("disks"); err != nil {
		return nil, err
	}
	return c.Reader.Disks(ctx, in, which)
}

// world is two accounts in two regions, in which the first owns m-own, shared with
// the second, and there is one Marketplace image.
func world() *cloudsim.Cloud {
	cloud := cloudsim.New(cloudsim.Options{Clock: cloudsim.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))})
	add := func(region image.RegionID, id image.ID, kind image.Kind, with ...image.AccountID) {
		cloud.AddImage(first, region, cloudsim.ImageSpec{SharedWith: with, Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: kind, Name: string(id), Architecture: image.X86_64, OSType: image.Linux,
			Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: image.SnapshotID("s-" + string(id[2:])), Encrypted: image.No}},
		}})
	}
	add(home, "m-own", image.KindCustom, second)
	add(away, "m-away", image.KindCustom)
	add(away, "m-market", image.KindMarketplace)
	for _, r := range []image.RegionID{home, away} {
		add(r, "ubuntu_22_04_x64_20G_alibase_20260101.vhd", image.KindPublic)
		add(r, "debian_12_x64_20G_alibase_20260101.vhd", image.KindPublic)
	}
	return cloud
}

// readers are both accounts of a cloud.
func readers(cloud *cloudsim.Cloud) (accounts []survey.Account, one, two *counted) {
	of := func(id image.AccountID) *counted {
		return &counted{Reader: cloud.View(id), mu: &sync.Mutex{}, calls: map[string]int{}, blank: map[image.RegionID]int{}}
	}
	one, two = of(first), of(second)
	return []survey.Account{{Reader: one}, {Reader: two, ID: second, Role: cloudsim.ReaderRole}}, one, two
}

func regions() survey.Scope {
	return survey.Scope{Regions: []image.RegionID{home, away}, Home: home}
}

func open(t *testing.T, accounts []survey.Account, scope survey.Scope) *survey.Survey {
	t.Helper()
	s, err := survey.Open(t.Context(), accounts, scope)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPlacesAreInOrder(t *testing.T) {
	t.Parallel()
	accounts, _, _ := readers(world())
	s := open(t, accounts, regions())
	var got []string
	for _, p := range s.Places() {
		got = append(got, string(p.Account)+" "+string(p.Region))
	}
	if want := []string{"1000000000000001 cn-hangzhou", "1000000000000001 cn-shanghai", "1000000000000002 cn-hangzhou", "1000000000000002 cn-shanghai"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if s.Home() != first || s.Place(second, away) == nil || s.Place(second, "cn-beijing") != nil || len(s.Unread()) != 0 {
		t.Errorf("home %s, unread %v", s.Home(), s.Unread())
	}
}

func TestWhatIsNotLookedAtIsRefusedByOneCode(t *testing.T) {
	t.Parallel()
	accounts, _, _ := readers(world())
	all := survey.Scope{All: true, Home: home}
	for _, c := range []struct {
		name        string
		scope       survey.Scope
		within      survey.Within
		field, code string
	}{
		{"a region that is not configured", regions(), survey.Within{Regions: []image.RegionID{"cn-beijing"}}, "region", survey.CodeUnknownRegion},
		{"a region that no account has", all, survey.Within{Regions: []image.RegionID{"cn-nowhere"}}, "region", survey.CodeUnknownRegion},
		{"an account that is not looked at", regions(), survey.Within{Accounts: []image.AccountID{"42"}}, "account", survey.CodeUnknownAccount},
		{"both are there", all, survey.Within{Regions: []image.RegionID{away}, Accounts: []image.AccountID{second}}, "", ""},
	} {
		narrowed := c.scope
		narrowed.Within = c.within
		s, err := survey.Open(t.Context(), accounts, c.scope)
		if err != nil {
			t.Fatal(err)
		}
		_, later := s.Narrow(c.within)
		_, atOnce := survey.Open(t.Context(), accounts, narrowed)
		for _, err := range []error{later, atOnce} {
			var refused *fault.Error
			errors.As(err, &refused)
			switch {
			case c.field == "" && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.field != "" && (refused == nil || refused.Kind != fault.Invalid || refused.Field != c.field || refused.Code != c.code):
				t.Errorf("%s: got %v", c.name, err)
			}
		}
	}
}

func TestAnAccountThatCannotBeOpenedHidesNoOther(t *testing.T) {
	t.Parallel()
	accounts, _, two := readers(world())
	two.refuse = func(string) error { return fault.New(fault.Forbidden, "no").WithCode("NoPermission") }
	for _, scope := range []survey.Scope{regions(), {All: true, Home: home}} {
		s := open(t, accounts, scope)
		got := s.Unread()
		if len(got) != 1 || got[0].Account != second || got[0].Region != "" || got[0].Permission != survey.MayAssumeRole {
			t.Errorf("got %+v", got)
		}
		if len(s.In(home)) != 1 || s.Blind() {
			t.Errorf("%d places at home, blind %v", len(s.In(home)), s.Blind())
		}
		if again := s.Again().Unread(); !slices.Equal(again, got) {
			t.Errorf("a guard is told %v", again)
		}
		if _, err := s.Narrow(survey.Within{Accounts: []image.AccountID{second}}); err != nil {
			t.Errorf("the account is known, if only by name: %v", err)
		}
	}
}

func TestEachListIsReadOnce(t *testing.T) {
	t.Parallel()
	accounts, one, _ := readers(world())
	s := open(t, accounts, regions())
	p := s.Place(first, home)
	var many sync.WaitGroup
	for range 20 {
		many.Go(func() {
			if found, err := p.Images(t.Context(), image.Listing{Statuses: image.Statuses()}); err != nil || len(found) != 3 {
				t.Errorf("got %d, %v", len(found), err)
			}
		})
	}
	many.Wait()
	for which, want := range map[*image.Listing]int{
		{IDs: []image.ID{"m-own", "m-none"}}:         1,
		{Kind: image.KindPublic}:                     2,
		{Kind: image.KindShared}:                     0,
		{SnapshotID: "s-own"}:                        1,
		{OSType: image.Windows}:                      0,
		{Statuses: []image.Status{"Deprecated"}}:     0,
		{Architecture: image.X86_64, Family: "none"}: 0,
	} {
		if found, err := p.Images(t.Context(), *which); err != nil || len(found) != want {
			t.Errorf("%+v: got %d, %v", *which, len(found), err)
		}
	}
	other, err := s.Narrow(survey.Within{Regions: []image.RegionID{home}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Place(first, home).Images(t.Context(), image.Listing{Statuses: image.Statuses()}); err != nil {
		t.Error(err)
	}
	if one.calls["images"] != 1 {
		t.Errorf("images were listed %d times", one.calls["images"])
	}
}

func TestAFailureIsToldWithItsCureByWhoeverAsks(t *testing.T) {
	t.Parallel()
	accounts, one, _ := readers(world())
	one.refuse = func(call string) error {
		if call == "snapshots" {
			return fault.New(fault.Forbidden, "no").WithCode("Forbidden.RAM")
		}
		return nil
	}
	s := open(t, accounts, regions())
	apart := s.Apart()
	for range 3 {
		if _, err := apart.Place(first, home).Snapshots(t.Context(), image.SnapshotListing{IDs: []image.SnapshotID{"s-own"}}); fault.Of(err) != fault.Forbidden {
			t.Errorf("got %v", err)
		}
	}
	want := image.Unread{Account: first, Region: home, Permission: survey.MayListSnapshots, Reason: image.Reason{Code: "Forbidden.RAM", Sentence: "no"}}
	if got := apart.Unread(); !slices.Equal(got, []image.Unread{want}) {
		t.Errorf("got %+v", got)
	}
	if got := s.Unread(); len(got) != 0 {
		t.Errorf("it was asked apart, and yet: %+v", got)
	}
	if one.calls["snapshots"] != 1 {
		t.Errorf("asked %d times", one.calls["snapshots"])
	}
}

func TestAnEmptyListIsDoubted(t *testing.T) {
	t.Parallel()
	for lies := range 8 {
		accounts, one, _ := readers(world())
		one.blank[home] = lies
		s := open(t, accounts, regions())
		found, err := s.Place(first, home).Images(t.Context(), image.Listing{Kind: image.KindCustom})
		if err == nil && len(found) != 1 {
			t.Errorf("%d lies: believed", lies)
		}
		if lies == 1 && err != nil {
			t.Errorf("one lie is not mended: %v", err)
		}
		if lies > 2 && (fault.Code(err) != survey.CodeEmptyList || len(s.Unread()) != 1) {
			t.Errorf("%d lies: %v", lies, err)
		}
	}
	accounts, _, _ := readers(world())
	if found, err := open(t, accounts, regions()).Place(second, away).Images(t.Context(), image.Listing{Kind: image.KindCustom}); err != nil || len(found) != 0 {
		t.Errorf("what is true is believed: %d, %v", len(found), err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for lies := range 7 {
		for _, lied := range []image.RegionID{home, away} {
			accounts, one, two := readers(world())
			one.blank[lied], two.blank[lied] = lies, lies
			s := open(t, accounts, regions())
			found := s.Find(t.Context(), []image.ID{"m-own", "m-away", "m-market", "m-none"})
			var ids []image.ID
			for _, f := range found {
				ids = append(ids, f.ID)
				if f.ID == "m-own" && (f.Kind != image.KindCustom || f.Account != first) && len(s.Unread()) == 0 {
					t.Errorf("%d lies in %s: the view of %s is taken for the owner's", lies, lied, f.Account)
				}
			}
			if want := []image.ID{"m-away", "m-market", "m-own"}; !slices.Equal(ids, want) && (lies < 2 || len(s.Unread()) == 0) {
				t.Errorf("%d lies in %s: found %q, unread %v", lies, lied, ids, s.Unread())
			}
			if err := s.Missing("image", "m-none"); lies == 0 && fault.Of(err) != fault.NotFound {
				t.Errorf("got %v", err)
			}
		}
	}
}

func TestFindSaysWhoSeesIt(t *testing.T) {
	t.Parallel()
	accounts, _, _ := readers(world())
	s := open(t, accounts, regions())
	found, err := s.Among(t.Context(), "m-own")
	if err != nil || len(found) != 1 || !slices.Equal(found[0].SeenBy(), []image.AccountID{first, second}) || found[0].Account != first {
		t.Errorf("got %+v, %v", found, err)
	}
	if found, err = s.Among(t.Context(), "ubuntu_22_04_x64_20G_alibase_20260101.vhd"); err != nil || len(found) != 2 || found[0].Region != home {
		t.Errorf("got %+v, %v", found, err)
	}
	if _, err = s.Among(t.Context(), "m-none"); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAnOwnerThatIsNotShownItsImageIsTold(t *testing.T) {
	t.Parallel()
	accounts, one, _ := readers(world())
	one.Reader = blind{one.Reader}
	s := open(t, accounts, regions())
	found := s.Find(t.Context(), []image.ID{"m-own"})
	got := s.Unread()
	if len(found) != 1 || len(got) != 1 || got[0].Code != survey.CodeOwnImageHidden || got[0].Account != first {
		t.Errorf("got %+v, unread %+v", found, got)
	}
}

// blind is an owner that is shown public images only.
type blind struct{ survey.Reader }

func (b blind) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	found, err := b.Reader.Images(ctx, in, which)
	return slices.DeleteFunc(found, func(i image.Image) bool { return i.Kind == image.KindCustom }), err
}

func TestHowManyCallsOneImageTakes(t *testing.T) {
	t.Parallel()
	recent := survey.NewRecent()
	for _, c := range []struct {
		name string
		id   image.ID
		most int
	}{
		{"home has it, and nothing is known yet", "m-own", 4},
		{"another region has it", "m-away", 5},
		{"nobody has it", "m-none", 12},
		{"and again", "m-none", 12},
	} {
		accounts, one, two := readers(world())
		scope := regions()
		scope.Recent = recent
		s := open(t, accounts, scope)
		before := one.sum() + two.sum()
		s.Find(t.Context(), []image.ID{c.id})
		s.Find(t.Context(), []image.ID{c.id})
		if n := one.sum() + two.sum() - before; n > c.most {
			t.Errorf("%s: %d calls, at most %d", c.name, n, c.most)
		}
	}
}

func TestListsMayBeAsOldAsIsAllowed(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	recent := survey.NewRecent()
	accounts, one, _ := readers(world())
	for _, c := range []struct {
		after, maxAge time.Duration
		calls         int
		age           time.Duration
	}{
		{0, 0, 1, 0},
		{10 * time.Second, 30 * time.Second, 1, 10 * time.Second},
		{10 * time.Second, 5 * time.Second, 2, 0},
		{time.Second, 0, 3, 0},
	} {
		clock = clock.Add(c.after)
		now := clock
		scope := regions()
		scope.Recent, scope.MaxAge, scope.Now = recent, c.maxAge, func() time.Time { return now }
		s := open(t, accounts, scope)
		if _, err := s.Place(first, home).Images(t.Context(), image.Listing{Statuses: image.Statuses()}); err != nil {
			t.Fatal(err)
		}
		if one.calls["images"] != c.calls || now.Sub(s.AsOf()) != c.age {
			t.Errorf("%+v: %d calls, %s old", c, one.calls["images"], now.Sub(s.AsOf()))
		}
		again := s.Again()
		if found, err := again.Place(first, home).Images(t.Context(), image.Listing{IDs: []image.ID{"m-own"}}); err != nil || len(found) != 1 {
			t.Errorf("got %d, %v", len(found), err)
		}
		if r := again.Readings(); len(r) != 1 || !r[0].Began.Equal(now) || r[0].Account != first {
			t.Errorf("a guard was given %+v", r)
		}
		one.mu.Lock()
		one.calls["images"]-- // that of the guard
		one.mu.Unlock()
	}
}

func TestRegionsAnswerAgainToThoseWhoRead(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	recent := survey.NewRecent()
	accounts, one, two := readers(world())
	for _, c := range []struct {
		what      string
		after     time.Duration
		all       bool
		reads     bool
		first     int // calls by now, as our own account
		byTheRole int
	}{
		{"the first call", 0, true, true, 1, 1},
		{"a reader soon after", 59 * time.Second, true, true, 1, 1},
		{"a reader of regions that are named", 0, false, true, 1, 1},
		{"who changes something", 0, true, false, 2, 2},
		{"who changes something where regions are named: the role is tried", 0, false, false, 2, 3},
		{"a reader when it is over", 2 * time.Minute, true, true, 3, 4},
	} {
		clock = clock.Add(c.after)
		now := clock
		scope := survey.Scope{All: c.all, Home: home, Recent: recent, Reads: c.reads, Now: func() time.Time { return now }}
		if !c.all {
			scope.Regions = []image.RegionID{home, away}
		}
		s := open(t, accounts, scope)
		if one.calls["regions"] != c.first || two.calls["regions"] != c.byTheRole || s.Place(second, away) == nil || !s.AsOf().Equal(now) {
			t.Errorf("%s: %d and %d calls, want %d and %d; as of %s", c.what, one.calls["regions"], two.calls["regions"], c.first, c.byTheRole, s.AsOf())
		}
	}
	two.refuse = func(string) error { return fault.New(fault.Forbidden, "denied").WithCode("NoPermission") }
	for _, after := range []time.Duration{2 * time.Minute, 0} { // a role that may not be assumed is not remembered
		clock = clock.Add(after)
		scope := survey.Scope{All: true, Home: home, Recent: recent, Reads: true, Now: func() time.Time { return clock }}
		if s := open(t, accounts, scope); len(s.Unread()) != 1 || s.Place(second, away) != nil {
			t.Errorf("got %+v", s.Unread())
		}
	}
}

func TestAPanicReachesEverybodyWhoAsked(t *testing.T) {
	t.Parallel()
	accounts, one, _ := readers(world())
	one.refuse = func(call string) error {
		if call == "instances" {
			panic("boom")
		}
		return nil
	}
	p := open(t, accounts, regions()).Place(first, home)
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("an answer was made of a panic")
				}
			}()
			_, _ = p.Instances(t.Context(), image.InstanceListing{})
		}()
	}
}

func ExampleOpen() {
	accounts, _, _ := readers(world())
	ctx := context.Background()
	s, err := survey.Open(ctx, accounts, survey.Scope{All: true, Home: "cn-hangzhou"})
	if err != nil {
		fmt.Println(err)
		return
	}
	here, err := s.Narrow(survey.Within{Regions: []image.RegionID{"cn-hangzhou"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, one := range here.Find(ctx, []image.ID{"m-own"}) {
		fmt.Println(one.ID, one.Kind, one.SeenBy())
	}
	fmt.Println(here.Place("1000000000000001", "cn-hangzhou") != nil, len(here.Unread()))
	// Output:
	// m-own custom [1000000000000001 1000000000000002]
	// true 0
}

func TestSystemDisksThatWereReadAreNotAskedForAgain(t *testing.T) {
	t.Parallel()
	cloud := world()
	id := cloud.AddInstance(first, home, cloudsim.InstanceSpec{Instance: image.Instance{Image: "m-own", Type: "ecs.g7.large"}})
	accounts, one, _ := readers(cloud)
	p := open(t, accounts, regions()).Place(first, home)
	all, err := p.Disks(t.Context(), image.DiskListing{System: image.Yes})
	if err != nil || len(all) != 1 || all[0].Instance != id {
		t.Fatalf("got %+v, %v", all, err)
	}
	before := one.sum()
	for _, c := range []struct {
		ids   []image.DiskID
		calls int
	}{
		{[]image.DiskID{all[0].ID}, 0},
		{[]image.DiskID{"d-data", all[0].ID}, 2}, // what is in no list may be a data disk, and an empty answer is asked for again
	} {
		found, err := p.Disks(t.Context(), image.DiskListing{IDs: c.ids})
		if calls := one.sum() - before; err != nil || len(found) != 1 || found[0].ID != all[0].ID || calls != c.calls {
			t.Errorf("%v: got %+v, %v by %d calls, want %d", c.ids, found, err, calls, c.calls)
		}
	}
}
