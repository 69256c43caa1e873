package rollout

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Watcher tells how instances and their disks are set up.
type Watcher interface {
	Before(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.Before, error)
	DiskSetups(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.DiskSetup, error)
	Assistants(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.AssistantStatus, error)
	EncryptsByDefault(ctx context.Context, in image.RegionID) (image.Tri, error)
}

// Policies tells which automatic snapshot policies are on disks, and which scaling
// groups have instances.
type Policies interface {
	SnapshotPolicies(ctx context.Context, in image.RegionID) ([]image.SnapshotPolicy, error)
	DisksUnder(ctx context.Context, in image.RegionID, policy string, ids []image.DiskID) ([]image.Disk, error)
	ScalingInstances(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID) ([]image.ScalingInstance, error)
	Healths(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.InstanceHealth, error)
}

// Lists are the lists of a place that a survey has.
type Lists interface {
	Images(ctx context.Context, which image.Listing) ([]image.Image, error)
	InstanceTypes(ctx context.Context, types []image.InstanceTypeID) ([]image.InstanceType, error)
	Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error)
	SnapshotChains(ctx context.Context) ([]image.Chain, error)
}

// mostIDs is how many one question names.
const mostIDs = 100

// observer looks at some instances of one place.
type observer struct {
	at      Place
	lists   Lists
	watch   Watcher
	policy  Policies
	servers map[image.InstanceID]*Server
	ids     []image.InstanceID
	unread  []image.Unread
	// one: few are asked about, each by itself; else whole lists are read.
	one bool
	// need: what is run inside is asked about.
	assistant bool
}

// Look looks at instances of a place with everything that a verdict needs. What
// could not be read is unread, and unknown of each of them. few: lists are asked for
// these alone.
func Look(ctx context.Context, at Place, lists Lists, watch Watcher, policy Policies, ids []image.InstanceID, assistant, few bool) (servers []Server, encrypts image.Tri, unread []image.Unread) {
	o := &observer{at: at, lists: lists, watch: watch, policy: policy, ids: ids, servers: map[image.InstanceID]*Server{}, one: few, assistant: assistant}
	for _, id := range ids {
		o.servers[id] = &Server{Name: Name{at, id}, Snapshots: -1}
	}
	for _, part := range []func(context.Context){o.instances, o.disks, o.types, o.snapshots, o.policies, o.groups, o.assistants} {
		part(ctx)
	}
	encrypts, err := watch.EncryptsByDefault(ctx, at.Region)
	o.failed("ecs:DescribeDiskEncryptionByDefaultStatus", err)
	for _, id := range ids {
		servers = append(servers, *o.servers[id])
	}
	return servers, encrypts, o.unread
}

func (o *observer) failed(permission string, err error) {
	if err == nil {
		return
	}
	o.unread = append(o.unread, image.Unread{
		Account: o.at.Account, Region: o.at.Region, Permission: permission,
		Reason: image.Reason{Code: cmp.Or(fault.Code(err), "unread"), Sentence: sentence(err)},
	})
}

// sentence is what of a failure is told.
func sentence(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Sentence
	}
	return "it could not be read"
}

// byHundred asks for parts of a list.
func byHundred[ID, T any](ids []ID, ask func([]ID) ([]T, error)) ([]T, error) {
	var all []T
	for some := range slices.Chunk(ids, mostIDs) {
		found, err := ask(some)
		if err != nil {
			return all, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (o *observer) instances(ctx context.Context) {
	found, err := byHundred(o.ids, func(ids []image.InstanceID) ([]image.Before, error) { return o.watch.Before(ctx, o.at.Region, ids) })
	o.failed("ecs:DescribeInstances", err)
	for n := range found {
		if s := o.servers[found[n].ID]; s != nil {
			s.Before = &found[n]
		}
	}
}

func (o *observer) disks(ctx context.Context) {
	found, err := o.setups(ctx)
	o.failed("ecs:DescribeDisks", err)
	twice := map[image.InstanceID]bool{}
	for n := range found {
		d := &found[n]
		s := o.servers[d.Instance]
		if s == nil || !d.System {
			continue
		}
		if s.Disk != nil { // two system disks: which one it is, is not known now
			twice[d.Instance] = true
		}
		s.Disk = d
	}
	for id := range twice {
		o.servers[id].Disk = nil
	}
}

func (o *observer) setups(ctx context.Context) ([]image.DiskSetup, error) {
	if !o.one {
		return o.watch.DiskSetups(ctx, o.at.Region, image.DiskListing{System: image.Yes})
	}
	var all []image.DiskSetup
	for _, id := range o.ids {
		found, err := o.watch.DiskSetups(ctx, o.at.Region, image.DiskListing{Instance: id, System: image.Yes})
		if err != nil {
			return all, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (o *observer) types(ctx context.Context) {
	var names []image.InstanceTypeID
	for _, id := range o.ids {
		if b := o.servers[id].Before; b != nil && !slices.Contains(names, b.Type) {
			names = append(names, b.Type)
		}
	}
	if len(names) == 0 {
		return
	}
	found, err := o.lists.InstanceTypes(ctx, names)
	o.failed("ecs:DescribeInstanceTypes", err)
	for _, id := range o.ids {
		s := o.servers[id]
		if s.Before == nil {
			continue
		}
		if n := slices.IndexFunc(found, func(t image.InstanceType) bool { return t.ID == s.Before.Type }); n >= 0 {
			s.Type = &found[n]
		}
	}
}

// snapshots tells which disks a snapshot is being taken of, and how many there are.
func (o *observer) snapshots(ctx context.Context) {
	if o.one {
		o.ownSnapshots(ctx)
		return
	}
	underWay, err := o.lists.Snapshots(ctx, image.SnapshotListing{Status: "progressing"})
	o.failed("ecs:DescribeSnapshots", err)
	chains, errChains := o.lists.SnapshotChains(ctx)
	o.failed("ecs:DescribeSnapshotLinks", errChains)
	busy, count := map[image.DiskID]bool{}, map[image.DiskID]int{}
	for _, n := range underWay {
		busy[n.SourceDisk] = true
	}
	for _, c := range chains {
		count[c.SourceDisk] += c.Count
	}
	for _, s := range o.servers {
		if s.Disk == nil {
			continue
		}
		if err == nil {
			s.Snapshotting = image.TriOf(busy[s.Disk.ID])
		}
		if errChains == nil {
			s.Snapshots = count[s.Disk.ID]
		}
	}
}

func (o *observer) ownSnapshots(ctx context.Context) {
	for _, s := range o.servers {
		if s.Disk == nil {
			continue
		}
		found, err := o.lists.Snapshots(ctx, image.SnapshotListing{Disk: s.Disk.ID})
		o.failed("ecs:DescribeSnapshots", err)
		if err == nil {
			s.Snapshots = len(found)
			s.Snapshotting = image.TriOf(slices.ContainsFunc(found, func(n image.Snapshot) bool { return n.Status == "progressing" }))
		}
	}
}

func (o *observer) policies(ctx context.Context) {
	of := map[image.DiskID]*Server{}
	var disks []image.DiskID
	for _, id := range o.ids {
		if s := o.servers[id]; s.Disk != nil {
			of[s.Disk.ID] = s
			disks = append(disks, s.Disk.ID)
		}
	}
	bound, err := policiesOf(ctx, o.policy, o.at.Region, disks)
	o.failed("ecs:DescribeAutoSnapshotPolicyEx", err)
	for id, s := range of {
		s.Policies, s.PoliciesUnread = bound[id], err != nil
	}
}

// policiesOf are the automatic snapshot policies of disks, in order.
func policiesOf(ctx context.Context, p Policies, in image.RegionID, disks []image.DiskID) (map[image.DiskID][]string, error) {
	bound := map[image.DiskID][]string{}
	if len(disks) == 0 {
		return bound, nil
	}
	all, err := p.SnapshotPolicies(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, policy := range all {
		if policy.Disks == 0 {
			continue
		}
		under, err := byHundred(disks, func(ids []image.DiskID) ([]image.Disk, error) { return p.DisksUnder(ctx, in, policy.ID, ids) })
		if err != nil {
			return nil, err
		}
		for _, d := range under {
			bound[d.ID] = append(bound[d.ID], policy.ID)
		}
	}
	for id := range bound {
		slices.Sort(bound[id])
	}
	return bound, nil
}

// groups looks at the scaling groups of those that bear their tag.
func (o *observer) groups(ctx context.Context) {
	var members []image.InstanceID
	for _, id := range o.ids {
		if o.servers[id].inGroup() {
			members = append(members, id)
		}
	}
	if len(members) == 0 {
		return
	}
	found, err := byHundred(members, func(ids []image.InstanceID) ([]image.ScalingInstance, error) {
		return o.policy.ScalingInstances(ctx, o.at.Region, "", ids)
	})
	o.failed("ess:DescribeScalingInstances", err)
	for n := range found {
		if s := o.servers[found[n].Instance]; s != nil {
			s.Group = &found[n]
		}
	}
}

func (o *observer) assistants(ctx context.Context) {
	if !o.assistant {
		return
	}
	found, err := byHundred(o.ids, func(ids []image.InstanceID) ([]image.AssistantStatus, error) {
		return o.watch.Assistants(ctx, o.at.Region, ids)
	})
	o.failed("ecs:DescribeCloudAssistantStatus", err)
	for n := range found {
		if s := o.servers[found[n].Instance]; s != nil {
			s.Assistant = &found[n]
		}
	}
}
