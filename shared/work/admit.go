package work

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/plan"
)

// admit leaves of a decision what may be done, whatever the kind says: no act on an
// item that has ended, was not seen, is in doubt about another act, was just asked
// for, or may not be begun now; and nothing that changes nothing.
func admit(w Work, seen Seen, d Decision, now time.Time) Decision {
	items := map[string]Item{}
	for _, i := range d.Items {
		if was, known := w.Items[i.Name]; !slices.Contains(w.names, i.Name) || known && (same(was, i) || was.Ended() && !i.Ended()) {
			continue
		}
		items[i.Name] = i
	}
	d.Items = slices.SortedFunc(maps.Values(items), func(a, b Item) int { return compare(a.Name, b.Name) })
	var acts []Act
	for _, a := range d.Acts {
		i, changed := items[a.Item]
		if !changed {
			i = w.Items[a.Item]
		}
		_, known := seen[a.Item]
		twice := slices.ContainsFunc(acts, func(b Act) bool { return a.Item == b.Item })
		if known && !twice && slices.Contains(w.names, a.Item) && len(acts) < mostBatch && w.mayDo(i, a, now) {
			a.Attempt = i.Tries
			if was := w.Items[a.Item]; was.Sent != nil && i.Sent == nil {
				a.Attempt = was.Tries + 1
			}
			acts = append(acts, a)
		}
	}
	d.Acts = acts
	return d
}

// mayDo reports whether an act on an item may be done now.
func (w Work) mayDo(i Item, a Act, now time.Time) bool {
	switch {
	case i.Ended(), w.Braked() && !i.Begun():
		return false
	case i.Sent == nil:
		return true
	case i.Sent.Do != a.Do || i.Answered == plan.Applied:
		return false
	}
	return i.Answered == "" || !now.Before(i.Since.Add(shortest))
}

// same: an item is as it was, but for what the engine keeps.
func same(was, is Item) bool {
	is.Since, is.Tries, is.Answered = was.Since, was.Tries, was.Answered
	if len(was.Notes) == 0 && len(is.Notes) == 0 {
		is.Notes = was.Notes
	}
	return reflect.DeepEqual(was, is)
}

func compare(a, b string) int { return cmp.Compare(a, b) }

// lastWord is the id in the subject of a work.
func lastWord(subject string) string {
	return subject[strings.LastIndexByte(subject, '/')+1:]
}
