package ecsapi

import (
	"strconv"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// done is the answer of a change that has nothing to tell.
type done struct{ receipt }

type imageAnswer struct {
	receipt
	ImageID string `json:"ImageId"`
}

func finished(err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	return &done{}, nil
}

func made(id image.ID, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	return &imageAnswer{ImageID: string(id)}, nil
}

func createImage(c *call) (answer, error) {
	p := c.parameters
	disks, no := c.diskInputs()
	if no != nil {
		return nil, no
	}
	return made(c.session.CreateImage(cloudsim.CreateImageRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceID: image.InstanceID(p.text("InstanceId")), Disks: disks,
		SnapshotID: image.SnapshotID(p.text("SnapshotId")), ImageName: p.text("ImageName"), Description: p.text("Description"),
		ImageFamily: image.Family(p.text("ImageFamily")), ImageVersion: p.text("ImageVersion"), Platform: p.text("Platform"),
		Architecture: p.text("Architecture"), BootMode: p.text("BootMode"), IMDS: p.text("Features.ImdsSupport"),
		Detection: p.text("DetectionStrategy"), ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(),
		ClientToken: p.text("ClientToken"), DryRun: p.flag("DryRun"),
	}))
}

func (c *call) diskInputs() ([]cloudsim.DiskInput, *refusal) {
	const name = "DiskDeviceMapping"
	var disks []cloudsim.DiskInput
	for _, n := range c.parameters.numbers(name) {
		size := c.memberSize(name, n)
		if size < 0 {
			return nil, invalidParameter(name + "." + strconv.Itoa(n) + ".Size")
		}
		disks = append(disks, cloudsim.DiskInput{
			Device: c.parameters.member(name, n, "Device"), Type: c.parameters.member(name, n, "DiskType"),
			SizeGiB: size, SnapshotID: image.SnapshotID(c.parameters.member(name, n, "SnapshotId")),
		})
	}
	return disks, nil
}

func copyImage(c *call) (answer, error) {
	p := c.parameters
	return made(c.session.CopyImage(cloudsim.CopyImageRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")),
		DestinationRegionID: image.RegionID(p.text("DestinationRegionId")), Name: p.text("DestinationImageName"),
		Description: p.text("DestinationDescription"), Encrypted: p.tri("Encrypted"), KMSKeyID: p.text("KMSKeyId"),
		EncryptAlgorithm: p.text("EncryptAlgorithm"), ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(),
		ClientToken: p.text("ClientToken"), DryRun: p.flag("DryRun"),
	}))
}

func cancelCopyImage(c *call) (answer, error) {
	return finished(c.session.CancelCopyImage(cloudsim.ImageRequest{
		RegionID: image.RegionID(c.parameters.text("RegionId")), ImageID: image.ID(c.parameters.text("ImageId")),
	}))
}

func deleteImage(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.DeleteImage(cloudsim.DeleteImageRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")),
		Force: p.flag("Force"), DryRun: p.flag("DryRun"),
	}))
}

func modifyImageAttribute(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifyImageAttribute(cloudsim.ModifyImageAttributeRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")), ImageName: p.text("ImageName"),
		Description: p.text("Description"), ImageFamily: image.Family(p.text("ImageFamily")),
		Status: image.Status(p.text("Status")), BootMode: p.text("BootMode"), LicenseType: p.text("LicenseType"),
		NVMe: p.text("Features.NvmeSupport"), IMDS: p.text("Features.ImdsSupport"), DryRun: p.flag("DryRun"),
	}))
}

func modifyImageSharePermission(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifyImageSharePermission(cloudsim.ModifyImageSharePermissionRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")),
		AddAccounts:    given[image.AccountID](p.repeat("AddAccount")),
		RemoveAccounts: given[image.AccountID](p.repeat("RemoveAccount")),
		IsPublic:       p.tri("IsPublic"), LaunchPermission: p.text("LaunchPermission"), DryRun: p.flag("DryRun"),
	}))
}
