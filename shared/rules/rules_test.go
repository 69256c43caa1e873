package rules_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"imagekeeper/shared/fanout"
	"imagekeeper/shared/fault"
	"imagekeeper/shared/rules"
)

type document struct {
	Keep []struct {
		Name string `json:"name"`
		Last int    `json:"last"`
	} `json:"keep"`
}

// positive is what these rules have to be beside their form.
func positive(d document, _ rules.Source) []*fault.Error {
	var wrong []*fault.Error
	for i, k := range d.Keep {
		if k.Last < 1 {
			wrong = append(wrong, fault.InField(fmt.Sprintf("keep[%d].last", i), "notPositive", "must be 1 or more"))
		}
	}
	return wrong
}

// shelf is a bucket; brought counts the texts that left it.
type shelf struct {
	mu      sync.Mutex
	text    string
	etag    string
	failure error
	brought int
}

func (s *shelf) Newer(_ context.Context, bucket, key, known string, _ int) ([]byte, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case bucket != "rules" || key != "a/keep.yaml":
		return nil, "", fault.New(fault.NotFound, "no such object")
	case s.failure != nil:
		return nil, "", s.failure
	case known == s.etag:
		return nil, known, nil
	}
	s.brought++
	return []byte(s.text), s.etag, nil
}

func (s *shelf) put(text, etag string, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.etag, s.failure = text, etag, failure
}

func parsed(t *testing.T, value string) rules.Source {
	t.Helper()
	source, err := rules.Parse("KEEP_RULES", value, func(path string) ([]byte, error) {
		if path != "keep.json" {
			return nil, errors.New("no such file")
		}
		return []byte(`{"keep":[{"name":"a","last":3}]}`), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// TestLoad reads what is there now, once for each version, and never what was there
// before.
func TestLoad(t *testing.T) {
	s := &shelf{}
	l := rules.NewLoader(parsed(t, "oss://rules/a/keep.yaml"), positive)
	for _, step := range []struct {
		text, etag, code string
		failure          error
		last, brought    int
	}{
		{text: "keep: [{name: a, last: 1}]", etag: "1", last: 1, brought: 1},
		{text: "keep: [{name: a, last: 1}]", etag: "1", last: 1, brought: 1},
		{text: "keep: [{name: a, last: 2}]", etag: "2", last: 2, brought: 2},
		{text: "keep: [{name: a, last: 0}]", etag: "3", code: "notPositive", brought: 3},
		{text: "keep: [{name: a, last: 0}]", etag: "3", code: "notPositive", brought: 3},
		{text: "keep: [", etag: "4", code: "malformedYaml", brought: 4},
		{failure: fault.New(fault.Forbidden, "refused"), code: "unreadable", brought: 4},
		{text: "keep: [{name: a, last: 5}]", etag: "5", last: 5, brought: 5},
	} {
		s.put(step.text, step.etag, step.failure)
		d := l.Load(t.Context(), s)
		switch {
		case d.Usable() != (step.code == ""), d.Source != "oss://rules/a/keep.yaml", s.brought != step.brought:
			t.Errorf("%+v: got %+v after %d", step, d, s.brought)
		case step.code != "" && (d.Flaws[0].Code != step.code || len(d.Rules.Keep) != 0):
			t.Errorf("%+v: got %+v", step, d)
		case step.code == "" && (d.Rules.Keep[0].Last != step.last || d.Approver("a") != "rule:a@"+step.etag):
			t.Errorf("%+v: got %+v", step, d)
		}
	}
}

// TestSources: a document may be in the variable and in the package, too.
func TestSources(t *testing.T) {
	for value, usable := range map[string]bool{
		"": false, "  ": false, "file:keep.json": true, "keep: [{name: a, last: 3}]": true, `{"keep":[{"name":"a","last":3}]}`: true, "keep: 3": false,
	} {
		source := parsed(t, value)
		d := rules.NewLoader(source, positive).Load(t.Context(), nil)
		if d.Usable() != usable || source.Given() != (d.Source != "") || usable && (d.Rules.Keep[0].Last != 3 || len(d.ETag) != 32) {
			t.Errorf("%q: %+v", value, d)
		}
	}
	for _, value := range []string{"oss://", "oss://bucket", "oss://bucket/", "oss://bucket/folder/", "oss:///key", "file:other.yaml", "file:"} {
		_, err := rules.Parse("KEEP_RULES", value, func(string) ([]byte, error) { return nil, errors.New("no such file") })
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Field != "KEEP_RULES" {
			t.Errorf("%q: %v", value, err)
		}
	}
	if d := rules.NewLoader(parsed(t, "oss://rules/a/keep.yaml"), positive).Load(t.Context(), nil); d.Usable() || d.Flaws[0].Code != "unreadable" {
		t.Errorf("nobody reads: %+v", d)
	}
}

// TestFlawsHavePlaces: all of what is wrong is told, in the order of the document.
func TestFlawsHavePlaces(t *testing.T) {
	const text = "keep:\n  - {name: a, last: 1}\n  - name: b\n    last: 0\n  - {name: c}\n"
	d := rules.Read([]byte(text), rules.Source{}, "", positive)
	var told []string
	for _, f := range d.Flaws {
		told = append(told, f.String())
	}
	const want = "line 4, column 11: keep[1].last must be 1 or more\nline 5, column 5: keep[2].last must be 1 or more"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for text, want := range map[string]string{
		"keep:\n  - nam: a\n":  "line 2, column 10: keep[0].nam ",
		"keep: [\n":            "line 1: must be YAML or JSON",
		"keep:\n\t- name: a\n": "line 2: must be YAML or JSON",
	} {
		d := rules.Read([]byte(text), rules.Source{}, "", positive)
		if len(d.Flaws) != 1 || !strings.HasPrefix(d.Flaws[0].String(), want) {
			t.Errorf("%q: %v", text, d.Flaws)
		}
	}
}

// TestManyEvents read at the same time.
func TestManyEvents(t *testing.T) {
	s := &shelf{text: "keep: [{name: a, last: 1}]", etag: "1"}
	l := rules.NewLoader(parsed(t, "oss://rules/a/keep.yaml"), positive)
	var group fanout.Group
	for n := range 8 {
		group.Go(func() {
			for i := range 20 {
				s.put("keep: [{name: a, last: 1}]", fmt.Sprint(n, i), nil)
				if d := l.Load(t.Context(), s); !d.Usable() || d.Rules.Keep[0].Last != 1 {
					t.Errorf("%+v", d)
				}
			}
		})
	}
	group.Wait()
}

// What is read is a value whatever it is, with a place inside the text.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"keep: [{name: a, last: 0}]", "keep: [", "a: &x 1\nb: *x\n", "\"\\u0000\"", "keep:\n- last: 1e3\n", `{"keep":null}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := rules.Read([]byte(text), rules.Source{}, "", positive)
		lines := strings.Count(text, "\n") + 2
		for _, flaw := range d.Flaws {
			if flaw.Code == "" || flaw.Sentence == "" || flaw.Line < 0 || flaw.Line > lines && !strings.ContainsAny(text, "\r\u0085\u2028\u2029") {
				t.Errorf("%+v", flaw)
			}
		}
		if len(d.Flaws) > 0 && d.Rules.Keep != nil {
			t.Error("rules of a document that does not count")
		}
	})
}

func ExampleRead() {
	d := rules.Read([]byte("keep:\n  - {name: web, last: 0}\n"), rules.Source{}, "", positive)
	fmt.Println(d.Usable(), d.Flaws[0])
	// Output: false line 2, column 23: keep[0].last must be 1 or more
}
