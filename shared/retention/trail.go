package retention

import (
	"slices"
	"strconv"
	"time"

	"imagekeeper/shared/image"
)

// LaunchEvents are the calls by which an image is used.
func LaunchEvents() []string {
	return []string{"RunInstances", "CreateInstance", "Create", "ReplaceSystemDisk"}
}

// TrailOf is what events tell of launches in a span. there shows the templates and
// the instances of the account: a template is resolved to the version that the event
// names, and to all of them where it names none, as the default may have been another
// one then. A launch of which the image is not known blurs the whole span.
func TrailOf(events []image.Event, from, to time.Time, there *Ledger) *Trail {
	t := &Trail{From: from, To: to, Launched: map[image.ID]time.Time{}}
	for _, e := range events {
		if e.Failed != "" {
			continue
		}
		if e.At.IsZero() { // when it was is not known
			e.At = to
		}
		images := imagesOf(e, there)
		if len(images) == 0 {
			t.Blurred = later(t.Blurred, e.At)
		}
		for _, id := range images {
			t.Launched[id] = later(t.Launched[id], e.At)
		}
	}
	return t
}

// imagesOf are the images that an event was about; none: that is not known.
func imagesOf(e image.Event, there *Ledger) []image.ID {
	var images []image.ID
	for _, id := range e.Resources["ACS::ECS::Image"] {
		images = append(images, image.ID(id))
	}
	if id := e.Parameters["ImageId"]; id != "" {
		images = append(images, image.ID(id))
	}
	if len(images) > 0 {
		return images
	}
	if template := e.Parameters["LaunchTemplateId"]; template != "" {
		return versionsOf(there.templates[template], e.Parameters["LaunchTemplateVersion"])
	}
	for _, ids := range e.Made {
		for _, id := range ids {
			if i, ok := there.runs(image.InstanceID(id)); ok {
				images = append(images, i)
			}
		}
	}
	return images
}

func versionsOf(all []image.TemplateVersion, named string) []image.ID {
	n, err := strconv.Atoi(named)
	var images []image.ID
	for _, v := range all {
		if v.Image != "" && (err != nil || v.Version == n) && !slices.Contains(images, v.Image) {
			images = append(images, v.Image)
		}
	}
	return images
}

// runs is the image that an instance runs, if it is still there.
func (l *Ledger) runs(id image.InstanceID) (image.ID, bool) {
	for of, one := range l.byImage {
		if slices.ContainsFunc(one.Instances, func(i image.Instance) bool { return i.ID == id }) {
			return of, true
		}
	}
	return "", false
}

// Glance is what a ledger shows, for looks; ok is false unless all of it was read and
// an empty list of instances is proven.
func (l *Ledger) Glance(trail *Trail) (g Glance, ok bool) {
	g = Glance{
		Account: l.Account, Region: l.Region, At: l.BeganAt, Used: l.Used(), Images: l.owned(), Instances: l.Counted,
		Mapped: map[image.SnapshotID]image.ID{}, Trail: trail,
	}
	for n := range l.Images {
		i := &l.Images[n]
		if i.Kind != image.KindCustom || i.Account != l.Account {
			continue
		}
		if until, tagged := keepsUntil(i); tagged && (KeepNote{Until: until}).Holds(l.BeganAt) {
			g.Tagged = append(g.Tagged, i.ID)
		}
		for _, d := range i.Disks {
			if d.SnapshotID != "" {
				g.Mapped[d.SnapshotID] = i.ID
			}
		}
	}
	if l.left != nil {
		g.Left = map[image.SnapshotID]image.ID{}
		for n := range l.left {
			g.Left[l.left[n].ID] = imageOf(l.left[n].Tags)
		}
	}
	return g, len(l.Unread.All()) == 0 && l.MaySee == image.Yes
}
