package function_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagekeeper/shared/function"
)

func TestEventsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, event, code, field string }{
		{"nothing", ``, "malformedJson", ""},
		{"not JSON", `hello`, "malformedJson", ""},
		{"text", `"hello"`, "unrecognisedEvent", ""},
		{"list", `[{"operation":"sample.direct"}]`, "unrecognisedEvent", ""},
		{"null", `null`, "unrecognisedEvent", ""},
		{"empty", `{}`, "unrecognisedEvent", ""},
		{"duplicate key", `{"operation":"a","operation":"b"}`, "duplicateField", "operation"},
		{"surplus key", `{"operation":"sample.direct","inputs":{}}`, "unknownField", "inputs"},
		{"other case", `{"operation":"sample.direct","Input":{}}`, "otherCase", "Input"},
		{"no such operation", `{"operation":"sample.none"}`, "noSuchOperation", "operation"},
		{"operation is no text", `{"operation":7}`, "wrongType", "operation"},
		{"null input", `{"operation":"sample.direct","input":null}`, "wrongType", "input"},
		{"input is a list", `{"operation":"sample.direct","input":[]}`, "wrongType", ""},
		{"too large input", `{"operation":"sample.direct","input":{"text":"` + strings.Repeat("x", 256<<10) + `"}}`, "bodyTooLarge", ""},
		{"too large event", `{"operation":"sample.direct","input":{"text":"` + strings.Repeat("x", 1<<20) + `"}}`, "bodyTooLarge", ""},
		{"wrong input", `{"operation":"sample.direct","input":{"txt":""}}`, "unknownField", "txt"},
		{"deep input", `{"operation":"sample.direct","input":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "tooDeep", ""},
		{"unknown timer", `{"triggerTime":"2023-12-26T07:49:00Z","triggerName":"other","payload":""}`, "noSuchOperation", ""},
		{"timer without time", `{"triggerTime":"now","triggerName":"nightly","payload":""}`, "unrecognisedEvent", ""},
		{"timer with more", `{"triggerTime":"2023-12-26T07:49:00Z","triggerName":"nightly","payload":"","x":1}`, "unrecognisedEvent", ""},
		{"objects of another source", `{"events":[{"eventSource":"aws:s3","oss":{}}]}`, "unrecognisedEvent", ""},
		{"no objects", `{"events":[]}`, "unrecognisedEvent", ""},
		{"object without a name", `{"events":[{"eventSource":"acs:oss","oss":{}}]}`, "unrecognisedEvent", "events"},
		{"malformed object", `{"events":[{"eventSource":"acs:oss","oss":{"object":{"size":"x"}}}]}`, "unrecognisedEvent", ""},
		{"unknown event", `{"specversion":"1.0","id":"1","source":"s","type":"t"}`, "noSuchOperation", ""},
		{"malformed event", `{"specversion":"1.0","id":"1","source":"s","type":"t","time":7}`, "unrecognisedEvent", ""},
		{"wrong data", `{"specversion":"1.0","id":"1","source":"s","type":"ecs:Instance:StateChange","data":[1]}`, "invalidValue", "data"},
		{"malformed event of AWS", `{"id":"1","detail-type":"t","source":"s","detail":{},"time":7}`, "unrecognisedEvent", ""},
		{"older CloudEvent", `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, "unrecognisedEvent", ""},
	}
	f := sample()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			raw := f.Invoke(context.Background(), function.Call{RequestID: "r1"}, []byte(test.event))
			var p problem
			if err := json.Unmarshal(raw, &p); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			if p.Code != test.code || !strings.HasPrefix(p.Field, test.field) || p.RequestID != "r1" || p.Status < 400 {
				t.Errorf("got %s", raw)
			}
		})
	}
}

func TestHTTPEventsRefused(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]string{
		"path without slash": v1("GET", "things", "", "", ""),
		"broken escape":      v1("GET", "/things/%zz", "", "", ""),
		"NUL in the path":    v1("GET", "/things/%00", "", "", ""),
		"broken query":       v2("GET", "/things", "%zz=1", "", false),
		"a header twice":     v1("GET", "/who", "", `"authorization":"Bearer a","authorization":"Bearer b"`, ""),
		"NUL in a header":    v1("GET", "/who", "", `"x":"\u0000"`, ""),
		"no method":          v1("", "/who", "", "", ""),
		"headers are a list": strings.Replace(v1("GET", "/who", "", "", ""), `"headers":{}`, `"headers":[]`, 1),
	} {
		var got struct{ StatusCode int }
		raw := sample().Invoke(context.Background(), function.Call{}, []byte(event))
		if err := json.Unmarshal(raw, &got); err != nil || got.StatusCode != 400 {
			t.Errorf("%s: %s", name, raw)
		}
	}
	raw := sample().Invoke(context.Background(), function.Call{}, []byte(v1("POST", "/things", "", "", strings.Repeat("x", 2<<20))))
	if !strings.Contains(string(raw), `"statusCode":413`) {
		t.Errorf("too large: %s", raw)
	}
}

// TestLongNumbersPass: identifiers of events may be numbers of any length.
func TestLongNumbersPass(t *testing.T) {
	t.Parallel()
	event := `{"specversion":"1.0","id":"1","source":"s","type":"ecs:Instance:StateChange","data":{"resourceId":"i-1","serial":12345678901234567890}}`
	raw := sample().Invoke(context.Background(), function.Call{}, []byte(event))
	if !strings.Contains(string(raw), `"resourceId":"i-1"`) {
		t.Errorf("got %s", raw)
	}
}

func TestRequestIDFallsBackToTheEvent(t *testing.T) {
	t.Parallel()
	raw := sample().Invoke(context.Background(), function.Call{}, []byte(v1("GET", "/who", "", "", "")))
	if !strings.Contains(string(raw), `"X-Request-Id":"1-64f6cd87-1"`) {
		t.Errorf("got %s", raw)
	}
}

// TestTooMuchForFunctionCompute: an answer that cannot be sent is a problem.
func TestTooMuchForFunctionCompute(t *testing.T) {
	t.Parallel()
	f := function.New("f", function.Handle(function.Spec{Name: "f.much"}, func(context.Context, function.Call, struct{}) (table, error) {
		return table{Items: []string{strings.Repeat("x", 33<<20)}}, nil
	}), function.Handle(function.Spec{Name: "f.list"}, func(context.Context, function.Call, paging) (table, error) {
		return table{Items: []string{strings.Repeat("x", 20<<20), strings.Repeat("x", 20<<20)}}, nil
	}))
	for _, event := range []string{
		`{"operation":"f.much"}`, `{"operation":"f.list","input":{"format":"csv"}}`, `{"operation":"f.list","input":{"format":"ndjson"}}`,
	} {
		raw := f.Invoke(context.Background(), function.Call{}, []byte(event))
		if len(raw) > 1000 || !strings.Contains(string(raw), "answerTooLarge") {
			t.Errorf("%s: %.200s", event, raw)
		}
	}
}

// seeds are real events, one a file.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/event-*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no events in testdata: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

// FuzzEvent: whatever arrives, the answer is JSON; an HTTP answer has a status
// and headers that are one line each; what went wrong is a problem document.
func FuzzEvent(f *testing.F) {
	seeds(f)
	fn := function.New("fuzz",
		function.Handle(function.Spec{Name: "sample.things", Pattern: "GET /things"}, things),
		function.Handle(function.Spec{Name: "sample.thing", Pattern: "GET /things/{id}"}, echo[order]),
		function.Handle(function.Spec{Name: "sample.make", Pattern: "POST /things"}, func(_ context.Context, _ function.Call, in order) (made, error) { return made{in}, nil }),
		function.OnTimer("*", echo[function.Tick]),
		function.OnObjects(echo[[]function.Object]),
		function.OnEvent("*", echo[function.Event[any]]),
	)
	f.Fuzz(func(t *testing.T, event []byte) {
		raw := fn.Invoke(context.Background(), function.Call{RequestID: "r"}, event)
		if !json.Valid(raw) {
			t.Fatalf("not JSON: %q", raw)
		}
		var got struct {
			StatusCode int
			Headers    map[string]string
			Body       string
		}
		if json.Unmarshal(raw, &got) != nil || got.StatusCode == 0 {
			return
		}
		if got.StatusCode < 200 || got.StatusCode > 599 {
			t.Fatalf("status %d", got.StatusCode)
		}
		for name, value := range got.Headers {
			if strings.ContainsAny(name+value, "\r\n\x00") {
				t.Fatalf("header %q: %q", name, value)
			}
		}
		if got.StatusCode >= 400 && got.Headers["Content-Type"] != "application/problem+json" || http.StatusText(got.StatusCode) == "" {
			t.Fatalf("not a problem: %s", raw)
		}
	})
}
