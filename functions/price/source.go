package main

import (
	"context"

	"imagekeeper/shared/image"
	"imagekeeper/shared/lineage"
	"imagekeeper/shared/pricing"
	"imagekeeper/shared/provenance"
)

// source is where an image ultimately comes from. Public and Marketplace images
// are their own source, and need no history.
func (s *survey) source(ctx context.Context, i image.Image) pricing.Source {
	if i.Kind == image.KindPublic || i.Kind == image.KindMarketplace {
		return pricing.Source{}
	}
	graph, images := s.history(ctx)
	return provenance.SourceOf(graph.Ancestry(lineage.KeyOf(i.Ref)), images)
}

// storage is what is known of the snapshots behind an image. They can be read
// with the credentials of its owner only.
func (s *survey) storage(ctx context.Context, i image.Image) pricing.Storage {
	p, ok := s.at(i.Account, i.Region)
	if i.Kind != image.KindCustom || !ok {
		return pricing.Storage{}
	}
	found, unread := s.snapshots(ctx, p, i)
	if unread != nil {
		return pricing.Storage{Unread: unread}
	}
	chains, err := p.SnapshotChains(ctx, p.region)
	if err != nil {
		s.missed(image.Ref{Account: p.account, Region: p.region}, "ecs:DescribeSnapshotLinks", err)
	}
	return storageOf(found, chains)
}

// snapshots reads those of all disks of an image, or says why not.
func (s *survey) snapshots(ctx context.Context, p place, i image.Image) ([]image.Snapshot, *image.Reason) {
	ids := snapshotsOf(i)
	if len(ids) == 0 {
		return nil, &image.Reason{Code: "snapshotsMissing", Sentence: "ECS names no snapshot of the image"}
	}
	found, err := p.Snapshots(ctx, p.region, image.SnapshotListing{IDs: ids})
	switch {
	case err != nil:
		s.missed(image.Ref{Account: p.account, Region: p.region}, "ecs:DescribeSnapshots", err)
		return nil, &image.Reason{Code: "snapshotsNotRead", Sentence: "the snapshots of the image could not be read"}
	case len(found) < len(i.Disks):
		return nil, &image.Reason{Code: "snapshotsMissing", Sentence: "not every snapshot of the image is there to be read"}
	}
	return found, nil
}

func snapshotsOf(i image.Image) []image.SnapshotID {
	var ids []image.SnapshotID
	for _, d := range i.Disks {
		if d.SnapshotID != "" {
			ids = append(ids, d.SnapshotID)
		}
	}
	return ids
}

// storageOf puts snapshots and their chains into the words of pricing. Since when
// a snapshot is in archive storage ECS does not say.
func storageOf(snapshots []image.Snapshot, chains []image.Chain) pricing.Storage {
	storage := pricing.Storage{Read: true}
	wanted := map[string]bool{}
	for i := range snapshots {
		p := &snapshots[i]
		snapshot := pricing.Snapshot{
			ID: p.ID, Chain: p.LinkID, Category: pricing.Category(p.Category), FullBytes: p.FullSizeBytes, DiskGiB: p.SourceDiskSizeGiB,
		}
		if snapshot.Category != pricing.Archive {
			snapshot.Since = p.CreatedAt
		}
		storage.Snapshots = append(storage.Snapshots, snapshot)
		wanted[p.LinkID] = true
	}
	for _, c := range chains {
		if wanted[c.ID] {
			storage.Chains = append(storage.Chains, pricing.Chain{ID: c.ID, TotalBytes: c.TotalBytes, TotalCount: c.Count})
		}
	}
	return storage
}
