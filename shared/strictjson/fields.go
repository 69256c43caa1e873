package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Field is one member of a struct as JSON sees it.
type Field struct {
	// Name is the JSON name.
	Name string
	// Index leads to the field, through embedded structs, for
	// reflect.Value.FieldByIndex.
	Index []int
	Type  reflect.Type
	// Go is the field as declared, with its tags.
	Go reflect.StructField
	// Optional: left out of the JSON when empty, or with the embedded pointer
	// that holds it.
	Optional bool

	tagged bool
}

// Fields returns the members of the struct type t in their order of
// declaration, by the rules of encoding/json: embedded structs are flattened,
// the least nested name wins, then the tagged one, and a tie removes both.
func Fields(t reflect.Type) []Field {
	best := map[string][]Field{}
	var order []string
	collect(t, nil, map[reflect.Type]bool{}, func(f Field) {
		if best[f.Name] == nil {
			order = append(order, f.Name)
		}
		best[f.Name] = append(best[f.Name], f)
	})
	var fields []Field
	for _, name := range order {
		if f, ok := dominant(best[name]); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

func collect(t reflect.Type, at []int, above map[reflect.Type]bool, found func(Field)) {
	if above[t] {
		return
	}
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		index := append(append([]int{}, at...), i)
		if embedded := flattened(sf, name); embedded != nil {
			collect(embedded, index, above, func(f Field) {
				f.Optional = f.Optional || sf.Type.Kind() == reflect.Pointer
				found(f)
			})
			continue
		}
		if !sf.IsExported() || tag == "-" {
			continue
		}
		found(Field{
			Name: nonEmpty(name, sf.Name), Index: index, Type: sf.Type, Go: sf,
			Optional: strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"),
			tagged:   name != "",
		})
	}
}

// flattened returns the struct whose members sf lends to its parent, or nil.
func flattened(sf reflect.StructField, name string) reflect.Type {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !sf.Anonymous || name != "" || sf.Tag.Get("json") == "-" || t.Kind() != reflect.Struct || decodesItself(t) {
		return nil
	}
	return t
}

func dominant(same []Field) (Field, bool) {
	best, tie := same[0], false
	for _, f := range same[1:] {
		switch {
		case len(f.Index) < len(best.Index), len(f.Index) == len(best.Index) && f.tagged && !best.tagged:
			best, tie = f, false
		case len(f.Index) == len(best.Index) && f.tagged == best.tagged:
			tie = true
		}
	}
	return best, !tie
}

func nonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func decodesItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}
