package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/build/schemas"
	"imagekeeper/scripts/check/codes"
	"imagekeeper/scripts/check/descriptor"
	"imagekeeper/scripts/check/ruledocs"
	"imagekeeper/scripts/check/source"
)

// order is what the command line asks for.
type order struct {
	functions []string
	to        string
	resource  string
	openapi   string
}

// run builds the functions and tells about each.
func run(ctx context.Context, out io.Writer, order order) error {
	if order.openapi != "" {
		return document(ctx, out, order.openapi)
	}
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
		if err := document(ctx, out, "check"); err != nil {
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

// document compares the OpenAPI document that is checked in with what the
// functions say of themselves, or writes it.
func document(ctx context.Context, out io.Writer, mode string) error {
	now, err := described(ctx)
	if err != nil {
		return err
	}
	switch mode {
	case "write":
		if err := os.WriteFile(openapi.Path, now, 0o600); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s  %d bytes\n", openapi.Path, len(now))
		keep := func(at string, now []byte) error { return os.WriteFile(at, now, 0o600) }
		return errors.Join(catalogue(), ruleSchemas(ctx, keep), editorSchemas(now, keep))
	case "check":
		kept, err := os.ReadFile(openapi.Path)
		if err != nil {
			return err
		}
		return errors.Join(openapi.Same(kept, now), ruleSchemas(ctx, sameSchema), editorSchemas(now, sameSchema))
	}
	return fmt.Errorf("-openapi is check or write, not %q", mode)
}

// ruleSchemas gives what the functions that have rules say of these to do, with the
// file of it.
func ruleSchemas(ctx context.Context, do func(at string, now []byte) error) error {
	files, err := filepath.Glob(filepath.Join("functions", "*", ruledocs.Schema))
	if err != nil {
		return err
	}
	for _, at := range files {
		binary := filepath.Join(".build", "describe", filepath.Base(filepath.Dir(at)), bootstrap.Name)
		asked := exec.CommandContext(ctx, binary, "schema")
		asked.Env = openapi.Environment()
		now, err := asked.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if err := do(at, now); err != nil {
			return err
		}
	}
	return nil
}

// editorSchemas does the same with those of variables and requests, and holds to them
// what is checked in.
func editorSchemas(document []byte, do func(at string, now []byte) error) error {
	tree, err := source.Read(os.DirFS("."))
	if err != nil {
		return err
	}
	variables, err := schemas.Variables(tree)
	if err != nil {
		return err
	}
	requests, err := schemas.Requests(document)
	if err != nil {
		return err
	}
	return errors.Join(do(schemas.VariablesPath, variables), do(schemas.RequestsPath, requests), schemas.Check(os.DirFS("."), variables, requests))
}

// sameSchema fails if a schema is not what its function says now.
func sameSchema(at string, now []byte) error {
	kept, err := os.ReadFile(at)
	if err != nil {
		return err
	}
	if !bytes.Equal(kept, now) {
		return fmt.Errorf("%s is not what the functions say now: make openapi writes it", at)
	}
	return nil
}

// catalogue writes the table of codes, which belongs to the document.
func catalogue() error {
	tree, err := source.Read(os.DirFS("."))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(codes.Path)
	if err != nil {
		return err
	}
	written, err := codes.Write(string(text), tree)
	if err != nil {
		return err
	}
	return os.WriteFile(codes.Path, []byte(written), 0o600)
}

// described builds every function for this machine and asks it what it does.
func described(ctx context.Context) ([]byte, error) {
	names, err := bootstrap.Functions(".")
	if err != nil {
		return nil, err
	}
	var all []openapi.Description
	for _, name := range names {
		binary, err := bootstrap.Build(ctx, bootstrap.Order{Package: "./functions/" + name, To: filepath.Join(".build", "describe", name)})
		if err != nil {
			return nil, err
		}
		one, err := openapi.Describe(ctx, name, binary, openapi.Environment())
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return openapi.Make(ctx, os.DirFS("."), all)
}
