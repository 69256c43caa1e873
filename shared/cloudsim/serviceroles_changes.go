package cloudsim

import (
	"encoding/json"
	"strings"

	"imagekeeper/shared/image"
)

// trustedServices reads a trust document: the services in it, whichever form it has.
func trustedServices(document string) ([]string, bool) {
	var trust struct {
		Version   string
		Statement []struct {
			Effect    string
			Action    any
			Principal struct{ Service any }
		}
	}
	if err := json.Unmarshal([]byte(document), &trust); err != nil || trust.Version != "1" || len(trust.Statement) == 0 {
		return nil, false
	}
	services := []string{}
	for _, s := range trust.Statement {
		switch named := s.Principal.Service.(type) {
		case string:
			services = append(services, named)
		case []any:
			for _, one := range named {
				if text, ok := one.(string); ok {
					services = append(services, text)
				}
			}
		}
	}
	return services, true
}

// badDocument refuses what is no document of RAM. No source has the code.
func badDocument(parameter string) error {
	return malformed(400, "InvalidParameter."+parameter, "The parameter %s is not a policy document.", parameter)
}

// CreateRole makes a role that services assume, without a policy. Refusals as GetRole's,
// EntityAlreadyExists.Role, InvalidParameter.AssumeRolePolicyDocument.
func (s *Session) CreateRole(name, trust string) (RoleRow, error) {
	if err := s.checkRoleName("CreateRole", name); err != nil {
		return RoleRow{}, err
	}
	services, ok := trustedServices(trust)
	if !ok {
		return RoleRow{}, badDocument("AssumeRolePolicyDocument")
	}
	if err := s.addRole(ServiceRole{Name: name, Trusts: services, Buckets: []string{}}); err != nil {
		return RoleRow{}, err
	}
	return s.roleRow(name)
}

func (s *Session) addRole(role ServiceRole) error {
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	if _, there := s.cloud.serviceRole(s.caller.Account, role.Name); there {
		return refuse(409, "EntityAlreadyExists.Role", "The role already exists.")
	}
	s.cloud.keepRole(s.caller.Account, role)
	return nil
}

// keepRole keeps what a role is like. The cloud is locked.
func (c *Cloud) keepRole(account image.AccountID, role ServiceRole) {
	if c.serviceRoles[account] == nil {
		c.serviceRoles[account] = map[string]ServiceRole{}
	}
	c.serviceRoles[account][role.Name] = role
}

// UpdateRole says anew who may assume a role. Refusals as CreateRole's, and
// EntityNotExist.Role.
func (s *Session) UpdateRole(name, trust string) (RoleRow, error) {
	if err := s.checkRoleName("UpdateRole", name); err != nil {
		return RoleRow{}, err
	}
	services, ok := trustedServices(trust)
	if !ok {
		return RoleRow{}, badDocument("NewAssumeRolePolicyDocument")
	}
	if err := s.changeRole(name, func(r *ServiceRole) error { r.Trusts = services; return nil }); err != nil {
		return RoleRow{}, err
	}
	return s.roleRow(name)
}

func (s *Session) changeRole(name string, change func(*ServiceRole) error) error {
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	role, there := s.cloud.serviceRole(s.caller.Account, name)
	if !there {
		return unknownRole()
	}
	if err := change(&role); err != nil {
		return err
	}
	s.cloud.keepRole(s.caller.Account, role)
	return nil
}

// CreatePolicy keeps a policy of the account's own. Refusals: MissingParameter,
// InvalidParameter.PolicyDocument, EntityAlreadyExists.Policy, NoPermission.
func (s *Session) CreatePolicy(name, document string) (PolicyRow, error) {
	if name == "" {
		return PolicyRow{}, missing("PolicyName")
	}
	if err := s.permitRAM("CreatePolicy", "policy/"+name); err != nil {
		return PolicyRow{}, err
	}
	if _, ok := bucketsIn(document); !ok {
		return PolicyRow{}, badDocument("PolicyDocument")
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.policies[s.caller.Account][name]; there {
		return PolicyRow{}, refuse(409, "EntityAlreadyExists.Policy", "The policy already exists.")
	}
	if c.policies[s.caller.Account] == nil {
		c.policies[s.caller.Account] = map[string]string{}
	}
	c.policies[s.caller.Account][name] = document
	return PolicyRow{Name: name, Type: "Custom", Document: document, AttachedAt: c.now()}, nil
}

// bucketsIn are the buckets that a policy is for; nil: all.
func bucketsIn(document string) ([]string, bool) {
	var policy struct {
		Version   string
		Statement []struct{ Resource any }
	}
	if err := json.Unmarshal([]byte(document), &policy); err != nil || policy.Version != "1" || len(policy.Statement) == 0 {
		return nil, false
	}
	buckets := []string{}
	for _, s := range policy.Statement {
		named, several := s.Resource.([]any)
		if !several {
			named = []any{s.Resource}
		}
		for _, one := range named {
			text, _ := one.(string)
			if text == "*" || strings.HasSuffix(text, ":*") {
				return nil, true
			}
			bucket, _, below := strings.Cut(text[strings.LastIndexByte(text, ':')+1:], "/")
			if !below {
				buckets = append(buckets, bucket)
			}
		}
	}
	return buckets, true
}

// AttachPolicyToRole gives a role one of the account's own policies. Refusals:
// MissingParameter, InvalidParameter.PolicyType, EntityNotExist.Policy,
// EntityNotExist.Role, EntityAlreadyExists.Role.Policy, NoPermission.
func (s *Session) AttachPolicyToRole(kind, name, role string) error {
	if err := s.checkRoleName("AttachPolicyToRole", role); err != nil {
		return err
	}
	switch {
	case name == "":
		return missing("PolicyName")
	case kind != "System" && kind != "Custom":
		return malformed(400, "InvalidParameter.PolicyType", "The parameter PolicyType must be System or Custom.")
	}
	return s.changeRole(role, func(r *ServiceRole) error {
		document, there := s.cloud.policies[s.caller.Account][name]
		switch {
		case !there || kind == "System":
			return refuse(404, "EntityNotExist.Policy", "The policy does not exist.")
		case r.given == name:
			return refuse(409, "EntityAlreadyExists.Role.Policy", "The policy is attached to the role already.")
		}
		r.given = name
		r.Buckets, _ = bucketsIn(document)
		return nil
	})
}
