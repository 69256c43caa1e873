package function_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"imagekeeper/shared/function"
)

// TestServeGuards: a deployed function knows its callers from its environment,
// and says at the start when it knows none.
func TestServeGuards(t *testing.T) {
	t.Parallel()
	first, _, _ := keys(t)
	open := start(t, false)
	if _, a := open.http(v1("GET", "/things", "", "", ""), minute); a.status != 200 {
		t.Errorf("without PORTAL_JWKS: %d", a.status)
	}
	if said := strings.Join(open.stdout.lines(), "\n"); strings.Count(said, `"level":"WARN","msg":"access"`) != 1 || !strings.Contains(said, "PORTAL_JWKS") {
		t.Errorf("not warned: %s", said)
	}
	var environment []string
	for name, value := range portal(first) {
		environment = append(environment, name+"="+value)
	}
	shut := start(t, false, environment...)
	id, a := shut.http(v1("GET", "/things", "", "", ""), minute)
	if p := a.problem(t); p.Status != 401 || p.Code != "tokenMissing" || a.header.Get("WWW-Authenticate") != `Bearer realm="imagekeeper"` {
		t.Errorf("without a token: %+v %v", p, a.header)
	}
	if line := shut.logged(id, "audit"); line["decision"] != "refused" || line["operation"] != "sample.things" || line["level"] != "WARN" {
		t.Errorf("audit: %v", line)
	}
	token := first.Token(granted("viewer"))
	if _, a := shut.http(v1("GET", "/things", "", `"authorization":"Bearer `+token+`"`, ""), minute); a.status != 200 {
		t.Errorf("with a token: %d %s", a.status, a.body)
	}
	if said := strings.Join(shut.stdout.lines(), "\n"); strings.Contains(said, `"msg":"access"`) || strings.Contains(said, token[:20]) {
		t.Errorf("said: %s", said)
	}
	half := start(t, false, "PORTAL_ISSUER="+issuer)
	if _, a := half.http(v1("GET", "/things", "", "", ""), minute); a.problem(t).Code != "configuration" || !strings.Contains(a.body, "PORTAL_JWKS, PORTAL_AUDIENCE") {
		t.Errorf("set in part: %s", a.body)
	}
}

// BenchmarkGuard is what a start pays for knowing who may call.
func BenchmarkGuard(b *testing.B) {
	first, second, _ := keys(b)
	for name, environment := range map[string]map[string]string{"nobody": nil, "two keys": portal(first, second)} {
		f, look := sample(), from(environment)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f.Guard(look); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Who may do what, and how a caller is refused.
func ExampleFunction_Guard() {
	type change struct {
		Name  string `json:"name"`
		Apply bool   `json:"apply"`
	}
	f := function.New("shelf", function.Handle(
		function.Spec{Name: "shelf.change", Pattern: "PUT /shelves/{name}", ApplyRole: function.Operator},
		func(_ context.Context, call function.Call, in change) (greeting, error) {
			return greeting{Hello: call.Caller.Subject}, nil
		},
	)).Audit(func(_ context.Context, r function.AuditRecord) {
		fmt.Println("audit:", r.Caller.Subject, r.Operation, r.Role, r.Decision, r.Code)
	})
	environment := map[string]string{"SYSTEM_ROLES": "viewer"}
	if err := f.Guard(func(name string) (string, bool) { value, ok := environment[name]; return value, ok }); err != nil {
		fmt.Println(err)
	}
	for _, body := range []string{`{}`, `{"apply":true}`} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest("PUT", "/shelves/a", strings.NewReader(body)))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	for _, cell := range f.Matrix() {
		if cell.Allowed && cell.Apply {
			fmt.Println(cell.Role, "may apply", cell.Operation)
		}
	}
	// Output:
	// 200 {"hello":"anonymous"}
	// audit: anonymous shelf.change operator refused roleMissing
	// 403 {"type":"about:blank","title":"Forbidden","status":403,"code":"roleMissing","detail":"this needs the role operator; the caller has viewer"}
	// operator may apply shelf.change
}

// TestGuardTwice: another environment replaces the first, as tests use it.
func TestGuardTwice(t *testing.T) {
	t.Parallel()
	first, second, _ := keys(t)
	g := guard(t, sample(), portal(first))
	r := request{method: "GET", target: "/things", header: withToken(second.Token(granted("viewer")))}
	if a := g.handled(t, r); a.status != 401 {
		t.Errorf("the other key: %d", a.status)
	}
	if err := g.Guard(from(portal(second))); err != nil {
		t.Fatal(err)
	}
	if a := g.handled(t, r); a.status != 200 {
		t.Errorf("the same key: %d", a.status)
	}
	if err := g.Guard(from(map[string]string{"SYSTEM_ROLES": "x"})); err == nil {
		t.Error("accepted")
	}
	if a := g.handled(t, r); a.status != 200 {
		t.Errorf("a failed Guard changed who may call: %d", a.status)
	}
	grant := granted("viewer")
	grant.From = time.Now().Add(-2 * time.Hour)
	r.header = withToken(second.Token(grant))
	if a := g.handled(t, r); a.problem(t).Code != "tokenExpired" {
		t.Errorf("an old token: %s", a.body)
	}
}
