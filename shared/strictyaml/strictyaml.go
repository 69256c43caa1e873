// Package strictyaml reads documents that people write, as YAML or JSON, into Go
// types, as strictly as package strictjson reads JSON: one document without
// aliases, anchors, tags and merged keys, no key twice, none that the type does
// not have. Every refusal names the line, the column and the path. It is apart
// from strictjson so that functions without such documents do not carry a YAML
// library.
package strictyaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// MaxBytes is how long a document may be.
const MaxBytes = 256 << 10

// The codes of refusals beside those of package strictjson; their kind is
// fault.Invalid.
const (
	CodeMalformed = "malformedYaml"   // not one YAML document
	CodeTooLong   = "tooLong"         // more than MaxBytes
	CodeForm      = "unsupportedForm" // an alias, an anchor, a tag, a merge, a key that is no text
)

// Decode fills into, a pointer, from raw. The failure is a *fault.Error of kind
// Invalid whose Field is the path, such as "rules[2].keep.last", and whose sentence
// begins with the line and column.
func Decode(raw []byte, into any) error {
	root, err := parse(raw)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := (&writer{out: &out}).value(root, "", 0); err != nil {
		return err
	}
	err = strictjson.Decode(out.Bytes(), into)
	var refused *fault.Error
	if errors.As(err, &refused) {
		return placed(root, refused)
	}
	return err
}

// Place returns where a path of a document is: its line and column, or those of
// the nearest part that is there. ok is false for what is no document.
func Place(raw []byte, path string) (line, column int, ok bool) {
	root, err := parse(raw)
	if err != nil {
		return 0, 0, false
	}
	n := nearest(root, path)
	return n.Line, n.Column, true
}

// parse returns the root of the only document.
func parse(raw []byte) (*yaml.Node, error) {
	switch {
	case len(raw) > MaxBytes:
		return nil, fault.InField("", CodeTooLong, "has %d bytes; %d are read", len(raw), MaxBytes)
	case !utf8.Valid(raw):
		return nil, fault.InField("", strictjson.CodeText, "must be UTF-8")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var document yaml.Node
	switch err := decode(decoder, &document); {
	case errors.Is(err, io.EOF):
		return nil, fault.InField("", CodeMalformed, "is empty")
	case err != nil:
		return nil, malformed(err)
	}
	var more yaml.Node
	if err := decode(decoder, &more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, malformed(err)
		}
		return nil, fault.InField("", CodeMalformed, "line %d, column %d: must be one document", more.Line, more.Column)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return nil, fault.InField("", CodeMalformed, "must be one document")
	}
	return document.Content[0], nil
}

// decode reads a document; a panic of the library is a document that it does not
// understand.
func decode(d *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return d.Decode(into)
}

// linePattern is how the library says where a document is broken.
const linePattern = `line (\d+)`

// malformed passes on the line of what the library says, and nothing that may
// quote the document.
func malformed(err error) error {
	where := ""
	if found := regexp.MustCompile(linePattern).FindStringSubmatch(err.Error()); found != nil {
		where = "line " + found[1] + ": "
	}
	return fault.Wrap(fault.Invalid, err, "%smust be YAML or JSON", where).WithCode(CodeMalformed)
}

// placed adds the line and column of the field to a refusal.
func placed(root *yaml.Node, refused *fault.Error) error {
	n := nearest(root, refused.Field)
	with := *refused
	with.Sentence = fmt.Sprintf("line %d, column %d: %s", n.Line, n.Column, refused.Sentence)
	return &with
}

// nearest is the node of a path, or the deepest one on the way there.
func nearest(n *yaml.Node, path string) *yaml.Node {
	for _, step := range steps(path) {
		next := child(n, step)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// steps are the parts of a path: names, and numbers of entries.
func steps(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

func child(n *yaml.Node, step string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// writer writes a node as JSON.
type writer struct{ out *bytes.Buffer }

func refuse(n *yaml.Node, path, code, sentence string) error {
	return fault.InField(path, code, "line %d, column %d: %s", n.Line, n.Column, sentence)
}

func (w *writer) value(n *yaml.Node, path string, depth int) error {
	switch {
	case depth > strictjson.MaxDepth:
		return refuse(n, path, strictjson.CodeDepth, fmt.Sprintf("is nested in more than %d levels", strictjson.MaxDepth))
	case n.Anchor != "":
		return refuse(n, path, CodeForm, "must have no anchor (&)")
	case n.Style&yaml.TaggedStyle != 0:
		return refuse(n, path, CodeForm, "must have no tag (!)")
	}
	switch n.Kind {
	case yaml.MappingNode:
		return w.mapping(n, path, depth)
	case yaml.SequenceNode:
		return w.sequence(n, path, depth)
	case yaml.ScalarNode:
		return w.scalar(n, path)
	}
	return refuse(n, path, CodeForm, "must be no alias (*)")
}

func (w *writer) mapping(n *yaml.Node, path string, depth int) error {
	seen := map[string]int{}
	w.out.WriteByte('{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := key.Value
		if path != "" {
			at = path + "." + key.Value
		}
		switch {
		case key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 || key.Tag == "!!merge":
			return refuse(key, path, CodeForm, "a key must be plain text, and keys are not merged")
		case seen[key.Value] > 0:
			return refuse(key, at, strictjson.CodeDuplicate, fmt.Sprintf("stands in line %d already", seen[key.Value]))
		}
		seen[key.Value] = key.Line
		if i > 0 {
			w.out.WriteByte(',')
		}
		w.text(key.Value)
		w.out.WriteByte(':')
		if err := w.value(n.Content[i+1], at, depth+1); err != nil {
			return err
		}
	}
	w.out.WriteByte('}')
	return nil
}

func (w *writer) sequence(n *yaml.Node, path string, depth int) error {
	w.out.WriteByte('[')
	for i, entry := range n.Content {
		if i > 0 {
			w.out.WriteByte(',')
		}
		if err := w.value(entry, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	w.out.WriteByte(']')
	return nil
}

// isNumber: a number as JSON has it. YAML's other ways to write one (0x1f,
// 1_000, 010, .5, .inf) are refused: readers do not agree on them.
func isNumber(text string) bool {
	return text != "" && strings.ContainsRune("-0123456789", rune(text[0])) && strings.TrimSpace(text) == text && json.Valid([]byte(text))
}

func (w *writer) scalar(n *yaml.Node, path string) error {
	switch n.Tag {
	case "!!null":
		w.out.WriteString("null")
	case "!!bool":
		b := strings.ToLower(n.Value)
		if b != "true" && b != "false" {
			return refuse(n, path, CodeForm, "must be true or false")
		}
		w.out.WriteString(b)
	case "!!int", "!!float":
		if !isNumber(n.Value) {
			return refuse(n, path, CodeForm, "must be a decimal number; quote it if it is text")
		}
		w.out.WriteString(n.Value)
	default: // a text, and a date, which is one
		w.text(n.Value)
	}
	return nil
}

func (w *writer) text(s string) {
	encoder := json.NewEncoder(w.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s) // a text always can be encoded
	w.out.Truncate(w.out.Len() - 1)
}
