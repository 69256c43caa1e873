package ecsapi

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"imagekeeper/shared/image"
)

// valueKind is the type of a parameter's value.
type valueKind string

// The types of values. A list is several values in one, with commas; an ids
// value is a JSON array of strings.
const (
	textValue valueKind = ""
	intValue  valueKind = "int"
	longValue valueKind = "int64"
	boolValue valueKind = "bool"
	listValue valueKind = "list"
	jsonValue valueKind = "ids"
)

// parameter is one row of an operation's table. An N in the name stands for
// the number of a repeat, from 1.
type parameter struct {
	name     string
	kind     valueKind
	required bool
}

// declared reads a table: names apart by blanks, each followed by :kind unless
// it is text, and by ! if it is required, e.g. "RegionId! PageSize:int Tag.N.Key".
func declared(table string) []parameter {
	words := strings.Fields(table)
	rows := make([]parameter, 0, len(words))
	for _, word := range words {
		word, required := strings.CutSuffix(word, "!")
		name, kind, _ := strings.Cut(word, ":")
		rows = append(rows, parameter{name: name, kind: valueKind(kind), required: required})
	}
	return rows
}

// parameters are the values of one call, checked against the operation's table.
// Empty values are absent.
type parameters struct {
	values map[string]string
	// undeclared are names that the operation asked for without declaring them:
	// a defect of ours, which must not pass for an absent parameter.
	undeclared []string
	table      []parameter
}

// merge joins query and form. The same name twice is refused, unless the value
// is the same: what was signed would be ambiguous. What could be read is
// returned in any case.
func merge(query, form string) (pairs []pair, no *refusal) {
	seen := map[string]string{}
	for _, source := range []string{query, form} {
		for part := range strings.SplitSeq(source, "&") {
			if part == "" {
				continue
			}
			p, ok := decodePair(part)
			before, twice := seen[p.name]
			switch {
			case !ok || twice && before != p.value:
				no = cmp.Or(no, invalidParameter(p.name))
			case !twice:
				seen[p.name] = p.value
				pairs = append(pairs, p)
			}
		}
	}
	return pairs, no
}

func decodePair(part string) (pair, bool) {
	rawName, rawValue, _ := strings.Cut(part, "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil || name == "" {
		return pair{name: rawName}, false
	}
	value, err := url.QueryUnescape(rawValue)
	return pair{name: name, value: value}, err == nil
}

// check sorts pairs into the operation's table. It returns the values and the
// names that the table does not have.
func check(op *operation, pairs []pair) (*parameters, []string, *refusal) {
	p := &parameters{values: make(map[string]string, len(pairs)), table: op.takes}
	var surplus []string
	for _, each := range pairs {
		row, known := lookUp(op.takes, each.name)
		switch {
		case each.value == "":
			continue
		case !known && !tolerated(each.name):
			surplus = append(surplus, each.name)
		case known && !wellFormed(row.kind, each.value):
			return nil, nil, op.malformed(each.name)
		}
		p.values[each.name] = each.value
	}
	for _, row := range op.takes {
		if row.required && !p.has(row.name) {
			return nil, nil, op.missing(row.name)
		}
	}
	slices.Sort(surplus)
	return p, surplus, nil
}

// tolerated names parameters that every operation accepts: the public ones,
// those that scope an account, and RegionId, which the vendor's clients add
// even where an operation does not have it.
func tolerated(name string) bool {
	switch name {
	case "Action", "Version", "Format", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion",
		"SignatureNonce", "SignatureType", "Timestamp", "SecurityToken", "BearerToken",
		"OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId", "RegionId":
		return true
	}
	return false
}

// lookUp finds the row for a name as it came: Tag.3.Key is in the row Tag.N.Key.
func lookUp(table []parameter, name string) (parameter, bool) {
	pattern := numbersOut(name)
	for _, row := range table {
		if row.name == pattern {
			return row, true
		}
	}
	return parameter{}, false
}

// numbersOut puts N for the numbers of repeats: Tag.3.Key becomes Tag.N.Key.
func numbersOut(name string) string {
	if !strings.Contains(name, ".") {
		return name
	}
	parts := strings.Split(name, ".")
	for i, part := range parts[1:] {
		if _, ok := repeatNumber(part); ok {
			parts[i+1] = "N"
		}
	}
	return strings.Join(parts, ".")
}

// maxRepeat bounds the number of a repeat; no operation has more than 1000.
const maxRepeat = 1000

func repeatNumber(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= maxRepeat && s[0] != '0' && s[0] != '+'
}

func wellFormed(kind valueKind, value string) bool {
	switch kind {
	case intValue:
		_, err := strconv.ParseInt(value, 10, 32)
		return err == nil
	case longValue:
		_, err := strconv.ParseInt(value, 10, 64)
		return err == nil
	case boolValue:
		return strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	case jsonValue:
		var ids []string
		return json.Unmarshal([]byte(value), &ids) == nil && ids != nil
	}
	return true
}

// has reports whether a row has any value.
func (p *parameters) has(row string) bool {
	if !strings.Contains(row, ".N") {
		return p.values[row] != ""
	}
	for name := range p.values {
		if numbersOut(name) == row {
			return true
		}
	}
	return false
}

// declares notes a name that is not in the table.
func (p *parameters) declares(row string) {
	if _, ok := lookUp(p.table, row); !ok {
		p.undeclared = append(p.undeclared, row)
	}
}

// text is the value, or "".
func (p *parameters) text(name string) string {
	p.declares(name)
	return p.values[name]
}

// integer is the value, and whether there is one.
func (p *parameters) integer(name string) (int, bool) {
	value := p.text(name)
	if value == "" {
		return 0, false
	}
	n, err := strconv.Atoi(value)
	return n, err == nil
}

// tri is the value, Unknown if there is none.
func (p *parameters) tri(name string) image.Tri {
	value := p.text(name)
	if value == "" {
		return image.Unknown
	}
	return image.TriOf(strings.EqualFold(value, "true"))
}

// flag is the value, false if there is none.
func (p *parameters) flag(name string) bool { return p.tri(name) == image.Yes }

// commas are the values of a comma list, without blanks around them.
func (p *parameters) commas(name string) []string {
	var values []string
	for part := range strings.SplitSeq(p.text(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			values = append(values, part)
		}
	}
	return values
}

// ids are the values of a JSON array; nil if there is none, empty for [].
func (p *parameters) ids(name string) []string {
	value := p.text(name)
	if value == "" {
		return nil
	}
	var ids []string
	if json.Unmarshal([]byte(value), &ids) != nil {
		return nil // cannot be: check has read it
	}
	return ids
}

// repeat are the values of name.1, name.2 … in the order of their numbers.
// Gaps are skipped.
func (p *parameters) repeat(name string) []string {
	p.declares(name + ".N")
	var values []string
	for _, n := range p.numbers(name) {
		if value := p.values[name+"."+strconv.Itoa(n)]; value != "" {
			values = append(values, value)
		}
	}
	return values
}

// numbers are the numbers that occur in the repeat called name, in order.
func (p *parameters) numbers(name string) []int {
	found := map[int]bool{}
	for each := range p.values {
		rest, ok := strings.CutPrefix(each, name+".")
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		if n, ok := repeatNumber(number); ok {
			found[n] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// member is the value of name.n.key.
func (p *parameters) member(name string, n int, key string) string {
	p.declares(name + ".N." + key)
	return p.values[name+"."+strconv.Itoa(n)+"."+key]
}

// memberRepeat are the values of name.n.key.1, name.n.key.2 …
func (p *parameters) memberRepeat(name string, n int, key string) []string {
	p.declares(name + ".N." + key + ".N")
	inner := name + "." + strconv.Itoa(n) + "." + key
	var values []string
	for _, m := range p.numbers(inner) {
		if value := p.values[inner+"."+strconv.Itoa(m)]; value != "" {
			values = append(values, value)
		}
	}
	return values
}

// with returns a copy in which name has the value; "" makes it absent.
func (p *parameters) with(name, value string) *parameters {
	c := &parameters{values: maps.Clone(p.values), table: p.table}
	delete(c.values, name)
	if value != "" {
		c.values[name] = value
	}
	return c
}

// given copies strings into another type of strings; nil stays nil.
func given[T ~string](values []string) []T {
	if values == nil {
		return nil
	}
	typed := make([]T, len(values))
	for i, v := range values {
		typed[i] = T(v)
	}
	return typed
}
