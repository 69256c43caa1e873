package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"unicode"

	"imagekeeper/scripts/check/codes"
)

// catalogue is what functions/README.md has of the codes of problems.
var catalogue = sync.OnceValues(func() (map[string][]int, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(codes.Path)))
	return codes.Catalogued(string(text)), err
})

// ofTheHost are codes of the local host's own problems, which no function answers.
func ofTheHost() []string {
	return []string{"noRoute", "noFunction", "unreadable", "tooLarge", "starting", "noTrigger", "httpTrigger", "hostRefused", "throttled"}
}

// vendors: a code of Alibaba Cloud's own, passed on as the cloud had it.
func vendors(code string) bool { return code != "" && unicode.IsUpper(rune(code[0])) }

// catalogued lets everything through to next, and fails for a problem whose code the
// catalogue does not have, or not with that status.
func catalogued(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	known, err := catalogue()
	if err != nil || len(known) < 100 {
		t.Fatalf("the catalogue has %d codes, %v", len(known), err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &problems{ResponseWriter: w}
		next.ServeHTTP(answer, r)
		var problem struct {
			Status int
			Code   string
		}
		if json.Unmarshal(answer.body.Bytes(), &problem) != nil || slices.Contains(ofTheHost(), problem.Code) || vendors(problem.Code) {
			return
		}
		if !slices.Contains(known[problem.Code], problem.Status) {
			t.Errorf("%s %s: %d %s, and %s has %v of it", r.Method, r.URL, problem.Status, problem.Code, codes.Path, known[problem.Code])
		}
	})
}

// problems keeps what is answered, if it is a problem.
type problems struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (p *problems) Write(b []byte) (int, error) {
	if p.Header().Get("Content-Type") == "application/problem+json" {
		p.body.Write(b)
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *problems) Unwrap() http.ResponseWriter { return p.ResponseWriter }
