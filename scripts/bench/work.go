package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/survey"
	"imagekeeper/shared/work"
	"imagekeeper/shared/work/worktest"
)

// longWork measures the engine of long work on a bucket in memory: what a work of 500
// items writes, what a tick costs with open works or none, and what the processor
// has to do for a boundary: a call of the journal or of the cloud.
func longWork(ctx context.Context, _ binaries) ([]result, error) {
	const items = 500
	w, made, err := carried(ctx, items)
	if err != nil {
		return nil, err
	}
	half, _, err := carried(ctx, items/2)
	if err != nil {
		return nil, err
	}
	found := []result{
		{what: "records of a work", value: float64(w.records) / items, unit: "per item", atMost: 1, about: fmt.Sprintf("%d items: %d records, %d of half as many", items, w.records, half.records)},
		{
			what: "bytes of a work", value: float64(w.bytes) / items / 1000, unit: "kB", atMost: 3,
			about: fmt.Sprintf("an item; %d in all, %.2f times those of half as many", w.bytes, float64(w.bytes)/float64(half.bytes)),
		},
		{what: "processor time of a boundary", value: float64(made.processor.Microseconds()) / float64(made.boundaries), unit: "µs", atMost: 1000, about: fmt.Sprintf("%d calls of the journal and the cloud", made.boundaries)},
	}
	calls := map[int]int{}
	for _, open := range []int{0, 10, 1000} {
		if calls[open], err = ticked(ctx, 1000, open); err != nil {
			return nil, err
		}
	}
	return append(found,
		result{what: "calls of a tick, nothing open", value: float64(calls[0]), atMost: 10, about: "after a thousand works that have ended"},
		result{what: "calls of a tick, 10 open works", value: float64(calls[10]) / 10, unit: "each", atMost: 25, about: fmt.Sprint(calls[10], " in all")},
		result{
			what: "calls of a tick, 1000 / 10 open", value: float64(calls[1000]) / float64(calls[10]) / 100, unit: "times", atMost: 1.1,
			about: fmt.Sprintf("%d in all: linear is 1", calls[1000]),
		},
	), nil
}

// written is what a work left in the journal.
type written struct{ records, bytes int }

// effort is what it took.
type effort struct {
	boundaries int
	processor  time.Duration
}

// carried carries a work of so many items from its approval to its end.
func carried(ctx context.Context, items int) (written, effort, error) {
	bucket, factory := journaltest.NewBucket(nil), worktest.NewFactory(items)
	factory.Takes = 0
	r := benchRunner(bucket, worktest.Toys{Factory: factory})
	before, err := processorTime()
	if err != nil {
		return written{}, effort{}, err
	}
	approved, err := r.Approve(ctx, worktest.Document("bench", worktest.UpTo(items)...), work.Approval{By: "bench"})
	if err != nil {
		return written{}, effort{}, err
	}
	id := approved.ID
	if _, err := r.Tick(ctx, time.Now(), time.Now().Add(time.Minute)); err != nil {
		return written{}, effort{}, err
	}
	after, err := processorTime()
	if err != nil {
		return written{}, effort{}, err
	}
	calls, bytes := bucket.Calls()
	w, err := r.Get(ctx, id)
	if err == nil && w.State != work.Finished {
		err = fault.New(fault.Internal, "the work is %s", w.State)
	}
	if err != nil {
		return written{}, effort{}, err
	}
	records, err := r.Journal.Read(ctx, "work/toys/"+id)
	return written{len(records), bytes}, effort{calls + 3*items, after - before}, err
}

// resting is a kind whose items all wait for something in an hour.
type resting struct{ worktest.Toys }

// Next waits.
func (resting) Next(_ work.Work, _ work.Seen, now time.Time) work.Decision {
	return work.Decision{Wake: now.Add(time.Hour)}
}

// ticked is how many calls a tick makes that finds so many open works due, beside
// others that have ended.
func ticked(ctx context.Context, ended, open int) (int, error) {
	bucket, factory := journaltest.NewBucket(nil), worktest.NewFactory(ended+open)
	factory.Takes = 0
	toys := worktest.Toys{Factory: factory}
	approve := func(from, to int) error {
		for n := from; n < to; n++ {
			if _, err := benchRunner(bucket, toys).Approve(ctx, worktest.Document(fmt.Sprint(n), n), work.Approval{By: "bench"}); err != nil {
				return err
			}
		}
		return nil
	}
	tick := func(kind work.Kind) (work.Report, error) {
		return benchRunner(bucket, kind).Tick(ctx, time.Now(), time.Now().Add(time.Minute))
	}
	if err := approve(0, ended); err != nil {
		return 0, err
	}
	if report, err := tick(toys); err != nil || len(report.Ended) != ended {
		return 0, fault.Wrap(fault.Internal, err, "%d of %d works ended", len(report.Ended), ended)
	}
	if err := approve(ended, ended+open); err != nil {
		return 0, err
	}
	before, _ := bucket.Calls()
	report, err := tick(resting{toys})
	after, _ := bucket.Calls()
	if err == nil && (report.Due != open || len(report.Failures) > 0) {
		err = fault.New(fault.Internal, "%d of %d works were due, and %d failed", report.Due, open, len(report.Failures))
	}
	return after - before, err
}

// benchRunner is one event's.
func benchRunner(bucket *journaltest.Bucket, kind work.Kind) work.Runner {
	place := journal.OpenObjects(bucket, "")
	var ids atomic.Int64
	worker := fmt.Sprint("bench-", time.Now().UnixNano())
	return work.Runner{
		Name: "toys", Kind: kind, Documents: place, Worker: worker,
		Journal: journal.New(place, time.Now, func() string { return fmt.Sprint(worker, "-", ids.Add(1)) }),
		Now:     time.Now, Again: func(context.Context) survey.Fresh { return survey.Fresh{} },
		Pause: func(context.Context, time.Duration) error {
			return fault.New(fault.Internal, "nothing here has to be waited for")
		},
	}
}
