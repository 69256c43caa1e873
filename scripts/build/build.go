package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/check/descriptor"
)

// order is what the command line asks for.
type order struct {
	functions []string
	to        string
	resource  string
}

// run builds the functions and tells about each.
func run(ctx context.Context, out io.Writer, order order) error {
	names := order.functions
	if order.resource != "" {
		names = append(names, descriptor.Folder(order.resource))
	}
	if order.to != "" && len(names) != 1 {
		return fmt.Errorf("-to names one folder, so name one function, not %d", len(names))
	}
	if len(names) == 0 {
		var err error
		if names, err = bootstrap.Functions("."); err != nil {
			return err
		}
	}
	for _, name := range names {
		to := order.to
		if to == "" {
			to = filepath.Join(".build", name)
		}
		start := time.Now()
		binary, err := bootstrap.Build(ctx, bootstrap.Order{Package: "./functions/" + name, To: to, OS: "linux", Architecture: "amd64"})
		if err != nil {
			return err
		}
		about, err := os.Stat(binary)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s  %.1f MB  %s\n", binary, float64(about.Size())/1e6, time.Since(start).Round(time.Millisecond))
	}
	return nil
}
