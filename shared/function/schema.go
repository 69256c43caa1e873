package function

import (
	"encoding"
	"encoding/json"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/strictjson"
)

// direction tells schemas of inputs, which are strict, from those of answers.
type direction bool

const (
	inputs  direction = true
	answers direction = false
)

// side is what of an output that can be a problem is described: its members
// but those of a problem, all of them, or, of anything else, simply all.
type side string

const (
	plainly side = ""
	success side = "success"
	failing side = "Problem" // ends the name of the component
)

// selfDescribed is a type that writes itself as JSON, and says in which form.
type selfDescribed interface{ JSONSchema() map[string]any }

// schemas makes JSON Schemas (2020-12) of Go types, by their json, validate
// and doc tags.
type schemas struct {
	function   string
	components object
	names      map[component]string
	patterns   map[string]string
}

type component struct {
	t    reflect.Type
	way  direction
	side side
}

func newSchemas(function string, rules []Rule) *schemas {
	s := &schemas{function: function, components: object{}, names: map[component]string{}, patterns: map[string]string{}}
	for _, rule := range rules {
		s.patterns[rule.Tag] = rule.Pattern
	}
	return s
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// of returns the schema of t; structs with a name become components that it
// refers to.
func (s *schemas) of(t reflect.Type, way direction) object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if own, ok := reflect.Zero(t).Interface().(selfDescribed); ok {
		return s.ownOf(t, way, own)
	}
	switch {
	case t == typeOf[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case implements[encoding.TextMarshaler](t), way == inputs && implements[encoding.TextUnmarshaler](t):
		return named(object{"type": "string"}, t)
	case implements[json.Marshaler](t), way == inputs && implements[json.Unmarshaler](t):
		return object{}
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.structOf(t, way, plainly)
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem(), way)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), way)}
	}
	return named(basic(t.Kind()), t)
}

// whole is the schema of one side of an output.
func (s *schemas) whole(t reflect.Type, side side) object {
	if t.Kind() != reflect.Struct || !slices.ContainsFunc(strictjson.Fields(t), func(f strictjson.Field) bool { return lent(t, f) }) {
		return s.of(t, answers)
	}
	return s.structOf(t, answers, side)
}

// ownOf is what a type says of itself; an object becomes a component.
func (s *schemas) ownOf(t reflect.Type, way direction, own selfDescribed) object {
	schema := oneTypeEach(own.JSONSchema())
	if schema["type"] != "object" || t.Name() == "" {
		return schema
	}
	name := s.nameOf(component{t, way, plainly})
	s.components[name] = schema
	return object{"$ref": schemasAt + name}
}

// oneTypeEach writes a schema of several types as one of several schemas, which is
// what programs that make clients understand. A keyword goes with the type that it
// is about.
func oneTypeEach(schema object) object {
	kinds, several := schema["type"].([]string)
	if !several {
		return schema
	}
	texts := []string{"pattern", "minLength", "maxLength", "format"}
	numbers := []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "not"}
	either, whole := []any{}, object{}
	for _, kind := range kinds {
		one := object{"type": kind}
		for keyword, value := range schema {
			about := slices.Contains(texts, keyword) && kind == "string" || slices.Contains(numbers, keyword) && kind != "string"
			if about {
				one[keyword] = value
			}
		}
		either = append(either, one)
	}
	for keyword, value := range schema {
		if keyword != "type" && !slices.Contains(texts, keyword) && !slices.Contains(numbers, keyword) {
			whole[keyword] = value
		}
	}
	whole["oneOf"] = either
	return whole
}

func (s *schemas) structOf(t reflect.Type, way direction, side side) object {
	if t.Name() == "" {
		return s.structure(t, way, nil, side)
	}
	return object{"$ref": schemasAt + s.component(component{t, way, side})}
}

// named notes the Go type of a schema, if it has a name of its own.
func named(o object, t reflect.Type) object {
	if t.PkgPath() != "" {
		o["x-type"] = t.PkgPath() + "." + t.Name()
	}
	return o
}

func implements[I any](t reflect.Type) bool {
	return t.Implements(typeOf[I]()) || reflect.PointerTo(t).Implements(typeOf[I]())
}

func basic(kind reflect.Kind) object {
	switch {
	case kind == reflect.Bool:
		return object{"type": "boolean"}
	case kind >= reflect.Uint && kind <= reflect.Uintptr:
		return object{"type": "integer", "minimum": 0}
	case kind >= reflect.Int && kind <= reflect.Int64:
		return object{"type": "integer"}
	case kind == reflect.Float32 || kind == reflect.Float64:
		return object{"type": "number"}
	case kind == reflect.String:
		return object{"type": "string"}
	}
	return object{}
}

// schemasAt is where the components are.
const schemasAt = "#/components/schemas/"

// structured is a schema, or the component that it refers to.
func (s *schemas) structured(o object) object {
	if name, ok := strings.CutPrefix(text(o["$ref"]), schemasAt); ok {
		return s.components[name].(object)
	}
	return o
}

// component names the schema of a struct, making it when it is new.
func (s *schemas) component(key component) string {
	if name := s.names[key]; name != "" {
		return name
	}
	name := s.nameOf(key)
	for n := 2; s.components[name] != nil; n++ {
		name = strings.TrimRight(name, "0123456789") + strconv.Itoa(n)
	}
	s.names[key] = name
	s.components[name] = object{} // holds the name while members refer to it
	s.components[name] = named(s.structure(key.t, key.way, nil, key.side), key.t)
	return name
}

// nameOf tells types of different packages apart, so that the documents of
// several functions can be put together: function share's answer is
// ShareAnswer, money.Amount is MoneyAmount everywhere.
func (s *schemas) nameOf(key component) string {
	owner, name := titled(path.Base(key.t.PkgPath())), titled(strings.TrimSuffix(key.t.Name(), "Out"))
	if generic, of, ok := strings.Cut(key.t.Name(), "["); ok { // works.State[main.itemOut] of import is ImportItemState
		owner, name = "Main", ""
		for one := range strings.SplitSeq(strings.TrimSuffix(of, "]"), ",") {
			name += titled(strings.TrimSuffix(one[strings.LastIndexByte(one, '.')+1:], "Out"))
		}
		name += generic
	}
	switch owner {
	case "Main":
		owner = titled(s.function)
	case titled(path.Base(typeOf[Problem]().PkgPath())):
		owner = ""
	}
	if !strings.HasPrefix(name, owner) {
		name = owner + name
	}
	if key.way == inputs && !strings.HasSuffix(name, "Input") {
		name += "Input"
	}
	if key.side == failing {
		name += string(failing)
	}
	return plainName(name)
}

// titled writes replace-disk as ReplaceDisk.
func titled(name string) string {
	var words strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '_' }) {
		words.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return words.String()
}

// plainName keeps what the name of a component may consist of.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, name)
}

func (s *schemas) structure(t reflect.Type, way direction, without []string, side side) object {
	properties, required := object{}, []string{}
	for _, f := range strictjson.Fields(t) {
		ours := lent(t, f)
		if slices.Contains(without, f.Name) || side == success && ours {
			continue
		}
		one := s.member(f, way)
		properties[f.Name] = one
		always := !f.Optional
		switch {
		case way == inputs:
			always = strictjson.Required(f)
		case side == failing: // what comes beside a problem is there only if anything was known
			always = ours && !strings.Contains(f.Go.Tag.Get("json"), ",omit")
		}
		if always {
			required = append(required, f.Name)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// lent reports whether a field of t comes from an embedded pointer, and so is
// there with all others of it or not at all.
func lent(t reflect.Type, f strictjson.Field) bool {
	for _, i := range f.Index[:len(f.Index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// body is the schema of a request body: the input without what the path says.
// What may be given in the query instead need not be in it.
func (s *schemas) body(t reflect.Type, wildcards []string) object {
	fields := strictjson.Fields(t)
	elsewhere := func(name any) bool {
		at := slices.IndexFunc(fields, func(f strictjson.Field) bool { return f.Name == name })
		return parameter(fields[at], inQuery)
	}
	if len(wildcards) == 0 {
		required, _ := s.structured(s.of(t, inputs))["required"].([]string)
		if !slices.ContainsFunc(required, func(name string) bool { return elsewhere(name) }) {
			return s.of(t, inputs)
		}
	}
	body := s.structure(t, inputs, wildcards, plainly)
	if required, ok := body["required"].([]string); ok {
		required = slices.DeleteFunc(required, func(name string) bool { return elsewhere(name) })
		if body["required"] = required; len(required) == 0 {
			delete(body, "required")
		}
	}
	return body
}

// member is the schema of one field: that of its type, what its tags add, and
// null where an answer may say so.
func (s *schemas) member(f strictjson.Field, way direction) object {
	o := s.of(f.Type, way)
	rules := rulesOf(f.Go.Tag.Get("validate"))
	if way == inputs {
		s.restrict(o, f.Type, rules.own)
		for _, entries := range []string{"items", "additionalProperties"} {
			if schema, ok := o[entries].(object); ok {
				s.restrict(schema, f.Type.Elem(), rules.each)
			}
		}
		if len(rules.keys) > 0 && f.Type.Kind() == reflect.Map {
			names := object{}
			s.restrict(names, f.Type.Key(), rules.keys)
			o["propertyNames"] = names
		}
		something(o, f)
	}
	if doc := f.Go.Tag.Get("doc"); doc != "" {
		o["description"] = doc
	}
	if f.Type.Kind() == reflect.Pointer && way == answers && !f.Optional {
		return nullable(o)
	}
	return o
}

// something excludes from o what an input refuses because it could not be told
// from left out: an empty list, map or text, and zero.
func something(o object, f strictjson.Field) {
	if strictjson.Tellable(f) || o["enum"] != nil || o["format"] != nil {
		return
	}
	switch o["type"] {
	case "array":
		least(o, "minItems")
	case "object":
		least(o, "minProperties")
	case "string":
		if o["pattern"] == nil {
			o["pattern"] = `\S`
		}
	case "integer", "number":
		if n, limited := o["minimum"].(float64); !limited || n <= 0 {
			o["not"] = object{"const": 0}
		}
	}
}

func least(o object, key string) {
	if o[key] == nil {
		o[key] = 1
	}
}

// nullable allows null, in an answer for a pointer that is always there (lists
// and maps are never null, but empty).
func nullable(o object) object {
	if kind, ok := o["type"].(string); ok {
		o["type"] = []string{kind, "null"}
		if words, limited := o["enum"].([]any); limited {
			o["enum"] = append(words, nil)
		}
		return o
	}
	if o["$ref"] == nil {
		return o
	}
	either := object{"anyOf": []any{o, object{"type": "null"}}}
	if o["description"] != nil {
		either["description"] = o["description"]
		delete(o, "description")
	}
	return either
}

func (s *schemas) isList(f strictjson.Field) bool {
	return s.of(f.Type, inputs)["type"] == "array"
}

// tagRules is a validate tag in parts.
type tagRules struct {
	required bool
	own      []string // of the value
	each     []string // of its entries, after dive
	keys     []string // of its keys
}

func rulesOf(tag string) tagRules {
	var rules tagRules
	into := &rules.own
	for _, rule := range strings.Split(tag, ",") {
		switch rule {
		case "", "omitempty", "omitzero", "omitnil":
		case "required":
			rules.required = rules.required || into == &rules.own
		case "dive", "endkeys":
			into = &rules.each
		case "keys":
			into = &rules.keys
		default:
			*into = append(*into, rule)
		}
	}
	return rules
}

// restrict adds to o what rules say about a t.
func (s *schemas) restrict(o object, t reflect.Type, rules []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, rule := range rules {
		name, param, _ := strings.Cut(rule, "=")
		if pattern := s.patterns[name]; pattern != "" {
			o["pattern"] = pattern
			continue
		}
		switch name {
		case "oneof":
			o["enum"] = choices(t, param)
		case "unique":
			o["uniqueItems"] = true
		default:
			bound(o, t.Kind(), name, param)
		}
	}
}

func choices(t reflect.Type, param string) []any {
	var all []any
	for _, word := range strings.Fields(param) {
		word = strings.Trim(word, "'")
		if n, err := strconv.ParseInt(word, 10, 64); err == nil && t.Kind() != reflect.String {
			all = append(all, n)
			continue
		}
		all = append(all, word)
	}
	return all
}

// bound adds a limit; what it limits depends on the kind, as in the validator.
func bound(o object, kind reflect.Kind, rule, param string) {
	n, err := strconv.ParseFloat(param, 64)
	if err != nil {
		return
	}
	low, high := "minimum", "maximum"
	switch kind {
	case reflect.String:
		low, high = "minLength", "maxLength"
	case reflect.Slice, reflect.Array:
		low, high = "minItems", "maxItems"
	case reflect.Map:
		low, high = "minProperties", "maxProperties"
	case reflect.Struct:
		return
	}
	switch rule {
	case "min", "gte":
		o[low] = n
	case "max", "lte":
		o[high] = n
	case "len":
		o[low], o[high] = n, n
	case "gt":
		exclusive(o, low, n, 1)
	case "lt":
		exclusive(o, high, n, -1)
	}
}

// exclusive adds a limit that is not itself allowed; counts are whole.
func exclusive(o object, key string, n, step float64) {
	switch key {
	case "minimum":
		o["exclusiveMinimum"] = n
	case "maximum":
		o["exclusiveMaximum"] = n
	default:
		o[key] = n + step
	}
}
