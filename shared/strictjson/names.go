package strictjson

import (
	"strings"

	"imagekeeper/shared/fault"
)

// UnknownName is the refusal of a key or parameter that is none of allowed. It
// suggests the nearest one, and lists them when they are few.
func UnknownName(field, name string, allowed []string) *fault.Error {
	switch near := nearest(name, allowed); {
	case near != "":
		return fault.InField(field, CodeUnknown, "is not known; did you mean %s?", near)
	case len(allowed) == 0:
		return fault.InField(field, CodeUnknown, "is not known; nothing is allowed here")
	}
	return fault.InField(field, CodeUnknown, "is not known; allowed: %s", strings.Join(allowed, ", "))
}

// nearest returns the name at most two typing mistakes away, if one is, and
// fewer than half of its letters.
func nearest(name string, allowed []string) string {
	best, least := "", 3
	if len(name) > 64 {
		return ""
	}
	for _, candidate := range allowed {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least && 2*d < len(candidate) {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
