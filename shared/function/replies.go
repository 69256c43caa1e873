package function

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"imagekeeper/shared/fault"
)

// responsesAt is where the answers are that operations have in common.
const responsesAt = "#/components/responses/"

// described is one status of a refusal, as the document tells it.
type described struct {
	name string // of the response
	when string
	// everywhere: any operation may answer it; else Spec.Fails or Tells say so.
	everywhere bool
	header     object
}

// refused returns how the document tells each status of a refusal.
func refused() map[int]described {
	challenged := object{"WWW-Authenticate": header("string", "How to show who one is (RFC 6750), and what is wrong with the token")}
	return map[int]described{
		http.StatusBadRequest: {
			"Invalid", "The request cannot be right, and repeating it does not help; `field` names what is wrong, `errors` each of several", true, nil,
		},
		http.StatusUnauthorized:          {"Unauthenticated", "There is no token, or it is not accepted; `code` says why", true, challenged},
		http.StatusForbidden:             {"Forbidden", "The caller may not do this (`roleMissing`), or the role of the function may not", true, challenged},
		http.StatusNotFound:              {"NotFound", "Nothing of this name was found, and everything was read", false, nil},
		http.StatusConflict:              {"Conflict", "The world, or another writer, was different from what was expected", false, nil},
		http.StatusRequestEntityTooLarge: {"TooLarge", "The body is longer than 256 KiB, or the answer longer than the platform can send (`answerTooLarge`): ask for less", true, nil},
		http.StatusUnsupportedMediaType:  {"NotJSON", "The body says that it is something else than JSON in UTF-8, as it is (`mediaType`)", true, nil},
		http.StatusUnprocessableEntity:   {"Precondition", "The thing is in a state that does not allow it", false, nil},
		http.StatusTooManyRequests:       {"Exhausted", "A quota or a cap is used up: the account's, or one of ours", true, nil},
		http.StatusInternalServerError:   {"Internal", "A defect of ours, or a wrong configuration (`configuration`)", true, nil},
		http.StatusBadGateway: {
			"Unknown", "What the cloud answered cannot be trusted, so nothing is known", true,
			object{"Retry-After": header("integer", "Seconds to wait, where it passes")},
		},
		http.StatusServiceUnavailable: {
			"Unavailable", "The cloud is down, asks for fewer calls, or did not answer in time; later it works", true,
			object{"Retry-After": header("integer", "Seconds to wait")},
		},
	}
}

func header(kind, means string) object {
	return object{"description": means, "schema": object{"type": kind}}
}

// headersAt is where the headers are that every answer has.
const headersAt = "#/components/headers/"

// sealing are the headers that every answer has; see answer.sealed.
func sealing() object {
	return object{
		"Cache-Control":          header("string", "no-store, unless the answer says something else: what is true now need not be later"),
		"X-Content-Type-Options": header("string", "nosniff: the content is what content-type says"),
		headerVersion:            header("string", "The version of the function that answers"),
		"X-Request-Id":           header("string", "The request id, as the log and problems have it"),
	}
}

// withHeaders adds headers to a response, after those that every answer has.
func withHeaders(response, more object) object {
	headers := object{}
	for name := range sealing() {
		headers[name] = object{"$ref": headersAt + name}
	}
	maps.Copy(headers, more)
	response["headers"] = headers
	return response
}

// refusals are the responses that operations have in common.
func (s *schemas) refusals() object {
	responses := object{}
	for _, d := range refused() {
		responses[d.name] = d.response(s.of(typeOf[Problem](), answers), nil)
	}
	return responses
}

// response is the answer; more are headers of one operation.
func (d described) response(schema object, more object) object {
	headers := object{}
	maps.Copy(headers, d.header)
	maps.Copy(headers, more)
	return withHeaders(object{"description": d.when, "content": object{typeProblem: object{"schema": schema}}}, headers)
}

// responses are all answers of an operation, by status.
func (s *schemas) responses(op *Operation) object {
	responses, own := object{}, object{}
	for name, means := range op.spec.Headers {
		own[name] = header("string", means)
	}
	for _, status := range op.spec.success() {
		one := object{"description": http.StatusText(status)}
		if op.spec.Summary != "" {
			one["description"] = op.spec.Summary
		}
		if status != http.StatusNoContent && status != http.StatusNotModified {
			one["content"] = s.content(op)
		}
		responses[strconv.Itoa(status)] = withHeaders(one, own)
	}
	fails, tells := statuses(op.spec.Fails), statuses(op.spec.Tells)
	for status, d := range refused() {
		switch {
		case op.spec.Public && (status == http.StatusUnauthorized || status == http.StatusForbidden):
			continue // nobody is asked who it is
		case slices.Contains(tells, status):
			responses[strconv.Itoa(status)] = d.response(s.whole(op.out, failing), own)
		case d.everywhere, slices.Contains(fails, status):
			responses[strconv.Itoa(status)] = object{"$ref": responsesAt + d.name}
		}
	}
	return responses
}

func (s Spec) success() []int {
	if len(s.Success) == 0 {
		return []int{http.StatusOK}
	}
	return s.Success
}

func statuses(kinds []fault.Kind) []int {
	all := make([]int, len(kinds))
	for i, kind := range kinds {
		all[i] = kind.HTTPStatus()
	}
	return all
}
