package fchost

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
)

// Build compiles each function for this machine, from functions/<resource> to
// <code>/bootstrap, as for a deployment. It logs what it does, so
// that a first build of a minute is not silent. The error of a build that
// fails holds what the compiler said.
func (h *Host) Build(ctx context.Context) error {
	for n, f := range h.functions {
		h.log.printf("building %s (%d of %d)", f.spec.Resource, n+1, len(h.functions))
		began := time.Now()
		if err := h.build(ctx, f); err != nil {
			return err
		}
		h.log.printf("built %s in %.1f s", f.spec.Resource, time.Since(began).Seconds())
	}
	return nil
}

func (h *Host) build(ctx context.Context, f *function) error {
	progress := &buildProgress{journal: h.log, name: f.spec.Resource, began: time.Now()}
	_, err := linked.Build(ctx, bootstrap.Order{
		Root: h.options.Root, Package: "./functions/" + f.spec.Resource,
		To: filepath.Join(h.options.Root, f.spec.Code), Progress: progress,
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, progress.complaint())
	}
	return nil
}

// buildProgress reads what go build -v writes: import paths as packages are
// compiled, and complaints.
type buildProgress struct {
	journal *journal
	name    string
	began   time.Time

	mu         sync.Mutex
	pending    string
	packages   int
	said       time.Time
	complaints []string
}

// Write never fails.
func (b *buildProgress) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending += string(p)
	for {
		line, rest, found := strings.Cut(b.pending, "\n")
		if !found {
			return len(p), nil
		}
		b.pending = rest
		b.line(line)
	}
}

func (b *buildProgress) line(line string) {
	if strings.ContainsAny(line, " \t:") || line == "" {
		if len(b.complaints) < 100 {
			b.complaints = append(b.complaints, line)
		}
		return
	}
	b.packages++
	if now := time.Now(); now.Sub(b.began) > time.Second && now.Sub(b.said) > 2*time.Second {
		b.said = now
		b.journal.printf("building %s: %d packages compiled, now %s", b.name, b.packages, line)
	}
}

func (b *buildProgress) complaint() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.TrimSpace(strings.Join(append(b.complaints, b.pending), "\n"))
}
