package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/build/linked"
	"imagekeeper/scripts/drawn"
	"imagekeeper/scripts/local/apicheck"
	"imagekeeper/scripts/local/ecsapi"
	"imagekeeper/scripts/local/fchost"
	"imagekeeper/scripts/local/fchost/syaml"
	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
)

// root is the folder of s.yaml.
const root = "../.."

// stack is one cloud on the wire with one host of functions in front of it.
type stack struct {
	cloud   *ecsapi.Server
	cloudAt string
	gateway string
	// tokens are those of the roles.
	tokens map[function.Role]string
	host   *fchost.Host
	// checker holds whatever passes the gateway against the OpenAPI document.
	checker *apicheck.Checker
	// door passes requests on to the host there is now.
	door atomic.Pointer[fchost.Host]
	make func(timeout time.Duration) (*fchost.Host, error)
	// settings are the variables that are set on every function.
	settings map[string]string
}

// options change a stack from what `make up` starts.
type options struct {
	sim         *cloudsim.Cloud
	rate        int
	latency     time.Duration
	timeout     time.Duration // of every function
	instances   int
	idle        time.Duration // that an instance is kept without work
	only        []string      // functions; all if empty
	still       bool          // timers fire only when they are told to
	environment map[string]string
	out         io.Writer
}

// binaries is the folder with the functions' binaries.
func binaries() string { return filepath.Join(os.Getenv(scratch), "functions") }

// build builds every function of s.yaml into folder.
func build(folder string) error {
	names, err := bootstrap.Functions(root)
	for _, name := range names {
		_, failure := linked.Build(context.Background(), bootstrap.Order{Root: root, Package: "./functions/" + name, To: filepath.Join(folder, name)})
		err = errors.Join(err, failure)
	}
	return err
}

// scratch names the folder that TestMain removes.
const scratch = "E2E_SCRATCH"

func TestMain(m *testing.M) { os.Exit(inScratch(m.Run)) }

func inScratch(run func() int) int {
	return drawn.Scratch("e2e", func(folder string) int {
		if err := os.Setenv(scratch, folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := build(binaries()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return run()
	})
}

// issuers are the keys whose tokens the functions and their triggers trust, as
// in the middle of a change of keys.
var issuers = sync.OnceValues(func() ([2]bearertest.Key, error) {
	first, err1 := bearertest.NewRSA("first")
	second, err2 := bearertest.NewEC("second")
	return [2]bearertest.Key{first, second}, errors.Join(err1, err2)
})

// granted is what a good token says of somebody with one role.
func granted(role function.Role) bearertest.Grant {
	return bearertest.Grant{
		Issuer: "https://login.example", Audience: "imagekeeper", Subject: "ada", Roles: []string{string(role)},
		From: time.Now(), For: time.Hour,
	}
}

// load reads s.yaml, with the binaries in folder.
func load(folder string, timeout time.Duration) (*syaml.Project, error) {
	trusted, err := issuers()
	if err != nil {
		return nil, err
	}
	environment := map[string]string{
		"PORTAL_JWKS": bearertest.Set(trusted[:]...), "PORTAL_ISSUER": granted("").Issuer, "PORTAL_AUDIENCE": granted("").Audience,
	}
	project, err := syaml.Load(filepath.Join(root, "s.yaml"), func(name string) (string, bool) {
		value, set := environment[name]
		return value, set
	})
	if err != nil {
		return nil, err
	}
	above, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	for n := range project.Functions {
		f := &project.Functions[n]
		if f.Code, err = filepath.Rel(above, filepath.Join(folder, f.Resource)); err != nil {
			return nil, err
		}
		f.Timeout = timeout
	}
	return project, nil
}

// start starts a stack, which ends with the test.
func start(t *testing.T, o options) *stack {
	t.Helper()
	if o.timeout == 0 {
		o.timeout = time.Minute
	}
	trusted, err := issuers()
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{tokens: map[function.Role]string{}, cloud: ecsapi.New(o.sim, ecsapi.Options{RatePerMinute: o.rate, Latency: o.latency, Strict: true})}
	for _, role := range function.Roles() {
		s.tokens[role] = trusted[0].Token(granted(role))
	}
	cloud := httptest.NewServer(s.cloud)
	t.Cleanup(func() {
		cloud.CloseClientConnections()
		cloud.Close()
	})
	s.cloudAt = cloud.URL
	environment := map[string]string{
		"ECS_ENDPOINT": cloud.URL, "STS_ENDPOINT": cloud.URL, "ESS_ENDPOINT": cloud.URL, "ACTIONTRAIL_ENDPOINT": cloud.URL, "REGIONS": "all", "ACCOUNTS": cloudsim.ReaderRole,
	}
	for name, value := range o.environment {
		environment[name] = value
	}
	s.settings = environment
	s.make = func(timeout time.Duration) (*fchost.Host, error) {
		project, err := load(binaries(), timeout)
		if err != nil {
			return nil, err
		}
		for _, f := range project.Functions {
			for _, t := range f.Triggers {
				if o.still && t.Timer != nil {
					t.Timer.Enabled = false
				}
			}
		}
		return fchost.New(fchost.Options{
			Project: project, Root: root, Only: o.only, Environment: environment, Out: o.out, MaxInstances: o.instances, IdleTimeout: o.idle,
			Credentials: fchost.Credentials{AccessKeyID: "local", Secret: "local-secret"}, AccountID: string(cloudsim.FirstAccount),
		})
	}
	s.renew(t, o.timeout)
	t.Cleanup(func() { s.host.Close() })
	door := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.door.Load().ServeHTTP(w, r) })
	s.checker = reading(t)
	gateway := httptest.NewServer(catalogued(t, s.checker.Handler(door, func(err error) { t.Error(err) })))
	t.Cleanup(gateway.Close)
	s.gateway = gateway.URL
	return s
}

// renew replaces the host, so that no process remembers what was before.
func (s *stack) renew(t *testing.T, timeout time.Duration) {
	t.Helper()
	if s.host != nil {
		s.host.Close()
	}
	host, err := s.make(timeout)
	if err == nil {
		s.host = host
		s.door.Store(host)
		err = host.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// get asks the gateway as a viewer. A status of 0 is a failure of the
// connection.
func (s *stack) get(target string) (int, []byte) {
	return s.ask(function.Viewer, http.MethodGet, target, nil)
}

// ask sends the gateway a request of somebody with a role, of nobody if it is
// ""; a body is JSON. A status of 0 is a failure of the connection.
func (s *stack) ask(role function.Role, method, target string, body []byte) (int, []byte) {
	request, err := http.NewRequestWithContext(context.Background(), method, s.gateway+target, bytes.NewReader(body))
	if err != nil {
		return 0, []byte(err.Error())
	}
	if token := s.tokens[role]; token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return s.send(request)
}

// send sends a request to the gateway.
func (s *stack) send(request *http.Request) (int, []byte) {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return answer.StatusCode, body
}

// admin calls the cloud's own routes and fails the test on any refusal.
func (s *stack) admin(t *testing.T, method, path, body string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.cloudAt+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s %s: %d %s, %v", method, path, body, answer.StatusCode, text, err)
	}
	return text
}

// fault asks for one, in place of whatever was asked for before.
func (s *stack) fault(t *testing.T, f ecsapi.Fault) {
	t.Helper()
	body, err := json.Marshal([]ecsapi.Fault{f})
	if err != nil {
		t.Fatal(err)
	}
	s.admin(t, http.MethodDelete, "/_local/faults", "")
	s.admin(t, http.MethodPost, "/_local/faults", string(body))
}
