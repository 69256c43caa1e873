package main

import (
	"context"
	"slices"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/pricing"
)

// ids are the images that a question names.
func (q question) ids() []image.ID {
	if q.Replaces == "" {
		return []image.ID{q.ImageID}
	}
	return distinct([]image.ID{q.ImageID, q.Replaces})
}

func distinct(ids []image.ID) []image.ID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// within tells whether a question wants a place looked at. All accounts of its
// region are, because the owner's view is the best.
func (q question) within(p place) bool { return q.Region == "" || p.region == q.Region }

func anywhere(place) bool { return true }

// atOnce does n things, a few of them at a time.
func atOnce(n int, do func(int)) {
	const few = 32
	var wait atonce.Group
	tickets := make(chan struct{}, few)
	for i := range n {
		tickets <- struct{}{}
		wait.Go(func() {
			defer func() { <-tickets }()
			do(i)
		})
	}
	wait.Wait()
}

// quote answers one question.
func (h handler) quote(ctx context.Context, s *survey, seen sightings, q question) (quote, error) {
	chosen, elsewhere, err := s.choose(seen, q)
	if err != nil {
		return quote{}, err
	}
	at, _ := s.at(chosen.Account, chosen.Region)
	asked, err := h.asked(ctx, s, seen, q, chosen, at)
	if err != nil {
		return quote{}, err
	}
	site, by := h.config.Site, byConfiguration
	if at.memory != nil {
		asked.Observed = s.observe(ctx, at, asked)
		site, by = siteOf(asked.Observed, h.config.Site)
	}
	asked.Site = site
	priced, err := pricing.Price(asked, h.rates.At(s.now))
	if err != nil {
		return quote{}, q.blamed(err)
	}
	return newQuote(s, asked, priced, by, elsewhere), nil
}

// asked is the question in the words of package pricing, without what
// DescribePrice answers. It is checked before anybody is asked.
func (h handler) asked(ctx context.Context, s *survey, seen sightings, q question, i image.Image, at place) (pricing.Question, error) {
	asked := pricing.Question{Image: i, Site: h.config.Site, For: q.For, Task: q.task()}
	asked.Charge, asked.Duration = q.charge()
	if q.For == pricing.Replace {
		asked.Task.Replaced = s.replaced(ctx, seen, q, i)
	}
	asked.Storage.From, asked.Storage.To = q.StoredFrom, q.StoredTo
	if q.PreheatDisks != 0 {
		asked.Storage.Preheat = &pricing.Preheat{Disks: q.PreheatDisks, Seconds: pricing.Hours(q.PreheatHours.Number)}
	}
	asked.Instance.ActiveVCPUs = q.ActiveVCPUs
	if _, err := pricing.Price(asked, pricing.Rates{}); err != nil {
		return asked, q.blamed(err)
	}
	instance, err := s.instance(ctx, at, q.InstanceType, q.ActiveVCPUs)
	if err != nil {
		return asked, err
	}
	instance.None = q.Holding
	asked.Instance = instance
	asked.Source = s.source(ctx, i)
	storage := s.storage(ctx, i)
	storage.From, storage.To, storage.Preheat, storage.Deleted = q.StoredFrom, q.StoredTo, asked.Storage.Preheat, q.Deleted
	asked.Storage = storage
	return asked, nil
}

func (q question) task() pricing.Task {
	t := pricing.Task{To: q.To, Encrypt: q.Encrypt, OwnKey: q.OwnKey, DiskGiBs: q.DiskGiBs, ObjectBytes: q.ObjectBytes}
	if q.FirstCopy != nil {
		t.First = image.TriOf(*q.FirstCopy)
	}
	return t
}

// replaced is what the instance runs now. Its image may be gone.
func (s *survey) replaced(ctx context.Context, seen sightings, q question, with image.Image) *pricing.Replaced {
	old := image.Image{Ref: image.Ref{Account: with.Account, Region: with.Region, ID: q.Replaces}}
	for _, i := range seen[q.Replaces] {
		if i.Region == with.Region {
			old = i
			break
		}
	}
	r := &pricing.Replaced{Image: old, DiskGiB: q.ReplacedDiskGiB, NewDiskGiB: q.NewDiskGiB}
	if old.Kind != "" {
		r.Source = s.source(ctx, old)
	}
	return r
}

// choose is the image that a question means: that of its region, else of the
// function's own, else of the first; the owner's view unless an account is
// named. The regions that have another one are told. It fails with
// fault.NotFound, with fault.Unknown where not everything could be read, and
// with fault.Invalid for a place that is not looked at.
func (s *survey) choose(seen sightings, q question) (image.Image, []image.Ref, error) {
	if err := s.looksAt(q); err != nil {
		return image.Image{}, nil, err
	}
	fits := slices.DeleteFunc(slices.Clone(seen[q.ImageID]), func(i image.Image) bool {
		return (q.Region != "" && i.Region != q.Region) || (q.Account != "" && i.Account != q.Account)
	})
	if len(fits) == 0 {
		return image.Image{}, nil, s.absent(q)
	}
	fits = slices.CompactFunc(fits, func(a, b image.Image) bool { return a.Region == b.Region }) // the owner's view is first
	best := max(0, slices.IndexFunc(fits, func(i image.Image) bool { return i.Region == s.home }))
	if q.Account == "" && s.hidden(seen, fits[best]) {
		return image.Image{}, nil, fault.New(fault.Unknown, "account %s owns %s and was not shown it; ask again", fits[best].Owner, q.ImageID).WithCode("unreadPlaces")
	}
	var elsewhere []image.Ref
	for n := range fits {
		if n != best {
			elsewhere = append(elsewhere, fits[n].Ref)
		}
	}
	return fits[best], elsewhere, nil
}

// looksAt fails if a question names a place that this deployment does not look at.
func (s *survey) looksAt(q question) error {
	region := slices.ContainsFunc(s.places, func(p place) bool { return p.region == q.Region })
	account := slices.ContainsFunc(s.places, func(p place) bool { return p.account == q.Account })
	switch {
	case len(s.places) == 0 || len(s.left()) > 0 && (!region || !account):
		return nil // what could not be opened is not known not to be looked at
	case q.Region != "" && !region:
		return fault.InField("region", "notLookedAt", "is not among the regions that this deployment looks at")
	case q.Account != "" && !account:
		return fault.InField("account", "notLookedAt", "is not among the accounts that this deployment looks at")
	}
	return nil
}

// absent says that an image is not there, or that this is not known.
func (s *survey) absent(q question) error {
	for _, u := range s.left() {
		if (q.Region == "" || u.Region == "" || u.Region == q.Region) && (q.Account == "" || u.Account == "" || u.Account == q.Account) {
			return fault.New(fault.Unknown, "whether %s exists is not known: %s", q.ImageID, u.Sentence).WithCode("unreadPlaces")
		}
	}
	return fault.New(fault.NotFound, "no account and region that is looked at shows the image %s", q.ImageID).WithCode("imageNotFound")
}
