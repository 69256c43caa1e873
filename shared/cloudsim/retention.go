package cloudsim

import (
	"cmp"
	"slices"
	"time"

	"imagekeeper/shared/image"
)

// ends is when a snapshot's retention ends; zero for never.
func (row SnapshotRow) ends() time.Time {
	if row.RetentionDays <= 0 {
		return time.Time{}
	}
	return row.CreatedAt.AddDate(0, 0, row.RetentionDays)
}

// retain notes when a new or changed snapshot is to go.
func (r *region) retain(row SnapshotRow) { r.lapses = earlier(r.lapses, row.ends()) }

// lapse lets go of the snapshots whose retention has ended, and of the instances
// that their scaling groups found broken, and puts in the images that pipelines
// have built. Reads of these begin with it.
func (c *Cloud) lapse(regionID image.RegionID) {
	c.mu.RLock()
	r, now := c.regions[regionID], c.now()
	due := r != nil && (!r.lapses.IsZero() && !now.Before(r.lapses) || !r.patrols.IsZero() && !now.Before(r.patrols) || !r.builds.IsZero() && !now.Before(r.builds))
	c.mu.RUnlock()
	if !due {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.settle(now)
	c.release(r, now)
	c.patrol(r, now)
	c.build(r, now)
}

// release lets go of the snapshots whose retention has ended, unless an image, a
// lock or somebody else needs them: then it is tried again with the next.
func (c *Cloud) release(r *region, now time.Time) {
	r.lapses = time.Time{}
	for _, s := range r.snapshots.byOwner {
		for _, e := range slices.Clone(s.rows) {
			state := e.truth()
			if state == nil || state.row.RetentionDays <= 0 {
				continue
			}
			switch ends := state.row.ends(); {
			case now.Before(ends):
				r.lapses = earlier(r.lapses, ends)
			case r.inImages[state.row.ID] > 0 || state.lock.holds(now) || state.shared || state.managed:
				r.lapses = earlier(r.lapses, now.Add(time.Hour))
			default:
				c.dropSnapshot(r, state.row.ID, now)
			}
		}
	}
	r.snapshots.settle(now)
}

// SetSnapshot marks a snapshot as shared with others, or as managed by another
// product, or neither. It reports whether there is such a snapshot.
func (c *Cloud) SetSnapshot(regionID image.RegionID, id image.SnapshotID, shared, managed bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now := c.mustRegion(regionID), c.now()
	e, state := r.snapshots.live(string(id))
	if state == nil {
		return false
	}
	next := *state
	next.shared, next.managed = shared, managed
	r.snapshots.put(e, &next, now, now)
	return true
}

// SnapshotLock is the lock of a snapshot, as DescribeLockedSnapshots shows it.
type SnapshotLock struct {
	SnapshotID image.SnapshotID
	// CoolOff is how many hours it can be taken back, Days how long it lasts.
	CoolOff, Days int
	// CreatedAt is when it was made, StartsAt from when Days count.
	CreatedAt, StartsAt time.Time
}

// CoolOffEnds is when the lock cannot be taken back any more.
func (l SnapshotLock) CoolOffEnds() time.Time {
	return l.CreatedAt.Add(time.Duration(l.CoolOff) * time.Hour)
}

// Ends is when the snapshot can be deleted again.
func (l SnapshotLock) Ends() time.Time { return l.StartsAt.AddDate(0, 0, l.Days) }

// Status is compliance-cooloff, compliance or expired.
func (l SnapshotLock) Status(now time.Time) string {
	switch {
	case !now.Before(l.Ends()):
		return "expired"
	case now.Before(l.CoolOffEnds()):
		return "compliance-cooloff"
	}
	return "compliance"
}

// holds reports whether the snapshot cannot be deleted.
func (l *SnapshotLock) holds(now time.Time) bool { return l != nil && now.Before(l.Ends()) }

// LockSnapshotRequest are the parameters of LockSnapshot.
type LockSnapshotRequest struct {
	RegionID   image.RegionID
	SnapshotID image.SnapshotID
	// Mode is compliance; Days 1 to 36500, CoolOff 0 to 72 hours.
	Mode          string
	Days, CoolOff int
	DryRun        bool
	ClientToken   string
}

// LockSnapshot keeps a snapshot from being deleted for some days, or longer than
// before. Refusals: MissingParameter, InvalidRegionId.NotFound,
// InvalidLockMode.Malformed, InvalidParameter,
// InvalidLockDuration.ExceedRetentionDays, InvalidCoolOffPeriod.ExceedLockDuration,
// InvalidSnapshotId.NotFound, InvalidOperation.SnapshotNotAvailable,
// InvalidOperation.LockSharedSnapshotUnsupported,
// InvalidOperation.CoolOffPeriodExpired,
// InvalidOperation.ResourceManagedByCloudProduct.
func (s *Session) LockSnapshot(req LockSnapshotRequest) (SnapshotLock, error) {
	if err := s.permit("LockSnapshot"); err != nil {
		return SnapshotLock{}, err
	}
	if err := cmp.Or(checkRegion(req.RegionID), checkToken(req.ClientToken)); err != nil {
		return SnapshotLock{}, err
	}
	switch {
	case req.SnapshotID == "":
		return SnapshotLock{}, missing("SnapshotId")
	case req.Mode != "compliance":
		return SnapshotLock{}, malformed(400, "InvalidLockMode.Malformed", "The specified LockMode is not valid.")
	case req.Days < 1 || req.Days > 36500 || req.CoolOff < 0 || req.CoolOff > 72:
		return SnapshotLock{}, malformed(400, "InvalidParameter", "The specified LockDuration or CoolOffPeriod is not valid.")
	case req.CoolOff > 24*req.Days:
		return SnapshotLock{}, malformed(400, "InvalidCoolOffPeriod.ExceedLockDuration", "The CoolOffPeriod exceeds the LockDuration.")
	}
	var lock SnapshotLock
	err := s.relock(req.RegionID, req.SnapshotID, req.DryRun, func(r *region, state *snapshotState, now time.Time) (*SnapshotLock, error) {
		lock = SnapshotLock{SnapshotID: req.SnapshotID, CoolOff: req.CoolOff, Days: req.Days, CreatedAt: now.Truncate(time.Second)}
		lock.StartsAt = lock.CreatedAt
		if state.work != nil && state.work.end.After(now) {
			lock.StartsAt = state.work.end
		}
		return &lock, r.checkLock(state, lock, now)
	})
	return lock, err
}

// checkLock refuses a lock for the state of the snapshot.
func (r *region) checkLock(state *snapshotState, lock SnapshotLock, now time.Time) error {
	before := state.lock
	switch ends := state.row.ends(); {
	case state.shared:
		return wrongState(403, "InvalidOperation.LockSharedSnapshotUnsupported", "A shared snapshot cannot be locked.")
	case state.managed:
		return wrongState(403, "InvalidOperation.ResourceManagedByCloudProduct", "This operation is not supported because the resource is managed by a cloud product.")
	case r.snapshotRow(state, now).Status == "failed":
		return wrongState(403, "InvalidOperation.SnapshotNotAvailable", "The snapshot is not available.")
	case !ends.IsZero() && lock.Ends().After(ends):
		return malformed(400, "InvalidLockDuration.ExceedRetentionDays", "The lock must end before the retention does.")
	case before != nil && before.Status(now) == "compliance" && (lock.CoolOff != 0 || lock.Ends().Before(before.Ends())):
		return wrongState(403, "InvalidOperation.CoolOffPeriodExpired", "The lock can only be prolonged.")
	}
	return nil
}

// UnlockSnapshot takes a lock back. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidSnapshotId.NotFound,
// InvalidSnapshotLock.NotFound, InvalidOperation.CoolOffPeriodExpired.
func (s *Session) UnlockSnapshot(regionID image.RegionID, id image.SnapshotID, dryRun bool) error {
	if err := s.permit("UnlockSnapshot"); err != nil {
		return err
	}
	if err := checkRegion(regionID); err != nil {
		return err
	}
	if id == "" {
		return missing("SnapshotId")
	}
	return s.relock(regionID, id, dryRun, func(_ *region, state *snapshotState, now time.Time) (*SnapshotLock, error) {
		switch {
		case state.lock == nil:
			return nil, refuse(404, "InvalidSnapshotLock.NotFound", "The snapshot is not locked.")
		case state.lock.Status(now) == "compliance":
			return nil, wrongState(403, "InvalidOperation.CoolOffPeriodExpired", "The cool-off period of the lock has expired.")
		}
		return nil, nil
	})
}

// relock gives a snapshot of the caller another lock, or none.
func (s *Session) relock(regionID image.RegionID, id image.SnapshotID, dryRun bool, next func(*region, *snapshotState, time.Time) (*SnapshotLock, error)) error {
	return s.amendSnapshot(regionID, id, func(r *region, state *snapshotState, now time.Time) error {
		lock, err := next(r, state, now)
		if err == nil && dryRun {
			err = s.cloud.dryRun()
		}
		state.lock = lock
		return err
	})
}

// amendSnapshot changes one of the caller's snapshots, in a region or, without
// one, wherever it is.
func (s *Session) amendSnapshot(regionID image.RegionID, id image.SnapshotID, change func(*region, *snapshotState, time.Time) error) error {
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, r := range c.regions {
		e, state := r.snapshots.owned(s.caller.Account, string(id))
		if state == nil || regionID != "" && r.id != regionID {
			continue
		}
		r.settle(now)
		next := *state
		if err := change(r, &next, now); err != nil {
			return err
		}
		r.retain(next.row)
		r.snapshots.put(e, &next, c.visibleFrom(e.id, now), now)
		return nil
	}
	return unknownSnapshot()
}

// DescribeLockedSnapshotsRequest are the parameters of DescribeLockedSnapshots.
type DescribeLockedSnapshotsRequest struct {
	RegionID    image.RegionID
	SnapshotIDs []image.SnapshotID
	Status      string
	MaxResults  int
	Next        string
	DryRun      bool
}

// LockedSnapshotsPage is one page of DescribeLockedSnapshots.
type LockedSnapshotsPage struct {
	Locks []SnapshotLock
	Next  string
	// At is when it was read, for the statuses.
	At time.Time
}

// DescribeLockedSnapshots lists the locks of the caller's snapshots, also those
// that expired, newest snapshot first. Refusals: MissingParameter,
// InvalidRegionId.NotFound, InvalidParameter, InvalidSnapshotLock.NotFound for an
// id that has no lock, Invalid.NextToken.
func (s *Session) DescribeLockedSnapshots(req DescribeLockedSnapshotsRequest) (LockedSnapshotsPage, error) {
	if err := s.permit("DescribeLockedSnapshots"); err != nil {
		return LockedSnapshotsPage{}, err
	}
	if err := checkRegion(req.RegionID); err != nil {
		return LockedSnapshotsPage{}, err
	}
	if len(req.SnapshotIDs) > 100 || !slices.Contains([]string{"", "compliance-cooloff", "compliance", "expired"}, req.Status) {
		return LockedSnapshotsPage{}, malformed(400, "InvalidParameter", "The specified parameter is not valid.")
	}
	c := s.cloud
	c.lapse(req.RegionID)
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.now()
	locked := rows(&c.regions[req.RegionID].snapshots, s.caller.Account, req.SnapshotIDs, now, func(state *snapshotState) bool { return state.lock != nil })
	if len(locked) < len(req.SnapshotIDs) {
		return LockedSnapshotsPage{}, refuse(404, "InvalidSnapshotLock.NotFound", "The snapshot is not locked.")
	}
	if req.DryRun {
		return LockedSnapshotsPage{}, c.dryRun()
	}
	var list []*SnapshotLock
	for _, e := range locked {
		if l := e.seen(now).lock; req.Status == "" || l.Status(now) == req.Status {
			list = append(list, l)
		}
	}
	page, next, err := pipelineTokens(list, func(l *SnapshotLock) string { return string(l.SnapshotID) },
		s.scope("locks", req.Status), req.Next, max(10, min(orDefault(req.MaxResults, 10), 100)))
	answer := LockedSnapshotsPage{Next: next, At: now}
	for _, l := range page {
		answer.Locks = append(answer.Locks, *l)
	}
	return answer, err
}

// ModifySnapshotAttributeRequest are the parameters of ModifySnapshotAttribute.
// Nil and 0: unchanged; the wire passes an explicit 0 as -1.
type ModifySnapshotAttributeRequest struct {
	SnapshotID        image.SnapshotID
	Name, Description *string
	RetentionDays     int
}

// ModifySnapshotAttribute changes name, description and retention of a snapshot;
// the retention can only grow. Refusals: MissingParameter, NoAttributeToModify,
// InvalidSnapshotName.Malformed, InvalidDescription.Malformed (404),
// InvalidRetentionDays.Malformed, InvalidOperation.DecreaseRetentionDaysUnsupported,
// InvalidSnapshotId.NotReady, InvalidSnapshotId.NotFound,
// InvalidOperation.ResourceManagedByCloudProduct.
func (s *Session) ModifySnapshotAttribute(req ModifySnapshotAttributeRequest) error {
	if err := s.permit("ModifySnapshotAttribute"); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	return s.amendSnapshot("", req.SnapshotID, func(r *region, state *snapshotState, now time.Time) error {
		row := &state.row
		switch {
		case state.managed:
			return wrongState(403, "InvalidOperation.ResourceManagedByCloudProduct", "This operation is not supported because the resource is managed by a cloud product.")
		case r.snapshotRow(state, now).Status == "progressing":
			return wrongState(400, "InvalidSnapshotId.NotReady", "The specified snapshot has not completed yet.")
		case req.RetentionDays > 0 && (row.RetentionDays == 0 || req.RetentionDays < row.RetentionDays):
			return malformed(400, "InvalidOperation.DecreaseRetentionDaysUnsupported", "The retention period can only be prolonged.")
		}
		if req.Name != nil {
			row.Name = *req.Name
		}
		if req.Description != nil {
			row.Description = *req.Description
		}
		row.RetentionDays = orDefault(req.RetentionDays, row.RetentionDays)
		row.LastModifiedAt = now.Truncate(time.Second)
		return nil
	})
}

func (req ModifySnapshotAttributeRequest) check() error {
	switch {
	case req.SnapshotID == "":
		return missing("SnapshotId")
	case req.Name == nil && req.Description == nil && req.RetentionDays == 0:
		return malformed(400, "NoAttributeToModify", "No attribute to be modified in this request.")
	case req.Name != nil && !snapshotNamed(*req.Name):
		return malformed(400, "InvalidSnapshotName.Malformed", "The specified SnapshotName is wrongly formed.")
	case req.RetentionDays < 0 || req.RetentionDays > 65536:
		return malformed(400, "InvalidRetentionDays.Malformed", "The specified RetentionDays is not valid.")
	}
	return checkDescription(req.Description)
}

// archiveAge is how old a snapshot must be to be archived, archiveDays how long it
// has to be kept then, by what is given.
const (
	archiveAge  = 14 * day
	archiveDays = 74
)

// ModifySnapshotCategory archives a snapshot, for good, and returns the task.
// Refusals: MissingParameter, InvalidParameter.SnapshotCategory,
// InvalidRetentionDays.Malformed, InvalidStatus.SnapshotInArchive,
// InvalidStatus.SnapshotAgeLimit, InvalidOperation.EncryptedSnapshotUnsupport,
// InvalidRetentionDays.LessThanLockExpiredTime, InvalidSnapshotId.NotFound.
func (s *Session) ModifySnapshotCategory(id image.SnapshotID, category string, retentionDays int) (task string, err error) {
	if err := s.permit("ModifySnapshotCategory"); err != nil {
		return "", err
	}
	switch {
	case id == "":
		return "", missing("SnapshotId")
	case category != "Archive":
		return "", malformed(400, "InvalidParameter.SnapshotCategory", "The specified Category is not valid.")
	case retentionDays != 0 && (retentionDays < archiveDays || retentionDays > 65536):
		return "", malformed(400, "InvalidRetentionDays.Malformed", "The specified RetentionDays is not valid.")
	}
	err = s.amendSnapshot("", id, func(r *region, state *snapshotState, now time.Time) error {
		row := &state.row
		switch {
		case row.Category == "archive":
			return wrongState(400, "InvalidStatus.SnapshotInArchive", "The snapshot is archived already.")
		case now.Sub(row.CreatedAt) < archiveAge:
			return wrongState(400, "InvalidStatus.SnapshotAgeLimit", "The snapshot is not old enough.")
		case row.Encrypted == image.Yes:
			return wrongState(403, "InvalidOperation.EncryptedSnapshotUnsupport", "An encrypted snapshot cannot be archived.")
		case retentionDays > 0 && state.lock != nil && row.CreatedAt.AddDate(0, 0, retentionDays).Before(state.lock.Ends()):
			return malformed(400, "InvalidRetentionDays.LessThanLockExpiredTime", "The retention must not end before the lock does.")
		}
		row.Category, row.RetentionDays, row.LastModifiedAt = "archive", retentionDays, now.Truncate(time.Second)
		task = s.cloud.random.id("t", r.infix)
		return nil
	})
	return task, err
}
