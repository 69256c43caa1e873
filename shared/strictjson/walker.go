package strictjson

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
)

// place is where in the document the walker is; nil is the root.
type place struct {
	above *place
	key   string
	index int // in an array; -1 for a key
}

func (p *place) String() string {
	if p == nil {
		return ""
	}
	if p.index >= 0 {
		return p.above.String() + "[" + strconv.Itoa(p.index) + "]"
	}
	key := Shown(p.key)
	if p.above == nil {
		return key
	}
	return p.above.String() + "." + key
}

func (p *place) refuse(code, format string, args ...any) error {
	return fault.InField(p.String(), code, format, args...)
}

// walker reads a document that encoding/json found well-formed, so it never
// looks for the end of the input.
type walker struct {
	raw   []byte
	pos   int
	known map[reflect.Type]*object
	// undecoded: the value stays as it is written, so no number loses digits.
	undecoded bool
	// asked: the document is what somebody asks for, in which nothing given is
	// nothing.
	asked bool
	// nothing is in words why the value that was read last could pass for one that
	// was left out; empty: it could not.
	nothing string
}

// object is what the walker knows of a struct type.
type object struct {
	types map[string]reflect.Type
	lower map[string]string
	names []string
	// fields are those that, given nothing, would pass for left out.
	fields map[string]Field
}

func (w *walker) object(t reflect.Type) *object {
	if o := w.known[t]; o != nil {
		return o
	}
	o := &object{types: map[string]reflect.Type{}, lower: map[string]string{}, fields: map[string]Field{}}
	for _, f := range Fields(t) {
		o.types[f.Name] = f.Type
		o.lower[strings.ToLower(f.Name)] = f.Name
		o.names = append(o.names, f.Name)
		if w.asked && !Tellable(f) {
			o.fields[f.Name] = f
		}
	}
	w.known[t] = o
	return o
}

func (w *walker) space() {
	for w.pos < len(w.raw) && strings.IndexByte(" \t\r\n", w.raw[w.pos]) >= 0 {
		w.pos++
	}
}

func (w *walker) value(t reflect.Type, at *place, depth int) error {
	w.space()
	w.nothing = ""
	t, nullable := pointed(t)
	if w.raw[w.pos] == 'n' {
		w.pos += len("null")
		return w.null(t, nullable, at)
	}
	if t == nil || !decodesItself(t) || t == reflect.TypeFor[time.Time]() {
		return w.typed(t, at, depth)
	}
	if t == reflect.TypeFor[json.RawMessage]() {
		defer func(before bool) { w.undecoded = before }(w.undecoded)
		w.undecoded = true
	}
	start := w.pos
	var entries reflect.Type // of a list that reads itself, what it has are still its entries
	if t.Kind() == reflect.Slice && !isBytes(t) && w.raw[w.pos] == '[' {
		entries = t
	}
	if err := w.typed(entries, at, depth); err != nil {
		return err
	}
	if w.asked && w.nothing != "" && t != reflect.TypeFor[json.RawMessage]() {
		return NothingGiven(at.String(), w.nothing, false)
	}
	decoder := reflect.New(t)
	err := decoder.Interface().(json.Unmarshaler).UnmarshalJSON(w.raw[start:w.pos])
	w.nothing = Nothing(decoder.Elem())
	if err != nil && !takes(t, kindOf(w.raw[start])) {
		return at.refuse(CodeType, "%s", said(err))
	}
	return refusedByType(at, err)
}

// kindOf is what JSON calls a value that begins with b.
func kindOf(b byte) string {
	switch b {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	}
	return "number"
}

// takes reports whether a type that describes itself takes values of a kind at all; of
// one that does not, nobody can tell.
func takes(t reflect.Type, kind string) bool {
	own, described := reflect.Zero(t).Interface().(interface{ JSONSchema() map[string]any })
	if !described {
		return true
	}
	is := func(name any) bool { return name == kind || name == "integer" && kind == "number" }
	schema := own.JSONSchema()
	switch kinds := schema["type"].(type) {
	case string:
		return is(kinds)
	case []string:
		return slices.ContainsFunc(kinds, func(one string) bool { return is(one) })
	}
	either, _ := schema["oneOf"].([]any)
	return len(either) == 0 || slices.ContainsFunc(either, func(one any) bool {
		schema, ok := one.(map[string]any)
		return !ok || is(schema["type"])
	})
}

// null refuses a null where Go has no nothing and, in an input, wherever it
// would be the same as left out.
func (w *walker) null(t reflect.Type, nullable bool, at *place) error {
	switch anything := t == nil || t == reflect.TypeFor[json.RawMessage](); {
	case !nullable:
		return at.refuse(CodeType, "must be %s, not null", expected(t))
	case w.asked && !anything:
		return at.refuse(CodeType, "must not be null; give it a value, or leave it out")
	}
	return nil
}

func (w *walker) typed(t reflect.Type, at *place, depth int) error {
	switch w.raw[w.pos] {
	case '{':
		return w.members(t, at, depth+1)
	case '[':
		return w.elements(t, at, depth+1)
	case '"':
		return w.text(t, at)
	case 't', 'f':
		w.word()
		if t != nil && t.Kind() != reflect.Bool {
			return at.refuse(CodeType, "must be %s, not a boolean", expected(t))
		}
		return nil
	}
	return w.number(t, at)
}

func (w *walker) members(t reflect.Type, at *place, depth int) error {
	if depth > MaxDepth {
		return at.refuse(CodeDepth, "must not nest more than %d levels", MaxDepth)
	}
	if t != nil && (t.Kind() != reflect.Struct && t.Kind() != reflect.Map || isText(t)) {
		return at.refuse(CodeType, "must be %s, not an object", expected(t))
	}
	seen := map[string]bool{}
	for w.more('}') {
		key, err := w.quoted(at)
		if err != nil {
			return err
		}
		here := &place{above: at, key: key, index: -1}
		if seen[key] {
			return here.refuse(CodeDuplicate, "is there twice")
		}
		seen[key] = true
		member, err := w.member(t, here)
		if err != nil {
			return err
		}
		w.space()
		w.pos++ // the colon
		if err := w.value(member, here, depth); err != nil {
			return err
		}
		if err := w.given(t, here); err != nil {
			return err
		}
	}
	w.nothing = emptyIf(len(seen) == 0)
	return nil
}

// given refuses the value that was read last if it would pass for left out.
func (w *walker) given(t reflect.Type, here *place) error {
	if w.nothing == "" || t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	if f, ok := w.object(t).fields[here.key]; ok {
		return NothingGiven(here.String(), w.nothing, Required(f))
	}
	return nil
}

// member returns the type of the value under the key of here in a t.
func (w *walker) member(t reflect.Type, here *place) (reflect.Type, error) {
	if t == nil {
		return nil, nil
	}
	if t.Kind() == reflect.Map {
		return t.Elem(), nil
	}
	o := w.object(t)
	if member, ok := o.types[here.key]; ok {
		return member, nil
	}
	if name := o.lower[strings.ToLower(here.key)]; name != "" {
		return nil, here.refuse(CodeCase, "is not known: write it %s", name)
	}
	return nil, UnknownName(here.String(), here.key, o.names)
}

func (w *walker) elements(t reflect.Type, at *place, depth int) error {
	if depth > MaxDepth {
		return at.refuse(CodeDepth, "must not nest more than %d levels", MaxDepth)
	}
	element, ok := elementOf(t)
	if !ok {
		return at.refuse(CodeType, "must be %s, not an array", expected(t))
	}
	n := 0
	for ; w.more(']'); n++ {
		here := &place{above: at, index: n}
		if err := w.value(element, here, depth); err != nil {
			return err
		}
		if w.asked && w.nothing != "" && element != nil && element.Kind() == reflect.String {
			return here.refuse(CodeEmpty, "%s", w.nothing)
		}
	}
	w.nothing = emptyIf(n == 0)
	if t != nil && t.Kind() == reflect.Array && n != t.Len() {
		return at.refuse(CodeValue, "must have exactly %d entries", t.Len())
	}
	return nil
}

// elementOf is what the entries of a t are, nil for anything; false: a t has none.
func elementOf(t reflect.Type) (reflect.Type, bool) {
	if t == nil {
		return nil, true
	}
	if t.Kind() != reflect.Slice && t.Kind() != reflect.Array || isText(t) || isBytes(t) {
		return nil, false
	}
	return t.Elem(), true
}

// more steps over an opening bracket or a comma and reports whether another
// value follows before end, which it steps over too.
func (w *walker) more(end byte) bool {
	w.space()
	if w.raw[w.pos] != end {
		w.pos++
		w.space()
	}
	if w.raw[w.pos] == end {
		w.pos++
		return false
	}
	return true
}

func (w *walker) text(t reflect.Type, at *place) error {
	s, err := w.quoted(at)
	if err == nil {
		w.nothing = Blank(s)
	}
	switch {
	case err != nil || t == nil:
		return err
	case w.asked && w.nothing != "" && isText(t): // before it says something else of it
		return NothingGiven(at.String(), w.nothing, false)
	case t == reflect.TypeFor[time.Time]():
		moment, err := Time(s)
		if err != nil {
			return at.refuse(CodeValue, "must be %s", expected(t))
		}
		w.nothing = zero(reflect.ValueOf(moment))
		return nil
	case isText(t):
		decoder := reflect.New(t)
		err := decoder.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
		w.nothing = Nothing(decoder.Elem())
		return refusedByType(at, err)
	case isBytes(t):
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			return at.refuse(CodeValue, "must be base64")
		}
		return nil
	case t.Kind() != reflect.String || t == reflect.TypeFor[json.Number]():
		return at.refuse(CodeType, "must be %s, not a string", expected(t))
	}
	return nil
}

// quoted reads a string. One that is not decoded may hold anything but NUL and
// broken Unicode: it is for somebody else to read.
func (w *walker) quoted(at *place) (string, error) {
	s, err := w.unquoted(at)
	if err != nil || w.undecoded {
		return s, err
	}
	if why := Unshowable(s); why != "" {
		return "", at.refuse(CodeText, "%s", why)
	}
	return s, nil
}

func (w *walker) unquoted(at *place) (string, error) {
	start := w.pos
	for w.pos++; w.raw[w.pos] != '"'; w.pos++ {
		if w.raw[w.pos] == '\\' {
			w.pos++
		}
	}
	w.pos++
	raw := w.raw[start:w.pos]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil || !paired(raw) {
		return "", at.refuse(CodeText, "must not contain half of a surrogate pair")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", at.refuse(CodeText, "must not contain NUL")
	}
	return s, nil
}

// paired reports whether every escaped surrogate in raw has its other half.
func paired(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		unit, ok := escaped(raw[i-1:])
		if !ok || unit < 0xd800 || unit > 0xdfff {
			continue
		}
		low, ok := escaped(raw[i+5:])
		if unit >= 0xdc00 || !ok || low < 0xdc00 || low > 0xdfff {
			return false
		}
		i += 10
	}
	return true
}

// escaped reads one escaped UTF-16 unit at the beginning of raw.
func escaped(raw []byte) (uint64, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return unit, err == nil
}

// word steps over a literal that is not quoted, and returns it.
func (w *walker) word() string {
	start := w.pos
	for w.pos < len(w.raw) && strings.IndexByte(" \t\r\n,]}", w.raw[w.pos]) < 0 {
		w.pos++
	}
	return string(w.raw[start:w.pos])
}

func (w *walker) number(t reflect.Type, at *place) error {
	literal := w.word()
	if w.undecoded || t == reflect.TypeFor[json.Number]() {
		return nil
	}
	if t == nil {
		return wholeDigits(literal, 64, at)
	}
	if f, err := strconv.ParseFloat(literal, 64); err == nil && f == 0 {
		w.nothing = isZero
	}
	var err error
	switch kind := t.Kind(); {
	case isText(t):
		return at.refuse(CodeType, "must be %s, not a number", expected(t))
	case kind >= reflect.Int && kind <= reflect.Int64:
		_, err = strconv.ParseInt(literal, 10, t.Bits())
	case kind >= reflect.Uint && kind <= reflect.Uintptr:
		_, err = strconv.ParseUint(literal, 10, t.Bits())
	case kind == reflect.Float32 || kind == reflect.Float64:
		return wholeDigits(literal, t.Bits(), at)
	default:
		return at.refuse(CodeType, "must be %s, not a number", expected(t))
	}
	if err != nil {
		return at.refuse(CodeNumber, "must be %s", expected(t))
	}
	return nil
}

// wholeDigits refuses a number that a float of that many bits would change
// into another: an overflow, or one beyond the integers that it holds exactly,
// in whatever form it is written.
func wholeDigits(literal string, bits int, at *place) error {
	exact := 1<<53 - 1
	if bits == 32 {
		exact = 1<<24 - 1
	}
	f, err := strconv.ParseFloat(literal, bits)
	if err != nil {
		return at.refuse(CodeNumber, "must be a number within the range of this field")
	}
	if f >= -float64(exact) && f <= float64(exact) {
		return nil
	}
	return at.refuse(CodeNumber, "must be a whole number of at most %d: larger ones lose digits; send a string", exact)
}

// refusedByType passes on what a type's own decoding says, if it is meant for callers.
func refusedByType(at *place, err error) error {
	if err == nil {
		return nil
	}
	e := fault.InField(at.String(), CodeValue, "%s", said(err))
	e.Cause = err
	return e
}

// said is what a type's own decoding says to callers.
func said(err error) string {
	if sentence := fault.Sentence(err); sentence != string(fault.Of(err)) {
		return sentence
	}
	return "is not a valid value"
}

// pointed returns what t points to, and whether null may stand for a t. Null is
// nothing only where Go has a nothing.
func pointed(t reflect.Type) (reflect.Type, bool) {
	nullable := false
	for t != nil && t.Kind() == reflect.Pointer {
		t, nullable = t.Elem(), true
	}
	if t == nil || t.Kind() == reflect.Interface {
		return nil, true
	}
	if t == reflect.TypeFor[time.Time]() {
		return t, nullable
	}
	return t, nullable || t.Kind() == reflect.Slice || t.Kind() == reflect.Map || decodesItself(t)
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// expected says in words what JSON a t is.
func expected(t reflect.Type) string {
	switch kind := t.Kind(); {
	case t == reflect.TypeFor[time.Time]():
		return "a time as in 2026-01-31T12:00:00Z"
	case isText(t), isBytes(t):
		return "a string"
	case kind == reflect.Bool:
		return "true or false"
	case kind >= reflect.Int && kind <= reflect.Uintptr:
		return "a whole number of " + strconv.Itoa(t.Bits()) + " bits"
	case kind == reflect.Float32, kind == reflect.Float64, t == reflect.TypeFor[json.Number]():
		return "a number"
	case kind == reflect.Struct, kind == reflect.Map:
		return "an object"
	case kind == reflect.Slice, kind == reflect.Array:
		return "an array"
	}
	return "a string"
}
