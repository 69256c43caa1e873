package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/evidence"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
)

// place is one account in one region.
type place struct {
	account image.AccountID
	region  image.RegionID
	*memory
}

// survey is what one call sees. What could not be read is in unread.
type survey struct {
	places []place
	home   image.RegionID
	now    time.Time

	mu     sync.Mutex
	unread []image.Unread

	// subjects are the images that are priced; nil stands for all.
	subjects []lineage.Key
	// history is read when the first image asks for it.
	once   sync.Once
	graph  *lineage.Graph
	images map[lineage.Key]image.Image
}

// survey opens the places of the configuration.
func (h handler) survey(ctx context.Context, call function.Call, whole bool) (*survey, error) {
	home := image.RegionID(call.Region)
	regions, all, err := h.config.LookIn(home)
	if err != nil {
		return nil, err
	}
	s := &survey{home: home, now: h.now()}
	eyes := h.accounts(call)
	found := make([][]place, len(eyes))
	var wait atonce.Group
	for n, e := range eyes {
		wait.Go(func() { found[n] = s.open(ctx, e, regions, all, whole) })
	}
	wait.Wait()
	seen := map[image.Ref]bool{}
	for _, p := range slices.Concat(found...) {
		at := image.Ref{Account: p.account, Region: p.region}
		if !seen[at] {
			s.places = append(s.places, p)
		}
		seen[at] = true
	}
	return s, nil
}

// open returns the places of one account.
func (s *survey) open(ctx context.Context, e eye, regions []image.RegionID, all, whole bool) []place {
	id := e.id
	if id == "" {
		own, err := e.account.ID(ctx)
		if err != nil {
			s.missed(image.Ref{}, "", err)
			return nil
		}
		id = own
	}
	if all {
		there, err := e.account.Regions(ctx)
		if err != nil {
			s.missed(image.Ref{Account: id}, "ecs:DescribeRegions", err)
			return nil
		}
		for _, r := range there {
			regions = append(regions, r.ID)
		}
		slices.Sort(regions)
	}
	m := newMemory(e.account, whole)
	places := make([]place, 0, len(regions))
	for _, r := range regions {
		places = append(places, place{account: id, region: r, memory: m})
	}
	return places
}

// missed records once what could not be read, and why.
func (s *survey) missed(at image.Ref, permission string, err error) {
	if fault.Of(err) != fault.Forbidden {
		permission = ""
	} else if refused := fault.Permission(err); refused != "" {
		permission = refused
	}
	u := image.Unread{
		Account: at.Account, Region: at.Region, Permission: permission,
		Reason: image.Reason{Code: fault.Code(err), Sentence: fault.Sentence(err)},
	}
	s.lacks([]image.Unread{u})
}

// lacks records what could not be read of something that was observed, each once.
func (s *survey) lacks(unread []image.Unread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range unread {
		if !slices.Contains(s.unread, u) {
			s.unread = append(s.unread, u)
		}
	}
}

// left is what could not be read, in order.
func (s *survey) left() []image.Unread {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.Clone(s.unread)
	slices.SortFunc(left, func(a, b image.Unread) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.Sentence, b.Sentence))
	})
	return append([]image.Unread{}, left...)
}

// at is the place of an account in a region, if it is looked at.
func (s *survey) at(a image.AccountID, r image.RegionID) (place, bool) {
	n := slices.IndexFunc(s.places, func(p place) bool { return p.account == a && p.region == r })
	if n < 0 {
		return place{}, false
	}
	return s.places[n], true
}

// each does something in every place at once.
func (s *survey) each(do func(place)) {
	var wait atonce.Group
	for _, p := range s.places {
		wait.Go(func() { do(p) })
	}
	wait.Wait()
}

// sightings are images by id, as every account sees them, in order.
type sightings map[image.ID][]image.Image

// sight looks for images of any kind: Marketplace and community images are in no
// list unless they are asked for.
func (s *survey) sight(ctx context.Context, ids []image.ID, only func(place) bool) sightings {
	seen := sightings{}
	s.sightKind(ctx, seen, ids, only, "")
	left := slices.DeleteFunc(slices.Clone(ids), func(id image.ID) bool { return len(seen[id]) > 0 })
	for _, kind := range []image.Kind{image.KindMarketplace, image.KindCommunity} {
		s.sightKind(ctx, seen, left, only, kind)
	}
	s.doubt(ctx, seen, ids, only)
	for _, found := range seen {
		for i := range found {
			s.subjects = append(s.subjects, lineage.KeyOf(found[i].Ref))
		}
		slices.SortFunc(found, func(a, b image.Image) int {
			return cmp.Or(cmp.Compare(a.Region, b.Region), foreign(a)-foreign(b), cmp.Compare(a.Account, b.Account))
		})
	}
	return seen
}

// doubt looks again for images that nobody was shown, or only others than their
// owner: that a list is empty has to be proven then.
func (s *survey) doubt(ctx context.Context, seen sightings, ids []image.ID, only func(place) bool) {
	doubtful := slices.DeleteFunc(slices.Clone(ids), func(id image.ID) bool {
		return len(seen[id]) > 0 && !slices.ContainsFunc(seen[id], func(i image.Image) bool { return s.hidden(seen, i) })
	})
	if len(doubtful) == 0 {
		return
	}
	var mu sync.Mutex
	s.each(func(p place) {
		if !only(p) {
			return
		}
		for some := range slices.Chunk(doubtful, batch) {
			found, err := evidence.Images(ctx, p.memory.account, p.region, image.Listing{IDs: some, Statuses: image.Statuses()})
			if err != nil {
				s.missed(image.Ref{Account: p.account, Region: p.region}, "ecs:DescribeImages", err)
			}
			mu.Lock()
			for i := range found {
				seen.add(found[i])
			}
			mu.Unlock()
		}
	})
}

// add adds a view of an image, once for each account and region.
func (seen sightings) add(i image.Image) {
	if !slices.ContainsFunc(seen[i.ID], func(was image.Image) bool { return was.Ref == i.Ref }) {
		seen[i.ID] = append(seen[i.ID], i)
	}
}

// hidden: an account that is looked at was not shown an image of its own, which
// another account sees.
func (s *survey) hidden(seen sightings, i image.Image) bool {
	return evidence.Hidden(i, func(a image.AccountID, r image.RegionID) bool {
		_, looked := s.at(a, r)
		return looked && !slices.ContainsFunc(seen[i.ID], func(own image.Image) bool { return own.Account == a && own.Region == r })
	})
}

// foreign is 0 for the owner's view, which comes first.
func foreign(i image.Image) int {
	if i.Kind == image.KindCustom {
		return 0
	}
	return 1
}

func (s *survey) sightKind(ctx context.Context, seen sightings, ids []image.ID, only func(place) bool, kind image.Kind) {
	var mu sync.Mutex
	s.each(func(p place) {
		if !only(p) {
			return
		}
		for some := range slices.Chunk(ids, batch) {
			found, err := p.Images(ctx, p.region, image.Listing{Kind: kind, IDs: some, Statuses: image.Statuses()})
			if err != nil {
				s.missed(image.Ref{Account: p.account, Region: p.region}, "ecs:DescribeImages", err)
			}
			mu.Lock()
			for i := range found {
				seen[found[i].ID] = append(seen[found[i].ID], found[i])
			}
			mu.Unlock()
		}
	})
}

// history finds out where images come from: those that are priced, or all.
func (s *survey) history(ctx context.Context) (*lineage.Graph, map[lineage.Key]image.Image) {
	s.once.Do(func() {
		places := make([]lineage.Place, len(s.places))
		for n, p := range s.places {
			places[n] = lineage.Place{Account: p.account, Region: p.region, Reader: regional{p.memory, p.region}, Builder: regional{p.memory, p.region}}
		}
		var world lineage.World
		if s.subjects == nil {
			world = lineage.Observe(ctx, places)
		} else {
			world = lineage.Trace(ctx, places, s.subjects)
		}
		s.lacks(world.Unread)
		s.lacks(world.BuildsUnread)
		s.graph = lineage.New(world)
		s.images = make(map[lineage.Key]image.Image, len(world.Images))
		for i := range world.Images {
			s.images[lineage.KeyOf(world.Images[i].Ref)] = world.Images[i]
		}
	})
	return s.graph, s.images
}
