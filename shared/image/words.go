package image

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Tri is an answer that may be missing. The zero value is Unknown, so what was
// not said is never taken for no.
type Tri uint8

// The three answers.
const (
	Unknown Tri = iota
	No
	Yes
)

// TriOf turns a known answer into a Tri.
func TriOf(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// String is "unknown", "no" or "yes".
func (t Tri) String() string {
	switch t {
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return "unknown"
}

// MarshalJSON writes true, false or null.
func (t Tri) MarshalJSON() ([]byte, error) {
	switch t {
	case Yes:
		return []byte("true"), nil
	case No:
		return []byte("false"), nil
	}
	return []byte("null"), nil
}

// JSONSchema is the form of what MarshalJSON writes, as JSON Schema 2020-12.
func (t Tri) JSONSchema() map[string]any {
	return map[string]any{"type": []string{"boolean", "null"}, "description": "null: not known"}
}

// UnmarshalJSON reads true, false or null; anything else is Unknown.
func (t *Tri) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		*t = Yes
	case "false":
		*t = No
	default:
		*t = Unknown
	}
	return nil
}

// Tags are an object's tags. ECS has at most one value for a key.
type Tags map[string]string

// Keys returns the keys in order.
func (t Tags) Keys() []string { return slices.Sorted(maps.Keys(t)) }

// Reason is why a verdict is what it is: a stable code, and a sentence for people.
type Reason struct {
	// Code: stable; what programs act on.
	Code string `json:"code"`
	// Sentence: for people.
	Sentence string `json:"sentence"`
}

// Newest orders images newest first; ties are broken by name, region, id and
// account, so that the order is total over distinct Refs.
func Newest(a, b Image) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), ByName(a, b))
}

// ByName orders images by name, then region, id and account.
func ByName(a, b Image) int {
	return cmp.Or(
		strings.Compare(a.Name, b.Name),
		strings.Compare(string(a.Region), string(b.Region)),
		strings.Compare(string(a.ID), string(b.ID)),
		strings.Compare(string(a.Account), string(b.Account)),
	)
}
