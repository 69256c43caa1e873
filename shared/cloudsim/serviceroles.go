package cloudsim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"imagekeeper/shared/image"
)

// The roles by which ECS reads and writes an account's buckets.
const (
	ImportRole = "AliyunECSImageImportDefaultRole"
	ExportRole = "AliyunECSImageExportDefaultRole"
)

// ServiceRole is a role that a service assumes. Unless it is set otherwise every
// account has those of imports and exports as the console makes them.
type ServiceRole struct {
	Name string
	// Missing: there is no such role.
	Missing bool
	// Trusts are the services that may assume it; nil: ecs.aliyuncs.com.
	Trusts []string
	// Buckets are those that its policy is for; nil: all.
	Buckets []string

	given string // the policy of the account's own that it was given
}

// SetServiceRole sets what one of the service roles of an account is like.
func (c *Cloud) SetServiceRole(account image.AccountID, role ServiceRole) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keepRole(account, role)
}

// serviceRole finds a service role of the account. The cloud is locked.
func (c *Cloud) serviceRole(account image.AccountID, name string) (ServiceRole, bool) {
	if role, set := c.serviceRoles[account][name]; set {
		return role, !role.Missing
	}
	return ServiceRole{Name: name}, name == ImportRole || name == ExportRole
}

func (r ServiceRole) trusts(service string) bool {
	return r.Trusts == nil || slices.Contains(r.Trusts, service)
}

func (r ServiceRole) reaches(bucket string) bool {
	return r.Buckets == nil || slices.Contains(r.Buckets, bucket)
}

// policy is the name of the policy that goes with the role.
func (r ServiceRole) policy() string {
	if r.given != "" {
		return r.given
	}
	return strings.TrimSuffix(r.Name, "DefaultRole") + "RolePolicy"
}

// RoleRow is one role as GetRole shows it.
type RoleRow struct {
	ID, Name, ARN, Description string
	// Trust is the document that says who may assume it.
	Trust     string
	CreatedAt time.Time
}

// PolicyRow is one policy as ListPoliciesForRole and GetPolicy show it.
type PolicyRow struct {
	Name, Type, Description string
	// Document is shown by GetPolicy alone.
	Document   string
	AttachedAt time.Time
}

// permitRAM refuses unless the caller may do the operation on what is named:
// "role/name" or "policy/name".
func (s *Session) permitRAM(operation, name string) error {
	resource := "acs:ram:*:" + string(s.caller.Account) + ":" + name
	if action := "ram:" + operation; !s.caller.may(action, resource) {
		no := denied(action)
		no.Code, no.Message = "NoPermission", "You are not authorized to do this action. You should be authorized by RAM."
		return no
	}
	return nil
}

func document(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps, lists and strings are JSON
	}
	return string(text)
}

func trustOf(principal map[string]any) string {
	return document(map[string]any{"Version": "1", "Statement": []any{map[string]any{
		"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": principal,
	}}})
}

// GetRole describes one of the account's roles. Refusals: MissingParameter,
// InvalidParameter.RoleName.Length, EntityNotExist.Role, NoPermission.
func (s *Session) GetRole(name string) (RoleRow, error) {
	if err := s.checkRoleName("GetRole", name); err != nil {
		return RoleRow{}, err
	}
	return s.roleRow(name)
}

func (s *Session) roleRow(name string) (RoleRow, error) {
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	row := RoleRow{
		ID: numbered("3", name, s.caller.Account), Name: name, ARN: "acs:ram::" + string(s.caller.Account) + ":role/" + strings.ToLower(name),
		CreatedAt: Epoch().AddDate(-2, 0, 0),
	}
	if known, ok := c.ids.roles["acs:ram::"+string(s.caller.Account)+":role/"+name]; ok {
		var trusted []string
		for _, a := range known.trusted {
			trusted = append(trusted, "acs:ram::"+string(a)+":root")
		}
		row.Trust = trustOf(map[string]any{"RAM": trusted})
		return row, nil
	}
	role, ok := c.serviceRole(s.caller.Account, name)
	if !ok {
		return RoleRow{}, unknownRole()
	}
	services := role.Trusts
	if services == nil {
		services = []string{"ecs.aliyuncs.com"}
	}
	row.Trust = trustOf(map[string]any{"Service": services})
	row.Description = "The Elastic Compute Service uses this role to access your objects."
	return row, nil
}

func unknownRole() error {
	return refuse(404, "EntityNotExist.Role", "The role does not exist.")
}

func (s *Session) checkRoleName(operation, name string) error {
	switch {
	case name == "":
		return missing("RoleName")
	case len(name) > 64:
		return malformed(400, "InvalidParameter.RoleName.Length", "The length of the parameter RoleName must be between 1 and 64.")
	}
	return s.permitRAM(operation, "role/"+name)
}

// ListPoliciesForRole lists the policies of a role, without their documents.
// Refusals as GetRole's.
func (s *Session) ListPoliciesForRole(name string) ([]PolicyRow, error) {
	if err := s.checkRoleName("ListPoliciesForRole", name); err != nil {
		return nil, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	role, ok := c.serviceRole(s.caller.Account, name)
	if _, other := c.ids.roles["acs:ram::"+string(s.caller.Account)+":role/"+name]; other {
		return nil, nil
	}
	if !ok {
		return nil, unknownRole()
	}
	if role.Buckets != nil && len(role.Buckets) == 0 && role.given == "" {
		return nil, nil
	}
	return []PolicyRow{role.policyRow()}, nil
}

// policyRow is the role's one policy: the vendor's, or, for some buckets only,
// one of the account's own.
func (r ServiceRole) policyRow() PolicyRow {
	row := PolicyRow{Name: r.policy(), Type: "System", AttachedAt: Epoch().AddDate(-2, 0, 0)}
	resources := []string{"*"}
	if r.Buckets != nil || r.given != "" {
		row.Type = "Custom"
	}
	if r.Buckets != nil {
		resources = []string{}
		for _, b := range r.Buckets {
			resources = append(resources, "acs:oss:*:*:"+b, "acs:oss:*:*:"+b+"/*")
		}
	}
	actions := []string{"oss:GetObject", "oss:GetBucketLocation", "oss:GetBucketInfo"}
	if r.Name == ExportRole {
		actions = append(actions, "oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload", "oss:ListMultipartUploads", "oss:ListParts")
	}
	row.Document = document(map[string]any{"Version": "1", "Statement": []any{map[string]any{
		"Action": actions, "Resource": resources, "Effect": "Allow",
	}}})
	return row
}

// GetPolicy describes one of the policies of the service roles. Refusals:
// MissingParameter, InvalidParameter.PolicyType, EntityNotExist.Policy,
// NoPermission.
func (s *Session) GetPolicy(kind, name string) (PolicyRow, error) {
	switch {
	case name == "":
		return PolicyRow{}, missing("PolicyName")
	case kind != "System" && kind != "Custom":
		return PolicyRow{}, malformed(400, "InvalidParameter.PolicyType", "The parameter PolicyType must be System or Custom.")
	}
	if err := s.permitRAM("GetPolicy", "policy/"+name); err != nil {
		return PolicyRow{}, err
	}
	c := s.cloud
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, of := range []string{ImportRole, ExportRole} {
		if role, ok := c.serviceRole(s.caller.Account, of); ok {
			if row := role.policyRow(); row.Name == name && row.Type == kind {
				return row, nil
			}
		}
	}
	return PolicyRow{}, refuse(404, "EntityNotExist.Policy", "The policy does not exist.")
}
