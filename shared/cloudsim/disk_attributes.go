package cloudsim

import (
	"cmp"
	"slices"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// DiskDetails are what stands beside a disk and goes with it.
type DiskDetails struct {
	Description string
	// KMSKeyID is empty for the service's own key and for disks not encrypted.
	KMSKeyID        string
	Bursting        bool
	ProvisionedIOPS int
	// Policies are the automatic snapshot policies, by id.
	Policies []string
}

// ModifyDiskAttributeRequest are the parameters of ModifyDiskAttribute. Nil and
// Unknown: unchanged.
type ModifyDiskAttributeRequest struct {
	RegionID                                         image.RegionID
	DiskID                                           image.DiskID
	DiskIDs                                          []image.DiskID
	Name, Description                                *string
	DeleteWithInstance, DeleteAutoSnapshot, Bursting image.Tri
	// AutoSnapshot has no effect any more.
	AutoSnapshot image.Tri
}

// ModifyDiskAttribute changes name, description and what goes with a disk, of
// one or up to a hundred, all or none. Refusals: NoAttributeToModify,
// MissingParameter.DiskIdOrDiskIds, ParameterConflict.DiskIdAndDiskIds,
// InvalidDiskName.Malformed, InvalidDescription.Malformed (404),
// InvalidDiskId.NotFound, IncorrectDiskStatus, DiskNotPortable,
// BurstingEnabledForDiskCategoryUnsupported, InvalidRegionId.MalFormed.
func (s *Session) ModifyDiskAttribute(req ModifyDiskAttributeRequest) error {
	if err := s.permit("ModifyDiskAttribute"); err != nil {
		return err
	}
	ids, err := req.check()
	if err != nil {
		return err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var enter []func()
	for _, id := range ids {
		r, e, state := c.locateDisk(s.caller.Account, id)
		if state == nil || req.RegionID != "" && r.id != req.RegionID {
			return unknownDisk()
		}
		next := *state
		if err := req.apply(&next, now); err != nil {
			return err
		}
		enter = append(enter, func() {
			r.settle(now)
			r.disks.put(e, &next, c.visibleFrom(e.id, now), now)
		})
	}
	for _, f := range enter {
		f()
	}
	return nil
}

// check refuses what is wrong whatever the state, and returns the disks' ids.
func (req ModifyDiskAttributeRequest) check() ([]image.DiskID, error) {
	_, place := placeOf(req.RegionID)
	switch {
	case req.RegionID != "" && !place:
		return nil, malformed(400, "InvalidRegionId.MalFormed", "The specified RegionId is not valid.")
	case req.DiskID == "" && len(req.DiskIDs) == 0:
		return nil, malformed(400, "MissingParameter.DiskIdOrDiskIds", "DiskId or DiskIds must be given.")
	case req.DiskID != "" && len(req.DiskIDs) > 0:
		return nil, malformed(400, "ParameterConflict.DiskIdAndDiskIds", "DiskId and DiskIds cannot be used together.")
	case req.changesNothing():
		return nil, malformed(400, "NoAttributeToModify", "No attribute to be modified in this request.")
	case req.Name != nil && !diskNamed(*req.Name):
		return nil, malformed(400, "InvalidDiskName.Malformed", "The specified disk name is wrongly formed.")
	case len(req.DiskIDs) > 100:
		return nil, malformed(400, "InvalidParameter", "The specified parameter DiskIds names more than 100.")
	case req.DiskID != "":
		return []image.DiskID{req.DiskID}, checkDescription(req.Description)
	}
	return req.DiskIDs, checkDescription(req.Description)
}

func (req ModifyDiskAttributeRequest) changesNothing() bool {
	flags := []image.Tri{req.AutoSnapshot, req.Bursting, req.DeleteWithInstance, req.DeleteAutoSnapshot}
	return req.Name == nil && req.Description == nil && !slices.ContainsFunc(flags, func(f image.Tri) bool { return f != image.Unknown })
}

// checkDescription refuses a description that is given and malformed, in the way
// of disks and snapshots.
func checkDescription(text *string) error {
	if text != nil && *text != "" && !wellDescribed(*text) {
		return malformed(404, "InvalidDescription.Malformed", "The specified description is wrongly formed.")
	}
	return nil
}

// diskNamed: 2 to 128 characters, not beginning as a URL; source:
// ModifyDiskAttribute DiskName.
func diskNamed(name string) bool {
	n := utf8.RuneCountInString(name)
	return n >= 2 && n <= 128 && !mentionsURL(name)
}

// apply changes a disk as the request asks.
func (req ModifyDiskAttributeRequest) apply(d *diskState, now time.Time) error {
	row := &d.row
	switch status := d.at(now).Status; {
	case status != "In_use" && status != "Available":
		return wrongState(403, "IncorrectDiskStatus", "The current disk status does not support this operation.")
	case req.Bursting == image.Yes && row.Category != "cloud_auto":
		return wrongState(400, "BurstingEnabledForDiskCategoryUnsupported", "The disk category does not support bursting.")
	}
	if req.Name != nil {
		row.Name = *req.Name
	}
	if req.Description != nil {
		row.Description = *req.Description
	}
	for _, each := range []struct {
		asked image.Tri
		to    *bool
	}{{req.DeleteWithInstance, &row.DeleteWithInstance}, {req.DeleteAutoSnapshot, &row.DeleteAutoSnapshot}, {req.Bursting, &row.Bursting}} {
		if each.asked != image.Unknown {
			*each.to = each.asked == image.Yes
		}
	}
	return nil
}

// performanceLevels are those of cloud_essd, with the least size of a disk in GiB.
func performanceLevels() map[string]int {
	return map[string]int{"PL0": 1, "PL1": 20, "PL2": 461, "PL3": 1261}
}

// leastSize is that of a system disk of a category and level.
func leastSize(row DiskRow) int {
	switch {
	case row.Category == "cloud_auto":
		return 1
	case row.Category == "cloud_essd":
		return orDefault(performanceLevels()[row.PerformanceLevel], leastSystemDisk)
	}
	return leastSystemDisk
}

// ModifyDiskSpecRequest are the parameters of ModifyDiskSpec; empty and zero:
// unchanged.
type ModifyDiskSpecRequest struct {
	DiskID                     image.DiskID
	Category, PerformanceLevel string
	ProvisionedIOPS            int
	DryRun                     bool
}

// ModifyDiskSpec changes category and performance of a disk at once. Refusals:
// MissingParameter, InvalidDiskId.NotFound, InvalidPerformanceLevel.Malformed,
// InvalidDiskCategory.ValueNotSupported,
// NoChangeInDiskCategoryAndPerformanceLevel,
// OperationDenied.PerformanceLevelNotMatch, DiskCreatingSnapshot,
// Downgrade.NotSupported, InvalidStatus.DiskNotReady.
func (s *Session) ModifyDiskSpec(req ModifyDiskSpecRequest) error {
	if err := s.permit("ModifyDiskSpec"); err != nil {
		return err
	}
	_, level := performanceLevels()[req.PerformanceLevel]
	switch {
	case req.DiskID == "":
		return missing("DiskId")
	case req.PerformanceLevel != "" && !level:
		return malformed(400, "InvalidPerformanceLevel.Malformed", "The specified PerformanceLevel is not valid.")
	case !slices.Contains([]string{"", "cloud_essd", "cloud_auto", "cloud_ssd", "cloud_efficiency", "cloud_essd_entry"}, req.Category):
		return malformed(400, "InvalidDiskCategory.ValueNotSupported", "The specified disk category is not supported.")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	r, e, state := c.locateDisk(s.caller.Account, req.DiskID)
	if state == nil {
		return unknownDisk()
	}
	r.settle(now)
	next := *state
	if err := r.respec(&next, s.caller.Account, req, now); err != nil {
		return err
	}
	if req.DryRun {
		return c.dryRun()
	}
	r.disks.put(e, &next, c.visibleFrom(e.id, now), now)
	return nil
}

// respec changes category and performance of a disk.
func (r *region) respec(d *diskState, account image.AccountID, req ModifyDiskSpecRequest, now time.Time) error {
	row := d.at(now)
	before := row
	row.Category = cmp.Or(req.Category, row.Category)
	row.PerformanceLevel = cmp.Or(req.PerformanceLevel, row.PerformanceLevel)
	row.ProvisionedIOPS = cmp.Or(req.ProvisionedIOPS, row.ProvisionedIOPS)
	if row.Category != "cloud_essd" {
		row.PerformanceLevel = req.PerformanceLevel
	} else {
		row.PerformanceLevel = cmp.Or(row.PerformanceLevel, "PL1")
	}
	_, underWay := r.snapshotsOf(row.ID, account, now)
	switch {
	case row.Status != "In_use" && row.Status != "Available":
		return wrongState(403, "InvalidStatus.DiskNotReady", "The disk is not ready.")
	case underWay > 0:
		return wrongState(403, "DiskCreatingSnapshot", "A snapshot of the disk is being created.")
	case row.Category != "cloud_essd" && req.PerformanceLevel != "", req.PerformanceLevel == "PL0" && before.PerformanceLevel != "PL0",
		row.SizeGiB < performanceLevels()[row.PerformanceLevel]:
		return wrongState(403, "OperationDenied.PerformanceLevelNotMatch", "The performance level does not match the disk.")
	case row.ChargeType == "PrePaid" && row.PerformanceLevel < before.PerformanceLevel:
		return wrongState(403, "Downgrade.NotSupported", "A subscription disk cannot be downgraded.")
	case row.Category == before.Category && row.PerformanceLevel == before.PerformanceLevel && row.ProvisionedIOPS == before.ProvisionedIOPS:
		return wrongState(403, "NoChangeInDiskCategoryAndPerformanceLevel", "Neither category nor performance level changes.")
	}
	d.row.Category, d.row.PerformanceLevel, d.row.ProvisionedIOPS = row.Category, row.PerformanceLevel, row.ProvisionedIOPS
	return nil
}

// EncryptByDefault makes new disks of an account in a region need encryption, by
// a key or, for "alias/acs/ecs", the service's own; "" takes it back.
func (c *Cloud) EncryptByDefault(account image.AccountID, regionID image.RegionID, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.mustRegion(regionID)
	if key == "" {
		delete(r.encryption, account)
		return
	}
	r.encryption[account] = key
}

// DiskEncryptionByDefault is whether new disks have to be encrypted
// (DescribeDiskEncryptionByDefaultStatus), and by which key
// (DescribeDiskDefaultKMSKeyId); operation is one of these. Refusal:
// InvalidParameter.RegionIdNotExists.
func (s *Session) DiskEncryptionByDefault(operation string, regionID image.RegionID) (encrypted bool, key string, err error) {
	if err := s.permit(operation); err != nil {
		return false, "", err
	}
	if _, place := placeOf(regionID); !place {
		return false, "", refuseAs(fault.NotFound, 403, "InvalidParameter.RegionIdNotExists", "The specified RegionId does not exist.")
	}
	s.cloud.mu.RLock()
	defer s.cloud.mu.RUnlock()
	key, encrypted = s.cloud.regions[regionID].encryption[s.caller.Account]
	return encrypted, key, nil
}
