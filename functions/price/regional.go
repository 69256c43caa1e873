package main

import (
	"context"

	"imagekeeper/shared/image"
)

// regional is an account in one region, as capabilities read it.
type regional struct {
	*memory
	region image.RegionID
}

func (h regional) Images(ctx context.Context, which image.Listing) ([]image.Image, error) {
	return h.memory.Images(ctx, h.region, which)
}

func (h regional) Grants(ctx context.Context, id image.ID) ([]image.Grant, error) {
	return h.memory.Grants(ctx, h.region, id)
}

func (h regional) Instances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error) {
	return h.memory.Instances(ctx, h.region, which)
}

func (h regional) MayList(ctx context.Context, which image.InstanceListing) (image.Tri, error) {
	return h.memory.MayList(ctx, h.region, which)
}

func (h regional) Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error) {
	return h.memory.Disks(ctx, h.region, which)
}

func (h regional) Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error) {
	return h.memory.Snapshots(ctx, h.region, which)
}

func (h regional) Builds(ctx context.Context) ([]image.Build, error) {
	return h.memory.Builds(ctx, h.region)
}

func (h regional) TemplateVersions(ctx context.Context) ([]image.TemplateVersion, error) {
	return h.memory.TemplateVersions(ctx, h.region)
}

func (h regional) ScalingConfigurations(ctx context.Context) ([]image.ScalingConfiguration, error) {
	return h.memory.ScalingConfigurations(ctx, h.region)
}

func (h regional) Pipelines(ctx context.Context) ([]image.Pipeline, error) {
	return h.memory.Pipelines(ctx, h.region)
}
