package fchost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"go.uber.org/goleak"
)

// TestMain lets the test binary play the functions under test, and a host that
// is to be killed.
func TestMain(m *testing.M) {
	switch role := os.Getenv("PROBE_ROLE"); role {
	case "":
		goleak.VerifyTestMain(m)
	case "probe":
		fc.Start(probe)
	case "mute":
		mute()
	case "silent":
		time.Sleep(time.Minute)
	case "dies":
		note("started")
		fmt.Fprintln(os.Stderr, "REGIONS: not a region")
		os.Exit(3)
	case "host":
		playHost()
	default:
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(2)
	}
}

// note appends a line to a file in the function's directory, for the test to
// read.
func note(line string) {
	file, err := os.OpenFile("notes", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintln(file, line)
}

// mute asks for work once and never answers.
func mute() {
	response, err := http.Get("http://" + os.Getenv("FC_RUNTIME_API") + "/2020-11-11/runtime/invocation/next")
	if err == nil {
		response.Body.Close()
	}
	time.Sleep(time.Minute)
}

// order is what a test tells the probe to do: directly, or in the query of an
// HTTP event.
type order struct {
	Do              string            `json:"do"`
	For             string            `json:"for"`
	TriggerName     string            `json:"triggerName"`
	QueryParameters map[string]string `json:"queryParameters"`
	Version         string            `json:"version"`
}

// inside counts the invocations that run in this process.
var inside atomic.Int32 //nolint:gochecknoglobals // the runtime calls a plain function

func probe(ctx context.Context, event []byte) (json.RawMessage, error) {
	if n := inside.Add(1); n > 1 {
		return nil, fmt.Errorf("%d invocations at once in one instance", n)
	}
	defer inside.Add(-1)
	var o order
	_ = json.Unmarshal(event, &o) // events that are no orders are echoed
	if o.Do == "" {
		o.Do, o.For = o.QueryParameters["do"], o.QueryParameters["for"]
	}
	act, known := acts()[o.Do]
	if !known {
		act = echo
	}
	return act(ctx, o, event)
}

type act func(ctx context.Context, o order, event []byte) (json.RawMessage, error)

func acts() map[string]act {
	return map[string]act{
		"sleep": func(_ context.Context, o order, event []byte) (json.RawMessage, error) {
			pause, err := time.ParseDuration(o.For)
			if err != nil {
				return nil, err
			}
			time.Sleep(pause)
			return answer(map[string]any{"statusCode": 200, "body": fmt.Sprint(os.Getpid())})
		},
		"exit": func(context.Context, order, []byte) (json.RawMessage, error) {
			fmt.Fprintln(os.Stderr, "good bye")
			os.Exit(7)
			return nil, nil
		},
		"killed": func(context.Context, order, []byte) (json.RawMessage, error) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		},
		"stopped": func(context.Context, order, []byte) (json.RawMessage, error) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			select {}
		},
		"panic": func(context.Context, order, []byte) (json.RawMessage, error) { panic("on purpose") },
		"error": func(context.Context, order, []byte) (json.RawMessage, error) { return nil, errors.New("on purpose") },
		"big": func(context.Context, order, []byte) (json.RawMessage, error) {
			return json.RawMessage(`"` + strings.Repeat("x", 33<<20) + `"`), nil
		},
		"say": func(_ context.Context, o order, _ []byte) (json.RawMessage, error) {
			return json.RawMessage(o.For), nil
		},
		"log": func(_ context.Context, o order, _ []byte) (json.RawMessage, error) {
			fmt.Println("a line on stdout\n" + strings.Repeat("y", 20<<10) + "\nno end of line")
			return answer(nil)
		},
		"environment": func(ctx context.Context, _ order, _ []byte) (json.RawMessage, error) {
			fcContext, _ := fccontext.FromContext(ctx)
			deadline, _ := ctx.Deadline()
			directory, _ := os.Getwd()
			return answer(map[string]any{
				"environment": slices.Sorted(slices.Values(os.Environ())), "context": fcContext,
				"left": time.Until(deadline).String(), "directory": directory,
			})
		},
		"retry": func(ctx context.Context, _ order, _ []byte) (json.RawMessage, error) {
			fcContext, _ := fccontext.FromContext(ctx)
			note(fmt.Sprintf("%s %d", fcContext.RequestID, fcContext.RetryCount))
			if fcContext.RetryCount == 0 {
				return nil, errors.New("not at the first time")
			}
			return answer(map[string]any{"statusCode": 200})
		},
		"accept": func(context.Context, order, []byte) (json.RawMessage, error) {
			return answer(map[string]any{"statusCode": 202})
		},
	}
}

func answer(value any) (json.RawMessage, error) {
	return json.Marshal(value)
}

// echo notes a timer's event, and answers any other with itself.
func echo(_ context.Context, o order, event []byte) (json.RawMessage, error) {
	if o.TriggerName != "" {
		note(string(event))
	}
	if o.Version == "v1" {
		return answer(map[string]any{
			"statusCode": 200, "headers": map[string]string{"Content-Type": "application/json"}, "body": string(event),
		})
	}
	return json.RawMessage(event), nil
}

// recorder keeps what was logged.
type recorder struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

var _ io.Writer = (*recorder)(nil)
