package ecsapi

import (
	"errors"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type runAnswer struct {
	receipt
	InstanceIDSets struct {
		InstanceIDSet []string `json:"InstanceIdSet"`
	} `json:"InstanceIdSets"`
}

func runInstances(c *call) (answer, error) {
	p := c.parameters
	ids, err := c.session.RunInstances(cloudsim.RunInstancesRequest{
		RegionID: image.RegionID(p.text("RegionId")), ImageID: image.ID(p.text("ImageId")), ImageFamily: image.Family(p.text("ImageFamily")),
		InstanceType: image.InstanceTypeID(p.text("InstanceType")), TemplateID: p.text("LaunchTemplateId"),
		TemplateName: p.text("LaunchTemplateName"), TemplateVersion: c.positive("LaunchTemplateVersion"), Amount: c.positive("Amount"),
		MinAmount: c.positive("MinAmount"), AutoReleaseTime: p.text("AutoReleaseTime"), BandwidthOut: c.size("InternetMaxBandwidthOut"),
		InstanceName: p.text("InstanceName"), HostName: p.text("HostName"), UniqueSuffix: p.flag("UniqueSuffix"),
		ZoneID: image.ZoneID(p.text("ZoneId")), ChargeType: p.text("InstanceChargeType"), Period: c.size("Period"),
		PeriodUnit: p.text("PeriodUnit"), SpotStrategy: p.text("SpotStrategy"), KeyPair: p.text("KeyPairName"),
		VSwitch: p.text("VSwitchId"), SecurityGroups: c.securityGroups(), SystemDisk: cloudsim.NewDisk{
			Category: p.text("SystemDisk.Category"), SizeGiB: c.size("SystemDisk.Size"), Name: p.text("SystemDisk.DiskName"),
			PerformanceLevel: p.text("SystemDisk.PerformanceLevel"),
		},
		DataDisks: c.newDisks(), Tags: c.tags(), ClientToken: p.text("ClientToken"), DryRun: p.flag("DryRun"),
	})
	if err != nil {
		return nil, err
	}
	a := &runAnswer{}
	a.InstanceIDSets.InstanceIDSet = rowsOf(ids, func(id image.InstanceID) string { return string(id) })
	return a, nil
}

func (c *call) securityGroups() []string {
	groups := c.parameters.repeat("SecurityGroupIds")
	if one := c.parameters.text("SecurityGroupId"); one != "" {
		groups = append([]string{one}, groups...)
	}
	return groups
}

func (c *call) newDisks() []cloudsim.NewDisk {
	const name = "DataDisk"
	var disks []cloudsim.NewDisk
	for _, n := range c.parameters.numbers(name) {
		member := func(key string) string { return c.parameters.member(name, n, key) }
		disks = append(disks, cloudsim.NewDisk{
			Category: member("Category"), SizeGiB: c.memberSize(name, n), PerformanceLevel: member("PerformanceLevel"), Name: member("DiskName"),
			SnapshotID: image.SnapshotID(member("SnapshotId")), KeptWithInstance: strings.EqualFold(member("DeleteWithInstance"), "false"),
		})
	}
	return disks
}

func deleteInstance(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.DeleteInstance(cloudsim.DeleteInstancesRequest{
		InstanceIDs: []image.InstanceID{image.InstanceID(p.text("InstanceId"))}, Force: p.flag("Force"),
		TerminateSubscription: p.flag("TerminateSubscription"), DryRun: p.flag("DryRun"),
	}))
}

func deleteInstances(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.DeleteInstances(cloudsim.DeleteInstancesRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceIDs: given[image.InstanceID](p.repeat("InstanceId")), Force: p.flag("Force"),
		TerminateSubscription: p.flag("TerminateSubscription"), ClientToken: p.text("ClientToken"), DryRun: p.flag("DryRun"),
	}))
}

func (c *call) oneInstance() cloudsim.InstanceRequest {
	return cloudsim.InstanceRequest{InstanceID: image.InstanceID(c.parameters.text("InstanceId")), DryRun: c.parameters.flag("DryRun")}
}

func startInstance(c *call) (answer, error) {
	return finished(c.session.StartInstance(c.oneInstance()))
}

func rebootInstance(c *call) (answer, error) {
	return finished(c.session.RebootInstance(c.oneInstance()))
}

func stopInstance(c *call) (answer, error) {
	one := c.oneInstance()
	return finished(c.session.StopInstance(cloudsim.StopInstanceRequest{
		InstanceID: one.InstanceID, DryRun: one.DryRun, StoppedMode: c.parameters.text("StoppedMode"), ForceStop: c.parameters.flag("ForceStop"),
	}))
}

func (c *call) instances() cloudsim.InstancesRequest {
	p := c.parameters
	return cloudsim.InstancesRequest{
		RegionID: image.RegionID(p.text("RegionId")), InstanceIDs: given[image.InstanceID](p.repeat("InstanceId")),
		BatchOptimization: p.text("BatchOptimization"), DryRun: p.flag("DryRun"),
	}
}

func startInstances(c *call) (answer, error) {
	return powered(c.session.StartInstances(c.instances()))
}

func stopInstances(c *call) (answer, error) {
	req := c.instances()
	req.StoppedMode, req.ForceStop = c.parameters.text("StoppedMode"), c.parameters.flag("ForceStop")
	return powered(c.session.StopInstances(req))
}

type powerAnswer struct {
	receipt
	InstanceResponses struct{ InstanceResponse []wireOutcome }
}

type wireOutcome struct {
	InstanceID     string `json:"InstanceId"`
	Code           string
	Message        string
	PreviousStatus string
	CurrentStatus  string
}

func powered(outcomes []cloudsim.PowerOutcome, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	a := &powerAnswer{}
	a.InstanceResponses.InstanceResponse = rowsOf(outcomes, func(o cloudsim.PowerOutcome) wireOutcome {
		out := wireOutcome{string(o.InstanceID), "200", "success", string(o.Before), string(o.After)}
		var no *cloudsim.Refusal
		if errors.As(o.Refused, &no) {
			out.Code, out.Message = no.Code, no.Message
		}
		return out
	})
	return a, nil
}

type diskAnswer struct {
	receipt
	DiskID string `json:"DiskId"`
}

func replaceSystemDisk(c *call) (answer, error) {
	p := c.parameters
	id, err := c.session.ReplaceSystemDisk(cloudsim.ReplaceSystemDiskRequest{
		InstanceID: image.InstanceID(p.text("InstanceId")), ImageID: image.ID(p.text("ImageId")), SizeGiB: c.size("SystemDisk.Size"),
		Encrypted: p.tri("Encrypted"), KMSKeyID: p.text("KMSKeyId"), KeyPair: p.text("KeyPairName"), Password: p.text("Password"),
		PasswordInherit: p.flag("PasswordInherit"), Security: p.text("SecurityEnhancementStrategy"), ClientToken: p.text("ClientToken"),
		LoginAsNonRoot: p.flag("LoginAsNonRoot"),
	})
	if err != nil {
		return nil, err
	}
	return &diskAnswer{DiskID: string(id)}, nil
}

type snapshotAnswer struct {
	receipt
	SnapshotID string `json:"SnapshotId"`
}

func createSnapshot(c *call) (answer, error) {
	p := c.parameters
	id, err := c.session.CreateSnapshot(cloudsim.CreateSnapshotRequest{
		DiskID: image.DiskID(p.text("DiskId")), Name: p.text("SnapshotName"), Description: p.text("Description"),
		RetentionDays: c.positive("RetentionDays"), Category: p.text("Category"), InstantAccess: p.flag("InstantAccess"),
		Tags: c.tags(), ClientToken: p.text("ClientToken"),
	})
	if err != nil {
		return nil, err
	}
	return &snapshotAnswer{SnapshotID: string(id)}, nil
}

func deleteSnapshot(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.DeleteSnapshot(cloudsim.DeleteSnapshotRequest{
		SnapshotID: image.SnapshotID(p.text("SnapshotId")), Force: p.flag("Force"),
	}))
}
