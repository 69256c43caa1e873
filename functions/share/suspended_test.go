package main

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function/upkeep"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/sharing"
)

// What somebody decides about shares while cleanup holds them back wins, also where
// nothing has to be changed for it: nobody has access then, and nobody is to have it.
func TestDecidedWhileHeldBack(t *testing.T) {
	t.Parallel()
	ref := image.Ref{Account: cloudsim.FirstAccount, Region: "cn-hangzhou", ID: "m-web"}
	for name, c := range map[string]struct {
		decides bool
		grants  int
		left    []image.AccountID
	}{
		"nobody decides":     {false, 1, nil},
		"nobody is to share": {true, 0, []image.AccountID{second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			store, err := journal.OpenDirectory(s.folder)
			if err != nil {
				t.Fatal(err)
			}
			g := upkeep.Giver{
				Journal: journal.New(store, time.Now, rand.Text), Now: s.clock.Now, Pause: func(context.Context, time.Duration) error { return nil },
				Cloud: func(_ context.Context, a image.AccountID) (sharing.Cloud, error) { return s.cloud.View(a), nil },
			}
			s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(), "evenIfUsed": []string{string(second)}})
			s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second)})
			if err := g.Suspend(t.Context(), ref, "cleanup/1"); err != nil {
				t.Fatal(err)
			}
			nothing := map[string]any{"imageId": "m-web", "accounts": accounts()}
			if p := s.call("share.put", nothing); p.Plan.Changes != 0 || !p.Plan.Applicable {
				t.Fatalf("%+v", p)
			}
			if c.decides {
				for range 2 {
					if _, done := s.applyPut(nothing); !done.Complete || len(done.Outcomes) != 0 {
						t.Errorf("%+v", done)
					}
				}
			}
			left, err := g.Resume(t.Context(), ref, "cleanup/1", []image.AccountID{second}, false)
			seen := s.call("share.get", map[string]any{"imageId": "m-web", "history": true})
			if err != nil || !slices.Equal(left, c.left) || len(seen.Accounts) != c.grants {
				t.Errorf("%v: left %v, shared with %+v\n%+v", err, left, seen.Accounts, seen.History)
			}
		})
	}
}
