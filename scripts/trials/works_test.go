package trials_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// story is a work that outlives a call, from its plan to its end, as one function
// carries it out.
type story struct {
	// function is the folder of the function, and environment what its variables are
	// beside those that every worker has.
	function    string
	environment []string
	// options are those of the cloud; what takes its time there takes none.
	options cloudsim.Options
	// prepare puts into the cloud what the work is about.
	prepare func(s *stage)
	// post plans, and applies with a digest, what wish says; get reads the work.
	post, get string
	wish      func() map[string]any
	// regions are those where something may change.
	regions []image.RegionID
	// ends checks that a work which has ended did what it was to, once, and left nothing.
	ends func(s *stage, last told)
}

// told is what the function says of a work.
type told struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Code  string `json:"code"`
	Why   any    `json:"reason"`
	Items []item `json:"items"`
}

// item is one of a work's, with the members that any function has.
type item struct {
	RegionID   image.RegionID   `json:"regionId"`
	ImageID    image.ID         `json:"imageId"`
	InstanceID image.InstanceID `json:"instanceId"`
	Level      string           `json:"level"`
	Result     string           `json:"result"`
	Reason     image.Reason     `json:"reason"`
}

// once is a time in which everything of a cloud with this speed is done.
const once = 1_000_000

// turn is the time of a tick: too short for anybody to stay who has nothing to do at once.
const turn = 10 * time.Second

// mostTurns bounds a story.
const mostTurns = 120

// setUp makes the cloud of a story.
func (y story) setUp(t *testing.T) *stage {
	t.Helper()
	o := y.options
	o.Speed = cmp.Or(o.Speed, once)
	s := newStageOf(t, y.function, o)
	y.prepare(s)
	return s
}

// worker starts the function.
func (y story) worker(s *stage, key string) *worker {
	s.t.Helper()
	return s.start(key, bucketJournal, y.environment...)
}

// begin approves the work, and returns its id.
func (y story) begin(s *stage, w *worker) string {
	s.t.Helper()
	input := y.wish()
	planned, err := w.invoke(map[string]any{"operation": y.post, "input": input}, long)
	if err != nil || planned.Plan.Digest == "" {
		s.t.Fatalf("%v, %s\n%s", err, planned.short(), w.log)
	}
	input["apply"] = map[string]any{"digest": planned.Plan.Digest}
	begun, err := w.invoke(map[string]any{"operation": y.post, "input": input}, long)
	if err != nil || begun.ID == "" {
		s.t.Fatalf("%v, %s\n%s", err, begun.short(), w.log)
	}
	return begun.ID
}

// tick is one event of the timer. It fails if the worker died.
func (w *worker) tick() error {
	event := fmt.Sprintf(`{"triggerTime":%q,"triggerName":"worker","payload":""}`, time.Now().UTC().Format(time.RFC3339))
	select {
	case w.asks <- invocation{[]byte(event), turn}:
	case <-w.dead:
		return errDied
	}
	select {
	case text := <-w.answers:
		w.report = text
		return nil
	case <-w.dead:
		return errDied
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("no answer\n%s", w.log)
	}
}

// tell reads a work.
func (y story) tell(s *stage, w *worker, id string) told {
	s.t.Helper()
	var a told
	text, err := w.text(map[string]any{"operation": y.get, "input": map[string]any{"id": id}}, long)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil || a.ID != id {
		s.t.Fatalf("%v: %s\n%s", err, text, w.log)
	}
	return a
}

// live lets a minute's tick come after the other until the work has ended, and fails
// if the worker died. Between two ticks the journal gets older by a minute, unless the
// first of them took its time: on a machine that is so busy a tick does less, and only
// the time counts that it took.
func (y story) live(s *stage, w *worker, id string) error {
	for range mostTurns {
		began := time.Now()
		if err := w.tick(); err != nil {
			return err
		}
		if w.frozen.Load() { // the tick was over when it was to stop: time goes by for the other one
			return nil
		}
		quick := time.Since(began) < turn/5
		if last, err := y.ended(s, id); err != nil || last {
			return err
		}
		if quick {
			s.age(time.Minute)
		}
	}
	return fmt.Errorf("after %d ticks it has not ended: %s", mostTurns, w.report)
}

// ended reads the work's log past the door.
func (y story) ended(s *stage, id string) (bool, error) {
	kind, _, _ := strings.Cut(y.get, ".")
	o, err := s.keeper().GetObject(cloudsim.ObjectName{Bucket: bucket, Key: "journal/work/" + kind + "/" + id + ".ndjson"})
	return strings.Contains(string(o.Content.Bytes()), `"deed":"ended"`), err
}

// keeper reads and writes objects past the door.
func (s *stage) keeper() *cloudsim.Session {
	return s.cloud.As(cloudsim.Caller{Account: owner, Type: "Account"})
}

// calls counts the calls that a story takes from its approval on, with every tick by
// the same worker.
func (y story) calls(t *testing.T) []request {
	t.Helper()
	s := y.setUp(t)
	w := y.worker(s, "counter")
	id := y.begin(s, w)
	s.arm(nil, nil)
	err := y.live(s, w, id)
	all := s.requests()
	if err != nil {
		t.Fatalf("%v\n%+v\n%s", err, y.tell(s, w, id), w.log)
	}
	y.ends(s, y.tell(s, w, id))
	return all
}

// blow is what happens to a worker at one call.
type blow struct {
	call   int
	action string
	what   string
}

func (b blow) String() string { return fmt.Sprintf("%s at %d %s", b.what, b.call, b.action) }

// What happens to a worker at a call.
const (
	killedBefore = "killed before"
	killedAfter  = "killed after"
	frozenAfter  = "frozen after"
)

// trials has the worker of a story killed before and after each of its calls, and
// frozen after each, so many of which one is drawn; another process goes on.
func (y story) trials(t *testing.T, every int) {
	t.Helper()
	calls := y.calls(t)
	if t.Failed() {
		return
	}
	t.Logf("%d calls", len(calls))
	var all []blow
	for _, c := range calls {
		if c.changes { // before a look is after the call before it
			all = append(all, blow{c.number, c.action, killedBefore})
		}
		all = append(all, blow{c.number, c.action, killedAfter}, blow{c.number, c.action, frozenAfter})
	}
	var met atomic.Int32
	turns := make(chan struct{}, 6) // they mostly wait
	var wait sync.WaitGroup
	tried := drawn.Some(t, all, every)
	for _, b := range tried {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			t.Run(b.String(), func(t *testing.T) {
				if y.survives(t, b) {
					met.Add(1)
				}
			})
		})
	}
	wait.Wait()
	if met.Load() == 0 && len(tried) > 3 { // of a few, all may be the last ones
		t.Error("no worker was killed or frozen")
	}
}

// survives lets one blow fall, and reports whether its call was met: the last ones of
// a story need not come each time.
func (y story) survives(t *testing.T, b blow) bool {
	s := y.setUp(t)
	victim := y.worker(s, "victim")
	id := y.begin(s, victim)
	met := make(chan struct{})
	hit := func(r request) bool { return r.key == "victim" && r.number == b.call }
	s.arm(func(r request) bool {
		if b.what != killedBefore || !hit(r) {
			return false
		}
		close(met)
		victim.kill()
		return true
	}, func(r request) bool {
		if b.what == killedBefore || !hit(r) {
			return false
		}
		close(met)
		if b.what == frozenAfter {
			victim.frozen.Store(true)
			victim.signal(syscall.SIGSTOP)
			return false
		}
		victim.kill()
		return true
	})
	over := make(chan error, 1)
	go func() { over <- y.live(s, victim, id) }()
	began := time.Now()
	select {
	case <-met:
	case err := <-over: // one that is not the last one of the first story may be the last one here
		if err != nil {
			t.Fatalf("%v\n%s", err, victim.log)
		}
		s.arm(nil, nil)
		y.ends(s, y.tell(s, victim, id))
		return false
	}
	if b.what != frozenAfter {
		t.Logf("the victim: %v", <-over) // it died
	}
	s.arm(nil, nil)
	s.age(5 * time.Minute) // the lease of the victim is over, and so is what it may have sent
	heir := y.worker(s, "heir")
	if err := y.live(s, heir, id); err != nil {
		t.Fatalf("%v\n%s", err, heir.log)
	}
	y.ends(s, y.tell(s, heir, id))
	if b.what == frozenAfter {
		time.Sleep(time.Until(began.Add(turn)))
		y.wakes(s, victim, over)
	}
	return true
}

// wakes lets a frozen worker go on after its time, when ECS refuses what it signed to
// be in time: it changes nothing.
func (y story) wakes(s *stage, victim *worker, over <-chan error) {
	s.t.Helper()
	before := y.world(s)
	s.ahead.Store(int64(5 * time.Minute))
	s.arm(nil, nil)
	victim.signal(syscall.SIGCONT)
	if err := <-over; err != nil {
		s.t.Errorf("%v\n%s", err, victim.log)
	}
	if after := y.world(s); after != before {
		s.t.Errorf("the woken worker changed something: %v\nbefore %s\nafter %s", s.requests(), before, after)
	}
}

// world is everything of a story's regions, as text.
func (y story) world(s *stage) string {
	s.t.Helper()
	v, ctx, out := s.cloud.View(owner), context.Background(), strings.Builder{}
	for _, region := range y.regions {
		images, err := v.Images(ctx, region, image.Listing{Kind: image.KindCustom, Statuses: image.Statuses()})
		must(s, err)
		instances, err := v.Instances(ctx, region, image.InstanceListing{})
		must(s, err)
		disks, err := v.Disks(ctx, region, image.DiskListing{})
		must(s, err)
		snapshots, err := v.Snapshots(ctx, region, image.SnapshotListing{})
		must(s, err)
		fmt.Fprintf(&out, "%s: %+v\n%+v\n%+v\n%+v\n", region, images, instances, disks, snapshots)
		for _, i := range images {
			grants, err := v.Grants(ctx, region, i.ID)
			if fault.Of(err) != fault.NotFound {
				must(s, err)
			}
			fmt.Fprintf(&out, "%s %+v\n", i.ID, grants)
		}
	}
	return out.String()
}

func must(s *stage, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
