package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/cloudsim"
	"imagekeeper/shared/cloudsim/company"
	"imagekeeper/shared/function"
	"imagekeeper/shared/function/functiontest"
)

// mistake is one thing that is sent, and what is to become of it.
type mistake struct {
	name, function string
	// event goes straight to the function; else request goes through the gateway.
	event   []byte
	request *functiontest.Request
	// status is what it is refused with; 0: that is the operation's to say.
	status []int
	// field begins the name of the field that is blamed; fields of a text that
	// cannot be read are not known.
	field string
	blame bool
}

// refused is a mistake that a field's value makes in a request that is right
// but for that.
func (f field) refused(d damage, forbidden, readable bool) mistake {
	m := mistake{name: fmt.Sprintf("%s %s %s: %s", f.op.name, f.in, f.name, d.name), function: f.op.function}
	if forbidden {
		m.status = []int{http.StatusBadRequest}
		m.field, m.blame = f.name, readable
	}
	if forbidden && f.in == "path" { // some are another path
		m.status = append(m.status, http.StatusNotFound)
	}
	return m
}

// mistakes are those of all fields of an operation in all forms of an event.
func (op *taking) mistakes() []mistake {
	var all []mistake
	for _, f := range op.fields {
		if f.in != "body" {
			all = append(all, f.inParameter()...)
		} else {
			all = append(all, f.inBody()...)
		}
	}
	for _, f := range op.direct {
		all = append(all, f.inDirectCall()...)
	}
	return fewAllowed(all)
}

// mostAllowed is how many values that a schema allows are tried of each field
// and form: they are work for the function and the cloud, and only show that no
// value makes it fail.
const mostAllowed = 8

func fewAllowed(all []mistake) []mistake {
	tried := map[string]int{}
	return slices.DeleteFunc(all, func(m mistake) bool {
		place, _, _ := strings.Cut(m.name, ": ")
		place += m.name[max(0, strings.LastIndex(m.name, ",")):]
		if len(m.status) > 0 {
			return false
		}
		tried[place]++
		return tried[place] > mostAllowed
	})
}

// inParameter damages a parameter.
func (f field) inParameter() []mistake {
	var all []mistake
	sent := 0
	add := func(d damage, forbidden bool, query ...functiontest.Pair) {
		r := f.op.request(f, d.value, query...)
		for way, event := range map[string][]byte{"v1": r.V1(), "2.0": r.V2()} {
			if way == "2.0" && (f.in == "path" || !d.always || sent%2 == 0) {
				continue // the same as in v1
			}
			m := f.refused(d, forbidden, f.in != "path")
			m.name, m.event = m.name+", "+way, event
			all = append(all, m)
		}
		if sent++; !d.always || sent%2 == 0 {
			return // the same as in v1
		}
		m := f.refused(d, forbidden, f.in != "path" && utf8.ValidString(d.value))
		m.name, m.request = m.name+", gateway", &r
		all = append(all, m)
	}
	for _, d := range f.texts() {
		forbidden := d.always || f.forbids(d.value)
		if f.in == "path" {
			if d.value = url.PathEscape(d.value); d.value == ".." {
				continue // another path
			}
			add(d, forbidden)
			continue
		}
		add(d, forbidden, functiontest.Pair{Name: f.name, Value: d.value})
	}
	if f.in == "path" {
		return all
	}
	good := fmt.Sprint(f.example())
	prefixed := len(f.keys) > 1
	if !prefixed { // a key alone is a question
		add(damage{name: "empty"}, true, functiontest.Pair{Name: f.name})
	}
	if !f.may("array") && !prefixed {
		r := f.op.request(f, "", functiontest.Pair{Name: f.name, Value: good}, functiontest.Pair{Name: f.name, Value: good})
		m := f.refused(damage{name: "twice"}, true, true)
		m.event = r.V2()
		all = append(all, m)
	}
	for _, name := range []string{strings.ToUpper(f.name), strings.ToUpper(f.name[:1]) + f.name[1:], f.name + "x", f.name + "[]", f.name + "\x1b", f.name + " ", " " + f.name} {
		if prefixed && strings.HasPrefix(name, f.name[:1]) && name != strings.ToUpper(f.name) {
			continue // another key
		}
		r := f.op.request(f, "", functiontest.Pair{Name: name, Value: good})
		m := f.refused(damage{name: fmt.Sprintf("called %q", name)}, true, true)
		m.event, m.field = r.V1(), strings.TrimSuffix(name, "\x1b")
		all = append(all, m)
	}
	return all
}

// request is a request of the operation that is right but for f, in whose place
// in the path segment is.
func (op *taking) request(f field, segment string, query ...functiontest.Pair) functiontest.Request {
	for _, other := range op.fields {
		if f.in == "query" && other.in == "query" && beside(f.name, other.name) && !op.inBody(other.name) {
			query = append(slices.Clone(query), functiontest.Pair{Name: other.name, Value: fmt.Sprint(other.example())})
		}
	}
	r := functiontest.Request{
		Method: op.method, Path: op.path, Query: query,
		Header: []functiontest.Pair{{Name: "Authorization", Value: "Bearer " + tokenSpot}, {Name: "Content-Type", Value: "application/json"}},
	}
	for _, other := range op.fields {
		if other.in != "path" {
			continue
		}
		text := fmt.Sprint(other.example())
		if other.name == f.name && f.in == "path" {
			text = segment
		}
		r.Path = strings.ReplaceAll(r.Path, "{"+other.name+"}", text)
	}
	if op.takesBody() && f.in != "body" {
		document := op.tree("body", field{}).(map[string]any)
		if f.in == "query" {
			delete(document, f.name) // it may be given once
		}
		r.Body = encoded(document)
	}
	return r
}

func (op *taking) takesBody() bool {
	return op.method != http.MethodGet && op.method != http.MethodDelete
}

// inBody reports whether the body may hold a field.
func (op *taking) inBody(name string) bool {
	return slices.ContainsFunc(op.fields, func(f field) bool { return f.in == "body" && f.name == name })
}

// tokenSpot is where the token of a stack's operator goes.
const tokenSpot = "@token@"

// spot is where a damaged value goes.
const spot = "\"@spot@\""

// inBody damages a member of the body. Bodies and direct calls are read by the
// same code, so each mistake is sent in one of them, and some of those in bodies
// through the gateway, too.
func (f field) inBody() []mistake {
	var all []mistake
	for n, d := range f.inJSON() {
		if n%2 == 0 {
			continue // in direct calls
		}
		r := f.op.request(f, "")
		r.Body = f.damaged("body", d.value)
		m := d.mistake
		m.name, m.event = m.name+", v1", r.V1()
		all = append(all, m)
		if utf8.Valid(r.Body) && n%4 == 1 {
			m = d.mistake
			m.name, m.request = m.name+", gateway", &r
			all = append(all, m)
		}
	}
	return all
}

// inDirectCall damages a member of the input.
func (f field) inDirectCall() []mistake {
	var all []mistake
	for n, d := range f.inJSON() {
		if f.op.takesBody() && n%2 == 1 {
			continue // in bodies
		}
		m := d.mistake
		m.name, m.event = m.name+", direct", functiontest.Direct(f.op.name, f.damaged("direct", d.value))
		all = append(all, m)
	}
	return all
}

// planned is a mistake, and what stands in the place of the value.
type planned struct {
	mistake
	value string
}

// inJSON are the mistakes of a member of an object, its key included: a value
// that begins with a quoted key and a colon replaces both.
func (f field) inJSON() []planned {
	var all []planned
	for _, d := range f.documents() {
		readable := json.Valid([]byte(d.value)) && utf8.ValidString(d.value)
		forbidden := d.always || f.rule.Validate(decoded(d.value)) != nil
		all = append(all, planned{f.refused(d, forbidden, readable), d.value})
	}
	key, isKey := f.keys[len(f.keys)-1].(string)
	if !isKey {
		return all
	}
	good := string(encoded(f.example()))
	above := strings.TrimSuffix(strings.TrimSuffix(f.name, key), ".")
	keys := map[string]string{
		"other case": `"` + strings.ToUpper(key[:1]) + key[1:] + `":` + good, "capitals": `"` + strings.ToUpper(key) + `":` + good,
		"unknown sibling": `"` + key + `":` + good + `,"` + key + `x":1`, "ESC in the key": `"` + key + `\u001b":1`, "a turned key": `"` + key + "\u202e" + `":1`,
		"twice": `"` + key + `":` + good + `,"` + key + `":` + good, "twice, once escaped": `"` + key + `":` + good + `,"\u00` + fmt.Sprintf("%x", key[0]) + key[1:] + `":` + good,
		"a long key": `"` + strings.Repeat(key, 1000) + `":1`, "prototype": `"__proto__":{"a":1}`,
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		m := f.refused(damage{name: name}, true, false)
		m.field, m.blame = above, above != ""
		all = append(all, planned{m, keys[name]})
	}
	if f.required {
		m := f.refused(damage{name: "missing"}, true, true)
		m.blame = false // the empty key may be blamed first
		all = append(all, planned{m, `"":""`})
	}
	return all
}

// damaged is a body, or the input of a direct call, with a value in f's place.
func (f field) damaged(form, value string) []byte {
	document := encoded(f.op.tree(form, f))
	key, isKey := f.keys[len(f.keys)-1].(string)
	if quoted := string(encoded(key)); isKey && strings.HasPrefix(value, `"`) && !json.Valid([]byte(value)) && strings.Contains(value, `":`) {
		return bytes.Replace(document, []byte(quoted+":"+spot), []byte(value), 1)
	}
	return bytes.Replace(document, []byte(spot), []byte(value), 1)
}

// tree is a right body, or input of a direct call, with the spot in target's place.
func (op *taking) tree(form string, target field) any {
	var root any = map[string]any{}
	fields := op.direct
	if form == "body" {
		fields = op.fields
	}
	for _, f := range fields {
		if f.in != form || !f.required && !beside(target.name, f.name) {
			continue
		}
		above := f.keys[:len(f.keys)-1]
		if len(above) <= len(target.keys) && slices.Equal(above, target.keys[:len(above)]) || len(above) == 0 {
			root = put(root, f.keys, f.example())
		}
	}
	if len(target.keys) > 0 {
		root = put(root, target.keys, "@spot@")
	}
	return root
}

// beside tells what must stand beside a field so that only the field can be
// blamed: its name is the end of the other's.
func beside(field, other string) bool {
	_, below, _ := strings.Cut(field, "questions[0].")
	needs := map[string]string{"periodUnit": "period", "preheatHours": "preheatDisks", "maxLicencePerHour": "instanceType"}
	_, last, _ := strings.Cut(other, "questions[0].")
	switch {
	case other == "imageId", other == "family":
		return true
	case below != "":
		return last == "imageId" || last != "" && last == needs[below]
	case needs[field] != "":
		return other == needs[field]
	}
	return false
}

// put sets what is at keys below root, and makes what is missing on the way.
func put(root any, keys []any, value any) any {
	if len(keys) == 0 {
		return value
	}
	key, isKey := keys[0].(string)
	if !isKey {
		list, _ := root.([]any)
		var first any
		if len(list) > 0 {
			first = list[0]
		}
		return []any{put(first, keys[1:], value)}
	}
	object, _ := root.(map[string]any)
	if object == nil {
		object = map[string]any{}
	}
	object[key] = put(object[key], keys[1:], value)
	return object
}

func encoded(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

// TestMistakes damages every field of every operation that the functions
// describe in every way, and sends each as an event of both platforms, through
// the gateway and as a direct call. What the schema forbids is refused with the
// right status, and the refusal names the field; nothing is a failure of the
// function, and no process dies of it.
func TestMistakes(t *testing.T) {
	t.Parallel()
	s := sturdy(t)
	sent := 0
	for _, op := range operations(t) {
		all := op.mistakes()
		if sent += len(all); len(all) == 0 {
			continue // it takes nothing
		}
		t.Run(op.name, func(t *testing.T) { s.makeAll(t, some(t, all, 120)) })
	}
	if sent < 5000 {
		t.Errorf("only %d mistakes", sent)
	}
	t.Logf("%d mistakes", sent)
}

// sturdy is a stack whose callers may do everything.
func sturdy(t *testing.T) *stack {
	t.Helper()
	everything := granted("")
	everything.Roles = nil
	for _, role := range function.Roles() {
		everything.Roles = append(everything.Roles, string(role))
	}
	s := start(t, options{
		sim: company.New(cloudsim.Options{Seed: 1}, company.Options{}), rate: -1, timeout: 20 * time.Second, idle: time.Hour,
		environment: map[string]string{
			"JOURNAL": "dir://" + filepath.ToSlash(t.TempDir()), "REGIONS": "cn-hangzhou", "ACCOUNTS": "", "ECS_RATE_SHARE": "1000",
			"SYSTEM_ROLES": strings.Join(everything.Roles, ","),
		},
	})
	trusted, err := issuers()
	if err != nil {
		t.Fatal(err)
	}
	s.tokens[function.Operator] = trusted[0].Token(everything)
	return s
}

// atOnce is how many are sent at once; each is an instance of a function.
const atOnce = 4

// makeAll sends mistakes, and fails the test for each that is taken otherwise.
func (s *stack) makeAll(t *testing.T, all []mistake) {
	t.Helper()
	before := s.pids(t, all[0].function)
	work := make(chan mistake)
	var wait sync.WaitGroup
	for range atOnce {
		wait.Go(func() {
			for m := range work {
				if err := s.judge(m); err != nil {
					t.Errorf("%s: %v", m.name, err)
				}
			}
		})
	}
	for _, m := range all {
		work <- m
	}
	close(work)
	wait.Wait()
	after := s.pids(t, all[0].function)
	for _, pid := range before {
		if !slices.Contains(after, pid) {
			t.Errorf("process %d is gone", pid)
		}
	}
}

// pids are the processes of a function.
func (s *stack) pids(t *testing.T, function string) []int {
	t.Helper()
	var told struct {
		Functions []struct {
			Function  string
			Instances []struct{ PID int }
		}
	}
	_, body := s.get("/_local/functions")
	if err := json.Unmarshal(body, &told); err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, f := range told.Functions {
		for _, i := range f.Instances {
			if f.Function != function {
				continue
			}
			all = append(all, i.PID)
		}
	}
	return all
}

// judge sends one mistake and says what is wrong with the answer.
func (s *stack) judge(m mistake) error {
	a, err := s.attempt(m)
	switch {
	case err != nil:
		return err
	case a.Status >= http.StatusInternalServerError:
		return fmt.Errorf("%d %.300s", a.Status, a.Body)
	case len(m.status) == 0:
		if a.Status == http.StatusBadRequest && a.Problem.Field == "" && len(a.Problem.Errors) == 0 {
			return fmt.Errorf("no field is blamed: %+v", *a.Problem)
		}
		return nil
	case !slices.Contains(m.status, a.Status) || a.Problem == nil:
		return fmt.Errorf("got %d, want %v: %.300s", a.Status, m.status, a.Body)
	case m.blame && !a.blames(m.field):
		return fmt.Errorf("%q is blamed, not %s: %s", a.Problem.Field, m.field, a.Problem.Detail)
	}
	return nil
}

// taken is what came of a mistake.
type taken struct{ functiontest.Answer }

// blames reports whether a field or something below it is named.
func (a taken) blames(field string) bool {
	below := func(name string) bool {
		rest, found := strings.CutPrefix(name, field)
		return found && (rest == "" || rest[0] == '[' || rest[0] == '.')
	}
	if below(a.Problem.Field) {
		return true
	}
	for _, e := range a.Problem.Errors {
		if below(e.Field) {
			return true
		}
	}
	return false
}

func (s *stack) attempt(m mistake) (taken, error) {
	if m.request != nil {
		return s.through(*m.request)
	}
	event := bytes.Replace(m.event, []byte(tokenSpot), []byte(s.tokens[function.Operator]), 1)
	request, err := http.NewRequest(http.MethodPost, s.gateway+"/_local/invoke/"+m.function, bytes.NewReader(event))
	if err != nil {
		return taken{}, err
	}
	status, body := s.send(request)
	if status != http.StatusOK {
		return taken{}, fmt.Errorf("the platform answers %d %s", status, body)
	}
	a, err := functiontest.Read(body, "local-secret", s.tokens[function.Operator])
	return alone(taken{a}), err
}

// through sends a request to the gateway as an operator.
func (s *stack) through(r functiontest.Request) (taken, error) {
	target := s.gateway + r.Path
	for n, p := range r.Query {
		target += string("?&"[min(n, 1)]) + url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
	}
	request, err := http.NewRequest(r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return taken{}, err
	}
	for _, p := range r.Header {
		request.Header.Set(p.Name, strings.ReplaceAll(p.Value, tokenSpot, s.tokens[function.Operator]))
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return taken{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return taken{}, err
	}
	header := map[string]string{}
	for name, values := range answer.Header {
		header[name] = strings.Join(values, ", ")
	}
	event, err := json.Marshal(map[string]any{"statusCode": answer.StatusCode, "headers": header, "body": string(body)})
	if err != nil {
		return taken{}, err
	}
	a, err := functiontest.Read(event, "local-secret", s.tokens[function.Operator])
	return alone(taken{a}), err
}

// alone takes the refusal of the first of several questions, each of which is
// answered or refused on its own, for the answer.
func alone(a taken) taken {
	var several struct {
		Items []struct{ Problem *functiontest.Problem }
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &several) != nil || len(several.Items) == 0 || several.Items[0].Problem == nil {
		return a
	}
	p := *several.Items[0].Problem
	p.Field = "questions[0]." + p.Field
	a.Status, a.Problem = p.Status, &p
	return a
}
