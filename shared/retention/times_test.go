package retention_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/retention"
	"imagekeeper/shared/work"
)

const itemName = "1000000000000001/cn-hangzhou/m-0001"

// workOf is a work of one item that is somewhere on its way.
func workOf(t *testing.T, one retention.WishItem, i work.Item) work.Work {
	t.Helper()
	one.Ref = image.Ref{Account: own, Region: "cn-hangzhou", ID: "m-0001"}
	wish, err := json.Marshal(retention.Wish{Items: map[string]retention.WishItem{itemName: one}})
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Plan{Target: "cleanups", Steps: []plan.Step{{Action: "mark", Subject: itemName, Sets: plan.Facts{"stage/" + itemName: "purged"}}}}
	w := work.Tell("c-1", nil, work.Document{Kind: "cleanups", Plan: p.Stored(), Wish: wish})
	w.State = work.Running
	i.Name = itemName
	w.Items[itemName] = i
	return w
}

func at(ago time.Duration) string { return now().Add(-ago).Format(time.RFC3339) }

// A time that is missing or cannot be read is never over: whatever waits for it waits
// on, and says why; with the time that it should have, it would act.
func TestTimesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		one   retention.WishItem
		level string
		notes map[string]string
		facts plan.Facts
		// of is the note or the fact that is spoiled, and good what it should be.
		of, good string
	}{
		"end of the bin": {
			retention.WishItem{Snapshots: []image.SnapshotID{"s-1"}},
			"binned",
			map[string]string{"deletedAt": at(40 * day)},
			plan.Facts{"row": "gone", "mode": "delete", "bin": "30d", "snapshot/s-1": "there"},
			"binUntil", at(time.Hour),
		},
		"time of deletion": {
			retention.WishItem{Snapshots: []image.SnapshotID{"s-1"}},
			"binned",
			map[string]string{"binUntil": at(time.Hour)},
			plan.Facts{"row": "gone", "mode": "delete", "bin": "30d", "snapshot/s-1": "there"},
			"deletedAt", at(40 * day),
		},
		"announcement of a snapshot": {
			retention.WishItem{Orphan: "s-1"},
			"announced", nil,
			plan.Facts{"row": "there", "mode": "delete", "snapshot/s-1": "there"},
			"due", at(time.Hour),
		},
	} {
		for spoiled, text := range map[string]string{"good": c.good, "missing": "", "garbage": "yesterday", "zero": "0001-01-01T00:00:00Z", "a date": "2026-01-01"} {
			t.Run(name+" "+spoiled, func(t *testing.T) {
				t.Parallel()
				facts, notes := plan.Facts{}, map[string]string{}
				for k, v := range c.facts {
					facts[k] = v
				}
				for k, v := range c.notes {
					notes[k] = v
				}
				if c.of == "due" {
					facts[c.of] = text
				} else {
					notes[c.of] = text
				}
				w := workOf(t, c.one, work.Item{Level: c.level, Notes: notes})
				d := retention.Next(w, work.Seen{itemName: facts}, now())
				switch {
				case spoiled == "good":
					if len(d.Acts) != 1 || !strings.HasPrefix(d.Acts[0].Do, "purge ") {
						t.Errorf("with %s it does not act: %+v", text, d)
					}
				case len(d.Acts) > 0 || d.Wait == nil || d.Wait.Code != "timeUnreadable" || d.Wait.Sentence == "" || !d.Wake.After(now()):
					t.Errorf("with %q: %+v", text, d)
				}
			})
		}
	}
}

// A bin that is to keep longer by now keeps longer; one that is to keep less keeps what
// was promised.
func TestTheBinNeverGetsShorter(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for bin, goes := range map[string]bool{"30d": true, "1d": true, "60d": false} {
		w := workOf(t, retention.WishItem{Snapshots: []image.SnapshotID{"s-1"}}, work.Item{Level: "binned", Notes: map[string]string{"deletedAt": at(31 * day), "binUntil": at(day)}})
		d := retention.Next(w, work.Seen{itemName: {"row": "gone", "mode": "delete", "bin": bin, "snapshot/s-1": "there"}}, now())
		if (len(d.Acts) == 1) != goes {
			t.Errorf("bin %s: %+v", bin, d)
		}
	}
}

// Grace and quarantine whose begin cannot be read are not over, and neither is a
// window that nobody can tell.
func TestStagesWithoutTheirBegin(t *testing.T) {
	t.Parallel()
	for _, stage := range []retention.Stage{retention.StageMarked, retention.StageQuarantined} {
		inv := removable()
		inv.Subjects[0].Reached = retention.Reached{Stage: stage, Rule: "weekly", Terms: document().Rules[0].Terms()}
		if j := retention.Decide(inv, document(), now())[0]; j.Action != retention.Wait || !j.DueAt.IsZero() {
			t.Errorf("%s: %s, due %s", stage, j.Action, j.DueAt)
		}
	}
	for _, fact := range []string{"window", "cap"} {
		for _, text := range []string{"soon", "0001-01-01T00:00:00Z"} {
			w := workOf(t, retention.WishItem{}, work.Item{Level: "quarantined"})
			d := retention.Next(w, work.Seen{itemName: {"row": "there", "mode": "delete", "action": "delete", fact: text}}, now())
			if len(d.Acts) > 0 || d.Wait == nil || d.Wait.Code != "timeUnreadable" || !d.Wake.After(now()) {
				t.Errorf("%s %q: %+v", fact, text, d)
			}
		}
	}
	w := workOf(t, retention.WishItem{}, work.Item{Level: "quarantined"})
	if d := retention.Next(w, work.Seen{itemName: {"row": "there", "mode": "delete", "action": "delete"}}, now()); len(d.Acts) != 1 {
		t.Errorf("nothing keeps it, and nothing is done: %+v", d)
	}
}

// Tries whose number cannot be read are bounded all the same.
func TestTriesThatCannotBeCounted(t *testing.T) {
	t.Parallel()
	refused := &image.Reason{Code: "refused", Sentence: "no"}
	w := workOf(t, retention.WishItem{}, work.Item{Level: "quarantined", Refusal: refused, Notes: map[string]string{"failures": "many"}})
	d := retention.Next(w, work.Seen{itemName: {"row": "there", "mode": "delete", "action": "delete"}}, now())
	if len(d.Items) != 1 || d.Items[0].Outcome.Result != plan.Failed {
		t.Errorf("%+v", d)
	}
}

// What looks say without a time proves nothing.
func TestLooksWithoutTimes(t *testing.T) {
	t.Parallel()
	whole := func() retention.Look {
		return retention.Look{
			Account: own, Region: "cn-hangzhou", At: now().Add(-time.Hour), Since: now().AddDate(-1, 0, 0), Used: map[image.ID]time.Time{},
			TrailSince: now().AddDate(-1, 0, 0), TrailTo: now().Add(-time.Hour),
		}
	}
	proves := func(l retention.Look) bool {
		p := retention.ProofOf("m-1", []retention.Look{l}, true)
		return p.Unproven(now().AddDate(-2, 0, 0), 30*24*time.Hour, now()) == nil && p.ShortUse(30*24*time.Hour, now()) == nil
	}
	if !proves(whole()) || whole().Check() != nil {
		t.Fatal("a whole look proves nothing")
	}
	for name, spoil := range map[string]func(*retention.Look){
		"since":      func(l *retention.Look) { l.Since = time.Time{} },
		"at":         func(l *retention.Look) { l.At = time.Time{} },
		"used":       func(l *retention.Look) { l.Used = nil },
		"trailSince": func(l *retention.Look) { l.TrailSince = time.Time{} },
	} {
		l := whole()
		spoil(&l)
		if proves(l) || !errors.Is(l.Check(), fault.Unknown) {
			t.Errorf("without %s it proves something: %v", name, l.Check())
		}
	}
	for name, spoil := range map[string]func(*retention.Look){
		"a use":      func(l *retention.Look) { l.Used["m-1"] = time.Time{} },
		"a launch":   func(l *retention.Look) { l.Launched = map[image.ID]time.Time{"m-1": {}} },
		"the future": func(l *retention.Look) { l.At = now().Add(time.Hour) },
	} {
		l := whole()
		spoil(&l)
		if proves(l) {
			t.Errorf("%s without a time that can be: it proves disuse", name)
		}
	}
	before := whole()
	before.Since = time.Time{}
	before.Tagged = map[image.ID]time.Time{"m-1": {}}
	after := retention.Fold(before, look(now()), 10)
	if !after.Since.Equal(now()) || after.Tagged["m-1"].IsZero() {
		t.Errorf("%+v", after)
	}
	if events := retention.TrailOf([]image.Event{{Name: "RunInstances", Parameters: map[string]string{"ImageId": "m-1"}}}, now().Add(-time.Hour), now(), &retention.Ledger{}); !events.Launched["m-1"].Equal(now()) {
		t.Errorf("an event without a time: %+v", events)
	}
}

// An image whose tag for its build cannot be read stays, and pushes no other down in
// its family.
func TestBuildTimesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026", "0001-01-01T00:00:00Z"} {
		inv := removable()
		inv.Subjects[3].Tags[retention.TagBuiltAt] = text
		all := retention.Decide(inv, document(), now())
		for n, j := range all {
			if j.Removable() {
				t.Errorf("%q: %d would go: %v", text, n, j.Removes)
			}
		}
	}
}

// A snapshot that ECS deletes by itself, and nobody can tell when, keeps its image.
func TestRetentionWithoutADate(t *testing.T) {
	t.Parallel()
	inv := removable()
	inv.Subjects[0].Snapshots[0].RetentionDays = 400
	if j := retention.Decide(inv, document(), now())[0]; j.Removable() {
		t.Errorf("%v", j.Removes)
	}
}

// When the next stage is due is written down again only where the rules have another
// time for it.
func TestDueIsWrittenOnce(t *testing.T) {
	t.Parallel()
	is, other := at(-time.Hour), at(-2*time.Hour)
	for _, c := range []struct {
		one   retention.WishItem
		level string
	}{{retention.WishItem{}, "announced"}, {retention.WishItem{}, "quarantined"}, {retention.WishItem{Orphan: "s-1"}, "announced"}} {
		for _, due := range []string{is, other} {
			w := workOf(t, c.one, work.Item{Level: c.level, Notes: map[string]string{"terms": "t", "dueAt": is}})
			d := retention.Next(w, work.Seen{itemName: {"row": "there", "mode": "delete", "action": "wait", "ruleTerms": "t", "due": due}}, now())
			if len(d.Acts) > 0 || (len(d.Items) > 0) != (due == other) {
				t.Errorf("%s, due %s: %+v", c.level, due, d)
			}
			for _, i := range d.Items {
				if told := retention.Tell(w, i); told.DueAt.Format(time.RFC3339) != other {
					t.Errorf("%s tells %s", c.level, told.DueAt)
				}
			}
		}
	}
}
