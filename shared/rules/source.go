// Package rules reads documents of rules: what somebody writes down once so that
// it is done whenever it applies. It knows where a document is (an object, a file
// of the package, the variable itself), reads it anew for each event, at the price
// of one call that brings nothing while the object is the same, and finds out what
// is wrong with it, with line and column. What the rules are is their capability's
// to say.
package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictyaml"
)

// Source is where a document is. The zero value: there is none.
type Source struct {
	name        string
	bucket, key string
	text        []byte
}

const (
	inObject = "oss://"
	inFile   = "file:"
	inline   = "inline"
)

// Parse reads the value of a variable: oss://bucket/key, file: and a path in the
// package, or the document itself; empty: there is none. read reads a file. It
// fails with fault.Invalid, naming the variable. A document that is broken is no
// failure: Load tells.
func Parse(variable, value string, read func(path string) ([]byte, error)) (Source, error) {
	if strings.TrimSpace(value) == "" {
		return Source{}, nil
	}
	if place, ok := strings.CutPrefix(value, inObject); ok {
		bucket, key, _ := strings.Cut(place, "/")
		if bucket == "" || key == "" || strings.HasSuffix(key, "/") {
			return Source{}, fault.InField(variable, "configuration", "must be oss://bucket/key, file: and a path, or the document")
		}
		return Source{name: value, bucket: bucket, key: key}, nil
	}
	path, ok := strings.CutPrefix(value, inFile)
	if !ok {
		return Source{name: inline, text: []byte(value)}, nil
	}
	text, err := read(path)
	if err != nil || len(text) > strictyaml.MaxBytes {
		return Source{}, fault.InField(variable, "configuration", "names a file that cannot be read, or is longer than %d bytes", strictyaml.MaxBytes)
	}
	return Source{name: value, text: text}, nil
}

// Given: there is a document.
func (s Source) Given() bool { return s.name != "" }

// String is how the variable names it; inline for what stands in the variable.
func (s Source) String() string { return s.name }

// Object is where the document is kept, if it is an object.
func (s Source) Object() (bucket, key string, ok bool) { return s.bucket, s.key, s.bucket != "" }

// version is the ETag of a text that is no object.
func version(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
