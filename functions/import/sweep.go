package main

import (
	"context"
	"errors"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
)

// The sweep of what tests left behind.
const (
	sweepMinute = 30                 // of each hour
	sweepWorks  = 100                // the newest imports that are looked at
	sweepAge    = 7 * 24 * time.Hour // after which ECS has long deleted the instance by itself
	sweepLog    = "sweep/imports"    // tells which were deleted, and why
)

// sweptOut is a record of the sweep's log: written before the instance is deleted.
type sweptOut struct {
	At         time.Time        `json:"at"`
	Import     string           `json:"import"`
	RegionID   image.RegionID   `json:"regionId"`
	InstanceID image.InstanceID `json:"instanceId"`
	image.Reason
}

// sweep deletes the instances that tests left behind: where deleting them was refused
// so often that their import ended without it.
func (h handler) sweep(ctx context.Context, call function.Call) error {
	s, err := h.session(call)
	if err != nil {
		return err
	}
	r := s.imports()
	ids, err := r.List(ctx)
	failures := []error{err}
	for _, id := range ids[:min(len(ids), sweepWorks)] {
		w, err := r.Get(ctx, id)
		var left []importing.Left
		if err == nil && s.now().Sub(w.ChangedAt) < sweepAge {
			left, err = importing.LeftBy(w)
		}
		failures = append(failures, err)
		for _, l := range left {
			failures = append(failures, s.remove(ctx, l))
		}
	}
	return errors.Join(failures...)
}

// remove looks at an instance once more, and deletes it if it is certainly one that a
// test left behind.
func (s *session) remove(ctx context.Context, l importing.Left) error {
	place := s.again(ctx).Place(l.Account, l.Region)
	if place == nil {
		return fault.New(fault.Unavailable, "%s of account %s cannot be looked at now", l.Region, l.Account)
	}
	found, err := place.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{l.Instance}})
	if err != nil || len(found) == 0 {
		return err
	}
	remove, why := l.Judge(found[0])
	if !remove {
		return nil
	}
	cloud, err := s.cloud(ctx, l.Account)
	if err != nil {
		return err
	}
	records, err := s.journal.Read(ctx, sweepLog)
	if err == nil {
		err = s.journal.Append(ctx, sweepLog, len(records), sweptOut{s.now().UTC(), l.Import, l.Region, l.Instance, why})
	}
	if err != nil {
		return err
	}
	s.call.Log.Warn("a test's instance was left behind", "import", l.Import, "region", l.Region, "instance", l.Instance)
	return cloud.Terminate(ctx, l.Region, l.Instance)
}
