package alicloud

import (
	"context"
	"errors"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// MayList asks by a dry run whether this listing of instances is permitted: Yes
// if ECS says that it would have been done, No if it refuses it, Unknown if it
// lists something or nothing all the same, else Unknown with the failure. An empty
// list of Instances is evidence only after a Yes. Source: DescribeInstances DryRun.
func (a *Account) MayList(ctx context.Context, region image.RegionID, listing image.InstanceListing) (image.Tri, error) {
	if err := checkIDs(listing.IDs); err != nil {
		return image.Unknown, err
	}
	account, err := a.reading(ctx, region)
	if err != nil {
		return image.Unknown, err
	}
	asked := a.instances(account, region, listing)
	err = a.do(ctx, account, call{
		operation: asked.operation, region: region,
		given: asked.request(0, "").with("DryRun", "true"),
		read: func(s *scanner) error {
			_, err := asked.shape.read(s, nil, asked.size)
			return err
		},
	})
	return permitted(err)
}

// permitted reads the outcome of a dry run; one without a refusal proves nothing.
func permitted(err error) (image.Tri, error) {
	var refused *fault.Error
	switch {
	case errors.As(err, &refused) && dryRunDone(refused.Code):
		return image.Yes, nil
	case fault.Of(err) == fault.Forbidden:
		return image.No, nil
	}
	return image.Unknown, err
}

// dryRunDone reports whether a code says that a dry run went well: ECS answers
// one of them as an error.
func dryRunDone(code string) bool { return code == "DryRunOperation" || code == "DRYRUN.SUCCESS" }
