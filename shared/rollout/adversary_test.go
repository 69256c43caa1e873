package rollout_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
	"imagekeeper/shared/work"
)

// TestAdversary: two workers carry two rollouts over the same instances, and then an
// undo and another rollout at once, while somebody stops, starts, replaces and releases
// them by hand between their steps, answers are lost, and what is read is late. For one
// attempt an instance is replaced once, only by who has it, and none is left stopped by
// us. A few are drawn, others by each DRAW; many for TRIALS=full.
func TestAdversary(t *testing.T) {
	sum, many := fnv.New64(), 3
	_, _ = sum.Write([]byte(os.Getenv("DRAW")))
	if os.Getenv("TRIALS") == "full" {
		many = 40
	}
	for n := range many {
		seed := sum.Sum64()%100000 + uint64(n)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { newAdversary(t, seed).run() }) })
	}
}

// adversary are two people who do by hand what rollouts do.
type adversary struct {
	*world
	seed uint64
	mu   sync.Mutex
	// ours: who stopped an instance last was a rollout, and nobody else did since.
	ours map[image.InstanceID]bool
	// tokens are the disks that were made by each token of ours; by is what has them.
	tokens map[string]map[image.DiskID]bool
	made   map[string]image.InstanceID
}

func newAdversary(t *testing.T, seed uint64) *adversary {
	a := &adversary{
		world: newWorld(t, 5, cloudsim.Options{Visibility: 20 * time.Second, Seed: seed}), seed: seed,
		ours: map[image.InstanceID]bool{}, tokens: map[string]map[image.DiskID]bool{}, made: map[string]image.InstanceID{},
	}
	a.stopped = func(id image.InstanceID) { a.own(id, true) }
	a.replaced = func(r image.ReplaceRequest, disk image.DiskID) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.tokens[r.Token] == nil {
			a.tokens[r.Token] = map[image.DiskID]bool{}
		}
		a.tokens[r.Token][disk], a.made[r.Token] = true, r.Instance
	}
	lost := rand.New(rand.NewPCG(seed, 2))
	a.lose = func(int, string) bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return lost.IntN(12) == 0
	}
	return a
}

func (a *adversary) own(id image.InstanceID, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ours[id] = is
}

// meddles does something by hand every few minutes, to whichever instance.
func (a *adversary) meddles(person uint64, done <-chan bool) {
	rnd := rand.New(rand.NewPCG(a.seed, person))
	owner := a.cloud.As(cloudsim.Caller{Account: one, Type: "Account"})
	released := 0
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-time.After(time.Duration(20+rnd.IntN(240)) * time.Second):
		}
		id := a.fleet[rnd.IntN(len(a.fleet))]
		switch what := rnd.IntN(10); {
		case what < 3:
			if a.view().Stop(a.Context(), hangzhou, image.StopRequest{Instance: id, Mode: "KeepCharging"}) == nil {
				a.own(id, false)
			}
		case what < 6:
			_ = a.view().Start(a.Context(), hangzhou, id) // it may not be stopped
		case what < 9:
			if _, err := a.view().ReplaceSystemDisk(a.Context(), hangzhou, image.ReplaceRequest{Instance: id, Image: a.old, DiskGiB: 40, Encrypted: image.No, Token: fmt.Sprint("by-hand-", person, "-", n)}); err == nil {
				a.own(id, false) // whoever did that has to start it
			}
		case released == 0 && person == 1:
			if owner.DeleteInstance(cloudsim.DeleteInstancesRequest{InstanceIDs: []image.InstanceID{id}, Force: true}) == nil {
				released++
			}
		}
	}
}

// carried ticks two workers until all rollouts have ended.
func (a *adversary) carried(ids ...string) {
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for range 48 * 60 {
				a.tick()
				open := false
				for _, id := range ids {
					got := a.get(id)
					open = open || !got.State.Ended()
					if got.State == work.Halted { // nothing proved the image, between all of them
						_, _ = a.runner().Order(a.Context(), id, work.Order{Do: work.Resume, By: "iss ann"})
					}
				}
				if !open {
					return
				}
				time.Sleep(time.Minute)
			}
		})
	}
	both.Wait()
	for _, id := range ids {
		if got := a.get(id); !got.State.Ended() {
			a.Errorf("%s is still %s: %v", id, got.State, outcomes(got))
		}
	}
}

func (a *adversary) run() {
	other := a.image(image.Image{Name: "web-3", Family: "web"})
	wish := a.to()
	wish.Strategy.MaxUnavailable, wish.Strategy.WaveSize.Count, wish.Strategy.MaxFailures, wish.OnUnhealthy = 3, 5, new(100), rollout.Undo
	wish.Health = []rollout.Probe{{Status: &rollout.Nothing{}}}
	second := wish
	second.To = rollout.Target{Image: other}
	first, next := a.approve(wish, a.fleet...), a.approve(second, a.fleet...)
	done := make(chan bool)
	var hand sync.WaitGroup
	for person := range uint64(2) {
		hand.Go(func() { a.meddles(person+1, done) })
	}
	a.carried(first, next)
	third := wish
	third.To, third.Strategy.MaxFailures = rollout.Target{Image: other}, new(99)
	works := []string{first, next}
	if d, p := a.undoing(first); p.Totals.Replace > 0 {
		works = append(works, a.start(d))
	}
	if p := a.plan(third, a.fleet...); p.Totals.Replace > 0 {
		works = append(works, a.approve(third, a.fleet...))
	}
	a.carried(works...)
	close(done)
	hand.Wait()
	time.Sleep(time.Hour)
	a.judge()
}

// judge holds what came of it to what may.
func (a *adversary) judge() {
	for token, disks := range a.tokens {
		if len(disks) != 1 {
			a.Errorf("one attempt gave %s the disks %v", a.made[token], disks)
		}
	}
	for _, id := range a.fleet {
		found, err := a.view().Before(a.Context(), hangzhou, []image.InstanceID{id})
		if err != nil {
			a.Error(err)
		}
		if len(found) == 1 && found[0].Status != image.InstanceRunning && a.ours[id] {
			a.Errorf("%s is left %s by us: %s", id, found[0].Status, strings.Join(a.did, "\n"))
		}
	}
	if len(a.tokens) == 0 {
		a.Error("nothing was ever replaced")
	}
}
