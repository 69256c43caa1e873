package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// sameMistake is one mistake in a body, as it is made in whatever member it can be.
type sameMistake struct {
	name string
	// parameter is what the member names: a region or an account; value is what is
	// wrong with it.
	parameter, value string
	// image is an id to put for the right one.
	image string
	// inBodies is what stands in the place of any member.
	inBodies func(member any) (wrong any, can bool)
	// right are the members of which it is none: as in a query, where to look may be
	// said twice, and a question may be asked twice.
	right []string
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
		{name: "no such image", image: "m-bp1nosuchimage00000000"},
		{name: "an image id that is none", image: "a%20b"},
		{name: "null", inBodies: func(any) (any, bool) { return nil, true }},
		{name: "an empty text", inBodies: func(m any) (any, bool) { _, text := m.(string); return "", text }},
		{name: "an empty list", inBodies: func(m any) (any, bool) { _, list := m.([]any); return []any{}, list }},
		{name: "an object for a text", inBodies: func(m any) (any, bool) { _, text := m.(string); return object{"a": "b"}, text }},
		{name: "a boolean for a text", inBodies: func(m any) (any, bool) { _, text := m.(string); return true, text }},
		{name: "a number for a text", inBodies: func(m any) (any, bool) { _, text := m.(string); return 5, text }},
		{name: "a list for a text", inBodies: func(m any) (any, bool) { _, text := m.(string); return []any{"a"}, text }},
		{name: "an object for a list", inBodies: func(m any) (any, bool) { _, list := m.([]any); return object{"a": "b"}, list }},
		{name: "a text for an object", inBodies: func(m any) (any, bool) { _, is := m.(object); return "a", is }},
		{name: "a control character", inBodies: func(m any) (any, bool) { _, text := m.(string); return "a\x01b", text }},
		{name: "a turned text", inBodies: func(m any) (any, bool) { _, text := m.(string); return "a\u202eb", text }},
		{name: "null in a list", inBodies: func(m any) (any, bool) { list, is := m.([]any); return append(slices.Clone(list), nil), is }},
		{name: "an entry twice", right: []string{"select.region", "select.account", "select.family", "questions", "health"}, inBodies: func(m any) (any, bool) {
			list, is := m.([]any)
			return append(slices.Clone(list), list...), is
		}},
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

// inMembers makes each mistake in every member of a body that has a place for it.
func (s *stack) inMembers(t *testing.T, bodies []written) {
	t.Helper()
	for _, m := range sameMistakes() {
		codes := map[string][]string{} // status and code -> operations
		for _, place := range m.places(bodies) {
			code := s.mistakenIn(t, m, place)
			codes[code] = append(codes[code], place.member+" of "+place.operation)
		}
		if len(codes) != 1 {
			for _, code := range slices.Sorted(maps.Keys(codes)) {
				t.Errorf("%s: %s of %s", m.name, code, strings.Join(codes[code], ", "))
			}
		}
	}
}
