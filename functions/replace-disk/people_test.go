package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
)

// both apply a plan as two people: it fails unless the first, by two tokens, changes
// nothing, and the second has it begun.
func (s *stage) both(target string, wish object) reply {
	s.t.Helper()
	apply := with(wish, "apply", object{"digest": s.plan(target, wish).Plan.Digest})
	by := func(subject string, body object) reply {
		return s.as(s.token(subject, function.Fleet), http.MethodPost, target, body)
	}
	var first reply
	for range 2 {
		if first = by("ann", apply); first.status != http.StatusAccepted || first.State != "awaitingApproval" || len(first.ApprovedBy) != 1 {
			s.t.Fatalf("%s by ann: %d %+v", target, first.status, first)
		}
		s.tick()
	}
	if a := by("bob", with(wish, "apply", object{"digest": strings.Repeat("0", 64)})); a.status < http.StatusBadRequest {
		s.t.Errorf("%s by another digest: %d %+v", target, a.status, a)
	}
	if a := s.get(first.ID); a.State != "awaitingApproval" {
		s.t.Errorf("%s is %s before somebody else approved it", target, a.State)
	}
	second := by("bob", apply)
	if second.status != http.StatusAccepted || second.State != "queued" || len(second.ApprovedBy) != 2 || second.ID != first.ID {
		s.t.Fatalf("%s by bob: %d %+v", target, second.status, second)
	}
	return second
}

// TestTwoPeople: a rollout, its undo and its retry take two people each; brakes and what
// ends a rollout take one, and so does a resume.
func TestTwoPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.two = true
		ids := s.fleet(s.home(), 2)
		order := func(id, verb string, want ...string) {
			t.Helper()
			for range 2 { // repeated, it is obeyed
				a := s.as(s.token("ann", function.Fleet), http.MethodPost, "/rollouts/"+id+"/"+verb, object{"reason": "a test"})
				if a.status != http.StatusOK || !strings.Contains(strings.Join(want, " "), a.State) {
					t.Errorf("%s: %d %+v", verb, a.status, a)
				}
			}
		}
		wish := with(s.wish(ids...), "strategy", object{"maxUnavailable": 2})
		id := s.both("/rollouts", wish).ID
		order(id, "pause", "paused")
		order(id, "resume", "queued running")
		if a := s.end(id); a.State != "finished" {
			t.Fatalf("%+v", a)
		}
		if a := s.end(s.both("/rollouts/"+id+"/undo", object{}).ID); a.State != "finished" || a.Of != id {
			t.Fatalf("%+v", a)
		}
		more := s.fleet(s.home(), 2)
		s.cloud.SetBoot(s.golden[s.home()], cloudsim.BootSilent)
		bad := s.both("/rollouts", with(s.wish(more...), "onUnhealthy", "undo")).ID // which needs nobody else
		if a := s.end(bad); a.State != "halted" {
			t.Fatalf("%+v", a)
		}
		order(bad, "abort", "aborting", "aborted")
		s.until(bad, "aborted")
		s.cloud.SetBoot(s.golden[s.home()], cloudsim.BootOK)
		if a := s.end(s.both("/rollouts/"+bad+"/retry", object{}).ID); a.State != "finished" || a.Of != bad {
			t.Fatalf("%+v", a)
		}
		last := s.wish(s.fleet(s.home(), 1)...)
		waiting := s.as(s.token("ann", function.Fleet), http.MethodPost, "/rollouts", with(last, "apply", object{"digest": s.plan("/rollouts", last).Plan.Digest})).ID
		order(waiting, "abort", "aborted")
		if a := s.as(s.token("bob", function.Fleet), http.MethodPost, "/rollouts/"+waiting+"/resume", object{"reason": "a test"}); a.status != http.StatusConflict || a.Code != "wrongState" {
			t.Errorf("%d %+v", a.status, a)
		}
	})
}
