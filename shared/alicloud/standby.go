package alicloud

import (
	"context"
	"strconv"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// EnterStandby takes instances of a scaling group out of service: their health is
// not looked at until they come back. It is repeatable under its token; it is done
// when they show as Standby. Source: ESS EnterStandby.
func (a Operator) EnterStandby(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID, token string) error {
	given := repeat(params{"RegionId": string(in), "ScalingGroupId": group, "ClientToken": token}, "InstanceId", ids)
	return a.scale(ctx, act{operation: "ess:EnterStandby", region: in, token: token, given: given}, group, ids)
}

// ExitStandby brings instances of a scaling group back into service; otherwise as
// EnterStandby. Source: ESS ExitStandby.
func (a Operator) ExitStandby(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID, token string) error {
	given := repeat(params{"RegionId": string(in), "ScalingGroupId": group, "ClientToken": token}, "InstanceId", ids)
	return a.scale(ctx, act{operation: "ess:ExitStandby", region: in, token: token, given: given}, group, ids)
}

func (a *Account) scale(ctx context.Context, do act, group string, ids []image.InstanceID) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	if len(ids) == 0 {
		return fault.InField("instances", "required", "at least one instance")
	}
	return a.actOn(ctx, do, group)
}

// ScalingInstances lists the instances of scaling groups: of one group if it is
// named, of those instances if some are, from all pages. Source: ESS
// DescribeScalingInstances.
func (a Operator) ScalingInstances(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID) ([]image.ScalingInstance, error) {
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	account, err := a.reading(ctx, in)
	if err != nil {
		return nil, err
	}
	l := listing[image.ScalingInstance]{
		operation: "ess:DescribeScalingInstances", account: account, region: in, size: shortPage,
		shape: shape[image.ScalingInstance]{outer: "ScalingInstances", inner: "ScalingInstance", row: fields[image.ScalingInstance]{
			"InstanceId":             func(s *scanner, i *image.ScalingInstance) { i.Instance = image.InstanceID(s.str()) },
			"ScalingGroupId":         func(s *scanner, i *image.ScalingInstance) { i.Group = s.word() },
			"ScalingConfigurationId": func(s *scanner, i *image.ScalingInstance) { i.Configuration = s.word() },
			"LifecycleState":         func(s *scanner, i *image.ScalingInstance) { i.State = s.word() },
			"HealthStatus":           func(s *scanner, i *image.ScalingInstance) { i.Health = s.word() },
		}},
		request: func(page int, _ string) params {
			return repeat(params{
				"RegionId": string(in), "ScalingGroupId": group, "PageNumber": strconv.Itoa(page), "PageSize": strconv.Itoa(shortPage),
			}, "InstanceId", ids)
		},
		key: func(i *image.ScalingInstance) string { return string(i.Instance) },
		check: func(i *image.ScalingInstance) error {
			i.Account, i.Region = account, in
			return first(asked(ids, i.Instance), same(group, i.Group))
		},
	}
	return l.byNumber(ctx, a.Account)
}

// RepointConfiguration changes the image that a scaling configuration starts
// instances from; those that run stay as they are. ECS resets the configuration's
// data disks to those of the image: read it back. It is repeatable. Source: ESS
// ModifyScalingConfiguration.
func (a Operator) RepointConfiguration(ctx context.Context, in image.RegionID, configuration string, to image.ID) error {
	if err := checkIDs([]image.ID{to}); err != nil {
		return err
	}
	return a.actOn(ctx, act{operation: "ess:ModifyScalingConfiguration", region: in, given: params{
		"RegionId": string(in), "ScalingConfigurationId": configuration, "ImageId": string(to),
	}}, configuration)
}

// SetDefaultVersion makes a version of a launch template the one that is launched
// when none is named; it is repeatable. Source: ModifyLaunchTemplateDefaultVersion.
func (a Operator) SetDefaultVersion(ctx context.Context, in image.RegionID, template string, version int) error {
	if version < 1 {
		return fault.InField("version", "outOfRange", "must be 1 or more")
	}
	return a.actOn(ctx, act{operation: "ecs:ModifyLaunchTemplateDefaultVersion", region: in, given: params{
		"RegionId": string(in), "LaunchTemplateId": template, "DefaultVersionNumber": strconv.Itoa(version),
	}}, template)
}
