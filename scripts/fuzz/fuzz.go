package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"strings"
	"time"

	"imagekeeper/scripts/check/source"
)

// target is one fuzz function.
type target struct {
	folder, name string
}

// targets are the fuzz functions of a tree, in the order of their files.
func targets(tree *source.Tree) []target {
	var found []target
	for _, file := range tree.Files {
		if !file.Test {
			continue
		}
		for _, declaration := range file.Syntax.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				found = append(found, target{file.Folder, f.Name.Name})
			}
		}
	}
	return found
}

// run fuzzes every target for the time given. It goes on after a finding, so
// that one run shows all of them.
func run(ctx context.Context, each time.Duration, only string) error {
	tree, err := source.Read(os.DirFS("."))
	if err != nil {
		return err
	}
	var failures []error
	ran := 0
	for _, t := range targets(tree) {
		if !strings.Contains(t.folder+"."+t.name, only) {
			continue
		}
		ran++
		fmt.Printf("== %s %s for %s\n", t.folder, t.name, each)
		if err := t.run(ctx, each); err != nil {
			failures = append(failures, fmt.Errorf("%s %s: %w", t.folder, t.name, err))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if ran == 0 {
		return errors.New("no such target")
	}
	fmt.Printf("%d targets, %d with findings\n", ran, len(failures))
	return errors.Join(failures...)
}

// run fuzzes t. What is interesting is made small in few steps: else that alone
// takes the time.
func (t target) run(ctx context.Context, each time.Duration) error {
	// Compiling comes on top of the time; a target that does not stop by itself is stopped.
	ctx, cancel := context.WithTimeout(ctx, each+5*time.Minute)
	defer cancel()
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), "-fuzzminimizetime", "10x", "./"+t.folder)
	test.Stdout, test.Stderr = os.Stdout, os.Stderr
	return test.Run()
}
