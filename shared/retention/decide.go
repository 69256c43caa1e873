package retention

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// lineKey is a family in one account and region, for one architecture.
type lineKey struct {
	account image.AccountID
	region  image.RegionID
	family  image.Family
	arch    image.Architecture
}

// Decide judges every image and every orphan of an inventory by a document of rules.
// It is pure: the same in, the same out, in the order of the inventory.
func Decide(inv Inventory, doc Document, now time.Time) []Judgement {
	return decide(inv, doc, now, Request{})
}

// DecideNamed judges images that somebody named: by the same guards, without a rule.
// skipWaits shortens times, never guards.
func DecideNamed(inv Inventory, doc Document, now time.Time, named []image.Ref, skipWaits bool) []Judgement {
	if len(named) == 0 {
		return nil
	}
	return decide(inv, doc, now, Request{Images: named, SkipWaits: skipWaits})
}

func decide(inv Inventory, doc Document, now time.Time, r Request) []Judgement {
	short := inv.Short
	inv.Short = nil // settle tells of it
	at := newScene(&inv, doc, now)
	at.hurry(r)
	cases := at.cases(r)
	inv.Short = short
	at.settle(cases, len(r.Images) == 0)
	all := make([]Judgement, len(cases))
	for n, c := range cases {
		all[n] = c.Judgement
	}
	return all
}

// hurry: a leaked image does not wait.
func (at *scene) hurry(r Request) {
	if r.SkipWaits {
		at.doc.Grace, at.doc.Quarantine = 0, 0
	}
}

// byName judges an image that somebody named.
func (at *scene) byName(s *Subject) Judgement {
	j := judgementOf(s)
	j.Keeps = at.guarded(s, request{ripe: true})
	j.Removes = []image.Reason{{Code: "named", Sentence: "it was named"}}
	return j
}

func judgementOf(s *Subject) Judgement {
	return Judgement{Ref: s.Ref, Name: s.Name, Stage: cmp.Or(s.Reached.Stage, StageNone), InWork: s.InWork}
}

func newScene(inv *Inventory, doc Document, now time.Time) *scene {
	at := &scene{now: now, inv: inv, doc: doc.Complete(), families: familiesOf(inv), guards: guards()}
	at.rank()
	return at
}

// familiesOf are the families of lines.
func familiesOf(inv *Inventory) map[string]image.Family {
	families := map[string]image.Family{}
	for n := range inv.Subjects {
		s := &inv.Subjects[n]
		if s.Line == "" {
			continue
		}
		enterFamily(families, s.Line, familyOf(s.Image))
	}
	return families
}

// enterFamily: of several families a line is of the first by name, in whatever order
// they are seen.
func enterFamily(families map[string]image.Family, line string, f image.Family) {
	if known := families[line]; f != "" && (known == "" || f < known) {
		families[line] = f
	}
}

// rank orders the Available images of each family, newest first.
func (at *scene) rank() {
	at.newest, at.ranks = map[lineKey]*Subject{}, map[*Subject]int{}
	lines := map[lineKey][]*Subject{}
	for n := range at.inv.Subjects {
		s := &at.inv.Subjects[n]
		key, ok := at.lineOf(s)
		_, readable := builtAt(s.Image)
		// An image of which nobody can tell when it was built must not push others down.
		if ok && readable && s.Status == image.StatusAvailable && s.Tags[TagUndo] == "" && s.Tags[TagRestored] == "" {
			lines[key] = append(lines[key], s)
		}
	}
	for key, all := range lines {
		slices.SortFunc(all, func(a, b *Subject) int {
			builtA, _ := builtAt(a.Image)
			builtB, _ := builtAt(b.Image)
			return cmp.Or(builtB.Compare(builtA), image.Newest(a.Image, b.Image))
		})
		at.newest[key] = all[0]
		for n, s := range all {
			at.ranks[s] = n + 1
		}
	}
}

// builtAt is when a version was built: by its tag, else when it was made. ok is false
// if the tag cannot be read: then its place among the versions is not known.
func builtAt(i image.Image) (at time.Time, ok bool) {
	text, tagged := i.Tags[TagBuiltAt]
	if !tagged {
		return i.CreatedAt, true
	}
	at, unreadable := readTime("when it was built", text)
	return at, unreadable == nil
}

// lineOf is the family of an image, or that of the image it is a copy of.
func (at *scene) lineOf(s *Subject) (lineKey, bool) {
	family := familyOf(s.Image)
	if family == "" && s.Line != "" {
		family = at.families[s.Line]
	}
	return lineKey{s.Account, s.Region, family, s.Architecture}, family != ""
}

// byRules collects what speaks for and against the removal of an image.
func (at *scene) byRules(s *Subject) Judgement {
	j := judgementOf(s)
	if s.Named { // rules have no say in what a person decided
		j.Keeps = at.guarded(s, request{ripe: true})
		j.Removes = []image.Reason{{Code: "named", Sentence: "it was named in cleanup " + s.InWork}}
		return j
	}
	i := s.Image
	if key, ok := at.lineOf(s); ok {
		i.Family = key.family
	}
	var waits []image.Reason
	var by *Rule
	for n := range at.doc.Rules {
		r := &at.doc.Rules[n]
		if !r.Match.Fits(i) {
			continue
		}
		j.Keeps = append(j.Keeps, at.stays(s, r)...)
		fails, removes := at.ripe(s, r)
		switch {
		case len(fails) > 0:
			waits = append(waits, fails...)
		case by == nil:
			by, j.Rule, j.Removes = r, r.Name, removes
		}
	}
	j.Keeps = append(at.guarded(s, request{by, by != nil}), j.Keeps...)
	switch {
	case by == nil && len(waits) > 0:
		j.Keeps = append(j.Keeps, waits...)
	case by == nil:
		j.Keeps = append(j.Keeps, image.Reason{Code: codeNoRule, Sentence: "no rule is about it"})
	}
	return j
}

// codeNoRule is of images that no rule is about.
const codeNoRule = "noRule"

// stays is what a rule keeps of what it matches.
func (at *scene) stays(s *Subject, r *Rule) []image.Reason {
	k := r.Keep
	if k == nil {
		return nil
	}
	var keeps []image.Reason
	say := func(code, sentence string, args ...any) {
		keeps = append(keeps, image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)})
	}
	if k.Last > 0 {
		_, ok := at.lineOf(s)
		rank := at.ranks[s]
		switch {
		case !ok:
			say("noFamily", "rule %s keeps the last %d of a family, and the image has none", r.Name, k.Last)
		case rank > 0 && rank <= k.Last:
			say("keepLast", "it is number %d of its family, and rule %s keeps the last %d", rank, r.Name, k.Last)
		}
	}
	if k.SharedWithOthers && (len(s.Grants) > 0 || !s.GrantsKnown) {
		say("sharedWithOthers", "it is shared with others, and rule %s keeps that", r.Name)
	}
	for _, key := range k.Tagged {
		if _, has := s.Tags[key]; has {
			say("tagged", "it has the tag %s, and rule %s keeps that", key, r.Name)
		}
	}
	return keeps
}

// ripe tells whether a rule would have an image go now: why not yet, or why.
func (at *scene) ripe(s *Subject, r *Rule) (fails, removes []image.Reason) {
	age := time.Duration(r.Remove.OlderThan)
	if s.CreatedAt.IsZero() || at.now.Sub(s.CreatedAt) < age {
		fails = append(fails, image.Reason{Code: "notOldEnough", Sentence: fmt.Sprintf("rule %s is about images older than %s", r.Name, r.Remove.OlderThan)})
	} else {
		removes = append(removes, image.Reason{Code: "olderThan", Sentence: fmt.Sprintf("rule %s: it is older than %s", r.Name, r.Remove.OlderThan)})
	}
	span := time.Duration(r.Remove.UnusedFor)
	if span == 0 {
		return fails, removes
	}
	if why := s.Unused.Unproven(s.CreatedAt, span, at.now); why != nil {
		return append(fails, *why), removes
	}
	removes = append(removes, image.Reason{Code: "unusedFor", Sentence: fmt.Sprintf("rule %s: looks prove that nothing has used it for %s", r.Name, r.Remove.UnusedFor)})
	if r.Remove.AcceptShortUse {
		return fails, append(removes, image.Reason{Code: "shortUseAccepted", Sentence: "use between two looks is accepted by rule " + r.Name})
	}
	if why := s.Unused.ShortUse(span, at.now); why != nil {
		return append(fails, *why), removes
	}
	return fails, removes
}

// CodeShortUse is of images that a rule would have go and only a person may: use
// between two looks could not be excluded.
const CodeShortUse = "shortUseNotExcluded"

// together keeps every copy of an image of which one is kept: by a guard, by a rule,
// or because its time has not come.
func together(all []*Case) {
	keptBy := map[string]*Case{}
	for _, c := range all {
		if _, known := keptBy[c.line]; c.line != "" && !known && stays(c.Judgement) {
			keptBy[c.line] = c
		}
	}
	why := map[string]image.Reason{}
	for line, by := range keptBy {
		why[line] = image.Reason{Code: "copyKept", Sentence: fmt.Sprintf("its copy %s in %s is kept: %s", by.Ref.ID, by.Ref.Region, by.Keeps[0].Sentence)}
	}
	for _, c := range all {
		if by := keptBy[c.line]; by != nil && by != c && !c.named {
			c.Keeps = append(c.Keeps, why[c.line])
		}
	}
}

// stays: something else than that no rule is about it keeps the image.
func stays(j Judgement) bool {
	return slices.ContainsFunc(j.Keeps, func(r image.Reason) bool { return r.Code != codeNoRule })
}

// staged says what is to be done with an image, by how far it is.
func (at *scene) staged(c *Case) {
	var reached Reached
	if c.reached != nil {
		reached = *c.reached
	}
	switch {
	case !c.Removable() && c.Snapshot != "":
		c.Action = Keep
	case !c.Removable():
		c.Action = stopped(c, reached.Stage == StageMarked || reached.Stage == StageQuarantined)
	case c.Stage == StageMarked && c.Snapshot == "":
		c.Action = Wait
		if at.graceOver(reached, c.Rule, &c.DueAt) {
			c.Action = Quarantine
		}
	case c.Stage == StageQuarantined:
		c.Action = Wait
		if reached.QuarantinedAt.IsZero() { // since when it is in quarantine cannot be read
			break
		}
		if c.DueAt = reached.QuarantinedAt.Add(time.Duration(at.doc.Quarantine)); !at.now.Before(c.DueAt) {
			c.Action = Delete
		}
	default:
		c.Action, c.DueAt = Mark, at.now
	}
}

// stopped is what is done with an image that something keeps.
func stopped(c *Case, begun bool) Action {
	switch {
	case begun && !slices.ContainsFunc(c.Keeps, func(r image.Reason) bool { return !doubtful(r.Code) }):
		return Wait
	case begun:
		return Return
	case len(c.Keeps) == 1 && c.Keeps[0].Code == CodeShortUse, len(c.Removes) > 0 && c.Removes[0].Code == "named":
		return Refuse
	}
	return Keep
}

// graceOver reports whether the time after the announcement is over. An announcement
// that was not delivered, or that was of other terms, begins no grace.
func (at *scene) graceOver(reached Reached, rule string, due *time.Time) bool {
	if reached.AnnouncedAt.IsZero() || rule != "" && reached.Terms != termsOf(at.doc)[rule] {
		return false
	}
	*due = reached.AnnouncedAt.Add(time.Duration(at.doc.Grace))
	return !at.now.Before(*due)
}

// orphan judges a snapshot that an image left.
func (at *scene) orphan(o *Orphan) Judgement {
	j := Judgement{Ref: o.Of, Snapshot: o.ID, Name: o.Name, Stage: StageNone, InWork: o.InWork}
	if strings.HasPrefix(o.Tags[TagCleanup], string(StageMarked)+" ") {
		j.Stage = StageMarked
	}
	place := &Subject{Image: image.Image{Ref: image.Ref{Account: o.Account, Region: o.Region}}}
	for _, g := range []guard{{"journalUnreadable", true, journalUnreadable}, {"evidenceShort", true, evidenceShort}, {"regionUnread", true, regionUnread}} {
		if sentence, holds := g.holds(place, at, request{}); holds {
			j.Keeps = append(j.Keeps, image.Reason{Code: g.code, Sentence: sentence})
		}
	}
	say := func(holds bool, code, sentence string, args ...any) {
		if holds {
			j.Keeps = append(j.Keeps, image.Reason{Code: code, Sentence: fmt.Sprintf(sentence, args...)})
		}
	}
	say(o.Of.ID == "", "neverSeenInImage", "nobody saw it in an image of ours")
	say(o.Tagged, "taggedByOther", "another function, or another product, put its tag on it")
	say(len(o.UsedBy) > 0, "inUse", "it is used by %v", o.UsedBy)
	say(o.Status != "accomplished", "notAccomplished", "its status is %s", o.Status)
	say(o.GoneAt.After(at.now), "dateMissing", "since when its image is gone cannot be: it is yet to come")
	say(o.Locked != image.No, "locked", "it is locked, or whether it is cannot be read")
	say(o.GoneAt.IsZero(), "dateMissing", "since when its image is gone is not known")
	by := slices.IndexFunc(at.doc.Rules, func(r Rule) bool {
		return r.Match.Snapshots == Orphaned && r.Match.fitsSnapshot(o.Snapshot)
	})
	switch {
	case by < 0:
		say(true, codeNoRule, "no rule is about it")
	case at.now.Sub(o.GoneAt) < time.Duration(at.doc.Rules[by].Remove.OlderThan):
		say(true, "notOldEnough", "rule %s is about snapshots whose image is gone for %s", at.doc.Rules[by].Name, at.doc.Rules[by].Remove.OlderThan)
	default:
		j.Rule = at.doc.Rules[by].Name
		j.Removes = []image.Reason{{Code: "orphaned", Sentence: fmt.Sprintf("rule %s: image %s, which it was seen in, is gone since %s", j.Rule, o.Of.ID, o.GoneAt.UTC().Format(time.DateOnly))}}
	}
	return j
}

// fitsSnapshot: a snapshot is where, and tagged as, a match says.
func (m Match) fitsSnapshot(s image.Snapshot) bool {
	m.Snapshots = ""
	return m.Fits(image.Image{Ref: image.Ref{Account: s.Account, Region: s.Region}, Name: s.Name, Tags: s.Tags, CreatedAt: s.CreatedAt})
}
