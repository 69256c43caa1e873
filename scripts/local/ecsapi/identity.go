package ecsapi

import (
	"encoding/json"
	"net"
	"slices"
	"time"

	"imagekeeper/shared/cloudsim"
)

type identityAnswer struct {
	receipt
	IdentityType string
	AccountID    string `json:"AccountId"`
	PrincipalID  string `json:"PrincipalId"`
	UserID       string `json:"UserId,omitempty"`
	RoleID       string `json:"RoleId,omitempty"`
	Arn          string
}

func getCallerIdentity(c *call) (answer, error) {
	who, err := c.session.GetCallerIdentity()
	if err != nil {
		return nil, err
	}
	return &identityAnswer{
		IdentityType: who.IdentityType, AccountID: string(who.Account), PrincipalID: who.PrincipalID,
		UserID: who.UserID, RoleID: who.RoleID, Arn: who.ARN,
	}, nil
}

type roleAnswer struct {
	receipt
	AssumedRoleUser struct {
		AssumedRoleID string `json:"AssumedRoleId"`
		Arn           string
	}
	Credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		AccessKeySecret string
		SecurityToken   string
		Expiration      string
	}
}

func assumeRole(c *call) (answer, error) {
	p := c.parameters
	req := cloudsim.AssumeRoleRequest{RoleARN: p.text("RoleArn"), SessionName: p.text("RoleSessionName"), ExternalID: p.text("ExternalId")}
	if n, ok := p.integer("DurationSeconds"); ok {
		// A given 0 is out of bounds; only an absent one means the default.
		req.Duration = time.Duration(refusable(n)) * time.Second
	}
	allow, no := policyActions(p.text("Policy"))
	if no != nil {
		return nil, no
	}
	req.Allow = allow
	role, err := c.session.AssumeRole(req)
	if err != nil {
		return nil, err
	}
	a := &roleAnswer{}
	a.AssumedRoleUser.AssumedRoleID, a.AssumedRoleUser.Arn = role.AssumedRoleID, role.ARN
	a.Credentials.AccessKeyID, a.Credentials.AccessKeySecret = role.AccessKeyID, role.Credential.Secret
	a.Credentials.SecurityToken, a.Credentials.Expiration = role.Credential.SecurityToken, toSecond(role.Credential.Expires)
	return a, nil
}

// policyActions reads the session policy of AssumeRole: the actions that its
// statements allow. nil: there is no policy. What this cloud cannot enforce,
// denials, conditions and single resources, is refused instead of ignored.
func policyActions(text string) ([]string, *refusal) {
	if text == "" {
		return nil, nil
	}
	wrong := refuse(400, "InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check.")
	var policy struct {
		Statement []struct {
			Effect    string
			Action    oneOrMore
			Resource  oneOrMore
			Condition json.RawMessage
		}
	}
	if len(text) > 2048 || json.Unmarshal([]byte(text), &policy) != nil || len(policy.Statement) == 0 {
		return nil, wrong
	}
	allow := []string{}
	for _, s := range policy.Statement {
		if len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, wrong
		}
		if s.Effect != "Allow" || len(s.Resource) != 1 || s.Resource[0] != "*" || s.Condition != nil {
			return nil, refuse(400, "InvalidParameter.PolicyGrammar", "This cloud enforces policies that allow actions on every resource (*), without conditions, and no others.")
		}
		allow = append(allow, s.Action...)
	}
	return allow, nil
}

// oneOrMore is a string, or a list of strings.
type oneOrMore []string

// UnmarshalJSON reads either form.
func (o *oneOrMore) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*o = []string{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

type endpointsAnswer struct {
	receipt
	Success   bool
	Endpoints struct{ Endpoint rows[wireEndpoint] }
}

// wireEndpoint has the vendor's misspelling.
type wireEndpoint struct {
	Endpoint    string
	ID          string `json:"Id"`
	Namespace   string
	SerivceCode string
	Type        string
	Protocols   struct{ Protocols []string }
}

func (a *endpointsAnswer) content() editable { return &a.Endpoints.Endpoint }
func (a *endpointsAnswer) place() *pagePlace { return &pagePlace{} }

// describeEndpoints sends clients back to where they asked: this server is the
// endpoint of the products it has. Of others it knows none.
func describeEndpoints(c *call) (answer, error) {
	p := c.parameters
	a := &endpointsAnswer{Success: true}
	a.Endpoints.Endpoint = rows[wireEndpoint]{}
	kind, code := p.text("Type"), p.text("ServiceCode")
	if !slices.Contains([]string{"ecs", "sts", "location", "ess", "actiontrail", "ram", "quotas", "kms"}, code) || kind != "" && kind != "openAPI" {
		return a, nil
	}
	one := wireEndpoint{Endpoint: c.host, ID: p.text("Id"), SerivceCode: code, Type: "openAPI"}
	one.Protocols.Protocols = []string{"HTTP"}
	a.Endpoints.Endpoint = rows[wireEndpoint]{one}
	return a, nil
}

// isLoopback reports whether a Host header names this machine only: a page of
// another site that makes its name point here does not pass.
func isLoopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if name == "localhost" || name == "[::1]" {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
