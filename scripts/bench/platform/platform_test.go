package platform_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/bench/platform"
	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
)

func build(t *testing.T, what string) string {
	t.Helper()
	binary, err := linked.Build(t.Context(), bootstrap.Order{Root: "../../..", Package: what, To: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// A real function answers a real event: one that needs no cloud, as the
// question itself is wrong.
func TestInstance(t *testing.T) {
	t.Parallel()
	instance, err := platform.Start(t.Context(), build(t, "./functions/find"), map[string]string{"LOG_LEVEL": "error"})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Stop()
	if instance.Start <= 0 || instance.Start > 10*time.Second {
		t.Errorf("it took %s to start", instance.Start)
	}
	for range 2 {
		status, body, err := instance.Get(t.Context(), "/images?kind=none&limit=1")
		if err != nil || status != 400 || !json.Valid(body) || !strings.Contains(string(body), `"field":"kind"`) {
			t.Errorf("status %d, %v: %s", status, err, body)
		}
	}
	if peak, err := instance.PeakMemory(); err == nil && (peak < 1<<20 || peak > 1<<30) {
		t.Errorf("its memory had a peak of %d bytes", peak)
	}
}

func TestAnInstanceThatDies(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "dies")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho last words\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := platform.Start(t.Context(), script, nil); err == nil || !strings.Contains(err.Error(), "last words") {
		t.Errorf("a process that ends at once: %v", err)
	}
	if _, err := platform.Start(t.Context(), script+"-missing", nil); err == nil {
		t.Error("a program that is not there starts")
	}
}

func TestACallerThatGivesUp(t *testing.T) {
	t.Parallel()
	instance, err := platform.Start(t.Context(), build(t, "./scripts/bench/testdata/empty"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := instance.Get(ctx, "/"); err == nil {
		t.Error("an answer came although nobody waits")
	}
	instance.Stop()
	if _, _, err := instance.Get(t.Context(), "/"); err == nil {
		t.Error("a stopped instance answers")
	}
}
