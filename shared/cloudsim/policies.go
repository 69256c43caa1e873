package cloudsim

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// policiesPerDisk is how many automatic snapshot policies a disk has at most.
const policiesPerDisk = 10

type policyState struct{ row SnapshotPolicyRow }

// SnapshotPolicyRow is one automatic snapshot policy as
// DescribeAutoSnapshotPolicyEx shows it.
type SnapshotPolicyRow struct {
	ID, Name string
	Region   image.RegionID
	// Hours are those of the day in UTC+8, Weekdays 1 for Monday to 7.
	Hours, Weekdays []int
	// RetentionDays is -1 for ever.
	RetentionDays int
	CreatedAt     time.Time
	// Disks is how many disks have it.
	Disks int
	Tags  image.Tags
}

// AddSnapshotPolicy puts an automatic snapshot policy in and returns its id.
// Zero fields get defaults: every day at one, kept for a week.
func (c *Cloud) AddSnapshotPolicy(account image.AccountID, regionID image.RegionID, row SnapshotPolicyRow) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	row.ID = cmp.Or(row.ID, c.random.id("sp", r.infix))
	row.Name, row.Region = cmp.Or(row.Name, row.ID), r.id
	row.RetentionDays = orDefault(row.RetentionDays, 7)
	if row.Hours == nil {
		row.Hours = []int{1}
	}
	if row.Weekdays == nil {
		row.Weekdays = []int{1, 2, 3, 4, 5, 6, 7}
	}
	if row.CreatedAt.IsZero() {
		row.CreatedAt = now.Truncate(time.Second)
	}
	enter(&r.policies, row.ID, account, row.CreatedAt, &policyState{row}, now)
	return row.ID
}

// DescribeSnapshotPoliciesRequest are the parameters of
// DescribeAutoSnapshotPolicyEx.
type DescribeSnapshotPoliciesRequest struct {
	RegionID      image.RegionID
	ID, Name      string
	ResourceGroup string
	Tags          []Tag
	Pages         Pages
}

// SnapshotPoliciesPage is one page of DescribeAutoSnapshotPolicyEx.
type SnapshotPoliciesPage struct {
	Policies []SnapshotPolicyRow
	PageMark
}

// DescribeAutoSnapshotPolicyEx lists the caller's automatic snapshot policies,
// newest first, at most 100 to a page. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidParameter.
func (s *Session) DescribeAutoSnapshotPolicyEx(req DescribeSnapshotPoliciesRequest) (SnapshotPoliciesPage, error) {
	if err := s.permit("DescribeAutoSnapshotPolicyEx"); err != nil {
		return SnapshotPoliciesPage{}, err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkTagQuery(req.Tags)); err != nil {
		return SnapshotPoliciesPage{}, err
	}
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return SnapshotPoliciesPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r := c.regions[req.RegionID]
	found := listedOf(&r.policies, s.caller.Account, func(p *policyState) bool {
		return (req.ID == "" || req.ID == p.row.ID) && (req.Name == "" || req.Name == p.row.Name) && req.ResourceGroup == "" && hasTags(p.row.Tags, req.Tags)
	})
	mark.Total = len(found)
	page := SnapshotPoliciesPage{PageMark: mark}
	for _, p := range cut(found, mark) {
		row := p.row
		row.Tags, row.Disks = cloneTags(row.Tags), len(r.disksWith(s.caller.Account, row.ID))
		page.Policies = append(page.Policies, row)
	}
	return page, nil
}

// disksWith are the disks that have a policy, by their ids.
func (r *region) disksWith(account image.AccountID, policy string) []image.DiskID {
	var ids []image.DiskID
	for _, e := range r.disks.of(account).rows {
		if d := e.truth(); d != nil && slices.Contains(d.row.Policies, policy) {
			ids = append(ids, d.row.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// PolicyAssociation says that a disk has a policy.
type PolicyAssociation struct {
	Policy string
	Disk   image.DiskID
}

// DescribePolicyAssociationsRequest are the parameters of
// DescribeAutoSnapshotPolicyAssociations: one of Policy and Disk.
type DescribePolicyAssociationsRequest struct {
	RegionID   image.RegionID
	Policy     string
	Disk       image.DiskID
	MaxResults int
	Next       string
}

// PolicyAssociationsPage is one page of DescribeAutoSnapshotPolicyAssociations.
type PolicyAssociationsPage struct {
	Associations []PolicyAssociation
	Next         string
}

// DescribeAutoSnapshotPolicyAssociations lists the disks of a policy, or the
// policies of a disk. Refusals: MissingParameter, InvalidRegionId.NotFound,
// MissingParameter.AutoSnapshotPolicyIdOrDiskId,
// ParameterConflict.AutoSnapshotPolicyIdAndDiskId,
// InvalidAutoSnapshotPolicyId.NotFound, InvalidDiskId.NotFound,
// Invalid.NextToken.
func (s *Session) DescribeAutoSnapshotPolicyAssociations(req DescribePolicyAssociationsRequest) (PolicyAssociationsPage, error) {
	if err := s.permit("DescribeAutoSnapshotPolicyAssociations"); err != nil {
		return PolicyAssociationsPage{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return PolicyAssociationsPage{}, err
	}
	switch {
	case req.Policy == "" && req.Disk == "":
		return PolicyAssociationsPage{}, malformed(403, "MissingParameter.AutoSnapshotPolicyIdOrDiskId", "The parameter AutoSnapshotPolicyId or DiskId is required.")
	case req.Policy != "" && req.Disk != "":
		return PolicyAssociationsPage{}, malformed(403, "ParameterConflict.AutoSnapshotPolicyIdAndDiskId", "The parameters AutoSnapshotPolicyId and DiskId cannot be used together.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	rows, err := c.regions[req.RegionID].associations(s.caller.Account, req)
	if err != nil {
		return PolicyAssociationsPage{}, err
	}
	page, next, err := pipelineTokens(rows, func(a *PolicyAssociation) string { return a.Policy + string(a.Disk) },
		s.scope("associations", req.Policy+string(req.Disk)), req.Next, max(10, min(orDefault(req.MaxResults, 10), 100)))
	answer := PolicyAssociationsPage{Next: next}
	for _, a := range page {
		answer.Associations = append(answer.Associations, *a)
	}
	return answer, err
}

func (r *region) associations(account image.AccountID, req DescribePolicyAssociationsRequest) ([]*PolicyAssociation, error) {
	var rows []*PolicyAssociation
	if req.Disk != "" {
		_, disk := r.disks.owned(account, string(req.Disk))
		if disk == nil {
			return nil, unknownDisk()
		}
		for _, p := range disk.row.Policies {
			rows = append(rows, &PolicyAssociation{p, req.Disk})
		}
		return rows, nil
	}
	if _, policy := r.policies.owned(account, req.Policy); policy == nil {
		return nil, refuse(404, "InvalidAutoSnapshotPolicyId.NotFound", "The specified AutoSnapshotPolicyId does not exist.")
	}
	for _, id := range r.disksWith(account, req.Policy) {
		rows = append(rows, &PolicyAssociation{req.Policy, id})
	}
	return rows, nil
}

func unknownDisk() error {
	return refuse(404, "InvalidDiskId.NotFound", "The specified DiskId does not exist.")
}

// SnapshotPolicyRequest are the parameters of ApplyAutoSnapshotPolicy and
// CancelAutoSnapshotPolicy.
type SnapshotPolicyRequest struct {
	RegionID image.RegionID
	Policy   string
	Disks    []image.DiskID
}

// check refuses in the way of the two operations.
func (req SnapshotPolicyRequest) check(policy bool) error {
	_, place := placeOf(req.RegionID)
	if !place || len(req.Disks) == 0 || policy && req.Policy == "" {
		return malformed(403, "ParameterInvalid", "The parameter is invalid, missing or malformed.")
	}
	return nil
}

// ApplyAutoSnapshotPolicy gives disks a policy beside those they have, all or
// none; by the other reading in place of it. Refusals: ParameterInvalid (403,
// and 404 for a policy that does not exist), InvalidDiskId.NotFound,
// DiskCategory.OperationNotSupported, QuotaExceed.AppliedAutoSnapshotPolicyQuota.
func (s *Session) ApplyAutoSnapshotPolicy(req SnapshotPolicyRequest) error {
	if err := s.permit("ApplyAutoSnapshotPolicy"); err != nil {
		return err
	}
	if err := req.check(true); err != nil {
		return err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, policy := c.regions[req.RegionID].policies.owned(s.caller.Account, req.Policy); policy == nil {
		return refuseAs(fault.NotFound, 404, "ParameterInvalid", "The policy does not exist.")
	}
	return s.repolicy(req, func(policies []string) ([]string, error) {
		switch {
		case slices.Contains(policies, req.Policy):
			return policies, nil
		case c.readings().PoliciesReplace:
			return []string{req.Policy}, nil
		case len(policies) >= policiesPerDisk:
			return nil, overQuota(403, "QuotaExceed.AppliedAutoSnapshotPolicyQuota", "The number of policies applied to the disk exceeds the quota.")
		}
		return append(slices.Clip(policies), req.Policy), nil
	})
}

// CancelAutoSnapshotPolicy takes a policy from disks, or the only one they have.
// Refusals: ParameterInvalid, InvalidDiskId.NotFound,
// OperationDenied.TooManyAutoSnapshotPolicies.
func (s *Session) CancelAutoSnapshotPolicy(req SnapshotPolicyRequest) error {
	if err := s.permit("CancelAutoSnapshotPolicy"); err != nil {
		return err
	}
	if err := req.check(false); err != nil {
		return err
	}
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	return s.repolicy(req, func(policies []string) ([]string, error) {
		if req.Policy == "" && len(policies) > 1 {
			return nil, wrongState(403, "OperationDenied.TooManyAutoSnapshotPolicies", "The disk has more than one policy; name one.")
		}
		return slices.DeleteFunc(slices.Clone(policies), func(p string) bool { return req.Policy == "" || p == req.Policy }), nil
	})
}

// repolicy works out the policies of every disk, then enters them. The cloud must
// be locked.
func (s *Session) repolicy(req SnapshotPolicyRequest, next func([]string) ([]string, error)) error {
	c := s.cloud
	r, now := c.regions[req.RegionID], c.now()
	r.settle(now)
	changed := map[*entry[diskState]]*diskState{}
	for _, id := range req.Disks {
		e, state := r.disks.owned(s.caller.Account, string(id))
		if state == nil {
			return unknownDisk()
		}
		policies, err := next(state.row.Policies)
		if err != nil {
			return err
		}
		disk := *state
		disk.row.Policies = policies
		changed[e] = &disk
	}
	for e, disk := range changed {
		r.disks.put(e, disk, c.visibleFrom(e.id, now), now)
	}
	return nil
}
