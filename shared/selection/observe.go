package selection

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/money"
)

// Catalogue is one account's view of the cloud's images. Failures are of the
// kinds of package fault; a list that may be short must be a failure.
type Catalogue interface {
	// ID is the account whose credentials these are.
	ID(ctx context.Context) (image.AccountID, error)
	// Regions are all regions that the account can use.
	Regions(ctx context.Context) ([]image.Region, error)
	// Images is the whole answer to one listing.
	Images(ctx context.Context, region image.RegionID, listing image.Listing) ([]image.Image, error)
	// InstanceTypes tells about those of the types that exist in the region;
	// none named: all of them.
	InstanceTypes(ctx context.Context, region image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error)
}

// View is one account to look through.
type View struct {
	Catalogue Catalogue
	// Account is known before anything is asked, from the role or from the
	// invocation. Empty: the catalogue is asked.
	Account image.AccountID
	// Role is the ARN of the role that is assumed to look; empty for our own account.
	Role string
}

// Scope is where to look when a query does not narrow it.
type Scope struct {
	Views []View
	// Regions to look at; All stands for whatever regions each account has.
	Regions []image.RegionID
	All     bool
	// Concurrency is how many calls may wait at once; 0 is 32.
	Concurrency int
	// Pricer is asked where a query goes by what licences cost; without one that is
	// not known of any image.
	Pricer Pricer
}

// Observed is what was seen, and what could not be.
type Observed struct {
	Glimpses []Glimpse
	Types    Types
	// Costs are what licences cost, of images that were priced; Currency is that of
	// a query's MaxLicence.
	Costs    map[Key]*Cost
	Currency money.Currency
	// Read is in how many pairs of account and region everything asked was read.
	Read int
	// Unread names the rest, in order.
	Unread []image.Unread
}

// Blind reports that nothing could be read at all.
func (o Observed) Blind() bool {
	return o.Read == 0 && len(o.Glimpses) == 0 && len(o.Unread) > 0
}

// The permissions that cure what could not be read.
const (
	mayAssumeRole  = "sts:AssumeRole"
	mayListRegions = "ecs:DescribeRegions"
	mayListImages  = "ecs:DescribeImages"
	mayListTypes   = "ecs:DescribeInstanceTypes"
)

// defaultConcurrency keeps eight regions of four accounts waiting at once; how
// often ECS is called at all is limited elsewhere.
const defaultConcurrency = 32

// Observe asks all accounts and regions of scope, as far as q does not narrow
// them, at once. What cannot be read is remembered, not fatal: it fails only
// with fault.Invalid, when q names an account, a region or an instance type
// that does not exist there. q must be complete.
func Observe(ctx context.Context, scope Scope, q Query) (Observed, error) {
	o := &observer{
		query: q, scope: scope,
		accounts: make(map[image.AccountID]bool), regions: make(map[image.RegionID]bool),
		turns: make(chan struct{}, cmp.Or(scope.Concurrency, defaultConcurrency)),
	}
	o.seen.Types = make(Types)
	if !scope.All {
		for _, r := range q.Regions {
			if !slices.Contains(scope.Regions, r) {
				return Observed{}, fault.InField("region", "notConfigured", "%s is not among the regions that are looked at: %s", r, joined(scope.Regions, ", "))
			}
		}
	}
	o.look(ctx)
	return o.result()
}

// observer collects what many goroutines see.
type observer struct {
	query Query
	scope Scope
	turns chan struct{}

	mu       sync.Mutex
	seen     Observed
	accounts map[image.AccountID]bool // whose views there are
	regions  map[image.RegionID]bool  // that some account has
	listless bool                     // some account's regions are not known
	typeless int                      // places where the instance type does not exist
}

// look asks every view about every region. No view waits for another one: a
// role that hangs hides nobody else's images.
func (o *observer) look(ctx context.Context) {
	views := slices.DeleteFunc(slices.Clone(o.scope.Views), func(v View) bool {
		return v.Account != "" && !o.wanted(v.Account)
	})
	for _, v := range o.scope.Views {
		o.accounts[v.Account] = v.Account != ""
	}
	asks := Plan(o.query, len(views))
	var wait atonce.Group
	for _, v := range views {
		wait.Go(func() {
			v, open := o.open(ctx, v)
			if !open {
				return
			}
			for _, r := range o.regionsOf(ctx, v) {
				wait.Go(func() { o.lookAt(ctx, v, r, asks) })
			}
		})
	}
	wait.Wait()
}

// open finds out whose view v is, and reports whether it is there to look
// through. The name in a role's ARN says where the role should lead, not that
// it may be assumed: it is assumed before anything else fails because of it.
func (o *observer) open(ctx context.Context, v View) (View, bool) {
	if v.Account != "" && v.Role == "" {
		return v, true
	}
	account, err := o.whose(ctx, v)
	if err != nil {
		o.unread(image.Unread{Account: account}, err, permissionToOpen(v))
		return v, false
	}
	o.mu.Lock()
	o.accounts[account] = true
	o.mu.Unlock()
	v.Account = account
	return v, o.wanted(account)
}

func permissionToOpen(v View) string {
	if v.Role == "" {
		return ""
	}
	return mayAssumeRole
}

func (o *observer) wanted(a image.AccountID) bool {
	return len(o.query.Accounts) == 0 || slices.Contains(o.query.Accounts, a)
}

// whose asks for the account of v, and makes sure that a role leads where its
// ARN says. With a failure it still names the account, where that is known.
func (o *observer) whose(ctx context.Context, v View) (image.AccountID, error) {
	id, err := v.Catalogue.ID(ctx) // takes no turn: roles that hang must not use them up
	switch {
	case err != nil:
		return v.Account, err
	case id == "":
		return v.Account, fault.New(fault.Unknown, "the account of the credentials is not told")
	case v.Account != "" && id != v.Account:
		return v.Account, fault.New(fault.Unknown, "the credentials are those of another account than %s", v.Account)
	}
	return id, nil
}

// regionsOf returns where to look through v.
func (o *observer) regionsOf(ctx context.Context, v View) []image.RegionID {
	if !o.scope.All {
		o.note(o.scope.Regions)
		if len(o.query.Regions) > 0 {
			return o.query.Regions
		}
		return o.scope.Regions
	}
	done := o.turn()
	listed, err := v.Catalogue.Regions(ctx)
	done()
	if err == nil && len(listed) == 0 {
		err = fault.New(fault.Unknown, "the list of regions is empty, which it cannot be").WithCode("emptyList")
	}
	if err != nil {
		o.mu.Lock()
		o.listless = true
		o.mu.Unlock()
		if len(o.query.Regions) == 0 {
			o.unread(image.Unread{Account: v.Account}, err, mayListRegions)
		}
		return o.query.Regions // which can be asked all the same
	}
	have := make([]image.RegionID, 0, len(listed))
	for _, r := range listed {
		have = append(have, r.ID)
	}
	o.note(have)
	if len(o.query.Regions) == 0 {
		return inOrder(have)
	}
	return slices.DeleteFunc(slices.Clone(o.query.Regions), func(r image.RegionID) bool { return !slices.Contains(have, r) })
}

func (o *observer) note(regions []image.RegionID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range regions {
		o.regions[r] = true
	}
}

// lookAt asks one account about one region: the instance type first, because
// nothing has to be listed where it does not exist, then all lists at once.
func (o *observer) lookAt(ctx context.Context, v View, r image.RegionID, asks []Ask) {
	where := image.Unread{Account: v.Account, Region: r}
	if o.query.InstanceType != "" {
		exists, err := o.lookUpType(ctx, v, r)
		switch {
		case err != nil:
			o.unread(where, err, mayListTypes)
			return
		case !exists:
			o.read()
			return
		}
	}
	p := &place{observer: o, view: v, region: r}
	for _, a := range asks {
		p.lists = append(p.lists, &list{Listing: a.Listing, half: a.Bootable != nil})
		if a.Bootable != nil {
			p.lists = append(p.lists, &list{Listing: *a.Bootable})
		}
	}
	p.readAll(ctx)
	if err := p.keep(); err != nil {
		o.unread(where, err, mayListImages) // once per place, whichever list it was
		return
	}
	o.read()
}

// lookUpType asks about the query's instance type. That it is missing is
// believed only when the region shows other types.
func (o *observer) lookUpType(ctx context.Context, v View, r image.RegionID) (exists bool, err error) {
	for _, ids := range [][]image.InstanceTypeID{{o.query.InstanceType}, nil} {
		done := o.turn()
		types, err := v.Catalogue.InstanceTypes(ctx, r, ids)
		done()
		if err != nil {
			return false, err
		}
		for _, t := range types {
			if t.ID == o.query.InstanceType {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.seen.Types[r] = t
				return true, nil
			}
		}
		if ids == nil && len(types) == 0 {
			return false, fault.New(fault.Unknown, "the list of all instance types is empty, which it cannot be").WithCode("emptyList")
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.typeless++
	return false, nil
}

// turn waits until another call may be made; what it returns ends the call.
func (o *observer) turn() (done func()) {
	o.turns <- struct{}{}
	return func() { <-o.turns }
}

func (o *observer) read() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen.Read++
}

// unread remembers that where could not be read. Only a missing permission is
// cured by one.
func (o *observer) unread(where image.Unread, err error, permission string) {
	where.Reason = image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)}
	if fault.Of(err) == fault.Forbidden {
		where.Permission = cmp.Or(fault.Permission(err), permission)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen.Unread = append(o.seen.Unread, where)
}

// result puts what was seen in order, and refuses what does not exist.
func (o *observer) result() (Observed, error) {
	slices.SortFunc(o.seen.Unread, func(a, b image.Unread) int {
		return cmp.Or(strings.Compare(string(a.Account), string(b.Account)), strings.Compare(string(a.Region), string(b.Region)))
	})
	unsure := len(o.seen.Unread) > 0 || o.listless
	for _, a := range o.query.Accounts {
		if !o.accounts[a] && !slices.ContainsFunc(o.seen.Unread, func(u image.Unread) bool { return u.Account == "" }) {
			return Observed{}, fault.InField("account", "notConfigured", "%s is not among the accounts that are looked at", a)
		}
	}
	for _, r := range o.query.Regions {
		if !o.regions[r] && !unsure {
			return Observed{}, fault.InField("region", "notFound", "%s is a region of none of the accounts that are looked at", r)
		}
	}
	if o.typeless > 0 && len(o.seen.Types) == 0 && len(o.seen.Unread) == 0 {
		return Observed{}, fault.InField("instanceType", "notFound", "%s is offered in none of the regions that are looked at", o.query.InstanceType)
	}
	return o.seen, nil
}
