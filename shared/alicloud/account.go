package alicloud

import (
	"context"
	"strconv"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Account reads one account with one set of credentials, or with those of a
// role. Safe for concurrent use.
type Account struct {
	cloud *Cloud
	// source returns credentials that are good now.
	source func(context.Context) (grant, error)
	// id is known from the start for roles, else asked for.
	id func(context.Context) (image.AccountID, error)
	// named is what Named returns, role what Through does.
	named image.AccountID
	role  RoleARN
}

// Caller is as whom one event acts.
type Caller struct {
	Credentials Credentials
	// Account is the one that the invocation says the credentials belong to;
	// empty when it does not say.
	Account image.AccountID
}

// Accounts returns the caller's own account and one per role, in this order;
// sessions of roles show as session in the audit trail. It calls nothing. A role
// that cannot be assumed fails every look into its account, and hides no other.
// Where the caller may not ask STS who it is (sts:GetCallerIdentity), its account
// is the one that the invocation names.
func (c *Cloud) Accounts(caller Caller, roles []RoleARN, session string) []*Account {
	own := c.account(caller)
	all := append(make([]*Account, 0, 1+len(roles)), own)
	for _, role := range roles {
		all = append(all, c.Role(own, role, session))
	}
	return all
}

// Account returns the account that the credentials belong to. It calls
// nothing: credentials that are incomplete or wrong fail at the first call.
func (c *Cloud) Account(credentials Credentials) *Account {
	return c.account(Caller{Credentials: credentials})
}

// account returns the caller's own account.
func (c *Cloud) account(caller Caller) *Account {
	made, err := grant{credentials: caller.Credentials}, caller.Credentials.check()
	a := &Account{cloud: c, named: caller.Account, source: func(context.Context) (grant, error) { return made, err }}
	turn, who := make(chan struct{}, 1), identity{caller.Credentials.print(), caller.Account}
	a.id = func(ctx context.Context) (image.AccountID, error) { return a.ask(ctx, turn, who) }
	return a
}

// ID returns the account's id; source: the ARN of its role, else STS
// GetCallerIdentity, asked once per credentials and process.
func (a *Account) ID(ctx context.Context) (image.AccountID, error) { return a.id(ctx) }

// Named returns the account's id as far as it is known without asking: from the
// ARN of its role, else as the invocation named it; empty if neither says.
func (a *Account) Named() image.AccountID { return a.named }

// Through returns the role that is assumed to look into the account; empty for the
// caller's own.
func (a *Account) Through() RoleARN { return a.role }

// identity is whose account is remembered: that of credentials, as an invocation
// named it.
type identity struct {
	print fingerprint
	named image.AccountID
}

// mostRemembered bounds what a Cloud remembers of credentials and roles:
// temporary ones change every hour.
const mostRemembered = 1024

// remembered returns the account of credentials that were asked for before.
func (c *Cloud) remembered(who identity) (image.AccountID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.accounts[who]
	return known, ok
}

// ask returns the account of credentials, from memory if it was asked before;
// of those who need it at once, the one who has the turn asks.
func (a *Account) ask(ctx context.Context, turn chan struct{}, who identity) (image.AccountID, error) {
	c := a.cloud
	if known, ok := c.remembered(who); ok {
		return known, nil
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return "", fault.Wrap(fault.Unavailable, ctx.Err(), "sts:GetCallerIdentity: ended before it was sent")
	}
	if known, ok := c.remembered(who); ok {
		return known, nil
	}
	id, err := a.callerIdentity(ctx)
	if who.named != "" && fault.Of(err) == fault.Forbidden {
		id, err = who.named, nil
	}
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.accounts) >= mostRemembered {
		clear(c.accounts)
	}
	c.accounts[who] = id
	return id, nil
}

// callerIdentity asks STS who the credentials are.
func (a *Account) callerIdentity(ctx context.Context) (image.AccountID, error) {
	var id image.AccountID
	err := a.do(ctx, "", call{
		operation: "sts:GetCallerIdentity",
		given: params{
			"RegionId": string(a.cloud.home),
		},
		read: func(s *scanner) (err error) {
			id, err = readIdentity(s)
			return err
		},
	})
	return id, err
}

// readIdentity reads GetCallerIdentity's answer.
func readIdentity(s *scanner) (image.AccountID, error) {
	var id image.AccountID
	var requestID string
	s.object(func(key []byte) {
		switch string(key) {
		case "AccountId":
			id = s.account()
		case "RequestId":
			requestID = s.str()
		default:
			s.skip()
		}
	})
	if err := s.end(); err != nil || id == "" || requestID == "" {
		return "", errMalformed
	}
	return id, nil
}

// Operator is an account with what only few functions do: make and boot images,
// replace system disks, take things away, and what is looked at for that. It is
// apart so that the others do not carry what they never call: the reflection of a
// library keeps every method of an account in a binary.
type Operator struct{ *Account }

// Operate returns the account for whoever works in it. It calls nothing.
func Operate(a *Account) Operator { return Operator{a} }

// assumption is who assumes what under which name.
type assumption struct {
	base    fingerprint
	role    RoleARN
	session string
}

// role keeps the credentials of one assumption, and renews them.
type role struct {
	turn  chan struct{} // held while STS is asked
	mu    sync.Mutex
	grant grant
}

// role returns what is kept for an assumption.
func (c *Cloud) role(key assumption) *role {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, ok := c.roles[key]; ok {
		return kept
	}
	if len(c.roles) >= mostRemembered {
		clear(c.roles)
	}
	kept := &role{turn: make(chan struct{}, 1), grant: grant{expires: time.Unix(0, 0)}}
	c.roles[key] = kept
	return kept
}

// known returns the credentials kept now.
func (r *role) known() grant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.grant
}

// current returns fresh credentials of the role, asking STS if need be; of
// those who need them at once, one asks.
func (r *role) current(ctx context.Context, base *Account, arn RoleARN, session string) (grant, error) {
	if g := r.known(); g.fresh(time.Now()) {
		return g, nil
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return grant{}, fault.Wrap(fault.Unavailable, ctx.Err(), "sts:AssumeRole: ended before it was sent")
	}
	if g := r.known(); g.fresh(time.Now()) {
		return g, nil
	}
	g, err := base.assume(ctx, arn, session)
	if err != nil {
		return grant{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grant = g
	return g, nil
}

// sessionSeconds is how long assumed credentials are asked for: STS's shortest
// maximum. renewBefore is how long before their end they are renewed.
const (
	sessionSeconds = 3600
	renewBefore    = 5 * time.Minute
)

// assume asks STS for credentials of a role.
func (a *Account) assume(ctx context.Context, arn RoleARN, session string) (grant, error) {
	account, err := a.ID(ctx)
	if err != nil {
		return grant{}, err
	}
	var got assumed
	err = a.do(ctx, account, call{
		operation: "sts:AssumeRole",
		given: params{
			"RegionId": string(a.cloud.home), "RoleArn": string(arn), "RoleSessionName": session, "DurationSeconds": strconv.Itoa(sessionSeconds),
		},
		read: func(s *scanner) (err error) {
			got, err = readAssumed(s)
			return err
		},
	})
	if err != nil {
		return grant{}, err
	}
	left := time.Until(got.expires)
	if left <= 0 {
		return grant{}, fault.New(fault.Unknown, "sts:AssumeRole: the credentials are expired already").WithCode("answerContradictory")
	}
	return grant{credentials: got.credentials, expires: got.expires.Add(-min(renewBefore, left/2))}, nil
}

// assumed is AssumeRole's answer.
type assumed struct {
	requestID   string
	credentials Credentials
	expires     time.Time
}

// readAssumed reads AssumeRole's answer.
func readAssumed(s *scanner) (assumed, error) {
	var got assumed
	inner := fields[assumed]{
		"AccessKeyId":     func(s *scanner, a *assumed) { a.credentials.AccessKeyID = s.str() },
		"AccessKeySecret": func(s *scanner, a *assumed) { a.credentials.Secret = s.str() },
		"SecurityToken":   func(s *scanner, a *assumed) { a.credentials.SecurityToken = s.str() },
		"Expiration":      func(s *scanner, a *assumed) { a.expires = s.moment() },
	}
	fields[assumed]{
		"RequestId":   func(s *scanner, a *assumed) { a.requestID = s.str() },
		"Credentials": func(s *scanner, a *assumed) { inner.read(s, a) },
	}.read(s, &got)
	c := got.credentials
	if err := s.end(); err != nil || got.requestID == "" || got.expires.IsZero() ||
		c.AccessKeyID == "" || c.Secret == "" || c.SecurityToken == "" {
		return assumed{}, errMalformed
	}
	return got, nil
}
