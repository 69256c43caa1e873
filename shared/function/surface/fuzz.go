package surface

import (
	"context"
	"fmt"
	"time"

	"imagekeeper/shared/function"
	"imagekeeper/shared/function/bearer/mint"
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

// planted stands for every secret that a call brings along.
const planted = "PLANTED-hunter2-secret"

// Caller may do everything, over HTTP and directly.
type Caller struct {
	look  function.Lookup
	token string
}

// NewCaller makes a caller, and the key that functions are to trust.
func NewCaller() (Caller, error) {
	key, err := mint.NewEC("only")
	if err != nil {
		return Caller{}, err
	}
	grant := mint.Grant{Issuer: "https://login.example", Audience: "imagekeeper", Subject: "ada", From: time.Now(), For: 24 * time.Hour}
	environment := map[string]string{
		"PORTAL_JWKS": mint.Set(key), "PORTAL_ISSUER": grant.Issuer, "PORTAL_AUDIENCE": grant.Audience, "SYSTEM_ROLES": "",
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
	return Caller{look: look, token: key.Token(grant)}, nil
}

// Send has f answer s, and fails if the answer is not what Read asks for, or is
// a failure of the function or of the cloud: where nothing fails, nothing that is
// sent is answered with a status of 500 or more.
func (c Caller) Send(ctx context.Context, f *function.Function, s Sent) (Answer, error) {
	if err := f.Guard(c.look); err != nil {
		return Answer{}, err
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
	return a, err
}
