package survey

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Place is one account in one region. Each list is read once per call, however
// many ask for it and at the same time; narrower questions are answered from wider
// lists that were read; a failure is remembered for the call and told by
// Survey.Unread. What is answered is shared and not to be changed.
type Place struct {
	Account image.AccountID
	Region  image.RegionID
	look
}

// of is the place as another survey of the call looks at it.
func (p *Place) of(s *Survey) *Place {
	other := *p
	other.survey = s
	return &other
}

// Note tells the survey of something that could not be read here, as its reader
// found out: an empty list that proves nothing.
func (p *Place) Note(permission string, err error) { p.note(permission, err) }

// Unnoted is the place for a question whose failure tells nothing.
func (p *Place) Unnoted() *Place { return p.of(&Survey{call: p.call}) }

// Forget lets go of what was read here: whoever asks reads again.
func (p *Place) Forget() {
	p.kept.mu.Lock()
	p.kept.answers = map[string]any{}
	p.kept.mu.Unlock()
	p.kept.shown.forget()
	p.call.recent.forgetPlace(p.kept.at)
}

// look reads one account in one region.
type look struct {
	call   *call
	kept   *kept
	survey *Survey
	// remembers: what was read answers again.
	remembers bool
	// fresh takes down when each reading began; nil if the look remembers.
	fresh *Fresh
}

// kept is what was read of a place in this call.
type kept struct {
	at
	reader Reader

	mu      sync.Mutex
	answers map[string]any
	// shown are the snapshots that were asked for by id.
	shown shelf
	proof proof
}

// The permissions that show lists.
const (
	MayListImages    = "ecs:DescribeImages"
	MayListTypes     = "ecs:DescribeInstanceTypes"
	MayListGrants    = "ecs:DescribeImageSharePermission"
	MayListInstances = "ecs:DescribeInstances"
	MayListDisks     = "ecs:DescribeDisks"
	MayListSnapshots = "ecs:DescribeSnapshots"
	MayListChains    = "ecs:DescribeSnapshotLinks"
	MayListUsage     = "ecs:DescribeSnapshotsUsage"
	MayListBuilds    = "ecs:DescribeImagePipelineExecutions"
	MayListTemplates = "ecs:DescribeLaunchTemplateVersions"
	MayListScaling   = "ess:DescribeScalingConfigurations"
	MayListPipelines = "ecs:DescribeImagePipelines"
	MayLookUpEvents  = "actiontrail:LookupEvents"
)

// key names a question to a place.
func key(what string, of any) string { return fmt.Sprintf("%s %+v", what, of) }

// everySnapshot names the list of all snapshots.
const everySnapshot = "snapshots all"

func snapshotsKey(which image.SnapshotListing) string {
	if len(which.IDs) == 0 && which.Disk == "" && which.Instance == "" && which.Status == "" {
		return everySnapshot
	}
	return key("snapshots", which)
}

// Images lists images. An empty list was shown to be true: see README.md.
func (l *look) Images(ctx context.Context, which image.Listing) ([]image.Image, error) {
	if onlyIDs(which) && l.has(key("ids", which.IDs)) { // Find has asked
		if found, shows, err := l.byIDs(ctx, which.IDs); err == nil && shows {
			return found, nil
		}
	}
	if wide := key("images", wider(which)); l.has(wide) && answerable(which) {
		all, err := l.allImages(ctx, wider(which))
		if err == nil {
			return filterImages(all, which), nil
		}
		if fault.Of(err) == fault.Forbidden {
			return nil, err
		}
	}
	return l.allImages(ctx, which)
}

// allImages reads one listing.
func (l *look) allImages(ctx context.Context, which image.Listing) ([]image.Image, error) {
	return read(l, key("images", which), MayListImages, func() ([]image.Image, error) { return l.doubtedImages(ctx, which) })
}

// InstanceTypes tells about those of the types that exist here; none named: all of
// them, which cannot be none.
func (l *look) InstanceTypes(ctx context.Context, types []image.InstanceTypeID) ([]image.InstanceType, error) {
	if len(types) > 0 && !l.has(key("types", []image.InstanceTypeID(nil))) {
		found, err := read(l, key("types", types), MayListTypes, func() ([]image.InstanceType, error) {
			return l.kept.reader.InstanceTypes(ctx, l.kept.region, types)
		})
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	all, err := read(l, key("types", []image.InstanceTypeID(nil)), MayListTypes, func() ([]image.InstanceType, error) {
		all, err := l.kept.reader.InstanceTypes(ctx, l.kept.region, nil)
		if err == nil && len(all) == 0 {
			err = fault.New(fault.Unknown, "the list of all instance types is empty, which it cannot be").WithCode(CodeEmptyList)
		}
		return all, err
	})
	if err != nil || len(types) == 0 {
		return all, err
	}
	var found []image.InstanceType
	for _, id := range types {
		if n := slices.IndexFunc(all, func(t image.InstanceType) bool { return t.ID == id }); n >= 0 {
			found = append(found, all[n])
		}
	}
	return found, nil
}

// Grants asks whom an image of the account is shared with.
func (l *look) Grants(ctx context.Context, id image.ID) ([]image.Grant, error) {
	return read(l, key("grants", id), MayListGrants, twice(func() ([]image.Grant, error) { return l.kept.reader.Grants(ctx, l.kept.region, id) }))
}

// Instances lists instances. An empty list was asked for twice; whether it proves
// anything is for MayList and whoever asked.
func (l *look) Instances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error) {
	if l.has(key("instances", image.InstanceListing{})) {
		all, err := l.allInstances(ctx, image.InstanceListing{})
		if err == nil {
			return filterInstances(all, which), nil
		}
		if fault.Of(err) == fault.Forbidden {
			return nil, err
		}
	}
	return l.allInstances(ctx, which)
}

func (l *look) allInstances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error) {
	return read(l, key("instances", which), MayListInstances, twice(func() ([]image.Instance, error) {
		return l.kept.reader.Instances(ctx, l.kept.region, which)
	}))
}

// MayList asks by a dry run whether instances may be listed: for the listing that
// answers this one.
func (l *look) MayList(ctx context.Context, which image.InstanceListing) (image.Tri, error) {
	if l.has(key("instances", image.InstanceListing{})) {
		which = image.InstanceListing{}
	}
	return remember(l, key("may", which), func() (image.Tri, error) { return l.kept.reader.MayList(ctx, l.kept.region, which) })
}

// Disks lists disks. An empty list was asked for twice.
func (l *look) Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error) {
	for _, wide := range []image.DiskListing{{System: which.System}, {}} {
		if !l.has(key("disks", wide)) {
			continue
		}
		all, err := l.allDisks(ctx, wide)
		if err == nil {
			return filterDisks(all, which), nil
		}
		if fault.Of(err) == fault.Forbidden {
			return nil, err
		}
	}
	if len(which.IDs) > 0 && l.has(key("disks", image.DiskListing{System: image.Yes})) { // most that are asked for by id are system disks
		if all, err := l.allDisks(ctx, image.DiskListing{System: image.Yes}); err == nil {
			found := filterDisks(all, which)
			if which.IDs = without(which.IDs, found); len(which.IDs) == 0 {
				return found, nil
			}
			others, err := l.allDisks(ctx, which)
			return slices.Concat(found, others), err
		}
	}
	return l.allDisks(ctx, which)
}

// without are the ids that are none of some disks.
func without(ids []image.DiskID, disks []image.Disk) []image.DiskID {
	found := make(map[image.DiskID]bool, len(disks))
	for n := range disks {
		found[disks[n].ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id image.DiskID) bool { return found[id] })
}

func (l *look) allDisks(ctx context.Context, which image.DiskListing) ([]image.Disk, error) {
	return read(l, key("disks", which), MayListDisks, byHundred(which.IDs, func(ids []image.DiskID) ([]image.Disk, error) {
		which := which
		which.IDs = ids
		return l.kept.reader.Disks(ctx, l.kept.region, which)
	}))
}

// Snapshots lists snapshots; those asked for by id are read by the hundred, each
// once. An empty list was asked for twice.
func (l *look) Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error) {
	if which.Instance == "" && l.has(everySnapshot) { // a snapshot does not say whose disk it was of
		all, err := l.allSnapshots(ctx, image.SnapshotListing{})
		if err == nil && len(which.IDs) > 0 && l.remembers {
			all, which.IDs = l.amongSnapshots(all, which.IDs), nil
		}
		if err == nil {
			return filterSnapshots(all, which), nil
		}
		if fault.Of(err) == fault.Forbidden {
			return nil, err
		}
	}
	if onlyIDs := len(which.IDs) > 0 && which.Disk == "" && which.Instance == "" && which.Status == ""; onlyIDs && l.remembers {
		found, err := l.kept.shown.take(which.IDs, func(missing []image.SnapshotID) ([]image.Snapshot, error) {
			return l.allSnapshots(ctx, image.SnapshotListing{IDs: missing})
		})
		if err != nil {
			l.note(MayListSnapshots, err)
		}
		return found, err
	}
	return l.allSnapshots(ctx, which)
}

// amongSnapshots are those of some ids, in the order of the list of all.
func (l *look) amongSnapshots(all []image.Snapshot, ids []image.SnapshotID) []image.Snapshot {
	positions, _ := remember(l, "positions of snapshots", func() (map[image.SnapshotID]int, error) { // it cannot fail
		at := make(map[image.SnapshotID]int, len(all))
		for n := range all {
			at[all[n].ID] = n
		}
		return at, nil
	})
	found := make([]int, 0, len(ids))
	for _, id := range ids {
		if n, there := positions[id]; there {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	some := make([]image.Snapshot, 0, len(found))
	for _, n := range slices.Compact(found) {
		some = append(some, all[n])
	}
	return some
}

func (l *look) allSnapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error) {
	return read(l, snapshotsKey(which), MayListSnapshots, byHundred(which.IDs, func(ids []image.SnapshotID) ([]image.Snapshot, error) {
		which := which
		which.IDs = ids
		return l.kept.reader.Snapshots(ctx, l.kept.region, which)
	}))
}

// SnapshotChains lists the chains of snapshots.
func (l *look) SnapshotChains(ctx context.Context) ([]image.Chain, error) {
	return read(l, "chains", MayListChains, twice(func() ([]image.Chain, error) { return l.kept.reader.SnapshotChains(ctx, l.kept.region) }))
}

// SnapshotUsage is what all snapshots of the place occupy.
func (l *look) SnapshotUsage(ctx context.Context) (image.SnapshotUsage, error) {
	used, err := remember(l, "usage", func() (image.SnapshotUsage, error) { return l.kept.reader.SnapshotUsage(ctx, l.kept.region) })
	if err != nil {
		l.note(MayListUsage, err)
	}
	return used, err
}

// Builds lists the runs of image pipelines.
func (l *look) Builds(ctx context.Context) ([]image.Build, error) {
	return read(l, "builds", MayListBuilds, twice(func() ([]image.Build, error) { return l.kept.reader.Builds(ctx, l.kept.region) }))
}

// TemplateVersions lists all versions of all launch templates.
func (l *look) TemplateVersions(ctx context.Context) ([]image.TemplateVersion, error) {
	return read(l, "templates", MayListTemplates, twice(func() ([]image.TemplateVersion, error) { return l.kept.reader.TemplateVersions(ctx, l.kept.region) }))
}

// ScalingConfigurations lists what scaling groups start instances from.
func (l *look) ScalingConfigurations(ctx context.Context) ([]image.ScalingConfiguration, error) {
	return read(l, "scaling", MayListScaling, twice(func() ([]image.ScalingConfiguration, error) {
		return l.kept.reader.ScalingConfigurations(ctx, l.kept.region)
	}))
}

// Pipelines lists the image pipelines.
func (l *look) Pipelines(ctx context.Context) ([]image.Pipeline, error) {
	return read(l, "pipelines", MayListPipelines, twice(func() ([]image.Pipeline, error) { return l.kept.reader.Pipelines(ctx, l.kept.region) }))
}

// SnapshotLocks lists the locks of snapshots. An empty list was asked for twice.
func (l *look) SnapshotLocks(ctx context.Context) ([]image.SnapshotLock, error) {
	p, ok := l.kept.reader.(Protections)
	if !ok {
		return nil, fault.New(fault.Unknown, "the locks of snapshots of this account cannot be read").WithCode("noLocks")
	}
	return remember(l, "locks", twice(func() ([]image.SnapshotLock, error) { return p.SnapshotLocks(ctx, l.kept.region) }))
}

// KeyGone tells whether a key of KMS is gone. That it cannot be told is for whoever
// asked: it is not told by Survey.Unread.
func (l *look) KeyGone(ctx context.Context, id string) (image.Tri, error) {
	p, ok := l.kept.reader.(Protections)
	if !ok {
		return image.Unknown, nil
	}
	return remember(l, key("key", id), func() (image.Tri, error) { return p.KeyGone(ctx, l.kept.region, id) })
}

// Price asks what an instance would cost. A refusal is for whoever asked: it is
// not told by Survey.Unread.
func (l *look) Price(ctx context.Context, q image.PriceQuestion) (image.PriceAnswer, error) {
	return remember(l, key("price", q), func() (image.PriceAnswer, error) { return l.kept.reader.Price(ctx, l.kept.region, q) })
}

// May tells whether an action is permitted, by a call that changes nothing.
func (l *look) May(ctx context.Context, action string) (image.Tri, error) {
	p, ok := l.kept.reader.(Permissions)
	if !ok {
		return image.Unknown, fault.New(fault.Unknown, "%s: this account cannot be asked what is permitted", action).WithCode("noProbe")
	}
	return p.May(ctx, l.kept.region, action)
}
