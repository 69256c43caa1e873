package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
)

// runtime is the runtime API of AWS Lambda, with one function behind it.
type runtime struct {
	t       *testing.T
	events  chan string
	answers chan string
	// time is what the function has for each event.
	time time.Duration
}

// onLambda starts a function as Lambda does, with the variables of s.yaml and more; it
// ends with the test.
func onLambda(t *testing.T, f syaml.Function, more map[string]string) *runtime {
	t.Helper()
	r := &runtime{t: t, events: make(chan string), answers: make(chan string, 1), time: time.Minute}
	server := httptest.NewServer(r)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	child := exec.CommandContext(ctx, filepath.Join(binaries(), f.Resource, "bootstrap"))
	variables := maps.Clone(f.Environment)
	maps.Copy(variables, more)
	variables["AWS_LAMBDA_RUNTIME_API"] = strings.TrimPrefix(server.URL, "http://")
	variables["ALIBABA_CLOUD_ACCESS_KEY_ID"], variables["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "local", "local-secret"
	for name, value := range variables {
		child.Env = append(child.Env, name+"="+value)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = child.Wait() // killed by cancel
		server.CloseClientConnections()
		server.Close()
	})
	return r
}

func (r *runtime) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if !strings.HasSuffix(q.URL.Path, "/next") {
		body, err := io.ReadAll(q.Body)
		if err == nil {
			r.answers <- string(body)
		}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	select {
	case <-q.Context().Done():
	case event := <-r.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
		h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(r.time).UnixMilli()))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:1:function:imagekeeper")
		_, _ = io.WriteString(w, event) // the child may have been killed
	}
}

// invoke sends one event and waits for the answer.
func (r *runtime) invoke(event []byte) string {
	r.t.Helper()
	select {
	case r.events <- string(event):
		return <-r.answers
	case <-time.After(10 * time.Minute):
		r.t.Fatal("nobody asks for events")
		return ""
	}
}

// The hosts of a function URL, which waits as long as the function has, and of an HTTP
// API, which does not.
const (
	byURL = "abc.lambda-url.eu-central-1.on.aws"
	byAPI = "abc.execute-api.eu-central-1.amazonaws.com"
)

// ask sends a request as a function URL does, format 2.0.
func (r *runtime) ask(a asked, token string) (int, string) {
	r.t.Helper()
	return r.through(byURL, a, token)
}

// through sends a request as the host does.
func (r *runtime) through(host string, a asked, token string) (int, string) {
	r.t.Helper()
	path, query, _ := strings.Cut(a.target, "?")
	parsed, err := url.ParseQuery(query)
	if err != nil {
		r.t.Fatal(err)
	}
	event := object{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
		"headers": object{"authorization": "Bearer " + token, "content-type": "application/json", "accept": "*/*"},
		"requestContext": object{
			"domainName": host, "requestId": "r", "timeEpoch": 1769860800000,
			"http": object{"method": a.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4"},
		},
		"isBase64Encoded": false,
	}
	if a.body != "" {
		event["body"] = a.body
	}
	if query != "" {
		values := object{}
		for name, all := range parsed {
			values[name] = strings.Join(all, ",")
		}
		event["queryStringParameters"] = values
	}
	text, err := json.Marshal(event)
	if err != nil {
		r.t.Fatal(err)
	}
	var reply struct {
		StatusCode int
		Body       string
	}
	if said := r.invoke(text); json.Unmarshal([]byte(said), &reply) != nil {
		r.t.Fatalf("%s: %s", a.operation, said)
	}
	return reply.StatusCode, reply.Body
}

// different each time are the times of observation and the ids of requests.
var different = regexp.MustCompile(`"(asOf|requestId|at|approvedAt|snapshotAt|readAt|begunAt)":"[^"]*"`)

// TestThreeWays asks the same of Function Compute's HTTP trigger, of a function URL
// of Lambda and directly: what comes is the same, byte for byte, but for ids and times.
func TestThreeWays(t *testing.T) {
	t.Parallel()
	s, id, family := documented(t)
	project, err := load(binaries(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	lambda := map[string]*runtime{}
	for _, f := range project.Functions {
		lambda[f.Resource] = onLambda(t, f, s.settings)
	}
	requests := append(right(id, family), []asked{
		{"find.images", http.MethodGet, "/images?limit=0", "", "viewer"},
		{"price.image", http.MethodGet, "/prices/" + id + "?hours=-1", "", "viewer"},
		{"share.put", http.MethodPut, "/shares/" + id, `{"accounts":[{"accountId":"x"}]}`, "viewer"},
	}...)
	plain := func(text string) string { return strings.TrimSpace(different.ReplaceAllString(text, `"$1":""`)) }
	compared := 0
	for _, a := range requests {
		status, body := s.ask(a.role, a.method, a.target, []byte(a.body))
		far, other := lambda[owner(a.operation)].ask(a, s.tokens[a.role])
		if status != far || plain(string(body)) != plain(other) {
			t.Errorf("%s %s:\nFunction Compute %d %.600s\nLambda           %d %.600s", a.method, a.target, status, plain(string(body)), far, plain(other))
		}
		if owner(a.operation) == "portal" {
			continue // a page is for browsers
		}
		input := inputOf(t, a, id, family)
		for way, invoked := range map[string]func([]byte) string{
			"Function Compute": func(event []byte) string {
				_, direct := s.ask("", http.MethodPost, "/_local/invoke/"+owner(a.operation), event)
				return string(direct)
			},
			"Lambda": lambda[owner(a.operation)].invoke,
		} {
			if direct := invoked(input); plain(direct) != plain(string(body)) {
				t.Errorf("%s, directly on %s:\n%.600s\nby HTTP:\n%.600s", a.operation, way, plain(direct), plain(string(body)))
			}
		}
		compared++
	}
	if compared < 15 {
		t.Errorf("only %d requests were compared", compared)
	}
}
