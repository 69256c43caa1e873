package quoting

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/usage"
)

// observer puts together what the report is about: each list of the cloud is read
// once, and in whole.
type observer struct {
	survey *survey.Survey
	// closed are the accounts that could not be opened.
	closed []image.Unread
	graph  *lineage.Graph
	images map[lineage.Key]image.Image

	mu sync.Mutex
	// running are the instances by the image that they run, whoever owns it: also
	// those of an account from which a share was withdrawn.
	running map[lineage.Key][]image.Instance
	// hidden says of a region why an image that is in no list may be there.
	hidden map[image.RegionID]*image.Reason
	// unseen says of a region why there may be others.
	unseen map[image.RegionID]*image.Reason
}

// Held are all custom images of the places, and those of others whose licence
// or software instances pay.
func Held(ctx context.Context, s *survey.Survey) []pricing.Held {
	o := &observer{survey: s, closed: s.Unread(), running: map[lineage.Key][]image.Instance{}, hidden: map[image.RegionID]*image.Reason{}, unseen: map[image.RegionID]*image.Reason{}}
	s.Each(func(p *survey.Place) { o.read(ctx, p) })
	world := lineage.Observe(ctx, lineage.WithTrail(s.Places()), o.strangers(ctx)...)
	s.Note(world.Unread...)
	s.Note(world.BuildsUnread...)
	s.Note(world.EventsUnread...)
	o.graph, o.images = lineage.New(world), make(map[lineage.Key]image.Image, len(world.Images))
	for i := range world.Images {
		o.images[lineage.KeyOf(world.Images[i].Ref)] = world.Images[i]
	}
	held := slices.Concat(o.ours(ctx), o.others())
	slices.SortFunc(held, func(a, b pricing.Held) int {
		x, y := a.Image.Ref, b.Image.Ref
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Region, y.Region), cmp.Compare(x.ID, y.ID))
	})
	return held
}

// read reads what the report needs of a place in as few calls as the page sizes
// allow. A failure is noted in the survey.
func (o *observer) read(ctx context.Context, p *survey.Place) {
	var wait fanout.Group
	wait.Go(func() {
		images, _ := p.Images(ctx, image.Listing{Statuses: image.Statuses()})
		var ids []image.SnapshotID
		for i := range images {
			if images[i].Kind == image.KindCustom {
				ids = append(ids, pricing.SnapshotsOf(images[i])...)
			}
		}
		if len(ids) > 0 {
			_, _ = p.Snapshots(ctx, image.SnapshotListing{IDs: ids})
		}
	})
	wait.Go(func() { _, _ = p.Disks(ctx, image.DiskListing{System: image.Yes}) })
	wait.Go(func() { o.instances(ctx, p) })
	wait.Wait()
}

func (o *observer) instances(ctx context.Context, p *survey.Place) {
	found, err := p.Instances(ctx, image.InstanceListing{})
	may := image.Yes
	if err == nil && len(found) == 0 {
		may, _ = p.MayList(ctx, image.InstanceListing{}) // a dry run that fails leaves it Unknown
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for n := range found {
		k := lineage.Key{Region: p.Region, ID: found[n].Image}
		o.running[k] = append(o.running[k], found[n])
	}
	if err != nil || may != image.Yes {
		o.unseen[p.Region] = &image.Reason{Code: "instancesNotSeen", Sentence: "which instances run it is not known: those of an account could not be read"}
	}
}

// strangers are the Marketplace and community images that instances run: they are
// in no list.
func (o *observer) strangers(ctx context.Context) []image.Image {
	for _, closed := range o.closed {
		for _, p := range o.survey.Places() {
			o.hidden[p.Region] = &image.Reason{Code: closed.Code, Sentence: "whether the image is there is not known: account " + string(closed.Account) + " could not be opened"}
		}
	}
	known := map[lineage.Key]bool{}
	for _, p := range o.survey.Places() {
		images, err := p.Images(ctx, image.Listing{Statuses: image.Statuses()})
		if err != nil {
			o.hidden[p.Region] = &image.Reason{Code: "imagesNotSeen", Sentence: "whether the image is there is not known: those of an account could not be read"}
		}
		for i := range images {
			known[lineage.KeyOf(images[i].Ref)] = true
		}
	}
	var ids []image.ID
	for k := range o.running {
		if !known[k] && k.ID != "" {
			ids = append(ids, k.ID)
		}
	}
	var strangers []image.Image
	for _, s := range o.survey.Find(ctx, ids) {
		strangers = append(strangers, s.Image)
	}
	return strangers
}

// ours are the custom images.
func (o *observer) ours(ctx context.Context) []pricing.Held {
	var own []image.Image
	for _, i := range o.images {
		if i.Kind == image.KindCustom {
			own = append(own, i)
		}
	}
	held := make([]pricing.Held, len(own))
	indexes := map[image.RegionID]usage.Index{}
	for _, p := range o.survey.Places() {
		if _, ready := indexes[p.Region]; !ready {
			indexes[p.Region] = usage.NewIndex(ctx, o.readers(p.Region))
		}
	}
	survey.EachIndex(len(own), func(n int) {
		i, k := own[n], lineage.KeyOf(own[n].Ref)
		story := o.graph.Ancestry(k)
		seen := indexes[i.Region].Observe(ctx, i, o.grants(i))
		o.survey.Note(seen.Unread()...)
		held[n] = pricing.Held{
			Image: i, Source: provenance.SourceOf(story, o.images), Root: o.graph.Root(k), Use: pricing.Use(usage.Judge(seen).Verdict),
			Shared: shared(i, seen), Instances: o.running[k], Unseen: o.unseen[i.Region],
		}
	})
	return held
}

// shared: whether an image is shared with anybody. Its listing and whom it is
// shared with have to agree that it is not.
func shared(i image.Image, seen usage.Observation) image.Tri {
	switch {
	case len(seen.Grants) > 0 || i.SharedOut == image.Yes || i.Published:
		return image.Yes
	case seen.GrantsUnread != nil:
		return image.Unknown
	}
	return image.No
}

// others are the images that are not ours and for which instances pay, or may; and
// those that are not there any more.
func (o *observer) others() []pricing.Held {
	var held []pricing.Held
	for _, k := range slices.SortedFunc(maps.Keys(o.running), func(a, b lineage.Key) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	}) {
		i, there := o.images[k]
		if there && i.Kind == image.KindCustom || k.ID == "" {
			continue
		}
		h := pricing.Held{Image: i, Gone: !there, Use: pricing.Used, Shared: image.No, Instances: o.running[k], Unseen: o.unseen[k.Region]}
		if !there || i.Kind == image.KindShared && (i.Owner == "" || o.survey.Place(i.Owner, k.Region) != nil) {
			h.Hidden = o.hidden[k.Region]
		}
		first := &h.Instances[0]
		switch {
		case !there: // what its instances say of their system does not tell of what product it was
			h.Image = image.Image{Ref: image.Ref{Account: first.Account, Region: k.Region, ID: k.ID}}
		case provenance.Made(i.Kind):
			h.Source = provenance.SourceOf(o.graph.Ancestry(k), o.images)
		default:
			h.Image.Account = first.Account // everybody sees it: who runs it counts
		}
		h.Root = h.Image.Ref
		if pricing.OfOthers(h.Image, h.Source) {
			held = append(held, h)
		}
	}
	return held
}

// readers are the accounts by which a region is looked at.
func (o *observer) readers(region image.RegionID) map[image.AccountID]usage.Reader {
	readers := map[image.AccountID]usage.Reader{}
	for _, p := range o.survey.In(region) {
		readers[p.Account] = p
	}
	return readers
}

// grants asks whom an image is shared with, unless its listing already says that
// it is shared with nobody.
func (o *observer) grants(i image.Image) usage.Grants {
	if p := o.survey.Place(i.Account, i.Region); p != nil && i.SharedOut != image.No {
		return p
	}
	return nobody{}
}

// nobody is whom an image is shared with that is not shared.
type nobody struct{}

func (nobody) Grants(context.Context, image.ID) ([]image.Grant, error) { return nil, nil }

// Month is what the images that are meant cost in a month of 720 hours, and if none
// is, why. It fails with fault.Unknown if nothing could be read.
func (p Prices) Month(ctx context.Context, s *survey.Survey, only pricing.Only) (monthly pricing.Report, none []image.Reason, err error) {
	now := p.Now()
	held := Held(ctx, s)
	meant, none := only.Of(held)
	monthly, err = pricing.Monthly(pricing.NewCollector(s, p.Sites, p.Site, now).Holdings(ctx, meant), p.Rates.At(now))
	if err != nil {
		return monthly, nil, fault.Wrap(fault.Internal, err, "the report could not be made")
	}
	there := slices.ContainsFunc(held, func(h pricing.Held) bool { return !h.Gone })
	if unread := s.Unread(); !there && len(unread) > 0 {
		return monthly, nil, survey.Unreadable(unread, "nothing could be read: %s", survey.Sentence(unread))
	}
	return monthly, none, nil
}

// Collector finds out what there is of images, to say what they cost: see Savings.
func (p Prices) Collector(s *survey.Survey) *pricing.Collector {
	return pricing.NewCollector(s, p.Sites, p.Site, p.Now())
}

// Stored tells what storing each of some images costs in a month, as Month says it.
func (p Prices) Stored(holdings []pricing.Holding, tell func(of image.Ref, costs pricing.Cost)) error {
	if err := pricing.Stored(holdings, p.Rates.At(p.Now()), tell); err != nil {
		return fault.Wrap(fault.Internal, err, "what images cost could not be told")
	}
	return nil
}

// Savings is what each of some images costs in a month, and what deleting those saves
// that nobody uses, as Month says it of all.
func (p Prices) Savings(holdings []pricing.Holding) (pricing.Report, error) {
	saved, err := pricing.Savings(holdings, p.Rates.At(p.Now()))
	if err != nil {
		return saved, fault.Wrap(fault.Internal, err, "what images cost could not be told")
	}
	return saved, nil
}
