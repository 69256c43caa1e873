package selection

import (
	"context"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// place is one account's look at one region.
type place struct {
	*observer
	view   View
	region image.RegionID
	lists  []*list
}

// list is one question to a place, and the answer.
type list struct {
	image.Listing
	// half: the next list of the place narrows this one.
	half   bool
	images []image.Image
	err    error
}

// readAll reads all lists at once. ECS can answer an empty list that looks
// authorised where there are images, so an empty list proves nothing: it is
// believed when a list that cannot be empty is not, and when it is then still
// empty. The order matters: whatever makes ECS answer nothing for a while, be
// it long or short, is over before a list is believed.
func (p *place) readAll(ctx context.Context) {
	p.readLists(ctx, p.lists)
	empty := p.doubtful()
	if len(empty) == 0 {
		return
	}
	known := &list{Listing: image.Listing{Kind: image.KindPublic}} // every region has public images
	p.readLists(ctx, []*list{known})
	if known.err == nil && len(known.images) == 0 {
		known.err = fault.New(fault.Unknown, "no image is shown, not even the public ones, which every region has").WithCode("emptyList")
	}
	if known.err != nil {
		for _, l := range empty {
			l.err = known.err
		}
		return
	}
	p.readLists(ctx, empty)
}

func (p *place) readLists(ctx context.Context, lists []*list) {
	var wait atonce.Group
	for _, l := range lists {
		wait.Go(func() {
			defer p.turn()()
			l.images, l.err = p.view.Catalogue.Images(ctx, p.region, l.Listing)
		})
	}
	wait.Wait()
}

// doubtful returns the lists that are empty, unless all that was asked by id
// was found in others: an id is not in two lists.
func (p *place) doubtful() []*list {
	var empty []*list
	found := 0
	for _, l := range p.lists {
		found += len(l.images)
		if l.err == nil && len(l.images) == 0 {
			empty = append(empty, l)
		}
	}
	if p.query.InstanceType == "" && len(p.query.IDs) > 0 && found >= len(p.query.IDs) {
		return nil
	}
	return empty
}

// keep adds what was seen to what the observer knows, and returns the first
// failure. A question of two halves is kept only whole: the first half alone
// would look as if ECS refused the instance type.
func (p *place) keep() error {
	var first error
	var kept []Glimpse
	for i, l := range p.lists {
		if first == nil {
			first = l.err
		}
		if l.err != nil || l.half && p.lists[i+1].err != nil || i > 0 && p.lists[i-1].half && p.lists[i-1].err != nil {
			continue
		}
		kept = append(kept, Glimpse{Account: p.view.Account, Region: p.region, Images: l.images, Bootable: l.InstanceType != ""})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.Glimpses = append(p.seen.Glimpses, kept...)
	return first
}
