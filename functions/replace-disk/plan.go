package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/works"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/usage"
	"imagekeeper/shared/work"
)

// answer is what the POSTs are answered with.
type answer = works.Answer[stepOut, itemOut]

// narrow is what to narrow where a plan takes too long.
const narrow = "narrow select, by region, account or family"

// post plans a rollout, or begins it.
func (h handler) post(ctx context.Context, call function.Call, in rolloutInput) (answer, error) {
	wrong, rest := cmp.Or(in.Select.check(), in.Wish.Check()), in
	rest.Request = works.Request{}
	s, err := h.session(call)
	if err != nil {
		return answer{}, err
	}
	planning := func(ctx context.Context) (work.Document, error) { return s.plan(ctx, in) }
	return h.kind().Post(ctx, call, in.Request, works.Wish{Empty: works.Nothing(rest), Wrong: wrong, Plan: planning, Narrow: narrow, Left: s.left, ValidUntil: s.validUntil})
}

// left fails where no instance of a plan is as it was.
func (s *session) left(ctx context.Context, d work.Document) error {
	return rollout.Moved(ctx, s.again(ctx), d)
}

func (s *session) validUntil(d work.Document) time.Time { return rollout.ValidUntil(d, s.now()) }

// plan selects instances, looks at everything that a verdict needs, and plans.
func (s *session) plan(ctx context.Context, in rolloutInput) (work.Document, error) {
	wish := in.Wish.Filled()
	all, err := s.look(ctx)
	if err != nil {
		return work.Document{}, err
	}
	here, err := all.Narrow(survey.Within{Regions: in.Select.Region, Accounts: in.Select.Account})
	if err != nil {
		return work.Document{}, inSelect(err)
	}
	selected, err := s.chosen(ctx, all, here, in.Select)
	if err != nil {
		return work.Document{}, err
	}
	o, err := s.observe(ctx, all, selected.names, wish)
	if err != nil {
		return work.Document{}, err
	}
	o.Looked, o.Hints = placesOf(here), selected.hints
	targets := map[rollout.Place]rollout.Resolved{}
	for at, there := range o.Places {
		targets[at] = wish.To.Resolve(at, there, s.ours(all), s.config.Trusted)
	}
	s.sold(ctx, all, o, targets)
	planned, err := rollout.Plan(wish, o, targets, s.now())
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "a plan cannot be written as JSON")
	}
	s.price(ctx, all, wish, &planned, o)
	return s.document(planned, "", image.AllUnread(here.Unread(), selected.unread, unreadOf(o)))
}

// inSelect names the field of a body instead of a parameter.
func inSelect(err error) error {
	var f *fault.Error
	if !asFault(err, &f) || f.Field == "" {
		return err
	}
	named := *f
	named.Field = "select." + f.Field
	return &named
}

func unreadOf(o rollout.Observed) []image.Unread {
	var all []image.Unread
	for _, h := range o.Places {
		all = append(all, h.Unread...)
	}
	return all
}

// ours are the accounts that are looked at.
func (s *session) ours(all *survey.Survey) []image.AccountID {
	var ids []image.AccountID
	for _, a := range all.Accounts() {
		ids = append(ids, a.ID)
	}
	return ids
}

// document is a plan as it is approved, with what is shown beside it.
func (s *session) document(p rollout.Planned, of string, unread []image.Unread) (work.Document, error) {
	if slow(unread) {
		return work.Document{}, works.TooLarge(narrow)
	}
	totals, err := json.Marshal(p.Totals)
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the totals of a plan cannot be written as JSON")
	}
	shown, err := json.Marshal(works.Shown{Findings: p.Findings, Totals: totals, Unknown: unread})
	if err != nil {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the findings of a plan cannot be written as JSON")
	}
	others := plan.Plan{Steps: p.Others}
	return work.Document{At: s.now().UTC(), Of: of, Plan: p.Plan.Stored(), Others: others.Stored().Steps, Shown: shown, Claims: p.Claims}, nil
}

// choice is what a selection comes to.
type choice struct {
	// names are the instances, in order.
	names []rollout.Name
	// unread is what of lineage could not be read, if the selection goes by it: there
	// may be more of them then.
	unread []image.Unread
	// hints say what of the selection selects or excludes nothing.
	hints []image.Reason
}

// chosen looks for the instances of a selection.
func (s *session) chosen(ctx context.Context, all, here *survey.Survey, in selectInput) (choice, error) {
	found, err := usage.Look(ctx, all, here, in.filter())
	if err != nil {
		return choice{}, err
	}
	if found.Read == 0 && len(found.Unread) > 0 {
		return choice{}, blind(found.Unread)
	}
	servers, c := found.Servers, choice{}
	if in.DescendantsOf != "" {
		servers, c.unread = s.descendants(ctx, all, servers, in.DescendantsOf)
	}
	for _, one := range servers {
		if !in.Exclude.excludes(one) {
			c.names = append(c.names, rollout.Name{Place: rollout.Place{Account: one.Account, Region: one.Region}, ID: one.ID})
		}
	}
	for _, id := range found.Absent { // each gets its verdict, too
		if excluded(in.Exclude, id) {
			continue
		}
		name := rollout.Name{ID: id} // of no place that is known
		if looked := placesOf(here); len(looked) == 1 {
			name.Place = looked[0]
		}
		c.names = append(c.names, name)
	}
	c.hints = in.Exclude.idle(servers, found.Absent)
	if len(c.names) == 0 {
		c.hints = append(in.hints(found, servers), c.hints...)
	}
	return c, nil
}

// blind is the failure where nothing at all could be read.
func blind(unread []image.Unread) error {
	if slow(unread) {
		return works.TooLarge(narrow)
	}
	return survey.Unreadable(unread, "nothing could be read: %s", survey.Sentence(unread))
}

// slow reports whether something was not read only because the calls that it takes, at
// the pace that is ours, need more time than there is.
func slow(unread []image.Unread) bool {
	return slices.ContainsFunc(unread, func(u image.Unread) bool { return u.Code == "rateShare" })
}

// placesOf are the places that are looked at.
func placesOf(here *survey.Survey) []rollout.Place {
	var all []rollout.Place
	for _, p := range here.Places() {
		all = append(all, rollout.Place{Account: p.Account, Region: p.Region})
	}
	return all
}

func excluded(e *excludeInput, id image.InstanceID) bool {
	return e != nil && slices.Contains(e.ID, id)
}

// descendants are those of the servers that run an image, or one that was made from
// it: as far as that is recorded or observed, and what of that could not be read.
func (s *session) descendants(ctx context.Context, all *survey.Survey, servers []usage.Server, of image.ID) ([]usage.Server, []image.Unread) {
	world := lineage.Observe(ctx, lineage.Places(all.Places()))
	graph := lineage.New(world)
	runs := map[lineage.Key]bool{}
	for _, r := range s.regions(all) {
		for _, key := range graph.Copies(lineage.Key{Region: r, ID: of}).Sure {
			runs[key] = true
		}
	}
	for key := range maps.Clone(runs) {
		for _, child := range graph.Proven(key) {
			runs[child] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(servers), func(one usage.Server) bool {
		return !runs[lineage.Key{Region: one.Region, ID: one.Instance.Image}]
	}), image.AllUnread(world.Unread, world.BuildsUnread)
}

func (s *session) regions(all *survey.Survey) []image.RegionID {
	var regions []image.RegionID
	for _, p := range all.Places() {
		if !slices.Contains(regions, p.Region) {
			regions = append(regions, p.Region)
		}
	}
	return regions
}

// observe looks at instances, place by place at the same time.
func (s *session) observe(ctx context.Context, all *survey.Survey, names []rollout.Name, wish rollout.Wish) (rollout.Observed, error) {
	o := rollout.Observed{Places: map[rollout.Place]rollout.Here{}}
	open, err := s.open(ctx)
	if err != nil {
		return o, err
	}
	taken := rollout.Unfinished(open)
	by := map[rollout.Place][]image.InstanceID{}
	var order []rollout.Place
	for _, n := range names {
		if by[n.Place] == nil {
			order = append(order, n.Place)
		}
		by[n.Place] = append(by[n.Place], n.ID)
	}
	channels, read := s.channels(ctx, wish.To.Family)
	copies := s.copies(ctx, all, wish.To.Image, order)
	var mu sync.Mutex
	var group fanout.Group
	for _, at := range order {
		group.Go(func() {
			servers, here := s.place(ctx, all, at, by[at], wish)
			here.ChannelsRead, here.Channels, here.Copies = read, map[string]image.ID{}, copies[at.Region]
			for channel, regions := range channels {
				here.Channels[string(channel)] = regions[at.Region].Image
			}
			mu.Lock()
			defer mu.Unlock()
			o.Places[at] = here
			o.Servers = append(o.Servers, servers...)
		})
	}
	group.Wait()
	for n := range o.Servers {
		o.Servers[n].Rollout = taken[o.Servers[n].Name]
	}
	slices.SortFunc(o.Servers, func(a, b rollout.Server) int { return cmp.Compare(a.Name.String(), b.Name.String()) })
	return o, ctx.Err()
}

// place looks at the instances of one place.
func (s *session) place(ctx context.Context, all *survey.Survey, at rollout.Place, ids []image.InstanceID, wish rollout.Wish) ([]rollout.Server, rollout.Here) {
	here := rollout.Here{ImagesLeft: -1, PerMinute: s.perMinute(), May: map[string]image.Tri{}}
	var none []rollout.Server
	for _, id := range ids {
		none = append(none, rollout.Server{Name: rollout.Name{Place: at, ID: id}, Snapshots: -1})
	}
	p := all.Place(at.Account, at.Region)
	cloud, err := s.in(ctx, at.Account)
	if p == nil || err != nil {
		return none, here
	}
	servers, encrypts, unread := rollout.Look(ctx, at, p, cloud, cloud, ids, wish.Hooks.Before != "", len(ids) <= fewIDs)
	here.Encrypts, here.Unread = encrypts, unread
	here.Images, _ = p.Images(ctx, image.Listing{Statuses: image.Statuses()}) // a failure is noted
	if id := wish.To.Image; id != "" && !slices.ContainsFunc(here.Images, func(i image.Image) bool { return i.ID == id }) {
		if more, err := p.Unnoted().Images(ctx, image.Listing{IDs: []image.ID{id}, Statuses: image.Statuses()}); err == nil {
			here.Images = append(slices.Clone(here.Images), more...)
		}
	}
	for _, action := range rollout.Needed() {
		here.May[action], _ = p.Unnoted().May(ctx, action) // what cannot be asked is found out by the canary
	}
	if wish.Undoes == "" && wish.Follows() {
		here.References = s.references(ctx, all, p, wish.Follow, here.Images, servers)
	}
	here.ImagesLeft = s.imagesLeft(ctx, cloud, at.Region, here.Images)
	return servers, here
}

// fewIDs is how many instances are asked about one by one.
const fewIDs = 5

// quotaImages is that of custom images in a region; source: Quota Center.
const quotaImages = "q_user-image-count"

// imagesLeft is how many more images the quota allows; -1: not known.
func (s *session) imagesLeft(ctx context.Context, cloud cloud, in image.RegionID, images []image.Image) int {
	q, err := cloud.Quota(ctx, in, quotaImages)
	if err != nil {
		return -1
	}
	used := int(q.Used)
	if !q.Consumable {
		used = 0
		for _, i := range images {
			if i.Kind == image.KindCustom {
				used++
			}
		}
	}
	return max(0, int(q.Total)-used)
}

// channels are the released images of a family, as import's log tells.
func (s *session) channels(ctx context.Context, family image.Family) (map[importing.Channel]map[image.RegionID]importing.Assigned, bool) {
	if family == "" {
		return nil, true
	}
	entries, err := s.log.Read(ctx, importing.ReleaseTarget(family))
	if err != nil {
		s.call.Log.Warn("releases not read", "family", string(family), "code", fault.Code(err), "error", err)
		return nil, false
	}
	return importing.Channels(entries), true
}

// copies are the images of each region that are copies of the one that was named,
// where it is not itself in every region that is asked about.
func (s *session) copies(ctx context.Context, all *survey.Survey, id image.ID, at []rollout.Place) map[image.RegionID][]image.ID {
	if id == "" {
		return nil
	}
	var home []lineage.Key
	elsewhere := false
	for _, p := range all.Places() {
		images, err := p.Images(ctx, image.Listing{Statuses: image.Statuses()})
		if err == nil && slices.ContainsFunc(images, func(i image.Image) bool { return i.ID == id }) {
			home = append(home, lineage.Key{Region: p.Region, ID: id})
		}
	}
	for _, p := range at {
		elsewhere = elsewhere || !slices.ContainsFunc(home, func(k lineage.Key) bool { return k.Region == p.Region })
	}
	if len(home) == 0 || !elsewhere {
		return nil
	}
	graph := lineage.New(lineage.Observe(ctx, lineage.Places(all.Places())))
	found := map[image.RegionID][]image.ID{}
	for _, k := range home {
		for _, c := range graph.Copies(k).Sure {
			found[c.Region] = append(found[c.Region], c.ID)
		}
	}
	return found
}
