// Package linked builds functions for tests and for the cloud on one machine. Many
// want the same binaries, and linking one takes seconds: what was linked stays in
// .build of the tree, where the compiler sees whether it still is what the sources
// make. Everybody gets a file of their own, which nobody replaces under them.
package linked

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"imagekeeper/scripts/build/bootstrap"
)

// Build builds what order says, as bootstrap.Build does, unless it was built before,
// and returns the path of the binary in order.To.
func Build(ctx context.Context, order bootstrap.Order) (string, error) {
	machine := order.OS + order.Architecture
	if machine == runtime.GOOS+runtime.GOARCH {
		machine = ""
	}
	shelf := filepath.Join(order.Root, ".build", "linked", machine, filepath.FromSlash(order.Package))
	if err := errors.Join(os.MkdirAll(shelf, 0o750), os.MkdirAll(order.To, 0o750)); err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	lock, err := os.OpenFile(filepath.Join(shelf, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	defer lock.Close() // which gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	at := order
	at.To = shelf
	kept, err := bootstrap.Build(ctx, at)
	if err != nil {
		return "", err
	}
	own := filepath.Join(order.To, bootstrap.Name)
	if err := same(kept, own); err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	return own, nil
}

// same makes a second name of a file, or a second file on another disk.
func same(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
