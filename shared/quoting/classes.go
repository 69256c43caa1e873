package quoting

import (
	"context"
	"slices"
	"sync"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
	"imagekeeper/shared/survey"
)

// Class is whether the licence of an image is charged for, as price decides it.
type Class struct {
	// Charged is NotCharged only where no Marketplace product is charged for either.
	Charged pricing.Charged
	Why     []image.Reason
}

// ClassOf is the class of an image that comes from a source.
func ClassOf(i image.Image, source pricing.Source) Class {
	r := pricing.Judge(i, source, i.Region)
	c := Class{Charged: r.Licence, Why: append([]image.Reason{{Code: string(r.Code), Sentence: r.Sentence}}, r.Evidence...)}
	if r.Marketplace && c.Charged == pricing.NotCharged {
		c.Charged = pricing.Unsettled
		c.Why = append(c.Why, image.Reason{Code: "marketplaceProduct", Sentence: "what its Marketplace product costs is for DescribePrice to tell, and may be 0"})
	}
	return c
}

// Classes remembers the classes of images: what an image was made from does not
// change. A process needs one. Safe for concurrent use.
type Classes struct {
	mu    sync.Mutex
	known map[classKey]classKnown
}

type classKey struct {
	image  image.Ref
	parent string
}

type classKnown struct {
	Class
	at time.Time
}

const (
	// askAgain is how long what is not known is not looked for again.
	askAgain = time.Minute
	// mostClasses bounds what is remembered.
	mostClasses = 50_000
)

// Of are the classes of images, in their order, by where they come from. all opens
// everything that is configured, which is done only for what is not known yet.
// Unread is what could not be read of that.
func (c *Classes) Of(ctx context.Context, all func() (*survey.Survey, error), images []image.Image, now time.Time) ([]Class, []image.Unread) {
	found := make([]Class, len(images))
	var open []image.Image
	var at []int
	for n, i := range images {
		known, ok := c.recall(i, now)
		if found[n] = known; !ok {
			open, at = append(open, i), append(at, n)
		}
	}
	if len(open) == 0 {
		return found, nil
	}
	s, err := all()
	if err != nil {
		return found, []image.Unread{image.UnreadOf("", "", "", err)}
	}
	closed, apart := s.Unread(), s.Apart()
	traced := traceNear(ctx, apart, open)
	for k, i := range open {
		found[at[k]] = ClassOf(i, traced.Sources[lineage.KeyOf(i.Ref)])
		c.keep(i, found[at[k]], now)
	}
	return found, image.AllUnread(closed, traced.Unread)
}

func keyOf(i image.Image) classKey { return classKey{i.Ref, i.Tags[lineage.ParentTag]} }

func (c *Classes) recall(i image.Image, now time.Time) (Class, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[keyOf(i)]
	return k.Class, ok && (k.Charged != pricing.Unsettled || now.Sub(k.at) < askAgain)
}

func (c *Classes) keep(i image.Image, class Class, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= mostClasses {
		c.known = map[classKey]classKnown{}
	}
	c.known[keyOf(i)] = classKnown{class, now}
}

// traceNear looks where images come from: in their own regions, and everywhere only
// if a chain leads on.
func traceNear(ctx context.Context, s *survey.Survey, images []image.Image) provenance.Traced {
	var regions []image.RegionID
	for n := range images {
		if provenance.Made(images[n].Kind) {
			regions = append(regions, images[n].Region)
		}
	}
	near := slices.DeleteFunc(slices.Clone(s.Places()), func(p *survey.Place) bool { return !slices.Contains(regions, p.Region) })
	traced := provenance.Trace(ctx, near, images)
	if traced.Elsewhere && len(near) < len(s.Places()) {
		traced = provenance.Trace(ctx, s.Places(), images)
	}
	return traced
}
