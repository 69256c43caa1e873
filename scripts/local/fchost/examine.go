package fchost

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Examine asks every function whether its environment is complete and right
// (bootstrap check), and returns what those say that cannot work in it, by their
// resource. From then on /healthz is not ok if there are any; they run all the same,
// and answer every call with what is wrong.
func (h *Host) Examine(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	wrong := map[string]string{}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, f := range h.functions {
		asked.Go(func() {
			if complaint := f.examine(ctx); complaint != "" {
				mu.Lock()
				defer mu.Unlock()
				wrong[f.spec.Resource] = complaint
			}
		})
	}
	asked.Wait()
	h.wrong.Store(&wrong)
	return wrong
}

// examine is what the function complains of; "" if of nothing, or if it is none that
// can be asked.
func (f *function) examine(ctx context.Context) string {
	code := filepath.Join(f.host.options.Root, f.spec.Code)
	check := exec.CommandContext(ctx, filepath.Join(code, f.spec.Handler), "check")
	check.Dir, check.Env = code, (&instance{f: f}).environment(code, "")
	var said bytes.Buffer
	check.Stderr = &said
	var exit *exec.ExitError
	if err := check.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return ""
	}
	return strings.Join(strings.Fields(said.String()), " ")
}

// misconfigured tells of functions that cannot work in their environment; it reports
// whether there are any.
func (h *Host) misconfigured(w http.ResponseWriter) bool {
	wrong := h.wrong.Load()
	if wrong == nil || len(*wrong) == 0 {
		return false
	}
	names := slices.Sorted(maps.Keys(*wrong))
	h.problem(w, http.StatusServiceUnavailable, "misconfigured", "not configured: "+strings.Join(names, ", "), map[string]any{"functions": *wrong})
	return true
}
