package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/function/bearer"
)

// policy is what a function that trusts a set of keys asks of tokens.
func policy(t *testing.T, set string) bearer.Policy {
	t.Helper()
	keys, err := bearer.ParseKeys([]byte(set))
	if err != nil {
		t.Fatal(err)
	}
	return bearer.Policy{Keys: keys, Issuer: "https://tokens.example", Audiences: []string{"imagekeeper"}, RolesClaim: "roles"}
}

func wanted() wish {
	return wish{issuer: "https://tokens.example", audience: "imagekeeper", subject: "alice", roles: []string{"viewer", "operator"}, lifetime: time.Hour}
}

// TestRotation: a token of the old key holds while its public half is in the set,
// new ones are signed by the new key, and no longer holds when the file is gone.
func TestRotation(t *testing.T) {
	folder, now := filepath.Join(t.TempDir(), "keys"), time.Now()
	first, err := issue(folder, wanted(), now)
	if err != nil {
		t.Fatal(err)
	}
	rotate := wish{rotate: true}
	both, err := issue(folder, rotate, now.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	second, err := issue(folder, wanted(), now.Add(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"old": first, "new": second} {
		claims, err := policy(t, both).Check("Bearer "+token, now.Add(3*time.Second))
		if err != nil || claims.Subject != "alice" {
			t.Errorf("%s token under both keys: %+v, %v", name, claims, err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*.pem"))
	if len(files) != 2 {
		t.Fatalf("keys: %v", files)
	}
	if about, err := os.Stat(files[0]); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the key may be read by others: %v, %v", about.Mode(), err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	left, err := issue(folder, wish{set: true}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy(t, left).Check("Bearer "+first, now.Add(3*time.Second)); err == nil {
		t.Error("a token of the removed key still holds")
	}
	if _, err := policy(t, left).Check("Bearer "+second, now.Add(3*time.Second)); err != nil {
		t.Errorf("a token of the key that is left: %v", err)
	}
}

// TestSetIsPublic: no private half is in the set.
func TestSetIsPublic(t *testing.T) {
	text, err := issue(t.TempDir(), wish{set: true}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		if _, there := set.Keys[0][private]; there {
			t.Errorf("the set has the member %q of a private key", private)
		}
	}
}

// TestWishes: what is missing or wrong is named.
func TestWishes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*wish)
		says   string
	}{
		"no issuer":           {func(w *wish) { w.issuer = "" }, "-issuer"},
		"no audience":         {func(w *wish) { w.audience = "" }, "-audience"},
		"no subject":          {func(w *wish) { w.subject = "" }, "-subject"},
		"a role that is none": {func(w *wish) { w.roles = []string{"admin"} }, "admin"},
		"no role":             {func(w *wish) { w.roles = nil }, "-roles"},
		"no life":             {func(w *wish) { w.lifetime = 0 }, "-lifetime"},
		"a year":              {func(w *wish) { w.lifetime = 365 * 24 * time.Hour }, "-lifetime"},
	} {
		t.Run(name, func(t *testing.T) {
			w := wanted()
			test.change(&w)
			if _, err := issue(t.TempDir(), w, time.Now()); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want something about %s", err, test.says)
			}
		})
	}
}
