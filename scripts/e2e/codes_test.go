package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"imagekeeper/shared/function"
)

// sameMistake is one mistake, as it is made wherever it can be.
type sameMistake struct {
	name string
	// parameter is what has to be there for it; empty: the route is enough.
	parameter string
	// value is what is wrong with the parameter.
	value string
	// image is an id to put for the right one.
	image string
	// method is another one than the route's.
	method string
	// token is the one to come with, "-" none.
	token string
	// inBodies is what stands in the place of the members that it says, of a mistake
	// that is none of a parameter.
	inBodies func(member any) (wrong any, can bool)
}

func sameMistakes() []sameMistake {
	return []sameMistake{
		{name: "a region that is none", parameter: "region", value: "CN"},
		{name: "a region that is not looked at", parameter: "region", value: "cn-shanghai"},
		{name: "a region that does not exist", parameter: "region", value: "eu-nowhere-1"},
		{name: "an account that is none", parameter: "account", value: "x"},
		{name: "an account that is not looked at", parameter: "account", value: "1000000000000099"},
		{name: "an empty parameter", parameter: "region", value: ""},
		{name: "a parameter of blanks", parameter: "region", value: "%20"},
		{name: "another case", parameter: "region", value: "cn-hangzhou&REGION=cn-hangzhou"},
		{name: "a parameter that is not known", parameter: "region", value: "cn-hangzhou&nothing=1"},
		{name: "a limit of zero", parameter: "limit", value: "0"},
		{name: "a limit that is no number", parameter: "limit", value: "ten"},
		{name: "a limit twice", parameter: "limit", value: "1,2"},
		{name: "a format that is none", parameter: "format", value: "xml"},
		{name: "a cursor that is none", parameter: "cursor", value: "!"},
		{name: "a control character", parameter: "region", value: "a%00b"},
		{name: "no such image", image: "m-bp1nosuchimage00000000"},
		{name: "an image id that is none", image: "a%20b"},
		{name: "no token", token: "-"},
		{name: "a token that is none", token: "nonsense"},
		{name: "another method", method: http.MethodDelete},
		{name: "null", inBodies: func(any) (any, bool) { return nil, true }},
		{name: "an empty text", inBodies: func(m any) (any, bool) { _, text := m.(string); return "", text }},
		{name: "an empty list", inBodies: func(m any) (any, bool) { _, list := m.([]any); return []any{}, list }},
		{name: "an object for a text", inBodies: func(m any) (any, bool) { _, text := m.(string); return object{"a": "b"}, text }},
		{name: "a boolean for a text", inBodies: func(m any) (any, bool) { _, text := m.(string); return true, text }},
		{name: "a member that is not known", inBodies: withMember("nothing")},
		{name: "a member in capitals", inBodies: func(m any) (any, bool) {
			o, ok := m.(object)
			for name := range o {
				return object{strings.ToUpper(name): o[name]}, ok && name != "cn-hangzhou" && name != "team"
			}
			return nil, false
		}},
	}
}

// withMember puts a member beside those that are there.
func withMember(name string) func(any) (any, bool) {
	return func(m any) (any, bool) {
		o, is := m.(object)
		if !is || o["cn-hangzhou"] != nil || o["team"] != nil { // whose names are anybody's
			return nil, false
		}
		o = maps.Clone(o)
		o[name] = 1
		return o, true
	}
}

// TestTheSameMistakeHasTheSameCode on every route of every function.
func TestTheSameMistakeHasTheSameCode(t *testing.T) {
	t.Parallel()
	s, id, family := documented(t)
	takes := map[string]map[string]bool{}
	for _, op := range operations(t) {
		takes[op.name] = map[string]bool{}
		for _, f := range op.fields {
			if f.in == "query" {
				takes[op.name][f.name] = true
			}
		}
	}
	bodies := writers(id, family)
	for _, m := range sameMistakes() {
		codes := map[string][]string{} // status and code -> operations
		for _, place := range m.places(bodies) {
			code := s.mistakenIn(t, m, place)
			codes[code] = append(codes[code], place.member+" of "+place.operation)
		}
		for _, r := range right(id, family) {
			if owner(r.operation) == "portal" {
				continue // the page asks nobody who it is
			}
			if m.parameter != "" && !takes[r.operation][m.parameter] || m.image != "" && !strings.Contains(r.target, id) {
				continue
			}
			if m.inBodies != nil {
				continue
			}
			status, code := s.mistaken(t, m, r, id)
			codes[fmt.Sprint(status, " ", code)] = append(codes[fmt.Sprint(status, " ", code)], r.operation)
		}
		if len(codes) != 1 {
			for _, code := range slices.Sorted(maps.Keys(codes)) {
				t.Errorf("%s: %s of %s", m.name, code, strings.Join(codes[code], ", "))
			}
		}
	}
}

// mistaken makes a mistake in a request that is right, and returns what comes.
func (s *stack) mistaken(t *testing.T, m sameMistake, r asked, id string) (status int, code string) {
	t.Helper()
	target, method := r.target, r.method
	if m.image != "" {
		target = strings.ReplaceAll(target, id, m.image)
	}
	if m.parameter != "" {
		target = strings.ReplaceAll(target, "limit=3&", "") // which would be there twice
		between := "?"
		if strings.Contains(target, "?") {
			between = "&"
		}
		target += between + m.parameter + "=" + m.value
	}
	if m.method != "" {
		method = m.method
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.gateway+target, bytes.NewReader([]byte(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	switch m.token {
	case "":
		request.Header.Set("Authorization", "Bearer "+s.tokens[function.Operator])
	case "-":
	default:
		request.Header.Set("Authorization", "Bearer "+m.token)
	}
	status, answer := s.send(request)
	var problem struct{ Code string }
	if err := json.Unmarshal(answer, &problem); err != nil || status < 400 {
		t.Errorf("%s: %s %s: %d %.300s", m.name, method, target, status, answer)
	}
	return status, problem.Code
}
