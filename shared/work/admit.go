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
	items, left := map[string]Item{}, maps.Clone(w.Items)
	for _, i := range d.Items {
		was := w.Items[i.Name]
		if slices.Contains(w.names, i.Name) && !same(was, i) && (i.Ended() || !was.Ended()) {
			if i.Tries, i.Answered, i.Sends = was.Tries, was.Answered, was.Sends; was.Sent != nil && i.Sent == nil {
				i.Tries, i.Answered, i.Sends = was.Tries+1, "", 0
			}
			items[i.Name], left[i.Name] = i, i
		}
	}
	d.Items = slices.SortedFunc(maps.Values(items), func(a, b Item) int { return compare(a.Name, b.Name) })
	var acts []Act
	for _, a := range d.Acts {
		_, known := seen[a.Item]
		twice := slices.ContainsFunc(acts, func(b Act) bool { return a.Item == b.Item })
		if known && !twice && slices.Contains(w.names, a.Item) && len(acts) < mostBatch && w.mayDo(left[a.Item], a, now) {
			a.Attempt = left[a.Item].Tries
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
	return i.Answered == "" || !now.Before(i.Since.Add(again(i.Sends)))
}

// again is how long after a call whose end nobody saw it is made once more: ever
// longer, so that what is refused for hours is not asked for all that time.
func again(sends int) time.Duration {
	d := shortest
	for n := 1; n < sends && d < longestAgain; n++ {
		d *= 2
	}
	return min(d, longestAgain)
}

// longestAgain bounds it.
const longestAgain = time.Minute

// same: an item is as it was, but for what the engine keeps.
func same(was, is Item) bool {
	is.Since, is.Sight, is.Tries, is.Answered, is.Sends = was.Since, was.Sight, was.Tries, was.Answered, was.Sends
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
