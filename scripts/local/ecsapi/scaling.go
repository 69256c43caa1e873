package ecsapi

import (
	"time"

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
	StandbyCapacity              int
	TotalInstanceCount           int
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

// inState counts members.
func inState(members []cloudsim.ScalingMember, state string) (n int) {
	for _, m := range members {
		if m.State == state {
			n++
		}
	}
	return n
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
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
			MinSize: g.Least, MaxSize: g.Most, CreationTime: toMinute(g.CreatedAt), ModificationTime: toMinute(later(g.CreatedAt, g.ModifiedAt)),
			TotalCapacity: len(g.Members), TotalInstanceCount: len(g.Members), ActiveCapacity: inState(g.Members, "InService"), StandbyCapacity: inState(g.Members, "Standby"),
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
	KeyPairName              string
	RAMRoleName              string `json:"RamRoleName"`
	UserData                 string
	HostName                 string
	InstanceName             string
	SecurityGroupID          string `json:"SecurityGroupId"`
	SecurityGroupIDs         struct {
		SecurityGroupID []string `json:"SecurityGroupId"`
	} `json:"SecurityGroupIds"`
	DataDisks struct{ DataDisk []wireTemplateDisk }
	Tags      struct{ Tag []struct{} }
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
			InstanceType: string(row.InstanceType), SystemDiskCategory: row.SystemDisk.Category, SystemDiskSize: row.SystemDisk.SizeGiB, CreationTime: toMinute(row.CreatedAt),
		}
		out.InstanceTypes.InstanceType = []string{string(row.InstanceType)}
		out.KeyPairName, out.RAMRoleName, out.UserData = row.Further["KeyPairName"], row.Further["RamRoleName"], row.Further["UserData"]
		out.HostName, out.InstanceName = row.Further["HostName"], row.Further["InstanceName"]
		if len(row.SecurityGroups) > 0 {
			out.SecurityGroupID = row.SecurityGroups[0]
		}
		out.SecurityGroupIDs.SecurityGroupID = append([]string{}, row.SecurityGroups...)
		out.DataDisks.DataDisk, out.Tags.Tag = rowsOf(row.DataDisks, diskOfTemplate), []struct{}{}
		return out
	})
	return a, nil
}
