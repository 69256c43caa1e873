package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

const (
	one      = image.AccountID("1000000000000001")
	hangzhou = image.RegionID("cn-hangzhou")
)

// world is a cloud under a held clock, a fleet in it, and the journal.
type world struct {
	testing.TB
	cloud  *cloudsim.Cloud
	bucket *journaltest.Bucket
	old    image.ID
	golden image.ID
	fleet  []image.InstanceID
	n      int

	mu sync.Mutex
	// did are the changing calls that arrived, with when.
	did []string
	// before is asked before every changing call, with its number; lose after it.
	before func(n int, call string) error
	lose   func(n int, call string) bool
	// refuses is asked before every changing call, with what it is about.
	refuses func(call, of string) error
	calls   int
	// stopped and replaced are told of what was done by us.
	stopped  func(id image.InstanceID)
	replaced func(r image.ReplaceRequest, disk image.DiskID)
	// mangled changes what a replacement asks for on its way.
	mangled func(r *image.ReplaceRequest)
	// untrue, if it is set, stands for what every changing call does and answers.
	untrue func(call string, do func() error) error
	// outage, if it is set, tells for each writing to the journal whether it fails.
	outage atomic.Pointer[func() bool]
}

// store is the bucket, as a worker reaches it.
type store struct {
	*journaltest.Bucket
	world *world
}

func (s store) Append(ctx context.Context, key string, position int64, content []byte) error {
	if fails := s.world.outage.Load(); fails != nil && (*fails)() {
		return fault.New(fault.Unavailable, "the bucket cannot be reached")
	}
	return s.Bucket.Append(ctx, key, position, content)
}

// breaks has the journal fail from now on, as often as fails says.
func (w *world) breaks(fails func() bool) { w.outage.Store(&fails) }

// newWorld has so many running instances, in two zones.
func newWorld(t testing.TB, instances int, options cloudsim.Options) *world {
	t.Helper()
	time.Sleep(time.Until(cloudsim.Epoch())) // ECS refuses snapshots from before it kept any
	w := &world{TB: t, cloud: cloudsim.New(options), bucket: journaltest.NewBucket(nil)}
	w.old = w.image(image.Image{Name: "web-1", Family: "web"})
	w.golden = w.image(image.Image{Name: "web-2", Family: "web"})
	for n := range instances {
		w.add(image.Instance{Name: fmt.Sprint("web-", n), Zone: image.ZoneID("cn-hangzhou-" + string("hi"[n%2])), Image: w.old})
	}
	return w
}

func (w *world) image(i image.Image) image.ID {
	if i.SizeGiB == 0 {
		i.SizeGiB = 40
	}
	return w.cloud.AddImage(one, hangzhou, cloudsim.ImageSpec{Image: i})
}

func (w *world) add(i image.Instance) image.InstanceID {
	id := w.cloud.AddInstance(one, hangzhou, cloudsim.InstanceSpec{Instance: i})
	w.fleet = append(w.fleet, id)
	return id
}

// view is the account as a rollout sees it.
func (w *world) view() *cloudsim.View { return w.cloud.View(one) }

// look opens a survey of the one place.
func (w *world) look(ctx context.Context) *survey.Survey {
	s, err := survey.Open(ctx, []survey.Account{{Reader: w.view()}}, survey.Scope{Regions: []image.RegionID{hangzhou}, Home: hangzhou, Now: time.Now})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

var place = rollout.Place{Account: one, Region: hangzhou}

// observe looks at instances as a plan does.
func (w *world) observe(wish rollout.Wish, ids ...image.InstanceID) rollout.Observed {
	w.Helper()
	s := w.look(w.Context())
	p := s.Place(one, hangzhou)
	servers, encrypts, unread := rollout.Look(w.Context(), place, p, w.view(), w.view(), ids, wish.Hooks.Before != "", false)
	if len(unread) > 0 {
		w.Fatal(unread)
	}
	images, err := p.Images(w.Context(), image.Listing{Statuses: image.Statuses()})
	if err != nil {
		w.Fatal(err)
	}
	return rollout.Observed{Servers: servers, Places: map[rollout.Place]rollout.Here{place: {
		Encrypts: encrypts, ImagesLeft: 1000, Images: images, ChannelsRead: true, Channels: map[string]image.ID{}, References: w.references(),
	}}}
}

// references are what names images without running them.
func (w *world) references() rollout.References {
	w.Helper()
	templates, err := w.view().TemplateVersions(w.Context(), hangzhou)
	if err != nil {
		w.Fatal(err)
	}
	scaling, err := w.view().ScalingConfigurations(w.Context(), hangzhou)
	if err != nil {
		w.Fatal(err)
	}
	return rollout.References{Templates: templates, Scaling: scaling, Grantees: map[image.ID][]image.AccountID{w.old: {"1000000000000009"}}}
}

// plan plans a wish for instances.
func (w *world) plan(wish rollout.Wish, ids ...image.InstanceID) rollout.Planned {
	w.Helper()
	wish = wish.Filled()
	seen := w.observe(wish, ids...)
	target := wish.To.Resolve(place, seen.Places[place], []image.AccountID{one}, nil)
	p, err := rollout.Plan(wish, seen, map[rollout.Place]rollout.Resolved{place: target}, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// approve plans and approves, and returns the id of the rollout.
func (w *world) approve(wish rollout.Wish, ids ...image.InstanceID) string {
	w.Helper()
	p := w.plan(wish, ids...)
	for _, f := range p.Findings {
		if f.Level == image.Fatal {
			w.Fatal(f)
		}
	}
	return w.start(work.Document{Plan: p.Plan.Stored(), Claims: p.Claims})
}

func (w *world) start(d work.Document) string {
	w.Helper()
	approved, err := w.runner().Approve(w.Context(), d, work.Approval{By: "iss ann"})
	if err != nil {
		w.Fatal(err)
	}
	return approved.ID
}

type endKey struct{}

// runner is a new worker.
func (w *world) runner() work.Runner {
	w.mu.Lock()
	w.n++
	n := w.n
	w.mu.Unlock()
	files, name, ids := journal.OpenObjects(store{w.bucket, w}, ""), fmt.Sprint("worker-", n), 0
	var mu sync.Mutex
	return work.Runner{
		Name: "rollouts", Documents: files, Worker: name, Now: time.Now,
		Kind: rollout.Kind{Down: new(rollout.Down), Cloud: func(context.Context, image.AccountID) (rollout.Cloud, error) { return wire{w.view(), w}, nil }},
		Journal: journal.New(files, time.Now, func() string {
			mu.Lock()
			defer mu.Unlock()
			ids++
			return fmt.Sprint(name, "-", ids)
		}),
		Pause:    func(_ context.Context, d time.Duration) error { time.Sleep(d); return nil },
		Again:    func(ctx context.Context) survey.Fresh { return w.look(ctx).Again() },
		NotAfter: func(ctx context.Context, t time.Time) context.Context { return context.WithValue(ctx, endKey{}, t) },
	}
}

func (w *world) get(id string) work.Work {
	w.Helper()
	got, err := w.runner().Get(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	return got
}

func (w *world) tick() {
	w.Helper()
	report, err := w.runner().Tick(w.Context(), time.Now(), time.Now().Add(55*time.Second))
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range report.Failures {
		w.Log(f)
	}
}

// end ticks once a minute until a rollout has ended.
func (w *world) end(id string) work.Work {
	w.Helper()
	var got work.Work
	for range 600 {
		w.tick()
		if got = w.get(id); got.State.Ended() || got.State == work.Halted {
			return got
		}
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
	}
	text, _ := json.Marshal(got.Items)
	w.Fatalf("it is still %s: %s\ndone: %v", got.State, text, w.did)
	return got
}

// outcomes are the results and codes by instance.
func outcomes(w work.Work) map[image.InstanceID]string {
	all := map[image.InstanceID]string{}
	for name, i := range w.Items {
		n, err := rollout.ParseName(name)
		if err != nil {
			continue
		}
		all[n.ID] = string(i.Outcome.Result)
		if i.Outcome.Why != nil {
			all[n.ID] += " " + i.Outcome.Why.Code
		}
	}
	return all
}

// instance is one as the cloud truly has it.
func (w *world) instance(id image.InstanceID) image.Before {
	w.Helper()
	found, err := w.view().Before(context.Background(), hangzhou, []image.InstanceID{id})
	if err != nil || len(found) != 1 {
		w.Fatal(err, found)
	}
	return found[0]
}

// disk is the system disk of an instance.
func (w *world) disk(id image.InstanceID) image.DiskSetup {
	w.Helper()
	found, err := w.view().DiskSetups(context.Background(), hangzhou, image.DiskListing{Instance: id, System: image.Yes})
	if err != nil || len(found) != 1 {
		w.Fatal(err, found)
	}
	return found[0]
}

// count is how many calls of a kind arrived.
func (w *world) count(call string) int {
	n := 0
	for _, d := range w.did {
		if strings.HasPrefix(d, call+" ") {
			n++
		}
	}
	return n
}

// wire is what is between a rollout and the cloud.
type wire struct {
	*cloudsim.View
	world *world
}

// call makes one changing call, unless it arrives too late, and loses its answer
// where the test wants that.
func (c wire) call(ctx context.Context, name, of string, do func() error) error {
	w := c.world
	w.mu.Lock()
	w.calls++
	n := w.calls
	w.mu.Unlock()
	if w.before != nil {
		if err := w.before(n, name); err != nil {
			return err
		}
	}
	if w.refuses != nil {
		if err := w.refuses(name, of); err != nil {
			return err
		}
	}
	if end, ok := ctx.Value(endKey{}).(time.Time); ok && !time.Now().Before(end) {
		return fault.New(fault.Unavailable, "the signature is too old").WithCode("InvalidTimeStamp.Expired")
	}
	err := c.answer(name, do)
	if errors.Is(err, errNothingDone) {
		return nil
	}
	if err == nil {
		w.mu.Lock()
		w.did = append(w.did, name+" "+of)
		w.mu.Unlock()
	}
	if w.lose != nil && w.lose(n, name) {
		return fault.New(fault.Unavailable, "no answer")
	}
	return err
}

// answer makes a call, or what the test has in its place.
func (c wire) answer(name string, do func() error) error {
	if c.world.untrue != nil {
		return c.world.untrue(name, do)
	}
	return do()
}

func (c wire) Stop(ctx context.Context, in image.RegionID, r image.StopRequest) error {
	if r.Mode != "KeepCharging" {
		c.world.Errorf("%s is stopped as %q", r.Instance, r.Mode)
	}
	return c.call(ctx, "stop", string(r.Instance), func() error {
		err := c.View.Stop(ctx, in, r)
		if err == nil && c.world.stopped != nil {
			c.world.stopped(r.Instance)
		}
		return err
	})
}

func (c wire) Start(ctx context.Context, in image.RegionID, id image.InstanceID) error {
	return c.call(ctx, "start", string(id), func() error { return c.View.Start(ctx, in, id) })
}

func (c wire) ReplaceSystemDisk(ctx context.Context, in image.RegionID, r image.ReplaceRequest) (id image.DiskID, err error) {
	if r.DiskGiB == 0 || r.Encrypted == image.Unknown || r.Token == "" {
		c.world.Errorf("a default decides: %+v", r)
	}
	err = c.call(ctx, "replace", string(r.Instance)+" "+string(r.Image), func() (err error) {
		was := c.world.disk(r.Instance).ID
		c.world.backedUp(was)
		if c.world.mangled != nil {
			c.world.mangled(&r)
		}
		id, err = c.View.ReplaceSystemDisk(ctx, in, r)
		if err == nil && c.world.replaced != nil {
			c.world.replaced(r, id)
		}
		return err
	})
	return id, err
}

// backedUp complains about a disk that is about to be released without a backup.
func (w *world) backedUp(disk image.DiskID) {
	found, err := w.view().Snapshots(context.Background(), hangzhou, image.SnapshotListing{Disk: disk, Status: "accomplished"})
	if err != nil || !slices.ContainsFunc(found, func(s image.Snapshot) bool { return s.Tags[rollout.TagBackup] != "" }) {
		w.Errorf("%s is replaced without a finished backup: %v", disk, err)
	}
}

func (c wire) RunCommand(ctx context.Context, in image.RegionID, r image.CommandRequest) (id string, err error) {
	err = c.call(ctx, "command", string(r.Instance)+" "+r.Command, func() (err error) {
		id, err = c.View.RunCommand(ctx, in, r)
		return err
	})
	return id, err
}

func (c wire) CreateSnapshot(ctx context.Context, in image.RegionID, r image.SnapshotRequest) (id image.SnapshotID, err error) {
	if r.RetentionDays != 0 {
		c.world.Error("ECS would delete the backup by itself")
	}
	err = c.call(ctx, "snapshot", string(r.Disk), func() (err error) {
		id, err = c.View.CreateSnapshot(ctx, in, r)
		return err
	})
	return id, err
}

func (c wire) DeleteSnapshot(ctx context.Context, in image.RegionID, id image.SnapshotID) error {
	return c.call(ctx, "deleteSnapshot", string(id), func() error { return c.View.DeleteSnapshot(ctx, in, id) })
}

func (c wire) CreateImage(ctx context.Context, in image.RegionID, r image.CreateRequest) (id image.ID, err error) {
	err = c.call(ctx, "image", r.Name, func() (err error) {
		id, err = c.View.CreateImage(ctx, in, r)
		return err
	})
	return id, err
}

func (c wire) ModifyImage(ctx context.Context, in image.RegionID, id image.ID, a image.AttributeChange) error {
	return c.call(ctx, "modifyImage", string(id), func() error { return c.View.ModifyImage(ctx, in, id, a) })
}

func (c wire) ModifyDisk(ctx context.Context, in image.RegionID, id image.DiskID, to image.DiskAttributes) error {
	return c.call(ctx, "modifyDisk", string(id), func() error { return c.View.ModifyDisk(ctx, in, id, to) })
}

func (c wire) SetPerformance(ctx context.Context, in image.RegionID, id image.DiskID, level string, iops int) error {
	return c.call(ctx, "performance", string(id), func() error { return c.View.SetPerformance(ctx, in, id, level, iops) })
}

func (c wire) ApplySnapshotPolicy(ctx context.Context, in image.RegionID, policy string, disks []image.DiskID) error {
	return c.call(ctx, "policy", policy, func() error { return c.View.ApplySnapshotPolicy(ctx, in, policy, disks) })
}

func (c wire) ModifyMetadata(ctx context.Context, in image.RegionID, id image.InstanceID, to image.MetadataOptions) error {
	return c.call(ctx, "metadata", string(id), func() error { return c.View.ModifyMetadata(ctx, in, id, to) })
}

func (c wire) AttachKeyPair(ctx context.Context, in image.RegionID, name string, ids []image.InstanceID) error {
	return c.call(ctx, "keyPair", string(ids[0]), func() error { return c.View.AttachKeyPair(ctx, in, name, ids) })
}

func (c wire) Tag(ctx context.Context, in image.RegionID, resource string, ids []string, tags image.Tags) error {
	return c.call(ctx, "tag", strings.Join(ids, " "), func() error { return c.View.Tag(ctx, in, resource, ids, tags) })
}

func (c wire) CopyTemplateVersion(ctx context.Context, in image.RegionID, template string, version int, to image.ID, description string) (made int, err error) {
	err = c.call(ctx, "templateVersion", template, func() (err error) {
		made, err = c.View.CopyTemplateVersion(ctx, in, template, version, to, description)
		return err
	})
	return made, err
}

func (c wire) SetDefaultVersion(ctx context.Context, in image.RegionID, template string, version int) error {
	return c.call(ctx, "templateDefault", template, func() error { return c.View.SetDefaultVersion(ctx, in, template, version) })
}

func (c wire) RepointConfiguration(ctx context.Context, in image.RegionID, configuration string, to image.ID) error {
	return c.call(ctx, "repoint", configuration, func() error { return c.View.RepointConfiguration(ctx, in, configuration, to) })
}

func (c wire) EnterStandby(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID, token string) error {
	return c.call(ctx, "enterStandby", group, func() error { return c.View.EnterStandby(ctx, in, group, ids, token) })
}

func (c wire) ExitStandby(ctx context.Context, in image.RegionID, group string, ids []image.InstanceID, token string) error {
	return c.call(ctx, "exitStandby", group, func() error { return c.View.ExitStandby(ctx, in, group, ids, token) })
}
