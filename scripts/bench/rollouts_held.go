package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
)

// How long things take in the cloud of these rollouts, about as on ECS: facts tell of
// minutes for a snapshot, and of one for a stop or a start.
const (
	snapshotTakes = 10 * time.Minute
	powerTakes    = time.Minute // also a replacement
)

// rollouts measures rollouts of 500 instances under a held clock: where as many as may
// be down are the limit, how long one takes over the critical path; and where the
// account's rate of calls is, how much of its share is used.
func rollouts(ctx context.Context, _ binaries) ([]result, error) {
	const instances, down = 500, 50
	crowded, err := drive(ctx, instances, down, 1000)
	if err != nil {
		return nil, err
	}
	hasty, err := drive(ctx, instances, instances, 0.3)
	if err != nil {
		return nil, err
	}
	least := snapshotTakes + instances/down*(powerTakes+snapshotTakes+powerTakes+powerTakes)
	share := float64(alicloud.DocumentedRate("ReplaceSystemDisk")) * 0.3
	used := float64(instances) / share / hasty.replacing.Minutes()
	return []result{
		{
			what: "a rollout / its critical path", value: float64(crowded.took) / float64(least), unit: "times", atMost: 1.1,
			about: fmt.Sprintf("%d instances, %d down at once: %s, %s is the least; %d calls", instances, down, crowded.took.Round(time.Second), least, crowded.calls),
		},
		{
			what: "replacements / the allowed rate", value: 100 * used, unit: "%", atLeast: 90,
			about: fmt.Sprintf("%d in %s of %s, %g a minute allowed; %d calls", instances, hasty.replacing.Round(time.Second), hasty.took.Round(time.Second), share, hasty.calls),
		},
	}, nil
}

// course is how a rollout went.
type course struct {
	// took is from its approval to its end, replacing from the first replacement to the
	// last.
	took, replacing time.Duration
	calls           int
}

// fleetWorld is a cloud in memory with one fleet, whose calls are paced as the adapter
// does: a share of the documented rate.
type fleetWorld struct {
	clock  *cloudsim.Clock
	cloud  *cloudsim.Cloud
	bucket *journaltest.Bucket
	share  float64
	ids    atomic.Int64
	// until is when the tick ends, and with it the time of its calls.
	until time.Time

	mu       sync.Mutex
	sent     map[string][]time.Time
	replaced []time.Time
	calls    int
}

// drive carries a rollout of so many instances from its approval to its end.
func drive(ctx context.Context, instances, down int, share float64) (course, error) {
	clock := cloudsim.NewClock(cloudsim.Epoch())
	w := &fleetWorld{
		clock: clock, bucket: journaltest.NewBucket(nil), share: share, sent: map[string][]time.Time{},
		cloud: cloudsim.New(cloudsim.Options{Seed: 1, Clock: clock, SnapshotTime: snapshotTakes, PowerTime: powerTakes, Quotas: cloudsim.Quotas{Images: 1000}}),
	}
	at := rollout.Place{Account: cloudsim.FirstAccount, Region: "cn-hangzhou"}
	old := w.cloud.AddImage(at.Account, at.Region, cloudsim.ImageSpec{Image: image.Image{Name: "web-1", SizeGiB: 40}})
	golden := w.cloud.AddImage(at.Account, at.Region, cloudsim.ImageSpec{Image: image.Image{Name: "web-2", SizeGiB: 40}})
	var ids []image.InstanceID
	for n := range instances {
		ids = append(ids, w.cloud.AddInstance(at.Account, at.Region, cloudsim.InstanceSpec{Instance: image.Instance{
			Name: fmt.Sprint("web-", n), Zone: image.ZoneID("cn-hangzhou-" + string("hi"[n%2])), Image: old,
		}}))
	}
	clock.Advance(10 * time.Minute) // all are up, and their assistants answer
	wish := rollout.Wish{
		To: rollout.Target{Image: golden}, Health: []rollout.Probe{{Status: &rollout.Nothing{}}},
		Strategy: rollout.Strategy{Canary: new(0), WaveSize: rollout.WaveSize{Percent: 100}, MaxUnavailable: down},
	}
	d, err := w.plan(ctx, at, wish.Filled(), ids)
	if err != nil {
		return course{}, err
	}
	began := clock.Now()
	approved, err := w.runner().Approve(ctx, d, work.Approval{By: "bench"})
	if err != nil {
		return course{}, err
	}
	ended, err := w.carry(ctx, approved.ID)
	if err != nil {
		return course{}, err
	}
	return course{ended.EndedAt.Sub(began), w.replaced[len(w.replaced)-1].Sub(w.replaced[0]), w.calls}, nil
}

// carry ticks once a minute until a rollout has ended, and wants everything done.
func (w *fleetWorld) carry(ctx context.Context, id string) (work.Work, error) {
	for range 10 * 60 {
		now := w.clock.Now()
		w.until = now.Add(55 * time.Second)
		report, err := w.runner().Tick(ctx, now, w.until)
		if err != nil {
			return work.Work{}, err
		}
		if len(report.Ended) > 0 {
			break
		}
		now = w.clock.Now()
		w.clock.Advance(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
	}
	ended, err := w.runner().Get(ctx, id)
	if err == nil && (ended.State != work.Finished || len(w.replaced) != len(ended.Names())) {
		err = fault.New(fault.Internal, "the rollout is %s, with %d replacements", ended.State, len(w.replaced))
	}
	return ended, err
}

// plan plans as the function does, without prices.
func (w *fleetWorld) plan(ctx context.Context, at rollout.Place, wish rollout.Wish, ids []image.InstanceID) (work.Document, error) {
	view := w.cloud.View(at.Account)
	s, err := w.look(ctx)
	if err != nil {
		return work.Document{}, err
	}
	p := s.Place(at.Account, at.Region)
	servers, encrypts, unread := rollout.Look(ctx, at, p, view, view, ids, false, false)
	images, err := p.Images(ctx, image.Listing{Statuses: image.Statuses()})
	if err != nil || len(unread) > 0 {
		return work.Document{}, fault.Wrap(fault.Internal, err, "the fleet could not be read: %v", unread)
	}
	here := rollout.Here{Encrypts: encrypts, ImagesLeft: 1000, Images: images}
	o := rollout.Observed{Servers: servers, Places: map[rollout.Place]rollout.Here{at: here}}
	target := wish.To.Resolve(at, here, []image.AccountID{at.Account}, nil)
	planned, err := rollout.Plan(wish, o, map[rollout.Place]rollout.Resolved{at: target}, w.clock.Now())
	return work.Document{Plan: planned.Plan.Stored(), Claims: planned.Claims}, err
}

func (w *fleetWorld) look(ctx context.Context) (*survey.Survey, error) {
	scope := survey.Scope{Regions: []image.RegionID{"cn-hangzhou"}, Home: "cn-hangzhou", Now: w.clock.Now}
	return survey.Open(ctx, []survey.Account{{Reader: w.cloud.View(cloudsim.FirstAccount)}}, scope)
}

// runner is one event's.
func (w *fleetWorld) runner() work.Runner {
	place := journal.OpenObjects(w.bucket, "")
	return work.Runner{
		Name: "rollouts", Documents: place, Worker: fmt.Sprint("worker-", w.ids.Add(1)), Now: w.clock.Now,
		Kind: rollout.Kind{Cloud: func(context.Context, image.AccountID) (rollout.Cloud, error) {
			return paced{w.cloud.View(cloudsim.FirstAccount), w}, nil
		}},
		Journal: journal.New(place, w.clock.Now, func() string { return fmt.Sprint("entry-", w.ids.Add(1)) }),
		Pause: func(ctx context.Context, d time.Duration) error {
			w.clock.Advance(d)
			return ctx.Err()
		},
		Again: func(ctx context.Context) survey.Fresh {
			s, err := w.look(ctx)
			if err != nil {
				return survey.Fresh{}
			}
			return s.Again()
		},
		NotAfter: func(ctx context.Context, t time.Time) context.Context { return context.WithValue(ctx, endKey{}, t) },
	}
}

// paced is the account, within its share of the rate of what changes instances.
type paced struct {
	*cloudsim.View
	world *fleetWorld
}

// endKey is under what a context has the time after which no call of it is accepted.
type endKey struct{}

// turn waits until one more call may leave within the minute's share. It fails where
// that is later than the call has time. Who waits moves the clock, for everybody.
func (p paced) turn(ctx context.Context, action string) error {
	w := p.world
	most := max(1, int(float64(alicloud.DocumentedRate(action))*w.share))
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.sent[action] = slices.DeleteFunc(w.sent[action], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if n := len(w.sent[action]); n >= most {
		free := time.Minute - now.Sub(w.sent[action][n-most])
		by, limited := ctx.Value(endKey{}).(time.Time)
		if w.until.Sub(now) < free || limited && by.Add(-plan.Grace).Sub(now) < free {
			return fault.New(fault.Throttled, "its turn would come after its time").WithCode("rateShare")
		}
		w.clock.Advance(free)
	}
	w.sent[action] = append(w.sent[action], w.clock.Now())
	w.calls++
	return nil
}

func (p paced) CreateSnapshot(ctx context.Context, in image.RegionID, r image.SnapshotRequest) (image.SnapshotID, error) {
	if err := p.turn(ctx, "CreateSnapshot"); err != nil {
		return "", err
	}
	return p.View.CreateSnapshot(ctx, in, r)
}

func (p paced) Stop(ctx context.Context, in image.RegionID, r image.StopRequest) error {
	if err := p.turn(ctx, "StopInstance"); err != nil {
		return err
	}
	return p.View.Stop(ctx, in, r)
}

func (p paced) Start(ctx context.Context, in image.RegionID, id image.InstanceID) error {
	if err := p.turn(ctx, "StartInstance"); err != nil {
		return err
	}
	return p.View.Start(ctx, in, id)
}

func (p paced) ReplaceSystemDisk(ctx context.Context, in image.RegionID, r image.ReplaceRequest) (image.DiskID, error) {
	if err := p.turn(ctx, "ReplaceSystemDisk"); err != nil {
		return "", err
	}
	p.world.mu.Lock()
	p.world.replaced = append(p.world.replaced, p.world.clock.Now())
	p.world.mu.Unlock()
	return p.View.ReplaceSystemDisk(ctx, in, r)
}
