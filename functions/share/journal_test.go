package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/change"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/sharing"
	"imagekeeper/shared/work"
)

// agenda is what is on the agenda of share until a time.
func (s *stage) agenda(by time.Time) []journal.Entry {
	s.t.Helper()
	store, err := journal.OpenDirectory(s.folder)
	if err != nil {
		s.t.Fatal(err)
	}
	due, err := journal.NewAgenda(store).Due(s.t.Context(), name, by)
	if err != nil {
		s.t.Fatal(err)
	}
	return due
}

func TestWhatEndsIsOnTheAgendaUntilItHasEnded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := start().AddDate(0, 1, 0)
	s.until(end, "removeIfUnused") // second is known not to use it, of third nothing is known
	later := end.AddDate(0, 0, 1)
	if due := s.agenda(later); len(due) != 1 || !due[0].At.Equal(end) || due[0].Subject != "share/1000000000000001/cn-hangzhou/m-web" || due[0].Position != 0 {
		t.Fatalf("%+v", due)
	}
	s.set(end.Add(-time.Hour))
	if report := s.tick(); !report.Everything || report.Images != 1 {
		t.Errorf("the first run of a day looks at everything: %+v", report)
	}
	s.calls.Store(0)
	if report := s.tick(); report.Everything || report.Images != 0 {
		t.Errorf("nothing is due: %+v", report)
	}
	if got := s.calls.Load(); got > 2 {
		t.Errorf("%d calls of ECS though nothing is due", got)
	}
	s.set(end)
	if report := s.tick(); len(report.Removed) != 1 || len(report.Kept) != 1 || len(s.agenda(later)) != 1 {
		t.Errorf("what stays is due again: %+v, %v", report, s.agenda(later))
	}
	renewed := map[string]any{"imageId": "m-web", "accounts": []map[string]any{{"accountId": third, "until": later.Format(time.RFC3339), "onExpiry": "remove"}}}
	if _, done := s.applyPut(renewed); !done.Complete {
		t.Fatalf("%+v", done)
	}
	if report := s.tick(); len(report.Removed)+len(report.Kept) != 0 || len(s.agenda(end)) != 0 || len(s.agenda(later)) != 1 {
		t.Errorf("renewed: %+v, %v", report, s.agenda(later))
	}
	s.set(later)
	for range 2 {
		s.tick()
	}
	if got := s.removals(); len(got) != 2 || len(s.agenda(later)) != 0 || s.list() != "" {
		t.Errorf("removals %v, agenda %v, list %s", got, s.agenda(later), s.list())
	}
}

func TestNothingIsApprovedThatTheAgendaCannotTake(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if err := os.WriteFile(filepath.Join(s.folder, "due"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	terms := map[string]any{"accountId": third, "until": start().AddDate(0, 1, 0).Format(time.RFC3339), "onExpiry": "remove"}
	_, refused := s.applyPut(map[string]any{"imageId": "m-web", "accounts": append(accounts(second), terms)})
	if refused.problem() < http.StatusInternalServerError || len(s.permits.said) != 0 || s.list() != string(second) {
		t.Errorf("%+v, changed %v", refused, s.permits.said)
	}
}

// before puts a journal into the stage that the version before the epochs and the
// agenda wrote: third has access until a time, and of a plan that puts fifth in the
// place of fourth it was written down that fifth is about to get access.
func (s *stage) before() {
	s.t.Helper()
	text, err := os.ReadFile("testdata/journal-without-epochs.ndjson")
	if err != nil {
		s.t.Fatal(err)
	}
	folder := filepath.Join(s.folder, "share", string(first), "cn-hangzhou", "m-web.log")
	err = os.MkdirAll(folder, 0o700)
	n := 0
	for line := range bytes.Lines(text) {
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%09d.json", n)), bytes.TrimSpace(line), 0o600)
		}
		n++
	}
	if err != nil || n != 10 {
		s.t.Fatalf("%d records: %v", n, err)
	}
	web := image.Ref{Account: first, Region: "cn-hangzhou", ID: "m-web"}
	if err := s.cloud.View(first).Permit(s.t.Context(), web, []image.AccountID{third, "1000000000000004"}, nil); err != nil {
		s.t.Fatal(err)
	}
}

func TestAJournalOfTheVersionBeforeIsRead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.before()
	end := start().AddDate(0, 1, 0)
	const finished, open = "ad1e79405cd35b4fdf638cb15e17ab65dd5aeb78319dd17139b7bc9feaee6e0d", "9b46adf8af5684a4c59c2bef6b911bd22295c748ea60cc4566d5b5de54f2d076"
	seen := s.call("share.get", map[string]any{"imageId": "m-web", "history": true})
	at := slices.IndexFunc(seen.Accounts, func(a sharing.Share) bool { return a.AccountID == third })
	if len(seen.Accounts) != 3 || seen.Accounts[at].Origin != sharing.Here || !seen.Accounts[at].Until.Equal(end) || seen.Accounts[at].Reason != "trial" || seen.Unfinished == nil || seen.Unfinished.Digest != open || len(seen.History) != 10 {
		t.Fatalf("%+v", seen)
	}
	kept := []map[string]any{{"accountId": second}, {"accountId": third, "until": end.Format(time.RFC3339), "onExpiry": "remove", "reason": "trial"}}
	with := func(a string) map[string]any {
		wish := map[string]any{"imageId": "m-web", "accounts": append(slices.Clone(kept), map[string]any{"accountId": a})}
		if a != "1000000000000004" { // which is removed then
			wish["evenIfUsed"] = []string{"1000000000000004"}
		}
		return wish
	}
	s.clock.Advance(time.Hour)
	if again := s.call("share.put", digested(with("1000000000000004"), finished)); again.Code != "planChanged" && !again.Recorded {
		t.Errorf("what was finished: %+v", again)
	}
	if done := s.call("share.put", digested(with("1000000000000005"), open)); !done.Complete || s.list() != "1000000000000002 1000000000000003 1000000000000005" {
		t.Errorf("what was begun goes on: %+v, list %s", done, s.list())
	}
	s.set(end.Add(-time.Hour))
	if s.tick(); len(s.agenda(end)) != 1 {
		t.Errorf("what ends was not put on the agenda: %v", s.agenda(end))
	}
	s.set(end)
	if report := s.tick(); report.Everything || len(report.Removed) != 1 || report.Removed[0].Grantee != third {
		t.Errorf("%+v", report)
	}
}

// people are callers over HTTP.
func people(subject string) function.Call {
	return function.Call{Region: "cn-hangzhou", Source: function.SourceHTTP, Caller: function.Caller{Issuer: "https://id", Subject: subject}}
}

func TestTwoPeopleShare(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.config.TwoPeople = change.TwoPeople{FourEyes: []string{"share"}}
	in := patchInput{changing: changing{subject: subject{ImageID: "m-web"}}, Add: sharing.AskedList{{Account: third}}}
	ask := func(who string) answer {
		call := people(who)
		call.Log = s.log()
		out, err := s.handler().patch(t.Context(), call, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	in.Apply = &applyInput{Digest: ask("ada").Plan.Digest}
	for range 2 {
		got := ask("ada")
		if got.HTTPStatus() != http.StatusAccepted || got.HTTPHeader().Get("Location") != "/shares/m-web" || got.State != work.AwaitingApproval || got.Applied ||
			!slices.Equal(got.ApprovedBy, []string{"https://id ada"}) || !got.ValidUntil.Equal(start().AddDate(0, 0, 1)) || len(s.permits.said) != 0 {
			t.Fatalf("%d %+v", got.HTTPStatus(), got)
		}
	}
	seen, err := s.handler().get(t.Context(), people("eve"), getInput{subject: subject{ImageID: "m-web"}})
	if err != nil || seen.Proposed == nil || seen.Proposed.Digest != in.Apply.Digest || !slices.Equal(seen.Proposed.ApprovedBy, []string{"https://id ada"}) || seen.Unfinished != nil {
		t.Errorf("%+v, %v", seen.Proposed, err)
	}
	got := ask("bob")
	if got.HTTPStatus() != http.StatusOK || !got.Applied || !*got.Complete || got.State != "" || !slices.Equal(got.ApprovedBy, []string{"https://id ada", "https://id bob"}) || len(s.permits.said) != 1 {
		t.Errorf("%d %+v", got.HTTPStatus(), got)
	}
	limits := map[string]any{"imageId": "m-web", "add": accounts("1000000000000004"), "apply": map[string]any{"limits": map[string]any{"max": 1}}}
	for range 2 { // all direct calls are one
		if got := s.call("share.patch", limits); got.Applied || got.problem() != 0 || len(s.permits.said) != 1 {
			t.Errorf("direct calls: %+v", got)
		}
	}
	in.Add, in.Apply.Digest = sharing.AskedList{{Account: "1000000000000004"}}, s.call("share.patch", limits).Plan.Digest
	if got := ask("ada"); !got.Applied || len(s.permits.said) != 2 {
		t.Errorf("a person approves what a direct call proposed: %+v", got)
	}
	end := start().AddDate(0, 1, 0)
	s.config.TwoPeople = change.TwoPeople{}
	terms := map[string]any{"accountId": third, "until": end.Format(time.RFC3339), "onExpiry": "remove"}
	if _, done := s.patched(map[string]any{"add": []map[string]any{terms}}); !done.Complete {
		t.Fatalf("%+v", done)
	}
	s.config.TwoPeople = change.TwoPeople{FourEyes: []string{"share"}}
	s.set(end)
	if report := s.tick(); len(report.Removed) != 1 || report.Removed[0].Result != plan.Applied {
		t.Errorf("what was approved with its end needs nobody: %+v", report)
	}
}
