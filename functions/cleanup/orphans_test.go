package main

import (
	"context"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/retention"
)

// orphanRules are about snapshots that images left.
func orphanRules() retention.Ruling {
	return retention.Ruling{
		Document: retention.Document{
			Mode: retention.ModeDelete, Notify: []string{"platform"},
			Rules: []retention.Rule{{Name: "orphans", Match: retention.Match{Snapshots: retention.Orphaned}, Remove: retention.Remove{OlderThan: days(30)}}},
		},
		Approver: func(rule string) string { return "rule:" + rule + "@etag" },
	}
}

// looks runs the timer schedule, once in a while.
func (s *stage) looks(times int, every time.Duration) {
	s.t.Helper()
	for range times {
		s.event(map[string]any{"triggerTime": s.clock.Now().Format(time.RFC3339), "triggerName": "schedule", "payload": ""})
		s.tick(1)
		s.clock.Advance(every)
	}
}

// locks puts a lock on a snapshot.
func (s *stage) locks(id image.SnapshotID) {
	s.t.Helper()
	if _, err := s.cloud.As(cloudsim.Caller{Account: first, Type: "Account"}).LockSnapshot(cloudsim.LockSnapshotRequest{RegionID: region, SnapshotID: id, Mode: "compliance", Days: 400}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) snapshot(id image.SnapshotID) (image.Snapshot, bool) {
	s.t.Helper()
	rows, err := s.cloud.View(first).Snapshots(s.t.Context(), region, image.SnapshotListing{IDs: []image.SnapshotID{id}})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(rows) == 0 {
		return image.Snapshot{}, false
	}
	return rows[0], true
}

// gone deletes an image as somebody does who does not know cleanup: its snapshots stay.
func (s *stage) gone(id image.ID) {
	s.t.Helper()
	if err := s.cloud.View(first).DeleteImage(s.t.Context(), region, id); err != nil {
		s.t.Fatal(err)
	}
	s.clock.Advance(time.Minute)
}

// A snapshot that an image of ours left, as the looks tell, is announced and goes; one
// that nobody saw in an image, and one that anything needs, stays.
func TestSnapshotsThatImagesLeft(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rules = orphanRules()
	s.cloud.AddSnapshot(first, region, image.Snapshot{ID: "s-lone", Name: "by hand", CreatedAt: start().AddDate(-1, 0, 0)})
	s.looks(1, time.Hour)
	for _, id := range []image.ID{"m-web1", "m-web2", "m-web3", "m-web4"} {
		s.gone(id)
	}
	s.cloud.AddImage(first, region, cloudsim.ImageSpec{Image: image.Image{
		Ref: image.Ref{ID: "m-other"}, Kind: image.KindCustom, Name: "stands-on-it", CreatedAt: s.clock.Now(),
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-web2", Encrypted: image.No}},
	}})
	if err := s.cloud.View(first).Tag(t.Context(), region, "snapshot", []string{"s-web3"}, image.Tags{"imagekeeper:backup": "r-1"}); err != nil {
		t.Fatal(err)
	}
	s.locks("s-web4")
	s.looks(1, 24*time.Hour)
	s.looks(28, 24*time.Hour)
	if list := s.call("cleanups.list", map[string]any{}); len(list.Items) != 0 {
		t.Fatalf("before its time: %+v", list.Items)
	}
	s.looks(3, 24*time.Hour)
	row, there := s.snapshot("s-web1")
	if !there || row.Tags[retention.TagCleanup] == "" || len(s.told) == 0 {
		t.Fatalf("it was not marked and announced: %v, %v, %d", there, row.Tags, len(s.told))
	}
	s.looks(12, 24*time.Hour)
	if _, there := s.snapshot("s-web1"); !there {
		t.Fatal("it went before the grace was over")
	}
	s.looks(3, 24*time.Hour)
	for id, stays := range map[image.SnapshotID]bool{"s-web1": false, "s-web2": true, "s-web3": true, "s-web4": true, "s-lone": true, "s-web0": true, "s-web5": true} {
		if row, there := s.snapshot(id); there != stays || there && row.Tags[retention.TagCleanup] != "" {
			t.Errorf("%s: there %v, want %v; %v", id, there, stays, row.Tags)
		}
	}
}

// One reason to keep it, at any time before, and the mark is taken off.
func TestSnapshotsThatAreNeededAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rules = orphanRules()
	s.looks(1, time.Hour)
	s.gone("m-web1")
	s.looks(33, 24*time.Hour)
	if row, _ := s.snapshot("s-web1"); row.Tags[retention.TagCleanup] == "" {
		t.Fatal("it was not marked")
	}
	s.cloud.AddImage(first, region, cloudsim.ImageSpec{Image: image.Image{
		Ref: image.Ref{ID: "m-other"}, Kind: image.KindCustom, Name: "stands-on-it", CreatedAt: s.clock.Now(),
		Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-web1", Encrypted: image.No}},
	}})
	s.looks(20, 24*time.Hour)
	if row, there := s.snapshot("s-web1"); !there || row.Tags[retention.TagCleanup] != "" {
		t.Errorf("there %v, %v", there, row.Tags)
	}
}

// An encrypted image goes while its key is there, and stays when that is gone: the bin
// could not bring it back.
func TestKeys(t *testing.T) {
	t.Parallel()
	const mine = "key-hzz1234567890abcdefgh"
	for state, code := range map[cloudsim.KeyState]string{cloudsim.KeyEnabled: "", cloudsim.KeyPendingDeletion: "keyGone", cloudsim.KeyDeleted: "keyGone", cloudsim.KeyDisabled: "keyGone"} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cloud.AddImage(first, region, cloudsim.ImageSpec{KMSKey: mine, Image: image.Image{
				Ref: image.Ref{ID: "m-secret"}, Kind: image.KindCustom, Name: "secret", CreatedAt: start().AddDate(-1, 0, 0),
				Disks: []image.DiskMapping{{System: true, SizeGiB: 40, SnapshotID: "s-secret", Encrypted: image.Yes}},
			}})
			s.cloud.SetKey(first, region, mine, state)
			p := s.call("cleanups.create", map[string]any{"images": []string{"m-secret"}})
			step := p.Plan.Steps[0]
			if code == "" && step.Action != "mark" || code != "" && (step.Action != "refuse" || step.Reasons[0].Code != code) {
				t.Errorf("%s: %s %v", state, step.Action, step.Reasons)
			}
		})
	}
}

// What import's journal says of channels counts, whatever the tag says; where it cannot
// be read nothing goes.
func TestChannelsOfTheJournal(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	store := s.objects()
	log := journal.New(store, s.clock.Now, func() string { return "r" })
	put := func(position int, entry any) {
		t.Helper()
		if err := log.Append(context.Background(), "release/web", position, entry); err != nil {
			t.Fatal(err)
		}
	}
	put(0, map[string]any{
		"kind": "approved", "digest": "d", "by": "ann", "at": start(),
		"plan": map[string]any{"target": "release/web", "steps": []any{map[string]any{"action": "promote", "subject": "cn-hangzhou/m-web1", "sets": map[string]any{"stable/cn-hangzhou": "m-web1"}}}},
	})
	put(1, map[string]any{"kind": "finished", "digest": "d", "at": start(), "outcomes": []any{map[string]any{"step": "promote cn-hangzhou/m-web1", "result": "applied"}}})
	step := func() stepOut {
		return s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}}).Plan.Steps[0]
	}
	if is := step(); is.Action != "refuse" || is.Reasons[0].Code != "inChannel" {
		t.Errorf("%s %v", is.Action, is.Reasons)
	}
	put(2, "no entry")
	if is := step(); is.Action != "refuse" || is.Reasons[0].Code != "journalUnreadable" {
		t.Errorf("%s %v", is.Action, is.Reasons)
	}
}
