package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/image"
)

// DiskSetups describes disks with what replacing them may change, from all pages,
// in ECS's order. An empty answer is no evidence. Source: DescribeDisks.
func (a Operator) DiskSetups(ctx context.Context, in image.RegionID, which image.DiskListing) ([]image.DiskSetup, error) {
	if err := checkIDs(which.IDs); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	plain := a.disks(account, in, which)
	l := listing[image.DiskSetup]{
		operation: plain.operation, account: account, region: in, size: plain.size,
		shape:   shape[image.DiskSetup]{outer: "Disks", inner: "Disk", row: setupFields(plain.shape.row)},
		request: plain.request,
		key:     func(d *image.DiskSetup) string { return plain.key(&d.Disk) },
		check:   func(d *image.DiskSetup) error { return plain.check(&d.Disk) },
	}
	return l.byToken(ctx, a.Account)
}

// setupFields reads a disk with how it is set up.
func setupFields(plain fields[image.Disk]) fields[image.DiskSetup] {
	all := fields[image.DiskSetup]{
		"Description":          func(s *scanner, d *image.DiskSetup) { d.Description = s.word() },
		"DeleteWithInstance":   func(s *scanner, d *image.DiskSetup) { d.DeleteWithInstance = s.tri() },
		"DeleteAutoSnapshot":   func(s *scanner, d *image.DiskSetup) { d.DeleteAutoSnapshot = s.tri() },
		"BurstingEnabled":      func(s *scanner, d *image.DiskSetup) { d.Burst = s.tri() },
		"PerformanceLevel":     func(s *scanner, d *image.DiskSetup) { d.PerformanceLevel = s.word() },
		"ProvisionedIops":      func(s *scanner, d *image.DiskSetup) { d.IOPS = s.count() },
		"KMSKeyId":             func(s *scanner, d *image.DiskSetup) { d.Key = s.word() },
		"AutoSnapshotPolicyId": func(s *scanner, d *image.DiskSetup) { d.Policy = s.word() },
	}
	for name, field := range plain {
		all[name] = func(s *scanner, d *image.DiskSetup) { field(s, &d.Disk) }
	}
	return all
}

// SetPerformance changes the performance level of an ESSD, or the provisioned IOPS
// of a cloud_auto disk; what is empty or 0 stays as it is. Source: ModifyDiskSpec.
func (a Operator) SetPerformance(ctx context.Context, in image.RegionID, id image.DiskID, level string, iops int) error {
	return a.actOn(ctx, act{operation: "ecs:ModifyDiskSpec", region: in, given: params{"DiskId": string(id), "PerformanceLevel": level, "ProvisionedIops": number(iops)}}, string(id))
}

// Healths describes up to 100 instances by their power and their health. One that
// does not exist is absent. Source: DescribeInstancesFullStatus.
func (a Operator) Healths(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.InstanceHealth, error) {
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	name := func(s *scanner) (found string) {
		s.object(func(key []byte) {
			if string(key) != "Name" {
				s.skip()
				return
			}
			found = s.word()
		})
		return found
	}
	l := listing[image.InstanceHealth]{
		operation: "ecs:DescribeInstancesFullStatus", account: account, region: in, size: mostIDs,
		shape: shape[image.InstanceHealth]{outer: "InstanceFullStatusSet", inner: "InstanceFullStatusType", row: fields[image.InstanceHealth]{
			"InstanceId":   func(s *scanner, i *image.InstanceHealth) { i.ID = image.InstanceID(s.str()) },
			"Status":       func(s *scanner, i *image.InstanceHealth) { i.Status = image.InstanceStatus(name(s)) },
			"HealthStatus": func(s *scanner, i *image.InstanceHealth) { i.Health = name(s) },
		}},
		request: func(page int, _ string) params {
			given := params{"RegionId": string(in), "PageNumber": strconv.Itoa(page), "PageSize": strconv.Itoa(mostIDs)}
			return repeat(given, "InstanceId", ids)
		},
		key:   func(i *image.InstanceHealth) string { return string(i.ID) },
		check: func(i *image.InstanceHealth) error { return asked(ids, i.ID) },
	}
	return l.byNumber(ctx, a.Account)
}

// EncryptsByDefault tells whether new disks of the account have to be encrypted in
// a region. Source: DescribeDiskEncryptionByDefaultStatus.
func (a Operator) EncryptsByDefault(ctx context.Context, in image.RegionID) (image.Tri, error) {
	account, err := a.reading(ctx, in)
	if err != nil {
		return image.Unknown, err
	}
	return ask(ctx, a.Account, question[image.Tri]{
		operation: "ecs:DescribeDiskEncryptionByDefaultStatus", account: account, region: in,
		given:  params{"RegionId": string(in)},
		fields: fields[image.Tri]{"Encrypted": func(s *scanner, t *image.Tri) { *t = s.tri() }},
		whole:  func(t image.Tri) bool { return t != image.Unknown },
	})
}
