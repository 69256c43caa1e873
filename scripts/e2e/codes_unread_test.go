package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/shared/function"
)

// needsNoCloud: what answers without asking the cloud, or is about just that it cannot
// be asked. What is to be restored is looked up in the journal.
func needsNoCloud(operation string) bool {
	return owner(operation) == "portal" || slices.Contains([]string{"find.access", "rollouts.stop", "cleanups.stop", "cleanups.restore"}, operation)
}

// tellsInPlan: a plan that says in a finding that its source could not be read, as it
// says everything else that keeps it from being applied.
func tellsInPlan(r asked, code string) bool {
	return (r.operation == "imports.post" || r.operation == "exports.post") && strings.HasPrefix(code, "200  fatal:sourceUnread")
}

// TestNothingReadableHasTheSameCode: where nothing at all may be read, or everything is
// throttled, every route of every function that needs the cloud says so by one status
// and one code, and when to try again if that passes.
func TestNothingReadableHasTheSameCode(t *testing.T) {
	t.Parallel()
	s, id, family := documented(t)
	asks := right(id, family)
	for _, w := range writers(id, family) {
		asks = append(asks, w.asked)
	}
	for kind, want := range map[ecsapi.FaultKind]string{ecsapi.FaultDenied: "502 unread", ecsapi.FaultThrottle: "503 unread wait"} {
		s.renew(t, 5*time.Second) // who remembers nothing
		s.fault(t, ecsapi.Fault{Action: "*", Kind: kind, Count: -1})
		codes := map[string][]string{}
		for _, r := range asks {
			if needsNoCloud(r.operation) {
				continue
			}
			code, answer := s.unreadable(t, r)
			if tellsInPlan(r, code) {
				continue
			}
			if codes[code] = append(codes[code], r.operation); code != want {
				t.Logf("%s: %s %s: %s %.600s", kind, r.method, r.target, code, answer)
			}
		}
		if len(codes[want]) == 0 || len(codes) != 1 {
			for _, code := range slices.Sorted(maps.Keys(codes)) {
				t.Errorf("%s: %s of %s; want %s", kind, code, strings.Join(codes[code], ", "), want)
			}
		}
	}
}

// unreadable asks, and returns status, code and whether it is said when to try again.
func (s *stack) unreadable(t *testing.T, r asked) (code string, answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.method, s.gateway+r.target, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.tokens[function.Operator])
	if r.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var told struct {
		Code  string
		Items []struct {
			Problem *struct {
				Status int
				Code   string
			}
		}
		Findings []struct{ Level, Code string }
	}
	raw, err := io.ReadAll(reply.Body)
	if err := errors.Join(err, json.Unmarshal(raw, &told)); err != nil {
		t.Errorf("%s %s: %d %s, %v", r.method, r.target, reply.StatusCode, raw, err)
	}
	code = fmt.Sprint(reply.StatusCode, " ", told.Code)
	for _, i := range told.Items {
		if i.Problem != nil && told.Code == "" {
			if code = fmt.Sprint(i.Problem.Status, " ", i.Problem.Code); i.Problem.Status == http.StatusServiceUnavailable {
				code += " wait" // an answer of many has one header for all
			}
			return code, raw
		}
	}
	for _, f := range told.Findings {
		code += " " + f.Level + ":" + f.Code
	}
	if reply.Header.Get("Retry-After") != "" {
		code += " wait"
	}
	return code, raw
}
