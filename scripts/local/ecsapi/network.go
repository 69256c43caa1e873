package ecsapi

import (
	"slices"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// networkOperations list the network that every account has.
func networkOperations() []operation {
	return []operation{
		{name: "DescribeVpcs", run: describeVPCs, lists: numbered, takes: declared(`
			RegionId! IsDefault:bool PageNumber:int PageSize:int ResourceGroupId VpcId:list`)},
		{name: "DescribeVSwitches", run: describeVSwitches, lists: numbered, takes: declared(`
			RegionId! IsDefault:bool PageNumber:int PageSize:int ResourceGroupId VSwitchId:list VpcId ZoneId`)},
		{name: "DescribeSecurityGroups", run: describeSecurityGroups, lists: numbered, takes: declared(`
			RegionId! DryRun:bool MaxResults:int NetworkType NextToken PageNumber:int PageSize:int ResourceGroupId SecurityGroupId
			SecurityGroupIds:ids SecurityGroupName SecurityGroupType Tag.N.Key Tag.N.Value VpcId`)},
	}
}

type vpcsAnswer struct {
	receipt
	pageNumbers
	Vpcs struct{ Vpc rows[wireNet] }
}

type wireNet struct {
	VpcID       string `json:"VpcId"`
	VpcName     string
	CidrBlock   string
	Description string
	RegionID    string `json:"RegionId"`
	Status      string
	IsDefault   bool
	CreatedAt   string `json:"CreationTime"`
	VRouterID   string `json:"VRouterId"`
	UserCidrs   struct{ UserCidr []string }
	VSwitchIDs  struct {
		VSwitchID []string `json:"VSwitchId"`
	} `json:"VSwitchIds"`
}

func (a *vpcsAnswer) content() editable { return &a.Vpcs.Vpc }
func (a *vpcsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func (c *call) network() cloudsim.NetworkRequest {
	return cloudsim.NetworkRequest{RegionID: image.RegionID(c.parameters.text("RegionId")), Pages: c.pages()}
}

func describeVPCs(c *call) (answer, error) {
	req := c.network()
	req.IDs = c.parameters.commas("VpcId")
	list, mark, err := c.session.DescribeVpcs(req)
	if err != nil {
		return nil, err
	}
	a := &vpcsAnswer{pageNumbers: marked(mark)}
	a.Vpcs.Vpc = rowsOf(list, func(v cloudsim.VPCRow) wireNet {
		out := wireNet{
			VpcID: v.ID, VpcName: v.Name, CidrBlock: v.CIDR, RegionID: string(req.RegionID), Status: "Available", IsDefault: true,
			CreatedAt: toSecond(v.CreatedAt), VRouterID: "vrt-" + strings.TrimPrefix(v.ID, "vpc-"),
		}
		out.UserCidrs.UserCidr, out.VSwitchIDs.VSwitchID = []string{}, v.VSwitches
		return out
	})
	return a, nil
}

type vSwitchesAnswer struct {
	receipt
	pageNumbers
	VSwitches struct{ VSwitch rows[wireVSwitch] }
}

type wireVSwitch struct {
	VSwitchID       string `json:"VSwitchId"`
	VSwitchName     string
	VpcID           string `json:"VpcId"`
	ZoneID          string `json:"ZoneId"`
	CidrBlock       string
	Description     string
	Status          string
	IsDefault       bool
	CreationTime    string
	ResourceGroupID string `json:"ResourceGroupId"`
	Available       int    `json:"AvailableIpAddressCount"`
}

func (a *vSwitchesAnswer) content() editable { return &a.VSwitches.VSwitch }
func (a *vSwitchesAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeVSwitches(c *call) (answer, error) {
	req := c.network()
	req.IDs, req.VPC, req.Zone = c.parameters.commas("VSwitchId"), c.parameters.text("VpcId"), image.ZoneID(c.parameters.text("ZoneId"))
	list, mark, err := c.session.DescribeVSwitches(req)
	if err != nil {
		return nil, err
	}
	a := &vSwitchesAnswer{pageNumbers: marked(mark)}
	a.VSwitches.VSwitch = rowsOf(list, func(v cloudsim.VSwitchRow) wireVSwitch {
		return wireVSwitch{
			VSwitchID: v.ID, VSwitchName: v.Name, VpcID: v.VPC, ZoneID: string(v.Zone), CidrBlock: v.CIDR, Status: "Available", IsDefault: true,
			CreationTime: toSecond(v.CreatedAt), Available: v.FreeAddresses,
		}
	})
	return a, nil
}

type securityGroupsAnswer struct {
	receipt
	pageNumbers
	NextToken      string
	RegionID       string `json:"RegionId"`
	SecurityGroups struct{ SecurityGroup rows[wireSecurityGroup] }
}

type wireSecurityGroup struct {
	SecurityGroupID   string `json:"SecurityGroupId"`
	SecurityGroupName string
	SecurityGroupType string
	Description       string
	VpcID             string `json:"VpcId"`
	CreationTime      string
	EcsCount          int
	RuleCount         int
	ServiceManaged    bool
	ResourceGroupID   string `json:"ResourceGroupId"`
	Tags              wireTags
}

func (a *securityGroupsAnswer) content() editable { return &a.SecurityGroups.SecurityGroup }
func (a *securityGroupsAnswer) place() *pagePlace {
	return &pagePlace{pages: &a.pageNumbers, next: &a.NextToken}
}

func describeSecurityGroups(c *call) (answer, error) {
	p := c.parameters
	req := c.network()
	req.IDs, req.VPC, req.Name = p.ids("SecurityGroupIds"), p.text("VpcId"), p.text("SecurityGroupName")
	if one := p.text("SecurityGroupId"); one != "" {
		req.IDs = append(slices.Clone(req.IDs), one)
	}
	list, mark, err := c.session.DescribeSecurityGroups(req)
	if err != nil {
		return nil, err
	}
	a := &securityGroupsAnswer{pageNumbers: marked(mark), RegionID: p.text("RegionId")}
	a.SecurityGroups.SecurityGroup = rowsOf(list, func(g cloudsim.SecurityGroupRow) wireSecurityGroup {
		return wireSecurityGroup{
			SecurityGroupID: g.ID, SecurityGroupName: g.Name, SecurityGroupType: "normal", VpcID: g.VPC, CreationTime: toSecond(g.CreatedAt),
			EcsCount: g.Instances, RuleCount: 1, Tags: tagsOnWire(nil),
		}
	})
	return a, nil
}
