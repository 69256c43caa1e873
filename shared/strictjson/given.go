package strictjson

import (
	"reflect"
	"strings"

	"imagekeeper/shared/fault"
)

// The rule of inputs: what is given counts. A list, an object or a text that is
// given and empty, a zero and a null would read as "left out", and a wish that
// says "none of these" would become one that says "any". So a field for which
// nothing is a value says so by its type: a pointer, or a list that is required.

// isZero is what is wrong with a number.
const isZero = "is 0, which is nothing here"

// Nothing says in words why v, the value that a field was given, could not be
// told from one that was left out; empty: it can. A pointer and a boolean always
// can: the one is nil only if it was left out, of the other false is the default.
func Nothing(v reflect.Value) string {
	switch kind := v.Kind(); {
	case kind == reflect.Pointer, kind == reflect.Interface, kind == reflect.Bool:
		return ""
	case kind == reflect.String:
		return Blank(v.String())
	case kind == reflect.Slice, kind == reflect.Map:
		return emptyIf(v.Len() == 0)
	case kind == reflect.Struct, kind == reflect.Array:
		return zero(v)
	}
	if v.IsZero() {
		return isZero
	}
	return ""
}

// Blank says why a text says nothing: it consists of no letters, or of blanks.
func Blank(text string) string { return emptyIf(strings.TrimSpace(text) == "") }

func emptyIf(empty bool) string {
	if empty {
		return "is empty"
	}
	return ""
}

// zero is Nothing for what reads itself: it knows best.
func zero(v reflect.Value) string {
	own, ok := v.Interface().(interface{ IsZero() bool })
	if ok && own.IsZero() || !ok && v.IsZero() {
		return "is nothing here"
	}
	return ""
}

// NothingGiven is the refusal of a field that was given why it is nothing.
func NothingGiven(field, why string, required bool) *fault.Error {
	if required {
		return fault.InField(field, CodeEmpty, "%s, and a value is needed", why)
	}
	return fault.InField(field, CodeEmpty, "%s; give it a value, or leave it out", why)
}

// Required reports whether f has to be given, by its validate tag.
func Required(f Field) bool {
	own, _, _ := strings.Cut(f.Go.Tag.Get("validate"), ",dive")
	for rule := range strings.SplitSeq(own, ",") {
		if rule == "required" {
			return true
		}
	}
	return false
}

// Tellable reports whether f, given an empty value, can be told from one that is
// left out.
func Tellable(f Field) bool {
	switch f.Type.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Bool:
		return true
	case reflect.Slice, reflect.Map:
		return Required(f)
	}
	return false
}
