package pricing

import (
	"slices"
	"strings"

	"imagekeeper/shared/image"
)

// Mainland tells whether a region lies in the Chinese mainland, where Windows
// costs nothing.
func Mainland(r image.RegionID) image.Tri { return image.Mainland(r) }

// Meant is the region that was misspelt: r is not known, and a letter too many,
// too few, or two that changed places are all that keeps it from being one that
// is. Regions that differ in their number are different regions.
func Meant(r image.RegionID) (image.RegionID, bool) {
	known := slices.Concat(image.MainlandRegions(), image.RegionsAbroad())
	if slices.Contains(known, r) {
		return "", false
	}
	for _, k := range known {
		a, b := letters(r), letters(k)
		if a != b && (lacksOne(a, b) || lacksOne(b, a) || swapped(a, b)) {
			return k, true
		}
	}
	return "", false
}

// letters leaves out the number at the end.
func letters(r image.RegionID) string { return strings.TrimRight(string(r), "0123456789") }

// lacksOne: short is long without one of its letters.
func lacksOne(short, long string) bool {
	if len(short)+1 != len(long) {
		return false
	}
	n := 0
	for n < len(short) && short[n] == long[n] {
		n++
	}
	return short[n:] == long[n+1:]
}

// swapped: two neighbours changed places.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n+1 < len(a) && a[n] == b[n+1] && a[n+1] == b[n] && a[n+2:] == b[n+2:]
}
