package cloudsim

import (
	"fmt"

	"imagekeeper/shared/fault"
)

// Refusal is ECS's no: its code and HTTP status exactly as on the wire,
// misspellings included. It matches its Kind under errors.Is.
type Refusal struct {
	Code    string
	Status  int
	Message string
	Kind    fault.Kind
	// Action is the RAM action that was denied, if the refusal is a denial.
	Action string
}

// Error is for logs and tests: code, status and message.
func (r *Refusal) Error() string { return fmt.Sprintf("%s (%d): %s", r.Code, r.Status, r.Message) }

// Is reports whether target is the refusal's kind.
func (r *Refusal) Is(target error) bool {
	k, ok := target.(fault.Kind)
	return ok && k == r.Kind
}

// refuse returns a refusal of the kind that the status suggests: 404 NotFound,
// 409 Conflict, other 4xx Invalid. Those of another kind are made by the
// functions below.
func refuse(status int, code, message string, args ...any) *Refusal {
	kind := fault.Invalid
	switch status {
	case 404:
		kind = fault.NotFound
	case 409:
		kind = fault.Conflict
	}
	return refuseAs(kind, status, code, message, args...)
}

func refuseAs(kind fault.Kind, status int, code, message string, args ...any) *Refusal {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	return &Refusal{Code: code, Status: status, Message: message, Kind: kind}
}

// wrongState refuses because of the state something is in.
func wrongState(status int, code, message string, args ...any) *Refusal {
	return refuseAs(fault.Precondition, status, code, message, args...)
}

// overQuota refuses because a quota of the account is used up.
func overQuota(status int, code, message string, args ...any) *Refusal {
	return refuseAs(fault.Exhausted, status, code, message, args...)
}

// malformed refuses a parameter's value, with whatever status ECS has for it.
func malformed(status int, code, message string, args ...any) *Refusal {
	return refuseAs(fault.Invalid, status, code, message, args...)
}

// missing refuses because a mandatory parameter is absent.
func missing(name string) *Refusal {
	return refuse(400, "MissingParameter", "The input parameter \"%s\" that is mandatory for processing this request is not supplied.", name)
}
