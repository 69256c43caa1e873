package retention

import (
	"slices"

	"imagekeeper/shared/image"
)

// Case is what was decided about one image or snapshot, and what of it others may
// still have a say in.
type Case struct {
	Judgement
	// Worth is what it costs a month, in words of whoever prices it.
	Worth string
	link
	subject *Subject // nil: a snapshot, or it was let go
	// own is its family, and family that by which it was judged: its own, or that of an
	// image of its line.
	own     image.Family
	family  image.Family
	named   bool
	reached *Reached // nil: it is not on its way
	// item is what a work has to know of it, and base when its approval is void; nil: it
	// does not go.
	item *WishItem
	base string
	// leak is who may use an image that is leaked; nil: nobody, or nobody asks.
	leak *leak
}

// leak is who may use an image.
type leak struct {
	grants    []image.AccountID
	published bool
}

// link is by what the regional copies of an image are found.
type link struct {
	ref   image.Ref
	line  string
	disks []image.SnapshotID
	from  []string
}

// linksOf are those of all images of an inventory.
func linksOf(inv *Inventory) []link {
	all := make([]link, 0, len(inv.Subjects))
	for n := range inv.Subjects {
		all = append(all, inv.Subjects[n].link())
	}
	return all
}

func (s *Subject) link() link {
	return link{ref: s.Ref, line: s.Line, disks: snapshotsOf(s.Image), from: s.From}
}

// cases judges every image, and every snapshot that one left, by what its region
// shows: by the rules, or those that are named.
func (at *scene) cases(r Request) []*Case {
	all := make([]*Case, 0, len(at.inv.Subjects)+len(at.inv.Orphans))
	for n := range at.inv.Subjects {
		s := &at.inv.Subjects[n]
		c := &Case{subject: s, link: link{line: s.Line}, named: s.Named}
		switch {
		case len(r.Images) == 0:
			c.Judgement = at.byRules(s)
		case slices.Contains(r.Images, s.Ref):
			c.Judgement = at.byName(s)
		default:
			continue
		}
		if s.Reached != (Reached{}) {
			reached := s.Reached
			c.reached = &reached
		}
		all = append(all, c)
	}
	if len(r.Images) > 0 {
		return all
	}
	for n := range at.inv.Orphans {
		all = append(all, &Case{Judgement: at.orphan(&at.inv.Orphans[n])})
	}
	return all
}

// remember keeps of an image what is needed once it is let go.
func (at *scene) remember(c *Case, r Request) {
	s := c.subject
	if s == nil {
		if c.Removable() {
			c.item = &WishItem{Ref: c.Ref, Name: c.Name, Rule: c.Rule, Orphan: c.Snapshot}
		}
		return
	}
	c.subject, c.link = nil, s.link()
	key, _ := at.lineOf(s)
	c.own, c.family = familyOf(s.Image), key.family
	if r.SkipWaits && (len(s.Grants) > 0 || s.Published) {
		c.leak = &leak{s.Grants, s.Published}
	}
	if !c.Removable() || c.InWork != "" {
		return
	}
	c.base = BaseOf(*s)
	c.item = &WishItem{Ref: c.Ref, Name: c.Name, Rule: c.Rule, Family: key.family, Snapshots: c.disks}
	for n := range at.doc.Rules {
		if rule := &at.doc.Rules[n]; rule.Name == c.Rule {
			c.item.Deprecate = rule.Deprecate
			if rule.OwnerTag != "" {
				c.item.Owner = s.Tags[rule.OwnerTag]
			}
		}
	}
}

// settle ends what each case alone could not: less was seen than before, a copy is
// kept; and says what is to be done. By rules all copies stay together.
func (at *scene) settle(all []*Case, byRules bool) {
	if len(at.inv.Short) > 0 {
		sentence, _ := evidenceShort(nil, at, request{})
		for _, c := range all {
			n := slices.IndexFunc(c.Keeps, func(r image.Reason) bool { return r.Code != "journalUnreadable" })
			if n < 0 {
				n = len(c.Keeps)
			}
			c.Keeps = slices.Insert(c.Keeps, n, image.Reason{Code: "evidenceShort", Sentence: sentence})
		}
	}
	if byRules {
		together(all)
	}
	for _, c := range all {
		at.staged(c)
	}
}
