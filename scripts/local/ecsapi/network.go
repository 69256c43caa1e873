package ecsapi

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

// networkOperations list the network that every account has, and what it makes of it.
// VPCs and vSwitches are asked for by the old API of ECS, and by that of VPC.
func networkOperations() []operation {
	const rule = `RegionId! SecurityGroupId! ClientToken Description IpProtocol NicType Policy PortRange Priority
		Permissions.N.Description Permissions.N.IpProtocol Permissions.N.NicType Permissions.N.Policy Permissions.N.PortRange Permissions.N.Priority`
	const in = ` Ipv6SourceCidrIp SourceCidrIp SourceGroupId SourceGroupOwnerAccount SourceGroupOwnerId SourcePortRange SourcePrefixListId
		Permissions.N.Ipv6SourceCidrIp Permissions.N.SourceCidrIp Permissions.N.SourceGroupId Permissions.N.SourcePortRange Permissions.N.SourcePrefixListId`
	const out = ` DestCidrIp DestGroupId DestGroupOwnerAccount DestPrefixListId Ipv6DestCidrIp SourcePortRange
		Permissions.N.DestCidrIp Permissions.N.DestGroupId Permissions.N.DestPrefixListId Permissions.N.Ipv6DestCidrIp`
	return []operation{
		{name: "DescribeVpcs", also: vpc(), run: describeVPCs, lists: numbered, takes: declared(`
			RegionId! DryRun:bool EnableIpv6:bool IsDefault:bool PageNumber:int PageSize:int ResourceGroupId Tag.N.Key Tag.N.Value VpcId:list VpcName`)},
		{name: "DescribeVSwitches", also: vpc(), run: describeVSwitches, lists: numbered, takes: declared(`
			RegionId! DryRun:bool EnableIpv6:bool IsDefault:bool PageNumber:int PageSize:int ResourceGroupId Tag.N.Key Tag.N.Value VSwitchId:list VSwitchName VpcId
			ZoneId`)},
		{product: vpc(), name: "DescribeVSwitchAttributes", run: describeVSwitch, takes: declared(`VSwitchId! DryRun:bool RegionId`)},
		{name: "DescribeSecurityGroups", run: describeSecurityGroups, lists: numbered, malformed: malformedIDs("SecurityGroupIds", refuse(400, "InvalidSecurityGroupId.Malformed", "The specified parameter SecurityGroupIds is not valid.")), takes: declared(`
			RegionId! DryRun:bool MaxResults:int NetworkType NextToken PageNumber:int PageSize:int ResourceGroupId SecurityGroupId
			SecurityGroupIds:ids SecurityGroupName SecurityGroupType Tag.N.Key Tag.N.Value VpcId`)},
		{name: "CreateVpc", also: vpc(), run: createVPC, takes: declared(`
			RegionId! CidrBlock ClientToken Description DryRun:bool ResourceGroupId Tag.N.Key Tag.N.Value UserCidr VpcName`)},
		{name: "DeleteVpc", also: vpc(), run: deleteVPC, takes: declared(`VpcId! DryRun:bool ForceDelete:bool RegionId`)},
		{name: "CreateVSwitch", also: vpc(), run: createVSwitch, takes: declared(`
			CidrBlock! VpcId! ZoneId! ClientToken Description RegionId Tag.N.Key Tag.N.Value VSwitchName`)},
		{name: "DeleteVSwitch", also: vpc(), run: deleteVSwitch, takes: declared(`VSwitchId! DryRun:bool RegionId`)},
		{name: "CreateSecurityGroup", run: createSecurityGroup, takes: declared(`
			RegionId! ClientToken Description ResourceGroupId SecurityGroupName SecurityGroupType Tag.N.Key Tag.N.Value VpcId`)},
		{name: "DeleteSecurityGroup", run: deleteSecurityGroup, takes: declared(`RegionId! SecurityGroupId!`)},
		{name: "AuthorizeSecurityGroup", run: authorize, takes: declared(rule + in)},
		{name: "AuthorizeSecurityGroupEgress", run: authorize, takes: declared(rule + out)},
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
	*netOwner
}

// netOwner is what the API of VPC tells beside what ECS's tells.
type netOwner struct {
	OwnerID         int64  `json:"OwnerId"`
	ResourceGroupID string `json:"ResourceGroupId"`
	Tags            struct {
		Tag []wireNetTag
	}
}

// wireNetTag is a tag as VPC writes it; ECS has TagKey and TagValue.
type wireNetTag struct{ Key, Value string }

// netOwner is nil for the API of ECS.
func (c *call) netOwner(tags image.Tags) *netOwner {
	if c.product != vpc() {
		return nil
	}
	owner, _ := strconv.ParseInt(c.account(), 10, 64) // ours are numbers
	out := &netOwner{OwnerID: owner}
	out.Tags.Tag = []wireNetTag{}
	for _, key := range tags.Keys() {
		out.Tags.Tag = append(out.Tags.Tag, wireNetTag{key, tags[key]})
	}
	return out
}

func (a *vpcsAnswer) content() editable { return &a.Vpcs.Vpc }
func (a *vpcsAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func (c *call) network() cloudsim.NetworkRequest {
	return cloudsim.NetworkRequest{RegionID: image.RegionID(c.parameters.text("RegionId")), Tags: c.tags(), Pages: c.pages()}
}

func describeVPCs(c *call) (answer, error) {
	req := c.network()
	req.IDs, req.Name = c.parameters.commas("VpcId"), c.parameters.text("VpcName")
	list, mark, err := c.session.DescribeVpcs(req)
	if err != nil {
		return nil, err
	}
	a := &vpcsAnswer{pageNumbers: marked(mark)}
	a.Vpcs.Vpc = rowsOf(list, func(v cloudsim.VPCRow) wireNet {
		out := wireNet{
			VpcID: v.ID, VpcName: v.Name, Description: v.Description, CidrBlock: v.CIDR, RegionID: string(req.RegionID), Status: v.Status,
			IsDefault: v.Default, CreatedAt: toSecond(v.CreatedAt), VRouterID: routerOf(v.ID), netOwner: c.netOwner(v.Tags),
		}
		out.UserCidrs.UserCidr, out.VSwitchIDs.VSwitchID = []string{}, append([]string{}, v.VSwitches...)
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

func vSwitchOnWire(v cloudsim.VSwitchRow) wireVSwitch {
	return wireVSwitch{
		VSwitchID: v.ID, VSwitchName: v.Name, Description: v.Description, VpcID: v.VPC, ZoneID: string(v.Zone), CidrBlock: v.CIDR, Status: v.Status,
		IsDefault: v.Default, CreationTime: toSecond(v.CreatedAt), Available: v.FreeAddresses,
	}
}

// routerOf is the router of a VPC.
func routerOf(id string) string { return "vrt-" + strings.TrimPrefix(id, "vpc-") }

func (a *vSwitchesAnswer) content() editable { return &a.VSwitches.VSwitch }
func (a *vSwitchesAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describeVSwitches(c *call) (answer, error) {
	req := c.network()
	req.IDs, req.VPC, req.Zone = c.parameters.commas("VSwitchId"), c.parameters.text("VpcId"), image.ZoneID(c.parameters.text("ZoneId"))
	req.Name = c.parameters.text("VSwitchName")
	list, mark, err := c.session.DescribeVSwitches(req)
	if err != nil {
		return nil, err
	}
	a := &vSwitchesAnswer{pageNumbers: marked(mark)}
	a.VSwitches.VSwitch = rowsOf(list, vSwitchOnWire)
	return a, nil
}

type securityGroupsAnswer struct {
	receipt
	*pageNumbers
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
	return &pagePlace{pages: a.pageNumbers, next: &a.NextToken}
}

func describeSecurityGroups(c *call) (answer, error) {
	p := c.parameters
	req := c.network()
	req.IDs, req.VPC, req.Name = p.ids("SecurityGroupIds"), p.text("VpcId"), p.text("SecurityGroupName")
	if one := p.text("SecurityGroupId"); one != "" {
		req.IDs = append(slices.Clone(req.IDs), one)
	}
	req.Tokens = c.tokens()
	list, mark, err := c.session.DescribeSecurityGroups(req)
	if err != nil {
		return nil, err
	}
	a := &securityGroupsAnswer{NextToken: mark.Next, RegionID: p.text("RegionId")}
	if mark.Mark.Number > 0 { // by tokens there is no count
		numbers := marked(mark.Mark)
		a.pageNumbers = &numbers
	}
	a.SecurityGroups.SecurityGroup = rowsOf(list, func(g cloudsim.SecurityGroupRow) wireSecurityGroup {
		return wireSecurityGroup{
			SecurityGroupID: g.ID, SecurityGroupName: g.Name, SecurityGroupType: g.Type, Description: g.Description, VpcID: g.VPC,
			CreationTime: toSecond(g.CreatedAt), EcsCount: g.Instances, RuleCount: g.Rules, Tags: tagsOnWire(g.Tags),
		}
	})
	return a, nil
}

type vSwitchAnswer struct {
	receipt
	wireVSwitch
	*netOwner
	NetworkACLID string `json:"NetworkAclId"`
	RouteTable   struct {
		RouteTableID   string `json:"RouteTableId"`
		RouteTableType string
	}
}

// describeVSwitch looks in every region: the id is enough.
func describeVSwitch(c *call) (answer, error) {
	row, err := c.session.DescribeVSwitch(c.parameters.text("VSwitchId"))
	if err != nil {
		return nil, err
	}
	a := &vSwitchAnswer{wireVSwitch: vSwitchOnWire(row), netOwner: c.netOwner(row.Tags)}
	a.RouteTable.RouteTableID, a.RouteTable.RouteTableType = routeTableOf(row.VPC), "System"
	return a, nil
}

func routeTableOf(vpc string) string { return "vtb-" + strings.TrimPrefix(vpc, "vpc-") }

// made are the parameters of what is made of a network.
func (c *call) made(name string) cloudsim.CreateNetworkRequest {
	p := c.parameters
	return cloudsim.CreateNetworkRequest{
		RegionID: image.RegionID(p.text("RegionId")), Name: p.text(name), Description: p.text("Description"), Tags: c.tags(), ClientToken: p.text("ClientToken"),
	}
}

type vpcAnswer struct {
	receipt
	VpcID        string `json:"VpcId"`
	VRouterID    string `json:"VRouterId"`
	RouteTableID string `json:"RouteTableId"`
}

func createVPC(c *call) (answer, error) {
	req := c.made("VpcName")
	req.CIDR = c.parameters.text("CidrBlock")
	id, err := c.session.CreateVpc(req)
	if err != nil {
		return nil, err
	}
	return &vpcAnswer{VpcID: id, VRouterID: routerOf(id), RouteTableID: routeTableOf(id)}, nil
}

func deleteVPC(c *call) (answer, error) {
	return finished(c.session.DeleteVpc(c.parameters.text("VpcId")))
}

func createVSwitch(c *call) (answer, error) {
	req := c.made("VSwitchName")
	req.CIDR, req.VPC, req.Zone = c.parameters.text("CidrBlock"), c.parameters.text("VpcId"), image.ZoneID(c.parameters.text("ZoneId"))
	id, err := c.session.CreateVSwitch(req)
	if err != nil {
		return nil, err
	}
	return &struct {
		receipt
		VSwitchID string `json:"VSwitchId"`
	}{VSwitchID: id}, nil
}

func deleteVSwitch(c *call) (answer, error) {
	return finished(c.session.DeleteVSwitch(c.parameters.text("VSwitchId")))
}

func createSecurityGroup(c *call) (answer, error) {
	req := c.made("SecurityGroupName")
	req.VPC, req.Type = c.parameters.text("VpcId"), c.parameters.text("SecurityGroupType")
	id, err := c.session.CreateSecurityGroup(req)
	if err != nil {
		return nil, err
	}
	return &struct {
		receipt
		SecurityGroupID string `json:"SecurityGroupId"`
	}{SecurityGroupID: id}, nil
}

func deleteSecurityGroup(c *call) (answer, error) {
	return finished(c.session.DeleteSecurityGroup(image.RegionID(c.parameters.text("RegionId")), c.parameters.text("SecurityGroupId")))
}

// authorize takes rules in both forms: Permissions.N, and the old one of a single rule.
func authorize(c *call) (answer, error) {
	p, egress := c.parameters, c.op.name == "AuthorizeSecurityGroupEgress"
	peers := []string{"SourceCidrIp", "SourceGroupId", "Ipv6SourceCidrIp", "SourcePrefixListId"}
	if egress {
		peers = []string{"DestCidrIp", "DestGroupId", "Ipv6DestCidrIp", "DestPrefixListId"}
	}
	rule := func(text func(name string) string) cloudsim.Rule {
		r := cloudsim.Rule{Protocol: text("IpProtocol"), Ports: text("PortRange")}
		for _, name := range peers {
			r.Peer = cmp.Or(r.Peer, text(name))
		}
		return r
	}
	var rules []cloudsim.Rule
	for _, n := range p.numbers("Permissions") {
		rules = append(rules, rule(func(name string) string { return p.member("Permissions", n, name) }))
	}
	if len(rules) == 0 {
		rules = append(rules, rule(p.text))
	}
	return finished(c.session.AuthorizeSecurityGroup(image.RegionID(p.text("RegionId")), p.text("SecurityGroupId"), egress, rules))
}
