// Package clients_test makes clients of the OpenAPI document with generators that
// nobody here wrote, compiles them, and calls the functions with them.
package clients_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/fchost/started"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
)

const root = "../.."

// The generator and the package that its code needs, pinned.
const (
	generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"
	runtime   = "github.com/oapi-codegen/runtime@v1.9.0"
)

// TestGo: a client in Go, made by oapi-codegen, compiles, and finds images. It
// fetches the generator, so it is skipped unless REQUIRE_CLIENTS is set.
func TestGo(t *testing.T) {
	t.Parallel()
	if os.Getenv("REQUIRE_CLIENTS") == "" {
		t.Skip("SKIPPED: no client was generated; REQUIRE_CLIENTS=1 fetches the generator and does")
	}
	document, err := filepath.Abs(filepath.Join(root, openapi.Path))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, from := range map[string]string{"go.mod": "go.mod.txt", "main.go": "main.go.txt", "config.yaml": "config.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", "caller", from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "api"), 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, folder, nil, "go", "run", generator, "-config", "config.yaml", document)
	run(t, folder, nil, "go", "get", runtime)
	run(t, folder, nil, "go", "mod", "tidy")
	run(t, folder, nil, "go", "build", "-o", "caller", ".")

	run(t, folder, deployment(t, "find"), "./caller")
}

// TestTypeScript: a client in TypeScript, made by openapi-typescript, compiles, and finds,
// prices and shares images. It fetches the generator, so it is skipped unless
// REQUIRE_CLIENTS is set.
func TestTypeScript(t *testing.T) {
	t.Parallel()
	if os.Getenv("REQUIRE_CLIENTS") == "" {
		t.Skip("SKIPPED: no client was generated; REQUIRE_CLIENTS=1 fetches the generator and does")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skipf("SKIPPED: a client in TypeScript was NOT generated: %v", err)
	}
	document, err := filepath.Abs(filepath.Join(root, openapi.Path))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("typescript")); err != nil {
		t.Fatal(err)
	}
	run(t, folder, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	run(t, folder, nil, "node_modules/.bin/openapi-typescript", document, "-o", "api.d.ts")
	run(t, folder, nil, "node_modules/.bin/tsc", "-p", ".")
	run(t, folder, deployment(t, "find", "price", "share", "replace-disk"), "node", "built/caller.js")
}

// deployment starts functions, and returns where they are and who may ask them.
func deployment(t *testing.T, names ...string) []string {
	t.Helper()
	cloud := httptest.NewServer(ecsapi.New(company.New(cloudsim.Options{Seed: 1}, company.Options{Images: 60, Instances: 30}), ecsapi.Options{}))
	t.Cleanup(cloud.Close)
	host, portal := started.With(t, root, map[string]string{
		"ECS_ENDPOINT": cloud.URL, "STS_ENDPOINT": cloud.URL, "ESS_ENDPOINT": cloud.URL, "JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()),
	}, names...)
	gateway := httptest.NewServer(host)
	t.Cleanup(gateway.Close)
	return []string{"API=" + gateway.URL, "TOKEN=" + portal.Token(function.Viewer, time.Now())}
}

// run runs a command in a folder, away from the flags of this module.
func run(t *testing.T, folder string, with []string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), args[0], args[1:]...)
	command.Dir, command.Env = folder, append(append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off"), with...)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, said)
	}
}
