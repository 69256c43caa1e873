package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
	"imagekeeper/shared/image"
)

// protocol is what the host and its functions write, from many goroutines.
type protocol struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *protocol) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// since returns what was written after the first n bytes, and how much there is.
func (p *protocol) since(n int) (string, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()[n:], p.text.Len()
}

// until waits for a word after the first n bytes, at most for two minutes: what
// a function writes comes through a pipe. It returns all there is by then.
func (p *protocol) until(n int, word string) string {
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if text, _ := p.since(n); strings.Contains(text, word) || time.Now().After(end) {
			return text
		}
	}
}

// attacked is a stack whose functions can do all they are made for, with a
// journal in a folder, and what it writes.
func attacked(t *testing.T) (s *stack, said *protocol, journal string) {
	t.Helper()
	said, journal = &protocol{}, t.TempDir()
	s = start(t, options{
		sim: company.New(cloudsim.Options{Seed: 1}, company.Options{}), rate: -1, out: said,
		environment: map[string]string{
			"JOURNAL": "dir://" + filepath.ToSlash(journal), "REGIONS": "cn-hangzhou", "ACCOUNTS": "", "ECS_RATE_SHARE": "10",
		},
	})
	return s, said, journal
}

// operation is one of the operations that the functions describe.
type operation struct {
	function, name, method, path string
	role, applyRole              function.Role
	// public: it asks nobody who they are.
	public bool
}

// described asks every built function what it can do.
func described(t *testing.T) []operation {
	t.Helper()
	project, err := load(binaries(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []operation
	for _, f := range project.Functions {
		describe := exec.CommandContext(t.Context(), filepath.Join(binaries(), f.Resource, f.Handler), "describe")
		describe.Env = append(os.Environ(), "JOURNAL=dir:///tmp")
		said, err := describe.Output()
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Paths map[string]map[string]struct {
				Operation string        `json:"x-operation"`
				Role      function.Role `json:"x-role"`
				ApplyRole function.Role `json:"x-apply-role"`
				Security  *[]object
			}
		}
		if err := json.Unmarshal(said, &document); err != nil {
			t.Fatal(err)
		}
		for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
			for _, method := range slices.Sorted(maps.Keys(document.Paths[path])) {
				o := document.Paths[path][method]
				public := o.Security != nil && len(*o.Security) == 0
				all = append(all, operation{f.Resource, o.Operation, strings.ToUpper(method), path, o.Role, o.ApplyRole, public})
			}
		}
	}
	return all
}

// target is a path that the operation answers.
func (o operation) target() string {
	return strings.NewReplacer(
		"{imageId}", "m-bp1p3iw05ysr6wic1ldo", "{family}", "web-base", "{file}", asset(), "{id}", "20260101-none",
	).Replace(o.path)
}

// body is a request body that the operation takes; nil: it takes none.
func (o operation) body() object {
	const image = "m-bp1p3iw05ysr6wic1ldo"
	reason := object{"reason": "a test"}
	return map[string]object{
		"price.images": {"questions": []any{object{"imageId": image}}},
		"share.put":    {"accounts": []any{object{"accountId": "1000000000000003"}}, "evenIfUsed": []any{"1000000000000002"}},
		"share.patch":  {"add": []any{object{"accountId": "1000000000000003"}}},

		"attributes.patch": {"description": "what it is for"},
		"exports.post":     {"imageId": image, "bucket": "images"},
		"imports.post":     {"source": object{"image": object{"imageId": image}}, "image": object{"name": "web", "family": "web"}},
		"releases.put":     {"channel": "candidate", "images": object{"cn-hangzhou": image}, "adopt": true},

		"rollouts.post":   {"select": object{"family": []any{"web-base"}}, "to": object{"image": image}},
		"rollouts.retry":  {},
		"rollouts.undo":   {},
		"rollouts.pause":  reason,
		"rollouts.resume": reason,
		"rollouts.abort":  reason,
		"rollouts.stop":   reason,

		"cleanups.create":  {"images": []any{image}},
		"cleanups.restore": {},
		"cleanups.keep":    {"reason": "a test", "until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
		"cleanups.stop":    reason,
	}[o.name]
}

// may tells whether a role is enough where one is needed.
func may(role, needed function.Role) bool {
	return needed == function.Viewer || role == needed || needed == function.Applier && role != function.Viewer
}

// event is a request as the platform passes it on, whoever made it up. A header
// with two values becomes two members.
func event(t *testing.T, method, path string, header http.Header, body string) []byte {
	t.Helper()
	headers := map[string]string{}
	for name, values := range header {
		for i, value := range values {
			headers[strings.ToUpper(name[:i+1])+name[i+1:]] = value
		}
	}
	raw, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": path, "body": body, "isBase64Encoded": false, "headers": headers, "queryParameters": map[string]string{},
		"requestContext": map[string]any{
			"accountId": "1000000000000001", "domainName": "x.fcapp.run", "domainPrefix": "x", "requestId": "r-1",
			"http": map[string]any{"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "x"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// problemOf is what a function answered to an event, if it is a problem.
type problemOf struct {
	Status int `json:"statusCode"`
	Body   string
	Code   string `json:"-"`
}

// invoke sends an event straight to a function, past every trigger.
func (s *stack) invoke(t *testing.T, to string, raw []byte) problemOf {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.gateway+"/_local/invoke/"+to, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	status, body := s.send(request)
	var p problemOf
	if err := json.Unmarshal(body, &p); status != http.StatusOK || err != nil {
		t.Fatalf("%s: %d %s, %v", to, status, body, err)
	}
	var told struct{ Code string }
	_ = json.Unmarshal([]byte(p.Body), &told) // a good answer has no code
	p.Code = told.Code
	return p
}

// TestHostileTokens sends every token that must be refused twice: through the
// gateway, and as an event that claims to have passed it. The function has the
// last word, an audit line tells of it, and the cloud hears of none.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	trusted, err := issuers()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := bearertest.NewRSA("stranger")
	if err != nil {
		t.Fatal(err)
	}
	cases := bearertest.Attack{Trusted: trusted, Stranger: stranger, Grant: granted(function.Viewer)}.Hostile()
	if len(cases) < 60 {
		t.Fatalf("only %d hostile tokens", len(cases))
	}
	s, said, _ := attacked(t)
	const path = "/shares/m-bp1p3iw05ysr6wic1ldo"
	good := http.Header{"authorization": {"Bearer " + s.tokens[function.Viewer]}}
	if p := s.invoke(t, "share", event(t, http.MethodGet, path, good, "")); p.Status != http.StatusOK {
		t.Fatalf("a good token: %+v", p)
	}
	calls := len(s.calls(t))
	sent := 0
	for _, c := range cases {
		_, before := said.since(0)
		header := http.Header{}
		if c.Authorization != nil {
			header["authorization"] = c.Authorization
		}
		p := s.invoke(t, "share", event(t, http.MethodGet, path, header, ""))
		if p.Status != c.Status || p.Code != c.Code {
			t.Errorf("%s, as an event: got %d %s, want %d %s", c.Name, p.Status, p.Code, c.Status, c.Code)
		}
		if status, answered := s.present(t, path, c.Authorization); answered {
			sent++
			// Not even the trigger takes two headers for one; the function calls that a bad request.
			if status != c.Status && status != http.StatusUnauthorized {
				t.Errorf("%s, through the gateway: got %d, want %d", c.Name, status, c.Status)
			}
		}
		log := said.until(before, `"msg":"audit"`)
		if strings.Contains(log, `"decision":"allowed"`) || !strings.Contains(log, `"code":"`+c.Code+`"`) {
			t.Errorf("%s: the log says %s", c.Name, log)
		}
	}
	if sent < 60 {
		t.Errorf("only %d were sent through the gateway", sent)
	}
	if after := len(s.calls(t)); after != calls {
		t.Errorf("%d calls of the cloud for tokens that were refused", after-calls)
	}
}

// present sends a request with these Authorization headers through the gateway,
// if a client can send them.
func (s *stack) present(t *testing.T, path string, authorization []string) (status int, sent bool) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.gateway+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != nil {
		request.Header["Authorization"] = authorization
	}
	if slices.ContainsFunc(authorization, func(v string) bool { return strings.Trim(v, " ") != v || strings.ContainsAny(v, "\r\n") }) {
		return 0, false // every client cuts spaces, none sends line breaks
	}
	status, _ = s.send(request)
	return status, status != 0
}

// calls are what the cloud was asked since the start.
func (s *stack) calls(t *testing.T) []json.RawMessage {
	t.Helper()
	var told struct{ Calls []json.RawMessage }
	if err := json.Unmarshal(s.admin(t, http.MethodGet, "/_local/calls", ""), &told); err != nil {
		t.Fatal(err)
	}
	return told.Calls
}

// TestForgedClaims: headers that look like what a gateway passes on of claims
// make nobody more than their token says.
func TestForgedClaims(t *testing.T) {
	t.Parallel()
	s, _, _ := attacked(t)
	forged := http.Header{"content-type": {"application/json"}}
	for _, name := range []string{
		"sub", "roles", "role", "x-roles", "x-jwt-claim-roles", "x-fc-jwt-claims", "x-forwarded-user", "x-forwarded-authorization",
		"proxy-authorization", "x-authorization", "x-amzn-oidc-data", "x-original-authorization", "x-fc-account-id",
	} {
		forged[name] = []string{"operator, fleet, reaper"}
	}
	forged["x-access-token"] = []string{"Bearer " + s.tokens[function.Operator]}
	const path, body = "/shares/m-bp1p3iw05ysr6wic1ldo", `{"add":[{"accountId":"1000000000000003"}],"apply":{"digest":"x"}}`
	if p := s.invoke(t, "share", event(t, http.MethodPatch, path, forged, body)); p.Status != http.StatusUnauthorized {
		t.Errorf("without a token: %+v", p)
	}
	forged["authorization"] = []string{"Bearer " + s.tokens[function.Viewer]}
	if p := s.invoke(t, "share", event(t, http.MethodPatch, path, forged, body)); p.Status != http.StatusForbidden || p.Code != "roleMissing" {
		t.Errorf("with a viewer's token: %+v", p)
	}
}

// TestMatrix walks every cell of role x operation x (plan, apply), through the
// gateway: who may not is refused before anything else is looked at, who may is
// not refused.
func TestMatrix(t *testing.T) {
	t.Parallel()
	s, _, _ := attacked(t)
	operations := described(t)
	if len(operations) < 10 {
		t.Fatalf("only %d operations", len(operations))
	}
	for _, o := range operations {
		for _, apply := range []bool{false, true} {
			if apply && o.applyRole == "" {
				continue
			}
			needed := o.role
			if apply {
				needed = o.applyRole
			}
			for _, role := range append(function.Roles(), "") {
				t.Run(fmt.Sprintf("%s by %s, apply %t", o.name, role, apply), func(t *testing.T) {
					s.cell(t, o, role, apply, needed)
				})
			}
		}
	}
}

// cell sends what an operation takes as somebody with a role, or as nobody.
func (s *stack) cell(t *testing.T, o operation, role function.Role, apply bool, needed function.Role) {
	t.Helper()
	input, want := o.body(), http.StatusOK
	if apply {
		// The digest of no plan: whoever may apply learns what the plan is now.
		input["apply"], want = object{"digest": strings.Repeat("0", 64)}, http.StatusConflict
	}
	if strings.Contains(o.path, "{id}") || o.name == "cleanups.unkeep" {
		want = http.StatusNotFound // of nothing there is; that is told to whoever may
	}
	switch {
	case o.public:
	case role == "":
		want = http.StatusUnauthorized
	case !may(role, needed):
		want = http.StatusForbidden
	}
	var body []byte
	if input != nil {
		var err error
		if body, err = json.Marshal(input); err != nil {
			t.Fatal(err)
		}
	}
	if status, answer := s.ask(role, o.method, o.target(), body); status != want {
		t.Errorf("%s %s: %d, want %d: %s", o.method, o.target(), status, want, answer)
	}
}

// TestSecretsStayUntold plants a secret in every credential that comes along and
// in headers that nobody asked for: it is in no answer, log line, record of the
// journal or file.
func TestSecretsStayUntold(t *testing.T) {
	t.Parallel()
	s, said, journal := attacked(t)
	const planted = "PLANTED-hunter2-secret"
	trusted, err := issuers()
	if err != nil {
		t.Fatal(err)
	}
	key := trusted[0]
	token := key.Sign(key.Header("x", `"`+planted+`"`), granted(function.Operator).Claims("password", `"`+planted+`"`))
	header := http.Header{"authorization": {"Bearer " + token}, "content-type": {"application/json"}}
	for _, name := range []string{"cookie", "x-api-key", "x-amz-security-token", "x-acs-security-token", "proxy-authorization", "x-fc-access-key-secret"} {
		header[name] = []string{planted}
	}
	const path = "/shares/m-bp1p3iw05ysr6wic1ldo"
	wish := `"add":[{"accountId":"1000000000000003","reason":"a test"}]`
	planned := s.invoke(t, "share", event(t, http.MethodPatch, path, header, "{"+wish+"}"))
	var plan struct{ Plan struct{ Digest string } }
	if err := json.Unmarshal([]byte(planned.Body), &plan); err != nil || plan.Plan.Digest == "" {
		t.Fatalf("%+v, %v", planned, err)
	}
	applied := s.invoke(t, "share", event(t, http.MethodPatch, path, header, "{"+wish+`,"apply":{"digest":"`+plan.Plan.Digest+`"}}`))
	if !strings.Contains(applied.Body, `"complete":true`) {
		t.Fatalf("%+v", applied)
	}
	told := []string{planned.Body, applied.Body}
	for _, f := range []string{"find", "price", "share"} {
		for _, path := range []string{"/images", "/instances", "/access", "/prices", path, "/nowhere"} {
			told = append(told, s.invoke(t, f, event(t, http.MethodGet, path, header, "")).Body)
		}
	}
	log, _ := said.since(0)
	told = append(told, log, recorded(t, journal))
	for n, text := range told {
		for _, secret := range append(strings.Split(token, "."), planted, "local-secret") {
			if strings.Contains(text, secret) {
				t.Errorf("text %d tells %.12s…", n, secret)
			}
		}
	}
	if !strings.Contains(recorded(t, journal), "ada") {
		t.Error("the journal does not name who applied")
	}
}

// recorded is all that is in a folder.
func recorded(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestDirectCallsNeedNoToken: who may invoke a function is RAM's to say; what
// they may do there, SYSTEM_ROLES says.
func TestDirectCallsNeedNoToken(t *testing.T) {
	t.Parallel()
	for roles, want := range map[string]string{"viewer": `"code":"roleMissing"`, "viewer,operator": `"complete":true`} {
		t.Run(roles, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{
				sim: company.New(cloudsim.Options{Seed: 1}, company.Options{}), rate: -1,
				environment: map[string]string{
					"JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()), "REGIONS": "cn-hangzhou", "ACCOUNTS": "", "SYSTEM_ROLES": roles,
				},
			})
			input := map[string]any{"imageId": "m-bp1p3iw05ysr6wic1ldo", "add": []any{map[string]image.AccountID{"accountId": "1000000000000003"}}}
			var plan struct{ Plan struct{ Digest string } }
			if err := json.Unmarshal(s.direct(t, "share", "share.patch", input), &plan); err != nil || plan.Plan.Digest == "" {
				t.Fatalf("no plan: %v", err)
			}
			input["apply"] = map[string]string{"digest": plan.Plan.Digest}
			if got := s.direct(t, "share", "share.patch", input); !strings.Contains(string(got), want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// direct makes a direct call of a function.
func (s *stack) direct(t *testing.T, to, operation string, input any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"operation": operation, "input": input})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.gateway+"/_local/invoke/"+to, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	status, answer := s.send(request)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	return answer
}
