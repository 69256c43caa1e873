package apicheck

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// event judges an event that went straight to a function: a direct call, or an
// HTTP request in the form of the platform. Of any other only the answer to a
// refusal is described.
func (w *Checker) event(x Exchange, function string) []error {
	if byPlatform(x) || x.Status != http.StatusOK {
		return nil
	}
	event := decoded(x.Body)
	var name string
	switch {
	case event["rawPath"] != nil:
		return w.raw(x, function)
	case json.Unmarshal(event["operation"], &name) != nil:
		return nil
	}
	var found []error
	at, output := w.direct(name)
	problem := status(x.Answer)
	switch {
	case at == "" && problem == 0:
		return []error{fmt.Errorf("direct call of %s to %s is answered, and the document does not have it", name, function)}
	case at == "":
		return nil
	}
	w.note(name+" direct", max(problem, http.StatusOK))
	input := event["input"]
	if input == nil {
		input = json.RawMessage("{}")
	}
	if err := w.validateText(input, at); err != nil && (problem < 400 || problem >= 500) {
		found = append(found, fmt.Errorf("the document forbids what was not refused: %w", err))
	}
	found = append(found, w.reply(x.Answer, problem, output))
	for n, err := range found {
		if err != nil {
			found[n] = fmt.Errorf("direct call of %s: %w", name, err)
		}
	}
	return without(found)
}

// direct is where the schemas of an operation's input and outputs are: by
// status as over HTTP, or one alone.
func (w *Checker) direct(name string) (input string, output func(status int) string) {
	for _, op := range w.operations {
		if text(op.is["x-operation"]) != name || op.is["x-input"] == nil {
			continue
		}
		return op.at + "/x-input", func(status int) string {
			code, media := fmt.Sprint(status), "application/json"
			if status >= http.StatusBadRequest {
				media = "application/problem+json"
			}
			_, at := w.resolve(member(op.is["responses"], code), op.at+pointer("responses", code))
			return at + pointer("content", media, "schema")
		}
	}
	functions := member(w.document, "x-functions")
	for _, function := range sorted(functions) {
		list, _ := member(member(functions, function), "x-operations").([]any)
		for n, one := range list {
			if member(one, "x-operation") == name {
				at := pointer("x-functions", function, "x-operations", fmt.Sprint(n))
				return at + "/input", func(int) string { return at + "/output" }
			}
		}
	}
	return "", nil
}

// reply judges the answer to a direct call: the output, a table as one text, or
// a problem.
func (w *Checker) reply(answer []byte, problem int, output func(int) string) error {
	var table string
	if json.Unmarshal(answer, &table) == nil {
		return nil
	}
	if err := w.validateText(answer, output(max(problem, http.StatusOK))); err != nil {
		return fmt.Errorf("the answer: %w: %s", err, short(answer))
	}
	return nil
}

// fired judges what the timer of a function answers.
func (w *Checker) fired(x Exchange, target string) []error {
	function, name, _ := strings.Cut(target, "/")
	triggers, _ := member(member(member(w.document, "x-functions"), function), "x-triggers").([]any)
	for n, one := range triggers {
		if known := text(member(one, "name")); member(one, "type") != "timer" || known != name && known != "*" {
			continue
		}
		if byPlatform(x) || x.Status != http.StatusOK || status(x.Answer) >= http.StatusBadRequest {
			return nil
		}
		w.note(function+" timer", x.Status)
		if err := w.validateText(x.Answer, pointer("x-functions", function, "x-triggers", fmt.Sprint(n))+"/output"); err != nil {
			return []error{fmt.Errorf("timer %s of %s: the answer: %w: %s", name, function, err, short(x.Answer))}
		}
		return nil
	}
	return nil
}

// raw judges an HTTP request that came as an event.
func (w *Checker) raw(x Exchange, function string) []error {
	var event struct {
		RawPath         string            `json:"rawPath"`
		RawQuery        string            `json:"rawQueryString"`
		Query           map[string]string `json:"queryParameters"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
		RequestContext  struct {
			HTTP struct {
				Method string `json:"method"`
			} `json:"http"`
		} `json:"requestContext"`
	}
	var reply struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}
	if json.Unmarshal(x.Body, &event) != nil || json.Unmarshal(x.Answer, &reply) != nil || reply.StatusCode == 0 {
		return nil // not an event of that form, so it is not answered as one
	}
	query := event.RawQuery
	if len(event.Query) > 0 {
		values := url.Values{}
		for name, value := range event.Query {
			values.Set(name, value)
		}
		query = values.Encode()
	}
	inner := Exchange{
		Method: event.RequestContext.HTTP.Method, URL: &url.URL{Path: event.RawPath, RawPath: event.RawPath, RawQuery: query},
		Header: header(event.Headers), Body: content(event.Body, event.IsBase64Encoded),
		Status: reply.StatusCode, Answered: header(reply.Headers), Answer: content(reply.Body, reply.IsBase64Encoded),
	}
	found := w.http(inner, function, event.RawPath)
	for n, err := range found {
		found[n] = fmt.Errorf("event %s %s: %d: %w", inner.Method, event.RawPath, inner.Status, err)
	}
	return found
}

func header(flat map[string]string) http.Header {
	h := http.Header{}
	for name, value := range flat {
		h.Add(name, value)
	}
	return h
}

func content(body string, encoded bool) []byte {
	if raw, err := base64.StdEncoding.DecodeString(body); encoded && err == nil {
		return raw
	}
	return []byte(body)
}

// status is that of a problem document, 0 for anything else.
func status(answer []byte) int {
	members := decoded(answer)
	var status int
	if members["title"] == nil || members["code"] == nil || json.Unmarshal(members["status"], &status) != nil {
		return 0
	}
	return status
}

// without are the errors that are some.
func without(found []error) []error {
	var kept []error
	for _, err := range found {
		if err != nil {
			kept = append(kept, err)
		}
	}
	return kept
}
