// Package function is the adapter between an operation, which is an ordinary
// typed Go function, and the place where it runs: Function Compute, AWS Lambda
// or a direct call. It is the only package that knows a runtime.
//
// Every kind of event ends in the same few steps: recognise, decode strictly,
// validate, do, answer. Whatever goes wrong on the way is answered as a
// problem document (RFC 9457); the platform never sees an error or a panic.
package function

import (
	"context"
	"reflect"
)

// Role says who may call an operation.
type Role string

// The roles; each of operator, fleet and reaper includes viewer and nothing else.
const (
	Viewer   Role = "viewer"   // reads and plans
	Operator Role = "operator" // applies share and import
	Fleet    Role = "fleet"    // applies replace-disk
	Reaper   Role = "reaper"   // applies cleanup and deletes
)

// Spec is what is known of an operation beside its types.
type Spec struct {
	// Name is that of the direct call, e.g. "find.images".
	Name string
	// Pattern is the route in the form of net/http.ServeMux: a method, a path
	// and wildcards, e.g. "GET /images/{imageId}". Wildcards carry the JSON
	// names of fields of the input. Empty: not reachable over HTTP.
	Pattern string
	// Summary is one line for people; it is shown in the OpenAPI document.
	Summary string
	// Role is who may call it; empty means Viewer.
	Role Role
	// ApplyRole is who may carry out what it plans; empty: there is nothing to apply.
	ApplyRole Role
}

// Operation is one thing a function can do: an operation of Handle, or what
// happens on a timer or an event. Make one with Handle, OnTimer, OnObject or OnEvent.
type Operation struct {
	spec    Spec
	trigger trigger
	in, out reflect.Type
	decode  func(input) (any, error)
	do      func(ctx context.Context, call Call, in any) (any, error)
}
