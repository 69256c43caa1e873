package main

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// place is one account in one region.
type place struct {
	reader  reader
	account image.AccountID
	region  image.RegionID
}

// The permissions that open an account.
const (
	mayAssumeRole  = "sts:AssumeRole"
	mayListRegions = "ecs:DescribeRegions"
)

// atlas are the places there are, and the accounts that could not be opened.
type atlas struct {
	where   where
	regions []image.RegionID
	all     bool

	mu     sync.Mutex
	places []place
	unread []image.Unread
	// home is the account that the function runs as, if it could be opened.
	home image.AccountID
	// accounts and roles were opened.
	accounts []image.AccountID
	roles    []image.AccountID
}

// survey opens every account, as far as where does not narrow it. It fails with
// fault.Invalid, naming the parameter, for what is not looked at at all.
func (h handler) survey(ctx context.Context, call function.Call, narrowed where) (*atlas, error) {
	regions, all, err := h.config.LookIn(image.RegionID(call.Region))
	if err != nil {
		return nil, err
	}
	a := &atlas{where: narrowed, regions: regions, all: all}
	if err := a.checkRegions(); err != nil {
		return nil, err
	}
	var wait atonce.Group
	for _, e := range h.eyes(call) {
		wait.Go(func() { a.open(ctx, e) })
	}
	wait.Wait()
	if err := a.checkAccounts(); err != nil {
		return nil, err
	}
	slices.SortFunc(a.places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.account, y.account), cmp.Compare(x.region, y.region))
	})
	a.unread = inOrder(a.unread)
	return a, a.checkListed()
}

// within is the part of the places that narrowed leaves. It fails as survey does.
func (a *atlas) within(narrowed where) (*atlas, error) {
	some := &atlas{where: narrowed, regions: a.regions, all: a.all, home: a.home, accounts: a.accounts}
	wants := func(account image.AccountID) bool {
		return len(narrowed.Account) == 0 || account == "" || slices.Contains(narrowed.Account, account)
	}
	for _, p := range a.places {
		if wants(p.account) && (len(narrowed.Region) == 0 || slices.Contains(narrowed.Region, p.region)) {
			some.places = append(some.places, p)
		}
	}
	for _, u := range a.unread {
		if wants(u.Account) {
			some.unread = append(some.unread, u)
		}
	}
	if err := some.checkRegions(); err != nil {
		return nil, err
	}
	if err := some.checkAccounts(); err != nil {
		return nil, err
	}
	return some, some.checkListed()
}

// checkRegions fails with fault.Invalid, naming the parameter, for a region that
// is not looked at at all.
func (a *atlas) checkRegions() error {
	for _, r := range a.where.Region {
		if !a.all && !slices.Contains(a.regions, r) {
			return fault.InField("region", "notConfigured", "%s is not among the regions that are looked at", r)
		}
	}
	return nil
}

// checkListed is checkRegions where all regions are looked at: one that no account
// has does not exist, unless an account could not tell its regions.
func (a *atlas) checkListed() error {
	for _, r := range a.where.Region {
		if len(a.unread) == 0 && !slices.ContainsFunc(a.places, func(p place) bool { return p.region == r }) {
			return fault.InField("region", "notFound", "%s is a region of none of the accounts that are looked at", r)
		}
	}
	return nil
}

// checkAccounts is checkRegions for accounts, as far as they could be opened.
func (a *atlas) checkAccounts() error {
	for _, id := range a.where.Account {
		if !slices.Contains(a.accounts, id) && !slices.ContainsFunc(a.unread, func(u image.Unread) bool { return u.Account == id || u.Account == "" }) {
			return fault.InField("account", "notConfigured", "%s is not among the accounts that are looked at", id)
		}
	}
	return nil
}

// open finds out whose eye it is and where it can look. Roles are assumed here,
// so that one that may not be is said once and with its cure.
func (a *atlas) open(ctx context.Context, e eye) {
	id, err := e.reader.ID(ctx)
	if err != nil {
		a.missed(image.Unread{Account: e.account}, err, mayAssumeRole)
		return
	}
	if len(a.where.Account) > 0 && !slices.Contains(a.where.Account, id) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.accounts = append(a.accounts, id)
		return
	}
	regions, err := a.regionsOf(ctx, e)
	if err != nil {
		permission := mayListRegions
		if e.role != "" && fault.Code(err) == "NoPermission" {
			permission = mayAssumeRole
		}
		a.missed(image.Unread{Account: id}, err, permission)
		return
	}
	reader := remembering{careful{e.reader}, &lists{of: map[image.RegionID]*whole{}}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accounts = append(a.accounts, id)
	if e.role == "" {
		a.home = id
	}
	if e.role != "" {
		a.roles = append(a.roles, id)
	}
	for _, r := range regions {
		if len(a.where.Region) == 0 || slices.Contains(a.where.Region, r) {
			a.places = append(a.places, place{reader, id, r})
		}
	}
}

// regionsOf lists an account's regions where they are needed, or where it shows
// whether a role can be assumed.
func (a *atlas) regionsOf(ctx context.Context, e eye) ([]image.RegionID, error) {
	if !a.all && e.role == "" {
		return a.regions, nil
	}
	listed, err := e.reader.Regions(ctx)
	if err == nil && len(listed) == 0 {
		err = fault.New(fault.Unknown, "the list of regions is empty, which it cannot be").WithCode("emptyList")
	}
	if !a.all {
		if err != nil && fault.Code(err) == "NoPermission" {
			return nil, err
		}
		return a.regions, nil
	}
	var regions []image.RegionID
	for _, r := range listed {
		regions = append(regions, r.ID)
	}
	return regions, err
}

// missed remembers what could not be read; only a missing permission is cured by
// one.
func (a *atlas) missed(u image.Unread, err error, permission string) {
	u.Reason = image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}
	if fault.Of(err) == fault.Forbidden {
		u.Permission = cmp.Or(fault.Permission(err), permission)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unread = append(a.unread, u)
}

// each runs f for every place at once; how many calls are under way is the
// reader's to limit.
func (a *atlas) each(f func(place)) {
	var wait atonce.Group
	for _, p := range a.places {
		wait.Go(func() { f(p) })
	}
	wait.Wait()
}

// inOrder sorts what could not be read, and says everything once.
func inOrder(unread []image.Unread) []image.Unread {
	sorted := slices.SortedFunc(slices.Values(unread), func(a, b image.Unread) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Permission, b.Permission),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Sentence, b.Sentence))
	})
	return orNone(slices.Compact(sorted))
}
