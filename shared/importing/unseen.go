package importing

import (
	"maps"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
	"imagekeeper/shared/plan"
	"imagekeeper/shared/work"
)

const (
	// factUnseen, and noteUnseen of an item, are why it cannot be looked at: it stays as it
	// is, and says so.
	factUnseen = "unseen"
	noteUnseen = "unseen"
)

// unseen are the facts of an item that may not be looked at. Of what failed otherwise
// there are none: the next look may see it.
func unseen(seen work.Seen, name string, err error) {
	if fault.Of(err) == fault.Forbidden {
		seen[name] = plan.Facts{factUnseen: "it cannot be looked at, and stays as it is: " + fault.Sentence(err)}
	}
}

// blind reports whether nothing can be decided about an item now, and the item as it
// tells that, where it has not told it, or tells it no longer.
func blind(item work.Item, facts plan.Facts) (told []work.Item, is bool) {
	why, was := facts[factUnseen], item.Notes[noteUnseen]
	if !item.Begun() || (why == "") == (was == "") {
		return nil, why != ""
	}
	if item.Notes = maps.Clone(item.Notes); item.Notes == nil {
		item.Notes = map[string]string{}
	}
	if item.Notes[noteUnseen] = why; why == "" {
		delete(item.Notes, noteUnseen)
	}
	return []work.Item{item}, true
}

// Unseen is why an item cannot be looked at; nil: it can, or it has ended.
func Unseen(i work.Item) *image.Reason {
	if why := i.Notes[noteUnseen]; why != "" && !i.Ended() {
		return &image.Reason{Code: "notSeen", Sentence: why}
	}
	return nil
}
