// Package bootstrap builds the binary of a function: the same for Function
// Compute, for Lambda and for the cloud on one machine. Both platforms look for
// an executable with the package's name.
package bootstrap

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
}

// Build builds one binary: static, stripped, without the paths of this machine,
// and without net/rpc, which only an old runtime of Lambda spoke and which
// would double the size. It returns the path of the binary. When the build
// fails, the error has what the compiler said.
func Build(ctx context.Context, order Order) (string, error) {
	to, err := filepath.Abs(order.To)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	if err := os.MkdirAll(to, 0o750); err != nil {
		return "", fmt.Errorf("build %s: %w", order.Package, err)
	}
	binary := filepath.Join(to, Name)
	compiler := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, order.Package)
	compiler.Dir = order.Root
	compiler.Env = append(os.Environ(), "CGO_ENABLED=0")
	if order.OS != "" {
		compiler.Env = append(compiler.Env, "GOOS="+order.OS, "GOARCH="+order.Architecture)
	}
	if said, err := compiler.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", order.Package, err, said)
	}
	return binary, nil
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
