// Package fault is the closed list of the kinds in which anything here can
// fail. Callers decide by kind, never by text.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is one way to fail. A Kind is itself an error, so that
// errors.Is(err, fault.NotFound) asks for the kind of err.
type Kind string

// The closed list of kinds.
const (
	Invalid         Kind = "invalid"         // the request cannot be right; repeating it does not help
	Unauthenticated Kind = "unauthenticated" // the caller did not show who they are
	Forbidden       Kind = "forbidden"       // the caller, or our role, may not
	NotFound        Kind = "notFound"        // the thing asked for does not exist
	Conflict        Kind = "conflict"        // the world, or another writer, was different from what was expected
	Precondition    Kind = "precondition"    // the thing is in a state that does not allow it
	Exhausted       Kind = "exhausted"       // a quota or a cap, ours or the account's
	Throttled       Kind = "throttled"       // too many calls; later it works
	Unavailable     Kind = "unavailable"     // the other side is down, or did not answer in time
	Unknown         Kind = "unknown"         // the answer cannot be trusted: empty, short, malformed
	Internal        Kind = "internal"        // a defect of ours
)

// Kinds returns all kinds, in the order of their declaration.
func Kinds() []Kind {
	return []Kind{
		Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Precondition,
		Exhausted, Throttled, Unavailable, Unknown, Internal,
	}
}

// Error makes a Kind usable as a target of errors.Is.
func (k Kind) Error() string { return string(k) }

// HTTPStatus is the status with which a failure of this kind is answered.
// A kind that is not in the list is an internal failure.
func (k Kind) HTTPStatus() int {
	switch k {
	case Invalid:
		return 400
	case Unauthenticated:
		return 401
	case Forbidden:
		return 403
	case NotFound:
		return 404
	case Conflict:
		return 409
	case Precondition:
		return 422
	case Exhausted:
		return 429
	case Throttled, Unavailable:
		return 503
	case Unknown:
		return 502
	}
	return 500
}

// Error is a failure with what a caller may know of it.
type Error struct {
	// Kind is what callers act on.
	Kind Kind
	// Code is stable and more exact than the kind, in camelCase for our own
	// codes and as ECS writes it for a vendor's. Empty means the kind's name.
	Code string
	// Field is the JSON name of the input that is wrong, if one is.
	Field string
	// Sentence is safe to show to the caller: no secrets, no internal text.
	Sentence string
	// Permission is the action that was refused for want of permission, as RAM names
	// it: ecs:DescribeImages. Empty if that is not the reason, or was not said.
	Permission string
	// RequestID is the vendor's, when a vendor's answer is the reason.
	RequestID string
	// RetryAfter is how long to wait before trying again makes sense; zero when
	// nothing says.
	RetryAfter time.Duration
	// Cause is for the log only.
	Cause error
}

// New returns a failure of kind k with a sentence that callers may see.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Sentence: fmt.Sprintf(format, args...)}
}

// InField returns a failure of kind Invalid that blames one field of the
// input by its JSON name.
func InField(field, code, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: code, Field: field, Sentence: fmt.Sprintf(format, args...)}
}

// Wrap returns a failure of kind k that keeps cause for the log. The caller
// sees only the sentence.
func Wrap(k Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: k, Sentence: fmt.Sprintf(format, args...), Cause: cause}
}

// WithCode returns a copy of e with a stable code.
func (e *Error) WithCode(code string) *Error {
	c := *e
	c.Code = code
	return &c
}

// Error is for the log: field, sentence and cause.
func (e *Error) Error() string {
	s := e.Sentence
	if s == "" {
		s = string(e.Kind)
	}
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause without its kind: whoever wrapped it said what it means
// here. A write that was refused as a conflict and could not be looked for is
// Unknown, and nobody is to take it for a conflict.
func (e *Error) Unwrap() error {
	if e.Cause == nil {
		return nil
	}
	return cause{e.Cause}
}

// Is reports whether target is the kind of e.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// cause is everything that a cause is but one of the kinds.
type cause struct{ err error }

func (c cause) Error() string { return c.err.Error() }

func (c cause) Is(target error) bool {
	_, kind := target.(Kind)
	return !kind && errors.Is(c.err, target)
}

func (c cause) As(target any) bool {
	switch target.(type) {
	case **Error, *Kind:
		return false
	}
	return errors.As(c.err, target)
}

// Of returns the kind of err: that of the outermost *Error or Kind in it,
// Unavailable for a context that ended, else Internal. The kind of nil is "".
func Of(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// Code returns the stable code of err: the code it carries, else its kind.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code != "" {
		return e.Code
	}
	return string(Of(err))
}

// Permission returns the action that err was refused for want of permission to,
// as RAM names it; empty if that is not the reason, or it does not say which.
func Permission(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Permission
	}
	return ""
}

// Sentence returns what the caller may be told of err: the sentence of the
// outermost *Error, else only the kind. Text of other errors is never shown.
func Sentence(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Sentence != "" {
		return e.Sentence
	}
	return string(Of(err))
}
