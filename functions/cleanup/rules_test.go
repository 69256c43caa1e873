package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/image"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/notify"
	"imagekeeper/shared/retention"
)

// lookFor runs the timer schedule for some days, as often as proofs want it.
func (s *stage) lookFor(d time.Duration) {
	s.t.Helper()
	for end := s.clock.Now().Add(d); s.clock.Now().Before(end); {
		s.looks(1, 110*time.Minute)
	}
}

// byRules is a stage on which rules have marked m-web0 and m-web1.
func byRules(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.rules.Approver = func(rule string) string { return "rule:" + rule + "@etag" }
	s.lookFor(8 * 24 * time.Hour)
	s.tick(3)
	if now, _, err := s.image("m-web1"); err != nil || now.Tags[retention.TagCleanup] == "" {
		t.Fatalf("it is not marked: %v, %v", err, now.Tags)
	}
	return s
}

// What another document of rules keeps, one that is empty among them, is not deleted, and
// its mark is taken off.
func TestRulesThatKeepAfterTheMark(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*retention.Document){
		"emptied": func(d *retention.Document) { d.Rules = nil },
		"last":    func(d *retention.Document) { d.Rules[0].Keep = &retention.Stays{Last: 6} },
		"tagged":  func(d *retention.Document) { d.Rules[0].Keep = &retention.Stays{Last: 3, Tagged: []string{"env"}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := byRules(t)
			rules := slices.Clone(s.rules.Document.Rules)
			s.rules.Document.Rules = rules
			change(&s.rules.Document)
			s.lookFor(15 * 24 * time.Hour)
			if now, _, err := s.image("m-web1"); err != nil || len(s.deleted) > 0 || now.Tags[retention.TagCleanup] != "" || now.Status != image.StatusAvailable {
				t.Errorf("%v, %v: %s %v", err, s.deleted, now.Status, now.Tags)
			}
		})
	}
}

// A wider rule starts a new grace: what was marked by the narrower one goes on only when
// that is over.
func TestWiderRulesStartANewGrace(t *testing.T) {
	t.Parallel()
	s := byRules(t)
	s.lookFor(10 * 24 * time.Hour)
	rules := slices.Clone(s.rules.Document.Rules)
	rules[0].Remove.OlderThan = days(30)
	s.rules.Document.Rules = rules
	told := len(s.told)
	s.lookFor(13 * 24 * time.Hour)
	if now, _, err := s.image("m-web1"); err != nil || now.Status != image.StatusAvailable || now.Tags[retention.TagCleanup] == "" {
		t.Fatalf("23 days after the mark and 13 after the change: %v, %s %v", err, now.Status, now.Tags)
	}
	if len(s.told) == told {
		t.Error("the wider rule was not announced")
	}
	s.lookFor(2 * 24 * time.Hour)
	if now, _, err := s.image("m-web1"); err != nil || now.Status != image.StatusDeprecated {
		t.Errorf("15 days after the change: %v, %s", err, now.Status)
	}
}

// Where the work of another function cannot be read nothing goes: what is on its way is
// returned, and says so.
func TestRecordsOfOthersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.apply("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	store := s.objects()
	if err := journal.NewAgenda(store).Note(t.Context(), journal.Entry{Function: "rollouts", Subject: "work/rollouts/r-1", At: s.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := store.Add(t.Context(), "work/rollouts/r-1", 0, []byte("no record")); err != nil {
		t.Fatal(err)
	}
	s.pass(40 * 24 * time.Hour)
	now, _, err := s.image("m-web1")
	if i := s.item(id, "m-web1"); err != nil || now.Status != image.StatusAvailable || len(s.deleted) > 0 || i.Reason == nil || i.Reason.Code != "heldByWork" {
		t.Errorf("%v: %s, %+v %v", err, now.Status, i, i.Reason)
	}
	if step := s.call("cleanups.create", map[string]any{"images": []string{"m-web2"}}).Plan.Steps[0]; step.Action != "refuse" || step.Reasons[0].Code != "journalUnreadable" {
		t.Errorf("%s %v", step.Action, step.Reasons)
	}
}

// A document that cannot be used is announced once, however often the timer comes.
func TestBrokenRulesAreAnnouncedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.rules.Broken = &image.Reason{Code: "rulesBroken", Sentence: "line 3"}
	s.flaw = notify.Notice{ID: notify.IDOf("cleanup", "rules", "etag"), Kind: notify.Broken, Function: "cleanup", Subject: "oss://rules/cleanup.yaml", Counts: []notify.Count{{Name: notify.Errors, N: 1}}}
	s.looks(5, time.Hour)
	broken := 0
	for _, n := range s.told {
		if n.Kind == notify.Broken {
			broken++
		}
	}
	if broken != 1 {
		t.Errorf("it was announced %d times", broken)
	}
}

// The journal tells that cleanup is deployed, and in which version.
func TestDeploymentIsRecorded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.tick(61)
	store := s.objects()
	text, err := store.Kept(t.Context(), "deployed/cleanups/"+function.Version+".json")
	if err != nil || !strings.Contains(string(text), `"version":"`+function.Version+`"`) {
		t.Errorf("%s, %v", text, err)
	}
}
