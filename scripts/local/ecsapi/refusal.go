package ecsapi

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"imagekeeper/shared/cloudsim"
)

// refusal is an error as it goes over the wire.
type refusal struct {
	status  int
	code    string
	message string
	// retryAfter, if positive, goes into the header x-acs-retry-after.
	retryAfter time.Duration
	// action is what a denied caller lacks the permission for.
	action string
}

// Error makes a refusal an error of the code that answers a call.
func (r *refusal) Error() string { return fmt.Sprintf("%s (%d): %s", r.code, r.status, r.message) }

func refuse(status int, code, message string, args ...any) *refusal {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	return &refusal{status: status, code: code, message: message}
}

func missingParameter(name string) *refusal {
	return refuse(400, "MissingParameter",
		`The input parameter "%s" that is mandatory for processing this request is not supplied.`, firstOf(name))
}

func invalidParameter(name string) *refusal {
	return refuse(400, "InvalidParameter", `The specified parameter "%s" is not valid.`, name)
}

func unsupportedParameter(name string) *refusal {
	return refuse(400, "UnsupportedParameter", `The specified parameter "%s" is not supported.`, name)
}

func internalError() *refusal {
	return refuse(500, "InternalError", "The request processing has failed due to some unknown error.")
}

func serviceUnavailable() *refusal {
	return refuse(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
}

// denied is the product's way to refuse a caller without the permission.
func denied(p product) *refusal {
	if p == sts() {
		return refuse(403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.")
	}
	return refuse(403, "Forbidden.RAM",
		"User not authorized to operate on the specified resource, or this API doesn't support RAM.")
}

func throttled(retryAfter time.Duration) *refusal {
	r := refuse(400, "Throttling.User", "Request was denied due to user flow control.")
	r.retryAfter = retryAfter
	return r
}

// firstOf names the first of a repeat: ResourceId.N is missed as ResourceId.1.
func firstOf(row string) string { return strings.Replace(row, ".N", ".1", 1) }

// missingInTags is how the tag operations miss a parameter: 404, and a code
// that names it.
func missingInTags(row string) *refusal {
	code, shown := row, row
	switch row {
	case "ResourceId.N":
		code, shown = "ResourceIds", "ResourceIds.N"
	case "Tag.N.Key":
		code, shown = "Tags", "Tags"
	}
	return refuse(404, "MissingParameter."+code, "The parameter - %s should not be null.", shown)
}

// missingInDisks is DescribeDisks' misspelled own.
func missingInDisks(row string) *refusal {
	if row == "RegionId" {
		return refuse(400, "MissingParamter.RegionId", "The regionId should not be null.")
	}
	return missingParameter(row)
}

// malformedIDs answers a list of ids that is not a JSON array of strings with
// the operation's own code, and anything else as invalidParameter does.
func malformedIDs(row string, own *refusal) func(string) *refusal {
	return func(name string) *refusal {
		if name == row {
			return own
		}
		return invalidParameter(name)
	}
}

// unsupportedIDs refuses ids of instances as the operations of key pairs do.
func unsupportedIDs(name string) *refusal {
	return malformedIDs("InstanceIds", refuse(400, "InvalidInstanceIds.ValueNotSupported", "The specified parameter InstanceIds is not supported."))(name)
}

// onWire turns an error of the cloud into a refusal. It reports false for an
// error that is not the cloud's no: a defect.
func onWire(err error) (*refusal, bool) {
	var own *refusal
	if errors.As(err, &own) {
		return own, true
	}
	var theirs *cloudsim.Refusal
	if errors.As(err, &theirs) {
		no := refuse(theirs.Status, theirs.Code, "%s", theirs.Message)
		if theirs.Code == "Forbidden.RAM" {
			no.action = theirs.Action
		}
		return no, true
	}
	return internalError(), false
}
