// Package apicheck holds requests and answers against the OpenAPI document: a
// request that the document forbids must be refused, one that is accepted must
// be one it allows, and every answer must be one that it describes, the status,
// the headers and each line of a table included.
//
// A Checker stands in front of a server (Handler) or behind a client
// (Transport), and tells what it saw there.
package apicheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Exchange is one request and its answer.
type Exchange struct {
	Method string
	URL    *url.URL
	// Header is the request's.
	Header http.Header
	Body   []byte
	Status int
	// Answered is the header of the answer.
	Answered http.Header
	Answer   []byte
}

// Checker knows one document; safe for concurrent use.
type Checker struct {
	document   any
	operations []operation
	schemas    map[string]*jsonschema.Schema // by JSON pointer

	mu   sync.Mutex
	seen map[string]int
}

// object is a JSON object.
type object = map[string]any

// operation is one operation of the document.
type operation struct {
	id, method, function string
	segments             []string // of the path; a wildcard is {name}
	at                   string   // JSON pointer
	is                   object
}

// resource is the name under which the schemas of the document are compiled.
const resource = "openapi.json"

// New reads a document. It fails if it is none, or if a schema in it is wrong.
func New(document []byte) (*Checker, error) {
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	w := &Checker{document: read, schemas: map[string]*jsonschema.Schema{}, seen: map[string]int{}}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(resource, read); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if err := w.compile(compiler, read, ""); err != nil {
		return nil, err
	}
	paths := member(read, "paths")
	for _, path := range sorted(paths) {
		for _, method := range sorted(member(paths, path)) {
			is, _ := member(member(paths, path), method).(object)
			w.operations = append(w.operations, operation{
				id: text(is["operationId"]), method: strings.ToUpper(method), function: text(first(is["tags"])),
				segments: strings.Split(path, "/"), at: pointer("paths", path, method), is: is,
			})
		}
	}
	if len(w.operations) == 0 {
		return nil, fmt.Errorf("the OpenAPI document has no operations")
	}
	return w, nil
}

// Another knows the same document, and has seen nothing.
func (w *Checker) Another() *Checker {
	return &Checker{document: w.document, operations: w.operations, schemas: w.schemas, seen: map[string]int{}}
}

// compile compiles every schema of the document that is not inside another.
func (w *Checker) compile(compiler *jsonschema.Compiler, value any, at string) error {
	o, ok := value.(object)
	if !ok {
		list, _ := value.([]any)
		for n, one := range list {
			if err := w.compile(compiler, one, fmt.Sprint(at, "/", n)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, key := range sorted(o) {
		here := at + pointer(key)
		switch key {
		case "schema", "x-input", "x-line", "input", "output":
			schema, err := compiler.Compile(resource + "#" + (&url.URL{Path: here}).EscapedPath())
			if err != nil {
				return fmt.Errorf("the schema at %s: %w", here, err)
			}
			w.schemas[here] = schema
		default:
			if err := w.compile(compiler, o[key], here); err != nil {
				return err
			}
		}
	}
	return nil
}

// Judge says what of an exchange contradicts the document; nil: nothing does.
// What the platform or the local gateway answers in place of a function is not
// the document's matter.
func (w *Checker) Judge(x Exchange) []error {
	path := x.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/_local/invoke/"):
		return w.event(x, strings.TrimPrefix(path, "/_local/invoke/"))
	case strings.HasPrefix(path, "/_local/trigger/"):
		return w.fired(x, strings.TrimPrefix(path, "/_local/trigger/"))
	case strings.HasPrefix(path, "/_local/"):
		return nil
	case (path == "/healthz" || path == "/openapi.json") && member(member(w.document, "paths"), path) == nil:
		return nil
	}
	function := ""
	if own, ok := strings.CutPrefix(path, "/_fn/"); ok {
		function, path, _ = strings.Cut(own, "/")
		path = "/" + path
	}
	found := w.http(x, function, path)
	for n, err := range found {
		found[n] = fmt.Errorf("%s %s: %d: %w", x.Method, x.URL.RequestURI(), x.Status, err)
	}
	return found
}

// Seen tells how often each operation was answered with each status, as
// "find.images 200".
func (w *Checker) Seen() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.seen)
}

// Operations are the ids of all operations, in order.
func (w *Checker) Operations() []string {
	ids := make([]string, len(w.operations))
	for n, o := range w.operations {
		ids[n] = o.id
	}
	slices.Sort(ids)
	return ids
}

// note counts an answer of an operation.
func (w *Checker) note(id string, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[fmt.Sprint(id, " ", status)]++
}

// byPlatform reports whether no function answered: it failed, or nobody waits.
func byPlatform(x Exchange) bool {
	return x.Answered.Get("X-Fc-Error-Type") != "" || strings.EqualFold(x.Header.Get("X-Fc-Invocation-Type"), "Async")
}

// http judges a request for a path, sent to the function whose path it is or to
// one by its name.
func (w *Checker) http(x Exchange, function, path string) []error {
	op, wildcards, ok := w.find(x.Method, path)
	if function != "" && op.function != strings.TrimPrefix(function, "imagekeeper-") {
		ok = false // a function knows its own operations only
	}
	switch {
	case byPlatform(x):
		return nil
	case !ok && x.Status < http.StatusBadRequest:
		return []error{fmt.Errorf("is answered, and no operation of the document is for it")}
	case !ok:
		return nil
	}
	w.note(op.id, x.Status)
	var found []error
	if forbidden := w.request(op, wildcards, x); forbidden != nil && (x.Status < 400 || x.Status >= 500) {
		found = append(found, fmt.Errorf("the document forbids what was not refused: %w", forbidden))
	}
	return append(found, w.answer(op, x)...)
}

// find returns the operation for a path, and what its wildcards stand for. A
// word goes before a wildcard.
func (w *Checker) find(method, path string) (operation, map[string]string, bool) {
	given := strings.Split(path, "/")
	var best operation
	var values map[string]string
	for _, op := range w.operations {
		if found, fits := op.match(method, given); fits && (values == nil || len(found) < len(values)) {
			best, values = op, found
		}
	}
	return best, values, values != nil
}

func (op operation) match(method string, given []string) (map[string]string, bool) {
	if op.method != method || len(op.segments) != len(given) {
		return nil, false
	}
	values := map[string]string{}
	for n, segment := range op.segments {
		name, wild := strings.CutPrefix(segment, "{")
		value, err := url.PathUnescape(given[n])
		switch {
		case wild && err == nil && value != "":
			values[strings.TrimSuffix(name, "}")] = value
		case wild || segment != value:
			return nil, false
		}
	}
	return values, true
}

// validate holds a value against the schema at a place of the document.
func (w *Checker) validate(value any, at string) error {
	schema := w.schemas[at]
	if schema == nil {
		return fmt.Errorf("the document has no schema at %s", at)
	}
	return schema.Validate(value)
}

// validateText is validate for JSON text.
func (w *Checker) validateText(raw []byte, at string) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("is not one JSON document: %w", err)
	}
	return w.validate(value, at)
}

// resolve follows a reference inside the document.
func (w *Checker) resolve(value any, at string) (object, string) {
	o, _ := value.(object)
	ref, ok := strings.CutPrefix(text(o["$ref"]), "#")
	if !ok {
		return o, at
	}
	target := w.document
	for _, key := range strings.Split(ref, "/")[1:] {
		target = member(target, strings.NewReplacer("~1", "/", "~0", "~").Replace(key))
	}
	return w.resolve(target, ref)
}

// pointer is a JSON pointer of some keys.
func pointer(keys ...string) string {
	var at strings.Builder
	for _, key := range keys {
		at.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	return at.String()
}

func member(value any, name string) any {
	o, _ := value.(object)
	return o[name]
}

// sorted are the keys of an object in order; none of anything else.
func sorted(value any) []string {
	o, _ := value.(object)
	return slices.Sorted(maps.Keys(o))
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func first(value any) any {
	if list, _ := value.([]any); len(list) > 0 {
		return list[0]
	}
	return nil
}

// decoded is a JSON object, nil if raw is anything else.
func decoded(raw []byte) map[string]json.RawMessage {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}
