package lineage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Trail tells what was done in a place, as far as the cloud remembers it.
type Trail interface {
	// Remembers is since when; what was done before is forgotten.
	Remembers() time.Time
	// Events are those that are asked for, latest first, and whether that is all.
	Events(ctx context.Context, which image.EventListing) ([]image.Event, bool, error)
}

// WithTrail are the places of a survey with their pipelines and, where there is one,
// their trail.
func WithTrail(of []*survey.Place) []Place {
	places := Places(of)
	for n, p := range of {
		if p.HasTrail() {
			places[n].Trail = p
		}
	}
	return places
}

// The operations by which images come to be, and instances come to run them;
// source: ActionTrail, events of ECS.
const (
	eventCreate  = "CreateImage"
	eventCopy    = "CopyImage"
	eventRun     = "RunInstances"
	eventLaunch  = "CreateInstance"
	eventReplace = "ReplaceSystemDisk"
)

const (
	// fewNames is how many images or instances are asked for by their names; for
	// more, a list by the operation is read: three lists whatever the number. The
	// first such question of a process takes some seconds, since ActionTrail has two
	// calls a second for everybody: two leave at once, the others at a rate that
	// begins slowly. Fewer would not tell: what an instance ran is the later of what
	// it was launched with and what replaced that.
	fewNames = 3
	// mostOf and mostNamed bound a list by the operation, and one by a name.
	mostOf, mostNamed = 500, 50
	// around is how long before and after an image's creation the call that made it
	// is looked for.
	around = 2 * time.Hour
)

// recall asks the trail how those of some images came to be of which nothing else
// shows a parent. Each is asked for once.
func (o *observer) recall(ctx context.Context, places []Place, of []Key) {
	lost, copies := map[placeKey][]image.Image{}, map[image.AccountID][]image.Image{}
	g := indexed(o.result())
	for _, k := range of {
		i, seen := g.images[k]
		asked := o.asked[trailed(k)]
		o.asked[trailed(k)] = true
		if !seen || i.Kind != image.KindCustom || asked || !g.lostAt(i) {
			continue
		}
		lost[placeKey{i.Account, i.Region}] = append(lost[placeKey{i.Account, i.Region}], i)
		if i.Copied && len(copies[i.Account]) < fewNames {
			copies[i.Account] = append(copies[i.Account], i)
		}
	}
	survey.Each(places, func(p Place) {
		if p.Trail == nil {
			return
		}
		since := p.Trail.Remembers()
		old := func(i image.Image) bool { return i.CreatedAt.Before(since) }
		made := slices.DeleteFunc(lost[placeKey{p.Account, p.Region}], func(i image.Image) bool { return i.Copied || old(i) })
		o.mu.Lock()
		o.world.Remembers = since
		o.mu.Unlock()
		o.makers(ctx, p, made)
		for _, i := range copies[p.Account] {
			if !old(i) && i.Region != p.Region { // the region that it was copied from knows
				o.events(ctx, p, image.EventListing{Resource: string(i.ID), From: i.CreatedAt.Add(-around), To: i.CreatedAt.Add(around), Most: mostNamed})
			}
		}
	})
}

// trailed is that the trail was asked about an image.
func trailed(k Key) string { return "trail " + k.String() }

// lostAt reports whether nothing but perhaps a name shows where an image comes from.
func (g *Graph) lostAt(i image.Image) bool {
	u := g.stepUp(i)
	if u.isLink {
		return u.link.Evidence == ByName
	}
	return u.end.forgotten()
}

// forgotten: everything could be read, and does not tell.
func (s Source) forgotten() bool {
	return s.Kind == SourceUnknown && s.Why.Code != "unreadable" && s.Why.Code != CodeRegionNotRead
}

// makers asks which instances images of a place were made of, and then what those
// ran.
func (o *observer) makers(ctx context.Context, p Place, images []image.Image) {
	if len(images) == 0 {
		return
	}
	first := slices.MinFunc(images, func(a, b image.Image) int { return a.CreatedAt.Compare(b.CreatedAt) }).CreatedAt
	last := slices.MaxFunc(images, func(a, b image.Image) int { return a.CreatedAt.Compare(b.CreatedAt) }).CreatedAt.Add(around)
	var found []image.Event
	if len(images) > fewNames {
		found = o.events(ctx, p, image.EventListing{Name: eventCreate, From: first.Add(-around), To: last, Most: mostOf})
	} else {
		for _, i := range images {
			found = append(found, o.events(ctx, p, image.EventListing{Resource: string(i.ID), From: i.CreatedAt.Add(-around), To: i.CreatedAt.Add(around), Most: mostNamed})...)
		}
	}
	wanted := map[image.ID]bool{}
	for _, i := range images {
		wanted[i.ID] = true
	}
	var instances []string
	for _, e := range found {
		makes := slices.ContainsFunc(e.Made["ImageId"], func(id string) bool { return wanted[image.ID(id)] })
		if of := e.Parameters["InstanceId"]; e.Name == eventCreate && makes && of != "" && !slices.Contains(instances, of) {
			instances = append(instances, of)
		}
	}
	since := p.Trail.Remembers()
	var both fanout.Group
	if len(instances) > fewNames {
		for _, name := range []string{eventRun, eventReplace} {
			both.Go(func() { o.events(ctx, p, image.EventListing{Name: name, From: since, To: last, Most: mostOf}) })
		}
	} else {
		for _, of := range instances {
			both.Go(func() {
				o.events(ctx, p, image.EventListing{Resource: of, From: since, To: last, Most: mostNamed})
			})
		}
	}
	both.Wait()
}

// events reads a list of events into the world. One that cannot be read, or not to
// its end, is told there.
func (o *observer) events(ctx context.Context, p Place, which image.EventListing) []image.Event {
	found, all, err := p.Trail.Events(ctx, which)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.world.Events = append(o.world.Events, found...)
	var unread image.Unread
	switch {
	case err != nil:
		unread = image.UnreadOf(p.Account, p.Region, survey.MayLookUpEvents, err)
	case !all && which.Resource == "":
		unread = image.Unread{Account: p.Account, Region: p.Region, Reason: image.Reason{
			Code: "eventsCut", Sentence: fmt.Sprintf("only the latest %d events of %s were read", len(found), which.Name),
		}}
	default:
		return found
	}
	if !slices.Contains(o.world.EventsUnread, unread) {
		o.world.EventsUnread = append(o.world.EventsUnread, unread)
	}
	return found
}

type instanceKey struct {
	region image.RegionID
	id     string
}

// indexEvents fills the look-up tables of what was done; what was refused was not.
func (g *Graph) indexEvents() {
	for _, e := range g.world.Events {
		if e.Failed != "" {
			continue
		}
		switch e.Name {
		case eventCreate, eventCopy:
			for _, id := range e.Made["ImageId"] {
				g.made[Key{image.RegionID(cmp.Or(e.Parameters["DestinationRegionId"], string(e.Region))), image.ID(id)}] = e
			}
		case eventRun, eventLaunch, eventReplace:
			for _, id := range slices.Concat(e.Made["InstanceIdSet"], e.Made["InstanceId"], []string{e.Parameters["InstanceId"]}) {
				k := instanceKey{e.Region, id}
				if was, ok := g.ran[k]; id != "" && (!ok || !slices.ContainsFunc(was, func(w image.Event) bool { return w.ID == e.ID })) {
					g.ran[k] = append(was, e)
				}
			}
		}
	}
}

// byTrail follows what the cloud remembers of the call that made an image: it was
// copied, or made of an instance, which ran an image then. What somebody did to the
// disk behind the API is not known, so this is inferred.
func (g *Graph) byTrail(i image.Image) (Link, bool) {
	k := KeyOf(i.Ref)
	made, ok := g.made[k]
	if !ok {
		return Link{}, false
	}
	link := Link{Child: k, Evidence: ByTrail, Certainty: Inferred}
	if made.Name == eventCopy {
		link.Parent = Key{image.RegionID(cmp.Or(made.Parameters["RegionId"], string(made.Region))), image.ID(made.Parameters["ImageId"])}
		link.Why = image.Reason{Code: "trailCopy", Sentence: fmt.Sprintf("ActionTrail: %s copied it from %s (%s)", cmp.Or(made.Who, "somebody"), link.Parent, stamp(made))}
		return link, link.Parent.ID != "" && link.Parent != k
	}
	instance := made.Parameters["InstanceId"]
	ran, ok := latest(g.ran[instanceKey{k.Region, instance}], made.At)
	if !ok {
		return Link{}, false
	}
	link.Parent = Key{k.Region, imageOf(ran)}
	link.Why = image.Reason{Code: "trail", Sentence: fmt.Sprintf("ActionTrail: %s made it of the instance %s (%s), which ran %s (%s)",
		cmp.Or(made.Who, "somebody"), instance, stamp(made), link.Parent.ID, stamp(ran))}
	return link, link.Parent.ID != "" && link.Parent != k
}

func stamp(e image.Event) string { return e.Name + " at " + e.At.UTC().Format(time.RFC3339) }

// latest is the event that tells what an instance ran at a time.
func latest(events []image.Event, at time.Time) (image.Event, bool) {
	var last image.Event
	for _, e := range events {
		if !e.At.After(at) && (last.ID == "" || e.At.After(last.At) || e.At.Equal(last.At) && e.ID > last.ID) {
			last = e
		}
	}
	return last, last.ID != ""
}

// imageOf is the image that an event names: by its parameter, else as the only one
// that it is about; empty if it does not tell.
func imageOf(e image.Event) image.ID {
	if id := e.Parameters["ImageId"]; id != "" {
		return image.ID(id)
	}
	about := slices.Compact(slices.Sorted(slices.Values(e.Resources["ACS::ECS::Image"])))
	if len(about) != 1 {
		return ""
	}
	return image.ID(about[0])
}

// forgotten says of an image that nothing shows the source of what the trail had to
// tell: that it could not be asked, and what cures that; empty where it was not
// asked, or has forgotten the time.
func (g *Graph) forgotten(i image.Image) (sentence, cure string) {
	if g.world.Remembers.IsZero() || i.CreatedAt.IsZero() || i.CreatedAt.Before(g.world.Remembers) {
		return "", ""
	}
	for _, u := range g.world.EventsUnread {
		if u.Account != i.Account || u.Region != i.Region && !i.Copied {
			continue
		}
		sentence = "; ActionTrail, which may remember how it was made, could not be asked: " + u.Sentence
		if u.Permission != "" {
			return sentence, "allow " + u.Permission + " within 90 days of its creation, or "
		}
		return sentence, "ask again for this image alone, or "
	}
	return "; ActionTrail remembers no call that tells what it was made of", ""
}
