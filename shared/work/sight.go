package work

import (
	"maps"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
)

// Sight is whether an item can be looked at.
type Sight struct {
	// Unseen is why it cannot; nil: it can, as far as is known.
	Unseen *image.Reason `json:"unseen,omitempty"`
	// Since is when that last changed; zero: never.
	Since time.Time `json:"since,omitzero"`
}

// Sighted is that an item cannot be looked at from now on, or can be again.
type Sighted struct {
	Item   string        `json:"item"`
	Unseen *image.Reason `json:"unseen,omitempty"`
}

// CodeUnseen is of an item that cannot be looked at.
const CodeUnseen = "notSeen"

// factUnseen is why an item cannot be looked at. No kind decides about one that has it.
const factUnseen = "work.unseen"

// Unseen says that an item cannot be looked at, and why: it stays as it is, tells so,
// and is not decided about.
func (s Seen) Unseen(name, why string) {
	s[name] = plan.Facts{factUnseen: "it cannot be looked at, and stays as it is: " + why}
}

// Refused says that nothing is known of an item, since a look at it failed. Where that
// is for a permission it tells so; what failed otherwise the next look may see.
func (s Seen) Refused(name string, err error) {
	if delete(s, name); fault.Of(err) == fault.Forbidden {
		s.Unseen(name, fault.Sentence(err))
	}
}

// sighted takes what cannot be looked at out of what a look found, and tells of which
// items that is new, or over.
func (w Work) sighted(seen Seen) (known Seen, changed []Sighted) {
	known = maps.Clone(seen)
	for _, name := range w.names {
		facts, looked := seen[name]
		why, was := facts[factUnseen], w.Items[name].Sight.Unseen
		if why != "" {
			delete(known, name)
		}
		switch {
		case !looked || w.Items[name].Ended():
		case why == "" && was != nil:
			changed = append(changed, Sighted{Item: name})
		case why != "" && (was == nil || was.Sentence != why):
			changed = append(changed, Sighted{name, &image.Reason{Code: CodeUnseen, Sentence: why}})
		}
	}
	return known, changed
}

// sight folds which items cannot be looked at.
func (w Work) sight(r Record) {
	for _, s := range r.Sights {
		i := w.Items[s.Item]
		i.Name, i.Sight = s.Item, Sight{s.Unseen, r.At}
		w.Items[s.Item] = i
	}
}

// blind are the open items of a work none of which could be looked at.
func (w Work) blind(err error) []Sighted {
	seen := Seen{}
	for _, name := range w.names {
		seen.Refused(name, err)
	}
	_, changed := w.sighted(seen)
	return changed
}

// unsighted: some open item cannot be looked at.
func (w Work) unsighted() bool {
	for _, i := range w.Items {
		if i.Unseen() != nil {
			return true
		}
	}
	return false
}

// Unseen is why the item cannot be looked at; nil: it can, or it has ended.
func (i Item) Unseen() *image.Reason {
	if i.Ended() {
		return nil
	}
	return i.Sight.Unseen
}

// ChangedAt is when it last changed, or could no longer be looked at, or could again.
func (i Item) ChangedAt() time.Time { return later(i.Since, i.Sight.Since) }
