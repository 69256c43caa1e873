package ecsapi

import (
	"cmp"
	"encoding/json"
	"strconv"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
)

type policiesAnswer struct {
	receipt
	pageNumbers
	AutoSnapshotPolicies struct{ AutoSnapshotPolicy rows[wirePolicy] }
}

type wirePolicy struct {
	AutoSnapshotPolicyID         string `json:"AutoSnapshotPolicyId"`
	AutoSnapshotPolicyName       string
	RegionID                     string `json:"RegionId"`
	TimePoints                   string
	RepeatWeekdays               string
	RetentionDays                int
	CopiedSnapshotsRetentionDays int
	DiskNums                     int
	VolumeNums                   int
	EnableCrossRegionCopy        bool
	TargetCopyRegions            string
	Status                       string
	Type                         string
	AssociationType              string
	CreationTime                 string
	ResourceGroupID              string `json:"ResourceGroupId"`
	CopyEncryptionConfiguration  struct {
		Encrypted bool
		KMSKeyID  string `json:"KMSKeyId"`
	}
	Tags       wireTags
	TargetTags struct{ TargetTag []struct{} }
}

func (a *policiesAnswer) content() editable { return &a.AutoSnapshotPolicies.AutoSnapshotPolicy }
func (a *policiesAnswer) place() *pagePlace { return &pagePlace{pages: &a.pageNumbers} }

func describePolicies(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeAutoSnapshotPolicyEx(cloudsim.DescribeSnapshotPoliciesRequest{
		RegionID: image.RegionID(p.text("RegionId")), ID: p.text("AutoSnapshotPolicyId"), Name: p.text("AutoSnapshotPolicyName"),
		ResourceGroup: p.text("ResourceGroupId"), Tags: c.tags(), Pages: c.pages(),
	})
	if err != nil {
		return nil, err
	}
	a := &policiesAnswer{pageNumbers: marked(page.PageMark)}
	a.AutoSnapshotPolicies.AutoSnapshotPolicy = rowsOf(page.Policies, func(row cloudsim.SnapshotPolicyRow) wirePolicy {
		out := wirePolicy{
			AutoSnapshotPolicyID: row.ID, AutoSnapshotPolicyName: row.Name, RegionID: string(row.Region), TimePoints: numbersInText(row.Hours),
			RepeatWeekdays: numbersInText(row.Weekdays), RetentionDays: row.RetentionDays, CopiedSnapshotsRetentionDays: -1, DiskNums: row.Disks,
			TargetCopyRegions: "[]", Status: "Normal", Type: "Custom", AssociationType: "AssociatedWithDisk", CreationTime: toSecond(row.CreatedAt),
			Tags: tagsOnWire(row.Tags),
		}
		out.TargetTags.TargetTag = []struct{}{}
		return out
	})
	return a, nil
}

// numbersInText is a JSON list of numbers as texts, in a text, as the vendor has it.
func numbersInText(numbers []int) string {
	texts := rowsOf(numbers, strconv.Itoa)
	text, _ := json.Marshal([]string(texts)) // a list of texts can be written
	return string(text)
}

type associationsAnswer struct {
	receipt
	NextToken                      string
	AutoSnapshotPolicyAssociations struct {
		AutoSnapshotPolicyAssociation rows[wireAssociation]
	}
}

type wireAssociation struct {
	AutoSnapshotPolicyID string `json:"AutoSnapshotPolicyId"`
	DiskID               string `json:"DiskId"`
}

func (a *associationsAnswer) content() editable {
	return &a.AutoSnapshotPolicyAssociations.AutoSnapshotPolicyAssociation
}
func (a *associationsAnswer) place() *pagePlace { return &pagePlace{next: &a.NextToken} }

func describeAssociations(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeAutoSnapshotPolicyAssociations(cloudsim.DescribePolicyAssociationsRequest{
		RegionID: image.RegionID(p.text("RegionId")), Policy: p.text("AutoSnapshotPolicyId"), Disk: image.DiskID(p.text("DiskId")),
		MaxResults: c.positive("MaxResults"), Next: p.text("NextToken"),
	})
	if err != nil {
		return nil, err
	}
	a := &associationsAnswer{NextToken: page.Next}
	a.AutoSnapshotPolicyAssociations.AutoSnapshotPolicyAssociation = rowsOf(page.Associations, func(x cloudsim.PolicyAssociation) wireAssociation {
		return wireAssociation{x.Policy, string(x.Disk)}
	})
	return a, nil
}

// policyRequest reads the parameters in either of the vendor's spellings.
func (c *call) policyRequest() cloudsim.SnapshotPolicyRequest {
	p := c.parameters
	disks := p.ids("diskIds")
	if disks == nil {
		disks = p.ids("DiskIds")
	}
	return cloudsim.SnapshotPolicyRequest{
		RegionID: image.RegionID(cmp.Or(p.text("regionId"), p.text("RegionId"))),
		Policy:   cmp.Or(p.text("autoSnapshotPolicyId"), p.text("AutoSnapshotPolicyId")), Disks: given[image.DiskID](disks),
	}
}

func applyPolicy(c *call) (answer, error) {
	return finished(c.session.ApplyAutoSnapshotPolicy(c.policyRequest()))
}

func cancelPolicy(c *call) (answer, error) {
	return finished(c.session.CancelAutoSnapshotPolicy(c.policyRequest()))
}

// wireLocked is a snapshot's lock.
type wireLocked struct {
	SnapshotID               string `json:"SnapshotId"`
	LockMode                 string
	LockStatus               string
	LockDuration             int
	LockDurationStartTime    string
	LockCreationTime         string
	LockExpiredTime          string
	CoolOffPeriod            int
	CoolOffPeriodExpiredTime string
}

func lockOnWire(l cloudsim.SnapshotLock, status string) wireLocked {
	return wireLocked{
		SnapshotID: string(l.SnapshotID), LockMode: "compliance", LockStatus: status, LockDuration: l.Days, LockDurationStartTime: toSecond(l.StartsAt),
		LockCreationTime: toSecond(l.CreatedAt), LockExpiredTime: toSecond(l.Ends()), CoolOffPeriod: l.CoolOff, CoolOffPeriodExpiredTime: toSecond(l.CoolOffEnds()),
	}
}

type lockAnswer struct {
	receipt
	LockedSnapshotInfo wireLocked
}

func lockSnapshot(c *call) (answer, error) {
	p := c.parameters
	days, _ := p.integer("LockDuration")
	cool, _ := p.integer("CoolOffPeriod")
	lock, err := c.session.LockSnapshot(cloudsim.LockSnapshotRequest{
		RegionID: image.RegionID(p.text("RegionId")), SnapshotID: image.SnapshotID(p.text("SnapshotId")), Mode: p.text("LockMode"),
		Days: days, CoolOff: cool, DryRun: p.flag("DryRun"), ClientToken: p.text("ClientToken"),
	})
	if err != nil {
		return nil, err
	}
	return &lockAnswer{LockedSnapshotInfo: lockOnWire(lock, lock.Status(lock.CreatedAt))}, nil
}

func unlockSnapshot(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.UnlockSnapshot(image.RegionID(p.text("RegionId")), image.SnapshotID(p.text("SnapshotId")), p.flag("DryRun")))
}

type locksAnswer struct {
	receipt
	NextToken           string
	LockedSnapshotsInfo rows[wireLocked]
}

func (a *locksAnswer) content() editable { return &a.LockedSnapshotsInfo }
func (a *locksAnswer) place() *pagePlace { return &pagePlace{next: &a.NextToken} }

func describeLockedSnapshots(c *call) (answer, error) {
	p := c.parameters
	page, err := c.session.DescribeLockedSnapshots(cloudsim.DescribeLockedSnapshotsRequest{
		RegionID: image.RegionID(p.text("RegionId")), SnapshotIDs: given[image.SnapshotID](p.repeat("SnapshotIds")), Status: p.text("LockStatus"),
		MaxResults: c.positive("MaxResults"), Next: p.text("NextToken"), DryRun: p.flag("DryRun"),
	})
	if err != nil {
		return nil, err
	}
	a := &locksAnswer{NextToken: page.Next}
	a.LockedSnapshotsInfo = rowsOf(page.Locks, func(l cloudsim.SnapshotLock) wireLocked { return lockOnWire(l, l.Status(page.At)) })
	return a, nil
}

// optional is a parameter that may be absent.
func (c *call) optional(name string) *string {
	if text := c.parameters.text(name); text != "" {
		return &text
	}
	return nil
}

func modifySnapshotAttribute(c *call) (answer, error) {
	p := c.parameters
	return finished(c.session.ModifySnapshotAttribute(cloudsim.ModifySnapshotAttributeRequest{
		SnapshotID: image.SnapshotID(p.text("SnapshotId")), Name: c.optional("SnapshotName"), Description: c.optional("Description"),
		RetentionDays: c.positive("RetentionDays"),
	}))
}

type taskAnswer struct {
	receipt
	TaskID string `json:"TaskId"`
}

func modifySnapshotCategory(c *call) (answer, error) {
	p := c.parameters
	task, err := c.session.ModifySnapshotCategory(image.SnapshotID(p.text("SnapshotId")), p.text("Category"), c.positive("RetentionDays"))
	if err != nil {
		return nil, err
	}
	return &taskAnswer{TaskID: task}, nil
}
