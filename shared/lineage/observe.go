package lineage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Reader is what lineage needs of one account in one region.
type Reader interface {
	Images(ctx context.Context, which image.Listing) ([]image.Image, error)
	Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error)
	Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error)
}

// Builder tells which pipelines made which images.
type Builder interface {
	Builds(ctx context.Context) ([]image.Build, error)
}

// Place is one account in one region.
type Place struct {
	Account image.AccountID
	Region  image.RegionID
	Reader  Reader
	// Builder is asked for the runs of image pipelines; nil: they are not looked at.
	Builder Builder
	// Trail is asked about images of which nothing else shows a parent; nil: nobody is.
	Trail Trail
}

// Places are those of a survey, with their pipelines.
func Places(of []*survey.Place) []Place {
	places := make([]Place, len(of))
	for n, p := range of {
		places[n] = Place{Account: p.Account, Region: p.Region, Reader: p, Builder: p}
	}
	return places
}

// batch is how many ids one call takes (SnapshotIds, DiskIds, ImageId).
const batch = 100

// observer gathers a world from many places at once.
type observer struct {
	mu    sync.Mutex
	world World
	seen  map[Key]image.Image
	// asked are the snapshots and disks already looked for, found or not.
	asked map[string]bool
	// wanted are the images whose snapshots are read; nil: those of all.
	wanted map[Key]bool
}

// Observe looks at every place: all images, then their snapshots and disks by
// the hundred, then what those name elsewhere. also are images that were seen
// already, of kinds that are in no list. What cannot be read is in World.Unread,
// World.BuildsUnread and World.EventsUnread; Observe itself does not fail.
func Observe(ctx context.Context, places []Place, also ...image.Image) World {
	o := observe(ctx, places, also)
	o.recall(ctx, places, slices.SortedFunc(maps.Keys(o.seen), compareKeys))
	o.parents(ctx, places)
	return o.result()
}

// About looks as Observe does, and asks the trail only for what one image comes
// from, and for what else in its region may come from it.
func About(ctx context.Context, places []Place, x image.Image) World {
	o := observe(ctx, places, []image.Image{x})
	at := KeyOf(x.Ref)
	var of []Key
	for k := range o.seen {
		if k.Region == at.Region {
			of = append(of, k)
		}
	}
	for slices.SortFunc(of, compareKeys); len(of) > 0; {
		o.recall(ctx, places, of)
		of = nil
		if end := New(o.result()).Source(at); end.Kind == SourceUnknown && !o.asked[trailed(end.Image)] {
			of = append(of, end.Image)
		}
	}
	o.parents(ctx, places)
	return o.result()
}

// observe looks at everything but the trail.
func observe(ctx context.Context, places []Place, also []image.Image) *observer {
	o := look(ctx, places)
	o.add(also)
	o.snapshots(ctx, places)
	o.hidden(places)
	o.disks(ctx, places)
	return o
}

// Trace looks at every place as Observe does, and then only at the snapshots and
// disks of the images in of and of what those turn out to be made from: one round
// for each step up, by the hundred. Their ancestry is then told as well as from
// all that Observe sees; that of other images is not.
func Trace(ctx context.Context, places []Place, of []Key) World {
	o := look(ctx, places)
	o.wanted = map[Key]bool{}
	for wanted := of; len(wanted) > 0; wanted = o.next() {
		for _, k := range wanted {
			o.wanted[k] = true
		}
		o.missing(ctx, places, wanted)
		o.snapshots(ctx, places)
		o.hidden(places)
		o.disks(ctx, places)
		o.recall(ctx, places, wanted)
	}
	return o.result()
}

// look lists the images of every place, and what pipelines made.
func look(ctx context.Context, places []Place) *observer {
	o := &observer{seen: map[Key]image.Image{}, asked: map[string]bool{}}
	for _, p := range places {
		if !slices.Contains(o.world.Accounts, p.Account) {
			o.world.Accounts = append(o.world.Accounts, p.Account)
		}
		if !slices.Contains(o.world.Regions, p.Region) {
			o.world.Regions = append(o.world.Regions, p.Region)
		}
	}
	survey.Each(places, func(p Place) {
		var both fanout.Group
		both.Go(func() { o.images(ctx, p, image.Listing{Statuses: image.Statuses()}) })
		both.Go(func() { o.builds(ctx, p) })
		both.Wait()
	})
	return o
}

// result is the world as it was seen.
func (o *observer) result() World {
	o.world.Images = slices.SortedFunc(maps.Values(o.seen), image.ByName)
	return o.world
}

// next are the parents of the wanted images that were not wanted before.
func (o *observer) next() []Key {
	g := indexed(o.result())
	var next []Key
	for k := range o.wanted {
		i, ok := g.images[k]
		if !ok {
			continue
		}
		if u := g.stepUp(i); u.isLink && !o.wanted[u.link.Parent] {
			next = append(next, u.link.Parent)
		}
	}
	slices.SortFunc(next, compareKeys)
	return slices.Compact(next)
}

// missing asks for images that are wanted and in no listing.
func (o *observer) missing(ctx context.Context, places []Place, wanted []Key) {
	ids := map[image.RegionID][]image.ID{}
	for _, k := range wanted {
		if _, seen := o.seen[k]; !seen {
			ids[k.Region] = append(ids[k.Region], k.ID)
		}
	}
	survey.Each(slices.Sorted(maps.Keys(ids)), func(r image.RegionID) {
		o.byName(ctx, slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return p.Region != r }), ids[r])
	})
}

// images reads one listing.
func (o *observer) images(ctx context.Context, p Place, which image.Listing) {
	found, err := p.Reader.Images(ctx, which)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failed(p, err, survey.MayListImages)
		return
	}
	o.add(found)
}

// add keeps the owner's view where an image is seen twice.
func (o *observer) add(found []image.Image) {
	for _, i := range found {
		if was, ok := o.seen[KeyOf(i.Ref)]; !ok || better(i, was) {
			o.seen[KeyOf(i.Ref)] = i
		}
	}
}

// builds reads what pipelines made.
func (o *observer) builds(ctx context.Context, p Place) {
	if p.Builder == nil {
		return
	}
	found, err := p.Builder.Builds(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.world.BuildsUnread = append(o.world.BuildsUnread, image.UnreadOf(p.Account, p.Region, survey.MayListBuilds, err))
		return
	}
	o.world.Builds = append(o.world.Builds, found...)
}

// byName asks for Marketplace and community images, which are in no list unless
// they are asked for and are the same for every account: one place of a region.
func (o *observer) byName(ctx context.Context, there []Place, ids []image.ID) {
	for _, kind := range []image.Kind{image.KindMarketplace, image.KindCommunity} {
		var failed []error
		for _, p := range there {
			found, err := allOf(ctx, p, image.Listing{Kind: kind, IDs: ids, Statuses: image.Statuses()})
			failed = append(failed, err)
			if err == nil {
				o.mu.Lock()
				o.add(found)
				o.mu.Unlock()
				failed = nil
				break
			}
		}
		for n, err := range failed {
			o.mu.Lock()
			o.failed(there[n], err, survey.MayListImages)
			o.mu.Unlock()
		}
	}
}

// allOf asks for images by the hundred.
func allOf(ctx context.Context, p Place, which image.Listing) (found []image.Image, err error) {
	for ids := range slices.Chunk(which.IDs, batch) {
		which.IDs = ids
		some, err := p.Reader.Images(ctx, which)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// better: a is the owner's view and b is not, or a's account comes first.
func better(a, b image.Image) bool {
	if own := a.Kind == image.KindCustom; own != (b.Kind == image.KindCustom) {
		return own
	}
	return a.Account < b.Account
}

// snapshots reads those of the system disks of our own images, and follows the
// sources of copies from region to region until none is new.
func (o *observer) snapshots(ctx context.Context, places []Place) {
	for range maxCopies {
		wanted := o.wantedSnapshots(places)
		if len(wanted) == 0 {
			return
		}
		survey.Each(byHundred(places, wanted), func(q hundred[image.SnapshotID]) {
			found, err := q.of.Reader.Snapshots(ctx, image.SnapshotListing{IDs: q.ids})
			o.mu.Lock()
			defer o.mu.Unlock()
			if err != nil {
				o.failed(q.of, err, survey.MayListSnapshots)
			}
			o.world.Snapshots = append(o.world.Snapshots, found...)
		})
	}
}

// hidden doubts places that do not list a snapshot on which an image of theirs
// stands: ECS keeps a snapshot for as long as an image needs it, so what was
// listed cannot be all there is.
func (o *observer) hidden(places []Place) {
	listed := map[placeKey]map[image.SnapshotID]bool{}
	for _, s := range o.world.Snapshots {
		at := placeKey{s.Account, s.Region}
		if listed[at] == nil {
			listed[at] = map[image.SnapshotID]bool{}
		}
		listed[at][s.ID] = true
	}
	known, said := o.known(places), map[placeKey]bool{}
	for _, u := range o.world.Unread {
		said[placeKey{u.Account, u.Region}] = true
	}
	for _, k := range slices.SortedFunc(maps.Keys(o.seen), compareKeys) {
		i := o.seen[k]
		at := placeKey{i.Account, i.Region}
		d, ok := i.SystemDisk()
		standing := ok && d.SnapshotID != "" && i.Kind == image.KindCustom && (i.Status == image.StatusAvailable || i.Status == image.StatusDeprecated)
		looked := o.wanted == nil || o.wanted[k]
		if !standing || !looked || !known[at] || said[at] || listed[at][d.SnapshotID] {
			continue
		}
		said[at] = true
		o.world.Unread = append(o.world.Unread, image.Unread{Account: i.Account, Region: i.Region, Reason: image.Reason{
			Code: "snapshotHidden", Sentence: fmt.Sprintf("%s stands on the snapshot %s, which ECS does not list", k, d.SnapshotID),
		}})
	}
}

// hundred is what one call asks a place for. One that fails leaves the others.
type hundred[ID any] struct {
	of  Place
	ids []ID
}

// byHundred are the calls that ask for what is wanted. Places take turns, because
// each has a rate of its own.
func byHundred[ID any](places []Place, wanted map[placeKey][]ID) []hundred[ID] {
	var all []hundred[ID]
	for begun, left := 0, true; left; begun += batch {
		left = false
		for _, p := range places {
			if ids := wanted[placeKey{p.Account, p.Region}]; begun < len(ids) {
				all, left = append(all, hundred[ID]{p, ids[begun:min(begun+batch, len(ids))]}), true
			}
		}
	}
	return all
}

type placeKey struct {
	account image.AccountID
	region  image.RegionID
}

// wantedSnapshots are those that are named and were not asked for yet.
func (o *observer) wantedSnapshots(places []Place) map[placeKey][]image.SnapshotID {
	known := o.known(places)
	wanted := map[placeKey][]image.SnapshotID{}
	want := func(at placeKey, id image.SnapshotID) {
		if k := fmt.Sprint("snapshot ", at, id); known[at] && id != "" && !o.asked[k] {
			o.asked[k] = true
			wanted[at] = append(wanted[at], id)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(o.seen), compareKeys) {
		i := o.seen[k]
		if d, ok := i.SystemDisk(); ok && i.Kind == image.KindCustom && (o.wanted == nil || o.wanted[k]) {
			want(placeKey{i.Account, i.Region}, d.SnapshotID)
		}
	}
	for _, s := range o.world.Snapshots {
		if s.SourceSnapshot != "" {
			want(placeKey{s.Account, cmp.Or(s.SourceRegion, s.Region)}, s.SourceSnapshot)
		}
	}
	return wanted
}

// disks reads those that the snapshots were taken of.
func (o *observer) disks(ctx context.Context, places []Place) {
	known := o.known(places)
	wanted := map[placeKey][]image.DiskID{}
	for _, s := range o.world.Snapshots {
		at := placeKey{s.Account, s.Region}
		if k := fmt.Sprint("disk ", at, s.SourceDisk); known[at] && s.SourceDisk != "" && !o.asked[k] {
			o.asked[k] = true
			wanted[at] = append(wanted[at], s.SourceDisk)
		}
	}
	survey.Each(byHundred(places, wanted), func(q hundred[image.DiskID]) {
		found, err := q.of.Reader.Disks(ctx, image.DiskListing{IDs: q.ids})
		o.mu.Lock()
		defer o.mu.Unlock()
		if err != nil {
			o.failed(q.of, err, survey.MayListDisks)
		}
		o.world.Disks = append(o.world.Disks, found...)
	})
}

// parents looks for images that are named as parents but are in no listing:
// Marketplace and community images must be asked for.
func (o *observer) parents(ctx context.Context, places []Place) {
	var parents []Key
	g := New(o.result())
	for _, k := range g.keys {
		if u := g.ups[k]; u.isLink {
			parents = append(parents, u.link.Parent)
		}
	}
	slices.SortFunc(parents, compareKeys)
	o.missing(ctx, places, slices.Compact(parents))
}

// failed records what could not be read; one entry for a place and permission.
func (o *observer) failed(p Place, err error, permission string) {
	if u := image.UnreadOf(p.Account, p.Region, permission, err); !slices.Contains(o.world.Unread, u) {
		o.world.Unread = append(o.world.Unread, u)
	}
}

func (o *observer) known(places []Place) map[placeKey]bool {
	known := make(map[placeKey]bool, len(places))
	for _, p := range places {
		known[placeKey{p.Account, p.Region}] = true
	}
	return known
}
