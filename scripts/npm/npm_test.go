// Package npm holds the cloud on one machine against clients that nobody here
// wrote: the vendor's npm SDKs, unmodified, in both of their ways to sign.
package npm_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/build/openapi"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/started"
	"imagekeeper/scripts/local/ossapi"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
)

// TestSDKs lists, creates, copies, tags, shares and deletes an image, writes,
// appends to, reads, lists and deletes objects, calls a function directly, and
// reads the OpenAPI document by the standard's own schema.
// It is skipped where there is no npm, or no way to the packages, unless
// REQUIRE_NPM says that there has to be.
func TestSDKs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: the npm SDKs are not tried in a short run")
	}
	folder := install(t)
	cloud := company.New(cloudsim.Options{
		Seed: 1, CreateTime: 200 * time.Millisecond, CopyTime: time.Second, Visibility: 500 * time.Millisecond,
	}, company.Options{Images: 60, Instances: 30})
	var host atomic.Pointer[fchost.Host]
	server := httptest.NewServer(ecsapi.New(cloud, ecsapi.Options{Functions: ecsapi.Functions{
		Account: cloudsim.FirstAccount,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { host.Load().Invocations().ServeHTTP(w, r) }),
	}}))
	defer server.Close()
	running, _ := started.Functions(t, root, server.URL, "find")
	host.Store(running)
	objects := httptest.NewServer(ossapi.New(cloud, ossapi.Options{}))
	defer objects.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", "sdk.mjs", "oss.mjs", "invoke.mjs", "openapi.mjs")
	node.Dir = folder
	document, err := filepath.Abs(filepath.Join(root, openapi.Path))
	if err != nil {
		t.Fatal(err)
	}
	node.Env = append(os.Environ(), "DOCUMENT="+document, "CLOUD="+strings.TrimPrefix(server.URL, "http://"), "OBJECTS="+strings.TrimPrefix(objects.URL, "http://"))
	said, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Logf("%s", said)
}

// install makes a scratch folder with the scripts and the packages of the lock file,
// and returns it.
func install(t *testing.T) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("REQUIRE_NPM") != "" {
		missing = t.Fatalf
	}
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			missing("SKIPPED: the vendor's npm SDKs were NOT tried: %v", err)
		}
	}
	packages, err := installed(t.Context())
	if err != nil {
		missing("SKIPPED: the vendor's npm SDKs were NOT tried: %v", err)
	}
	folder := t.TempDir()
	for _, name := range []string{"package.json", "sdk.mjs", "oss.mjs", "invoke.mjs", "openapi.mjs", "uploads.mjs"} {
		if err := copied(name, folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// shelfOf is where the packages of a lock file are kept: in the user's cache, as the
// compiler keeps what it made, so that every clone of the tree has them; where there is
// none, in .build of the tree.
func shelfOf(lock []byte) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return filepath.Abs(filepath.Join(root, ".build", "npm"))
	}
	return filepath.Join(cache, "imagekeeper", "npm", fmt.Sprintf("%.8x", sha256.Sum256(lock))), nil
}

// installed puts the packages of the lock file on their shelf, unless they are there,
// and returns their folder. Nothing writes to it afterwards.
func installed(ctx context.Context) (string, error) {
	const wanted = "package-lock.json"
	want, err := os.ReadFile(wanted)
	if err != nil {
		return "", err
	}
	shelf, err := shelfOf(want)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(shelf, 0o750); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(shelf, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() // which gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	packages := filepath.Join(shelf, "node_modules")
	if there, err := os.ReadFile(filepath.Join(packages, wanted)); err == nil && bytes.Equal(there, want) {
		return packages, nil
	}
	if err := errors.Join(copied("package.json", shelf), copied(wanted, shelf)); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	// No package runs a script of its own on this machine.
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1", "--fetch-timeout=30000")
	npm.Dir = shelf
	if said, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, said)
	}
	return packages, copied(wanted, packages)
}

// copied copies a file of this folder to another one.
func copied(name, folder string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), text, 0o600)
}
