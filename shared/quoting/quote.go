package quoting

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/survey"
)

// Prices are by what a deployment prices.
type Prices struct {
	Rates pricing.Rates
	// Site is whose prices an account pays that does not tell.
	Site pricing.Site
	// Sites remembers between calls whose prices accounts pay.
	Sites *pricing.Sites
	Now   func() time.Time
}

// Pricer answers the questions of one call from one survey.
type Pricer struct {
	*pricing.Collector
	site   pricing.Site
	survey *survey.Survey
	rates  pricing.Rates
	// home is the region of the function.
	home    image.RegionID
	seen    []survey.Sighting
	sources *sources
}

// Pricer looks for the images that questions name, in some regions or in all of the
// survey, for a function in region home. Where images come from is looked for beyond
// it. It fails with fault.Invalid for a region that is not looked at.
func (p Prices) Pricer(ctx context.Context, s *survey.Survey, home image.RegionID, regions []image.RegionID, ids []image.ID) (*Pricer, error) {
	near, err := s.Narrow(survey.Within{Regions: regions})
	if err != nil {
		return nil, err
	}
	seen := near.Find(ctx, ids)
	s.Note(near.Unread()...)
	now := p.Now()
	return &Pricer{
		site: p.Site, survey: s, rates: p.Rates.At(now), Collector: pricing.NewCollector(s, p.Sites, p.Site, now),
		home: home, seen: seen, sources: &sources{survey: s, seen: seen},
	}, nil
}

// Quote answers one question: for the image of its region, else of the function's
// own, else of the first. It fails with fault.NotFound, with fault.Unknown where not
// everything could be read, and with fault.Invalid for a place that is not looked
// at, and where images of that id in several regions cost differently.
func (p *Pricer) Quote(ctx context.Context, q pricing.Asking) (Quote, error) {
	images, err := p.candidates(q)
	if err != nil {
		return Quote{}, err
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
		return Quote{}, fault.InField("region", "ambiguous", "is needed: %s is in several regions and does not cost the same there (%s)", q.ImageID, strings.Join(worths, "; "))
	}
	first.Ambiguous = true
	return first, nil
}

// candidates are the images that a question can mean, the best first.
func (p *Pricer) candidates(q pricing.Asking) ([]image.Image, error) {
	within, err := p.survey.Narrow(survey.Just(q.Region, q.Account))
	if err != nil {
		return nil, err
	}
	if q.ImageID == "" {
		i, err := p.notYet(q)
		return []image.Image{i}, err
	}
	var fits []image.Image
	for n := range p.seen {
		if i, ok := view(q, &p.seen[n]); ok {
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
func view(q pricing.Asking, s *survey.Sighting) (image.Image, bool) {
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

// notYet is an image that an operation is to make.
func (p *Pricer) notYet(q pricing.Asking) (image.Image, error) {
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
func (p *Pricer) priced(ctx context.Context, q pricing.Asking, i image.Image) (Quote, error) {
	asked := q.Question(i, p.site)
	if err := asked.Check(); err != nil {
		return Quote{}, q.Blamed(err)
	}
	instance, err := p.instance(ctx, i, q)
	if err != nil {
		return Quote{}, err
	}
	instance.None = q.Holding
	asked.Instance = instance
	if q.For == pricing.Replace {
		asked.Task.Replaced = p.replaced(ctx, q, i)
	}
	if asked.New {
		asked.Source = q.Made()
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
		return Quote{}, q.Blamed(err)
	}
	return newQuote(p.survey, asked, found, by), nil
}

// instance is what the licence is charged to: a type of the region, with its
// number of vCPUs where that can be read. That a type is not there, with
// fault.Invalid, is believed only of a list of all types.
func (p *Pricer) instance(ctx context.Context, i image.Image, q pricing.Asking) (pricing.Instance, error) {
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
		return instance, fault.InField("instanceType", "unknownInstanceType", "%s does not exist in %s", q.InstanceType, i.Region)
	}
	instance.VCPUs = found[0].VCPUs
	if q.ActiveVCPUs > instance.VCPUs && instance.VCPUs > 0 {
		return instance, fault.InField("activeVcpus", "tooMany", "must be at most %d, as many as %s has", instance.VCPUs, q.InstanceType)
	}
	return instance, nil
}

// replaced is what the instance runs now. Its image may be gone.
func (p *Pricer) replaced(ctx context.Context, q pricing.Asking, with image.Image) *pricing.Replaced {
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
	images := make([]image.Image, len(s.seen))
	for n := range s.seen {
		images[n] = s.seen[n].Image
	}
	s.traced = traceNear(ctx, s.survey, images)
	s.survey.Note(s.traced.Unread...)
}

// Quote is the answer to one question.
type Quote struct {
	AsOf time.Time `json:"asOf"`
	pricing.Quote
	// Site is whose prices these are, and SiteBy by what that was decided:
	// describePrice (the currency of its answer) or configuration.
	Site pricing.Site `json:"site"`
	// SiteBy: describePrice, by the currency of its answer, or configuration.
	SiteBy   string    `json:"siteBy"`
	Instance *Instance `json:"instance,omitempty"`
	Charge   Charge    `json:"charge"`
	// Ambiguous: other regions have an image of this id, too, which costs the same.
	Ambiguous bool           `json:"ambiguous"`
	Elsewhere []image.Ref    `json:"elsewhere,omitempty"`
	Unknown   []image.Unread `json:"unknown,omitempty"`
}

// Instance is what the licence is charged to.
type Instance struct {
	InstanceType image.InstanceTypeID `json:"instanceType"`
	// VCPUs: of the instance type.
	VCPUs int `json:"vcpus,omitempty"`
	// ActiveVCPUs: those that are switched on, if not all.
	ActiveVCPUs int `json:"activeVcpus,omitempty"`
}

// Charge is how it is charged.
type Charge struct {
	Method  pricing.Method `json:"method"`
	Seconds pricing.Number `json:"seconds,omitzero"`
	// Period: of a subscription, in units of periodUnit.
	Period         int                 `json:"period,omitempty"`
	PeriodUnit     pricing.Unit        `json:"periodUnit,omitempty"`
	StoppedSeconds pricing.Number      `json:"stoppedSeconds,omitzero"`
	StoppedMode    pricing.StoppedMode `json:"stoppedMode,omitempty"`
}

func newQuote(s *survey.Survey, q pricing.Question, priced pricing.Quote, by string) Quote {
	out := Quote{
		AsOf: s.AsOf().UTC().Truncate(time.Second), Quote: priced, Site: q.Site, SiteBy: by,
		Charge: Charge{
			Method: q.Charge.Method, Seconds: q.Duration, Period: q.Charge.Period, PeriodUnit: q.Charge.PeriodUnit,
			StoppedSeconds: q.Charge.Stopped, StoppedMode: q.Charge.StoppedMode,
		},
	}
	if q.Instance.Type != "" {
		out.Instance = &Instance{q.Instance.Type, q.Instance.VCPUs, q.Instance.ActiveVCPUs}
	}
	return out
}
