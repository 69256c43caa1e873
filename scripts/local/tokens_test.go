package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/function"
)

// TestTrusting: tokens of this machine are trusted unless the caller names an
// issuer; env() in s.yaml and the functions see the same.
func TestTrusting(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.yaml")
	before := world{lookup: variables(map[string]string{"FIND_ROLE": "r"}), environment: map[string]string{"REGIONS": "all"}}
	w, folder, err := trusting(before, variables(nil), file)
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := w.lookup("PORTAL_JWKS")
	role, _ := w.lookup("FIND_ROLE")
	if seen == "" || w.environment["PORTAL_JWKS"] != seen || w.environment["REGIONS"] != "all" || role != "r" || before.environment["PORTAL_JWKS"] != "" {
		t.Errorf("got %v %q", w.environment, seen)
	}
	for _, role := range function.Roles() {
		token := keys.TokenFile(folder, role)
		if text, err := os.ReadFile(token); err != nil || !strings.HasPrefix(string(text), "ey") {
			t.Errorf("%s: %q %v", token, text, err)
		}
	}
	own := variables(map[string]string{"PORTAL_JWKS": "{}"})
	if w, token, err := trusting(before, own, file); err != nil || token != "" || w.environment["PORTAL_JWKS"] != "" {
		t.Errorf("the caller's own issuer: %v %q %v", w.environment, token, err)
	}
}
