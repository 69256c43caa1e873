package ecsapi

import (
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type groupsAnswer struct {
	receipt
	pageNumbers
	ScalingGroups struct{ ScalingGroup rows[wireGroupOfESS] }
}

// wireGroupOfESS has the keys of ESS's ScalingGroup that are about what is
// launched; its instances are not emulated, so that every capacity is 0.
type wireGroupOfESS struct {
	ScalingGroupID               string `json:"ScalingGroupId"`
	ScalingGroupName             string
	RegionID                     string `json:"RegionId"`
	LifecycleState               string
	GroupType                    string
	ActiveScalingConfigurationID string `json:"ActiveScalingConfigurationId"`
	LaunchTemplateID             string `json:"LaunchTemplateId"`
	LaunchTemplateVersion        string
	MinSize, MaxSize             int
	TotalCapacity                int
	ActiveCapacity               int
	CreationTime                 string
	ModificationTime             string
}

func (a *groupsAnswer) content() editable { return &a.ScalingGroups.ScalingGroup }
func (a *groupsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

// lifecycle is ESS's word.
func lifecycle(active bool) string {
	if active {
		return "Active"
	}
	return "Inactive"
}

func describeScalingGroups(c *call) (answer, error) {
	p := c.parameters
	names := p.repeat("ScalingGroupName")
	if one := p.text("ScalingGroupName"); one != "" {
		names = append(names, one)
	}
	page, err := c.session.DescribeScalingGroups(cloudsim.DescribeScalingGroupsRequest{
		RegionID: image.RegionID(p.text("RegionId")), IDs: p.repeat("ScalingGroupId"), Names: names, GroupType: p.text("GroupType"),
		ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &groupsAnswer{pageNumbers: marked(page.PageMark)}
	a.ScalingGroups.ScalingGroup = rowsOf(page.Groups, func(g cloudsim.ScalingGroupRow) wireGroupOfESS {
		return wireGroupOfESS{
			ScalingGroupID: g.ID, ScalingGroupName: g.Name, RegionID: string(g.Region), LifecycleState: lifecycle(g.Active), GroupType: "ECS",
			ActiveScalingConfigurationID: g.Configuration, LaunchTemplateID: g.TemplateID, LaunchTemplateVersion: g.TemplateVersion,
			MinSize: g.Least, MaxSize: g.Most, CreationTime: toMinute(g.CreatedAt), ModificationTime: toMinute(g.CreatedAt),
		}
	})
	return a, nil
}

type configurationsAnswer struct {
	receipt
	pageNumbers
	ScalingConfigurations struct {
		ScalingConfiguration rows[wireConfiguration]
	}
}

type wireConfiguration struct {
	ScalingConfigurationID   string `json:"ScalingConfigurationId"`
	ScalingConfigurationName string
	ScalingGroupID           string `json:"ScalingGroupId"`
	LifecycleState           string
	ImageID                  string `json:"ImageId"`
	ImageName                string
	ImageFamily              string
	ImageOwnerAlias          string
	LoginAsNonRoot           bool `json:"ImageOptions.LoginAsNonRoot"`
	InstanceType             string
	InstanceTypes            struct{ InstanceType []string }
	SystemDiskCategory       string
	SystemDiskSize           int
	CreationTime             string
	DataDisks                struct{ DataDisk []struct{} }
	Tags                     struct{ Tag []struct{} }
}

func (a *configurationsAnswer) content() editable {
	return &a.ScalingConfigurations.ScalingConfiguration
}
func (a *configurationsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeScalingConfigurations(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeScalingConfigurations(cloudsim.DescribeScalingConfigurationsRequest{
		RegionID: image.RegionID(p.text("RegionId")), GroupID: p.text("ScalingGroupId"), IDs: p.repeat("ScalingConfigurationId"),
		Names: p.repeat("ScalingConfigurationName"), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &configurationsAnswer{pageNumbers: marked(page.PageMark)}
	a.ScalingConfigurations.ScalingConfiguration = rowsOf(page.Configurations, func(row cloudsim.ScalingConfigurationRow) wireConfiguration {
		out := wireConfiguration{
			ScalingConfigurationID: row.ID, ScalingConfigurationName: row.Name, ScalingGroupID: row.Group, LifecycleState: lifecycle(row.Active),
			ImageID: string(row.Image), ImageName: row.ImageName, ImageFamily: string(row.Family), ImageOwnerAlias: row.ImageAlias,
			InstanceType: string(row.InstanceType), SystemDiskCategory: "cloud_essd", SystemDiskSize: 40, CreationTime: toMinute(row.CreatedAt),
		}
		out.InstanceTypes.InstanceType = []string{string(row.InstanceType)}
		out.DataDisks.DataDisk, out.Tags.Tag = []struct{}{}, []struct{}{}
		return out
	})
	return a, nil
}
