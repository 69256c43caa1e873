package work_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
	"imagekeeper/shared/work/worktest"
)

// history notes what workers asked and were answered, in the order of a clock that
// only counts.
type history struct {
	mu    sync.Mutex
	clock atomic.Int64
	ops   []porcupine.Operation
}

// do notes a call, which is made again until its answer is known, as workers do.
func (h *history) do(worker int, in any, call func() (out string)) {
	began, out := h.clock.Add(1), unsure
	for try := 0; out == unsure && try < 100; try++ {
		out = call()
	}
	h.note(worker, in, out, began)
}

func (h *history) note(worker int, in any, out string, began int64) {
	end := h.clock.Add(1)
	if out == unsure {
		end = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: worker, Input: in, Output: out, Call: began, Return: end})
}

// What calls come to.
const (
	granted = "granted"
	refused = "refused"
	unsure  = "unsure"
)

func answerOf(err error) string {
	switch {
	case err == nil:
		return granted
	case fault.Code(err) == "claimed":
		return refused
	case fault.Code(err) == "positionTaken": // by an earlier attempt of its own
		return granted
	}
	return unsure
}

// check holds a history to a model.
func (h *history) check(t *testing.T, m porcupine.NondeterministicModel) {
	t.Helper()
	if got := porcupine.CheckOperationsTimeout(m.ToModel(), h.ops, time.Minute); got != porcupine.Ok {
		for _, op := range h.ops {
			t.Logf("%d: %+v → %v [%d, %d]", op.ClientId, op.Input, op.Output, op.Call, op.Return)
		}
		t.Errorf("%d operations: %s", len(h.ops), got)
	}
}

// claiming is a call about one thing: a claim, or the end of a work.
type claiming struct {
	thing, work  string
	shared, ends bool
}

// claimModel is one thing: who claimed it, in which way, and which works have ended.
// A state is a text, so that it compares.
func claimModel() porcupine.NondeterministicModel {
	return porcupine.NondeterministicModel{
		Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
			by := map[string][]porcupine.Operation{}
			for _, op := range all {
				if c := op.Input.(claiming); !c.ends {
					by[c.thing] = nil
				}
			}
			for thing := range by {
				for _, op := range all {
					if c := op.Input.(claiming); c.ends || c.thing == thing {
						by[thing] = append(by[thing], op)
					}
				}
			}
			return slices.Collect(maps.Values(by))
		},
		Init: func() []any { return []any{""} },
		Step: func(state, in, out any) []any {
			s, c := state.(string), in.(claiming)
			if c.ends {
				return mayBe(s, with(s, "ended "+c.work), out)
			}
			excluded := false
			for fact := range strings.SplitSeq(s, ";") {
				mode, other, _ := strings.Cut(fact, " ")
				active := (mode == "shared" || mode == "alone") && !has(s, "ended "+other)
				excluded = excluded || active && other != c.work && (!c.shared || mode == "alone")
			}
			mode, other := "alone ", "shared "
			if c.shared {
				mode, other = other, mode
			}
			switch {
			case out == refused && !excluded, out == granted && excluded:
				return nil
			case excluded:
				return []any{s}
			}
			return mayBe(s, with(without(s, other+c.work), mode+c.work), out) // the last way counts
		},
	}
}

// mayBe are the states after a call that changes one, if it was made.
func mayBe(before, after string, out any) []any {
	if out == unsure {
		return []any{before, after}
	}
	return []any{after}
}

func has(state, fact string) bool { return slices.Contains(strings.Split(state, ";"), fact) }

func without(state, fact string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(state, ";"), func(s string) bool { return s == fact }), ";")
}

func with(state, fact string) string {
	if has(state, fact) {
		return state
	}
	facts := append(strings.Split(state, ";"), fact)
	slices.Sort(facts)
	return strings.Trim(strings.Join(facts, ";"), ";")
}

// TestClaimsAreLinearizable: five workers claim two things for works that end, at a
// place with and without faults.
func TestClaimsAreLinearizable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		bucket, h := journaltest.NewBucket(nil), &history{}
		var group sync.WaitGroup
		for worker := range 5 {
			group.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(worker)))
				var place journal.Bucket = bucket
				if seed%2 == 1 {
					place = &faulty{Bucket: bucket, random: rand.New(rand.NewPCG(seed, uint64(worker)+100))}
				}
				claimAtRandom(t.Context(), h, worker, random, place)
			})
		}
		group.Wait()
		h.check(t, claimModel())
	}
}

func claimAtRandom(ctx context.Context, h *history, worker int, random *rand.Rand, bucket journal.Bucket) {
	ids := 0
	j := journal.New(journal.OpenObjects(bucket, ""), time.Now, func() string { ids++; return fmt.Sprint(worker, "-", ids) })
	held := func(ctx context.Context, c journal.Claim) (bool, error) {
		records, err := j.Read(ctx, c.Work)
		return len(records) == 0, err
	}
	for n := range 3 {
		id := fmt.Sprintf("ends/%d-%d", worker, n)
		for range 2 {
			c := claiming{thing: fmt.Sprint("thing/", random.IntN(2)), work: id, shared: random.IntN(2) == 0}
			h.do(worker, c, func() string {
				return answerOf(journal.NewClaims(j).Take(ctx, journal.Claim{Thing: c.thing, Work: id, Shared: c.shared}, held))
			})
		}
		h.do(worker, claiming{work: id, ends: true}, func() string { return answerOf(j.Append(ctx, id, 0, "ended")) })
	}
}

// leasing is what a worker does with the lease of a work, and when.
type leasing struct {
	do     string // take, look, leave
	worker string
	at     time.Time
}

// leaseState is who has the lease, and when that one was last seen at work.
type leaseState struct {
	holder string
	last   time.Time
}

// soonest is how long after a worker was last seen at work another one may have its
// lease: it went on with at least 43 s of it, and is left alone for a minute more.
const soonest = 103 * time.Second

func leaseModel() porcupine.NondeterministicModel {
	return porcupine.NondeterministicModel{
		Init: func() []any { return []any{leaseState{}} },
		Step: func(state, in, out any) []any {
			s, l := state.(leaseState), in.(leasing)
			taken := leaseState{l.worker, l.at}
			switch {
			case l.do == "take" && (s.holder == "" || l.at.Sub(s.last) >= soonest):
				return []any{taken}
			case l.do == "look" && s.holder == l.worker:
				return []any{taken}
			case l.do == "leave" && out == unsure:
				if s.holder != l.worker {
					return []any{s}
				}
				return []any{s, leaseState{}}
			case l.do == "leave" && s.holder == l.worker:
				return []any{leaseState{}}
			}
			return nil
		},
	}
}

// guard is a kind that never ends, and notes who looks.
type guard struct {
	worktest.Toys
	look func()
}

func (g guard) Look(ctx context.Context, _ survey.Fresh, _ work.Work) (work.Seen, error) {
	g.look()
	return nil, ctx.Err()
}

func (g guard) Next(work.Work, work.Seen, time.Time) work.Decision { return work.Decision{} }

// TestLeasesAreLinearizable: five workers come, stay a while, die anywhere; nobody
// works while another has the lease.
func TestLeasesAreLinearizable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			bucket, h := journaltest.NewBucket(nil), &history{}
			s := worktest.NewStage(t, func() worktest.Place { return journal.OpenObjects(bucket, "") }, 1)
			s.Approve(worktest.Document("lease", 0), "ada")
			var group sync.WaitGroup
			for worker := range 5 {
				group.Go(func() {
					random := rand.New(rand.NewPCG(seed, uint64(worker)))
					for range 6 {
						time.Sleep(time.Duration(random.IntN(90)) * time.Second)
						life := &worktest.Life{At: 1 << 40}
						if random.IntN(3) == 0 {
							life.At = 1 + random.Int64N(60)
						}
						stays := time.Duration(20+random.IntN(150)) * time.Second
						stay(s, t, h, worker, journal.OpenObjects(mortal{bucket, life}, ""), life, stays)
					}
				})
			}
			group.Wait()
			h.check(t, leaseModel())
		})
	}
}

// stay is one tick of a worker, as the model sees it.
func stay(s *worktest.Stage, t *testing.T, h *history, worker int, place worktest.Place, life *worktest.Life, stays time.Duration) {
	r := s.Runner(place)
	began, looks := h.clock.Add(1), 0
	r.Kind = guard{s.Kind, func() {
		now := time.Now()
		if looks++; looks == 1 {
			h.note(worker, leasing{"take", r.Worker, now}, granted, began)
		}
		h.do(worker, leasing{"look", r.Worker, now}, func() string { return granted })
		began = h.clock.Add(1)
	}}
	_, err := r.Tick(t.Context(), time.Now(), time.Now().Add(stays))
	switch {
	case err != nil && !errors.Is(err, fault.Unavailable):
		t.Error(err)
	case looks > 0 && life.Dead():
		h.note(worker, leasing{"leave", r.Worker, time.Now()}, unsure, began)
	case looks > 0:
		h.note(worker, leasing{"leave", r.Worker, time.Now()}, granted, began)
	}
}
