package syaml

import (
	"regexp"
	"slices"
	"strconv"
)

// decoder reads resolved nodes and reports what is not right with them.
type decoder struct {
	report    *report
	templates *node
}

func (d *decoder) add(n *node, format string, args ...any) {
	d.report.add(n.line, n.column, format, args...)
}

// object is a mapping being read: every key must be asked for, or rest
// reports it.
type object struct {
	d    *decoder
	n    *node
	name string
	seen []string
}

// need says whether a field must be there.
type need bool

const (
	required need = true
	optional need = false
)

// object reads n as a mapping; of anything else it reports and reads nothing.
func (d *decoder) object(n *node, name string) *object {
	if n.kind != mapping {
		d.add(n, "%s must be a mapping, not %s", name, n.what())
		n = &node{kind: mapping, line: n.line, column: n.column}
		return &object{d: d, n: n, name: name, seen: nil}
	}
	return &object{d: d, n: n, name: name}
}

func (o *object) position() Position {
	return Position{File: o.d.report.file, Line: o.n.line, Column: o.n.column}
}

// get returns the field, or nil.
func (o *object) get(key string, n need) *node {
	o.seen = append(o.seen, key)
	value := o.n.fields[key]
	if value == nil && n == required && o.n.fields != nil && !slices.Contains(o.n.broken, key) {
		o.d.add(o.n, "%s: %s is missing", o.name, key)
	}
	return value
}

// ignore accepts fields that mean nothing to a local run.
func (o *object) ignore(keys ...string) { o.seen = append(o.seen, keys...) }

// rest reports every field that nobody asked for.
func (o *object) rest() {
	for _, key := range o.n.keys {
		if !slices.Contains(o.seen, key) {
			o.d.add(o.n.fields[key], "%s: %s is not supported by a local run", o.name, key)
		}
	}
}

func (o *object) text(key string, n need) string {
	value := o.get(key, n)
	if value == nil {
		return ""
	}
	if value.kind != scalar || value.tag != "!!str" {
		o.d.add(value, "%s: %s must be a string, not %s; quote it", o.name, key, value.what())
		return ""
	}
	return value.text
}

// pattern is a text that must match.
func (o *object) pattern(key string, n need, want *regexp.Regexp) string {
	text := o.text(key, n)
	if value := o.n.fields[key]; value != nil && text != "" && !want.MatchString(text) {
		o.d.add(value, "%s: %s %q must match %s", o.name, key, text, want)
	}
	return text
}

// oneOf is a text out of a list.
func (o *object) oneOf(key string, n need, allowed ...string) string {
	text := o.text(key, n)
	if value := o.n.fields[key]; value != nil && !slices.Contains(allowed, text) {
		o.d.add(value, "%s: %s must be one of %q, not %q", o.name, key, allowed, text)
	}
	return text
}

func (o *object) number(key string, fallback, low, high int) int {
	value := o.get(key, optional)
	if value == nil {
		return fallback
	}
	n, err := strconv.Atoi(value.text)
	if value.kind != scalar || value.tag != "!!int" || err != nil || n < low || n > high {
		o.d.add(value, "%s: %s must be a whole number between %d and %d, not %s", o.name, key, low, high, value.what())
		return fallback
	}
	return n
}

func (o *object) boolean(key string, n need) bool {
	value := o.get(key, n)
	if value == nil {
		return false
	}
	if value.kind != scalar || value.tag != "!!bool" {
		o.d.add(value, "%s: %s must be true or false, not %s", o.name, key, value.what())
		return false
	}
	return value.text == "true" || value.text == "True" || value.text == "TRUE"
}

// texts is a list of strings.
func (o *object) texts(key string) []string {
	var out []string
	for _, item := range o.items(key, optional) {
		if item.kind != scalar || item.tag != "!!str" {
			o.d.add(item, "%s: %s must hold strings, not %s", o.name, key, item.what())
			continue
		}
		out = append(out, item.text)
	}
	return out
}

func (o *object) items(key string, n need) []*node {
	value := o.get(key, n)
	if value == nil {
		return nil
	}
	if value.kind != list {
		o.d.add(value, "%s: %s must be a list, not %s", o.name, key, value.what())
		return nil
	}
	return value.items
}

// child is a mapping in a mapping, nil if it is not there.
func (o *object) child(key string, n need) *object {
	value := o.get(key, n)
	if value == nil {
		return nil
	}
	return o.d.object(value, key)
}
