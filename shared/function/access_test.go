package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
)

const (
	issuer   = "https://login.example"
	audience = "imagekeeper"
)

// keyring is made once: an RSA key takes its time.
var keyring = sync.OnceValues(func() ([3]bearertest.Key, error) {
	first, err1 := bearertest.NewRSA("first")
	second, err2 := bearertest.NewEC("second")
	stranger, err3 := bearertest.NewRSA("stranger")
	return [3]bearertest.Key{first, second, stranger}, errors.Join(err1, err2, err3)
})

func keys(t testing.TB) (first, second, stranger bearertest.Key) {
	t.Helper()
	made, err := keyring()
	if err != nil {
		t.Fatal(err)
	}
	return made[0], made[1], made[2]
}

func granted(roles ...string) bearertest.Grant {
	return bearertest.Grant{Issuer: issuer, Audience: audience, Subject: "ada", Roles: roles, From: time.Now(), For: time.Hour}
}

// portal is the environment of a function that knows its callers.
func portal(keys ...bearertest.Key) map[string]string {
	return map[string]string{"PORTAL_JWKS": bearertest.Set(keys...), "PORTAL_ISSUER": issuer, "PORTAL_AUDIENCE": "other," + audience}
}

// guarded is f behind a gate, with what its audit heard and its log.
type guarded struct {
	*function.Function
	mu      sync.Mutex
	records []function.AuditRecord
	log     bytes.Buffer
}

func guard(t testing.TB, f *function.Function, environment map[string]string) *guarded {
	t.Helper()
	if err := f.Guard(from(environment)); err != nil {
		t.Fatal(err)
	}
	g := &guarded{Function: f}
	f.Audit(func(_ context.Context, record function.AuditRecord) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.records = append(g.records, record)
	})
	return g
}

// Write is the log, which goes on when calls end late.
func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(b)
}

// heard returns the audit's records since the last time.
func (g *guarded) heard() []function.AuditRecord {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { g.records = nil }()
	return g.records
}

func (g *guarded) logged() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.String()
}

// request is what is sent in both ways.
type request struct {
	method, target, body string
	header               http.Header
}

// handled sends r to the http.Handler.
func (g *guarded) handled(t testing.TB, r request) answer {
	t.Helper()
	out := httptest.NewRequest(r.method, r.target, strings.NewReader(r.body))
	for name, values := range r.header {
		out.Header[http.CanonicalHeaderKey(name)] = values
	}
	out.RemoteAddr = "192.0.2.7:4711"
	w := httptest.NewRecorder()
	g.ServeHTTP(w, out)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{w.Code, w.Result().Header, string(body)}
}

// event is r as Function Compute sends it. A header with two values becomes
// two members, as whoever forges an event could write them.
func (r request) event(t testing.TB) []byte {
	t.Helper()
	headers := map[string]string{}
	for name, values := range r.header {
		for i, value := range values {
			headers[strings.ToUpper(name[:i+1])+name[i+1:]] = value
		}
	}
	path, query, _ := strings.Cut(r.target, "?")
	parameters := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			parameters[name] = value
		}
	}
	raw, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": path, "body": r.body, "isBase64Encoded": false, "headers": headers, "queryParameters": parameters,
		"requestContext": map[string]any{
			"requestId": "r-1", "domainName": "x.fcapp.run",
			"http": map[string]any{"method": r.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// invoked sends r as an event straight to Invoke.
func (g *guarded) invoked(t testing.TB, r request) answer {
	t.Helper()
	call := function.Call{RequestID: "r-1", Log: slog.New(slog.NewJSONHandler(g, nil))}
	var got struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	raw := g.Invoke(t.Context(), call, r.event(t))
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	a := answer{got.StatusCode, http.Header{}, got.Body}
	for name, value := range got.Headers {
		a.header.Set(name, value)
	}
	return a
}

func withToken(token string) http.Header {
	return http.Header{"authorization": {"Bearer " + token}}
}

// TestHostileTokens: each is refused as a request and as a raw event, with an
// audit record, and no part of it shows anywhere.
func TestHostileTokens(t *testing.T) {
	t.Parallel()
	first, second, stranger := keys(t)
	cases := bearertest.Attack{Trusted: [2]bearertest.Key{first, second}, Stranger: stranger, Grant: granted("viewer")}.Hostile()
	g := guard(t, sample(), portal(first, second))
	if a := g.invoked(t, request{method: "GET", target: "/things", header: withToken(first.Token(granted("viewer")))}); a.status != 200 {
		t.Fatalf("a good token: %d %s", a.status, a.body)
	}
	for _, c := range cases {
		r := request{method: "GET", target: "/things", header: http.Header{}}
		if c.Authorization != nil {
			r.header["authorization"] = c.Authorization
		}
		for way, a := range map[string]answer{"request": g.handled(t, r), "event": g.invoked(t, r)} {
			p := a.problem(t)
			if p.Status != c.Status || p.Code != c.Code {
				t.Errorf("%s, as %s: got %d %s, want %d %s", c.Name, way, p.Status, p.Code, c.Status, c.Code)
			}
			if challenge := a.header.Get("WWW-Authenticate"); c.Status != 400 && !strings.HasPrefix(challenge, `Bearer realm="imagekeeper"`) {
				t.Errorf("%s, as %s: the challenge is %q", c.Name, way, challenge)
			}
		}
		records := g.heard()
		if len(records) != 2 {
			t.Errorf("%s: %d audit records", c.Name, len(records))
		}
		for _, record := range records {
			if record.Decision != function.Refused || record.Code != c.Code || record.Operation != "sample.things" || record.SourceIP != "192.0.2.7" || record.Time.IsZero() {
				t.Errorf("%s: audit: %+v", c.Name, record)
			}
			if (c.Status == 403) != (record.Caller.Subject == "ada") {
				t.Errorf("%s: the audit names %+v", c.Name, record.Caller)
			}
		}
	}
	if len(cases) < 60 {
		t.Errorf("only %d hostile tokens", len(cases))
	}
	if n := strings.Count(g.logged(), `"msg":"audit"`); n != len(cases) {
		t.Errorf("%d audit lines for %d events", n, len(cases))
	}
}

// TestPlantedSecrets: nothing of a token, neither its text nor its claims, is
// in an answer, the log or the audit, refused or not.
func TestPlantedSecrets(t *testing.T) {
	t.Parallel()
	const planted = "hunter2-XYZZY-planted"
	first, second, stranger := keys(t)
	g := guard(t, sample(), portal(first, second))
	secret := fmt.Sprintf(`{"password":%q}`, planted)
	grant := granted("viewer")
	for name, token := range map[string]string{
		"accepted":       first.Sign(first.Header("x", secret), grant.Claims("x", secret)),
		"a role more":    first.Sign(first.Header(), grant.Claims("roles", `["viewer","`+planted+`"]`)),
		"not a role":     first.Sign(first.Header(), grant.Claims("roles", `["`+planted+`"]`)),
		"expired":        first.Sign(first.Header(), grant.Claims("exp", "1", "sub", `"`+planted+`"`)),
		"issuer":         first.Sign(first.Header(), grant.Claims("iss", `"`+planted+`"`)),
		"audience":       first.Sign(first.Header(), grant.Claims("aud", `"`+planted+`"`)),
		"unreadable exp": first.Sign(first.Header(), grant.Claims("exp", `"`+planted+`"`)),
		"kid":            first.Sign(first.Header("kid", `"`+planted+`"`), grant.Claims()),
		"kid of a type":  first.Sign(first.Header("kid", secret), grant.Claims()),
		"alg":            first.Sign(first.Header("alg", `"`+planted+`"`), grant.Claims()),
		"typ":            first.Sign(first.Header("typ", `"`+planted+`"`), grant.Claims()),
		"crit":           first.Sign(first.Header("crit", `["`+planted+`"]`), grant.Claims()),
		"jku":            first.Sign(first.Header("jku", `"https://`+planted+`"`), grant.Claims()),
		"twice":          first.Sign(first.Header(), `{"`+planted+`":1,"`+planted+`":2}`),
		"claims":         first.Sign(first.Header(), `{"`+planted),
		"a stranger's":   stranger.Sign(stranger.Header(), grant.Claims("sub", `"`+planted+`"`)),
		"no token":       planted,
		"no base64":      planted + "." + planted + "." + planted + "=",
	} {
		r := request{method: "GET", target: "/things", header: withToken(token)}
		said := g.handled(t, r).body + g.invoked(t, r).body
		records, err := json.Marshal(g.heard())
		if err != nil {
			t.Fatal(err)
		}
		all := said + string(records) + g.logged()
		parts := append(strings.Split(token, "."), planted)
		for _, part := range parts {
			if len(part) > 8 && strings.Contains(all, part) {
				t.Errorf("%s: %q is told", name, part)
			}
		}
	}
}

// TestForgedClaimsChangeNothing: a gateway passes claims on as headers, and
// anybody else can write them too.
func TestForgedClaimsChangeNothing(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	g := guard(t, sample(), portal(first, second))
	forged := http.Header{}
	for _, name := range []string{
		"sub", "roles", "role", "x-roles", "x-jwt-claim-roles", "x-fc-jwt-claims", "x-forwarded-user", "x-forwarded-authorization",
		"proxy-authorization", "x-authorization", "x-amzn-oidc-data", "authorization-verified", "x-original-authorization", "cookie",
	} {
		forged[name] = []string{"reaper, operator, fleet"}
	}
	forged["x-access-token"] = []string{"Bearer " + first.Token(granted("reaper"))}
	forged["cookie"] = []string{"authorization=Bearer " + first.Token(granted("reaper"))}
	target := "/who"
	for _, a := range []answer{
		g.handled(t, request{method: "GET", target: target, header: forged}),
		g.invoked(t, request{method: "GET", target: target, header: forged}),
		g.invoked(t, request{method: "GET", target: target + "?access_token=" + first.Token(granted("reaper")), header: forged}),
	} {
		if p := a.problem(t); p.Status != 401 {
			t.Errorf("without a token: %+v", p)
		}
	}
	forged["authorization"] = []string{"Bearer " + first.Token(granted("viewer"))}
	for _, a := range []answer{
		g.handled(t, request{method: "POST", target: "/things/t-1/erasure", header: forged}),
		g.invoked(t, request{method: "POST", target: "/things/t-1/erasure", header: forged}),
	} {
		if p := a.problem(t); p.Status != 403 || !strings.Contains(p.Detail, "reaper") {
			t.Errorf("with a viewer's token: %+v", p)
		}
	}
	if a := g.invoked(t, request{method: "GET", target: target, header: forged}); !strings.Contains(a.body, `"Caller":"ada https://login.example [viewer]"`) {
		t.Errorf("the operation sees %s", a.body)
	}
	// An event can claim to have passed an authorizer; that is a header in another place.
	event := strings.Replace(v2("GET", "/who", "", "", false), `"requestContext":{`,
		`"requestContext":{"authorizer":{"jwt":{"claims":{"sub":"root","roles":"reaper"}}},`, 1)
	if raw := g.Invoke(t.Context(), function.Call{}, []byte(event)); !strings.Contains(string(raw), `"statusCode":401`) {
		t.Errorf("claims in an event: %s", raw)
	}
}

// TestRotation: two keys during the change, one before and after.
func TestRotation(t *testing.T) {
	t.Parallel()
	before, after, _ := keys(t)
	for _, stage := range []struct {
		keys []bearertest.Key
		want []int // of a token of the old key, of the new one
	}{
		{[]bearertest.Key{before}, []int{200, 401}},
		{[]bearertest.Key{before, after}, []int{200, 200}},
		{[]bearertest.Key{after}, []int{401, 200}},
	} {
		g := guard(t, sample(), portal(stage.keys...))
		for i, k := range []bearertest.Key{before, after} {
			r := request{method: "GET", target: "/things", header: withToken(k.Token(granted("viewer")))}
			if a := g.invoked(t, r); a.status != stage.want[i] {
				t.Errorf("%d keys, key %s: got %d, want %d", len(stage.keys), k.ID, a.status, stage.want[i])
			}
		}
	}
}

// TestEverythingNeedsAToken: what is not there is not told to strangers, and
// they are refused before anything of theirs is read.
func TestEverythingNeedsAToken(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	g := guard(t, sample(), portal(first, second))
	good := withToken(first.Token(granted("viewer")))
	for _, test := range []struct {
		method, target, body string
		known                int // the status for a viewer
	}{
		{"GET", "/things", "", 200},
		{"HEAD", "/things", "", 200},
		{"GET", "/nowhere", "", 404},
		{"GET", "/things/../things", "", 404},
		{"DELETE", "/things", "", 405},
		{"OPTIONS", "/things", "", 204},
		{"GET", "/things?limit=x", "", 400},
		{"GET", "/panic", "", 500},
		{"POST", "/things", "{", 400},
		{"POST", "/things", strings.Repeat(" ", 300<<10), 413},
		{"POST", "/things/t-1/erasure", "{", 403}, // needs a reaper
	} {
		r := request{method: test.method, target: test.target, body: test.body}
		if a := g.handled(t, r); a.status != 401 {
			t.Errorf("%s %s without a token: %d", test.method, test.target, a.status)
		}
		r.header = good
		if a := g.handled(t, r); a.status != test.known {
			t.Errorf("%s %s as a viewer: %d", test.method, test.target, a.status)
		}
	}
}

// TestApplying: whoever may plan may not yet apply, and is told so before the
// rest of the input is judged.
func TestApplying(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	g := guard(t, sample(), portal(first, second))
	for _, test := range []struct {
		roles, body, code string
		status            int
		audited           []string
	}{
		{"viewer", `{"name":"a"}`, "", 201, nil},
		{"viewer", `{"name":"a","apply":{"digest":"d"}}`, "roleMissing", 403, []string{"refused operator roleMissing"}},
		{"viewer", `{"name":"a","apply":{}}`, "roleMissing", 403, []string{"refused operator roleMissing"}},
		{"viewer", `{"apply":{}}`, "roleMissing", 403, []string{"refused operator roleMissing"}},
		{"viewer", `{"name":"a","apply":null}`, "wrongType", 400, nil},
		{"viewer", `{"name":"a","Apply":{}}`, "otherCase", 400, nil},
		{"fleet", `{"name":"a","apply":{}}`, "roleMissing", 403, []string{"refused operator roleMissing"}},
		{"operator", `{"name":"a","apply":{}}`, "", 201, []string{"allowed operator roleHeld"}},
		{"operator", `{"apply":{}}`, "required", 400, []string{"allowed operator roleHeld"}},
		{"operator", `{"name":"a"}`, "", 201, nil},
		{"reaper operator", `{"name":"a","apply":{"digest":"d"}}`, "", 201, []string{"allowed operator roleHeld"}},
	} {
		r := request{method: "POST", target: "/things", body: test.body, header: withToken(first.Token(granted(strings.Fields(test.roles)...)))}
		a := g.invoked(t, r)
		if a.status != test.status || test.code != "" && a.problem(t).Code != test.code {
			t.Errorf("%s %s: %d %s", test.roles, test.body, a.status, a.body)
		}
		if test.status == 403 && !strings.Contains(a.problem(t).Detail, "operator") {
			t.Errorf("%s %s: the role is not named: %s", test.roles, test.body, a.body)
		}
		var audited []string
		for _, record := range g.heard() {
			audited = append(audited, fmt.Sprintf("%s %s %s", record.Decision, record.Role, record.Code))
			if record.Caller.Subject != "ada" || record.Caller.Issuer != issuer || record.RequestID != "r-1" || !record.Apply || record.Source != function.SourceHTTP {
				t.Errorf("%s %s: audit: %+v", test.roles, test.body, record)
			}
		}
		if !slices.Equal(audited, test.audited) {
			t.Errorf("%s %s: audited %q, want %q", test.roles, test.body, audited, test.audited)
		}
	}
}

// asks is an input that knows itself whether it asks to apply.
type asks struct {
	Mode string `json:"mode"`
}

func (a asks) Applying() bool { return a.Mode == "apply" }

// TestWaysToApply: every kind of field called apply counts when it is there,
// and a method decides alone.
func TestWaysToApply(t *testing.T) {
	t.Parallel()
	spec := function.Spec{Name: "f", Pattern: "POST /f", ApplyRole: function.Reaper}
	type inner struct {
		Apply *approval `json:"apply"`
	}
	for name, test := range map[string]struct {
		operation function.Operation
		asking    []string
		not       []string
	}{
		"pointer":  {function.Handle(spec, echo[inner]), []string{`{"apply":{}}`}, []string{`{}`}},
		"embedded": {function.Handle(spec, echo[struct{ inner }]), []string{`{"apply":{}}`}, []string{`{}`}},
		"boolean": {function.Handle(spec, echo[struct {
			Apply bool `json:"apply"`
		}]), []string{`{"apply":true}`}, []string{`{}`, `{"apply":false}`}},
		"text": {function.Handle(spec, echo[struct {
			Go string `json:"apply"`
		}]), []string{`{"apply":"x"}`}, []string{`{}`}},
		"list": {function.Handle(spec, echo[struct {
			Apply []string `json:"apply"`
		}]), []string{`{"apply":["a"]}`}, []string{`{}`}},
		"raw": {function.Handle(spec, echo[struct {
			Apply json.RawMessage `json:"apply,omitempty"`
		}]), []string{`{"apply":{}}`, `{"apply":0}`, `{"apply":null}`}, []string{`{}`}},
		"anything": {function.Handle(spec, echo[struct {
			Apply any `json:"apply"`
		}]), []string{`{"apply":false}`}, []string{`{}`}},
		"method": {function.Handle(spec, echo[asks]), []string{`{"mode":"apply"}`}, []string{`{}`, `{"mode":"plan"}`}},
	} {
		g := guard(t, function.New("f", test.operation), nil)
		for _, body := range test.asking {
			if a := g.handled(t, request{method: "POST", target: "/f", body: body}); a.status != 403 {
				t.Errorf("%s %s: %d %s", name, body, a.status, a.body)
			}
		}
		for _, body := range test.not {
			if a := g.handled(t, request{method: "POST", target: "/f", body: body}); a.status != 200 {
				t.Errorf("%s %s: %d %s", name, body, a.status, a.body)
			}
		}
	}
}

type pointing struct {
	Mode string `json:"mode"`
}

func (p *pointing) Applying() bool { return p.Mode != "" }

// TestNoWayToApply: a role for applying that would never be looked at.
func TestNoWayToApply(t *testing.T) {
	t.Parallel()
	spec := function.Spec{Name: "f", Pattern: "POST /f", ApplyRole: function.Reaper}
	for name, operation := range map[string]function.Operation{
		"no field": function.Handle(spec, echo[text]),
		"a struct is always there": function.Handle(spec, echo[struct {
			Apply approval `json:"apply"`
		}]),
		"a method of the pointer": function.Handle(spec, echo[pointing]),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			function.New("f", operation)
		}()
	}
}

// TestMatrix: every cell of role x operation x (plan, apply) is as the table
// says, over HTTP with a token of that role and as a direct call with that
// role; and nobody without a role may do anything.
func TestMatrix(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	routes := map[string]request{
		"sample.things": {method: "GET", target: "/things"}, "sample.thing": {method: "GET", target: "/things/t-1"},
		"sample.make": {method: "POST", target: "/things", body: `{"name":"a"}`}, "sample.change": {method: "PUT", target: "/things/t-1", body: `{"name":"a"}`},
		"sample.erase": {method: "POST", target: "/things/t-1/erasure"}, "sample.who": {method: "GET", target: "/who"},
		"sample.fail": {method: "GET", target: "/failures/conflict"}, "sample.panic": {method: "GET", target: "/panic"}, "sample.panicApart": {method: "GET", target: "/panic/apart"}, "sample.wait": {}, "sample.direct": {},
	}
	inputs := map[string]string{
		"sample.make": `{"name":"a"}`, "sample.change": `{"id":"t-1","name":"a"}`, "sample.thing": `{"id":"t-1"}`, "sample.fail": `{"kind":"conflict"}`,
	}
	cells := sample().Matrix()
	if want := len(routes)*4 + 2*4; len(cells) != want {
		t.Errorf("%d cells, want %d", len(cells), want)
	}
	for _, cell := range cells {
		r, ok := routes[cell.Operation]
		if !ok {
			t.Errorf("%s: not known to this test", cell.Operation)
		}
		input := "{}"
		if inputs[cell.Operation] != "" {
			input = inputs[cell.Operation]
		}
		if cell.Apply {
			input = strings.TrimSuffix(input, "}") + `,"apply":{}}`
			r.body = strings.TrimSuffix(r.body, "}") + `,"apply":{}}`
		}
		g := guard(t, sample(), portal(first, second))
		if r.method != "" {
			r.header = withToken(second.Token(granted(string(cell.Role))))
			if a := g.handled(t, r); (a.status != 403) != cell.Allowed || a.status == 400 || a.status == 401 {
				t.Errorf("%+v: %d %s", cell, a.status, a.body)
			}
			r.header = withToken(second.Token(granted()))
			if a := g.handled(t, r); a.status != 403 {
				t.Errorf("%s without a role: %d %s", cell.Operation, a.status, a.body)
			}
		}
		if cell.Operation == "sample.wait" {
			continue
		}
		g = guard(t, sample(), map[string]string{"SYSTEM_ROLES": string(cell.Role)})
		raw := g.Invoke(t.Context(), function.Call{}, fmt.Appendf(nil, `{"operation":%q,"input":%s}`, cell.Operation, input))
		if strings.Contains(string(raw), `"roleMissing"`) == cell.Allowed || strings.Contains(string(raw), `"status":400`) {
			t.Errorf("%+v: %s", cell, raw)
		}
	}
}

// TestMatrixIsWhatDescribeSays: the table and the document have one source.
func TestMatrixIsWhatDescribeSays(t *testing.T) {
	t.Parallel()
	said := map[string]string{}
	for _, item := range described(t, sample()).Paths.Map() {
		for _, op := range item.Operations() {
			said[op.OperationID] = fmt.Sprint(op.Extensions["x-role"], " ", op.Extensions["x-apply-role"])
		}
	}
	for _, cell := range sample().Matrix() {
		roles, ok := said[cell.Operation]
		if !ok {
			continue // it has no route
		}
		plan, apply, _ := strings.Cut(roles, " ")
		want := plan == "viewer" || plan == string(cell.Role)
		if cell.Apply {
			want = want && apply == string(cell.Role)
		}
		if want != cell.Allowed {
			t.Errorf("%+v, but describe says %s", cell, roles)
		}
	}
}

func TestWithoutPortal(t *testing.T) {
	t.Parallel()
	g := guard(t, sample(), nil)
	first, _, _ := keys(t)
	for _, header := range []http.Header{nil, withToken("nonsense"), withToken(first.Token(granted("reaper", "operator")))} {
		if a := g.invoked(t, request{method: "GET", target: "/who", header: header}); !strings.Contains(a.body, `"Caller":"anonymous  [viewer]"`) {
			t.Errorf("reading: %d %s", a.status, a.body)
		}
		if a := g.invoked(t, request{method: "POST", target: "/things", body: `{"name":"a","apply":{}}`, header: header}); a.problem(t).Status != 403 {
			t.Errorf("applying: %s", a.body)
		}
		if a := g.invoked(t, request{method: "POST", target: "/things/t-1/erasure", header: header}); a.problem(t).Status != 403 {
			t.Errorf("erasing: %s", a.body)
		}
		for _, record := range g.heard() {
			if record.Caller.Subject != "anonymous" || record.Decision != function.Refused {
				t.Errorf("audit: %+v", record)
			}
		}
	}
}

func TestSystemRoles(t *testing.T) {
	t.Parallel()
	tick := `{"triggerTime":"2023-12-26T07:49:00Z","triggerName":"nightly","payload":""}`
	for roles, want := range map[string]string{
		"": "[viewer]", "viewer": "[viewer]", "operator": "[operator]", "operator,reaper": "[operator reaper]", " fleet , viewer": "[fleet viewer]",
	} {
		g := guard(t, sample(), map[string]string{"SYSTEM_ROLES": roles})
		raw := g.Invoke(t.Context(), function.Call{}, []byte(`{"operation":"sample.who"}`))
		if !strings.Contains(string(raw), `"Caller":"system  `+want+`"`) {
			t.Errorf("%q: %s", roles, raw)
		}
		raw = g.Invoke(t.Context(), function.Call{}, []byte(`{"operation":"sample.make","input":{"name":"a","apply":{}}}`))
		if strings.Contains(string(raw), "roleMissing") == strings.Contains(roles, "operator") {
			t.Errorf("%q applies: %s", roles, raw)
		}
		if raw := g.Invoke(t.Context(), function.Call{}, []byte(tick)); !strings.Contains(string(raw), `"nightly"`) {
			t.Errorf("%q: the timer's worker does not run: %s", roles, raw)
		}
	}
}

// TestTimersSayWhoTheyAre: a worker knows that it was a timer, with the roles of the system.
func TestTimersSayWhoTheyAre(t *testing.T) {
	t.Parallel()
	var seen function.Call
	f := function.New("f", function.OnTimer("*", func(_ context.Context, call function.Call, _ function.Tick) (text, error) {
		seen = call
		return text{}, call.May(function.Reaper)
	}))
	g := guard(t, f, map[string]string{"SYSTEM_ROLES": "fleet"})
	raw := g.Invoke(t.Context(), function.Call{}, []byte(`{"triggerTime":"2023-12-26T07:49:00Z","triggerName":"n","payload":""}`))
	if seen.Source != function.SourceTimer || !seen.Caller.Has(function.Fleet) || !seen.Caller.Has(function.Viewer) || !strings.Contains(string(raw), "roleMissing") {
		t.Errorf("got %+v %s", seen, raw)
	}
}

func TestMay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		has []function.Role
		may map[function.Role]bool
	}{
		{nil, map[function.Role]bool{}},
		{[]function.Role{"viewer"}, map[function.Role]bool{"viewer": true}},
		{[]function.Role{"fleet"}, map[function.Role]bool{"viewer": true, "fleet": true}},
		{[]function.Role{"reaper", "operator"}, map[function.Role]bool{"viewer": true, "reaper": true, "operator": true}},
	} {
		call := function.Call{Caller: function.Caller{Subject: "ada", Roles: test.has}}
		for _, role := range append(function.Roles(), "", "admin") {
			err := call.May(role)
			if (err == nil) != test.may[role] || err != nil && (!errors.Is(err, fault.Forbidden) || !strings.Contains(fault.Sentence(err), string(role))) {
				t.Errorf("%v %s: %v", test.has, role, err)
			}
		}
	}
}

func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	whole := portal(first, second)
	with := func(changes ...string) map[string]string {
		environment := map[string]string{}
		for name, value := range whole {
			environment[name] = value
		}
		for i := 0; i < len(changes); i += 2 {
			environment[changes[i]] = changes[i+1]
		}
		return environment
	}
	private := strings.Replace(bearertest.Set(first), `"use":"sig"`, `"use":"sig","d":"hunter2"`, 1)
	for name, test := range map[string]struct {
		environment map[string]string
		fields      string
	}{
		"no keys":           {with("PORTAL_JWKS", ""), "PORTAL_JWKS"},
		"no issuer":         {with("PORTAL_ISSUER", ""), "PORTAL_ISSUER"},
		"no audience":       {with("PORTAL_AUDIENCE", ""), "PORTAL_AUDIENCE"},
		"only keys":         {map[string]string{"PORTAL_JWKS": bearertest.Set(first)}, "PORTAL_ISSUER PORTAL_AUDIENCE"},
		"only a claim":      {map[string]string{"PORTAL_ROLES_CLAIM": "groups"}, "PORTAL_JWKS PORTAL_ISSUER PORTAL_AUDIENCE"},
		"malformed keys":    {with("PORTAL_JWKS", `{"keys":[{"kty":"hunter2"`), "PORTAL_JWKS"},
		"no key set":        {with("PORTAL_JWKS", `hunter2`), "PORTAL_JWKS"},
		"private key":       {with("PORTAL_JWKS", private), "PORTAL_JWKS"},
		"break in a text":   {with("PORTAL_JWKS", "{\"keys\":[{\"kid\":\"hunter2\n\"}]}"), "PORTAL_JWKS"},
		"empty audience":    {with("PORTAL_AUDIENCE", "a,,b"), "PORTAL_AUDIENCE"},
		"break in issuer":   {with("PORTAL_ISSUER", "a\nb"), "PORTAL_ISSUER"},
		"subjects as roles": {with("PORTAL_ROLES_CLAIM", "sub"), "PORTAL_ROLES_CLAIM"},
		"no such role":      {map[string]string{"SYSTEM_ROLES": "viewer,admin"}, "SYSTEM_ROLES"},
		"role in capitals":  {map[string]string{"SYSTEM_ROLES": "Viewer"}, "SYSTEM_ROLES"},
		"an empty role":     {map[string]string{"SYSTEM_ROLES": "viewer,"}, "SYSTEM_ROLES"},
	} {
		err := sample().Guard(from(test.environment))
		if !errors.Is(err, fault.Invalid) || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(fieldsOf(err), " "); got != test.fields {
			t.Errorf("%s: blames %s, want %s", name, got, test.fields)
		}
	}
	for name, environment := range map[string]map[string]string{
		"on several lines": with("PORTAL_JWKS", strings.ReplaceAll(whole["PORTAL_JWKS"], ",", ",\r\n\t")+"\n"),
		"another claim":    with("PORTAL_ROLES_CLAIM", "https://login.example/roles"),
	} {
		if err := sample().Guard(from(environment)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fieldsOf are the variables that an error blames.
func fieldsOf(err error) []string {
	var fields []string
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			fields = append(fields, fieldsOf(one)...)
		}
		return fields
	}
	var one *fault.Error
	if errors.As(err, &one) {
		fields = append(fields, one.Field)
	}
	return fields
}

// TestAuditFailsClosed: what the audit could not take is not done.
func TestAuditFailsClosed(t *testing.T) {
	t.Parallel()
	done := false
	f := function.New("f", function.Handle(function.Spec{Name: "f.erase", Role: function.Viewer, ApplyRole: function.Viewer},
		func(context.Context, function.Call, struct {
			Apply bool `json:"apply"`
		},
		) (text, error) {
			done = true
			return text{}, nil
		}), function.Handle(function.Spec{Name: "f.purge", Role: function.Reaper}, func(context.Context, function.Call, struct{}) (text, error) {
		done = true
		return text{}, nil
	}))
	f.Audit(func(context.Context, function.AuditRecord) { panic("the journal is full") })
	for _, environment := range []map[string]string{{"SYSTEM_ROLES": "reaper"}, nil} {
		if err := f.Guard(from(environment)); err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{`{"operation":"f.purge"}`, `{"operation":"f.erase","input":{"apply":true}}`} {
			raw := f.Invoke(t.Context(), function.Call{}, []byte(event))
			if done || !strings.Contains(string(raw), `"status":500`) {
				t.Errorf("done: %v, %s", done, raw)
			}
		}
	}
}

// TestAuditOfChanges: an operation that only some may call is audited when they do.
func TestAuditOfChanges(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	g := guard(t, sample(), portal(first, second))
	r := request{method: "POST", target: "/things/t-1/erasure", header: withToken(first.Token(granted("reaper", "admin")))}
	if a := g.invoked(t, r); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	records := g.heard()
	want := function.AuditRecord{
		RequestID: "r-1", Source: function.SourceHTTP, SourceIP: "192.0.2.7", Operation: "sample.erase", Role: function.Reaper,
		Decision: function.Allowed, Code: "roleHeld", Caller: function.Caller{Subject: "ada", Issuer: issuer, Roles: []function.Role{"reaper"}},
	}
	if len(records) != 1 || time.Since(records[0].Time) > time.Hour {
		t.Fatalf("got %+v", records)
	}
	records[0].Time = time.Time{}
	if got, expected := fmt.Sprintf("%+v", records[0]), fmt.Sprintf("%+v", want); got != expected {
		t.Errorf("got %s, want %s", got, expected)
	}
	for _, line := range []string{`"msg":"audit"`, `"decision":"allowed"`, `"subject":"ada"`, `"source_ip":"192.0.2.7"`, `"operation":"sample.erase"`} {
		if !strings.Contains(g.logged(), line) {
			t.Errorf("no %s in %s", line, g.logged())
		}
	}
}

// TestSourceIPs: only an address is taken for one.
func TestSourceIPs(t *testing.T) {
	t.Parallel()
	g := guard(t, sample(), portal(func() bearertest.Key { k, _, _ := keys(t); return k }()))
	for text, want := range map[string]string{"2001:db8::7": "2001:db8::7", "1.2.3.4": "1.2.3.4", "x\\nforged": "", "": "", "1.2.3.4, 5.6.7.8": ""} {
		event := strings.Replace(v1("GET", "/things", "", "", ""), "1.2.3.4", text, 1)
		g.Invoke(t.Context(), function.Call{}, []byte(event))
		if records := g.heard(); len(records) != 1 || records[0].SourceIP != want {
			t.Errorf("%q: %+v", text, records)
		}
	}
}
