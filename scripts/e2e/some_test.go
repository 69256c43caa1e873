package e2e_test

import (
	"math/rand/v2"
	"os"
	"testing"
)

// some is one of every so many, others each time; all of them for TRIALS=full.
// Under the race detector, which sees the host and the cloud but not the
// functions, it is one eighth of that.
func some[T any](t *testing.T, all []T, every int) []T {
	t.Helper()
	if raceDetector {
		every *= 8
	}
	if os.Getenv("TRIALS") == "full" || every <= 1 {
		return all
	}
	first := rand.IntN(every)
	t.Logf("one of every %d of %d, from the one at %d", every, len(all), first)
	var kept []T
	for n := first; n < len(all); n += every {
		kept = append(kept, all[n])
	}
	return kept
}
