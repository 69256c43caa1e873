// Package drawn takes a part of what could be tried, another one each time. It
// is for tests whose whole takes longer than anybody waits: TRIALS=full takes all.
// The seed is DRAW, which `make test` sets and prints; without it, it is the
// number of the process, and a test says which.
package drawn

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// The variables that say what to take.
const (
	Variable = "DRAW"   // the seed, a number
	Whole    = "TRIALS" // "full": everything
)

// logger is the part of testing.TB that a draw needs.
type logger interface {
	Helper()
	Logf(format string, args ...any)
	Name() string
}

// Scratch makes a folder that is gone afterwards, also if the run is interrupted,
// and runs in it. It returns what run returns, and 1 if there is no folder.
func Scratch(name string, run func(folder string) int) int {
	folder, err := os.MkdirTemp("", name+"-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	unwatch := context.AfterFunc(interrupted, func() {
		_ = os.RemoveAll(folder)
		os.Exit(1)
	})
	defer func() {
		unwatch()
		_ = os.RemoveAll(folder)
	}()
	return run(folder)
}

// All reports whether everything is to be tried.
func All() bool { return os.Getenv(Whole) == "full" }

// Seed is what this run draws by.
func Seed() uint64 {
	if seed, err := strconv.ParseUint(os.Getenv(Variable), 10, 64); err == nil {
		return seed
	}
	return uint64(os.Getpid())
}

// Some is one of every so many entries of all, in their order: of each stretch of
// that many another one, drawn by the seed and the name of the test. It is all of
// them for TRIALS=full, and where every is at most 1.
func Some[T any](t logger, all []T, every int) []T {
	t.Helper()
	if All() || every <= 1 {
		return all
	}
	seed := Seed()
	own := fnv.New64a()
	_, _ = own.Write([]byte(t.Name()))
	r := rand.New(rand.NewPCG(seed, own.Sum64())) //nolint:gosec // a draw, not a secret
	var kept []T
	for n := 0; n < len(all); n += every {
		kept = append(kept, all[n+r.IntN(min(every, len(all)-n))])
	}
	t.Logf("%d of %d, drawn by %s=%d", len(kept), len(all), Variable, seed)
	return kept
}

// Seeds are one of every so many of that many numbers, as Some has it.
func Seeds(t logger, whole, every int) []uint64 {
	t.Helper()
	all := make([]uint64, whole)
	for n := range all {
		all[n] = uint64(n)
	}
	return Some(t, all, every)
}
