package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/importing"
)

// The sweep of what tests left behind.
const (
	sweepMinute = 30               // of each hour
	sweepWorks  = 100              // so many imports are looked at, those whose tests began first
	sweepAge    = 24 * time.Hour   // after ECS has deleted the instance by itself
	sweepLog    = "sweep/imports/" // and the import: which were deleted, and why
	testFolder  = "tests/"         // the imports whose tests have begun, by the time when ECS ends them
)

// sweptOut is a record of the sweep's log: written before the instance is deleted.
type sweptOut struct {
	At         time.Time        `json:"at"`
	Import     string           `json:"import"`
	RegionID   image.RegionID   `json:"regionId"`
	InstanceID image.InstanceID `json:"instanceId"`
	image.Reason
}

// booting remembers that a test of an import begins, for the sweep.
func (s *session) booting(ctx context.Context, id string, until time.Time) error {
	return s.kept.Keep(ctx, testFolder+until.UTC().Format(uploadStamp)+"/"+id, []byte("{}"))
}

// sweep deletes the instances that tests left behind: where deleting them was refused
// so often that their import ended without it. It looks at imports whose test has begun,
// and at each until nothing of it is left.
func (h handler) sweep(ctx context.Context, call function.Call) error {
	s, err := h.session(call)
	if err != nil {
		return err
	}
	names, err := s.kept.Names(ctx, testFolder, "")
	failures, looked := []error{err}, 0
	for _, name := range names {
		began, err := begunTest(name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if looked++; looked > sweepWorks {
			break
		}
		over, err := s.swept(ctx, began)
		if err == nil && over {
			err = s.kept.Drop(ctx, name)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// bootTest is a test that has begun: of which import, and when ECS ends it at the latest.
type bootTest struct {
	id    string
	until time.Time
}

// begunTest reads the name of a record of the tests. One that cannot be read stays
// where it is: until when the instance may be there is not known.
func begunTest(name string) (bootTest, error) {
	stamp, id, _ := strings.Cut(strings.TrimPrefix(name, testFolder), "/")
	until, err := time.Parse(uploadStamp, stamp)
	if err != nil || id == "" {
		return bootTest{}, fault.New(fault.Unknown, "%s is no record of a test: it is kept, and the sweep does not know what it is about", name).WithCode("journalDamaged")
	}
	return bootTest{id, until}, nil
}

// swept reports whether nothing of a test that has begun is left, or will be.
func (s *session) swept(ctx context.Context, b bootTest) (over bool, err error) {
	if s.now().After(b.until.Add(sweepAge)) {
		return true, nil
	}
	w, err := s.imports().Get(ctx, b.id)
	switch {
	case errors.Is(err, fault.NotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	left, err := importing.LeftBy(w)
	failures := []error{err}
	over = w.State.Ended()
	for _, l := range left {
		gone, err := s.remove(ctx, l)
		failures = append(failures, err)
		over = over && gone
	}
	return over, errors.Join(failures...)
}

// remove looks at an instance once more, and deletes it if it is certainly one that a
// test left behind. It reports whether there is nothing to delete.
func (s *session) remove(ctx context.Context, l importing.Left) (gone bool, err error) {
	place := s.again(ctx).Place(l.Account, l.Region)
	if place == nil {
		return false, fault.New(fault.Unavailable, "%s of account %s cannot be looked at now", l.Region, l.Account)
	}
	found, err := place.Instances(ctx, image.InstanceListing{IDs: []image.InstanceID{l.Instance}})
	if err != nil || len(found) == 0 {
		return err == nil, err
	}
	remove, why := l.Judge(found[0])
	if !remove {
		return true, nil
	}
	cloud, err := s.cloud(ctx, l.Account)
	if err != nil {
		return false, err
	}
	records, err := s.journal.Read(ctx, sweepLog+l.Import)
	if err == nil {
		err = s.journal.Append(ctx, sweepLog+l.Import, len(records), sweptOut{s.now().UTC(), l.Import, l.Region, l.Instance, why})
	}
	if err != nil {
		return false, err
	}
	s.call.Log.Warn("a test's instance was left behind", "import", l.Import, "region", l.Region, "instance", l.Instance)
	return false, cloud.Terminate(ctx, l.Region, l.Instance)
}
