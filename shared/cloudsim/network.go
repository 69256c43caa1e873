package cloudsim

import (
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// What every account has in every region: one VPC, a vSwitch in each zone and one
// security group. They are there because clients look them up before they run
// an instance; no traffic goes by them.

// VPCRow is one VPC as DescribeVpcs shows it.
type VPCRow struct {
	ID, Name, CIDR string
	VSwitches      []string
	CreatedAt      time.Time
}

// VSwitchRow is one vSwitch as DescribeVSwitches shows it.
type VSwitchRow struct {
	ID, Name, VPC, CIDR string
	Zone                image.ZoneID
	FreeAddresses       int
	CreatedAt           time.Time
}

// SecurityGroupRow is one security group as DescribeSecurityGroups shows it.
type SecurityGroupRow struct {
	ID, Name, VPC string
	Instances     int
	CreatedAt     time.Time
}

func (p place) vpc() string           { return "vpc-" + p.infix + "0imagekeeperdemo0" }
func (p place) securityGroup() string { return "sg-" + p.infix + "0imagekeeperdemo0" }

func (p place) vSwitch(zone image.ZoneID) string {
	return "vsw-" + p.infix + string(zone[len(zone)-1]) + "imagekeeperdemo0"
}

// networkMade is when the network of every account was made.
func networkMade() time.Time { return Epoch().AddDate(-3, 0, 0) }

// permitVPC refuses unless the caller may do the VPC operation.
func (s *Session) permitVPC(operation string) error {
	if action := "vpc:" + operation; !s.caller.may(action, "") {
		return denied(action)
	}
	return nil
}

// NetworkRequest are the parameters of DescribeVpcs, DescribeVSwitches and
// DescribeSecurityGroups; empty ones do not filter.
type NetworkRequest struct {
	RegionID image.RegionID
	IDs      []string
	VPC      string
	Zone     image.ZoneID
	Name     string
	Pages    Pages
}

func (req *NetworkRequest) wants(id, name, vpc string) bool {
	return (len(req.IDs) == 0 || slices.Contains(req.IDs, id)) && (req.VPC == "" || req.VPC == vpc) && (req.Name == "" || req.Name == name)
}

// DescribeVpcs lists the VPCs of a region. Refusals: MissingParameter,
// InvalidRegionId.NotFound.
func (s *Session) DescribeVpcs(req NetworkRequest) ([]VPCRow, PageMark, error) {
	p, mark, err := s.network("DescribeVpcs", req)
	if err != nil {
		return nil, mark, err
	}
	row := VPCRow{ID: p.vpc(), Name: "default", CIDR: "10.0.0.0/8", CreatedAt: networkMade()}
	for _, zone := range p.zoneIDs() {
		row.VSwitches = append(row.VSwitches, p.vSwitch(zone))
	}
	list := slices.DeleteFunc([]VPCRow{row}, func(r VPCRow) bool { return !req.wants(r.ID, r.Name, r.ID) })
	mark.Total = len(list)
	return cut(list, mark), mark, nil
}

func (s *Session) network(operation string, req NetworkRequest) (place, PageMark, error) {
	if err := s.permitVPC(operation); err != nil {
		return place{}, PageMark{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return place{}, PageMark{}, err
	}
	p, _ := placeOf(req.RegionID)
	mark, err := pageMark(req.Pages, 50)
	return p, mark, err
}

// DescribeVSwitches lists the vSwitches of a region. Refusals: MissingParameter,
// InvalidRegionId.NotFound.
func (s *Session) DescribeVSwitches(req NetworkRequest) ([]VSwitchRow, PageMark, error) {
	p, mark, err := s.network("DescribeVSwitches", req)
	if err != nil {
		return nil, mark, err
	}
	var list []VSwitchRow
	for i, zone := range p.zoneIDs() {
		row := VSwitchRow{
			ID: p.vSwitch(zone), Name: "default-" + string(zone[len(zone)-1]), VPC: p.vpc(), Zone: zone,
			CIDR: "10." + string(rune('0'+i)) + ".0.0/16", FreeAddresses: 65532, CreatedAt: networkMade(),
		}
		if req.wants(row.ID, row.Name, row.VPC) && (req.Zone == "" || req.Zone == zone) {
			list = append(list, row)
		}
	}
	mark.Total = len(list)
	return cut(list, mark), mark, nil
}

// DescribeSecurityGroups lists the security groups of a region; unknown ids find
// none. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidSecurityGroupId.Malformed.
func (s *Session) DescribeSecurityGroups(req NetworkRequest) ([]SecurityGroupRow, PageMark, error) {
	if err := s.permit("DescribeSecurityGroups"); err != nil {
		return nil, PageMark{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return nil, PageMark{}, err
	}
	mark, err := pageMark(req.Pages, 100)
	switch {
	case err != nil:
		return nil, mark, err
	case len(req.IDs) > 100:
		return nil, mark, malformed(400, "InvalidSecurityGroupId.Malformed", "The specified parameter SecurityGroupIds is not valid.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	row := SecurityGroupRow{ID: r.securityGroup(), Name: "default", VPC: r.vpc(), CreatedAt: networkMade()}
	for _, e := range r.instances.of(s.caller.Account).rows {
		if i := e.seen(now); i != nil && slices.Contains(i.row.SecurityGroups, row.ID) {
			row.Instances++
		}
	}
	list := slices.DeleteFunc([]SecurityGroupRow{row}, func(r SecurityGroupRow) bool { return !req.wants(r.ID, r.Name, r.VPC) })
	mark.Total = len(list)
	return cut(list, mark), mark, nil
}
