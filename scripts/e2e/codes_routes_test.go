package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/functiontest"
)

// routeMistake is one mistake, as it is made on every route that has a place for it,
// and what is answered by all of them. The routes are those that the functions
// describe: a new one is asked without being named here.
type routeMistake struct {
	name string
	// in is where it is: "query", "path", "body" and others; at is the parameter that has
	// to be there.
	in, at string
	// value is what stands there.
	value string
	// want is status and code, and field what is blamed: empty for at, "-" for nothing,
	// "*" for whatever it is.
	want, field string
	// right is an operation of which it is none: a filter by what nobody has.
	right string
}

func routeMistakes() []routeMistake {
	all := []routeMistake{
		{in: "query", at: "region", value: "cn-hangzhou%ff", want: "400 invalidCharacter"},
		{in: "query", at: "region", value: "%09", want: "400 invalidCharacter"},
		{in: "query", at: "region", value: "CN", want: "400 regionid"},
		{in: "query", at: "region", value: "%20", want: "400 emptyValue"},
		{in: "query", at: "region", value: "cn-shanghai", want: "400 unknownRegion"},
		{in: "query", at: "region", value: "eu-nowhere-1", want: "400 unknownRegion"},
		{in: "query", at: "region", value: "", want: "400 emptyValue"},
		{in: "query", at: "region", value: "cn-hangzhou&REGION=cn-hangzhou", want: "400 otherCase", field: "REGION"},
		{in: "query", at: "account", value: "x", want: "400 accountid"},
		{in: "query", at: "account", value: "0000000000000001", want: "400 accountid"},
		{in: "query", at: "account", value: "1000000000000099", want: "400 unknownAccount"},
		{in: "query", at: "limit", value: "0", want: "400 min"},
		{in: "query", at: "limit", value: "-1", want: "400 min"},
		{in: "query", at: "limit", value: "1000000", want: "400 max"},
		{in: "query", at: "limit", value: "99999999999999999999", want: "400 invalidValue"},
		{in: "query", at: "limit", value: "ten", want: "400 invalidValue"},
		{in: "query", at: "limit", value: "", want: "400 emptyValue"},
		{in: "query", at: "limit", value: "1,2", want: "400 duplicateField"},
		{in: "query", at: "limit", value: "1e1", want: "400 invalidValue"},
		{in: "query", at: "limit", value: "2&limit=3", want: "400 duplicateField"},
		{in: "query", at: "cursor", value: "!", want: "400 cursorMalformed"},
		{in: "query", at: "cursor", value: "eyJhIjoxfQ", want: "400 cursorMalformed"},
		{in: "query", at: "cursor", value: strings.Repeat("a", 5000), want: "400 max"},
		{in: "query", at: "format", value: "CSV", want: "400 oneof"},
		{in: "query", at: "fields", value: "imageId,imageId&format=csv", want: "400 duplicate"},
		{in: "query", at: "fields", value: "nothing&format=csv", want: "400 invalidValue"},
		{in: "query", at: "fields", value: ",&format=csv", want: "400 emptyValue"},
		{in: "query", at: "maxAge", value: "-1", want: "400 min"},
		{in: "query", at: "maxAge", value: "99999999", want: "400 max"},
		{in: "query", at: "maxAge", value: "1.5", want: "400 invalidValue"},
		{in: "query", at: "state", value: "nothing", want: "400 oneof"},
		{in: "query", at: "since", value: "yesterday", want: "400 invalidValue"},
		{in: "query", at: "kind", value: "nothing", want: "400 oneof"},
		{in: "query", at: "sort", value: "nothing", want: "400 oneof"},
		{in: "query", at: "instanceType", value: "a%20b", want: "400 instancetype"},
		{in: "query", at: "instanceType", value: "ecs.nothing.large", want: "400 unknownInstanceType", right: "find.instances"},
		{in: "query", at: "owner", value: "x", want: "400 accountid"},
		{in: "path", at: "imageId", value: "a%20b", want: "400 imageid"},
		{in: "path", at: "imageId", value: "m-a%2Fb", want: "400 imageid"},
		{in: "path", at: "imageId", value: "m-" + strings.Repeat("a", 300), want: "400 imageid"},
		{in: "path", at: "imageId", value: "m-bp1nosuchimage00000000", want: "404 notFound", field: "-"},
		{in: "path", at: "imageId", value: "m-%ff", want: "400 invalidCharacter"},
		{in: "path", at: "imageId", value: "m-%09", want: "400 invalidCharacter", field: "-"},
		{in: "path", at: "imageId", value: "m-%00", want: "400 invalidCharacter", field: "-"},
		{in: "path", at: "family", value: "web-*", want: "400 family"},
		{in: "path", at: "family", value: "%20", want: "400 emptyValue"},
		{in: "path", at: "id", value: "a%20b", want: "400 workid"},
		{in: "path", at: "id", value: "0123456789abcdef0123", want: "404 notFound", field: "-"},
		{in: "path", at: "id", value: strings.Repeat("a", 300), want: "400 workid"},
		{in: "route", value: "?nothing=1", want: "400 unknownField", field: "nothing"},
		{in: "route", value: "?a%00b=1", want: "400 invalidCharacter"},
		{in: "token", value: "", want: "401 tokenMissing"},
		{in: "token", value: "Basic YTpi", want: "401 tokenMissing"},
		{in: "token", value: "Bearer nonsense", want: "401 tokenMalformed"},
		{in: "token", value: "over", want: "401 tokenExpired"},
		{in: "token", value: "nobody", want: "403 roleMissing"},
		{in: "method", value: "PROPFIND", want: "405 methodNotAllowed"},
		{in: "no body", value: "{}", want: "400 body"},
		{in: "body", value: "nothing", want: "400 malformedJson"},
		{in: "body", value: "{}{}", want: "400 malformedJson"},
		{in: "body", value: "\ufeff{}", want: "400 malformedJson"},
		{in: "body", value: "[]", want: "400 wrongType"},
		{in: "body", value: "null", want: "400 wrongType"},
		{in: "body", value: "{\"nothing\":1}", want: "400 unknownField", field: "nothing"},
		{in: "body", value: "{\"a\\u0000b\":1}", want: "400 invalidCharacter"},
		{in: "body", value: strings.Repeat(" ", 257<<10) + "{}", want: "413 bodyTooLarge"},
		{in: "twice", want: "400 duplicateField", field: "*"},
		{in: "type", value: "text/plain", want: "415 mediaType", field: "Content-Type"},
		{in: "type", value: "application/x-www-form-urlencoded", want: "415 mediaType", field: "Content-Type"},
	}
	for n, m := range all {
		all[n].name = fmt.Sprintf("%s %s=%.40q", m.in, m.at, m.value)
	}
	return all
}

// made makes the mistake in a request of an operation that is right; it cannot where the
// operation has no place for it.
func (m routeMistake) made(op *taking, bodies []written) (r functiontest.Request, can bool) {
	has := func(in, name string) bool {
		return slices.ContainsFunc(op.fields, func(f field) bool { return f.in == in && f.name == name })
	}
	bin := strings.HasPrefix(op.path, "/bin/") // its ids are those of images
	r = op.request(field{}, "")
	if m.in == "path" {
		r = op.request(field{in: "path", name: m.at}, m.value)
	}
	if n := slices.IndexFunc(bodies, func(w written) bool { return w.operation == op.name }); n >= 0 {
		var right object
		_ = json.Unmarshal([]byte(bodies[n].body), &right) // written by hand
		delete(right, m.at)                                // it may be given once
		r.Body = encoded(right)
	}
	switch m.in {
	case "query":
		r.Path += "?" + m.at + "=" + m.value
		return r, has("query", m.at) && op.function != "portal"
	case "path":
		return r, has("path", m.at) && !bin
	case "twice":
		r.Body = twice(r.Body)
		return r, len(r.Body) > 0
	case "body":
		r.Body = []byte(m.value)
		return r, op.takesBody()
	case "no body":
		r.Body = []byte(m.value)
		return r, !op.takesBody()
	case "type":
		r.Header = []functiontest.Pair{{Name: "Content-Type", Value: m.value}}
		return r, op.takesBody()
	case "token":
		return r, op.function != "portal"
	case "method":
		r.Method = m.value
		return r, true
	}
	r.Path += m.value
	return r, true
}

// twice is a body with one of its members a second time; nothing if it has none.
func twice(body []byte) []byte {
	var right map[string]json.RawMessage
	_ = json.Unmarshal(body, &right) // of a request without a body there is none
	for name, value := range right {
		return fmt.Appendf(nil, "{%s:%s,%s", encoded(name), value, body[1:])
	}
	return nil
}

// TestTheSameMistakeHasTheSameCode on every route of every function, and names the same
// field.
func TestTheSameMistakeHasTheSameCode(t *testing.T) {
	t.Parallel()
	s, operations := sturdy(t), operations(t)
	bodies := writers("m-bp1p3iw05ysr6wic1ldo", "web-base")
	s.inMembers(t, bodies)
	for _, m := range routeMistakes() {
		made := 0
		for _, op := range operations {
			r, can := m.made(op, bodies)
			if !can || op.name == m.right {
				continue
			}
			if made++; made == 1 {
				s.byEvents(t, m, op, r)
			}
			if got, field := s.toldOf(t, m, r); got != m.want || field != m.blamed() && (m.field != "*" || field == "") {
				t.Errorf("%s: %s: %s of %q, want %s of %q", m.name, op.name, got, field, m.want, m.blamed())
			}
		}
		if made == 0 {
			t.Errorf("%s is made nowhere", m.name)
		}
	}
}

// blamed is the field that is to be named.
func (m routeMistake) blamed() string {
	switch {
	case m.field == "-":
		return ""
	case m.field != "":
		return m.field
	}
	return m.at
}

// byEvents sends a request as both platforms hand it over, where it can be told as their
// events have it: what is answered is the same.
func (s *stack) byEvents(t *testing.T, m routeMistake, op *taking, r functiontest.Request) {
	t.Helper()
	if m.in == "query" || m.in == "token" || m.in == "route" {
		return
	}
	if m.in == "type" {
		r.Header = append(r.Header, functiontest.Pair{Name: "Authorization", Value: "Bearer " + tokenSpot})
	}
	for way, event := range map[string][]byte{"the trigger of Function Compute": r.V1(), "a function URL": r.V2()} {
		a, err := s.attempt(mistake{function: op.function, event: event})
		if err != nil || a.Problem == nil {
			t.Errorf("%s: %s by %s: %d %.300s, %v", m.name, op.name, way, a.Status, a.Body, err)
			continue
		}
		if got, field := fmt.Sprint(a.Status, " ", a.Problem.Code), a.Problem.Field; got != m.want || field != m.blamed() && m.field != "*" {
			t.Errorf("%s: %s by %s: %s of %q, want %s of %q", m.name, op.name, way, got, field, m.want, m.blamed())
		}
	}
}

// presented is what is shown for a token: one whose time is over, that of somebody
// without a role, or the text itself.
func (s *stack) presented(t *testing.T, what string) string {
	t.Helper()
	trusted, err := issuers()
	if err != nil {
		t.Fatal(err)
	}
	who := granted(function.Operator)
	switch what {
	case "over":
		who.From = who.From.Add(-2 * who.For)
	case "nobody":
		who.Roles = []string{"guest"}
	default:
		return what
	}
	return "Bearer " + trusted[0].Token(who)
}

// toldOf sends a request with a mistake in it and returns status, code and field.
func (s *stack) toldOf(t *testing.T, m routeMistake, r functiontest.Request) (code, field string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.Method, s.gateway+r.Path, strings.NewReader(string(r.Body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.tokens[function.Operator])
	if m.in == "token" {
		request.Header.Set("Authorization", s.presented(t, m.value))
	}
	for _, p := range r.Header {
		if p.Name == "Content-Type" && len(r.Body) > 0 {
			request.Header.Set(p.Name, p.Value)
		}
	}
	status, answer := s.send(request)
	var problem struct{ Code, Field string }
	if err := json.Unmarshal(answer, &problem); err != nil {
		t.Errorf("%s: %s %s: %d %.300s", m.name, r.Method, r.Path, status, answer)
	}
	return fmt.Sprint(status, " ", problem.Code), problem.Field
}
