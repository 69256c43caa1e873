package image

import (
	"cmp"
	"slices"
	"strings"
)

// shownNames is how many names a sentence has.
const shownNames = 3

// Nearest are the names that may be meant by one: that differ from it by little, or
// have it inside, each once, the nearest first and three at most. If the name itself
// is there, none is meant instead.
func Nearest(name string, names []string) []string {
	if slices.Contains(names, name) {
		return nil
	}
	far := func(other string) int {
		a, b := strings.ToLower(name), strings.ToLower(other)
		if strings.Contains(b, a) || strings.Contains(a, b) {
			return 1
		}
		return distance(a, b)
	}
	near := slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == "" || far(other) > max(1, len(name)/4) })
	slices.SortFunc(near, func(a, b string) int { return cmp.Or(cmp.Compare(far(a), far(b)), cmp.Compare(a, b)) })
	near = slices.Compact(near)
	return near[:min(shownNames, len(near))]
}

// distance is how many letters are to be added, left out, changed, or swapped with
// the next one, to make b of a.
func distance(a, b string) int {
	earlier, before := make([]int, len(b)+1), make([]int, len(b)+1)
	for n := range before {
		before[n] = n
	}
	for i := range len(a) {
		now := make([]int, len(b)+1)
		now[0] = i + 1
		for k := range len(b) {
			change := before[k]
			if a[i] != b[k] {
				change++
			}
			now[k+1] = min(change, before[k+1]+1, now[k]+1)
			if i > 0 && k > 0 && a[i] == b[k-1] && a[i-1] == b[k] {
				now[k+1] = min(now[k+1], earlier[k-1]+1)
			}
		}
		earlier, before = before, now
	}
	return before[len(b)]
}
