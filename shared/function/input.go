package function

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// input is what an event brings for an operation, before it is decoded.
type input struct {
	body  []byte            // a JSON object; empty: none
	path  map[string]string // wildcards by name
	query url.Values
	event any // of triggers: Tick, []Object or Event[json.RawMessage]
}

// read makes an In of what an event brought.
func read[In any](in input) (any, error) {
	var v In
	if err := in.into(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// into fills *target, a struct. No field may be given in two ways.
func (in input) into(target any) error {
	given := map[string]string{}
	if len(bytes.TrimSpace(in.body)) > 0 {
		if err := strictjson.DecodeInput(in.body, target); err != nil {
			return subject(err)
		}
		for _, name := range strictjson.Keys(in.body) {
			given[name] = inBody
		}
	}
	if len(in.path) == 0 && len(in.query) == 0 {
		return nil
	}
	b := binder{v: reflect.ValueOf(target).Elem(), given: given}
	b.fields = strictjson.Fields(b.v.Type())
	for _, name := range sortedKeys(in.path) {
		if err := b.set(name, in.path[name], inPath); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(in.query) {
		if err := b.parameter(name, in.query[name]); err != nil {
			return err
		}
	}
	return nil
}

// blamed names parameters as they were given: an entry of a comma list has no
// name of its own, so the parameter is blamed, and the sentence counts.
func (in input) blamed(err error) error {
	if several, ok := err.(mistakes); ok { //nolint:errorlint // made here, and never wrapped
		all := make(mistakes, len(several))
		for i, one := range several {
			all[i] = in.inParameter(one)
		}
		return all
	}
	var one *fault.Error
	if errors.As(err, &one) {
		return in.inParameter(one)
	}
	return err
}

func (in input) inParameter(e *fault.Error) *fault.Error {
	name, entry, indexed := strings.Cut(e.Field, "[")
	n, rest, _ := strings.Cut(entry, "]")
	index, err := strconv.Atoi(n)
	values, given := in.query[name]
	if !indexed || err != nil || rest != "" || !given {
		return e
	}
	named := *e
	named.Field = name
	if strings.Contains(strings.Join(values, ","), ",") {
		named.Sentence = fmt.Sprintf("%s (entry %d)", e.Sentence, index+1)
	}
	return &named
}

// subject says of what a refusal is that names no field.
func subject(err error) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Field != "" {
		return err
	}
	named := *e
	named.Sentence = "the input " + e.Sentence
	return &named
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// The places where a field can be given, as refusals call them.
const (
	inPath  = "the path"
	inQuery = "the query"
	inBody  = "the body"
)

// binder fills a struct from parameters.
type binder struct {
	v      reflect.Value
	fields []strictjson.Field
	given  map[string]string // field -> where it was given
}

// parameter sets what one query key means.
func (b binder) parameter(name string, values []string) error {
	for _, f := range b.fields {
		prefix := f.Go.Tag.Get("query")
		if prefix == "" || prefix == "-" || !isTextMap(f.Type) {
			continue
		}
		if name == f.Name {
			return b.entries(f, strings.Join(values, ","))
		}
		if strings.HasPrefix(name, prefix) {
			return b.entry(f, strings.TrimPrefix(name, prefix), name, values)
		}
	}
	f, err := b.field(name, inQuery)
	if err != nil {
		return err
	}
	if len(values) > 1 && f.Type.Kind() != reflect.Slice {
		return fault.InField(name, codeRepeated, "is there %d times; give it once", len(values))
	}
	return b.set(name, strings.Join(values, ","), inQuery)
}

func (b binder) set(name, text, where string) error {
	f, err := b.field(name, where)
	if err != nil {
		return err
	}
	if other := b.given[name]; other != "" {
		return fault.InField(name, codeRepeated, "is given in %s and in %s", other, where)
	}
	b.given[name] = where
	if where == inQuery && f.Type.Kind() != reflect.Slice && strings.Contains(text, ",") {
		return fault.InField(name, codeRepeated, "must have no comma, as two values have that Function Compute joins; give it once")
	}
	if err := setText(b.member(f), name, text); err != nil {
		return err
	}
	if why := strictjson.Nothing(b.member(f)); why != "" {
		return strictjson.NothingGiven(name, why, strictjson.Required(f))
	}
	return nil
}

// field finds the field that a parameter in that place may set.
func (b binder) field(name, where string) (strictjson.Field, error) {
	var allowed []string
	for _, f := range b.fields {
		if !parameter(f, where) {
			continue
		}
		if f.Name == name {
			return f, nil
		}
		if strings.EqualFold(f.Name, name) {
			return f, fault.InField(strictjson.Shown(name), codeCase, "is not known: write it %s", f.Name)
		}
		if b.given[f.Name] != inPath {
			allowed = append(allowed, f.Name)
		}
	}
	for _, f := range b.fields {
		if prefix := f.Go.Tag.Get("query"); prefix != "" && prefix != "-" && isTextMap(f.Type) {
			if strings.EqualFold(f.Name, name) {
				return f, fault.InField(strictjson.Shown(name), codeCase, "is not known: write it %s", f.Name)
			}
			allowed = append(allowed, f.Name, prefix+"<key>")
		}
	}
	return strictjson.Field{}, strictjson.UnknownName(strictjson.Shown(name), name, allowed)
}

// parameter reports whether f can be given in a query or a path.
func parameter(f strictjson.Field, where string) bool {
	return readable(f.Type) && (where == inPath || f.Go.Tag.Get("query") != "-")
}

// entries sets the entries of a map of texts that are listed in one parameter, as
// clients that are generated can: key=value,key=value. A value with a comma is given by
// a parameter of its own.
func (b binder) entries(f strictjson.Field, list string) error {
	if list == "" {
		return strictjson.NothingGiven(f.Name, "is empty", strictjson.Required(f))
	}
	for _, one := range strings.Split(list, ",") {
		key, value, _ := strings.Cut(one, "=")
		if err := b.entry(f, key, f.Name, []string{value}); err != nil {
			return err
		}
	}
	return nil
}

// entry sets one entry of a map of texts. Its value may be empty: the key is
// what matters then.
func (b binder) entry(f strictjson.Field, key, name string, values []string) error {
	if len(values) > 1 {
		return fault.InField(strictjson.Shown(name), codeRepeated, "is there %d times; give it once", len(values))
	}
	if key == "" {
		return fault.InField(name, codeValue, "needs a key")
	}
	if b.given[f.Name] == inBody {
		return fault.InField(f.Name, codeRepeated, "is given in the body and in the query")
	}
	for _, text := range []string{key, values[0]} {
		if err := plain(strictjson.Shown(name), text); err != nil {
			return err
		}
	}
	m := b.member(f)
	if m.IsNil() {
		m.Set(reflect.MakeMap(f.Type))
	}
	if m.MapIndex(reflect.ValueOf(key).Convert(f.Type.Key())).IsValid() {
		return fault.InField(strictjson.Shown(name), codeRepeated, "has the key %s twice; give it once", strictjson.Shown(key))
	}
	m.SetMapIndex(reflect.ValueOf(key).Convert(f.Type.Key()), reflect.ValueOf(values[0]).Convert(f.Type.Elem()))
	return nil
}

// member returns the field; New refuses inputs in which it could be behind a nil.
func (b binder) member(f strictjson.Field) reflect.Value { return b.v.FieldByIndex(f.Index) }

func isTextMap(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String
}
