package alicloud

import (
	"context"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

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
	account, err := a.reading(ctx, region)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, string(id))
	}
	return a.change(ctx, account, call{
		product: productECS, action: "TagResources", region: region, at: a.cloud.at(productECS, region),
		build: func() requests.AcsRequest {
			r := ecs.CreateTagResourcesRequest()
			r.RegionId = string(region)
			r.ResourceType = "image"
			r.ResourceId = &names
			r.Tag = &[]ecs.TagResourcesTag{{Key: key, Value: value}}
			return r
		},
		read: readDone,
	})
}
