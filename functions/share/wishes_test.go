package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/alicloud"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
)

// digested is a wish with the digest to apply it by.
func digested(wish map[string]any, digest string) map[string]any {
	with := map[string]any{"apply": map[string]any{"digest": digest}}
	for key, value := range wish {
		with[key] = value
	}
	return with
}

// patched plans and applies a change of the list of m-web.
func (s *stage) patched(wish map[string]any) (planned, applied said) {
	s.t.Helper()
	wish["imageId"] = "m-web"
	planned = s.call("share.patch", wish)
	return planned, s.call("share.patch", digested(wish, planned.Plan.Digest))
}

// list are the accounts that m-web is shared with.
func (s *stage) list() string {
	s.t.Helper()
	var list []string
	for _, a := range s.call("share.get", map[string]any{"imageId": "m-web"}).Accounts {
		list = append(list, string(a.AccountID))
	}
	return strings.Join(list, " ")
}

func TestALateDuplicateGivesNobodyAccessAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	add := map[string]any{"add": accounts(third)}
	planned, added := s.patched(add)
	_, removed := s.patched(map[string]any{"remove": []string{string(third)}, "evenIfUsed": []string{string(third)}})
	calls := len(s.permits.said)
	again := s.call("share.patch", digested(add, planned.Plan.Digest))
	if !added.Complete || !removed.Complete || again.problem() != http.StatusConflict || again.Code != "planChanged" || again.Plan.Changes != 1 || len(again.Differences) == 0 {
		t.Errorf("%+v\n%+v\n%+v", added, removed, again)
	}
	if len(s.permits.said) != calls || strings.Contains(s.list(), string(third)) {
		t.Errorf("calls %v, list %s", s.permits.said[calls:], s.list())
	}
	if _, anew := s.patched(add); !anew.Complete || anew.Recorded {
		t.Errorf("asked for anew: %+v", anew)
	}
}

func TestARequestWithinLimitsThatIsDeliveredAgainActsOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	event, err := json.Marshal(map[string]any{"operation": "share.patch", "input": map[string]any{
		"imageId": "m-web", "add": accounts(third), "apply": map[string]any{"limits": map[string]any{"addsOnly": true, "max": 1}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(request string) (got said) {
		raw := s.operator().Invoke(t.Context(), function.Call{Region: "cn-hangzhou", RequestID: request}, event)
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if once := deliver("1"); !once.Complete || once.Recorded {
		t.Errorf("%+v", once)
	}
	s.patched(map[string]any{"remove": []string{string(third)}, "evenIfUsed": []string{string(third)}})
	if twice := deliver("1"); twice.Code != "planChanged" || strings.Contains(s.list(), string(third)) {
		t.Errorf("%+v, list %s", twice, s.list())
	}
	if anew := deliver("2"); !anew.Complete || anew.Recorded {
		t.Errorf("%+v", anew)
	}
}

func TestAListThatWasEnforcedAndDriftedIsToldOf(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	exactly := map[string]any{"imageId": "m-web", "accounts": accounts(third)}
	planned, done := s.applyPut(exactly)
	if again := s.call("share.put", digested(exactly, planned.Plan.Digest)); !done.Complete || !again.Complete || !again.Recorded {
		t.Fatalf("while it holds: %+v", again)
	}
	web := image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}
	if err := s.cloud.View(first).Permit(t.Context(), web, []image.AccountID{second}, nil); err != nil {
		t.Fatal(err)
	}
	calls := len(s.permits.said)
	again := s.call("share.put", digested(exactly, planned.Plan.Digest))
	if again.problem() != http.StatusConflict || again.Code != "planChanged" || again.Plan.Changes != 1 || len(again.Differences) == 0 || len(s.permits.said) != calls {
		t.Errorf("%+v, changed %v", again, s.permits.said[calls:])
	}
}

// What was done is told by status and words.
func TestStatusTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	denied := fault.New(fault.Forbidden, "the role may not").WithCode("Forbidden.RAM")
	denied.Permission = "ecs:ModifyImageSharePermission"
	for name, c := range map[string]struct {
		refuses func(s *stage, add []image.AccountID) error
		status  int
		applied bool
		results []plan.Result
	}{
		"all of it": {func(*stage, []image.AccountID) error { return nil }, 200, true, []plan.Result{plan.Applied, plan.Applied}},
		"some of it": {func(_ *stage, add []image.AccountID) error {
			if slices.Contains(add, third) {
				return fault.New(fault.Precondition, "not this one").WithCode("InvalidAccount.NotFound")
			}
			return nil
		}, 207, true, []plan.Result{plan.Failed, plan.Applied}},
		"nothing": {func(*stage, []image.AccountID) error { return denied }, 403, false, []plan.Result{plan.Failed, plan.Failed}},
		"all of it, and somebody else got access": {func(s *stage, _ []image.AccountID) error {
			web := image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}
			return s.cloud.View(first).Permit(s.t.Context(), web, []image.AccountID{"1000000000000009"}, nil)
		}, 207, true, []plan.Result{plan.Applied, plan.Applied}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.refuses = func(add, _ []image.AccountID) error { return c.refuses(s, add) }
			in := putInput{changing: changing{subject: subject{ImageID: "m-web"}}}
			for _, a := range []image.AccountID{second, third, "1000000000000004"} {
				in.Accounts = append(in.Accounts, sharing.Asked{Account: a})
			}
			put := func() answer {
				out, err := s.handler().put(t.Context(), function.Call{Region: "cn-hangzhou", Log: s.log()}, in)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			in.Apply = &applyInput{Digest: put().Plan.Digest}
			got := put()
			var results []plan.Result
			for _, o := range got.Outcomes {
				results = append(results, o.Result)
			}
			if got.HTTPStatus() != c.status || got.Applied != c.applied || got.Complete == nil || *got.Complete != (c.status == 200) || !slices.Equal(results, c.results) {
				t.Errorf("status %d, applied %v, %v: %+v", got.HTTPStatus(), got.Applied, results, got)
			}
			if c.status == 403 && (got.Problem.Code != "Forbidden.RAM" || got.Outcomes[0].Permission != denied.Permission) {
				t.Errorf("%+v, %+v", got.Problem, got.Outcomes)
			}
			if c.status == 207 && len(got.Differences) == 0 && !slices.Contains(results, plan.Failed) {
				t.Errorf("it is not told what is not done: %+v", got)
			}
			for _, word := range []string{"cn-hangzhou/m-web", in.Apply.Digest} {
				if strings.Contains(s.logged.String(), word) != (c.status != 200) {
					t.Errorf("the log tells %s of what was not done: %s", word, s.logged.String())
				}
			}
			if strings.Contains(s.logged.String(), `"level":"WARN"`) != (c.status != 200) {
				t.Errorf("the log of %d: %s", c.status, s.logged.String())
			}
		})
	}
}

func TestWhoReplacesAnotherNeverLeavesNeither(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.refuses = func(add, _ []image.AccountID) error {
		if len(add) > 0 {
			return fault.New(fault.Precondition, "not this one").WithCode("InvalidAccount.NotFound")
		}
		return nil
	}
	wish := map[string]any{"imageId": "m-web", "accounts": []map[string]any{{"accountId": third, "replaces": second}}}
	planned, kept := s.applyPut(wish)
	if got := planned.Plan.Steps[1]; got.Action != "remove" || !slices.Equal(got.After, []string{"add " + string(third)}) {
		t.Errorf("%+v", got)
	}
	if kept.problem() != http.StatusUnprocessableEntity || kept.Code != "InvalidAccount.NotFound" || s.list() != string(second) {
		t.Errorf("%+v, list %s", kept, s.list())
	}
	s.refuses = nil
	if done := s.call("share.put", digested(wish, planned.Plan.Digest)); !done.Complete || s.list() != string(third) {
		t.Errorf("%+v, list %s", done, s.list())
	}
}

// TestCallsForOneImage: over two accounts by all regions, 20 calls where there are
// eight.
func TestCallsForOneImage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.config.Regions = []alicloud.RegionWord{"all"}
	regions, err := s.cloud.View(first).Regions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for target, most := range map[string]int{"/shares/m-web": 2*len(regions) + 4, "/shares/m-web?region=cn-hangzhou": 8} {
		for range 2 { // the first call of a process learns a public image
			s.calls.Store(0)
			if status, got := s.over(http.MethodGet, target, ""); status != http.StatusOK || len(got.Accounts) != 1 {
				t.Fatalf("%s: %d %+v", target, status, got)
			}
			if got := int(s.calls.Load()); got < 4 || got > most {
				t.Errorf("%s: %d calls, at most %d", target, got, most)
			}
		}
	}
}
