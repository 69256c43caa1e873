package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// platform is a runtime API, of Function Compute or Lambda, with the sample
// function running behind it as a child process.
type platform struct {
	t      *testing.T
	lambda bool
	queue  chan *invocation
	stdout output

	mu      sync.Mutex
	waiting map[string]*invocation
	count   int
}

type invocation struct {
	id       string
	event    string
	deadline time.Time
	reply    chan reply
}

type reply struct {
	failed bool
	body   string
}

// output is what the child printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Split(o.buf.String(), "\n")
}

// start runs the sample function; the child ends with the test.
func start(t *testing.T, lambda bool, env ...string) *platform {
	t.Helper()
	p := &platform{t: t, lambda: lambda, queue: make(chan *invocation), waiting: map[string]*invocation{}}
	server := httptest.NewServer(p)
	variable, credentials := "FC_RUNTIME_API=", []string{}
	if lambda {
		variable = "AWS_LAMBDA_RUNTIME_API="
		credentials = []string{"ALIBABA_CLOUD_ACCESS_KEY_ID=env-key", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=env-secret-value"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(append([]string{asFunction + "=1", variable + strings.TrimPrefix(server.URL, "http://")}, credentials...), env...)
	child.Stdout, child.Stderr = &p.stdout, &p.stdout
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = child.Wait() // killed by cancel
		server.CloseClientConnections()
		server.Close()
	})
	return p
}

// ServeHTTP is the runtime API of either platform.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if parts[len(parts)-1] == "next" {
		p.next(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id := parts[len(parts)-2]
	p.mu.Lock()
	one := p.waiting[id]
	delete(p.waiting, id)
	p.mu.Unlock()
	if p.lambda {
		w.WriteHeader(http.StatusAccepted)
	}
	if one != nil {
		one.reply <- reply{failed: parts[len(parts)-1] != "response", body: string(body)}
	}
}

func (p *platform) next(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case one := <-p.queue:
		p.mu.Lock()
		p.waiting[one.id] = one
		p.mu.Unlock()
		h, deadline := w.Header(), fmt.Sprint(one.deadline.UnixMilli())
		if p.lambda {
			h.Set("Lambda-Runtime-Aws-Request-Id", one.id)
			h.Set("Lambda-Runtime-Deadline-Ms", deadline)
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:1:function:sample")
		} else {
			h.Set("x-fc-request-id", one.id)
			h.Set("x-fc-function-deadline", deadline)
			h.Set("x-fc-function-timeout", "60")
			h.Set("x-fc-region", "cn-hangzhou")
			h.Set("x-fc-account-id", "1000000000000001")
			h.Set("x-fc-access-key-id", "STS.contextkey12345")
			h.Set("x-fc-access-key-secret", "context-secret-of-"+one.id)
			h.Set("x-fc-security-token", "context-token")
		}
		_, _ = io.WriteString(w, one.event) // the child may have been killed
	}
}

// invoke sends one event and waits for what the function posts.
func (p *platform) invoke(event string, within time.Duration) (id, body string) {
	p.t.Helper()
	p.mu.Lock()
	p.count++
	id = fmt.Sprintf("request-%d", p.count)
	p.mu.Unlock()
	one := &invocation{id: id, event: event, deadline: time.Now().Add(within), reply: make(chan reply, 1)}
	timeout := time.After(20 * time.Minute)
	select {
	case p.queue <- one:
	case <-timeout:
		p.t.Fatalf("nobody polls; the child said:\n%s", strings.Join(p.stdout.lines(), "\n"))
	}
	select {
	case got := <-one.reply:
		if got.failed {
			p.t.Errorf("%s: the platform was told of an error: %s", event, got.body)
		}
		return id, got.body
	case <-timeout:
		p.t.Fatalf("%s: no answer; the child said:\n%s", event, strings.Join(p.stdout.lines(), "\n"))
	}
	return id, ""
}

// http sends an HTTP event and reads the HTTP answer.
func (p *platform) http(event string, within time.Duration) (id string, a answer) {
	p.t.Helper()
	id, body := p.invoke(event, within)
	var got struct {
		StatusCode      int
		Headers         map[string]string
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.StatusCode == 0 {
		p.t.Fatalf("not an HTTP answer: %.300s", body)
	}
	a = answer{got.StatusCode, http.Header{}, got.Body}
	for name, value := range got.Headers {
		a.header.Set(name, value)
	}
	return id, a
}

// logged waits for the line of the log about one request.
func (p *platform) logged(id, message string) map[string]any {
	p.t.Helper()
	for range 60000 {
		for _, line := range p.stdout.lines() {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) == nil && fields["request_id"] == id && fields["msg"] == message {
				return fields
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("no line %q about %s:\n%s", message, id, strings.Join(p.stdout.lines(), "\n"))
	return nil
}

// v1 is a request as Function Compute's HTTP trigger sends it.
func v1(method, path, query, headers, body string) string {
	return fmt.Sprintf(`{"version":"v1","rawPath":%q,"body":%q,"isBase64Encoded":false,"headers":{%s},"queryParameters":{%s},
		"requestContext":{"accountId":"1","domainName":"x.cn-hangzhou.fcapp.run","domainPrefix":"x","requestId":"1-64f6cd87-1","time":"2026-01-31T12:00:00Z",
		"timeEpoch":"1769860800000","http":{"method":%q,"path":%q,"protocol":"HTTP/1.1","sourceIp":"1.2.3.4","userAgent":"curl"}}}`,
		path, body, headers, query, method, path)
}

// v2 is a request as an HTTP API or function URL of AWS sends it.
func v2(method, path, query, body string, encoded bool) string {
	return fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":%q,"rawQueryString":%q,"cookies":["a=1","b=2"],
		"headers":{"content-type":"application/json","host":"x.lambda-url"},"requestContext":{"accountId":"1","apiId":"x","domainName":"x.lambda-url",
		"http":{"method":%q,"path":%q,"protocol":"HTTP/1.1","sourceIp":"1.2.3.4","userAgent":"curl"},"requestId":"r","stage":"$default","timeEpoch":1769860800000},
		"body":%q,"isBase64Encoded":%v}`, path, query, method, path, body, encoded)
}
