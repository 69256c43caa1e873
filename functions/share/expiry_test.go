package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// tick fires the timer and returns what it reports.
func (s *stage) tick() sharing.ExpiryReport {
	s.t.Helper()
	event := fmt.Sprintf(`{"triggerTime":%q,"triggerName":"expiry","payload":""}`, s.clock.Now().UTC().Format(time.RFC3339))
	raw := s.function().Invoke(s.t.Context(), function.Call{Region: "cn-hangzhou"}, []byte(event))
	var report sharing.ExpiryReport
	if err := json.Unmarshal(raw, &report); err != nil || report.AsOf.IsZero() {
		s.t.Fatalf("%v: %s", err, raw)
	}
	return report
}

// removals are the calls that took access away.
func (s *stage) removals() []string {
	s.permits.mu.Lock()
	defer s.permits.mu.Unlock()
	var list []string
	for _, said := range s.permits.said {
		if !strings.HasSuffix(said, "-[]") {
			list = append(list, said)
		}
	}
	return list
}

// until shares m-web with second and third until a time.
func (s *stage) until(end time.Time, then string) {
	s.t.Helper()
	var list []map[string]any
	for _, a := range []image.AccountID{second, third} {
		list = append(list, map[string]any{"accountId": a, "until": end.Format(time.RFC3339), "onExpiry": then})
	}
	if _, done := s.applyPut(map[string]any{"imageId": "m-web", "accounts": list}); !done.Complete {
		s.t.Fatalf("%+v", done)
	}
}

func TestRemovalAtTheInstantAndOnce(t *testing.T) {
	t.Parallel()
	end := start().AddDate(0, 1, 0)
	for _, c := range []struct {
		name  string
		at    []time.Duration // of the timer, from the end
		calls int
	}{
		{"before", []time.Duration{-time.Hour, -time.Second}, 0},
		{"at the instant", []time.Duration{0}, 1},
		{"late", []time.Duration{31 * 24 * time.Hour}, 1},
		{"missed, then late", []time.Duration{-time.Minute, time.Hour}, 1},
		{"doubled", []time.Duration{time.Second, time.Second, time.Second}, 1},
		{"again and again", []time.Duration{0, 5 * time.Minute, 10 * time.Minute}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.until(end, "remove")
			for _, at := range c.at {
				s.set(end.Add(at))
				s.tick()
			}
			if got := s.removals(); len(got) != c.calls {
				t.Errorf("%d removals, want %d: %v", len(got), c.calls, got)
			}
			if seen := s.call("share.get", map[string]any{"imageId": "m-web"}); (len(seen.Accounts) == 0) != (c.calls == 1) || len(seen.Gone) != 0 {
				t.Errorf("left %+v", seen)
			}
		})
	}
}

func TestTimersAtTheSameTimeRemoveOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := newStage(t)
		end := start().AddDate(0, 1, 0)
		s.until(end, "remove")
		s.set(end)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() { s.tick() })
		}
		wait.Wait()
		if got := s.removals(); len(got) != 1 {
			t.Fatalf("%d removals: %v", len(got), got)
		}
	}
}

// dies leaves the journal as a timer's worker leaves it that dies after it wrote
// down what it was about to do.
func (s *stage) dies() {
	s.t.Helper()
	d, err := s.handler().session(s.t.Context(), function.Call{Region: "cn-hangzhou"}, subject{})
	if err != nil {
		s.t.Fatal(err)
	}
	seen, err := d.looker().See(s.t.Context(), image.Image{Ref: image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}, Kind: image.KindCustom}, d.log.Read)
	if err != nil {
		s.t.Fatal(err)
	}
	p, now := sharing.Expire(seen.Observed, s.clock.Now()), s.clock.Now()
	stored := &plan.Stored{Target: p.Target, Base: p.Base}
	intended := plan.Entry{Kind: plan.Intended, Digest: p.Digest(), At: now}
	for _, step := range p.Steps {
		stored.Steps = append(stored.Steps, plan.StoredStep{Step: step, Sets: step.Sets})
		intended.Steps = append(intended.Steps, step.Name())
	}
	at := len(seen.Entries)
	approved := plan.Entry{Kind: plan.Approved, Digest: p.Digest(), At: now, By: "the timer", Plan: stored, Until: now.Add(time.Minute)}
	if err := errors.Join(d.log.Append(s.t.Context(), p.Target, at, approved), d.log.Append(s.t.Context(), p.Target, at+1, intended)); err != nil {
		s.t.Fatal(err)
	}
}

func TestATimerThatDiedIsFollowedByAnotherAndRemovesOnce(t *testing.T) {
	t.Parallel()
	for name, called := range map[string]bool{"before its call": false, "after its call": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			end := start().AddDate(0, 1, 0)
			s.until(end, "remove")
			s.set(end)
			s.dies()
			if called {
				ref := image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}
				if err := s.cloud.View(first).Permit(t.Context(), ref, nil, []image.AccountID{second, third}); err != nil {
					t.Fatal(err)
				}
			}
			s.set(end.Add(time.Minute + plan.Grace - time.Second))
			if report := s.tick(); len(s.removals()) != 0 || len(report.Failed) != 0 {
				t.Errorf("the dead one may still be at it: %v, %+v", s.removals(), report)
			}
			s.set(end.Add(time.Minute + plan.Grace))
			for range 2 {
				if report := s.tick(); len(report.Failed)+len(report.Drift)+len(report.Kept) != 0 {
					t.Errorf("%+v", report)
				}
			}
			want := 1
			if called {
				want = 0 // it was done already, past those who are counted
			}
			seen := s.call("share.get", map[string]any{"imageId": "m-web"})
			if got := s.removals(); len(got) != want || len(seen.Accounts)+len(seen.Gone) != 0 || seen.Unfinished != nil {
				t.Errorf("%d removals, want %d; %+v", len(got), want, seen)
			}
		})
	}
}

func TestRemoveIfUnusedNeedsProof(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.until(end, "removeIfUnused")
	s.set(end)
	for range 2 {
		report := s.tick()
		if len(report.Kept) != 1 || report.Kept[0].Grantee != third || report.Kept[0].Reasons[0].Code != "expiredUseUnknown" || len(report.Failed) != 0 {
			t.Errorf("%+v", report)
		}
	}
	if got := s.removals(); len(got) != 1 || !strings.Contains(got[0], string(second)) || strings.Contains(got[0], string(third)) {
		t.Errorf("removals %v", got)
	}
}

func TestRemoveIfUnusedLeavesWhoUsesIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.until(end, "removeIfUnused")
	s.runs(second, "m-web")
	s.set(end)
	report := s.tick()
	if len(report.Kept) != 2 || report.Kept[0].Reasons[0].Code != "expiredStillUsed" || len(s.removals()) != 0 {
		t.Errorf("%+v, removals %v", report, s.removals())
	}
}

func TestRemoveIfUnusedWhileTheOwnerUsesIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.until(end, "removeIfUnused")
	s.runs(first, "m-web")
	s.set(end)
	report := s.tick()
	if len(report.Removed) != 1 || report.Removed[0].Grantee != second || len(report.Kept) != 1 || len(s.removals()) != 1 {
		t.Errorf("%+v, removals %v", report, s.removals())
	}
}

// many makes n images, each shared with third until a time.
func (s *stage) many(n int, end time.Time) {
	s.t.Helper()
	for k := range n {
		id := image.ID(fmt.Sprintf("m-many%02d", k))
		s.cloud.AddImage(first, "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{
			Ref: image.Ref{ID: id}, Kind: image.KindCustom, Disks: []image.DiskMapping{{System: true, SizeGiB: 40, Encrypted: image.No}},
		}})
		terms := map[string]any{"accountId": third, "until": end.AddDate(0, 0, k%2).Format(time.RFC3339), "onExpiry": "remove"}
		if _, done := s.applyPut(map[string]any{"imageId": id, "accounts": []map[string]any{terms}}); !done.Complete {
			s.t.Fatalf("%+v", done)
		}
	}
}

func TestARunOutOfTimeLeavesTheRest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.many(40, end)
	s.set(end)
	s.slow = 6 * time.Second // each removal takes so long, of a minute
	report := s.tick()
	if report.Left == 0 || report.Images+report.Left < 40 || len(report.Failed) != 0 {
		t.Errorf("%d looked at, %d left, %+v failed", report.Images, report.Left, report.Failed)
	}
	for _, r := range report.Removed {
		if r.ID[len(r.ID)-1]%2 != 0 {
			t.Errorf("%s is not over", r.ID)
		}
	}
	s.slow = 0
	s.set(end.Add(time.Hour))
	if report := s.tick(); report.Left != 0 || len(report.Failed) != 0 || len(s.removals()) != 20 {
		t.Errorf("%d removals; %d left, %+v failed", len(s.removals()), report.Left, report.Failed)
	}
}

func TestWhatIsOverComesFirstAndTheOthersTakeTurns(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.many(6, end.AddDate(1, 0, 0))
	s.until(end, "remove")
	s.set(end)
	begun := map[image.ID]bool{}
	for range 6 {
		d, err := s.handler().session(t.Context(), function.Call{Region: "cn-hangzhou"}, subject{})
		if err != nil {
			t.Fatal(err)
		}
		targets, err := d.journal.Subjects(t.Context(), "share/")
		if err != nil {
			t.Fatal(err)
		}
		order := (&expiryRun{session: d, Expiry: sharing.NewExpiry(s.clock.Now())}).recall(t.Context(), targets)
		if len(order) != 7 || order[0].ID != "m-web" {
			t.Fatalf("%+v", order)
		}
		begun[order[1].ID] = true
		s.clock.Advance(time.Minute)
	}
	if len(begun) != 6 {
		t.Errorf("runs began with %v", begun)
	}
}

func TestDriftIsReported(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.until(start().AddDate(1, 0, 0), "remove")
	s.clock.Advance(time.Hour)
	ref := image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}
	if err := s.cloud.View(first).Permit(context.Background(), ref, []image.AccountID{"1000000000000004"}, []image.AccountID{second}); err != nil {
		t.Fatal(err)
	}
	report := s.tick()
	said := ""
	for _, d := range report.Drift {
		said += string(d.Grantee) + " " + d.Code + "; "
	}
	if said != "1000000000000002 endedOutside; 1000000000000004 sharedOutside; " || len(s.removals()) != 0 {
		t.Errorf("%s removals %v", said, s.removals())
	}
}

func TestImagesThatWereOnlyEverSharedElsewhereAreDrift(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	web, theirs := image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}, image.Ref{Account: second, Region: "cn-hangzhou", ID: "m-theirs"}
	if got := s.tick().Unrecorded; !slices.Equal(got, []image.Ref{web, theirs}) {
		t.Errorf("nothing is recorded: %v", got)
	}
	if _, done := s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second, third)}); !done.Complete {
		t.Fatalf("%+v", done)
	}
	s.clock.Advance(24 * time.Hour)
	if report := s.tick(); !slices.Equal(report.Unrecorded, []image.Ref{theirs}) || len(report.Drift) != 1 || report.Drift[0].Code != "sharedOutside" {
		t.Errorf("one of m-web's is recorded: %v, %+v", report.Unrecorded, report.Drift)
	}
	if _, done := s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second), "evenIfUsed": []string{string(third)}}); !done.Complete {
		t.Fatalf("%+v", done)
	}
	s.clock.Advance(24 * time.Hour)
	if got := s.tick().Unrecorded; !slices.Equal(got, []image.Ref{web, theirs}) {
		t.Errorf("none is left that is recorded: %v", got)
	}
}

func TestAnImageThatIsGoneIsDrift(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.until(start().AddDate(0, 1, 0), "remove")
	s.delete("m-web")
	s.set(start().AddDate(0, 2, 0))
	report := s.tick()
	if len(report.Drift) != 2 || report.Drift[0].Code != "imageGone" || len(report.Failed) != 0 {
		t.Errorf("%+v", report)
	}
}

func TestARunTellsWhatItRemovedThoughTheJournalFails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.until(end, "remove")
	s.set(end)
	s.breaks = func(line []byte) bool { return strings.Contains(string(line), `"kind":"happened"`) }
	report := s.tick()
	if len(report.Removed) != 2 || report.Removed[0].Result != plan.Applied || len(report.Failed) != 1 {
		t.Errorf("%+v", report)
	}
}

func TestAShareWhoseJournalCannotBeReadIsNotSaidToBeUnrecorded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.until(start().AddDate(1, 0, 0), "remove")
	log := filepath.Join(s.folder, filepath.FromSlash(sharing.Target(image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}))+".log")
	if err := os.Remove(filepath.Join(log, "000000000.json")); err != nil {
		t.Fatal(err)
	}
	report := s.tick()
	if len(report.Failed) != 1 || report.Failed[0].ID != "m-web" || slices.ContainsFunc(report.Unrecorded, func(r image.Ref) bool { return r.ID == "m-web" }) {
		t.Errorf("failed %+v, unrecorded %v", report.Failed, report.Unrecorded)
	}
}

// dim is an account whose own images are not shown so many times.
type dim struct {
	viewed
	mu    *sync.Mutex
	times int
}

func (d *dim) dark() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times--
	return d.times >= 0
}

func (d *dim) Look(ctx context.Context, r image.Ref) (image.Image, []image.Grant, error) {
	if d.dark() {
		return image.Image{}, nil, fault.New(fault.NotFound, "no image %s", r.ID)
	}
	return d.viewed.Look(ctx, r)
}

func (d *dim) Images(ctx context.Context, in image.RegionID, which image.Listing) ([]image.Image, error) {
	if d.dark() {
		return nil, nil
	}
	return d.viewed.Images(ctx, in, which)
}

func TestAnImageThatIsNotShownIsNotSaidToBeGone(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"once": 1, "again": 2, "never": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.until(start().AddDate(0, 1, 0), "remove")
			s.set(start().AddDate(0, 2, 0))
			s.watch = func(a viewed) viewed { return &dim{viewed: a, mu: &sync.Mutex{}, times: times} }
			report := s.tick()
			if len(report.Drift) != 0 || len(s.removals()) != 0 || !slices.ContainsFunc(report.Failed, func(f sharing.Failure) bool { return f.ID == "m-web" }) {
				t.Errorf("%+v", report)
			}
		})
	}
}
