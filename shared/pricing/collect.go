package pricing

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Collector finds out what a quote needs of the places of a survey: snapshots,
// answers of DescribePrice, and whose prices an account pays. What it cannot read
// is noted in the survey. It is for one answer.
type Collector struct {
	survey *survey.Survey
	sites  *Sites
	// configured counts for accounts that DescribePrice does not answer.
	configured Site
	now        time.Time

	mu     sync.Mutex
	probes map[image.AccountID]func() Site
	chains map[*survey.Place]func() chains
}

// chains are those of a place, or why they could not be read.
type chains struct {
	byID map[string]image.Chain
	err  error
}

// NewCollector makes one. Sites are those of the process, and now dates answers.
func NewCollector(s *survey.Survey, sites *Sites, configured Site, now time.Time) *Collector {
	return &Collector{
		survey: s, sites: sites, configured: configured, now: now,
		probes: map[image.AccountID]func() Site{}, chains: map[*survey.Place]func() chains{},
	}
}

// Sites are whose prices accounts pay, as DescribePrice told: that never changes,
// so it is asked once for each account. Safe for concurrent use.
type Sites struct {
	mu    sync.Mutex
	known map[image.AccountID]Site
}

// NewSites knows none.
func NewSites() *Sites { return &Sites{known: map[image.AccountID]Site{}} }

func (s *Sites) of(a image.AccountID) Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[a]
}

// learn keeps the first site of an account.
func (s *Sites) learn(a image.AccountID, site Site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if site != "" && s.known[a] == "" {
		s.known[a] = site
	}
}

// By what a site was decided.
const (
	ByDescribePrice = "describePrice"
	ByConfiguration = "configuration"
)

// SiteOf is whose prices an account pays: by the currency of DescribePrice's
// answers, which is asked for that if it has not answered yet; else as configured.
func (c *Collector) SiteOf(ctx context.Context, a image.AccountID) (site Site, by string) {
	if known := c.sites.of(a); known != "" {
		return known, ByDescribePrice
	}
	c.mu.Lock()
	probe, ok := c.probes[a]
	if !ok {
		probe = sync.OnceValue(func() Site { return c.probe(ctx, a) })
		c.probes[a] = probe
	}
	c.mu.Unlock()
	c.sites.learn(a, probe())
	if known := c.sites.of(a); known != "" {
		return known, ByDescribePrice
	}
	return c.configured, ByConfiguration
}

// commonTypes are instance types that most regions have.
func commonTypes() []image.InstanceTypeID {
	return []image.InstanceTypeID{"ecs.g7.large", "ecs.g6.large", "ecs.t6-c1m1.large"}
}

// probe asks what a free image costs on a common type, for the currency alone.
func (c *Collector) probe(ctx context.Context, a image.AccountID) Site {
	n := slices.IndexFunc(c.survey.Places(), func(p *survey.Place) bool { return p.Account == a })
	if n < 0 {
		return ""
	}
	p := c.survey.Places()[n]
	images, _ := p.Images(ctx, image.Listing{Kind: image.KindPublic, OSType: image.Linux, Architecture: image.X86_64}) // a failure is noted there
	free, ok := FreeLinux(images, image.X86_64)
	if !ok {
		return ""
	}
	for _, kind := range commonTypes() {
		answer, err := p.Price(ctx, image.PriceQuestion{Image: free.ID, InstanceType: kind, Unit: image.PricePerHour, Period: 1, SystemDiskGiB: free.SizeGiB})
		if err == nil {
			return siteIn(answer.Currency)
		}
		if k := fault.Of(err); k != fault.NotFound && k != fault.Invalid && k != fault.Precondition {
			c.survey.Note(image.UnreadOf(p.Account, p.Region, mayAskPrices, err))
			return ""
		}
	}
	return ""
}

// Observe asks DescribePrice what a question wants answered, through an account.
// Nothing is seen through one that is not looked at.
func (c *Collector) Observe(ctx context.Context, a image.AccountID, q Question) ObservedPrices {
	p := c.survey.Place(a, q.region())
	if p == nil {
		return ObservedPrices{}
	}
	seen, unread := Observe(ctx, Place{Account: p.Account, Region: p.Region, Reader: readerAt{p}}, q, c.now)
	c.survey.Note(unread...)
	c.sites.learn(a, seen.Site())
	return seen
}

// readerAt asks one place.
type readerAt struct{ *survey.Place }

func (d readerAt) Images(ctx context.Context, _ image.RegionID, which image.Listing) ([]image.Image, error) {
	return d.Place.Images(ctx, which)
}

func (d readerAt) Price(ctx context.Context, _ image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	return d.Place.Price(ctx, q)
}

// Storage is what is known of the snapshots behind an image. They can be read with
// the credentials of its owner only.
func (c *Collector) Storage(ctx context.Context, i image.Image) Storage {
	p := c.survey.Place(i.Account, i.Region)
	if i.Kind != image.KindCustom || p == nil {
		return Storage{}
	}
	ids := SnapshotsOf(i)
	if len(ids) == 0 {
		return Storage{Unread: &image.Reason{Code: "snapshotsMissing", Sentence: "ECS names no snapshot of the image"}}
	}
	found, err := p.Snapshots(ctx, image.SnapshotListing{IDs: ids})
	switch {
	case err != nil:
		return Storage{Unread: &image.Reason{Code: "snapshotsNotRead", Sentence: "the snapshots of the image could not be read"}}
	case len(found) < len(i.Disks):
		return Storage{Unread: &image.Reason{Code: "snapshotsMissing", Sentence: "not every snapshot of the image is there to be read"}}
	}
	return storageOf(found, c.chainsOf(ctx, p).byID)
}

// chainsOf are the chains of a place, read once.
func (c *Collector) chainsOf(ctx context.Context, p *survey.Place) chains {
	c.mu.Lock()
	read, ok := c.chains[p]
	if !ok {
		read = sync.OnceValue(func() chains {
			list, err := p.SnapshotChains(ctx)
			all := chains{make(map[string]image.Chain, len(list)), err}
			for _, one := range list {
				all.byID[one.ID] = one
			}
			return all
		})
		c.chains[p] = read
	}
	c.mu.Unlock()
	return read()
}

// SnapshotsOf are those of all disks of an image.
func SnapshotsOf(i image.Image) []image.SnapshotID {
	var ids []image.SnapshotID
	for _, d := range i.Disks {
		if d.SnapshotID != "" {
			ids = append(ids, d.SnapshotID)
		}
	}
	return ids
}

// storageOf puts snapshots and their chains into the words of a question. Since
// when a snapshot is in archive storage ECS does not say.
func storageOf(snapshots []image.Snapshot, byID map[string]image.Chain) Storage {
	storage := Storage{Read: true}
	for i := range snapshots {
		p := &snapshots[i]
		one := Snapshot{ID: p.ID, Chain: p.LinkID, Category: Category(p.Category), FullBytes: p.FullSizeBytes, DiskGiB: p.SourceDiskSizeGiB}
		if one.Category != Archive {
			one.Since = p.CreatedAt
		}
		storage.Snapshots = append(storage.Snapshots, one)
		if chain, ok := byID[p.LinkID]; ok {
			storage.Chains = append(storage.Chains, Chain{ID: chain.ID, TotalBytes: chain.TotalBytes, TotalCount: chain.Count})
		}
	}
	slices.SortFunc(storage.Chains, func(a, b Chain) int { return cmp.Compare(a.ID, b.ID) })
	storage.Chains = slices.CompactFunc(storage.Chains, func(a, b Chain) bool { return a.ID == b.ID })
	return storage
}

// Held is an image of a report, with what others found out about it.
type Held struct {
	Image  image.Image
	Source Source
	// Root, Use, Shared, Gone, Hidden and Unseen are as in Holding.
	Root   image.Ref
	Use    Use
	Shared image.Tri
	Gone   bool
	Hidden *image.Reason
	Unseen *image.Reason
	// Instances run it.
	Instances []image.Instance
}

// Holdings find out what images of a report cost: what instances pay is asked of
// DescribePrice unless the rule says that it is nothing.
func (c *Collector) Holdings(ctx context.Context, held []Held) []Holding {
	holdings := make([]Holding, len(held))
	survey.EachIndex(len(held), func(n int) {
		h, to := &held[n], &holdings[n]
		to.Image, to.Source, to.Root, to.Use, to.Shared, to.Gone, to.Hidden, to.Unseen = h.Image, h.Source, h.Root, h.Use, h.Shared, h.Gone, h.Hidden, h.Unseen
		if !h.Gone {
			to.Storage = c.Storage(ctx, h.Image)
		}
		to.Running = c.running(ctx, h)
	})
	for n := range holdings { // when every answer that there is has told the site of its account
		h := &holdings[n]
		h.Site, _ = c.SiteOf(ctx, h.Image.Account)
		for i := range h.Running {
			h.Running[i].Site, _ = c.SiteOf(ctx, h.Running[i].Account)
		}
	}
	return holdings
}

func (c *Collector) running(ctx context.Context, h *Held) []Running {
	if len(h.Instances) == 0 {
		return nil
	}
	all := RunningOf(h.Instances)
	if ruling := Judge(h.Image, h.Source, h.Image.Region); !ruling.costs() || h.Gone {
		return all
	}
	for n := range all {
		r := &all[n]
		r.Observed = c.Observe(ctx, r.Account, Question{Image: h.Image, Source: h.Source, Instance: r.Instance, Charge: r.Charge})
	}
	return all
}

// costs tells whether instances pay something, or may.
func (r Ruling) costs() bool { return r.Licence != NotCharged || r.Marketplace }

// OfOthers is the image that instances run and that is not ours, if they pay
// something for it, or may: such an image belongs into a report.
func OfOthers(i image.Image, source Source) bool {
	r := Judge(i, source, i.Region)
	return r.costs()
}
