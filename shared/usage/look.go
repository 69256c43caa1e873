package usage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/survey"
)

// Filter is which servers are asked for. Empty fields do not filter.
type Filter struct {
	IDs    []image.InstanceID
	Images []image.ID
	// Families are names or globs.
	Families []image.Family
	// Behind is how many versions at least; what is not known is no match.
	Behind *int
	// Tags must all be there; an empty value means that the key is present.
	Tags map[string]string
	// Types are those of the instance.
	Types []image.InstanceTypeID
	// System is a part of the full name of the image's system, such as "CentOS 7", in
	// whatever case.
	System string
	// EndsBefore is before when its system gets no updates any more; zero: whenever.
	// What is not known is no match.
	EndsBefore time.Time
}

// Wants: the server is what is asked for.
func (f Filter) Wants(s Server) bool {
	for key, value := range f.Tags {
		has, ok := s.Tags[key]
		if !ok || value != "" && has != value {
			return false
		}
	}
	switch {
	case len(f.IDs) > 0 && !slices.Contains(f.IDs, s.ID), len(f.Types) > 0 && !slices.Contains(f.Types, s.Type):
		return false
	case f.Behind != nil && s.Behind < *f.Behind:
		return false
	case !f.EndsBefore.IsZero() && (s.Lifetime == nil || !s.Lifetime.Ends.Before(f.EndsBefore)):
		return false
	}
	return f.runs(s)
}

// runs: the image of the server is what is asked for.
func (f Filter) runs(s Server) bool {
	switch {
	case len(f.Images) > 0 && !slices.Contains(f.Images, s.Instance.Image):
		return false
	case s.Image == nil:
		return len(f.Families) == 0 && f.System == ""
	case len(f.Families) > 0 && !s.Image.InFamilies(f.Families):
		return false
	}
	return f.System == "" || sameWords(s.Image.OSName, f.System)
}

// sameWords reports whether a name has a part, whatever the case and the width of
// the spaces between words.
func sameWords(name, part string) bool {
	bare := func(text string) string { return strings.ToLower(strings.Join(strings.Fields(text), " ")) }
	return strings.Contains(bare(name), bare(part))
}

// Found is what was seen of a fleet.
type Found struct {
	Servers []Server
	// Read is in how many places all was read.
	Read int
	// Unread is what could not be read, in order.
	Unread []image.Unread
	// Hints say what may have been meant, where nothing is what was asked for.
	Hints []image.Reason
	// Absent are the instances that the filter names and no place showed; one that
	// was seen and is not all that was asked for is none of them.
	Absent []image.InstanceID
}

// Look lists the instances of the places of in, and the images of their regions as
// every account of all sees them: what an image is, and which versions of it there
// are, does not depend on which instances are asked for.
func Look(ctx context.Context, all, in *survey.Survey, f Filter) (Found, error) {
	var regions []image.RegionID
	for _, p := range in.Places() {
		regions = append(regions, p.Region)
	}
	there, err := all.Apart().Narrow(survey.Within{Regions: regions})
	if err != nil || len(regions) == 0 {
		return Found{Unread: in.Unread()}, err
	}
	m := &looking{}
	var both fanout.Group
	both.Go(func() { in.Each(func(p *survey.Place) { m.servers(ctx, p) }) })
	both.Go(func() { there.Each(func(p *survey.Place) { m.imagesOf(ctx, p) }) })
	both.Wait()
	m.named(ctx, there)
	out := Found{Unread: image.AllUnread(in.Unread(), there.Unread())}
	for _, p := range in.Places() {
		if !slices.ContainsFunc(out.Unread, func(u image.Unread) bool { return u.Account == p.Account && u.Region == p.Region }) {
			out.Read++
		}
	}
	servers := Fleet(m.instances, m.images)
	out.Servers = slices.DeleteFunc(slices.Clone(servers), func(s Server) bool { return !f.Wants(s) })
	for _, id := range f.IDs {
		if !slices.ContainsFunc(servers, func(s Server) bool { return s.ID == id }) {
			out.Absent = append(out.Absent, id)
		}
	}
	if len(out.Servers) == 0 {
		out.Hints = hints(f, servers, m.images)
	}
	return out, nil
}

// looking gathers a fleet from many places at once.
type looking struct {
	mu        sync.Mutex
	instances []image.Instance
	images    []image.Image
}

func (m *looking) servers(ctx context.Context, p *survey.Place) {
	found, err := Instances(ctx, p)
	if err != nil {
		return // noted
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instances = append(m.instances, found...)
}

func (m *looking) imagesOf(ctx context.Context, p *survey.Place) {
	found, err := p.Images(ctx, image.Listing{Statuses: image.Statuses()})
	if err != nil {
		return // noted
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.images = append(m.images, found...)
}

// named adds images that instances run and no listing shows: Marketplace and
// community images are asked for by id.
func (m *looking) named(ctx context.Context, there *survey.Survey) {
	listed := map[place]bool{}
	for _, i := range m.images {
		listed[place{i.Region, i.ID}] = true
	}
	missing := map[image.ID]bool{}
	for _, i := range m.instances {
		if i.Image != "" && !listed[place{i.Region, i.Image}] {
			missing[i.Image] = true
		}
	}
	var ids []image.ID
	for id := range missing {
		ids = append(ids, id)
	}
	for _, s := range there.Find(ctx, ids) {
		if !listed[place{s.Region, s.ID}] {
			m.images = append(m.images, s.Views...)
		}
	}
}

// Instances lists all instances of a place. An empty list counts only where a dry
// run shows that the permission is there, and no disk contradicts it; else it is
// noted in the survey, and the failure returned.
func Instances(ctx context.Context, p *survey.Place) ([]image.Instance, error) {
	found, err := p.Instances(ctx, image.InstanceListing{})
	if err != nil || len(found) > 0 {
		return found, err
	}
	may, failed := p.MayList(ctx, image.InstanceListing{})
	switch {
	case may == image.Yes:
		err = disksOfNobody(ctx, p)
	case may == image.No:
		err = fault.New(fault.Forbidden, "no instance is listed, and a dry run says that they may not be listed").WithCode("emptyNotProven")
	case failed != nil:
		err = failed
	default:
		err = fault.New(fault.Unknown, "no instance is listed, which ECS also answers to whoever may not look").WithCode("emptyNotProven")
	}
	if err != nil {
		p.Note(survey.MayListInstances, err)
	}
	return nil, err
}

// disksOfNobody fails with fault.Unknown if a system disk of the place is
// attached to an instance, where no instance is listed. Disks that cannot be
// read contradict nothing, because the permission to list instances was shown.
func disksOfNobody(ctx context.Context, p *survey.Place) error {
	disks, err := p.Unnoted().Disks(ctx, image.DiskListing{System: image.Yes})
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, d := range disks {
		if d.Instance != "" {
			return fault.New(fault.Unknown, "no instance is listed, but the system disk %s is attached to %s", d.ID, d.Instance).WithCode("instancesHidden")
		}
	}
	return nil
}

// hints are what may have been meant, or why nothing is there.
func hints(f Filter, servers []Server, images []image.Image) []image.Reason {
	var found []image.Reason
	for _, id := range f.Images {
		if !slices.ContainsFunc(images, func(i image.Image) bool { return i.ID == id }) {
			found = append(found, image.Reason{Code: "imageNotSeen", Sentence: fmt.Sprintf("no image %s is seen where it was looked for, and no instance there runs one", id)})
		}
	}
	for _, id := range f.IDs {
		if !slices.ContainsFunc(servers, func(s Server) bool { return s.ID == id }) {
			found = append(found, image.Reason{Code: "instanceNotSeen", Sentence: fmt.Sprintf("no instance %s is seen where it was looked for", id)})
		}
	}
	names := make([]string, 0, len(images))
	for _, i := range images {
		names = append(names, string(i.FamilyName()))
	}
	for _, family := range f.Families {
		if slices.ContainsFunc(images, func(i image.Image) bool { return i.InFamilies([]image.Family{family}) }) {
			continue
		}
		sentence := fmt.Sprintf("no image of family %s is seen where it was looked for", family)
		if near := image.Nearest(string(family), names); len(near) > 0 {
			sentence += ", but of " + strings.Join(near, ", ")
		}
		found = append(found, image.Reason{Code: "familyNotSeen", Sentence: sentence})
	}
	if len(found) == 0 && len(servers) > 0 {
		found = append(found, passedOver(f, servers))
	}
	return append(found, meant(f, servers)...)
}

// Types are the types of servers, in their order; one that cannot be read is zero.
// What could not be read is told.
func Types(ctx context.Context, s *survey.Survey, servers []Server) ([]image.InstanceType, []image.Unread) {
	wanted := map[*survey.Place][]image.InstanceTypeID{}
	for _, v := range servers {
		if p := s.Place(v.Account, v.Region); p != nil && v.Type != "" && !slices.Contains(wanted[p], v.Type) {
			wanted[p] = append(wanted[p], v.Type)
		}
	}
	known := map[*survey.Place][]image.InstanceType{}
	var mu sync.Mutex
	s.Each(func(p *survey.Place) {
		if len(wanted[p]) == 0 {
			return
		}
		slices.Sort(wanted[p])
		types, err := p.InstanceTypes(ctx, wanted[p])
		if err != nil {
			return // noted
		}
		mu.Lock()
		defer mu.Unlock()
		known[p] = types
	})
	found := make([]image.InstanceType, len(servers))
	for n, v := range servers {
		there := known[s.Place(v.Account, v.Region)]
		if at := slices.IndexFunc(there, func(t image.InstanceType) bool { return t.ID == v.Type }); at >= 0 {
			found[n] = there[at]
		}
	}
	return found, s.Unread()
}
