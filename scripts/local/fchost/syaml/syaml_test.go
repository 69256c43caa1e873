package syaml_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

func files(content map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := content[name]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}
}

func environment(values map[string]string) syaml.Lookup {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

const full = `edition: 3.0.0
name: ${vars.app}-x
access: default
vars:
  app: demo
  memory: 1024
  methods: [GET, POST]
  shared: &shared
    LEVEL: info
template:
  go:
    region: ${env('REGION', 'cn-hangzhou')}
    runtime: go1
    handler: bootstrap
    memorySize: ${vars.memory}
    role: to-be-dropped
    logConfig: {project: p, logstore: l}
    environmentVariables:
      A: from-template
      B: from-template
resources:
  find-it:
    component: fc3@0.1.22
    extend: {name: go, ignore: [role, logConfig.logstore]}
    props:
      functionName: demo-find
      code: ./.build/find
      timeout: 60
      environmentVariables:
        B: ${env('B')}
        C: ${vars.shared.LEVEL}/${this.props.functionName}
        D: ${file('./d.txt')}
        E: null
      asyncInvokeConfig: {maxAsyncRetryAttempts: 1, maxAsyncEventAgeInSeconds: 60}
      triggers:
        - triggerName: web
          triggerType: http
          triggerConfig: {authType: anonymous, methods: "${vars.methods}"}
        - triggerName: tick
          triggerType: timer
          triggerConfig: {cronExpression: 'CRON_TZ=Asia/Shanghai 0 0 4 * * *', enable: false, payload: go}
  domain:
    component: fc3-domain
    props:
      region: ${resources.find-it.props.region}
      domainName: auto
      protocol: HTTP
      routeConfig:
        routes: ${json(file('routes.json'))}
`

func TestEverythingThatIsSupported(t *testing.T) {
	t.Parallel()
	project, err := syaml.Parse("s.yaml", []byte(full), environment(map[string]string{"B": "set", "REGION": ""}), files(map[string]string{
		"./d.txt":     "content",
		"routes.json": "[\n\t{\"path\": \"/a\\u002f*\", \"functionName\": \"demo-find\"}\n]",
	}))
	if err != nil {
		t.Fatal(err)
	}
	f := project.Functions[0]
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"project", project.Name, "demo-x"},
		{"resource", f.Resource, "find-it"},
		{"name", f.Name, "demo-find"},
		{"region", f.Region, "cn-hangzhou"},
		{"memory keeps its type", f.MemoryMB, 1024},
		{"timeout", f.Timeout, time.Minute},
		{"environment", f.Environment, map[string]string{"A": "from-template", "B": "set", "C": "info/demo-find", "D": "content"}},
		{"async", f.Async, syaml.Async{Attempts: 1, MaxAge: time.Minute}},
		{"methods", f.Triggers[0].HTTP.Methods, []string{"GET", "POST"}},
		{"enabled", f.Triggers[1].Timer.Enabled, false},
		{"payload", f.Triggers[1].Timer.Payload, "go"},
		{"triggers know their place", f.Triggers[1].Position.Line, 39},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if next := f.Triggers[1].Timer.Schedule.Next(from); next.Hour() != 20 {
		t.Errorf("the timer fires at %s", next)
	}
	if len(project.Routes) != 1 || project.Routes[0].Path != "/a/*" || project.Routes[0].Function != "demo-find" {
		t.Errorf("routes: %+v", project.Routes)
	}
}

const small = `edition: 3.0.0
name: demo
access: default
vars: {n: 1, m: {a: b}, loop: "${vars.loop}", two: "${vars.one}${vars.one}", one: x}
resources:
  find:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: demo-find
      runtime: go1
      handler: bootstrap
      code: ./.build/find
      triggers:
        - triggerName: web
          triggerType: http
          triggerConfig:
            authType: anonymous
            methods: [GET]
  domain:
    component: fc3-domain
    props:
      region: cn-hangzhou
      domainName: auto
      protocol: HTTP
      routeConfig:
        routes:
          - path: /images/*
            functionName: demo-find
`

func TestObjectsThatMatter(t *testing.T) {
	t.Parallel()
	o := syaml.Objects{Bucket: "b", Events: []string{"oss:ObjectCreated:*", "ObjectRemoved:DeleteObject"}, Prefix: "in/", Suffix: ".vhd"}
	for change, want := range map[[3]string]bool{
		{"ObjectCreated:PutObject", "b", "in/x.vhd"}:      true,
		{"ObjectCreated:AppendObject", "b", "in/x.vhd"}:   true,
		{"ObjectRemoved:DeleteObject", "b", "in/x.vhd"}:   true,
		{"ObjectRemoved:DeleteObjects", "b", "in/x.vhd"}:  false,
		{"ObjectCreated:PutObject", "c", "in/x.vhd"}:      false,
		{"ObjectCreated:PutObject", "b", "out/x.vhd"}:     false,
		{"ObjectCreated:PutObject", "b", "in/x.vhd.part"}: false,
	} {
		if got := o.Matches(change[0], change[1], change[2]); got != want {
			t.Errorf("%v: %v", change, got)
		}
	}
}

// TestRefused replaces one text of a file that is right, and expects a problem
// at one place that names one word.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, place, word string }{
		{"edition", "3.0.0", "2.0.0", "s.yaml:1:10", "edition"},
		{"unquoted number as string", "name: demo\n", "name: demo\nextra: 1\n", "s.yaml:3:8", "extra"},
		{"typo in props", "handler:", "handlr: x\n      handler:", "s.yaml:12:15", "handlr"},
		{"missing", "      handler: bootstrap\n", "", "s.yaml:9:7", "handler"},
		{"duplicate key", "runtime: go1", "runtime: go1\n      runtime: go1", "s.yaml:12:7", "twice"},
		{"runtime", "go1", "custom", "s.yaml:11:16", "runtime"},
		{"layers", "runtime: go1", "runtime: go1\n      layers: [a]", "s.yaml:12:15", "layers"},
		{"code outside", "./.build/find", "../find", "s.yaml:13:13", "code"},
		{"timeout", "runtime: go1", "runtime: go1\n      timeout: 86401", "s.yaml:12:16", "timeout"},
		{"timeout as text", "runtime: go1", "runtime: go1\n      timeout: '60'", "s.yaml:12:16", "timeout"},
		{"memory", "runtime: go1", "runtime: go1\n      memorySize: 500", "s.yaml:12:19", "64"},
		{"concurrency of go1", "runtime: go1", "runtime: go1\n      instanceConcurrency: 2", "s.yaml:12:28", "instanceConcurrency"},
		{"FC_ variable", "runtime: go1", "runtime: go1\n      environmentVariables: {FC_X: a}", "s.yaml:12:36", "FC_X"},
		{"number as variable", "runtime: go1", "runtime: go1\n      environmentVariables: {X: 1}", "s.yaml:12:33", "quote"},
		{"big environment", "runtime: go1", "runtime: go1\n      environmentVariables: {X: " + strings.Repeat("a", 4096) + "}", "s.yaml:12:29", "4096"},
		{"auth function", "anonymous", "function", "s.yaml:18:23", "authType"},
		{"auth jwt without configuration", "anonymous", "jwt", "s.yaml:18:13", "authConfig is missing"},
		{"method", "[GET]", "[PURGE]", "s.yaml:19:23", "PURGE"},
		{"trigger type", "triggerType: http", "triggerType: sls", "s.yaml:16:24", "triggerType"},
		{"cron", "http\n          triggerConfig:\n            authType: anonymous\n            methods: [GET]", "timer\n          triggerConfig:\n            cronExpression: '* 0 4 * * *'\n            enable: true", "s.yaml:18:29", "cron expression"},
		{"placeholder in a route", "/images/*", "/images/{id}", "s.yaml:28:19", "prefix"},
		{"star in the middle", "/images/*", "/*/x", "s.yaml:28:19", "prefix"},
		{"relative route", "/images/*", "images", "s.yaml:28:19", "begin"},
		{"unknown function", "functionName: demo-find\n", "functionName: demo-fin\n", "s.yaml:28:13", "demo-find"},
		{"component", "component: fc3-domain", "component: oss", "s.yaml:21:5", "oss"},
		{"unset variable", "code: ./.build/find", "code: ${env('NOWHERE')}", "s.yaml:13:13", "default"},
		{"unknown root", "code: ./.build/find", "code: ${config('AccountID')}", "s.yaml:13:13", "config()"},
		{"output", "code: ./.build/find", "code: ${resources.find.output.url}", "s.yaml:13:13", "props"},
		{"missing value", "code: ./.build/find", "code: ${vars.nothing}", "s.yaml:13:13", "no such value"},
		{"cycle", "code: ./.build/find", "code: ${vars.loop}", "s.yaml:4:", "itself"},
		{"cycle through props", "code: ./.build/find", "code: ${this.props.code}", "s.yaml:13:13", "itself"},
		{"open brace", "code: ./.build/find", "code: ${vars.n", "s.yaml:13:13", "without"},
		{"operators", "code: ./.build/find", "code: ${vars.n + 1}", "s.yaml:13:13", "supports"},
		{"mapping in a string", "code: ./.build/find", "code: x${vars.m}", "s.yaml:13:13", "part of a string"},
		{"missing file", "code: ./.build/find", "code: ${file('nope')}", "s.yaml:13:13", "file"},
		{"merge key", "runtime: go1", "runtime: go1\n      <<: {a: b}", "s.yaml:12:7", "merge"},
		{"tag", "runtime: go1", "runtime: !!binary Z28x", "s.yaml:11:16", "binary"},
		{"template", "    props:\n      region: cn-hangzhou\n      functionName", "    extend: {name: nope}\n    props:\n      region: cn-hangzhou\n      functionName", "s.yaml:8:13", "nope"},
		{"not YAML", "edition: 3.0.0", "edition: [", "s.yaml:", "YAML"},
		{"two documents", "edition: 3.0.0", "a: b\n---\nedition: 3.0.0", "s.yaml:", "one document"},
		{"top level env", "access: default", "access: default\nenv: prod.yaml", "s.yaml:4:6", "env"},
		{"alias bomb", "vars: {", "vars: {" + bomb(), "s.yaml:4:", "values"},
		{"deep", "vars: {", "vars: {deep: " + strings.Repeat("[", 80) + strings.Repeat("]", 80) + ", ", "s.yaml:4:", "deeper"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			src := strings.Replace(small, c.old, c.new, 1)
			if src == small {
				t.Fatal("the case changes nothing")
			}
			_, err := syaml.Parse("s.yaml", []byte(src), environment(nil), files(nil))
			var problems *syaml.Problems
			if !errors.Is(err, fault.Invalid) || !errors.As(err, &problems) {
				t.Fatalf("got %v, want kind %s", err, fault.Invalid)
			}
			for _, p := range problems.List {
				if strings.HasPrefix(p.String(), c.place) && strings.Contains(p.Text, c.word) {
					return
				}
			}
			t.Errorf("no problem at %s that names %q:\n%v", c.place, c.word, err)
		})
	}
}

// bomb is nine anchors, each nine times the one before.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 x, ")
	for i := range 9 {
		fmt.Fprintf(&b, "a%d: &a%d [%s], ", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	return b.String()
}

func TestVariablesThatMultiplyAreBounded(t *testing.T) {
	t.Parallel()
	var vars strings.Builder
	for i := range 40 {
		fmt.Fprintf(&vars, "  v%d: ${vars.v%d}${vars.v%d}\n", i+1, i, i)
	}
	src := strings.Replace(small, "vars: {", "vars:\n  v0: xxxxxxxx\n"+vars.String()+"unused: {", 1)
	src = strings.Replace(src, "unused: {n: 1, loop: \"${vars.loop}\", two: \"${vars.one}${vars.one}\", one: x}\n", "", 1)
	src = strings.Replace(src, "./.build/find", "${vars.v40}", 1)
	if _, err := syaml.Parse("s.yaml", []byte(src), environment(nil), files(nil)); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want kind %s", err, fault.Invalid)
	}
}

func TestTheRepositorysOwnFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "..", "s.yaml")
	if _, err := syaml.Load(path, environment(nil)); !errors.Is(err, fault.Invalid) {
		t.Errorf("without the keys of callers: got %v, want kind %s", err, fault.Invalid)
	}
	project, err := syaml.Load(path, environment(map[string]string{"PORTAL_JWKS": keySet(t), "PORTAL_ISSUER": "i", "PORTAL_AUDIENCE": "a"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Functions) == 0 || len(project.Routes) == 0 {
		t.Errorf("got %d functions and %d routes", len(project.Functions), len(project.Routes))
	}
	for _, f := range project.Functions {
		for _, trigger := range f.Triggers {
			if trigger.HTTP == nil {
				continue
			}
			if trigger.HTTP.JWT == nil || !trigger.HTTP.JWT.NeedsToken("/images") {
				t.Errorf("%s: trigger %s lets pass who has no token", f.Resource, trigger.Name)
				continue
			}
			// A browser has no token yet when it asks for the page; nothing else is open.
			open := []string(nil)
			if f.Resource == "portal" {
				open = []string{"/", "/openapi.json", "/healthz", "/assets/*"}
			}
			if !slices.Equal(trigger.HTTP.JWT.Open, open) || len(trigger.HTTP.JWT.Closed) > 0 {
				t.Errorf("%s: trigger %s lets pass without a token %v and %v, want %v", f.Resource, trigger.Name, trigger.HTTP.JWT.Open, trigger.HTTP.JWT.Closed, open)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(small))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("vars: {a: '${vars.b}', b: '${vars.a}'}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		project, err := syaml.Parse("s.yaml", src, environment(nil), files(nil))
		if (project == nil) == (err == nil) {
			t.Fatalf("project %v and error %v", project, err)
		}
		if err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatalf("kind of %v", err)
		}
	})
}

func ExampleParse() {
	src := strings.Replace(small, "handler: bootstrap", "handler: ${env('HANDLER')}", 1)
	_, err := syaml.Parse("s.yaml", []byte(src), environment(nil), files(nil))
	fmt.Println(err)
	project, err := syaml.Parse("s.yaml", []byte(src), environment(map[string]string{"HANDLER": "bootstrap"}), files(nil))
	fmt.Println(project.Functions[0].Name, project.Routes[0].Path, err)
	// Output:
	// s.yaml:12:16: ${env('HANDLER')}: the variable is not set, and there is no default
	// demo-find /images/* <nil>
}
