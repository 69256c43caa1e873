package apicheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// longestBody is what the document says of bodies, in bytes.
const longestBody = 256 << 10

// request says what the document forbids of a request.
func (w *Checker) request(op operation, wildcards map[string]string, x Exchange) error {
	query, err := url.ParseQuery(x.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	wrong := []error{w.body(op, x)}
	list, _ := op.is["parameters"].([]any)
	for n, one := range list {
		p, at := w.resolve(one, op.at+"/parameters/"+fmt.Sprint(n))
		name := text(p["name"])
		values, given := query[name]
		if p["in"] == "path" {
			values, given = []string{wildcards[name]}, true
		}
		switch {
		case text(p["style"]) == "form" && p["explode"] == true:
			wrong = append(wrong, w.exploded(p, at, query))
			continue
		case given:
			wrong = append(wrong, w.parameter(p, at, values))
		case p["required"] == true:
			wrong = append(wrong, fmt.Errorf("parameter %s is missing", name))
		}
		delete(query, name)
	}
	for name := range query {
		wrong = append(wrong, fmt.Errorf("there is no parameter %s", name))
	}
	return errors.Join(wrong...)
}

// exploded takes the members of an object, which are parameters of their own,
// out of the query.
func (w *Checker) exploded(p object, at string, query url.Values) error {
	members := object{}
	for _, pattern := range sorted(member(p["schema"], "patternProperties")) {
		expression, err := regexp.Compile(pattern)
		if err != nil {
			return err
		}
		for name, values := range query {
			if !expression.MatchString(name) {
				continue
			}
			if members[name] = values[0]; len(values) > 1 {
				return fmt.Errorf("parameter %s is there %d times", name, len(values))
			}
			delete(query, name)
		}
	}
	if err := w.validate(members, at+"/schema"); err != nil {
		return fmt.Errorf("parameter %s: %w", p["name"], err)
	}
	return nil
}

func (w *Checker) parameter(p object, at string, values []string) error {
	schema, _ := p["schema"].(object)
	isList := slices.Contains(types(schema), "array")
	if len(values) > 1 && !isList {
		return fmt.Errorf("parameter %s is there %d times", p["name"], len(values))
	}
	written := strings.Join(values, ",")
	if written == "" {
		return fmt.Errorf("parameter %s is empty", p["name"])
	}
	var value any
	var err error
	if isList {
		all := []any{}
		for _, part := range strings.Split(written, ",") {
			one, wrong := scalar(member(schema, "items"), strings.TrimSpace(part))
			all, err = append(all, one), errors.Join(err, wrong)
		}
		value = all
	} else {
		value, err = scalar(schema, written)
	}
	if err == nil {
		err = w.validate(value, at+"/schema")
	}
	if err != nil {
		return fmt.Errorf("parameter %s: %w", p["name"], err)
	}
	return nil
}

// scalar reads the text of a parameter as its schema wants it.
func scalar(schema any, written string) (any, error) {
	kinds := types(schema)
	switch {
	case slices.Contains(kinds, "string"):
		return written, nil
	case slices.Contains(kinds, "boolean"):
		if written == "true" || written == "false" {
			return written == "true", nil
		}
		return nil, fmt.Errorf("%q is not true or false", written)
	}
	if n := strings.TrimPrefix(written, "+"); json.Valid([]byte(n)) {
		return json.Number(n), nil
	}
	return nil, fmt.Errorf("%q is not a number", written)
}

// types are what a schema allows a value to be.
func types(schema any) []string {
	switch kind := member(schema, "type").(type) {
	case string:
		return []string{kind}
	case []any:
		var all []string
		for _, one := range kind {
			all = append(all, text(one))
		}
		return all
	}
	return nil
}

// body says what is wrong with the body of a request.
func (w *Checker) body(op operation, x Exchange) error {
	described, at := w.resolve(op.is["requestBody"], op.at+"/requestBody")
	switch {
	case len(x.Body) == 0 && described["required"] == true:
		return errors.New("the body is missing")
	case len(x.Body) == 0:
		return nil
	case described == nil:
		return errors.New("takes no body")
	case len(x.Body) > longestBody:
		return errors.New("the body is too long")
	}
	// Without a content type a body is taken for JSON.
	if kind := x.Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			return fmt.Errorf("the body is %s", kind)
		}
	}
	if err := w.validateText(x.Body, at+pointer("content", "application/json", "schema")); err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	return nil
}
