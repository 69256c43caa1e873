package function

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function/bearer"
	"imagekeeper/shared/strictjson"
)

// access is what the environment says about who may call; design section 6.
type access struct {
	// Keys is the JSON Web Key Set of those who issue tokens.
	Keys string `env:"PORTAL_JWKS" secret:"true"`
	// Issuer is the claim iss of their tokens.
	Issuer string `env:"PORTAL_ISSUER"`
	// Audiences are those the claim aud may name.
	Audiences []string `env:"PORTAL_AUDIENCE"`
	// RolesClaim is the claim with the roles; "roles" if it is not set.
	RolesClaim string `env:"PORTAL_ROLES_CLAIM"`
	// System are the roles of direct calls and events.
	System []roleWord `env:"SYSTEM_ROLES" default:"viewer"`
}

// roleWord is a role in a variable.
type roleWord Role

// UnmarshalText accepts the roles that exist.
func (r *roleWord) UnmarshalText(text []byte) error {
	if !slices.Contains(Roles(), Role(text)) {
		return fault.New(fault.Invalid, "must be roles: a comma list of %v", Roles())
	}
	*r = roleWord(text)
	return nil
}

// gate knows who calls.
type gate struct {
	policy *bearer.Policy // nil: over HTTP nobody is known
	system []Role
}

// Guard reads from PORTAL_* and SYSTEM_ROLES who may call; Serve does it. It
// fails, naming the variables, with fault.Invalid if they are set in part or do
// not make sense. A function without Guard, or without PORTAL_JWKS, takes every
// HTTP caller for an anonymous viewer, and system calls for viewers.
func (f *Function) Guard(look Lookup) error {
	a, err := Configure[access](oneLineOf("PORTAL_JWKS", look))
	if err != nil {
		return err
	}
	g := gate{}
	for _, role := range a.System {
		g.system = append(g.system, Role(role))
	}
	if g.policy, err = a.policy(); err != nil {
		return err
	}
	f.gate = g
	return nil
}

// oneLineOf returns look with the line breaks taken out of one variable, which
// must be JSON: a set of keys is often kept in a file of several lines.
func oneLineOf(name string, look Lookup) Lookup {
	return func(asked string) (string, bool) {
		text, found := look(asked)
		var compact bytes.Buffer
		if asked == name && json.Compact(&compact, []byte(text)) == nil {
			return compact.String(), found
		}
		return text, found
	}
}

// policy returns which tokens are accepted, nil if none are.
func (a access) policy() (*bearer.Policy, error) {
	set := []struct {
		name string
		is   bool
	}{{"PORTAL_JWKS", a.Keys != ""}, {"PORTAL_ISSUER", a.Issuer != ""}, {"PORTAL_AUDIENCE", len(a.Audiences) > 0}}
	var missing mistakes
	for _, variable := range set {
		if !variable.is {
			missing = append(missing, fault.InField(variable.name, codeConfiguration, "must be set, because others of PORTAL_* are"))
		}
	}
	switch {
	case len(missing) == len(set) && a.RolesClaim == "":
		return nil, nil
	case len(missing) > 0:
		return nil, missing
	case slices.Contains([]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}, a.RolesClaim):
		return nil, fault.InField("PORTAL_ROLES_CLAIM", codeConfiguration, "must not be a claim that means something else")
	}
	keys, err := bearer.ParseKeys([]byte(a.Keys))
	if err != nil {
		e := fault.InField("PORTAL_JWKS", codeConfiguration, "%s", fault.Sentence(err))
		return nil, e
	}
	return &bearer.Policy{Keys: keys, Issuer: a.Issuer, Audiences: a.Audiences, RolesClaim: cmp.Or(a.RolesClaim, "roles")}, nil
}

// caller returns who sends r, by its token alone: whatever other headers say
// about the caller could have been written by anybody. An Authorization that
// is there more than once is refused even where nobody is known.
func (g gate) caller(r *http.Request, now time.Time) (Caller, error) {
	given := r.Header.Values("Authorization")
	if len(given) > 1 || len(given) == 1 && strings.Contains(given[0], ",") {
		return Caller{}, fault.InField("Authorization", codeRepeated, "is there more than once")
	}
	if g.policy == nil {
		return anonymous(), nil
	}
	claims, err := g.policy.Check(strings.Join(given, ""), now)
	if err != nil {
		return Caller{}, err
	}
	return Caller{Subject: claims.Subject, Issuer: claims.Issuer, Roles: known(claims.Roles)}, nil
}

// systemCaller is who makes direct calls and sends events. Whoever may invoke
// the function can do either, so they are the same.
func (g gate) systemCaller() Caller {
	roles := g.system
	if len(roles) == 0 {
		roles = []Role{Viewer}
	}
	return Caller{Subject: subjectSystem, Roles: slices.Clone(roles)}
}

// authenticate fills in who makes an HTTP call.
func (f *Function) authenticate(r *http.Request, call Call) (Call, error) {
	call.Header = r.Header.Clone()
	call.Header.Del("Authorization")
	if f.public(r) {
		call.Caller = anonymous()
		return call, nil
	}
	var err error
	call.Caller, err = f.gate.caller(r, time.Now())
	if err != nil {
		told, name := call, f.operationOf(r)
		told.Log = call.Log.With("operation", name)
		f.audit(r.Context(), told, AuditRecord{Operation: name, Decision: Refused, Code: fault.Code(err)})
	}
	return call, err
}

// anonymous is a caller whom nobody knows.
func anonymous() Caller { return Caller{Subject: subjectAnonymous, Roles: []Role{Viewer}} }

// operationOf names the operation that r is for, "" if there is none.
func (f *Function) operationOf(r *http.Request) string {
	if op := f.reached(r); op != nil {
		return op.spec.Name
	}
	return ""
}

// public reports whether r is for an operation that asks nobody for a token.
func (f *Function) public(r *http.Request) bool {
	op := f.reached(r)
	return op != nil && op.spec.Public
}

// reached returns the operation that r is for, nil if there is none.
func (f *Function) reached(r *http.Request) *Operation {
	handler, _ := f.mux.Handler(r)
	if rt, ok := handler.(route); ok {
		return rt.op
	}
	return nil
}

// authorise refuses what the caller may not do: calling op at all or, once the
// input is known, applying what it asks to apply. What is refused, and what
// changes something, is offered to the audit. Timers and events are not
// refused here: they run what was approved before.
func (f *Function) authorise(ctx context.Context, call Call, op *Operation, applying bool) error {
	if op.in == nil {
		return nil
	}
	role := op.spec.role()
	if applying {
		role = op.spec.ApplyRole
	}
	record := AuditRecord{Operation: op.spec.Name, Apply: applying, Role: role, Decision: Allowed, Code: codeHeld}
	err := call.May(role)
	if err != nil {
		record.Decision, record.Code = Refused, fault.Code(err)
	}
	if err != nil || applying || role != Viewer {
		f.audit(ctx, call, record)
	}
	return err
}

// asking is an input that knows whether it asks to apply something.
type asking interface{ Applying() bool }

// applies reports whether an input asks to apply what an operation plans: by a
// method Applying, else by a field "apply" that is there.
func applies(in any) bool {
	if asks, ok := in.(asking); ok {
		return asks.Applying()
	}
	v := reflect.ValueOf(in)
	if index := applyField(v.Type()); index != nil {
		return !v.FieldByIndex(index).IsZero()
	}
	return false
}

// applyField returns where the field "apply" of an input is, nil if there is
// none that can be left out.
func applyField(t reflect.Type) []int {
	for _, f := range strictjson.Fields(t) {
		if f.Name == "apply" && slices.Contains(leavable(), f.Type.Kind()) {
			return f.Index
		}
	}
	return nil
}

// leavable are the kinds of which one can tell whether they were left out.
func leavable() []reflect.Kind {
	return []reflect.Kind{reflect.Pointer, reflect.Bool, reflect.String, reflect.Slice, reflect.Map, reflect.Interface}
}

// appliable reports whether an operation with a role for applying can be asked
// to: otherwise that role would never be looked at.
func (op *Operation) appliable() bool {
	return op.spec.ApplyRole == "" || op.in.Implements(typeOf[asking]()) || applyField(op.in) != nil
}

// sourceIP returns the caller's address if it is one.
func sourceIP(text string) string {
	at, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return at.String()
}
