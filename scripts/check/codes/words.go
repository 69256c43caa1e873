package codes

import (
	"net/http"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
)

// kindMeans is when a failure has no code of its own, but that of its kind.
func kindMeans(kind fault.Kind) string {
	return map[fault.Kind]string{
		fault.Invalid: "the request cannot be right", fault.Unauthenticated: "the caller did not show who they are",
		fault.Forbidden: "the caller, or the role of the function, may not do this", fault.NotFound: "the thing asked for does not exist, and everything was read",
		fault.Conflict: "the world, or another writer, was different from what was expected", fault.Precondition: "the thing is in a state that does not allow it",
		fault.Exhausted: "a quota or a cap is used up", fault.Throttled: "too many calls", fault.Unavailable: "the other side is down, or did not answer in time",
		fault.Unknown: "what the cloud answered cannot be trusted", fault.Internal: "a defect of ours",
	}[kind]
}

// remedyOf is what to do about a failure of a kind.
func remedyOf(kind fault.Kind) string {
	return map[fault.Kind]string{
		fault.Invalid: "correct what `field` names", fault.Unauthenticated: "come with a token that is good", fault.Forbidden: "ask for the role, or grant the permission, that the answer names",
		fault.NotFound: "check the name, and where it is looked for", fault.Conflict: "look at what is there now, and decide again",
		fault.Precondition: "change the state that the sentence names, or what is asked", fault.Exhausted: "ask for less, or raise the quota",
		fault.Throttled: "repeat after `Retry-After`", fault.Unavailable: "repeat after `Retry-After`",
		fault.Unknown: "repeat; if it stays, see `/access` and the log", fault.Internal: "report it with its request id; the log has the cause",
	}[kind]
}

// remedies are those of codes for which more can be said than by their kind.
func remedies() map[string]string {
	return map[string]string{
		"emptyValue": "leave the field out, or give it a value", "wrongType": "write the value as the type that the sentence names; leave out what is null",
		"unknownField": "take the name that the sentence suggests", "otherCase": "write the name as the sentence has it", "duplicateField": "give it once",
		"roleMissing": "call with a token that has the role", "configuration": "correct the variable that the answer names", "planChanged": "look at the plan in the answer, and apply its digest",
		"deadlineExceeded": "ask for less, or give the function more time", "answerTooLarge": "ask for less: with `limit`, and then on with `nextCursor`; or for fewer `fields`", "bodyTooLarge": "send at most 256 KiB",
		"mediaType": "send JSON in UTF-8, as `application/json`", "noSuchRoute": "take a route of `openapi.json`", "methodNotAllowed": "take a method of the header `Allow`",
		"noSuchOperation": "take an operation that the sentence names", "limitsNotAllowed": "over HTTP apply by `digest`",
		"unknownRegion": "name a region that the deployment looks at (`REGIONS`)", "unknownAccount": "name an account that the deployment looks at (`ACCOUNTS`)",
		"planTooLarge": "narrow the request as the sentence says, or give the function more time",
		"unread":       "see `unknown` for what could not be read, and the permission that would cure it", "ambiguous": "narrow it by `region` or `account`",
	}
}

// also are kinds that a code has beside those that are written where it is: what is
// throttled everywhere is so for a while only.
func also() map[string]fault.Kind {
	return map[string]fault.Kind{"unread": fault.Throttled}
}

// exceptions are the codes for which HTTP has a status of its own.
func exceptions() map[string]int {
	return map[string]int{
		"bodyTooLarge": http.StatusRequestEntityTooLarge, "answerTooLarge": http.StatusRequestEntityTooLarge,
		"mediaType": http.StatusUnsupportedMediaType, "methodNotAllowed": http.StatusMethodNotAllowed,
	}
}

// ruleMeans is what the rules that come with the validator refuse; empty for
// rules of our own, which say it themselves.
func ruleMeans(rule string) string {
	return map[string]string{
		"required": "a field that is needed is missing", "oneof": "a text that is none of the allowed ones", "min": "less, shorter or fewer than allowed", "max": "more or longer than allowed",
		"len": "not exactly as many as needed", "gt": "not more than the limit", "gte": "less than the limit", "lt": "not less than the limit", "lte": "more than the limit",
		"unique": "the same entry twice", "gtfield": "not after, or not more than, another field", "gtefield": "before, or less than, another field",
		"ltfield": "not before, or not less than, another field", "ltefield": "after, or more than, another field", "nefield": "the same as another field",
		"required_with": "needed together with another field", "required_without": "needed unless another field is given", "required_if": "needed by what another field says",
		"excluded_with": "given together with a field that excludes it", "excluded_without": "given without a field that it needs",
		"url": "no URL", "http_url": "no URL", "numeric": "no digits", "number": "no digits", "hexadecimal": "no hexadecimal digits", "alphanum": "more than letters and digits", "datetime": "a time in another form", "excludes": "a character that must not be in it",
	}[rule]
}

// codeOf is the code of what a rule refuses: its name without what it depends on, or
// what is wrong with an entry that is in a list twice.
func codeOf(rule string) string {
	if rule == "unique" {
		return "duplicate"
	}
	code, _, _ := strings.Cut(rule, "_")
	return code
}

// helper is a function of a folder that makes failures: which argument is the code,
// before that of the sentence, and the kind of what it makes.
type helper struct {
	code int
	kind fault.Kind
}

// helperOf finds the helper of a name. Where a folder says nothing else, refuse takes
// code and sentence of what the caller got wrong.
func helperOf(folder, name string) (helper, bool) {
	own, ok := map[string]helper{
		"shared/function/bearer.refused": {0, fault.Unauthenticated},
		"shared/importing.refuse":        {1, fault.Invalid},
		"shared/plan.refused":            {0, fault.Conflict},
		"shared/pricing.fail":            {1, fault.Invalid},
		"shared/strictyaml.refuse":       {2, fault.Invalid},
		// What a plan refuses is the code of an apply all the same.
		"shared/importing.fatal":           {0, fault.Precondition},
		"shared/importing.no":              {0, fault.Precondition},
		"shared/importing/diskimage.fatal": {0, fault.Precondition},
		"shared/rollout.no":                {0, fault.Precondition},
		"shared/sharing.denied":            {1, fault.Precondition},
		"shared/sharing.refuse":            {1, fault.Precondition},
	}[folder+"."+name]
	if ok {
		return own, true
	}
	return helper{kind: fault.Invalid}, name == "refuse"
}

// forbids: a function that returns the reason why a plan must not be carried out.
func forbids(folder, function string) bool {
	return slices.Contains([]string{
		"functions/cleanup.ruling", "shared/importing.unchangeable", "shared/importing.unnameable", "shared/retention.Beyond", "shared/retention.Over", "shared/retention.Unready",
	}, folder+"."+function)
}
