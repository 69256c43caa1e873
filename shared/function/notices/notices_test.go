package notices_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/notices"
	"imagekeeper/shared/journal"
	"imagekeeper/shared/journal/journaltest"
	"imagekeeper/shared/notify"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

func look(name string) (string, bool) {
	if name == "NOTIFY_SECRET_HOOK" {
		return secret, true
	}
	return "", false
}

// TestFromVariableToTarget: what the variable names gets what is put, signed, and the
// log says so without a secret.
func TestFromVariableToTarget(t *testing.T) {
	var got []http.Header
	answers := http.StatusOK
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header)
		w.WriteHeader(answers)
		_, _ = io.WriteString(w, "echo "+r.URL.Path)
	}))
	defer target.Close()
	settings := notices.Settings{
		Notify:  function.Lines(fmt.Sprintf(`{"hook":{"type":"webhook","url":"%s/hooks/t0ken-of-hook","secretEnv":"NOTIFY_SECRET_HOOK"}}`, target.URL)),
		Address: "https://images.example/",
	}
	n, err := settings.Open("import", look, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if n.Link("/imports/1") != "https://images.example/imports/1" {
		t.Errorf("link: %s", n.Link("/imports/1"))
	}
	place, ids := journal.OpenObjects(journaltest.NewBucket(nil), ""), 0
	box := n.Box(journal.New(place, time.Now, func() string { ids++; return fmt.Sprint(ids) }), place, "w", time.Now)
	var log strings.Builder
	call := function.Call{Log: slog.New(slog.NewJSONHandler(&log, nil))}
	for _, step := range []struct {
		id     string
		status int
		line   string
	}{{"msg_1", 200, `"notice delivered"`}, {"msg_2", 400, `"notice not delivered"`}} {
		answers = step.status
		if _, err := box.Put(t.Context(), notify.Notice{ID: step.id, Kind: notify.Planned, Function: "import", At: time.Now()}, nil); err != nil {
			t.Fatal(err)
		}
		if err := notices.Deliver(t.Context(), call, box, time.Now().Add(20*time.Second)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), step.line) {
			t.Errorf("%s: %s", step.id, log.String())
		}
	}
	if len(got) != 2 || got[0].Get("Webhook-Id") != "msg_1" || !strings.HasPrefix(got[0].Get("Webhook-Signature"), "v1,") {
		t.Errorf("got %v", got)
	}
	for _, hidden := range []string{"t0ken", secret[6:], target.URL} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log shows %s: %s", hidden, log.String())
		}
	}
}

// TestSettings: what is wrong names the variable, and shows nothing of its value.
func TestSettings(t *testing.T) {
	if n, err := (notices.Settings{Notify: "  "}).Open("import", look, os.ReadFile); n != nil || err != nil {
		t.Errorf("nobody: %v, %v", n, err)
	}
	for text, field := range map[string]string{
		"{":        "NOTIFY",
		`{"p":{}}`: "NOTIFY.p.type",
		`{"p":{"type":"slack","url":"https://hooks.slack.com/services/s3cret","x":1}}`:               "NOTIFY.p.x",
		`{"p":{"type":"webhook","url":"https://h.example/s3cret","secretEnv":"NOTIFY_SECRET_NONE"}}`: "NOTIFY.p.secretEnv",
		"file:/nowhere/notify.json": "NOTIFY",
	} {
		_, err := (notices.Settings{Notify: function.Lines(text)}).Open("import", look, os.ReadFile)
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != field || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
