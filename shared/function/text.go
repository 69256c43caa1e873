package function

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// The codes of refusals that this package makes, beside those of strictjson
// and the names of validation rules.
const (
	codeValue         = "invalidValue"
	codeCharacter     = "invalidCharacter"
	codeRepeated      = "duplicateField"
	codeCase          = "otherCase"
	codeBody          = "body"
	codeMedia         = "mediaType"
	codeTooLarge      = "bodyTooLarge"
	codeAnswer        = "answerTooLarge"
	codeEvent         = "unrecognisedEvent"
	codeRoute         = "noSuchRoute"
	codeMethod        = "methodNotAllowed"
	codeOperation     = "noSuchOperation"
	codeDeadline      = "deadlineExceeded"
	codeConfiguration = "configuration"
)

// readable reports whether values of type t can be written as one parameter:
// a scalar, or a list of scalars.
func readable(t reflect.Type) bool {
	if scalar(t) {
		return true
	}
	return t.Kind() == reflect.Slice && scalar(t.Elem())
}

func scalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if selfReading(t) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return true
	}
	return false
}

func selfReading(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// setText fills v, of a readable type, from text. A list is a comma list.
func setText(v reflect.Value, field, text string) error {
	if err := plain(field, text); err != nil {
		return err
	}
	if v.Kind() != reflect.Slice || selfReading(v.Type()) {
		return setScalar(v, field, text)
	}
	if text == "" {
		return setScalar(v, field, text) // which says so
	}
	parts := strings.Split(text, ",")
	list := reflect.MakeSlice(v.Type(), len(parts), len(parts))
	for i, part := range parts {
		if err := setScalar(list.Index(i), field+"["+strconv.Itoa(i)+"]", strings.TrimSpace(part)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// plain refuses text that could do harm where it is shown or passed on.
func plain(field, text string) error {
	if why := strictjson.Unshowable(text); why != "" {
		return fault.InField(field, codeCharacter, "%s", why)
	}
	return nil
}

func setScalar(v reflect.Value, field, text string) error {
	if why := strictjson.Blank(text); why != "" {
		return strictjson.NothingGiven(field, why, false)
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch own := v.Addr().Interface().(type) {
	case *time.Time:
		at, err := strictjson.Time(text)
		*own = at
		return misread(field, "a time as in 2026-01-31T12:00:00Z", err)
	case encoding.TextUnmarshaler:
		return notAccepted(field, own.UnmarshalText([]byte(text)))
	}
	return setBasic(v, field, text)
}

func setBasic(v reflect.Value, field, text string) error {
	switch kind := v.Kind(); {
	case kind == reflect.String:
		v.SetString(text)
		return nil
	case kind == reflect.Bool:
		v.SetBool(text == "true")
		if text != "true" && text != "false" {
			return misread(field, "true or false", strconv.ErrSyntax)
		}
		return nil
	case v.CanInt():
		n, err := strconv.ParseInt(canonical(text), 10, v.Type().Bits())
		v.SetInt(n)
		return misread(field, "a whole number", err)
	case v.CanUint():
		n, err := strconv.ParseUint(canonical(text), 10, v.Type().Bits())
		v.SetUint(n)
		return misread(field, "a whole number, not negative", err)
	}
	f, err := strconv.ParseFloat(text, v.Type().Bits())
	if err == nil && (f != f || f-f != 0) {
		err = strconv.ErrRange
	}
	v.SetFloat(f)
	return misread(field, "a number", err)
}

// canonical is a whole number as JSON has it, empty for text that is none: one
// with a plus sign or with zeros in front.
func canonical(text string) string {
	digits := strings.TrimPrefix(text, "-")
	if text == "-0" || len(digits) > 1 && digits[0] == '0' || strings.HasPrefix(digits, "+") {
		return ""
	}
	return text
}

// misread says what a text should have been, if err is not nil.
func misread(field, want string, err error) error {
	if err == nil {
		return nil
	}
	e := fault.InField(field, codeValue, "must be %s", want)
	e.Cause = err
	return e
}

// notAccepted passes on what a type's own reading says, if it is meant for callers.
func notAccepted(field string, err error) error {
	if err == nil {
		return nil
	}
	sentence := "is not a valid value"
	if said := fault.Sentence(err); said != string(fault.Of(err)) {
		sentence = said
	}
	e := fault.InField(field, codeValue, "%s", sentence)
	e.Cause = err
	return e
}
