package cloudsim

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// What an account makes of a network, beside what it always has.

// The statuses of VPCs and vSwitches.
const (
	NetPending   = "Pending"
	NetAvailable = "Available"
	NetDeleting  = "Deleting"
)

const (
	// netTakes is how long a VPC or a vSwitch is made or deleted.
	netTakes = 3 * time.Second
	// defaultCIDR is that of a VPC which names none.
	defaultCIDR = "172.16.0.0/12"
	// The most that an account has in a region.
	vpcsPerRegion     = 10
	vSwitchesPerVPC   = 150
	groupsPerRegion   = 500
	rulesPerGroup     = 200
	leastSwitchPrefix = 29 // bits of the smallest vSwitch
)

// networks are the VPCs, vSwitches and security groups that accounts made.
type networks struct {
	vpcs      table[VPCRow]
	vSwitches table[VSwitchRow]
	groups    table[SecurityGroupRow]
}

func newNetworks() networks {
	return networks{newTable[VPCRow](), newTable[VSwitchRow](), newTable[SecurityGroupRow]()}
}

func (n *networks) settle(now time.Time) {
	n.vpcs.settle(now)
	n.vSwitches.settle(now)
	n.groups.settle(now)
}

// seenOf are the states of an owner's objects as reads see them, newest first.
func seenOf[T any](t *table[T], owner image.AccountID, now time.Time) []T {
	var found []T
	for _, e := range t.of(owner).rows {
		if state := e.seen(now); state != nil {
			found = append(found, *state)
		}
	}
	return found
}

// vpcsOf are the VPCs of an account, the one that it always has last.
func (c *Cloud) vpcsOf(r *region, account image.AccountID) []VPCRow {
	now := c.now()
	row := VPCRow{ID: r.vpc(), Name: "default", CIDR: "10.0.0.0/8", Status: NetAvailable, Default: true, CreatedAt: networkMade()}
	list := append(seenOf(&r.networks.vpcs, account, now), row)
	for n := range list {
		for _, v := range c.vSwitchesOf(r, account) {
			if v.VPC == list[n].ID {
				list[n].VSwitches = append(list[n].VSwitches, v.ID)
			}
		}
	}
	return list
}

// vSwitchesOf are the vSwitches of an account, those that it always has last.
func (c *Cloud) vSwitchesOf(r *region, account image.AccountID) []VSwitchRow {
	list := seenOf(&r.networks.vSwitches, account, c.now())
	for i, zone := range r.zoneIDs() {
		list = append(list, VSwitchRow{
			ID: r.vSwitch(zone), Name: "default-" + string(zone[len(zone)-1]), VPC: r.vpc(), Zone: zone, Status: NetAvailable, Default: true,
			CIDR: fmt.Sprintf("10.%d.0.0/16", i), FreeAddresses: 65532, CreatedAt: networkMade(),
		})
	}
	return list
}

// groupsOf are the security groups of an account, the one that it always has last.
func (c *Cloud) groupsOf(r *region, account image.AccountID) []SecurityGroupRow {
	now := c.now()
	list := append(seenOf(&r.networks.groups, account, now), SecurityGroupRow{
		ID: r.securityGroup(), Name: "default", Type: "normal", VPC: r.vpc(), Rules: 1, CreatedAt: networkMade(),
	})
	for n := range list {
		for _, e := range r.instances.of(account).rows {
			if i := e.seen(now); i != nil && slices.Contains(i.row.SecurityGroups, list[n].ID) {
				list[n].Instances++
			}
		}
	}
	return list
}

// CreateNetworkRequest are the parameters of CreateVpc, CreateVSwitch and
// CreateSecurityGroup.
type CreateNetworkRequest struct {
	RegionID          image.RegionID
	Name, Description string
	CIDR, VPC         string
	Zone              image.ZoneID
	// Type of a security group: normal or enterprise; "" is normal.
	Type        string
	Tags        []Tag
	ClientToken string
}

// makeNet makes one thing of a network, once for a client token.
func (s *Session) makeNet(operation string, req CreateNetworkRequest, enter func(r *region, now time.Time) (string, error)) (string, error) {
	if err := cmp.Or(checkRegion(req.RegionID), checkToken(req.ClientToken), checkNewTags(req.Tags)); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	key := tokenKey{s.caller.Account, req.RegionID, operation, req.ClientToken}
	use := tokenUse{request: fmt.Sprintf("%+v", req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return "", malformed(400, "IdempotentParameterMismatch", "Request uses a client token in a previous request but is not identical to that request.")
		}
		return string(before.id), nil
	}
	id, err := enter(r, now)
	if err != nil {
		return "", err
	}
	use.id = image.ID(id)
	c.remember(key, use)
	return id, nil
}

// CreateVpc makes a VPC, which is Pending for a while. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidVpcName.Malformed, InvalidVpcDiscription.Malformed
// (as the vendor spells it), InvalidCidrBlock.Malformed, QuotaExceeded.Vpc.
func (s *Session) CreateVpc(req CreateNetworkRequest) (string, error) {
	if err := s.permitVPC("CreateVpc"); err != nil {
		return "", err
	}
	block, err := netip.ParsePrefix(cmp.Or(req.CIDR, defaultCIDR))
	switch {
	case err != nil || block != block.Masked() || !block.Addr().Is4() || !block.Addr().IsPrivate() || block.Bits() < 8 || block.Bits() > 28:
		return "", malformed(400, "InvalidCidrBlock.Malformed", "Specified CIDR block is not valid.")
	case req.Name != "" && !wellNamed(req.Name):
		return "", malformed(400, "InvalidVpcName.Malformed", "Specified VPC name is not valid.")
	case req.Description != "" && !wellDescribed(req.Description):
		return "", malformed(400, "InvalidVpcDiscription.Malformed", "Specified VPC description is not valid.")
	}
	return s.makeNet("CreateVpc", req, func(r *region, now time.Time) (string, error) {
		if len(listedOf(&r.networks.vpcs, s.caller.Account, func(*VPCRow) bool { return true })) >= vpcsPerRegion-1 {
			return "", overQuota(400, "QuotaExceeded.Vpc", "VPC quota exceeded.")
		}
		row := VPCRow{ID: s.cloud.random.id("vpc", r.infix), Name: req.Name, Description: req.Description, CIDR: block.String(), Status: NetAvailable, CreatedAt: now, Tags: tagMap(req.Tags)}
		later(s.cloud, &r.networks.vpcs, row.ID, s.caller.Account, now, row, func(v *VPCRow) { v.Status = NetPending })
		return row.ID, nil
	})
}

// later enters what is there after a while, and until then as pending makes it.
func later[T any](c *Cloud, t *table[T], id string, owner image.AccountID, now time.Time, state T, pending func(*T)) {
	first := state
	pending(&first)
	enter(t, id, owner, now, &first, now)
	e, _ := t.live(id)
	t.put(e, &state, now.Add(c.lasts(netTakes)), now)
}

// CreateVSwitch makes a vSwitch in a zone of a VPC. Refusals: MissingParameter,
// InvalidVpcId.NotFound, InvalidZoneId.NotFound, IncorrectVpcStatus,
// InvalidCidrBlock.Malformed, InvalidParameter (not inside the VPC),
// InvalidCidrBlock.Overlapped, QuotaExceeded.VSwitch.
func (s *Session) CreateVSwitch(req CreateNetworkRequest) (string, error) {
	if err := s.permitVPC("CreateVSwitch"); err != nil {
		return "", err
	}
	for _, given := range [][2]string{{"ZoneId", string(req.Zone)}, {"CidrBlock", req.CIDR}, {"VpcId", req.VPC}} {
		if given[1] == "" {
			return "", missing(given[0])
		}
	}
	if req.RegionID == "" {
		req.RegionID = s.cloud.regionOfZone(req.Zone)
	}
	block, err := netip.ParsePrefix(req.CIDR)
	if err != nil || block != block.Masked() || block.Bits() < 16 || block.Bits() > leastSwitchPrefix {
		return "", malformed(400, "InvalidCidrBlock.Malformed", "Specified CIDR block is not valid.")
	}
	return s.makeNet("CreateVSwitch", req, func(r *region, now time.Time) (string, error) {
		if !slices.Contains(r.zoneIDs(), req.Zone) {
			return "", refuseAs(fault.NotFound, 404, "InvalidZoneId.NotFound", "The specified zone does not exist.")
		}
		vpc, err := s.vpcThatIsThere(r, req.VPC)
		if err != nil {
			return "", err
		}
		if err := s.fitsInto(r, vpc, block); err != nil {
			return "", err
		}
		row := VSwitchRow{
			ID: s.cloud.random.id("vsw", r.infix), Name: req.Name, Description: req.Description, VPC: vpc.ID, CIDR: block.String(), Zone: req.Zone,
			Status: NetAvailable, FreeAddresses: 1<<(32-block.Bits()) - 4, CreatedAt: now, Tags: tagMap(req.Tags),
		}
		later(s.cloud, &r.networks.vSwitches, row.ID, s.caller.Account, now, row, func(v *VSwitchRow) { v.Status = NetPending })
		return row.ID, nil
	})
}

// fitsInto refuses a block that is not inside the VPC, or overlaps another vSwitch's.
func (s *Session) fitsInto(r *region, vpc VPCRow, block netip.Prefix) error {
	around, _ := netip.ParsePrefix(vpc.CIDR)
	if !around.Contains(block.Addr()) || block.Bits() < around.Bits() {
		return malformed(400, "InvalidParameter", "The specified CidrBlock is not within the range of the VPC.")
	}
	beside := 0
	for _, other := range s.cloud.vSwitchesOf(r, s.caller.Account) {
		if other.VPC != vpc.ID {
			continue
		}
		beside++
		if its, err := netip.ParsePrefix(other.CIDR); err == nil && its.Overlaps(block) {
			return malformed(400, "InvalidCidrBlock.Overlapped", "Specified CIDR block is overlapped with other subnet.")
		}
	}
	if beside >= vSwitchesPerVPC {
		return overQuota(400, "QuotaExceeded.VSwitch", "The VSwitch number in the VPC exceeds the quota.")
	}
	return nil
}

// regionOfZone is the region of a zone, which ends with one letter more or, outside
// China, a hyphen and a letter; "" if there is none.
func (c *Cloud) regionOfZone(zone image.ZoneID) image.RegionID {
	for id, r := range c.regions {
		if slices.Contains(r.zoneIDs(), zone) {
			return id
		}
	}
	return ""
}

// vpcThatIsThere refuses a VPC that there is not, or that is not ready.
func (s *Session) vpcThatIsThere(r *region, id string) (VPCRow, error) {
	all := s.cloud.vpcsOf(r, s.caller.Account)
	n := slices.IndexFunc(all, func(v VPCRow) bool { return v.ID == id })
	switch {
	case n < 0:
		return VPCRow{}, refuseAs(fault.NotFound, 404, "InvalidVpcId.NotFound", "Specified VPC does not exist.")
	case all[n].Status != NetAvailable:
		return VPCRow{}, wrongState(400, "IncorrectVpcStatus", "Current VPC status does not support this operation.")
	}
	return all[n], nil
}

// CreateSecurityGroup makes a security group without rules. Refusals:
// InvalidVpcId.NotFound, IncorrectVpcStatus, InvalidSecurityGroupName.Malformed,
// InvalidSecurityGroupType, QuotaExceed.SecurityGroup.
func (s *Session) CreateSecurityGroup(req CreateNetworkRequest) (string, error) {
	if err := s.permit("CreateSecurityGroup"); err != nil {
		return "", err
	}
	kind := cmp.Or(req.Type, "normal")
	switch {
	case req.Name != "" && !wellNamed(req.Name):
		return "", malformed(400, "InvalidSecurityGroupName.Malformed", "Specified security group name is not valid.")
	case kind != "normal" && kind != "enterprise":
		return "", malformed(400, "InvalidParameter.SecurityGroupType", "The specified SecurityGroupType is not valid.")
	}
	return s.makeNet("CreateSecurityGroup", req, func(r *region, now time.Time) (string, error) {
		vpc, err := s.vpcThatIsThere(r, cmp.Or(req.VPC, r.vpc()))
		switch {
		case err != nil:
			return "", err
		case len(listedOf(&r.networks.groups, s.caller.Account, func(*SecurityGroupRow) bool { return true })) >= groupsPerRegion:
			return "", overQuota(403, "QuotaExceed.SecurityGroup", "The maximum number of security groups is reached.")
		}
		row := SecurityGroupRow{ID: s.cloud.random.id("sg", r.infix), Name: req.Name, Description: req.Description, Type: kind, VPC: vpc.ID, CreatedAt: now, Tags: tagMap(req.Tags)}
		enter(&r.networks.groups, row.ID, s.caller.Account, now, &row, now)
		return row.ID, nil
	})
}

// inRegions does something in a region, or in all for "", until one refuses.
func (s *Session) inRegions(regionID image.RegionID, do func(r *region, now time.Time) error) error {
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range c.regions {
		if regionID != "" && id != regionID {
			continue
		}
		now := c.now()
		r.settle(now)
		if err := do(r, now); err != nil {
			return err
		}
	}
	return nil
}

// DeleteVpc takes a VPC away, which is Deleting for a while. Refusals:
// InvalidVpcId.NotFound, IncorrectVpcStatus, DependencyViolation.VSwitch,
// DependencyViolation.SecurityGroup.
func (s *Session) DeleteVpc(id string) error {
	if err := s.permitVPC("DeleteVpc"); err != nil {
		return err
	}
	if id == "" {
		return missing("VpcId")
	}
	found := false
	err := s.inRegions("", func(r *region, now time.Time) error {
		e, row := r.networks.vpcs.owned(s.caller.Account, id)
		if row == nil {
			return nil
		}
		found = true
		_, err := s.vpcThatIsThere(r, id)
		switch {
		case err != nil:
			return err
		case slices.ContainsFunc(s.cloud.vSwitchesOf(r, s.caller.Account), func(v VSwitchRow) bool { return v.VPC == id }):
			return wrongState(400, "DependencyViolation.VSwitch", "Specified object has dependent resources.")
		case slices.ContainsFunc(s.cloud.groupsOf(r, s.caller.Account), func(g SecurityGroupRow) bool { return g.VPC == id }):
			return wrongState(400, "DependencyViolation.SecurityGroup", "Specified object has dependent resources.")
		}
		leaving := *row
		leaving.Status = NetDeleting
		r.networks.vpcs.put(e, &leaving, now, now)
		r.networks.vpcs.put(e, nil, now.Add(s.cloud.lasts(netTakes)), now)
		return nil
	})
	if err == nil && !found {
		return refuseAs(fault.NotFound, 404, "InvalidVpcId.NotFound", "Specified VPC does not exist.")
	}
	return err
}

// DeleteVSwitch takes a vSwitch away. Refusals: InvalidVSwitchId.NotFound,
// IncorrectVSwitchStatus, DependencyViolation while instances are in it.
func (s *Session) DeleteVSwitch(id string) error {
	if err := s.permitVPC("DeleteVSwitch"); err != nil {
		return err
	}
	if id == "" {
		return missing("VSwitchId")
	}
	found := false
	err := s.inRegions("", func(r *region, now time.Time) error {
		e, row := r.networks.vSwitches.owned(s.caller.Account, id)
		if row == nil {
			return nil
		}
		found = true
		if seen := e.seen(now); seen == nil || seen.Status != NetAvailable {
			return wrongState(400, "IncorrectVSwitchStatus", "Current VSwitch status does not support this operation.")
		}
		for _, other := range r.instances.of(s.caller.Account).rows {
			if i := other.truth(); i != nil && i.row.VSwitch == id {
				return wrongState(400, "DependencyViolation", "Specified object has dependent resources.")
			}
		}
		leaving := *row
		leaving.Status = NetPending
		r.networks.vSwitches.put(e, &leaving, now, now)
		r.networks.vSwitches.put(e, nil, now.Add(s.cloud.lasts(netTakes)), now)
		return nil
	})
	if err == nil && !found {
		return refuseAs(fault.NotFound, 404, "InvalidVSwitchId.NotFound", "Specified VSwitch does not exist.")
	}
	return err
}

// DeleteSecurityGroup takes a security group away. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidSecurityGroup.NotFound, DependencyViolation while
// instances are in it.
func (s *Session) DeleteSecurityGroup(regionID image.RegionID, id string) error {
	if err := s.permit("DeleteSecurityGroup"); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	return s.inRegions(regionID, func(r *region, now time.Time) error {
		e, row := r.networks.groups.owned(s.caller.Account, id)
		if row == nil {
			return refuseAs(fault.NotFound, 404, "InvalidSecurityGroup.NotFound", "The specified security group does not exist.")
		}
		for _, g := range s.cloud.groupsOf(r, s.caller.Account) {
			if g.ID == id && g.Instances > 0 {
				return wrongState(403, "DependencyViolation", "There is still instance(s) in the specified security group.")
			}
		}
		r.networks.groups.put(e, nil, now, now)
		return nil
	})
}

// Rule is what a security group lets in or out.
type Rule struct {
	Protocol, Ports string
	// Peer is a CIDR, a security group or a prefix list.
	Peer string
}

// AuthorizeSecurityGroup adds rules; egress: for what goes out. A rule that is there
// already is no error. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidSecurityGroupId.NotFound, InvalidIpProtocol.ValueNotSupported,
// MissingParameter.Source, InvalidSourceCidrIp.Malformed, AuthorizationLimitExceed.
func (s *Session) AuthorizeSecurityGroup(regionID image.RegionID, id string, egress bool, rules []Rule) error {
	operation := "AuthorizeSecurityGroup"
	if egress {
		operation += "Egress"
	}
	if err := s.permit(operation); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	for _, rule := range rules {
		if err := rule.check(); err != nil {
			return err
		}
	}
	return s.inRegions(regionID, func(r *region, _ time.Time) error {
		if id == r.securityGroup() {
			return nil
		}
		e, row := r.networks.groups.owned(s.caller.Account, id)
		if row == nil {
			return refuseAs(fault.NotFound, 404, "InvalidSecurityGroupId.NotFound", "The SecurityGroupId provided does not exist in our records.")
		}
		next := slices.Clone(row.rules)
		for _, rule := range rules {
			if key := fmt.Sprint(egress, rule); !slices.Contains(next, key) {
				next = append(next, key)
			}
		}
		if len(next) > rulesPerGroup {
			return overQuota(403, "AuthorizationLimitExceed", "The limit of authorization records in the security group reaches.")
		}
		r.networks.groups.amend(e, func(g *SecurityGroupRow) { g.rules, g.Rules = next, len(next) })
		return nil
	})
}

func (r Rule) check() error {
	_, errPrefix := netip.ParsePrefix(r.Peer)
	_, errAddress := netip.ParseAddr(r.Peer)
	switch {
	case !slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6", "gre", "all"}, strings.ToLower(r.Protocol)):
		return malformed(400, "InvalidIpProtocol.ValueNotSupported", "The specified IpProtocol is not supported.")
	case r.Peer == "":
		return malformed(400, "MissingParameter.Source", "One of the parameters SourceCidrIp, Ipv6SourceCidrIp, SourceGroupId or SourcePrefixListId must be specified.")
	case !strings.HasPrefix(r.Peer, "sg-") && !strings.HasPrefix(r.Peer, "pl-") && errPrefix != nil && errAddress != nil:
		return malformed(400, "InvalidSourceCidrIp.Malformed", "The specified SourceCidrIp is not valid.")
	}
	return nil
}
