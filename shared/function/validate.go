package function

import (
	"errors"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/strictjson"
)

// Rule is a validation of our own for text: a field whose validate tag holds
// Tag must match Pattern. Numbers, lists and whole structs are for the
// operation itself to judge.
type Rule struct {
	// Tag is the name used in validate tags.
	Tag string
	// Pattern is an anchored regular expression (RE2). The OpenAPI document shows it.
	Pattern string
	// Sentence goes on after the field's name, e.g. "must be an image id such as m-bp1…".
	Sentence string
}

// embedded stands for the name of an embedded struct, which JSON does not show.
const embedded = "\x00"

// validation judges structs by their validate tags. It is made when the first
// input arrives: a start should not wait for it.
type validation struct {
	validator *validator.Validate
	rules     map[string]Rule
}

// newValidation makes one whose failures name fields by the tag nameTag.
func newValidation(nameTag string, rules []Rule) *validation {
	v := &validation{validator: validator.New(validator.WithRequiredStructEnabled()), rules: map[string]Rule{}}
	v.validator.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get(nameTag), ",")
		if name == "" && f.Anonymous {
			return embedded
		}
		return name
	})
	for _, rule := range rules {
		// Few of the rules are asked of one function in one call.
		pattern := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(rule.Pattern) })
		v.rules[rule.Tag] = rule
		// It fails only for a tag that is empty, which no struct can name.
		_ = v.validator.RegisterValidation(rule.Tag, func(f validator.FieldLevel) bool {
			return f.Field().Kind() == reflect.String && pattern().MatchString(f.Field().String())
		})
	}
	return v
}

// check returns all that is wrong with a struct as mistakes, or nil. Something
// that is no struct is not judged.
func (v *validation) check(in any) error {
	t := reflect.TypeOf(in)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	err := v.validator.Struct(in)
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		if err == nil {
			return nil
		}
		return fault.Wrap(fault.Internal, err, "")
	}
	approves, is := in.(approving)
	alone := is && approves.OnlyApproves()
	var all mistakes
	for _, f := range failed {
		field := where(f.Namespace())
		if alone && f.Tag() == "required" && !strings.HasPrefix(field, "apply") {
			continue // what it approves has it
		}
		if nothing(f) {
			all = append(all, strictjson.NothingGiven(field, "is empty", true))
			continue
		}
		if f.Tag() == "unique" {
			all = append(all, fault.InField(field+again(f.Value()), codeDuplicate, "%s", v.sentence(t, f)))
			continue
		}
		code, _, _ := strings.Cut(f.Tag(), "_") // required, on whatever that depends
		all = append(all, fault.InField(field, code, "%s", v.sentence(t, f)))
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// codeDuplicate is of an entry that is in a list twice.
const codeDuplicate = "duplicate"

// again is the index of the first entry of a list that is there before, as "[1]".
func again(list any) string {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return ""
	}
	for n := range v.Len() {
		for before := range n {
			if reflect.DeepEqual(v.Index(n).Interface(), v.Index(before).Interface()) {
				return "[" + strconv.Itoa(n) + "]"
			}
		}
	}
	return ""
}

// nothing reports whether a value fails because it is empty: whatever rule says so
// first, that is one mistake. What is not there is required, which is another one.
func nothing(f validator.FieldError) bool {
	switch v := reflect.ValueOf(f.Value()); {
	case strings.HasPrefix(f.Tag(), "required"):
		return false
	case v.Kind() == reflect.String, v.Kind() == reflect.Slice && !v.IsNil(), v.Kind() == reflect.Map && !v.IsNil():
		return strictjson.Nothing(v) != ""
	}
	return false
}

// approving is an input that may name nothing but a plan to approve, and then needs
// nothing of what it requires otherwise.
type approving interface{ OnlyApproves() bool }

// where turns the validator's "In.\x00.accounts[2].until" into
// "accounts[2].until", and "In.tag[team]" into "tag.team", as JSON and the query
// have it.
func where(namespace string) string {
	_, path, _ := strings.Cut(namespace, ".")
	path = strings.ReplaceAll(path, embedded+".", "")
	name, key, found := strings.Cut(path, "[")
	if digits := strings.TrimLeft(key, "0123456789"); !found || strings.HasPrefix(digits, "]") && len(digits) < len(key) {
		return path
	}
	return name + "." + strictjson.Shown(strings.TrimSuffix(key, "]"))
}

func (v *validation) sentence(t reflect.Type, f validator.FieldError) string {
	if rule, ours := v.rules[f.Tag()]; ours {
		return rule.Sentence
	}
	switch tag, param := f.Tag(), f.Param(); tag {
	case "required":
		return "is required"
	case "oneof":
		return "must be one of " + strings.Join(strings.Fields(strings.ReplaceAll(param, "'", "")), ", ")
	case "min", "gte":
		return "must " + measured(f.Kind(), "at least "+param)
	case "max", "lte":
		return "must " + measured(f.Kind(), "at most "+param)
	case "len", "eq":
		return "must " + measured(f.Kind(), "exactly "+param)
	case "gt":
		return "must " + measured(f.Kind(), "more than "+param)
	case "lt":
		return "must " + measured(f.Kind(), "less than "+param)
	case "datetime":
		return "must be a time written as " + param
	case "unique":
		return "is there already: give each entry once"
	case "url", "uri", "http_url":
		return "must be a URL"
	case "numeric", "number":
		return "must consist of digits"
	case "alphanum":
		return "must consist of letters and digits"
	case "hexadecimal":
		return "must consist of hexadecimal digits"
	}
	return related(owner(t, f.StructNamespace()), f)
}

// related is the sentence of rules that compare a field with another one.
func related(t reflect.Type, f validator.FieldError) string {
	others := namesOf(t, f.Param())
	switch f.Tag() {
	case "required_with", "required_with_all":
		return "is required together with " + others
	case "required_without", "required_without_all":
		return "is required unless " + others + " is given"
	case "excluded_with", "excluded_with_all":
		return "must not be given together with " + others
	case "excluded_without", "excluded_without_all":
		return "must not be given without " + others
	case "required_if", "required_unless":
		return "is required here; it depends on " + others
	case "excluded_if", "excluded_unless":
		return "must not be given here; it depends on " + others
	case "gtfield", "gtcsfield":
		return "must be after, or more than, " + others
	case "gtefield", "gtecsfield":
		return "must not be before, or less than, " + others
	case "ltfield", "ltcsfield":
		return "must be before, or less than, " + others
	case "ltefield", "ltecsfield":
		return "must not be after, or more than, " + others
	case "nefield":
		return "must differ from " + others
	}
	return "does not satisfy the rule " + f.Tag()
}

// owner is the type whose field a path from t ends in.
func owner(t reflect.Type, path string) reflect.Type {
	steps := strings.Split(path, ".")
	for _, step := range steps[1 : len(steps)-1] {
		name, _, _ := strings.Cut(step, "[")
		f, ok := t.FieldByName(name)
		if !ok {
			return t
		}
		at := f.Type
		for k := at.Kind(); k == reflect.Pointer || k == reflect.Slice || k == reflect.Array || k == reflect.Map; k = at.Kind() {
			at = at.Elem()
		}
		if at.Kind() != reflect.Struct {
			return t
		}
		t = at
	}
	return t
}

// namesOf translates the Go names of fields in a rule's parameter into JSON names.
func namesOf(t reflect.Type, param string) string {
	words := strings.Fields(param)
	for i, word := range words {
		if f, ok := t.FieldByName(word); ok {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				words[i] = name
			}
		}
	}
	return strings.Join(words, ", ")
}

// measured says what a limit counts.
func measured(kind reflect.Kind, limit string) string {
	switch kind {
	case reflect.String:
		return "have " + limit + " characters"
	case reflect.Slice, reflect.Array, reflect.Map:
		if strings.HasSuffix(limit, " 1") {
			return "have " + limit + " entry"
		}
		return "have " + limit + " entries"
	}
	return "be " + limit
}
