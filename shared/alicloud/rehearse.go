package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// MayMake tells whether a call that makes an image is permitted, by a dry run of that
// same call, which changes nothing. Yes and No are what ECS said; Unknown comes with
// the failure, as where ECS objects to something else first. Source: DryRun of
// ImportImage, CreateImage and CopyImage.
func (a Operator) MayMake(ctx context.Context, in image.RegionID, m image.Making) (image.Tri, error) {
	var action string
	var given params
	switch {
	case m.Import != nil:
		action, given = "ecs:ImportImage", importParams(in, *m.Import)
	case m.Create != nil:
		action, given = "ecs:CreateImage", createParams(in, *m.Create)
	case m.Copy != nil:
		action, given = "ecs:CopyImage", copyParams(in, *m.Copy)
	default:
		return image.Unknown, fault.New(fault.Invalid, "nothing is asked for")
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return image.Unknown, err
	}
	if _, err = a.probe(ctx, account, in, action, probe{given: given.with("DryRun", "true"), dry: true}, "RequestId"); err == nil {
		err = fault.New(fault.Unknown, "%s: the dry run was answered as if it were none", action).WithCode("dryRunIgnored")
	}
	return permitted(err)
}

// importParams are those of ImportImage.
func importParams(in image.RegionID, r image.ImportRequest) params {
	given := params{
		"RegionId": string(in), "ImageName": r.Name, "Description": r.Description, "OSType": string(r.OSType), "Platform": r.Platform,
		"Architecture": string(r.Architecture), "BootMode": string(r.BootMode), "LicenseType": r.LicenseType,
		"Features.NvmeSupport": supported(r.NVMe), "Features.ImdsSupport": r.IMDS, "DetectionStrategy": strategy(r.Detect),
		"ResourceGroupId": r.ResourceGroup, "ClientToken": r.Token,
	}.tags(r.Tags)
	for i, d := range r.Disks {
		at := "DiskDeviceMapping." + strconv.Itoa(i+1) + "."
		given[at+"OSSBucket"], given[at+"OSSObject"], given[at+"Format"], given[at+"DiskImageSize"] = d.Bucket, d.Object, d.Format, number(d.SizeGiB)
	}
	return given
}

// createParams are those of CreateImage.
func createParams(in image.RegionID, r image.CreateRequest) params {
	given := params{
		"RegionId": string(in), "ImageName": r.Name, "Description": r.Description, "InstanceId": string(r.Instance), "Platform": r.Platform,
		"Architecture": string(r.Architecture), "BootMode": string(r.BootMode), "Features.ImdsSupport": r.IMDS,
		"DetectionStrategy": strategy(r.Detect), "ResourceGroupId": r.ResourceGroup, "ClientToken": r.Token,
	}.tags(r.Tags)
	for i, d := range r.Snapshots {
		at := "DiskDeviceMapping." + strconv.Itoa(i+1) + "."
		given[at+"DiskType"] = map[bool]string{true: "system", false: "data"}[i == 0]
		given[at+"SnapshotId"], given[at+"Size"] = string(d.Snapshot), number(d.SizeGiB)
	}
	return given
}

// copyParams are those of CopyImage.
func copyParams(from image.RegionID, r image.CopyRequest) params {
	given := params{
		"RegionId": string(from), "ImageId": string(r.Image), "DestinationRegionId": string(r.To), "DestinationImageName": r.Name,
		"DestinationDescription": r.Description, "Encrypted": flagged(r.Encrypted), "KMSKeyId": r.KMSKey, "ResourceGroupId": r.ResourceGroup,
		"ClientToken": r.Token,
	}.tags(r.Tags)
	return given
}
