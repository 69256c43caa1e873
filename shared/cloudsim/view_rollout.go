package cloudsim

import (
	"cmp"
	"context"
	"encoding/base64"
	"reflect"
	"slices"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// What of the changing side a rollout takes. Answers and failures are those of
// package alicloud's Operator.

// do runs one call of a session that answers nothing.
func do(ctx context.Context, v *View, call func(*Session) error) error {
	_, err := read(ctx, v, func(s *Session) (struct{}, error) { return struct{}{}, call(s) })
	return err
}

// known makes a Tri of what the cloud always says.
func known(b bool) image.Tri { return image.TriOf(b) }

// Before describes instances with what replacing their disks may change.
func (v *View) Before(ctx context.Context, region image.RegionID, ids []image.InstanceID) ([]image.Before, error) {
	page, err := read(ctx, v, func(s *Session) (InstancesPage, error) {
		return s.DescribeInstances(DescribeInstancesRequest{RegionID: region, InstanceIDs: ids, Tokens: Tokens{MaxResults: 100}})
	})
	var list []image.Before
	for _, row := range page.Instances {
		m := row.Metadata.Filled()
		one := image.Before{
			Instance: row.Instance, KeyPair: row.KeyPair, Metadata: image.MetadataOptions{Endpoint: m.HTTPEndpoint, Tokens: m.HTTPTokens, HopLimit: m.HopLimit},
			LoginAsNonRoot: known(row.LoginAsNonRoot), AutoReleaseAt: row.AutoReleaseAt, Protected: known(row.DeletionProtection), VPC: row.VPC,
			VSwitch: row.VSwitch, StartedAt: row.StartedAt, IOOptimized: image.Yes, Hibernates: known(row.Hibernated),
			SecureBoot: known(row.SecureBoot),
		}
		one.ExpiresAt = row.ExpiredAt
		list = append(list, one)
	}
	return list, err
}

// DiskSetups describes disks with how they are set up.
func (v *View) DiskSetups(ctx context.Context, region image.RegionID, l image.DiskListing) ([]image.DiskSetup, error) {
	req := DescribeDisksRequest{RegionID: region, DiskIDs: orNil(l.IDs), InstanceID: l.Instance, SnapshotID: l.Snapshot, Tokens: Tokens{MaxResults: 500}}
	if l.System == image.Yes {
		req.DiskType = "system"
	}
	var list []image.DiskSetup
	for {
		page, err := read(ctx, v, func(s *Session) (DisksPage, error) { return s.DescribeDisks(req) })
		if err != nil {
			return nil, err
		}
		for _, row := range page.Disks {
			one := image.DiskSetup{
				Disk: row.Disk, Description: row.Description, DeleteWithInstance: known(row.DeleteWithInstance),
				DeleteAutoSnapshot: known(row.DeleteAutoSnapshot), Burst: known(row.Bursting), PerformanceLevel: row.PerformanceLevel,
				IOPS: row.ProvisionedIOPS, Key: row.KMSKeyID,
			}
			if len(row.Policies) > 0 {
				one.Policy = row.Policies[0]
			}
			list = append(list, one)
		}
		if req.Tokens.Next = page.Next; req.Tokens.Next == "" {
			return list, nil
		}
	}
}

// Assistants tells whose Cloud Assistant lives.
func (v *View) Assistants(ctx context.Context, region image.RegionID, ids []image.InstanceID) ([]image.AssistantStatus, error) {
	page, err := read(ctx, v, func(s *Session) (AssistantPage, error) {
		return s.DescribeCloudAssistantStatus(DescribeCloudAssistantStatusRequest{RegionID: region, InstanceIDs: ids})
	})
	var list []image.AssistantStatus
	for _, row := range page.Instances {
		list = append(list, image.AssistantStatus{Instance: row.InstanceID, Alive: row.Alive, HeartbeatAt: row.HeartbeatAt, Version: row.Version})
	}
	return list, err
}

// EncryptsByDefault tells whether new disks have to be encrypted.
func (v *View) EncryptsByDefault(ctx context.Context, region image.RegionID) (image.Tri, error) {
	encrypts, err := read(ctx, v, func(s *Session) (bool, error) {
		encrypted, _, err := s.DiskEncryptionByDefault("DescribeDiskEncryptionByDefaultStatus", region)
		return encrypted, err
	})
	if err != nil {
		return image.Unknown, err
	}
	return known(encrypts), nil
}

// SnapshotPolicies lists the automatic snapshot policies of a region.
func (v *View) SnapshotPolicies(ctx context.Context, region image.RegionID) ([]image.SnapshotPolicy, error) {
	page, err := read(ctx, v, func(s *Session) (SnapshotPoliciesPage, error) {
		return s.DescribeAutoSnapshotPolicyEx(DescribeSnapshotPoliciesRequest{RegionID: region, Pages: Pages{Size: 100}})
	})
	var list []image.SnapshotPolicy
	for _, row := range page.Policies {
		list = append(list, image.SnapshotPolicy{Account: v.account, Region: region, ID: row.ID, Name: row.Name, Disks: row.Disks, Status: "Normal"})
	}
	return list, err
}

// DisksUnder lists the disks that a policy is applied to.
func (v *View) DisksUnder(ctx context.Context, region image.RegionID, policy string, ids []image.DiskID) ([]image.Disk, error) {
	page, err := read(ctx, v, func(s *Session) (DisksPage, error) {
		return s.DescribeDisks(DescribeDisksRequest{RegionID: region, DiskIDs: orNil(ids), PolicyID: policy, Tokens: Tokens{MaxResults: 500}})
	})
	var list []image.Disk
	for _, row := range page.Disks {
		list = append(list, row.Disk)
	}
	return list, err
}

// ScalingInstances lists the instances of scaling groups.
func (v *View) ScalingInstances(ctx context.Context, region image.RegionID, group string, ids []image.InstanceID) ([]image.ScalingInstance, error) {
	page, err := read(ctx, v, func(s *Session) (ScalingInstancesPage, error) {
		return s.DescribeScalingInstances(DescribeScalingInstancesRequest{RegionID: region, Group: group, Instances: ids, Pages: Pages{Size: 100}})
	})
	var list []image.ScalingInstance
	for _, m := range page.Instances {
		health := "Unhealthy"
		if m.Healthy {
			health = "Healthy"
		}
		list = append(list, image.ScalingInstance{
			Account: v.account, Region: region, Instance: m.Instance, Group: m.Group, State: m.State, Health: health, Configuration: m.Configuration,
		})
	}
	return list, err
}

// Healths describes instances by their power and their health.
func (v *View) Healths(ctx context.Context, region image.RegionID, ids []image.InstanceID) ([]image.InstanceHealth, error) {
	page, err := read(ctx, v, func(s *Session) (InstanceRowsPage, error) {
		return s.DescribeInstancesFullStatus(InstanceRowsRequest{RegionID: region, InstanceIDs: ids, Pages: Pages{Size: 100}})
	})
	var list []image.InstanceHealth
	for _, row := range page.Instances {
		list = append(list, image.InstanceHealth{ID: row.ID, Status: row.Status, Health: cmp.Or(row.Health, "Ok")})
	}
	return list, err
}

// Stop stops an instance.
func (v *View) Stop(ctx context.Context, _ image.RegionID, r image.StopRequest) error {
	return do(ctx, v, func(s *Session) error {
		return s.StopInstance(StopInstanceRequest{InstanceID: r.Instance, StoppedMode: r.Mode, ForceStop: r.Force})
	})
}

// Start starts an instance.
func (v *View) Start(ctx context.Context, _ image.RegionID, id image.InstanceID) error {
	return do(ctx, v, func(s *Session) error { return s.StartInstance(InstanceRequest{InstanceID: id}) })
}

// ReplaceSystemDisk gives a stopped instance a new system disk.
func (v *View) ReplaceSystemDisk(ctx context.Context, _ image.RegionID, r image.ReplaceRequest) (image.DiskID, error) {
	return read(ctx, v, func(s *Session) (image.DiskID, error) {
		return s.ReplaceSystemDisk(ReplaceSystemDiskRequest{
			InstanceID: r.Instance, ImageID: r.Image, SizeGiB: r.DiskGiB, Encrypted: r.Encrypted, KMSKeyID: r.Key, KeyPair: r.KeyPair,
			PasswordInherit: r.KeepPassword, LoginAsNonRoot: r.LoginAsNonRoot == image.Yes, ClientToken: r.Token,
		})
	})
}

// RunCommand runs a command on an instance.
func (v *View) RunCommand(ctx context.Context, region image.RegionID, r image.CommandRequest) (string, error) {
	shell := "RunShellScript"
	if r.OSType == image.Windows {
		shell = "RunPowerShellScript"
	}
	run, err := read(ctx, v, func(s *Session) (Invoked, error) {
		return s.RunCommand(RunCommandRequest{
			RegionID: region, Type: shell, Content: base64.StdEncoding.EncodeToString([]byte(r.Command)), Encoding: "Base64",
			InstanceIDs: []image.InstanceID{r.Instance}, TimeoutSeconds: int(r.Timeout.Seconds()), Name: r.Name, ClientToken: r.Token,
		})
	})
	return run.InvokeID, err
}

// Invocation tells what became of a command.
func (v *View) Invocation(ctx context.Context, region image.RegionID, run string) ([]image.Invocation, error) {
	page, err := read(ctx, v, func(s *Session) (RunsPage, error) {
		return s.DescribeInvocationResults(DescribeInvocationsRequest{RegionID: region, InvokeID: run, Pages: Pages{Size: 50}})
	})
	var list []image.Invocation
	for _, r := range page.Runs {
		list = append(list, image.Invocation{ID: r.InvokeID, Instance: r.InstanceID, Status: string(r.Status), ExitCode: r.ExitCode})
	}
	return list, err
}

// tagList puts tags in order, as requests have them.
func tagList(tags image.Tags) []Tag {
	list := make([]Tag, 0, len(tags))
	for _, key := range tags.Keys() {
		list = append(list, Tag{Key: key, Value: tags[key]})
	}
	return list
}

// CreateSnapshot takes a snapshot of a disk.
func (v *View) CreateSnapshot(ctx context.Context, _ image.RegionID, r image.SnapshotRequest) (image.SnapshotID, error) {
	return read(ctx, v, func(s *Session) (image.SnapshotID, error) {
		return s.CreateSnapshot(CreateSnapshotRequest{
			DiskID: r.Disk, Name: r.Name, Description: r.Description, RetentionDays: r.RetentionDays, Tags: tagList(r.Tags), ClientToken: r.Token,
		})
	})
}

// DeleteSnapshot deletes a snapshot; one that is gone is a success.
func (v *View) DeleteSnapshot(ctx context.Context, _ image.RegionID, id image.SnapshotID) error {
	err := do(ctx, v, func(s *Session) error { return s.DeleteSnapshot(DeleteSnapshotRequest{SnapshotID: id}) })
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	return err
}

// CreateImage makes an image of an instance, or of snapshots.
func (v *View) CreateImage(ctx context.Context, region image.RegionID, r image.CreateRequest) (image.ID, error) {
	req := CreateImageRequest{
		RegionID: region, InstanceID: r.Instance, ImageName: r.Name, Description: r.Description, Platform: r.Platform,
		Architecture: string(r.Architecture), BootMode: string(r.BootMode), IMDS: r.IMDS, ResourceGroup: r.ResourceGroup,
		Tags: tagList(r.Tags), ClientToken: r.Token,
	}
	for n, d := range r.Snapshots {
		req.Disks = append(req.Disks, DiskInput{Type: []string{"system", "data"}[min(n, 1)], SizeGiB: d.SizeGiB, SnapshotID: d.Snapshot})
	}
	return read(ctx, v, func(s *Session) (image.ID, error) { return s.CreateImage(req) })
}

// ModifyImage changes an image.
func (v *View) ModifyImage(ctx context.Context, region image.RegionID, id image.ID, c image.AttributeChange) error {
	req := ModifyImageAttributeRequest{RegionID: region, ImageID: id}
	for to, value := range map[*string]*string{&req.ImageName: c.Name, &req.Description: c.Description, &req.BootMode: (*string)(c.BootMode), &req.IMDS: c.IMDS} {
		if value != nil {
			*to = *value
		}
	}
	if c.Family != nil {
		req.ImageFamily = *c.Family
	}
	if c.Deprecated != nil {
		req.Status = map[bool]image.Status{true: image.StatusDeprecated, false: image.StatusAvailable}[*c.Deprecated]
	}
	if c.NVMe != nil {
		req.NVMe = map[bool]string{true: "supported", false: "unsupported"}[*c.NVMe]
	}
	return do(ctx, v, func(s *Session) error { return s.ModifyImageAttribute(req) })
}

// DeleteImage deletes an image, never by force; one that is gone is a success.
func (v *View) DeleteImage(ctx context.Context, region image.RegionID, id image.ID) error {
	err := do(ctx, v, func(s *Session) error { return s.DeleteImage(DeleteImageRequest{RegionID: region, ImageID: id}) })
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	return err
}

// ModifyDisk changes attributes of a disk.
func (v *View) ModifyDisk(ctx context.Context, region image.RegionID, id image.DiskID, to image.DiskAttributes) error {
	req := ModifyDiskAttributeRequest{
		RegionID: region, DiskID: id, DeleteWithInstance: to.DeleteWithInstance, DeleteAutoSnapshot: to.DeleteAutoSnapshot, Bursting: to.Burst,
	}
	if to.Name != "" {
		req.Name = &to.Name
	}
	if to.Description != "" {
		req.Description = &to.Description
	}
	return do(ctx, v, func(s *Session) error { return s.ModifyDiskAttribute(req) })
}

// SetPerformance changes the performance of a disk.
func (v *View) SetPerformance(ctx context.Context, _ image.RegionID, id image.DiskID, level string, iops int) error {
	return do(ctx, v, func(s *Session) error {
		return s.ModifyDiskSpec(ModifyDiskSpecRequest{DiskID: id, PerformanceLevel: level, ProvisionedIOPS: iops})
	})
}

// ApplySnapshotPolicy applies a policy to disks.
func (v *View) ApplySnapshotPolicy(ctx context.Context, region image.RegionID, policy string, disks []image.DiskID) error {
	return do(ctx, v, func(s *Session) error {
		return s.ApplyAutoSnapshotPolicy(SnapshotPolicyRequest{RegionID: region, Policy: policy, Disks: disks})
	})
}

// ModifyMetadata changes how an instance reads its metadata.
func (v *View) ModifyMetadata(ctx context.Context, region image.RegionID, id image.InstanceID, to image.MetadataOptions) error {
	return do(ctx, v, func(s *Session) error {
		return s.ModifyInstanceMetadataOptions(ModifyInstanceMetadataOptionsRequest{
			RegionID: region, InstanceID: id, Options: MetadataOptions{HTTPEndpoint: to.Endpoint, HTTPTokens: to.Tokens, HopLimit: to.HopLimit},
		})
	})
}

// EnterStandby takes instances out of their group's service.
func (v *View) EnterStandby(ctx context.Context, _ image.RegionID, group string, ids []image.InstanceID, token string) error {
	return do(ctx, v, func(s *Session) error {
		_, err := s.EnterStandby(StandbyRequest{Group: group, Instances: ids, ClientToken: token})
		return err
	})
}

// ExitStandby brings instances back into their group's service.
func (v *View) ExitStandby(ctx context.Context, _ image.RegionID, group string, ids []image.InstanceID, token string) error {
	return do(ctx, v, func(s *Session) error {
		_, err := s.ExitStandby(StandbyRequest{Group: group, Instances: ids, ClientToken: token})
		return err
	})
}

// Tag gives resources tags.
func (v *View) Tag(ctx context.Context, region image.RegionID, resource string, ids []string, tags image.Tags) error {
	return do(ctx, v, func(s *Session) error {
		return s.TagResources(TagResourcesRequest{RegionID: region, ResourceType: resource, ResourceIDs: ids, Tags: tagList(tags)})
	})
}

// JoinGroup puts a thing into a resource group.
func (v *View) JoinGroup(ctx context.Context, region image.RegionID, resource, id, group string) error {
	return do(ctx, v, func(s *Session) error {
		return s.JoinResourceGroup(JoinGroupRequest{RegionID: region, ResourceType: resource, ResourceID: id, Group: group})
	})
}

// AttachKeyPair gives instances a key pair.
func (v *View) AttachKeyPair(ctx context.Context, region image.RegionID, name string, ids []image.InstanceID) error {
	outcomes, err := read(ctx, v, func(s *Session) ([]KeyPairOutcome, error) {
		return s.AttachKeyPair(AttachKeyPairRequest{RegionID: region, Name: name, InstanceIDs: ids})
	})
	if err == nil && slices.ContainsFunc(outcomes, func(o KeyPairOutcome) bool { return o.Refused != nil }) {
		err = fault.New(fault.Precondition, "not all instances got the key pair").WithCode("keyPairNotAttached")
	}
	return err
}

// RepointConfiguration changes the image of a scaling configuration.
func (v *View) RepointConfiguration(ctx context.Context, _ image.RegionID, configuration string, to image.ID) error {
	return do(ctx, v, func(s *Session) error {
		return s.ModifyScalingConfiguration(ScalingConfigurationRequest{Configuration: configuration, Image: to})
	})
}

// SetDefaultVersion makes a version of a launch template its default.
func (v *View) SetDefaultVersion(ctx context.Context, region image.RegionID, template string, version int) error {
	return do(ctx, v, func(s *Session) error {
		_, err := s.ModifyLaunchTemplateDefaultVersion(TemplateName{RegionID: region, ID: template}, version)
		return err
	})
}

// CopyTemplateVersion adds a version to a launch template that launches what another
// one does, from another image.
func (v *View) CopyTemplateVersion(ctx context.Context, region image.RegionID, template string, version int, to image.ID, description string) (int, error) {
	was, err := v.templateVersion(ctx, region, template, version)
	if err != nil {
		return 0, err
	}
	return read(ctx, v, func(s *Session) (int, error) {
		_, number, err := s.CreateLaunchTemplateVersion(CreateLaunchTemplateVersionRequest{
			Template: TemplateName{RegionID: region, ID: template}, Description: description, Data: TemplateData{
				Image: to, InstanceType: was.InstanceType, SystemDisk: was.SystemDisk, DataDisks: was.DataDisks,
				SecurityGroups: was.SecurityGroups, Tags: was.Tags, Further: was.Further,
			},
		})
		return number, err
	})
}

// TemplateDiffers names in what one version of a launch template launches something
// else than another one, beside the image.
func (v *View) TemplateDiffers(ctx context.Context, region image.RegionID, template string, one, other int) ([]string, error) {
	was, err := v.templateVersion(ctx, region, template, one)
	if err != nil {
		return nil, err
	}
	is, err := v.templateVersion(ctx, region, template, other)
	if err != nil {
		return nil, err
	}
	is.TemplateVersion, is.CreatedAt, is.ImageAlias = was.TemplateVersion, was.CreatedAt, was.ImageAlias
	if !reflect.DeepEqual(was, is) {
		return []string{"contents"}, nil
	}
	return nil, nil
}

// templateVersion is one version of a launch template.
func (v *View) templateVersion(ctx context.Context, region image.RegionID, template string, version int) (TemplateVersionRow, error) {
	page, err := read(ctx, v, func(s *Session) (TemplateVersionsPage, error) {
		return s.DescribeLaunchTemplateVersions(DescribeLaunchTemplateVersionsRequest{RegionID: region, TemplateID: template, Versions: []int{version}})
	})
	if err == nil && len(page.Versions) != 1 {
		err = unknownVersion()
	}
	if err != nil {
		return TemplateVersionRow{}, err
	}
	return page.Versions[0], nil
}
