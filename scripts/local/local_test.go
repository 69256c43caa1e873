package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/fault"
)

// TestMain lets the test binary be the program itself, to be sent signals.
func TestMain(m *testing.M) {
	if os.Getenv("LOCAL_ROLE") == "program" {
		os.Exit(realMain(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	t.Parallel()
	s, err := parseFlags(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if s.gateway != "127.0.0.1:8080" || s.cloud != "127.0.0.1:7070" || s.objects != "127.0.0.1:7071" || s.images != 400 || s.instances != 120 || s.seed != 1 || s.rate != 0 || s.speed != 1 || s.latency != 0 || s.real {
		t.Errorf("defaults: %+v", s)
	}
	s, err = parseFlags([]string{"-gateway", "localhost:1", "-cloud", "[::1]:2", "-images", "100000", "-seed", "7", "-latency", "50ms", "-rate", "-1", "-only", "find, price", "-real", "-allow-changes"}, io.Discard)
	if err != nil || !slices.Equal(s.only, []string{"find", "price"}) || !s.real || !s.allowChanges || s.rate != -1 {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, args := range []string{
		"-gateway 0.0.0.0:8080", "-oss 192.0.2.1:7071", "-cloud 192.0.2.1:7070", "-gateway 8080", "-gateway :8080", "-images 0", "-images 1000001",
		"-instances -1", "-rate -2", "-latency -1s", "-latency 2m", "-idle 0s", "up",
	} {
		if _, err := parseFlags(strings.Fields(args), io.Discard); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v, want kind %s", args, err, fault.Invalid)
		}
	}
	if _, err := parseFlags([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}

func TestWhichFunctionsStart(t *testing.T) {
	t.Parallel()
	project := &syaml.Project{Functions: []syaml.Function{{Resource: "find"}, {Resource: "share"}}}
	for _, c := range []struct {
		name         string
		settings     settings
		start, left  []string
		kindOfFailed error
	}{
		{"all", settings{}, []string{"find", "share"}, nil, nil},
		{"only", settings{only: []string{"share"}}, []string{"share"}, nil, nil},
		{"unknown", settings{only: []string{"shares"}}, nil, nil, fault.Invalid},
		{"real reads", settings{real: true}, []string{"find"}, []string{"share"}, nil},
		{"real with changes", settings{real: true, allowChanges: true}, []string{"find", "share"}, nil, nil},
		{"real, but asked for", settings{real: true, only: []string{"share"}}, nil, nil, fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start, left, err := c.settings.permitted(project)
			if !slices.Equal(start, c.start) || !slices.Equal(left, c.left) || !errors.Is(err, c.kindOfFailed) {
				t.Errorf("got %v, %v, %v", start, left, err)
			}
		})
	}
}

func variables(values map[string]string) syaml.Lookup {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func TestWorlds(t *testing.T) {
	t.Parallel()
	w := emulated(variables(map[string]string{"REGIONS": "cn-beijing", "ECS_ENDPOINT": "https://ecs.aliyuncs.com", "HTTPS_PROXY": "p", "FIND_ROLE": "r"}), "127.0.0.1:7", "127.0.0.1:8", "/j")
	for name, want := range map[string]string{
		"REGIONS": "cn-beijing", "ACCOUNTS": "acs:ram::1000000000000002:role/imagekeeper-reader",
		"ECS_ENDPOINT": "http://127.0.0.1:7", "STS_ENDPOINT": "http://127.0.0.1:7", "ESS_ENDPOINT": "http://127.0.0.1:7", "ACTIONTRAIL_ENDPOINT": "http://127.0.0.1:7", "HTTPS_PROXY": "",
	} {
		if w.environment[name] != want {
			t.Errorf("%s is %q, want %q", name, w.environment[name], want)
		}
		if value, _ := w.lookup(name); name != "HTTPS_PROXY" && value != want {
			t.Errorf("env('%s') is %q, want %q", name, value, want)
		}
	}
	if role, _ := w.lookup("FIND_ROLE"); role != "r" {
		t.Errorf("the caller's own variable is %q", role)
	}
	if place, _ := w.lookup("JOURNAL"); place != "dir:///j" {
		t.Errorf("the journal is %q", place)
	}
	w = emulated(variables(map[string]string{"JOURNAL": "oss"}), "127.0.0.1:7", "127.0.0.1:8", "/j")
	if place, _ := w.lookup("JOURNAL"); place != "oss://imagekeeper-journal/journal" || w.environment["OSS_ENDPOINT"] != "http://127.0.0.1:8" {
		t.Errorf("the journal is %q at %q", place, w.environment["OSS_ENDPOINT"])
	}
	if _, err := actual(variables(map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "a"})); !errors.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v, want kind %s", err, fault.Unauthenticated)
	}
	w, err := actual(variables(map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b", "HTTPS_PROXY": "p"}))
	if err != nil || w.credentials.Secret != "b" || w.environment["ECS_ENDPOINT"] != "" || w.environment["REGIONS"] != "" || w.environment["HTTPS_PROXY"] != "p" {
		t.Errorf("got %+v, %v", w, err)
	}
}

const descriptor = `edition: 3.0.0
name: demo
access: default
resources:
  find:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: demo-find
      runtime: go1
      handler: bootstrap
      code: ./.build/find
      environmentVariables: {REGIONS: "${env('REGIONS')}"}
      triggers:
        - {triggerName: web, triggerType: http, triggerConfig: {authType: anonymous, methods: [GET]}}
`

// hello is a function that speaks the runtime API without the SDK.
const hello = `package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	base := "http://" + os.Getenv("FC_RUNTIME_API") + "/2020-11-11/runtime/invocation/"
	for {
		r, err := http.Get(base + "next")
		if err != nil {
			os.Exit(1)
		}
		io.Copy(io.Discard, r.Body)
		body := "{\"statusCode\":200,\"body\":\"" + os.Getenv("REGIONS") + " " + os.Getenv("ECS_ENDPOINT") + "\"}"
		http.Post(base+r.Header.Get("x-fc-request-id")+"/response", "application/json", strings.NewReader(body))
	}
}
`

// program prepares the program in a directory of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"s.yaml": descriptor, "go.mod": "module demo\n\ngo 1.26\n", "functions/find/main.go": hello,
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = root
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "ALIBABA_CLOUD_") || strings.HasPrefix(entry, "REGIONS=")
	})
	cmd.Env = append(cmd.Env, "LOCAL_ROLE=program")
	return cmd
}

// TestFromStartToStop: ready, an answer through the gateway, the end by each
// signal with exit code 0.
func TestFromStartToStop(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			cmd := program(t, "-gateway", "127.0.0.1:0", "-cloud", "127.0.0.1:0")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			var gateway, cloud string
			for gateway == "" && lines.Scan() {
				switch words := strings.Fields(lines.Text()); words[0] {
				case "cloud":
					cloud = words[1]
				case "ready":
					gateway = words[1]
				}
			}
			response, err := http.Get(gateway + "/_fn/find/")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if string(body) != "all "+cloud {
				t.Errorf("the function answers %q", body)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			rest := []string{}
			for lines.Scan() {
				rest = append(rest, lines.Text())
			}
			if err := cmd.Wait(); err != nil || !slices.Contains(rest, "stopped") {
				t.Errorf("the end: %v, %q", err, rest)
			}
		})
	}
}

// TestComplaints: what cannot work ends at once with a word on what to do.
func TestComplaints(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // after the parallel cases
	for _, c := range []struct {
		name string
		args []string
		code int
		word string
	}{
		{"gateway in use", []string{"-gateway", taken.Addr().String(), "-cloud", "127.0.0.1:0"}, exitFailed, "-gateway"},
		{"cloud in use", []string{"-cloud", taken.Addr().String(), "-gateway", "127.0.0.1:0"}, exitFailed, "-cloud"},
		{"no credentials", []string{"-real", "-gateway", "127.0.0.1:0"}, exitFailed, "ALIBABA_CLOUD_ACCESS_KEY_ID"},
		{"unknown flag", []string{"-up"}, exitUsage, "-up"},
		{"unknown function", []string{"-only", "price", "-gateway", "127.0.0.1:0", "-cloud", "127.0.0.1:0"}, exitFailed, "price"},
		{"no file", []string{"-file", "none.yaml", "-gateway", "127.0.0.1:0", "-cloud", "127.0.0.1:0"}, exitFailed, "none.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := program(t, c.args...)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != c.code || !strings.Contains(string(out), c.word) {
				t.Errorf("got %v: %s", err, out)
			}
		})
	}
}
