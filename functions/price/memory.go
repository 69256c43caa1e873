package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"imagekeeper/shared/atonce"
	"imagekeeper/shared/evidence"
	"imagekeeper/shared/image"
)

// memory reads an account and asks the cloud for nothing twice. It lasts for one
// call. A failure is remembered as well.
type memory struct {
	account
	// whole: everything of a region will be wanted, so that lists are read once
	// in full and narrower questions are answered from them.
	whole bool

	mu        sync.Mutex
	kept      map[string]any
	snapshots map[image.RegionID]*shelf
}

func newMemory(a account, whole bool) *memory {
	return &memory{account: a, whole: whole, kept: map[string]any{}, snapshots: map[image.RegionID]*shelf{}}
}

// answered is one answer of the cloud, or its failure.
type answered[T any] struct {
	once  sync.Once
	value T
	err   error
}

// remember asks once for a key, however many ask for it at the same time.
func remember[T any](m *memory, key string, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	kept, ok := m.kept[key].(*answered[T])
	if !ok {
		kept = &answered[T]{}
		m.kept[key] = kept
	}
	m.mu.Unlock()
	kept.once.Do(func() { kept.value, kept.err = ask() })
	return kept.value, kept.err
}

// key names a question.
func key(what string, region image.RegionID, rest ...any) string {
	return fmt.Sprintf("%s %s %+v", what, region, rest)
}

// Images lists images. Of a whole region public, custom and shared ones are
// read once, in every state.
func (m *memory) Images(ctx context.Context, region image.RegionID, which image.Listing) ([]image.Image, error) {
	apart := which.Kind == image.KindMarketplace || which.Kind == image.KindCommunity
	if !m.whole || apart {
		return remember(m, key("images", region, which), func() ([]image.Image, error) { return m.account.Images(ctx, region, which) })
	}
	all, err := m.everyImage(ctx, region)
	switch {
	case err != nil || (which.Kind == "" && len(which.IDs) == 0):
		return all, err
	case len(which.IDs) == 0:
		return remember(m, key("images", region, which.Kind), func() ([]image.Image, error) { return ofKind(all, which.Kind), nil })
	}
	index, _ := remember(m, key("imageIndex", region), func() (map[image.ID]*image.Image, error) {
		index := make(map[image.ID]*image.Image, len(all))
		for i := range all {
			index[all[i].ID] = &all[i]
		}
		return index, nil
	})
	var found []image.Image
	for _, id := range which.IDs {
		if i, ok := index[id]; ok && (which.Kind == "" || i.Kind == which.Kind) {
			found = append(found, *i)
		}
	}
	return found, nil
}

func ofKind(all []image.Image, kind image.Kind) []image.Image {
	var found []image.Image
	for i := range all {
		if all[i].Kind == kind {
			found = append(found, all[i])
		}
	}
	return found
}

func (m *memory) everyImage(ctx context.Context, region image.RegionID) ([]image.Image, error) {
	return remember(m, key("images", region), func() ([]image.Image, error) {
		return evidence.Images(ctx, m.account, region, image.Listing{Statuses: image.Statuses()})
	})
}

// Instances lists instances; by image they come from an index of the region.
func (m *memory) Instances(ctx context.Context, region image.RegionID, which image.InstanceListing) ([]image.Instance, error) {
	if !m.whole || len(which.IDs) > 0 || which.Status != "" {
		return remember(m, key("instances", region, which), func() ([]image.Instance, error) { return m.account.Instances(ctx, region, which) })
	}
	running, err := remember(m, key("running", region), func() (map[image.ID][]image.Instance, error) {
		all, err := m.account.Instances(ctx, region, image.InstanceListing{})
		index := make(map[image.ID][]image.Instance, len(all))
		for _, i := range all {
			index[i.Image] = append(index[i.Image], i)
		}
		return index, err
	})
	return running[which.Image], err
}

// MayList asks whether instances may be listed: for the listing that was made,
// which is that of the whole region.
func (m *memory) MayList(ctx context.Context, region image.RegionID, which image.InstanceListing) (image.Tri, error) {
	if m.whole {
		which = image.InstanceListing{}
	}
	return remember(m, key("may", region, which), func() (image.Tri, error) { return m.account.MayList(ctx, region, which) })
}

// Disks lists disks. Of a whole region the system disks are read once, and those
// asked for by id are looked for among them.
func (m *memory) Disks(ctx context.Context, region image.RegionID, which image.DiskListing) ([]image.Disk, error) {
	system := image.DiskListing{System: image.Yes}
	if !m.whole || len(which.IDs) == 0 {
		return remember(m, key("disks", region, which), func() ([]image.Disk, error) { return m.account.Disks(ctx, region, which) })
	}
	index, err := remember(m, key("diskIndex", region), func() (map[image.DiskID]image.Disk, error) {
		all, err := m.Disks(ctx, region, system)
		index := make(map[image.DiskID]image.Disk, len(all))
		for i := range all {
			index[all[i].ID] = all[i]
		}
		return index, err
	})
	var found []image.Disk
	for _, id := range which.IDs {
		if d, ok := index[id]; ok {
			found = append(found, d)
		}
	}
	return found, err
}

// shelf holds the snapshots of a region that were asked for.
type shelf struct {
	mu    sync.Mutex
	asked map[image.SnapshotID]bool
	found map[image.SnapshotID]image.Snapshot
}

// batch is how many ids one call takes.
const batch = 100

// Snapshots lists snapshots; those asked for by id are read by the hundred, each
// once. It fails if any of those that are still to be read cannot be.
func (m *memory) Snapshots(ctx context.Context, region image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error) {
	if len(which.IDs) == 0 {
		return remember(m, key("snapshots", region, which), func() ([]image.Snapshot, error) { return m.account.Snapshots(ctx, region, which) })
	}
	m.mu.Lock()
	if m.snapshots[region] == nil {
		m.snapshots[region] = &shelf{asked: map[image.SnapshotID]bool{}, found: map[image.SnapshotID]image.Snapshot{}}
	}
	s := m.snapshots[region]
	m.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := m.fill(ctx, region, s, which.IDs); err != nil {
		return nil, err
	}
	var found []image.Snapshot
	for _, id := range which.IDs {
		if p, ok := s.found[id]; ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// fill reads what is missing on the shelf, all batches at once.
func (m *memory) fill(ctx context.Context, region image.RegionID, s *shelf, ids []image.SnapshotID) error {
	missing := slices.DeleteFunc(slices.Clone(ids), func(id image.SnapshotID) bool { return s.asked[id] })
	slices.Sort(missing)
	batches := slices.Collect(slices.Chunk(slices.Compact(missing), batch))
	found := make([][]image.Snapshot, len(batches))
	failed := make([]error, len(batches))
	var wait atonce.Group
	for n, ids := range batches {
		wait.Go(func() {
			found[n], failed[n] = evidence.Twice(func() ([]image.Snapshot, error) {
				return m.account.Snapshots(ctx, region, image.SnapshotListing{IDs: ids})
			})
		})
	}
	wait.Wait()
	for n, ids := range batches {
		if failed[n] != nil {
			return failed[n]
		}
		for _, id := range ids {
			s.asked[id] = true
		}
		for i := range found[n] {
			s.found[found[n][i].ID] = found[n][i]
		}
	}
	return nil
}

// SnapshotChains lists the chains of a region. They are asked for where there
// are snapshots, so that there is at least one.
func (m *memory) SnapshotChains(ctx context.Context, region image.RegionID) ([]image.Chain, error) {
	return remember(m, key("chains", region), func() ([]image.Chain, error) {
		return evidence.Twice(func() ([]image.Chain, error) { return m.account.SnapshotChains(ctx, region) })
	})
}

// Builds lists the pipeline runs of a region.
func (m *memory) Builds(ctx context.Context, region image.RegionID) ([]image.Build, error) {
	return remember(m, key("builds", region), func() ([]image.Build, error) { return m.account.Builds(ctx, region) })
}

// Pipelines lists the image pipelines of a region.
func (m *memory) Pipelines(ctx context.Context, region image.RegionID) ([]image.Pipeline, error) {
	return remember(m, key("pipelines", region), func() ([]image.Pipeline, error) { return m.account.Pipelines(ctx, region) })
}

// TemplateVersions lists the launch templates of a region.
func (m *memory) TemplateVersions(ctx context.Context, region image.RegionID) ([]image.TemplateVersion, error) {
	return remember(m, key("templates", region), func() ([]image.TemplateVersion, error) { return m.account.TemplateVersions(ctx, region) })
}

// ScalingConfigurations lists the scaling configurations of a region.
func (m *memory) ScalingConfigurations(ctx context.Context, region image.RegionID) ([]image.ScalingConfiguration, error) {
	return remember(m, key("scaling", region), func() ([]image.ScalingConfiguration, error) {
		return m.account.ScalingConfigurations(ctx, region)
	})
}

// InstanceTypes describes types; none given: all of the region.
func (m *memory) InstanceTypes(ctx context.Context, region image.RegionID, types []image.InstanceTypeID) ([]image.InstanceType, error) {
	return remember(m, key("types", region, types), func() ([]image.InstanceType, error) { return m.account.InstanceTypes(ctx, region, types) })
}

// Price asks what an instance would cost.
func (m *memory) Price(ctx context.Context, region image.RegionID, q image.PriceQuestion) (image.PriceAnswer, error) {
	return remember(m, key("price", region, q), func() (image.PriceAnswer, error) { return m.account.Price(ctx, region, q) })
}
