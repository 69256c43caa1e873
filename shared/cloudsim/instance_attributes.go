package cloudsim

import (
	"cmp"
	"encoding/base64"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// InstanceDetails are what an instance is set up with beside what
// DescribeInstances shows of all.
type InstanceDetails struct {
	Description string
	// UserData is base64, as it is asked for.
	UserData string
	RAMRole  string
	Metadata MetadataOptions
	// LoginAsNonRoot: of the image that runs.
	LoginAsNonRoot     bool
	DeletionProtection bool
	// SecureBoot is on: only images that support it boot.
	SecureBoot bool
	// Hibernated: it was stopped by hibernation.
	Hibernated bool
	// UnpaidOrder: an order about it waits for payment.
	UnpaidOrder bool
	// Health is HealthStatus of DescribeInstancesFullStatus; empty: Ok.
	Health string
}

// MetadataOptions are how an instance reads its metadata; zero fields mean
// enabled, optional, 1 and disabled.
type MetadataOptions struct {
	// HTTPEndpoint is enabled or disabled, HTTPTokens optional or required.
	HTTPEndpoint, HTTPTokens string
	HopLimit                 int
	// Tags is enabled or disabled.
	Tags string
}

// Filled has the defaults where nothing was set.
func (m MetadataOptions) Filled() MetadataOptions {
	return MetadataOptions{cmp.Or(m.HTTPEndpoint, "enabled"), cmp.Or(m.HTTPTokens, "optional"), orDefault(m.HopLimit, 1), cmp.Or(m.Tags, "disabled")}
}

// SetInstance changes what an instance is set up with, past the API's rules. It
// reports whether there is such an instance.
func (c *Cloud) SetInstance(regionID image.RegionID, id image.InstanceID, edit func(*InstanceDetails)) bool {
	return c.editInstance(regionID, id, func(i *instanceState) { edit(&i.row.InstanceDetails) })
}

func hibernated() error {
	return wrongState(403, "HibernationConfigured.InstanceOperationForbidden", "The operation is not permitted due to limit of the hibernation configured instance.")
}

// DescribeInstanceAttribute describes one instance, in whatever region.
// Refusals: MissingParameter, InvalidInstanceId.NotFound.
func (s *Session) DescribeInstanceAttribute(id image.InstanceID) (InstanceRow, error) {
	if err := s.permit("DescribeInstanceAttribute"); err != nil {
		return InstanceRow{}, err
	}
	if id == "" {
		return InstanceRow{}, missing("InstanceId")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	for _, r := range c.regions {
		if rows := rows(&r.instances, s.caller.Account, []image.InstanceID{id}, now, func(*instanceState) bool { return true }); len(rows) == 1 {
			row := rows[0].seen(now).at(now)
			row.Account, row.Tags, row.Locks = s.caller.Account, cloneTags(row.Tags), slices.Clone(row.Locks)
			return row, nil
		}
	}
	return InstanceRow{}, unknownInstance()
}

// ModifyInstanceAttributeRequest are the parameters of ModifyInstanceAttribute.
// Nil and Unknown: unchanged.
type ModifyInstanceAttributeRequest struct {
	InstanceID                                  image.InstanceID
	Name, Description, HostName, Password, Data *string
	DeletionProtection                          image.Tri
	SecurityGroups                              []string
}

// ModifyInstanceAttribute changes what is set up of an instance. Refusals:
// MissingParameter, InvalidInstanceId.NotFound, InvalidInstanceName.Malformed,
// InvalidDescription.Malformed, InvalidHostName.Malformed,
// InvalidPassword.Malformed, InvalidUserData.SizeExceeded,
// InvalidUserData.Base64FormatInvalid, InvalidSecurityGroupId.NotFound,
// InstanceLockedForSecurity, IncorrectInstanceStatus,
// InvalidChargeType.ValueNotSupported.
func (s *Session) ModifyInstanceAttribute(req ModifyInstanceAttributeRequest) error {
	if err := s.permit("ModifyInstanceAttribute"); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	return s.amendInstance("", req.InstanceID, func(row *InstanceRow) error {
		switch {
		case slices.Contains(row.Locks, "security"):
			return wrongState(403, "InstanceLockedForSecurity", "The specified operation is denied as your instance is locked for security reasons.")
		case req.DeletionProtection == image.Yes && (row.ChargeType == "PrePaid" || row.SpotStrategy != "NoSpot"):
			return wrongState(403, "InvalidChargeType.ValueNotSupported", "Deletion protection is for pay-as-you-go instances.")
		}
		for _, each := range []struct{ asked, to *string }{
			{req.Name, &row.Name}, {req.Description, &row.Description}, {req.HostName, &row.HostName}, {req.Data, &row.UserData},
		} {
			if each.asked != nil {
				*each.to = *each.asked
			}
		}
		if req.DeletionProtection != image.Unknown {
			row.DeletionProtection = req.DeletionProtection == image.Yes
		}
		if len(req.SecurityGroups) > 0 {
			row.SecurityGroups = slices.Clone(req.SecurityGroups)
		}
		return nil
	})
}

// longestUserData is how many bytes it has at most.
const longestUserData = 32 << 10

func (req ModifyInstanceAttributeRequest) check() error {
	switch {
	case req.InstanceID == "":
		return missing("InstanceId")
	case req.Name != nil && !instanceNamed(*req.Name):
		return malformed(400, "InvalidInstanceName.Malformed", "The specified parameter \"InstanceName\" is not valid.")
	case req.Description != nil && *req.Description != "" && !wellDescribed(*req.Description):
		return malformed(400, "InvalidDescription.Malformed", "The specified parameter \"Description\" is not valid.")
	case req.HostName != nil && !hostNamed(*req.HostName):
		return malformed(400, "InvalidHostName.Malformed", "The specified parameter \"HostName\" is not valid.")
	case req.Password != nil && !strongPassword(*req.Password):
		return malformed(400, "InvalidPassword.Malformed", "The specified parameter \"Password\" is not valid.")
	}
	if err := checkUserData(req.Data); err != nil {
		return err
	}
	return checkRunNetwork(&RunInstancesRequest{SecurityGroups: req.SecurityGroups})
}

// checkUserData refuses user data that is not base64, or too long.
func checkUserData(data *string) error {
	if data == nil {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(*data)
	switch {
	case err != nil:
		return malformed(400, "InvalidUserData.Base64FormatInvalid", "The specified UserData is not base64.")
	case len(raw) > longestUserData:
		return malformed(400, "InvalidUserData.SizeExceeded", "The specified UserData exceeds 32 KB.")
	}
	return nil
}

// amendInstance changes one of the caller's instances that is neither Pending nor
// on its way, in a region or, without one, wherever it is.
func (s *Session) amendInstance(regionID image.RegionID, id image.InstanceID, change func(*InstanceRow) error) error {
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	r, e, state := c.locate(s.caller.Account, id)
	if state == nil || regionID != "" && r.id != regionID {
		return unknownInstance()
	}
	r.settle(now)
	if status := state.at(now).Status; status != image.InstanceRunning && status != image.InstanceStopped {
		return wrongState(403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
	}
	next := *state
	if err := change(&next.row); err != nil {
		return err
	}
	r.instances.put(e, &next, c.visibleFrom(e.id, now), now)
	return nil
}

// ModifyInstanceMetadataOptionsRequest are the parameters of
// ModifyInstanceMetadataOptions. HTTPEndpoint is required; the others are as they
// were when zero.
type ModifyInstanceMetadataOptionsRequest struct {
	RegionID   image.RegionID
	InstanceID image.InstanceID
	Options    MetadataOptions
}

// ModifyInstanceMetadataOptions changes how an instance reads its metadata.
// Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidHttpEndpoint.NotSupported, InvalidHttpTokens.NotSupported,
// InvalidHttpPutResponseHopLimit.NotSupported, InvalidInstanceId.NotFound,
// IncorrectInstanceStatus.
func (s *Session) ModifyInstanceMetadataOptions(req ModifyInstanceMetadataOptionsRequest) error {
	if err := s.permit("ModifyInstanceMetadataOptions"); err != nil {
		return err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch m := req.Options; {
	case m.HTTPEndpoint == "":
		return missing("HttpEndpoint")
	case req.InstanceID == "":
		return missing("InstanceId")
	case m.HTTPEndpoint != "enabled" && m.HTTPEndpoint != "disabled":
		return malformed(400, "InvalidHttpEndpoint.NotSupported", "The specified HttpEndpoint is not supported.")
	case !slices.Contains([]string{"", "optional", "required"}, m.HTTPTokens):
		return malformed(400, "InvalidHttpTokens.NotSupported", "The specified HttpTokens is not supported.")
	case m.HopLimit < 0 || m.HopLimit > 64:
		return malformed(400, "InvalidHttpPutResponseHopLimit.NotSupported", "The specified HttpPutResponseHopLimit is not supported.")
	case !slices.Contains([]string{"", "enabled", "disabled"}, m.Tags):
		return malformed(400, "InvalidParameter", "The specified parameter InstanceMetadataTags is not valid.")
	}
	return s.amendInstance(req.RegionID, req.InstanceID, func(row *InstanceRow) error {
		m, now := req.Options, &row.Metadata
		*now = MetadataOptions{m.HTTPEndpoint, cmp.Or(m.HTTPTokens, now.HTTPTokens), cmp.Or(m.HopLimit, now.HopLimit), cmp.Or(m.Tags, now.Tags)}
		return nil
	})
}

// DescribeUserData is the user data of an instance, in base64; empty: none.
// Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidInstanceId.NotFound.
func (s *Session) DescribeUserData(regionID image.RegionID, id image.InstanceID) (string, error) {
	rows, err := s.describeSome("DescribeUserData", regionID, []image.InstanceID{id})
	switch {
	case err != nil:
		return "", err
	case id == "":
		return "", missing("InstanceId")
	case len(rows) == 0:
		return "", unknownInstance()
	}
	return rows[0].UserData, nil
}

// describeSome describes the caller's instances with these ids, nil for all,
// newest first.
func (s *Session) describeSome(operation string, regionID image.RegionID, ids []image.InstanceID) ([]InstanceRow, error) {
	if err := s.permit(operation); err != nil {
		return nil, err
	}
	if err := checkRegion(regionID); err != nil {
		return nil, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	var list []InstanceRow
	for _, e := range rows(&c.regions[regionID].instances, s.caller.Account, ids, now, func(*instanceState) bool { return true }) {
		list = append(list, e.seen(now).at(now))
	}
	return list, nil
}

// InstanceRowsRequest are the parameters of the operations that describe
// instances one by one.
type InstanceRowsRequest struct {
	RegionID    image.RegionID
	InstanceIDs []image.InstanceID
	// RAMRole is for DescribeInstanceRamRole.
	RAMRole string
	// Status and Health are for DescribeInstancesFullStatus.
	Status, Health string
	Pages          Pages
}

// InstanceRowsPage is a page of them.
type InstanceRowsPage struct {
	Instances []InstanceRow
	PageMark
}

// DescribeInstanceRAMRole tells the roles of instances (DescribeInstanceRamRole),
// also of those that have none. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidParameter.AllEmpty, InvalidInstanceIds.Malformed,
// InvalidInstanceId.NotFound.
func (s *Session) DescribeInstanceRAMRole(req InstanceRowsRequest) (InstanceRowsPage, error) {
	list, err := s.describeSome("DescribeInstanceRamRole", req.RegionID, req.InstanceIDs)
	switch {
	case err != nil:
		return InstanceRowsPage{}, err
	case req.InstanceIDs == nil && req.RAMRole == "":
		return InstanceRowsPage{}, malformed(403, "InvalidParameter.AllEmpty", "InstanceIds and RamRoleName cannot both be empty.")
	case len(req.InstanceIDs) > 100:
		return InstanceRowsPage{}, malformed(400, "InvalidInstanceIds.Malformed", "The amount of instance ids exceeds the limit.")
	case len(list) < len(req.InstanceIDs):
		return InstanceRowsPage{}, unknownInstance()
	}
	list = slices.DeleteFunc(list, func(row InstanceRow) bool { return req.RAMRole != "" && row.RAMRole != req.RAMRole })
	return instancePage(list, req.Pages, 50)
}

func instancePage(list []InstanceRow, pages Pages, most int) (InstanceRowsPage, error) {
	mark, err := pageMark(pages, most)
	if err != nil {
		return InstanceRowsPage{}, err
	}
	mark.Total = len(list)
	return InstanceRowsPage{cut(list, mark), mark}, nil
}

// DescribeInstanceMaintenanceAttributes tells how instances are maintained: all
// in the default way. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidParameter.
func (s *Session) DescribeInstanceMaintenanceAttributes(req InstanceRowsRequest) (InstanceRowsPage, error) {
	list, err := s.describeSome("DescribeInstanceMaintenanceAttributes", req.RegionID, req.InstanceIDs)
	if err == nil && len(req.InstanceIDs) > 100 {
		err = malformed(400, "InvalidParameter", "The amount of instance ids exceeds the limit.")
	}
	if err != nil {
		return InstanceRowsPage{}, err
	}
	return instancePage(list, req.Pages, 100)
}

// DescribeInstanceAttachmentAttributes tells which private pools instances use:
// none. Refusals: MissingParameter.RegionId, InvalidInstanceIds.NotFound,
// InvalidParameter.TooManyInstanceIds.
func (s *Session) DescribeInstanceAttachmentAttributes(req InstanceRowsRequest) (InstanceRowsPage, error) {
	if req.RegionID == "" && s.permit("DescribeInstanceAttachmentAttributes") == nil {
		return InstanceRowsPage{}, malformed(400, "MissingParameter.RegionId", "The regionId should not be null.")
	}
	list, err := s.describeSome("DescribeInstanceAttachmentAttributes", req.RegionID, req.InstanceIDs)
	switch {
	case err != nil:
		return InstanceRowsPage{}, err
	case len(req.InstanceIDs) > 100:
		return InstanceRowsPage{}, malformed(403, "InvalidParameter.TooManyInstanceIds", "The amount of instance ids exceeds the limit.")
	case len(list) == 0 || len(list) < len(req.InstanceIDs):
		return InstanceRowsPage{}, refuse(404, "InvalidInstanceIds.NotFound", "The specified InstanceIds do not exist.")
	}
	return instancePage(list, req.Pages, 100)
}

// DescribeInstancesFullStatus tells status and health of instances; no event is
// scheduled for any. Refusals: MissingParameter (404), InvalidRegionId.NotFound,
// InstanceIdLimitExceeded, InvalidParameter.
func (s *Session) DescribeInstancesFullStatus(req InstanceRowsRequest) (InstanceRowsPage, error) {
	if err := s.permit("DescribeInstancesFullStatus"); err != nil {
		return InstanceRowsPage{}, err
	}
	healths := []string{"", "Ok", "Impaired", "Warning", "Maintaining", "Initializing", "InsufficientData", "NotApplicable"}
	switch {
	case req.RegionID == "":
		return InstanceRowsPage{}, refuseAs(fault.Invalid, 404, "MissingParameter", "The input parameter RegionId is mandatory.")
	case len(req.InstanceIDs) > 100:
		return InstanceRowsPage{}, malformed(403, "InstanceIdLimitExceeded", "The amount of instance ids exceeds the limit.")
	case !slices.Contains(healths, req.Health) || !slices.Contains([]string{"", "Starting", "Running", "Stopped"}, req.Status):
		return InstanceRowsPage{}, malformed(403, "InvalidParameter", "The specified parameter is not valid.")
	}
	list, err := s.describeSome("DescribeInstancesFullStatus", req.RegionID, req.InstanceIDs)
	if err != nil {
		return InstanceRowsPage{}, err
	}
	list = slices.DeleteFunc(list, func(row InstanceRow) bool {
		return req.Status != "" && req.Status != string(row.Status) || req.Health != "" && req.Health != cmp.Or(row.Health, "Ok")
	})
	return instancePage(list, req.Pages, 100)
}

// replacing is how long the system disk of an instance takes to be replaced.
func (c *Cloud) replacing() time.Duration { return c.options.PowerTime }
