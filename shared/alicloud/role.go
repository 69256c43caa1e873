package alicloud

import (
	"context"
	"sync"
	"time"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/image"
)

// Role returns the account of a RAM role that base may assume; its sessions show
// as session in the audit trail. It calls nothing: STS is asked at the first use,
// and again before the credentials expire. Until the role is assumed every use
// fails as Assume does.
func (c *Cloud) Role(base *Account, arn RoleARN, session string) *Account {
	use := &roleUse{cloud: c, base: base, arn: arn, session: session}
	named, _ := arn.Account() // an ARN that is none fails every use
	return &Account{
		cloud: c, source: use.current, named: named, role: arn,
		id: func(context.Context) (image.AccountID, error) { return arn.Account() },
	}
}

// Assume is Role that asks STS at once. It fails with fault.Invalid for a
// malformed role or session, and with fault.Forbidden when STS refuses.
func (c *Cloud) Assume(ctx context.Context, base *Account, arn RoleARN, session string) (*Account, error) {
	a := c.Role(base, arn, session)
	if _, err := a.source(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// failureKept is how long a use of a role believes that it cannot be assumed,
// so that one look at many regions does not ask STS for each of them.
const failureKept = 10 * time.Second

// roleUse is one account's use of a role.
type roleUse struct {
	cloud   *Cloud
	base    *Account
	arn     RoleARN
	session string

	mu     sync.Mutex
	failed error
	until  time.Time
}

// current returns fresh credentials of the role.
func (u *roleUse) current(ctx context.Context) (grant, error) {
	if err := u.refused(); err != nil {
		return grant{}, err
	}
	g, err := u.ask(ctx)
	if err != nil && ctx.Err() == nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.failed, u.until = err, time.Now().Add(failureKept)
	}
	return g, err
}

// refused returns the failure of a moment ago, if there was one.
func (u *roleUse) refused() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if time.Now().After(u.until) {
		return nil
	}
	return u.failed
}

// ask returns the credentials kept for who assumes what, renewed if need be.
func (u *roleUse) ask(ctx context.Context) (grant, error) {
	if _, err := u.arn.Account(); err != nil {
		return grant{}, err
	}
	if !isSession(u.session) {
		return grant{}, fault.InField("session", "sessionMalformed", "must be 2 to 64 letters, digits or .@_-")
	}
	own, err := u.base.source(ctx)
	if err != nil {
		return grant{}, err
	}
	kept := u.cloud.role(assumption{own.credentials.print(), u.arn, u.session})
	return kept.current(ctx, u.base, u.arn, u.session)
}
