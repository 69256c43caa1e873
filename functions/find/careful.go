package main

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/usage"
)

// careful is a reader that believes no empty list at once: it asks again, and of
// images it also wants to see those that every region has.
type careful struct{ reader }

// twice asks again for what was empty.
func twice[T any](read func() ([]T, error)) ([]T, error) {
	found, err := read()
	if err == nil && len(found) == 0 {
		return read()
	}
	return found, err
}

// Images is an empty list only where public images show that lists are answered.
func (c careful) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	found, err := c.reader.Images(ctx, in, which)
	if err != nil || len(found) > 0 {
		return found, err
	}
	known, err := c.reader.Images(ctx, in, image.Listing{Kind: image.KindPublic})
	if err == nil && len(known) > 0 {
		found, err = c.reader.Images(ctx, in, which)
	}
	whole := which.Kind == "" && len(which.IDs) == 0
	if err == nil && (len(known) == 0 || whole && len(found) == 0) {
		return nil, fault.New(fault.Unknown, "no image is shown, not even the public ones, which every region has").WithCode("emptyList")
	}
	return found, err
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
	return twice(func() ([]image.Snapshot, error) { return c.reader.Snapshots(ctx, in, which) })
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
	return twice(func() ([]image.Grant, error) { return c.reader.Grants(ctx, in, id) })
}
