package company

import (
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// trailed is how far before Epoch builds have left events that can be there yet.
const trailed = 90 * 24 * time.Hour

// builtBy leaves the events of one build of the company's: an instance of the
// parent was run, an image was made of it, and it was deleted; or the image was
// copied. Builds of long ago have left nothing.
func (y *yard) builtBy(spec cloudsim.ImageSpec, id image.ID) {
	img, parent := spec.Image, spec.Parent
	if cloudsim.Epoch().Sub(img.CreatedAt) > trailed {
		return
	}
	if img.Copied {
		y.event(parent.Region, "CopyImage", img.CreatedAt, map[string]any{
			"RegionId": string(parent.Region), "ImageId": string(parent.ID), "DestinationRegionId": string(y.b.Region()), "DestinationImageName": img.Name,
		}, map[string]any{"ImageId": string(id)}, map[string][]string{cloudsim.TrailImage: {string(parent.ID), string(id)}})
		return
	}
	here, instance := y.b.Region(), y.trail.ID("i")
	y.event(here, "RunInstances", img.CreatedAt.Add(-12*time.Minute), map[string]any{
		"RegionId": string(here), "ImageId": string(parent.ID), "InstanceType": "ecs.g7.large", "Amount": 1,
	}, map[string]any{"InstanceIdSets": map[string]any{"InstanceIdSet": []string{instance}}}, map[string][]string{
		cloudsim.TrailInstance: {instance}, cloudsim.TrailImage: {string(parent.ID)},
	})
	y.event(here, "CreateImage", img.CreatedAt, map[string]any{
		"RegionId": string(here), "InstanceId": instance, "ImageName": img.Name, "ImageFamily": string(img.Family),
	}, map[string]any{"ImageId": string(id)}, map[string][]string{cloudsim.TrailInstance: {instance}, cloudsim.TrailImage: {string(id)}})
	y.event(here, "DeleteInstance", img.CreatedAt.Add(5*time.Minute), map[string]any{"InstanceId": instance, "Force": true}, nil,
		map[string][]string{cloudsim.TrailInstance: {instance}})
}

func (y *yard) event(region image.RegionID, name string, at time.Time, request, response map[string]any, resources map[string][]string) {
	y.cloud.AddEvent(region, cloudsim.Event{
		ID: y.trail.ID("event"), Name: name, At: at, By: cloudsim.Caller{Account: cloudsim.FirstAccount, Type: "RAMUser", Name: "packer"},
		Request: request, Response: response, Resources: resources,
	})
}
