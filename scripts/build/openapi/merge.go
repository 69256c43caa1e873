package openapi

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/function"
)

// about is what a reader has to know of every operation.
const about = `Which ECS images there are, what they cost, who may use them.

* Each function also answers below its own trigger URL. Every operation can be called directly, without HTTP, as
  ` + "`{\"operation\": x-operation, \"input\": x-input}`" + `.
* A caller shows a bearer token. x-role is the role it needs, x-apply-role the one to carry out what was planned.
* Nothing changes unless a request says ` + "`apply`" + `: without it the answer is the plan, with the digest to apply it by.
* Input is strict: a parameter or a field that is not named here is refused, and so is one that is given twice. An empty
  parameter is refused: leave it out.
* What goes wrong is a problem document (RFC 9457). Programs act on ` + "`code`" + `, people read ` + "`detail`" + `.
* Times are RFC 3339, UTC. Money is exact, with its currency. What is not known is said to be unknown, and never 0 or free.
* ` + "`format=csv`" + ` answers one of the tables of x-columns, ` + "`format=ndjson`" + ` lines as x-line has them; the last one says ` + "`end`" + `.`

// Merge puts the descriptions into one document. What has one name must be the
// same thing everywhere: it fails, naming the functions, if two of them answer one
// operation, use one name for two operations, or mean different things by one component.
func Merge(described []Description) (map[string]any, error) {
	m := merger{from: map[string]string{}, paths: object{}, components: object{}}
	described = slices.SortedFunc(slices.Values(described), func(a, b Description) int { return strings.Compare(a.Function, b.Function) })
	tags, beside := []any{}, object{}
	for _, d := range described {
		if err := m.add(d); err != nil {
			return nil, err
		}
		tags = append(tags, object{"name": d.Function})
		own := object{}
		for _, key := range []string{"x-operations", "x-triggers"} {
			if d.Document[key] != nil {
				own[key] = d.Document[key]
			}
		}
		if len(own) > 0 {
			beside[d.Function] = own
		}
	}
	document := object{
		"openapi":    "3.1.0",
		"info":       object{"title": "Imagekeeper", "version": function.Version, "description": about, "contact": object{"name": "Imagekeeper"}, "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers":    []any{object{"url": "/", "description": "The custom domain in front of all functions; on one machine the gateway of make up"}},
		"tags":       tags,
		"paths":      m.paths,
		"components": m.components,
		"security":   []any{object{"bearer": []any{}}},
	}
	if len(beside) > 0 {
		document["x-functions"] = beside
	}
	return document, nil
}

// merger collects; from remembers who said what.
type merger struct {
	from              map[string]string
	paths, components object
}

func (m merger) add(d Description) error {
	for _, path := range sorted(d.Document["paths"]) {
		at, _ := m.paths[path].(object)
		if at == nil {
			at = object{}
			m.paths[path] = at
		}
		operations, _ := member(d.Document["paths"], path).(object)
		for _, method := range sorted(operations) {
			operation, _ := operations[method].(object)
			id := fmt.Sprint("operation ", operation["operationId"])
			if err := m.claim(d.Function, strings.ToUpper(method)+" "+path, id); err != nil {
				return err
			}
			at[method] = operation
		}
	}
	for _, kind := range sorted(d.Document["components"]) {
		all, _ := m.components[kind].(object)
		if all == nil {
			all = object{}
			m.components[kind] = all
		}
		theirs := member(d.Document["components"], kind)
		for _, name := range sorted(theirs) {
			one, where := member(theirs, name), kind+"/"+name
			if all[name] != nil && !reflect.DeepEqual(all[name], one) {
				return fmt.Errorf("functions %s and %s mean different things by components/%s", m.from[where], d.Function, where)
			}
			if all[name] == nil {
				all[name], m.from[where] = one, d.Function
			}
		}
	}
	return nil
}

// claim notes whose some names are, which can be one function's only.
func (m merger) claim(function string, names ...string) error {
	for _, name := range names {
		if other, taken := m.from[name]; taken {
			return fmt.Errorf("functions %s and %s both have %s", other, function, name)
		}
		m.from[name] = function
	}
	return nil
}

// share writes a parameter that several operations have once, among the
// components, under its own name; a number follows where the name is taken.
func share(document object) {
	components := member(document, "components").(object)
	times, names := map[string]int{}, map[string]string{}
	eachParameter(document, func(p object) any {
		times[spelled(p)]++
		return p
	})
	shared := object{}
	eachParameter(document, func(p object) any {
		key := spelled(p)
		if times[key] < 2 {
			return p
		}
		if names[key] == "" {
			name := fmt.Sprint(p["name"])
			for n := 2; shared[name] != nil; n++ {
				name = fmt.Sprint(p["name"], ".", strconv.Itoa(n))
			}
			names[key], shared[name] = name, p
		}
		return object{"$ref": "#/components/parameters/" + names[key]}
	})
	if len(shared) > 0 {
		components["parameters"] = shared
	}
}

// schemasAt and ownAt are where schemas stand: those of the standard's own parts, and
// those that only our extensions refer to, which other tools would take for unused.
const (
	schemasAt = "#/components/schemas/"
	ownAt     = "#/x-schemas/"
)

// apart moves the schemas that only extensions refer to, to x-schemas.
func apart(document object) {
	components := member(document, "components").(object)
	schemas, _ := components["schemas"].(object)
	used := map[string]bool{}
	var follow func(value any)
	follow = func(value any) {
		if name, is := strings.CutPrefix(fmt.Sprint(member(value, "$ref")), schemasAt); is && !used[name] {
			used[name] = true
			follow(schemas[name])
		}
		if list, is := value.([]any); is {
			for _, one := range list {
				follow(one)
			}
		}
		for _, key := range sorted(value) {
			if !strings.HasPrefix(key, "x-") {
				follow(member(value, key))
			}
		}
	}
	follow(member(document, "paths"))
	for _, part := range sorted(components) {
		if part != "schemas" {
			follow(components[part])
		}
	}
	own := object{}
	for _, name := range sorted(schemas) {
		if !used[name] {
			own[name] = schemas[name]
			delete(schemas, name)
		}
	}
	document["x-schemas"] = own
	redirect(document, func(name string) bool { return own[name] != nil })
}

// redirect has references to schemas that were moved lead there.
func redirect(value any, moved func(name string) bool) {
	if o, is := value.(object); is {
		if name, is := strings.CutPrefix(fmt.Sprint(o["$ref"]), schemasAt); is && moved(name) {
			o["$ref"] = ownAt + name
		}
	}
	list, _ := value.([]any)
	for _, one := range list {
		redirect(one, moved)
	}
	for _, key := range sorted(value) {
		redirect(member(value, key), moved)
	}
}

// eachParameter replaces every parameter, in the order of paths and methods.
func eachParameter(document object, by func(object) any) {
	paths := member(document, "paths")
	for _, path := range sorted(paths) {
		operations := member(paths, path)
		for _, method := range sorted(operations) {
			list, _ := member(member(operations, method), "parameters").([]any)
			for n, p := range list {
				if p, ok := p.(object); ok {
					list[n] = by(p)
				}
			}
		}
	}
}

// spelled is the same text for the same value: maps are printed in order.
func spelled(value any) string { return fmt.Sprint(value) }

func member(value any, name string) any {
	o, _ := value.(object)
	return o[name]
}

// sorted are the keys of an object in order; none of anything else.
func sorted(value any) []string {
	o, _ := value.(object)
	return slices.Sorted(maps.Keys(o))
}
