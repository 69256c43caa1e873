package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/notify"
)

func TestParse(t *testing.T) {
	for value, field := range map[string]string{
		`{"p":{"type":"slack","url":"https://h/x"}}`:                                                  "",
		`{"p":{"type":"slack","url":"http://127.0.0.1:8/x","language":"zh"}}`:                         "",
		`{"p":{"type":"slack","url":"http://localhost:8/x"}}`:                                         "",
		`{"p":{"type":"slack","url":"http://hooks.example/x"}}`:                                       "NOTIFY.p.url",
		`{"p":{"type":"slack","url":"http://127.0.0.1.evil.example/x"}}`:                              "NOTIFY.p.url",
		`{"p":{"type":"slack","url":"https://u:p@h/x"}}`:                                              "NOTIFY.p.url",
		`{"p":{"type":"slack","url":"file:///etc/passwd"}}`:                                           "NOTIFY.p.url",
		`{"p":{"type":"slack","url":""}}`:                                                             "NOTIFY.p.url",
		`{"p":{"type":"mail","url":"https://h/x"}}`:                                                   "NOTIFY.p.type",
		`{"p":{"type":"slack","url":"https://h/x","language":"de"}}`:                                  "NOTIFY.p.language",
		`{"p":{"type":"webhook","url":"https://h/x"}}`:                                                "NOTIFY.p.secretEnv",
		`{"p":{"type":"webhook","url":"https://h/x","secretEnv":"NOTIFY_SECRET_SHORT"}}`:              "NOTIFY.p.secretEnv",
		`{"p":{"type":"dingtalk","url":"https://h/x","secretEnv":"NOTIFY_SECRET_EMPTY"}}`:             "NOTIFY.p.secretEnv",
		`{"p":{"type":"dingtalk","url":"https://h/x","secretEnv":"NOTIFY_SECRET_OTHER"}}`:             "NOTIFY.p.secretEnv",
		`{"p":{"type":"dingtalk","url":"https://h/x","secretEnv":"ALIBABA_CLOUD_ACCESS_KEY_SECRET"}}`: "NOTIFY.p.secretEnv",
		`{"p q":{"type":"slack","url":"https://h/x"}}`:                                                "NOTIFY",
		`{"p":{"type":"slack","url":"https://h/x","link":"https://evil"}}`:                            "p.link",
		`{"p":{"type":"slack","url":"https://h/x"},"p":{"type":"slack","url":"https://h/y"}}`:         "p",
	} {
		_, err := notify.Parse(value, secrets)
		var f *fault.Error
		errors.As(err, &f)
		switch {
		case field == "" && err != nil:
			t.Errorf("%s: %v", value, err)
		case field != "" && (f == nil || f.Kind != fault.Invalid || f.Field != field):
			t.Errorf("%s: got %+v, want the field %s", value, f, field)
		}
	}
}

func TestAmong(t *testing.T) {
	all := everyType(t, "https://h", notify.English)
	found, err := notify.Among(all, []string{"slack", "ding"})
	if err != nil || len(found) != 2 || found[0].Name != "slack" || found[1].Name != "ding" {
		t.Errorf("got %v, %v", found, err)
	}
	if _, err = notify.Among(all, []string{"pager"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

// Every kind and every count has a text in every language, and no two languages
// have the same title.
func TestBothLanguagesAreComplete(t *testing.T) {
	for _, kind := range notify.Kinds() {
		titles := map[string]bool{}
		for _, language := range notify.Languages() {
			n := notify.Notice{Kind: kind, Function: "import", Due: time.Unix(0, 0), Subject: "x", Link: "https://h"}
			for _, c := range notify.CountNames() {
				n.Counts = append(n.Counts, notify.Count{Name: c, N: 3})
			}
			text := notify.Text(n, language)
			lines := strings.Split(text, "\n")
			titles[lines[0]] = true
			if !strings.Contains(lines[0], "import") || strings.Contains(text, "%!") || strings.Contains(text, "  ") || strings.Contains(lines[2], "·  ") || strings.HasPrefix(lines[2], " ") {
				t.Errorf("%s in %s: %q", kind, language, text)
			}
			if got := strings.Count(lines[2], "·") + 1; got != len(notify.CountNames()) {
				t.Errorf("%s in %s: %d counts", kind, language, got)
			}
		}
		if len(titles) != len(notify.Languages()) {
			t.Errorf("%s reads alike in two languages: %v", kind, titles)
		}
	}
}

func TestIDs(t *testing.T) {
	a, b := notify.IDOf("import/abc", "finished"), notify.IDOf("import/ab", "cfinished")
	if a == b || a != notify.IDOf("import/abc", "finished") || strings.Contains(a, ".") {
		t.Errorf("%s, %s", a, b)
	}
}

// TestInertWherever: a link is broken wherever it stands: in a text that is cut, and
// behind letters that have another length in lower case.
func TestInertWherever(t *testing.T) {
	for name, text := range map[string]string{
		"short":              "https://evil.example WWW.evil.example",
		"cut":                "https://evil.example www.evil.example " + strings.Repeat("x", 200),
		"shorter lower case": "\u212aelvin www.evil.example wWw.evil.example",
		"longer lower case":  "\u0130stanbul www.evil.example",
		"cut and shorter":    "www.evil.example " + strings.Repeat("\u212a", 200),
		"not UTF-8":          "\xff www.evil.example https://evil.example",
	} {
		if got := strings.ToLower(notify.Inert(text)); strings.Contains(got, "www.") || strings.Contains(got, "://") || !strings.Contains(got, "evil") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzInert(f *testing.F) {
	for _, i := range hostile().Items {
		f.Add(i.Name)
	}
	f.Add("\u212a www.evil.example https://evil.example " + strings.Repeat("x", 200))
	f.Fuzz(func(t *testing.T, text string) {
		out := notify.Inert(text)
		if len([]rune(out)) > 600 || strings.ContainsAny(out, "@\n\r\x00\u202e\u200b\u2028") || strings.Contains(out, "://") || strings.Contains(strings.ToLower(out), "www.") {
			t.Errorf("%q", out)
		}
	})
}

func ExampleInert() {
	fmt.Println(notify.Inert("web @all https://evil.example\u202e"))
	// Output: web ＠all https[:]//evil.example·
}

func ExampleText() {
	fmt.Println(notify.Text(notify.Notice{
		Kind: notify.Finished, Function: "import", Subject: "web-base-20261129", Counts: []notify.Count{{Name: notify.Done, N: 3}},
		Link: "https://images.example/#/imports/abc",
	}, notify.English))
	// Output:
	// import: finished
	// About: web-base-20261129
	// done 3
	// Details: https://images.example/#/imports/abc
}
