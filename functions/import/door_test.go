package main

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
)

// met is one call that an event makes, of the cloud or of the journal.
type met struct {
	name    string // of the method; of the journal with the folder
	region  image.RegionID
	changes bool
	worker  *door
}

// fate is what becomes of a call.
type fate int

const (
	passes       fate = iota
	dies              // before it has an effect, nothing of its event goes on
	diesAfter         // the same, after its effect
	freezes           // for longer than anybody waits; then it goes out
	freezesAfter      // the same, after its effect
	refused           // with the error, without effect
	lost              // its answer, after its effect: the error comes instead
	lies              // its answer is another one
)

// frozen is for how long a worker is that freezes: until another one has its works.
const frozen = 4 * time.Minute

// errDead is what a dead worker gets of all its calls.
var errDead = fault.New(fault.Unavailable, "this worker is dead") //nolint:gochecknoglobals // an error

// door stands between one event and everything that it can reach.
type door struct {
	stage *stage
	mu    sync.Mutex
	dead  bool
}

func (d *door) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

func (d *door) isDead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// lastMoment is when a changing call is signed to be refused.
type lastMoment struct{}

// through lets one call through, as the stage has it.
func through[T any](ctx context.Context, d *door, c met, do func() (T, error)) (T, error) {
	var none T
	if d.isDead() {
		return none, errDead
	}
	if err := ctx.Err(); err != nil {
		return none, fault.Wrap(fault.Unavailable, err, "not sent")
	}
	c.worker = d
	f, how := d.stage.fateOf(c)
	switch f {
	case dies:
		d.kill()
		return none, errDead
	case freezes:
		time.Sleep(frozen)
	case refused:
		return none, how.err
	}
	if end, is := ctx.Value(lastMoment{}).(time.Time); is && c.changes && time.Now().After(end) {
		return none, fault.New(fault.Unavailable, "signed too long ago").WithCode("InvalidTimeStamp.Expired")
	}
	answer, err := do()
	d.stage.happened(c, err)
	if how.then != nil {
		how.then()
	}
	switch f {
	case diesAfter:
		d.kill()
		return none, errDead
	case freezesAfter:
		time.Sleep(frozen)
		return none, fault.New(fault.Unavailable, "no answer in time")
	case lost:
		return none, how.err
	case lies:
		if how.lie != nil && err == nil {
			return how.lie(answer).(T), nil
		}
	}
	return answer, err
}

// only is for calls that answer with nothing.
func only(ctx context.Context, d *door, c met, do func() error) error {
	_, err := through(ctx, d, c, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// notAfter has changing calls refused that come later.
func notAfter(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, lastMoment{}, t)
}

// emptied is a list without its entries, and halved one without its second half.
func emptied(answer any) any { return cut(answer, func(int) int { return 0 }) }
func halved(answer any) any  { return cut(answer, func(n int) int { return n / 2 }) }

func cut(answer any, to func(n int) int) any {
	v := reflect.ValueOf(answer)
	if v.Kind() != reflect.Slice {
		return answer
	}
	return v.Slice(0, to(v.Len())).Interface()
}

// doored is an account behind a door.
type doored struct {
	maker
	door *door
}

func reads(name string, in image.RegionID) met { return met{name: name, region: in} }
func makes(name string, in image.RegionID) met { return met{name: name, region: in, changes: true} }

func (d doored) ID(ctx context.Context) (image.AccountID, error) {
	return through(ctx, d.door, reads("ID", ""), func() (image.AccountID, error) { return d.maker.ID(ctx) })
}

func (d doored) Images(ctx context.Context, in image.RegionID, l image.Listing) ([]image.Image, error) {
	return through(ctx, d.door, reads("Images", in), func() ([]image.Image, error) { return d.maker.Images(ctx, in, l) })
}

func (d doored) Instances(ctx context.Context, in image.RegionID, l image.InstanceListing) ([]image.Instance, error) {
	return through(ctx, d.door, reads("Instances", in), func() ([]image.Instance, error) { return d.maker.Instances(ctx, in, l) })
}

func (d doored) MayList(ctx context.Context, in image.RegionID, l image.InstanceListing) (image.Tri, error) {
	return through(ctx, d.door, reads("MayList", in), func() (image.Tri, error) { return d.maker.MayList(ctx, in, l) })
}

func (d doored) Disks(ctx context.Context, in image.RegionID, l image.DiskListing) ([]image.Disk, error) {
	return through(ctx, d.door, reads("Disks", in), func() ([]image.Disk, error) { return d.maker.Disks(ctx, in, l) })
}

func (d doored) Snapshots(ctx context.Context, in image.RegionID, l image.SnapshotListing) ([]image.Snapshot, error) {
	return through(ctx, d.door, reads("Snapshots", in), func() ([]image.Snapshot, error) { return d.maker.Snapshots(ctx, in, l) })
}

func (d doored) InstanceTypes(ctx context.Context, in image.RegionID, ids []image.InstanceTypeID) ([]image.InstanceType, error) {
	return through(ctx, d.door, reads("InstanceTypes", in), func() ([]image.InstanceType, error) { return d.maker.InstanceTypes(ctx, in, ids) })
}

func (d doored) Assistants(ctx context.Context, in image.RegionID, ids []image.InstanceID) ([]image.AssistantStatus, error) {
	return through(ctx, d.door, reads("Assistants", in), func() ([]image.AssistantStatus, error) { return d.maker.Assistants(ctx, in, ids) })
}

func (d doored) Invocation(ctx context.Context, in image.RegionID, run string) ([]image.Invocation, error) {
	return through(ctx, d.door, reads("Invocation", in), func() ([]image.Invocation, error) { return d.maker.Invocation(ctx, in, run) })
}

func (d doored) Task(ctx context.Context, in image.RegionID, id image.TaskID) (image.Task, error) {
	return through(ctx, d.door, reads("Task", in), func() (image.Task, error) { return d.maker.Task(ctx, in, id) })
}

func (d doored) Tasks(ctx context.Context, in image.RegionID, l image.TaskListing) ([]image.Task, error) {
	return through(ctx, d.door, reads("Tasks", in), func() ([]image.Task, error) { return d.maker.Tasks(ctx, in, l) })
}

func (d doored) Quota(ctx context.Context, in image.RegionID, code string) (image.Quota, error) {
	return through(ctx, d.door, reads("Quota", in), func() (image.Quota, error) { return d.maker.Quota(ctx, in, code) })
}

func (d doored) MayMake(ctx context.Context, in image.RegionID, m image.Making) (image.Tri, error) {
	return through(ctx, d.door, reads("MayMake", in), func() (image.Tri, error) { return d.maker.MayMake(ctx, in, m) })
}

func (d doored) Role(ctx context.Context, name string) (image.Role, error) {
	return through(ctx, d.door, reads("Role", ""), func() (image.Role, error) { return d.maker.Role(ctx, name) })
}

// seen is an image with its grants, which are one look.
type seen struct {
	image  image.Image
	grants []image.Grant
}

func (d doored) Look(ctx context.Context, r image.Ref) (image.Image, []image.Grant, error) {
	is, err := through(ctx, d.door, reads("Look", r.Region), func() (seen, error) {
		i, grants, err := d.maker.Look(ctx, r)
		return seen{i, grants}, err
	})
	return is.image, is.grants, err
}

func (d doored) ConsoleOutput(ctx context.Context, in image.RegionID, id image.InstanceID) (string, error) {
	return through(ctx, d.door, reads("ConsoleOutput", in), func() (string, error) { return d.maker.ConsoleOutput(ctx, in, id) })
}

// begun is an image with its task.
type begun struct {
	image image.ID
	task  image.TaskID
}

func (d doored) ImportImage(ctx context.Context, in image.RegionID, r image.ImportRequest) (image.ID, image.TaskID, error) {
	b, err := through(ctx, d.door, makes("ImportImage", in), func() (begun, error) {
		id, task, err := d.maker.ImportImage(ctx, in, r)
		return begun{id, task}, err
	})
	return b.image, b.task, err
}

func (d doored) CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (image.ID, error) {
	return through(ctx, d.door, makes("CreateImage", in), func() (image.ID, error) { return d.maker.CreateImage(ctx, in, r) })
}

func (d doored) CopyImage(ctx context.Context, from image.RegionID, r image.CopyRequest) (image.ID, error) {
	return through(ctx, d.door, makes("CopyImage", from), func() (image.ID, error) { return d.maker.CopyImage(ctx, from, r) })
}

func (d doored) ModifyImage(ctx context.Context, in image.RegionID, id image.ID, c image.AttributeChange) error {
	return only(ctx, d.door, makes("ModifyImage", in), func() error { return d.maker.ModifyImage(ctx, in, id, c) })
}

func (d doored) DeleteImage(ctx context.Context, in image.RegionID, id image.ID) error {
	return only(ctx, d.door, makes("DeleteImage", in), func() error { return d.maker.DeleteImage(ctx, in, id) })
}

func (d doored) DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error {
	return only(ctx, d.door, makes("DeleteSnapshot", in), func() error { return d.maker.DeleteSnapshot(ctx, in, id) })
}

func (d doored) CancelTask(ctx context.Context, in image.RegionID, id image.TaskID) error {
	return only(ctx, d.door, makes("CancelTask", in), func() error { return d.maker.CancelTask(ctx, in, id) })
}

func (d doored) CancelCopy(ctx context.Context, in image.RegionID, id image.ID) error {
	return only(ctx, d.door, makes("CancelCopy", in), func() error { return d.maker.CancelCopy(ctx, in, id) })
}

func (d doored) Launch(ctx context.Context, in image.RegionID, r image.LaunchRequest) (image.InstanceID, error) {
	return through(ctx, d.door, makes("Launch", in), func() (image.InstanceID, error) { return d.maker.Launch(ctx, in, r) })
}

func (d doored) Terminate(ctx context.Context, in image.RegionID, id image.InstanceID) error {
	return only(ctx, d.door, makes("Terminate", in), func() error { return d.maker.Terminate(ctx, in, id) })
}

func (d doored) RunCommand(ctx context.Context, in image.RegionID, r image.CommandRequest) (string, error) {
	return through(ctx, d.door, makes("RunCommand", in), func() (string, error) { return d.maker.RunCommand(ctx, in, r) })
}

func (d doored) ExportImage(ctx context.Context, in image.RegionID, r image.ExportRequest) (image.TaskID, error) {
	return through(ctx, d.door, makes("ExportImage", in), func() (image.TaskID, error) { return d.maker.ExportImage(ctx, in, r) })
}

func (d doored) Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error {
	return only(ctx, d.door, makes("Tag "+resource, in), func() error { return d.maker.Tag(ctx, in, resource, ids, tags) })
}

func (d doored) Untag(ctx context.Context, in image.RegionID, resource string, ids, keys []string) error {
	return only(ctx, d.door, makes("Untag "+resource, in), func() error { return d.maker.Untag(ctx, in, resource, ids, keys) })
}

func (d doored) Permit(ctx context.Context, r image.Ref, add, remove []image.AccountID) error {
	return only(ctx, d.door, makes("Permit", r.Region), func() error { return d.maker.Permit(ctx, r, add, remove) })
}

// shelf is the objects behind a door.
type shelf struct {
	shelves
	door *door
}

func (s shelf) Head(ctx context.Context, bucket, key string) (image.ObjectInfo, error) {
	return through(ctx, s.door, reads("Head", ""), func() (image.ObjectInfo, error) { return s.shelves.Head(ctx, bucket, key) })
}

func (s shelf) ReadAt(ctx context.Context, bucket, key string, offset, length int64) ([]byte, error) {
	return through(ctx, s.door, reads("ReadAt", ""), func() ([]byte, error) { return s.shelves.ReadAt(ctx, bucket, key, offset, length) })
}

func (s shelf) BucketRegion(ctx context.Context, bucket string) (image.RegionID, error) {
	return through(ctx, s.door, reads("BucketRegion", ""), func() (image.RegionID, error) { return s.shelves.BucketRegion(ctx, bucket) })
}

// kept is the journal's bucket behind a door.
type kept struct {
	journal.Bucket
	door *door
}

// folder is the first word of a key.
func folder(key string) string { word, _, _ := strings.Cut(key, "/"); return word }

func (k kept) Get(ctx context.Context, key string, offset int64) ([]byte, error) {
	return through(ctx, k.door, reads("Get "+folder(key), ""), func() ([]byte, error) { return k.Bucket.Get(ctx, key, offset) })
}

func (k kept) List(ctx context.Context, prefix, last string) ([]string, error) {
	return through(ctx, k.door, reads("List "+folder(prefix), ""), func() ([]string, error) { return k.Bucket.List(ctx, prefix, last) })
}

func (k kept) Append(ctx context.Context, key string, position int64, content []byte) error {
	return only(ctx, k.door, makes("Append "+folder(key), ""), func() error { return k.Bucket.Append(ctx, key, position, content) })
}

func (k kept) Delete(ctx context.Context, key string) error {
	return only(ctx, k.door, makes("Delete "+folder(key), ""), func() error { return k.Bucket.Delete(ctx, key) })
}
