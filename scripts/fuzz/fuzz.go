package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"io"
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
	var said bytes.Buffer
	test.Stdout, test.Stderr = io.MultiWriter(os.Stdout, &said), os.Stderr
	err := test.Run()
	if err != nil && onlyEnded(t.name, said.String()) {
		fmt.Println("its time ended in the middle of an input: that is no finding")
		return nil
	}
	return err
}

// onlyEnded: all that failed is that the time was over while a worker was at an input,
// which Go tells like a finding; a true one names the file of its input.
func onlyEnded(name, said string) bool {
	_, after, failed := strings.Cut(said, "--- FAIL: "+name+" (")
	_, after, _ = strings.Cut(after, "\n")
	why, _, _ := strings.Cut(after, "\nFAIL")
	return failed && strings.TrimSpace(why) == context.DeadlineExceeded.Error()
}
