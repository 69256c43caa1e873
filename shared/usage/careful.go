package usage

import (
	"context"

	"imagekeeper/shared/image"
)

// Careful returns a reader that believes no empty list at once: it asks again for
// what an image's use is told by. Whether an empty list of instances proves
// anything is still for Judge.
func Careful(r Reader) Reader { return careful{r} }

type careful struct{ Reader }

// twice asks again for what was empty.
func twice[T any](read func() ([]T, error)) ([]T, error) {
	found, err := read()
	if err == nil && len(found) == 0 {
		return read()
	}
	return found, err
}

func (c careful) Instances(ctx context.Context, in image.RegionID, which image.InstanceListing) ([]image.Instance, error) {
	return twice(func() ([]image.Instance, error) { return c.Reader.Instances(ctx, in, which) })
}

func (c careful) Disks(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.Disk, error) {
	return twice(func() ([]image.Disk, error) { return c.Reader.Disks(ctx, in, which) })
}

func (c careful) TemplateVersions(ctx context.Context, in image.RegionID) ([]image.TemplateVersion, error) {
	return twice(func() ([]image.TemplateVersion, error) { return c.Reader.TemplateVersions(ctx, in) })
}

func (c careful) ScalingConfigurations(ctx context.Context, in image.RegionID) ([]image.ScalingConfiguration, error) {
	return twice(func() ([]image.ScalingConfiguration, error) { return c.Reader.ScalingConfigurations(ctx, in) })
}

func (c careful) Pipelines(ctx context.Context, in image.RegionID) ([]image.Pipeline, error) {
	return twice(func() ([]image.Pipeline, error) { return c.Reader.Pipelines(ctx, in) })
}
