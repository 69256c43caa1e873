package function

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

type trigger struct{}
type input struct{}

// Function is a set of operations under one name; safe for concurrent use.
type Function struct {
	name string
	ops  []Operation
}

// Lookup finds the value of a variable of the environment.
type Lookup func(name string) (string, bool)

// New makes a function of its operations. It panics if they contradict each
// other (one name or one route twice, a wildcard without a field): that is a
// defect of the program which any test finds.
func New(name string, ops ...Operation) *Function { return &Function{name: name, ops: ops} }

// Handle makes an operation of do.
func Handle[In, Out any](spec Spec, do func(ctx context.Context, call Call, in In) (Out, error)) Operation {
	return Operation{spec: spec}
}

// Tick is one firing of a timer.
type Tick struct {
	// Name is the trigger's.
	Name string
	// At is when it was due, UTC.
	At time.Time
	// Payload is the text configured with the trigger.
	Payload string
}

// OnTimer makes do the answer to the timer trigger with that name.
func OnTimer[Out any](name string, do func(ctx context.Context, call Call, tick Tick) (Out, error)) Operation {
	return Operation{}
}

// Rule is a validation of our own for text: a field tagged validate:"<Tag>" must satisfy it.
type Rule struct {
	// Tag is the name used in validate tags.
	Tag string
	// Pattern is an anchored regular expression (RE2); it is shown in the OpenAPI document.
	Pattern string
	// Sentence ends "<field> …", e.g. "must be an image id such as m-bp1…".
	Sentence string
}

// With adds rules and returns f. Call it before the first event.
func (f *Function) With(rules ...Rule) *Function { return f }

// Configure fills a T from the variables that its fields name.
func Configure[T any](look Lookup) (T, error) {
	var t T
	return t, errors.New("not yet")
}

// Serve is the whole main of a function.
func Serve(name string, open func(Lookup) (*Function, error)) {}

// ServeHTTP answers one HTTP request. The call is that of the context, if Invoke put one there.
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Invoke answers one event of any kind. base is what the platform told beside
// the event; Source and Log are filled in. It never fails: what goes wrong is in the answer.
func (f *Function) Invoke(ctx context.Context, base Call, event []byte) json.RawMessage { return nil }
