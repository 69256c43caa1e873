package main

import (
	"context"

	"imagekeeper/shared/evidence"
	"imagekeeper/shared/image"
)

// regional is an account in one region, as capabilities read it.
type regional struct {
	account
	region image.RegionID
}

func (h regional) Images(ctx context.Context, which image.Listing) ([]image.Image, error) {
	return h.account.Images(ctx, h.region, which)
}

func (h regional) Grants(ctx context.Context, id image.ID) ([]image.Grant, error) {
	return h.account.Grants(ctx, h.region, id)
}

func (h regional) Instances(ctx context.Context, which image.InstanceListing) ([]image.Instance, error) {
	return evidence.Twice(func() ([]image.Instance, error) { return h.account.Instances(ctx, h.region, which) })
}

func (h regional) MayList(ctx context.Context, which image.InstanceListing) (image.Tri, error) {
	return h.account.MayList(ctx, h.region, which)
}

func (h regional) Disks(ctx context.Context, which image.DiskListing) ([]image.Disk, error) {
	return evidence.Twice(func() ([]image.Disk, error) { return h.account.Disks(ctx, h.region, which) })
}

func (h regional) Snapshots(ctx context.Context, which image.SnapshotListing) ([]image.Snapshot, error) {
	return h.account.Snapshots(ctx, h.region, which)
}

func (h regional) Builds(ctx context.Context) ([]image.Build, error) {
	return h.account.Builds(ctx, h.region)
}

func (h regional) TemplateVersions(ctx context.Context) ([]image.TemplateVersion, error) {
	return evidence.Twice(func() ([]image.TemplateVersion, error) { return h.account.TemplateVersions(ctx, h.region) })
}

func (h regional) ScalingConfigurations(ctx context.Context) ([]image.ScalingConfiguration, error) {
	return evidence.Twice(func() ([]image.ScalingConfiguration, error) { return h.account.ScalingConfigurations(ctx, h.region) })
}

func (h regional) Pipelines(ctx context.Context) ([]image.Pipeline, error) {
	return evidence.Twice(func() ([]image.Pipeline, error) { return h.account.Pipelines(ctx, h.region) })
}
