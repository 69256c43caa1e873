package main

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function/ledger"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// heldBack takes all access to an image away, as cleanup does, and returns the log.
func (s *stage) heldBack(ref image.Ref) plan.Log {
	s.t.Helper()
	store, err := journal.OpenDirectory(s.folder)
	if err != nil {
		s.t.Fatal(err)
	}
	cloud, pause := s.cloud.View(first), func(context.Context, time.Duration) error { return nil }
	unused := func(_ context.Context, of []image.AccountID) map[image.AccountID]sharing.Use {
		uses := map[image.AccountID]sharing.Use{}
		for _, a := range of {
			uses[a] = sharing.NotInUse
		}
		return uses
	}
	w := plan.Work{
		Target: sharing.Target(ref), Log: ledger.Log{Journal: journal.New(store, time.Now, rand.Text)}, Now: s.clock.Now,
		Observe: func(ctx context.Context, _ []plan.Entry) (plan.Plan, error) {
			i, grants, err := sharing.Look(ctx, cloud, ref, pause)
			return sharing.Diff(sharing.Observed{Image: i, Grants: grants, Uses: unused(ctx, []image.AccountID{second})}, sharing.Wanted{}, sharing.Policy{}), err
		},
		Batch: func(changes []plan.Step) [][]plan.Step { return sharing.Batches(changes, 1) },
		Do: func(ctx context.Context, _ plan.Plan, steps []plan.Step) []plan.Outcome {
			return sharing.Doer{Image: ref, Cloud: cloud, Pause: pause, Use: unused}.Do(ctx, steps)
		},
	}
	p, err := w.Plan(s.t.Context())
	if err != nil || len(p.Changes()) != 1 {
		s.t.Fatalf("%v: %+v", err, p)
	}
	if report, err := w.Apply(s.t.Context(), plan.Request{Digest: p.Digest(), By: "cleanup/1", Deadline: s.clock.Now().Add(time.Minute)}); err != nil || !report.Complete {
		s.t.Fatalf("%v: %+v", err, report)
	}
	return w.Log
}

// What somebody decides about shares while cleanup holds them back is written down, once,
// also where nothing has to be changed for it: nobody has access then, and nobody is to
// have it. By that cleanup gives nothing back.
func TestDecidedWhileHeldBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ref := image.Ref{Account: cloudsim.FirstAccount, Region: "cn-hangzhou", ID: "m-web"}
	log := s.heldBack(ref)
	nothing := map[string]any{"imageId": "m-web", "accounts": accounts()}
	if p := s.call("share.put", nothing); p.Plan.Changes != 0 || !p.Plan.Applicable {
		t.Fatalf("%+v", p)
	}
	for range 3 {
		if _, done := s.applyPut(nothing); !done.Applied || !done.Complete || len(done.Outcomes) != 0 {
			t.Errorf("%+v", done)
		}
	}
	told, err := log.Read(t.Context(), sharing.Target(ref))
	var by []string
	for _, e := range told {
		if e.Kind == plan.Approved {
			by = append(by, e.By)
		}
	}
	if err != nil || !slices.Equal(by, []string{"cleanup/1", "system"}) {
		t.Errorf("%v: approved by %v", err, by)
	}
	if seen := s.call("share.get", map[string]any{"imageId": "m-web"}); len(seen.Accounts) != 0 || seen.Unfinished != nil {
		t.Errorf("%+v", seen)
	}
}
