package upkeep

import (
	"context"
	"slices"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/survey"
)

// Walk looks at many places, a part of them at a time, and lets each go before the
// next: what all of them show would be too much at once.
type Walk struct {
	Rules retention.Document
	// Planned: the rules are to judge what is seen, and what it costs is asked.
	Planned bool
	// Before are the looks before.
	Before map[retention.Place]retention.Look
	Trail  func(ctx context.Context, l *retention.Ledger, last retention.Look) (*retention.Trail, error)
	// Take is told what each part shows, one after the other.
	Take func(ctx context.Context, seen Sight) error
	Now  func() time.Time
}

// Sight is what one part showed, and the events there since the look before, or why
// those could not be read.
type Sight struct {
	Ledgers  []*retention.Ledger
	Trails   []*retention.Trail
	Failures []error
}

// How many images are read ahead at once. Of a place that nobody has seen yet it is
// not known how many it has.
const (
	mostAhead = 20_000
	notKnown  = mostAhead / 2
)

// Places looks at places. The next parts are read while one is taken, as long as they
// are not too large together.
func (w Walk) Places(ctx context.Context, places []*survey.Place) error {
	parts := w.parts(places)
	ctx, cancel := context.WithCancel(ctx)
	ready := make([]chan Sight, len(parts))
	var wait fanout.Group
	defer wait.Wait()
	defer cancel()
	ahead := 0
	for n, next := 0, 0; n < len(parts); n++ {
		for ; next < len(parts) && (next == n || ahead+w.size(parts[next]) <= mostAhead); next++ {
			ahead += w.size(parts[next])
			to, part := make(chan Sight, 1), parts[next]
			ready[next] = to
			wait.Go(func() {
				defer close(to)
				to <- w.read(ctx, part)
			})
		}
		seen, whole := <-ready[n]
		if !whole { // it panicked, which Wait carries on
			return fault.New(fault.Internal, "a part was not read")
		}
		if err := w.Take(ctx, seen); err != nil {
			return err
		}
		for _, l := range seen.Ledgers {
			l.Release()
		}
		for _, p := range parts[n] {
			p.Forget()
		}
		ahead -= w.size(parts[n])
		ready[n] = nil
	}
	return nil
}

// parts are the places that are looked at together: those of a region, or all where a
// rule is about what they show together.
func (w Walk) parts(places []*survey.Place) [][]*survey.Place {
	if w.Rules.AboutDescent() {
		return [][]*survey.Place{places}
	}
	var parts [][]*survey.Place
	at := map[image.RegionID]int{}
	for _, p := range places {
		n, known := at[p.Region]
		if !known {
			n, at[p.Region] = len(parts), len(parts)
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], p)
	}
	return parts
}

// size is how many images a part has, by the looks before.
func (w Walk) size(part []*survey.Place) int {
	n := 0
	for _, p := range part {
		if last, known := w.Before[retention.Place{Account: p.Account, Region: p.Region}]; known {
			n += last.Best.Images
		} else {
			n += notKnown
		}
	}
	return n
}

// read reads what places show.
func (w Walk) read(ctx context.Context, part []*survey.Place) Sight {
	places := map[retention.Place]retention.Reader{}
	for _, p := range part {
		places[retention.Place{Account: p.Account, Region: p.Region}] = p
	}
	seen := Sight{Ledgers: retention.OpenLedgers(ctx, places, w.Now)}
	seen.Trails, seen.Failures = make([]*retention.Trail, len(seen.Ledgers)), make([]error, len(seen.Ledgers))
	var wait fanout.Group
	if w.Rules.AboutOrphans() {
		wait.Go(func() { retention.ListAllSnapshots(ctx, seen.Ledgers) })
	}
	for n, l := range seen.Ledgers {
		wait.Go(func() { seen.Trails[n], seen.Failures[n] = w.Trail(ctx, l, w.Before[l.Place]) })
	}
	if w.asksPrices(seen.Ledgers) {
		for _, p := range part {
			wait.Go(func() { _, _ = p.Unnoted().SnapshotChains(ctx) }) // whoever prices asks again, and tells of a failure
		}
	}
	wait.Wait()
	return seen
}

// asksPrices: some image is looked at closely, so that it is asked what it costs.
func (w Walk) asksPrices(ledgers []*retention.Ledger) bool {
	doc := w.Rules.Over(ledgers)
	return w.Planned && slices.ContainsFunc(ledgers, func(l *retention.Ledger) bool {
		return slices.ContainsFunc(l.Images, func(i image.Image) bool {
			return i.Kind == image.KindCustom && i.Account == l.Account && doc.About(i)
		})
	})
}
