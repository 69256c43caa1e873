package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"imagekeeper/scripts/bench/platform"
)

// size is how large the deployed binary is.
func size(_ context.Context, b binaries) ([]result, error) {
	about, err := os.Stat(b.find)
	if err != nil {
		return nil, err
	}
	return []result{{what: "binary of find", value: float64(about.Size()) / 1e6, unit: "MB", atMost: 14}}, nil
}

// start compares how long find takes from the start of its process to the
// first question for work with how long an empty function takes. Both are
// started in turn and compared pair by pair, so that whatever else the machine
// does hits both.
func start(ctx context.Context, b binaries) ([]result, error) {
	const rounds = 41
	var find, empty []time.Duration
	for range rounds {
		for _, run := range []struct {
			binary string
			took   *[]time.Duration
		}{{b.find, &find}, {b.empty, &empty}} {
			instance, err := platform.Start(ctx, run.binary, nil)
			if err != nil {
				return nil, err
			}
			*run.took = append(*run.took, instance.Start)
			instance.Stop()
		}
	}
	ratios := make([]float64, rounds)
	for i := range rounds {
		ratios[i] = float64(find[i]) / float64(empty[i])
	}
	ours, theirs := median(find), median(empty)
	return []result{{
		what: "start of find / of an empty one", value: median(ratios), unit: "times", atMost: 2,
		about: fmt.Sprintf("medians of %d: %s and %s", rounds, ours.Round(10*time.Microsecond), theirs.Round(10*time.Microsecond)),
	}}, nil
}

func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
