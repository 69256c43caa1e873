package function_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const minute = time.Minute

func TestFunctionCompute(t *testing.T) {
	t.Parallel()
	p := start(t, false)
	t.Run("parameters", func(t *testing.T) {
		query := `"osType":"linux","limit":"5","kinds":"a,b","tag.k":"a b","on":"true","after":"2026-01-31T12:00:00+08:00","colour":"red"`
		id, a := p.http(v1("GET", "/things/t-%C3%A9%201", query, `"accept":"*/*"`, ""), minute)
		for _, want := range []string{`"id":"t-é 1"`, `"osType":"linux"`, `"limit":5`, `"kinds":["a","b"]`, `{"k":"a b"}`, `"on":true`, `+08:00"`, `"red"`} {
			if !strings.Contains(a.body, want) {
				t.Errorf("no %s in %s", want, a.body)
			}
		}
		if a.status != 200 || a.header.Get("X-Request-Id") != id || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("got %d %v", a.status, a.header)
		}
		line := p.logged(id, "event")
		if line["function"] != "sample" || line["operation"] != "sample.thing" || line["trigger"] != "http" || line["status"] != 200.0 || line["ms"] == nil {
			t.Errorf("log: %v", line)
		}
	})
	t.Run("refused", func(t *testing.T) {
		id, a := p.http(v1("GET", "/things/t-1", `"limit":"1,2"`, "", ""), minute)
		if problem := a.problem(t); problem.Status != 400 || problem.Field != "limit" || problem.RequestID != id {
			t.Errorf("got %+v", problem)
		}
		if line := p.logged(id, "event"); line["code"] != "duplicateField" {
			t.Errorf("log: %v", line)
		}
	})
	t.Run("authorization twice", func(t *testing.T) {
		_, a := p.http(v1("GET", "/who", "", `"authorization":"Bearer a","Authorization":"Bearer b"`, ""), minute)
		if a.problem(t).Field != "Authorization" {
			t.Error(a.body)
		}
	})
	t.Run("strict body", func(t *testing.T) {
		body := `{"name":"a","dryRun":true,"DRYRUN":false}`
		_, a := p.http(v1("POST", "/things", "", `"content-type":"application/json"`, body), minute)
		if problem := a.problem(t); problem.Code != "otherCase" || problem.Field != "DRYRUN" {
			t.Errorf("got %+v", problem)
		}
	})
	t.Run("header injection", func(t *testing.T) {
		_, a := p.http(v1("POST", "/things", "", "", `{"name":"a~Set-Cookie: x=1"}`), minute)
		if a.status != 201 || a.header.Get("Location") != "/things/aSet-Cookie: x=1" || a.header.Get("X-Two") != "a, b" {
			t.Errorf("got %d %v", a.status, a.header)
		}
	})
	for _, path := range []string{"/panic", "/panic/apart"} {
		t.Run("panic"+path, func(t *testing.T) {
			id, a := p.http(v1("GET", path, "", "", ""), minute)
			if a.problem(t).Status != 500 || strings.Contains(a.body, "hunter2") {
				t.Error(a.body)
			}
			line := p.logged(id, "event")
			if line["level"] != "ERROR" || !strings.Contains(line["stack"].(string), "sample_test.go") || strings.Contains(line["error"].(string), "hunter2") {
				t.Errorf("log: %v", line)
			}
		})
	}
	t.Run("secrets in causes", func(t *testing.T) {
		id, a := p.http(v1("GET", "/failures/unavailable", "", "", ""), minute)
		line, _ := p.logged(id, "event")["error"].(string)
		if !strings.Contains(line, "dial tcp") || strings.Contains(line, "LTAI") || strings.Contains(line, "Pa55") || strings.Contains(a.body, "dial") {
			t.Errorf("log: %s, answer: %s", line, a.body)
		}
	})
	t.Run("late", func(t *testing.T) { late(t, p) })
}

// late: an operation that never ends is answered for. How much before the
// platform's deadline that is, TestCredentialsOfTheEvent looks at.
func late(t *testing.T, p *platform) {
	id, a := p.http(v1("GET", "/wait", "", "", ""), 2*time.Second)
	if problem := a.problem(t); problem.Status != 503 || problem.Code != "deadlineExceeded" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %+v", problem)
	}
	p.logged(id, "event")
	_, a = p.http(v1("GET", "/wait", `"honour":"true"`, "", ""), time.Second)
	if problem := a.problem(t); problem.Status != 503 || problem.Code != "unavailable" {
		t.Errorf("got %+v", problem)
	}
}

func TestCredentialsOfTheEvent(t *testing.T) {
	t.Parallel()
	p := start(t, false, "ALIBABA_CLOUD_ACCESS_KEY_ID=env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=env", "FC_REGION=env", "FC_FUNCTION_MEMORY_SIZE=512")
	for range 2 {
		id, body := p.invoke(`{"operation":"sample.who"}`, minute)
		var got caller
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		want := caller{
			Caller: "system  [viewer]", RequestID: id, AccountID: "1000000000000001", Region: "cn-hangzhou", Key: "STS.contextkey12345", Source: "direct",
			Secret: "context-secret-of-" + id, Token: "context-token", Printed: "*** *** ***", Milliseconds: got.Milliseconds,
			Memory: 512 << 20 / 10 * 9, Collector: 300,
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got.Milliseconds > 59500 || got.Milliseconds <= 0 {
			t.Errorf("the deadline is %d ms away", got.Milliseconds)
		}
		if line := p.logged(id, "asked"); line["accessKeySecret"] != "***" || line["call"] != "***" || line["operation"] != "sample.who" {
			t.Errorf("log: %v", line)
		}
	}
	for _, line := range p.stdout.lines() {
		if strings.Contains(line, "context-secret") || strings.Contains(line, "context-token") {
			t.Errorf("a secret is in the log: %s", line)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	p := start(t, false)
	tests := []struct{ name, event, trigger, want string }{
		{
			"timer", `{"triggerTime":"2023-12-26T07:49:00Z","triggerName":"nightly","payload":"all"}`, "timer",
			`{"Name":"nightly","At":"2023-12-26T07:49:00Z","Payload":"all"}`,
		},
		{
			"scheduled event of AWS", `{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","account":"1","time":"2023-12-26T07:49:00Z",
			"region":"eu-central-1","resources":["arn:aws:events:eu-central-1:1:rule/nightly"],"detail":{}}`, "timer",
			`{"Name":"nightly","At":"2023-12-26T07:49:00Z","Payload":""}`,
		},
		{
			"OSS", `{"events":[{"eventName":"ObjectCreated:PutObject","eventSource":"acs:oss","eventTime":"2023-12-26T07:49:00.000Z","eventVersion":"1.0",
			"region":"cn-hangzhou","oss":{"bucket":{"arn":"acs:oss:cn-hangzhou:1:b","name":"b","ownerIdentity":"1","virtualBucket":""},
			"object":{"deltaSize":9,"eTag":"E","key":"images/a.qcow2","size":9},"ossSchemaVersion":"1.0","ruleId":"r"},
			"requestParameters":{"sourceIPAddress":"1.2.3.4"},"responseElements":{"requestId":"R"},"userIdentity":{"principalId":"2"}}]}`, "oss",
			`[{"Event":"ObjectCreated:PutObject","Region":"cn-hangzhou","Bucket":"b","Key":"images/a.qcow2","Bytes":9,"ETag":"E","At":"2023-12-26T07:49:00Z"}]`,
		},
		{
			"CloudEvent", `{"id":"e1","source":"acs.ecs","specversion":"1.0","type":"ecs:Instance:StateChange","datacontenttype":"application/json","subject":"s",
			"time":"2023-12-26T07:49:00Z","aliyunaccountid":"1","aliyunregionid":"cn-hangzhou","aliyuneventbusname":"default","data":{"resourceId":"i-1","state":"Running"}}`, "event",
			`{"ID":"e1","Source":"acs.ecs","Type":"ecs:Instance:StateChange","Subject":"s","At":"2023-12-26T07:49:00Z","Account":"1","Region":"cn-hangzhou","Data":{"resourceId":"i-1"}}`,
		},
		{
			"event of AWS", `{"version":"0","id":"e1","detail-type":"ecs:Instance:StateChange","source":"x","account":"1","time":"2023-12-26T07:49:00Z","region":"r",
			"resources":[],"detail":{"resourceId":"i-1"}}`, "event",
			`{"ID":"e1","Source":"x","Type":"ecs:Instance:StateChange","Subject":"","At":"2023-12-26T07:49:00Z","Account":"1","Region":"r","Data":{"resourceId":"i-1"}}`,
		},
		{"direct", `{"operation":"sample.direct","input":{"text":"<a> & b"}}`, "direct", `{"text":"<a> & b"}`},
		{"direct, as a table", `{"operation":"sample.things","input":{"format":"csv","limit":5}}`, "direct", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id, body := p.invoke(test.event, minute)
			if test.want != "" && compact(t, body) != compact(t, test.want) {
				t.Errorf("got %s, want %s", body, test.want)
			}
			var lines string
			if test.want == "" && (json.Unmarshal([]byte(body), &lines) != nil || !strings.HasPrefix(lines, "name,length\r\n")) {
				t.Errorf("not a table in a string: %s", body)
			}
			if line := p.logged(id, "event"); line["trigger"] != test.trigger {
				t.Errorf("log: %v", line)
			}
		})
	}
}

// compact writes JSON in one way.
func compact(t *testing.T, doc string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLambda(t *testing.T) {
	t.Parallel()
	p := start(t, true)
	t.Run("parameters", func(t *testing.T) {
		id, a := p.http(v2("GET", "/things/t-1", "kinds=a&kinds=b&tag.k=1%2B1", "", false), minute)
		if a.status != 200 || !strings.Contains(a.body, `"kinds":["a","b"]`) || !strings.Contains(a.body, `{"k":"1+1"}`) || a.header.Get("X-Request-Id") != id {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
	})
	t.Run("body in base64", func(t *testing.T) {
		_, a := p.http(v2("PUT", "/things/t-1", "", base64.StdEncoding.EncodeToString([]byte(`{"name":"ü"}`)), true), minute)
		if a.status != 200 || !strings.Contains(a.body, `"name":"ü"`) {
			t.Errorf("got %d %s", a.status, a.body)
		}
		if _, a = p.http(v2("PUT", "/things/t-1", "", "?", true), minute); a.problem(t).Status != 400 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	})
	t.Run("panic", func(t *testing.T) {
		if _, a := p.http(v2("GET", "/panic", "", "", false), minute); a.problem(t).Status != 500 {
			t.Error(a.body)
		}
	})
	t.Run("too much to send", func(t *testing.T) {
		id, a := p.http(v2("GET", "/things", "limit=1", "", false), minute)
		if problem := a.problem(t); problem.Status != 413 || problem.Code != "answerTooLarge" {
			t.Errorf("got %+v", problem)
		}
		if line := p.logged(id, "event"); line["status"] != 413.0 {
			t.Errorf("log: %v", line)
		}
	})
	t.Run("credentials of the environment", func(t *testing.T) {
		id, body := p.invoke(`{"operation":"sample.who","input":{}}`, minute)
		var got caller
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Key != "env-key" || got.Secret != "env-secret-value" || got.RequestID != id {
			t.Errorf("got %s", body)
		}
	})
	t.Run("late", func(t *testing.T) {
		if _, a := p.http(v2("GET", "/wait", "", "", false), time.Second); a.problem(t).Code != "deadlineExceeded" {
			t.Error(a.body)
		}
	})
}

func TestMisconfigured(t *testing.T) {
	t.Parallel()
	p := start(t, false, "REGIONS=a,b,c", "SAMPLE_TOKEN=hush", "LOG_LEVEL=error")
	for _, event := range []string{`{"operation":"sample.who"}`, `{"triggerTime":"2023-12-26T07:49:00Z","triggerName":"nightly","payload":""}`} {
		_, body := p.invoke(event, minute)
		if !strings.Contains(body, `"code":"configuration"`) || !strings.Contains(body, "REGIONS, SAMPLE_TOKEN") {
			t.Errorf("got %s", body)
		}
	}
	p.invoke(`{}`, minute) // worth an INFO
	_, a := p.http(v1("GET", "/who", "", "", ""), minute)
	if problem := a.problem(t); problem.Status != 500 || problem.Code != "configuration" {
		t.Errorf("got %+v", problem)
	}
	said := strings.Join(p.stdout.lines(), "\n")
	if !strings.Contains(said, `"variable":"REGIONS, SAMPLE_TOKEN"`) || strings.Contains(said, "hush") || strings.Contains(said, "INFO") {
		t.Errorf("the log says %s", said)
	}
}

func TestByHand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"help"}, {"describe", "more"}} {
		child := exec.Command(os.Args[0], args...)
		child.Env = []string{asFunction + "=1"}
		said, err := child.CombinedOutput()
		if child.ProcessState.ExitCode() != 2 || !strings.Contains(string(said), "bootstrap describe") {
			t.Errorf("%v: %v %s", args, err, said)
		}
	}
	child := exec.Command(os.Args[0], "describe")
	child.Env = []string{asFunction + "=1"}
	said, err := child.Output()
	if err != nil || !json.Valid(said) {
		t.Errorf("%v: %s", err, said)
	}
	child = exec.Command(os.Args[0], "describe")
	child.Env = []string{asFunction + "=1", "REGIONS=a,b,c"}
	if said, err := child.CombinedOutput(); child.ProcessState.ExitCode() != 1 || !strings.Contains(string(said), "REGIONS") {
		t.Errorf("%v: %s", err, said)
	}
}

// TestPatienceOfGateways: an HTTP API of AWS waits for half a minute, whatever time the
// function has; a function URL and what is not HTTP waits for as long.
func TestPatienceOfGateways(t *testing.T) {
	t.Parallel()
	p := start(t, true)
	left := func(body string) time.Duration {
		var got caller
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return time.Duration(got.Milliseconds) * time.Millisecond
	}
	asked := v2("GET", "/who", "", "", false)
	for domain, most := range map[string]time.Duration{
		"abc.execute-api.eu-central-1.amazonaws.com": 29 * time.Second, "images.example.com": 29 * time.Second,
		"abc.lambda-url.eu-central-1.on.aws": time.Hour,
	} {
		_, a := p.http(strings.ReplaceAll(asked, "x.lambda-url", domain), time.Hour)
		if got := left(a.body); got >= most || got < most/2 {
			t.Errorf("%s: %v are left of %v", domain, got, most)
		}
	}
	if _, body := p.invoke(`{"operation":"sample.who"}`, time.Hour); left(body) < time.Hour/2 {
		t.Errorf("directly: %v are left", left(body))
	}
}
