package cloudsim

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// DescribeSnapshotLinksRequest are the parameters of DescribeSnapshotLinks; a
// given but empty list matches nothing.
type DescribeSnapshotLinksRequest struct {
	RegionID   image.RegionID
	InstanceID image.InstanceID
	DiskIDs    []image.DiskID
	LinkIDs    []string
	Pages      Pages
}

// ChainRow is one chain of snapshots as DescribeSnapshotLinks shows it.
type ChainRow struct {
	image.Chain
	SourceDiskName    string
	SourceDiskSizeGiB int
	SourceSystemDisk  bool
	InstanceID        image.InstanceID
	InstanceName      string
}

// ChainsPage is one page of DescribeSnapshotLinks.
type ChainsPage struct {
	Chains []ChainRow
	PageMark
}

// DescribeSnapshotLinks lists the caller's chains of snapshots, those with the
// newest snapshot first, at most 100 to a page. Refusals: MissingParameter,
// InvalidRegionId, InvalidDiskIds, InvalidSnapshotLinkIds, InvalidParameter.
func (s *Session) DescribeSnapshotLinks(req DescribeSnapshotLinksRequest) (ChainsPage, error) {
	if err := s.permit("DescribeSnapshotLinks"); err != nil {
		return ChainsPage{}, err
	}
	_, known := placeOf(req.RegionID)
	switch {
	case req.RegionID == "":
		return ChainsPage{}, missing("RegionId")
	case !known:
		return ChainsPage{}, refuseAs(fault.NotFound, 400, "InvalidRegionId", "The specified regionId is invalid.")
	case len(req.DiskIDs) > 100:
		return ChainsPage{}, malformed(400, "InvalidDiskIds", "The specified diskIds is invalid.")
	case len(req.LinkIDs) > 100:
		return ChainsPage{}, malformed(400, "InvalidSnapshotLinkIds", "The specified snapshotLinkIds is invalid.")
	}
	mark, err := pageMark(req.Pages, 100)
	if err != nil {
		return ChainsPage{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	r := c.regions[req.RegionID]
	found := slices.DeleteFunc(c.chains(r, s.caller.Account, c.now()), func(row ChainRow) bool { return !req.wants(row) })
	mark.Total = len(found)
	return ChainsPage{Chains: cut(found, mark), PageMark: mark}, nil
}

func (req *DescribeSnapshotLinksRequest) wants(row ChainRow) bool {
	return (req.InstanceID == "" || req.InstanceID == row.InstanceID) &&
		(req.DiskIDs == nil || slices.Contains(req.DiskIDs, row.SourceDisk)) &&
		(req.LinkIDs == nil || slices.Contains(req.LinkIDs, row.ID))
}

// DescribeSnapshotsUsage tells what all of the caller's snapshots in a region
// occupy. Refusals: MissingParameter, InvalidParam.RegionId.
func (s *Session) DescribeSnapshotsUsage(regionID image.RegionID) (image.SnapshotUsage, error) {
	if err := s.permit("DescribeSnapshotsUsage"); err != nil {
		return image.SnapshotUsage{}, err
	}
	if regionID == "" {
		return image.SnapshotUsage{}, missing("RegionId")
	}
	if _, known := placeOf(regionID); !known {
		return image.SnapshotUsage{}, refuseAs(fault.NotFound, 403, "InvalidParam.RegionId", "The specified region is not exist.")
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	usage := image.SnapshotUsage{Account: s.caller.Account, Region: regionID}
	for _, row := range c.chains(c.regions[regionID], s.caller.Account, c.now()) {
		usage.Count += row.Count
		usage.Bytes += row.TotalBytes
	}
	return usage, nil
}

// chains are an account's chains as reads see them, newest first. Snapshots that
// failed belong to none; those under way count, and occupy nothing yet.
func (c *Cloud) chains(r *region, account image.AccountID, now time.Time) []ChainRow {
	byID := map[string][]SnapshotRow{}
	var order []string
	for _, e := range r.snapshots.of(account).rows {
		state := e.seen(now)
		if state == nil {
			continue
		}
		row := r.snapshotRow(state, now)
		if row.Status == "failed" {
			continue
		}
		if byID[row.LinkID] == nil {
			order = append(order, row.LinkID)
		}
		byID[row.LinkID] = append(byID[row.LinkID], row)
	}
	rows := make([]ChainRow, 0, len(order))
	for _, id := range order {
		row := c.chain(r, byID[id], now)
		row.Account = account
		rows = append(rows, row)
	}
	return rows
}

// chain sums up the snapshots of one chain, newest first.
func (c *Cloud) chain(r *region, snapshots []SnapshotRow, now time.Time) ChainRow {
	newest := snapshots[0]
	row := ChainRow{
		Chain: image.Chain{
			Region: r.id, ID: newest.LinkID, SourceDisk: newest.SourceDisk, Category: newest.Category,
			Count: len(snapshots), TotalBytes: occupied(snapshots),
		},
		SourceDiskSizeGiB: newest.SourceDiskSizeGiB, SourceSystemDisk: newest.SourceSystemDisk,
	}
	if c.readings().ChainsCompressed {
		row.TotalBytes = row.TotalBytes / 10 * 7
	}
	if e := r.disks.byID[string(newest.SourceDisk)]; e != nil {
		if disk := e.seen(now); disk != nil {
			row.SourceDiskName, row.InstanceID = disk.row.Name, disk.row.Instance
		}
	}
	if e := r.instances.byID[string(row.InstanceID)]; e != nil {
		if instance := e.seen(now); instance != nil {
			row.InstanceName = instance.row.Name
		}
	}
	return row
}

// occupied is what a chain of snapshots, newest first, occupies: all of the
// oldest, and of each later one what changed since. Whatever is deleted, it is
// never less than the full size of any one of them.
func occupied(snapshots []SnapshotRow) int64 {
	var total, before int64
	for _, s := range slices.Backward(snapshots) {
		switch {
		case s.Status != "accomplished":
			continue
		case total == 0:
			total = s.FullSizeBytes
		default:
			changed := s.FullSizeBytes / 100 * int64(3+mix(0, string(s.ID))%15)
			total += min(s.FullSizeBytes, max(s.FullSizeBytes-before, 0)+changed)
		}
		before = s.FullSizeBytes
	}
	return total
}

// linkOf is the chain that a snapshot of a disk belongs to: one per disk, and
// another for those in the archive.
func linkOf(disk image.DiskID, id image.SnapshotID, category string) string {
	prefix := "sl-"
	if category == "archive" {
		prefix = "sl-archive-"
	}
	return prefix + strings.TrimPrefix(cmp.Or(string(disk), "s-"+string(id)), "d-")
}
