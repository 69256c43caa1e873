package main

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/usage"
)

// holdings are all custom images of the places, with what is needed to price
// them. Each list of the cloud is read once.
func (h handler) holdings(ctx context.Context, s *survey) []pricing.Holding {
	s.prefetch(ctx)
	graph, images := s.history(ctx)
	var own []image.Image
	for _, i := range images {
		if i.Kind == image.KindCustom {
			own = append(own, i)
		}
	}
	slices.SortFunc(own, func(a, b image.Image) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	})
	stores := s.stores(ctx)
	holdings := make([]pricing.Holding, len(own))
	atOnce(len(own), func(n int) {
		i := own[n]
		story := graph.Story(lineage.KeyOf(i.Ref))
		o := usage.Observe(ctx, i, s.grants(i), s.readers(i.Region))
		s.lacks(o.Unread())
		holdings[n] = pricing.Holding{
			Image: i, Source: provenance.SourceOf(story, images), Storage: s.stored(ctx, i, stores),
			Root: root(story, images), Use: pricing.Use(usage.Judge(o).Verdict), Site: h.config.Site,
		}
		holdings[n].Running = h.running(ctx, s, &holdings[n], o)
	})
	return holdings
}

// prefetch reads what the report needs of each place in as few calls as the page
// sizes allow, all at once.
func (s *survey) prefetch(ctx context.Context) {
	s.each(func(p place) {
		var wait atonce.Group
		wait.Go(func() {
			var ids []image.SnapshotID
			images, _ := p.everyImage(ctx, p.region) // a failure shows where the images are used
			for i := range images {
				if images[i].Kind == image.KindCustom {
					ids = append(ids, snapshotsOf(images[i])...)
				}
			}
			if len(ids) > 0 {
				_, _ = p.Snapshots(ctx, p.region, image.SnapshotListing{IDs: ids})
			}
		})
		wait.Go(func() { _, _ = p.Disks(ctx, p.region, image.DiskListing{System: image.Yes}) })
		wait.Go(func() { _, _ = p.Instances(ctx, p.region, image.InstanceListing{}) })
		wait.Wait()
	})
}

// store is the chains of one place by id.
type store map[string]image.Chain

// stores reads the chains of all places.
func (s *survey) stores(ctx context.Context) map[image.Ref]store {
	stores := map[image.Ref]store{}
	var mu sync.Mutex
	s.each(func(p place) {
		at := image.Ref{Account: p.account, Region: p.region}
		chains, err := p.SnapshotChains(ctx, p.region)
		if err != nil {
			s.missed(at, "ecs:DescribeSnapshotLinks", err)
			return
		}
		index := make(store, len(chains))
		for _, c := range chains {
			index[c.ID] = c
		}
		mu.Lock()
		defer mu.Unlock()
		stores[at] = index
	})
	return stores
}

// stored is the storage of an image.
func (s *survey) stored(ctx context.Context, i image.Image, stores map[image.Ref]store) pricing.Storage {
	p, ok := s.at(i.Account, i.Region)
	if !ok {
		return pricing.Storage{}
	}
	found, unread := s.snapshots(ctx, p, i)
	if unread != nil {
		return pricing.Storage{Unread: unread}
	}
	var chains []image.Chain
	for n := range found {
		if c, ok := stores[image.Ref{Account: i.Account, Region: i.Region}][found[n].LinkID]; ok {
			chains = append(chains, c)
		}
	}
	slices.SortFunc(chains, func(a, b image.Chain) int { return cmp.Compare(a.ID, b.ID) })
	return storageOf(found, slices.CompactFunc(chains, func(a, b image.Chain) bool { return a.ID == b.ID }))
}

// root is the image that i is a regional copy of, as far as copies are recorded
// or observed.
func root(story lineage.Story, images map[lineage.Key]image.Image) image.Ref {
	at := story.Image
	for _, link := range story.Parents {
		copied := link.Evidence == lineage.ByCopiedSnapshot || link.Evidence == lineage.ByTag
		if _, seen := images[link.Parent]; !seen || link.Child != at || !copied || !images[at].Copied || link.Certainty == lineage.Inferred {
			break
		}
		at = link.Parent
	}
	i := images[at]
	return image.Ref{Account: i.Account, Region: at.Region, ID: at.ID}
}

// readers are the accounts by which a region is looked at.
func (s *survey) readers(region image.RegionID) map[image.AccountID]usage.Reader {
	readers := map[image.AccountID]usage.Reader{}
	for _, p := range s.places {
		if p.region == region {
			readers[p.account] = regional{p.memory, region}
		}
	}
	return readers
}

// grants asks whom an image is shared with, unless its listing already says that
// it is shared with nobody.
func (s *survey) grants(i image.Image) usage.Grants {
	p, ok := s.at(i.Account, i.Region)
	if !ok || i.SharedOut == image.No {
		return nobody{}
	}
	return regional{p.memory, i.Region}
}

// nobody is whom an image is shared with that is not shared.
type nobody struct{}

func (nobody) Grants(context.Context, image.ID) ([]image.Grant, error) {
	return nil, nil
}

// alike is what instances of one price have in common.
type alike struct {
	account image.AccountID
	kind    image.InstanceTypeID
	vcpus   int
	method  pricing.Method
	stopped pricing.StoppedMode
}

// running groups the instances that were observed on an image, and asks what
// their licence costs unless the rule says that there is none.
func (h handler) running(ctx context.Context, s *survey, held *pricing.Holding, o usage.Observation) []pricing.Running {
	counts := map[alike]int{}
	for _, view := range o.Views {
		for n := range view.Instances.Found {
			counts[alikeOf(&view.Instances.Found[n])]++
		}
	}
	keys := make([]alike, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b alike) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.kind, b.kind), cmp.Compare(a.vcpus, b.vcpus), cmp.Compare(a.method, b.method), cmp.Compare(a.stopped, b.stopped))
	})
	ruling := pricing.Judge(held.Image, held.Source, held.Image.Region)
	settled := ruling.Licence == pricing.NotCharged && !ruling.Marketplace
	var all []pricing.Running
	for _, k := range keys {
		r := pricing.Running{Account: k.account, Count: counts[k], Charge: k.charge(), Instance: pricing.InstanceOf(k.kind, k.vcpus)}
		if at, ok := s.at(k.account, held.Image.Region); ok && !settled {
			r.Observed = s.observe(ctx, at, pricing.Question{
				Image: held.Image, Source: held.Source, Instance: r.Instance, Charge: r.Charge,
			})
			held.Site, _ = siteOf(r.Observed, held.Site)
		}
		all = append(all, r)
	}
	return all
}

func alikeOf(i *image.Instance) alike {
	k := alike{account: i.Account, kind: i.Type, vcpus: i.VCPUs, method: pricing.PayAsYouGo}
	switch {
	case i.ChargeType == "PrePaid":
		k.method = pricing.Subscription
	case i.SpotStrategy != "" && i.SpotStrategy != "NoSpot":
		k.method = pricing.Spot
	}
	if i.Status == image.InstanceStopped && i.StoppedMode == string(pricing.StopCharging) && k.method != pricing.Subscription {
		k.stopped = pricing.StopCharging
	}
	return k
}

// charge is a month of it.
func (k alike) charge() pricing.Charge {
	switch {
	case k.method == pricing.Subscription:
		return pricing.Charge{Method: k.method, Period: 1, PeriodUnit: pricing.Month}
	case k.stopped != "":
		return pricing.Charge{Method: k.method, Stopped: pricing.Hours(pricing.Whole(hoursOfMonth)), StoppedMode: k.stopped}
	}
	return pricing.Charge{Method: k.method}
}
