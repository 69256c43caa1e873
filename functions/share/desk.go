package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/evidence"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/memory"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/usage"
)

// defaultTime is how long a call may take where the platform does not say.
const defaultTime = 60 * time.Second

// desk is where one call works: its accounts, places and journal.
type desk struct {
	handler
	call     function.Call
	deadline time.Time
	accounts map[image.AccountID]account
	owners   []image.AccountID // in order, our own first
	regions  []image.RegionID  // none: all
	listless bool              // regions has one that was asked for and may not exist
	journal  *journal.Journal
	log      memory.Log
}

// desk opens the journal and finds out whose accounts these are. in narrows the
// places. A role that cannot be assumed hides no other account.
func (h handler) desk(ctx context.Context, call function.Call, in subject) (*desk, error) {
	d := &desk{handler: h, call: call, deadline: call.Deadline, accounts: map[image.AccountID]account{}}
	if d.deadline.IsZero() {
		d.deadline = h.now().Add(defaultTime)
	}
	var err error
	if d.journal, err = h.journal(call); err != nil {
		return nil, err
	}
	d.log = memory.Log{Journal: d.journal}
	if err := d.lookIn(in.Region); err != nil {
		return nil, err
	}
	for n, a := range h.accounts(call) {
		id, err := a.ID(ctx)
		if err != nil && n == 0 {
			return nil, err
		}
		if err == nil && d.accounts[id] == nil {
			d.accounts[id], d.owners = a, append(d.owners, id)
		}
	}
	if in.Account != "" && d.accounts[in.Account] == nil {
		return nil, fault.InField("account", "unknownAccount", "must be an account that this deployment works in: %s", joined(d.owners))
	}
	if in.Account != "" {
		d.owners = []image.AccountID{in.Account}
	}
	return d, nil
}

// lookIn sets the regions, narrowed to one if one is asked for.
func (d *desk) lookIn(only image.RegionID) error {
	regions, all, err := d.config.LookIn(image.RegionID(d.call.Region))
	switch {
	case err != nil:
		return err
	case only == "":
		d.regions = regions
		return nil
	case !all && !slices.Contains(regions, only):
		return fault.InField("region", "unknownRegion", "must be a region that this deployment works in: %s", joined(regions))
	}
	d.regions, d.listless = []image.RegionID{only}, all
	return nil
}

// joined are names as a sentence has them.
func joined[T ~string](names []T) string {
	words := make([]string, len(names))
	for n, name := range names {
		words[n] = string(name)
	}
	return strings.Join(words, ", ")
}

// nowhere reports whether the one region that was asked for is a region of no
// account, all of which told theirs.
func (d *desk) nowhere(ctx context.Context) bool {
	if !d.listless {
		return false
	}
	for _, owner := range d.owners {
		there, err := regionsOf(ctx, d.accounts[owner], nil)
		if err != nil || len(there) == 0 || slices.Contains(there, d.regions[0]) {
			return false
		}
	}
	return true
}

// regionsOf are the regions to look at in an account: these, or all if there
// are none.
func regionsOf(ctx context.Context, a account, these []image.RegionID) ([]image.RegionID, error) {
	if len(these) > 0 {
		return these, nil
	}
	all, err := a.Regions(ctx)
	var ids []image.RegionID
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids, err
}

// locate finds the image.
func (d *desk) locate(ctx context.Context, id image.ID) (image.Image, error) {
	var places []sharing.Place
	for n, owner := range d.owners {
		regions, err := regionsOf(ctx, d.accounts[owner], d.regions)
		if err != nil && n == 0 {
			return image.Image{}, err
		}
		if err != nil {
			places = append(places, sharing.Place{Account: owner, Catalogue: dark{err}})
		}
		for _, r := range regions {
			places = append(places, sharing.Place{Account: owner, Region: r, Catalogue: d.accounts[owner]})
		}
	}
	found, err := sharing.Locate(ctx, places, id)
	if fault.Of(err) == fault.Unknown && d.nowhere(ctx) {
		return found, fault.InField("region", "unknownRegion", "%s is a region of none of the accounts that this deployment works in", d.regions[0])
	}
	if err == nil && !d.hidden(found) || err != nil && fault.Of(err) != fault.NotFound {
		return found, err
	}
	// That an owner was not shown the image has to be proven.
	for n := range places {
		places[n].Catalogue = evidence.Doubting{Catalogue: places[n].Catalogue}
	}
	if found, err = sharing.Locate(ctx, places, id); err == nil && d.hidden(found) {
		return found, fault.New(fault.Unknown, "account %s owns %s and was not shown it; ask again", found.Owner, id).WithCode("unread")
	}
	return found, err
}

// hidden: an account of ours was not shown an image of its own, which another one sees.
func (d *desk) hidden(found image.Image) bool {
	return evidence.Hidden(found, func(a image.AccountID, _ image.RegionID) bool { return slices.Contains(d.owners, a) })
}

// dark is the catalogue of an account that cannot be looked at.
type dark struct{ why error }

// Images fails.
func (d dark) Images(context.Context, image.RegionID, image.Listing) ([]image.Image, error) {
	return nil, d.why
}

// sight is an image as it was seen.
type sight struct {
	sharing.Observed
	memories map[image.AccountID]sharing.Memory
	drift    sharing.Drift
	entries  []plan.Entry
	// consumers tell of the use of those that were looked at.
	consumers map[image.AccountID]usage.Consumer
}

// see looks at an image, and then at what the journal knows of it: it knows of
// every share of ours that shows.
func (d *desk) see(ctx context.Context, found image.Image) (sight, error) {
	s, err := d.look(ctx, found)
	if err != nil || found.Kind != image.KindCustom {
		return s, err
	}
	told, err := d.log.Read(ctx, sharing.Target(found.Ref))
	return s.with(told), err
}

// look looks at an image and whom it is shared with. One that is not a custom
// image of an account of ours has no list of accounts that we could see.
func (d *desk) look(ctx context.Context, found image.Image) (sight, error) {
	s := sight{Observed: sharing.Observed{Image: found}}
	if found.Kind != image.KindCustom {
		return s, nil
	}
	owner := d.accounts[found.Account]
	var err error
	if s.Image, s.Grants, err = sharing.Look(ctx, owner, found.Ref, d.pause); fault.Of(err) == fault.NotFound {
		err = proven(ctx, owner, found.Ref, err)
	}
	return s, err
}

// with is a sight with what its log knows.
func (s sight) with(told []plan.Entry) sight {
	s.entries = told
	s.memories, s.drift = sharing.Reconcile(sharing.Remember(told), s.Grants)
	s.Remembered = sharing.TermsOf(s.memories)
	return s
}

// proven is gone, that an image is no longer there, if the list that does not show
// it proves that; else it is a failure of kind fault.Unknown.
func proven(ctx context.Context, owner account, ref image.Ref, gone error) error {
	images, err := evidence.Images(ctx, owner, ref.Region, image.Listing{Kind: image.KindCustom, IDs: []image.ID{ref.ID}, Statuses: image.Statuses()})
	switch {
	case err != nil:
		return err
	case len(images) > 0:
		return fault.New(fault.Unknown, "account %s was not shown its %s at first; ask again", ref.Account, ref.ID).WithCode("unread")
	}
	return gone
}

// weigh also looks at the use of those who would lose access by a wish; told is
// the log of the image.
func (d *desk) weigh(ctx context.Context, found image.Image, told []plan.Entry, w wish) (sight, plan.Plan, error) {
	s, err := d.look(ctx, found)
	if err != nil {
		return s, plan.Plan{}, err
	}
	s = s.with(told)
	if w.shares && s.Image.Encrypted() == image.Yes && found.Kind == image.KindCustom {
		s.Asked, s.Objection = true, d.accounts[found.Account].Objection(ctx, found.Ref)
	}
	s.consumers = d.consumers(ctx, s.Image, w.losing(s.Observed))
	s.Uses = uses(s.consumers)
	return s, w.plan(s.Observed), nil
}

// consumers looks at what some accounts do with an image. Accounts that we
// cannot read are among them, with a use that is not known.
func (d *desk) consumers(ctx context.Context, i image.Image, of []image.AccountID) map[image.AccountID]usage.Consumer {
	if len(of) == 0 {
		return nil
	}
	readers, all := map[image.AccountID]usage.Reader{}, map[image.AccountID]usage.Reader{}
	for a, reader := range d.accounts {
		all[a] = regional{reader, i.Region}
		if slices.Contains(of, a) {
			readers[a] = all[a]
		}
	}
	seen := usage.Explain(ctx, usage.Observe(ctx, i, grantees(of), readers), all)
	told := map[image.AccountID]usage.Consumer{}
	for _, c := range usage.Judge(seen).Consumers {
		if slices.Contains(of, c.Account) {
			told[c.Account] = c
		}
	}
	return told
}

// grantees are the accounts whose use is asked for, as usage wants to know them.
type grantees []image.AccountID

// Grants returns them.
func (g grantees) Grants(context.Context, image.ID) ([]image.Grant, error) {
	grants := make([]image.Grant, len(g))
	for n, a := range g {
		grants[n].Account = a
	}
	return grants, nil
}

func uses(consumers map[image.AccountID]usage.Consumer) map[image.AccountID]sharing.Use {
	told := map[image.AccountID]sharing.Use{}
	for a, c := range consumers {
		told[a] = map[usage.Verdict]sharing.Use{usage.InUse: sharing.InUse, usage.NotInUse: sharing.NotInUse}[c.Verdict]
		told[a] = cmp.Or(told[a], sharing.Unknown)
	}
	return told
}

// job is a plan to be made, and perhaps to be carried out, with what was seen
// while planning.
type job struct {
	work plan.Work
	now  func() time.Time
	// asked is the image that was asked for.
	asked image.Ref

	mu     sync.Mutex
	sights map[string]sight // by target
	// unsure are images that might be copies, too.
	unsure []image.Reason
	// dues are what accounts pay, by target; nil if nobody asked. unread is what
	// could not be read for that.
	dues   map[string]dues
	unread []image.Unread
}

// keep keeps what was seen, and of earlier looks whose use was looked at: nobody
// asks again about those who have lost access since.
func (j *job) keep(target string, s sight) {
	j.mu.Lock()
	defer j.mu.Unlock()
	consumers := maps.Clone(j.sights[target].consumers)
	if consumers == nil {
		consumers = map[image.AccountID]usage.Consumer{}
	}
	maps.Copy(consumers, s.consumers)
	s.consumers = consumers
	j.sights[target] = s
}

func (j *job) sight(target string) sight {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sights[target]
}

// single is the job of one image.
func (d *desk) single(found image.Image, w wish) *job {
	j := &job{now: d.now, asked: found.Ref, sights: map[string]sight{}}
	j.work = d.workOn(j, found, w)
	return j
}

// workOn is the work on one image.
func (d *desk) workOn(j *job, found image.Image, w wish) plan.Work {
	target := sharing.Target(found.Ref)
	doer := sharing.Doer{
		Image: found.Ref, Cloud: d.accounts[found.Account], Pause: d.pause,
		Use: func(ctx context.Context, accounts []image.AccountID) map[image.AccountID]sharing.Use {
			return uses(d.consumers(ctx, j.sight(target).Image, accounts))
		},
	}
	return plan.Work{
		Target: target, Log: d.log, Now: d.now,
		Observe: func(ctx context.Context, told []plan.Entry) (plan.Plan, error) {
			s, p, err := d.weigh(ctx, found, told, w)
			j.keep(target, s)
			return p, err
		},
		Batch: func(changes []plan.Step) [][]plan.Step {
			return sharing.Batches(changes, len(j.sight(target).Grants))
		},
		Do: func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome { return doer.Do(ctx, steps) },
	}
}
