package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Stop asks ECS to stop a running instance; it is asynchronous. One that does not
// run fails with fault.Precondition. There is no client token: look before and
// after. Source: StopInstance.
func (a Operator) Stop(ctx context.Context, in image.RegionID, r image.StopRequest) error {
	return a.actOn(ctx, act{operation: "ecs:StopInstance", region: in, given: params{
		"RegionId": string(in), "InstanceId": string(r.Instance), "ForceStop": flagged(r.Force), "StoppedMode": r.Mode,
		"ConfirmStop": "true", // without it ECS refuses one with local disks, whose content survives a plain stop
	}}, string(r.Instance))
}

// Start asks ECS to start a stopped instance; it is asynchronous. One that is not
// stopped fails with fault.Precondition. Source: StartInstance.
func (a Operator) Start(ctx context.Context, in image.RegionID, id image.InstanceID) error {
	return a.actOn(ctx, act{operation: "ecs:StartInstance", region: in, given: params{"RegionId": string(in), "InstanceId": string(id)}}, string(id))
}

// mostStates is the most rows that a page of DescribeInstanceStatus holds.
const mostStates = 50

// States tells the power states of up to 100 instances, from all pages; one that
// does not exist is absent. Source: DescribeInstanceStatus.
func (a Operator) States(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.InstanceState, error) {
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	l := listing[image.InstanceState]{
		operation: "ecs:DescribeInstanceStatus", account: account, region: in, size: mostStates,
		shape: shape[image.InstanceState]{outer: "InstanceStatuses", inner: "InstanceStatus", row: fields[image.InstanceState]{
			"InstanceId": func(s *scanner, i *image.InstanceState) { i.ID = image.InstanceID(s.str()) },
			"Status":     func(s *scanner, i *image.InstanceState) { i.Status = image.InstanceStatus(s.word()) },
		}},
		request: func(page int, _ string) params {
			return repeat(params{
				"RegionId": string(in), "PageNumber": strconv.Itoa(page), "PageSize": strconv.Itoa(mostStates),
			}, "InstanceId", ids)
		},
		key:   func(i *image.InstanceState) string { return string(i.ID) },
		check: func(i *image.InstanceState) error { return asked(ids, i.ID) },
	}
	return l.byNumber(ctx, a.Account)
}

// ReplaceSystemDisk gives a stopped instance a new system disk from an image, and
// returns the disk. The old one is released at once. It is repeatable under its
// token; it is done when the instance shows the image. Source: ReplaceSystemDisk.
func (a Operator) ReplaceSystemDisk(ctx context.Context, in image.RegionID, r image.ReplaceRequest) (image.DiskID, error) {
	if err := first(checkIDs([]image.InstanceID{r.Instance}), checkIDs([]image.ID{r.Image})); err != nil {
		return "", err
	}
	given := params{
		"RegionId": string(in), "InstanceId": string(r.Instance), "ImageId": string(r.Image), "SystemDisk.Size": number(r.DiskGiB),
		"KeyPairName": r.KeyPair, "PasswordInherit": flagged(r.KeepPassword), "LoginAsNonRoot": tried(r.LoginAsNonRoot),
		"Encrypted": tried(r.Encrypted), "KMSKeyId": r.Key, "ClientToken": r.Token,
	}
	return perform(ctx, a.Account, act{
		operation: "ecs:ReplaceSystemDisk", region: in, token: r.Token,
		given: given,
	}, fields[image.DiskID]{
		"DiskId": func(s *scanner, id *image.DiskID) { *id = image.DiskID(s.str()) },
	}, func(id image.DiskID) bool { return id != "" })
}

// CreateSnapshot begins to take a snapshot of a disk and returns it; it is done
// when it shows as accomplished. It is repeatable under its token. Source:
// CreateSnapshot.
func (a Operator) CreateSnapshot(ctx context.Context, in image.RegionID, r image.SnapshotRequest) (image.SnapshotID, error) {
	if err := checkIDs([]image.DiskID{r.Disk}); err != nil {
		return "", err
	}
	given := params{
		"RegionId": string(in), "DiskId": string(r.Disk), "SnapshotName": r.Name, "Description": r.Description,
		"RetentionDays": number(r.RetentionDays), "ClientToken": r.Token,
	}.tags(r.Tags)
	return perform(ctx, a.Account, act{
		operation: "ecs:CreateSnapshot", region: in, token: r.Token,
		given: given,
	}, fields[image.SnapshotID]{
		"SnapshotId": func(s *scanner, id *image.SnapshotID) { *id = image.SnapshotID(s.str()) },
	}, func(id image.SnapshotID) bool { return id != "" })
}

// DeleteSnapshot deletes a snapshot, or ends one that is being taken. It never
// forces. One that is already gone is a success; one that an image needs, or that
// is locked, fails with fault.Precondition or fault.Forbidden. Source:
// DeleteSnapshot.
func (a Operator) DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error {
	err := a.actOn(ctx, act{operation: "ecs:DeleteSnapshot", region: in, given: params{"RegionId": string(in), "SnapshotId": string(id)}}, string(id))
	return unlessGone(err, "InvalidSnapshotId.NotFound")
}

// ModifyDisk changes attributes of a disk; it is repeatable. Source:
// ModifyDiskAttribute.
func (a Operator) ModifyDisk(ctx context.Context, in image.RegionID, id image.DiskID, to image.DiskAttributes) error {
	given := params{
		"RegionId": string(in), "DiskId": string(id), "DiskName": to.Name, "Description": to.Description,
		"DeleteWithInstance": tried(to.DeleteWithInstance), "DeleteAutoSnapshot": tried(to.DeleteAutoSnapshot), "BurstingEnabled": tried(to.Burst),
	}
	return a.actOn(ctx, act{operation: "ecs:ModifyDiskAttribute", region: in, given: given}, string(id))
}

// ModifyMetadata changes how an instance reads its metadata; it is repeatable.
// Source: ModifyInstanceMetadataOptions.
func (a Operator) ModifyMetadata(ctx context.Context, in image.RegionID, id image.InstanceID, to image.MetadataOptions) error {
	given := params{
		"RegionId": string(in), "InstanceId": string(id), "HttpEndpoint": to.Endpoint, "HttpTokens": to.Tokens, "HttpPutResponseHopLimit": number(to.HopLimit),
	}
	return a.actOn(ctx, act{operation: "ecs:ModifyInstanceMetadataOptions", region: in, given: given}, string(id))
}

// Protect sets whether an instance may be released through the API; it is
// repeatable. Source: ModifyInstanceAttribute DeletionProtection.
func (a Operator) Protect(ctx context.Context, in image.RegionID, id image.InstanceID, protected bool) error {
	return a.actOn(ctx, act{operation: "ecs:ModifyInstanceAttribute", region: in, given: params{"RegionId": string(in), "InstanceId": string(id), "DeletionProtection": strconv.FormatBool(protected)}}, string(id))
}

// AttachKeyPair gives instances a key pair; it counts from the next start on.
// Source: AttachKeyPair.
func (a Operator) AttachKeyPair(ctx context.Context, in image.RegionID, name string, ids []image.InstanceID) error {
	if name == "" || len(ids) == 0 {
		return fault.New(fault.Invalid, "ecs:AttachKeyPair: needs a key pair and an instance")
	}
	given := params{"RegionId": string(in), "KeyPairName": name, "InstanceIds": listed(ids)}
	type said struct{ failed int }
	if err := checkIDs(ids); err != nil {
		return err
	}
	got, err := perform(ctx, a.Account, act{operation: "ecs:AttachKeyPair", region: in, given: given}, fields[said]{"FailCount": func(s *scanner, g *said) { g.failed = s.count() }}, nil)
	if err == nil && got.failed > 0 {
		return fault.New(fault.Precondition, "ecs:AttachKeyPair in %s: %d of %d instances did not get it", in, got.failed, len(ids)).WithCode("keyPairNotAttached")
	}
	return err
}

// SnapshotPolicies lists the automatic snapshot policies of a region, from all
// pages. Source: DescribeAutoSnapshotPolicyEx.
func (a Operator) SnapshotPolicies(ctx context.Context, in image.RegionID) ([]image.SnapshotPolicy, error) {
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	l := listing[image.SnapshotPolicy]{
		operation: "ecs:DescribeAutoSnapshotPolicyEx", account: account, region: in, size: pageSize,
		shape: shape[image.SnapshotPolicy]{outer: "AutoSnapshotPolicies", inner: "AutoSnapshotPolicy", row: fields[image.SnapshotPolicy]{
			"AutoSnapshotPolicyId":   func(s *scanner, p *image.SnapshotPolicy) { p.ID = s.str() },
			"AutoSnapshotPolicyName": func(s *scanner, p *image.SnapshotPolicy) { p.Name = s.str() },
			"DiskNums":               func(s *scanner, p *image.SnapshotPolicy) { p.Disks = s.count() },
			"Status":                 func(s *scanner, p *image.SnapshotPolicy) { p.Status = s.word() },
		}},
		request: func(page int, _ string) params {
			return params{
				"RegionId": string(in), "PageNumber": strconv.Itoa(page), "PageSize": strconv.Itoa(pageSize),
			}
		},
		key: func(p *image.SnapshotPolicy) string { return p.ID },
		check: func(p *image.SnapshotPolicy) error {
			p.Account, p.Region = account, in
			return nil
		},
	}
	return l.byNumber(ctx, a.Account)
}

// DisksUnder lists the disks that an automatic snapshot policy is applied to, in
// ECS's order: whether a policy is on a disk shows nowhere else in full. Source:
// DescribeDisks AutoSnapshotPolicyId.
func (a Operator) DisksUnder(ctx context.Context, in image.RegionID, policy string, ids []image.DiskID) ([]image.Disk, error) {
	if err := first(checkIDs(ids), checkIDs([]string{policy})); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	l := a.disks(account, in, image.DiskListing{IDs: ids})
	plain := l.request
	l.request = func(page int, token string) params {
		return plain(page, token).with("AutoSnapshotPolicyId", policy)
	}
	return l.byToken(ctx, a.Account)
}

// ApplySnapshotPolicy applies an automatic snapshot policy to disks; it is
// repeatable. Source: ApplyAutoSnapshotPolicy.
func (a Operator) ApplySnapshotPolicy(ctx context.Context, in image.RegionID, policy string, disks []image.DiskID) error {
	if err := checkIDs(disks); err != nil {
		return err
	}
	return a.actOn(ctx, act{operation: "ecs:ApplyAutoSnapshotPolicy", region: in, given: params{
		"regionId": string(in), "autoSnapshotPolicyId": policy, "diskIds": listed(disks),
	}}, policy)
}

// CancelSnapshotPolicy takes an automatic snapshot policy off disks; it is
// repeatable. Source: CancelAutoSnapshotPolicy.
func (a Operator) CancelSnapshotPolicy(ctx context.Context, in image.RegionID, policy string, disks []image.DiskID) error {
	if err := checkIDs(disks); err != nil {
		return err
	}
	return a.actOn(ctx, act{operation: "ecs:CancelAutoSnapshotPolicy", region: in, given: params{
		"regionId": string(in), "autoSnapshotPolicyId": policy, "diskIds": listed(disks),
	}}, policy)
}

// Before describes up to 100 instances with what replacing their system disks may
// change or has to know, which is shown only when it is asked for. One that does
// not exist is absent; an empty answer is no evidence, as with Instances. Source:
// DescribeInstances AdditionalAttributes.
func (a Operator) Before(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.Before, error) {
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	plain := a.instances(account, in, image.InstanceListing{IDs: ids})
	l := listing[image.Before]{
		operation: plain.operation, account: account, region: in, size: plain.size,
		shape: shape[image.Before]{outer: "Instances", inner: "Instance", row: beforeFields(plain.shape.row)},
		request: func(page int, token string) params {
			return repeat(plain.request(page, token), "AdditionalAttributes", []string{"META_OPTIONS", "LOGIN_AS_NON_ROOT"})
		},
		key:   func(b *image.Before) string { return plain.key(&b.Instance) },
		check: func(b *image.Before) error { return plain.check(&b.Instance) },
	}
	return l.byToken(ctx, a.Account)
}

// beforeFields reads an instance with what is beside it.
func beforeFields(plain fields[image.Instance]) fields[image.Before] {
	options := fields[image.MetadataOptions]{
		"HttpEndpoint":            func(s *scanner, m *image.MetadataOptions) { m.Endpoint = s.word() },
		"HttpTokens":              func(s *scanner, m *image.MetadataOptions) { m.Tokens = s.word() },
		"HttpPutResponseHopLimit": func(s *scanner, m *image.MetadataOptions) { m.HopLimit = s.count() },
	}
	login := fields[image.Before]{"LoginAsNonRoot": func(s *scanner, b *image.Before) { b.LoginAsNonRoot = s.tri() }}
	network := fields[image.Before]{
		"VpcId":     func(s *scanner, b *image.Before) { b.VPC = s.word() },
		"VSwitchId": func(s *scanner, b *image.Before) { b.VSwitch = s.word() },
	}
	secure := fields[image.Before]{"EnableSecureBoot": func(s *scanner, b *image.Before) { b.SecureBoot = s.tri() }}
	sleep := fields[image.Before]{"Configured": func(s *scanner, b *image.Before) { b.Hibernates = s.tri() }}
	all := fields[image.Before]{
		"KeyPairName":        func(s *scanner, b *image.Before) { b.KeyPair = s.word() },
		"HostName":           func(s *scanner, b *image.Before) { b.HostName = s.str() },
		"AutoReleaseTime":    func(s *scanner, b *image.Before) { b.AutoReleaseAt = s.moment() },
		"DeletionProtection": func(s *scanner, b *image.Before) { b.Protected = s.tri() },
		"MetadataOptions":    func(s *scanner, b *image.Before) { options.read(s, &b.Metadata) },
		"ImageOptions":       func(s *scanner, b *image.Before) { login.read(s, b) },
		"VpcAttributes":      func(s *scanner, b *image.Before) { network.read(s, b) },
		"StartTime":          func(s *scanner, b *image.Before) { b.StartedAt = s.moment() },
		"IoOptimized":        func(s *scanner, b *image.Before) { b.IOOptimized = s.tri() },
		"HibernationOptions": func(s *scanner, b *image.Before) { sleep.read(s, b) },
		"SecurityOptions":    func(s *scanner, b *image.Before) { secure.read(s, b) },
	}
	for name, field := range plain {
		all[name] = func(s *scanner, b *image.Before) { field(s, &b.Instance) }
	}
	return all
}
