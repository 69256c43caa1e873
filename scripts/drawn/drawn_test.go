package drawn_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

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

// TestSeeds: each number is drawn by some seed, one of each stretch.
func TestSeeds(t *testing.T) {
	t.Setenv(drawn.Whole, "")
	t.Setenv(drawn.Variable, "7")
	if got := drawn.Seeds(t, 12, 4); len(got) != 3 || got[0] > 3 || got[2] < 8 {
		t.Errorf("got %v", got)
	}
	t.Setenv(drawn.Whole, "full")
	if got := drawn.Seeds(t, 3, 4); !slices.Equal(got, []uint64{0, 1, 2}) {
		t.Errorf("got %v", got)
	}
}

// TestScratchLeavesNothingBehind, also if it is interrupted.
func TestScratchLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	if told := os.Getenv("DRAWN_SCRATCH"); told != "" { // the process that is interrupted
		drawn.Scratch("drawn", func(folder string) int {
			if os.WriteFile(told, []byte(folder), 0o600) != nil {
				return 1
			}
			time.Sleep(time.Hour)
			return 0
		})
		return
	}
	var kept string
	if got := drawn.Scratch("drawn", func(folder string) int { kept = folder; return 7 }); got != 7 || kept == "" || exists(kept) {
		t.Errorf("%d, %s", got, kept)
	}
	told := filepath.Join(t.TempDir(), "told")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestScratchLeavesNothingBehind$")
	child.Env = append(os.Environ(), "DRAWN_SCRATCH="+told)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var folder []byte
	for len(folder) == 0 {
		folder, _ = os.ReadFile(told)
		time.Sleep(10 * time.Millisecond)
	}
	if !exists(string(folder)) {
		t.Fatalf("there is no folder %s", folder)
	}
	if err := child.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil || exists(string(folder)) {
		t.Errorf("%v, %s is there: %t", err, folder, exists(string(folder)))
	}
}

func exists(folder string) bool {
	_, err := os.Stat(folder)
	return err == nil
}

// TestSeed is the one that is named, and one for the whole run otherwise.
func TestSeed(t *testing.T) {
	t.Setenv(drawn.Variable, "42")
	if got := drawn.Seed(); got != 42 {
		t.Errorf("got %d", got)
	}
	t.Setenv(drawn.Variable, "")
	if a, b := drawn.Seed(), drawn.Seed(); a != b {
		t.Errorf("two seeds in one run, %d and %d", a, b)
	}
}
