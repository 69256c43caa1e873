package readme_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"imagekeeper/scripts/check/readme"
)

func TestExamples(t *testing.T) {
	t.Parallel()
	examples, err := readme.Examples("curl not in code\n```sh\nmake up\ncurl 'h:1/a?b=c&d=e'   # and so on\n```\ntext\n```console\n$ curl -s h:1/x\n{\"a\":\n 1}\n$ make\nlist\n$ curl -d '{\"n\":1}' -H 'X-A: b' \"h:1/y\"\n```\n"+
		"```sh\nme=\"X-B: $(cat a/b)\"   # mine\ncurl -H \"$me\" -d '{}' -X PATCH h:1/z\n```\n", fstest.MapFS{"a/b": {Data: []byte("secret\n")}})
	if err != nil || len(examples) != 4 {
		t.Fatalf("%v, %v", examples, err)
	}
	for i, want := range []readme.Example{
		{Line: 4, Method: "GET", URL: "h:1/a?b=c&d=e"},
		{Line: 8, Method: "GET", URL: "h:1/x", Answer: "{\"a\":\n 1}\n"},
		{Line: 13, Method: "POST", URL: "h:1/y", Body: `{"n":1}`},
		{Line: 17, Method: "PATCH", URL: "h:1/z", Body: "{}"},
	} {
		got := examples[i]
		if got.Line != want.Line || got.Method != want.Method || got.URL != want.URL || got.Answer != want.Answer || got.Body != want.Body {
			t.Errorf("example %d: %+v, want %+v", i, got, want)
		}
	}
	if got := examples[2].Header["X-A"]; got != "b" {
		t.Errorf("header %q", got)
	}
	if got := examples[3].Header["X-B"]; got != "secret" {
		t.Errorf("the header from a file is %q", got)
	}
	if _, err := readme.Examples("```\na=\"$(cat b)\"\n```", fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// A line that a shell would take for something else is refused: an unquoted &
// would run curl in the background, with half of the query.
func TestExamplesThatAReaderCouldNotType(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"curl h/a?b=c&d=e", "curl h/a&b", "curl 'h/a", "curl -s", "curl -d", "curl --upload x h", "curl h | sort", `curl -H "$nobody" h`, `curl "$(rm x)y" h`, "curl h/a?b=c", "curl h > a", "curl h; ls"} {
		if got, err := readme.Examples("```\n"+command+"\n```", fstest.MapFS{}); err == nil {
			t.Errorf("%s: taken for %+v", command, got)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ printed, got, differs string }{
		"order and space":      {`{"a":1,"b":[1,2]}`, "{ \"b\": [1, 2], \"a\": 1 }\n", ""},
		"time and request":     {`{"asOf":"x","i":[{"requestId":"1"}]}`, `{"asOf":"y","i":[{"requestId":"2"}]}`, ""},
		"a value":              {`{"i":[{"n":1}]}`, `{"i":[{"n":2}]}`, ".i[0].n is 2, printed is 1"},
		"one more":             {`{"a":1}`, `{"a":1,"b":2}`, ".b is 2, printed is null"},
		"one less":             {`{"i":[1,2]}`, `{"i":[1]}`, ".i is [1], printed is [1,2]"},
		"text":                 {"a,b\n1,2\n", "a,b\r\n1,2\r\n", ""},
		"another text":         {"a,b\n", "a,c\n", "answered"},
		"text instead of JSON": {`{"a":1}`, "oops", "not JSON"},
	} {
		err := readme.Same(test.printed, test.got)
		if (err == nil) != (test.differs == "") || err != nil && !strings.Contains(err.Error(), test.differs) {
			t.Errorf("%s: %v, want %q", name, err, test.differs)
		}
	}
}
