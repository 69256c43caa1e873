package cloudsim

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// KeyState is what KMS says of a key.
type KeyState string

// The states of keys of KMS; KeyDeleted is one that is not there any more.
const (
	KeyEnabled         KeyState = "Enabled"
	KeyDisabled        KeyState = "Disabled"
	KeyPendingDeletion KeyState = "PendingDeletion"
	KeyDeleted         KeyState = "Deleted"
)

type keyOf struct {
	account image.AccountID
	region  image.RegionID
	id      string
}

// SetKey says in which state a key of KMS is; every other one that is well formed is
// enabled.
func (c *Cloud) SetKey(account image.AccountID, regionID image.RegionID, id string, state KeyState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keyStates == nil {
		c.keyStates = map[keyOf]KeyState{}
	}
	c.keyStates[keyOf{account, regionID, id}] = state
}

// DescribeKey tells the state of a key of KMS. Refusals: Forbidden.NoPermission,
// MissingParameter, Forbidden.KeyNotFound.
func (s *Session) DescribeKey(regionID image.RegionID, id string) (KeyState, error) {
	if action := "kms:DescribeKey"; !s.caller.may(action, "") {
		no := denied(action)
		no.Code = "Forbidden.NoPermission"
		return "", no
	}
	if id == "" {
		return "", missing("KeyId")
	}
	s.cloud.mu.RLock()
	state, known := s.cloud.keyStates[keyOf{s.caller.Account, regionID, id}]
	s.cloud.mu.RUnlock()
	switch {
	case !known && isKMSKey(id):
		return KeyEnabled, nil
	case !known || state == KeyDeleted:
		return "", refuse(404, "Forbidden.KeyNotFound", "The specified Key is not found.")
	}
	return state, nil
}

// SnapshotLocks returns all locks of the account's snapshots.
func (v *View) SnapshotLocks(ctx context.Context, region image.RegionID) ([]image.SnapshotLock, error) {
	req := DescribeLockedSnapshotsRequest{RegionID: region, MaxResults: 100}
	var locks []image.SnapshotLock
	for {
		page, err := read(ctx, v, func(s *Session) (LockedSnapshotsPage, error) { return s.DescribeLockedSnapshots(req) })
		if err != nil {
			return nil, err
		}
		for _, l := range page.Locks {
			locks = append(locks, image.SnapshotLock{Snapshot: l.SnapshotID, Status: l.Status(page.At), EndsAt: l.Ends()})
		}
		if req.Next = page.Next; req.Next == "" {
			return locks, nil
		}
	}
}

// KeyGone tells whether a key of KMS is gone, or will be.
func (v *View) KeyGone(ctx context.Context, region image.RegionID, key string) (image.Tri, error) {
	if key == image.ServiceKey {
		return image.No, nil
	}
	if key == "" {
		return image.Unknown, nil
	}
	state, err := read(ctx, v, func(s *Session) (KeyState, error) { return s.DescribeKey(region, key) })
	switch {
	case fault.Of(err) == fault.NotFound, state == KeyPendingDeletion:
		return image.Yes, nil
	case err != nil:
		return image.Unknown, err
	case state == KeyEnabled:
		return image.No, nil
	}
	return image.Unknown, nil
}
