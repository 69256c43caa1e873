package main

import (
	"context"
	"slices"
	"strings"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/places"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/survey"
)

// pricer answers the questions of one call from one survey.
type pricer struct {
	handler
	*pricing.Collector
	survey *survey.Survey
	rates  pricing.Rates
	// home is the region of the function.
	home    image.RegionID
	seen    []survey.Sighting
	sources *sources
}

// newPricer looks for the images that questions name, in a region or in all. Where
// images come from is looked for beyond it. It fails with fault.Invalid for a region
// that is not looked at.
func (h handler) newPricer(ctx context.Context, call function.Call, age places.Age, region []image.RegionID, ids []image.ID) (*pricer, error) {
	s, err := h.look().At(ctx, call, survey.Within{}, age)
	if err != nil {
		return nil, err
	}
	near, err := s.Narrow(survey.Within{Regions: region})
	if err != nil {
		return nil, err
	}
	seen := near.Find(ctx, ids)
	s.Note(near.Unread()...)
	now := h.now()
	return &pricer{
		handler: h, survey: s, rates: h.rates.At(now), Collector: pricing.NewCollector(s, h.sites, h.config.Site, now),
		home: image.RegionID(call.Region), seen: seen, sources: &sources{survey: s, seen: seen},
	}, nil
}

// ids are the images that a question names.
func (q question) ids() []image.ID {
	return slices.DeleteFunc([]image.ID{q.ImageID, q.Replaces}, func(id image.ID) bool { return id == "" })
}

// quote answers one question: for the image of its region, else of the function's
// own, else of the first. It fails with fault.NotFound, with fault.Unknown where not
// everything could be read, and with fault.Invalid for a place that is not looked
// at, and where images of that id in several regions cost differently.
func (p *pricer) quote(ctx context.Context, q question) (quote, error) {
	images, err := p.candidates(q)
	if err != nil {
		return quote{}, err
	}
	first, err := p.priced(ctx, q, images[0])
	if err != nil || len(images) == 1 {
		return first, err
	}
	worths := []string{string(images[0].Region) + " " + first.Worth()}
	differ := false
	for _, i := range images[1:] {
		other, err := p.priced(ctx, q, i)
		worth := other.Worth()
		if err != nil {
			worth = "not known: " + fault.Sentence(err)
		}
		differ = differ || err != nil || !first.CostsLike(&other.Quote)
		worths = append(worths, string(i.Region)+" "+worth)
		first.Elsewhere = append(first.Elsewhere, i.Ref)
	}
	if differ {
		return quote{}, fault.InField("region", "ambiguous", "is needed: %s is in several regions and does not cost the same there (%s)", q.ImageID, strings.Join(worths, "; "))
	}
	first.Ambiguous = true
	return first, nil
}

// candidates are the images that a question can mean, the best first.
func (p *pricer) candidates(q question) ([]image.Image, error) {
	within, err := p.survey.Narrow(q.within())
	if err != nil {
		return nil, err
	}
	if q.ImageID == "" {
		i, err := p.notYet(q)
		return []image.Image{i}, err
	}
	var fits []image.Image
	for n := range p.seen {
		if i, ok := q.view(&p.seen[n]); ok {
			fits = append(fits, i)
		}
	}
	if len(fits) == 0 {
		return nil, within.Missing("image", string(q.ImageID))
	}
	home := max(0, slices.IndexFunc(fits, func(i image.Image) bool { return i.Region == p.home }))
	fits = slices.Concat(fits[home:home+1], fits[:home], fits[home+1:])
	for _, i := range fits {
		if q.Account == "" && i.Kind != image.KindCustom && p.survey.Place(i.Owner, i.Region) != nil {
			return nil, fault.New(fault.Unknown, "account %s owns %s and was not shown it; ask again", i.Owner, i.ID).WithCode(survey.CodeUnread)
		}
	}
	return fits, nil
}

// view is an image as a question wants it seen: by its owner, unless an account is
// named.
func (q question) view(s *survey.Sighting) (image.Image, bool) {
	if s.ID != q.ImageID || (q.Region != "" && s.Region != q.Region) {
		return image.Image{}, false
	}
	if q.Account == "" {
		return s.Image, true
	}
	n := slices.IndexFunc(s.Views, func(i image.Image) bool { return i.Account == q.Account })
	if n < 0 {
		return image.Image{}, false
	}
	return s.Views[n], true
}

func (q question) within() survey.Within { return places.One(q.Region, q.Account) }

// notYet is an image that an operation is to make.
func (p *pricer) notYet(q question) (image.Image, error) {
	account, region := q.Account, q.Region
	if account == "" {
		account = p.survey.Home()
	}
	if region == "" {
		region = p.home
	}
	switch {
	case region == "":
		return image.Image{}, fault.InField("region", "required", "is missing: where the image will be")
	case account == "":
		return image.Image{}, p.survey.Missing("account", "that this function runs as")
	}
	return image.Image{
		Ref:  image.Ref{Account: account, Region: region},
		Kind: image.KindCustom, OSType: q.OSType, Platform: q.Platform, LicenseType: q.LicenseType,
	}, nil
}

// priced answers a question about one image.
func (p *pricer) priced(ctx context.Context, q question, i image.Image) (quote, error) {
	asked := q.asked(i, p.config.Site)
	if err := asked.Check(); err != nil {
		return quote{}, q.blamed(err)
	}
	instance, err := p.instance(ctx, i, q)
	if err != nil {
		return quote{}, err
	}
	instance.None = q.Holding
	asked.Instance = instance
	if q.For == pricing.Replace {
		asked.Task.Replaced = p.replaced(ctx, q, i)
	}
	if asked.New {
		asked.Source = q.made()
	} else {
		asked.Source = p.sources.of(ctx, i)
		asked.Observed = p.Observe(ctx, i.Account, asked)
		read := p.Storage(ctx, i)
		read.From, read.To, read.Preheat, read.Deleted = asked.Storage.From, asked.Storage.To, asked.Storage.Preheat, asked.Storage.Deleted
		asked.Storage = read
	}
	site, by := p.SiteOf(ctx, i.Account)
	asked.Site = site
	found, err := pricing.Price(asked, p.rates)
	if err != nil {
		return quote{}, q.blamed(err)
	}
	return newQuote(p.survey, asked, found, by), nil
}

// instance is what the licence is charged to: a type of the region, with its
// number of vCPUs where that can be read. That a type is not there, with
// fault.Invalid, is believed only of a list of all types.
func (p *pricer) instance(ctx context.Context, i image.Image, q question) (pricing.Instance, error) {
	at := p.survey.Place(i.Account, i.Region)
	instance := pricing.InstanceOf(q.InstanceType, 0)
	instance.ActiveVCPUs = q.ActiveVCPUs
	if q.InstanceType == "" || at == nil {
		return instance, nil
	}
	found, err := at.InstanceTypes(ctx, []image.InstanceTypeID{q.InstanceType})
	switch {
	case err != nil:
		return instance, nil //nolint:nilerr // types that cannot be read leave the number of vCPUs unknown, not the question unanswered
	case len(found) == 0:
		return instance, fault.InField("instanceType", "instanceTypeNotFound", "%s does not exist in %s", q.InstanceType, i.Region)
	}
	instance.VCPUs = found[0].VCPUs
	if q.ActiveVCPUs > instance.VCPUs && instance.VCPUs > 0 {
		return instance, fault.InField("activeVcpus", "tooMany", "must be at most %d, as many as %s has", instance.VCPUs, q.InstanceType)
	}
	return instance, nil
}

// replaced is what the instance runs now. Its image may be gone.
func (p *pricer) replaced(ctx context.Context, q question, with image.Image) *pricing.Replaced {
	old := image.Image{Ref: image.Ref{Account: with.Account, Region: with.Region, ID: q.Replaces}}
	for n := range p.seen {
		if p.seen[n].ID == q.Replaces && p.seen[n].Region == with.Region {
			old = p.seen[n].Image
		}
	}
	r := &pricing.Replaced{Image: old, DiskGiB: q.ReplacedDiskGiB, NewDiskGiB: q.NewDiskGiB}
	if old.Kind != "" {
		r.Source = p.sources.of(ctx, old)
	}
	return r
}

// sources are where the images come from that a call is about: found out for all of
// them together when the first one is asked for.
type sources struct {
	survey *survey.Survey
	seen   []survey.Sighting
	once   sync.Once
	traced provenance.Traced
}

// of is where an image ultimately comes from. Public and Marketplace images are
// their own source, and need no history.
func (s *sources) of(ctx context.Context, i image.Image) pricing.Source {
	if !provenance.Made(i.Kind) {
		return pricing.Source{}
	}
	s.once.Do(func() { s.trace(ctx) })
	return s.traced.Sources[lineage.KeyOf(i.Ref)]
}

// trace looks where the images are, and everywhere only if a chain leads on.
func (s *sources) trace(ctx context.Context) {
	var images []image.Image
	var regions []image.RegionID
	for n := range s.seen {
		if i := s.seen[n].Image; provenance.Made(i.Kind) {
			images = append(images, i)
			regions = append(regions, i.Region)
		}
	}
	near := slices.DeleteFunc(slices.Clone(s.survey.Places()), func(p *survey.Place) bool { return !slices.Contains(regions, p.Region) })
	s.traced = provenance.Trace(ctx, near, images)
	if s.traced.Elsewhere && len(near) < len(s.survey.Places()) {
		s.traced = provenance.Trace(ctx, s.survey.Places(), images)
	}
	s.survey.Note(s.traced.Unread...)
}
