package keys_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/scripts/local/keys"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

func prepare(t *testing.T, folder string) keys.Portal {
	t.Helper()
	p, err := keys.Prepare(folder, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTokens: each file holds the token of its role, for its owner only, and a
// function with that environment takes its bearer for that role.
func TestTokens(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), ".local")
	p := prepare(t, folder)
	f := function.New("f", function.Handle(function.Spec{Name: "f.who", Pattern: "GET /who"},
		func(_ context.Context, call function.Call, _ struct{}) (function.Caller, error) {
			return call.Caller, nil
		}))
	environment := p.Environment()
	if err := f.Guard(func(name string) (string, bool) { value, ok := environment[name]; return value, ok }); err != nil {
		t.Fatal(err)
	}
	for i, role := range function.Roles() {
		file := keys.TokenFile(folder, role)
		about, err := os.Stat(file)
		if err != nil || about.Mode().Perm() != 0o600 || p.Files[i] != file {
			t.Fatalf("%s: %v %v %s", role, err, about, p.Files[i])
		}
		token, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/who", nil)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if want := fmt.Sprintf(`{"subject":"local-%s","issuer":"imagekeeper-local","roles":["%[1]s"]}`, role); strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: got %s, want %s", role, w.Body, want)
		}
	}
	key, err := os.Stat(filepath.Join(folder, "token-key.pem"))
	if err != nil || key.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", key, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != len(function.Roles())+1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

// TestSameKey: starts one after the other, and at once, share one key.
func TestSameKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var made [4]keys.Portal
	var failed [4]error
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() { made[i], failed[i] = keys.Prepare(folder, time.Now()) })
	}
	all.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	for _, p := range append(made[:], prepare(t, folder)) {
		if p.Environment()["PORTAL_JWKS"] != made[0].Environment()["PORTAL_JWKS"] || p.Key.ID == "" {
			t.Errorf("another key: %s", p.Key.ID)
		}
	}
	if other := prepare(t, t.TempDir()); other.Key.ID == made[0].Key.ID {
		t.Error("two folders have one key")
	}
}

func TestNoKey(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"text": "hello", "PEM of something else": string(pem.EncodeToMemory(&pem.Block{Type: "ROSE"}))} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "token-key.pem"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Prepare(folder, time.Now()); !errors.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "token-key.pem") {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Prepare(file, time.Now()); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// TestLifetime: a token ends.
func TestLifetime(t *testing.T) {
	t.Parallel()
	p := prepare(t, t.TempDir())
	f := function.New("f")
	environment := p.Environment()
	if err := f.Guard(func(name string) (string, bool) { value, ok := environment[name]; return value, ok }); err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]string{0: "noSuchRoute", keys.Lifetime + time.Second: "tokenExpired"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+p.Token(function.Viewer, time.Now().Add(-age)))
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("after %v: %s", age, w.Body)
		}
	}
}
