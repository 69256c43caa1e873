package cloudsim

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/image"
)

// manualSnapshots is how many snapshots of one disk an account may make by hand.
const manualSnapshots = 2000

// freedLate is how long a snapshot may still count as its image's after that was
// deleted.
const freedLate = 30 * time.Second

// concurrentSnapshots is how many snapshots of one disk of the ESSD series can be
// under way; of other disks one.
const concurrentSnapshots = 10

// locateDisk finds one of the account's disks in whatever region it is.
func (c *Cloud) locateDisk(account image.AccountID, id image.DiskID) (*region, *entry[diskState], *diskState) {
	for _, r := range c.regions {
		if e, state := r.disks.owned(account, string(id)); state != nil {
			return r, e, state
		}
	}
	return nil, nil, nil
}

// CreateSnapshotRequest are the parameters of CreateSnapshot.
type CreateSnapshotRequest struct {
	DiskID      image.DiskID
	Name        string
	Description string
	// RetentionDays is 0 for ever; the wire passes an explicit 0 as -1.
	RetentionDays int
	// Category is standard, flash or empty.
	Category      string
	InstantAccess bool
	Tags          []Tag
	ClientToken   string
}

// CreateSnapshot starts to take a snapshot of a disk and returns its id at once.
// The same client token returns the first snapshot again. Refusals:
// MissingParameter, the malformed codes of the single parameters,
// InvalidDiskId.NotFound, InstanceLockedForSecurity, IncorrectInstanceStatus,
// HibernationConfigured.InstanceOperationForbidden, IncorrectDiskStatus,
// IncorrectDiskStatus.NeverAttached, IncorrectDiskStatus.CreatingSnapshot,
// QuotaExceed.ConcurrentSnapshotQuota, QuotaExceed.Snapshot,
// IdempotentParameterMismatch.
func (s *Session) CreateSnapshot(req CreateSnapshotRequest) (image.SnapshotID, error) {
	if err := s.permit("CreateSnapshot", "disk/"+string(req.DiskID), "snapshot/*"); err != nil {
		return "", err
	}
	if err := checkSnapshot(req); err != nil {
		return "", err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	key := tokenKey{s.caller.Account, "", "CreateSnapshot", req.ClientToken}
	use := tokenUse{request: textOf(req), at: now}
	if before, ok := c.remembered(key, now); ok {
		if before.request != use.request {
			return "", malformed(403, "IdempotentParameterMismatch", "The specified clientToken is used.")
		}
		return image.SnapshotID(before.id), nil
	}
	r, e, disk := c.locateDisk(s.caller.Account, req.DiskID)
	if disk == nil {
		return "", refuse(404, "InvalidDiskId.NotFound", "The specified DiskId does not exist.")
	}
	r.settle(now)
	if err := r.checkSnapshotOf(disk, s.caller.Account, now); err != nil {
		return "", err
	}
	id := c.takeSnapshot(r, s.caller.Account, e, disk, &work{start: now, end: now.Add(c.options.SnapshotTime)}, now)
	_, state := r.snapshots.live(string(id))
	row := &state.row // nobody has seen it yet
	row.Name, row.RetentionDays, row.Tags = req.Name, max(req.RetentionDays, 0), tagMap(req.Tags)
	row.Description = req.Description
	r.retain(*row)
	use.id = image.ID(id)
	s.leave(r, "CreateSnapshot", map[string]any{"DiskId": string(req.DiskID), "SnapshotName": req.Name}, map[string]any{"SnapshotId": string(id)},
		map[string][]string{TrailDisk: {string(req.DiskID)}, TrailSnapshot: {string(id)}})
	c.remember(key, use)
	return id, nil
}

// checkSnapshot refuses what is wrong whatever the state of the cloud.
func checkSnapshot(req CreateSnapshotRequest) error {
	if checkToken(req.ClientToken) != nil {
		return malformed(403, "InvalidClientToken.Malformed", "clientToken must contain only ASCII characters and must not exceed 64 characters in length.")
	}
	switch {
	case req.DiskID == "":
		return missing("DiskId")
	case req.Name != "" && !snapshotNamed(req.Name):
		return malformed(400, "InvalidSnapshotName.Malformed", "The specified SnapshotName is wrongly formed.")
	case req.Description != "" && !wellDescribed(req.Description):
		return malformed(404, "InvalidDescription.Malformed", "The specified description is wrongly formed.")
	case req.RetentionDays < 0 || req.RetentionDays > 65536:
		return malformed(400, "InvalidRetentionDays.Malformed", "The specified RetentionDays is not valid.")
	case !slices.Contains([]string{"", "standard", "flash"}, strings.ToLower(req.Category)):
		return malformed(403, "InvalidSnapshotCategory.Malformed", "The specified Category is not valid.")
	case req.InstantAccess && req.Category != "":
		return malformed(403, "InvalidCategoryAndInstantAccess.Malformed", "The snapshot Category and InstantAccess can't be used together.")
	case len(req.Tags) > 20:
		return overQuota(403, "QuotaExceed.Tags", "The maximum number of tags for a resource is 20.")
	}
	return checkNewTags(req.Tags)
}

// snapshotNamed: 2 to 128 characters that do not begin with auto or as a URL;
// source: CreateSnapshot SnapshotName.
func snapshotNamed(name string) bool {
	n := utf8.RuneCountInString(name)
	return n >= 2 && n <= 128 && !strings.HasPrefix(name, "auto") && !strings.HasPrefix(name, "http://") && !strings.HasPrefix(name, "https://")
}

// checkSnapshotOf refuses for the state of the disk and of its instance.
func (r *region) checkSnapshotOf(disk *diskState, account image.AccountID, now time.Time) error {
	if disk.at(now).Status == "Creating" {
		return wrongState(403, "IncorrectDiskStatus", "The current disk status does not support this operation.")
	}
	if disk.row.Instance == "" && disk.row.AttachedAt.IsZero() {
		return wrongState(403, "IncorrectDiskStatus.NeverAttached", "The specified disk has never been attached to any instance.")
	}
	if _, instance := r.instances.owned(account, string(disk.row.Instance)); instance != nil {
		switch row := instance.at(now); {
		case slices.Contains(row.Locks, "security"):
			return wrongState(403, "InstanceLockedForSecurity", "The disk attached instance is locked due to security.")
		case row.Hibernated:
			return hibernated()
		case row.Status != image.InstanceRunning && row.Status != image.InstanceStopped:
			return wrongState(400, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.")
		}
	}
	manual, underWay := r.snapshotsOf(disk.row.ID, account, now)
	switch {
	case essd(disk.row.Category) && underWay >= concurrentSnapshots:
		return overQuota(403, "QuotaExceed.ConcurrentSnapshotQuota", "The number of snapshots being created for the disk %s has exceeded the concurrent quota (%d).", disk.row.ID, concurrentSnapshots)
	case !essd(disk.row.Category) && underWay > 0:
		return wrongState(403, "IncorrectDiskStatus.CreatingSnapshot", "A previous snapshot creation is in process.")
	case manual >= manualSnapshots:
		return overQuota(403, "QuotaExceed.Snapshot", "The snapshot quota exceeds.")
	}
	return nil
}

// snapshotsOf counts the snapshots that were taken of a disk by hand, and those
// that are under way.
func (r *region) snapshotsOf(disk image.DiskID, account image.AccountID, now time.Time) (manual, underWay int) {
	for _, e := range r.snapshots.of(account).rows {
		state := e.truth()
		if state == nil || state.row.SourceDisk != disk {
			continue
		}
		if state.row.Type == "user" {
			manual++
		}
		if r.snapshotRow(state, now).Status == "progressing" {
			underWay++
		}
	}
	return manual, underWay
}

// DeleteSnapshotRequest are the parameters of DeleteSnapshot.
type DeleteSnapshotRequest struct {
	SnapshotID image.SnapshotID
	// Force deletes one that disks were made from, too.
	Force bool
}

// DeleteSnapshot deletes a snapshot. An id that does not exist is a success, or
// InvalidSnapshotId.NotFound by the other reading. Refusals: MissingParameter,
// SnapshotCreatedImage, forced or not; SnapshotCreatedDisk unless forced;
// OperationDenied.SnapshotLocked while it is locked,
// InvalidOperation.DeleteSharedSnapshotUnsupported,
// InvalidOperation.ResourceManagedByCloudProduct. One that is still being taken is
// given up, or IncorrectDiskStatus.CreatingSnapshot by the other reading.
func (s *Session) DeleteSnapshot(req DeleteSnapshotRequest) error {
	if err := s.permit("DeleteSnapshot", "snapshot/"+string(req.SnapshotID)); err != nil {
		return err
	}
	if req.SnapshotID == "" {
		return missing("SnapshotId")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, r := range c.regions {
		e, state := r.snapshots.live(string(req.SnapshotID))
		if state == nil {
			continue
		}
		if e.owner != s.caller.Account {
			return unknownSnapshot()
		}
		r.settle(now)
		if err := c.checkDeleteSnapshot(r, state, req.Force, now); err != nil {
			return err
		}
		c.dropSnapshot(r, req.SnapshotID, now)
		return nil
	}
	if c.readings().DeleteMissingRefused {
		return unknownSnapshot()
	}
	return nil
}

func unknownSnapshot() error {
	return refuse(404, "InvalidSnapshotId.NotFound", "The specified SnapshotId does not exist.")
}

func (c *Cloud) checkDeleteSnapshot(r *region, state *snapshotState, force bool, now time.Time) error {
	switch {
	case state.lock.holds(now):
		return wrongState(403, "OperationDenied.SnapshotLocked", "The snapshot is locked.")
	case state.shared:
		return wrongState(403, "InvalidOperation.DeleteSharedSnapshotUnsupported", "The current snapshot shares authorization with other users. Revoke the shared authorization first.")
	case state.managed:
		return wrongState(403, "InvalidOperation.ResourceManagedByCloudProduct", "This operation is not supported because the resource is managed by a cloud product.")
	case r.inImages[state.row.ID] > 0, c.readings().SnapshotsFreedLate && now.Sub(r.freed[state.row.ID]) < freedLate:
		return wrongState(403, "SnapshotCreatedImage", "The snapshot has been used to create user defined image(s).")
	case r.inDisks[state.row.ID] > 0 && !force:
		return wrongState(403, "SnapshotCreatedDisk", "The snapshot has been used to create disk(s).")
	case c.readings().DeleteProgressingRefused && r.snapshotRow(state, now).Status == "progressing":
		return wrongState(400, "IncorrectDiskStatus.CreatingSnapshot", "A previous snapshot creation is in process.")
	}
	return nil
}

// releaseDisk takes a disk away, and with it the snapshots that were taken of it
// automatically where that was agreed and nothing else needs them.
func (c *Cloud) releaseDisk(r *region, e *entry[diskState], now time.Time) {
	disk := e.truth().row
	if disk.DeleteAutoSnapshot {
		for _, snap := range slices.Clone(r.snapshots.of(e.owner).rows) {
			state := snap.truth()
			if state == nil || state.row.SourceDisk != disk.ID || state.row.Type != "auto" {
				continue
			}
			if c.checkDeleteSnapshot(r, state, false, now) == nil {
				c.dropSnapshot(r, state.row.ID, now)
			}
		}
	}
	r.dropDisk(e, c.visibleFrom(e.id, now), now)
}
