package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

type aboutOne struct {
	ImageID string `json:"imageId" validate:"omitempty,max=9"`
}

type unread struct {
	Code string `json:"code"`
}

type done struct {
	Result string `json:"result"`
}

type state string

type told struct {
	*function.Problem
	ID    string `json:"id,omitempty"`
	State state  `json:"state,omitempty"`
	Plan  struct {
		Digest  string `json:"digest"`
		Changes int    `json:"changes"`
	} `json:"plan"`
	Items    []done   `json:"items,omitempty"`
	Applied  bool     `json:"applied"`
	Complete *bool    `json:"complete,omitempty"`
	Outcomes []done   `json:"outcomes,omitempty"`
	Unknown  []unread `json:"unknown,omitempty"`
}

// lines runs one event at LOG_LEVEL=debug and returns what the log has.
func lines(t *testing.T, do func(context.Context, function.Call) (told, error), event string) []map[string]any {
	t.Helper()
	var log bytes.Buffer
	f := function.New("f",
		function.Handle(function.Spec{Name: "f.one", Pattern: "GET /f/{imageId}"}, func(ctx context.Context, call function.Call, _ aboutOne) (told, error) { return do(ctx, call) }),
		function.OnTimer("sweep", func(ctx context.Context, call function.Call, _ function.Tick) (told, error) { return do(ctx, call) }),
	)
	call := function.Call{RequestID: "r-1", Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	f.Invoke(context.Background(), call, []byte(event))
	var all []map[string]any
	for line := range strings.Lines(log.String()) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		delete(one, "time")
		all = append(all, one)
	}
	return all
}

// TestOneLinePerEvent tells what happened: to what, by whom, with which calls,
// what came of it and what did not.
func TestOneLinePerEvent(t *testing.T) {
	t.Parallel()
	calling := func(ctx context.Context) {
		function.CloudCall(ctx, "ecs:DescribeImages", "cn-hangzhou", "1000000000000001", "V-1", 7*time.Millisecond, nil)
		function.CloudCall(ctx, "ecs:DescribeImages", "cn-hangzhou", "1000000000000001", "V-2", time.Millisecond, fault.New(fault.Throttled, "slow down").WithCode("Throttling.User"))
	}
	half := false
	const direct = `{"operation":"f.one","input":{"imageId":"m-1"}}`
	for name, c := range map[string]struct {
		do    func(context.Context, function.Call) (told, error)
		event string
		want  map[string]any
		not   []string
	}{
		"read": {func(ctx context.Context, _ function.Call) (told, error) { calling(ctx); return told{}, nil }, direct, map[string]any{
			"level": "INFO", "operation": "f.one", "trigger": "direct", "status": 200.0, "imageId": "m-1", "caller": "system", "calls": 2.0, "throttled": 1.0, "function": "f", "request_id": "r-1",
		}, []string{"digest", "unknown", "outcomes", "code", "error"}},
		"something unread": {func(context.Context, function.Call) (told, error) {
			return told{Unknown: []unread{{"unread"}, {"Forbidden.RAM"}, {"unread"}}}, nil
		}, direct, map[string]any{"level": "WARN", "status": 200.0, "unknown": map[string]any{"unread": 2.0, "Forbidden.RAM": 1.0}}, nil},
		"done in part": {func(context.Context, function.Call) (told, error) {
			out := told{Applied: true, Complete: &half, Outcomes: []done{{"applied"}, {"failed"}, {"applied"}}}
			out.Plan.Digest = "abc"
			return out, nil
		}, direct, map[string]any{"level": "WARN", "digest": "abc", "applied": true, "complete": false, "outcomes": map[string]any{"applied": 2.0, "failed": 1.0}}, nil},
		"a work": {func(context.Context, function.Call) (told, error) {
			out := told{ID: "r-1", State: "running", Items: []done{{"open"}, {"applied"}, {"open"}}}
			out.Plan.Changes = 3
			return out, nil
		}, direct, map[string]any{"level": "INFO", "work": "r-1", "state": "running", "changes": 3.0, "items": map[string]any{"open": 2.0, "applied": 1.0}}, nil},
		"a problem with the answer": {func(_ context.Context, call function.Call) (told, error) {
			return told{Problem: call.Problem(fault.New(fault.Unknown, "nothing could be read").WithCode("unread"))}, nil
		}, direct, map[string]any{"level": "ERROR", "status": 502.0, "code": "unread", "error": "nothing could be read"}, nil},
		"a failure": {func(context.Context, function.Call) (told, error) {
			return told{}, fault.New(fault.Throttled, "too many calls").WithCode("Throttling.User")
		}, direct, map[string]any{"level": "ERROR", "status": 503.0, "code": "Throttling.User", "imageId": "m-1"}, nil},
		"a timer": {
			func(context.Context, function.Call) (told, error) { return told{}, nil },
			`{"triggerTime":"2026-11-29T12:00:00Z","triggerName":"sweep","payload":""}`,
			map[string]any{"trigger": "timer", "name": "sweep", "caller": "system", "level": "INFO"},
			nil,
		},
		"a refused input": {
			func(context.Context, function.Call) (told, error) { return told{}, nil }, `{"operation":"f.one","input":{"imageId":"m-123456789"}}`,
			map[string]any{"status": 400.0, "code": "max", "level": "INFO", "imageId": "m-123456789", "calls": 0.0},
			nil,
		},
	} {
		var events []map[string]any
		for _, line := range lines(t, c.do, c.event) {
			if line["msg"] == "event" {
				events = append(events, line)
			}
		}
		if len(events) != 1 {
			t.Fatalf("%s: %d lines", name, len(events))
		}
		for key, want := range c.want {
			if got, _ := json.Marshal(events[0][key]); string(got) != string(marshalled(t, want)) {
				t.Errorf("%s: %s is %s, want %v", name, key, got, want)
			}
		}
		for _, key := range c.not {
			if _, there := events[0][key]; there {
				t.Errorf("%s: it has %s: %v", name, key, events[0])
			}
		}
		if _, counted := events[0]["ms"]; !counted {
			t.Errorf("%s: no ms", name)
		}
	}
}

func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEveryCallHasALineForDebugging, beside the line of its event.
func TestEveryCallHasALineForDebugging(t *testing.T) {
	t.Parallel()
	all := lines(t, func(ctx context.Context, _ function.Call) (told, error) {
		function.CloudCall(ctx, "ecs:DescribeImages", "cn-hangzhou", "1000000000000001", "V-1", 7*time.Millisecond, nil)
		function.CloudCall(ctx, "sts:AssumeRole", "cn-hangzhou", "", "V-2", time.Millisecond, fault.New(fault.Forbidden, "no").WithCode("NoPermission"))
		return told{}, nil
	}, `{"operation":"f.one","input":{"imageId":"m-1"}}`)
	want := []map[string]any{
		{"level": "DEBUG", "msg": "call", "function": "f", "request_id": "r-1", "operation": "f.one", "action": "ecs:DescribeImages", "region": "cn-hangzhou", "account": "1000000000000001", "vendor_request_id": "V-1", "ms": 7},
		{"level": "DEBUG", "msg": "call", "function": "f", "request_id": "r-1", "operation": "f.one", "action": "sts:AssumeRole", "region": "cn-hangzhou", "account": "", "vendor_request_id": "V-2", "ms": 1, "kind": "forbidden", "code": "NoPermission"},
	}
	if len(all) != 3 {
		t.Fatalf("%d lines: %v", len(all), all)
	}
	for n := range want {
		if got, wanted := marshalled(t, all[n]), marshalled(t, want[n]); !bytes.Equal(got, wanted) {
			t.Errorf("got %s\nwant %s", got, wanted)
		}
	}
	function.CloudCall(context.Background(), "ecs:DescribeImages", "", "", "", 0, nil) // outside an event it is nobody's
}
