package alicloud

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// mostTagged is how many resources TagResources takes.
const mostTagged = 50

// TagImages gives images of the account's own one tag; a key that is there gets
// the value. More than 50 images fail with fault.Invalid without a call. It is
// repeatable; after fault.Unavailable or fault.Unknown it may have been done.
// Source: TagResources.
func (a *Account) TagImages(ctx context.Context, region image.RegionID, ids []image.ID, key, value string) error {
	if len(ids) == 0 || len(ids) > mostTagged {
		return fault.New(fault.Invalid, "ecs:TagResources: takes 1 to %d images", mostTagged)
	}
	if err := checkIDs(ids); err != nil {
		return err
	}
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, string(id))
	}
	return Operate(a).Tag(ctx, region, "image", names, image.Tags{key: value})
}

// Tag gives up to 50 things of one type (image, snapshot, disk, instance, …) of the
// account's own tags; keys that are there get the values. It is repeatable. Source:
// TagResources.
func (a Operator) Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error {
	if len(ids) == 0 || len(ids) > mostTagged || len(tags) == 0 || len(tags) > mostTags {
		return fault.New(fault.Invalid, "ecs:TagResources: takes 1 to %d things and 1 to %d tags", mostTagged, mostTags)
	}
	given := repeat(params{"RegionId": string(in), "ResourceType": resource}.tags(tags), "ResourceId", ids)
	return a.actOn(ctx, act{operation: "ecs:TagResources", region: in, given: given}, ids...)
}

// Untag takes tags off up to 50 things of one type; keys that are not there are a
// success. It is repeatable. Source: UntagResources.
func (a Operator) Untag(ctx context.Context, in image.RegionID, resource string, ids, keys []string) error {
	if len(ids) == 0 || len(ids) > mostTagged || len(keys) == 0 || len(keys) > mostTags {
		return fault.New(fault.Invalid, "ecs:UntagResources: takes 1 to %d things and 1 to %d keys", mostTagged, mostTags)
	}
	given := repeat(repeat(params{"RegionId": string(in), "ResourceType": resource}, "ResourceId", ids), "TagKey", keys)
	return a.actOn(ctx, act{operation: "ecs:UntagResources", region: in, given: given}, ids...)
}

// JoinGroup puts a thing into a resource group. It is repeatable. Source:
// JoinResourceGroup.
func (a Operator) JoinGroup(ctx context.Context, in image.RegionID, resource, id, group string) error {
	given := params{"RegionId": string(in), "ResourceType": resource, "ResourceId": id, "ResourceGroupId": group}
	return a.actOn(ctx, act{operation: "ecs:JoinResourceGroup", region: in, given: given}, id)
}

// mostTags is how many tags a thing may have.
const mostTags = 20
