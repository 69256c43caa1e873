// Package npm holds the cloud on one machine against clients that nobody here
// wrote: the vendor's npm SDKs, unmodified, in both of their ways to sign.
package npm_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
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

// install puts the packages of the lock file into a scratch folder and returns it.
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
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "sdk.mjs", "oss.mjs", "invoke.mjs", "openapi.mjs", "uploads.mjs"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	// No package runs a script of its own on this machine.
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1", "--fetch-timeout=30000")
	npm.Dir = folder
	if said, err := npm.CombinedOutput(); err != nil {
		missing("SKIPPED: the vendor's npm SDKs were NOT tried: npm ci: %v\n%s", err, said)
	}
	return folder
}
