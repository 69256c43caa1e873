package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"imagekeeper/scripts/build/bootstrap"
)

// result is one number against its limit.
type result struct {
	what  string
	value float64
	unit  string
	// atMost and atLeast are the limits; 0 is none.
	atMost, atLeast float64
	// about says what was compared.
	about string
}

// kept says whether the limits are kept.
func (r result) kept() bool {
	return (r.atMost == 0 || r.value <= r.atMost) && (r.atLeast == 0 || r.value >= r.atLeast)
}

// String is one line for people.
func (r result) String() string {
	limit := ""
	switch {
	case r.atMost > 0:
		limit = fmt.Sprintf("at most %g", r.atMost)
	case r.atLeast > 0:
		limit = fmt.Sprintf("at least %g", r.atLeast)
	}
	verdict := "ok"
	if !r.kept() {
		verdict = "TOO MUCH"
		if r.atLeast > 0 {
			verdict = "TOO LITTLE"
		}
	}
	return fmt.Sprintf("%-40s %8.2f %-6s %-14s %-10s %s", r.what, r.value, r.unit, limit, verdict, r.about)
}

// binaries are what is measured: the function as it is deployed, and the
// smallest function there can be.
type binaries struct {
	find, price, share, empty string
	// writers are those with long work, by their names.
	writers map[string]string
}

// build builds them all into a folder.
func build(ctx context.Context, folder string) (binaries, error) {
	b := binaries{writers: map[string]string{}}
	for name, to := range map[string]*string{"functions/find": &b.find, "functions/price": &b.price, "functions/share": &b.share, "scripts/bench/testdata/empty": &b.empty} {
		var err error
		if *to, err = bootstrap.Build(ctx, bootstrap.Order{Package: "./" + name, To: folder + "/" + path.Base(name)}); err != nil {
			return b, err
		}
	}
	for _, name := range writers() {
		built, err := bootstrap.Build(ctx, bootstrap.Order{Package: "./functions/" + name, To: folder + "/" + name})
		if err != nil {
			return b, err
		}
		b.writers[name] = built
	}
	return b, nil
}

// writers are the functions with long work.
func writers() []string { return []string{"import", "replace-disk", "cleanup"} }

// measurement takes one or more numbers.
type measurement struct {
	name string
	take func(ctx context.Context, b binaries) ([]result, error)
}

func measurements() []measurement {
	return []measurement{
		{"size", size},
		{"page", page},
		{"start", start},
		{"listing", listing},
		{"memory", memory},
		{"quota", quota},
		{"queries", queries},
		{"report", report},
		{"quotes", quotes},
		{"instances", fleet},
		{"work", longWork},
		{"calls", calls},
		{"rollout plan", rolloutPlan},
		{"rollouts", rollouts},
		{"cleanup over 1k", cleanups(1_000, false)},
		{"cleanup over 10k", cleanups(10_000, false)},
		{"cleanup over 100k", cleanups(100_000, true)},
	}
}

// run takes the measurements whose name contains a text and prints them. It
// fails when a limit is not kept.
func run(ctx context.Context, out io.Writer, only string) error {
	wanted, names := []measurement{}, []string{}
	for _, m := range measurements() {
		names = append(names, m.name)
		if strings.Contains(m.name, only) {
			wanted = append(wanted, m)
		}
	}
	if len(wanted) == 0 {
		return fmt.Errorf("nothing to measure is called %q; there are %s", only, strings.Join(names, ", "))
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	b, err := build(ctx, folder)
	if err != nil {
		return err
	}
	missed := 0
	for _, m := range wanted {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
		results, err := m.take(ctx, b)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		for _, r := range results {
			fmt.Fprintln(out, r)
			if !r.kept() {
				missed++
			}
		}
	}
	if missed > 0 {
		return errors.New("a limit is not kept")
	}
	return nil
}
