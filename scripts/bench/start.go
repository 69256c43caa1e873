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

// size is how large the deployed binaries are.
func size(_ context.Context, b binaries) ([]result, error) {
	var results []result
	for _, one := range append([]string{"find"}, writers()...) {
		binary, most := b.find, 14.0
		if built, is := b.writers[one]; is {
			binary, most = built, 17
		}
		about, err := os.Stat(binary)
		if err != nil {
			return nil, err
		}
		results = append(results, result{what: "binary of " + one, value: float64(about.Size()) / 1e6, unit: "MB", atMost: most})
	}
	return results, nil
}

// start compares how long a function takes from the start of its process to the
// first question for work with how long an empty function takes.
func start(ctx context.Context, b binaries) ([]result, error) {
	results := []result{}
	for _, one := range append([]string{"find"}, writers()...) {
		binary, variables := b.find, map[string]string(nil)
		if built, is := b.writers[one]; is {
			binary, variables = built, map[string]string{"JOURNAL": "oss://imagekeeper-journal/start"}
		}
		r, err := compared(ctx, binary, b.empty, variables)
		if err != nil {
			return nil, err
		}
		r.what = "start of " + one + " / of an empty one"
		results = append(results, r)
	}
	return results, nil
}

// compared starts a function and an empty one in turn, and compares them pair by pair,
// so that whatever else the machine does hits both.
func compared(ctx context.Context, binary, nothing string, variables map[string]string) (result, error) {
	const rounds = 41
	var full, empty []time.Duration
	for range rounds {
		for _, run := range []struct {
			binary string
			took   *[]time.Duration
		}{{binary, &full}, {nothing, &empty}} {
			instance, err := platform.Start(ctx, run.binary, variables)
			if err != nil {
				return result{}, err
			}
			*run.took = append(*run.took, instance.Start)
			instance.Stop()
		}
	}
	ratios := make([]float64, rounds)
	for i := range rounds {
		ratios[i] = float64(full[i]) / float64(empty[i])
	}
	ours, theirs := median(full), median(empty)
	return result{
		value: median(ratios), unit: "times", atMost: 2,
		about: fmt.Sprintf("medians of %d: %s and %s", rounds, ours.Round(10*time.Microsecond), theirs.Round(10*time.Microsecond)),
	}, nil
}

func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
