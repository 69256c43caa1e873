package cloudsim

import (
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// WrittenOn are the disks on which the content of a disk was written, oldest
// first, the disk itself last: of one that was made from an image, the disk that
// the image was taken of, and what that was made from. So a test can tell whether
// old content is back. It is nil if there is no such disk.
func (c *Cloud) WrittenOn(regionID image.RegionID, id image.DiskID) []image.DiskID {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, state := c.mustRegion(regionID).disks.live(string(id))
	if state == nil {
		return nil
	}
	return slices.Clone(state.written)
}

// contentOf is where the content of a new disk was written before.
func (r *region) contentOf(row DiskRow) []image.DiskID {
	id := row.SourceSnapshot
	if img, ok := r.runs(row.Image); ok && row.System {
		for _, m := range img.Disks {
			if m.System {
				id = m.SnapshotID
			}
		}
	}
	if _, snap := r.snapshots.live(string(id)); snap != nil {
		return snap.written
	}
	return nil
}

// at is the disk at now: what time has made of its status.
func (d *diskState) at(now time.Time) DiskRow {
	row := d.row
	if now.Before(d.ready) {
		row.Status = "Creating"
	}
	row.Policies = slices.Clone(row.Policies)
	return row
}

// essd reports whether a category is of the ESSD series, whose snapshots are
// usable at once, and several at a time.
func essd(category string) bool {
	return slices.Contains([]string{"cloud_essd", "cloud_auto", "cloud_essd_entry"}, category)
}
