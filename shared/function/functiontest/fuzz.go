package functiontest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/bearertest"
)

// Sent is what a fuzz target makes up: the parts of a request, or a whole event.
type Sent struct {
	Kind   uint8
	Method string
	// Target is a path, or the name of an operation.
	Target string
	Query  string
	// Name and Value are a header.
	Name, Value string
	Body        []byte
}

// event is what is sent: an HTTP request in either form, a direct call, or the
// body as it is.
func (s Sent) event(token string) []byte {
	r := Request{
		Method: s.Method, Path: s.Target, Query: Parameters(s.Query), Body: s.Body,
		Header: []Pair{{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}, {s.Name, s.Value}},
	}
	switch s.Kind % 4 {
	case 0:
		return r.V1()
	case 1:
		return r.V2()
	case 2:
		return Direct(s.Target, s.Body)
	}
	return s.Body
}

// Fuzz sends whatever comes of some beginnings, and of the events in testdata, to
// a whole function, over a cloud that does not fail: it is answered in good form
// and with a status below 500; no secret is told, and nothing that is sent acts
// where a refusal is shown. whole is asked for the function each time.
func Fuzz(f *testing.F, whole func(*testing.T) *function.Function, beginnings ...Sent) {
	f.Helper()
	caller, err := newCaller()
	if err != nil {
		f.Fatal(err)
	}
	examples := os.DirFS("testdata")
	events, err := fs.Glob(examples, "event-*.json")
	if err != nil || len(events) == 0 {
		f.Fatalf("no events in testdata: %v", err)
	}
	for _, name := range events {
		event, err := fs.ReadFile(examples, name)
		if err != nil {
			f.Fatal(err)
		}
		beginnings = append(beginnings, Sent{Kind: 3, Body: event})
	}
	for _, s := range beginnings {
		f.Add(s.Kind, s.Method, s.Target, s.Query, s.Name, s.Value, s.Body)
	}
	f.Fuzz(func(t *testing.T, kind uint8, method, target, query, name, value string, body []byte) {
		sent := Sent{Kind: kind, Method: method, Target: target, Query: query, Name: name, Value: value, Body: body}
		if err := caller.send(t.Context(), whole(t), sent); err != nil {
			t.Fatal(err)
		}
	})
}

// planted stands for every secret that a call brings along.
const planted = "PLANTED-hunter2-secret"

// caller may do everything, over HTTP and directly.
type caller struct {
	look  function.Lookup
	token string
}

// newCaller makes a caller, and the key that functions are to trust.
func newCaller() (caller, error) {
	key, err := bearertest.NewEC("only")
	if err != nil {
		return caller{}, err
	}
	grant := bearertest.Grant{Issuer: "https://login.example", Audience: "imagekeeper", Subject: "ada", From: time.Now(), For: 24 * time.Hour}
	environment := map[string]string{
		"PORTAL_JWKS": bearertest.Set(key), "PORTAL_ISSUER": grant.Issuer, "PORTAL_AUDIENCE": grant.Audience, "SYSTEM_ROLES": "",
	}
	for n, role := range function.Roles() {
		grant.Roles = append(grant.Roles, string(role))
		if n > 0 {
			environment["SYSTEM_ROLES"] += ","
		}
		environment["SYSTEM_ROLES"] += string(role)
	}
	look := func(name string) (string, bool) {
		value, set := environment[name]
		return value, set
	}
	return caller{look: look, token: key.Token(grant)}, nil
}

// send has f answer s, and fails if the answer is not what Read asks for, or is
// a failure of the function or of the cloud: where nothing fails, nothing that is
// sent is answered with a status of 500 or more.
func (c caller) send(ctx context.Context, f *function.Function, s Sent) error {
	if err := f.Guard(c.look); err != nil {
		return err
	}
	call := function.Call{
		RequestID: "r-1", Region: "cn-hangzhou",
		Credentials: function.Credentials{AccessKeyID: planted, Secret: planted, SecurityToken: planted},
	}
	raw := f.Invoke(ctx, call, s.event(c.token))
	a, err := Read(raw, planted, c.token)
	if err == nil && a.Status >= 500 {
		err = fmt.Errorf("%.500s", raw)
	}
	return err
}
