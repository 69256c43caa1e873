package functiontest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"imagekeeper/shared/strictjson"
)

// Answer is what came back for an event.
type Answer struct {
	// Status is that of an HTTP answer, or of a problem; 200 for any other.
	Status int
	Header map[string]string
	Body   []byte
	// Problem is nil if nothing went wrong.
	Problem *Problem
}

// Problem is a problem document (RFC 9457) of ours.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
	Errors []struct {
		Field  string `json:"field"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"errors"`
}

// problemType is the content type of a problem.
const problemType = "application/problem+json"

// Read takes apart what a function answered to an event. It fails if that is
// not well-formed: no JSON, an HTTP answer without a status or with a header of
// several lines, a failure without a problem document that says what and how,
// characters in a problem that act where it is shown, or a secret anywhere.
func Read(raw []byte, secrets ...string) (Answer, error) {
	for _, secret := range secrets {
		if bytes.Contains(raw, []byte(secret)) {
			return Answer{}, fmt.Errorf("tells a secret: %.200q", raw)
		}
	}
	var reply struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
		Body            string            `json:"body"`
	}
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return Answer{}, fmt.Errorf("not JSON: %.200q", raw)
	}
	_ = json.Unmarshal(raw, &reply) // another document has no statusCode
	if reply.StatusCode == 0 {
		return document(raw)
	}
	a := Answer{Status: reply.StatusCode, Header: reply.Headers, Body: []byte(reply.Body)}
	if reply.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(reply.Body)
		if err != nil {
			return a, err
		}
		a.Body = body
	}
	return a, a.check()
}

// document is the answer to an event that is no HTTP request.
func document(raw []byte) (Answer, error) {
	a := Answer{Status: 200, Body: raw}
	var p Problem
	if err := json.Unmarshal(raw, &p); err == nil && p.Type != "" && p.Status != 0 {
		a.Status, a.Problem = p.Status, &p
		return a, p.check(p.Status)
	}
	return a, nil // any other document
}

func (a *Answer) check() error {
	if a.Status < 200 || a.Status > 599 {
		return fmt.Errorf("status %d", a.Status)
	}
	for name, value := range a.Header {
		if strictjson.Unshowable(name+value) != "" {
			return fmt.Errorf("header %q: %q", name, value)
		}
	}
	if a.Status < 400 || len(a.Body) == 0 { // HEAD has no body
		return nil
	}
	if a.Header["Content-Type"] != problemType {
		return fmt.Errorf("%d of type %s", a.Status, a.Header["Content-Type"])
	}
	a.Problem = &Problem{}
	if err := json.Unmarshal(a.Body, a.Problem); err != nil {
		return fmt.Errorf("%.200q: %w", a.Body, err)
	}
	return a.Problem.check(a.Status)
}

// longestDetail is more than any sentence of ours needs, in bytes.
const longestDetail = 1500

func (p *Problem) check(status int) error {
	said := []string{p.Title, p.Code, p.Detail, p.Field}
	for _, e := range p.Errors {
		if e.Field == "" || e.Code == "" || e.Detail == "" {
			return errors.New("one of several mistakes is not told")
		}
		said = append(said, e.Field, e.Code, e.Detail)
	}
	for _, text := range said {
		if strictjson.Unshowable(text) != "" || len(text) > longestDetail {
			return fmt.Errorf("says %.200q", text)
		}
	}
	switch {
	case p.Status != status || status < 400:
		return fmt.Errorf("says status %d in an answer of %d", p.Status, status)
	case p.Type == "" || p.Title == "" || p.Code == "" || p.Detail == "":
		return fmt.Errorf("says too little: %+v", *p)
	case !strings.Contains(p.Detail, p.Field):
		return fmt.Errorf("the sentence %q does not name the field %q", p.Detail, p.Field)
	}
	return nil
}
