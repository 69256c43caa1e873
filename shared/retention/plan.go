package retention

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

// Request is what somebody asks of cleanup.
type Request struct {
	// Images are named; none: the rules are to decide.
	Images    []image.Ref
	SkipWaits bool
	Reason    string
	// MarkOnly: whoever approves may only have images marked.
	MarkOnly bool
	// Only, if it is set, is the one image that the plan is about.
	Only image.ID
}

// Planned is a plan with what is told beside it.
type Planned struct {
	Document work.Document
	Findings []image.Finding
	// Judgements are all, in the order of the steps.
	Judgements []Judgement
	// Going are those that would go.
	Going []Judgement
}

// Plan judges an inventory and makes the plan of it. It is pure.
func Plan(inv Inventory, doc Document, r Request, now time.Time) (Planned, error) {
	doc = doc.Complete()
	subjects := map[image.Ref]*Subject{}
	for n := range inv.Subjects {
		subjects[inv.Subjects[n].Ref] = &inv.Subjects[n]
	}
	var all []Judgement
	if len(r.Images) > 0 {
		all = DecideNamed(inv, doc, now, r.Images, r.SkipWaits)
	} else {
		all = Decide(inv, doc, now)
	}
	if r.Only != "" {
		all = slices.DeleteFunc(all, func(j Judgement) bool { return j.Ref.ID != r.Only })
	}
	slices.SortStableFunc(all, func(a, b Judgement) int {
		return cmp.Or(actionRank(a.Action)-actionRank(b.Action), cmp.Compare(a.Ref.String(), b.Ref.String()), cmp.Compare(a.Snapshot, b.Snapshot))
	})
	p := Planned{Judgements: all, Findings: []image.Finding{}}
	b := builder{
		inv: inv, doc: doc, request: r, subjects: subjects, at: newScene(&inv, doc, now), room: RoomOf(inv, doc.Caps),
		wish: Wish{Items: map[string]WishItem{}, ByRule: len(r.Images) == 0, MarkOnly: r.MarkOnly, SkipWaits: r.SkipWaits, Reason: r.Reason},
		plan: plan.Plan{Target: "cleanups", Base: plan.Facts{}},
	}
	var going []Going
	for _, j := range all {
		g, goes := b.add(j)
		if !goes {
			continue
		}
		p.Going = append(p.Going, j)
		if j.Snapshot == "" { // caps of a plan are of images
			going = append(going, g)
		}
	}
	p.Findings = append(append(p.Findings, b.findings(going)...), b.leaks(all)...)
	wish, err := json.Marshal(b.wish)
	if err != nil {
		return p, fault.Wrap(fault.Internal, err, "the wish of a cleanup cannot be written")
	}
	p.Document = work.Document{Kind: "cleanups", At: now.UTC().Truncate(time.Second), Plan: b.plan.Stored(), Others: b.others, Wish: wish}
	return p, nil
}

// actionRank is the order in which a plan is shown.
func actionRank(a Action) int {
	return slices.Index([]Action{Purge, Delete, Quarantine, Mark, Return, Wait, Refuse, Keep}, a)
}

// builder makes a plan, judgement by judgement.
type builder struct {
	inv      Inventory
	doc      Document
	request  Request
	subjects map[image.Ref]*Subject
	at       *scene
	room     Room
	wish     Wish
	plan     plan.Plan
	others   []plan.StoredStep
}

// add adds what was decided about one image or snapshot; it reports whether that is
// to go by this plan.
func (b *builder) add(j Judgement) (Going, bool) {
	s := b.subjects[j.Ref]
	name := ItemName(j)
	step := plan.Step{Action: string(j.Action), Subject: name, Reasons: j.Reasons(), Parameters: map[string]string{}}
	if j.Rule != "" {
		step.Parameters["rule"], step.Parameters["terms"] = j.Rule, b.at.termsOf(j.Rule)
	}
	step.Parameters["stage"], step.Parameters["name"] = string(j.Stage), j.Name
	if b.request.SkipWaits {
		step.Parameters["skipWaits"], step.Parameters["reason"] = "true", b.request.Reason
	}
	if !goes(j) {
		if !j.DueAt.IsZero() {
			step.Parameters["dueAt"] = j.DueAt.UTC().Format(time.RFC3339)
		}
		b.others = append(b.others, plan.StoredStep{Step: step})
		return Going{}, false
	}
	end := StagePurged
	if b.request.MarkOnly || b.doc.Mode == ModeMark {
		end = StageMarked
	}
	return b.goes(j, s, step, end), true
}

// goes: an image is to go, and no cleanup has it yet.
func goes(j Judgement) bool {
	return j.Removable() && j.InWork == "" && slices.Contains([]Action{Mark, Wait, Quarantine, Delete}, j.Action)
}

// goes adds what is to go, until a stage.
func (b *builder) goes(j Judgement, s *Subject, step plan.Step, end Stage) Going {
	name := step.Subject
	step.Sets = plan.Facts{"stage/" + name: string(end)}
	b.plan.Steps = append(b.plan.Steps, step)
	item := WishItem{Ref: j.Ref, Name: j.Name, Rule: j.Rule, Terms: step.Parameters["terms"], Orphan: j.Snapshot, Why: j.Removes[0].Code}
	g := Going{Ref: j.Ref}
	if j.Snapshot != "" {
		item.Caps = []work.Claim{{Thing: "all", Most: b.room.PerDay}}
		b.wish.Items[name] = item
		b.plan.Base["image/"+name] = "orphan"
		return g
	}
	b.plan.Base["image/"+name] = BaseOf(*s)
	if key, ok := b.at.lineOf(s); ok {
		g.Family, item.Family = key.family, key.family
	}
	item.Snapshots = snapshotsOf(s.Image)
	item.Copies = b.copies(s)
	item.Caps = b.room.places(g)
	for n := range b.doc.Rules {
		if r := b.doc.Rules[n]; r.Name == j.Rule {
			item.Deprecate = r.Deprecate
			if r.OwnerTag != "" {
				item.Owner = s.Tags[r.OwnerTag]
			}
		}
	}
	b.wish.Items[name] = item
	return g
}

// ItemName is the item of a judgement: account, region and id.
func ItemName(j Judgement) string {
	if j.Snapshot != "" {
		return string(j.Ref.Account) + "/" + string(j.Ref.Region) + "/" + string(j.Snapshot)
	}
	return j.Ref.String()
}

func snapshotsOf(i image.Image) []image.SnapshotID {
	var ids []image.SnapshotID
	for _, d := range i.Disks {
		if d.SnapshotID != "" && !slices.Contains(ids, d.SnapshotID) {
			ids = append(ids, d.SnapshotID)
		}
	}
	return ids
}

func (b *builder) copies(s *Subject) []image.Ref {
	if s.Line == "" {
		return nil
	}
	var copies []image.Ref
	for n := range b.inv.Subjects {
		if o := &b.inv.Subjects[n]; o.Line == s.Line && o.Ref != s.Ref {
			copies = append(copies, o.Ref)
		}
	}
	return copies
}

// leaks are what of a leaked image others can go on using, as it may not go, with the
// share that ends that.
func (b *builder) leaks(all []Judgement) []image.Finding {
	var found []image.Finding
	for _, j := range all {
		s := b.subjects[j.Ref]
		if !b.request.SkipWaits || j.Action != Refuse || s == nil || len(s.Grants) == 0 && !s.Published {
			continue
		}
		method, change := "PATCH", map[string]any{"remove": s.Grants}
		if s.Published {
			method, change = "PUT", map[string]any{"accounts": []string{}, "community": false}
		}
		wish, err := json.Marshal(change)
		if err != nil { // accounts have no way to fail
			continue
		}
		found = append(found, image.Finding{
			Level: image.Warning, Remedy: fmt.Sprintf("%s /shares/%s?region=%s %s", method, s.ID, s.Region, wish),
			Reason: image.Reason{Code: "stillShared", Sentence: fmt.Sprintf("%s in %s is not unshared by this: %s", s.ID, s.Region, j.Keeps[0].Sentence)},
		})
	}
	return found
}

// findings are what keeps the plan from being applied, or should be known.
func (b *builder) findings(going []Going) []image.Finding {
	var found []image.Finding
	say := func(level image.Level, code, remedy, sentence string, args ...any) {
		found = append(found, image.Finding{Level: level, Reason: image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)}, Remedy: remedy})
	}
	switch {
	case b.doc.Mode == ModeReport:
		say(image.Fatal, "modeReport", "set mode: mark, or mode: delete, in the document of rules (CLEANUP_RULES)", "this deployment only reports")
	case b.doc.Mode == ModeMark:
		say(image.Warning, "modeMark", "set mode: delete in the document of rules", "images are marked and announced, and nothing goes")
	case !b.request.MarkOnly:
		if why := b.room.Beyond(going); why != nil {
			say(image.Fatal, why.Code, "apply less: name some of them in images", "%s", why.Sentence)
		}
	}
	for _, r := range b.inv.Short {
		say(image.Warning, r.Code, "see what the role may read, or wait until looks have shown it for a week", "%s", r.Sentence)
	}
	for _, r := range b.inv.JournalUnread {
		say(image.Warning, "journalUnreadable", "mend the journal", "%s", r.Sentence)
	}
	return found
}
