package cloudsim

import (
	"errors"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// What every account has in every region: one VPC, a vSwitch in each zone and one
// security group, and what it makes beside. Clients look them up, or make them,
// before they run an instance; no traffic goes by them.

// VPCRow is one VPC as DescribeVpcs shows it.
type VPCRow struct {
	ID, Name, Description, CIDR, Status string
	Default                             bool
	VSwitches                           []string
	CreatedAt                           time.Time
	Tags                                image.Tags
}

// VSwitchRow is one vSwitch as DescribeVSwitches shows it.
type VSwitchRow struct {
	ID, Name, Description, VPC, CIDR, Status string
	Default                                  bool
	Zone                                     image.ZoneID
	FreeAddresses                            int
	CreatedAt                                time.Time
	Tags                                     image.Tags
}

// SecurityGroupRow is one security group as DescribeSecurityGroups shows it.
type SecurityGroupRow struct {
	ID, Name, Description, Type, VPC string
	Instances, Rules                 int
	CreatedAt                        time.Time
	Tags                             image.Tags
	rules                            []string
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
	Tags     []Tag
	Pages    Pages
	// Tokens are the pages of security groups.
	Tokens Tokens
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
	s.cloud.mu.RLock()
	defer s.cloud.mu.RUnlock()
	list := slices.DeleteFunc(s.cloud.vpcsOf(s.cloud.regions[p.id], s.caller.Account), func(r VPCRow) bool { return !req.wants(r.ID, r.Name, r.ID) })
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
	s.cloud.mu.RLock()
	defer s.cloud.mu.RUnlock()
	list := slices.DeleteFunc(s.cloud.vSwitchesOf(s.cloud.regions[p.id], s.caller.Account), func(r VSwitchRow) bool {
		return !req.wants(r.ID, r.Name, r.VPC) || req.Zone != "" && req.Zone != r.Zone
	})
	mark.Total = len(list)
	return cut(list, mark), mark, nil
}

// DescribeVSwitch is one vSwitch, of whatever region. Refusals: MissingParameter,
// InvalidVSwitchId.NotFound.
func (s *Session) DescribeVSwitch(id string) (VSwitchRow, error) {
	if err := s.permitVPC("DescribeVSwitchAttributes"); err != nil {
		return VSwitchRow{}, err
	}
	if id == "" {
		return VSwitchRow{}, missing("VSwitchId")
	}
	s.cloud.mu.RLock()
	defer s.cloud.mu.RUnlock()
	for _, r := range s.cloud.regions {
		for _, row := range s.cloud.vSwitchesOf(r, s.caller.Account) {
			if row.ID == id {
				return row, nil
			}
		}
	}
	return VSwitchRow{}, refuseAs(fault.NotFound, 400, "InvalidVSwitchId.NotFound", "Specified VSwitch does not exist.")
}

// DescribeSecurityGroups lists the security groups of a region; unknown ids find
// none. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidSecurityGroupId.Malformed.
func (s *Session) DescribeSecurityGroups(req NetworkRequest) ([]SecurityGroupRow, TokenMark, error) {
	if err := s.permit("DescribeSecurityGroups"); err != nil {
		return nil, TokenMark{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return nil, TokenMark{}, err
	}
	if len(req.IDs) > 100 {
		return nil, TokenMark{}, malformed(400, "InvalidSecurityGroupId.Malformed", "The specified parameter SecurityGroupIds is not valid.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := slices.DeleteFunc(c.groupsOf(c.regions[req.RegionID], s.caller.Account), func(r SecurityGroupRow) bool {
		return !req.wants(r.ID, r.Name, r.VPC) || !hasTags(r.Tags, req.Tags)
	})
	found := make([]*entry[SecurityGroupRow], len(list))
	for n := range list {
		found[n] = &entry[SecurityGroupRow]{id: list[n].ID, created: list[n].CreatedAt, revs: []revision[SecurityGroupRow]{{state: &list[n]}}}
	}
	slices.SortFunc(found, newest)
	tokens := req.Tokens
	req.Tokens, req.Pages = Tokens{}, Pages{}
	page, mark, err := tokenPage(found, tokens, s.scope("securityGroups", req), 100)
	var no *Refusal
	if errors.As(err, &no) && no.Code == "InvalidParameter.NextToken" {
		err = malformed(400, "InValidParameter.NextToken", "The specified parameter NextToken is not valid.") // as the vendor writes it here
	}
	shown := make([]SecurityGroupRow, len(page))
	for n := range page {
		shown[n] = *page[n].truth()
	}
	return shown, mark, err
}
