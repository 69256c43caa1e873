// Package strictjson decodes JSON into Go types and refuses what encoding/json
// lets through: duplicate keys, keys in another case, unknown keys, numbers
// that lose digits, broken Unicode, NUL, deep nesting and, in what somebody asks
// for, what is given and empty. Every refusal names the place, e.g.
// "accounts[2].until".
package strictjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"imagekeeper/shared/fault"
)

// MaxDepth is how many objects and arrays may be nested in each other.
const MaxDepth = 32

// The codes of refusals; their kind is fault.Invalid.
const (
	CodeMalformed = "malformedJson"    // not one JSON document
	CodeDuplicate = "duplicateField"   // a key twice in one object
	CodeCase      = "otherCase"        // a known key in another case
	CodeUnknown   = "unknownField"     // a key the type does not have
	CodeDepth     = "tooDeep"          // more than MaxDepth levels
	CodeText      = "invalidCharacter" // broken UTF-8 or UTF-16, or NUL
	CodeNumber    = "numberRange"      // a number the type cannot hold exactly
	CodeType      = "wrongType"        // another JSON type than the field's
	CodeValue     = "invalidValue"     // refused by the type's own decoding
	CodeEmpty     = "emptyValue"       // given, and the same as left out; inputs only
)

// Decode fills into, a pointer, from raw, which must be exactly one document.
// What Decode accepts, encoding/json accepts with the same result. The
// failure is a *fault.Error of kind Invalid whose Field is the place, empty for
// the whole document; its sentence contains no part of the document but keys.
func Decode(raw []byte, into any) error { return decode(raw, into, false) }

// DecodeInput is Decode for what somebody asks for, in which what is given
// counts: it refuses also null, lists, objects and texts that are empty, and
// zeros, wherever they could not be told from left out; see Nothing.
func DecodeInput(raw []byte, into any) error { return decode(raw, into, true) }

func decode(raw []byte, into any, asked bool) error {
	if err := check(raw, reflect.TypeOf(into).Elem(), asked); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return refusedByJSON(err)
	}
	return nil
}

// Check is Decode without decoding: the refusals for a document that is to
// become a t. A nil t, and an interface type, take any JSON value; so does
// json.RawMessage, in which numbers may be of any length.
func Check(raw []byte, t reflect.Type) error { return check(raw, t, false) }

func check(raw []byte, t reflect.Type, asked bool) error {
	if !utf8.Valid(raw) {
		return fault.InField("", CodeText, "must be UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return refusedByJSON(err)
	}
	w := &walker{raw: raw, asked: asked, known: map[reflect.Type]*object{}}
	return w.value(t, nil, 0)
}

// Keys returns the keys of the top level of an object that Check accepted, and
// nothing for any other document.
func Keys(raw []byte) []string {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	return keys
}

// refusedByJSON translates what encoding/json says. Its own sentences are not
// passed on: they may quote the document.
func refusedByJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		e := fault.Wrap(fault.Invalid, err, "must be one JSON document: malformed at byte %d", syntax.Offset)
		return e.WithCode(CodeMalformed)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		e := fault.InField(kind.Field, CodeType, "must not be a JSON %s", kind.Value)
		e.Cause = err
		return e
	}
	return fault.Wrap(fault.Invalid, err, "must be valid JSON for this operation").WithCode(CodeMalformed)
}

// Time reads a time as RFC 3339 has it. It fails with fault.Invalid for
// anything else, also for what time.Parse takes beside it: an hour of one digit,
// a comma before the fraction, an offset of a whole day.
func Time(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	const hour, fraction = len("2006-01-02T15"), len("2006-01-02T15:04:05")
	if err == nil && (text[hour] != ':' || text[fraction] == ',' || strings.Contains(text[fraction:], "+24:") || strings.Contains(text[fraction:], "-24:")) {
		err = fault.New(fault.Invalid, "not a time of RFC 3339")
	}
	if err != nil {
		return time.Time{}, fault.Wrap(fault.Invalid, err, "must be a time as in 2026-01-31T12:00:00Z")
	}
	return at, nil
}
