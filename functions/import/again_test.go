package main

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/scripts/drawn"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer/bearertest"
	"imagekeeper/shared/image"
	"imagekeeper/shared/work"
)

// setback is how an import ends the first time, and what of it the second goes on with.
type setback struct {
	happens func(s *stage, m met) bool
	fates   func(m met) error
	state   work.State
	// mend takes away what kept it from its end.
	mend func(s *stage)
	// kept: the image at home is that of the first time.
	kept bool
}

func setbacks() map[string]setback {
	cancels := func(call string) func(*stage, met) bool {
		return as(call, func(s *stage) { s.call("imports.cancel", object{"id": s.id}) })
	}
	boots := func(boot cloudsim.Boot) func(*stage) {
		return func(s *stage) {
			for _, i := range s.things("cn-hangzhou").images {
				s.cloud.SetBoot(i.ID, boot)
			}
		}
	}
	none := func(*stage) {}
	return map[string]setback{
		"its command failed":   {happens: as("ImportImage", boots(cloudsim.BootCommandFails)), state: work.Failed, mend: boots(cloudsim.BootOK), kept: true},
		"it never came up":     {happens: as("ImportImage", boots(cloudsim.BootNever)), state: work.Failed, mend: boots(cloudsim.BootOK), kept: true},
		"no type was in stock": {fates: refusing("Launch", "OperationDenied.NoStock"), state: work.Failed, mend: none, kept: true},
		"a copy was refused":   {fates: refusing("CopyImage", "QuotaExceed.Image"), state: work.Partly, mend: none, kept: true},
		"a share was refused":  {fates: refusing("Permit", "InvalidAccount.NotFound"), state: work.Failed, mend: none, kept: true},
		"ECS could not":        {happens: as("Head", func(s *stage) { s.cloud.FailNext(own, 1) }), state: work.Failed, mend: none},
		"it was cancelled while ECS was at it": {
			happens: cancels("ImportImage"), state: work.Aborted, mend: none,
		},
		"it was cancelled during its test": {happens: cancels("RunCommand"), state: work.Aborted, mend: none},
		"its image was deleted": {happens: as("Launch", func(s *stage) {
			for _, i := range s.things("cn-hangzhou").images {
				if err := s.session().DeleteImage(cloudsim.DeleteImageRequest{RegionID: "cn-hangzhou", ImageID: i.ID, Force: true}); err != nil {
					s.t.Error(err)
				}
				for _, d := range i.Disks {
					if err := s.cloud.View(own).DeleteSnapshot(s.t.Context(), "cn-hangzhou", d.SnapshotID); err != nil {
						s.t.Error(err)
					}
				}
			}
		}), state: work.Failed, mend: none},
	}
}

// After an import has ended without all of it the plan of the same wish is another one,
// whose base has that end; applied, it goes on from the last level that still holds, and
// comes to one whole import. The same plan applied again begins nothing.
func TestGoesOn(t *testing.T) {
	for name, c := range setbacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { goesOn(t, c) })
		})
	}
}

func goesOn(t *testing.T, c setback) {
	s := newStage(t)
	first := s.call("imports.post", wish("web-1")).Plan.Digest
	story := s.begin(wish("web-1"))
	s.id = story.id
	var over atomic.Bool
	s.arm(func(m met) (fate, how) {
		if c.fates != nil {
			if err := c.fates(m); err != nil {
				return refused, how{err: err}
			}
		}
		return passes, how{}
	}, func(m met, err error) {
		if err == nil && c.happens != nil && !over.Load() {
			over.Store(true)
			over.Store(c.happens(s, m))
		}
	})
	before := story.live(300, 5)
	if before.State != c.state {
		t.Fatalf("it is %s: %+v", before.State, before.Items)
	}
	s.arm(nil, nil)
	c.mend(s)
	time.Sleep(time.Hour) // whatever AutoReleaseTime deletes
	if again := s.call("imports.post", with(wish("web-1"), "apply", object{"digest": first})); again.State != c.state {
		t.Errorf("the first plan again: %+v", again)
	}
	p := s.call("imports.post", wish("web-1"))
	if p.Plan.Digest == first || !p.Plan.Applicable || p.Plan.Base["last"] != first {
		t.Fatalf("the plan is %+v, %+v, and was %s", p.Plan, p.Findings, first)
	}
	if a := s.call("imports.post", with(wish("web-1"), "apply", object{"digest": p.Plan.Digest})); a.ID != story.id {
		t.Fatalf("it is %+v, and was %s", a, story.id)
	}
	a := s.end("imports", story.id)
	s.whole(a)
	if c.kept != (a.Items[0].ImageID == before.Items[0].ImageID) {
		t.Errorf("the image is %s, and was %s", a.Items[0].ImageID, before.Items[0].ImageID)
	}
}

// The event of an upload whose import failed starts nothing, however often it comes.
func TestTheSameEventStartsNothing(t *testing.T) { synctest.Test(t, theSameEvent) }

func theSameEvent(t *testing.T) {
	s := newStage(t)
	s.rules = rulesTo("candidate")
	s.upload("incoming/web_1.raw", 0x83)
	s.cloud.FailNext(own, 1)
	id := s.told("incoming/web_1.raw").Items[0].ID
	if a := s.end("imports", id); a.State != work.Failed {
		t.Fatalf("%+v", a)
	}
	for _, later := range []time.Duration{0, time.Hour, 48 * time.Hour} {
		time.Sleep(later)
		one := s.told("incoming/web_1.raw").Items[0]
		if one.ID != id || one.State != work.Failed || one.Reasons[len(one.Reasons)-1].Code != "alreadyImported" {
			t.Errorf("after %v: %+v", later, one)
		}
		s.tick()
	}
	if _, a := s.get("/imports/" + id); a.State != work.Failed || len(s.imports()) != 1 || len(s.things("cn-hangzhou").images) != 1 {
		t.Errorf("%+v, %v", a, s.imports())
	}
}

// DELETE in the states between which nothing is called: what was not begun is gone, what
// was given to somebody is refused, and what has ended tells so again.
func TestDeleteByState(t *testing.T) {
	for name, c := range map[string]struct {
		two    bool
		shares []string // with whom it is to be shared at home alone; empty: as wished
		until  func(s *stage)
		status int
		code   string
		ends   work.State
		gone   bool // what was left is
	}{
		"awaitingApproval": {two: true, until: func(*stage) {}, status: http.StatusAccepted, ends: work.Aborted},
		"queued":           {until: func(*stage) {}, status: http.StatusAccepted, ends: work.Aborted},
		"failed": {until: func(s *stage) {
			s.cloud.FailNext(own, 1)
			s.ends()
		}, status: http.StatusAccepted, ends: work.Aborted, gone: true},
		"failed by its test": {until: func(s *stage) {
			s.tick()
			for _, i := range s.things("cn-hangzhou").images {
				s.cloud.SetBoot(i.ID, cloudsim.BootCommandFails)
			}
			s.ends()
		}, status: http.StatusAccepted, ends: work.Aborted, gone: true},
		"partly": {until: func(s *stage) {
			s.arm(func(m met) (fate, how) {
				if m.name == "CopyImage" {
					return refused, how{err: fault.New(fault.Precondition, "refused").WithCode("QuotaExceed.Image")}
				}
				return passes, how{}
			}, nil)
			s.ends()
		}, status: http.StatusConflict, code: "alreadyReleased", ends: work.Partly},
		"failed after one of two got it": {
			shares: []string{string(other), "9999999999999999"}, until: (*stage).ends, status: http.StatusConflict, code: "alreadyReleased", ends: work.Failed,
		},
		"failed before anybody got it": {
			shares: []string{"9999999999999999"}, until: (*stage).ends, status: http.StatusAccepted, ends: work.Aborted, gone: true,
		},
		"finished": {until: (*stage).ends, status: http.StatusConflict, code: "alreadyReleased", ends: work.Finished},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				key, err := bearertest.NewEC("only")
				if err != nil {
					t.Fatal(err)
				}
				s.key, s.words, s.two = &key, &words{met: map[string]bool{}}, c.two
				s.id = s.posted(http.MethodPost, "/imports", sharedWith(c.shares)).ID
				target := "/imports/" + s.id
				c.until(s)
				images := len(s.things("cn-hangzhou").images)
				if c.gone && images == 0 {
					t.Error("nothing was left")
				}
				if a := s.do(http.MethodDelete, target, nil); a.status != c.status || a.Code != c.code {
					t.Errorf("%d %v", a.status, a.body)
				}
				for range 5 {
					s.tick()
				}
				if c.gone {
					images = 0
					s.nothing()
				}
				again := s.do(http.MethodDelete, target, nil)
				if c.code == "" && (again.status != http.StatusOK || again.State != c.ends) || again.Code != c.code {
					t.Errorf("again: %d %v", again.status, again.body)
				}
				if a := s.do(http.MethodGet, target, nil); a.State != c.ends || len(s.things("cn-hangzhou").images) != images {
					t.Errorf("%+v; %d images, and there were %d", a.body, len(s.things("cn-hangzhou").images), images)
				}
			})
		})
	}
}

// sharedWith is an import at home alone, for these accounts; of none it is the usual one.
func sharedWith(accounts []string) object {
	wish := wished("web-1")
	if len(accounts) > 0 {
		var with []any
		for _, id := range accounts {
			with = append(with, map[string]string{"accountId": id})
		}
		wish["release"] = map[string]any{"share": map[string]any{"accounts": with}}
	}
	return wish
}

// ends carries the work that was begun last, whose state somebody asks for over HTTP.
func (s *stage) ends() {
	s.t.Helper()
	for range 200 {
		if s.do(http.MethodGet, "/imports/"+s.id, nil).State.Ended() {
			return
		}
		s.work(&door{stage: s})
		time.Sleep(time.Minute)
	}
	s.t.Fatal("it has not ended")
}

// Two DELETEs at once, at whatever call: both are told the same, and nothing is left.
func TestTwoDeletesAtOnce(t *testing.T) {
	for _, call := range drawn.Some(t, []string{"ImportImage", "Task", "Images", "Launch", "RunCommand", "Invocation", "Terminate", "Tag image"}, 2) {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { twoDeletes(t, call) })
		})
	}
}

func twoDeletes(t *testing.T, call string) {
	s := newStage(t)
	story := s.begin(wish("web-1"))
	var once atomic.Bool
	var mu sync.Mutex
	var told []work.State
	s.arm(nil, func(m met, _ error) {
		if m.name != call || !once.CompareAndSwap(false, true) {
			return
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				a := s.call("imports.cancel", object{"id": story.id})
				mu.Lock()
				defer mu.Unlock()
				if a.Code != "" {
					t.Errorf("%+v", a)
				}
				told = append(told, a.State)
			})
		}
		both.Wait()
	})
	a := story.live(200, 1)
	s.nothing()
	if !slices.Equal(told, []work.State{work.Aborting, work.Aborting}) || a.State != work.Aborted {
		t.Errorf("told %v, and it is %s: %+v", told, a.State, a.Items)
	}
	for _, i := range a.Items {
		if i.Result != "failed" || i.Reason == nil || i.Reason.Code != "aborted" {
			t.Errorf("%+v", i)
		}
	}
	if r := image.RegionID("cn-hangzhou"); len(s.things(r).instances) > 0 {
		t.Error("an instance is left")
	}
}
