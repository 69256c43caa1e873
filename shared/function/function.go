// Package function is the adapter between an operation, which is an ordinary
// typed Go function, and the place where it runs: Function Compute, AWS Lambda
// or a direct call. It is the only package that knows a runtime.
//
// Every kind of event goes the same way: recognise, decode strictly, validate,
// do, answer. Whatever goes wrong on it is answered as a problem document
// (RFC 9457); the platform never sees an error or a panic.
package function

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"regexp/syntax"
	"strings"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// Role says who may call an operation.
type Role string

// The roles; each of operator, fleet and reaper includes viewer and nothing else.
const (
	Viewer   Role = "viewer"   // reads and plans
	Operator Role = "operator" // applies share and import
	Fleet    Role = "fleet"    // applies replace-disk
	Reaper   Role = "reaper"   // applies cleanup and deletes
	// Applier is no role that is given: who has operator, fleet or reaper has it. It
	// is for brakes, which everybody who may apply anything may pull.
	Applier Role = "operator, fleet or reaper"
)

// Spec is what is known of an operation beside its types.
type Spec struct {
	// Name is that of the direct call, e.g. "find.images".
	Name string
	// Pattern is the route in the form of net/http.ServeMux: a method, a path
	// and wildcards, e.g. "GET /images/{imageId}". Wildcards carry the JSON
	// names of fields of the input. Empty: not reachable over HTTP.
	Pattern string
	// Summary is one line for people; the OpenAPI document shows it.
	Summary string
	// Role is who may call it; empty means Viewer. It is looked at before the
	// input is.
	Role Role
	// Public lets everybody call over HTTP, with or without a token, as an
	// anonymous viewer: for what is no secret, such as the files of a page.
	Public bool
	// ApplyRole is who may carry out what it plans, beside being able to call
	// it; empty: there is nothing to apply. An input asks to apply by a field
	// "apply" that is not left out, or by a method Applying() bool that says so.
	ApplyRole Role
	// Success are the statuses of answers that are no failure; empty: 200.
	Success []int
	// Fails are the kinds of failure that are this operation's own, beside those
	// that any operation may meet: see Describe.
	Fails []fault.Kind
	// Tells are kinds of failure of which it may answer its output in full, as a
	// problem document: Out embeds a *Problem, which is set then.
	Tells []fault.Kind
	// Margin is how much of its time it has for writing its answer, at most a
	// tenth: its context ends so much earlier, and what was read by then is
	// answered, the rest told to be unknown. Zero: nothing of it.
	Margin time.Duration
	// Headers are those that HTTPHeader may add, with what they say.
	Headers map[string]string
}

// Operation is one thing a function can do. Make one with Handle, OnTimer,
// OnObjects or OnEvent.
type Operation struct {
	spec    Spec
	trigger trigger
	in, out reflect.Type // in is nil for triggers
	decode  func(input) (any, error)
	do      func(ctx context.Context, call Call, in any) (any, error)
}

// Handle makes an operation that callers reach, over HTTP by spec.Pattern and
// directly by spec.Name.
//
// In is a struct whose fields have JSON names and validate tags. Path
// wildcards and query parameters fill its fields that are text, numbers,
// booleans, times, types that read themselves from text, or lists of these
// (comma lists); a map of texts tagged query:"tag." collects tag.<key>=<value>,
// and query:"-" keeps a field out of the query. POST, PUT and PATCH take a JSON
// body as well, decoded strictly. No field may be given twice.
//
// Out is answered as JSON. It may have any of these methods:
//
//	HTTPStatus() int                         another status than 200
//	HTTPHeader() http.Header                 headers to add
//	Rows() ([]string, iter.Seq[[]string])    format=csv: the header and the rows
//	Lines() iter.Seq[any]                    format=ndjson: the lines
//	Content() []byte                         bytes that are sent as they are, with the
//	                                         Content-Type of HTTPHeader; MediaTypes() []string
//	                                         tells which there can be
//
// Rows and Lines are served when In embeds a Table and it says so. For
// the OpenAPI document, Columns() [][]string tells the headers that a table can
// have if there are several, and LineTypes() []any has a value of each type
// that a line can have.
//
// do must be safe for concurrent use. Its error becomes a problem document:
// a *fault.Error says what the caller may know, of any other error only the
// kind is told. ctx ends a little before the platform's deadline.
func Handle[In, Out any](spec Spec, do func(ctx context.Context, call Call, in In) (Out, error)) Operation {
	return Operation{
		spec: spec, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		decode: read[In],
		do: func(ctx context.Context, call Call, in any) (any, error) {
			return do(ctx, call, in.(In))
		},
	}
}

// Function is a set of operations under one name; safe for concurrent use.
type Function struct {
	name       string
	operations map[string]*Operation
	triggers   map[trigger]*Operation
	mux        *http.ServeMux
	rules      []Rule
	validation func() *validation
	gate       gate
	auditor    func(context.Context, AuditRecord)
	limit      int           // bytes of an answer as the platform gets it
	patience   time.Duration // of the gateway before the function; 0: as long as the function has
	broken     error         // why it can only answer with problems
	document   Document
}

// New makes a function of its operations. It panics if they contradict each
// other (one name or one route twice, a wildcard without a field, a role for
// applying without a field "apply"): that is a defect of the program which every start and every test finds.
func New(name string, ops ...Operation) *Function {
	f := &Function{
		name: name, operations: map[string]*Operation{}, triggers: map[trigger]*Operation{},
		mux: http.NewServeMux(), limit: limitFunctionCompute,
	}
	f.With()
	for i := range ops {
		if err := f.add(&ops[i]); err != nil {
			panic(fmt.Sprintf("function %s: %v", name, err))
		}
	}
	return f
}

// With adds rules for validate tags and returns f. Call it before the first
// event. It panics if a pattern is no regular expression.
func (f *Function) With(rules ...Rule) *Function {
	for _, rule := range rules {
		if _, err := syntax.Parse(rule.Pattern, syntax.Perl); err != nil {
			panic(fmt.Sprintf("function %s: rule %s: %v", f.name, rule.Tag, err))
		}
	}
	f.rules = append(f.rules, rules...)
	f.validation = sync.OnceValue(func() *validation { return newValidation("json", f.rules) })
	return f
}

func (f *Function) add(op *Operation) error {
	if op.in == nil {
		if f.triggers[op.trigger] != nil {
			return fmt.Errorf("%s is there twice", op.spec.Name)
		}
		f.triggers[op.trigger] = op
		return nil
	}
	if op.spec.Name == "" || f.operations[op.spec.Name] != nil {
		return fmt.Errorf("operation %q needs a name of its own", op.spec.Name)
	}
	if op.in.Kind() != reflect.Struct {
		return fmt.Errorf("operation %s: its input must be a struct", op.spec.Name)
	}
	if err := op.embedsByValue(); err != nil {
		return err
	}
	if !op.appliable() {
		return fmt.Errorf("operation %s: it has a role for applying, but its input cannot ask to apply", op.spec.Name)
	}
	f.operations[op.spec.Name] = op
	if op.spec.Pattern == "" {
		return nil
	}
	names := wildcards(op.spec.Pattern)
	if err := op.bindable(names); err != nil {
		return fmt.Errorf("operation %s: %w", op.spec.Name, err)
	}
	f.mux.Handle(op.spec.Pattern, route{f: f, op: op, wildcards: names})
	return nil
}

// embedsByValue reports the first field behind an embedded pointer.
func (op *Operation) embedsByValue() error {
	for _, f := range strictjson.Fields(op.in) {
		at := op.in
		for _, i := range f.Index[:len(f.Index)-1] {
			if at = at.Field(i).Type; at.Kind() == reflect.Pointer {
				return fmt.Errorf("operation %s: its input must embed %v by value", op.spec.Name, at.Elem())
			}
		}
	}
	return nil
}

// bindable reports the first wildcard that no field takes.
func (op *Operation) bindable(wildcards []string) error {
	b := binder{fields: strictjson.Fields(op.in)}
	for _, name := range wildcards {
		if _, err := b.field(name, inPath); err != nil {
			return fmt.Errorf("the wildcard: %w", err)
		}
	}
	return nil
}

// wildcards returns the names in a pattern: "GET /images/{imageId}" has one.
func wildcards(pattern string) []string {
	var names []string
	for {
		_, rest, found := strings.Cut(pattern, "{")
		if !found {
			return names
		}
		name, after, _ := strings.Cut(rest, "}")
		if name != "$" {
			names = append(names, strings.TrimSuffix(name, "..."))
		}
		pattern = after
	}
}
