package cloudsim

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"imagekeeper/shared/image"
)

// Cloud is accounts by regions. It is safe for concurrent use.
type Cloud struct {
	options Options
	clock   TimeSource
	chosen  atomic.Pointer[Readings]
	// prompt: changes are seen at once.
	prompt atomic.Bool

	mu       sync.RWMutex
	random   Random
	ids      identities
	accounts map[image.AccountID]AccountSettings
	regions  map[image.RegionID]*region
	tokens   map[tokenKey]tokenUse
	// failing counts the next images of an account that will fail to be made.
	failing map[image.AccountID]int
	// changes counts all changes; it makes each one's delay different.
	changes int
	// unpriced are the instance types that DescribePrice has no price for.
	unpriced map[image.InstanceTypeID]bool

	serviceRoles map[image.AccountID]map[string]ServiceRole
	policies     map[image.AccountID]map[string]string // documents by name, of the account's own
	// risks are what image checks find beside what they find by themselves.
	risks map[image.ID][]CheckItem

	// boots are how instances of images come up, where that was said.
	boots map[image.ID]Boot
	// keyStates are the keys of KMS of which something was said.
	keyStates map[keyOf]KeyState
	// soldOut are the instance types that cannot be had.
	soldOut map[stockKey]bool
	// releases are instances to be released, nextRelease the time of the first.
	releases    []release
	nextRelease atomic.Pointer[time.Time]

	// store has a lock of its own.
	store objectStore
}

// AccountSettings are what an account has agreed to and set up.
type AccountSettings struct {
	// ShareRole: AliyunECSShareEncryptImageDefaultRole exists.
	ShareRole bool
	// CommunityTerms: the terms of community images are signed.
	CommunityTerms bool
	// Subscriptions are the Marketplace products whose terms are accepted.
	Subscriptions []image.ProductCode
}

// A region is everything in one region.
type region struct {
	place
	images    table[imageState]
	instances table[instanceState]
	disks     table[diskState]
	snapshots table[snapshotState]
	// buried are the images that were deleted, as they last were: what was made
	// from them goes on to be.
	buried     map[image.ID]*imageState
	references references
	// trail are the calls that changed something, oldest first.
	trail    []Event
	keys     table[keyPairState]
	policies table[policyState]
	networks networks
	// encryption is the key by which new disks of an account are encrypted by
	// default; absent: they are not.
	encryption map[image.AccountID]string
	// lapses is when the first snapshot is due whose retention ends; zero for never.
	lapses time.Time
	// patrols is when the health of scaling groups' members is due to be looked at;
	// zero for never.
	patrols time.Time
	// freed is when an image that needed a snapshot was deleted last.
	freed map[image.SnapshotID]time.Time
	// builds is when the next image of a pipeline is due; zero for never.
	builds time.Time
	// tasks are the imports and exports, oldest first.
	tasks []*task
	// commands are those that were kept, invocations all runs, oldest first.
	commands    []command
	invocations []*invocation

	// granted are the images that were ever shared to an account, published
	// those that were ever community images; reads check the state they see.
	granted   map[image.AccountID]*shelf[imageState]
	published *shelf[imageState]
	books     map[image.AccountID]*book
	// running counts the instances that run an image now; everRan remembers.
	running map[image.ID]int
	everRan map[image.ID]bool
	// inImages and inDisks count who needs a snapshot.
	inImages map[image.SnapshotID]int
	inDisks  map[image.SnapshotID]int
	// working are the images that time alone will still change.
	working map[*entry[imageState]]bool
	// generation changes with every write; listings are cached by it.
	generation uint64
	listings   listings
}

// A book is what one account's limits in one region are counted by.
type book struct {
	names    map[string]image.ID
	families map[image.Family]int
	images   int
	received int
	quota    int
	// copies are the copies into this region that were not seen finished, in
	// the order of their requests.
	copies []*entry[imageState]
}

func newRegion(p place) *region {
	return &region{
		place:  p,
		images: newTable[imageState](), instances: newTable[instanceState](),
		disks: newTable[diskState](), snapshots: newTable[snapshotState](),
		granted: map[image.AccountID]*shelf[imageState]{}, published: &shelf[imageState]{},
		books:   map[image.AccountID]*book{},
		running: map[image.ID]int{}, everRan: map[image.ID]bool{},
		inImages: map[image.SnapshotID]int{}, inDisks: map[image.SnapshotID]int{},
		working: map[*entry[imageState]]bool{}, buried: map[image.ID]*imageState{},
		references: newReferences(),
		networks:   newNetworks(),
		keys:       newTable[keyPairState](), policies: newTable[policyState](), encryption: map[image.AccountID]string{}, freed: map[image.SnapshotID]time.Time{},
	}
}

// New returns a cloud without images and instances, with accounts, keys, regions
// and instance types only. Package company makes one that is lived in.
func New(options Options) *Cloud {
	options.CreateTime = cmp.Or(options.CreateTime, 20*time.Second)
	options.CopyTime = cmp.Or(options.CopyTime, 40*time.Second)
	options.SnapshotTime = cmp.Or(options.SnapshotTime, 20*time.Second)
	options.PowerTime = cmp.Or(options.PowerTime, 10*time.Second)
	options.BuildTime = cmp.Or(options.BuildTime, 10*time.Minute)
	options.ImportTime = cmp.Or(options.ImportTime, 20*time.Minute)
	options.ExportTime = cmp.Or(options.ExportTime, 20*time.Minute)
	options.CheckTime = cmp.Or(options.CheckTime, 5*time.Minute)
	options.Speed = max(options.Speed, 1)
	options.EventsDelay = cmp.Or(options.EventsDelay, eventsDelay)
	options.TokenLife = cmp.Or(options.TokenLife, 24*time.Hour)
	for _, d := range []*time.Duration{
		&options.CreateTime, &options.CopyTime, &options.SnapshotTime, &options.PowerTime, &options.ImportTime, &options.ExportTime,
		&options.CheckTime, &options.EventsDelay, &options.BuildTime,
	} {
		*d /= time.Duration(options.Speed)
	}
	q := &options.Quotas
	q.Images, q.Grants, q.GrantsReceived = cmp.Or(q.Images, 100), cmp.Or(q.Grants, 50), cmp.Or(q.GrantsReceived, 100)
	q.Families, q.FamilyImages, q.Copies = cmp.Or(q.Families, 100), cmp.Or(q.FamilyImages, 100), cmp.Or(q.Copies, 5)
	c := &Cloud{
		options: options, clock: options.Clock,
		random: newRandom(options.Seed, "running"), ids: newIdentities(),
		accounts: map[image.AccountID]AccountSettings{
			FirstAccount:  {ShareRole: true, CommunityTerms: true},
			SecondAccount: {ShareRole: true, CommunityTerms: true},
		},
		regions: map[image.RegionID]*region{}, tokens: map[tokenKey]tokenUse{},
		failing: map[image.AccountID]int{}, unpriced: map[image.InstanceTypeID]bool{},
		serviceRoles: map[image.AccountID]map[string]ServiceRole{}, policies: map[image.AccountID]map[string]string{}, risks: map[image.ID][]CheckItem{},
		boots: map[image.ID]Boot{}, soldOut: map[stockKey]bool{},
	}
	if c.clock == nil {
		c.clock = machineClock{}
	}
	c.chosen.Store(&options.Readings)
	for _, p := range places() {
		c.regions[p.id] = newRegion(p)
	}
	return c
}

// lasts is how long something of that length takes at the cloud's speed.
func (c *Cloud) lasts(d time.Duration) time.Duration { return d / time.Duration(c.options.Speed) }

// now is the time in ECS's precision.
func (c *Cloud) now() time.Time { return c.clock.Now().UTC() }

// Configure changes what an account has agreed to and set up.
func (c *Cloud) Configure(account image.AccountID, settings AccountSettings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accounts[account] = settings
	for _, r := range c.regions {
		r.generation++
	}
}

// FailNext makes the next n images that the account creates or copies end as
// CreateFailed.
func (c *Cloud) FailNext(account image.AccountID, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing[account] += n
}

// fails uses up one failure of FailNext.
func (c *Cloud) fails(account image.AccountID) bool {
	if c.failing[account] == 0 {
		return false
	}
	c.failing[account]--
	return true
}

// book returns the account's book in the region.
func (c *Cloud) book(r *region, account image.AccountID) *book {
	b := r.books[account]
	if b == nil {
		b = &book{names: map[string]image.ID{}, families: map[image.Family]int{}, quota: c.options.Quotas.Images}
		r.books[account] = b
	}
	return b
}

// visibleFrom is when reads see a change made now to the object.
func (c *Cloud) visibleFrom(id string, now time.Time) time.Time {
	c.changes++
	return now.Add(c.delay(id, c.changes))
}

// bornFrom is when reads see an object made now.
func (c *Cloud) bornFrom(id string, now time.Time) time.Time {
	if c.readings().NewRowsLate {
		return c.visibleFrom(id, now)
	}
	return now
}

// settle lets go of what no read can see any more. Every write begins with it.
func (r *region) settle(now time.Time) {
	for _, e := range r.images.settle(now) {
		for _, s := range r.granted {
			s.remove(e)
		}
		r.published.remove(e)
	}
	r.instances.settle(now)
	r.disks.settle(now)
	r.snapshots.settle(now)
	r.keys.settle(now)
	r.policies.settle(now)
	r.networks.settle(now)
	for e := range r.working {
		if state := e.truth(); state == nil || state.work == nil || !now.Before(state.work.end) {
			delete(r.working, e)
		}
	}
	r.generation++
}

// restsUntil is when a read will next see something else without any write;
// zero for never.
func (r *region) restsUntil(now time.Time) time.Time {
	next := earlier(r.images.nextSeen(now), r.instances.nextSeen(now))
	for e := range r.working {
		state := e.truth()
		if state == nil || state.work == nil {
			continue
		}
		for _, t := range []time.Time{state.work.start, state.work.end} {
			if t.After(now) {
				next = earlier(next, t)
			}
		}
	}
	return next
}

// tokenKey names one client token of one operation.
type tokenKey struct {
	account   image.AccountID
	region    image.RegionID
	operation string
	token     string
}

// tokenUse is what a client token stands for.
type tokenUse struct {
	request string // the parameters, to compare
	id      image.ID
	at      time.Time
}

// remembered returns the use of a client token that has not expired.
func (c *Cloud) remembered(key tokenKey, now time.Time) (tokenUse, bool) {
	use, ok := c.tokens[key]
	if !ok || key.token == "" || now.Sub(use.at) >= c.options.TokenLife {
		return tokenUse{}, false
	}
	return use, true
}

// remember keeps the use of a client token, and drops those that expired.
func (c *Cloud) remember(key tokenKey, use tokenUse) {
	if key.token == "" {
		return
	}
	for k, u := range c.tokens {
		if use.at.Sub(u.at) >= c.options.TokenLife {
			delete(c.tokens, k)
		}
	}
	c.tokens[key] = use
}

// checkToken refuses a client token that cannot be one.
func checkToken(token string) error {
	for _, b := range []byte(token) {
		if b > 126 || b < 32 {
			return malformed(400, "InvalidClientToken.Malformed", "The specified ClientToken is not valid.")
		}
	}
	if len(token) > 64 {
		return malformed(400, "InvalidClientToken.Malformed", "The specified ClientToken is not valid.")
	}
	return nil
}

// dryRun is the refusal with which a dry run says that the call would pass.
func (c *Cloud) dryRun() error {
	code := "DryRunOperation"
	if c.readings().DryRunSuccess {
		code = "DRYRUN.SUCCESS"
	}
	return refuse(400, code, "Request validation has been passed with DryRun flag set.")
}
