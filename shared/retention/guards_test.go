package retention_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/retention"
)

// removable is an inventory of four versions of a family, of which the oldest may go.
func removable() retention.Inventory {
	inv := retention.Inventory{BeganAt: now()}
	for n := range 4 {
		inv.Subjects = append(inv.Subjects, plain(n, time.Duration(400-100*n)*24*time.Hour))
	}
	return inv
}

// What is never removed: each guard by itself keeps an image that may go but for it,
// whoever asks.
func TestWhatIsNeverRemoved(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*retention.Inventory, *retention.Subject){
		"journalUnreadable": func(inv *retention.Inventory, _ *retention.Subject) {
			inv.JournalUnread = []image.Reason{{Code: "unreadable", Sentence: "imports"}}
		},
		"evidenceShort": func(inv *retention.Inventory, _ *retention.Subject) {
			inv.Short = []image.Reason{{Code: "evidenceShort"}}
		},
		"regionUnread": func(inv *retention.Inventory, _ *retention.Subject) {
			inv.Unread = []image.Unread{{Account: "1000000000000002", Region: "cn-hangzhou"}}
		},
		"notOurs": func(_ *retention.Inventory, s *retention.Subject) { s.Kind = image.KindShared },
		"kept": func(_ *retention.Inventory, s *retention.Subject) {
			s.Kept = []retention.KeepNote{{By: "iss ann", Reason: "audit", Until: now().Add(time.Minute)}}
		},
		"inUse":      func(_ *retention.Inventory, s *retention.Subject) { s.Use.Verdict = retention.InUse },
		"useUnknown": func(_ *retention.Inventory, s *retention.Subject) { s.Use = retention.Use{} },
		"newestOfFamily": func(inv *retention.Inventory, _ *retention.Subject) {
			for n := range inv.Subjects[1:] {
				inv.Subjects[n+1].Status = image.StatusDeprecated
			}
		},
		"inChannel":        func(_ *retention.Inventory, s *retention.Subject) { s.Channel = "stable" },
		"heldByWork":       func(_ *retention.Inventory, s *retention.Subject) { s.Holders = []string{"rollouts/r-1"} },
		"published":        func(_ *retention.Inventory, s *retention.Subject) { s.Published = true },
		"sharedWithUnread": func(_ *retention.Inventory, s *retention.Subject) { s.Blind = []image.AccountID{"1000000000000009"} },
		"grantsUnknown":    func(_ *retention.Inventory, s *retention.Subject) { s.GrantsKnown = false },
		"inCreation":       func(_ *retention.Inventory, s *retention.Subject) { s.Status = image.StatusCreating },
		"beingChecked": func(_ *retention.Inventory, s *retention.Subject) {
			s.Detection = &image.Detection{Status: "Processing"}
		},
		"dateMissing":   func(_ *retention.Inventory, s *retention.Subject) { s.CreatedAt = time.Time{} },
		"madeToday":     func(_ *retention.Inventory, s *retention.Subject) { s.CreatedAt = now().Add(-23 * time.Hour) },
		"madeAfterLook": func(inv *retention.Inventory, s *retention.Subject) { inv.BeganAt = s.CreatedAt },
		"keyGone": func(_ *retention.Inventory, s *retention.Subject) {
			s.Disks[0].Encrypted, s.KeyGone = image.Yes, image.Yes
		},
		"snapshotNotSeen": func(_ *retention.Inventory, s *retention.Subject) { s.Snapshots = nil },
		"notLookedAt":     func(_ *retention.Inventory, s *retention.Subject) { s.Shallow = true },
		"snapshotWouldExpire": func(_ *retention.Inventory, s *retention.Subject) {
			s.Snapshots[0].CreatedAt, s.Snapshots[0].RetentionDays = now(), 40
		},
	}
	for _, code := range retention.GuardCodes() {
		if cases[code] == nil {
			t.Errorf("guard %s has no case", code)
		}
	}
	if inv := removable(); !retention.Decide(inv, document(), now())[0].Removable() {
		t.Fatal("nothing would go")
	}
	for code, spoils := range cases {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			inv := removable()
			spoils(&inv, &inv.Subjects[0])
			for who, j := range map[string]retention.Judgement{
				"rules": retention.Decide(inv, document(), now())[0],
				"names": retention.DecideNamed(inv, document(), now(), []image.Ref{inv.Subjects[0].Ref}, false)[0],
				"waits": retention.DecideNamed(inv, document(), now(), []image.Ref{inv.Subjects[0].Ref}, true)[0],
			} {
				// Without waits the times are shorter, so that a snapshot may outlive them.
				if who == "waits" && code == "snapshotWouldExpire" {
					continue
				}
				if j.Removable() || !slices.ContainsFunc(j.Keeps, func(r image.Reason) bool { return r.Code == code && r.Sentence != "" || r.Code == code }) {
					t.Errorf("by %s: %v", who, j.Keeps)
				}
			}
		})
	}
}

// An image on its way is returned for what is sure, and waits for what is not known.
func TestOnItsWay(t *testing.T) {
	t.Parallel()
	terms := document().Rules[0].Terms()
	at := func(stage retention.Stage, ago time.Duration, change func(*retention.Inventory, *retention.Subject)) retention.Judgement {
		inv := removable()
		s := &inv.Subjects[0]
		s.Reached = retention.Reached{Stage: stage, Rule: "weekly", Terms: terms, AnnouncedAt: now().Add(-ago), QuarantinedAt: now().Add(-ago)}
		if change != nil {
			change(&inv, s)
		}
		return retention.Decide(inv, document(), now())[0]
	}
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		is   retention.Judgement
		want retention.Action
	}{
		"grace":             {at(retention.StageMarked, 13*day, nil), retention.Wait},
		"grace over":        {at(retention.StageMarked, 14*day, nil), retention.Quarantine},
		"quarantine":        {at(retention.StageQuarantined, 2*day, nil), retention.Wait},
		"quarantine over":   {at(retention.StageQuarantined, 3*day, nil), retention.Delete},
		"used":              {at(retention.StageQuarantined, 3*day, func(_ *retention.Inventory, s *retention.Subject) { s.Use.Verdict = retention.InUse }), retention.Return},
		"use not known":     {at(retention.StageQuarantined, 3*day, func(_ *retention.Inventory, s *retention.Subject) { s.Use = retention.Use{} }), retention.Wait},
		"looks broke off":   {at(retention.StageMarked, 15*day, func(_ *retention.Inventory, s *retention.Subject) { s.Unused.Since = now() }), retention.Wait},
		"other terms":       {at(retention.StageMarked, 15*day, func(_ *retention.Inventory, s *retention.Subject) { s.Reached.Terms = "other" }), retention.Wait},
		"never announced":   {at(retention.StageMarked, 15*day, func(_ *retention.Inventory, s *retention.Subject) { s.Reached.AnnouncedAt = time.Time{} }), retention.Wait},
		"journal not read":  {at(retention.StageMarked, 15*day, func(inv *retention.Inventory, _ *retention.Subject) { inv.JournalUnread = []image.Reason{{Code: "x"}} }), retention.Wait},
		"kept in the grace": {at(retention.StageMarked, day, func(_ *retention.Inventory, s *retention.Subject) { s.Kept = []retention.KeepNote{{By: "tag"}} }), retention.Return},
	} {
		if c.is.Action != c.want {
			t.Errorf("%s: %s, want %s: %v", name, c.is.Action, c.want, c.is.Keeps)
		}
	}
	empty := removable()
	empty.Subjects[0].Reached = retention.Reached{Stage: retention.StageMarked, AnnouncedAt: now().AddDate(0, 0, -20)}
	if j := retention.Decide(empty, retention.Document{Mode: retention.ModeDelete}, now())[0]; j.Action != retention.Return {
		t.Errorf("rules that were emptied: %s", j.Action)
	}
}

// Short use between looks is excluded by events, or by the word of the rule; else a
// person has to name the image.
func TestShortUse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*retention.Proof){
		"no events":           func(p *retention.Proof) { p.TrailKnown = false },
		"events since a week": func(p *retention.Proof) { p.TrailSince = now().AddDate(0, 0, -7) },
		"an unknown launch":   func(p *retention.Proof) { p.Blurred = now().AddDate(0, 0, -3) },
		"a launch last night": func(p *retention.Proof) { p.Launched = now().Add(-7 * time.Hour) },
		"events of yesterday": func(p *retention.Proof) { p.TrailTo = now().AddDate(0, 0, -1) },
		"looks of this month": func(p *retention.Proof) { p.Since = now().AddDate(0, 0, -20) },
		"an account unlooked": func(p *retention.Proof) { p.Known = false },
		"in use ten days ago": func(p *retention.Proof) { p.LastUsed = now().AddDate(0, 0, -10) },
		"no look for 3 hours": func(p *retention.Proof) { p.Until = now().Add(-3 * time.Hour) },
	} {
		inv := removable()
		change(&inv.Subjects[0].Unused)
		if j := retention.Decide(inv, document(), now())[0]; j.Removable() {
			t.Errorf("%s: it would go", name)
		}
		if j := retention.DecideNamed(inv, document(), now(), []image.Ref{inv.Subjects[0].Ref}, false)[0]; !j.Removable() {
			t.Errorf("%s: a person may not have it go: %v", name, j.Keeps)
		}
	}
}

func look(at time.Time, used ...image.ID) retention.Glance {
	return retention.Glance{Account: own, Region: "cn-hangzhou", At: at, Used: used, Images: 10, Instances: 10, Trail: &retention.Trail{From: at.Add(-time.Hour), To: at}}
}

// Looks at most two hours apart prove what was between them; a longer gap, and every
// use, start anew.
func TestLooks(t *testing.T) {
	t.Parallel()
	fold := func(gap time.Duration, usedAt int) retention.Proof {
		var l retention.Look
		for n := range 24 * 8 {
			at := now().Add(time.Duration(n-24*8) * time.Hour)
			g := look(at)
			if n == usedAt {
				g.Used = []image.ID{"m-1"}
			}
			if gap > 0 && n > 100 && time.Duration(n-100)*time.Hour < gap {
				continue
			}
			l = retention.Fold(l, g, 10)
		}
		return retention.ProofOf("m-1", []retention.Look{l}, true)
	}
	week := 7 * 24 * time.Hour
	made := now().AddDate(-1, 0, 0)
	for name, c := range map[string]struct {
		proof retention.Proof
		code  string
	}{
		"unbroken":      {fold(0, -1), ""},
		"used lately":   {fold(0, 100), "usedLately"},
		"used long ago": {fold(0, 5), ""},
		"a gap":         {fold(3*time.Hour, -1), "useNotLongEnoughSeen"},
		"one missed":    {fold(2*time.Hour, -1), ""},
	} {
		why := c.proof.Unproven(made, week, now())
		if (why == nil) != (c.code == "") || why != nil && why.Code != c.code {
			t.Errorf("%s: %v, want %q", name, why, c.code)
		}
	}
	if why := fold(0, -1).ShortUse(week, now()); why != nil {
		t.Errorf("events were read all the time: %v", why)
	}
}

// Less than was seen before is no proof of anything, until it has been so for a week.
func TestEvidence(t *testing.T) {
	t.Parallel()
	l := retention.Fold(retention.Look{}, look(now()), 10)
	few := look(now().Add(time.Hour))
	few.Instances = 8
	short := retention.Fold(l, few, 10)
	if len(short.Best.Missing(10, 8, 10)) == 0 || short.Best.Instances != 10 {
		t.Errorf("the measure yields at once: %+v", short.Best)
	}
	for n := range 24 * 7 {
		few.At = now().Add(time.Duration(n+2) * time.Hour)
		short = retention.Fold(short, few, 10)
	}
	if short.Best.Instances != 8 {
		t.Errorf("the measure never yields: %+v", short.Best)
	}
	if len(l.Best.Missing(9, 10, 10)) != 0 || len(l.Best.Missing(10, 0, 100)) == 0 {
		t.Error("a tenth less is too little, or nothing at all is enough")
	}
}

// What a document may not say, and the field that is named.
func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*retention.Document){
		"notify": func(d *retention.Document) { d.Notify = nil },
		"mode":   func(d *retention.Document) { d.Mode = "purge" },
		"rules[0].match": func(d *retention.Document) {
			d.Rules[0].Match = retention.Match{Region: []image.RegionID{"cn-hangzhou"}}
		},
		"rules[0].match.family[0]":  func(d *retention.Document) { d.Rules[0].Match.Family = []image.Family{"*?"} },
		"rules[1].match.name":       func(d *retention.Document) { d.Rules[1].Match.Name = "**" },
		"rules[0].keep":             func(d *retention.Document) { d.Rules[0].Keep = nil },
		"rules[0].remove.unusedFor": func(d *retention.Document) { d.Rules[0].Remove.UnusedFor = days(6) },
		"rules[2].remove.olderThan": func(d *retention.Document) { d.Rules[2].Remove.OlderThan = 0 },
		"rules[1].name":             func(d *retention.Document) { d.Rules[1].Name = "weekly" },
		"caps.percentPerDay":        func(d *retention.Document) { d.Caps.PercentPerDay = 101 },
		"rules[2].match.status[0]":  func(d *retention.Document) { d.Rules[2].Match.Status = []image.Status{"createFailed"} },
		"rules[2].match.snapshots":  func(d *retention.Document) { d.Rules[2].Match.Snapshots = "all" },
		"rules[1].match.all":        func(d *retention.Document) { d.Rules[1].Match.All = true },
		"rules[1].match.dataDisks":  func(d *retention.Document) { d.Rules[1].Match.DataDisks = "some" },
		"rules[1].match.exclude":    func(d *retention.Document) { d.Rules[1].Match.Exclude = &retention.Match{} },
		"rules[1].match.exclude.descendantsOf": func(d *retention.Document) {
			d.Rules[1].Match.Exclude = &retention.Match{DescendantsOf: "m-1"}
		},
		"windows[0].timeZone": func(d *retention.Document) {
			d.Windows = image.MaintenanceWindows{{Days: []string{"mon"}, From: "02:00", To: "05:00", TimeZone: "Local"}}
		},
	} {
		d := document()
		change(&d)
		var refused *fault.Error
		if err := d.Check(); !errors.As(err, &refused) || refused.Field != field || strings.TrimSpace(refused.Sentence) == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := document().Check(); err != nil {
		t.Error(err)
	}
}

// A plan beyond a cap cannot be applied, by whomever.
func TestCaps(t *testing.T) {
	t.Parallel()
	inv := removable()
	doc := document()
	doc.Caps = retention.Caps{PerDay: 20, PercentPerDay: 24, PercentOfFamily: 50}
	code := func(doc retention.Document) string {
		p, err := retention.Plan(inv, doc, retention.Request{}, now())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Findings {
			if f.Level == image.Fatal {
				return f.Code
			}
		}
		return ""
	}
	if is := code(doc); is != "beyondCaps" {
		t.Errorf("one of four is beyond 24 %%: %q", is)
	}
	doc.Caps.PercentPerDay = 25
	if is := code(doc); is != "" {
		t.Errorf("one of four is within 25 %%: %q", is)
	}
	doc.Mode = retention.ModeReport
	if is := code(doc); is != "modeReport" {
		t.Errorf("a deployment that only reports: %q", is)
	}
}
