package notify_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"imagekeeper/shared/notify"
)

var update = flag.Bool("update", false, "write the golden files")

const hook = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

func secrets(name string) (string, bool) {
	value, ok := map[string]string{
		"NOTIFY_SECRET_DING": "SECtestsecret", "NOTIFY_SECRET_FEISHU": "feishusecret", "NOTIFY_SECRET_HOOK": hook,
		"NOTIFY_SECRET_SHORT": "whsec_c2hvcnQ=", "NOTIFY_SECRET_EMPTY": "",
	}[name]
	return value, ok
}

func parse(t *testing.T, value string) []notify.Target {
	t.Helper()
	targets, err := notify.Parse(value, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

// everyType has one target of each type at one address.
func everyType(t *testing.T, at string, language notify.Language) []notify.Target {
	t.Helper()
	return parse(t, fmt.Sprintf(`{
		"ding":{"type":"dingtalk","url":"%[1]s/robot/send?access_token=t0ken-of-ding","secretEnv":"NOTIFY_SECRET_DING","language":"%[2]s"},
		"feishu":{"type":"feishu","url":"%[1]s/hook/t0ken-of-feishu","secretEnv":"NOTIFY_SECRET_FEISHU","language":"%[2]s"},
		"slack":{"type":"slack","url":"%[1]s/services/t0ken-of-slack","language":"%[2]s"},
		"webhook":{"type":"webhook","url":"%[1]s/hooks/t0ken-of-hook","secretEnv":"NOTIFY_SECRET_HOOK","language":"%[2]s"}}`, at, language))
}

// got is a request that a target received.
type got struct {
	path    string
	headers http.Header
	body    string
}

// receiver is a target on this machine; answer says what it answers.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []got
	answer func(w http.ResponseWriter, n int)
}

func receive(t *testing.T, answer func(w http.ResponseWriter, n int)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, got{req.URL.RequestURI(), req.Header, string(body)})
		n := len(r.got)
		r.mu.Unlock()
		r.answer(w, n)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) requests() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func says(status int, body string) func(http.ResponseWriter, int) {
	return func(w http.ResponseWriter, _ int) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// clock stands still but for what is slept.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.slept = c.now.Add(d), append(c.slept, d)
	return nil
}

func sender(c *clock) *notify.Sender {
	return &notify.Sender{Client: notify.NewClient(), Now: c.Now, Sleep: c.Sleep}
}

func at1700000000() *clock { return &clock{now: time.Unix(1700000000, 0)} }

// hostile has everything in its names that some target would interpret.
func hostile() notify.Notice {
	return notify.Notice{
		ID: "msg_1", Kind: notify.Marked, Function: "cleanup", At: time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC),
		Subject: "web <script>alert(1)</script> @all [click](https://evil.example)",
		Counts:  []notify.Count{{Name: notify.Images, N: 7}, {Name: notify.Refused, N: 2}},
		Items: []notify.Item{
			{Name: "\u202egpj.exe\u202c <at id=all></at>", Code: "olderThan", Sentence: "made 93 days ago; **kept** for 90"},
			{Name: "<!channel> <@U123> <http://evil.example|mine>"},
			{Name: "line\nbreak\r\n# heading\x1b[31m\x00"},
			{Name: "WWW.evil.example www.evil.example HTTPS://evil.example"},
			{Name: strings.Repeat("長", 300)},
			{Name: "sixth"},
			{Name: "seventh"},
		},
		Due: time.Date(2026, 12, 13, 2, 0, 0, 0, time.FixedZone("", 8*3600)), Link: "https://images.example/#/cleanup/abc",
	}
}

func TestPayloads(t *testing.T) {
	for _, language := range notify.Languages() {
		r := receive(t, func(w http.ResponseWriter, n int) {
			says(200, []string{`{"errcode":0}`, `{"code":0}`, "ok", ""}[n-1])(w, n)
		})
		for n, target := range everyType(t, r.URL, language) {
			d := sender(at1700000000()).Send(context.Background(), []notify.Target{target}, hostile())[0]
			if !d.Delivered || d.Attempts != 1 || d.Code != "" {
				t.Errorf("%s: %+v", d.Target, d)
			}
			body := r.requests()[n].body
			golden := filepath.Join("testdata", fmt.Sprintf("hostile-%s-%s.golden.json", d.Target, language))
			if *update {
				if err := os.WriteFile(golden, []byte(body+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || body+"\n" != string(want) {
				t.Errorf("%s, %v: got\n%s", golden, err, body)
			}
			if d.Target != "webhook" {
				inert(t, d.Target, body)
			}
			if len(body) > 20_000 {
				t.Errorf("%s has %d bytes", d.Target, len(body))
			}
		}
	}
}

// inert goes by every text of a message that people read.
func inert(t *testing.T, target, body string) {
	t.Helper()
	var whole any
	if err := json.Unmarshal([]byte(body), &whole); err != nil {
		t.Fatal(err)
	}
	eachText(whole, func(text string) {
		if strings.HasPrefix(text, "https://images.example/") {
			return
		}
		own := strings.ReplaceAll(text, "https://images.example/", "")
		for _, live := range []string{"://", "@", "www.e", "WWW.e", "\r", "\x1b", "\x00", "\u202e"} {
			if strings.Contains(own, live) {
				t.Errorf("%s: %q is alive in %q", target, live, text)
			}
		}
		if strings.ContainsFunc(own, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
			t.Errorf("%s: control characters in %q", target, text)
		}
	})
}

func eachText(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, e := range v {
			eachText(e, f)
		}
	case map[string]any:
		for _, e := range v {
			eachText(e, f)
		}
	}
}

// Signatures are those of the vendors' documents.
func TestSignatures(t *testing.T) {
	r := receive(t, says(200, `{"errcode":0,"code":0}`))
	n := notify.Notice{ID: "msg_1", Kind: notify.Removed, Function: "cleanup"}
	for _, target := range everyType(t, r.URL, notify.English)[:2] {
		sender(at1700000000()).Send(context.Background(), []notify.Target{target}, n)
	}
	if want := "sign=7LVwF0dAF3%2F%2BMRRulbpE4y72Ogzykc6bS2nG4I99T4s%3D&timestamp=1700000000000"; !strings.Contains(r.requests()[0].path, want) {
		t.Errorf("DingTalk: %s", r.requests()[0].path)
	}
	if want := `"sign":"5Wc8F8b2vZlNjoVFpK6BAaovMobglP4Rm1FzmEq/rCU=","timestamp":"1700000000"`; !strings.Contains(r.requests()[1].body, want) {
		t.Errorf("Feishu: %s", r.requests()[1].body)
	}
}

func TestWebhookSignature(t *testing.T) {
	body := []byte(`{"type":"image.deleted","timestamp":"2026-11-29T20:00:00Z","data":{"id":"m-1"}}`)
	headers := notify.WebhookHeaders(hook, "msg_1", time.Unix(1700000000, 0), body)
	if got, want := headers["Webhook-Signature"], "v1,atM6ym9IPDgKbEOTymu/X2zfFOQimdcJBAP+mdYlVSQ="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What a target calls success is success; the rest says what happened and whether
// trying again helps.
func TestAnswers(t *testing.T) {
	const ding, feishu, slack, webhook = 0, 1, 2, 3
	cases := []struct {
		name     string
		target   int
		answer   func(http.ResponseWriter, int)
		code     string
		again    bool
		attempts int
	}{
		{"an error inside of a 200", ding, says(200, `{"errcode":310000,"errmsg":"sign not match"}`), "310000", false, 1},
		{"DingTalk is too busy", ding, says(200, `{"errcode":130101,"errmsg":"too fast"}`), "130101", true, 4},
		{"DingTalk's other form", ding, says(200, `{"status":1111,"wait":5,"punish":"deny"}`), "notUnderstood", false, 1},
		{"an unknown code", ding, says(200, `{"errcode":77}`), "77", false, 1},
		{"not even JSON", ding, says(200, "<html>"), "notUnderstood", false, 1},
		{"null", ding, says(200, `{"errcode":null}`), "notUnderstood", false, 1},
		{"a text", ding, says(200, `{"errcode":"0"}`), "notUnderstood", false, 1},
		{"Feishu refuses", feishu, says(200, `{"code":19021,"msg":"sign match fail"}`), "19021", false, 1},
		{"Feishu is too busy", feishu, says(200, `{"code":11232}`), "11232", true, 4},
		{"Slack says something else", slack, says(200, "no_text"), "refused", false, 1},
		{"Slack refuses", slack, says(403, "invalid_token"), "status403", false, 1},
		{"a webhook's 410", webhook, says(410, ""), "status410", false, 1},
		{"a webhook's 503", webhook, says(503, ""), "status503", true, 4},
		{"too many", webhook, says(429, ""), "status429", true, 4},
		{"a redirect", webhook, func(w http.ResponseWriter, _ int) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(307) }, "redirected", false, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := receive(t, c.answer)
			told := sender(at1700000000()).Send(context.Background(), everyType(t, r.URL, notify.English)[c.target:][:1], hostile())
			d := told[0]
			if d.Delivered || d.Code != c.code || d.Again != c.again || d.Attempts != c.attempts || len(r.requests()) != c.attempts {
				t.Errorf("got %+v after %d requests", d, len(r.requests()))
			}
		})
	}
}

func TestATargetThatComesBack(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, n int) {
		if n < 3 {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(503)
		}
	})
	c := at1700000000()
	told := sender(c).Send(context.Background(), everyType(t, r.URL, notify.English)[3:], hostile())
	if !told[0].Delivered || told[0].Attempts != 3 || !slices.Equal(c.slept, []time.Duration{7 * time.Second, 7 * time.Second}) {
		t.Errorf("%+v after %v", told[0], c.slept)
	}
	first, last := r.requests()[0], r.requests()[2]
	if first.headers.Get("Webhook-Id") != "msg_1" || last.headers.Get("Webhook-Id") != "msg_1" || first.headers.Get("Webhook-Timestamp") == last.headers.Get("Webhook-Timestamp") {
		t.Error("the id stays over attempts, and each is signed anew")
	}
}

func TestTargetsThatDoNotAnswer(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	c := at1700000000()
	if d := sender(c).Send(context.Background(), everyType(t, down.URL, notify.English)[3:], hostile())[0]; d.Delivered || d.Code != "unreachable" || !d.Again {
		t.Errorf("down: %+v", d)
	}
	release := make(chan struct{})
	slow := receive(t, func(http.ResponseWriter, int) { <-release })
	defer close(release)
	ctx, end := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer end()
	s := &notify.Sender{Client: notify.NewClient(), Now: time.Now, Sleep: c.Sleep}
	if d := s.Send(ctx, everyType(t, slow.URL, notify.English)[3:], hostile())[0]; d.Delivered || d.Code != "noAnswer" || !d.Again || d.Attempts != 1 {
		t.Errorf("slow: %+v", d)
	}
}

// A caller without time left is told so, and does not wait.
func TestBudget(t *testing.T) {
	r := receive(t, says(503, ""))
	ctx, end := context.WithDeadline(context.Background(), time.Now().Add(time.Hour))
	defer end()
	deadline, _ := ctx.Deadline()
	c := &clock{now: deadline.Add(-3 * time.Second)}
	d := sender(c).Send(ctx, everyType(t, r.URL, notify.English)[3:], hostile())[0]
	if d.Attempts != 2 || !d.Again || len(c.slept) != 1 {
		t.Errorf("%+v after %v: a second fits into three, five more do not", d, c.slept)
	}
}

func TestRates(t *testing.T) {
	r := receive(t, says(200, `{"errcode":0}`))
	c := at1700000000()
	s, ding := sender(c), everyType(t, r.URL, notify.English)[:1]
	for n := range 21 {
		if d := s.Send(context.Background(), ding, hostile())[0]; !d.Delivered {
			t.Fatalf("message %d: %+v", n, d)
		}
	}
	if !slices.Equal(c.slept, []time.Duration{time.Minute}) {
		t.Errorf("slept %v: twenty go out in a minute", c.slept)
	}
}

// Neither an outcome nor an error shows an address or a secret.
func TestSecretsStayHidden(t *testing.T) {
	echo := receive(t, func(w http.ResponseWriter, _ int) {
		_, _ = io.WriteString(w, `{"errcode":1,"code":1,"errmsg":"SECtestsecret feishusecret t0ken-of-ding /hook/t0ken-of-feishu /services/t0ken-of-slack /hooks/t0ken-of-hook"}`)
	})
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, at := range []string{echo.URL, gone.URL} {
		for _, d := range sender(at1700000000()).Send(context.Background(), everyType(t, at, notify.English), hostile()) {
			if text := fmt.Sprintf("%+v", d); strings.Contains(text, "t0ken") || strings.Contains(text, "secret ") || strings.Contains(text, "SEC") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("%s", text)
			}
		}
	}
	_, err := notify.Parse(`{"a":{"type":"slack","url":"ftp://user:t0ken@h/p"}}`, secrets)
	if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "t0ken") {
		t.Errorf("got %v", err)
	}
}
