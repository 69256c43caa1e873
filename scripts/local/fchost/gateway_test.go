package fchost_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
)

type event struct {
	Version, RawPath, Body   string
	IsBase64Encoded          bool
	Headers, QueryParameters map[string]string
	RequestContext           struct {
		AccountID, DomainName, DomainPrefix, RequestID, Time, TimeEpoch string
		HTTP                                                            struct {
			Method, Path, Protocol, SourceIP, UserAgent string
		}
	}
}

func TestTheEventOfAnHTTPTrigger(t *testing.T) {
	t.Parallel()
	s := started(t, nil, routes, probeResource(), resource{name: "other", role: "probe", timeout: 10})
	r := s.do("POST", "/things/a%2Fb%20c?x=1&y=%C3%A9&x=2&empty=", "text: é",
		"x-lower-case", "a", "X-Lower-Case", "b", "User-Agent", "probe/1", "Connection", "close", "Host", "localhost:8080")
	r.want(t, 200, "")
	e := decode[event](t, r)
	context, http := e.RequestContext, e.RequestContext.HTTP
	for name, pair := range map[string][2]string{
		"version":         {e.Version, "v1"},
		"rawPath":         {e.RawPath, "/things/a%2Fb%20c"},
		"path":            {http.Path, "/things/a/b c"},
		"repeated query":  {e.QueryParameters["x"], "1,2"},
		"decoded query":   {e.QueryParameters["y"], "é"},
		"repeated header": {e.Headers["X-Lower-Case"], "a,b"},
		"host":            {e.Headers["Host"], "localhost:8080"},
		"hop-by-hop":      {e.Headers["Connection"], ""},
		"body":            {e.Body, "text: é"},
		"account":         {context.AccountID, "1000000000000001"},
		"request id":      {context.RequestID, r.header.Get("X-Fc-Request-Id")},
		"domain":          {context.DomainName, "localhost:8080"},
		"method":          {http.Method, "POST"},
		"protocol":        {http.Protocol, "HTTP/1.1"},
		"source":          {http.SourceIP, "127.0.0.1"},
		"user agent":      {http.UserAgent, "probe/1"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
		}
	}
	if value, there := e.QueryParameters["empty"]; !there || value != "" || e.IsBase64Encoded {
		t.Errorf("the empty parameter or the body's encoding is wrong: %+v", e)
	}
	if epoch, err := strconv.ParseInt(context.TimeEpoch, 10, 64); err != nil || time.Since(time.UnixMilli(epoch)) > time.Hour {
		t.Errorf("timeEpoch %q: %v", context.TimeEpoch, err)
	}
	if !regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}$`).MatchString(context.RequestID) {
		t.Errorf("request id %q", context.RequestID)
	}
}

// TestBodiesAndPathsSurvive sends any bytes, and reads them back from the event.
func TestBodiesAndPathsSurvive(t *testing.T) {
	t.Parallel()
	s := started(t, nil, routes, probeResource(), resource{name: "other", role: "probe", timeout: 10})
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "body")
		path := "/things/" + rapid.StringN(0, 10, 40).Draw(rt, "path")
		key := rapid.StringMatching(`[a-z.]{1,8}`).Filter(func(k string) bool { return k != "do" }).Draw(rt, "key")
		value := rapid.String().Draw(rt, "value")
		target := (&url.URL{Path: path, RawQuery: url.Values{key: {value}}.Encode()}).String()
		e := decode[event](t, s.do("POST", target, string(body)))
		got := []byte(e.Body)
		if e.IsBase64Encoded {
			var err error
			if got, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
				rt.Fatal(err)
			}
		}
		if string(got) != string(body) || e.RequestContext.HTTP.Path != path || e.QueryParameters[key] != value {
			rt.Fatalf("sent %q to %q with %q, the event has %q, %q, %q", body, path, value, got, e.RequestContext.HTTP.Path, e.QueryParameters[key])
		}
	})
}

func TestAnswersBecomeHTTP(t *testing.T) {
	t.Parallel()
	s := started(t, nil, routes, probeResource(), resource{name: "other", role: "probe", timeout: 10})
	say := func(value string) string { return "/things?do=say&for=" + url.QueryEscape(value) }
	for _, c := range []struct {
		name, method, path string
		status             int
		errorType, body    string
	}{
		{"status and body", "GET", say(`{"statusCode":418,"body":"tea"}`), 418, "", "tea"},
		{"base64", "GET", say(`{"statusCode":200,"isBase64Encoded":true,"body":"aGk="}`), 200, "", "hi"},
		{"not base64", "GET", say(`{"statusCode":200,"isBase64Encoded":true,"body":"?"}`), 502, "InvalidHTTPAnswer", ""},
		{"head", "HEAD", say(`{"statusCode":200,"body":"tea"}`), 200, "", ""},
		{"no content", "GET", say(`{"statusCode":204}`), 204, "", ""},
		{"bare value", "GET", say(`"tea"`), 502, "InvalidHTTPAnswer", ""},
		{"bare object", "GET", say(`{"a":1}`), 502, "InvalidHTTPAnswer", ""},
		{"null", "GET", say(`null`), 502, "InvalidHTTPAnswer", ""},
		{"informational status", "GET", say(`{"statusCode":101}`), 502, "InvalidHTTPAnswer", ""},
		{"header that is no text", "GET", say(`{"statusCode":200,"headers":{"A":1}}`), 502, "InvalidHTTPAnswer", ""},
		{"error", "GET", "/things?do=error", 502, "errorString", ""},
		{"panic", "GET", "/things?do=panic", 502, "string", ""},
		{"too large", "GET", "/things?do=big", 502, "ResponseSizeTooLarge", ""},
		{"bad query", "GET", "/things?x=%zz", 400, "", ""},
		{"after all of these", "GET", say(`{"statusCode":200,"body":"ok"}`), 200, "", "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.do(c.method, c.path, "")
			r.want(t, c.status, c.errorType)
			if c.body != "" && r.body != c.body {
				t.Errorf("body %q, want %q", r.body, c.body)
			}
			if r.header.Get("X-Fc-Request-Id") == "" {
				t.Error("no request id")
			}
		})
	}
	r := s.do("GET", say(`{"statusCode":200,"headers":{"x-tea":"green\r\nSet-Cookie: a=b","Content-Length":"7","Connection":"close"},"body":"tea"}`), "")
	if r.header.Get("X-Tea") != "greenSet-Cookie: a=b" || r.header.Get("Set-Cookie") != "" || r.header.Get("Content-Length") != "3" {
		t.Errorf("headers %v", r.header)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := started(t, nil, routes, probeResource(), resource{name: "other", role: "probe", timeout: 10})
	for _, c := range []struct {
		method, path string
		status       int
		function     string
		rawPath      string
	}{
		{"GET", "/things", 200, "probe", "/things"},
		{"GET", "/things/", 200, "probe", "/things/"},
		{"GET", "/things/special", 200, "probe", "/things/special"},
		{"GET", "/things/special/x", 200, "other", "/things/special/x"},
		{"POST", "/elsewhere", 200, "probe", "/elsewhere"},
		{"GET", "/elsewhere", 405, "", ""},
		{"PATCH", "/things", 405, "", ""},
		{"GET", "/_fn/probe/a%20b/c?x=y", 200, "probe", "/a%20b/c"},
		{"GET", "/_fn/demo-other", 200, "other", "/"},
		{"GET", "/_fn/nobody/", 404, "", ""},
		{"PATCH", "/_fn/probe/", 405, "", ""},
		{"GET", "/_local/nothing", 404, "", ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			before := strings.Count(s.log.String(), c.function+" | START")
			r := s.do(c.method, c.path, "")
			r.want(t, c.status, "")
			if c.status != 200 {
				if got := r.header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("content type %q", got)
				}
				return
			}
			if e := decode[event](t, r); e.RawPath != c.rawPath {
				t.Errorf("rawPath %q, want %q", e.RawPath, c.rawPath)
			}
			if after := strings.Count(s.log.String(), c.function+" | START"); after != before+1 {
				t.Errorf("%d invocations of %s", after-before, c.function)
			}
		})
	}
}

func TestOnlyLoopbackNamesAreAnswered(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "images.localhost": 200, "127.0.0.1:8080": 200, "127.8.9.1": 200, "[::1]:8080": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:8080": 403, "10.0.0.1": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "0.0.0.0:8080": 403,
	} {
		if r := s.do("GET", "/_local/functions", "", "Host", host); r.status != status {
			t.Errorf("Host %s: status %d, want %d", host, r.status, status)
		}
	}
	s.do("POST", "/_local/invoke/probe", "{}", "Origin", "http://evil.example").want(t, 403, "")
	s.do("POST", "/_local/invoke/probe", "{}", "Sec-Fetch-Site", "cross-site").want(t, 403, "")
	s.do("POST", "/_local/invoke/probe", "{}").want(t, 200, "")
}

func TestBeforeTheStart(t *testing.T) {
	t.Parallel()
	withoutRest := strings.Replace(routes, "          - {path: '/*', functionName: demo-probe, methods: [POST]}\n", "", 1)
	s := open(t, nil, withoutRest, probeResource(), resource{name: "other", role: "probe", timeout: 10})
	for _, path := range []string{"/healthz", "/things", "/_fn/probe/"} {
		if r := s.do("GET", path, ""); r.status != 503 || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q", path, r.status, r.header.Get("Retry-After"))
		}
	}
	if err := s.host.Start(); err != nil {
		t.Fatal(err)
	}
	s.do("GET", "/healthz", "").want(t, 200, "")
}

func TestLargeRequests(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	s.do("POST", "/_fn/probe/", strings.Repeat("x", 32<<20+1)).want(t, 413, "")
	s.do("POST", "/_local/invoke/probe", strings.Repeat("x", 128<<10+1), "X-Fc-Invocation-Type", "Async").want(t, 413, "")
	r := s.do("POST", "/_local/invoke/probe", `"`+strings.Repeat("x", 1<<20)+`"`)
	r.want(t, 200, "")
	if len(r.body) != 1<<20+2 {
		t.Errorf("%d bytes came back", len(r.body))
	}
}

func TestDirectInvocations(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	if r := s.do("POST", "/_local/invoke/probe", `{"any":["event",1]}`); r.status != 200 || r.body != `{"any":["event",1]}` {
		t.Errorf("got %d %s", r.status, r.body)
	}
	r := s.do("POST", "/_local/invoke/demo-probe", `{"do":"error"}`)
	r.want(t, 200, "errorString")
	if !strings.Contains(r.body, "on purpose") {
		t.Errorf("body %s", r.body)
	}
	s.do("POST", "/_local/invoke/probe", `{"do":"exit"}`).want(t, 502, "CAExited")
	s.do("POST", "/_local/invoke/nobody", `{}`).want(t, 404, "")
	s.do("GET", "/_local/invoke/probe", "").want(t, 404, "")
}

func TestWhatAFunctionLivesIn(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	r := decode[struct {
		Environment     []string
		Left, Directory string
		Context         struct {
			RequestID   string
			AccountID   string `json:"accountId"`
			Region      string
			Credentials struct{ AccessKeyID, AccessKeySecret string }
			Function    struct{ Name string }
		}
	}](t, s.do("POST", "/_local/invoke/probe", `{"do":"environment"}`))
	for _, entry := range []string{
		"FC_ACCOUNT_ID=1000000000000001", "FC_FUNCTION_NAME=demo-probe", "FC_FUNCTION_HANDLER=bootstrap", "FC_REGION=cn-hangzhou",
		"FC_FUNCTION_MEMORY_SIZE=512", "ALIBABA_CLOUD_ACCESS_KEY_ID=local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=local-secret",
		"ALIBABA_CLOUD_SECURITY_TOKEN=", "ECS_ENDPOINT=http://127.0.0.1:7070", "GREETING=hello", "TZ=UTC",
	} {
		if !slices.Contains(r.Environment, entry) {
			t.Errorf("%s is missing", entry)
		}
	}
	for _, entry := range r.Environment {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "GO") || name == "USER" || name == "SHELL" {
			t.Errorf("the host's own %s reached the function", entry)
		}
	}
	left, err := time.ParseDuration(r.Left)
	if err != nil || left <= 0 || left > 10*time.Second {
		t.Errorf("%s left until the deadline: %v", r.Left, err)
	}
	if r.Context.RequestID == "" || r.Context.Credentials.AccessKeyID != "local" || r.Context.Region != "cn-hangzhou" {
		t.Errorf("context %+v", r.Context)
	}
	if !strings.HasSuffix(r.Directory, ".build/probe") {
		t.Errorf("directory %s", r.Directory)
	}
}

func TestLogLines(t *testing.T) {
	t.Parallel()
	s := started(t, nil, "", probeResource())
	r := s.do("POST", "/_local/invoke/probe", `{"do":"log"}`)
	id := regexp.QuoteMeta(r.header.Get("X-Fc-Request-Id"))
	for _, want := range []string{
		`(?m)^probe \| START RequestId: ` + id + ` Source: direct$`,
		`(?m)^probe \| END RequestId: ` + id + `$`,
		`(?m)^probe \| REPORT RequestId: ` + id + ` Duration: [0-9.]+ ms Billed Duration: [0-9]+ ms Memory Size: 512 MB Max Memory Used: [1-9][0-9.]* MB$`,
		`(?m)^probe \| a line on stdout$`,
		`(?m)^probe \| ` + strings.Repeat("y", 16<<10) + `$`,
		`(?m)^probe \| ` + strings.Repeat("y", 4<<10) + `$`,
	} {
		pattern := regexp.MustCompile(want)
		eventually(t, want[:20], func() bool { return pattern.MatchString(s.log.String()) })
	}
	if strings.Contains(s.log.String(), "FC Invoke") {
		t.Error("the SDK's own marks are in the log")
	}
}

func ExampleHost() {
	src := `edition: 3.0.0
name: demo
access: default
resources:
  hello:
    component: fc3
    props: {region: cn-hangzhou, functionName: demo-hello, runtime: go1, handler: bootstrap, code: ./.build/hello}
`
	p, err := syaml.Parse("s.yaml", []byte(src), func(string) (string, bool) { return "", false }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := fchost.New(fchost.Options{Project: p, Root: "."})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	request := httptest.NewRequest("GET", "http://localhost/images", nil)
	answer := httptest.NewRecorder()
	host.ServeHTTP(answer, request)
	var problem struct{ Code, Detail string }
	fmt.Println(json.Unmarshal(answer.Body.Bytes(), &problem), answer.Code, problem.Code)
	fmt.Println(problem.Detail)
	// Output:
	// <nil> 404 noRoute
	// no route leads from "/images" to a function
}
