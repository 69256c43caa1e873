package e2e_test

import (
	"testing"

	"imagekeeper/scripts/drawn"
)

// some is one of every so many, others each time; all of them for TRIALS=full.
// Under the race detector, which sees the host and the cloud but not the
// functions, it is one eighth of that.
func some[T any](t *testing.T, all []T, every int) []T {
	t.Helper()
	if raceDetector {
		every *= 8
	}
	return drawn.Some(t, all, every)
}
