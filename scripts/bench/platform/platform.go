// Package platform runs one instance of a function as Function Compute does,
// with nothing in between: a runtime API of its own, a process, and clocks
// around both. It is for measuring; the whole host is scripts/local/fchost.
package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Instance is one process with its runtime API.
type Instance struct {
	// Start is how long the process took to ask for its first event.
	Start time.Duration

	process *exec.Cmd
	server  *http.Server
	log     *tail
	first   chan time.Time
	once    sync.Once
	events  chan []byte
	answers chan answer
	dead    chan struct{}
}

// answer is what came back for one event.
type answer struct {
	failed bool
	body   []byte
}

// Account is whose function every instance is.
const Account = "1000000000000001"

// Start starts a binary with these variables and nothing else in its
// environment, and waits until it asks for work, at most for ten seconds.
func Start(ctx context.Context, binary string, variables map[string]string) (*Instance, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &Instance{
		first: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan answer, 1),
		dead: make(chan struct{}), log: &tail{},
	}
	i.server = &http.Server{Handler: i.api(), ReadHeaderTimeout: time.Minute}
	go func() { _ = i.server.Serve(listener) }()
	i.process = exec.CommandContext(ctx, binary)
	i.process.Env = []string{
		"FC_RUNTIME_API=" + listener.Addr().String(), "FC_ACCOUNT_ID=" + Account, "FC_REGION=cn-hangzhou",
		"ALIBABA_CLOUD_ACCESS_KEY_ID=local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=local-secret",
	}
	for name, value := range variables {
		i.process.Env = append(i.process.Env, name+"="+value)
	}
	i.process.Stdout, i.process.Stderr = i.log, i.log
	begun := time.Now()
	if err := i.process.Start(); err != nil {
		_ = i.server.Close()
		return nil, err
	}
	go func() { _ = i.process.Wait(); close(i.dead) }()
	select {
	case polled := <-i.first:
		i.Start = polled.Sub(begun)
		return i, nil
	case <-time.After(10 * time.Second):
		err = errors.New("asked for no work within ten seconds")
	case <-i.dead:
		err = errors.New("ended before it asked for work")
	}
	i.Stop()
	return nil, fmt.Errorf("%s: %w\n%s", binary, err, i.log)
}

// Stop ends the process, then its runtime API: the other way round the process
// would ask again and again.
func (i *Instance) Stop() {
	_ = i.process.Process.Kill()
	<-i.dead
	_ = i.server.Close()
}

// Get sends a GET request as the event of an HTTP trigger and returns the
// answer's status and body.
func (i *Instance) Get(ctx context.Context, target string) (int, []byte, error) {
	event, err := get(target)
	if err != nil {
		return 0, nil, err
	}
	reply, err := i.invoke(ctx, event)
	if err != nil {
		return 0, nil, fmt.Errorf("GET %s: %w\n%s", target, err, i.log)
	}
	var response struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(reply, &response); err != nil {
		return 0, nil, fmt.Errorf("GET %s: %w", target, err)
	}
	return response.StatusCode, []byte(response.Body), nil
}

func (i *Instance) invoke(ctx context.Context, event []byte) ([]byte, error) {
	select {
	case i.events <- event:
	case <-i.dead:
		return nil, errors.New("the instance is dead")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case reply := <-i.answers:
		if reply.failed {
			return nil, fmt.Errorf("the function failed: %s", reply.body)
		}
		return reply.body, nil
	case <-i.dead:
		return nil, errors.New("the instance died")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Ask invokes an operation directly, as the platform's own callers do, and returns its
// answer.
func (i *Instance) Ask(ctx context.Context, operation string, input any) ([]byte, error) {
	event, err := json.Marshal(map[string]any{"operation": operation, "input": input})
	if err != nil {
		return nil, err
	}
	reply, err := i.invoke(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", operation, err, i.log)
	}
	return reply, nil
}

// Fire sends the event of a timer and returns what the function answers.
func (i *Instance) Fire(ctx context.Context, timer string) ([]byte, error) {
	event, err := json.Marshal(map[string]string{"triggerTime": time.Now().UTC().Format(time.RFC3339), "triggerName": timer, "payload": ""})
	if err != nil {
		return nil, err
	}
	reply, err := i.invoke(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("timer %s: %w\n%s", timer, err, i.log)
	}
	return reply, nil
}

// Processor is the time of processors that the process has used; Linux only.
func (i *Instance) Processor() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	const hertz, user, system = 100, 11, 12 // of the fields behind the name
	_, behind, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(behind)
	if len(fields) <= system {
		return 0, errors.New("the system does not tell what a process has used")
	}
	ticks := 0
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / hertz, nil
}

// PeakMemory is the most memory the process ever had, in bytes; Linux only.
func (i *Instance) PeakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system does not tell the peak of a process")
}

// timeout is that of every function here: long, as the machine that measures may be busy.
const timeout = 10 * time.Minute

// api is the runtime API: the next event, and what became of the last one.
func (i *Instance) api() http.Handler {
	const base = "/2020-11-11/runtime/invocation/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"next", func(w http.ResponseWriter, r *http.Request) {
		i.once.Do(func() { i.first <- time.Now() })
		select {
		case event := <-i.events:
			header := w.Header()
			header.Set("x-fc-request-id", "1-bench")
			header.Set("x-fc-function-deadline", strconv.FormatInt(time.Now().Add(timeout).UnixMilli(), 10))
			header.Set("x-fc-function-timeout", strconv.Itoa(int(timeout.Seconds())))
			header.Set("x-fc-function-memory", "512")
			header.Set("x-fc-account-id", Account)
			header.Set("x-fc-region", "cn-hangzhou")
			header.Set("x-fc-access-key-id", "local")
			header.Set("x-fc-access-key-secret", "local-secret")
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
	})
	report := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			i.answers <- answer{failed: failed || err != nil, body: body}
			w.WriteHeader(http.StatusOK)
		}
	}
	mux.HandleFunc("POST "+base+"{id}/response", report(false))
	mux.HandleFunc("POST "+base+"{id}/error", report(true))
	return mux
}

// get is the event of an HTTP trigger for a GET request.
func get(target string) ([]byte, error) {
	parsed, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	query := map[string]string{}
	for name, values := range parsed.Query() {
		query[name] = strings.Join(values, ",")
	}
	return json.Marshal(map[string]any{
		"version": "v1", "rawPath": parsed.EscapedPath(), "body": "", "isBase64Encoded": false,
		"headers": map[string]string{"Accept": "*/*"}, "queryParameters": query,
		"requestContext": map[string]any{
			"accountId": Account, "domainName": "localhost", "domainPrefix": "localhost", "requestId": "1-bench",
			"time": time.Now().UTC().Format(time.RFC3339), "timeEpoch": strconv.FormatInt(time.Now().UnixMilli(), 10),
			"http": map[string]string{"method": "GET", "path": parsed.Path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
		},
	})
}

// tail keeps the end of what a process says, for when something goes wrong.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps the last four kilobytes.
func (t *tail) Write(said []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, said...)
	t.text = t.text[max(0, len(t.text)-4096):]
	return len(said), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
