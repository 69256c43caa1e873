package ecsapi

import (
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

func modifyDiskAttribute(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifyDiskAttribute(cloudsim.ModifyDiskAttributeRequest{
		RegionID: image.RegionID(p.text("RegionId")), DiskID: image.DiskID(p.text("DiskId")), DiskIDs: given[image.DiskID](p.repeat("DiskIds")),
		Name: c.optional("DiskName"), Description: c.optional("Description"), DeleteWithInstance: p.tri("DeleteWithInstance"),
		DeleteAutoSnapshot: p.tri("DeleteAutoSnapshot"), Bursting: p.tri("BurstingEnabled"), AutoSnapshot: p.tri("EnableAutoSnapshot"),
	}))
}

type specAnswer struct {
	receipt
	OrderID string `json:"OrderId"`
	TaskID  string `json:"TaskId"`
}

func modifyDiskSpec(c *call) (answer, error) {
	p := c.parameters
	err := c.session.ModifyDiskSpec(cloudsim.ModifyDiskSpecRequest{
		DiskID: image.DiskID(p.text("DiskId")), Category: p.text("DiskCategory"), PerformanceLevel: p.text("PerformanceLevel"),
		ProvisionedIOPS: c.positive("ProvisionedIops"), DryRun: p.flag("DryRun"),
	})
	if err != nil {
		return nil, err
	}
	return &specAnswer{}, nil
}

type defaultEncryptionAnswer struct {
	receipt
	Encrypted bool
}

func describeDefaultEncryption(c *call) (answer, error) {
	encrypted, _, err := c.session.DiskEncryptionByDefault("DescribeDiskEncryptionByDefaultStatus", image.RegionID(c.parameters.text("RegionId")))
	if err != nil {
		return nil, err
	}
	return &defaultEncryptionAnswer{Encrypted: encrypted}, nil
}

type defaultKeyAnswer struct {
	receipt
	KMSKeyID string `json:"KMSKeyId"`
}

func describeDefaultKey(c *call) (answer, error) {
	_, key, err := c.session.DiskEncryptionByDefault("DescribeDiskDefaultKMSKeyId", image.RegionID(c.parameters.text("RegionId")))
	if err != nil {
		return nil, err
	}
	return &defaultKeyAnswer{KMSKeyID: key}, nil
}
