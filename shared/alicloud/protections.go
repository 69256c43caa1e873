package alicloud

import (
	"context"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// SnapshotLocks lists the locks of a region's snapshots, also those that expired,
// from all pages, in ECS's order. Source: DescribeLockedSnapshots.
func (a *Account) SnapshotLocks(ctx context.Context, region image.RegionID) ([]image.SnapshotLock, error) {
	account, err := a.reading(ctx, region)
	if err != nil {
		return nil, err
	}
	return a.locks(account, region).byToken(ctx, a)
}

// locks is the listing of SnapshotLocks.
func (a *Account) locks(account image.AccountID, region image.RegionID) listing[image.SnapshotLock] {
	return listing[image.SnapshotLock]{
		operation: "ecs:DescribeLockedSnapshots", account: account, region: region, size: pageSize,
		shape: shape[image.SnapshotLock]{outer: "LockedSnapshotsInfo", row: fields[image.SnapshotLock]{
			"SnapshotId":      func(s *scanner, l *image.SnapshotLock) { l.Snapshot = image.SnapshotID(s.str()) },
			"LockStatus":      func(s *scanner, l *image.SnapshotLock) { l.Status = s.word() },
			"LockExpiredTime": func(s *scanner, l *image.SnapshotLock) { l.EndsAt = s.moment() },
		}},
		request: func(_ int, token string) params {
			return params{"RegionId": string(region), "MaxResults": number(pageSize), "NextToken": token}
		},
		key: func(l *image.SnapshotLock) string { return string(l.Snapshot) },
		check: func(l *image.SnapshotLock) error {
			if l.Snapshot == "" {
				return errNotAsked
			}
			return nil
		},
	}
}

// KeyGone tells whether a key of KMS is gone, or will be: No for one that can be
// used, Unknown for one that cannot be used now. Source: KMS DescribeKey.
func (a *Account) KeyGone(ctx context.Context, region image.RegionID, key string) (image.Tri, error) {
	if key == image.ServiceKey {
		return image.No, nil
	}
	if key == "" {
		return image.Unknown, nil
	}
	account, err := a.reading(ctx, region)
	if err != nil {
		return image.Unknown, err
	}
	var state string
	metadata := fields[string]{"KeyState": func(s *scanner, into *string) { *into = s.word() }}
	state, err = ask(ctx, a, question[string]{
		operation: "kms:DescribeKey", account: account, region: region,
		given: params{
			"KeyId": key,
		},
		fields: fields[string]{"KeyMetadata": func(s *scanner, into *string) { metadata.read(s, into) }},
		whole:  func(state string) bool { return state != "" },
	})
	switch {
	case fault.Of(err) == fault.NotFound:
		return image.Yes, nil
	case err != nil:
		return image.Unknown, err
	case state == "Enabled":
		return image.No, nil
	case state == "PendingDeletion":
		return image.Yes, nil
	}
	return image.Unknown, nil
}
