//go:build unix

package fchost_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
)

// A function that says that its environment is wrong makes the whole not ready; one
// that cannot be asked, or is content, does not.
func TestExamine(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, script := range map[string]string{
		"content": "exit 0", "odd": "exit 2", "wrong": `echo "JOURNAL:  must be set, not $JOURNAL" >&2; exit 1`,
	} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name, "bootstrap"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		only   string
		status int
		says   string
	}{
		{"content", http.StatusServiceUnavailable, "starting"},
		{"odd", http.StatusServiceUnavailable, "starting"},
		{"wrong", http.StatusServiceUnavailable, "JOURNAL: must be set, not here"},
	} {
		host, err := fchost.New(fchost.Options{
			Root: root, Environment: map[string]string{"JOURNAL": "here"},
			Project: &syaml.Project{Functions: []syaml.Function{{Resource: test.only, Name: test.only, Code: test.only, Handler: "bootstrap"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(host.Close)
		if wrong := host.Examine(t.Context()); len(wrong) > 0 != (test.only == "wrong") {
			t.Errorf("%s: %v", test.only, wrong)
		}
		w := httptest.NewRecorder()
		host.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/healthz", nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s: %d %s", test.only, w.Code, w.Body)
		}
	}
}
