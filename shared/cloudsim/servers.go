package cloudsim

import (
	"path"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// States are never changed, only replaced.
type (
	instanceState struct {
		row InstanceRow
		// steps are what becomes of its status by time alone, in their order.
		steps []step
		// busy is until when its system disk is being replaced.
		busy time.Time
	}

	diskState struct {
		row DiskRow
		// written are the disks on which its content was written, oldest first; the
		// last is itself.
		written []image.DiskID
		// ready is when a disk that is being made can be used.
		ready time.Time
	}

	snapshotState struct {
		row SnapshotRow
		// work is that of the image the snapshot was taken for, if any.
		work *work
		// origin is the image that the disk ran when the snapshot was taken; for a
		// copy, the image that was copied.
		origin image.Ref
		kmsKey string
		// written is that of the disk when the snapshot was taken.
		written []image.DiskID
		lock    *SnapshotLock
		// shared: others may use it; managed: another product does.
		shared, managed bool
	}
)

// disksOf returns the disks attached to an instance, the system disk first.
func (r *region) disksOf(id image.InstanceID, account image.AccountID) []*entry[diskState] {
	var list []*entry[diskState]
	for _, e := range r.disks.of(account).rows {
		if s := e.truth(); s != nil && s.row.Instance == id {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry[diskState]) int {
		return strings.Compare(a.truth().row.Device, b.truth().row.Device)
	})
	return list
}

// rows returns the entries of an owner that a read at now sees and wants, of
// those with the ids asked for; nil ids ask for all.
func rows[T any, ID ~string](t *table[T], owner image.AccountID, ids []ID, now time.Time, wanted func(*T) bool) []*entry[T] {
	var found []*entry[T]
	for _, e := range t.asked(owner, texts(ids)) {
		if state := e.seen(now); state != nil && wanted(state) {
			found = append(found, e)
		}
	}
	return found
}

// texts keeps the difference between no list and an empty one.
func texts[ID ~string](ids []ID) []string {
	if ids == nil {
		return nil
	}
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, string(id))
	}
	return list
}

// asked returns the owner's entries with the ids, newest first; nil ids ask for
// all.
func (t *table[T]) asked(owner image.AccountID, ids []string) []*entry[T] {
	if ids == nil {
		return t.of(owner).rows
	}
	var named shelf[T]
	for _, id := range ids {
		if e := t.byID[id]; e != nil && e.owner == owner {
			named.add(e)
		}
	}
	return named.rows
}

// instanceStatuses are the states DescribeInstances can be asked for.
func instanceStatuses() []string {
	return []string{"", "Pending", "Running", "Starting", "Stopping", "Stopped"}
}

// InstanceRow is one instance as DescribeInstances shows it.
type InstanceRow struct {
	image.Instance
	HostName       string
	TypeFamily     string
	VPC            string
	VSwitch        string
	PrivateIP      string
	SecurityGroups []string
	StartedAt      time.Time
	// ExpiredAt is zero for pay-as-you-go.
	ExpiredAt time.Time
	KeyPair   string
	InstanceDetails
	// AutoReleaseAt is when ECS releases it by itself; zero for never.
	AutoReleaseAt time.Time
	// PublicIP is empty for one without an address on the Internet.
	PublicIP string

	// runningFrom is when it last began to run, runningUntil when that ended, if
	// it did.
	runningFrom, runningUntil time.Time
}

// DescribeInstancesRequest are the parameters of DescribeInstances.
type DescribeInstancesRequest struct {
	RegionID image.RegionID
	// InstanceIDs are at most 100; a given but empty list matches nothing.
	InstanceIDs   []image.InstanceID
	ImageID       image.ID
	Status        string
	InstanceType  image.InstanceTypeID
	InstanceName  string // with * as a wildcard
	ZoneID        image.ZoneID
	ChargeType    string
	LockReason    string
	NetworkType   string
	ResourceGroup string
	VPC           string
	VSwitch       string
	SecurityGroup string
	Tags          []Tag
	Filters       []Filter
	DryRun        bool
	Tokens        Tokens
}

// InstancesPage is one page of DescribeInstances.
type InstancesPage struct {
	Instances []InstanceRow
	TokenMark
}

// DescribeInstances lists the caller's instances, newest first, by token or by
// page number. Without the permission it is refused (or, by the other
// reading, answered with an empty list), and so is a dry run either way.
// Refusals: MissingParameter, InvalidRegionId.NotFound, InvalidStatus.NotFound,
// InvalidFilterKey.NotFound and others of the vendor's table.
func (s *Session) DescribeInstances(req DescribeInstancesRequest) (InstancesPage, error) {
	c := s.cloud
	if err := checkInstances(req); err != nil {
		return InstancesPage{}, err
	}
	if err := s.permit("DescribeInstances"); err != nil {
		return c.deniedInstances(req.DryRun, err)
	}
	filter, err := readTimes(req.Filters)
	if err != nil {
		return InstancesPage{}, err
	}
	if req.DryRun {
		return InstancesPage{}, c.dryRun()
	}
	c.lapse(req.RegionID)
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	found := rows(&r.instances, s.caller.Account, req.InstanceIDs, now, func(i *instanceState) bool {
		row := i.at(now)
		return req.wants(&row) && filter.holds(row.CreatedAt)
	})
	tokens := req.Tokens
	req.Tokens = Tokens{}
	page, mark, err := tokenPage(found, tokens, s.scope("instances", req), 100)
	answer := InstancesPage{TokenMark: mark}
	for _, e := range page {
		row := e.seen(now).at(now)
		row.Account = s.caller.Account
		row.Tags, row.Locks = cloneTags(row.Tags), slices.Clone(row.Locks)
		answer.Instances = append(answer.Instances, row)
	}
	return answer, err
}

// deniedInstances is what a caller without the permission gets.
func (c *Cloud) deniedInstances(dryRun bool, denied error) (InstancesPage, error) {
	readings := c.readings()
	switch {
	case dryRun && readings.DryRunHidesDenial:
		return InstancesPage{}, c.dryRun()
	case dryRun && !readings.DryRunDeniedEmpty, !dryRun && !readings.DeniedListsEmpty:
		return InstancesPage{}, denied
	}
	_, mark, err := tokenPage[instanceState](nil, Tokens{}, "", 100)
	return InstancesPage{TokenMark: mark}, err
}

func checkInstances(req DescribeInstancesRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case len(req.InstanceIDs) > 100:
		return malformed(403, "InvalidInstanceIds.Malformed", "The amount of specified instance Ids exceeds the limit.")
	case !slices.Contains(instanceStatuses(), req.Status):
		return malformed(404, "InvalidStatus.NotFound", "The specified Status is not found")
	case !slices.Contains([]string{"", "PrePaid", "PostPaid"}, req.ChargeType):
		return malformed(404, "InvalidInstanceChargeType.NotFound", "The InstanceChargeType does not exist in our records")
	case !slices.Contains([]string{"", "vpc", "classic"}, req.NetworkType):
		return malformed(404, "InvalidNetworkType.NotFound", "The specified InstanceNetworkType is not found")
	case !slices.Contains([]string{"", "financial", "security", "Recycling", "dedicatedhostfinancial", "refunded"}, req.LockReason):
		return malformed(404, "InvalidLockReason.NotFound", "The specified LockReason is not found")
	}
	return checkTagQuery(req.Tags)
}

// wants reports whether the row passes the request's filters.
func (req *DescribeInstancesRequest) wants(row *InstanceRow) bool {
	switch {
	case req.ImageID != "" && req.ImageID != row.Image,
		req.Status != "" && req.Status != string(row.Status),
		req.InstanceType != "" && req.InstanceType != row.Type,
		req.ZoneID != "" && req.ZoneID != row.Zone,
		req.ChargeType != "" && req.ChargeType != row.ChargeType,
		req.LockReason != "" && !slices.Contains(row.Locks, req.LockReason):
		return false
	}
	return req.wantsNet(row) && globs(req.InstanceName, row.Name) && hasTags(row.Tags, req.Tags)
}

func (req *DescribeInstancesRequest) wantsNet(row *InstanceRow) bool {
	return (req.VPC == "" || req.VPC == row.VPC) && (req.VSwitch == "" || req.VSwitch == row.VSwitch) &&
		(req.SecurityGroup == "" || slices.Contains(row.SecurityGroups, req.SecurityGroup)) &&
		req.NetworkType != "classic" && req.ResourceGroup == ""
}

// globs matches a name against a pattern with *; an empty one matches all.
func globs(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return pattern == "" || err == nil && ok
}

// scope names what a token counts for.
func (s *Session) scope(list string, req any) string {
	return string(s.caller.Account) + list + textOf(req)
}

// timeRange is the filter on creation times; zero ends are open.
type timeRange struct{ from, to time.Time }

func (t timeRange) holds(at time.Time) bool {
	return (t.from.IsZero() || !at.Before(t.from)) && (t.to.IsZero() || !at.After(t.to))
}

// readTimes reads CreationStartTime and CreationEndTime of Filter.N.
func readTimes(filters []Filter) (timeRange, error) {
	var t timeRange
	for _, f := range filters {
		at, err := time.Parse("2006-01-02T15:04Z", f.Value)
		switch {
		case f.Key != "CreationStartTime" && f.Key != "CreationEndTime":
			return t, malformed(404, "InvalidFilterKey.NotFound", "The specified Filter Key is not found.")
		case err != nil:
			return t, malformed(404, "InvalidFilterValue", "The specified Filter Value is not valid.")
		case f.Key == "CreationStartTime":
			t.from = at
		default:
			t.to = at
		}
	}
	return t, nil
}

// DescribeInstanceStatusRequest are the parameters of DescribeInstanceStatus;
// at most 100 ids and 50 rows per page.
type DescribeInstanceStatusRequest struct {
	RegionID    image.RegionID
	ZoneID      image.ZoneID
	InstanceIDs []image.InstanceID
	Pages       Pages
}

// InstanceStatusRow is the state of one instance.
type InstanceStatusRow struct {
	ID     image.InstanceID
	Status image.InstanceStatus
}

// InstanceStatusPage is one page of DescribeInstanceStatus.
type InstanceStatusPage struct {
	Instances []InstanceStatusRow
	PageMark
}

// DescribeInstanceStatus lists states, at most 50 to a page. Refusals:
// MissingParameter, InvalidRegionId.NotFound, InvalidZoneId.NotFound,
// InvalidParameter.TooManyInstanceIds.
func (s *Session) DescribeInstanceStatus(req DescribeInstanceStatusRequest) (InstanceStatusPage, error) {
	if err := s.permit("DescribeInstanceStatus"); err != nil {
		return InstanceStatusPage{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return InstanceStatusPage{}, err
	}
	if len(req.InstanceIDs) > 100 {
		return InstanceStatusPage{}, malformed(403, "InvalidParameter.TooManyInstanceIds", "Instance ids cannot be more than 100.")
	}
	mark, err := pageMark(req.Pages, 50)
	if err != nil {
		return InstanceStatusPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	if req.ZoneID != "" && !slices.Contains(r.zoneIDs(), req.ZoneID) {
		return InstanceStatusPage{}, refuse(404, "InvalidZoneId.NotFound", "The zone id does not exist in our records.")
	}
	found := rows(&r.instances, s.caller.Account, req.InstanceIDs, now, func(i *instanceState) bool {
		return req.ZoneID == "" || req.ZoneID == i.row.Zone
	})
	mark.Total = len(found)
	page := InstanceStatusPage{PageMark: mark}
	for _, e := range cut(found, mark) {
		row := e.seen(now).at(now)
		page.Instances = append(page.Instances, InstanceStatusRow{row.ID, row.Status})
	}
	return page, nil
}
