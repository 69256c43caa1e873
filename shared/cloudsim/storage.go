package cloudsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// textOf writes a request out, to compare it.
func textOf(req any) string { return fmt.Sprintf("%+v", req) }

// DiskRow is one disk as DescribeDisks shows it.
type DiskRow struct {
	image.Disk
	Device             string
	DeleteWithInstance bool
	DeleteAutoSnapshot bool
	PerformanceLevel   string
	// ChargeType is PostPaid or PrePaid.
	ChargeType string
	AttachedAt time.Time
	DiskDetails
}

// DescribeDisksRequest are the parameters of DescribeDisks.
type DescribeDisksRequest struct {
	RegionID image.RegionID
	// DiskIDs are at most 100.
	DiskIDs    []image.DiskID
	InstanceID image.InstanceID
	// DiskType is system, data, all or empty (all).
	DiskType      string
	Status        string
	Category      string
	DiskName      string
	SnapshotID    image.SnapshotID
	ZoneID        image.ZoneID
	ChargeType    string
	Encrypted     image.Tri
	ResourceGroup string
	PolicyID      string
	Tags          []Tag
	Filters       []Filter
	DryRun        bool
	Tokens        Tokens
}

// DisksPage is one page of DescribeDisks.
type DisksPage struct {
	Disks []DiskRow
	TokenMark
}

// DescribeDisks lists the caller's disks, newest first, by token (at most 500)
// or by page number (at most 100). Refusals: MissingParamter.RegionId,
// InvalidRegion.NotFound, InvalidDiskIds.Malformed,
// InvalidDiskType.ValueNotSupported, InvalidStatus.ValueNotSupported,
// InvalidZoneId.NotFound and others of the vendor's table.
func (s *Session) DescribeDisks(req DescribeDisksRequest) (DisksPage, error) {
	if err := s.permit("DescribeDisks"); err != nil {
		return s.cloud.deniedDisks(req.DryRun, err)
	}
	if err := checkDisks(req); err != nil {
		return DisksPage{}, err
	}
	filter, err := readTimes(req.Filters)
	if err != nil {
		return DisksPage{}, err
	}
	c := s.cloud
	if req.DryRun {
		return DisksPage{}, c.dryRun()
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	found := rows(&r.disks, s.caller.Account, req.DiskIDs, now, func(d *diskState) bool {
		row := d.at(now)
		return req.wants(&row) && filter.holds(row.CreatedAt)
	})
	tokens := req.Tokens
	req.Tokens = Tokens{}
	page, mark, err := tokenPage(found, tokens, s.scope("disks", req), 500)
	answer := DisksPage{TokenMark: mark}
	for _, e := range page {
		row := e.seen(now).at(now)
		row.Account, row.Tags = s.caller.Account, cloneTags(row.Tags)
		answer.Disks = append(answer.Disks, row)
	}
	return answer, err
}

// deniedDisks is what a caller without the permission gets.
func (c *Cloud) deniedDisks(dryRun bool, denied error) (DisksPage, error) {
	if dryRun || !c.readings().DeniedListsEmpty {
		return DisksPage{}, denied
	}
	_, mark, err := tokenPage[diskState](nil, Tokens{}, "", 500)
	return DisksPage{TokenMark: mark}, err
}

func checkDisks(req DescribeDisksRequest) error {
	p, ok := placeOf(req.RegionID)
	switch {
	case req.RegionID == "":
		return malformed(400, "MissingParamter.RegionId", "The regionId should not be null.")
	case !ok:
		return refuseAs(fault.NotFound, 400, "InvalidRegion.NotFound", "The specified parameter RegionId is not valid.")
	case len(req.DiskIDs) > 100:
		return malformed(403, "InvalidDiskIds.Malformed", "The amount of specified disk Ids exceeds the limit.")
	case !slices.Contains([]string{"", "all", "system", "data"}, req.DiskType):
		return malformed(400, "InvalidDiskType.ValueNotSupported", "The specified disk type is not supported.")
	case !slices.Contains([]string{"", "All", "In_use", "Available", "Attaching", "Detaching", "Creating", "ReIniting"}, req.Status):
		return malformed(400, "InvalidStatus.ValueNotSupported", "The specified disk status is not supported.")
	case !slices.Contains(diskCategories(), req.Category):
		return malformed(400, "InvalidCategory.ValueNotSupported", "The specified disk category is not supported.")
	case !slices.Contains([]string{"", "PrePaid", "PostPaid"}, req.ChargeType):
		return malformed(404, "InvalidDiskChargeType.NotFound", "The DiskChargeType does not exist in our records")
	case req.ZoneID != "" && !slices.Contains(p.zoneIDs(), req.ZoneID):
		return refuseAs(fault.NotFound, 400, "InvalidZoneId.NotFound", "The zoneId provided does not exist in our records.")
	}
	return checkTagQuery(req.Tags)
}

// diskCategories are those DescribeDisks can be asked for.
func diskCategories() []string {
	return []string{
		"", "all", "cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto", "cloud_essd_entry",
		"local_ssd_pro", "local_hdd_pro", "ephemeral", "ephemeral_ssd",
	}
}

// wants reports whether the row passes the request's filters.
func (req *DescribeDisksRequest) wants(row *DiskRow) bool {
	switch {
	case req.InstanceID != "" && req.InstanceID != row.Instance,
		req.Status != "" && req.Status != "All" && req.Status != row.Status,
		req.Category != "" && req.Category != "all" && req.Category != row.Category,
		req.SnapshotID != "" && req.SnapshotID != row.SourceSnapshot,
		req.ZoneID != "" && req.ZoneID != row.Zone,
		req.PolicyID != "" && !slices.Contains(row.Policies, req.PolicyID):
		return false
	}
	return req.wantsType(row) && req.ResourceGroup == "" &&
		(req.Encrypted == image.Unknown || req.Encrypted == row.Encrypted) &&
		globs(req.DiskName, row.Name) && hasTags(row.Tags, req.Tags)
}

func (req *DescribeDisksRequest) wantsType(row *DiskRow) bool {
	if req.DiskType == "system" && !row.System || req.DiskType == "data" && row.System {
		return false
	}
	return req.ChargeType == "" || req.ChargeType == row.ChargeType
}

// SnapshotRow is one snapshot as DescribeSnapshots shows it.
type SnapshotRow struct {
	image.Snapshot
	// Progress is 0 to 100.
	Progress      int
	RemainSeconds int
	// Type is "user", "auto" (timer) or "copied"; ECS writes auto as "timer".
	Type           string
	LastModifiedAt time.Time
	Description    string
	// Available: disks can be made of it, though it may not be accomplished yet.
	Available bool
}

// DescribeSnapshotsRequest are the parameters of DescribeSnapshots.
type DescribeSnapshotsRequest struct {
	RegionID image.RegionID
	// SnapshotIDs are at most 100.
	SnapshotIDs    []image.SnapshotID
	DiskID         image.DiskID
	InstanceID     image.InstanceID
	SnapshotName   string
	SnapshotType   string // auto, user, all
	SourceDiskType string // system, data
	Status         string // progressing, accomplished, failed, all
	Usage          string // image, disk, image_disk, none
	Category       string
	Encrypted      image.Tri
	ResourceGroup  string
	Tags           []Tag
	Filters        []Filter
	DryRun         bool
	Tokens         Tokens
}

// SnapshotsPage is one page of DescribeSnapshots.
type SnapshotsPage struct {
	Snapshots []SnapshotRow
	TokenMark
}

// DescribeSnapshots lists the caller's snapshots, newest first, by token or by
// page number, at most 100. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidSnapshotIds.Malformed, InvalidStatus.NotFound,
// InvalidUsage, InvalidSourceDiskType, InvalidSnapshotType.NotFound,
// InvalidSnapshotCategory.Malformed and others of the vendor's table.
func (s *Session) DescribeSnapshots(req DescribeSnapshotsRequest) (SnapshotsPage, error) {
	if err := s.permit("DescribeSnapshots"); err != nil {
		return SnapshotsPage{}, err
	}
	if err := checkSnapshots(req); err != nil {
		return SnapshotsPage{}, err
	}
	filter, err := readTimes(req.Filters)
	if err != nil {
		return SnapshotsPage{}, err
	}
	c := s.cloud
	if req.DryRun {
		return SnapshotsPage{}, c.dryRun()
	}
	c.lapse(req.RegionID)
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, now := c.regions[req.RegionID], c.now()
	ofInstance := r.diskIDsOf(req.InstanceID, s.caller.Account)
	found := rows(&r.snapshots, s.caller.Account, req.SnapshotIDs, now, func(snap *snapshotState) bool {
		row := r.snapshotRow(snap, now)
		return req.wants(&row) && filter.holds(row.CreatedAt) && (req.InstanceID == "" || slices.Contains(ofInstance, row.SourceDisk))
	})
	tokens := req.Tokens
	req.Tokens = Tokens{}
	page, mark, err := tokenPage(found, tokens, s.scope("snapshots", req), 100)
	answer := SnapshotsPage{TokenMark: mark}
	for _, e := range page {
		row := r.snapshotRow(e.seen(now), now)
		row.Account, row.Tags = s.caller.Account, cloneTags(row.Tags)
		answer.Snapshots = append(answer.Snapshots, row)
	}
	return answer, err
}

func (r *region) diskIDsOf(id image.InstanceID, account image.AccountID) []image.DiskID {
	if id == "" {
		return nil
	}
	var ids []image.DiskID
	for _, e := range r.disksOf(id, account) {
		ids = append(ids, image.DiskID(e.id))
	}
	return ids
}

// snapshotRow is the snapshot at now: what its image's work and its users make
// of its state.
func (r *region) snapshotRow(s *snapshotState, now time.Time) SnapshotRow {
	row := s.row
	if row.Key = ""; row.Encrypted == image.Yes {
		row.Key = cmp.Or(s.kmsKey, image.ServiceKey)
	}
	row.Usage = usageOf(r.inImages[row.ID] > 0, r.inDisks[row.ID] > 0)
	row.Progress = 100
	if s.work == nil {
		row.Available = row.Available || row.Status == "accomplished"
		return row
	}
	img := imageState{work: s.work, img: image.Image{Status: image.StatusAvailable}}
	row.Progress, row.RemainSeconds = img.progress(now)
	switch img.status(now) {
	case image.StatusCreateFailed:
		row.Status = "failed"
	case image.StatusAvailable:
		row.Status, row.Available = "accomplished", true
	default:
		row.Status = "progressing"
		if s.work.imports {
			row.Status = "failed"
		}
	}
	return row
}

// usageOf is DescribeSnapshots' word for who needs a snapshot.
func usageOf(byImage, byDisk bool) string {
	switch {
	case byImage && byDisk:
		return "image_disk"
	case byImage:
		return "image"
	case byDisk:
		return "disk"
	}
	return "none"
}

func checkSnapshots(req DescribeSnapshotsRequest) error {
	if err := checkRegion(req.RegionID); err != nil {
		return err
	}
	switch {
	case len(req.SnapshotIDs) > 100:
		return malformed(403, "InvalidSnapshotIds.Malformed", "The amount of specified specified snapshot Ids exceeds the limit.")
	case !slices.Contains([]string{"", "progressing", "accomplished", "failed", "all"}, req.Status):
		return malformed(404, "InvalidStatus.NotFound", "The specified Status is not found")
	case !slices.Contains([]string{"", "image", "disk", "image_disk", "none"}, req.Usage):
		return malformed(404, "InvalidUsage", "The specifed Usage is not valid")
	case !slices.Contains([]string{"", "system", "data", "System", "Data"}, req.SourceDiskType):
		return malformed(404, "InvalidSourceDiskType", "The specifed SourceDiskType is not valid")
	case !slices.Contains([]string{"", "auto", "user", "all"}, req.SnapshotType):
		return malformed(404, "InvalidSnapshotType.NotFound", "The specfied SnapshotType is not found")
	case !slices.Contains([]string{"", "Standard", "standard", "Flash", "flash", "Archive", "archive"}, req.Category):
		return malformed(403, "InvalidSnapshotCategory.Malformed", "The specified Category is not valid.")
	}
	return checkTagQuery(req.Tags)
}

// wants reports whether the row passes the request's filters.
func (req *DescribeSnapshotsRequest) wants(row *SnapshotRow) bool {
	switch {
	case req.DiskID != "" && req.DiskID != row.SourceDisk,
		req.SnapshotName != "" && req.SnapshotName != row.Name,
		req.Status != "" && req.Status != "all" && req.Status != row.Status,
		req.Usage != "" && req.Usage != row.Usage,
		req.Encrypted != image.Unknown && req.Encrypted != row.Encrypted:
		return false
	}
	return req.ResourceGroup == "" && req.wantsType(row) && hasTags(row.Tags, req.Tags)
}

func (req *DescribeSnapshotsRequest) wantsType(row *SnapshotRow) bool {
	automatic := row.Type == "auto"
	switch {
	case req.SnapshotType == "auto" && !automatic, req.SnapshotType == "user" && automatic:
		return false
	case req.Category != "" && strings.ToLower(req.Category) != row.Category:
		return false
	}
	return req.SourceDiskType == "" || (strings.ToLower(req.SourceDiskType) == "system") == row.SourceSystemDisk
}
