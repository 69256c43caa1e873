package function

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// Lookup finds the value of a variable of the environment, as os.LookupEnv does.
type Lookup func(name string) (string, bool)

// Configure fills a struct from the environment. Of each field, the tags say:
//
//	env:"REGIONS"        the variable; fields without it stay as they are, structs are gone through
//	default:"cn-…"       the text to read when the variable is missing or empty
//	validate:"min=1"     what must hold
//	secret:"true"        the value must never be repeated in an error
//
// A field is text, a number, a boolean, a time.Duration ("90s"), a time, a type
// that reads itself from text, or a comma list of these. The failure names
// every wrong variable as its Field and is of kind Invalid.
func Configure[T any](look Lookup) (T, error) {
	var t T
	var wrong mistakes
	fillFrom(look, reflect.ValueOf(&t).Elem(), &wrong)
	if len(wrong) > 0 {
		return t, wrong
	}
	if !ruled(reflect.TypeFor[T]()) {
		return t, nil
	}
	err := newValidation("env", nil).check(t)
	var several mistakes
	if errors.As(err, &several) {
		for _, m := range several {
			m.Field = m.Field[strings.LastIndexByte(m.Field, '.')+1:]
			m.Code = codeConfiguration
		}
	}
	return t, err
}

// ruled reports whether a struct has validate tags: to judge them takes longer
// than to read the rest.
func ruled(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("validate") != "" || f.Type.Kind() == reflect.Struct && ruled(f.Type) {
			return true
		}
	}
	return false
}

func fillFrom(look Lookup, v reflect.Value, wrong *mistakes) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("env")
		switch {
		case name == "" && field.Type.Kind() == reflect.Struct && (field.Anonymous || field.IsExported()):
			fillFrom(look, v.Field(i), wrong)
		case name != "" && field.IsExported():
			if err := fillOne(look, v.Field(i), field); err != nil {
				*wrong = append(*wrong, err)
			}
		}
	}
}

func fillOne(look Lookup, v reflect.Value, field reflect.StructField) *fault.Error {
	name := field.Tag.Get("env")
	text, _ := look(name)
	if text == "" {
		text = field.Tag.Get("default")
	}
	if text == "" {
		return nil
	}
	err := setVariable(v, name, text)
	if err == nil {
		return nil
	}
	e := fault.InField(name, codeConfiguration, "%s", fault.Sentence(err))
	if field.Tag.Get("secret") != "true" && field.Type != reflect.TypeFor[Secret]() {
		e.Cause = fault.New(fault.Invalid, "the value is %q", strictjson.Shown(withoutPassword(text)))
	}
	return e
}

// withoutPassword hides who logs on in what may be an address, or several.
func withoutPassword(text string) string {
	at := strings.LastIndexByte(text, '@')
	begins := strings.Index(text, "//")
	if at < 0 || begins < 0 || at < begins {
		return text
	}
	return text[:begins+2] + stars + text[at:]
}

// Lines is a text of several lines, such as a document that stands in a variable.
// Whoever reads the document judges what is in it.
type Lines string

func setVariable(v reflect.Value, name, text string) error {
	if lines, ok := v.Addr().Interface().(*Lines); ok {
		*lines = Lines(text)
		return nil
	}
	if d, ok := v.Addr().Interface().(*time.Duration); ok {
		parsed, err := time.ParseDuration(text)
		*d = parsed
		return misread(name, "a duration such as 90s or 5m", err)
	}
	return setText(v, name, text)
}
