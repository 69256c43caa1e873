package ecsapi

import (
	"cmp"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type groupAnswer struct {
	receipt
	ScalingGroupID string `json:"ScalingGroupId"`
}

// sizeOr is a number of instances, which may be 0; otherwise if it is absent.
func (c *call) sizeOr(name string, otherwise int) int {
	if n, there := c.parameters.integer(name); there {
		return n
	}
	return otherwise
}

// scalingSource reads what a group starts instances from.
func (c *call) scalingSource(active bool) cloudsim.ScalingSource {
	p := c.parameters
	source := cloudsim.ScalingSource{TemplateID: p.text("LaunchTemplateId"), TemplateVersion: p.text("LaunchTemplateVersion")}
	if active {
		source.Configuration = p.text("ActiveScalingConfigurationId")
	}
	return source
}

func createScalingGroup(c *call) (answer, error) {
	p := c.parameters
	for _, name := range []string{"MinSize", "MaxSize"} {
		if !p.has(name) {
			return nil, missingParameter(name)
		}
	}
	id, err := c.session.CreateScalingGroup(cloudsim.CreateScalingGroupRequest{
		RegionID: image.RegionID(p.text("RegionId")), Name: p.text("ScalingGroupName"), Least: c.sizeOr("MinSize", 0), Most: c.sizeOr("MaxSize", 0),
		Source: c.scalingSource(false),
	})
	if err != nil {
		return nil, err
	}
	return &groupAnswer{ScalingGroupID: id}, nil
}

func modifyScalingGroup(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifyScalingGroup(cloudsim.CreateScalingGroupRequest{
		Group: p.text("ScalingGroupId"), Name: p.text("ScalingGroupName"), Least: c.sizeOr("MinSize", -1), Most: c.sizeOr("MaxSize", -1),
		Source: c.scalingSource(true),
	}))
}

func enableScalingGroup(c *call) (answer, error) {
	return finished(c.session.EnableScalingGroup(cloudsim.EnableScalingGroupRequest{
		Group: c.parameters.text("ScalingGroupId"), Source: c.scalingSource(true), Instances: given[image.InstanceID](c.parameters.repeat("InstanceId")),
	}))
}

func disableScalingGroup(c *call) (answer, error) {
	return finished(c.session.DisableScalingGroup(c.parameters.text("ScalingGroupId")))
}

func deleteScalingGroup(c *call) (answer, error) {
	return finished(c.session.DeleteScalingGroup(c.parameters.text("ScalingGroupId"), c.parameters.flag("ForceDelete")))
}

// keptByESS are the parameters of a configuration that are kept as they came.
func keptByESS() []string {
	return strings.Fields(`HostName HttpEndpoint HttpTokens InstanceName InternetChargeType KeyPairName RamRoleName SpotStrategy UserData ZoneId`)
}

// configuration reads what a scaling configuration says.
func (c *call) configuration() cloudsim.ScalingConfigurationRequest {
	p := c.parameters
	types := append(p.repeat("InstanceTypes"), "")
	req := cloudsim.ScalingConfigurationRequest{
		Name: p.text("ScalingConfigurationName"), Image: image.ID(p.text("ImageId")), ImageName: p.text("ImageName"), Family: image.Family(p.text("ImageFamily")),
		InstanceType: image.InstanceTypeID(cmp.Or(p.text("InstanceType"), types[0])), SecurityGroups: p.repeat("SecurityGroupIds"),
		SystemDisk: cloudsim.NewDisk{Category: p.text("SystemDisk.Category"), SizeGiB: c.size("SystemDisk.Size")}, Further: map[string]string{},
	}
	for _, n := range p.numbers("DataDisk") {
		member := func(key string) string { return p.member("DataDisk", n, key) }
		req.DataDisks = append(req.DataDisks, cloudsim.NewDisk{
			Category: member("Category"), SizeGiB: c.memberSize("DataDisk", n), SnapshotID: image.SnapshotID(member("SnapshotId")),
			KeptWithInstance: strings.EqualFold(member("DeleteWithInstance"), "false"),
		})
	}
	if one := p.text("SecurityGroupId"); one != "" {
		req.SecurityGroups = append([]string{one}, req.SecurityGroups...)
	}
	for _, name := range keptByESS() {
		if value := p.text(name); value != "" {
			req.Further[name] = value
		}
	}
	return req
}

type configurationAnswer struct {
	receipt
	ScalingConfigurationID string `json:"ScalingConfigurationId"`
}

func createScalingConfiguration(c *call) (answer, error) {
	req := c.configuration()
	req.Group = c.parameters.text("ScalingGroupId")
	id, err := c.session.CreateScalingConfiguration(req)
	if err != nil {
		return nil, err
	}
	return &configurationAnswer{ScalingConfigurationID: id}, nil
}

func modifyScalingConfiguration(c *call) (answer, error) {
	req := c.configuration()
	req.Configuration = c.parameters.text("ScalingConfigurationId")
	return finished(c.session.ModifyScalingConfiguration(req))
}

func deactivateScalingConfiguration(c *call) (answer, error) {
	return finished(c.session.DeactivateScalingConfiguration(c.parameters.text("ScalingConfigurationId")))
}

func deleteScalingConfiguration(c *call) (answer, error) {
	return finished(c.session.DeleteScalingConfiguration(c.parameters.text("ScalingConfigurationId")))
}

type activityAnswer struct {
	receipt
	ScalingActivityID string `json:"ScalingActivityId"`
}

func enterStandby(c *call) (answer, error) { return c.stand(c.session.EnterStandby) }
func exitStandby(c *call) (answer, error)  { return c.stand(c.session.ExitStandby) }

func (c *call) stand(do func(cloudsim.StandbyRequest) (string, error)) (answer, error) {
	activity, err := do(cloudsim.StandbyRequest{
		Group: c.parameters.text("ScalingGroupId"), Instances: given[image.InstanceID](c.parameters.repeat("InstanceId")),
		ClientToken: c.parameters.text("ClientToken"),
	})
	if err != nil {
		return nil, err
	}
	return &activityAnswer{ScalingActivityID: activity}, nil
}

type membersAnswer struct {
	receipt
	pageNumbers
	TotalSpotCount   int
	ScalingInstances struct{ ScalingInstance rows[wireMember] }
}

type wireMember struct {
	InstanceID             string `json:"InstanceId"`
	ScalingGroupID         string `json:"ScalingGroupId"`
	ScalingConfigurationID string `json:"ScalingConfigurationId"`
	LifecycleState         string
	HealthStatus           string
	CreationType           string
	CreationTime           string
	CreatedTime            string
	InstanceType           string
	ZoneID                 string `json:"ZoneId"`
}

func (a *membersAnswer) content() editable { return &a.ScalingInstances.ScalingInstance }
func (a *membersAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeScalingInstances(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeScalingInstances(cloudsim.DescribeScalingInstancesRequest{
		RegionID: image.RegionID(p.text("RegionId")), Group: p.text("ScalingGroupId"), Configuration: p.text("ScalingConfigurationId"),
		Instances: given[image.InstanceID](p.repeat("InstanceId")), State: p.text("LifecycleState"), Health: p.text("HealthStatus"), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &membersAnswer{pageNumbers: marked(page.PageMark)}
	a.ScalingInstances.ScalingInstance = rowsOf(page.Instances, func(m cloudsim.ScalingMember) wireMember {
		out := wireMember{
			InstanceID: string(m.Instance), ScalingGroupID: m.Group, ScalingConfigurationID: m.Configuration, LifecycleState: m.State,
			HealthStatus: "Unhealthy", CreationType: "AutoCreated", CreationTime: toMinute(m.CreatedAt), CreatedTime: toSecond(m.CreatedAt),
			InstanceType: string(m.Type), ZoneID: string(m.Zone),
		}
		if m.Healthy {
			out.HealthStatus = "Healthy"
		}
		if m.Attached {
			out.CreationType = "Attached"
		}
		return out
	})
	return a, nil
}
