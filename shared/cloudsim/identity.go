package cloudsim

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// The accounts that have keys.
const (
	FirstAccount  image.AccountID = "1000000000000001"
	SecondAccount image.AccountID = "1000000000000002"
)

// ReaderRole is the role of the second account that the first may assume; it
// may read and nothing else.
const ReaderRole = "acs:ram::1000000000000002:role/imagekeeper-reader"

// The accounts that exist are numbered without gaps from 1 to 99, and from 200
// to 299.
const (
	firstNumber = 1000000000000001
	lastNumber  = 1000000000000099
	// Of the first hundred, those from here on are registered on the
	// international site.
	firstAbroad = 1000000000000090
	firstLater  = 1000000000000200
	lastLater   = 1000000000000299
)

// The bounds of an assumed session; source: STS AssumeRole DurationSeconds.
const (
	shortestSession = 15 * time.Minute
	longestSession  = time.Hour
)

type role struct {
	account image.AccountID
	name    string
	trusted []image.AccountID
	allow   []string
}

// identities are the keys and roles of a cloud. Cloud.mu guards them.
type identities struct {
	keys  map[string]Credential
	first map[image.AccountID]string // the key an account's View goes by
	roles map[string]role
}

func newIdentities() identities {
	ids := identities{
		keys:  map[string]Credential{},
		first: map[image.AccountID]string{FirstAccount: "local", SecondAccount: "local2"},
		roles: map[string]role{ReaderRole: {
			SecondAccount, "imagekeeper-reader",
			[]image.AccountID{FirstAccount},
			[]string{"ecs:Describe*", "ecs:List*", "ess:Describe*", "actiontrail:LookupEvents", "sts:GetCallerIdentity"},
		}},
	}
	ids.keys["local"] = Credential{Secret: "local-secret", Caller: Caller{Account: FirstAccount, Type: "RAMUser", Name: "local"}}
	ids.keys["local2"] = Credential{Secret: "local2-secret", Caller: Caller{Account: SecondAccount, Type: "RAMUser", Name: "local2"}}
	return ids
}

// exists reports whether there is such an account, and whether it is abroad.
func exists(account image.AccountID) (found, abroad bool) {
	n, err := strconv.ParseUint(string(account), 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != string(account) {
		return false, false
	}
	return n >= firstNumber && n <= lastNumber || n >= firstLater && n <= lastLater, n >= firstAbroad && n <= lastNumber
}

// Credential returns what belongs to an access key id, if it exists. One made
// by AssumeRole is known for an hour after it expired.
func (c *Cloud) Credential(accessKeyID string) (Credential, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	cred, ok := c.ids.keys[accessKeyID]
	return cred, ok
}

// AddKey gives account a further long-lived key, of a RAM user called name,
// that may do what allow says (nil: everything). It fails with fault.NotFound
// for an unknown account and with fault.Conflict for a key id that is taken.
func (c *Cloud) AddKey(account image.AccountID, accessKeyID, secret, name string, allow []string) error {
	if found, _ := exists(account); !found {
		return fault.New(fault.NotFound, "there is no account %s", account)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.ids.keys[accessKeyID]; taken {
		return fault.New(fault.Conflict, "the access key id %s is taken", accessKeyID)
	}
	caller := Caller{Account: account, Type: "RAMUser", Name: name, Allow: slices.Clone(allow)}
	c.ids.keys[accessKeyID] = Credential{Secret: secret, Caller: caller}
	if c.ids.first[account] == "" {
		c.ids.first[account] = accessKeyID
	}
	return nil
}

// AllowOnly changes what an existing key may do to the given actions (nil:
// everything). It fails with fault.NotFound for an unknown key.
func (c *Cloud) AllowOnly(accessKeyID string, allow []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	cred, ok := c.ids.keys[accessKeyID]
	if !ok {
		return fault.New(fault.NotFound, "there is no access key %s", accessKeyID)
	}
	cred.Caller.Allow = slices.Clone(allow)
	c.ids.keys[accessKeyID] = cred
	return nil
}

// AllowRole changes what a role may do to the given actions (nil: everything);
// its sessions go by it at once, as RAM's do. It fails with fault.NotFound for an
// unknown role.
func (c *Cloud) AllowRole(arn string, allow []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.ids.roles[arn]
	if !ok {
		return fault.New(fault.NotFound, "there is no role %s", arn)
	}
	r.allow = slices.Clone(allow)
	c.ids.roles[arn] = r
	for id, cred := range c.ids.keys {
		caller := cred.Caller
		if caller.Type == "AssumedRoleUser" && caller.Account == r.account && strings.HasPrefix(caller.Name, r.name+"/") {
			cred.Caller.Allow = r.allow
			c.ids.keys[id] = cred
		}
	}
	return nil
}

// may reports whether the caller may do action, e.g. "ecs:DescribeImages", on a
// resource, which is "" where only a permission for all of them counts.
func (c Caller) may(action, resource string) bool {
	return matchesAny(c.Allow, action, resource) && matchesAny(c.Within, action, resource)
}

func matchesAny(patterns []string, action, resource string) bool {
	if patterns == nil {
		return true
	}
	for _, p := range patterns {
		p, on, narrowed := strings.Cut(p, " on ")
		ok, err := path.Match(strings.ToLower(p), strings.ToLower(action))
		if err == nil && ok && (!narrowed || covers(on, resource)) {
			return true
		}
	}
	return false
}

// covers reports whether a pattern, in which * stands for any text, is of a
// resource.
func covers(pattern, resource string) bool {
	parts := strings.Split(pattern, "*")
	last := parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == resource
	}
	rest, ok := strings.CutPrefix(resource, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		var found bool
		_, rest, found = strings.Cut(rest, part)
		ok = ok && found
	}
	return ok && strings.HasSuffix(rest, last)
}

// denied is ECS's answer to a caller without the permission.
func denied(action string) *Refusal {
	r := refuseAs(fault.Forbidden, 403, "Forbidden.RAM", "User not authorized to operate on the specified resource, or this API doesn't support RAM.")
	r.Action = action
	return r
}

// A Session is one caller's calls. It is safe for concurrent use.
type Session struct {
	cloud  *Cloud
	caller Caller
}

// As returns the operations as the caller calls them.
func (c *Cloud) As(caller Caller) *Session { return &Session{c, caller} }

// permit refuses unless the caller may do the ECS operation on things, such as
// instance/i-1; on any of the kinds that it is about, if none are named.
func (s *Session) permit(operation string, on ...string) error {
	s.cloud.tick()
	action := "ecs:" + operation
	for _, resource := range s.about(operation, on) {
		if !s.caller.may(action, resource) {
			return denied(action)
		}
	}
	return nil
}

// CallerIdentity is the answer of GetCallerIdentity.
type CallerIdentity struct {
	// IdentityType is Account, RAMUser or AssumedRoleUser.
	IdentityType string
	Account      image.AccountID
	PrincipalID  string
	UserID       string
	ARN          string
	RoleID       string
}

// GetCallerIdentity returns who the caller is. It needs no permission.
func (s *Session) GetCallerIdentity() (CallerIdentity, error) {
	who := CallerIdentity{IdentityType: s.caller.Type, Account: s.caller.Account}
	prefix := "acs:ram::" + string(s.caller.Account) + ":"
	switch s.caller.Type {
	case "AssumedRoleUser":
		roleName, _, _ := strings.Cut(s.caller.Name, "/")
		who.RoleID = numbered("3", roleName, s.caller.Account)
		who.PrincipalID = who.RoleID + ":" + strings.TrimPrefix(s.caller.Name, roleName+"/")
		who.ARN = prefix + "assumed-role/" + s.caller.Name
	case "RAMUser":
		who.UserID = numbered("2", s.caller.Name, s.caller.Account)
		who.PrincipalID = who.UserID
		who.ARN = prefix + "user/" + s.caller.Name
	default:
		who.UserID = string(s.caller.Account)
		who.PrincipalID = who.UserID
		who.ARN = prefix + "root"
	}
	return who, nil
}

// numbered makes RAM's kind of number, 18 digits, out of a name.
func numbered(lead, name string, account image.AccountID) string {
	return fmt.Sprintf("%s%017d", lead, mix(0, string(account)+"/"+name)%100_000_000_000_000_000)
}

// AssumeRoleRequest are the parameters of AssumeRole.
type AssumeRoleRequest struct {
	RoleARN     string
	SessionName string
	// Duration is 15 minutes to 1 hour; zero means 1 hour.
	Duration   time.Duration
	ExternalID string
	// Allow narrows what the session may do to these actions, e.g.
	// "ecs:DescribeImages"; nil does not narrow. The wire reads it from Policy.
	Allow []string
}

// AssumedRole is the answer of AssumeRole.
type AssumedRole struct {
	AccessKeyID   string
	Credential    Credential
	ARN           string
	AssumedRoleID string
}

// AssumeRole makes keys for a session of a role. It fails with fault.Forbidden
// if the role does not trust the caller's account, with fault.NotFound for an
// unknown role, and with fault.Invalid for parameters out of bounds.
func (s *Session) AssumeRole(req AssumeRoleRequest) (AssumedRole, error) {
	if req.Duration == 0 {
		req.Duration = longestSession
	}
	if err := checkAssume(req); err != nil {
		return AssumedRole{}, err
	}
	c := s.cloud
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.ids.roles[req.RoleARN]
	if !ok {
		return AssumedRole{}, refuse(404, "EntityNotExist.Role", "The role not exists: %s.", req.RoleARN)
	}
	if err := s.mayAssume(req.RoleARN, r); err != nil {
		return AssumedRole{}, err
	}
	now := c.now()
	c.forgetExpired(now)
	answer := AssumedRole{
		AccessKeyID:   "STS." + c.random.letters(24),
		ARN:           fmt.Sprintf("acs:ram::%s:assumed-role/%s/%s", r.account, r.name, req.SessionName),
		AssumedRoleID: numbered("3", r.name, r.account) + ":" + req.SessionName,
		Credential: Credential{
			Secret:        c.random.letters(44),
			SecurityToken: "CAIS" + c.random.letters(120),
			Expires:       now.Add(req.Duration),
			Caller: Caller{
				Account: r.account, Type: "AssumedRoleUser", Name: r.name + "/" + req.SessionName,
				Allow: r.allow, Within: slices.Clone(req.Allow),
			},
		},
	}
	c.ids.keys[answer.AccessKeyID] = answer.Credential
	return answer, nil
}

// mayAssume refuses root, callers without the permission, and accounts that the
// role does not trust; source: STS AssumeRole, common errors.
func (s *Session) mayAssume(arn string, r role) error {
	message := "You are not authorized to do this action. You should be authorized by RAM."
	switch {
	case s.caller.Type == "Account":
		message = "Roles may not be assumed by root accounts."
	case slices.Contains(r.trusted, s.caller.Account) && s.caller.may("sts:AssumeRole", arn):
		return nil
	}
	no := refuseAs(fault.Forbidden, 403, "NoPermission", "%s", message)
	no.Action = "sts:AssumeRole"
	return no
}

func checkAssume(req AssumeRoleRequest) error {
	switch {
	case req.RoleARN == "":
		return missing("RoleArn")
	case req.SessionName == "":
		return missing("RoleSessionName")
	case !isRoleARN(req.RoleARN):
		return malformed(400, "InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.")
	case !isSessionName(req.SessionName):
		return malformed(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
	case req.Duration < shortestSession || req.Duration > longestSession:
		return malformed(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
	}
	return nil
}

func isRoleARN(arn string) bool {
	account, name, ok := strings.Cut(strings.TrimPrefix(arn, "acs:ram::"), ":role/")
	return ok && strings.HasPrefix(arn, "acs:ram::") && name != "" && strings.Trim(account, "0123456789") == ""
}

func isSessionName(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".@-_", r)) {
			return false
		}
	}
	return len(name) >= 2 && len(name) <= 64
}

// forgetExpired drops the keys of sessions that ended more than an hour ago.
func (c *Cloud) forgetExpired(now time.Time) {
	for id, cred := range c.ids.keys {
		if !cred.Expires.IsZero() && now.After(cred.Expires.Add(time.Hour)) {
			delete(c.ids.keys, id)
		}
	}
}
