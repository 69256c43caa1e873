package main

import (
	"context"
	"reflect"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
)

// met is one call that an event makes, of the cloud or of the journal.
type met struct {
	name    string
	changes bool
}

// fate is what becomes of a call.
type fate int

const (
	passes       fate = iota
	dies              // before it has an effect, nothing of its event goes on
	diesAfter         // the same, after its effect
	freezes           // for longer than anybody waits; then it goes out
	freezesAfter      // the same, after its effect
	refused           // it is refused as one that may not be made
	lost              // it has its effect, and nobody hears of it
	throttled         // it is refused for a while
	empties           // its list is answered empty
	halves            // its list is answered without its second half
	skips             // its list is answered without its first entry
	ignores           // it is accepted, and nothing is done
)

// frozen is for how long a worker is that freezes: until another one has its works.
const frozen = 5 * time.Minute

// door stands between one event and everything that it can reach.
type door struct {
	stage *stage
	dead  bool
}

func errDead() error { return fault.New(fault.Unavailable, "this worker is dead") }

// lastMoment is when a changing call is signed to be refused.
type lastMoment struct{}

// notAfter has changing calls refused that come later.
func notAfter(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, lastMoment{}, t)
}

// through lets one call through, as the stage has it.
func through[T any](ctx context.Context, d *door, c met, do func() (T, error)) (T, error) {
	var none T
	d.stage.doors.Lock()
	dead, fate := d.dead, d.stage.fate
	d.stage.doors.Unlock()
	if dead {
		return none, errDead()
	}
	f := passes
	if fate != nil { // which may count, so that it has one caller at a time
		d.stage.turns.Lock()
		f = fate(c)
		d.stage.turns.Unlock()
	}
	switch f {
	case dies:
		d.kill()
		return none, errDead()
	case freezes:
		d.stage.without()
	case throttled:
		return none, fault.New(fault.Throttled, "too many calls").WithCode("Throttling.User")
	case ignores:
		return none, nil
	case refused:
		return none, fault.New(fault.Forbidden, "this may not be done").WithCode("Forbidden.RAM")
	}
	if end, is := ctx.Value(lastMoment{}).(time.Time); is && c.changes && d.stage.clock.Now().After(end) {
		return none, fault.New(fault.Unavailable, "signed too long ago").WithCode("InvalidTimeStamp.Expired")
	}
	answer, err := do()
	switch f {
	case diesAfter:
		d.kill()
		return none, errDead()
	case freezesAfter:
		d.stage.without()
		return none, fault.New(fault.Unavailable, "no answer in time")
	case lost:
		return none, fault.New(fault.Unavailable, "the answer was lost")
	case empties, halves, skips:
		return cut(answer, f), err
	}
	return answer, err
}

// cut is a list of which something is not told.
func cut[T any](answer T, f fate) T {
	v := reflect.ValueOf(answer)
	if v.Kind() != reflect.Slice || v.Len() == 0 {
		return answer
	}
	from, to := 0, v.Len()
	switch f {
	case empties:
		to = 0
	case halves:
		to /= 2
	default:
		from = 1
	}
	return v.Slice(from, to).Interface().(T) //nolint:forcetypeassert // a part of a list is of its type
}

func (d *door) kill() {
	d.stage.doors.Lock()
	defer d.stage.doors.Unlock()
	d.dead = true
}

// without lets time go by in which one worker is frozen and others go on.
func (s *stage) without() {
	fate := s.armed(nil)
	s.clock.Advance(frozen)
	s.tick(2)
	s.armed(fate)
}

// armed sets the fate of calls, and returns the one before.
func (s *stage) armed(next func(met) fate) func(met) fate {
	s.doors.Lock()
	defer s.doors.Unlock()
	before := s.fate
	s.fate = next
	return before
}

// only is for calls that answer with nothing.
func only(ctx context.Context, d *door, c met, do func() error) error {
	_, err := through(ctx, d, c, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

func (o owned) Images(ctx context.Context, in image.RegionID, l image.Listing) ([]image.Image, error) {
	return through(ctx, o.door, met{"Images", false}, func() ([]image.Image, error) { return o.View.Images(ctx, in, l) })
}

func (o owned) Instances(ctx context.Context, in image.RegionID, l image.InstanceListing) ([]image.Instance, error) {
	return through(ctx, o.door, met{"Instances", false}, func() ([]image.Instance, error) { return o.View.Instances(ctx, in, l) })
}

func (o owned) Snapshots(ctx context.Context, in image.RegionID, l image.SnapshotListing) ([]image.Snapshot, error) {
	return through(ctx, o.door, met{"Snapshots", false}, func() ([]image.Snapshot, error) { return o.View.Snapshots(ctx, in, l) })
}

func (o owned) Disks(ctx context.Context, in image.RegionID, l image.DiskListing) ([]image.Disk, error) {
	return through(ctx, o.door, met{"Disks", false}, func() ([]image.Disk, error) { return o.View.Disks(ctx, in, l) })
}

func (o owned) Grants(ctx context.Context, in image.RegionID, id image.ID) ([]image.Grant, error) {
	return through(ctx, o.door, met{"Grants", false}, func() ([]image.Grant, error) { return o.View.Grants(ctx, in, id) })
}

func (o owned) TemplateVersions(ctx context.Context, in image.RegionID) ([]image.TemplateVersion, error) {
	return through(ctx, o.door, met{"TemplateVersions", false}, func() ([]image.TemplateVersion, error) { return o.View.TemplateVersions(ctx, in) })
}

func (o owned) ScalingConfigurations(ctx context.Context, in image.RegionID) ([]image.ScalingConfiguration, error) {
	return through(ctx, o.door, met{"ScalingConfigurations", false}, func() ([]image.ScalingConfiguration, error) {
		found, err := o.View.ScalingConfigurations(ctx, in)
		return append(found, o.stage.loose...), err
	})
}

func (o owned) Pipelines(ctx context.Context, in image.RegionID) ([]image.Pipeline, error) {
	return through(ctx, o.door, met{"Pipelines", false}, func() ([]image.Pipeline, error) { return o.View.Pipelines(ctx, in) })
}

func (o owned) SnapshotLocks(ctx context.Context, in image.RegionID) ([]image.SnapshotLock, error) {
	return through(ctx, o.door, met{"SnapshotLocks", false}, func() ([]image.SnapshotLock, error) { return o.View.SnapshotLocks(ctx, in) })
}

func (o owned) ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error {
	return only(ctx, o.door, met{"ModifyImage", true}, func() error { return o.View.ModifyImage(ctx, in, id, c) })
}

func (o owned) DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error {
	return only(ctx, o.door, met{"DeleteSnapshot", true}, func() error {
		if rows, err := o.View.Snapshots(ctx, in, image.SnapshotListing{IDs: []image.SnapshotID{id}}); err == nil && len(rows) == 1 && rows[0].Tags[retention.TagCleanup] == "" {
			o.stage.t.Errorf("%s is to be deleted without our tag, which a policy may ask for", id)
		}
		return o.View.DeleteSnapshot(ctx, in, id)
	})
}

func (o owned) CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (image.ID, error) {
	return through(ctx, o.door, met{"CreateImage", true}, func() (image.ID, error) { return o.View.CreateImage(ctx, in, r) })
}

func (o owned) Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error {
	return only(ctx, o.door, met{"Tag " + resource, true}, func() error { return o.View.Tag(ctx, in, resource, ids, tags) })
}

func (o owned) Permit(ctx context.Context, r image.Ref, add, remove []image.AccountID) error {
	return only(ctx, o.door, met{"Permit", true}, func() error { return o.View.Permit(ctx, r, add, remove) })
}

// stored is the journal's store behind a door.
type stored struct {
	journal.Store
	door *door
}

func (s stored) Add(ctx context.Context, subject string, position int, line []byte) error {
	anyTime := context.WithValue(ctx, lastMoment{}, nil) // a log takes what comes late, if nobody was before
	return only(anyTime, s.door, met{"journal", true}, func() error { return s.Store.Add(ctx, subject, position, line) })
}

// kept are the documents beside it.
type kept struct {
	journal.Documents
	door *door
}

func (k kept) Keep(ctx context.Context, name string, text []byte) error {
	return only(ctx, k.door, met{"document", true}, func() error { return k.Documents.Keep(ctx, name, text) })
}

func (k kept) Drop(ctx context.Context, name string) error {
	return only(ctx, k.door, met{"document", true}, func() error { return k.Documents.Drop(ctx, name) })
}
