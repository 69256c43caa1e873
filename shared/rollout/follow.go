package rollout

import (
	"context"
	"strconv"

	"imagekeeper/shared/fault"
)

func itoa(n int) string { return strconv.Itoa(n) }

// template gives a launch template another default version.
func (d *deed) template(context.Context) error {
	return fault.New(fault.Precondition, "launch templates are not followed").WithCode("notFollowed")
}

// scaling gives a scaling configuration the new image.
func (d *deed) scaling(ctx context.Context) error {
	return d.cloud.RepointConfiguration(ctx, d.spec.Region, string(d.spec.ID), d.spec.to)
}
