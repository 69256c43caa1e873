package main

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
)

// words are what was met in answers: statuses, states, results, codes of problems and
// members.
type words struct{ met map[string]bool }

func newWords() *words { return &words{map[string]bool{}} }

func (w *words) note(status int, body object) {
	w.met["status "+strconv.Itoa(status)] = true
	if code, is := body["code"].(string); is && status >= 400 {
		w.met["code "+code] = true
	}
	w.walk("", body)
}

func (w *words) walk(path string, v any) {
	switch v := v.(type) {
	case object:
		for name, value := range v {
			if text, is := value.(string); is && slices.Contains([]string{"state", "result", "action", "level"}, name) {
				w.met[name+" "+text] = true
			}
			if text, is := value.(string); is && name == "code" && path != "" {
				w.met["reason "+text] = true
			}
			w.met[strings.TrimPrefix(path+"."+name, ".")] = true
			w.walk(path+"."+name, value)
		}
	case []any:
		for _, one := range v {
			w.walk(path, one)
		}
	}
}

// wanted are the words of the API as it is agreed upon for long work, and those of
// rollouts.
func wanted() []string {
	return strings.Fields(strings.NewReplacer("\n", " ", "\t", " ").Replace(`
		plan.digest plan.changes plan.applicable plan.steps plan.steps.action plan.steps.reasons plan.steps.reasons.code plan.steps.reasons.sentence
		plan.steps.remedy plan.steps.wave plan.steps.accountId plan.steps.regionId plan.steps.instanceId plan.steps.imageId plan.steps.to plan.base
		plan.steps.backupSnapshotId plan.steps.launchTemplateId
		findings.level findings.code findings.sentence findings.remedy totals.selected totals.replace totals.skip totals.refuse totals.waves totals.minutes
		totals.quotaMinutes totals.undoWithinQuota totals.lost totals.restored totals.follow totals.notFollowed.patch totals.cost.licencePerHour
		totals.cost.backups.upper unknown nextCursor id state digest of approvedBy approvedAt startedAt endedAt validUntil progress.done progress.of
		items.level items.result items.reason items.since items.action items.instanceId items.accountId items.regionId items.imageId items.to items.reason.code items.reason.sentence items.wave items.backupSnapshotId items.undoImageId items.undoing items.launchTemplateId next.at reason.code`))
}

func wantedWords() []string {
	var all []string
	for name, some := range map[string]string{
		"status": "200 202 400 401 403 404 409 422 503", "result": "applied already failed open",
		"state":  "awaitingApproval queued running waiting paused halted aborting aborted finished partly failed",
		"action": "replace skip refuse followLaunchTemplate",
		"code":   "wrongState notFound approvalExpired planGone planChanged planTooLarge moved roleMissing instanceNotSeen noRelease",
		"reason": `moved already targetWithdrawn tooManyFailures tooManyDown window pauseAfter aborted approvalExpired inRollout optedOut noRelease imageNotInRegion
			assistantMissing notTested unhealthy backupExpired notReplaced instanceNotSeen undoLimited ownerMayWithdraw contentOfBackup previousImage`,
		"level": "begun stopped restored started healthy fatal warning",
	} {
		for _, word := range strings.Fields(some) {
			all = append(all, name+" "+word)
		}
	}
	return append(all, wanted()...)
}

// TestEveryWord meets every state, status and member that the API has for rollouts,
// from outside, and fails for each that never comes.
func TestEveryWord(t *testing.T) {
	met := map[string]bool{}
	for name, scenario := range scenarios() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				scenario(s)
				maps.Copy(met, s.words.met)
			})
		})
	}
	for _, word := range wantedWords() {
		if !met[word] {
			t.Errorf("never met: %s", word)
		}
	}
}

func scenarios() map[string]func(*stage) {
	return map[string]func(*stage){
		"a rollout, its undo and their end": finishes, "orders": ordered, "a bad image": halts, "partly and failed": partly, "two people": twoPeople,
		"waits": waits, "mistakes": mistaken, "refusals": refuses, "ends": ends,
	}
}

// finishes: with what follows, a page at a time, asked for again, and undone.
func finishes(s *stage) {
	t, at := s.t, s.home()
	ids := s.fleet(at, 3)
	template := s.cloud.AddLaunchTemplate(at.Account, at.Region, cloudsim.LaunchTemplateSpec{Name: "web", Versions: []cloudsim.TemplateVersionSpec{{Image: s.old[at]}}})
	wish := with(with(s.wish(ids...), "follow", object{"launchTemplates": true}), "strategy", object{"maxUnavailable": 3})
	page := s.do(http.MethodPost, "/rollouts", with(wish, "limit", 2))
	rest := s.do(http.MethodPost, "/rollouts", with(with(wish, "limit", 2), "cursor", page.NextCursor))
	if len(page.Plan.Steps) != 2 || len(rest.Plan.Steps) != 2 || rest.Plan.Digest != page.Plan.Digest {
		t.Errorf("pages: %+v and %+v", page.Plan, rest.Plan)
	}
	begun := s.applied("/rollouts", wish)
	if begun.status != http.StatusAccepted || begun.header.Get("Location") != "/rollouts/"+begun.ID || begun.State != "queued" {
		t.Fatalf("%d %+v", begun.status, begun)
	}
	apply := with(wish, "apply", object{"digest": page.Plan.Digest})
	if again := s.do(http.MethodPost, "/rollouts", apply); again.status != http.StatusAccepted || again.ID != begun.ID {
		t.Errorf("applied again: %d %+v", again.status, again)
	}
	s.until(begun.ID, "running")
	done := s.end(begun.ID)
	if done.State != "finished" || len(done.Items) != 4 {
		t.Fatalf("%+v", done)
	}
	if again := s.do(http.MethodPost, "/rollouts", apply); again.status != http.StatusOK || again.State != "finished" {
		t.Errorf("applied after its end: %d %+v", again.status, again)
	}
	if skipped := s.do(http.MethodPost, "/rollouts", wish); skipped.Totals.Skip != 3 || skipped.Plan.Applicable {
		t.Errorf("%+v", skipped)
	}
	undo := s.applied("/rollouts/"+begun.ID+"/undo", object{})
	if undo.Of != begun.ID {
		t.Errorf("of %s", undo.Of)
	}
	if undone := s.end(undo.ID); undone.State != "finished" {
		t.Fatalf("%+v", undone)
	}
	refs, err := s.cloud.View(at.Account).TemplateVersions(t.Context(), at.Region)
	if err != nil || !slices.ContainsFunc(refs, func(v image.TemplateVersion) bool { return v.Template == template && v.Default && v.Image == s.old[at] }) {
		t.Errorf("%+v, %v", refs, err)
	}
	if a := s.do(http.MethodGet, "/rollouts?state=finished&limit=1", nil); len(a.Items) != 1 || a.NextCursor == "" {
		t.Errorf("%+v", a)
	}
	if a := s.do(http.MethodGet, "/rollouts/"+begun.ID+"?since=2030-01-01T00:00:00Z", nil); len(a.Items) != 0 {
		t.Errorf("%+v", a)
	}
}

// ordered: pause, resume, abort and stop, each also repeated.
func ordered(s *stage) {
	t := s.t
	ids := s.fleet(s.home(), 3)
	id := s.applied("/rollouts", s.wish(ids...)).ID
	s.tick()
	order := func(do string, want string) {
		t.Helper()
		for range 2 {
			if a := s.do(http.MethodPost, "/rollouts/"+id+"/"+do, object{"reason": "a test"}); a.status != http.StatusOK || a.State != want {
				t.Fatalf("%s: %d %+v", do, a.status, a)
			}
		}
	}
	order("pause", "paused")
	s.tick()
	order("resume", "running")
	order("pause", "paused")
	time.Sleep(8 * 24 * time.Hour)
	if a := s.do(http.MethodPost, "/rollouts/"+id+"/resume", object{"reason": "late"}); a.status != http.StatusConflict || a.Code != "approvalExpired" {
		t.Errorf("%d %+v", a.status, a)
	}
	if a := s.do(http.MethodPost, "/rollouts/"+id+"/retry", object{}); a.status != http.StatusConflict || a.Code != "wrongState" {
		t.Errorf("%d %+v", a.status, a)
	}
	order("abort", "aborting")
	if a := s.end(id); a.State != "aborted" {
		t.Errorf("%+v", a)
	}
	if a := s.do(http.MethodPost, "/rollouts/"+id+"/pause", object{"reason": "late"}); a.status != http.StatusConflict || a.Code != "wrongState" {
		t.Errorf("%d %+v", a.status, a)
	}
	next := s.applied("/rollouts", s.wish(s.fleet(s.home(), 1)...)).ID
	if a := s.do(http.MethodPut, "/rollouts/stop", object{"reason": "a test"}); a.status != http.StatusOK {
		t.Errorf("%d %+v", a.status, a)
	}
	s.tick()
	s.tick()
	if a := s.get(next); a.State != "queued" {
		t.Errorf("begun although everything is stopped: %+v", a)
	}
	if a := s.do(http.MethodDelete, "/rollouts/stop", nil); a.status != http.StatusOK {
		t.Errorf("%d %+v", a.status, a)
	}
	if a := s.end(next); a.State != "finished" {
		t.Errorf("%+v", a)
	}
}

// halts: a bad image halts at its canary, whose content comes back.
func halts(s *stage) {
	t := s.t
	ids := s.fleet(s.home(), 3)
	s.cloud.SetBoot(s.golden[s.home()], cloudsim.BootSilent)
	a := s.end(s.applied("/rollouts", with(s.wish(ids...), "onUnhealthy", "undo")).ID)
	if a.State != "halted" || a.Reason == nil || a.Reason.Code != "tooManyFailures" {
		t.Fatalf("%+v", a)
	}
	if undo := s.do(http.MethodPost, "/rollouts/"+a.ID+"/undo", object{}); undo.Totals.Replace != 0 || undo.Plan.Applicable {
		t.Errorf("%+v", undo)
	}
}

// partly: one of two is moved meanwhile; then of one, all.
func partly(s *stage) {
	t := s.t
	ids := s.fleet(s.home(), 2)
	moved := func(id image.InstanceID) {
		if err := s.cloud.View(own).Stop(t.Context(), s.home().Region, image.StopRequest{Instance: id, Mode: "KeepCharging"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
	}
	begun := s.applied("/rollouts", s.wish(ids...))
	moved(ids[1])
	if a := s.until(begun.ID, "waiting"); a.Reason == nil || a.Reason.Code != "tooManyDown" {
		t.Errorf("one is down, and one may be: %+v", a.Reason)
	}
	s.do(http.MethodPost, "/rollouts/"+begun.ID+"/abort", object{"reason": "a test"})
	s.end(begun.ID)
	begun = s.applied("/rollouts", with(s.wish(ids[0], s.fleet(s.home(), 1)[0]), "strategy", object{"maxUnavailable": 2}))
	ids[1] = image.InstanceID(begun.Items[0].InstanceID)
	if ids[1] == ids[0] {
		ids[1] = image.InstanceID(begun.Items[1].InstanceID)
	}
	moved(ids[1])
	a := s.end(begun.ID)
	if n := slices.IndexFunc(a.Items, func(i item) bool { return i.InstanceID == string(ids[1]) }); a.State != "partly" || a.Items[n].Result != "failed" || a.Items[n].Reason.Code != "moved" {
		t.Errorf("%+v", a)
	}
	last := s.fleet(s.home(), 2)
	planned := s.plan("/rollouts", s.wish(last...))
	apply := with(s.wish(last...), "apply", object{"digest": planned.Plan.Digest})
	moved(last[0])
	moved(last[1])
	for range 2 {
		if a := s.do(http.MethodPost, "/rollouts", apply); a.status != http.StatusConflict || a.Code != "moved" {
			t.Errorf("nothing is left of the plan: %d %+v", a.status, a)
		}
	}
	last = s.fleet(s.home(), 1)
	begun = s.applied("/rollouts", s.wish(last...))
	moved(last[0])
	if a := s.end(begun.ID); a.State != "partly" || a.Items[0].Reason.Code != "moved" {
		t.Errorf("%+v", a)
	}
	if retried := s.end(s.applied("/rollouts/"+begun.ID+"/retry", object{}).ID); retried.State != "finished" || retried.Of != begun.ID {
		t.Errorf("%+v", retried)
	}
	theirs := s.fleet(s.home(), 1)
	begun = s.applied("/rollouts", s.wish(theirs...))
	moved(theirs[0])
	view := s.cloud.View(own)
	_, err := view.ReplaceSystemDisk(t.Context(), s.home().Region, image.ReplaceRequest{Instance: theirs[0], Image: s.golden[s.home()], DiskGiB: 40, Token: "theirs"})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	if err := view.Start(t.Context(), s.home().Region, theirs[0]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Minute)
	if a := s.end(begun.ID); a.State != "finished" || a.Items[0].Result != "already" {
		t.Errorf("%+v", a)
	}
	again := s.fleet(s.home(), 1)
	begun = s.applied("/rollouts", s.wish(again...))
	if err := s.cloud.View(own).Stop(t.Context(), s.home().Region, image.StopRequest{Instance: again[0], Mode: "KeepCharging"}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(25 * time.Hour)
	if a := s.end(begun.ID); a.State != "failed" {
		t.Errorf("begun after its approval ended: %+v", a)
	}
}

// twoPeople: the first apply waits for another person.
func twoPeople(s *stage) {
	t := s.t
	s.two = true
	ids := s.fleet(s.home(), 1)
	wish := s.wish(ids...)
	digest := s.plan("/rollouts", wish).Plan.Digest
	apply := with(wish, "apply", object{"digest": digest})
	by := func(subject string, roles ...function.Role) reply {
		return s.as(s.token(subject, roles...), http.MethodPost, "/rollouts", apply)
	}
	for range 3 { // the same person, by another token each time
		if a := by("ann", function.Fleet); a.status != http.StatusAccepted || a.State != "awaitingApproval" {
			t.Fatalf("%d %+v", a.status, a)
		}
		s.tick()
	}
	if a := by("eve", function.Operator, function.Reaper); a.status != http.StatusForbidden {
		t.Errorf("%d %+v", a.status, a)
	}
	second := s.fleet(s.home(), 1)
	if a := s.as(s.token("bob", function.Fleet), http.MethodPost, "/rollouts", with(s.wish(second...), "apply", object{"digest": s.plan("/rollouts", s.wish(second...)).Plan.Digest})); a.State != "awaitingApproval" {
		t.Errorf("another plan: %+v", a)
	}
	if a := s.as(s.token("bob", function.Fleet), http.MethodPost, "/rollouts", with(wish, "apply", object{"digest": strings.Repeat("0", 64)})); a.status != http.StatusConflict {
		t.Errorf("another digest: %d %+v", a.status, a)
	}
	s.tick()
	if before, err := s.cloud.View(own).Before(t.Context(), s.home().Region, ids); err != nil || before[0].Image != s.old[s.home()] {
		t.Errorf("it was replaced before somebody else approved it: %+v", before)
	}
	alone := func(digest string) reply { // whoever found it in the list has the digest, and no wish
		return s.as(s.token("bob", function.Fleet), http.MethodPost, "/rollouts", object{"apply": object{"digest": digest}})
	}
	if a := alone(strings.Repeat("0", 64)); a.status != http.StatusNotFound || a.Code != "planGone" {
		t.Errorf("a digest that nobody planned: %d %+v", a.status, a)
	}
	approved := alone(digest)
	if approved.State != "queued" || len(approved.ApprovedBy) != 2 {
		t.Fatalf("%+v", approved)
	}
	if a := s.end(approved.ID); a.State != "finished" {
		t.Errorf("%+v", a)
	}
}

// waits: for a window, and in a pause of the plan.
func waits(s *stage) {
	t := s.t
	ids := s.fleet(s.home(), 2)
	window := object{"days": []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, "from": "12:00", "to": "14:00", "timeZone": "UTC"}
	wish := with(s.wish(ids...), "strategy", object{"windows": []any{window}, "pauseAfter": []string{"canary"}})
	id := s.applied("/rollouts", wish).ID
	if a := s.until(id, "waiting"); a.Reason == nil || a.Reason.Code != "window" {
		t.Errorf("%+v", a.Reason)
	}
	time.Sleep(11 * time.Hour)
	for s.get(id).State != "running" {
		s.tick()
	}
	if a := s.until(id, "waiting"); a.Reason == nil || a.Reason.Code != "pauseAfter" {
		t.Errorf("%+v", a.Reason)
	}
	s.do(http.MethodPost, "/rollouts/"+id+"/resume", object{"reason": "well"})
	if a := s.end(id); a.State != "finished" {
		t.Errorf("%+v", a)
	}
}

// mistaken: what a caller gets wrong is named.
func mistaken(s *stage) {
	t, image := s.t, s.golden[s.home()]
	ids := s.fleet(s.home(), 1)
	if a := s.as("", http.MethodPost, "/rollouts", s.wish(ids...)); a.status != http.StatusUnauthorized {
		t.Errorf("%d %+v", a.status, a)
	}
	if a := s.get("00000000000000000000"); a.status != http.StatusNotFound || a.Code != "notFound" {
		t.Errorf("%d %+v", a.status, a)
	}
	for field, wish := range map[string]object{
		"select":               {"select": object{}, "to": object{"image": image}},
		"select.behind":        {"select": object{"behind": 0, "region": []string{"cn-hangzhou"}}, "to": object{"image": image}},
		"select.all":           {"select": object{"all": true, "family": []string{"web"}}, "to": object{"image": image}},
		"select.family":        {"select": object{"family": []string{}}, "to": object{"image": image}},
		"select.id":            {"select": object{"id": []string{}}, "to": object{"image": image}},
		"select.exclude":       {"select": object{"all": true, "exclude": object{}}, "to": object{"image": image}},
		"to":                   {"select": object{"all": true}, "to": object{}},
		"to.image":             {"select": object{"all": true}, "to": object{"image": image, "unreleased": true}},
		"to.channel":           {"select": object{"all": true}, "to": object{"family": "web", "channel": "candidate", "unreleased": true}},
		"health":               with(s.wish(ids...), "health", []any{}),
		"health[0]":            with(s.wish(ids...), "health", []any{object{}}),
		"health[0].passes":     with(s.wish(ids...), "health", []any{object{"status": object{}, "passes": 3}}),
		"strategy.waveSize":    with(s.wish(ids...), "strategy", object{"waveSize": "120%"}),
		"strategy.maxFailures": with(s.wish(ids...), "strategy", object{"maxFailures": -1}),
		"follow.terraform":     with(s.wish(ids...), "follow", object{"terraform": true}),

		"strategy.windows[0].timeZone": with(s.wish(ids...), "strategy", object{"windows": []any{object{"days": []string{"mon"}, "from": "02:00", "to": "05:00", "timeZone": "Mars/Olympus"}}}),
		"maxLicenceIncreasePerHour":    with(s.wish(ids...), "maxLicenceIncreasePerHour", "-1"),
	} {
		if a := s.do(http.MethodPost, "/rollouts", wish); a.status != http.StatusBadRequest || a.Field != field {
			t.Errorf("%s: %d %q %s", field, a.status, a.Field, a.Code)
		}
	}
	digest := s.do(http.MethodPost, "/rollouts", s.wish(ids...)).Plan.Digest
	if a := s.do(http.MethodPost, "/rollouts", with(s.wish(ids...), "strategy", object{"maxFailures": 0, "canary": 1})); a.status != http.StatusOK || a.Plan.Digest != digest {
		t.Errorf("none may fail, and it is said: %d %+v", a.status, a)
	}
	if a := s.do(http.MethodPost, "/rollouts", with(s.wish(ids...), "strategy", object{"maxDown": "30"})); a.Field != "strategy.maxDown" || !strings.Contains(a.Detail, "m, h or d") {
		t.Errorf("a length without a unit: %d %+v", a.status, a)
	}
	s.late = true
	if a := s.do(http.MethodPost, "/rollouts", s.wish(ids...)); a.status != http.StatusServiceUnavailable || a.Code != "planTooLarge" || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %+v", a.status, a)
	}
	s.late = false
	gone := s.do(http.MethodPost, "/rollouts", s.wish("i-bp1none"))
	if gone.Totals.Refuse != 1 || gone.Plan.Applicable {
		t.Errorf("%+v", gone)
	}
	if a := s.do(http.MethodPost, "/rollouts", with(s.wish("i-bp1none"), "apply", object{"digest": gone.Plan.Digest})); a.status != http.StatusUnprocessableEntity || a.Code != "instanceNotSeen" {
		t.Errorf("%d %+v", a.status, a)
	}
}
