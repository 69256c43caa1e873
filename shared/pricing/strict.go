package pricing

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// member is one key of a JSON object, with its value: an object, []any, string,
// bool, json.Number or nil.
type member struct {
	key   string
	value any
}

// object keeps its members in the order they were written.
type object []member

// maxDepth is how deep an overlay may nest; its own shape needs three.
const maxDepth = 8

// parseStrict reads one JSON document into what was written, in its order: an overlay
// is checked against no type, as strictjson would, but row by row, so that whoever
// writes a contract's rates is told of the row. It fails with fault.Invalid, naming
// the place, for what the decoders of encoding/json let pass: duplicate keys, text
// after the document, text that is not UTF-8, deep nesting.
func parseStrict(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, fault.InField(overlayName, "notUtf8", "the text is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := parseValue(decoder, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fault.InField(overlayName, strictjson.CodeMalformed, "there is text after the JSON document")
	}
	return value, nil
}

func parseValue(d *json.Decoder, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fault.InField(place(path), strictjson.CodeDepth, "it nests deeper than %d", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Code: strictjson.CodeMalformed, Field: place(path), Sentence: "it is not JSON", Cause: err}
	}
	switch token {
	case json.Delim('{'):
		return parseObject(d, path, depth)
	case json.Delim('['):
		return parseArray(d, path, depth)
	}
	return token, nil
}

func parseObject(d *json.Decoder, path string, depth int) (any, error) {
	read := object{}
	for d.More() {
		token, err := d.Token()
		key, isKey := token.(string)
		if err != nil || !isKey {
			return nil, &fault.Error{Kind: fault.Invalid, Code: strictjson.CodeMalformed, Field: place(path), Sentence: "it is not JSON", Cause: err}
		}
		inner := join(path, key)
		if slices.ContainsFunc(read, func(m member) bool { return m.key == key }) {
			return nil, fault.InField(place(inner), strictjson.CodeDuplicate, "the field appears twice")
		}
		value, err := parseValue(d, inner, depth+1)
		if err != nil {
			return nil, err
		}
		read = append(read, member{key, value})
	}
	return read, closing(d, path)
}

func parseArray(d *json.Decoder, path string, depth int) (any, error) {
	read := []any{}
	for d.More() {
		value, err := parseValue(d, path+"["+strconv.Itoa(len(read))+"]", depth+1)
		if err != nil {
			return nil, err
		}
		read = append(read, value)
	}
	return read, closing(d, path)
}

func closing(d *json.Decoder, path string) error {
	if _, err := d.Token(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Code: strictjson.CodeMalformed, Field: place(path), Sentence: "it is not JSON", Cause: err}
	}
	return nil
}

// place is the field to blame; the whole overlay if there is none. Keys come from
// the input, so that a long one is cut.
func place(path string) string {
	if path == "" {
		return overlayName
	}
	if len(path) > 128 {
		return path[:128]
	}
	return path
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
