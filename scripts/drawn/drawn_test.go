package drawn_test

import (
	"fmt"
	"slices"
	"testing"

	"imagekeeper/scripts/drawn"
)

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestOneOfEachStretch: so many of each stretch, the same for the same seed,
// and over many seeds every one.
func TestOneOfEachStretch(t *testing.T) {
	t.Setenv(drawn.Whole, "")
	seen := map[int]bool{}
	for seed := range 200 {
		t.Setenv(drawn.Variable, fmt.Sprint(seed))
		kept := drawn.Some(t, upTo(23), 5)
		if again := drawn.Some(t, upTo(23), 5); !slices.Equal(kept, again) {
			t.Fatalf("seed %d: %v, then %v", seed, kept, again)
		}
		if len(kept) != 5 {
			t.Fatalf("seed %d: %v", seed, kept)
		}
		for n, one := range kept {
			if one/5 != n {
				t.Fatalf("seed %d: %v", seed, kept)
			}
			seen[one] = true
		}
	}
	if len(seen) != 23 {
		t.Errorf("200 seeds took %d of 23", len(seen))
	}
}

// TestAll is what the long run takes, and what needs no draw.
func TestAll(t *testing.T) {
	t.Setenv(drawn.Whole, "full")
	if got := drawn.Some(t, upTo(23), 5); len(got) != 23 || !drawn.All() {
		t.Errorf("got %v", got)
	}
	t.Setenv(drawn.Whole, "")
	if got := drawn.Some(t, upTo(23), 1); len(got) != 23 || drawn.All() {
		t.Errorf("got %v", got)
	}
	if got := drawn.Some(t, []int{}, 4); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// TestSeed is the one that is named, and one for the whole run otherwise.
func TestSeed(t *testing.T) {
	t.Setenv(drawn.Variable, "42")
	if got := drawn.Seed(); got != 42 {
		t.Errorf("got %d", got)
	}
	t.Setenv(drawn.Variable, "")
	if drawn.Seed() != drawn.Seed() {
		t.Error("two seeds in one run")
	}
}
