package main

import (
	"net/http"
	"slices"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/image"
	"imagekeeper/shared/rollout"
)

// says reports whether a plan has a finding or a reason of a code.
func (a reply) says(code string) bool {
	is := func(r image.Reason) bool { return r.Code == code }
	return slices.ContainsFunc(a.Findings, func(f image.Finding) bool { return is(f.Reason) }) ||
		slices.ContainsFunc(a.Plan.Steps, func(s step) bool { return slices.ContainsFunc(s.Reasons, is) })
}

// refuses: what a plan refuses or warns of is told with its code, and an apply of it is
// refused by that.
func refuses(s *stage) {
	t, at := s.t, s.home()
	ids := s.fleet(at, 120)
	theirs := s.cloud.AddImage("1000000000000009", at.Region, cloudsim.ImageSpec{
		Image: image.Image{Name: "theirs", SizeGiB: 40, OSType: image.Linux}, SharedWith: []image.AccountID{own},
	})
	s.cloud.SetBoot(s.old[at], cloudsim.BootSilent)
	silent := s.fleet(at, 1)
	s.cloud.SetBoot(s.old[at], cloudsim.BootOK)
	if err := s.cloud.View(own).Tag(t.Context(), at.Region, "instance", []string{string(ids[1])}, image.Tags{rollout.TagNoReplace: ""}); err != nil {
		t.Fatal(err)
	}
	to := func(target object, id image.InstanceID) object {
		return object{"select": object{"id": []image.InstanceID{id}}, "to": target}
	}
	for name, c := range map[string]struct {
		wish object
		want string
		may  bool
	}{
		"nobody released it":        {to(object{"family": "web"}, ids[0]), "noRelease", false},
		"an image of nobody":        {to(object{"image": "m-bp1none"}, ids[0]), "imageNotInRegion", false},
		"more than can be undone":   {s.wish(ids...), "undoLimited", false},
		"all the same":              {with(s.wish(ids...), "evenIfUndoLimited", true), "undoLimited", true},
		"nobody answers in there":   {with(s.wish(silent...), "hooks", object{"before": "true"}), "assistantMissing", false},
		"somebody else's image":     {to(object{"image": theirs}, ids[0]), "ownerMayWithdraw", true},
		"one that is left in peace": {to(object{"image": s.golden[at]}, ids[1]), "optedOut", false},
	} {
		plan := s.do(http.MethodPost, "/rollouts", c.wish)
		if plan.Plan == nil || !plan.says(c.want) || plan.Plan.Applicable != c.may {
			t.Errorf("%s: %+v", name, plan)
			continue
		}
		if c.may {
			continue
		}
		if a := s.do(http.MethodPost, "/rollouts", with(c.wish, "apply", object{"digest": plan.Plan.Digest})); a.status != http.StatusUnprocessableEntity || a.Code != c.want {
			t.Errorf("%s, applied: %d %+v", name, a.status, a)
		}
	}
}

// ends: a rollout halts at an image that was withdrawn, and can be undone by the old image,
// by its backups as long as there are any.
func ends(s *stage) {
	t, at := s.t, s.home()
	done := s.applied("/rollouts", s.wish(s.fleet(at, 1)...)).ID
	s.end(done)
	if a := s.do(http.MethodPost, "/rollouts/"+done+"/undo", object{"to": "previousImage"}); !a.Plan.Applicable || !a.says("previousImage") {
		t.Errorf("%+v", a)
	}
	next := s.applied("/rollouts", s.wish(s.fleet(at, 1)...)).ID
	if err := s.cloud.View(own).ModifyImage(t.Context(), at.Region, s.golden[at], image.AttributeChange{Deprecated: new(true)}); err != nil {
		t.Fatal(err)
	}
	if a := s.end(next); a.State != "halted" || a.Reason.Code != "targetWithdrawn" {
		t.Errorf("%+v", a)
	}
	time.Sleep(8 * 24 * time.Hour)
	if a := s.do(http.MethodPost, "/rollouts/"+done+"/undo", object{}); a.Plan.Applicable || !a.says("backupExpired") {
		t.Errorf("%+v", a)
	}
}
