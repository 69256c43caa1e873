// Package bootstrap builds the binary of a function: the same for Function
// Compute, for Lambda and for the cloud on one machine. Both platforms look for
// an executable with the package's name.
package bootstrap

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Name is what the executable is called.
const Name = "bootstrap"

// Order says what to build.
type Order struct {
	// Root is the folder of the module.
	Root string
	// Package is what to build, such as ./functions/find.
	Package string
	// To is the folder for the executable; it is made if it is missing.
	To string
	// OS and Architecture are the machine's to build for; empty means this one.
	OS, Architecture string
	// Progress takes what the compiler says as it says it, the packages that it
	// compiles among it. Nil: only a failure tells what was said.
	Progress io.Writer
}

// Build builds one binary: static, stripped, without the paths of this machine,
// and without three things that are large and of no use to a function: net/rpc,
// which only an old runtime of Lambda spoke; HTTP/2, which no API that we call
// needs; and, in the libraries of others, calls that are copied into their
// callers, as what they do once an event is not worth half a megabyte. It returns the path of the binary. When the build fails and there
// is no Progress, the error has what the compiler said.
func Build(ctx context.Context, order Order) (string, error) {
	to, err := filepath.Abs(order.To)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	if err := os.MkdirAll(to, 0o750); err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	binary := filepath.Join(to, Name)
	arguments := append([]string{"build", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary}, Flags()...)
	var said bytes.Buffer
	out := io.Writer(&said)
	if order.Progress != nil {
		arguments, out = append(arguments, "-v"), order.Progress
	}
	compiler := exec.CommandContext(ctx, "go", append(arguments, order.Package)...)
	compiler.Dir, compiler.Env = order.Root, environment(order)
	compiler.Stdout, compiler.Stderr = out, out
	compiler.WaitDelay = time.Second
	if err := compiler.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", order.Package, err, said.Bytes())
	}
	return binary, nil
}

// Flags are those that decide how each package is compiled. Whatever else is built
// here has the same, by the Makefile, so that nothing is compiled twice.
func Flags() []string {
	return []string{"-trimpath", "-tags=lambda.norpc,nethttpomithttp2", "-gcflags=github.com/...=-l", "-gcflags=golang.org/x/...=-l"}
}

// environment is this process's own, with the machine to build for.
func environment(order Order) []string {
	variables := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "GOOS" || name == "GOARCH" || name == "CGO_ENABLED"
	})
	variables = append(variables, "CGO_ENABLED=0")
	if order.OS != "" {
		variables = append(variables, "GOOS="+order.OS, "GOARCH="+order.Architecture)
	}
	return variables
}

// Functions are the names of all functions of a module, in order: the folders
// of functions/ that have a main.go.
func Functions(root string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(mains))
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	slices.Sort(names)
	return names, nil
}
