package fchost_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
)

// resource is one fc3 resource that runs the test binary in a role.
type resource struct {
	name, role string
	timeout    int
	extra      string // more props, indented by six
	triggers   string // more triggers, indented by eight
}

func (r resource) String() string {
	return fmt.Sprintf(`  %[1]s:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: demo-%[1]s
      runtime: go1
      handler: bootstrap
      code: ./.build/%[1]s
      timeout: %[3]d
      environmentVariables: {PROBE_ROLE: %[2]s, GREETING: hello}
%[4]s      triggers:
        - triggerName: web
          triggerType: http
          triggerConfig: {authType: anonymous, methods: [GET, POST, PUT, DELETE, HEAD]}
%[5]s`, r.name, r.role, r.timeout, r.extra, r.triggers)
}

// stage is a running host with its gateway.
type stage struct {
	t    *testing.T
	host *fchost.Host
	url  string
	root string
	log  *recorder
}

const routes = `  domain:
    component: fc3-domain
    props:
      region: cn-hangzhou
      domainName: auto
      protocol: HTTP
      routeConfig:
        routes:
          - {path: '/*', functionName: demo-probe, methods: [POST]}
          - {path: /things, functionName: demo-probe}
          - {path: '/things/*', functionName: demo-probe}
          - {path: '/things/special/*', functionName: demo-other}
`

// project lays the resources out in a directory of their own.
func project(t *testing.T, domain string, resources ...resource) (*syaml.Project, string) {
	t.Helper()
	root := t.TempDir()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := "edition: 3.0.0\nname: demo\naccess: default\nresources:\n"
	for _, r := range resources {
		text += r.String()
		code := filepath.Join(root, ".build", r.name)
		if err := os.MkdirAll(code, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(binary, filepath.Join(code, "bootstrap")); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "s.yaml")
	if err := os.WriteFile(file, []byte(text+domain), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := syaml.Load(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return p, root
}

// open starts a host; change may alter its options.
func open(t *testing.T, change func(*fchost.Options), domain string, resources ...resource) *stage {
	t.Helper()
	p, root := project(t, domain, resources...)
	s := &stage{t: t, root: root, log: &recorder{}}
	options := fchost.Options{
		Project: p, Root: root, Out: s.log, AccountID: "1000000000000001",
		Credentials: fchost.Credentials{AccessKeyID: "local", Secret: "local-secret"},
		Environment: map[string]string{"ECS_ENDPOINT": "http://127.0.0.1:7070"},
	}
	if change != nil {
		change(&options)
	}
	host, err := fchost.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(host)
	t.Cleanup(func() {
		host.Close()
		server.Close()
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	s.host, s.url = host, server.URL
	return s
}

// started is open, and Start without an error.
func started(t *testing.T, change func(*fchost.Options), domain string, resources ...resource) *stage {
	t.Helper()
	s := open(t, change, domain, resources...)
	if err := s.host.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func probeResource() resource { return resource{name: "probe", role: "probe", timeout: 10} }

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (s *stage) do(method, path, body string, header ...string) reply {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
			continue
		}
		request.Header.Add(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(content)}
}

// want fails unless the reply has that status and, if not empty, error type.
func (r reply) want(t *testing.T, status int, errorType string) {
	t.Helper()
	if r.status != status || r.header.Get("X-Fc-Error-Type") != errorType {
		t.Errorf("got %d %q, want %d %q: %.300s", r.status, r.header.Get("X-Fc-Error-Type"), status, errorType, r.body)
	}
}

// decode reads the JSON of the reply.
func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var value T
	if err := json.NewDecoder(bytes.NewBufferString(r.body)).Decode(&value); err != nil {
		t.Fatalf("%v in %.300s", err, r.body)
	}
	return value
}

type status struct {
	Functions []struct {
		Function  string
		Instances []struct {
			PID         int
			State       string
			Invocations int
		}
		Triggers []struct {
			Name    string
			Next    *time.Time
			Running bool
		}
	}
}

func (s *stage) status() status {
	s.t.Helper()
	return decode[status](s.t, s.do("GET", "/_local/functions", ""))
}

// notes returns the lines that a function noted.
func (s *stage) notes(function string) []string {
	content, err := os.ReadFile(filepath.Join(s.root, ".build", function, "notes"))
	if err != nil || len(content) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

// eventually waits until ok, on a busy machine for minutes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 60000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("did not happen: %s", what)
}
