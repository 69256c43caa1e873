package rollout_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// drawing is a whole rollout as it is drawn: the fleet, the wish, what goes wrong, and
// what people do meanwhile.
type drawing struct {
	instances, stopped   int
	canary, wave         int
	percent              bool
	unavailable, fails   int
	undo, probe, hooks   bool
	follow               bool
	boot                 cloudsim.Boot
	visibility           time.Duration
	throttled, lost      int // of a thousand calls
	frozen               int
	noStock, journalGone bool
	order                string
	orderAt              int // minutes
	seed                 uint64
}

// drawings draws rollouts of at most so many instances.
func drawings(most int) *rapid.Generator[drawing] {
	return rapid.Custom(func(t *rapid.T) drawing {
		n := rapid.IntRange(1, most).Draw(t, "instances")
		return drawing{
			instances: n, stopped: rapid.IntRange(0, n/4).Draw(t, "stopped"), canary: rapid.IntRange(0, 3).Draw(t, "canary"),
			wave: rapid.IntRange(1, 50).Draw(t, "wave"), percent: rapid.Bool().Draw(t, "percent"),
			unavailable: rapid.IntRange(max(1, n/20), max(1, n/4)).Draw(t, "unavailable"), fails: rapid.SampledFrom([]int{0, 0, 1, n}).Draw(t, "fails"),
			undo: rapid.Bool().Draw(t, "undo"), probe: rapid.Bool().Draw(t, "probe"), hooks: rapid.Bool().Draw(t, "hooks"), follow: rapid.Bool().Draw(t, "follow"),
			boot: rapid.SampledFrom([]cloudsim.Boot{
				cloudsim.BootOK, cloudsim.BootOK, cloudsim.BootOK, cloudsim.BootNever, cloudsim.BootSilent, cloudsim.BootCommandFails, cloudsim.BootSlow,
			}).Draw(t, "boot"),
			visibility: time.Duration(rapid.SampledFrom([]int{0, 20}).Draw(t, "visibility")) * time.Second,
			throttled:  rapid.SampledFrom([]int{0, 0, 20, 100}).Draw(t, "throttled"), lost: rapid.SampledFrom([]int{0, 0, 20, 100}).Draw(t, "lost"),
			frozen: rapid.SampledFrom([]int{0, 0, 5}).Draw(t, "frozen"), noStock: rapid.Bool().Draw(t, "noStock"), journalGone: rapid.Bool().Draw(t, "journalGone"),
			order: rapid.SampledFrom([]string{"", "", "pause", "abort", "stop"}).Draw(t, "order"), orderAt: rapid.IntRange(1, 40).Draw(t, "orderAt"),
			seed: rapid.Uint64().Draw(t, "seed"),
		}
	})
}

// TestSimulation draws whole rollouts: a few, others by each DRAW; many, and large
// ones, for TRIALS=full.
func TestSimulation(t *testing.T) {
	runs, most := 2, 10
	if os.Getenv("TRIALS") == "full" {
		runs, most = 100, 500
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(os.Getenv("DRAW")))
	from := int(sum.Sum32() % 1_000_000)
	for n := range runs {
		d := drawings(most).Example(from + n)
		t.Run(strconv.Itoa(from+n), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("%+v", d)
				}
			}()
			synctest.Test(t, func(t *testing.T) { simulate(t, d) })
		})
	}
}

// simulation is one drawn rollout.
type simulation struct {
	*pointing
	d      drawing
	random *rand.Rand
	mu     sync.Mutex
	id     string
	first  map[image.InstanceID]image.DiskID
	was    map[image.InstanceID]image.DiskSetup
	down   int
	// ended: a worker said so.
	ended bool
	// held and free are from when until when nothing may be begun.
	held, free time.Time
}

func simulate(t *testing.T, d drawing) {
	s := &simulation{d: d, pointing: newPointing(t, d.instances, cloudsim.Options{Seed: d.seed, Visibility: d.visibility}), random: rand.New(rand.NewPCG(d.seed, 1))}
	for _, id := range s.fleet[:d.stopped] {
		if err := s.view().Stop(t.Context(), hangzhou, image.StopRequest{Instance: id, Mode: "KeepCharging"}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(10 * time.Minute) // all are up, and their assistants answer
	s.first, s.was = s.disks(), map[image.InstanceID]image.DiskSetup{}
	for _, id := range s.fleet {
		s.was[id] = s.disk(id)
	}
	s.cloud.SetBoot(s.golden, d.boot)
	s.id = s.approve(s.wished(), s.fleet...)
	s.before, s.lose = s.fails, s.loses
	s.run()
	s.judge()
}

func (s *simulation) wished() rollout.Wish {
	d := s.d
	wish := s.to()
	wish.Strategy = rollout.Strategy{Canary: new(d.canary), MaxUnavailable: d.unavailable, MaxFailures: &d.fails}
	if wish.Strategy.WaveSize.Count = d.wave; d.percent {
		wish.Strategy.WaveSize = rollout.WaveSize{Percent: d.wave}
	}
	wish.Health = []rollout.Probe{{Status: &rollout.Nothing{}}, {Assistant: &rollout.Nothing{}}}
	if d.probe {
		wish.Health = append(wish.Health, rollout.Probe{Command: "true", Passes: 2})
	}
	if d.hooks {
		wish.Hooks = rollout.Hooks{Before: "prepare", After: "resume"}
	}
	if d.undo {
		wish.OnUnhealthy = rollout.Undo
	}
	wish.Follow = rollout.Follow{LaunchTemplates: d.follow, ScalingConfigurations: d.follow}
	return wish
}

// of tells whether something happens to so many of a thousand calls.
func (s *simulation) of(thousand int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(1000) < thousand
}

// fails has a call not arrive.
func (s *simulation) fails(int, string) error {
	switch {
	case s.of(s.d.frozen):
		s.freeze()
		return fault.New(fault.Unavailable, "frozen")
	case s.of(s.d.throttled):
		return fault.New(fault.Throttled, "throttled").WithCode("Throttling.User")
	case s.of(s.d.lost):
		return fault.New(fault.Unavailable, "did not arrive")
	}
	return nil
}

// loses has an answer not arrive, sometimes with the worker.
func (s *simulation) loses(int, string) bool {
	if s.of(s.d.frozen) {
		return s.freeze()
	}
	return s.of(s.d.lost)
}

// run ticks once a minute, whatever became of the ticks before, watches, and does
// what people do.
func (s *simulation) run() {
	var group sync.WaitGroup
	done := make(chan bool)
	group.Go(func() { s.observeDown(done) })
	for minute := range 40 * 60 {
		s.people(minute)
		if s.over(minute) {
			break
		}
		group.Go(func() {
			report, err := s.runner().Tick(s.Context(), time.Now(), time.Now().Add(55*time.Second))
			if err != nil && s.outage.Load() == nil {
				s.Error(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended = s.ended || len(report.Ended) > 0
		})
		time.Sleep(time.Minute)
	}
	close(done)
	group.Wait()
	if got := s.get(s.id); !got.State.Ended() {
		s.Errorf("it is still %s: %v, %+v", got.State, outcomes(got), got.Items)
	}
}

// patient is how many minutes somebody waits for a rollout to end before it is aborted:
// each instance that never comes up takes a day until it is given up.
const patient = 8 * 60

// over reports whether it has ended. Once an hour somebody looks, and aborts what does
// not go on by itself, or takes too long.
func (s *simulation) over(minute int) bool {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if ended || minute%60 != 59 {
		return ended
	}
	now := s.get(s.id)
	if minute > patient || now.State == work.Halted || now.State == work.Waiting && now.Why != nil && now.Why.Code == "tooManyDown" {
		s.do(work.Abort)
	}
	return now.State.Ended()
}

// people give orders; the journal and the stock go and come back.
func (s *simulation) people(minute int) {
	switch {
	case s.d.noStock && (minute == 12 || minute == 30):
		s.cloud.SetStock(hangzhou, s.instance(s.fleet[0]).Type, minute == 30)
	case s.d.journalGone && minute == 7:
		s.breaks(func() bool { return s.of(700) })
	case s.d.journalGone && minute == 17:
		s.outage.Store(nil)
	}
	switch minute - s.d.orderAt {
	case 0:
		s.outage.Store(nil)
		s.brake()
	case 20:
		s.free = time.Now()
		switch s.d.order {
		case "pause": // one that has halted meanwhile is left so
			if s.get(s.id).State == work.Paused {
				s.do(work.Resume)
			}
		case "stop":
			s.stop(false)
		}
	}
}

func (s *simulation) brake() {
	switch s.d.order {
	case "pause":
		s.do(work.Pause)
	case "abort":
		s.do(work.Abort)
	case "stop":
		s.stop(true)
	}
	s.held = time.Now()
}

func (s *simulation) do(v work.Verb) {
	if _, err := s.runner().Order(s.Context(), s.id, work.Order{Do: v, By: "iss ann"}); err != nil && fault.Of(err) != fault.Conflict {
		s.Error(err)
	}
}

func (s *simulation) stop(is bool) {
	if _, err := s.runner().SetStop(s.Context(), work.Stop{Stopped: is, By: "iss ann", Reason: "a test"}); err != nil {
		s.Error(err)
	}
}

// observeDown counts at every step of the clock how many of those that ran are down.
func (s *simulation) observeDown(done chan bool) {
	ran := s.fleet[s.d.stopped:]
	for {
		select {
		case <-done:
			return
		case <-time.After(10 * time.Second):
		}
		down := 0
		for some := range slices.Chunk(ran, 100) {
			found, err := s.view().Before(s.Context(), hangzhou, some)
			if err != nil {
				s.Error(err)
			}
			for _, i := range found {
				if i.Status != image.InstanceRunning {
					down++
				}
			}
		}
		s.down = max(s.down, down)
	}
}

// judge says what must not be.
func (s *simulation) judge() {
	got := s.get(s.id)
	if s.down > s.d.unavailable {
		s.Errorf("%d were down, and %d may be", s.down, s.d.unavailable)
	}
	s.braked(got)
	replaced, touched := map[image.InstanceID]int{}, 0
	for _, did := range s.did {
		if words := strings.Fields(did); words[0] == "replace" {
			if replaced[image.InstanceID(words[1])]++; replaced[image.InstanceID(words[1])] == 1 {
				touched++
			}
		}
	}
	bad := s.d.boot == cloudsim.BootNever || s.d.boot == cloudsim.BootSilent || s.d.boot == cloudsim.BootCommandFails && s.d.probe
	if canary := s.d.canary; bad && s.d.fails == 0 && canary > 0 && s.d.instances-s.d.stopped >= canary && touched > canary {
		s.Errorf("%d got an image that is bad, and the canary has %d", touched, canary)
	}
	applied := false
	for n, id := range s.fleet {
		outcome := outcomes(got)[id]
		applied = applied || strings.HasPrefix(outcome, "applied")
		s.one(id, n < s.d.stopped, outcome, replaced[id])
	}
	template, configuration := s.names()
	if want := s.old; (!s.d.follow || !applied) && (template != want || configuration != want) {
		s.Errorf("nobody follows, and %s and %s do", template, configuration)
	}
	if got.State == work.Finished && s.d.follow && (template != s.golden || configuration != s.golden) {
		s.Errorf("all follow, and %s and %s do not", template, configuration)
	}
}

// braked: nobody was made ready for a stop after an order, but for one tick.
func (s *simulation) braked(got work.Work) {
	for name, i := range got.Items {
		at, err := time.Parse(time.RFC3339, i.Notes["committedAt"])
		held := s.d.order != "" && !s.held.IsZero() && at.Sub(s.held) > time.Minute && (s.free.IsZero() || at.Before(s.free))
		if i.Notes["committedAt"] != "" && (err != nil || held) && i.Notes["undo"] == "" {
			s.Errorf("%s was taken down at %s, after the %s of %s", name, at, s.d.order, s.held)
		}
	}
}

// one judges an instance.
func (s *simulation) one(id image.InstanceID, stopped bool, outcome string, replaced int) {
	is, disk := s.instance(id), s.disk(id)
	own := disk.ID == s.first[id]
	complain := func(what string) {
		s.Errorf("%s, %q, replaced %d times: %s (it is %s and runs %s)", id, outcome, replaced, what, is.Status, is.Image)
	}
	switch {
	case replaced > 2 || replaced == 2 && !s.d.undo:
		complain("replaced too often")
	case own != (replaced == 0):
		complain("its disk is not that which it should have")
	case stopped && is.Status != image.InstanceStopped:
		complain("it was stopped")
	case strings.HasPrefix(outcome, "applied") && (is.Image != s.golden || replaced != 1 || !stopped && is.Status != image.InstanceRunning):
		complain("it does not run what it should")
	case own && !stopped && is.Status != image.InstanceRunning && !strings.Contains(outcome, "doesNotStart"):
		complain("it was left down")
	case own && fmt.Sprintf("%+v", disk) != fmt.Sprintf("%+v", s.was[id]):
		complain(fmt.Sprintf("it was not replaced, and is not as it was: %+v, was %+v", disk, s.was[id]))
	case replaced == 2 && !s.has(id, s.first[id]):
		complain("its old content is not back")
	}
}
