package alicloud

import (
	"maps"
	"strconv"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// params are parameters of a call by their names on the wire; what is empty is not
// sent.
type params map[string]string

// with is p with one more.
func (p params) with(name, value string) params {
	more := make(params, len(p)+1)
	maps.Copy(more, p)
	more[name] = value
	return more
}

// repeat adds name.1, name.2, ….
func repeat[S ~string](p params, name string, values []S) params {
	for i, value := range values {
		p[name+"."+strconv.Itoa(i+1)] = string(value)
	}
	return p
}

// tags adds Tag.1.Key, Tag.1.Value, …, in order of the keys.
func (p params) tags(tags image.Tags) params {
	for i, key := range tags.Keys() {
		p["Tag."+strconv.Itoa(i+1)+".Key"], p["Tag."+strconv.Itoa(i+1)+".Value"] = key, tags[key]
	}
	return p
}

// number writes a number, 0 as nothing.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// flagged writes true, and false as nothing.
func flagged(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// tried writes what is known.
func tried(t image.Tri) string {
	switch t {
	case image.Yes:
		return "true"
	case image.No:
		return "false"
	}
	return ""
}

// instant writes a time as ECS reads it, to the second; the zero time as nothing.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// checkToken fails with fault.Invalid for what ECS would not take as a client token.
func checkToken(token string) error {
	if token != "" && !isToken(token) {
		return fault.InField("token", "clientTokenMalformed", "must be 1 to 64 printable characters")
	}
	return nil
}

// isToken reports whether ECS takes text as a client token.
func isToken(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
