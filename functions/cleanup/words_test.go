package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// words collects the words of what is answered: members by their values.
type words map[string]bool

// hear takes the words of an answer.
func (w words) hear(what any) {
	switch v := what.(type) {
	case map[string]any:
		for key, value := range v {
			w["member "+key] = true
			if text, is := value.(string); is && slices.Contains([]string{"action", "stage", "state", "result", "level", "code"}, key) {
				w[key+" "+text] = true
			}
			w.hear(value)
		}
	case []any:
		for _, one := range v {
			w.hear(one)
		}
	}
}

// ask calls an operation, and hears what it answers.
func (s *stage) ask(w words, operation string, input any) map[string]any {
	s.t.Helper()
	var a map[string]any
	if raw := s.event(map[string]any{"operation": operation, "input": input}); json.Unmarshal(raw, &a) != nil {
		s.t.Fatalf("%s: %s", operation, raw)
	}
	w.hear(a)
	if status, is := a["status"].(float64); is {
		w[fmt.Sprint("status ", int(status))] = true
	}
	return a
}

// named asks for a plan of one image.
func (s *stage) named(w words, id string) {
	s.ask(w, "cleanups.create", map[string]any{"images": []string{id}})
}

// wanted are the words that the API has for cleanups, the bin and keeps.
func wantedWords() []string {
	var all []string
	for kind, some := range map[string][]string{
		"action": {"keep", "mark", "wait", "quarantine", "delete", "purge", "return", "refuse", "restore", "family", "share"},
		"stage":  {"none", "marked", "quarantined", "deleted", "purged"},
		"state":  {"awaitingApproval", "queued", "running", "waiting", "finished", "partly", "failed", "inBin", "restored", "purged"},
		"result": {"open", "applied", "failed"},
		"status": {"400", "404", "409", "422"},
		"code":   {"planChanged", "modeReport", "newerInFamily", "snapshotsGone", "kept", "inUse", "named", "nothingToDo", "notFound", "notInBin"},
		"member": {
			"digest", "changes", "applicable", "steps", "base", "findings", "totals", "unknown", "asOf", "saves", "saved", "dueAt", "reasons", "approvedBy", "approvedAt", "startedAt",
			"endedAt", "progress", "done", "of", "items", "next", "since", "until", "takenBack", "restoredImageId", "sharedWith", "deletedAt", "snapshots", "stopped",
		},
	} {
		for _, word := range some {
			all = append(all, kind+" "+word)
		}
	}
	slices.Sort(all)
	return all
}

// Every action, stage, state, status and member that the API has for cleanups is met
// from outside, on the way of images to the bin and back.
func TestEveryWord(t *testing.T) {
	t.Parallel()
	met := words{}
	for name, scenario := range map[string]func(*stage, words){"to the bin and back": wordsOfTheWay, "returned": wordsOfReturns, "two people, and refusals": wordsOfRefusals} {
		t.Run(name, func(t *testing.T) {
			heard := words{}
			scenario(newStage(t), heard)
			maps.Copy(met, heard)
		})
	}
	for _, word := range wantedWords() {
		if !met[word] {
			t.Errorf("never met: %s", word)
		}
	}
}

func wordsOfTheWay(s *stage, w words) {
	wish := map[string]any{"images": []string{"m-web0", "m-web1"}}
	planned := s.call("cleanups.create", wish)
	s.ask(w, "cleanups.create", wish)
	apply := map[string]any{"images": wish["images"], "apply": map[string]any{"digest": planned.Plan.Digest}}
	id, _ := s.ask(w, "cleanups.create", apply)["id"].(string)
	look := func() {
		s.ask(w, "cleanups.get", map[string]any{"id": id})
		s.ask(w, "cleanups.list", map[string]any{})
	}
	look()
	s.tick(3)
	look()
	s.named(w, "m-web0")
	s.clock.Advance(15 * 24 * time.Hour)
	s.named(w, "m-web0")
	s.tick(4)
	look()
	s.clock.Advance(4 * 24 * time.Hour)
	s.named(w, "m-web0")
	var once sync.Once
	s.before = func(image.ID) { once.Do(look) }
	s.tick(6)
	look()
	bin := func() {
		for _, state := range []string{"inBin", "all"} {
			s.ask(w, "cleanups.bin", map[string]any{"state": state})
		}
		s.ask(w, "cleanups.create", map[string]any{"rules": true})
	}
	bin()
	back := map[string]any{"id": "m-web0", "family": true, "shares": true}
	s.ask(w, "cleanups.restore", back)
	s.apply("cleanups.restore", map[string]any{"id": "m-web0", "shares": true})
	s.pass(24 * time.Hour)
	bin()
	s.clock.Advance(31 * 24 * time.Hour)
	bin()
	s.tick(8)
	s.pass(24 * time.Hour)
	look()
	bin()
	s.ask(w, "cleanups.restore", map[string]any{"id": "m-web1"})
	s.ask(w, "cleanups.restore", map[string]any{"id": "m-web5"})
}

func wordsOfReturns(s *stage, w words) {
	for _, ids := range [][]string{{"m-web1", "m-web2"}, {"m-web3"}} {
		id := s.apply("cleanups.create", map[string]any{"images": ids})
		s.armed(func(m met) fate { return map[bool]fate{true: throttled}[m.name == "Images"] })
		s.clock.Advance(15 * 24 * time.Hour)
		s.tick(1)
		s.ask(w, "cleanups.get", map[string]any{"id": id})
		s.armed(nil)
		s.runs(first, image.ID(ids[0]))
		s.named(w, ids[0])
		s.pass(40 * 24 * time.Hour)
		s.ask(w, "cleanups.get", map[string]any{"id": id})
	}
	s.ask(w, "cleanups.keep", map[string]any{"imageId": "m-web4", "reason": "audit", "until": s.clock.Now().Add(time.Hour)})
	s.named(w, "m-web4")
	s.ask(w, "cleanups.unkeep", map[string]any{"imageId": "m-web4"})
	s.ask(w, "cleanups.stop", map[string]any{"reason": "an incident"})
	s.ask(w, "cleanups.stopped", map[string]any{})
	s.ask(w, "cleanups.unstop", map[string]any{})
	s.ask(w, "cleanups.create", map[string]any{"rules": true})
}

func wordsOfRefusals(s *stage, w words) {
	s.armed(func(m met) fate { return map[bool]fate{true: refused}[m.name == "Tag image"] })
	failed := s.apply("cleanups.create", map[string]any{"images": []string{"m-web2"}})
	s.pass(6 * 24 * time.Hour)
	s.ask(w, "cleanups.get", map[string]any{"id": failed})
	s.armed(nil)
	s.ask(w, "cleanups.create", map[string]any{})
	s.ask(w, "cleanups.create", map[string]any{"images": []string{"m-nothing"}})
	kept := s.call("cleanups.create", map[string]any{"images": []string{"m-web5"}})
	s.ask(w, "cleanups.create", map[string]any{"images": []string{"m-web5"}, "apply": map[string]any{"digest": kept.Plan.Digest}})
	s.ask(w, "cleanups.create", map[string]any{"images": []string{"m-web1"}, "apply": map[string]any{"digest": kept.Plan.Digest[1:] + "0"}})
	s.rules.Document.Mode = retention.ModeReport
	report := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	s.ask(w, "cleanups.create", map[string]any{"images": []string{"m-web1"}, "apply": map[string]any{"digest": report.Plan.Digest}})
	s.rules.Document.Mode = retention.ModeDelete
	s.clock.Advance(time.Minute)
	s.fourEyes = true
	s.program = s.function
	planned := s.call("cleanups.create", map[string]any{"images": []string{"m-web1"}})
	if a := s.ask(w, "cleanups.create", map[string]any{"images": []string{"m-web1"}, "apply": map[string]any{"digest": planned.Plan.Digest}}); a["state"] != "awaitingApproval" {
		s.t.Errorf("%v", a)
	}
}
