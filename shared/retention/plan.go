package retention

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
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
	// Cases are all, in the order of the steps.
	Cases []*Case
	// Going are those that would go.
	Going []Judgement
}

// Plan judges an inventory and makes the plan of it. It is pure.
func Plan(inv Inventory, doc Document, r Request, now time.Time) (Planned, error) {
	p := NewPlanner(doc, r, now)
	p.Add(inv)
	return p.Plan()
}

// Plan makes the plan of what was added.
func (p *Planner) Plan() (Planned, error) {
	all := p.decided()
	if p.request.Only != "" {
		all = slices.DeleteFunc(all, func(c *Case) bool { return c.Ref.ID != p.request.Only })
	}
	slices.SortFunc(all, func(a, b *Case) int {
		return cmp.Or(actionRank(a.Action)-actionRank(b.Action), compareRefs(a.Ref, b.Ref), cmp.Compare(a.Snapshot, b.Snapshot))
	})
	r := p.request
	planned := Planned{Cases: all}
	b := builder{
		inv: p.seen, doc: p.doc, request: r, terms: termsOf(p.doc), room: p.room(), lines: linesIn(all),
		wish: Wish{Items: map[string]WishItem{}, ByRule: len(r.Images) == 0, MarkOnly: r.MarkOnly, SkipWaits: r.SkipWaits, Reason: r.Reason},
		plan: plan.Plan{Target: "cleanups", Base: plan.Facts{}},
	}
	var going []Going
	for _, c := range all {
		if !goes(c) {
			continue
		}
		planned.Going = append(planned.Going, c.Judgement)
		if g := b.goes(c); c.Snapshot == "" { // caps of a plan are of images
			going = append(going, g)
		}
	}
	planned.Findings = b.findings(going)
	planned.Findings = append(planned.Findings, b.leaks(all, planned.Findings)...)
	wish, err := json.Marshal(b.wish)
	if err != nil {
		return planned, fault.Wrap(fault.Internal, err, "the wish of a cleanup cannot be written")
	}
	planned.Document = work.Document{Kind: "cleanups", At: p.now.UTC().Truncate(time.Second), Plan: b.plan.Stored(), Wish: wish, Many: b.others(all)}
	return planned, nil
}

func compareRefs(a, b image.Ref) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
}

// actionRank is the order in which a plan is shown.
func actionRank(a Action) int {
	switch a {
	case Purge:
		return 0
	case Delete:
		return 1
	case Quarantine:
		return 2
	case Mark:
		return 3
	case Return:
		return 4
	case Wait:
		return 5
	case Refuse:
		return 6
	}
	return 7 // Keep
}

// builder makes a plan, case by case.
type builder struct {
	inv     Inventory // without its images
	doc     Document
	request Request
	terms   map[string]string
	room    Room
	lines   map[string][]image.Ref
	wish    Wish
	plan    plan.Plan
}

// termsOf are those of each rule.
func termsOf(doc Document) map[string]string {
	terms := map[string]string{}
	for n := range doc.Rules {
		if _, known := terms[doc.Rules[n].Name]; !known {
			terms[doc.Rules[n].Name] = doc.Rules[n].Terms()
		}
	}
	return terms
}

// linesIn are the images of each line.
func linesIn(all []*Case) map[string][]image.Ref {
	lines := map[string][]image.Ref{}
	for _, c := range all {
		if c.line != "" {
			lines[c.line] = append(lines[c.line], c.Ref)
		}
	}
	return lines
}

// ParamSaves is beside a step what a month of its image costs.
const ParamSaves = "saves"

// step is one of a plan.
func (b *builder) step(c *Case) plan.Step {
	step := plan.Step{Action: string(c.Action), Subject: ItemName(c.Judgement), Reasons: c.Reasons(), Parameters: map[string]string{}}
	if c.Rule != "" {
		step.Parameters[ParamRule], step.Parameters["terms"] = c.Rule, b.terms[c.Rule]
	}
	step.Parameters[ParamStage], step.Parameters[ParamName] = string(c.Stage), c.Name
	if b.request.SkipWaits {
		step.Parameters["skipWaits"], step.Parameters["reason"] = "true", b.request.Reason
	}
	if c.Worth != "" {
		step.Beside = map[string]string{ParamSaves: c.Worth}
	}
	return step
}

// others are the steps of those that do not go, each made when it is asked for.
func (b *builder) others(all []*Case) iter.Seq[plan.StoredStep] {
	return func(yield func(plan.StoredStep) bool) {
		for _, c := range all {
			if goes(c) {
				continue
			}
			step := b.step(c)
			if !c.DueAt.IsZero() {
				step.Parameters[ParamDue] = c.DueAt.UTC().Format(time.RFC3339)
			}
			if !yield(plan.StoredStep{Step: step, Beside: step.Beside}) {
				return
			}
		}
	}
}

// goes: an image is to go, and no cleanup has it yet.
func goes(c *Case) bool {
	return c.item != nil && c.Removable() && c.InWork == "" && slices.Contains([]Action{Mark, Wait, Quarantine, Delete}, c.Action)
}

// goes adds what is to go.
func (b *builder) goes(c *Case) Going {
	end := StagePurged
	if b.request.MarkOnly || b.doc.Mode == ModeMark {
		end = StageMarked
	}
	step := b.step(c)
	name := step.Subject
	step.Sets = plan.Facts{"stage/" + name: string(end)}
	b.plan.Steps = append(b.plan.Steps, step)
	item := *c.item
	item.Terms, item.Why = b.terms[c.Rule], c.Removes[0].Code
	g := Going{Ref: c.Ref, Family: item.Family}
	if c.Snapshot != "" {
		item.Caps = []work.Claim{{Thing: "all", Most: b.room.PerDay}}
		b.wish.Items[name] = item
		b.plan.Base["image/"+name] = "orphan"
		return g
	}
	b.plan.Base["image/"+name] = c.base
	for _, r := range b.lines[c.line] {
		if r != c.Ref {
			item.Copies = append(item.Copies, r)
		}
	}
	item.Caps = b.room.places(g)
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

// leaks are what of a leaked image others can go on using, as it may not go, with the
// share that ends that.
func (b *builder) leaks(all []*Case, findings []image.Finding) []image.Finding {
	var found []image.Finding
	holds := slices.IndexFunc(findings, func(f image.Finding) bool { return f.Level == image.Fatal || f.Code == "modeMark" })
	for _, c := range all {
		var why string
		switch {
		case c.leak == nil:
			continue
		case c.Action == Refuse:
			why = c.Keeps[0].Sentence
		case holds >= 0: // nothing of the plan is done, or it stops before that
			why = findings[holds].Sentence
		default:
			continue
		}
		method, change := "PATCH", map[string]any{"remove": c.leak.grants}
		if c.leak.published {
			method, change = "PUT", map[string]any{"accounts": []string{}, "community": false}
		}
		wish, err := json.Marshal(change)
		if err != nil { // accounts have no way to fail
			continue
		}
		found = append(found, image.Finding{
			Level: image.Warning, Remedy: fmt.Sprintf("%s /shares/%s?region=%s %s", method, c.Ref.ID, c.Ref.Region, wish),
			Reason: image.Reason{Code: "stillShared", Sentence: fmt.Sprintf("%s in %s is not unshared by this: %s", c.Ref.ID, c.Ref.Region, why)},
		})
	}
	return found
}

// findings are what keeps the plan from being applied, or should be known.
func (b *builder) findings(going []Going) []image.Finding {
	found := []image.Finding{}
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
		say(image.Warning, r.Code, "see what the role may read, and that REGIONS and CLEANUP_ACCOUNTS are whole; what was taken out of them on purpose is missed for a week", "%s", r.Sentence)
	}
	for _, r := range b.inv.JournalUnread {
		say(image.Warning, "journalUnreadable", "mend the journal", "%s", r.Sentence)
	}
	return found
}
