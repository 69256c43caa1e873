package main

import (
	"context"

	"imagekeeper/shared/evidence"
	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// careful is a reader that believes no empty list at once: it asks again, and of
// images it also wants to see those that every region has.
type careful struct{ reader }

// Images is an empty list only where public images show that lists are answered.
func (c careful) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	return evidence.Images(ctx, c.reader, in, which)
}

// Instances asks again for an empty list; whether it proves anything is for
// whoever asked.
func (c careful) Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error) {
	return usage.Careful(c.reader).Instances(ctx, in, which)
}

// Disks asks again for an empty list.
func (c careful) Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error) {
	return usage.Careful(c.reader).Disks(ctx, in, which)
}

// Snapshots asks again for an empty list.
func (c careful) Snapshots(ctx context.Context, in image.RegionID, which image.SnapshotListing) ([]image.Snapshot, error) {
	return evidence.Twice(func() ([]image.Snapshot, error) { return c.reader.Snapshots(ctx, in, which) })
}

// TemplateVersions asks again for an empty list.
func (c careful) TemplateVersions(ctx context.Context, in image.RegionID) ([]image.TemplateVersion, error) {
	return usage.Careful(c.reader).TemplateVersions(ctx, in)
}

// ScalingConfigurations asks again for an empty list.
func (c careful) ScalingConfigurations(ctx context.Context, in image.RegionID) ([]image.ScalingConfiguration, error) {
	return usage.Careful(c.reader).ScalingConfigurations(ctx, in)
}

// Pipelines asks again for an empty list.
func (c careful) Pipelines(ctx context.Context, in image.RegionID) ([]image.Pipeline, error) {
	return usage.Careful(c.reader).Pipelines(ctx, in)
}

// Grants asks again for an empty list.
func (c careful) Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error) {
	return evidence.Twice(func() ([]image.Grant, error) { return c.reader.Grants(ctx, in, id) })
}
