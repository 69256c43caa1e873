package function

import (
	"cmp"
	"slices"
	"strings"

	"imagekeeper/shared/fault"
)

// Roles returns all roles, the one that the others include first.
func Roles() []Role { return []Role{Viewer, Operator, Fleet, Reaper} }

// codeRole is why a call is refused to a caller who is known.
const codeRole = "roleMissing"

// The subjects of callers who have no token.
const (
	subjectAnonymous = "anonymous" // over HTTP, where nobody is known
	subjectSystem    = "system"    // whoever may invoke the function
)

// Caller is who makes a call. The zero Caller may do nothing.
type Caller struct {
	// Subject is the claim sub of a token; without Issuer it is "anonymous" for
	// HTTP without PORTAL_JWKS and "system" for direct calls and events.
	Subject string `json:"subject"`
	// Issuer is the claim iss of a token; empty: there was none.
	Issuer string `json:"issuer,omitempty"`
	// Roles are the known ones among those the caller was given.
	Roles []Role `json:"roles"`
}

// Has reports whether the caller has a role. Every role includes Viewer.
func (c Caller) Has(role Role) bool {
	if role == Applier {
		return c.Has(Operator) || c.Has(Fleet) || c.Has(Reaper)
	}
	return slices.Contains(c.Roles, role) || role == Viewer && len(c.Roles) > 0
}

// May fails with fault.Forbidden, naming the role, if the caller does not have it.
func (call Call) May(role Role) error {
	if call.Caller.Has(role) {
		return nil
	}
	has := make([]string, len(call.Caller.Roles))
	for n, role := range call.Caller.Roles {
		has[n] = string(role)
	}
	return fault.New(fault.Forbidden, "this needs the role %s; the caller has %s", role, cmp.Or(strings.Join(has, ", "), "none")).WithCode(codeRole)
}

// known keeps the roles that exist, in their order and once each.
func known(names []string) []Role {
	var roles []Role
	for _, role := range Roles() {
		if slices.Contains(names, string(role)) {
			roles = append(roles, role)
		}
	}
	return roles
}

// Permission is one cell of the table of who may do what.
type Permission struct {
	Role      Role
	Operation string
	// Apply: carrying out what the operation plans, else planning or reading.
	Apply   bool
	Allowed bool
}

// Matrix returns the table role x operation x (plan, apply) as the operations
// declare it, in the order of operations, of Roles, plan before apply. Only an
// operation with an ApplyRole has cells for apply.
func (f *Function) Matrix() []Permission {
	var cells []Permission
	for _, name := range sortedKeys(f.operations) {
		spec := f.operations[name].spec
		for _, role := range Roles() {
			one := Caller{Roles: []Role{role}}
			cells = append(cells, Permission{Role: role, Operation: name, Allowed: one.Has(spec.role())})
			if spec.ApplyRole != "" {
				allowed := one.Has(spec.role()) && one.Has(spec.ApplyRole)
				cells = append(cells, Permission{Role: role, Operation: name, Apply: true, Allowed: allowed})
			}
		}
	}
	return cells
}

// role is who may call.
func (s Spec) role() Role {
	if s.Role == "" {
		return Viewer
	}
	return s.Role
}
