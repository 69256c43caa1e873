package selection_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/selection"
	"imagekeeper/shared/survey"
)

// broken is a catalogue one of whose calls fails.
type broken struct {
	*memory
	call   string
	region image.RegionID // only there, if set
	err    error
	hang   bool
}

func (b *broken) fail(ctx context.Context, call string, region image.RegionID) error {
	if call != b.call || b.region != "" && region != "" && region != b.region {
		return nil
	}
	if b.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.err
}

func (b *broken) ID(ctx context.Context) (image.AccountID, error) {
	if err := b.fail(ctx, "ID", ""); err != nil {
		return "", err
	}
	return b.memory.ID(ctx)
}

func (b *broken) Regions(ctx context.Context) ([]image.Region, error) {
	if err := b.fail(ctx, "Regions", ""); err != nil {
		return nil, err
	}
	return b.memory.Regions(ctx)
}

func (b *broken) Images(ctx context.Context, r image.RegionID, l image.Listing) ([]image.Image, error) {
	if err := b.fail(ctx, "Images", r); err != nil {
		return nil, err
	}
	return b.memory.Images(ctx, r, l)
}

func (b *broken) InstanceTypes(ctx context.Context, r image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error) {
	if err := b.fail(ctx, "InstanceTypes", r); err != nil {
		return nil, err
	}
	return b.memory.InstanceTypes(ctx, r, types)
}

// faults are the ways in which the adapter tells of a failing or lying cloud.
func faults() map[string]error {
	return map[string]error{
		"throttled":           &fault.Error{Kind: fault.Throttled, Code: "Throttling", Sentence: "too many calls"},
		"unavailable":         &fault.Error{Kind: fault.Unavailable, Code: "ServiceUnavailable", Sentence: "ECS did not answer"},
		"untrusted answer":    &fault.Error{Kind: fault.Unknown, Code: "shortList", Sentence: "the list is short"},
		"permission denied":   &fault.Error{Kind: fault.Forbidden, Code: "Forbidden.RAM", Sentence: "not allowed"},
		"refused as invalid":  &fault.Error{Kind: fault.Invalid, Code: "InvalidParameter", Sentence: "ECS refused a parameter"},
		"something of ours":   errors.New("secret internal text"),
		"hang until deadline": nil,
	}
}

// For each fault on each call: what was read is right, and what was not is said.
func TestEveryFaultOnEveryCallIsSaid(t *testing.T) {
	t.Parallel()
	cures := map[string]string{
		"ID": "sts:AssumeRole", "Regions": "ecs:DescribeRegions",
		"Images": "ecs:DescribeImages", "InstanceTypes": "ecs:DescribeInstanceTypes",
	}
	for call, cure := range cures {
		for name, err := range faults() {
			t.Run(call+" "+name, func(t *testing.T) {
				t.Parallel()
				// In a bubble the deadline passes when nothing else can happen.
				synctest.Test(t, func(t *testing.T) { checkFault(t, call, cure, err) })
			})
		}
	}
}

func checkFault(t *testing.T, call, cure string, err error) {
	t.Helper()
	list, unread := findThroughBroken(t, call, err)
	if ids(list.Page) != "m-ours-hk m-ours" {
		t.Errorf("got %q, want what could be read: m-ours-hk m-ours", ids(list.Page))
	}
	if list.Total != -1 || list.Blind {
		t.Errorf("total %d, blind %v; want an unknown total and 200", list.Total, list.Blind)
	}
	for _, u := range unread {
		if u.Account != theirs || u.Code == "" || u.Sentence == "" || u.Sentence == "secret internal text" {
			t.Errorf("badly told: %+v", u)
		}
		if want := cureOf(err, cure); u.Permission != want {
			t.Errorf("permission %q, want %q", u.Permission, want)
		}
	}
}

func cureOf(err error, cure string) string {
	if fault.Of(err) == fault.Forbidden {
		return cure
	}
	return ""
}

// findThroughBroken looks through our eyes and through theirs, which are broken.
func findThroughBroken(t *testing.T, call string, err error) (selection.List, []image.Unread) {
	t.Helper()
	where, own := scope(custom("m-ours"), custom("m-ours-hk", func(i *image.Image) { i.Region, i.CreatedAt = "cn-hongkong", day(11) }))
	other := &broken{
		memory: &memory{
			account: theirs, regions: own.regions, types: own.types,
			images: []image.Image{custom("m-theirs", func(i *image.Image) { i.Account, i.Owner, i.CreatedAt = theirs, theirs, day(12) })},
		},
		call: call, err: err, hang: err == nil,
	}
	where.All = true
	where.Views = append(where.Views, survey.Account{Reader: other, ID: theirs, Role: role})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list, failed := find(ctx, where, selection.Query{InstanceType: "ecs.g7.large"})
	if failed != nil {
		t.Fatal(failed)
	}
	if len(list.Unread) == 0 {
		t.Fatal("nothing is said to be unread")
	}
	return list, list.Unread
}

func TestNothingReadIsBlind(t *testing.T) {
	t.Parallel()
	where, own := scope(custom("m-1"))
	where.Views[0].Reader = &broken{memory: own, call: "Images", err: fault.New(fault.Unavailable, "down")}
	list, err := find(context.Background(), where, selection.Query{})
	if err != nil || !list.Blind || len(list.Unread) != 2 || len(list.Page) != 0 {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestOneRegionUnread(t *testing.T) {
	t.Parallel()
	where, own := scope(custom("m-1"))
	where.Views[0].Reader = &broken{memory: own, call: "Images", region: "cn-hongkong", err: fault.New(fault.Throttled, "slow")}
	list, err := find(context.Background(), where, selection.Query{})
	if err != nil || ids(list.Page) != "m-1" || len(list.Unread) != 1 || list.Unread[0].Region != "cn-hongkong" {
		t.Errorf("got %q, unread %+v, %v", ids(list.Page), list.Unread, err)
	}
}

func TestWhatDoesNotExistIsTheCallersMistake(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct {
		query selection.Query
		all   bool
	}{
		"region":       {selection.Query{Regions: []image.RegionID{"cn-atlantis"}}, true},
		"account":      {selection.Query{Accounts: []image.AccountID{"42"}}, true},
		"instanceType": {selection.Query{InstanceType: "ecs.made.up"}, false},
		"cursor":       {selection.Query{Cursor: "e30"}, false},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			where, _ := scope(custom("m-1"))
			where.All = c.all
			_, err := find(context.Background(), where, c.query)
			blamed(t, err, field)
		})
	}
	t.Run("region that is not configured", func(t *testing.T) {
		t.Parallel()
		where, _ := scope(custom("m-1"))
		_, err := find(context.Background(), where, selection.Query{Regions: []image.RegionID{"cn-shanghai"}})
		blamed(t, err, "region")
	})
}

func TestInstanceTypeInOneRegionOnly(t *testing.T) {
	t.Parallel()
	where, own := scope(custom("m-1"), custom("m-2", func(i *image.Image) { i.Region = "cn-hongkong" }))
	where.Views[0].Reader = &picky{memory: own, only: "cn-hongkong"}
	list, err := find(context.Background(), where, selection.Query{InstanceType: "ecs.g7.large"})
	if err != nil || ids(list.Page) != "m-2" || list.Total != 1 {
		t.Errorf("got %q of %d, %v, want m-2", ids(list.Page), list.Total, err)
	}
}

// picky has its instance types in one region only.
type picky struct {
	*memory
	only image.RegionID
}

func (p *picky) InstanceTypes(ctx context.Context, r image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error) {
	if r != p.only {
		types = []image.InstanceTypeID{"ecs.g8y.large"}
	}
	return p.memory.InstanceTypes(ctx, r, types)
}

func TestRoleOfAnotherAccountIsNotBelieved(t *testing.T) {
	t.Parallel()
	where, _ := scope(custom("m-1"))
	where.Regions = where.Regions[:1] // that of m-1
	stray := &memory{account: "1000000000000003", regions: where.Regions, images: []image.Image{custom("m-stray")}}
	where.Views = append(where.Views, survey.Account{Reader: stray, ID: theirs, Role: role})
	list, err := find(context.Background(), where, selection.Query{})
	if err != nil || ids(list.Page) != "m-1" || len(list.Unread) != 1 || list.Unread[0].Account != theirs {
		t.Errorf("got %q, unread %+v, %v", ids(list.Page), list.Unread, err)
	}
}

// Whose eyes are asked decides what an image is: account narrows the view.
func TestAccountNarrowsTheView(t *testing.T) {
	t.Parallel()
	mine := custom("m-1")
	where, own := scope(mine)
	other := &memory{account: theirs, regions: own.regions, images: []image.Image{seenBy(theirs, image.KindShared, mine)}}
	where.Views = append(where.Views, survey.Account{Reader: other, ID: theirs, Role: role})
	for _, c := range []struct {
		query selection.Query
		want  string
	}{
		{selection.Query{}, "m-1 custom [1000000000000001 1000000000000002]"},
		{selection.Query{Accounts: []image.AccountID{theirs}}, "m-1 shared [1000000000000002]"},
		{selection.Query{Accounts: []image.AccountID{theirs}, Kinds: []image.Kind{"shared"}}, "m-1 shared [1000000000000002]"},
		{selection.Query{Kinds: []image.Kind{"shared"}}, "m-1 shared [1000000000000001 1000000000000002]"},
		{selection.Query{Kinds: []image.Kind{"custom"}}, "m-1 custom [1000000000000001 1000000000000002]"},
		{selection.Query{Kinds: []image.Kind{"custom", "shared"}}, "m-1 custom [1000000000000001 1000000000000002]"},
		{selection.Query{IDs: []image.ID{"m-1"}}, "m-1 custom [1000000000000001 1000000000000002]"},
		{selection.Query{Kinds: []image.Kind{"custom"}, Accounts: []image.AccountID{ours}}, "m-1 custom [1000000000000001]"},
	} {
		list, err := find(context.Background(), where, c.query)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, i := range list.Page {
			got += fmt.Sprint(i.ID, " ", i.Kind, " ", i.SeenBy)
		}
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.query, got, c.want)
		}
	}
}

func TestOnlyWhatECSFiltersWellIsPushedDown(t *testing.T) {
	t.Parallel()
	where, own := scope(custom("m-1"))
	_, err := find(context.Background(), where, selection.Query{Tags: map[string]string{"team": "web"}, Name: "web*", Families: []image.Family{"web-base"}, OSType: image.Linux})
	if err != nil {
		t.Fatal(err)
	}
	// A grantee may see a family by another name, so that ECS does not filter it.
	control := func(l image.Listing) bool { return l.Kind == image.KindPublic && l.OSType == "" }
	for _, l := range own.asked {
		if !control(l) && (l.OSType != image.Linux || len(l.Statuses) != 1) || l.Family != "" {
			t.Errorf("asked %+v, want the system and no family", l)
		}
	}
	// Both regions once; the one without an image of the system is not believed
	// before public images were seen in it, and it was asked again.
	if len(own.asked) != 4 {
		t.Errorf("asked %d times, want 4: %+v", len(own.asked), own.asked)
	}
}

// lying answers with nothing, as if that were the truth, to the nth to last
// calls of one kind.
type lying struct {
	*memory
	call  string
	skip  int
	lies  int
	count atomic.Int32
}

func (l *lying) lie(call string) bool {
	if call != l.call {
		return false
	}
	n := int(l.count.Add(1))
	return n > l.skip && n <= l.skip+l.lies
}

func (l *lying) Regions(ctx context.Context) ([]image.Region, error) {
	if l.lie("Regions") {
		return nil, nil
	}
	return l.memory.Regions(ctx)
}

func (l *lying) Images(ctx context.Context, r image.RegionID, q image.Listing) ([]image.Image, error) {
	if l.lie("Images") {
		return nil, nil
	}
	return l.memory.Images(ctx, r, q)
}

func (l *lying) InstanceTypes(ctx context.Context, r image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error) {
	if l.lie("InstanceTypes") {
		return nil, nil
	}
	return l.memory.InstanceTypes(ctx, r, types)
}

// An empty answer that looks authorised is never taken for an empty cloud:
// whatever was found is said to be unknown, or right.
func TestEmptyAnswersAreNotBelieved(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"Regions", "Images", "InstanceTypes"} {
		for skip := range 6 {
			for _, lies := range []int{1, 2, 3, 5, 1000} {
				t.Run(fmt.Sprint(call, " after ", skip, " lies ", lies), func(t *testing.T) {
					t.Parallel()
					where, own := scope(custom("m-1"), custom("m-2", func(i *image.Image) { i.Kind = image.KindMarketplace }))
					where.All = true
					where.Views[0].Reader = &lying{memory: own, call: call, skip: skip, lies: lies}
					list, err := find(context.Background(), where, selection.Query{
						InstanceType: "ecs.g7.large", Kinds: image.Kinds(), Explain: skip%2 == 0,
					})
					if err != nil {
						t.Fatal(err)
					}
					if ids(list.Page) != "m-1 m-2" && len(list.Unread) == 0 {
						t.Errorf("got %q and nothing unknown", ids(list.Page))
					}
				})
			}
		}
	}
}
