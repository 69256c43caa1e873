package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

func accounts(ids ...image.AccountID) []map[string]any {
	list := []map[string]any{}
	for _, id := range ids {
		list = append(list, map[string]any{"accountId": id})
	}
	return list
}

func TestNothingChangesWithoutApply(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	planned := s.call("share.put", map[string]any{"imageId": "m-web", "accounts": accounts(second, third)})
	if got := planned.Plan.steps(); got != "add 1000000000000003 wanted; keep 1000000000000002 hasAccess; " || planned.Applied {
		t.Errorf("plan %s, applied %v", got, planned.Applied)
	}
	if len(s.permits.said) != 0 {
		t.Errorf("changed %v", s.permits.said)
	}
}

func TestShareAndUnshare(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	until := start().AddDate(0, 1, 0).Format(time.RFC3339)
	terms := map[string]any{"accountId": third, "until": until, "onExpiry": "remove", "reason": "trial"}
	wish := map[string]any{"imageId": "m-web", "accounts": append(accounts(second), terms)}
	_, done := s.applyPut(wish)
	if !done.Applied || !done.Complete || len(done.Outcomes) != 1 || done.Outcomes[0].Result != "applied" {
		t.Fatalf("%+v", done)
	}
	if again := s.call("share.put", wish); again.Plan.Changes != 0 {
		t.Errorf("a second plan: %s", again.Plan.steps())
	}
	seen := s.call("share.get", map[string]any{"imageId": "m-web", "history": true})
	if len(seen.Accounts) != 2 || seen.Accounts[0].Origin != sharing.Outside || seen.Accounts[1].Origin != sharing.Here {
		t.Fatalf("%+v", seen)
	}
	ours := seen.Accounts[1]
	if ours.Until.Format(time.RFC3339) != until || ours.Reason != "trial" || ours.By != "system" || ours.OnExpiry != "remove" {
		t.Errorf("%+v", ours)
	}
	if len(seen.History) != 4 || !strings.Contains(seen.History[0].Sentence, "approved: add 1000000000000003 until "+until+", then remove (trial)") {
		t.Errorf("history %+v", seen.History)
	}
	_, done = s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(), "evenIfUsed": []string{string(third)}})
	if !done.Complete || len(done.Outcomes) != 2 {
		t.Errorf("%+v", done)
	}
	if seen := s.call("share.get", map[string]any{"imageId": "m-web"}); len(seen.Accounts) != 0 || len(seen.Gone) != 0 {
		t.Errorf("%+v", seen)
	}
}

func TestTheSameDigestAgainAnswersWhatCameOfIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	wish := map[string]any{"imageId": "m-web", "accounts": accounts(second, third)}
	planned, _ := s.applyPut(wish)
	calls := len(s.permits.said)
	wish["apply"] = map[string]any{"digest": planned.Plan.Digest}
	again := s.call("share.put", wish)
	if !again.Recorded || !again.Complete || len(again.Outcomes) != 1 || again.Outcomes[0].AccountID != third || len(s.permits.said) != calls {
		t.Errorf("%+v, %d calls more", again, len(s.permits.said)-calls)
	}
}

func TestUntilOfAnyZoneIsOneInstant(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	digests := map[string]bool{}
	for _, until := range []string{"2027-01-01T00:00:00Z", "2027-01-01T08:00:00+08:00", "2026-12-31T19:30:00.250-04:30"} {
		planned := s.call("share.put", map[string]any{"imageId": "m-web", "accounts": []map[string]any{{"accountId": third, "until": until, "onExpiry": "remove"}}})
		digests[planned.Plan.Digest] = true
		if got := planned.Plan.Steps[0].Until; got != "2027-01-01T00:00:00Z" {
			t.Errorf("%s became %q", until, got)
		}
	}
	if len(digests) != 1 {
		t.Errorf("%d plans of one wish", len(digests))
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stage, wish map[string]any) string{
		"a made-up digest": func(*stage, map[string]any) string { return strings.Repeat("0a", 32) },
		"an edited until": func(s *stage, wish map[string]any) string {
			digest := s.call("share.put", wish).Plan.Digest
			wish["accounts"] = []map[string]any{{"accountId": third, "until": "2030-01-01T00:00:00Z", "onExpiry": "remove"}}
			return digest
		},
		"another world": func(s *stage, wish map[string]any) string {
			digest := s.call("share.put", wish).Plan.Digest
			if err := s.cloud.View(first).Permit(s.t.Context(), image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}, []image.AccountID{"1000000000000004"}, nil); err != nil {
				s.t.Fatal(err)
			}
			return digest
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			wish := map[string]any{
				"imageId": "m-web", "evenIfUsed": []string{string(second), "1000000000000004"},
				"accounts": []map[string]any{{"accountId": third, "until": "2029-01-01T00:00:00Z", "onExpiry": "remove"}},
			}
			digest := change(s, wish)
			wish["apply"] = map[string]any{"digest": digest}
			got := s.call("share.put", wish)
			if got.problem() != http.StatusConflict || got.Code != "planChanged" || len(got.Plan.Steps) == 0 || got.Plan.Digest == digest || len(s.permits.said) != 0 {
				t.Errorf("%+v, changed %v", got, s.permits.said)
			}
		})
	}
}

func TestWhatWasDoneIsToldIfTheJournalFails(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.breaks = func(line []byte) bool { return strings.Contains(string(line), `"kind":"happened"`) }
	planned, broken := s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second, third)})
	if broken.problem() != http.StatusServiceUnavailable || !broken.Applied || broken.Complete || len(broken.Outcomes) != 1 || broken.Outcomes[0].Result != "applied" {
		t.Errorf("%+v", broken)
	}
	s.breaks = nil
	wish := map[string]any{"imageId": "m-web", "accounts": accounts(second, third), "apply": map[string]any{"digest": planned.Plan.Digest}}
	if busy := s.call("share.put", wish); busy.Code != "inProgress" {
		t.Errorf("%+v", busy)
	}
	s.clock.Advance(3 * time.Minute)
	calls := len(s.permits.said)
	if done := s.call("share.put", wish); !done.Complete || len(s.permits.said) != calls {
		t.Errorf("%+v, %d calls more", done, len(s.permits.said)-calls)
	}
	if seen := s.call("share.get", map[string]any{"imageId": "m-web"}); len(seen.Accounts) != 2 || seen.Accounts[1].Origin != sharing.Here || seen.Unfinished != nil {
		t.Errorf("%+v", seen)
	}
}

func TestWhoIsMissedLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	unknown := s.call("share.patch", map[string]any{"imageId": "m-theirs", "account": second, "remove": []string{string(first)}})
	if got := unknown.Plan.steps(); got != "remove 1000000000000001 notWanted; " {
		t.Fatalf("an account that can be read: %s", got)
	}
	_, done := s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second, third)})
	if !done.Complete {
		t.Fatalf("%+v", done)
	}
	planned, refused := s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second)})
	if got := planned.Plan.steps(); got != "refuse 1000000000000003 useUnknown; keep 1000000000000002 hasAccess; " || planned.Plan.Applicable {
		t.Errorf("plan %s", got)
	}
	if cures := planned.Plan.Steps[0].Cures; len(cures) != 1 || planned.Plan.Steps[0].Use != "unknown" {
		t.Errorf("%+v", planned.Plan.Steps[0])
	}
	if refused.problem() != http.StatusUnprocessableEntity || refused.Code != "useUnknown" || len(refused.Plan.Steps) == 0 {
		t.Errorf("%+v", refused)
	}
}

func TestInstancesOfOthersAreNoUseOfTheAccount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		runs image.AccountID
		said string
	}{
		{"the owner's", first, "keep 1000000000000003 hasAccess; remove 1000000000000002 notWanted; "},
		{"those of an account that cannot be read", third, "refuse 1000000000000002 useUnknown; keep 1000000000000003 hasAccess; "},
		{"its own", second, "refuse 1000000000000002 stillUsed; keep 1000000000000003 hasAccess; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second, third)})
			s.runs(c.runs, "m-web")
			planned := s.call("share.put", map[string]any{"imageId": "m-web", "accounts": accounts(third)})
			if got := planned.Plan.steps(); got != c.said {
				t.Errorf("plan %s, want %s", got, c.said)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	yes := true
	for _, c := range []struct {
		name  string
		input map[string]any
		said  string
	}{
		{"not ours", map[string]any{"imageId": "m-gift", "accounts": accounts(third)}, "refuse m-gift notOurs; add 1000000000000003 wanted; "},
		{"deprecated", map[string]any{"imageId": "m-old", "accounts": accounts(third)}, "refuse m-old notAvailable; add 1000000000000003 wanted; "},
		{"encrypted, where such images are not shared", map[string]any{"imageId": "m-secret", "accounts": accounts(third)}, "refuse m-secret encryptedNotSharable; add 1000000000000003 wanted; "},
		{"service key", map[string]any{"imageId": "m-key", "accounts": accounts(third)}, "refuse m-key serviceKeyEncrypted; add 1000000000000003 wanted; "},
		{"own account", map[string]any{"imageId": "m-web", "accounts": accounts(second, first)}, "refuse 1000000000000001 ownAccount; keep 1000000000000002 hasAccess; "},
		{"not allowed", map[string]any{"imageId": "m-web", "accounts": accounts(second, "1000000000000009")}, "refuse 1000000000000009 accountNotAllowed; keep 1000000000000002 hasAccess; "},
		{"community", map[string]any{"imageId": "m-web", "accounts": accounts(second), "community": yes}, "refuse m-web communityNotAllowed; keep 1000000000000002 hasAccess; publish m-web communityWanted; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.cloud.AddImage("1000000000000005", "cn-hangzhou", cloudsim.ImageSpec{Image: image.Image{Ref: image.Ref{ID: "m-gift"}, Kind: image.KindCustom}, SharedWith: []image.AccountID{first}})
			s.config.Allowed = []image.AccountID{second, third}
			planned, refused := s.applyPut(c.input)
			if got := planned.Plan.steps(); got != c.said {
				t.Errorf("plan %s, want %s", got, c.said)
			}
			if refused.problem() != http.StatusUnprocessableEntity || len(s.permits.said) != 0 {
				t.Errorf("%d %s, changed %v", refused.problem(), refused.Code, s.permits.said)
			}
		})
	}
}

func TestAKeyOfOnesOwnIsShared(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	wish := map[string]any{"imageId": "m-vault", "accounts": accounts(third)}
	s.cloud.Configure(first, cloudsim.AccountSettings{})
	if planned, refused := s.applyPut(wish); planned.Plan.steps() != "refuse m-vault keyRoleMissing; add 1000000000000003 wanted; " || refused.problem() != http.StatusUnprocessableEntity || len(s.permits.said) != 0 {
		t.Errorf("without its role: %s, %+v", planned.Plan.steps(), refused)
	}
	s.cloud.Configure(first, cloudsim.AccountSettings{ShareRole: true})
	if _, done := s.applyPut(wish); !done.Complete {
		t.Errorf("with its role: %+v", done)
	}
	wish["accounts"], wish["evenIfUsed"] = accounts(), []string{string(third)}
	if _, done := s.applyPut(wish); !done.Complete {
		t.Errorf("taken away: %+v", done)
	}
}

func TestBadInputNamesTheField(t *testing.T) {
	t.Parallel()
	many := []string{}
	for n := range 51 {
		many = append(many, `{"accountId":"10000000000001`+string(rune('0'+n/10))+string(rune('0'+n%10))+`"}`)
	}
	for _, c := range []struct{ method, body, field, code string }{
		{"PUT", `{}`, "accounts", "required"},
		{"PUT", `{"accounts":null}`, "accounts", "wrongType"},
		{"PUT", `{"accounts":[],"evenIfUsed":[]}`, "evenIfUsed", "emptyValue"},
		{"PUT", `{"accounts":[],"apply":null}`, "apply", "wrongType"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","reason":" "}]}`, "accounts[0].reason", "emptyValue"},
		{"PATCH", `{"remove":[]}`, "remove", "emptyValue"},
		{"PATCH", `{"add":[]}`, "add", "emptyValue"},
		{"PATCH", `{"remove":["1000000000000002"],"apply":{"limits":{"max":1,"accounts":[]}}}`, "apply.limits.accounts", "emptyValue"},
		{"PATCH", `{"remove":["1000000000000002"],"apply":{"limits":{"max":0}}}`, "apply.limits.max", "emptyValue"},
		{"PUT", `{"accounts":[{"accountId":"12x"}]}`, "accounts[0].accountId", "accountid"},
		{"PUT", `{"accounts":[{}]}`, "accounts[0].accountId", "required"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002"},{"accountId":"1000000000000002"}]}`, "accounts[1].accountId", "duplicate"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"2027-01-01T00:00:00Z"}]}`, "accounts[0].onExpiry", "required"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","onExpiry":"remove"}]}`, "accounts[0].until", "required"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"2026-03-01T12:00:00Z","onExpiry":"remove"}]}`, "accounts[0].until", "past"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"0001-01-01T00:00:00Z"}]}`, "accounts[0].until", "past"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"0001-01-01T00:00:00.5Z","onExpiry":"remove"}]}`, "accounts[0].until", "past"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"2026-03-01T13:00:00+01:00","onExpiry":"remove"}]}`, "accounts[0].until", "past"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"2026-03-01T12:00:00.9Z","onExpiry":"remove"}]}`, "accounts[0].until", "past"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"9999-12-31T23:59:59-01:00","onExpiry":"remove"}]}`, "accounts[0].until", "past"},
		{"PUT", `{"accounts":[],"apply":{"limits":{"max":1,"accounts":["me"]}}}`, "apply.limits.accounts[0]", ""},
		{"PATCH", `{"add":[{"accountId":"1000000000000002","until":"0001-01-01T00:00:00Z"}]}`, "add[0].until", "past"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"soon","onExpiry":"remove"}]}`, "accounts[0].until", ""},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","until":"2027-01-01T00:00:00Z","onExpiry":"keep"}]}`, "accounts[0].onExpiry", ""},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","reason":"a\nb"}]}`, "accounts[0].reason", ""},
		{"PUT", `{"accounts":[` + strings.Join(many, ",") + `]}`, "accounts", "max"},
		{"PUT", `{"accounts":[],"evenIfUsed":["x"]}`, "evenIfUsed[0]", "accountid"},
		{"PUT", `{"accounts":[],"apply":{}}`, "apply", "required"},
		{"PUT", `{"accounts":[],"apply":{"digest":"abc"}}`, "apply.digest", ""},
		{"PUT", `{"accounts":[],"apply":{"limits":{"addsOnly":true}}}`, "apply.limits.max", ""},
		{"PUT", `{"accounts":[],"Apply":{"digest":"abc"}}`, "Apply", ""},
		{"PUT", `{"accounts":[],"regions":"some"}`, "regions", ""},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","replaces":"1000000000000002"}]}`, "accounts[0].replaces", "contradiction"},
		{"PUT", `{"accounts":[{"accountId":"1000000000000002","replaces":"x"}]}`, "accounts[0].replaces", "accountid"},
		{"PATCH", `{"add":[{"accountId":"1000000000000002","replaces":"1000000000000003"}]}`, "add[0].replaces", "contradiction"},
		{"PATCH", `{}`, "add", "required"},
		{"PATCH", `{"accounts":[]}`, "accounts", ""},
		{"PATCH", `{"remove":["1"]}`, "remove[0]", "accountid"},
		{"PATCH", `{"add":[{"accountId":"1000000000000002"}],"remove":["1000000000000002"]}`, "add[0].accountId", "contradiction"},
	} {
		t.Run(c.method+" "+c.field+" "+c.code, func(t *testing.T) {
			t.Parallel()
			input := strings.Replace(c.body, "{", `{"imageId":"m-web",`, 1)
			input = strings.Replace(input, ",}", "}", 1)
			got := newStage(t).event([]byte(`{"operation":"share.` + strings.ToLower(c.method) + `","input":` + input + `}`))
			if got.problem() != http.StatusBadRequest || got.Field != c.field || (c.code != "" && got.Code != c.code) {
				t.Errorf("%s: %d %s in %q, want %s in %q: %s", c.body, got.problem(), got.Code, got.Field, c.code, c.field, got.Detail)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target string
		status int
		code   string
	}{
		{"/shares/m-web?region=cn-hangzhou", 200, ""},
		{"/shares/m-web?region=cn-beijing", 400, "unknownRegion"},
		{"/shares/m-web?account=1000000000000009", 400, "unknownAccount"},
		{"/shares/m-web?region=cn-shanghai", 404, "notFound"},
		{"/shares/m-none", 404, "notFound"},
		{"/shares/m-theirs?account=1000000000000001", 422, "notOurs"},
		{"/shares/m-theirs", 200, ""},
	} {
		if status, got := newStage(t).over(http.MethodGet, c.target, ""); status != c.status || got.Code != c.code {
			t.Errorf("%s: %d %s (%s), want %d %s", c.target, status, got.Code, got.Detail, c.status, c.code)
		}
	}
}

// Where every region is looked at, one that no account has is a mistake too.
func TestRegionsThatNobodyHas(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.config.Regions = []alicloud.RegionWord{"all"}
	for target, want := range map[string]int{
		"/shares/m-web?region=xx-nowhere-1": http.StatusBadRequest,
		"/shares/m-web?region=cn-hangzhou":  http.StatusOK,
		"/shares/m-none?region=cn-hangzhou": http.StatusNotFound,
	} {
		status, got := s.over(http.MethodGet, target, "")
		if status != want || status == http.StatusBadRequest && (got.Field != "region" || got.Code != "unknownRegion") {
			t.Errorf("%s: got %d %s in %q (%s), want %d", target, status, got.Code, got.Field, got.Detail, want)
		}
	}
}

func TestViewersPlanAndDoNotApply(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	status, planned := s.over(http.MethodPatch, "/shares/m-web", `{"add":[{"accountId":"1000000000000003"}]}`)
	if status != http.StatusOK || planned.Plan.Changes != 1 {
		t.Fatalf("%d %+v", status, planned)
	}
	for _, apply := range []string{`{"digest":"` + planned.Plan.Digest + `"}`, `{"limits":{"addsOnly":true,"max":1}}`} {
		status, got := s.over(http.MethodPatch, "/shares/m-web", `{"add":[{"accountId":"1000000000000003"}],"apply":`+apply+`}`)
		if status != http.StatusForbidden || len(s.permits.said) != 0 {
			t.Errorf("%s: %d %+v", apply, status, got)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change map[string]any
		limits map[string]any
		status int
	}{
		{"one more", map[string]any{"add": accounts(third)}, map[string]any{"addsOnly": true, "max": 1}, 0},
		{"two are too many", map[string]any{"add": accounts(third, "1000000000000004")}, map[string]any{"addsOnly": true, "max": 1}, 422},
		{"it removes", map[string]any{"remove": []string{string(second)}}, map[string]any{"addsOnly": true, "max": 5}, 422},
		{"these accounts", map[string]any{"add": accounts(third)}, map[string]any{"accounts": []string{string(third)}, "max": 1}, 0},
		{"another account", map[string]any{"add": accounts(third)}, map[string]any{"accounts": []string{string(second)}, "max": 1}, 422},
		{"it may remove", map[string]any{"remove": []string{string(second)}}, map[string]any{"max": 1}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.change["imageId"], c.change["apply"] = "m-web", map[string]any{"limits": c.limits}
			got := s.call("share.patch", c.change)
			if got.problem() != c.status || got.Complete != (c.status == 0) || (len(s.permits.said) == 1) != (c.status == 0) {
				t.Errorf("%+v, changed %v", got, s.permits.said)
			}
		})
	}
}

func TestRegionalCopies(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	copied := s.copyTo("cn-shanghai", "m-web")
	wish := map[string]any{"imageId": "m-web", "accounts": accounts(second, third), "regions": "all"}
	planned, done := s.applyPut(wish)
	if planned.Plan.Changes != 3 || !done.Complete || len(done.Outcomes) != 3 {
		t.Fatalf("plan %s\n%+v", planned.Plan.steps(), done)
	}
	for _, id := range []image.ID{"m-web", copied} {
		if seen := s.call("share.get", map[string]any{"imageId": id, "history": true}); len(seen.Accounts) != 2 || seen.Accounts[1].Origin != sharing.Here || len(seen.History) != 4 {
			t.Errorf("%s: %+v", id, seen)
		}
	}
	if again := s.call("share.put", wish); again.Plan.Changes != 0 {
		t.Errorf("a second plan: %s", again.Plan.steps())
	}
	wish["apply"] = map[string]any{"digest": planned.Plan.Digest}
	if again := s.call("share.put", wish); !again.Recorded || len(again.Outcomes) != 3 || again.Outcomes[0].RegionID == again.Outcomes[2].RegionID {
		t.Errorf("the same digest again: %+v", again)
	}
}

func TestWhatWasDoneToACopyIsNotSaidToHaveFailed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	copied := s.copyTo("cn-shanghai", "m-web")
	s.breaks = func(line []byte) bool { // only the log of all copies names images in its steps
		return strings.Contains(string(line), `"kind":"happened"`) && !strings.Contains(string(line), string(copied)) && !strings.Contains(string(line), "m-web")
	}
	_, done := s.applyPut(map[string]any{"imageId": "m-web", "accounts": accounts(second, third), "regions": "all"})
	if len(done.Outcomes) != 3 {
		t.Fatalf("%+v", done)
	}
	for _, o := range done.Outcomes {
		if o.Result != plan.Applied {
			t.Errorf("%s was shared with %s, and is said to be %s: %+v", o.ImageID, o.AccountID, o.Result, o.Reason)
		}
	}
}

// copyTo copies an image and returns the copy when it is there.
func (s *stage) copyTo(region image.RegionID, id image.ID) image.ID {
	s.t.Helper()
	session := s.cloud.As(cloudsim.Caller{Account: first, Type: "Account"})
	made, err := session.CopyImage(cloudsim.CopyImageRequest{RegionID: "cn-hangzhou", ImageID: id, DestinationRegionID: region})
	if err != nil {
		s.t.Fatal(err)
	}
	s.clock.Advance(time.Hour)
	return made
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env   map[string]string
		wrong string
	}{
		"complete":           {map[string]string{"JOURNAL": "dir:///tmp/journal", "SHARE_ALLOWED_ACCOUNTS": "1000000000000002,1000000000000003", "SHARE_COMMUNITY": "allow"}, ""},
		"no journal":         {nil, "JOURNAL"},
		"a journal nowhere":  {map[string]string{"JOURNAL": "/tmp"}, "JOURNAL"},
		"a bad account":      {map[string]string{"JOURNAL": "dir:///tmp/journal", "SHARE_ALLOWED_ACCOUNTS": "me"}, "SHARE_ALLOWED_ACCOUNTS"},
		"a bad community":    {map[string]string{"JOURNAL": "dir:///tmp/journal", "SHARE_COMMUNITY": "yes"}, "SHARE_COMMUNITY"},
		"all and one region": {map[string]string{"JOURNAL": "dir:///tmp/journal", "REGIONS": "all,cn-hangzhou"}, "REGIONS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(func(name string) (string, bool) { v, ok := c.env[name]; return v, ok })
			if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %v, want %s blamed", err, c.wrong)
			}
		})
	}
}

// TestEvents: the events kept in testdata are answered.
func TestEvents(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/event*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d events, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			event, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			raw := newStage(t).operator().Invoke(t.Context(), function.Call{Region: "cn-hangzhou"}, event)
			var answer struct {
				StatusCode int    `json:"statusCode"`
				Code       string `json:"code"`
			}
			if err := json.Unmarshal(raw, &answer); err != nil || answer.StatusCode >= 400 || answer.Code != "" {
				t.Errorf("%v: %s", err, raw)
			}
		})
	}
}
