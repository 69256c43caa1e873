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

	"imagekeeper/shared/function/strictjson"
)

// direction tells schemas of inputs, which are strict, from those of answers.
type direction bool

const (
	inputs  direction = true
	answers direction = false
)

// schemas makes JSON Schemas (2020-12) of Go types, by their json, validate
// and doc tags.
type schemas struct {
	components object
	names      map[component]string
	patterns   map[string]string
}

type component struct {
	t   reflect.Type
	way direction
}

func newSchemas(rules []Rule) *schemas {
	s := &schemas{components: object{}, names: map[component]string{}, patterns: map[string]string{}}
	for _, rule := range rules {
		s.patterns[rule.Tag] = rule.Pattern
	}
	return s
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// of returns the schema of t; structs become components that it refers to.
func (s *schemas) of(t reflect.Type, way direction) object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == typeOf[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case implements[encoding.TextMarshaler](t), way == inputs && implements[encoding.TextUnmarshaler](t):
		return object{"type": "string"}
	case implements[json.Marshaler](t), way == inputs && implements[json.Unmarshaler](t):
		return object{}
	}
	switch t.Kind() {
	case reflect.Struct:
		return object{"$ref": "#/components/schemas/" + s.component(t, way)}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem(), way)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), way)}
	}
	return basic(t.Kind())
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

// component names the schema of a struct, making it when it is new.
func (s *schemas) component(t reflect.Type, way direction) string {
	key := component{t, way}
	if name := s.names[key]; name != "" {
		return name
	}
	name := plainName(t.Name())
	if s.components[name] != nil || name == "" {
		name = plainName(path.Base(t.PkgPath()) + "." + t.Name())
	}
	for n := 2; s.components[name] != nil; n++ {
		name = strings.TrimRight(name, "0123456789") + strconv.Itoa(n)
	}
	s.names[key] = name
	s.components[name] = object{} // holds the name while members refer to it
	s.components[name] = s.structure(t, way, nil)
	return name
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

func (s *schemas) structure(t reflect.Type, way direction, without []string) object {
	properties, required := object{}, []string{}
	for _, f := range strictjson.Fields(t) {
		if slices.Contains(without, f.Name) {
			continue
		}
		properties[f.Name] = s.member(f, way)
		always := !f.Optional
		if way == inputs {
			always = rulesOf(f.Go.Tag.Get("validate")).required
		}
		if always {
			required = append(required, f.Name)
		}
	}
	o := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	if way == inputs {
		o["additionalProperties"] = false
	}
	return o
}

// body is the schema of a request body: the input without what the path says.
func (s *schemas) body(t reflect.Type, wildcards []string) object {
	if len(wildcards) == 0 {
		return s.of(t, inputs)
	}
	return s.structure(t, inputs, wildcards)
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
	}
	if doc := f.Go.Tag.Get("doc"); doc != "" {
		o["description"] = doc
	}
	if way == inputs || f.Optional {
		return o
	}
	return nullable(o, f.Type.Kind())
}

func nullable(o object, kind reflect.Kind) object {
	if kind != reflect.Pointer && kind != reflect.Slice && kind != reflect.Map {
		return o
	}
	if kind, ok := o["type"].(string); ok {
		o["type"] = []string{kind, "null"}
		return o
	}
	if o["$ref"] == nil {
		return o
	}
	return object{"anyOf": []any{o, object{"type": "null"}}}
}

func (s *schemas) isList(f strictjson.Field) bool {
	return s.of(f.Type, inputs)["type"] == "array"
}

// tagRules is a validate tag in parts.
type tagRules struct {
	required bool
	own      []string // of the value
	each     []string // of its entries, after dive
}

func rulesOf(tag string) tagRules {
	var rules tagRules
	var ofKeys []string
	into := &rules.own
	for _, rule := range strings.Split(tag, ",") {
		switch rule {
		case "", "omitempty", "omitzero", "omitnil":
		case "required":
			rules.required = rules.required || into == &rules.own
		case "dive", "endkeys":
			into = &rules.each
		case "keys":
			into = &ofKeys
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
